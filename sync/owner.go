package sync

import (
	"context"
	"errors"
	"fmt"

	"rollcall/connectors"
	"rollcall/state"
	"rollcall/state/scim"
	"rollcall/sync/plan"
)

// owned is the account that was found to be a person's.
type owned struct {
	account *plan.Account // nil: the person has none
	tie     plan.How      // how it was found, when it is not linked yet
	skip    bool          // nothing may be decided about the person; a notice says why
}

// owner finds a person's account. A link once set wins. Without one the evidence is, in this order: the provider keeps our id; the
// account keeps the object id; the mapping's match attributes. It must be unique on both sides, and the account not linked: whatever
// is less than that is reported and never guessed. With linkedOnly nothing but the link is looked for.
func (p *planner) owner(ctx context.Context, person *connectors.Person, linkedOnly bool) (owned, error) {
	linked, err := p.linkedTo(ctx, person)
	if err != nil || linked.skip || linked.account != nil || linkedOnly {
		return linked, err
	}
	if person.Account != "" {
		record, err := p.store.Record(ctx, p.source.Scope, state.KindAccount, state.ID(person.Account))
		switch {
		case err == nil:
			return p.claim(person, plan.ByAccount, []state.Record{record})
		case !errors.Is(err, state.ErrNotFound):
			return owned{}, fmt.Errorf("read account %s: %w", person.Account, err)
		}
	}
	found, err := p.holders(ctx, state.NewMatchKey(state.MatchExternalID, person.ID))
	if err != nil || len(found) > 0 {
		return p.claimed(person, plan.ByExternalID, found, err)
	}
	for _, k := range p.keys {
		v := p.values[k.target]
		if v.Kind != scim.String || v.Text == "" {
			continue
		}
		found, err := p.holders(ctx, state.NewMatchKey(k.key, v.Text))
		if err != nil || len(found) > 0 {
			return p.claimed(person, plan.ByMatch, found, err)
		}
	}
	return p.nameFree(ctx, person)
}

// linkedTo finds the account that is linked to a person.
func (p *planner) linkedTo(ctx context.Context, person *connectors.Person) (owned, error) {
	p.positions = p.index.byLink.find(p.positions[:0], p.index.links, p.index.hash(person.ID))
	for _, i := range p.positions {
		record, err := p.row(ctx, i)
		if err != nil {
			return owned{}, err
		}
		if record == nil {
			p.index.mark(i, flagSeen)
			p.moved(person.ID, "", person.UserName)
			return owned{skip: true}, nil
		}
		if record.Link == person.ID {
			p.index.mark(i, flagSeen)
			account, err := open(*record)
			return owned{account: account}, err
		}
	}
	return owned{}, nil
}

// row reads the account at a position; nil if it has changed since the index was read.
func (p *planner) row(ctx context.Context, i int) (*state.Record, error) {
	var found *state.Record
	err := p.store.Scan(ctx, p.source.Scope, state.KindAccount, p.index.rows[i]-1, 0, 1, func(r state.Record) bool {
		if r.Row == p.index.rows[i] && r.Version == p.index.versions[i] {
			found = &r
		}
		return false
	})
	if err != nil {
		return nil, fmt.Errorf("read an account: %w", err)
	}
	return found, nil
}

// holders finds the accounts that have a match key. Names and external ids that the index does not know cost no read.
func (p *planner) holders(ctx context.Context, key state.MatchKey) ([]state.Record, error) {
	hash := p.index.hash(key.Text)
	switch {
	case p.index.partial:
		p.positions = append(p.positions[:0], 0)
	case key.Name == state.MatchUserName:
		p.positions = p.index.byName.find(p.positions[:0], p.index.names, hash)
	case key.Name == state.MatchExternalID:
		p.positions = p.index.byExternal.find(p.positions[:0], p.index.externals, hash)
	default:
		p.positions = append(p.positions[:0], 0)
	}
	if len(p.positions) == 0 {
		return nil, nil
	}
	found, err := p.store.Find(ctx, p.source.Scope, state.KindAccount, key)
	if err != nil {
		return nil, fmt.Errorf("find accounts by %s: %w", key.Name, err)
	}
	return found, nil
}

