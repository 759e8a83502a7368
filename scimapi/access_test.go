package scimapi_test

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"rollcall/scimapi"
	"rollcall/state"
	"rollcall/state/scim"
	"rollcall/state/statetest"
)

func TestRevokedKeyOpensNothingAtOnce(t *testing.T) {
	r := newReceiver(t, statetest.NewModel())
	r.must(t, 200, "GET", "/Users", "")
	keys, err := r.store.ListKeys(context.Background(), acme)
	if err != nil || len(keys) != 1 {
		t.Fatal(keys, err)
	}
	if err := r.store.RevokeKey(context.Background(), acme, keys[0].ID); err != nil {
		t.Fatal(err)
	}
	r.must(t, 401, "GET", "/Users", "")
}

func TestKeyExpires(t *testing.T) {
	var now atomic.Pointer[time.Time]
	set := func(at time.Time) { now.Store(&at) }
	start := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	set(start)
	r := newReceiver(t, statetest.NewModel(), func(c *scimapi.Config) { c.Now = func() time.Time { return *now.Load() } })
	short := r.issue(t, globex, func(k *state.Key) { k.ExpiresAt = start.Add(time.Hour) })
	set(start.Add(time.Hour - time.Second))
	r.must(t, 200, "GET", "/Users", "", "Authorization", short)
	set(start.Add(time.Hour))
	r.must(t, 401, "GET", "/Users", "", "Authorization", short)
}

func TestKeyUseIsNotedOnceAMinute(t *testing.T) {
	var minutes atomic.Int64
	start := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	model := statetest.NewModel()
	s := &spy{Store: model}
	r := newReceiver(t, s, func(c *scimapi.Config) {
		c.Now = func() time.Time { return start.Add(time.Duration(minutes.Load()) * 20 * time.Second) }
	})
	for range 10 { // 200 seconds in steps of 20
		r.must(t, 200, "GET", "/Users", "")
		minutes.Add(1)
	}
	if s.touched != 4 {
		t.Errorf("noted %d times in 200 seconds, want 4", s.touched)
	}
}

func TestRateLimit(t *testing.T) {
	var seconds atomic.Int64
	start := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	r := newReceiver(t, statetest.NewModel(), func(c *scimapi.Config) {
		c.Now = func() time.Time { return start.Add(time.Duration(seconds.Load()) * time.Second) }
		c.Sources = func(name string) (scimapi.Source, bool) {
			if name == acme.Source {
				return scimapi.Source{Tenant: acme.Tenant, Rate: 2}, true
			}
			return scimapi.Source{Tenant: globex.Tenant}, true
		}
	})
	other := r.issue(t, globex, func(*state.Key) {})
	for range 4 {
		r.must(t, 200, "GET", "/Users", "")
	}
	refused := r.do(t, "GET", "/auth/scim/Users", "")
	if refused.status != http.StatusTooManyRequests {
		t.Fatalf("status %d, want 429", refused.status)
	}
	if err := isError(refused); err != nil {
		t.Error(err)
	}
	if after, err := strconv.Atoi(refused.header.Get("Retry-After")); err != nil || after < 1 {
		t.Errorf("Retry-After %q, want a whole number of seconds", refused.header.Get("Retry-After"))
	}
	for range 20 {
		r.must(t, 200, "GET", "/Users", "", "Authorization", other)
	}
	seconds.Add(1)
	r.must(t, 200, "GET", "/Users", "")
}

func TestStoreFailures(t *testing.T) {
	s := &spy{Store: statetest.NewModel()}
	r := newReceiver(t, s)
	id := r.createUser(t, "ada@acme.example")
	cases := []struct {
		name   string
		err    error
		status int
		retry  bool
	}{
		{"unknown", errors.New("disk on fire"), 500, false},
		{"closed", state.ErrClosed, 503, true},
		{"panic", nil, 500, false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			s.before.record = func() error {
				if c.err == nil {
					panic("disk on fire")
				}
				return c.err
			}
			got := r.do(t, "GET", "/auth/scim/Users/"+id, "")
			s.before.record = nil
			if got.status != c.status {
				t.Fatalf("status %d, want %d", got.status, c.status)
			}
			if err := isError(got); err != nil {
				t.Error(err)
			}
			if strings.Contains(string(got.body), "fire") {
				t.Errorf("the answer tells of the inside: %s", got.body)
			}
			if (got.header.Get("Retry-After") != "") != c.retry {
				t.Errorf("Retry-After %q", got.header.Get("Retry-After"))
			}
			r.must(t, 200, "GET", "/Users/"+id, "")
		})
	}
	s.before.key = func() error { return errors.New("disk on fire") }
	r.must(t, 503, "GET", "/Users/"+id, "")
}

