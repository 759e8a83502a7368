package okta_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/connectors"
	"rollcall/connectors/idpsim"
	simulated "rollcall/connectors/idpsim/okta"
	"rollcall/connectors/okta"
)

const clientID = "0oaService0000000000"

var serviceKey = sync.OnceValue(func() *rsa.PrivateKey {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	return key
})

func pemOf(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

func pkcs8(key any) []byte {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		panic(err)
	}
	return der
}

// pemKey is the service app's key.
func pemKey() string { return pemOf("PRIVATE KEY", pkcs8(serviceKey())) }

// org is a simulated org with a service app that may do everything.
type org struct {
	population *idpsim.Population
	server     *httptest.Server
	key        string // what PrivateKey reads
	reads      int
	mu         sync.Mutex
	tokens     []string // scopes of each token that was asked for
	service    *simulated.Service
}

func newOrg(t *testing.T) *org {
	o := &org{population: idpsim.New(idpsim.Options{Seed: 1, People: 30, Groups: 2, Direct: 3}), key: pemKey()}
	o.service = &simulated.Service{ClientID: clientID, Key: serviceKey().Public()}
	api := simulated.New(o.population, simulated.Options{Token: token, Service: o.service})
	o.server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == simulated.TokenPath {
			if r.URL.RawQuery != "" {
				t.Errorf("the assertion is in the address: %s", r.URL.Path)
			}
			if err := r.ParseForm(); err != nil {
				t.Error(err)
			}
			o.mu.Lock()
			o.tokens = append(o.tokens, r.Form.Get("scope"))
			o.mu.Unlock()
		}
		api.ServeHTTP(w, r)
	}))
	t.Cleanup(o.server.Close)
	return o
}

func (o *org) do(t *testing.T, steps ...idpsim.Step) {
	t.Helper()
	if err := o.population.Do(steps...); err != nil {
		t.Fatal(err)
	}
}

// open makes a connector that signs in as the service app.
func (o *org) open(t *testing.T) *okta.Connector {
	t.Helper()
	c, err := okta.Open(okta.Config{
		OrgURL: o.server.URL, AppID: o.population.OktaAppID(), ClientID: clientID, KeyID: "1",
		PrivateKey: func() ([]byte, error) { o.reads++; return []byte(o.key), nil },
		SleepFunc:  func(ctx context.Context, _ time.Duration) error { return ctx.Err() },
	})
	if err != nil {
		t.Fatal(err)
	}
	if o.reads > 0 {
		t.Error("Open reads a secret")
	}
	return c
}

// TestServiceApp: one token for each kind of scopes, asked for when it is needed and used again.
func TestServiceApp(t *testing.T) {
	o := newOrg(t)
	c := o.open(t)
	for range 2 {
		if people, proof, err := pull(t, c); err != nil || len(people) != 30 || proof.Push == nil {
			t.Fatalf("%d people, %+v, %v", len(people), proof, err)
		}
	}
	if diff := cmp.Diff([]string{"okta.apps.read okta.users.read", "okta.apps.read okta.groups.read"}, o.tokens); diff != "" {
		t.Error(diff)
	}
	if _, err := c.Hints(t.Context(), ""); err != nil {
		t.Error(err)
	}
	for _, finding := range c.Check(t.Context()) {
		if !finding.OK {
			t.Errorf("all is well: %+v", finding)
		}
	}
	if len(o.tokens) != 5 {
		t.Errorf("tokens: %q", o.tokens)
	}
}

// TestTokensEnd: a token that is revoked is replaced at once, within the call; the key is read again for that.
func TestTokensEnd(t *testing.T) {
	o := newOrg(t)
	c := o.open(t)
	if _, _, err := pull(t, c); err != nil {
		t.Fatal(err)
	}
	reads := o.reads
	o.do(t, idpsim.Step{Do: "revoke-tokens"})
	if _, _, err := pull(t, c); err != nil || o.reads <= reads {
		t.Errorf("%v, the key was read %d times", err, o.reads)
	}
}

