package scimapi_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"rollcall/scimapi"
	"rollcall/state/statetest"
)

// speaking has acme's source speak a dialect.
func speaking(dialect scimapi.Dialect) func(*scimapi.Config) {
	return func(c *scimapi.Config) {
		sources := c.Sources
		c.Sources = func(name string) (scimapi.Source, bool) {
			source, ok := sources(name)
			if name == acme.Source {
				source.Dialect = dialect
			}
			return source, ok
		}
	}
}

// TestDeviations plays the exchange of each deviation in both dialects. Each is told in the documentation, in the words of the code.
func TestDeviations(t *testing.T) {
	docs, err := os.ReadFile("../docs/scim-dialects.md")
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("testdata/dialect/*.json")
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range scimapi.Deviations {
		file := filepath.Join("testdata", "dialect", d.Name+".json")
		if !slices.Contains(files, file) {
			t.Errorf("%s has no exchange", d.Name)
			continue
		}
		if row := "| `" + d.Name + "` | " + d.What + " | " + d.Why + " | " + d.Source + " | " + d.Strict + " |\n"; !strings.Contains(string(docs), row) {
			t.Errorf("docs/scim-dialects.md lacks or changes:\n%s", row)
		}
		differs := false
		for _, s := range readExchange(t, file).Steps {
			differs = differs || s.Strict != nil && s.Strict.Status != s.Want.Status || s.Strict != nil && s.Strict.Body != nil
		}
		if !differs {
			t.Errorf("%s: nothing in its exchange differs in a strict source", d.Name)
		}
		t.Run("lenient/"+d.Name, func(t *testing.T) { play(t, newReceiver(t, statetest.NewModel()), file, scimapi.Lenient) })
		t.Run("strict/"+d.Name, func(t *testing.T) {
			play(t, newReceiver(t, statetest.NewModel(), speaking(scimapi.Strict)), file, scimapi.Strict)
		})
	}
	if len(files) != len(scimapi.Deviations) {
		t.Errorf("%d exchanges for %d deviations", len(files), len(scimapi.Deviations))
	}
}
