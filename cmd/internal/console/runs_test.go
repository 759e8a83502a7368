package console

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"rollcall/state"
	"rollcall/sync/explain"
	"rollcall/sync/plan"
)

// ran keeps runs, each a minute after the one before.
func (f *fixture) ran(runs ...state.Run) {
	f.t.Helper()
	for _, run := range runs {
		f.clock.Advance(time.Minute)
		run.StartedAt = f.clock.Now()
		if run.EndedAt.IsZero() && run.Outcome != "" {
			run.EndedAt = run.StartedAt.Add(1500 * time.Millisecond)
		}
		f.leased(run.Scope, func(epoch int64) error { return f.store.PutRun(f.t.Context(), epoch, run) })
	}
}

func runReport(t testing.TB, r explain.Report) []byte {
	t.Helper()
	data, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// aRun is a pull that applied something, left something held, and failed at something.
func aRun(t testing.TB) state.Run {
	held, applied, refused := removal(1), correction(2), correction(3)
	p := planOf(held, applied, refused)
	p.Counts.People, p.Counts.Accounts, p.Counts.Active = 190, 200, 320
	p.Counts.Notices = map[plan.NoticeKind]int{plan.Unexplained: 1}
	r := explain.Report{Known: 180, Usual: 200, Counts: p.Counts, Gate: p.Gate, Applied: 1, LeftOut: 7,
		Notices: []plan.Notice{{Kind: plan.Unexplained, Account: "account-7", Name: "ghost@acme.example"}}}
	r.Proof.Complete, r.Proof.People, r.Proof.Pages, r.Proof.Groups, r.Proof.Calls = true, 190, 2, 3, 9
	r.Proof.Unreadable, r.Proof.Probes = []string{"Staff"}, []string{"User.Read.All"}
	r.Proof.RetryAt = time.Date(2026, 3, 4, 10, 0, 0, 0, time.UTC)
	r.Changes = []explain.RunChange{{Change: held}, {Change: applied, Outcome: "applied"}, {Change: refused, Outcome: "refused", Detail: "an operator has pinned the account"}}
	return state.Run{
		ID: "run-1", Scope: acme, Trigger: "hand", Actor: "ann", Verdict: state.VerdictComplete, Outcome: "held", Reason: "1 held: more removals than one run may carry out",
		Plan: "plan-1", Report: runReport(t, r),
	}
}

func TestRuns(t *testing.T) {
	f := newFixture(t)
	f.get(victor, "/runs").shows(200, "Nothing has run yet", "rollcall sync --dry-run")
	f.get(victor, "/runs?source=acme-entra").shows(200, "acme-entra has not run yet").hides("Pull now")
	f.ran(
		state.Run{ID: "run-0", Scope: globex, Trigger: "schedule", Actor: "schedule", Verdict: state.VerdictFailed, Outcome: "incomplete", Reason: "\u202eThe provider did not answer."},
		aRun(t),
	)
	p := f.get(victor, "/runs").shows(200, "The newest run, of acme-entra, just now, left a part waiting for an approval",
		"by hand, ann", "● complete 190 ▲ held 1 of 3 applied; 1 held: more removals than one run may carry out", "on schedule", "◆ failed", "◐ incomplete", "\ufffdThe provider did not answer.")
	links := p.values("a", "href")
	if one, two := slices.Index(links, "/runs/run-1"), slices.Index(links, "/runs/run-0"); one < 0 || two < one || !slices.Contains(links, "/plans/plan-1") {
		t.Errorf("the newest is not first, or its plan is not linked: %q", links)
	}
	f.get(victor, "/runs?outcome=incomplete").shows(200, "globex-okta").hides("▲ held 1 held")
	f.get(victor, "/runs?outcome=failed").shows(200, "No run is like that", "Show all runs")
	f.get(victor, "/runs?source=nobody").shows(404, "There is no such source")
	p = f.get(olga, "/runs?source=acme-entra").shows(200, "Pull now")
	if newest := p.values("div", "data-newest"); !slices.Equal(newest, []string{"run-1"}) {
		t.Errorf("the list's newest run is %q", newest)
	}
	f.get(olga, "/runs?source=globex-okta").shows(200).hides("Pull now") // it is push-only
	f.get(victor, "/runs?source=acme-entra").shows(200).hides("Pull now")
}

func TestRunsPages(t *testing.T) {
	f := newFixture(t)
	for i := range 120 {
		f.ran(state.Run{ID: fmt.Sprintf("run-%03d", i), Scope: acme, Trigger: "schedule", Outcome: "in_sync"})
	}
	var seen []string
	for path := "/runs?source=acme-entra"; path != ""; {
		p := f.get(victor, path).shows(200)
		path = ""
		for _, link := range p.values("a", "href") {
			switch {
			case strings.HasPrefix(link, "/runs/"):
				seen = append(seen, link)
			case strings.Contains(link, "before="):
				path = link
			}
		}
	}
	if len(seen) != 120 || seen[0] != "/runs/run-119" || seen[119] != "/runs/run-000" {
		t.Errorf("%d runs, from %s to %s", len(seen), seen[0], seen[len(seen)-1])
	}
}

func TestRun(t *testing.T) {
	f := newFixture(t)
	f.ran(aRun(t))
	p := f.get(victor, "/runs/run-1")
	if got, want := p.title(), "acme-entra: 1 change applied, 1 held, 1 not applied, on 4 Mar, 09:01 UTC"; got != want {
		t.Errorf("title %q, want %q", got, want)
	}
	p.shows(200, "▲ held", "1 held: more removals than one run may carry out", "● complete", "190 people, in 2 pages and 3 groups, by 9 calls", "Members of 1 group could not be read",
		"Permissions that showed: User.Read.All.", "Of 200 accounts recorded, the person of 180 was seen.", "this is 95 % of that", "Throttled", "by hand, ann", "1.5 seconds",
		"3 changes: 1 to deactivate, 2 to update; 1 held", "41 of 320 active would be deactivated: 13 %; the limit is 32, or 10 %",
		"Not applied", "an operator has pinned the account", "◆ refused", "● applied", "ghost@acme.example", "7 more changes are not listed", "The plan that it left held").
		hides("Take this run back")
	if links := p.values("a", "href"); !slices.Contains(links, "/plans/plan-1") || !slices.Contains(links, "/users/account-7") {
		t.Errorf("links %q", links)
	}
	f.get(olga, "/runs/run-1").shows(200, "Take this run back")
	f.get(victor, "/runs/run-1?kind=fallen").shows(200, "person00003@acme.example").hides("person00001@acme.example")
	f.get(victor, "/runs/nothing").shows(404, "There is nothing here")
}

// TestRunTitles answers in the heading, whatever a run came to.
func TestRunTitles(t *testing.T) {
	f := newFixture(t)
	for i, test := range []struct {
		run  state.Run
		want string
		text string
	}{
		{state.Run{Outcome: "in_sync", Verdict: state.VerdictComplete, Report: []byte(`{"proof":{"people":3}}`)}, "acme-entra: nothing to change, on 4 Mar, 09:01 UTC", "In sync: nothing to change."},
		{state.Run{Outcome: "incomplete", Verdict: state.VerdictFailed, Reason: "The provider did not answer."}, "acme-entra: not everyone could be read, on 4 Mar, 09:02 UTC", "Nothing to change was found in what could be read."},
		{state.Run{Outcome: "failed", Verdict: state.VerdictFailed, Reason: "stopped"}, "acme-entra: the run failed, on 4 Mar, 09:03 UTC", "◆ failed stopped"},
		{state.Run{Outcome: "held", Verdict: state.VerdictComplete, Report: []byte(`{"proof":`)}, "acme-entra: the run left a part waiting for an approval, on 4 Mar, 09:04 UTC",
			"What this run recorded of itself cannot be read: read the report of run run-3"},
		{state.Run{}, "acme-entra: a run goes on since 4 Mar, 09:05 UTC, or was cut off", "Reload the page"},
		{state.Run{Outcome: "applied", Trigger: "undo", Actor: "ann", Verdict: state.VerdictComplete, Report: []byte(`{"applied":2,"counts":{"actions":{"update":2}}}`)},
			"acme-entra: 2 changes applied, on 4 Mar, 09:06 UTC", "Nothing: it carried out what was planned or done before"},
		{state.Run{Outcome: "applied", Trigger: "apply", Verdict: state.VerdictComplete, Report: []byte(`{"applied":1,"counts":{"actions":{"update":3}},"changes":[
			{"action":"update","outcome":"applied"},{"action":"update","outcome":"done","detail":"it is so already"},{"action":"update","outcome":"moved"}]}`)},
			"acme-entra: 1 change applied, 1 so already, 1 not applied, on 4 Mar, 09:07 UTC", "✓ done it is so already"},
	} {
		test.run.ID, test.run.Scope = fmt.Sprintf("run-%d", i), acme
		if test.run.Trigger == "" {
			test.run.Trigger = "schedule"
		}
		f.ran(test.run)
		p := f.get(olga, "/runs/"+test.run.ID).shows(200, test.text)
		if got := p.title(); got != test.want {
			t.Errorf("title %q, want %q", got, test.want)
		}
	}
	if boxes := f.get(victor, "/runs/run-4").values("div", "data-progress"); !slices.Equal(boxes, []string{"/sources/acme-entra/progress"}) {
		t.Errorf("a run that goes on shows its progress by %q", boxes)
	}
}

func TestPull(t *testing.T) {
	f := newFixture(t)
	f.post(victor, "/sources/acme-entra/pull").shows(403, "You may look, and not change")
	f.post(olga, "/sources/nobody/pull").shows(404, "There is no such source")
	f.post(olga, "/sources/globex-okta/pull").shows(409, "globex-okta cannot be pulled")
	if len(f.work.asked) != 0 {
		t.Fatalf("something was done: %q", f.work.asked)
	}
	if p := f.post(olga, "/sources/acme-entra/pull"); p.status != 303 || p.header.Get("Location") != "/runs?source=acme-entra" {
		t.Errorf("pulled: %d %s", p.status, p.header.Get("Location"))
	}
	deeds, err := f.store.ListDeeds(t.Context(), acme, 0, 10)
	f.must(err)
	if !slices.Equal(f.work.asked, []string{"sync acme-entra olga@example.com"}) || len(deeds) != 1 || deeds[0].What != "source_pulled" || deeds[0].Actor != olga.Name {
		t.Errorf("asked %q, noted %+v", f.work.asked, deeds)
	}
	f.work.err = Refusal("A pull is on its way already. Nothing was changed.")
	f.post(olga, "/sources/acme-entra/pull").shows(409, "Nothing was pulled", "A pull is on its way already.")
}

// longest is a run with as many changes as its record lists.
func longest(t testing.TB) state.Run {
	run := aRun(t)
	var r explain.Report
	for i := range 5000 {
		r.Changes = append(r.Changes, explain.RunChange{Change: correction(i), Outcome: "applied"})
	}
	r.Applied, r.Counts.Actions = 5000, map[plan.Action]int{plan.Update: 5000}
	run.Report = runReport(t, r)
	return run
}

func TestLongRun(t *testing.T) {
	f := newFixture(t)
	f.ran(longest(t))
	p := f.get(victor, "/runs/run-1").shows(200, "5\u2009000 changes applied", " of 5\u2009000")
	if len(p.body) > 100_000 {
		t.Errorf("%d bytes", len(p.body))
	}
	t.Logf("%d bytes", len(p.body))
}

// BenchmarkRuns is a page of 50 such runs; the limit is the same.
func BenchmarkRuns(b *testing.B) {
	f := newFixture(b)
	for i := range listRows {
		run := longest(b)
		run.ID = fmt.Sprintf("run-%02d", i)
		f.ran(run)
	}
	for b.Loop() {
		f.get(victor, "/runs")
	}
}

// BenchmarkRun is the page of a run with 5,000 changes; the limit is 100 ms.
func BenchmarkRun(b *testing.B) {
	f := newFixture(b)
	f.ran(longest(b))
	for b.Loop() {
		f.get(victor, "/runs/run-1")
	}
}
