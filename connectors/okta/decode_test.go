package okta

import (
	"strings"
	"testing"

	"rollcall/connectors"
)

// FuzzPage: whatever a page says, reading it ends, and people come with an id, a status and as many values as were asked for.
func FuzzPage(f *testing.F) {
	for _, seed := range []string{
		`[]`, `[{"id":"00u1","externalId":"a","status":"ACTIVE","credentials":{"userName":"x"},"profile":{"mail":null,"n":1},"_embedded":{"user":{"id":"00u1","status":"ACTIVE","profile":{"login":"y"}}}}]`,
		`[{}]`, `[[]]`, `[{"id":1}]`, `[{"_embedded":{"user":null}}]`, `[{"profile":[]}]`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, page string) {
		p := newPeople(connectors.Want{Attributes: []string{"userName", "mail", "n", "mail"}}, false)
		if err := p.scanPage(page); err != nil {
			return
		}
		for _, person := range p.keep(func(string) bool { return true }) {
			if person.ID == "" || person.Facts.Status == "" || len(person.Values) != 4 {
				t.Fatalf("%+v", person)
			}
		}
	})
}

// FuzzNextLink: a target is a piece of what was sent, between angle brackets.
func FuzzNextLink(f *testing.F) {
	for _, seed := range []string{`<https://x/a?after=1>; rel="next"`, `<a>; rel="self", <b>; rel=next`, `<`, `<>;rel=next`, `>;<a>;rel="x next"`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, line string) {
		if target := nextLink([]string{line}); target != "" && !strings.Contains(line, "<"+target+">") {
			t.Fatalf("%q from %q", target, line)
		}
	})
}