// TestKeys: PEM of both kinds is read; what is none says so, and nothing of itself.
func TestKeys(t *testing.T) {
	elliptical, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct{ key, says string }{
		"PKCS #8":         {pemKey(), ""},
		"PKCS #1":         {pemOf("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(serviceKey())), ""},
		"in a variable":   {strings.ReplaceAll(pemKey(), "\n", `\n`), ""},
		"white space":     {"\n\n " + pemKey() + "\n\n", ""},
		"JWK":             {`{"kty":"RSA","d":"secret-part"}`, "is a JWK"},
		"no PEM":          {"secret-part", "is not PEM"},
		"empty":           {"", "is not PEM"},
		"encrypted":       {pemOf("ENCRYPTED PRIVATE KEY", []byte("secret-part")), "is encrypted"},
		"certificate":     {pemOf("CERTIFICATE", []byte("secret-part")), "CERTIFICATE"},
		"broken":          {pemOf("PRIVATE KEY", []byte("secret-part")), "is broken"},
		"broken too":      {pemOf("RSA PRIVATE KEY", []byte("secret-part")), "is broken"},
		"elliptic curves": {pemOf("PRIVATE KEY", pkcs8(elliptical)), "is no RSA key"},
		"SEC 1":           {pemOf("EC PRIVATE KEY", []byte("secret-part")), "is no RSA key but EC PRIVATE KEY: make"},
		"public half":     {pemOf("PUBLIC KEY", []byte("secret-part")), "is none: the PEM block holds PUBLIC KEY"},
	} {
		o := newOrg(t)
		o.key = test.key
		_, proof, err := pull(t, o.open(t))
		if (err == nil) != (test.says == "") {
			t.Errorf("%s: %v", name, err)
		}
		if err != nil && (!errors.Is(err, connectors.ErrMisconfigured) || !strings.Contains(proof.Reason, test.says) || strings.Contains(err.Error(), "secret-part")) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestServiceAppRefused: each way to refuse one is told with its mend, and a right that is missing spoils nothing but what takes it.
func TestServiceAppRefused(t *testing.T) {
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	revoke := func(scope string) func(*testing.T, *org) {
		return func(t *testing.T, o *org) { o.do(t, idpsim.Step{Do: "okta-revoke", Value: scope}) }
	}
	for name, test := range map[string]struct {
		break_ func(*testing.T, *org)
		what   string // the first finding that is not well
		mend   string
		kind   error // of a pull; nil = it is complete
	}{
		"another key": {func(_ *testing.T, o *org) { o.key = pemOf("PRIVATE KEY", pkcs8(other)) }, "sign in as the service app", "public half", connectors.ErrUnauthorised},
		"DPoP":        {func(_ *testing.T, o *org) { o.service.DPoP = true }, "sign in as the service app", "clear 'Require Demonstrating Proof of Possession", connectors.ErrMisconfigured},
		"no role":     {revoke(idpsim.AdminRole), "find the application", "Admin roles", connectors.ErrForbidden},
		"no apps":     {revoke("okta.apps.read"), "find the application", "Okta API Scopes", connectors.ErrForbidden},
		"no users":    {revoke("okta.users.read"), "read people", "okta.users.read: Okta admin console", nil},
		"no groups":   {revoke("okta.groups.read"), "read which groups Okta pushes", "okta.groups.read: Okta admin console", nil},
		"no log":      {revoke("okta.logs.read"), "read the System Log", "okta.logs.read: Okta admin console", nil},
		"no schemas":  {revoke("okta.schemas.read"), "read where attributes go", "okta.schemas.read: Okta admin console", nil},
		"no mappings": {revoke("okta.profileMappings.read"), "read the attribute mappings", "okta.profileMappings.read: Okta admin console", nil},
	} {
		o := newOrg(t)
		test.break_(t, o)
		c := o.open(t)
		var bad connectors.Finding
		for _, finding := range c.Check(t.Context()) {
			if !finding.OK && bad.What == "" {
				bad = finding
			}
		}
		if !strings.Contains(bad.What, test.what) || !strings.Contains(bad.Mend, test.mend) {
			t.Errorf("%s: %+v", name, bad)
		}
		if _, proof, err := pull(t, c); !errors.Is(err, test.kind) || err == nil != (test.kind == nil) || proof.Lost {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestTokenErrors: what the token endpoint may say beside what the simulation does.
func TestTokenErrors(t *testing.T) {
	for body, test := range map[string]struct {
		kind error
		mend string
	}{
		`{"error":"invalid_scope","error_description":"x"}`:                   {connectors.ErrForbidden, "okta.apps.read and okta.users.read"},
		`{"error":"access_denied","error_description":"x"}`:                   {connectors.ErrForbidden, "Admin roles"},
		`{"error":"use_dpop_nonce","error_description":"x"}`:                  {connectors.ErrMisconfigured, "DPoP"},
		`{"error":"unauthorized_client","error_description":"x"}`:             {connectors.ErrMisconfigured, "API Services"},
		`{"errorCode":"invalid_client","errorSummary":"Invalid value"}`:       {connectors.ErrUnauthorised, "client id"},
		`{"error":"server_error","error_description":"for ada@acme.example"}`: {connectors.ErrMisconfigured, ""},
		`<html>`: {connectors.ErrMisconfigured, ""},
	} {
		f := newFake(t)
		f.on(simulated.TokenPath, status(400, body))
		_, _, err := pull(t, f.open(asServiceApp))
		var failure *connectors.Error
		if !errors.As(err, &failure) || failure.Kind != test.kind || !strings.Contains(failure.Mend, test.mend) || failure.Op == "" || strings.Contains(err.Error(), "@") {
			t.Errorf("%s: %v", body, err)
		}
		if len(f.seen) != 1 {
			t.Errorf("%s: %q", body, f.seen)
		}
	}
	for name, body := range map[string]string{
		"none": `{}`, "another kind": `{"token_type":"DPoP","access_token":"x"}`, "two lines": `{"token_type":"Bearer","access_token":"x\ny"}`, "odd": `[]`,
	} {
		f := newFake(t)
		f.on(simulated.TokenPath, ok(body))
		if _, _, err := pull(t, f.open(asServiceApp)); !errors.Is(err, connectors.ErrIncomplete) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// asServiceApp makes a fake's connector sign in as a service app.
func asServiceApp(c *okta.Config) {
	c.APIToken, c.ClientID = nil, clientID
	c.PrivateKey = func() ([]byte, error) { return []byte(pemKey()), nil }
}

// TestServiceAppIsSwitchedOff: tokens are given, and refused.
func TestServiceAppIsSwitchedOff(t *testing.T) {
	f := newFake(t)
	f.on(simulated.TokenPath, ok(`{"token_type":"Bearer","access_token":"x","expires_in":3600}`))
	f.on(app, status(401, `{"errorCode":"E0000011","errorSummary":"Invalid token provided"}`))
	_, _, err := pull(t, f.open(asServiceApp))
	if !errors.Is(err, connectors.ErrUnauthorised) || !strings.Contains(connectors.Mend(err), "service app is active") || len(f.seen) != 3 {
		t.Errorf("%v, %q", err, f.seen)
	}
	f.seen = nil
	_, _, err = pull(t, f.open(asServiceApp, func(c *okta.Config) {
		c.PrivateKey = func() ([]byte, error) { return nil, errors.New("permission denied") }
	}))
	if !errors.Is(err, connectors.ErrMisconfigured) || !strings.Contains(err.Error(), "the private key cannot be read: permission denied") || len(f.seen) > 0 {
		t.Errorf("%v, %q", err, f.seen)
	}
}

// TestTokenIsFetchedPatiently: its endpoint is a call like others: tried again, counted, and ended with the context.
func TestTokenIsFetchedPatiently(t *testing.T) {
	f := newFake(t)
	bearer, err := json.Marshal(map[string]any{"token_type": "Bearer", "expires_in": 3600, "access_token": "good"})
	if err != nil {
		t.Fatal(err)
	}
	f.on(simulated.TokenPath, status(503, "{}"), status(429, "{}"), ok("<html>"), ok(string(bearer)))
	_, proof, err := pull(t, f.open(asServiceApp))
	if err != nil || proof.Calls != len(f.seen) {
		t.Errorf("%v, %d calls told, %q", err, proof.Calls, f.seen)
	}
	for i, header := range f.headers {
		if !strings.HasPrefix(f.seen[i], "POST") && header.Get("Authorization") != "Bearer good" {
			t.Errorf("%s went with %q", f.seen[i], header.Get("Authorization"))
		}
	}

	f = newFake(t)
	arrived := make(chan struct{})
	f.on(simulated.TokenPath, func(_ http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body) // only then the server notices that the client has left
		close(arrived)
		<-r.Context().Done()
	})
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-arrived; cancel() }()
	started := time.Now()
	if _, err := f.open(asServiceApp).Pull(ctx, connectors.Want{Scope: connectors.Assigned}, nil); !errors.Is(err, context.Canceled) || time.Since(started) > time.Second {
		t.Errorf("%v after %v", err, time.Since(started))
	}
}

// TestAPITokenIsReadAgain: when it is refused, and never before; who gets the same one again is refused.
func TestAPITokenIsReadAgain(t *testing.T) {
	f := newFake(t)
	valid, reads, kept := "first", 0, "first"
	check := func(then http.HandlerFunc) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			if r.Header.Get("Authorization") != "SSWS "+valid {
				status(401, `{"errorCode":"E0000011","errorSummary":"Invalid token provided"}`)(w, r)
				return
			}
			then(w, r)
		}
	}
	f.on(app, check(ok(`{"id":"`+appID+`","status":"ACTIVE"}`)))
	f.on(users, check(ok(list(appUser(1)))))
	c := f.open(func(c *okta.Config) { c.APIToken = func() (string, error) { reads++; return kept, nil } })
	if reads != 0 {
		t.Error("Open reads a secret")
	}
	for range 2 {
		if _, _, err := pull(t, c); err != nil || reads != 1 {
			t.Fatalf("%v after %d reads", err, reads)
		}
	}
	valid, kept = "second", "second"
	if _, _, err := pull(t, c); err != nil || reads != 2 {
		t.Errorf("a new token: %v after %d reads", err, reads)
	}
	valid, f.seen = "third", nil
	if _, _, err := pull(t, c); !errors.Is(err, connectors.ErrUnauthorised) || len(f.seen) != 1 {
		t.Errorf("no new token: %v, %q", err, f.seen)
	}
}

func TestAPITokenThatCannotBeUsed(t *testing.T) {
	for name, test := range map[string]struct {
		read func() (string, error)
		says string
	}{
		"unreadable": {func() (string, error) { return "", fmt.Errorf("open the file: %w", errors.New("permission denied")) }, "permission denied"},
		"empty":      {func() (string, error) { return "", nil }, "is empty"},
		"two lines":  {func() (string, error) { return token + "\n" + token, nil }, "line break"},
	} {
		f := newFake(t)
		_, proof, err := pull(t, f.open(func(c *okta.Config) { c.APIToken = test.read }))
		if !errors.Is(err, connectors.ErrMisconfigured) || !strings.Contains(proof.Reason, test.says) || strings.Contains(err.Error(), token) || len(f.seen) > 0 {
			t.Errorf("%s: %v, %q", name, err, f.seen)
		}
	}
}
