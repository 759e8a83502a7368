package sync

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"

	"rollcall/connectors"
	"rollcall/state"
	"rollcall/sync/plan"
)

// runner carries out one run. It belongs to one goroutine.
type runner struct {
	engine  *Engine
	source  Source
	order   Order
	people  []string // object ids of those whom alone it is about, sorted; nil: it pulls
	lease   lease
	planner *planner
	waiting []plan.Change // of the plan that is held, removals that this run can't tell are off
	observe string        // why the source was only observed when the run began
	report  Report
	failure string // what the provider answered with, as a log may have it
}

// real runs for good, under the source's lease, and records how it went.
func (r *runner) real(ctx context.Context) (Report, error) {
	store := r.engine.Store
	_, err := store.EnsureSource(ctx, r.source.Scope, r.source.Kind)
	if err != nil {
		return r.report, fmt.Errorf("open source %s: %w", r.source.Scope.Source, err)
	}
	if r.lease, err = r.engine.acquire(ctx, r.source.Scope); err != nil {
		return r.report, err
	}
	defer r.lease.release(ctx)
	kept, err := store.Source(ctx, r.source.Scope.Source) // as it is under the lease
	if err != nil {
		return r.report, fmt.Errorf("read source %s: %w", r.source.Scope.Source, err)
	}
	if r.people != nil {
		told, err := r.complete(ctx)
		if told {
			err = r.protect(ctx)
		}
		if told && err == nil {
			err = r.tend(ctx, kept)
		}
		return r.report, err
	}
	if err := r.begin(ctx); err != nil {
		return r.report, err
	}
	told, err := r.complete(ctx)
	if !told {
		r.observe = kept.Observe
	} else if err = r.protect(ctx); err == nil {
		err = r.carryOut(ctx, kept)
	}
	if err != nil {
		r.failed(err)
	}
	return r.report, errors.Join(err, r.end(ctx, kept, told && err == nil))
}

// complete asks the provider for what is missing from the source. When it does not tell, the run is incomplete; an error is the context's.
func (r *runner) complete(ctx context.Context) (told bool, err error) {
	source, err := r.source.completed(ctx)
	switch {
	case err == nil:
		r.source = source
		return true, nil
	case ctx.Err() != nil:
		return false, ctx.Err()
	}
	run := &r.report.Run
	run.Verdict, run.Outcome, run.Reason, run.EndedAt = state.VerdictFailed, OutcomeIncomplete, connectors.Advice(err), r.engine.now()
	r.report.Plan = plan.Plan{Format: plan.Format, Tenant: run.Scope.Tenant, Source: run.Scope.Source, Run: run.ID, MadeAt: run.StartedAt}
	r.report.Unread = true
	r.report.Proof.Reason, r.failure = run.Reason, connectors.Label(err)
	r.report.Proof.Fail(err, run.EndedAt)
	return false, nil
}

// failed says that the run ended by an error.
func (r *runner) failed(err error) {
	run := &r.report.Run
	run.Outcome, run.Reason = OutcomeFailed, "stopped: "+err.Error()
	if errors.Is(err, context.Canceled) {
		run.Reason = "It was interrupted before its end."
	}
	run.Verdict = cmp.Or(run.Verdict, state.VerdictFailed)
}

// scheduled tells whether nobody is looking.
func (r *runner) scheduled() bool { return r.order.Trigger == TriggerSchedule }

// begin closes runs that a killed process left open, whose lease is ours now, and records that this one has begun.
func (r *runner) begin(ctx context.Context) error {
	if err := r.closeOpen(ctx); err != nil {
		return err
	}
	if err := r.engine.Store.PutRun(ctx, r.lease.Epoch, r.report.Run); err != nil {
		return fmt.Errorf("record the run: %w", err)
	}
	return nil
}

// closeOpen closes the last run if it never ended.
func (r *runner) closeOpen(ctx context.Context) error {
	store := r.engine.Store
	last, err := store.RunHeads(ctx, r.source.Scope, "", "", 1) // one that is open has no report yet
	if err != nil {
		return fmt.Errorf("read the last run: %w", err)
	}
	for _, run := range last {
		if !run.EndedAt.IsZero() {
			continue
		}
		run.EndedAt, run.Verdict, run.Outcome = run.StartedAt, state.VerdictFailed, OutcomeFailed
		run.Reason = "the process ended before the run did"
		if err := store.PutRun(ctx, r.lease.Epoch, run); err != nil {
			return fmt.Errorf("close the last run: %w", err)
		}
	}
	return nil
}

