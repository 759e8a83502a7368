package sync

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"rollcall/state"
	"rollcall/sync/plan"
)

// Undo says what is to be taken back.
type Undo struct {
	Run    string    // what this run did, and what was approved of its plan; "" = whatever runs did from Since on
	Since  time.Time // of a run: when it began
	Pushes bool      // without a run: what was pushed from Since on as well
}

// String says it in words, the same for the same: by them an undo that was cut off is known again.
func (u Undo) String() string {
	since := u.Since.UTC().Format(time.RFC3339Nano)
	switch {
	case u.Run != "":
		return "run " + u.Run
	case u.Pushes:
		return "what was pushed and what runs did since " + since
	}
	return "what runs did since " + since
}

// takes tells whether a journal entry is to be taken back. What operators did by hand never is; an undo only by its run.
func (u Undo) takes(e *state.Entry) bool {
	if u.Run != "" {
		return e.Cause.Run == u.Run
	}
	switch e.Cause.Kind {
	case state.CausePull, state.CauseApproval:
		return !e.At.Before(u.Since)
	case state.CausePush:
		return u.Pushes && !e.At.Before(u.Since)
	}
	return false
}

// ErrJournal says that an undo would have to go further back than the journal is kept.
var ErrJournal = errors.New("the journal is not kept so far back")

// Undo takes back what the journal says was done: attributes, whether accounts are active, links and memberships are as they were before.
// An account that was made is deactivated, never purged. Whatever somebody else has changed since stays as it is, and a notice of
// the plan says why; so do groups that were made or deleted, and a protection. Removals are gated and protected as those of pulls are; what is
// held waits for Approve. A pin gives way.
//
// A scheduled pull would do the same again: before anything is changed the source is only observed, until somebody has looked.
//
// The undo is a run of its own, recorded with TriggerUndo, which can be undone. Killed midway and called again it does the rest, and
// repeats nothing. A dry run stops at the plan and leaves no trace. An error is the record's, or ErrJournal; state.ErrLeased while
// somebody else works on the source. The source needs no Connector.
func (e *Engine) Undo(ctx context.Context, source Source, u Undo, order Order) (Report, error) {
	r := &runner{engine: e, source: source, order: order}
	run := &r.report.Run
	*run = state.Run{
		ID: string(state.NewID()), Scope: source.Scope, Trigger: TriggerUndo, Actor: order.Actor, StartedAt: e.now(), Verdict: state.VerdictComplete,
	}
	if order.DryRun {
		_, err := r.planUndo(ctx, u)
		run.EndedAt, run.Outcome = e.now(), OutcomeInSync
		if len(r.report.Plan.Changes) > 0 {
			run.Outcome = OutcomePlanned
		}
		return r.report, err
	}
	var err error
	if r.lease, err = e.acquire(ctx, source.Scope); err != nil {
		return r.report, err
	}
	defer r.lease.release(ctx)
	if err := r.begin(ctx); err != nil {
		return r.report, err
	}
	if err = r.takeBack(ctx, u); err != nil {
		r.failed(err)
	}
	run.EndedAt = e.now()
	return r.report, errors.Join(err, r.record(ctx))
}

// takeBack plans, applies what is not held, and keeps what is.
func (r *runner) takeBack(ctx context.Context, u Undo) error {
	order, err := r.planUndo(ctx, u)
	if err != nil {
		return err
	}
	run, p := &r.report.Run, &r.report.Plan
	run.Outcome = OutcomeInSync
	if len(p.Changes) == 0 {
		return nil
	}
	if err := r.observeFrom(ctx, u.String()+" was undone, and a pull would do the same again"); err != nil {
		return err
	}
	open := slices.DeleteFunc(order, func(at int) bool { return p.Changes[at].Held })
	if err := r.engine.approved(ctx, &r.lease, &r.report, open, r.engine.restorer(r.source).build); err != nil {
		return err
	}
	if p.Counts.Held == 0 {
		return nil
	}
	run.Outcome, run.Reason = OutcomeHeld, r.report.heldReason("")
	held := p.Held()
	held.ID = string(state.NewID())
	body, err := held.Encode()
	if err != nil {
		return fmt.Errorf("write the held plan: %w", err)
	}
	run.Plan = held.ID
	err = r.engine.Store.HoldPlan(ctx, r.lease.Epoch, state.HeldPlan{
		ID: held.ID, Scope: r.source.Scope, Run: run.ID, CreatedAt: r.engine.now(), Status: state.PlanHeld,
		Reason: run.Reason, Changes: len(held.Changes), Removals: held.Counts.Removals, Body: body,
	})
	if err != nil {
		return fmt.Errorf("keep the held plan: %w", err)
	}
	return nil
}

