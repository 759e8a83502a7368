package scimapi_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"rollcall/scimapi"
	"rollcall/state"
	"rollcall/state/statetest"
)

const form = "application/x-www-form-urlencoded"

// clock is a time that a test moves.
type clock struct{ at atomic.Pointer[time.Time] }

func newClock() *clock {
	c := &clock{}
	c.set(time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC))
	return c
}

func (c *clock) set(at time.Time)        { c.at.Store(&at) }
func (c *clock) now() time.Time          { return *c.at.Load() }
func (c *clock) advance(d time.Duration) { c.set(c.now().Add(d)) }
func (c *clock) rule(cfg *scimapi.Config) {
	cfg.Now = c.now
}

type grant struct {
	Token  string `json:"access_token"`
	Type   string `json:"token_type"`
	Life   int    `json:"expires_in"`
	Error  string `json:"error"`
	Detail string `json:"error_description"`
}

// ask sends a token request and checks what every answer to one has.
func (r *receiver) ask(t *testing.T, body string, headers ...string) (int, grant, http.Header) {
	t.Helper()
	got := r.do(t, "POST", "/auth/token", body, append([]string{"Authorization", "", "Content-Type", form}, headers...)...)
	var g grant
	if err := json.Unmarshal(got.body, &g); err != nil {
		t.Fatalf("%v: %s", err, got.body)
	}
	if got.header.Get("Cache-Control") != "no-store" || !strings.HasPrefix(got.header.Get("Content-Type"), "application/json") {
		t.Errorf("headers %v", got.header)
	}
	if (got.status == 200) != (g.Error == "") || (g.Error == "") != (g.Detail == "") {
		t.Errorf("status %d: %s", got.status, got.body)
	}
	return got.status, g, got.header
}

func clientForm(client, secret string) string {
	return url.Values{"grant_type": {"client_credentials"}, "client_id": {client}, "client_secret": {secret}}.Encode()
}

func basic(client, secret string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(client+":"+secret))
}

func TestTokens(t *testing.T) {
	c := newClock()
	r := newReceiver(t, statetest.NewModel(), c.rule)
	status, g, _ := r.ask(t, clientForm(acme.Source, r.key))
	if status != 200 || g.Type != "Bearer" || g.Life != 3600 || strings.Contains(g.Token, r.key) {
		t.Fatalf("%d %+v", status, g)
	}
	bearer := "Bearer " + g.Token
	id := r.must(t, 201, "POST", "/Users", `{"userName":"ada@acme.example"}`, "Authorization", bearer)["id"].(string)
	r.must(t, 200, "GET", "/Users/"+id, "")
	if got := r.must(t, 200, "GET", "/Users?cursor=&count=1", "", "Authorization", bearer); got["totalResults"] != 1.0 {
		t.Errorf("%v", got)
	}
	for name, spoiled := range map[string]string{
		"cut": bearer[:len(bearer)-1], "longer": bearer + "A", "changed": bearer[:60] + flip(bearer[60:61]) + bearer[61:], "prefix alone": "Bearer rollcall_at_", "no base64": "Bearer rollcall_at_%%%",
		"later": later(t, g.Token), "others": others(t, g.Token),
	} {
		if got := r.do(t, "GET", "/auth/scim/Users", "", "Authorization", spoiled); got.status != 401 {
			t.Errorf("%s: status %d", name, got.status)
		}
	}
	c.advance(time.Hour - time.Second)
	r.must(t, 200, "GET", "/Users", "", "Authorization", bearer)
	c.advance(time.Second)
	r.must(t, 401, "GET", "/Users", "", "Authorization", bearer)
}

// later makes a token last longer, others make it another source's, as whoever holds it could try.
func later(t *testing.T, token string) string {
	return reseal(t, token, func(claim []byte) []byte { claim[7] ^= 0x40; return claim })
}
func others(t *testing.T, token string) string {
	return reseal(t, token, func(claim []byte) []byte {
		return []byte(strings.NewReplacer(acme.Source, globex.Source, "\x00"+acme.Tenant, "\x00"+globex.Tenant).Replace(string(claim)))
	})
}

