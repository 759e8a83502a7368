package console

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"rollcall/state"
)

// OIDC is sign-in through an OpenID provider. Who signs in must have been added as an operator by name. At the first sign-in the claim
// has to be that name, and the provider's own id of the person (issuer and sub) is tied to the operator; from then on only the id
// counts, so that a renamed or reassigned mail address opens nothing.
type OIDC struct {
	Issuer       string // one tenant's, as its discovery document names it
	ClientID     string
	ClientSecret func() (string, error) // read whenever it is needed
	Claim        string                 // "email", "preferred_username", "sub" or another claim that is a text; "": email
	Transport    http.RoundTripper      // nil: http.DefaultTransport
}

// Paths of a sign-in at the provider. CallbackPath, below the console's URL, is what the provider is told as redirect URI.
const (
	oidcPath     = "/sign-in/oidc"
	callbackPath = "/sign-in/oidc/callback"
	CallbackPath = callbackPath
)

const (
	discoveryTries   = 2
	discoveryTimeout = 5 * time.Second  // each
	discoveryPause   = 2 * time.Second  // after a failure: whoever comes meanwhile is told the same
	exchangeTimeout  = 15 * time.Second // code for tokens, keys included
	oidcLife         = 10 * time.Minute // of a sign-in that is under way
)

// name is what people call the provider.
func (o *OIDC) name() string {
	u, err := url.Parse(o.Issuer)
	if err != nil {
		return o.Issuer
	}
	host := strings.ToLower(u.Hostname())
	switch {
	case entraHosts[host]:
		return "Microsoft"
	case strings.HasSuffix(host, ".okta.com"), strings.HasSuffix(host, ".oktapreview.com"), strings.HasSuffix(host, ".okta-emea.com"):
		return "Okta"
	case host == "accounts.google.com":
		return "Google"
	}
	return host
}

// entraHosts are the sign-in hosts of Microsoft's clouds.
var entraHosts = map[string]bool{"login.microsoftonline.com": true, "login.microsoftonline.us": true, "login.partner.microsoftonline.cn": true}

// governed tells whether everybody at the issuer is there by one administrator's will, whose word for a mail address is enough. An
// Entra tenant's issuer is one: it names the tenant. Entra says nothing of email_verified.
func (o *OIDC) governed() bool {
	u, err := url.Parse(o.Issuer)
	return err == nil && entraHosts[strings.ToLower(u.Hostname())]
}

// provider is the OpenID provider once it has been found. It is safe for concurrent use.
type provider struct {
	OIDC
	redirect string
	client   *http.Client
	now      func() time.Time

	mu     sync.Mutex
	found  *oidc.Provider
	failed error // of the last discovery, until pause is over
	pause  time.Time

	tying sync.Mutex // from looking whether somebody is tied until they are
}

func newProvider(o OIDC, consoleURL *url.URL, now func() time.Time) *provider {
	o.Claim = cmp.Or(o.Claim, "email")
	return &provider{
		OIDC: o, redirect: consoleURL.JoinPath(callbackPath).String(), now: now,
		client: &http.Client{Transport: o.Transport, Timeout: exchangeTimeout},
	}
}

// discover asks the provider where its pages are, the first time and after each failure; one caller at a time.
func (p *provider) discover(ctx context.Context) (*oidc.Provider, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.found != nil || p.now().Before(p.pause) {
		return p.found, p.failed
	}
	for range discoveryTries {
		if p.found, p.failed = p.ask(ctx); p.failed == nil {
			return p.found, nil
		}
		if ctx.Err() != nil {
			return nil, p.failed // they hung up, which says nothing of the provider
		}
	}
	p.pause = p.now().Add(discoveryPause)
	return nil, p.failed
}

func (p *provider) ask(ctx context.Context) (*oidc.Provider, error) {
	ctx, cancel := context.WithTimeout(ctx, discoveryTimeout)
	defer cancel()
	found, err := oidc.NewProvider(oidc.ClientContext(ctx, p.client), p.Issuer)
	if err != nil {
		return nil, fmt.Errorf("ask the OpenID provider where its pages are: %.300v", err) // it holds what was answered
	}
	return found, nil
}

