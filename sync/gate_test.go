package sync_test

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

// TestPushesMakeNoRoom: any number of accounts that were pushed within the day let no more of those go who were there before.
func TestPushesMakeNoRoom(t *testing.T) {
	for name, open := range map[string]func(testing.TB) *world{
		"model":  func(t testing.TB) *world { return newWorldOf(t, nil, nil) },
		"sqlite": onSQLite,
	} {
		t.Run(name, func(t *testing.T) {
			w := open(t)
			names := crowd(40)
			w.join(names...)
			w.hand()
			w.clock.hour()
			w.hand()
			w.clock.pass(48 * time.Hour)
			w.scheduled()
			for i := range 400 {
				w.pushNew(fmt.Sprintf(`{"userName":"shadow%d@acme.example"}`, i))
			}
			w.clock.hour()
			for _, name := range names[:6] {
				w.disable(name)
			}
			report := w.scheduled()
			if active := w.active(); !slices.Contains(active, names[0]) || report.Plan.Gate.Active != 40 || report.Plan.Gate.Limit != 5 {
				t.Errorf("%d active, gate %+v", len(active), report.Plan.Gate)
			}
		})
	}
}

// TestAPartOfWhatIsHeldIsHeld: a run that reads only a few of those whose removal waits neither lets them go nor forgets the others.
func TestAPartOfWhatIsHeldIsHeld(t *testing.T) {
	w := populated(t, crowd(60)...)
	for _, name := range crowd(20) {
		w.disable(name)
	}
	held := w.scheduled()
	w.clock.hour()
	w.partially(2)
	report := w.scheduled()
	if n := len(w.active()); n != 60 || report.Plan.Gate.Waiting != 14 || report.Run.Plan != held.Run.Plan {
		t.Errorf("%d active, plan %s: %s", n, report.Run.Plan, outline(report))
	}
	w.enable("p000") // and the run reads that: one less waits
	w.clock.hour()
	report = w.scheduled()
	kept, err := w.store.HeldPlan(t.Context(), report.Run.Plan)
	if err != nil || kept.Removals != 19 || len(w.active()) != 60 {
		t.Errorf("%d removals are held, %v: %s", kept.Removals, err, outline(report))
	}
	for _, name := range crowd(20) {
		w.enable(name)
	}
	w.disable("p019")
	w.dir.err = nil
	w.clock.hour()
	want(t, w.scheduled(), "complete applied", "deactivate p019 disabled_at_source")
}
