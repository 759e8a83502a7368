package console

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// What one address may ask of set-up pages: an open page asks every three seconds.
const (
	setupRate  = 2 // requests a second
	setupBurst = 120
	setupKnown = 4096    // addresses that are remembered
	setupBody  = 8 << 10 // bytes of a form
)

// setupGuard stands before every set-up page: it sets the headers, and bounds what one address may ask and how much it may send.
func (c *Console) setupGuard(next http.Handler) http.Handler {
	callers := callers{known: map[string]*rate.Limiter{}}
	secure := strings.HasPrefix(c.SetupURL, "https:")
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		secureHeaders(h, secure)
		h.Set("Referrer-Policy", "no-referrer") // the address is a secret
		h.Set("X-Robots-Tag", "noindex, nofollow")
		h.Set("Cache-Control", "no-store")
		switch {
		case r.Method != http.MethodGet && r.Method != http.MethodPost:
			h.Set("Allow", "GET, POST")
			c.setupProblem(w, problem{http.StatusMethodNotAllowed, "This cannot be done here", "A set-up page is opened in a browser. Nothing was changed."})
		case !callers.may(remote(r, secure), c.Now()):
			h.Set("Retry-After", "10")
			c.setupProblem(w, problem{http.StatusTooManyRequests, "One moment, please", "Too many requests came from your address. Nothing was changed. Wait ten seconds and open the page again."})
		default:
			r.Body = http.MaxBytesReader(w, r.Body, setupBody)
			next.ServeHTTP(w, r)
		}
	})
}

// callers counts what addresses ask, in memory. It is safe for concurrent use.
type callers struct {
	mu    sync.Mutex
	known map[string]*rate.Limiter
}

// may takes one request of an address, or tells that it has to wait.
func (k *callers) may(address string, now time.Time) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	limiter := k.known[address]
	if limiter == nil {
		k.room(now)
		limiter = rate.NewLimiter(setupRate, setupBurst)
		k.known[address] = limiter
	}
	return limiter.AllowN(now, 1)
}

// room forgets addresses that have been quiet, and if most were not, any: a quarter at once, so that a flood of addresses costs little each.
func (k *callers) room(now time.Time) {
	if len(k.known) < setupKnown {
		return
	}
	for address, limiter := range k.known {
		if limiter.TokensAt(now) >= setupBurst {
			delete(k.known, address)
		}
	}
	for address := range k.known {
		if len(k.known) <= setupKnown*3/4 {
			return
		}
		delete(k.known, address)
	}
}

// The refusals of set-up pages. Whoever forges a link learns nothing but that it does not work.
var (
	errSetupLink = problem{http.StatusNotFound, "This link does not work", "It was probably cut when it was copied: copy it once more, whole. If that does not help, ask whoever sent it to you for a new link."}
	errSetupOver = problem{http.StatusGone, "This link has ended", "Set-up links are good for three days, and can be withdrawn. What has been set up goes on working. If there is more to do, ask whoever sent you the link for a new one."}
	errSetupForm = problem{http.StatusForbidden, "The key was not shown", "The request did not come from the set-up page. Nothing was changed. Open the link again and press the button there."}
)

// setupFail shows what went wrong with a set-up page. The log does not have its address, which is a secret.
func (c *Console) setupFail(w http.ResponseWriter, r *http.Request, err error) {
	var p problem
	switch {
	case errors.As(err, &p):
	case r.Context().Err() != nil:
		return // nobody waits for it any more
	default:
		c.Log.Error("a set-up page could not be shown", "error", err)
		p = problem{http.StatusServiceUnavailable, "This page cannot be read at present", "Nothing was changed and the link still holds. Try again in a moment."}
	}
	c.setupProblem(w, p)
}

func (c *Console) setupProblem(w http.ResponseWriter, p problem) {
	c.setupRender(w, p.Status, "bare-setup-problem", p)
}

func (c *Console) setupRender(w http.ResponseWriter, status int, name string, page any) {
	c.render(w, status, name, &view{Assets: "/setup/assets/", Page: page})
}

// fromSetupPage tells whether a form comes from the page of its link: by the browser's word where it gives one, and in any case by the
// form's token. A page without referrer has no origin either: browsers then say "null".
func (c *Console) fromSetupPage(r *http.Request, form string) bool {
	if site := r.Header.Get("Sec-Fetch-Site"); site != "" && site != "same-origin" {
		return false
	}
	if origin := r.Header.Get("Origin"); origin != "" && origin != "null" && !c.ownOrigin(r, origin) {
		return false
	}
	return r.ParseForm() == nil && sameText(r.PostForm.Get("form"), form)
}

// ownOrigin tells whether an Origin is the one that set-up pages are reached by.
func (c *Console) ownOrigin(r *http.Request, origin string) bool {
	u, err := url.Parse(origin)
	return err == nil && (origin == strings.TrimSuffix(c.SetupURL, "/") || u.Host == r.Host)
}
