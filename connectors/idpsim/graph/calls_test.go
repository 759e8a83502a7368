package graph_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/connectors/idpsim"
	"rollcall/connectors/idpsim/graph"
)

func TestRecycleBin(t *testing.T) {
	x := open(t, idpsim.Options{Seed: 1, People: 3}, graph.Options{})
	id := x.pop.EntraID("#1")
	state := func() (s string) {
		rows, _ := x.all("/directory/deletedItems/microsoft.graph.user?$select=id,userPrincipalName,deletedDateTime")
		return fmt.Sprint(x.do("GET", "/users/"+id, "").status, x.do("GET", "/directory/deletedItems/"+id, "").status, len(rows), len(x.assignments("")))
	}
	if got := state(); got != "200 404 0 3" {
		t.Error("there:", got)
	}
	must(t, x.pop.SoftDelete("#1"))
	if got := state(); got != "404 200 1 2" {
		t.Error("in the bin:", got)
	}
	item := x.get("/directory/deletedItems/" + id + "?$select=id,userPrincipalName,deletedDateTime,accountEnabled")
	if item["@odata.type"] != "#microsoft.graph.user" || item["userPrincipalName"] != strings.ReplaceAll(id, "-", "")+upn(x, "#1") {
		t.Errorf("item: %v", item)
	}
	if _, err := time.Parse(time.RFC3339, item["deletedDateTime"].(string)); err != nil {
		t.Error(err)
	}
	must(t, x.pop.Restore("#1"))
	if got := state(); got != "200 404 0 3" {
		t.Error("restored:", got)
	}
	must(t, x.pop.SoftDelete("#1"))
	must(t, x.pop.Purge("#1"))
	if got := state(); got != "404 404 0 2" {
		t.Error("gone:", got)
	}
}

// batchOf makes a batch of GETs.
func batchOf(urls ...string) string {
	var requests []object
	for i, u := range urls {
		requests = append(requests, object{"id": fmt.Sprint(i + 1), "method": "GET", "url": u})
	}
	b, _ := json.Marshal(object{"requests": requests})
	return string(b)
}

func (x *tenant) batch(body string) map[string]object {
	x.Helper()
	a := x.do("POST", "/$batch", body)
	if a.status != 200 {
		x.Fatalf("batch: %d %s", a.status, a.body)
	}
	answers := map[string]object{}
	for _, one := range x.decode(a.body)["responses"].([]any) {
		answers[one.(object)["id"].(string)] = one.(object)
	}
	return answers
}

func TestBatch(t *testing.T) {
	x := open(t, idpsim.Options{Seed: 1, People: 30}, graph.Options{})
	var urls []string
	for n := range 20 {
		urls = append(urls, "/users/"+x.pop.EntraID(fmt.Sprintf("#%d", n))+"?$select=id")
	}
	a := x.do("POST", "/$batch", batchOf(urls...))
	var order []string
	for _, one := range x.decode(a.body)["responses"].([]any) {
		order = append(order, one.(object)["id"].(string))
	}
	if len(order) != 20 || slices.IsSortedFunc(order, func(a, b string) int { return len(a)*100 + int(a[0]) - len(b)*100 - int(b[0]) }) {
		t.Errorf("the answers came in the order of the requests: %v", order)
	}
	must(t, x.pop.SoftDelete("#1"))
	must(t, x.faults.Set(idpsim.Throttle, idpsim.Where{Path: x.pop.EntraID("#2"), Times: 1, Wait: 3 * time.Second}))
	answers := x.batch(batchOf(urls[:3]...))
	if answers["1"]["status"] != 200.0 || answers["1"]["body"].(object)["id"] != x.pop.EntraID("#0") {
		t.Errorf("there: %v", answers["1"])
	}
	if answers["2"]["status"] != 404.0 {
		t.Errorf("not there: %v", answers["2"])
	}
	if answers["3"]["status"] != 429.0 || answers["3"]["headers"].(object)["Retry-After"] != "3" {
		t.Errorf("throttled: %v", answers["3"])
	}
	x.refused(x.do("POST", "/$batch", batchOf(append(urls, "/users")...)), 400, "BadRequest")
	x.refused(x.do("POST", "/$batch", `{"requests":[{"id":"1","method":"GET","url":"/users"},{"id":"1","method":"GET","url":"/users"}]}`), 400, "BadRequest")
	x.refused(x.do("POST", "/$batch", `{"requests":[]}`), 400, "BadRequest")
	x.refused(x.do("POST", "/$batch", `nonsense`), 400, "BadRequest")
}

func TestCompressedBodies(t *testing.T) {
	x := open(t, idpsim.Options{Seed: 1, People: 1}, graph.Options{})
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	_, _ = z.Write([]byte(batchOf("/users/" + x.pop.EntraID("#0"))))
	must(t, z.Close())
	x.header.Set("Content-Encoding", "gzip")
	if answers := x.batch(zipped.String()); answers["1"]["status"] != 200.0 {
		t.Errorf("%v", answers)
	}
	x.refused(x.do("POST", "/$batch", batchOf("/users")), 400, "BadRequest") // says gzip, and is not
}

