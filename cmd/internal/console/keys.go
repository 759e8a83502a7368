package console

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"rollcall/state"
)

// keyRow is a key as lists show it: never the key itself.
type keyRow struct {
	state.Key
	State string // "live", "expired" or "revoked"
}

// maxLabel bounds what a key is called, in characters.
const maxLabel = 80

// keyLives are the choices of how long a key is good; 0 is until it is revoked.
var keyLives = map[string]time.Duration{"": 0, "90 days": 90 * 24 * time.Hour, "1 year": 365 * 24 * time.Hour, "2 years": 2 * 365 * 24 * time.Hour}

// readKeys lists a source's keys, the newest first.
func (c *Console) readKeys(ctx context.Context, page *sourceSetupPage) error {
	keys, err := c.Store.ListKeys(ctx, page.Scope)
	if err != nil {
		return fmt.Errorf("list keys of source %s: %w", page.Name(), err)
	}
	slices.SortStableFunc(keys, func(a, b state.Key) int { return b.CreatedAt.Compare(a.CreatedAt) })
	page.Keys, page.Live, page.Newest = nil, 0, ""
	for _, key := range keys {
		row := keyRow{Key: key, State: "live"}
		switch {
		case !key.RevokedAt.IsZero():
			row.State = "revoked"
		case !key.Live(c.Now()):
			row.State = "expired"
		default:
			page.Live++
		}
		page.Keys = append(page.Keys, row)
	}
	if len(keys) > 0 {
		page.Newest = keys[0].ID
	}
	return nil
}

// issueKey issues a key and shows it on the page that answers, and never again. A form that is sent a second time issues nothing:
// it names the newest key that its sender saw.
func (c *Console) issueKey(w http.ResponseWriter, r *http.Request, source Source) {
	life, known := keyLives[r.PostFormValue("life")]
	label := strings.TrimSpace(harmless(r.PostFormValue("label")))
	if !known || utf8.RuneCountInString(label) > maxLabel {
		c.fail(w, r, problem{http.StatusBadRequest, "No key was issued", fmt.Sprintf("A label may have %d characters, and a key may be good for 90 days, 1 year, 2 years or until it is revoked.", maxLabel)})
		return
	}
	if err := c.ensured(r.Context(), source); err != nil {
		c.fail(w, r, err)
		return
	}
	c.issuing.Lock() // of a form that is sent twice at once, the second sees the first one's key
	defer c.issuing.Unlock()
	page, err := c.sourceSetup(r.Context(), source, true)
	if err != nil {
		c.fail(w, r, err)
		return
	}
	if r.PostFormValue("newest") != page.Newest {
		c.done(w, r, page.Address, "", "No key was issued: another one has been issued since this form was opened. A key is shown once; if nobody has it, revoke it and issue another.")
		return
	}
	text, key := state.NewKey(source.Scope)
	key.Label, key.CreatedAt = label, c.Now()
	if life > 0 {
		key.ExpiresAt = key.CreatedAt.Add(life)
	}
	switch err := c.Store.PutKey(r.Context(), key); {
	case errors.Is(err, state.ErrKeyLimit):
		c.done(w, r, page.Address, "", "No key was issued: there are two live keys, and no more are possible. Revoke the one that is not used any more.")
		return
	case err != nil:
		c.fail(w, r, fmt.Errorf("keep a key of source %s: %w", source.Scope.Source, err))
		return
	}
	c.note(r.Context(), state.Deed{Actor: visitorOf(r).Name, What: DeedKeyIssued, Scope: source.Scope, Subject: key.ID, Note: label})
	page.Issued, page.IssuedID = text, key.ID
	page.Keys = slices.Insert(page.Keys, 0, keyRow{Key: key, State: "live"})
	page.Live, page.Newest = page.Live+1, key.ID
	if !page.Progress.Steps[stepKey].Done() {
		page.Progress.issued(key.CreatedAt)
	}
	c.show(w, r, "setup-source", page)
}

// revokeKey revokes a key whose id was typed, at once and for good.
func (c *Console) revokeKey(w http.ResponseWriter, r *http.Request, source Source) {
	id, to := r.PathValue("key"), "/setup/"+source.Scope.Source
	if strings.TrimSpace(r.PostFormValue("confirm")) != id {
		c.done(w, r, to, "", "No key was revoked: type its id to confirm.")
		return
	}
	err := c.Store.RevokeKey(r.Context(), source.Scope, id)
	if errors.Is(err, state.ErrNotFound) {
		c.done(w, r, to, "", "No key was revoked: this source has none with that id.")
		return
	}
	if err != nil {
		c.fail(w, r, fmt.Errorf("revoke a key of source %s: %w", source.Scope.Source, err))
		return
	}
	c.note(r.Context(), state.Deed{Actor: visitorOf(r).Name, What: DeedKeyRevoked, Scope: source.Scope, Subject: id})
	c.done(w, r, to, "Key "+id+" is revoked: it opens nothing from now on.", "")
}
