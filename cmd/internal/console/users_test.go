package console

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"rollcall/state"
	"rollcall/sync/plan"
)

// TestUsersEmpty teaches the next step.
func TestUsersEmpty(t *testing.T) {
	f := newFixture(t)
	p := f.get(victor, "/users").shows(200, "Nobody is recorded yet", "rollcall sync --source NAME")
	if p.title() != "No accounts yet" {
		t.Errorf("title %q", p.title())
	}
}

// person records somebody with a phone.
func (f *fixture) person(scope state.Scope, name string) state.Record {
	f.t.Helper()
	return f.account(scope, fmt.Sprintf(`{"userName":"%s@%s.example","displayName":"%s","phoneNumbers":[{"type":"mobile","value":"+44 20 %s"},{"type":"work","value":"2"}]}`,
		strings.ToLower(name), scope.Tenant, name, name))
}

// TestUsersList shows the columns, narrows down by each filter, and sorts.
func TestUsersList(t *testing.T) {
	f := newFixture(t)
	ada, bob := f.person(acme, "Ada"), f.person(acme, "Bob")
	cyd, dan := f.person(globex, "Cyd"), f.person(acme, "Dan")
	f.life(bob, acme, state.Cause{Kind: state.CausePull, Actor: "schedule", Run: "run-1", Reason: string(plan.ReasonDisabled)}, state.Life{Said: new(false)})
	f.life(cyd, globex, state.Cause{Kind: state.CauseOperator, Actor: olga.Name, Note: "ticket 4711"}, state.Life{Pinned: new(true)})
	f.life(dan, acme, byPush, state.Life{Remove: state.RemoveDelete})

	p := f.get(victor, "/users").shows(200, "Ada", "ada@acme.example", "+44 20 Ada", "acme-entra", "pushed", "● active", "○ inactive", "disabled at the source", "⚑ pinned", "olga@example.com: ticket 4711", "Name userName ↑ Status")
	p.hides("Dan")
	if p.title() != "3 accounts" {
		t.Errorf("title %q", p.title())
	}
	for path, want := range map[string]struct {
		title string
		names []string
	}{
		"/users?tenant=acme":                    {"2 accounts of acme", []string{"Ada", "Bob"}},
		"/users?source=globex-okta":             {"1 account of globex-okta", []string{"Cyd"}},
		"/users?status=active":                  {"2 active accounts", []string{"Ada", "Cyd"}},
		"/users?status=inactive&source=":        {"1 inactive account", []string{"Bob"}},
		"/users?status=pinned":                  {"1 pinned account", []string{"Cyd"}},
		"/users?status=staged":                  {"No staged account", nil},
		"/users?status=deleted":                 {"1 deleted account", []string{"Dan"}},
		"/users?reason=disabled_at_source":      {"1 account out of force: disabled at the source", []string{"Bob"}},
		"/users?reason=gone":                    {"No account out of force: gone from the source for good", nil},
		"/users?sort=name-down":                 {"3 accounts", []string{"Cyd", "Bob", "Ada"}},
		"/users?sort=newest":                    {"3 accounts", []string{"Cyd", "Bob", "Ada"}},
		"/users?sort=oldest&tenant=acme":        {"2 accounts of acme", []string{"Ada", "Bob"}},
		"/users?source=nobody":                  {"No account of nobody", nil},
		"/users?source=globex-okta&tenant=acme": {"No account of globex-okta", nil},
	} {
		p := f.get(victor, path).shows(200)
		if p.title() != want.title {
			t.Errorf("%s: title %q, want %q", path, p.title(), want.title)
		}
		if got := p.rows(); !slices.Equal(got, want.names) {
			t.Errorf("%s: %q, want %q", path, got, want.names)
		}
	}
	p = f.get(victor, "/users").hides("Created")
	if links := p.values("a", "href"); !slices.Contains(links, "/users/"+string(ada.ID)) || !slices.Contains(links, "/users?sort=name-down") {
		t.Errorf("links %q", links)
	}
	if orders := p.values("option", "value"); !slices.Contains(orders, "newest") || !slices.Contains(orders, "oldest") {
		t.Errorf("orders %q", orders)
	}
	p = f.get(victor, "/users?sort=newest").shows(200, "Created")
	if links := p.values("a", "href"); !slices.Contains(links, "/users?sort=oldest") {
		t.Errorf("in order of creation, the heading does not turn it around: %q", links)
	}
	for _, path := range []string{"/users?status=active+ones", "/users?reason=because", "/users?sort=up", "/groups?status=pinned", "/users.csv?status=none"} {
		f.get(victor, path).shows(400, "There is no such list")
	}
}

