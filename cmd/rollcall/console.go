package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"rollcall/cmd/internal/console"
	"rollcall/state/scim"
	"rollcall/sync/explain"
)

// page is the console of a serve: its listener, and what it answers.
type page struct {
	*console.Console
	listener net.Listener
	pulls    *handPulls
	url      string // where people reach it
}

// setupPrefix is below what the receiver's listener answers with set-up pages, whatever base_path is.
const setupPrefix = "/setup/"

// openConsole takes the console's address and makes its pages; nil where it is off. Listener and addresses stay for as long as the
// process lives.
func (s *service) openConsole(cfg *config) (_ *page, err error) {
	if cfg.ConsoleListen == "" {
		return nil, nil
	}
	p := &page{pulls: newHandPulls(s)}
	if p.listener, err = net.Listen("tcp", cfg.ConsoleListen); err != nil {
		return nil, fmt.Errorf("listen for the console (console.listen): %w", err)
	}
	defer func() {
		if err != nil {
			_ = p.listener.Close()
		}
	}()
	if p.url = cfg.ConsoleURL; p.url == "" {
		p.url = (&url.URL{Scheme: scheme(cfg.ConsoleCert != ""), Host: p.listener.Addr().String()}).String()
	}
	at, err := url.Parse(p.url)
	if err != nil {
		return nil, fmt.Errorf("console.public_url: %w", err)
	}
	receiver := cfg.PublicURL
	if receiver == "" {
		receiver = strings.TrimSuffix(s.bound.Receiver, cfg.BasePath)
	}
	oidc, err := cfg.consoleOIDC(s.app.env)
	if err != nil {
		return nil, err
	}
	p.Console, err = console.New(console.Config{
		Store: s.rec, Work: consoleWork{service: s, pulls: p.pulls}, Sources: s.consoleSources, Users: s.users, Fault: s.notTaken,
		Version: programVersion(), Loopback: listensOnLoopback(p.listener.Addr().String()), Secure: at.Scheme == "https", URL: at, ReceiverURL: strings.TrimSuffix(receiver, "/") + cfg.BasePath,
		ReceiverPath: cfg.BasePath, SetupURL: strings.TrimSuffix(receiver, "/"), OIDC: oidc, Now: s.app.now, Log: s.log,
	})
	return p, err
}

// users is what an account can have, by the configuration that is in force.
func (s *service) users() *scim.ResourceType {
	if declared := s.current.Load().cfg.Users; declared != nil {
		return declared
	}
	return scim.UserType()
}

// notTaken says why the configuration in force is not the one that was last asked for; "" if it is.
func (s *service) notTaken() string {
	why := s.refused.Load()
	if why == nil {
		return ""
	}
	return "The configuration was changed and could not be taken; the one before is in force. " + explain.Sentence(*why)
}

func scheme(secure bool) string {
	if secure {
		return "https"
	}
	return "http"
}

// receive answers on the receiver's listener: set-up pages, where there is a console, and pushes.
func (s *service) receive(w http.ResponseWriter, r *http.Request) {
	if s.page != nil && strings.HasPrefix(r.URL.Path, setupPrefix) {
		s.page.SetupHandler.ServeHTTP(w, r)
		return
	}
	s.current.Load().handler.ServeHTTP(w, r)
}

const (
	digestInterval = time.Second
	digestRetry    = 30 * time.Second
)

// digest keeps what the console's search and pictures are read from up to date, until the context is over. What fails is logged and
// tried again: pages then lack the newest, and nothing else.
func (s *service) digest(ctx context.Context) error {
	for {
		more, err := s.rec.Digest(ctx)
		wait := digestInterval
		switch {
		case ctx.Err() != nil:
			return nil
		case err != nil:
			wait = digestRetry
			s.log.Warn("the console's search is behind; it is tried again", logError, err)
		case more:
			continue
		}
		timer := time.NewTimer(wait)
		select {
		case <-ctx.Done():
			timer.Stop()
			return nil
		case <-timer.C:
		}
	}
}
