package console

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"rollcall/state"
	"rollcall/sync/explain"
	"rollcall/sync/plan"
)

func (c *Console) plansRoutes(mux *http.ServeMux) {
	mux.HandleFunc("GET /plans", c.plans)
	mux.HandleFunc("GET /plans/{id}", c.plan)
	mux.HandleFunc("POST /plans/{id}/approve", c.decide(decision{"approved", DeedApproved, true, c.Work.Approve}))
	mux.HandleFunc("POST /plans/{id}/discard", c.decide(decision{"discarded", DeedDiscarded, false, c.Work.Discard}))
}

// StagedPlan begins the id by which what waits of a source's pushes is decided on together.
const StagedPlan = "staged:"

// plansPage answers: what waits for a decision?
type plansPage struct {
	Waiting []planRow // held plans and staged pushes, the oldest first
	Decided []planRow // newest first
	Sources []string
	Source  string
	Status  string // of the decided: "approved", "discarded", "replaced"; "" = approved and discarded
	First   string
	Next    string
}

// planRow is a plan in a list.
type planRow struct {
	ID, Source, Why string
	Staged          bool
	Status          state.PlanStatus
	Changes         int
	Removals        int
	Since           time.Time
	By              string
	At              time.Time
}

// Title says how much waits.
func (p *plansPage) Title() string {
	of := ""
	if p.Source != "" {
		of = " of " + p.Source
	}
	if len(p.Waiting) == 0 {
		return "No plan" + of + " waits for a decision"
	}
	removals := 0
	for _, row := range p.Waiting {
		removals += row.Removals
	}
	text := explain.Plural(len(p.Waiting), "plan"+of+" waits", "plans"+of+" wait") + " for a decision"
	if removals > 0 {
		text += ", with " + explain.Plural(removals, "removal")
	}
	return text
}

func newPlanRow(p state.HeldPlan) planRow {
	return planRow{
		ID: p.ID, Source: p.Scope.Source, Why: clip(harmless(p.Reason)), Status: p.Status, Changes: p.Changes, Removals: p.Removals,
		Since: p.CreatedAt, By: harmless(p.DecidedBy), At: p.DecidedAt,
	}
}

func (c *Console) plans(w http.ResponseWriter, r *http.Request) {
	page := plansPage{Source: r.FormValue("source"), Status: r.FormValue("status")}
	var scope state.Scope
	var scopes []state.Scope
	for _, s := range c.Sources() {
		page.Sources = append(page.Sources, s.Scope.Source)
		if page.Source == "" || page.Source == s.Scope.Source {
			scopes = append(scopes, s.Scope)
		}
		if page.Source == s.Scope.Source {
			scope = s.Scope
		}
	}
	if page.Source != "" && scope.Source == "" {
		c.fail(w, r, noSource)
		return
	}
	before := r.FormValue("before")
	err := c.readWaiting(r.Context(), &page, scope, scopes)
	if err == nil {
		err = c.readDecided(r.Context(), &page, scope, before)
	}
	if err != nil {
		c.fail(w, r, fmt.Errorf("list plans: %w", err))
		return
	}
	if before != "" {
		page.First = listURL("/plans", "source", page.Source, "status", page.Status)
	}
	c.show(w, r, "plans", &page)
}

// readWaiting reads the held plans, one a source at most, and what is staged.
func (c *Console) readWaiting(ctx context.Context, page *plansPage, scope state.Scope, scopes []state.Scope) error {
	held, err := c.Store.PlanHeads(ctx, scope, state.PlanHeld, "", len(scopes))
	if err != nil {
		return err
	}
	for _, p := range held {
		page.Waiting = append(page.Waiting, newPlanRow(p))
	}
	for _, scope := range scopes {
		row := planRow{
			ID: StagedPlan + scope.Source, Source: scope.Source, Staged: true, Status: state.PlanHeld,
			Why: "Pushed; waits for a second witness, an approval, or the end of push_hold.",
		}
		err := c.Store.Staged(ctx, scope, func(r state.Record) bool {
			if row.Changes++; row.Since.IsZero() || r.ModifiedAt.Before(row.Since) {
				row.Since = r.ModifiedAt
			}
			return true
		})
		if err != nil {
			return err
		}
		if row.Removals = row.Changes; row.Changes > 0 {
			page.Waiting = append(page.Waiting, row)
		}
	}
	slices.SortStableFunc(page.Waiting, func(a, b planRow) int { return a.Since.Compare(b.Since) })
	return nil
}

// readDecided reads a page of those that do not wait any more. Replaced ones are shown when they are asked for: a source that nobody
// looks at replaces one with each pull.
func (c *Console) readDecided(ctx context.Context, page *plansPage, scope state.Scope, before string) error {
	statuses := []state.PlanStatus{state.PlanApproved, state.PlanDiscarded}
	switch status := state.PlanStatus(page.Status); status {
	case state.PlanApproved, state.PlanDiscarded, state.PlanReplaced:
		statuses = []state.PlanStatus{status}
	default:
		page.Status = ""
	}
	var plans []state.HeldPlan
	for _, status := range statuses {
		some, err := c.Store.PlanHeads(ctx, scope, status, before, listRows+1)
		if err != nil {
			return err
		}
		plans = append(plans, some...)
	}
	slices.SortFunc(plans, func(a, b state.HeldPlan) int {
		return cmp.Or(b.CreatedAt.Compare(a.CreatedAt), strings.Compare(b.ID, a.ID))
	})
	if len(plans) > listRows {
		plans = plans[:listRows]
		page.Next = listURL("/plans", "source", page.Source, "status", page.Status, "before", plans[listRows-1].ID)
	}
	for _, p := range plans {
		page.Decided = append(page.Decided, newPlanRow(p))
	}
	return nil
}

