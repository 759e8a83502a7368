package scim

// tidy keeps the rules of multi-valued attributes (RFC 7643 §2.4): a (type, value) is there once, the later one adding to the earlier
// in its place, and at most one element is primary. The RFC does not say which when several are sent: the last, as if each had been
// added by itself. winner is the index of that one, or -1. The elements are the caller's to give away.
func tidy(a *Attribute, elements []Value, winner int) []Value {
	if len(elements) < 2 {
		return elements
	}
	kept := elements[:0]
	places := make(map[string]int, len(elements))
	var key []byte
	for i, e := range elements {
		key = appendIdentity(key[:0], a, e)
		at, there := places[string(key)]
		if there {
			kept[at] = merge(a, kept[at], e)
		} else {
			at = len(kept)
			places[string(key)] = at
			kept = append(kept, e)
		}
		if i == winner {
			winner = at
		}
	}
	if winner >= 0 {
		onlyPrimary(kept, winner)
	}
	return kept
}

// onlyPrimary makes one element the primary one.
func onlyPrimary(elements []Value, winner int) {
	for i, e := range elements {
		if i != winner && e.Get("primary").Bool {
			elements[i] = e.With("primary", BoolValue(false))
		}
	}
}

// appendIdentity appends what tells an element from the others: its type and value, folded unless they are caseExact, or, when it
// has no value (an address), all of it.
func appendIdentity(dst []byte, a *Attribute, element Value) []byte {
	if element.Kind != Object {
		return appendFolded(dst, a, element)
	}
	value := element.Get("value")
	if value.Kind == Null {
		return element.AppendJSON(dst)
	}
	if kind := element.Get("type"); kind.Kind != Null {
		dst = appendFolded(dst, a.sub("type"), kind)
	}
	return appendFolded(append(dst, ' '), a.sub("value"), value)
}

func appendFolded(dst []byte, a *Attribute, v Value) []byte {
	if v.Kind == String && !a.CaseExact {
		v.Text = Fold(v.Text)
	}
	return v.AppendJSON(dst)
}

// merge returns an element with the sub-attributes of another one added or set, in schema order.
func merge(a *Attribute, element, more Value) Value {
	if a.Type != DataComplex {
		return element
	}
	for _, f := range more.Fields {
		element = a.with(element, f.Name, f.Value)
	}
	return element
}

// with returns an object of a complex attribute with one sub-attribute set, in schema order; a null value takes it away.
func (a *Attribute) with(object Value, name string, v Value) Value {
	rank := func(name string) int { return indexOf(a.Sub, name) }
	return Value{Kind: Object, Fields: placed(object.Fields, Field{name, v}, rank)}
}

// placed returns fields with one of them set, where the order of rank puts it. A null value takes it away.
func placed(fields []Field, f Field, rank func(name string) int) []Field {
	made := make([]Field, 0, len(fields)+1)
	own, done := rank(f.Name), f.Value.Kind == Null
	for _, old := range fields {
		if EqualFold(old.Name, f.Name) {
			continue
		}
		if !done && rank(old.Name) > own {
			made, done = append(made, f), true
		}
		made = append(made, old)
	}
	if !done {
		made = append(made, f)
	}
	return made
}
