package connectors

import (
	"errors"
	"time"
)

// The error vocabulary of every connector. Match with errors.Is; details are in *Error.
var (
	ErrThrottled     = errors.New("throttled")
	ErrUnauthorised  = errors.New("credentials refused")
	ErrForbidden     = errors.New("permission missing")
	ErrIncomplete    = errors.New("incomplete answer")
	ErrMisconfigured = errors.New("misconfigured")
	ErrSourceLost    = errors.New("source lost")
	ErrUnreachable   = errors.New("unreachable")
)

// Error is a failure at a provider, told to an operator. It holds no token, no personal data and no more than a line of what the
// provider sent.
type Error struct {
	Kind       error         // one of the Err values above
	Op         string        // what was being tried: "list app role assignments"
	Detail     string        // what the provider said, shortened
	Mend       string        // what the operator can do; "" when waiting is all
	Status     int           // HTTP status; 0 without an answer
	RetryAfter time.Duration // of a throttled call
}

func (e *Error) Error() string {
	text := e.Op + ": " + e.Kind.Error()
	if e.Detail != "" {
		text += ": " + e.Detail
	}
	if e.Mend != "" {
		text += " (" + e.Mend + ")"
	}
	return text
}

func (e *Error) Unwrap() error { return e.Kind }
