package connectors

import (
	"context"
	"errors"
	"strconv"
	"strings"
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
	ErrGone          = errors.New("gone") // what was asked for is not there any more; never said of a person, whose Sighting is Gone
)

// Error is a failure at a provider, told to an operator. It holds no token, no personal data and no more than a line of what the
// provider sent.
type Error struct {
	Kind       error         // one of the Err values above
	Op         string        // what was being tried: "list app role assignments"
	Code       string        // the provider's own word for it, for code to compare: "Request_ResourceNotFound"
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

// Fail takes down with which kind of error the provider answered, and until when it wants to be left alone. Any other error says
// nothing of the provider.
func (p *Proof) Fail(err error, at time.Time) {
	var failure *Error
	if !errors.As(err, &failure) {
		return
	}
	p.Failure = failure.Kind.Error()
	if failure.RetryAfter > 0 {
		p.RetryAt = at.Add(failure.RetryAfter)
	}
}

// Reason says in one plain sentence why a pull that ended with err is not complete; "" without an error. It fits Proof.Reason.
func Reason(err error) string {
	var failure *Error
	switch {
	case err == nil:
		return ""
	case errors.As(err, &failure):
		sentence := "Could not " + failure.Op + ": " + plain[failure.Kind]
		if failure.Detail != "" {
			sentence += " (" + failure.Detail + ")"
		}
		return sentence + "."
	case errors.Is(err, context.DeadlineExceeded):
		return "The pull took longer than it may and was stopped before it had seen everyone."
	}
	return "The pull was stopped before it had seen everyone."
}

// Label names err for a log: its kind, the provider's code and the status. Nothing of what the provider said in words is in it, for that
// may name people.
func Label(err error) string {
	var failure *Error
	switch {
	case err == nil:
		return ""
	case !errors.As(err, &failure):
		return "stopped"
	}
	label := failure.Kind.Error()
	if isCode(failure.Code) {
		label += ", " + failure.Code
	}
	if failure.Status != 0 {
		label += ", " + strconv.Itoa(failure.Status)
	}
	return label
}

// isCode tells a word of a machine from one about somebody.
func isCode(word string) bool {
	return word != "" && len(word) <= 64 && strings.Trim(word, "0123456789_.-abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ") == ""
}

// Mend says what an operator can do about err, or, where there is nothing to be done but wait, what happened.
func Mend(err error) string {
	var failure *Error
	if errors.As(err, &failure) && failure.Mend != "" {
		return failure.Mend
	}
	return Reason(err)
}

// Advice says what was tried and what can be done about it, in one plain sentence; where there is nothing to be done, what happened.
func Advice(err error) string {
	var failure *Error
	if errors.As(err, &failure) && failure.Mend != "" {
		return "Could not " + failure.Op + ": " + strings.TrimRight(failure.Mend, ".") + "."
	}
	return Reason(err)
}

// plain is each kind of error as the end of a sentence.
var plain = map[error]string{
	ErrThrottled:     "the provider asked us to slow down and kept asking",
	ErrUnauthorised:  "the provider refused our credentials",
	ErrForbidden:     "we lack a permission",
	ErrIncomplete:    "the provider's answer was not whole",
	ErrMisconfigured: "the source is not configured as the provider needs it",
	ErrSourceLost:    "the application is gone, or no longer active, at the provider",
	ErrUnreachable:   "the provider could not be reached or had a fault of its own",
	ErrGone:          "the provider does not have it any more",
}
