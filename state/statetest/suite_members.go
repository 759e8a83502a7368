package statetest

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rollcall/state"
)

func testMembers(t *testing.T, f *fixture) {
	for _, id := range []state.ID{"a", "b", "c", "d"} {
		f.account(t, id, "user "+string(id))
	}
	f.group(t, "g", "Staff", "b", "a")
	f.group(t, "h", "All", "g", "c")
	change := func(members state.Members) state.Result {
		t.Helper()
		return f.try(t, state.Mutation{Kind: state.KindGroup, ID: "g", Members: &members})
	}
	for _, step := range []struct {
		name    string
		members state.Members
		version int64
		want    []state.ID
	}{
		{"as made", state.Members{}, 1, []state.ID{"b", "a"}},
		{"one joins", state.Members{Add: []state.ID{"c", "a"}}, 2, []state.ID{"b", "a", "c"}},
		{"one leaves", state.Members{Remove: []state.ID{"a", "d", "a"}}, 3, []state.ID{"b", "c"}},
		{"one comes back", state.Members{Add: []state.ID{"a", "a"}}, 4, []state.ID{"b", "c", "a"}},
		{"one goes, one comes", state.Members{Add: []state.ID{"d"}, Remove: []state.ID{"b", "d"}}, 5, []state.ID{"c", "a", "d"}},
		{"the group is set", state.Members{Set: true, Add: []state.ID{"b", "a"}, Remove: []state.ID{"a"}}, 6, []state.ID{"a", "b"}},
		{"set again", state.Members{Set: true, Add: []state.ID{"b", "a", "b"}}, 6, []state.ID{"a", "b"}},
		{"a group joins", state.Members{Add: []state.ID{"h"}}, 7, []state.ID{"a", "b", "h"}},
		{"nobody is left", state.Members{Set: true}, 8, nil},
	} {
		r := change(step.members)
		if got := f.members(t, "g"); r.Err != nil || r.Record.Version != step.version || !slices.Equal(got, step.want) {
			t.Errorf("%s: members %v at version %d, %v; want %v at %d", step.name, got, r.Record.Version, r.Err, step.want, step.version)
		}
	}
	other := state.Mutation{Scope: beside, Kind: state.KindAccount, ID: "z", Cause: pushed, Put: &state.Put{Resource: parse(t, `{"userName":"z"}`)}}
	if _, err := f.Write(state.Urgent, []state.Mutation{other}); err != nil {
		t.Fatal(err)
	}
	for _, id := range []state.ID{"none", "z", ""} {
		var member *state.MemberError
		if r := change(state.Members{Add: []state.ID{"a", id}}); !errors.As(r.Err, &member) || member.ID != id {
			t.Errorf("adding %q = %v, want a MemberError that names it", id, r.Err)
		}
	}
	if got := f.members(t, "g"); len(got) > 0 {
		t.Errorf("after the refusals: %v", got)
	}
	if v := f.record(t, state.KindAccount, "a").Version; v != 1 {
		t.Errorf("memberships have changed a member's version to %d", v)
	}
	refs, err := f.GroupsOf(t.Context(), here, "c")
	if diff := cmp.Diff([]state.Ref{{ID: "h", Kind: state.KindGroup, Name: "All"}}, refs); diff != "" || err != nil {
		t.Errorf("GroupsOf: %v\n%s", err, diff)
	}
	var nested []state.Ref
	err = f.Members(t.Context(), here, "h", func(r state.Ref) bool { nested = append(nested, r); return len(nested) < 1 })
	if diff := cmp.Diff([]state.Ref{{ID: "g", Kind: state.KindGroup, Name: "Staff"}}, nested); diff != "" || err != nil {
		t.Errorf("the first of Members: %v\n%s", err, diff)
	}
	entries, err := f.EntriesOf(t.Context(), here, "g")
	if err != nil {
		t.Fatal(err)
	}
	last := entries[len(entries)-1]
	if last.Verb != state.VerbMembers || string(last.Before) != `{"members":{"removed":["a","b","h"]}}` || string(last.After) != "{}" {
		t.Errorf("the journal says of the emptied group: %s %s → %s", last.Verb, last.Before, last.After)
	}
	if err := CheckReplay(t.Context(), f, here); err != nil {
		t.Error(err)
	}
}

