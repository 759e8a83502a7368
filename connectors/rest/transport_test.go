package rest_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"rollcall/connectors"
	"rollcall/connectors/rest"
)

// answers serves one handler after the other, the last one for good, and counts.
type answers struct {
	handlers []http.HandlerFunc
	calls    atomic.Int64
}

func (a *answers) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	n := int(a.calls.Add(1))
	a.handlers[min(n, len(a.handlers))-1](w, r)
}

// naps is a SleepFunc that takes no time.
type naps struct {
	began time.Time
	waits []time.Duration
}

func (n *naps) sleep(ctx context.Context, d time.Duration) error {
	n.waits = append(n.waits, d)
	return ctx.Err()
}

func serve(t *testing.T, handlers ...http.HandlerFunc) (*answers, *rest.Transport, *naps, string) {
	t.Helper()
	a, n := &answers{handlers: handlers}, &naps{began: time.Now()}
	server := httptest.NewServer(a)
	t.Cleanup(server.Close)
	u, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	return a, &rest.Transport{Origin: rest.OriginOf(u), SleepFunc: n.sleep}, n, server.URL
}

func status(code int, header ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		for i := 0; i < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(code)
		fmt.Fprint(w, `{"ok":true}`)
	}
}

func text(kind, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", kind)
		fmt.Fprint(w, body)
	}
}

func cut(w http.ResponseWriter, _ *http.Request) {
	conn, _, err := w.(http.Hijacker).Hijack()
	if err == nil {
		conn.Close()
	}
}

func cutBody(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", "1000")
	fmt.Fprint(w, `{"ok":`)
}

func get(t *testing.T, transport *rest.Transport, address string) (string, error) {
	t.Helper()
	resp, err := transport.Client().Get(address)
	if err != nil {
		return "", err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(body), nil
}

func TestTransportRecovers(t *testing.T) {
	for name, fault := range map[string]http.HandlerFunc{
		"408": status(408), "429": status(429), "500": status(500), "502": status(502), "503": status(503), "504": status(504),
		"closed connection": cut, "cut body": cutBody, "empty": text("application/json", ""),
		"HTML": text("text/html", "<html></html>"), "half": text("application/json", `{"value":[{"id":"1`),
	} {
		t.Run(name, func(t *testing.T) {
			a, transport, n, address := serve(t, fault, fault, status(200))
			body, err := get(t, transport, address)
			if err != nil || body != `{"ok":true}` {
				t.Errorf("got %q, %v", body, err)
			}
			if a.calls.Load() != 3 || len(n.waits) != 2 {
				t.Errorf("%d calls, waits %v", a.calls.Load(), n.waits)
			}
		})
	}
}

func TestTransportGivesUp(t *testing.T) {
	redirect := func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", http.StatusFound) }
	for name, test := range map[string]struct {
		answer http.HandlerFunc
		kind   error
		status int
		calls  int64
	}{
		"400":      {status(400), connectors.ErrMisconfigured, 400, 1},
		"401":      {status(401), connectors.ErrUnauthorised, 401, 1},
		"403":      {status(403), connectors.ErrForbidden, 403, 1},
		"404":      {status(404), connectors.ErrIncomplete, 404, 1},
		"429":      {status(429), connectors.ErrThrottled, 429, rest.Tries},
		"500":      {status(500), connectors.ErrUnreachable, 500, rest.Tries},
		"HTML 502": {func(w http.ResponseWriter, r *http.Request) { w.WriteHeader(502); fmt.Fprint(w, "<html>") }, connectors.ErrUnreachable, 502, rest.Tries},
		"redirect": {redirect, connectors.ErrMisconfigured, 302, 1},
		"closed":   {cut, connectors.ErrUnreachable, 0, 4},
		"cut body": {cutBody, connectors.ErrIncomplete, 0, 4},
		"empty":    {text("application/json", " \n"), connectors.ErrIncomplete, 0, 4},
		"HTML":     {text("text/html", "<html></html>"), connectors.ErrIncomplete, 0, 4},
		"half":     {text("application/json", `[{"id":"1"},`), connectors.ErrIncomplete, 0, 4},
		"too large": {func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			megabyte := strings.Repeat(" ", 1<<20)
			for range 33 {
				io.WriteString(w, megabyte)
			}
		}, connectors.ErrIncomplete, 200, 1},
	} {
		t.Run(name, func(t *testing.T) {
			a, transport, _, address := serve(t, test.answer)
			_, err := get(t, transport, address)
			var failure *connectors.Error
			if !errors.As(err, &failure) || !errors.Is(err, test.kind) || failure.Status != test.status {
				t.Errorf("got %#v", err)
			}
			if failure != nil && failure.Detail == "" {
				t.Error("no detail")
			}
			if got := a.calls.Load(); got != test.calls {
				t.Errorf("%d calls, want %d", got, test.calls)
			}
		})
	}
}