// observeFrom makes scheduled runs only plan from now on.
func (r *runner) observeFrom(ctx context.Context, why string) error {
	kept, err := r.engine.Store.Source(ctx, r.source.Scope.Source)
	if err != nil {
		return fmt.Errorf("read source %s: %w", r.source.Scope.Source, err)
	}
	kept.Observe = why
	if err := r.engine.Store.PutSource(ctx, r.lease.Epoch, kept); err != nil {
		return fmt.Errorf("record the source: %w", err)
	}
	return nil
}

// Observe makes scheduled runs of a source only plan, until somebody has looked; why is shown. The source is made at first use.
func (e *Engine) Observe(ctx context.Context, source Source, why string) error {
	if _, err := e.Store.EnsureSource(ctx, source.Scope, source.Kind); err != nil {
		return fmt.Errorf("open source %s: %w", source.Scope.Source, err)
	}
	r := &runner{engine: e, source: source}
	var err error
	if r.lease, err = e.acquire(ctx, source.Scope); err != nil {
		return err
	}
	defer r.lease.release(ctx)
	return r.observeFrom(ctx, why)
}

// approveUndo applies what stands of a held undo: accounts at the version that was planned for, memberships that nobody has changed.
func (e *Engine) approveUndo(ctx context.Context, source Source, l *lease, report *Report) error {
	build := e.restorer(source)
	standing, results, err := build.standing(ctx, &report.Plan)
	if err != nil {
		return err
	}
	report.Results = results
	return e.approved(ctx, l, report, standing, build.build)
}

// planUndo makes the plan and holds what has to be held. The order in which its changes take back what was done is the reverse of the
// order in which it was: names that were taken over one from the other go back so.
func (r *runner) planUndo(ctx context.Context, u Undo) ([]int, error) {
	run := &r.report.Run
	past := undoing{
		store: r.reader(), source: r.source, undo: u, restorer: r.engine.restorerOf(r.reader(), r.source),
		trails: make(map[state.ID]*trail), turns: make(map[state.ID]int64), raised: make(map[state.ID]bool), names: make(map[string]string),
		plan: plan.Plan{
			Format: plan.Format, Tenant: r.source.Scope.Tenant, Source: r.source.Scope.Source, Run: run.ID, MadeAt: run.StartedAt, Undo: u.String(),
		},
	}
	if err := past.read(ctx); err != nil {
		return nil, err
	}
	if err := past.invert(ctx); err != nil {
		return nil, err
	}
	ledger, err := r.reader().Ledger(ctx, r.source.Scope, run.StartedAt.Add(-24*time.Hour))
	if err != nil {
		return nil, fmt.Errorf("read the ledger of removals: %w", err)
	}
	past.plan.Counts.Accounts, past.plan.Counts.Active = ledger.Total, ledger.Active
	past.plan.Finish()
	past.plan.Hold(r.source.Rules, plan.Circumstances{Ledger: ledger})
	r.report.Plan = past.plan
	order := make([]int, len(past.plan.Changes))
	for i := range order {
		order[i] = i
	}
	turn := func(at int) int64 {
		c := &past.plan.Changes[at]
		if c.Group != nil {
			return past.turns[c.Group.ID]
		}
		return past.turns[c.Account]
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(turn(b), turn(a)) })
	return order, nil
}
