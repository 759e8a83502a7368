package push_test

import (
	"context"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rollcall/connectors/idpsim"
	"rollcall/connectors/idpsim/push"
)

// entra is a client for a receiver.
func entra(s *receiver, pop *idpsim.Population, change func(*push.EntraOptions)) *push.Entra {
	o := push.EntraOptions{Options: push.Options{URL: s.URL, Key: "key", Population: pop}}
	if change != nil {
		change(&o)
	}
	return push.NewEntra(o)
}

// pushes runs one cycle and holds its requests against the expectation.
func pushes(t *testing.T, client interface {
	Cycle(context.Context) error
	Log() []push.Exchange
	Forget()
}, want ...string) {
	t.Helper()
	client.Forget()
	must(t, client.Cycle(context.Background()))
	if diff := cmp.Diff(want, told(client.Log())); diff != "" {
		t.Error(diff)
	}
}

const (
	patchOp = `"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"]`
	lookAda = `GET /Users?filter=userName eq "ada@acme.example"`
)

func TestEntraTestsTheConnection(t *testing.T) {
	s := receive(t)
	e := entra(s, acme(t), nil)
	must(t, e.Test(context.Background()))
	log := e.Log()
	if len(log) != 2 || !strings.HasPrefix(log[0].Target, "/Users?filter=userName+eq+%22") || !strings.HasPrefix(log[1].Target, "/Groups?excludedAttributes=members&filter=displayName+eq+%22") {
		t.Errorf("%+v", log)
	}
	for _, head := range s.heads {
		if head.Get("User-Agent") != "" || head.Get("Authorization") != "Bearer key" {
			t.Errorf("header %v", head)
		}
	}
	s.refuse["GET /Groups"] = 404
	if err := e.Test(context.Background()); err == nil {
		t.Error("a 404 for groups was taken")
	}
	s.refuse = map[string]int{"GET /Users": 401}
	if err := e.Cycle(context.Background()); err == nil || len(s.resources) > 0 {
		t.Errorf("a cycle ran with a refused key: %v", err)
	}
}

func TestEntraLife(t *testing.T) {
	s, pop := receive(t), acme(t)
	must(t, pop.Assign("ada@acme.example"))
	must(t, pop.Assign("ben@acme.example"))
	must(t, pop.Disable("ben@acme.example"))
	e := entra(s, pop, nil)
	pushes(t, e,
		lookAda,
		`POST /Users {"active":true,"displayName":"Ada Berg","meta":{"resourceType":"User"},"phoneNumbers":[{"type":"mobile","value":"+1 555 01"}],"roles":[],"schemas":["urn:ietf:params:scim:schemas:core:2.0:User","urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],"userName":"ada@acme.example"}`,
		`GET /Users?filter=userName eq "ben@acme.example"`, // disabled from the start: looked for, never created
	)
	pushes(t, e) // nothing happened
	must(t, pop.Disable("ada@acme.example"))
	pushes(t, e, `PATCH /Users/u1 {"Operations":[{"op":"Replace","path":"active","value":"False"}],`+patchOp+`}`)
	must(t, pop.Enable("ada@acme.example"))
	must(t, pop.Set("ada@acme.example", idpsim.DisplayName, "Ada B.")) // flows at creation only
	pushes(t, e, `PATCH /Users/u1 {"Operations":[{"op":"Replace","path":"active","value":"True"}],`+patchOp+`}`)
	must(t, pop.Rename("ada@acme.example", "ada.lind@acme.example"))
	pushes(t, e, `PATCH /Users/u1 {"Operations":[{"op":"Replace","path":"userName","value":"ada.lind@acme.example"}],`+patchOp+`}`)
	must(t, pop.SoftDelete("ada.lind@acme.example"))
	pushes(t, e, `PATCH /Users/u1 {"Operations":[{"op":"Replace","path":"active","value":"False"}],`+patchOp+`}`)
	must(t, pop.Restore("ada.lind@acme.example"))
	pushes(t, e, `PATCH /Users/u1 {"Operations":[{"op":"Replace","path":"active","value":"True"}],`+patchOp+`}`)
	must(t, pop.SoftDelete("ada.lind@acme.example"))
	must(t, pop.Purge("ada.lind@acme.example"))
	pushes(t, e, `DELETE /Users/u1`)
	must(t, pop.Enable("ben@acme.example"))
	pushes(t, e,
		`GET /Users?filter=userName eq "ben@acme.example"`,
		`POST /Users {"active":true,"displayName":"Ben Berg","meta":{"resourceType":"User"},"phoneNumbers":[{"type":"mobile","value":"+1 555 01"}],"roles":[],"schemas":["urn:ietf:params:scim:schemas:core:2.0:User","urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],"userName":"ben@acme.example"}`,
	)
}

