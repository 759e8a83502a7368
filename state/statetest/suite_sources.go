package statetest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"rollcall/state"
)

func testIndex(t *testing.T, f *fixture) {
	f.write(t, state.Mutation{Kind: state.KindAccount, ID: "a", Put: &state.Put{Resource: parse(t, `{"externalId":"X1","userName":"Ada@acme.example","active":false}`)}})
	f.account(t, "b", "bob")
	f.group(t, "g", "Staff", "a")
	f.account(t, "c", "cyd")
	f.life(t, "b", operator, state.Life{Pinned: new(true), Protected: new(true), Link: new("person-2")})
	f.life(t, "c", pushed, state.Life{Remove: state.RemoveDelete})
	lease := f.lease(t, here, "engine")
	index := func() (rows []state.IndexRow) {
		t.Helper()
		if err := f.Index(t.Context(), here, func(row state.IndexRow) error { rows = append(rows, row); return nil }); err != nil {
			t.Fatalf("Index: %v", err)
		}
		return rows
	}
	want := []state.IndexRow{
		{ID: "a", Version: 1, UserName: "ada@acme.example", ExternalID: "X1"},
		{ID: "b", Version: 2, Said: true, InForce: true, Pinned: true, Protected: true, Link: "person-2", UserName: "bob"},
	}
	rows := index()
	if diff := cmp.Diff(want, rows, cmpopts.IgnoreFields(state.IndexRow{}, "Row")); diff != "" {
		t.Fatalf("Index (-want +got):\n%s", diff)
	}
	enough := errors.New("enough")
	if err := f.Index(t.Context(), here, func(state.IndexRow) error { return enough }); !errors.Is(err, enough) {
		t.Errorf("Index = %v, want the callback's error", err)
	}
	entries := len(f.entries(t))
	const stamp = 1<<63 + 5 // needs all 64 bits
	if err := f.Agree(t.Context(), here, lease.Epoch, []state.Agreement{
		{Row: rows[0].Row, Version: 1, Stamp: stamp}, {Row: rows[1].Row, Version: 1, Stamp: stamp}, {Row: 999, Version: 1, Stamp: stamp},
	}); err != nil {
		t.Fatalf("Agree: %v", err)
	}
	rows = index()
	if rows[0].Stamp != stamp || rows[1].Stamp != 0 || rows[0].Version != 1 || len(f.entries(t)) != entries {
		t.Errorf("after Agree: %+v", rows)
	}
	if r := f.record(t, state.KindAccount, "a"); r.Stamp != stamp {
		t.Errorf("Stamp = %d, want %d", r.Stamp, uint64(stamp))
	}
	f.life(t, "a", pushed, state.Life{Said: new(true)})
	if rows := index(); rows[0].Stamp != 0 {
		t.Errorf("a change leaves the stamp %d, want 0", rows[0].Stamp)
	}
}

