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

// The faults by name. FaultList says what each of them does.
const (
	Cut         = "cut"
	CutBody     = "cut-body"
	Truncated   = "truncated"
	Blank       = "blank"
	HTML502     = "html-502"
	SlowDrip    = "slow-drip"
	Hang        = "hang"
	ClockSkew   = "clock-skew"
	NoType      = "no-type"
	OtherShape  = "other-shape"
	JoinedLinks = "joined-links"
	ForeignLink = "foreign-link"
	HTML200     = "html-200"
	Redirect    = "redirect"

	Throttle     = "throttle"
	ThrottleBare = "throttle-bare"
	Concurrency  = "concurrency"
	Unavailable  = "unavailable"
	ServerError  = "server-error"
	Unauthorised = "unauthorised"
	Forbidden    = "forbidden"

	ThrottleDate   = "throttle-date"
	ThrottleDenied = "throttle-denied"
	GatewayTimeout = "gateway-timeout"
	BareError      = "bare-error"
	WordlessError  = "wordless-error"
	Challenge      = "challenge"

	Empty        = "empty"
	LostPage     = "lost-page"
	LostLink     = "lost-link"
	Endless      = "endless"
	MissingRows  = "missing-rows"
	Nulls        = "nulls"
	Duplicates   = "duplicates"
	ExpiredDelta = "expired-delta"
	Ghosts       = "ghosts"
	Stale        = "stale"
	StaleSearch  = "stale-search"

	Hollow        = "hollow"
	WrongCount    = "wrong-count"
	ItemThrottle  = "item-throttle"
	ItemLost      = "item-lost"
	SyncStateLost = "sync-state-lost"
	SilentDelta   = "silent-delta"
	LostRemovals  = "lost-removals"
	MembersObject = "members-object"
)

// Fault is one of the faults, for people to read.
type Fault struct {
	Name string `json:"name"`
	Does string `json:"does"`
	side side
}

// side is who does wrong: the network between server and caller, the vendor with an answer in its own words, or the contents of a list,
// which only the vendor can spoil.
type side uint8

const (
	between side = iota
	vendor
	contents
)

var faultList = []Fault{
	{Cut, "the connection ends without an answer (net/http repeats a GET by itself if the connection had been used before)", between},
	{CutBody, "the connection ends in the middle of the answer", between},
	{Truncated, "a whole answer with half the JSON", between},
	{Blank, "200 and nothing in it", between},
	{HTML502, "a gateway's page instead of an answer", between},
	{SlowDrip, "the answer in sixteen pieces, over wait", between},
	{Hang, "no answer at all until the caller gives up, or wait is over", between},
	{ClockSkew, "the Date header is off by wait", between},
	{NoType, "a good answer without its Content-Type", between},
	{OtherShape, "200 and JSON that has nothing to do with the question", between},
	{JoinedLinks, "the links of one answer stand in one Link header, as some proxies have it (Okta)", between},
	{ForeignLink, "every link in the answer leads to another host", between},
	{HTML200, "200 and a page to sign in on, as a captive portal has it", between},
	{Redirect, "the caller is sent to another host", between},
	{Throttle, "too many requests, and when to come back: after wait, in whole seconds", vendor},
	{ThrottleBare, "too many requests, and not a word more", vendor},
	{Concurrency, "too many requests at the same time: a limit of 0 (Okta)", vendor},
	{Unavailable, "503", vendor},
	{ServerError, "500", vendor},
	{Unauthorised, "the token is refused", vendor},
	{Forbidden, "the permission is missing", vendor},
	{ThrottleDate, "too many requests, and when to come back as a date", vendor},
	{ThrottleDenied, "too many requests, said with a 403", vendor},
	{GatewayTimeout, "504", vendor},
	{BareError, "500 and an error object with nothing in it", vendor},
	{WordlessError, "500 and nothing in it", vendor},
	{Challenge, "the token is refused until it is asked for anew, with claims (Entra)", vendor},
	{Empty, "a good answer with nothing in the list", contents},
	{LostPage, "the rows of one page are left out; the next link leads on", contents},
	{LostLink, "the next link is left out", contents},
	{Endless, "the next link leads to the same page", contents},
	{MissingRows, "every second row is left out, without a word", contents},
	{Nulls, "every property but the id is null, as for who lacks a permission", contents},
	{Duplicates, "each row twice", contents},
	{ExpiredDelta, "the token of a delta query, or the cursor of the System Log, is not known any more: 410", contents},
	{SyncStateLost, "the token of a delta query is not known any more: 400 (Entra)", contents},
	{SilentDelta, "a round of a delta query says that nothing happened (Entra)", contents},
	{LostRemovals, "a round of a delta query leaves out who was removed (Entra)", contents},
	{MembersObject, "the changed members of a group are an empty object in the place of a list (Entra)", contents},
	{Hollow, "an empty page whose next link leads to its rows, which is allowed (Entra)", contents},
	{WrongCount, "every count is half of what there is (Entra)", contents},
	{ItemThrottle, "every second request of a batch is throttled by itself (Entra)", contents},
	{ItemLost, "the last answer of a batch is left out (Entra)", contents},
	{Ghosts, "people in the recycle bin still stand in the list of assignments (Entra)", contents},
	{Stale, "answered by a replica that has heard nothing since the step remember", contents},
	{StaleSearch, "a search is answered from an index that has heard nothing since the step remember (Okta)", contents},
}

