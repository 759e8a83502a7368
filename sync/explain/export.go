package explain

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"rollcall/state"
	"rollcall/sync/plan"
)

// ExportFormat is the version of an export's form.
const ExportFormat = 1

// Export is everything that is kept about one person of one source, for them to have. Fields stand in the order of this type; lists
// are in the order of time, the oldest first. Nothing about anybody else is in it: of a change to a group, of a run or of a plan it has
// what concerns this person, and of a request that is not about their account alone, or that clashed with somebody else's, neither what
// was sent nor what was answered.
type Export struct {
	Format  int       `json:"format"`
	MadeAt  time.Time `json:"made_at"`
	Tenant  string    `json:"tenant"`
	Source  string    `json:"source"`
	Account state.ID  `json:"account"` // "" = there never was one
	Person  string    `json:"person"`  // object id at the provider
	State   string    `json:"state"`   // as Life.State

	Life        *ExportedLife    `json:"life"`     // null without a record
	Resource    json.RawMessage  `json:"resource"` // the recorded attributes; null without a record
	Groups      []Group          `json:"groups"`   // directly in, by now
	Journal     []ExportedEntry  `json:"journal"`  // of the account
	Memberships []ExportedMember `json:"memberships"`
	Requests    []Request        `json:"requests"`        // that changed something
	Failed      []Request        `json:"failed_requests"` // that changed nothing
	Runs        []ExportedRun    `json:"runs"`
	Plans       []ExportedPlan   `json:"plans"`
	Suspicions  []Open           `json:"suspicions"`
}

// ExportedLife is what is true of an account beside its attributes.
type ExportedLife struct {
	Version    int64      `json:"version"`
	Said       bool       `json:"said"`
	InForce    bool       `json:"in_force"`
	Staged     bool       `json:"staged"`
	Pinned     bool       `json:"pinned"`
	Protected  bool       `json:"protected"`
	CreatedAt  time.Time  `json:"created_at"`
	ModifiedAt time.Time  `json:"modified_at"`
	DeletedAt  *time.Time `json:"deleted_at"`
}

// ExportedEntry is one line of the journal.
type ExportedEntry struct {
	Number  int64           `json:"number"`
	At      time.Time       `json:"at"`
	Verb    state.Verb      `json:"verb"`
	Version int64           `json:"version"`
	Cause   state.CauseKind `json:"cause"`
	Actor   string          `json:"actor"`
	Run     string          `json:"run"`
	Reason  string          `json:"reason"`
	Note    string          `json:"note"`
	Request string          `json:"request"` // id
	Before  json.RawMessage `json:"before"`
	After   json.RawMessage `json:"after"`
}

// ExportedMember is a group that was joined or left.
type ExportedMember struct {
	Number  int64           `json:"number"`
	At      time.Time       `json:"at"`
	What    string          `json:"what"` // WhatJoined or WhatLeft
	Group   Group           `json:"group"`
	Cause   state.CauseKind `json:"cause"`
	Actor   string          `json:"actor"`
	Run     string          `json:"run"`
	Reason  string          `json:"reason"`
	Request string          `json:"request"`
}

// ExportedRun is what one run planned and noticed about the person.
type ExportedRun struct {
	ID        string         `json:"id"`
	StartedAt time.Time      `json:"started_at"`
	Changes   []ExportedStep `json:"changes"`
	Notices   []plan.Notice  `json:"notices"`
}

// ExportedStep is a planned change and what became of it; "" = held, or not tried.
type ExportedStep struct {
	plan.Change
	Outcome string `json:"outcome"`
	Detail  string `json:"detail,omitempty"`
}

// ExportedPlan is what a held plan has about the person.
type ExportedPlan struct {
	ID        string           `json:"id"`
	Run       string           `json:"run"`
	CreatedAt time.Time        `json:"created_at"`
	Status    state.PlanStatus `json:"status"`
	DecidedBy string           `json:"decided_by"`
	DecidedAt *time.Time       `json:"decided_at"`
	Changes   []plan.Change    `json:"changes"`
}

