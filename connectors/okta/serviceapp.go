package okta

import (
	"bytes"
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"rollcall/connectors"
	"rollcall/connectors/rest"
)

const (
	tokenPath     = "/oauth2/v1/token"
	assertionLife = 30 * time.Minute // an hour at most; half of it lets clocks differ by as much either way
)

// serviceApp signs in as a service app: it signs an assertion with its key and gets an access token for that (private_key_jwt;
// developer.okta.com/docs/guides/implement-oauth-for-okta-serviceapp). A token is good for the scopes that it was asked for, and one
// scope that is not granted spoils the whole request, so each call's scopes are asked for by themselves, when they are first needed:
// who has not granted the System Log lacks that alone.
type serviceApp struct {
	clientID, keyID string
	readKey         func() ([]byte, error)
	tokenURL        string
	client          *http.Client
	now             func() time.Time

	turn   chan struct{}          // holds one: whoever put it there may use what follows
	tokens map[string]accessToken // by scopes
}

type accessToken struct {
	header string
	until  time.Time
}

// scopes names the scopes that a call takes, as the security of each operation in Okta's description of its API has them; those of
// embedded people added.
func scopes(path string) string {
	switch {
	case strings.HasPrefix(path, "/api/v1/logs"):
		return "okta.logs.read"
	case strings.HasPrefix(path, "/api/v1/mappings"):
		return "okta.profileMappings.read"
	case strings.HasPrefix(path, "/api/v1/meta/schemas/"):
		return "okta.schemas.read"
	case strings.HasPrefix(path, "/api/v1/groups/"), strings.Contains(path, "/group-push/"):
		return "okta.apps.read okta.groups.read"
	}
	return "okta.apps.read okta.users.read"
}

func (s *serviceApp) authorization(ctx context.Context, path, refused string) (string, error) {
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return "", ctx.Err()
	}
	wanted := scopes(path)
	token := s.tokens[wanted]
	if token.header != "" && token.header != refused && s.now().Before(token.until) {
		return token.header, nil
	}
	token, err := s.fetch(ctx, wanted)
	if err != nil {
		return "", err
	}
	s.tokens[wanted] = token
	return token.header, nil
}

// fetch gets an access token.
func (s *serviceApp) fetch(ctx context.Context, scopes string) (accessToken, error) {
	content, err := s.readKey()
	if err != nil {
		return accessToken{}, unusable("the private key cannot be read: " + err.Error())
	}
	key, err := parseKey(content)
	if err != nil {
		return accessToken{}, unusable("the private key " + err.Error())
	}
	now := s.now()
	assertion, err := s.assertion(key, now)
	if err != nil {
		return accessToken{}, unusable("the private key cannot sign: " + err.Error())
	}
	form := url.Values{
		"grant_type": {"client_credentials"}, "scope": {scopes},
		"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}, "client_assertion": {assertion},
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.tokenURL, strings.NewReader(form.Encode()))
	if err != nil {
		return accessToken{}, err
	}
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Accept", "application/json")
	resp, err := s.client.Do(req)
	if err != nil {
		return accessToken{}, naming(scopes, err)
	}
	defer resp.Body.Close()
	return readToken(resp.Body, now)
}

// unscopedToken is how a request for a token is refused for its scopes' sake: one is not known to the org, or none is granted.
var unscopedToken = map[string]bool{"invalid_scope": true, "consent_required": true}

// naming adds to a refusal for the scopes' sake which they are.
func naming(scopes string, err error) error {
	var failure *connectors.Error
	if errors.As(err, &failure) && unscopedToken[failure.Code] {
		told := *failure
		told.Mend = grant(strings.ReplaceAll(scopes, " ", " and "))
		return &told
	}
	return err
}

// grant tells how a service app gets scopes.
func grant(scopes string) string {
	return "grant the service app " + scopes + ": " + serviceAppPage + " > Okta API Scopes"
}

// readToken reads the answer to a request for a token (RFC 6749 §5.1). The token is used until a minute before its end, or, if it lives
// less than two, for half of its life.
func readToken(body io.Reader, now time.Time) (accessToken, error) {
	var answer struct {
		AccessToken string `json:"access_token"`
		TokenType   string `json:"token_type"`
		ExpiresIn   int64  `json:"expires_in"`
	}
	err := json.NewDecoder(body).Decode(&answer)
	fine := err == nil && strings.EqualFold(answer.TokenType, "Bearer") && answer.AccessToken != "" &&
		!strings.ContainsFunc(answer.AccessToken, func(r rune) bool { return r <= ' ' || r > '~' })
	if !fine {
		return accessToken{}, &connectors.Error{Kind: connectors.ErrIncomplete, Detail: "the answer to the request for an access token has none of the kind Bearer"}
	}
	life := time.Duration(min(max(answer.ExpiresIn, 0), 24*60*60)) * time.Second
	return accessToken{header: "Bearer " + answer.AccessToken, until: now.Add(life - min(time.Minute, life/2))}, nil
}

