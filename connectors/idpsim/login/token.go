package login

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"rollcall/connectors/idpsim"
)

// How long tokens live: longer where the client has said that it understands claims challenges.
const (
	tokenLifetime   = time.Hour
	capableLifetime = 24 * time.Hour
)

// issued is what the service knows of a token.
type issued struct {
	at      time.Time
	expires time.Time
	roles   []string
	capable bool // understands claims challenges
	revoked int  // how often everything had been revoked before
}

// Verdict is what a token is worth.
type Verdict struct {
	Good   bool
	Roles  []string // the permissions that it carries; never nil when it is good
	Claims string   // revoked, and its owner can be told to ask anew with these claims
}

// Judge says what a token is worth now. A token carries the permissions that were granted when it was issued.
func (s *Server) Judge(token string) Verdict {
	s.mu.Lock()
	defer s.mu.Unlock()
	t, known := s.issued[token]
	switch {
	case !known || !t.expires.After(s.options.Now()):
		return Verdict{}
	case t.revoked == s.revocations():
		return Verdict{Good: true, Roles: t.roles}
	case t.capable:
		since := strconv.FormatInt(t.at.Unix()+1, 10)
		return Verdict{Claims: `{"access_token":{"nbf":{"essential":true,"value":"` + since + `"}}}`}
	}
	return Verdict{}
}

// Valid says whether a token was issued here, has not expired, and was not revoked since.
func (s *Server) Valid(token string) bool { return s.Judge(token).Good }

// Issued says whether a token was issued here, whatever it is worth by now.
func (s *Server) Issued(token string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, ok := s.issued[token]
	return ok
}

// Revoke makes all tokens issued so far worthless.
func (s *Server) Revoke() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.revoked++
}

// revocations counts them, here and by steps. The lock is held.
func (s *Server) revocations() int {
	n := s.revoked
	if s.options.Population != nil {
		s.options.Population.Read(func(v *idpsim.View) { n += v.Revocations() })
	}
	return n
}

// issue makes a token. Its signature is not the vendor's: whoever gets it has no business reading it.
func (s *Server) issue(lifetime time.Duration, capable bool) string {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.options.Now()
	t := issued{at: now, expires: now.Add(lifetime), roles: idpsim.Needed(), capable: capable, revoked: s.revocations()}
	if s.options.Population != nil {
		t.roles = append([]string{}, s.options.Population.Permissions()...)
	}
	claims := map[string]any{
		"aud": "https://graph.microsoft.com", "iss": "https://sts.windows.net/" + s.options.Tenant + "/", "tid": s.options.Tenant,
		"iat": now.Unix(), "nbf": now.Unix(), "exp": t.expires.Unix(), "appid": s.options.Client, "idtyp": "app", "ver": "1.0",
		"roles": t.roles, "uti": fmt.Sprintf("simulated-%d", len(s.issued)+1),
	}
	if capable {
		claims["xms_cc"] = []string{"cp1"}
	}
	body, _ := json.Marshal(claims) // strings and numbers only
	signed := encode([]byte(`{"typ":"JWT","alg":"HS256"}`)) + "." + encode(body)
	mac := hmac.New(sha256.New, []byte(s.options.Tenant))
	_, _ = mac.Write([]byte(signed))
	token := signed + "." + encode(mac.Sum(nil))
	s.issued[token] = t
	return token
}

func encode(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

// imdsPath is where a virtual machine asks for a token of its managed identity.
const imdsPath = "/metadata/identity/oauth2/token"

// identity answers as the instance metadata service does.
func (s *Server) identity(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	refuse := func(status int, code, text string) {
		answer(w, status, map[string]string{"error": code, "error_description": text})
	}
	switch {
	case r.Method != http.MethodGet:
		refuse(http.StatusMethodNotAllowed, "invalid_request", "The request method is not supported")
	case !strings.EqualFold(r.Header.Get("Metadata"), "true"):
		refuse(http.StatusBadRequest, "invalid_request", "Required metadata header not specified")
	case query.Get("api-version") == "":
		refuse(http.StatusBadRequest, "invalid_request", "Required parameter api-version is missing")
	case query.Get("resource") == "":
		refuse(http.StatusBadRequest, "invalid_request", "Required parameter resource is missing")
	case query.Get("client_id") != "" && query.Get("client_id") != s.options.Client:
		refuse(http.StatusBadRequest, "invalid_request", "Identity not found")
	default:
		now := s.options.Now()
		answer(w, http.StatusOK, map[string]string{
			"access_token": s.issue(capableLifetime, false), "client_id": s.options.Client, "token_type": "Bearer", "resource": query.Get("resource"),
			"expires_in": strconv.Itoa(int(capableLifetime/time.Second) - 1), "ext_expires_in": strconv.Itoa(int(capableLifetime/time.Second) - 1),
			"not_before": strconv.FormatInt(now.Unix(), 10), "expires_on": strconv.FormatInt(now.Add(capableLifetime).Unix(), 10),
		})
	}
}