// TestTransportSaysTheForm: an answer that is no JSON is told by what it is, also where it does not say.
func TestTransportSaysTheForm(t *testing.T) {
	for says, answer := range map[string]http.HandlerFunc{
		"the answer is text/html instead of JSON": text("text/html; charset=utf-8", "<html></html>"),
		"the answer has no Content-Type":          text("", `{"ok":true}`),
		"the answer is empty":                     text("application/json", " \n"),
	} {
		_, transport, _, address := serve(t, answer)
		_, err := get(t, transport, address)
		var failure *connectors.Error
		if !errors.As(err, &failure) || !strings.Contains(failure.Detail, says) {
			t.Errorf("got %v, want %q", err, says)
		}
	}
}

// TestTransportWaitsAsAsked pins waits that both SDKs would cut short: Graph's after 180 seconds, Okta's after 30.
func TestTransportWaitsAsAsked(t *testing.T) {
	delay := func(h http.Header) time.Duration { d, _ := time.ParseDuration(h.Get("Wait")); return d }

	_, transport, n, address := serve(t, status(429, "Wait", "299s"), status(503, "Wait", "200s"), status(200))
	transport.DelayFunc = delay
	if _, err := get(t, transport, address); err != nil {
		t.Fatal(err)
	}
	if len(n.waits) != 2 || n.waits[0] != 299*time.Second || n.waits[1] != 200*time.Second {
		t.Errorf("waits: %v", n.waits)
	}

	a, transport, n, address := serve(t, status(429, "Wait", "5m"))
	transport.DelayFunc = delay
	_, err := get(t, transport, address)
	var failure *connectors.Error
	if !errors.As(err, &failure) || failure.RetryAfter != 5*time.Minute {
		t.Errorf("got %v", err)
	}
	if a.calls.Load() != 2 || len(n.waits) != 1 {
		t.Errorf("%d calls, waits %v: patience is ten minutes", a.calls.Load(), n.waits)
	}
}

func TestTransportBacksOff(t *testing.T) {
	_, transport, n, address := serve(t, status(500))
	if _, err := get(t, transport, address); err == nil {
		t.Fatal("no error")
	}
	for i, wait := range n.waits {
		least := min(250*time.Millisecond<<i, 15*time.Second)
		if wait < least || wait > 3*least {
			t.Errorf("wait %d is %v, want between %v and %v", i, wait, least, 3*least)
		}
	}
}

func TestTransportStaysWithItsHost(t *testing.T) {
	other, _, _, elsewhere := serve(t, status(200))
	a, transport, _, address := serve(t, status(200))
	for _, target := range []string{elsewhere, strings.Replace(address, "http:", "https:", 1), strings.Replace(address, "127.0.0.1", "localhost", 1)} {
		if _, err := get(t, transport, target); !errors.Is(err, connectors.ErrIncomplete) {
			t.Errorf("%s: %v", target, err)
		}
	}
	if a.calls.Load()+other.calls.Load() != 0 {
		t.Error("a call was made")
	}
}

func TestTransportRepeatsBodies(t *testing.T) {
	var bodies []string
	read := func(then http.HandlerFunc) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			body, _ := io.ReadAll(r.Body)
			bodies = append(bodies, fmt.Sprint(r.ContentLength, string(body)))
			then(w, r)
		}
	}
	_, transport, _, address := serve(t, read(status(503)), read(cut), read(status(200)))
	resp, err := transport.Client().Post(address, "application/json", io.NopCloser(strings.NewReader("hello")))
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	if strings.Join(bodies, "|") != "5hello|5hello|5hello" {
		t.Errorf("bodies: %q", bodies)
	}
}

func TestTransportCancels(t *testing.T) {
	arrived := make(chan struct{}, 1)
	hang := func(w http.ResponseWriter, r *http.Request) { arrived <- struct{}{}; <-r.Context().Done() }
	for name, test := range map[string]struct {
		answer http.HandlerFunc
		delay  time.Duration
	}{
		"while waiting for an answer": {hang, 0},
		"while waiting to try again": {func(w http.ResponseWriter, r *http.Request) {
			status(429)(w, r)
			arrived <- struct{}{}
		}, time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			_, transport, _, address := serve(t, test.answer)
			transport.SleepFunc = nil
			transport.DelayFunc = func(http.Header) time.Duration { return test.delay }
			ctx, cancel := context.WithCancel(t.Context())
			go func() { <-arrived; cancel() }()
			req, _ := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
			started := time.Now()
			_, err := transport.Client().Do(req)
			if !errors.Is(err, context.Canceled) || time.Since(started) > time.Second {
				t.Errorf("%v after %v", err, time.Since(started))
			}
		})
	}
}

