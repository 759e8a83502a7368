package okta_test

import (
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/connectors"
	"rollcall/connectors/okta"
)

// Each test here pins one trap of the SDK: it fails when the measure against it is taken away.

// TestPagesShareNothing: the SDK decodes a page into the structs of the page before, so that what is absent keeps its old value.
func TestPagesShareNothing(t *testing.T) {
	f := newFake(t)
	bare := fmt.Sprintf(`{"id":%q,"status":"ACTIVE","profile":{},"_embedded":{"user":%s}}`, person(2), oktaUser(2, "ACTIVE"))
	f.on(users, ok(list(appUser(1)), f.self(), f.link("2")), ok(list(bare)))
	people, _, err := pull(t, f.open(), "displayName", "userName")
	if err != nil {
		t.Fatal(err)
	}
	if people[1].Account != "" || people[1].Values[0].Present || people[1].Values[1].Present {
		t.Errorf("the second page shows the first: %+v", people[1])
	}
	if people[0].Account != "acc1" || people[0].Values[0].Text != "P 1" {
		t.Errorf("the first page has changed: %+v", people[0])
	}
}

// TestNothingIsCached: the SDK answers a repeated request from memory for five minutes.
func TestNothingIsCached(t *testing.T) {
	f := newFake(t)
	c := f.open()
	for range 2 {
		if _, _, err := pull(t, c); err != nil {
			t.Fatal(err)
		}
	}
	if len(f.seen) != 8 {
		t.Errorf("two pulls made %d calls, want 8", len(f.seen))
	}
}

// TestLinkHeaders: with self and next in one line, the SDK's next page is this one, for ever. On a link that is no URL it panics.
func TestLinkHeaders(t *testing.T) {
	for name, links := range map[string]func(f *fake) []string{
		"separate":  func(f *fake) []string { return []string{f.self(), f.link("2")} },
		"combined":  func(f *fake) []string { return []string{f.self() + ", " + f.link("2")} },
		"next only": func(f *fake) []string { return []string{f.link("2")} },
		"unquoted": func(f *fake) []string {
			return []string{f.self() + "," + strings.Replace(f.link("2"), `"next"`, `next`, 1)}
		},
		"more relations": func(f *fake) []string {
			return []string{strings.Replace(f.link("2"), `rel="next"`, `title="a"; REL="last Next"`, 1)}
		},
		"a comma in it":    func(f *fake) []string { return []string{f.self() + ", " + f.link("2,3;x")} },
		"a broken one too": func(f *fake) []string { return []string{`<http://%zz>; rel="self"`, `garbage`, f.link("2")} },
	} {
		f := newFake(t)
		f.on(users, ok(list(appUser(1)), links(f)...), ok(list(appUser(2)), f.self()))
		people, _, err := pull(t, f.open())
		if diff := cmp.Diff([]string{person(1), person(2)}, ids(people)); err != nil || diff != "" {
			t.Errorf("%s: %v %s", name, err, diff)
		}
		if len(f.asked(users)) != 2 || !strings.Contains(f.seen[2], "after=2") || !strings.Contains(f.seen[2], "expand=user") {
			t.Errorf("%s: %q", name, f.seen)
		}
	}
}

// TestNextLinkLeadsAway: it is followed on the configured org only, and only within the same listing.
func TestNextLinkLeadsAway(t *testing.T) {
	for _, target := range []string{"http://%zz/", "/api/v1/users?after=2", "https://attacker.example/steal?after=2"} {
		f := newFake(t)
		f.on(users, ok(list(appUser(1)), "<"+target+`>; rel="next"`))
		if _, _, err := pull(t, f.open()); !errors.Is(err, connectors.ErrIncomplete) {
			t.Errorf("%s: %v", target, err)
		}
		if len(f.seen) != 2 {
			t.Errorf("%s: %q", target, f.seen)
		}
	}
	f := newFake(t)
	f.on(users, ok(list(appUser(1)), `<https://another-name.example`+users+`?after=2>; rel="next"`), ok(list(appUser(2))))
	if people, _, err := pull(t, f.open()); err != nil || len(people) != 2 {
		t.Errorf("another name of the same org: %v", err)
	}
}

