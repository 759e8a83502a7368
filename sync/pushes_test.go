package sync_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"rollcall/state"
	dirsync "rollcall/sync"
)

// TestPushDuringPullWins: whatever a push changes while the pull goes on is left alone and reported.
func TestPushDuringPullWins(t *testing.T) {
	w := populated(t, "ada", "alan", "grace", "kurt", "emmy")
	w.disable("emmy")
	w.unassign("grace")
	w.scheduled()
	w.clock.hour()
	w.enable("emmy")
	w.disable("kurt")
	w.join("new")
	w.dir.duringPull = func(page int) {
		if page == 1 {
			w.pushTitle("grace", "Dr")
			w.pushTitle("kurt", "Dr")
			w.pushTitle("emmy", "Dr")
			w.pushNew(`{"userName":"new@acme.example"}`)
		}
	}
	report := w.scheduled()
	text := outline(report)
	for _, name := range []string{"kurt", "emmy"} {
		if !strings.Contains(text, "notice moved "+name) {
			t.Errorf("%s is not reported as moved", name)
		}
	}
	for _, r := range report.Results {
		if r.Outcome == dirsync.ChangeApplied {
			t.Errorf("applied over a push: %s", text)
		}
	}
	if strings.Contains(text, "create new") && !strings.Contains(text, "new: moved") {
		t.Errorf("the account that was pushed meanwhile: %s", text)
	}
	w.wantActive("ada", "alan", "grace", "kurt", "new")
	w.dir.duringPull = nil
	w.clock.hour()
	report = w.scheduled()
	if report.Run.Outcome != dirsync.OutcomeApplied {
		t.Error(outline(report))
	}
	w.wantActive("ada", "alan", "grace", "emmy", "new") // grace's second absence in a row was not recorded: she had moved
}

// TestPushDuringPullUnties: an account that would be tied to a person changes meanwhile.
func TestPushDuringPullUnties(t *testing.T) {
	w := populated(t, "known")
	w.pushNew(`{"userName":"ada@acme.example"}`)
	w.join("ada")
	w.clock.hour()
	w.dir.duringPull = func(int) { w.pushTitle("ada", "Dr") }
	want(t, w.scheduled(), "complete in_sync", "notice moved ada")
	w.dir.duringPull = nil
	want(t, w.scheduled(), "complete applied", "link ada matched")
}

// collidingStore gives an account's row another person's link, as if the hashes of the two were equal.
type collidingStore struct {
	dirsync.Store
	link, as string
}

func (c collidingStore) Index(ctx context.Context, scope state.Scope, yield func(state.IndexRow) error) error {
	return c.Store.Index(ctx, scope, func(row state.IndexRow) error {
		if row.Link == c.link {
			row.Link = c.as
		}
		return yield(row)
	})
}

// TestCollision: an equal hash makes nobody the owner of somebody else's account.
func TestCollision(t *testing.T) {
	w := populated(t, "known", "ada")
	w.unassign("ada")
	w.join("eve")
	w.disable("eve")
	w.engine.Store = collidingStore{Store: w.store, link: "obj-ada", as: "obj-eve"}
	report := w.scheduled()
	if len(report.Plan.Changes) != 0 {
		t.Error(outline(report))
	}
	w.enable("eve")
	want(t, w.scheduled(), "complete applied", "deactivate ada unassigned", "create eve assigned_missing")
}

// TestPushBeforeApplyWins: a push between plan and apply.
func TestPushBeforeApplyWins(t *testing.T) {
	w := populated(t, "ada", "alan", "grace")
	w.disable("ada")
	pushed := &pushingStore{Store: w.store, before: func() { w.pushTitle("ada", "Dr") }}
	w.engine.Store = pushed
	want(t, w.scheduled(), "complete partly_applied", "deactivate ada disabled_at_source", "ada: moved")
	w.wantActive("ada", "alan", "grace")
}

// pushingStore does something just before a run writes.
type pushingStore struct {
	dirsync.Store
	before func()
}

func (p *pushingStore) Write(urgency state.Urgency, mutations []state.Mutation) ([]state.Result, error) {
	p.before()
	return p.Store.Write(urgency, mutations)
}

// TestFreshReadingsWait: a reading that contradicts a push younger than settle may be a replica's lag. It counts when a later run
// reads the same, and a newer push starts the wait anew.
func TestFreshReadingsWait(t *testing.T) {
	w := populated(t, "ada", "alan", "grace")
	w.disable("ada")
	w.scheduled()
	w.pushActive("ada", true) // the IdP enabled her, its replica still says disabled
	w.clock.pass(time.Minute)
	want(t, w.scheduled(), "complete in_sync", "notice fresh ada")
	w.pushActive("ada", false)
	w.pushActive("ada", true)
	w.clock.pass(time.Minute)
	want(t, w.scheduled(), "complete in_sync", "notice fresh ada")
	w.enable("ada") // the replica has caught up
	w.clock.pass(time.Minute)
	want(t, w.scheduled(), "complete in_sync")
	w.disable("ada") // and lags again: the first reading was refuted
	w.clock.pass(time.Minute)
	want(t, w.scheduled(), "complete in_sync", "notice fresh ada")
	w.clock.pass(time.Minute)
	want(t, w.scheduled(), "complete applied", "deactivate ada disabled_at_source")
}

func TestFreshIsOverAfterSettling(t *testing.T) {
	w := populated(t, "ada", "alan", "grace")
	w.pushActive("ada", false)
	w.clock.pass(14 * time.Minute)
	want(t, w.dry(), "complete in_sync", "notice fresh ada")
	w.clock.pass(time.Minute)
	want(t, w.dry(), "complete planned", "reactivate ada enabled_at_source")
}

// TestDeletedAccountIsNotMadeAtOnce: a pushed DELETE, while the pull still has the person.
func TestDeletedAccountIsNotMadeAtOnce(t *testing.T) {
	w := populated(t, "ada", "alan", "grace")
	w.push(state.Mutation{ID: w.account("ada").ID, Life: &state.Life{Remove: state.RemoveDelete}})
	w.clock.pass(time.Minute)
	want(t, w.scheduled(), "complete in_sync", "notice fresh ada")
	w.softDelete("ada") // caught up
	w.clock.pass(time.Minute)
	want(t, w.scheduled(), "complete in_sync")
}
