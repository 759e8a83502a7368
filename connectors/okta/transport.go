package okta

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"rollcall/connectors/rest"
)

// oktaTransport is what the SDK's executor gets for an HTTP client. Left to itself, the executor repeats a call whose connection is
// closed without pause or end, waits at most 30 seconds for a limit that resets in 60, and never repeats one that met a fault of the
// server: below it, here, all that is dealt with before it sees anything.
func oktaTransport(cfg Config, origin string) *rest.Transport {
	return &rest.Transport{
		Base:        cfg.Transport,
		Origin:      origin,
		ExplainFunc: explain,
		DelayFunc:   untilReset,
		HoldFunc:    holdBack,
		GoodFunc:    prepare,
		SleepFunc:   cfg.SleepFunc,
	}
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
	limit, err := strconv.Atoi(header.Get("X-Rate-Limit-Limit"))
	if err != nil || limit <= 0 { // 0 is the concurrency limit's way of saying nothing
		return 0
	}
	remaining, err := strconv.Atoi(header.Get("X-Rate-Limit-Remaining"))
	if err != nil || remaining < 0 || remaining*10 >= limit {
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
