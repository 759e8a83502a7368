package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sort"
	"time"

	"rollcall/state"
	"rollcall/sync/plan"
)

// Keys of its log records.
const (
	logGroup   = "group"
	logMembers = "members"
	logLeft    = "left"
)

// groupAlarm watches for pushes that take many members out of a group at once, which nothing holds: what a pull may do to a group, and
// no more, is the measure. Whoever is back in the group counts no longer. It remembers up to where it has read the journal; after a
// restart it begins a day back. It is used on one goroutine.
type groupAlarm struct {
	rec     record
	metrics *metrics
	log     *slog.Logger
	now     func() time.Time
	watched map[string]*watchedGroups // by source
}

type watchedGroups struct {
	after  int64             // number of the journal
	losses []state.GroupLoss // of the last GateWindow
	raised map[state.ID]bool // groups that a warning has been given of
}

// emptied is what the groups of a source have lost beyond the measure.
type emptied struct {
	members int
	since   time.Time // of the first of these pushes
}

// fewMembers may leave a group though nobody were left, as in a plan.
const fewMembers = 5

// check looks at the groups of a source, shows the outcome in the metrics, and warns once of each group that comes above the measure.
func (a *groupAlarm) check(ctx context.Context, src *sourceConfig) (all emptied, err error) {
	if src.Removal.PushGate != pushGateOff {
		all, err = a.look(ctx, src)
	}
	if err != nil {
		return all, fmt.Errorf("source %s: %w", src.Name, err)
	}
	a.metrics.groupAlarm.WithLabelValues(src.Name).Set(truth(all.members > 0))
	return all, nil
}

func (a *groupAlarm) look(ctx context.Context, src *sourceConfig) (all emptied, err error) {
	w, err := a.read(ctx, src)
	if err != nil {
		return all, err
	}
	var groups []state.ID
	gone := map[state.ID]map[state.ID]bool{}
	for _, loss := range w.losses {
		if gone[loss.Group] == nil {
			gone[loss.Group] = map[state.ID]bool{}
			groups = append(groups, loss.Group)
		}
		for _, id := range loss.Left {
			gone[loss.Group][id] = true
		}
	}
	raised := map[state.ID]bool{}
	for _, group := range groups {
		out, left := gone[group], 0
		err := a.rec.Members(ctx, src.scope(), group, func(member state.Ref) bool {
			left++
			delete(out, member.ID)
			return true
		})
		if err != nil && !errors.Is(err, state.ErrNotFound) {
			return all, fmt.Errorf("read the members of group %s: %w", group, err)
		}
		if !tooMany(src.rules(), len(out), left) {
			continue
		}
		if all.members += len(out); all.since.IsZero() {
			all.since = w.losses[slices.IndexFunc(w.losses, func(l state.GroupLoss) bool { return l.Group == group })].At
		}
		if raised[group] = true; !w.raised[group] {
			a.log.WarnContext(ctx, "a push took many members out of a group; nothing holds that: 'rollcall undo --since --pushes' takes it back",
				logSource, src.Name, logGroup, group, logMembers, len(out), logLeft, left)
		}
	}
	w.raised = raised
	return all, nil
}

// tooMany tells whether a pull that took so many out of a group, and left so many, would be held.
func tooMany(rules plan.Rules, gone, left int) bool {
	limit := plan.PushGate{Rules: rules}.Limit(state.Ledger{Active: left, Pushed: gone})
	return gone > limit || gone > fewMembers && gone > left
}

// read takes down what the journal has got since the last time, and forgets what is over a day old.
func (a *groupAlarm) read(ctx context.Context, src *sourceConfig) (*watchedGroups, error) {
	since := a.now().Add(-state.GateWindow)
	w := a.watched[src.Name]
	if w == nil {
		after, err := a.numberBefore(ctx, src.Tenant, since)
		if err != nil {
			return nil, err
		}
		w = &watchedGroups{after: after}
		a.watched[src.Name] = w
	}
	losses, last, err := a.rec.GroupLosses(ctx, src.scope(), w.after, min(fewMembers, src.rules().GateFloor))
	if err != nil {
		return nil, fmt.Errorf("read what groups have lost: %w", err)
	}
	w.after = last
	w.losses = slices.DeleteFunc(append(w.losses, losses...), func(l state.GroupLoss) bool { return l.At.Before(since) })
	return w, nil
}

// numberBefore is a number of the journal behind which everything is that is not older than a time.
func (a *groupAlarm) numberBefore(ctx context.Context, tenant string, at time.Time) (int64, error) {
	var failed error
	number := sort.Search(1<<40, func(after int) bool {
		entries, err := a.rec.Entries(ctx, tenant, int64(after), 1)
		failed = errors.Join(failed, err)
		return failed != nil || len(entries) == 0 || !entries[0].At.Before(at)
	})
	if failed != nil {
		return 0, fmt.Errorf("read the journal: %w", failed)
	}
	return int64(number), nil
}
