package sync_test

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"rollcall/state/sqlite"
	dirsync "rollcall/sync"
	"rollcall/sync/plan"
)

// onSQLite is a world on a database, with a clock that the database follows.
func onSQLite(t testing.TB) *world {
	t.Helper()
	c := &clock{now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	store, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "rollcall.db"), sqlite.Options{Now: c.Now})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	return newWorldOf(t, store, c)
}

// TestStoryOnSQLite tells the main story on a real database: adopt what was pushed, create what was missed, repair drift, end the
// access of who left, hold what is too much, and leave nothing to do.
func TestStoryOnSQLite(t *testing.T) {
	w := onSQLite(t)
	names := crowd(300)
	for _, name := range names[:200] {
		w.pushNew(fmt.Sprintf(`{"userName":"%s@acme.example","displayName":"as pushed"}`, name))
	}
	w.join(names...)
	w.clock.hour()
	report := w.scheduled()
	if report.Run.Outcome != dirsync.OutcomeObserved || report.Plan.Counts.Actions[plan.Link] != 200 || report.Plan.Counts.Actions[plan.Create] != 100 {
		t.Fatal(outline(report))
	}
	if _, err := w.engine.Approve(t.Context(), w.source, report.Run.Plan, "boss"); err != nil {
		t.Fatal(err)
	}
	w.clock.hour()
	want(t, w.scheduled(), "complete in_sync")

	w.disable("p001")
	w.softDelete("p002")
	w.unassign("p003")
	w.purge("p004")
	r := w.account("p005")
	w.push(putOf(r, decode(t, `{"userName":"drifted@acme.example","displayName":"as pushed"}`)))
	w.clock.hour()
	before := w.dump()
	foretold := w.dry()
	if w.dump() != before {
		t.Error("a dry run left a trace")
	}
	want(t, foretold, "complete planned", "deactivate p001 disabled_at_source", "deactivate p002 soft_deleted", "update drifted drift",
		"notice absent p003", "notice absent p004")
	want(t, w.scheduled(), "complete applied", "deactivate p001 disabled_at_source", "deactivate p002 soft_deleted", "update drifted drift",
		"notice absent p003", "notice absent p004")
	w.clock.hour()
	want(t, w.scheduled(), "complete applied", "deactivate p003 unassigned", "deactivate p004 gone")
	w.clock.hour()
	want(t, w.scheduled(), "complete in_sync")

	w, staff, group := groupedIn(w, names[60:260]...)
	staff.lose(names[60:65]...)
	w.pushMembers(group, "-p100", "-p101")
	w.clock.hour()
	wantMoves(t, w.scheduled(), "Sales: +p100 +p101")
	w.clock.hour()
	wantMoves(t, w.scheduled(), "Sales: -p060 -p061 -p062 -p063 -p064")
	w.wantMembers(group, names[65:260]...)
	w.clock.hour()
	want(t, w.scheduled(), "complete in_sync")

	for _, name := range names[10:60] {
		w.disable(name)
	}
	report = w.scheduled()
	if report.Run.Outcome != dirsync.OutcomeHeld || report.Plan.Counts.Removals != 50 || len(w.active()) != 296 {
		t.Error(outline(report))
	}
	if _, err := w.engine.Approve(t.Context(), w.source, report.Run.Plan, "boss"); err != nil {
		t.Fatal(err)
	}
	if n := len(w.active()); n != 246 {
		t.Errorf("%d active, want 246", n)
	}
	w.clock.hour()
	want(t, w.scheduled(), "complete in_sync")
}
