package sync

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"strings"
	"time"

	"rollcall/connectors"
	"rollcall/state"
	"rollcall/state/scim"
	"rollcall/sync/mapping"
	"rollcall/sync/plan"
)

// planner makes one plan. It reads the record and asks the provider, and it can write neither. It belongs to one run and one
// goroutine.
type planner struct {
	store   Reader
	source  Source
	run     string
	started time.Time
	now     func() time.Time
	pulse   func(ctx context.Context, at Progress) error // between pages and batches; an error ends the run

	want    connectors.Want
	mapping *mapping.Mapping // as it is evaluated now
	targets []mapping.Target
	decider plan.Decider
	keys    []matchTarget
	refers  []int // targets that refer to other people
	index   *index
	marks   *marks
	groups  *groups // nil: they are left to pushes, or there are none
	ledger  state.Ledger

	plan       plan.Plan
	agreements []state.Agreement
	waiting    []waiting         // people to be looked at before something is decided about them
	claims     map[int][]claim   // by position: who claims an account that is not linked
	blocked    map[state.ID]bool // accounts that nothing but an approved removal changes
	buried     []state.Record    // recent tombstones; read when first needed
	exhumed    bool              // they have been read
	values     []scim.Value      // of the person at hand
	sum        digest            // of these values
	positions  []int             // of the search at hand
	linked     []int32           // of the people of the page at hand: see index.linked
	siblings   []state.Scope     // the tenant's other sources; nil: not read yet
	verdict    state.Verdict
	reason     string
	failure    string // the first that the provider answered with, as a log may have it
	whole      bool   // the snapshot was complete, whatever became of the look-ups after it
	unreadable int    // groups that it could not read
	unproven   bool   // though nobody who is known was in it
	silent     bool   // the provider answered for nobody at the last look, or stopped answering
	lost       bool   // a look found the source itself lost
	allowed    int    // people who were asked for, and of whom the provider says nothing against them
	few        bool   // only some people were asked for, and the index has only accounts that may be theirs
}

// matchTarget is a target by which people are matched with accounts.
type matchTarget struct {
	target int // index into targets
	key    state.MatchName
}

// waiting is a person whom the pull passed and who has to be read directly as well.
type waiting struct {
	person   connectors.Person // a copy
	unproven bool              // whether they are out of scope
	account  *plan.Account     // nil: they have none
	tie      plan.How
}

// leaving tells whether the person waits to be taken for out of scope, and not to be let in.
func (w *waiting) leaving() bool { return w.account != nil && w.account.Record.InForce }

// claim is one person's claim to an account that is not linked yet.
type claim struct {
	person, name string
	account      state.ID
	tie          plan.How
}

// matchNames are the targets that can be looked up, and the keys that do it.
var matchNames = map[string]state.MatchName{
	"username": state.MatchUserName, "externalid": state.MatchExternalID, "displayname": state.MatchDisplayName,
	"emails": state.MatchEmail, "emails.value": state.MatchEmail,
}

func newPlanner(store Reader, source Source, run string, started time.Time, now func() time.Time) *planner {
	p := &planner{
		store: store, source: source, run: run, started: started, now: now,
		pulse:   func(ctx context.Context, _ Progress) error { return ctx.Err() },
		want:    connectors.Want{Scope: source.People, Attributes: source.scoped().Attributes()},
		mapping: source.scoped().At(started, rand.Reader),
		targets: source.Mapping.Targets(),
		claims:  make(map[int][]claim),
		blocked: make(map[state.ID]bool),
	}
	p.decider = plan.Decider{
		Targets: p.targets, Rules: source.Rules, Scope: source.People, Create: source.Policy != PolicyNoCreate,
	}
	for i, t := range p.targets {
		if t.Reference {
			p.refers = append(p.refers, i)
		}
		name := scim.Fold(t.Path.Attr)
		if t.Path.Sub != "" {
			name += "." + scim.Fold(t.Path.Sub)
		}
		if key, ok := matchNames[name]; ok && t.Match > 0 {
			p.keys = append(p.keys, matchTarget{target: i, key: key})
		}
	}
	slices.SortStableFunc(p.keys, func(a, b matchTarget) int { return p.targets[a.target].Match - p.targets[b.target].Match })
	p.plan = plan.Plan{
		Format: plan.Format, Tenant: source.Scope.Tenant, Source: source.Scope.Source, Run: run, MadeAt: started, Basis: basisOf(source),
	}
	return p
}

