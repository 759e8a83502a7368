package graph

import (
	"sync"

	"rollcall/connectors/idpsim"
	"rollcall/connectors/idpsim/internal/wire"
)

// collection is something that is shown page by page. Its rows have keys in ascending order, which are stable while the population
// changes: a page token is the key of the last row shown.
type collection struct {
	context string                                   // what follows $metadata# in @odata.context
	next    func(after uint64) (key uint64, ok bool) // the first row whose key is greater; keys start at 1
	append  func(dst []byte, key uint64) []byte      // one row
}

var buffers = sync.Pool{New: func() any { return new([]byte) }}

// page answers with one page of what of returns.
func (c *call) page(q *query, of func(*idpsim.View) collection) {
	buffer := buffers.Get().(*[]byte)
	defer buffers.Put(buffer)
	c.read(func(v *idpsim.View) { *buffer = c.appendPage((*buffer)[:0], q, of(v)) })
	write(c.w, 200, *buffer)
}

// appendPage renders one page; what is wrong with it, if a fault hits it, is decided here.
func (c *call) appendPage(dst []byte, q *query, of collection) []byte {
	rows, after, more := wire.Keys(of.next, q.after, q.top)
	token := after
	switch struck := func(name string) bool { return idpsim.Struck(c.r, name) }; {
	case struck(idpsim.Empty):
		rows, more = nil, false
	case struck(idpsim.LostPage):
		rows, token, more = wire.Keys(of.next, after, q.top)
	case struck(idpsim.LostLink):
		more = false
	case struck(idpsim.Hollow):
		token, more = q.after, len(rows) > 0
		rows = nil
	case struck(idpsim.MissingRows):
		rows = everySecond(rows)
	case struck(idpsim.Endless):
		token, more = q.after, true
	case struck(idpsim.Duplicates):
		rows = append(rows, rows...)
	}
	base := wire.Base(c.r)
	dst = append(dst, `{"@odata.context":`...)
	dst = wire.AppendString(dst, base+"/v1.0/$metadata#"+of.context)
	if q.count && c.advanced() {
		dst = append(dst, `,"@odata.count":`...)
		dst = appendInt(dst, c.counted(of))
	}
	if more {
		dst = append(dst, `,"@odata.nextLink":`...)
		dst = wire.AppendString(dst, base+c.r.URL.Path+"?"+q.with("$skiptoken", wire.Token(token)))
	}
	dst = append(dst, `,"value":[`...)
	for i, key := range rows {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = of.append(dst, key)
	}
	return append(dst, `]}`...)
}

// everySecond leaves out every second row.
func everySecond[T any](rows []T) (kept []T) {
	for i := 0; i < len(rows); i += 2 {
		kept = append(kept, rows[i])
	}
	return kept
}

// counted is how many rows the caller is told that there are.
func (c *call) counted(of collection) int {
	n := of.count()
	if idpsim.Struck(c.r, idpsim.WrongCount) {
		n /= 2
	}
	return n
}

func (of collection) count() (n int) {
	for key, ok := of.next(0); ok; key, ok = of.next(key) {
		n++
	}
	return n
}

// with returns the query again, with one option changed.
func (q *query) with(name, value string) string {
	q.values.Set(name, value)
	return q.values.Encode()
}
