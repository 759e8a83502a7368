package okta

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"sort"
	"strconv"
	"time"

	"rollcall/connectors/idpsim"
	"rollcall/connectors/idpsim/internal/wire"
)

// The System Log. A request without an upper bound polls: events in the order in which they were written down, and always a next link.
// One with an upper bound, or backwards, is bounded: events in the order in which they happened, and an end. What is written down late
// has happened before what was written down in the meantime: polling shows it, a bounded request that was made before never will.

const (
	remembered = 90 * 24 * time.Hour // how long events are kept
	lookBack   = 7 * 24 * time.Hour  // how far a request without a lower bound reaches
)

// logQuery is a request for events.
type logQuery struct {
	values       url.Values
	since, until time.Time
	after        uint64 // polling: events seen so far; bounded: number of the last one shown, plus 1
	following    bool   // after was given
	polling      bool
	descending   bool
	limit        int
	filter       *filter
}

// logDialect is the filter language of the System Log: every operator, on any property of an event but when it was published.
var logDialect = dialect{
	operators: func(path string) []string {
		if !slices.Contains(logProperties, path) {
			return nil
		}
		return []string{"eq", "ne", "sw", "ew", "co", "gt", "ge", "lt", "le", "pr"}
	},
	joins: []string{"and", "or", "not"},
}

var logProperties = []string{
	"eventType", "displayMessage", "severity", "outcome.result", "actor.id", "actor.type", "actor.alternateId", "uuid",
	"target.id", "target.type", "target.alternateId", "target.displayName",
}

func (c *call) parseLogQuery() (q logQuery, wrong string) {
	q = logQuery{values: c.r.URL.Query(), limit: 100}
	has := func(name string) bool { return q.values.Has(name) }
	now := c.api.population.Now()
	q.until, q.since = now, now.Add(-lookBack)
	for name := range q.values {
		value := q.values.Get(name)
		var err error
		switch name {
		case "since":
			q.since, err = time.Parse(time.RFC3339, value)
		case "until":
			q.until, err = time.Parse(time.RFC3339, value)
		case "limit":
			q.limit, err = strconv.Atoi(value)
			if err == nil && (q.limit < 0 || q.limit > 1000) {
				err = fmt.Errorf("%d is not in the range 0 to 1000", q.limit)
			}
		case "after":
			if q.after, q.following = wire.ParseToken(value); !q.following || idpsim.Struck(c.r, idpsim.ExpiredDelta) {
				err = fmt.Errorf("the cursor is not valid")
			}
		case "sortOrder":
			if q.descending = value == "DESCENDING"; value != "ASCENDING" && !q.descending {
				err = fmt.Errorf("%q is not ASCENDING or DESCENDING", value)
			}
		case "filter":
			q.filter, err = parseFilter(value, logDialect)
		default:
			err = fmt.Errorf("is not supported here")
		}
		if err != nil {
			return q, name + ": " + err.Error()
		}
	}
	switch {
	case has("since") && has("after"):
		return q, "since and after exclude each other"
	case has("until") && !has("since") && !has("after"):
		q.since = q.until.Add(-lookBack)
	}
	if oldest := now.Add(-remembered); q.since.Before(oldest) || q.following {
		q.since = oldest
	}
	q.polling = !has("until") && !q.descending
	return q, ""
}

func (c *call) logs() {
	q, wrong := c.parseLogQuery()
	if wrong != "" {
		fail(c.w, http.StatusBadRequest, "E0000001", "Api validation failed: "+wrong)
		return
	}
	var body []byte
	var next uint64
	var more bool
	c.read(func(v *idpsim.View) {
		var rows []int
		if q.polling {
			rows, next = q.poll(v)
			more = true
		} else {
			rows, next, more = q.bounded(v)
		}
		rows, next, more = c.spoilLog(q, v, rows, next, more)
		body = c.appendEvents(v, rows)
	})
	here := wire.Base(c.r) + c.r.URL.Path
	c.w.Header().Add("Link", "<"+here+"?"+q.values.Encode()+`>; rel="self"`)
	if more {
		q.values.Del("since")
		q.values.Set("after", wire.Token(next))
		c.w.Header().Add("Link", "<"+here+"?"+q.values.Encode()+`>; rel="next"`)
	}
	write(c.w, http.StatusOK, body)
}

// spoilLog decides what is wrong with a page of events, if a fault hits it.
func (c *call) spoilLog(q logQuery, v *idpsim.View, rows []int, next uint64, more bool) ([]int, uint64, bool) {
	switch struck := func(name string) bool { return idpsim.Struck(c.r, name) }; {
	case struck(idpsim.Empty):
		return nil, next, more
	case struck(idpsim.LostPage) && q.polling:
		q.after, q.following = next, true
		rows, next = q.poll(v)
	case struck(idpsim.LostLink):
		more = false
	case struck(idpsim.Endless):
		next = q.after
	case struck(idpsim.Duplicates):
		rows = append(rows, rows...)
	case struck(idpsim.MissingRows):
		rows = every2nd(rows)
	}
	return rows, next, more
}

// published is when an event happened: some time before it was written down.
func published(v *idpsim.View, n int) time.Time {
	return v.Events()[n].At.Add(-time.Duration(n*7%5) * 300 * time.Millisecond)
}

// poll returns a page of events in the order of writing, and how far it has read.
func (q *logQuery) poll(v *idpsim.View) (rows []int, next uint64) {
	events := v.Events()
	at := sort.Search(len(events), func(n int) bool { return !events[n].At.Before(q.since) })
	if q.following {
		at = max(at, int(min(q.after, uint64(len(events)))))
	}
	for ; at < len(events) && len(rows) < q.limit; at++ {
		if q.passes(v, at) {
			rows = append(rows, at)
		}
	}
	return rows, uint64(at)
}

// bounded returns a page of events in the order of happening.
func (q *logQuery) bounded(v *idpsim.View) (rows []int, next uint64, more bool) {
	var all []int
	for n := range v.Events() {
		if when := published(v, n); !when.Before(q.since) && when.Before(q.until) && q.passes(v, n) {
			all = append(all, n)
		}
	}
	slices.SortStableFunc(all, func(a, b int) int { return published(v, a).Compare(published(v, b)) })
	if q.descending {
		slices.Reverse(all)
	}
	if q.following {
		at := slices.Index(all, int(q.after)-1)
		if at < 0 { // the last one shown is not kept any more
			at = len(all) - 1
		}
		all = all[at+1:]
	}
	rows = all[:min(q.limit, len(all))]
	if len(rows) > 0 {
		next = uint64(rows[len(rows)-1]) + 1
	}
	return rows, next, len(rows) > 0 && len(rows) < len(all)
}

func (q *logQuery) passes(v *idpsim.View, n int) bool {
	return q.filter == nil || q.filter.match(logDialect, func(path string) []string { return logValues(v, n, path) })
}