// ReadExport reads everything that is kept about somebody, to be handed over at the time given.
func ReadExport(ctx context.Context, reader Reader, s Subject, now time.Time) (Export, error) {
	fail := func(err error) (Export, error) { return Export{}, fmt.Errorf("source %s: %w", s.Scope.Source, err) }
	t, err := readTraces(ctx, reader, &s, 0)
	if err != nil {
		return fail(err)
	}
	st := standing{subject: &s}
	e := Export{
		Format: ExportFormat, MadeAt: now.UTC(), Tenant: s.Scope.Tenant, Source: s.Scope.Source, Account: s.Account, Person: s.Person, State: st.state(),
		Groups: []Group{}, Journal: []ExportedEntry{}, Memberships: []ExportedMember{}, Requests: []Request{}, Failed: []Request{},
		Runs: []ExportedRun{}, Plans: []ExportedPlan{}, Suspicions: []Open{},
	}
	if r := &s.Record; r.ID != "" {
		e.Resource = r.Resource
		e.Life = &ExportedLife{
			Version: r.Version, Said: r.Said, InForce: r.InForce, Staged: r.Staged, Pinned: r.Pinned, Protected: r.Protected,
			CreatedAt: r.CreatedAt, ModifiedAt: r.ModifiedAt, DeletedAt: optional(r.DeletedAt),
		}
		groups, err := reader.GroupsOf(ctx, s.Scope, r.ID)
		if err != nil {
			return fail(fmt.Errorf("read groups: %w", err))
		}
		for _, g := range groups {
			e.Groups = append(e.Groups, Group{ID: g.ID, Name: g.Name})
		}
	}
	e.journal(t, &s)
	e.rest(t, &s)
	return e, nil
}

// journal adds the journal and the requests behind it.
func (e *Export) journal(t *traces, s *Subject) {
	own := make(map[string]bool) // requests that are about the account alone
	for _, x := range slices.Backward(t.entries) {
		own[x.Request] = true
		e.Journal = append(e.Journal, ExportedEntry{
			Number: x.Number, At: x.At, Verb: x.Verb, Version: x.Version, Cause: x.Cause.Kind, Actor: x.Cause.Actor, Run: x.Cause.Run,
			Reason: x.Cause.Reason, Note: x.Cause.Note, Request: x.Request, Before: x.Before, After: x.After,
		})
	}
	for _, x := range slices.Backward(t.memberships) {
		what := WhatLeft
		if names(x.After, s.Account) {
			what = WhatJoined
		}
		e.Memberships = append(e.Memberships, ExportedMember{
			Number: x.Number, At: x.At, What: what, Group: Group{ID: x.ID, Name: x.Name}, Cause: x.Cause.Kind, Actor: x.Cause.Actor,
			Run: x.Cause.Run, Reason: x.Cause.Reason, Request: x.Request,
		})
	}
	requests := slices.SortedFunc(maps.Values(t.requests), func(a, b state.Request) int {
		if d := a.At.Compare(b.At); d != 0 {
			return d
		}
		return strings.Compare(a.ID, b.ID)
	})
	for i := range requests {
		e.Requests = append(e.Requests, *requestOf(&requests[i], own[requests[i].ID]))
	}
	for i := range slices.Backward(t.failed) {
		r := &t.failed[i]
		clash := r.Status == http.StatusConflict // with what somebody else has: what was sent and answered names them
		failed := requestOf(r, !clash)
		if clash {
			failed.Detail = ""
		}
		e.Failed = append(e.Failed, *failed)
	}
}

// rest adds what runs, plans and suspicions have.
func (e *Export) rest(t *traces, s *Subject) {
	for _, r := range slices.Backward(t.runs) {
		run := ExportedRun{ID: r.ID, StartedAt: r.StartedAt, Changes: []ExportedStep{}, Notices: []plan.Notice{}}
		for _, n := range r.notices {
			run.Notices = append(run.Notices, s.without(n))
		}
		for _, c := range r.changes {
			run.Changes = append(run.Changes, ExportedStep(c))
		}
		e.Runs = append(e.Runs, run)
	}
	for _, p := range slices.Backward(t.plans) {
		e.Plans = append(e.Plans, ExportedPlan{
			ID: p.ID, Run: p.Run, CreatedAt: p.CreatedAt, Status: p.Status, DecidedBy: p.DecidedBy, DecidedAt: optional(p.DecidedAt), Changes: p.changes,
		})
	}
	for _, x := range t.open {
		e.Suspicions = append(e.Suspicions, Open{Fact: x.Fact, Text: factText(x.Fact), At: x.At, Run: x.Run})
	}
}

// without leaves out of a notice whom else it names: a notice may be about two people who cannot be told apart, or have one name.
func (s *Subject) without(n plan.Notice) plan.Notice {
	if n.Person != s.Person {
		n.Person, n.Name = "", ""
	}
	if n.Account != s.Account {
		n.Account = ""
	}
	return n
}

// optional is a time for JSON: null for none.
func optional(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}
