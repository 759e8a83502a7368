package sync_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"rollcall/connectors"
	"rollcall/state"
	dirsync "rollcall/sync"
	"rollcall/sync/plan"
)

func TestDisabledIsDeactivatedAndComesBack(t *testing.T) {
	w := populated(t, "ada", "alan", "grace")
	w.disable("ada")
	report := w.scheduled()
	want(t, report, "complete applied", "deactivate ada disabled_at_source")
	w.wantActive("alan", "grace")
	if len(w.dir.looked) != 0 {
		t.Errorf("looked at %v: a state that was read needs no second look", w.dir.looked)
	}
	w.clock.hour()
	want(t, w.scheduled(), "complete in_sync")
	w.enable("ada")
	want(t, w.scheduled(), "complete applied", "reactivate ada enabled_at_source")
	if !slices.Equal(w.dir.looked, []string{"obj-ada"}) {
		t.Errorf("looked at %v, want a look at who comes back", w.dir.looked)
	}
	w.wantActive("ada", "alan", "grace")
}

// TestReactivationWantsTheLookToAgree: a lagging pull says enabled, the person read directly is disabled.
func TestReactivationWantsTheLookToAgree(t *testing.T) {
	w := populated(t, "ada", "alan")
	w.disable("ada")
	w.scheduled()
	w.clock.hour()
	lag := *w.soul("ada")
	lag.facts.Enabled = connectors.Yes
	w.dir.lagging = map[string]*soul{"obj-ada": &lag}
	want(t, w.scheduled(), "complete in_sync")
	w.dir.lookErr = errors.New("throttled")
	report := w.scheduled()
	if report.Run.Outcome != dirsync.OutcomeIncomplete || len(report.Plan.Changes) != 0 {
		t.Errorf("let in without a look: %s", outline(report))
	}
	w.wantActive("alan")
}

func TestUnassignedNeedsTwoSnapshots(t *testing.T) {
	w := populated(t, "ada", "alan", "grace")
	w.unassign("ada")
	want(t, w.scheduled(), "complete in_sync", "notice absent ada")
	w.clock.hour()
	report := w.scheduled()
	want(t, report, "complete applied", "deactivate ada unassigned")
	facts := []plan.Fact{}
	for _, witness := range report.Plan.Changes[0].Witnesses {
		facts = append(facts, witness.Fact)
	}
	if !slices.Equal(facts, []plan.Fact{"absent", "absent", "unassigned"}) {
		t.Errorf("witnesses %v", facts)
	}
	w.wantActive("alan", "grace")
	w.clock.hour()
	want(t, w.scheduled(), "complete in_sync")
	if marks, _ := w.store.Suspicions(t.Context(), acme); len(marks) != 0 {
		t.Errorf("still suspected: %+v", marks)
	}
}

// TestUnassignedByTheOwnList: where a look can tell assignment, one snapshot is enough.
func TestUnassignedByTheOwnList(t *testing.T) {
	w := populated(t, "ada", "alan", "grace")
	w.dir.lookTells = true
	w.unassign("ada")
	want(t, w.scheduled(), "complete applied", "deactivate ada unassigned")
}

// TestPassedAsUnassigned: a provider that passes people as not assigned says no more than one that leaves them out.
func TestPassedAsUnassigned(t *testing.T) {
	w := populated(t, "ada", "alan", "grace")
	w.dir.passesAll = true
	w.unassign("ada")
	want(t, w.scheduled(), "complete in_sync", "notice absent ada")
	w.clock.hour()
	w.join("eve")
	w.unassign("eve")
	want(t, w.scheduled(), "complete applied", "deactivate ada unassigned")
}

func TestSightingResetsSuspicion(t *testing.T) {
	w := populated(t, "ada", "alan", "grace")
	for range 4 { // missing every other time is not missing twice
		w.dir.hidden = map[string]bool{"obj-ada": true}
		want(t, w.scheduled(), "complete in_sync", "notice absent ada")
		w.clock.hour()
		w.dir.hidden = nil
		want(t, w.scheduled(), "complete in_sync")
		w.clock.hour()
	}
	w.wantActive("ada", "alan", "grace")
}

// TestLookRefutesTheSnapshot: the snapshot never has her, her own list says that she is assigned.
func TestLookRefutesTheSnapshot(t *testing.T) {
	w := populated(t, "ada", "alan", "grace")
	w.dir.lookTells = true
	w.dir.hidden = map[string]bool{"obj-ada": true}
	for range 3 {
		want(t, w.scheduled(), "complete in_sync", "notice unconfirmed ada")
		w.clock.hour()
	}
}