func TestEntraLeavesAloneWhoLeftTheScope(t *testing.T) {
	s, pop := receive(t), acme(t)
	must(t, pop.Assign("ada@acme.example"))
	e := entra(s, pop, nil)
	must(t, e.Cycle(context.Background()))
	must(t, pop.Unassign("ada@acme.example"))
	pushes(t, e, `PATCH /Users/u1 {"Operations":[{"op":"Replace","path":"active","value":"False"}],`+patchOp+`}`)
	must(t, pop.Rename("ada@acme.example", "ada.lind@acme.example"))
	pushes(t, e)
	must(t, pop.Assign("ada.lind@acme.example"))
	pushes(t, e, `PATCH /Users/u1 {"Operations":[{"op":"Replace","path":"active","value":"True"},{"op":"Replace","path":"userName","value":"ada.lind@acme.example"}],`+patchOp+`}`)
	must(t, pop.Unassign("ada.lind@acme.example"))
	must(t, e.Cycle(context.Background()))
	must(t, pop.SoftDelete("ada.lind@acme.example"))
	must(t, pop.Purge("ada.lind@acme.example"))
	pushes(t, e) // no DELETE
}

func TestEntraBehindTheFlag(t *testing.T) {
	s, pop := receive(t), acme(t)
	must(t, pop.Assign("ada@acme.example"))
	e := entra(s, pop, func(o *push.EntraOptions) { o.Flag, o.Mapping = true, push.WideMapping() })
	must(t, e.Cycle(context.Background()))
	must(t, pop.Set("ada@acme.example", idpsim.Title, "Buyer"))
	pushes(t, e, `PATCH /Users/u1 {"Operations":[{"op":"add","path":"title","value":"Buyer"}],`+patchOp+`}`)
	must(t, pop.Set("ada@acme.example", idpsim.Title, "Planner"))
	must(t, pop.Set("ada@acme.example", idpsim.FamilyName, "Lind"))
	must(t, pop.Set("ada@acme.example", idpsim.Mail, "lind@acme.example"))
	must(t, pop.Set("ada@acme.example", idpsim.Department, "Sales"))
	must(t, pop.Disable("ada@acme.example"))
	pushes(t, e, `PATCH /Users/u1 {"Operations":[{"op":"replace","path":"active","value":false},`+
		`{"op":"replace","path":"emails[type eq \"work\"].value","value":"lind@acme.example"},`+
		`{"op":"replace","value":{"displayName":"Ada Lind","name.familyName":"Lind","title":"Planner","urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department":"Sales"}}],`+patchOp+`}`)
	must(t, pop.Clear("ada@acme.example", idpsim.Title))
	pushes(t, e) // what became empty is not sent
}

func TestEntraCreatesWithTheWideMapping(t *testing.T) {
	s, pop := receive(t), acme(t)
	must(t, pop.Set("ada@acme.example", idpsim.EmployeeNumber, "7"))
	must(t, pop.Set("ada@acme.example", idpsim.Telephone, "+1 555 02"))
	must(t, pop.Assign("ada@acme.example"))
	e := entra(s, pop, func(o *push.EntraOptions) { o.Mapping = push.WideMapping() })
	must(t, e.Cycle(context.Background()))
	want := object{
		"schemas":  []any{"urn:ietf:params:scim:schemas:core:2.0:User", "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"},
		"userName": "ada@acme.example", "active": true, "displayName": "Ada Berg", "externalId": "ada", "id": "u1",
		"name":         object{"givenName": "Ada", "familyName": "Berg"},
		"emails":       []any{object{"type": "work", "value": "ada@acme.example"}},
		"phoneNumbers": []any{object{"type": "work", "value": "+1 555 02"}, object{"type": "mobile", "value": "+1 555 01"}},
		"roles":        []any{}, "meta": object{"resourceType": "User"},
		"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": object{"employeeNumber": "7"},
	}
	if diff := cmp.Diff(want, s.resources["/Users/u1"]); diff != "" {
		t.Error(diff)
	}
}

