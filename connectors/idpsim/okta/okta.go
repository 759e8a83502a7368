// Package okta shows a population as the Okta management API shows an org: the parts of it that say who is assigned to an
// application and why, its System Log, and the tokens of the service application that asks. What it does not know it refuses, as Okta
// would, so that no request succeeds by luck.
package okta

import (
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"rollcall/connectors/idpsim"
	"rollcall/connectors/idpsim/internal/wire"
)

// Options of an API. The zero Options make one that wants any API token and never runs out of requests.
type Options struct {
	Token   string   // the only API token that is accepted; "" accepts any
	Service *Service // the service application that gets tokens; nil: there is none
	Faults  *idpsim.Faults

	Limit       int            // requests a minute of each of the Families; 0 is no limit, and the headers show a large one
	Limits      map[string]int // of one of the Families, in the place of Limit
	Concurrency int            // requests at the same time; 0 is no limit

	Now func() time.Time // time.Now unless given; what tokens and rate limits go by. The System Log goes by the population's clock
}

// API is the simulated org. It is an http.Handler for /api/v1/… and TokenPath.
type API struct {
	population *idpsim.Population
	options    Options
	calls      atomic.Int64
	handler    http.Handler

	meter meter

	mu     sync.Mutex
	tokens map[string]issued
}

// New makes an API that shows a population.
func New(population *idpsim.Population, o Options) *API {
	if o.Now == nil {
		o.Now = time.Now
	}
	a := &API{population: population, options: o, tokens: map[string]issued{}}
	a.meter = meter{limit: o.Limit, limits: o.Limits, concurrency: o.Concurrency, buckets: map[string]bucket{}}
	a.handler = o.Faults.Handler(a.vendorFault, http.HandlerFunc(a.route))
	return a
}

func (a *API) now() time.Time { return a.options.Now() }

// Calls counts the requests so far, those for tokens among them.
func (a *API) Calls() int { return int(a.calls.Load()) }

// ServeHTTP is safe for concurrent use.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	a.calls.Add(1)
	a.handler.ServeHTTP(w, r)
}

// route finds who answers. Faults have been dealt with.
func (a *API) route(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("X-Okta-Request-Id", requestID)
	defer a.meter.leave()
	if !a.meter.enter(w, r.URL.Path, a.now()) {
		throttled(w)
		return
	}
	path, ok := strings.CutPrefix(r.URL.Path, "/api/v1/")
	at := strings.Split(strings.TrimSuffix(path, "/"), "/")
	if r.URL.Path != TokenPath && !a.admit(w, r, at) {
		return
	}
	if r.URL.Path == TokenPath {
		a.token(w, r)
		return
	}
	c := &call{api: a, w: w, r: r, stale: idpsim.Struck(r, idpsim.Stale)}
	serve := c.get(at)
	switch {
	case !ok || serve == nil:
		fail(w, http.StatusNotFound, "E0000022", "The endpoint does not support the provided HTTP method")
	case r.Method != http.MethodGet:
		fail(w, http.StatusMethodNotAllowed, "E0000022", "The endpoint does not support the provided HTTP method")
	default:
		serve()
	}
}

// call is one request on its way to an answer.
type call struct {
	api   *API
	w     http.ResponseWriter
	r     *http.Request
	stale bool
}

// read calls f with the population, or with what a stale replica shows of it.
func (c *call) read(f func(*idpsim.View)) {
	if c.stale {
		c.api.population.ReadStale(f)
		return
	}
	c.api.population.Read(f)
}

func (c *call) get(at []string) func() {
	switch {
	case len(at) == 1 && at[0] == "users":
		return c.users
	case len(at) == 2 && at[0] == "users":
		return func() { c.user(at[1]) }
	case len(at) == 1 && at[0] == "org":
		return c.org
	case len(at) == 1 && at[0] == "groups":
		return c.groups
	case len(at) == 2 && at[0] == "groups":
		return func() { c.group(at[1]) }
	case len(at) == 3 && at[0] == "groups" && at[2] == "users":
		return func() { c.groupUsers(at[1]) }
	case len(at) == 2 && at[0] == "apps":
		return func() { c.app(at[1]) }
	case len(at) == 3 && at[0] == "apps" && at[2] == "users":
		return func() { c.appUsers(at[1]) }
	case len(at) == 4 && at[0] == "apps" && at[2] == "users":
		return func() { c.appUser(at[1], at[3]) }
	case len(at) == 3 && at[0] == "apps" && at[2] == "groups":
		return func() { c.appGroups(at[1]) }
	case len(at) == 4 && at[0] == "apps" && at[2] == "group-push" && at[3] == "mappings":
		return func() { c.pushMappings(at[1]) }
	case len(at) == 3 && at[0] == "apps" && at[2] == "features":
		return func() { c.features(at[1]) }
	case len(at) == 4 && at[0] == "apps" && at[2] == "features":
		return func() { c.feature(at[1], at[3]) }
	case len(at) == 5 && at[0] == "meta" && at[1] == "schemas" && at[2] == "apps" && at[4] == "default":
		return func() { c.appUserSchema(at[3]) }
	case len(at) == 1 && at[0] == "mappings":
		return c.profileMappings
	case len(at) == 2 && at[0] == "mappings":
		return func() { c.profileMapping(at[1]) }
	case len(at) == 1 && at[0] == "logs":
		return c.logs
	}
	return nil
}

// requestID stands in every answer; it is the same always, as answers are to be repeatable.
const requestID = "ZsimRequest0000000000AAAAA"

func write(w http.ResponseWriter, status int, body []byte) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(body)
}

// fail sends an Okta error.
func fail(w http.ResponseWriter, status int, code, summary string) {
	failBecause(w, status, code, summary)
}

// failBecause sends an Okta error with its causes.
func failBecause(w http.ResponseWriter, status int, code, summary string, causes ...string) {
	b := []byte(`{"errorCode":"` + code + `","errorSummary":`)
	b = wire.AppendString(b, summary)
	b = append(b, `,"errorLink":"`+code+`","errorId":"oaeSimulatedError0000000000","errorCauses":[`...)
	for i, cause := range causes {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(wire.AppendString(append(b, `{"errorSummary":`...), cause), '}')
	}
	write(w, status, append(b, "]}"...))
}

// notFound is told of an id and what kind of thing it should have been.
func notFound(w http.ResponseWriter, id, kind string) {
	fail(w, http.StatusNotFound, "E0000007", "Not found: Resource not found: "+id+" ("+kind+")")
}

func throttled(w http.ResponseWriter) {
	fail(w, http.StatusTooManyRequests, "E0000047", "API call exceeded rate limit due to too many requests.")
}

// vendorFault answers with a failure in Okta's words.
func (a *API) vendorFault(w http.ResponseWriter, r *http.Request, name string, wait time.Duration) {
	switch name {
	case idpsim.Throttle:
		rateHeaders(w, 600, 0, a.now().Add(wait))
		throttled(w)
	case idpsim.ThrottleBare:
		w.Header()["Date"] = nil
		throttled(w)
	case idpsim.Concurrency:
		rateHeaders(w, 0, 0, a.now().Add(wait))
		throttled(w)
	case idpsim.Unavailable:
		fail(w, http.StatusServiceUnavailable, "E0000009", "Internal Server Error")
	case idpsim.ServerError:
		fail(w, http.StatusInternalServerError, "E0000009", "Internal Server Error")
	case idpsim.Unauthorised:
		fail(w, http.StatusUnauthorized, "E0000011", "Invalid token provided")
	case idpsim.Forbidden:
		forbidden(w)
	default:
		idpsim.PlainFault(w, r, name, wait)
	}
}
