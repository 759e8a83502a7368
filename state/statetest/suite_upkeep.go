package statetest

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"rollcall/state"
)

// atMost holds what is more than so many pushed removals within its window.
type atMost int

func (n atMost) Holds(_ *state.Record, sums state.Ledger) bool { return sums.Pushed+1 > int(n) }

// testGate has two dozen callers deactivate at the same time where five may: exactly five get through, whatever the order, and what
// left the window counts no longer.
func testGate(t *testing.T, f *fixture) {
	const people, allowed = 24, 5
	for i := range people {
		f.account(t, state.ID(fmt.Sprintf("p%d", i)), fmt.Sprintf("p%d@acme.example", i))
	}
	deactivate := func(id state.ID) error {
		results, err := f.Write(state.Urgent, []state.Mutation{{
			Scope: here, Kind: state.KindAccount, ID: id, Cause: pushed, Gate: atMost(allowed), Life: &state.Life{Said: new(false)},
		}})
		return errors.Join(err, results[0].Err)
	}
	var group sync.WaitGroup
	errs := make([]error, people)
	for i := range people {
		group.Go(func() { errs[i] = deactivate(state.ID(fmt.Sprintf("p%d", i))) })
	}
	group.Wait()
	through := 0
	for i, err := range errs {
		r := f.record(t, state.KindAccount, state.ID(fmt.Sprintf("p%d", i)))
		switch {
		case err == nil && !r.InForce:
			through++
		case !errors.Is(err, state.ErrHeld) || !r.InForce || r.Version != 1:
			t.Errorf("%s: %v, %+v", r.ID, err, r)
		}
	}
	if through != allowed {
		t.Errorf("%d removals got through, want %d", through, allowed)
	}
	ledger, err := f.Ledger(t.Context(), here, f.clock.Now().Add(-state.GateWindow))
	if err != nil || ledger.Pushed != allowed || ledger.Removed != 0 || ledger.Active != people-allowed || ledger.Before != 0 {
		t.Errorf("ledger = %+v, %v", ledger, err)
	}

	// One call with many is no way round it, nor is a DELETE; what removes nobody is not asked about.
	var held state.ID
	for i, err := range errs {
		if err != nil {
			held = state.ID(fmt.Sprintf("p%d", i))
		}
	}
	if r := f.try(t, state.Mutation{Kind: state.KindAccount, ID: held, Gate: atMost(allowed), Life: &state.Life{Remove: state.RemoveDelete}}); !errors.Is(r.Err, state.ErrHeld) {
		t.Errorf("a DELETE: %v, want ErrHeld", r.Err)
	}
	if r := f.try(t, state.Mutation{Kind: state.KindAccount, ID: held, Gate: atMost(0), Life: &state.Life{Said: new(false), Stage: true}}); r.Err != nil || !r.Record.Staged {
		t.Errorf("staging: %+v", r)
	}
	f.clock.Advance(state.GateWindow + time.Millisecond)
	var several []state.Mutation
	for i := range people {
		several = append(several, state.Mutation{Scope: here, Kind: state.KindAccount, ID: state.ID(fmt.Sprintf("p%d", i)), Cause: pushed, Gate: atMost(allowed), Life: &state.Life{Said: new(false)}})
	}
	results, err := f.Write(state.Bulk, several)
	if err != nil {
		t.Fatal(err)
	}
	through = 0
	for _, r := range results {
		if r.Err == nil && r.Changed {
			through++
		}
	}
	if through != allowed {
		t.Errorf("a day later %d of one call got through, want %d", through, allowed)
	}
}

