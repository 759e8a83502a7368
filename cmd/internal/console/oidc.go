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
	Claim        string                 // "email", "preferred_username", "sub" or another claim that is a text
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
		return nil, fmt.Errorf("ask the OpenID provider where its pages are: %w", err)
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
	w.Header().Set("Cache-Control", "no-store")
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
	if c.tries.begin(byProvider+" "+c.remote(r), c.remote(r), c.now()) == 0 { // a stranger must not fill the record
		c.note(r.Context(), state.Deed{What: deedSignInFailed, Subject: operator.Name, Note: byProvider})
		c.Log.Warn("a sign-in through the OpenID provider was refused", "why", refused.Cause)
	}
	c.showSignIn(w, r, http.StatusForbidden, signInForm{To: to, Alert: refused.Words})
}

// identity is who somebody is, by the provider's word.
type identity struct {
	Key  string // issuer and sub: for good
	Name string // the configured claim, if it may be believed
	Why  string // it may not, in words
}

// redeem takes a code to the provider and reads the token that it gets for it.
func (p *provider) redeem(ctx context.Context, answer url.Values, going underWay) (identity, error) {
	if said := answer.Get("error"); said != "" {
		return identity{}, refusal{p.name() + " did not sign you in. Begin again, or ask whoever looks after it there.", fmt.Errorf("the provider answered %.64q", said)}
	}
	if issuer := answer.Get("iss"); issuer != "" && issuer != p.Issuer { // RFC 9207
		return identity{}, refusal{"The answer came from another provider. Begin again.", errors.New("iss is another issuer's")}
	}
	ctx, cancel := context.WithTimeout(oidc.ClientContext(ctx, p.client), exchangeTimeout)
	defer cancel()
	found, err := p.discover(ctx)
	if err != nil {
		return identity{}, refusal{p.name() + " cannot be asked now. Begin again in a moment.", err}
	}
	flow, err := p.flow(found)
	if err != nil {
		return identity{}, refusal{"The console's own secret at " + p.name() + " cannot be read; the log says why.", err}
	}
	tokens, err := flow.Exchange(ctx, answer.Get("code"), oauth2.VerifierOption(going.Verifier))
	if err != nil {
		return identity{}, refusal{p.name() + " did not take its own answer back: it was used already, is too old, or the console's secret there is another. Begin again.", plainly(err)}
	}
	text, _ := tokens.Extra("id_token").(string)
	token, err := found.VerifierContext(oidc.ClientContext(context.WithoutCancel(ctx), p.client), &oidc.Config{ClientID: p.ClientID, Now: p.now}).Verify(ctx, text)
	if err != nil {
		return identity{}, refusal{"What " + p.name() + " answered is not meant for this console, or not now. Begin again; if it stays so, the log says why.", err}
	}
	return p.read(token, going)
}

// plainly leaves an answer's body out of an error: it may hold anything.
func plainly(err error) error {
	var refused *oauth2.RetrieveError
	if errors.As(err, &refused) && refused.Response != nil {
		return fmt.Errorf("the token endpoint answered %d %.64q", refused.Response.StatusCode, refused.ErrorCode)
	}
	return err
}

// read takes from a verified token what the console goes by.
func (p *provider) read(token *oidc.IDToken, going underWay) (identity, error) {
	begin := func(why string) error {
		return refusal{"The answer belongs to another sign-in. Begin again.", errors.New(why)}
	}
	claims := map[string]any{}
	if err := token.Claims(&claims); err != nil {
		return identity{}, begin("the token's claims cannot be read")
	}
	switch {
	case !sameText(token.Nonce, going.Nonce):
		return identity{}, begin("the nonce is not the one that was sent")
	case token.Subject == "":
		return identity{}, begin("the token has no sub")
	case len(token.Audience) > 1 && claims["azp"] != p.ClientID: // OpenID Connect Core §3.1.3.7
		return identity{}, begin("azp is another client's")
	}
	who := identity{Key: token.Issuer + " " + token.Subject}
	claim := cmp.Or(p.Claim, "email")
	who.Name, _ = claims[claim].(string)
	verified, told := claims["email_verified"]
	switch {
	case who.Name == "":
		who.Why = "does not say your " + claim
	case claim == "email" && told && verified != true && verified != "true":
		who.Name, who.Why = "", "has not verified your mail address"
	case claim == "email" && !told && !p.governed():
		who.Name, who.Why = "", "does not say whether your mail address is verified"
	}
	return who, nil
}

// recognise returns the operator that an identity is tied to, or ties it to the one of its name who is tied to none.
func (c *Console) recognise(ctx context.Context, who identity) (state.Operator, error) {
	c.oidc.tying.Lock()
	defer c.oidc.tying.Unlock()
	all, err := c.Store.ListOperators(ctx)
	if err != nil {
		return state.Operator{}, err
	}
	const ask = " Ask an operator to add you: rollcall operators add NAME."
	var named state.Operator
	for _, o := range all {
		switch {
		case o.Identity == who.Key && o.DisabledAt.IsZero():
			return o, nil
		case c.oidc.names(o.Name, who.Name):
			named = o
		}
	}
	switch {
	case who.Name == "":
		return named, refusal{c.OIDC.name() + " " + who.Why + ", and you have not signed in through it before." + ask, errors.New("the claim may not be believed")}
	case named.Name == "" || !named.DisabledAt.IsZero():
		return named, refusal{"You are signed in at " + c.OIDC.name() + ", but are not an operator of this console." + ask, errors.New("no operator has the claim's name")}
	case named.Identity != "":
		return named, refusal{"The operator of your name is tied to somebody else at " + c.OIDC.name() + ". If that was you before, have an operator disable and add you anew.", errors.New("the operator is tied to another identity")}
	}
	named.Identity = who.Key
	if err := c.access(named.Name).put(ctx, named, deedIdentityTied, ""); err != nil {
		return named, err
	}
	return named, nil
}

// names tells whether a claim is an operator's name: ids to the letter, names and addresses whatever their case.
func (p *provider) names(operator, claim string) bool {
	switch cmp.Or(p.Claim, "email") {
	case "email", "preferred_username", "upn":
		return sameName(operator, claim)
	}
	return operator == claim
}
