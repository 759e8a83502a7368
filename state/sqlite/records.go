package sqlite

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"

	"rollcall/state"
)

// recordColumns are what scanRecord reads, and scannedColumns the same without a look at memberships: any account may have some. Few
// columns, because each costs.
const (
	recordColumns  = firstColumns + `((r.kind = 1 AND EXISTS (SELECT 1 FROM memberships m WHERE m.member_record = r.record)) << 5)` + lastColumns
	scannedColumns = firstColumns + `((r.kind = 1) << 5)` + lastColumns

	firstColumns = `r.record, r.id, r.kind, r.version, r.name,
	r.said | (r.in_force << 1) | (r.pinned << 3) | (r.protected << 4) | (r.staged << 6) | `
	lastColumns = `, r.link, r.stamp, r.created_at, r.modified_at, r.deleted_at, CAST(r.resource AS BLOB) `
)

func scanRecord(row row) state.Record {
	life := row.int(5)
	return state.Record{
		Row:        row.int(0),
		ID:         state.ID(row.text(1)),
		Kind:       state.Kind(row.int(2)),
		Version:    row.int(3),
		Name:       row.text(4),
		Said:       life&1 != 0,
		InForce:    life&2 != 0,
		Staged:     life&(64|128) != 0,
		Deletes:    life&128 != 0,
		Pinned:     life&8 != 0,
		Protected:  life&16 != 0,
		Grouped:    life&32 != 0,
		Link:       row.text(6),
		Stamp:      uint64(row.int(7)),
		CreatedAt:  row.time(8),
		ModifiedAt: row.time(9),
		DeletedAt:  row.time(10),
		Resource:   row.bytes(11),
	}
}

// inScope is the source's row, none if source and tenant do not belong together. Its parameters are the source's and tenant's names.
const inScope = ` (SELECT s.source FROM sources s JOIN tenants t ON t.tenant = s.tenant WHERE s.name = ? AND t.name = ?) `

const (
	recordByID = `SELECT ` + recordColumns + `FROM records r
		WHERE r.id = ? AND r.kind = ? AND r.deleted_at = 0 AND r.source = ` + inScope
	recordsByUniqueKey = `SELECT ` + recordColumns + `FROM records r
		WHERE r.source = ` + inScope + `AND r.kind = ? AND r.unique_key = ? AND r.deleted_at = 0`
	recordsByExternalID = `SELECT ` + recordColumns + `FROM records r
		WHERE r.source = ` + inScope + `AND r.kind = ? AND r.external_id = ? AND r.deleted_at = 0 ORDER BY r.record`
	recordsByLink = `SELECT ` + recordColumns + `FROM records r
		WHERE r.source = ` + inScope + `AND r.kind = ? AND r.link = ? AND r.deleted_at = 0`
	recordsByMatchKey = `SELECT ` + recordColumns + `FROM match_keys k JOIN records r ON r.record = k.record
		WHERE k.source = ` + inScope + `AND k.name = ? AND k.text = ? ORDER BY k.record`
	recordsAfter = `SELECT ` + scannedColumns + `FROM records r
		WHERE r.source = ` + inScope + `AND r.kind = ? AND r.deleted_at = 0 AND r.record > ? ORDER BY r.record LIMIT ?`
	rowAfterSkip = `SELECT record FROM records INDEXED BY records_live
		WHERE source = ` + inScope + `AND kind = ? AND deleted_at = 0 AND record > ? ORDER BY record LIMIT 1 OFFSET ?`
	blocksOf        = `SELECT block, live FROM blocks WHERE source = ` + inScope + `AND kind = ? ORDER BY block`
	tombstonesAfter = `SELECT ` + recordColumns + `FROM records r
		WHERE r.source = ` + inScope + `AND r.deleted_at <> 0 AND r.record > ? ORDER BY r.record LIMIT ?`
	countOf = `SELECT CASE ? WHEN 1 THEN s.accounts WHEN 2 THEN s.groups END FROM sources s WHERE s.source = ` + inScope
)

// batch is how many rows are read in one look; between looks nothing is held.
const (
	batch      = 256
	indexBatch = blockRows
)

// Record reads one record by id.
func (r *Reader) Record(ctx context.Context, scope state.Scope, kind state.Kind, id state.ID) (record state.Record, err error) {
	err = r.get(ctx, func(row row) { record = scanRecord(row) }, recordByID, string(id), int64(kind), scope.Source, scope.Tenant)
	return record, err
}