// assertion is a JWT that says who we are, signed with RS256 (RFC 7523 §3, RFC 7518 §3.3). It has no id, so that the same one may be
// sent again when an answer is lost.
func (s *serviceApp) assertion(key *rsa.PrivateKey, now time.Time) (string, error) {
	header := struct {
		Algorithm string `json:"alg"`
		KeyID     string `json:"kid,omitempty"`
	}{"RS256", s.keyID}
	claims := struct {
		Issuer   string `json:"iss"`
		Subject  string `json:"sub"`
		Audience string `json:"aud"`
		Expiry   int64  `json:"exp"`
	}{s.clientID, s.clientID, s.tokenURL, now.Add(assertionLife).Unix()}
	var parts []string
	for _, part := range []any{header, claims} {
		text, err := json.Marshal(part)
		if err != nil {
			return "", err
		}
		parts = append(parts, base64.RawURLEncoding.EncodeToString(text))
	}
	signed := strings.Join(parts, ".")
	sum := sha256.Sum256([]byte(signed))
	signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
	return signed + "." + base64.RawURLEncoding.EncodeToString(signature), err
}

// parseKey reads an RSA key from PEM, whose line breaks may be written as \n, as they are in environment variables. Its error ends a
// sentence that begins with the key, and holds nothing of it.
func parseKey(content []byte) (*rsa.PrivateKey, error) {
	content = bytes.TrimSpace(bytes.ReplaceAll(content, []byte(`\n`), []byte("\n")))
	if bytes.HasPrefix(content, []byte("{")) {
		return nil, errors.New("is a JWK: Okta shows the same key as PEM where it is made, choose that form")
	}
	block, _ := pem.Decode(content)
	switch {
	case block == nil:
		return nil, errors.New("is not PEM: it begins with -----BEGIN PRIVATE KEY----- or -----BEGIN RSA PRIVATE KEY-----")
	case block.Type == "ENCRYPTED PRIVATE KEY" || block.Headers["DEK-Info"] != "":
		return nil, errors.New("is encrypted: take the pass phrase off, and let nobody else read the file")
	case block.Type == "RSA PRIVATE KEY":
		key, err := x509.ParsePKCS1PrivateKey(block.Bytes)
		if err != nil {
			return nil, errors.New("is broken: its PEM block holds no PKCS #1 key")
		}
		return key, nil
	case block.Type == "PRIVATE KEY":
		key, err := x509.ParsePKCS8PrivateKey(block.Bytes)
		if err != nil {
			return nil, errors.New("is broken: its PEM block holds no PKCS #8 key")
		}
		if key, ok := key.(*rsa.PrivateKey); ok {
			return key, nil
		}
		return nil, errors.New("is no RSA key: make one of that kind for the service app")
	}
	if strings.HasSuffix(block.Type, " PRIVATE KEY") {
		return nil, errors.New("is no RSA key but " + rest.Line(block.Type) + ": make one of that kind for the service app")
	}
	return nil, errors.New("is none: the PEM block holds " + rest.Line(block.Type))
}

// explainToken reads the error of a request for a token: OAuth's (RFC 6749 §5.2), or Okta's own.
func explainToken(status int, _ http.Header, body []byte) *connectors.Error {
	code, said := errorOf(body, "error", "error_description")
	if code == "" {
		code, said = errorOf(body, "errorCode", "errorSummary")
	}
	failure := rest.Said(status, code, said)
	if known, ok := tokenErrors[code]; ok {
		failure.Kind, failure.Mend = known.kind, known.mend
	}
	return failure
}

// tokenErrors are why a token is refused, and what to do about it.
var tokenErrors = map[string]struct {
	kind error
	mend string
}{
	"invalid_client": {connectors.ErrUnauthorised, "check the client id, that the service app is active and has the public half of this private key (and the key id, if one is configured), " +
		"and this machine's clock: " + serviceAppPage + " > General > Client Credentials"},
	"unauthorized_client": {connectors.ErrMisconfigured, "the client id must be that of a service app, made at Applications > Create App Integration > API Services; no other kind may sign in without a person"},
	"invalid_scope":       {connectors.ErrForbidden, ""}, // naming says which
	"consent_required":    {connectors.ErrForbidden, ""},
	"access_denied":       {connectors.ErrForbidden, "give the service app an administrator's role, Read-Only Administrator will do: " + serviceAppPage + " > Admin roles"},
	"invalid_dpop_proof":  {connectors.ErrMisconfigured, noDPoP},
	"use_dpop_nonce":      {connectors.ErrMisconfigured, noDPoP},
}

const (
	serviceAppPage = "Okta admin console > Applications > Applications > the service app"
	noDPoP         = "the service app demands proof of possession (DPoP), which is not supported here: clear 'Require Demonstrating Proof of Possession (DPoP) header in token requests' at " +
		serviceAppPage + " > General > General Settings > Edit"
)
