package statetest

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rollcall/state"
)

// MembersAfter counts its places: it may not be asked for a page behind one where somebody has left.
func (m *Model) MembersAfter(ctx context.Context, scope state.Scope, group state.ID, after int64, limit int) (members []state.Ref, next int64, err error) {
	place := int64(0)
	err = m.Members(ctx, scope, group, func(r state.Ref) bool {
		if place++; place > after {
			members = append(members, r)
		}
		return len(members) <= limit
	})
	if err != nil || len(members) <= limit {
		return members, 0, err
	}
	return members[:limit], after + int64(limit), nil
}

// CountMembers counts the members of groups.
func (m *Model) CountMembers(ctx context.Context, scope state.Scope, groups []state.ID, limit int) (map[state.ID]int, error) {
	counts := make(map[state.ID]int)
	for _, group := range groups {
		n := 0
		err := m.Members(ctx, scope, group, func(state.Ref) bool { n++; return n != limit })
		switch {
		case errors.Is(err, state.ErrNotFound):
		case err != nil:
			return nil, err
		default:
			counts[group] = n
		}
	}
	return counts, nil
}

func (f *faulty) MembersAfter(ctx context.Context, scope state.Scope, group state.ID, after int64, limit int) (members []state.Ref, next int64, err error) {
	err = f.do("MembersAfter", func() (err error) {
		members, next, err = f.store.MembersAfter(ctx, scope, group, after, limit)
		return err
	})
	if err != nil {
		return nil, 0, err
	}
	return members, next, nil
}

func (f *faulty) CountMembers(ctx context.Context, scope state.Scope, groups []state.ID, limit int) (map[state.ID]int, error) {
	return get(f, "CountMembers", func() (map[state.ID]int, error) { return f.store.CountMembers(ctx, scope, groups, limit) })
}

// testSeats reads a group's members by the page as Members reads them whole, tombstones left out, and counts them.
func testSeats(t *testing.T, f *fixture) {
	const people = 25
	id := func(i int) state.ID { return state.ID(fmt.Sprintf("person-%02d", i)) }
	var members []state.ID
	for i := range people {
		f.account(t, id(i), fmt.Sprintf("person-%02d@acme.example", i))
		members = append([]state.ID{id(i)}, members...)
	}
	f.group(t, "staff", "Staff", members...)
	f.group(t, "empty", "Empty")
	f.write(t, state.Mutation{Kind: state.KindAccount, ID: id(3), Life: &state.Life{Remove: state.RemoveDelete}})
	var want []state.Ref
	if err := f.Members(t.Context(), here, "staff", func(r state.Ref) bool { want = append(want, r); return true }); err != nil {
		t.Fatal(err)
	}
	for _, limit := range []int{1, 7, 8, people - 1, 100} {
		var got []state.Ref
		after, pages := int64(0), 0
		for {
			page, next, err := f.MembersAfter(t.Context(), here, "staff", after, limit)
			if err != nil {
				t.Fatal(err)
			}
			got, pages = append(got, page...), pages+1
			if after = next; next == 0 {
				break
			}
		}
		if diff := cmp.Diff(want, got); diff != "" || pages != (people-1+limit-1)/limit {
			t.Errorf("%d pages of %d (-want +got):\n%s", pages, limit, diff)
		}
	}
	for limit, n := range map[int]int{0: people - 1, 10: 10, people - 1: people - 1, 100: people - 1} {
		counts, err := f.CountMembers(t.Context(), here, []state.ID{"staff", "empty", "nobody", id(1)}, limit)
		if diff := cmp.Diff(map[state.ID]int{"staff": n, "empty": 0}, counts); err != nil || diff != "" {
			t.Errorf("counted to %d: %v (-want +got):\n%s", limit, err, diff)
		}
	}
	for _, scope := range []state.Scope{beside, elsewhere} {
		if _, _, err := f.MembersAfter(t.Context(), scope, "staff", 0, 10); !errors.Is(err, state.ErrNotFound) {
			t.Errorf("a group of another source: %v", err)
		}
	}
}