// Find reads the records that a key leads to, with one statement.
func (r *Reader) Find(ctx context.Context, scope state.Scope, kind state.Kind, key state.MatchKey) ([]state.Record, error) {
	switch {
	case key.Name == state.MatchID:
		return list(ctx, r, scanRecord, recordByID, key.Text, int64(kind), scope.Source, scope.Tenant)
	case key.Name == state.UniqueName(kind):
		return list(ctx, r, scanRecord, recordsByUniqueKey, scope.Source, scope.Tenant, int64(kind), key.Text)
	case key.Name == state.MatchExternalID:
		return list(ctx, r, scanRecord, recordsByExternalID, scope.Source, scope.Tenant, int64(kind), key.Text)
	case key.Name == state.MatchLink:
		return list(ctx, r, scanRecord, recordsByLink, scope.Source, scope.Tenant, int64(kind), key.Text)
	case kind == state.KindAccount:
		return list(ctx, r, scanRecord, recordsByMatchKey, scope.Source, scope.Tenant, int64(key.Name), key.Text)
	}
	return nil, nil
}

// Scan reads records a batch at a time.
func (r *Reader) Scan(ctx context.Context, scope state.Scope, kind state.Kind, after int64, skip, limit int, yield func(state.Record) bool) error {
	if skip > 0 {
		var found bool
		if err := r.use(ctx, func(c *conn) (err error) {
			after, found, err = skipRows(c, scope, kind, after, int64(skip))
			return err
		}); err != nil || !found {
			return err
		}
	}
	for {
		n := batch
		if limit > 0 {
			n = min(n, limit)
		}
		records, err := list(ctx, r, scanRecord, recordsAfter, scope.Source, scope.Tenant, int64(kind), after, int64(n))
		if err != nil {
			return err
		}
		for _, record := range records {
			if !yield(record) {
				return nil
			}
			after = record.Row
		}
		if limit -= len(records); len(records) < n || limit == 0 {
			return nil
		}
	}
}

// skipRows returns the row of the last of so many records behind a row. From the start on it passes whole blocks, and counts only in
// the one where it ends.
func skipRows(c *conn, scope state.Scope, kind state.Kind, after, skip int64) (last int64, found bool, err error) {
	walk := func(after, skip int64) (err error) {
		found, err = c.one(func(row row) { last = row.int(0) }, rowAfterSkip, scope.Source, scope.Tenant, int64(kind), after, skip-1)
		return err
	}
	if after > 0 || skip <= blockRows {
		err = walk(after, skip)
		return last, found, err
	}
	err = c.query(func(row row) error {
		number, live := row.int(0), row.int(1)
		if live < skip {
			skip -= live
			return nil
		}
		return cmp.Or(walk(number*blockRows-1, skip), errEnough) // in the midst of this look, hence in the same state of things
	}, blocksOf, scope.Source, scope.Tenant, int64(kind))
	if errors.Is(err, errEnough) {
		err = nil
	}
	return last, found, err
}

// errEnough ends a look.
var errEnough = errors.New("enough")

// Count reads a sum that every change keeps.
func (r *Reader) Count(ctx context.Context, scope state.Scope, kind state.Kind) (n int, err error) {
	counts, err := list(ctx, r, func(row row) int { return int(row.int(0)) }, countOf, int64(kind), scope.Source, scope.Tenant)
	if err != nil || len(counts) == 0 {
		return 0, err
	}
	return counts[0], nil
}

// Tombstones reads what a DELETE took away, accounts and groups, in row order.
func (r *Reader) Tombstones(ctx context.Context, scope state.Scope, yield func(state.Record) bool) error {
	return r.walk(ctx, tombstonesAfter, scope, yield)
}

// walk reads what a query finds in a scope behind a row, a batch at a time.
func (r *Reader) walk(ctx context.Context, query string, scope state.Scope, yield func(state.Record) bool) error {
	after := int64(0)
	for {
		records, err := list(ctx, r, scanRecord, query, scope.Source, scope.Tenant, after, int64(batch))
		if err != nil {
			return err
		}
		for _, record := range records {
			if !yield(record) {
				return nil
			}
			after = record.Row
		}
		if len(records) < batch {
			return nil
		}
	}
}

