package explain_test

import (
	"errors"
	"strings"
	"testing"

	"rollcall/state"
	"rollcall/sync/explain"
)

// TestReadGroup tells what happened to a group, also once it is gone.
func TestReadGroup(t *testing.T) {
	stories(t, func(s *story) {
		s.tell()
		s.do(state.Mutation{ID: staff, Kind: state.KindGroup, Cause: byPush, Members: &state.Members{Remove: []state.ID{bob}}})
		all, older, err := explain.ReadGroup(t.Context(), s.store, acme, staff, 0)
		s.must(err)
		if len(all) < 2 || older || all[0].What != "create" || all[0].Request == nil || all[0].Request.Body == nil {
			t.Fatalf("%d events, older %v, the first %+v", len(all), older, all[0])
		}
		last := all[len(all)-1]
		if last.What != "members" || len(last.Changes) != 1 || last.Changes[0].Path != "members" || !strings.Contains(string(last.Changes[0].Before), string(bob)) {
			t.Errorf("the last event is %+v", last)
		}
		one, older, err := explain.ReadGroup(t.Context(), s.store, acme, staff, 1)
		s.must(err)
		if len(one) != 1 || !older || one[0].Entry != last.Entry {
			t.Errorf("the newest alone: %+v, older %v", one, older)
		}
		for _, id := range []state.ID{ada, "nobody"} {
			if _, _, err := explain.ReadGroup(t.Context(), s.store, acme, id, 0); !errors.Is(err, state.ErrNotFound) {
				t.Errorf("%s is no group: %v", id, err)
			}
		}
	})
}

// TestByID follows an account from life to its last trace by its id, and a person by theirs.
func TestByID(t *testing.T) {
	stories(t, func(s *story) {
		s.tell()
		is := func(got explain.Subject, err error, rank int) {
			t.Helper()
			if err != nil || got.Account != ada || got.Rank() != rank {
				t.Errorf("%+v, %v; want rank %d", got, err, rank)
			}
		}
		both := func(rank int) {
			t.Helper()
			got, err := explain.ByID(t.Context(), s.store, acme, ada)
			is(got, err, rank)
			got, err = explain.ByPerson(t.Context(), s.store, acme, adaPerson)
			is(got, err, rank)
		}
		both(0)
		s.do(state.Mutation{ID: ada, Cause: state.Cause{Kind: state.CauseOperator, Actor: "olga"}, Life: &state.Life{Pinned: new(false)}})
		s.do(state.Mutation{ID: ada, Cause: byPush, Life: &state.Life{Remove: state.RemoveDelete}})
		both(1)
		s.do(state.Mutation{ID: ada, Cause: byPush, Life: &state.Life{Remove: state.RemovePurge}})
		got, err := explain.ByID(t.Context(), s.store, acme, ada)
		is(got, err, 2)
		if got, err := explain.ByPerson(t.Context(), s.store, acme, "nobody"); err != nil || got.Account != "" || got.Person != "nobody" {
			t.Errorf("a person nobody knows: %+v, %v", got, err)
		}
		for _, id := range []state.ID{staff, "nobody"} {
			if _, err := explain.ByID(t.Context(), s.store, acme, id); !errors.Is(err, state.ErrNotFound) {
				t.Errorf("%s is no account: %v", id, err)
			}
		}
	})
}
