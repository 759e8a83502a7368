package entra_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"math/big"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/connectors"
	"rollcall/connectors/entra"
)

// authority signs certificates, and key is the key of all of them: making keys takes long.
var (
	makeKeys  sync.Once
	key       *rsa.PrivateKey
	authority *x509.Certificate
)

// certificate is a new one of key that ends at a time, and its authority's.
func certificate(t *testing.T, end time.Time) (leaf, root []byte) {
	t.Helper()
	sign := func(template, parent *x509.Certificate) []byte {
		der, err := x509.CreateCertificate(rand.Reader, template, parent, &key.PublicKey, key)
		if err != nil {
			t.Fatal(err)
		}
		return der
	}
	makeKeys.Do(func() {
		var err error
		if key, err = rsa.GenerateKey(rand.Reader, 2048); err != nil {
			t.Fatal(err)
		}
		template := &x509.Certificate{
			SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority.example"}, IsCA: true, BasicConstraintsValid: true,
			NotAfter: time.Now().AddDate(1, 0, 0),
		}
		other, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		der, err := x509.CreateCertificate(rand.Reader, template, template, &other.PublicKey, other)
		if err != nil {
			t.Fatal(err)
		}
		if authority, err = x509.ParseCertificate(der); err != nil {
			t.Fatal(err)
		}
	})
	template := &x509.Certificate{SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "rollcall.example"}, NotAfter: end}
	return sign(template, template), authority.Raw
}

func inPEM(kind string, der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

func keyPEM(t *testing.T, key any) string {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	return inPEM("PRIVATE KEY", der)
}

// assertion is what a client has to prove that it is who it says (RFC 7523 §3).
type assertion struct {
	Header struct {
		Alg string
		X5c []string
	}
	Claims struct {
		Aud, Iss, Sub, Jti string
		Exp                int64
	}
}

// verify takes a client assertion apart and says what is wrong with it. It must be signed with the key of its first certificate.
func verify(text, tokenURL string) (a assertion, err error) {
	parts := strings.Split(text, ".")
	if len(parts) != 3 {
		return a, fmt.Errorf("%d parts", len(parts))
	}
	var decoded [3][]byte
	for i, part := range parts {
		if decoded[i], err = base64.RawURLEncoding.DecodeString(part); err != nil {
			return a, err
		}
	}
	if err := errors.Join(json.Unmarshal(decoded[0], &a.Header), json.Unmarshal(decoded[1], &a.Claims)); err != nil {
		return a, err
	}
	if len(a.Header.X5c) == 0 {
		return a, errors.New("no certificate")
	}
	der, err := base64.StdEncoding.DecodeString(a.Header.X5c[0])
	if err != nil {
		return a, err
	}
	leaf, err := x509.ParseCertificate(der)
	if err != nil {
		return a, err
	}
	public, sum := leaf.PublicKey.(*rsa.PublicKey), sha256.Sum256([]byte(parts[0]+"."+parts[1]))
	switch a.Header.Alg {
	case "PS256":
		err = rsa.VerifyPSS(public, crypto.SHA256, sum[:], decoded[2], nil)
	case "RS256":
		err = rsa.VerifyPKCS1v15(public, crypto.SHA256, sum[:], decoded[2])
	default:
		err = fmt.Errorf("algorithm %q", a.Header.Alg)
	}
	switch {
	case err != nil:
	case a.Claims.Aud != tokenURL:
		err = fmt.Errorf("audience %q, want %q", a.Claims.Aud, tokenURL)
	case a.Claims.Iss != appID || a.Claims.Sub != appID || a.Claims.Jti == "":
		err = fmt.Errorf("claims %+v", a.Claims)
	case time.Until(time.Unix(a.Claims.Exp, 0)) <= 0 || time.Until(time.Unix(a.Claims.Exp, 0)) > time.Hour:
		err = fmt.Errorf("ends at %d", a.Claims.Exp)
	}
	return a, err
}

// issue is a token endpoint's good answer.
func issue(token string) http.HandlerFunc {
	return ok(`{"token_type":"Bearer","expires_in":3600,"access_token":"` + token + `"}`)
}

// form is what the token endpoint was asked with the n-th time; -1 is the last.
func (f *fake) form(n int) url.Values {
	f.t.Helper()
	var forms []url.Values
	for i, request := range f.seen {
		if strings.Contains(request, tokenPath) {
			form, err := url.ParseQuery(f.bodies[i])
			if err != nil {
				f.t.Fatal(err)
			}
			forms = append(forms, form)
		}
	}
	if n < 0 {
		n += len(forms)
	}
	if n < 0 || n >= len(forms) {
		f.t.Fatalf("the token endpoint was asked %d times", len(forms))
	}
	return forms[n]
}

// by signs in at the fake, in the way that how sets.
func (f *fake) by(how func(*entra.Config)) *entra.Connector {
	return f.open(func(c *entra.Config) {
		c.AccessToken, c.ClientID, c.LoginURL = nil, appID, f.server.URL
		how(c)
	})
}

func TestSignInWithCertificate(t *testing.T) {
	leaf, root := certificate(t, time.Now().AddDate(1, 0, 0))
	one := func(name string) []byte {
		content, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		return content
	}
	whole := keyPEM(t, key)
	for name, test := range map[string]struct {
		content  []byte
		password string
		chain    int
	}{
		"PEM":                       {[]byte(whole + inPEM("CERTIFICATE", leaf)), "", 1},
		"PEM, the older key form":   {[]byte(inPEM("CERTIFICATE", leaf) + inPEM("RSA PRIVATE KEY", x509.MarshalPKCS1PrivateKey(key))), "", 1},
		"PEM with its chain":        {[]byte(whole + inPEM("CERTIFICATE", leaf) + inPEM("CERTIFICATE", root)), "", 2},
		"PEM, its chain first":      {[]byte(inPEM("CERTIFICATE", root) + inPEM("CERTIFICATE", leaf) + whole), "", 2},
		"PEM and a password":        {[]byte(whole + inPEM("CERTIFICATE", leaf)), "of no use", 1},
		"PKCS #12":                  {one("legacy.pfx"), "pfx-password", 1},
		"PKCS #12 without password": {one("open.pfx"), "", 1},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t)
			signIn(f, issue(token))
			c := f.by(func(c *entra.Config) {
				c.Certificate = func() ([]byte, error) { return test.content, nil }
				if test.password != "" {
					c.CertificatePassword = always(test.password)
				}
			})
			if _, _, err := pull(t, c); err != nil {
				t.Fatal(err)
			}
			form := f.form(-1)
			// The library takes the fake for HTTPS.
			got, err := verify(form.Get("client_assertion"), strings.Replace(f.server.URL, "http:", "https:", 1)+tokenPath)
			if err != nil {
				t.Errorf("%v: %+v", err, got)
			}
			if len(got.Header.X5c) != test.chain {
				t.Errorf("a chain of %d, want %d", len(got.Header.X5c), test.chain)
			}
			if form.Get("client_assertion_type") != "urn:ietf:params:oauth:client-assertion-type:jwt-bearer" || form.Has("client_secret") {
				t.Errorf("asked with %v", form)
			}
		})
	}
}

