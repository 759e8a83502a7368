package scimapi

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"rollcall/state"
	"rollcall/state/scim"
)

// Store is what the receiver needs of the record.
type Store interface {
	state.Records
	state.Writer
	KeyStore
	// LogRequest is that of state.Requests.
	LogRequest(state.Request)
}

// KeyStore is the part of state.Keys that opens a door and notes that it was opened.
type KeyStore interface {
	KeyByHash(ctx context.Context, hash state.KeyHash) (state.Key, error)
	TouchKey(ctx context.Context, key state.Key, at time.Time) error
}

// Source is what the configuration says of a source to the receiver.
type Source struct {
	Tenant  string
	Dialect Dialect
	Rate    float64 // requests per second, with bursts of twice as many; 0 = no limit
	Gate    Gate    // nil: a push that deactivates is in force at once
}

// DefaultRate is far above what the vendors ask for: Entra's gallery wants 25 requests per second and tenant.
const DefaultRate = 200

// Dialect says how far a source may stray from the RFCs.
type Dialect string

const (
	Lenient Dialect = ""       // what Entra and Okta really send
	Strict  Dialect = "strict" // filters are taken at their word: no second look for values mangled on the way
)

// Gate is asked before a push makes an active account inactive.
type Gate interface {
	// Stage tells whether the deactivation has to wait: said, but not yet in force. An error refuses the push; a *scim.Error says
	// how. It is called on the request's goroutine and may be called again for the same push when the account changed meanwhile.
	Stage(ctx context.Context, scope state.Scope, id state.ID) (bool, error)
}

// Metrics counts. Its methods are called concurrently and must not block.
type Metrics interface {
	// Answered is called once for each request. source and endpoint are "" until a key told whose it is; method is a known HTTP method
	// or "other".
	Answered(source, endpoint, method string, status int, took time.Duration)
	// Noticed counts events an operator should hear of.
	Noticed(source string, event Event, n int)
}

// Event is something worth counting that is no failure, or not only.
type Event string

const (
	UnknownAttribute Event = "unknown_attribute" // sent, known to no schema, left out
	UnknownID        Event = "unknown_id"        // a request for a resource we don't have: the provider remembers an id that is gone
	Deactivated      Event = "deactivated"       // an account became inactive by a push
)

// Config is what a Handler is made of.
type Config struct {
	Store   Store
	Sources func(name string) (Source, bool) // asked for each request; false: dormant, not in the configuration

	BasePath       string         // "/auth/scim" when empty
	PublicURL      string         // scheme and host that Location names, "" = those the request came to
	TrustedProxies []netip.Prefix // whose X-Forwarded-Proto and X-Forwarded-Host count

	Limits  Limits // zero fields take DefaultLimits
	Metrics Metrics
	Now     func() time.Time // time.Now when nil
	Log     *slog.Logger     // slog.Default() when nil
}

// Handler answers SCIM requests. It takes whole paths: give it the listener rather than a http.ServeMux, which would answer unclean
// paths itself, in HTML and before a key was shown.
type Handler struct {
	store    Store
	sources  func(string) (Source, bool)
	basePath string
	public   string // base of every location, or "" to take it from the request
	proxies  []netip.Prefix
	limits   Limits
	metrics  Metrics
	now      func() time.Time
	log      *slog.Logger

	users, groups *resource
	endpoints     map[string]*endpoint
	throttle      throttle
	touched       sync.Map  // key id → time.Time of the last use noted
	calls         sync.Pool // of *call
}

// New makes a handler. It starts nothing.
func New(config Config) (*Handler, error) {
	if config.Store == nil || config.Sources == nil {
		return nil, errors.New("scimapi: a store and a look-up of sources are needed")
	}
	h := &Handler{
		store:    config.Store,
		sources:  config.Sources,
		basePath: strings.TrimRight("/"+strings.Trim(cmp.Or(config.BasePath, "/auth/scim"), "/"), "/"),
		proxies:  config.TrustedProxies,
		limits:   config.Limits.withDefaults(),
		metrics:  config.Metrics,
		now:      config.Now,
		log:      config.Log,
		users:    &resource{kind: state.KindAccount, rt: scim.UserType()},
		groups:   &resource{kind: state.KindGroup, rt: scim.GroupType()},
	}
	if config.PublicURL != "" {
		u, err := url.Parse(config.PublicURL)
		if err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") || u.RawQuery != "" || u.Fragment != "" {
			return nil, fmt.Errorf("scimapi: public URL %q is not of the form https://host", config.PublicURL)
		}
		h.public = strings.TrimRight(u.String(), "/") + h.basePath
	}
	if h.metrics == nil {
		h.metrics = noMetrics{}
	}
	if h.now == nil {
		h.now = time.Now
	}
	if h.log == nil {
		h.log = slog.Default()
	}
	h.endpoints = h.routes()
	h.calls.New = func() any { return &call{h: h} }
	return h, nil
}

type noMetrics struct{}

func (noMetrics) Answered(string, string, string, int, time.Duration) {}
func (noMetrics) Noticed(string, Event, int)                          {}

// ServeHTTP answers one request.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c := h.calls.Get().(*call)
	c.begin(w, r)
	defer h.recovered(c)

	if err := h.serve(c); err != nil {
		c.fail(err)
	}
	c.finish()
	h.conclude(c)
	c.end()
	h.calls.Put(c)
}

// serve authenticates, then routes, then acts.
func (h *Handler) serve(c *call) error {
	if err := h.authenticate(c); err != nil {
		return err
	}
	if err := h.admit(c); err != nil {
		return err
	}
	do, err := h.route(c)
	if err != nil {
		return err
	}
	return do(c)
}

// recovered turns a panic into a 500, or, when half an answer is out already, into a broken connection that nobody takes for a
// whole one. The call is not reused.
func (h *Handler) recovered(c *call) {
	cause := recover()
	if cause == nil {
		return
	}
	if cause == http.ErrAbortHandler {
		h.conclude(c)
		panic(cause)
	}
	c.log().Error("request panicked", logPanic, cause, logStack, string(debug.Stack()))
	if c.sent {
		panic(http.ErrAbortHandler)
	}
	c.fail(c.fault())
	c.finish()
	h.conclude(c)
}
