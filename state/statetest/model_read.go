package statetest

import (
	"context"
	"slices"
	"time"

	"rollcall/state"
)

func (m *Model) Record(ctx context.Context, scope state.Scope, kind state.Kind, id state.ID) (state.Record, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e := m.live(scope, id)
	if e == nil || e.Kind != kind {
		return state.Record{}, state.ErrNotFound
	}
	return m.copied(e), ctx.Err()
}

func (m *Model) Find(ctx context.Context, scope state.Scope, kind state.Kind, key state.MatchKey) ([]state.Record, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.recordsOf(m.find(scope, kind, key)), ctx.Err()
}

func (m *Model) Scan(ctx context.Context, scope state.Scope, kind state.Kind, after int64, skip, limit int, yield func(state.Record) bool) error {
	m.mu.Lock()
	list := slices.DeleteFunc(m.all(scope, kind, false), func(e *entity) bool { return e.Row <= after })
	list = list[min(skip, len(list)):]
	if limit > 0 {
		list = list[:min(limit, len(list))]
	}
	records := m.recordsOf(list)
	m.mu.Unlock()
	for i := range records {
		records[i].Grouped = kind == state.KindAccount
	}
	return each(ctx, records, yield)
}

func (m *Model) Count(ctx context.Context, scope state.Scope, kind state.Kind) (int, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.all(scope, kind, false)), ctx.Err()
}

func (m *Model) Members(ctx context.Context, scope state.Scope, group state.ID, yield func(state.Ref) bool) error {
	m.mu.Lock()
	g := m.live(scope, group)
	if g == nil || g.Kind != state.KindGroup {
		m.mu.Unlock()
		return state.ErrNotFound
	}
	var refs []state.Ref
	for _, id := range g.joined() {
		if e := m.live(scope, id); e != nil {
			refs = append(refs, refOf(e))
		}
	}
	m.mu.Unlock()
	return each(ctx, refs, yield)
}

func (m *Model) GroupsOf(ctx context.Context, scope state.Scope, id state.ID) ([]state.Ref, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.live(scope, id) == nil {
		return nil, ctx.Err()
	}
	var refs []state.Ref
	for _, e := range m.groupsOf(scope, id) {
		refs = append(refs, refOf(e))
	}
	return refs, ctx.Err()
}

func (m *Model) GroupsOfAll(ctx context.Context, scope state.Scope, rows []int64, yield func(int64, state.Ref) bool) error {
	m.mu.Lock()
	var groups [][]state.Ref
	for _, row := range rows {
		var refs []state.Ref
		for _, member := range m.those(func(e *entity) bool { return e.Row == row }) {
			for _, e := range m.groupsOf(scope, member.ID) {
				refs = append(refs, refOf(e))
			}
		}
		groups = append(groups, refs)
	}
	m.mu.Unlock()
	for i, refs := range groups {
		for _, group := range refs {
			if !yield(rows[i], group) {
				return nil
			}
		}
	}
	return ctx.Err()
}

func (m *Model) Tombstones(ctx context.Context, scope state.Scope, yield func(state.Record) bool) error {
	m.mu.Lock()
	list := m.recordsOf(m.all(scope, 0, true))
	m.mu.Unlock()
	return each(ctx, list, yield)
}

func (m *Model) Index(ctx context.Context, scope state.Scope, yield func(state.IndexRow) error) error {
	m.mu.Lock()
	var rows []state.IndexRow
	for _, e := range m.all(scope, state.KindAccount, false) {
		row := state.IndexRow{
			Row: e.Row, ID: e.ID, Version: e.Version, Stamp: e.Stamp,
			Said: e.Said, InForce: e.InForce, Pinned: e.Pinned, Protected: e.Protected, Link: e.Link,
		}
		for _, key := range e.keys {
			switch key.Name {
			case state.MatchUserName:
				row.UserName = key.Text
			case state.MatchExternalID:
				row.ExternalID = key.Text
			}
		}
		rows = append(rows, row)
	}
	m.mu.Unlock()
	for _, row := range rows {
		if err := ctx.Err(); err != nil {
			return err
		}
		if err := yield(row); err != nil {
			return err
		}
	}
	return ctx.Err()
}

func (m *Model) Agree(ctx context.Context, scope state.Scope, epoch int64, agreements []state.Agreement) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.checkEpoch(scope, epoch, false); err != nil {
		return err
	}
	for _, a := range agreements {
		for _, e := range m.all(scope, state.KindAccount, false) {
			if e.Row == a.Row && e.Version == a.Version {
				e.Stamp = a.Stamp
			}
		}
	}
	return ctx.Err()
}

func (m *Model) Entries(ctx context.Context, tenant string, after int64, limit int) ([]state.Entry, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var list []state.Entry
	for _, e := range m.journal[tenant] {
		if e.Number > after && (limit == 0 || len(list) < limit) {
			list = append(list, e.Entry)
		}
	}
	return list, ctx.Err()
}

func (m *Model) EntriesOf(ctx context.Context, scope state.Scope, id state.ID) ([]state.Entry, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var list []state.Entry
	for _, e := range m.journal[scope.Tenant] {
		if e.Scope == scope && e.ID == id {
			list = append(list, e.Entry)
		}
	}
	return list, ctx.Err()
}

func (m *Model) Ledger(ctx context.Context, scope state.Scope, since time.Time) (state.Ledger, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.ledger(scope, since), ctx.Err()
}

func (m *Model) ledger(scope state.Scope, since time.Time) state.Ledger {
	var ledger state.Ledger
	for _, e := range m.all(scope, state.KindAccount, false) {
		ledger.Total++
		if e.InForce {
			ledger.Active++
		}
	}
	ledger.Before = ledger.Active
	removed := map[state.CauseKind]map[state.ID]bool{state.CausePull: {}, state.CausePush: {}}
	for _, e := range m.journal[scope.Tenant] {
		if e.Scope != scope || e.At.Before(since) {
			continue
		}
		ledger.Before -= int(e.turn)
		if counted := removed[e.Cause.Kind]; counted != nil && e.turn < 0 {
			if now := m.live(scope, e.ID); now == nil || !now.InForce {
				counted[e.ID] = true
			}
		}
	}
	ledger.Removed, ledger.Pushed = len(removed[state.CausePull]), len(removed[state.CausePush])
	return ledger
}

func refOf(e *entity) state.Ref { return state.Ref{ID: e.ID, Kind: e.Kind, Name: e.Name} }

func (m *Model) recordsOf(entities []*entity) []state.Record {
	var list []state.Record
	for _, e := range entities {
		list = append(list, m.copied(e))
	}
	return list
}

func each[T any](ctx context.Context, list []T, yield func(T) bool) error {
	for _, item := range list {
		if err := ctx.Err(); err != nil {
			return err
		}
		if !yield(item) {
			return nil
		}
	}
	return ctx.Err()
}
