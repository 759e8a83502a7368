package rest

import (
	"context"
	"errors"
	"net/netip"
	"strings"

	"rollcall/connectors"
)

// Step is something that is asked of a provider: in words, and the least permission that it takes.
type Step struct{ What, Permission string }

// String is the step with its permission, if it takes one.
func (s Step) String() string {
	if s.Permission == "" {
		return s.What
	}
	return s.What + " (" + s.Permission + ")"
}

// Fail tells err as a failure of the step, once, with a mend where it has none. The context's own error is returned as it is. Error()
// is called only on what is no *connectors.Error.
func (s Step) Fail(ctx context.Context, err error, mend func(Step, *connectors.Error) string) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	failure := &connectors.Error{Kind: connectors.ErrIncomplete}
	if told := (*connectors.Error)(nil); errors.As(err, &told) {
		*failure = *told
	} else {
		failure.Detail = Line(err.Error())
	}
	failure.Op = s.What
	if failure.Mend == "" {
		failure.Mend = mend(s, failure)
	}
	return failure
}

// Said is the failure that a provider's answer tells: by its status, the provider's own code and what it says beside it. Without a code
// the answer is not the provider's own, and nothing of it is repeated.
func Said(status int, code, message string) *connectors.Error {
	failure := &connectors.Error{Kind: KindOf(status)}
	if code != "" {
		failure.Code = Line(code)
		failure.Detail = Line(failure.Code + ": " + message)
	}
	return failure
}

// Texts reads an object's fields of these names, which hold texts, and skips the others. One that is not there is "".
func (s *Scanner) Texts(first, second string) (one, two string, err error) {
	err = s.Object(func(name string) (err error) {
		switch name {
		case first:
			one, err = s.Text()
		case second:
			two, err = s.Text()
		default:
			err = s.Skip()
		}
		return err
	})
	return one, two, err
}

// Misconfigured tells what is wrong with a connector's configuration, all of it in one line.
func Misconfigured(provider string, err error) error {
	return &connectors.Error{Kind: connectors.ErrMisconfigured, Op: "open the connector to " + provider, Detail: strings.ReplaceAll(err.Error(), "\n", "; ")}
}

// Loopback tells whether a host, as a URL or an address has it, is this machine alone.
func Loopback(host string) bool {
	address, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || err == nil && address.Unmap().IsLoopback()
}