// TestClosedConnections: the SDK repeats such a call without a pause and without an end.
func TestClosedConnections(t *testing.T) {
	f := newFake(t)
	f.on(users, func(w http.ResponseWriter, _ *http.Request) {
		conn, _, err := w.(http.Hijacker).Hijack()
		if err == nil {
			conn.Close()
		}
	})
	_, _, err := pull(t, f.open())
	if !errors.Is(err, connectors.ErrUnreachable) {
		t.Errorf("got %v", err)
	}
	if len(f.seen) > 10 || len(f.sleeps) == 0 {
		t.Errorf("%d calls, waits %v", len(f.seen), f.sleeps)
	}
}

// TestThrottled: the SDK waits no more than 30 seconds for a limit that resets in 60, tries three times, and fails at once when a
// header is missing. Its last word has no status.
func TestThrottled(t *testing.T) {
	now := time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
	limited := status(429, `{"errorCode":"E0000047","errorSummary":"API call exceeded rate limit due to too many requests."}`,
		"Date", now.Format(http.TimeFormat), "X-Rate-Limit-Limit", "600", "X-Rate-Limit-Remaining", "0", "X-Rate-Limit-Reset", fmt.Sprint(now.Unix()+58))
	f := newFake(t)
	f.on(users, limited, limited, limited, limited, ok(list(appUser(1))))
	if _, _, err := pull(t, f.open()); err != nil {
		t.Fatal(err)
	}
	long := 0
	for _, wait := range f.sleeps {
		if wait == 59*time.Second {
			long++
		}
	}
	if long != 4 {
		t.Errorf("waits: %v", f.sleeps)
	}

	f = newFake(t)
	f.on(users, status(429, `{}`), ok(list(appUser(1))))
	if _, _, err := pull(t, f.open()); err != nil {
		t.Errorf("without headers: %v", err)
	}

	f = newFake(t)
	f.on(users, status(429, `{"errorCode":"E0000047","errorSummary":"Too many."}`))
	_, _, err := pull(t, f.open())
	var failure *connectors.Error
	if !errors.As(err, &failure) || failure.Kind != connectors.ErrThrottled || failure.Status != 429 || failure.Code != "E0000047" {
		t.Errorf("for ever: %v", err)
	}
}

// TestServerFaults: the SDK never repeats them.
func TestServerFaults(t *testing.T) {
	for _, code := range []int{500, 502, 503, 504} {
		f := newFake(t)
		f.on(users, status(code, "{}"), status(code, "<html>"), ok(list(appUser(1))))
		if _, _, err := pull(t, f.open()); err != nil {
			t.Errorf("%d: %v", code, err)
		}
		f.on(users, status(code, "{}"))
		_, _, err := pull(t, f.open())
		var failure *connectors.Error
		if !errors.As(err, &failure) || failure.Kind != connectors.ErrUnreachable || failure.Status != code {
			t.Errorf("%d for ever: %v", code, err)
		}
	}
}

// TestOtherContentTypes: the SDK takes a body of an unknown type for a fault without a name, and a missing body for success.
func TestOtherContentTypes(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{
		"HTML": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			fmt.Fprint(w, "<html>Sign in</html>")
		},
		"no body":       ok(""),
		"204":           func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) },
		"half":          ok(`[` + appUser(1) + `,{"id":"x`),
		"object":        ok(`{}`),
		"null":          ok(`null`),
		"rest":          ok(`[][]`),
		"no user in it": ok(`[{"id":"` + person(1) + `","status":"ACTIVE","profile":{}}]`),
		"nulls":         ok(`[{"id":"` + person(1) + `","status":null,"profile":null,"credentials":null,"_embedded":{"user":{"id":"` + person(1) + `","status":null}}}]`),
		"no id":         ok(`[{"status":"ACTIVE","_embedded":{"user":` + oktaUser(1, "ACTIVE") + `}}]`),
	} {
		f := newFake(t)
		f.on(users, answer)
		if _, proof, err := pull(t, f.open()); !errors.Is(err, connectors.ErrIncomplete) || proof.People != 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
	f := newFake(t)
	f.on(users, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json;okta-version=1.0.0")
		fmt.Fprint(w, list(appUser(1)))
	})
	if _, _, err := pull(t, f.open()); err != nil {
		t.Errorf("JSON by another name: %v", err)
	}
}

