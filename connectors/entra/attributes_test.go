package entra

import (
	"encoding/xml"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestHomeName(t *testing.T) {
	for in, want := range map[string]string{
		"ada@acme.example": "ada@acme.example",
		"ada_globex.example#EXT#@acme.onmicrosoft.example":   "ada@globex.example",
		"ada_l_globex.example#EXT#@acme.onmicrosoft.example": "ada_l@globex.example",
		"nounderscore#EXT#@acme.onmicrosoft.example":         "nounderscore#EXT#@acme.onmicrosoft.example",
		"":                         "",
		"under_score@acme.example": "under_score@acme.example",
		"_globex.example#EXT#@acme.onmicrosoft.example": "@globex.example",
	} {
		if got := homeName(in); got != want {
			t.Errorf("%s: got %s, want %s", in, got, want)
		}
	}
}

func TestGUID(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var id guid
		copy(id[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(t, "id"))
		for _, text := range []string{id.String(), strings.ToUpper(id.String())} {
			if got, ok := parseGUID(text); !ok || got != id {
				t.Fatalf("%s: got %v, %t", text, got, ok)
			}
		}
	})
	for _, in := range []string{"", "x", strings.Repeat("0", 36), "00000000-0000-0000-0000-00000000000g", "00000000-0000-0000-0000-0000000000000", "00000000_0000_0000_0000_000000000000", "0000000000000-0000-0000-0000-00000000", "00000000-0000-0000-0000-00000000000\x10"} {
		if _, ok := parseGUID(in); ok {
			t.Errorf("%q passes for a GUID", in)
		}
	}
}

// TestAttributesAreProperties holds the table against Graph's own description.
func TestAttributesAreProperties(t *testing.T) {
	file := filepath.Join("..", "..", "..", "shared", "vendor", "graph-v1.0-metadata.xml")
	text, err := os.ReadFile(file)
	if os.IsNotExist(err) {
		t.Skip("skipped: the vendor's description is not beside the project")
	}
	if err != nil {
		t.Fatal(err)
	}
	var edmx struct {
		Schemas []struct {
			Entities []struct {
				Name       string `xml:"Name,attr"`
				Properties []struct {
					Name string `xml:"Name,attr"`
				} `xml:"Property"`
			} `xml:"EntityType"`
		} `xml:"DataServices>Schema"`
	}
	if err := xml.Unmarshal(text, &edmx); err != nil {
		t.Fatal(err)
	}
	known := map[string]bool{}
	for _, schema := range edmx.Schemas {
		for _, entity := range schema.Entities {
			if entity.Name == "user" || entity.Name == "entity" {
				for _, p := range entity.Properties {
					known[p.Name] = true
				}
			}
		}
	}
	if len(known) < 50 {
		t.Fatalf("only %d properties found", len(known))
	}
	for name, property := range attributes {
		if !known[property] {
			t.Errorf("%s: Graph's user has no property %s", name, property)
		}
		if name != strings.ToLower(name) {
			t.Errorf("%s is not folded: it is never found", name)
		}
	}
}
