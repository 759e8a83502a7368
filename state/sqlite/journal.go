package sqlite

import (
	"context"
	"time"

	"rollcall/state"
)

const entryColumns = `j.number, t.name, s.name, j.at, j.kind, j.id, j.name, j.verb, j.version,
	j.cause, j.actor, j.run, j.reason, j.note, j.request, CAST(j.before AS BLOB), CAST(j.after AS BLOB) `

// The columns of both sides.
const (
	entryBefore = 15
	entryAfter  = 16
)

const entryTables = `FROM journal j JOIN tenants t ON t.tenant = j.tenant JOIN sources s ON s.source = j.source `

const (
	entriesAfter = `SELECT ` + entryColumns + entryTables + `
		WHERE j.tenant = (SELECT tenant FROM tenants WHERE name = ?) AND j.number > ? ORDER BY j.number LIMIT ?`
	entriesOf = `SELECT ` + entryColumns + entryTables + `WHERE j.id = ? AND j.source = ` + inScope + `ORDER BY j.number`
	// Everyone may have come within the time: one scan of an index tells whether anybody went at all.
	ledger = `SELECT s.accounts, s.in_force, s.in_force - sums.turns,
			CASE WHEN sums.least < 0 THEN (SELECT count(DISTINCT j.id) FROM journal j WHERE ` + removedSince + `AND j.cause = 'pull') ELSE 0 END,
			CASE WHEN sums.least < 0 THEN (SELECT count(DISTINCT j.id) FROM journal j WHERE ` + removedSince + `AND j.cause = 'push') ELSE 0 END
		FROM sources s, (SELECT coalesce(sum(j.turn), 0) turns, coalesce(min(j.turn), 0) least
			FROM journal j WHERE j.source = ` + inScope + `AND j.at >= ? AND j.turn <> 0) sums
		WHERE s.source = ` + inScope
	removedSince = `j.source = s.source AND j.at >= ? AND j.turn <> 0 AND j.turn < 0 AND NOT EXISTS (
		SELECT 1 FROM records r WHERE r.id = j.id AND r.source = s.source AND r.deleted_at = 0 AND r.in_force = 1) `
)

func scanEntry(row row) state.Entry {
	return state.Entry{
		Number:  row.int(0),
		Scope:   state.Scope{Tenant: row.text(1), Source: row.text(2)},
		At:      row.time(3),
		Kind:    state.Kind(row.int(4)),
		ID:      state.ID(row.text(5)),
		Name:    row.text(6),
		Verb:    state.Verb(row.text(7)),
		Version: row.int(8),
		Cause: state.Cause{
			Kind: state.CauseKind(row.text(9)), Actor: row.text(10), Run: row.text(11), Reason: row.text(12), Note: row.text(13),
		},
		Request: row.text(14),
		Before:  row.bytes(entryBefore),
		After:   row.bytes(entryAfter),
	}
}

// Entries reads a tenant's journal.
func (r *Reader) Entries(ctx context.Context, tenant string, after int64, limit int) ([]state.Entry, error) {
	return list(ctx, r, scanEntry, entriesAfter, tenant, after, atMost(limit))
}

// EntriesOf reads what happened to one resource.
func (r *Reader) EntriesOf(ctx context.Context, scope state.Scope, id state.ID) ([]state.Entry, error) {
	return list(ctx, r, scanEntry, entriesOf, string(id), scope.Source, scope.Tenant)
}

// Ledger reads the sums of a source and looks at who came and went since the time given; nothing else.
func (r *Reader) Ledger(ctx context.Context, scope state.Scope, since time.Time) (state.Ledger, error) {
	ms := sinceMilli(since)
	ledgers, err := list(ctx, r, scanLedger, ledger, ms, ms, scope.Source, scope.Tenant, ms, scope.Source, scope.Tenant)
	if err != nil || len(ledgers) == 0 {
		return state.Ledger{}, err
	}
	return ledgers[0], nil
}

func scanLedger(row row) state.Ledger {
	return state.Ledger{
		Total: int(row.int(0)), Active: int(row.int(1)), Before: int(row.int(2)), Removed: int(row.int(3)), Pushed: int(row.int(4)),
	}
}

// sinceMilli is the first millisecond that is not before t.
func sinceMilli(t time.Time) int64 {
	ms := t.UnixMilli()
	if t.After(time.UnixMilli(ms)) {
		ms++
	}
	return ms
}

const (
	requestColumns = `SELECT q.id, t.name, s.name, q.at, q.key_id, q.method, q.path, q.status, q.detail, q.body, q.answer
		FROM requests q JOIN sources s ON s.source = q.source JOIN tenants t ON t.tenant = s.tenant `
	requestByID = requestColumns + `WHERE q.id = ?`
	requestsAll = requestColumns + `ORDER BY q.request DESC LIMIT ?`
	requestsOf  = requestColumns + `WHERE q.source = ` + inScope + `ORDER BY q.request DESC LIMIT ?`
)

func scanRequest(row row) state.Request {
	return state.Request{
		ID:     row.text(0),
		Scope:  state.Scope{Tenant: row.text(1), Source: row.text(2)},
		At:     row.time(3),
		KeyID:  row.text(4),
		Method: row.text(5),
		Path:   row.text(6),
		Status: int(row.int(7)),
		Detail: row.text(8),
		Body:   row.bytes(9),
		Answer: row.bytes(10),
	}
}

// Request reads one kept request.
func (r *Reader) Request(ctx context.Context, id string) (request state.Request, err error) {
	err = r.get(ctx, func(row row) { request = scanRequest(row) }, requestByID, id)
	return request, err
}

// Requests reads the newest requests.
func (r *Reader) Requests(ctx context.Context, scope state.Scope, limit int) ([]state.Request, error) {
	if scope == (state.Scope{}) {
		return list(ctx, r, scanRequest, requestsAll, atMost(limit))
	}
	return list(ctx, r, scanRequest, requestsOf, scope.Source, scope.Tenant, atMost(limit))
}

// atMost is a limit as SQLite reads it: -1 for none.
func atMost(limit int) int64 {
	if limit <= 0 {
		return -1
	}
	return int64(limit)
}
