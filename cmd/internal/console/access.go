package console

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"rollcall/state"
)

// visitor is who looks: an operator who is signed in, or nobody.
type visitor struct {
	Name string // "" = nobody
	Role state.Role
	CSRF string // what every form of theirs carries
}

// May tells whether the visitor may change something.
func (v visitor) May() bool { return v.Role == state.RoleOperator }

type visitorKey struct{}

func withVisitor(r *http.Request, v visitor) *http.Request {
	return r.WithContext(context.WithValue(r.Context(), visitorKey{}, v))
}

// visitorOf returns who makes a request.
func visitorOf(r *http.Request) visitor {
	v, _ := r.Context().Value(visitorKey{}).(visitor)
	return v
}

// operator lets only those change something who may.
func (c *Console) operator(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		if !visitorOf(r).May() {
			c.fail(w, r, problem{http.StatusForbidden, "You may look, and not change", "Your role is viewer. An operator can do this, or make you one: rollcall operators add NAME --role operator. Nothing was changed."})
			return
		}
		next(w, r)
	}
}

// maxBody bounds what a form may send.
const maxBody = 64 << 10

// guard stands before every page of the console: it sets the headers, turns strangers away, and lets a change through only if it
// comes from a page of the console. Handlers behind it find the visitor in the request.
func (c *Console) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		secureHeaders(w.Header(), c.Secure)
		switch {
		case !c.knowsHost(r.Host):
			http.Error(w, "The console is not reached by this name. Use "+c.URL.Scheme+"://"+c.URL.Host+".", http.StatusMisdirectedRequest)
			return
		case strings.HasPrefix(r.URL.Path, "/assets/"):
			next.ServeHTTP(w, r)
			return
		}
		w.Header().Set("Cache-Control", "no-store")
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		r, ok := c.admit(w, r)
		if !ok {
			return
		}
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			if err := c.checkForm(r); err != nil {
				c.failOutside(w, r, err)
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}

// admit puts the visitor into a request. A stranger gets no further than the sign-in pages; there a signed-in operator is a stranger
// too, so that the forms hang on the one cookie that is there before and after.
func (c *Console) admit(w http.ResponseWriter, r *http.Request) (*http.Request, bool) {
	if r.URL.Path == signInPath || strings.HasPrefix(r.URL.Path, signInPath+"/") {
		return withVisitor(r, visitor{CSRF: csrfToken(c.door(w, r))}), true
	}
	v, err := c.signedIn(r)
	switch {
	case errors.Is(err, state.ErrNotFound):
		c.turnAway(w, r)
		return r, false
	case err != nil:
		c.Log.Error("a session could not be looked up", "error", err)
		c.failOutside(w, r, problem{http.StatusServiceUnavailable, "The record did not answer", "Who you are could not be looked up; the log says why. Nothing was changed. Try again in a moment."})
		return r, false
	}
	return c.withFlash(withVisitor(r, v)), true
}

// secureHeaders tells browsers to run and show nothing but the console's own.
func secureHeaders(h http.Header, secure bool) {
	h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Permissions-Policy", "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), publickey-credentials-get=(), usb=()")
	if secure {
		h.Set("Strict-Transport-Security", "max-age=31536000")
	}
}

// knowsHost tells whether a Host header may be the console's. One that only its own machine reaches answers to its URL's name and to that
// machine's, as a proxy there may say, so that no stranger's page can have its own name point there (DNS rebinding). Elsewhere the
// certificate, or the proxy, vouches for the name.
func (c *Console) knowsHost(host string) bool {
	if !c.Loopback {
		return true
	}
	u := url.URL{Host: host}
	return strings.EqualFold(u.Hostname(), c.URL.Hostname()) || loopback(u.Hostname())
}

func loopback(host string) bool {
	return slices.Contains([]string{"localhost", "127.0.0.1", "::1"}, strings.ToLower(host))
}

// checkForm tells whether a change comes from a form of the console: by the browser's word (Sec-Fetch-Site, else Origin), and by the
// token in it that no other page can know.
func (c *Console) checkForm(r *http.Request) error {
	if c.crossOrigin.Check(r) != nil {
		return problem{http.StatusForbidden, "This came from another site", "A form of the console is sent from the console. Nothing was changed. If you meant it, open the page here and try again."}
	}
	if err := r.ParseForm(); err != nil {
		var large *http.MaxBytesError
		if errors.As(err, &large) {
			return problem{http.StatusRequestEntityTooLarge, "This is too much for a form", "A form may hold 64 KB. Nothing was changed."}
		}
		return problem{http.StatusBadRequest, "This form could not be read", "It was cut or garbled on its way. Nothing was changed. Go back and try again."}
	}
	if !sameText(r.PostForm.Get("csrf"), visitorOf(r).CSRF) {
		return problem{http.StatusForbidden, "This page was old", "You have signed in or out since it was opened. Nothing was changed. Open it again and repeat what you did."}
	}
	return nil
}

// failOutside shows what is wrong with a request, to strangers without the navigation.
func (c *Console) failOutside(w http.ResponseWriter, r *http.Request, err error) {
	var p problem
	if visitorOf(r).Name == "" && errors.As(err, &p) {
		c.showStatus(w, r, p.Status, "bare-sign-in-problem", p)
		return
	}
	c.fail(w, r, err)
}

// turnAway sends a stranger to the sign-in page, and from there back; a program is told plainly.
func (c *Console) turnAway(w http.ResponseWriter, r *http.Request) {
	accept := r.Header.Get("Accept")
	if strings.Contains(accept, "application/json") || strings.Contains(accept, "text/event-stream") {
		http.Error(w, "Sign in first.", http.StatusUnauthorized)
		return
	}
	to := ""
	if r.Method == http.MethodGet {
		to = localPath(r.URL.Path)
	}
	http.Redirect(w, r, signInURL(to), http.StatusSeeOther)
}

// localPath returns a path of the console, without a query; whatever else it is given becomes "/".
func localPath(to string) string {
	u, err := url.Parse(to)
	switch {
	case err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || u.Opaque != "",
		!strings.HasPrefix(u.Path, "/"), strings.HasPrefix(u.Path, "//"), strings.ContainsAny(u.Path, "\\\r\n\t\x00"),
		u.Path == signInPath, strings.HasPrefix(u.Path, signInPath+"/"), u.Path == "/sign-out":
		return "/"
	}
	return (&url.URL{Path: u.Path}).EscapedPath()
}