// TestEndlessListings: nothing in the SDK ends a listing that leads nowhere.
func TestEndlessListings(t *testing.T) {
	for name, answer := range map[string]func(f *fake, n int) http.HandlerFunc{
		"same link":  func(f *fake, n int) http.HandlerFunc { return ok(list(appUser(n)), f.link("1")) },
		"same page":  func(f *fake, n int) http.HandlerFunc { return ok(list(appUser(1)), f.link(fmt.Sprint(n))) },
		"empty ones": func(f *fake, n int) http.HandlerFunc { return ok(list(), f.link(fmt.Sprint(n))) },
	} {
		f := newFake(t)
		n := 0
		f.on(users, func(w http.ResponseWriter, r *http.Request) { n++; answer(f, n)(w, r) })
		if _, _, err := pull(t, f.open()); !errors.Is(err, connectors.ErrIncomplete) {
			t.Errorf("%s: %v", name, err)
		}
		if n > 200 {
			t.Errorf("%s: %d pages", name, n)
		}
	}
}

// roundTrip is a transport made of a function.
type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// TestSettingsFromElsewhere: the SDK merges a file of the home directory and the environment into its settings.
func TestSettingsFromElsewhere(t *testing.T) {
	f := newFake(t)
	for name, value := range map[string]string{
		"OKTA_CLIENT_ORGURL": "https://attacker.example", "OKTA_CLIENT_TOKEN": "theirs", "OKTA_CLIENT_AUTHORIZATIONMODE": "PrivateKey",
		"OKTA_CLIENT_CLIENTID": "theirs", "OKTA_CLIENT_PRIVATEKEY": "theirs", "OKTA_CLIENT_CACHE_ENABLED": "true",
		"OKTA_CLIENT_REQUEST_TIMEOUT": "1", "OKTA_CLIENT_RATE_LIMIT_MAX_RETRIES": "100", "OKTA_TESTING_DISABLE_HTTPS_CHECK": "false",
	} {
		t.Setenv(name, value)
	}
	home, err := os.UserHomeDir()
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(home, ".okta")); err == nil {
		t.Log("this machine has settings of the SDK in its home directory: they must not matter either")
	}
	cfg := f.config()
	cfg.Transport = roundTrip(func(r *http.Request) (*http.Response, error) {
		if end, bounded := r.Context().Deadline(); bounded && time.Until(end) < 5*time.Second { // the test's own is longer
			t.Errorf("%s ends within %v: the timeout is that of the environment", r.URL.Path, time.Until(end))
		}
		return http.DefaultTransport.RoundTrip(r)
	})
	c, err := okta.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := pull(t, c); err != nil {
		t.Fatal(err)
	}
	for i, header := range f.headers {
		if header.Get("Authorization") != "SSWS "+token {
			t.Errorf("%s went with other credentials", f.seen[i])
		}
	}
}

// TestIDsStayOnTheirPath: the SDK puts ids into addresses as they are.
func TestIDsStayOnTheirPath(t *testing.T) {
	f := newFake(t)
	strange := []string{"../../users", "x?limit=1", "ada@acme.example", "a/b", "", "x#y", "x%2fy"}
	err := f.open().Look(t.Context(), connectors.Want{Attributes: []string{"mail"}}, strange, func(s connectors.Sighting) error {
		if s.Gone || s.Person.Facts != (connectors.Facts{}) || len(s.Person.Values) != 1 {
			t.Errorf("%+v", s)
		}
		return nil
	})
	if err != nil || len(f.seen) != 1 {
		t.Errorf("%v, %q", err, f.seen)
	}
	if _, err := okta.Open(okta.Config{OrgURL: "https://globex.example", APIToken: given(token), AppID: "../x"}); err == nil {
		t.Error("a path passes for an app id")
	}
}