func TestEntraFindsWhoIsThere(t *testing.T) {
	s, pop := receive(t), acme(t)
	s.resources["/Users/x1"] = object{"id": "x1", "userName": "ada@acme.example", "active": false, "title": "Buyer"}
	must(t, pop.Assign("ada@acme.example"))
	must(t, pop.Set("ada@acme.example", idpsim.Title, "Planner"))
	e := entra(s, pop, func(o *push.EntraOptions) {
		o.Mapping = []push.Row{{Target: "title", Source: idpsim.Title}, {Target: "displayName", Source: idpsim.DisplayName, CreateOnly: true}}
	})
	pushes(t, e, lookAda,
		`PATCH /Users/x1 {"Operations":[{"op":"Replace","path":"active","value":"True"},{"op":"Replace","path":"title","value":"Planner"}],`+patchOp+`}`)
	e.Restart()
	s.resources["/Users/x2"] = object{"id": "x2", "userName": "ada@acme.example"}
	if err := e.Cycle(context.Background()); err == nil || !strings.Contains(err.Error(), "DuplicateTargetEntries") {
		t.Errorf("two hits: %v", err)
	}
}

func TestEntraGivesGuestsTheirNameAtHome(t *testing.T) {
	s, pop := receive(t), idpsim.New(idpsim.Options{})
	must(t, pop.AddPerson(map[string]string{"userName": "a_b_globex.example#EXT#@acme.example", "userType": "Guest"}))
	must(t, pop.Assign("#0"))
	e := entra(s, pop, nil)
	must(t, e.Cycle(context.Background()))
	if got := s.resources["/Users/u1"]["userName"]; got != "a_b@globex.example" {
		t.Error(got)
	}
}

func TestEntraGroups(t *testing.T) {
	for _, flag := range []bool{false, true} {
		s, pop := receive(t), acme(t)
		must(t, pop.AddGroup("Sales"))
		must(t, pop.AssignGroup("Sales"))
		must(t, pop.Join("ada@acme.example", "Sales"))
		must(t, pop.Join("ben@acme.example", "Sales"))
		e := entra(s, pop, func(o *push.EntraOptions) { o.Flag, o.Groups, o.Mapping = flag, true, []push.Row{} })
		group := ""
		pop.Read(func(v *idpsim.View) { group = string(idpsim.AppendGUID(nil, v.Group(0).GUID())) })
		user := func(name string) string {
			return `POST /Users {"active":true,"meta":{"resourceType":"User"},"roles":[],"schemas":["urn:ietf:params:scim:schemas:core:2.0:User","urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],"userName":"` + name + `@acme.example"}`
		}
		// word is how an operation is spelt in the dialect
		word := func(text string) string {
			if flag {
				return strings.ToLower(text)
			}
			return text
		}
		pushes(t, e,
			lookAda, user("ada"), `GET /Users?filter=userName eq "ben@acme.example"`, user("ben"),
			`GET /Groups?excludedAttributes=members&filter=displayName eq "Sales"`,
			`POST /Groups {"displayName":"Sales","externalId":"`+group+`","meta":{"resourceType":"Group"},"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group","http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"]}`,
			`PATCH /Groups/g3 {"Operations":[{"op":"`+word("Add")+`","path":"members","value":[{"$ref":null,"value":"u1"},{"$ref":null,"value":"u2"}]}],`+patchOp+`}`,
		)
		must(t, pop.Leave("ben@acme.example", "Sales"))
		must(t, pop.Do(idpsim.Step{Do: "rename-group", Group: "Sales", Value: "Buyers"}))
		remove := `{"op":"Remove","path":"members","value":[{"value":"u2"}]}`
		if flag {
			remove = `{"op":"remove","path":"members[value eq \"u2\"]"}`
		}
		off := `"False"`
		if flag {
			off = `false`
		}
		pushes(t, e,
			`PATCH /Users/u2 {"Operations":[{"op":"`+word("Replace")+`","path":"active","value":`+off+`}],`+patchOp+`}`,
			`PATCH /Groups/g3 {"Operations":[{"op":"`+word("Replace")+`","path":"displayName","value":"Buyers"}],`+patchOp+`}`,
			`PATCH /Groups/g3 {"Operations":[`+remove+`],`+patchOp+`}`,
		)
		must(t, pop.SoftDelete("ada@acme.example")) // membership is kept
		pushes(t, e, `PATCH /Users/u1 {"Operations":[{"op":"`+word("Replace")+`","path":"active","value":`+off+`}],`+patchOp+`}`)
		must(t, pop.Purge("ada@acme.example"))
		must(t, pop.Join("cleo@acme.example", "Buyers"))
		pushes(t, e, `DELETE /Users/u1`, `GET /Users?filter=userName eq "cleo@acme.example"`, user("cleo"),
			`PATCH /Groups/g3 {"Operations":[{"op":"`+word("Add")+`","path":"members","value":[{"$ref":null,"value":"u4"}]}],`+patchOp+`}`)
		must(t, pop.UnassignGroup("Buyers"))
		pushes(t, e, `PATCH /Users/u4 {"Operations":[{"op":"`+word("Replace")+`","path":"active","value":`+off+`}],`+patchOp+`}`, `DELETE /Groups/g3`)
	}
}

