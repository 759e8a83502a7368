package login_test

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"maps"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"rollcall/connectors/idpsim"
	"rollcall/connectors/idpsim/login"
)

const tenant = "2e831dd8-1b0a-4578-8596-24e2da968a17"

// vendor is the service behind TLS, as client libraries want it, and what they need to reach it.
func vendor(t *testing.T, o login.Options) (*login.Server, policy.ClientOptions) {
	t.Helper()
	o.Tenant, o.Client = tenant, "client"
	service := login.New(o)
	server := httptest.NewTLSServer(service)
	t.Cleanup(server.Close)
	return service, policy.ClientOptions{Cloud: cloud.Configuration{ActiveDirectoryAuthorityHost: server.URL}, Transport: server.Client()}
}

// fetch gets a token for Graph.
func fetch(credential azcore.TokenCredential, err error) (string, error) {
	if err != nil {
		return "", err
	}
	token, err := credential.GetToken(context.Background(), policy.TokenRequestOptions{Scopes: []string{"https://graph.microsoft.com/.default"}, EnableCAE: true})
	return token.Token, err
}

func TestTheVendorsLibraryGetsATokenWithASecret(t *testing.T) {
	service, o := vendor(t, login.Options{Secret: "secret", Secrets: []login.Secret{{Value: "old", Expires: time.Now().Add(-time.Hour)}, {Value: "next", Expires: time.Now().Add(time.Hour)}}})
	ask := func(secret string) (string, error) {
		return fetch(azidentity.NewClientSecretCredential(tenant, "client", secret, &azidentity.ClientSecretCredentialOptions{
			ClientOptions:            o,
			DisableInstanceDiscovery: true, // which asks the real service about hosts that it does not know
		}))
	}
	token, err := ask("secret")
	if err != nil || !service.Valid(token) {
		t.Fatalf("%q %v", token, err)
	}
	if token, err := ask("next"); err != nil || !service.Valid(token) {
		t.Errorf("the second secret: %v", err)
	}
	for secret, want := range map[string]string{"wrong": "AADSTS7000215", "old": "AADSTS7000222"} {
		if _, err := ask(secret); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("the secret %s: %v", secret, err)
		}
	}
	service.Revoke()
	if v := service.Judge(token); v.Good || !strings.Contains(v.Claims, "nbf") {
		t.Errorf("the token was revoked: %+v", v)
	}
}

// registered makes a key and a certificate.
func registered(t *testing.T, until time.Time) (*rsa.PrivateKey, *x509.Certificate) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	plan := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: until.Add(-24 * time.Hour), NotAfter: until}
	der, err := x509.CreateCertificate(rand.Reader, plan, plan, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return key, certificate
}

func TestTheVendorsLibraryGetsATokenWithACertificate(t *testing.T) {
	key, certificate := registered(t, time.Now().Add(time.Hour))
	_, expired := registered(t, time.Now().Add(-time.Hour))
	for _, c := range []struct {
		registered *x509.Certificate
		chain      bool
		want       string
	}{{certificate, false, ""}, {certificate, true, ""}, {expired, false, "AADSTS700027"}} {
		service, o := vendor(t, login.Options{Certificates: []*x509.Certificate{c.registered}})
		token, err := fetch(azidentity.NewClientCertificateCredential(tenant, "client", []*x509.Certificate{certificate}, key,
			&azidentity.ClientCertificateCredentialOptions{ClientOptions: o, DisableInstanceDiscovery: true, SendCertificateChain: c.chain}))
		if c.want == "" && (err != nil || !service.Valid(token)) || c.want != "" && (err == nil || !strings.Contains(err.Error(), c.want)) {
			t.Errorf("want %q: %v", c.want, err)
		}
	}
}

