package scimapi

import (
	"context"
	"crypto/subtle"
	"errors"
	"net/http"
	"strings"
	"time"

	"rollcall/state"
)

// dormantRetry is what a source that left the configuration is told to wait: it may be back after a restart.
const dormantRetry = 5 * time.Minute

// authenticate finds out whose request this is. Each request looks its key up, so that a revoked key opens nothing from the next
// request on, here and in every other process. The answer to whoever shows no live key is always the same.
func (h *Handler) authenticate(c *call) error {
	hash, err := state.ParseKey(bearer(c.r.Header))
	if err != nil {
		return errUnauthorized
	}
	key, err := h.store.KeyByHash(c.r.Context(), hash)
	switch {
	case errors.Is(err, state.ErrNotFound):
		return errUnauthorized
	case err != nil:
		h.log.Error("cannot look a key up", logRequest, c.id, logError, err)
		return errUnavailable
	case subtle.ConstantTimeCompare(key.Hash[:], hash[:]) != 1:
		return errUnauthorized
	case !key.Live(c.start):
		reason := "expired"
		if !key.RevokedAt.IsZero() {
			reason = "revoked"
		}
		h.log.Warn("key refused", logRequest, c.id, logTenant, key.Scope.Tenant, logSource, key.Scope.Source, logKey, key.ID, logReason, reason)
		return errUnauthorized
	}
	c.key, c.scope = key, key.Scope
	h.touch(c.r.Context(), key, c.start)
	return nil
}

// bearer returns the key text of an Authorization header. The word "Bearer" may be missing (Okta's header mode sends what was
// typed) or there twice (pasted into a field that adds it), in any letter case.
func bearer(header http.Header) string {
	text := strings.TrimSpace(header.Get("Authorization"))
	for range 2 {
		word, rest, found := strings.Cut(text, " ")
		if !found || !strings.EqualFold(word, "bearer") {
			break
		}
		text = strings.TrimSpace(rest)
	}
	return text
}

// touch notes the use of a key, at most once a minute and key. Losing one is no harm: the request goes on.
func (h *Handler) touch(ctx context.Context, key state.Key, at time.Time) {
	if at.Sub(key.LastUsedAt) < time.Minute {
		return
	}
	if last, noted := h.touched.LoadOrStore(key.ID, at); noted {
		if at.Sub(last.(time.Time)) < time.Minute || !h.touched.CompareAndSwap(key.ID, last, at) {
			return
		}
	}
	if err := h.store.TouchKey(ctx, key, at); err != nil {
		h.log.Warn("cannot note the use of a key", logSource, key.Scope.Source, logKey, key.ID, logError, err)
	}
}

// admit lets the requests of a configured source in, as fast as it may ask.
func (h *Handler) admit(c *call) error {
	source, ok := h.sources(c.scope.Source)
	if !ok || source.Tenant != c.scope.Tenant {
		c.header("Retry-After", wholeSeconds(dormantRetry))
		return errDormant
	}
	c.source = source
	if wait := h.throttle.wait(c.scope.Source, source.Rate, c.start); wait > 0 {
		c.header("Retry-After", wholeSeconds(wait))
		return errThrottled
	}
	return nil
}
