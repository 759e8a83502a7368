package okta

import (
	"net/http"
	"slices"
	"strings"
	"time"

	"rollcall/connectors/idpsim"
)

// groups lists the groups of the org, those of the name that q begins with, or those that pass a filter or search.
func (c *call) groups() {
	p, ok := c.parsePaging(10_000, 10_000, "q", "filter", "search")
	if !ok {
		return
	}
	text, d := p.values.Get("search"), dialect{joins: []string{"and", "or"}, operators: groupSearchable}
	if p.values.Has("filter") {
		text, d = p.values.Get("filter"), dialect{joins: []string{"and", "or"}, operators: groupFilterable}
	}
	if p.values.Has("search") && idpsim.Struck(c.r, idpsim.StaleSearch) {
		c.stale = true
	}
	var f *filter
	if p.values.Has("filter") || p.values.Has("search") {
		var err error
		if f, err = parseFilter(text, d); err != nil {
			fail(c.w, http.StatusBadRequest, "E0000031", "Invalid search criteria: "+err.Error())
			return
		}
	}
	prefix := strings.ToLower(p.values.Get("q"))
	c.page(p, func(v *idpsim.View) collection {
		r := c.renderer(v)
		return groupsWhere(v, func(g idpsim.Group) bool {
			return !g.Gone() && strings.HasPrefix(strings.ToLower(g.Name()), prefix) &&
				(f == nil || f.match(d, func(path string) []string { return groupValues(g, path) }))
		}, r.group)
	})
}

// groupsWhere is the collection of the groups that pass show.
func groupsWhere(v *idpsim.View, show func(idpsim.Group) bool, render func(dst []byte, g idpsim.Group) []byte) collection {
	return collection{
		next: func(after uint64) (uint64, bool) {
			for n := int(after); n < v.Groups(); n++ {
				if show(v.Group(n)) {
					return uint64(n) + 1, true
				}
			}
			return 0, false
		},
		append: func(dst []byte, key uint64) []byte { return render(dst, v.Group(int(key-1))) },
	}
}

func groupSearchable(path string) []string {
	switch path {
	case "profile.name":
		return []string{"eq", "sw", "co"}
	case "id", "type", "lastUpdated", "lastMembershipUpdated":
		return []string{"eq", "sw", "gt", "ge", "lt", "le"}
	}
	return nil
}

func groupFilterable(path string) []string {
	switch path {
	case "id", "type":
		return []string{"eq"}
	case "lastUpdated", "lastMembershipUpdated":
		return []string{"eq", "gt", "ge", "lt", "le"}
	}
	return nil
}

// groupValues are a group's values of a property that can be searched for.
func groupValues(g idpsim.Group, path string) []string {
	switch path {
	case "id":
		return []string{string(g.AppendOktaID(nil))}
	case "type":
		return []string{"OKTA_GROUP"}
	case "profile.name":
		return []string{g.Name()}
	}
	return []string{g.Updated().UTC().Format(time.RFC3339Nano)}
}

func (c *call) appGroups(id string) {
	p, ok := c.parsePaging(20, 200, "expand", "q")
	if !ok || !c.application(id) {
		return
	}
	expand := p.values.Get("expand") == "group"
	c.page(p, func(v *idpsim.View) collection {
		r := c.renderer(v)
		return groupsWhere(v, idpsim.Group.Assigned, func(dst []byte, g idpsim.Group) []byte { return r.appGroup(dst, g, expand) })
	})
}

func (c *call) group(id string) {
	c.one(id, "UserGroup", func(v *idpsim.View) ([]byte, bool) {
		g, ok := v.GroupByOktaID(id)
		if !ok || g.Gone() {
			return nil, false
		}
		return c.renderer(v).group(nil, g), true
	})
}

// groupUsers shows the members of a group. The deactivated are among them.
func (c *call) groupUsers(id string) {
	p, ok := c.parsePaging(1000, 1000)
	if !ok {
		return
	}
	found := false
	c.read(func(v *idpsim.View) {
		g, ok := v.GroupByOktaID(id)
		found = ok && !g.Gone()
	})
	if !found {
		notFound(c.w, id, "UserGroup")
		return
	}
	c.page(p, func(v *idpsim.View) collection {
		r := c.renderer(v)
		g, _ := v.GroupByOktaID(id)
		return collection{
			next: func(after uint64) (uint64, bool) {
				at, _ := slices.BinarySearch(g.Members(), uint32(after))
				for _, n := range g.Members()[at:] {
					if !v.Person(int(n)).Gone() {
						return uint64(n) + 1, true
					}
				}
				return 0, false
			},
			append: func(dst []byte, key uint64) []byte { return r.user(dst, v.Person(int(key-1))) },
		}
	})
}
