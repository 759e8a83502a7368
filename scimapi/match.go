package scimapi

import (
	"errors"
	"strings"

	"rollcall/state"
	"rollcall/state/scim"
)

// matcher evaluates a filter on records, reading of what belongs to them only what the filter names. A group's members are never
// read whole where the filter only asks whether certain people are among them, as Entra's reference check does.
type matcher struct {
	query  *query
	res    *resource
	filter *scim.Filter // nil: everything matches

	related    bool                         // the filter names groups, or members otherwise than by id
	groupsOf   map[state.ID]map[string]bool // group → those of the members asked for that are in it
	candidates []state.Record               // where every match must be; nil: anywhere
	members    int                          // looked at so far
}

func (q *query) matcher(res *resource, filter *scim.Filter) (*matcher, error) {
	m := &matcher{query: q, res: res, filter: filter}
	if !mentions(filter, res.related()) {
		return m, nil
	}
	people, only := comparedMembers(filter, "")
	if res.kind != state.KindGroup || !only {
		m.related = true
		return m, nil
	}
	m.groupsOf = map[state.ID]map[string]bool{}
	for _, person := range people {
		groups, err := q.c.groupsOf(state.ID(person))
		if err != nil {
			return nil, err
		}
		for _, group := range groups {
			if m.groupsOf[group.ID] == nil {
				m.groupsOf[group.ID] = map[string]bool{}
			}
			m.groupsOf[group.ID][person] = true
		}
	}
	if required, ok := requiredMember(filter); ok {
		return m, m.onlyGroupsOf(required)
	}
	return m, nil
}

// onlyGroupsOf narrows the search down to the groups that a person is in.
func (m *matcher) onlyGroupsOf(person string) error {
	c := m.query.c
	m.candidates = []state.Record{}
	groups, err := c.groupsOf(state.ID(person))
	if err != nil {
		return err
	}
	for _, group := range groups {
		rec, err := c.h.store.Record(c.r.Context(), c.scope, state.KindGroup, group.ID)
		if errors.Is(err, state.ErrNotFound) {
			continue
		}
		if err != nil {
			return err
		}
		m.candidates = append(m.candidates, rec)
	}
	return nil
}

// test hands those of the records that match to the query, and tells whether it wants more.
func (m *matcher) test(records []state.Record) (goOn bool, err error) {
	if m.related && m.res.kind == state.KindAccount {
		err := m.query.c.gatherGroups(func(yield func(*state.Record) bool) {
			for i := 0; i < len(records) && yield(&records[i]); i++ {
			}
		})
		if err != nil {
			return false, err
		}
	}
	for i := range records {
		ok, err := m.matches(&records[i])
		if err != nil {
			return false, err
		}
		if !ok {
			continue
		}
		if goOn, err := m.query.hit(m.res, records[i]); err != nil || !goOn {
			return goOn, err
		}
	}
	return true, nil
}

func (m *matcher) matches(rec *state.Record) (bool, error) {
	if m.filter == nil {
		return true, nil
	}
	value, err := m.query.c.value(m.res, rec, m.related)
	if err != nil {
		return false, err
	}
	if m.members += len(value.Get("members").List); m.members > m.query.h.limits.Scan {
		return false, errTooMany
	}
	if in := m.groupsOf[rec.ID]; in != nil {
		value = value.With("members", memberList(in))
	}
	return m.res.rt.Matches(m.filter, value), nil
}

func memberList(ids map[string]bool) scim.Value {
	var list []scim.Value
	for id := range ids {
		list = append(list, scim.ObjectOf(scim.Field{Name: "value", Value: scim.StringValue(id)}))
	}
	return scim.ListOf(list...)
}

// mentions tells whether a filter names an attribute.
func mentions(f *scim.Filter, attr string) bool {
	if f.Op != "and" && f.Op != "or" && f.Op != "not" && strings.EqualFold(f.Path.Attr, attr) {
		return true
	}
	if f.Op == "path" {
		return false
	}
	for _, arg := range f.Args {
		if mentions(arg, attr) {
			return true
		}
	}
	return false
}

// comparedMembers lists the ids that a filter compares members with. ok is false if it asks anything else of members, so that the
// ids do not tell all.
func comparedMembers(f *scim.Filter, prefix string) (ids []string, ok bool) {
	switch f.Op {
	case "and", "or", "not":
	case "path":
		if !strings.EqualFold(f.Path.Attr, "members") {
			return nil, true
		}
		prefix = "members."
	default:
		switch strings.ToLower(prefix + f.Path.Attr) {
		case "members":
			if f.Path.Sub != "" && !strings.EqualFold(f.Path.Sub, "value") {
				return nil, false
			}
		case "members.value":
		default:
			return nil, prefix == ""
		}
		return []string{f.Value.Text}, f.Op == "eq" && f.Value.Kind == scim.String
	}
	for _, arg := range f.Args {
		more, ok := comparedMembers(arg, prefix)
		if !ok {
			return nil, false
		}
		ids = append(ids, more...)
	}
	return ids, true
}

// requiredMember finds an id that every match has among its members, in a filter of which comparedMembers approves.
func requiredMember(f *scim.Filter) (id string, ok bool) {
	switch f.Op {
	case "eq":
		return f.Value.Text, strings.EqualFold(f.Path.Attr, "members")
	case "and":
		for _, arg := range f.Args {
			if id, ok := requiredMember(arg); ok {
				return id, true
			}
		}
	case "path":
		if strings.EqualFold(f.Path.Attr, "members") && f.Args[0].Op == "eq" {
			return f.Args[0].Value.Text, true
		}
	}
	return "", false
}