func TestTheVendorsLibraryGetsATokenWithAnAssertion(t *testing.T) {
	key, _ := registered(t, time.Now())
	service, o := vendor(t, login.Options{Federated: []login.Federation{{Issuer: "https://issuer.example", Subject: "workload", Key: &key.PublicKey}}})
	ask := func(subject string) (string, error) {
		text := signed(t, key, "RS256", nil, map[string]any{"iss": "https://issuer.example", "sub": subject, "aud": "api://AzureADTokenExchange", "exp": time.Now().Add(time.Hour).Unix()})
		return fetch(azidentity.NewClientAssertionCredential(tenant, "client", func(context.Context) (string, error) { return text, nil },
			&azidentity.ClientAssertionCredentialOptions{ClientOptions: o, DisableInstanceDiscovery: true}))
	}
	if token, err := ask("workload"); err != nil || !service.Valid(token) {
		t.Error(err)
	}
	if _, err := ask("somebody"); err == nil || !strings.Contains(err.Error(), "AADSTS70021:") {
		t.Errorf("an unknown subject: %v", err)
	}
}

// machine carries what is meant for the metadata service of a virtual machine to another address.
type machine string

func (m machine) Do(r *http.Request) (*http.Response, error) {
	r.URL.Host = string(m)
	return http.DefaultClient.Do(r)
}

func TestTheVendorsLibraryGetsATokenOfAMachine(t *testing.T) {
	service := login.New(login.Options{Tenant: tenant, Client: "client"})
	server := httptest.NewServer(service)
	defer server.Close()
	o := policy.ClientOptions{Transport: machine(strings.TrimPrefix(server.URL, "http://"))}
	token, err := fetch(azidentity.NewManagedIdentityCredential(&azidentity.ManagedIdentityCredentialOptions{ClientOptions: o, ID: azidentity.ClientID("client")}))
	if err != nil || !service.Valid(token) {
		t.Error(err)
	}
	for _, c := range []struct {
		method, target, metadata string
		status                   int
	}{
		{"GET", "/metadata/identity/oauth2/token?api-version=2018-02-01&resource=x", "true", 200},
		{"GET", "/metadata/identity/oauth2/token?api-version=2018-02-01&resource=x", "", 400},
		{"GET", "/metadata/identity/oauth2/token?api-version=2018-02-01", "true", 400},
		{"GET", "/metadata/identity/oauth2/token?resource=x", "true", 400},
		{"GET", "/metadata/identity/oauth2/token?api-version=2018-02-01&resource=x&client_id=other", "true", 400},
		{"POST", "/metadata/identity/oauth2/token?api-version=2018-02-01&resource=x", "true", 405},
	} {
		r := httptest.NewRequest(c.method, c.target, nil)
		r.Header.Set("Metadata", c.metadata)
		w := httptest.NewRecorder()
		service.ServeHTTP(w, r)
		if w.Code != c.status {
			t.Errorf("%+v: %d %s", c, w.Code, w.Body)
		}
	}
}

// signed makes a JWT.
func signed(t *testing.T, key *rsa.PrivateKey, algorithm string, head, claims map[string]any) string {
	t.Helper()
	all := map[string]any{"alg": algorithm, "typ": "JWT"}
	maps.Copy(all, head)
	text := ""
	for _, one := range []map[string]any{all, claims} {
		b, err := json.Marshal(one)
		if err != nil {
			t.Fatal(err)
		}
		text += "." + base64.RawURLEncoding.EncodeToString(b)
	}
	sum := sha256.Sum256([]byte(text[1:]))
	signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, sum[:])
	if algorithm == "PS256" {
		signature, err = rsa.SignPSS(rand.Reader, key, crypto.SHA256, sum[:], &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
	}
	if err != nil {
		t.Fatal(err)
	}
	return text[1:] + "." + base64.RawURLEncoding.EncodeToString(signature)
}

