package state_test

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"rollcall/state"
	"rollcall/state/scim"
)

func TestSearchWords(t *testing.T) {
	for _, c := range []struct {
		kind     state.Kind
		resource string
		want     []string
	}{
		{state.KindAccount, `{"userName":"Jane.Doe@acme.example","displayName":"Dr. Jane O'Doe","name":{"givenName":"Jane","familyName":"Döe-Ångström"},"nickName":"JD","title":"Boss"}`,
			[]string{"dr", "jane", "o", "doe", "angstrom", "jd", "acme", "example"}},
		{state.KindAccount, `{"emails":[{"value":"a_b@x.example","type":"work"}],"phoneNumbers":[{"value":"+49 (0)170 12-34"},{"value":"tel:+4930"}]}`,
			[]string{"a", "b", "x", "example", "491701234", "1701234", "1234", "34", "4930"}},
		{state.KindAccount, `{"userName":"山田太郎","displayName":"ПЁТР 2"}`, []string{"ПЕТР", "2", "山田太郎"}},
		{state.KindGroup, `{"displayName":"Team Blue (Paris)","userName":"no"}`, []string{"team", "blue", "paris"}},
		{state.KindGroup, `{}`, nil},
		{state.KindAccount, `{"displayName":"` + strings.Repeat("é", 100) + `"}`, []string{strings.Repeat("e", 40)}},
	} {
		got := state.SearchWords(c.kind, read(t, c.resource))
		if diff := cmp.Diff(c.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", c.resource, diff)
		}
	}
}

func read(t testing.TB, text string) scim.Value {
	t.Helper()
	v, err := scim.ReadJSON([]byte(text), scim.DefaultLimits)
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestNewSearch(t *testing.T) {
	for text, want := range map[string][]state.SearchTerm{
		"Jane doe":               {{All: []string{"jane"}}, {All: []string{"doe"}}},
		"+49 170 123":            {{All: []string{"49", "170", "123"}, Or: "49170123"}},
		"0170":                   {{All: []string{"0170"}, Or: "170"}},
		"room 7":                 {{All: []string{"room"}}, {All: []string{"7"}}},
		"00 0":                   {{All: []string{"00", "0"}}},
		"a b c d e f g h i j":    {{All: []string{"a"}}, {All: []string{"b"}}, {All: []string{"c"}}, {All: []string{"d"}}, {All: []string{"e"}}, {All: []string{"f"}}, {All: []string{"g"}}, {All: []string{"h"}}},
		`") OR x*`:               {{All: []string{"or"}}, {All: []string{"x"}}},
		"":                       nil,
		" \t- ":                  nil,
		strings.Repeat("é", 999): {{All: []string{strings.Repeat("e", 40)}}},
	} {
		if diff := cmp.Diff(want, state.NewSearch(text).Terms); diff != "" {
			t.Errorf("%q (-want +got):\n%s", text, diff)
		}
	}
	for text, want := range map[string]bool{"jane@acme.example": true, " jane@acme ": true, "jane": false, "jane @ acme": false} {
		if got := state.NewSearch(text).Address(); got != want {
			t.Errorf("Address(%q) = %v", text, got)
		}
	}
}

// Whatever a name is, it is found by itself, by each of its words and by the beginning of each, and the words are such that an index can
// keep them apart by spaces.
func FuzzSearch(f *testing.F) {
	for _, name := range []string{"Jane Doe", "ÅNGSTRÖM", "İstanbul", "ﬁne ﬂour", "ß", "١٢٣ 45", "a\u0301b", "क्षि", "x²", "\"*()", "49 170"} {
		f.Add(name)
	}
	f.Fuzz(func(t *testing.T, name string) {
		if !utf8.ValidString(name) {
			return
		}
		words := state.SearchWords(state.KindGroup, scim.ObjectOf(scim.Field{Name: "displayName", Value: scim.StringValue(name)}))
		for _, word := range words {
			if word == "" || strings.ContainsAny(word, " \"*^+-:(){}'\x00") || utf8.RuneCountInString(word) > 40 {
				t.Fatalf("%q has the word %q", name, word)
			}
			_, size := utf8.DecodeRuneInString(word)
			for _, text := range []string{word, word[:size]} {
				if search := state.NewSearch(text); !search.Matches(words) {
					t.Fatalf("%q is not found by %q: %+v", name, text, search)
				}
			}
		}
		search := state.NewSearch(name)
		if len(search.Exact) > 256 || len(search.Terms) > 8 {
			t.Fatalf("%q is looked for by %d bytes and %d terms", name, len(search.Exact), len(search.Terms))
		}
		if len(name) < 256 && len(words) < 64 && len(words) > 0 && !search.Matches(words) {
			t.Fatalf("%q is not found by itself: %+v in %q", name, search, words)
		}
		if slices.Contains(words, "") {
			t.Fatal("an empty word")
		}
	})
}

func TestFound(t *testing.T) {
	for _, c := range []struct {
		run  state.Run
		want int
	}{
		{state.Run{Trigger: "schedule", Report: []byte(`{"proof":{"x":1},"counts":{"people":7,"actions":{"create":2,"update":3}},"changes":[{}]}`)}, 5},
		{state.Run{Trigger: "undo", Report: []byte(`{"counts":{"actions":{"create":2}}}`)}, 0},
		{state.Run{Trigger: "hand", Report: []byte(`{}`)}, 0},
		{state.Run{Trigger: "hand", Report: []byte(`erased`)}, 0},
		{state.Run{Trigger: "hand"}, 0},
	} {
		if got := c.run.Found(); got != c.want {
			t.Errorf("%s %s: %d, want %d", c.run.Trigger, c.run.Report, got, c.want)
		}
	}
}
