package sync_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"rollcall/connectors"
	"rollcall/state"
	"rollcall/state/scim"
	dirsync "rollcall/sync"
	"rollcall/sync/plan"
)

// days lets scheduled pulls go on, one a day.
func (w *world) days(n int) (last dirsync.Report) {
	w.t.Helper()
	for range n {
		w.clock.pass(24 * time.Hour)
		last = w.scheduled()
	}
	return last
}

// TestUnexplainedIsProposed: after a week a plan proposes to deactivate an account that nobody explains. It is held, outside the gate's
// sums, and only an approval carries it out.
func TestUnexplainedIsProposed(t *testing.T) {
	w := populated(t, "ada", "alan")
	w.pushNew(`{"userName":"robot@acme.example","displayName":"Robot"}`)
	w.scheduled()
	want(t, w.days(6), "complete in_sync", "notice unexplained Robot")
	first := w.days(1)
	want(t, first, "complete held (1 held: nobody at the source explains the account, and nobody says that it should go)",
		"deactivate Robot unexplained held:unexplained", "notice unexplained Robot")
	if n := first.Plan.Notices[0]; !n.Since.Equal(w.clock.Now().Add(-7 * 24 * time.Hour)) {
		t.Errorf("unexplained since %v", n.Since)
	}
	if g := first.Plan.Gate; g.Removals != 0 || g.Removing != "" {
		t.Errorf("the gate counts it: %+v", g)
	}
	w.disable("alan") // whoever is removed beside it is
	again := w.days(3)
	if again.Run.Plan != first.Run.Plan {
		t.Error("the plan that waits was made anew")
	}
	w.wantActive("ada", "robot")
	if _, err := w.engine.Approve(t.Context(), w.source, again.Run.Plan, "boss"); err != nil {
		t.Fatal(err)
	}
	w.wantActive("ada")
	entries := w.journal()
	if last := entries[len(entries)-1]; last.Verb != state.VerbDeactivate || last.Cause.Kind != state.CauseApproval || last.Cause.Reason != "unexplained" || last.Cause.Actor != "boss" {
		t.Errorf("journalled %+v", last)
	}
	w.clock.hour()
	want(t, w.scheduled(), "complete in_sync")
}

// TestUnexplainedNoMore: whatever explains the account, or says that it stays, keeps it, and so does a last pull that could not have seen
// who explains it: an approval of the plan made before does nothing.
func TestUnexplainedNoMore(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*world)
		next   []string // the run after the change
	}{
		"explained": {
			func(w *world) { w.join("robot") },
			[]string{"complete applied", "link robot matched"},
		},
		"pinned": {
			func(w *world) {
				w.store.Write(state.Urgent, []state.Mutation{{
					Scope: acme, Kind: state.KindAccount, ID: w.account("robot").ID, Life: &state.Life{Pinned: new(true)}, Cause: state.Cause{Kind: state.CauseOperator, Actor: "ops"},
				}})
			},
			[]string{"complete in_sync", "notice unexplained robot"},
		},
		"a half-read pull": {
			func(w *world) { w.partially(1) },
			nil,
		},
		"a group unread": {
			func(w *world) { w.dir.unreadable = []string{"group-1"} },
			[]string{"complete in_sync", "notice unexplained robot"},
		},
		"nobody known read": {
			func(w *world) { w.hide("ada", "alan", "grace", "kurt") },
			nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := populated(t, "ada", "alan", "grace", "kurt")
			w.pushNew(`{"userName":"robot@acme.example"}`)
			w.scheduled()
			held := w.days(8)
			if held.Plan.Counts.Held != 1 {
				t.Fatal(outline(held))
			}
			test.change(w)
			w.clock.pass(16 * time.Minute)
			next := w.scheduled()
			if test.next != nil {
				want(t, next, test.next...)
			}
			approved, err := w.engine.Approve(t.Context(), w.source, held.Run.Plan, "boss")
			if !slices.Contains(w.active(), "robot") {
				t.Errorf("removed: %v, %s", err, outline(approved))
			}
		})
	}
}