// post asks for a token.
func post(service *login.Server, path string, form url.Values) *httptest.ResponseRecorder {
	r := httptest.NewRequest("POST", path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	service.ServeHTTP(w, r)
	return w
}

const endpoint = "/" + tenant + "/oauth2/v2.0/token"

// wanting is a good form but for the proof.
func wanting(more url.Values) url.Values {
	form := url.Values{"grant_type": {"client_credentials"}, "client_id": {"client"}, "scope": {"https://graph.microsoft.com/.default"}}
	maps.Copy(form, more)
	return form
}

func TestRefusals(t *testing.T) {
	service := login.New(login.Options{Tenant: tenant, Client: "client", Secret: "secret"})
	for _, c := range []struct {
		path   string
		form   url.Values
		status int
		want   string
	}{
		{endpoint, wanting(url.Values{"grant_type": {"password"}}), 400, "AADSTS70003"},
		{"/other/oauth2/v2.0/token", wanting(nil), 400, "AADSTS90002"},
		{endpoint, wanting(url.Values{"client_id": {"x"}}), 400, "AADSTS700016"},
		{endpoint, wanting(url.Values{"scope": nil}), 400, "AADSTS90014"},
		{endpoint, wanting(url.Values{"scope": {"User.Read"}}), 400, "AADSTS1002012"},
		{endpoint, wanting(nil), 401, "AADSTS7000218"},
		{endpoint, wanting(url.Values{"client_secret": {"x"}}), 401, "AADSTS7000215"},
		{endpoint, wanting(url.Values{"client_secret": {"secret"}}), 200, "access_token"},
		{"/" + tenant + "/elsewhere", nil, 404, ""},
	} {
		if w := post(service, c.path, c.form); w.Code != c.status || !strings.Contains(w.Body.String(), c.want) {
			t.Errorf("%s %v: %d %s", c.path, c.form, w.Code, w.Body)
		}
	}
}

func TestAssertions(t *testing.T) {
	key, certificate := registered(t, time.Now().Add(time.Hour))
	other, stranger := registered(t, time.Now().Add(time.Hour))
	service := login.New(login.Options{Tenant: tenant, Client: "client", Certificates: []*x509.Certificate{certificate}})
	audience := "http://example.com" + endpoint
	old, sum := sha1.Sum(certificate.Raw), sha256.Sum256(certificate.Raw)
	x5t, x5tS256 := base64.RawURLEncoding.EncodeToString(old[:]), base64.RawURLEncoding.EncodeToString(sum[:])
	claims := func(name string, value any) map[string]any {
		all := map[string]any{"iss": "client", "sub": "client", "aud": audience, "exp": time.Now().Add(time.Hour).Unix(), "nbf": time.Now().Unix()}
		all[name] = value
		return all
	}
	good := claims("jti", "1")
	for name, c := range map[string]struct {
		text, want string
	}{
		"RS256, x5t":           {signed(t, key, "RS256", map[string]any{"x5t": x5t}, good), ""},
		"PS256, x5t#S256":      {signed(t, key, "PS256", map[string]any{"x5t#S256": x5tS256}, good), ""},
		"x5t in base64":        {signed(t, key, "RS256", map[string]any{"x5t": base64.StdEncoding.EncodeToString(old[:])}, good), ""},
		"x5c":                  {signed(t, key, "PS256", map[string]any{"x5t": x5t, "x5c": []string{base64.StdEncoding.EncodeToString(certificate.Raw)}}, good), ""},
		"a list of audiences":  {signed(t, key, "PS256", map[string]any{"x5t": x5t}, claims("aud", []string{"x", "http://example.com/" + tenant + "/v2.0"})), ""},
		"x5c of another":       {signed(t, key, "PS256", map[string]any{"x5t": x5t, "x5c": []string{base64.StdEncoding.EncodeToString(stranger.Raw)}}, good), "700027"},
		"no thumbprint":        {signed(t, key, "RS256", nil, good), "700027"},
		"another key":          {signed(t, other, "RS256", map[string]any{"x5t": x5t}, good), "700027"},
		"an algorithm changed": {signed(t, key, "HS256", map[string]any{"x5t": x5t}, good), "700027"},
		"too late":             {signed(t, key, "RS256", map[string]any{"x5t": x5t}, claims("exp", time.Now().Add(-time.Hour).Unix())), "700024"},
		"too early":            {signed(t, key, "RS256", map[string]any{"x5t": x5t}, claims("nbf", time.Now().Add(time.Hour).Unix())), "700024"},
		"another audience":     {signed(t, key, "RS256", map[string]any{"x5t": x5t}, claims("aud", "https://elsewhere.example")), "700023"},
		"another subject":      {signed(t, key, "RS256", map[string]any{"x5t": x5t}, claims("sub", "x")), "700021"},
		"another issuer":       {signed(t, key, "RS256", map[string]any{"x5t": x5t}, claims("iss", "https://issuer.example")), "70021"},
		"nonsense":             {"nonsense", "50027"},
		"no audience":          {signed(t, key, "RS256", nil, claims("aud", 5)), "50027"},
		"no JSON":              {"e30.x.y", "50027"},
	} {
		w := post(service, endpoint, wanting(url.Values{"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}, "client_assertion": {c.text}}))
		if c.want == "" && w.Code != 200 || c.want != "" && (w.Code != 401 || !strings.Contains(w.Body.String(), "AADSTS"+c.want+":")) {
			t.Errorf("%s: %d %s", name, w.Code, w.Body)
		}
	}
	if w := post(service, endpoint, wanting(url.Values{"client_assertion": {signed(t, key, "RS256", map[string]any{"x5t": x5t}, good)}})); w.Code != 401 {
		t.Errorf("without its type: %d %s", w.Code, w.Body)
	}
}

func TestFederatedAssertions(t *testing.T) {
	key, _ := registered(t, time.Now())
	other, _ := registered(t, time.Now())
	service := login.New(login.Options{Tenant: tenant, Client: "client", Federated: []login.Federation{
		{Issuer: "https://signed.example", Subject: "a", Key: &key.PublicKey}, {Issuer: "https://trusted.example", Subject: "a", Audience: "aud"},
	}})
	for _, c := range []struct {
		by           *rsa.PrivateKey
		iss, sub, to string
		exp          time.Duration
		want         string
	}{
		{key, "https://signed.example", "a", "api://AzureADTokenExchange", time.Hour, "access_token"},
		{other, "https://trusted.example", "a", "aud", time.Hour, "access_token"},
		{other, "https://signed.example", "a", "api://AzureADTokenExchange", time.Hour, "AADSTS50027:"},
		{key, "https://signed.example", "b", "api://AzureADTokenExchange", time.Hour, "AADSTS70021:"},
		{key, "https://signed.example", "a", "aud", time.Hour, "AADSTS70021:"},
		{key, "https://signed.example", "a", "api://AzureADTokenExchange", -time.Hour, "AADSTS700024:"},
	} {
		text := signed(t, c.by, "RS256", nil, map[string]any{"iss": c.iss, "sub": c.sub, "aud": c.to, "exp": time.Now().Add(c.exp).Unix()})
		w := post(service, endpoint, wanting(url.Values{"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}, "client_assertion": {text}}))
		if !strings.Contains(w.Body.String(), c.want) {
			t.Errorf("%s %s %s %s: %d %s", c.iss, c.sub, c.to, c.exp, w.Code, w.Body)
		}
	}
}

func FuzzAssertion(f *testing.F) {
	f.Add("e30.e30.e30")
	f.Add("eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJjbGllbnQiLCJhdWQiOiJ4In0.AA")
	service := login.New(login.Options{Tenant: tenant, Client: "client"})
	f.Fuzz(func(t *testing.T, text string) {
		w := post(service, endpoint, wanting(url.Values{"client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"}, "client_assertion": {text}}))
		if w.Code == 200 {
			t.Errorf("%q got a token", text)
		}
	})
}

// TestSteps: what the population grants is in a token, and what a step refuses is refused.
func TestSteps(t *testing.T) {
	now := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	pop := idpsim.New(idpsim.Options{})
	service := login.New(login.Options{Tenant: tenant, Client: "client", Secret: "secret", Population: pop, Now: func() time.Time { return now }})
	ask := func(claims string) (string, string) {
		w := post(service, endpoint, wanting(url.Values{"client_secret": {"secret"}, "claims": {claims}}))
		var got struct {
			Token string `json:"access_token"`
		}
		if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil {
			t.Fatal(err)
		}
		return got.Token, w.Body.String()
	}
	do := func(step idpsim.Step) {
		t.Helper()
		if err := pop.Do(step); err != nil {
			t.Fatal(err)
		}
	}
	for _, number := range []string{"53003", "65001", "7000222", "700016", "7000112", "12345"} {
		do(idpsim.Step{Do: "sign-in", Value: number})
		if token, body := ask(""); token != "" || !strings.Contains(body, "AADSTS"+number+":") || strings.Contains(body, "%") {
			t.Errorf("%s: %s", number, body)
		}
	}
	do(idpsim.Step{Do: "sign-in"})
	early, _ := ask("")
	do(idpsim.Step{Do: "grant", Value: "Member.Read.Hidden"})
	late, _ := ask(`{"access_token":{"xms_cc":{"values":["cp1"]}}}`)
	if slices.Contains(service.Judge(early).Roles, "Member.Read.Hidden") || !slices.Contains(service.Judge(late).Roles, "Member.Read.Hidden") {
		t.Errorf("early %v, late %v", service.Judge(early), service.Judge(late))
	}
	body, err := base64.RawURLEncoding.DecodeString(strings.Split(late, ".")[1])
	if err != nil || !strings.Contains(string(body), `"roles":["Application.Read.All","GroupMember.Read.All","User.Read.All","Synchronization.Read.All","Member.Read.Hidden"]`) {
		t.Errorf("%s %v", body, err)
	}
	now = now.Add(2 * time.Hour)
	if service.Valid(early) || !service.Valid(late) {
		t.Error("a token lives for an hour, one that can be challenged for a day")
	}
	plain, _ := ask("")
	do(idpsim.Step{Do: "revoke-tokens"})
	if v := service.Judge(late); v.Good || v.Claims == "" {
		t.Errorf("revoked, and to be challenged: %+v", v)
	}
	if v := service.Judge(plain); v.Good || v.Claims != "" {
		t.Errorf("revoked, and not to be challenged: %+v", v)
	}
	if again, _ := ask(""); !service.Valid(again) {
		t.Error("a new token is not good")
	}
}

func TestDiscovery(t *testing.T) {
	service := login.New(login.Options{Tenant: tenant})
	for path, key := range map[string]string{
		"/common/discovery/instance?api-version=1.1":            "tenant_discovery_endpoint",
		"/" + tenant + "/v2.0/.well-known/openid-configuration": "token_endpoint",
	} {
		w := httptest.NewRecorder()
		service.ServeHTTP(w, httptest.NewRequest("GET", path, nil))
		var answer map[string]any
		if err := json.Unmarshal(w.Body.Bytes(), &answer); err != nil || !strings.HasPrefix(answer[key].(string), "http://example.com/"+tenant+"/") {
			t.Errorf("%s: %v %v", path, answer, err)
		}
	}
}

func TestFaults(t *testing.T) {
	faults := &idpsim.Faults{}
	service := login.New(login.Options{Tenant: tenant, Faults: faults})
	if err := faults.Set(idpsim.Unavailable, idpsim.Where{Times: 1}); err != nil {
		t.Fatal(err)
	}
	w := httptest.NewRecorder()
	service.ServeHTTP(w, httptest.NewRequest("POST", "/"+tenant+"/oauth2/v2.0/token", nil))
	if w.Code != 503 {
		t.Errorf("%d", w.Code)
	}
}
