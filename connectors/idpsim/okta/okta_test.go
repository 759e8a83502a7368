package okta_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/connectors/idpsim"
	"rollcall/connectors/idpsim/okta"
)

// object is a JSON object.
type object = map[string]any

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// org is a population behind an Okta API.
type org struct {
	*testing.T
	pop    *idpsim.Population
	api    *okta.API
	faults *idpsim.Faults
	server *httptest.Server
	header http.Header
}

func open(t *testing.T, population idpsim.Options, o okta.Options) *org {
	t.Helper()
	x := &org{T: t, pop: idpsim.New(population), faults: &idpsim.Faults{}, header: http.Header{"Authorization": {"SSWS token"}}}
	o.Faults = x.faults
	x.api = okta.New(x.pop, o)
	x.server = httptest.NewServer(x.api)
	t.Cleanup(x.server.Close)
	return x
}

// app is the path of the application, with what follows.
func (x *org) app(rest string) string { return "/apps/" + x.pop.OktaAppID() + rest }

// oneShot makes a connection for each request: on a kept one, net/http repeats a GET that was cut off by itself.
var oneShot = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   string
	err    error
}

func (x *org) do(method, target string) answer {
	x.Helper()
	if !strings.HasPrefix(target, "http") {
		target = x.server.URL + "/api/v1" + strings.NewReplacer(" ", "%20", `"`, "%22").Replace(target)
	}
	r, err := http.NewRequest(method, target, nil)
	must(x, err)
	r.Header = x.header.Clone()
	response, err := oneShot.Do(r)
	if err != nil {
		return answer{err: err}
	}
	defer func() { _ = response.Body.Close() }()
	b, err := io.ReadAll(response.Body)
	return answer{response.StatusCode, response.Header, string(b), err}
}

func (x *org) good(target string) answer {
	x.Helper()
	a := x.do("GET", target)
	if a.status != 200 || a.err != nil {
		x.Fatalf("GET %s: %d %s %v", target, a.status, a.body, a.err)
	}
	return a
}

func (x *org) get(target string) (o object) {
	x.Helper()
	must(x, json.Unmarshal([]byte(x.good(target).body), &o))
	return o
}

func (a answer) rows(t testing.TB) (rows []object) {
	t.Helper()
	if err := json.Unmarshal([]byte(a.body), &rows); err != nil {
		t.Fatalf("%v in %s", err, a.body)
	}
	return rows
}

// next is the target of the Link header with rel next.
func (a answer) next() string {
	for _, line := range a.header.Values("Link") {
		if target, ok := strings.CutSuffix(line, `>; rel="next"`); ok {
			return strings.TrimPrefix(target, "<")
		}
	}
	return ""
}

// all follows next links to the end.
func (x *org) all(target string) (rows []object, pages int) {
	x.Helper()
	for target != "" {
		a := x.good(target)
		if pages++; pages > 100 {
			x.Fatal("there is no end")
		}
		rows = append(rows, a.rows(x)...)
		target = a.next()
	}
	return rows, pages
}

func column(rows []object, name string) (values []string) {
	for _, row := range rows {
		values = append(values, fmt.Sprint(row[name]))
	}
	return values
}

// refused checks an error answer.
func (x *org) refused(a answer, status int, code string) {
	x.Helper()
	var e struct {
		ErrorCode, ErrorSummary, ErrorLink, ErrorID string
		ErrorCauses                                 []any
	}
	_ = json.Unmarshal([]byte(a.body), &e)
	if a.status != status || e.ErrorCode != code || e.ErrorLink != code || e.ErrorSummary == "" || e.ErrorID == "" || e.ErrorCauses == nil {
		x.Errorf("got %d %s, want %d %s", a.status, a.body, status, code)
	}
}

func TestPagesHoldEverybodyOnce(t *testing.T) {
	x := open(t, idpsim.Options{Seed: 1, People: 55, Groups: 2, Unassigned: 5}, okta.Options{})
	rows, pages := x.all(x.app("/users?limit=20&expand=user"))
	if len(rows) != 50 || pages != 3 {
		t.Fatalf("%d rows on %d pages", len(rows), pages)
	}
	ids := column(rows, "id")
	slices.Sort(ids)
	if len(slices.Compact(ids)) != 50 {
		t.Error("somebody is there twice")
	}
	for _, row := range rows {
		if row["_embedded"].(object)["user"].(object)["id"] != row["id"] {
			t.Fatalf("the embedded user is another one: %v", row)
		}
	}
	if rows, _ := x.all(x.app("/users")); len(rows) != 50 || rows[0]["_embedded"] != nil {
		t.Errorf("without expand: %d rows, %v", len(rows), rows[0]["_embedded"])
	}
}