func testStamp(t *testing.T, f *fixture) {
	const stamp = 1<<63 + 7 // needs all 64 bits
	m := state.Mutation{Kind: state.KindAccount, ID: "a", Cause: pulled, Stamp: stamp,
		Put: &state.Put{Resource: parse(t, `{"userName":"ada"}`)}, Life: &state.Life{Link: new("person-1")}}
	wantStamp := func(after string, result state.Result, want uint64) {
		t.Helper()
		kept := f.record(t, state.KindAccount, "a")
		if result.Err != nil || result.Record.Stamp != want || kept.Stamp != want {
			t.Errorf("after %s: %v, Stamp = %d in the result and %d in the record, want %d", after, result.Err, result.Record.Stamp, kept.Stamp, want)
		}
	}
	wantStamp("a creation", f.try(t, m), stamp)
	m.Put, m.Life, m.Stamp = &state.Put{Base: 1, Resource: m.Put.Resource}, nil, 8
	wantStamp("no change", f.try(t, m), stamp)
	m.Put.Resource = parse(t, `{"userName":"eva"}`)
	wantStamp("a change", f.try(t, m), 8)
	m.Put.Base = 1
	if result := f.try(t, m); !errors.Is(result.Err, state.ErrVersion) {
		t.Errorf("a change of an old version = %v, want ErrVersion", result.Err)
	}
	wantStamp("a refusal", state.Result{Record: state.Record{Stamp: 8}}, 8)
	wantStamp("a change of life alone", f.try(t, state.Mutation{Kind: state.KindAccount, ID: "a", Cause: pulled, Stamp: 9, Life: &state.Life{Link: new("person-2")}}), 9)
	wantStamp("a change without a stamp", f.life(t, "a", pushed, state.Life{Said: new(false)}), 0)
	if err := f.Index(t.Context(), here, func(row state.IndexRow) error {
		if row.Stamp != 0 || row.Version != 4 {
			t.Errorf("Index has stamp %d and version %d, want 0 and 4", row.Stamp, row.Version)
		}
		return nil
	}); err != nil {
		t.Errorf("Index: %v", err)
	}
	for name, m := range map[string]state.Mutation{
		"a group":        {Kind: state.KindGroup, ID: "g", Stamp: 1, Put: &state.Put{Resource: parse(t, `{"displayName":"Staff"}`)}},
		"who is deleted": {Kind: state.KindAccount, ID: "a", Stamp: 1, Life: &state.Life{Remove: state.RemoveDelete}},
		"who is purged":  {Kind: state.KindAccount, ID: "a", Stamp: 1, Life: &state.Life{Remove: state.RemovePurge}},
	} {
		if result := f.try(t, m); !errors.Is(result.Err, state.ErrMutation) {
			t.Errorf("a stamp for %s = %v, want ErrMutation", name, result.Err)
		}
	}
}

func testSources(t *testing.T, f *fixture) {
	ctx := t.Context()
	created := f.clock.Now()
	f.clock.Advance(time.Hour)
	got, err := f.EnsureSource(ctx, here, "entra")
	want := state.Source{Scope: here, Kind: "entra", CreatedAt: created}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("EnsureSource again: %v\n%s", err, diff)
	}
	if _, err := f.EnsureSource(ctx, state.Scope{Tenant: "globex", Source: here.Source}, "entra"); !errors.Is(err, state.ErrTenantFixed) {
		t.Errorf("EnsureSource for another tenant = %v, want ErrTenantFixed", err)
	}
	if got, err := f.EnsureSource(ctx, elsewhere, "okta"); err != nil || got.Kind != "okta" {
		t.Errorf("EnsureSource with another kind = %+v, %v", got, err)
	}
	lease := f.lease(t, here, "engine")
	want.Identity, want.Basis, want.Observe = "directory/app", "b7", "first pull"
	want.LastPullAt, want.LastWholeAt = f.clock.Now(), created
	put := want
	put.Kind, put.CreatedAt, put.LastPushAt = "ignored", f.clock.Now(), f.clock.Now()
	if err := f.PutSource(ctx, lease.Epoch, put); err != nil {
		t.Errorf("PutSource: %v", err)
	}
	if got, err := f.Source(ctx, here.Source); err != nil || cmp.Diff(want, got) != "" {
		t.Errorf("Source: %v\n%s", err, cmp.Diff(want, got))
	}
	if _, err := f.Source(ctx, "none"); !errors.Is(err, state.ErrNotFound) {
		t.Errorf("Source(none) = %v, want ErrNotFound", err)
	}
	list, err := f.ListSources(ctx)
	if err != nil || len(list) != 3 || list[0].Scope != here || list[1].Scope != beside || list[2].Scope != elsewhere {
		t.Errorf("ListSources = %+v, %v; want three by name", list, err)
	}
}

