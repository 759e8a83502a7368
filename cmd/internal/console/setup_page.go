package console

import (
	"context"
	"errors"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"time"

	"rollcall/state"
)

// setupRoutes are the pages on the receiver's listener, below /setup/. A link is all that is needed, and opens one source's.
func (c *Console) setupRoutes() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /setup/assets/{name}", c.asset)
	mux.HandleFunc("GET /setup/{token}", c.invited(c.setupShow))
	mux.HandleFunc("POST /setup/{token}", c.invited(c.setupClaim))
	mux.HandleFunc("GET /setup/{token}/{part}", c.invited(c.setupProgress))
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { c.setupFail(w, r, errSetupLink) })
	return c.setupGuard(mux)
}

// invitation is a set-up link that holds.
type invitation struct {
	state.Invite
	source Source
	token  string
	form   string // what the form on its page carries
}

// invited reads the link of a request and lets only those that hold pass.
func (c *Console) invited(next func(http.ResponseWriter, *http.Request, *invitation)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		inv, err := c.invitation(r.Context(), r.PathValue("token"))
		if err != nil {
			c.setupFail(w, r, err)
			return
		}
		next(w, r, inv)
	}
}

// invitation reads a token: errSetupLink unless it is one of ours, errSetupOver unless it still holds. The record is not asked about
// what is forged.
func (c *Console) invitation(ctx context.Context, token string) (*invitation, error) {
	key, err := c.setupKey(ctx)
	if err != nil {
		return nil, err
	}
	id, expires, ok := key.read(token)
	if !ok {
		return nil, errSetupLink
	}
	invite, err := c.Store.Invite(ctx, id)
	if errors.Is(err, state.ErrNotFound) {
		return nil, errSetupLink
	}
	if err != nil {
		return nil, fmt.Errorf("read a set-up link: %w", err)
	}
	source, known := c.source(invite.Scope.Source)
	now := c.Now()
	if !invite.WithdrawnAt.IsZero() || !now.Before(invite.ExpiresAt) || !now.Before(expires) || !known || source.Scope != invite.Scope || !source.Configured {
		return nil, errSetupOver
	}
	return &invitation{Invite: invite, source: source, token: token, form: key.form(id)}, nil
}

// setupPage answers: what do I enter, and has it worked?
type setupPage struct {
	Provider string
	Service  string // the host that the provider will talk to
	Address  string // of this page
	Form     string
	Ends     time.Time
	Issued   time.Time // of the link's key; zero: it can be shown
	Key      string    // shown now, and never again
	Alert    string
	Progress checklist
	Guide    template.HTML
}

func (p *setupPage) Title() string { return fmt.Sprintf("Connect %s to %s", p.Provider, p.Service) }

// providers are the kinds of source that there is a guide for, as people call them.
var providers = map[string]string{"entra": "Microsoft Entra ID", "okta": "Okta"}

// setupPage reads all that is shown on the page of a link but the key.
func (c *Console) setupPage(ctx context.Context, inv *invitation) (*setupPage, error) {
	page := &setupPage{Provider: providers[inv.source.Kind], Service: hostOf(c.ReceiverURL), Address: "/setup/" + inv.token, Form: inv.form, Ends: inv.ExpiresAt}
	var err error
	if page.Progress, err = c.checklist(ctx, inv.source); err != nil {
		return nil, err
	}
	page.Progress.Refresh = page.Address + "/progress"
	if page.Issued, err = c.issuedAt(ctx, &inv.Invite); err != nil {
		return nil, err
	}
	values := c.guideValues(inv.source)
	values.Handed = true
	page.Guide, err = c.guideHTML(inv.source.Kind, values)
	return page, err
}

func (c *Console) guideValues(source Source) GuideValues {
	return GuideValues{Source: source.Scope.Source, URL: c.ReceiverURL, Path: c.ReceiverPath, Mapping: source.Mapping, People: source.People}
}

func hostOf(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" {
		return address
	}
	return u.Hostname()
}

// issuedAt returns when the key of a link was issued; zero if none was.
func (c *Console) issuedAt(ctx context.Context, invite *state.Invite) (time.Time, error) {
	if invite.KeyID == "" {
		return time.Time{}, nil
	}
	keys, err := c.Store.ListKeys(ctx, invite.Scope)
	if err != nil {
		return time.Time{}, fmt.Errorf("list keys: %w", err)
	}
	for _, key := range keys {
		if key.ID == invite.KeyID {
			return key.CreatedAt, nil
		}
	}
	return invite.CreatedAt, nil // the key's row is gone; it was issued after this
}

func (c *Console) setupShow(w http.ResponseWriter, r *http.Request, inv *invitation) {
	page, err := c.setupPage(r.Context(), inv)
	if err != nil {
		c.setupFail(w, r, err)
		return
	}
	c.setupRender(w, http.StatusOK, "bare-setup", page)
}

// setupClaim issues the link's key and shows it, once. The page is read before, so that whatever fails, fails before there is a key.
func (c *Console) setupClaim(w http.ResponseWriter, r *http.Request, inv *invitation) {
	if !c.fromSetupPage(r, inv.form) {
		c.setupFail(w, r, errSetupForm)
		return
	}
	page, err := c.setupPage(r.Context(), inv)
	if err != nil {
		c.setupFail(w, r, err)
		return
	}
	text, key := state.NewKey(inv.Scope)
	key.Label, key.CreatedAt = "set-up link", c.Now()
	status := http.StatusOK
	switch err := c.Store.ClaimInvite(r.Context(), inv.ID, key); {
	case err == nil:
		page.Key, page.Issued = text, key.CreatedAt
		page.Progress.issued(key.CreatedAt)
		c.note(r.Context(), state.Deed{What: DeedKeyIssued, Scope: inv.Scope, Subject: key.ID, Note: "by set-up link " + inv.ID})
	case errors.Is(err, state.ErrUsed):
		c.setupUsed(w, r, inv)
		return
	case errors.Is(err, state.ErrKeyLimit):
		status = http.StatusConflict
		page.Alert = "No key was issued: there are two live keys already, and no more are possible. Ask whoever sent you the link to revoke one of them, then press the button again."
	default:
		c.setupFail(w, r, fmt.Errorf("issue a key by a set-up link: %w", err))
		return
	}
	c.setupRender(w, status, "bare-setup", page)
}

// setupUsed shows the page of a link whose key somebody else was shown a moment ago.
func (c *Console) setupUsed(w http.ResponseWriter, r *http.Request, inv *invitation) {
	again, err := c.invitation(r.Context(), inv.token)
	if err != nil {
		c.setupFail(w, r, err)
		return
	}
	page, err := c.setupPage(r.Context(), again)
	if err != nil {
		c.setupFail(w, r, err)
		return
	}
	page.Alert = "The key is not shown again: it has been shown already, and only its fingerprint is kept. If nobody has it, ask for a new link."
	c.setupRender(w, http.StatusConflict, "bare-setup", page)
}

// setupProgress is the check list alone, for the script to put in the place of the one on the page.
func (c *Console) setupProgress(w http.ResponseWriter, r *http.Request, inv *invitation) {
	if r.PathValue("part") != "progress" {
		c.setupFail(w, r, errSetupLink)
		return
	}
	list, err := c.checklist(r.Context(), inv.source)
	if err != nil {
		c.setupFail(w, r, err)
		return
	}
	list.Refresh = "/setup/" + inv.token + "/progress"
	c.sendChecklist(w, list)
}
