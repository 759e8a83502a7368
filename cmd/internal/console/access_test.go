package console

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/state"
)

func TestStrangersGetNoFurther(t *testing.T) {
	f := newFixture(t)
	b := f.browser()
	b.get("/users/42").leads("/sign-in?to=%2Fusers%2F42")
	b.get("/users?reason=disabled").leads("/sign-in?to=%2Fusers")
	b.get("/").leads("/sign-in")
	b.raw("/plans/1/approve").leads("/sign-in")
	b.get("//evil.example/x").leads("/sign-in")
	b.cookies[sessionCookie] = "made-up"
	b.get("/runs").leads("/sign-in?to=%2Fruns")
	for _, accept := range []string{"text/event-stream", "application/json"} {
		b.header.Set("Accept", accept)
		if got := b.get("/runs").status; got != http.StatusUnauthorized {
			t.Errorf("%s: answered %d", accept, got)
		}
	}
	if got := f.browser().get(assetURL("console.css")); got.status != http.StatusOK || got.header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("the stylesheet is kept from strangers: %d %v", got.status, got.header)
	}
}

func assetURL(name string) string { return "/assets/" + assetNames[name] }

func TestLocalPath(t *testing.T) {
	for to, want := range map[string]string{
		"": "/", "/": "/", "/users/1": "/users/1", "/users?x=1#y": "/users", "/a%20b": "/a%20b", "/%2F/x": "/", "//evil.example": "/",
		"https://evil.example/x": "/", "javascript:alert(1)": "/", `/\evil.example`: "/", "/%5Cevil.example": "/", "users": "/", "/x%0d%0aSet-Cookie:a=b": "/",
		"/sign-in": "/", "/sign-in/link/x": "/", "/sign-out": "/", "\x00": "/", "http:/x": "/", "/%": "/",
	} {
		if got := localPath(to); got != want {
			t.Errorf("localPath(%q) = %q, want %q", to, got, want)
		}
	}
}

func FuzzLocalPath(f *testing.F) {
	for _, seed := range []string{"/users", "//x", `/\x`, "/%2f%2fx", "https://x/y", "/\t/x"} {
		f.Add(seed)
	}
	base := &url.URL{Scheme: "https", Host: "console.example.com", Path: "/sign-in"}
	f.Fuzz(func(t *testing.T, to string) {
		got := localPath(to)
		u, err := base.Parse(got)
		if err != nil || u.Host != base.Host || u.Scheme != base.Scheme || u.RawQuery != "" || strings.HasPrefix(got, "//") || !strings.HasPrefix(got, "/") || strings.ContainsAny(got, "\\\r\n\t") {
			t.Errorf("localPath(%q) = %q leads away", to, got)
		}
		if again := localPath(got); again != got {
			t.Errorf("localPath(%q) = %q, and of that %q", to, got, again)
		}
	})
}