func TestLinksAreLinesOfTheirOwn(t *testing.T) {
	x := open(t, idpsim.Options{Seed: 1, People: 5}, okta.Options{})
	a := x.good(x.app("/users?limit=2&expand=user"))
	links := a.header.Values("Link")
	if len(links) != 2 || !strings.HasSuffix(links[0], `; rel="self"`) || !strings.HasSuffix(links[1], `; rel="next"`) {
		t.Fatalf("%q", links)
	}
	if next := a.next(); !strings.HasPrefix(next, x.server.URL+"/api/v1/apps/") || !strings.Contains(next, "expand=user") || !strings.Contains(next, "limit=2") {
		t.Errorf("next is %s", next)
	}
	if last := x.good(x.app("/users?limit=5")); last.next() != "" || len(last.header.Values("Link")) != 1 {
		t.Errorf("the last page links on: %q", last.header.Values("Link"))
	}
}

func TestQueriesThatOktaRefuses(t *testing.T) {
	x := open(t, idpsim.Options{Seed: 1, People: 1, Groups: 1}, okta.Options{})
	for target, want := range map[string]struct {
		status int
		code   string
	}{
		x.app("/users?limit=501"):            {400, "E0000001"},
		x.app("/users?limit=0"):              {400, "E0000001"},
		x.app("/users?after=me"):             {400, "E0000001"},
		x.app("/users?sort=name"):            {400, "E0000001"},
		x.app("/groups?limit=201"):           {400, "E0000001"},
		"/users?filter=hat eq \"x\"":         {400, "E0000031"},
		"/users?filter=status ne \"ACTIVE\"": {400, "E0000031"},
		"/apps/0oaNobody":                    {404, "E0000007"},
		"/apps/0oaNobody/users":              {404, "E0000007"},
		"/apps/0oaNobody/groups":             {404, "E0000007"},
		"/users/00uNobody":                   {404, "E0000007"},
		"/groups/00gNobody":                  {404, "E0000007"},
		"/groups/00gNobody/users":            {404, "E0000007"},
		x.app("/users/00uNobody"):            {404, "E0000007"},
		"/nothing":                           {404, "E0000022"},
	} {
		x.refused(x.do("GET", target), want.status, want.code)
	}
	x.refused(x.do("DELETE", "/users"), 405, "E0000022")
}

// state shows where a person is to be seen.
func (x *org) state(id string) string {
	x.Helper()
	status := "-"
	if a := x.do("GET", "/users/"+id); a.status == 200 {
		var user object
		must(x, json.Unmarshal([]byte(a.body), &user))
		status = user["status"].(string)
	}
	apps, _ := x.all(x.app("/users"))
	plain, _ := x.all("/users")
	groups, _ := x.all(x.app("/groups"))
	members, _ := x.all("/groups/" + groups[0]["id"].(string) + "/users")
	return fmt.Sprintf("%s app=%d list=%d group=%d own=%d", status, len(apps), len(plain), len(members), x.do("GET", x.app("/users/"+id)).status)
}

