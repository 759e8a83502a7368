package console

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/html"
	"golang.org/x/time/rate"

	"rollcall/state"
)

// keyText is a key as it is shown.
var keyText = regexp.MustCompile(`rollcall_[a-z0-9]{40,}`)

// link has an operator make a set-up link and returns its path.
func (f *fixture) link(scope state.Scope) string {
	f.t.Helper()
	f.post(olga, "/setup/"+scope.Source+"/links")
	for _, value := range f.get(olga, "/setup/"+scope.Source).values("button", "data-copy") {
		if u, err := url.Parse(value); err == nil && strings.HasPrefix(u.Path, "/setup/") {
			return u.Path
		}
	}
	f.t.Fatal("the page of the source shows no link")
	return ""
}

// visit asks for a page on the receiver's listener; header names and values in turn.
func (f *fixture) visit(method, path, body string, header ...string) *page {
	f.t.Helper()
	r := httptest.NewRequest(method, path, strings.NewReader(body))
	if method == http.MethodPost {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	f.console.SetupHandler.ServeHTTP(w, r)
	return &page{t: f.t, status: w.Code, header: w.Header(), body: w.Body.String()}
}

// show presses the button of a set-up page, as a browser does.
func (f *fixture) show(path string) *page {
	f.t.Helper()
	form := ""
	f.visit(http.MethodGet, path, "").each(func(n *html.Node) {
		if n.Data == "input" && attribute(n, "name") == "form" {
			form = attribute(n, "value")
		}
	})
	return f.visit(http.MethodPost, path, "form="+url.QueryEscape(form), "Sec-Fetch-Site", "same-origin", "Origin", "null")
}

// failed keeps a push that was refused.
func (f *fixture) failed(scope state.Scope, r state.Request) string {
	f.t.Helper()
	r.ID, r.Scope, r.At = string(state.NewID()), scope, f.clock.Now()
	f.store.LogRequest(r)
	f.must(f.store.NoteDeed(f.t.Context(), state.Deed{What: "test"})) // what is kept soon comes with the next commit
	if _, err := f.store.Request(f.t.Context(), r.ID); err != nil {
		f.t.Fatal(err)
	}
	return r.ID
}

func TestSetupPage(t *testing.T) {
	f := newFixture(t)
	f.sources[0].Mapping = []MappingRow{
		{Target: "userName", Type: "Direct", Source: "[mail]", Match: 1, Apply: "always"},
		{Target: "active", Type: "Expression", Source: `Switch([IsSoftDeleted], , "False", "True", "True", "False")`, Apply: "always"},
		{Target: "nickName", Type: "Expression", Source: "Join(\"|\", [a], \"`\")", Apply: "create"},
	}
	link := f.link(acme)
	p := f.visit(http.MethodGet, link, "")
	p.shows(200, "administrator of your Microsoft Entra ID", "Show the key", "0 of 5 done. Next: Key issued.", "1. Create the application", "Yes, precedence 1",
		"Only during object creation", "Sync only assigned users and groups")
	if title := p.title(); title != "Connect Microsoft Entra ID to api.example.com" {
		t.Errorf("title %q", title)
	}
	values := p.values("button", "data-copy")
	for _, want := range []string{"https://api.example.com/auth/scim", "mail", "nickName", "Join(\"|\", [a], \"`\")"} {
		if !strings.Contains(strings.Join(values, "\n"), want) {
			t.Errorf("%q cannot be copied; these can: %q", want, values)
		}
	}
	p.hides("globex", olga.Name, "userPrincipalName", "rollcall users list")
	if p := f.visit(http.MethodGet, f.link(globex), ""); true {
		p.shows(200, "Connect Okta to api.example.com", "Push New Users", "0 of 4 done").hides("acme", "First pull")
	}
}

// TestSetupPageLeadsNowhere: nothing on the page leads anywhere but to itself and its assets.
func TestSetupPageLeadsNowhere(t *testing.T) {
	f := newFixture(t)
	f.account(globex, `{"userName":"grace@globex.example","displayName":"Grace Globex"}`)
	f.failed(globex, state.Request{Method: "POST", Path: "/auth/scim/Users", Status: 409, Detail: "globex detail"})
	link := f.link(acme)
	p := f.visit(http.MethodGet, link, "")
	p.hides("Grace", "globex", olga.Name)
	for _, href := range append(p.values("a", "href"), p.values("form", "action")...) {
		if href != link && !strings.HasPrefix(href, "#") {
			t.Errorf("the page leads to %s", href)
		}
	}
	assets := append(p.values("link", "href"), p.values("script", "src")...)
	if len(assets) != 3 {
		t.Errorf("assets %q, want three", assets)
	}
	for _, asset := range assets {
		if f.visit(http.MethodGet, asset, "").status != 200 || !strings.HasPrefix(asset, "/setup/assets/") {
			t.Errorf("%s is not served", asset)
		}
	}
}

func TestSetupPageIsStrict(t *testing.T) {
	f := newFixture(t)
	f.sources[0].Mapping = []MappingRow{{Target: `<script>alert(1)</script>`, Type: "Direct", Source: `"><img src=x onerror=alert(1)>`, Apply: "always"}}
	link := f.link(acme)
	pages := map[string]*page{"page": f.visit(http.MethodGet, link, ""), "forged": f.visit(http.MethodGet, "/setup/forged", ""), "progress": f.visit(http.MethodGet, link+"/progress", "")}
	for name, p := range pages {
		for header, want := range map[string]string{
			"Cache-Control": "no-store", "Referrer-Policy": "no-referrer", "X-Robots-Tag": "noindex, nofollow", "X-Content-Type-Options": "nosniff",
		} {
			if got := p.header.Get(header); got != want {
				t.Errorf("%s: %s is %q, want %q", name, header, got, want)
			}
		}
		csp := p.header.Get("Content-Security-Policy")
		if !strings.Contains(csp, "default-src 'none'") || strings.Contains(csp, "unsafe") {
			t.Errorf("%s: Content-Security-Policy is %q", name, csp)
		}
		p.each(func(n *html.Node) {
			for _, a := range n.Attr {
				if a.Key == "style" || strings.HasPrefix(a.Key, "on") {
					t.Errorf("%s: <%s %s=%q> is inline", name, n.Data, a.Key, a.Val)
				}
			}
			if n.Type == html.ElementNode && (n.Data == "img" || n.Data == "style" || n.Data == "script" && (n.FirstChild != nil || attribute(n, "src") == "")) {
				t.Errorf("%s: there is a <%s> in it", name, n.Data)
			}
		})
	}
	pages["page"].shows(200, `<script>alert(1)</script>`)
}

func TestSetupLinksThatDoNotHold(t *testing.T) {
	f := newFixture(t)
	link := f.link(acme)
	key, err := f.console.setupKey(t.Context())
	f.must(err)
	forged := map[string]string{
		"cut":        link[:len(link)-1],
		"longer":     link + "A",
		"no such id": "/setup/" + key.sign(string(state.NewID()), f.clock.Now().Add(time.Hour)),
		"other key":  "/setup/" + setupKey("other").sign("id", f.clock.Now().Add(time.Hour)),
		"words":      "/setup/acme-entra",
		"root":       "/setup/",
		"deeper":     link + "/else",
		"elsewhere":  "/other",
	}
	first := f.visit(http.MethodGet, "/setup/forged", "").shows(404, "This link does not work", "ask whoever sent it to you for a new link")
	for name, path := range forged {
		if got := f.visit(http.MethodGet, path, ""); got.status != first.status || got.body != first.body {
			t.Errorf("%s is answered otherwise than any forged link: %d %s", name, got.status, got.text())
		}
		if got := f.visit(http.MethodPost, path, "form=x"); got.status != 404 {
			t.Errorf("POST %s: %d, want 404", name, got.status)
		}
	}
	f.clock.Advance(setupLife - time.Second)
	f.visit(http.MethodGet, link, "").shows(200)
	f.clock.Advance(time.Second)
	f.visit(http.MethodGet, link, "").shows(410, "This link has ended", "ask whoever sent you the link for a new one")
	f.visit(http.MethodPost, link, "form=x").shows(410)

	link = f.link(acme)
	invites, err := f.store.ListInvites(t.Context(), acme)
	f.must(err)
	f.post(olga, "/setup/acme-entra/links/"+invites[0].ID+"/withdraw")
	f.visit(http.MethodGet, link, "").shows(410, "This link has ended")

	link = f.link(acme)
	f.sources[0].Configured = false
	f.visit(http.MethodGet, link, "").shows(410)
}

func TestSetupKeyIsShownOnce(t *testing.T) {
	f := newFixture(t)
	link := f.link(acme)
	inv, err := f.console.invitation(t.Context(), strings.TrimPrefix(link, "/setup/"))
	f.must(err)
	p := f.show(link).shows(200, "shown this once", "1 of 5 done. Next: Connection test.")
	text := keyText.FindString(p.body)
	hash, err := state.ParseKey(text)
	f.must(err)
	key, err := f.store.KeyByHash(t.Context(), hash)
	f.must(err)
	if key.Scope != acme || key.Label != "set-up link" || !key.Live(f.clock.Now()) {
		t.Errorf("the key is %+v", key)
	}
	if !strings.Contains(strings.Join(p.values("button", "data-copy"), " "), text) {
		t.Error("the key cannot be copied")
	}
	deeds, err := f.store.ListDeeds(t.Context(), acme, 0, 1)
	f.must(err)
	if d := deeds[0]; d.What != "key_issued" || d.Subject != key.ID || d.Actor != "" || strings.Contains(fmt.Sprint(d), text) {
		t.Errorf("the deed is %+v", d)
	}
	f.clock.Advance(time.Hour)
	for _, again := range []*page{f.visit(http.MethodGet, link, ""), f.visit(http.MethodPost, link, "form="+inv.form)} {
		again.shows(again.status, "The key was shown on this page").hides("Show the key")
		if keyText.MatchString(again.body) {
			t.Error("the key is shown again")
		}
	}
	form := regexp.MustCompile(`name="form" value="([^"]+)"`)
	other := form.FindStringSubmatch(f.visit(http.MethodGet, f.link(acme), "").body)[1]
	f.visit(http.MethodPost, link, "form="+other).shows(403, "The key was not shown")
}

func TestSetupKeyIsShownToOneOfTwo(t *testing.T) {
	f := newFixture(t)
	link := f.link(acme)
	key, err := f.console.setupKey(t.Context())
	f.must(err)
	inv, err := f.console.invitation(t.Context(), strings.TrimPrefix(link, "/setup/"))
	f.must(err)
	answers := make([]*page, 8)
	var all sync.WaitGroup
	for i := range answers {
		all.Go(func() {
			answers[i] = f.visit(http.MethodPost, link, "form="+key.form(inv.ID))
		})
	}
	all.Wait()
	shown := 0
	for _, p := range answers {
		if keyText.MatchString(p.body) {
			shown++
			p.shows(200)
		} else {
			p.shows(409, "it has been shown already")
		}
	}
	keys, err := f.store.ListKeys(t.Context(), acme)
	f.must(err)
	if shown != 1 || len(keys) != 1 {
		t.Errorf("%d keys were shown and %d are kept, want one", shown, len(keys))
	}
}

func TestSetupKeyNeedsThePage(t *testing.T) {
	f := newFixture(t)
	link := f.link(acme)
	inv, err := f.console.invitation(t.Context(), strings.TrimPrefix(link, "/setup/"))
	f.must(err)
	good := "form=" + inv.form
	for name, refused := range map[string]*page{
		"without token":  f.visit(http.MethodPost, link, ""),
		"other token":    f.visit(http.MethodPost, link, "form="+strings.ToLower(inv.form)),
		"token in query": f.visit(http.MethodPost, link+"?"+good, ""),
		"other site":     f.visit(http.MethodPost, link, good, "Sec-Fetch-Site", "cross-site"),
		"same site":      f.visit(http.MethodPost, link, good, "Sec-Fetch-Site", "same-site"),
		"other origin":   f.visit(http.MethodPost, link, good, "Origin", "https://evil.example"),
		"too much":       f.visit(http.MethodPost, link, good+"&x="+strings.Repeat("x", setupBody)),
	} {
		if refused.status != 403 || keyText.MatchString(refused.body) {
			t.Errorf("%s: %d, want 403", name, refused.status)
		}
	}
	if keys, err := f.store.ListKeys(t.Context(), acme); err != nil || len(keys) != 0 {
		t.Fatalf("%d keys, %v; want none", len(keys), err)
	}
	for _, origin := range []string{"https://api.example.com", "null"} {
		if !f.console.fromSetupPage(formRequest(link, good, origin), inv.form) {
			t.Errorf("a form with the origin %s is refused", origin)
		}
	}
}

func formRequest(path, body, origin string) *http.Request {
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(body))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Origin", origin)
	return r
}

