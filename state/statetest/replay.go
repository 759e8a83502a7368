package statetest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"rollcall/state"
)

// replayed is a record as its journal tells it.
type replayed struct {
	Kind       state.Kind
	Name       string
	Version    int64
	Attributes map[string]string // JSON by name; said, inForce and so on among them
	Members    []state.ID        // sorted
}

// CheckReplay carries out a scope's journal from the start and compares what comes of it with the record: every record that can be
// seen, whole, with its version and members. It also wants the tenant's numbers without a gap and Before to be what was. Of a journal
// that has been trimmed, it takes the entries back first, from the present record to the one of the cut, which has to hold as well.
func CheckReplay(ctx context.Context, store Store, scope state.Scope) error {
	entries, err := store.Entries(ctx, scope.Tenant, 0, 0)
	if err != nil {
		return err
	}
	cut, err := store.Cut(ctx, scope.Tenant)
	if err != nil {
		return err
	}
	told := map[state.ID]*replayed{}
	if cut > 0 {
		if told, err = atCut(ctx, store, scope, entries); err != nil {
			return err
		}
	}
	for i, e := range entries {
		if e.Number != cut+int64(i+1) {
			return fmt.Errorf("entry %d has number %d", cut+int64(i+1), e.Number)
		}
		if e.Scope != scope {
			continue
		}
		if err := replay(told, e); err != nil {
			return fmt.Errorf("entry %d (%s %s): %w", e.Number, e.Verb, e.ID, err)
		}
	}
	recorded, err := recordedNow(ctx, store, scope)
	if err != nil {
		return err
	}
	if diff := cmp.Diff(recorded, told, cmpopts.EquateEmpty()); diff != "" {
		return fmt.Errorf("record (-) and journal (+) differ:\n%s", diff)
	}
	return nil
}

func replay(told map[state.ID]*replayed, e state.Entry) error {
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
	for name, value := range before {
		if r.Attributes[name] != value && !(r.Attributes[name] == "" && unset(value)) {
			return fmt.Errorf("%s was %s, not %s", name, r.Attributes[name], value)
		}
		delete(r.Attributes, name)
	}
	for name, value := range after {
		if !optional[name] || !unset(value) {
			r.Attributes[name] = value
		}
	}
	for _, id := range left {
		i := slices.Index(r.Members, id)
		if i < 0 {
			return fmt.Errorf("%s left without having been a member", id)
		}
		r.Members = slices.Delete(r.Members, i, i+1)
	}
	for _, id := range joined {
		if slices.Contains(r.Members, id) {
			return fmt.Errorf("%s joined twice", id)
		}
		r.Members = append(r.Members, id)
	}
	slices.Sort(r.Members)
	r.Name, r.Version = e.Name, e.Version
	if e.Verb == state.VerbDelete || e.Verb == state.VerbPurge {
		if len(r.Attributes) > 0 || len(r.Members) > 0 {
			return fmt.Errorf("something is left of it: %+v", *r)
		}
		delete(told, e.ID)
	}
	return nil
}

// optional are the parts of an account's life that a record is without most of the time.
var optional = map[string]bool{"staged": true, "deletes": true, "pinned": true, "protected": true, "link": true}

func unset(value string) bool { return value == "false" || value == `""` }

// side splits one side of an entry into attributes and members.
func side(text []byte, list string) (attributes map[string]string, members []state.ID, err error) {
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(text, &raw); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", text, err)
	}
	attributes = map[string]string{}
	for name, value := range raw {
		attributes[name] = string(value)
	}
	if given, ok := raw["members"]; ok {
		delete(attributes, "members")
		lists := map[string][]state.ID{}
		if err := json.Unmarshal(given, &lists); err != nil {
			return nil, nil, fmt.Errorf("members %s: %w", given, err)
		}
		if names := slices.Collect(maps.Keys(lists)); !slices.Equal(names, []string{list}) {
			return nil, nil, fmt.Errorf("members has %v, want only %q", names, list)
		}
		members = lists[list]
	}
	return attributes, members, nil
}

func recordedNow(ctx context.Context, store Store, scope state.Scope) (map[state.ID]*replayed, error) {
	recorded := map[state.ID]*replayed{}
	for _, kind := range []state.Kind{state.KindAccount, state.KindGroup} {
		var failed error
		err := store.Scan(ctx, scope, kind, 0, 0, 0, func(r state.Record) bool {
			recorded[r.ID], failed = asReplayed(ctx, store, scope, r)
			return failed == nil
		})
		if err != nil || failed != nil {
			return nil, errors.Join(err, failed)
		}
	}
	return recorded, nil
}

func asReplayed(ctx context.Context, store Store, scope state.Scope, r state.Record) (*replayed, error) {
	attributes, _, err := side(r.Resource, "")
	if err != nil {
		return nil, err
	}
	image := &replayed{Kind: r.Kind, Name: r.Name, Version: r.Version, Attributes: attributes}
	if r.Kind == state.KindAccount {
		attributes["said"], attributes["inForce"] = fmt.Sprint(r.Said), fmt.Sprint(r.InForce)
		for name, on := range map[string]bool{"staged": r.Staged, "deletes": r.Deletes, "pinned": r.Pinned, "protected": r.Protected} {
			if on {
				attributes[name] = "true"
			}
		}
		if r.Link != "" {
			attributes["link"] = fmt.Sprintf("%q", r.Link)
		}
		return image, nil
	}
	err = store.Members(ctx, scope, r.ID, func(ref state.Ref) bool {
		image.Members = append(image.Members, ref.ID)
		return true
	})
	slices.Sort(image.Members)
	return image, err
}
