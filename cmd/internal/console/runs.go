package console

import (
	"cmp"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"rollcall/state"
	"rollcall/sync/explain"
)

func (c *Console) runsRoutes(mux *http.ServeMux) {
	mux.HandleFunc("GET /runs", c.runs)
	mux.HandleFunc("GET /runs/{id}", c.run)
	mux.HandleFunc("GET /runs/{id}/undo", c.undoPreview)
	mux.HandleFunc("POST /runs/{id}/undo", c.operator(c.undo))
	mux.HandleFunc("GET /sources/{source}/progress", c.progress)
	mux.HandleFunc("POST /sources/{source}/pull", c.operator(c.pull))
}

// listRows is how many rows a list shows at a time.
const listRows = 50

// outcomes are what runs come to, in words that go on with "the run …".
var outcomes = []struct{ Code, Words string }{
	{"in_sync", "found nothing to change"},
	{"applied", "was applied"},
	{"partly_applied", "was applied in part"},
	{"held", "left a part waiting for an approval"},
	{"observed", "only looked"},
	{"incomplete", "could not read everyone"},
	{"failed", "failed"},
}

// runOutcome is the code of what a run came to.
func runOutcome(run *state.Run) string {
	if run.EndedAt.IsZero() {
		return "running"
	}
	return run.Outcome
}

func outcomeWords(run *state.Run) string {
	if run.EndedAt.IsZero() {
		return "goes on, or was cut off"
	}
	for _, o := range outcomes {
		if o.Code == run.Outcome {
			return o.Words
		}
	}
	return "ended: " + statusOf(run.Outcome).Word
}

// triggers are why runs began.
var triggers = map[string]string{
	"schedule": "on schedule", "hand": "by hand", "person": "for one person", "hint": "after a hint of the provider", "undo": "to take something back",
	"apply": "to carry out a saved plan",
}

// startedBy says why a run began, and by whom.
func startedBy(run *state.Run) string {
	text := cmp.Or(triggers[run.Trigger], run.Trigger)
	if run.Actor != "" && run.Actor != run.Trigger {
		text += ", " + harmless(run.Actor)
	}
	return text
}

// instant tells a time in a sentence. The year is told of a time long ago.
func instant(now, t time.Time) string {
	if now.Sub(t) > 300*24*time.Hour {
		return t.UTC().Format("2 Jan 2006, 15:04 UTC")
	}
	return t.UTC().Format("2 Jan, 15:04 UTC")
}

// runsPage answers: what have the last runs come to?
type runsPage struct {
	Rows     []runRow
	Sources  []string // to filter by
	Outcomes []choice
	Source   string
	Outcome  string
	MayPull  bool   // the source filtered by can be pulled now
	Newest   string // id of the newest run that is over; "" = none
	First    string
	Next     string
	newest   *state.Run
	now      time.Time
}

// choice is a word to choose, and what it is called.
type choice struct{ Code, Text string }

// runRow is a run in a list.
type runRow struct {
	state.Run
	By      string
	Outcome string
	Why     string
	People  int    // that were read
	Changed string // "3 of 44 applied"; "" = nothing was to be changed
	Decided string // what became of the plan that it left held; "" = it waits, or there is none
}

// Title says what the newest run came to.
func (p *runsPage) Title() string {
	switch {
	case len(p.Rows) > 0 && p.First != "":
		return "Older runs"
	case p.newest != nil:
		return fmt.Sprintf("The newest run, of %s, %s, %s", p.newest.Scope.Source, explain.Ago(p.now, p.newest.StartedAt), outcomeWords(p.newest))
	case p.Source != "" && p.Outcome == "":
		return p.Source + " has not run yet"
	case p.Source != "" || p.Outcome != "":
		return "No run is like that"
	}
	return "Nothing has run yet"
}

