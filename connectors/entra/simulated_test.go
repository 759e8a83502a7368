package entra_test

import (
	"context"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"rollcall/connectors"
	"rollcall/connectors/entra"
	"rollcall/connectors/idpsim"
	"rollcall/connectors/idpsim/login"
	"rollcall/connectors/idpsim/server"
	"rollcall/connectors/rest"
)

// simulated is a whole organisation behind TLS, with everything that one can sign in with.
type simulated struct {
	*server.Server
	population *idpsim.Population
	cfg        entra.Config // without a way to sign in
	leaf       []byte       // of the registered certificate
	now        time.Duration
}

const federatedSubject = "system:serviceaccount:rollcall:worker"

func simulate(t *testing.T) *simulated {
	t.Helper()
	leaf, _ := certificate(t, time.Now().AddDate(1, 0, 0))
	registered, err := x509.ParseCertificate(leaf)
	if err != nil {
		t.Fatal(err)
	}
	s := &simulated{population: idpsim.New(idpsim.Options{Seed: 5, People: 30, Groups: 2, Direct: 4}), leaf: leaf}
	s.Server, err = server.Listen(server.Options{Population: s.population, Token: "another", Client: appID, Secret: secret, Login: login.Options{
		Secrets:      []login.Secret{{Value: "expired-secret", Expires: time.Now().Add(-time.Hour)}},
		Certificates: []*x509.Certificate{registered},
		Federated:    []login.Federation{{Issuer: "https://issuer.example", Subject: federatedSubject, Key: registered.PublicKey.(*rsa.PublicKey)}},
		Now:          func() time.Time { return time.Now().Add(s.now) },
	}})
	if err != nil {
		t.Fatal(err)
	}
	secured := httptest.NewTLSServer(s.Server)
	t.Cleanup(func() { secured.Close(); s.Close() })
	s.cfg = entra.Config{
		TenantID: s.population.TenantID(), AppID: s.population.AppID(), ClientID: appID, GraphURL: secured.URL + "/v1.0", LoginURL: secured.URL,
		Transport: secured.Client().Transport,
		SleepFunc: func(ctx context.Context, _ time.Duration) error { return ctx.Err() },
	}
	return s
}

func (s *simulated) open(t *testing.T, how func(*entra.Config)) *entra.Connector {
	t.Helper()
	cfg := s.cfg
	how(&cfg)
	c, err := entra.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func bySecret(c *entra.Config) { c.ClientSecret = always(secret) }

func (s *simulated) do(t *testing.T, steps ...idpsim.Step) {
	t.Helper()
	if err := s.population.Do(steps...); err != nil {
		t.Fatal(err)
	}
}

// federated is a token of a platform that the registration trusts.
func federated(t *testing.T, subject string, end time.Time) string {
	t.Helper()
	part := base64.RawURLEncoding.EncodeToString
	signed := part([]byte(`{"alg":"RS256","typ":"JWT"}`)) + "." + part(fmt.Appendf(nil,
		`{"iss":"https://issuer.example","sub":%q,"aud":["api://AzureADTokenExchange"],"exp":%d}`, subject, end.Unix()))
	return signed + "." + part(signRS256(t, signed))
}

// TestSimulatedSignIns signs in with everything there is, pulls everyone, and is refused when it is not the right thing.
func TestSimulatedSignIns(t *testing.T) {
	s := simulate(t)
	other, _ := certificate(t, time.Now().AddDate(1, 0, 0))
	with := func(leaf []byte) func(*entra.Config) {
		return func(c *entra.Config) {
			c.Certificate = func() ([]byte, error) { return []byte(keyPEM(t, key) + inPEM("CERTIFICATE", leaf)), nil }
		}
	}
	trusted := func(subject string, end time.Duration) func(*entra.Config) {
		return func(c *entra.Config) { c.FederatedToken = always(federated(t, subject, time.Now().Add(end))) }
	}
	onAMachine := func(identity string) func(*entra.Config) {
		return func(c *entra.Config) { c.ManagedIdentity, c.Transport = identity, inAzure{s.cfg} }
	}
	for name, test := range map[string]struct {
		how  func(*entra.Config)
		kind error
		says string
	}{
		"secret":                      {bySecret, nil, ""},
		"wrong secret":                {func(c *entra.Config) { c.ClientSecret = always("wrong") }, connectors.ErrUnauthorised, "not its id"},
		"expired secret":              {func(c *entra.Config) { c.ClientSecret = always("expired-secret") }, connectors.ErrUnauthorised, "expired"},
		"another client":              {func(c *entra.Config) { bySecret(c); c.ClientID = tenantID }, connectors.ErrSourceLost, "client id"},
		"another directory":           {func(c *entra.Config) { bySecret(c); c.TenantID = tenantID }, connectors.ErrMisconfigured, "Tenant ID"},
		"certificate":                 {with(s.leaf), nil, ""},
		"unregistered certificate":    {with(other), connectors.ErrUnauthorised, "does not know the certificate"},
		"federation":                  {trusted(federatedSubject, time.Hour), nil, ""},
		"federation of another":       {trusted("system:serviceaccount:other:one", time.Hour), connectors.ErrUnauthorised, "Federated credentials"},
		"federated token that is old": {trusted(federatedSubject, -time.Hour), connectors.ErrUnauthorised, "clock"},
		"no federated token at all":   {func(c *entra.Config) { c.FederatedToken = always("nothing") }, connectors.ErrUnauthorised, "nothing else"},
		"managed identity":            {onAMachine("system"), nil, ""},
		"managed identity of a user":  {onAMachine(appID), nil, ""},
		"no such managed identity":    {onAMachine(tenantID), connectors.ErrMisconfigured, "Azure portal"},
	} {
		t.Run(name, func(t *testing.T) {
			people, proof, err := pull(t, s.open(t, test.how))
			if test.kind == nil && (err != nil || len(people) != 30) {
				t.Fatalf("%d people, %v, %+v", len(people), err, proof)
			}
			var failure *connectors.Error
			if test.kind != nil && (!errors.As(err, &failure) || failure.Kind != test.kind || failure.Op != "sign in" || !strings.Contains(failure.Mend, test.says)) {
				t.Errorf("got %v", err)
			}
		})
	}
}

// inAzure is the network of a machine in Azure, where the simulated organisation is the identity service too.
type inAzure struct{ cfg entra.Config }

func (n inAzure) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Host == "169.254.169.254" {
		there, err := url.Parse(n.cfg.LoginURL)
		if err != nil {
			return nil, err
		}
		r = r.Clone(r.Context())
		r.URL.Scheme, r.URL.Host, r.Host = there.Scheme, there.Host, ""
	}
	return n.cfg.Transport.RoundTrip(r)
}

