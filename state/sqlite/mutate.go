package sqlite

import (
	"rollcall/state"
)

const (
	recordForWrite = `SELECT ` + recordColumns + `, r.source FROM records r WHERE r.id = ?`
	uniqueKeyOwner = `SELECT id FROM records WHERE source = ? AND kind = ? AND unique_key = ? AND deleted_at = 0`
	linkOwner      = `SELECT id FROM records WHERE source = ? AND link = ? AND deleted_at = 0`

	insertRecord = `INSERT INTO records (id, source, kind, version, said, in_force, staged, pinned, protected, stamp,
		created_at, modified_at, deleted_at, link, unique_key, external_id, name, resource)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	deleteRecord = `DELETE FROM records WHERE record = ?`

	// SQLite writes an index anew for each row of which a statement names one of the index's columns, be it to set it to what it is:
	// what most changes leave alone has statements of its own. Keys go before life: a tombstone's are nobody's.
	updateRecord = `UPDATE records SET version = ?, said = ?, in_force = ?, staged = ?, pinned = ?, protected = ?, stamp = ?,
		modified_at = ?, name = ?, resource = ? WHERE record = ?`
	updateRecordAndKeys = `UPDATE records SET version = ?, said = ?, in_force = ?, staged = ?, pinned = ?, protected = ?, stamp = ?,
		modified_at = ?, name = ?, resource = ?, unique_key = ?, external_id = ? WHERE record = ?`
	updateLife = `UPDATE records SET deleted_at = ?, link = ? WHERE record = ?`

	insertMatchKey = `INSERT INTO match_keys (source, name, text, record) VALUES (?, ?, ?, ?)`
	deleteMatchKey = `DELETE FROM match_keys WHERE source = ? AND name = ? AND text = ? AND record = ?`

	insertEntry = `INSERT INTO journal (tenant, number, source, at, kind, id, name, verb, version,
		cause, actor, run, reason, note, request, turn, before, after) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	keepRequest = `INSERT INTO requests (id, source, changed, at, key_id, method, path, status, detail, body, answer)
		VALUES (?, ?, 1, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET changed = 1 WHERE changed = 0`
)

// work is one mutation being carried out. It checks everything before it writes anything.
type work struct {
	*tx
	held    *scopeRow
	m       *state.Mutation
	change  state.Change
	row     int64 // of the record; 0: not there yet
	keys    recordKeys
	oldKeys recordKeys
	seats   seats
	entries int64 // journalled so far
}

// recordKeys are a record's match keys, sorted by where they are kept.
type recordKeys struct {
	unique, externalID string
	others             []state.MatchKey
}

// mutate carries out one mutation.
func (t *tx) mutate(m *state.Mutation) (state.Result, error) {
	held, err := t.scope(m.Scope)
	if err != nil {
		return state.Result{}, err
	}
	if m.Epoch != 0 && m.Epoch != held.epoch {
		return state.Result{}, state.ErrStaleEpoch
	}
	w := work{tx: t, held: held, m: m}
	if err := w.judge(); err != nil {
		return state.Result{}, err
	}
	if err := w.gated(); err != nil {
		return state.Result{}, err
	}
	if err := w.checkUnique(); err != nil {
		return state.Result{}, err
	}
	if err := w.judgeMembers(); err != nil {
		return state.Result{}, err
	}
	if !w.change.Finish() {
		return state.Result{Record: *w.change.Before}, w.writeSeats()
	}
	return w.write()
}

// judge reads the record as it is and asks what becomes of it.
func (w *work) judge() error {
	var present *state.Record
	foreign := false
	_, err := w.c.one(func(row row) {
		record := scanRecord(row)
		if foreign = row.int(12) != w.held.source || record.Kind != w.m.Kind; !foreign {
			present, w.row = &record, record.Row
		}
	}, recordForWrite, string(w.m.ID))
	if err != nil {
		return err
	}
	if w.change, err = state.Judge(present, w.m, w.now); err != nil {
		return err
	}
	if foreign {
		return state.ErrVersion // made twice: the id is another's
	}
	if w.change.SameKeys() {
		return nil
	}
	if w.oldKeys, err = w.sort(w.change.OldKeys()); err != nil {
		return err
	}
	w.keys, err = w.sort(w.change.Keys())
	return err
}

func (w *work) sort(keys []state.MatchKey, err error) (recordKeys, error) {
	var sorted recordKeys
	for _, key := range keys {
		switch key.Name {
		case state.UniqueName(w.m.Kind):
			sorted.unique = key.Text
		case state.MatchExternalID:
			sorted.externalID = key.Text
		default:
			sorted.others = append(sorted.others, key)
		}
	}
	return sorted, err
}

// checkUnique refuses a name or link that another live record has.
func (w *work) checkUnique() error {
	if text := w.keys.unique; text != "" && text != w.oldKeys.unique {
		key := state.MatchKey{Name: state.UniqueName(w.m.Kind), Text: text}
		if err := w.checkOwner(key, uniqueKeyOwner, w.held.source, int64(w.m.Kind), text); err != nil {
			return err
		}
	}
	after := w.change.After
	if after == nil || after.Link == "" || !after.DeletedAt.IsZero() || !w.change.Appears() && after.Link == w.change.Before.Link {
		return nil
	}
	return w.checkOwner(state.MatchKey{Name: state.MatchLink, Text: after.Link}, linkOwner, w.held.source, after.Link)
}

