package graph

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"rollcall/connectors/idpsim"
	"rollcall/connectors/idpsim/internal/wire"
)

// deltaState is what a delta token carries: the query options are given once and encoded in it.
type deltaState struct {
	Select []string `json:"s,omitempty"`
	IDs    []string `json:"i,omitempty"` // only these
	From   int      `json:"f"`           // changes after this version are shown; -1 is everything there is
	To     int      `json:"t"`           // the version to continue from when this round is over
	After  int      `json:"a,omitempty"` // rows shown so far
	Slice  int      `json:"m,omitempty"` // members of the next group shown so far
	Heard  int      `json:"h,omitempty"` // the audit log was read to here before this round
	Hear   int      `json:"g,omitempty"` // and is read to here in it
}

func (s deltaState) token() string {
	b, _ := json.Marshal(s) // strings and numbers only
	return base64.RawURLEncoding.EncodeToString(b)
}

func parseDelta(token string) (s deltaState, ok bool) {
	b, err := base64.RawURLEncoding.DecodeString(token)
	ok = err == nil && json.Unmarshal(b, &s) == nil && s.From >= -1 && min(s.To, s.After, s.Slice, s.Heard, s.Hear) >= 0
	return s, ok && max(s.From, s.To, s.After, s.Slice, s.Heard, s.Hear) <= maxCount
}

// maxCount keeps foreign tokens within what can be counted with.
const maxCount = 1 << 40

// deltaPage is how many objects, or members of groups, one page of a delta query shows.
const deltaPage = 200

// deltaKind is what a delta query is about.
type deltaKind struct {
	name       string
	permission string
	check      func(*query) error                                      // of the selection
	page       func(*call, *idpsim.View, *query, *deltaState) [][]byte // rows of one page; it moves the state on
}

var (
	ofUsers  = deltaKind{"users", UserRead, (*query).selectChangedUser, (*call).changedUsers}
	ofGroups = deltaKind{"groups", GroupMemberRead, (*query).selectChangedGroup, (*call).changedGroups}
)

// delta answers /users/delta and /groups/delta: everything first, then what changed since.
func (c *call) delta(kind deltaKind) {
	if !c.needs(kind.permission) {
		return
	}
	state, ok := c.deltaState(kind)
	if !ok {
		return
	}
	q := &query{properties: defaultProperties, selected: state.Select}
	if err := kind.check(q); err != nil {
		badRequest(c.w, err.Error())
		return
	}
	var body []byte
	c.read(func(v *idpsim.View) {
		before := state
		rows := kind.page(c, v, q, &state)
		rows, state = c.spoil(rows, before, state)
		body = c.appendDelta(kind, q, rows, state)
	})
	write(c.w, http.StatusOK, body)
}

// maxDeltaIDs is how many objects the filter of a delta query may name.
const maxDeltaIDs = 50

// deltaState reads the options of a first request, or a token; not ok, the answer has been given.
func (c *call) deltaState(kind deltaKind) (state deltaState, ok bool) {
	values := c.r.URL.Query()
	var now deltaState
	c.read(func(v *idpsim.View) { now.To, now.Hear = v.Version(), len(v.Events()) })
	state = now
	state.From, state.Heard = -1, now.Hear
	for name := range values {
		value := values.Get(name)
		switch {
		case name == "$select":
			state.Select = strings.Split(value, ",")
		case name == "$filter":
			if state.IDs, ok = idsOf(value); !ok {
				badRequest(c.w, "The filter of a delta query must name up to 50 objects by id, joined by or.")
				return state, false
			}
		case name == "$deltatoken" && value == "latest":
			state.From = state.To
		case name == "$deltatoken" || name == "$skiptoken":
			if c.tokenLost(kind) {
				return state, false
			}
			if state, ok = parseDelta(value); !ok {
				badRequest(c.w, "Badly formed token.")
				return state, false
			}
			if name == "$deltatoken" {
				state.From, state.To, state.Heard, state.Hear = state.To, now.To, state.Hear, now.Hear
				state.After, state.Slice = 0, 0
			}
		default:
			badRequest(c.w, "The query option '"+name+"' is not supported by delta queries on "+kind.name+".")
			return state, false
		}
	}
	return state, true
}

// tokenLost answers where a fault has the token forgotten.
func (c *call) tokenLost(kind deltaKind) bool {
	switch {
	case idpsim.Struck(c.r, idpsim.ExpiredDelta):
		c.w.Header().Set("Location", wire.Base(c.r)+"/v1.0/"+kind.name+"/delta?$deltatoken=")
		fail(c.w, http.StatusGone, "syncStateNotFound", "The sync state generation is not found; start again.")
	case idpsim.Struck(c.r, idpsim.SyncStateLost):
		fail(c.w, http.StatusBadRequest, "syncStateNotFound", "The sync state generation is not found; start again.")
	default:
		return false
	}
	return true
}

