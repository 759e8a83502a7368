package scimapi

import (
	"bytes"
	"errors"
	"log/slog"
	"mime"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"rollcall/state"
	"rollcall/state/scim"
)

const (
	mediaType = "application/scim+json"
	plainType = "application/json"

	spillAt = 64 << 10 // an answer longer than this is streamed
	keepBuf = 1 << 20  // buffers that grew beyond this are not kept for the next call
)

// call is one request on its way to its answer. It belongs to the goroutine that serves the request and is reused for later ones,
// so nothing may keep it or its buffers.
type call struct {
	h *Handler
	w http.ResponseWriter
	r *http.Request

	id        string // names the request in logs, in the record and in the answer's X-Request-Id
	start     time.Time
	key       state.Key
	irregular bool // the key was shown otherwise than RFC 6750 wants it
	scope     state.Scope
	source    Source
	types     Types
	lane      *lane
	endpoint  *endpoint
	target    string                // the path's last part where it names something: an id, a schema, a resource type
	received  bytes.Buffer          // the body as sent
	groups    map[int64][]state.Ref // of the accounts that are about to be rendered; nil: each is asked for
	given     *scim.Value           // the body of an operation of a bulk request, which was read with the whole
	quoted    []byte                // place as the beginning of a JSON string, once it is needed
	place     string                // base URL, once it is known

	status int
	failed *scim.Error // what is answered, if it is an error
	sent   bool        // the header is out: nothing can be taken back
	held   bool        // nothing may go out yet: what is being rendered is read again
	brief  bool        // only headers and failures are wanted of the answer
	out    []byte      // what is still to be sent
}

func (c *call) begin(w http.ResponseWriter, r *http.Request) {
	c.w, c.r = w, r
	c.id = string(state.NewID())
	c.start = c.h.now()
	c.header("X-Request-Id", c.id)
}

func (c *call) end() {
	received, out, quoted := c.received, c.out[:0], c.quoted[:0]
	received.Reset()
	if received.Cap() > keepBuf {
		received = bytes.Buffer{}
	}
	if cap(out) > keepBuf {
		out = nil
	}
	*c = call{h: c.h, received: received, out: out, quoted: quoted}
}

func (c *call) endpointName() string {
	if c.endpoint == nil {
		return ""
	}
	return c.endpoint.name
}

func (c *call) header(name, value string) { c.w.Header().Set(name, value) }

// log adds what every record about this call carries.
func (c *call) log() *slog.Logger {
	return c.h.log.With(logRequest, c.id, logTenant, c.scope.Tenant, logSource, c.scope.Source, logKey, c.key.ID,
		logEndpoint, c.endpointName(), logMethod, knownMethod(c.r.Method))
}

// body reads what was sent, within the limits, as one JSON object.
func (c *call) body() (scim.Value, error) {
	value := scim.Value{}
	if c.given != nil {
		value = *c.given
	} else {
		if err := c.receive(); err != nil {
			return scim.Value{}, err
		}
		var err error
		if value, err = scim.ReadJSON(c.received.Bytes(), c.h.limits.JSON); err != nil {
			return scim.Value{}, err
		}
	}
	if value.Kind != scim.Object {
		return scim.Value{}, scim.BadRequest(scim.TypeInvalidSyntax, "the request body must be a JSON object")
	}
	return value, nil
}

// receive reads the bytes that were sent.
func (c *call) receive() error {
	if err := c.acceptable(); err != nil {
		return err
	}
	limit := c.h.limits.Body
	over := &http.MaxBytesError{}
	var err error
	if c.r.ContentLength > limit {
		err = over
	} else {
		_, err = c.received.ReadFrom(http.MaxBytesReader(c.w, c.r.Body, limit))
	}
	switch {
	case errors.As(err, &over):
		return tooLarge("the body is larger than %d bytes, the limit (maxPayloadSize); split the request", limit)
	case err != nil:
		return scim.BadRequest(scim.TypeInvalidSyntax, "the request body ended early")
	}
	return nil
}

