package rest

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"rollcall/connectors"
)

// Tries and Patience bound how long one call is tried again while its answers ask for it.
const (
	Tries    = 8
	Patience = 10 * time.Minute // attempts and waits together
)

const (
	unansweredTries = 4               // of a call that gets no whole answer
	attemptTime     = 2 * time.Minute // for one attempt, its body included
	firstBackoff    = 500 * time.Millisecond
	longestBackoff  = 30 * time.Second
	longestHold     = 5 * time.Minute
	bodyLimit       = 32 << 20 // of an answer, decompressed
)

// Transport carries one connector's calls. It is an http.RoundTripper that takes more upon itself than one usually does:
//
//   - A call to anything but Origin is refused before a byte is sent, and redirects are not answers.
//   - The body is read before the answer is handed on, up to 32 MiB; a broken-off, empty, oversized or non-JSON answer is a failure.
//   - Statuses 408, 429, 500, 502, 503 and 504, broken answers and lost connections are tried again, after the wait that the provider
//     asks for or a growing one, within ten minutes and as long as the request's context lives. Who is throttled holds the others too.
//   - Calls keep to Pace.
//   - What is no good answer in the end is a *connectors.Error without Op, never a response.
//
// Calls must be safe to repeat. A Transport is safe for concurrent use once its fields are set.
type Transport struct {
	Base   http.RoundTripper // nil = http.DefaultTransport
	Origin string            // as OriginOf gives it

	ExplainFunc func(status int, header http.Header, body []byte) *connectors.Error // of an answer that is no success; nil = by status alone
	DelayFunc   func(header http.Header) time.Duration                              // the wait that a failed answer asks for; 0 or nil = it doesn't say
	HoldFunc    func(header http.Header) time.Duration                              // how long to hold the next call after any answer; nil = never
	PassFunc    func(resp *http.Response) bool                                      // failed answers that the client must see itself; nil = none
	GoodFunc    func(resp *http.Response) error                                     // prepares a good answer for the client; nil = as it is
	SleepFunc   func(ctx context.Context, d time.Duration) error                    // nil = Sleep
	Pace        *Pace                                                               // nil = as fast as they come

	mu      sync.Mutex
	until   time.Time     // no call before
	hurried time.Duration // how much less SleepFunc has slept than it was asked to
}

