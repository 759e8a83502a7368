package graph_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rollcall/connectors/idpsim"
	"rollcall/connectors/idpsim/graph"
)

func TestManagers(t *testing.T) {
	x := open(t, idpsim.Options{Seed: 1, People: 5, Reports: 2, Groups: 1}, graph.Options{})
	// 1 and 2 report to 0, 3 and 4 to 1
	managers := func(target string) (got []string) {
		rows, _ := x.all(target)
		for _, row := range rows {
			boss, _ := row["manager"].(object)
			id, _ := boss["id"].(string)
			if id != "" && (boss["@odata.type"] != "#microsoft.graph.user" || len(boss) != 2) {
				t.Errorf("%v", boss)
			}
			got = append(got, id)
		}
		return got
	}
	id := x.pop.EntraID
	want := []string{"", id("#0"), id("#0"), id("#1"), id("#1")}
	expand := "?$select=id&$expand=manager($select=id)"
	group := x.assignments("")[0]["principalId"].(string)
	for _, target := range []string{"/users" + expand, "/users" + expand + "&$top=2", "/groups/" + group + "/members/graph.user" + expand} {
		if diff := cmp.Diff(want, managers(target)); diff != "" {
			t.Errorf("%s: %s", target, diff)
		}
	}
	x.step(`[{"do":"manager","who":"#1","value":"#4"},{"do":"manager","who":"#2","value":""},{"do":"soft-delete","who":"#1"}]`)
	if diff := cmp.Diff([]string{"", "", "", ""}, managers("/users"+expand)); diff != "" { // who is in the recycle bin is nobody's manager
		t.Error(diff)
	}
	x.step(`[{"do":"restore","who":"#1"}]`)
	if one := x.get("/users/" + id("#1") + expand); one["manager"].(object)["id"] != id("#4") {
		t.Errorf("%v", one)
	}
	if one := x.get("/users/" + id("#1") + "/manager?$select=id"); one["id"] != id("#4") || one["@odata.type"] != "#microsoft.graph.user" {
		t.Errorf("%v", one)
	}
	x.refused(x.do("GET", "/users/"+id("#2")+"/manager", ""), 404, "Request_ResourceNotFound")
	for _, target := range []string{"/users?$expand=memberOf", "/users?$expand=manager($select=hat)", "/users?$expand=manager(", "/groups/" + group + "/members?$expand=manager",
		"/directory/deletedItems/graph.user?$expand=manager"} {
		x.refused(x.do("GET", target, ""), 400, "Request_BadRequest")
	}
}

func TestKindsOfGroups(t *testing.T) {
	x := open(t, idpsim.Options{Seed: 1, Groups: 1}, graph.Options{})
	target := "/groups/" + x.assignments("")[0]["principalId"].(string) + "?$select=groupTypes,membershipRule,securityEnabled,mailEnabled"
	for _, c := range []struct {
		steps string
		want  object
	}{
		{`[]`, object{"groupTypes": []any{}, "membershipRule": nil, "securityEnabled": true, "mailEnabled": false}},
		{`[{"do":"rule","group":"Everyone","value":"user.department -eq \"Sales\""}]`,
			object{"groupTypes": []any{"DynamicMembership"}, "membershipRule": `user.department -eq "Sales"`, "securityEnabled": true, "mailEnabled": false}},
		{`[{"do":"rule","group":"Everyone"},{"do":"group-kind","group":"Everyone","value":"microsoft365"}]`,
			object{"groupTypes": []any{"Unified"}, "membershipRule": nil, "securityEnabled": false, "mailEnabled": true}},
		{`[{"do":"group-kind","group":"Everyone","value":"distribution"}]`,
			object{"groupTypes": []any{}, "membershipRule": nil, "securityEnabled": false, "mailEnabled": true}},
		{`[{"do":"group-kind","group":"Everyone","value":"mail-security"}]`,
			object{"groupTypes": []any{}, "membershipRule": nil, "securityEnabled": true, "mailEnabled": true}},
	} {
		x.step(c.steps)
		got := x.get(target)
		delete(got, "@odata.context")
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s: %s", c.steps, diff)
		}
	}
}

func TestHiddenMembers(t *testing.T) {
	x := open(t, idpsim.Options{Seed: 1, People: 2, Groups: 1}, graph.Options{})
	group := x.assignments("")[0]["principalId"].(string)
	members := "/groups/" + group + "/members/graph.user?$select=id"
	x.step(`[{"do":"hide","group":"Everyone"}]`)
	x.refused(x.do("GET", members, ""), 403, "Authorization_RequestDenied")
	x.step(`[{"do":"hide","group":"Everyone","value":"silent"}]`)
	if rows, _ := x.all(members); len(rows) != 0 {
		t.Errorf("%v", rows)
	}
	x.header.Set("ConsistencyLevel", "eventual")
	if a := x.do("GET", "/groups/"+group+"/members/$count", ""); a.body != "0" {
		t.Errorf("$count is %s", a.body)
	}
	check := func() []any {
		body, _ := json.Marshal(object{"groupIds": []string{group}})
		return x.decode(x.do("POST", "/users/"+x.pop.EntraID("#0")+"/checkMemberGroups", string(body)).body)["value"].([]any)
	}
	if got := check(); len(got) != 0 {
		t.Errorf("a hidden group was named: %v", got)
	}
	x.step(`[{"do":"grant","value":"Member.Read.Hidden"}]`)
	if rows, _ := x.all(members); len(rows) != 2 {
		t.Errorf("%v", rows)
	}
	if got := check(); len(got) != 1 || got[0] != group {
		t.Errorf("%v", got)
	}
}

