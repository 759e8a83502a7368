package entra

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"rollcall/connectors"
	"rollcall/connectors/rest"
)

// FuzzPage: whatever a page says, reading it ends, and people come with as many values as were asked for and an id that is one.
func FuzzPage(f *testing.F) {
	for _, seed := range []string{
		`{"value":[]}`, `{"@odata.nextLink":"https://x","value":[{"id":"6f1d8a2e-0000-4000-9000-000000000001","accountEnabled":true,"userPrincipalName":"a_b#EXT#@c","businessPhones":["1"],"onPremisesExtensionAttributes":{"extensionAttribute1":"x"}}]}`,
		`{"value":[{"id":null}]}`, `{"value":[[]]}`, `{"value":[{"id":"6f1d8a2e-0000-4000-9000-000000000001"}]}`, `{"value":[{"onPremisesExtensionAttributes":[]}]}`,
	} {
		f.Add(seed)
	}
	selection, err := selectFor([]string{"userPrincipalName", "telephoneNumber", "extensionAttribute1", "mail"})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, page string) {
		p := people{selection: selection}
		p.start(connectors.Facts{})
		if _, err := collection(page, p.scan); err != nil {
			return
		}
		for _, person := range p.keep(everybody) {
			if _, ok := parseGUID(person.ID); !ok || len(person.Values) != 4 {
				t.Fatalf("%+v", person)
			}
		}
	})
}

// FuzzBatch: each request has an answer, and what is no success or no object is a failure.
func FuzzBatch(f *testing.F) {
	for _, seed := range []string{
		`{"responses":[{"id":"1","status":200,"headers":{"Retry-After":"1"},"body":{}},{"id":"0","status":404}]}`,
		`{"responses":[{"id":0,"status":"200"},{"id":1,"status":2e2}]}`, `{"responses":null}`, `{}`,
	} {
		f.Add(seed, 2)
	}
	f.Fuzz(func(t *testing.T, text string, n int) {
		n = min(max(n, 0), batchSize)
		answers, err := scanBatch(text, n)
		if len(answers) != n {
			t.Fatalf("%d answers to %d requests", len(answers), n)
		}
		for _, a := range answers {
			if failure, _ := a.failure(); err == nil && failure == nil && (a.status/100 != 2 || a.body == "") {
				t.Fatalf("passes for a good answer: %+v", a)
			}
		}
	})
}

// FuzzChanges: whatever a page of changes says, people and groups come with an id, and links are the page's own.
func FuzzChanges(f *testing.F) {
	for _, seed := range []string{
		`{"@odata.deltaLink":"https://x/v1.0/users/delta?$deltatoken=1","value":[{"id":"6f1d8a2e-0000-4000-9000-000000000001","@removed":{"reason":"changed"}}]}`,
		`{"@odata.nextLink":"https://x","value":[{"id":"6f1d8a2e-0000-4000-9000-000000000001","members@delta":[{"id":"y","@removed":{}}]},{"id":"6f1d8a2e-0000-4000-9000-000000000002","members@delta":{}}]}`,
		`{"value":[{"id":null,"members@delta":null}]}`, `{"value":[]}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, page string) {
		changed := changes{people: map[guid]struct{}{}, groups: map[guid]struct{}{}}
		for _, item := range []func(*rest.Scanner) error{changed.user, changed.group} {
			next, delta, err := links(page, item)
			if err == nil && !strings.Contains(page, "@odata") && next+delta != "" && !strings.Contains(page, `\`) {
				t.Fatalf("links %q and %q", next, delta)
			}
		}
		for _, id := range changed.ids() {
			if _, ok := parseGUID(id); !ok {
				t.Fatalf("%q", id)
			}
		}
	})
}

// FuzzAnswers: the small answers never panic, and what they give is of the right form.
func FuzzAnswers(f *testing.F) {
	for _, seed := range []string{
		`{"id":"x","appRoles":[{"id":"6f1d8a2e-0000-4000-9000-000000000001","value":null,"displayName":"A"}]}`, `{"@odata.count":12}`, `{"appRoles":null}`, `{}0`,
		`{"value":[{"id":"6f1d8a2e-0000-4000-9000-000000000001","principalId":"6f1d8a2e-0000-4000-9000-000000000001","principalType":"User","resourceId":"6f1d8a2e-0000-4000-9000-000000000001"}]}`,
	} {
		f.Add(seed)
	}
	one, _ := parseGUID("6f1d8a2e-0000-4000-9000-000000000001")
	f.Fuzz(func(t *testing.T, text string) {
		if _, err := scanRoles(text); err == nil && !json.Valid([]byte(text)) {
			t.Fatal("roles of what is no JSON")
		}
		if _, err := scanCount(text); err == nil && !json.Valid([]byte(text)) {
			t.Fatal("a count in what is no JSON")
		}
		_, ids, err := scanIDs(text, nil)
		for _, id := range ids {
			if _, ok := parseGUID(id); err == nil && !ok {
				t.Fatalf("%q passes for an id", id)
			}
		}
		list := (&ownLists{application: one}).scanList(text, one)
		for _, row := range list.rows {
			if row.resource != one || row.kind == "" || row.kind == ofUser && row.id != one {
				t.Fatalf("%+v", row)
			}
		}
	})
}

// FuzzRoles holds the numbered sets of names against plain sets.
func FuzzRoles(f *testing.F) {
	f.Add([]byte("\x01\x12\x21\x13\x02"))
	f.Fuzz(func(t *testing.T, grants []byte) {
		names := map[guid]string{}
		for n := range 8 {
			names[guid{byte(n + 1)}] = string(rune('a' + n%5))
		}
		r, plain := newRoles(names), map[guid]map[string]bool{}
		for _, b := range grants {
			principal, role := guid{15: b >> 4}, guid{b & 15}
			r.grant(principal, role)
			if plain[principal] == nil {
				plain[principal] = map[string]bool{}
			}
			if names[role] != "" {
				plain[principal][names[role]] = true
			}
		}
		for principal, want := range plain {
			if diff := cmp.Diff(slices.Sorted(maps.Keys(want)), r.list(principal), cmpopts.EquateEmpty()); diff != "" {
				t.Fatal(diff)
			}
		}
	})
}
