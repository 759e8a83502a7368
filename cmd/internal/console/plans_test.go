package console

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"rollcall/state"
	"rollcall/state/scim"
	"rollcall/sync/plan"
)

// holdPlan keeps a plan as held, and has Work review it as it is.
func (f *fixture) holdPlan(p plan.Plan, reason string) state.HeldPlan {
	f.t.Helper()
	f.clock.Advance(time.Second)
	body, err := p.Encode()
	f.must(err)
	held := state.HeldPlan{
		ID: p.ID, Scope: acme, Run: p.Run, CreatedAt: f.clock.Now(), Status: state.PlanHeld, Reason: reason, Changes: len(p.Changes), Removals: p.Counts.Removals, Body: body,
	}
	f.leased(acme, func(epoch int64) error { return f.store.HoldPlan(f.t.Context(), epoch, held) })
	held.Body = nil
	f.work.reviewed = Reviewed{Held: held, Plan: p}
	return held
}

// decidePlan has somebody else decide on a plan.
func (f *fixture) decidePlan(id string, status state.PlanStatus, by string) {
	f.t.Helper()
	f.leased(acme, func(epoch int64) error { return f.store.DecidePlan(f.t.Context(), epoch, id, status, by) })
	held, err := f.store.HeldPlan(f.t.Context(), id)
	f.must(err)
	f.work.reviewed.Held, f.work.reviewed.Moved = held, nil
}

// stagePush records an account whose removal was pushed and is held.
func (f *fixture) stagePush(userName string, deletes bool) state.Record {
	f.t.Helper()
	r := f.account(acme, `{"userName":`+string(mustJSON(json.Marshal(userName)))+`}`)
	return f.life(r, acme, byPush, state.Life{Said: new(false), Stage: true, Deletes: deletes})
}

func mustJSON(data []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return data
}

func TestPlans(t *testing.T) {
	f := newFixture(t)
	f.get(victor, "/plans").shows(200, "No plan waits for a decision", "Nothing waits", "A run that would remove too many people", "None yet")

	first := planOf(removal(1))
	first.ID = "plan-0"
	f.holdPlan(first, "1 held: nobody would be left active")
	f.decidePlan("plan-0", state.PlanDiscarded, "olga@example.com")
	f.holdPlan(planOf(removal(1), removal(2), correction(3)), "2 held: more removals than one run may carry out")
	f.stagePush("ada@acme.example", false)
	p := f.get(victor, "/plans")
	p.shows(200, "2 plans wait for a decision, with 3 removals", "2 held: more removals than one run may carry out", "▲ held", "◐ staged", "○ discarded", "olga@example.com")
	links := p.values("a", "href")
	held, staged, decided := slices.Index(links, "/plans/plan-1"), slices.Index(links, "/plans/staged:acme-entra"), slices.Index(links, "/plans/plan-0")
	if held < 0 || staged < 0 || decided < held || decided < staged {
		t.Errorf("what waits does not come first: %q", links)
	}
	f.get(victor, "/plans?source=globex-okta").shows(200, "No plan of globex-okta waits for a decision").hides("▲ held", "◐ staged")
	f.get(victor, "/plans?source=nobody").shows(404, "There is no such source")
	f.get(victor, "/plans?status=approved").shows(200, "None yet").hides("○ discarded")
}

