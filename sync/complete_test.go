package sync_test

import (
	"context"
	"strings"
	"testing"

	"rollcall/connectors"
	"rollcall/state"
	dirsync "rollcall/sync"
	"rollcall/sync/mapping"
)

// TestCompletedByTheProvider: a mapping that the provider keeps is read anew for each run. Without it a run is incomplete, changes nothing
// and forgets nothing; with another one, scheduled runs observe.
func TestCompletedByTheProvider(t *testing.T) {
	w := populated(t, "ada", "bob")
	rows := w.source.Mapping
	unreadable := &connectors.Error{Kind: connectors.ErrForbidden, Op: "read the mapping", Mend: "grant the permission"}
	var failing error
	w.source.Mapping = nil
	w.source.Complete = func(_ context.Context, s dirsync.Source) (dirsync.Source, error) {
		s.Mapping = rows
		return s, failing
	}
	want(t, w.scheduled(), "complete in_sync")

	before := len(w.journal())
	w.disable("bob")
	failing = unreadable
	for name, r := range map[string]dirsync.Report{"scheduled": w.scheduled(), "by hand": w.hand(), "dry": w.dry()} {
		if r.Run.Outcome != dirsync.OutcomeIncomplete || r.Run.Verdict != state.VerdictFailed || r.Run.Reason != "Could not read the mapping: grant the permission." {
			t.Errorf("%s: %s, %s, %q", name, r.Run.Outcome, r.Run.Verdict, r.Run.Reason)
		}
	}
	if len(w.journal()) != before {
		t.Error("a run without a mapping changed something")
	}
	if _, err := w.engine.Approve(t.Context(), w.source, "none", "operator"); err == nil {
		t.Error("a plan that is not there was approved")
	}
	failing = nil
	want(t, w.scheduled(), "complete applied", "deactivate bob disabled_at_source")

	changed, err := mapping.Compile([]mapping.Row{{Target: "userName", Source: "[userPrincipalName]"}, {Target: "active", Source: "Not([IsSoftDeleted])"}})
	if err != nil {
		t.Fatal(err)
	}
	rows = changed
	w.disable("ada")
	if r := w.scheduled(); r.Run.Outcome != dirsync.OutcomeObserved || !strings.Contains(r.Run.Reason, "mapping") {
		t.Errorf("after the mapping changed: %s, %q", r.Run.Outcome, r.Run.Reason)
	}
	w.wantActive("ada")
}