// idsOf reads the only filter there is: id eq, joined by or.
func idsOf(filter string) (ids []string, ok bool) {
	clauses, err := parseFilter(filter)
	if err != nil || len(clauses) > maxDeltaIDs {
		return nil, false
	}
	for i, one := range clauses {
		if one.property != "id" || one.op != "eq" || i > 0 && !one.or {
			return nil, false
		}
		ids = append(ids, strings.ToLower(one.values[0]))
	}
	return ids, true
}

// about says whether an object is asked for.
func (s deltaState) about(id [16]byte) bool {
	return s.IDs == nil || slices.Contains(s.IDs, string(idpsim.AppendGUID(nil, id)))
}

// appendDelta renders one page of a round.
func (c *call) appendDelta(kind deltaKind, q *query, rows [][]byte, s deltaState) []byte {
	dst := append([]byte(`{"@odata.context":`), wire.AppendString(nil, c.context(q.context(kind.name)))...)
	dst = append(dst, `,"value":[`...)
	for i, row := range rows {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = append(dst, row...)
	}
	link, token := `],"@odata.nextLink":`, "$skiptoken"
	if s.After < 0 {
		link, token, s.After = `],"@odata.deltaLink":`, "$deltatoken", 0
	}
	if idpsim.Struck(c.r, idpsim.LostLink) {
		return append(dst, `]}`...)
	}
	dst = append(dst, link...)
	dst = wire.AppendString(dst, wire.Base(c.r)+c.r.URL.Path+"?"+token+"="+s.token())
	return append(dst, '}')
}

// spoil decides what is wrong with a page, if a fault hits it: its rows, and where it leads.
func (c *call) spoil(rows [][]byte, before, after deltaState) ([][]byte, deltaState) {
	switch struck := func(name string) bool { return idpsim.Struck(c.r, name) }; {
	case struck(idpsim.Empty):
		after.finish()
		return nil, after
	case struck(idpsim.LostPage):
		return nil, after
	case struck(idpsim.Hollow) && len(rows) > 0:
		return nil, before
	case struck(idpsim.Endless):
		return rows, before
	case struck(idpsim.Duplicates):
		return append(rows, rows...), after
	case struck(idpsim.MissingRows):
		return everySecond(rows), after
	}
	return rows, after
}

// finish says that a round is over.
func (s *deltaState) finish() { s.After, s.Slice = -1, 0 }

// changed are the numbers of the people, or of the groups, that a later round is about, in the order of their changes. One that
// changed twice is there twice.
func (c *call) changed(v *idpsim.View, s deltaState, groups bool) (numbers []int) {
	if idpsim.Struck(c.r, idpsim.SilentDelta) {
		return nil
	}
	from := min(s.From, v.Version())
	for _, change := range v.Changes(from)[:max(min(s.To, v.Version())-from, 0)] {
		if change.Group == groups {
			numbers = append(numbers, change.Number)
		}
	}
	return numbers
}

// removed is a row that says that something is gone.
func removed(id [16]byte, reason string) []byte {
	return []byte(`{"id":` + guid(id) + `,"@removed":{"reason":"` + reason + `"}}`)
}

// selectChangedUser resolves a selection; a manager may be among it, and the id always is.
func (q *query) selectChangedUser() error {
	if q.selected == nil {
		return nil
	}
	rest := slices.DeleteFunc(slices.Clone(q.selected), func(name string) bool { return name == "manager" })
	if len(rest) < len(q.selected) {
		q.manager = named("id")
	}
	plain := &query{selected: append(rest, "id")}
	err := plain.selectUser()
	q.properties = plain.properties
	return err
}

// changedUsers: people by number in a first round, changes in their order in a later one.
func (c *call) changedUsers(v *idpsim.View, q *query, s *deltaState) (rows [][]byte) {
	who := func(i int) int { return i }
	total := v.People()
	if s.From >= 0 {
		changed := c.changed(v, *s, false)
		total, who = len(changed), func(i int) int { return changed[i] }
	}
	at := min(s.After, total)
	for ; at < total && len(rows) < deltaPage; at++ {
		x := v.Person(who(at))
		switch {
		case !s.about(x.GUID()):
		case x.Present():
			rows = append(rows, c.changedUser(q, x))
		case s.From < 0 || idpsim.Struck(c.r, idpsim.LostRemovals):
		case x.Gone():
			rows = append(rows, removed(x.GUID(), "deleted"))
		default: // can be restored
			rows = append(rows, removed(x.GUID(), "changed"))
		}
	}
	s.After = at
	if at == total {
		s.finish()
	}
	return rows
}

