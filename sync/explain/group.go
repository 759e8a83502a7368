package explain

import (
	"context"
	"fmt"
	"slices"

	"rollcall/state"
)

// ReadGroup reads what happened to a group, the oldest first: the newest limit of events, 0 for all, and whether there are older ones.
// Who joined or left stands in the changes of "members", as ids. A group that is gone has its events as well; without any it is
// state.ErrNotFound.
func ReadGroup(ctx context.Context, reader Reader, scope state.Scope, id state.ID, limit int) (events []Event, older bool, err error) {
	fail := func(err error) ([]Event, bool, error) {
		return nil, false, fmt.Errorf("source %s: %w", scope.Source, err)
	}
	entries, err := reader.LastEntries(ctx, scope, id, oneMore(limit))
	if err != nil {
		return fail(fmt.Errorf("read the journal: %w", err))
	}
	t := &traces{requests: make(map[string]state.Request)}
	t.entries = some(t, entries, limit)
	if len(t.entries) == 0 || t.entries[0].Kind != state.KindGroup {
		return fail(state.ErrNotFound)
	}
	if err := t.readBehind(ctx, reader); err != nil {
		return fail(err)
	}
	for i := range slices.Backward(t.entries) {
		e := &t.entries[i]
		event := t.causedEvent(e, true)
		event.What, event.Changes = What(e.Verb, e.After), changesOf(e)
		events = append(events, event)
	}
	return events, t.more, nil
}
