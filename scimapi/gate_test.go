package scimapi_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"rollcall/scimapi"
	"rollcall/state"
	"rollcall/state/statetest"
)

// gate lets so many pushed removals through within its window.
type gate struct {
	mu    sync.Mutex
	room  int
	asked int
}

func (g *gate) Holds(_ *state.Record, sums state.Ledger) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.asked++
	return sums.Pushed >= g.room
}

// gated is a receiver of which a source has a gate, and the accounts that it told to be staged.
func gated(t *testing.T, store statetest.Store, g *gate) (*receiver, func() []state.ID) {
	var mu sync.Mutex
	var staged []state.ID
	r := newReceiver(t, store, func(c *scimapi.Config) {
		c.Sources = func(string) (scimapi.Source, bool) { return scimapi.Source{Tenant: acme.Tenant, Gate: g}, true }
		c.Staged = func(_ state.Scope, id state.ID) {
			mu.Lock()
			defer mu.Unlock()
			staged = append(staged, id)
		}
	})
	return r, func() []state.ID {
		mu.Lock()
		defer mu.Unlock()
		return slices.Clone(staged)
	}
}

const (
	deactivate = `{"Operations":[{"op":"replace","path":"active","value":false}]}`
	reactivate = `{"Operations":[{"op":"replace","path":"active","value":true}]}`
)

func TestGate(t *testing.T) {
	for name, open := range stores {
		t.Run(name, func(t *testing.T) { testGate(t, open(t)) })
	}
}

func testGate(t *testing.T, store statetest.Store) {
	g := &gate{}
	r, staged := gated(t, store, g)
	id := r.createUser(t, "ada@acme.example")
	active := func(said, inForce, waits bool) {
		t.Helper()
		rec, err := r.store.Record(context.Background(), acme, state.KindAccount, state.ID(id))
		if err != nil || rec.Said != said || rec.InForce != inForce || rec.Staged != waits {
			t.Errorf("said %v, in force %v, staged %v, %v; want %v, %v, %v", rec.Said, rec.InForce, rec.Staged, err, said, inForce, waits)
		}
	}

	r.must(t, 200, "PATCH", "/Users/"+id, `{"Operations":[{"op":"replace","path":"title","value":"Dr"}]}`)
	if g.asked != 0 {
		t.Error("asked about a push that deactivates nobody")
	}
	if got := r.must(t, 200, "PUT", "/Users/"+id, `{"userName":"ada@acme.example","active":false,"nickName":"A"}`); got["active"] != false || got["nickName"] != "A" {
		t.Errorf("the provider reads back %v", got)
	}
	active(false, true, true)
	r.must(t, 200, "PATCH", "/Users/"+id, `{"Operations":[{"op":"replace","path":"title","value":"Dr Dr"}]}`)
	r.must(t, 200, "PUT", "/Users/"+id, `{"userName":"ada@acme.example","active":false,"nickName":"B"}`)
	r.must(t, 200, "PUT", "/Users/"+id, `{"userName":"ada@acme.example","nickName":"C"}`)
	active(false, true, true) // who changes something else is no second witness
	r.must(t, 200, "PATCH", "/Users/"+id, reactivate)
	active(true, true, false)

	g.room = 1
	r.must(t, 200, "PATCH", "/Users/"+id, deactivate)
	active(false, false, false)
	r.must(t, 200, "PATCH", "/Users/"+id, deactivate)
	if g.asked != 2 {
		t.Errorf("asked %d times, want 2", g.asked)
	}
	if deactivated, waiting := r.counts.of(scimapi.Deactivated), r.counts.of(scimapi.Staged); deactivated != 1 || waiting != 1 {
		t.Errorf("counted %d deactivations and %d stagings, want one each", deactivated, waiting)
	}
	if got := staged(); !slices.Equal(got, []state.ID{state.ID(id)}) {
		t.Errorf("told to be staged: %v", got)
	}
}

// ownerGate holds nothing but what would take the owner's access away.
type ownerGate struct{}

func (ownerGate) Protects(account *state.Record) bool {
	return account.Protected || strings.Contains(string(account.Resource), `"userName":"Owner@`)
}

func (g ownerGate) Holds(account *state.Record, _ state.Ledger) bool { return g.Protects(account) }

