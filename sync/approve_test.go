package sync_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"rollcall/connectors"
	"rollcall/state"
	dirsync "rollcall/sync"
	"rollcall/sync/mapping"
)

// approve approves the plan that a run left held.
func (w *world) approve(held dirsync.Report) dirsync.Report {
	w.t.Helper()
	report, err := w.engine.Approve(w.t.Context(), w.source, held.Run.Plan, "boss")
	if err != nil {
		w.t.Fatal(err)
	}
	return report
}

// observed tells whether the source is only observed.
func (w *world) observed() bool {
	w.t.Helper()
	source, err := w.store.Source(w.t.Context(), acme.Source)
	if err != nil {
		w.t.Fatal(err)
	}
	return source.Observe != ""
}

// TestApprovalEndsObservation: only if something of the plan stood, and nobody is missing whom the plan does not speak of.
func TestApprovalEndsObservation(t *testing.T) {
	for name, test := range map[string]struct {
		before, after func(*world)
		observed      bool
	}{
		"all is seen":         {func(*world) {}, func(*world) {}, false},
		"somebody is missing": {func(w *world) { w.unassign("p001") }, func(*world) {}, true},
		"nothing stood":       {func(*world) {}, func(w *world) { w.disable("new") }, true},
	} {
		t.Run(name, func(t *testing.T) {
			w := populated(t, crowd(60)...)
			w.dir.identity = "directory/another"
			w.join("new")
			test.before(w)
			held := w.scheduled()
			test.after(w)
			w.approve(held)
			if got := w.observed(); got != test.observed {
				t.Errorf("observed: %t, want %t", got, test.observed)
			}
		})
	}
}

// TestNobodyIsLetInOnAnOldReading: a look cannot tell who is assigned. A creation and a return stand on the last pull, and on no old one.
func TestNobodyIsLetInOnAnOldReading(t *testing.T) {
	for name, test := range map[string]struct {
		meanwhile func(*world)
		stands    bool
	}{
		"at once":            {func(*world) {}, true},
		"found again":        {func(w *world) { w.clock.pass(30 * time.Hour); w.scheduled() }, true},
		"a later run failed": {func(w *world) { w.partially(0); w.scheduled() }, false},
		"days later":         {func(w *world) { w.clock.pass(25 * time.Hour) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			w := populated(t, crowd(10)...)
			w.disable("p001")
			w.scheduled()
			w.clock.hour()
			w.enable("p001")
			w.join("new")
			w.observe("restored from a backup")
			held := w.scheduled()
			w.clock.hour()
			test.meanwhile(w)
			report := w.approve(held)
			active := w.active()
			if slices.Contains(active, "new") != test.stands || slices.Contains(active, "p001") != test.stands {
				t.Errorf("active %v: %s", active, outline(report))
			}
		})
	}
}

// TestVolatileCreationsCanBeApproved: a value that is another one each time is nothing that a plan could fall by, and none that would
// make another plan of it.
func TestVolatileCreationsCanBeApproved(t *testing.T) {
	w := newWorldOf(t, nil, nil)
	m, err := mapping.Compile(append(mapping.Default("entra"), mapping.Row{Target: "nickName", Source: "Guid()", Apply: mapping.Create}))
	if err != nil {
		t.Fatal(err)
	}
	w.source.Mapping = m
	w.join("ada", "alan")
	held := w.scheduled()
	w.clock.hour()
	if again := w.scheduled(); again.Run.Plan != held.Run.Plan {
		t.Error("the same plan is held anew")
	}
	w.approve(held)
	w.wantActive("ada", "alan")
}

// TestApprovalNeedsItsWitness: a plan that rests on one absence and the person's own list falls when the list says nothing any more.
func TestApprovalNeedsItsWitness(t *testing.T) {
	w := populated(t, "ada", "alan", "grace")
	w.source.Rules.Protect = []string{"ada@acme.example"}
	w.dir.lookTells = true
	w.unassign("ada")
	report := w.scheduled()
	want(t, report, "complete held (1 held: a protected person)", "deactivate ada unassigned held:protected")
	w.dir.lookTells = false
	approved, err := w.engine.Approve(t.Context(), w.source, report.Run.Plan, "boss")
	if err != nil {
		t.Fatal(err)
	}
	if approved.Results[0].Outcome != dirsync.ChangeStale {
		t.Error(outline(approved))
	}
	w.wantActive("ada", "alan", "grace")
}

// TestApprovalNeedsAnswers: when the provider cannot be asked, nothing is applied and the plan stays held.
func TestApprovalNeedsAnswers(t *testing.T) {
	w := populated(t, "ada", "alan", "grace")
	w.source.Rules.Protect = []string{"ada@acme.example"}
	w.disable("ada")
	report := w.scheduled()
	w.dir.lookErr = errors.New("unreachable")
	if _, err := w.engine.Approve(t.Context(), w.source, report.Run.Plan, "boss"); err == nil {
		t.Error("approved without an answer")
	}
	w.wantActive("ada", "alan", "grace")
	w.dir.lookErr = nil
	another := w.source
	another.People = connectors.Everyone
	if _, err := w.engine.Approve(t.Context(), another, report.Run.Plan, "boss"); !errors.Is(err, dirsync.ErrPlanBasis) {
		t.Errorf("approved under another scope: %v", err)
	}
	other := w.source
	other.Scope = state.Scope{Tenant: "globex", Source: "globex-entra"}
	if _, err := w.store.EnsureSource(t.Context(), other.Scope, "entra"); err != nil {
		t.Fatal(err)
	}
	if _, err := w.engine.Approve(t.Context(), other, report.Run.Plan, "boss"); !errors.Is(err, state.ErrNotFound) {
		t.Errorf("approved another tenant's plan: %v", err)
	}
	if _, err := w.engine.Approve(t.Context(), w.source, report.Run.Plan, "boss"); err != nil {
		t.Error(err)
	}
	w.wantActive("alan", "grace")
}

// TestHeldPlanOutlivesTrouble: an incomplete run does not know enough to put a held plan away.
func TestHeldPlanOutlivesTrouble(t *testing.T) {
	w := populated(t, "ada", "alan", "grace", "kurt")
	w.source.Rules.Protect = []string{"ada@acme.example"}
	w.softDelete("ada")
	report := w.scheduled()
	w.dir.incomplete = "half"
	w.clock.hour()
	w.scheduled()
	if _, err := w.engine.Approve(t.Context(), w.source, report.Run.Plan, "boss"); err != nil {
		t.Error(err)
	}
	w.wantActive("alan", "grace", "kurt")
}
