package scimapi

import (
	"math"
	"strconv"
	"sync"
	"time"

	"golang.org/x/time/rate"

	"rollcall/state/scim"
)

// Limits bound what one request may cost. They are far above what the vendors send.
type Limits struct {
	Body       int64       // bytes; a group of 100,000 members fits into the default
	JSON       scim.Limits // of a body
	Filter     scim.Limits // of a filter
	Operations int         // of a PATCH
	Page       int         // resources of a list when the client names no count
	MaxPage    int         // and at most
	Scan       int         // records, or members of groups, that a filter without an index may look at
}

// DefaultLimits are used where a field is zero.
var DefaultLimits = Limits{
	Body:       16 << 20,
	JSON:       scim.DefaultLimits,
	Filter:     scim.Limits{Depth: 16, Nodes: 100},
	Operations: 5_000,
	Page:       100,
	MaxPage:    1_000,
	Scan:       20_000,
}

func (l Limits) withDefaults() Limits {
	d := DefaultLimits
	set(&d.Body, l.Body)
	set(&d.JSON, l.JSON)
	set(&d.Filter, l.Filter)
	set(&d.Operations, l.Operations)
	set(&d.Page, l.Page)
	set(&d.MaxPage, l.MaxPage)
	set(&d.Scan, l.Scan)
	return d
}

func set[T comparable](to *T, from T) {
	var zero T
	if from != zero {
		*to = from
	}
}

// throttle keeps one token bucket per source, so that no source can starve another.
type throttle struct {
	buckets sync.Map // source name → *rate.Limiter
}

// wait returns how long a source has to wait before its next request; 0 lets this one in. A rate that changed with the configuration
// takes effect at once.
func (t *throttle) wait(source string, perSecond float64, now time.Time) time.Duration {
	if perSecond <= 0 {
		return 0
	}
	limit, burst := rate.Limit(perSecond), int(math.Ceil(2*perSecond))
	found, ok := t.buckets.Load(source)
	if !ok {
		found, _ = t.buckets.LoadOrStore(source, rate.NewLimiter(limit, burst))
	}
	bucket := found.(*rate.Limiter)
	if bucket.Limit() != limit {
		bucket.SetLimitAt(now, limit)
		bucket.SetBurstAt(now, burst)
	}
	turn := bucket.ReserveN(now, 1)
	delay := turn.DelayFrom(now)
	if delay > 0 {
		turn.CancelAt(now)
	}
	return delay
}

// wholeSeconds is a Retry-After: an integer, because Okta waits five minutes for anything else, and at least 1.
func wholeSeconds(d time.Duration) string {
	return strconv.Itoa(max(1, int(math.Ceil(d.Seconds()))))
}
