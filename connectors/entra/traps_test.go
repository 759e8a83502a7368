package entra_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/connectors"
	"rollcall/connectors/entra"
	"rollcall/connectors/rest"
)

// Each test here pins one trap of the SDKs: it fails when the measure against it is taken away.

// TestRepeatedBatchIsIntact: the SDK's default pipeline repeats a compressed POST with a plain body under a gzip header.
func TestRepeatedBatchIsIntact(t *testing.T) {
	f := newFake(t)
	f.on(assignedTo, ok(list(row("User", person(1)))))
	f.on(batchPath, status(429, "{}", "Retry-After", "1"), batch(func(string) string { return `"status":200,"body":` + user(1) }))
	people, _, err := pull(t, f.open())
	if err != nil || len(people) != 1 {
		t.Fatalf("%v, %v", people, err)
	}
	var bodies []string
	for i, request := range f.seen {
		if strings.HasPrefix(request, "POST ") {
			if encoding := f.headers[i].Get("Content-Encoding"); encoding != "" {
				t.Errorf("a body was sent as %s", encoding)
			}
			bodies = append(bodies, f.bodies[i])
		}
	}
	if len(bodies) != 2 || bodies[0] != bodies[1] || !strings.Contains(bodies[0], person(1)) {
		t.Errorf("bodies: %q", bodies)
	}
}

// TestErrorBodiesWithoutMessage: Error() of the SDK's model of an error panics on these.
func TestErrorBodiesWithoutMessage(t *testing.T) {
	for _, body := range []string{`{}`, `{"error":{}}`, `{"error":null}`, `[]`, `null`, ``, `<html>`, `{"error":"text"}`} {
		f := newFake(t)
		f.on(members, status(http.StatusBadRequest, body))
		_, proof, err := pull(t, f.open())
		var failure *connectors.Error
		if !errors.As(err, &failure) || failure.Kind != connectors.ErrMisconfigured || failure.Status != 400 {
			t.Errorf("%s: %v", body, err)
		}
		if proof.Reason == "" || err.Error() == "" {
			t.Errorf("%s: no reason", body)
		}
	}
}

// TestStatusOfAnHTMLFailure: the SDK turns it into an error without a status, and never repeats it.
func TestStatusOfAnHTMLFailure(t *testing.T) {
	f := newFake(t)
	html := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(http.StatusBadGateway)
		fmt.Fprint(w, "<html>Bad Gateway</html>")
	}
	f.on(members, html)
	_, _, err := pull(t, f.open())
	var failure *connectors.Error
	if !errors.As(err, &failure) || failure.Kind != connectors.ErrUnreachable || failure.Status != 502 {
		t.Errorf("got %v", err)
	}
	f.on(members, html, html, ok(list(user(1))))
	if _, proof, err := pull(t, f.open()); err != nil || !proof.Complete {
		t.Errorf("not recovered: %v", err)
	}
}

// TestLongRetryAfter: the SDK gives up beyond 180 seconds, and its client's timeout of 100 counts the wait.
func TestLongRetryAfter(t *testing.T) {
	f := newFake(t)
	f.on(members, status(429, "{}", "Retry-After", "250"), status(503, "{}", "Retry-After", "200"), ok(list(user(1))))
	if _, _, err := pull(t, f.open()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]time.Duration{250 * time.Second, 200 * time.Second}, f.sleeps); diff != "" {
		t.Error(diff)
	}
}

// TestRetryAfterAsADate reads it by the server's clock, not ours.
func TestRetryAfterAsADate(t *testing.T) {
	f := newFake(t)
	f.on(members, status(429, "{}", "Date", "Mon, 02 Mar 2020 10:00:00 GMT", "Retry-After", "Mon, 02 Mar 2020 10:01:30 GMT"), ok(list(user(1))))
	if _, _, err := pull(t, f.open()); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]time.Duration{90 * time.Second}, f.sleeps); diff != "" {
		t.Error(diff)
	}
}

// TestTokenStaysWithItsHost: a provider without a list of hosts gives the token to any host that a link names; one with a list lets the
// call go out without a token.
func TestTokenStaysWithItsHost(t *testing.T) {
	called := 0
	thief := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { called++; ok(list(user(2)))(w, r) }))
	defer thief.Close()
	for _, link := range []string{thief.URL + "/v1.0/more", "http://attacker.example/more", "ftp://x", "::", "/relative"} {
		f := newFake(t)
		f.on(members, ok(more(link, user(1))))
		_, _, err := pull(t, f.open())
		if !errors.Is(err, connectors.ErrIncomplete) {
			t.Errorf("%s: %v", link, err)
		}
	}
	if called != 0 {
		t.Errorf("the other host was called %d times", called)
	}
}