// protect protects the accounts of those whom the rules name, so that a new name takes the protection from nobody.
func (r *runner) protect(ctx context.Context) error {
	if r.source.Policy == PolicyReport {
		return nil
	}
	var mutations []state.Mutation
	for _, name := range r.source.Rules.Protect {
		found, err := r.engine.Store.Find(ctx, r.source.Scope, state.KindAccount, state.NewMatchKey(state.MatchUserName, name))
		if err != nil {
			return fmt.Errorf("find a protected account: %w", err)
		}
		for _, account := range found {
			if !account.Protected {
				mutations = append(mutations, state.Mutation{
					Scope: r.source.Scope, Kind: state.KindAccount, ID: account.ID, Epoch: r.lease.Epoch, Life: &state.Life{Protected: new(true)},
					Cause: state.Cause{Kind: state.CausePull, Actor: cmp.Or(r.order.Actor, r.order.Trigger), Run: r.report.Run.ID, Reason: string(plan.HoldProtected)},
				})
			}
		}
	}
	if len(mutations) == 0 {
		return nil
	}
	if _, err := r.engine.Store.Write(state.Urgent, mutations); err != nil { // one that is gone meanwhile needs no protection
		return fmt.Errorf("protect accounts: %w", err)
	}
	return nil
}

// plan makes the plan and holds what has to be held.
func (r *runner) plan(ctx context.Context, kept state.Source, pulse func(context.Context, Progress) error) error {
	run := &r.report.Run
	r.observe = r.observing(kept)
	p := newPlanner(r.reader(), r.source, run.ID, run.StartedAt, r.engine.now)
	p.pulse = pulse
	r.planner = p
	var proof connectors.Proof
	var err error
	if r.people != nil {
		proof, err = p.buildPeople(ctx, r.people)
	} else {
		proof, err = p.build(ctx)
	}
	r.report.Proof, r.report.Allowed = proof, p.allowed
	if err == nil {
		err = r.hold(ctx, p)
	}
	r.report.Plan, run.Verdict, run.Reason, r.failure = p.plan, p.verdict, p.reason, p.failure
	return err
}

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

// observing says why scheduled runs only plan, or "".
func (r *runner) observing(kept state.Source) string {
	switch {
	case kept.Observe != "":
		return kept.Observe
	case kept.LastPullAt.IsZero():
		return "this is the source's first pull"
	case kept.Identity != r.source.Connector.Identity():
		return "the source is configured for another directory or application, or to read it in another way, than at the last pull"
	case kept.Basis != mappingAndScope(r.source):
		return "the mapping, the scope, a scoping filter or what is done about groups has changed since the last pull"
	}
	return ""
}

// carryOut plans, applies what is not held, and keeps what is.
func (r *runner) carryOut(ctx context.Context, kept state.Source) error {
	if err := r.plan(ctx, kept, r.pulse); err != nil {
		return err
	}
	return r.act(ctx)
}

// act applies what the plan does not hold, keeps what it does, and remembers what was noticed.
func (r *runner) act(ctx context.Context) error {
	a := applier{
		store: r.engine.Store, lease: &r.lease, users: r.engine.users(), plan: &r.report.Plan, targets: r.source.Mapping.Targets(), now: r.engine.now, progress: r.progress,
		cause: state.Cause{Kind: state.CausePull, Actor: cmp.Or(r.order.Actor, r.order.Trigger), Run: r.report.Run.ID},
	}
	var open []int
	for i := range r.report.Plan.Changes {
		if !r.report.Plan.Changes[i].Held {
			open = append(open, i)
		}
	}
	results, err := a.apply(ctx, open)
	r.report.Results = results
	if err != nil {
		return err
	}
	if err := r.remember(ctx); err != nil {
		return err
	}
	if err := r.keepHeld(ctx); err != nil {
		return err
	}
	r.report.Run.Outcome = r.outcome()
	r.report.Run.Reason = strings.TrimSpace(r.report.Run.Reason + " " + r.report.heldReason(r.observe))
	return nil
}

