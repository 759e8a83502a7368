package okta_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"rollcall/connectors/idpsim"
	"rollcall/connectors/idpsim/okta"
)

// sign makes a compact JWS of the claims.
func sign(t *testing.T, key crypto.Signer, algorithm string, claims object) string {
	t.Helper()
	part := func(v any) string {
		b, err := json.Marshal(v)
		must(t, err)
		return base64.RawURLEncoding.EncodeToString(b)
	}
	text := part(object{"alg": algorithm, "kid": "1"}) + "." + part(claims)
	digest := sha256.Sum256([]byte(text))
	var signature []byte
	var err error
	if k, ok := key.(*ecdsa.PrivateKey); ok {
		r, s, errSign := ecdsa.Sign(rand.Reader, k, digest[:])
		signature, err = append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...), errSign
	} else {
		signature, err = key.Sign(rand.Reader, digest[:], crypto.SHA256)
	}
	must(t, err)
	return text + "." + base64.RawURLEncoding.EncodeToString(signature)
}

// clients are a key of each kind.
func clients(t *testing.T) (rsaKey *rsa.PrivateKey, ecKey *ecdsa.PrivateKey) {
	t.Helper()
	rsaKey, err := rsa.GenerateKey(rand.Reader, 2048)
	must(t, err)
	ecKey, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	return rsaKey, ecKey
}

// ask sends a token request.
func (x *org) ask(form url.Values, inQuery bool) (int, object) {
	x.Helper()
	target, body := x.server.URL+okta.TokenPath, form.Encode()
	if inQuery {
		target, body = target+"?"+body, ""
	}
	response, err := http.Post(target, "application/x-www-form-urlencoded", strings.NewReader(body))
	must(x, err)
	defer func() { _ = response.Body.Close() }()
	b, err := io.ReadAll(response.Body)
	must(x, err)
	var answer object
	must(x, json.Unmarshal(b, &answer))
	return response.StatusCode, answer
}

func form(assertion, scope string) url.Values {
	return url.Values{
		"grant_type": {"client_credentials"}, "client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
		"client_assertion": {assertion}, "scope": {scope},
	}
}

func TestAssertions(t *testing.T) {
	key, other := clients(t)
	x := open(t, idpsim.Options{}, okta.Options{Service: &okta.Service{ClientID: "0oaService", Key: &key.PublicKey}})
	y := open(t, idpsim.Options{}, okta.Options{Service: &okta.Service{ClientID: "0oaService", Key: &other.PublicKey}})
	in := func(d time.Duration) int64 { return time.Now().Add(d).Unix() }
	claims := func(x *org, change func(object)) object {
		c := object{"iss": "0oaService", "sub": "0oaService", "aud": x.server.URL + okta.TokenPath, "exp": in(5 * time.Minute), "iat": in(0)}
		change(c)
		return c
	}
	for name, c := range map[string]struct {
		assertion string
		status    int
		want      string
	}{
		"good":            {sign(t, key, "RS256", claims(x, func(object) {})), 200, ""},
		"audience list":   {sign(t, key, "RS256", claims(x, func(c object) { c["aud"] = []string{"x", x.server.URL + okta.TokenPath} })), 200, ""},
		"an hour":         {sign(t, key, "RS256", claims(x, func(c object) { c["exp"] = in(59 * time.Minute) })), 200, ""},
		"another key":     {sign(t, other, "ES256", claims(x, func(object) {})), 401, "signature is invalid"},
		"no algorithm":    {sign(t, key, "none", claims(x, func(object) {})), 401, "signature is invalid"},
		"wrong audience":  {sign(t, key, "RS256", claims(x, func(c object) { c["aud"] = x.server.URL })), 401, "audience claim"},
		"expired":         {sign(t, key, "RS256", claims(x, func(c object) { c["exp"] = in(-time.Second) })), 401, "is expired"},
		"without end":     {sign(t, key, "RS256", claims(x, func(c object) { delete(c, "exp") })), 401, "is expired"},
		"for two hours":   {sign(t, key, "RS256", claims(x, func(c object) { c["exp"] = in(2 * time.Hour) })), 401, "too far into the future"},
		"not issued yet":  {sign(t, key, "RS256", claims(x, func(c object) { c["iat"] = in(time.Hour) })), 401, "issued in the future"},
		"somebody else":   {sign(t, key, "RS256", claims(x, func(c object) { c["sub"] = "0oaOther" })), 401, "client_id"},
		"no JWT":          {"nonsense", 401, "not a valid JWT"},
		"no JSON in it":   {"bm8.bm8.bm8", 401, "not a valid JWT"},
		"no base64 in it": {"*.*.*", 401, "not a valid JWT"},
		"none at all":     {"", 401, "No client credentials"},
	} {
		for _, inQuery := range []bool{false, true} {
			status, answer := x.ask(form(c.assertion, "okta.apps.read"), inQuery)
			text, _ := answer["error_description"].(string)
			if status != c.status || !strings.Contains(text, c.want) {
				t.Errorf("%s: %d %v, want %d %s", name, status, answer, c.status, c.want)
			}
		}
	}
	if status, answer := y.ask(form(sign(t, other, "ES256", claims(y, func(object) {})), "okta.apps.read"), false); status != 200 {
		t.Errorf("an elliptic key: %d %v", status, answer)
	}
	if status, answer := x.ask(url.Values{"grant_type": {"password"}}, false); status != 400 || answer["error"] != "unsupported_grant_type" {
		t.Errorf("another grant: %d %v", status, answer)
	}
}