func testStaged(t *testing.T, f *fixture) {
	staged := func() (ids []state.ID) {
		t.Helper()
		if err := f.Staged(t.Context(), here, func(r state.Record) bool { ids = append(ids, r.ID); return len(ids) < 3 }); err != nil {
			t.Fatalf("Staged: %v", err)
		}
		return ids
	}
	for _, id := range []state.ID{"a", "b", "c", "d"} {
		f.account(t, id, string(id)+"@acme.example")
	}
	if got := staged(); got != nil {
		t.Errorf("nobody is staged: %v", got)
	}
	for _, id := range []state.ID{"c", "a", "b", "d"} {
		f.life(t, id, pushed, state.Life{Said: new(false), Stage: true})
	}
	if diff := cmp.Diff([]state.ID{"a", "b", "c"}, staged()); diff != "" {
		t.Errorf("staged (-want +got):\n%s", diff)
	}
	f.life(t, "a", approved, state.Life{InForce: new(false)})
	f.life(t, "b", operator, state.Life{InForce: new(true), Pinned: new(true)})
	f.life(t, "d", pushed, state.Life{Remove: state.RemoveDelete})
	if diff := cmp.Diff([]state.ID{"c"}, staged()); diff != "" {
		t.Errorf("still staged (-want +got):\n%s", diff)
	}
	ledger, err := f.Ledger(t.Context(), here, f.clock.Now().Add(-time.Hour))
	if err != nil || ledger.Pushed != 1 {
		t.Errorf("an approval counts as a push: %+v, %v", ledger, err)
	}
}

// testStagedDelete: a DELETE that waits is known as one, however the account came to wait, and is in force as a deletion whoever puts it
// in force; an operator's hand, and a word that the person is back, end it.
func testStagedDelete(t *testing.T, f *fixture) {
	waits := state.Life{Said: new(false), Stage: true, Deletes: true}
	put := func(title, active string) *state.Put {
		return &state.Put{Base: f.record(t, state.KindAccount, "a").Version, Resource: parse(t, `{"userName":"ada@acme.example","title":"`+title+`"`+active+`}`)}
	}
	f.account(t, "a", "ada@acme.example")
	f.group(t, "g", "Team", "a")
	f.life(t, "a", pushed, state.Life{Said: new(false), Stage: true})
	if r := f.life(t, "a", pushed, waits); !r.Changed || !r.Record.Staged || !r.Record.Deletes || !r.Record.InForce || r.Record.Said {
		t.Errorf("a DELETE of who waits already = %+v", r)
	}
	if e := f.entries(t); string(e[len(e)-1].After) != `{"staged":true,"deletes":true}` || e[len(e)-1].Verb != state.VerbLife {
		t.Errorf("the journal says %s %s", e[len(e)-1].Verb, e[len(e)-1].After)
	}
	if r := f.life(t, "a", pushed, waits); r.Changed {
		t.Errorf("the same DELETE again = %+v", r)
	}
	if r := f.write(t, state.Mutation{Kind: state.KindAccount, ID: "a", Put: put("Dr", "")}); !r.Record.Deletes {
		t.Errorf("another title ends it: %+v", r.Record)
	}
	if r := f.write(t, state.Mutation{Kind: state.KindAccount, ID: "a", Put: put("Dr", ""), Life: &state.Life{Said: new(false), Stage: true}}); !r.Record.Staged || r.Record.Deletes {
		t.Errorf("created anew as inactive = %+v", r.Record)
	}
	for name, m := range map[string]state.Mutation{
		"pushed as active":         {Life: &state.Life{Said: new(true)}, Cause: pushed},
		"put as active":            {Put: put("Dr", `,"active":true`), Cause: pushed},
		"discarded":                {Life: &state.Life{InForce: new(true), Pinned: new(true)}, Cause: operator},
		"deactivated by hand":      {Life: &state.Life{InForce: new(false)}, Cause: operator},
		"undone to what was":       {Life: &state.Life{Said: new(false), InForce: new(false)}, Cause: undone},
		"pinned as inactive":       {Life: &state.Life{InForce: new(false), Pinned: new(true)}, Cause: operator},
		"undone to a deactivation": {Life: &state.Life{Said: new(false), InForce: new(true), Stage: true}, Cause: undone},
	} {
		f.life(t, "a", operator, state.Life{Pinned: new(false), Said: new(true)})
		f.life(t, "a", pushed, waits)
		m.Kind, m.ID = state.KindAccount, "a"
		if m.Put != nil {
			m.Put.Base = f.record(t, state.KindAccount, "a").Version
		}
		if r := f.write(t, m); !r.Changed || r.Record.Deletes || !r.Record.DeletedAt.IsZero() {
			t.Errorf("%s = %+v", name, r)
		}
	}
	for name, m := range map[string]state.Mutation{
		"a second witness":          {Life: &state.Life{Said: new(false), Link: new("person")}, Cause: pulled},
		"one with other values":     {Put: put("", `,"active":false`), Cause: pulled},
		"an approval":               {Life: &state.Life{InForce: new(false)}, Cause: approved},
		"nobody has contradicted":   {Life: &state.Life{InForce: new(false)}, Cause: pushed},
		"the DELETE of a wide gate": {Life: &state.Life{Remove: state.RemoveDelete}, Gate: atMost(1000), Cause: pushed},
	} {
		f.life(t, "a", operator, state.Life{Pinned: new(false), Said: new(true)})
		f.life(t, "a", pushed, waits)
		m.Kind, m.ID = state.KindAccount, "a"
		if m.Put != nil {
			m.Put.Base = f.record(t, state.KindAccount, "a").Version
		}
		r := f.write(t, m)
		if r.Record.DeletedAt.IsZero() || r.Record.InForce || r.Record.Staged || r.Record.Deletes || len(f.members(t, "g")) != 0 {
			t.Errorf("%s = %+v", name, r.Record)
		}
		f.account(t, "b", "ada@acme.example") // the name is free
		f.life(t, "b", operator, state.Life{Remove: state.RemovePurge})
		back := f.life(t, "a", undone, state.Life{Remove: state.RemoveRestore, Said: new(false), InForce: new(true), Stage: true, Deletes: true})
		if !back.Record.Staged || !back.Record.Deletes || !back.Record.InForce {
			t.Errorf("%s, undone = %+v", name, back.Record)
		}
		if found, err := f.Find(t.Context(), here, state.KindAccount, state.NewMatchKey(state.MatchUserName, "ada@acme.example")); err != nil || len(found) != 1 {
			t.Errorf("%s, undone, is found by its name: %v, %v", name, found, err)
		}
	}
	if err := CheckReplay(t.Context(), f, here); err != nil {
		t.Error(err)
	}
}

