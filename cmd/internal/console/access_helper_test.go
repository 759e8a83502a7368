package console

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"time"

	"rollcall/state"
)

// browser asks the whole console, guard and all, and keeps cookies as browsers do.
type browser struct {
	f       *fixture
	cookies map[string]string
	header  http.Header // sent with every request
	host    string
	from    string // remote address
}

func (f *fixture) browser() *browser {
	return &browser{f: f, cookies: map[string]string{}, header: http.Header{"Sec-Fetch-Site": {"same-origin"}}, host: f.console.URL.Host, from: "192.0.2.1:4000"}
}

func (b *browser) send(r *http.Request) *page {
	b.f.t.Helper()
	r.Host, r.RemoteAddr = b.host, b.from
	for name, values := range b.header {
		r.Header[name] = values
	}
	for name, value := range b.cookies {
		r.AddCookie(&http.Cookie{Name: name, Value: value})
	}
	w := httptest.NewRecorder()
	b.f.console.Handler.ServeHTTP(w, r)
	for _, cookie := range w.Result().Cookies() {
		if !cookie.HttpOnly || cookie.Path != "/" || cookie.SameSite != http.SameSiteLaxMode || cookie.Secure != b.f.console.Secure {
			b.f.t.Errorf("cookie %s lies open: %+v", cookie.Name, cookie)
		}
		if cookie.MaxAge < 0 {
			delete(b.cookies, cookie.Name)
		} else {
			b.cookies[cookie.Name] = cookie.Value
		}
	}
	return &page{t: b.f.t, status: w.Code, header: w.Header(), body: w.Body.String()}
}

func (b *browser) get(path string) *page {
	b.f.t.Helper()
	return b.send(httptest.NewRequest(http.MethodGet, path, nil))
}

// post sends a form with the token that the page at form has.
func (b *browser) post(form, path string, pairs ...string) *page {
	b.f.t.Helper()
	return b.raw(path, append([]string{"csrf", b.token(form)}, pairs...)...)
}

// token reads what the forms of a page carry.
func (b *browser) token(path string) string {
	b.f.t.Helper()
	for _, part := range strings.Split(b.get(path).body, `name="csrf" value="`)[1:] {
		token, _, _ := strings.Cut(part, `"`)
		return token
	}
	b.f.t.Fatalf("the page %s has no form", path)
	return ""
}

// raw sends a form as it is.
func (b *browser) raw(path string, pairs ...string) *page {
	b.f.t.Helper()
	values := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		values.Add(pairs[i], pairs[i+1])
	}
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(values.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return b.send(r)
}

// leads fails the test unless the answer sends on to a place.
func (p *page) leads(to string) *page {
	p.t.Helper()
	if p.status != http.StatusSeeOther || p.header.Get("Location") != to {
		p.t.Errorf("answered %d to %q, want to be sent to %q: %s", p.status, p.header.Get("Location"), to, p.body)
	}
	return p
}

const rightPassword = "correct horse battery staple"

// join adds an operator; with a password if it is not "".
func (f *fixture) join(name string, role state.Role, password string) {
	f.t.Helper()
	access := f.console.access("setup")
	_, err := access.Add(f.t.Context(), name, role)
	f.must(err)
	if password != "" {
		_, err = access.SetPassword(f.t.Context(), name, password)
		f.must(err)
	}
}

// signed is a browser in which somebody has signed in by a link.
func (f *fixture) signed(name string) *browser {
	f.t.Helper()
	path, _, err := f.console.access("setup").Link(f.t.Context(), name, time.Minute)
	f.must(err)
	b := f.browser()
	b.post(path, path).leads("/")
	return b
}

// deeds lists what was noted, the newest first: actor, deed, subject and note.
func (f *fixture) deeds() []string {
	f.t.Helper()
	all, err := f.store.ListDeeds(f.t.Context(), state.Scope{}, 0, 100)
	f.must(err)
	var words []string
	for _, d := range all {
		words = append(words, strings.Join([]string{d.Actor, d.What, d.Subject, d.Note}, "|"))
	}
	return words
}
