package sync

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"rollcall/connectors"
	"rollcall/state"
	"rollcall/sync/plan"
)

// ErrPlanClosed says that a plan can no longer be approved or discarded.
var ErrPlanClosed = errors.New("the plan is no longer held")

// ErrPlanBasis says that a plan was made under another configuration than the present one.
var ErrPlanBasis = errors.New("the plan was made for another directory, mapping or scope; sync again and approve the new plan")

// Approve judges each change of a held plan anew, and applies those that stand: the account is still at the version that was planned
// for, and the person, looked at by id now, is still what the change says. The rest is listed in the Report's Results. A plan that was
// held because the source was only observed ends that, if something of it stood and nobody else is suspected. If the provider stops answering, nothing is applied and the plan stays held.
func (e *Engine) Approve(ctx context.Context, source Source, planID, actor string) (Report, error) {
	l, err := e.acquire(ctx, source.Scope)
	if err != nil {
		return Report{}, err
	}
	defer l.release(ctx)
	p, err := e.openPlan(ctx, source, planID)
	if err != nil {
		return Report{}, err
	}
	report := Report{Plan: p, Run: state.Run{
		ID: p.Run, Scope: source.Scope, Trigger: TriggerHand, Actor: actor, StartedAt: e.now(), Verdict: state.VerdictComplete, Plan: p.ID,
	}}
	if p.Undo != "" {
		err = e.approveUndo(ctx, source, &l, &report)
	} else {
		err = e.approvePull(ctx, source, &l, &report)
	}
	if err != nil {
		return report, err
	}
	report.Run.EndedAt = e.now()
	if err := e.Store.DecidePlan(ctx, l.Epoch, planID, state.PlanApproved, actor); err != nil {
		return report, fmt.Errorf("close plan %s: %w", planID, err)
	}
	if endsObservation(&report) {
		return report, e.endObservation(ctx, &l, source)
	}
	return report, nil
}

// approvePull carries out what stands of a plan that a pull made.
func (e *Engine) approvePull(ctx context.Context, source Source, l *lease, report *Report) error {
	source, err := source.ready(ctx, &report.Plan)
	if err != nil {
		return err
	}
	readAt, err := e.lastReading(ctx, source, &report.Plan)
	if err != nil {
		return err
	}
	recent := func(*plan.Change) bool { return report.Run.StartedAt.Sub(readAt) <= maxReading }
	return e.carryOut(ctx, source, l, report, recent)
}

// ready is the source as it is when somebody decides on a plan: asked what only the provider can tell, and still the one that the plan was
// made for.
func (s Source) ready(ctx context.Context, p *plan.Plan) (Source, error) {
	if s.Connector == nil {
		return s, ErrPushOnly
	}
	s, err := s.completed(ctx)
	if err != nil {
		return s, fmt.Errorf("ask the provider for the mapping: %w", err)
	}
	if p.Basis != basisOf(s) {
		return s, ErrPlanBasis
	}
	return s, nil
}

// carryOut judges every change of a report's plan anew, applies those that stand, and sums up what became of all. recent tells whether a
// pull has found the same lately; see maxReading. The cause is an approval by the run's actor.
func (e *Engine) carryOut(ctx context.Context, source Source, l *lease, report *Report, recent func(*plan.Change) bool) error {
	standing, marks, err := e.rejudge(ctx, e.Store, source, report, recent, l.keep)
	if err != nil {
		return err
	}
	if len(marks.added) > 0 {
		if err := e.Store.Suspect(ctx, source.Scope, l.Epoch, marks.added, nil); err != nil {
			return fmt.Errorf("keep the suspicions: %w", err)
		}
	}
	return e.approved(ctx, l, report, standing, nil)
}

