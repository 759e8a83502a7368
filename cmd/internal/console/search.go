package console

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"rollcall/state"
	"rollcall/sync/explain"
)

func (c *Console) searchRoutes(mux *http.ServeMux) {
	// Posted, because what is looked for is personal and a URL is kept in many places. It changes nothing.
	mux.HandleFunc("POST /search", c.search)
	mux.HandleFunc("GET /search", func(w http.ResponseWriter, r *http.Request) { c.show(w, r, "search", &searchPage{}) })
}

// searchHits is how many hits a search shows.
const searchHits = 50

// searchBytes bounds what is searched for: no name or id is longer.
const searchBytes = 1000

// tracesTime bounds the look through what is kept of people without an account.
const tracesTime = 2 * time.Second

// searchPage answers: who or what is that?
type searchPage struct {
	Text    string
	Hits    []hit
	More    bool
	Sources []*sourceHealth
	Traces  []trace // of people without an account
	Cut     bool    // not all sources could be looked through for traces in time
}

// hit is an account or a group that was found.
type hit struct {
	state.Listed
	UserName string
	Group    bool
}

// URL is the hit's page.
func (h *hit) URL() string {
	if h.Group {
		return pageOf("", h.Record.ID)
	}
	return pageOf(h.Record.ID, "")
}

// State is the hit's status.
func (h *hit) State() string { return inForce(h.Record.InForce) }

func inForce(active bool) string {
	if active {
		return "active"
	}
	return "inactive"
}

// trace is somebody who has no account any more, or never had one.
type trace struct {
	explain.Subject
}

// URL is the page of what is known of them.
func (t *trace) URL() string {
	if t.Account != "" {
		return pageOf(t.Account, "")
	}
	return "/sources/" + url.PathEscape(t.Scope.Source) + "/people/" + url.PathEscape(t.Person)
}

// Title says what was found.
func (p *searchPage) Title() string {
	n := len(p.Hits) + len(p.Sources) + len(p.Traces)
	switch {
	case p.Text == "":
		return "Find any person, group or source"
	case n == 0:
		return "Nothing is known of “" + p.Text + "”"
	case p.More:
		return fmt.Sprintf("More than %d answer to “%s”", searchHits, p.Text)
	}
	return explain.Plural(n, "answer to ", "answers to ") + "“" + p.Text + "”"
}

func (c *Console) search(w http.ResponseWriter, r *http.Request) {
	page := searchPage{Text: cutBytes(strings.TrimSpace(r.PostFormValue("q")), searchBytes)}
	if page.Text == "" {
		c.show(w, r, "search", &page)
		return
	}
	hits, err := c.Store.Search(r.Context(), page.Text, searchHits+1)
	if err == nil {
		page.Sources, err = c.searchSources(r.Context(), page.Text)
	}
	if err != nil {
		c.fail(w, r, err)
		return
	}
	if page.More = len(hits) > searchHits; page.More {
		hits = hits[:searchHits]
	}
	for _, h := range hits {
		page.Hits = append(page.Hits, newHit(h))
	}
	if len(page.Hits)+len(page.Sources) == 0 {
		if page.Traces, page.Cut, err = c.searchTraces(r.Context(), page.Text); err != nil {
			c.fail(w, r, err)
			return
		}
	}
	if len(page.Hits) == 1 && len(page.Sources) == 0 {
		http.Redirect(w, r, page.Hits[0].URL(), http.StatusSeeOther)
		return
	}
	c.show(w, r, "search", &page)
}

func newHit(l state.Listed) hit {
	h := hit{Listed: l, Group: l.Record.Kind == state.KindGroup}
	if !h.Group {
		h.UserName = textOf(l.Record.Resource, "userName")
	}
	return h
}

// searchSources finds sources by a part of their name or their tenant's.
func (c *Console) searchSources(ctx context.Context, text string) ([]*sourceHealth, error) {
	all, err := c.health(ctx)
	if err != nil {
		return nil, err
	}
	text = strings.ToLower(text)
	var some []*sourceHealth
	for i := range all {
		if strings.Contains(strings.ToLower(all[i].Name()), text) || strings.Contains(strings.ToLower(all[i].Tenant()), text) {
			some = append(some, &all[i])
		}
	}
	return some[:min(len(some), searchHits)], nil
}

// searchTraces finds those who have no account, by an exact name or id. It walks through what is kept, source by source, for a while.
func (c *Console) searchTraces(ctx context.Context, text string) (traces []trace, cut bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, tracesTime)
	defer cancel()
	for _, source := range c.Sources() {
		subjects, err := explain.Find(ctx, c.Store, source.Scope, text)
		switch {
		case errors.Is(err, context.DeadlineExceeded):
			return traces, true, nil
		case err != nil:
			return nil, false, fmt.Errorf("look for traces in source %s: %w", source.Scope.Source, err)
		}
		for _, s := range subjects {
			if s.Account != "" || s.Person != "" {
				traces = append(traces, trace{s})
			}
		}
	}
	return traces, false, nil
}
