package sync_test

import (
	"testing"

	"rollcall/state/statetest"
	dirsync "rollcall/sync"
)

// TestBatches carries more changes out than one batch holds: results stand in the plan's order, and what was on disk when a batch failed is
// told of and stays.
func TestBatches(t *testing.T) {
	const people, batch = 450, 200
	for _, failing := range []int{0, 2} { // the write that fails; 0: none
		w := newWorld(t)
		w.join(crowd(people)...)
		writes := 0
		w.engine = &dirsync.Engine{Now: w.clock.Now, Holder: "test", Store: statetest.Faulty(w.store, func(c statetest.Call) *statetest.Fault {
			if c.Method == "Write" {
				if writes++; writes == failing {
					return &statetest.Fault{Err: errKilled}
				}
			}
			return nil
		})}
		report, err := w.engine.RunOnce(t.Context(), w.source, dirsync.Order{Trigger: dirsync.TriggerHand})
		applied := 0
		for i, r := range report.Results {
			if r.Change != i {
				t.Fatalf("result %d is of change %d", i, r.Change)
			}
			if r.Outcome == dirsync.ChangeApplied {
				applied++
			}
		}
		switch {
		case failing == 0 && (err != nil || writes != 3 || applied != people || len(w.active()) != people):
			t.Errorf("%v: %d writes, %d applied, %d active", err, writes, applied, len(w.active()))
		case failing > 0 && (err == nil || applied != batch || len(w.active()) != batch || len(report.Results) != 2*batch):
			t.Errorf("%v: of %d results %d applied, %d active", err, len(report.Results), applied, len(w.active()))
		}
	}
}