func (c *call) changedUser(q *query, x idpsim.Person) []byte {
	shape := c.shape(q)
	shape.manager = nil
	row := shape.append(nil, x)
	if q.manager == nil {
		return row
	}
	row = append(row[:len(row)-1], `,"manager@delta":[`...)
	if boss, ok := x.Manager(); ok && boss.Present() {
		row = userShape{properties: q.manager, typed: true}.append(row, boss)
	}
	return append(row, `]}`...)
}

// selectChangedGroup checks a selection; members may be among it, and are without one.
func (q *query) selectChangedGroup() error {
	for _, name := range q.selected {
		if name != "members" && !slices.Contains(groupProperties, name) {
			return refuse("Parsing OData Select and Expand failed: Could not find a property named '%s' on type 'microsoft.graph.group'.", name)
		}
	}
	return nil
}

// changedGroups: groups by number in a first round, their members in slices, so that a large group is there on several pages; in a
// later round whoever joined and left.
func (c *call) changedGroups(v *idpsim.View, q *query, s *deltaState) (rows [][]byte) {
	if s.From >= 0 {
		for _, n := range unique(c.changed(v, *s, true)) {
			if g := v.Group(n); s.about(g.GUID()) {
				rows = append(rows, c.changedGroup(v, q, g, *s))
			}
		}
		s.finish()
		return slices.DeleteFunc(rows, func(row []byte) bool { return row == nil })
	}
	budget := deltaPage
	for ; s.After < v.Groups() && budget > 0; s.After++ {
		g := v.Group(s.After)
		if g.Gone() || !s.about(g.GUID()) {
			continue
		}
		var members [][]byte
		all, end := g.Members(), min(s.Slice+budget, len(g.Members()))
		for _, n := range all[min(s.Slice, end):end] {
			if x := v.Person(int(n)); x.Present() {
				members = append(members, changedMember("user", x.GUID(), false))
			}
		}
		budget -= max(end-s.Slice, 1)
		s.Slice = end
		if end < len(all) {
			rows = append(rows, c.groupRow(q, g, members))
			return rows
		}
		s.Slice = 0
		for _, n := range g.Nested() {
			members = append(members, changedMember("group", v.Group(int(n)).GUID(), false))
		}
		rows = append(rows, c.groupRow(q, g, members))
	}
	if s.After >= v.Groups() {
		s.finish()
	}
	return rows
}

// changedGroup is a group of a later round, with who joined and left since; nil when nothing is to be said.
func (c *call) changedGroup(v *idpsim.View, q *query, g idpsim.Group, s deltaState) []byte {
	lost := idpsim.Struck(c.r, idpsim.LostRemovals)
	if g.Gone() {
		if lost {
			return nil
		}
		return removed(g.GUID(), "deleted")
	}
	var members [][]byte
	heard := v.Events()
	for _, e := range heard[min(s.Heard, len(heard)):min(max(s.Hear, s.Heard), len(heard))] {
		if left := e.Kind == idpsim.PersonLeft; e.Group == g.Number() && (e.Kind == idpsim.PersonJoined || left && !lost) {
			members = append(members, changedMember("user", v.Person(e.Person).GUID(), left))
		}
	}
	return c.groupRow(q, g, members)
}

func changedMember(kind string, id [16]byte, left bool) []byte {
	row := `{"@odata.type":"#microsoft.graph.` + kind + `","id":` + guid(id)
	if left {
		row += `,"@removed":{"reason":"deleted"}`
	}
	return []byte(row + "}")
}

// groupRow shows a group and, where members are selected and there are some, the changed ones.
func (c *call) groupRow(q *query, g idpsim.Group, members [][]byte) []byte {
	selected := q.selected
	if selected != nil {
		selected = append(slices.Clone(selected), "id")
	}
	row := groupObject(g).append(nil, selected, "")
	asked := q.selected == nil || slices.Contains(q.selected, "members")
	if len(members) == 0 || !asked || g.Hidden() && !c.may(MemberReadHidden) {
		return row
	}
	list := append([]byte{'['}, slices.Concat(joined(members)...)...)
	list = append(list, ']')
	if idpsim.Struck(c.r, idpsim.MembersObject) {
		list = []byte("{}")
	}
	row = append(row[:len(row)-1], `,"members@delta":`...)
	return append(append(row, list...), '}')
}

// joined puts commas between rows.
func joined(rows [][]byte) (all [][]byte) {
	for i, row := range rows {
		if i > 0 {
			all = append(all, []byte{','})
		}
		all = append(all, row)
	}
	return all
}

func unique(numbers []int) []int {
	slices.Sort(numbers)
	return slices.Compact(numbers)
}
