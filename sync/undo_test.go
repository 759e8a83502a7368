package sync_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"rollcall/state"
	"rollcall/state/statetest"
	dirsync "rollcall/sync"
	"rollcall/sync/plan"
)

// undo takes a run back.
func (w *world) undo(run dirsync.Report) dirsync.Report {
	w.t.Helper()
	return w.undoOf(dirsync.Undo{Run: run.Run.ID, Since: run.Run.StartedAt}, false)
}

func (w *world) undoOf(u dirsync.Undo, dry bool) dirsync.Report {
	w.t.Helper()
	w.clock.pass(time.Minute)
	report, err := w.engine.Undo(w.t.Context(), w.source, u, dirsync.Order{Actor: "ops", DryRun: dry})
	if err != nil {
		w.t.Fatalf("undo: %v", err)
	}
	w.clock.pass(time.Minute)
	return report
}

// image is the record of a source as people see it: without versions and times, and without those who are inactive and only.
func (w *world) image() map[string]string {
	w.t.Helper()
	image := make(map[string]string)
	for _, kind := range []state.Kind{state.KindAccount, state.KindGroup} {
		err := w.store.Scan(w.t.Context(), acme, kind, 0, 0, 0, func(r state.Record) bool {
			text := fmt.Sprintf("%s said %t in force %t staged %t pinned %t protected %t link %q", r.Resource, r.Said, r.InForce, r.Staged, r.Pinned, r.Protected, r.Link)
			if kind == state.KindGroup {
				text = fmt.Sprintf("%s %v", r.Resource, w.members(r.ID))
			}
			image[string(r.ID)] = text
			return true
		})
		if err != nil {
			w.t.Fatal(err)
		}
	}
	return image
}

// wantImage compares the record with what it was. Accounts that were made since may be there, inactive.
func (w *world) wantImage(before map[string]string) {
	w.t.Helper()
	after := w.image()
	for id, text := range after {
		if _, was := before[id]; !was {
			if !strings.Contains(text, "said false in force false") {
				w.t.Errorf("was not there before, and is active: %s", text)
			}
			delete(after, id)
		}
	}
	if diff := cmp.Diff(before, after); diff != "" {
		w.t.Errorf("the record is not what it was (-), but (+):\n%s", diff)
	}
}