// approved applies the changes that stand and sums up. build makes the mutations, unless nil, in a way of its own.
func (e *Engine) approved(
	ctx context.Context, l *lease, report *Report, standing []int, build func(context.Context, *plan.Change, state.Mutation) (state.Mutation, error),
) error {
	run := &report.Run
	a := applier{
		store: e.Store, lease: l, users: e.users(), plan: &report.Plan, now: e.now, progress: func(Progress) {}, build: build,
		cause: state.Cause{Kind: state.CauseApproval, Actor: run.Actor, Run: run.ID},
	}
	if report.Plan.Undo != "" {
		a.cause.Kind, a.cause.Note = state.CauseUndo, report.Plan.Undo
	}
	results, err := a.apply(ctx, standing)
	report.Results = append(report.Results, results...)
	slices.SortFunc(report.Results, func(a, b ChangeResult) int { return a.Change - b.Change })
	if err != nil {
		return err
	}
	if report.Plan.Undo == "" {
		if err := e.already(run.Scope).settle(ctx, &report.Plan, report.Results); err != nil {
			return err
		}
	}
	run.Outcome = OutcomeApplied
	for _, result := range report.Results {
		if result.Outcome != ChangeApplied && result.Outcome != ChangeDone {
			run.Outcome = OutcomePartly
		}
	}
	return nil
}

// endsObservation tells whether an approval shows that somebody has looked at what scheduled runs would do: the plan was held for that,
// something of it was still true, and nobody is suspected whose removal is not in it.
func endsObservation(r *Report) bool {
	observed := func(c plan.Change) bool { return c.HeldBecause == plan.HoldObserve }
	applied := func(c ChangeResult) bool { return c.Outcome == ChangeApplied }
	return slices.ContainsFunc(r.Plan.Changes, observed) && slices.ContainsFunc(r.Results, applied) && nobodySuspected(&r.Plan)
}

// maxReading is how long a pull is a witness that somebody may be let in, or of who is in a group. A look cannot replace it where it is
// unable to tell who is assigned, and never tells who is in a group.
const maxReading = 24 * time.Hour

// admits tells whether a change lets somebody in.
func admits(c *plan.Change) bool { return c.Action == plan.Create || c.Action == plan.Reactivate }

// lastReading is when a pull last found what a plan says: the start of the source's last run, if it made the plan or found the same;
// otherwise zero.
func (e *Engine) lastReading(ctx context.Context, source Source, p *plan.Plan) (time.Time, error) {
	last, err := LastPull(ctx, e.Store, source.Scope)
	if err != nil && !errors.Is(err, state.ErrNotFound) || last.Plan != p.ID {
		return time.Time{}, err
	}
	return last.StartedAt, nil
}

// endObservation lets scheduled runs apply again.
func (e *Engine) endObservation(ctx context.Context, l *lease, source Source) error {
	kept, err := e.Store.Source(ctx, source.Scope.Source)
	if err != nil {
		return fmt.Errorf("read source %s: %w", source.Scope.Source, err)
	}
	kept.Observe = ""
	if err := e.Store.PutSource(ctx, l.Epoch, kept); err != nil {
		return fmt.Errorf("record the source: %w", err)
	}
	return nil
}

// Discard drops a held plan and remembers each of its persons and facts, so that later runs leave them alone until the fact changes.
func (e *Engine) Discard(ctx context.Context, source Source, planID, actor string) error {
	l, err := e.acquire(ctx, source.Scope)
	if err != nil {
		return err
	}
	defer l.release(ctx)
	p, err := e.openPlan(ctx, source, planID)
	if err != nil {
		return err
	}
	now := e.now()
	var marks []state.Suspicion
	if p.Undo != "" {
		p.Changes = nil // about people that says nothing
	}
	for i := range p.Changes {
		for _, mark := range p.Changes[i].Discards() {
			mark.Run, mark.At = p.Run, now
			marks = append(marks, mark)
		}
	}
	if err := e.Store.Suspect(ctx, source.Scope, l.Epoch, marks, nil); err != nil {
		return fmt.Errorf("remember what was discarded: %w", err)
	}
	if err := e.Store.DecidePlan(ctx, l.Epoch, planID, state.PlanDiscarded, actor); err != nil {
		return fmt.Errorf("close plan %s: %w", planID, err)
	}
	return nil
}

