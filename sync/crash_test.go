package sync_test

import (
	"errors"
	"slices"
	"testing"

	"rollcall/state/statetest"
	dirsync "rollcall/sync"
)

var errKilled = errors.New("killed")

// drifting is a world with something of everything to do.
func drifting(t *testing.T) *world { return driftingIn(populated(t, crowd(20)...)) }

func driftingIn(w *world) *world {
	t := w.t
	w, sales, _ := groupedIn(w, crowd(20)...)
	w.source.Rules.GateFloor = 10
	sales.lose("p010")
	w.disable("p001")
	w.softDelete("p002")
	w.unassign("p003")
	w.purge("p004")
	w.disable("p005")
	w.scheduled()
	w.clock.hour()
	w.enable("p005")
	w.disable("p006")
	w.pushTitle("p007", "Dr")
	w.pushMembers(w.group("Sales"), "-p011", "-p012")
	r := w.account("p008")
	w.push(putOf(r, decode(t, `{"userName":"drifted@acme.example"}`)))
	w.join("new")
	w.clock.hour()
	return w
}

// TestKilledAnywhere kills the process at every single call of the store, before it and after it, and lets the next run by another
// process finish what was begun. The record ends as it would have without.
func TestKilledAnywhere(t *testing.T) {
	counted := drifting(t)
	calls := 0
	counted.engine = &dirsync.Engine{Now: counted.clock.Now, Holder: "first", Store: statetest.Faulty(counted.store, func(statetest.Call) *statetest.Fault {
		calls++
		return nil
	})}
	counted.scheduled()
	counted.clock.hour()
	want(t, counted.scheduled(), "complete in_sync")
	expected, members := counted.active(), counted.members(counted.group("Sales"))
	if !slices.Contains(members, "p011") || slices.Contains(members, "p010") {
		t.Fatalf("members are %v", members)
	}
	if calls < 20 {
		t.Fatalf("only %d calls of the store: this tests nothing", calls)
	}
	for kill := range calls {
		for _, done := range []int{0, 1} {
			w := drifting(t)
			made := 0
			w.engine = &dirsync.Engine{Now: w.clock.Now, Holder: "first", Store: statetest.Faulty(w.store, func(statetest.Call) *statetest.Fault {
				if made++; made <= kill {
					return nil
				}
				if made == kill+1 {
					return &statetest.Fault{Err: errKilled, Done: done}
				}
				return &statetest.Fault{Err: errKilled} // the process is dead
			})}
			report, err := w.engine.RunOnce(t.Context(), w.source, dirsync.Order{Trigger: dirsync.TriggerSchedule})
			if err == nil && made > kill+1 {
				t.Errorf("killed at call %d and no error: %s", kill, outline(report))
			}
			w.engine = &dirsync.Engine{Now: w.clock.Now, Holder: "second", Store: w.store}
			w.clock.hour()
			w.scheduled()
			w.clock.hour()
			last := w.scheduled()
			if last.Run.Outcome != dirsync.OutcomeInSync || !slices.Equal(w.active(), expected) || !slices.Equal(w.members(w.group("Sales")), members) {
				t.Errorf("killed at call %d (done %d): active %v, want %v; members %v, want %v\n%s",
					kill, done, w.active(), expected, w.members(w.group("Sales")), members, outline(last))
			}
			runs, err := w.store.ListRuns(t.Context(), acme, 0)
			if err != nil {
				t.Fatal(err)
			}
			for _, run := range runs {
				if run.EndedAt.IsZero() {
					t.Errorf("killed at call %d: run %s never ended", kill, run.ID)
				}
			}
		}
	}
}
