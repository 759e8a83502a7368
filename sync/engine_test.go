package sync_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/state"
	dirsync "rollcall/sync"
	"rollcall/sync/plan"
)

func TestFirstRunByHandCreates(t *testing.T) {
	w := newWorldOf(t, nil, nil)
	w.join("ada", "alan", "grace", "kurt")
	w.disable("kurt")
	report := w.hand()
	want(t, report, "complete applied", "create ada assigned_missing", "create alan assigned_missing", "create grace assigned_missing")
	w.wantActive("ada", "alan", "grace")
	ada := w.account("ada")
	if ada.Link != "obj-ada" || ada.Name != "Ada" {
		t.Errorf("the account is linked to %q and called %q", ada.Link, ada.Name)
	}
	entry := w.journal()[0]
	wantCause := state.Cause{Kind: state.CausePull, Actor: "ops", Run: report.Run.ID, Reason: "assigned_missing"}
	if entry.Verb != state.VerbCreate || entry.Cause != wantCause {
		t.Errorf("journal: %s because %+v", entry.Verb, entry.Cause)
	}
	w.clock.hour()
	want(t, w.hand(), "complete in_sync")
	want(t, w.scheduled(), "complete in_sync")
	if n := len(w.journal()); n != 3 {
		t.Errorf("%d journal entries after a run that changed nothing, want 3", n)
	}
}

func TestDriftIsRepaired(t *testing.T) {
	w := populated(t, "ada", "alan")
	w.pushTitle("ada", "Countess") // not mapped: stays
	r := w.account("ada")
	w.push(putOf(r, decode(t, `{"userName":"wrong@acme.example","displayName":"Lovelace","title":"Countess"}`)))
	w.clock.hour()
	want(t, w.scheduled(), "complete applied", "update wrong drift")
	got := decode(t, string(w.account("ada").Resource))
	if got.Get("displayName").Text != "Lovelace" || got.Get("title").Text != "Countess" {
		t.Errorf("a create-only value or one that is not mapped was touched: %s", w.account("ada").Resource)
	}
	want(t, w.scheduled(), "complete in_sync")
}

// TestDryRunSavesNothing: no run, no plan, no strike, no stamp, no source.
func TestDryRunSavesNothing(t *testing.T) {
	w := populated(t, crowd(12)...)
	w.unassign("p000")
	w.purge("p001")
	w.disable("p002")
	w.join("new")
	w.pushTitle("p003", "Dr") // its stamp is void
	before := w.dump()
	for range 3 {
		report := w.dry()
		want(t, report, "complete planned", "deactivate p002 disabled_at_source", "create new assigned_missing", "notice absent p000", "notice absent p001")
	}
	if diff := cmp.Diff(before, w.dump()); diff != "" {
		t.Errorf("a dry run left a trace (-before +after):\n%s", diff)
	}
	fresh := newWorldOf(t, nil, nil)
	fresh.source.Scope = state.Scope{Tenant: "acme", Source: "never-seen"}
	fresh.join("ada")
	if report := fresh.dry(); report.Run.Outcome != dirsync.OutcomePlanned {
		t.Error(outline(report))
	}
	if _, err := fresh.store.Source(t.Context(), "never-seen"); !errors.Is(err, state.ErrNotFound) {
		t.Errorf("a dry run made the source: %v", err)
	}
}