// TestRenamedOutOfTheirProtection: whoever is protected by name stays so when a push gives them another name, be it to take their access
// away with the next one.
func TestRenamedOutOfTheirProtection(t *testing.T) {
	const renamed = `{"Operations":[{"op":"replace","path":"userName","value":"somebody@acme.example"}]}`
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			r := newReceiver(t, open(t), func(c *scimapi.Config) {
				c.Sources = func(string) (scimapi.Source, bool) {
					return scimapi.Source{Tenant: acme.Tenant, Gate: ownerGate{}, Protects: ownerGate{}.Protects}, true
				}
			})
			for i := range 5 {
				r.must(t, 201, "POST", "/Users", fmt.Sprintf(`{"userName":"%d@acme.example"}`, i))
			}
			id := r.must(t, 201, "POST", "/Users", `{"userName":"Owner@acme.example"}`)["id"].(string)
			other := r.must(t, 201, "POST", "/Users", `{"userName":"other@acme.example"}`)["id"].(string)
			r.must(t, 200, "PATCH", "/Users/"+id, renamed)
			r.must(t, 200, "PATCH", "/Users/"+id, deactivate)
			r.must(t, 200, "PATCH", "/Users/"+other, deactivate)
			for id, stays := range map[string]bool{id: true, other: false} {
				rec, err := r.store.Record(t.Context(), acme, state.KindAccount, state.ID(id))
				if err != nil || rec.InForce != stays || rec.Staged != stays || rec.Protected != stays {
					t.Errorf("%s: in force %v, staged %v, protected %v, %v", rec.Name, rec.InForce, rec.Staged, rec.Protected, err)
				}
			}
			r.must(t, 202, "DELETE", "/Users/"+id, "")
		})
	}
}

// TestGateOfDeletes has a DELETE of an account in force wait: it is inactive to the provider and still there, however often it is asked
// for. One that is not in force goes at once, and so do groups.
func TestGateOfDeletes(t *testing.T) {
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			g := &gate{}
			r, staged := gated(t, open(t), g)
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
			entries, err := r.store.Entries(context.Background(), acme.Tenant, 0, 0)
			if err != nil || entries[len(entries)-1].Cause.Reason != state.ReasonDelete || entries[len(entries)-1].Request == "" {
				t.Errorf("what waits is not known as a DELETE: %+v, %v", entries, err)
			}
			if got := r.must(t, 200, "GET", "/Users/"+ada, ""); got["active"] != false {
				t.Errorf("the provider reads active %v back", got["active"])
			}
			r.must(t, 204, "DELETE", "/Users/"+bob, "")
			r.must(t, 204, "DELETE", "/Groups/"+group, "")
			if g.asked != 2 || len(staged()) != 1 || r.counts.of(scimapi.Deactivated) != 0 || r.counts.of(scimapi.Staged) != 1 {
				t.Errorf("asked %d times, told of %v", g.asked, staged())
			}

			g.room = 1
			r.must(t, 204, "DELETE", "/Users/"+ada, "")
			r.must(t, 404, "GET", "/Users/"+ada, "")
		})
	}
}

// TestGateOfDeleteAfterDeactivation: a DELETE of somebody whose deactivation waits is journalled with its request, and what comes into
// force is the deletion. To push them as active takes all of it back.
func TestGateOfDeleteAfterDeactivation(t *testing.T) {
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			r, staged := gated(t, open(t), &gate{})
			ada := state.ID(r.createUser(t, "ada@acme.example"))
			last := func() state.Entry {
				t.Helper()
				entries, err := r.store.EntriesOf(t.Context(), acme, ada)
				if err != nil {
					t.Fatal(err)
				}
				return entries[len(entries)-1]
			}
			waits := func(inForce, deletes bool) {
				t.Helper()
				rec, err := r.store.Record(t.Context(), acme, state.KindAccount, ada)
				if err != nil || !rec.InForce || rec.Staged != !rec.Said || rec.Said != inForce || rec.Deletes != deletes {
					t.Fatalf("said %v, in force %v, staged %v, a DELETE %v, %v", rec.Said, rec.InForce, rec.Staged, rec.Deletes, err)
				}
			}
			for _, back := range []string{
				`{"userName":"ada@acme.example","active":true}`, `{"userName":"ada@acme.example","title":"Dr","active":true}`,
			} {
				r.must(t, 200, "PATCH", "/Users/"+string(ada), deactivate)
				waits(false, false)
				r.must(t, 202, "DELETE", "/Users/"+string(ada), "")
				waits(false, true)
				e := last()
				if e.Cause.Reason != state.ReasonDelete || e.Cause.Kind != state.CausePush || e.Verb != state.VerbLife {
					t.Errorf("the journal says %+v", e)
				}
				if request, err := r.store.Request(t.Context(), e.Request); err != nil || request.Method != "DELETE" || request.Status != 202 {
					t.Errorf("the request behind it is %+v, %v", request, err)
				}
				if got := r.must(t, 200, "GET", "/Users/"+string(ada), ""); got["active"] != false {
					t.Errorf("the provider reads active %v back", got["active"])
				}
				r.must(t, 202, "DELETE", "/Users/"+string(ada), "")
				r.must(t, 200, "PATCH", "/Users/"+string(ada), deactivate)
				if again := last(); again.Number != e.Number {
					t.Errorf("the same once more is journalled: %+v", again)
				}
				waits(false, true)
				r.must(t, 200, "PUT", "/Users/"+string(ada), back)
				waits(true, false)
			}
			if n := len(staged()); n != 4 {
				t.Errorf("told %d times that she waits, want 4", n)
			}

			r.must(t, 200, "PATCH", "/Users/"+string(ada), deactivate)
			r.must(t, 202, "DELETE", "/Users/"+string(ada), "")
			results, err := r.store.Write(state.Urgent, []state.Mutation{{
				Scope: acme, Kind: state.KindAccount, ID: ada, Life: &state.Life{InForce: new(false)}, Cause: state.Cause{Kind: state.CauseApproval, Actor: "olga"},
			}})
			if err != nil || results[0].Err != nil {
				t.Fatal(err, results)
			}
			r.must(t, 404, "GET", "/Users/"+string(ada), "")
			if e := last(); e.Verb != state.VerbDelete {
				t.Errorf("what is approved is %s", e.Verb)
			}
			if id := r.createUser(t, "ada@acme.example"); id == string(ada) {
				t.Error("who is gone is back by her name")
			}
		})
	}
}

