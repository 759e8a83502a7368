package okta_test

import (
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"rollcall/connectors/idpsim"
	"rollcall/connectors/idpsim/okta"
)

func TestSearchAndFilter(t *testing.T) {
	x := open(t, idpsim.Options{Seed: 1, People: 6}, okta.Options{})
	must(t, x.pop.Do(idpsim.Step{Do: "disable", Who: "#0"}, idpsim.Step{Do: "suspend", Who: "#1"}, idpsim.Step{Do: "status", Who: "#2", Value: "STAGED"},
		idpsim.Step{Do: "set", Who: "#3", Attribute: "department", Value: "Night \"shift\""}, idpsim.Step{Do: "purge", Who: "#5"}))
	for query, want := range map[string]int{
		`search=status eq "deprovisioned"`:                                                1, // a search ignores the letter case of values
		`filter=status eq "DEPROVISIONED"`:                                                1,
		`filter=status eq "deprovisioned"`:                                                0, // a filter does not
		`search=status eq "SUSPENDED" or status eq "STAGED"`:                              2,
		`search=(status lt "ACTIVE" or status gt "ACTIVE")`:                               3,
		`search=profile.department eq "Night \"shift\""`:                                  1,
		`search=profile.firstName co "a" or profile.firstName pr`:                         5,
		`search=lastUpdated gt "2024-06-01T00:00:00.000Z"`:                                4,
		`filter=lastUpdated le "2024-06-01T00:00:00.000Z"`:                                1,
		`search=id eq "` + x.pop.OktaID("#0") + `" or id eq "` + x.pop.OktaID("#4") + `"`: 2,
		`search=(id eq "` + x.pop.OktaID("#0") + `") and status eq "ACTIVE"`:              0,
		`search=id eq "` + x.pop.OktaID("#5") + `"`:                                       0, // deleted
		`filter=id eq "nobody"`:                                                           0,
		`search=status pr&fields=id,status,profile:(login)`:                               5, // the projection is ignored
	} {
		name, text := query[:7], query[7:]
		extra := ""
		if at := len(text) - len("&fields=id,status,profile:(login)"); at > 0 && text[at] == '&' {
			text, extra = text[:at], "&fields=id"
		}
		if rows, _ := x.all("/users?" + name + url.QueryEscape(text) + extra + "&limit=1"); len(rows) != want {
			t.Errorf("%s: %d, want %d", query, len(rows), want)
		}
	}
	for _, query := range []string{
		`search=status ne "ACTIVE"`, `search=Status eq "ACTIVE"`, `search=login eq "x"`, `search=profile.department co "x"`, `search=status eq ACTIVE)`,
		`search=`, `search=not (status eq "ACTIVE")`, `search=status eq "ACTIVE" status eq "ACTIVE"`, `search="status" eq "x"`,
		`filter=status gt "A"`, `filter=profile.department eq "x"`, `filter=profile.email co "x"`, `filter=created gt "2024-06-01T00:00:00.000Z"`,
	} {
		x.refused(x.do("GET", "/users?"+query[:7]+url.QueryEscape(query[7:])), 400, "E0000031")
	}
	x.refused(x.do("GET", "/users?filter=x&search=y"), 400, "E0000031")
}

func TestGroupsAreSearched(t *testing.T) {
	x := open(t, idpsim.Options{Seed: 1, Groups: 4}, okta.Options{})
	must(t, x.pop.Do(idpsim.Step{Do: "purge-group", Group: "Finance"}, idpsim.Step{Do: "rename-group", Group: "Sales", Value: "Sales 2"}))
	for query, want := range map[string]int{
		"&q=s": 1, `&search=profile.name eq "everyone"`: 1, `&search=profile.name sw "e"`: 2, `&filter=id eq "` + x.groupID("Everyone") + `"`: 1,
		`&filter=type eq "OKTA_GROUP" and lastMembershipUpdated gt "2024-06-01T00:00:00.000Z"`: 1, `&search=id eq "nobody"`: 0,
	} {
		name, text, _ := strings.Cut(strings.TrimPrefix(query, "&"), "=")
		if rows, _ := x.all("/groups?limit=1&" + name + "=" + url.QueryEscape(text)); len(rows) != want {
			t.Errorf("%s: %d, want %d", query, len(rows), want)
		}
	}
	if rows, pages := x.all("/groups?limit=1"); len(rows) != 3 || pages != 3 {
		t.Errorf("%d groups on %d pages", len(rows), pages)
	}
	for _, query := range []string{`filter=profile.name eq "x"`, `search=name eq "x"`, `search=id ne "x"`} {
		x.refused(x.do("GET", "/groups?"+query), 400, "E0000031")
	}
}

func TestAStaleSearch(t *testing.T) {
	x := open(t, idpsim.Options{Seed: 1, People: 2}, okta.Options{})
	must(t, x.pop.Remember())
	must(t, x.pop.Suspend("#0"))
	must(t, x.faults.Set(idpsim.StaleSearch, idpsim.Where{}))
	status := func(target string) any { return x.good(target).rows(t)[0]["status"] }
	if got := status("/users?search=" + url.QueryEscape(`id pr`)); got != "ACTIVE" {
		t.Errorf("the search has heard of it: %v", got)
	}
	if got := status("/users"); got != "SUSPENDED" {
		t.Errorf("a list that is no search is stale: %v", got)
	}
}

func FuzzFilter(f *testing.F) {
	for _, seed := range []string{`status eq "ACTIVE"`, `(id eq "a" or id eq "b") and profile.email sw "x"`, `id pr`, `((((`, `id eq "\\\""`, `not not id pr`} {
		f.Add(seed)
	}
	pop := idpsim.New(idpsim.Options{Seed: 1, People: 3})
	must(f, pop.Suspend("#1"))
	api := okta.New(pop, okta.Options{})
	f.Fuzz(func(t *testing.T, text string) {
		for _, target := range []string{"/api/v1/users?search=", "/api/v1/users?filter=", "/api/v1/logs?filter="} {
			r := httptest.NewRequest("GET", target+url.QueryEscape(text), nil)
			r.Header.Set("Authorization", "SSWS token")
			w := httptest.NewRecorder()
			api.ServeHTTP(w, r)
			if w.Code != 200 && w.Code != 400 {
				t.Errorf("%s%s: %d %s", target, text, w.Code, w.Body)
			}
		}
	})
}
