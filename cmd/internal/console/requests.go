package console

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"rollcall/state"
	"rollcall/state/scim"
	"rollcall/sync/explain"
)

func (c *Console) requestsRoutes(mux *http.ServeMux) {
	mux.HandleFunc("GET /requests", c.requestList)
	mux.HandleFunc("GET /requests/{id}", c.requestPage)
}

// requestsPerPage keeps a page of long details under 100 KB.
const requestsPerPage = 50

// requestListPage answers: what have providers sent lately, and what was refused?
type requestListPage struct {
	Source      string   // filter
	Failed      bool     // filter
	Sources     []string // to choose from
	Rows        []requestRow
	First, Next string
}

type requestRow struct {
	state.Request
	Outcome string // "accepted" or "refused"
}

// Title says what is listed.
func (p *requestListPage) Title() string {
	title := "What providers sent"
	if p.Failed {
		title = "What was refused"
	}
	if p.Source != "" {
		title += " for " + p.Source
	}
	return title
}

// Filtered tells whether more would be listed without filters.
func (p *requestListPage) Filtered() bool { return p.Source != "" || p.Failed }

// address is the list's with its filters, behind a request.
func (p *requestListPage) address(before string) string {
	outcome := map[bool]string{true: "refused"}[p.Failed]
	return listURL("/requests", "source", p.Source, "outcome", outcome, "before", before)
}

func (c *Console) requestList(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	page := &requestListPage{Source: q.Get("source"), Failed: q.Get("outcome") == "refused"}
	query := state.RequestQuery{Failed: page.Failed, Before: q.Get("before"), Limit: requestsPerPage + 1}
	for _, source := range c.Sources() {
		page.Sources = append(page.Sources, source.Scope.Source)
		if source.Scope.Source == page.Source {
			query.Scope = source.Scope
		}
	}
	slices.Sort(page.Sources)
	if page.Source != "" && query.Scope == (state.Scope{}) {
		c.fail(w, r, problem{http.StatusNotFound, "There is no such source", "It may have been renamed. Requests lists those of all sources."})
		return
	}
	heads, err := c.Store.RequestHeads(r.Context(), query)
	if err != nil {
		c.fail(w, r, fmt.Errorf("list requests: %w", err))
		return
	}
	if query.Before != "" {
		page.First = page.address("")
	}
	if len(heads) > requestsPerPage {
		heads = heads[:requestsPerPage]
		page.Next = page.address(heads[requestsPerPage-1].ID)
	}
	for _, head := range heads {
		page.Rows = append(page.Rows, requestRow{cleaned(head, lineBytes), requestOutcome(head.Status)})
	}
	c.show(w, r, "requests", page)
}

// How much is shown of a text that a provider sent or was answered.
const (
	lineBytes   = 200       // in a list
	wholeBytes  = 2000      // of a request's line and its refusal, on its page
	prettyBytes = 100 << 10 // of a body laid out; a longer one is shown as it was kept
)

// cleaned makes what a provider sent in a request's line, and what quotes it, safe to show, and cuts it.
func cleaned(r state.Request, most int) state.Request {
	r.Method, r.Path, r.Detail = harmless(r.Method), cutBytes(harmless(readablePath(r.Path)), most), cutBytes(harmless(r.Detail), most)
	return r
}

// readablePath is a request's target with its query decoded, as a person reads it.
func readablePath(target string) string {
	if decoded, err := url.QueryUnescape(target); err == nil {
		return decoded
	}
	return target
}

func requestOutcome(status int) string {
	if status >= http.StatusBadRequest {
		return "refused"
	}
	return "accepted"
}

// onePage answers: what was sent, and what came of it?
type onePage struct {
	state.Request
	Outcome  string
	SCIMType string
	Hint     string
	Sent     string // pretty, where it is JSON
	Answered string
	About    []link // records that the request concerns
}

// Title tells the request in a line.
func (p *onePage) Title() string {
	verb := "was accepted"
	if p.Outcome == "refused" {
		verb = "was refused"
	}
	return fmt.Sprintf("%s for %s %s with %d", p.Method, p.Scope.Source, verb, p.Status)
}

func (p *onePage) crumbs() []crumb {
	return []crumb{{"Requests", "/requests"}, {p.Scope.Source, "/requests?source=" + url.QueryEscape(p.Scope.Source)}}
}

// When tells the request's time to the second, for those who compare it with the provider's log.
func (p *onePage) When() string { return explain.When(p.At) }

