package scim_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"rollcall/state/scim"
)

func TestSortKeys(t *testing.T) {
	rt, err := scim.UserType().With(&scim.Schema{ID: "urn:acme:n", Attributes: []scim.Attribute{
		{Name: "n", Type: scim.DataDecimal}, {Name: "at", Type: scim.DataDateTime}, {Name: "exact", CaseExact: true}, {Name: "tags", MultiValued: true},
	}})
	if err != nil {
		t.Fatal(err)
	}
	cases := []struct {
		path   string
		sorted []string // ascending; "=" in front: beside the one before
	}{
		{"userName", []string{`{"userName":"ADA"}`, `={"userName":"ada"}`, `{"userName":"bob"}`, `{"userName":"émile"}`, `={"userName":"Émile"}`, `{}`}},
		{"title", []string{`{"title":"a"}`, `{"title":"b"}`, `{"title":""}`, `={}`, `={"userName":"x"}`}},
		{"active", []string{`{"active":false}`, `{"active":true}`, `={"active":true}`, `{}`}},
		{"name.familyName", []string{`{"name":{"familyName":"a"}}`, `{"name":{"familyName":"B"}}`, `{"name":{"givenName":"a"}}`}},
		{"emails", []string{`{"emails":[{"value":"a"},{"value":"z"}]}`, `{"emails":[{"value":"a"},{"value":"b","primary":true}]}`, `{"emails":[{"value":"c"}]}`, `{"emails":[]}`}},
		{"emails.type", []string{`{"emails":[{"type":"home","value":"z"}]}`, `{"emails":[{"type":"work","value":"a"}]}`, `{"emails":[{"value":"a"}]}`}},
		{"urn:acme:n:n", []string{`{"urn:acme:n":{"n":-2}}`, `{"urn:acme:n":{"n":2}}`, `={"urn:acme:n":{"n":2.0}}`, `={"urn:acme:n":{"n":20e-1}}`, `{"urn:acme:n":{"n":10}}`, `{}`}},
		{"n", []string{`{"urn:acme:n":{"n":9}}`, `{"urn:acme:n":{"n":10}}`}},
		{"urn:acme:n:at", []string{`{"urn:acme:n":{"at":"2026-01-01T10:00:00+02:00"}}`, `={"urn:acme:n":{"at":"2026-01-01T08:00:00Z"}}`, `{"urn:acme:n":{"at":"2026-01-01T08:00:00.5Z"}}`, `{}`}},
		{"urn:acme:n:exact", []string{`{"urn:acme:n":{"exact":"B"}}`, `{"urn:acme:n":{"exact":"a"}}`}},
		{"urn:acme:n:tags", []string{`{"urn:acme:n":{"tags":["b","a"]}}`, `{"urn:acme:n":{"tags":["c"]}}`}},
		{"meta.created", []string{`{"meta":{"created":"2026-01-01T08:00:00.000Z"}}`, `{"meta":{"created":"2026-01-01T08:00:00.001Z"}}`}},
		{"id", []string{`{"id":"A"}`, `{"id":"a"}`}},
	}
	for _, c := range cases {
		path := parsePath(t, c.path)
		if err := rt.CheckSort(path); err != nil {
			t.Errorf("%s: %v", c.path, err)
		}
		for i := 1; i < len(c.sorted); i++ {
			text, same := strings.CutPrefix(c.sorted[i], "=")
			a := rt.SortKey(readJSON(t, strings.TrimPrefix(c.sorted[i-1], "=")), path)
			b := rt.SortKey(readJSON(t, text), path)
			want := -1
			if same {
				want = 0
			}
			if got, back := a.Compare(b), b.Compare(a); got != want || back != -want {
				t.Errorf("%s: %s against %s is %d (and back %d), want %d", c.path, c.sorted[i-1], text, got, back, want)
			}
		}
	}
	if key := scim.GroupType().SortKey(readJSON(t, `{"userName":"x"}`), parsePath(t, "userName")); key != (scim.SortKey{}) {
		t.Errorf("an attribute of another type has the key %v", key)
	}
}

