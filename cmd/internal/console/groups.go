package console

import (
	"cmp"
	"fmt"
	"net/http"
	"strconv"
	"time"

	"rollcall/state"
)

func (c *Console) groupsRoutes(mux *http.ServeMux) {
	mux.HandleFunc("GET /groups", c.groups)
	mux.HandleFunc("GET /groups.csv", c.groupsCSV)
	c.groupRoutes(mux)
}

// groupsPage answers: which groups are there, and how large are they?
type groupsPage struct {
	peopleList
	Rows []groupRow
}

// groupRow is a group in a list.
type groupRow struct {
	Name      string
	URL       string
	Scope     state.Scope
	Members   int
	More      bool // there are more members than were counted
	Deleted   bool
	CreatedAt time.Time
	ChangedAt time.Time
	Why       string // of the last change
}

// membersCounted is how far the members of a group in a list are counted.
const membersCounted = 1000

func newGroupRow(l *state.Listed) groupRow {
	r := &l.Record
	row := groupRow{
		Name: cmp.Or(r.Name, string(r.ID)), URL: pageOf("", r.ID), Scope: l.Scope, Deleted: !r.DeletedAt.IsZero(),
		CreatedAt: r.CreatedAt, ChangedAt: r.ModifiedAt, Why: whyOf(&l.Last),
	}
	if l.LastAt.After(row.ChangedAt) {
		row.ChangedAt = l.LastAt
	}
	return row
}

// Title says how many there are.
func (p *groupsPage) Title() string { return p.title("group") }

func (c *Console) groups(w http.ResponseWriter, r *http.Request) {
	list, listed, err := c.readList(r, state.KindGroup)
	page := groupsPage{peopleList: list}
	if err == nil {
		page.Rows, err = c.groupRows(r, listed, membersCounted)
	}
	if err != nil {
		c.fail(w, r, err)
		return
	}
	c.show(w, r, "groups", &page)
}

// groupRows are groups with their members counted, of each no further than limit.
func (c *Console) groupRows(r *http.Request, listed []state.Listed, limit int) ([]groupRow, error) {
	ids := map[state.Scope][]state.ID{}
	for i := range listed {
		ids[listed[i].Scope] = append(ids[listed[i].Scope], listed[i].Record.ID)
	}
	counts := map[state.ID]int{}
	for scope, groups := range ids {
		some, err := c.Store.CountMembers(r.Context(), scope, groups, limit+1)
		if err != nil {
			return nil, fmt.Errorf("count the members of groups of source %s: %w", scope.Source, err)
		}
		for id, n := range some {
			counts[id] = n
		}
	}
	rows := make([]groupRow, len(listed))
	for i := range listed {
		n := counts[listed[i].Record.ID]
		rows[i] = newGroupRow(&listed[i])
		rows[i].Members, rows[i].More = min(n, limit), n > limit
	}
	return rows, nil
}

// groupsCSV hands the list out as a file, whole, however long it is.
func (c *Console) groupsCSV(w http.ResponseWriter, r *http.Request) {
	filter, err := readFilter(r, state.KindGroup)
	var file *csvFile
	if err == nil {
		deed := state.Deed{What: deedGroupsExported, Scope: filter.scope(c.Sources()), Note: filter.words()}
		file, err = c.startCSV(w, r, "groups", deed, "name", "members", "deleted", "tenant", "source", "created_at", "changed_at", "why", "group_id", "external_id")
	}
	if err != nil {
		c.fail(w, r, err)
		return
	}
	file.end(c, r, c.eachListed(r.Context(), &filter, func(l *state.Listed) error {
		row := newGroupRow(l)
		members, err := c.Store.CountMembers(r.Context(), l.Scope, []state.ID{l.Record.ID}, 0)
		if err != nil {
			return fmt.Errorf("count the members of a group of source %s: %w", l.Scope.Source, err)
		}
		return file.row(row.Name, strconv.Itoa(members[l.Record.ID]), yesNo(row.Deleted), row.Scope.Tenant, row.Scope.Source, exactTime(row.CreatedAt), exactTime(row.ChangedAt), row.Why,
			string(l.Record.ID), textOf(l.Record.Resource, "externalId"))
	}))
}
