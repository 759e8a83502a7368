package okta

import (
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Families are the groups of endpoints that each have an allowance of their own, as Options.Limits names them. Okta's documentation has
// more of them and other numbers for every plan; these are the ones that the API here can run into.
func Families() []string {
	return []string{"/api/v1/apps", "/api/v1/apps/{id}", "/api/v1/groups", "/api/v1/groups/{id}", "/api/v1/users", "/api/v1/users/{id}", "/api/v1/logs", "/api/v1", TokenPath}
}

// familyOf names the allowance that a request is taken from.
func familyOf(path string) string {
	at := strings.Split(strings.Trim(strings.TrimPrefix(path, "/api/v1"), "/"), "/")
	switch {
	case path == TokenPath:
		return TokenPath
	case at[0] == "logs":
		return "/api/v1/logs"
	case at[0] == "apps" && len(at) == 2:
		return "/api/v1/apps/{id}"
	case at[0] == "apps":
		return "/api/v1/apps"
	case at[0] == "users" && len(at) == 1:
		return "/api/v1/users"
	case at[0] == "users":
		return "/api/v1/users/{id}"
	case at[0] == "groups" && len(at) == 1:
		return "/api/v1/groups"
	case at[0] == "groups":
		return "/api/v1/groups/{id}"
	}
	return "/api/v1"
}

// noLimit is what the headers show where there is none.
const noLimit = 10_000

// bucket is one allowance in its minute, which begins with its first request and not with the clock's.
type bucket struct {
	began time.Time
	used  int
}

// meter counts requests. It is safe for concurrent use.
type meter struct {
	limit       int            // requests a minute of each family; 0 is no limit
	limits      map[string]int // of a family, in the place of limit
	concurrency int            // requests at the same time; 0 is no limit

	mu      sync.Mutex
	buckets map[string]bucket
	running int
}

// enter takes a request from what is allowed, shows in the headers what is left, and says whether there was any. leave must be called
// once the request is over, either way.
func (m *meter) enter(w http.ResponseWriter, path string, now time.Time) (ok bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.running++
	if m.concurrency > 0 && m.running > m.concurrency {
		rateHeaders(w, 0, 0, now.Add(time.Minute)) // a guess: nobody knows when others are done
		return false
	}
	family := familyOf(path)
	b := m.buckets[family]
	if now.Sub(b.began) >= time.Minute {
		b = bucket{began: now}
	}
	limit, own := m.limits[family]
	if !own {
		limit = m.limit
	}
	b.used++
	left := limit - b.used
	if limit == 0 {
		limit, left = noLimit, noLimit-min(b.used, noLimit/2)
	}
	m.buckets[family] = b
	rateHeaders(w, limit, max(left, 0), b.began.Add(time.Minute))
	return left >= 0
}

func (m *meter) leave() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.running--
}

// rateHeaders shows the state of the rate limit; the reset is told in seconds since 1970.
func rateHeaders(w http.ResponseWriter, limit, remaining int, reset time.Time) {
	w.Header().Set("X-Rate-Limit-Limit", strconv.Itoa(limit))
	w.Header().Set("X-Rate-Limit-Remaining", strconv.Itoa(remaining))
	w.Header().Set("X-Rate-Limit-Reset", strconv.FormatInt(reset.Unix()+1, 10))
}
