package explain

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"rollcall/connectors"
	"rollcall/state"
	"rollcall/sync/plan"
)

// Report is what a run recorded of itself, as package sync writes it into state.Run.Report.
type Report struct {
	Proof   connectors.Proof `json:"proof"`
	Known   int              `json:"known"` // accounts whose people were seen in the pull
	Usual   int              `json:"usual"` // the median of how many people the complete pulls before read; 0: too few of them
	Counts  plan.Counts      `json:"counts"`
	Gate    plan.Gate        `json:"gate"`
	Notices []plan.Notice    `json:"notices"`
	Applied int              `json:"applied"` // changes carried out, those not listed among them
	Changes []RunChange      `json:"changes"`
	LeftOut int              `json:"left_out"` // changes beyond those listed
}

// RunChange is a change of a run with what became of it.
type RunChange struct {
	plan.Change
	Outcome string `json:"outcome"` // "" = held, or not tried
	Detail  string `json:"detail"`
}

// Became says in a word or two what became of the change.
func (c *RunChange) Became() string {
	switch {
	case c.Outcome != "":
		return c.Outcome
	case c.Held:
		return "held"
	}
	return "not tried"
}

// Fell tells whether the change was tried and does not hold.
func (c *RunChange) Fell() bool {
	return c.Outcome != "" && c.Outcome != "applied" && c.Outcome != "done"
}

// ReadReport decodes what a run recorded of itself; of a run that is not over, nothing.
func ReadReport(run *state.Run) (Report, error) {
	var r Report
	if len(run.Report) == 0 {
		return r, nil
	}
	if err := json.Unmarshal(run.Report, &r); err != nil {
		return r, fmt.Errorf("read the report of run %s: %w", run.ID, err)
	}
	return r, nil
}

// ReadSum decodes of a report what its sums are made of. They stand before its changes, of which there may be thousands: those are not
// read.
func ReadSum(run *state.Run) (Report, error) {
	var r Report
	if len(run.Report) == 0 {
		return r, nil
	}
	d := json.NewDecoder(bytes.NewReader(run.Report))
	first, err := d.Token()
	if err == nil && first != json.Delim('{') {
		err = fmt.Errorf("it begins with %v", first)
	}
	for err == nil && d.More() {
		var name json.Token
		if name, err = d.Token(); err != nil {
			break
		}
		switch name {
		case "proof":
			err = d.Decode(&r.Proof)
		case "counts":
			err = d.Decode(&r.Counts)
		case "applied":
			err = d.Decode(&r.Applied)
		case "changes":
			return r, nil
		default:
			err = d.Decode(new(json.RawMessage))
		}
	}
	if err != nil {
		return r, fmt.Errorf("read the report of run %s: %w", run.ID, err)
	}
	return r, nil
}

// drift counts the changes that a run planned and that nobody has carried out since. Held ones wait in a plan of their own, and count
// only if they don't.
func (r *Report) drift(run *state.Run) int {
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
