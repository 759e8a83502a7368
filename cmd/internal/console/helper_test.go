package console

import (
	"cmp"
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/html"

	"rollcall/state"
	"rollcall/state/scim"
	"rollcall/state/sqlite"
	"rollcall/state/statetest"
	"rollcall/sync/explain"
	"rollcall/sync/plan"
)

// fixture is a console on a record of its own, with a Work that only notes what it was asked for.
type fixture struct {
	t       testing.TB
	store   *sqlite.Store
	clock   *statetest.Clock
	work    *fakeWork
	console *Console
	sources []Source // as configured; set them before the request
}

var (
	acme   = state.Scope{Tenant: "acme", Source: "acme-entra"}
	globex = state.Scope{Tenant: "globex", Source: "globex-okta"}

	olga   = visitor{Name: "olga@example.com", Role: state.RoleOperator, CSRF: "csrf-of-olga"}
	victor = visitor{Name: "victor@example.com", Role: state.RoleViewer, CSRF: "csrf-of-victor"}
	byPush = state.Cause{Kind: state.CausePush, Actor: "key-1"}
)

// newFixture makes a console with two sources, acme-entra that pulls and globex-okta that is push-only, and nobody in them.
func newFixture(t testing.TB) *fixture {
	t.Helper()
	f := &fixture{t: t, clock: statetest.NewClockAt(time.Date(2026, 3, 4, 9, 0, 0, 0, time.UTC)), work: &fakeWork{}}
	store, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "rollcall.db"), sqlite.Options{Now: f.clock.Now})
	f.must(err)
	t.Cleanup(func() { store.Close() })
	f.store = store
	f.sources = []Source{
		{Scope: acme, Setup: explain.Setup{Configured: true, Pulls: true, Kind: "entra"}, Groups: "pushed", People: "assigned"},
		{Scope: globex, Setup: explain.Setup{Configured: true, Kind: "okta"}, Groups: "off", People: "assigned"},
	}
	for _, s := range f.sources {
		_, err := f.store.EnsureSource(t.Context(), s.Scope, s.Kind)
		f.must(err)
	}
	f.console, err = New(Config{
		Store: f.store, Work: f.work, Sources: func() []Source { return f.sources }, Users: scim.UserType,
		Version: "test", Loopback: true, URL: &url.URL{Scheme: "http", Host: "127.0.0.1:8081"}, ReceiverURL: "https://api.example.com/auth/scim", ReceiverPath: "/auth/scim",
		SetupURL: "https://api.example.com", Now: f.clock.Now, Log: slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
	f.must(err)
	return f
}

func (f *fixture) must(err error) {
	f.t.Helper()
	if err != nil {
		f.t.Fatal(err)
	}
}

// write carries out mutations, a minute after what was before, and returns the records.
func (f *fixture) write(mutations ...state.Mutation) []state.Record {
	f.t.Helper()
	f.clock.Advance(time.Minute)
	results, err := f.store.Write(state.Bulk, mutations)
	f.must(err)
	records := make([]state.Record, len(results))
	for i, r := range results {
		f.must(r.Err)
		records[i] = r.Record
	}
	return records
}

// account records an account as a push of this resource makes it.
func (f *fixture) account(scope state.Scope, resource string) state.Record {
	f.t.Helper()
	return f.write(state.Mutation{Scope: scope, Kind: state.KindAccount, ID: state.NewID(), Cause: byPush, Put: &state.Put{Resource: f.value(resource)}})[0]
}

// group records a group with members.
func (f *fixture) group(scope state.Scope, name string, members ...state.ID) state.Record {
	f.t.Helper()
	return f.write(state.Mutation{Scope: scope, Kind: state.KindGroup, ID: state.NewID(), Cause: byPush,
		Put:     &state.Put{Resource: scim.ObjectOf(scim.Field{Name: "displayName", Value: scim.StringValue(name)})},
		Members: &state.Members{Add: members}})[0]
}

// life changes an account's life.
func (f *fixture) life(r state.Record, scope state.Scope, cause state.Cause, life state.Life) state.Record {
	f.t.Helper()
	return f.write(state.Mutation{Scope: scope, Kind: state.KindAccount, ID: r.ID, Cause: cause, Life: &life})[0]
}

func (f *fixture) value(resource string) scim.Value {
	f.t.Helper()
	v, err := scim.ReadJSON([]byte(resource), scim.DefaultLimits)
	f.must(err)
	return v
}

// get asks for a page as somebody.
func (f *fixture) get(as visitor, path string) *page {
	f.t.Helper()
	return f.do(as, httptest.NewRequest(http.MethodGet, path, nil))
}

// post sends a form as somebody: names and values in turn.
func (f *fixture) post(as visitor, path string, form ...string) *page {
	f.t.Helper()
	values := url.Values{"csrf": {as.CSRF}}
	for i := 0; i+1 < len(form); i += 2 {
		values.Add(form[i], form[i+1])
	}
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(values.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return f.do(as, r)
}

// do has a request answered behind the guard: who asks is given, not found out.
func (f *fixture) do(as visitor, r *http.Request) *page {
	f.t.Helper()
	w := httptest.NewRecorder()
	f.console.routes().ServeHTTP(w, withVisitor(r, as))
	return &page{t: f.t, status: w.Code, header: w.Header(), body: w.Body.String()}
}

// page is an answer as its reader sees it.
type page struct {
	t      testing.TB
	status int
	header http.Header
	body   string
}

var blanks = regexp.MustCompile(`\s+`)

// text is what can be read on the page, its title apart, blanks folded.
func (p *page) text() string {
	p.t.Helper()
	var b strings.Builder
	p.each(func(n *html.Node) {
		if n.Type == html.TextNode && n.Parent.Data != "title" && n.Parent.Data != "script" && n.Parent.Data != "style" {
			b.WriteString(n.Data + " ")
		}
	})
	return strings.TrimSpace(blanks.ReplaceAllString(b.String(), " "))
}

// each calls visit for every node of the page.
func (p *page) each(visit func(*html.Node)) {
	p.t.Helper()
	root, err := html.Parse(strings.NewReader(p.body))
	if err != nil {
		p.t.Fatal(err)
	}
	for n := range root.Descendants() {
		visit(n)
	}
}

// values lists an attribute of all elements of a name: values("a", "href") are the links.
func (p *page) values(element, attribute string) []string {
	p.t.Helper()
	var list []string
	p.each(func(n *html.Node) {
		if n.Type != html.ElementNode || n.Data != element {
			return
		}
		for _, a := range n.Attr {
			if a.Key == attribute {
				list = append(list, a.Val)
			}
		}
	})
	return list
}

// title is the text of the page's one heading of the first order.
func (p *page) title() string {
	p.t.Helper()
	var titles []string
	p.each(func(n *html.Node) {
		if n.Type != html.ElementNode || n.Data != "h1" {
			return
		}
		var b strings.Builder
		for inner := range n.Descendants() {
			if inner.Type == html.TextNode {
				b.WriteString(inner.Data)
			}
		}
		titles = append(titles, strings.TrimSpace(blanks.ReplaceAllString(b.String(), " ")))
	})
	if len(titles) != 1 {
		p.t.Errorf("the page has %d headings of the first order: %q", len(titles), titles)
		return ""
	}
	return titles[0]
}

// shows fails the test unless the page has the status and each of the texts can be read on it.
func (p *page) shows(status int, texts ...string) *page {
	p.t.Helper()
	if p.status != status {
		p.t.Errorf("status %d, want %d: %s", p.status, status, p.body)
	}
	seen := p.text()
	for _, text := range texts {
		if !strings.Contains(seen, text) {
			p.t.Errorf("the page does not show %q:\n%s", text, seen)
		}
	}
	return p
}

// hides fails the test if one of the texts can be read on the page.
func (p *page) hides(texts ...string) *page {
	p.t.Helper()
	seen := p.text()
	for _, text := range texts {
		if strings.Contains(seen, text) {
			p.t.Errorf("the page shows %q:\n%s", text, seen)
		}
	}
	return p
}

// fakeWork notes what it was asked for, and answers what it was told to.
type fakeWork struct {
	mu    sync.Mutex
	asked []string // method, subject and operator of each call
	seen  string   // of the last decision

	reviewed Reviewed
	plan     plan.Plan
	done     Done
	now      *explain.Now
	progress []Progress
	err      error
	refuse   error // of what changes something
}

func (w *fakeWork) note(words ...string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.asked = append(w.asked, strings.Join(words, " "))
}

func (w *fakeWork) Review(_ context.Context, planID string) (Reviewed, error) {
	w.note("review", planID)
	return w.reviewed, w.err
}

func (w *fakeWork) Approve(_ context.Context, planID, seen, by string) (Done, error) {
	w.note("approve", planID, by)
	w.seen = seen
	return w.done, cmp.Or(w.refuse, w.err)
}

func (w *fakeWork) Discard(_ context.Context, planID, seen, by string) (Done, error) {
	w.note("discard", planID, by)
	w.seen = seen
	return w.done, cmp.Or(w.refuse, w.err)
}

func (w *fakeWork) Undo(_ context.Context, run, by string, dryRun bool) (plan.Plan, Done, error) {
	if dryRun {
		w.note("preview", run, by)
	} else {
		w.note("undo", run, by)
	}
	return w.plan, w.done, w.err
}

func (w *fakeWork) SyncPerson(_ context.Context, scope state.Scope, account state.ID, by string) (Done, error) {
	w.note("sync", scope.Source, string(account), by)
	return w.done, w.err
}

func (w *fakeWork) SyncSource(_ context.Context, scope state.Scope, by string) error {
	w.note("sync", scope.Source, by)
	return w.err
}

func (w *fakeWork) Ask(_ context.Context, subject explain.Subject) (*explain.Now, error) {
	w.note("ask", subject.Scope.Source, subject.Person)
	return w.now, w.err
}

func (w *fakeWork) Watch(_ context.Context, source string, tell func(Progress) bool) {
	w.note("watch", source)
	for _, p := range w.progress {
		if !tell(p) {
			return
		}
	}
}
