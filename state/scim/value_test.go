package scim_test

import (
	"encoding/json"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"rollcall/state/scim"
)

func TestFoldIsEqualFold(t *testing.T) {
	for _, pair := range [][2]string{
		{"Ada@Acme.EXAMPLE", "ada@acme.example"}, {"ÅSA", "åsa"}, {"ΣΊΣΥΦΟΣ", "σίσυφος"}, {"\u212A", "k"}, {"ſ", "S"}, {"Straße", "STRASSE"}, {"İ", "i"}, {"ı", "I"}, {"Ǆ", "ǅ"}, {"", ""},
	} {
		if got, want := scim.Fold(pair[0]) == scim.Fold(pair[1]), strings.EqualFold(pair[0], pair[1]); got != want {
			t.Errorf("%q and %q fold alike: %v, want %v", pair[0], pair[1], got, want)
		}
	}
	if got := scim.Fold("ADA"); got != "ada" {
		t.Errorf("Fold(ADA) = %q", got)
	}
	rapid.Check(t, func(t *rapid.T) {
		letters := rapid.StringOf(rapid.SampledFrom([]rune("aAkK\u212AsSſåÅÅσΣςßẞiIİı€9")))
		a, b := letters.Draw(t, "a"), letters.Draw(t, "b")
		if (scim.Fold(a) == scim.Fold(b)) != strings.EqualFold(a, b) {
			t.Fatalf("%q and %q", a, b)
		}
		if scim.Fold(scim.Fold(a)) != scim.Fold(a) {
			t.Fatalf("folding %q twice is not folding it once", a)
		}
	})
}

func TestEqualFoldIsASCIIOnly(t *testing.T) {
	for pair, want := range map[[2]string]bool{
		{"userName", "USERNAME"}: true, {"a", "ab"}: false, {"k", "\u212A"}: false, {"é", "É"}: false, {"@", "`"}: false, {"[", "{"}: false, {"", ""}: true,
	} {
		if got := scim.EqualFold(pair[0], pair[1]); got != want {
			t.Errorf("EqualFold(%q, %q) = %v", pair[0], pair[1], got)
		}
	}
}

func TestEqual(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{`{"a":1,"b":2}`, `{"b":2,"a":1}`, true},
		{`{"a":1,"b":2}`, `{"B":2,"A":1}`, true},
		{`{"a":1}`, `{"a":1,"b":null}`, false},
		{`{"a":1,"b":null}`, `{"a":1,"c":null}`, false},
		{`[1,2]`, `[2,1]`, false},
		{`[1]`, `[1,1]`, false},
		{`[]`, `null`, false},
		{`"a"`, `"A"`, false},
		{`1`, `"1"`, false},
		{`1`, `1.0`, true},
		{`100`, `1E2`, true},
		{`-0`, `0.0`, true},
		{`0.1`, `1e-1`, true},
		{`12345678901234567890`, `12345678901234567891`, false},
		{`1e999999999999`, `2e999999999999`, false},
		{`-1`, `1`, false},
		{`true`, `false`, false},
		{`{"a":[{"b":"x"}]}`, `{"a":[{"b":"x"}]}`, true},
	} {
		a, b := readJSON(t, c.a), readJSON(t, c.b)
		if a.Equal(b) != c.want || b.Equal(a) != c.want {
			t.Errorf("%s equals %s: %v, want %v", c.a, c.b, !c.want, c.want)
		}
	}
}

func TestEmpty(t *testing.T) {
	for text, want := range map[string]bool{
		`null`: true, `""`: true, `[]`: true, `{}`: true, `[null,"",{"a":[]}]`: true, `{"a":{"b":null}}`: true,
		`" "`: false, `0`: false, `false`: false, `[0]`: false, `{"a":{"b":false}}`: false,
	} {
		if got := readJSON(t, text).Empty(); got != want {
			t.Errorf("%s is empty: %v", text, got)
		}
	}
}

func TestAppendJSONIsAlwaysJSON(t *testing.T) {
	for _, c := range []struct {
		v    scim.Value
		want string
	}{
		{scim.StringValue("<b>&\"\\/\u2028é"), `"<b>&\"\\/` + "\u2028é\""},
		{scim.StringValue("\x00\x1f\n\r\t\x7f"), `"\u0000\u001f\n\r\t` + "\x7f\""},
		{scim.StringValue("a\xffb\xc0\x80"), "\"a\ufffdb\ufffd\ufffd\""},
		{scim.Value{Kind: scim.Number, Text: "01"}, `"01"`},
		{scim.Value{Kind: scim.Number}, `""`},
		{scim.Value{Kind: scim.Array}, `[]`},
		{scim.Value{Kind: scim.Object}, `{}`},
		{scim.IntValue(-42), `-42`},
		{scim.Value{}, `null`},
	} {
		got := writeJSON(c.v)
		if got != c.want || !json.Valid([]byte(got)) {
			t.Errorf("got %s, want %s", got, c.want)
		}
	}
	if got := string(scim.BoolValue(true).AppendJSON([]byte("x="))); got != "x=true" {
		t.Errorf("appended: %s", got)
	}
}

func TestGetHasWith(t *testing.T) {
	v := readJSON(t, `{"A":1,"b":null,"c":3}`)
	if v.Get("a").Text != "1" || v.Get("x").Kind != scim.Null || scim.StringValue("s").Get("a").Kind != scim.Null {
		t.Error("Get")
	}
	if !v.Has("B") || v.Has("x") {
		t.Error("Has")
	}
	for _, c := range []struct {
		name, value, want string
	}{
		{"a", `2`, `{"A":2,"b":null,"c":3}`},
		{"d", `4`, `{"A":1,"b":null,"c":3,"d":4}`},
		{"C", `null`, `{"A":1,"b":null}`},
		{"x", `null`, `{"A":1,"b":null,"c":3}`},
	} {
		if got := writeJSON(v.With(c.name, readJSON(t, c.value))); got != c.want {
			t.Errorf("With(%s, %s) = %s, want %s", c.name, c.value, got, c.want)
		}
	}
	if got := writeJSON(v); got != `{"A":1,"b":null,"c":3}` {
		t.Errorf("With changed its receiver: %s", got)
	}
}

func TestErrorText(t *testing.T) {
	e := scim.BadRequest(scim.TypeInvalidValue, "%s is wrong", "userName")
	if e.Error() != "400 invalidValue: userName is wrong" {
		t.Error(e)
	}
	if got := (&scim.Error{Status: 413, Detail: "too large"}).Error(); got != "413: too large" {
		t.Error(got)
	}
}
