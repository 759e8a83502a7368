package sync

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"

	"rollcall/connectors"
	"rollcall/state"
	"rollcall/state/scim"
	"rollcall/sync/plan"
)

// RunPeople carries out a run about some people only, by object id: it asks for them directly, with a handful of calls, and plans, holds
// and applies as every run does. It concludes nothing about anybody else. Positive facts remove; who is assigned is known only if the
// provider says so in a direct look, and whoever is gone has to be so in two runs. What contradicts a recent push waits until that push is
// no longer recent.
//
// Such a run is recorded with TriggerPerson, or TriggerHint if the order's Trigger is TriggerSchedule, once its plan is made, and then
// only if that has something to carry out or somebody asked for it by hand. Its verdict is about those who were asked for: complete if
// each was answered for. It is no pull: what the record knows of the source's last pull, and of who was missing from it, stays as it is. A
// plan that is held stays too; what this run holds is kept for approval only where none is, and by hand. Errors are those of RunOnce.
func (e *Engine) RunPeople(ctx context.Context, source Source, order Order, people []string) (Report, error) {
	people = slices.Clone(people)
	slices.Sort(people)
	r, err := e.newRunner(source, order)
	if err != nil {
		return Report{}, err
	}
	r.people = slices.DeleteFunc(slices.Compact(people), func(id string) bool { return id == "" })
	if len(r.people) == 0 {
		return Report{}, errNobody
	}
	r.report.Run.Trigger = TriggerPerson
	if r.scheduled() {
		r.report.Run.Trigger = TriggerHint
	}
	if order.DryRun {
		return r.dry(ctx)
	}
	return r.real(ctx)
}

var errNobody = errors.New("nobody is named whom to look at")

// IsPull tells whether a run was a pull, and not about some people only, nor about what was planned or done before.
func IsPull(run state.Run) bool {
	return !slices.Contains([]string{TriggerPerson, TriggerHint, TriggerUndo, TriggerApply}, run.Trigger)
}

// LastPull returns the newest run of a source that was a pull, or ErrNotFound.
func LastPull(ctx context.Context, store interface {
	ListRuns(ctx context.Context, scope state.Scope, limit int) ([]state.Run, error)
}, scope state.Scope) (state.Run, error) {
	for limit := 1; ; limit *= 8 {
		runs, err := store.ListRuns(ctx, scope, limit)
		if err != nil {
			return state.Run{}, fmt.Errorf("read the last runs: %w", err)
		}
		if i := slices.IndexFunc(runs, IsPull); i >= 0 {
			return runs[i], nil
		}
		if len(runs) < limit {
			return state.Run{}, state.ErrNotFound
		}
	}
}

// tend carries out a run about some people.
func (r *runner) tend(ctx context.Context, kept state.Source) error {
	err := r.plan(ctx, kept, r.pulse)
	open := slices.ContainsFunc(r.report.Plan.Changes, func(c plan.Change) bool { return !c.Held })
	recorded := err == nil && (open || !r.scheduled())
	if recorded {
		err = r.begin(ctx)
		recorded = err == nil
	}
	if err == nil {
		err = r.act(ctx)
	}
	r.report.Run.EndedAt = r.engine.now()
	if err != nil {
		r.failed(err)
	}
	if recorded {
		err = errors.Join(err, r.record(ctx))
	}
	return err
}

// buildPeople makes the plan about some people. The accounts are read before the people, so that a push which comes meanwhile is seen to
// have moved them; whoever turns out to fit an account by something else than ids is asked for again after it has been read.
func (p *planner) buildPeople(ctx context.Context, people []string) (connectors.Proof, error) {
	p.few, p.verdict = true, state.VerdictComplete
	if err := p.readPast(ctx); err != nil {
		return connectors.Proof{}, err
	}
	known := make(map[int64]state.Record)
	for _, id := range people {
		for _, key := range []state.MatchName{state.MatchLink, state.MatchExternalID} {
			if _, err := p.learn(ctx, known, state.NewMatchKey(key, id)); err != nil {
				return connectors.Proof{}, err
			}
		}
	}
	answers, err := p.look(ctx, people)
	if err != nil {
		return connectors.Proof{}, err
	}
	again, err := p.fitting(ctx, known, people, answers)
	if err != nil {
		return connectors.Proof{}, err
	}
	if len(again) > 0 && !p.lost {
		fresher, err := p.look(ctx, again)
		if err != nil {
			return connectors.Proof{}, err
		}
		for _, id := range again {
			delete(answers, id)
			if s, answered := fresher[id]; answered {
				answers[id] = s
			}
		}
	}
	if p.index, err = indexOf(known); err != nil {
		return connectors.Proof{}, err
	}
	for _, id := range people {
		if p.lost {
			break
		}
		if err := p.answered(ctx, id, answers); err != nil {
			return connectors.Proof{}, err
		}
	}
	proof := connectors.Proof{Complete: p.verdict == state.VerdictComplete, People: len(answers), Reason: p.reason}
	p.drop(&proof)
	if err := p.settle(ctx); err != nil {
		return proof, err
	}
	p.plan.Counts.People, p.plan.Counts.Accounts, p.plan.Counts.Active = len(answers), p.ledger.Total, p.ledger.Active
	p.plan.Finish()
	return proof, nil
}

