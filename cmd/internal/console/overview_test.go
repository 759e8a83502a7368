package console

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"rollcall/state"
	"rollcall/state/scim"
	"rollcall/sync/explain"
	"rollcall/sync/plan"
)

// digest takes everything in that is new.
func (f *fixture) digest() {
	f.t.Helper()
	for more := true; more; {
		var err error
		more, err = f.store.Digest(f.t.Context())
		f.must(err)
	}
}

// holdCounted leaves a plan of so many changes held at a source.
func (f *fixture) holdCounted(scope state.Scope, changes, removals int) string {
	f.t.Helper()
	lease, err := f.store.AcquireLease(f.t.Context(), scope, "test", time.Minute)
	f.must(err)
	id := string(state.NewID())
	f.must(f.store.HoldPlan(f.t.Context(), lease.Epoch, state.HeldPlan{
		ID: id, Scope: scope, CreatedAt: f.clock.Now(), Status: state.PlanHeld, Reason: "more removals than the gate lets pass",
		Changes: changes, Removals: removals, Body: []byte(`{"format":1,"changes":[]}`),
	}))
	f.must(f.store.ReleaseLease(f.t.Context(), lease))
	f.console.healths.forget()
	return id
}

func TestOverviewPutsWhatNeedsSomebodyFirst(t *testing.T) {
	f := newFixture(t)
	held := f.holdCounted(globex, 41, 41)
	p := f.get(olga, "/").shows(http.StatusOK, "Needs you (2)", "41 removals await approval", "acme-entra", "globex-okta", "push only")
	if title := p.title(); title != "2 of 2 sources need you" {
		t.Errorf("title %q", title)
	}
	links := p.values("a", "href")
	if !slices.Contains(links, "/plans/"+held) {
		t.Errorf("no link to the held plan among %q", links)
	}
	if text := p.text(); strings.Index(text, "41 removals") > strings.Index(text, "never been pulled") && strings.Contains(text, "never been pulled") {
		t.Errorf("the held plan does not come first:\n%s", text)
	}
}

func TestOverviewWithoutSourcesSaysWhatToDo(t *testing.T) {
	f := newFixture(t)
	f.sources = nil
	f.get(olga, "/").shows(http.StatusOK, "No source is configured yet", "sources:", "rollcall config validate")
}

func TestOverviewIsPagedAndFiltered(t *testing.T) {
	f := newFixture(t)
	f.sources = nil
	for i := range 2*sourcesPerPage + 5 {
		scope := state.Scope{Tenant: fmt.Sprintf("tenant-%d", i%3), Source: fmt.Sprintf("source-%03d", i)}
		f.sources = append(f.sources, Source{Scope: scope, Setup: explain.Setup{Configured: true, Kind: "okta"}})
	}
	seen, path := map[string]bool{}, "/"
	for range 4 {
		p := f.get(olga, path).shows(http.StatusOK)
		if len(p.body) > 100<<10 {
			t.Errorf("%s weighs %d bytes", path, len(p.body))
		}
		path = ""
		for _, link := range p.values("a", "href") {
			if strings.HasPrefix(link, "/sources/source-") {
				seen[link] = true
			}
			if strings.Contains(link, "page=") {
				path = link
			}
		}
		if path == "" {
			break
		}
	}
	if len(seen) != len(f.sources) {
		t.Errorf("the pages show %d of %d sources", len(seen), len(f.sources))
	}
	f.get(olga, "/?tenant=tenant-1").shows(http.StatusOK, "source-001", "source-079").hides("source-080")
	f.get(olga, "/?tenant=nobody").shows(http.StatusOK, "No source of this tenant")
}

func TestPictureCountsTheDays(t *testing.T) {
	f := newFixture(t)
	ada := f.account(acme, `{"userName":"ada@acme.example","displayName":"Ada"}`)
	f.account(acme, `{"userName":"bob@acme.example"}`)
	off := false
	f.life(ada, acme, byPush, state.Life{Said: &off})
	f.digest()
	const sum = "Last 30 days: 3 changes pushed, 0 differences found by pulls, 0 repaired, 1 removal"
	if p := f.get(olga, "/"); !strings.Contains(p.body, "<title>"+sum+"</title>") {
		t.Errorf("no picture says %q:\n%s", sum, p.body)
	}
	f.get(olga, "/sources/acme-entra").shows(http.StatusOK, "2026-03-04", "The numbers", sum)
	f.clock.Advance(31 * 24 * time.Hour)
	f.console.healths.forget()
	if p := f.get(olga, "/"); strings.Contains(p.body, "3 changes pushed") {
		t.Error("what is a month past is shown")
	}
}

