package statetest

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"rollcall/state"
)

// now is a short form of what is true of an account: said, in force, staged.
type now struct{ said, inForce, staged bool }

func (f *fixture) now(t *testing.T, id state.ID) now {
	t.Helper()
	r := f.record(t, state.KindAccount, id)
	return now{r.Said, r.InForce, r.Staged}
}

func testLife(t *testing.T, f *fixture) {
	f.account(t, "a", "ada@acme.example")
	put := func(active string) *state.Put {
		return &state.Put{Base: f.record(t, state.KindAccount, "a").Version, Resource: parse(t, `{"userName":"ada@acme.example"`+active+`}`)}
	}
	for _, step := range []struct {
		name string
		m    state.Mutation
		verb state.Verb // "" = no change
		want now
	}{
		{"a push deactivates", state.Mutation{Put: put(`,"active":false`)}, state.VerbDeactivate, now{}},
		{"a put that says nothing", state.Mutation{Put: &state.Put{Base: 2, Resource: parse(t, `{"userName":"ada@acme.example","title":"Dr"}`)}}, state.VerbUpdate, now{}},
		{"a push reactivates", state.Mutation{Life: &state.Life{Said: new(true)}}, state.VerbReactivate, now{said: true, inForce: true}},
		{"life goes before active", state.Mutation{Put: &state.Put{Base: 4, Resource: parse(t, `{"userName":"ada@acme.example","active":true}`)}, Life: &state.Life{Said: new(false)}}, state.VerbDeactivate, now{}},
		{"said again", state.Mutation{Life: &state.Life{Said: new(true)}, Cause: pulled}, state.VerbReactivate, now{said: true, inForce: true}},
		{"a push is staged", state.Mutation{Life: &state.Life{Said: new(false), Stage: true}}, state.VerbLife, now{inForce: true, staged: true}},
		{"staged again", state.Mutation{Life: &state.Life{Said: new(false), Stage: true}}, "", now{inForce: true, staged: true}},
		{"taken back", state.Mutation{Life: &state.Life{Said: new(true), Stage: true}}, state.VerbLife, now{said: true, inForce: true}},
		{"staged once more", state.Mutation{Life: &state.Life{Said: new(false), Stage: true}}, state.VerbLife, now{inForce: true, staged: true}},
		{"a second witness", state.Mutation{Life: &state.Life{Said: new(false)}, Cause: pulled}, state.VerbDeactivate, now{}},
		{"a staged return", state.Mutation{Life: &state.Life{Said: new(true), Stage: true}}, state.VerbLife, now{said: true, staged: true}},
		{"an approval", state.Mutation{Life: &state.Life{InForce: new(true)}, Cause: approved}, state.VerbReactivate, now{said: true, inForce: true}},
		{"a staged one", state.Mutation{Life: &state.Life{Said: new(false), Stage: true}}, state.VerbLife, now{inForce: true, staged: true}},
		{"a discard pins", state.Mutation{Life: &state.Life{InForce: new(true), Pinned: new(true)}, Cause: operator}, state.VerbLife, now{inForce: true}},
	} {
		step.m.Kind, step.m.ID = state.KindAccount, "a"
		f.clock.Advance(time.Second)
		before := len(f.entries(t))
		r := f.write(t, step.m)
		entries := f.entries(t)[before:]
		switch {
		case step.verb == "" && (r.Changed || len(entries) > 0):
			t.Errorf("%s: changed, journal %v", step.name, entries)
		case step.verb != "" && (len(entries) != 1 || entries[0].Verb != step.verb):
			t.Errorf("%s: journal %v, want one %s", step.name, entries, step.verb)
		}
		if got := f.now(t, "a"); got != step.want {
			t.Errorf("%s: said, in force, staged = %v, want %v", step.name, got, step.want)
		}
	}

	created := f.write(t, state.Mutation{Kind: state.KindAccount, ID: "b", Put: &state.Put{Resource: parse(t, `{"userName":"bob","active":true}`)}, Life: &state.Life{Said: new(true), Stage: true, Protected: new(true)}})
	if r := created.Record; !r.Said || r.InForce || !r.Staged || !r.Protected {
		t.Errorf("an account created in stage = %+v", r)
	}
}

