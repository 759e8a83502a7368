package login_test

import (
	"context"
	"encoding/json"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"rollcall/connectors/idpsim"
	"rollcall/connectors/idpsim/login"
)

const tenant = "2e831dd8-1b0a-4578-8596-24e2da968a17"

func TestTheVendorsLibraryGetsAToken(t *testing.T) {
	service := login.New(login.Options{Tenant: tenant, Client: "client", Secret: "secret"})
	server := httptest.NewTLSServer(service)
	defer server.Close()
	ask := func(secret string) (string, error) {
		credential, err := azidentity.NewClientSecretCredential(tenant, "client", secret, &azidentity.ClientSecretCredentialOptions{
			ClientOptions: policy.ClientOptions{
				Cloud:     cloud.Configuration{ActiveDirectoryAuthorityHost: server.URL},
				Transport: server.Client(),
			},
			DisableInstanceDiscovery: true, // which asks the real service about hosts that it does not know
		})
		if err != nil {
			t.Fatal(err)
		}
		token, err := credential.GetToken(context.Background(), policy.TokenRequestOptions{Scopes: []string{"https://graph.microsoft.com/.default"}})
		return token.Token, err
	}
	token, err := ask("secret")
	if err != nil || !service.Valid(token) {
		t.Fatalf("%q %v", token, err)
	}
	if _, err := ask("wrong"); err == nil || !strings.Contains(err.Error(), "AADSTS7000215") {
		t.Errorf("a wrong secret: %v", err)
	}
	service.Revoke()
	if service.Valid(token) {
		t.Error("the token was revoked")
	}
}

func TestRefusals(t *testing.T) {
	service := login.New(login.Options{Tenant: tenant, Client: "client", Secret: "secret"})
	for _, c := range []struct {
		path   string
		form   url.Values
		status int
		want   string
	}{
		{"/" + tenant + "/oauth2/v2.0/token", url.Values{"grant_type": {"password"}}, 400, "AADSTS70003"},
		{"/other/oauth2/v2.0/token", url.Values{"grant_type": {"client_credentials"}}, 400, "AADSTS90002"},
		{"/" + tenant + "/oauth2/v2.0/token", url.Values{"grant_type": {"client_credentials"}, "client_id": {"x"}}, 400, "AADSTS700016"},
		{"/" + tenant + "/oauth2/v2.0/token", url.Values{"grant_type": {"client_credentials"}, "client_id": {"client"}}, 401, "AADSTS7000215"},
		{"/" + tenant + "/elsewhere", nil, 404, ""},
	} {
		r := httptest.NewRequest("POST", c.path, strings.NewReader(c.form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		w := httptest.NewRecorder()
		service.ServeHTTP(w, r)
		if w.Code != c.status || !strings.Contains(w.Body.String(), c.want) {
			t.Errorf("%s %v: %d %s", c.path, c.form, w.Code, w.Body)
		}
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
