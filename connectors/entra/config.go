// Package entra asks Microsoft Entra ID, through Microsoft Graph, who is assigned to an enterprise application.
//
// A pull follows the directory's own idea of assignment. It resolves the enterprise application, lists the app role assignments of
// people and groups, reads the direct members of each assigned group, the first pages of several together, and then those assigned
// directly: by pages of the directory or in batches, whichever takes fewer calls, or else from the recycle bin. Requests are built by the SDK's request builders and sent by its adapter; answers are taken
// as bytes and scanned (docs/decisions/002), so that a pull holds one page and the object ids of those it has passed.
package entra

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	kiotaauth "github.com/microsoft/kiota-authentication-azure-go"
	kiota "github.com/microsoft/kiota-http-go"

	"rollcall/connectors/rest"
)

// Config is one directory and one application in it. Exactly one of ClientSecret, Certificate, FederatedToken, ManagedIdentity and
// AccessToken says who is asking.
//
// What is secret is a function, which is called whenever a token is fetched, from any goroutine, and never by Open: what it returns may
// change. Its error must not hold the secret, and ends what needed the token as ErrMisconfigured.
type Config struct {
	TenantID string // the directory
	AppID    string // application id of the enterprise application that people are assigned to
	ClientID string // the app registration that asks; goes with ClientSecret, Certificate and FederatedToken

	ClientSecret        func() (string, error) // of that registration
	Certificate         func() ([]byte, error) // of that registration, with its RSA key and perhaps its chain: PEM, or PKCS #12
	CertificatePassword func() (string, error) // of a PKCS #12; nil = it has none
	FederatedToken      func() (string, error) // that the registration trusts: of Kubernetes, GitHub, another cloud
	ManagedIdentity     string                 // of the machine in Azure: "system", or the client id of a user-assigned one
	AccessToken         func() (string, error) // a fixed one for a simulator: only with a loopback GraphURL

	Cloud    string // "" = "public"; "usgov", "usgov_dod", "china"
	GraphURL string // "" = the cloud's; with the version: http://127.0.0.1:9001/v1.0
	LoginURL string // "" = the cloud's

	Share      int  // percent of the directory's rate limit that calls may use; 0 = rest.DefaultShare
	Transitive bool // members of groups inside assigned groups count as assigned, which Entra's own provisioning does not do

	// Transport carries proxy and trusted certificates; nil = http.DefaultTransport. Of an *http.Transport a managed identity, which is
	// asked on the machine itself, uses all but the proxy.
	Transport http.RoundTripper
	SleepFunc func(ctx context.Context, d time.Duration) error // nil = really wait; simulations hurry
}

// systemAssigned is the ManagedIdentity that the machine has of itself.
const systemAssigned = "system"

// The clouds (learn.microsoft.com/graph/deployments). A token of one is worth nothing in another.
var clouds = map[string]struct{ graph, login string }{
	"public":    {"https://graph.microsoft.com/v1.0", "https://login.microsoftonline.com"},
	"usgov":     {"https://graph.microsoft.us/v1.0", "https://login.microsoftonline.us"},
	"usgov_dod": {"https://dod-graph.microsoft.us/v1.0", "https://login.microsoftonline.us"},
	"china":     {"https://microsoftgraph.chinacloudapi.cn/v1.0", "https://login.chinacloudapi.cn"},
}

// Open checks cfg and makes a connector of it. It asks nothing and starts nothing. Its error, of kind ErrMisconfigured, names every
// fault.
func Open(cfg Config) (*Connector, error) {
	graphURL, loginURL, err := cfg.check()
	if err != nil {
		return nil, rest.Misconfigured("Entra ID", err)
	}
	credential := newCredential(cfg, loginURL)
	// The list of hosts must not be empty: the provider would then give the token to every host.
	authentication, err := kiotaauth.NewAzureIdentityAuthenticationProviderWithScopesAndValidHosts(
		credential, []string{scope(graphURL)}, []string{graphURL.Hostname()})
	if err != nil {
		return nil, rest.Misconfigured("Entra ID", err)
	}
	transport := graphTransport(cfg, rest.OriginOf(graphURL), credential)
	adapter, err := kiota.NewNetHttpRequestAdapterWithParseNodeFactoryAndSerializationWriterFactoryAndHttpClient(
		authentication, nil, nil, transport.Client())
	if err != nil {
		return nil, rest.Misconfigured("Entra ID", err)
	}
	adapter.SetBaseUrl(graphURL.String())
	return &Connector{
		tenantID:   cfg.TenantID,
		appID:      cfg.AppID,
		identity:   cfg.identity(),
		transitive: cfg.Transitive,
		credential: credential,
		scope:      scope(graphURL),
		adapter:    adapter,
		transport:  transport,
	}, nil
}

