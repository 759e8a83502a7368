package sync

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"rollcall/state"
	"rollcall/state/scim"
	"rollcall/sync/plan"
)

// accept takes a decision about a person into the plan, unless the name that it wants is taken, somebody has discarded it, or it
// contradicts a push that is fresher than what a provider's replica may know. Where something stands in the way of a decision, what is
// remembered of earlier ones stays.
func (p *planner) accept(ctx context.Context, person string, d plan.Decision, account *plan.Account) error {
	if d.Notice != nil {
		p.tell(*d.Notice)
	}
	if d.Change == nil {
		if d.Notice == nil {
			p.marks.judge(person)
		}
		return nil
	}
	if taken, err := p.nameTaken(ctx, d.Change, account); err != nil || taken {
		return err
	}
	p.marks.judge(person)
	if deferred, err := p.deferred(ctx, d.Change, account); err != nil || deferred {
		return err
	}
	p.plan.Add(*d.Change)
	return p.shared(ctx, d.Change)
}

// tell reports what was noticed of a person, and since when they have been without an account.
func (p *planner) tell(n plan.Notice) {
	if n.Kind == plan.Missing {
		p.marks.note(n.Person, string(plan.Missing))
		if since := p.marks.find(n.Person, string(plan.Missing)); since != nil {
			n.Since = since.At
		}
	}
	p.plan.Notice(n)
}

// shared reports a new userName that an account of another source of the tenant has as well. It stands in no change's way.
func (p *planner) shared(ctx context.Context, c *plan.Change) error {
	name := newName(c)
	if name == "" {
		return nil
	}
	if p.siblings == nil {
		sources, err := p.store.ListSources(ctx)
		if err != nil {
			return fmt.Errorf("list the sources: %w", err)
		}
		p.siblings = []state.Scope{}
		for _, s := range sources {
			if s.Scope.Tenant == p.source.Scope.Tenant && s.Scope != p.source.Scope {
				p.siblings = append(p.siblings, s.Scope)
			}
		}
	}
	for _, scope := range p.siblings {
		found, err := p.store.Find(ctx, scope, state.KindAccount, state.NewMatchKey(state.MatchUserName, name))
		if err != nil {
			return fmt.Errorf("find accounts of source %s: %w", scope.Source, err)
		}
		if len(found) > 0 {
			p.plan.Notice(plan.Notice{Kind: plan.Shared, Person: c.Person, Account: found[0].ID, Name: name, Detail: "source " + scope.Source})
		}
	}
	return nil
}

// nameTaken objects to giving an account the userName of another one. Both are left alone.
func (p *planner) nameTaken(ctx context.Context, c *plan.Change, account *plan.Account) (bool, error) {
	if account == nil || c.Removal() {
		return false, nil
	}
	holder, err := p.nameHolder(ctx, newName(c), account.Record.ID)
	if err != nil || holder == nil {
		return false, err
	}
	p.reuse(holder)
	p.reuse(&account.Record)
	p.plan.Notice(plan.Notice{
		Kind: plan.NameReused, Person: c.Person, Account: holder.ID, Name: c.Name,
		Detail: "the person's new userName is another account's",
	})
	return true, nil
}

// newName is the userName that a change would give, or "".
func newName(c *plan.Change) string {
	for _, f := range c.Fields {
		var name string
		if scim.EqualFold(f.Path, "userName") && json.Unmarshal(f.After, &name) == nil {
			return name
		}
	}
	return ""
}

// deferred leaves alone what somebody discarded as long as the fact behind it is the same, and what contradicts a push younger than
// settle until a later run reads the same.
func (p *planner) deferred(ctx context.Context, c *plan.Change, account *plan.Account) (bool, error) {
	entries, err := p.recentEntries(ctx, c, account)
	if err != nil {
		return false, err
	}
	notice, fact := c.Defer(plan.Past{
		Entries: entries, Now: p.now(), Settle: p.source.Rules.Settle, Asked: p.few,
		Earlier: func(fact string) bool { return p.marks.find(c.Person, fact) != nil },
	})
	switch {
	case fact == "":
	case p.few:
		p.marks.keep(c.Person, fact)
	default:
		p.marks.note(c.Person, fact)
	}
	if notice == "" {
		return false, nil
	}
	p.plan.Notice(plan.Notice{
		Kind: notice, Person: c.Person, Account: c.Account, Name: c.Name, Detail: "would " + string(c.Action) + ": " + c.Reason.Text(),
	})
	return true, nil
}

// recentEntries is the journal of the account that a change is about. Only accounts that changed recently cost a read of it.
func (p *planner) recentEntries(ctx context.Context, c *plan.Change, account *plan.Account) ([]state.Entry, error) {
	settle, now := p.source.Rules.Settle, p.now()
	recent := func(at time.Time) bool { return now.Sub(at) < settle }
	var record *state.Record
	switch {
	case account != nil && recent(account.Record.ModifiedAt):
		record = &account.Record
	case account == nil:
		var err error
		if record, err = p.tombstone(ctx, c, recent); err != nil {
			return nil, err
		}
	}
	if record == nil {
		return nil, nil
	}
	entries, err := p.store.EntriesOf(ctx, p.source.Scope, record.ID)
	if err != nil {
		return nil, fmt.Errorf("read the journal of %s: %w", record.ID, err)
	}
	return entries, nil
}

