package statetest

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/state"
)

func testRuns(t *testing.T, f *fixture) {
	ctx := t.Context()
	lease, other := f.lease(t, here, "one"), f.lease(t, elsewhere, "one")
	first := state.Run{ID: "r1", Scope: here, Trigger: "schedule", Actor: "schedule", StartedAt: f.clock.Now()}
	put := func(epoch int64, run state.Run) {
		t.Helper()
		if err := f.PutRun(ctx, epoch, run); err != nil {
			t.Fatalf("PutRun: %v", err)
		}
	}
	put(lease.Epoch, first)
	put(lease.Epoch, state.Run{ID: "r0", Scope: here, StartedAt: f.clock.Now().Add(-time.Hour)})
	put(other.Epoch, state.Run{ID: "r2", Scope: elsewhere, StartedAt: f.clock.Now().Add(time.Hour)})
	put(lease.Epoch, state.Run{ID: "r3", Scope: here, StartedAt: f.clock.Now()})
	first.EndedAt, first.Verdict, first.Outcome = f.clock.Now().Add(time.Second), state.VerdictComplete, "held"
	first.Reason, first.Plan, first.Report = "too many removals", "p1", []byte(`{"proof":{}}`)
	put(lease.Epoch, first)
	if got, err := f.Run(ctx, "r1"); err != nil || cmp.Diff(first, got) != "" {
		t.Errorf("Run: %v\n%s", err, cmp.Diff(first, got))
	}
	if _, err := f.Run(ctx, "none"); !errors.Is(err, state.ErrNotFound) {
		t.Errorf("Run(none) = %v, want ErrNotFound", err)
	}
	if err := f.PutRun(ctx, other.Epoch, state.Run{ID: "r1", Scope: elsewhere}); !errors.Is(err, state.ErrNotFound) {
		t.Errorf("another source's run of the same id = %v, want ErrNotFound", err)
	}
	for _, c := range []struct {
		scope state.Scope
		limit int
		want  []string
	}{
		{here, 0, []string{"r3", "r1", "r0"}}, {here, 2, []string{"r3", "r1"}}, {elsewhere, 5, []string{"r2"}},
		{state.Scope{}, 0, []string{"r2", "r3", "r1", "r0"}}, {beside, 0, nil}, {state.Scope{Tenant: "globex", Source: here.Source}, 0, nil},
	} {
		runs, err := f.ListRuns(ctx, c.scope, c.limit)
		var ids []string
		for _, r := range runs {
			ids = append(ids, r.ID)
		}
		if err != nil || !slices.Equal(ids, c.want) {
			t.Errorf("ListRuns(%v, %d) = %v, %v; want %v", c.scope, c.limit, ids, err, c.want)
		}
	}
}