// build makes the plan: the record first, then the pull, then what needs a second look. An error is the record's or the caller's; what
// goes wrong at the provider is in verdict and reason.
func (p *planner) build(ctx context.Context) (connectors.Proof, error) {
	var err error
	if err = p.readPast(ctx); err != nil {
		return connectors.Proof{}, err
	}
	if p.groups, err = readGroups(ctx, p.store, p.source, p.marks); err != nil {
		return connectors.Proof{}, err
	}
	if p.index, err = readIndex(ctx, p.store, p.source.Scope, p.ledger.Total, p.groups != nil); err != nil {
		return connectors.Proof{}, err
	}
	proof, err := p.pull(ctx)
	if err != nil {
		return proof, err
	}
	p.unreadable = len(proof.Unreadable)
	if !proof.Lost {
		if err := p.secondLook(ctx, &proof); err != nil {
			return proof, err
		}
	}
	p.drop(&proof)
	if err := p.settle(ctx); err != nil {
		return proof, err
	}
	if !proof.Lost {
		if err := p.regroup(ctx); err != nil {
			return proof, err
		}
	}
	p.plan.Counts.People = proof.People
	p.plan.Counts.Accounts = p.index.len()
	p.plan.Counts.Active = p.index.count(flagInForce)
	p.plan.Finish()
	return proof, nil
}

// readPast reads what earlier runs left.
func (p *planner) readPast(ctx context.Context) (err error) {
	if p.ledger, err = p.store.Ledger(ctx, p.source.Scope, p.started.Add(-24*time.Hour)); err != nil {
		return fmt.Errorf("read the ledger of removals: %w", err)
	}
	p.marks, err = readMarks(ctx, p.store, p.source.Scope, p.run, p.started)
	return err
}

// drop drops everything if the source was found lost.
func (p *planner) drop(proof *connectors.Proof) {
	if p.lost {
		proof.Lost, proof.Complete, proof.Reason = true, false, p.reason
	}
	if proof.Lost {
		p.plan.Changes, p.plan.Notices, p.plan.Counts.Notices = nil, nil, nil
		p.agreements, p.marks.added = nil, nil
	}
}

// secondLook looks at the people who wait for it and, after a complete snapshot, at those who are missing.
func (p *planner) secondLook(ctx context.Context, proof *connectors.Proof) error {
	if err := p.lookAtWaiting(ctx); err != nil {
		return err
	}
	if !p.whole {
		return nil
	}
	if err := p.prove(ctx); err != nil || !p.whole {
		return err
	}
	if err := p.absent(ctx, proof); err != nil {
		return err
	}
	return p.unexplained(ctx)
}

// pull passes everyone whom the provider passes to consider.
func (p *planner) pull(ctx context.Context) (connectors.Proof, error) {
	var ours error // what ended the pull, if it was not the provider
	people := 0
	want := p.want
	if p.groups != nil {
		want.Groups = func(page connectors.GroupPage) error {
			if ours = p.groupPage(ctx, page); ours == nil {
				ours = p.pulse(ctx, Progress{Step: StepPull, People: people})
			}
			return ours
		}
		if want.Scope == connectors.Everyone {
			want.GroupIDs = p.groups.ids()
		}
	}
	proof, err := p.source.Connector.Pull(ctx, want, func(page []connectors.Person) error {
		p.linked = p.index.linked(p.linked[:0], page)
		for i := range page {
			if ours = p.consider(ctx, &page[i], int(p.linked[i])); ours != nil {
				return ours
			}
		}
		people += len(page)
		ours = p.pulse(ctx, Progress{Step: StepPull, People: people})
		return ours
	})
	proof.People = people
	switch {
	case ours != nil:
		return proof, ours
	case ctx.Err() != nil:
		return proof, ctx.Err()
	}
	p.judgePull(&proof, err)
	return proof, nil
}

// judgePull gives the verdict on what was pulled.
func (p *planner) judgePull(proof *connectors.Proof, err error) {
	if err != nil {
		proof.Complete = false
		p.failure = connectors.Label(err)
		proof.Fail(err, p.now())
		if proof.Reason == "" {
			proof.Reason = connectors.Reason(err)
		}
		proof.Lost = proof.Lost || isLost(err)
	}
	switch {
	case proof.Lost, !proof.Complete && proof.People == 0:
		p.verdict = state.VerdictFailed
	case !proof.Complete:
		p.verdict = state.VerdictPartial
	default:
		p.verdict, p.whole = state.VerdictComplete, true
		return
	}
	p.reason = proof.Reason
	if p.reason == "" {
		p.reason = "The connector did not say why."
	}
}