// tombstone finds the account of the person or name that a creation is about, if it was deleted recently.
func (p *planner) tombstone(ctx context.Context, c *plan.Change, recent func(time.Time) bool) (*state.Record, error) {
	if !p.exhumed {
		p.exhumed = true
		err := p.store.Tombstones(ctx, p.source.Scope, func(r state.Record) bool {
			if r.Kind == state.KindAccount && recent(r.DeletedAt) {
				p.buried = append(p.buried, r)
			}
			return true
		})
		if err != nil {
			return nil, fmt.Errorf("read the tombstones: %w", err)
		}
	}
	for i := range p.buried {
		if p.buried[i].Link == c.Person {
			return &p.buried[i], nil
		}
		account, err := open(p.buried[i])
		if err != nil {
			return nil, err
		}
		if name := newName(c); name != "" && scim.Fold(name) == scim.Fold(account.Resource.Get("userName").Text) {
			return &p.buried[i], nil
		}
	}
	return nil, nil
}

// settle takes out of the plan what more than one person claims, what must not touch accounts whose names have been reused and, unless
// everyone was read, what somebody who was not read may have a better right to.
func (p *planner) settle(ctx context.Context) error {
	lost := p.settleClaims()
	names := make(map[string]int)
	for i := range p.plan.Changes {
		if c := &p.plan.Changes[i]; c.Action == plan.Create {
			names[scim.Fold(newName(c))]++
		}
	}
	kept := p.plan.Changes[:0]
	for _, c := range p.plan.Changes {
		if lost[mark{c.Person, string(c.Account)}] {
			continue
		}
		if c.Action == plan.Create && names[scim.Fold(newName(&c))] > 1 {
			p.plan.Notice(plan.Notice{
				Kind: plan.Conflict, Person: c.Person, Name: c.Name, Detail: "several people without account have the same userName",
			})
			continue
		}
		o, err := p.obstacles(ctx, &c)
		if err != nil {
			return err
		}
		notice, hold, dropped := c.Obstruct(o)
		switch {
		case notice != "":
			p.plan.Notice(plan.Notice{Kind: notice, Person: c.Person, Account: c.Account, Name: c.Name, Detail: obstacleDetails[notice]})
		case hold != "":
			c.Held, c.HeldBecause = true, hold
		}
		if !dropped {
			kept = append(kept, c)
		}
	}
	p.plan.Changes = kept
	return nil
}

var obstacleDetails = map[plan.NoticeKind]string{
	plan.Conflict: "the account fits by its attributes, and not everyone was read who may fit as well",
}

// obstacles are what stands in the way of a change, as far as this run knows.
func (p *planner) obstacles(ctx context.Context, c *plan.Change) (plan.Obstacles, error) {
	o := plan.Obstacles{Read: p.extent(), Reused: p.blocked[c.Account] || !p.everyone() && p.marks.find(c.Person, nameReused) != nil}
	if p.everyone() || !c.Removal() {
		return o, nil
	}
	entries, err := p.store.EntriesOf(ctx, p.source.Scope, c.Account)
	if err != nil {
		return o, fmt.Errorf("read the journal of %s: %w", c.Account, err)
	}
	o.Returned = plan.LetInAgain(entries)
	return o, nil
}

// extent is how much of the source was read.
func (p *planner) extent() plan.Read {
	switch {
	case p.few:
		return plan.ReadAsked
	case !p.whole:
		return plan.ReadPart
	case p.unreadable > 0:
		return plan.ReadGroups
	}
	return plan.ReadEveryone
}

// settleClaims decides who of several people has an account that is not linked: the one with the best evidence, or nobody. It
// returns the losers, by person and account.
func (p *planner) settleClaims() map[mark]bool {
	lost := make(map[mark]bool)
	for _, claims := range p.claims {
		if len(claims) < 2 {
			continue
		}
		best, unique := claims[0], true
		for _, c := range claims[1:] {
			switch strength, most := strengthOf(c.tie), strengthOf(best.tie); {
			case strength > most:
				best, unique = c, true
			case strength == most:
				unique = false
			}
		}
		account := claims[0].account
		for _, c := range claims {
			if unique && c.person == best.person {
				continue
			}
			lost[mark{c.person, string(account)}] = true
			n := plan.Notice{Kind: plan.Conflict, Person: c.person, Account: account, Name: c.name, Detail: "several people fit this account"}
			if unique {
				n.Kind, n.Detail = plan.NameReused, "the account is another person's on better evidence"
			}
			p.plan.Notice(n)
		}
	}
	return lost
}

// strengthOf orders evidence: ids before values that may be given to someone else.
func strengthOf(tie plan.How) int {
	switch tie {
	case plan.ByAccount:
		return 3
	case plan.ByExternalID:
		return 2
	}
	return 1
}
