package scimapi

import (
	"context"
	"crypto/subtle"
	"errors"
	"net/http"
	"strings"
	"sync"
	"time"

	"rollcall/state"
)

// dormantRetry is what a source that left the configuration is told to wait: it may be back after a restart.
const dormantRetry = 5 * time.Minute

// authenticate finds out whose request this is, by a key or by an access token of one. Each request looks the key up, so that a
// revoked one opens nothing from the next request on, here and in every other process. The answer to whoever shows nothing that
// opens is always the same.
func (h *Handler) authenticate(c *call) error {
	shown := bearer(c.r.Header)
	key, err := h.keyShown(c, shown.text)
	switch {
	case errors.Is(err, state.ErrNotFound):
		return errUnauthorized
	case err != nil:
		h.log.Error("cannot look a key up", logRequest, c.id, logError, err)
		return errUnavailable
	case !key.Live(c.start):
		h.refuse(c.id, key)
		return errUnauthorized
	}
	c.key, c.scope, c.irregular = key, key.Scope, !shown.regular
	h.touch(c.r.Context(), key, c.start)
	return nil
}

// keyShown returns the key that a text is, or is an access token of; ErrNotFound if it is neither.
func (h *Handler) keyShown(c *call, text string) (state.Key, error) {
	if isToken(text) {
		return h.tokens.key(c.r.Context(), h.store, text, c.start)
	}
	return h.keyOf(c.r.Context(), text)
}

// keyOf looks a key up by its text, whether it is live or not.
func (h *Handler) keyOf(ctx context.Context, text string) (state.Key, error) {
	hash, err := state.ParseKey(text)
	if err != nil {
		return state.Key{}, state.ErrNotFound
	}
	key, err := h.store.KeyByHash(ctx, hash)
	if err == nil && subtle.ConstantTimeCompare(key.Hash[:], hash[:]) != 1 {
		return state.Key{}, state.ErrNotFound
	}
	return key, err
}

// refuse tells the operator, and nobody else, why a key opens nothing.
func (h *Handler) refuse(request string, key state.Key) {
	reason := "expired"
	if !key.RevokedAt.IsZero() {
		reason = "revoked"
	}
	h.log.Warn("key refused", logRequest, request, logTenant, key.Scope.Tenant, logSource, key.Scope.Source, logKey, key.ID, logReason, reason)
}

// shown is what an Authorization header shows.
type shown struct {
	text    string
	regular bool // as RFC 6750 §2.1 wants it
}

// bearer returns the key text of an Authorization header. The word "Bearer" may be missing (Okta's header mode sends what was
// typed) or there twice (pasted into a field that adds it), in any letter case.
func bearer(header http.Header) shown {
	text := strings.TrimSpace(header.Get("Authorization"))
	words := 0
	for ; words < 2; words++ {
		word, rest, found := strings.Cut(text, " ")
		if !found || !strings.EqualFold(word, "bearer") {
			break
		}
		text = strings.TrimSpace(rest)
	}
	return shown{text: text, regular: words == 1}
}

// touch notes the use of a key, at most once a minute and key, and that it is about to expire. Losing one is no harm: the request
// goes on.
func (h *Handler) touch(ctx context.Context, key state.Key, at time.Time) {
	if at.Sub(key.LastUsedAt) < time.Minute || !due(&h.touched, key.ID, at, time.Minute) {
		return
	}
	if !key.ExpiresAt.IsZero() && key.ExpiresAt.Sub(at) < KeyWarning && due(&h.warned, key.ID, at, 24*time.Hour) {
		h.metrics.Noticed(key.Scope.Source, KeyExpiring, 1)
		h.log.Warn("key expires soon; issue another and hand it over", logTenant, key.Scope.Tenant, logSource, key.Scope.Source, logKey, key.ID,
			logExpires, key.ExpiresAt)
	}
	if err := h.store.TouchKey(ctx, key, at); err != nil {
		h.log.Warn("cannot note the use of a key", logSource, key.Scope.Source, logKey, key.ID, logError, err)
	}
}

// due tells one caller in each interval that it is its turn.
func due(times *sync.Map, id string, at time.Time, every time.Duration) bool {
	last, noted := times.LoadOrStore(id, at)
	return !noted || at.Sub(last.(time.Time)) >= every && times.CompareAndSwap(id, last, at)
}

// admit lets the requests of a configured source in: as fast as it may ask, and no more at a time than leaves room for others. Whoever
// is admitted has a turn, to be given back.
func (h *Handler) admit(c *call) error {
	source, ok := h.sources(c.scope.Source)
	if !ok || source.Tenant != c.scope.Tenant {
		c.header("Retry-After", wholeSeconds(dormantRetry))
		return errDormant
	}
	c.source, c.types = source, source.Types.orElse(h.types)
	if c.irregular && c.strict() {
		return errUnauthorized
	}
	c.lane = h.lanes.of(c.scope.Source, &h.limits)
	if wait := c.lane.tooFast(source.Rate, c.start); wait > 0 {
		c.header("Retry-After", wholeSeconds(wait))
		return errThrottled
	}
	return c.wait(c.lane.turns)
}

// wait waits for a turn.
func (c *call) wait(turns chan struct{}) error {
	err := take(c.r.Context(), turns, c.h.limits.Wait)
	if errors.Is(err, errCrowded) {
		c.h.metrics.Noticed(c.scope.Source, Crowded, 1)
	}
	return err
}
