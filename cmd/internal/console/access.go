package console

import (
	"context"
	"net/http"

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

func (c *Console) accessRoutes(mux *http.ServeMux)                       {}
func (c *Console) guard(next http.Handler) http.Handler                  { return next }
func takeFlash(http.ResponseWriter, *http.Request) (flash, alert string) { return "", "" }

// done answers a form that did something: the reader is sent on, and told there what it came to. Tell nothing personal: it is kept in a cookie.
func (c *Console) done(w http.ResponseWriter, r *http.Request, to, flash, alert string) {
	http.Redirect(w, r, to, http.StatusSeeOther)
}
