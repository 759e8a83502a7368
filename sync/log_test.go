package sync_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"rollcall/connectors"
)

// TestLogsHoldNoProse: what a provider says may name people. It is kept with the run, for the operator; the log has the kind, the code
// and the status.
func TestLogsHoldNoProse(t *testing.T) {
	failure := &connectors.Error{
		Kind: connectors.ErrForbidden, Op: "read people", Code: "E0000006", Detail: "E0000006: Ada Lovelace may not read Grace Hopper", Status: 403,
	}
	for name, spoil := range map[string]func(*world){
		"pull": func(w *world) { w.dir.err = failure },
		"look": func(w *world) { w.dir.lookErr = failure; w.unassign("grace") },
	} {
		t.Run(name, func(t *testing.T) {
			var text bytes.Buffer
			w := populated(t, "ada", "grace")
			w.engine.Log = slog.New(slog.NewTextHandler(&text, nil))
			spoil(w)
			report := w.scheduled()
			if !strings.Contains(report.Run.Reason, "Ada Lovelace") {
				t.Fatalf("the operator is not told: %q", report.Run.Reason)
			}
			if strings.Contains(text.String(), "Lovelace") || strings.Contains(text.String(), "Hopper") {
				t.Errorf("the log names people:\n%s", &text)
			}
			if !strings.Contains(text.String(), `level=WARN msg="run ended"`) || !strings.Contains(text.String(), "took_seconds=") {
				t.Errorf("a scheduled run that failed is no warning, or its time has no unit:\n%s", &text)
			}
			if !strings.Contains(text.String(), `failure="permission missing, E0000006, 403"`) {
				t.Errorf("the log does not say what was wrong:\n%s", &text)
			}
		})
	}
}
