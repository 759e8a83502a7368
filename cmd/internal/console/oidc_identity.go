package console

import (
	"context"
	"errors"
	"fmt"
	"net/url"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"rollcall/state"
)

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
	claims, err := read(token, p.ClientID, going)
	if err != nil {
		return identity{}, refusal{"The answer belongs to another sign-in. Begin again.", err}
	}
	more := func() (map[string]any, error) {
		return userInfo(ctx, found, oauth2.StaticTokenSource(tokens), token.Subject)
	}
	who := identity{Key: token.Issuer + " " + token.Subject}
	who.Name, who.Why = p.believe(claims, more)
	return who, nil
}

// plainly leaves an answer's body out of an error: it may hold anything.
func plainly(err error) error {
	var refused *oauth2.RetrieveError
	if errors.As(err, &refused) && refused.Response != nil {
		return fmt.Errorf("the token endpoint answered %d %.64q", refused.Response.StatusCode, refused.ErrorCode)
	}
	return err
}

// read returns the claims of a token whose signature, issuer, audience and expiry are right, if it is the answer to this sign-in.
func read(token *oidc.IDToken, client string, going underWay) (map[string]any, error) {
	claims := map[string]any{}
	switch err := token.Claims(&claims); {
	case err != nil:
		return nil, fmt.Errorf("read the token's claims: %w", err)
	case !sameText(token.Nonce, going.Nonce):
		return nil, errors.New("the nonce is not the one that was sent")
	case token.Subject == "":
		return nil, errors.New("the token has no sub")
	case len(token.Audience) > 1 && claims["azp"] != client: // OpenID Connect Core §3.1.3.7
		return nil, errors.New("azp is another client's")
	}
	return claims, nil
}

// believe returns the claim that is held against an operator's name, or why there is none that may be believed. What the token does not
// say the user info may: a provider need not put it into both (OpenID Connect Core §5.4).
func (p *provider) believe(claims map[string]any, more func() (map[string]any, error)) (name, why string) {
	const verified = "email_verified"
	email := p.Claim == "email"
	said := func(key string) bool { _, ok := claims[key]; return ok }
	if !said(p.Claim) || email && !said(verified) && !p.governed() {
		further, err := more()
		switch {
		case err != nil:
			return "", "does not say your " + p.Claim + " now (" + err.Error() + ")"
		case !said(p.Claim):
			claims = further
		case further[p.Claim] == claims[p.Claim] && further[verified] != nil:
			claims[verified] = further[verified]
		}
	}
	name, _ = claims[p.Claim].(string)
	word := claims[verified]
	switch {
	case name == "":
		return "", "does not say your " + p.Claim
	case email && said(verified) && word != true && word != "true":
		return "", "has not verified your mail address"
	case email && !said(verified) && !p.governed():
		return "", "does not say whether your mail address is verified"
	}
	return name, ""
}

// userInfo asks the provider for the claims of somebody (OpenID Connect Core §5.3); none where it has no such page.
func userInfo(ctx context.Context, found *oidc.Provider, access oauth2.TokenSource, subject string) (map[string]any, error) {
	claims := map[string]any{}
	if found.UserInfoEndpoint() == "" {
		return claims, nil
	}
	info, err := found.UserInfo(ctx, access)
	switch {
	case err != nil:
		return nil, errors.New("its user info was not to be had")
	case info.Subject != subject: // §5.3.2
		return nil, errors.New("its user info is somebody else's")
	}
	if err := info.Claims(&claims); err != nil {
		return nil, errors.New("its user info cannot be read")
	}
	return claims, nil
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
	switch p.Claim {
	case "email", "preferred_username", "upn":
		return sameName(operator, claim)
	}
	return operator == claim
}
