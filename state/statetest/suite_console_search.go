package statetest

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"rollcall/state"
)

// digest has everything taken in.
func (f *fixture) digest(t testing.TB) {
	t.Helper()
	for more := true; more; {
		var err error
		if more, err = f.Digest(t.Context()); err != nil {
			t.Fatalf("Digest: %v", err)
		}
	}
}

func testSearch(t *testing.T, f *fixture) {
	put := func(scope state.Scope, kind state.Kind, id state.ID, base int64, text string) {
		t.Helper()
		f.write(t, state.Mutation{Scope: scope, Kind: kind, ID: id, Put: &state.Put{Base: base, Resource: parse(t, text)}})
	}
	put(here, state.KindAccount, "id-1", 0, `{"userName":"jane.doe@acme.example","externalId":"00u1","displayName":"Jane Doe","name":{"givenName":"Jane","familyName":"Doe-Smith"},
		"emails":[{"value":"jd@mail.example"}],"phoneNumbers":[{"value":"+49 (0)170 1234-567"}]}`)
	put(beside, state.KindAccount, "id-2", 0, `{"userName":"jorg","displayName":"Jörg Müller","phoneNumbers":[{"value":"+493012345"}]}`)
	put(elsewhere, state.KindAccount, "id-3", 0, `{"userName":"jane@globex.example","displayName":"Jane Adams"}`)
	put(elsewhere, state.KindGroup, "id-4", 0, `{"displayName":"Janitors \"and\" others","externalId":"00g1"}`)
	f.life(t, "id-1", pushed, state.Life{Link: new("person-1")})
	finds := func(text string, want ...state.ID) {
		t.Helper()
		found, err := f.Search(t.Context(), text, 0)
		var got []state.ID
		for _, item := range found {
			got = append(got, item.Record.ID)
		}
		same(t, fmt.Sprintf("Search(%q)", text), err, got, want)
	}
	for text, id := range map[string]state.ID{ // at once
		"id-1": "id-1", "Jane.DOE@acme.example": "id-1", "00u1": "id-1", "person-1": "id-1", " jd@mail.example ": "id-1", "jörg müller": "id-2", "00g1": "id-4",
	} {
		finds(text, id)
	}
	f.digest(t)
	for text, want := range map[string][]state.ID{
		"jan": {"id-3", "id-1", "id-4"}, "jane": {"id-3", "id-1"}, "JANE": {"id-3", "id-1"}, "jane d": {"id-1"}, "smith jane": {"id-1"}, "ane": nil, "janes": nil,
		"muller": {"id-2"}, "MÜLL": {"id-2"}, "jd mail": {"id-1"}, "+49 170 123": {"id-1"}, "0170 12345": {"id-1"}, "491701": {"id-1"}, "+49 (0) 170": {"id-1"},
		"0049 170": {"id-1"}, "1234567": {"id-1"}, "030 1": nil, "+49 30 123": {"id-2"}, "49": {"id-1", "id-2"}, "others and": {"id-4"},
		`"`: nil, "": nil, "  ": nil, `jane" OR "jorg`: nil, "jan*": {"id-3", "id-1", "id-4"}, "jane AND": nil, "words:jane": nil, "NEAR(jane)": nil, "-jorg": {"id-2"},
		"id-": nil, "00u": nil, "ⓙane": {"id-3", "id-1"},
	} {
		finds(text, want...)
	}
	limited, err := f.Search(t.Context(), "jan", 2)
	if err != nil || len(limited) != 2 || limited[0].Scope != elsewhere || limited[0].Last != pushed {
		t.Errorf("Search with a limit: %+v, %v", limited, err)
	}

	put(here, state.KindAccount, "id-1", 2, `{"userName":"jane.roe@acme.example","displayName":"Jane Roe"}`)
	f.try(t, state.Mutation{Scope: elsewhere, Kind: state.KindGroup, ID: "id-4", Life: &state.Life{Remove: state.RemoveDelete}})
	f.try(t, state.Mutation{Scope: beside, Kind: state.KindAccount, ID: "id-2", Life: &state.Life{Remove: state.RemovePurge}})
	finds("doe") // at once
	finds("janitors")
	finds("muller")
	f.digest(t)
	finds("roe", "id-1")
	finds("doe")
	f.try(t, state.Mutation{Scope: elsewhere, Kind: state.KindGroup, ID: "id-4", Life: &state.Life{Remove: state.RemoveRestore}})
	f.digest(t)
	finds("janitors", "id-4")
	f.digest(t)
	f.life(t, "id-1", pulled, state.Life{Said: new(false)})
	same(t, "Erase", f.Erase(t.Context(), here, "id-1", operator), nil, nil)
	finds("roe")
	finds("id-1")
}

