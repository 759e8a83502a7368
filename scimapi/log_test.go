package scimapi_test

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"

	"rollcall/scimapi"
	"rollcall/state/statetest"
)

// TestLogTellsWhatIsRefused: requests that are turned away are warned of, once a minute; a failed push is told with its scimType, and
// how long it took has a unit.
func TestLogTellsWhatIsRefused(t *testing.T) {
	var log bytes.Buffer
	clock := newClock()
	r := newReceiver(t, statetest.NewModel(), clock.rule, rated(1), func(c *scimapi.Config) {
		c.Log = slog.New(slog.NewTextHandler(&log, nil))
	})
	lines := func(parts ...string) (n int) {
		for line := range strings.Lines(log.String()) {
			all := true
			for _, part := range parts {
				all = all && strings.Contains(line, part)
			}
			if all {
				n++
			}
		}
		return n
	}
	wants := func(want int, parts ...string) {
		t.Helper()
		if n := lines(parts...); n != want {
			t.Errorf("%d lines with %q, want %d:\n%s", n, parts, want, log.String())
		}
	}
	r.must(t, 400, "POST", "/Users", `{"userName":1}`)
	wants(1, "level=INFO", "status=400", "scim_type=invalidValue", "took_seconds=")
	for range 3 {
		r.must(t, 401, "GET", "/Users", "", "Authorization", "Bearer nothing")
	}
	wants(1, "level=WARN", "status=401")
	for r.do(t, "GET", "/auth/scim/Users", "").status != 429 {
	}
	r.must(t, 429, "GET", "/Users", "")
	wants(1, "level=WARN", "status=429", "source="+acme.Source)
	clock.advance(time.Minute)
	for range 2 {
		r.must(t, 401, "GET", "/Users", "", "Authorization", "Bearer nothing")
	}
	wants(2, "level=WARN", "status=401")
}
