package entra_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rollcall/connectors"
	"rollcall/connectors/entra"
)

// signIn makes the fake a sign-in service too, whose token endpoint gives the answers.
func signIn(f *fake, answers ...http.HandlerFunc) {
	f.on("/"+tenantID+"/v2.0/.well-known/openid-configuration", ok(strings.ReplaceAll(
		`{"issuer":"HOST/`+tenantID+`/v2.0","token_endpoint":"HOST/`+tenantID+`/oauth2/v2.0/token","authorization_endpoint":"HOST/`+tenantID+`/oauth2/v2.0/authorize"}`,
		"HOST", f.server.URL)))
	f.on(tokenPath, answers...)
}

const (
	tokenPath = "/" + tenantID + "/oauth2/v2.0/token"
	secret    = "s3cr3t~value"
)

func withSecret(f *fake) func(*entra.Config) {
	return func(c *entra.Config) {
		c.AccessToken, c.ClientID, c.ClientSecret, c.LoginURL = "", appID, secret, f.server.URL
	}
}

func TestSignInWithClientSecret(t *testing.T) {
	f := newFake(t)
	signIn(f, status(503, "{}"), ok(`{"token_type":"Bearer","expires_in":3600,"access_token":"`+token+`"}`))
	c := f.open(withSecret(f))
	for range 2 {
		if _, _, err := pull(t, c); err != nil {
			t.Fatal(err)
		}
	}
	tokens := 0
	for i, request := range f.seen {
		if strings.Contains(request, tokenPath) {
			tokens++
			if !strings.Contains(f.bodies[i], "scope=") || !strings.Contains(f.bodies[i], "grant_type=client_credentials") {
				t.Errorf("asked for a token with %q", f.bodies[i])
			}
		} else if strings.Contains(request, "/v1.0/") && f.headers[i].Get("Authorization") != "Bearer "+token {
			t.Errorf("%s went without the token", request)
		}
	}
	if tokens != 2 {
		t.Errorf("the token endpoint was asked %d times: one failure, one token for both pulls", tokens)
	}
}

func TestSignInFailures(t *testing.T) {
	refusal := func(code string) http.HandlerFunc {
		return status(401, fmt.Sprintf(`{"error":"invalid_client","error_description":"%s: No, said the service. Trace ID: 1\r\nCorrelation ID: 2","error_codes":[1]}`, code))
	}
	for name, test := range map[string]struct {
		answer http.HandlerFunc
		kind   error
		mend   string
	}{
		"wrong secret":   {refusal("AADSTS7000215"), connectors.ErrUnauthorised, "Certificates & secrets"},
		"expired secret": {refusal("AADSTS7000222"), connectors.ErrUnauthorised, "expired"},
		"no consent":     {refusal("AADSTS700016"), connectors.ErrSourceLost, "consent"},
		"no directory":   {refusal("AADSTS90002"), connectors.ErrMisconfigured, "tenant id"},
		"another reason": {refusal("AADSTS53003"), connectors.ErrUnauthorised, ""},
		"throttled":      {status(429, `{}`), connectors.ErrThrottled, ""},
		"down":           {status(503, ``), connectors.ErrUnreachable, ""},
		"HTML":           {func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>") }, connectors.ErrUnreachable, ""},
		"closed": {func(w http.ResponseWriter, _ *http.Request) {
			conn, _, err := w.(http.Hijacker).Hijack()
			if err == nil {
				conn.Close()
			}
		}, connectors.ErrUnreachable, ""},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t)
			signIn(f, test.answer)
			c := f.open(withSecret(f))
			_, proof, err := pull(t, c)
			var failure *connectors.Error
			if !errors.As(err, &failure) || !errors.Is(err, test.kind) || failure.Op != "sign in" {
				t.Fatalf("got %v", err)
			}
			if !strings.Contains(failure.Mend, test.mend) {
				t.Errorf("mend: %s", failure.Mend)
			}
			if proof.Lost != (test.kind == connectors.ErrSourceLost) {
				t.Errorf("proof: %+v", proof)
			}
			findings := c.Check(t.Context())
			if len(findings) != 1 || findings[0].OK || findings[0].What != "sign in" || findings[0].Mend == "" {
				t.Errorf("findings: %+v", findings)
			}
			for _, said := range []string{err.Error(), proof.Reason, findings[0].Mend} {
				if strings.Contains(said, secret) {
					t.Errorf("the secret is told: %s", said)
				}
			}
		})
	}
}

// clouds answers for a cloud's hosts and notes them.
type clouds struct{ hosts []string }

func (c *clouds) RoundTrip(r *http.Request) (*http.Response, error) {
	host := r.URL.Scheme + "://" + r.URL.Host
	if len(c.hosts) == 0 || c.hosts[len(c.hosts)-1] != host {
		c.hosts = append(c.hosts, host)
	}
	answer := ok(`{"id":"` + spID + `","value":[]}`)
	switch {
	case strings.HasSuffix(r.URL.Path, "/openid-configuration"):
		answer = ok(fmt.Sprintf(`{"issuer":"%[1]s/x/v2.0","token_endpoint":"%[1]s/x/token","authorization_endpoint":"%[1]s/x/authorize"}`, host))
	case strings.HasSuffix(r.URL.Path, "/token"):
		if err := r.ParseForm(); err != nil {
			return nil, err
		}
		wanted, _, _ := strings.Cut(r.PostForm.Get("scope"), " ") // the library adds scopes of its own
		c.hosts = append(c.hosts, "scope "+wanted)
		answer = ok(`{"token_type":"Bearer","expires_in":3600,"access_token":"` + token + `"}`)
	}
	w := httptest.NewRecorder()
	answer(w, r)
	resp := w.Result()
	resp.Request = r
	return resp, nil
}

// TestClouds: the SDK knows the global cloud alone, unless it is told of scope and address alike.
func TestClouds(t *testing.T) {
	for cloud, hosts := range map[string][2]string{
		"":          {"login.microsoftonline.com", "graph.microsoft.com"},
		"public":    {"login.microsoftonline.com", "graph.microsoft.com"},
		"usgov":     {"login.microsoftonline.us", "graph.microsoft.us"},
		"usgov_dod": {"login.microsoftonline.us", "dod-graph.microsoft.us"},
		"china":     {"login.chinacloudapi.cn", "microsoftgraph.chinacloudapi.cn"},
	} {
		seen := &clouds{}
		c, err := entra.Open(entra.Config{TenantID: tenantID, ClientID: appID, ClientSecret: secret, AppID: appID, Cloud: cloud, Transport: seen})
		if err != nil {
			t.Fatal(err)
		}
		if _, _, err := pull(t, c); err != nil {
			t.Errorf("%s: %v", cloud, err)
		}
		want := []string{"https://" + hosts[0], "scope https://" + hosts[1] + "/.default", "https://" + hosts[1]}
		if diff := cmp.Diff(want, seen.hosts); diff != "" {
			t.Errorf("%s: %s", cloud, diff)
		}
	}
}
