package sync

import (
	"context"
	"errors"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"rollcall/connectors"
	"rollcall/state"
	"rollcall/sync/plan"
)

const (
	lookBatch    = 100  // people handed to a connector's Look at once; it batches them further as its provider wants
	patience     = 3    // look-ups in a row that fail before the provider is taken to be out of reach
	fewSuspects  = 20   // so many are looked at, however small the gate
	mostSuspects = 2000 // so many at most where nothing but a look tells who has left
	knownPeople  = 3    // so many must answer by id when a complete snapshot had nobody who is known
)

// sightings are the answers of look-ups by object id.
type sightings map[string]connectors.Sighting

// look reads people directly. A batch that fails is asked for again one by one, so that whoever cannot be read keeps nobody else from
// being read; after a few failures in a row nobody else is asked. Whom the provider did not answer for is missing, and makes the run
// partial.
func (p *planner) look(ctx context.Context, ids []string) (sightings, error) {
	answers := make(sightings, len(ids))
	failures := 0
	for start := 0; start < len(ids) && failures < patience && !p.lost; start += lookBatch {
		batch := ids[start:min(start+lookBatch, len(ids))]
		failed, err := p.ask(ctx, batch, answers)
		for i := 0; err == nil && failed != nil && i < len(batch) && failures < patience && !p.lost; i++ {
			if _, answered := answers[batch[i]]; answered {
				continue
			}
			var alone error
			if alone, err = p.ask(ctx, batch[i:i+1], answers); alone == nil {
				failures = 0
				continue
			}
			failures++
			p.partial(strings.TrimSpace("Some people could not be read by their object id. " + told(alone)))
		}
		if err != nil {
			return answers, err
		}
		if err := p.pulse(ctx, Progress{Step: StepLook, Done: start + len(batch), Of: len(ids)}); err != nil {
			return answers, err
		}
	}
	p.silent = failures == patience || len(ids) > 0 && len(answers) == 0
	return answers, nil
}

// ask looks people up at once. failed is the provider's, and spoils only this look-up, unless it says that the source is lost; err is
// the context's.
func (p *planner) ask(ctx context.Context, ids []string, answers sightings) (failed, err error) {
	failed = p.source.Connector.Look(ctx, p.want, ids, func(s connectors.Sighting) error {
		p.place(&s)
		answers[s.ID] = s
		return nil
	})
	if failed != nil && p.failure == "" {
		p.failure = connectors.Label(failed)
	}
	if failed != nil && isLost(failed) {
		p.lost, p.whole = true, false
		p.verdict, p.reason = state.VerdictFailed, connectors.Reason(failed)
	}
	return failed, ctx.Err()
}

// place tells whether a person who was read directly is out of scope. An attribute that such a reading does not have is empty, unless
// nothing of their state was read either.
func (p *planner) place(s *connectors.Sighting) {
	answer, proven := p.mapping.OutOfScope(&s.Person)
	if !proven && s.Person.Facts.Enabled == connectors.Unknown {
		answer = connectors.Unknown
	}
	s.Person.Facts.OutOfScope = answer
}

// told is what an operator should read of a failed look-up; "" if it does not say.
func told(err error) string {
	var failure *connectors.Error
	if !errors.As(err, &failure) {
		return ""
	}
	return connectors.Reason(err)
}

// partial says that the run is not all that it should be; whether the snapshot is whole is another matter.
func (p *planner) partial(reason string) {
	if p.verdict == state.VerdictComplete {
		p.verdict, p.reason = state.VerdictPartial, reason
	}
}

// evidence adds what a look-up brought.
func (a sightings) evidence(e *plan.Evidence, id string) {
	s, ok := a[id]
	switch {
	case !ok:
	case s.Gone:
		e.Look = plan.LookedGone
	default:
		e.Look, e.Looked = plan.LookedSeen, s.Person.Facts
	}
}