// TestUnexplainedSince: the week begins anew when somebody explained the account meanwhile, and runs that did not read everyone
// neither begin nor end it.
func TestUnexplainedSince(t *testing.T) {
	w := populated(t, "ada", "alan")
	w.dir.unreadable = []string{"group-1"}
	w.pushNew(`{"userName":"robot@acme.example"}`)
	if report := w.days(9); report.Plan.Counts.Changes() != 0 {
		t.Errorf("proposed by runs that did not read everyone: %s", outline(report))
	}
	w.dir.unreadable = nil
	w.days(5)
	w.dir.unreadable = []string{"group-1"}
	w.days(1)
	w.dir.unreadable = nil
	if report := w.days(2); report.Plan.Counts.Held != 1 {
		t.Errorf("a run that did not read everyone began the week anew: %s", outline(report))
	}
}

// TestUnexplainedDiscarded: what somebody discarded is not proposed again.
func TestUnexplainedDiscarded(t *testing.T) {
	w := populated(t, "ada", "alan")
	w.pushNew(`{"userName":"robot@acme.example"}`)
	w.scheduled()
	held := w.days(8)
	if err := w.engine.Discard(t.Context(), w.source, held.Run.Plan, "boss"); err != nil {
		t.Fatal(err)
	}
	report := w.days(4)
	want(t, report, "complete in_sync", "notice unexplained robot")
	if report.Plan.Notices[0].Detail == "" {
		t.Error("nothing is said of the decision")
	}
	r := w.account("robot") // another person's account for a while, and then nobody's again: another fact
	w.join("robot")
	w.days(1)
	w.dir.souls = w.dir.souls[:2]
	lease, err := w.store.AcquireLease(t.Context(), acme, "ops", time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	w.store.Write(state.Urgent, []state.Mutation{{Scope: acme, Kind: state.KindAccount, ID: r.ID, Epoch: lease.Epoch, Life: &state.Life{Link: new("")}, Cause: state.Cause{Kind: state.CauseOperator}}})
	if err := w.store.ReleaseLease(t.Context(), lease); err != nil {
		t.Fatal(err)
	}
	if report := w.days(9); report.Plan.Counts.Held != 1 {
		t.Errorf("not proposed: %s", outline(report))
	}
}

// TestUnexplainedBlocksNobody: however many such accounts wait for a decision, they are no removals that the gate counts, nor do they in a
// run that did not see everyone.
func TestUnexplainedBlocksNobody(t *testing.T) {
	w := populated(t, crowd(20)...)
	for i := range 8 {
		w.pushNew(fmt.Sprintf(`{"userName":"robot%d@acme.example"}`, i))
	}
	w.scheduled()
	if held := w.days(8); held.Plan.Counts.Held != 8 {
		t.Fatal(outline(held))
	}
	w.disable("p001")
	w.partially(4)
	if report := w.days(1); slices.Contains(w.active(), "p001") {
		t.Error(outline(report))
	}
	list, err := w.store.ListPlans(t.Context(), acme, 1)
	if err != nil || list[0].Status != state.PlanHeld || list[0].Changes != 8 {
		t.Errorf("the plan that waited: %+v, %v", list[0], err)
	}
}

// TestUnexplainedKeepsNoSourceObserved: a source that is only observed is no longer, once somebody has looked and there was nobody to remove; that
// accounts wait which nobody explains is no removal.
func TestUnexplainedKeepsNoSourceObserved(t *testing.T) {
	w := populated(t, "ada", "alan")
	w.pushNew(`{"userName":"robot@acme.example"}`)
	w.scheduled()
	w.days(8)
	w.observe("restored from a backup")
	if report := w.hand(); report.Run.Outcome != dirsync.OutcomeHeld || w.observed() {
		t.Errorf("observed %t: %s", w.observed(), outline(report))
	}
	w.disable("alan")
	w.clock.hour()
	w.scheduled()
	w.wantActive("ada", "robot")
}

// TestMissingSince: where pulls make no accounts, whoever was assigned and never pushed is reported, with since when.
func TestMissingSince(t *testing.T) {
	w := populated(t, "ada")
	w.source.Policy = dirsync.PolicyNoCreate
	w.join("eve")
	since := w.clock.Now()
	w.scheduled()
	report := w.days(3)
	want(t, report, "complete in_sync", "notice missing eve")
	if n := report.Plan.Notices[0]; !n.Since.Equal(since) {
		t.Errorf("missing since %v, want %v", n.Since, since)
	}
	w.pushNew(`{"userName":"eve@acme.example"}`)
	w.days(1)
	if marks, _ := w.store.Suspicions(t.Context(), acme); len(marks) != 0 {
		t.Errorf("still remembered: %+v", marks)
	}
}

// TestRehiredWithinTheGrace: the same person comes back out of the recycle bin; the account that waited is theirs again, with all it had.
func TestRehiredWithinTheGrace(t *testing.T) {
	w := populated(t, "ada", "alan", "grace")
	w.pushTitle("ada", "Countess")
	w.clock.hour()
	before := w.account("ada")
	w.softDelete("ada")
	want(t, w.scheduled(), "complete applied", "deactivate ada soft_deleted")
	w.clock.pass(20 * 24 * time.Hour)
	w.soul("ada").facts.SoftDeleted = connectors.No
	want(t, w.scheduled(), "complete applied", "reactivate ada enabled_at_source")
	if after := w.account("ada"); after.ID != before.ID || !slices.Equal(after.Resource, before.Resource) {
		t.Errorf("%s became %s", before.Resource, after.Resource)
	}
}

// TestNamesakeWithinTheGrace: somebody else gets the name of a person who left, while the old account is kept: deactivated, or deleted by
// a push. The newcomer never gets the old account, and the old one never comes back for them.
func TestNamesakeWithinTheGrace(t *testing.T) {
	for _, deleted := range []bool{false, true} {
		w := populated(t, "ada", "alan", "grace")
		old := w.account("ada")
		w.purge("ada")
		w.days(2)
		w.wantActive("alan", "grace")
		if deleted {
			w.push(state.Mutation{ID: old.ID, Life: &state.Life{Remove: state.RemoveDelete}})
		}
		w.clock.pass(10 * 24 * time.Hour)
		w.namesake("obj-new", "ada", works, false)
		report := w.scheduled()
		if !deleted {
			want(t, report, "complete in_sync", "notice name_reused ada")
			w.wantActive("alan", "grace")
			if got := w.account("ada"); got.Link != "obj-ada" || got.InForce {
				t.Errorf("the old account became %+v", got)
			}
			continue
		}
		want(t, report, "complete applied", "create ada assigned_missing")
		if got := w.account("ada"); got.ID == old.ID || got.Link != "obj-new" {
			t.Errorf("the newcomer got %+v", got)
		}
	}
}

// TestExplainedByAnother: an account is somebody's by the object id that it keeps, and another's by name: it goes to the better
// evidence, and the other is told.
func TestExplainedByAnother(t *testing.T) {
	w := populated(t, "alan", "grace")
	w.join("ada")
	w.namesake("obj-other", "ada", works, false)
	r := w.pushNew(`{"userName":"ada@acme.example"}`)
	w.push(putOf(r, decode(t, `{"userName":"ada@acme.example"}`).With("externalId", scim.StringValue("obj-other"))))
	w.clock.hour()
	report := w.scheduled()
	if got := w.account("ada"); got.Link != "obj-other" || report.Plan.Counts.Notices[plan.NameReused] != 1 {
		t.Errorf("linked to %s: %s", got.Link, outline(report))
	}
}
