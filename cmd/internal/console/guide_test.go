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

// TestGuidesArePublished holds docs/setup-*.md to the templates: run with -update after a change.
func TestGuidesArePublished(t *testing.T) {
	for kind, source := range map[string]string{"entra": "acme-entra", "okta": "globex-okta"} {
		values := console.GuideValues{Source: source, URL: "https://api.example.com/auth/scim", Path: "/auth/scim"}
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
