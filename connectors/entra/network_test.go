package entra_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"rollcall/connectors"
	"rollcall/connectors/connectortest"
	"rollcall/connectors/entra"
	"rollcall/connectors/idpsim"
	"rollcall/connectors/idpsim/graph"
	"rollcall/connectors/rest"
)

// tunnels is a proxy that opens tunnels, and notes to where.
type tunnels struct {
	mu sync.Mutex
	to []string
}

func (p *tunnels) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method != http.MethodConnect {
		http.Error(w, "only tunnels", http.StatusMethodNotAllowed)
		return
	}
	p.mu.Lock()
	p.to = append(p.to, r.Host)
	p.mu.Unlock()
	there, err := net.Dial("tcp", r.Host)
	if err != nil {
		http.Error(w, "nobody there", http.StatusBadGateway)
		return
	}
	here, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		there.Close()
		return
	}
	io.WriteString(here, "HTTP/1.1 200 Connection established\r\n\r\n")
	go func() { io.Copy(there, here); there.Close() }()
	io.Copy(here, there)
	here.Close()
}

// TestProxyAndAuthority: sign-in and Graph are reached through the proxy alone, and trusted by the configured authority alone.
func TestProxyAndAuthority(t *testing.T) {
	f := newFake(t)
	f.server.Close()
	f.server = httptest.NewUnstartedServer(f)
	f.server.Config.ErrorLog = log.New(io.Discard, "", 0) // of refused handshakes
	f.server.StartTLS()
	defer f.server.Close()
	var mu sync.Mutex
	var from []string // whom the provider's connections came from
	f.server.Config.ConnState = func(c net.Conn, s http.ConnState) {
		if s == http.StateNew {
			mu.Lock()
			defer mu.Unlock()
			from = append(from, c.RemoteAddr().String())
		}
	}
	signIn(f, issue(token))
	proxy := &tunnels{}
	proxied := httptest.NewServer(proxy)
	defer proxied.Close()
	proxyURL, err := url.Parse(proxied.URL)
	if err != nil {
		t.Fatal(err)
	}
	trusted := x509.NewCertPool()
	trusted.AddCert(f.server.Certificate())
	network := func(trusted *x509.CertPool, proxy *url.URL) *http.Transport {
		n := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: trusted}, Proxy: http.ProxyURL(proxy)}
		t.Cleanup(n.CloseIdleConnections)
		return n
	}
	open := func(n *http.Transport) *entra.Connector {
		return f.by(func(c *entra.Config) { c.ClientSecret, c.Transport = always(secret), n })
	}
	if _, _, err := pull(t, open(network(trusted, proxyURL))); err != nil {
		t.Fatal(err)
	}
	host := strings.TrimPrefix(f.server.URL, "https://")
	if len(proxy.to) == 0 || slices.ContainsFunc(proxy.to, func(to string) bool { return to != host }) {
		t.Errorf("tunnels to %q, want %s", proxy.to, host)
	}
	if len(from) != len(proxy.to) {
		t.Errorf("%d connections, %d of them through the proxy", len(from), len(proxy.to))
	}

	nobody := httptest.NewServer(nil)
	nobody.Close()
	nobodyURL, err := url.Parse(nobody.URL)
	if err != nil {
		t.Fatal(err)
	}
	for what, n := range map[string]*http.Transport{"outbound.ca_file": network(x509.NewCertPool(), proxyURL), "outbound.proxy": network(trusted, nobodyURL)} {
		c := open(n)
		_, proof, err := pull(t, c)
		var failure *connectors.Error
		if !errors.As(err, &failure) || failure.Kind != connectors.ErrUnreachable || failure.Op != "sign in" || !strings.Contains(failure.Mend, what) || proof.Lost {
			t.Errorf("%s: %v", what, err)
		}
		if findings := c.Check(t.Context()); len(findings) != 1 || !strings.Contains(findings[0].Mend, what) {
			t.Errorf("%s: %+v", what, findings)
		}
	}
}