func TestHeaders(t *testing.T) {
	f := newFixture(t)
	h := f.browser().get("/sign-in").header
	for name, want := range map[string]string{
		"Content-Security-Policy":      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
		"X-Content-Type-Options":       "nosniff",
		"Referrer-Policy":              "same-origin",
		"Cross-Origin-Opener-Policy":   "same-origin",
		"Cross-Origin-Resource-Policy": "same-origin",
		"Strict-Transport-Security":    "",
		"Cache-Control":                "no-store",
	} {
		if got := h.Get(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	f.console.Secure = true
	b := f.browser()
	if got := b.get("/sign-in").header.Get("Strict-Transport-Security"); got != "max-age=31536000" {
		t.Errorf("Strict-Transport-Security: %q", got)
	}
	if _, ok := b.cookies["__Host-"+doorCookie]; !ok {
		t.Errorf("the cookie is not bound to the host: %v", b.cookies)
	}
}

func TestHosts(t *testing.T) {
	f := newFixture(t)
	b := f.browser()
	for host, want := range map[string]int{
		"127.0.0.1:8081": 200, "localhost:8081": 200, "[::1]:8081": 200, "LOCALHOST": 200, "evil.example:8081": 421, "127.0.0.1.evil.example": 421, "": 421,
	} {
		b.host = host
		if got := b.get("/sign-in").status; got != want {
			t.Errorf("host %q: answered %d, want %d", host, got, want)
		}
	}
	f.console.URL = &url.URL{Scheme: "https", Host: "console.example.com"}
	for host, want := range map[string]int{"console.example.com": 200, "CONSOLE.example.com:443": 200, "127.0.0.1:8081": 200, "evil.example": 421, "upstream:8081": 421} {
		b.host = host
		if got := b.get("/sign-in").status; got != want {
			t.Errorf("behind a proxy on the same machine, host %q: answered %d, want %d", host, got, want)
		}
	}
	f.console.Loopback = false
	b.host = "upstream:8081"
	if got := b.get("/sign-in").status; got != 200 {
		t.Errorf("behind a proxy: answered %d", got)
	}
}

func TestFormsComeFromTheConsole(t *testing.T) {
	f := newFixture(t)
	f.join("ann", state.RoleOperator, "")
	b := f.signed("ann")
	token := b.token("/access")
	for what, change := range map[string]func(b *browser) (token string){
		"no token":            func(*browser) string { return "" },
		"a token of another":  func(*browser) string { return f.signed("ann").token("/access") },
		"a token of the door": func(*browser) string { return f.browser().token("/sign-in") },
		"another site":        func(b *browser) string { b.header.Set("Sec-Fetch-Site", "cross-site"); return token },
		"another port":        func(b *browser) string { b.header.Set("Sec-Fetch-Site", "same-site"); return token },
		"another origin alone": func(b *browser) string {
			b.header.Del("Sec-Fetch-Site")
			b.header.Set("Origin", "https://evil.example")
			return token
		},
	} {
		t.Run(what, func(t *testing.T) {
			other := f.browser()
			other.cookies = b.cookies
			csrf := change(other)
			if got := other.raw("/sign-out", "csrf", csrf); got.status != http.StatusForbidden || !strings.Contains(got.text(), "Nothing was changed") {
				t.Errorf("answered %d: %s", got.status, got.text())
			}
		})
	}
	b.get("/access").shows(http.StatusOK)
	large := b.raw("/sign-out", "csrf", token, "x", strings.Repeat("x", maxBody))
	large.shows(http.StatusRequestEntityTooLarge, "A form may hold 64 KB")

	b.header.Del("Sec-Fetch-Site") // a proxy gives Host another name
	b.header.Set("Origin", "http://127.0.0.1:8081")
	b.host = "localhost:9999"
	b.raw("/sign-out", "csrf", token).leads("/sign-in")
	b.get("/access").leads("/sign-in?to=%2Faccess")
}

func TestFlash(t *testing.T) {
	f := newFixture(t)
	f.join("ann", state.RoleOperator, "")
	b := f.signed("ann")
	tell := func(flash, alert string) {
		w := httptest.NewRecorder()
		f.console.done(w, httptest.NewRequest(http.MethodPost, "/x", nil), "/access", flash, alert)
		for _, cookie := range w.Result().Cookies() {
			if len(cookie.Value) > 2000 {
				t.Errorf("the cookie has %d bytes", len(cookie.Value))
			}
			b.cookies[cookie.Name] = cookie.Value
		}
	}
	tell("Key issued.", "The old one works still.")
	kept := b.cookies[flashCookie]
	b.get("/access").shows(http.StatusOK, "Key issued.", "The old one works still.")
	b.get("/access").hides("Key issued.")

	tell(strings.Repeat("ü", 300), strings.Repeat("é", 300))
	if got := b.get("/access").text(); strings.Count(got, "é") != 248 || strings.Count(got, "ü") != 0 {
		t.Errorf("a long message is not cut: %d, %d", strings.Count(got, "é"), strings.Count(got, "ü"))
	}
	body, sum, _ := strings.Cut(kept, ".")
	for what, forged := range map[string]string{"nothing": ".", "another text": "eyJ1Ijo5OTk5OTk5OTk5LCJ2Ijp7IkZsYXNoIjoieCJ9fQ." + sum, "no sum": body, "half": kept[:len(kept)/2], "no base64": "!." + sum} {
		b.cookies[flashCookie] = forged
		if got := b.get("/access").shows(http.StatusOK).values("p", "role"); len(got) != 0 {
			t.Errorf("%s is shown", what)
		}
		if _, still := b.cookies[flashCookie]; still {
			t.Errorf("%s: the cookie is kept", what)
		}
	}
	b.cookies[flashCookie] = kept
	f.clock.Advance(flashLife)
	b.get("/access").hides("Key issued.")

	// What was sealed for one purpose is none for another.
	text, err := f.console.seal(t.Context(), oidcCookie, message{Flash: "forged"}, time.Minute)
	f.must(err)
	b.cookies[flashCookie] = text
	b.get("/access").hides("forged")
}

func FuzzUnseal(f *testing.F) {
	fixture := newFixture(f)
	good, err := fixture.console.seal(f.Context(), flashCookie, message{Flash: "x"}, time.Minute)
	fixture.must(err)
	body, sum, _ := strings.Cut(good, ".")
	for _, seed := range []string{good, body, "." + sum, good + "=", "", "a.b.c", body + "." + sum + "." + sum} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var m message
		if err := fixture.console.unseal(t.Context(), flashCookie, text, &m); err == nil && text != good {
			t.Errorf("%q is taken for sealed: %+v", text, m)
		}
	})
}

