package explain

import (
	"fmt"
	"strings"

	"rollcall/state"
	"rollcall/sync/plan"
)

// PlanSum is a plan in one sentence. Without a gate, what it judged the plan by is left out: see GateSum.
func PlanSum(counts *plan.Counts, gate *plan.Gate) string {
	if counts.Changes() == 0 {
		if differing := NoticedWords(counts.Notices); differing != "" {
			return "Nothing to change now, but not in sync: " + differing + "."
		}
		return "In sync: nothing to change."
	}
	var parts []string
	for _, action := range plan.Actions {
		if n := counts.Actions[action]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d to %s", n, action.Text()))
		}
	}
	text := Plural(counts.Changes(), "change") + ": " + strings.Join(parts, ", ")
	if counts.Held > 0 {
		text += fmt.Sprintf("; %d held", counts.Held)
		if gate != nil && gate.Removing != "" {
			waiting := ""
			if gate.Waiting > 0 {
				waiting = fmt.Sprintf(", %d waiting from an earlier plan", gate.Waiting)
			}
			text += fmt.Sprintf(" (%s planned%s and %d made in 24 hours, of %d active; the limit is %d)",
				Plural(gate.Removals, "removal"), waiting, gate.Removed, gate.Active, gate.Limit)
		}
	}
	return text + "."
}

// RunSum is what a run planned in one sentence. One that did not see everyone cannot say that all is well.
func RunSum(verdict state.Verdict, counts *plan.Counts, gate *plan.Gate) string {
	if verdict != state.VerdictComplete && counts.Changes() == 0 {
		return "Nothing to change was found in what could be read."
	}
	return PlanSum(counts, gate)
}

// UndoSum is an undo's plan in one sentence or a few.
func UndoSum(counts *plan.Counts, gate *plan.Gate) string {
	sum := "Nothing to take back."
	if counts.Changes() > 0 {
		sum = PlanSum(counts, gate)
	}
	if n := counts.Agree; n > 0 {
		sum += fmt.Sprintf(" %s as it was already.", Plural(n, "account is", "accounts are"))
	}
	if n := counts.Notices[plan.Kept]; n > 0 {
		sum += fmt.Sprintf(" %s not taken back.", Plural(n, "thing is", "things are"))
	}
	return sum
}

// GateSum says what the gate judged removals by: "41 of 320 active would be deactivated: 13 %; the limit is 32, or 10 %". "" where there
// was nothing to judge.
func GateSum(g *plan.Gate) string {
	if g.Removals+g.Waiting == 0 || g.Active == 0 {
		return ""
	}
	share := func(n int) int { return (100*n + g.Active/2) / g.Active }
	all := g.Removals + g.Waiting
	text := fmt.Sprintf("%d of %d active would be deactivated: %d %%; the limit is %d, or %d %%", all, g.Active, share(all), g.Limit, share(g.Limit))
	var besides []string
	if g.Waiting > 0 {
		besides = append(besides, Plural(g.Waiting, "of them waits", "of them wait")+" from an earlier plan")
	}
	if g.Removed > 0 {
		besides = append(besides, Plural(g.Removed, "more was", "more were")+" deactivated within 24 hours")
	}
	if len(besides) > 0 {
		text += " (" + strings.Join(besides, "; ") + ")"
	}
	return text + "."
}
