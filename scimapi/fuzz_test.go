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
	"rollcall/state/scim"
	"rollcall/state/statetest"
)

// FuzzHandler sends anything to a receiver that holds a user and a group, USER and GROUP in paths and bodies. Whatever comes, the answer
// is JSON, a failure has SCIM's form, nothing is answered with a 5xx but what is declared so, and the receiver goes on. What a strict source
// is answered with success, a lenient one is too.
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
		strict := newFuzzed(t, speaking(scimapi.Strict))
		named = strings.NewReplacer("USER", strict.user, "GROUP", strict.group)
		if status := strict.send(method, named.Replace(target), named.Replace(body)).status; status < 300 && got.status != status {
			t.Errorf("a strict source is answered %d, a lenient one %d: %s", status, got.status, got.body)
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

func newFuzzed(t *testing.T, adjust ...func(*scimapi.Config)) *fuzzed {
	store := statetest.NewModel()
	config := scimapi.Config{
		Store:   store,
		Sources: func(string) (scimapi.Source, bool) { return scimapi.Source{Tenant: acme.Tenant}, true },
		Limits:  scimapi.Limits{Body: 64 << 10},
		Log:     slog.New(slog.NewTextHandler(io.Discard, nil)),
	}
	for _, change := range adjust {
		change(&config)
	}
	handler, err := scimapi.New(config)
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
	h.user = h.create(t, "/Users", `{"schemas":["`+scim.UserURN+`"],"userName":"ada@acme.example","emails":[{"type":"work","value":"ada@acme.example"}]}`)
	h.group = h.create(t, "/Groups", `{"schemas":["`+scim.GroupURN+`"],"displayName":"Team","members":[{"value":"`+h.user+`"}]}`)
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
	req.Header.Set("Authorization", "Bearer "+h.key)
	req.Header.Set("Content-Type", "application/scim+json")
	w := httptest.NewRecorder()
	h.handler.ServeHTTP(w, req)
	return answer{w.Code, w.Header(), w.Body.Bytes()}
}

// FuzzAuthorization shows anything in place of a key: KEY and TOKEN stand for what opens, in the few forms that are understood.
func FuzzAuthorization(f *testing.F) {
	for _, seed := range []string{"", "KEY", "Bearer KEY", "bearer  KEY ", "Bearer Bearer KEY", "Bearer Bearer Bearer KEY", "Bearer TOKEN", "TOKEN", "Basic KEY", "Bearer KEYx",
		"Bearer rollcall_at_", "Bearer rollcall_", "Bearer TOKENA", "Bearer \x00KEY", "BearerKEY"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, shown string) {
		h := newFuzzed(t)
		w := httptest.NewRecorder()
		ask := httptest.NewRequest("POST", "/auth/token", strings.NewReader(clientForm(acme.Source, h.key)))
		ask.Header.Set("Content-Type", form)
		h.handler.ServeHTTP(w, ask)
		var g grant
		if err := json.Unmarshal(w.Body.Bytes(), &g); err != nil || g.Token == "" {
			t.Fatalf("%v: %s", err, w.Body.Bytes())
		}
		words := strings.Fields(shown)
		for len(words) > 0 && strings.EqualFold(words[0], "bearer") {
			words = words[1:]
		}
		opens := len(words) == 1 && (words[0] == "KEY" || words[0] == "TOKEN")
		header := strings.NewReplacer("KEY", h.key, "TOKEN", g.Token).Replace(shown)
		req := httptest.NewRequest("GET", "/auth/scim/Users", nil)
		req.Header["Authorization"] = []string{header}
		w = httptest.NewRecorder()
		h.handler.ServeHTTP(w, req)
		switch {
		case w.Code == 200 && !opens:
			t.Errorf("%q opens", shown)
		case w.Code != 200 && w.Code != 401:
			t.Errorf("%q: status %d", shown, w.Code)
		}
	})
}

// FuzzCursor goes on with any cursor: it is the one that was given out, or it is refused.
func FuzzCursor(f *testing.F) {
	f.Add("", "")
	f.Add("AAAA", "filter=title+pr")
	f.Add("CURSOR", "")
	f.Add("CURSOR", "sortBy=title&count=1")
	f.Add("CURSORA", "count=2")
	f.Fuzz(func(t *testing.T, cursor, more string) {
		h := newFuzzed(t)
		h.create(t, "/Users", `{"schemas":["`+scim.UserURN+`"],"userName":"bob"}`)
		var page struct{ NextCursor string }
		if err := json.Unmarshal(h.send("GET", "/Users?cursor=&count=1", "").body, &page); err != nil || page.NextCursor == "" {
			t.Fatal(err)
		}
		text := strings.ReplaceAll(cursor, "CURSOR", page.NextCursor)
		got := h.send("GET", "/Users?cursor="+url.QueryEscape(text)+"&"+more, "")
		if got.status != 200 && got.status != 400 {
			t.Errorf("status %d: %s", got.status, got.body)
		}
		if got.status == 200 && text != "" && text != page.NextCursor {
			t.Errorf("%q is taken: %s", cursor, got.body)
		}
	})
}
