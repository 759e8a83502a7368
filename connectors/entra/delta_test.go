package entra_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rollcall/connectors"
	"rollcall/connectors/entra"
	"rollcall/connectors/idpsim"
	"rollcall/connectors/idpsim/graph"
)

const (
	userDelta  = "/users/delta"
	groupDelta = "/groups/delta"
)

// delta is the last page of a round of changes.
func (f *fake) delta(path, token string, items ...string) string {
	return fmt.Sprintf(`{"@odata.deltaLink":%q,"value":[%s]}`, f.url(path+"?$deltatoken="+token), strings.Join(items, ","))
}

// begun is a fake with a cursor.
func begun(t *testing.T, change ...func(*entra.Config)) (*fake, *entra.Connector, string) {
	t.Helper()
	f := newFake(t)
	f.on(userDelta, ok(f.delta(userDelta, "u1")))
	f.on(groupDelta, ok(f.delta(groupDelta, "g1")))
	c := f.open(change...)
	hints, err := c.Hints(t.Context(), "")
	if err != nil || hints.People != nil || hints.Pull || hints.Cursor == "" {
		t.Fatalf("%+v, %v", hints, err)
	}
	return f, c, hints.Cursor
}

func TestHintsBegin(t *testing.T) {
	f, _, cursor := begun(t)
	for _, want := range []string{"/users/delta?$select=accountEnabled,displayName,id,mail,userPrincipalName&$deltatoken=latest", "/groups/delta?$select=members&$deltatoken=latest"} {
		if !strings.Contains(strings.Join(f.seen, "\n"), want) {
			t.Errorf("%s was not asked for: %q", want, f.seen)
		}
	}
	if strings.Contains(cursor, f.server.URL) || strings.Contains(cursor, "127.0.0.1") {
		t.Errorf("the cursor names a host: %s", cursor)
	}
}

// TestHints: every shape of a page of changes.
func TestHints(t *testing.T) {
	removed := func(n int, reason string) string {
		return fmt.Sprintf(`{"id":%q,"@removed":{"reason":%q}}`, person(n), reason)
	}
	of := func(group, delta string) string { return fmt.Sprintf(`{"id":%q%s}`, group, delta) }
	left := `,"members@delta":[{"@odata.type":"#microsoft.graph.user","id":"` + person(1) + `","@removed":{"reason":"deleted"}}]`
	for name, test := range map[string]struct {
		users, groups []string // pages
		people        []string
		pull          bool
	}{
		"nothing":         {people: nil},
		"changed":         {users: []string{list(user(3), user(1))}, people: []string{person(1), person(3)}},
		"deleted":         {users: []string{list(removed(2, "changed"), removed(4, "deleted"))}, people: []string{person(2), person(4)}},
		"replayed":        {users: []string{list(user(1), user(1)), list(), list(), list(user(1), user(2)), list(user(2))}, people: []string{person(1), person(2)}},
		"upper case":      {users: []string{list(strings.ReplaceAll(user(1), person(1), strings.ToUpper(person(1))))}, people: []string{person(1)}},
		"came or left":    {groups: []string{list(of(groupID, left))}, pull: true},
		"in slices":       {groups: []string{list(of(groupID, `,"members@delta":[]`)), list(of(groupID, left)), list(of(groupID, left))}, pull: true},
		"another group":   {groups: []string{list(of(groupTwo, left))}},
		"only its name":   {groups: []string{list(of(groupID, `,"displayName":"x"`))}},
		"empty object":    {groups: []string{list(of(groupID, `,"members@delta":{}`))}},
		"null":            {groups: []string{list(of(groupID, `,"members@delta":null`))}},
		"an object":       {groups: []string{list(of(groupID, `,"members@delta":{"id":"`+person(1)+`"}`))}, pull: true},
		"a group is gone": {groups: []string{list(of(groupTwo, `,"@removed":{"reason":"changed"}`))}, pull: true},
	} {
		f, c, cursor := begun(t)
		f.on(userDelta, f.round(userDelta, "u2", test.users)...)
		f.on(groupDelta, f.round(groupDelta, "g2", test.groups)...)
		hints, err := c.Hints(t.Context(), cursor)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if diff := cmp.Diff(test.people, hints.People); diff != "" || hints.Pull != test.pull {
			t.Errorf("%s: pull %t, %s", name, hints.Pull, diff)
		}
		if !strings.Contains(hints.Cursor, "u2") || !strings.Contains(hints.Cursor, "g2") {
			t.Errorf("%s: cursor %s", name, hints.Cursor)
		}
		f.seen = nil
		f.on(userDelta, ok(f.delta(userDelta, "u3")))
		f.on(groupDelta, ok(f.delta(groupDelta, "g3")))
		if _, err := c.Hints(t.Context(), hints.Cursor); err != nil || !strings.Contains(strings.Join(f.seen, " "), "$deltatoken=u2") || !strings.Contains(strings.Join(f.seen, " "), "$deltatoken=g2") {
			t.Errorf("%s: goes on by %q, %v", name, f.seen, err)
		}
	}
}