func TestCheckSortRefuses(t *testing.T) {
	for text, rt := range map[string]*scim.ResourceType{
		"colour": scim.UserType(), "name": scim.UserType(), "name.colour": scim.UserType(), "password": scim.UserType(), "groups": scim.UserType(),
		"groups.display": scim.UserType(), "addresses": scim.UserType(), `emails[type eq "work"]`: scim.UserType(), "members": scim.GroupType(),
		"members.value": scim.GroupType(), scim.EnterpriseURN: scim.UserType(), "userName": scim.GroupType(),
	} {
		wantError(t, rt.CheckSort(parsePath(t, text)), scim.TypeInvalidValue, "sort")
	}
}

// TestSortKeysAreAnOrder holds keys of any values of an attribute against each other: an order, in which sorting puts every pair right.
func TestSortKeysAreAnOrder(t *testing.T) {
	texts := []string{`{}`, `{"title":null}`, `{"title":""}`, `{"title":"a"}`, `{"title":"A"}`, `{"title":"b"}`, `{"title":"é"}`, `{"title":1}`, `{"title":10}`, `{"title":true}`}
	rapid.Check(t, func(rt *rapid.T) {
		keys := rapid.SliceOfN(rapid.Map(rapid.SampledFrom(texts), func(text string) scim.SortKey {
			return scim.UserType().SortKey(readJSON(t, text), parsePath(t, "title"))
		}), 2, 12).Draw(rt, "keys")
		slices.SortFunc(keys, scim.SortKey.Compare)
		for i := range keys {
			for j := range keys[:i] {
				if keys[j].Compare(keys[i]) > 0 {
					rt.Fatalf("%v is sorted before %v", keys[j], keys[i])
				}
			}
		}
	})
}

func TestStrictGrammar(t *testing.T) {
	strict := scim.Limits{Strict: true}
	for text, ok := range map[string]bool{
		`userName eq "ada"`: true, `active eq true and title eq null or n gt -1.5e3`: true, `not (title pr)`: true, `NOT(title pr)`: true,
		`emails[type eq "work" and not (value pr)]`: true, `(((title pr)))`: true,
		`userName eq ada`: false, `not title pr`: false, `not not (title pr)`: false, `emails[type eq work]`: false, `emails[type eq "work"].value eq "x"`: false,
		`emails[type eq "work"].value pr`: false, `title eq True`: false,
	} {
		if _, err := scim.ParseFilter(text, strict); (err == nil) != ok {
			t.Errorf("%s: %v", text, err)
		}
		if _, err := scim.ParseFilter(text, scim.Limits{}); err != nil {
			t.Errorf("lenient, %s: %v", text, err)
		}
	}
	for text, ok := range map[string]bool{`emails[type eq "work"].value`: true, `emails[type eq "work"]`: true, `emails[type eq work].value`: false} {
		if _, err := scim.ParsePath(text, strict); (err == nil) != ok {
			t.Errorf("path %s: %v", text, err)
		}
	}
}

// TestStrictRefusesNoCanonicalResource has what Normalize makes of anything pass as sent.
func TestStrictRefusesNoCanonicalResource(t *testing.T) {
	for _, text := range []string{
		`{"userName":"a"}`,
		`{"userName":"a","active":"False","emails":"a@x.example","name.givenName":"A","manager":"m","department":"d","colour":"teal"}`,
		`{"userName":"a","emails":[{"value":"a","primary":"True"},{"value":"b","primary":true}],"roles":["r"],"` + scim.EnterpriseURN + `:division":"x"}`,
	} {
		sent := readJSON(t, text)
		normal, err := scim.UserType().Normalize(sent)
		if err != nil {
			t.Fatal(err)
		}
		if err := scim.UserType().CheckStrict(normal.Resource); err != nil {
			t.Errorf("%s: %v", normal.Resource.AppendJSON(nil), err)
		}
		if scim.UserType().CheckStrict(sent) == nil {
			t.Errorf("%s: no error, though schemas is missing", text)
		}
		again, err := scim.UserType().Normalize(normal.Resource)
		if diff := cmp.Diff(normal.Resource, again.Resource); diff != "" || err != nil {
			t.Errorf("%v\n%s", err, diff)
		}
	}
}
