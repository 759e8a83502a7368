package push

import (
	"context"
	"errors"
	"slices"
	"sync"

	"golang.org/x/sync/errgroup"

	"rollcall/connectors/idpsim"
)

// rounds is how far a client has come.
type rounds struct {
	one    sync.Mutex // one cycle at a time
	seen   int        // version of the population that the last cycle saw; -1 before the first
	cycle  int        // how many there were
	failed escrow     // people to be tried again
	open   escrow     // groups to be looked at again
	steady bool       // what failed is tried in every cycle, without growing gaps
}

func (r *rounds) restart() {
	r.seen, r.failed, r.open = -1, escrow{}, escrow{}
}

// note notes how a try ended.
func (r *rounds) note(e escrow, n int, failed bool) {
	e.note(n, r.cycle, failed)
	if r.steady && failed {
		e[n].due = r.cycle + 1
	}
}

// outcome is how a round went.
type outcome struct {
	people     []int // whom it was about
	failed     int   // people and groups
	references int   // groups of which only members failed
	err        error // a line for each
}

// round calls person for everybody about whom something changed since the last round or whose turn it is to be tried again, Workers
// at a time, and then group for each such group, one by one. What fails does not end the round. Without groups, group is nil. The
// error is that the context is over.
func (c *client) round(ctx context.Context, r *rounds, person, group func(context.Context, int) error) (o outcome, err error) {
	r.cycle++
	var groups []int
	var version int
	c.Population.Read(func(v *idpsim.View) {
		o.people, groups = since(v, r.seen)
		version = v.Version()
	})
	o.people = unique(append(o.people, r.failed.due(r.cycle)...))
	failed, failures := c.each(ctx, o.people, person)
	for n, bad := range failed {
		r.note(r.failed, n, bad)
	}
	o.failed = len(failures)
	if group != nil {
		for _, n := range unique(append(groups, r.open.due(r.cycle)...)) {
			err := group(ctx, n)
			if err == nil {
				r.note(r.open, n, false)
				continue
			}
			failures = append(failures, err)
			r.note(r.open, n, true)
			if errors.Is(err, errMembers) {
				o.references++
			} else {
				o.failed++
			}
		}
	}
	if err := ctx.Err(); err != nil {
		return o, err
	}
	r.seen = version
	o.err = errors.Join(failures...)
	return o, nil
}

// each calls f for each number, Workers at a time, and returns for which it failed, and for which it did not.
func (c *client) each(ctx context.Context, numbers []int, f func(context.Context, int) error) (map[int]bool, []error) {
	var mu sync.Mutex
	var failures []error
	failed := map[int]bool{}
	var workers errgroup.Group
	workers.SetLimit(c.Workers)
	for _, n := range numbers {
		if ctx.Err() != nil {
			break
		}
		workers.Go(func() error {
			err := f(ctx, n)
			mu.Lock()
			defer mu.Unlock()
			failed[n] = err != nil
			if err != nil {
				failures = append(failures, err)
			}
			return nil
		})
	}
	_ = workers.Wait() // no worker returns an error
	return failed, failures
}

// since lists who and which groups changed after a version; before the first round, at version -1, that is everyone. A changed group
// brings its members, as its assignment is theirs.
func since(v *idpsim.View, version int) (people, groups []int) {
	if version < 0 {
		for n := range v.People() {
			people = append(people, n)
		}
		for n := range v.Groups() {
			groups = append(groups, n)
		}
		return people, groups
	}
	for _, change := range v.Changes(version) {
		if !change.Group {
			people = append(people, change.Number)
			continue
		}
		groups = append(groups, change.Number)
	}
	groups = unique(groups)
	for _, n := range groups {
		for _, member := range v.Group(n).Members() {
			people = append(people, int(member))
		}
	}
	return people, groups
}

func unique(numbers []int) []int {
	slices.Sort(numbers)
	return slices.Compact(numbers)
}