func testPlans(t *testing.T, f *fixture) {
	ctx := t.Context()
	lease := f.lease(t, here, "one")
	first := state.HeldPlan{ID: "p1", Scope: here, Run: "r1", CreatedAt: f.clock.Now(), Reason: "too many", Changes: 9, Removals: 7, Body: []byte(`{"v":1}`)}
	for _, plan := range []state.HeldPlan{first, {ID: "p2", Scope: here, Status: state.PlanApproved, CreatedAt: f.clock.Now()}} {
		if err := f.HoldPlan(ctx, lease.Epoch, plan); err != nil {
			t.Fatalf("HoldPlan: %v", err)
		}
		f.clock.Advance(time.Second)
	}
	first.Status, first.DecidedAt = state.PlanReplaced, f.clock.Now().Add(-time.Second)
	if got, err := f.HeldPlan(ctx, "p1"); err != nil || cmp.Diff(first, got) != "" {
		t.Errorf("the earlier plan: %v\n%s", err, cmp.Diff(first, got))
	}
	if got, err := f.HeldPlan(ctx, "p2"); err != nil || got.Status != state.PlanHeld {
		t.Errorf("the newer plan = %+v, %v; want it held", got, err)
	}
	if _, err := f.HeldPlan(ctx, "none"); !errors.Is(err, state.ErrNotFound) {
		t.Errorf("HeldPlan(none) = %v, want ErrNotFound", err)
	}
	if err := f.DecidePlan(ctx, lease.Epoch, "p1", state.PlanApproved, "olga"); !errors.Is(err, state.ErrVersion) {
		t.Errorf("deciding a replaced plan = %v, want ErrVersion", err)
	}
	if err := f.DecidePlan(ctx, lease.Epoch, "none", state.PlanApproved, "olga"); !errors.Is(err, state.ErrNotFound) {
		t.Errorf("deciding no plan = %v, want ErrNotFound", err)
	}
	if err := f.DecidePlan(ctx, lease.Epoch, "p2", state.PlanDiscarded, "olga"); err != nil {
		t.Errorf("DecidePlan: %v", err)
	}
	if got, err := f.HeldPlan(ctx, "p2"); err != nil || got.Status != state.PlanDiscarded || got.DecidedBy != "olga" || got.DecidedAt != f.clock.Now() {
		t.Errorf("the discarded plan = %+v, %v", got, err)
	}
	if err := f.DecidePlan(ctx, lease.Epoch, "p2", state.PlanApproved, "olga"); !errors.Is(err, state.ErrVersion) {
		t.Errorf("deciding twice = %v, want ErrVersion", err)
	}
	other := f.lease(t, elsewhere, "one")
	if err := f.HoldPlan(ctx, other.Epoch, state.HeldPlan{ID: "p3", Scope: elsewhere}); err != nil {
		t.Errorf("HoldPlan of another source: %v", err)
	}
	for scope, want := range map[state.Scope]string{here: "[p2 p1]", elsewhere: "[p3]", {}: "[p3 p2 p1]", beside: "[]"} {
		plans, err := f.ListPlans(ctx, scope, 0)
		ids := []string{}
		for _, p := range plans {
			ids = append(ids, p.ID)
		}
		if err != nil || fmt.Sprint(ids) != want {
			t.Errorf("ListPlans(%v) = %v, %v; want %v", scope, ids, err, want)
		}
	}
}

func testSuspicions(t *testing.T, f *fixture) {
	ctx := t.Context()
	lease := f.lease(t, here, "one")
	seen := func(person, fact, run string) state.Suspicion {
		return state.Suspicion{Person: person, Fact: fact, Run: run, At: f.clock.Now()}
	}
	first := []state.Suspicion{seen("p2", "gone", "r1"), seen("p1", "absent", "r1"), seen("p1", "gone", "r1")}
	suspect := func(add, clear []state.Suspicion) {
		t.Helper()
		if err := f.Suspect(ctx, here, lease.Epoch, add, clear); err != nil {
			t.Fatalf("Suspect: %v", err)
		}
	}
	check := func(want ...state.Suspicion) {
		t.Helper()
		if got, err := f.Suspicions(ctx, here); err != nil || cmp.Diff(want, got) != "" {
			t.Errorf("Suspicions: %v\n%s", err, cmp.Diff(want, got))
		}
	}
	suspect(first, nil)
	check(first[1], first[2], first[0])
	f.clock.Advance(time.Minute)
	again := seen("p1", "gone", "r2")
	suspect([]state.Suspicion{again, seen("p2", "gone", "r2")}, []state.Suspicion{{Person: "p1", Fact: "gone"}, {Person: "p3", Fact: "gone"}})
	check(first[1], again, first[0])
	suspect(nil, []state.Suspicion{{Person: "p1", Fact: "absent"}, {Person: "p2", Fact: "absent"}})
	check(again, first[0])
	if got, err := f.Suspicions(ctx, beside); len(got) > 0 || err != nil {
		t.Errorf("Suspicions of another source = %v, %v", got, err)
	}
}

