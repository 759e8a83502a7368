package scimapi_test

import (
	"bytes"
	"testing"

	"rollcall/state/statetest"
)

// TestSchemasAreWhole walks every attribute of /Schemas: all characteristics of RFC 7643 §7 are there, and nothing is null, which Entra
// cannot read.
func TestSchemasAreWhole(t *testing.T) {
	r := newReceiver(t, statetest.NewModel())
	for _, path := range []string{"/Schemas", "/ResourceTypes", "/ServiceProviderConfig"} {
		if body := r.do(t, "GET", "/auth/scim"+path, "").body; bytes.Contains(body, []byte("null")) {
			t.Errorf("%s: null in %s", path, body)
		}
	}
	seen := 0
	var walk func(path string, attributes any)
	walk = func(path string, attributes any) {
		list, ok := attributes.([]any)
		if !ok || len(list) == 0 {
			t.Errorf("%s has no attributes", path)
		}
		for _, item := range list {
			seen++
			a := item.(map[string]any)
			name := path + "." + a["name"].(string)
			wanted := []string{"type", "multiValued", "description", "required", "mutability", "returned", "uniqueness"}
			if a["type"] == "complex" {
				walk(name, a["subAttributes"])
			} else {
				wanted = append(wanted, "caseExact")
			}
			if a["type"] == "reference" {
				wanted = append(wanted, "referenceTypes")
			}
			for _, characteristic := range wanted {
				if value, ok := a[characteristic]; !ok || value == "" {
					t.Errorf("%s: %s is %v", name, characteristic, value)
				}
			}
		}
	}
	for _, item := range r.must(t, 200, "GET", "/Schemas", "")["Resources"].([]any) {
		schema := item.(map[string]any)
		walk(schema["name"].(string), schema["attributes"])
	}
	if seen < 60 {
		t.Errorf("%d attributes, want those of User, EnterpriseUser and Group", seen)
	}
}
