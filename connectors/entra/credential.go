package entra

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/x509"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	azcloud "github.com/Azure/azure-sdk-for-go/sdk/azcore/cloud"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	"github.com/Azure/azure-sdk-for-go/sdk/azidentity"

	"rollcall/connectors"
	"rollcall/connectors/rest"
)

// credential is who asks. It keeps a token for a while, and reads what it signs in with each time it fetches another, so that a secret
// that was changed where it lies is used from then on. One fetch goes on at a time; who waits for it stops waiting with its context.
//
// Its errors are the context's or a *connectors.Error of the step signIn. They hold nothing of what was read.
type credential struct {
	what string                                                // it signs in with, in a sentence
	read func() (material string, err error)                   // reads that; nil = there is nothing to read
	make func(material string) (azcore.TokenCredential, error) // of what was read, for one token; ends may be set

	refused atomic.Bool // the provider did not accept the token

	turn    chan struct{} // has one in it while the fields below are in use
	ends    time.Time     // when what it signs in with ends, where it tells
	token   azcore.AccessToken
	renewal time.Time // when token is fetched anew
}

// A token is fetched anew before it ends, and when it is an hour old however long it lasts, which may be a day: the permissions that
// it carries are those that were granted when it was issued.
const (
	early  = 5 * time.Minute
	oldest = time.Hour
)

// newCredential makes the credential that cfg asks for. It reads nothing. Every way to sign in but the managed identity uses loginURL,
// no discovery of others, and cfg's transport.
func newCredential(cfg Config, loginURL *url.URL) *credential {
	c := &credential{turn: make(chan struct{}, 1)}
	authority := *loginURL
	authority.Scheme = "https" // azidentity accepts no other; loginTransport goes back to what was configured
	options := azcore.ClientOptions{
		Cloud:     azcloud.Configuration{ActiveDirectoryAuthorityHost: authority.String()},
		Retry:     policy.RetryOptions{MaxRetries: -1}, // the transport does it
		Transport: loginTransport(cfg, loginURL, rest.OriginOf(&authority)).Client(),
	}
	switch {
	case cfg.ClientSecret != nil:
		c.what, c.read = "the client secret", cfg.ClientSecret
		c.make = func(secret string) (azcore.TokenCredential, error) {
			return azidentity.NewClientSecretCredential(cfg.TenantID, cfg.ClientID, secret, &azidentity.ClientSecretCredentialOptions{
				ClientOptions: options, DisableInstanceDiscovery: true,
			})
		}
	case cfg.Certificate != nil:
		c.what, c.read = "the certificate", cfg.readCertificate
		c.make = func(material string) (azcore.TokenCredential, error) {
			certificates, key, err := parseCertificate(material)
			if err != nil {
				return nil, err
			}
			c.ends = certificates[0].NotAfter
			return azidentity.NewClientCertificateCredential(cfg.TenantID, cfg.ClientID, certificates, key, &azidentity.ClientCertificateCredentialOptions{
				ClientOptions: options, DisableInstanceDiscovery: true, SendCertificateChain: true,
			})
		}
	case cfg.FederatedToken != nil:
		c.what, c.read = "the federated token", cfg.FederatedToken
		c.make = func(token string) (azcore.TokenCredential, error) {
			told := func(context.Context) (string, error) { return token, nil }
			return azidentity.NewClientAssertionCredential(cfg.TenantID, cfg.ClientID, told, &azidentity.ClientAssertionCredentialOptions{
				ClientOptions: options, DisableInstanceDiscovery: true,
			})
		}
	case cfg.ManagedIdentity != "":
		c.what = "the managed identity"
		c.make = func(string) (azcore.TokenCredential, error) { return managedIdentity(cfg) }
	default:
		c.what, c.read = "the access token", cfg.AccessToken
		c.make = func(token string) (azcore.TokenCredential, error) { return fixedToken(token), nil }
	}
	return c
}

// managedIdentity asks the machine that the program runs on. The address, and what to say there, is the platform's.
func managedIdentity(cfg Config) (azcore.TokenCredential, error) {
	options := azidentity.ManagedIdentityCredentialOptions{ClientOptions: azcore.ClientOptions{
		Retry:     policy.RetryOptions{MaxRetries: -1}, // the transport does it
		Transport: identityClient(cfg),
	}}
	if cfg.ManagedIdentity != systemAssigned {
		options.ID = azidentity.ClientID(cfg.ManagedIdentity)
	}
	credential, err := azidentity.NewManagedIdentityCredential(&options)
	if err != nil {
		return nil, unusable("this machine's platform has no such identity: "+rest.Line(err.Error()), "use the identity that the platform has, or another way to sign in")
	}
	return credential, nil
}

// fixedToken is a token that somebody else obtained. It is read again for each call.
type fixedToken string

func (t fixedToken) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	return azcore.AccessToken{Token: string(t), ExpiresOn: time.Now()}, nil
}

// GetToken implements azcore.TokenCredential.
func (c *credential) GetToken(ctx context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	select {
	case c.turn <- struct{}{}:
		defer func() { <-c.turn }()
	case <-ctx.Done():
		return azcore.AccessToken{}, ctx.Err()
	}
	if !c.refused.Swap(false) && o.Claims == "" && time.Now().Before(c.renewal) {
		return c.token, nil
	}
	token, err := c.fetch(ctx, o)
	if err != nil {
		return azcore.AccessToken{}, err
	}
	c.token, c.renewal = token, time.Now().Add(min(oldest, time.Until(token.ExpiresOn)-early))
	return token, nil
}

