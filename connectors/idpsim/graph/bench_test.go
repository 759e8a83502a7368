package graph_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"rollcall/connectors/idpsim"
	"rollcall/connectors/idpsim/graph"
)

// nowhere is an http.ResponseWriter that counts.
type nowhere struct {
	header http.Header
	bytes  int
}

func (w *nowhere) Header() http.Header { return w.header }
func (w *nowhere) WriteHeader(int)     {}
func (w *nowhere) Write(b []byte) (int, error) {
	w.bytes += len(b)
	return len(b), nil
}

// benchPage renders pages of 999 users out of a million. Its limit: what a puller needs to decode such a page, which the JSON
// decoder does at some 100 MB/s; the simulator must be far below that, or it is itself what is measured.
func benchPage(b *testing.B, target string, population idpsim.Options) {
	api := graph.New(idpsim.New(population), graph.Options{})
	r := httptest.NewRequest("GET", target, nil)
	r.Header.Set("Authorization", "Bearer token")
	w := &nowhere{header: http.Header{}}
	b.ReportAllocs()
	for b.Loop() {
		api.ServeHTTP(w, r)
	}
	b.SetBytes(int64(w.bytes / b.N))
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/999, "ns/user")
}

func BenchmarkUsersPage(b *testing.B) {
	benchPage(b, "/v1.0/users?$top=999&$select=id,accountEnabled,userPrincipalName,displayName,mobilePhone",
		idpsim.Options{Seed: 1, People: 1_000_000})
}

func BenchmarkMembersPage(b *testing.B) {
	population := idpsim.Options{Seed: 1, People: 1_000_000, Groups: 20}
	var group string
	idpsim.New(population).Read(func(v *idpsim.View) { group = string(idpsim.AppendGUID(nil, v.Group(0).GUID())) })
	benchPage(b, "/v1.0/groups/"+group+"/members/graph.user?$top=999&$select=id,accountEnabled,userPrincipalName,displayName,mobilePhone", population)
}

// BenchmarkUsersPageOverLoopback is the same with HTTP around it, as a puller in another process meets it.
func BenchmarkUsersPageOverLoopback(b *testing.B) {
	server := httptest.NewServer(graph.New(idpsim.New(idpsim.Options{Seed: 1, People: 100_000}), graph.Options{}))
	defer server.Close()
	r, err := http.NewRequest("GET", server.URL+"/v1.0/users?$top=999&$select=id,accountEnabled,userPrincipalName,displayName,mobilePhone", nil)
	if err != nil {
		b.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer token")
	for b.Loop() {
		a, err := http.DefaultClient.Do(r)
		if err != nil {
			b.Fatal(err)
		}
		n, _ := io.Copy(io.Discard, a.Body)
		b.SetBytes(n)
		_ = a.Body.Close()
	}
}
