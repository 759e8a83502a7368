package rest_test

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"rollcall/connectors"
	"rollcall/connectors/rest"
)

func TestValue(t *testing.T) {
	text := func(s string) connectors.Value { return connectors.Value{Present: true, Text: s} }
	list := func(s ...string) connectors.Value { return connectors.Value{Present: true, List: s} }
	for in, want := range map[string]connectors.Value{
		`"ada"`:                      text("ada"),
		`""`:                         text(""),
		`null`:                       {},
		`true`:                       text("True"),
		`false`:                      text("False"),
		`-1.50e+3`:                   text("-1.50e+3"),
		`12345678901234567890`:       text("12345678901234567890"),
		`"a\"b\\c\/d\b\f\n\r\t"`:     text("a\"b\\c/d\b\f\n\r\t"),
		`"\u00e9\ud83d\ude00"`:       text("é😀"),
		`"\ud800x"`:                  text("\uFFFDx"),
		`"\ud800\\udc00"`:            text("\uFFFD\\udc00"),
		"\"a\xffb\"":                 text("a\uFFFDb"),
		` [ "a" , 1 , true, null ] `: list("a", "1", "True"),
		`[]`:                         list(),
		`[{"a":1},["b"]]`:            list(),
		`{"a":[1,{"b":null}]}`:       {},
	} {
		s := rest.Scan(in)
		got, err := s.Value()
		if err == nil {
			err = s.End()
		}
		if err != nil {
			t.Errorf("%s: %v", in, err)
		}
		if want.List != nil && got.List == nil {
			t.Errorf("%s: no list", in)
		}
		if diff := cmp.Diff(want, got, cmp.Transformer("nil", func(l []string) []string { return append([]string{}, l...) })); diff != "" {
			t.Errorf("%s: %s", in, diff)
		}
	}
}

func TestObject(t *testing.T) {
	var names []string
	s := rest.Scan(`{"a":1,"\u0062":{"x":[]},"":null,"a":"again"}`)
	err := s.Object(func(name string) error {
		names = append(names, name)
		_, err := s.Raw()
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"a", "b", "", "a"}, names); diff != "" {
		t.Error(diff)
	}
}

func TestScannerRefuses(t *testing.T) {
	for _, in := range []string{
		``, ` `, `{`, `[`, `"`, `{"a"}`, `{"a":}`, `{"a":1,}`, `{,}`, `{a:1}`, `[1,]`, `[,1]`, `[1 2]`, `{"a":1 "b":2}`, `[}`,
		`nul`, `tru`, `truex`, `01`, `1.`, `.5`, `-`, `1e`, `+1`, `NaN`, `'a'`, "\"a\nb\"", `"\x"`, `"\u12"`, `"\u12g4"`, `"\`, `1 2`,
		strings.Repeat("[", 65) + strings.Repeat("]", 65),
	} {
		s := rest.Scan(in)
		err := s.Skip()
		if err == nil {
			err = s.End()
		}
		if !errors.Is(err, rest.ErrJSON) {
			t.Errorf("%q is accepted: %v", in, err)
		}
	}
	deep := rest.Scan(strings.Repeat("[", 64) + strings.Repeat("]", 64))
	if err := deep.Skip(); err != nil {
		t.Errorf("64 levels: %v", err)
	}
}

func TestNullIsNoArray(t *testing.T) {
	s := rest.Scan(`null`)
	if err := s.Array(func() error { return nil }); err == nil {
		t.Error("null passes for an array: a page without a list would pass for an empty one")
	}
}

// FuzzScanner holds the scanner against the standard library: they accept the same texts, and read the same strings.
func FuzzScanner(f *testing.F) {
	for _, seed := range []string{
		`{"value":[{"id":"1","accountEnabled":true,"n":null,"l":["a",1,false,{}]}],"@odata.nextLink":"https://x/?$skiptoken=1"}`,
		`[]`, `"\ud83d\ude00\ud800\u0041"`, `-0.1E-2`, `[[[[]]]]`, "\"\xff\xfe\"", `{"a":{"a":{}}}`, `[1,]`, ` true `, `{"\u0061":"\/"}`,
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		s := rest.Scan(in)
		value, err := s.Value()
		if err == nil {
			err = s.End()
		}
		skip := rest.Scan(in)
		raw, skipped := skip.Raw()
		if skipped == nil {
			skipped = skip.End()
		}
		if (err == nil) != (skipped == nil) {
			t.Fatalf("read: %v, skipped: %v", err, skipped)
		}
		if valid := json.Valid([]byte(in)); valid != (err == nil) && (!valid || deepest(in) <= 64) {
			t.Fatalf("the standard library says %t, we say %v", valid, err)
		}
		if err != nil {
			return
		}
		if strings.TrimSpace(in) != strings.TrimSpace(raw) {
			t.Fatalf("raw is %q", raw)
		}
		var want string
		if json.Unmarshal([]byte(in), &want) == nil && strings.HasPrefix(strings.TrimSpace(in), `"`) && utf8.ValidString(in) && value.Text != want {
			t.Fatalf("read %q, want %q", value.Text, want)
		}
	})
}

// deepest bounds how far a text can nest.
func deepest(in string) int { return strings.Count(in, "[") + strings.Count(in, "{") }
