package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/connectors"
	"rollcall/state"
	"rollcall/state/statetest"
	dirsync "rollcall/sync"
	"rollcall/sync/explain"
	"rollcall/sync/plan"
)

func TestRunExitCode(t *testing.T) {
	report := func(verdict state.Verdict, outcomes ...string) dirsync.Report {
		r := dirsync.Report{Run: state.Run{Verdict: verdict}}
		for i, outcome := range outcomes {
			r.Plan.Changes = append(r.Plan.Changes, plan.Change{Action: plan.Deactivate, Held: outcome == "held"})
			if outcome != "held" && outcome != "" {
				r.Results = append(r.Results, dirsync.ChangeResult{Change: i, Outcome: outcome})
			}
		}
		r.Plan.Finish()
		return r
	}
	for _, test := range []struct {
		name   string
		report dirsync.Report
		policy string
		drift  bool
		want   int
	}{
		{"in sync", report(state.VerdictComplete), dirsync.PolicyFull, true, exitDone},
		{"applied", report(state.VerdictComplete, dirsync.ChangeApplied), dirsync.PolicyFull, false, exitDone},
		{"applied, and drift counts", report(state.VerdictComplete, dirsync.ChangeApplied), dirsync.PolicyFull, true, exitDrift},
		{"dry run, drift does not count", report(state.VerdictComplete, ""), dirsync.PolicyFull, false, exitDone},
		{"dry run, drift counts", report(state.VerdictComplete, ""), dirsync.PolicyFull, true, exitDrift},
		{"one moved", report(state.VerdictComplete, dirsync.ChangeApplied, dirsync.ChangeMoved), dirsync.PolicyFull, true, exitPartly},
		{"held", report(state.VerdictComplete, dirsync.ChangeMoved, "held"), dirsync.PolicyFull, true, exitHeld},
		{"incomplete", report(state.VerdictPartial, "held"), dirsync.PolicyFull, true, exitIncomplete},
		{"failed", report(state.VerdictFailed), dirsync.PolicyFull, false, exitIncomplete},
		{"reported only", report(state.VerdictComplete, "held"), dirsync.PolicyReport, false, exitDone},
		{"reported only, drift counts", report(state.VerdictComplete, "held"), dirsync.PolicyReport, true, exitDrift},
		{"reported only, incomplete", report(state.VerdictPartial, "held"), dirsync.PolicyReport, true, exitIncomplete},
	} {
		if got := runExitCode(test.report, test.policy, test.drift); got != test.want {
			t.Errorf("%s: exit code %d, want %d", test.name, got, test.want)
		}
	}
}

func TestDrift(t *testing.T) {
	run := func(outcome, planID string, changes ...dirsync.RunChange) state.Run {
		report := dirsync.RunReport{Changes: changes}
		var p plan.Plan
		for _, c := range changes {
			p.Add(c.Change)
			if c.Outcome == dirsync.ChangeApplied {
				report.Applied++
			}
		}
		p.Finish()
		report.Counts = p.Counts
		report.Changes, report.LeftOut = changes[:1], len(changes)-1 // a run lists only so many
		body, err := json.Marshal(report)
		if err != nil {
			t.Fatal(err)
		}
		return state.Run{Outcome: outcome, Plan: planID, Report: body}
	}
	applied := dirsync.RunChange{Change: plan.Change{Action: plan.Update}, Outcome: dirsync.ChangeApplied}
	moved := dirsync.RunChange{Change: plan.Change{Action: plan.Update}, Outcome: dirsync.ChangeMoved}
	held := dirsync.RunChange{Change: plan.Change{Action: plan.Deactivate, Held: true}}
	for _, test := range []struct {
		name string
		run  state.Run
		want int
	}{
		{"applied", run(dirsync.OutcomeApplied, "", applied), 0},
		{"partly", run(dirsync.OutcomePartly, "", applied, moved), 1},
		{"held in a plan of its own", run(dirsync.OutcomeHeld, "p", applied, held), 0},
		{"reported only", run(dirsync.OutcomeObserved, "", held, held), 2},
		{"unreadable", state.Run{Report: []byte("{")}, 0},
	} {
		if got := driftOf(t, test.run); got != test.want {
			t.Errorf("%s: %d, want %d", test.name, got, test.want)
		}
	}
}

