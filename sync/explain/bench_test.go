package explain_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rollcall/state"
	"rollcall/state/sqlite"
	"rollcall/sync/explain"
)

// BenchmarkLife explains one of many on disk: 20,000 accounts, whose memberships came in 20,000 changes of groups, and 2,000 runs that
// each tell of somebody else. The limit is a page of the console: under 100 ms.
func BenchmarkLife(b *testing.B) {
	store, err := sqlite.Open(b.Context(), filepath.Join(b.TempDir(), "rollcall.db"), sqlite.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer store.Close()
	must := func(err error) {
		if err != nil {
			b.Fatal(err)
		}
	}
	_, err = store.EnsureSource(b.Context(), acme, "entra")
	must(err)
	lease, err := store.AcquireLease(b.Context(), acme, "bench", time.Hour)
	must(err)
	const people, groups, runs = 20_000, 100, 2000
	id := func(kind string, i int) state.ID { return state.ID(fmt.Sprintf("%s-7000-8000-%012d", kind, i)) }
	write := func(mutations []state.Mutation) {
		results, err := store.Write(state.Bulk, mutations)
		must(err)
		for i := range results {
			must(results[i].Err)
		}
	}
	var mutations []state.Mutation
	for i := range people {
		mutations = append(mutations, state.Mutation{Scope: acme, Kind: state.KindAccount, ID: id("account", i), Cause: byPush,
			Put: &state.Put{Resource: resource(fmt.Sprintf(`{"userName":"person-%d@acme.example","displayName":"Person %d"}`, i, i))}})
	}
	for i := range groups {
		mutations = append(mutations, state.Mutation{Scope: acme, Kind: state.KindGroup, ID: id("group", i), Cause: byPush,
			Put: &state.Put{Resource: resource(fmt.Sprintf(`{"displayName":"Group %d"}`, i))}})
	}
	write(mutations)
	mutations = mutations[:0]
	for i := range people {
		mutations = append(mutations, state.Mutation{Scope: acme, Kind: state.KindGroup, ID: id("group", i%groups), Cause: byPush,
			Members: &state.Members{Add: []state.ID{id("account", i)}}})
	}
	write(mutations)
	for i := range runs {
		report := `{"notices":[` + strings.TrimSuffix(strings.Repeat(fmt.Sprintf(`{"kind":"unexplained","account":%q},`, id("account", i)), 20), ",") + `]}`
		must(store.PutRun(b.Context(), lease.Epoch, state.Run{ID: fmt.Sprint("run-", i), Scope: acme, Trigger: "schedule", StartedAt: time.Now(), Report: []byte(report)}))
	}
	found, err := explain.Find(b.Context(), store, acme, fmt.Sprintf("person-%d@acme.example", people/2))
	must(err)
	b.ResetTimer()
	for range b.N {
		life, err := explain.ReadLife(b.Context(), store, found[0], 100)
		must(err)
		if len(life.Events) != 2 {
			b.Fatalf("%d events, want 2", len(life.Events))
		}
	}
}
