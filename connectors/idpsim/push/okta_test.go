package push_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rollcall/connectors/idpsim"
	"rollcall/connectors/idpsim/push"
)

// okta is a client for a receiver.
func okta(s *receiver, pop *idpsim.Population, change func(*push.OktaOptions)) *push.Okta {
	o := push.OktaOptions{Options: push.Options{URL: s.URL, Key: "key", Population: pop}}
	if change != nil {
		change(&o)
	}
	return push.NewOkta(o)
}

const lookOkta = `GET /Users?filter=userName eq "ada@acme.example"&startIndex=1&count=100`

// userOf is the body that Okta sends about one of acme's people; rest stands at the end of the object.
func userOf(active bool, name, rest string) string {
	low := strings.ToLower(name) + "@acme.example"
	return fmt.Sprintf(`"active":%v,"displayName":"%s Berg","emails":[{"primary":true,"type":"work","value":"%s"}]`, active, name, low) + rest
}

func TestOktaTestsTheConnector(t *testing.T) {
	s := receive(t)
	o := okta(s, acme(t), func(o *push.OktaOptions) { o.Groups = true })
	must(t, o.Test(context.Background()))
	if diff := cmp.Diff([]string{"GET /Users?startIndex=1&count=2", "GET /Groups?startIndex=1&count=100"}, told(o.Log())); diff != "" {
		t.Error(diff)
	}
	if head := s.heads[0]; head.Get("User-Agent") != "Okta SCIM Client 1.0.0" || head.Get("Accept") != "application/scim+json" || head.Get("Authorization") != "Bearer key" {
		t.Errorf("%v", head)
	}
	s.refuse["GET /Users"] = 401
	if err := o.Test(context.Background()); err == nil {
		t.Error("a refused key passed")
	}
}