// TestPaceSparesUsualPulls: 100,000 people are read with what the smallest share of a window holds by default.
func TestPaceSparesUsualPulls(t *testing.T) {
	population := idpsim.New(idpsim.Options{Seed: 3, People: 100_000, Groups: 20})
	server := httptest.NewServer(graph.New(population, graph.Options{Token: connectortest.Token}))
	defer server.Close()
	pulled := func(share int) (waited time.Duration) {
		c, err := entra.Open(entra.Config{
			TenantID: population.TenantID(), AppID: population.AppID(), AccessToken: always(connectortest.Token), GraphURL: server.URL + "/v1.0", Share: share,
			SleepFunc: func(ctx context.Context, d time.Duration) error { waited += d; return ctx.Err() },
		})
		if err != nil {
			t.Fatal(err)
		}
		people := 0
		_, err = c.Pull(t.Context(), connectors.Want{Scope: connectors.Assigned}, func(page []connectors.Person) error { people += len(page); return nil })
		if err != nil || people != 100_000 {
			t.Fatalf("%d people, %v", people, err)
		}
		return waited
	}
	if waited := pulled(rest.DefaultShare); waited != 0 {
		t.Errorf("waited %v", waited)
	}
	// One percent is 35 units at first and 3.5 a second; the pull costs a little more than 2 units for each of 101 pages.
	if waited := pulled(1); waited < 40*time.Second || waited > 80*time.Second {
		t.Errorf("with one percent: waited %v", waited)
	}
}

func TestOpenNamesFaultyCredentials(t *testing.T) {
	for name, test := range map[string]struct {
		change func(*entra.Config)
		says   string
	}{
		"secret and certificate":        {func(c *entra.Config) { c.ClientSecret, c.Certificate = never, neverBytes }, "2 of"},
		"federation and identity":       {func(c *entra.Config) { c.FederatedToken, c.ManagedIdentity = never, "system" }, "2 of"},
		"a certificate without client":  {func(c *entra.Config) { c.Certificate, c.ClientID = neverBytes, "" }, "client id is missing"},
		"a federation without client":   {func(c *entra.Config) { c.FederatedToken, c.ClientID = never, "" }, "client id is missing"},
		"a password without":            {func(c *entra.Config) { c.ClientSecret, c.CertificatePassword = never, never }, "without a certificate"},
		"an identity of no form":        {func(c *entra.Config) { c.ManagedIdentity = "my-identity" }, "GUID"},
		"a tenant id with white space":  {func(c *entra.Config) { c.ClientSecret, c.TenantID = never, "acme example" }, "tenant id"},
		"a share beyond all":            {func(c *entra.Config) { c.ClientSecret, c.Share = never, 101 }, "101"},
		"a share below nothing":         {func(c *entra.Config) { c.ClientSecret, c.Share = never, -1 }, "-1"},
		"a domain name for a directory": {func(c *entra.Config) { c.ClientSecret, c.TenantID = never, "acme.example" }, ""},
		"an identity without client":    {func(c *entra.Config) { c.ManagedIdentity, c.ClientID = "system", "" }, ""},
		"a certificate with password":   {func(c *entra.Config) { c.Certificate, c.CertificatePassword = neverBytes, never }, ""},
	} {
		cfg := entra.Config{TenantID: tenantID, ClientID: appID, AppID: appID}
		test.change(&cfg)
		_, err := entra.Open(cfg)
		switch {
		case test.says == "" && err != nil:
			t.Errorf("%s: %v", name, err)
		case test.says != "" && (!errors.Is(err, connectors.ErrMisconfigured) || !strings.Contains(err.Error(), test.says)):
			t.Errorf("%s: %v", name, err)
		}
	}
}

// What Open must not read.
func never() (string, error)      { panic("read") }
func neverBytes() ([]byte, error) { panic("read") }

// TestThrottledBatchItemsHoldOthers: what one request of a batch is told is meant for all calls of the application.
func TestThrottledBatchItemsHoldOthers(t *testing.T) {
	f := newFake(t)
	asked, told := 0, make(chan struct{})
	f.on(batchPath, batch(func(string) string {
		if asked++; asked == 1 {
			return `"status":429,"headers":{"Retry-After":"60"},"body":{"error":{"code":"TooManyRequests"}}`
		}
		return `"status":200,"body":` + user(1)
	}))
	type first struct{}
	asleep := make(chan struct{})
	waits := make(chan time.Duration, 10)
	c := f.open(func(c *entra.Config) {
		c.SleepFunc = func(ctx context.Context, d time.Duration) error {
			if ctx.Value(first{}) != nil {
				close(asleep)
				<-told
				return ctx.Err()
			}
			waits <- d
			return ctx.Err()
		}
	})
	look := func(ctx context.Context) error {
		return c.Look(ctx, connectors.Want{}, []string{person(1)}, func(connectors.Sighting) error { return nil })
	}
	done := make(chan error, 1)
	go func() { done <- look(context.WithValue(t.Context(), first{}, true)) }()
	<-asleep
	if err := look(t.Context()); err != nil {
		t.Error(err)
	}
	close(told)
	if err := <-done; err != nil {
		t.Error(err)
	}
	if len(waits) != 1 {
		t.Fatalf("the other waited %d times", len(waits))
	}
	if d := <-waits; d < 50*time.Second || d > time.Minute {
		t.Errorf("the other waited %v", d)
	}
}
