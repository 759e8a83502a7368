package okta_test

import (
	"slices"
	"testing"

	"rollcall/connectors/idpsim"
	"rollcall/connectors/idpsim/okta"
)

// TestAppUserSchema: whatever an app user's profile has is described, with its place in SCIM, and nothing else is.
func TestAppUserSchema(t *testing.T) {
	x := open(t, idpsim.Options{Seed: 1, People: 1, Direct: 1}, okta.Options{})
	path := "/meta/schemas/apps/" + x.pop.OktaAppID() + "/default"
	definitions := x.get(path)["definitions"].(object)
	custom := definitions["custom"].(object)["properties"].(object)
	assigned, _ := x.all(x.app("/users"))
	profile := assigned[0]["profile"].(object)
	var keys, described []string
	for key := range profile {
		keys = append(keys, key)
	}
	for key, one := range custom {
		described = append(described, key)
		if p := one.(object); p["externalName"] == nil || p["externalNamespace"] == nil {
			t.Errorf("%s goes nowhere: %v", key, p)
		}
	}
	slices.Sort(keys)
	slices.Sort(described)
	if !slices.Equal(keys, described) {
		t.Errorf("the profile has %q, described are %q", keys, described)
	}
	if base := definitions["base"].(object)["properties"].(object); len(base) != 1 || base["userName"] == nil {
		t.Errorf("base: %v", base)
	}
	x.refused(x.do("GET", "/meta/schemas/apps/0oaNobody/default"), 404, "E0000007")
	must(t, x.pop.Do(idpsim.Step{Do: "app", Value: string(idpsim.AppGone)}))
	x.refused(x.do("GET", path), 404, "E0000007")
}
