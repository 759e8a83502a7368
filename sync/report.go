package sync

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"rollcall/connectors"
	"rollcall/state"
	"rollcall/sync/plan"
)

// maxReported bounds how many changes of a run are listed in its record; the journal has them all.
const maxReported = 5000

// RunReport is the JSON form of state.Run.Report; package explain reads it.
type RunReport struct {
	Proof   connectors.Proof `json:"proof"`
	Basis   string           `json:"basis,omitempty"` // of the directory, mapping and scope: pulls of different ones are not compared
	Known   int              `json:"known"`           // accounts whose people were seen in the pull
	Usual   int              `json:"usual,omitempty"` // the median of how many people the complete pulls before read; 0: too few of them
	Counts  plan.Counts      `json:"counts"`
	Gate    plan.Gate        `json:"gate"`
	Notices []plan.Notice    `json:"notices"`
	Applied int              `json:"applied"` // changes carried out, those not listed among them
	Changes []RunChange      `json:"changes"`
	LeftOut int              `json:"left_out,omitempty"` // changes beyond those listed
}

// RunChange is a change with what became of it; an empty Outcome: held, or not tried.
type RunChange struct {
	plan.Change
	Outcome string `json:"outcome,omitempty"`
	Detail  string `json:"detail,omitempty"`
}

// readProof decodes only what a run's pull proved, and the basis that it was made with. Both stand at the beginning of what may be long:
// the rest is not read.
func readProof(run state.Run) (proof connectors.Proof, basis string, err error) {
	d := json.NewDecoder(bytes.NewReader(run.Report))
	_, err = d.Token() // {
	for err == nil && basis == "" && d.More() {
		var name json.Token
		if name, err = d.Token(); err != nil {
			break
		}
		switch name {
		case "proof":
			err = d.Decode(&proof)
		case "basis":
			err = d.Decode(&basis)
		default:
			err = d.Decode(new(json.RawMessage))
		}
	}
	if err != nil {
		return connectors.Proof{}, "", fmt.Errorf("read the proof of run %s: %w", run.ID, err)
	}
	return proof, basis, nil
}

func (r *Report) encode() ([]byte, error) {
	listed := min(len(r.Plan.Changes), maxReported)
	report := RunReport{
		Proof: r.Proof, Basis: r.Plan.Basis, Known: r.Known, Usual: r.Usual, Counts: r.Plan.Counts, Gate: r.Plan.Gate, Notices: r.Plan.Notices,
		Changes: make([]RunChange, listed), LeftOut: len(r.Plan.Changes) - listed,
	}
	for i := range report.Changes {
		report.Changes[i].Change = r.Plan.Changes[i].Brief()
	}
	for _, result := range r.Results {
		if result.Outcome == ChangeApplied {
			report.Applied++
		}
		if result.Change < listed {
			report.Changes[result.Change].Outcome, report.Changes[result.Change].Detail = result.Outcome, result.Detail
		}
	}
	return json.Marshal(report)
}

// heldReason says in one sentence why a part of the plan is held, or "".
func (r *Report) heldReason(observe string) string {
	counts := make(map[plan.Hold]int)
	var order []plan.Hold
	for i := range r.Plan.Changes {
		if c := &r.Plan.Changes[i]; c.Held {
			if counts[c.HeldBecause]++; counts[c.HeldBecause] == 1 {
				order = append(order, c.HeldBecause)
			}
		}
	}
	var parts []string
	for _, hold := range order {
		text := hold.Text()
		if hold == plan.HoldObserve {
			text = observe
		}
		parts = append(parts, fmt.Sprintf("%d held: %s", counts[hold], text))
	}
	return strings.Join(parts, "; ")
}