// identity names directory and application, and how far groups are read where that is not as usual.
func (cfg *Config) identity() string {
	identity := strings.ToLower("entra:" + cfg.TenantID + "/" + cfg.AppID)
	if cfg.Transitive {
		identity += " transitive"
	}
	return identity
}

// check returns where to ask and where to sign in.
func (cfg *Config) check() (graphURL, loginURL *url.URL, err error) {
	var faults []error
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }

	cloud, known := clouds[strings.ToLower(cfg.Cloud)]
	switch {
	case cfg.Cloud == "":
		cloud = clouds["public"]
	case !known:
		fault("cloud %q is unknown: public, usgov, usgov_dod and china are", cfg.Cloud)
	}
	if graphURL, err = address(cfg.GraphURL, cloud.graph); err != nil {
		fault("graph URL: %w", err)
	} else if graphURL.Path == "" {
		fault("graph URL: the version is missing: add /v1.0")
	}
	if loginURL, err = address(cfg.LoginURL, cloud.login); err != nil {
		fault("login URL: %w", err)
	}
	if cfg.AppID == "" {
		fault("app id is missing: it is the Application ID on the overview of the enterprise application")
	} else if _, ok := parseGUID(cfg.AppID); !ok {
		fault("app id is not a GUID")
	}
	if cfg.TenantID == "" {
		fault("tenant id is missing: it is the Tenant ID on the overview of Entra ID")
	} else if !domainName(cfg.TenantID) {
		fault("tenant id is neither a GUID nor a domain name")
	}
	registered := cfg.ClientSecret != nil || cfg.Certificate != nil || cfg.FederatedToken != nil
	if given := count(cfg.ClientSecret != nil, cfg.Certificate != nil, cfg.FederatedToken != nil, cfg.ManagedIdentity != "", cfg.AccessToken != nil); given != 1 {
		fault("%d of client secret, certificate, federated token, managed identity and access token are given: exactly one is needed", given)
	}
	if registered && cfg.ClientID == "" {
		fault("client id is missing: it is the Application (client) ID on the overview of the app registration")
	}
	if cfg.CertificatePassword != nil && cfg.Certificate == nil {
		fault("certificate password is given without a certificate")
	}
	if _, ok := parseGUID(cfg.ManagedIdentity); cfg.ManagedIdentity != "" && cfg.ManagedIdentity != systemAssigned && !ok {
		fault("managed identity is neither %q nor a client id, which is a GUID: it is on the overview of the managed identity in the Azure portal", systemAssigned)
	}
	if cfg.AccessToken != nil && graphURL != nil && !rest.Loopback(graphURL.Hostname()) {
		fault("a fixed access token is for a simulator on this machine: use a client secret with %s", graphURL.Host)
	}
	if cfg.Share < 0 || cfg.Share > 100 {
		fault("share is %d: it is a percentage, from 1 to 100", cfg.Share)
	}
	return graphURL, loginURL, errors.Join(faults...)
}

// scope asks for the application permissions that were granted on a Graph host.
func scope(graphURL *url.URL) string { return graphURL.Scheme + "://" + graphURL.Host + "/.default" }

// address parses a configured URL, or the usual one, without a slash at its end.
func address(configured, usual string) (*url.URL, error) {
	if configured == "" {
		configured = usual
	}
	u, err := url.Parse(strings.TrimRight(configured, "/"))
	switch {
	case err != nil || u.Host == "":
		return nil, errors.New("it is not a URL: write it like https://graph.microsoft.com/v1.0")
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return nil, errors.New("it has more than a scheme, a host and a path")
	case u.Scheme != "https" && !(u.Scheme == "http" && rest.Loopback(u.Hostname())):
		return nil, errors.New("it must be https: only a simulator on this machine may do without")
	}
	return u, nil
}

// domainName tells what may be a directory's name in an address: letters, digits, points and hyphens, as a GUID has them too.
func domainName(text string) bool {
	return strings.Trim(strings.ToLower(text), "0123456789abcdefghijklmnopqrstuvwxyz-.") == "" && strings.Trim(text, ".") == text
}

func count(given ...bool) int {
	n := 0
	for _, g := range given {
		if g {
			n++
		}
	}
	return n
}
