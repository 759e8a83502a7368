package okta

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"rollcall/connectors"
)

// FuzzPage: whatever a page says, reading it ends, and people come with an id, a status and as many values as were asked for.
func FuzzPage(f *testing.F) {
	for _, seed := range []string{
		`[]`, `[{"id":"00u1","externalId":"a","status":"ACTIVE","credentials":{"userName":"x"},"profile":{"mail":null,"n":1},"_embedded":{"user":{"id":"00u1","status":"ACTIVE","profile":{"login":"y"}}}}]`,
		`[{}]`, `[[]]`, `[{"id":1}]`, `[{"_embedded":{"user":null}}]`, `[{"profile":[]}]`,
		`[{"id":"0ua1","status":"IMPORTED"},{"id":"00u2","status":"ACTIVE","syncState":"ERROR","lastSync":"x","_embedded":{"user":{"id":"00u2","status":"STAGED"}}}]`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, page string) {
		p := newPeople(connectors.Want{Attributes: []string{"userName", "mail", "n", "mail"}}, false)
		if err := p.scanPage(page); err != nil {
			return
		}
		people := p.keep(func(string) bool { return true })
		if p.failing > len(people) || len(people) > 0 && p.first == "" {
			t.Fatalf("%d of %d failed, the first is %q", p.failing, len(people), p.first)
		}
		for _, person := range people {
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

// FuzzMembers: members come with an id, and with no error only if the page is one.
func FuzzMembers(f *testing.F) {
	for _, seed := range []string{`[]`, `[{"id":"00u1","profile":{"login":"x"}}]`, `[{"id":null}]`, `[{}]`, `[7]`, `[][]`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, page string) {
		members, err := scanMembers(page)
		if slices.Contains(members, "") || err != nil && members != nil {
			t.Fatalf("%q, %v", members, err)
		}
	})
}

// FuzzCursor: whatever was kept, nothing but the System Log is asked.
func FuzzCursor(f *testing.F) {
	c := &Connector{appID: "0oa1"}
	now := time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
	for _, seed := range []string{fmt.Sprint(now.Unix(), " ", c.firstLink(now)), "0 /api/v1/logs", "1 //x/api/v1/logs", "x", ""} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, cursor string) {
		link, err := c.startAt(cursor, now)
		if err == nil && !strings.HasPrefix(link, "/api/v1/logs?") || err != nil && !errors.Is(err, connectors.ErrGone) {
			t.Fatalf("%q, %v", link, err)
		}
	})
}
