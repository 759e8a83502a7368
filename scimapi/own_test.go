package scimapi_test

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"rollcall/scimapi"
	"rollcall/state"
	"rollcall/state/scim"
	"rollcall/state/statetest"
)

// still is a store that answers at once, always with the same account.
type still struct {
	statetest.Store
	key state.Key
	rec state.Record
}

func (s *still) KeyByHash(context.Context, state.KeyHash) (state.Key, error) { return s.key, nil }
func (s *still) Record(context.Context, state.Scope, state.Kind, state.ID) (state.Record, error) {
	return s.rec, nil
}
func (s *still) Find(context.Context, state.Scope, state.Kind, state.MatchKey) ([]state.Record, error) {
	return []state.Record{s.rec}, nil
}
func (s *still) Count(context.Context, state.Scope, state.Kind) (int, error) { return 100, nil }
func (s *still) Scan(_ context.Context, _ state.Scope, _ state.Kind, _ int64, _, limit int, yield func(state.Record) bool) error {
	for i := 0; i < min(limit, 100) && yield(s.rec); i++ {
	}
	return nil
}
func (s *still) Write(_ state.Urgency, mutations []state.Mutation) ([]state.Result, error) {
	return []state.Result{{Changed: true, Record: s.rec}}, nil
}

// silent is a http.ResponseWriter that keeps nothing.
type silent struct{ header http.Header }

func (w *silent) Header() http.Header         { return w.header }
func (w *silent) WriteHeader(int)             {}
func (w *silent) Write(p []byte) (int, error) { return len(p), nil }

// BenchmarkHandler measures what the receiver itself costs: no network, and a store that answers at once. The limit to hold it against is
// BenchmarkReceiver: what is not here goes to net/http and to the store.
func BenchmarkHandler(b *testing.B) {
	text, key := state.NewKey(acme)
	key.LastUsedAt = time.Now().Add(time.Hour)
	s := &still{Store: statetest.NewModel(), key: key}
	resource := mustNormalize(userBody("ada")).With("active", scim.Value{})
	s.rec = state.Record{Row: 1, ID: state.NewID(), Kind: state.KindAccount, Version: 3, Name: "Given Family", Resource: resource.AppendJSON(nil), Said: true, InForce: true,
		CreatedAt: time.Now(), ModifiedAt: time.Now()}
	handler, err := scimapi.New(scimapi.Config{
		Store: s, Log: slog.New(slog.DiscardHandler),
		Sources: func(string) (scimapi.Source, bool) {
			return scimapi.Source{Tenant: acme.Tenant, Rate: 1e9}, true
		},
	})
	if err != nil {
		b.Fatal(err)
	}
	id := string(s.rec.ID)
	for _, c := range []struct{ name, method, path, body string }{
		{"lookup", "GET", "/Users?filter=userName+eq+%22ada@acme.example%22&startIndex=1&count=100", ""},
		{"read", "GET", "/Users/" + id, ""},
		{"projected", "GET", "/Users/" + id + "?attributes=userName,name.givenName", ""},
		{"create", "POST", "/Users", userBody("ada")},
		{"patch", "PATCH", "/Users/" + id, `{"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"],"Operations":[{"op":"Replace","path":"title","value":"x"}]}`},
		{"put", "PUT", "/Users/" + id, userBody("eve")},
		{"page", "GET", "/Users?startIndex=1&count=100", ""},
		{"member", "PATCH", "/Groups/" + id, `{"Operations":[{"op":"add","path":"members","value":[{"value":"` + id + `"}]}]}`},
	} {
		b.Run(c.name, func(b *testing.B) {
			w := &silent{header: http.Header{}}
			req := httptest.NewRequest(c.method, "/auth/scim"+c.path, nil)
			req.Header.Set("Authorization", "Bearer "+text)
			req.Header.Set("Content-Type", "application/scim+json")
			b.ReportAllocs()
			for b.Loop() {
				req.Body = io.NopCloser(strings.NewReader(c.body))
				handler.ServeHTTP(w, req)
			}
		})
	}
}