// TestCreatedAnewWhileTheDeleteWaits: a provider that makes somebody anew whom it has deleted gets the account that they have, unless it
// is somebody else by their externalId. What was deleted of it is gone with what is sent now.
func TestCreatedAnewWhileTheDeleteWaits(t *testing.T) {
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			r, _ := gated(t, open(t), &gate{})
			for i, test := range []struct {
				was, link, sent string
				status          int
			}{
				{"", "", "", 201},
				{"", "", "x", 201},
				{"x", "", "", 201},
				{"x", "", "x", 201},
				{"", "x", "x", 201},
				{"y", "x", "x", 201},
				{"x", "", "X", 409},
				{"x", "", "y", 409},
				{"", "x", "y", 409},
			} {
				user := fmt.Sprintf(`"userName":"ada-%d@acme.example"`, i)
				id := r.must(t, 201, "POST", "/Users", `{`+user+`,"externalId":"`+test.was+`","title":"Dr"}`)["id"].(string)
				link := fmt.Sprintf("%s-%d", test.link, i)
				sent := test.sent
				if test.link != "" {
					if sent == test.link {
						sent = link
					}
					results, err := r.store.Write(state.Urgent, []state.Mutation{{
						Scope: acme, Kind: state.KindAccount, ID: state.ID(id), Life: &state.Life{Link: &link}, Cause: state.Cause{Kind: state.CausePull},
					}})
					if err != nil || results[0].Err != nil {
						t.Fatal(err, results)
					}
				}
				r.must(t, 409, "POST", "/Users", `{`+user+`}`)
				r.must(t, 200, "PATCH", "/Users/"+id, deactivate)
				r.must(t, 409, "POST", "/Users", `{`+user+`}`) // who is deactivated has not been deleted
				r.must(t, 202, "DELETE", "/Users/"+id, "")

				got := r.do(t, "POST", "/auth/scim/Users", `{`+user+`,"externalId":"`+sent+`","nickName":"A"}`)
				if got.status != test.status {
					t.Fatalf("%+v: status %d: %s", test, got.status, got.body)
				}
				rec, err := r.store.Record(t.Context(), acme, state.KindAccount, state.ID(id))
				if took := test.status == 201; err != nil || !rec.InForce || rec.Said != took || rec.Staged == took || rec.Deletes == took {
					t.Errorf("%+v: said %v, in force %v, staged %v, a DELETE %v, %v", test, rec.Said, rec.InForce, rec.Staged, rec.Deletes, err)
				}
				if test.status != 201 {
					continue
				}
				now := r.must(t, 200, "GET", "/Users/"+id, "")
				if now["active"] != true || now["nickName"] != "A" || now["title"] != nil || !strings.HasSuffix(got.header.Get("Location"), "/Users/"+id) {
					t.Errorf("%+v: is now %v, at %s", test, now, got.header.Get("Location"))
				}
				r.must(t, 409, "POST", "/Users", `{`+user+`}`)

				r.must(t, 202, "DELETE", "/Users/"+id, "")
				if got := r.must(t, 201, "POST", "/Users", `{`+user+`,"active":false}`); got["id"] != id || got["active"] != false {
					t.Errorf("%+v: made anew as inactive: %v", test, got)
				}
				if rec, err := r.store.Record(t.Context(), acme, state.KindAccount, state.ID(id)); err != nil || !rec.InForce || !rec.Staged || rec.Deletes {
					t.Errorf("%+v: as inactive: in force %v, staged %v, a DELETE %v, %v", test, rec.InForce, rec.Staged, rec.Deletes, err)
				}
			}
			if err := statetest.CheckReplay(t.Context(), r.store, acme); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestCreatedAnewByMany: of creations at the same time, while a DELETE waits and comes into force, one is answered with 201.
func TestCreatedAnewByMany(t *testing.T) {
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			r, _ := gated(t, open(t), &gate{})
			for i := range 10 {
				user := fmt.Sprintf(`{"userName":"ada-%d@acme.example"}`, i)
				id := r.must(t, 201, "POST", "/Users", user)["id"].(string)
				r.must(t, 202, "DELETE", "/Users/"+id, "")
				var mu sync.Mutex
				statuses := map[int]int{}
				var group sync.WaitGroup
				for range 8 {
					group.Go(func() {
						got := r.do(t, "POST", "/auth/scim/Users", user)
						mu.Lock()
						defer mu.Unlock()
						statuses[got.status]++
					})
				}
				group.Go(func() {
					rec, err := r.store.Record(t.Context(), acme, state.KindAccount, state.ID(id))
					if err != nil || !rec.Deletes {
						return
					}
					if _, err := r.store.Write(state.Urgent, []state.Mutation{{
						Scope: acme, Kind: state.KindAccount, ID: rec.ID, Life: &state.Life{Base: rec.Version, InForce: new(false)}, Cause: state.Cause{Kind: state.CausePull},
					}}); err != nil {
						t.Error(err)
					}
				})
				group.Wait()
				if statuses[201] != 1 || statuses[409] != 7 {
					t.Errorf("answers %v, want one 201 and seven 409", statuses)
				}
			}
			if err := statetest.CheckReplay(t.Context(), r.store, acme); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestGateOfAStorm has a provider deactivate and delete forty people over sixteen connections and in one bulk request, where ten may go:
// ten go, the others are staged, and every answer is what the provider expects to read.
func TestGateOfAStorm(t *testing.T) {
	const people, room = 40, 10
	for name, open := range stores {
		t.Run(name, func(t *testing.T) {
			g := &gate{room: room}
			r, staged := gated(t, open(t), g)
			ids := make([]string, people)
			for i := range ids {
				ids[i] = r.createUser(t, fmt.Sprintf("p%d@acme.example", i))
			}
			var group sync.WaitGroup
			turns := make(chan struct{}, 16)
			for i, id := range ids[:30] {
				group.Go(func() {
					turns <- struct{}{}
					defer func() { <-turns }()
					if i%3 == 0 {
						if answer := r.do(t, "DELETE", "/auth/scim/Users/"+id, ""); answer.status != http.StatusAccepted && answer.status != http.StatusNoContent {
							t.Errorf("DELETE: %d", answer.status)
						}
						return
					}
					r.must(t, 200, "PATCH", "/Users/"+id, deactivate)
				})
			}
			bulk := `{"schemas":["urn:ietf:params:scim:api:messages:2.0:BulkRequest"],"Operations":[`
			for i, id := range ids[30:] {
				if i > 0 {
					bulk += ","
				}
				bulk += `{"method":"PATCH","path":"/Users/` + id + `","data":` + deactivate + `}`
			}
			group.Go(func() { r.must(t, 200, "POST", "/Bulk", bulk+"]}") })
			group.Wait()

			waiting := 0
			if err := r.store.Scan(context.Background(), acme, state.KindAccount, 0, 0, 0, func(rec state.Record) bool {
				if rec.Said || rec.InForce != rec.Staged {
					t.Errorf("%s: said %v, in force %v, staged %v", rec.ID, rec.Said, rec.InForce, rec.Staged)
				}
				if rec.Staged {
					waiting++
				}
				return true
			}); err != nil {
				t.Fatal(err)
			}
			if waiting != people-room || len(staged()) != waiting || r.counts.of(scimapi.Deactivated) != room {
				t.Errorf("%d wait, %d told, %d deactivated; want %d, %d, %d", waiting, len(staged()), r.counts.of(scimapi.Deactivated), people-room, people-room, room)
			}
			if err := statetest.CheckReplay(context.Background(), r.store, acme); err != nil {
				t.Error(err)
			}
		})
	}
}
