package sqlite

import (
	"context"
	"errors"

	"rollcall/state"
)

const (
	// seatsTaken counts the members that can be seen of a group, no further than it is told; allSeatsTaken does it whole, by those who
	// cannot be seen, who are few.
	seatsTaken = `SELECT count(*) FROM (SELECT 1 FROM memberships m JOIN records r ON r.record = m.member_record
		WHERE m.group_record = ? AND r.deleted_at = 0 LIMIT ?)`
	allSeatsTaken = `SELECT (SELECT count(*) FROM memberships m WHERE m.group_record = g.record) -
		(SELECT count(*) FROM records r INDEXED BY records_tombstones CROSS JOIN memberships m ON m.group_record = g.record AND m.member_record = r.record
			WHERE r.source = g.source AND r.deleted_at <> 0) FROM records g WHERE g.record = ?`
)

var _ state.Seats = (*Reader)(nil)

// MembersAfter reads a page of a group's members.
func (r *Reader) MembersAfter(ctx context.Context, scope state.Scope, group state.ID, after int64, limit int) (members []state.Ref, next int64, err error) {
	var record int64
	if err := r.get(ctx, func(row row) { record = row.int(0) }, groupRow, string(group), scope.Source, scope.Tenant); err != nil {
		return nil, 0, err
	}
	last := after
	members, err = list(ctx, r, func(row row) state.Ref {
		if next++; next <= int64(limit) {
			last = row.int(0)
		}
		return state.Ref{ID: state.ID(row.text(1)), Kind: state.Kind(row.int(2)), Name: row.text(3)}
	}, membersAfter, record, after, int64(limit)+1)
	if err != nil || len(members) <= limit {
		return members, 0, err
	}
	return members[:limit], last, nil
}

// CountMembers counts the members of groups.
func (r *Reader) CountMembers(ctx context.Context, scope state.Scope, groups []state.ID, limit int) (map[state.ID]int, error) {
	counts := make(map[state.ID]int, len(groups))
	for _, group := range groups {
		var record int64
		err := r.get(ctx, func(row row) { record = row.int(0) }, groupRow, string(group), scope.Source, scope.Tenant)
		if errors.Is(err, state.ErrNotFound) {
			continue
		}
		if err == nil {
			query, args := allSeatsTaken, []any{record}
			if limit > 0 {
				query, args = seatsTaken, append(args, int64(limit))
			}
			err = r.get(ctx, func(row row) { counts[group] = int(row.int(0)) }, query, args...)
		}
		if err != nil {
			return nil, err
		}
	}
	return counts, nil
}