func testPins(t *testing.T, f *fixture) {
	f.account(t, "a", "ada@acme.example")
	if r := f.life(t, "a", operator, state.Life{Pinned: new(true)}); r.Err != nil || !r.Record.Pinned || !r.Record.InForce {
		t.Fatalf("pinning = %+v", r)
	}
	for name, m := range map[string]state.Mutation{
		"a pull that says otherwise":     {Life: &state.Life{Said: new(false)}, Cause: pulled},
		"an approval that says so":       {Life: &state.Life{Said: new(false)}, Cause: approved},
		"an approval in force":           {Life: &state.Life{InForce: new(false)}, Cause: approved},
		"a pull by put":                  {Put: &state.Put{Base: 2, Resource: parse(t, `{"userName":"x","active":false}`)}, Cause: pulled},
		"a push in force":                {Life: &state.Life{InForce: new(false)}, Cause: pushed},
		"a push that takes the pin away": {Life: &state.Life{Pinned: new(false)}, Cause: pushed},
		"a pushed DELETE":                {Life: &state.Life{Remove: state.RemoveDelete}, Cause: pushed},
		"a pull's purge":                 {Life: &state.Life{Remove: state.RemovePurge}, Cause: pulled},
	} {
		m.Kind, m.ID = state.KindAccount, "a"
		if r := f.try(t, m); !errors.Is(r.Err, state.ErrPinned) {
			t.Errorf("%s = %v, want ErrPinned", name, r.Err)
		}
	}
	if got := f.now(t, "a"); got != (now{said: true, inForce: true}) {
		t.Errorf("after the refusals: %v", got)
	}
	if r := f.life(t, "a", pulled, state.Life{Said: new(true)}); r.Err != nil || r.Changed {
		t.Errorf("a pull that agrees = %+v, want no change", r)
	}
	f.write(t, state.Mutation{Kind: state.KindAccount, ID: "a", Put: &state.Put{Base: 2, Resource: parse(t, `{"userName":"ada@acme.example","title":"Dr"}`)}, Cause: pulled})
	if r := f.life(t, "a", pushed, state.Life{Said: new(false)}); r.Err != nil || !r.Changed || f.now(t, "a") != (now{inForce: true}) {
		t.Errorf("what a push says is noted, not in force: %+v", r)
	}
	if r := f.life(t, "a", operator, state.Life{InForce: new(false)}); r.Err != nil || f.now(t, "a") != (now{}) {
		t.Errorf("the operator's own word = %+v", r)
	}
	f.life(t, "a", pushed, state.Life{Said: new(true)})
	if r := f.life(t, "a", operator, state.Life{Pinned: new(false)}); r.Err != nil || f.now(t, "a") != (now{said: true, inForce: true}) {
		t.Errorf("without the pin, what was said holds: %+v", r)
	}
	f.life(t, "a", operator, state.Life{Pinned: new(true)})
	if r := f.life(t, "a", undone, state.Life{Said: new(false), InForce: new(false)}); r.Err != nil || f.now(t, "a") != (now{}) {
		t.Errorf("an undo = %+v", r)
	}
	if r := f.life(t, "a", operator, state.Life{Remove: state.RemoveDelete}); r.Err != nil {
		t.Errorf("the operator's removal of a pinned account: %v", r.Err)
	}
}