// Client returns an HTTP client over t: no timeout but the request's context, and no redirects.
func (t *Transport) Client() *http.Client {
	return &http.Client{
		Transport:     t,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// OriginOf is scheme and host of a URL, as Transport compares them.
func OriginOf(u *url.URL) string { return strings.ToLower(u.Scheme + "://" + u.Host) }

// Sleep waits for d or for the end of ctx, whose error it returns.
func Sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// RoundTrip carries out one call, with its retries.
func (t *Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	body, err := takeBody(req)
	if err != nil {
		return nil, err
	}
	if OriginOf(req.URL) != t.Origin {
		return nil, &connectors.Error{Kind: connectors.ErrIncomplete, Detail: "an answer led away from the configured host, to " + Line(req.URL.Host)}
	}
	ctx, tally := req.Context(), TallyOf(req.Context())
	var started time.Time // its first turn had come: waiting for that is no failure
	for try := 1; ; try++ {
		leave, toll, err := t.takeTurn(req, body)
		if err != nil {
			return nil, err
		}
		if try == 1 {
			started = t.now()
		}
		tally.count()
		resp, failure, again := t.attempt(req, body, toll, leave)
		if failure == nil {
			return resp, nil
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		limit := Tries
		if failure.Status == 0 {
			limit = unansweredTries
		}
		wait := max(failure.RetryAfter, Backoff(try))
		if !again || try >= limit || t.now().Sub(started)+wait > Patience {
			tally.note(failure)
			return nil, failure
		}
		if err := t.Pause(ctx, wait); err != nil {
			return nil, err
		}
	}
}

// attempt makes the call once, in its turn, and ends that. A failure tells whether to try again.
func (t *Transport) attempt(req *http.Request, body []byte, charged toll, leave func()) (_ *http.Response, failure *connectors.Error, again bool) {
	defer leave()
	resp, header, failure, again := t.exchange(req, body)
	if header != nil {
		t.Pace.learn(charged, header, t.now())
		t.hold(header, failure)
	}
	return resp, failure, again
}

// exchange sends the call and reads the answer, whose header it returns in any case.
func (t *Transport) exchange(req *http.Request, body []byte) (_ *http.Response, _ http.Header, failure *connectors.Error, again bool) {
	ctx, cancel := context.WithTimeout(req.Context(), attemptTime)
	defer cancel()
	call := req.Clone(ctx)
	if body != nil {
		call.Body, call.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	}
	base := t.Base
	if base == nil {
		base = http.DefaultTransport
	}
	resp, err := base.RoundTrip(call)
	if err != nil {
		return nil, nil, unreachable(err), !untrusted(err)
	}
	defer resp.Body.Close()
	header := resp.Header
	content, err := readAll(resp)
	if err != nil {
		return nil, header, &connectors.Error{Kind: connectors.ErrIncomplete, Detail: "the answer broke off: " + Line(err.Error())}, true
	}
	if len(content) > bodyLimit {
		return nil, header, &connectors.Error{Kind: connectors.ErrIncomplete, Status: resp.StatusCode, Detail: fmt.Sprintf("the answer is larger than %d MiB", bodyLimit>>20)}, false
	}
	resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(content)), int64(len(content))
	if t.PassFunc != nil && t.PassFunc(resp) {
		return resp, header, nil, false
	}
	if resp.StatusCode < 200 || resp.StatusCode > 299 {
		failure := t.explain(resp, content)
		return nil, header, failure, Worth(resp.StatusCode) || failure.Kind == connectors.ErrThrottled
	}
	if fault := formFault(header, content); fault != "" {
		return nil, header, &connectors.Error{Kind: connectors.ErrIncomplete, Detail: fault}, true
	}
	if t.GoodFunc != nil {
		if err := t.GoodFunc(resp); err != nil {
			return nil, header, &connectors.Error{Kind: connectors.ErrIncomplete, Status: resp.StatusCode, Detail: Line(err.Error())}, false
		}
	}
	return resp, header, nil, false
}

// explain turns an answer that is no success into an error.
func (t *Transport) explain(resp *http.Response, content []byte) *connectors.Error {
	var failure *connectors.Error
	if t.ExplainFunc != nil {
		failure = t.ExplainFunc(resp.StatusCode, resp.Header, content)
	} else {
		failure = &connectors.Error{Kind: KindOf(resp.StatusCode)}
	}
	failure.Status = resp.StatusCode
	if failure.Detail == "" {
		failure.Detail = fmt.Sprintf("HTTP status %d", resp.StatusCode)
	}
	if t.DelayFunc != nil && Worth(resp.StatusCode) {
		failure.RetryAfter = max(0, t.DelayFunc(resp.Header))
	}
	return failure
}

// KindOf is the kind of error that a failed status means when nothing more is known.
func KindOf(status int) error {
	switch {
	case status == http.StatusUnauthorized:
		return connectors.ErrUnauthorised
	case status == http.StatusForbidden:
		return connectors.ErrForbidden
	case status == http.StatusTooManyRequests:
		return connectors.ErrThrottled
	case status >= 500 || status == http.StatusRequestTimeout:
		return connectors.ErrUnreachable
	case status == http.StatusBadRequest || status >= 300 && status <= 399:
		return connectors.ErrMisconfigured
	}
	return connectors.ErrIncomplete
}

// takeTurn waits as the pace asks, until there is room for the call, and while calls are held. The call has been charged then. leave
// makes room again.
func (t *Transport) takeTurn(req *http.Request, body []byte) (leave func(), charged toll, err error) {
	ctx := req.Context()
	charged, wait := t.Pace.charge(req, body, t.now())
	if wait > 0 {
		err = t.Pause(ctx, wait)
	}
	if err == nil {
		leave, err = t.Pace.enter(ctx)
	}
	if err != nil {
		t.Pace.refund(charged, t.now())
		return nil, toll{}, err
	}
	if err := t.awaitHold(ctx); err != nil {
		leave()
		t.Pace.refund(charged, t.now())
		return nil, toll{}, err
	}
	return leave, charged, nil
}

// awaitHold waits while calls are held.
func (t *Transport) awaitHold(ctx context.Context) error {
	for {
		t.mu.Lock()
		until := t.until
		t.mu.Unlock()
		held := until.Sub(t.now())
		if held <= 0 {
			return ctx.Err()
		}
		if err := t.Pause(ctx, held); err != nil {
			return err
		}
	}
}

// hold holds the next calls as an answer, and the failure that it may be, ask for.
func (t *Transport) hold(header http.Header, failure *connectors.Error) {
	if t.HoldFunc != nil {
		t.Hold(t.HoldFunc(header))
	}
	if failure != nil && failure.Status == http.StatusTooManyRequests {
		t.Hold(failure.RetryAfter)
	}
}

// Hold lets no call go before d has passed, or five minutes. It does not shorten what holds already.
func (t *Transport) Hold(d time.Duration) {
	until := t.now().Add(min(d, longestHold))
	t.mu.Lock()
	defer t.mu.Unlock()
	if d > 0 && until.After(t.until) {
		t.until = until
	}
}

// Pause waits for d or for the end of ctx, whose error it returns.
func (t *Transport) Pause(ctx context.Context, d time.Duration) error {
	if t.SleepFunc == nil {
		return Sleep(ctx, d)
	}
	began := time.Now()
	if err := t.SleepFunc(ctx, d); err != nil {
		return err
	}
	if hurried := d - time.Since(began); hurried > 0 {
		t.mu.Lock()
		t.hurried += hurried
		t.mu.Unlock()
	}
	return nil
}

// now is the time as it would be if SleepFunc had slept as long as it was asked to, so that simulations that hurry wait for the same
// things as real pulls do.
func (t *Transport) now() time.Time {
	t.mu.Lock()
	defer t.mu.Unlock()
	return time.Now().Add(t.hurried)
}

// Backoff is the wait after a failed try, from 1: doubling, and spread so that sources that failed together don't return together.
func Backoff(try int) time.Duration {
	d := min(firstBackoff<<(try-1), longestBackoff)
	return d/2 + rand.N(d)
}

// Worth tells whether a status says that trying again may help.
func Worth(status int) bool {
	switch status {
	case http.StatusRequestTimeout, http.StatusTooManyRequests, http.StatusInternalServerError,
		http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return true
	}
	return false
}

// formFault says what makes an answer no JSON document, as far as its head and its ends tell; "" if nothing does.
func formFault(header http.Header, content []byte) string {
	content = bytes.TrimSpace(content)
	kind, _, _ := strings.Cut(header.Get("Content-Type"), ";")
	switch {
	case len(content) == 0:
		return "the answer is empty"
	case strings.TrimSpace(kind) == "":
		return "the answer has no Content-Type where JSON's is expected"
	case !strings.Contains(strings.ToLower(kind), "json"):
		return fmt.Sprintf("the answer is %s instead of JSON", Line(strings.TrimSpace(kind)))
	}
	first, last := content[0], content[len(content)-1]
	if first == '{' && last == '}' || first == '[' && last == ']' {
		return ""
	}
	return "the answer ends in the middle"
}

// unreachable tells why a call got no answer, and what can be done about the way to the provider.
func unreachable(err error) *connectors.Error {
	failure := &connectors.Error{Kind: connectors.ErrUnreachable, Detail: Line(err.Error())}
	var name *net.DNSError
	var step *net.OpError
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		failure.Detail = fmt.Sprintf("no answer within %s", attemptTime)
	case untrusted(err):
		failure.Mend = "if a proxy on the way opens connections, trust the authority that signs for it: outbound.ca_file"
	case errors.As(err, &step) && step.Op == "proxyconnect", strings.Contains(err.Error(), http.StatusText(http.StatusProxyAuthRequired)):
		failure.Mend = "check that the proxy is there and lets this machine through: outbound.proxy"
	case errors.As(err, &name):
		failure.Mend = "this machine cannot find the host by its name: check its DNS, or name the proxy that has to be used: outbound.proxy"
	}
	return failure
}

// untrusted tells whether the other side's certificate was refused: trying again changes nothing.
func untrusted(err error) bool {
	var refused *tls.CertificateVerificationError
	return errors.As(err, &refused)
}

// takeBody reads and closes a request's body so that it can be sent again; nil if there is none.
func takeBody(req *http.Request) ([]byte, error) {
	if req.Body == nil || req.Body == http.NoBody {
		return nil, nil
	}
	defer req.Body.Close()
	return io.ReadAll(req.Body)
}

// readAll reads an answer up to just beyond the limit.
func readAll(resp *http.Response) ([]byte, error) {
	var content bytes.Buffer
	if resp.ContentLength > 0 && resp.ContentLength <= bodyLimit {
		content.Grow(int(resp.ContentLength) + bytes.MinRead)
	}
	_, err := content.ReadFrom(io.LimitReader(resp.Body, bodyLimit+1))
	return content.Bytes(), err
}

// Line makes one short line of what a provider sent, fit for an error: control characters, addresses and long words, which may be
// names or tokens, are taken out.
func Line(text string) string {
	const most = 200
	words := strings.Fields(strings.ToValidUTF8(text, ""))
	for i, word := range words {
		if strings.ContainsRune(word, '@') || len(word) > 80 {
			words[i] = "…"
		}
	}
	line := strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, strings.Join(words, " "))
	if runes := []rune(line); len(runes) > most {
		line = string(runes[:most-1]) + "…"
	}
	return line
}
