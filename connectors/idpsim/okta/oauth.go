package okta

import (
	"crypto"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"rollcall/connectors/idpsim"
	"rollcall/connectors/idpsim/internal/wire"
)

// Service is an application that reads the org with tokens of its own: client_credentials and private_key_jwt. What it was granted,
// and whether it has the admin role, is the population's to say: see idpsim.View.Scoped.
type Service struct {
	ClientID string
	Key      crypto.PublicKey // *rsa.PublicKey or *ecdsa.PublicKey
	DPoP     bool             // proof of possession is required; no client can get a token then, as proofs are not read here
	Lifetime time.Duration    // of its tokens; an hour unless given
}

// TokenPath is where tokens are issued; an assertion names it as its audience.
const TokenPath = "/oauth2/v1/token"

// issued is a token that the org gave out.
type issued struct {
	scopes  []string
	expires time.Time
	round   int // how often all tokens had been revoked by then
}

// token answers a request for a token. Its parameters may stand in the body or, as some clients have it, in the query.
func (a *API) token(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 1<<16)
	if r.Method != http.MethodPost {
		fail(w, http.StatusMethodNotAllowed, "E0000022", "The endpoint does not support the provided HTTP method")
		return
	}
	if err := r.ParseForm(); err != nil {
		refuse(w, http.StatusBadRequest, "invalid_request", "The request is malformed.")
		return
	}
	service := a.options.Service
	switch {
	case r.Form.Get("grant_type") != "client_credentials":
		refuse(w, http.StatusBadRequest, "unsupported_grant_type", "The authorization grant type is not supported by the authorization server.")
		return
	case service == nil || r.Form.Get("client_assertion") == "":
		refuse(w, http.StatusUnauthorized, "invalid_client", "No client credentials found.")
		return
	case r.Form.Get("client_assertion_type") != "urn:ietf:params:oauth:client-assertion-type:jwt-bearer":
		refuse(w, http.StatusUnauthorized, "invalid_client", "The client_assertion_type is not supported.")
		return
	}
	if wrong := service.judge(r.Form.Get("client_assertion"), wire.Base(r)+TokenPath, a.now()); wrong != "" {
		refuse(w, http.StatusUnauthorized, "invalid_client", wrong)
		return
	}
	if service.DPoP {
		refuseDPoP(w, r)
		return
	}
	a.grant(w, r.Form.Get("scope"))
}

// refuseDPoP asks for a proof of possession, and whoever brings one for a nonce.
func refuseDPoP(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("DPoP") == "" {
		refuse(w, http.StatusBadRequest, "invalid_dpop_proof", "The DPoP proof JWT header is missing.")
		return
	}
	w.Header().Set("Dpop-Nonce", "simulated-nonce")
	refuse(w, http.StatusBadRequest, "use_dpop_nonce", "Authorization server requires nonce in DPoP proof.")
}

// grant issues a token for those of the wanted scopes that were granted. The others are left out without a word, unless none remains.
func (a *API) grant(w http.ResponseWriter, wanted string) {
	var scopes []string
	var round int
	a.population.Read(func(v *idpsim.View) {
		scopes = slices.DeleteFunc(strings.Fields(wanted), func(scope string) bool { return scope == idpsim.AdminRole || !v.Scoped(scope) })
		round = v.Revocations()
	})
	switch {
	case strings.TrimSpace(wanted) == "":
		refuse(w, http.StatusBadRequest, "invalid_scope", "The scope is missing, and the client has no default scopes.")
		return
	case len(scopes) == 0:
		refuse(w, http.StatusBadRequest, "consent_required", "You are not allowed any of the requested scopes.")
		return
	}
	lifetime := a.options.Service.Lifetime
	if lifetime == 0 {
		lifetime = time.Hour
	}
	a.mu.Lock()
	token := fmt.Sprintf("simulated-okta-token-%d", len(a.tokens)+1)
	a.tokens[token] = issued{scopes, a.now().Add(lifetime), round}
	a.mu.Unlock()
	w.Header().Set("Cache-Control", "no-cache, no-store")
	b := fmt.Appendf(nil, `{"token_type":"Bearer","expires_in":%d,"access_token":"%s","scope":`, int(lifetime/time.Second), token)
	write(w, http.StatusOK, append(wire.AppendString(b, strings.Join(scopes, " ")), '}'))
}

// refuse answers with an error of the token endpoint, which are not shaped like those of the API.
func refuse(w http.ResponseWriter, status int, code, description string) {
	b := wire.AppendString([]byte(`{"error":"`+code+`","error_description":`), description)
	write(w, status, append(b, '}'))
}
