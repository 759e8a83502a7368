package sync

import (
	"rollcall/state/scim"
	"rollcall/sync/mapping"
)

// valuesOf sums up those values of a person that are compared with an account.
func valuesOf(targets []mapping.Target, values []scim.Value) digest {
	h := digest(fnvOffset)
	for i := range targets {
		if t := &targets[i]; t.Apply != mapping.Create && t.Apply != mapping.Never && !t.Volatile {
			h.value(&values[i])
		}
	}
	return h
}

// stampOf sums up an agreement: which mapping found that which version of an account is just what it makes of which person. The
// version is part of it, so that a stamp never outlives a change. It spares the reading of a record that agrees; it decides no
// change. It is stable across processes and never 0.
func stampOf(values digest, mappingHash uint64, version int64, person string) uint64 {
	values.number(mappingHash)
	values.number(uint64(version))
	values.text(person)
	return uint64(values) | 1
}

// digest is a running FNV-1a hash.
type digest uint64

const (
	fnvOffset = 14695981039346656037
	fnvPrime  = 1099511628211
)

func (h *digest) byte(b byte) { *h = (*h ^ digest(b)) * fnvPrime }

func (h *digest) number(n uint64) {
	for range 8 {
		h.byte(byte(n))
		n >>= 8
	}
}

func (h *digest) text(s string) {
	h.number(uint64(len(s)))
	for i := range len(s) {
		h.byte(s[i])
	}
}

func (h *digest) value(v *scim.Value) {
	h.byte(byte(v.Kind))
	switch v.Kind {
	case scim.Bool:
		if v.Bool {
			h.byte(1)
		} else {
			h.byte(0)
		}
	case scim.Number, scim.String:
		h.text(v.Text)
	case scim.Array:
		h.number(uint64(len(v.List)))
		for i := range v.List {
			h.value(&v.List[i])
		}
	case scim.Object:
		h.number(uint64(len(v.Fields)))
		for i := range v.Fields {
			h.text(v.Fields[i].Name)
			h.value(&v.Fields[i].Value)
		}
	}
}