func TestSetupKeyLimit(t *testing.T) {
	f := newFixture(t)
	link := f.link(acme)
	for range 2 {
		_, key := state.NewKey(acme)
		key.CreatedAt = f.clock.Now()
		f.must(f.store.PutKey(t.Context(), key))
	}
	f.show(link).shows(409, "two live keys already", "Show the key")
	keys, err := f.store.ListKeys(t.Context(), acme)
	f.must(err)
	f.must(f.store.RevokeKey(t.Context(), acme, keys[0].ID))
	if p := f.show(link).shows(200); !keyText.MatchString(p.body) {
		t.Error("once there is room, the key is not shown")
	}
}

func TestSetupMethods(t *testing.T) {
	f := newFixture(t)
	link := f.link(acme)
	for _, method := range []string{http.MethodHead, http.MethodPut, http.MethodDelete, http.MethodPatch, http.MethodOptions, http.MethodTrace, "BREW"} {
		if p := f.visit(method, link, ""); p.status != 405 || p.header.Get("Allow") != "GET, POST" {
			t.Errorf("%s: %d, Allow %q", method, p.status, p.header.Get("Allow"))
		}
	}
}

func TestSetupRate(t *testing.T) {
	f := newFixture(t)
	link := f.link(acme)
	for range setupBurst {
		f.visit(http.MethodGet, "/setup/guessed", "").shows(404)
	}
	p := f.visit(http.MethodGet, link, "").shows(429, "One moment, please")
	if p.header.Get("Retry-After") != "10" {
		t.Errorf("Retry-After %q", p.header.Get("Retry-After"))
	}
	f.clock.Advance(10 * time.Second)
	f.visit(http.MethodGet, link, "").shows(200)
}