func TestGetByIDs(t *testing.T) {
	x := open(t, idpsim.Options{Seed: 1, People: 3, Groups: 1}, graph.Options{Permissions: []string{graph.DirectoryRead}})
	must(t, x.pop.SoftDelete("#1"))
	body, _ := json.Marshal(object{"ids": []string{x.pop.EntraID("#0"), x.pop.EntraID("#1"), x.pop.AppID()}, "types": []string{"user"}})
	page := x.decode(x.do("POST", "/directoryObjects/getByIds", string(body)).body)
	rows := page["value"].([]any)
	if len(rows) != 1 || rows[0].(object)["id"] != x.pop.EntraID("#0") {
		t.Fatalf("%v", page)
	}
	if _, there := rows[0].(object)["accountEnabled"]; there {
		t.Error("accountEnabled came along")
	}
	x.refused(x.do("POST", "/directoryObjects/getByIds", `{"ids":[]}`), 400, "Request_BadRequest")
	x.api.Grant(graph.UserRead)
	x.refused(x.do("POST", "/directoryObjects/getByIds", string(body)), 403, "Authorization_RequestDenied")
}

func TestDelta(t *testing.T) {
	x := open(t, idpsim.Options{Seed: 1, People: 450}, graph.Options{})
	follow := func(target string) (rows []object, link string) {
		for target != "" {
			page := x.get(target)
			for _, row := range page["value"].([]any) {
				rows = append(rows, row.(object))
			}
			target, _ = page["@odata.nextLink"].(string)
			link, _ = page["@odata.deltaLink"].(string)
		}
		return rows, link
	}
	rows, link := follow("/users/delta()?$select=displayName,accountEnabled")
	if len(rows) != 450 || len(rows[0]) != 3 { // the id is always there
		t.Fatalf("first round: %d rows, %v", len(rows), rows[0])
	}
	rows, again := follow(link)
	if len(rows) != 0 {
		t.Errorf("nothing happened: %v", rows)
	}
	must(t, x.pop.Disable("#1"))
	must(t, x.pop.SoftDelete("#2"))
	must(t, x.pop.Purge("#3"))
	rows, _ = follow(again)
	want := map[string]string{x.pop.EntraID("#2"): "changed", x.pop.EntraID("#3"): "deleted"}
	got := map[string]string{}
	for _, row := range rows {
		if removed, ok := row["@removed"].(object); ok {
			got[row["id"].(string)] = removed["reason"].(string)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" || rows[0]["accountEnabled"] != false {
		t.Errorf("%v %s", rows, diff)
	}
	if rows, latest := follow("/users/delta?$deltatoken=latest"); len(rows) != 0 || latest == "" {
		t.Errorf("latest: %v %q", rows, latest)
	}
	x.refused(x.do("GET", "/users/delta?$top=5", ""), 400, "Request_BadRequest")
	x.refused(x.do("GET", "/users/delta?$deltatoken=nonsense", ""), 400, "Request_BadRequest")
	must(t, x.faults.Set(idpsim.ExpiredDelta, idpsim.Where{}))
	a := x.do("GET", again, "")
	x.refused(a, 410, "syncStateNotFound")
	if _, err := url.Parse(a.header.Get("Location")); err != nil || a.header.Get("Location") == "" {
		t.Errorf("Location is %q", a.header.Get("Location"))
	}
}

func TestTransitiveMembers(t *testing.T) {
	x := open(t, idpsim.Options{Seed: 1, People: 6, Groups: 3}, graph.Options{})
	must(t, x.pop.Do(
		idpsim.Step{Do: "nest", Group: "Engineering", Value: "Everyone"},
		idpsim.Step{Do: "nest", Group: "Sales", Value: "Engineering"},
		idpsim.Step{Do: "nest", Group: "Everyone", Value: "Sales"}, // round and round
		idpsim.Step{Do: "join", Who: "#0", Group: "Sales"},
	))
	group := x.assignments("")[0]["principalId"].(string)
	all, _ := x.all("/groups/" + group + "/transitiveMembers?$top=2")
	if len(all) != 9 {
		t.Errorf("%d members, want 6 people and 3 groups: %v", len(all), column(all, "displayName"))
	}
	target := "/groups/" + group + "/transitiveMembers/graph.user?$select=id&$top=4"
	x.refused(x.do("GET", target, ""), 400, "Request_UnsupportedQuery")
	x.header.Set("ConsistencyLevel", "eventual")
	users, _ := x.all(target + "&$count=true")
	if len(users) != 6 {
		t.Errorf("%d users", len(users))
	}
	if a := x.do("GET", "/groups/"+group+"/transitiveMembers/graph.user/$count", ""); a.body != "6" {
		t.Errorf("$count is %s", a.body)
	}
}