func TestTransportHolds(t *testing.T) {
	_, transport, n, address := serve(t, status(200, "Hold", "20s"), status(200))
	transport.HoldFunc = func(h http.Header) time.Duration { d, _ := time.ParseDuration(h.Get("Hold")); return d }
	for range 3 {
		if _, err := get(t, transport, address); err != nil {
			t.Fatal(err)
		}
	}
	if len(n.waits) != 1 || n.waits[0] < 19*time.Second || n.waits[0] > 20*time.Second {
		t.Errorf("waits: %v", n.waits)
	}
}

func TestTallyCounts(t *testing.T) {
	_, transport, _, address := serve(t, status(500), status(200), status(403))
	outer, all := rest.WithTally(t.Context())
	ctx, tally := rest.WithTally(outer)
	for range 2 {
		req, _ := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
		if resp, err := transport.Client().Do(req); err == nil {
			resp.Body.Close()
		}
	}
	if tally.Calls() != 3 || all.Calls() != 3 || all.Failure() != tally.Failure() {
		t.Errorf("%d calls, %d in all, failures %v and %v", tally.Calls(), all.Calls(), tally.Failure(), all.Failure())
	}
	if failure := tally.Failure(); failure == nil || failure.Status != 403 {
		t.Errorf("failure: %v", failure)
	}
}

// TestUnreachableSaysWhatToDo: what stands between us and the provider is told apart, with the setting that mends it.
func TestUnreachableSaysWhatToDo(t *testing.T) {
	strange := httptest.NewUnstartedServer(http.NotFoundHandler())
	strange.Config.ErrorLog = log.New(io.Discard, "", 0) // of refused handshakes
	strange.StartTLS()
	defer strange.Close()
	nobody := httptest.NewServer(nil)
	nobody.Close()
	wary := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusProxyAuthRequired) }))
	defer wary.Close()
	through := func(proxy string) *http.Transport {
		u, err := url.Parse(proxy)
		if err != nil {
			t.Fatal(err)
		}
		return &http.Transport{Proxy: http.ProxyURL(u)}
	}
	for name, test := range map[string]struct {
		base    *http.Transport
		address string
		says    string
		calls   int // the rest would change nothing
	}{
		"an authority that is not trusted": {&http.Transport{}, strange.URL, "outbound.ca_file", 1},
		"no proxy":                         {through(nobody.URL), "https://graph.example", "outbound.proxy", 4},
		"a proxy that wants a name":        {through(wary.URL), "https://graph.example", "outbound.proxy", 4},
		"a host that nobody knows": {&http.Transport{DialContext: func(context.Context, string, string) (net.Conn, error) {
			return nil, &net.OpError{Op: "dial", Err: &net.DNSError{Err: "no such host", Name: "graph.example", IsNotFound: true}}
		}}, "https://graph.example", "DNS", 4},
	} {
		u, err := url.Parse(test.address)
		if err != nil {
			t.Fatal(err)
		}
		ctx, tally := rest.WithTally(t.Context())
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, test.address, nil)
		if err != nil {
			t.Fatal(err)
		}
		_, err = (&rest.Transport{Base: test.base, Origin: rest.OriginOf(u), SleepFunc: (&naps{}).sleep}).RoundTrip(req)
		var failure *connectors.Error
		if !errors.As(err, &failure) || failure.Kind != connectors.ErrUnreachable || !strings.Contains(failure.Mend, test.says) || failure.Detail == "" {
			t.Errorf("%s: %#v", name, err)
		}
		if tally.Calls() != test.calls {
			t.Errorf("%s: %d calls, want %d", name, tally.Calls(), test.calls)
		}
	}
}

func TestLine(t *testing.T) {
	for in, want := range map[string]string{
		"one\n two\tthree ":                  "one two three",
		"no ada@acme.example here":           "no … here",
		"token " + strings.Repeat("x", 81):   "token …",
		"bell\x07 and \xff\xfe broken":       "bell and broken",
		strings.Repeat("word ", 100):         strings.Repeat("word ", 39) + "word…",
		"Resource '…' does not exist: é😀 ok": "Resource '…' does not exist: é😀 ok",
	} {
		if got := rest.Line(in); got != want {
			t.Errorf("%q: got %q", in, got)
		}
	}
}