func testJournal(t *testing.T, f *fixture) {
	ctx := t.Context()
	request := &state.Request{ID: "req-1", At: f.clock.Now(), KeyID: "k1", Method: "POST", Path: "/Users", Status: 201, Body: []byte(`{"userName":"ada"}`), Answer: []byte(`{"id":"a"}`)}
	f.write(t, state.Mutation{Kind: state.KindAccount, ID: "a", Put: &state.Put{Resource: parse(t, `{"userName":"ada","title":"Dr"}`)}, Request: request})
	f.clock.Advance(1500 * time.Microsecond)
	f.write(t, state.Mutation{Kind: state.KindAccount, ID: "a", Cause: pulled,
		Put: &state.Put{Base: 1, Resource: parse(t, `{"userName":"ada","active":false,"nickName":"A \"1\""}`)}, Life: &state.Life{Link: new("p\\1")}})
	results, err := f.Write(state.Urgent, []state.Mutation{{Scope: elsewhere, Kind: state.KindAccount, ID: "z", Cause: operator, Put: &state.Put{Resource: parse(t, `{"displayName":"Zoë"}`)}}})
	if err != nil || results[0].Number != 1 {
		t.Errorf("the first of another tenant = %+v, %v; want number 1", results, err)
	}
	f.group(t, "g", "Staff", "a")
	at := f.clock.Now().Truncate(time.Millisecond)
	want := []state.Entry{
		{Number: 1, Scope: here, At: at.Add(-time.Millisecond), Kind: state.KindAccount, ID: "a", Name: "ada", Verb: state.VerbCreate, Version: 1, Cause: pushed, Request: "req-1",
			Before: []byte(`{}`), After: []byte(`{"userName":"ada","title":"Dr","said":true,"inForce":true}`)},
		{Number: 2, Scope: here, At: at, Kind: state.KindAccount, ID: "a", Name: "ada", Verb: state.VerbDeactivate, Version: 2, Cause: pulled,
			Before: []byte(`{"title":"Dr","said":true,"inForce":true,"link":""}`), After: []byte(`{"nickName":"A \"1\"","said":false,"inForce":false,"link":"p\\1"}`)},
		{Number: 3, Scope: here, At: at, Kind: state.KindGroup, ID: "g", Name: "Staff", Verb: state.VerbCreate, Version: 1, Cause: pushed,
			Before: []byte(`{}`), After: []byte(`{"displayName":"Staff","members":{"added":["a"]}}`)},
	}
	text := cmp.Transformer("text", func(b []byte) string { return string(b) })
	if diff := cmp.Diff(want, f.entries(t), text); diff != "" {
		t.Errorf("Entries (-want +got):\n%s", diff)
	}
	if got, err := f.Entries(ctx, here.Tenant, 1, 1); err != nil || cmp.Diff(want[1:2], got, text) != "" {
		t.Errorf("Entries(after 1, limit 1): %v\n%s", err, cmp.Diff(want[1:2], got, text))
	}
	if got, err := f.Entries(ctx, "none", 0, 0); err != nil || len(got) > 0 {
		t.Errorf("Entries of no tenant = %v, %v", got, err)
	}
	if got, err := f.EntriesOf(ctx, here, "a"); err != nil || cmp.Diff(want[:2], got, text) != "" {
		t.Errorf("EntriesOf: %v\n%s", err, cmp.Diff(want[:2], got, text))
	}
	if got, err := f.EntriesOf(ctx, elsewhere, "a"); err != nil || len(got) > 0 {
		t.Errorf("EntriesOf in another scope = %v, %v", got, err)
	}
	request.Scope = here
	if got, err := f.Request(ctx, "req-1"); err != nil || cmp.Diff(*request, got) != "" {
		t.Errorf("Request: %v\n%s", err, cmp.Diff(*request, got))
	}
}

