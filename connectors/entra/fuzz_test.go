package entra

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"rollcall/connectors"
	"rollcall/connectors/rest"
)

// FuzzSignInAnswers: whatever the token endpoint answers becomes an error of the vocabulary, on one short line.
func FuzzSignInAnswers(f *testing.F) {
	for _, body := range []string{
		"", "{}", "<html>", `{"error":"invalid_client","error_description":"AADSTS7000222: Expired.\r\nTrace ID: 1"}`,
		`{"error":"invalid_client","error_description":"AADSTS: no number"}`, `{"error":{},"error_description":1}`, `{"error":"x"`,
	} {
		f.Add(401, body)
		f.Add(503, body)
	}
	f.Fuzz(func(t *testing.T, status int, body string) {
		for _, explain := range []func(int, http.Header, []byte) *connectors.Error{explainSignIn, explainIdentity} {
			failure := explain(status, nil, []byte(body))
			if failure.Kind == nil || strings.ContainsAny(failure.Error(), "\n\r\x00@") && !strings.Contains(failure.Mend, "@") || len(failure.Detail) > 1000 || failure.Op != "" {
				t.Errorf("%d %q: %#v", status, body, failure)
			}
		}
	})
}

// FuzzTokens: no token makes a check fall over, and what one says is said only by a whole one.
func FuzzTokens(f *testing.F) {
	f.Add("eyJhbGciOiJub25lIn0.eyJyb2xlcyI6WyJVc2VyLlJlYWQuQWxsIl0sInRpZCI6IngifQ.x")
	f.Add("a.b.c")
	f.Add("..")
	f.Fuzz(func(t *testing.T, token string) {
		if tenant, roles := claimsOf(token); (tenant != "" || roles != nil) && strings.Count(token, ".") != 2 {
			t.Errorf("%q: %q, %q", token, tenant, roles)
		}
	})
}

// FuzzCertificates: what cannot be used is told as a fault of the configuration, without a word of what is in it.
func FuzzCertificates(f *testing.F) {
	f.Add("\x00-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
	f.Add("password\x00\x30\x82")
	f.Add("")
	f.Fuzz(func(t *testing.T, material string) {
		certificates, key, err := parseCertificate(material)
		var failure *connectors.Error
		switch {
		case err == nil && (len(certificates) == 0 || key == nil || time.Now().After(certificates[0].NotAfter)):
			t.Errorf("%q: %v, %v", material, certificates, key)
		case err != nil && (!errors.As(err, &failure) || failure.Kind != connectors.ErrMisconfigured || failure.Mend == ""):
			t.Errorf("%q: %#v", material, err)
		}
	})
}

// FuzzCosts: a call costs something, and no more than its requests can.
func FuzzCosts(f *testing.F) {
	f.Add("/users?$select=id&$top=5", `{"requests":[{"id":"0","url":"/groups/1/members"}]}`)
	f.Add("/$batch", `{"requests":[{"url":"/users?$expand=manager"},{"url":"%"}]}`)
	f.Fuzz(func(t *testing.T, path, body string) {
		req := httptest.NewRequest(http.MethodPost, "/", nil)
		req.URL.Path, req.URL.RawQuery, _ = strings.Cut(path, "?")
		if _, units := cost(req, []byte(body)); units < 1 || units > float64(7+7*strings.Count(body, "{")) {
			t.Errorf("%q %q: %v units", path, body, units)
		}
	})
}

// FuzzWaits: no header makes a wait that never ends, or one before now.
func FuzzWaits(f *testing.F) {
	f.Add("120", "", "0.9")
	f.Add("Wed, 21 Oct 2026 07:28:00 GMT", "Wed, 21 Oct 2026 07:27:00 GMT", "1.8")
	f.Add("9223372036854775807", "", "NaN")
	f.Fuzz(func(t *testing.T, after, date, used string) {
		transport := rest.Transport{DelayFunc: retryAfter, HoldFunc: holdBack}
		header := http.Header{"Retry-After": {after}, "Date": {date}, "X-Ms-Throttle-Limit-Percentage": {used}}
		if hold := transport.HoldFunc(header); hold < 0 || hold > 10*time.Second {
			t.Errorf("%q: %v", used, hold)
		}
		if delay := transport.DelayFunc(header); strings.Trim(after, "0123456789") == "" && after != "" && delay < 0 {
			t.Errorf("%q: %v", after, delay)
		}
	})
}
