package scimapi

import (
	"net/url"
	"slices"
	"strings"

	"rollcall/state"
	"rollcall/state/scim"
)

// scanBatch is how many records a scan holds at once.
const scanBatch = 256

// list answers a GET of a kind of resources, or of the base: of all of them (RFC 7644 §3.4.2).
func (h *Handler) list(c *call, types []*resource) error {
	asked, err := parseQuery(c.r.URL.RawQuery)
	if err != nil {
		return err
	}
	return h.answerQuery(c, types, asked)
}

// search is list with its parameters in a body (RFC 7644 §3.4.3).
func (h *Handler) search(c *call, types []*resource) error {
	body, err := c.body()
	if err != nil {
		return err
	}
	asked, err := parseSearch(body)
	if err != nil {
		return err
	}
	return h.answerQuery(c, types, asked)
}

// answerQuery answers with the page asked for of the resources that match.
func (h *Handler) answerQuery(c *call, types []*resource, asked params) error {
	view, err := newView(asked.attributes, asked.excluded)
	if err != nil {
		return err
	}
	q := query{h: h, c: c}
	if q.page, err = c.newPage(&asked, types); err != nil {
		return err
	}
	if asked.filtered {
		if q.filter, err = c.parseFilter(asked.filter, types); err != nil {
			return err
		}
	}
	if asked.sortBy != "" {
		if q.order, err = parseOrder(asked.sortBy, types); err != nil {
			return err
		}
	}
	if err := q.find(types, asked.descending); err != nil {
		return err
	}
	return c.answerList(&q.page, view)
}

// parseFilter reads a filter, of which each term has to make sense for at least one of the types.
func (c *call) parseFilter(text string, types []*resource) (*scim.Filter, error) {
	limits := c.h.limits.Filter
	limits.Strict = c.strict()
	filter, err := scim.ParseFilter(text, limits)
	if err != nil {
		return nil, err
	}
	return filter, eachTerm(filter, func(term *scim.Filter) error { return c.checkTerm(term, types) })
}

func (c *call) checkTerm(term *scim.Filter, types []*resource) (err error) {
	for _, res := range types {
		if err = res.rt.Check(term); err == nil && c.strict() {
			err = res.rt.CheckStrictFilter(term)
		}
		if err == nil {
			return nil
		}
	}
	return err
}

// parseOrder reads what to sort by, which at least one of the types has to have.
func parseOrder(text string, types []*resource) (*scim.Path, error) {
	path, err := scim.ParsePath(text, scim.Limits{})
	if err != nil {
		return nil, invalidValue("sortBy must be the name of an attribute, such as userName or name.familyName")
	}
	for _, res := range types {
		if err = res.rt.CheckSort(path); err == nil {
			return &path, nil
		}
	}
	return nil, err
}

// query is one search at work.
type query struct {
	h      *Handler
	c      *call
	filter *scim.Filter // nil: everything
	order  *scim.Path   // nil: as created
	page   page
	all    []item // every match, where they are to be sorted

	looked   int  // records looked at without an index, or about to be
	scanning bool // this query has a turn to scan
}

// find fills the page.
func (q *query) find(types []*resource, descending bool) error {
	defer func() {
		if q.scanning {
			<-q.c.lane.scans
		}
	}()
	for _, res := range types {
		if q.order == nil && q.page.after.kind > res.kind {
			continue // all of these are on earlier pages
		}
		goOn, err := q.findIn(res)
		if err != nil {
			return err
		}
		if !goOn {
			break
		}
	}
	if q.order != nil {
		inOrder(q.all, descending)
		q.page.cut(q.all)
	}
	return nil
}

// findIn finds the matches of one type: by one key look-up where the filter has one, else by looking at every record. It tells
// whether more is wanted.
func (q *query) findIn(res *resource) (goOn bool, err error) {
	filter, always := narrow(q.filter, res)
	switch {
	case filter == nil && !always:
		return true, nil
	case filter == nil && q.order == nil:
		return q.findAll(res)
	case filter == nil:
		return q.scan(res, &matcher{query: q, res: res})
	}
	split := state.Split(res.kind, filter)
	if split.Residual == nil {
		return q.lookUp(res, *split.Key)
	}
	m, err := q.matcher(res, split.Residual)
	if err != nil {
		return false, err
	}
	if split.Key == nil && m.candidates == nil {
		return q.scan(res, m)
	}
	candidates := m.candidates
	if split.Key != nil {
		if candidates, err = q.h.store.Find(q.c.r.Context(), q.c.scope, res.kind, *split.Key); err != nil {
			return false, err
		}
	}
	return m.test(candidates)
}

