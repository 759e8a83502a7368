package sync

import (
	"context"
	"errors"
	"fmt"

	"rollcall/state"
	"rollcall/sync/plan"
)

// unexplained reports the active accounts of a complete source that nobody explains, and proposes to deactivate those that nobody has
// explained for long. What is proposed is always held. Since when an account has been unexplained is remembered as long as no run that
// read everyone explains it; one that did not read everyone neither begins nor ends that time.
func (p *planner) unexplained(ctx context.Context) error {
	for i := range p.index.len() {
		if p.index.links[i] != 0 || !p.index.has(i, flagInForce) || p.index.has(i, flagSeen) || len(p.claims[i]) > 0 {
			continue
		}
		if p.plan.Counts.Notices[plan.Unexplained] >= plan.MaxNotices {
			p.plan.Notice(plan.Notice{Kind: plan.Unexplained})
			continue
		}
		record, err := p.row(ctx, i)
		switch {
		case err != nil:
			return err
		case record == nil:
			continue
		}
		p.unknown(record)
	}
	return nil
}

// unknown reports one account that nobody explains.
func (p *planner) unknown(record *state.Record) {
	key := string(record.ID)
	since := p.marks.find(key, string(plan.FactUnexplained))
	switch {
	case p.explains():
		p.marks.note(key, string(plan.FactUnexplained))
	case since != nil:
		p.marks.keep(key, string(plan.FactUnexplained))
	}
	n := plan.Notice{Kind: plan.Unexplained, Account: record.ID, Name: record.Name}
	if since != nil {
		n.Since = since.At
	}
	c, propose := plan.ProposeUnexplained(record, record.Name, since, p.run, p.started)
	switch fact := plan.DiscardedFact(&c); {
	case p.marks.find(key, fact) != nil:
		p.marks.note(key, fact)
		n.Detail = "left alone because somebody discarded the proposal to deactivate it"
	case propose && p.explains():
		p.plan.Add(c)
	}
	p.plan.Notice(n)
}

// explains tells whether this run would have seen whoever explains an account: everyone was read, and known people among them.
func (p *planner) explains() bool { return p.everyone() && !p.unproven && !p.strangers() }

// rejudgeUnexplained decides anew about an account that nobody explained. An empty Outcome: it stands.
func (p *planner) rejudgeUnexplained(ctx context.Context, c *plan.Change) (ChangeResult, error) {
	record, err := p.store.Record(ctx, p.source.Scope, state.KindAccount, c.Account)
	switch {
	case errors.Is(err, state.ErrNotFound), err == nil && record.Version != c.Version:
		return ChangeResult{Outcome: ChangeMoved, Detail: "the account has changed since the plan was made"}, nil
	case err != nil:
		return ChangeResult{}, fmt.Errorf("read account %s: %w", c.Account, err)
	case p.marks.find(string(c.Account), string(plan.FactUnexplained)) == nil, record.Link != "":
		return ChangeResult{Outcome: ChangeStale, Detail: "somebody at the source explains the account by now"}, nil
	}
	return ChangeResult{}, nil
}
