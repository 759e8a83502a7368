package scimapi

import (
	"fmt"
	"net/http"
	"time"

	"rollcall/state/scim"
)

// Limits bound what one request may cost, and one source. They are far above what the vendors send.
type Limits struct {
	Body       int64       // bytes of a request; a group of 100,000 members fits into the default
	JSON       scim.Limits // of a body
	Filter     scim.Limits // of a filter
	Operations int         // of a PATCH
	Bulk       int         // operations of a bulk request
	Members    int         // that one request may name
	Page       int         // resources of a list when the client names no count
	MaxPage    int         // and at most
	Scan       int         // records, or members of groups, that a filter without an index or an order may look at

	CursorLife time.Duration // how long a cursor is good for
	Together   int           // requests of one source that are carried out at the same time; others wait
	Scans      int           // of these, those that look at record after record
	Wait       time.Duration // how long a request waits for its turn before it is told to come back
}

// DefaultLimits are used where a field is zero.
var DefaultLimits = Limits{
	Body:       16 << 20,
	JSON:       scim.DefaultLimits,
	Filter:     scim.Limits{Depth: 16, Nodes: 100},
	Operations: 5_000,
	Bulk:       1_000,
	Members:    150_000,
	Page:       100,
	MaxPage:    1_000,
	Scan:       20_000,
	CursorLife: time.Hour,
	Together:   64,
	Scans:      2,
	Wait:       10 * time.Second,
}

func (l Limits) withDefaults() Limits {
	d := DefaultLimits
	set(&d.Body, l.Body)
	set(&d.JSON, l.JSON)
	set(&d.Filter, l.Filter)
	set(&d.Operations, l.Operations)
	set(&d.Bulk, l.Bulk)
	set(&d.Members, l.Members)
	set(&d.Page, l.Page)
	set(&d.MaxPage, l.MaxPage)
	set(&d.Scan, l.Scan)
	set(&d.CursorLife, l.CursorLife)
	set(&d.Together, l.Together)
	set(&d.Scans, l.Scans)
	set(&d.Wait, l.Wait)
	return d
}

func set[T comparable](to *T, from T) {
	var zero T
	if from != zero {
		*to = from
	}
}

// tooLarge names the limit that a request is beyond (RFC 7644 §3.7.4).
func tooLarge(format string, args ...any) error {
	return &scim.Error{Status: http.StatusRequestEntityTooLarge, Detail: fmt.Sprintf(format, args...)}
}

func (l *Limits) checkMembers(n int) error {
	if n > l.Members {
		return tooLarge("the request names %d members; the limit is %d, send them in several requests", n, l.Members)
	}
	return nil
}