func testMembersRemoval(t *testing.T, f *fixture) {
	for _, id := range []state.ID{"a", "b"} {
		f.account(t, id, string(id))
	}
	f.group(t, "g", "Staff", "a", "b")
	f.group(t, "h", "All", "a", "g")
	change := func(kind state.Kind, id state.ID, removal state.Removal) {
		t.Helper()
		f.write(t, state.Mutation{Kind: kind, ID: id, Life: &state.Life{Remove: removal}, Cause: operator})
	}
	check := func(what string, group state.ID, version int64, want ...state.ID) {
		t.Helper()
		got, record := f.members(t, group), f.record(t, state.KindGroup, group)
		if !slices.Equal(got, want) || record.Version != version {
			t.Errorf("%s: %s has %v at version %d, want %v at %d", what, group, got, record.Version, want, version)
		}
	}
	f.life(t, "a", pushed, state.Life{Said: new(false)})
	check("a is inactive", "g", 1, "a", "b")
	before := len(f.entries(t))
	change(state.KindAccount, "a", state.RemoveDelete)
	check("a is deleted", "g", 2, "b")
	check("a is deleted", "h", 2, "g")
	var told []string
	for _, e := range f.entries(t)[before:] {
		told = append(told, fmt.Sprintf("%s %s %s", e.ID, e.Verb, e.Before))
	}
	want := []string{`a delete {"userName":"a","said":false,"inForce":false}`, `g members {"members":{"removed":["a"]}}`, `h members {"members":{"removed":["a"]}}`}
	if diff := cmp.Diff(want, told); diff != "" {
		t.Errorf("the journal (-want +got):\n%s", diff)
	}
	var member *state.MemberError
	if r := f.try(t, state.Mutation{Kind: state.KindGroup, ID: "g", Members: &state.Members{Add: []state.ID{"a"}}}); !errors.As(r.Err, &member) {
		t.Errorf("adding a tombstone = %v, want a MemberError", r.Err)
	}
	if refs, err := f.GroupsOf(t.Context(), here, "a"); len(refs) > 0 || err != nil {
		t.Errorf("GroupsOf a tombstone = %v, %v", refs, err)
	}
	// Who is taken out of a group while away does not come back to it.
	if r := f.write(t, state.Mutation{Kind: state.KindGroup, ID: "g", Members: &state.Members{Remove: []state.ID{"a"}}}); r.Changed {
		t.Errorf("taking out a tombstone = %+v, want no change that can be seen", r)
	}
	change(state.KindAccount, "a", state.RemoveRestore)
	check("a is back", "g", 2, "b")
	check("a is back", "h", 3, "a", "g")

	change(state.KindGroup, "g", state.RemoveDelete)
	check("g is deleted", "h", 4, "a")
	if err := f.Members(t.Context(), here, "g", func(state.Ref) bool { return true }); !errors.Is(err, state.ErrNotFound) {
		t.Errorf("Members of a deleted group = %v, want ErrNotFound", err)
	}
	if refs, err := f.GroupsOf(t.Context(), here, "b"); len(refs) > 0 || err != nil {
		t.Errorf("GroupsOf a member of a deleted group = %v, %v", refs, err)
	}
	change(state.KindAccount, "b", state.RemovePurge)
	change(state.KindGroup, "g", state.RemoveRestore)
	check("g is back, b is purged", "g", 4)
	check("g is back", "h", 5, "a", "g")
	change(state.KindGroup, "g", state.RemovePurge)
	check("g is purged", "h", 6, "a")
	change(state.KindAccount, "a", state.RemoveDelete)
	change(state.KindAccount, "a", state.RemovePurge)
	check("a is deleted and purged", "h", 7)

	// A group with members is purged; and one that is in itself goes and comes back once, not twice.
	f.group(t, "k", "Odd")
	f.write(t, state.Mutation{Kind: state.KindGroup, ID: "k", Members: &state.Members{Add: []state.ID{"k", "h"}}})
	change(state.KindGroup, "k", state.RemoveDelete)
	change(state.KindGroup, "k", state.RemoveRestore)
	check("k is back", "k", 4, "k", "h")
	change(state.KindGroup, "k", state.RemovePurge)
	if err := f.Members(t.Context(), here, "k", func(state.Ref) bool { return true }); !errors.Is(err, state.ErrNotFound) {
		t.Errorf("Members of a purged group = %v, want ErrNotFound", err)
	}
	if err := CheckReplay(t.Context(), f, here); err != nil {
		t.Error(err)
	}
}

