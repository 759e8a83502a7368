package console

import (
	"slices"
	"strings"
	"testing"

	"golang.org/x/net/html"
	"pgregory.net/rapid"
)

// TestGuideHoldsAnyValue: whatever stands in a mapping is on the page as it stands, can be copied as it stands, and makes nothing else.
func TestGuideHoldsAnyValue(t *testing.T) {
	f := newFixture(t)
	hostile := rapid.OneOf(rapid.String(), rapid.StringMatching("[`|\\\\<>&\"'*_\\[\\]() {}#!a-z-]{0,24}"))
	rapid.Check(t, func(rt *rapid.T) {
		row := MappingRow{Target: hostile.Draw(rt, "target"), Type: "Expression", Source: hostile.Draw(rt, "source"), Apply: "always"}
		for _, kind := range []string{"entra", "okta"} {
			out, err := f.console.guideHTML(kind, GuideValues{Source: hostile.Draw(rt, "name"), URL: "https://api.example.com/auth/scim", Path: "/auth/scim", Mapping: []MappingRow{row}})
			if err != nil {
				rt.Fatal(err)
			}
			p := &page{t: t, body: string(out)}
			codes, elements := codesOf(p)
			for _, value := range []string{row.Target, row.Source} {
				if want := written(value); want != "" && !slices.Contains(codes, want) {
					rt.Fatalf("%s: %q does not stand on the page as %q: %q", kind, value, want, codes)
				}
			}
			if want := written(row.Source); want != "" && !slices.Contains(p.values("button", "data-copy"), want) {
				rt.Fatalf("%s: %q cannot be copied; these can: %q", kind, want, p.values("button", "data-copy"))
			}
			for _, element := range elements {
				if !slices.Contains([]string{"html", "head", "body", "h2", "p", "ul", "li", "table", "thead", "tbody", "tr", "th", "td", "code", "pre", "em", "strong", "div", "span", "button", "a"}, element) {
					rt.Fatalf("%s: there is a <%s> on the page", kind, element)
				}
			}
		}
	})
}

// written is a value as codeSpan promises it.
func written(value string) string {
	return strings.TrimSpace(harmless(strings.NewReplacer("\r\n", " ", "\n", " ", "\r", " ").Replace(strings.TrimSpace(value))))
}

func codesOf(p *page) (codes, elements []string) {
	p.each(func(n *html.Node) {
		if n.Type != html.ElementNode {
			return
		}
		elements = append(elements, n.Data)
		if n.Data == "code" && n.FirstChild != nil {
			codes = append(codes, n.FirstChild.Data)
		}
	})
	return codes, elements
}

func TestGuideSaysWhatTheMappingLacks(t *testing.T) {
	f := newFixture(t)
	read := func(kind string, values GuideValues) *page {
		out, err := f.console.guideHTML(kind, values)
		f.must(err)
		return &page{t: t, status: 200, body: string(out)}
	}
	user := MappingRow{Target: "userName", Type: "Direct", Source: "[mail]", Match: 1, Apply: "create"}
	read("entra", GuideValues{Mapping: []MappingRow{user}}).shows(200, "There is no active row: nobody is ever deactivated", "Only during object creation").hides("[mail]", "Keep the active row")
	read("entra", GuideValues{}).shows(200, "The mapping stays as it is").hides("apply this mapping")
	read("entra", GuideValues{People: "all"}).shows(200, "Sync all users and groups")
	read("okta", GuideValues{}).shows(200, "email must stay mapped").hides("arrives as")
	read("okta", GuideValues{People: "all", Mapping: []MappingRow{{Target: "title", Type: "Direct", Source: "[title]", Apply: "create"}}}).shows(200, "title", "arrives as", "Everyone")
	if _, err := f.console.guideHTML("ldap", GuideValues{}); err == nil {
		t.Error("there is a guide for ldap")
	}
}
