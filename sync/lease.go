package sync

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"rollcall/state"
)

// lease is a source's lease as a run holds it.
type lease struct {
	state.Lease
	engine *Engine
	taken  time.Time
}

// acquire takes the lease. The store gives it to the same holder again, so that a process which was killed can go on at once; within
// this process it is for us to see that nobody takes it twice.
func (e *Engine) acquire(ctx context.Context, scope state.Scope) (lease, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.busy[scope] {
		return lease{}, fmt.Errorf("work on source %s: %w", scope.Source, state.ErrLeased)
	}
	l, err := e.Store.AcquireLease(ctx, scope, e.Holder, leaseTTL)
	if err != nil {
		return lease{}, fmt.Errorf("work on source %s: %w", scope.Source, err)
	}
	if e.busy == nil {
		e.busy = make(map[state.Scope]bool)
	}
	e.busy[scope] = true
	return lease{Lease: l, engine: e, taken: e.now()}, nil
}

// keep renews the lease when a third of its time is over.
func (l *lease) keep(ctx context.Context) error {
	now := l.engine.now()
	if now.Sub(l.taken) < leaseTTL/3 {
		return nil
	}
	renewed, err := l.engine.Store.RenewLease(ctx, l.Lease, leaseTTL)
	if err != nil {
		return fmt.Errorf("keep the lease on source %s: %w", l.Scope.Source, err)
	}
	l.Lease, l.taken = renewed, now
	return nil
}

// release gives the lease back; a failure only makes the next one wait until it runs out.
func (l *lease) release(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastWords)
	defer cancel()
	err := l.engine.Store.ReleaseLease(ctx, l.Lease)
	l.engine.mu.Lock()
	delete(l.engine.busy, l.Scope)
	l.engine.mu.Unlock()
	if err != nil {
		l.engine.log().LogAttrs(ctx, slog.LevelWarn, "lease not released",
			slog.String("source", l.Scope.Source), slog.String("error", err.Error()))
	}
}
