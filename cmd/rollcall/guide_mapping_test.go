package main

import (
	"os"
	"regexp"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rollcall/sync/mapping"
)

// mappingLine is a row of a guide's table of the mapping: Entra's has the target first, Okta's the attribute.
var mappingLine = map[string]*regexp.Regexp{
	"entra": regexp.MustCompile("(?m)^\\| `([^`]+)` \\| (?:Direct|Expression) \\| `([^`]+)` \\| (?:Yes, precedence \\d|No) \\| (.+) \\|$"),
	"okta":  regexp.MustCompile("(?m)^\\| `()([^`]+)` \\| `([^`]+)` \\| (?:Create and update|no row: .+) \\|$"),
}

// TestGuidesShowTheDefaultMapping holds the mapping tables of the published guides to the mapping that a source has by default.
func TestGuidesShowTheDefaultMapping(t *testing.T) {
	for kind, line := range mappingLine {
		guide, err := os.ReadFile("../../docs/setup-" + kind + ".md")
		if err != nil {
			t.Fatal(err)
		}
		var got, want [][2]string
		for _, cells := range line.FindAllStringSubmatch(string(guide), -1) {
			target, source := cells[1], cells[2]
			if kind == "okta" {
				target = cells[3]
			}
			got = append(got, [2]string{target, source})
		}
		for _, row := range mapping.Default(kind) {
			source := row.Source
			if source[0] == '[' {
				source = source[1 : len(source)-1]
			}
			want = append(want, [2]string{row.Target, source})
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("docs/setup-%s.md does not show the default mapping (-default +guide):\n%s", kind, diff)
		}
	}
}
