package patch

import "rollcall/state/scim"

// members are the changes to a group's members so far, each id with what is to become of it in the end.
type members struct {
	set     bool
	changes []memberChange
	index   map[string]int
}

type memberChange struct {
	id  string
	add bool
}

func (m *members) change(id string, add bool) {
	i, there := m.index[id]
	if !there {
		if m.index == nil {
			m.index = map[string]int{}
		}
		i = len(m.changes)
		m.index[id] = i
		m.changes = append(m.changes, memberChange{id: id})
	}
	m.changes[i].add = add
}

// clear takes everyone out.
func (m *members) clear() { *m = members{set: true} }

func (m *members) outcome() *Members {
	if !m.set && len(m.changes) == 0 {
		return nil
	}
	out := &Members{Set: m.set}
	for _, c := range m.changes {
		switch {
		case c.add:
			out.Add = append(out.Add, c.id)
		case !m.set:
			out.Remove = append(out.Remove, c.id)
		}
	}
	return out
}

// isMembers reports whether an attribute is a group's list of members, which is kept apart from the resource.
func isMembers(rt *scim.ResourceType, a *scim.Attribute) bool {
	return a == rt.Schema.Attribute("members")
}

// changeMembers notes what an operation asks of a group's members. A remove takes away those that it names by value or filter, and
// everyone only when it names nobody; an empty list names nobody to remove.
func (e *editor) changeMembers(op string, t target, v scim.Value) error {
	if t.sub != nil {
		return scim.BadRequest(scim.TypeMutability, "%s: a member is added and removed as a whole, with the path members", t.path)
	}
	if t.path.Filter != nil {
		return e.changePicked(op, t)
	}
	if op == opRemove && v.Kind == scim.Null {
		e.members.clear()
		return nil
	}
	list, err := e.coerce(t, v)
	if err != nil {
		return err
	}
	if op == opReplace {
		e.members.clear()
	}
	for _, id := range ids(list) {
		e.members.change(id, op != opRemove)
	}
	return nil
}

// changePicked removes the members that a value filter names.
func (e *editor) changePicked(op string, t target) error {
	if op != opRemove {
		return scim.BadRequest(scim.TypeInvalidPath, "members: a value filter is for remove; add members with the path members")
	}
	picked, ok := pickedIDs(t.path.Filter, nil)
	if !ok {
		return scim.BadRequest(scim.TypeInvalidFilter, "members are picked by value alone, such as members[value eq \"id\"], also several joined by or")
	}
	for _, id := range picked {
		e.members.change(id, false)
	}
	return nil
}

// pickedIDs collects the ids that a filter names; ok is false if it asks for anything else.
func pickedIDs(f *scim.Filter, picked []string) (_ []string, ok bool) {
	switch {
	case f.Op == scim.OpEqual && scim.EqualFold(f.Path.Attr, "value") && f.Value.Text != "":
		return append(picked, f.Value.Text), true
	case f.Op != scim.OpOr:
		return nil, false
	}
	for _, arg := range f.Args {
		if picked, ok = pickedIDs(arg, picked); !ok {
			return nil, false
		}
	}
	return picked, true
}

// ids lists the values of members in canonical form.
func ids(members scim.Value) []string {
	list := make([]string, len(members.List))
	for i, m := range members.List {
		list[i] = m.Get("value").Text
	}
	return list
}
