package console

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"sync"
	"testing"
	"time"
)

// signer is one RSA key for all tests: to make one takes long.
var signer = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

const (
	testClient = "rollcall-console"
	testSecret = "s3cr3t of the console"
)

// openIDProvider is a small OpenID provider: discovery, the code flow with PKCE, RS256 tokens and their keys. Whoever comes to its
// authorization page is the person it is set to.
type openIDProvider struct {
	*httptest.Server
	t   testing.TB
	now func() time.Time

	mu       sync.Mutex
	down     bool           // it answers 503
	info     map[string]any // of the user info; nil: it has no such page
	person   map[string]any // claims of who is signed in there
	tamper   func(claims map[string]any)
	key      *rsa.PrivateKey // tokens are signed with it; the published one is signer's
	codes    map[string]authorization
	asked    int // for discovery
	redeemed int // codes
}

// authorization is what a code stands for.
type authorization struct{ redirect, challenge, nonce string }

func newOpenIDProvider(t testing.TB, now func() time.Time) *openIDProvider {
	p := &openIDProvider{t: t, now: now, key: signer(), codes: map[string]authorization{}, tamper: func(map[string]any) {}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", p.discovery)
	mux.HandleFunc("GET /authorize", p.authorize)
	mux.HandleFunc("POST /token", p.token)
	mux.HandleFunc("GET /keys", p.keys)
	mux.HandleFunc("GET /userinfo", p.userInfo)
	p.Server = httptest.NewServer(mux)
	t.Cleanup(p.Close)
	return p
}

func (p *openIDProvider) answer(w http.ResponseWriter, status int, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	if err := json.NewEncoder(w).Encode(value); err != nil {
		p.t.Error(err)
	}
}

func (p *openIDProvider) discovery(w http.ResponseWriter, _ *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.asked++
	if p.down {
		w.WriteHeader(http.StatusServiceUnavailable)
		return
	}
	document := map[string]any{
		"issuer": p.URL, "authorization_endpoint": p.URL + "/authorize", "token_endpoint": p.URL + "/token", "jwks_uri": p.URL + "/keys",
		"id_token_signing_alg_values_supported": []string{"RS256"}, "response_types_supported": []string{"code"}, "subject_types_supported": []string{"public"},
	}
	if p.info != nil {
		document["userinfo_endpoint"] = p.URL + "/userinfo"
	}
	p.answer(w, http.StatusOK, document)
}

func (p *openIDProvider) userInfo(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if r.Header.Get("Authorization") != "Bearer opaque" || len(p.info) == 0 {
		p.answer(w, http.StatusUnauthorized, map[string]string{"error": "invalid_token"})
		return
	}
	p.answer(w, http.StatusOK, p.info)
}

func (p *openIDProvider) authorize(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	q := r.URL.Query()
	if q.Get("client_id") != testClient || q.Get("response_type") != "code" || q.Get("code_challenge_method") != "S256" || q.Get("state") == "" {
		p.t.Errorf("the provider was asked %v", q)
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	code := rand.Text()
	p.codes[code] = authorization{q.Get("redirect_uri"), q.Get("code_challenge"), q.Get("nonce")}
	http.Redirect(w, r, q.Get("redirect_uri")+"?"+url.Values{"code": {code}, "state": {q.Get("state")}, "iss": {p.URL}}.Encode(), http.StatusFound)
}

func (p *openIDProvider) token(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	client, secret, basic := r.BasicAuth()
	if !basic {
		client, secret = r.PostFormValue("client_id"), r.PostFormValue("client_secret")
	} else {
		client, _ = url.QueryUnescape(client)
		secret, _ = url.QueryUnescape(secret)
	}
	if client != testClient || secret != testSecret {
		p.answer(w, http.StatusUnauthorized, map[string]string{"error": "invalid_client"})
		return
	}
	code := r.PostFormValue("code")
	granted, ok := p.codes[code]
	delete(p.codes, code)
	sum := sha256.Sum256([]byte(r.PostFormValue("code_verifier")))
	if !ok || r.PostFormValue("grant_type") != "authorization_code" || r.PostFormValue("redirect_uri") != granted.redirect || base64.RawURLEncoding.EncodeToString(sum[:]) != granted.challenge {
		p.answer(w, http.StatusBadRequest, map[string]string{"error": "invalid_grant"})
		return
	}
	p.redeemed++
	claims := map[string]any{"iss": p.URL, "aud": testClient, "nonce": granted.nonce, "iat": p.now().Unix(), "exp": p.now().Add(time.Hour).Unix()}
	for name, value := range p.person {
		claims[name] = value
	}
	p.tamper(claims)
	p.answer(w, http.StatusOK, map[string]any{"access_token": "opaque", "token_type": "Bearer", "expires_in": 3600, "id_token": p.sign(claims)})
}

func (p *openIDProvider) sign(claims map[string]any) string {
	body, err := json.Marshal(claims)
	if err != nil {
		p.t.Error(err)
	}
	encode := base64.RawURLEncoding.EncodeToString
	text := encode([]byte(`{"alg":"RS256","kid":"one","typ":"JWT"}`)) + "." + encode(body)
	sum := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPKCS1v15(nil, p.key, crypto.SHA256, sum[:])
	if err != nil {
		p.t.Error(err)
	}
	return text + "." + encode(signature)
}

func (p *openIDProvider) keys(w http.ResponseWriter, _ *http.Request) {
	public := signer().PublicKey
	encode := base64.RawURLEncoding.EncodeToString
	p.answer(w, http.StatusOK, map[string]any{"keys": []map[string]string{
		{"kty": "RSA", "use": "sig", "alg": "RS256", "kid": "one", "n": encode(public.N.Bytes()), "e": encode([]byte{1, 0, 1})},
	}})
}

// is sets who is signed in at the provider.
func (p *openIDProvider) is(person map[string]any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.person = person
}

// set changes how the provider behaves.
func (p *openIDProvider) set(change func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	change()
}
