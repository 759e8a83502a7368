package graph

import (
	"math"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"rollcall/connectors/idpsim"
)

// bucket is the quota of resource units: it holds a tenth of it for each second of the window, and fills up evenly. Requests that are
// refused count too, as the vendor says.
type bucket struct {
	mu    sync.Mutex
	now   func() time.Time
	quota float64 // per window; 0 is none
	used  float64
	at    time.Time
}

// window is what a quota is for.
const window = 10 * time.Second

// How far a caller may go: to low with the lowest priority, which is shed first; and no further than worst into debt.
const (
	lowShare   = 0.8
	worstShare = 1.8
)

// spend takes units out and says how much of the quota is used by then and, if it was too much, after how long the same request will
// be let through.
func (b *bucket) spend(units int, low bool) (used float64, wait time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.quota == 0 {
		return 0, 0
	}
	now := b.now()
	rate := b.quota / window.Seconds()
	b.used = max(b.used-now.Sub(b.at).Seconds()*rate, 0)
	b.at = now
	b.used = min(b.used+float64(units), b.quota*worstShare)
	limit := b.quota
	if low {
		limit *= lowShare
	}
	if b.used > limit {
		wait = time.Duration((b.used - limit + float64(units)) / rate * float64(time.Second))
		wait = max(wait, time.Second)
	}
	return b.used / b.quota, wait
}

// resourceUnits is what a request costs: by its path, less with a selection or a small page, more with an expansion, one at least.
func resourceUnits(r *http.Request, at []string) int {
	units := 1
	switch first := at[0]; {
	case first == "$batch":
		return 0 // each of its requests pays for itself
	case first == "users" && len(at) == 1, first == "servicePrincipals" && len(at) == 1:
		units = 2
	case first == "groups" && len(at) > 2 && at[2] == "transitiveMembers":
		units = 5
	case first == "groups" && len(at) > 2 && at[2] == "members", first == "directoryObjects":
		units = 3
	}
	query := r.URL.Query()
	if query.Has("$select") {
		units--
	}
	if query.Has("$expand") {
		units++
	}
	if top, err := strconv.Atoi(query.Get("$top")); err == nil && top < 20 {
		units--
	}
	return max(units, 1)
}

// admit charges a request, and answers when the quota does not allow it.
func (c *call) admit(at []string) bool {
	units := resourceUnits(c.r, at)
	low := strings.EqualFold(c.r.Header.Get("x-ms-throttle-priority"), "low")
	used, wait := c.api.bucket.spend(units, low)
	c.w.Header().Set("x-ms-resource-unit", strconv.Itoa(units))
	if used >= lowShare {
		c.w.Header().Set("x-ms-throttle-limit-percentage", strconv.FormatFloat(math.Round(used*100)/100, 'f', -1, 64))
	}
	if wait == 0 || units == 0 {
		return true
	}
	scope := "Tenant_Application/ReadWrite/"
	c.read(func(v *idpsim.View) {
		scope += string(idpsim.AppendGUID(nil, v.AppID())) + "/" + string(idpsim.AppendGUID(nil, v.TenantID()))
	})
	c.w.Header().Set("x-ms-throttle-scope", scope)
	tooMany(c.w, wholeSeconds(wait))
	return false
}

// tooMany refuses for now; after is when to come back, as Retry-After says it.
func tooMany(w http.ResponseWriter, after string) {
	w.Header().Set("Retry-After", after)
	w.Header().Set("x-ms-throttle-information", "ResourceUnitLimitExceeded")
	fail(w, http.StatusTooManyRequests, "TooManyRequests", "Too many requests.")
}
