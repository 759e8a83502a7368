package graph

import (
	"encoding/json"
	"slices"
	"strconv"
	"strings"

	"rollcall/connectors/idpsim"
	"rollcall/connectors/idpsim/internal/wire"
)

// userQuery reads the query of a request for users; after false the answer has been given.
func (c *call) userQuery() (*query, bool) {
	q, err := c.parseQuery()
	if err == nil {
		err = q.selectUser()
	}
	if err != nil {
		badRequest(c.w, err.Error())
		return nil, false
	}
	return q, true
}

// context names a collection of users and, if asked for, their properties.
func (q *query) context(collection string) string {
	if q.selected == nil {
		return collection
	}
	return collection + "(" + strings.Join(q.selected, ",") + ")"
}

// people is the collection of those who pass show.
func people(v *idpsim.View, context string, shape userShape, show func(idpsim.Person) bool) collection {
	return collection{
		context: context,
		next: func(after uint64) (uint64, bool) {
			for n := int(after); n < v.People(); n++ {
				if show(v.Person(n)) {
					return uint64(n) + 1, true
				}
			}
			return 0, false
		},
		append: func(dst []byte, key uint64) []byte { return shape.append(dst, v.Person(int(key-1))) },
	}
}

func (c *call) users() {
	q, ok := c.userQuery()
	if !ok || !c.needs(UserRead) || !c.checkFilter(q) {
		return
	}
	c.page(q, func(v *idpsim.View) collection {
		return people(v, q.context("users"), c.shape(q), func(x idpsim.Person) bool { return x.Present() && q.matches(x) })
	})
}

func (c *call) countUsers() {
	q, ok := c.userQuery()
	if !ok || !c.needs(UserRead) || !c.checkFilter(q) {
		return
	}
	c.plainCount(func(v *idpsim.View) collection {
		return people(v, "users", userShape{}, func(x idpsim.Person) bool { return x.Present() && q.matches(x) })
	})
}

// plainCount answers …/$count.
func (c *call) plainCount(of func(*idpsim.View) collection) {
	if !c.advanced() {
		badRequest(c.w, "$count is not currently supported.")
		return
	}
	var n int
	c.read(func(v *idpsim.View) { n = c.counted(of(v)) })
	c.w.Header().Set("Content-Type", "text/plain")
	_, _ = c.w.Write([]byte(strconv.Itoa(n)))
}

func (c *call) user(id string) {
	q, ok := c.userQuery()
	if !ok || !c.needs(UserRead) {
		return
	}
	c.one(id, q.context("users"), func(v *idpsim.View) ([]byte, bool) {
		x, ok := v.PersonByGUID(id)
		if !ok {
			x, ok = v.PersonByUserName(id)
		}
		if !ok || !x.Present() {
			return nil, false
		}
		return c.shape(q).append(nil, x), true
	})
}

// refuseExpand answers where a manager cannot be expanded.
func (c *call) refuseExpand(q *query) bool {
	if q.manager != nil {
		badRequest(c.w, "$expand is not supported for this resource.")
	}
	return q.manager != nil
}

// manager answers with the manager of a user, or that there is none.
func (c *call) manager(id string) {
	q, ok := c.userQuery()
	if !ok || c.refuseExpand(q) || !c.needs(UserRead) {
		return
	}
	c.one("manager", q.context("directoryObjects"), func(v *idpsim.View) ([]byte, bool) {
		x, ok := v.PersonByGUID(id)
		boss, has := x, false
		if ok && x.Present() {
			boss, has = x.Manager()
		}
		if !has || !boss.Present() {
			return nil, false
		}
		shape := c.shape(q)
		shape.typed = true
		return shape.append(nil, boss), true
	})
}

// maxChecked is how many groups one checkMemberGroups names.
const maxChecked = 20