func testLinks(t *testing.T, f *fixture) {
	f.account(t, "a", "ada@acme.example")
	f.account(t, "b", "bob@acme.example")
	if r := f.life(t, "a", pulled, state.Life{Link: new("person-1")}); r.Err != nil || r.Record.Link != "person-1" || r.Record.Version != 2 {
		t.Fatalf("linking = %+v", r)
	}
	taken := func(name string, r state.Result) {
		t.Helper()
		var unique *state.UniqueError
		if !errors.As(r.Err, &unique) || unique.Holder != "a" || unique.Key != state.NewMatchKey(state.MatchLink, "person-1") {
			t.Errorf("%s = %v, want a UniqueError that names the holder", name, r.Err)
		}
	}
	taken("a second account with the link", f.life(t, "b", pulled, state.Life{Link: new("person-1")}))
	results, err := f.Write(state.Urgent, []state.Mutation{
		{Scope: beside, Kind: state.KindAccount, ID: "c", Cause: pulled, Put: &state.Put{Resource: parse(t, `{"userName":"c"}`)}, Life: &state.Life{Link: new("person-1")}},
	})
	if err != nil || results[0].Err != nil || results[0].Record.Link != "person-1" {
		t.Errorf("the link in another source = %+v, %v", results, err)
	}
	f.life(t, "b", pulled, state.Life{Link: new("Person-1")}) // another person: links are exact
	f.life(t, "b", pushed, state.Life{Remove: state.RemoveDelete})
	f.life(t, "a", pulled, state.Life{Link: new("Person-1")})
	var unique *state.UniqueError
	if r := f.life(t, "b", operator, state.Life{Remove: state.RemoveRestore}); !errors.As(r.Err, &unique) || unique.Holder != "a" {
		t.Errorf("restoring an account whose link is taken = %v", r.Err)
	}
	f.life(t, "a", operator, state.Life{Link: new("")})
	if r := f.life(t, "b", operator, state.Life{Remove: state.RemoveRestore}); r.Err != nil || r.Record.Link != "Person-1" {
		t.Errorf("restoring it when the link is free = %+v", r)
	}
}