func reseal(t *testing.T, token string, change func([]byte) []byte) string {
	data, err := base64.RawURLEncoding.DecodeString(strings.TrimPrefix(token, "rollcall_at_"))
	if err != nil {
		t.Fatal(err)
	}
	return "Bearer rollcall_at_" + base64.RawURLEncoding.EncodeToString(append(data[:32:32], change(data[32:])...))
}

func flip(letter string) string {
	if letter == "A" {
		return "B"
	}
	return "A"
}

func TestTokenGoesWithItsKey(t *testing.T) {
	c := newClock()
	r := newReceiver(t, statetest.NewModel(), c.rule)
	short := r.issue(t, acme, func(k *state.Key) { k.ExpiresAt = c.now().Add(10 * time.Minute) })
	_, lasting, _ := r.ask(t, clientForm(acme.Source, r.key))
	_, ending, _ := r.ask(t, clientForm(acme.Source, short))
	if ending.Life != 600 {
		t.Errorf("a token lives %d seconds, its key 600", ending.Life)
	}
	r.must(t, 200, "GET", "/Users", "", "Authorization", "Bearer "+ending.Token)
	keys, err := r.store.ListKeys(context.Background(), acme)
	if err != nil || len(keys) != 2 {
		t.Fatal(keys, err)
	}
	if err := r.store.RevokeKey(context.Background(), acme, keys[0].ID); err != nil {
		t.Fatal(err)
	}
	r.must(t, 401, "GET", "/Users", "", "Authorization", "Bearer "+lasting.Token)
	r.must(t, 200, "GET", "/Users", "", "Authorization", "Bearer "+ending.Token)
	c.advance(10 * time.Minute)
	r.must(t, 401, "GET", "/Users", "", "Authorization", "Bearer "+ending.Token)
}

func TestTokenRequests(t *testing.T) {
	r := newReceiver(t, statetest.NewModel())
	other := r.issue(t, globex, func(*state.Key) {})
	revoked := r.issue(t, globex, func(k *state.Key) { k.RevokedAt = time.Now() })
	dormant := r.issue(t, former, func(*state.Key) {})
	unknown, _ := state.NewKey(acme)
	encoded := url.QueryEscape
	cases := []struct {
		name    string
		body    string
		headers []string
		status  int
		failure string
	}{
		{"form", clientForm(acme.Source, r.key), nil, 200, ""},
		{"form with a charset", clientForm(acme.Source, r.key), []string{"Content-Type", form + "; charset=utf-8"}, 200, ""},
		{"scope and resource", clientForm(acme.Source, r.key) + "&scope=a+b&resource=x", nil, 200, ""},
		{"basic", "grant_type=client_credentials", []string{"Authorization", basic(acme.Source, r.key)}, 200, ""},
		{"basic, encoded", "grant_type=client_credentials", []string{"Authorization", basic(encoded(acme.Source), encoded(r.key))}, 200, ""},
		{"both, the same", clientForm(acme.Source, r.key), []string{"Authorization", basic(acme.Source, r.key)}, 200, ""},
		{"both, not the same", clientForm(acme.Source, unknown), []string{"Authorization", basic(acme.Source, r.key)}, 400, "invalid_request"},
		{"nothing", "", nil, 401, "invalid_client"},
		{"no secret", "grant_type=client_credentials&client_id=" + acme.Source, nil, 401, "invalid_client"},
		{"unknown key", clientForm(acme.Source, unknown), nil, 401, "invalid_client"},
		{"revoked key", clientForm(globex.Source, revoked), nil, 401, "invalid_client"},
		{"no key", clientForm(acme.Source, "secret"), nil, 401, "invalid_client"},
		{"another's key", clientForm(acme.Source, other), nil, 401, "invalid_client"},
		{"basic, wrong", "grant_type=client_credentials", []string{"Authorization", basic(acme.Source, "x")}, 401, "invalid_client"},
		{"dormant", clientForm(former.Source, dormant), nil, 503, "temporarily_unavailable"},
		{"no grant type", "client_id=" + acme.Source + "&client_secret=" + r.key, nil, 400, "invalid_request"},
		{"another grant type", strings.Replace(clientForm(acme.Source, r.key), "client_credentials", "password", 1), nil, 400, "unsupported_grant_type"},
		{"twice", clientForm(acme.Source, r.key) + "&client_id=x", nil, 400, "invalid_request"},
		{"JSON", `{"grant_type":"client_credentials"}`, []string{"Content-Type", "application/json"}, 400, "invalid_request"},
		{"not encoded", "grant_type=%zz", nil, 400, "invalid_request"},
		{"too long", clientForm(acme.Source, r.key) + "&x=" + strings.Repeat("x", 20_000), nil, 400, "invalid_request"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			status, g, header := r.ask(t, c.body, c.headers...)
			if status != c.status || g.Error != c.failure {
				t.Errorf("status %d, error %q; want %d, %q", status, g.Error, c.status, c.failure)
			}
			if (status == 401) != (header.Get("WWW-Authenticate") != "") || (status == 503) != (header.Get("Retry-After") != "") {
				t.Errorf("headers %v", header)
			}
		})
	}
	for _, method := range []string{"GET", "PUT", "OPTIONS"} {
		got := r.do(t, method, "/auth/token?"+clientForm(acme.Source, r.key), "", "Authorization", "")
		if got.status != 405 || got.header.Get("Allow") != "POST" || strings.Contains(string(got.body), "access_token") {
			t.Errorf("%s: %d %v", method, got.status, got.header)
		}
	}
	if got := r.do(t, "POST", "/auth/token?"+clientForm(acme.Source, r.key), "grant_type=client_credentials", "Authorization", "", "Content-Type", form); got.status != 401 {
		t.Errorf("credentials in the URL: status %d", got.status)
	}
	for _, path := range []string{"/auth/token/", "/auth//token", "/auth/token/x", "/auth/scim/token", "/auth/Token"} {
		if got := r.do(t, "POST", path, clientForm(acme.Source, r.key), "Authorization", "", "Content-Type", form); got.status != 401 {
			t.Errorf("%s: status %d", path, got.status)
		}
	}
}