func TestLocations(t *testing.T) {
	cases := []struct {
		name    string
		adjust  func(*scimapi.Config)
		headers []string
		want    string // "" = the address asked
	}{
		{name: "as asked"},
		{name: "public URL", adjust: func(c *scimapi.Config) { c.PublicURL = "https://api.example.com/" }, want: "https://api.example.com/auth/scim"},
		{name: "forwarded by a stranger", headers: []string{"X-Forwarded-Proto", "https", "X-Forwarded-Host", "evil.example"}},
		{
			name:    "forwarded by a proxy",
			adjust:  func(c *scimapi.Config) { c.TrustedProxies = prefixes("127.0.0.0/8", "::1/128") },
			headers: []string{"X-Forwarded-Proto", "https", "X-Forwarded-Host", "api.example.com, inner.example"},
			want:    "https://api.example.com/auth/scim",
		},
		{
			name:    "a proxy that says something odd",
			adjust:  func(c *scimapi.Config) { c.TrustedProxies = prefixes("127.0.0.0/8", "::1/128") },
			headers: []string{"X-Forwarded-Proto", "javascript"},
		},
		{name: "another proxy", adjust: func(c *scimapi.Config) { c.TrustedProxies = prefixes("10.0.0.0/8") }, headers: []string{"X-Forwarded-Host", "evil.example"}},
		{name: "another base", adjust: func(c *scimapi.Config) { c.BasePath = "/scim/"; c.PublicURL = "https://api.example.com" }, want: "https://api.example.com/scim"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			adjust := c.adjust
			if adjust == nil {
				adjust = func(*scimapi.Config) {}
			}
			r := newReceiver(t, statetest.NewModel(), adjust)
			want, path := c.want, "/auth/scim/Users"
			if want == "" {
				want = r.url + "/auth/scim"
			}
			if strings.HasSuffix(want, "com/scim") {
				path = "/scim/Users"
			}
			got := r.do(t, "POST", path, `{"userName":"ada@acme.example"}`, c.headers...)
			if location := got.header.Get("Location"); got.status != 201 || !strings.HasPrefix(location, want+"/Users/") {
				t.Errorf("status %d, Location %q, want it to begin with %q", got.status, location, want)
			}
		})
	}
}

func TestNewRefuses(t *testing.T) {
	whole := scimapi.Config{Store: statetest.NewModel(), Sources: func(string) (scimapi.Source, bool) { return scimapi.Source{}, false }}
	for name, spoil := range map[string]func(*scimapi.Config){
		"no store":   func(c *scimapi.Config) { c.Store = nil },
		"no sources": func(c *scimapi.Config) { c.Sources = nil },
		"bad URL":    func(c *scimapi.Config) { c.PublicURL = "api.example.com" },
		"URL query":  func(c *scimapi.Config) { c.PublicURL = "https://api.example.com/?x" },
	} {
		config := whole
		spoil(&config)
		if _, err := scimapi.New(config); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, err := scimapi.New(whole); err != nil {
		t.Error(err)
	}
}

// gate stages, or refuses.
type gate struct {
	stage bool
	err   error
	asked []state.ID
}

func (g *gate) Stage(_ context.Context, _ state.Scope, id state.ID) (bool, error) {
	g.asked = append(g.asked, id)
	return g.stage, g.err
}

func TestGate(t *testing.T) {
	g := &gate{}
	r := newReceiver(t, statetest.NewModel(), func(c *scimapi.Config) {
		c.Sources = func(string) (scimapi.Source, bool) { return scimapi.Source{Tenant: acme.Tenant, Gate: g}, true }
	})
	id := r.createUser(t, "ada@acme.example")
	active := func(said, inForce, staged bool) {
		t.Helper()
		rec, err := r.store.Record(context.Background(), acme, state.KindAccount, state.ID(id))
		if err != nil || rec.Said != said || rec.InForce != inForce || rec.Staged != staged {
			t.Errorf("said %v, in force %v, staged %v, %v; want %v, %v, %v", rec.Said, rec.InForce, rec.Staged, err, said, inForce, staged)
		}
	}
	deactivate := `{"Operations":[{"op":"replace","path":"active","value":false}]}`
	reactivate := `{"Operations":[{"op":"replace","path":"active","value":true}]}`

	r.must(t, 200, "PATCH", "/Users/"+id, `{"Operations":[{"op":"replace","path":"title","value":"Dr"}]}`)
	if len(g.asked) != 0 {
		t.Error("asked about a push that deactivates nobody")
	}
	g.err = &scim.Error{Status: 403, Detail: "not this one"}
	r.must(t, 403, "PATCH", "/Users/"+id, deactivate)
	active(true, true, false)

	g.err, g.stage = nil, true
	if got := r.must(t, 200, "PUT", "/Users/"+id, `{"userName":"ada@acme.example","active":false}`); got["active"] != false {
		t.Errorf("the provider reads active %v back", got["active"])
	}
	active(false, true, true)
	r.must(t, 200, "PATCH", "/Users/"+id, reactivate)
	active(true, true, false)

	g.stage = false
	r.must(t, 200, "PATCH", "/Users/"+id, deactivate)
	active(false, false, false)
	r.must(t, 200, "PATCH", "/Users/"+id, deactivate)
	if len(g.asked) != 3 || g.asked[0] != state.ID(id) {
		t.Errorf("asked %d times, want 3", len(g.asked))
	}
	if n := r.counts.of(scimapi.Deactivated); n != 2 {
		t.Errorf("counted %d deactivations, want 2", n)
	}
}