// learn reads the accounts that a key leads to, and tells whether there are any that were not known.
func (p *planner) learn(ctx context.Context, known map[int64]state.Record, key state.MatchKey) (news bool, err error) {
	found, err := p.store.Find(ctx, p.source.Scope, state.KindAccount, key)
	if err != nil {
		return false, fmt.Errorf("find accounts by %s: %w", key.Name, err)
	}
	for _, record := range found {
		if _, old := known[record.Row]; !old {
			known[record.Row], news = record, true
		}
	}
	return news, nil
}

// fitting reads the accounts that fit people by what was read of them, and returns those for whom there are any that were not known.
func (p *planner) fitting(ctx context.Context, known map[int64]state.Record, people []string, answers sightings) ([]string, error) {
	var again []string
	for _, id := range people {
		s, answered := answers[id]
		if !answered || s.Gone {
			continue
		}
		keys := []state.MatchKey{}
		if s.Person.Account != "" {
			keys = append(keys, state.NewMatchKey(state.MatchID, s.Person.Account))
		}
		p.values, _ = p.mapping.Evaluate(p.values[:0], p.want.Scope, &s.Person) // what can't be evaluated is null, and matches nobody
		for _, k := range p.keys {
			if v := p.values[k.target]; v.Kind == scim.String && v.Text != "" {
				keys = append(keys, state.NewMatchKey(k.key, v.Text))
			}
		}
		fits := false
		for _, key := range keys {
			news, err := p.learn(ctx, known, key)
			if err != nil {
				return nil, err
			}
			fits = fits || news
		}
		if fits {
			again = append(again, id)
		}
	}
	return again, nil
}

// answered weighs one person who was asked for.
func (p *planner) answered(ctx context.Context, id string, answers sightings) error {
	e := plan.Evidence{
		Run: p.run, At: p.started, Scope: p.want.Scope, Asked: true,
		WasAbsent: p.marks.find(id, string(plan.FactAbsent)), WasGone: p.marks.find(id, string(plan.FactGone)),
	}
	if e.WasGone != nil && p.started.Sub(e.WasGone.At) < p.source.Rules.Settle {
		e.WasGone = nil // runs about people follow each other fast: a replica that lags may answer both
	}
	answers.evidence(&e, id)
	person := connectors.Person{ID: id, Values: make([]connectors.Value, len(p.want.Attributes))}
	if e.Look == plan.LookedSeen {
		person = answers[id].Person
		p.marks.saw(id)
		if person.Facts.Assigned != connectors.Yes {
			p.marks.keepBut(id, string(plan.FactGone)) // to be there is not to be assigned
		}
		if f := e.Looked; plan.Passed(e.Scope, f) && f.Enabled != connectors.No && f.SoftDeleted != connectors.Yes {
			p.allowed++
		}
	}
	linked, err := p.linkedTo(ctx, &person)
	if err != nil || linked.skip {
		return err
	}
	return p.weigh(ctx, e, person, linked.account, "")
}

// unplaced tells whether it takes a pull to tell if somebody, who was asked for, may have an account in force.
func (p *planner) unplaced(standing plan.Standing, account *plan.Account) bool {
	f := standing.Facts
	return p.few && p.want.Scope == connectors.Assigned && f.Assigned == connectors.Unknown && f.Enabled != connectors.No &&
		f.SoftDeleted != connectors.Yes && (account == nil || !account.Record.InForce)
}

// indexOf makes an index of a few accounts.
func indexOf(known map[int64]state.Record) (*index, error) {
	records := make([]state.Record, 0, len(known))
	for _, r := range known {
		records = append(records, r)
	}
	slices.SortFunc(records, func(a, b state.Record) int { return cmp.Compare(a.Row, b.Row) })
	x := newIndex(len(records), false)
	x.partial = true
	for i := range records {
		account, err := open(records[i])
		if err != nil {
			return nil, err
		}
		r := &account.Record
		row := state.IndexRow{
			Row: r.Row, ID: r.ID, Version: r.Version, Stamp: r.Stamp, Said: r.Said, InForce: r.InForce, Pinned: r.Pinned, Protected: r.Protected, Link: r.Link,
			UserName:   state.NewMatchKey(state.MatchUserName, account.Resource.Get("userName").Text).Text,
			ExternalID: account.Resource.Get("externalId").Text,
		}
		if err := x.add(row); err != nil {
			return nil, err
		}
	}
	x.finish()
	return x, nil
}
