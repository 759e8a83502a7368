package statetest

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/state"
)

func testCreate(t *testing.T, f *fixture) {
	text := `{"schemas":["urn:x"],"userName":"Ada@acme.example","displayName":"Ada","emails":[{"value":"ada@acme.example"}]}`
	with := `{"id":"sent","schemas":["urn:x"],"userName":"Ada@acme.example","active":false,"displayName":"Ada",` +
		`"emails":[{"value":"ada@acme.example"}],"groups":[{"value":"g"}],"meta":{"version":"7"}}`
	result := f.write(t, state.Mutation{Kind: state.KindAccount, ID: "a", Put: &state.Put{Resource: parse(t, with)}})
	want := state.Record{
		Row: result.Record.Row, ID: "a", Kind: state.KindAccount, Version: 1, Name: "Ada", Resource: []byte(text),
		CreatedAt: f.clock.Now(), ModifiedAt: f.clock.Now(),
	}
	if diff := cmp.Diff(state.Result{Changed: true, Number: 1, Record: want}, result); diff != "" {
		t.Errorf("Write (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(want, f.record(t, state.KindAccount, "a")); diff != "" {
		t.Errorf("Record (-want +got):\n%s", diff)
	}
	if r := f.account(t, "b", "bob@acme.example"); !r.Said || !r.InForce || r.Row <= want.Row || r.Name != "bob@acme.example" {
		t.Errorf("an account of which nothing is said = %+v; want it active, later in row order, named by its userName", r)
	}
	if r := f.group(t, "g", "Staff", "a"); r.Said || r.InForce || r.Name != "Staff" || string(r.Resource) != `{"displayName":"Staff"}` {
		t.Errorf("a group = %+v %s", r, r.Resource)
	}
	for _, c := range []struct {
		kind state.Kind
		id   state.ID
	}{{state.KindGroup, "a"}, {state.KindAccount, "g"}, {state.KindAccount, "none"}, {state.KindAccount, ""}} {
		if _, err := f.Record(t.Context(), here, c.kind, c.id); !errors.Is(err, state.ErrNotFound) {
			t.Errorf("Record(%v, %q) = %v, want ErrNotFound", c.kind, c.id, err)
		}
	}
}

func testReplace(t *testing.T, f *fixture) {
	f.account(t, "a", "ada@acme.example")
	f.clock.Advance(time.Minute)
	put := func(base int64, text string) state.Result {
		return f.try(t, state.Mutation{Kind: state.KindAccount, ID: "a", Put: &state.Put{Base: base, Resource: parse(t, text)}})
	}
	r := put(1, `{"userName":"ada@acme.example","title":"Dr"}`)
	if r.Err != nil || r.Record.Version != 2 || r.Record.ModifiedAt != f.clock.Now() || r.Record.CreatedAt == f.clock.Now() || !r.Record.Said {
		t.Fatalf("replacing = %+v", r)
	}
	for name, c := range map[string]struct {
		base int64
		want error
	}{"an earlier version": {1, state.ErrVersion}, "a later version": {3, state.ErrVersion}, "creation again": {0, state.ErrVersion}} {
		if r := put(c.base, `{"userName":"x"}`); !errors.Is(r.Err, c.want) {
			t.Errorf("%s = %v, want %v", name, r.Err, c.want)
		}
	}
	missing := f.try(t, state.Mutation{Kind: state.KindAccount, ID: "none", Put: &state.Put{Base: 1, Resource: parse(t, `{"userName":"x"}`)}})
	if !errors.Is(missing.Err, state.ErrNotFound) {
		t.Errorf("replacing what is not there = %v, want ErrNotFound", missing.Err)
	}
	if r := f.life(t, "a", pushed, state.Life{Base: 1, Said: new(false)}); !errors.Is(r.Err, state.ErrVersion) {
		t.Errorf("a decision on an earlier version = %v, want ErrVersion", r.Err)
	}
	if got := f.record(t, state.KindAccount, "a"); got.Version != 2 || string(got.Resource) != `{"userName":"ada@acme.example","title":"Dr"}` {
		t.Errorf("after the refusals the record is %+v %s", got, got.Resource)
	}
}

func testNoChange(t *testing.T, f *fixture) {
	f.account(t, "a", "ada@acme.example")
	f.group(t, "g", "Staff", "a")
	before, entries := f.record(t, state.KindGroup, "g"), len(f.entries(t))
	f.clock.Advance(time.Minute)
	ada, staff := parse(t, `{"userName":"ada@acme.example","active":true}`), parse(t, `{"displayName":"Staff"}`)
	request := &state.Request{ID: "r", At: f.clock.Now()}
	for name, m := range map[string]state.Mutation{
		"the same resource":   {Kind: state.KindAccount, ID: "a", Put: &state.Put{Base: 1, Resource: ada}, Request: request},
		"said again":          {Kind: state.KindAccount, ID: "a", Life: &state.Life{Said: new(true), Link: new("")}, Request: request},
		"in force already":    {Kind: state.KindAccount, ID: "a", Life: &state.Life{InForce: new(true), Pinned: new(false)}},
		"staged what is":      {Kind: state.KindAccount, ID: "a", Life: &state.Life{Said: new(true), Stage: true}},
		"restored what lives": {Kind: state.KindAccount, ID: "a", Life: &state.Life{Remove: state.RemoveRestore}},
		"a member again":      {Kind: state.KindGroup, ID: "g", Members: &state.Members{Add: []state.ID{"a", "a"}, Remove: []state.ID{"a", "none"}}},
		"the same members":    {Kind: state.KindGroup, ID: "g", Put: &state.Put{Base: 1, Resource: staff}, Members: &state.Members{Set: true, Add: []state.ID{"a"}}},
		"nothing at all":      {Kind: state.KindGroup, ID: "g"},
	} {
		if r := f.write(t, m); r.Changed || r.Number != 0 || r.Record.Version != 1 {
			t.Errorf("%s = %+v, want no change", name, r)
		}
	}
	if diff := cmp.Diff(before, f.record(t, state.KindGroup, "g")); diff != "" {
		t.Errorf("the group has changed:\n%s", diff)
	}
	if n := len(f.entries(t)); n != entries {
		t.Errorf("the journal grew by %d", n-entries)
	}
	if _, err := f.Request(t.Context(), "r"); !errors.Is(err, state.ErrNotFound) {
		t.Errorf("the request that changed nothing: %v, want ErrNotFound", err)
	}
}

func testUnique(t *testing.T, f *fixture) {
	f.account(t, "a", "Ada@acme.example")
	f.account(t, "b", "bob@acme.example")
	f.group(t, "g", "Staff")
	f.group(t, "h", "Ada@acme.example") // kinds do not mix
	f.life(t, "a", pushed, state.Life{Said: new(false)})
	want := &state.UniqueError{Key: state.NewMatchKey(state.MatchUserName, "ada@acme.example"), Holder: "a"}
	for name, m := range map[string]state.Mutation{
		"creating": {Kind: state.KindAccount, ID: "c", Put: &state.Put{Resource: parse(t, `{"userName":"ADA@ACME.EXAMPLE"}`)}},
		"renaming": {Kind: state.KindAccount, ID: "b", Put: &state.Put{Base: 1, Resource: parse(t, `{"userName":"ada@ACME.example"}`)}},
	} {
		var unique *state.UniqueError
		if r := f.try(t, m); !errors.As(r.Err, &unique) || *unique != *want {
			t.Errorf("%s a second one = %v, want %v held by an inactive account", name, r.Err, want)
		}
	}
	var unique *state.UniqueError
	r := f.try(t, state.Mutation{Kind: state.KindGroup, ID: "i", Put: &state.Put{Resource: parse(t, `{"displayName":"STAFF"}`)}})
	if !errors.As(r.Err, &unique) || unique.Holder != "g" || unique.Key != state.NewMatchKey(state.MatchDisplayName, "staff") {
		t.Errorf("a second group of the name = %v", r.Err)
	}
	own := f.write(t, state.Mutation{Kind: state.KindAccount, ID: "a", Put: &state.Put{Base: 2, Resource: parse(t, `{"userName":"ADA@acme.example"}`)}})
	if !own.Changed || own.Record.Name != "ADA@acme.example" {
		t.Errorf("changing the case of its own name = %+v", own)
	}
	// Freed by renaming, in the same call.
	results, err := f.Write(state.Urgent, []state.Mutation{
		{Scope: here, Kind: state.KindAccount, ID: "a", Cause: pushed, Put: &state.Put{Base: 3, Resource: parse(t, `{"userName":"eva@acme.example"}`)}},
		{Scope: here, Kind: state.KindAccount, ID: "b", Cause: pushed, Put: &state.Put{Base: 1, Resource: parse(t, `{"userName":"ada@acme.example"}`)}},
		{Scope: beside, Kind: state.KindAccount, ID: "d", Cause: pushed, Put: &state.Put{Resource: parse(t, `{"userName":"ada@acme.example"}`)}},
	})
	if err != nil || results[0].Err != nil || results[1].Err != nil || results[2].Err != nil {
		t.Errorf("taking a name that was freed, and the same in another source: %v %v", results, err)
	}
	// Accounts without a name do not stand in each other's way.
	for _, id := range []state.ID{"n1", "n2"} {
		f.write(t, state.Mutation{Kind: state.KindAccount, ID: id, Put: &state.Put{Resource: parse(t, `{"title":"nobody"}`)}})
	}
}

func testFind(t *testing.T, f *fixture) {
	for i, text := range []string{
		`{"externalId":"X","userName":"Ada@acme.example","displayName":"Ada","emails":[{"value":"one@acme.example"},{"value":"TWO@acme.example"}]}`,
		`{"externalId":"X","userName":"bob@acme.example","displayName":"ada","emails":[{"value":"two@acme.example"}]}`,
		`{"externalId":"x","userName":"cyd@acme.example"}`,
	} {
		f.write(t, state.Mutation{Kind: state.KindAccount, ID: state.ID(rune('a' + i)), Put: &state.Put{Resource: parse(t, text)}})
	}
	f.write(t, state.Mutation{Kind: state.KindGroup, ID: "g", Put: &state.Put{Resource: parse(t, `{"externalId":"X","displayName":"Ada"}`)}})
	f.life(t, "c", pushed, state.Life{Link: new("person-3")})
	check := func(kind state.Kind, name state.MatchName, text string, want ...state.ID) {
		t.Helper()
		records, err := f.Find(t.Context(), here, kind, state.NewMatchKey(name, text))
		if err != nil {
			t.Errorf("Find(%s, %s): %v", name, text, err)
		}
		var ids []state.ID
		for _, r := range records {
			ids = append(ids, r.ID)
			if diff := cmp.Diff(f.record(t, kind, r.ID), r); diff != "" {
				t.Errorf("Find(%s, %s): not as Record says:\n%s", name, text, diff)
			}
		}
		if !slices.Equal(ids, want) {
			t.Errorf("Find(%s, %s, %s) = %v, want %v", kind, name, text, ids, want)
		}
	}
	check(state.KindAccount, state.MatchID, "a", "a")
	check(state.KindAccount, state.MatchID, "A")
	check(state.KindAccount, state.MatchUserName, "ADA@ACME.EXAMPLE", "a")
	check(state.KindAccount, state.MatchUserName, "ada")
	check(state.KindAccount, state.MatchExternalID, "X", "a", "b")
	check(state.KindAccount, state.MatchExternalID, "x", "c")
	check(state.KindAccount, state.MatchEmail, "Two@acme.example", "a", "b")
	check(state.KindAccount, state.MatchDisplayName, "ADA", "a", "b")
	check(state.KindAccount, state.MatchLink, "person-3", "c")
	check(state.KindAccount, state.MatchLink, "")
	check(state.KindAccount, state.MatchExternalID, "")
	check(state.KindGroup, state.MatchID, "a")
	check(state.KindGroup, state.MatchDisplayName, "ada", "g")
	check(state.KindGroup, state.MatchExternalID, "X", "g")
	check(state.KindGroup, state.MatchUserName, "ada@acme.example")
	check(state.KindGroup, state.MatchEmail, "two@acme.example")
	check(state.KindGroup, state.MatchLink, "person-3")

	f.write(t, state.Mutation{Kind: state.KindAccount, ID: "a", Put: &state.Put{Base: 1, Resource: parse(t, `{"externalId":"Y","userName":"eva@acme.example","emails":[{"value":"one@acme.example"}]}`)}})
	check(state.KindAccount, state.MatchUserName, "ada@acme.example")
	check(state.KindAccount, state.MatchUserName, "eva@acme.example", "a")
	check(state.KindAccount, state.MatchExternalID, "X", "b")
	check(state.KindAccount, state.MatchEmail, "one@acme.example", "a")
	check(state.KindAccount, state.MatchEmail, "two@acme.example", "b")
	check(state.KindAccount, state.MatchDisplayName, "ada", "b")
	f.write(t, state.Mutation{Kind: state.KindAccount, ID: "b", Life: &state.Life{Remove: state.RemoveDelete}})
	check(state.KindAccount, state.MatchID, "b")
	check(state.KindAccount, state.MatchExternalID, "X")
	check(state.KindAccount, state.MatchEmail, "two@acme.example")
	check(state.KindAccount, state.MatchUserName, "bob@acme.example")
	f.write(t, state.Mutation{Kind: state.KindAccount, ID: "b", Life: &state.Life{Remove: state.RemoveRestore}})
	check(state.KindAccount, state.MatchExternalID, "X", "b")
	check(state.KindAccount, state.MatchEmail, "two@acme.example", "b")
	check(state.KindAccount, state.MatchUserName, "bob@acme.example", "b")
}

func testScan(t *testing.T, f *fixture) {
	const n = 700
	var all []state.ID
	var mutations []state.Mutation
	for i := range n {
		id := state.ID(fmt.Sprintf("a%03d", i))
		all = append(all, id)
		mutations = append(mutations, state.Mutation{Scope: here, Kind: state.KindAccount, ID: id, Cause: pushed,
			Put: &state.Put{Resource: parse(t, fmt.Sprintf(`{"userName":"u%d"}`, i))}})
		if i%100 == 50 {
			mutations = append(mutations, state.Mutation{Scope: beside, Kind: state.KindAccount, ID: "other" + id, Cause: pushed,
				Put: &state.Put{Resource: parse(t, fmt.Sprintf(`{"userName":"u%d"}`, i))}})
		}
	}
	if _, err := f.Write(state.Bulk, mutations); err != nil {
		t.Fatal(err)
	}
	f.group(t, "g", "Staff")
	f.write(t, state.Mutation{Kind: state.KindAccount, ID: "a010", Life: &state.Life{Remove: state.RemoveDelete}})
	all = slices.Delete(all, 10, 11)
	scan := func(after int64, skip, limit, stop int) (ids []state.ID, last int64) {
		t.Helper()
		if err := f.Scan(t.Context(), here, state.KindAccount, after, skip, limit, func(r state.Record) bool {
			ids, last = append(ids, r.ID), r.Row
			return len(ids) != stop
		}); err != nil {
			t.Fatalf("Scan: %v", err)
		}
		return ids, last
	}
	if ids, _ := scan(0, 0, 0, 0); !slices.Equal(ids, all) {
		t.Errorf("Scan of all = %d in the wrong order, want %d", len(ids), len(all))
	}
	first, last := scan(0, 0, 300, 0)
	if !slices.Equal(first, all[:300]) {
		t.Errorf("the first 300 = %d", len(first))
	}
	for _, c := range []struct {
		after             int64
		skip, limit, stop int
		want              []state.ID
	}{
		{last, 0, 0, 0, all[300:]},
		{last, 5, 10, 0, all[305:315]},
		{0, 690, 20, 0, all[690:]},
		{0, len(all), 20, 0, nil},
		{0, 2 * n, 0, 0, nil},
		{0, 0, 0, 3, all[:3]},
		{0, 1, 1, 0, all[1:2]},
	} {
		if ids, _ := scan(c.after, c.skip, c.limit, c.stop); !slices.Equal(ids, c.want) {
			t.Errorf("Scan(after %d, skip %d, limit %d), stopped after %d: %d records, want %d", c.after, c.skip, c.limit, c.stop, len(ids), len(c.want))
		}
	}
	for kind, want := range map[state.Kind]int{state.KindAccount: n - 1, state.KindGroup: 1} {
		if got, err := f.Count(t.Context(), here, kind); err != nil || got != want {
			t.Errorf("Count(%s) = %d, %v; want %d", kind, got, err, want)
		}
	}
}

func testScopes(t *testing.T, f *fixture) {
	f.account(t, "a", "ada@acme.example")
	f.group(t, "g", "Staff", "a")
	f.write(t, state.Mutation{Kind: state.KindAccount, ID: "gone", Put: &state.Put{Resource: parse(t, `{"userName":"gone"}`)}})
	f.write(t, state.Mutation{Kind: state.KindAccount, ID: "gone", Life: &state.Life{Remove: state.RemoveDelete}})
	for _, scope := range []state.Scope{
		beside, elsewhere, {Tenant: "globex", Source: "acme-entra"}, {Tenant: "acme", Source: "none"}, {Tenant: "acme"}, {Source: "acme-entra"}, {},
	} {
		ctx := t.Context()
		if _, err := f.Record(ctx, scope, state.KindAccount, "a"); !errors.Is(err, state.ErrNotFound) {
			t.Errorf("Record in %v = %v, want ErrNotFound", scope, err)
		}
		if r, err := f.Find(ctx, scope, state.KindAccount, state.NewMatchKey(state.MatchUserName, "ada@acme.example")); len(r) > 0 || err != nil {
			t.Errorf("Find in %v = %v, %v; want none", scope, r, err)
		}
		if err := f.Members(ctx, scope, "g", func(state.Ref) bool { return true }); !errors.Is(err, state.ErrNotFound) {
			t.Errorf("Members in %v = %v, want ErrNotFound", scope, err)
		}
		if refs, err := f.GroupsOf(ctx, scope, "a"); len(refs) > 0 || err != nil {
			t.Errorf("GroupsOf in %v = %v, %v; want none", scope, refs, err)
		}
		if n, err := f.Count(ctx, scope, state.KindAccount); n != 0 || err != nil {
			t.Errorf("Count in %v = %d, %v; want 0", scope, n, err)
		}
		seen := 0
		err := errors.Join(
			f.Scan(ctx, scope, state.KindAccount, 0, 0, 0, func(state.Record) bool { seen++; return true }),
			f.Tombstones(ctx, scope, func(state.Record) bool { seen++; return true }),
			f.Index(ctx, scope, func(state.IndexRow) error { seen++; return nil }),
		)
		if seen > 0 || err != nil {
			t.Errorf("Scan, Tombstones and Index in %v found %d, %v; want none", scope, seen, err)
		}
		for _, m := range []state.Mutation{
			{Kind: state.KindAccount, ID: "a", Life: &state.Life{Said: new(false)}},
			{Kind: state.KindAccount, ID: "gone", Life: &state.Life{Remove: state.RemoveRestore}},
			{Kind: state.KindAccount, ID: "gone", Life: &state.Life{Remove: state.RemovePurge}},
			{Kind: state.KindGroup, ID: "g", Members: &state.Members{Remove: []state.ID{"a"}}},
		} {
			m.Scope, m.Cause = scope, pushed
			if results, err := f.Write(state.Urgent, []state.Mutation{m}); err != nil || !errors.Is(results[0].Err, state.ErrNotFound) {
				t.Errorf("changing %s in %v = %v, %v; want ErrNotFound", m.ID, scope, results, err)
			}
		}
	}
	results, err := f.Write(state.Urgent, []state.Mutation{{Scope: beside, Kind: state.KindAccount, ID: "a", Cause: pushed, Put: &state.Put{Resource: parse(t, `{"userName":"x"}`)}}})
	if err != nil || !errors.Is(results[0].Err, state.ErrVersion) {
		t.Errorf("creating under an id that another source has = %v, %v; want ErrVersion", results, err)
	}
	if r := f.record(t, state.KindAccount, "a"); r.Version != 1 || len(f.members(t, "g")) != 1 {
		t.Errorf("a foreign scope has changed something: %+v", r)
	}
}

func testCallbacks(t *testing.T, f *fixture) {
	var ids []state.ID
	for i := range 5 {
		id := state.ID(fmt.Sprint("a", i))
		f.account(t, id, fmt.Sprint("u", i))
		ids = append(ids, id)
	}
	f.group(t, "g", "Staff", ids...)
	depth := 0
	var nest func()
	nest = func() { // deeper than any store has connections
		if depth++; depth > 40 {
			return
		}
		f.Scan(t.Context(), here, state.KindAccount, 0, 0, 1, func(r state.Record) bool { nest(); return true })
		f.Members(t.Context(), here, "g", func(state.Ref) bool { nest(); return false })
		f.Index(t.Context(), here, func(state.IndexRow) error { nest(); return errors.New("enough") })
	}
	nest()
	changed := 0
	if err := f.Scan(t.Context(), here, state.KindAccount, 0, 0, 0, func(r state.Record) bool {
		if f.life(t, r.ID, pushed, state.Life{Said: new(false)}).Changed {
			changed++
		}
		return true
	}); err != nil || changed != 5 {
		t.Errorf("writing while scanning changed %d of 5, %v", changed, err)
	}
}

func testMalformed(t *testing.T, f *fixture) {
	f.account(t, "a", "ada@acme.example")
	f.group(t, "g", "Staff")
	put := &state.Put{Base: 1, Resource: parse(t, `{"userName":"x"}`)}
	for name, m := range map[string]state.Mutation{
		"no id":                     {Kind: state.KindAccount, Put: put},
		"no kind":                   {ID: "a", Put: put},
		"no such cause":             {Kind: state.KindAccount, ID: "a", Put: put, Cause: state.Cause{Kind: "whim"}},
		"no object":                 {Kind: state.KindAccount, ID: "a", Put: &state.Put{Base: 1, Resource: parse(t, `[]`)}},
		"members of an account":     {Kind: state.KindAccount, ID: "a", Members: &state.Members{}},
		"life of a group":           {Kind: state.KindGroup, ID: "g", Life: &state.Life{Said: new(true)}},
		"link of a group":           {Kind: state.KindGroup, ID: "g", Life: &state.Life{Link: new("p")}},
		"staged without a word":     {Kind: state.KindAccount, ID: "a", Life: &state.Life{Stage: true}},
		"staged and in force":       {Kind: state.KindAccount, ID: "a", Life: &state.Life{Said: new(true), Stage: true, InForce: new(true)}},
		"a DELETE not staged":       {Kind: state.KindAccount, ID: "a", Life: &state.Life{Said: new(false), Deletes: true}},
		"a DELETE that says active": {Kind: state.KindAccount, ID: "a", Life: &state.Life{Said: new(true), Stage: true, Deletes: true}},
		"changed and deleted":       {Kind: state.KindAccount, ID: "a", Put: put, Life: &state.Life{Remove: state.RemoveDelete}},
		"said and purged":           {Kind: state.KindAccount, ID: "a", Life: &state.Life{Said: new(false), Remove: state.RemovePurge}},
		"members of a lost group":   {Kind: state.KindGroup, ID: "g", Members: &state.Members{}, Life: &state.Life{Remove: state.RemoveDelete}},
		"a request without an id":   {Kind: state.KindAccount, ID: "a", Put: put, Request: &state.Request{}},
		"in force against the word": {Kind: state.KindAccount, ID: "a", Life: &state.Life{InForce: new(false)}, Cause: operator},
	} {
		if r := f.try(t, m); !errors.Is(r.Err, state.ErrMutation) {
			t.Errorf("%s = %v, want ErrMutation", name, r.Err)
		}
	}
	if r := f.record(t, state.KindAccount, "a"); r.Version != 1 {
		t.Errorf("the record has changed: %+v", r)
	}
	if results, err := f.Write(state.Urgent, nil); len(results) != 0 || err != nil {
		t.Errorf("Write of nothing = %v, %v", results, err)
	}
}