// consider decides about one person whom the pull passed, or puts the decision off until the person has been looked at. The person
// is not kept. at is where the one account stands that may be linked to them, or -1.
func (p *planner) consider(ctx context.Context, read *connectors.Person, at int) error {
	if !plan.Passed(p.want.Scope, read.Facts) {
		return nil // the snapshot of who is assigned does not have the person
	}
	p.marks.saw(read.ID)
	outOfScope, proven := p.mapping.OutOfScope(read)
	read.Facts.OutOfScope = outOfScope
	p.meet(read)
	var err error
	p.values, err = p.mapping.Evaluate(p.values[:0], p.want.Scope, read)
	refused := err != nil || outOfScope == connectors.Unknown
	if !refused {
		p.sum = p.sumUp()
		if p.agrees(read, at) {
			p.marks.judge(read.ID)
			return nil
		}
	}
	if err := p.refer(ctx); err != nil {
		return err
	}
	person := clone(read)
	o, err := p.owner(ctx, person, refused)
	if err != nil || o.skip {
		return err
	}
	standing := plan.Stand(plan.Evidence{
		Run: p.run, At: p.started, Scope: p.want.Scope, Pulled: &person.Facts, Unproven: !proven,
	})
	decision := p.decider.Decide(plan.Subject{
		Person: person, Standing: standing, Values: p.values, Refused: refused, Account: o.account, Tie: o.tie,
	})
	if decision.Look {
		p.waiting = append(p.waiting, waiting{person: *person, unproven: !proven, account: o.account, tie: o.tie})
		return nil
	}
	if decision.Agree {
		record := &o.account.Record
		p.agreements = append(p.agreements, state.Agreement{Row: record.Row, Version: record.Version, Stamp: p.stamp(record.Version, person.ID)})
		p.plan.Counts.Agree++
	}
	if c := decision.Change; c != nil && slices.Contains(settling, c.Action) {
		c.Stamp = p.stamp(c.Version+1, person.ID)
	}
	return p.accept(ctx, person.ID, decision, o.account)
}

// settling are the changes after which an account may be as the mapping wants it, and has the next version.
var settling = []plan.Action{plan.Update, plan.Link, plan.Create}

// agrees tells, without reading the record, whether the person's account is just as it was when it last agreed with the same values.
// Whoever is in force and should not be, or the other way round, never agrees, whatever a hash says.
func (p *planner) agrees(person *connectors.Person, i int) bool {
	if i < 0 {
		return false
	}
	if active, mapped := p.decider.Wanted(p.values); mapped && active != p.index.has(i, flagInForce) {
		return false
	}
	if p.index.stamps[i] != p.stamp(p.index.versions[i], person.ID) {
		return false
	}
	p.index.mark(i, flagSeen)
	p.plan.Counts.Agree++
	return true
}

func (p *planner) stamp(version int64, person string) uint64 {
	return stampOf(p.sum, p.mapping.Hash(), version, person)
}

// sumUp sums the values of the person at hand up, references by the accounts that they lead to.
func (p *planner) sumUp() digest {
	sum := valuesOf(p.targets, p.values)
	for _, i := range p.refers {
		p.positions = p.index.byLink.find(p.positions[:0], p.index.links, p.index.hash(p.values[i].Text))
		for _, at := range p.positions {
			sum.number(uint64(p.index.rows[at]))
		}
	}
	return sum
}

// refer puts the ids of accounts in the place of the people whom the values at hand refer to; who has no account is not referred to.
func (p *planner) refer(ctx context.Context) error {
	for _, i := range p.refers {
		person := p.values[i].Text
		p.values[i] = scim.Value{}
		if person == "" {
			continue
		}
		found, err := p.store.Find(ctx, p.source.Scope, state.KindAccount, state.NewMatchKey(state.MatchLink, person))
		if err != nil {
			return fmt.Errorf("find the account that is referred to: %w", err)
		}
		if len(found) == 1 {
			p.values[i] = scim.StringValue(string(found[0].ID))
		}
	}
	return nil
}

// passed tells whether the pull passed a person who has an account.
func (p *planner) passed(person string) bool {
	p.positions = p.index.byLink.find(p.positions[:0], p.index.links, p.index.hash(person))
	return slices.ContainsFunc(p.positions, func(i int) bool { return p.index.has(i, flagSeen) })
}

// everyone tells whether everyone was read: only then is a match by attributes known to be unique, and a name to be nobody else's.
func (p *planner) everyone() bool { return p.whole && p.unreadable == 0 }

// strangers tells whether people were read and accounts are recorded, and not one belongs to the other.
func (p *planner) strangers() bool {
	return !p.few && p.plan.Counts.People > 0 && p.index.len() > 0 && len(p.claims) == 0 && p.index.count(flagSeen) == 0
}

// clone copies a person out of a page that will be used again.
func clone(person *connectors.Person) *connectors.Person {
	c := *person
	c.ID, c.Account, c.UserName = strings.Clone(c.ID), strings.Clone(c.Account), strings.Clone(c.UserName)
	c.Facts.Status = strings.Clone(c.Facts.Status)
	c.Values = slices.Clone(c.Values)
	for i := range c.Values {
		v := &c.Values[i]
		v.Text, v.List = strings.Clone(v.Text), slices.Clone(v.List)
		for j := range v.List {
			v.List[j] = strings.Clone(v.List[j])
		}
	}
	return &c
}
