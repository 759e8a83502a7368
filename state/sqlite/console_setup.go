package sqlite

import (
	"context"
	"fmt"

	"rollcall/state"
)

const (
	inviteColumns = `SELECT i.id, t.name, s.name, i.created_by, i.created_at, i.expires_at, i.withdrawn_at, i.key_id
		FROM invites i JOIN sources s ON s.source = i.source JOIN tenants t ON t.tenant = s.tenant `
	inviteByID     = inviteColumns + `WHERE i.id = ?`
	invitesOf      = inviteColumns + `WHERE i.source = ` + inScope + `ORDER BY i.invite DESC`
	putInvite      = `INSERT INTO invites (id, source, created_by, created_at, expires_at, withdrawn_at, key_id) VALUES (?, ?, ?, ?, ?, ?, ?)`
	claimInvite    = `UPDATE invites SET key_id = ? WHERE id = ?`
	withdrawInvite = `UPDATE invites SET withdrawn_at = ? WHERE id = ? AND withdrawn_at = 0`

	deedColumns = `SELECT d.deed, d.at, d.actor, d.what, t.name, s.name, d.subject, d.note
		FROM deeds d LEFT JOIN sources s ON s.source = d.source LEFT JOIN tenants t ON t.tenant = s.tenant `
	deedsAll         = deedColumns + `WHERE d.deed < ? ORDER BY d.deed DESC LIMIT ?`
	deedsOf          = deedColumns + `WHERE d.source = ` + inScope + `AND d.deed < ? ORDER BY d.deed DESC LIMIT ?`
	deedsToBlank     = `SELECT deed, note FROM deeds WHERE source = ? AND note <> ''`
	blankDeed        = `UPDATE deeds SET note = '' WHERE deed = ?`
	blankTenantDeeds = `UPDATE deeds SET note = '' WHERE source = ?`

	noteDeed = `INSERT INTO deeds (at, actor, what, source, subject, note) VALUES (?, ?, ?, ?, ?, ?)`
)

func scanInvite(row row) state.Invite {
	return state.Invite{
		ID:          row.text(0),
		Scope:       state.Scope{Tenant: row.text(1), Source: row.text(2)},
		CreatedBy:   row.text(3),
		CreatedAt:   row.time(4),
		ExpiresAt:   row.time(5),
		WithdrawnAt: row.time(6),
		KeyID:       row.text(7),
	}
}

// PutInvite keeps a new set-up page.
func (s *Store) PutInvite(ctx context.Context, invite state.Invite) error {
	return s.do(ctx, func(t *tx) error {
		held, err := t.scope(invite.Scope)
		if err != nil {
			return err
		}
		return t.c.exec(putInvite, invite.ID, held.source, invite.CreatedBy, toMilli(invite.CreatedAt), toMilli(invite.ExpiresAt),
			toMilli(invite.WithdrawnAt), invite.KeyID)
	})
}

// Invite reads one set-up page.
func (r *Reader) Invite(ctx context.Context, id string) (invite state.Invite, err error) {
	err = r.get(ctx, func(row row) { invite = scanInvite(row) }, inviteByID, id)
	return invite, err
}

// ListInvites reads a source's set-up pages.
func (r *Reader) ListInvites(ctx context.Context, scope state.Scope) ([]state.Invite, error) {
	return list(ctx, r, scanInvite, invitesOf, scope.Source, scope.Tenant)
}

// ClaimInvite keeps a key and notes it in the invite, in one transaction.
func (s *Store) ClaimInvite(ctx context.Context, id string, key state.Key) error {
	return s.do(ctx, func(t *tx) error {
		invite, err := t.invite(id)
		switch {
		case err != nil:
			return err
		case invite.KeyID != "" || !invite.WithdrawnAt.IsZero() || !t.now.Before(invite.ExpiresAt):
			return state.ErrUsed
		case key.Scope != invite.Scope:
			return fmt.Errorf("a key for source %q through the invite of another one: %w", key.Scope.Source, state.ErrNotFound)
		}
		if err := t.putKey(key); err != nil {
			return err
		}
		return t.c.exec(claimInvite, key.ID, id)
	})
}

func (t *tx) invite(id string) (invite state.Invite, err error) {
	found, err := t.c.one(func(row row) { invite = scanInvite(row) }, inviteByID, id)
	if err == nil && !found {
		err = state.ErrNotFound
	}
	return invite, err
}

// WithdrawInvite ends a set-up page; one that is withdrawn already keeps its time.
func (s *Store) WithdrawInvite(ctx context.Context, id string) error {
	return s.do(ctx, func(t *tx) error {
		if _, err := t.invite(id); err != nil {
			return err
		}
		return t.c.exec(withdrawInvite, toMilli(t.now), id)
	})
}

// NoteDeed keeps what somebody did; one without a time was done now.
func (s *Store) NoteDeed(ctx context.Context, deed state.Deed) error {
	return s.do(ctx, func(t *tx) error {
		var source any
		if deed.Scope != (state.Scope{}) {
			held, err := t.scope(deed.Scope)
			if err != nil {
				return err
			}
			source = held.source
		}
		if deed.At.IsZero() {
			deed.At = t.now
		}
		return t.c.exec(noteDeed, toMilli(deed.At), deed.Actor, deed.What, source, deed.Subject, deed.Note)
	})
}

// ListDeeds reads the newest deeds.
func (r *Reader) ListDeeds(ctx context.Context, scope state.Scope, before int64, limit int) ([]state.Deed, error) {
	if before == 0 {
		before = 1<<63 - 1
	}
	if scope == (state.Scope{}) {
		return list(ctx, r, scanDeed, deedsAll, before, atMost(limit))
	}
	return list(ctx, r, scanDeed, deedsOf, scope.Source, scope.Tenant, before, atMost(limit))
}

func scanDeed(row row) state.Deed {
	return state.Deed{
		Number:  row.int(0),
		At:      row.time(1),
		Actor:   row.text(2),
		What:    row.text(3),
		Scope:   state.Scope{Tenant: row.text(4), Source: row.text(5)},
		Subject: row.text(6),
		Note:    row.text(7),
	}
}

// blankDeeds takes away the notes that name somebody.
func (t *tx) blankDeeds(held *scopeRow, person *state.Personal) error {
	var named []int64
	if err := t.c.query(func(row row) error {
		if person.In(row.text(1)) {
			named = append(named, row.int(0))
		}
		return nil
	}, deedsToBlank, held.source); err != nil {
		return err
	}
	for _, deed := range named {
		if err := t.c.exec(blankDeed, deed); err != nil {
			return err
		}
	}
	return nil
}
