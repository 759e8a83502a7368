package main

import (
	"net/url"
	"regexp"
	"slices"
	"strings"

	"rollcall/cmd/internal/console"
	"rollcall/connectors/rest"
)

// oidcConfig says how operators sign in through an OpenID provider.
type oidcConfig struct {
	Issuer       string
	ClientID     string
	ClientSecret secret
	Claim        string
}

func defaultOIDC() *oidcConfig { return &oidcConfig{Claim: "email"} }

// consoleShape is the console block.
func consoleShape(c *config, dir string) shape {
	return object(
		field{name: "listen", doc: "address, or off; off loopback it wants public_url and either tls or insecure_listen", is: text(&c.ConsoleListen, or("off", address))},
		field{name: "public_url", doc: "scheme and host by which people reach the console; left out on loopback: the address itself", is: text(&c.ConsoleURL, consoleURL)},
		field{name: "tls", doc: "certificate chain and key of the console, PEM files, read again when they change", is: object(
			field{name: "cert", is: file(&c.ConsoleCert, dir), required: true, doc: "name the certificate chain's PEM file"},
			field{name: "key", is: file(&c.ConsoleKey, dir), required: true, doc: "name the private key's PEM file"},
		)},
		field{name: "insecure_listen", doc: "plain HTTP off loopback, for a proxy in front that ends TLS", is: boolean(&c.ConsoleInsecure)},
		field{name: "oidc", doc: "sign-in through an OpenID provider; left out: by password and one-time link alone", is: oidcShape(&c.ConsoleOIDC, dir)},
	)
}

func oidcShape(into **oidcConfig, dir string) shape {
	o := defaultOIDC()
	return made(into, o, object(
		field{name: "issuer", doc: "name the provider's issuer, such as https://acme.okta.com or https://login.microsoftonline.com/TENANT-ID/v2.0", is: text(&o.Issuer, issuerURL), required: true},
		field{name: "client_id", doc: "name the console's client id there", is: text(&o.ClientID, filled), required: true},
		field{name: "client_secret", doc: "name the client secret as env:NAME or file:PATH", is: secretRef(&o.ClientSecret, dir), required: true},
		field{name: "claim", doc: "which claim has to be the operator's name at the first sign-in", is: text(&o.Claim, claimName)},
	))
}

// consoleURL is scheme and host of the console.
func consoleURL(s string) objection {
	if v := webURL(s); v.what != "" {
		return v
	}
	if u, _ := url.Parse(s); u.Path != "" {
		return objection{"has a path", "leave it at scheme and host: the console has a host of its own"}
	}
	return objection{}
}

// sharedEntra are the places of Entra where everybody with any Microsoft account signs in.
var sharedEntra = []string{"common", "organizations", "consumers"}

// issuerURL is an OpenID provider's issuer, to the letter as its discovery document has it (OpenID Connect Discovery §4.3).
func issuerURL(s string) objection {
	if v := vendorURL(s); v.what != "" {
		return v
	}
	u, _ := url.Parse(s)
	first, _, _ := strings.Cut(strings.TrimPrefix(u.Path, "/"), "/")
	switch {
	case strings.HasSuffix(s, "/.well-known/openid-configuration"):
		return objection{"is the discovery document's address", "use " + strings.TrimSuffix(s, "/.well-known/openid-configuration")}
	case strings.HasPrefix(u.Hostname(), "login.microsoftonline.") && slices.Contains(sharedEntra, first):
		return objection{"is everybody's who has a Microsoft account", "put your own tenant's id in the place of " + first}
	}
	return objection{}
}

var claimPattern = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_.:/-]*$`)

func claimName(s string) objection {
	if !claimPattern.MatchString(s) {
		return objection{"is not a claim", "use email, preferred_username, sub or another claim that is a text"}
	}
	return objection{}
}

// checkConsole adds the faults that lie between the console's settings.
func (c *config) checkConsole(d *document) {
	if c.ConsoleListen == "off" {
		c.ConsoleListen = ""
		return
	}
	public, _ := url.Parse(c.ConsoleURL)
	local, encrypted := listensOnLoopback(c.ConsoleListen), d.given("console.tls")
	switch {
	case encrypted && c.ConsoleInsecure:
		d.fault("console.insecure_listen", "contradicts tls", "keep one of the two")
	case !encrypted && !c.ConsoleInsecure && !local:
		d.fault("console.listen", "is plain HTTP that other machines can reach: passwords and sessions would travel unprotected",
			"set tls: {cert, key}; or listen on 127.0.0.1; or, behind a proxy that ends TLS, set insecure_listen: true")
	case !d.given("console.public_url") && !local:
		d.fault("console.public_url", "is missing: links and forms have to know by which name people reach the console", "set it to https://host")
	case public.Scheme == "http" && encrypted:
		d.fault("console.public_url", "is http, and tls is set", "write it as https://"+public.Host)
	case public.Scheme == "http" && (c.ConsoleInsecure || !rest.Loopback(public.Hostname())):
		d.fault("console.public_url", "is http: passwords and sessions would travel unprotected", "name the https address of the proxy that ends TLS")
	}
	if (c.ConsoleListen == c.Listen || c.ConsoleListen == c.OpsListen) && !strings.HasSuffix(c.ConsoleListen, ":0") {
		d.fault("console.listen", "is the address of "+map[bool]string{true: "the receiver", false: "ops"}[c.ConsoleListen == c.Listen], "use another port")
	}
}

// consoleOIDC is how the console signs people in through a provider; nil: not at all. The secret is read at each sign-in.
func (c *config) consoleOIDC(env lookupEnv) (*console.OIDC, error) {
	o := c.ConsoleOIDC
	if o == nil {
		return nil, nil
	}
	transport, err := newTransport(c)
	if err != nil {
		return nil, err
	}
	return &console.OIDC{Issuer: o.Issuer, ClientID: o.ClientID, ClientSecret: o.ClientSecret.reader(env, secret.read), Claim: o.Claim, Transport: transport}, nil
}

// consoleSecret reads the provider's client secret, to see whether it can be read. Errors are a fault with its place.
func (c *config) consoleSecret(env lookupEnv) error {
	if c.ConsoleOIDC == nil {
		return nil
	}
	const path = "console.oidc.client_secret"
	if _, err := c.ConsoleOIDC.ClientSecret.read(env); err != nil {
		at := c.main.position(path)
		return fault{File: c.main.file, Line: at.Line, Column: at.Column, Path: path, What: err.Error()}
	}
	return nil
}

// consoleAddress is where people reach the console, without a slash at the end.
func (c *config) consoleAddress() string {
	if c.ConsoleURL != "" {
		return c.ConsoleURL
	}
	return scheme(c.ConsoleCert != "") + "://" + c.ConsoleListen
}
