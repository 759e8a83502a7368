package sync

import (
	"context"
	"errors"
	"fmt"

	"rollcall/state"
	"rollcall/state/scim"
	"rollcall/sync/plan"
)

// already finds changes that have nothing left to change, such as those of a plan that was carried out before.
type already struct {
	store Reader
	scope state.Scope
	users *scim.ResourceType
}

func (e *Engine) already(scope state.Scope) *already {
	return &already{store: e.Store, scope: scope, users: e.users()}
}

// all tells whether every change of a plan is so already. It ends at the first that is not.
func (x *already) all(ctx context.Context, p *plan.Plan) (bool, error) {
	for i := range p.Changes {
		if is, err := x.is(ctx, &p.Changes[i]); err != nil || !is {
			return false, err
		}
	}
	return true, nil
}

// settle turns the results of changes that did not stand because they have been made into ChangeDone.
func (x *already) settle(ctx context.Context, p *plan.Plan, results []ChangeResult) error {
	for i := range results {
		r := &results[i]
		if r.Outcome != ChangeMoved && r.Outcome != ChangeStale {
			continue
		}
		is, err := x.is(ctx, &p.Changes[r.Change])
		if err != nil {
			return err
		}
		if is {
			r.Outcome, r.Detail = ChangeDone, "it is so already"
		}
	}
	return nil
}

// is tells whether the record is as a change of a pull's plan would make it.
func (x *already) is(ctx context.Context, c *plan.Change) (bool, error) {
	if c.Group != nil {
		return x.seated(ctx, c)
	}
	record, found, err := x.account(ctx, c)
	if err != nil || !found || record.Version == c.Version || (c.Link || c.Action == plan.Create) && record.Link != c.Person {
		return false, err
	}
	account, err := open(record)
	if err != nil {
		return false, err
	}
	for _, f := range c.Fields {
		if is, err := x.has(account, f); err != nil || !is {
			return false, err
		}
	}
	return true, nil
}

// account finds the account of a change: of a creation, that which the person has by now.
func (x *already) account(ctx context.Context, c *plan.Change) (state.Record, bool, error) {
	if c.Action == plan.Create {
		found, err := x.store.Find(ctx, x.scope, state.KindAccount, state.NewMatchKey(state.MatchLink, c.Person))
		if err != nil {
			return state.Record{}, false, fmt.Errorf("find the account of a person: %w", err)
		}
		if len(found) != 1 {
			return state.Record{}, false, nil
		}
		return found[0], true, nil
	}
	record, err := x.store.Record(ctx, x.scope, state.KindAccount, c.Account)
	switch {
	case errors.Is(err, state.ErrNotFound):
		return state.Record{}, false, nil
	case err != nil:
		return state.Record{}, false, fmt.Errorf("read account %s: %w", c.Account, err)
	}
	return record, true, nil
}

// has tells whether an account has the value of a field. One that another evaluation would make otherwise is as good as any.
func (x *already) has(account *plan.Account, f plan.Field) (bool, error) {
	if f.Volatile {
		return true, nil
	}
	value, err := scim.ReadJSON(f.After, scim.DefaultLimits)
	if err != nil {
		return false, fmt.Errorf("read the planned value of %s: %w", f.Path, err)
	}
	path, err := scim.ParsePath(f.Path, scim.DefaultLimits)
	if err != nil {
		return false, fmt.Errorf("read the planned path %s: %w", f.Path, err)
	}
	if path.Sub == "" && path.Filter == nil && scim.EqualFold(path.Attr, "active") {
		return account.Record.Said == value.Bool && account.Record.InForce == value.Bool, nil
	}
	assigned, err := x.users.Assign(account.Resource, path, value)
	if err != nil {
		return false, nil // what cannot be written has not been
	}
	normal, err := x.users.Normalize(assigned)
	return err == nil && normal.Resource.Equal(account.Resource), nil
}

// seated tells whether everybody of a change of memberships has joined, or left.
func (x *already) seated(ctx context.Context, c *plan.Change) (bool, error) {
	present := make(map[state.ID]bool)
	err := x.store.Members(ctx, x.scope, c.Group.ID, func(ref state.Ref) bool {
		present[ref.ID] = true
		return true
	})
	switch {
	case errors.Is(err, state.ErrNotFound):
		return c.Removal(), nil
	case err != nil:
		return false, fmt.Errorf("read the members of group %s: %w", c.Group.ID, err)
	}
	for _, m := range c.Group.Members {
		if present[m.Account] == c.Removal() {
			return false, nil
		}
	}
	return true, nil
}