const (
	groupRow     = `SELECT r.record FROM records r WHERE r.id = ? AND r.kind = 2 AND r.deleted_at = 0 AND r.source = ` + inScope
	membersAfter = `SELECT m.joined, r.id, r.kind, r.name FROM memberships m JOIN records r ON r.record = m.member_record
		WHERE m.group_record = ? AND m.joined > ? AND r.deleted_at = 0 ORDER BY m.joined LIMIT ?`
	groupsOf = `SELECT g.id, g.kind, g.name FROM records r
		JOIN memberships m ON m.member_record = r.record JOIN records g ON g.record = m.group_record
		WHERE r.id = ? AND r.deleted_at = 0 AND r.source = ` + inScope + `AND g.deleted_at = 0 ORDER BY m.group_record`
	// The rows are a JSON array. The first look needs nothing but an index.
	seatsOfAll = `SELECT m.member_record, m.group_record FROM json_each(?) j CROSS JOIN memberships m WHERE m.member_record = j.value`
	groupRefs  = `SELECT g.record, g.id, g.kind, g.name FROM json_each(?) j CROSS JOIN records g
		WHERE g.record = j.value AND g.deleted_at = 0 AND g.source = ` + inScope
)

// Members reads a group's members a batch at a time.
func (r *Reader) Members(ctx context.Context, scope state.Scope, group state.ID, yield func(state.Ref) bool) error {
	var record, joined int64
	err := r.get(ctx, func(row row) { record = row.int(0) }, groupRow, string(group), scope.Source, scope.Tenant)
	if err != nil {
		return err
	}
	for {
		refs, err := list(ctx, r, func(row row) state.Ref {
			joined = row.int(0)
			return state.Ref{ID: state.ID(row.text(1)), Kind: state.Kind(row.int(2)), Name: row.text(3)}
		}, membersAfter, record, joined, int64(indexBatch))
		if err != nil {
			return err
		}
		for _, ref := range refs {
			if !yield(ref) {
				return nil
			}
		}
		if len(refs) < indexBatch {
			return nil
		}
	}
}

// GroupsOf reads the groups that a record is directly in; none of a record that is not there.
func (r *Reader) GroupsOf(ctx context.Context, scope state.Scope, id state.ID) ([]state.Ref, error) {
	return list(ctx, r, func(row row) state.Ref {
		return state.Ref{ID: state.ID(row.text(0)), Kind: state.Kind(row.int(1)), Name: row.text(2)}
	}, groupsOf, string(id), scope.Source, scope.Tenant)
}

// GroupsOfAll reads who is in which groups, a batch of records at a time, and then each of these groups once.
func (r *Reader) GroupsOfAll(ctx context.Context, scope state.Scope, rows []int64, yield func(row int64, group state.Ref) bool) error {
	type seat struct{ member, group int64 }
	for some := range slices.Chunk(rows, batch) {
		seats, err := list(ctx, r, func(row row) seat { return seat{row.int(0), row.int(1)} }, seatsOfAll, jsonArray(some))
		if err != nil || len(seats) == 0 {
			return err
		}
		var groups []int64
		refs := map[int64]state.Ref{}
		for _, seat := range seats {
			if _, known := refs[seat.group]; !known {
				refs[seat.group] = state.Ref{}
				groups = append(groups, seat.group)
			}
		}
		if err := r.use(ctx, func(c *conn) error {
			return c.query(func(row row) error {
				refs[row.int(0)] = state.Ref{ID: state.ID(row.text(1)), Kind: state.Kind(row.int(2)), Name: row.text(3)}
				return nil
			}, groupRefs, jsonArray(groups), scope.Source, scope.Tenant)
		}); err != nil {
			return err
		}
		for _, seat := range seats {
			if group := refs[seat.group]; group.ID != "" && !yield(seat.member, group) {
				return nil
			}
		}
	}
	return ctx.Err()
}

// jsonArray writes numbers as SQLite's json_each reads them.
func jsonArray(numbers []int64) string {
	array := make([]byte, 0, 2+8*len(numbers))
	array = append(array, '[')
	for i, n := range numbers {
		if i > 0 {
			array = append(array, ',')
		}
		array = strconv.AppendInt(array, n, 10)
	}
	return string(append(array, ']'))
}