// lookAtWaiting looks at the people about whom something can be decided only then. Of those who may be out of scope, no more are looked
// at than the gate would let pass, or a few for the report; the others are presumed to be, and looked at when somebody approves. Unless
// everyone was read nobody is out of scope.
func (p *planner) lookAtWaiting(ctx context.Context) error {
	var leaving []waiting
	p.waiting = slices.DeleteFunc(p.waiting, func(w waiting) bool {
		if w.leaving() {
			leaving = append(leaving, w)
		}
		return w.leaving()
	})
	asked := 0
	if p.everyone() {
		shuffle(p.started, leaving)
		if asked = len(leaving); asked > p.manySuspects() {
			asked = fewSuspects
		}
	}
	all := append(p.waiting, leaving...)
	asked += len(p.waiting)
	p.waiting = nil
	ids := make([]string, asked)
	for i := range ids {
		ids[i] = all[i].person.ID
	}
	answers, err := p.look(ctx, ids)
	if err != nil {
		return err
	}
	for i := range all {
		w := &all[i]
		if i >= asked && !p.everyone() {
			p.notice(plan.Blocked, &w.person, w.account.Record.ID, "")
			continue
		}
		e := plan.Evidence{Run: p.run, At: p.started, Scope: p.want.Scope, Pulled: &w.person.Facts, Unproven: w.unproven}
		if i >= asked && len(answers) > 0 { // nothing is presumed while the provider answers for nobody
			e.Look = plan.Withheld
		}
		answers.evidence(&e, w.person.ID)
		person := w.person
		if e.Look == plan.LookedSeen {
			person = answers[person.ID].Person
		}
		if err := p.weigh(ctx, e, person, w.account, w.tie); err != nil {
			return err
		}
	}
	return nil
}

// manySuspects is how many people may be looked at before their removal is sure to be held.
func (p *planner) manySuspects() int {
	return max(fewSuspects, plan.RemovalLimit(p.source.Rules, p.ledger))
}

// shuffle orders suspects anew in each run, by its time, so that nobody is behind others for good.
func shuffle[T any](started time.Time, suspects []T) {
	rand.New(rand.NewPCG(uint64(started.UnixMilli()), 0)).Shuffle(len(suspects), func(i, j int) {
		suspects[i], suspects[j] = suspects[j], suspects[i]
	})
}

// weigh decides about a person who was looked at, or whom the snapshot did not have.
func (p *planner) weigh(ctx context.Context, e plan.Evidence, person connectors.Person, account *plan.Account, tie plan.How) error {
	standing := plan.Stand(e)
	for _, fact := range standing.Suspect {
		p.marks.note(person.ID, string(fact))
	}
	subject := plan.Subject{Person: &person, Standing: standing, Account: account, Tie: tie}
	if standing.Judged {
		person.Facts = standing.Facts
		var refused error
		p.values, refused = p.mapping.Evaluate(p.values[:0], p.want.Scope, &person)
		if err := p.refer(ctx); err != nil {
			return err
		}
		if account == nil && e.Look == plan.LookedSeen {
			o, err := p.owner(ctx, &person, refused != nil)
			if err != nil || o.skip {
				return err
			}
			subject.Account, subject.Tie = o.account, o.tie
			account = o.account
		}
		subject.Values, subject.Refused = p.values, refused != nil || unscoped(&e, standing)
		if p.unplaced(standing, account) {
			p.notice(plan.Unplaced, &person, idOf(account), "")
			return nil
		}
	}
	decision := p.decider.Decide(subject)
	switch {
	case !standing.Judged:
		if e.Pulled == nil && !e.Asked {
			p.plan.Counts.Suspects++
		}
		switch {
		case decision.Notice != nil:
			p.plan.Notice(*decision.Notice)
		case e.Asked:
			p.notice(standing.Notice, &person, "", "")
		}
		return nil
	case decision.Look:
		p.notice(plan.Unanswered, &person, idOf(account), "")
		return nil
	case decision.Agree:
		p.plan.Counts.Agree++
	}
	return p.accept(ctx, person.ID, decision, account)
}

// idOf is an account's id; "" without one.
func idOf(account *plan.Account) state.ID {
	if account == nil {
		return ""
	}
	return account.Record.ID
}

// unscoped tells whether somebody was read, and the scoping filters cannot be evaluated on what was read.
func unscoped(e *plan.Evidence, standing plan.Standing) bool {
	return (e.Pulled != nil || e.Look == plan.LookedSeen) && standing.Facts.OutOfScope == connectors.Unknown
}

