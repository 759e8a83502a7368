package explain

import (
	"cmp"
	"fmt"
	"strconv"

	"rollcall/state"
	"rollcall/sync/plan"
)

// Because is the stable code of why somebody is, or is not, active. For what a pull or an approval did it is the code of sync/plan, such
// as "disabled_at_source".
type Because string

const (
	BecausePushed   Because = "pushed"       // a push said so
	BecauseOperator Because = "operator"     // by somebody's hand
	BecauseUndone   Because = "undone"       // somebody took back what a run had done
	BecausePinned   Because = "pinned"       // by somebody's hand, whatever the provider says
	BecauseStaged   Because = "staged"       // a push said otherwise and is not in force yet
	BecauseHeld     Because = "held"         // the contrary waits for an approval
	BecauseRefused  Because = "push_refused" // no account: the push that would have made it failed
	BecauseUnknown  Because = "unknown"      // nothing that is kept tells
)

// sentence says why somebody is, or is not, active, as one sentence and as a code.
func (st *standing) sentence() (Because, string) {
	r := &st.subject.Record
	switch st.state() {
	case "none":
		return st.notHere()
	case "purged":
		because, how := st.cause("")
		return because, "Not here any more: " + how + "."
	case "deleted":
		because, how := st.cause("")
		return because, "Not here: " + how + "; it is kept for a while and can be brought back."
	}
	word := capitalActive(r.InForce)
	switch {
	case r.Pinned && st.pin != nil:
		text := fmt.Sprintf("%s, because %s pinned the account %s%s", word, st.pin.Cause.Actor, on(st.pin), note(st.pin))
		if r.Said != r.InForce {
			text += ", though the provider says " + activeWord(r.Said)
		}
		return BecausePinned, text + "."
	case r.Staged:
		return BecauseStaged, word + " still: " + st.staged() + ", and that waits for a second witness or an approval."
	}
	because, how := st.cause(activeWord(r.InForce))
	text := word + ", because " + how
	if more, code := st.but(); more != "" {
		return cmp.Or(code, because), text + "; " + more + "."
	}
	return because, text + "."
}

// staged says what a push wanted that is not in force.
func (st *standing) staged() string {
	wanted := "a push said " + activeWord(st.subject.Record.Said)
	if st.stage == nil {
		return wanted
	}
	if st.stage.Cause.Reason == state.ReasonDelete {
		wanted = "a push would have deleted the account"
	}
	return wanted + " " + on(st.stage)
}

// cause says how the account came to be what it is.
func (st *standing) cause(word string) (Because, string) {
	e := st.turn
	if e == nil {
		return BecauseUnknown, "it was so before the journal begins"
	}
	did := map[state.Verb]string{
		state.VerbCreate: "made the account", state.VerbDeactivate: "deactivated the account", state.VerbReactivate: "reactivated the account",
		state.VerbDelete: "deleted the account", state.VerbPurge: "purged the account", state.VerbRestore: "brought the account back",
	}[e.Verb]
	if e.Verb == state.VerbCreate && word == "inactive" {
		did = "made the account inactive"
	}
	reason, waited := plan.Reason(e.Cause.Reason).Text(), e.Cause.Reason == string(plan.ReasonStaged)
	switch e.Cause.Kind {
	case state.CausePush:
		how := "a push " + did + " " + on(e)
		if st.request != nil {
			how += " (" + st.request.Method + ", key " + e.Cause.Actor + ")"
		}
		if waited {
			how += ": " + reason
		}
		return BecausePushed, how
	case state.CausePull:
		if reason == "" {
			return BecauseUnknown, "a pull " + did + " " + on(e)
		}
		return Because(e.Cause.Reason), fmt.Sprintf("a pull %s %s: %s", did, on(e), reason)
	case state.CauseApproval:
		if waited {
			return Because(e.Cause.Reason), fmt.Sprintf("%s approved the push that %s %s, which the gate had held", e.Cause.Actor, did, on(e))
		}
		return Because(cmp.Or(e.Cause.Reason, string(BecauseUnknown))), fmt.Sprintf("%s approved that a pull %s %s: %s", e.Cause.Actor, did, on(e), reason)
	case state.CauseUndo:
		return BecauseUndone, fmt.Sprintf("%s took back what a run had done and %s %s%s", e.Cause.Actor, did, on(e), note(e))
	}
	return BecauseOperator, fmt.Sprintf("%s %s by hand %s%s", e.Cause.Actor, did, on(e), note(e))
}