func TestLife(t *testing.T) {
	x := open(t, idpsim.Options{Seed: 1, People: 3, Groups: 1, Direct: 1}, okta.Options{})
	member, direct := x.pop.OktaID("#1"), x.pop.OktaID("#0")
	for _, c := range []struct {
		step func(string) error
		who  string
		want string
	}{
		{x.pop.Enable, member, "ACTIVE app=3 list=3 group=2 own=200"},
		{x.pop.Suspend, member, "SUSPENDED app=3 list=3 group=2 own=200"}, // keeps assignment and groups
		{x.pop.Disable, member, "DEPROVISIONED app=2 list=2 group=2 own=404"},
		{x.pop.Enable, member, "ACTIVE app=3 list=3 group=2 own=200"}, // back through the group
		{x.pop.Disable, direct, "DEPROVISIONED app=2 list=2 group=2 own=404"},
		{x.pop.Enable, direct, "ACTIVE app=2 list=3 group=2 own=404"}, // the assignment by name is lost
		{func(who string) error { return x.pop.Assign(who) }, direct, "ACTIVE app=3 list=3 group=2 own=200"},
		{x.pop.SoftDelete, member, "DEPROVISIONED app=2 list=2 group=2 own=404"}, // the first DELETE only deactivates
		{x.pop.Purge, member, "- app=2 list=2 group=1 own=404"},                  // the second deletes
		{x.pop.Unassign, direct, "ACTIVE app=1 list=2 group=1 own=404"},
	} {
		must(t, c.step(c.who))
		if got := x.state(c.who); got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
}

func TestStatuses(t *testing.T) {
	x := open(t, idpsim.Options{Seed: 1, People: 1}, okta.Options{})
	id := x.pop.OktaID("#0")
	for _, status := range []string{"STAGED", "PROVISIONED", "RECOVERY", "LOCKED_OUT", "PASSWORD_EXPIRED", "SUSPENDED", "ACTIVE", "DEPROVISIONED"} {
		must(t, x.pop.Do(idpsim.Step{Do: "status", Who: id, Value: status}))
		if got := x.get("/users/" + id)["status"]; got != status {
			t.Errorf("%v, want %s", got, status)
		}
		found, _ := x.all(`/users?search=status eq "` + status + `"`)
		if len(found) != 1 {
			t.Errorf("search finds %d who are %s", len(found), status)
		}
	}
	must(t, x.pop.Do(idpsim.Step{Do: "enable", Who: id}, idpsim.Step{Do: "assign", Who: id}, idpsim.Step{Do: "moving", Who: id}))
	if user := x.get("/users/" + id); user["transitioningToStatus"] != "DEPROVISIONED" || user["status"] != "ACTIVE" {
		t.Errorf("on the way: %v", user)
	}
	must(t, x.pop.Do(idpsim.Step{Do: "app-status", Who: id, Value: "SUSPENDED"}))
	if got := x.get(x.app("/users/" + id))["status"]; got != "SUSPENDED" {
		t.Errorf("the assignment is %v", got)
	}
}

func TestAppUser(t *testing.T) {
	x := open(t, idpsim.Options{}, okta.Options{})
	must(t, x.pop.AddPerson(map[string]string{"userName": "ada@acme.example", "givenName": "Ada", "familyName": "Berg", "appUserName": "ada.b"}))
	must(t, x.pop.Assign("ada@acme.example"))
	id := x.pop.OktaID("ada@acme.example")
	before := x.get(x.app("/users/" + id + "?expand=user"))
	want := object{"givenName": "Ada", "familyName": "Berg", "email": "ada@acme.example", "displayName": "Ada Berg",
		"mobilePhone": nil, "title": nil, "department": nil, "employeeNumber": nil}
	if diff := cmp.Diff(want, before["profile"]); diff != "" {
		t.Error(diff)
	}
	if before["credentials"].(object)["userName"] != "ada.b" || before["externalId"] != nil || before["status"] != "ACTIVE" || before["scope"] != "USER" || before["syncState"] != "DISABLED" {
		t.Errorf("before the push: %v", before)
	}
	if user := before["_embedded"].(object)["user"].(object)["profile"].(object); user["login"] != "ada@acme.example" || user["firstName"] != "Ada" {
		t.Errorf("user: %v", user)
	}
	must(t, x.pop.SetExternalID(id, "ours-1"))
	after := x.get(x.app("/users/" + id))
	if after["externalId"] != "ours-1" || after["status"] != "PROVISIONED" || after["syncState"] != "SYNCHRONIZED" || after["lastSync"] == nil {
		t.Errorf("after the push: %v", after)
	}
	must(t, x.pop.Do(idpsim.Step{Do: "sync-state", Who: id, Value: "ERROR"}, idpsim.Step{Do: "app-status", Who: id, Value: "DEPROVISIONED"}))
	if failed := x.get(x.app("/users/" + id)); failed["syncState"] != "ERROR" || failed["externalId"] != nil {
		t.Errorf("deprovisioned: %v", failed)
	}
	must(t, x.pop.AddGroup("Sales"))
	must(t, x.pop.AssignGroup("Sales"))
	must(t, x.pop.Join(id, "Sales"))
	must(t, x.pop.Unassign(id))
	if got := x.get(x.app("/users/" + id))["scope"]; got != "GROUP" {
		t.Errorf("through a group the scope is %v", got)
	}
	for _, by := range []string{"ada@acme.example", "ADA@acme.example", "ada"} {
		if got := x.get("/users/" + by)["id"]; got != id {
			t.Errorf("%s is %v", by, got)
		}
	}
	if rows, _ := x.all(x.app("/users?q=AD")); len(rows) != 1 {
		t.Error("q finds nobody")
	}
	if rows, _ := x.all(x.app("/users?q=zz")); len(rows) != 0 {
		t.Error("q finds anybody")
	}
}

func TestApp(t *testing.T) {
	x := open(t, idpsim.Options{Seed: 1, People: 2, Groups: 3}, okta.Options{})
	if got := x.get(x.app(""))["status"]; got != "ACTIVE" {
		t.Error(got)
	}
	must(t, x.pop.UnassignGroup("Sales"))
	groups, _ := x.all(x.app("/groups?limit=1&expand=group"))
	if len(groups) != 2 || groups[0]["_embedded"].(object)["group"].(object)["profile"].(object)["name"] != "Everyone" {
		t.Errorf("groups: %v", groups)
	}
	if g := x.get("/groups/" + groups[1]["id"].(string)); g["profile"].(object)["name"] != "Engineering" {
		t.Errorf("group: %v", g)
	}
	must(t, x.pop.Do(idpsim.Step{Do: "app", Value: "inactive"}))
	if got := x.get(x.app(""))["status"]; got != "INACTIVE" {
		t.Error(got)
	}
	must(t, x.pop.Do(idpsim.Step{Do: "app", Value: "gone"}))
	x.refused(x.do("GET", x.app("/users")), 404, "E0000007")
}

func TestTokens(t *testing.T) {
	x := open(t, idpsim.Options{}, okta.Options{Token: "right"})
	for header, want := range map[string]int{"": 401, "SSWS": 401, "SSWS wrong": 401, "Bearer right": 401, "SSWS right": 200} {
		x.header.Set("Authorization", header)
		if got := x.do("GET", "/org").status; got != want {
			t.Errorf("%q: %d, want %d", header, got, want)
		}
	}
}

// TestFaultsInLists walks three pages of three people, the second of which is hit, and says who was seen.
func TestFaultsInLists(t *testing.T) {
	for name, want := range map[string]string{
		idpsim.Empty:      "012",
		idpsim.LostPage:   "012678",
		idpsim.LostLink:   "012345",
		idpsim.Endless:    "012345345678",
		idpsim.Duplicates: "012345345678",
		idpsim.Nulls:      "012???678",
	} {
		t.Run(name, func(t *testing.T) {
			x := open(t, idpsim.Options{Seed: 1, People: 9}, okta.Options{})
			must(t, x.faults.Set(name, idpsim.Where{Path: "after=", Times: 1}))
			rows, _ := x.all(x.app("/users?limit=3&expand=user"))
			got := ""
			for _, row := range rows {
				at := slices.IndexFunc([]string{"0", "1", "2", "3", "4", "5", "6", "7", "8"}, func(n string) bool { return x.pop.OktaID("#"+n) == row["id"] })
				if row["status"] == nil && row["profile"].(object)["email"] == nil {
					got += "?"
					continue
				}
				got += string(rune('0' + at))
			}
			if got != want {
				t.Errorf("saw %s, want %s", got, want)
			}
		})
	}
}

func TestFaults(t *testing.T) {
	for name, want := range map[string]struct {
		status int
		code   string
	}{
		idpsim.Throttle: {429, "E0000047"}, idpsim.ThrottleBare: {429, "E0000047"}, idpsim.Unavailable: {503, "E0000009"},
		idpsim.ServerError: {500, "E0000009"}, idpsim.Unauthorised: {401, "E0000011"}, idpsim.Forbidden: {403, "E0000006"},
	} {
		x := open(t, idpsim.Options{}, okta.Options{})
		must(t, x.faults.Set(name, idpsim.Where{Times: 1, Wait: time.Minute}))
		a := x.do("GET", "/org")
		x.refused(a, want.status, want.code)
		if reset := a.header.Get("X-Rate-Limit-Reset"); (reset != "") != (name == idpsim.Throttle) {
			t.Errorf("%s: reset is %q", name, reset)
		}
		if date := a.header.Get("Date"); (date == "") != (name == idpsim.ThrottleBare) {
			t.Errorf("%s: Date is %q", name, date)
		}
		x.good("/org")
	}
	x := open(t, idpsim.Options{}, okta.Options{})
	must(t, x.faults.Set(idpsim.Cut, idpsim.Where{Times: 1}))
	if a := x.do("GET", "/org"); a.err == nil {
		t.Error("the connection held")
	}
	must(t, x.faults.Set(idpsim.HTML502, idpsim.Where{Times: 1}))
	if a := x.do("GET", "/org"); a.status != 502 || !strings.HasPrefix(a.body, "<html>") {
		t.Errorf("%d %s", a.status, a.body)
	}
}
