package scimapi

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"rollcall/state"
	"rollcall/state/scim"
)

const listSchema = "urn:ietf:params:scim:api:messages:2.0:ListResponse"

// scanBatch is how many records a scan holds at once.
const scanBatch = 256

func (h *Handler) list(c *call, res *resource) error {
	asked, err := parseQuery(c.r.URL.RawQuery)
	if err != nil {
		return err
	}
	return h.query(c, res, asked)
}

func (h *Handler) search(c *call, res *resource) error {
	body, err := c.body()
	if err != nil {
		return err
	}
	asked, err := parseSearch(body)
	if err != nil {
		return err
	}
	return h.query(c, res, asked)
}

// query answers with the page asked for of the resources that match.
func (h *Handler) query(c *call, res *resource, asked params) error {
	view, err := newView(asked.attributes, asked.excluded)
	if err != nil {
		return err
	}
	if asked.count < 0 {
		asked.count = h.limits.Page
	}
	hits := hits{skip: asked.start - 1, limit: min(asked.count, h.limits.MaxPage)}
	if asked.filtered {
		err = h.filter(c, res, asked.filter, &hits)
	} else {
		err = h.all(c, res, &hits)
	}
	if err != nil {
		return err
	}
	return c.answerList(res, &hits, asked.start, view)
}

// hits counts what matches and keeps the page that was asked for.
type hits struct {
	skip, limit int
	total       int
	page        []state.Record
}

func (p *hits) add(rec state.Record) {
	if p.total >= p.skip && len(p.page) < p.limit {
		p.page = append(p.page, rec)
	}
	p.total++
}

// all finds every resource of the kind, in order of creation.
func (h *Handler) all(c *call, res *resource, hits *hits) (err error) {
	if hits.total, err = h.store.Count(c.r.Context(), c.scope, res.kind); err != nil {
		return err
	}
	if hits.limit == 0 || hits.skip >= hits.total {
		return nil
	}
	return h.store.Scan(c.r.Context(), c.scope, res.kind, 0, hits.skip, hits.limit, func(rec state.Record) bool {
		hits.page = append(hits.page, rec)
		return true
	})
}

// filter finds what a filter matches: by one key look-up where the filter has one, else by looking at every record, of which there
// may not be too many.
func (h *Handler) filter(c *call, res *resource, text string, hits *hits) error {
	filter, err := scim.ParseFilter(text, h.limits.Filter)
	if err != nil {
		return err
	}
	query := state.Split(res.kind, filter)
	if query.Residual == nil {
		return h.lookUp(c, res, *query.Key, hits)
	}
	if err := res.rt.Check(query.Residual); err != nil {
		return err
	}
	m, err := h.matcher(c, res, query.Residual)
	if err != nil {
		return err
	}
	if query.Key == nil && m.candidates == nil {
		return h.scan(c, res, m, hits)
	}
	candidates := m.candidates
	if query.Key != nil {
		if candidates, err = h.store.Find(c.r.Context(), c.scope, res.kind, *query.Key); err != nil {
			return err
		}
	}
	return m.addMatches(candidates, hits)
}

// lookUp finds the records that have a key. A key that nobody has is looked up once more in the form it may have had before it was
// mangled on the way, unless the source's dialect is strict.
func (h *Handler) lookUp(c *call, res *resource, key state.MatchKey, hits *hits) error {
	for {
		found, err := h.store.Find(c.r.Context(), c.scope, res.kind, key)
		if err != nil {
			return err
		}
		for _, rec := range found {
			hits.add(rec)
		}
		text, mangled := unmangle(key.Text)
		if len(found) > 0 || !mangled || c.source.Dialect == Strict {
			return nil
		}
		key = state.NewMatchKey(key.Name, text)
	}
}

// unmangle undoes what happens to values on the way: an encoding too many (Microsoft's web validator encodes twice), or a plus sign
// of an e-mail address that was sent raw and so became a blank.
func unmangle(text string) (string, bool) {
	if strings.ContainsRune(text, '%') {
		decoded, err := url.PathUnescape(text)
		return decoded, err == nil && decoded != text
	}
	if strings.ContainsRune(text, '@') && strings.ContainsRune(text, ' ') {
		return strings.ReplaceAll(text, " ", "+"), true
	}
	return "", false
}

// scan evaluates a filter on every record, in batches between which nothing is held open.
func (h *Handler) scan(c *call, res *resource, m *matcher, hits *hits) error {
	count, err := h.store.Count(c.r.Context(), c.scope, res.kind)
	if err != nil {
		return err
	}
	if count > h.limits.Scan {
		return errTooMany
	}
	batch := make([]state.Record, 0, scanBatch)
	for after := int64(0); ; after = batch[len(batch)-1].Row {
		batch = batch[:0]
		err := h.store.Scan(c.r.Context(), c.scope, res.kind, after, 0, scanBatch, func(rec state.Record) bool {
			batch = append(batch, rec)
			return true
		})
		if err != nil {
			return err
		}
		if err := m.addMatches(batch, hits); err != nil || len(batch) < scanBatch {
			return err
		}
	}
}

// answerList answers with a ListResponse. itemsPerPage is what really is on the page (Okta's review rejects anything else) and so
// comes last.
func (c *call) answerList(res *resource, hits *hits, start int, v view) error {
	c.answerListHead(hits.total, start)
	for i := range hits.page {
		if i > 0 {
			c.out = append(c.out, ',')
		}
		if err := c.appendRecord(res, &hits.page[i], v); err != nil {
			return err
		}
		if err := c.spill(); err != nil {
			return err
		}
	}
	c.appendListTail(len(hits.page))
	return nil
}

func (c *call) answerListHead(total, start int) {
	c.answer(http.StatusOK)
	c.out = append(c.out, `{"schemas":["`+listSchema+`"],"totalResults":`...)
	c.out = strconv.AppendInt(c.out, int64(total), 10)
	c.out = append(c.out, `,"startIndex":`...)
	c.out = strconv.AppendInt(c.out, int64(start), 10)
	c.out = append(c.out, `,"Resources":[`...)
}

func (c *call) appendListTail(items int) {
	c.out = append(c.out, `],"itemsPerPage":`...)
	c.out = strconv.AppendInt(c.out, int64(items), 10)
	c.out = append(c.out, '}')
}
