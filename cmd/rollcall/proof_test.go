package main

import (
	"strings"
	"testing"
	"time"

	"rollcall/connectors"
	"rollcall/state"
	dirsync "rollcall/sync"
	"rollcall/sync/explain"
	"rollcall/sync/plan"
)

// TestProofLines says of each kind of run what it read.
func TestProofLines(t *testing.T) {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	whole := connectors.Proof{
		Complete: true, People: 190, Pages: 2, Groups: 3, Calls: 9, Probes: []string{"User.Read.All", "Application.Read.All"},
		Push: &connectors.Push{State: connectors.PushQuarantined, Why: "Too much failed", Since: at, Failing: 4},
	}
	for name, test := range map[string]struct {
		run    state.Run
		report explain.Report
		want   []string
	}{
		"a whole pull": {
			state.Run{Trigger: dirsync.TriggerSchedule, Verdict: state.VerdictComplete},
			explain.Report{Proof: whole, Known: 180, Usual: 200, Counts: plan.Counts{Accounts: 185}},
			[]string{
				"complete: 190 people, in 2 pages and 3 groups, by 9 calls",
				"Permissions that showed: User.Read.All, Application.Read.All.",
				"Of 185 accounts recorded, the person of 180 was seen.",
				"The complete pulls before it read 200 people (the median): this is 95 % of that.",
				"The provider's own pushes: quarantined since " + when(at) + ", 4 in error. Too much failed.",
			},
		},
		"half a pull": {
			state.Run{Trigger: dirsync.TriggerHand, Verdict: state.VerdictPartial},
			explain.Report{Proof: connectors.Proof{People: 1, Pages: 1, Calls: 1, Unreadable: []string{"Staff"}}, Counts: plan.Counts{Accounts: 5}},
			[]string{
				"partial: 1 person, in 1 page and 0 groups, by 1 call",
				"Members of 1 group could not be read, so that nobody counts as unassigned: Staff.",
				"Nobody was seen who has an account.",
				"Fewer than 3 complete pulls before it tell what is usual.",
			},
		},
		"a lost source": {
			state.Run{Trigger: dirsync.TriggerSchedule, Verdict: state.VerdictFailed}, explain.Report{Proof: connectors.Proof{Lost: true, Calls: 1}, Usual: 10},
			[]string{
				"failed: 0 people, in 0 pages and 0 groups, by 1 call",
				"The source itself is lost: its application, its consent or its status is gone. Nobody is removed.",
				"The complete pulls before it read 10 people (the median): this is 0 % of that.",
			},
		},
		"one person": {
			state.Run{Trigger: dirsync.TriggerPerson, Verdict: state.VerdictComplete}, explain.Report{Proof: connectors.Proof{People: 1}},
			[]string{"complete: nobody else was read than 1 person who answered"},
		},
		"undo": {
			state.Run{Trigger: dirsync.TriggerUndo, Verdict: state.VerdictComplete}, explain.Report{},
			[]string{"nothing: it carried out what was planned or done before"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if got, want := strings.Join(proofLines(&test.run, &test.report), "\n"), strings.Join(test.want, "\n"); got != want {
				t.Errorf("got:\n%s\nwant:\n%s", got, want)
			}
		})
	}
}
