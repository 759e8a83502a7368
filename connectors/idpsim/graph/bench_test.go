package graph_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"rollcall/connectors/idpsim"
	"rollcall/connectors/idpsim/graph"
)

const wanted = "?$top=999&$select=id,accountEnabled,userPrincipalName,displayName,mobilePhone"

// benchPage renders pages of 999 users out of a million. Its limit: the time to decode the same page with encoding/json. What is
// reported as decode/render must stay far above 1, or the simulator is itself what is measured.
func benchPage(b *testing.B, target string, pop *idpsim.Population) {
	api := graph.New(pop, graph.Options{})
	r := httptest.NewRequest("GET", target, nil)
	r.Header.Set("Authorization", "Bearer token")
	b.ReportAllocs()
	var page []byte
	for b.Loop() {
		w := httptest.NewRecorder()
		api.ServeHTTP(w, r)
		page = w.Body.Bytes()
	}
	render := b.Elapsed() / time.Duration(b.N)
	b.SetBytes(int64(len(page)))
	const rounds = 10
	start := time.Now()
	for range rounds {
		var answer struct {
			Value []struct {
				ID, UserPrincipalName, DisplayName, MobilePhone string
				AccountEnabled                                  bool
			}
		}
		if err := json.Unmarshal(page, &answer); err != nil || len(answer.Value) != 999 {
			b.Fatal(len(answer.Value), err)
		}
	}
	b.ReportMetric(float64(time.Since(start)/rounds)/float64(render), "decode/render")
	b.ReportMetric(float64(render)/999, "ns/user")
}

func BenchmarkUsersPage(b *testing.B) {
	benchPage(b, "/v1.0/users"+wanted, idpsim.New(idpsim.Options{Seed: 1, People: 1_000_000}))
}

func BenchmarkMembersPage(b *testing.B) {
	pop := idpsim.New(idpsim.Options{Seed: 1, People: 1_000_000, Groups: 20})
	var group string
	pop.Read(func(v *idpsim.View) { group = string(idpsim.AppendGUID(nil, v.Group(0).GUID())) })
	benchPage(b, "/v1.0/groups/"+group+"/members/graph.user"+wanted, pop)
}

// BenchmarkUsersPageOverLoopback is a page with HTTP around it, as a puller in another process meets it.
func BenchmarkUsersPageOverLoopback(b *testing.B) {
	server := httptest.NewServer(graph.New(idpsim.New(idpsim.Options{Seed: 1, People: 100_000}), graph.Options{}))
	defer server.Close()
	r, err := http.NewRequest("GET", server.URL+"/v1.0/users"+wanted, nil)
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
