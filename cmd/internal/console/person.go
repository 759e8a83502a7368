package console

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"rollcall/state"
	"rollcall/sync/explain"
)

// What operators do about one person that changes no account by itself: state.Deed.What.
const (
	deedPersonSynced = "person_synced"
	deedPersonAsked  = "person_asked"
)

func (c *Console) personRoutes(mux *http.ServeMux) {
	mux.HandleFunc("GET /users/{id}", c.aboutPerson(c.account, c.person))
	mux.HandleFunc("GET /users/{id}/raw", c.aboutPerson(c.account, c.personRaw))
	mux.HandleFunc("POST /users/{id}/sync", c.operator(c.aboutPerson(c.account, c.syncPerson)))
	mux.HandleFunc("POST /users/{id}/ask", c.operator(c.aboutPerson(c.account, c.askPerson)))
	mux.HandleFunc("GET /sources/{source}/people/{person}", c.aboutPerson(c.stranger, c.person))
	mux.HandleFunc("POST /sources/{source}/people/{person}/ask", c.operator(c.aboutPerson(c.stranger, c.askPerson)))
	for _, h := range handWords {
		mux.HandleFunc("GET /users/{id}/"+string(h.Hand), c.operator(c.aboutPerson(c.account, h.preview(c))))
		mux.HandleFunc("POST /users/{id}/"+string(h.Hand), c.operator(c.aboutPerson(c.account, h.lay(c))))
	}
}

// aboutPerson finds whom a page is about and has it answered. Nobody under the id, or a problem of the page, is told.
func (c *Console) aboutPerson(find func(*http.Request) (explain.Subject, error), answer func(http.ResponseWriter, *http.Request, *explain.Subject) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		subject, err := find(r)
		if err == nil {
			err = answer(w, r, &subject)
		}
		if moved := (movedPage{}); errors.As(err, &moved) {
			http.Redirect(w, r, moved.URL, http.StatusSeeOther)
		} else if err != nil {
			c.fail(w, r, err)
		}
	}
}

// movedPage says that a page is elsewhere.
type movedPage struct{ URL string }

func (movedPage) Error() string { return "the page is elsewhere" }

// account finds whom the id in a path means: an account, its tombstone, or one that was purged.
func (c *Console) account(r *http.Request) (explain.Subject, error) {
	id := state.ID(r.PathValue("id"))
	scope, kind, err := c.whose(r.Context(), id)
	switch {
	case err != nil:
		return explain.Subject{}, err
	case kind == state.KindGroup:
		return explain.Subject{}, movedPage{pageOf("", id)}
	}
	return explain.ByID(r.Context(), c.Store, scope, id)
}

// stranger finds whom the object id in a path means: somebody without an account, or the account that has its own page.
func (c *Console) stranger(r *http.Request) (explain.Subject, error) {
	source, ok := c.source(r.PathValue("source"))
	if !ok {
		return explain.Subject{}, state.ErrNotFound
	}
	subject, err := explain.ByPerson(r.Context(), c.Store, source.Scope, r.PathValue("person"))
	if err == nil && subject.Account != "" && r.Method == http.MethodGet {
		err = movedPage{pageOf(subject.Account, "")}
	}
	return subject, err
}

// whose finds the source of an account or a group by its id, also of one that was purged, as long as the journal tells of it.
func (c *Console) whose(ctx context.Context, id state.ID) (state.Scope, state.Kind, error) {
	scope, kind, err := c.Store.Locate(ctx, id)
	if !errors.Is(err, state.ErrNotFound) {
		return scope, kind, err
	}
	for _, source := range c.Sources() {
		entries, err := c.Store.LastEntries(ctx, source.Scope, id, 1)
		if err != nil {
			return state.Scope{}, 0, fmt.Errorf("look for a purged record in source %s: %w", source.Scope.Source, err)
		}
		if len(entries) > 0 {
			return source.Scope, entries[0].Kind, nil
		}
	}
	return state.Scope{}, 0, state.ErrNotFound
}

// personPage answers: why is, or isn't, somebody in?
type personPage struct {
	Life     explain.Life
	Record   state.Record // zero without one
	Marks    []string
	Facts    []factSection
	External string // id
	Groups   []link
	GroupSum int
	GroupsAt pages
	Line     timeline
	Hands    []handWord // what may be done
	Asks     bool       // the provider can be asked
	Syncs    bool       // and the account synced
	Now      *nowView
}

// Name is what people call them.
func (p *personPage) Name() string {
	return cmp.Or(p.Life.Name, p.Life.UserName, p.Life.Person, string(p.Life.Account))
}

// Title says whether somebody is in, and why: the first part of the sentence that tells it. More is the rest. Called and Is are the title's
// two parts: what a provider called them is told as it stands, whatever it looks like.
func (p *personPage) Title() string  { return p.Called() + p.Is() }
func (p *personPage) Called() string { return harmless(p.Name()) }
func (p *personPage) Is() string     { is, _ := p.sentence(); return is }
func (p *personPage) More() string   { _, more := p.sentence(); return more }

func (p *personPage) sentence() (is, more string) {
	is, more, _ = strings.Cut(strings.TrimSuffix(harmless(p.Life.Sentence), "."), "; ")
	first, size := utf8.DecodeRuneInString(is)
	is = string(unicode.ToLower(first)) + strings.Replace(is[size:], ", because ", " because ", 1)
	if more != "" {
		more = capital(more) + "."
	}
	return " is " + is, more
}

