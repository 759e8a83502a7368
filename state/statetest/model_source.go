package statetest

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"rollcall/state"
)

func (m *Model) EnsureSource(ctx context.Context, scope state.Scope, kind string) (state.Source, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.sources[scope.Source]
	switch {
	case s == nil:
		s = &source{Source: state.Source{Scope: scope, CreatedAt: m.instant()}}
		m.sources[scope.Source] = s
	case s.Scope != scope:
		return state.Source{}, state.ErrTenantFixed
	}
	s.Kind = kind
	return s.Source, ctx.Err()
}

func (m *Model) Source(ctx context.Context, name string) (state.Source, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s := m.sources[name]
	if s == nil {
		return state.Source{}, state.ErrNotFound
	}
	return s.Source, ctx.Err()
}

func (m *Model) ListSources(ctx context.Context) ([]state.Source, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var list []state.Source
	for _, name := range slices.Sorted(maps.Keys(m.sources)) {
		list = append(list, m.sources[name].Source)
	}
	return list, ctx.Err()
}

func (m *Model) PutSource(ctx context.Context, epoch int64, put state.Source) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.checkEpoch(put.Scope, epoch, false); err != nil {
		return err
	}
	s := m.sources[put.Scope.Source]
	s.Identity, s.Basis, s.Observe = put.Identity, put.Basis, put.Observe
	s.LastPullAt, s.LastWholeAt = instant(put.LastPullAt), instant(put.LastWholeAt)
	return ctx.Err()
}

func (m *Model) AcquireLease(ctx context.Context, scope state.Scope, holder string, ttl time.Duration) (state.Lease, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	s, err := m.source(scope)
	if err != nil {
		return state.Lease{}, err
	}
	now := m.instant()
	if s.lease.Holder != "" && s.lease.Holder != holder && now.Before(s.lease.Until) {
		return state.Lease{}, state.ErrLeased
	}
	s.lease = state.Lease{Scope: scope, Holder: holder, Epoch: s.lease.Epoch + 1, Until: now.Add(ttl)}
	return s.lease, ctx.Err()
}

func (m *Model) RenewLease(ctx context.Context, lease state.Lease, ttl time.Duration) (state.Lease, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.checkEpoch(lease.Scope, lease.Epoch, false); err != nil {
		return state.Lease{}, err
	}
	s := m.sources[lease.Scope.Source]
	if s.lease.Holder != lease.Holder {
		return state.Lease{}, state.ErrStaleEpoch
	}
	s.lease.Until = m.instant().Add(ttl)
	return s.lease, ctx.Err()
}

func (m *Model) ReleaseLease(ctx context.Context, lease state.Lease) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.checkEpoch(lease.Scope, lease.Epoch, false); err != nil {
		return err
	}
	s := m.sources[lease.Scope.Source]
	s.lease.Holder, s.lease.Until = "", time.Time{}
	return ctx.Err()
}

func (m *Model) PutKey(ctx context.Context, key state.Key) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return cmp.Or(m.putKey(key), ctx.Err())
}

func (m *Model) putKey(key state.Key) error {
	if _, err := m.source(key.Scope); err != nil {
		return err
	}
	now, live := m.instant(), 0
	for _, k := range m.keys {
		if k.ID == key.ID || k.Hash == key.Hash {
			return fmt.Errorf("key %s is there already", key.ID)
		}
		if k.Scope == key.Scope && k.Live(now) {
			live++
		}
	}
	if live >= 2 {
		return state.ErrKeyLimit
	}
	if key.CreatedAt.IsZero() {
		key.CreatedAt = now
	}
	key.CreatedAt, key.ExpiresAt = instant(key.CreatedAt), instant(key.ExpiresAt)
	key.RevokedAt, key.LastUsedAt = instant(key.RevokedAt), instant(key.LastUsedAt)
	m.keys = append(m.keys, key)
	return nil
}

func (m *Model) KeyByHash(ctx context.Context, hash state.KeyHash) (state.Key, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, k := range m.keys {
		if k.Hash == hash {
			return k, ctx.Err()
		}
	}
	return state.Key{}, state.ErrNotFound
}

func (m *Model) ListKeys(ctx context.Context, scope state.Scope) ([]state.Key, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(m.keys), func(k state.Key) bool { return k.Scope != scope }), ctx.Err()
}

func (m *Model) RevokeKey(ctx context.Context, scope state.Scope, id string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range m.keys {
		if k := &m.keys[i]; k.Scope == scope && k.ID == id {
			if k.RevokedAt.IsZero() {
				k.RevokedAt = m.instant()
			}
			return ctx.Err()
		}
	}
	return state.ErrNotFound
}

func (m *Model) TouchKey(ctx context.Context, key state.Key, at time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	at = instant(at)
	for i := range m.keys {
		if k := &m.keys[i]; k.Hash == key.Hash && at.Sub(k.LastUsedAt) >= time.Minute {
			k.LastUsedAt = at
			if s := m.sources[k.Scope.Source]; at.After(s.LastPushAt) {
				s.LastPushAt = at
			}
		}
	}
	return ctx.Err()
}

func (m *Model) Cursor(ctx context.Context, scope state.Scope) (state.Cursor, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.cursors[scope], ctx.Err()
}

func (m *Model) PutCursor(ctx context.Context, scope state.Scope, epoch int64, cursor state.Cursor) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.checkEpoch(scope, epoch, false); err != nil {
		return err
	}
	m.cursors[scope] = cursor
	return ctx.Err()
}

func (m *Model) Suspicions(ctx context.Context, scope state.Scope) ([]state.Suspicion, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	list := slices.Clone(m.suspicions[scope])
	slices.SortFunc(list, func(a, b state.Suspicion) int {
		return cmp.Or(cmp.Compare(a.Person, b.Person), cmp.Compare(a.Fact, b.Fact))
	})
	return list, ctx.Err()
}

func (m *Model) Suspect(ctx context.Context, scope state.Scope, epoch int64, add, clear []state.Suspicion) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.checkEpoch(scope, epoch, false); err != nil {
		return err
	}
	same := func(a state.Suspicion) func(state.Suspicion) bool {
		return func(b state.Suspicion) bool { return a.Person == b.Person && a.Fact == b.Fact }
	}
	list := slices.Clone(m.suspicions[scope])
	for _, s := range clear {
		list = slices.DeleteFunc(list, same(s))
	}
	for _, s := range add {
		if !slices.ContainsFunc(list, same(s)) {
			s.At = instant(s.At)
			list = append(list, s)
		}
	}
	m.suspicions[scope] = list
	return ctx.Err()
}

// instant is now, as a store keeps times.
func (m *Model) instant() time.Time { return instant(m.Now()) }

func instant(t time.Time) time.Time {
	if t.IsZero() {
		return time.Time{}
	}
	return t.UTC().Truncate(time.Millisecond)
}