// openPlan reads a held plan of a source.
func (e *Engine) openPlan(ctx context.Context, source Source, id string) (plan.Plan, error) {
	held, err := e.Store.HeldPlan(ctx, id)
	switch {
	case err != nil:
		return plan.Plan{}, fmt.Errorf("read plan %s: %w", id, err)
	case held.Scope != source.Scope:
		return plan.Plan{}, fmt.Errorf("read plan %s: %w", id, state.ErrNotFound)
	case held.Status != state.PlanHeld:
		return plan.Plan{}, fmt.Errorf("%w: it was %s", ErrPlanClosed, held.Status)
	}
	return plan.Decode(held.Body)
}

// rejudge looks at everyone in a plan and returns the positions of the changes that stand, and what was noticed; the other changes are in
// the report's results. It writes nothing.
func (e *Engine) rejudge(
	ctx context.Context, store Reader, source Source, report *Report, recent func(*plan.Change) bool, keep func(context.Context) error,
) ([]int, *marks, error) {
	p := newPlanner(store, source, string(state.NewID()), report.Run.StartedAt, e.now)
	p.pulse = func(ctx context.Context, _ Progress) error { return keep(ctx) }
	p.verdict = state.VerdictComplete
	var err error
	if p.marks, err = readMarks(ctx, store, source.Scope, p.run, p.started); err != nil {
		return nil, nil, err
	}
	changes := report.Plan.Changes
	room, err := roomIn(ctx, store, source)
	if err != nil {
		return nil, nil, err
	}
	var standing []int
	for start := 0; start < len(changes); start += lookBatch {
		batch := changes[start:min(start+lookBatch, len(changes))]
		var ids []string
		for i := range batch {
			if batch[i].Person != "" {
				ids = append(ids, batch[i].Person)
			}
		}
		answers, err := p.look(ctx, ids)
		switch {
		case err != nil:
			return nil, nil, err
		case p.silent || p.lost:
			return nil, nil, fmt.Errorf("nothing is applied: %s", p.reason)
		}
		for i := range batch {
			if (admits(&batch[i]) && !asked(&batch[i]) || batch[i].Person == "") && !recent(&batch[i]) {
				report.Results = append(report.Results, ChangeResult{
					Change: start + i, Outcome: ChangeStale, Detail: "the pull behind it is not the last one, or too old: sync again and approve the new plan",
				})
				continue
			}
			verdict, err := p.rejudge(ctx, &batch[i], answers, report.Plan.MadeAt)
			if err != nil {
				return nil, nil, err
			}
			if batch[i].Action == plan.Create && verdict.Outcome == "" {
				if room--; room < 0 {
					verdict = ChangeResult{Outcome: ChangeRefused, Detail: plan.HoldLimit.Text()}
				}
			}
			if verdict.Outcome == "" {
				standing = append(standing, start+i)
				continue
			}
			verdict.Change = start + i
			report.Results = append(report.Results, verdict)
		}
	}
	return standing, p.marks, nil
}

// roomIn is how many accounts may still be made.
func roomIn(ctx context.Context, store Reader, source Source) (int, error) {
	const unlimited = int(^uint(0) >> 1)
	if source.Rules.MaxAccounts == 0 {
		return unlimited, nil
	}
	n, err := store.Count(ctx, source.Scope, state.KindAccount)
	if err != nil {
		return 0, fmt.Errorf("count accounts: %w", err)
	}
	return source.Rules.MaxAccounts - n, nil
}

