package console

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"net/http"
	"time"

	"rollcall/state"
)

// sessionLife is how long a sign-in lasts, whatever happens in between.
const sessionLife = 12 * time.Hour

// The cookies. Where the console is reached by https their names begin with __Host-, which browsers bind to the host and to https.
const (
	sessionCookie = "rollcall_session" // the token of a session
	doorCookie    = "rollcall_door"    // a random token of the browser, on which the forms of the sign-in pages hang
	flashCookie   = "rollcall_flash"   // what the last action came to
	oidcCookie    = "rollcall_oidc"    // a sign-in at the provider that is under way
)

// The ways to sign in, as deeds note them.
const (
	byPassword = "password"
	byLink     = "link"
	byProvider = "OpenID"
)

// NewToken draws 256 random bits: as text to be given away, and as what is kept of them.
func NewToken() (string, state.TokenHash) {
	var raw [32]byte
	_, _ = rand.Read(raw[:]) // never fails
	text := base64.RawURLEncoding.EncodeToString(raw[:])
	return text, hashToken(text)
}

func hashToken(text string) state.TokenHash { return sha256.Sum256([]byte(text)) }

// csrfToken derives what the forms of a session carry. It needs no place to be kept, and does not tell the session's token.
func csrfToken(token string) string {
	mac := hmac.New(sha256.New, []byte(token))
	mac.Write([]byte("rollcall console form"))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// sameText compares in a time that tells nothing; what is empty is the same as nothing.
func sameText(a, b string) bool {
	return a != "" && subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1
}

// signedIn returns who has the request's session: one indexed read, so that whoever is disabled is out at once. ErrNotFound is nobody.
func (c *Console) signedIn(r *http.Request) (visitor, error) {
	token := c.cookie(r, sessionCookie)
	if token == "" {
		return visitor{}, state.ErrNotFound
	}
	session, operator, err := c.Store.Session(r.Context(), hashToken(token))
	if err != nil {
		return visitor{}, err
	}
	if !c.Now().Before(session.ExpiresAt) || !operator.DisabledAt.IsZero() {
		return visitor{}, state.ErrNotFound
	}
	return visitor{Name: operator.Name, Role: operator.Role, CSRF: csrfToken(token)}, nil
}

// errBarred says that somebody was disabled, or their way in was changed, while they were signing in.
var errBarred = errors.New("the way in was changed meanwhile")

// signIn begins a session with a token that nobody has seen before, ends the one that the browser had, and notes it. The operator is as
// they were when their word was weighed, which can take a while: who was disabled or given another password since gets errBarred.
func (c *Console) signIn(w http.ResponseWriter, r *http.Request, operator state.Operator, how string) error {
	ctx := r.Context()
	if old := c.cookie(r, sessionCookie); old != "" {
		if err := c.Store.DropSession(ctx, hashToken(old)); err != nil {
			return err
		}
	}
	token, hash := NewToken()
	now := c.Now()
	session := state.Session{Hash: hash, Operator: operator.Name, CreatedAt: now, ExpiresAt: now.Add(sessionLife)}
	switch err := c.Store.PutSession(ctx, session); {
	case errors.Is(err, state.ErrNotFound):
		return errBarred
	case err != nil:
		return err
	}
	// Whoever changes something after this ends the session that is kept by now.
	present, err := c.Store.Operator(ctx, operator.Name)
	if err != nil {
		return err
	}
	if present.Password != operator.Password || present.Identity != operator.Identity || !present.CreatedAt.Equal(operator.CreatedAt) {
		return errors.Join(errBarred, c.Store.DropSession(ctx, hash))
	}
	if err := c.Store.NoteDeed(ctx, state.Deed{At: now, Actor: operator.Name, What: deedSignedIn, Subject: operator.Name, Note: how}); err != nil {
		return err
	}
	c.setCookie(w, sessionCookie, token, sessionLife)
	c.clearCookie(w, doorCookie)
	return nil
}

// signOut ends the visitor's session.
func (c *Console) signOut(w http.ResponseWriter, r *http.Request) {
	ctx, who := r.Context(), visitorOf(r).Name
	if err := c.Store.DropSession(ctx, hashToken(c.cookie(r, sessionCookie))); err != nil {
		c.fail(w, r, err)
		return
	}
	c.note(ctx, state.Deed{Actor: who, What: deedSignedOut, Subject: who})
	c.clearCookie(w, sessionCookie)
	c.clearCookie(w, flashCookie)
	http.Redirect(w, r, signInPath, http.StatusSeeOther)
}

// door returns the token that the forms of the sign-in pages hang on, and gives the browser one if it has none.
func (c *Console) door(w http.ResponseWriter, r *http.Request) string {
	if token := c.cookie(r, doorCookie); token != "" {
		return token
	}
	token, _ := NewToken()
	c.setCookie(w, doorCookie, token, time.Hour)
	return token
}

func (c *Console) cookieName(name string) string {
	if c.Secure {
		return "__Host-" + name
	}
	return name
}

// setCookie keeps a text in the browser, out of reach of scripts. Lax: a link in a mail finds the reader signed in, and the answer of an
// OpenID provider finds its cookie; what changes something is a POST, with which a Lax cookie comes from this site alone.
func (c *Console) setCookie(w http.ResponseWriter, name, value string, life time.Duration) {
	http.SetCookie(w, &http.Cookie{
		Name: c.cookieName(name), Value: value, Path: "/", MaxAge: int(life / time.Second), Secure: c.Secure, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}

func (c *Console) clearCookie(w http.ResponseWriter, name string) {
	http.SetCookie(w, &http.Cookie{Name: c.cookieName(name), Path: "/", MaxAge: -1, Secure: c.Secure, HttpOnly: true, SameSite: http.SameSiteLaxMode})
}

// cookie returns a cookie's text; "" = there is none.
func (c *Console) cookie(r *http.Request, name string) string {
	found, err := r.Cookie(c.cookieName(name))
	if err != nil {
		return ""
	}
	return found.Value
}
