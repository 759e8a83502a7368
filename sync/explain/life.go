package explain

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"rollcall/state"
	"rollcall/sync/plan"
)

// Life is what is known of somebody: one sentence, and everything that happened, on one time line. The names of its JSON fields are
// stable.
type Life struct {
	Tenant    string   `json:"tenant"`
	Source    string   `json:"source"`
	Account   state.ID `json:"account"` // "" = there never was one
	Person    string   `json:"person"`  // object id at the provider; "" = not known
	UserName  string   `json:"user_name"`
	Name      string   `json:"name"`
	State     string   `json:"state"` // "active", "inactive", "deleted", "purged" or "none"; in force
	Said      bool     `json:"said"`  // as the provider last told
	Staged    bool     `json:"staged"`
	Pinned    bool     `json:"pinned"`
	Protected bool     `json:"protected"`
	Sentence  string   `json:"sentence"`      // why they are, or are not, active
	Because   Because  `json:"because"`       // the same as a code
	Open      []Open   `json:"open"`          // what is remembered until it is confirmed or refuted
	Events    []Event  `json:"events"`        // oldest first
	Older     bool     `json:"older"`         // there are events before these
	Now       *Now     `json:"now,omitempty"` // what the provider says at this moment, where it was asked
}

// Open is something that runs remember of somebody.
type Open struct {
	Fact string    `json:"fact"`
	Text string    `json:"text"`
	At   time.Time `json:"at"`
	Run  string    `json:"run"`
}

// Event is one thing that happened.
type Event struct {
	At    time.Time       `json:"at"`
	What  string          `json:"what"`            // a state.Verb, or for what changed nothing one of the What constants
	By    state.CauseKind `json:"by,omitempty"`    // the way it came in
	Actor string          `json:"actor,omitempty"` // key id, "schedule" or somebody's name
	Why   string          `json:"why,omitempty"`   // in words

	Reason    string         `json:"reason,omitempty"` // code: of sync/plan, for changes
	Entry     int64          `json:"entry,omitempty"`  // number in the tenant's journal
	Run       string         `json:"run,omitempty"`
	Plan      string         `json:"plan,omitempty"`
	Group     *Group         `json:"group,omitempty"` // that was joined or left
	Changes   []Change       `json:"changes,omitempty"`
	Witnesses []plan.Witness `json:"witnesses,omitempty"`
	Request   *Request       `json:"request,omitempty"`
	Times     int            `json:"times,omitempty"` // that it happened just so, if more than once
	Until     *time.Time     `json:"until,omitempty"` // the last of these times
}

// Event.What of what is no change of an account.
const (
	WhatJoined     = "join"        // a group
	WhatLeft       = "leave"       // a group
	WhatRefused    = "refused"     // a push that failed
	WhatHeld       = "held"        // a plan that waits for an approval, or waited
	WhatApproved   = "approved"    // such a plan
	WhatDiscarded  = "discarded"   // such a plan
	WhatReplaced   = "replaced"    // such a plan; a later run no longer asked for it
	WhatNotApplied = "not_applied" // a change that a run planned and could not carry out
	WhatPlanned    = "planned"     // a change that a run planned and only reported
	WhatNoticed    = "noticed"     // by a run, which changed nothing for it
)

// Group names a group.
type Group struct {
	ID   state.ID `json:"id"`
	Name string   `json:"name"`
}

// Change is one value that changed; null is absent.
type Change struct {
	Path   string          `json:"path"`
	Before json.RawMessage `json:"before"`
	After  json.RawMessage `json:"after"`
}

// Request is a push as it was kept, redacted. A body that names others as well is left out.
type Request struct {
	ID     string          `json:"id"`
	At     time.Time       `json:"at"`
	Key    string          `json:"key"`
	Method string          `json:"method"`
	Path   string          `json:"path"`
	Status int             `json:"status"`
	Detail string          `json:"detail,omitempty"`
	Body   json.RawMessage `json:"body,omitempty"`   // JSON as it was sent; text where it was cut or is none
	Answer json.RawMessage `json:"answer,omitempty"` // of a failed one
}

// ReadLife reads what is known of somebody: the newest limit of events, 0 for all.
func ReadLife(ctx context.Context, reader Reader, s Subject, limit int) (Life, error) {
	life, err := readLife(ctx, reader, &s, limit)
	if err != nil {
		return life, fmt.Errorf("source %s: %w", s.Scope.Source, err)
	}
	return life, nil
}

func readLife(ctx context.Context, reader Reader, s *Subject, limit int) (Life, error) {
	t, err := readTraces(ctx, reader, s, limit)
	if err != nil {
		return Life{}, err
	}
	standing, err := readStanding(ctx, reader, s, t)
	if err != nil {
		return Life{}, err
	}
	r := &s.Record
	life := Life{
		Tenant: s.Scope.Tenant, Source: s.Scope.Source, Account: s.Account, Person: s.Person, UserName: s.Name, Name: r.Name,
		State: standing.state(), Said: r.Said, Staged: r.Staged, Pinned: r.Pinned, Protected: r.Protected,
		Open: []Open{}, Events: t.events(s), Older: t.more,
	}
	life.Because, life.Sentence = standing.sentence()
	for _, x := range t.open {
		life.Open = append(life.Open, Open{Fact: x.Fact, Text: factText(x.Fact), At: x.At, Run: x.Run})
	}
	if limit > 0 && len(life.Events) > limit {
		life.Events, life.Older = life.Events[len(life.Events)-limit:], true
	}
	return life, nil
}

// events puts everything on one time line, the oldest first.
func (t *traces) events(s *Subject) []Event {
	events := []Event{}
	for i := range slices.Backward(t.entries) {
		events = append(events, t.entryEvent(&t.entries[i], s))
	}
	for i := range slices.Backward(t.memberships) {
		events = append(events, t.membershipEvent(&t.memberships[i], s))
	}
	for _, r := range slices.Backward(t.failed) {
		events = append(events, Event{At: r.At, What: WhatRefused, By: state.CausePush, Actor: r.KeyID, Why: r.Detail, Request: requestOf(&r, true)})
	}
	for i := range slices.Backward(t.runs) {
		events = append(events, t.runs[i].events()...)
	}
	events = append(events, t.planEvents()...)
	slices.SortStableFunc(events, func(a, b Event) int { return a.At.Compare(b.At) })
	return folded(events)
}

// folded takes what was noticed again and again, with nothing in between, together.
func folded(events []Event) []Event {
	out := events[:0]
	for _, e := range events {
		if n := len(out); n > 0 && e.What == WhatNoticed && out[n-1].What == WhatNoticed && e.Reason == out[n-1].Reason && e.Why == out[n-1].Why {
			last := &out[n-1]
			last.Times, last.Until = max(last.Times, 1)+1, &e.At
			continue
		}
		out = append(out, e)
	}
	return out
}

func isNotFound(err error) bool { return errors.Is(err, state.ErrNotFound) }