// fetch obtains a token with what there is to sign in with now.
func (c *credential) fetch(ctx context.Context, o policy.TokenRequestOptions) (azcore.AccessToken, error) {
	material := ""
	if c.read != nil {
		var err error
		if material, err = c.read(); err != nil {
			return azcore.AccessToken{}, unusable(c.what+" cannot be read: "+rest.Line(err.Error()), "put it where the configuration says that it is, so that this program may read it")
		}
		if material == "" {
			return azcore.AccessToken{}, unusable(c.what+" is empty", "put it where the configuration says that it is")
		}
	}
	asked, err := c.make(material)
	if err != nil {
		return azcore.AccessToken{}, err
	}
	asking, cancel := context.WithTimeout(ctx, signInTime)
	defer cancel()
	asking, tally := rest.WithTally(asking)
	token, err := asked.GetToken(asking, o)
	if err != nil {
		return azcore.AccessToken{}, c.failure(ctx, tally.Failure(), material)
	}
	return token, nil
}

// signInTime bounds the fetching of a token. It is longer than the transport is patient; without any bound Microsoft's library would set
// one of 30 seconds, in the midst of what the transport tries again.
const signInTime = 2 * rest.Patience

// failure tells why there is no token: seen is the transport's last word on it, if there is one. What azidentity says is left out,
// because it may quote the answer; and what the answer quotes of what it was asked with.
func (c *credential) failure(ctx context.Context, seen *connectors.Error, material string) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	failure := connectors.Error{Kind: connectors.ErrIncomplete, Detail: "the answer holds no token"}
	if seen != nil {
		failure = *seen
	}
	failure.Op = signIn.What
	if material != "" {
		failure.Detail = strings.ReplaceAll(failure.Detail, material, "…")
	}
	if c.read == nil && failure.Kind == connectors.ErrUnreachable && failure.Status == 0 {
		failure.Mend = "managed_identity is for a machine in Azure, or one that Azure Arc manages; elsewhere use another way to sign in"
	}
	return &failure
}

// end is when what it signs in with ends, as far as it is known; zero otherwise.
func (c *credential) end(ctx context.Context) time.Time {
	select {
	case c.turn <- struct{}{}:
		defer func() { <-c.turn }()
		return c.ends
	case <-ctx.Done():
		return time.Time{}
	}
}

// unusable tells what is wrong with what there is to sign in with.
func unusable(detail, mend string) error {
	return &connectors.Error{Kind: connectors.ErrMisconfigured, Op: signIn.What, Detail: detail, Mend: mend}
}

// readCertificate returns the password, "" for none, a NUL and the certificate; "" if that is empty.
func (cfg *Config) readCertificate() (string, error) {
	certificate, err := cfg.Certificate()
	if err != nil || len(certificate) == 0 {
		return "", err
	}
	password := ""
	if cfg.CertificatePassword != nil {
		if password, err = cfg.CertificatePassword(); err != nil {
			return "", err
		}
	}
	return password + "\x00" + string(certificate), nil
}

// parseCertificate takes what readCertificate returned: PEM or PKCS #12, with an RSA key. The first certificate is the key's; the rest
// is its chain.
func parseCertificate(material string) ([]*x509.Certificate, crypto.PrivateKey, error) {
	const both = "put the certificate and its key, unencrypted, into one PEM file, or both into a PKCS #12 file with its password"
	password, data, _ := strings.Cut(material, "\x00")
	if strings.Contains(data, "-----BEGIN ") {
		password = "" // of nothing: azidentity takes whatever has a password for PKCS #12
	}
	certificates, key, err := azidentity.ParseCertificates([]byte(data), []byte(password))
	switch {
	case err == nil:
	case strings.Contains(err.Error(), "no private key"):
		return nil, nil, unusable("the certificate comes without its private key", both)
	case strings.Contains(err.Error(), "no certificate"):
		return nil, nil, unusable("there is a private key, but no certificate", both)
	case strings.Contains(err.Error(), "password incorrect"):
		return nil, nil, unusable("the certificate's password is wrong", "correct certificate_password")
	default:
		return nil, nil, unusable("the certificate is neither PEM nor PKCS #12 of a kind that can be read", "convert it: openssl pkcs12 -in FILE.pfx -nodes -out FILE.pem")
	}
	private, ok := key.(*rsa.PrivateKey)
	if !ok {
		return nil, nil, unusable("the certificate's key is not an RSA key", "make one with an RSA key: Entra ID takes no other")
	}
	for i, certificate := range certificates {
		if private.PublicKey.Equal(certificate.PublicKey) {
			certificates[0], certificates[i] = certificate, certificates[0]
			break
		}
	}
	switch leaf := certificates[0]; {
	case !private.PublicKey.Equal(leaf.PublicKey):
		return nil, nil, unusable("the private key belongs to another certificate", both)
	case time.Now().After(leaf.NotAfter):
		return nil, nil, unusable("the certificate has expired on "+leaf.NotAfter.UTC().Format(time.DateOnly), "make a new one and upload it: "+registrations+" > Certificates & secrets > Certificates")
	}
	return certificates, key, nil
}