// acceptable refuses bodies that are not JSON by their own word. One that says nothing is taken for JSON: Okta's reads and some
// clients' writes come without a type.
func (c *call) acceptable() error {
	if encoding := c.r.Header.Get("Content-Encoding"); encoding != "" && !strings.EqualFold(encoding, "identity") {
		return errEncoding
	}
	sent := c.r.Header.Get("Content-Type")
	if sent == mediaType || sent == "" && !c.strict() {
		return nil
	}
	media, parameters, err := mime.ParseMediaType(sent)
	if err != nil || media != mediaType && media != plainType && (media != "text/json" || c.strict()) {
		return errMediaType
	}
	if charset := parameters["charset"]; charset != "" && !strings.EqualFold(charset, "utf-8") {
		return errMediaType
	}
	return nil
}

// answer starts an answer; the body follows in c.out.
func (c *call) answer(status int) {
	c.status = status
	c.out = c.out[:0]
}

// spill sends what has gathered once it is a lot. A reader that is gone ends the answer.
func (c *call) spill() error {
	if len(c.out) < spillAt || c.held {
		return nil
	}
	return c.flush()
}

func (c *call) flush() error {
	if !c.sent {
		c.sent = true
		if len(c.out) > 0 {
			c.header("Content-Type", answerType(c.r.Header.Get("Accept")))
		}
		c.w.WriteHeader(c.status)
	}
	_, err := c.w.Write(c.out)
	c.out = c.out[:0]
	return err
}

// answerType is SCIM's own media type, unless the client accepts none but plain JSON (RFC 7644 §3.1, §8.1).
func answerType(accept string) string {
	if accept != "" && strings.Contains(accept, plainType) && !strings.Contains(accept, mediaType) && !strings.Contains(accept, "*") {
		return plainType
	}
	return mediaType
}

// finish sends what is left. An answer that fitted into the buffer gets its length.
func (c *call) finish() {
	if !c.sent && len(c.out) > 0 {
		c.header("Content-Length", strconv.Itoa(len(c.out)))
	}
	if !c.sent || len(c.out) > 0 {
		_ = c.flush() // a client that went away needs no answer
	}
}

// fail replaces the answer by an error's. Where half an answer is out already, the connection is broken off, so that nobody takes it
// for a whole one.
func (c *call) fail(err error) {
	if c.sent {
		if c.r.Context().Err() == nil {
			c.log().Error("answer broken off", logError, err)
		}
		panic(http.ErrAbortHandler)
	}
	failure := c.failure(err)
	header := c.w.Header()
	header.Del("Location")
	header.Del("ETag")
	switch failure.Status {
	case http.StatusUnauthorized:
		header.Set("WWW-Authenticate", `Bearer realm="scim"`)
	case http.StatusServiceUnavailable, http.StatusTooManyRequests:
		if header.Get("Retry-After") == "" {
			header.Set("Retry-After", "1")
		}
	}
	c.answer(failure.Status)
	c.failed = failure
	c.out = appendError(c.out, failure)
}

// base is the URL under which this request reached the receiver; locations begin with it.
func (c *call) base() string {
	if c.place == "" {
		c.place = c.origin() + c.h.basePath
	}
	return c.place
}

func (c *call) origin() string {
	if c.h.public != "" {
		return c.h.public
	}
	scheme, host := "http", c.r.Host
	if c.r.TLS != nil {
		scheme = "https"
	}
	if c.proxied() {
		if proto := firstOf(c.r.Header.Get("X-Forwarded-Proto")); proto == "http" || proto == "https" {
			scheme = proto
		}
		if forwarded := firstOf(c.r.Header.Get("X-Forwarded-Host")); forwarded != "" {
			host = forwarded
		}
	}
	return scheme + "://" + host
}

func (c *call) proxied() bool {
	if len(c.h.proxies) == 0 {
		return false
	}
	peer, err := netip.ParseAddrPort(c.r.RemoteAddr)
	if err != nil {
		return false
	}
	for _, proxy := range c.h.proxies {
		if proxy.Contains(peer.Addr().Unmap()) {
			return true
		}
	}
	return false
}

func firstOf(list string) string {
	first, _, _ := strings.Cut(list, ",")
	return strings.TrimSpace(first)
}
