package scimapi_test

import (
	"context"
	"testing"

	"rollcall/scimapi"
	"rollcall/state"
	"rollcall/state/scim"
	"rollcall/state/statetest"
)

// gate stages, or refuses.
type gate struct {
	stage bool
	err   error
	asked []state.ID
}

func (g *gate) Stage(_ context.Context, _ state.Scope, id state.ID) (bool, error) {
	g.asked = append(g.asked, id)
	return g.stage, g.err
}

func TestGate(t *testing.T) {
	g := &gate{}
	r := newReceiver(t, statetest.NewModel(), func(c *scimapi.Config) {
		c.Sources = func(string) (scimapi.Source, bool) { return scimapi.Source{Tenant: acme.Tenant, Gate: g}, true }
	})
	id := r.createUser(t, "ada@acme.example")
	active := func(said, inForce, staged bool) {
		t.Helper()
		rec, err := r.store.Record(context.Background(), acme, state.KindAccount, state.ID(id))
		if err != nil || rec.Said != said || rec.InForce != inForce || rec.Staged != staged {
			t.Errorf("said %v, in force %v, staged %v, %v; want %v, %v, %v", rec.Said, rec.InForce, rec.Staged, err, said, inForce, staged)
		}
	}
	deactivate := `{"Operations":[{"op":"replace","path":"active","value":false}]}`
	reactivate := `{"Operations":[{"op":"replace","path":"active","value":true}]}`

	r.must(t, 200, "PATCH", "/Users/"+id, `{"Operations":[{"op":"replace","path":"title","value":"Dr"}]}`)
	if len(g.asked) != 0 {
		t.Error("asked about a push that deactivates nobody")
	}
	g.err = &scim.Error{Status: 403, Detail: "not this one"}
	r.must(t, 403, "PATCH", "/Users/"+id, deactivate)
	active(true, true, false)

	g.err, g.stage = nil, true
	if got := r.must(t, 200, "PUT", "/Users/"+id, `{"userName":"ada@acme.example","active":false}`); got["active"] != false {
		t.Errorf("the provider reads active %v back", got["active"])
	}
	active(false, true, true)
	r.must(t, 200, "PATCH", "/Users/"+id, `{"Operations":[{"op":"replace","path":"title","value":"Dr Dr"}]}`)
	r.must(t, 200, "PUT", "/Users/"+id, `{"userName":"ada@acme.example","active":false,"nickName":"A"}`)
	r.must(t, 200, "PUT", "/Users/"+id, `{"userName":"ada@acme.example","nickName":"B"}`)
	active(false, true, true) // who changes something else is no second witness
	r.must(t, 200, "PATCH", "/Users/"+id, reactivate)
	active(true, true, false)

	g.stage = false
	r.must(t, 200, "PATCH", "/Users/"+id, deactivate)
	active(false, false, false)
	r.must(t, 200, "PATCH", "/Users/"+id, deactivate)
	if len(g.asked) != 3 || g.asked[0] != state.ID(id) {
		t.Errorf("asked %d times, want 3", len(g.asked))
	}
	if n := r.counts.of(scimapi.Deactivated); n != 2 {
		t.Errorf("counted %d deactivations, want 2", n)
	}
}

// TestGateOfDeletes has a DELETE of an account in force wait: it is inactive to the provider and still there, however often it is asked
// for. One that is not in force goes at once, and so do groups.
func TestGateOfDeletes(t *testing.T) {
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			g := &gate{stage: true}
			r := newReceiver(t, open(t), func(c *scimapi.Config) {
				c.Sources = func(string) (scimapi.Source, bool) { return scimapi.Source{Tenant: acme.Tenant, Gate: g}, true }
			})
			record := func(id string) (state.Record, error) {
				return r.store.Record(context.Background(), acme, state.KindAccount, state.ID(id))
			}
			ada := r.createUser(t, "ada@acme.example")
			bob := r.must(t, 201, "POST", "/Users", `{"userName":"bob@acme.example","active":false}`)["id"].(string)
			group := r.must(t, 201, "POST", "/Groups", `{"displayName":"Team"}`)["id"].(string)

			r.must(t, 412, "DELETE", "/Users/"+ada, "", "If-Match", `W/"7"`)
			for range 2 {
				r.must(t, 202, "DELETE", "/Users/"+ada, "")
				rec, err := record(ada)
				if err != nil || rec.Said || !rec.InForce || !rec.Staged {
					t.Errorf("said %v, in force %v, staged %v, %v", rec.Said, rec.InForce, rec.Staged, err)
				}
			}
			if got := r.must(t, 200, "GET", "/Users/"+ada, ""); got["active"] != false {
				t.Errorf("the provider reads active %v back", got["active"])
			}
			r.must(t, 409, "POST", "/Users", `{"userName":"ada@acme.example"}`)
			r.must(t, 204, "DELETE", "/Users/"+bob, "")
			r.must(t, 204, "DELETE", "/Groups/"+group, "")
			if len(g.asked) != 2 || r.counts.of(scimapi.Deactivated) != 1 {
				t.Errorf("asked %d times, counted %d deactivations; want 2 and 1", len(g.asked), r.counts.of(scimapi.Deactivated))
			}

			g.err = &scim.Error{Status: 403, Detail: "not this one"}
			r.must(t, 403, "DELETE", "/Users/"+ada, "")
			g.err, g.stage = nil, false
			r.must(t, 204, "DELETE", "/Users/"+ada, "")
			r.must(t, 404, "GET", "/Users/"+ada, "")
		})
	}
}