// flow is the code flow at a provider that was found.
func (p *provider) flow(found *oidc.Provider) (*oauth2.Config, error) {
	secret, err := p.ClientSecret()
	if err != nil {
		return nil, fmt.Errorf("read console.oidc.client_secret: %w", err)
	}
	return &oauth2.Config{
		ClientID: p.ClientID, ClientSecret: secret, Endpoint: found.Endpoint(), RedirectURL: p.redirect, Scopes: []string{oidc.ScopeOpenID, "profile", "email"},
	}, nil
}

// underWay is a sign-in at the provider, bound to the browser by a sealed cookie.
type underWay struct{ State, Nonce, Verifier, To string }

// oidcStart sends the browser to the provider.
func (c *Console) oidcStart(w http.ResponseWriter, r *http.Request) {
	to := localPath(r.URL.Query().Get("to"))
	found, err := c.oidc.discover(r.Context())
	var flow *oauth2.Config
	if err == nil {
		flow, err = c.oidc.flow(found)
	}
	if err != nil {
		c.Log.Error("the OpenID provider cannot be used", "error", err)
		c.showSignIn(w, r, http.StatusBadGateway, signInForm{To: to, Alert: c.OIDC.name() + " cannot be asked now; the log says why. Try again, or use a one-time link: rollcall operators link NAME."})
		return
	}
	going := underWay{Verifier: oauth2.GenerateVerifier(), To: to}
	going.State, _ = NewToken()
	going.Nonce, _ = NewToken()
	text, err := c.seal(r.Context(), oidcCookie, going, oidcLife)
	if err != nil {
		c.afterSignIn(w, r, to, err)
		return
	}
	c.setCookie(w, oidcCookie, text, oidcLife)
	http.Redirect(w, r, flow.AuthCodeURL(going.State, oidc.Nonce(going.Nonce), oauth2.S256ChallengeOption(going.Verifier)), http.StatusSeeOther)
}

// oidcCallback takes the provider's answer. It is taken once, from the browser that was sent there.
func (c *Console) oidcCallback(w http.ResponseWriter, r *http.Request) {
	var going underWay
	err := c.unseal(r.Context(), oidcCookie, c.cookie(r, oidcCookie), &going)
	c.clearCookie(w, oidcCookie)
	if err == nil && !sameText(r.URL.Query().Get("state"), going.State) {
		err = errSeal
	}
	if errors.Is(err, errSeal) {
		c.oidcRefused(w, r, "/", state.Operator{}, refusal{"This sign-in was not begun here, or too long ago. Begin again.", err})
		return
	}
	var identity identity
	if err == nil {
		identity, err = c.oidc.redeem(r.Context(), r.URL.Query(), going)
	}
	var operator state.Operator
	if err == nil {
		operator, err = c.recognise(r.Context(), identity)
	}
	var refused refusal
	if errors.As(err, &refused) {
		c.oidcRefused(w, r, going.To, operator, refused)
		return
	}
	if err == nil {
		err = c.signIn(w, r, operator, byProvider)
	}
	c.afterSignIn(w, r, going.To, err)
}

// refusal is why a sign-in through the provider opens nothing: in words for who tried, and for the log.
type refusal struct {
	Words string
	Cause error
}

func (f refusal) Error() string { return f.Words }
func (f refusal) Unwrap() error { return f.Cause }

func (c *Console) oidcRefused(w http.ResponseWriter, r *http.Request, to string, operator state.Operator, refused refusal) {
	if c.mayNote(byProvider, r) {
		c.note(r.Context(), state.Deed{What: deedSignInFailed, Subject: operator.Name, Note: byProvider})
		c.Log.Warn("a sign-in through the OpenID provider was refused", "why", refused.Cause)
	}
	c.showSignIn(w, r, http.StatusForbidden, signInForm{To: to, Alert: refused.Words})
}
