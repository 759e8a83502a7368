package sync_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/state/scim"
	dirsync "rollcall/sync"
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

func TestGateHoldsMassRemoval(t *testing.T) {
	w := populated(t, crowd(30)...)
	w.join("new")
	for _, name := range crowd(6) {
		w.disable(name)
	}
	report := w.scheduled()
	if report.Run.Outcome != dirsync.OutcomeHeld || report.Plan.Counts.Removals != 6 || report.Plan.Counts.Held != 6 {
		t.Fatal(outline(report))
	}
	if n := len(w.active()); n != 31 {
		t.Errorf("%d active, want 31: creations go on, removals wait", n)
	}
	w.enable("p003") // one comes back before somebody approves, one moves
	w.pushTitle("p004", "Dr")
	w.pushActive("p005", false)
	w.clock.hour()
	approved, err := w.engine.Approve(t.Context(), w.source, report.Run.Plan, "boss")
	if err != nil {
		t.Fatal(err)
	}
	outcomes := []string{}
	for _, r := range approved.Results {
		outcomes = append(outcomes, r.Outcome)
	}
	if diff := cmp.Diff([]string{"applied", "applied", "applied", "stale", "moved", "done"}, outcomes); diff != "" {
		t.Errorf("what became of the plan (-want +got):\n%s", diff)
	}
	if approved.Run.Outcome != dirsync.OutcomePartly {
		t.Errorf("outcome %s", approved.Run.Outcome)
	}
	if n := len(w.active()); n != 27 {
		t.Errorf("%d active, want 27", n)
	}
	w.clock.hour()
	want(t, w.scheduled(), "complete applied", "deactivate p004 disabled_at_source") // approved ones don't count again
}

// TestMassAbsence: more are missing than the gate lets pass. A few are looked at for the report, the rest when it is approved.
func TestMassAbsence(t *testing.T) {
	w := populated(t, crowd(60)...)
	for _, name := range crowd(40) {
		w.unassign(name)
	}
	want := func(report dirsync.Report, outcome string, held int) {
		t.Helper()
		if report.Run.Outcome != outcome || report.Plan.Counts.Held != held || report.Plan.Counts.Changes() != held {
			t.Fatal(outline(report))
		}
	}
	want(w.scheduled(), dirsync.OutcomeInSync, 0)
	w.clock.hour()
	w.dir.looked = nil
	report := w.scheduled()
	want(report, dirsync.OutcomeHeld, 40)
	if n := len(w.dir.looked); n != 20 {
		t.Errorf("%d looked at, want 20", n)
	}
	w.assign("p030")
	w.dir.lookTells = true
	w.dir.looked = nil
	approved, err := w.engine.Approve(t.Context(), w.source, report.Run.Plan, "boss")
	if err != nil {
		t.Fatal(err)
	}
	if len(w.dir.looked) != 40 || len(w.active()) != 21 {
		t.Errorf("%d looked at, %d active: %s", len(w.dir.looked), len(w.active()), outline(approved))
	}
}

// TestMassGone: of many who are gone for good only a few are looked at in a run. An approval looks at all, and its finding counts as
// the first; the second approval finds the same.
func TestMassGone(t *testing.T) {
	w := populated(t, crowd(60)...)
	for _, name := range crowd(40) {
		w.purge(name)
	}
	w.scheduled()
	for i, left := range []int{40, 20} {
		w.clock.hour()
		report := w.scheduled()
		if report.Run.Outcome != dirsync.OutcomeHeld {
			t.Fatal(outline(report))
		}
		if _, err := w.engine.Approve(t.Context(), w.source, report.Run.Plan, "boss"); err != nil {
			t.Fatal(err)
		}
		if n := len(w.active()); n != left {
			t.Errorf("%d active after approval %d, want %d", n, i+1, left)
		}
	}
}

func TestProtectedWait(t *testing.T) {
	w := populated(t, "ada", "alan", "grace", "kurt")
	w.source.Rules.Protect = []string{"ada@acme.example"}
	w.disable("ada")
	w.disable("alan")
	report := w.scheduled()
	want(t, report, "complete held (1 held: a protected person)", "deactivate ada disabled_at_source held:protected", "deactivate alan disabled_at_source")
	w.wantActive("ada", "grace", "kurt")
}

// TestProtectionOutlivesTheName: whoever was protected under one name is so under the next, whether a pull or a push gives it.
func TestProtectionOutlivesTheName(t *testing.T) {
	for name, rename := range map[string]func(*world){
		"by pull": func(w *world) { w.scheduled() },
		"by push": func(w *world) {
			r := w.account("ada")
			w.push(putOf(r, decode(t, string(r.Resource)).With("userName", scim.StringValue("renamed@acme.example"))))
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := populated(t, "ada", "alan", "grace", "kurt")
			w.source.Rules.Protect = []string{"ada@acme.example"}
			w.scheduled()
			w.soul("ada").values["userPrincipalName"] = "renamed@acme.example"
			rename(w)
			w.clock.hour()
			w.disable("ada")
			want(t, w.scheduled(), "complete held (1 held: a protected person)", "deactivate renamed disabled_at_source held:protected")
		})
	}
}
