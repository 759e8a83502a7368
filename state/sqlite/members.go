package sqlite

import "rollcall/state"

const (
	// Who is to join, and whether they are in already.
	seatToAdd = `SELECT r.record, EXISTS (SELECT 1 FROM memberships m WHERE m.group_record = ? AND m.member_record = r.record)
		FROM records r WHERE r.id = ? AND r.source = ? AND r.deleted_at = 0`
	seatOf = `SELECT r.record, r.id, r.deleted_at FROM records r
		JOIN memberships m ON m.group_record = ? AND m.member_record = r.record WHERE r.id = ?`
	seatsOf = `SELECT r.record, r.id, r.deleted_at FROM memberships m JOIN records r ON r.record = m.member_record
		WHERE m.group_record = ? ORDER BY m.joined`

	lastJoined       = `SELECT coalesce(max(joined), 0) FROM memberships WHERE group_record = ?`
	insertMembership = `INSERT INTO memberships (group_record, member_record, joined) VALUES (?, ?, ?)`
	deleteMembership = `DELETE FROM memberships WHERE group_record = ? AND member_record = ?`
	deleteMembers    = `DELETE FROM memberships WHERE group_record = ?`
	deleteFromGroups = `DELETE FROM memberships WHERE member_record = ?`

	groupsForWrite = `SELECT ` + recordColumns + ` FROM memberships m JOIN records r ON r.record = m.group_record
		WHERE m.member_record = ? AND r.deleted_at = 0 ORDER BY m.group_record`
	updateGroup = `UPDATE records SET version = ?, modified_at = ?, stamp = 0 WHERE record = ?`
)

// seats are the membership rows to write.
type seats struct {
	take, free []int64 // rows of members
}

// seat is a membership as it is.
type seat struct {
	row    int64
	id     state.ID
	hidden bool // of a tombstone
}

func scanSeat(row row) seat {
	return seat{row: row.int(0), id: state.ID(row.text(1)), hidden: row.int(2) != 0}
}

// judgeMembers fills in who joins and leaves. It looks at nobody else, except when the group as a whole is set, goes or comes back.
func (w *work) judgeMembers() error {
	switch {
	case w.m.Kind != state.KindGroup:
		return nil
	case w.row != 0 && (w.change.Appears() || w.change.Removes()):
		return w.judgeAll()
	case w.m.Members == nil:
		return nil
	case w.m.Members.Set:
		return w.judgeSet()
	}
	adding := make(map[state.ID]bool, len(w.m.Members.Add))
	for _, id := range w.m.Members.Add {
		if adding[id] {
			continue
		}
		adding[id] = true
		if err := w.join(id); err != nil {
			return err
		}
	}
	leaving := make(map[state.ID]bool, len(w.m.Members.Remove))
	for _, id := range w.m.Members.Remove {
		if adding[id] || leaving[id] {
			continue
		}
		leaving[id] = true
		if _, err := w.c.one(func(row row) { w.leave(scanSeat(row)) }, seatOf, w.row, string(id)); err != nil {
			return err
		}
	}
	return nil
}

// judgeAll has everyone who can be seen join a group that comes back, or leave one that goes. Their seats stay as they are.
func (w *work) judgeAll() error {
	return w.c.query(func(row row) error {
		switch s := scanSeat(row); {
		case s.hidden && s.row != w.row: // the group itself, if it is a member, goes and comes with it
		case w.change.Appears():
			w.change.Joined = append(w.change.Joined, s.id)
		default:
			w.change.Left = append(w.change.Left, s.id)
		}
		return nil
	}, seatsOf, w.row)
}

// judgeSet reads all seats in one look, so that only those who are new cost one of their own.
func (w *work) judgeSet() error {
	var taken []seat
	if err := w.c.query(func(row row) error {
		taken = append(taken, scanSeat(row))
		return nil
	}, seatsOf, w.row); err != nil {
		return err
	}
	staying := make(map[state.ID]bool, len(taken)) // and, once they have joined, those who are new
	for _, s := range taken {
		if !s.hidden {
			staying[s.id] = true
		}
	}
	wanted := make(map[state.ID]bool, len(w.m.Members.Add))
	for _, id := range w.m.Members.Add {
		wanted[id] = true
		if staying[id] {
			continue
		}
		if err := w.join(id); err != nil {
			return err
		}
		staying[id] = true
	}
	for _, s := range taken {
		if !wanted[s.id] {
			w.leave(s)
		}
	}
	return nil
}

// join takes a seat for somebody who has none, or is refused with a MemberError.
func (w *work) join(id state.ID) error {
	var member int64
	var there bool
	found, err := w.c.one(func(row row) { member, there = row.int(0), row.bool(1) }, seatToAdd, w.row, string(id), w.held.source)
	switch {
	case err != nil:
		return err
	case !found:
		return &state.MemberError{ID: id}
	case there:
		return nil
	}
	w.change.Joined = append(w.change.Joined, id)
	w.seats.take = append(w.seats.take, member)
	return nil
}

// leave frees a seat; a tombstone's unseen.
func (w *work) leave(s seat) {
	w.seats.free = append(w.seats.free, s.row)
	if !s.hidden {
		w.change.Left = append(w.change.Left, s.id)
	}
}

// writeSeats writes the changed memberships, all of them when the record is purged.
func (w *work) writeSeats() error {
	for _, member := range w.seats.free {
		if err := w.c.exec(deleteMembership, w.row, member); err != nil {
			return err
		}
	}
	if len(w.seats.take) > 0 {
		joined := int64(0)
		if _, err := w.c.one(func(row row) { joined = row.int(0) }, lastJoined, w.row); err != nil {
			return err
		}
		for _, member := range w.seats.take {
			joined++
			if err := w.c.exec(insertMembership, w.row, member, joined); err != nil {
				return err
			}
		}
	}
	return nil
}

// writeGroups changes the groups that someone who goes or comes back is in, and ends the memberships of who is purged.
func (w *work) writeGroups() error {
	if w.change.Appears() && w.change.Before == nil {
		return nil
	}
	if w.change.Appears() || w.change.Removes() {
		var groups []state.Record
		if err := w.c.query(func(row row) error {
			groups = append(groups, scanRecord(row))
			return nil
		}, groupsForWrite, w.row); err != nil {
			return err
		}
		for _, group := range groups {
			if err := w.writeGroup(group); err != nil {
				return err
			}
		}
	}
	if w.change.After != nil {
		return nil
	}
	if err := w.c.exec(deleteMembers, w.row); err != nil {
		return err
	}
	return w.c.exec(deleteFromGroups, w.row)
}

func (w *work) writeGroup(group state.Record) error {
	if group.ID == w.m.ID {
		return nil
	}
	self := []state.ID{w.m.ID}
	within := w.change.Within(group, nil, self)
	if w.change.Appears() {
		within = w.change.Within(group, self, nil)
	}
	within.Finish()
	if err := w.c.exec(updateGroup, within.After.Version, toMilli(within.After.ModifiedAt), group.Row); err != nil {
		return err
	}
	return w.journal(&within)
}
