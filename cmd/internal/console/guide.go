package console

import (
	"embed"
	"fmt"
	"strings"
	"text/template"
)

//go:embed guides/*.md.tmpl
var guideFiles embed.FS

var guides = template.Must(template.New("").Funcs(template.FuncMap{
	"code":    codeSpan,
	"entered": MappingRow.entered,
	"entra":   entraApply,
	"okta":    oktaApply,
	"targets": targets,
}).ParseFS(guideFiles, "guides/*.md.tmpl"))

// GuideValues is what a guide says of one source.
type GuideValues struct {
	Source  string       // its name
	URL     string       // what the administrator pastes, e.g. https://api.example.com/auth/scim
	Path    string       // the URL's path, as request lines show it
	Mapping []MappingRow // nil: it is read from the tenant, and stays as it is there
	People  string       // "assigned" or "all"
	Handed  bool         // it stands on a set-up page, below the key; what only the operator can do is left out
}

// Guide returns the set-up guide for a kind of source, "entra" or "okta", as Markdown. docs/ publishes it with values of an example,
// a set-up page shows it with a source's own.
func Guide(kind string, values GuideValues) (string, error) {
	var text strings.Builder
	if err := guides.ExecuteTemplate(&text, kind+".md.tmpl", values); err != nil {
		return "", fmt.Errorf("set-up guide for %q: %w", kind, err)
	}
	return text.String(), nil
}

// codeSpan writes a text as a span of code that means just this text, in a cell of a table as well (GitHub Flavored Markdown §4.10,
// §6.3). Line breaks, which neither can hold, become blanks.
func codeSpan(text string) string {
	text = harmless(strings.ReplaceAll(strings.TrimSpace(text), "\r\n", "\n"))
	if text == "" {
		return ""
	}
	fence := "`"
	for strings.Contains(text, fence) {
		fence += "`"
	}
	if strings.HasPrefix(text, "`") || strings.HasSuffix(text, "`") {
		text = " " + text + " "
	}
	return fence + strings.ReplaceAll(text, "|", `\|`) + fence
}

// entered is a row's source as the provider's screen wants it: there, the name of an attribute stands without brackets and a constant
// without quotes.
func (r MappingRow) entered() string {
	switch inner := strings.TrimSpace(r.Source); {
	case r.Type == "Direct" && strings.HasPrefix(inner, "[") && strings.HasSuffix(inner, "]"):
		return inner[1 : len(inner)-1]
	case r.Type == "Constant" && len(inner) > 1 && strings.HasPrefix(inner, `"`) && strings.HasSuffix(inner, `"`):
		return strings.NewReplacer(`\"`, `"`, `\\`, `\`).Replace(inner[1 : len(inner)-1])
	}
	return r.Source
}

// entraApply says when a row's value flows, in the words of Entra's screen.
func entraApply(apply string) string {
	if apply == "create" || apply == "never" {
		return "Only during object creation"
	}
	return "Always"
}

// oktaApply says it in the words of Okta's.
func oktaApply(apply string) string {
	if apply == "create" || apply == "never" {
		return "Create"
	}
	return "Create and update"
}

// targets tells whether a mapping has a row with a target.
func targets(mapping []MappingRow, target string) bool {
	for _, row := range mapping {
		if row.Target == target {
			return true
		}
	}
	return false
}
