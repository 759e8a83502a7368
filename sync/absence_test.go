package sync_test

import (
	"testing"

	dirsync "rollcall/sync"
)

// TestSightingOutlivesThePlan: a plan rests on absences; a later run, though it did not come to its end, has seen the people. The
// approval leaves those alone, and removes the one whom nobody has seen since.
func TestSightingOutlivesThePlan(t *testing.T) {
	w := populated(t, crowd(40)...)
	w.dir.pageSize = 10
	w.dir.dropped = 1
	w.scheduled()
	w.clock.hour()
	held := w.scheduled()
	if held.Plan.Counts.Removals != 10 {
		t.Fatal(outline(held))
	}
	w.dir.dropped = 0
	w.dir.hidden = map[string]bool{"obj-p000": true}
	w.partially(3)
	w.clock.hour()
	w.scheduled()
	w.clock.hour()
	approved, err := w.engine.Approve(t.Context(), w.source, held.Run.Plan, "boss")
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range approved.Results {
		if name := approved.Plan.Changes[r.Change].Name; (r.Outcome == dirsync.ChangeApplied) != (name == "p000@acme.example") {
			t.Errorf("%s: %s", name, r.Outcome)
		}
	}
	w.wantActive(crowd(40)[1:]...)
}
