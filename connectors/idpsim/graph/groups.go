package graph

import (
	"slices"

	"rollcall/connectors/idpsim"
)

func (c *call) group(id string) {
	if !c.needs(GroupMemberRead) {
		return
	}
	c.single(id, "groups", "group", func(v *idpsim.View) (object, bool) {
		g, ok := v.GroupByGUID(id)
		if !ok || g.Gone() {
			return nil, false
		}
		return groupObject(g), true
	})
}

// membership is which members of a group are asked for.
type membership struct {
	group      string
	transitive bool // also those of nested groups
	onlyUsers  bool // a cast of the collection
	unseen     bool // hidden, and the caller is told that there is nobody
}

func (c *call) members(m membership) {
	q, ok := c.memberQuery(&m)
	if !ok {
		return
	}
	switch {
	case len(q.filter) > 0 && !c.advanced():
		unsupported(c.w, "The specified filter to the reference property query is currently not supported.")
	case m.transitive && m.onlyUsers && !(c.advanced() && q.count):
		unsupported(c.w, "Request with $search or a cast of transitive members needs the header ConsistencyLevel:eventual and $count=true.")
	default:
		c.page(q, func(v *idpsim.View) collection {
			shape := c.shape(q)
			shape.typed = !m.onlyUsers
			return m.collection(v, q, shape)
		})
	}
}

func (c *call) countMembers(m membership) {
	if q, ok := c.memberQuery(&m); ok {
		c.plainCount(func(v *idpsim.View) collection { return m.collection(v, q, userShape{}) })
	}
}

// memberQuery reads the query; after false the answer has been given, among others when there is no such group or its members may
// not be read.
func (c *call) memberQuery(m *membership) (*query, bool) {
	q, ok := c.userQuery()
	if !ok || !c.needs(GroupMemberRead) {
		return nil, false
	}
	if q.manager != nil && !m.onlyUsers {
		badRequest(c.w, "Parsing OData Select and Expand failed: Could not find a property named 'manager' on type 'microsoft.graph.directoryObject'.")
		return nil, false
	}
	var found, hidden bool
	c.read(func(v *idpsim.View) {
		g, ok := v.GroupByGUID(m.group)
		found = ok && !g.Gone()
		hidden = found && g.Hidden() && !c.may(MemberReadHidden)
		m.unseen = hidden && g.Silent()
	})
	if !found {
		notFound(c.w, m.group)
		return nil, false
	}
	return q, (!hidden || m.unseen || c.needs(MemberReadHidden)) && c.checkFilter(q)
}

// nestedKeys is where the keys of member groups begin, behind those of people.
const nestedKeys = 1 << 48

func (m membership) collection(v *idpsim.View, q *query, shape userShape) collection {
	people, groups := m.of(v)
	return collection{
		context: q.context("directoryObjects"),
		next: func(after uint64) (uint64, bool) {
			if after < nestedKeys {
				at, _ := slices.BinarySearch(people, uint32(after))
				for _, n := range people[at:] {
					if x := v.Person(int(n)); x.Present() && q.matches(x) {
						return uint64(n) + 1, true
					}
				}
				after = nestedKeys
			}
			at, _ := slices.BinarySearch(groups, uint32(after-nestedKeys))
			for _, n := range groups[at:] {
				if !v.Group(int(n)).Gone() {
					return nestedKeys + uint64(n) + 1, true
				}
			}
			return 0, false
		},
		append: func(dst []byte, key uint64) []byte {
			if key > nestedKeys {
				return groupObject(v.Group(int(key-nestedKeys-1))).append(dst, q.selected, "#microsoft.graph.group")
			}
			return shape.append(dst, v.Person(int(key-1)))
		},
	}
}

// of returns the numbers of the members, sorted.
func (m membership) of(v *idpsim.View) (people, groups []uint32) {
	if m.unseen {
		return nil, nil
	}
	top, _ := v.GroupByGUID(m.group)
	people, groups = top.Members(), top.Nested()
	if m.transitive && len(groups) > 0 {
		people, groups = reach(v, top)
	}
	if m.onlyUsers {
		groups = nil
	}
	return people, groups
}

// reach returns everyone and every group in a group and those nested in it, sorted.
func reach(v *idpsim.View, top idpsim.Group) (people, groups []uint32) {
	seen := map[uint32]bool{}
	people = slices.Clone(top.Members())
	for open := slices.Clone(top.Nested()); len(open) > 0; {
		n := open[0]
		open = open[1:]
		if g := v.Group(int(n)); !seen[n] && !g.Gone() {
			seen[n] = true
			groups = append(groups, n)
			people = append(people, g.Members()...)
			open = append(open, g.Nested()...)
		}
	}
	slices.Sort(people)
	slices.Sort(groups)
	return slices.Compact(people), groups
}
