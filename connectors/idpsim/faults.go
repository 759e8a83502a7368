package idpsim

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"rollcall/connectors/idpsim/internal/wire"
)

// The faults by name. The first group is between server and caller; the second is what a vendor answers, in its own words; the third
// is wrong with what is in a list, which only the vendor's side can do.
const (
	Cut       = "cut"        // the connection ends without an answer; net/http repeats a GET by itself if the connection had been used before
	CutBody   = "cut-body"   // the connection ends in the middle of the answer
	Truncated = "truncated"  // a whole answer with half the JSON
	Blank     = "blank"      // 200 and nothing in it
	HTML502   = "html-502"   // a gateway's page instead of an answer
	SlowDrip  = "slow-drip"  // the answer in sixteen pieces, over Wait
	ClockSkew = "clock-skew" // the Date header is off by Wait

	Throttle     = "throttle"      // too many requests, and when to come back: after Wait, whole seconds
	ThrottleBare = "throttle-bare" // too many requests, and not a word more
	Unavailable  = "unavailable"   // 503
	ServerError  = "server-error"  // 500
	Unauthorised = "unauthorised"  // the token is refused
	Forbidden    = "forbidden"     // the permission is missing

	Empty        = "empty"         // a good answer with nothing in the list
	LostPage     = "lost-page"     // the rows of one page are left out; the next link leads on
	LostLink     = "lost-link"     // the next link is left out
	Endless      = "endless"       // the next link leads to the same page
	Nulls        = "nulls"         // every property but the id is null
	Duplicates   = "duplicates"    // each row twice
	ExpiredDelta = "expired-delta" // the token of a delta query is not known any more
	Ghosts       = "ghosts"        // people in the recycle bin still stand in the list of assignments (Entra)
	Stale        = "stale"         // answered by a replica that has heard nothing since the step "remember"
)

var transportFaults = []string{Cut, CutBody, Truncated, Blank, HTML502, SlowDrip, ClockSkew}

var vendorFaults = []string{Throttle, ThrottleBare, Unavailable, ServerError, Unauthorised, Forbidden}

var contentFaults = []string{Empty, LostPage, LostLink, Endless, Nulls, Duplicates, ExpiredDelta, Ghosts, Stale}

// FaultNames lists all faults.
func FaultNames() []string { return slices.Concat(transportFaults, vendorFaults, contentFaults) }

// Where says which requests a fault hits. The zero Where hits every one.
type Where struct {
	Path  string        `json:"path,omitempty"`  // must occur in the request's method, path and query, as in "GET /v1.0/users?$top=5"
	After int           `json:"after,omitempty"` // so many matching requests are spared first
	Times int           `json:"times,omitempty"` // then so many are hit; 0 is all
	Wait  time.Duration `json:"-"`               // see the faults; "wait" in JSON, as in "1.5s"
}

// whereJSON is Where with the wait as text.
type whereJSON struct {
	*plainWhere
	Wait string `json:"wait,omitempty"`
}

type plainWhere Where

// MarshalJSON shows the wait as text.
func (w Where) MarshalJSON() ([]byte, error) {
	shown := whereJSON{plainWhere: (*plainWhere)(&w)}
	if w.Wait > 0 {
		shown.Wait = w.Wait.String()
	}
	return json.Marshal(shown)
}

// UnmarshalJSON is strict about keys.
func (w *Where) UnmarshalJSON(b []byte) error {
	shown := whereJSON{plainWhere: (*plainWhere)(w)}
	d := json.NewDecoder(bytes.NewReader(b))
	d.DisallowUnknownFields()
	if err := d.Decode(&shown); err != nil {
		return err
	}
	if shown.Wait == "" {
		return nil
	}
	wait, err := time.ParseDuration(shown.Wait)
	w.Wait = wait
	return err
}

// Faults is what goes wrong, at which requests. One Faults may serve several handlers. It is safe for concurrent use; a nil *Faults
// lets everything go well.
type Faults struct {
	mu  sync.Mutex
	set map[string]*fault
}

type fault struct {
	where Where
	seen  int
	hits  int
}