func (c *Console) runs(w http.ResponseWriter, r *http.Request) {
	page := runsPage{Source: r.FormValue("source"), Outcome: r.FormValue("outcome"), now: c.Now()}
	var scope state.Scope
	for _, s := range c.Sources() {
		page.Sources = append(page.Sources, s.Scope.Source)
		if s.Scope.Source == page.Source {
			scope = s.Scope
			page.MayPull = pullable(s)
		}
	}
	if page.Source != "" && scope.Source == "" {
		c.fail(w, r, noSource)
		return
	}
	for _, o := range outcomes {
		page.Outcomes = append(page.Outcomes, choice{o.Code, statusOf(o.Code).Word})
	}
	before := r.FormValue("before")
	runs, err := c.Store.RunHeads(r.Context(), scope, page.Outcome, before, listRows+1)
	if err != nil {
		c.fail(w, r, fmt.Errorf("list runs: %w", err))
		return
	}
	if before != "" {
		page.First = listURL("/runs", "source", page.Source, "outcome", page.Outcome)
	}
	if len(runs) > listRows {
		runs = runs[:listRows]
		page.Next = listURL("/runs", "source", page.Source, "outcome", page.Outcome, "before", runs[listRows-1].ID)
	}
	for i := range runs {
		run := &runs[i]
		row := runRow{Run: *run, By: startedBy(run), Outcome: runOutcome(run), Why: clip(harmless(run.Reason))}
		if err := c.countRun(r, &row); err != nil {
			c.fail(w, r, err)
			return
		}
		page.Rows = append(page.Rows, row)
	}
	if len(runs) > 0 {
		page.newest = &runs[0]
	}
	plans, err := c.decidedPlans(r, scope)
	if err != nil {
		c.fail(w, r, err)
		return
	}
	for i := range page.Rows {
		page.Rows[i].Decided = string(plans[page.Rows[i].Plan].Status)
	}
	if i := slices.IndexFunc(runs, func(run state.Run) bool { return !run.EndedAt.IsZero() }); i >= 0 {
		page.Newest = runs[i].ID
	}
	c.show(w, r, "runs", &page)
}

// countRun reads how many people a run read, and how many of its changes were applied. What it recorded of itself and cannot be read is not counted:
// the run's own page says so.
func (c *Console) countRun(r *http.Request, row *runRow) error {
	whole, err := c.Store.Run(r.Context(), row.ID)
	if err != nil && !errors.Is(err, state.ErrNotFound) { // one that was dropped meanwhile is empty
		return fmt.Errorf("read what run %s did: %w", row.ID, err)
	}
	sum, err := explain.ReadSum(&whole)
	if err != nil {
		return nil
	}
	row.People = sum.Proof.People
	switch all := sum.Counts.Changes(); {
	case sum.Applied < all:
		row.Changed = count(sum.Applied) + " of " + count(all) + " applied"
	case all > 0:
		row.Changed = count(all) + " applied"
	}
	return nil
}

// plansBack is how many plans are looked through for what became of them.
const plansBack = 200

// decidedPlans returns the latest plans of a source, or of all, that are decided, by their ids, without bodies.
func (c *Console) decidedPlans(r *http.Request, scope state.Scope) (map[string]state.HeldPlan, error) {
	heads, err := c.Store.PlanHeads(r.Context(), scope, "", "", plansBack)
	if err != nil {
		return nil, fmt.Errorf("list plans: %w", err)
	}
	decided := map[string]state.HeldPlan{}
	for _, p := range heads {
		if p.Status != state.PlanHeld {
			decided[p.ID] = p
		}
	}
	return decided, nil
}

// noSource is what is said of a source that there is not.
var noSource = problem{http.StatusNotFound, "There is no such source", "Neither the configuration nor the record has it. The overview lists those there are."}

// pullable tells whether a source can be pulled now.
func pullable(s Source) bool { return s.Configured && s.Pulls && s.Misconfigured == "" }

// pull has a source pulled soon.
func (c *Console) pull(w http.ResponseWriter, r *http.Request) {
	source, ok := c.source(r.PathValue("source"))
	if !ok {
		c.fail(w, r, noSource)
		return
	}
	name, by := source.Scope.Source, visitorOf(r).Name
	back := listURL("/runs", "source", name)
	err := error(Refusal(name + " cannot be pulled: it is push-only, or its configuration does not allow it. Nothing was changed."))
	if pullable(source) {
		err = c.Work.SyncSource(r.Context(), source.Scope, by)
	}
	if err != nil {
		c.refuse(w, r, "Nothing was pulled", err, link{back, "To the runs of " + name})
		return
	}
	c.decided(r.Context(), state.Deed{Actor: by, What: deedPulled, Scope: source.Scope, Subject: name})
	c.done(w, r, back, "A pull of "+name+" begins. This page shows how far it has come.", "")
}

// runPage answers: what did this run come to, and why?
type runPage struct {
	state.Run
	Outcome string
	By      string
	Took    string
	Facts   []explain.Fact
	Sum     string
	Gate    string
	Changes changesView
	LeftOut int    // changes beyond those that are kept
	Unread  string // why what it recorded of itself cannot be read
	MayUndo bool
	Decided state.HeldPlan // the plan that it left held, once that is decided
	heading string
}