// remember keeps what was noticed and which accounts were found in agreement.
func (r *runner) remember(ctx context.Context) error {
	p, store := r.planner, r.engine.Store
	for start := 0; start < len(p.agreements); start += agreeBatch {
		batch := p.agreements[start:min(start+agreeBatch, len(p.agreements))]
		if err := store.Agree(ctx, r.source.Scope, r.lease.Epoch, batch); err != nil {
			return fmt.Errorf("note agreements: %w", err)
		}
		if err := r.lease.keep(ctx); err != nil {
			return err
		}
	}
	refuted := append(p.marks.refuted(p.whole, p.everyone()), p.forgotten()...)
	if len(p.marks.added)+len(refuted) == 0 {
		return nil
	}
	if err := store.Suspect(ctx, r.source.Scope, r.lease.Epoch, p.marks.added, refuted); err != nil {
		return fmt.Errorf("keep the suspicions: %w", err)
	}
	return nil
}

const agreeBatch = 10_000

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

// outcome sums the run up in one word.
func (r *runner) outcome() string {
	c := r.report.Plan.Counts
	switch {
	case r.report.Run.Verdict != state.VerdictComplete:
		return OutcomeIncomplete
	case c.Held > 0 && (r.source.Policy == PolicyReport || r.observe != "" && r.scheduled()):
		return OutcomeObserved
	case c.Held > 0:
		return OutcomeHeld
	case c.Changes() == 0:
		return OutcomeInSync
	}
	for _, result := range r.report.Results {
		if result.Outcome != ChangeApplied {
			return OutcomePartly
		}
	}
	return OutcomeApplied
}

// end records the run and what the source was pulled with. It works though the run's context is over.
func (r *runner) end(ctx context.Context, kept state.Source, ran bool) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastWords)
	defer cancel()
	store, run := r.engine.Store, &r.report.Run
	run.EndedAt = r.engine.now()
	if err := r.record(ctx); err != nil {
		return err
	}
	kept.LastPullAt, kept.Observe = run.StartedAt, r.observe
	if r.planner != nil {
		kept.Identity, kept.Basis = r.source.Connector.Identity(), mappingAndScope(r.source)
	}
	if ran && r.planner.whole {
		kept.LastWholeAt = run.StartedAt
	}
	if ran && r.clean() {
		kept.Observe = ""
	}
	if err := store.PutSource(ctx, r.lease.Epoch, kept); err != nil {
		return fmt.Errorf("record the source: %w", err)
	}
	return nil
}

// record records how the run ended. It works though the run's context is over.
func (r *runner) record(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastWords)
	defer cancel()
	run := &r.report.Run
	report, err := r.report.encode()
	if err != nil {
		return fmt.Errorf("write the run's report: %w", err)
	}
	run.Report = report
	if err := r.engine.Store.PutRun(ctx, r.lease.Epoch, *run); err != nil {
		return fmt.Errorf("record the run: %w", err)
	}
	c := r.report.Plan.Counts
	level := slog.LevelInfo
	if run.Verdict != state.VerdictComplete && r.scheduled() {
		level = slog.LevelWarn // nobody is looking
	}
	r.engine.log().LogAttrs(ctx, level, "run ended",
		slog.String("source", r.source.Scope.Source), slog.String("run", run.ID), slog.String("trigger", run.Trigger),
		slog.String("verdict", string(run.Verdict)), slog.String("outcome", run.Outcome), slog.String("failure", r.failure),
		slog.Int("people", c.People), slog.Int("changes", c.Changes()), slog.Int("held", c.Held),
		slog.Float64("took_seconds", run.EndedAt.Sub(run.StartedAt).Seconds()))
	return nil
}

// clean tells whether the run ends a time of observation: somebody looked, and there was nobody to remove or to suspect.
func (r *runner) clean() bool {
	removed := func(c plan.Change) bool { return (c.Held || c.Removal()) && c.HeldBecause != plan.HoldUnexplained } // which always waits
	return r.report.Run.Verdict == state.VerdictComplete && r.order.Trigger == TriggerHand && r.source.Policy != PolicyReport && nobodySuspected(&r.report.Plan) &&
		!slices.ContainsFunc(r.report.Plan.Changes, removed)
}

// nobodySuspected tells whether nothing waits to be confirmed by another run.
func nobodySuspected(p *plan.Plan) bool {
	return p.Counts.Suspects == 0 && p.Counts.Groups.Waiting == 0
}

// pulse reports progress and keeps the lease.
func (r *runner) pulse(ctx context.Context, at Progress) error {
	r.progress(at)
	if err := ctx.Err(); err != nil {
		return err
	}
	return r.lease.keep(ctx)
}

func (r *runner) progress(at Progress) {
	if r.order.Progress != nil {
		r.order.Progress(at)
	}
}
