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
		advice := test.reason
		if errors.Is(test.err, connectors.ErrForbidden) {
			advice = "Could not read people: grant it."
		}
		if got := connectors.Advice(test.err); got != advice {
			t.Errorf("advice on %v: %s", test.err, got)
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
		connectors.ErrMisconfigured, connectors.ErrSourceLost, connectors.ErrUnreachable, connectors.ErrGone,
	} {
		err := &connectors.Error{Kind: kind, Op: "x"}
		if !errors.Is(err, kind) || connectors.Reason(err) == "Could not x: ." {
			t.Errorf("%v: %s", kind, connectors.Reason(err))
		}
	}
}

// TestLabel: a log has the kind, the code and the status of a failure, and no word that a provider said.
func TestLabel(t *testing.T) {
	forbidden := &connectors.Error{Kind: connectors.ErrForbidden, Op: "read people", Code: "E0000006", Detail: "E0000006: Ada Lovelace may not", Mend: "ask Ada", Status: 403}
	prose := &connectors.Error{Kind: connectors.ErrUnreachable, Code: "Ada Lovelace is away", Detail: "Ada Lovelace is away"}
	for _, test := range []struct {
		err  error
		want string
	}{
		{nil, ""}, {forbidden, "permission missing, E0000006, 403"}, {fmt.Errorf("pull: %w", forbidden), "permission missing, E0000006, 403"},
		{prose, "unreachable"}, {errors.New("Ada Lovelace"), "stopped"},
	} {
		if got := connectors.Label(test.err); got != test.want {
			t.Errorf("%v: %q, want %q", test.err, got, test.want)
		}
	}
}