func TestTokenRequestsAreLimited(t *testing.T) {
	c := newClock()
	r := newReceiver(t, statetest.NewModel(), c.rule, rated(2))
	for range 4 {
		if status, g, _ := r.ask(t, clientForm(acme.Source, r.key)); status != 200 {
			t.Fatal(status, g)
		}
	}
	status, g, header := r.ask(t, clientForm(acme.Source, r.key))
	if _, err := strconv.Atoi(header.Get("Retry-After")); status != 429 || g.Error != "temporarily_unavailable" || err != nil {
		t.Errorf("%d %+v %v", status, g, header)
	}
}

func TestTokenSecret(t *testing.T) {
	store := statetest.NewModel()
	secret := []byte(strings.Repeat("s", 32))
	sealing := func(secret []byte) func(*scimapi.Config) {
		return func(c *scimapi.Config) { c.TokenSecret = secret; c.TokenPath = "oauth/token/" }
	}
	r := newReceiver(t, store, sealing(secret))
	got := r.do(t, "POST", "/oauth/token", clientForm(acme.Source, r.key), "Authorization", "", "Content-Type", form)
	var g grant
	if err := json.Unmarshal(got.body, &g); err != nil || g.Token == "" {
		t.Fatalf("%v: %s", err, got.body)
	}
	again := newReceiver(t, store, sealing(secret))
	again.must(t, 200, "GET", "/Users", "", "Authorization", "Bearer "+g.Token)
	another := newReceiver(t, statetest.NewModel(), sealing([]byte(strings.Repeat("t", 32))))
	another.must(t, 401, "GET", "/Users", "", "Authorization", "Bearer "+g.Token)
}

// TestTokenFailures has the store fail and panic under a token request.
func TestTokenFailures(t *testing.T) {
	s := &spy{Store: statetest.NewModel()}
	r := newReceiver(t, s)
	for _, fault := range []func() error{func() error { return state.ErrClosed }, func() error { panic("disk on fire") }} {
		s.before.key = fault
		status, g, header := r.ask(t, clientForm(acme.Source, r.key))
		if status != 503 || g.Error != "temporarily_unavailable" || header.Get("Retry-After") == "" || strings.Contains(g.Detail, "fire") {
			t.Errorf("%d %+v", status, g)
		}
	}
	s.before.key = nil
	if n := r.counts.answered[" /auth/token POST 5xx"]; n != 2 {
		t.Errorf("%v", r.counts.answered)
	}
}
