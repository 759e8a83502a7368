package connectortest

import (
	"context"
	"errors"
	"testing"
	"time"

	"rollcall/connectors"
	"rollcall/connectors/idpsim"
)

// cancel cancels each method while it waits for an answer, for the rest of one, or to ask again: it ends within a second, with the
// context's own error.
func (h *Harness) cancel(t *testing.T) {
	for name, method := range map[string]func(context.Context, *provider, string) error{
		"pull": func(ctx context.Context, p *provider, _ string) error {
			want := withGroups(p.h.want())
			proof, err := p.connector.Pull(ctx, want, func([]connectors.Person) error { return nil })
			if proof.Complete || proof.Reason == "" {
				return errors.New("the proof does not say that the pull was stopped")
			}
			return err
		},
		"look": func(ctx context.Context, p *provider, _ string) error {
			return p.connector.Look(ctx, p.h.want(), []string{p.id(1), p.id(2), p.id(3)}, func(connectors.Sighting) error { return nil })
		},
		"hints": func(ctx context.Context, p *provider, cursor string) error {
			_, err := p.connector.(connectors.Hinter).Hints(ctx, cursor)
			return err
		},
		"mapping": func(ctx context.Context, p *provider, _ string) error {
			_, err := p.connector.(connectors.Mapper).Mapping(ctx)
			return err
		},
		"check": func(ctx context.Context, p *provider, _ string) error {
			p.connector.Check(ctx) // has no error to return
			return ctx.Err()
		},
	} {
		for _, fault := range []string{idpsim.SlowDrip, idpsim.Hang, idpsim.Throttle} {
			t.Run(name+" "+fault, func(t *testing.T) {
				t.Parallel()
				p := h.start(t, idpsim.New(idpsim.Options{Seed: 7, People: 50, Groups: 2, Direct: 5}), nil)
				cursor := p.goOn(t, "").Cursor
				<-p.called
				p.fault(t, fault, idpsim.Where{Wait: time.Minute})
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				cancelled := make(chan time.Time, 1)
				go func() { <-p.called; cancelled <- time.Now(); cancel() }()
				err := method(ctx, p, cursor)
				if took := time.Since(<-cancelled); took > time.Second {
					t.Errorf("ended %v after it was cancelled", took)
				}
				if !errors.Is(err, context.Canceled) {
					t.Errorf("got %v", err)
				}
			})
		}
	}
}
