package okta_test

import (
	"net/http"
	"net/http/httptest"
	"testing"

	"rollcall/connectors/idpsim"
	"rollcall/connectors/idpsim/okta"
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

// BenchmarkAppUsersPage renders pages of 500 assignments with their users out of a million. Its limit: what a puller needs to decode
// such a page, which the JSON decoder does at some 100 MB/s; the simulator must be far below that, or it is itself what is measured.
func BenchmarkAppUsersPage(b *testing.B) {
	pop := idpsim.New(idpsim.Options{Seed: 1, People: 1_000_000})
	api := okta.New(pop, okta.Options{})
	r := httptest.NewRequest("GET", "/api/v1/apps/"+pop.OktaAppID()+"/users?limit=500&expand=user", nil)
	r.Header.Set("Authorization", "SSWS token")
	w := &nowhere{header: http.Header{}}
	b.ReportAllocs()
	for b.Loop() {
		clear(w.header)
		api.ServeHTTP(w, r)
	}
	b.SetBytes(int64(w.bytes / b.N))
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/500, "ns/user")
}