func TestSourcePageOffersAPullToOperatorsOnly(t *testing.T) {
	f := newFixture(t)
	f.get(olga, "/sources/acme-entra").shows(http.StatusOK, "Pull now", "Microsoft Entra ID")
	f.get(victor, "/sources/acme-entra").shows(http.StatusOK, "Microsoft Entra ID").hides("Pull now")
	f.get(olga, "/sources/globex-okta").shows(http.StatusOK, "push only").hides("Pull now")
	f.get(olga, "/sources/nowhere").shows(http.StatusNotFound, "no such source")
}

func TestSearch(t *testing.T) {
	f := newFixture(t)
	f.account(acme, `{"userName":"ada@acme.example","displayName":"Ada Lovelace","phoneNumbers":[{"type":"mobile","value":"+49 170 1234567"}]}`)
	f.account(globex, `{"userName":"ada@globex.example","displayName":"Ada Byron"}`)
	bob := f.account(globex, `{"userName":"bob@globex.example","displayName":"Bob","externalId":"00u7"}`)
	f.group(acme, "Lovers of order")
	f.digest()
	for _, c := range []struct {
		text        string
		shows, lack []string
	}{
		{"ada", []string{"2 answers", "ada@acme.example", "ada@globex.example", "acme-entra", "globex-okta"}, []string{"bob@"}},
		{"LOVE", []string{"2 answers", "Ada Lovelace", "Lovers of order", "group"}, []string{"Byron"}},
		{"globex", []string{"globex-okta", "bob@globex.example"}, []string{"ada@acme"}},
		{"nobody at all", []string{"Nothing is known of “nobody at all”", "rollcall explain"}, nil},
		{`ada" OR "bob`, []string{"Nothing is known"}, nil},
		{"", []string{"Find any person, group or source"}, nil},
	} {
		p := f.post(olga, "/search", "q", c.text).shows(http.StatusOK, c.shows...).hides(c.lack...)
		for _, link := range p.values("a", "href") {
			if strings.Contains(link, "ada") || strings.Contains(link, "q=") {
				t.Errorf("search for %q: a link with personal data: %s", c.text, link)
			}
		}
	}
	for _, text := range []string{"00u7", string(bob.ID), "BOB@globex.example"} {
		p := f.post(olga, "/search", "q", text)
		if to := p.header.Get("Location"); p.status != http.StatusSeeOther || to != "/users/"+string(bob.ID) {
			t.Errorf("search for %q: status %d to %q, want Bob's page", text, p.status, to)
		}
	}
	f.post(olga, "/search", "q", "170 1234").shows(http.StatusSeeOther)
}

func TestSearchShowsHostileNamesHarmless(t *testing.T) {
	f := newFixture(t)
	f.write(state.Mutation{Scope: acme, Kind: state.KindAccount, ID: state.NewID(), Cause: byPush, Put: &state.Put{Resource: scim.ObjectOf(
		scim.Field{Name: "userName", Value: scim.StringValue("eve@acme.example")},
		scim.Field{Name: "displayName", Value: scim.StringValue("Eve <script>alert(1)</script> \u202etxt.exe")})}})
	f.account(acme, `{"userName":"eve2@acme.example"}`)
	f.digest()
	p := f.post(olga, "/search", "q", "eve")
	if strings.Contains(p.body, "<script>alert") || strings.Contains(p.body, "\u202e") {
		t.Errorf("the page carries what was sent:\n%s", p.body)
	}
}

