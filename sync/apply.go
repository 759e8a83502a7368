package sync

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"rollcall/state"
	"rollcall/state/scim"
	"rollcall/sync/mapping"
	"rollcall/sync/plan"
)

const (
	applyBatch  = 200 // changes handed to the store at once; it commits them in smaller parts, with pauses for others
	memberBatch = 100 // memberships of a group that change in one commit
)

// applier carries changes of a plan out.
type applier struct {
	store    Store
	lease    *lease
	users    *scim.ResourceType
	plan     *plan.Plan
	targets  []mapping.Target // of the mapping that it was made with; nil: its changes have no stamps
	cause    state.Cause      // its Reason is each change's own
	now      func() time.Time
	progress func(Progress)

	// build, unless nil, completes the mutation of an account's change: in what it is given nothing changes yet. nil: as a pull's plan says.
	build func(ctx context.Context, c *plan.Change, m state.Mutation) (state.Mutation, error)
}

// apply carries out the changes at some positions of the plan, in their order, and returns what became of those that were tried. While
// a batch is written the next is made ready. One that is refused spares the others. An error ends it between two batches; everything before is on disk.
func (a *applier) apply(ctx context.Context, positions []int) ([]ChangeResult, error) {
	all := len(positions)
	var groups []int
	positions = slices.DeleteFunc(slices.Clone(positions), func(at int) bool {
		if a.plan.Changes[at].Group != nil {
			groups = append(groups, at)
		}
		return a.plan.Changes[at].Group != nil
	})
	results := make([]ChangeResult, 0, all)
	batches := slices.Collect(slices.Chunk(positions, applyBatch))
	var ready *readied
	for i := range batches {
		if err := cmp.Or(ctx.Err(), a.lease.keep(ctx)); err != nil {
			return results, err
		}
		if ready == nil {
			ready = a.ready(ctx, batches[i])
		}
		var writing sync.WaitGroup
		var err error
		this := ready
		writing.Go(func() { err = a.write(this) })
		if ready = nil; i+1 < len(batches) {
			ready = a.ready(ctx, batches[i+1])
		}
		writing.Wait()
		results = append(results, this.results...)
		if err != nil {
			return results, err
		}
		a.progress(Progress{Step: StepApply, Done: len(results), Of: all})
	}
	for _, at := range groups {
		done, err := a.members(ctx, at)
		results = append(results, done)
		if err != nil {
			return results, err
		}
		a.progress(Progress{Step: StepApply, Done: len(results), Of: all})
	}
	return results, nil
}

// members carries out a change of memberships, some at a time. What is refused spares the rest, and is what became of the change.
func (a *applier) members(ctx context.Context, at int) (ChangeResult, error) {
	c := &a.plan.Changes[at]
	if c.Action == plan.UpdateGroup {
		return a.rename(ctx, at)
	}
	result := ChangeResult{Change: at, Outcome: ChangeApplied}
	for some := range slices.Chunk(c.Group.Members, memberBatch) {
		if err := cmp.Or(ctx.Err(), a.lease.keep(ctx)); err != nil {
			return result, err
		}
		m := state.Mutation{Scope: a.lease.Scope, Kind: state.KindGroup, ID: c.Group.ID, Epoch: a.lease.Epoch, Members: &state.Members{}, Cause: a.cause}
		m.Cause.Reason = string(c.Reason)
		for _, member := range some {
			if c.Removal() {
				m.Members.Remove = append(m.Members.Remove, member.Account)
			} else {
				m.Members.Add = append(m.Members.Add, member.Account)
			}
		}
		outcomes, err := a.store.Write(state.Bulk, []state.Mutation{m})
		if err == nil {
			err = outcomes[0].Err
		}
		part := ChangeResult{Change: at}
		if err := settleResult(&part, err); err != nil {
			return part, fmt.Errorf("apply the plan: %w", err)
		}
		if errors.Is(err, state.ErrNotFound) {
			part.Detail = "the group has gone since the plan was made"
		}
		if part.Outcome != ChangeApplied {
			result = part
		}
	}
	return result, nil
}

// rename carries out a change of what is said of a group, which only build can make.
func (a *applier) rename(ctx context.Context, at int) (ChangeResult, error) {
	result := ChangeResult{Change: at}
	if err := cmp.Or(ctx.Err(), a.lease.keep(ctx)); err != nil {
		return result, err
	}
	m, err := a.mutation(ctx, &a.plan.Changes[at])
	if err == nil {
		var outcomes []state.Result
		if outcomes, err = a.store.Write(state.Bulk, []state.Mutation{m}); err == nil {
			err = outcomes[0].Err
		}
	}
	if err := settleResult(&result, err); err != nil {
		return result, fmt.Errorf("apply the plan: %w", err)
	}
	if errors.Is(err, state.ErrVersion) || errors.Is(err, state.ErrNotFound) {
		result.Detail = "the group has changed since the plan was made"
	}
	return result, nil
}

// readied is a batch of changes that is ready to be written.
type readied struct {
	results   []ChangeResult
	mutations []state.Mutation
	written   []int // index into results, by mutation
	err       error // that ends the run
}

