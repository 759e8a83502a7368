package okta_test

import (
	"encoding/json"
	"net/http/httptest"
	"testing"
	"time"

	"rollcall/connectors/idpsim"
	"rollcall/connectors/idpsim/okta"
)

// BenchmarkAppUsersPage renders pages of 500 assignments with their users out of a million. Its limit: the time to decode the same
// page with encoding/json. What is reported as decode/render must stay far above 1, or the simulator is itself what is measured.
func BenchmarkAppUsersPage(b *testing.B) {
	pop := idpsim.New(idpsim.Options{Seed: 1, People: 1_000_000})
	api := okta.New(pop, okta.Options{})
	r := httptest.NewRequest("GET", "/api/v1/apps/"+pop.OktaAppID()+"/users?limit=500&expand=user", nil)
	r.Header.Set("Authorization", "SSWS token")
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
		var rows []struct {
			ID, ExternalID, Status string
			Profile                map[string]any
			Embedded               struct{ User struct{ Status string } } `json:"_embedded"`
		}
		if err := json.Unmarshal(page, &rows); err != nil || len(rows) != 500 {
			b.Fatal(len(rows), err)
		}
	}
	b.ReportMetric(float64(time.Since(start)/rounds)/float64(render), "decode/render")
	b.ReportMetric(float64(render)/500, "ns/user")
}
