package sync

import (
	"context"
	"fmt"

	"rollcall/state"
	"rollcall/sync/plan"
)

// hold holds what has to be held. A run that did not see everyone counts what waits already as well: what is too much at once does
// not pass because only a part of it was read.
func (r *runner) hold(ctx context.Context, p *planner) error {
	usual, err := r.usual(ctx)
	if err != nil {
		return err
	}
	r.report.Usual, r.report.Known = usual, p.index.count(flagSeen)
	c := plan.Circumstances{
		Scheduled: r.scheduled(), Observe: r.observe, ReportOnly: r.source.Policy == PolicyReport,
		Strangers: p.strangers(), Unproven: p.unproven, Shrunk: p.everyone() && plan.Shrunk(r.source.Rules, p.plan.Counts.People, usual), Ledger: p.ledger,
	}
	if !p.whole {
		_, earlier, err := r.heldPlan(ctx)
		if err != nil {
			return err
		}
		r.waiting = p.stillWaiting(&earlier)
	}
	for _, w := range r.waiting {
		if w.HeldBecause != plan.HoldUnexplained { // it never counts
			c.Waiting++
		}
	}
	p.plan.Hold(r.source.Rules, c)
	return nil
}

// lookBack is how many runs of a source are searched for complete pulls: a time of trouble may lie between them.
const lookBack = 20

// usual is how many people this source's complete pulls read before, made with the same directory, mapping and scope.
func (r *runner) usual(ctx context.Context) (int, error) {
	if r.people != nil {
		return 0, nil
	}
	var people []int
	for _, n := range []int{1 + plan.UsualPulls, lookBack} { // mostly the last are enough, and reports may be long
		runs, err := r.reader().ListRuns(ctx, r.source.Scope, n)
		if err != nil {
			return 0, fmt.Errorf("read the last runs: %w", err)
		}
		people = people[:0]
		for i := 0; i < len(runs) && len(people) < plan.UsualPulls; i++ {
			past, basis, err := readProof(runs[i])
			if err == nil && IsPull(runs[i]) && past.Complete && basis == r.planner.plan.Basis { // what cannot be read says nothing
				people = append(people, past.People)
			}
		}
		if len(people) == plan.UsualPulls || len(runs) < n {
			break
		}
	}
	return plan.Usual(people), nil
}

// keepHeld keeps the held part of the plan for an approval. A plan that is held already and asks for the same stays as it is, so that
// it can be read in peace; one that a run which saw everyone no longer asks for is put away. A run that did not see everyone
// takes the removals that wait over.
func (r *runner) keepHeld(ctx context.Context) error {
	store, run := r.engine.Store, &r.report.Run
	earlier, before, err := r.heldPlan(ctx)
	if err != nil {
		return err
	}
	if before.Undo != "" && (r.scheduled() || r.people != nil) {
		return nil // an operator's undo waits for an operator; a pull by hand puts its own plan there
	}
	held := r.report.Plan.Held()
	if r.people != nil && (r.scheduled() || len(before.Changes) > 0) {
		if len(before.Changes) > 0 && before.Has(&held) {
			run.Plan = earlier.ID
		}
		return nil
	}
	if len(held.Changes) == 0 || r.source.Policy == PolicyReport {
		if earlier.ID != "" && r.planner.whole {
			if err := store.DecidePlan(ctx, r.lease.Epoch, earlier.ID, state.PlanReplaced, "run "+run.ID); err != nil {
				return fmt.Errorf("put held plan %s away: %w", earlier.ID, err)
			}
		}
		return nil
	}
	held.Changes = append(held.Changes, r.waiting...)
	held.Finish()
	if plan.Same(&before, &held) {
		run.Plan = earlier.ID
		return nil
	}
	held.ID = string(state.NewID())
	body, err := held.Encode()
	if err != nil {
		return fmt.Errorf("write the held plan: %w", err)
	}
	run.Plan = held.ID
	err = store.HoldPlan(ctx, r.lease.Epoch, state.HeldPlan{
		ID: held.ID, Scope: r.source.Scope, Run: run.ID, CreatedAt: r.engine.now(), Status: state.PlanHeld,
		Reason: r.report.heldReason(r.observe), Changes: len(held.Changes), Removals: held.Counts.Removals, Body: body,
	})
	if err != nil {
		return fmt.Errorf("keep the held plan: %w", err)
	}
	return nil
}

// heldPlan returns the plan that is held for the source, and what is in it; without one both are zero. What cannot be read cannot be
// approved either, and is as good as empty.
func (r *runner) heldPlan(ctx context.Context) (state.HeldPlan, plan.Plan, error) {
	heads, err := r.reader().PlanHeads(ctx, r.source.Scope, state.PlanHeld, "", 1)
	switch {
	case err != nil:
		return state.HeldPlan{}, plan.Plan{}, fmt.Errorf("read the held plans: %w", err)
	case len(heads) == 0:
		return state.HeldPlan{}, plan.Plan{}, nil
	}
	kept, err := r.reader().HeldPlan(ctx, heads[0].ID)
	switch {
	case err != nil:
		return state.HeldPlan{}, plan.Plan{}, fmt.Errorf("read held plan %s: %w", heads[0].ID, err)
	case kept.Status != state.PlanHeld: // decided meanwhile: a dry run has no lease
		return state.HeldPlan{}, plan.Plan{}, nil
	}
	held, err := plan.Decode(kept.Body)
	kept.Body = nil // which may be as long as what is in it
	if err == nil && held.Undo != "" {
		return kept, plan.Plan{Undo: held.Undo}, nil
	}
	if err != nil || held.Basis != r.planner.plan.Basis {
		return kept, plan.Plan{}, nil
	}
	return kept, held, nil
}

// stillWaiting are the removals of an earlier plan about which a run that did not see everyone has nothing to say. Those of memberships
// stand on the reading of a group, and have to be found again.
func (p *planner) stillWaiting(earlier *plan.Plan) []plan.Change {
	planned := make(map[string]bool)
	for i := range p.plan.Changes {
		planned[p.plan.Changes[i].Remembered()] = true
	}
	var waiting []plan.Change
	for _, c := range earlier.Changes {
		if c.Removal() && c.Group == nil && !planned[c.Remembered()] && !p.passed(c.Person) {
			waiting = append(waiting, c)
		}
	}
	return waiting
}
