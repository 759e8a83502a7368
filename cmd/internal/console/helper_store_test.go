package console

import (
	"cmp"
	"context"
	"slices"
	"strconv"
	"strings"

	"rollcall/state"
	"rollcall/state/sqlite"
)

// testStore is the real store. What that has not yet is lent by stopgap, two steps further down, so that the store's own methods win.
type testStore struct {
	*sqlite.Store
	lent
}

type lent struct{ deeper }

type deeper struct{ *stopgap }

func newTestStore(s *sqlite.Store) testStore {
	return testStore{s, lent{deeper{&stopgap{store: s}}}}
}

// stopgap keeps in memory, and reads by walking.
type stopgap struct {
	state.Digests
	requests
	state.Operators
	state.Sessions
	state.Invites
	store *sqlite.Store
	deeds []state.Deed
}

// requests is not named as its method is.
type requests interface{ state.RequestHeads }

func (s *stopgap) SealKey(context.Context) ([]byte, error) {
	return make([]byte, state.SealKeySize), nil
}

func (s *stopgap) NoteDeed(_ context.Context, deed state.Deed) error {
	deed.Number = int64(len(s.deeds) + 1)
	s.deeds = append(s.deeds, deed)
	return nil
}

func (s *stopgap) ListDeeds(_ context.Context, scope state.Scope, before int64, limit int) ([]state.Deed, error) {
	var list []state.Deed
	for _, d := range slices.Backward(s.deeds) {
		if (before == 0 || d.Number < before) && (scope == state.Scope{} || d.Scope == scope) && len(list) < limit {
			list = append(list, d)
		}
	}
	return list, nil
}

func (s *stopgap) RunHeads(ctx context.Context, scope state.Scope, outcome, before string, limit int) ([]state.Run, error) {
	all, err := s.store.ListRuns(ctx, scope, 0)
	all = slices.DeleteFunc(all, func(r state.Run) bool {
		return outcome != "" && r.Outcome != outcome || before != "" && r.ID >= before
	})
	return all[:min(limit, len(all))], err
}

func (s *stopgap) PlanHeads(ctx context.Context, scope state.Scope, status state.PlanStatus, before string, limit int) ([]state.HeldPlan, error) {
	all, err := s.store.ListPlans(ctx, scope, 0)
	all = slices.DeleteFunc(all, func(p state.HeldPlan) bool {
		return status != "" && p.Status != status || before != "" && p.ID >= before
	})
	return all[:min(limit, len(all))], err
}

func (s *stopgap) Search(context.Context, string, int) ([]state.Listed, error) { return nil, nil }

func (s *stopgap) Locate(ctx context.Context, id state.ID) (state.Scope, state.Kind, error) {
	sources, err := s.store.ListSources(ctx)
	if err != nil {
		return state.Scope{}, 0, err
	}
	for _, source := range sources {
		for _, kind := range []state.Kind{state.KindAccount, state.KindGroup} {
			if _, err := s.store.Record(ctx, source.Scope, kind, id); err == nil {
				return source.Scope, kind, nil
			}
		}
		kind := state.Kind(0)
		err := s.store.Tombstones(ctx, source.Scope, func(r state.Record) bool {
			if r.ID == id {
				kind = r.Kind
			}
			return kind == 0
		})
		if err != nil || kind != 0 {
			return source.Scope, kind, err
		}
	}
	return state.Scope{}, 0, state.ErrNotFound
}

func (s *stopgap) List(ctx context.Context, l state.Listing) (state.Page, error) {
	var rows []state.Listed
	for _, scope := range l.Scopes {
		add := func(r state.Record) bool {
			row := state.Listed{Scope: scope, Record: r}
			if entries, err := s.store.LastEntries(ctx, scope, r.ID, 1); err == nil && len(entries) > 0 {
				row.Last, row.LastAt = entries[0].Cause, entries[0].At
			}
			if r.Kind == l.Kind && shown(&r, l) && (l.Reason == "" || !r.InForce && row.Last.Reason == l.Reason) {
				rows = append(rows, row)
			}
			return true
		}
		err := s.store.Scan(ctx, scope, l.Kind, 0, 0, 0, add)
		if l.Show == state.ShowDeleted {
			err = s.store.Tombstones(ctx, scope, add)
		}
		if err != nil {
			return state.Page{}, err
		}
	}
	slices.SortFunc(rows, func(a, b state.Listed) int {
		order := cmp.Compare(a.Record.Row, b.Record.Row)
		if l.Order == state.OrderName {
			order = cmp.Or(strings.Compare(strings.ToLower(a.Record.Name), strings.ToLower(b.Record.Name)), order)
		}
		if l.Descending {
			return -order
		}
		return order
	})
	skip, _ := strconv.Atoi(l.After)
	page := state.Page{Rows: rows[min(skip, len(rows)):]}
	if len(page.Rows) > l.Limit {
		page.Rows, page.Next = page.Rows[:l.Limit], strconv.Itoa(skip+l.Limit)
	}
	return page, nil
}

func shown(r *state.Record, l state.Listing) bool {
	switch l.Show {
	case state.ShowActive:
		return r.InForce
	case state.ShowInactive:
		return !r.InForce
	case state.ShowStaged:
		return r.Staged
	case state.ShowPinned:
		return r.Pinned
	case state.ShowProtected:
		return r.Protected
	case state.ShowDeleted:
		return !r.DeletedAt.IsZero()
	}
	return true
}