// What is known of many people's groups at once, and of one record without asking.
func testGroups(t *testing.T, f *fixture) {
	const n = 600 // more than a store would read in one look
	ids := make([]state.ID, n)
	var mutations []state.Mutation
	for i := range ids {
		ids[i] = state.ID(fmt.Sprintf("a%03d", i))
		mutations = append(mutations, state.Mutation{Scope: here, Kind: state.KindAccount, ID: ids[i], Cause: pushed,
			Put: &state.Put{Resource: parse(t, fmt.Sprintf(`{"userName":"u%d"}`, i))}})
	}
	made, err := f.Write(state.Bulk, mutations)
	if err != nil {
		t.Fatal(err)
	}
	f.group(t, "g", "Staff", ids[3], ids[500], ids[501])
	f.group(t, "h", "All", ids[500], "g")
	f.group(t, "gone", "Gone", ids[1], ids[500])
	f.write(t, state.Mutation{Kind: state.KindGroup, ID: "gone", Life: &state.Life{Remove: state.RemoveDelete}})
	f.write(t, state.Mutation{Kind: state.KindAccount, ID: ids[501], Life: &state.Life{Remove: state.RemoveDelete}})
	rows, names := make([]int64, n), map[int64]state.ID{}
	for i, result := range made {
		rows[i] = result.Record.Row
		names[rows[i]] = ids[i]
	}
	group := f.record(t, state.KindGroup, "g").Row
	names[group] = "g"
	check := func(scope state.Scope, rows []int64, stop int, want ...string) {
		t.Helper()
		var got []string
		err := f.GroupsOfAll(t.Context(), scope, rows, func(row int64, group state.Ref) bool {
			got = append(got, fmt.Sprintf("%s in %s %s %s", names[row], group.Kind, group.ID, group.Name))
			return len(got) != stop
		})
		if !slices.Equal(got, want) || err != nil {
			t.Errorf("GroupsOfAll of %d in %v = %v, %v; want %v", len(rows), scope, got, err, want)
		}
	}
	check(here, rows, 0, "a003 in Group g Staff", "a500 in Group g Staff", "a500 in Group h All", "a501 in Group g Staff")
	check(here, rows, 2, "a003 in Group g Staff", "a500 in Group g Staff")
	check(here, []int64{0, 1 << 40, group, -1, rows[500], rows[3], rows[500]}, 0, "g in Group h All",
		"a500 in Group g Staff", "a500 in Group h All", "a003 in Group g Staff", "a500 in Group g Staff", "a500 in Group h All")
	check(here, nil, 0)
	check(beside, rows, 0)
	check(elsewhere, rows, 0)

	var grouped []state.ID
	for i, id := range ids[:501] {
		found, err := f.Find(t.Context(), here, state.KindAccount, state.NewMatchKey(state.MatchUserName, fmt.Sprint("u", i)))
		if err != nil || len(found) != 1 || found[0].Grouped != f.record(t, state.KindAccount, id).Grouped {
			t.Fatalf("found %+v, %v; want it grouped as when it is read", found, err)
		}
		if found[0].Grouped {
			grouped = append(grouped, id)
		}
	}
	if want := []state.ID{ids[1], ids[3], ids[500]}; !slices.Equal(grouped, want) {
		t.Errorf("grouped are %v, want %v", grouped, want)
	}
	if err := f.Scan(t.Context(), here, state.KindAccount, 0, 0, 0, func(r state.Record) bool {
		if !r.Grouped {
			t.Errorf("a scan says of %s that it is in no group", r.ID)
		}
		return r.Grouped
	}); err != nil {
		t.Error(err)
	}
	if f.record(t, state.KindGroup, "g").Grouped {
		t.Error("Grouped is said of a group")
	}
	if r := f.life(t, ids[3], pushed, state.Life{Said: new(false)}); !r.Record.Grouped {
		t.Errorf("Write of someone in a group = %+v, want Grouped", r)
	}
	f.write(t, state.Mutation{Kind: state.KindGroup, ID: "g", Members: &state.Members{Set: true}})
	if r := f.life(t, ids[3], pushed, state.Life{Said: new(true)}); r.Record.Grouped || f.record(t, state.KindAccount, ids[3]).Grouped {
		t.Errorf("Write of someone who has left = %+v, want no longer Grouped", r)
	}
	f.write(t, state.Mutation{Kind: state.KindGroup, ID: "gone", Life: &state.Life{Remove: state.RemovePurge}})
	if f.record(t, state.KindAccount, ids[1]).Grouped {
		t.Error("someone is Grouped whose group is purged")
	}
}

func testManyMembers(t *testing.T, f *fixture) {
	const n = 5000
	var ids []state.ID
	var mutations []state.Mutation
	for i := range n {
		id := state.ID(fmt.Sprint("a", i))
		ids = append(ids, id)
		mutations = append(mutations, state.Mutation{Scope: here, Kind: state.KindAccount, ID: id, Cause: pushed,
			Put: &state.Put{Resource: parse(t, fmt.Sprintf(`{"userName":"u%d"}`, i))}})
	}
	if _, err := f.Write(state.Bulk, mutations); err != nil {
		t.Fatal(err)
	}
	f.group(t, "g", "Everybody", ids...)
	if got := f.members(t, "g"); !slices.Equal(got, ids) {
		t.Fatalf("%d members in some order, want all %d in order of joining", len(got), n)
	}
	f.write(t, state.Mutation{Kind: state.KindGroup, ID: "g", Members: &state.Members{Set: true, Add: ids[n-2:]}})
	if got := f.members(t, "g"); !slices.Equal(got, ids[n-2:]) {
		t.Errorf("members = %v", got)
	}
}

