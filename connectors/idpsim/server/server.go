// Package server is a whole simulated organisation behind one address: the Graph API under /v1.0, the Okta API under /api/v1 with its
// tokens under /oauth2/v1, Microsoft's login service under /{tenant}/, and the strings that move the puppets under /_control.
package server

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"

	"rollcall/connectors/idpsim"
	"rollcall/connectors/idpsim/graph"
	"rollcall/connectors/idpsim/login"
	"rollcall/connectors/idpsim/okta"
)

// Options of a Server. Population is needed; everything else has a use when it is left out.
type Options struct {
	Population   *idpsim.Population
	Faults       *idpsim.Faults    // none set, unless given
	Listen       string            // 127.0.0.1:0, any free port, unless given
	Token        string            // accepted by Graph (as bearer) and Okta (as SSWS); "" accepts any token
	Client       string            // client id and
	Secret       string            // secret that the login service knows; its tokens are accepted by Graph too
	Login        login.Options     // what else the client may prove itself with; tenant, client, secret, population and faults are filled in
	Permissions  []string          // granted at Graph; see graph.Options
	Service      *okta.Service     // the service application that gets tokens from Okta; nil: there is none
	Quota        int               // of Graph, resource units per 10 seconds; 0 is none
	RateLimit    int               // of Okta, requests a minute in each family of endpoints; 0 is none
	RateLimits   map[string]int    // of one of okta.Families, in the place of RateLimit
	Concurrency  int               // of Okta, requests at the same time; 0 is no limit
	Pushers      map[string]Pusher // by name, for /_control/cycle
	ControlToken string            // wanted by /_control as bearer token; without one, /_control answers loopback callers only
}

// Pusher provisions a population into a receiver: push.Entra, push.Okta.
type Pusher interface {
	// Cycle pushes what is new since the last one.
	Cycle(ctx context.Context) error
}

// Server is the organisation. Listen makes one.
type Server struct {
	options  Options
	listener net.Listener
	handler  http.Handler

	Graph *graph.API
	Okta  *okta.API
	Login *login.Server
}

// Listen takes the address, so that the URLs are known; nobody is answered before Run. Without Run, call Close.
func Listen(o Options) (*Server, error) {
	if o.Faults == nil {
		o.Faults = &idpsim.Faults{}
	}
	if o.Listen == "" {
		o.Listen = "127.0.0.1:0"
	}
	l, err := net.Listen("tcp", o.Listen)
	if err != nil {
		return nil, fmt.Errorf("simulated provider: %w", err)
	}
	s := &Server{options: o, listener: l}
	o.Login.Tenant, o.Login.Client, o.Login.Secret = o.Population.TenantID(), o.Client, o.Secret
	o.Login.Population, o.Login.Faults = o.Population, o.Faults
	s.Login = login.New(o.Login)
	s.Graph = graph.New(o.Population, graph.Options{Judge: s.judge, Quota: o.Quota, Permissions: o.Permissions, Faults: o.Faults})
	s.Okta = okta.New(o.Population, okta.Options{Token: o.Token, Service: o.Service, Limit: o.RateLimit, Limits: o.RateLimits, Concurrency: o.Concurrency, Faults: o.Faults})
	mux := http.NewServeMux()
	mux.Handle("/v1.0/", s.Graph)
	mux.Handle("/api/v1/", s.Okta)
	mux.Handle(okta.TokenPath, s.Okta)
	mux.Handle("/_control/", s.control())
	mux.Handle("/", s.Login)
	s.handler = mux
	return s, nil
}

// judge says what a bearer token is worth at Graph.
func (s *Server) judge(token string) graph.Bearer {
	verdict := graph.Bearer(s.Login.Judge(token))
	if !s.Login.Issued(token) {
		verdict.Good = token != "" && (s.options.Token == "" || token == s.options.Token)
	}
	return verdict
}

// Run answers until ctx is done, then lets the answers under way end, for a second. It returns nil then, and an error if it could
// not go on. It may be called once.
func (s *Server) Run(ctx context.Context) error {
	h := &http.Server{Handler: s.handler, ReadHeaderTimeout: 10 * time.Second}
	done := make(chan error, 1)
	go func() { done <- h.Serve(s.listener) }()
	select {
	case err := <-done:
		return fmt.Errorf("simulated provider: %w", err)
	case <-ctx.Done():
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	if err := h.Shutdown(last); err != nil {
		_ = h.Close()
	}
	if err := <-done; !errors.Is(err, http.ErrServerClosed) {
		return fmt.Errorf("simulated provider: %w", err)
	}
	return nil
}

// Close gives the address back when Run was never called.
func (s *Server) Close() error { return s.listener.Close() }

// ServeHTTP answers without a listener, for tests that have one of their own. It is safe for concurrent use.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// URL is scheme, host and port; Okta's org_url and the login service's address.
func (s *Server) URL() string { return "http://" + s.listener.Addr().String() }

// GraphURL is the root of the Graph API.
func (s *Server) GraphURL() string { return s.URL() + "/v1.0" }