// round is the answers that make up a round of changes.
func (f *fake) round(path, token string, pages []string) []http.HandlerFunc {
	var answers []http.HandlerFunc
	for i, page := range pages {
		items := strings.TrimSuffix(strings.TrimPrefix(page, `{"value":[`), `]}`)
		answers = append(answers, ok(more(f.url(fmt.Sprintf("%s?$skiptoken=%s%d", path, token, i)), items)))
	}
	return append(answers, ok(f.delta(path, token)))
}

// TestHintsOfNestedGroups: with nested members counting, any group may be inside an assigned one.
func TestHintsOfNestedGroups(t *testing.T) {
	f, c, cursor := begun(t, func(c *entra.Config) { c.Transitive = true })
	f.on(groupDelta, ok(f.delta(groupDelta, "g2", `{"id":"`+groupTwo+`","members@delta":[{"id":"`+person(1)+`"}]}`)))
	if hints, err := c.Hints(t.Context(), cursor); err != nil || !hints.Pull {
		t.Errorf("%+v, %v", hints, err)
	}
}

// TestTooManyHints: then a pull costs less than to look at everyone.
func TestTooManyHints(t *testing.T) {
	f, c, cursor := begun(t)
	var items []string
	for n := range 10_001 {
		items = append(items, `{"id":"`+person(n)+`"}`)
	}
	f.on(userDelta, ok(f.delta(userDelta, "u2", items...)))
	if hints, err := c.Hints(t.Context(), cursor); err != nil || !hints.Pull || hints.People != nil || hints.Cursor == "" {
		t.Errorf("pull %t, %d people, %v", hints.Pull, len(hints.People), err)
	}
}

