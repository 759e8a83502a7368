package console

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"rollcall/state"
)

// linkRow is a set-up link as lists show it.
type linkRow struct {
	state.Invite
	State string // "live", "used", "expired" or "withdrawn"
	URL   string // "" = it opens nothing any more, or is not for this visitor
}

// linksShown bounds the list; older links are over.
const linksShown = 20

// linkRows lists a source's set-up links, the newest first.
func (c *Console) linkRows(ctx context.Context, scope state.Scope, urls bool) ([]linkRow, error) {
	invites, err := c.Store.ListInvites(ctx, scope)
	if err != nil {
		return nil, fmt.Errorf("list set-up links of source %s: %w", scope.Source, err)
	}
	key, err := c.setupKey(ctx)
	if err != nil {
		return nil, err
	}
	var rows []linkRow
	for _, invite := range invites[:min(len(invites), linksShown)] {
		row := linkRow{Invite: invite, State: linkState(&invite, c.Now())}
		if urls && row.Open() {
			row.URL = strings.TrimSuffix(c.SetupURL, "/") + "/setup/" + key.sign(invite.ID, invite.ExpiresAt)
		}
		rows = append(rows, row)
	}
	return rows, nil
}

// Open tells whether the link still opens its page.
func (l linkRow) Open() bool { return l.State == "live" || l.State == "used" }

func linkState(invite *state.Invite, now time.Time) string {
	switch {
	case !invite.WithdrawnAt.IsZero():
		return "withdrawn"
	case !now.Before(invite.ExpiresAt):
		return "expired"
	case invite.KeyID != "":
		return "used"
	}
	return "live"
}

// makeLink makes a set-up link for the customer's administrator. It is listed on the page that follows, with its address.
func (c *Console) makeLink(w http.ResponseWriter, r *http.Request, source Source) {
	if err := c.ensured(r.Context(), source); err != nil {
		c.fail(w, r, err)
		return
	}
	if providers[source.Kind] == "" {
		c.fail(w, r, problem{http.StatusConflict, "There is no guide for this kind of source", "A set-up link shows a guide, and there are those for Entra and Okta. No link was made. Issue a key here and hand it over."})
		return
	}
	now := c.Now().Truncate(time.Second)
	invite := state.Invite{ID: string(state.NewID()), Scope: source.Scope, CreatedBy: visitorOf(r).Name, CreatedAt: now, ExpiresAt: now.Add(setupLife)}
	if err := c.Store.PutInvite(r.Context(), invite); err != nil {
		c.fail(w, r, fmt.Errorf("keep a set-up link of source %s: %w", source.Scope.Source, err))
		return
	}
	c.note(r.Context(), state.Deed{Actor: invite.CreatedBy, What: deedInviteMade, Scope: source.Scope, Subject: invite.ID})
	c.done(w, r, "/setup/"+source.Scope.Source+"#links", "The link is below, good for 72 hours. Send it to the customer's administrator, and to nobody else: it shows the key.", "")
}

// withdrawLink ends a link. A key that was issued by it stays: that is revoked on its own.
func (c *Console) withdrawLink(w http.ResponseWriter, r *http.Request, source Source) {
	to := "/setup/" + source.Scope.Source + "#links"
	invite, err := c.Store.Invite(r.Context(), r.PathValue("link"))
	if err == nil && invite.Scope == source.Scope {
		err = c.Store.WithdrawInvite(r.Context(), invite.ID)
	} else if err == nil {
		err = state.ErrNotFound
	}
	if errors.Is(err, state.ErrNotFound) {
		c.done(w, r, to, "", "No link was withdrawn: this source has no such link.")
		return
	}
	if err != nil {
		c.fail(w, r, fmt.Errorf("withdraw a set-up link of source %s: %w", source.Scope.Source, err))
		return
	}
	c.note(r.Context(), state.Deed{Actor: visitorOf(r).Name, What: deedInviteWithdrawn, Scope: source.Scope, Subject: invite.ID})
	flash := "The link is withdrawn: it opens nothing from now on."
	if invite.KeyID != "" {
		flash += " The key that was issued by it goes on working until it is revoked."
	}
	c.done(w, r, to, flash, "")
}