// FaultList lists all faults.
func FaultList() []Fault { return slices.Clone(faultList) }

// FaultNames lists the names of all faults.
func FaultNames() (names []string) {
	for _, one := range faultList {
		names = append(names, one.Name)
	}
	return names
}

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
		return unknown("fault", name, FaultNames())
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

// Vendor answers with one of the vendor's own failures: Throttle (wait is how long), ThrottleBare, Concurrency, Unavailable,
// ServerError, Unauthorised or Forbidden.
type Vendor func(w http.ResponseWriter, r *http.Request, name string, wait time.Duration)

// Handler puts the faults in front of next. Each request is judged once; which faults hit it is told to next by Struck.
func (f *Faults) Handler(answer Vendor, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		struck := f.strike(r)
		if struck == nil {
			next.ServeHTTP(w, r)
			return
		}
		if where, ok := struck[ClockSkew]; ok {
			w.Header().Set("Date", time.Now().Add(where.Wait).UTC().Format(http.TimeFormat))
		}
		for _, one := range faultList {
			if where, ok := struck[one.Name]; ok && one.side == vendor {
				answer(w, r, one.Name, where.Wait)
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
	if h.has(HTML200) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write([]byte("<html><head><title>Sign in</title></head><body><form method=\"post\"><input name=\"user\"></form></body></html>\n"))
		return
	}
	if h.has(Redirect) {
		http.Redirect(w, r, elsewhere+r.URL.RequestURI(), http.StatusTemporaryRedirect)
		return
	}
	if where, ok := h[Hang]; ok {
		hang(r, where.Wait)
		panic(http.ErrAbortHandler)
	}
	answer := wire.Record(next, r.WithContext(context.WithValue(r.Context(), hitKey{}, h)))
	body := h.redress(r, answer)
	answer.CopyHeader(w)
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

// redress changes what an answer says of itself, and its links.
func (h hit) redress(r *http.Request, answer *wire.Answer) []byte {
	body := answer.Body.Bytes()
	if h.has(ForeignLink) {
		body = bytes.ReplaceAll(body, []byte(wire.Base(r)), []byte(elsewhere))
		for i, link := range answer.Head["Link"] {
			answer.Head["Link"][i] = strings.ReplaceAll(link, wire.Base(r), elsewhere)
		}
	}
	if h.has(JoinedLinks) && len(answer.Head["Link"]) > 1 {
		answer.Head["Link"] = []string{strings.Join(answer.Head["Link"], ", ")}
	}
	if h.has(NoType) {
		answer.Head["Content-Type"] = nil
	}
	if h.has(OtherShape) {
		answer.Status, body = http.StatusOK, []byte(`{"status":"ok"}`)
	}
	return body
}

// elsewhere is where foreign links lead; nobody is there.
const elsewhere = "http://elsewhere.invalid"

// hang waits until the caller has gone, or the time is over if there is one.
func hang(r *http.Request, over time.Duration) {
	if over <= 0 {
		<-r.Context().Done()
		return
	}
	timer := time.NewTimer(over)
	defer timer.Stop()
	select {
	case <-r.Context().Done():
	case <-timer.C:
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

// plainStatus is what a service without words of its own answers.
var plainStatus = map[string]int{
	Throttle: http.StatusTooManyRequests, Concurrency: http.StatusTooManyRequests, ThrottleBare: http.StatusTooManyRequests,
	ThrottleDate: http.StatusTooManyRequests, ThrottleDenied: http.StatusForbidden, Unavailable: http.StatusServiceUnavailable,
	GatewayTimeout: http.StatusGatewayTimeout, ServerError: http.StatusInternalServerError, BareError: http.StatusInternalServerError,
	WordlessError: http.StatusInternalServerError, Unauthorised: http.StatusUnauthorized, Challenge: http.StatusUnauthorized,
	Forbidden: http.StatusForbidden,
}

// PlainFault is a Vendor for a service that has no words of its own.
func PlainFault(w http.ResponseWriter, _ *http.Request, name string, wait time.Duration) {
	status := plainStatus[name]
	switch name {
	case Throttle, ThrottleDenied:
		w.Header().Set("Retry-After", strconv.Itoa(int((wait+time.Second-1)/time.Second)))
	case ThrottleDate:
		w.Header().Set("Retry-After", time.Now().Add(wait).UTC().Format(http.TimeFormat))
	case WordlessError:
		w.WriteHeader(status)
		return
	case BareError:
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = w.Write([]byte(`{"error":{}}`))
		return
	}
	http.Error(w, http.StatusText(status), status)
}