func testLeases(t *testing.T, f *fixture) {
	ctx := t.Context()
	one := f.lease(t, here, "one")
	if one.Epoch == 0 || one.Holder != "one" || one.Scope != here || one.Until != f.clock.Now().Add(time.Minute) {
		t.Errorf("the first lease = %+v", one)
	}
	if _, err := f.AcquireLease(ctx, here, "two", time.Minute); !errors.Is(err, state.ErrLeased) {
		t.Errorf("a second holder = %v, want ErrLeased", err)
	}
	if other := f.lease(t, beside, "two"); other.Scope != beside {
		t.Errorf("the lease of another source = %+v", other)
	}
	f.clock.Advance(50 * time.Second)
	renewed, err := f.RenewLease(ctx, one, time.Minute)
	if err != nil || renewed.Epoch != one.Epoch || renewed.Until != f.clock.Now().Add(time.Minute) {
		t.Errorf("renewing = %+v, %v", renewed, err)
	}
	f.clock.Advance(59 * time.Second)
	if _, err := f.AcquireLease(ctx, here, "two", time.Minute); !errors.Is(err, state.ErrLeased) {
		t.Errorf("before a renewed lease runs out = %v, want ErrLeased", err)
	}
	f.clock.Advance(time.Second)
	if _, err := f.RenewLease(ctx, renewed, time.Second); err != nil {
		t.Errorf("renewing what has run out, with nobody else there = %v", err)
	}
	f.clock.Advance(time.Second)
	two := f.lease(t, here, "two")
	if two.Epoch <= one.Epoch {
		t.Errorf("the epoch went from %d to %d", one.Epoch, two.Epoch)
	}
	if _, err := f.RenewLease(ctx, one, time.Minute); !errors.Is(err, state.ErrStaleEpoch) {
		t.Errorf("renewing what somebody else has = %v, want ErrStaleEpoch", err)
	}
	if err := f.ReleaseLease(ctx, one); !errors.Is(err, state.ErrStaleEpoch) {
		t.Errorf("releasing what somebody else has = %v, want ErrStaleEpoch", err)
	}
	if again := f.lease(t, here, "two"); again.Epoch <= two.Epoch {
		t.Errorf("acquiring again left the epoch at %d: what works under the earlier one would not be stopped", again.Epoch)
	} else if err := f.ReleaseLease(ctx, again); err != nil {
		t.Errorf("releasing: %v", err)
	}
	if three := f.lease(t, here, "three"); three.Epoch <= two.Epoch {
		t.Errorf("after a release the epoch is %d", three.Epoch)
	}
	if _, err := f.AcquireLease(ctx, state.Scope{Tenant: "acme", Source: "none"}, "one", time.Minute); !errors.Is(err, state.ErrNotFound) {
		t.Errorf("the lease of no source = %v, want ErrNotFound", err)
	}
}

func testEpochs(t *testing.T, f *fixture) {
	ctx := t.Context()
	f.account(t, "a", "ada@acme.example")
	old := f.lease(t, here, "one")
	if r := f.try(t, state.Mutation{Kind: state.KindAccount, ID: "a", Epoch: old.Epoch, Life: &state.Life{Said: new(false)}, Cause: pulled}); r.Err != nil {
		t.Errorf("a mutation under the lease: %v", r.Err)
	}
	f.clock.Advance(2 * time.Minute)
	if r := f.try(t, state.Mutation{Kind: state.KindAccount, ID: "a", Epoch: old.Epoch, Life: &state.Life{Said: new(true)}, Cause: pulled}); r.Err != nil {
		t.Errorf("a mutation under a lease that has run out, with nobody else there: %v", r.Err)
	}
	lease := f.lease(t, here, "two")
	if err := f.HoldPlan(ctx, lease.Epoch, state.HeldPlan{ID: "p", Scope: here}); err != nil {
		t.Fatal(err)
	}
	for name, err := range map[string]error{
		"Write":      f.try(t, state.Mutation{Kind: state.KindAccount, ID: "a", Epoch: old.Epoch, Life: &state.Life{Said: new(false)}, Cause: pulled}).Err,
		"PutSource":  f.PutSource(ctx, old.Epoch, state.Source{Scope: here}),
		"PutRun":     f.PutRun(ctx, old.Epoch, state.Run{ID: "r", Scope: here}),
		"HoldPlan":   f.HoldPlan(ctx, old.Epoch, state.HeldPlan{ID: "q", Scope: here}),
		"DecidePlan": f.DecidePlan(ctx, old.Epoch, "p", state.PlanApproved, "olga"),
		"Suspect":    f.Suspect(ctx, here, old.Epoch, nil, nil),
		"Agree":      f.Agree(ctx, here, old.Epoch, nil),
		"PutCursor":  f.PutCursor(ctx, here, old.Epoch, state.Cursor{Text: "x"}),
		"no epoch":   f.PutRun(ctx, 0, state.Run{ID: "r", Scope: here}),
	} {
		if !errors.Is(err, state.ErrStaleEpoch) {
			t.Errorf("%s under a lease that has passed on = %v, want ErrStaleEpoch", name, err)
		}
	}
	if r := f.try(t, state.Mutation{Kind: state.KindAccount, ID: "a", Life: &state.Life{Said: new(false)}}); r.Err != nil {
		t.Errorf("a push needs no lease: %v", r.Err)
	}
}