func TestCheckMemberGroups(t *testing.T) {
	x := open(t, idpsim.Options{Seed: 1, People: 4, Groups: 2}, graph.Options{})
	x.step(`[{"do":"nest","group":"Engineering","value":"Everyone"}]`)
	rows := x.assignments("")
	everyone, engineering := rows[0]["principalId"].(string), rows[1]["principalId"].(string)
	target := "/users/" + x.pop.EntraID("#1") + "/checkMemberGroups"
	body, _ := json.Marshal(object{"groupIds": []string{everyone, engineering, x.pop.AppID()}})
	got := x.decode(x.do("POST", target, string(body)).body)["value"]
	if diff := cmp.Diff([]any{everyone, engineering}, got); diff != "" { // of everyone through engineering
		t.Error(diff)
	}
	x.refused(x.do("POST", target, `{"groupIds":[]}`), 400, "Request_BadRequest")
	x.refused(x.do("POST", target, `{"groupIds":["`+strings.Repeat(`a","`, 20)+`"]}`), 400, "Request_BadRequest")
	x.refused(x.do("POST", "/users/"+x.pop.AppID()+"/checkMemberGroups", string(body)), 404, "Request_ResourceNotFound")
	x.step(`[{"do":"revoke","value":"GroupMember.Read.All"}]`)
	x.refused(x.do("POST", target, string(body)), 403, "Authorization_RequestDenied")
}

func TestStepsGrantAndRevoke(t *testing.T) {
	x := open(t, idpsim.Options{Seed: 1, People: 1}, graph.Options{})
	principal := x.assignments("")[0]["resourceId"].(string)
	x.step(`[{"do":"revoke","value":"Application.Read.All"}]`)
	x.refused(x.do("GET", "/servicePrincipals/"+principal, ""), 403, "Authorization_RequestDenied")
	x.get("/users")
	x.step(`[{"do":"grant","value":"Application.Read.All"},{"do":"grant","value":"Application.Read.All"},{"do":"revoke","value":"User.Read.All"}]`)
	x.get("/servicePrincipals/" + principal)
	x.refused(x.do("GET", "/users", ""), 403, "Authorization_RequestDenied")
	if err := x.pop.Do(idpsim.Step{Do: "revoke", Value: "User.Read.All"}); err == nil || !strings.Contains(err.Error(), "GroupMember.Read.All") {
		t.Errorf("revoked twice: %v", err)
	}
}

// TestTokensCarryPermissions: what is granted later is not in a token that was issued before.
func TestTokensCarryPermissions(t *testing.T) {
	x := open(t, idpsim.Options{Seed: 1}, graph.Options{Judge: func(token string) graph.Bearer {
		switch token {
		case "token":
			return graph.Bearer{Good: true, Roles: []string{graph.UserRead}}
		case "old":
			return graph.Bearer{Claims: `{"access_token":{"nbf":{"essential":true,"value":"1"}}}`}
		}
		return graph.Bearer{}
	}})
	x.get("/users")
	x.refused(x.do("GET", "/servicePrincipals", ""), 403, "Authorization_RequestDenied")
	x.header.Set("Authorization", "Bearer old")
	a := x.do("GET", "/users", "")
	x.refused(a, 401, "InvalidAuthenticationToken")
	if challenge := a.header.Get("WWW-Authenticate"); !strings.Contains(challenge, `error="insufficient_claims", claims="eyJhY2Nlc3NfdG9rZW4i`) {
		t.Error(challenge)
	}
	x.header.Set("Authorization", "Bearer wrong")
	if challenge := x.do("GET", "/users", "").header.Get("WWW-Authenticate"); strings.Contains(challenge, "claims") {
		t.Error(challenge)
	}
}

func TestGuests(t *testing.T) {
	x := open(t, idpsim.Options{Seed: 1, People: 3}, graph.Options{})
	name := strings.Split(upn(x, "#1"), "@")[0]
	x.step(`[{"do":"guest","who":"#1..#2","value":"globex.example"}]`)
	got := x.get("/users/" + x.pop.EntraID("#1") + "?$select=userPrincipalName,mail,userType,creationType,externalUserState,mailNickname")
	delete(got, "@odata.context")
	want := object{
		"userPrincipalName": name + "_globex.example#EXT#@acme.example", "mail": name + "@globex.example", "userType": "Guest",
		"creationType": "Invitation", "externalUserState": "Accepted", "mailNickname": name + "_globex.example#EXT#",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	rows, _ := x.all("/users?$select=id&$filter=userType eq 'Guest'")
	if diff := cmp.Diff([]string{x.pop.EntraID("#1"), x.pop.EntraID("#2")}, column(rows, "id")); diff != "" {
		t.Error(diff)
	}
	for _, step := range []idpsim.Step{{Do: "guest", Who: "#1", Value: "globex.example"}, {Do: "guest", Who: "#0"}} {
		if err := x.pop.Do(step); err == nil {
			t.Errorf("%+v was taken", step)
		}
	}
}

func TestRecycleBinPages(t *testing.T) {
	x := open(t, idpsim.Options{Seed: 1, People: 9}, graph.Options{})
	x.step(`[{"do":"soft-delete","who":"#2..#8"}]`)
	rows, pages := x.all("/directory/deletedItems/graph.user?$select=id,deletedDateTime&$top=3")
	if len(rows) != 7 || pages != 3 {
		t.Errorf("%d rows on %d pages", len(rows), pages)
	}
	rows, _ = x.all("/directory/deletedItems/graph.user?$select=id&$filter=id eq '" + x.pop.EntraID("#5") + "' or id eq '" + x.pop.EntraID("#1") + "'")
	if diff := cmp.Diff([]string{x.pop.EntraID("#5")}, column(rows, "id")); diff != "" {
		t.Error(diff)
	}
}
