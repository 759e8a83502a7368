package console

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"rollcall/state"
	"rollcall/sync/explain"
)

const (
	accessPath   = "/access"
	pageLinkLife = 24 * time.Hour // of links that are made here: they travel to somebody else
	signInsBack  = 500            // deeds that are searched for who signed in when
)

func (c *Console) accessRoutes(mux *http.ServeMux) {
	c.signInRoutes(mux)
	mux.HandleFunc("GET "+accessPath, c.accessPage)
	mux.HandleFunc("POST "+accessPath+"/add", c.operator(c.addOperator))
	mux.HandleFunc("POST "+accessPath+"/role", c.operator(c.changeRole))
	mux.HandleFunc("POST "+accessPath+"/disable", c.operator(c.disableOperator))
	mux.HandleFunc("POST "+accessPath+"/link", c.operator(c.makeSignInLink))
}

// operatorsPage says who may use the console, and what was done through it.
type operatorsPage struct {
	Title     string
	Operators []operatorRow
	Sources   []string
	Source    string // whose deeds are shown; "" = all
	Deeds     []deedRow
	First     string
	Next      string
}

// operatorRow is one operator.
type operatorRow struct {
	Name     string
	Role     state.Role
	Other    state.Role // what the role can be changed to
	Disabled time.Time
	Ways     string    // in which they can sign in
	LastAt   time.Time // when they last did, as far back as was looked
	Sessions int       // in how many browsers they are signed in now
	You      bool
}

func (c *Console) accessPage(w http.ResponseWriter, r *http.Request) {
	ctx := r.Context()
	all, err := c.Store.ListOperators(ctx)
	if err != nil {
		c.fail(w, r, err)
		return
	}
	last, err := c.lastSignIns(ctx)
	if err != nil {
		c.fail(w, r, err)
		return
	}
	sessions, err := c.sessions(ctx)
	if err != nil {
		c.fail(w, r, err)
		return
	}
	page := operatorsPage{Title: whoMay(all)}
	for _, o := range all {
		row := operatorRow{Name: o.Name, Role: o.Role, Other: state.RoleOperator, Disabled: o.DisabledAt, Ways: c.waysIn(o), LastAt: last[o.Name], Sessions: sessions[o.Name], You: o.Name == visitorOf(r).Name}
		if o.Role == state.RoleOperator {
			row.Other = state.RoleViewer
		}
		page.Operators = append(page.Operators, row)
	}
	if err := c.readDeeds(r, &page); err != nil {
		c.fail(w, r, err)
		return
	}
	c.show(w, r, "access", page)
}

// whoMay counts who may sign in, in words.
func whoMay(all []state.Operator) string {
	operators, viewers := 0, 0
	for _, o := range all {
		switch {
		case !o.DisabledAt.IsZero():
		case o.Role == state.RoleOperator:
			operators++
		default:
			viewers++
		}
	}
	title := explain.Plural(operators, "person", "people") + " may change things here"
	if viewers > 0 {
		title += ", " + fmt.Sprint(viewers) + " may look"
	}
	return title
}

// waysIn says how somebody can sign in, beside one-time links.
func (c *Console) waysIn(o state.Operator) string {
	var ways []string
	if o.Password != "" {
		ways = append(ways, "password")
	}
	switch {
	case c.OIDC != nil && o.Identity != "":
		ways = append(ways, c.OIDC.name())
	case c.OIDC != nil:
		ways = append(ways, c.OIDC.name()+", not used yet")
	}
	if len(ways) == 0 {
		return "one-time links alone"
	}
	return strings.Join(ways, "; ")
}

// lastSignIns returns when operators last signed in, as far as the latest deeds tell.
func (c *Console) lastSignIns(ctx context.Context) (map[string]time.Time, error) {
	deeds, err := c.Store.ListDeeds(ctx, state.Scope{}, 0, signInsBack)
	last := map[string]time.Time{}
	for _, d := range deeds {
		if d.What == deedSignedIn && last[d.Actor].IsZero() {
			last[d.Actor] = d.At
		}
	}
	return last, err
}