// prove checks a complete snapshot that had nobody who is known: it stands only if a few known people answer by id, and then its
// removals are held.
func (p *planner) prove(ctx context.Context) error {
	var known []string
	for i := range p.index.len() {
		switch {
		case p.index.has(i, flagSeen) || len(p.claims[i]) > 0:
			return nil
		case p.index.links[i] != 0 && p.index.has(i, flagInForce) && len(known) < knownPeople:
			record, err := p.row(ctx, i)
			if err != nil {
				return err
			}
			if record != nil {
				known = append(known, record.Link)
			}
		}
	}
	if len(known) == 0 {
		return nil
	}
	answers, err := p.look(ctx, known)
	if err != nil {
		return err
	}
	for _, id := range known {
		if s, ok := answers[id]; ok && !s.Gone {
			p.unproven = true
			return nil
		}
	}
	p.whole = false
	p.partial("Nobody who is known was read, and the provider does not know those who were asked for by their object id.")
	return nil
}

// absent weighs everyone with an active account whom a complete snapshot did not have. When there are more of them than the gate lets
// pass, a few are looked at for the report; the rest is looked at when somebody approves. Where absence removes nobody, because a group
// could not be read or everyone is in scope, many are looked at.
func (p *planner) absent(ctx context.Context, proof *connectors.Proof) error {
	var suspects []int
	for i := range p.index.len() {
		if p.index.links[i] != 0 && !p.index.has(i, flagSeen) && p.index.has(i, flagInForce) {
			suspects = append(suspects, i)
		}
	}
	shuffle(p.started, suspects)
	asked := len(suspects)
	switch {
	case asked <= p.manySuspects():
	case p.want.Scope == connectors.Assigned && len(proof.Unreadable) == 0:
		asked = fewSuspects
	default:
		asked = min(asked, mostSuspects)
	}
	answers, err := p.lookAt(ctx, suspects[:asked])
	if err != nil {
		return err
	}
	for n, i := range suspects {
		if n%lookBatch == 0 {
			if err := p.pulse(ctx, Progress{Step: StepPlan, Done: n, Of: len(suspects)}); err != nil {
				return err
			}
		}
		record, err := p.row(ctx, i)
		if err != nil {
			return err
		}
		if record == nil {
			p.moved("", "", "")
			continue
		}
		withheld := n >= asked && len(answers) > 0 // nothing is presumed while the provider answers for nobody
		if err := p.suspect(ctx, record, answers, withheld, len(proof.Unreadable) > 0); err != nil {
			return err
		}
	}
	return nil
}

// lookAt reads the people linked to the accounts at some positions.
func (p *planner) lookAt(ctx context.Context, positions []int) (sightings, error) {
	ids := make([]string, 0, len(positions))
	for _, i := range positions {
		record, err := p.row(ctx, i)
		if err != nil {
			return nil, err
		}
		if record != nil {
			ids = append(ids, record.Link)
		}
	}
	return p.look(ctx, ids)
}

// suspect weighs one person whom a complete snapshot did not have.
func (p *planner) suspect(ctx context.Context, record *state.Record, answers sightings, withheld, blocked bool) error {
	account, err := open(*record)
	if err != nil {
		return err
	}
	person := connectors.Person{ID: record.Link, Values: make([]connectors.Value, len(p.want.Attributes))}
	e := plan.Evidence{
		Run: p.run, At: p.started, Scope: p.want.Scope, Complete: true, Blocked: blocked,
		WasAbsent: p.marks.find(person.ID, string(plan.FactAbsent)), WasGone: p.marks.find(person.ID, string(plan.FactGone)),
	}
	if withheld {
		e.Look = plan.Withheld
	}
	answers.evidence(&e, person.ID)
	switch e.Look {
	case plan.LookedSeen:
		person = answers[person.ID].Person
	case plan.Withheld, plan.NotLooked:
		if e.WasGone != nil {
			p.marks.note(person.ID, string(plan.FactGone)) // not refuted
		}
	}
	return p.weigh(ctx, e, person, account, "")
}

// isLost tells whether an error says that the source itself is lost.
func isLost(err error) bool { return errors.Is(err, connectors.ErrSourceLost) }
