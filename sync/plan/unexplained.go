package plan

import (
	"time"

	"rollcall/state"
)

// unexplainedAfter is how long an account may go unexplained before its deactivation is proposed.
const unexplainedAfter = 7 * 24 * time.Hour

// FactUnexplained is what is remembered of an account that nobody explained, under the account's own id.
const FactUnexplained = Fact(ReasonUnexplained)

// ProposeUnexplained returns the deactivation of an account that nobody at the source explains, and whether it is to be proposed: once
// the account has been unexplained for a week, by a run that read everyone. It is always held, and does nothing until somebody
// approves it: an account that was made by hand looks no different from one that a stolen key has made. A pinned account is an operator's
// word, and is not proposed.
func ProposeUnexplained(r *state.Record, name string, since *state.Suspicion, run string, now time.Time) (Change, bool) {
	if since == nil || since.Run == run || now.Sub(since.At) < unexplainedAfter || r.Pinned || !r.InForce || r.Link != "" {
		return Change{}, false
	}
	return Change{
		Action: Deactivate, Account: r.ID, Version: r.Version, Name: name, Reason: ReasonUnexplained,
		Fields: []Field{activeField(true, false)}, Held: true, HeldBecause: HoldUnexplained,
		Witnesses: []Witness{
			{Fact: FactUnexplained, How: ByAbsence, Run: since.Run, At: since.At},
			{Fact: FactUnexplained, How: ByAbsence, Run: run, At: now},
		},
	}, true
}

// Remembered is what facts about the change are remembered under: the person, or, where there is none, the account.
func (c *Change) Remembered() string {
	if c.Person == "" {
		return string(c.Account)
	}
	return c.Person
}