// TestUnusableCertificates: what is wrong with a file is told before anybody is asked, and nothing of what is in it.
func TestUnusableCertificates(t *testing.T) {
	leaf, root := certificate(t, time.Now().AddDate(1, 0, 0))
	expired, _ := certificate(t, time.Date(2021, 3, 4, 5, 6, 7, 0, time.UTC))
	curve, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	read := func(name string) string {
		content, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		return string(content)
	}
	whole := keyPEM(t, key)
	for name, test := range map[string]struct {
		content, password, says string
	}{
		"nothing":                  {"", "", "is empty"},
		"no key":                   {inPEM("CERTIFICATE", leaf), "", "without its private key"},
		"an encrypted key":         {inPEM("CERTIFICATE", leaf) + inPEM("ENCRYPTED PRIVATE KEY", []byte("sealed")), "", "without its private key"},
		"a key alone":              {whole, "", "no certificate"},
		"another's certificate":    {whole + inPEM("CERTIFICATE", root), "", "belongs to another"},
		"a key of another kind":    {keyPEM(t, curve) + inPEM("CERTIFICATE", leaf), "", "not an RSA key"},
		"expired":                  {whole + inPEM("CERTIFICATE", expired), "", "expired on 2021-03-04"},
		"wrong password":           {read("legacy.pfx"), "wr0ng-password", "password is wrong"},
		"no password":              {read("legacy.pfx"), "", "password is wrong"},
		"PKCS #12 of another kind": {read("modern.pfx"), "pfx-password", "neither PEM nor PKCS #12"},
		"rubbish":                  {"rubbish", "", "neither PEM nor PKCS #12"},
		"broken PEM":               {inPEM("CERTIFICATE", []byte("sealed")) + whole, "", "neither PEM nor PKCS #12"},
	} {
		f := newFake(t)
		signIn(f, issue(token))
		_, _, err := pull(t, f.by(func(c *entra.Config) {
			c.Certificate = func() ([]byte, error) { return []byte(test.content), nil }
			c.CertificatePassword = always(test.password)
		}))
		var failure *connectors.Error
		if !errors.As(err, &failure) || failure.Kind != connectors.ErrMisconfigured || failure.Op != "sign in" || failure.Mend == "" || !strings.Contains(failure.Detail, test.says) {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, secret := range []string{"sealed", "password-", "wr0ng", "pfx-password", "BEGIN", "rubbish"} {
			if strings.Contains(err.Error(), secret) {
				t.Errorf("%s: tells %q: %v", name, secret, err)
			}
		}
		if len(f.seen) != 0 {
			t.Errorf("%s: somebody was asked: %v", name, f.seen)
		}
	}
}

// TestFederatedTokenIsReadForEachAssertion: the platform writes a new one into the file every hour or so.
func TestFederatedTokenIsReadForEachAssertion(t *testing.T) {
	f := newFake(t)
	signIn(f, issue("first"), issue("second"))
	f.on(members, ok(list(user(1))), status(401, `{"error":{"code":"InvalidAuthenticationToken","message":"Lifetime validation failed."}}`), ok(list(user(1))))
	current, reads := "federated-one", 0
	c := f.by(func(c *entra.Config) {
		c.FederatedToken = func() (string, error) { reads++; return current, nil }
	})
	for n, want := range []error{nil, connectors.ErrUnauthorised, nil} {
		if _, _, err := pull(t, c); !errors.Is(err, want) {
			t.Fatalf("pull %d: %v", n, err)
		}
		current = "federated-two"
	}
	if reads != 2 || f.form(0).Get("client_assertion") != "federated-one" || f.form(-1).Get("client_assertion") != "federated-two" {
		t.Errorf("read %d times, asked with %q and %q", reads, f.form(0), f.form(-1))
	}
	if got := f.headers[len(f.headers)-1].Get("Authorization"); got != "Bearer second" {
		t.Errorf("went with %s", got)
	}
}

// TestSecretIsReadWithEachToken: a secret that was changed in its file is used without a restart, and none is read while a token lasts.
func TestSecretIsReadWithEachToken(t *testing.T) {
	f := newFake(t)
	current, reads := "old-secret", 0
	signIn(f, func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil || r.PostForm.Get("client_secret") != "new-secret" {
			status(401, `{"error":"invalid_client","error_description":"AADSTS7000222: The provided client secret keys for app are expired."}`)(w, r)
			return
		}
		issue(token)(w, r)
	})
	c := f.by(func(c *entra.Config) { c.ClientSecret = func() (string, error) { reads++; return current, nil } })
	if _, _, err := pull(t, c); !errors.Is(err, connectors.ErrUnauthorised) {
		t.Fatalf("with an expired secret: %v", err)
	}
	current = "new-secret"
	for range 3 {
		if _, _, err := pull(t, c); err != nil {
			t.Fatal(err)
		}
	}
	if reads != 2 {
		t.Errorf("the secret was read %d times", reads)
	}
}