// TestHeadersOnLaterPages: the SDK's page iterator forgets ConsistencyLevel after the first page.
func TestHeadersOnLaterPages(t *testing.T) {
	f := newFake(t)
	nested := "/groups/" + groupID + "/transitiveMembers/graph.user"
	f.on(nested, ok(more(f.url(nested+"?$skiptoken=2"), user(1))), ok(list(user(2))))
	if _, _, err := pull(t, f.open(func(c *entra.Config) { c.Transitive = true })); err != nil {
		t.Fatal(err)
	}
	pages := 0
	for i, request := range f.seen {
		if strings.Contains(request, nested) {
			pages++
			if f.headers[i].Get("ConsistencyLevel") != "eventual" || f.headers[i].Get("x-ms-throttle-priority") != "low" {
				t.Errorf("%s: %v", request, f.headers[i])
			}
		}
	}
	if pages != 2 {
		t.Errorf("%d pages", pages)
	}
}

// TestEmptyAnswers: the SDK answers nil and no error.
func TestEmptyAnswers(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{
		"204":           func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) },
		"no body":       ok(""),
		"no value":      ok(`{}`),
		"null value":    ok(`{"value":null}`),
		"another shape": ok(`{"value":{}}`),
		"HTML": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			fmt.Fprint(w, "<html>Sign in</html>")
		},
		"half":         ok(`{"value":[` + user(1) + `,{"id":"` + person(2) + `"`),
		"half, closed": ok(`{"value":[` + user(1) + `,{"id":"` + person(2) + `","x":{}`),
		"rest":         ok(list(user(1)) + `}`),
		"no ids":       ok(`{"value":[{"accountEnabled":true,"userPrincipalName":"x@acme.example"}]}`),
	} {
		f := newFake(t)
		f.on(members, answer)
		if _, _, err := pull(t, f.open()); !errors.Is(err, connectors.ErrIncomplete) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestEndlessListings: nothing in the SDK ends a listing that leads nowhere.
func TestEndlessListings(t *testing.T) {
	for name, answer := range map[string]func(f *fake, n int) string{
		"same link":  func(f *fake, n int) string { return more(f.url(members+"?$skiptoken=1"), user(n)) },
		"same page":  func(f *fake, n int) string { return more(f.url(fmt.Sprint(members, "?$skiptoken=", n)), user(1)) },
		"empty ones": func(f *fake, n int) string { return more(f.url(fmt.Sprint(members, "?$skiptoken=", n))) },
	} {
		f := newFake(t)
		n := 0
		f.on(members, func(w http.ResponseWriter, r *http.Request) { n++; ok(answer(f, n))(w, r) })
		if _, _, err := pull(t, f.open()); !errors.Is(err, connectors.ErrIncomplete) {
			t.Errorf("%s: %v", name, err)
		}
		if n > 200 {
			t.Errorf("%s: %d pages", name, n)
		}
	}
	f := newFake(t)
	f.on(members, ok(more(f.url(members+"?$skiptoken=1"))), ok(more(f.url(members+"?$skiptoken=2"))), ok(list(user(1))))
	if people, _, err := pull(t, f.open()); err != nil || len(people) != 1 {
		t.Errorf("empty pages with a link are legal: %v, %v", people, err)
	}
}

// TestSlowsDown: Graph says when more than 80 % of the limit is used.
func TestSlowsDown(t *testing.T) {
	for used, want := range map[string]time.Duration{"": 0, "0.8": 0, "0.9": time.Second, "1.8": 10 * time.Second, "99": 10 * time.Second, "NaN": 0, "x": 0} {
		f, began := newFake(t), time.Now()
		f.on(servicePrincipal, status(200, `{"id":"`+spID+`"}`, "x-ms-throttle-limit-percentage", used))
		if _, _, err := pull(t, f.open()); err != nil {
			t.Fatal(err)
		}
		if waits := len(f.sleeps); waits > 1 || (waits == 1) != (want > 0) || waits == 1 && (f.sleeps[0] > want || f.sleeps[0] < want-time.Since(began)-time.Millisecond) {
			t.Errorf("%s used: %v, want %v", used, f.sleeps, want)
		}
	}
}

// TestClaimsChallenge: a refusal that asks for more claims must reach the adapter, which answers it once; malformed, it must not,
// because the adapter panics on it.
func TestClaimsChallenge(t *testing.T) {
	wanted := `{"access_token":{"nbf":{"essential":true,"value":"1700000000"}}}`
	challenge := `Bearer realm="", authorization_uri="https://login.example", error="insufficient_claims", claims="` + base64.StdEncoding.EncodeToString([]byte(wanted)) + `"`
	f := newFake(t)
	f.on(members, status(401, "{}", "WWW-Authenticate", challenge), ok(list(user(1))))
	signIn(f, issue("first"), issue("second"))
	with := withSecret(f)
	if _, _, err := pull(t, f.open(with)); err != nil {
		t.Fatal(err)
	}
	if asked := f.form(-1).Get("claims"); !strings.Contains(asked, "1700000000") || f.form(0).Get("claims") == asked {
		t.Errorf("claims asked for: %q", asked)
	}
	if got := f.headers[len(f.headers)-1].Get("Authorization"); got != "Bearer second" {
		t.Errorf("went with %s", got)
	}
	for _, header := range []string{challenge, `Bearer claims=abc`, `Bearer claims`, `Bearer realm="a,claims=", x`, `Bearer claims="%%"`} {
		f.on(members, status(401, "{}", "WWW-Authenticate", header))
		if _, _, err := pull(t, f.open(with)); !errors.Is(err, connectors.ErrUnauthorised) {
			t.Errorf("%s: %v", header, err)
		}
	}
}

// TestThrottledBatchItems: retry handlers see the outer status alone, which is 200.
func TestThrottledBatchItems(t *testing.T) {
	f := newFake(t)
	f.on(assignedTo, ok(list(row("User", person(1)), row("User", person(2)), row("User", person(3)))))
	asked := map[string]int{}
	f.on(batchPath, batch(func(url string) string {
		asked[url]++
		for n := 1; n <= 3; n++ {
			switch {
			case strings.Contains(url, person(n)) && n == 2 && asked[url] < 3:
				return fmt.Sprintf(`"status":429,"headers":{"Retry-After":"%d"},"body":{"error":{"code":"TooManyRequests"}}`, asked[url]*7)
			case strings.Contains(url, person(n)):
				return `"body":` + user(n) + `,"status":200`
			}
		}
		return missing
	}))
	people, _, err := pull(t, f.open())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{person(1), person(2), person(3)}, ids(people)); diff != "" {
		t.Error(diff)
	}
	for url, n := range asked {
		if want := 1 + 2*strings.Count(url, person(2)); n != want {
			t.Errorf("%s was asked for %d times, want %d", url, n, want)
		}
	}
	if diff := cmp.Diff([]time.Duration{7 * time.Second, 14 * time.Second}, f.sleeps); diff != "" {
		t.Error(diff)
	}

	for item, test := range map[string]struct {
		kind  error
		tries int
		after time.Duration
	}{
		`"status":503,"body":{}`:                                                                     {connectors.ErrUnreachable, rest.Tries, 0},
		`"status":429,"body":{"error":{"code":"TooManyRequests"}}`:                                   {connectors.ErrThrottled, rest.Tries, 0},
		`"status":429,"headers":{"Retry-After":"200"},"body":{"error":{"code":"TooManyRequests"}}`:   {connectors.ErrThrottled, 4, 200 * time.Second},
		`"status":429,"headers":{"retry-after":"86400"},"body":{"error":{"code":"TooManyRequests"}}`: {connectors.ErrThrottled, 1, 24 * time.Hour},
	} {
		f.seen, f.sleeps = nil, nil
		f.on(batchPath, batch(func(string) string { return item }))
		_, _, err := pull(t, f.open())
		var failure *connectors.Error
		if !errors.As(err, &failure) || failure.Kind != test.kind || failure.RetryAfter != test.after {
			t.Errorf("%s for ever: %#v", item, err)
		}
		if got := strings.Count(strings.Join(f.seen, " "), batchPath); got != test.tries {
			t.Errorf("%s for ever: asked %d times, want %d", item, got, test.tries)
		}
		for _, wait := range f.sleeps {
			if wait < max(test.after, 250*time.Millisecond) {
				t.Errorf("%s for ever: waits %v", item, f.sleeps)
			}
		}
	}
}

