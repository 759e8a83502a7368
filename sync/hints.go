package sync

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"rollcall/connectors"
	"rollcall/state"
	"rollcall/sync/plan"
)

// ErrNoHints says that a source's connector cannot tell who has changed.
var ErrNoHints = errors.New("the source's provider gives no hints")

// errUnanswered ends a look at people of whom not one was answered for.
var errUnanswered = errors.New("nobody whom the provider named could be looked at")

// mostHinted is how many people are looked at because of hints; beyond that a pull is worth more.
const mostHinted = 200

// Hurried is what came of a look at what has changed.
type Hurried struct {
	People int    // named by the provider
	Pull   bool   // a pull is worth doing now
	Report Report // of the run about those who were named; zero without one
}

// Hurry asks the provider who has changed since it was last asked, and runs about them, a few hundred at most. Hints decide nothing: what
// removes or lets in is what the people themselves are found to be, as for RunPeople. How far the provider was read is kept last, so that
// what fails is named again. It never pulls, and does nothing before a source's first pull. Errors are the provider's, the record's,
// state.ErrLeased while a pull goes on, and ErrNoHints.
func (e *Engine) Hurry(ctx context.Context, source Source) (Hurried, error) {
	hinter, ok := source.Connector.(connectors.Hinter)
	if !ok {
		return Hurried{}, ErrNoHints
	}
	identity := source.Connector.Identity()
	kept, err := e.Store.Source(ctx, source.Scope.Source)
	switch {
	case errors.Is(err, state.ErrNotFound), err == nil && kept.LastPullAt.IsZero():
		return Hurried{}, nil
	case err != nil:
		return Hurried{}, fmt.Errorf("read source %s: %w", source.Scope.Source, err)
	case kept.Identity != identity:
		return Hurried{Pull: true}, nil // the record is of another directory yet
	}
	cursor, err := e.Store.Cursor(ctx, source.Scope)
	if err != nil {
		return Hurried{}, fmt.Errorf("read where hints were read to: %w", err)
	}
	if cursor.Identity != identity {
		cursor = state.Cursor{Identity: identity}
	}
	hints, err := hinter.Hints(ctx, cursor.Text)
	switch {
	case errors.Is(err, connectors.ErrGone):
		return Hurried{Pull: true}, e.keepCursor(ctx, source.Scope, state.Cursor{})
	case err != nil:
		return Hurried{}, fmt.Errorf("ask who has changed: %w", err)
	}
	h := Hurried{People: len(hints.People), Pull: hints.Pull || len(hints.People) > mostHinted}
	if h.People > 0 && h.People <= mostHinted {
		if h.Report, err = e.RunPeople(ctx, source, Order{Trigger: TriggerSchedule, Actor: TriggerHint}, hints.People); err != nil {
			return h, err
		}
		if h.Report.Proof.People == 0 {
			return h, errUnanswered
		}
		h.Pull = h.Pull || mayComeBack(&h.Report.Plan)
	}
	if hints.Cursor == cursor.Text {
		return h, nil
	}
	return h, e.keepCursor(ctx, source.Scope, state.Cursor{Identity: identity, Text: hints.Cursor})
}

// mayComeBack tells whether somebody with an account that is not in force may have come back, which only a pull can tell.
func mayComeBack(p *plan.Plan) bool {
	return slices.ContainsFunc(p.Notices, func(n plan.Notice) bool { return n.Kind == plan.Unplaced && n.Account != "" })
}

// keepCursor keeps where hints were read to; a zero cursor drops it.
func (e *Engine) keepCursor(ctx context.Context, scope state.Scope, cursor state.Cursor) error {
	l, err := e.acquire(ctx, scope)
	if err != nil {
		return err
	}
	defer l.release(ctx)
	if err := e.Store.PutCursor(ctx, scope, l.Epoch, cursor); err != nil {
		return fmt.Errorf("keep where hints were read to: %w", err)
	}
	return nil
}
