package sqlite

import (
	"context"
	"fmt"
	"time"

	"rollcall/state"
)

const (
	keyColumns = `SELECT k.id, t.name, s.name, k.hash, k.label, k.created_at, k.expires_at, k.revoked_at, k.last_used_at
		FROM keys k JOIN sources s ON s.source = k.source JOIN tenants t ON t.tenant = s.tenant `
	keyByHash = keyColumns + `WHERE k.hash = ?`
	keysOf    = keyColumns + `WHERE k.source = ` + inScope + `ORDER BY k.rowid`

	countLiveKeys = `SELECT count(*) FROM keys WHERE source = ? AND revoked_at = 0 AND (expires_at = 0 OR expires_at > ?)`
	keyIsThere    = `SELECT 1 FROM keys WHERE hash = ? OR source = ? AND id = ?`
	insertKey     = `INSERT INTO keys (source, id, hash, label, created_at, expires_at, revoked_at, last_used_at)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?)`
	keyRevokedAt = `SELECT revoked_at FROM keys WHERE source = ? AND id = ?`
	revokeKey    = `UPDATE keys SET revoked_at = ? WHERE source = ? AND id = ?`
	touchKey     = `UPDATE keys SET last_used_at = ? WHERE hash = ? AND last_used_at <= ?`
	touchSource  = `UPDATE sources SET last_push_at = ? WHERE source = (SELECT source FROM keys WHERE hash = ?) AND last_push_at < ?`
)

// maxLiveKeys is two, so that a key can be replaced without a gap.
const maxLiveKeys = 2

// touchEvery is how often a key's use is written down.
const touchEvery = time.Minute

func scanKey(row row) state.Key {
	key := state.Key{
		ID:         row.text(0),
		Scope:      state.Scope{Tenant: row.text(1), Source: row.text(2)},
		Label:      row.text(4),
		CreatedAt:  row.time(5),
		ExpiresAt:  row.time(6),
		RevokedAt:  row.time(7),
		LastUsedAt: row.time(8),
	}
	copy(key.Hash[:], row.bytes(3))
	return key
}

// KeyByHash reads a key. A revocation in any process holds for the next look.
func (r *Reader) KeyByHash(ctx context.Context, hash state.KeyHash) (key state.Key, err error) {
	err = r.get(ctx, func(row row) { key = scanKey(row) }, keyByHash, hash[:])
	return key, err
}

// ListKeys reads a source's keys, oldest first.
func (r *Reader) ListKeys(ctx context.Context, scope state.Scope) ([]state.Key, error) {
	return list(ctx, r, scanKey, keysOf, scope.Source, scope.Tenant)
}

// PutKey keeps a new key.
func (s *Store) PutKey(ctx context.Context, key state.Key) error {
	return s.do(ctx, func(t *tx) error { return t.putKey(key) })
}

func (t *tx) putKey(key state.Key) error {
	held, err := t.scope(key.Scope)
	if err != nil {
		return err
	}
	there, err := t.c.one(func(row) {}, keyIsThere, key.Hash[:], held.source, key.ID)
	if err != nil {
		return err
	}
	if there {
		return fmt.Errorf("key %s is there already", key.ID)
	}
	live := int64(0)
	if _, err := t.c.one(func(row row) { live = row.int(0) }, countLiveKeys, held.source, toMilli(t.now)); err != nil {
		return err
	}
	if live >= maxLiveKeys {
		return state.ErrKeyLimit
	}
	if key.CreatedAt.IsZero() {
		key.CreatedAt = t.now
	}
	return t.c.exec(insertKey, held.source, key.ID, key.Hash[:], key.Label, toMilli(key.CreatedAt),
		toMilli(key.ExpiresAt), toMilli(key.RevokedAt), toMilli(key.LastUsedAt))
}

// RevokeKey ends a key; one that is revoked already keeps its time.
func (s *Store) RevokeKey(ctx context.Context, scope state.Scope, id string) error {
	return s.do(ctx, func(t *tx) error {
		held, err := t.scope(scope)
		if err != nil {
			return err
		}
		revokedAt := int64(0)
		found, err := t.c.one(func(row row) { revokedAt = row.int(0) }, keyRevokedAt, held.source, id)
		switch {
		case err != nil:
			return err
		case !found:
			return state.ErrNotFound
		case revokedAt != 0:
			return nil
		}
		return t.c.exec(revokeKey, toMilli(t.now), held.source, id)
	})
}

// TouchKey notes a use with the next commit, or within a second. It never waits, and within a minute of the last use that this
// process noted it does nothing.
func (s *Store) TouchKey(ctx context.Context, key state.Key, at time.Time) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	return s.writer.touch(key.Hash, at)
}

// writeTouch carries a touch out, unless another process was there within the minute.
func (t *tx) writeTouch(hash state.KeyHash, at time.Time) error {
	if err := t.c.exec(touchKey, toMilli(at), hash[:], toMilli(at.Add(-touchEvery))); err != nil || t.c.changed() == 0 {
		return err
	}
	return t.c.exec(touchSource, toMilli(at), hash[:], toMilli(at))
}
