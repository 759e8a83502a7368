package sqlite

import (
	"context"
	"fmt"
	"time"

	"rollcall/state"
)

const (
	operatorColumns = `SELECT o.name, o.role, o.password, o.identity, o.created_at, o.disabled_at `
	operatorByName  = operatorColumns + `FROM operators o WHERE o.name = ?`
	allOperators    = operatorColumns + `FROM operators o ORDER BY o.name`
	enabledRow      = `SELECT operator FROM operators WHERE name = ? AND disabled_at = 0`
	disabledSince   = `SELECT disabled_at FROM operators WHERE name = ?`
	putOperator     = `INSERT INTO operators (name, role, password, identity, created_at, disabled_at) VALUES (?, ?, ?, ?, ?, ?)
		ON CONFLICT (name) DO UPDATE SET role = excluded.role, password = excluded.password, identity = excluded.identity,
		created_at = excluded.created_at, disabled_at = excluded.disabled_at`
	dropSessionsOf = `DELETE FROM sessions WHERE operator = (SELECT operator FROM operators WHERE name = ?)`
	dropLinksOf    = `DELETE FROM sign_in_links WHERE operator = (SELECT operator FROM operators WHERE name = ?)`

	putLink      = `INSERT INTO sign_in_links (hash, operator, expires_at) VALUES (?, ?, ?)`
	dropOldLinks = `DELETE FROM sign_in_links WHERE operator = ? AND expires_at <= ?`
	linkOwnerAt  = operatorColumns + `FROM sign_in_links l JOIN operators o ON o.operator = l.operator
		WHERE l.hash = ? AND l.expires_at > ? AND o.disabled_at = 0`
	dropLink = `DELETE FROM sign_in_links WHERE hash = ?`

	putSession = `INSERT INTO sessions (hash, operator, created_at, expires_at) VALUES (?, ?, ?, ?)`
	sessionOf  = operatorColumns + `, n.created_at, n.expires_at FROM sessions n JOIN operators o ON o.operator = n.operator
		WHERE n.hash = ? AND o.disabled_at = 0`
	liveSessions = `SELECT n.hash, o.name, n.created_at, n.expires_at FROM sessions n JOIN operators o ON o.operator = n.operator
		WHERE n.expires_at > ? ORDER BY n.created_at DESC, n.hash`
	dropSession     = `DELETE FROM sessions WHERE hash = ?`
	dropOldSessions = `DELETE FROM sessions WHERE expires_at <= ?`
)

var _ interface {
	state.Operators
	state.Sessions
	state.Invites
	state.Deeds
	state.Lister
	state.RunHeads
	state.RequestHeads
} = (*Store)(nil)

func scanOperator(row row) state.Operator {
	return state.Operator{
		Name:       row.text(0),
		Role:       state.Role(row.text(1)),
		Password:   row.text(2),
		Identity:   row.text(3),
		CreatedAt:  row.time(4),
		DisabledAt: row.time(5),
	}
}

// PutOperator keeps an operator.
func (s *Store) PutOperator(ctx context.Context, o state.Operator) error {
	return s.do(ctx, func(t *tx) error {
		if o.CreatedAt.IsZero() {
			o.CreatedAt = t.now
		}
		var disabled int64
		if _, err := t.c.one(func(row row) { disabled = row.int(0) }, disabledSince, o.Name); err != nil {
			return err
		}
		if o.DisabledAt.IsZero() && toMilli(o.CreatedAt) < disabled {
			return fmt.Errorf("operator %q was disabled meanwhile: %w", o.Name, state.ErrVersion)
		}
		if err := t.c.exec(putOperator, o.Name, string(o.Role), o.Password, o.Identity, toMilli(o.CreatedAt), toMilli(o.DisabledAt)); err != nil {
			return err
		}
		if o.DisabledAt.IsZero() {
			return nil
		}
		if err := t.c.exec(dropSessionsOf, o.Name); err != nil {
			return err
		}
		return t.c.exec(dropLinksOf, o.Name)
	})
}

