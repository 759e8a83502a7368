package sqlite

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"

	"rollcall/state"
	"rollcall/state/scim"
)

// A list in row order goes on behind a number. A list by name must not say a name: it goes on behind a record's id and version, and
// looks up the name that the record had then, in the record or in the journal, whatever has become of it since. Should a record have
// been erased, the one before it on the page will do.

// bookmark is a row of the page before.
type bookmark struct {
	Record  int64    `json:"r"`
	Version int64    `json:"v"`
	ID      state.ID `json:"i"`
}

// bookmarks is how many rows of a page the next one may go on behind.
const bookmarks = 3

const (
	markedRecord  = `SELECT version, coalesce(unique_key, '') FROM records WHERE id = ? AND deleted_at = 0`
	markedEntries = `SELECT verb, CAST(before AS BLOB), CAST(after AS BLOB) FROM journal WHERE id = ? AND version > ? ORDER BY entry`
)

// next says where the page behind this one begins.
func (l *lister) next(spots []spot, listed []state.Listed) (string, error) {
	if !l.byName() {
		return strconv.FormatInt(spots[len(spots)-1].at, 10), nil
	}
	var last []bookmark
	for i := len(listed) - 1; i >= 0 && len(last) < bookmarks; i-- {
		r := listed[i].Record
		last = append(last, bookmark{Record: r.Row, Version: r.Version, ID: r.ID})
	}
	text, err := json.Marshal(last)
	return base64.RawURLEncoding.EncodeToString(text), err
}

// behind is the position that the page begins behind; ErrNotFound if it is none.
func (l *lister) behind() (position, error) {
	if l.After == "" {
		return start(l.backwards()), nil
	}
	if !l.byName() {
		at, err := strconv.ParseInt(l.After, 10, 64)
		if err != nil {
			return position{}, errNoPage
		}
		return position{key: "", at: at}, nil
	}
	text, err := base64.RawURLEncoding.DecodeString(l.After)
	var last []bookmark
	if err != nil || json.Unmarshal(text, &last) != nil || len(last) > bookmarks {
		return position{}, errNoPage
	}
	for _, m := range last {
		name, told, err := l.nameOf(m)
		if err != nil || told {
			return position{key: name, at: m.Record}, err
		}
	}
	return position{}, errNoPage
}

var errNoPage = fmt.Errorf("the page to go on behind: %w", state.ErrNotFound)

// nameOf returns the folded name that a record had at a version. The first later entry that touches the name says what it was before;
// without one it is as it was.
func (l *lister) nameOf(m bookmark) (name string, told bool, err error) {
	version := int64(0)
	found, err := l.c.one(func(row row) { version, name = row.int(0), row.text(1) }, markedRecord, string(m.ID))
	if err != nil || found && version == m.Version {
		return name, err == nil, err
	}
	changed := false
	err = l.c.query(func(row row) error {
		verb := state.Verb(row.text(0))
		before, after := nameIn(l.Kind, row.bytes(1)), nameIn(l.Kind, row.bytes(2))
		if changed = verb == state.VerbDelete || verb == state.VerbPurge || before != after; changed {
			name = before
			return errEnough
		}
		return nil
	}, markedEntries, string(m.ID), m.Version)
	if err != nil && !errors.Is(err, errEnough) {
		return "", false, err
	}
	return name, (found || changed) && name != state.Erased, nil
}

// nameIn returns the folded name in one side of a journal entry.
func nameIn(kind state.Kind, side []byte) string {
	v, err := scim.Decode(side)
	if err != nil {
		return ""
	}
	for _, key := range state.MatchKeys(kind, v) {
		if key.Name == state.UniqueName(kind) {
			return key.Text
		}
	}
	return ""
}
