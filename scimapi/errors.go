package scimapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"rollcall/state"
	"rollcall/state/scim"
)

// errorSchema is the URN of every failure's body (RFC 7644 §3.12).
const errorSchema = "urn:ietf:params:scim:api:messages:2.0:Error"

// The failures that arise in this package. Those of reading bodies, filters and paths come from state/scim and patch.
var (
	errUnauthorized = &scim.Error{Status: http.StatusUnauthorized, Detail: "a valid bearer key is needed: Authorization: Bearer <key>"}
	errDormant      = &scim.Error{Status: http.StatusServiceUnavailable, Detail: "this source is not served at present; nothing was changed, try again later"}
	errThrottled    = &scim.Error{Status: http.StatusTooManyRequests, Detail: "too many requests from this source; wait as Retry-After says"}
	errCrowded      = &scim.Error{Status: http.StatusTooManyRequests, Detail: "too many requests from this source at the same time; wait as Retry-After says"}
	errUnavailable  = &scim.Error{Status: http.StatusServiceUnavailable, Detail: "the service is not available at present; nothing was changed, try again soon"}
	errBusy         = &scim.Error{Status: http.StatusServiceUnavailable, Detail: "the resource kept changing while this request was carried out; nothing was changed, try again"}

	errNoEndpoint = &scim.Error{Status: http.StatusNotFound, Detail: "there is no such endpoint; check the base URL"}
	errMethod     = &scim.Error{Status: http.StatusMethodNotAllowed, Detail: "this method is not possible here; Allow lists those that are"}
	errMe         = &scim.Error{Status: http.StatusNotImplemented, Detail: "a key stands for a source and for no person, so there is no Me"}
	errNotFound   = &scim.Error{Status: http.StatusNotFound, Detail: "there is no resource with this id"}

	errMediaType    = &scim.Error{Status: http.StatusUnsupportedMediaType, Detail: "the body must be application/scim+json or application/json, in UTF-8"}
	errEncoding     = &scim.Error{Status: http.StatusUnsupportedMediaType, Detail: "compressed bodies are not accepted; send it without Content-Encoding"}
	errPrecondition = &scim.Error{Status: http.StatusPreconditionFailed, Detail: "the resource has another version than the request is meant for; read it again"}
	errTooMany      = &scim.Error{Status: http.StatusBadRequest, Type: "tooMany", Detail: "the filter would have to look at too many records; " +
		"ask for an exact id, userName, externalId, e-mail address or displayName"}
	errDiscoveryFilter = &scim.Error{Status: http.StatusForbidden, Detail: "filters are not possible here (RFC 7644 §4)"}
)

// failure is the one place where errors become SCIM errors. What is not meant for the outside is logged here, once, and answered
// with a 500 that names the request.
func (c *call) failure(err error) *scim.Error {
	var (
		told   *scim.Error
		unique *state.UniqueError
		member *state.MemberError
	)
	switch {
	case errors.As(err, &told):
		return told
	case errors.Is(err, state.ErrNotFound):
		return errNotFound
	case errors.As(err, &unique):
		return &scim.Error{Status: http.StatusConflict, Type: "uniqueness",
			Detail: fmt.Sprintf("%v: it is that of %s", unique, unique.Holder)}
	case errors.As(err, &member):
		return &scim.Error{Status: http.StatusBadRequest, Type: "invalidValue", Detail: "members: " + member.Error()}
	case errors.Is(err, state.ErrPinned):
		return &scim.Error{Status: http.StatusForbidden, Detail: state.ErrPinned.Error()}
	case errors.Is(err, state.ErrVersion):
		return errBusy
	case errors.Is(err, state.ErrClosed), errors.Is(err, state.ErrLeased), errors.Is(err, state.ErrStaleEpoch):
		return errUnavailable
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return errUnavailable
	}
	c.log().Error("request failed", logError, err)
	return c.fault()
}

// fault is what the outside is told of a failure that is ours.
func (c *call) fault() *scim.Error {
	return &scim.Error{Status: http.StatusInternalServerError,
		Detail: "the request could not be carried out; the server's log has the reason under request " + c.id}
}

// appendError renders a failure; status is a string there.
func appendError(dst []byte, e *scim.Error) []byte {
	dst = append(dst, `{"schemas":["`+errorSchema+`"],"status":"`...)
	dst = strconv.AppendInt(dst, int64(e.Status), 10)
	dst = append(dst, '"')
	if e.Type != "" {
		dst = append(dst, `,"scimType":"`...)
		dst = append(dst, e.Type...)
		dst = append(dst, '"')
	}
	dst = append(dst, `,"detail":`...)
	dst = appendString(dst, e.Detail)
	return append(dst, '}')
}
