// Package console is the operator's web page: what every source is doing, whom it holds and why, what waits for a decision, and the
// set-up page that a customer's administrator is sent.
//
// It is rendered on the server and works without JavaScript. It reads the record itself; whatever asks a provider or decides on a plan
// it has done by the Work that it is given. Every page has one question and its title is the answer. No personal data stands in a URL:
// searches and forms are posted, and pages of people are named by ids.
package console

import (
	"errors"
	"fmt"
	"html/template"
	"log/slog"
	"net/http"
	"net/url"
	"runtime/debug"
	"sync"
	"time"

	"rollcall/state"
	"rollcall/state/scim"
	"rollcall/sync/explain"
)

// Store is what the console reads of the record, and the little that it keeps there.
type Store interface {
	explain.Reader
	explain.HealthReader
	state.Writer
	state.Sources
	state.Keys
	state.Runs
	state.Requests
	state.Lister
	state.Seats
	state.Digests
	state.RunHeads
	state.RequestHeads
	state.Operators
	state.Sessions
	state.Invites
	state.Deeds
	state.Sealer
}

// Config is what a console is made of.
type Config struct {
	Store   Store
	Work    Work
	Sources func() []Source           // as configured now, by name; also those that are recorded alone. Called on the goroutines of requests, more than once for some
	Users   func() *scim.ResourceType // what an account can have, as configured now

	Fault func() string // why a configuration that was changed has not been taken; "" = it was. nil: never

	Version      string
	Loopback     bool             // only its own machine reaches the listener
	Secure       bool             // the console is reached by https, directly or through a proxy: cookies are Secure
	URL          *url.URL         // where people reach the console, for links and for what a form's Origin must be
	ReceiverURL  string           // what an administrator pastes, base path included
	ReceiverPath string           // its path, as request lines show it
	SetupURL     string           // where the receiver's listener is reached, without a path
	OIDC         *OIDC            // nil: no sign-in through a provider
	Now          func() time.Time // nil: time.Now
	Log          *slog.Logger
}

// Console is the web page. New starts nothing; it is safe for concurrent use.
type Console struct {
	Config
	pages   map[string]*template.Template
	healths healths
	reviews reviews
	issuing sync.Mutex // of keys, one after another
	signIns

	// Handler answers on the console's listener, SetupHandler below /setup/ on the receiver's.
	Handler, SetupHandler http.Handler
}

// New makes a console.
func New(config Config) (*Console, error) {
	if config.Store == nil || config.Work == nil || config.Sources == nil || config.URL == nil {
		return nil, errors.New("console: Store, Work, Sources and URL are needed")
	}
	now := config.Now
	if now == nil {
		now = time.Now
	}
	config.Now = func() time.Time { return now().UTC() }
	c := &Console{Config: config}
	var err error
	if c.pages, err = parsePages(); err != nil {
		return nil, fmt.Errorf("console: %w", err)
	}
	if c.signIns, err = newSignIns(config); err != nil {
		return nil, fmt.Errorf("console: %w", err)
	}
	c.Handler = c.recovered(c.guard(c.routes()))
	c.SetupHandler = c.recovered(c.setupRoutes())
	return c, nil
}

// recovered answers a request whose handler panicked, and logs where: one broken page harms no other. An answer of which a part was
// sent is broken off, so that nobody takes it for the whole.
func (c *Console) recovered(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		answer := &answer{ResponseWriter: w}
		defer func() {
			fault := recover()
			if fault != nil && fault != http.ErrAbortHandler {
				c.Log.Error("a page panicked", "method", r.Method, "fault", fmt.Sprint(fault), "stack", string(debug.Stack()))
			}
			switch {
			case fault == nil:
			case answer.begun || fault == http.ErrAbortHandler:
				panic(http.ErrAbortHandler)
			default:
				http.Error(w, "This page could not be made; the log says why.", http.StatusInternalServerError)
			}
		}()
		next.ServeHTTP(answer, r)
	})
}

// answer knows whether a part of it was sent.
type answer struct {
	http.ResponseWriter
	begun bool
}

func (a *answer) WriteHeader(status int) {
	a.begun = true
	a.ResponseWriter.WriteHeader(status)
}

func (a *answer) Write(text []byte) (int, error) {
	a.begun = true
	return a.ResponseWriter.Write(text)
}

// Unwrap lets http.ResponseController reach the connection.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }
