// Package okta asks Okta who is assigned to an application.
//
// Okta keeps one app user per person and application, whoever made the assignment, so a pull is the application's status followed by
// the pages of its app users, with the Okta user of each embedded: the app user says what the application should hold, the Okta user
// whether the person may sign in. All calls go through the SDK; answers are read by us, because the SDK's types cannot tell null from
// absent and share memory between pages. Its own way to sign in is not used either: it sends the signed assertion in a URL, without
// the caller's context.
package okta

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	sdk "github.com/okta/okta-sdk-golang/v2/okta"

	"rollcall/connectors/rest"
)

// Config is one org and one application in it, and one of two ways to sign in: an API token, or a service app with its key. Open reads
// neither; both are read again when Okta refuses what was read before, so that a new secret needs no restart.
type Config struct {
	OrgURL string // https://globex.okta.com; http only for a simulator on this machine
	AppID  string // 0oa…

	APIToken func() (string, error) // of an administrator who may read the application and its people

	ClientID   string                 // of a service app, 0oa…
	PrivateKey func() ([]byte, error) // its RSA key: PEM, PKCS #1 or PKCS #8
	KeyID      string                 // which of its keys that is; "" = Okta tries them all

	Suspended string // what a suspended person is: "" = "inactive"; or "active"
	Share     int    // percent of the org's rate limits to take; 0 = 25

	Transport http.RoundTripper                                // nil = http.DefaultTransport; carries proxy and trusted certificates
	SleepFunc func(ctx context.Context, d time.Duration) error // nil = really wait; simulations hurry
}

// Open checks cfg and makes a connector of it. It asks nothing and reads no secret. Its error, of kind ErrMisconfigured, names every
// fault.
func Open(cfg Config) (*Connector, error) {
	org, err := cfg.check()
	if err != nil {
		return nil, rest.Misconfigured("Okta", err)
	}
	// The SDK merges a YAML file of the home directory, one beside its own source and the environment into its settings before these,
	// so every setting that matters is set.
	_, client, err := sdk.NewClient(context.Background(),
		sdk.WithOrgUrl(org.String()),
		sdk.WithAuthorizationMode("SSWS"),
		sdk.WithToken("replaced by signIn"),
		sdk.WithHttpClientPtr(newClient(cfg, org)),
		sdk.WithCache(false),
		sdk.WithRequestTimeout(0), // the transport bounds every call
		sdk.WithRateLimitMaxRetries(0),
		sdk.WithUserAgentExtra(""),
		sdk.WithTestingDisableHttpsCheck(org.Scheme == "http"),
	)
	if err != nil {
		return nil, rest.Misconfigured("Okta", err)
	}
	return &Connector{
		client:          client,
		appID:           cfg.AppID,
		identity:        cfg.identity(org),
		suspendedActive: cfg.Suspended == "active",
		serviceApp:      cfg.ClientID != "",
	}, nil
}

// identity names org and application, and how suspended people are read where that is not as usual.
func (cfg *Config) identity(org *url.URL) string {
	identity := "okta:" + strings.ToLower(org.Host) + "/" + cfg.AppID
	if cfg.Suspended == "active" {
		identity += " suspended=active"
	}
	return identity
}

// check returns the org's address.
func (cfg *Config) check() (*url.URL, error) {
	var faults []error
	fault := func(format string, args ...any) { faults = append(faults, fmt.Errorf(format, args...)) }

	org, err := url.Parse(strings.TrimRight(cfg.OrgURL, "/"))
	switch {
	case err != nil || org.Host == "":
		fault("org URL is not a URL: write it like https://globex.okta.com")
	case org.Path != "" || org.User != nil || org.RawQuery != "" || org.Fragment != "":
		fault("org URL has more than a scheme and a host: write it like https://globex.okta.com")
	case org.Scheme != "https" && !(org.Scheme == "http" && rest.Loopback(org.Hostname())):
		fault("org URL must be https: only a simulator on this machine may do without")
	case strings.Contains(org.Host, "-admin."):
		fault("org URL is that of the admin console: leave -admin out")
	}
	if cfg.AppID == "" {
		fault("app id is missing: it is in the address of the application's page, after its name: 0oa…")
	} else if !plainID(cfg.AppID) {
		fault("app id has other characters than letters and digits")
	}
	switch withKey := cfg.ClientID != "" || cfg.PrivateKey != nil; {
	case cfg.APIToken == nil && !withKey:
		fault("no way to sign in: an API token is made at Security > API > Tokens, a service app at Applications > Create App Integration > API Services")
	case cfg.APIToken != nil && withKey:
		fault("two ways to sign in: keep the API token or the service app")
	case withKey && cfg.ClientID == "":
		fault("client id is missing: it is on the service app's page, at General > Client Credentials")
	case withKey && !plainID(cfg.ClientID):
		fault("client id has other characters than letters and digits")
	case withKey && cfg.PrivateKey == nil:
		fault("private key is missing: it is made on the service app's page, at General > Client Credentials > Public Keys")
	}
	if cfg.Share < 0 || cfg.Share > 100 {
		fault("share is %d: it is a percentage", cfg.Share)
	}
	if cfg.Suspended != "" && cfg.Suspended != "inactive" && cfg.Suspended != "active" {
		fault("suspended is %q: inactive and active are known", cfg.Suspended)
	}
	return org, errors.Join(faults...)
}

// ObjectID returns an Okta user's id as it is: 00u and 17 letters and digits, whose case counts. Its error says what else was given.
func ObjectID(text string) (string, error) {
	if len(text) != 20 || !strings.HasPrefix(text, "00u") || !plainID(text) {
		return "", errors.New("is no user id of Okta: copy it, 00u and 17 more letters and digits, from the address of the person's page at Okta admin console > Directory > People")
	}
	return text, nil
}

// plainID tells Okta's object ids, which are letters and digits. The SDK puts them into addresses as they are.
func plainID(id string) bool {
	return id != "" && strings.Trim(id, "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") == ""
}