// BenchmarkOverview renders the overview of 300 sources, of which a page shows 40. To be measured against 100 ms a page.
func BenchmarkOverview(b *testing.B) {
	f := newFixture(b)
	f.sources = nil
	for i := range 300 {
		scope := state.Scope{Tenant: fmt.Sprintf("tenant-%d", i), Source: fmt.Sprintf("source-%03d", i)}
		f.sources = append(f.sources, Source{Scope: scope, Setup: explain.Setup{Configured: true, Pulls: true, Kind: "entra"}})
		_, err := f.store.EnsureSource(b.Context(), scope, "entra")
		f.must(err)
		f.account(scope, fmt.Sprintf(`{"userName":"user-%d@acme.example"}`, i))
	}
	f.digest()
	for _, c := range []struct {
		name  string
		fresh bool
	}{{"read anew", true}, {"read a moment ago", false}} {
		b.Run(c.name, func(b *testing.B) {
			var p *page
			for b.Loop() {
				if c.fresh {
					f.console.healths.forget()
				}
				p = f.get(olga, "/")
			}
			b.ReportMetric(float64(len(p.body)), "bytes/page")
		})
	}
}

func TestWhatWaitsIsNotCalledInStep(t *testing.T) {
	h := sourceHealth{Condition: explain.Healthy}
	if got := h.Shown(); got != "healthy" {
		t.Errorf("a source in agreement is shown as %q", got)
	}
	h.Noticed = map[plan.NoticeKind]int{plan.Fresh: 4}
	if got := h.Shown(); got != "differing" {
		t.Errorf("a source with 4 who wait for a later run is shown as %q", got)
	}
	h.Condition = explain.Failing
	if got := h.Shown(); got != "failing" {
		t.Errorf("a source that fails is shown as %q", got)
	}
	for _, c := range []struct {
		page overviewPage
		want string
	}{
		{overviewPage{All: 3, Differ: 1}, "Nothing needs you; 1 of 3 sources are not in step yet"},
		{overviewPage{All: 1, Differ: 1}, "Nothing needs you; 1 of 1 source is not in step yet"},
		{overviewPage{All: 3}, "All 3 sources are in step"},
	} {
		if got := c.page.Title(); got != c.want {
			t.Errorf("title %q, want %q", got, c.want)
		}
	}
}

func TestConfigurationThatWasNotTakenIsSaid(t *testing.T) {
	f := newFixture(t)
	f.console.Fault = func() string { return "rollcall.yaml:7: sources[0].kind is not okta" }
	f.get(victor, "/").shows(http.StatusOK, "rollcall.yaml:7: sources[0].kind is not okta")
}

func TestRunSaysWhatBecameOfItsPlan(t *testing.T) {
	f := newFixture(t)
	id := f.holdCounted(acme, 10, 10)
	lease, err := f.store.AcquireLease(t.Context(), acme, "test", time.Minute)
	f.must(err)
	run := state.Run{ID: string(state.NewID()), Scope: acme, Trigger: "hand", StartedAt: f.clock.Now(), EndedAt: f.clock.Now(), Verdict: state.VerdictComplete, Outcome: "held", Plan: id, Report: []byte("{}")}
	f.must(f.store.PutRun(t.Context(), lease.Epoch, run))
	f.get(olga, "/runs/"+run.ID).shows(http.StatusOK, "held").hides("is decided")
	f.must(f.store.DecidePlan(t.Context(), lease.Epoch, id, state.PlanApproved, "olga@example.com"))
	f.get(olga, "/runs/"+run.ID).shows(http.StatusOK, "approved", "What it left held is decided, by olga@example.com")
	f.get(olga, "/runs").shows(http.StatusOK, "approved")
}

func TestTimeAheadIsRounded(t *testing.T) {
	for d, want := range map[time.Duration]string{
		72*time.Hour - time.Second: "in 3 days", 61 * time.Hour: "in 3 days", 47*time.Hour + 59*time.Minute: "in 2 days", 12*time.Hour - time.Second: "in 12 hours",
		90 * time.Second: "in 2 minutes", 40 * time.Second: "in 40 seconds",
	} {
		now := time.Date(2026, 3, 4, 9, 0, 0, 0, time.UTC)
		if got := string(when(now, now.Add(d))); !strings.Contains(got, ">"+want+"<") {
			t.Errorf("%s ahead: %s, want %s", d, got, want)
		}
	}
}
