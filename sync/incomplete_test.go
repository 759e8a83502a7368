package sync_test

import (
	"testing"
	"time"

	"rollcall/connectors"
	"rollcall/state"
	dirsync "rollcall/sync"
	"rollcall/sync/plan"
)

// TestIncompleteSuspectsNobody: what was not read is not missed, what was read counts.
func TestIncompleteSuspectsNobody(t *testing.T) {
	faults := map[string]func(*directory){
		"said so": func(d *directory) { d.incomplete = "half a page" },
		"failed midway": func(d *directory) {
			d.err, d.failAfter = &connectors.Error{Kind: connectors.ErrThrottled, Op: "list members"}, 2
		},
	}
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			w := populated(t, "ada", "alan", "grace", "kurt", "emmy")
			w.unassign("emmy")
			want(t, w.scheduled(), "complete in_sync", "notice absent emmy")
			w.clock.hour()
			w.assign("emmy")
			w.disable("ada")
			w.dir.looked = nil
			fault(w.dir)
			for range 3 {
				report := w.scheduled()
				if report.Run.Outcome != dirsync.OutcomeIncomplete || report.Run.Verdict != state.VerdictPartial || report.Run.Reason == "" {
					t.Fatal(outline(report))
				}
				w.clock.hour()
			}
			w.wantActive("alan", "grace", "kurt", "emmy")
			if marks, _ := w.store.Suspicions(t.Context(), acme); len(marks) != 0 {
				t.Errorf("an incomplete run suspects, or does not clear by what it saw: %+v", marks)
			}
			if len(w.dir.looked) != 0 {
				t.Errorf("looked at %v", w.dir.looked)
			}
			source, err := w.store.Source(t.Context(), acme.Source)
			if err != nil || !source.LastWholeAt.Before(source.LastPullAt) {
				t.Errorf("last whole pull %v, last pull %v (%v)", source.LastWholeAt, source.LastPullAt, err)
			}
		})
	}
}

// TestNothingRead: the provider answers nothing at all.
func TestNothingRead(t *testing.T) {
	w := populated(t, "ada", "alan", "grace")
	w.dir.err = &connectors.Error{Kind: connectors.ErrUnreachable, Op: "list members"}
	for range 3 {
		report := w.scheduled()
		want(t, report, "failed incomplete (Could not list members: the provider could not be reached or had a fault of its own.)")
		w.clock.hour()
	}
	if len(w.dir.looked) != 0 {
		t.Errorf("looked at %v", w.dir.looked)
	}
	w.wantActive("ada", "alan", "grace")
}

func TestUnreadableGroupsBlockUnassigned(t *testing.T) {
	w := populated(t, "ada", "alan", "grace", "kurt")
	w.unassign("ada")
	w.softDelete("alan")
	w.dir.unreadable = []string{"group-1"}
	want(t, w.scheduled(), "complete applied", "deactivate alan soft_deleted", "notice absent ada")
	w.clock.hour()
	want(t, w.scheduled(), "complete in_sync", "notice unconfirmed ada")
	w.dir.unreadable = nil
	w.clock.hour()
	want(t, w.scheduled(), "complete applied", "deactivate ada unassigned")
}

func TestLostSourceChangesNothing(t *testing.T) {
	for name, lose := range map[string]func(*directory){
		"said by the proof": func(d *directory) { d.lost = true },
		"said by an error": func(d *directory) {
			d.err, d.failAfter = &connectors.Error{Kind: connectors.ErrSourceLost, Op: "read the application"}, 1
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := populated(t, "ada", "alan", "grace", "kurt")
			w.disable("ada")
			w.join("new")
			lose(w.dir)
			report := w.scheduled()
			if report.Run.Outcome != dirsync.OutcomeIncomplete || report.Run.Verdict != state.VerdictFailed || !report.Proof.Lost || len(report.Plan.Changes) > 0 {
				t.Error(outline(report))
			}
			w.wantActive("ada", "alan", "grace", "kurt")
		})
	}
}

// TestEmptyAnswer: a provider that suddenly knows of nobody, and says so with success, removes nobody: not in the first run, and
// not in the third.
func TestEmptyAnswer(t *testing.T) {
	w := populated(t, crowd(12)...)
	everyone := w.active()
	w.dir.hidden = map[string]bool{}
	for _, s := range w.dir.souls {
		w.dir.hidden[s.id] = true
	}
	for range 3 {
		report := w.scheduled()
		w.wantActive(everyone...)
		if passing := report.Plan.Counts.Changes() - report.Plan.Counts.Held; passing != 0 {
			t.Fatal(outline(report))
		}
		w.clock.hour()
	}
	w.dir.hidden = nil
	w.dir.souls = nil // and now not even by id
	report := w.scheduled()
	if report.Run.Outcome != dirsync.OutcomeIncomplete || report.Plan.Counts.Changes() != 0 {
		t.Error(outline(report))
	}
	w.wantActive(everyone...)
}

// TestNobodyKnownSeen: nobody who is known was in the snapshot, and they still answer by id. Few as they are, their removal waits.
func TestNobodyKnownSeen(t *testing.T) {
	w := populated(t, "ada", "alan")
	for _, name := range crowd(10) {
		w.pushNew(`{"userName":"` + name + `@acme.example"}`)
	}
	w.dir.hidden = map[string]bool{"obj-ada": true, "obj-alan": true}
	w.clock.pass(24 * time.Hour)
	w.scheduled()
	w.clock.hour()
	report := w.scheduled()
	if report.Run.Outcome != dirsync.OutcomeHeld || report.Plan.Counts.Removals != 2 || report.Plan.Changes[0].HeldBecause != plan.HoldUnproven {
		t.Error(outline(report))
	}
}
