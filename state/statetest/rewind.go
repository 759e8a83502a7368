package statetest

import (
	"context"
	"fmt"
	"slices"

	"rollcall/state"
)

// atCut is a scope's record as it was when the journal was cut: the present one with every kept entry taken back, the newest first.
func atCut(ctx context.Context, store Store, scope state.Scope, entries []state.Entry) (map[state.ID]*replayed, error) {
	told, err := recordedNow(ctx, store, scope)
	if err != nil {
		return nil, err
	}
	for _, e := range slices.Backward(entries) {
		if e.Scope != scope {
			continue
		}
		if err := rewind(told, e); err != nil {
			return nil, fmt.Errorf("taking back entry %d (%s %s): %w", e.Number, e.Verb, e.ID, err)
		}
	}
	return told, nil
}

// rewind takes one entry back. The name and version that a record had before it are only told by the entry before: they are left open.
func rewind(told map[state.ID]*replayed, e state.Entry) error {
	before, left, err := side(e.Before, "removed")
	if err != nil {
		return err
	}
	after, joined, err := side(e.After, "added")
	if err != nil {
		return err
	}
	r := told[e.ID]
	if r == nil {
		r = &replayed{Kind: e.Kind, Attributes: map[string]string{}}
		told[e.ID] = r
	}
	for name, value := range after {
		if r.Attributes[name] != value && !(r.Attributes[name] == "" && unset(value)) {
			return fmt.Errorf("%s is %s, not %s", name, r.Attributes[name], value)
		}
		delete(r.Attributes, name)
	}
	for name, value := range before {
		if !optional[name] || !unset(value) {
			r.Attributes[name] = value
		}
	}
	for _, id := range joined {
		i := slices.Index(r.Members, id)
		if i < 0 {
			return fmt.Errorf("%s joined and is no member", id)
		}
		r.Members = slices.Delete(r.Members, i, i+1)
	}
	r.Members = append(r.Members, left...)
	slices.Sort(r.Members)
	if e.Verb == state.VerbCreate || e.Verb == state.VerbRestore {
		if len(r.Attributes) > 0 || len(r.Members) > 0 {
			return fmt.Errorf("something was there before it: %+v", *r)
		}
		delete(told, e.ID)
	}
	return nil
}
