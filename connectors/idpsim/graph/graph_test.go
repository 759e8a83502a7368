package graph_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rollcall/connectors/idpsim"
	"rollcall/connectors/idpsim/graph"
)

// object is a JSON object.
type object = map[string]any

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// tenant is a population behind a Graph API.
type tenant struct {
	*testing.T
	pop    *idpsim.Population
	api    *graph.API
	faults *idpsim.Faults
	server *httptest.Server
	header http.Header
}

func open(t *testing.T, population idpsim.Options, o graph.Options) *tenant {
	t.Helper()
	x := &tenant{T: t, pop: idpsim.New(population), faults: &idpsim.Faults{}, header: http.Header{"Authorization": {"Bearer token"}}}
	o.Faults = x.faults
	x.api = graph.New(x.pop, o)
	x.server = httptest.NewServer(x.api)
	t.Cleanup(x.server.Close)
	return x
}

// oneShot makes a connection for each request: on a kept one, net/http repeats a GET that was cut off by itself.
var oneShot = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   string
	err    error
}

func (x *tenant) do(method, target, body string) answer {
	x.Helper()
	if !strings.HasPrefix(target, "http") {
		target = x.server.URL + "/v1.0" + strings.NewReplacer(" ", "%20", `"`, "%22").Replace(target)
	}
	r, err := http.NewRequest(method, target, strings.NewReader(body))
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

// get reads a good answer.
func (x *tenant) get(target string) object {
	x.Helper()
	a := x.do("GET", target, "")
	if a.status != 200 {
		x.Fatalf("GET %s: %d %s %v", target, a.status, a.body, a.err)
	}
	return x.decode(a.body)
}

func (x *tenant) decode(body string) (o object) {
	x.Helper()
	if err := json.Unmarshal([]byte(body), &o); err != nil {
		x.Fatalf("%v in %s", err, body)
	}
	return o
}

// all follows next links to the end and returns the rows and how many pages there were.
func (x *tenant) all(target string) (rows []object, pages int) {
	x.Helper()
	for target != "" {
		page := x.get(target)
		if pages++; pages > 100 {
			x.Fatal("there is no end")
		}
		for _, row := range page["value"].([]any) {
			rows = append(rows, row.(object))
		}
		target, _ = page["@odata.nextLink"].(string)
	}
	return rows, pages
}

// column picks one property of each row.
func column(rows []object, name string) (values []string) {
	for _, row := range rows {
		values = append(values, fmt.Sprint(row[name]))
	}
	return values
}

// refused checks an error answer.
func (x *tenant) refused(a answer, status int, code string) {
	x.Helper()
	var e struct {
		Error struct {
			Code, Message string
			InnerError    map[string]string
		}
	}
	_ = json.Unmarshal([]byte(a.body), &e)
	if a.status != status || e.Error.Code != code || e.Error.Message == "" || e.Error.InnerError["request-id"] == "" {
		x.Errorf("got %d %s, want %d %s", a.status, a.body, status, code)
	}
}

func TestPagesHoldEverybodyOnce(t *testing.T) {
	x := open(t, idpsim.Options{Seed: 1, People: 50, Groups: 2}, graph.Options{})
	rows, pages := x.all("/users?$top=7&$select=id,userPrincipalName")
	if pages != 8 || len(rows) != 50 {
		t.Fatalf("%d rows on %d pages", len(rows), pages)
	}
	names := column(rows, "id")
	slices.Sort(names)
	if len(slices.Compact(names)) != 50 {
		t.Error("somebody is there twice")
	}
	for _, row := range rows {
		if len(row) != 2 {
			t.Fatalf("more than was selected: %v", row)
		}
	}
	if rows, pages := x.all("/users"); len(rows) != 50 || pages != 1 {
		t.Errorf("the default page holds %d on %d pages", len(rows), pages)
	}
	if rows, _ := x.all("/users?$top=25"); len(rows) != 50 {
		t.Errorf("two full pages hold %d", len(rows))
	}
}

func TestPagingSurvivesChanges(t *testing.T) {
	x := open(t, idpsim.Options{Seed: 1, People: 30}, graph.Options{})
	first := x.get("/users?$top=10&$select=id")
	must(t, x.pop.SoftDelete("#9"))  // the last one shown
	must(t, x.pop.SoftDelete("#10")) // the next one
	must(t, x.pop.Purge("#3"))
	rows, _ := x.all(first["@odata.nextLink"].(string))
	if len(rows) != 19 || rows[0]["id"] != x.pop.EntraID("#11") {
		t.Errorf("%d rows follow, from %v", len(rows), rows[0]["id"])
	}
}

func TestDefaultProjectionLacksAccountEnabled(t *testing.T) {
	x := open(t, idpsim.Options{Seed: 1, People: 1}, graph.Options{})
	user := x.get("/users/" + x.pop.EntraID("#0"))
	want := []string{"@odata.context", "businessPhones", "displayName", "givenName", "id", "jobTitle", "mail", "mobilePhone",
		"officeLocation", "preferredLanguage", "surname", "userPrincipalName"}
	var got []string
	for name := range user {
		got = append(got, name)
	}
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestQueriesThatGraphRefuses(t *testing.T) {
	x := open(t, idpsim.Options{Seed: 1, People: 3, Groups: 1}, graph.Options{})
	for _, c := range []struct{ target, code string }{
		{"/users?$top=0", "Request_BadRequest"},
		{"/users?$top=1000", "Request_BadRequest"},
		{"/users?$top=many", "Request_BadRequest"},
		{"/users?$select=hat", "Request_BadRequest"},
		{"/users?$skiptoken=zzz", "Request_BadRequest"},
		{"/users?$orderby=displayName", "Request_BadRequest"},
		{"/users?$filter=accountEnabled", "Request_BadRequest"},
		{"/users?$filter=displayName eq 'open", "Request_BadRequest"},
		{"/users?$filter=accountEnabled eq true and mail eq 'a' or mail eq 'b'", "Request_BadRequest"},
		{"/users?$filter=hat eq 'x'", "Request_UnsupportedQuery"},
		{"/users?$filter=accountEnabled ne true", "Request_UnsupportedQuery"},
		{"/servicePrincipals?$filter=hat eq 'x'", "Request_UnsupportedQuery"},
		{"/nothing", "BadRequest"},
	} {
		x.refused(x.do("GET", c.target, ""), 400, c.code)
	}
	x.refused(x.do("POST", "/users", "{}"), 405, "Request_BadRequest")
	x.refused(x.do("GET", x.server.URL+"/beta/users", ""), 404, "InvalidVersion")
}

func TestFilters(t *testing.T) {
	x := open(t, idpsim.Options{Seed: 1, People: 4}, graph.Options{})
	must(t, x.pop.Disable("#2"))
	must(t, x.pop.Set("#3", idpsim.DisplayName, "D'Orme, \"Dot\""))
	id := x.pop.EntraID
	for filter, want := range map[string][]string{
		"accountEnabled eq false":                                      {id("#2")},
		"accountEnabled eq true and id eq '" + id("#2") + "'":          nil,
		"id eq '" + id("#1") + "' or id eq '" + id("#3") + "'":         {id("#1"), id("#3")},
		"id in ('" + id("#0") + "', '" + id("#2") + "')":               {id("#0"), id("#2")},
		"displayName eq 'D''Orme, \"Dot\"'":                            {id("#3")},
		"userPrincipalName eq '" + strings.ToUpper(upn(x, "#1")) + "'": {id("#1")},
	} {
		rows, _ := x.all("/users?$select=id&$filter=" + filter)
		if diff := cmp.Diff(want, column(rows, "id")); diff != "" {
			t.Errorf("%s: %s", filter, diff)
		}
	}
	x.header.Set("ConsistencyLevel", "eventual")
	page := x.get("/users?$count=true&$filter=accountEnabled ne true")
	if page["@odata.count"] != 1.0 || len(page["value"].([]any)) != 1 {
		t.Errorf("ne: %v", page)
	}
	if a := x.do("GET", "/users/$count", ""); a.body != "4" {
		t.Errorf("$count is %s", a.body)
	}
}

func upn(x *tenant, who string) (name string) {
	id := x.pop.EntraID(who)
	x.pop.Read(func(v *idpsim.View) {
		p, _ := v.PersonByGUID(id)
		name = p.Text(idpsim.UserName)
	})
	return name
}

func TestServicePrincipal(t *testing.T) {
	x := open(t, idpsim.Options{Seed: 1, Roles: []string{"Admin"}}, graph.Options{})
	byAppID := x.get("/servicePrincipals(appId='" + x.pop.AppID() + "')?$select=id,appId,accountEnabled,appRoles")
	byID := x.get("/servicePrincipals/" + byAppID["id"].(string))
	listed, _ := x.all("/servicePrincipals?$filter=appId eq '" + x.pop.AppID() + "'")
	if byAppID["appId"] != x.pop.AppID() || byID["id"] != byAppID["id"] || len(listed) != 1 || listed[0]["id"] != byID["id"] {
		t.Errorf("%v\n%v\n%v", byAppID, byID, listed)
	}
	if roles := byAppID["appRoles"].([]any); len(roles) != 1 || roles[0].(object)["value"] != "Admin" {
		t.Errorf("roles: %v", roles)
	}
	must(t, x.pop.Do(idpsim.Step{Do: "app", Value: "inactive"}))
	if again := x.get("/servicePrincipals/" + byID["id"].(string)); again["accountEnabled"] != false {
		t.Error("still enabled")
	}
	must(t, x.pop.Do(idpsim.Step{Do: "app", Value: "gone"}))
	x.refused(x.do("GET", "/servicePrincipals/"+byID["id"].(string), ""), 404, "Request_ResourceNotFound")
	x.refused(x.do("GET", "/servicePrincipals/"+byID["id"].(string)+"/appRoleAssignedTo", ""), 404, "Request_ResourceNotFound")
	x.refused(x.do("GET", "/servicePrincipals/nonsense", ""), 404, "Request_ResourceNotFound")
}

func (x *tenant) assignments(query string) []object {
	x.Helper()
	principal := x.get("/servicePrincipals(appId='" + x.pop.AppID() + "')")["id"].(string)
	rows, _ := x.all("/servicePrincipals/" + principal + "/appRoleAssignedTo" + query)
	return rows
}

func TestAssignments(t *testing.T) {
	x := open(t, idpsim.Options{Seed: 1, People: 6, Groups: 2, Direct: 3, Roles: []string{"Admin", "Reader"}, Clients: 2}, graph.Options{})
	must(t, x.pop.Assign("#1", "Admin", "Reader"))
	must(t, x.pop.SoftDelete("#2"))
	rows := x.assignments("?$top=2")
	got := map[string]int{}
	for _, row := range rows {
		got[row["principalType"].(string)]++
	}
	if diff := cmp.Diff(map[string]int{"User": 3, "Group": 2, "ServicePrincipal": 2}, got); diff != "" {
		t.Fatal(diff)
	}
	if rows[0]["appRoleId"] != "00000000-0000-0000-0000-000000000000" {
		t.Errorf("no role is %v", rows[0]["appRoleId"])
	}
	if rows[1]["principalId"] != x.pop.EntraID("#1") || rows[2]["principalId"] != x.pop.EntraID("#1") || rows[1]["appRoleId"] == rows[2]["appRoleId"] {
		t.Errorf("two roles of one person: %v", rows[1:3])
	}
	ids := column(rows, "id")
	slices.Sort(ids)
	if len(slices.Compact(ids)) != len(rows) || len(ids[0]) != 43 {
		t.Errorf("ids: %v", ids)
	}
	must(t, x.pop.Restore("#2"))
	if again := x.assignments(""); len(again) != 8 {
		t.Errorf("after the restore there are %d rows", len(again))
	}
	if some := x.assignments("?$select=principalId,principalType"); len(some[0]) != 2 {
		t.Errorf("selected: %v", some[0])
	}
}

func TestAssignmentsOfAUser(t *testing.T) {
	x := open(t, idpsim.Options{Seed: 1, People: 4, Groups: 2, Direct: 1}, graph.Options{})
	target := "/users/" + x.pop.EntraID("#0") + "/appRoleAssignments"
	x.refused(x.do("GET", target, ""), 403, "Authorization_RequestDenied")
	x.api.Grant(graph.DirectoryRead)
	must(t, x.pop.Join("#0", "Engineering"))
	rows, _ := x.all(target)
	if diff := cmp.Diff([]string{"User", "Group"}, column(rows, "principalType")); diff != "" {
		t.Error(diff)
	}
	must(t, x.pop.Unassign("#0"))
	must(t, x.pop.Leave("#0", "Engineering"))
	if rows, _ := x.all(target); len(rows) != 0 {
		t.Errorf("still assigned: %v", rows)
	}
}

func TestMembers(t *testing.T) {
	x := open(t, idpsim.Options{Seed: 1, People: 6, Groups: 2}, graph.Options{})
	must(t, x.pop.Do(idpsim.Step{Do: "nest", Group: "Engineering", Value: "Everyone"}))
	must(t, x.pop.SoftDelete("#2"))
	must(t, x.pop.Disable("#4"))
	group := x.assignments("")[0]["principalId"].(string)
	direct, _ := x.all("/groups/" + group + "/members?$top=1&$select=id,accountEnabled")
	if diff := cmp.Diff([]string{"#microsoft.graph.user", "#microsoft.graph.user", "#microsoft.graph.group"}, column(direct, "@odata.type")); diff != "" {
		t.Error(diff)
	}
	for _, cast := range []string{"graph.user", "microsoft.graph.user"} {
		users, _ := x.all("/groups/" + group + "/members/" + cast + "?$select=id,accountEnabled")
		want := []object{{"id": x.pop.EntraID("#0"), "accountEnabled": true}, {"id": x.pop.EntraID("#4"), "accountEnabled": false}}
		if diff := cmp.Diff(want, users); diff != "" {
			t.Errorf("%s: %s", cast, diff)
		}
	}
	x.header.Set("ConsistencyLevel", "eventual")
	if a := x.do("GET", "/groups/"+group+"/members/$count", ""); a.body != "3" {
		t.Errorf("$count is %s", a.body)
	}
	if g := x.get("/groups/" + group + "?$select=displayName,securityEnabled"); g["displayName"] != "Everyone" || g["securityEnabled"] != true {
		t.Errorf("group: %v", g)
	}
	must(t, x.pop.Do(idpsim.Step{Do: "hide", Group: "Everyone"}))
	x.refused(x.do("GET", "/groups/"+group+"/members", ""), 403, "Authorization_RequestDenied")
	x.api.Grant(graph.ApplicationRead, graph.GroupMemberRead, graph.UserRead, graph.MemberReadHidden)
	x.get("/groups/" + group + "/members")
	must(t, x.pop.Do(idpsim.Step{Do: "purge-group", Group: "Everyone"}))
	x.refused(x.do("GET", "/groups/"+group+"/members", ""), 404, "Request_ResourceNotFound")
}

func TestPermissions(t *testing.T) {
	x := open(t, idpsim.Options{Seed: 1, People: 2, Groups: 1}, graph.Options{})
	group := x.assignments("")[0]["principalId"].(string)
	principal := x.assignments("")[0]["resourceId"].(string)
	targets := map[string]string{
		"/servicePrincipals/" + principal:                        graph.ApplicationRead,
		"/servicePrincipals/" + principal + "/appRoleAssignedTo": graph.ApplicationRead,
		"/servicePrincipals":                                     graph.ApplicationRead,
		"/groups/" + group:                                       graph.GroupMemberRead,
		"/groups/" + group + "/members":                          graph.GroupMemberRead,
		"/users":                                                 graph.UserRead,
		"/users/" + x.pop.EntraID("#0"):                          graph.UserRead,
		"/users/delta()":                                         graph.UserRead,
		"/directory/deletedItems/graph.user":                     graph.UserRead,
		"/users/" + x.pop.EntraID("#0") + "/appRoleAssignments":  graph.DirectoryRead,
	}
	for target, needed := range targets {
		for _, granted := range []string{graph.ApplicationRead, graph.GroupMemberRead, graph.UserRead, graph.DirectoryRead} {
			x.api.Grant(granted)
			a := x.do("GET", target, "")
			if granted == needed || granted == graph.DirectoryRead {
				if a.status != 200 {
					t.Errorf("%s with %s: %d", target, granted, a.status)
				}
				continue
			}
			x.refused(a, 403, "Authorization_RequestDenied")
		}
	}
	x.api.Grant(graph.GroupMemberRead)
	rows, _ := x.all("/groups/" + group + "/members/graph.user?$select=id,accountEnabled,displayName")
	want := object{"@odata.type": "#microsoft.graph.user", "id": x.pop.EntraID("#0"), "accountEnabled": nil, "displayName": nil}
	if diff := cmp.Diff(want, rows[0]); diff != "" {
		t.Errorf("members without the right to read users: %s", diff)
	}
}

func TestTokens(t *testing.T) {
	x := open(t, idpsim.Options{}, graph.Options{Token: "right"})
	for header, want := range map[string]int{"": 401, "Bearer": 401, "Bearer ": 401, "Bearer wrong": 401, "SSWS right": 401, "Bearer right": 200} {
		x.header.Set("Authorization", header)
		if got := x.do("GET", "/users", ""); got.status != want {
			t.Errorf("%q: %d, want %d", header, got.status, want)
		}
	}
	x.header.Del("Authorization")
	a := x.do("GET", "/users", "")
	x.refused(a, 401, "InvalidAuthenticationToken")
	if !strings.Contains(a.header.Get("WWW-Authenticate"), "authorization_uri") {
		t.Error("there is no challenge")
	}
}
