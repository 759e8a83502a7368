package console

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"rollcall/state"
	"rollcall/sync/plan"
)

// BenchmarkPeople serves the pages of people and groups at 100,000 accounts of one source, all in one group, who came into it a hundred
// at a time, with somebody who has 500 events and is in 500 groups. The limit is 100 ms for a page.
func BenchmarkPeople(b *testing.B) {
	f := newFixture(b)
	const people = 100_000
	var ids []state.ID
	staff := f.group(acme, "Everyone")
	for some := range slices.Chunk(f.many(acme, people), 100) {
		var joined []state.ID
		for _, r := range some {
			joined = append(joined, r.ID)
		}
		f.write(state.Mutation{Scope: acme, Kind: state.KindGroup, ID: staff.ID, Cause: byPush, Members: &state.Members{Add: joined}})
		ids = append(ids, joined...)
	}
	busy := ids[people/2]
	var mutations []state.Mutation
	for i := range 500 {
		mutations = append(mutations, state.Mutation{Scope: acme, Kind: state.KindGroup, ID: state.NewID(), Cause: byPush, Members: &state.Members{Add: []state.ID{busy}},
			Put: &state.Put{Resource: f.value(fmt.Sprintf(`{"displayName":"Group %d"}`, i))}})
	}
	f.write(mutations...)
	for i := range 500 {
		f.write(state.Mutation{Scope: acme, Kind: state.KindAccount, ID: busy, Cause: byPush, Put: &state.Put{Base: int64(i + 1), Resource: f.value(fmt.Sprintf(`{"userName":"busy@acme.example","title":"Engineer %d"}`, i))}})
	}
	for _, id := range ids[:1000] {
		f.write(state.Mutation{Scope: acme, Kind: state.KindAccount, ID: id, Cause: state.Cause{Kind: state.CausePull, Run: "run-1", Reason: string(plan.ReasonDisabled)}, Life: &state.Life{Said: new(false)}})
	}
	deep := "/users"
	for range 20 {
		for _, l := range f.get(victor, deep).values("a", "href") {
			if strings.HasPrefix(l, "/users?after=") {
				deep = l
			}
		}
	}
	for _, page := range []struct{ name, path string }{
		{"list", "/users"}, {"list further on", deep}, {"list of one status", "/users?status=inactive"}, {"list of one reason", "/users?reason=disabled_at_source"},
		{"list by age", "/users?sort=newest"}, {"person", "/users/" + string(ids[people-1])}, {"busy person", "/users/" + string(busy)},
		{"busy person before", "/users/" + string(busy) + "?from=400"}, {"groups", "/groups"}, {"group", "/groups/" + string(staff.ID)},
		{"group further on", "/groups/" + string(staff.ID) + "?after=99000"},
	} {
		b.Run(page.name, func(b *testing.B) {
			size := 0
			for range b.N {
				p := f.get(victor, page.path)
				if size = len(p.body); p.status != 200 || size > 100_000 {
					b.Fatalf("%s: status %d, %d bytes", page.path, p.status, size)
				}
			}
			b.ReportMetric(float64(size), "bytes")
		})
	}
}