// URL is the page's own.
func (p *personPage) URL() string {
	if p.Life.Account != "" {
		return pageOf(p.Life.Account, "")
	}
	return "/sources/" + url.PathEscape(p.Life.Source) + "/people/" + url.PathEscape(p.Life.Person)
}

// Live tells whether there is an account; a tombstone is none.
func (p *personPage) Live() bool { return p.Record.ID != "" && p.Record.DeletedAt.IsZero() }

// CreatedAt, ModifiedAt and Version are the record's.
func (p *personPage) CreatedAt() time.Time  { return p.Record.CreatedAt }
func (p *personPage) ModifiedAt() time.Time { return p.Record.ModifiedAt }

func (p *personPage) crumbs() []crumb {
	return []crumb{{"Users", "/users"}, {p.Life.Source, "/users?source=" + url.QueryEscape(p.Life.Source)}}
}

// groupsShown is how many groups of a person a page lists.
const groupsShown = 30

func (c *Console) person(w http.ResponseWriter, r *http.Request, s *explain.Subject) error {
	page, err := c.readPerson(r, s)
	if err == nil {
		c.show(w, r, "user", page)
	}
	return err
}

func (c *Console) readPerson(r *http.Request, s *explain.Subject) (*personPage, error) {
	ctx, from := r.Context(), offset(r, "from")
	life, err := explain.ReadLife(ctx, c.Store, *s, from+eventsRead)
	if err != nil {
		return nil, err
	}
	page := &personPage{Life: life, Record: s.Record, Marks: marksOf(&s.Record)}
	if s.Record.ID != "" {
		resource := c.Users().Project(resourceOf(s.Record.Resource), everything)
		page.External = resource.Get("externalId").Text
		page.Facts = c.factsOf(ctx, s.Scope, c.Users(), resource)
		if err := page.readGroups(r, c, s); err != nil {
			return nil, err
		}
	}
	page.Line = c.timeline(life.Events, from, life.Older, page.URL())
	source, _ := c.source(s.Scope.Source) // one that there is not can't be asked
	page.Asks = pullable(source) && s.Person != ""
	page.Syncs = pullable(source) && page.Live()
	if page.Live() {
		page.Hands = handsFor(&s.Record)
	}
	return page, nil
}

func (p *personPage) readGroups(r *http.Request, c *Console, s *explain.Subject) error {
	groups, err := c.Store.GroupsOf(r.Context(), s.Scope, s.Record.ID)
	if err != nil {
		return fmt.Errorf("read groups: %w", err)
	}
	p.GroupSum = len(groups)
	from := min(offset(r, "groups"), len(groups))
	to := min(from+groupsShown, len(groups))
	for _, g := range groups[from:to] {
		p.Groups = append(p.Groups, link{pageOf("", g.ID), harmless(cmp.Or(g.Name, string(g.ID)))})
	}
	p.GroupsAt = pagesOf(p.URL(), "groups", from, to, len(groups))
	return nil
}

// pages are the ways through a part of a page.
type pages struct{ First, Next string }

// pagesOf makes them for a part that shows from..to of all.
func pagesOf(path, name string, from, to, all int) pages {
	var p pages
	if from > 0 {
		p.First = path
	}
	if to < all {
		p.Next = path + "?" + name + "=" + strconv.Itoa(to)
	}
	return p
}

// farthest bounds how far back a page of a part may begin.
const farthest = 10_000_000

// offset reads how many rows of a part come before the page.
func offset(r *http.Request, name string) int {
	n, err := strconv.Atoi(r.URL.Query().Get(name))
	if err != nil {
		return 0
	}
	return min(max(n, 0), farthest)
}

// syncPerson has one account pulled and repaired.
func (c *Console) syncPerson(w http.ResponseWriter, r *http.Request, s *explain.Subject) error {
	by, back := visitorOf(r).Name, link{pageOf(s.Account, ""), "To the account"}
	done, err := c.Work.SyncPerson(r.Context(), s.Scope, s.Account, by)
	if err != nil {
		c.refuse(w, r, "The account was not synced", err, back)
		return nil
	}
	c.decided(r.Context(), state.Deed{Actor: by, What: deedPersonSynced, Scope: s.Scope, Subject: string(s.Account)})
	c.tellDone(w, r, done, back)
	return nil
}

// nowView is what the provider says at this moment.
type nowView struct {
	*explain.Now
	Mapped  []mappedRow
	Changes []diffLine
}

type mappedRow struct{ Target, Value, Error string }

// askPerson asks the provider about somebody and shows their page with the answer. It changes nothing.
func (c *Console) askPerson(w http.ResponseWriter, r *http.Request, s *explain.Subject) error {
	page, err := c.readPerson(r, s)
	if err != nil {
		return err
	}
	now, err := c.Work.Ask(r.Context(), *s)
	if err != nil {
		c.refuse(w, r, "The provider was not asked", err, link{page.URL(), "Back"})
		return nil
	}
	c.note(r.Context(), state.Deed{Actor: visitorOf(r).Name, What: deedPersonAsked, Scope: s.Scope, Subject: cmp.Or(string(s.Account), s.Person)})
	page.Now = &nowView{Now: now}
	for _, m := range now.Mapped {
		page.Now.Mapped = append(page.Now.Mapped, mappedRow{m.Target, shownValue(m.Value), harmless(m.Error)})
	}
	for i := range now.Changes {
		change := now.Changes[i].Brief()
		page.Now.Changes = append(page.Now.Changes, diffOf(&change)...)
	}
	c.show(w, r, "user", page)
	return nil
}
