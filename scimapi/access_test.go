package scimapi_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"rollcall/scimapi"
	"rollcall/state"
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
		"no store":                    func(c *scimapi.Config) { c.Store = nil },
		"no sources":                  func(c *scimapi.Config) { c.Sources = nil },
		"bad URL":                     func(c *scimapi.Config) { c.PublicURL = "api.example.com" },
		"URL query":                   func(c *scimapi.Config) { c.PublicURL = "https://api.example.com/?x" },
		"a short secret for tokens":   func(c *scimapi.Config) { c.TokenSecret = []byte("short") },
		"tokens below the base":       func(c *scimapi.Config) { c.TokenPath = "/auth/scim/token" },
		"tokens at the base":          func(c *scimapi.Config) { c.TokenPath = "/auth/scim" },
		"the root as base, and below": func(c *scimapi.Config) { c.BasePath, c.TokenPath = "/", "/Users/token" },
	} {
		config := whole
		spoil(&config)
		if _, err := scimapi.New(config); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	for _, base := range []string{"", "/", "/scim/"} {
		whole.BasePath = base
		if _, err := scimapi.New(whole); err != nil {
			t.Errorf("base path %q: %v", base, err)
		}
	}
}