func testRemoval(t *testing.T, f *fixture) {
	f.account(t, "a", "ada@acme.example")
	f.clock.Advance(time.Second)
	deleted := f.life(t, "a", pushed, state.Life{Remove: state.RemoveDelete})
	if r := deleted.Record; deleted.Err != nil || r.Said || r.InForce || r.Version != 2 || r.DeletedAt != f.clock.Now() {
		t.Fatalf("deleting = %+v", deleted)
	}
	for name, m := range map[string]state.Mutation{
		"deleting again":   {Life: &state.Life{Remove: state.RemoveDelete}},
		"changing":         {Life: &state.Life{Said: new(true)}},
		"replacing":        {Put: &state.Put{Base: 2, Resource: parse(t, `{"userName":"x"}`)}},
		"nothing at all":   {},
		"linking":          {Life: &state.Life{Link: new("p")}, Cause: operator},
		"deleting nobody":  {ID: "none", Life: &state.Life{Remove: state.RemoveDelete}},
		"purging nobody":   {ID: "none", Life: &state.Life{Remove: state.RemovePurge}},
		"restoring nobody": {ID: "none", Life: &state.Life{Remove: state.RemoveRestore}},
	} {
		m.Kind = state.KindAccount
		if m.ID == "" {
			m.ID = "a"
		}
		if r := f.try(t, m); !errors.Is(r.Err, state.ErrNotFound) {
			t.Errorf("%s = %v, want ErrNotFound", name, r.Err)
		}
	}
	again := f.try(t, state.Mutation{Kind: state.KindAccount, ID: "a", Put: &state.Put{Resource: parse(t, `{"userName":"ada@acme.example"}`)}})
	if !errors.Is(again.Err, state.ErrVersion) {
		t.Errorf("creating under a tombstone's id = %v, want ErrVersion", again.Err)
	}
	var tombstones []state.Record
	if err := f.Tombstones(t.Context(), here, func(r state.Record) bool { tombstones = append(tombstones, r); return true }); err != nil ||
		len(tombstones) != 1 || tombstones[0].ID != "a" || tombstones[0].DeletedAt.IsZero() {
		t.Errorf("Tombstones = %v, %v", tombstones, err)
	}
	if n, err := f.Count(t.Context(), here, state.KindAccount); n != 0 || err != nil {
		t.Errorf("Count = %d, %v; want 0", n, err)
	}

	f.account(t, "b", "ADA@acme.example") // the name is free
	var unique *state.UniqueError
	if r := f.life(t, "a", operator, state.Life{Remove: state.RemoveRestore}); !errors.As(r.Err, &unique) || unique.Holder != "b" {
		t.Errorf("restoring an account whose name is taken = %v, want a UniqueError", r.Err)
	}
	f.write(t, state.Mutation{Kind: state.KindAccount, ID: "b", Put: &state.Put{Base: 1, Resource: parse(t, `{"userName":"bob"}`)}})
	if r := f.life(t, "a", operator, state.Life{Base: 1, Remove: state.RemoveRestore}); !errors.Is(r.Err, state.ErrVersion) {
		t.Errorf("restoring an earlier version = %v, want ErrVersion", r.Err)
	}
	restored := f.life(t, "a", operator, state.Life{Base: 2, Remove: state.RemoveRestore})
	if r := restored.Record; restored.Err != nil || r.Said || r.InForce || r.Version != 3 || !r.DeletedAt.IsZero() || r.Row != deleted.Record.Row {
		t.Errorf("restoring = %+v, want it back, inactive, in its place", restored)
	}
	f.life(t, "a", pushed, state.Life{Remove: state.RemoveDelete})
	f.write(t, state.Mutation{Kind: state.KindAccount, ID: "b", Put: &state.Put{Base: 2, Resource: parse(t, `{"userName":"ada@ACME.example"}`)}})
	active := f.try(t, state.Mutation{Kind: state.KindAccount, ID: "a", Cause: undone, Life: &state.Life{Remove: state.RemoveRestore, Said: new(true)},
		Put: &state.Put{Base: 4, Resource: parse(t, `{"userName":"ada2@acme.example"}`)}})
	if active.Err != nil || !active.Record.InForce || active.Record.Name != "ada2@acme.example" {
		t.Errorf("restoring under another name, the former one being taken, active = %+v", active)
	}
	for name, want := range map[string]state.ID{"ada@acme.example": "b", "ada2@acme.example": "a"} {
		found, err := f.Find(t.Context(), here, state.KindAccount, state.NewMatchKey(state.MatchUserName, name))
		if len(found) != 1 || found[0].ID != want || err != nil {
			t.Errorf("under the name %s: %+v, %v; want %s", name, found, err, want)
		}
	}
	f.life(t, "a", pushed, state.Life{Remove: state.RemoveDelete})
	nameless := f.try(t, state.Mutation{Kind: state.KindAccount, ID: "a", Cause: undone, Life: &state.Life{Remove: state.RemoveRestore},
		Put: &state.Put{Base: 6, Resource: parse(t, `{"title":"Engineer"}`)}})
	found, err := f.Find(t.Context(), here, state.KindAccount, state.NewMatchKey(state.MatchUserName, "ada2@acme.example"))
	if nameless.Err != nil || len(found) > 0 || err != nil {
		t.Errorf("restored without a name: %+v, found under the former one %+v, %v", nameless, found, err)
	}

	purged := f.life(t, "a", operator, state.Life{Remove: state.RemovePurge})
	if purged.Err != nil || !purged.Changed || purged.Number == 0 || purged.Record.ID != "" {
		t.Errorf("purging = %+v, want a change and no record", purged)
	}
	f.life(t, "b", pushed, state.Life{Remove: state.RemoveDelete})
	if r := f.life(t, "b", operator, state.Life{Remove: state.RemovePurge}); r.Err != nil || !r.Changed {
		t.Errorf("purging a tombstone = %+v", r)
	}
	if r := f.life(t, "b", operator, state.Life{Remove: state.RemoveRestore}); !errors.Is(r.Err, state.ErrNotFound) {
		t.Errorf("restoring what is purged = %v, want ErrNotFound", r.Err)
	}
	var told []string
	for _, e := range f.entries(t) {
		if e.ID == "a" {
			told = append(told, fmt.Sprint(e.Verb, " ", e.Version))
		}
	}
	if want := []string{"create 1", "delete 2", "restore 3", "delete 4", "restore 5", "delete 6", "restore 7", "purge 8"}; !slices.Equal(told, want) {
		t.Errorf("the journal tells %v, want %v", told, want)
	}
	f.account(t, "s", "staged")
	f.life(t, "s", pushed, state.Life{Said: new(false), Stage: true})
	if r := f.life(t, "s", pushed, state.Life{Remove: state.RemoveDelete}).Record; r.Said || r.InForce || r.Staged {
		t.Errorf("a staged account that is deleted = %+v", r)
	}
	if row := f.account(t, "c", "cyd").Row; row <= deleted.Record.Row+1 {
		t.Errorf("a new record has row %d: rows are used again", row)
	}
}
