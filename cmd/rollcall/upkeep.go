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

// upkeep removes what nobody needs any more: accounts whose grace is over, where the configuration allows that, and history that is older
// than it says.
type upkeep struct {
	rec record
	log *slog.Logger
	now func() time.Time
}

func newUpkeep(rec record, log *slog.Logger, now func() time.Time) *upkeep {
	return &upkeep{rec: rec, log: log, now: now}
}

const (
	upkeepInterval = 24 * time.Hour
	upkeepRetry    = 10 * time.Minute // after a failure, such as a source at work
	sweepTTL       = 5 * time.Minute  // of a source's lease, while its accounts are purged
	sweepBatch     = 500
)

// run tidies up once a day, for the first time at the start, until the context is over, on the caller's goroutine. What fails is logged
// and tried again.
func (u *upkeep) run(ctx context.Context, current func() *generation) error {
	for {
		wait := upkeepInterval
		if err := u.all(ctx, current().cfg); err != nil && ctx.Err() == nil {
			wait = upkeepRetry
			u.log.Warn("history or accounts that are due could not be removed; they are tried again", logError, err)
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-timer.C:
		}
	}
}

// all tidies up every source and the history. One that fails stops no other.
func (u *upkeep) all(ctx context.Context, cfg *config) error {
	var failed error
	for i := range cfg.Sources {
		if err := u.purge(ctx, &cfg.Sources[i]); err != nil {
			failed = errors.Join(failed, err)
		}
	}
	return errors.Join(failed, u.trim(ctx, cfg.Retention))
}

// trim removes history that is older than the configuration says.
func (u *upkeep) trim(ctx context.Context, retention retentionConfig) error {
	now := u.now()
	done, err := u.rec.Trim(ctx, now.Add(-retention.Journal), now.Add(-retention.Requests))
	if done != (state.Trimmed{}) {
		u.log.Info("history is trimmed", logEntries, done.Entries, logRequests, done.Requests)
	}
	if err != nil {
		return fmt.Errorf("trim the history: %w", err)
	}
	return nil
}

// purge takes away for good whose grace is over: accounts that a push deleted, and those of people who are gone from the source. It works
// under the source's lease, with an epoch of its own: who has the lease, a run perhaps, goes first.
func (u *upkeep) purge(ctx context.Context, src *sourceConfig) error {
	if !src.Removal.Purge {
		return nil
	}
	due, err := u.due(ctx, src)
	if err != nil || len(due) == 0 {
		return err
	}
	holder := newEngine(u.rec, nil, u.log).Holder
	lease, err := u.rec.AcquireLease(ctx, src.scope(), holder, sweepTTL)
	if err != nil {
		return fmt.Errorf("purge accounts of source %s: %w", src.Name, err)
	}
	defer func() {
		if err := u.rec.ReleaseLease(context.WithoutCancel(ctx), lease); err != nil {
			u.log.Warn("lease not released", logSource, src.Name, logError, err)
		}
	}()
	purged := 0
	for batch := range slices.Chunk(due, sweepBatch) {
		if lease, err = u.rec.RenewLease(ctx, lease, sweepTTL); err != nil {
			return fmt.Errorf("purge accounts of source %s: %w", src.Name, err)
		}
		for i := range batch {
			batch[i].Epoch = lease.Epoch
		}
		results, err := u.rec.Write(state.Bulk, batch)
		if err != nil {
			return fmt.Errorf("purge accounts of source %s: %w", src.Name, err)
		}
		for _, r := range results {
			if r.Err == nil {
				purged++ // one that has come back meanwhile, or is pinned, is refused and stays
			}
		}
	}
	u.log.Info("accounts are purged, their grace is over", logSource, src.Name, logPurged, purged)
	return nil
}

// due are the purges of a source whose time has come, each for the version that was looked at.
func (u *upkeep) due(ctx context.Context, src *sourceConfig) (due []state.Mutation, err error) {
	limit := u.now().Add(-src.Removal.Grace)
	purge := func(r state.Record, reason plan.Reason) {
		due = append(due, state.Mutation{
			Scope: src.scope(), Kind: r.Kind, ID: r.ID, Life: &state.Life{Base: r.Version, Remove: state.RemovePurge},
			Cause: state.Cause{Kind: state.CausePull, Actor: dirsync.TriggerSchedule, Reason: string(reason)},
		})
	}
	if err := u.rec.Tombstones(ctx, src.scope(), func(r state.Record) bool {
		if r.Kind == state.KindAccount && !r.DeletedAt.After(limit) {
			purge(r, plan.ReasonGraceOver)
		}
		return ctx.Err() == nil
	}); err != nil {
		return nil, fmt.Errorf("read what was deleted in source %s: %w", src.Name, err)
	}
	var inactive []state.Record
	if err := u.rec.Scan(ctx, src.scope(), state.KindAccount, 0, 0, 0, func(r state.Record) bool {
		if !r.InForce && !r.Said && !r.Pinned && !r.Protected {
			r.Resource = nil // of many
			inactive = append(inactive, r)
		}
		return true
	}); err != nil {
		return nil, fmt.Errorf("read the accounts of source %s: %w", src.Name, err)
	}
	for _, r := range inactive {
		gone, err := u.goneBefore(ctx, src.scope(), r.ID, limit)
		if err != nil {
			return nil, err
		}
		if gone {
			purge(r, plan.ReasonGone)
		}
	}
	return due, nil
}

// goneBefore tells whether the last word on an account's being active was, before a time, that the person is gone from the source.
func (u *upkeep) goneBefore(ctx context.Context, scope state.Scope, id state.ID, limit time.Time) (bool, error) {
	entries, err := u.rec.EntriesOf(ctx, scope, id)
	if err != nil {
		return false, fmt.Errorf("read the journal of account %s: %w", id, err)
	}
	for _, e := range slices.Backward(entries) {
		if e.Verb == state.VerbDeactivate || e.Verb == state.VerbReactivate || e.Verb == state.VerbRestore || e.Verb == state.VerbCreate {
			return e.Verb == state.VerbDeactivate && e.Cause.Reason == string(plan.ReasonGone) && !e.At.After(limit), nil
		}
	}
	return false, nil
}

// tidy does after a run by hand what serve does once a day. A source that somebody else is at work on is left to them.
func (s *session) tidy(ctx context.Context, sources []*sourceConfig) error {
	u := newUpkeep(s.rec, s.logger(slog.LevelWarn), s.now)
	var failed error
	for _, src := range sources {
		if err := u.purge(ctx, src); !errors.Is(err, state.ErrLeased) {
			failed = errors.Join(failed, err)
		}
	}
	return errors.Join(failed, u.trim(ctx, s.cfg.Retention))
}
