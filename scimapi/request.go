package scimapi

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"rollcall/state"
	"rollcall/state/scim"
)

// keepBytes is how much of a body is kept to explain a push.
const keepBytes = 16 << 10

const redacted = "redacted"

// secretWords mark names whose values are never kept, wherever they appear. They begin with p, s or t.
var secretWords = []string{"password", "secret", "token"}

// request is the push as it is kept for explanation. Its answer is not repeated for one that succeeded: the journal entry has what
// the record became.
func (c *call) request(status int) *state.Request {
	path := c.r.URL.RequestURI()
	if decoded, err := url.QueryUnescape(path); hasSecret([]byte(path)) || err == nil && hasSecret([]byte(decoded)) {
		path = c.r.URL.EscapedPath()
	}
	return &state.Request{
		ID:     c.id,
		Scope:  c.scope,
		At:     c.start,
		KeyID:  c.key.ID,
		Method: knownMethod(c.r.Method),
		Path:   clip(path, keepBytes),
		Status: status,
		Body:   redact(c.received.Bytes()),
	}
}

// conclude counts and logs an answered request and keeps a failed push.
func (h *Handler) conclude(c *call) {
	h.metrics.Answered(c.scope.Source, c.endpointName(), knownMethod(c.r.Method), c.status, h.now().Sub(c.start))
	if c.status < http.StatusBadRequest {
		c.trace(slog.LevelDebug)
		return
	}
	h.noteFailure(c)
}

// noteFailure counts, logs and keeps a failed push, whether it came alone or as part of a bulk request. Failed reads are kept as well,
// apart from those that were only too many or too early, and, but for one a minute, those of a resource that is not there.
func (h *Handler) noteFailure(c *call) {
	if c.status < http.StatusBadRequest {
		return
	}
	if c.key.ID == "" || c.status == http.StatusTooManyRequests || c.status == http.StatusServiceUnavailable {
		level := slog.LevelDebug
		if due(&h.refused, c.scope.Source+" "+strconv.Itoa(c.status), c.start, time.Minute) {
			level = slog.LevelWarn // one a minute speaks for the others
		}
		c.trace(level)
		return
	}
	if !h.keepUnknown(c) {
		c.trace(slog.LevelDebug)
		return
	}
	push := c.request(c.status)
	if c.failed != nil {
		push.Detail, push.Answer = c.failed.Detail, appendError(nil, c.failed)
		if c.failed.Type == scim.TypeInvalidValue && c.endpoint != nil && c.endpoint.bulk && !c.reading() {
			h.metrics.Noticed(c.scope.Source, UnknownForm, 1)
		}
	}
	h.store.LogRequest(*push)
	c.trace(slog.LevelInfo)
}

// keepUnknown counts a request for a resource that is not there and tells whether a failure is to be kept.
func (h *Handler) keepUnknown(c *call) bool {
	switch {
	case c.status != http.StatusNotFound:
		return true
	case c.endpoint == nil || !c.endpoint.item:
		return !c.reading()
	}
	h.metrics.Noticed(c.scope.Source, UnknownID, 1)
	c.lane.unknown.Add(1)
	if !c.reading() {
		return true
	}
	last, now := c.lane.read.Load(), c.start.UnixMilli()
	return now-last >= time.Minute.Milliseconds() && c.lane.read.CompareAndSwap(last, now)
}

func (c *call) reading() bool { return c.r.Method == http.MethodGet || c.r.Method == http.MethodHead }

func (c *call) trace(level slog.Level) {
	if ctx := c.r.Context(); c.h.log.Enabled(ctx, level) {
		log := c.log()
		if c.failed != nil && c.failed.Type != "" {
			log = log.With(logType, c.failed.Type)
		}
		log.Log(ctx, level, "answered", logStatus, c.status, logTook, c.h.now().Sub(c.start).Seconds())
	}
}

// redact returns what may be kept of a body. One that names a secret, or may do so behind an escape, and cannot be read is not kept.
func redact(body []byte) []byte {
	if len(body) == 0 {
		return nil
	}
	if hasSecret(body) || bytes.Contains(body, []byte(`\u`)) {
		value, err := scim.ReadJSON(body, scim.DefaultLimits)
		if err != nil {
			return nil
		}
		body = withoutSecrets(value).AppendJSON(nil)
	}
	return bytes.Clone(clip(body, keepBytes))
}

// withoutSecrets replaces the values of fields whose names tell a secret, of patch operations whose path does, and filters that do.
func withoutSecrets(v scim.Value) scim.Value {
	switch v.Kind {
	case scim.Array:
		list := make([]scim.Value, len(v.List))
		for i := range v.List {
			list[i] = withoutSecrets(v.List[i])
		}
		return scim.ListOf(list...)
	case scim.Object:
		hidden := hasSecret([]byte(v.Get("path").Text))
		fields := make([]scim.Field, len(v.Fields))
		for i, f := range v.Fields {
			asks := strings.EqualFold(f.Name, "filter") && hasSecret([]byte(f.Value.Text))
			if hasSecret([]byte(f.Name)) || hidden && strings.EqualFold(f.Name, "value") || asks {
				f.Value = scim.StringValue(redacted)
			}
			fields[i] = scim.Field{Name: f.Name, Value: withoutSecrets(f.Value)}
		}
		return scim.ObjectOf(fields...)
	}
	return v
}

// hasSecret tells whether a text names a secret, in any letter case.
func hasSecret(text []byte) bool {
	for i, c := range text {
		switch c | 0x20 {
		case 'p', 's', 't':
			for _, word := range secretWords {
				if c|0x20 == word[0] && i+len(word) <= len(text) && bytes.EqualFold(text[i:i+len(word)], []byte(word)) {
					return true
				}
			}
		}
	}
	return false
}

// clip cuts a text to a length, at the boundary of a character.
func clip[T string | []byte](text T, limit int) T {
	if len(text) <= limit {
		return text
	}
	for limit > 0 && !utf8.RuneStart(text[limit]) {
		limit--
	}
	return text[:limit]
}