// TestExpiredCursor: however Graph says it, and whatever is no cursor.
func TestExpiredCursor(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{
		"410":             status(410, `{"error":{"code":"syncStateNotFound","message":"start again"}}`, "Location", "https://graph.example/v1.0/users/delta?$deltatoken="),
		"410 in HTML":     status(410, `<html>`),
		"400 with a code": status(400, `{"error":{"code":"SyncStateInvalid","message":"x"}}`),
		"badly formed":    status(400, `{"error":{"code":"Request_BadRequest","message":"Badly formed token."}}`),
		"not there":       status(404, `{"error":{"code":"Request_ResourceNotFound","message":"x"}}`),
	} {
		for _, path := range []string{userDelta, groupDelta} {
			f, c, cursor := begun(t)
			f.on(path, answer)
			if hints, err := c.Hints(t.Context(), cursor); !errors.Is(err, connectors.ErrGone) || hints.Cursor != "" {
				t.Errorf("%s of %s: %v", name, path, err)
			}
		}
	}
	f, c, cursor := begun(t)
	f.seen = nil
	for _, bad := range []string{
		"x", "{}", `{"users":"/v1.0/users/delta?$deltatoken=1"}`, `{"users":"/v1.0/users/delta?x","groups":"/v1.0/me"}`,
		`{"users":"https://attacker.example/v1.0/users/delta","groups":"/v1.0/groups/delta"}`, `{"users":"@attacker.example/v1.0/users/delta","groups":"/v1.0/groups/delta"}`,
		strings.Replace(cursor, "/v1.0/users", "/v2.0/users", 1),
	} {
		if _, err := c.Hints(t.Context(), bad); !errors.Is(err, connectors.ErrGone) {
			t.Errorf("%s: %v", bad, err)
		}
	}
	if len(f.seen) > 0 {
		t.Errorf("asked all the same: %q", f.seen)
	}
	f.on(userDelta, status(403, `{"error":{"code":"Authorization_RequestDenied"}}`))
	if _, err := c.Hints(t.Context(), cursor); !errors.Is(err, connectors.ErrForbidden) || !strings.Contains(err.Error(), "User.Read.All") {
		t.Errorf("a missing permission: %v", err)
	}
	f.on(userDelta, status(400, `{"error":{"code":"Request_BadRequest"}}`))
	if _, err := c.Hints(t.Context(), ""); !errors.Is(err, connectors.ErrMisconfigured) {
		t.Errorf("a bad request without a cursor: %v", err)
	}
}

// TestChangesStayWithTheHost: neither kind of link leads a token away, and a round without a link to go on from is none.
func TestChangesStayWithTheHost(t *testing.T) {
	called := 0
	thief := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { called++ }))
	defer thief.Close()
	for name, answer := range map[string]string{
		"delta link":    `{"@odata.deltaLink":"` + thief.URL + `/v1.0/users/delta?$deltatoken=1","value":[]}`,
		"next link":     `{"@odata.nextLink":"` + thief.URL + `/v1.0/users/delta?$skiptoken=1","value":[]}`,
		"no link":       `{"value":[]}`,
		"no list":       `{"@odata.deltaLink":"http://x/v1.0/users/delta"}`,
		"no ids":        `{"@odata.deltaLink":"x","value":[{"displayName":"x"}]}`,
		"no URL":        `{"@odata.deltaLink":"::","value":[]}`,
		"relative link": `{"@odata.deltaLink":"/v1.0/users/delta?$deltatoken=1","value":[]}`,
	} {
		f, c, cursor := begun(t)
		f.on(userDelta, ok(answer))
		if hints, err := c.Hints(t.Context(), cursor); !errors.Is(err, connectors.ErrIncomplete) || hints.Cursor != "" {
			t.Errorf("%s: %+v, %v", name, hints, err)
		}
	}
	if called > 0 {
		t.Errorf("the other host was called %d times", called)
	}
}

func TestEndlessChanges(t *testing.T) {
	f, c, cursor := begun(t)
	f.on(userDelta, ok(more(f.url(userDelta+"?$skiptoken=1"), user(1))))
	if _, err := c.Hints(t.Context(), cursor); !errors.Is(err, connectors.ErrIncomplete) {
		t.Errorf("the same link for ever: %v", err)
	}
}

