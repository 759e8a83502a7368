package statetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"rollcall/state"
)

// testPast reads what is kept about one account, and nothing that is kept about another one.
func testPast(t *testing.T, f *fixture) {
	ctx := t.Context()
	check := func(what string, err error, got, want any) {
		t.Helper()
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); err != nil || diff != "" {
			t.Errorf("%s: %v\n%s", what, err, diff)
		}
	}
	numbers := func(entries []state.Entry) (list []int64) {
		for _, e := range entries {
			list = append(list, e.Number)
		}
		return list
	}
	f.account(t, "a", "ada")       // 1
	f.account(t, "aa", "bob")      // 2
	f.group(t, "g", "Staff", "aa") // 3
	f.group(t, "h", "Board", "a")  // 4
	f.write(t, state.Mutation{Kind: state.KindGroup, ID: "g", Members: &state.Members{Add: []state.ID{"a"}}})
	f.write(t, state.Mutation{Kind: state.KindGroup, ID: "g", Members: &state.Members{Remove: []state.ID{"aa"}}})
	f.life(t, "a", operator, state.Life{Protected: new(true)})                                               // 7
	f.write(t, state.Mutation{Kind: state.KindGroup, ID: "h", Life: &state.Life{Remove: state.RemovePurge}}) // 8
	for _, c := range []struct {
		id                 state.ID
		limit              int
		own, ofMemberships []int64
	}{
		{"a", 0, []int64{7, 1}, []int64{8, 5, 4}}, {"a", 1, []int64{7}, []int64{8}}, {"aa", 0, []int64{2}, []int64{6, 3}},
		{"g", 0, []int64{6, 5, 3}, nil}, {"none", 0, nil, nil}, {"", 0, nil, nil},
	} {
		entries, err := f.LastEntries(ctx, here, c.id, c.limit)
		check(fmt.Sprintf("LastEntries(%q, %d)", c.id, c.limit), err, numbers(entries), c.own)
		entries, err = f.MembershipEntries(ctx, here, c.id, c.limit)
		check(fmt.Sprintf("MembershipEntries(%q, %d)", c.id, c.limit), err, numbers(entries), c.ofMemberships)
		entries, err = f.LastEntries(ctx, beside, c.id, 0)
		check("LastEntries of another source", err, numbers(entries), []int64(nil))
		entries, err = f.MembershipEntries(ctx, beside, c.id, 0)
		check("MembershipEntries of another source", err, numbers(entries), []int64(nil))
	}
	testNaming(t, f, check)
	f.LogRequest(state.Request{ID: "r0", Scope: here, At: f.clock.Now(), Status: 409})
	f.LogRequest(state.Request{ID: "r1", Scope: elsewhere, At: f.clock.Now(), Status: 409})
	f.write(t, state.Mutation{Kind: state.KindAccount, ID: "b", Put: &state.Put{Resource: parse(t, `{"userName":"kim"}`)}, Request: &state.Request{ID: "kept"}})
	f.LogRequest(state.Request{ID: "r2", Scope: here, At: f.clock.Now(), Status: 404})
	f.account(t, "c", "lee") // whoever waits for a commit sees what was logged before it
	for limit, want := range map[int][]string{0: {"r2", "r0"}, 1: {"r2"}} {
		requests, err := f.FailedRequests(ctx, here, limit)
		var ids []string
		for _, r := range requests {
			ids = append(ids, r.ID)
		}
		check("FailedRequests", err, ids, want)
	}
}

// testNaming finds runs, plans and suspicions by the ids that they name.
func testNaming(t *testing.T, f *fixture, check func(what string, err error, got, want any)) {
	ctx := t.Context()
	lease, other := f.lease(t, here, "one"), f.lease(t, beside, "one")
	for i, report := range []string{`{"account":"id-1"}`, `{"person":"p-1"}`, `{}`, `{"account":"id-1","person":"p-1"}`, `{"account":"ID-1"}`} {
		text, at := []byte(report), f.clock.Now().Add(time.Duration(i)*time.Second)
		name := fmt.Sprint("n", i)
		scope, epoch := here, lease.Epoch
		if i == 3 {
			scope, epoch = beside, other.Epoch
		}
		err := f.PutRun(ctx, epoch, state.Run{ID: name, Scope: scope, StartedAt: at, Report: text})
		check("PutRun", err, nil, nil)
		err = f.HoldPlan(ctx, epoch, state.HeldPlan{ID: name, Scope: scope, CreatedAt: at, Body: text})
		check("HoldPlan", err, nil, nil)
	}
	for _, c := range []struct {
		scope state.Scope
		texts []string
		limit int
		want  []string
	}{
		{here, []string{"id-1"}, 0, []string{"n0"}}, {here, []string{"id-1", "p-1"}, 0, []string{"n1", "n0"}}, {here, []string{"id-1", "p-1"}, 1, []string{"n1"}},
		{beside, []string{"", "p-1"}, 0, []string{"n3"}}, {here, []string{""}, 0, nil}, {here, nil, 0, nil}, {here, []string{`"id-1"`}, 0, []string{"n0"}},
		{elsewhere, []string{"id-1"}, 0, nil}, {state.Scope{}, []string{"id-1"}, 0, nil},
	} {
		var runs, plans []string
		foundRuns, err := f.RunsNaming(ctx, c.scope, c.texts, c.limit)
		for _, r := range foundRuns {
			runs = append(runs, r.ID)
		}
		check(fmt.Sprintf("RunsNaming(%v, %q)", c.scope, c.texts), err, runs, c.want)
		foundPlans, err := f.PlansNaming(ctx, c.scope, c.texts, c.limit)
		for _, p := range foundPlans {
			plans = append(plans, p.ID)
		}
		check(fmt.Sprintf("PlansNaming(%v, %q)", c.scope, c.texts), err, plans, c.want)
	}
	suspicions := []state.Suspicion{{Person: "p-1", Fact: "absent", Run: "n0", At: f.clock.Now()}, {Person: "p-1", Fact: "gone", Run: "n0", At: f.clock.Now()}}
	err := f.Suspect(ctx, here, lease.Epoch, append([]state.Suspicion{{Person: "p-2", Fact: "absent", Run: "n0", At: f.clock.Now()}}, suspicions...), nil)
	check("Suspect", err, nil, nil)
	got, err := f.SuspicionsOf(ctx, here, []string{"p-1", "none"})
	check("SuspicionsOf", err, got, suspicions)
	got, err = f.SuspicionsOf(ctx, beside, []string{"p-1"})
	check("SuspicionsOf another source", err, got, []state.Suspicion(nil))
}
