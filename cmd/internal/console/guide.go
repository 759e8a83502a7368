// Package console is the operator's web page. So far it holds the set-up guides, which docs/ publishes with placeholder values and
// which a page can fill in with a source's own.
package console

import (
	"embed"
	"fmt"
	"strings"
	"text/template"
)

//go:embed guides/*.md.tmpl
var guideFiles embed.FS

var guides = template.Must(template.ParseFS(guideFiles, "guides/*.md.tmpl"))

// GuideValues is what a guide says of one source.
type GuideValues struct {
	Source string // its name
	URL    string // what the administrator pastes, e.g. https://api.example.com/auth/scim
	Path   string // the URL's path, as request lines show it
}

// Guide returns the set-up guide for a kind of source, "entra" or "okta", as Markdown.
func Guide(kind string, values GuideValues) (string, error) {
	var text strings.Builder
	if err := guides.ExecuteTemplate(&text, kind+".md.tmpl", values); err != nil {
		return "", fmt.Errorf("set-up guide for %q: %w", kind, err)
	}
	return text.String(), nil
}
