package sqlite

import (
	"context"
	"fmt"
	"time"

	"rollcall/state"
)

const (
	sourceColumns = `SELECT t.name, s.name, s.kind, s.created_at, s.identity, s.basis, s.observe,
		s.last_push_at, s.last_pull_at, s.last_whole_at FROM sources s JOIN tenants t ON t.tenant = s.tenant `
	sourceByName = sourceColumns + `WHERE s.name = ?`
	allSources   = sourceColumns + `ORDER BY s.name`

	insertTenant = `INSERT INTO tenants (name) VALUES (?) ON CONFLICT DO NOTHING`
	insertSource = `INSERT INTO sources (tenant, name, kind, created_at) SELECT tenant, ?, ?, ? FROM tenants WHERE name = ?`
	updateKind   = `UPDATE sources SET kind = ? WHERE name = ? AND kind <> ?`
	updateSource = `UPDATE sources SET identity = ?, basis = ?, observe = ?, last_pull_at = ?, last_whole_at = ? WHERE source = ?`
)

func scanSource(row row) state.Source {
	return state.Source{
		Scope:       state.Scope{Tenant: row.text(0), Source: row.text(1)},
		Kind:        row.text(2),
		CreatedAt:   row.time(3),
		Identity:    row.text(4),
		Basis:       row.text(5),
		Observe:     row.text(6),
		LastPushAt:  row.time(7),
		LastPullAt:  row.time(8),
		LastWholeAt: row.time(9),
	}
}

// Source reads one source by name.
func (r *Reader) Source(ctx context.Context, name string) (source state.Source, err error) {
	err = r.get(ctx, func(row row) { source = scanSource(row) }, sourceByName, name)
	return source, err
}

// ListSources reads all sources, by name.
func (r *Reader) ListSources(ctx context.Context) ([]state.Source, error) {
	return list(ctx, r, scanSource, allSources)
}

// EnsureSource makes the source on first use, its tenant too. The kind follows the configuration.
func (s *Store) EnsureSource(ctx context.Context, scope state.Scope, kind string) (source state.Source, err error) {
	err = s.do(ctx, func(t *tx) error {
		found, err := t.c.one(func(row row) { source = scanSource(row) }, sourceByName, scope.Source)
		switch {
		case err != nil:
			return err
		case found && source.Scope != scope:
			return state.ErrTenantFixed
		case found && source.Kind == kind:
			return nil
		case found:
			source.Kind = kind
			return t.c.exec(updateKind, kind, scope.Source, kind)
		}
		source = state.Source{Scope: scope, Kind: kind, CreatedAt: t.now}
		if err := t.c.exec(insertTenant, scope.Tenant); err != nil {
			return err
		}
		return t.c.exec(insertSource, scope.Source, kind, toMilli(t.now), scope.Tenant)
	})
	if err != nil {
		return state.Source{}, err
	}
	return source, nil
}

// PutSource keeps what runs know of a source.
func (s *Store) PutSource(ctx context.Context, epoch int64, source state.Source) error {
	return s.do(ctx, func(t *tx) error {
		held, err := t.leased(source.Scope, epoch)
		if err != nil {
			return err
		}
		return t.c.exec(updateSource, source.Identity, source.Basis, source.Observe,
			toMilli(source.LastPullAt), toMilli(source.LastWholeAt), held.source)
	})
}

const (
	leaseOf  = `SELECT holder, epoch, until FROM leases WHERE source = ?`
	putLease = `INSERT INTO leases (source, holder, epoch, until) VALUES (?, ?, ?, ?)
		ON CONFLICT (source) DO UPDATE SET holder = excluded.holder, epoch = excluded.epoch, until = excluded.until`
)

// AcquireLease takes the lease with a new epoch, the holder's own earlier one included: whatever still works under it is stopped.
func (s *Store) AcquireLease(ctx context.Context, scope state.Scope, holder string, ttl time.Duration) (lease state.Lease, err error) {
	err = s.do(ctx, func(t *tx) error {
		held, err := t.scope(scope)
		if err != nil {
			return err
		}
		present, err := t.lease(held)
		if err != nil {
			return err
		}
		if present.Holder != "" && present.Holder != holder && t.now.Before(present.Until) {
			return state.ErrLeased
		}
		lease = state.Lease{Scope: scope, Holder: holder, Epoch: present.Epoch + 1, Until: t.until(ttl)}
		held.epoch = lease.Epoch
		return t.c.exec(putLease, held.source, lease.Holder, lease.Epoch, toMilli(lease.Until))
	})
	return lease, err
}

// RenewLease lengthens a lease, though it had run out, unless somebody else has taken it: then it is ErrStaleEpoch.
func (s *Store) RenewLease(ctx context.Context, lease state.Lease, ttl time.Duration) (renewed state.Lease, err error) {
	err = s.do(ctx, func(t *tx) error {
		held, err := t.leased(lease.Scope, lease.Epoch)
		if err != nil {
			return err
		}
		present, err := t.lease(held)
		if err != nil {
			return err
		}
		if present.Holder != lease.Holder {
			return state.ErrStaleEpoch
		}
		lease.Until = t.until(ttl)
		renewed = lease
		return t.c.exec(putLease, held.source, lease.Holder, lease.Epoch, toMilli(lease.Until))
	})
	return renewed, err
}

// ReleaseLease gives a lease back; ErrStaleEpoch if somebody else has it.
func (s *Store) ReleaseLease(ctx context.Context, lease state.Lease) error {
	return s.do(ctx, func(t *tx) error {
		held, err := t.leased(lease.Scope, lease.Epoch)
		if err != nil {
			return err
		}
		return t.c.exec(putLease, held.source, "", lease.Epoch, int64(0))
	})
}

func (t *tx) lease(held *scopeRow) (lease state.Lease, err error) {
	_, err = t.c.one(func(row row) {
		lease = state.Lease{Holder: row.text(0), Epoch: row.int(1), Until: row.time(2)}
	}, leaseOf, held.source)
	return lease, err
}

func (t *tx) until(ttl time.Duration) time.Time { return t.now.Add(ttl).Truncate(time.Millisecond) }

// leased is scope, refused unless the epoch is the present one of its lease.
func (t *tx) leased(scope state.Scope, epoch int64) (*scopeRow, error) {
	held, err := t.scope(scope)
	if err != nil {
		return nil, err
	}
	if held.epoch != epoch {
		return nil, state.ErrStaleEpoch
	}
	return held, nil
}

func unknownSource(scope state.Scope) error {
	return fmt.Errorf("source %q of tenant %q: %w", scope.Source, scope.Tenant, state.ErrNotFound)
}
