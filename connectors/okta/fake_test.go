package okta_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"rollcall/connectors"
	"rollcall/connectors/okta"
)

const (
	appID = "0oa1gjh63g214q0Hq0g4"
	token = "00QCjAl4MlV-WPXM"
	app   = "/api/v1/apps/" + appID
	users = app + "/users"

	features = app + "/features/USER_PROVISIONING"
	pushes   = app + "/group-push/mappings"

	schemaPath = "/api/v1/meta/schemas/apps/" + appID + "/default"
)

// groupID is the id of the n-th group.
func groupID(n int) string { return fmt.Sprintf("00g%017d", n) }

// pushOf is the push mapping of the n-th group.
func pushOf(n int, status string) string {
	return fmt.Sprintf(`{"id":"gPm%d","sourceGroupId":%q,"targetGroupId":"x","status":%q,"lastPush":"2026-03-02T10:00:0%dZ","errorSummary":""}`, n, groupID(n), status, n)
}

// feature is the feature USER_PROVISIONING: whether it creates, updates and deactivates.
func feature(create, update, deactivate string) string {
	return fmt.Sprintf(`{"name":"USER_PROVISIONING","status":"ENABLED","capabilities":{"create":{"lifecycleCreate":{"status":%q}},
		"update":{"profile":{"status":%q},"lifecycleDeactivate":{"status":%q},"password":{"status":"DISABLED"}}}}`, create, update, deactivate)
}

// given is a secret that stays the same.
func given(secret string) func() (string, error) {
	return func() (string, error) { return secret, nil }
}

// noKey is a private key that Open must not read.
func noKey() ([]byte, error) { panic("a secret is read") }

// person is the id of the n-th person.
func person(n int) string { return fmt.Sprintf("00u%017d", n) }

// appUser is the n-th person's app user, active unless statuses say otherwise: of the user, of the app user.
func appUser(n int, statuses ...string) string {
	user, assigned := "ACTIVE", "ACTIVE"
	if len(statuses) > 0 {
		user = statuses[0]
	}
	if len(statuses) > 1 {
		assigned = statuses[1]
	}
	return fmt.Sprintf(`{"id":%q,"externalId":"acc%d","status":%q,"credentials":{"userName":"p%d@acme.example"},"profile":{"displayName":"P %d"},"_embedded":{"user":%s}}`,
		person(n), n, assigned, n, n, oktaUser(n, user))
}

func oktaUser(n int, status string) string {
	return fmt.Sprintf(`{"id":%q,"status":%q,"profile":{"login":"p%d@acme.example"}}`, person(n), status, n)
}

func list(items ...string) string { return "[" + strings.Join(items, ",") + "]" }

const notFound = `{"errorCode":"E0000007","errorSummary":"Not found: Resource not found: x (AppUser)","errorId":"x","errorCauses":[]}`

// fake is a server for the odd answers of one test: each path has a queue of answers, of which the last is repeated.
type fake struct {
	t      *testing.T
	server *httptest.Server
	sleeps []time.Duration

	mu      sync.Mutex
	answers map[string][]http.HandlerFunc
	seen    []string // method and URI of each request
	headers []http.Header
}

// newFake is an org with an active application and one person.
func newFake(t *testing.T) *fake {
	f := &fake{t: t, answers: map[string][]http.HandlerFunc{}}
	f.server = httptest.NewServer(f)
	t.Cleanup(f.server.Close)
	f.on(app, ok(`{"id":"`+appID+`","status":"ACTIVE"}`))
	f.on(users, ok(list(appUser(1))))
	return f
}

// provisioned gives the org everything that may be read beside people, and one pushed group, with a member.
func (f *fake) provisioned() {
	f.on(features, ok(feature("ENABLED", "ENABLED", "ENABLED")))
	f.on(pushes, ok(list(pushOf(1, "ACTIVE"))))
	f.on("/api/v1/groups/"+groupID(1), ok(`{"id":"`+groupID(1)+`","profile":{"name":"Sales"}}`))
	f.on("/api/v1/groups/"+groupID(1)+"/users", ok(list(oktaUser(1, "ACTIVE"))))
	f.on(schemaPath, ok(`{"definitions":{"base":{"properties":{"userName":{"type":"string"}}},"custom":{"properties":{}}}}`))
	f.on("/api/v1/mappings", ok(`[{"id":"prm1"}]`))
	f.on("/api/v1/mappings/prm1", ok(`{"id":"prm1","properties":{"title":{"expression":"user.title","pushStatus":"PUSH"}}}`))
	f.log()
}

