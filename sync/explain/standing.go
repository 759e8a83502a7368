package explain

import (
	"context"
	"fmt"
	"slices"

	"rollcall/state"
	"rollcall/sync/plan"
)

// standing is what the sentence about somebody rests on.
type standing struct {
	subject   *Subject
	turn      *state.Entry   // by which the account came, went, or last came into force or out of it; nil: older than the journal
	pin       *state.Entry   // of an account that is pinned: by which it was
	stage     *state.Entry   // of one that is staged: the push that waits
	request   *state.Request // behind turn, if it is kept
	held      *planTrace     // the plan that is held now and has something of theirs
	discarded *planTrace     // the plan of which somebody discarded what is still remembered
	open      []state.Suspicion
	source    state.Source
	pull      *state.Run     // the last
	notices   []plan.Notice  // of that pull, about them
	refused   *state.Request // the newest push about them that failed, if it is newer than everything else
}

// turning are the verbs by which an account comes and goes.
var turning = []state.Verb{state.VerbCreate, state.VerbDeactivate, state.VerbReactivate, state.VerbDelete, state.VerbPurge, state.VerbRestore}

func readStanding(ctx context.Context, reader Reader, s *Subject, t *traces) (*standing, error) {
	st := &standing{subject: s, open: t.open}
	var err error
	if st.source, err = reader.Source(ctx, s.Scope.Source); err != nil && !isNotFound(err) {
		return nil, fmt.Errorf("read the source: %w", err)
	}
	if st.pull, err = lastPull(ctx, reader, s.Scope); err != nil {
		return nil, err
	}
	if err := st.readEntries(ctx, reader); err != nil {
		return nil, err
	}
	for i := range t.runs {
		if st.pull != nil && t.runs[i].ID == st.pull.ID {
			st.notices = t.runs[i].notices
		}
	}
	for i := range t.plans {
		switch p := &t.plans[i]; {
		case p.Status == state.PlanHeld && st.held == nil:
			st.held = p
		case p.Status == state.PlanDiscarded && st.discarded == nil && st.remembers(p):
			st.discarded = p
		}
	}
	if len(t.failed) > 0 && (st.turn == nil || t.failed[0].At.After(st.turn.At)) {
		st.refused = &t.failed[0]
	}
	return st, nil
}

// readEntries finds the entries that made the account what it is, however long ago.
func (st *standing) readEntries(ctx context.Context, reader Reader) error {
	if st.subject.Account == "" {
		return nil
	}
	for limit := 16; ; limit *= 8 {
		entries, err := reader.LastEntries(ctx, st.subject.Scope, st.subject.Account, limit)
		if err != nil {
			return fmt.Errorf("read the journal: %w", err)
		}
		st.turn, st.pin, st.stage = nil, nil, nil
		for i := range entries {
			e := &entries[i]
			if st.turn == nil && slices.Contains(turning, e.Verb) {
				st.turn = e
			}
			if after := Resource(e.After); st.pin == nil && after.Get("pinned").Bool {
				st.pin = e
			} else if st.stage == nil && after.Get("staged").Bool {
				st.stage = e
			}
		}
		r := &st.subject.Record
		if len(entries) < limit || st.turn != nil && (st.pin != nil || !r.Pinned) && (st.stage != nil || !r.Staged) {
			break
		}
	}
	if st.turn == nil || st.turn.Request == "" {
		return nil
	}
	request, err := reader.Request(ctx, st.turn.Request)
	switch {
	case isNotFound(err):
	case err != nil:
		return fmt.Errorf("read the request behind entry %d: %w", st.turn.Number, err)
	default:
		st.request = &request
	}
	return nil
}

// remembers tells whether what somebody discarded of a plan is still left alone.
func (st *standing) remembers(p *planTrace) bool {
	return slices.ContainsFunc(p.changes, func(c plan.Change) bool {
		return slices.ContainsFunc(st.open, func(s state.Suspicion) bool { return c.Group == nil && s.Fact == plan.DiscardedFact(&c) })
	})
}

// state says in a word what the account's life is like.
func (st *standing) state() string {
	r := &st.subject.Record
	switch {
	case r.ID == "" && st.subject.Account == "":
		return "none"
	case r.ID == "":
		return "purged"
	case !r.DeletedAt.IsZero():
		return "deleted"
	case r.InForce:
		return "active"
	}
	return "inactive"
}
