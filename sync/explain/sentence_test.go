package explain

import (
	"strings"
	"testing"
	"time"

	"rollcall/state"
	"rollcall/sync/plan"
)

// TestSentence tells why somebody is, or is not, active.
func TestSentence(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	const then = "2026-03-01 12:00:00Z"
	entry := func(verb state.Verb, kind state.CauseKind, actor, reason, note string) *state.Entry {
		return &state.Entry{At: at, Verb: verb, Cause: state.Cause{Kind: kind, Actor: actor, Reason: reason, Note: note}}
	}
	change := func(action plan.Action, reason plan.Reason, hold plan.Hold) plan.Change {
		return plan.Change{Action: action, Reason: reason, Person: "p", Held: hold != "", HeldBecause: hold}
	}
	held := func(status state.PlanStatus, c plan.Change) *planTrace {
		return &planTrace{HeldPlan: state.HeldPlan{ID: "p1", CreatedAt: at, Status: status, DecidedBy: "olga", DecidedAt: at}, changes: []plan.Change{c}}
	}
	pulled := func(outcome string, verdict state.Verdict) *state.Run {
		return &state.Run{ID: "r1", StartedAt: at.Add(time.Hour), Outcome: outcome, Verdict: verdict}
	}
	noticed := func(kind plan.NoticeKind, detail string) func(*standing) {
		return func(st *standing) {
			st.pull, st.notices = pulled("applied", state.VerdictComplete), []plan.Notice{{Kind: kind, Detail: detail}}
		}
	}
	live := func(inForce bool) state.Record {
		return state.Record{ID: "a", Said: inForce, InForce: inForce, ModifiedAt: at}
	}
	pushed := entry(state.VerbCreate, state.CausePush, "k1", "", "")
	for _, test := range []struct {
		name    string
		record  state.Record
		turn    *state.Entry
		more    func(*standing)
		because Because
		says    string
	}{
		{"pushed", live(true), pushed, nil, BecausePushed, "Active, because a push made the account on " + then + "."},
		{"pushed, request kept", live(true), pushed, func(st *standing) { st.request = &state.Request{Method: "POST"} }, BecausePushed,
			"Active, because a push made the account on " + then + " (POST, key k1)."},
		{"the pull found the same", live(true), pushed, func(st *standing) { st.pull = pulled("in_sync", state.VerdictComplete) }, BecausePushed,
			"; the pull of 2026-03-01 13:00:00Z found the same."},
		{"a pull before the last change says nothing", live(true), pushed, func(st *standing) {
			st.pull = pulled("in_sync", state.VerdictComplete)
			st.pull.StartedAt = at.Add(-time.Hour)
		}, BecausePushed, "on " + then + "."},
		{"made by a pull", live(true), entry(state.VerbCreate, state.CausePull, "schedule", "assigned_missing", ""), nil, "assigned_missing",
			"Active, because a pull made the account on " + then + ": assigned at the source, has no account."},
		{"reactivated by a pull", live(true), entry(state.VerbReactivate, state.CausePull, "schedule", "enabled_at_source", ""), nil, "enabled_at_source",
			"Active, because a pull reactivated the account on " + then + ": enabled and assigned at the source."},
		{"pushed inactive", live(false), entry(state.VerbDeactivate, state.CausePush, "k1", "", ""), nil, BecausePushed, "Inactive, because a push deactivated the account on " + then + "."},
		{"made inactive", live(false), pushed, nil, BecausePushed, "Inactive, because a push made the account inactive on " + then + "."},
		{"disabled at the source", live(false), entry(state.VerbDeactivate, state.CausePull, "schedule", "disabled_at_source", ""), nil, "disabled_at_source",
			"Inactive, because a pull deactivated the account on " + then + ": disabled at the source."},
		{"out of scope", live(false), entry(state.VerbDeactivate, state.CausePull, "schedule", "out_of_scope", ""), nil, "out_of_scope", ": outside the scoping filter."},
		{"approved", live(false), entry(state.VerbDeactivate, state.CauseApproval, "olga", "unassigned", ""), nil, "unassigned",
			"Inactive, because olga approved that a pull deactivated the account on " + then + ": no longer assigned to the application."},
		{"by hand", live(false), entry(state.VerbDeactivate, state.CauseOperator, "olga", "", "laptop stolen."), nil, BecauseOperator,
			"Inactive, because olga deactivated the account by hand on " + then + ": laptop stolen."},
		{"undone", live(true), entry(state.VerbReactivate, state.CauseUndo, "olga", "", ""), nil, BecauseUndone,
			"Active, because olga took back what a run had done and reactivated the account on " + then + "."},
		{"older than the journal", live(true), nil, nil, BecauseUnknown, "Active, because it was so before the journal begins."},
		{"pinned", state.Record{ID: "a", InForce: true, Pinned: true}, pushed, func(st *standing) { st.pin = entry(state.VerbLife, state.CauseOperator, "olga", "", "founder") },
			BecausePinned, "Active, because olga pinned the account on " + then + ": founder, though the provider says inactive."},
		{"staged", state.Record{ID: "a", InForce: true, Staged: true}, pushed, nil, BecauseStaged,
			"Active still: a push said inactive, and that waits for a second witness or an approval."},
		{"staged, and when", state.Record{ID: "a", InForce: true, Staged: true}, pushed, func(st *standing) { st.stage = entry(state.VerbLife, state.CausePush, "k1", "", "") }, BecauseStaged,
			"Active still: a push said inactive on " + then + ", and that waits for a second witness or an approval."},
		{"a DELETE is staged", state.Record{ID: "a", InForce: true, Staged: true}, pushed, func(st *standing) {
			st.stage = entry(state.VerbLife, state.CausePush, "k1", state.ReasonDelete, "")
		}, BecauseStaged, "Active still: a push would have deleted the account on " + then + ", and that waits for a second witness or an approval."},
		{"removal held by the gate", live(true), pushed, func(st *standing) {
			st.held = held(state.PlanHeld, change(plan.Deactivate, plan.ReasonUnassigned, plan.HoldCount))
		}, BecauseHeld, "; a pull would deactivate them, no longer assigned to the application, and that waits for an approval since " + then + ": more removals than one run may carry out (plan p1)."},
		{"only an update is held", live(true), pushed, func(st *standing) {
			st.held = held(state.PlanHeld, change(plan.Update, plan.ReasonDrift, plan.HoldObserve))
		}, BecausePushed, "made the account on " + then + "."},
		{"discarded", live(true), pushed, func(st *standing) {
			st.discarded = held(state.PlanDiscarded, change(plan.Deactivate, plan.ReasonDisabled, plan.HoldCount))
		}, BecausePushed, "; a pull would deactivate them, disabled at the source, but olga discarded that on " + then + "."},
		{"unexplained", live(true), pushed, noticed(plan.Unexplained, ""), BecausePushed, "; the pull of 2026-03-01 13:00:00Z noticed: active here, unknown at the source."},
		{"name reused", live(true), pushed, noticed(plan.NameReused, "the account is linked to another person"), BecausePushed,
			"noticed: the name belongs to someone else now: the account is linked to another person."},
		{"missing once", live(true), pushed, noticed(plan.Absent, ""), BecausePushed, "noticed: missing from this pull, waits to be confirmed."},
		{"a name that is shared is no matter", live(true), pushed, noticed(plan.Shared, ""), BecausePushed, "made the account on " + then + "."},
		{"observed only", live(true), pushed, func(st *standing) { st.source.Observe = "this is the source's first pull" }, BecausePushed,
			"; the source is only observed (this is the source's first pull)."},
		{"deleted by push", state.Record{ID: "a", DeletedAt: at}, entry(state.VerbDelete, state.CausePush, "k1", "", ""), nil, BecausePushed,
			"Not here: a push deleted the account on " + then + "; it is kept for a while and can be brought back."},
		{"deleted by a push that waited", state.Record{ID: "a", DeletedAt: at}, entry(state.VerbDelete, state.CausePush, "k1", "push_held", ""), nil, BecausePushed,
			"Not here: a push deleted the account on " + then + ": pushed, held for a while, and contradicted by nobody; it is kept for a while and can be brought back."},
		{"a push that waited was approved", live(false), entry(state.VerbDeactivate, state.CauseApproval, "olga", "push_held", ""), nil, "push_held",
			"Inactive, because olga approved the push that deactivated the account on " + then + ", which the gate had held."},
		{"purged", state.Record{}, entry(state.VerbPurge, state.CausePull, "schedule", "gone", ""), func(st *standing) { st.subject.Account = "a" }, "gone",
			"Not here any more: a pull purged the account on " + then + ": gone from the source for good."},
		{"never made: held", state.Record{}, nil, func(st *standing) {
			st.held = held(state.PlanHeld, change(plan.Create, plan.ReasonMissing, plan.HoldCreations))
		}, BecauseHeld, "Not here, because their account waits for an approval since " + then + ": more creations than a scheduled run may carry out (plan p1)."},
		{"never made: discarded", state.Record{}, nil, func(st *standing) {
			st.discarded = held(state.PlanDiscarded, change(plan.Create, plan.ReasonMissing, plan.HoldCreations))
		}, BecauseOperator, "Not here, because olga discarded on " + then + " that an account be made."},
		{"never made: the policy", state.Record{}, nil, noticed(plan.Missing, "the source's policy makes no accounts"), "missing",
			"Not here: the pull of 2026-03-01 13:00:00Z noticed: assigned at the source, has no account: the source's policy makes no accounts."},
		{"never made: the mapping", state.Record{}, nil, noticed(plan.Refused, "the mapping gives no userName"), "refused", "the mapping cannot be evaluated: the mapping gives no userName."},
		{"never made: the push was refused", state.Record{}, nil, func(st *standing) {
			st.refused = &state.Request{At: at, Status: 400, Detail: "active must be a boolean"}
		}, BecauseRefused, "Not here, because the push of " + then + " was refused with 400: active must be a boolean."},
		{"nobody knows", state.Record{}, nil, nil, BecauseUnknown, "Not here: no run of late names them; whether they are assigned, only the provider can tell."},
	} {
		t.Run(test.name, func(t *testing.T) {
			st := &standing{subject: &Subject{Record: test.record, Account: test.record.ID, Person: "p"}, turn: test.turn}
			if test.more != nil {
				test.more(st)
			}
			because, says := st.sentence()
			if because != test.because || !strings.HasSuffix(says, test.says) {
				t.Errorf("%s: %q\nwant %s: %q", because, says, test.because, test.says)
			}
			if !strings.HasSuffix(says, ".") || strings.Contains(says, "..") {
				t.Errorf("not a sentence: %q", says)
			}
		})
	}
}

