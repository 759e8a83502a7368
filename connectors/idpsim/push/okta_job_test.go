package push_test

import (
	"context"
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/connectors/idpsim"
	"rollcall/connectors/idpsim/push"
)

// TestOktaWaitsWhenTold: whole seconds are obeyed and doubled, anything else is five minutes, and the tenth attempt is the last.
func TestOktaWaitsWhenTold(t *testing.T) {
	s, pop := receive(t), acme(t)
	must(t, pop.Assign("ada@acme.example"))
	var waited []time.Duration
	o := okta(s, pop, func(o *push.OktaOptions) { o.Pause = waits(&waited) })
	s.tooFast = []string{"3", "3", "soon", ""}
	must(t, o.Cycle(context.Background()))
	if diff := cmp.Diff([]time.Duration{3 * time.Second, 6 * time.Second, 20 * time.Minute, 40 * time.Minute}, waited); diff != "" {
		t.Error(diff)
	}
	waited = nil
	must(t, pop.Set("ada@acme.example", idpsim.GivenName, "Adele"))
	for range 20 {
		s.tooFast = append(s.tooFast, "1")
	}
	if err := o.Cycle(context.Background()); err == nil || len(waited) != 9 || waited[8] != 256*time.Second {
		t.Errorf("%v after %v", err, waited)
	}
}

func TestOktaSwitches(t *testing.T) {
	s, pop := receive(t), acme(t)
	must(t, pop.Assign("ada@acme.example"))
	o := okta(s, pop, nil)
	switches := func(value string) {
		t.Helper()
		must(t, pop.Do(idpsim.Step{Do: "provisioning", Value: value}))
	}
	switches("create=off")
	pushes(t, o, lookOkta) // nobody is created
	switches("create=on update=off deactivate=off")
	must(t, pop.Set("#0", idpsim.Title, "Buyer"))
	must(t, o.Cycle(context.Background()))
	must(t, pop.Set("#0", idpsim.GivenName, "Adele"))
	pushes(t, o)
	must(t, pop.Unassign("#0"))
	pushes(t, o)
	switches("update=on deactivate=on")
	for _, attribute := range []string{"givenName", "displayName"} { // the one follows from the other
		must(t, pop.Do(idpsim.Step{Do: "push-status", Attribute: attribute, Value: "DONT_PUSH"}))
	}
	must(t, pop.Assign("#0"))
	pushes(t, o) // the only change is in what flows at creation only
	switches("off")
	if err := o.Cycle(context.Background()); err == nil {
		t.Error("it went on without provisioning")
	}
}

func TestOktaPushNow(t *testing.T) {
	s, pop := receive(t), acme(t)
	steps(t, pop, `[{"do":"assign","who":"*"},{"do":"add-group","group":"Sales"},{"do":"assign","group":"Sales"},{"do":"join","who":"#0","group":"Sales"}]`)
	o := okta(s, pop, func(o *push.OktaOptions) { o.Groups = true })
	must(t, o.Cycle(context.Background()))
	o.Forget()
	must(t, o.Play(context.Background(), json.RawMessage(`{"do":"push-now","group":"Sales"}`)))
	want := []string{`PUT /Groups/g4 {"displayName":"Sales","id":"g4","members":[{"value":"u1","display":"ada@acme.example"}],"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"]}`}
	if diff := cmp.Diff(want, told(o.Log())); diff != "" {
		t.Error(diff)
	}
	pop.Read(func(v *idpsim.View) {
		if push := v.Group(0).Push(); push.Status != "ACTIVE" || push.Target != "g4" {
			t.Errorf("%+v", push)
		}
	})
	for _, step := range []string{`{"do":"push-now","group":"Buyers"}`, `{"do":"restart"}`, `nonsense`} {
		if err := o.Play(context.Background(), json.RawMessage(step)); err == nil {
			t.Errorf("%s was done", step)
		}
	}
	for _, step := range []string{`{"do":"test"}`, `{"do":"cycle"}`} {
		must(t, o.Play(context.Background(), json.RawMessage(step)))
	}
}

func TestOktaImports(t *testing.T) {
	s, pop := receive(t), acme(t)
	for n := range 130 {
		s.resources[fmt.Sprintf("/Users/x%d", n)] = object{"id": fmt.Sprint(n), "userName": fmt.Sprint(n), "active": n%2 == 0}
	}
	s.all = true
	o := okta(s, pop, nil)
	active, err := o.Import(context.Background())
	must(t, err)
	if diff := cmp.Diff([]string{"GET /Users?startIndex=1&count=100", "GET /Users?startIndex=101&count=100"}, told(o.Log())); diff != "" || active != 65 {
		t.Errorf("%d active: %s", active, diff)
	}
	s.refuse["GET /Users"] = 500
	if _, err := o.Import(context.Background()); err == nil {
		t.Error("an import failed without a word")
	}
}
