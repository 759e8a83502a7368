// Package login is the part of Microsoft's login service that an application needs to get a token for itself: the token endpoint with
// a client secret, a certificate or a federated assertion, the managed identity endpoint of a virtual machine, and the discovery that
// client libraries do before.
package login

import (
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"net/http"
	"strings"
	"sync"
	"time"

	"rollcall/connectors/idpsim"
	"rollcall/connectors/idpsim/internal/wire"
)

// Options name the only client that gets a token, and what it may prove itself with.
type Options struct {
	Tenant       string
	Client       string
	Secret       string              // one that never expires; "" is none
	Secrets      []Secret            // further ones
	Certificates []*x509.Certificate // registered for client assertions; with RSA keys
	Federated    []Federation        // registered for assertions of other issuers
	Population   *idpsim.Population  // what it has granted and refuses holds here; without one, idpsim.Needed is granted
	Now          func() time.Time    // time.Now unless given
	Faults       *idpsim.Faults
}

// Secret is a client secret.
type Secret struct {
	Value   string
	Expires time.Time
}

// Federation is whose assertions are taken in the place of a secret.
type Federation struct {
	Issuer, Subject string
	Audience        string         // api://AzureADTokenExchange unless given
	Key             *rsa.PublicKey // of the issuer; without one, the signature is not looked at
}

// Server is the login service. It is an http.Handler.
type Server struct {
	options Options
	handler http.Handler

	mu      sync.Mutex
	issued  map[string]issued
	revoked int
}

// New makes a login service that has issued nothing.
func New(o Options) *Server {
	if o.Now == nil {
		o.Now = time.Now
	}
	s := &Server{options: o, issued: map[string]issued{}}
	s.handler = o.Faults.Handler(idpsim.PlainFault, http.HandlerFunc(s.route))
	return s
}

// ServeHTTP is safe for concurrent use.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

func (s *Server) route(w http.ResponseWriter, r *http.Request) {
	tenant, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	switch {
	case r.URL.Path == imdsPath:
		s.identity(w, r)
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
	w.Header().Set("Cache-Control", "no-store, no-cache")
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
		"issuer":                                base + "/v2.0",
		"authorization_endpoint":                base + "/oauth2/v2.0/authorize",
		"token_endpoint":                        base + "/oauth2/v2.0/token",
		"jwks_uri":                              base + "/discovery/v2.0/keys",
		"token_endpoint_auth_methods_supported": []string{"client_secret_post", "private_key_jwt"},
	})
}

// token answers a request for a token with the client credentials grant.
func (s *Server) token(w http.ResponseWriter, r *http.Request, tenant string) {
	r.Body = http.MaxBytesReader(w, r.Body, 1<<16)
	if err := r.ParseForm(); err != nil {
		s.refuse(w, badGrant)
		return
	}
	if why := s.check(r, tenant); why != nil {
		s.refuse(w, *why)
		return
	}
	lifetime := tokenLifetime
	capable := strings.Contains(strings.ToLower(r.PostForm.Get("claims")), `"cp1"`)
	if capable {
		lifetime = capableLifetime
	}
	seconds := int(lifetime/time.Second) - 1
	answer(w, http.StatusOK, map[string]any{
		"token_type": "Bearer", "expires_in": seconds, "ext_expires_in": seconds, "access_token": s.issue(lifetime, capable),
	})
}

// check says why there is no token; nil when there is one.
func (s *Server) check(r *http.Request, tenant string) *refusal {
	form := r.PostForm
	switch scope := form.Get("scope"); {
	case form.Get("grant_type") != "client_credentials":
		return &badGrant
	case !strings.EqualFold(tenant, s.options.Tenant):
		return because(noTenant, tenant)
	case form.Get("client_id") != s.options.Client:
		return because(noClient, form.Get("client_id"))
	case scope == "":
		return &noScope
	case !strings.Contains(scope+" ", "/.default "): // client libraries ask for openid and others beside it
		return because(badScope, scope)
	}
	var why *refusal
	if assertion := form.Get("client_assertion"); assertion != "" {
		why = s.checkAssertion(r, assertion)
	} else {
		why = s.checkSecret(form.Get("client_secret"))
	}
	if why != nil {
		return why
	}
	return s.forced()
}

// forced is the refusal that a step has asked for.
func (s *Server) forced() (why *refusal) {
	if s.options.Population == nil {
		return nil
	}
	s.options.Population.Read(func(v *idpsim.View) {
		if number := v.Refusal(); number != "" {
			why = numbered(number)
		}
	})
	return why
}

func (s *Server) checkSecret(secret string) *refusal {
	if secret == "" {
		return &noProof
	}
	if secret == s.options.Secret {
		return nil
	}
	for _, one := range s.options.Secrets {
		switch {
		case one.Value != secret:
		case !one.Expires.After(s.options.Now()):
			return &oldSecret
		default:
			return nil
		}
	}
	return &badSecret
}