func TestServiceTokens(t *testing.T) {
	key, _ := clients(t)
	now := time.Now()
	service := &okta.Service{ClientID: "0oaService", Key: &key.PublicKey}
	x := open(t, idpsim.Options{Seed: 1, People: 1}, okta.Options{Service: service, Now: func() time.Time { return now }})
	request := func(scope string) (int, object) {
		assertion := sign(t, key, "RS256", object{"iss": "0oaService", "sub": "0oaService", "aud": x.server.URL + okta.TokenPath, "exp": now.Add(time.Minute).Unix()})
		return x.ask(form(assertion, scope), false)
	}
	take := func(scope string) {
		t.Helper()
		status, answer := request(scope)
		if status != 200 || answer["token_type"] != "Bearer" || answer["expires_in"] != 3600.0 {
			t.Fatalf("%d %v", status, answer)
		}
		x.header.Set("Authorization", "Bearer "+answer["access_token"].(string))
	}
	take("okta.apps.read okta.users.read")
	x.good(x.app("/users"))
	x.good("/users")
	logs := x.do("GET", "/logs")
	if want := `error="insufficient_scope"`; logs.status != 403 || logs.body != "" || !strings.Contains(logs.header.Get("WWW-Authenticate"), want) {
		t.Errorf("without the scope: %d %q %s", logs.status, logs.body, logs.header.Get("WWW-Authenticate"))
	}
	if a := x.do("GET", x.app("/group-push/mappings")); a.status != 403 {
		t.Errorf("one of two scopes was enough: %d", a.status)
	}

	must(t, x.pop.Do(idpsim.Step{Do: "okta-revoke", Value: "okta.users.read"}))
	if _, answer := request("okta.apps.read okta.users.read"); answer["scope"] != "okta.apps.read" {
		t.Errorf("what was not granted is left out: %v", answer)
	}
	if status, answer := request("okta.users.read okta.users.manage"); status != 400 || answer["error"] != "consent_required" {
		t.Errorf("nothing granted: %d %v", status, answer)
	}
	if status, answer := request(" "); status != 400 || answer["error"] != "invalid_scope" {
		t.Errorf("nothing asked for: %d %v", status, answer)
	}
	x.good("/users") // a token keeps what it was given

	must(t, x.pop.Do(idpsim.Step{Do: "okta-revoke", Value: idpsim.AdminRole}))
	x.refused(x.do("GET", "/users"), 403, "E0000006")
	must(t, x.pop.Do(idpsim.Step{Do: "okta-grant", Value: idpsim.AdminRole}))
	x.good("/users")

	now = now.Add(time.Hour)
	x.refused(x.do("GET", "/users"), 401, "E0000011")
	take("okta.apps.read")
	x.good(x.app(""))
	must(t, x.pop.Do(idpsim.Step{Do: "revoke-tokens"}))
	x.refused(x.do("GET", x.app("")), 401, "E0000011")

	service.DPoP = true
	if status, answer := request("okta.apps.read"); status != 400 || answer["error"] != "invalid_dpop_proof" {
		t.Errorf("without a proof of possession: %d %v", status, answer)
	}
}

func TestAPITokenIsRevoked(t *testing.T) {
	x := open(t, idpsim.Options{}, okta.Options{})
	must(t, x.pop.Do(idpsim.Step{Do: "api-token", Value: "revoked"}))
	x.refused(x.do("GET", "/org"), 401, "E0000011")
	must(t, x.pop.Do(idpsim.Step{Do: "api-token", Value: "valid"}))
	x.good("/org")
	if status, answer := x.ask(form("x", "okta.apps.read"), false); status != 401 || answer["error"] != "invalid_client" {
		t.Errorf("an org without a service application: %d %v", status, answer)
	}
}