func (p *runPage) Title() string { return p.heading }
func (p *runPage) crumbs() []crumb {
	return []crumb{{"Runs", "/runs"}, {p.Scope.Source, listURL("/runs", "source", p.Scope.Source)}}
}

// Running tells whether it goes on, as far as is known.
func (p *runPage) Running() bool { return p.EndedAt.IsZero() }

func (c *Console) run(w http.ResponseWriter, r *http.Request) {
	run, err := c.Store.Run(r.Context(), r.PathValue("id"))
	if err != nil {
		c.fail(w, r, err)
		return
	}
	page := runPage{Run: run, Outcome: runOutcome(&run), By: startedBy(&run)}
	page.Reason = harmless(run.Reason)
	if !run.EndedAt.IsZero() {
		page.Took = duration(run.EndedAt.Sub(run.StartedAt))
	}
	report, err := explain.ReadReport(&run)
	if err != nil {
		page.Unread = "What this run recorded of itself cannot be read: " + harmless(err.Error()) + ". The journal and the plans still have what it changed; nothing was harmed."
		report = explain.Report{}
	}
	page.heading = runTitle(&run, &report, err == nil)
	page.MayUndo = !run.EndedAt.IsZero() && (report.Applied > 0 || run.Plan != "" || err != nil)
	if err == nil && !run.EndedAt.IsZero() {
		page.describe(r, &report)
	}
	if run.Plan != "" {
		plans, err := c.decidedPlans(r, run.Scope)
		if err != nil {
			c.fail(w, r, err)
			return
		}
		page.Decided = plans[run.Plan]
	}
	c.show(w, r, "run", &page)
}

// describe tells what a run that is over recorded of itself.
func (p *runPage) describe(r *http.Request, report *explain.Report) {
	for _, f := range report.Facts(&p.Run) {
		p.Facts = append(p.Facts, explain.Fact{Name: capital(f.Name), Text: capital(harmless(f.Text))})
	}
	if at := report.Proof.RetryAt; !at.IsZero() {
		p.Facts = append(p.Facts, explain.Fact{Name: "Throttled", Text: "The provider wanted to be left alone until " + explain.When(at) + "."})
	}
	p.Sum = explain.RunSum(p.Verdict, &report.Counts, nil)
	p.Gate, p.LeftOut = explain.GateSum(&report.Gate), report.LeftOut
	entries := make([]entry, 0, len(report.Changes)+len(report.Notices))
	for i := range report.Changes {
		change := &report.Changes[i]
		entries = append(entries, entry{
			change: &change.Change, became: change.Became(), detail: change.Detail, fallen: change.Fell(),
		})
	}
	for i := range report.Notices {
		entries = append(entries, entry{notice: &report.Notices[i]})
	}
	p.Changes = viewChanges(r, entries, "Not applied")
}

// runTitle says what a run came to.
func runTitle(run *state.Run, report *explain.Report, read bool) string {
	source, at := run.Scope.Source, explain.When(run.StartedAt)
	if run.EndedAt.IsZero() {
		return source + ": a run goes on since " + at + ", or was cut off"
	}
	parts := runParts(report)
	switch {
	case run.Outcome == "incomplete":
		parts = slices.Insert(parts, 0, "not everyone could be read")
	case run.Outcome == "failed":
		parts = slices.Insert(parts, 0, "the run failed")
	case !read:
		parts = append(parts, "the run "+outcomeWords(run))
	case len(parts) == 0:
		parts = append(parts, "nothing to change")
	}
	return source + ": " + strings.Join(append(parts, "on "+at), ", ")
}

// runParts counts what became of a run's changes: "3 changes applied", "41 held".
func runParts(report *explain.Report) []string {
	var parts []string
	add := func(n int, words string) {
		if n > 0 {
			parts = append(parts, fmt.Sprintf("%s %s", count(n), words))
		}
	}
	counts, already := &report.Counts, 0
	for i := range report.Changes {
		if report.Changes[i].Outcome == "done" {
			already++
		}
	}
	add(report.Applied, map[bool]string{true: "change applied", false: "changes applied"}[report.Applied == 1])
	add(counts.Held, "held")
	add(already, "so already")
	add(counts.Changes()-report.Applied-counts.Held-already, "not applied")
	return parts
}

// duration says how long something took.
func duration(d time.Duration) string {
	if d < time.Second {
		return fmt.Sprintf("%d ms", d.Milliseconds())
	}
	if d < 2*time.Minute {
		return fmt.Sprintf("%.1f seconds", d.Seconds())
	}
	return explain.Span(d)
}
