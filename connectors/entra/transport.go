package entra

import (
	"bytes"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"rollcall/connectors/rest"
)

// graphTransport is the whole pipeline below the SDK's adapter. The SDK's own is left out: its middleware comes in random order, so
// that a repeated $batch may carry a plain body under a gzip header, it waits at most 180 seconds and retries neither 502 nor a lost
// connection, and its client's timeout counts the waits.
func graphTransport(cfg Config, origin string) *rest.Transport {
	return &rest.Transport{
		Base:        cfg.Transport,
		Origin:      origin,
		ExplainFunc: explain,
		DelayFunc:   retryAfter,
		HoldFunc:    holdBack,
		PassFunc:    challenged,
		SleepFunc:   cfg.SleepFunc,
	}
}

// loginTransport carries azidentity's calls, which reads failures itself. A simulator's sign-in on plain HTTP is shown to azidentity
// as HTTPS, because it accepts nothing else.
func loginTransport(cfg Config, loginURL *url.URL, origin string) *rest.Transport {
	t := &rest.Transport{Base: cfg.Transport, Origin: origin, Raw: true, DelayFunc: retryAfter, SleepFunc: cfg.SleepFunc}
	if loginURL.Scheme == "http" {
		t.Base = plainLogin{base: cfg.Transport, plain: rest.OriginOf(loginURL), shown: origin}
	}
	return t
}

// plainLogin speaks HTTP to an address that its caller thinks is HTTPS.
type plainLogin struct {
	base         http.RoundTripper // nil = http.DefaultTransport
	plain, shown string            // origins
}

func (p plainLogin) RoundTrip(req *http.Request) (*http.Response, error) {
	base := p.base
	if base == nil {
		base = http.DefaultTransport
	}
	call := req.Clone(req.Context())
	call.URL.Scheme = "http"
	resp, err := base.RoundTrip(call)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	body = bytes.ReplaceAll(body, []byte(p.plain), []byte(p.shown))
	resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	return resp, nil
}

// retryAfter reads a Retry-After header, seconds or a date by the server's own clock.
func retryAfter(header http.Header) time.Duration {
	value := header.Get("Retry-After")
	if seconds, err := strconv.Atoi(value); err == nil {
		return time.Duration(seconds) * time.Second
	}
	at, err := http.ParseTime(value)
	if err != nil {
		return 0
	}
	now, err := http.ParseTime(header.Get("Date"))
	if err != nil {
		now = time.Now()
	}
	return at.Sub(now)
}

// holdBack slows down when Graph says that 90 % of the limit is used, which it counts over ten seconds
// (learn.microsoft.com/graph/throttling-limits).
func holdBack(header http.Header) time.Duration {
	used, err := strconv.ParseFloat(header.Get("x-ms-throttle-limit-percentage"), 64)
	if err != nil || used < 0.9 {
		return 0
	}
	return 2 * time.Second
}

// claims is the one form of that parameter that the adapter can read; it panics on others.
var claims = regexp.MustCompile(`^claims="[A-Za-z0-9+/=]+"$`)

// challenged tells a refusal that asks for a token with more claims in it (continuous access evaluation): the adapter answers it once.
func challenged(resp *http.Response) bool {
	scheme, parameters, _ := strings.Cut(resp.Header.Get("WWW-Authenticate"), " ")
	if resp.StatusCode != http.StatusUnauthorized || !strings.EqualFold(scheme, "Bearer") {
		return false
	}
	for parameter := range strings.SplitSeq(parameters, ",") {
		if parameter = strings.TrimSpace(parameter); strings.HasPrefix(parameter, "claims") {
			return claims.MatchString(parameter)
		}
	}
	return false
}