// TestUnreadableSecrets: nobody is asked, and Open has not even looked.
func TestUnreadableSecrets(t *testing.T) {
	gone := errors.New("the file /etc/rollcall/secret cannot be read: no such file or directory")
	for name, how := range map[string]func(c *entra.Config, err error){
		"client secret": func(c *entra.Config, err error) { c.ClientSecret = func() (string, error) { return "", err } },
		"certificate":   func(c *entra.Config, err error) { c.Certificate = func() ([]byte, error) { return nil, err } },
		"certificate's password": func(c *entra.Config, err error) {
			c.Certificate = func() ([]byte, error) { return []byte("x"), nil }
			c.CertificatePassword = func() (string, error) { return "", gone }
		},
		"federated token": func(c *entra.Config, err error) { c.FederatedToken = func() (string, error) { return "", err } },
		"access token":    func(c *entra.Config, err error) { c.AccessToken = func() (string, error) { return "", err } },
	} {
		for _, err := range []error{gone, nil} {
			f := newFake(t)
			_, proof, failed := pull(t, f.by(func(c *entra.Config) { how(c, err) }))
			var failure *connectors.Error
			if !errors.As(failed, &failure) || failure.Kind != connectors.ErrMisconfigured || failure.Op != "sign in" || failure.Mend == "" || proof.Lost {
				t.Errorf("%s: %#v", name, failed)
				continue
			}
			if says := strings.Contains(failure.Detail, "/etc/rollcall/secret"); says != (err != nil || name == "certificate's password") {
				t.Errorf("%s: %s", name, failure.Detail)
			}
			if len(f.seen) != 0 {
				t.Errorf("%s: somebody was asked: %v", name, f.seen)
			}
		}
	}
}