// testMoved: what was found before is found under the new name of its source, and in the source that it was moved to.
func testMoved(t *testing.T, f *fixture) {
	f.account(t, "a", "ada")
	f.digest(t)
	from, to := f.lease(t, here, "one"), f.lease(t, beside, "one")
	if _, err := f.MoveRecords(t.Context(), from, to, operator); err != nil {
		t.Fatal(err)
	}
	same(t, "RenameSource", f.RenameSource(t.Context(), to.Epoch, beside, "acme-new"), nil, nil)
	renamed := state.Scope{Tenant: "acme", Source: "acme-new"}
	for range 2 {
		found, err := f.Search(t.Context(), "ad", 0)
		if err != nil || len(found) != 1 || found[0].Scope != renamed {
			t.Errorf("Search: %+v, %v", found, err)
		}
		scope, kind, err := f.Locate(t.Context(), "a")
		if scope != renamed || kind != state.KindAccount || err != nil {
			t.Errorf("Locate: %v %v %v", scope, kind, err)
		}
		f.digest(t)
	}
}

func testDays(t *testing.T, f *fixture) {
	ctx, today := t.Context(), f.clock.Now().Truncate(24*time.Hour)
	f.account(t, "a", "ada")
	f.account(t, "b", "bob")
	f.account(t, "c", "cy")
	f.life(t, "a", pulled, state.Life{Said: new(false)})
	f.life(t, "b", approved, state.Life{Said: new(false)})
	f.life(t, "c", operator, state.Life{Protected: new(true)})
	lease := f.lease(t, here, "one")
	run := func(id, trigger, report string, ended time.Time) {
		t.Helper()
		same(t, "PutRun", f.PutRun(ctx, lease.Epoch, state.Run{ID: id, Scope: here, Trigger: trigger, StartedAt: f.clock.Now(), EndedAt: ended, Report: []byte(report)}), nil, nil)
	}
	const found = `{"proof":{},"counts":{"people":9,"actions":{"deactivate":2,"create":3}}}`
	run("r1", "schedule", found, f.clock.Now())
	run("r2", "undo", found, f.clock.Now())
	run("r3", "hand", ``, time.Time{})
	f.digest(t)
	f.digest(t)
	first := state.Day{Scope: here, Date: today, Pushes: 3, Found: 5, Repaired: 2, Removals: 2}
	check := func(since time.Time, want ...state.Day) {
		t.Helper()
		got, err := f.Days(ctx, since)
		same(t, "Days", err, got, want)
	}
	check(today.Add(time.Hour), first)
	f.clock.Advance(24 * time.Hour)
	run("r3", "hand", found, f.clock.Now())
	f.life(t, "c", pushed, state.Life{Remove: state.RemoveDelete})
	f.try(t, state.Mutation{Scope: elsewhere, Kind: state.KindAccount, ID: "e", Put: &state.Put{Resource: parse(t, `{"userName":"eve"}`)}})
	f.digest(t)
	second := state.Day{Scope: here, Date: today.Add(24 * time.Hour), Pushes: 1, Found: 5, Removals: 1}
	third := state.Day{Scope: elsewhere, Date: today.Add(24 * time.Hour), Pushes: 1}
	check(today, first, second, third)
	check(today.Add(25*time.Hour), second, third)
	check(today.Add(48 * time.Hour))

	// What is removed of the journal stays in the sums, and what was not taken in before is passed over.
	f.account(t, "d", "dee")
	if _, err := f.Trim(ctx, f.clock.Now().Add(time.Hour), time.Time{}); err != nil {
		t.Fatal(err)
	}
	f.digest(t)
	check(today, first, second, third)
	f.account(t, "e2", "eli")
	f.digest(t)
	second.Pushes++
	check(today, first, second, third)
	same(t, "RenameSource", f.RenameSource(ctx, lease.Epoch, here, "acme-new"), nil, nil)
	first.Scope.Source, second.Scope.Source = "acme-new", "acme-new"
	check(today, first, second, third)
}