// hit takes in a match and tells whether more are wanted.
func (q *query) hit(res *resource, rec state.Record) (goOn bool, err error) {
	if q.order != nil {
		value, err := q.c.value(res, &rec, false)
		q.all = append(q.all, item{res: res, rec: rec, key: res.rt.SortKey(value, *q.order)})
		return true, err
	}
	if q.page.counting {
		q.page.total++
	}
	if q.page.shown(position{res.kind, rec.Row}) {
		return true, nil
	}
	return q.page.add(res, rec) || q.page.counting, nil
}

// findAll finds every resource of a type. That reads no more than the page shows, however far behind it is.
func (q *query) findAll(res *resource) (goOn bool, err error) {
	p := &q.page
	count, err := q.h.store.Count(q.c.r.Context(), q.c.scope, res.kind)
	if err != nil {
		return false, err
	}
	if p.counting {
		p.total += count
	}
	var after int64
	if p.after.kind == res.kind {
		after = p.after.row
	}
	switch {
	case p.limit == 0:
		return p.counting, nil
	case after == 0 && p.skip >= count:
		p.skip -= count
		return true, nil
	}
	skip, want := p.skip, p.limit-len(p.items)
	if p.byCursor {
		want++ // to know whether it goes on
	}
	p.skip = 0
	if want == 0 {
		return p.counting, nil
	}
	p.items = slices.Grow(p.items, min(want, max(0, count-skip)))
	err = q.h.store.Scan(q.c.r.Context(), q.c.scope, res.kind, after, skip, want, func(rec state.Record) bool { return p.add(res, rec) })
	return !p.more || p.counting, err
}

// lookUp finds the records that have a key. A key that nobody has is looked up once more in the form it may have had before it was
// mangled on the way.
func (q *query) lookUp(res *resource, key state.MatchKey) (goOn bool, err error) {
	for {
		found, err := q.h.store.Find(q.c.r.Context(), q.c.scope, res.kind, key)
		if err != nil {
			return false, err
		}
		for _, rec := range found {
			if goOn, err := q.hit(res, rec); err != nil || !goOn {
				return goOn, err
			}
		}
		text, mangled := unmangle(key.Text)
		if len(found) > 0 || !mangled || q.c.strict() {
			return true, nil
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

// scan looks at record after record, in batches between which nothing is held open. A page by index, or in an order, takes a look at all
// of them, of which there may not be too many; one by cursor goes as far as it may and leaves the rest to the next.
func (q *query) scan(res *resource, m *matcher) (goOn bool, err error) {
	if err := q.turn(); err != nil {
		return false, err
	}
	p, budget := &q.page, q.h.limits.Scan
	count, err := q.h.store.Count(q.c.r.Context(), q.c.scope, res.kind)
	if err != nil {
		return false, err
	}
	whole := !p.byCursor || q.order != nil || p.skip > 0
	if q.looked+count > budget {
		if whole {
			return false, errTooMany
		}
		p.counting, p.total = false, -1
	}
	var after int64
	if p.after.kind == res.kind && q.order == nil {
		after = p.after.row
	}
	batch := make([]state.Record, 0, min(scanBatch, count))
	for {
		batch = batch[:0]
		most := scanBatch
		if !whole {
			most = min(most, budget-q.looked)
		}
		if most <= 0 {
			p.more, p.end = true, position{res.kind, after}
			return false, nil
		}
		err := q.h.store.Scan(q.c.r.Context(), q.c.scope, res.kind, after, 0, most, func(rec state.Record) bool {
			batch = append(batch, rec)
			return true
		})
		if err != nil {
			return false, err
		}
		q.looked += len(batch)
		if goOn, err := m.test(batch); err != nil || !goOn || len(batch) < most {
			return goOn, err
		}
		after = batch[len(batch)-1].Row
	}
}

// turn waits until the source may look at record after record.
func (q *query) turn() error {
	if q.scanning {
		return nil
	}
	err := q.c.wait(q.c.lane.scans)
	q.scanning = err == nil
	return err
}
