package main

import (
	"errors"
	"log/slog"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/state"
	"rollcall/state/scim"
	"rollcall/state/sqlite"
)

// TestPurge takes away who is gone, or was deleted by a push, once the grace is over, and nobody else, ever.
func TestPurge(t *testing.T) {
	cfg, err := loadText(t, `retention: {journal: 2000h, requests: 100h}
sources:
  - {name: acme, tenant: acme, kind: entra, removal: {purge: true, grace: 240h}}
  - {name: keeps, tenant: acme, kind: entra, removal: {grace: 0s}}
`)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	rec, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "rollcall.db"), sqlite.Options{Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	defer rec.Close()
	push, pull := state.Cause{Kind: state.CausePush, Actor: "k"}, state.Cause{Kind: state.CausePull, Actor: "schedule", Reason: "gone"}
	disabled := state.Cause{Kind: state.CausePull, Actor: "schedule", Reason: "disabled_at_source"}
	operator := state.Cause{Kind: state.CauseOperator, Actor: "olga"}
	write := func(src int, id state.ID, cause state.Cause, m state.Mutation) {
		t.Helper()
		m.Scope, m.Kind, m.ID, m.Cause = cfg.Sources[src].scope(), state.KindAccount, id, cause
		results, err := rec.Write(state.Urgent, []state.Mutation{m})
		if err = errors.Join(err, results[0].Err); err != nil {
			t.Fatalf("%s: %v", id, err)
		}
	}
	life := func(life state.Life) state.Mutation { return state.Mutation{Life: &life} }
	inactive, remove := state.Life{Said: new(false)}, state.Life{Remove: state.RemoveDelete}
	for src := range cfg.Sources {
		if _, err := ensureSource(t.Context(), rec, &cfg.Sources[src]); err != nil {
			t.Fatal(err)
		}
	}
	accounts := []state.ID{"active", "disabled", "deleted", "deleted-late", "restored", "gone", "gone-late", "gone-back", "gone-pinned", "gone-protected", "gone-again"}
	for _, id := range accounts {
		write(0, id, push, state.Mutation{Put: &state.Put{Resource: scim.ObjectOf(scim.Field{Name: "userName", Value: scim.StringValue(string(id))})}})
	}
	write(1, "elsewhere", push, state.Mutation{Put: &state.Put{Resource: scim.ObjectOf(scim.Field{Name: "userName", Value: scim.StringValue("elsewhere")})}})
	write(1, "elsewhere", push, life(remove))
	write(0, "disabled", disabled, life(inactive))
	write(0, "deleted", push, life(remove))
	write(0, "restored", push, life(remove))
	for _, id := range []state.ID{"gone", "gone-back", "gone-pinned", "gone-protected", "gone-again"} {
		write(0, id, pull, life(inactive))
	}
	write(0, "gone-pinned", operator, life(state.Life{Pinned: new(true)}))
	write(0, "gone-protected", operator, life(state.Life{Protected: new(true)}))
	now = now.Add(239 * time.Hour)
	write(0, "restored", operator, life(state.Life{Remove: state.RemoveRestore}))
	write(0, "gone-back", push, life(state.Life{Said: new(true)}))
	write(0, "gone-again", push, life(state.Life{Said: new(true)}))
	write(0, "gone-again", disabled, life(inactive))
	write(0, "deleted-late", push, life(remove))
	write(0, "gone-late", pull, life(inactive))

	u := newUpkeep(rec, slog.New(slog.DiscardHandler), func() time.Time { return now })
	left := func() (ids []state.ID) {
		t.Helper()
		keep := func(r state.Record) bool { ids = append(ids, r.ID); return true }
		for src := range cfg.Sources {
			scope := cfg.Sources[src].scope()
			if err := errors.Join(rec.Scan(t.Context(), scope, state.KindAccount, 0, 0, 0, keep), rec.Tombstones(t.Context(), scope, keep)); err != nil {
				t.Fatal(err)
			}
		}
		slices.Sort(ids)
		return ids
	}
	all := slices.Sorted(slices.Values(append(slices.Clone(accounts), "elsewhere")))
	check := func(when string, without ...state.ID) {
		t.Helper()
		want := slices.DeleteFunc(slices.Clone(all), func(id state.ID) bool { return slices.Contains(without, id) })
		if diff := cmp.Diff(want, left()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", when, diff)
		}
	}
	if err := u.all(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	check("before the grace is over")

	now = now.Add(time.Hour)
	lease, err := rec.AcquireLease(t.Context(), cfg.Sources[0].scope(), "a run", time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	if err := u.all(t.Context(), cfg); !errors.Is(err, state.ErrLeased) {
		t.Errorf("while a run is at work: %v", err)
	}
	check("while a run is at work")
	if err := rec.ReleaseLease(t.Context(), lease); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if err := u.all(t.Context(), cfg); err != nil {
			t.Fatal(err)
		}
		check("the grace of the first is over", "deleted", "gone")
	}
	now = now.Add(240 * time.Hour)
	if err := u.all(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	check("the grace of all is over", "deleted", "gone", "deleted-late", "gone-late")
	for id, reason := range map[state.ID]string{"deleted": "grace_over", "gone": "gone"} {
		entries, err := rec.EntriesOf(t.Context(), cfg.Sources[0].scope(), id)
		if err != nil || entries[len(entries)-1].Verb != state.VerbPurge || entries[len(entries)-1].Cause.Reason != reason {
			t.Errorf("%s: %+v, %v", id, entries, err)
		}
	}

	if cut, err := rec.Cut(t.Context(), "acme"); cut != 0 || err != nil {
		t.Errorf("the journal is cut at %d, %v", cut, err)
	}
	now = now.Add(1600 * time.Hour)
	if err := u.all(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
	entries, err := rec.Entries(t.Context(), "acme", 0, 0)
	if err != nil || len(entries) == 0 || now.Sub(entries[0].At) > 2000*time.Hour {
		t.Errorf("older entries than the retention allows: %d, %v", len(entries), err)
	}
	if cut, err := rec.Cut(t.Context(), "acme"); cut == 0 || entries[0].Number != cut+1 || err != nil {
		t.Errorf("the journal is cut at %d and goes on at %d, %v", cut, entries[0].Number, err)
	}
}
