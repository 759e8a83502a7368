package console

import (
	"cmp"
	"context"
	"errors"
	"html/template"
	"net/http"
	"slices"
	"strings"

	"rollcall/state"
	"rollcall/sync/explain"
)

// Deeds of set-up, as they are kept. A key that a set-up link issued has no actor: who pressed the button is not known.
const (
	DeedKeyIssued       = "key_issued"
	DeedKeyRevoked      = "key_revoked"
	deedInviteMade      = "invite_made"
	deedInviteWithdrawn = "invite_withdrawn"
)

func (c *Console) setupPageRoutes(mux *http.ServeMux) {
	mux.HandleFunc("GET /setup", c.setupList)
	mux.HandleFunc("GET /setup/{source}", c.ofSource(c.setupOfSource))
	mux.HandleFunc("GET /setup/{source}/progress", c.ofSource(c.setupSourceProgress))
	mux.HandleFunc("POST /setup/{source}/keys", c.operator(c.ofSource(c.issueKey)))
	mux.HandleFunc("POST /setup/{source}/keys/{key}/revoke", c.operator(c.ofSource(c.revokeKey)))
	mux.HandleFunc("POST /setup/{source}/links", c.operator(c.ofSource(c.makeLink)))
	mux.HandleFunc("POST /setup/{source}/links/{link}/withdraw", c.operator(c.ofSource(c.withdrawLink)))
}

// ofSource finds the source that an address names.
func (c *Console) ofSource(next func(http.ResponseWriter, *http.Request, Source)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		source, known := c.source(r.PathValue("source"))
		if !known {
			c.fail(w, r, problem{http.StatusNotFound, "There is no such source", "It may have been renamed, or the link is cut. Set-up lists all sources."})
			return
		}
		next(w, r, source)
	}
}

// setupPerPage keeps the list of hundreds of customers a light page.
const setupPerPage = 50

// setupListPage answers: whose set-up is not done?
type setupListPage struct {
	All         int
	Rows        []setupRow
	First, Next string
}

type setupRow struct {
	Source
	checklist
}

// Provider is what people call the source's provider.
func (r setupRow) Provider() string { return cmp.Or(providers[r.Kind], r.Kind) }

// Title says how many sources there are; which are not done their rows say.
func (p *setupListPage) Title() string {
	if p.All == 0 {
		return "No source is configured yet"
	}
	return "Set-up of " + explain.Plural(p.All, "source")
}

// setupList lists sources by name, those behind ?after.
func (c *Console) setupList(w http.ResponseWriter, r *http.Request) {
	sources := slices.SortedFunc(slices.Values(c.Sources()), func(a, b Source) int { return strings.Compare(a.Scope.Source, b.Scope.Source) })
	page := &setupListPage{All: len(sources)}
	if after := r.URL.Query().Get("after"); after != "" {
		page.First = "/setup"
		sources = slices.DeleteFunc(sources, func(s Source) bool { return s.Scope.Source <= after })
	}
	if len(sources) > setupPerPage {
		sources = sources[:setupPerPage]
		page.Next = "/setup?after=" + template.URLQueryEscaper(sources[setupPerPage-1].Scope.Source)
	}
	for _, source := range sources {
		steps, err := c.setupSteps(r.Context(), source)
		if err != nil {
			c.fail(w, r, err)
			return
		}
		page.Rows = append(page.Rows, setupRow{source, checklist{Steps: steps}})
	}
	c.show(w, r, "setup", page)
}

// sourceSetupPage answers: how far is the set-up of this source, and what does its administrator need?
type sourceSetupPage struct {
	Source
	Provider string
	Address  string // of this page
	Progress checklist
	Keys     []keyRow
	Newest   string // id of the newest key: a form that was sent twice issues one
	Live     int    // keys
	Links    []linkRow
	URL      string // what is pasted
	Mapping  []MappingRow
	Guide    template.HTML // "" = there is none for its kind

	Issued   string // a key, shown now and never again
	IssuedID string
}

// Name is the source's.
func (p *sourceSetupPage) Name() string { return p.Scope.Source }

// Title says what the set-up waits for.
func (p *sourceSetupPage) Title() string {
	next := p.Progress.Next()
	switch {
	case !p.Configured:
		return p.Name() + " is not in the configuration"
	case next == nil:
		return p.Name() + " is set up"
	}
	return p.Name() + " waits for its " + next.Wait
}

func (p *sourceSetupPage) crumbs() []crumb { return []crumb{{"Set-up", "/setup"}} }

func (c *Console) setupOfSource(w http.ResponseWriter, r *http.Request, source Source) {
	page, err := c.sourceSetup(r.Context(), source, visitorOf(r).May())
	if err != nil {
		c.fail(w, r, err)
		return
	}
	c.show(w, r, "setup-source", page)
}

// sourceSetup reads what the set-up page of a source shows. The links themselves, which open a page with a key, are for operators alone.
func (c *Console) sourceSetup(ctx context.Context, source Source, links bool) (*sourceSetupPage, error) {
	page := &sourceSetupPage{Source: source, Provider: providers[source.Kind], Address: "/setup/" + source.Scope.Source, URL: c.ReceiverURL, Mapping: source.Mapping}
	var err error
	if page.Progress, err = c.checklist(ctx, source); err != nil {
		return nil, err
	}
	page.Progress.Refresh, page.Progress.Linked = page.Address+"/progress", true
	if err := c.readKeys(ctx, page); err != nil {
		return nil, err
	}
	if page.Links, err = c.linkRows(ctx, source.Scope, links); err != nil {
		return nil, err
	}
	if page.Provider != "" {
		page.Guide, err = c.guideHTML(source.Kind, c.guideValues(source))
	}
	return page, err
}

func (c *Console) setupSourceProgress(w http.ResponseWriter, r *http.Request, source Source) {
	list, err := c.checklist(r.Context(), source)
	if err != nil {
		c.fail(w, r, err)
		return
	}
	list.Refresh, list.Linked = r.URL.Path, true
	c.sendChecklist(w, list)
}

// ensured sees that a source is configured, and that the record knows it, before anything is kept for it.
func (c *Console) ensured(ctx context.Context, source Source) error {
	if !source.Configured {
		return problem{http.StatusConflict, "This source is not in the configuration", "Pushes to it are refused, so a key would open nothing. Nothing was issued. Put the source back into the configuration first."}
	}
	_, err := c.Store.EnsureSource(ctx, source.Scope, source.Kind)
	if errors.Is(err, state.ErrTenantFixed) {
		return problem{http.StatusConflict, "This source belongs to another tenant", "It was used with another tenant before, and that is fixed. Nothing was issued. Give the source another name in the configuration."}
	}
	return err
}