func testHeads(t *testing.T, f *fixture) {
	ctx := t.Context()
	for i, scope := range []state.Scope{here, elsewhere, here, here} {
		lease := f.lease(t, scope, "one")
		id, outcome := fmt.Sprint("n", i), []string{"applied", "held"}[i%2]
		started := f.clock.Now().Add(time.Duration(i/2) * time.Second)
		same(t, "PutRun", f.PutRun(ctx, lease.Epoch, state.Run{ID: id, Scope: scope, StartedAt: started, Outcome: outcome, Plan: id, Report: []byte("{}")}), nil, nil)
		same(t, "HoldPlan", f.HoldPlan(ctx, lease.Epoch, state.HeldPlan{ID: id, Scope: scope, CreatedAt: started, Removals: i, Body: []byte("{}")}), nil, nil)
		f.LogRequest(state.Request{ID: id, Scope: scope, At: f.clock.Now(), Status: 404 - 300*(i%2), Detail: "no", Body: []byte("b"), Answer: []byte("a")})
		f.account(t, state.ID(id), id) // whoever waits for a commit sees what was logged before it
	}
	for _, c := range []struct {
		scope   state.Scope
		outcome string
		status  state.PlanStatus
		failed  bool
		before  string
		limit   int
		runs    []string
		plans   []string
		asked   []string
	}{
		{runs: []string{"n3", "n2", "n1", "n0"}, plans: []string{"n3", "n2", "n1", "n0"}, asked: []string{"n3", "n2", "n1", "n0"}},
		{before: "n2", limit: 1, runs: []string{"n1"}, plans: []string{"n1"}, asked: []string{"n1"}},
		{before: "n0"},
		{scope: here, before: "n3", runs: []string{"n2", "n0"}, plans: []string{"n2", "n0"}, asked: []string{"n2", "n0"}},
		{scope: here, outcome: "applied", status: state.PlanReplaced, failed: true, runs: []string{"n2", "n0"}, plans: []string{"n2", "n0"}, asked: []string{"n2", "n0"}},
		{outcome: "held", status: state.PlanHeld, failed: true, limit: 1, runs: []string{"n3"}, plans: []string{"n3"}, asked: []string{"n2"}},
		{scope: beside},
	} {
		runs, err := f.RunHeads(ctx, c.scope, c.outcome, c.before, c.limit)
		same(t, fmt.Sprintf("RunHeads(%+v)", c), err, idsOf(t, runs, func(r state.Run) (string, int) { return r.ID, len(r.Report) }), c.runs)
		plans, err := f.PlanHeads(ctx, c.scope, c.status, c.before, c.limit)
		same(t, fmt.Sprintf("PlanHeads(%+v)", c), err, idsOf(t, plans, func(p state.HeldPlan) (string, int) { return p.ID, len(p.Body) }), c.plans)
		requests, err := f.RequestHeads(ctx, state.RequestQuery{Scope: c.scope, Failed: c.failed, Before: c.before, Limit: c.limit})
		same(t, fmt.Sprintf("RequestHeads(%+v)", c), err, idsOf(t, requests, func(r state.Request) (string, int) { return r.ID, len(r.Body) + len(r.Answer) }), c.asked)
	}
	run, err := f.RunHeads(ctx, here, "", "", 1)
	full, err2 := f.Run(ctx, "n3")
	full.Report = nil
	same(t, "a run's head", errors.Join(err, err2), run, []state.Run{full})
	for what, err := range map[string]error{
		"RunHeads": second(f.RunHeads(ctx, here, "", "none", 0)), "PlanHeads": second(f.PlanHeads(ctx, here, "", "none", 0)),
		"RequestHeads": second(f.RequestHeads(ctx, state.RequestQuery{Before: "none"})),
	} {
		if !errors.Is(err, state.ErrNotFound) {
			t.Errorf("%s before none: %v", what, err)
		}
	}
}

func second[T any](_ T, err error) error { return err }

// idsOf lists ids of what has nothing long.
func idsOf[T any](t testing.TB, list []T, what func(T) (id string, long int)) (ids []string) {
	t.Helper()
	for _, item := range list {
		id, long := what(item)
		if long > 0 {
			t.Errorf("%s comes with what is long", id)
		}
		ids = append(ids, id)
	}
	return ids
}