// BenchmarkSignedIn is held against a millisecond of a page's hundred: every request looks its session up.
func BenchmarkSignedIn(b *testing.B) {
	f := newFixture(b)
	f.join("ann", state.RoleOperator, "")
	r := httptest.NewRequest(http.MethodGet, "/access", nil)
	r.AddCookie(&http.Cookie{Name: sessionCookie, Value: f.signed("ann").cookies[sessionCookie]})
	b.ReportAllocs()
	for b.Loop() {
		if v, err := f.console.signedIn(r); err != nil || v.Name != "ann" {
			b.Fatal(v, err)
		}
	}
}

func TestCutBytes(t *testing.T) {
	for _, test := range []struct {
		text  string
		limit int
		want  string
	}{{"abc", 3, "abc"}, {"abcdef", 5, "ab…"}, {"ääää", 6, "ä…"}, {"abc", 2, ""}, {"", 0, ""}, {"a", 0, ""}} {
		if got := cutBytes(test.text, test.limit); got != test.want {
			t.Errorf("cutBytes(%q, %d) = %q, want %q", test.text, test.limit, got, test.want)
		}
	}
}

func TestSessionsEnd(t *testing.T) {
	f := newFixture(t)
	f.join("ann", state.RoleOperator, "")
	f.join("bob", state.RoleViewer, "")

	ann := f.signed("ann")
	f.clock.Advance(sessionLife - time.Second)
	ann.get("/access").shows(http.StatusOK)
	f.clock.Advance(time.Second)
	ann.get("/access").leads("/sign-in?to=%2Faccess")

	ann = f.signed("ann")
	again := f.signed("ann")
	ann.post("/access", "/sign-out").leads("/sign-in")
	ann.get("/access").leads("/sign-in?to=%2Faccess")
	again.get("/access").shows(http.StatusOK)
	if len(ann.cookies) != 0 {
		t.Errorf("cookies stay after the sign-out: %v", ann.cookies)
	}

	bob := f.signed("bob")
	bob.get("/access").shows(http.StatusOK)
	_, err := f.console.access("ann").Disable(t.Context(), "bob")
	f.must(err)
	bob.get("/access").leads("/sign-in?to=%2Faccess")

	_, err = f.console.access("setup").Add(t.Context(), "ann", state.RoleViewer)
	f.must(err)
	again.post("/access", "/access/disable", "name", "ann").shows(http.StatusForbidden, "Your role is viewer")
}

func TestANewSessionReplacesTheOld(t *testing.T) {
	f := newFixture(t)
	f.join("ann", state.RoleOperator, rightPassword)
	b := f.signed("ann")
	old := b.cookies[sessionCookie]
	door := f.browser()
	door.get("/sign-in")
	b.cookies[doorCookie] = door.cookies[doorCookie]
	b.raw("/sign-in", "csrf", csrfToken(b.cookies[doorCookie]), "name", "ann", "password", rightPassword).leads("/")
	if b.cookies[sessionCookie] == old {
		t.Fatal("the session has the token it had before")
	}
	stale := f.browser()
	stale.cookies[sessionCookie] = old
	stale.get("/access").leads("/sign-in?to=%2Faccess")
}

func TestWhatIsKeptOfTokens(t *testing.T) {
	token, hash := NewToken()
	other, _ := NewToken()
	if len(token) != 43 || token == other || hashToken(token) != hash || strings.Contains(csrfToken(token), token) || csrfToken(token) == csrfToken(other) {
		t.Errorf("a token of %d characters, %q", len(token), csrfToken(token))
	}
	if diff := cmp.Diff([]bool{false, false, true}, []bool{sameText("", ""), sameText("a", "b"), sameText("a", "a")}); diff != "" {
		t.Error(diff)
	}
}
