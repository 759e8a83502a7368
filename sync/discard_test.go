package sync_test

import (
	"errors"
	"testing"

	"rollcall/connectors"
	dirsync "rollcall/sync"
)

// discardedRemoval is a world in which somebody who is disabled is left alone because that was decided.
func discardedRemoval(t *testing.T) *world {
	t.Helper()
	w := populated(t, append([]string{"ada"}, crowd(20)...)...)
	w.source.Rules.Protect = []string{"ada@acme.example"}
	w.disable("ada")
	held := w.scheduled()
	if err := w.engine.Discard(t.Context(), w.source, held.Run.Plan, "boss"); err != nil {
		t.Fatal(err)
	}
	w.source.Rules.Protect = nil
	w.clock.hour()
	want(t, w.scheduled(), "complete in_sync", "notice discarded ada")
	w.clock.hour()
	return w
}

// TestDiscardOutlivesRunsThatDecideNothing: the fact has not changed, and a run that could not decide about the person forgets nothing.
func TestDiscardOutlivesRunsThatDecideNothing(t *testing.T) {
	for name, meet := range map[string]struct{ fault, mend func(*world) }{
		"moved": {
			func(w *world) {
				w.dir.duringPull = func(page int) {
					if page == 1 {
						w.pushTitle("ada", "Dr")
					}
				}
			},
			func(w *world) { w.dir.duringPull = nil },
		},
		"refused": {
			func(w *world) {
				w.soul("ada").values["userPrincipalName"] = ""
				w.soul("ada").facts.Enabled = connectors.Unknown
			},
			func(w *world) {
				w.soul("ada").values["userPrincipalName"] = "ada@acme.example"
				w.disable("ada")
			},
		},
		"name reused": {
			func(w *world) { w.namesake("obj-new", "ada", works, false) },
			func(w *world) { w.dir.find("obj-new").values["userPrincipalName"] = "eve@acme.example" },
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := discardedRemoval(t)
			meet.fault(w)
			w.scheduled()
			meet.mend(w)
			for range 2 {
				w.clock.hour()
				w.scheduled()
			}
			if !w.account("ada").InForce {
				t.Error("deactivated, though that was discarded and the fact is the same")
			}
		})
	}
}

// TestDiscardedReturnOutlivesAFailedLook: somebody is not to be let in again; that the look fails once changes nothing.
func TestDiscardedReturnOutlivesAFailedLook(t *testing.T) {
	w := populated(t, crowd(20)...)
	w.pushActive("p001", false)
	w.clock.hour()
	w.observe("restored from a backup")
	held := w.scheduled()
	if err := w.engine.Discard(t.Context(), w.source, held.Run.Plan, "boss"); err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{nil, errors.New("unreachable"), nil} {
		w.clock.hour()
		w.dir.lookErr = err
		if report := w.hand(); report.Run.Outcome == dirsync.OutcomeApplied {
			t.Fatal(outline(report))
		}
	}
	if w.account("p001").InForce {
		t.Error("let in again, though that was discarded and nothing has changed")
	}
}

func TestDiscardIsRemembered(t *testing.T) {
	w := populated(t, "ada", "alan", "grace", "kurt")
	w.source.Rules.Protect = []string{"ada@acme.example"}
	w.disable("ada")
	report := w.scheduled()
	if err := w.engine.Discard(t.Context(), w.source, report.Run.Plan, "boss"); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		w.clock.hour()
		want(t, w.scheduled(), "complete in_sync", "notice discarded ada")
	}
	w.clock.hour()
	w.enable("ada")
	want(t, w.scheduled(), "complete in_sync")
	w.clock.hour()
	w.disable("ada")
	want(t, w.scheduled(), "complete held (1 held: a protected person)", "deactivate ada disabled_at_source held:protected")
	if err := w.engine.Discard(t.Context(), w.source, report.Run.Plan, "boss"); !errors.Is(err, dirsync.ErrPlanClosed) {
		t.Errorf("discarded twice: %v", err)
	}
}
