package sqlite_test

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"rollcall/state"
	"rollcall/state/scim"
	"rollcall/state/sqlite"
	"rollcall/state/statetest"
)

// However many records are skipped, whoever has come and gone meanwhile, and whichever process took them away, a page is the one that
// the model has.
func TestDeepPages(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rollcall.db")
	stores := []*sqlite.Store{open(t, path, sqlite.Options{}), open(t, path, sqlite.Options{})}
	model := statetest.NewModel()
	other := state.Scope{Tenant: "acme", Source: "acme-entra"}
	for _, s := range []statetest.Store{stores[0], model} {
		for _, scope := range []state.Scope{scope, other} {
			if _, err := s.EnsureSource(t.Context(), scope, "okta"); err != nil {
				t.Fatal(err)
			}
		}
	}
	made := 0
	create := func(n int) (mutations []state.Mutation) {
		for range n {
			attribute := "userName"
			if made%7 == 0 {
				attribute = "displayName"
			}
			m := state.Mutation{Scope: scope, Kind: state.KindAccount, ID: accountID(made), Cause: state.Cause{Kind: state.CauseOperator},
				Put: &state.Put{Resource: scim.ObjectOf(scim.Field{Name: attribute, Value: scim.StringValue(fmt.Sprint("n", made))})}}
			switch {
			case made%7 == 0:
				m.Kind = state.KindGroup
			case made%5 == 0:
				m.Scope = other
			}
			mutations = append(mutations, m)
			made++
		}
		return mutations
	}
	write := func(t interface{ Fatal(...any) }, s *sqlite.Store, mutations []state.Mutation) {
		for _, s := range []state.Writer{s, model} {
			if _, err := s.Write(state.Urgent, mutations); err != nil {
				t.Fatal(err)
			}
		}
	}
	write(t, stores[0], create(7000))
	page := func(s state.Records, kind state.Kind, after int64, skip, limit int) (ids []state.ID, err error) {
		err = s.Scan(context.Background(), scope, kind, after, skip, limit, func(r state.Record) bool {
			ids = append(ids, r.ID)
			return true
		})
		return ids, err
	}
	rapid.Check(t, func(t *rapid.T) {
		var mutations []state.Mutation
		if rapid.Bool().Draw(t, "comes") {
			mutations = create(rapid.IntRange(1, 20).Draw(t, "how many"))
		} else {
			removal := rapid.SampledFrom([]state.Removal{state.RemoveDelete, state.RemoveRestore, state.RemovePurge}).Draw(t, "removal")
			from, n := rapid.IntRange(0, made-1).Draw(t, "from"), rapid.IntRange(1, 300).Draw(t, "n")
			for i := from; i < min(from+n, made); i++ {
				m := state.Mutation{Scope: scope, Kind: state.KindAccount, ID: accountID(i), Cause: state.Cause{Kind: state.CauseOperator},
					Life: &state.Life{Remove: removal}}
				if i%7 == 0 {
					m.Kind = state.KindGroup
				}
				mutations = append(mutations, m) // another source's are refused, and so is what makes no sense
			}
		}
		write(t, rapid.SampledFrom(stores).Draw(t, "writer"), mutations)
		s, kind := rapid.SampledFrom(stores).Draw(t, "reader"), rapid.SampledFrom([]state.Kind{state.KindAccount, state.KindGroup}).Draw(t, "kind")
		after, skip := int64(rapid.SampledFrom([]int{0, 0, 0, 3000}).Draw(t, "after")), rapid.IntRange(0, 7000).Draw(t, "skip")
		got, err := page(s, kind, after, skip, 3)
		if err != nil {
			t.Fatal(err)
		}
		if want, _ := page(model, kind, after, skip, 3); !slices.Equal(got, want) {
			t.Fatalf("%s after row %d, %d skipped: %v, want %v", kind, after, skip, got, want)
		}
	})
}
