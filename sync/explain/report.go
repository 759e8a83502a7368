package explain

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"rollcall/connectors"
	"rollcall/state"
	"rollcall/sync/plan"
)

// report is what a run recorded of itself, as package sync writes it into state.Run.Report.
type report struct {
	Proof   connectors.Proof `json:"proof"`
	Counts  plan.Counts      `json:"counts"`
	Notices []plan.Notice    `json:"notices"`
	Applied int              `json:"applied"`
	Changes []change         `json:"changes"`
}

// change is a change of a run with what became of it; an empty Outcome: held, or not tried.
type change struct {
	plan.Change
	Outcome string `json:"outcome"`
	Detail  string `json:"detail"`
}

func readReport(run *state.Run) (report, error) {
	var r report
	if len(run.Report) == 0 {
		return r, nil
	}
	if err := json.Unmarshal(run.Report, &r); err != nil {
		return r, fmt.Errorf("read the report of run %s: %w", run.ID, err)
	}
	return r, nil
}

// drift counts the changes that a run planned and that nobody has carried out since. Held ones wait in a plan of their own, and count
// only if they don't.
func (r *report) drift(run *state.Run) int {
	if run.Outcome == "applied" || run.Outcome == "in_sync" {
		return 0
	}
	n := r.Counts.Changes() - r.Applied
	if run.Plan != "" {
		n -= r.Counts.Held
	}
	return n
}

// isPull tells whether a run was a pull, and not about some people only.
func isPull(run *state.Run) bool { return run.Trigger == "schedule" || run.Trigger == "hand" }

// NoticedWords says what keeps record and source from agreeing though nothing is planned; "" if nothing does. That two sources share a
// name keeps nobody from it.
func NoticedWords(notices map[plan.NoticeKind]int) string {
	var parts []string
	for _, kind := range slices.Sorted(maps.Keys(notices)) {
		if kind != plan.Shared && notices[kind] > 0 {
			parts = append(parts, fmt.Sprintf("%s (%d)", kind.Text(), notices[kind]))
		}
	}
	return strings.Join(parts, "; ")
}