// planPage answers: what would this plan do, and does it still stand?
type planPage struct {
	ID       string
	Held     state.HeldPlan
	Staged   bool   // pushes that wait, no plan of a run
	Seen     string // which they are: their StagedDigest
	Takes    string // what an undo takes back, in words
	Gate     string
	Stands   int // changes that still stand
	Moved    int // changes that no longer do
	Removals int // of those that stand
	Changes  changesView
	now      time.Time
}

func (p *planPage) crumbs() []crumb { return []crumb{{"Plans", "/plans"}} }

// Open tells whether it waits for a decision.
func (p *planPage) Open() bool { return p.Held.Status == state.PlanHeld }

// Title says what waits, or what became of it.
func (p *planPage) Title() string {
	source, at := p.Held.Scope.Source, explain.When(p.Held.DecidedAt)
	changes := explain.Plural(p.Held.Changes, "change")
	switch {
	case p.Staged && p.Stands == 0:
		return source + ": no pushed removal waits"
	case p.Staged:
		return source + ": " + explain.Plural(p.Stands, "pushed removal waits", "pushed removals wait") + " for a decision"
	case p.Open():
		return source + ": " + explain.AwaitingApproval(p.Held.Changes, p.Held.Removals)
	case p.Held.Status == state.PlanReplaced:
		return source + ": " + changes + " of " + explain.When(p.Held.CreatedAt) + ", replaced by a later run"
	}
	return fmt.Sprintf("%s: %s %s by %s on %s", source, changes, p.Held.Status, harmless(p.Held.DecidedBy), at)
}

func (c *Console) plan(w http.ResponseWriter, r *http.Request) {
	page, entries, err := c.readPlan(r.Context(), r.PathValue("id"))
	if err != nil {
		c.refuse(w, r, "This plan cannot be shown", err, link{"/plans", "To the plans"})
		return
	}
	page.Changes = viewChanges(r, entries, "No longer stands")
	c.show(w, r, "plan", page)
}

// readPlan reads a plan, or the staged pushes of a source, with what has become of each change.
func (c *Console) readPlan(ctx context.Context, id string) (*planPage, []entry, error) {
	if source, staged := strings.CutPrefix(id, StagedPlan); staged {
		return c.readStaged(ctx, source)
	}
	reviewed, err := c.review(ctx, id)
	if err != nil {
		return nil, nil, err
	}
	p := &reviewed.Plan
	page := &planPage{ID: id, Held: reviewed.Held, Takes: harmless(p.Undo), Gate: explain.GateSum(&p.Gate), Stands: len(p.Changes), Moved: len(reviewed.Moved), now: c.Now()}
	page.Held.Reason = harmless(page.Held.Reason)
	entries := entriesOf(p)
	for i := range reviewed.Moved {
		m := &reviewed.Moved[i]
		entries = append(entries, entry{change: &m.Change, detail: m.Why, fallen: true})
	}
	page.Removals = removalsIn(entries)
	return page, entries, nil
}

// readStaged reads the pushed removals of a source that the gate holds.
func (c *Console) readStaged(ctx context.Context, name string) (*planPage, []entry, error) {
	source, ok := c.source(name)
	if !ok {
		return nil, nil, noSource
	}
	page := &planPage{ID: StagedPlan + name, Staged: true, Held: state.HeldPlan{Scope: source.Scope, Status: state.PlanHeld}, now: c.Now()}
	var staged []state.Record
	var entries []entry
	err := c.Store.Staged(ctx, source.Scope, func(r state.Record) bool {
		staged, entries = append(staged, r), append(entries, stagedEntry(&r))
		if page.Held.CreatedAt.IsZero() || r.ModifiedAt.Before(page.Held.CreatedAt) {
			page.Held.CreatedAt = r.ModifiedAt
		}
		return true
	})
	if err != nil {
		return nil, nil, fmt.Errorf("read what is staged in source %s: %w", name, err)
	}
	page.Seen, page.Stands, page.Removals = StagedDigest(staged), len(entries), len(entries)
	page.Held.Changes, page.Held.Removals = len(entries), len(entries)
	return page, entries, nil
}

// stagedEntry is a pushed removal as a change.
func stagedEntry(r *state.Record) entry {
	change := plan.Change{
		Action: plan.Deactivate, Account: r.ID, Version: r.Version, Name: textOf(r.Resource, "userName"),
		Fields: []plan.Field{{Path: "active", Before: []byte("true"), After: []byte("false")}},
	}
	why := "A push said inactive"
	if r.Deletes {
		why = "A push deleted the account"
		change.Fields[0] = plan.Field{Path: "account", Before: []byte(`"kept"`), After: []byte(`"deleted"`)}
	}
	return entry{change: &change, why: why + "; last changed " + explain.When(r.ModifiedAt)}
}
