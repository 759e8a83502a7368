package entra

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"rollcall/connectors"
	"rollcall/connectors/rest"
)

// graphTransport is the whole pipeline below the SDK's adapter. The SDK's own is left out: its middleware comes in random order, so
// that a repeated $batch may carry a plain body under a gzip header, it waits at most 180 seconds and retries neither 502 nor a lost
// connection, and its client's timeout counts the waits.
func graphTransport(cfg Config, origin string, credential *credential) *rest.Transport {
	return &rest.Transport{
		Base:   cfg.Transport,
		Origin: origin,
		ExplainFunc: func(status int, header http.Header, body []byte) *connectors.Error {
			if status == http.StatusUnauthorized {
				credential.refused.Store(true)
			}
			return explain(status, header, body)
		},
		DelayFunc: retryAfter,
		HoldFunc:  holdBack,
		PassFunc:  challenged,
		SleepFunc: cfg.SleepFunc,
		Pace:      graphPace(cfg.Share),
	}
}

// loginTransport carries azidentity's calls. A simulator's sign-in on plain HTTP is shown to azidentity as HTTPS, because it accepts
// nothing else.
func loginTransport(cfg Config, loginURL *url.URL, origin string) *rest.Transport {
	t := &rest.Transport{Base: cfg.Transport, Origin: origin, ExplainFunc: explainSignIn, DelayFunc: retryAfter, SleepFunc: cfg.SleepFunc}
	if loginURL.Scheme == "http" {
		t.Base = plainLogin{base: cfg.Transport, plain: rest.OriginOf(loginURL), shown: origin}
	}
	return t
}

// identityClient carries azidentity's calls to the machine's own identity service, whose address the platform chooses. They must not
// go through a proxy, which would be asked for its own identity or know none
// (learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token).
func identityClient(cfg Config) *http.Client {
	base := cfg.Transport
	if base == nil {
		base = http.DefaultTransport
	}
	if network, ok := base.(*http.Transport); ok {
		direct := network.Clone()
		direct.Proxy = nil
		direct.DialContext = (&net.Dialer{Timeout: identityTime}).DialContext
		base = direct
	}
	return &http.Client{
		Transport:     identityService{base: base, sleep: cfg.SleepFunc},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// identityTime is how long the machine's own identity service may take to be there: away from Azure, nothing answers at its address.
const identityTime = 3 * time.Second

// identityService is a transport to whatever host azidentity asks.
type identityService struct {
	base  http.RoundTripper
	sleep func(context.Context, time.Duration) error
}

func (s identityService) RoundTrip(req *http.Request) (*http.Response, error) {
	t := rest.Transport{
		Base:        s.base,
		Origin:      rest.OriginOf(req.URL),
		ExplainFunc: explainIdentity,
		DelayFunc:   retryAfter,
		PassFunc:    func(resp *http.Response) bool { return resp.StatusCode == http.StatusUnauthorized }, // Azure Arc's first answer
		SleepFunc:   s.sleep,
	}
	return t.RoundTrip(req)
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
		const most = 366 * 24 * 60 * 60
		return time.Duration(min(seconds, most)) * time.Second
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

// holdBack slows down when Graph says that more than 80 % of the limit is used, by whomever: the fuller, the longer, up to the ten
// seconds over which it is counted (learn.microsoft.com/graph/throttling-limits).
func holdBack(header http.Header) time.Duration {
	used, err := strconv.ParseFloat(header.Get("x-ms-throttle-limit-percentage"), 64)
	if err != nil || !(used > 0.8) {
		return 0
	}
	return time.Duration(min((used-0.8)*10, 10) * float64(time.Second))
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