// checkMemberGroups answers which of the named groups a user is in, nested or not. Groups whose members are hidden from the caller
// are left out without a word.
func (c *call) checkMemberGroups(id string) {
	if !c.needs(UserRead) || !c.needs(GroupMemberRead) {
		return
	}
	var asked struct {
		GroupIDs []string `json:"groupIds"`
	}
	body, err := wire.ReadBody(c.r)
	if err == nil {
		err = json.Unmarshal(body, &asked)
	}
	if err != nil || len(asked.GroupIDs) == 0 || len(asked.GroupIDs) > maxChecked {
		badRequest(c.w, "groupIds must hold between 1 and 20 ids.")
		return
	}
	found, in := false, [][]byte{}
	c.read(func(v *idpsim.View) {
		x, ok := v.PersonByGUID(id)
		found = ok && x.Present()
		for _, groupID := range asked.GroupIDs {
			if g, ok := v.GroupByGUID(groupID); ok && !g.Gone() && (!g.Hidden() || c.may(MemberReadHidden)) && found && within(v, g, x) {
				in = append(in, wire.AppendString(nil, groupID))
			}
		}
	})
	if !found {
		notFound(c.w, id)
		return
	}
	c.page(&query{top: maxChecked, values: c.r.URL.Query()}, func(*idpsim.View) collection { return fixed("Collection(Edm.String)", in) })
}

// within says whether somebody is in a group, or in one nested in it.
func within(v *idpsim.View, g idpsim.Group, x idpsim.Person) bool {
	people, _ := reach(v, g)
	_, ok := slices.BinarySearch(people, uint32(x.Number()))
	return ok
}

// one answers with a single object, or that there is none.
func (c *call) one(id, context string, find func(*idpsim.View) ([]byte, bool)) {
	var object []byte
	var ok bool
	c.read(func(v *idpsim.View) { object, ok = find(v) })
	if !ok {
		notFound(c.w, id)
		return
	}
	body := append([]byte(`{"@odata.context":`), wire.AppendString(nil, wire.Base(c.r)+"/v1.0/$metadata#"+context+"/$entity")...)
	body = append(body, ',')
	write(c.w, 200, append(body, object[1:]...))
}

func (c *call) deletedUsers() {
	q, ok := c.userQuery()
	if !ok || c.refuseExpand(q) || !c.needs(UserRead) || !c.checkFilter(q) {
		return
	}
	c.page(q, func(v *idpsim.View) collection {
		return people(v, q.context("users"), c.shape(q), func(x idpsim.Person) bool { return x.SoftDeleted() && q.matches(x) })
	})
}

func (c *call) deletedItem(id string) {
	q, ok := c.userQuery()
	if !ok || !c.needs(UserRead) {
		return
	}
	c.one(id, "directoryObjects", func(v *idpsim.View) ([]byte, bool) {
		x, ok := v.PersonByGUID(id)
		if !ok || !x.SoftDeleted() {
			return nil, false
		}
		shape := c.shape(q)
		shape.typed = true
		return shape.append(nil, x), true
	})
}

// maxIDs is how many ids getByIds takes.
const maxIDs = 1000

func (c *call) getByIDs() {
	if !c.needs(DirectoryRead) {
		return
	}
	var asked struct {
		IDs   []string `json:"ids"`
		Types []string `json:"types"`
	}
	body, err := wire.ReadBody(c.r)
	if err == nil {
		err = json.Unmarshal(body, &asked)
	}
	switch {
	case err != nil:
		badRequest(c.w, "Unable to read JSON request payload: "+err.Error())
		return
	case len(asked.IDs) == 0 || len(asked.IDs) > maxIDs:
		badRequest(c.w, "The number of ids must be between 1 and 1000.")
		return
	}
	q := &query{top: maxIDs, properties: defaultProperties, values: c.r.URL.Query()}
	c.page(q, func(v *idpsim.View) collection { return directoryObjects(v, c.shape(q), asked.IDs) })
}

// directoryObjects is the collection of users and groups with the given ids; those that are not there are left out.
func directoryObjects(v *idpsim.View, shape userShape, ids []string) collection {
	shape.typed = true
	var rows [][]byte
	for _, id := range ids {
		if x, ok := v.PersonByGUID(id); ok && x.Present() {
			rows = append(rows, shape.append(nil, x))
		}
		if g, ok := v.GroupByGUID(id); ok && !g.Gone() {
			rows = append(rows, groupObject(g).append(nil, nil, "#microsoft.graph.group"))
		}
	}
	return fixed("directoryObjects", rows)
}

// fixed is a collection of rows that are rendered already.
func fixed(context string, rows [][]byte) collection {
	return collection{
		context: context,
		next:    func(after uint64) (uint64, bool) { return after + 1, after < uint64(len(rows)) },
		append:  func(dst []byte, key uint64) []byte { return append(dst, rows[key-1]...) },
	}
}
