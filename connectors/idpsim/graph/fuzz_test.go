package graph_test

import (
	"encoding/json"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"rollcall/connectors/idpsim"
	"rollcall/connectors/idpsim/graph"
)

// FuzzQuery asks for users, members and changes with any query: the answer is always JSON, and never a server error.
func FuzzQuery(f *testing.F) {
	for _, q := range []string{
		"$top=2&$select=id,mail", "$filter=id in ('a','b')", "$filter=accountEnabled eq true and mail eq 'x''y'", "$skiptoken=YWZ0ZXI6Mg",
		"$deltatoken=latest", "$skiptoken=eyJmIjotMSwidCI6MH0", "$skiptoken=eyJmIjo5LCJ0IjotNCwiYSI6OTk5OTk5OTk5OTk5OTk5OTk5OX0", "$filter=(", "$count=true",
		"$expand=manager($select=id)", "$expand=manager(", "$select=members,displayName", "$select=manager", "$filter=id eq 'a' or id eq 'b'",
		"$skiptoken=eyJmIjotMSwidCI6MCwibSI6OTIyMzM3MjAzNjg1NDc3NTgwN30", "$deltatoken=eyJmIjowLCJ0IjowLCJoIjo1LCJnIjoyfQ",
	} {
		f.Add(q, true)
	}
	pop := idpsim.New(idpsim.Options{Seed: 1, People: 5, Groups: 1})
	api := graph.New(pop, graph.Options{})
	var group string
	pop.Read(func(v *idpsim.View) { group = string(idpsim.AppendGUID(nil, v.Group(0).GUID())) })
	f.Fuzz(func(t *testing.T, query string, eventual bool) {
		values, err := url.ParseQuery(query)
		if err != nil {
			return
		}
		for _, path := range []string{"/v1.0/users", "/v1.0/users/delta", "/v1.0/groups/delta", "/v1.0/groups/" + group + "/members", "/v1.0/servicePrincipals"} {
			r := httptest.NewRequest("GET", path, nil)
			r.URL.RawQuery = values.Encode()
			r.Header.Set("Authorization", "Bearer token")
			if eventual {
				r.Header.Set("ConsistencyLevel", "eventual")
			}
			w := httptest.NewRecorder()
			api.ServeHTTP(w, r)
			if w.Code != 200 && w.Code != 400 || !json.Valid(w.Body.Bytes()) {
				t.Fatalf("%s?%s: %d %s", path, r.URL.RawQuery, w.Code, w.Body)
			}
		}
	})
}

// FuzzBatch posts anything as a batch.
func FuzzBatch(f *testing.F) {
	f.Add(batchOf("/users", "/users/x", "nonsense"))
	f.Add(`{"requests":[{"id":"1","method":"POST","url":"/$batch","headers":{"a":"b"},"body":{"requests":[]}}]}`)
	f.Add(`{"requests":[{"id":"1","method":"\u0000","url":"%zz"}]}`)
	api := graph.New(idpsim.New(idpsim.Options{Seed: 1, People: 2}), graph.Options{})
	f.Fuzz(func(t *testing.T, body string) {
		w := httptest.NewRecorder()
		r := httptest.NewRequest("POST", "/v1.0/$batch", strings.NewReader(body))
		r.Header.Set("Authorization", "Bearer token")
		api.ServeHTTP(w, r)
		if w.Code != 200 && w.Code != 400 || !json.Valid(w.Body.Bytes()) {
			t.Fatalf("%s: %d %s", body, w.Code, w.Body)
		}
	})
}