// rejudge decides anew about one change of an earlier plan. An empty Outcome: it stands.
func (p *planner) rejudge(ctx context.Context, c *plan.Change, answers sightings, madeAt time.Time) (ChangeResult, error) {
	if c.Group != nil {
		return p.rejudgeGroup(ctx, c, madeAt)
	}
	if c.Reason == plan.ReasonUnexplained {
		return p.rejudgeUnexplained(ctx, c)
	}
	var account *plan.Account
	var err error
	if c.Action != plan.Create {
		record, err := p.store.Record(ctx, p.source.Scope, state.KindAccount, c.Account)
		switch {
		case errors.Is(err, state.ErrNotFound), err == nil && record.Version != c.Version:
			return ChangeResult{Outcome: ChangeMoved, Detail: "the account has changed since the plan was made"}, nil
		case err != nil:
			return ChangeResult{}, fmt.Errorf("read account %s: %w", c.Account, err)
		}
		if account, err = open(record); err != nil {
			return ChangeResult{}, err
		}
	}
	if _, answered := answers[c.Person]; !answered {
		return ChangeResult{Outcome: ChangeStale, Detail: "the provider did not answer for this person"}, nil
	}
	evidence := p.earlierEvidence(c)
	answers.evidence(&evidence, c.Person)
	if evidence.Look == plan.LookedGone {
		p.marks.note(c.Person, string(plan.FactGone))
	}
	person := connectors.Person{ID: c.Person, UserName: c.Name, Values: make([]connectors.Value, len(p.want.Attributes))}
	if evidence.Look == plan.LookedSeen {
		person = answers[c.Person].Person
	}
	stale := ChangeResult{Outcome: ChangeStale, Detail: "looked at now, the person is not what the plan says"}
	standing := plan.Stand(evidence)
	if !standing.Judged || !standing.Looked {
		return stale, nil
	}
	person.Facts = standing.Facts
	var refused error
	p.values, refused = p.mapping.Evaluate(p.values[:0], p.want.Scope, &person)
	if err = p.refer(ctx); err != nil {
		return ChangeResult{}, err
	}
	now := p.decider.Decide(plan.Subject{
		Person: &person, Standing: standing, Values: p.values, Refused: refused != nil || unscoped(&evidence, standing), Account: account, Tie: tieOf(c),
	})
	if now.Change == nil || !plan.SameEffect(now.Change, c) {
		return stale, nil
	}
	return ChangeResult{}, nil
}

// earlierEvidence is what is known about a planned change before its person is looked at: the pull passed the person, or earlier
// snapshots did not have them. An absence counts as long as no run has seen the person since: the suspicion has to be there still.
func (p *planner) earlierEvidence(c *plan.Change) plan.Evidence {
	e := plan.Evidence{
		Run: p.run, At: p.started, Scope: p.want.Scope, Complete: true, Asked: asked(c), WasGone: p.marks.find(c.Person, string(plan.FactGone)),
	}
	var absences []*state.Suspicion
	for _, w := range c.Witnesses {
		switch w.How {
		case plan.ByPull:
			e.Pulled = &connectors.Facts{Assigned: connectors.Yes}
		case plan.ByAbsence:
			absences = append(absences, &state.Suspicion{Person: c.Person, Fact: string(w.Fact), Run: w.Run, At: w.At})
		}
	}
	if len(absences) > 1 && p.marks.find(c.Person, string(plan.FactAbsent)) != nil { // this approval made no snapshot of its own
		e.WasAbsent = absences[0]
	}
	return e
}

// asked tells whether a change rests on what people who were asked for said, and on no pull.
func asked(c *plan.Change) bool {
	return !slices.ContainsFunc(c.Witnesses, func(w plan.Witness) bool { return w.How == plan.ByPull || w.How == plan.ByAbsence })
}

// tieOf is how a change's account was found to be the person's.
func tieOf(c *plan.Change) plan.How {
	for _, w := range c.Witnesses {
		switch w.How {
		case plan.ByAccount, plan.ByExternalID, plan.ByMatch:
			return w.How
		}
	}
	return ""
}