func testNeighbours(t *testing.T, f *fixture) {
	f.account(t, "a", "ada@acme.example")
	results, err := f.Write(state.Urgent, []state.Mutation{
		{Scope: here, Kind: state.KindAccount, ID: "b", Cause: pushed, Put: &state.Put{Resource: parse(t, `{"userName":"bob"}`)}},
		{Scope: here, Kind: state.KindAccount, ID: "c", Cause: pushed, Put: &state.Put{Resource: parse(t, `{"userName":"BOB"}`)}},
		{Scope: here, Kind: state.KindGroup, ID: "g", Cause: pushed, Put: &state.Put{Resource: parse(t, `{"displayName":"Staff"}`)}, Members: &state.Members{Add: []state.ID{"a", "c"}}},
		{Scope: here, Kind: state.KindAccount, ID: "a", Cause: pushed, Life: &state.Life{Said: new(false)}},
	})
	var unique *state.UniqueError
	var member *state.MemberError
	if err != nil || results[0].Err != nil || !errors.As(results[1].Err, &unique) || !errors.As(results[2].Err, &member) || results[3].Err != nil {
		t.Fatalf("Write = %v, %v", results, err)
	}
	if results[0].Number != 2 || results[3].Number != 3 {
		t.Errorf("journal numbers %d and %d, want 2 and 3: what is refused takes none", results[0].Number, results[3].Number)
	}
	if _, err := f.Record(t.Context(), here, state.KindGroup, "g"); !errors.Is(err, state.ErrNotFound) {
		t.Errorf("the refused group: %v, want ErrNotFound", err)
	}
	if n, _ := f.Count(t.Context(), here, state.KindGroup); n != 0 {
		t.Errorf("%d groups are counted, want 0", n)
	}
}

func testBulk(t *testing.T, f *fixture) {
	const n = 1000
	var mutations []state.Mutation
	for i := range n {
		mutations = append(mutations, state.Mutation{Scope: here, Kind: state.KindAccount, ID: state.ID(fmt.Sprint("a", i)), Cause: pulled,
			Put: &state.Put{Resource: parse(t, fmt.Sprintf(`{"userName":"u%d"}`, i/2))}}) // every second one is refused
	}
	results, err := f.Write(state.Bulk, mutations)
	if err != nil || len(results) != n {
		t.Fatalf("Write = %d results, %v", len(results), err)
	}
	for i, r := range results {
		var unique *state.UniqueError
		if refused := i%2 == 1; refused != errors.As(r.Err, &unique) || refused == r.Changed {
			t.Fatalf("result %d = %+v", i, r)
		}
	}
	if count, _ := f.Count(t.Context(), here, state.KindAccount); count != n/2 {
		t.Errorf("%d accounts, want %d", count, n/2)
	}
}

func testManyCallers(t *testing.T, f *fixture) {
	const callers, each = 16, 20
	f.account(t, "shared", "shared")
	f.group(t, "g", "Staff")
	var wg sync.WaitGroup
	for c := range callers {
		wg.Go(func() {
			for i := range each {
				id := state.ID(fmt.Sprintf("a-%d-%d", c, i))
				urgency := state.Urgency(i % 2)
				results, err := f.Write(urgency, []state.Mutation{
					{Scope: here, Kind: state.KindAccount, ID: id, Cause: pushed, Put: &state.Put{Resource: parse(t, fmt.Sprintf(`{"userName":%q}`, id))}},
					{Scope: here, Kind: state.KindGroup, ID: "g", Cause: pushed, Members: &state.Members{Add: []state.ID{id}}},
				})
				if err != nil || results[0].Err != nil || results[1].Err != nil {
					t.Errorf("Write = %v, %v", results, err)
					return
				}
				if _, err := f.Record(t.Context(), here, state.KindAccount, id); err != nil {
					t.Errorf("what was answered cannot be read: %v", err)
				}
			}
		})
	}
	wg.Wait()
	if n := len(f.members(t, "g")); n != callers*each {
		t.Errorf("%d members, want %d", n, callers*each)
	}
	if v := f.record(t, state.KindGroup, "g").Version; v != callers*each+1 {
		t.Errorf("version %d, want %d", v, callers*each+1)
	}
	if err := CheckReplay(t.Context(), f, here); err != nil {
		t.Error(err)
	}
}
