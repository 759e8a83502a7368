package entra_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"rollcall/connectors"
	"rollcall/connectors/entra"
)

const (
	tenantID = "6f1d8a2e-0000-4000-8000-000000000001"
	appID    = "6f1d8a2e-0000-4000-8000-000000000002"
	spID     = "6f1d8a2e-0000-4000-8000-000000000003"
	groupID  = "6f1d8a2e-0000-4000-8000-000000000004"
	groupTwo = "6f1d8a2e-0000-4000-8000-000000000005"
	token    = "eyJ0b2tlbiI6ImZha2UifQ"
)

// person is the object id of the n-th person.
func person(n int) string { return fmt.Sprintf("6f1d8a2e-0000-4000-9000-%012d", n) }

// user is the n-th person as Graph shows them.
func user(n int) string {
	return fmt.Sprintf(`{"id":%q,"accountEnabled":true,"userPrincipalName":"p%d@acme.example","displayName":"P %d"}`, person(n), n, n)
}

func row(kind, id string) string {
	return fmt.Sprintf(`{"id":"row-%s","principalId":%q,"principalType":%q,"principalDisplayName":"Sales","appRoleId":"00000000-0000-0000-0000-000000000000"}`, id, id, kind)
}

func list(items ...string) string { return `{"value":[` + strings.Join(items, ",") + `]}` }

// more is a list with a link to the next page.
func more(next string, items ...string) string {
	return fmt.Sprintf(`{"@odata.nextLink":%q,"value":[%s]}`, next, strings.Join(items, ","))
}

// fake is a server for the odd answers of one test: each path, without /v1.0, has a queue of answers, of which the last is repeated.
type fake struct {
	t      *testing.T
	server *httptest.Server
	sleeps []time.Duration

	mu      sync.Mutex
	answers map[string][]http.HandlerFunc
	seen    []string // method and URI of each request
	headers []http.Header
	bodies  []string
	items   []string // URL of each request of a batch that was answered by path
}

// newFake is a directory with one assigned group that holds the first person.
func newFake(t *testing.T) *fake {
	f := &fake{t: t, answers: map[string][]http.HandlerFunc{}}
	f.server = httptest.NewServer(f)
	t.Cleanup(f.server.Close)
	f.on(servicePrincipal, ok(`{"id":"`+spID+`"}`))
	f.on(assignedTo, ok(list(row("Group", groupID))))
	f.on(members, ok(list(user(1))))
	f.on(batchPath, f.byPath)
	return f
}

const (
	servicePrincipal = "/servicePrincipals(appId='" + appID + "')"
	assignedTo       = "/servicePrincipals/" + spID + "/appRoleAssignedTo"
	members          = "/groups/" + groupID + "/members/graph.user"
	batchPath        = "/$batch"
)

func (f *fake) on(path string, answers ...http.HandlerFunc) { f.answers[path] = answers }

func (f *fake) url(path string) string { return f.server.URL + "/v1.0" + path }

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	f.mu.Lock()
	f.seen = append(f.seen, r.Method+" "+r.URL.RequestURI())
	f.headers = append(f.headers, r.Header.Clone())
	f.bodies = append(f.bodies, string(body))
	f.mu.Unlock()
	r.Body = io.NopCloser(strings.NewReader(string(body)))
	f.next(strings.TrimPrefix(r.URL.Path, "/v1.0"))(w, r)
}

// next is the next answer of a path.
func (f *fake) next(path string) http.HandlerFunc {
	f.mu.Lock()
	defer f.mu.Unlock()
	queue := f.answers[path]
	if len(queue) > 1 {
		f.answers[path] = queue[1:]
	}
	if len(queue) == 0 {
		return status(http.StatusNotFound, `{"error":{"code":"Request_ResourceNotFound","message":"not there"}}`)
	}
	return queue[0]
}

// byPath answers each request of a batch as if it had come alone.
func (f *fake) byPath(w http.ResponseWriter, r *http.Request) {
	batch(func(url string) string {
		f.mu.Lock()
		f.items = append(f.items, url)
		f.mu.Unlock()
		one := httptest.NewRecorder()
		request := httptest.NewRequest(http.MethodGet, "/v1.0"+url, nil)
		f.next(strings.TrimPrefix(request.URL.Path, "/v1.0"))(one, request)
		body := one.Body.String()
		if !json.Valid([]byte(body)) {
			body = fmt.Sprintf("%q", body)
		}
		return fmt.Sprintf(`"status":%d,"headers":{"Retry-After":%q},"body":%s`, one.Code, one.Header().Get("Retry-After"), body)
	})(w, r)
}

func ok(body string) http.HandlerFunc { return status(http.StatusOK, body) }

func status(code int, body string, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json; odata.metadata=minimal")
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(code)
		io.WriteString(w, body)
	}
}

func (f *fake) config() entra.Config {
	return entra.Config{
		TenantID: tenantID, AppID: appID, AccessToken: always(token), GraphURL: f.server.URL + "/v1.0",
		SleepFunc: func(ctx context.Context, d time.Duration) error { f.sleeps = append(f.sleeps, d); return ctx.Err() },
	}
}

// always is a secret that never changes.
func always(text string) func() (string, error) { return func() (string, error) { return text, nil } }

func (f *fake) open(change ...func(*entra.Config)) *entra.Connector {
	f.t.Helper()
	cfg := f.config()
	for _, c := range change {
		c(&cfg)
	}
	c, err := entra.Open(cfg)
	if err != nil {
		f.t.Fatal(err)
	}
	return c
}

// pull pulls with a deep copy of everyone who was passed.
func pull(t *testing.T, c *entra.Connector, attributes ...string) ([]connectors.Person, connectors.Proof, error) {
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

// batch answers each request of a batch on its own.
func batch(answer func(url string) string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var body struct {
			Requests []struct{ ID, Method, URL string }
		}
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			status(http.StatusBadRequest, `{"error":{"code":"BadRequest","message":"Invalid batch payload format."}}`)(w, r)
			return
		}
		responses := make([]string, 0, len(body.Requests))
		for i := len(body.Requests) - 1; i >= 0; i-- { // in another order than asked
			request := body.Requests[i]
			if response := answer(request.URL); response != "" {
				responses = append(responses, fmt.Sprintf(`{"id":%q,%s}`, request.ID, response))
			}
		}
		ok(`{"responses":[`+strings.Join(responses, ",")+`]}`)(w, r)
	}
}

// missing is a batch item's answer about an object that is not there.
const missing = `"status":404,"headers":{},"body":{"error":{"code":"Request_ResourceNotFound","message":"Resource does not exist."}}`
