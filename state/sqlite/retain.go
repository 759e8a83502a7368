package sqlite

import (
	"context"
	"time"

	"rollcall/state"
)

const (
	oldestTenants = `SELECT t.tenant, t.name FROM tenants t WHERE EXISTS (SELECT 1 FROM journal j WHERE j.tenant = t.tenant) ORDER BY t.tenant`

	// The oldest entries up to the first that is young enough to stay, or that a reader has yet to read.
	trimJournal = `DELETE FROM journal WHERE tenant = ? AND number < (
		SELECT min(coalesce(min(CASE WHEN o.at >= ? THEN o.number END), max(o.number) + 1),
			coalesce((SELECT min(r.number) + 1 FROM readers r WHERE r.tenant = o.tenant), 9223372036854775807))
		FROM (SELECT tenant, number, at FROM journal WHERE tenant = ? ORDER BY number LIMIT ?) o)`
	trimRequestsByAge = `DELETE FROM requests WHERE request IN (
		SELECT request FROM (SELECT request, at FROM requests ORDER BY request LIMIT ?) WHERE at < ?)`

	cutOf = `SELECT coalesce((SELECT min(j.number) - 1 FROM journal j WHERE j.tenant = t.tenant), t.last_number)
		FROM tenants t WHERE t.name = ?`

	putReader = `INSERT INTO readers (tenant, name, number, at) SELECT tenant, ?, ?, ? FROM tenants WHERE name = ?
		ON CONFLICT (tenant, name) DO UPDATE SET number = excluded.number, at = excluded.at`
	deleteReader = `DELETE FROM readers WHERE name = ? AND tenant = (SELECT tenant FROM tenants WHERE name = ?)`
	readersOf    = `SELECT t.name, r.name, r.number, r.at FROM readers r JOIN tenants t ON t.tenant = r.tenant WHERE t.name = ? ORDER BY r.name`

	alarmsAll   = `SELECT t.name, s.name, a.condition, a.since FROM alarms a JOIN sources s ON s.source = a.source JOIN tenants t ON t.tenant = s.tenant ORDER BY s.name, a.condition`
	putAlarm    = `INSERT INTO alarms (source, condition, since) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`
	deleteAlarm = `DELETE FROM alarms WHERE source = ? AND condition = ?`
)

// trimStep is how many rows a step of a trim looks at, so that a slice of bulk work holds as many steps as its time allows.
const trimStep = 100

// Trim removes what is older, a step at a time, as bulk work between which everybody else gets in.
func (s *Store) Trim(ctx context.Context, journal, requests time.Time) (done state.Trimmed, err error) {
	if !journal.IsZero() {
		if done.Entries, err = s.trimJournals(ctx, toMilli(journal)); err != nil {
			return done, err
		}
	}
	if !requests.IsZero() {
		done.Requests, err = s.trim(ctx, trimRequestsByAge, int64(trimStep), toMilli(requests))
	}
	return done, err
}

func (s *Store) trimJournals(ctx context.Context, before int64) (removed int, err error) {
	tenants, err := list(ctx, s.Reader, func(row row) int64 { return row.int(0) }, oldestTenants)
	if err != nil {
		return 0, err
	}
	for _, tenant := range tenants {
		n, err := s.trim(ctx, trimJournal, tenant, before, tenant, int64(trimStep))
		removed += n
		if err != nil {
			return removed, err
		}
	}
	return removed, nil
}

// trim carries a statement out until it finds less than a step to remove.
func (s *Store) trim(ctx context.Context, statement string, args ...any) (removed int, err error) {
	for last := trimStep; last == trimStep; removed += last {
		if err := s.doBulk(ctx, 1, func(t *tx, _ int) error {
			err := t.c.exec(statement, args...)
			last = int(t.c.changed())
			return err
		}); err != nil {
			return removed, err
		}
	}
	return removed, nil
}

// Cut reads how far a tenant's journal was removed.
func (r *Reader) Cut(ctx context.Context, tenant string) (int64, error) {
	cuts, err := list(ctx, r, func(row row) int64 { return row.int(0) }, cutOf, tenant)
	if err != nil || len(cuts) == 0 {
		return 0, err
	}
	return cuts[0], nil
}

// KeepReader registers a reader of a tenant's journal; ErrNotFound if there is no such tenant.
func (s *Store) KeepReader(ctx context.Context, reader state.FeedReader) error {
	return s.do(ctx, func(t *tx) error {
		err := t.c.exec(putReader, reader.Name, reader.Number, toMilli(reader.At), reader.Tenant)
		if err == nil && t.c.changed() == 0 {
			return state.ErrNotFound
		}
		return err
	})
}

// DropReader forgets a reader.
func (s *Store) DropReader(ctx context.Context, tenant, name string) error {
	return s.do(ctx, func(t *tx) error { return t.c.exec(deleteReader, name, tenant) })
}

// Readers reads who reads a tenant's journal.
func (r *Reader) Readers(ctx context.Context, tenant string) ([]state.FeedReader, error) {
	return list(ctx, r, func(row row) state.FeedReader {
		return state.FeedReader{Tenant: row.text(0), Name: row.text(1), Number: row.int(2), At: row.time(3)}
	}, readersOf, tenant)
}

// Alarms reads what somebody has been told of.
func (r *Reader) Alarms(ctx context.Context) ([]state.Alarm, error) {
	return list(ctx, r, func(row row) state.Alarm {
		return state.Alarm{Scope: state.Scope{Tenant: row.text(0), Source: row.text(1)}, Condition: row.text(2), Since: row.time(3)}
	}, alarmsAll)
}

// PutAlarm remembers a condition; one that is known keeps its time.
func (s *Store) PutAlarm(ctx context.Context, alarm state.Alarm) error {
	return s.do(ctx, func(t *tx) error {
		held, err := t.scope(alarm.Scope)
		if err != nil {
			return err
		}
		return t.c.exec(putAlarm, held.source, alarm.Condition, toMilli(alarm.Since))
	})
}

// DropAlarm forgets a condition.
func (s *Store) DropAlarm(ctx context.Context, alarm state.Alarm) error {
	return s.do(ctx, func(t *tx) error {
		held, err := t.scope(alarm.Scope)
		if err != nil {
			return err
		}
		return t.c.exec(deleteAlarm, held.source, alarm.Condition)
	})
}
