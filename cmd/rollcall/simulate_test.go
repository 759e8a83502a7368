package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"rollcall/connectors/idpsim"
	"rollcall/connectors/idpsim/push"
)

// TestSimulatedPushes: --wide sends more attributes, and a provider that runs for long keeps none of its requests.
func TestSimulatedPushes(t *testing.T) {
	var mu sync.Mutex
	var sent strings.Builder
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		sent.Write(body)
		if r.Method != http.MethodGet {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "application/scim+json")
		_, _ = io.WriteString(w, `{"schemas":["urn:ietf:params:scim:api:messages:2.0:ListResponse"],"totalResults":0,"Resources":[]}`)
	}))
	defer receiver.Close()
	env := func(string) (string, bool) { return "the-key", true }
	for _, test := range []struct {
		flags simulateFlags
		wide  bool
	}{{simulateFlags{}, false}, {simulateFlags{wide: true}, true}} {
		sent.Reset()
		test.flags.push, test.flags.key = receiver.URL, "env:KEY"
		pusher, err := (&app{env: env}).pusher("entra", test.flags, idpsim.New(idpsim.Options{Seed: 1, People: 5}))
		if err != nil {
			t.Fatal(err)
		}
		_ = pusher.Cycle(t.Context()) // every creation is refused: it is the requests that matter
		if n := len(pusher.(forgetful).pusher.(*push.Entra).Log()); n != 0 {
			t.Errorf("%d requests are kept after the cycle", n)
		}
		if !strings.Contains(sent.String(), `"displayName"`) || strings.Contains(sent.String(), `"department"`) != test.wide {
			t.Errorf("wide %t: another mapping was sent: %.500s", test.wide, &sent)
		}
	}
}
