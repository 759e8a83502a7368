package patch_test

import (
	"errors"
	"strings"
	"testing"

	"rollcall/scimapi/patch"
	"rollcall/state/scim"
)

const (
	u   = `"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"]`
	ue  = `"schemas":["urn:ietf:params:scim:schemas:core:2.0:User","urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"]`
	ent = `urn:ietf:params:scim:schemas:extension:enterprise:2.0:User`
	g   = `"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"]`
	po  = `"schemas":["urn:ietf:params:scim:api:messages:2.0:PatchOp"]`
)

func readJSON(t testing.TB, text string) scim.Value {
	t.Helper()
	v, err := scim.ReadJSON([]byte(text), scim.DefaultLimits)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return v
}

func writeJSON(v scim.Value) string { return string(v.AppendJSON(nil)) }

// apply carries out the operations of a request as sent.
func apply(t testing.TB, rt *scim.ResourceType, before, operations string) (patch.Outcome, error) {
	t.Helper()
	ops, err := patch.Parse(readJSON(t, `{`+po+`,"Operations":`+operations+`}`), 0)
	if err != nil {
		return patch.Outcome{}, err
	}
	return patch.Apply(rt, readJSON(t, before), ops)
}

func wantError(t testing.TB, err error, status int, scimType, detail string) {
	t.Helper()
	var e *scim.Error
	if !errors.As(err, &e) {
		t.Fatalf("got error %v, want a *scim.Error %s", err, scimType)
	}
	if e.Status != status || e.Type != scimType || !strings.Contains(e.Detail, detail) {
		t.Fatalf("got %v, want %d %s with %q", e, status, scimType, detail)
	}
}
