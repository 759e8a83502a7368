package scim

import (
	"cmp"
	"strings"
)

// term is one comparison of a filter, its path resolved.
type term struct {
	filter *Filter
	attr   *Attribute
	sub    *Attribute // or nil
}

// holds evaluates the comparison on the attribute's value.
func (t *term) holds(v Value) bool {
	present, satisfied := false, false
	each := func(e Value) {
		if t.filter.Path.Filter != nil && !elementMatches(t.attr, t.filter.Path.Filter, e) {
			return
		}
		leaf, value := t.leaf(e)
		if value.Empty() {
			return
		}
		present = true
		satisfied = satisfied || t.filter.Op != OpPresent && t.filter.Value.Kind != Null && compare(leaf, t.filter.Op, value, t.filter.Value)
	}
	if t.attr.MultiValued && v.Kind == Array {
		for _, e := range v.List {
			each(e)
		}
	} else {
		each(v)
	}
	switch {
	case t.filter.Op == OpPresent:
		return present
	case t.filter.Value.Kind == Null:
		return present == (t.filter.Op == OpNotEqual)
	case t.filter.Op == OpNotEqual:
		return satisfied || !present
	}
	return satisfied
}

// leaf returns what is compared of an element: the sub-attribute named, else the value of a complex one, else the element itself.
func (t *term) leaf(e Value) (*Attribute, Value) {
	sub := t.sub
	if sub == nil && t.attr.Type == DataComplex && t.filter.Op != OpPresent {
		sub = t.attr.sub("value")
	}
	if sub == nil {
		return t.attr, e
	}
	return sub, e.Get(sub.Name)
}

// compare evaluates one operator on one value that is there.
func compare(a *Attribute, op Op, have, want Value) bool {
	switch a.Type {
	case DataBoolean:
		x, ok := truth(have)
		y, valid := truth(want)
		return ok && valid && (x == y) == (op == OpEqual)
	case DataInteger, DataDecimal:
		return have.Kind == Number && isNumber(want.Text) && ordered(op, compareNumbers(have.Text, want.Text))
	case DataDateTime:
		if hasInstant(op) {
			x, ok := parseTime(have.Text)
			y, valid := parseTime(want.Text)
			return ok && valid && ordered(op, x.Compare(y))
		}
	}
	return compareText(a, op, have.Text, plainText(want))
}

// plainText is an operand as text: userName eq true and externalId eq 12 mean what is written there.
func plainText(v Value) string {
	if v.Kind == Bool {
		return string(v.AppendJSON(nil))
	}
	return v.Text
}

func compareText(a *Attribute, op Op, have, want string) bool {
	if !a.CaseExact {
		switch op {
		case OpEqual:
			return strings.EqualFold(have, want)
		case OpNotEqual:
			return !strings.EqualFold(have, want)
		}
		have, want = Fold(have), Fold(want)
	}
	switch op {
	case OpContains:
		return strings.Contains(have, want)
	case OpStartsWith:
		return strings.HasPrefix(have, want)
	case OpEndsWith:
		return strings.HasSuffix(have, want)
	}
	return ordered(op, cmp.Compare(have, want))
}

func ordered(op Op, order int) bool {
	switch op {
	case OpEqual:
		return order == 0
	case OpNotEqual:
		return order != 0
	case OpGreater:
		return order > 0
	case OpGreaterOrEqual:
		return order >= 0
	case OpLess:
		return order < 0
	case OpLessOrEqual:
		return order <= 0
	}
	return false
}