// testGroupLosses finds the pushes that took more than so many out of a group at once, however they did, each once.
func testGroupLosses(t *testing.T, f *fixture) {
	var people []state.ID
	for i := range 8 {
		id := state.ID(fmt.Sprintf("p%d", i))
		f.account(t, id, fmt.Sprintf("p%d@acme.example", i))
		people = append(people, id)
	}
	for _, id := range []state.ID{"patched", "put", "deleted", "pulled", "slow", "few"} {
		f.group(t, id, string(id), people...)
	}
	after := int64(0)
	find := func(more int, want ...state.GroupLoss) {
		t.Helper()
		got, last, err := f.GroupLosses(t.Context(), here, after, more)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(state.GroupLoss{}, "Number")); diff != "" {
			t.Errorf("above %d (-want +got):\n%s", more, diff)
		}
		if entries := f.entries(t); last != entries[len(entries)-1].Number {
			t.Errorf("looked up to %d of %d", last, entries[len(entries)-1].Number)
		}
	}
	find(0)
	change := func(id state.ID, cause state.Cause, m state.Mutation) {
		t.Helper()
		f.clock.Advance(time.Second)
		m.Kind, m.ID, m.Cause = state.KindGroup, id, cause
		f.write(t, m)
	}
	change("patched", pushed, state.Mutation{Members: &state.Members{Remove: people}})
	first := f.clock.Now()
	change("put", pushed, state.Mutation{Members: &state.Members{Set: true, Add: people[:2]}})
	change("few", pushed, state.Mutation{Members: &state.Members{Remove: people[:5]}})
	change("deleted", pushed, state.Mutation{Life: &state.Life{Remove: state.RemoveDelete}})
	change("pulled", pulled, state.Mutation{Members: &state.Members{Remove: people}})
	for _, id := range people {
		change("slow", pushed, state.Mutation{Members: &state.Members{Remove: []state.ID{id}}})
	}
	f.life(t, "p7", pushed, state.Life{Remove: state.RemoveDelete})
	find(5, state.GroupLoss{At: first, Group: "patched", Left: people}, state.GroupLoss{At: first.Add(time.Second), Group: "put", Left: people[2:]},
		state.GroupLoss{At: first.Add(3 * time.Second), Group: "deleted", Left: people})
	find(7, state.GroupLoss{At: first, Group: "patched", Left: people}, state.GroupLoss{At: first.Add(3 * time.Second), Group: "deleted", Left: people})
	find(8)
	_, last, err := f.GroupLosses(t.Context(), here, 0, 5)
	if err != nil {
		t.Fatal(err)
	}
	after = last
	find(0)
	change("put", pushed, state.Mutation{Members: &state.Members{Remove: people}})
	find(1, state.GroupLoss{At: f.clock.Now(), Group: "put", Left: people[:2]})
	if got, last, err := f.GroupLosses(t.Context(), state.Scope{Tenant: "nobody", Source: "nowhere"}, 3, 0); err != nil || got != nil || last != 3 {
		t.Errorf("of nobody: %v up to %d, %v", got, last, err)
	}
	if got, _, err := f.GroupLosses(t.Context(), beside, 0, 0); err != nil || got != nil {
		t.Errorf("of the source beside it: %v, %v", got, err)
	}
}

