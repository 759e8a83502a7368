package scimapi_test

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"testing"

	"rollcall/scimapi"
	"rollcall/state"
	"rollcall/state/statetest"
)

// FuzzHandler sends anything to a receiver that holds a user and a group, USER and GROUP in paths and bodies. Whatever comes, the answer
// is JSON, a failure has SCIM's form, nothing is answered with a 5xx but what is declared so, and the receiver goes on.
func FuzzHandler(f *testing.F) {
	for _, file := range corpusFiles(f) {
		var ex exchange
		data, err := os.ReadFile(file)
		if err == nil {
			err = json.Unmarshal(data, &ex)
		}
		if err != nil {
			f.Fatal(err)
		}
		for _, s := range ex.Steps {
			target := s.Path + s.URL
			if s.Query != nil {
				target += "?filter=" + url.QueryEscape(s.Query["filter"])
			}
			named := strings.NewReplacer("${id}", "USER", "${group}", "GROUP", "${a}", "USER", "${boss}", "USER")
			f.Add(s.Method, named.Replace(target), named.Replace(string(s.Body)))
		}
	}
	f.Fuzz(func(t *testing.T, method, target, body string) {
		h := newFuzzed(t)
		named := strings.NewReplacer("USER", h.user, "GROUP", h.group)
		got := h.send(method, named.Replace(target), named.Replace(body))
		switch {
		case got.status >= 400:
			if err := isError(got); err != nil {
				t.Errorf("%v: %s", err, got.body)
			}
		case len(got.body) > 0 && !json.Valid(got.body):
			t.Errorf("no JSON: %s", got.body)
		}
		if got.status >= 500 && got.status != http.StatusNotImplemented {
			t.Errorf("status %d: %s", got.status, got.body)
		}
		for _, list := range []string{"/Users", "/Groups"} {
			if got := h.send("GET", list, ""); got.status != 200 || !json.Valid(got.body) {
				t.Errorf("%s afterwards: %d %s", list, got.status, got.body)
			}
		}
	})
}

// fuzzed is a receiver without a network.
type fuzzed struct {
	handler          http.Handler
	key, user, group string
}

func newFuzzed(t *testing.T) *fuzzed {
	store := statetest.NewModel()
	handler, err := scimapi.New(scimapi.Config{
		Store:   store,
		Sources: func(string) (scimapi.Source, bool) { return scimapi.Source{Tenant: acme.Tenant}, true },
		Limits:  scimapi.Limits{Body: 64 << 10},
		Log:     slog.New(slog.NewTextHandler(io.Discard, nil)),
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := store.EnsureSource(context.Background(), acme, "entra"); err != nil {
		t.Fatal(err)
	}
	text, key := state.NewKey(acme)
	if err := store.PutKey(context.Background(), key); err != nil {
		t.Fatal(err)
	}
	h := &fuzzed{handler: handler, key: text}
	h.user = h.create(t, "/Users", `{"userName":"ada@acme.example","emails":[{"type":"work","value":"ada@acme.example"}]}`)
	h.group = h.create(t, "/Groups", `{"displayName":"Team","members":[{"value":"`+h.user+`"}]}`)
	return h
}

func (h *fuzzed) create(t *testing.T, path, body string) string {
	var created struct{ ID string }
	got := h.send("POST", path, body)
	if err := json.Unmarshal(got.body, &created); err != nil || created.ID == "" {
		t.Fatalf("%v: %s", err, got.body)
	}
	return created.ID
}

func (h *fuzzed) send(method, target, body string) answer {
	path, query, _ := strings.Cut(target, "?")
	if !strings.HasPrefix(path, "/auth/scim") {
		path = "/auth/scim" + path
	}
	req := httptest.NewRequest("GET", "/", strings.NewReader(body))
	req.Method = method
	req.URL = &url.URL{Path: path, RawQuery: query}
	req.Header.Set("Authorization", h.key)
	w := httptest.NewRecorder()
	h.handler.ServeHTTP(w, req)
	return answer{w.Code, w.Header(), w.Body.Bytes()}
}
