package explain

import (
	"context"
	"fmt"
	"strings"

	"rollcall/state"
)

// ByID returns whom an account's id means in a source: the account, its tombstone, or, if it was purged, what the journal has of it.
// state.ErrNotFound if there is nothing under the id, or a group.
func ByID(ctx context.Context, reader Reader, scope state.Scope, id state.ID) (Subject, error) {
	fail := func(err error) (Subject, error) { return Subject{}, fmt.Errorf("source %s: %w", scope.Source, err) }
	r, err := RecordByID(ctx, reader, scope, state.KindAccount, id)
	if err == nil {
		return subjectOf(scope, r), nil
	}
	if !isNotFound(err) {
		return fail(err)
	}
	entries, err := reader.LastEntries(ctx, scope, id, 1)
	if err != nil {
		return fail(fmt.Errorf("read the journal: %w", err))
	}
	if len(entries) == 0 || entries[0].Kind != state.KindAccount {
		return fail(state.ErrNotFound)
	}
	return Subject{Scope: scope, Account: id, Name: entries[0].Name}, nil
}

// ByPerson returns whom an object id at the provider means in a source: the account that is tied to it, else the tombstone of one, else
// somebody without an account, of whom there may be traces.
func ByPerson(ctx context.Context, reader Reader, scope state.Scope, person string) (Subject, error) {
	linked, err := reader.Find(ctx, scope, state.KindAccount, state.NewMatchKey(state.MatchLink, person))
	if err != nil {
		return Subject{}, fmt.Errorf("source %s: find the account of a person: %w", scope.Source, err)
	}
	if len(linked) > 0 {
		return subjectOf(scope, linked[0]), nil
	}
	found := Subject{Scope: scope, Person: person, Name: person}
	err = reader.Tombstones(ctx, scope, func(r state.Record) bool {
		if r.Kind == state.KindAccount && strings.EqualFold(r.Link, person) {
			found = subjectOf(scope, r)
		}
		return true // a later one is newer
	})
	if err != nil {
		return Subject{}, fmt.Errorf("source %s: read the tombstones: %w", scope.Source, err)
	}
	return found, nil
}

// RecordByID returns an account or a group by its id, or its tombstone; state.ErrNotFound if there is neither.
func RecordByID(ctx context.Context, reader Reader, scope state.Scope, kind state.Kind, id state.ID) (state.Record, error) {
	r, err := reader.Record(ctx, scope, kind, id)
	if !isNotFound(err) {
		return r, err
	}
	found := state.Record{}
	err = reader.Tombstones(ctx, scope, func(r state.Record) bool {
		if r.Kind == kind && r.ID == id {
			found = r
		}
		return found.ID == ""
	})
	if err == nil && found.ID == "" {
		err = state.ErrNotFound
	}
	return found, err
}
