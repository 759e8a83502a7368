package scimapi_test

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rollcall/scimapi"
	"rollcall/state"
	"rollcall/state/scim"
	"rollcall/state/sqlite"
	"rollcall/state/statetest"
)

var (
	acme   = state.Scope{Tenant: "acme", Source: "acme-entra"}
	globex = state.Scope{Tenant: "globex", Source: "globex-okta"}
	former = state.Scope{Tenant: "initech", Source: "initech-okta"} // no longer configured
)

// stores are what every behaviour is tried against.
var stores = map[string]func(testing.TB) statetest.Store{
	"model": func(testing.TB) statetest.Store { return statetest.NewModel() },
	"sqlite": func(t testing.TB) statetest.Store {
		db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "record.db"), sqlite.Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() {
			if err := db.Close(); err != nil {
				t.Error(err)
			}
		})
		return db
	},
}

// receiver is a handler on a loopback listener, with a key for each source.
type receiver struct {
	store   statetest.Store
	handler *scimapi.Handler
	url     string
	client  *http.Client // of its own: httptest closes the connections of the default one when any server goes
	key     string       // of acme
	counts  *counts
}

// newReceiver starts a receiver; adjust may change its configuration before.
func newReceiver(t testing.TB, store statetest.Store, adjust ...func(*scimapi.Config)) *receiver {
	t.Helper()
	r := &receiver{store: store, counts: newCounts()}
	config := scimapi.Config{
		Store: store,
		Sources: func(name string) (scimapi.Source, bool) {
			switch name {
			case acme.Source:
				return scimapi.Source{Tenant: acme.Tenant}, true
			case globex.Source:
				return scimapi.Source{Tenant: globex.Tenant}, true
			}
			return scimapi.Source{}, false
		},
		Metrics: r.counts,
		Limits:  scimapi.Limits{Body: 256 << 10},
		Log:     slog.New(slog.NewTextHandler(testWriter{t}, nil)),
	}
	for _, change := range adjust {
		change(&config)
	}
	handler, err := scimapi.New(config)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	r.handler, r.url, r.client = handler, server.URL, server.Client()
	for _, scope := range []state.Scope{acme, globex, former} {
		if _, err := store.EnsureSource(context.Background(), scope, "entra"); err != nil {
			t.Fatal(err)
		}
	}
	r.key = r.issue(t, acme, func(*state.Key) {})
	return r
}

// issue makes a key and returns its text.
func (r *receiver) issue(t testing.TB, scope state.Scope, adjust func(*state.Key)) string {
	t.Helper()
	text, key := state.NewKey(scope)
	key.CreatedAt = time.Now()
	adjust(&key)
	if err := r.store.PutKey(context.Background(), key); err != nil {
		t.Fatal(err)
	}
	return text
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// do sends a request with acme's key; headers come in pairs and replace what is sent by default.
func (r *receiver) do(t testing.TB, method, path, body string, headers ...string) answer {
	t.Helper()
	req, err := http.NewRequest(method, r.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+r.key)
	if body != "" {
		req.Header.Set("Content-Type", "application/scim+json")
	}
	for i := 0; i < len(headers); i += 2 {
		if headers[i+1] == "" && headers[i] != "User-Agent" {
			req.Header.Del(headers[i])
			continue
		}
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := r.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	data, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{res.StatusCode, res.Header, data}
}

// must is do with the status that is wanted; it returns the body, decoded.
func (r *receiver) must(t testing.TB, status int, method, path, body string, headers ...string) map[string]any {
	t.Helper()
	got := r.do(t, method, "/auth/scim"+path, body, headers...)
	if got.status != status {
		t.Fatalf("%s %s: status %d, want %d: %s", method, path, got.status, status, got.body)
	}
	if len(got.body) == 0 {
		return nil
	}
	var decoded map[string]any
	if err := json.Unmarshal(got.body, &decoded); err != nil {
		t.Fatalf("%s %s: %v: %s", method, path, err, got.body)
	}
	return decoded
}

// createUser makes a user and returns its id.
func (r *receiver) createUser(t testing.TB, name string) string {
	t.Helper()
	return r.must(t, http.StatusCreated, "POST", "/Users", `{"userName":"`+name+`"}`)["id"].(string)
}

// testWriter shows the log of a test that fails.
type testWriter struct{ t testing.TB }

func (w testWriter) Write(line []byte) (int, error) {
	w.t.Log(strings.TrimSpace(string(line)))
	return len(line), nil
}

// mustNormalize brings a user into canonical form.
func mustNormalize(text string) scim.Value {
	value, err := scim.ReadJSON([]byte(text), scim.DefaultLimits)
	if err != nil {
		panic(err)
	}
	normal, err := scim.UserType().Normalize(value)
	if err != nil {
		panic(err)
	}
	return normal.Resource
}