// TestSimulatedHints follows people and groups through their changes.
func TestSimulatedHints(t *testing.T) {
	population := idpsim.New(idpsim.Options{Seed: 6, People: 500, Groups: 2})
	if err := population.Do(idpsim.Step{Do: "add-group", Group: "Elsewhere"}); err != nil {
		t.Fatal(err)
	}
	var assigned string
	population.Read(func(v *idpsim.View) { assigned = v.Group(0).Name() })
	c, _ := recorded(t, population, nil, graph.Options{})
	hints, err := c.Hints(t.Context(), "")
	if err != nil || len(hints.People) > 0 || hints.Pull {
		t.Fatalf("%+v, %v", hints, err)
	}
	for _, test := range []struct {
		steps  []idpsim.Step
		people []string
		pull   bool
	}{
		{nil, nil, false},
		{[]idpsim.Step{{Do: "disable", Who: "#5"}, {Do: "soft-delete", Who: "#6"}, {Do: "soft-delete", Who: "#7"}, {Do: "purge", Who: "#7"}}, []string{"#5", "#6", "#7"}, false},
		{[]idpsim.Step{{Do: "join", Who: "#8", Group: "Elsewhere"}}, nil, false},
		{[]idpsim.Step{{Do: "join", Who: "#9", Group: assigned}}, nil, true},
		{[]idpsim.Step{{Do: "leave", Who: "#9", Group: assigned}}, nil, true},
		{[]idpsim.Step{{Do: "purge-group", Group: "Elsewhere"}}, nil, true},
		{nil, nil, false},
	} {
		if err := population.Do(test.steps...); err != nil {
			t.Fatal(err)
		}
		if hints, err = c.Hints(t.Context(), hints.Cursor); err != nil {
			t.Fatalf("%+v: %v", test.steps, err)
		}
		for _, who := range test.people {
			if !slices.Contains(hints.People, population.EntraID(who)) {
				t.Errorf("%+v: %s is not among %v", test.steps, who, hints.People)
			}
		}
		if hints.Pull != test.pull || len(test.steps) == 0 && len(hints.People) > 0 {
			t.Errorf("%+v: %+v", test.steps, hints)
		}
	}
}

// TestHintsUnderFaults: each fault ends in hints or in an error of the vocabulary, and an expired cursor in ErrGone.
func TestHintsUnderFaults(t *testing.T) {
	population := idpsim.New(idpsim.Options{Seed: 6, People: 500, Groups: 2})
	var assigned string
	population.Read(func(v *idpsim.View) { assigned = v.Group(1).Name() })
	for _, fault := range idpsim.FaultNames() {
		if fault == idpsim.Hang || fault == idpsim.SlowDrip {
			continue
		}
		faults := new(idpsim.Faults)
		c, _ := recorded(t, population, nil, graph.Options{Faults: faults})
		begun, err := c.Hints(t.Context(), "")
		if err == nil {
			err = population.Do(idpsim.Step{Do: "disable", Who: "#5"}, idpsim.Step{Do: "enable", Who: "#5"}, idpsim.Step{Do: "leave", Who: "#9", Group: assigned}, idpsim.Step{Do: "join", Who: "#9", Group: assigned})
		}
		if err == nil {
			err = faults.Set(fault, idpsim.Where{})
		}
		if err != nil {
			t.Fatal(err)
		}
		hints, err := c.Hints(t.Context(), begun.Cursor)
		var failure *connectors.Error
		if (err == nil) != (hints.Cursor != "") || err != nil && (!errors.As(err, &failure) || failure.Op == "") {
			t.Errorf("%s: %+v, %v", fault, hints, err)
		}
		if expired := fault == idpsim.ExpiredDelta || fault == idpsim.SyncStateLost; expired != errors.Is(err, connectors.ErrGone) {
			t.Errorf("%s: %v", fault, err)
		}
	}
}

// FuzzHints: whatever a cursor says, it leads to the configured host or nowhere.
func FuzzHints(f *testing.F) {
	for _, seed := range []string{`{}`, `{"users":"/v1.0/users/delta?$deltatoken=1","groups":"/v1.0/groups/delta?$deltatoken=1"}`, `{"users":"//x/v1.0/users/delta"}`, `[]`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, cursor string) {
		server := newFake(t)
		server.on(userDelta, ok(server.delta(userDelta, "u")))
		server.on(groupDelta, ok(server.delta(groupDelta, "g")))
		hints, err := server.open().Hints(t.Context(), cursor)
		var next map[string]string
		if err == nil && json.Unmarshal([]byte(hints.Cursor), &next) != nil {
			t.Fatalf("%q led to the cursor %q", cursor, hints.Cursor)
		}
		for _, asked := range server.seen {
			if !strings.HasPrefix(asked, "GET /v1.0/") {
				t.Fatalf("%q led to %s", cursor, asked)
			}
		}
	})
}