// TestPlansPages shows every decided plan once, of two kinds together.
func TestPlansPages(t *testing.T) {
	f := newFixture(t)
	f.leased(acme, func(epoch int64) error {
		for i := range 120 {
			f.clock.Advance(time.Second)
			id := fmt.Sprintf("plan-%04d", i)
			err := f.store.HoldPlan(t.Context(), epoch, state.HeldPlan{ID: id, Scope: acme, CreatedAt: f.clock.Now(), Status: state.PlanHeld, Reason: "one", Changes: 1, Body: []byte("{}")})
			if status := []state.PlanStatus{state.PlanApproved, state.PlanDiscarded, ""}[i%3]; err == nil && status != "" {
				err = f.store.DecidePlan(t.Context(), epoch, id, status, "olga")
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	var seen []string
	pages := 0
	for path := "/plans"; path != ""; pages++ {
		p := f.get(victor, path).shows(200)
		path = ""
		for _, link := range p.values("a", "href") {
			if strings.HasPrefix(link, "/plans/plan-") && link != "/plans/plan-0119" {
				seen = append(seen, link)
			}
		}
		p.each(func(n *html.Node) {
			for _, a := range n.Attr {
				if n.Data == "a" && a.Key == "rel" && a.Val == "next" {
					path = attribute(n, "href")
				}
			}
		})
	}
	if pages != 2 || len(seen) != 80 || !slices.IsSortedFunc(seen, func(a, b string) int { return strings.Compare(b, a) }) {
		t.Errorf("%d plans on %d pages: %q", len(seen), pages, seen)
	}
	f.get(victor, "/plans?status=replaced").shows(200, "Replaced by later runs", "○ replaced").hides("○ discarded")
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func TestPlan(t *testing.T) {
	f := newFixture(t)
	f.holdPlan(planOf(removal(1), removal(2), correction(3)), "2 held: more removals than one run may carry out")
	moved := removal(9)
	f.work.reviewed.Moved = []Moved{{Change: moved, Why: "the account has changed since the plan was made"}}
	f.work.reviewed.Held.Changes, f.work.reviewed.Held.Removals = 4, 3
	p := f.get(olga, "/plans/plan-1")
	p.shows(200, "acme-entra: 4 changes await approval, 3 of them removals", "2 held: more removals than one run may carry out", "3 of 4; 1 change has been overtaken, 2 removals among it",
		"41 of 320 active would be deactivated: 13 %; the limit is 32, or 10 % (2 more were deactivated within 24 hours).",
		"person00001@acme.example", "disabled at the source read by the pull of 4 Mar, 08:00 UTC", "true", "false", `"+1 555 0100"`, "differs from the source",
		"No longer stands", "the account has changed since the plan was made", "Type 2 to confirm 2 removals", "Approve 2 removals", "no run proposes the same again")
	if got := p.values("input", "data-confirm"); !slices.Equal(got, []string{"2"}) {
		t.Errorf("the script wants %q", got)
	}
	f.get(olga, "/plans/plan-1?kind=update").shows(200, "person00003@acme.example").hides("person00001@acme.example")
	f.get(victor, "/plans/plan-1").shows(200, "person00001@acme.example").hides("Approve", "Discard", "Type 2")
	f.get(victor, "/plans/plan-1?kind=bogus").shows(200, "Nothing of this kind.").hides("person00001@acme.example")

	f.work.err = state.ErrNotFound
	f.get(olga, "/plans/nothing").shows(404, "There is nothing here")
	f.work.err = Refusal("The plan cannot be read. Nothing was changed.")
	f.get(olga, "/plans/plan-1").shows(409, "This plan cannot be shown", "The plan cannot be read. Nothing was changed.")
}

func TestPlanOfUpdates(t *testing.T) {
	f := newFixture(t)
	f.holdPlan(planOf(correction(1), correction(2)), "2 held: the source is only observed until somebody has looked")
	p := f.get(olga, "/plans/plan-1").shows(200, "Approve 2 changes").hides("Type")
	if len(p.values("input", "data-confirm")) != 0 {
		t.Error("a number must be typed where nobody is removed")
	}
	f.work.done = Done{Applied: 2, Says: "2 changes of 2 applied."}
	if p := f.post(olga, "/plans/plan-1/approve"); p.status != 303 || p.header.Get("Location") != "/plans/plan-1" {
		t.Errorf("approved: %d %s", p.status, p.header.Get("Location"))
	}
}

// TestApprove applies nothing unless the number of removals was typed, and by nobody who may not.
func TestApprove(t *testing.T) {
	f := newFixture(t)
	f.holdPlan(planOf(removal(1), removal(2), correction(3)), "2 held: more removals than one run may carry out")
	decided := func() int {
		return len(slices.DeleteFunc(slices.Clone(f.work.asked), func(s string) bool { return strings.HasPrefix(s, "review") }))
	}
	for _, number := range []string{"", "3", "02", "two", "2 removals", "-2"} {
		f.post(olga, "/plans/plan-1/approve", "confirm", number).shows(422, "Nothing was approved", "Nothing was changed.", "then type 2")
	}
	f.post(victor, "/plans/plan-1/approve", "confirm", "2").shows(403, "You may look, and not change")
	f.post(victor, "/plans/plan-1/discard").shows(403, "You may look, and not change")
	if decided() != 0 {
		t.Fatalf("something was done: %q", f.work.asked)
	}
	f.work.done = Done{Applied: 2, Says: "2 changes of 3 applied.", Mishaps: []string{"deactivate was not carried out (\u202eada): an operator has pinned the account."}}
	f.post(olga, "/plans/plan-1/approve", "confirm", " 2 ").shows(200, "Not everything was carried out", "2 changes of 3 applied.", "Deactivate was not carried out", "an operator has pinned the account", "\ufffdada")
	if got := f.work.asked[len(f.work.asked)-1]; got != "approve plan-1 olga@example.com" {
		t.Errorf("Work was asked to %q", got)
	}
	deeds, err := f.store.ListDeeds(t.Context(), acme, 0, 10)
	f.must(err)
	if len(deeds) != 1 || deeds[0].What != "plan_approved" || deeds[0].Subject != "plan-1" || deeds[0].Actor != olga.Name || deeds[0].Scope != acme {
		t.Errorf("noted %+v", deeds)
	}
}

// TestDecidedMeanwhile is two operators at once: the second is told, and does nothing.
func TestDecidedMeanwhile(t *testing.T) {
	f := newFixture(t)
	f.holdPlan(planOf(removal(1)), "1 held: nobody would be left active")
	f.get(olga, "/plans/plan-1").shows(200, "Approve 1 removal")
	f.decidePlan("plan-1", state.PlanDiscarded, "otto@example.com")
	f.post(olga, "/plans/plan-1/approve", "confirm", "1").shows(409, "Nothing was approved", "discarded by otto@example.com", "A plan is decided on once.")
	f.post(olga, "/plans/plan-1/discard").shows(409, "Nothing was discarded")
	f.get(olga, "/plans/plan-1").shows(200, "acme-entra: 1 change discarded by otto@example.com on 4 Mar, 09:00 UTC", "What was in it").hides("Approve")
	if slices.ContainsFunc(f.work.asked, func(s string) bool { return !strings.HasPrefix(s, "review") }) {
		t.Errorf("something was done: %q", f.work.asked)
	}

	next := planOf(correction(1)) // decided between the look and the deed
	next.ID = "plan-2"
	f.holdPlan(next, "1 held")
	f.work.refuse = Refusal("The plan is approved already by otto@example.com. Nothing was changed.")
	f.post(olga, "/plans/plan-2/approve").shows(409, "The plan was not approved", "approved already by otto@example.com")
	f.work.refuse = fmt.Errorf("disk full")
	f.post(olga, "/plans/plan-2/discard").shows(500, "The plan was not discarded", "What was carried out before that stays", "Doing it again does the rest").hides("disk full")
	deeds, err := f.store.ListDeeds(t.Context(), acme, 0, 10)
	f.must(err)
	if len(deeds) != 0 {
		t.Errorf("noted %+v", deeds)
	}
}

func TestDiscard(t *testing.T) {
	f := newFixture(t)
	f.holdPlan(planOf(removal(1)), "1 held: nobody would be left active")
	f.work.done = Done{Says: "The plan is discarded."}
	if p := f.post(olga, "/plans/plan-1/discard"); p.status != 303 || p.header.Get("Location") != "/plans/plan-1" {
		t.Errorf("discarded: %d %s", p.status, p.header.Get("Location"))
	}
	if got := f.work.asked[len(f.work.asked)-1]; got != "discard plan-1 olga@example.com" {
		t.Errorf("Work was asked to %q", got)
	}
}

func TestStaged(t *testing.T) {
	f := newFixture(t)
	f.get(olga, "/plans/staged:acme-entra").shows(200, "acme-entra: no pushed removal waits", "Nothing waits here").hides("Approve")
	f.get(olga, "/plans/staged:nobody").shows(404, "There is no such source")
	ada := f.stagePush("ada@acme.example", false)
	f.stagePush("<b>alan\u202e\x07</b>", true)
	p := f.get(olga, "/plans/staged:acme-entra")
	p.shows(200, "acme-entra: 2 pushed removals wait for a decision", "ada@acme.example", "<b>alan\ufffd\ufffd</b>", "A push said inactive", "A push deleted the account", `"kept"`, `"deleted"`, "pinned", "Type 2 to confirm 2 removals")
	if !slices.Contains(p.values("a", "href"), "/users/"+string(ada.ID)) {
		t.Error("nothing leads to Ada's page")
	}
	f.get(victor, "/plans/staged:acme-entra").hides("Approve")
	f.post(olga, "/plans/staged:acme-entra/approve", "confirm", "1").shows(422, "then type 2")
	if len(f.work.asked) != 0 {
		t.Fatalf("something was done: %q", f.work.asked)
	}
	seen := p.seen()
	if len(seen) != 2 || seen[0] == "" || seen[0] != seen[1] {
		t.Fatalf("the two forms say that %q was seen", seen)
	}
	f.work.done = Done{Applied: 2, Says: "2 removals of 2 in force."}
	if p := f.post(olga, "/plans/staged:acme-entra/approve", "confirm", "2", "seen", seen[0]); p.status != 303 || p.header.Get("Location") != "/plans/staged:acme-entra" {
		t.Errorf("approved: %d %s", p.status, p.header.Get("Location"))
	}
	if !slices.Equal(f.work.asked, []string{"approve staged:acme-entra olga@example.com"}) || f.work.seen != seen[0] {
		t.Errorf("Work was asked to %q of %q", f.work.asked, f.work.seen)
	}
	f.life(ada, acme, state.Cause{Kind: state.CauseOperator, Actor: "olga"}, state.Life{Protected: new(true)})
	if again := f.get(olga, "/plans/staged:acme-entra").seen(); again[0] == seen[0] {
		t.Error("what waits has changed, and is the same to see")
	}
}

// seen is what the forms of a page say that was seen.
func (p *page) seen() (digests []string) {
	p.each(func(n *html.Node) {
		if n.Data == "input" && slices.Contains(n.Attr, html.Attribute{Key: "name", Val: "seen"}) {
			digests = append(digests, n.Attr[slices.IndexFunc(n.Attr, func(a html.Attribute) bool { return a.Key == "value" })].Val)
		}
	})
	return digests
}

// TestHostileNames shows what providers send as text, and nothing else.
func TestHostileNames(t *testing.T) {
	f := newFixture(t)
	c := removal(1)
	c.Name = "<script>alert(1)</script>\u202e\x00\u200b"
	c.Fields = []plan.Field{{Path: "displayName", Before: json.RawMessage(`"</dd><img src=x onerror=alert(1)>"`), After: mustJSON(scim.StringValue("\x1b[2J\u2066").AppendJSON(nil), nil)}}
	p := planOf(c)
	p.Notices = []plan.Notice{{Kind: plan.Conflict, Name: "\"><svg onload=alert(1)>", Detail: "<i>both</i>"}}
	f.holdPlan(p, "<b>1 held</b>")
	page := f.get(olga, "/plans/plan-1").shows(200, "<script>alert(1)</script>\ufffd\ufffd\ufffd", "<b>1 held</b>", "<i>both</i>")
	if slices.Contains(page.values("script", "src"), "") || len(page.values("img", "src")) != 0 || strings.Contains(page.body, "<script>alert") || strings.Contains(page.body, "<svg onload") {
		t.Errorf("it came through: %s", page.body)
	}
	if strings.ContainsAny(page.body, "\u202e\u2066\u200b\x00\x1b") {
		t.Error("what cannot be seen came through")
	}
}

// big is a plan of 50,000 changes, a third of them removals.
func big() plan.Plan {
	var p plan.Plan
	p.Format, p.ID = plan.Format, "plan-1"
	for i := range 50_000 {
		if i%3 == 0 {
			p.Add(removal(i))
		} else {
			p.Add(correction(i))
		}
	}
	p.Finish()
	return p
}

// TestBigPlan keeps a page of a plan with 50,000 changes below 100 KB, and all of it within reach.
func TestBigPlan(t *testing.T) {
	f := newFixture(t)
	f.holdPlan(big(), "16667 held: more removals than one run may carry out")
	for path, told := range map[string]string{
		"/plans/plan-1": "1 to 200 of 50\u2009000", "/plans/plan-1?from=49800": "49\u2009801 to ", "/plans/plan-1?kind=update&from=200": "of 33\u2009333",
	} {
		p := f.get(olga, path).shows(200, told)
		if len(p.body) > 100_000 {
			t.Errorf("%s: %d bytes", path, len(p.body))
		}
		t.Logf("%s: %d bytes, %d rows", path, len(p.body), strings.Count(p.body, "<tr")-1)
	}
}

// TestReviewIsKept has a long plan reviewed once for a while, and anew for a decision.
func TestReviewIsKept(t *testing.T) {
	f := newFixture(t)
	f.holdPlan(big(), "16667 held: more removals than one run may carry out")
	reviews := func() int { return len(f.work.asked) }
	f.get(olga, "/plans/plan-1")
	f.get(victor, "/plans/plan-1?from=200")
	if reviews() != 1 {
		t.Errorf("two pages took %d reviews", reviews())
	}
	f.work.reviewed.Plan = planOf(removal(1))
	f.post(olga, "/plans/plan-1/approve", "confirm", "16667").shows(422, "then type 1.")
	f.get(olga, "/plans/plan-1")
	f.get(olga, "/plans/plan-1") // it is short now
	if reviews() != 4 {
		t.Errorf("%d reviews, want 4", reviews())
	}
	f.work.reviewed.Plan = big()
	f.get(olga, "/plans/plan-1")
	f.clock.Advance(reviewTime)
	f.get(olga, "/plans/plan-1")
	if reviews() != 6 {
		t.Errorf("%d reviews, want 6: the last was too old", reviews())
	}
}

// BenchmarkBigPlan is one page of a plan with 50,000 changes that has been reviewed already; the limit is 100 ms.
func BenchmarkBigPlan(b *testing.B) {
	f := newFixture(b)
	f.holdPlan(big(), "16667 held: more removals than one run may carry out")
	for b.Loop() {
		f.get(olga, "/plans/plan-1?from=200")
	}
}
