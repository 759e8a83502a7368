package graph_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"rollcall/connectors/idpsim"
	"rollcall/connectors/idpsim/graph"
)

// TestFaults sets each fault on the second of three pages and says what comes of it.
func TestFaults(t *testing.T) {
	status := func(want int, code string) func(*testing.T, *tenant, answer) {
		return func(t *testing.T, x *tenant, a answer) { x.refused(a, want, code) }
	}
	for _, c := range []struct {
		name  string
		wait  time.Duration
		check func(*testing.T, *tenant, answer)
	}{
		{idpsim.Throttle, 1500 * time.Millisecond, func(t *testing.T, x *tenant, a answer) {
			x.refused(a, 429, "TooManyRequests")
			if a.header.Get("Retry-After") != "2" {
				t.Errorf("Retry-After is %q", a.header.Get("Retry-After"))
			}
		}},
		{idpsim.ThrottleBare, 0, func(t *testing.T, x *tenant, a answer) {
			x.refused(a, 429, "TooManyRequests")
			if a.header.Get("Retry-After") != "" {
				t.Error("there is a Retry-After")
			}
		}},
		{idpsim.Unavailable, 0, status(503, "serviceNotAvailable")},
		{idpsim.ServerError, 0, status(500, "InternalServerError")},
		{idpsim.Unauthorised, 0, status(401, "InvalidAuthenticationToken")},
		{idpsim.Forbidden, 0, status(403, "Authorization_RequestDenied")},
		{idpsim.ThrottleDate, time.Minute, func(t *testing.T, x *tenant, a answer) {
			x.refused(a, 429, "TooManyRequests")
			if when, err := time.Parse(time.RFC1123, a.header.Get("Retry-After")); err != nil || time.Until(when) < 30*time.Second {
				t.Errorf("Retry-After is %q", a.header.Get("Retry-After"))
			}
		}},
		{idpsim.ThrottleDenied, 2 * time.Second, func(t *testing.T, x *tenant, a answer) {
			x.refused(a, 403, "TooManyRequests")
			if a.header.Get("Retry-After") != "2" {
				t.Errorf("Retry-After is %q", a.header.Get("Retry-After"))
			}
		}},
		{idpsim.Concurrency, 0, status(429, "TooManyRequests")},
		{idpsim.GatewayTimeout, 0, status(504, "GatewayTimeout")},
		{idpsim.BareError, 0, func(t *testing.T, x *tenant, a answer) {
			if a.status != 500 || a.body != `{"error":{}}` || a.header.Get("Content-Type") != "application/json" {
				t.Errorf("%d %s", a.status, a.body)
			}
		}},
		{idpsim.WordlessError, 0, func(t *testing.T, x *tenant, a answer) {
			if a.status != 500 || a.body != "" {
				t.Errorf("%d %s", a.status, a.body)
			}
		}},
		{idpsim.Challenge, 0, func(t *testing.T, x *tenant, a answer) {
			x.refused(a, 401, "InvalidAuthenticationToken")
			if !strings.Contains(a.header.Get("WWW-Authenticate"), `error="insufficient_claims", claims="`) {
				t.Errorf("%v", a.header)
			}
		}},
		{idpsim.HTML200, 0, func(t *testing.T, x *tenant, a answer) {
			if a.status != 200 || !strings.HasPrefix(a.body, "<html>") || a.header.Get("Content-Type") != "text/html" {
				t.Errorf("%d %s", a.status, a.body)
			}
		}},
		{idpsim.Redirect, 0, func(t *testing.T, x *tenant, a answer) {
			if a.err == nil || !strings.Contains(a.err.Error(), "elsewhere.invalid") {
				t.Errorf("%d %v", a.status, a.err)
			}
		}},
		{idpsim.Hang, 5 * time.Millisecond, func(t *testing.T, x *tenant, a answer) {
			if a.err == nil || a.status != 0 {
				t.Errorf("%d %v", a.status, a.err)
			}
		}},
		{idpsim.NoType, 0, func(t *testing.T, x *tenant, a answer) {
			if a.status != 200 || a.header.Get("Content-Type") != "" {
				t.Errorf("%d %v", a.status, a.header)
			}
		}},
		{idpsim.OtherShape, 0, func(t *testing.T, x *tenant, a answer) {
			if a.status != 200 || a.body != `{"status":"ok"}` {
				t.Errorf("%d %s", a.status, a.body)
			}
		}},
		{idpsim.ForeignLink, 0, func(t *testing.T, x *tenant, a answer) {
			if next, _ := x.decode(a.body)["@odata.nextLink"].(string); !strings.HasPrefix(next, "http://elsewhere.invalid/v1.0/users?") {
				t.Error(a.body)
			}
		}},
		{idpsim.HTML502, 0, func(t *testing.T, x *tenant, a answer) {
			if a.status != 502 || !strings.HasPrefix(a.body, "<html>") || a.header.Get("Content-Type") != "text/html" {
				t.Errorf("%d %s", a.status, a.body)
			}
		}},
		{idpsim.Blank, 0, func(t *testing.T, x *tenant, a answer) {
			if a.status != 200 || a.body != "" || a.err != nil {
				t.Errorf("%d %q %v", a.status, a.body, a.err)
			}
		}},
		{idpsim.Truncated, 0, func(t *testing.T, x *tenant, a answer) {
			if a.status != 200 || a.err != nil || a.body == "" || json.Valid([]byte(a.body)) {
				t.Errorf("%d %q %v", a.status, a.body, a.err)
			}
		}},
		{idpsim.Cut, 0, func(t *testing.T, x *tenant, a answer) {
			if a.err == nil || a.status != 0 {
				t.Errorf("%d %v", a.status, a.err)
			}
		}},
		{idpsim.CutBody, 0, func(t *testing.T, x *tenant, a answer) {
			if a.status != 200 || a.err == nil {
				t.Errorf("%d %v", a.status, a.err)
			}
		}},
		{idpsim.SlowDrip, 16 * time.Millisecond, func(t *testing.T, x *tenant, a answer) {
			if a.status != 200 || !json.Valid([]byte(a.body)) {
				t.Errorf("%d %q", a.status, a.body)
			}
		}},
		{idpsim.ClockSkew, time.Hour, func(t *testing.T, x *tenant, a answer) {
			date, err := time.Parse(time.RFC1123, a.header.Get("Date"))
			if err != nil || time.Until(date) < time.Minute {
				t.Errorf("Date is %s", a.header.Get("Date"))
			}
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			x := open(t, idpsim.Options{Seed: 1, People: 9}, graph.Options{})
			must(t, x.faults.Set(c.name, idpsim.Where{Path: "/users", After: 1, Times: 1, Wait: c.wait}))
			first := x.get("/users?$top=3")
			next := first["@odata.nextLink"].(string)
			c.check(t, x, x.do("GET", next, ""))
			if got := x.faults.Hits(c.name); got != 1 {
				t.Errorf("%d hits", got)
			}
			if a := x.do("GET", next, ""); a.status != 200 || !json.Valid([]byte(a.body)) {
				t.Errorf("afterwards: %d %v", a.status, a.err)
			}
		})
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

		idpsim.MissingRows: "01235678",
		idpsim.Hollow:      "012345678",
	} {
		t.Run(name, func(t *testing.T) {
			x := open(t, idpsim.Options{Seed: 1, People: 9}, graph.Options{})
			must(t, x.faults.Set(name, idpsim.Where{Path: "skiptoken", Times: 1}))
			rows, _ := x.all("/users?$top=3&$select=id,accountEnabled")
			got := ""
			for _, row := range rows {
				at := slices.IndexFunc([]string{"0", "1", "2", "3", "4", "5", "6", "7", "8"}, func(n string) bool { return x.pop.EntraID("#"+n) == row["id"] })
				if row["accountEnabled"] == nil {
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

func TestStaleReplica(t *testing.T) {
	x := open(t, idpsim.Options{Seed: 1, People: 2}, graph.Options{})
	must(t, x.pop.Remember())
	must(t, x.pop.Disable("#0"))
	target := "/users/" + x.pop.EntraID("#0") + "?$select=accountEnabled"
	must(t, x.faults.Set(idpsim.Stale, idpsim.Where{Times: 1}))
	if stale, fresh := x.get(target), x.get(target); stale["accountEnabled"] != true || fresh["accountEnabled"] != false {
		t.Errorf("stale %v, fresh %v", stale, fresh)
	}
}

func TestGhosts(t *testing.T) {
	x := open(t, idpsim.Options{Seed: 1, People: 3}, graph.Options{})
	must(t, x.pop.SoftDelete("#1"))
	must(t, x.pop.Purge("#2"))
	if rows := x.assignments(""); len(rows) != 1 {
		t.Errorf("%d rows", len(rows))
	}
	must(t, x.faults.Set(idpsim.Ghosts, idpsim.Where{}))
	if rows := x.assignments(""); len(rows) != 2 || rows[1]["principalId"] != x.pop.EntraID("#1") {
		t.Errorf("with ghosts: %v", rows)
	}
}

// TestFaultsInDelta walks a first round of three pages of 200, the second of which is hit, and says how many rows were seen and whether
// there was a delta link.
func TestFaultsInDelta(t *testing.T) {
	for name, want := range map[string]string{
		idpsim.Empty:       "200 rows, deltaLink",
		idpsim.LostPage:    "400 rows, deltaLink",
		idpsim.LostLink:    "400 rows, no deltaLink",
		idpsim.Endless:     "800 rows, deltaLink",
		idpsim.Duplicates:  "800 rows, deltaLink",
		idpsim.MissingRows: "500 rows, deltaLink",
		idpsim.Hollow:      "600 rows, deltaLink",
		idpsim.Nulls:       "600 rows, deltaLink, 200 of nulls",
	} {
		x := open(t, idpsim.Options{Seed: 1, People: 600}, graph.Options{})
		must(t, x.faults.Set(name, idpsim.Where{Path: "skiptoken", Times: 1}))
		rows, link := x.round("/users/delta?$select=id,accountEnabled")
		got := fmt.Sprintf("%d rows, deltaLink", len(rows))
		if link == "" {
			got = fmt.Sprintf("%d rows, no deltaLink", len(rows))
		}
		nulls := 0
		for _, row := range rows {
			if row["accountEnabled"] == nil {
				nulls++
			}
		}
		if nulls > 0 {
			got += fmt.Sprintf(", %d of nulls", nulls)
		}
		if got != want {
			t.Errorf("%s: %s, want %s", name, got, want)
		}
	}
}

func TestNullsOfOtherThings(t *testing.T) {
	x := open(t, idpsim.Options{Seed: 1, People: 1, Groups: 1}, graph.Options{})
	targets := []string{"/servicePrincipals(appId='" + x.pop.AppID() + "')", x.sync() + "/jobs/" + x.job()["id"].(string), "/groups/" + x.assignments("")[0]["principalId"].(string)}
	must(t, x.faults.Set(idpsim.Nulls, idpsim.Where{}))
	for _, target := range targets {
		for name, value := range x.get(target) {
			if (value != nil) != (name == "id" || strings.HasPrefix(name, "@")) {
				t.Errorf("%s: %s is %v", target, name, value)
			}
		}
	}
	if jobs := x.get(strings.Split(targets[1], "/jobs")[0] + "/jobs")["value"].([]any); jobs[0].(object)["id"] == nil || jobs[0].(object)["status"] != nil {
		t.Errorf("%v", jobs)
	}
	if all, _ := x.all("/servicePrincipals"); all[0]["id"] == nil || all[0]["appId"] != nil {
		t.Errorf("%v", all)
	}
}

func TestFaultsInCounts(t *testing.T) {
	x := open(t, idpsim.Options{Seed: 1, People: 9}, graph.Options{})
	x.header.Set("ConsistencyLevel", "eventual")
	must(t, x.faults.Set(idpsim.WrongCount, idpsim.Where{}))
	if a := x.do("GET", "/users/$count", ""); a.body != "4" {
		t.Errorf("$count is %s", a.body)
	}
	if page := x.get("/users?$count=true"); page["@odata.count"] != 4.0 || len(page["value"].([]any)) != 9 {
		t.Errorf("%v of %d", page["@odata.count"], len(page["value"].([]any)))
	}
}

func TestFaultsInBatches(t *testing.T) {
	x := open(t, idpsim.Options{Seed: 1, People: 4}, graph.Options{})
	batch := batchOf("/users?$top=1", "/users?$top=1", "/users?$top=1", "/users?$top=1")
	must(t, x.faults.Set(idpsim.ItemThrottle, idpsim.Where{Times: 1}))
	answers := x.batch(batch)
	for id, want := range map[string]float64{"1": 200, "2": 429, "3": 200, "4": 429} {
		if answers[id]["status"] != want || want == 429 && answers[id]["headers"].(object)["Retry-After"] != "1" {
			t.Errorf("%s: %v", id, answers[id])
		}
	}
	must(t, x.faults.Set(idpsim.ItemLost, idpsim.Where{Times: 1}))
	if answers := x.batch(batch); len(answers) != 3 {
		t.Errorf("%d answers", len(answers))
	}
	if answers := x.batch(batch); len(answers) != 4 {
		t.Errorf("%d answers", len(answers))
	}
}

// TestEveryFaultIsTested: here, in the files of this package's tests, but for those that are Okta's alone.
func TestEveryFaultIsTested(t *testing.T) {
	files, err := filepath.Glob("*_test.go")
	must(t, err)
	var all []byte
	for _, file := range files {
		b, err := os.ReadFile(file)
		must(t, err)
		all = append(all, b...)
	}
	constant := map[string]string{}
	declared, err := os.ReadFile("../faults.go")
	must(t, err)
	for _, m := range regexp.MustCompile(`(?m)^\t(\w+) += "([a-z0-9-]+)"$`).FindAllSubmatch(declared, -1) {
		constant[string(m[2])] = string(m[1])
	}
	for _, fault := range idpsim.FaultList() {
		if !strings.Contains(fault.Does, "(Okta)") && !bytes.Contains(all, []byte("idpsim."+constant[fault.Name])) {
			t.Errorf("%s (%s) has no test", fault.Name, constant[fault.Name])
		}
	}
}