// TestNow sums up what the provider says at this moment.
func TestNow(t *testing.T) {
	held := plan.Change{Action: plan.Deactivate, Reason: plan.ReasonDisabled, Held: true, HeldBecause: plan.HoldLast}
	for _, test := range []struct {
		now  Now
		says string
	}{
		{Now{Answer: "seen", Enabled: "yes", Assigned: "yes", Status: "ACTIVE"}, "Now they are enabled, assigned (ACTIVE); a run would find nothing to change."},
		{Now{Answer: "seen", Enabled: "no", Assigned: "unknown", Status: "disabled", Changes: []plan.Change{held}},
			"Now they are disabled; a run would deactivate: disabled at the source, held: nobody would be left active."},
		{Now{Answer: "seen", Enabled: "no", Deleted: "yes", Changes: []plan.Change{{Action: plan.Deactivate, Reason: plan.ReasonDeleted}}},
			"Now they are deleted, still in the recycle bin, disabled; a run would deactivate: deleted at the source, still in its recycle bin."},
		{Now{Answer: "seen", Enabled: "yes", Assigned: "no", Outside: "yes", Notices: []plan.Notice{{Kind: plan.Unplaced}}},
			"Now they are enabled, not assigned, out of scope; a run would change nothing: whether they are assigned, only a pull of everyone can tell."},
		{Now{Answer: "seen"}, "Now the provider has them, and tells no state; a run would find nothing to change."},
		{Now{Answer: "gone"}, "Now the provider has no such person, not even in its recycle bin; a run would find nothing to change."},
		{Now{Answer: "none", Reason: "It could not be reached."}, "Now the provider gave no answer: It could not be reached; a run would change nothing."},
	} {
		if test.now.Sum(); test.now.Sentence != test.says {
			t.Errorf("%q\nwant %q", test.now.Sentence, test.says)
		}
	}
}
