package sqlite

import (
	"context"
	"errors"

	"rollcall/state"
)

// seatsTaken counts the members that can be seen of a group, no further than it is told.
const seatsTaken = `SELECT count(*) FROM (SELECT 1 FROM memberships m JOIN records r ON r.record = m.member_record
	WHERE m.group_record = ? AND r.deleted_at = 0 LIMIT ?)`

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
			err = r.get(ctx, func(row row) { counts[group] = int(row.int(0)) }, seatsTaken, record, int64(limit))
		}
		if err != nil {
			return nil, err
		}
	}
	return counts, nil
}
