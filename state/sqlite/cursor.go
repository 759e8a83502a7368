package sqlite

import (
	"context"
	"errors"

	"rollcall/state"
)

const (
	cursorOf     = `SELECT identity, text FROM cursors WHERE source = ` + inScope
	putCursor    = `INSERT INTO cursors (source, identity, text) VALUES (?, ?, ?) ON CONFLICT (source) DO UPDATE SET identity = excluded.identity, text = excluded.text`
	deleteCursor = `DELETE FROM cursors WHERE source = ?`
)

// Cursor reads where a source's hints were read to.
func (r *Reader) Cursor(ctx context.Context, scope state.Scope) (cursor state.Cursor, err error) {
	err = r.get(ctx, func(row row) { cursor = state.Cursor{Identity: row.text(0), Text: row.text(1)} }, cursorOf, scope.Source, scope.Tenant)
	if errors.Is(err, state.ErrNotFound) {
		return state.Cursor{}, nil
	}
	return cursor, err
}

// PutCursor keeps it.
func (s *Store) PutCursor(ctx context.Context, scope state.Scope, epoch int64, cursor state.Cursor) error {
	return s.do(ctx, func(t *tx) error {
		held, err := t.leased(scope, epoch)
		switch {
		case err != nil:
			return err
		case cursor == (state.Cursor{}):
			return t.c.exec(deleteCursor, held.source)
		}
		return t.c.exec(putCursor, held.source, cursor.Identity, cursor.Text)
	})
}
