package scimapi

import (
	"strings"

	"rollcall/state/scim"
)

// narrow reduces a filter to what has to be asked of resources of one type, with what is known of all of them: which type they are, and
// that they have nothing of what is only another's (RFC 7644 §3.4.2.1). Nothing is left to ask of a nil filter: always tells whether
// everything matches then, or nothing.
func narrow(f *scim.Filter, res *resource) (rest *scim.Filter, always bool) {
	if f == nil {
		return nil, true
	}
	switch f.Op {
	case scim.OpAnd, scim.OpOr:
		return narrowAll(f, res)
	case scim.OpNot:
		rest, always = narrow(f.Args[0], res)
		if rest == nil {
			return nil, !always
		}
		return &scim.Filter{Op: scim.OpNot, Args: []*scim.Filter{rest}}, false
	}
	if res.rt.Check(f) != nil {
		absent := f.Op == scim.OpNotEqual && f.Value.Kind != scim.Null || f.Op == scim.OpEqual && f.Value.Kind == scim.Null
		return nil, absent
	}
	if strings.EqualFold(f.Path.Attr, "meta") && strings.EqualFold(f.Path.Sub, "resourceType") {
		kind := scim.ObjectOf(scim.Field{Name: "meta", Value: scim.ObjectOf(scim.Field{Name: "resourceType", Value: scim.StringValue(res.rt.Name)})})
		return nil, res.rt.Matches(f, kind)
	}
	return f, false
}

// narrowAll reduces each of the terms that and or or joins, and leaves out those that decide nothing.
func narrowAll(f *scim.Filter, res *resource) (rest *scim.Filter, always bool) {
	all := f.Op == scim.OpAnd
	var left []*scim.Filter
	for _, arg := range f.Args {
		rest, always := narrow(arg, res)
		switch {
		case rest != nil:
			left = append(left, rest)
		case always != all:
			return nil, always // one that never matches ends an and, one that always does an or
		}
	}
	switch len(left) {
	case 0:
		return nil, all
	case 1:
		return left[0], false
	}
	return &scim.Filter{Op: f.Op, Args: left}, false
}

// eachTerm calls check for every comparison and value filter.
func eachTerm(f *scim.Filter, check func(*scim.Filter) error) error {
	switch f.Op {
	case scim.OpAnd, scim.OpOr, scim.OpNot:
		for _, arg := range f.Args {
			if err := eachTerm(arg, check); err != nil {
				return err
			}
		}
		return nil
	}
	return check(f)
}
