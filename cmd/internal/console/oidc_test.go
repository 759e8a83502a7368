package console

import (
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"rollcall/state"
)

// withOpenID gives the fixture's console a provider.
func (f *fixture) withOpenID(claim string) *openIDProvider {
	f.t.Helper()
	p := newOpenIDProvider(f.t, f.clock.Now)
	config := f.console.Config
	config.OIDC = &OIDC{Issuer: p.URL, ClientID: testClient, ClientSecret: func() (string, error) { return testSecret, nil }, Claim: claim}
	var err error
	f.console, err = New(config)
	f.must(err)
	return p
}

// sent begins a sign-in and returns what the provider sends the browser back with.
func (b *browser) sent(p *openIDProvider, start string) string {
	b.f.t.Helper()
	began := b.get(start)
	if began.status != http.StatusSeeOther {
		b.f.t.Fatalf("%s was answered %d: %s", start, began.status, began.text())
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	answer, err := client.Get(began.header.Get("Location"))
	b.f.must(err)
	answer.Body.Close()
	back, err := answer.Location()
	b.f.must(err)
	if got := back.Scheme + "://" + back.Host + back.Path; got != b.f.console.URL.JoinPath(CallbackPath).String() {
		b.f.t.Fatalf("sent back to %s", got)
	}
	return back.RequestURI()
}

func ada(claims ...any) map[string]any {
	person := map[string]any{"sub": "person-1", "email": "ada@acme.example", "email_verified": true}
	for i := 0; i+1 < len(claims); i += 2 {
		if claims[i+1] == nil {
			delete(person, claims[i].(string))
		} else {
			person[claims[i].(string)] = claims[i+1]
		}
	}
	return person
}

func TestOIDCSignIn(t *testing.T) {
	f := newFixture(t)
	p := f.withOpenID("email")
	f.join("Ada@Acme.example", state.RoleOperator, "")
	p.is(ada())
	b := f.browser()
	page := b.get("/sign-in?to=/users/7").shows(http.StatusOK, "Sign in with 127.0.0.1")
	start := ""
	for _, link := range page.values("a", "href") {
		if strings.HasPrefix(link, "/sign-in/oidc") {
			start = link
		}
	}
	b.get(b.sent(p, start)).leads("/users/7")
	b.get("/access").shows(http.StatusOK, "Ada@Acme.example")
	if _, still := b.cookies[oidcCookie]; still {
		t.Error("the cookie of the sign-in is kept")
	}
	o, err := f.store.Operator(t.Context(), "Ada@Acme.example")
	f.must(err)
	if o.Identity != p.URL+" person-1" || o.Role != state.RoleOperator {
		t.Errorf("the operator is %+v", o)
	}
	if got := f.deeds()[:2]; !slices.Equal(got, []string{"Ada@Acme.example|signed_in|Ada@Acme.example|OpenID", "Ada@Acme.example|identity_tied|Ada@Acme.example|"}) {
		t.Errorf("noted %q", got)
	}

	// From now on only the identity counts.
	p.is(ada("email", "renamed@elsewhere.example", "email_verified", nil))
	again := f.browser()
	again.get(again.sent(p, oidcPath)).leads("/")
	p.is(ada("sub", "person-2"))
	thief := f.browser()
	thief.get(thief.sent(p, oidcPath)).shows(http.StatusForbidden, "tied to somebody else")
	thief.get("/access").leads("/sign-in?to=%2Faccess")

	// Who was disabled is out, whoever they are there; added anew they are tied anew.
	_, err = f.console.access("root").Disable(t.Context(), "ada@acme.example")
	f.must(err)
	p.is(ada())
	again.get("/access").leads("/sign-in?to=%2Faccess")
	again.get(again.sent(p, oidcPath)).shows(http.StatusForbidden, "not an operator of this console")
	f.join("ada@acme.example", state.RoleViewer, "")
	p.is(ada("sub", "person-3"))
	anew := f.browser()
	anew.get(anew.sent(p, oidcPath)).leads("/")
	if p.asked != 1 {
		t.Errorf("the provider was asked %d times where its pages are", p.asked)
	}
}

// TestOIDCRefusals: every way to be somebody else opens nothing, ties nobody and is noted.
func TestOIDCRefusals(t *testing.T) {
	other, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	for what, test := range map[string]struct {
		claims map[string]any
		tamper func(p *openIDProvider, claims map[string]any)
		back   func(q url.Values)
		lose   bool // the cookie
		late   time.Duration
		key    *rsa.PrivateKey
		want   string
	}{
		"another nonce":             {tamper: func(_ *openIDProvider, c map[string]any) { c["nonce"] = "another" }, want: "belongs to another sign-in"},
		"no nonce":                  {tamper: func(_ *openIDProvider, c map[string]any) { delete(c, "nonce") }, want: "belongs to another sign-in"},
		"another state":             {back: func(q url.Values) { q.Set("state", "another") }, want: "was not begun here"},
		"no state":                  {back: func(q url.Values) { q.Del("state") }, want: "was not begun here"},
		"another browser":           {lose: true, want: "was not begun here"},
		"too late":                  {late: oidcLife, want: "too long ago"},
		"another issuer's answer":   {back: func(q url.Values) { q.Set("iss", "https://evil.example") }, want: "another provider"},
		"a made-up code":            {back: func(q url.Values) { q.Set("code", "made-up") }, want: "did not take its own answer back"},
		"an error":                  {back: func(q url.Values) { q.Set("error", "access_denied"); q.Set("error_description", "<b>x</b>") }, want: "did not sign you in"},
		"another audience":          {tamper: func(_ *openIDProvider, c map[string]any) { c["aud"] = "another-client" }, want: "not meant for this console"},
		"several audiences":         {tamper: func(_ *openIDProvider, c map[string]any) { c["aud"] = []string{testClient, "x"} }, want: "belongs to another sign-in"},
		"another authorized party":  {tamper: func(_ *openIDProvider, c map[string]any) { c["aud"] = []string{testClient, "x"}; c["azp"] = "x" }, want: "belongs to another sign-in"},
		"an expired token":          {tamper: func(p *openIDProvider, c map[string]any) { c["exp"] = p.now().Add(-time.Hour).Unix() }, want: "not now"},
		"a foreign issuer":          {tamper: func(_ *openIDProvider, c map[string]any) { c["iss"] = "https://evil.example" }, want: "not meant for this console"},
		"a foreign key":             {key: other, want: "not meant for this console"},
		"no sub":                    {claims: ada("sub", nil), want: "belongs to another sign-in"},
		"an address not verified":   {claims: ada("email_verified", false), want: "has not verified your mail address"},
		"verified in a strange way": {claims: ada("email_verified", 1), want: "has not verified your mail address"},
		"nothing said of verifying": {claims: ada("email_verified", nil), want: "does not say whether"},
		"no address":                {claims: ada("email", nil), want: "does not say your email"},
		"an address that is a list": {claims: ada("email", []string{"ada@acme.example"}), want: "does not say your email"},
		"somebody else's address":   {claims: ada("email", "eve@acme.example"), want: "not an operator of this console"},
		"a letter that looks alike": {claims: ada("email", "a\u0501a@acme.example"), want: "not an operator of this console"},
		"an address with a space":   {claims: ada("email", "ada@acme.example "), want: "not an operator of this console"},
	} {
		t.Run(what, func(t *testing.T) {
			f := newFixture(t)
			p := f.withOpenID("email")
			f.join("ada@acme.example", state.RoleOperator, "")
			p.is(test.claims)
			if test.claims == nil {
				p.is(ada())
			}
			p.set(func() {
				if test.tamper != nil {
					p.tamper = func(claims map[string]any) { test.tamper(p, claims) }
				}
				if test.key != nil {
					p.key = test.key
				}
			})
			b := f.browser()
			back, err := url.Parse(b.sent(p, oidcPath))
			f.must(err)
			if test.back != nil {
				q := back.Query()
				test.back(q)
				back.RawQuery = q.Encode()
			}
			if test.lose {
				delete(b.cookies, oidcCookie)
			}
			f.clock.Advance(test.late)
			page := b.get(back.RequestURI())
			page.shows(http.StatusForbidden, test.want).hides("<b>")
			if got := f.deeds()[0]; !strings.HasPrefix(got, "|sign_in_failed|") {
				t.Errorf("noted %q", got)
			}
			b.get("/access").leads("/sign-in?to=%2Faccess")
			if o, err := f.store.Operator(t.Context(), "ada@acme.example"); err != nil || o.Identity != "" {
				t.Errorf("the operator is tied: %+v, %v", o, err)
			}
		})
	}
}

func TestOIDCAnswersCountOnce(t *testing.T) {
	f := newFixture(t)
	p := f.withOpenID("email")
	f.join("ada@acme.example", state.RoleOperator, "")
	p.is(ada())
	b := f.browser()
	back := b.sent(p, oidcPath)
	kept := b.cookies[oidcCookie]
	b.get(back).leads("/")

	replay := f.browser()
	replay.get(back).shows(http.StatusForbidden, "was not begun here")
	replay.cookies[oidcCookie] = kept // even with the cookie, the provider knows
	replay.get(back).shows(http.StatusForbidden, "did not take its own answer back")

	mine, theirs := f.browser(), f.browser() // an answer of one browser in another
	mine.sent(p, oidcPath)
	mine.get(theirs.sent(p, oidcPath)).shows(http.StatusForbidden, "was not begun here")
	if p.redeemed != 1 {
		t.Errorf("%d codes were redeemed", p.redeemed)
	}
}

func TestOIDCClaims(t *testing.T) {
	for _, test := range []struct {
		claim, name string
		person      map[string]any
		in          bool
	}{
		{"preferred_username", "ada", ada("preferred_username", "Ada"), true},
		{"preferred_username", "ada@acme.example", ada("preferred_username", "eve"), false},
		{"sub", "person-1", ada(), true},
		{"sub", "Person-1", ada(), false}, // ids are told apart by letter case
		{"employee", "e42", ada("employee", "e42"), true},
		{"employee", "E42", ada("employee", "e42"), false},
		{"email", "ada@acme.example", ada("email_verified", "true"), true},
		{"email", "ada@acme.example", ada("email_verified", "false"), false},
	} {
		f := newFixture(t)
		p := f.withOpenID(test.claim)
		f.join(test.name, state.RoleViewer, "")
		p.is(test.person)
		b := f.browser()
		if got := b.get(b.sent(p, oidcPath)).status == http.StatusSeeOther; got != test.in {
			t.Errorf("%s for operator %s, person %v: let in %v", test.claim, test.name, test.person, got)
		}
	}
}

// TestOIDCUserInfo: what the token leaves out the user info may say, and nothing else.
func TestOIDCUserInfo(t *testing.T) {
	thin := ada("email", nil, "email_verified", nil)
	for what, test := range map[string]struct {
		token, info map[string]any
		in          bool
		says        string
	}{
		"a thin token":             {thin, ada(), true, ""},
		"an address told twice":    {ada("email_verified", nil), ada(), true, ""},
		"another address there":    {ada("email_verified", nil), ada("email", "eve@acme.example"), false, "does not say whether"},
		"not verified there":       {thin, ada("email_verified", false), false, "has not verified"},
		"not verified in token":    {ada("email_verified", false), ada(), false, "has not verified"},
		"nothing said of it there": {thin, ada("email_verified", nil), false, "does not say whether"},
		"somebody else's":          {thin, ada("sub", "person-2"), false, "somebody else"},
		"none":                     {thin, nil, false, "does not say your email"},
		"refused":                  {thin, map[string]any{}, false, "was not to be had"},
	} {
		t.Run(what, func(t *testing.T) {
			f := newFixture(t)
			p := f.withOpenID("")
			f.join("ada@acme.example", state.RoleViewer, "")
			p.is(test.token)
			p.set(func() { p.info = test.info })
			b := f.browser()
			page := b.get(b.sent(p, oidcPath))
			if test.in {
				page.leads("/")
			} else {
				page.shows(http.StatusForbidden, test.says)
			}
		})
	}
}

func TestOIDCIsOneTenants(t *testing.T) {
	for issuer, want := range map[string]bool{
		"https://login.microsoftonline.com/7f3c0000-0000-0000-0000-000000000000/v2.0": true, "https://login.microsoftonline.us/x/v2.0": true,
		"https://accounts.google.com": false, "https://acme.okta.com": false, "https://login.microsoftonline.com.evil.example/x": false,
	} {
		if got := (&OIDC{Issuer: issuer}).governed(); got != want {
			t.Errorf("%s: %v", issuer, got)
		}
	}
	p := &provider{OIDC: OIDC{Issuer: "https://login.microsoftonline.com/7f3c/v2.0", ClientID: testClient}}
	for issuer, want := range map[string]string{
		"https://login.microsoftonline.com/7f3c/v2.0": "Microsoft", "https://acme.okta.com": "Okta", "https://accounts.google.com": "Google", "https://id.example.com/realms/x": "id.example.com",
	} {
		if p.Issuer = issuer; p.name() != want {
			t.Errorf("%s is called %s", issuer, p.name())
		}
	}
}

func TestOIDCProviderThatIsAway(t *testing.T) {
	f := newFixture(t)
	p := f.withOpenID("email")
	f.join("ada@acme.example", state.RoleOperator, "")
	p.is(ada())
	p.set(func() { p.down = true })
	b := f.browser()
	b.get(oidcPath).shows(http.StatusBadGateway, "cannot be asked now", "one-time link")
	if p.asked != discoveryTries {
		t.Errorf("the provider was asked %d times", p.asked)
	}
	p.set(func() { p.down = false })
	b.get(oidcPath).shows(http.StatusBadGateway, "cannot be asked now")
	if p.asked != discoveryTries {
		t.Errorf("the provider was asked %d times, and at once again", p.asked)
	}
	f.clock.Advance(discoveryPause)
	b.get(b.sent(p, oidcPath)).leads("/")

	f.console.oidc.ClientSecret = func() (string, error) { return "", errors.New("the environment variable S is not set") }
	f.browser().get(oidcPath).shows(http.StatusBadGateway, "cannot be asked now")
	f.console.oidc.ClientSecret = func() (string, error) { return "another", nil }
	other := f.browser()
	other.get(other.sent(p, oidcPath)).shows(http.StatusForbidden, "or the console's secret there is another")
}
