package state_test

import (
	"strings"
	"testing"

	"rollcall/state"
)

func TestBlanked(t *testing.T) {
	for side, want := range map[string]string{
		`{}`: `{}`,
		`{"userName":"ada","active":true,"emails":[{"value":"a@b"}],"said":true,"inForce":false,"link":""}`: `{"userName":"erased","active":"erased","emails":"erased","said":true,"inForce":false,"link":""}`,
		`{"displayName":"Team","members":{"added":["a"]}}`:                                                  `{"displayName":"erased","members":{"added":["a"]}}`,
		`not JSON`: `{}`,
		`["ada"]`:  `{}`,
	} {
		if got := string(state.Blanked([]byte(side))); got != want {
			t.Errorf("%s\nbecomes %s\nwant    %s", side, got, want)
		}
		if again := string(state.Blanked([]byte(want))); again != want {
			t.Errorf("%s is blanked again: %s", want, again)
		}
	}
}

// FuzzBlank: whatever is kept, nothing of a known address is left in it, and what can be read stays readable.
func FuzzBlank(f *testing.F) {
	for _, seed := range []string{
		`{"changes":[{"account":"id-1","name":"Ada@acme.example"},{"account":"id-2","name":"Bob"}]}`, `["ada@acme.example"]`, `{"a":{"person":"p-1","b":["Countess"]}}`, `x`, `{"n":1e400}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, document string) {
		person := state.Personal{IDs: []string{"id-1"}}
		person.Note([]byte(`{"userName":"ada@acme.example","title":"Countess","link":"p-1","said":true}`))
		blanked, ok := person.Blank([]byte(document))
		if !ok {
			return
		}
		if strings.Contains(string(blanked), `"ada@acme.example"`) {
			t.Errorf("%s keeps the address: %s", document, blanked)
		}
		if _, again := person.Blank(blanked); again {
			t.Errorf("%s is not blanked at once: %s", document, blanked)
		}
	})
}

func TestPersonalBlank(t *testing.T) {
	person := state.Personal{IDs: []string{"id-1"}}
	person.Note([]byte(`{"userName":"ada@acme.example","displayName":"Ada Acker","title":"Countess","link":"p-1","said":true}`))
	for document, want := range map[string]string{
		`{"account":"id-2","name":"Bob","title":"Countess"}`:                  "",
		`{"account":"id-1","name":"Ada","title":"Countess","n":1}`:            `{"account":"id-1","n":1,"name":"Ada","title":"erased"}`,
		`[{"person":"p-1","fields":[{"after":"Countess"}]},{"x":"countess"}]`: `[{"fields":[{"after":"erased"}],"person":"p-1"},{"x":"countess"}]`,
		`{"account":"id-1","why":"Ada Acker has left"}`:                       `{"account":"id-1","why":"erased"}`,
		`{"why":"taken by ADA@acme.example"}`:                                 `{"why":"erased"}`,
		`{"why":"a relative of Ada Acker"}`:                                   "",
		`{"account":"id-1","n":18446744073709551615,"title":"Countess"}`:      `{"account":"id-1","n":18446744073709551615,"title":"erased"}`,
		`ada@acme.example`: "",
	} {
		got, ok := person.Blank([]byte(document))
		if ok != (want != "") || string(got) != want {
			t.Errorf("%s\nbecomes %s\nwant    %s", document, got, want)
		}
	}
}
