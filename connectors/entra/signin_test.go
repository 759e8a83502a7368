package entra_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

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
		c.AccessToken, c.ClientID, c.ClientSecret, c.LoginURL = nil, appID, always(secret), f.server.URL
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
	refusal := func(code int) http.HandlerFunc {
		return status(401, fmt.Sprintf(`{"error":"invalid_client","error_description":"AADSTS%d: No, said the service. Trace ID: 1\r\nCorrelation ID: 2","error_codes":[%d]}`, code, code))
	}
	for name, test := range map[string]struct {
		answer http.HandlerFunc
		kind   error
		mend   string
	}{
		"wrong secret":              {refusal(7000215), connectors.ErrUnauthorised, "not its id"},
		"expired secret":            {refusal(7000222), connectors.ErrUnauthorised, "expired"},
		"unknown certificate":       {refusal(700027), connectors.ErrUnauthorised, "> Certificates & secrets > Certificates"},
		"certificate not allowed":   {refusal(700030), connectors.ErrUnauthorised, "Application policies"},
		"clock":                     {refusal(700024), connectors.ErrUnauthorised, "clock"},
		"no federated credential":   {refusal(70021), connectors.ErrUnauthorised, "Federated credentials"},
		"another issuer":            {refusal(700211), connectors.ErrUnauthorised, "issuer"},
		"another audience":          {refusal(700212), connectors.ErrUnauthorised, "api://AzureADTokenExchange"},
		"another subject":           {refusal(700213), connectors.ErrUnauthorised, "subject"},
		"unreadable token":          {refusal(50027), connectors.ErrUnauthorised, "nothing else"},
		"conditional access":        {refusal(53003), connectors.ErrUnauthorised, "Conditional Access > Policies"},
		"unknown application":       {refusal(700016), connectors.ErrSourceLost, "consent"},
		"no service principal":      {refusal(7000229), connectors.ErrSourceLost, "Grant admin consent"},
		"no consent":                {refusal(65001), connectors.ErrSourceLost, "Grant admin consent"},
		"disabled application":      {refusal(7000112), connectors.ErrSourceLost, "Properties"},
		"blocked directory":         {refusal(5000225), connectors.ErrSourceLost, "blocked"},
		"no directory":              {refusal(90002), connectors.ErrMisconfigured, "tenant id"},
		"no name of a directory":    {refusal(900023), connectors.ErrMisconfigured, "neither a GUID"},
		"another cloud":             {refusal(900382), connectors.ErrMisconfigured, "cloud"},
		"unknown Graph":             {refusal(500011), connectors.ErrMisconfigured, "Graph URL"},
		"too often the same":        {refusal(50196), connectors.ErrThrottled, ""},
		"temporarily unavailable":   {refusal(90033), connectors.ErrUnreachable, ""},
		"another reason":            {refusal(50012), connectors.ErrUnauthorised, ""},
		"a number that only begins": {refusal(90002345), connectors.ErrUnauthorised, ""},
		"of a gateway":              {status(403, `<html>`), connectors.ErrForbidden, ""},
		"throttled":                 {status(429, `{}`, "Retry-After", "300"), connectors.ErrThrottled, ""},
		"throttled, in its words":   {status(429, `{"error":"too_many","error_description":"AADSTS99999: Slow down."}`), connectors.ErrThrottled, ""},
		"down":                      {status(503, ``), connectors.ErrUnreachable, ""},
		"HTML":                      {func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>") }, connectors.ErrIncomplete, ""},
		"no token":                  {ok(`{"token_type":"Bearer","expires_in":3600}`), connectors.ErrIncomplete, ""},
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
			if !errors.As(err, &failure) || failure.Kind != test.kind || failure.Op != "sign in" || failure.Detail == "" {
				t.Fatalf("got %v", err)
			}
			if code, _, numbered := strings.Cut(failure.Detail, ":"); numbered && strings.HasPrefix(code, "AADSTS") && failure.Code != code {
				t.Errorf("code %q of %q", failure.Code, failure.Detail)
			}
			if !strings.Contains(failure.Mend, test.mend) || (failure.Mend != "") != (test.mend != "") {
				t.Errorf("mend: %s", failure.Mend)
			}
			if proof.Lost != (test.kind == connectors.ErrSourceLost) {
				t.Errorf("proof: %+v", proof)
			}
			findings := c.Check(t.Context())
			if len(findings) != 1 || findings[0].OK || findings[0].Optional || findings[0].What != "sign in" || findings[0].Mend == "" {
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

// TestThrottledSignInWaits as long as it is told to, and then goes on.
func TestThrottledSignInWaits(t *testing.T) {
	f := newFake(t)
	signIn(f, status(429, `{}`, "Retry-After", "240"), issue(token))
	if _, _, err := pull(t, f.open(withSecret(f))); err != nil {
		t.Fatal(err)
	}
	if len(f.sleeps) != 1 || f.sleeps[0] != 240*time.Second {
		t.Errorf("waits: %v", f.sleeps)
	}
}

// TestLateSignInFailure: what failed earlier in a pull is not what the sign-in failed with.
func TestLateSignInFailure(t *testing.T) {
	f := newFake(t)
	short := ok(`{"token_type":"Bearer","expires_in":1,"access_token":"` + token + `"}`)
	signIn(f, short, short, ok(`{"token_type":"Bearer"}`)) // for the application, and for its job, of which there is none
	_, proof, err := pull(t, f.open(withSecret(f)))
	if !errors.Is(err, connectors.ErrIncomplete) || proof.Lost || !strings.Contains(err.Error(), "sign in") || !strings.Contains(err.Error(), "holds no token") {
		t.Errorf("got %v", err)
	}
}

// clouds answers for a cloud's hosts and notes them.
type clouds struct {
	hosts     []string // each once in a row, and what tokens were asked for
	addresses []string
}

// cloudHosts are where each cloud signs in and has its Graph.
var cloudHosts = map[string][2]string{
	"":          {"login.microsoftonline.com", "graph.microsoft.com"},
	"public":    {"login.microsoftonline.com", "graph.microsoft.com"},
	"usgov":     {"login.microsoftonline.us", "graph.microsoft.us"},
	"usgov_dod": {"login.microsoftonline.us", "dod-graph.microsoft.us"},
	"china":     {"login.chinacloudapi.cn", "microsoftgraph.chinacloudapi.cn"},
}

func (c *clouds) RoundTrip(r *http.Request) (*http.Response, error) {
	host := r.URL.Scheme + "://" + r.URL.Host
	c.addresses = append(c.addresses, host+r.URL.Path)
	if len(c.hosts) == 0 || c.hosts[len(c.hosts)-1] != host {
		c.hosts = append(c.hosts, host)
	}
	answer := ok(`{"id":"` + spID + `","value":[]}`)
	switch {
	case strings.HasSuffix(r.URL.Path, "/openid-configuration"):
		answer = ok(fmt.Sprintf(`{"issuer":"%[1]s/x/v2.0","token_endpoint":"%[1]s/%[2]s/oauth2/v2.0/token","authorization_endpoint":"%[1]s/x/authorize"}`, host, tenantID))
	case r.URL.Host == "169.254.169.254":
		c.hosts = append(c.hosts, "resource "+r.URL.Query().Get("resource"))
		answer = ok(fmt.Sprintf(`{"token_type":"Bearer","expires_on":"%d","access_token":"`+token+`"}`, time.Now().Add(time.Hour).Unix()))
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