// rows are the names of a list.
func (p *page) rows() []string {
	var names []string
	for _, part := range strings.Split(p.body, `<a class="row"`)[1:] {
		_, part, _ = strings.Cut(part, ">")
		name, _, _ := strings.Cut(part, "<")
		names = append(names, name)
	}
	return names
}

// many records n accounts in one go.
func (f *fixture) many(scope state.Scope, n int) []state.Record {
	f.t.Helper()
	mutations := make([]state.Mutation, n)
	for i := range mutations {
		mutations[i] = state.Mutation{Scope: scope, Kind: state.KindAccount, ID: state.NewID(), Cause: byPush,
			Put: &state.Put{Resource: f.value(fmt.Sprintf(`{"userName":"person-%06d@acme.example","displayName":"Person %06d","phoneNumbers":[{"value":"+44 %d"}]}`, i, i, i))}}
	}
	return f.write(mutations...)
}

// TestUsersPages goes through a list page by page: everybody once, in order, and back to the first.
func TestUsersPages(t *testing.T) {
	f := newFixture(t)
	f.many(acme, 120)
	var names []string
	path := "/users?source=acme-entra"
	for pages := 1; ; pages++ {
		p := f.get(victor, path).shows(200)
		names = append(names, p.rows()...)
		if p.title() != "120 accounts of acme-entra" {
			t.Errorf("title %q", p.title())
		}
		next := ""
		for _, l := range p.values("a", "href") {
			if strings.Contains(l, "after=") {
				next = l
			}
		}
		if next == "" {
			if pages != 3 {
				t.Errorf("%d pages, want 3", pages)
			}
			p.shows(200, "First page")
			break
		}
		if strings.Contains(next, "person") || strings.Contains(next, "example") {
			t.Errorf("a URL names people: %s", next)
		}
		path = next
	}
	if len(names) != 120 || !slices.IsSorted(names) || len(slices.Compact(names)) != 120 {
		t.Errorf("%d names: %q", len(names), names)
	}
	if p := f.get(victor, "/users?status=active&reason=unassigned"); p.title() != "No active account out of force: no longer assigned to the application" {
		t.Errorf("title %q", p.title())
	}
}

// TestUsersHostile shows names that are markup or turn the text around as harmless text.
func TestUsersHostile(t *testing.T) {
	f := newFixture(t)
	r := f.account(acme, `{"userName":"<script>alert(1)</script>","displayName":"a\u202eb\u0007<b>c","title":"<img src=x onerror=alert(1)>","phoneNumbers":[{"value":"\"><script>"}]}`)
	for _, path := range []string{"/users", "/users/" + string(r.ID), "/users/" + string(r.ID) + "/deactivate"} {
		p := f.get(olga, path).shows(200, "a\uFFFDb\uFFFD<b>c")
		for _, bad := range []string{"<script>alert", "\u202e", "\u0007", "<b>", "<img src=x"} {
			if strings.Contains(p.body, bad) {
				t.Errorf("%s has %q in it", path, bad)
			}
		}
	}
}