func TestSoftDeletedAtOnce(t *testing.T) {
	w := populated(t, "ada", "alan", "grace")
	w.softDelete("ada")
	want(t, w.scheduled(), "complete applied", "deactivate ada soft_deleted")
}

func TestGoneNeedsTwoLooks(t *testing.T) {
	w := populated(t, "ada", "alan", "grace")
	w.purge("ada")
	want(t, w.scheduled(), "complete in_sync", "notice absent ada")
	w.clock.hour()
	report := w.scheduled()
	want(t, report, "complete applied", "deactivate ada gone")
	w.wantActive("alan", "grace")
}

// TestGoneAcrossAFailedLook: a look-up that brings no answer refutes nothing.
func TestGoneAcrossAFailedLook(t *testing.T) {
	w := populated(t, "ada", "alan", "grace")
	w.purge("ada")
	w.scheduled()
	w.clock.hour()
	w.dir.lookErr = errors.New("unreachable")
	if report := w.scheduled(); report.Run.Outcome != dirsync.OutcomeIncomplete || len(report.Plan.Changes) != 0 {
		t.Error(outline(report))
	}
	w.dir.lookErr = nil
	w.clock.hour()
	want(t, w.scheduled(), "complete applied", "deactivate ada gone")
}

func TestGoneAndBack(t *testing.T) {
	w := populated(t, "ada", "alan", "grace")
	w.purge("ada")
	w.scheduled()
	w.soul("ada").gone = false
	w.clock.hour()
	want(t, w.scheduled(), "complete in_sync")
	w.purge("ada")
	w.clock.hour()
	want(t, w.scheduled(), "complete in_sync", "notice absent ada")
}

// forgetfulStore shows an account as active that agreed as an inactive one, its stamp and version unchanged: what a hash that is equal
// by accident would look like.
type forgetfulStore struct{ dirsync.Store }

func (f forgetfulStore) Index(ctx context.Context, scope state.Scope, yield func(state.IndexRow) error) error {
	return f.Store.Index(ctx, scope, func(row state.IndexRow) error {
		row.InForce = true
		return yield(row)
	})
}

func (f forgetfulStore) Scan(ctx context.Context, scope state.Scope, kind state.Kind, after int64, skip, limit int, yield func(state.Record) bool) error {
	return f.Store.Scan(ctx, scope, kind, after, skip, limit, func(r state.Record) bool {
		r.InForce = true
		return yield(r)
	})
}

// TestStampsDecideNothing: whoever is in force and should not be is deactivated, whatever a stamp says.
func TestStampsDecideNothing(t *testing.T) {
	w := populated(t, "ada", "alan", "grace")
	w.disable("ada")
	w.scheduled()
	w.clock.hour()
	want(t, w.scheduled(), "complete in_sync") // stamped as an inactive account
	w.clock.pass(25 * time.Hour)
	w.engine.Store = forgetfulStore{w.store}
	want(t, w.dry(), "complete planned", "deactivate ada disabled_at_source")
}

// TestNobodyIsRemovedWithoutALook: more are missing twice than are looked at, and those who are looked at turn out to be there. The
// others, few enough for the gate by then, wait for an approval all the same.
func TestNobodyIsRemovedWithoutALook(t *testing.T) {
	faults := map[string]func(*world, []string){
		"the look says assigned": func(w *world, _ []string) { w.dir.lookTells = true },
		"the look says nothing": func(w *world, missing []string) {
			for _, name := range missing {
				w.soul(name).facts.Enabled = connectors.Unknown
			}
		},
		"the look fails": func(w *world, _ []string) { w.dir.lookErr = errors.New("unreachable") },
	}
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			w := populated(t, crowd(100)...)
			missing := crowd(25)
			w.dir.hidden = make(map[string]bool)
			for _, name := range missing {
				w.dir.hidden["obj-"+name] = true
			}
			fault(w, missing)
			for range 3 {
				report := w.scheduled()
				if n := len(w.active()); n != 100 || report.Plan.Counts.Changes() != report.Plan.Counts.Held {
					t.Fatalf("%d active, want 100: %s", n, outline(report))
				}
				w.clock.hour()
			}
		})
	}
}