func (p *planner) claimed(person *connectors.Person, tie plan.How, found []state.Record, err error) (owned, error) {
	if err != nil {
		return owned{}, err
	}
	return p.claim(person, tie, found)
}

// claim takes a person's claim to what was found down, and reports what makes it void.
func (p *planner) claim(person *connectors.Person, tie plan.How, found []state.Record) (owned, error) {
	if len(found) > 1 {
		p.notice(plan.Conflict, person, "", fmt.Sprintf("%d accounts fit", len(found)))
		return owned{skip: true}, nil
	}
	record := found[0]
	i, known := p.index.at(record.Row)
	switch {
	case !known || record.Version != p.index.versions[i]:
		if known {
			p.index.mark(i, flagSeen)
		}
		p.moved(person.ID, record.ID, person.UserName)
		return owned{skip: true}, nil
	case record.Link != "":
		p.reused(person, record)
		return owned{skip: true}, nil
	}
	p.claims[i] = append(p.claims[i], claim{person: person.ID, name: person.UserName, account: record.ID, tie: tie})
	account, err := open(record)
	return owned{account: account, tie: tie}, err
}

// nameFree reports a person whose new account would have a name that an account has already.
func (p *planner) nameFree(ctx context.Context, person *connectors.Person) (owned, error) {
	holder, err := p.nameHolder(ctx, p.userName(), "")
	switch {
	case err != nil || holder == nil:
		return owned{}, err
	case holder.Link != "":
		p.reused(person, *holder)
	default:
		p.notice(plan.Conflict, person, holder.ID, "an account that no match attribute ties to this person has the name")
	}
	return owned{skip: true}, nil
}

// nameHolder returns the account, other than the one given, that has a userName.
func (p *planner) nameHolder(ctx context.Context, name string, other state.ID) (*state.Record, error) {
	if name == "" {
		return nil, nil
	}
	found, err := p.holders(ctx, state.NewMatchKey(state.MatchUserName, name))
	for i := range found {
		if found[i].ID != other {
			return &found[i], err
		}
	}
	return nil, err
}

// userName is what the mapping makes of the userName of the person at hand.
func (p *planner) userName() string {
	for i, t := range p.targets {
		if t.Path.Sub == "" && t.Path.Filter == nil && scim.EqualFold(t.Path.Attr, "userName") {
			return p.values[i].Text
		}
	}
	return ""
}

// reuse takes an account whose name has come to be somebody else's out of the plan, until a run that saw everyone finds otherwise.
func (p *planner) reuse(record *state.Record) {
	p.blocked[record.ID] = true
	if record.Link != "" {
		p.marks.note(record.Link, nameReused)
	}
}

// reused reports that an account that is linked to one person has the name of another.
func (p *planner) reused(person *connectors.Person, record state.Record) {
	p.reuse(&record)
	p.notice(plan.NameReused, person, record.ID, "the account is linked to another person")
}

func (p *planner) moved(person string, account state.ID, name string) {
	p.plan.Notice(plan.Notice{Kind: plan.Moved, Person: person, Account: account, Name: name})
}

func (p *planner) notice(kind plan.NoticeKind, person *connectors.Person, account state.ID, detail string) {
	p.plan.Notice(plan.Notice{Kind: kind, Person: person.ID, Account: account, Name: person.UserName, Detail: detail})
}

// open decodes a record for comparison.
func open(record state.Record) (*plan.Account, error) {
	resource, err := scim.ReadJSON(record.Resource, scim.DefaultLimits)
	if err != nil {
		return nil, fmt.Errorf("read the recorded resource of %s: %w", record.ID, err)
	}
	return &plan.Account{Record: record, Resource: resource}, nil
}
