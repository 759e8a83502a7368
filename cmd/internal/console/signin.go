package console

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"rollcall/state"
	"rollcall/sync/explain"
)

// Where people sign in. Everybody may open what lies here.
const (
	signInPath = "/sign-in"
	linkPath   = "/sign-in/link/"
)

func signInURL(to string) string {
	if to == "" || to == "/" {
		return signInPath
	}
	return signInPath + "?" + url.Values{"to": {to}}.Encode()
}

// signIns is what signing in keeps in memory.
type signIns struct {
	crossOrigin *http.CrossOriginProtection
	tries       *tries
	passwords   *passwords
	oidc        *provider // nil: none
}

func newSignIns(config Config) (signIns, error) {
	s := signIns{crossOrigin: http.NewCrossOriginProtection(), tries: newTries(), passwords: newPasswords()}
	if err := s.crossOrigin.AddTrustedOrigin(config.URL.Scheme + "://" + config.URL.Host); err != nil {
		return signIns{}, fmt.Errorf("URL has to be scheme and host: %w", err)
	}
	if config.OIDC != nil {
		s.oidc = newProvider(*config.OIDC, config.URL, config.Now)
	}
	return s, nil
}

func (c *Console) signInRoutes(mux *http.ServeMux) {
	mux.HandleFunc("GET "+signInPath, c.signInPage)
	mux.HandleFunc("POST "+signInPath, c.signInByPassword)
	mux.HandleFunc("GET "+linkPath+"{token}", c.linkPage)
	mux.HandleFunc("POST "+linkPath+"{token}", c.signInByLink)
	mux.HandleFunc("POST /sign-out", c.signOut)
	mux.HandleFunc(signInPath+"/", func(w http.ResponseWriter, r *http.Request) {
		c.failOutside(w, r, problem{http.StatusNotFound, "There is no such page", "The link may be cut."})
	})
	if c.OIDC != nil {
		mux.HandleFunc("GET "+oidcPath, c.oidcStart)
		mux.HandleFunc("GET "+callbackPath, c.oidcCallback)
	}
}

// signInForm is the sign-in page's data.
type signInForm struct {
	To       string
	Name     string // as it was typed
	Alert    string
	Provider string // the name of the OpenID provider; "" = there is none
	Start    string // where a sign-in there begins
	Nobody   bool   // there are no operators yet
}

func (c *Console) signInPage(w http.ResponseWriter, r *http.Request) {
	to := localPath(r.URL.Query().Get("to"))
	if _, err := c.signedIn(r); err == nil {
		http.Redirect(w, r, to, http.StatusSeeOther)
		return
	}
	c.showSignIn(w, r, http.StatusOK, signInForm{To: to})
}

func (c *Console) showSignIn(w http.ResponseWriter, r *http.Request, status int, form signInForm) {
	all, err := c.Store.ListOperators(r.Context())
	if err != nil {
		c.Log.Error("operators could not be listed", "error", err)
		status, form.Alert = http.StatusServiceUnavailable, "The record did not answer; the log says why. Try again in a moment."
	}
	form.Nobody = err == nil && len(all) == 0
	if c.OIDC != nil {
		form.Provider = c.OIDC.name()
		form.Start = oidcPath + "?" + url.Values{"to": {form.To}}.Encode()
	}
	c.showStatus(w, r, status, "bare-sign-in", form)
}

// verifyPatience is how long a sign-in waits for its turn.
const verifyPatience = 10 * time.Second

// wrongPassword is the one answer to a name that is not known, one that has no password or is disabled, and a wrong password.
const wrongPassword = "Name and password do not belong together. Try again, or ask an operator for a one-time link."

func (c *Console) signInByPassword(w http.ResponseWriter, r *http.Request) {
	form := signInForm{To: localPath(r.PostForm.Get("to")), Name: cutBytes(strings.TrimSpace(r.PostForm.Get("name")), 128)}
	counted, address := lowerASCII(form.Name), c.remote(r)
	if wait := c.tries.begin(counted, address, c.Now()); wait > 0 {
		seconds := int(wait/time.Second) + 1
		w.Header().Set("Retry-After", fmt.Sprint(seconds))
		form.Alert = "Too many sign-ins failed. Wait " + explain.Span(time.Duration(seconds)*time.Second) + ", then try again; a one-time link works at once."
		c.showSignIn(w, r, http.StatusTooManyRequests, form)
		return
	}
	operator, err := c.ofPassword(r.Context(), form.Name, r.PostForm.Get("password"))
	switch {
	case errors.Is(err, errNotThem):
		c.note(r.Context(), state.Deed{What: deedSignInFailed, Subject: operator.Name, Note: byPassword})
		form.Alert = wrongPassword
		c.showSignIn(w, r, http.StatusForbidden, form)
		return
	case errors.Is(err, context.DeadlineExceeded):
		form.Alert = "Many are signing in just now. Try again in a moment."
		c.showSignIn(w, r, http.StatusServiceUnavailable, form)
		return
	case err == nil:
		c.tries.forgive(counted, address)
		err = c.signIn(w, r, operator, byPassword)
	}
	c.afterSignIn(w, r, form.To, err)
}

