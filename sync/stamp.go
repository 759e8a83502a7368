package sync

import (
	"math/bits"

	"rollcall/state/scim"
	"rollcall/sync/mapping"
)

// valuesOf sums up those values of a person that are compared with an account.
func valuesOf(targets []mapping.Target, values []scim.Value) digest {
	h := digest(digestSeed)
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

// digest is a running hash: eight bytes at a time are multiplied in, and both halves of the product are kept.
type digest uint64

const (
	digestSeed = 0xa0761d6478bd642f
	digestMix  = 0xe7037ed1a0b428db
)

func (h *digest) number(n uint64) {
	high, low := bits.Mul64(uint64(*h)^n, digestMix)
	*h = digest(high ^ low + digestSeed)
}

func (h *digest) text(s string) {
	h.number(uint64(len(s)))
	for ; len(s) >= 8; s = s[8:] {
		h.number(uint64(s[0]) | uint64(s[1])<<8 | uint64(s[2])<<16 | uint64(s[3])<<24 |
			uint64(s[4])<<32 | uint64(s[5])<<40 | uint64(s[6])<<48 | uint64(s[7])<<56)
	}
	last := uint64(0)
	for i := range len(s) {
		last = last<<8 | uint64(s[i])
	}
	h.number(last)
}

func (h *digest) value(v *scim.Value) {
	h.number(uint64(v.Kind))
	switch v.Kind {
	case scim.Bool:
		if v.Bool {
			h.number(1)
		} else {
			h.number(0)
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