func TestPushOnlyAndLeases(t *testing.T) {
	w := populated(t, "ada")
	pushOnly := w.source
	pushOnly.Connector = nil
	if _, err := w.engine.RunOnce(t.Context(), pushOnly, dirsync.Order{}); !errors.Is(err, dirsync.ErrPushOnly) {
		t.Errorf("ran a push-only source: %v", err)
	}
	other, err := w.store.AcquireLease(t.Context(), acme, "another process", time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.engine.RunOnce(t.Context(), w.source, dirsync.Order{}); !errors.Is(err, state.ErrLeased) {
		t.Errorf("ran beside another process: %v", err)
	}
	if report := w.dry(); report.Run.Outcome != dirsync.OutcomeInSync {
		t.Errorf("a dry run waits for a lease: %s", outline(report))
	}
	if err := w.store.ReleaseLease(t.Context(), other); err != nil {
		t.Fatal(err)
	}
	w.dir.duringPull = func(int) {
		if _, err := w.engine.RunOnce(t.Context(), w.source, dirsync.Order{}); !errors.Is(err, state.ErrLeased) {
			t.Errorf("ran twice at once: %v", err)
		}
	}
	want(t, w.hand(), "complete in_sync")
}

// TestLeaseIsKept: a long pull keeps its lease, and one that has lost it applies nothing.
func TestLeaseIsKept(t *testing.T) {
	w := populated(t, crowd(12)...)
	w.disable("p000")
	w.dir.duringPull = func(int) {
		w.clock.pass(50 * time.Second)
		if _, err := w.store.AcquireLease(t.Context(), acme, "another process", time.Minute); !errors.Is(err, state.ErrLeased) {
			t.Errorf("the lease ran out during the pull: %v", err)
		}
	}
	want(t, w.hand(), "complete applied", "deactivate p000 disabled_at_source")
	w.disable("p001")
	stolen := false
	w.dir.duringPull = func(int) {
		w.clock.pass(time.Hour)
		if !stolen {
			stolen = true
			if _, err := w.store.AcquireLease(t.Context(), acme, "another process", 24*time.Hour); err != nil {
				t.Fatal(err)
			}
		}
	}
	_, err := w.engine.RunOnce(t.Context(), w.source, dirsync.Order{Trigger: dirsync.TriggerHand})
	if !errors.Is(err, state.ErrStaleEpoch) {
		t.Errorf("went on without the lease: %v", err)
	}
	if w.account("p001"); !slices.Contains(w.active(), "p001") {
		t.Error("applied without the lease")
	}
}

func TestCancelledRunIsRecorded(t *testing.T) {
	w := populated(t, crowd(12)...)
	w.disable("p000")
	ctx, cancel := context.WithCancel(t.Context())
	w.dir.duringPull = func(page int) {
		if page == 3 {
			cancel()
		}
	}
	report, err := w.engine.RunOnce(ctx, w.source, dirsync.Order{Trigger: dirsync.TriggerHand})
	if !errors.Is(err, context.Canceled) || report.Run.Outcome != dirsync.OutcomeFailed {
		t.Errorf("%v: %s", err, outline(report))
	}
	kept, err := w.store.Run(t.Context(), report.Run.ID)
	if err != nil || kept.Outcome != dirsync.OutcomeFailed || kept.EndedAt.IsZero() {
		t.Errorf("recorded %+v, %v", kept, err)
	}
	w.dir.duringPull = nil
	w.clock.hour()
	want(t, w.hand(), "complete applied", "deactivate p000 disabled_at_source")
}

func TestKilledRunIsClosed(t *testing.T) {
	w := populated(t, "ada", "alan")
	lease, err := w.store.AcquireLease(t.Context(), acme, "test", time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	dead := state.Run{ID: "dead", Scope: acme, Trigger: dirsync.TriggerSchedule, StartedAt: w.clock.Now()}
	if err := w.store.PutRun(t.Context(), lease.Epoch, dead); err != nil {
		t.Fatal(err)
	}
	w.clock.pass(time.Second)
	want(t, w.hand(), "complete in_sync")
	kept, err := w.store.Run(t.Context(), "dead")
	if err != nil || kept.Outcome != dirsync.OutcomeFailed || kept.EndedAt.IsZero() {
		t.Errorf("the killed run is %+v, %v", kept, err)
	}
}

// TestCostsGrowWithPages: a run without drift reads no person directly and no record; one with drift looks at few.
func TestCostsGrowWithPages(t *testing.T) {
	w := newWorld(t)
	w.dir.pageSize = 50
	w.join(crowd(500)...)
	w.hand()
	w.hand()
	counting := &countingStore{Store: w.store}
	w.engine.Store = counting
	w.dir.pages, w.dir.looked = 0, nil
	want(t, w.scheduled(), "complete in_sync")
	if w.dir.pages != 10 || len(w.dir.looked) != 0 || counting.reads != 0 {
		t.Errorf("%d pages, %d looks, %d records read; want 10, 0, 0", w.dir.pages, len(w.dir.looked), counting.reads)
	}
}

// countingStore counts how many records are read.
type countingStore struct {
	dirsync.Store
	reads int
}

func (c *countingStore) Record(ctx context.Context, scope state.Scope, kind state.Kind, id state.ID) (state.Record, error) {
	c.reads++
	return c.Store.Record(ctx, scope, kind, id)
}

func (c *countingStore) Find(ctx context.Context, scope state.Scope, kind state.Kind, key state.MatchKey) ([]state.Record, error) {
	c.reads++
	return c.Store.Find(ctx, scope, kind, key)
}

func (c *countingStore) Scan(ctx context.Context, scope state.Scope, kind state.Kind, after int64, skip, limit int, yield func(state.Record) bool) error {
	c.reads++
	return c.Store.Scan(ctx, scope, kind, after, skip, limit, yield)
}

func TestRunReport(t *testing.T) {
	w := populated(t, "ada", "alan", "grace")
	w.disable("ada")
	report := w.scheduled()
	kept, err := w.store.Run(t.Context(), report.Run.ID)
	if err != nil {
		t.Fatal(err)
	}
	got, err := recorded(kept)
	if err != nil {
		t.Fatal(err)
	}
	if got.Proof.People != 3 || !got.Proof.Complete || len(got.Changes) != 1 || got.Changes[0].Outcome != dirsync.ChangeApplied ||
		got.Changes[0].Reason != plan.ReasonDisabled || got.Counts.Agree != 2 {
		t.Errorf("recorded %+v", got)
	}
}

func TestProgress(t *testing.T) {
	w := newWorld(t)
	w.join(crowd(7)...)
	var steps []string
	w.run(dirsync.Order{Trigger: dirsync.TriggerHand, Progress: func(p dirsync.Progress) { steps = append(steps, p.Step) }})
	if diff := cmp.Diff([]string{"pull", "pull", "pull", "apply"}, steps); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}
}