// testTrim removes what is old, a prefix of each tenant's journal, and proves that the rest still leads from the record as of the cut to
// the present one.
func testTrim(t *testing.T, f *fixture) {
	f.account(t, "a", "ada@acme.example")
	f.account(t, "gone", "gone@acme.example")
	f.group(t, "g", "Team", "a", "gone")
	f.try(t, state.Mutation{Scope: elsewhere, Kind: state.KindAccount, ID: "e", Put: &state.Put{Resource: parse(t, `{"userName":"eve@globex.example"}`)},
		Request: &state.Request{ID: "old", At: f.clock.Now()}})
	f.clock.Advance(time.Hour)
	cut := f.clock.Now()
	for i := range 250 {
		f.try(t, state.Mutation{Kind: state.KindAccount, ID: "a", Put: &state.Put{Base: int64(i + 1), Resource: parse(t, fmt.Sprintf(`{"userName":"ada@acme.example","title":"%d"}`, i))}})
	}
	f.life(t, "gone", pushed, state.Life{Remove: state.RemoveDelete})
	f.life(t, "a", pulled, state.Life{Said: new(false), Link: new("person-1")})
	f.clock.Advance(time.Hour)

	trim := func(before time.Time, want state.Trimmed) {
		t.Helper()
		got, err := f.Trim(t.Context(), before, before)
		if err != nil || got != want {
			t.Errorf("Trim = %+v, %v; want %+v", got, err, want)
		}
		for _, scope := range []state.Scope{here, elsewhere} {
			if err := CheckReplay(t.Context(), f, scope); err != nil {
				t.Errorf("replay of %s: %v", scope.Source, err)
			}
		}
	}
	cutIs := func(tenant string, want int64) {
		t.Helper()
		if got, err := f.Cut(t.Context(), tenant); err != nil || got != want {
			t.Errorf("Cut(%s) = %d, %v; want %d", tenant, got, err, want)
		}
	}
	trim(time.Time{}, state.Trimmed{})
	cutIs("acme", 0)
	reader := state.FeedReader{Tenant: "acme", Name: "feed", Number: 2, At: f.clock.Now()}
	if err := f.KeepReader(t.Context(), reader); err != nil {
		t.Fatal(err)
	}
	trim(cut, state.Trimmed{Entries: 3, Requests: 1}) // two of acme's, as far as the feed has read, and globex's
	cutIs("acme", 2)
	cutIs("globex", 1)
	if _, err := f.Request(t.Context(), "old"); !errors.Is(err, state.ErrNotFound) {
		t.Errorf("the old request is there: %v", err)
	}
	reader.Number = 200
	if err := f.KeepReader(t.Context(), reader); err != nil {
		t.Fatal(err)
	}
	trim(cut, state.Trimmed{Entries: 1})
	trim(f.clock.Now(), state.Trimmed{Entries: 197})
	cutIs("acme", 200)
	readers, err := f.Readers(t.Context(), "acme")
	if diff := cmp.Diff([]state.FeedReader{reader}, readers); diff != "" || err != nil {
		t.Errorf("readers: %v (-want +got):\n%s", err, diff)
	}
	if err := f.DropReader(t.Context(), "acme", "feed"); err != nil {
		t.Fatal(err)
	}
	last := f.entries(t)[len(f.entries(t))-1].Number
	trim(f.clock.Now().Add(time.Hour), state.Trimmed{Entries: int(last - 200)})
	cutIs("acme", last)
	if f.account(t, "b", "bob@acme.example"); f.entries(t)[0].Number != last+1 {
		t.Errorf("a number came back: %+v", f.entries(t)[0])
	}
	if err := CheckReplay(t.Context(), f, here); err != nil {
		t.Error(err)
	}
	if err := f.KeepReader(t.Context(), state.FeedReader{Tenant: "nobody", Name: "feed"}); !errors.Is(err, state.ErrNotFound) {
		t.Errorf("a reader of nobody's journal: %v", err)
	}
}