func (f *fake) on(path string, answers ...http.HandlerFunc) { f.answers[path] = answers }

// link is a Link header line to a later page of the app users.
func (f *fake) link(after string) string {
	return "<" + f.server.URL + users + "?after=" + after + `&expand=user&limit=500>; rel="next"`
}

func (f *fake) self() string {
	return "<" + f.server.URL + users + `?expand=user&limit=500>; rel="self"`
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	f.seen = append(f.seen, r.Method+" "+r.URL.RequestURI())
	f.headers = append(f.headers, r.Header.Clone())
	queue := f.answers[r.URL.Path]
	if len(queue) > 1 {
		f.answers[r.URL.Path] = queue[1:]
	}
	f.mu.Unlock()
	if len(queue) == 0 {
		status(http.StatusNotFound, notFound)(w, r)
		return
	}
	queue[0](w, r)
}

// log gives the org a System Log: each page of events leads to the next, and the last, an empty one, to itself.
func (f *fake) log(pages ...string) {
	f.on("/api/v1/logs", func(w http.ResponseWriter, r *http.Request) {
		query := r.URL.Query()
		at, _ := strconv.Atoi(query.Get("after"))
		if query.Has("since") == query.Has("after") {
			status(400, `{"errorCode":"E0000001","errorSummary":"since and after exclude each other"}`)(w, r)
			return
		}
		page := "[]"
		if at < len(pages) {
			page = pages[at]
			at++
		}
		query.Del("since")
		query.Set("after", strconv.Itoa(at))
		ok(page, "<"+f.server.URL+r.URL.RequestURI()+`>; rel="self"`, "<"+f.server.URL+"/api/v1/logs?"+query.Encode()+`>; rel="next"`)(w, r)
	})
}

// asked are the requests for a path, so far.
func (f *fake) asked(path string) (seen []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, request := range f.seen {
		if at, _, _ := strings.Cut(strings.TrimPrefix(request, "GET "), "?"); at == path {
			seen = append(seen, request)
		}
	}
	return seen
}

func ok(body string, links ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		for _, link := range links {
			w.Header().Add("Link", link)
		}
		io.WriteString(w, body)
	}
}

func status(code int, body string, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(code)
		io.WriteString(w, body)
	}
}

func (f *fake) config() okta.Config {
	return okta.Config{
		OrgURL: f.server.URL, AppID: appID, APIToken: given(token),
		SleepFunc: func(ctx context.Context, d time.Duration) error { f.sleeps = append(f.sleeps, d); return ctx.Err() },
	}
}

func (f *fake) open(change ...func(*okta.Config)) *okta.Connector {
	f.t.Helper()
	cfg := f.config()
	for _, c := range change {
		c(&cfg)
	}
	c, err := okta.Open(cfg)
	if err != nil {
		f.t.Fatal(err)
	}
	return c
}

// pull pulls with a deep copy of everyone who was passed.
func pull(t *testing.T, c *okta.Connector, attributes ...string) ([]connectors.Person, connectors.Proof, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	var people []connectors.Person
	proof, err := c.Pull(ctx, connectors.Want{Scope: connectors.Assigned, Attributes: attributes}, func(page []connectors.Person) error {
		for _, p := range page {
			p.Values = append([]connectors.Value(nil), p.Values...)
			people = append(people, p)
		}
		return nil
	})
	if proof.Complete != (err == nil) || (proof.Reason == "") != (err == nil) {
		t.Errorf("the proof contradicts the error: %+v, %v", proof, err)
	}
	if proof.People != len(people) {
		t.Errorf("%d people passed, the proof says %d", len(people), proof.People)
	}
	return people, proof, err
}

func ids(people []connectors.Person) (ids []string) {
	for _, p := range people {
		ids = append(ids, p.ID)
	}
	return ids
}
