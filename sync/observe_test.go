package sync_test

import (
	"errors"
	"testing"

	"rollcall/connectors"
	"rollcall/state"
	dirsync "rollcall/sync"
	"rollcall/sync/mapping"
)

func TestFirstRunOnScheduleObserves(t *testing.T) {
	w := newWorldOf(t, nil, nil)
	w.join("ada", "alan")
	report := w.scheduled()
	want(t, report, "complete observed (2 held: this is the source's first pull)",
		"create ada assigned_missing held:observe", "create alan assigned_missing held:observe")
	w.wantActive()
	w.clock.hour()
	again := w.scheduled()
	if again.Run.Outcome != dirsync.OutcomeObserved || again.Run.Plan != report.Run.Plan {
		t.Errorf("the same plan is held anew: %s, %s", report.Run.Plan, again.Run.Plan)
	}
	approved, err := w.engine.Approve(t.Context(), w.source, report.Run.Plan, "boss")
	if err != nil {
		t.Fatal(err)
	}
	if approved.Run.Outcome != dirsync.OutcomeApplied {
		t.Error(outline(approved))
	}
	w.wantActive("ada", "alan")
	if cause := w.journal()[0].Cause; cause.Kind != state.CauseApproval || cause.Actor != "boss" {
		t.Errorf("caused by %+v", cause)
	}
	w.clock.hour()
	w.join("grace")
	want(t, w.scheduled(), "complete applied", "create grace assigned_missing")
	if _, err := w.engine.Approve(t.Context(), w.source, report.Run.Plan, "boss"); !errors.Is(err, dirsync.ErrPlanClosed) {
		t.Errorf("approved twice: %v", err)
	}
}

func TestObserveByHandHoldsRemovals(t *testing.T) {
	w := newWorldOf(t, nil, nil)
	w.pushNew(`{"userName":"ada@acme.example"}`)
	w.join("ada", "alan")
	w.disable("ada")
	w.clock.hour()
	want(t, w.hand(), "complete held (1 held: this is the source's first pull)", "deactivate ada disabled_at_source held:observe", "create alan assigned_missing")
	w.wantActive("ada", "alan")
	w.clock.hour()
	w.enable("ada")
	want(t, w.hand(), "complete applied", "link ada matched") // nobody to remove: the time of observation is over
	plans, err := w.store.ListPlans(t.Context(), acme, 0)
	if err != nil || len(plans) != 1 || plans[0].Status != state.PlanReplaced {
		t.Errorf("the plan that nothing asks for any more is still held: %+v, %v", plans, err)
	}
	w.disable("ada")
	w.clock.hour()
	want(t, w.scheduled(), "complete applied", "deactivate ada disabled_at_source")
}

// TestSuspectsProlongObservation: by hand, nobody is to be removed yet, but somebody is missing.
func TestSuspectsProlongObservation(t *testing.T) {
	w := populated(t, "ada", "alan", "grace")
	w.dir.identity = "another/app"
	w.unassign("ada")
	want(t, w.hand(), "complete in_sync", "notice absent ada")
	w.clock.hour()
	report := w.scheduled()
	if report.Run.Outcome != dirsync.OutcomeObserved {
		t.Error(outline(report))
	}
	w.wantActive("ada", "alan", "grace")
}

// TestApprovalOfAnOlderPlan: a plan from before a restore was not made by anybody who looked since, and does not end the observation.
func TestApprovalOfAnOlderPlan(t *testing.T) {
	w := populated(t, "ada", "alan", "grace", "kurt")
	w.source.Rules.Protect = []string{"ada@acme.example"}
	w.disable("ada")
	report := w.scheduled()
	w.observe("restored from a backup")
	if _, err := w.engine.Approve(t.Context(), w.source, report.Run.Plan, "boss"); err != nil {
		t.Fatal(err)
	}
	w.disable("alan")
	w.clock.hour()
	want(t, w.scheduled(), "complete observed (1 held: restored from a backup)", "deactivate alan disabled_at_source held:observe")
}

// TestAnotherBasisObserves: a change of directory, mapping or scope makes scheduled runs look on.
func TestAnotherBasisObserves(t *testing.T) {
	changes := map[string]func(*world){
		"directory": func(w *world) { w.dir.identity = "another/app" },
		"scope":     func(w *world) { w.source.People = connectors.Everyone },
		"scoping filter": func(w *world) {
			w.within(mapping.Clause{Attribute: "userPrincipalName", Operator: "IS NOT NULL"})
		},
		"mapping": func(w *world) {
			m, err := mapping.Compile(append(mapping.Default("entra"), mapping.Row{Target: "title", Source: "[jobTitle]"}))
			if err != nil {
				t.Fatal(err)
			}
			w.source.Mapping = m
		},
	}
	for name, change := range changes {
		t.Run(name, func(t *testing.T) {
			w := populated(t, "ada", "alan", "grace")
			change(w)
			w.disable("ada")
			report := w.scheduled()
			if report.Run.Outcome != dirsync.OutcomeObserved {
				t.Fatal(outline(report))
			}
			w.wantActive("ada", "alan", "grace")
			w.clock.hour()
			if again := w.scheduled(); again.Run.Outcome != dirsync.OutcomeObserved {
				t.Errorf("observed once only: %s", outline(again))
			}
		})
	}
}

func TestPolicies(t *testing.T) {
	w := populated(t, "ada", "alan", "grace", "kurt")
	w.disable("ada")
	w.join("new")
	w.source.Policy = dirsync.PolicyReport
	report := w.scheduled()
	want(t, report, "complete observed (2 held: the source's policy is to report only)",
		"deactivate ada disabled_at_source held:policy", "create new assigned_missing held:policy")
	if report.Run.Plan != "" {
		t.Error("a plan of a source that only reports waits for an approval")
	}
	w.clock.hour()
	w.source.Policy = dirsync.PolicyNoCreate
	want(t, w.scheduled(), "complete applied", "deactivate ada disabled_at_source", "notice missing new")
	w.wantActive("alan", "grace", "kurt")
}
