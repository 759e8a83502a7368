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