// but says what stands against what the account is, the weightiest alone; code is empty where that changes nothing about the cause.
func (st *standing) but() (text string, code Because) {
	if c, waits := heldChange(st.held); waits {
		return fmt.Sprintf("a pull would %s them, %s, and that waits for an approval since %s: %s (plan %s)",
			c.Action.Text(), c.Reason.Text(), When(st.held.CreatedAt), c.HeldBecause.Text(), st.held.ID), BecauseHeld
	}
	if st.discarded != nil {
		c := accountChange(st.discarded.changes)
		return fmt.Sprintf("a pull would %s them, %s, but %s discarded that on %s", c.Action.Text(), c.Reason.Text(), st.discarded.DecidedBy, When(st.discarded.DecidedAt)), ""
	}
	for _, n := range st.notices {
		if n.Kind != plan.Shared {
			return fmt.Sprintf("the pull of %s noticed: %s", When(st.pull.StartedAt), noticeText(&n)), ""
		}
	}
	switch {
	case st.source.Observe != "":
		return "the source is only observed (" + st.source.Observe + ")", ""
	case st.pull != nil && st.pull.Verdict == state.VerdictComplete && st.pull.Outcome == "in_sync" && st.pull.StartedAt.After(st.subject.Record.ModifiedAt):
		return "the pull of " + When(st.pull.StartedAt) + " found the same", ""
	}
	return "", ""
}

// heldChange is what a plan that is held would do to somebody's account.
func heldChange(p *planTrace) (plan.Change, bool) {
	if p == nil {
		return plan.Change{}, false
	}
	c := accountChange(p.changes)
	return c, c.Action != "" && c.Action != plan.Update && c.Action != plan.Link
}

// notHere says why somebody has no account.
func (st *standing) notHere() (Because, string) {
	if c, waits := heldChange(st.held); waits {
		return BecauseHeld, fmt.Sprintf("Not here, because their account waits for an approval since %s: %s (plan %s).",
			When(st.held.CreatedAt), c.HeldBecause.Text(), st.held.ID)
	}
	if st.discarded != nil {
		return BecauseOperator, fmt.Sprintf("Not here, because %s discarded on %s that an account be made.", st.discarded.DecidedBy, When(st.discarded.DecidedAt))
	}
	for _, n := range st.notices {
		return Because(n.Kind), fmt.Sprintf("Not here: the pull of %s noticed: %s.", When(st.pull.StartedAt), trimPeriod(noticeText(&n)))
	}
	if r := st.refused; r != nil {
		return BecauseRefused, fmt.Sprintf("Not here, because the push of %s was refused with %s: %s", When(r.At), strconv.Itoa(r.Status), Sentence(cmp.Or(r.Detail, "it says no more")))
	}
	return BecauseUnknown, "Not here: no run of late names them; whether they are assigned, only the provider can tell."
}

func on(e *state.Entry) string { return "on " + When(e.At) }

// note is what somebody gave as their reason.
func note(e *state.Entry) string {
	if e.Cause.Note == "" {
		return ""
	}
	return ": " + trimPeriod(e.Cause.Note)
}

func activeWord(active bool) string {
	if active {
		return "active"
	}
	return "inactive"
}

func capitalActive(active bool) string {
	if active {
		return "Active"
	}
	return "Inactive"
}