// driftOf keeps what a run recorded of itself and reads from it what package explain makes of it.
func driftOf(t *testing.T, run state.Run) int {
	t.Helper()
	store, scope := statetest.NewModel(), state.Scope{Tenant: "acme", Source: "acme"}
	_, err := store.EnsureSource(t.Context(), scope, "entra")
	lease, err2 := store.AcquireLease(t.Context(), scope, "test", time.Minute)
	run.ID, run.Scope, run.Trigger = "r", scope, dirsync.TriggerHand
	if err := errors.Join(err, err2, store.PutRun(t.Context(), lease.Epoch, run)); err != nil {
		t.Fatal(err)
	}
	h, err := explain.ReadHealth(t.Context(), store, scope, explain.Setup{}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return h.Drift
}

func TestLargePlansArePrintedInPart(t *testing.T) {
	a, out, _ := testApp(0)
	var p plan.Plan
	for i := range shownChanges + 5 {
		p.Add(plan.Change{Action: plan.Create, Name: fmt.Sprintf("person-%04d@acme.example", i), Reason: plan.ReasonMissing})
	}
	p.Finish()
	(&session{app: a}).printReport(dirsync.Report{Plan: p, Run: state.Run{Verdict: state.VerdictComplete}}, true)
	if n := strings.Count(out.String(), "@acme.example"); n != shownChanges {
		t.Errorf("%d people are printed", n)
	}
	for _, want := range []string{"1005 changes: 1005 to create.", "Only the first 1000 are shown; --output json shows all.", "Nothing was changed: this was a dry run."} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not said", want)
		}
	}
}

// TestOnlyWhatAgreesIsInSync: no plan is called in sync that leaves something as it is, or that did not see everyone.
func TestOnlyWhatAgreesIsInSync(t *testing.T) {
	for _, test := range []struct {
		verdict state.Verdict
		notice  plan.NoticeKind
		want    string
	}{
		{state.VerdictComplete, "", "In sync: nothing to change.\n"},
		{state.VerdictComplete, plan.Shared, "In sync: nothing to change.\n"},
		{state.VerdictComplete, plan.Absent, "Nothing to change now, but not in sync: missing from this pull, waits to be confirmed (1).\n"},
		{state.VerdictComplete, plan.Discarded, "not in sync: left alone because somebody discarded this change (1).\nWhat was discarded is proposed again once"},
		{state.VerdictFailed, "", "Nothing to change was found in what could be read.\n"},
	} {
		a, out, _ := testApp(0)
		r := dirsync.Report{Run: state.Run{Verdict: test.verdict}}
		if test.notice != "" {
			r.Plan.Notice(plan.Notice{Kind: test.notice, Name: "ada@acme.example"})
		}
		r.Plan.Finish()
		(&session{app: a}).printReport(r, false)
		if !strings.Contains(out.String(), test.want) {
			t.Errorf("%s, %q: want %q in:\n%s", test.verdict, test.notice, test.want, out)
		}
	}
}

func TestPrintReport(t *testing.T) {
	a, out, _ := testApp(100)
	r := dirsync.Report{
		Run: state.Run{Verdict: state.VerdictPartial, Reason: "Could not list members: the provider could not be reached.", Plan: "p1"},
		Plan: plan.Plan{Source: "acme", Changes: []plan.Change{
			{Action: plan.Deactivate, Name: "a\x1b[2Jda@acme.example", Reason: plan.ReasonDisabled}, {Action: plan.Deactivate, Name: "bob@acme.example", Held: true, HeldBecause: plan.HoldCount},
		}},
		Results: []dirsync.ChangeResult{{Change: 0, Outcome: dirsync.ChangeMoved, Detail: "the account has changed"}},
	}
	r.Plan.Finish()
	(&session{app: a}).printReport(r, false)
	for _, want := range []string{
		"deactivate (moved)", "the account has changed", "The pull was not complete: Could not list members: the provider could not be reached.\n",
		"1 removal awaits approval. See 'rollcall plans show p1', then approve or discard it.",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in:\n%s", want, out)
		}
	}
	if strings.Contains(out.String(), "\x1b") {
		t.Errorf("a control character got through: %q", out)
	}
}

func TestPrintRun(t *testing.T) {
	a, out, _ := testApp(0)
	body, err := json.Marshal(dirsync.RunReport{
		Proof: connectors.Proof{Complete: false, People: 12, Pages: 1, Groups: 2, Calls: 9, Unreadable: []string{"g"}, Probes: []string{"User.Read.All"}},
		Changes: []dirsync.RunChange{{Change: plan.Change{Action: plan.Update, Name: "ada@acme.example", Reason: plan.ReasonDrift, Fields: []plan.Field{{Path: "userName"}}}, Outcome: dirsync.ChangeApplied},
			{Change: plan.Change{Action: plan.AddMembers, Name: "Sales", Reason: plan.ReasonMemberMissing, Group: &plan.Group{Members: make([]plan.Member, 20), LeftOut: 5}}}},
		Counts: plan.Counts{Notices: map[plan.NoticeKind]int{plan.Absent: 2}}, LeftOut: 3,
	})
	if err != nil {
		t.Fatal(err)
	}
	run := state.Run{ID: "r1", Scope: state.Scope{Tenant: "acme", Source: "acme-entra"}, Trigger: "hand", Actor: "tester", Verdict: state.VerdictPartial, Outcome: "incomplete", Report: body}
	run.StartedAt = run.StartedAt.Add(1)
	run.EndedAt = run.StartedAt.Add(1500e6)
	if err := (&session{app: a}).printRun(run); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"took      1.5s", "read      partial: 12 people, in 1 page and 2 groups, by 9 calls\n", "Members of 1 group could not be read", "Permissions that showed: User.Read.All.",
		"update       ada@acme.example  userName    differs from the source               applied",
		"add members  Sales             25 members  in the group at the source, not here  not tried", "and 3 more", "noticed: missing from this pull, waits to be confirmed (2)",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in:\n%s", want, out)
		}
	}
}