func testLedger(t *testing.T, f *fixture) {
	for _, id := range []state.ID{"a", "b", "c", "d", "e", "h"} {
		f.account(t, id, string(id))
	}
	f.group(t, "g", "Staff", "a")
	f.life(t, "a", pulled, state.Life{Said: new(false)}) // long ago
	f.clock.Advance(time.Hour)
	since := f.clock.Now()
	check := func(what string, want state.Ledger) {
		t.Helper()
		if got, err := f.Ledger(t.Context(), here, since); err != nil || got != want {
			t.Errorf("%s: Ledger = %+v, %v; want %+v", what, got, err, want)
		}
	}
	check("before", state.Ledger{Active: 5, Before: 5, Total: 6})
	f.life(t, "b", pulled, state.Life{Said: new(false)})
	check("one removed by a pull", state.Ledger{Active: 4, Before: 5, Removed: 1, Total: 6})
	f.life(t, "b", pushed, state.Life{Said: new(true)})
	check("back again", state.Ledger{Active: 5, Before: 5, Total: 6})
	f.life(t, "b", pulled, state.Life{Said: new(false)})
	f.life(t, "c", approved, state.Life{Said: new(false)})
	f.life(t, "d", pushed, state.Life{Said: new(false)})
	check("approved ones do not count, pushed ones apart", state.Ledger{Active: 2, Before: 5, Removed: 1, Total: 6, Pushed: 1})
	f.life(t, "e", pulled, state.Life{Remove: state.RemovePurge})
	check("a purge", state.Ledger{Active: 1, Before: 5, Removed: 2, Total: 5, Pushed: 1})
	f.life(t, "d", pulled, state.Life{Remove: state.RemovePurge})
	check("a purge of who was inactive", state.Ledger{Active: 1, Before: 5, Removed: 2, Total: 4, Pushed: 1})
	f.life(t, "h", pushed, state.Life{Remove: state.RemoveDelete})
	check("a pushed DELETE", state.Ledger{Before: 5, Removed: 2, Total: 3, Pushed: 2})
	f.life(t, "a", pulled, state.Life{Link: new("p")})
	check("another change of who went long ago", state.Ledger{Before: 5, Removed: 2, Total: 3, Pushed: 2})
	f.account(t, "i", "i")
	f.life(t, "a", pushed, state.Life{Said: new(true)})
	check("who came since was not there before", state.Ledger{Active: 2, Before: 5, Removed: 2, Total: 4, Pushed: 2})
	if got, err := f.Ledger(t.Context(), beside, since); err != nil || got != (state.Ledger{}) {
		t.Errorf("another source's = %+v, %v", got, err)
	}
}

// A store may log requests with the next commit. The account that is made here is one.
func testRequests(t *testing.T, f *fixture) {
	ctx := t.Context()
	for i := range 3 {
		f.LogRequest(state.Request{ID: fmt.Sprint("r", i), Scope: here, At: f.clock.Now(), KeyID: "k", Method: "GET", Path: "/Users", Status: 404, Detail: "no such user", Body: []byte("b"), Answer: []byte("a")})
	}
	f.LogRequest(state.Request{ID: "r1", Scope: elsewhere, Detail: "an id that is there already"})
	f.LogRequest(state.Request{ID: "r4", Scope: state.Scope{Tenant: "none", Source: "none"}})
	f.LogRequest(state.Request{ID: "r5", Scope: elsewhere})
	f.write(t, state.Mutation{Kind: state.KindAccount, ID: "a", Put: &state.Put{Resource: parse(t, `{"userName":"ada"}`)}, Request: &state.Request{ID: "kept"}})
	f.account(t, "b", "bob")
	got, err := f.Request(ctx, "r2")
	want := state.Request{ID: "r2", Scope: here, At: f.clock.Now(), KeyID: "k", Method: "GET", Path: "/Users", Status: 404, Detail: "no such user", Body: []byte("b"), Answer: []byte("a")}
	if err != nil || cmp.Diff(want, got) != "" {
		t.Errorf("Request: %v\n%s", err, cmp.Diff(want, got))
	}
	for _, c := range []struct {
		scope state.Scope
		limit int
		want  []string
	}{{here, 0, []string{"kept", "r0", "r1", "r2"}}, {here, 1, []string{""}}, {elsewhere, 0, []string{"r5"}}, {beside, 0, nil}, {state.Scope{}, 0, []string{"kept", "r0", "r1", "r2", "r5"}}} {
		list, err := f.Requests(ctx, c.scope, c.limit)
		var ids []string
		for _, r := range list {
			ids = append(ids, r.ID)
		}
		slices.Sort(ids) // a logged request and one that is kept may change places
		if err != nil || !slices.Equal(ids, c.want) && c.limit == 0 || c.limit > 0 && len(ids) != c.limit {
			t.Errorf("Requests(%v, %d) = %v, %v; want %v", c.scope, c.limit, ids, err, c.want)
		}
	}
}
