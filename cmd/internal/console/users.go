package console

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
	"time"

	"rollcall/state"
	"rollcall/sync/plan"
)

func (c *Console) usersRoutes(mux *http.ServeMux) {
	mux.HandleFunc("GET /users", c.users)
	mux.HandleFunc("GET /users.csv", c.usersCSV)
	c.personRoutes(mux)
}

// usersPage answers: who has an account, and who of them may not use it, and why?
type usersPage struct {
	peopleList
	Rows []userRow
}

// Marked are the marks that an account of the page has, for what they mean in words.
func (p *usersPage) Marked() []string {
	var marks []string
	for i := range p.Rows {
		marks = append(marks, p.Rows[i].Marks...)
	}
	slices.Sort(marks)
	return slices.Compact(marks)
}

// userRow is an account in a list.
type userRow struct {
	Name      string
	UserName  string
	URL       string
	State     string
	Marks     []string // statuses beside it
	Phone     string
	Scope     state.Scope
	CreatedAt time.Time
	ChangedAt time.Time
	Why       string // of the last change
}

func newUserRow(l *state.Listed) userRow {
	r := &l.Record
	resource := resourceOf(r.Resource)
	row := userRow{
		UserName: resource.Get("userName").Text, URL: pageOf(r.ID, ""), State: stateOf(r), Marks: marksOf(r), Scope: l.Scope,
		CreatedAt: r.CreatedAt, ChangedAt: r.ModifiedAt, Why: whyOf(&l.Last),
	}
	row.Name = cmp.Or(r.Name, row.UserName)
	if phones := resource.Get("phoneNumbers").List; len(phones) > 0 {
		row.Phone = phones[0].Get("value").Text
	}
	if l.LastAt.After(row.ChangedAt) {
		row.ChangedAt = l.LastAt
	}
	return row
}

// stateOf says in a word what an account's life is like.
func stateOf(r *state.Record) string {
	if !r.DeletedAt.IsZero() {
		return "deleted"
	}
	return inForce(r.InForce)
}

// marksOf are the statuses that an account has beside that.
func marksOf(r *state.Record) []string {
	var marks []string
	for _, m := range []struct {
		code string
		is   bool
	}{{"staged", r.Staged}, {"pinned", r.Pinned}, {"protected", r.Protected}} {
		if m.is {
			marks = append(marks, m.code)
		}
	}
	return marks
}

// whyOf says in a few words why something was changed; "" for what nothing is kept of.
func whyOf(cause *state.Cause) string {
	reason := plan.Reason(cause.Reason).Text()
	switch cause.Kind {
	case state.CausePush:
		return cmp.Or(reason, "pushed")
	case state.CausePull:
		return cmp.Or(reason, "pulled")
	case state.CauseApproval:
		return strings.TrimSuffix(cause.Actor+" approved: "+reason, ": ")
	case state.CauseUndo:
		return strings.TrimSuffix(cause.Actor+" took back what a run had done: "+cause.Note, ": ")
	case state.CauseOperator:
		return strings.TrimSuffix(cmp.Or(cause.Actor, "an operator")+": "+cmp.Or(cause.Note, reason), ": ")
	}
	return ""
}

// Title says how many there are.
func (p *usersPage) Title() string { return p.title("account") }

func (c *Console) users(w http.ResponseWriter, r *http.Request) {
	list, listed, err := c.readList(r, state.KindAccount)
	if err != nil {
		c.fail(w, r, err)
		return
	}
	page := usersPage{peopleList: list}
	for i := range listed {
		page.Rows = append(page.Rows, newUserRow(&listed[i]))
	}
	c.show(w, r, "users", &page)
}

// usersCSV hands the list out as a file, whole, however long it is.
func (c *Console) usersCSV(w http.ResponseWriter, r *http.Request) {
	filter, err := readFilter(r, state.KindAccount)
	var file *csvFile
	if err == nil {
		deed := state.Deed{What: deedAccountsExported, Scope: filter.scope(c.Sources()), Note: filter.words()}
		file, err = c.startCSV(w, r, "users", deed, "name", "user_name", "status", "staged", "pinned", "protected", "phone", "tenant", "source",
			"created_at", "changed_at", "why", "account_id", "object_id", "external_id")
	}
	if err != nil {
		c.fail(w, r, err)
		return
	}
	file.end(c, r, c.eachListed(r.Context(), &filter, func(l *state.Listed) error {
		row, record := newUserRow(l), &l.Record
		return file.row(row.Name, row.UserName, row.State, yesNo(record.Staged), yesNo(record.Pinned), yesNo(record.Protected), row.Phone,
			row.Scope.Tenant, row.Scope.Source, exactTime(row.CreatedAt), exactTime(row.ChangedAt), row.Why,
			string(record.ID), record.Link, textOf(record.Resource, "externalId"))
	}))
}

func yesNo(is bool) string {
	if is {
		return "yes"
	}
	return "no"
}