// evil is a name that would steer a terminal, or hide in it.
const evil = "ada\x1b[2J\u202e\r\n\u200b@acme.example\u009b"

func mixedPlan() plan.Plan {
	value := func(path, before, after string) plan.Field {
		return plan.Field{Path: path, Before: json.RawMessage(before), After: json.RawMessage(after)}
	}
	long := `"` + strings.Repeat("An address that goes on, ", 6) + `漢字漢字漢字"`
	p := plan.Plan{Source: "acme-entra", Counts: plan.Counts{People: 24, Accounts: 23, Active: 22, Agree: 15}}
	p.Add(plan.Change{Action: plan.Deactivate, Name: "bob@acme.example", Reason: plan.ReasonDisabled, Fields: []plan.Field{value("active", "true", "false")}})
	p.Add(plan.Change{Action: plan.Deactivate, Name: "owner@acme.example", Reason: plan.ReasonUnassigned, Held: true, HeldBecause: plan.HoldCount,
		Fields: []plan.Field{value("active", "true", "false"), value("title", `"Owner"`, "null")}})
	p.Add(plan.Change{Action: plan.Update, Name: "alan.with.a.long.name.indeed@subsidiary.acme.example", Reason: plan.ReasonDrift, Link: true, Person: evil, Fields: []plan.Field{
		value("title", "null", `"Fellow"`), value(`emails[type eq "work"].value`, `"alan.before@acme.example"`, `"alan.afterwards@acme.example"`),
		value(`addresses[type eq "work"].formatted`, long, long),
	}})
	p.Add(plan.Change{Action: plan.Create, Name: evil, Reason: plan.ReasonMissing, Fields: []plan.Field{value("userName", "null", `"grace@acme.example"`), value("x", "null", long)}})
	group := &plan.Group{ID: "g", Source: "obj-g"}
	for i := range 25 {
		group.Members = append(group.Members, plan.Member{Account: state.ID(fmt.Sprint("acc-", i)), Person: "obj", Name: fmt.Sprintf("member.%02d@acme.example", i)})
	}
	group.Members[3].Name = evil
	p.Add(plan.Change{Action: plan.RemoveMembers, Name: "Sales " + evil, Reason: plan.ReasonMemberExtra, Group: group, Held: true, HeldBecause: plan.HoldGroup})
	p.Counts.Groups.Compared = 1
	p.Notice(plan.Notice{Kind: plan.Conflict, Name: evil, Detail: evil})
	p.Gate = plan.Gate{Active: 22, Removals: 6, Limit: 5, Removing: plan.HoldCount}
	p.Finish()
	return p
}

// TestPlansFitTheTerminal: on a terminal no line of a plan is wider than it, and no value is cut; elsewhere each value is one line.
func TestPlansFitTheTerminal(t *testing.T) {
	for _, columns := range []int{0, 60, 80, 100} {
		a, out, _ := testApp(columns)
		(&session{app: a}).printPlan(mixedPlan())
		fits(t, "plan", columns, out.String())
	}
}

// fits holds what is printed on a terminal of so many columns, 0 for none, against a golden file: no line is wider than the terminal, and
// no control character gets through.
func fits(t *testing.T, kind string, columns int, out string) {
	t.Helper()
	golden := filepath.Join("testdata", kind, fmt.Sprintf("%d.golden", columns))
	if *update {
		if err := os.WriteFile(golden, []byte(out), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), out); diff != "" {
		t.Errorf("%d columns (-want +got):\n%s", columns, diff)
	}
	if i := strings.IndexAny(out, "\x1b\r\u202e\u200b\u009b"); i >= 0 {
		t.Errorf("%d columns: a control character got through:\n%q", columns, out)
	}
	for line := range strings.Lines(out) {
		if w := displayWidth(strings.TrimSuffix(line, "\n")); columns > 0 && w > columns {
			t.Errorf("a line of %d columns on a terminal of %d: %s", w, columns, line)
		}
	}
}
