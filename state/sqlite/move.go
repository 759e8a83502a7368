package sqlite

import (
	"context"

	"rollcall/state"
)

const (
	sourceNamed  = `SELECT source FROM sources WHERE name = ?`
	renameSource = `UPDATE sources SET name = ? WHERE source = ?`

	collision = `SELECT r.kind, r.unique_key, o.id FROM records r JOIN records o ON o.source = ? AND o.kind = r.kind AND o.unique_key = r.unique_key
		AND o.deleted_at = 0 WHERE r.source = ? AND r.deleted_at = 0 AND r.unique_key IS NOT NULL ORDER BY r.record LIMIT 1`
	sumsOf       = `SELECT kind, record / 2048, count(*), sum(in_force) FROM records WHERE source = ? AND deleted_at = 0 GROUP BY 1, 2`
	countRecords = `SELECT count(*) FROM records WHERE source = ? AND deleted_at = 0`
	journalMoves = `INSERT INTO journal (tenant, number, source, at, kind, id, name, verb, version, cause, actor, run, reason, note, request, turn, before, after)
		SELECT ?, ? + row_number() OVER (ORDER BY record), ?, ?, kind, id, name, 'life', version + 1, ?, ?, ?, ?, ?, '', 0,
			CASE WHEN link IS NULL THEN '{}' ELSE json_object('link', link) END, CASE WHEN link IS NULL THEN '{}' ELSE '{"link":""}' END
		FROM records WHERE source = ? AND deleted_at = 0 ORDER BY record`
	moveRecords    = `UPDATE records SET source = ?, link = NULL, stamp = 0, version = version + (deleted_at = 0), modified_at = CASE deleted_at WHEN 0 THEN ? ELSE modified_at END WHERE source = ?`
	moveKeys       = `UPDATE match_keys SET source = ? WHERE source = ?`
	moveJournal    = `UPDATE journal SET source = ? WHERE source = ?`
	moveRequests   = `UPDATE requests SET source = ? WHERE source = ?`
	dropSuspicions = `DELETE FROM suspicions WHERE source = ?`
)

// RenameSource gives a source another name. Everything else hangs on its row and stays.
func (s *Store) RenameSource(ctx context.Context, epoch int64, scope state.Scope, name string) error {
	return s.do(ctx, func(t *tx) error {
		held, err := t.leased(scope, epoch)
		if err != nil {
			return err
		}
		taken, err := t.c.one(func(row) {}, sourceNamed, name)
		switch {
		case err != nil:
			return err
		case taken && name != scope.Source:
			return state.ErrTaken
		}
		if err := t.c.exec(renameSource, name, held.source); err != nil {
			return err
		}
		delete(t.scopes, scope)
		t.scopes[state.Scope{Tenant: scope.Tenant, Source: name}] = held
		return nil
	})
}

// MoveRecords moves a whole source into another one with a few statements about all rows at once, in one transaction: for 100,000 accounts
// the write lock is held for seconds, and whoever pushes waits so long. In pieces, as other bulk work, each account would still belong to
// just one source, but people would not: between two pieces, and for as long as a killed move is not called again, a push to the new source
// finds nobody of the name and makes them a second account, which then stands in the move's way; and groups would have members in another
// source. Waiting is the lesser evil, once in the life of a source.
func (s *Store) MoveRecords(ctx context.Context, from, to state.Lease, cause state.Cause) (moved int, err error) {
	err = s.do(ctx, func(t *tx) error {
		source, err := t.leased(from.Scope, from.Epoch)
		if err != nil {
			return err
		}
		target, err := t.leased(to.Scope, to.Epoch)
		if err != nil {
			return err
		}
		if source == target || source.tenant != target.tenant {
			return state.ErrTenantFixed
		}
		var taken *state.UniqueError
		if _, err := t.c.one(func(row row) {
			key := state.MatchKey{Name: state.UniqueName(state.Kind(row.int(0))), Text: row.text(1)}
			taken = &state.UniqueError{Key: key, Holder: state.ID(row.text(2))}
		}, collision, target.source, source.source); err != nil {
			return err
		}
		if taken != nil {
			return taken
		}
		moved, err = t.move(source, target, cause)
		return err
	})
	return moved, err
}

func (t *tx) move(from, to *scopeRow, cause state.Cause) (moved int, err error) {
	if _, err := t.c.one(func(row row) { moved = int(row.int(0)) }, countRecords, from.source); err != nil {
		return 0, err
	}
	if err := t.c.query(func(row row) error {
		kind, n, inForce := state.Kind(row.int(0)), row.int(2), row.int(3)
		at := block{kind, row.int(1)}
		from.blocks[at] -= n
		to.blocks[at] += n
		if kind == state.KindGroup {
			from.tally.groups -= n
			to.tally.groups += n
			return nil
		}
		from.tally.accounts -= n
		to.tally.accounts += n
		from.tally.inForce -= inForce
		to.tally.inForce += inForce
		return nil
	}, sumsOf, from.source); err != nil {
		return 0, err
	}
	now := toMilli(t.now)
	for _, step := range []struct {
		statement string
		args      []any
	}{
		{journalMoves, []any{from.tenant.tenant, from.tenant.number, from.source, now, string(cause.Kind), cause.Actor, cause.Run, cause.Reason, cause.Note, from.source}},
		{moveRecords, []any{to.source, now, from.source}},
		{moveKeys, []any{to.source, from.source}},
		{moveJournal, []any{to.source, from.source}},
		{moveRequests, []any{to.source, from.source}},
		{dropSuspicions, []any{from.source}},
	} {
		if err := t.c.exec(step.statement, step.args...); err != nil {
			return 0, err
		}
	}
	from.tenant.number += int64(moved)
	from.tenant.moved = true
	return moved, nil
}