// TestCallersAreBounded: whoever has many addresses fills no memory.
func TestCallersAreBounded(t *testing.T) {
	k := callers{known: map[string]*rate.Limiter{}}
	now := time.Date(2026, 3, 4, 9, 0, 0, 0, time.UTC)
	for i := range 3 * setupKnown {
		if !k.may(fmt.Sprintf("2001:db8::%x", i), now) {
			t.Fatalf("address %d has to wait at its first request", i)
		}
		if len(k.known) > setupKnown {
			t.Fatalf("%d addresses are remembered, the limit is %d", len(k.known), setupKnown)
		}
	}
	now = now.Add(time.Hour)
	k.may("one more", now)
	if len(k.known) != 1 {
		t.Errorf("%d addresses are remembered after an hour of quiet, want 1", len(k.known))
	}
}

func TestChecklistTurnsGreen(t *testing.T) {
	f := newFixture(t)
	link := f.link(acme)
	progress := func() *page { return f.visit(http.MethodGet, link+"/progress", "") }
	progress().shows(200, "0 of 5 done. Next: Key issued.")
	if got := progress().values("div", "data-refresh"); len(got) != 1 || got[0] != link+"/progress" {
		t.Errorf("the script is told to ask %q", got)
	}
	hash, err := state.ParseKey(keyText.FindString(f.show(link).body))
	f.must(err)
	progress().shows(200, "1 of 5 done. Next: Connection test.", "Nothing has come with a valid key yet")

	f.clock.Advance(time.Minute)
	key, err := f.store.KeyByHash(t.Context(), hash)
	f.must(err)
	f.must(f.store.TouchKey(t.Context(), key, f.clock.Now()))
	f.failed(acme, state.Request{Method: "GET", Path: "/auth/scim/Users?filter=mail+eq+%22ada@acme.example%22", Status: 400, Detail: "the filter names no attribute",
		Answer: []byte(`{"scimType":"invalidFilter"}`)})
	p := progress().shows(200, "2 of 5 done. Next: First person.", "What went wrong in the last hour", "GET /Users?filter=(…)", "refused with 400",
		"the filter names no attribute", "Let it match by user name")
	p.hides("ada@acme.example")
	if !strings.Contains(p.body, `datetime="2026-03-04T09:01:00Z"`) {
		t.Errorf("the list does not say when: %s", p.body)
	}

	ada := f.account(acme, `{"userName":"ada@acme.example","displayName":"Ada Acker"}`)
	progress().shows(200, "3 of 5 done. Next: First pull.").hides("Ada")
	f.group(acme, "Sales", ada.ID)
	progress().shows(200, "4 of 5 done. Next: First pull.").hides("Sales")

	lease, err := f.store.AcquireLease(t.Context(), acme, "test", time.Hour)
	f.must(err)
	source, err := f.store.Source(t.Context(), acme.Source)
	f.must(err)
	source.LastPullAt = f.clock.Now()
	f.must(f.store.PutSource(t.Context(), lease.Epoch, source))
	progress().shows(200, "and not everything could be")
	source.LastWholeAt = f.clock.Now()
	f.must(f.store.PutSource(t.Context(), lease.Epoch, source))
	progress().shows(200, "5 of 5 done. Everything that is needed has come true.")
	f.get(olga, "/setup/acme-entra").shows(200, "acme-entra is set up")

	f.clock.Advance(2 * time.Hour)
	progress().hides("What went wrong")
}