func testCursors(t *testing.T, f *fixture) {
	ctx := t.Context()
	lease := f.lease(t, here, "one")
	check := func(scope state.Scope, want state.Cursor) {
		t.Helper()
		if got, err := f.Cursor(ctx, scope); err != nil || got != want {
			t.Errorf("Cursor of %s = %+v, %v; want %+v", scope.Source, got, err, want)
		}
	}
	check(here, state.Cursor{})
	for _, cursor := range []state.Cursor{{Identity: "a", Text: "1"}, {Identity: "b", Text: "2"}, {Identity: "b"}, {}, {Text: "3"}} {
		if err := f.PutCursor(ctx, here, lease.Epoch, cursor); err != nil {
			t.Fatalf("PutCursor: %v", err)
		}
		check(here, cursor)
		check(beside, state.Cursor{})
		check(state.Scope{Tenant: elsewhere.Tenant, Source: here.Source}, state.Cursor{})
	}
}

func testKeys(t *testing.T, f *fixture) {
	ctx := t.Context()
	text, first := state.NewKey(here)
	first.Label, first.ExpiresAt = "until June", f.clock.Now().Add(time.Hour)
	_, second := state.NewKey(here)
	_, third := state.NewKey(here)
	for _, key := range []state.Key{first, second} {
		if err := f.PutKey(ctx, key); err != nil {
			t.Fatalf("PutKey: %v", err)
		}
	}
	first.CreatedAt, second.CreatedAt = f.clock.Now(), f.clock.Now()
	hash, err := state.ParseKey(text)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := f.KeyByHash(ctx, hash); err != nil || cmp.Diff(first, got) != "" {
		t.Errorf("KeyByHash: %v\n%s", err, cmp.Diff(first, got))
	}
	if _, err := f.KeyByHash(ctx, third.Hash); !errors.Is(err, state.ErrNotFound) {
		t.Errorf("KeyByHash of no key = %v, want ErrNotFound", err)
	}
	if err := f.PutKey(ctx, third); !errors.Is(err, state.ErrKeyLimit) {
		t.Errorf("a third live key = %v, want ErrKeyLimit", err)
	}
	if err := f.PutKey(ctx, first); err == nil {
		t.Error("the same key twice is no error")
	}
	_, other := state.NewKey(elsewhere)
	if err := f.PutKey(ctx, other); err != nil {
		t.Errorf("a key of another source: %v", err)
	}
	if err := f.RevokeKey(ctx, elsewhere, second.ID); !errors.Is(err, state.ErrNotFound) {
		t.Errorf("revoking in another scope = %v, want ErrNotFound", err)
	}
	if err := f.RevokeKey(ctx, here, second.ID); err != nil {
		t.Errorf("RevokeKey: %v", err)
	}
	second.RevokedAt = f.clock.Now()
	f.clock.Advance(time.Hour) // the first has run out now
	if err := f.RevokeKey(ctx, here, second.ID); err != nil {
		t.Errorf("RevokeKey again: %v", err)
	}
	if got, err := f.KeyByHash(ctx, second.Hash); err != nil || cmp.Diff(second, got) != "" || got.Live(f.clock.Now()) {
		t.Errorf("a revoked key: %v\n%s", err, cmp.Diff(second, got))
	}
	for range 2 {
		_, key := state.NewKey(here)
		if err := f.PutKey(ctx, key); err != nil {
			t.Errorf("a new key beside a revoked one and one that has run out: %v", err)
		}
	}
	keys, err := f.ListKeys(ctx, here)
	if err != nil || len(keys) != 4 || keys[0].ID != first.ID || keys[1].ID != second.ID {
		t.Errorf("ListKeys = %v, %v; want four, oldest first", keys, err)
	}
	if err := f.PutKey(ctx, state.Key{ID: "k", Scope: state.Scope{Tenant: "acme", Source: "none"}}); !errors.Is(err, state.ErrNotFound) {
		t.Errorf("a key of no source = %v, want ErrNotFound", err)
	}
}

