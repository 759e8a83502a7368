package state

import (
	"bytes"

	"rollcall/state/scim"
)

// Diff returns two JSON objects: what a record's changed parts were, and what they are. Each holds, in this order, the top-level
// attributes that differ, whole, as in the resource, absent ones left out; of accounts "said", "inForce", "staged", "deletes", "pinned",
// "protected" and "link" where they differ, "staged" with "deletes"; of groups "members": {"removed": [ids]} in the first and {"added":
// [ids]} in the second.
// A nil record has nothing; one that appears or goes has "said" and "inForce" in any case. Without a difference both are {}.
func Diff(before, after *Record, joined, left []ID) (was, is []byte) {
	old, now := split(before, after)
	return diff(before, after, old, now, joined, left)
}

// diff is Diff of records whose resources have been split.
func diff(before, after *Record, old, now []attribute, joined, left []ID) (was, is []byte) {
	was, is = []byte{'{'}, []byte{'{'}
	for _, a := range old {
		if !bytes.Equal(a.value, find(now, a.name)) {
			was = appendField(was, a.name, a.value)
		}
	}
	for _, a := range now {
		if !bytes.Equal(a.value, find(old, a.name)) {
			is = appendField(is, a.name, a.value)
		}
	}
	old, now = life(before), life(after)
	for i := range max(len(old), len(now)) {
		var a, b attribute
		if i < len(old) {
			a = old[i]
		}
		if i < len(now) {
			b = now[i]
		}
		if bytes.Equal(a.value, b.value) && a.with == b.with {
			continue
		}
		if a.shown(before != nil && after != nil) {
			was = appendField(was, a.name, a.value)
		}
		if b.shown(before != nil && after != nil) {
			is = appendField(is, b.name, b.value)
		}
	}
	was = appendMembers(was, `{"removed":`, left)
	is = appendMembers(is, `{"added":`, joined)
	return append(was, '}'), append(is, '}')
}

// split splits two resources into their top-level attributes; the same resource twice has none that matter.
func split(before, after *Record) (old, now []attribute) {
	if before != nil && after != nil && bytes.Equal(before.Resource, after.Resource) {
		return nil, nil
	}
	return attributes(before), attributes(after)
}

// attribute is a name, quoted as in the JSON, and its value's JSON.
type attribute struct {
	name, value []byte
	always      bool // worth showing though it be at its zero value
	with        bool // another part, which is never shown to change without this one
}

func (a attribute) shown(both bool) bool {
	return a.value != nil && (both || a.always || !bytes.Equal(a.value, falseText) && !bytes.Equal(a.value, emptyText))
}

var (
	trueText  = []byte("true")
	falseText = []byte("false")
	emptyText = []byte(`""`)

	saidName      = []byte(`"said"`)
	inForceName   = []byte(`"inForce"`)
	stagedName    = []byte(`"staged"`)
	deletesName   = []byte(`"deletes"`)
	pinnedName    = []byte(`"pinned"`)
	protectedName = []byte(`"protected"`)
	linkName      = []byte(`"link"`)
)

// life lists what is true of an account beside its attributes, always the same parts in the same order.
func life(r *Record) []attribute {
	if r == nil || r.Kind != KindAccount {
		return nil
	}
	text := func(b bool) []byte {
		if b {
			return trueText
		}
		return falseText
	}
	return []attribute{
		{name: saidName, value: text(r.Said), always: true},
		{name: inForceName, value: text(r.InForce), always: true},
		{name: stagedName, value: text(r.Staged), with: r.Deletes},
		{name: deletesName, value: text(r.Deletes)},
		{name: pinnedName, value: text(r.Pinned)},
		{name: protectedName, value: text(r.Protected)},
		{name: linkName, value: scim.StringValue(r.Link).AppendJSON(nil)},
	}
}

// attributes splits a recorded resource into its top-level attributes. It relies on the canonical form: one object, no white space
// between tokens.
func attributes(r *Record) []attribute {
	if r == nil || len(r.Resource) < 2 {
		return nil
	}
	list := make([]attribute, 0, 16) // as many as most have
	rest := r.Resource[1 : len(r.Resource)-1]
	for len(rest) > 0 {
		name := rest[:valueEnd(rest)]
		rest = rest[len(name)+1:]
		value := rest[:valueEnd(rest)]
		list = append(list, attribute{name: name, value: value})
		rest = rest[min(len(value)+1, len(rest)):]
	}
	return list
}

// valueEnd returns where the JSON value at the start of b ends: before the comma or colon that follows it on its own level.
func valueEnd(b []byte) int {
	depth, quoted := 0, false
	for i := 0; i < len(b); i++ {
		switch c := b[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			depth++
		case c == '}' || c == ']':
			depth--
		case depth == 0 && (c == ',' || c == ':'):
			return i
		}
	}
	return len(b)
}

func find(list []attribute, name []byte) []byte {
	for _, a := range list {
		if bytes.Equal(a.name, name) {
			return a.value
		}
	}
	return nil
}

func appendField(dst, name, value []byte) []byte {
	if len(dst) > 1 {
		dst = append(dst, ',')
	}
	dst = append(dst, name...)
	dst = append(dst, ':')
	return append(dst, value...)
}

func appendMembers(dst []byte, open string, ids []ID) []byte {
	if len(ids) == 0 {
		return dst
	}
	list := append([]byte(open), '[')
	for i, id := range ids {
		if i > 0 {
			list = append(list, ',')
		}
		list = scim.StringValue(string(id)).AppendJSON(list)
	}
	return appendField(dst, []byte(`"members"`), append(list, ']', '}'))
}
