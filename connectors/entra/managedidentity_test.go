package entra_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"rollcall/connectors"
	"rollcall/connectors/entra"
)

// TestManagedIdentity asks the platform's endpoint, and no proxy.
func TestManagedIdentity(t *testing.T) {
	const userAssigned = "6f1d8a2e-0000-4000-8000-00000000000a"
	proxied := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { t.Errorf("the proxy was asked for %s", r.URL) }))
	defer proxied.Close()
	proxy, err := url.Parse(proxied.URL)
	if err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		identity, clientID string
	}{"system": {"system", ""}, "user-assigned": {userAssigned, userAssigned}} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t)
			f.on("/identity", ok(`{"access_token":"`+token+`","expires_on":"`+fmt.Sprint(time.Now().Add(time.Hour).Unix())+`","resource":"x","token_type":"Bearer"}`))
			t.Setenv("IDENTITY_ENDPOINT", f.server.URL+"/identity")
			t.Setenv("IDENTITY_HEADER", "header-of-the-platform")
			c := f.open(func(c *entra.Config) {
				c.AccessToken, c.ManagedIdentity = nil, test.identity
				c.Transport = graphDirect{&http.Transport{}}
			})
			if _, _, err := pull(t, c); err != nil {
				t.Fatal(err)
			}
			asked, err := url.Parse(strings.TrimPrefix(f.seen[0], "GET "))
			if err != nil {
				t.Fatal(err)
			}
			if got := asked.Query(); asked.Path != "/identity" || got.Get("resource") != f.server.URL || got.Get("client_id") != test.clientID || f.headers[0].Get("X-Identity-Header") != "header-of-the-platform" {
				t.Errorf("asked for %s with %v", f.seen[0], f.headers[0])
			}
			if got := f.headers[1].Get("Authorization"); got != "Bearer "+token {
				t.Errorf("went with %s", got)
			}
		})
	}
	t.Run("no proxy", func(t *testing.T) {
		f := newFake(t)
		f.on("/identity", status(400, `{"error":"invalid_request","error_description":"Identity not found"}`))
		t.Setenv("IDENTITY_ENDPOINT", f.server.URL+"/identity")
		t.Setenv("IDENTITY_HEADER", "header-of-the-platform")
		c := f.open(func(c *entra.Config) {
			c.AccessToken, c.ManagedIdentity, c.Transport = nil, "system", &http.Transport{Proxy: http.ProxyURL(proxy)}
		})
		if _, _, err := pull(t, c); !errors.Is(err, connectors.ErrMisconfigured) || len(f.seen) != 1 {
			t.Errorf("%v, seen %v", err, f.seen)
		}
	})
}

// graphDirect is a transport that is none of net/http's.
type graphDirect struct{ http.RoundTripper }

// TestManagedIdentityOfAMachine: without an endpoint in the environment, the machine's own address is asked.
func TestManagedIdentityOfAMachine(t *testing.T) {
	for _, variable := range []string{"IDENTITY_ENDPOINT", "IDENTITY_HEADER", "MSI_ENDPOINT", "IMDS_ENDPOINT"} {
		t.Setenv(variable, "")
	}
	for name, test := range map[string]struct {
		answer  http.HandlerFunc
		kind    error
		says    string
		retries bool
	}{
		"token":         {ok(`{"access_token":"` + token + `","expires_on":"` + fmt.Sprint(time.Now().Add(time.Hour).Unix()) + `","token_type":"Bearer"}`), nil, "", false},
		"no identity":   {status(400, `{"error":"invalid_request","error_description":"Identity not found"}`), connectors.ErrMisconfigured, "Azure portal", false},
		"being updated": {status(410, `{}`), connectors.ErrUnreachable, "", false},
		"not Azure":     {status(403, `{"error":"unreachable"}`), connectors.ErrMisconfigured, "machine in Azure", false},
		"throttled":     {status(429, `{}`), connectors.ErrThrottled, "", true},
		"down":          {status(500, `{}`), connectors.ErrUnreachable, "", true},
		"nothing there": {nil, connectors.ErrUnreachable, "Azure Arc", true},
		"HTML":          {func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>") }, connectors.ErrIncomplete, "", true},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t)
			machine := &machine{identity: test.answer, graph: f}
			c := f.open(func(c *entra.Config) {
				// Each case has a Graph of its own, or they would share a token.
				c.AccessToken, c.ManagedIdentity, c.Transport = nil, "system", machine
			})
			_, _, err := pull(t, c)
			if !errors.Is(err, test.kind) {
				t.Fatalf("got %v", err)
			}
			var failure *connectors.Error
			if errors.As(err, &failure) && (failure.Op != "sign in" || !strings.Contains(failure.Mend, test.says)) {
				t.Errorf("got %v", err)
			}
			want := "http://169.254.169.254/metadata/identity/oauth2/token?api-version=2018-02-01&resource=" + url.QueryEscape(f.server.URL)
			if machine.asked[0] != want || machine.metadata != "true" || (len(machine.asked) > 1) != test.retries {
				t.Errorf("asked %q, metadata %q", machine.asked, machine.metadata)
			}
		})
	}
}

// machine is a network with the identity service of a machine in Azure, and a Graph.
type machine struct {
	identity http.HandlerFunc // nil: nothing answers
	graph    *fake
	asked    []string
	metadata string
}

func (m *machine) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Host != "169.254.169.254" {
		return http.DefaultTransport.RoundTrip(r)
	}
	m.asked, m.metadata = append(m.asked, r.URL.String()), r.Header.Get("Metadata")
	if m.identity == nil {
		return nil, errors.New("dial tcp 169.254.169.254:80: i/o timeout")
	}
	w := httptest.NewRecorder()
	m.identity(w, r)
	resp := w.Result()
	resp.Request = r
	return resp, nil
}
