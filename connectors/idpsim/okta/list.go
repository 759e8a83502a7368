package okta

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"sync"
	"time"

	"rollcall/connectors/idpsim"
	"rollcall/connectors/idpsim/internal/wire"
)

// collection is something that is shown page by page. Its rows have keys in ascending order, which are stable while the population
// changes: a page token is the key of the last row shown.
type collection struct {
	next   func(after uint64) (key uint64, ok bool) // the first row whose key is greater; keys start at 1
	append func(dst []byte, key uint64) []byte      // one row
}

// paging is the part of a query that all lists have.
type paging struct {
	limit  int
	after  uint64
	values url.Values
}

// parsePaging reads limit and after, and refuses parameters that are not among the known. After false the answer has been given.
func (c *call) parsePaging(standard, most int, known ...string) (p paging, ok bool) {
	p = paging{limit: standard, values: c.r.URL.Query()}
	for name := range p.values {
		value := p.values.Get(name)
		wrong := ""
		switch {
		case name == "limit":
			var err error
			if p.limit, err = strconv.Atoi(value); err != nil || p.limit < 1 || p.limit > most {
				wrong = fmt.Sprintf("limit is not in the range 1 to %d", most)
			}
		case name == "after":
			if p.after, ok = wire.ParseToken(value); !ok {
				wrong = "after is not a cursor"
			}
		case !slices.Contains(known, name):
			wrong = name + " is not supported here"
		}
		if wrong != "" {
			fail(c.w, http.StatusBadRequest, "E0000001", "Api validation failed: "+wrong)
			return p, false
		}
	}
	return p, true
}

var buffers = sync.Pool{New: func() any { return new([]byte) }}

// page answers with one page of what of returns.
func (c *call) page(p paging, of func(*idpsim.View) collection) {
	buffer := buffers.Get().(*[]byte)
	defer buffers.Put(buffer)
	var next uint64
	var more bool
	c.read(func(v *idpsim.View) { *buffer, next, more = c.appendPage((*buffer)[:0], p, of(v)) })
	here := wire.Base(c.r) + c.r.URL.Path
	link := func(rel string) {
		query := ""
		if len(p.values) > 0 {
			query = "?" + p.values.Encode()
		}
		c.w.Header().Add("Link", "<"+here+query+`>; rel="`+rel+`"`)
	}
	link("self")
	if more {
		p.values.Set("after", wire.Token(next))
		p.values.Set("limit", strconv.Itoa(p.limit))
		link("next")
	}
	write(c.w, http.StatusOK, *buffer)
}

// appendPage renders one page; what is wrong with it, if a fault hits it, is decided here.
func (c *call) appendPage(dst []byte, p paging, of collection) (body []byte, next uint64, more bool) {
	rows, next, more := wire.Keys(of.next, p.after, p.limit)
	switch struck := func(name string) bool { return idpsim.Struck(c.r, name) }; {
	case struck(idpsim.Empty):
		rows, more = nil, false
	case struck(idpsim.LostPage):
		rows, next, more = wire.Keys(of.next, next, p.limit)
	case struck(idpsim.LostLink):
		more = false
	case struck(idpsim.Endless):
		next, more = p.after, true
	case struck(idpsim.Duplicates):
		rows = append(rows, rows...)
	case struck(idpsim.MissingRows):
		rows = every2nd(rows)
	}
	dst = append(dst, '[')
	for i, key := range rows {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = of.append(dst, key)
	}
	return append(dst, ']'), next, more
}

// every2nd leaves out every second row, and the only one.
func every2nd[T any](rows []T) (rest []T) {
	for i := 1; i < len(rows); i += 2 {
		rest = append(rest, rows[i])
	}
	return rest
}

// parseTime reads a time of a query; none is the beginning of time.
func parseTime(text string) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	return time.Parse(time.RFC3339, text)
}