func TestEntraTriesAgain(t *testing.T) {
	s, pop := receive(t), acme(t)
	must(t, pop.AddGroup("Sales"))
	must(t, pop.AssignGroup("Sales"))
	must(t, pop.Join("ada@acme.example", "Sales"))
	must(t, pop.Join("ben@acme.example", "Sales"))
	s.refuse[`GET /Users?filter=userName eq "ada@`] = 500
	e := entra(s, pop, func(o *push.EntraOptions) { o.Groups, o.Mapping, o.Workers = true, []push.Row{}, 3 })
	if err := e.Cycle(context.Background()); err == nil || !strings.Contains(err.Error(), "#0") || strings.Contains(err.Error(), "#1") {
		t.Errorf("the failure of one person: %v", err)
	}
	s.refuse = nil
	pushes(t, e, lookAda,
		`POST /Users {"active":true,"meta":{"resourceType":"User"},"roles":[],"schemas":["urn:ietf:params:scim:schemas:core:2.0:User","urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],"userName":"ada@acme.example"}`,
		`PATCH /Groups/g2 {"Operations":[{"op":"Add","path":"members","value":[{"$ref":null,"value":"u3"}]}],`+patchOp+`}`)
	pushes(t, e)
}

func TestEntraLosesPushes(t *testing.T) {
	s, pop := receive(t), acme(t)
	must(t, pop.Assign("ada@acme.example"))
	lose := false
	e := entra(s, pop, func(o *push.EntraOptions) { o.Lose = func(x push.Exchange) bool { return lose && x.Who == "#0" } })
	must(t, e.Cycle(context.Background()))
	lose = true
	must(t, pop.Disable("ada@acme.example"))
	pushes(t, e, `PATCH /Users/u1 {"Operations":[{"op":"Replace","path":"active","value":"False"}],`+patchOp+`} LOST`)
	lose = false
	pushes(t, e) // it believes that all is well
	must(t, pop.Enable("ada@acme.example"))
	pushes(t, e, `PATCH /Users/u1 {"Operations":[{"op":"Replace","path":"active","value":"True"}],`+patchOp+`}`)
}

func TestACancelledCycleIsContinued(t *testing.T) {
	s, pop := receive(t), acme(t)
	must(t, pop.Do(idpsim.Step{Do: "assign", Who: "*"}))
	ctx, cancel := context.WithCancel(context.Background())
	e := entra(s, pop, func(o *push.EntraOptions) {
		o.Lose = func(x push.Exchange) bool { cancel(); return false }
	})
	if err := e.Cycle(ctx); err == nil {
		t.Error("the cycle ended well")
	}
	must(t, e.Cycle(context.Background()))
	if len(s.resources) != 3 {
		t.Errorf("%d users, want 3", len(s.resources))
	}
}