// TestUndoRestoresARun: what a run updated, deactivated, reactivated, linked, created and moved between groups is as it was.
func TestUndoRestoresARun(t *testing.T) {
	for name, world := range map[string]func(*testing.T) *world{"model": drifting, "sqlite": driftingOnSQLite} {
		t.Run(name, func(t *testing.T) {
			w := world(t)
			before := w.image()
			run := w.scheduled()
			if run.Run.Outcome != dirsync.OutcomeApplied || len(run.Plan.Counts.Actions) < 4 {
				t.Fatal(outline(run))
			}
			after, journal := w.image(), len(w.journal())
			w.clock.hour()
			foretold := w.undoOf(dirsync.Undo{Run: run.Run.ID, Since: run.Run.StartedAt}, true)
			if foretold.Run.Outcome != dirsync.OutcomePlanned || len(w.journal()) != journal || w.observed() {
				t.Errorf("a dry run: %s", outline(foretold))
			}
			undone := w.undo(run)
			if undone.Run.Outcome != dirsync.OutcomeApplied || undone.Run.Trigger != dirsync.TriggerUndo {
				t.Error(outline(undone))
			}
			if !plan.Same(&foretold.Plan, &undone.Plan) {
				t.Errorf("foretold was\n%s\nand it was\n%s", outline(foretold), outline(undone))
			}
			w.wantImage(before)
			for _, e := range w.journal()[journal:] {
				if e.Cause.Kind != state.CauseUndo || e.Cause.Actor != "ops" || e.Cause.Run != undone.Run.ID {
					t.Errorf("an undo is journalled as %+v", e.Cause)
				}
			}
			if !w.observed() {
				t.Error("the next pull would do the same again, and the source is not observed")
			}
			if report := w.scheduled(); report.Run.Outcome != dirsync.OutcomeObserved {
				t.Error(outline(report))
			}
			w.wantImage(before)
			want(t, w.undo(run), "complete in_sync")
			w.undo(undone) // an undo can be undone
			if diff := cmp.Diff(after, w.image()); diff != "" {
				t.Errorf("undoing the undo leaves (+), want (-):\n%s", diff)
			}
			if err := statetest.CheckReplay(t.Context(), w.store, acme); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestUndoOfLinks: who was found to belong to an account does so no more.
func TestUndoOfLinks(t *testing.T) {
	w := populated(t, crowd(20)...)
	w.pushNew(`{"userName":"new@acme.example","displayName":"New"}`)
	w.join("new")
	before := w.image()
	w.clock.hour()
	run := w.scheduled()
	want(t, run, "complete applied", "link new matched")
	want(t, w.undo(run), "complete applied", "link new undone")
	w.wantImage(before)
}

// TestUndoSkips: whatever somebody else has changed since stays as it is, and is told.
func TestUndoSkips(t *testing.T) {
	w := populated(t, crowd(20)...)
	w.disable("p001")
	w.disable("p002")
	w.disable("p003")
	w.disable("p004")
	run := w.scheduled()
	w.clock.hour()
	w.pushTitle("p001", "Dr")
	pinned := w.account("p002")
	w.operate(pinned, state.Life{Pinned: new(true)})
	gone := w.account("p003")
	w.push(state.Mutation{ID: gone.ID, Life: &state.Life{Remove: state.RemovePurge}})
	report := w.undo(run)
	want(t, report, "complete applied", "reactivate p004 undone", "notice kept P001", "notice kept P002", "notice kept P003")
	reasons := []string{}
	for _, n := range report.Plan.Notices {
		reasons = append(reasons, n.Detail)
	}
	if diff := cmp.Diff([]string{"changed since by a push", "changed since by an operator, ops", "the account has been purged"}, reasons); diff != "" {
		t.Error(diff)
	}
	if w.account("p001").InForce || w.account("p002").InForce || !w.account("p004").InForce {
		t.Errorf("active are %v", w.active())
	}
}

// operate changes an account by hand.
func (w *world) operate(r state.Record, life state.Life) {
	w.t.Helper()
	results, err := w.store.Write(state.Urgent, []state.Mutation{{
		Scope: acme, Kind: r.Kind, ID: r.ID, Life: &life, Cause: state.Cause{Kind: state.CauseOperator, Actor: "ops"},
	}})
	if err = errors.Join(err, results[0].Err); err != nil {
		w.t.Fatal(err)
	}
}

// TestUndoIsGated: an undo that would take the access of many away waits for an approval, which a scheduled run does not take from it.
func TestUndoIsGated(t *testing.T) {
	w := populated(t, crowd(20)...)
	before := w.image()
	for i := range 12 {
		w.join(fmt.Sprintf("new%02d", i))
	}
	w.disable("p001")
	run := w.scheduled()
	w.clock.hour()
	report := w.undo(run)
	if report.Run.Outcome != dirsync.OutcomeHeld || report.Plan.Counts.Removals != 12 || report.Run.Plan == "" || !w.account("p001").InForce || !w.account("new05").InForce {
		t.Fatal(outline(report))
	}
	if r := w.scheduled(); r.Run.Plan != "" {
		t.Errorf("a scheduled run has put its own plan in the place of an undo: %s", outline(r))
	}
	w.pushTitle("new03", "Dr")
	approved := w.approve(report)
	if approved.Run.Outcome != dirsync.OutcomePartly || !w.account("new03").InForce || w.account("new05").InForce {
		t.Errorf("%s", outline(approved))
	}
	if !w.observed() {
		t.Error("approving an undo ends the time of observation that it began")
	}
	w.pushActive("new03", false)
	w.wantImage(before)
	for _, e := range w.journal() {
		if e.Cause.Kind == state.CauseUndo && e.Verb == state.VerbDeactivate && e.Cause.Actor != "boss" {
			t.Errorf("approved by %s", e.Cause.Actor)
		}
	}
}

// TestUndoProtects: nobody who is protected loses access by an undo that nobody has approved.
func TestUndoProtects(t *testing.T) {
	w := populated(t, crowd(20)...)
	w.join("ada", "grace")
	run := w.scheduled()
	w.source.Rules.Protect = []string{"ada@acme.example"}
	report := w.undo(run)
	want(t, report, "complete held (1 held: a protected person)", "deactivate ada undone held:protected", "deactivate grace undone")
	if err := w.engine.Discard(t.Context(), w.source, report.Run.Plan, "boss"); err != nil {
		t.Fatal(err)
	}
	if marks, err := w.store.Suspicions(t.Context(), acme); err != nil || len(marks) > 0 {
		t.Errorf("discarding an undo is remembered as %v, %v", marks, err)
	}
	if !w.account("ada").InForce {
		t.Error("deactivated though it was discarded")
	}
}

// TestUndoOfPushes: who was deactivated, renamed and deleted by pushes is back, memberships too, if that is asked for; what an operator
// did by hand stays.
func TestUndoOfPushes(t *testing.T) {
	w, _, group := grouped(t, crowd(20)...)
	second := w.newTeam("Second")
	w.clock.hour()
	before := w.image()
	since := w.clock.Now()
	w.clock.pass(time.Minute)
	w.pushActive("p001", false)
	w.pushTitle("p001", "Dr")
	w.pushMembers(group, "-p002", "-p003")
	w.push(state.Mutation{ID: w.account("p004").ID, Life: &state.Life{Remove: state.RemoveDelete}})
	w.pushMembers(group, "-p008") // and then goes
	w.push(state.Mutation{ID: w.account("p008").ID, Life: &state.Life{Remove: state.RemoveDelete}})
	w.pushMembers(second, "+p009") // and then goes
	w.push(state.Mutation{ID: w.account("p009").ID, Life: &state.Life{Remove: state.RemoveDelete}})
	w.pushNew(`{"userName":"spare@acme.example"}`)
	r := w.account("p005")
	w.push(putOf(r, decode(t, `{"userName":"renamed@acme.example"}`)))
	r = w.account("p006")
	w.push(putOf(r, decode(t, `{"userName":"p005@acme.example"}`)))
	w.push(state.Mutation{ID: w.account("p007").ID, Life: &state.Life{Said: new(false), Stage: true}})
	report := w.undoOf(dirsync.Undo{Since: since}, false)
	want(t, report, "complete in_sync")
	report = w.undoOf(dirsync.Undo{Since: since, Pushes: true}, false)
	if report.Run.Outcome != dirsync.OutcomeApplied || report.Plan.Counts.Notices[plan.Kept] > 0 {
		t.Error(outline(report))
	}
	w.wantImage(before)
	w.clock.hour()
	want(t, w.undoOf(dirsync.Undo{Since: since, Pushes: true}, false), "complete in_sync")
	if again := w.undoOf(dirsync.Undo{Since: since.Add(time.Second), Pushes: true}, false); len(again.Plan.Changes) > 0 || again.Plan.Counts.Notices[plan.Kept] != 10 {
		t.Errorf("an undo by another time turns the first one round: %s", outline(again))
	}
	if err := statetest.CheckReplay(t.Context(), w.store, acme); err != nil {
		t.Error(err)
	}
}

// TestUndoRestoresWhatWasStaged: a push that waited for a second witness waits again.
func TestUndoRestoresWhatWasStaged(t *testing.T) {
	w := populated(t, crowd(20)...)
	id := w.account("p001").ID
	w.push(state.Mutation{ID: id, Life: &state.Life{Said: new(false), Stage: true}})
	before, since := w.image(), w.clock.Now()
	w.clock.hour()
	results, err := w.store.Write(state.Urgent, []state.Mutation{{
		Scope: acme, Kind: state.KindAccount, ID: id, Life: &state.Life{InForce: new(false)}, Cause: state.Cause{Kind: state.CauseApproval, Run: "r", Actor: "boss"},
	}})
	if err = errors.Join(err, results[0].Err); err != nil {
		t.Fatal(err)
	}
	w.undoOf(dirsync.Undo{Run: "r", Since: since}, false)
	w.wantImage(before)
}

// TestUndoNeedsItsJournal: what is not kept cannot be taken back, and nothing is said to be.
func TestUndoNeedsItsJournal(t *testing.T) {
	w := populated(t, "ada", "grace", "kurt")
	w.engine.Store = shortJournal{w.store}
	_, err := w.engine.Undo(t.Context(), w.source, dirsync.Undo{Since: time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC)}, dirsync.Order{Actor: "ops", DryRun: true})
	if !errors.Is(err, dirsync.ErrJournal) {
		t.Errorf("Undo = %v", err)
	}
}

// TestKilledUndo kills an undo at every call of the store, before and after it, and calls it again: it does the rest and repeats nothing.
func TestKilledUndo(t *testing.T) {
	start := func(t *testing.T) (*world, map[string]string, dirsync.Undo) {
		w := drifting(t)
		before := w.image()
		run := w.scheduled()
		w.clock.hour()
		return w, before, dirsync.Undo{Run: run.Run.ID, Since: run.Run.StartedAt}
	}
	killedAnywhere(t, func(t *testing.T) (*world, func() error, func()) {
		w, before, u := start(t)
		act := func() error {
			_, err := w.engine.Undo(t.Context(), w.source, u, dirsync.Order{Actor: "ops"})
			return err
		}
		journal := len(w.journal())
		check := func() {
			w.wantImage(before)
			changed := map[string]bool{}
			for _, e := range w.journal()[journal:] {
				key := string(e.ID) + string(e.After)
				if changed[key] {
					t.Errorf("%s %s twice", e.Verb, e.ID)
				}
				changed[key] = true
			}
			if !w.observed() {
				t.Error("the source is not observed")
			}
		}
		return w, act, check
	})
}

// killedAnywhere kills what a test does at every call of the store, and lets another process do it again.
func killedAnywhere(t *testing.T, start func(t *testing.T) (w *world, act func() error, check func())) {
	t.Helper()
	for kill := 0; ; kill++ {
		for _, done := range []int{0, 1} {
			w, act, check := start(t)
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
			err := act()
			if made <= kill {
				if kill < 10 {
					t.Fatalf("only %d calls of the store: this tests nothing", kill)
				}
				return
			}
			if err == nil && made > kill+1 {
				t.Errorf("killed at call %d and no error", kill)
			}
			w.engine = &dirsync.Engine{Now: w.clock.Now, Holder: "second", Store: w.store}
			w.clock.pass(5 * time.Minute)
			if err := act(); err != nil {
				t.Errorf("killed at call %d (done %d), and again: %v", kill, done, err)
			}
			check()
			if t.Failed() {
				t.Fatalf("killed at call %d (done %d)", kill, done)
			}
			runs, err := w.store.ListRuns(t.Context(), acme, 0)
			if err != nil {
				t.Fatal(err)
			}
			if slices.ContainsFunc(runs, func(r state.Run) bool { return r.EndedAt.IsZero() }) {
				t.Errorf("killed at call %d: a run never ended", kill)
			}
		}
	}
}

// TestUndoOfAnything lets anything happen, takes a run back, and finds the record as it was, but for what was pushed since.
func TestUndoOfAnything(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		h := newHistory(t, rt)
		h.source.Rules.GateFloor, h.source.Rules.GatePercent = 1000, 100
		for range rapid.IntRange(1, 10).Draw(rt, "events") {
			switch rapid.IntRange(0, 4).Draw(rt, "event") {
			case 0:
				h.honest()
			case 1:
				h.pushSomething(rt)
			default:
				h.change(rt)
			}
			h.clock.hour()
		}
		h.honestSettings()
		before := h.image()
		run := h.scheduled()
		h.clock.hour()
		pushed := map[state.ID]string{}
		for range rapid.IntRange(0, 3).Draw(rt, "pushes") {
			record, ok := h.linked(h.pick())
			if !ok {
				continue
			}
			h.names++
			h.pushTitleOf(record, fmt.Sprintf("title %d", h.names))
			pushed[record.ID] = h.image()[string(record.ID)]
		}
		for range 2 {
			report := h.undo(run)
			if report.Run.Plan != "" {
				if _, err := h.engine.Approve(t.Context(), h.source, report.Run.Plan, "boss"); err != nil {
					rt.Fatal(err)
				}
			}
		}
		after := h.image()
		for id, text := range before {
			if was, ok := pushed[state.ID(id)]; ok {
				text = was
			}
			if after[id] != text {
				rt.Fatalf("it was\n%s\nand is\n%s", text, after[id])
			}
		}
		for id, text := range after {
			if _, was := before[id]; !was && pushed[state.ID(id)] == "" && !strings.Contains(text, "said false in force false") {
				rt.Fatalf("was not there before, and is active: %s", text)
			}
		}
		if err := statetest.CheckReplay(t.Context(), h.store, acme); err != nil {
			rt.Fatal(err)
		}
	})
}

// shortJournal is a store that has forgotten the beginning of its journal.
type shortJournal struct{ statetest.Store }

func (s shortJournal) Entries(ctx context.Context, tenant string, after int64, limit int) ([]state.Entry, error) {
	return s.Store.Entries(ctx, tenant, max(after, 1), limit)
}

// driftingOnSQLite is drifting on a database.
func driftingOnSQLite(t *testing.T) *world {
	w := onSQLite(t)
	w.join(crowd(20)...)
	for range 2 {
		w.hand()
		w.clock.hour()
	}
	return driftingIn(w)
}
