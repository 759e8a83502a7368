// Package login is the part of Microsoft's login service that an application needs to get a token with a client secret: the token
// endpoint, and the discovery that client libraries do before.
package login

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"

	"rollcall/connectors/idpsim"
	"rollcall/connectors/idpsim/internal/wire"
)

// Options name the only client that gets a token.
type Options struct {
	Tenant string
	Client string
	Secret string
	Faults *idpsim.Faults
}

// Server is the login service. It is an http.Handler.
type Server struct {
	options Options
	handler http.Handler

	mu     sync.Mutex
	issued map[string]bool
}

// New makes a login service that has issued nothing.
func New(o Options) *Server {
	s := &Server{options: o, issued: map[string]bool{}}
	s.handler = o.Faults.Handler(idpsim.PlainFault, http.HandlerFunc(s.route))
	return s
}

// Valid says whether a token was issued here and not revoked since.
func (s *Server) Valid(token string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.issued[token]
}

// Revoke makes all tokens issued so far worthless.
func (s *Server) Revoke() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for token := range s.issued {
		s.issued[token] = false
	}
}

// ServeHTTP is safe for concurrent use.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

func (s *Server) route(w http.ResponseWriter, r *http.Request) {
	tenant, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	switch {
	case rest == "discovery/instance":
		s.instance(w, r)
	case rest == "v2.0/.well-known/openid-configuration":
		s.configuration(w, r, tenant)
	case rest == "oauth2/v2.0/token" && r.Method == http.MethodPost:
		s.token(w, r, tenant)
	default:
		http.NotFound(w, r)
	}
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body)
}

func (s *Server) instance(w http.ResponseWriter, r *http.Request) {
	answer(w, http.StatusOK, map[string]any{
		"tenant_discovery_endpoint": wire.Base(r) + "/" + s.options.Tenant + "/v2.0/.well-known/openid-configuration",
		"api-version":               "1.1",
		"metadata":                  []any{map[string]any{"preferred_network": r.Host, "preferred_cache": r.Host, "aliases": []string{r.Host}}},
	})
}

func (s *Server) configuration(w http.ResponseWriter, r *http.Request, tenant string) {
	base := wire.Base(r) + "/" + tenant
	answer(w, http.StatusOK, map[string]any{
		"issuer":                 base + "/v2.0",
		"authorization_endpoint": base + "/oauth2/v2.0/authorize",
		"token_endpoint":         base + "/oauth2/v2.0/token",
		"jwks_uri":               base + "/discovery/v2.0/keys",
	})
}

func (s *Server) token(w http.ResponseWriter, r *http.Request, tenant string) {
	r.Body = http.MaxBytesReader(w, r.Body, 1<<16)
	switch err := r.ParseForm(); {
	case err != nil || r.PostForm.Get("grant_type") != "client_credentials":
		refuse(w, http.StatusBadRequest, "unsupported_grant_type", 70003, "The app requested an unsupported grant type.")
	case !strings.EqualFold(tenant, s.options.Tenant):
		refuse(w, http.StatusBadRequest, "invalid_request", 90002, "Tenant '"+tenant+"' not found.")
	case r.PostForm.Get("client_id") != s.options.Client:
		refuse(w, http.StatusBadRequest, "unauthorized_client", 700016, "Application with identifier '"+r.PostForm.Get("client_id")+"' was not found in the directory.")
	case r.PostForm.Get("client_secret") != s.options.Secret:
		refuse(w, http.StatusUnauthorized, "invalid_client", 7000215, "Invalid client secret provided.")
	default:
		answer(w, http.StatusOK, map[string]any{"token_type": "Bearer", "expires_in": 3599, "ext_expires_in": 3599, "access_token": s.issue()})
	}
}

func (s *Server) issue() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	token := fmt.Sprintf("simulated-token-%d", len(s.issued)+1)
	s.issued[token] = true
	return token
}

func refuse(w http.ResponseWriter, status int, code string, number int, text string) {
	answer(w, status, map[string]any{
		"error": code, "error_description": fmt.Sprintf("AADSTS%d: %s", number, text), "error_codes": []int{number},
	})
}
