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
	one    sync.Mutex   // one cycle at a time
	seen   int          // version of the population that the last cycle saw; -1 before the first
	failed map[int]bool // people to be tried again
	open   map[int]bool // groups to be looked at again
}

func (r *rounds) restart() {
	r.seen, r.failed, r.open = -1, map[int]bool{}, map[int]bool{}
}

// round calls person for everybody about whom something changed since the last round or failed in it, Workers at a time, and then
// group for each such group, one by one. What fails does not end the round. Without groups, group is nil.
func (c *client) round(ctx context.Context, r *rounds, person, group func(context.Context, int) error) error {
	var people, groups []int
	var version int
	c.Population.Read(func(v *idpsim.View) {
		people, groups = since(v, r.seen)
		version = v.Version()
	})
	for n := range r.failed {
		people = append(people, n)
	}
	for n := range r.open {
		groups = append(groups, n)
	}
	var failures []error
	r.failed, failures = c.each(ctx, unique(people), person)
	if group != nil {
		r.open = map[int]bool{}
		for _, n := range unique(groups) {
			if err := group(ctx, n); err != nil {
				failures = append(failures, err)
				r.open[n] = true
			}
		}
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	r.seen = version
	return errors.Join(failures...)
}

// each calls f for each number, Workers at a time, and returns for which it failed.
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
			if err := f(ctx, n); err != nil {
				mu.Lock()
				defer mu.Unlock()
				failures = append(failures, err)
				failed[n] = true
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