// sessions counts in how many browsers each operator is signed in.
func (c *Console) sessions(ctx context.Context) (map[string]int, error) {
	all, err := c.Store.ListSessions(ctx)
	count := map[string]int{}
	for _, s := range all {
		count[s.Operator]++
	}
	return count, err
}

func (c *Console) addOperator(w http.ResponseWriter, r *http.Request) {
	name, role := strings.TrimSpace(r.PostForm.Get("name")), state.Role(r.PostForm.Get("role"))
	access := c.access(visitorOf(r).Name)
	known, err := access.Find(r.Context(), name)
	switch {
	case role != state.RoleViewer && role != state.RoleOperator:
		c.done(w, r, accessPath, "", "Choose viewer or operator. Nobody was added.")
		return
	case err == nil && known.DisabledAt.IsZero():
		c.done(w, r, accessPath, "", "An operator of that name is there already. Nothing was changed.")
		return
	case CheckOperatorName(name) != nil:
		c.done(w, r, accessPath, "", sentence(CheckOperatorName(name))+" Nobody was added.")
		return
	}
	if _, err := access.Add(r.Context(), name, role); err != nil {
		c.fail(w, r, err)
		return
	}
	c.makeSignInLink(w, r)
}

func (c *Console) changeRole(w http.ResponseWriter, r *http.Request) {
	name, role := r.PostForm.Get("name"), state.Role(r.PostForm.Get("role"))
	if sameName(name, visitorOf(r).Name) {
		c.done(w, r, accessPath, "", "You cannot change your own role. Have another operator do it.")
		return
	}
	if role != state.RoleViewer && role != state.RoleOperator {
		c.done(w, r, accessPath, "", "Choose viewer or operator. Nothing was changed.")
		return
	}
	c.changed(w, r, c.access(visitorOf(r).Name).ChangeRole(r.Context(), name, role), "The role was changed.")
}

func (c *Console) disableOperator(w http.ResponseWriter, r *http.Request) {
	if sameName(r.PostForm.Get("name"), visitorOf(r).Name) {
		c.done(w, r, accessPath, "", "You cannot disable yourself. Have another operator do it, or: rollcall operators disable NAME.")
		return
	}
	_, err := c.access(visitorOf(r).Name).Disable(r.Context(), r.PostForm.Get("name"))
	c.changed(w, r, err, "They are signed out everywhere and cannot sign in any more.")
}

// changed tells what a change of an operator came to.
func (c *Console) changed(w http.ResponseWriter, r *http.Request, err error, flash string) {
	if errors.Is(err, ErrNoOperator) || errors.Is(err, ErrDisabled) {
		c.done(w, r, accessPath, "", sentence(err)+" Nothing was changed.")
		return
	}
	if err != nil {
		c.fail(w, r, err)
		return
	}
	c.done(w, r, accessPath, flash, "")
}

// newLink shows a sign-in link, once: it is in no cookie and in no URL but its own.
type newLink struct {
	Name    string
	URL     string
	Expires time.Time
}

func (newLink) crumbs() []crumb { return []crumb{{"Operators", accessPath}} }

func (c *Console) makeSignInLink(w http.ResponseWriter, r *http.Request) {
	name := strings.TrimSpace(r.PostForm.Get("name"))
	path, expires, err := c.access(visitorOf(r).Name).Link(r.Context(), name, pageLinkLife)
	if err != nil {
		c.changed(w, r, err, "")
		return
	}
	c.show(w, r, "access-link", newLink{Name: name, URL: c.URL.JoinPath(path).String(), Expires: expires})
}

// sentence makes a sentence of an error for people.
func sentence(err error) string {
	return explain.Sentence(capital(err.Error()))
}
