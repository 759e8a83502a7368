package rest

import (
	"context"
	"sync/atomic"

	"rollcall/connectors"
)

// Tally counts the calls that were made under one context, and keeps the last failure, for clients that lose it on the way up.
type Tally struct {
	outer   *Tally // of the context that this one's was made from; or nil
	calls   atomic.Int64
	failure atomic.Pointer[connectors.Error]
}

// WithTally returns a context whose calls are counted; in the tally that ctx had, too.
func WithTally(ctx context.Context) (context.Context, *Tally) {
	t := new(Tally)
	t.outer, _ = ctx.Value(tallyKey{}).(*Tally)
	return context.WithValue(ctx, tallyKey{}, t), t
}

// TallyOf returns the tally of a context that came from WithTally, or one that nobody reads.
func TallyOf(ctx context.Context) *Tally {
	if t, ok := ctx.Value(tallyKey{}).(*Tally); ok {
		return t
	}
	return new(Tally)
}

// Calls is the number of network calls so far, retries included.
func (t *Tally) Calls() int { return int(t.calls.Load()) }

// Failure is the last failure that the transport gave up on, or nil.
func (t *Tally) Failure() *connectors.Error { return t.failure.Load() }

func (t *Tally) count() {
	for ; t != nil; t = t.outer {
		t.calls.Add(1)
	}
}

func (t *Tally) note(failure *connectors.Error) {
	for ; t != nil; t = t.outer {
		t.failure.Store(failure)
	}
}

type tallyKey struct{}
