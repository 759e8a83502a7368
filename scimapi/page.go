package scimapi

import (
	"net/http"
	"slices"
	"strconv"

	"rollcall/state"
	"rollcall/state/scim"
)

const listSchema = "urn:ietf:params:scim:api:messages:2.0:ListResponse"

// item is a match of a query.
type item struct {
	res *resource
	rec state.Record
	key scim.SortKey // where an order is asked for
}

func (i *item) position() position { return position{i.res.kind, i.rec.Row} }

// page is the part of the matches that is asked for, by index (RFC 7644 §3.4.2.4) or by cursor (RFC 9865).
type page struct {
	limit    int
	skip     int      // matches to leave out first
	after    position // as well as all up to here
	counting bool     // total is still being counted
	total    int      // -1: not known
	items    []item
	more     bool     // there are others behind
	end      position // how far the page came

	byCursor bool
	start    int    // startIndex
	cursor   cursor // that led here
}

// newPage reads from the parameters which page is meant.
func (c *call) newPage(asked *params, types []*resource) (page, error) {
	l := &c.h.limits
	limit := asked.count
	if limit < 0 {
		limit = l.Page
	}
	if !asked.byCursor {
		start := max(1, asked.start)
		return page{limit: min(limit, l.MaxPage), skip: start - 1, start: start, counting: true}, nil
	}
	if limit > l.MaxPage {
		return page{}, scim.BadRequest(typeInvalidCount, "count must be between 0 and %d (maxPageSize)", l.MaxPage)
	}
	p := page{limit: limit, counting: true, byCursor: true}
	p.cursor = cursor{query: asked.fingerprint(types)}
	if asked.cursor != "" {
		var err error
		if p.cursor, err = c.readCursor(asked, types); err != nil {
			return page{}, err
		}
		p.limit, p.after, p.total, p.counting = p.cursor.count, p.cursor.after, p.cursor.total, false
		if p.cursor.back {
			p.skip = p.cursor.index
		}
	}
	p.end = p.after
	return p, nil
}

// shown tells whether a match is on an earlier page.
func (p *page) shown(at position) bool { return !p.after.before(at) }

// add takes in a match and tells whether the page wants more.
func (p *page) add(res *resource, rec state.Record) bool {
	switch {
	case p.skip > 0:
		p.skip--
	case len(p.items) < p.limit:
		p.items = append(p.items, item{res: res, rec: rec})
		p.end = position{res.kind, rec.Row}
	default:
		p.more = true
		return false
	}
	return true
}

// records are those on the page.
func (p *page) records(yield func(*state.Record) bool) {
	for i := range p.items {
		if !yield(&p.items[i].rec) {
			return
		}
	}
}

// cut makes the page of all matches, once they are in order. A page goes on behind the match that the one before ended with, wherever
// that is now; where it is gone, at the index.
func (p *page) cut(all []item) {
	start := p.skip
	if p.after != (position{}) {
		start = p.cursor.index
		if i := slices.IndexFunc(all, func(i item) bool { return i.position() == p.after }); i >= 0 {
			start = i + 1
		}
	}
	start = min(start, len(all))
	end := start + min(p.limit, len(all)-start)
	p.items, p.more, p.total = all[start:end], end < len(all), len(all)
	if len(p.items) > 0 {
		p.end = p.items[len(p.items)-1].position()
	}
}

// inOrder sorts matches by their keys, those that have none last (RFC 7644 §3.4.2.3), all others as they were created; descending, the
// other way round.
func inOrder(all []item, descending bool) {
	slices.SortStableFunc(all, func(a, b item) int {
		if descending {
			return b.key.Compare(a.key)
		}
		return a.key.Compare(b.key)
	})
}

// answerList answers with a ListResponse. itemsPerPage is what really is on the page (Okta's review rejects anything else) and so
// comes last.
func (c *call) answerList(p *page, v view) error {
	if v.related(c.types.users) {
		if err := c.gatherGroups(p.records); err != nil {
			return err
		}
	}
	c.answerListHead(p.total, p.start)
	for i := range p.items {
		if i > 0 {
			c.out = append(c.out, ',')
		}
		if err := c.appendRecord(p.items[i].res, &p.items[i].rec, v); err != nil {
			return err
		}
		if err := c.spill(); err != nil {
			return err
		}
	}
	c.appendListTail(len(p.items))
	if p.byCursor && p.limit > 0 {
		c.appendCursors(p)
	}
	c.out = append(c.out, '}')
	return nil
}

// answerListHead starts a ListResponse. A total below 0 is not known; a start of 0 is none, as pages by cursor have no index.
func (c *call) answerListHead(total, start int) {
	c.answer(http.StatusOK)
	c.out = append(c.out, `{"schemas":["`+listSchema+`"]`...)
	if total >= 0 {
		c.out = append(c.out, `,"totalResults":`...)
		c.out = strconv.AppendInt(c.out, int64(total), 10)
	}
	if start > 0 {
		c.out = append(c.out, `,"startIndex":`...)
		c.out = strconv.AppendInt(c.out, int64(start), 10)
	}
	c.out = append(c.out, `,"Resources":[`...)
}

func (c *call) appendListTail(items int) {
	c.out = append(c.out, `],"itemsPerPage":`...)
	c.out = strconv.AppendInt(c.out, int64(items), 10)
}

// appendCursors tells how to go on and, where the matches have been counted, back.
func (c *call) appendCursors(p *page) {
	link := p.cursor
	link.count, link.total, link.made = p.limit, p.total, c.start
	if p.more {
		next := link
		next.after, next.index, next.back = p.end, p.cursor.index+len(p.items), false
		c.out = append(c.out, `,"nextCursor":"`+next.text(c.key.Hash)+`"`...)
	}
	if p.cursor.index > 0 && p.total >= 0 {
		previous := link
		previous.after, previous.index, previous.back = position{}, max(0, p.cursor.index-p.limit), true
		c.out = append(c.out, `,"previousCursor":"`+previous.text(c.key.Hash)+`"`...)
	}
}
