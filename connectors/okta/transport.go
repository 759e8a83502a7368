package okta

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"rollcall/connectors"
	"rollcall/connectors/rest"
)

// concurrency is how many calls are on their way at once: an org answers 75, for all its clients together, and a free one 35.
const concurrency = 2

// newClient is what the SDK's executor gets for an HTTP client. Left to itself, the executor repeats a call whose connection is closed
// without pause or end, waits at most 30 seconds for a limit that resets in 60, and never repeats one that met a fault of the server:
// below it, here, all that is dealt with before it sees anything.
func newClient(cfg Config, org *url.URL) *http.Client {
	transport := func(explain func(int, http.Header, []byte) *connectors.Error) *rest.Transport {
		return &rest.Transport{Base: cfg.Transport, Origin: rest.OriginOf(org), ExplainFunc: explain, DelayFunc: untilReset, SleepFunc: cfg.SleepFunc}
	}
	api := transport(explain)
	api.HoldFunc, api.GoodFunc = holdBack, prepare
	api.Pace = &rest.Pace{Window: time.Minute, Share: cfg.Share, Most: concurrency, CostFunc: family, LearnFunc: learn}
	var way credentials
	if cfg.APIToken != nil {
		way = &apiToken{read: cfg.APIToken}
	} else {
		way = &serviceApp{
			clientID: cfg.ClientID, keyID: cfg.KeyID, readKey: cfg.PrivateKey, tokenURL: org.String() + tokenPath,
			client: transport(explainToken).Client(), now: time.Now, turn: make(chan struct{}, 1), tokens: map[string]accessToken{},
		}
	}
	client := api.Client()
	client.Transport = &signIn{next: api, credentials: way}
	return client
}

// family names the calls that share a rate limit: those to the same path, whatever ids are in it
// (developer.okta.com/docs/reference/rate-limits). Each costs one.
func family(req *http.Request, _ []byte) (name string, units float64) {
	steps := strings.Split(strings.TrimPrefix(req.URL.Path, "/api/v1/"), "/")
	for i := 1; i < len(steps); i += 2 {
		steps[i] = "*"
	}
	return strings.Join(steps, "/"), 1
}

// learn reads a limit, of one minute. 0 is the concurrency limit's way of saying nothing.
func learn(header http.Header) rest.Learned {
	limit, err := strconv.Atoi(header.Get("X-Rate-Limit-Limit"))
	if err != nil || limit <= 0 {
		return rest.Learned{}
	}
	return rest.Learned{Limit: float64(limit)}
}

// untilReset is how long until the rate limit's window ends, by the server's own clock
// (developer.okta.com/docs/reference/rl-best-practices).
func untilReset(header http.Header) time.Duration {
	reset, err := strconv.ParseInt(header.Get("X-Rate-Limit-Reset"), 10, 64)
	if err != nil {
		return 0
	}
	now, err := http.ParseTime(header.Get("Date"))
	if err != nil {
		now = time.Now()
	}
	return time.Unix(reset, 0).Sub(now) + time.Second
}

// holdBack spreads the calls that are left over what is left of the window once less than a tenth of them is: a warning mail to the
// customer's administrators comes before the limit does.
func holdBack(header http.Header) time.Duration {
	limit := learn(header).Limit
	remaining, err := strconv.Atoi(header.Get("X-Rate-Limit-Remaining"))
	if err != nil || remaining < 0 || float64(remaining)*10 >= limit { // as it is without a limit
		return 0
	}
	return max(0, untilReset(header)) / time.Duration(remaining+1)
}

var (
	errNextURL  = errors.New("the link to the next page is no URL")
	errNextPath = errors.New("the link to the next page leads to another listing")
)

// prepare readies a good answer for the SDK. Its Link headers are reduced to the one that matters, in the one form that the SDK reads:
// it takes only the first link of a line, so that self and next in one line are an endless loop, and it panics on what is no URL. The
// body is declared binary, by which the SDK leaves decoding to its caller: its own types fail on a field of another form, whether or
// not anybody wants it.
func prepare(resp *http.Response) error {
	next := nextLink(resp.Header.Values("Link"))
	resp.Header.Del("Link")
	resp.Header.Set("Content-Type", "application/octet-stream")
	if next == "" {
		return nil
	}
	target, err := url.Parse(next)
	if err != nil {
		return errNextURL
	}
	if target.Path != resp.Request.URL.Path {
		return errNextPath
	}
	resp.Header.Set("Link", "<"+target.String()+`>; rel="next"`)
	return nil
}

// nextLink finds the target with relation next in Link header lines, each with any number of links (RFC 8288 §3).
func nextLink(lines []string) string {
	for _, line := range lines {
		for {
			_, rest, found := strings.Cut(line, "<")
			target, rest, closed := strings.Cut(rest, ">")
			if !found || !closed {
				break
			}
			parameters, _, _ := strings.Cut(rest, "<")
			if isNext(parameters) {
				return target
			}
			line = rest
		}
	}
	return ""
}

// isNext tells whether a link's parameters name the relation next, perhaps among others.
func isNext(parameters string) bool {
	for parameter := range strings.FieldsFuncSeq(parameters, func(r rune) bool { return r == ';' || r == ',' }) {
		name, value, _ := strings.Cut(strings.TrimSpace(parameter), "=")
		if !strings.EqualFold(strings.TrimSpace(name), "rel") {
			continue
		}
		for relation := range strings.FieldsSeq(strings.Trim(strings.TrimSpace(value), `"`)) {
			if strings.EqualFold(relation, "next") {
				return true
			}
		}
	}
	return false
}
