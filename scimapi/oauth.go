package scimapi

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net/http"
	"net/url"
	"runtime/debug"
	"strings"
	"time"

	"rollcall/state"
)

// maxTokenRequest bounds the body of a token request, in bytes.
const maxTokenRequest = 16 << 10

// grantError is a failure in OAuth's own form (RFC 6749 §5.2), which is not SCIM's.
type grantError struct {
	status int
	Code   string        `json:"error"`
	Detail string        `json:"error_description"`
	after  time.Duration // Retry-After, if not 0
}

func (e *grantError) Error() string { return e.Code + ": " + e.Detail }

var (
	errClient = &grantError{status: http.StatusUnauthorized, Code: "invalid_client",
		Detail: "client_id must be the name of a source and client_secret a live key of it"}
	errGrant   = &grantError{status: http.StatusBadRequest, Code: "unsupported_grant_type", Detail: "grant_type must be client_credentials"}
	errNoGrant = &grantError{status: http.StatusBadRequest, Code: "invalid_request", Detail: "grant_type is missing; it must be client_credentials"}
	errPost    = &grantError{status: http.StatusMethodNotAllowed, Code: "invalid_request", Detail: "tokens are asked for by POST"}
	errForm    = &grantError{status: http.StatusBadRequest, Code: "invalid_request",
		Detail: "the body must be application/x-www-form-urlencoded, each parameter at most once"}
	errTwoWays = &grantError{status: http.StatusBadRequest, Code: "invalid_request", Detail: "the client names itself in two ways that differ"}
	errNoToken = &grantError{status: http.StatusServiceUnavailable, Code: "temporarily_unavailable", Detail: "no token can be issued at present; try again soon", after: time.Second}
)

// issueToken answers a token request (RFC 6749 §4.4): client_id is the name of a source, client_secret a live key of it, in the form
// or as HTTP Basic.
func (h *Handler) issueToken(w http.ResponseWriter, r *http.Request) {
	id, start := string(state.NewID()), h.now()
	source, status := "", http.StatusOK
	defer func() {
		if cause := recover(); cause != nil {
			h.log.Error("request panicked", logRequest, id, logPanic, cause, logStack, string(debug.Stack()))
			status = answerGrant(w, nil, errNoToken)
		}
		h.metrics.Answered(source, h.tokens.path, knownMethod(r.Method), status, h.now().Sub(start))
	}()
	w.Header().Set("X-Request-Id", id)
	key, err := h.grant(id, r, start)
	if err != nil {
		var told *grantError
		if !errors.As(err, &told) {
			h.log.Error("cannot issue a token", logRequest, id, logError, err)
			told = errNoToken
		}
		status = answerGrant(w, r, told)
		return
	}
	source = key.Scope.Source
	until := start.Add(TokenLife)
	if !key.ExpiresAt.IsZero() && key.ExpiresAt.Before(until) {
		until = key.ExpiresAt
	}
	h.touch(r.Context(), key, start)
	sendGrant(w, http.StatusOK, struct {
		Token string `json:"access_token"`
		Type  string `json:"token_type"`
		Life  int64  `json:"expires_in"`
	}{h.tokens.issue(key, until), "Bearer", int64(until.Sub(start).Seconds())})
}

// grant returns the key whose holder asks.
func (h *Handler) grant(id string, r *http.Request, at time.Time) (state.Key, error) {
	if r.Method != http.MethodPost {
		return state.Key{}, errPost
	}
	form, err := readForm(r)
	if err != nil {
		return state.Key{}, err
	}
	client, secret, err := credentials(r, form)
	if err != nil {
		return state.Key{}, err
	}
	key, err := h.client(r.Context(), id, client, secret, at)
	if err != nil {
		return state.Key{}, err
	}
	switch form.Get("grant_type") {
	case "client_credentials":
		return key, nil
	case "":
		return state.Key{}, errNoGrant
	}
	return state.Key{}, errGrant
}

// client returns the live key of a source that is configured and does not ask too often.
func (h *Handler) client(ctx context.Context, id, client, secret string, at time.Time) (state.Key, error) {
	key, err := h.keyOf(ctx, secret)
	switch {
	case errors.Is(err, state.ErrNotFound):
		return state.Key{}, errClient
	case err != nil:
		return state.Key{}, err
	case key.Scope.Source != client:
		return state.Key{}, errClient
	case !key.Live(at):
		h.refuse(id, key)
		return state.Key{}, errClient
	}
	source, ok := h.sources(client)
	if !ok || source.Tenant != key.Scope.Tenant {
		dormant := *errNoToken
		dormant.after = dormantRetry
		return state.Key{}, &dormant
	}
	if wait := h.lanes.of(client, &h.limits).tooFast(source.Rate, at); wait > 0 {
		return state.Key{}, &grantError{status: http.StatusTooManyRequests, Code: "temporarily_unavailable", Detail: errThrottled.Detail, after: wait}
	}
	return key, nil
}

// readForm reads the body; what stands in the URL does not count, as secrets there end up in logs.
func readForm(r *http.Request) (url.Values, error) {
	media, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || media != "application/x-www-form-urlencoded" {
		return nil, errForm
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxTokenRequest+1))
	if err != nil || len(body) > maxTokenRequest {
		return nil, errForm
	}
	form, err := url.ParseQuery(string(body))
	if err != nil {
		return nil, errForm
	}
	for _, values := range form {
		if len(values) > 1 {
			return nil, errForm
		}
	}
	return form, nil
}

// credentials finds who the client says it is. In HTTP Basic both parts are encoded as in a form (RFC 6749 §2.3.1).
func credentials(r *http.Request, form url.Values) (client, secret string, err error) {
	client, secret = form.Get("client_id"), form.Get("client_secret")
	user, password, basic := r.BasicAuth()
	if !basic {
		return client, secret, nil
	}
	user, password = formText(user), formText(password)
	if client != "" && client != user || secret != "" && secret != password {
		return "", "", errTwoWays
	}
	return user, password, nil
}

func formText(text string) string {
	if decoded, err := url.QueryUnescape(text); err == nil {
		return decoded
	}
	return text
}

// answerGrant answers with a failure and returns its status.
func answerGrant(w http.ResponseWriter, r *http.Request, e *grantError) int {
	switch {
	case e.status == http.StatusUnauthorized && r != nil && strings.HasPrefix(r.Header.Get("Authorization"), "Basic"):
		w.Header().Set("WWW-Authenticate", `Basic realm="scim"`)
	case e.status == http.StatusUnauthorized:
		w.Header().Set("WWW-Authenticate", `Bearer realm="scim"`)
	case e.status == http.StatusMethodNotAllowed:
		w.Header().Set("Allow", http.MethodPost)
	}
	if e.after > 0 {
		w.Header().Set("Retry-After", wholeSeconds(e.after))
	}
	sendGrant(w, e.status, e)
	return e.status
}

// sendGrant answers in a form that nobody may keep (RFC 6749 §5.1).
func sendGrant(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json;charset=UTF-8")
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Pragma", "no-cache")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // a client that went away needs no answer
}