// TestSimulatedRefusals: each reason that the directory may have, until it has it no more. The connector stays the same, as under serve.
func TestSimulatedRefusals(t *testing.T) {
	s := simulate(t)
	c := s.open(t, bySecret)
	for _, test := range []struct {
		number string
		kind   error
	}{
		{"65001", connectors.ErrSourceLost}, {"53003", connectors.ErrUnauthorised}, {"7000112", connectors.ErrSourceLost},
		{"7000229", connectors.ErrSourceLost}, {"700024", connectors.ErrUnauthorised}, {"90033", connectors.ErrUnreachable}, {"90002", connectors.ErrMisconfigured},
	} {
		s.do(t, idpsim.Step{Do: "sign-in", Value: test.number})
		if _, proof, err := pull(t, c); !errors.Is(err, test.kind) || proof.Lost != (test.kind == connectors.ErrSourceLost) {
			t.Errorf("%s: %v", test.number, err)
		}
		s.do(t, idpsim.Step{Do: "sign-in"})
		if _, _, err := pull(t, c); err != nil {
			t.Errorf("%s, no more: %v", test.number, err)
		}
		s.do(t, idpsim.Step{Do: "revoke-tokens"})
		s.now += 2 * time.Second // a token of the same second is no newer
	}
}

// TestSimulatedOutage: signing in is tried again for as long as any other call, and then it is the provider that cannot be reached.
func TestSimulatedOutage(t *testing.T) {
	s := simulate(t)
	waits := 0
	c := s.open(t, func(cfg *entra.Config) {
		bySecret(cfg)
		cfg.SleepFunc = func(ctx context.Context, _ time.Duration) error {
			waits++
			if until, ok := ctx.Deadline(); ok && time.Until(until) < rest.Patience {
				t.Errorf("there are only %v for it", time.Until(until))
			}
			return ctx.Err()
		}
	})
	s.do(t, idpsim.Step{Do: "sign-in", Value: "90033"})
	_, err := c.Pull(t.Context(), connectors.Want{Scope: connectors.Assigned}, func([]connectors.Person) error { return nil })
	if !errors.Is(err, connectors.ErrUnreachable) || waits < 2 {
		t.Errorf("after %d waits: %v", waits, err)
	}
}

// TestSimulatedRevocation: a token that was revoked is replaced in the middle of a pull, where the provider asks for that.
func TestSimulatedRevocation(t *testing.T) {
	s := simulate(t)
	c := s.open(t, bySecret)
	for range 2 {
		people, proof, err := pull(t, c)
		if err != nil || len(people) != 30 {
			t.Fatalf("%d people, %v, %+v", len(people), err, proof)
		}
		s.do(t, idpsim.Step{Do: "revoke-tokens"})
		s.now += 2 * time.Second
	}
}

// TestSimulatedGrant: a token carries what was granted when it was issued. One that lacks something is not kept for its whole day.
func TestSimulatedGrant(t *testing.T) {
	s := simulate(t)
	s.do(t, idpsim.Step{Do: "revoke", Value: "User.Read.All"})
	if _, _, err := pull(t, s.open(t, bySecret)); !errors.Is(err, connectors.ErrForbidden) {
		t.Fatal(err)
	}
	s.do(t, idpsim.Step{Do: "grant", Value: "User.Read.All"}, idpsim.Step{Do: "grant", Value: "Mail.Read"})
	c := s.open(t, bySecret)
	if _, _, err := pull(t, c); err != nil {
		t.Fatal(err)
	}
	if lines := slices.DeleteFunc(bad(c.Check(t.Context())), ownLists); len(lines) != 1 || !strings.Contains(lines[0], "than is needed") || !strings.Contains(lines[0], "Mail.Read") {
		t.Errorf("found %q", lines)
	}
}