// TestUsersCSV hands out the whole list, quoted, without formulas, and notes who took it.
func TestUsersCSV(t *testing.T) {
	f := newFixture(t)
	f.many(acme, exportPage+20)
	f.account(globex, `{"userName":"=1+2","displayName":"Comma, \"Quote\"\nLine","phoneNumbers":[{"value":"+44 1"}],"externalId":"@SUM(A1)"}`)
	p := f.get(victor, "/users.csv?sort=name")
	if p.status != 200 || !strings.HasPrefix(p.header.Get("Content-Type"), "text/csv") || p.header.Get("Content-Disposition") != `attachment; filename="users-2026-03-04.csv"` {
		t.Errorf("status %d, headers %v", p.status, p.header)
	}
	rows, err := csv.NewReader(strings.NewReader(p.body)).ReadAll()
	f.must(err)
	if len(rows) != exportPage+22 {
		t.Errorf("%d rows", len(rows))
	}
	i := slices.IndexFunc(rows, func(r []string) bool { return strings.HasPrefix(r[0], "Comma") })
	if i < 0 {
		t.Fatal("somebody is missing")
	}
	if row := rows[i]; row[0] != "Comma, \"Quote\"\nLine" || row[1] != "'=1+2" || row[6] != "'+44 1" || row[14] != "'@SUM(A1)" || row[2] != "active" {
		t.Errorf("%q", row)
	}
	for _, row := range rows {
		for _, cell := range row {
			if cell != "" && strings.ContainsAny(cell[:1], "=+-@\t") {
				t.Errorf("a formula: %q", cell)
			}
		}
	}
	p = f.get(victor, "/users.csv?source=globex-okta")
	if n := strings.Count(p.body, "globex-okta"); n != 1 {
		t.Errorf("%d lines of one source: %s", n, p.body)
	}
	deeds, err := f.store.ListDeeds(t.Context(), globex, 0, 10)
	f.must(err)
	if len(deeds) != 1 || deeds[0].What != deedAccountsExported || deeds[0].Actor != victor.Name || deeds[0].Note != "source=globex-okta" {
		t.Errorf("deeds %+v", deeds)
	}
}

func TestCSVCell(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "Ada": "Ada", "=1": "'=1", "+1": "'+1", "-1": "'-1", "@a": "'@a", "\t=1": "'\t'=1", "\r": "'\r", "a=1": "a=1", "＝1": "'＝1", "\xff": "\ufffd", "'=": "'=",
		"a;=1": "a;'=1", "a;\"=1\"": "a;\"'=1\"", "\"=1": "\"'=1", "a\r\n@b": "a\r\n'@b", "a|-b": "a|'-b", "Berg, -1": "Berg, -1", "a,+1": "a,'+1", "Müller-Lüdenscheidt": "Müller-Lüdenscheidt",
	} {
		if got := csvCell(text); got != want {
			t.Errorf("%q becomes %q, want %q", text, got, want)
		}
	}
}

// breaking is a store whose lists end in an error after the first page.
type breaking struct {
	Store
	pages int
}

func (b *breaking) List(ctx context.Context, listing state.Listing) (state.Page, error) {
	if b.pages++; b.pages > 1 {
		return state.Page{}, errors.New("the disk is gone")
	}
	return b.Store.List(ctx, listing)
}

// TestUsersCSVBroken breaks a file off that cannot be read to its end, so that nobody takes a part for the whole.
func TestUsersCSVBroken(t *testing.T) {
	f := newFixture(t)
	f.many(acme, exportPage+1)
	f.console.Store = &breaking{Store: f.store}
	defer func() {
		if fault := recover(); fault != http.ErrAbortHandler {
			t.Errorf("the file ended with %v", fault)
		}
	}()
	f.get(victor, "/users.csv")
}

// FuzzCSVCell: wherever a spreadsheet may split a text, no part of it is a formula; and nothing but apostrophes is added.
func FuzzCSVCell(f *testing.F) {
	for _, seed := range []string{"", "=1", "a;=1", `a;""=1`, "\t+1\r\n@a", "a|-b,＝c", "'=1", "Müller-Lüdenscheidt"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got := csvCell(text)
		for _, part := range strings.FieldsFunc(got, func(r rune) bool { return strings.ContainsRune(";|,\t\r\n", r) }) {
			if part = strings.TrimLeft(part, `"`); part != "" && strings.ContainsAny(string([]rune(part)[:1]), "=+-@＝＋－＠") {
				t.Errorf("%q becomes %q, of which %q is a formula", text, got, part)
			}
		}
		if plain := strings.ToValidUTF8(text, "\ufffd"); strings.ReplaceAll(got, "'", "") != strings.ReplaceAll(plain, "'", "") && utf8.ValidString(text) {
			t.Errorf("%q becomes %q", text, got)
		}
	})
}
