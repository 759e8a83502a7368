package okta_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"rollcall/connectors/connectortest"
	"rollcall/connectors/idpsim"
)

func BenchmarkPull(b *testing.B) { connectortest.Benchmark(b, harness, bare) }

// bare reads all app users.
func bare(b *testing.B, address string, population *idpsim.Population) int {
	people := 0
	next := address + "/api/v1/apps/" + population.OktaAppID() + "/users?limit=500&expand=user"
	for next != "" {
		req, err := http.NewRequest(http.MethodGet, next, nil)
		if err != nil {
			b.Fatal(err)
		}
		req.Header.Set("Authorization", "SSWS "+connectortest.Token)
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			b.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != http.StatusOK {
			b.Fatalf("%s: %s %v", next, resp.Status, err)
		}
		var page []struct {
			ID, ExternalID, Status string
			Credentials            struct{ UserName string }
			Profile                struct{ DisplayName, FamilyName, Email *string }
			Embedded               struct {
				User struct {
					ID, Status, TransitioningToStatus string
					Profile                           struct{ Login string }
				}
			} `json:"_embedded"`
		}
		if err := json.Unmarshal(body, &page); err != nil {
			b.Fatal(err)
		}
		people += len(page)
		next = ""
		for _, link := range resp.Header.Values("Link") {
			if target, _, ok := strings.Cut(link, `>; rel="next"`); ok {
				next = target[1:]
			}
		}
	}
	return people
}