// Set starts a fault, in the place of the one with the same name, and its counts anew.
func (f *Faults) Set(name string, where Where) error {
	if !slices.Contains(FaultNames(), name) {
		return fmt.Errorf("there is no fault %q; faults are %s", name, strings.Join(FaultNames(), ", "))
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.set == nil {
		f.set = map[string]*fault{}
	}
	f.set[name] = &fault{where: where}
	return nil
}

// Clear ends a fault, or all of them without a name.
func (f *Faults) Clear(names ...string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(names) == 0 {
		f.set = nil
	}
	for _, name := range names {
		delete(f.set, name)
	}
}

// Hits counts the requests that a fault has hit since it was set.
func (f *Faults) Hits(name string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	if one := f.set[name]; one != nil {
		return one.hits
	}
	return 0
}

// MarshalJSON shows what is set and how often it hit.
func (f *Faults) MarshalJSON() ([]byte, error) {
	type shown struct {
		Where Where `json:"where"`
		Hits  int   `json:"hits"`
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	all := make(map[string]shown, len(f.set))
	for name, one := range f.set {
		all[name] = shown{one.where, one.hits}
	}
	return json.Marshal(all)
}

// hit is what goes wrong with one request.
type hit map[string]Where

func (f *Faults) strike(r *http.Request) hit {
	if f == nil {
		return nil
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if len(f.set) == 0 {
		return nil
	}
	line := r.Method + " " + r.URL.Path
	if query, err := url.QueryUnescape(r.URL.RawQuery); err == nil && query != "" {
		line += "?" + query
	}
	var struck hit
	for name, one := range f.set {
		if !strings.Contains(line, one.where.Path) {
			continue
		}
		one.seen++
		if one.seen <= one.where.After || one.where.Times > 0 && one.hits >= one.where.Times {
			continue
		}
		one.hits++
		if struck == nil {
			struck = hit{}
		}
		struck[name] = one.where
	}
	return struck
}

type hitKey struct{}

// Struck says whether a fault hits the request: for handlers, about the faults that are in the contents of a list.
func Struck(r *http.Request, name string) bool {
	struck, _ := r.Context().Value(hitKey{}).(hit)
	_, ok := struck[name]
	return ok
}

// Vendor answers with one of the vendor's own failures: Throttle (wait is how long), ThrottleBare, Unavailable, ServerError,
// Unauthorised or Forbidden.
type Vendor func(w http.ResponseWriter, r *http.Request, name string, wait time.Duration)

// Handler puts the faults in front of next. Each request is judged once; which faults hit it is told to next by Struck.
func (f *Faults) Handler(vendor Vendor, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		struck := f.strike(r)
		if struck == nil {
			next.ServeHTTP(w, r)
			return
		}
		if where, ok := struck[ClockSkew]; ok {
			w.Header().Set("Date", time.Now().Add(where.Wait).UTC().Format(http.TimeFormat))
		}
		for _, name := range vendorFaults {
			if where, ok := struck[name]; ok {
				vendor(w, r, name, where.Wait)
				return
			}
		}
		struck.deliver(w, r, next)
	})
}

// deliver lets next answer and spoils the answer on its way.
func (h hit) deliver(w http.ResponseWriter, r *http.Request, next http.Handler) {
	if _, ok := h[Cut]; ok {
		panic(http.ErrAbortHandler)
	}
	if _, ok := h[HTML502]; ok {
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(http.StatusBadGateway)
		_, _ = w.Write([]byte("<html><head><title>502 Bad Gateway</title></head><body><center><h1>502 Bad Gateway</h1></center></body></html>\n"))
		return
	}
	answer := wire.Record(next, r.WithContext(context.WithValue(r.Context(), hitKey{}, h)))
	answer.CopyHeader(w)
	body := answer.Body.Bytes()
	switch {
	case h.has(Blank):
		w.Header().Del("Content-Type")
		w.WriteHeader(http.StatusOK)
	case h.has(Truncated):
		w.WriteHeader(answer.Status)
		_, _ = w.Write(body[:len(body)/2])
	case h.has(CutBody):
		w.Header().Set("Content-Length", fmt.Sprint(len(body)))
		w.WriteHeader(answer.Status)
		_, _ = w.Write(body[:len(body)/2])
		_ = http.NewResponseController(w).Flush()
		panic(http.ErrAbortHandler)
	case h.has(SlowDrip):
		w.WriteHeader(answer.Status)
		drip(w, r, body, h[SlowDrip].Wait)
	default:
		w.WriteHeader(answer.Status)
		_, _ = w.Write(body)
	}
}

func (h hit) has(name string) bool {
	_, ok := h[name]
	return ok
}

// drip writes body in sixteen pieces and pauses before each, until the caller has gone.
func drip(w http.ResponseWriter, r *http.Request, body []byte, over time.Duration) {
	const pieces = 16
	pause := time.NewTicker(max(over/pieces, time.Nanosecond))
	defer pause.Stop()
	for i := range pieces {
		select {
		case <-r.Context().Done():
			return
		case <-pause.C:
		}
		_, _ = w.Write(body[len(body)*i/pieces : len(body)*(i+1)/pieces])
		_ = http.NewResponseController(w).Flush()
	}
}

// PlainFault is a Vendor for a service that has no words of its own.
func PlainFault(w http.ResponseWriter, _ *http.Request, name string, wait time.Duration) {
	status := map[string]int{
		Throttle: http.StatusTooManyRequests, ThrottleBare: http.StatusTooManyRequests, Unavailable: http.StatusServiceUnavailable,
		ServerError: http.StatusInternalServerError, Unauthorised: http.StatusUnauthorized, Forbidden: http.StatusForbidden,
	}[name]
	if name == Throttle {
		w.Header().Set("Retry-After", strconv.Itoa(int((wait+time.Second-1)/time.Second)))
	}
	http.Error(w, http.StatusText(status), status)
}