func (c *Console) requestPage(w http.ResponseWriter, r *http.Request) {
	kept, err := c.Store.Request(r.Context(), r.PathValue("id"))
	if err != nil {
		if errors.Is(err, state.ErrNotFound) {
			err = problem{http.StatusNotFound, "This request is not kept any more", "Requests are kept for a time that the configuration sets, and dropped with the oldest first. Nothing else is lost: what it changed is in the journal."}
		}
		c.fail(w, r, err)
		return
	}
	page := &onePage{Request: cleaned(kept, wholeBytes), Outcome: requestOutcome(kept.Status), SCIMType: harmless(scimTypeOf(kept.Answer)), Sent: pretty(kept.Body), Answered: pretty(kept.Answer)}
	page.Hint = hint(kept.Status, page.SCIMType, shapeOf(kept.Path, c.ReceiverPath))
	if page.About, err = c.about(r.Context(), &kept); err != nil {
		c.fail(w, r, err)
		return
	}
	c.show(w, r, "request", page)
}

// pretty lays JSON out; what is none, because it was cut or never was, or is nested so that it would be far too long, stays as it was
// kept. Marks that could mislead a reader are replaced, line by line.
func pretty(body []byte) string {
	var out bytes.Buffer
	if _, err := scim.ReadJSON(body, scim.DefaultLimits); err != nil || json.Indent(&out, body, "", "  ") != nil || out.Len() > prettyBytes {
		out.Reset()
		out.Write(body)
	}
	lines := strings.Split(strings.ToValidUTF8(out.String(), "\uFFFD"), "\n")
	for i := range lines {
		lines[i] = harmless(lines[i])
	}
	return strings.Join(lines, "\n")
}

// about finds the records that a request concerns, each once: the one that its path names, the one that its refusal names as the holder
// of a value, and the one that has the name in its body. Only records of the request's own source are found.
func (c *Console) about(ctx context.Context, r *state.Request) ([]link, error) {
	kind, id := targetOf(r.Path)
	if kind == 0 {
		return nil, nil
	}
	ids := []state.ID{id}
	if i := strings.LastIndexByte(r.Detail, ' '); r.Status == http.StatusConflict && i >= 0 {
		ids = append(ids, state.ID(r.Detail[i+1:])) // "… it is that of <id>"
	}
	var list []link
	for _, id := range ids {
		scope, kind, err := c.Store.Locate(ctx, id)
		if errors.Is(err, state.ErrNotFound) || err == nil && scope != r.Scope {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("find what a request is about: %w", err)
		}
		record, err := c.Store.Record(ctx, scope, kind, id)
		if err != nil && !errors.Is(err, state.ErrNotFound) {
			return nil, fmt.Errorf("find what a request is about: %w", err)
		}
		list = append(list, aboutRecord(kind, id, record.Name))
	}
	if name := nameIn(r.Body, kind); name != "" {
		found, err := c.Store.Find(ctx, r.Scope, kind, state.NewMatchKey(state.UniqueName(kind), name))
		if err != nil {
			return nil, fmt.Errorf("find what a request is about: %w", err)
		}
		for _, record := range found {
			list = append(list, aboutRecord(kind, record.ID, record.Name))
		}
	}
	slices.SortFunc(list, func(a, b link) int { return strings.Compare(a.URL, b.URL) })
	return slices.CompactFunc(list, func(a, b link) bool { return a.URL == b.URL }), nil
}

// aboutRecord leads to a record by its name; one that was taken away has only its id left.
func aboutRecord(kind state.Kind, id state.ID, name string) link {
	page := pageOf(id, "")
	if kind == state.KindGroup {
		page = pageOf("", id)
	}
	return link{page, cmp.Or(harmless(name), string(id))}
}

// targetOf returns the kind of resource that a path is about, and the id if it names one.
func targetOf(target string) (kind state.Kind, id state.ID) {
	path, _, _ := strings.Cut(target, "?")
	parts := strings.Split(strings.Trim(path, "/"), "/")
	for i, part := range parts {
		switch part {
		case "Users":
			kind = state.KindAccount
		case "Groups":
			kind = state.KindGroup
		default:
			continue
		}
		if i+1 < len(parts) {
			id = state.ID(parts[i+1])
		}
		return kind, id
	}
	return 0, ""
}

// nameIn is what a body calls its resource; "" if it does not, or cannot be read.
func nameIn(body []byte, kind state.Kind) string {
	value, err := scim.ReadJSON(body, scim.DefaultLimits)
	if err != nil || value.Kind != scim.Object {
		return ""
	}
	if kind == state.KindGroup {
		return value.Get("displayName").Text
	}
	return value.Get("userName").Text
}
