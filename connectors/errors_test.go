package connectors_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"rollcall/connectors"
)

func TestReasonAndMend(t *testing.T) {
	throttled := &connectors.Error{Kind: connectors.ErrThrottled, Op: "list who is assigned", Detail: "HTTP status 429"}
	forbidden := &connectors.Error{Kind: connectors.ErrForbidden, Op: "read people", Mend: "grant it"}
	for _, test := range []struct {
		err          error
		reason, mend string
	}{
		{nil, "", ""},
		{throttled, "Could not list who is assigned: the provider asked us to slow down and kept asking (HTTP status 429).", "Could not list who is assigned: the provider asked us to slow down and kept asking (HTTP status 429)."},
		{fmt.Errorf("wrapped: %w", forbidden), "Could not read people: we lack a permission.", "grant it"},
		{context.Canceled, "The pull was stopped before it had seen everyone.", "The pull was stopped before it had seen everyone."},
		{fmt.Errorf("wrapped: %w", context.DeadlineExceeded), "The pull took longer than it may and was stopped before it had seen everyone.", "The pull took longer than it may and was stopped before it had seen everyone."},
		{errors.New("something of the caller's"), "The pull was stopped before it had seen everyone.", "The pull was stopped before it had seen everyone."},
	} {
		if got := connectors.Reason(test.err); got != test.reason {
			t.Errorf("reason of %v: %s", test.err, got)
		}
		if got := connectors.Mend(test.err); got != test.mend {
			t.Errorf("mend of %v: %s", test.err, got)
		}
	}
}

// TestEveryKindHasASentence: a kind without one would read "Could not do this: .".
func TestEveryKindHasASentence(t *testing.T) {
	for _, kind := range []error{
		connectors.ErrThrottled, connectors.ErrUnauthorised, connectors.ErrForbidden, connectors.ErrIncomplete,
		connectors.ErrMisconfigured, connectors.ErrSourceLost, connectors.ErrUnreachable,
	} {
		err := &connectors.Error{Kind: kind, Op: "x"}
		if !errors.Is(err, kind) || connectors.Reason(err) == "Could not x: ." {
			t.Errorf("%v: %s", kind, connectors.Reason(err))
		}
	}
}