func (w *work) checkOwner(key state.MatchKey, query string, args ...any) error {
	owner := w.m.ID
	if _, err := w.c.one(func(row row) { owner = state.ID(row.text(0)) }, query, args...); err != nil {
		return err
	}
	if owner != w.m.ID {
		return &state.UniqueError{Key: key, Holder: owner}
	}
	return nil
}

// write writes down a change that is one.
func (w *work) write() (state.Result, error) {
	if err := w.writeRecord(); err != nil {
		return state.Result{}, err
	}
	if err := w.writeKeys(); err != nil {
		return state.Result{}, err
	}
	if err := w.writeSeats(); err != nil {
		return state.Result{}, err
	}
	number := w.held.tenant.number + 1
	if err := w.journal(&w.change); err != nil {
		return state.Result{}, err
	}
	if err := w.writeGroups(); err != nil {
		return state.Result{}, err
	}
	if r := w.m.Request; r != nil {
		if err := w.c.exec(keepRequest, r.ID, w.held.source, toMilli(r.At), r.KeyID, r.Method, r.Path, int64(r.Status), r.Detail,
			toBytes(r.Body), toBytes(r.Answer)); err != nil {
			return state.Result{}, err
		}
	}
	if w.change.After == nil {
		if err := w.c.exec(deleteRecord, w.row); err != nil {
			return state.Result{}, err
		}
	}
	w.count()
	result := state.Result{Changed: true, Number: number}
	if w.change.After != nil {
		result.Record = *w.change.After
	}
	return result, nil
}

// count adds the change to the transaction's sums: the last thing, when nothing can fail any more.
func (w *work) count() {
	w.held.tenant.number += w.entries
	w.held.tenant.moved = true
	live, inForce := int64(0), int64(0)
	if w.change.Appears() {
		live++
	}
	if w.change.Removes() {
		live--
	}
	if before := w.change.Before; before != nil && before.InForce {
		inForce--
	}
	if after := w.change.After; after != nil && after.InForce {
		inForce++
	}
	w.held.tally.inForce += inForce
	if live != 0 {
		w.held.blocks[block{w.m.Kind, w.row / blockRows}] += live
	}
	if w.m.Kind == state.KindGroup {
		w.held.tally.groups += live
	} else {
		w.held.tally.accounts += live
	}
}

func (w *work) writeRecord() error {
	r := w.change.After
	switch {
	case r == nil:
		return nil
	case w.row == 0:
		err := w.c.exec(insertRecord, string(r.ID), w.held.source, int64(r.Kind), r.Version,
			toBool(r.Said), toBool(r.InForce), toStaged(r), toBool(r.Pinned), toBool(r.Protected), int64(r.Stamp),
			toMilli(r.CreatedAt), toMilli(r.ModifiedAt), toMilli(r.DeletedAt),
			toText(r.Link), toText(w.keys.unique), toText(w.keys.externalID), r.Name, string(r.Resource))
		w.row = w.c.inserted()
		r.Row = w.row
		return err
	}
	update, values := updateRecord, []any{r.Version, toBool(r.Said), toBool(r.InForce), toStaged(r), toBool(r.Pinned), toBool(r.Protected),
		int64(r.Stamp), toMilli(r.ModifiedAt), r.Name, string(r.Resource)}
	if w.m.Put != nil && !w.change.Removes() && (w.change.Appears() || w.keys.unique != w.oldKeys.unique || w.keys.externalID != w.oldKeys.externalID) {
		update, values = updateRecordAndKeys, append(values, toText(w.keys.unique), toText(w.keys.externalID))
	}
	if err := w.c.exec(update, append(values, w.row)...); err != nil {
		return err
	}
	if before := w.change.Before; r.Link != before.Link || !r.DeletedAt.Equal(before.DeletedAt) {
		return w.c.exec(updateLife, toMilli(r.DeletedAt), toText(r.Link), w.row)
	}
	return nil
}

// toStaged tells by 1 that something waits, and by 2 that it is a DELETE.
func toStaged(r *state.Record) int64 {
	if r.Deletes {
		return 2
	}
	return toBool(r.Staged)
}

// writeKeys writes the keys that are kept apart.
func (w *work) writeKeys() error {
	for _, key := range w.oldKeys.others {
		if !holds(w.keys.others, key) {
			if err := w.c.exec(deleteMatchKey, w.held.source, int64(key.Name), key.Text, w.row); err != nil {
				return err
			}
		}
	}
	for _, key := range w.keys.others {
		if !holds(w.oldKeys.others, key) {
			if err := w.c.exec(insertMatchKey, w.held.source, int64(key.Name), key.Text, w.row); err != nil {
				return err
			}
		}
	}
	return nil
}

func holds(keys []state.MatchKey, key state.MatchKey) bool {
	for _, k := range keys {
		if k == key {
			return true
		}
	}
	return false
}

// journal writes the next entry.
func (w *work) journal(change *state.Change) error {
	w.entries++
	e := change.Entry(w.m)
	request := ""
	if w.m.Request != nil {
		request = w.m.Request.ID
	}
	return w.c.exec(insertEntry, w.held.tenant.tenant, w.held.tenant.number+w.entries, w.held.source, toMilli(e.At),
		int64(e.Kind), string(e.ID), e.Name, string(e.Verb), e.Version,
		string(e.Cause.Kind), e.Cause.Actor, e.Cause.Run, e.Cause.Reason, e.Cause.Note, request,
		change.Turn(), string(e.Before), string(e.After))
}