// A store may write uses with the next commit. EnsureSource with another kind is one.
func testTouch(t *testing.T, f *fixture) {
	ctx := t.Context()
	_, key := state.NewKey(here)
	if err := f.PutKey(ctx, key); err != nil {
		t.Fatal(err)
	}
	kinds := []string{"okta", "entra"}
	used := func(at time.Time) (key, source time.Time) {
		t.Helper()
		kinds[0], kinds[1] = kinds[1], kinds[0]
		if err := f.TouchKey(ctx, state.Key{ID: "x", Hash: state.KeyHash{1}}, at); err != nil {
			t.Errorf("TouchKey of no key: %v", err)
		}
		s, err := f.EnsureSource(ctx, here, kinds[0])
		if err != nil {
			t.Fatal(err)
		}
		list, err := f.ListKeys(ctx, here)
		if err != nil {
			t.Fatal(err)
		}
		if s, err = f.Source(ctx, here.Source); err != nil {
			t.Fatal(err)
		}
		return list[0].LastUsedAt, s.LastPushAt
	}
	first := f.clock.Now()
	for _, c := range []struct {
		name    string
		at, exp time.Time
	}{
		{"first use", first, first},
		{"within the minute", first.Add(59 * time.Second), first},
		{"after it", first.Add(61 * time.Second), first.Add(61 * time.Second)},
	} {
		if err := f.TouchKey(ctx, key, c.at); err != nil {
			t.Fatal(err)
		}
		if k, s := used(c.at); !k.Equal(c.exp) || !s.Equal(c.exp) {
			t.Errorf("%s: key used %v, source pushed %v; want %v", c.name, k, s, c.exp)
		}
	}
}

func testCancelled(t *testing.T, f *fixture) {
	f.account(t, "a", "ada")
	f.group(t, "g", "Staff", "a")
	lease := f.lease(t, here, "one")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err1 := f.Record(ctx, here, state.KindAccount, "a")
	_, err2 := f.Find(ctx, here, state.KindAccount, state.NewMatchKey(state.MatchID, "a"))
	_, err3 := f.AcquireLease(ctx, beside, "one", time.Minute)
	_, err4 := f.Entries(ctx, here.Tenant, 0, 0)
	for name, err := range map[string]error{
		"Record": err1, "Find": err2, "AcquireLease": err3, "Entries": err4,
		"Scan":    f.Scan(ctx, here, state.KindAccount, 0, 0, 0, func(state.Record) bool { return true }),
		"Index":   f.Index(ctx, here, func(state.IndexRow) error { return nil }),
		"Members": f.Members(ctx, here, "g", func(state.Ref) bool { return true }),
		"Suspect": f.Suspect(ctx, here, lease.Epoch, []state.Suspicion{{Person: "p", Fact: "absent"}}, nil),
	} {
		if !errors.Is(err, context.Canceled) {
			t.Errorf("%s = %v, want context.Canceled", name, err)
		}
	}
}
