package graph_test

import (
	"fmt"
	"testing"
	"time"

	"rollcall/connectors/idpsim"
	"rollcall/connectors/idpsim/graph"
)

func TestResourceUnits(t *testing.T) {
	x := open(t, idpsim.Options{Seed: 1, People: 1, Groups: 1}, graph.Options{Permissions: []string{graph.DirectoryRead}})
	group := x.assignments("")[0]["principalId"].(string)
	for target, want := range map[string]string{
		"/users":                         "2",
		"/users?$select=id":              "1",
		"/users?$select=id&$top=5":       "1",
		"/users?$expand=manager":         "3",
		"/users?$expand=manager&$top=19": "2",
		"/users?$top=20":                 "2",
		"/groups/" + group + "/members":  "3",
		"/groups/" + group + "/members/graph.user?$select=id&$top=999": "2",
		"/groups/" + group + "/transitiveMembers":                      "5",
		"/servicePrincipals":                 "2",
		"/users/" + x.pop.EntraID("#0"):      "1",
		"/directory/deletedItems/graph.user": "1",
	} {
		a := x.do("GET", target, "")
		if a.status != 200 || a.header.Get("x-ms-resource-unit") != want || a.header.Get("x-ms-throttle-limit-percentage") != "" {
			t.Errorf("%s: %d, %v", target, a.status, a.header)
		}
	}
}

func TestQuota(t *testing.T) {
	now := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	x := open(t, idpsim.Options{Seed: 1, People: 30, Now: func() time.Time { return now }}, graph.Options{Quota: 20})
	ask := func() string {
		a := x.do("GET", "/users?$select=id", "")
		return fmt.Sprint(a.status, " ", a.header.Get("x-ms-throttle-limit-percentage"), " ", a.header.Get("Retry-After"))
	}
	spend := func(n int) {
		for range n {
			ask()
		}
	}
	spend(15)
	if got := ask(); got != "200 0.8 " {
		t.Errorf("the 16th of 20: %s", got)
	}
	x.header.Set("x-ms-throttle-priority", "low")
	if got := ask(); got != "429 0.85 1" {
		t.Errorf("the 17th, of low priority: %s", got)
	}
	x.header.Del("x-ms-throttle-priority")
	spend(3)
	if got := ask(); got != "429 1.05 1" {
		t.Errorf("the 21st: %s", got)
	}
	spend(9) // who goes on asking goes on counting
	a := x.do("GET", "/users", "")
	x.refused(a, 429, "TooManyRequests")
	if a.header.Get("Retry-After") != "7" || a.header.Get("x-ms-throttle-information") != "ResourceUnitLimitExceeded" || a.header.Get("x-ms-throttle-scope") == "" {
		t.Errorf("%v", a.header)
	}
	now = now.Add(7 * time.Second)
	if got := ask(); got != "200 0.95 " {
		t.Errorf("after the wait: %s", got)
	}
	now = now.Add(time.Minute)
	if got := ask(); got != "200  " {
		t.Errorf("after a minute: %s", got)
	}
	var urls []string
	for n := range 20 {
		urls = append(urls, "/users/"+x.pop.EntraID(fmt.Sprintf("#%d", n)))
	}
	throttled := 0
	for _, answer := range x.batch(batchOf(urls...)) {
		if answer["status"] == 429.0 {
			throttled++
			if answer["headers"].(object)["Retry-After"] == nil {
				t.Errorf("%v", answer)
			}
		}
	}
	if throttled != 1 { // 1 was spent, 19 are left, each request of the batch costs 1
		t.Errorf("%d of 20 were throttled", throttled)
	}
}
