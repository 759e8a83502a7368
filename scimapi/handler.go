package scimapi

import (
	"cmp"
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
)

// Handler answers SCIM requests. It takes whole paths: give it the listener rather than a http.ServeMux, which would answer unclean
// paths itself, in HTML and before a key was shown.
type Handler struct {
	store    Store
	sources  func(string) (Source, bool)
	types    Types
	basePath string
	public   string // base of every location, or "" to take it from the request
	proxies  []netip.Prefix
	tokens   tokens
	limits   Limits
	metrics  Metrics
	staged   func(scope state.Scope, id state.ID) // nil: nobody is told
	now      func() time.Time
	log      *slog.Logger

	base      *endpoint
	endpoints map[string]*endpoint
	lanes     lanes
	touched   sync.Map  // key id → time.Time of the last use noted
	warned    sync.Map  // key id → time.Time of the last warning that it expires
	refused   sync.Map  // source and status → time.Time of the last warning that requests are turned away
	calls     sync.Pool // of *call
}

// New makes a handler. It starts nothing.
func New(config Config) (*Handler, error) {
	if config.Store == nil || config.Sources == nil {
		return nil, errors.New("scimapi: a store and a look-up of sources are needed")
	}
	h := &Handler{
		store:    config.Store,
		sources:  config.Sources,
		types:    config.Types.orElse(coreTypes),
		basePath: folder(cmp.Or(config.BasePath, "/auth/scim")),
		proxies:  config.TrustedProxies,
		limits:   config.Limits.withDefaults(),
		metrics:  config.Metrics,
		staged:   config.Staged,
		now:      config.Now,
		log:      config.Log,
	}
	if config.PublicURL != "" {
		u, err := url.Parse(config.PublicURL)
		if err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") || u.RawQuery != "" || u.Fragment != "" {
			return nil, fmt.Errorf("scimapi: public URL %q is not of the form https://host", config.PublicURL)
		}
		h.public = strings.TrimRight(u.String(), "/")
	}
	var err error
	if h.tokens, err = newTokens(folder(cmp.Or(config.TokenPath, "/auth/token")), config.TokenSecret); err != nil {
		return nil, err
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
	h.base, h.endpoints = h.routes()
	if h.serves(h.tokens.path) {
		return nil, fmt.Errorf("scimapi: the token path %q is one of SCIM's own, below the base path %q; give it another", h.tokens.path, h.basePath)
	}
	h.calls.New = func() any { return &call{h: h} }
	return h, nil
}

// serves tells whether a path is SCIM's: below the base, and, where the base is the root, that of an endpoint.
func (h *Handler) serves(path string) bool {
	rest, below := cutFolder(path, h.basePath)
	if !below || rest == "" || h.basePath != "" {
		return below
	}
	first, _, _ := strings.Cut(rest[1:], "/")
	return h.endpoints["/"+first] != nil
}

// folder brings a configured path into the form "/auth/scim"; the root is "".
func folder(path string) string { return strings.TrimRight("/"+strings.Trim(path, "/"), "/") }

// UnknownIDs tells how many requests of a source have been for ids that it does not have, since this handler was made. Many mean that
// the provider remembers resources that are gone: provisioning should be restarted there.
func (h *Handler) UnknownIDs(source string) int64 {
	return h.lanes.of(source, &h.limits).unknown.Load()
}

// ServeHTTP answers one request.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == h.tokens.path {
		h.issueToken(w, r)
		return
	}
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

// serve authenticates, waits for the source's turn, routes, then acts.
func (h *Handler) serve(c *call) error {
	if err := h.authenticate(c); err != nil {
		return err
	}
	if err := h.admit(c); err != nil {
		return err
	}
	defer func() { <-c.lane.turns }()
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
