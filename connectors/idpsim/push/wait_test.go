package push_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/connectors/idpsim"
	"rollcall/connectors/idpsim/push"
)

// waits is a Pause that only takes note.
func waits(told *[]time.Duration) func(context.Context, time.Duration) error {
	return func(_ context.Context, d time.Duration) error {
		*told = append(*told, d)
		return nil
	}
}

// TestWaitsWhenTold: a receiver that is asked too fast says when to come back; what it turned away is pushed all the same.
func TestWaitsWhenTold(t *testing.T) {
	s := receive(t)
	var waited []time.Duration
	pop := acme(t)
	must(t, pop.Do(idpsim.Step{Do: "assign", Who: "*"}))
	e := entra(s, pop, func(o *push.EntraOptions) { o.Pause = waits(&waited) })
	s.tooFast = []string{"3", "7", "soon", "0"}
	must(t, e.Cycle(context.Background()))
	if diff := cmp.Diff([]time.Duration{3 * time.Second, 7 * time.Second, time.Second, time.Millisecond}, waited); diff != "" {
		t.Error(diff)
	}
	if len(s.resources) != 3 || e.Pauses() != 4 {
		t.Errorf("%d people arrived after %d pauses, want 3 and 4", len(s.resources), e.Pauses())
	}
}

// TestPatienceEnds: a receiver that asks for more than five minutes is given up on.
func TestPatienceEnds(t *testing.T) {
	s := receive(t)
	var waited []time.Duration
	e := entra(s, acme(t), func(o *push.EntraOptions) { o.Pause = waits(&waited) })
	s.tooFast = []string{"299", "2"}
	if err := e.Cycle(context.Background()); err == nil {
		t.Error("more than five minutes were waited for one request")
	}
	if diff := cmp.Diff([]time.Duration{299 * time.Second}, waited); diff != "" {
		t.Error(diff)
	}
}

// TestWaitingEndsWithTheContext: who waits is not kept from stopping.
func TestWaitingEndsWithTheContext(t *testing.T) {
	s := receive(t)
	ctx, cancel := context.WithCancel(context.Background())
	e := entra(s, acme(t), nil)
	s.tooFast = []string{"200"}
	s.told = cancel
	if err := e.Cycle(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}
