package sync_test

import (
	"slices"
	"testing"
	"time"

	"rollcall/connectors"
	"rollcall/state"
	dirsync "rollcall/sync"
	"rollcall/sync/plan"
)

// hide leaves people out of pulls.
func (w *world) hide(names ...string) {
	w.dir.hidden = make(map[string]bool)
	for _, name := range names {
		w.dir.hidden["obj-"+name] = true
	}
}

// TestAShrunkPullHoldsItsRemovals: a pull that says it is complete, and has far fewer people than those before, holds what it would
// remove, however true that is of each.
func TestAShrunkPullHoldsItsRemovals(t *testing.T) {
	for name, test := range map[string]struct {
		pulls  int // complete ones before
		missed int
		want   plan.Hold
	}{
		"too few pulls before":       {pulls: 2, missed: 12},
		"as many as usual":           {pulls: 3},
		"somewhat fewer":             {pulls: 3, missed: 8},
		"far fewer":                  {pulls: 3, missed: 12, want: plan.HoldShrunk},
		"far fewer, after many more": {pulls: 9, missed: 12, want: plan.HoldShrunk},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.source.People = connectors.Everyone // another basis: what went before does not count
			w.join(crowd(40)...)
			for range test.pulls {
				w.hand()
				w.clock.hour()
			}
			w.disable("p039")
			w.hide(crowd(test.missed)...)
			report := w.scheduled()
			if report.Run.Verdict != state.VerdictComplete || report.Plan.Counts.Actions[plan.Deactivate] != 1 {
				t.Fatal(outline(report))
			}
			c := report.Plan.Changes[0]
			if c.HeldBecause != test.want || slices.Contains(w.active(), "p039") != (test.want != "") {
				t.Errorf("held because %q, want %q", c.HeldBecause, test.want)
			}
			if wantUsual := map[bool]int{true: 40}[test.pulls > 2]; report.Usual != wantUsual {
				t.Errorf("usual are %d people, want %d", report.Usual, wantUsual)
			}
		})
	}
}

// TestWhatIsUsual: of runs that were not complete, about a few people, or of another mapping nothing is learnt; and a smaller company is
// usual after some pulls.
func TestWhatIsUsual(t *testing.T) {
	w := populated(t, crowd(40)...)
	w.hand()
	w.clock.hour()
	w.hide(crowd(30)...)
	w.partially(1)
	for range 6 {
		w.scheduled()
		w.clock.hour()
	}
	w.dir.err, w.dir.hidden = nil, nil
	if _, err := w.engine.RunPeople(t.Context(), w.source, dirsync.Order{Trigger: dirsync.TriggerHand}, []string{"obj-p001"}); err != nil {
		t.Fatal(err)
	}
	if report := w.scheduled(); report.Usual != 40 || report.Known != 40 {
		t.Errorf("usual are %d, known %d: %s", report.Usual, report.Known, outline(report))
	}
	for _, name := range crowd(20) { // half of the company leaves, in truth
		w.purge(name)
	}
	var usual []int
	for range 5 {
		w.clock.hour()
		usual = append(usual, w.scheduled().Usual)
	}
	if !slices.Equal(usual, []int{40, 40, 40, 20, 20}) {
		t.Errorf("usual are %v", usual)
	}
}

// TestTheProofIsKept: what a run read can be read back from its record.
func TestTheProofIsKept(t *testing.T) {
	w := populated(t, "ada", "alan", "grace", "kurt")
	w.hand()
	w.clock.hour()
	w.dir.unreadable = []string{"group-1"}
	w.hide("ada")
	w.scheduled()
	runs, err := w.store.ListRuns(t.Context(), acme, 1)
	if err != nil {
		t.Fatal(err)
	}
	report, err := recorded(runs[0])
	if err != nil {
		t.Fatal(err)
	}
	p := report.Proof
	if !p.Complete || p.People != 3 || p.Pages != 1 || !slices.Equal(p.Unreadable, []string{"group-1"}) || report.Known != 3 || report.Usual != 4 || report.Basis == "" || runs[0].Verdict != state.VerdictComplete {
		t.Errorf("kept %+v, known %d, usual %d, basis %q", p, report.Known, report.Usual, report.Basis)
	}
}

// TestStrikes: a suspicion is recorded only by a real run that ended well and was told that everybody was read; any sighting takes it
// back, also by a run that did not come to its end.
func TestStrikes(t *testing.T) {
	missing := func(w *world) int {
		marks, err := w.store.Suspicions(t.Context(), acme)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, m := range marks {
			if m.Fact == string(plan.FactAbsent) {
				n++
			}
		}
		return n
	}
	for name, run := range map[string]func(*world){
		"a dry run":                  func(w *world) { w.dry() },
		"a pull that ended early":    func(w *world) { w.partially(1); w.scheduled() },
		"a pull that says it is not": func(w *world) { w.dir.incomplete = "half"; w.scheduled() },
		"a lost source":              func(w *world) { w.dir.lost = true; w.scheduled() },
		"one person":                 func(w *world) { w.person("ada") },
	} {
		t.Run(name, func(t *testing.T) {
			w := populated(t, crowd(8)...)
			w.join("ada")
			w.hand()
			w.clock.hour()
			w.hide("ada")
			run(w)
			if n := missing(w); n != 0 {
				t.Errorf("%d suspicions", n)
			}
		})
	}
	for name, sighting := range map[string]func(*world){
		"in a whole pull":           func(w *world) { w.dir.hidden = nil; w.scheduled() },
		"in half a pull":            func(w *world) { w.dir.hidden = nil; w.partially(1); w.scheduled() },
		"assigned, by her own list": func(w *world) { w.dir.lookTells = true; w.scheduled() },
		"assigned, asked for by id": func(w *world) { w.dir.lookTells = true; w.person("ada") },
		"in a pull full of failures": func(w *world) {
			w.dir.hidden = nil
			w.dir.lookErr = errKilled
			w.dir.unreadable = []string{"g"}
			w.scheduled()
		},
	} {
		t.Run("a sighting "+name, func(t *testing.T) {
			w := newWorld(t)
			w.join("ada")
			w.join(crowd(8)...)
			w.hand()
			w.clock.hour()
			w.hide("ada")
			w.scheduled()
			if n := missing(w); n != 1 {
				t.Fatalf("%d suspicions, want 1", n)
			}
			w.clock.hour()
			sighting(w)
			if n := missing(w); n != 0 {
				t.Errorf("%d suspicions left", n)
			}
			w.clock.pass(time.Hour)
			if w.wantActive(append(crowd(8), "ada")...); t.Failed() {
				t.Log("removed")
			}
		})
	}
}