// TestCancelledSignIn: who waits for somebody else's sign-in stops waiting with its own context, and so does who signs in.
func TestCancelledSignIn(t *testing.T) {
	f := newFake(t)
	arrived := make(chan struct{}, 10)
	signIn(f, func(w http.ResponseWriter, r *http.Request) { arrived <- struct{}{}; <-r.Context().Done() })
	c := f.by(func(c *entra.Config) { c.ClientSecret = always(secret) })
	ctx, cancel := context.WithCancel(t.Context())
	type end struct {
		err error
		at  time.Time
	}
	ends := make(chan end, 2)
	for range 2 {
		go func() {
			err := c.Look(ctx, connectors.Want{}, []string{person(1)}, func(connectors.Sighting) error { return nil })
			ends <- end{err, time.Now()}
		}()
	}
	<-arrived
	cancelled := time.Now()
	cancel()
	for range 2 {
		if e := <-ends; !errors.Is(e.err, context.Canceled) || e.at.Sub(cancelled) > time.Second {
			t.Errorf("%v after %v", e.err, e.at.Sub(cancelled))
		}
	}
}

// TestSignInKeepsQuiet: an answer may quote what it was asked with; an error may not.
func TestSignInKeepsQuiet(t *testing.T) {
	leaf, _ := certificate(t, time.Now().AddDate(1, 0, 0))
	for name, how := range map[string]func(c *entra.Config){
		"secret":     func(c *entra.Config) { c.ClientSecret = always(secret) },
		"federation": func(c *entra.Config) { c.FederatedToken = always("federated-token") },
		"certificate": func(c *entra.Config) {
			c.Certificate = func() ([]byte, error) { return []byte(keyPEM(t, key) + inPEM("CERTIFICATE", leaf)), nil }
		},
	} {
		f := newFake(t)
		var asked url.Values
		signIn(f, func(w http.ResponseWriter, r *http.Request) {
			if err := r.ParseForm(); err != nil {
				t.Error(err)
			}
			asked = r.PostForm
			body, err := json.Marshal(map[string]string{"error": "invalid_client",
				"error_description": "AADSTS50012: Not good: " + asked.Get("client_secret") + " " + asked.Get("client_assertion") + " of ada@acme.example"})
			if err != nil {
				t.Error(err)
			}
			status(401, string(body))(w, r)
		})
		c := f.by(how)
		_, proof, err := pull(t, c)
		if err == nil {
			t.Fatalf("%s: no error", name)
		}
		for _, said := range append(mends(c.Check(t.Context())), err.Error(), proof.Reason, connectors.Label(err)) {
			for _, hidden := range []string{asked.Get("client_secret"), asked.Get("client_assertion"), "ada@", "BEGIN"} {
				if hidden != "" && strings.Contains(said, hidden) {
					t.Errorf("%s: %q is told: %s", name, hidden, said)
				}
			}
		}
	}
}

func mends(findings []connectors.Finding) (said []string) {
	for _, f := range findings {
		said = append(said, f.What+" "+f.Mend)
	}
	return said
}

// TestCredentialsPerCloud: whoever asks, and in whichever cloud: authority, scope and Graph belong together.
func TestCredentialsPerCloud(t *testing.T) {
	t.Setenv("IDENTITY_ENDPOINT", "")
	t.Setenv("MSI_ENDPOINT", "")
	leaf, _ := certificate(t, time.Now().AddDate(1, 0, 0))
	for cloud, hosts := range cloudHosts {
		for name, how := range map[string]func(c *entra.Config){
			"secret":     func(c *entra.Config) { c.ClientSecret = always(secret) },
			"federation": func(c *entra.Config) { c.FederatedToken = always("federated-token") },
			"certificate": func(c *entra.Config) {
				c.Certificate = func() ([]byte, error) { return []byte(keyPEM(t, key) + inPEM("CERTIFICATE", leaf)), nil }
			},
			// The library keeps tokens for each identity and resource.
			"managed identity": func(c *entra.Config) { c.ManagedIdentity = fmt.Sprintf("6f1d8a2e-0000-4000-8000-%012x", len(cloud)) },
		} {
			seen := &clouds{}
			cfg := entra.Config{TenantID: tenantID, ClientID: appID, AppID: appID, Cloud: cloud, Transport: seen}
			how(&cfg)
			c, err := entra.Open(cfg)
			if err != nil {
				t.Fatal(err)
			}
			if _, _, err := pull(t, c); err != nil {
				t.Errorf("%s, %s: %v", cloud, name, err)
			}
			want := []string{"https://" + hosts[0], "scope https://" + hosts[1] + "/.default", "https://" + hosts[1]}
			if name == "managed identity" {
				want = []string{"http://169.254.169.254", "resource https://" + hosts[1], "https://" + hosts[1]}
			}
			if diff := cmp.Diff(want, seen.hosts); diff != "" {
				t.Errorf("%s, %s: %s", cloud, name, diff)
			}
			for _, address := range seen.addresses {
				if strings.HasSuffix(address, "/token") && name != "managed identity" && address != "https://"+hosts[0]+tokenPath {
					t.Errorf("%s, %s: signed in at %s", cloud, name, address)
				}
			}
		}
	}
}

func signRS256(t *testing.T, signed string) []byte {
	t.Helper()
	sum := sha256.Sum256([]byte(signed))
	signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	return signature
}
