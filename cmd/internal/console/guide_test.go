package console_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rollcall/cmd/internal/console"
)

var update = flag.Bool("update", false, "write the guides to docs/")

// defaults are the default mappings, which cmd/rollcall's tests hold to those of sync/mapping.
var defaults = map[string][]console.MappingRow{
	"entra": {
		{Target: "userName", Type: "Direct", Source: "[userPrincipalName]", Match: 1, Apply: "always"},
		{Target: "active", Type: "Expression", Source: `Switch([IsSoftDeleted], , "False", "True", "True", "False")`, Apply: "always"},
		{Target: "displayName", Type: "Direct", Source: "[displayName]", Apply: "create"},
		{Target: `phoneNumbers[type eq "mobile"].value`, Type: "Direct", Source: "[mobile]", Apply: "create"},
	},
	"okta": {
		{Target: "userName", Type: "Direct", Source: "[userName]", Match: 1, Apply: "always"},
		{Target: "active", Type: "Direct", Source: "[active]", Apply: "always"},
		{Target: "name.givenName", Type: "Direct", Source: "[givenName]", Apply: "always"},
		{Target: "name.familyName", Type: "Direct", Source: "[familyName]", Apply: "always"},
		{Target: "displayName", Type: "Direct", Source: "[displayName]", Apply: "always"},
		{Target: `emails[type eq "work"].value`, Type: "Direct", Source: "[email]", Apply: "always"},
		{Target: `phoneNumbers[type eq "mobile"].value`, Type: "Direct", Source: "[mobilePhone]", Apply: "always"},
	},
}

// TestGuidesArePublished holds docs/setup-*.md to the templates: run with -update after a change.
func TestGuidesArePublished(t *testing.T) {
	for kind, source := range map[string]string{"entra": "acme-entra", "okta": "globex-okta"} {
		values := console.GuideValues{Source: source, URL: "https://api.example.com/auth/scim", Path: "/auth/scim", Mapping: defaults[kind], People: "assigned"}
		got, err := console.Guide(kind, values)
		if err != nil {
			t.Fatal(err)
		}
		file := filepath.Join("..", "..", "..", "docs", "setup-"+kind+".md")
		if *update {
			if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), got); diff != "" {
			t.Errorf("%s is not what the template says (-docs +template):\n%s", file, diff)
		}
	}
}

func TestGuideOfUnknownKind(t *testing.T) {
	_, err := console.Guide("ldap", console.GuideValues{})
	if err == nil || !strings.Contains(err.Error(), `"ldap"`) {
		t.Errorf("got error %v, want one that names the kind", err)
	}
}