func testAlarms(t *testing.T, f *fixture) {
	held := state.Alarm{Scope: here, Condition: "held", Since: f.clock.Now()}
	lost := state.Alarm{Scope: elsewhere, Condition: "lost", Since: f.clock.Now()}
	for _, a := range []state.Alarm{lost, held, {Scope: here, Condition: "held", Since: f.clock.Now().Add(time.Hour)}} {
		if err := f.PutAlarm(t.Context(), a); err != nil {
			t.Fatal(err)
		}
	}
	want := []state.Alarm{held, lost}
	for range 2 {
		got, err := f.Alarms(t.Context())
		if diff := cmp.Diff(want, got, cmpopts.EquateEmpty()); diff != "" || err != nil {
			t.Errorf("alarms: %v (-want +got):\n%s", err, diff)
		}
		if err := f.DropAlarm(t.Context(), held); err != nil {
			t.Fatal(err)
		}
		want = []state.Alarm{lost}
	}
	if err := f.PutAlarm(t.Context(), state.Alarm{Scope: state.Scope{Tenant: "acme", Source: "no"}}); !errors.Is(err, state.ErrNotFound) {
		t.Errorf("an alarm of no source: %v", err)
	}
}

func testRename(t *testing.T, f *fixture) {
	f.account(t, "a", "ada@acme.example")
	lease := f.lease(t, here, "one")
	to := state.Scope{Tenant: here.Tenant, Source: "acme-new"}
	if err := f.RenameSource(t.Context(), lease.Epoch, here, beside.Source); !errors.Is(err, state.ErrTaken) {
		t.Errorf("a name that is taken: %v", err)
	}
	if err := f.RenameSource(t.Context(), lease.Epoch+1, here, to.Source); !errors.Is(err, state.ErrStaleEpoch) {
		t.Errorf("without the lease: %v", err)
	}
	if err := f.RenameSource(t.Context(), lease.Epoch, here, to.Source); err != nil {
		t.Fatal(err)
	}
	if _, err := f.Source(t.Context(), here.Source); !errors.Is(err, state.ErrNotFound) {
		t.Errorf("the old name: %v", err)
	}
	if r, err := f.Record(t.Context(), to, state.KindAccount, "a"); err != nil || r.Version != 1 {
		t.Errorf("%+v, %v", r, err)
	}
	entries, err := f.EntriesOf(t.Context(), to, "a")
	if err != nil || len(entries) != 1 || entries[0].Scope != to {
		t.Errorf("history: %+v, %v", entries, err)
	}
	if err := CheckReplay(t.Context(), f, to); err != nil {
		t.Error(err)
	}
	lease.Scope = to
	if err := f.ReleaseLease(t.Context(), lease); err != nil {
		t.Errorf("the lease goes along: %v", err)
	}
}

