package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"rollcall/state"
	dirsync "rollcall/sync"
	"rollcall/sync/plan"
)

// witnesses sees to the removals that providers pushed and the gate holds. As soon as one is staged it looks the person up at the source:
// where that finds the same, it is in force. It comes back to the others at intervals, and puts in force what nobody has decided on for
// as long as push_hold says, unless the source, asked once more then, says that the person should have access.
// What waits is in the record, which is the queue: a restart forgets nothing.
type witnesses struct {
	rec  record
	log  *slog.Logger
	now  func() time.Time
	wake chan struct{}          // of capacity one: many stagings become one look
	seen map[state.ID]time.Time // when somebody was looked up last
}

func newWitnesses(rec record, log *slog.Logger, now func() time.Time) *witnesses {
	return &witnesses{rec: rec, log: log, now: now, wake: make(chan struct{}, 1), seen: map[state.ID]time.Time{}}
}

const (
	witnessInterval = time.Minute
	lookAgain       = 15 * time.Minute // a directory's replicas may lag behind the push
	looksAtOnce     = 50               // people of one source in one look
)

// staged is told by the receiver that somebody waits. It never blocks.
func (w *witnesses) staged(state.Scope, state.ID) {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// run looks until the context is over, on the caller's goroutine. What fails is logged and tried again.
func (w *witnesses) run(ctx context.Context, current func() *generation) error {
	for {
		next := w.now().Add(witnessInterval)
		g := current()
		for i := range g.cfg.Sources {
			again, err := w.attend(ctx, g, &g.cfg.Sources[i])
			if err != nil && ctx.Err() == nil {
				w.log.Warn("staged removals could not be attended to; they wait on", logSource, g.cfg.Sources[i].Name, logError, err)
			}
			if err == nil && again.Before(next) {
				next = again
			}
		}
		timer := time.NewTimer(next.Sub(w.now()))
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-timer.C:
		case <-w.wake:
			timer.Stop()
		}
	}
}

// attend sees to one source and returns when there is more to do there, an interval from now at the latest.
func (w *witnesses) attend(ctx context.Context, g *generation, src *sourceConfig) (again time.Time, err error) {
	now := w.now()
	again = now.Add(witnessInterval)
	waiting, err := stagings(ctx, w.rec, src.scope())
	if err != nil || len(waiting) == 0 {
		return again, err
	}
	source, pulls := g.runnable[src.Name]
	pulls = pulls && source.Connector != nil
	protects := plan.PushGate{Rules: src.rules()}.Protects
	var due, last []staging
	for _, s := range waiting {
		over := s.since.Add(src.Removal.PushHold)
		ended := !now.Before(over) && !protects(&s.record) // only somebody's word ends the wait of who is protected, or the source's
		asked := w.seen[s.record.ID]
		if !protects(&s.record) && !ended && over.Before(again) {
			again = over
		}
		switch asks := pulls && s.record.Link != ""; {
		case !asks && ended:
			if err := w.outwait(s); err != nil {
				return again, err
			}
		case !asks, now.Sub(asked) < lookAgain && !(ended && asked.Before(over)):
		case ended:
			last = append(last, s)
		default:
			due = append(due, s)
		}
	}
	if len(last) > looksAtOnce {
		last, again = last[:looksAtOnce], now
	}
	for _, s := range last {
		if err := w.lastLook(ctx, g, source, s); err != nil {
			return again, err
		}
	}
	if len(due) > looksAtOnce {
		due, again = due[:looksAtOnce], now
	}
	if len(due) == 0 {
		return again, nil
	}
	_, err = w.look(ctx, g, source, due)
	return again, err
}

// outwait puts a removal in force that nobody has contradicted for as long as push_hold says.
func (w *witnesses) outwait(s staging) error {
	return w.settle(s, state.Cause{Kind: state.CausePush, Actor: s.cause.Actor, Reason: string(plan.ReasonStaged)})
}

// lastLook asks the source once more about somebody whose wait is over. Only if it says that the person should have access, the removal
// waits on, for an approval or for the source to say something else; a source that has no answer contradicts nobody.
func (w *witnesses) lastLook(ctx context.Context, g *generation, source dirsync.Source, s staging) error {
	report, err := w.look(ctx, g, source, []staging{s})
	if err != nil {
		return err
	}
	if contradicts(&report) {
		w.log.Warn("the source contradicts a pushed removal; it waits on", logSource, s.scope.Source, logAccount, s.record.ID)
		return nil
	}
	return w.outwait(s)
}

// contradicts tells whether a run about one person found that the source says nothing against them, and the mapping does not either.
func contradicts(r *dirsync.Report) bool {
	removes := func(c plan.Change) bool { return c.Action == plan.Deactivate }
	return r.Allowed > 0 && !slices.ContainsFunc(r.Plan.Changes, removes)
}

// look asks the source about people who wait, and puts in force what it confirms.
func (w *witnesses) look(ctx context.Context, g *generation, source dirsync.Source, batch []staging) (dirsync.Report, error) {
	people := make([]string, len(batch))
	for i := range batch {
		people[i] = batch[i].record.Link
	}
	report, err := g.engine.RunPeople(ctx, source, dirsync.Order{Trigger: dirsync.TriggerSchedule, Actor: dirsync.TriggerSchedule}, people)
	switch {
	case errors.Is(err, state.ErrLeased):
		return report, errors.New("another run is at work on the source")
	case err != nil:
		return report, fmt.Errorf("look up who waits: %w", err)
	}
	for _, s := range batch {
		w.seen[s.record.ID] = w.now()
		if err := w.confirm(ctx, s, report.Plan.Changes); err != nil {
			return report, err
		}
	}
	return report, nil
}

// gateHolds are why a run holds removals for their number alone. Number is no objection where push and source agree.
var gateHolds = []plan.Hold{plan.HoldCount, plan.HoldDay, plan.HoldHalf, plan.HoldLast}

// confirm puts a removal in force that the source has confirmed, if the run has not done so.
func (w *witnesses) confirm(ctx context.Context, s staging, changes []plan.Change) error {
	i := slices.IndexFunc(changes, func(c plan.Change) bool { return c.Action == plan.Deactivate && c.Account == s.record.ID })
	if i < 0 || changes[i].Held && !slices.Contains(gateHolds, changes[i].HeldBecause) {
		return nil
	}
	now, err := w.rec.Record(ctx, s.scope, state.KindAccount, s.record.ID)
	if err != nil || !now.Staged {
		delete(w.seen, s.record.ID)
		return ignoreMissing(err)
	}
	s.record = now
	return w.settle(s, state.Cause{Kind: state.CausePull, Actor: dirsync.TriggerSchedule, Reason: string(changes[i].Reason)})
}

func ignoreMissing(err error) error {
	if errors.Is(err, state.ErrNotFound) {
		return nil
	}
	return err
}

// settle puts a removal in force. One whose account has moved on is left for the next look.
func (w *witnesses) settle(s staging, cause state.Cause) error {
	results, err := w.rec.Write(state.Urgent, []state.Mutation{s.settle(cause)})
	if err == nil {
		err = results[0].Err
	}
	switch {
	case errors.Is(err, state.ErrVersion), errors.Is(err, state.ErrNotFound), errors.Is(err, state.ErrPinned):
		return nil
	case err != nil:
		return fmt.Errorf("put the removal of account %s in force: %w", s.record.ID, err)
	}
	delete(w.seen, s.record.ID)
	w.log.Info("a staged removal is in force", logSource, s.scope.Source, logAccount, s.record.ID, logReason, cause.Reason)
	return nil
}
