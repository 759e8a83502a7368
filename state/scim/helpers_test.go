package scim_test

import (
	"errors"
	"strings"
	"testing"

	"rollcall/state/scim"
)

func readJSON(t testing.TB, text string) scim.Value {
	t.Helper()
	v, err := scim.ReadJSON([]byte(text), scim.DefaultLimits)
	if err != nil {
		t.Fatalf("ReadJSON(%s): %v", text, err)
	}
	return v
}

func writeJSON(v scim.Value) string { return string(v.AppendJSON(nil)) }

func parsePath(t testing.TB, text string) scim.Path {
	t.Helper()
	p, err := scim.ParsePath(text, scim.DefaultLimits)
	if err != nil {
		t.Fatalf("ParsePath(%s): %v", text, err)
	}
	return p
}

func parseFilter(t testing.TB, text string) *scim.Filter {
	t.Helper()
	f, err := scim.ParseFilter(text, scim.DefaultLimits)
	if err != nil {
		t.Fatalf("ParseFilter(%s): %v", text, err)
	}
	return f
}

// wantError checks that err is an *Error with the scimType whose detail has the text.
func wantError(t testing.TB, err error, scimType, detail string) {
	t.Helper()
	var e *scim.Error
	if !errors.As(err, &e) {
		t.Fatalf("got error %v, want a *scim.Error %s", err, scimType)
	}
	if e.Status != 400 || e.Type != scimType || !strings.Contains(e.Detail, detail) {
		t.Fatalf("got %v, want 400 %s with %q", e, scimType, detail)
	}
}