func testMove(t *testing.T, f *fixture) {
	f.account(t, "a", "ada@acme.example")
	f.account(t, "b", "bob@acme.example")
	f.account(t, "dead", "dead@acme.example")
	f.group(t, "g", "Team", "a", "b")
	f.life(t, "a", pulled, state.Life{Link: new("person-1")})
	f.life(t, "b", pushed, state.Life{Said: new(false)})
	f.life(t, "dead", pushed, state.Life{Remove: state.RemoveDelete})
	there := func(id state.ID, name string) {
		f.try(t, state.Mutation{Scope: beside, Kind: state.KindAccount, ID: id, Put: &state.Put{Resource: parse(t, `{"userName":"`+name+`"}`)}})
	}
	there("x", "BOB@acme.example")
	from, to := f.lease(t, here, "one"), f.lease(t, beside, "one")
	why := state.Cause{Kind: state.CauseOperator, Actor: "olga", Reason: "moved", Note: "moved from acme-entra"}
	var taken *state.UniqueError
	if n, err := f.MoveRecords(t.Context(), from, to, why); n != 0 || !errors.As(err, &taken) || taken.Holder != "x" {
		t.Errorf("where both have a name: %d, %v", n, err)
	}
	if err := CheckReplay(t.Context(), f, here); err != nil {
		t.Errorf("after the refusal: %v", err)
	}
	f.try(t, state.Mutation{Scope: beside, Kind: state.KindAccount, ID: "x", Life: &state.Life{Remove: state.RemoveDelete}})
	stale := from
	stale.Epoch++
	if _, err := f.MoveRecords(t.Context(), stale, to, why); !errors.Is(err, state.ErrStaleEpoch) {
		t.Errorf("without the lease: %v", err)
	}
	if _, err := f.MoveRecords(t.Context(), from, f.lease(t, elsewhere, "one"), why); !errors.Is(err, state.ErrTenantFixed) {
		t.Errorf("into another tenant: %v", err)
	}
	if n, err := f.MoveRecords(t.Context(), from, to, why); n != 3 || err != nil {
		t.Fatalf("MoveRecords = %d, %v; want 3", n, err)
	}
	for _, scope := range []state.Scope{here, beside} {
		if err := CheckReplay(t.Context(), f, scope); err != nil {
			t.Errorf("replay of %s: %v", scope.Source, err)
		}
		active, total := 0, 0
		if scope == beside {
			active, total = 1, 2
		}
		if l, err := f.Ledger(t.Context(), scope, f.clock.Now()); err != nil || l.Active != active || l.Total != total {
			t.Errorf("%s: ledger %+v, %v", scope.Source, l, err)
		}
		if n, err := f.Count(t.Context(), scope, state.KindGroup); err != nil || n != min(active, 1) {
			t.Errorf("%s has %d groups, %v", scope.Source, n, err)
		}
	}
	r, err := f.Record(t.Context(), beside, state.KindAccount, "a")
	if err != nil || r.Version != 3 || r.Link != "" || !r.InForce {
		t.Errorf("moved: %+v, %v", r, err)
	}
	if found, err := f.Find(t.Context(), beside, state.KindAccount, state.NewMatchKey(state.MatchUserName, "ADA@acme.example")); err != nil || len(found) != 1 {
		t.Errorf("found by name: %v, %v", found, err)
	}
	entries, err := f.EntriesOf(t.Context(), beside, "a")
	if err != nil || len(entries) != 3 || entries[2].Cause.Reason != "moved" || string(entries[2].Before) != `{"link":"person-1"}` {
		t.Errorf("history: %+v, %v", entries, err)
	}
	if err := f.try(t, state.Mutation{Scope: beside, Kind: state.KindGroup, ID: "g", Members: &state.Members{Remove: []state.ID{"a"}}}).Err; err != nil {
		t.Errorf("a member of the moved group leaves: %v", err)
	}
	if err := f.try(t, state.Mutation{Scope: beside, Kind: state.KindAccount, ID: "dead", Life: &state.Life{Remove: state.RemoveRestore}}).Err; err != nil {
		t.Errorf("a tombstone that was moved comes back: %v", err)
	}
	if err := CheckReplay(t.Context(), f, beside); err != nil {
		t.Error(err)
	}
	pages := 0
	if err := f.Scan(t.Context(), beside, state.KindAccount, 0, 1, 0, func(state.Record) bool { pages++; return true }); err != nil || pages != 2 {
		t.Errorf("skipping one of three leaves %d, %v", pages, err)
	}
}
