package scim

import (
	"cmp"
	"strings"
	"time"
)

// SortKey is where a resource stands in an order (RFC 7644 §3.4.2.3).
type SortKey struct {
	kind  Kind // Null: there is no value
	text  string
	truth bool
	at    time.Time // of a dateTime, which is then not compared as text
}

// CheckSort refuses (400 invalidValue) what resources of the type cannot be sorted by: an attribute that no schema knows, one that is
// never returned, a complex one that has no value of its own, and what belongs to other resources (members, groups).
func (rt *ResourceType) CheckSort(p Path) error {
	_, attr, sub, ok := rt.Attribute(p)
	switch {
	case !ok || p.Filter != nil:
		return BadRequest(TypeInvalidValue, "sortBy: no schema has the attribute %q", clip(p.String()))
	case attr.listsMembers() || attr.MultiValued && attr.Mutability == ReadOnly && attr.Type == DataComplex:
		return BadRequest(TypeInvalidValue, "sortBy: resources are not sorted by %s", attr.Name)
	}
	if sub == nil && attr.Type == DataComplex {
		if sub = attr.sub("value"); sub == nil {
			return BadRequest(TypeInvalidValue, "sortBy: %s has several parts; name one, such as %s.%s", attr.Name, attr.Name, attr.Sub[0].Name)
		}
	}
	if sub == nil {
		sub = attr
	}
	if attr.Returned == ReturnedNever || sub.Returned == ReturnedNever {
		return BadRequest(TypeInvalidValue, "sortBy: resources are not sorted by %s", attr.Name)
	}
	return nil
}

// SortKey returns where a resource stands in the order of a path, which CheckSort has accepted for some type: by the primary value of a
// multi-valued attribute, else the first, and by the value of a complex one. An attribute that the type does not have is missing.
func (rt *ResourceType) SortKey(resource Value, p Path) SortKey {
	schema, attr, sub, ok := rt.Attribute(p)
	if !ok {
		return SortKey{}
	}
	v := foremost(elements(attr, rt.read(resource, schema, attr)))
	if attr.Type == DataComplex {
		if sub == nil {
			sub = attr.sub("value")
		}
		if sub == nil {
			return SortKey{}
		}
		attr, v = sub, v.Get(sub.Name)
	}
	if v.Empty() {
		return SortKey{}
	}
	key := SortKey{kind: v.Kind, text: v.Text, truth: v.Bool}
	switch {
	case attr.Type == DataDateTime:
		key.at, _ = parseTime(v.Text)
	case v.Kind == String && !attr.CaseExact:
		key.text = Fold(v.Text)
	}
	return key
}

// foremost returns the primary element, else the first.
func foremost(list []Value) Value {
	for _, e := range list {
		if e.Get("primary").Bool {
			return e
		}
	}
	if len(list) == 0 {
		return Value{}
	}
	return list[0]
}

// Compare puts k before other (-1), after it (1), or beside it (0) in ascending order: false before true, numbers by what they count,
// dates as instants, text as its attribute is compared, and what is missing at the end.
func (k SortKey) Compare(other SortKey) int {
	switch {
	case k.kind == Null || other.kind == Null:
		return truthOrder(k.kind == Null, other.kind == Null)
	case k.kind != other.kind:
		return cmp.Compare(k.kind, other.kind)
	case k.kind == Bool:
		return truthOrder(k.truth, other.truth)
	case k.kind == Number:
		return compareNumbers(k.text, other.text)
	case !k.at.IsZero() && !other.at.IsZero():
		return k.at.Compare(other.at)
	}
	return strings.Compare(k.text, other.text)
}

// truthOrder puts false before true.
func truthOrder(a, b bool) int {
	switch {
	case a == b:
		return 0
	case b:
		return -1
	}
	return 1
}