// Operator reads one operator.
func (r *Reader) Operator(ctx context.Context, name string) (operator state.Operator, err error) {
	err = r.get(ctx, func(row row) { operator = scanOperator(row) }, operatorByName, name)
	return operator, err
}

// ListOperators reads all, by name.
func (r *Reader) ListOperators(ctx context.Context) ([]state.Operator, error) {
	return list(ctx, r, scanOperator, allOperators)
}

// operator returns the row of an operator who is not disabled, or ErrNotFound.
func (t *tx) operator(name string) (operator int64, err error) {
	found, err := t.c.one(func(row row) { operator = row.int(0) }, enabledRow, name)
	if err == nil && !found {
		err = state.ErrNotFound
	}
	return operator, err
}

// PutSignInLink keeps a link. The operator's expired ones go.
func (s *Store) PutSignInLink(ctx context.Context, hash state.TokenHash, operator string, expires time.Time) error {
	return s.do(ctx, func(t *tx) error {
		row, err := t.operator(operator)
		if err != nil {
			return err
		}
		if err := t.c.exec(dropOldLinks, row, toMilli(t.now)); err != nil {
			return err
		}
		return t.c.exec(putLink, hash[:], row, toMilli(expires))
	})
}

// UseSignInLink takes a link away in the transaction that finds it.
func (s *Store) UseSignInLink(ctx context.Context, hash state.TokenHash) (operator state.Operator, err error) {
	err = s.do(ctx, func(t *tx) error {
		found, err := t.c.one(func(row row) { operator = scanOperator(row) }, linkOwnerAt, hash[:], toMilli(t.now))
		if err == nil && !found {
			err = state.ErrUsed
		}
		if err != nil {
			return err
		}
		return t.c.exec(dropLink, hash[:])
	})
	return operator, err
}

// PutSession keeps a session, and takes the expired ones away; ErrNotFound without its operator.
func (s *Store) PutSession(ctx context.Context, session state.Session) error {
	return s.do(ctx, func(t *tx) error {
		row, err := t.operator(session.Operator)
		if err != nil {
			return err
		}
		if err := t.c.exec(dropOldSessions, toMilli(t.now)); err != nil {
			return err
		}
		return t.c.exec(putSession, session.Hash[:], row, toMilli(session.CreatedAt), toMilli(session.ExpiresAt))
	})
}

// Session reads a session and whose it is.
func (s *Store) Session(ctx context.Context, hash state.TokenHash) (session state.Session, operator state.Operator, err error) {
	err = s.get(ctx, func(row row) {
		operator = scanOperator(row)
		session = state.Session{Hash: hash, Operator: operator.Name, CreatedAt: row.time(6), ExpiresAt: row.time(7)}
	}, sessionOf, hash[:])
	if err == nil && !s.writer.now().Before(session.ExpiresAt) {
		err = state.ErrNotFound
	}
	if err != nil {
		return state.Session{}, state.Operator{}, err
	}
	return session, operator, nil
}

// ListSessions reads who is signed in.
func (s *Store) ListSessions(ctx context.Context) ([]state.Session, error) {
	return list(ctx, s.Reader, func(row row) state.Session {
		return state.Session{Hash: state.TokenHash(row.bytes(0)), Operator: row.text(1), CreatedAt: row.time(2), ExpiresAt: row.time(3)}
	}, liveSessions, toMilli(s.writer.now()))
}

// DropSession ends a session, and takes the expired ones away.
func (s *Store) DropSession(ctx context.Context, hash state.TokenHash) error {
	return s.do(ctx, func(t *tx) error {
		if err := t.c.exec(dropSession, hash[:]); err != nil {
			return err
		}
		return t.c.exec(dropOldSessions, toMilli(t.now))
	})
}

// DropSessionsOf signs an operator out everywhere.
func (s *Store) DropSessionsOf(ctx context.Context, operator string) error {
	return s.do(ctx, func(t *tx) error { return t.c.exec(dropSessionsOf, operator) })
}