var errNotThem = errors.New("it is not them")

// ofPassword returns who has a name and a password, or errNotThem, with the operator if the name is one's. It takes the same time for
// all who are not let in.
func (c *Console) ofPassword(ctx context.Context, name, password string) (state.Operator, error) {
	access := c.access("")
	operator, err := access.Find(ctx, name)
	if err != nil && !errors.Is(err, ErrNoOperator) {
		return operator, err
	}
	ctx, cancel := context.WithTimeout(ctx, verifyPatience)
	defer cancel()
	right, err := c.passwords.verify(ctx, operator.Password, password)
	if err == nil && (!right || !operator.DisabledAt.IsZero()) {
		err = errNotThem
	}
	return operator, err
}

// afterSignIn sends on who is signed in, and tells who could not be.
func (c *Console) afterSignIn(w http.ResponseWriter, r *http.Request, to string, err error) {
	if errors.Is(err, errBarred) {
		c.showSignIn(w, r, http.StatusForbidden, signInForm{To: to, Alert: "Your way in was changed at this moment. Sign in by the new one, or ask an operator for a one-time link."})
		return
	}
	if err != nil {
		c.Log.Error("a sign-in failed", "error", err)
		c.showSignIn(w, r, http.StatusServiceUnavailable, signInForm{To: to, Alert: "The record did not answer; the log says why. Try again in a moment."})
		return
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
}

// linkPage shows a one-time link's button. To look uses nothing up: mail programs open links to preview them.
func (c *Console) linkPage(w http.ResponseWriter, r *http.Request) {
	c.show(w, r, "bare-sign-in-link", struct{ Action string }{linkPath + url.PathEscape(r.PathValue("token"))})
}

func (c *Console) signInByLink(w http.ResponseWriter, r *http.Request) {
	operator, err := c.Store.UseSignInLink(r.Context(), hashToken(r.PathValue("token")))
	if err == nil && !operator.DisabledAt.IsZero() {
		err = state.ErrUsed
	}
	if errors.Is(err, state.ErrUsed) {
		if c.mayNote(byLink, r) {
			c.note(r.Context(), state.Deed{What: deedSignInFailed, Note: byLink})
		}
		c.showSignIn(w, r, http.StatusForbidden, signInForm{To: "/", Alert: "This link does not work any more: it was used, or its time is over. Ask for another: rollcall operators link NAME."})
		return
	}
	if err == nil {
		err = c.signIn(w, r, operator, byLink)
	}
	c.afterSignIn(w, r, "/", err)
}

// mayNote tells whether a refusal is noted: a stranger must not fill the record. It is counted apart from passwords, because it guesses at
// nothing, and any page of the web can have a browser ask for a provider's answer.
func (c *Console) mayNote(how string, r *http.Request) bool {
	counted := how + " " + c.remote(r)
	return c.tries.begin(counted, counted, c.Now()) == 0
}

// remote is who a request to the console comes from.
func (c *Console) remote(r *http.Request) string { return remote(r, c.Secure) }

// remote is who a request comes from, for counting. Where a proxy ends TLS it is what the proxy says last, the only part of
// X-Forwarded-For that the caller cannot have written. Some proxies write a port behind it.
func remote(r *http.Request, secure bool) string {
	if secure && r.TLS == nil {
		if list := r.Header.Values("X-Forwarded-For"); len(list) > 0 {
			last := list[len(list)-1]
			if address, ok := parseAddress(strings.TrimSpace(last[strings.LastIndex(last, ",")+1:])); ok {
				return subscriber(address)
			}
		}
	}
	if address, ok := parseAddress(r.RemoteAddr); ok {
		return subscriber(address)
	}
	return r.RemoteAddr
}

// parseAddress reads an address with or without a port.
func parseAddress(text string) (netip.Addr, bool) {
	if both, err := netip.ParseAddrPort(text); err == nil {
		return both.Addr(), true
	}
	address, err := netip.ParseAddr(strings.Trim(text, "[]"))
	return address, err == nil
}

// subscriber is an address as far as it tells two callers apart: of IPv6 a subscriber has a whole /64 (RFC 6177), and changes its
// addresses at will.
func subscriber(address netip.Addr) string {
	const ipv6Subscriber = 64
	if address = address.Unmap().WithZone(""); address.Is4() {
		return address.String()
	}
	prefix, err := address.Prefix(ipv6Subscriber)
	if err != nil {
		return address.String()
	}
	return prefix.String()
}

// access looks after operators in somebody's name.
func (c *Console) access(by string) *Access { return &Access{Store: c.Store, By: by, Now: c.Now} }

// note keeps a deed whose loss must not stop what was done; that it was lost is logged. It is noted for those too who hang up.
func (c *Console) note(ctx context.Context, deed state.Deed) {
	deed.At = c.Now()
	if err := c.Store.NoteDeed(context.WithoutCancel(ctx), deed); err != nil {
		c.Log.Error("a deed could not be noted", "what", deed.What, "error", err)
	}
}