// ready makes a batch ready. What it reads may be older than what is written beside it: no account has two changes, and each mutation
// names the version that it is for.
func (a *applier) ready(ctx context.Context, positions []int) *readied {
	b := &readied{
		results: make([]ChangeResult, len(positions)), mutations: make([]state.Mutation, 0, len(positions)), written: make([]int, 0, len(positions)),
	}
	for i, at := range positions {
		m, err := a.mutation(ctx, &a.plan.Changes[at])
		b.results[i] = ChangeResult{Change: at}
		if err == nil {
			b.mutations, b.written = append(b.mutations, m), append(b.written, i)
		} else if b.err = settleResult(&b.results[i], err); b.err != nil {
			b.results = nil // nothing of it was tried
			break
		}
	}
	return b
}

// write hands a batch to the store.
func (a *applier) write(b *readied) error {
	if b.err != nil || len(b.mutations) == 0 {
		return b.err
	}
	outcomes, err := a.store.Write(state.Bulk, b.mutations)
	var fatal error
	for i, outcome := range outcomes {
		fatal = cmp.Or(fatal, settleResult(&b.results[b.written[i]], outcome.Err))
	}
	if err = cmp.Or(err, fatal); err != nil {
		return fmt.Errorf("apply the plan: %w", err)
	}
	return nil
}

// settleResult sorts what became of one change. It returns the errors that end the run: those that are no answer to this one change.
func settleResult(r *ChangeResult, err error) error {
	var unique *state.UniqueError
	var refused *scim.Error
	var member *state.MemberError
	switch {
	case err == nil:
		r.Outcome = ChangeApplied
	case errors.Is(err, state.ErrVersion), errors.Is(err, state.ErrNotFound):
		r.Outcome, r.Detail = ChangeMoved, "the account has changed since the plan was made"
	case errors.As(err, &member):
		r.Outcome, r.Detail = ChangeMoved, "a member's account has gone since the plan was made"
	case errors.As(err, &unique):
		r.Outcome, r.Detail = ChangeMoved, "meanwhile "+unique.Error()
	case errors.Is(err, state.ErrPinned):
		r.Outcome, r.Detail = ChangeRefused, "an operator has pinned the account"
	case errors.As(err, &refused):
		r.Outcome, r.Detail = ChangeRefused, refused.Detail
	case errors.Is(err, state.ErrMutation):
		r.Outcome, r.Detail = ChangeRefused, err.Error()
	default:
		r.Outcome, r.Detail = ChangeRefused, "the record could not be written"
		return err
	}
	return nil
}

// mutation turns a change into the store's terms. Only a change of other values than active reads the account again; that it is still
// at the version that was planned for is checked when it is written.
func (a *applier) mutation(ctx context.Context, c *plan.Change) (state.Mutation, error) {
	m := state.Mutation{
		Scope: a.lease.Scope, Kind: state.KindAccount, ID: c.Account, Epoch: a.lease.Epoch,
		Life: &state.Life{Base: c.Version}, Cause: a.cause,
	}
	m.Cause.Reason = string(c.Reason)
	if a.build != nil {
		return a.build(ctx, c, m)
	}
	if c.Link {
		m.Life.Link = new(c.Person) // the plan need not outlive its last mutation
	}
	if c.Action == plan.Create {
		m.ID = state.NewID()
	}
	resource := scim.ObjectOf()
	before, written := resource, make([]scim.Value, len(a.targets))
	writes := false
	for _, f := range c.Fields {
		value, err := scim.ReadJSON(f.After, scim.DefaultLimits)
		if err != nil {
			return m, fmt.Errorf("read the planned value of %s: %w", f.Path, err)
		}
		path, err := scim.ParsePath(f.Path, scim.DefaultLimits)
		if err != nil {
			return m, fmt.Errorf("read the planned path %s: %w", f.Path, err)
		}
		if path.Sub == "" && path.Filter == nil && scim.EqualFold(path.Attr, "active") {
			m.Life.Said = &value.Bool
			continue
		}
		if !writes && c.Action != plan.Create {
			record, err := a.store.Record(ctx, a.lease.Scope, state.KindAccount, c.Account)
			if err != nil {
				return m, err
			}
			if resource, err = scim.ReadJSON(record.Resource, scim.DefaultLimits); err != nil {
				return m, fmt.Errorf("read the recorded resource of %s: %w", c.Account, err)
			}
			before = resource
		}
		writes = true
		if i := slices.IndexFunc(a.targets, func(t mapping.Target) bool { return t.Text == f.Path }); i >= 0 {
			written[i] = value
		}
		if resource, err = a.users.Assign(resource, path, value); err != nil {
			return m, err
		}
	}
	if writes {
		normal, err := a.users.Normalize(resource)
		if err != nil {
			return m, err
		}
		m.Put = &state.Put{Base: c.Version, Resource: normal.Resource}
		resource = normal.Resource
	}
	if c.Stamp != 0 && plan.Settles(a.targets, before, resource, written) {
		m.Stamp = c.Stamp
	}
	return m, nil
}