// TestUnansweredBatchItems: the SDK's helper dereferences nil for a response that is not there.
func TestUnansweredBatchItems(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{
		"one left out": batch(func(url string) string {
			if strings.Contains(url, person(1)) {
				return ""
			}
			return `"status":200,"body":` + user(2)
		}),
		"none":          ok(`{}`),
		"strange ids":   ok(`{"responses":[{"id":"x","status":200},{"id":"-1","status":200},{"id":"99","status":200}]}`),
		"somebody else": batch(func(url string) string { return `"status":200,"body":` + user(3) }),
	} {
		f := newFake(t)
		f.on(assignedTo, ok(list(row("User", person(1)), row("User", person(2)))))
		f.on(batchPath, answer)
		if _, _, err := pull(t, f.open()); !errors.Is(err, connectors.ErrIncomplete) || name == "none" && !strings.Contains(err.Error(), "leaves requests out") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestEnvironmentIsNotAsked: azidentity takes the sign-in host from the environment when none is given.
func TestEnvironmentIsNotAsked(t *testing.T) {
	elsewhere := 0
	other := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { elsewhere++ }))
	defer other.Close()
	t.Setenv("AZURE_AUTHORITY_HOST", other.URL)
	f := newFake(t)
	signIn(f, ok(`{"token_type":"Bearer","expires_in":3600,"access_token":"`+token+`"}`))
	if _, _, err := pull(t, f.open(withSecret(f))); err != nil {
		t.Error(err)
	}
	if elsewhere != 0 {
		t.Error("the host in the environment was asked")
	}
}

// TestRootPackageStaysOut: the SDK's root package imports 75 others, which take minutes to compile.
func TestRootPackageStaysOut(t *testing.T) {
	out, err := exec.Command("go", "list", "-deps", ".").Output()
	if err != nil {
		t.Fatal(err)
	}
	deps := strings.Fields(string(out))
	if len(deps) < 100 {
		t.Fatalf("only %d dependencies listed", len(deps))
	}
	for _, dep := range deps {
		if dep == "github.com/microsoftgraph/msgraph-sdk-go" {
			t.Error("the SDK's root package is imported")
		}
	}
}