func TestOktaCreates(t *testing.T) {
	s, pop := receive(t), acme(t)
	must(t, pop.Assign("ada@acme.example"))
	must(t, pop.Assign("ben@acme.example"))
	must(t, pop.Do(idpsim.Step{Do: "status", Who: "ben@acme.example", Value: "STAGED"}))
	o := okta(s, pop, nil)
	must(t, o.Cycle(context.Background()))
	id := pop.OktaID("ada@acme.example")
	if len(s.resources) != 1 {
		t.Fatalf("who is staged was pushed: %v", s.resources)
	}
	got := s.resources["/Users/u1"]
	if password, _ := got["password"].(string); len(password) < 12 {
		t.Errorf("password is %q", password)
	}
	delete(got, "password")
	want := object{
		"schemas": []any{"urn:ietf:params:scim:schemas:core:2.0:User"}, "id": "u1", "userName": "ada@acme.example",
		"name": object{"givenName": "Ada", "familyName": "Berg"}, "displayName": "Ada Berg", "locale": "en-US", "externalId": id,
		"emails":       []any{object{"primary": true, "value": "ada@acme.example", "type": "work"}},
		"phoneNumbers": []any{object{"type": "mobile", "value": "+1 555 01"}}, "groups": []any{}, "active": true,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	pop.Read(func(v *idpsim.View) {
		if got := v.Person(0).ExternalID(); got != "u1" {
			t.Errorf("the population knows %q as the id at the application", got)
		}
	})
	pushes(t, o)
	must(t, pop.Do(idpsim.Step{Do: "status", Who: "ben@acme.example", Value: "ACTIVE"}))
	must(t, o.Cycle(context.Background()))
	if len(s.resources) != 2 {
		t.Error("who was activated was not pushed")
	}
}

func TestOktaLife(t *testing.T) {
	for _, catalogue := range []bool{false, true} {
		t.Run(fmt.Sprintf("catalogue=%v", catalogue), func(t *testing.T) {
			s, pop := receive(t), acme(t)
			who := "ada@acme.example"
			must(t, pop.Assign(who))
			o := okta(s, pop, func(o *push.OktaOptions) { o.Catalogue = catalogue })
			must(t, o.Cycle(context.Background()))
			s.resources["/Users/u1"] = object{"id": "u1", "active": true, "meta": object{"version": "1"}} // whatever the receiver shows
			rest := func(meta, given string) string {
				return `,"id":"u1","meta":` + meta + `,"name":{"familyName":"Berg","givenName":"` + given + `"},"phoneNumbers":[{"type":"mobile","value":"+1 555 01"}],"userName":"ada@acme.example"}`
			}
			must(t, pop.Set(who, idpsim.Title, "Buyer")) // not pushed
			pushes(t, o)
			must(t, pop.Set(who, idpsim.DisplayName, "Ada Berg"))
			must(t, pop.Set(who, idpsim.GivenName, "Adele"))
			pushes(t, o, `GET /Users/u1`, `PUT /Users/u1 {`+userOf(true, "Ada", rest(`{"version":"1"}`, "Adele")))
			must(t, pop.Suspend(who))
			pushes(t, o)
			must(t, pop.Unsuspend(who))
			must(t, pop.Unassign(who))
			off := []string{`GET /Users/u1`, `PUT /Users/u1 {` + userOf(false, "Ada", rest(`{"version":"1"}`, "Adele"))}
			if catalogue {
				off = []string{`PATCH /Users/u1 {"Operations":[{"op":"replace","value":{"active":false}}],` + patchOp + `}`}
			}
			pushes(t, o, off...)
			must(t, pop.Assign(who))
			on := []string{lookOkta, `GET /Users/u1`, `PUT /Users/u1 {` + userOf(true, "Ada", rest(`{"version":"1"}`, "Adele"))}
			if catalogue {
				on = []string{lookOkta, `PATCH /Users/u1 {"Operations":[{"op":"replace","value":{"active":true}}],` + patchOp + `}`,
					`GET /Users/u1`, `PUT /Users/u1 {` + userOf(true, "Ada", rest(`{"version":"1"}`, "Adele"))}
			}
			pushes(t, o, on...)
			must(t, pop.Disable(who))
			pushes(t, o, off...)
			must(t, pop.Purge(who))
			pushes(t, o) // no DELETE, ever
		})
	}
}

func TestOktaLinksWhoIsThere(t *testing.T) {
	s, pop := receive(t), acme(t)
	s.resources["/Users/x1"] = object{"id": "x1", "email": "ada@acme.example", "active": false}
	must(t, pop.Assign("ada@acme.example"))
	o := okta(s, pop, func(o *push.OktaOptions) { o.LookUp = "email" })
	pushes(t, o, `GET /Users?filter=email eq "ada@acme.example"&startIndex=1&count=100`, `GET /Users/x1`,
		`PUT /Users/x1 {"active":true,"displayName":"Ada Berg","email":"ada@acme.example","emails":[{"primary":true,"type":"work","value":"ada@acme.example"}],"id":"x1","name":{"familyName":"Berg","givenName":"Ada"},"phoneNumbers":[{"type":"mobile","value":"+1 555 01"}],"userName":"ada@acme.example"}`)
	pop.Read(func(v *idpsim.View) {
		if got := v.Person(0).ExternalID(); got != "x1" {
			t.Error(got)
		}
	})
}

func TestOktaGroups(t *testing.T) {
	for _, catalogue := range []bool{false, true} {
		t.Run(fmt.Sprintf("catalogue=%v", catalogue), func(t *testing.T) {
			s, pop := receive(t), acme(t)
			must(t, pop.Do(idpsim.Step{Do: "assign", Who: "*"}))
			o := okta(s, pop, func(o *push.OktaOptions) { o.Catalogue, o.Groups = catalogue, true })
			must(t, o.Cycle(context.Background()))
			must(t, pop.AddGroup("Sales"))
			must(t, pop.AssignGroup("Sales"))
			must(t, pop.Join("ada@acme.example", "Sales"))
			pushes(t, o,
				`GET /Groups?filter=displayName eq "Sales"&startIndex=1&count=100`,
				`POST /Groups {"displayName":"Sales","members":[{"value":"u1","display":"ada@acme.example"}],"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"]}`,
				`GET /Groups/g4`)
			must(t, pop.Join("ben@acme.example", "Sales"))
			must(t, pop.Leave("ada@acme.example", "Sales"))
			must(t, pop.Do(idpsim.Step{Do: "rename-group", Group: "Sales", Value: "Buyers"}))
			want := []string{`PUT /Groups/g4 {"displayName":"Buyers","id":"g4","members":[{"value":"u2","display":"ben@acme.example"}],"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"]}`}
			if catalogue {
				name := `{"op":"replace","value":{"displayName":"Buyers","id":"g4"}}`
				want = []string{
					`PATCH /Groups/g4 {"Operations":[` + name + `,{"op":"add","path":"members","value":[{"value":"u2","display":"ben@acme.example"}]}],` + patchOp + `}`,
					`PATCH /Groups/g4 {"Operations":[` + name + `,{"op":"remove","path":"members[value eq \"u1\"]"}],` + patchOp + `}`,
				}
			}
			pushes(t, o, want...)
			must(t, pop.Do(idpsim.Step{Do: "purge-group", Group: "Buyers"}))
			pushes(t, o, `DELETE /Groups/g4`)
		})
	}
}

func TestOktaOverwritesAGroupThatIsThere(t *testing.T) {
	for _, catalogue := range []bool{false, true} {
		s, pop := receive(t), idpsim.New(idpsim.Options{})
		s.resources["/Groups/y1"] = object{"id": "y1", "displayName": "Sales"}
		must(t, pop.AddGroup("Sales"))
		must(t, pop.AssignGroup("Sales"))
		o := okta(s, pop, func(o *push.OktaOptions) { o.Catalogue, o.Groups = catalogue, true })
		want := `PUT /Groups/y1 {"displayName":"Sales","id":"y1","members":[],"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"]}`
		if catalogue {
			want = `PATCH /Groups/y1 {"Operations":[{"op":"replace","value":{"displayName":"Sales","id":"y1"}},{"op":"replace","path":"members","value":[]}],` + patchOp + `}`
		}
		pushes(t, o, `GET /Groups?filter=displayName eq "Sales"&startIndex=1&count=100`, want)
	}
}

func TestOktaTriesAgain(t *testing.T) {
	s, pop := receive(t), acme(t)
	must(t, pop.Assign("ada@acme.example"))
	s.refuse["POST /Users"] = 503
	o := okta(s, pop, nil)
	if err := o.Cycle(context.Background()); err == nil || !strings.Contains(err.Error(), "503") {
		t.Errorf("%v", err)
	}
	s.refuse = nil
	must(t, o.Cycle(context.Background()))
	if len(s.resources) != 1 {
		t.Error("not tried again")
	}
}