func TestTroublesAreCountedAndBounded(t *testing.T) {
	f := newFixture(t)
	for i := range 12 {
		f.failed(acme, state.Request{Method: "POST", Path: "/auth/scim/Users", Status: 409, Detail: fmt.Sprint("clash ", i%2)})
	}
	for i := range 9 {
		f.failed(acme, state.Request{Method: "PATCH", Path: fmt.Sprintf("/auth/scim/Users/%s?x=%d", state.NewID(), i), Status: 404, Detail: "\u202egone\x1b[31m"})
		f.failed(acme, state.Request{Method: "PUT", Path: "/auth/scim/Groups/x", Status: 500 + i})
	}
	list, err := f.console.troubles(t.Context(), acme)
	f.must(err)
	if len(list) != troublesMost {
		t.Fatalf("%d kinds of trouble, want %d", len(list), troublesMost)
	}
	if list[1].Times != 9 || list[1].Shape != "/Users/(id)" || list[1].Detail != "\uFFFDgone\uFFFD[31m" || list[1].Hint == "" {
		t.Errorf("the second kind is %+v", list[1])
	}
}

func TestShapesTellNothingOfAnybody(t *testing.T) {
	for target, want := range map[string]string{
		"/auth/scim/Users": "/Users",
		"/auth/scim/Users?filter=userName+eq+%22ada@acme.example%22&startIndex=1&count=100": "/Users?filter=(…)&startIndex=(…)&count=(…)",
		"/auth/scim/Users/ada@acme.example":                                                 "/Users/(id)",
		"/auth/scim/Groups/.search":                                                         "/Groups/.search",
		"/auth/scim/ada/../Users":                                                           "/(id)/(id)/Users",
		"/auth/scim":                                                                        "/",
		"/auth/scim/?ada=1":                                                                 "/",
		"/auth/scim/Users?%zz":                                                              "/Users",
		"/elsewhere/ada":                                                                    "(another address)",
		"":                                                                                  "(another address)",
		"/auth/scim/Users/1/2":                                                              "/Users/(id)/(id)",
	} {
		if got := shapeOf(target, "/auth/scim"); got != want {
			t.Errorf("shape of %q is %q, want %q", target, got, want)
		}
	}
}
