package scim_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"rollcall/state/scim"
)

func TestReadJSON(t *testing.T) {
	str, obj, list := scim.StringValue, scim.ObjectOf, scim.ListOf
	num := func(text string) scim.Value { return scim.Value{Kind: scim.Number, Text: text} }
	for text, want := range map[string]scim.Value{
		`null`:                        {},
		` true `:                      scim.BoolValue(true),
		"\t\r\nfalse\n":               scim.BoolValue(false),
		`0`:                           num("0"),
		`-0.50e+10`:                   num("-0.50e+10"),
		`123456789012345678901`:       num("123456789012345678901"),
		`""`:                          str(""),
		`"a<b>&'c'"`:                  str("a<b>&'c'"),
		`"\"\\\/\b\f\n\r\t"`:          str("\"\\/\b\f\n\r\t"),
		`"\u0041\u00e9\u20AC"`:        str("Aé€"),
		`"\ud83d\ude00 x"`:            str("😀 x"),
		`"` + "é€😀\u2028" + `"`:       str("é€😀\u2028"),
		`"\u0000"`:                    str("\x00"),
		`"\ufffd"`:                    str("\ufffd"),
		`[]`:                          {Kind: scim.Array},
		`{ }`:                         {Kind: scim.Object},
		`[1 , [ ] ,{}]`:               list(num("1"), scim.Value{Kind: scim.Array}, scim.Value{Kind: scim.Object}),
		`{"B":1,"a" : {"b":"x"} }`:    obj(scim.Field{Name: "B", Value: num("1")}, scim.Field{Name: "a", Value: obj(scim.Field{Name: "b", Value: str("x")})}),
		`{"":null}`:                   obj(scim.Field{Name: ""}),
		`{"\u0041":1}`:                obj(scim.Field{Name: "A", Value: num("1")}),
		`{"a":[{"b":1},{"b":2}]}`:     obj(scim.Field{Name: "a", Value: list(obj(scim.Field{Name: "b", Value: num("1")}), obj(scim.Field{Name: "b", Value: num("2")}))}),
		`[{"a":1,"b":2},3,{"c":[4]}]`: list(obj(scim.Field{Name: "a", Value: num("1")}, scim.Field{Name: "b", Value: num("2")}), num("3"), obj(scim.Field{Name: "c", Value: list(num("4"))})),
	} {
		got, err := scim.ReadJSON([]byte(text), scim.DefaultLimits)
		if err != nil {
			t.Errorf("ReadJSON(%s): %v", text, err)
		} else if !reflect.DeepEqual(want, got) {
			t.Errorf("ReadJSON(%s) = %#v", text, got)
		}
	}
}

func TestReadJSONRefuses(t *testing.T) {
	wide := `{`
	for i := range 40 {
		wide += fmt.Sprintf(`"n%d":1,`, i)
	}
	for _, c := range []struct{ name, text, detail string }{
		{"nothing", ``, "at byte 1: a value is missing"},
		{"space", `  `, "at byte 3: a value is missing"},
		{"two documents", `{} {}`, "at byte 4: the document ends before this"},
		{"bare word", `{"a":yes}`, "at byte 6: no value begins like this"},
		{"half a word", `tru`, "at byte 1:"},
		{"single quotes", `{'a':1}`, "at byte 2: a name in double quotes"},
		{"trailing comma in an object", `{"a":1,}`, "at byte 8: a name in double quotes"},
		{"trailing comma in a list", `[1,]`, "at byte 4: no value"},
		{"no comma", `[1 2]`, "at byte 4: a comma or ]"},
		{"no comma in an object", `{"a":1 "b":2}`, "at byte 8: a comma or }"},
		{"no colon", `{"a" 1}`, "at byte 6: a colon"},
		{"no end", `{"a":[1`, "at byte 8: a comma or ]"},
		{"no end of a string", `"abc`, "at byte 1: a string has no end"},
		{"no end after an escape", `"a\n`, "at byte 1: a string has no end"},
		{"backslash at the end", `"a\`, "at byte 3: this is no escape"},
		{"unknown escape", `"a\x"`, "at byte 3: this is no escape"},
		{"short \\u", `"\u12"`, "at byte 2: this is no escape"},
		{"lone high surrogate", `"\ud83d"`, "at byte 2: this is no escape"},
		{"lone low surrogate", `"\ude00"`, "at byte 2: this is no escape"},
		{"high surrogate and a letter", `"\ud83d\u0041"`, "at byte 2: this is no escape"},
		{"line break in a string", "\"a\nb\"", "at byte 3: a control character"},
		{"line break after an escape", "\"\\ta\nb\"", "at byte 5: a control character"},
		{"bad UTF-8", "{\"a\":\"\xff\"}", "at byte 7: text is not UTF-8"},
		{"overlong UTF-8", "\"\xc0\x80\"", "at byte 2: text is not UTF-8"},
		{"surrogate in UTF-8", "\"\xed\xa0\x80\"", "at byte 2: text is not UTF-8"},
		{"byte order mark", "\ufeff{}", "at byte 1: no value"},
		{"leading zero", `01`, "at byte 1: no value"},
		{"plus", `+1`, "at byte 1"},
		{"no fraction", `1.`, "at byte 1"},
		{"no exponent", `1e`, "at byte 1"},
		{"minus alone", `-`, "at byte 1"},
		{"NaN", `NaN`, "at byte 1"},
		{"name twice", `{"a":1,"a":2}`, `at byte 8: the name "a" is there a second time`},
		{"name twice in another case", `{"active":true,"Active":false}`, `at byte 16: the name "Active"`},
		{"name twice by an escape", `{"a":1,"\u0041":2}`, `at byte 8: the name "A"`},
		{"name twice in a wide object", wide + `"N7":1}`, `the name "N7"`},
		{"name twice late in a wide object", wide + `"n99":1,"N99":1}`, `the name "N99"`},
		{"name twice inside", `{"a":[{"b":1,"B":1}]}`, `at byte 14: the name "B"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := scim.ReadJSON([]byte(c.text), scim.DefaultLimits)
			wantError(t, err, scim.TypeInvalidSyntax, c.detail)
		})
	}
}

func TestReadJSONWideObject(t *testing.T) {
	var b strings.Builder
	for i := range 500 {
		fmt.Fprintf(&b, `,"name%d":%d`, i, i)
	}
	v := readJSON(t, "{"+b.String()[1:]+"}")
	if len(v.Fields) != 500 || v.Get("NAME321").Text != "321" {
		t.Fatalf("%d fields, name321 is %q", len(v.Fields), v.Get("NAME321").Text)
	}
}

func TestReadJSONLimits(t *testing.T) {
	limits := scim.Limits{Depth: 3, Nodes: 6}
	for text, detail := range map[string]string{
		`[[[1]]]`:               "",
		`[[[[1]]]]`:             "nested too deeply",
		`{"a":{"b":[{}]}}`:      "nested too deeply",
		`[[],[],[[]],[]]`:       "",
		`[1,2,3,4,5]`:           "",
		`[1,2,3,4,5,6]`:         "too many values",
		`{"a":1,"b":[2,3,4,5]}`: "too many values",
	} {
		_, err := scim.ReadJSON([]byte(text), limits)
		if detail == "" && err != nil {
			t.Errorf("%s: %v", text, err)
		} else if detail != "" {
			wantError(t, err, scim.TypeInvalidSyntax, detail)
		}
	}
	deep := strings.Repeat("[", 1_000_000)
	_, err := scim.ReadJSON([]byte(deep), scim.DefaultLimits)
	wantError(t, err, scim.TypeInvalidSyntax, "at byte 33: the document is nested too deeply")
	if _, err := scim.ReadJSON([]byte(`{"a":[1]}`), scim.Limits{}); err != nil {
		t.Errorf("zero limits are not the default ones: %v", err)
	}
}

// anyValue draws a JSON value that ReadJSON accepts back: no name twice.
func anyValue(depth int) *rapid.Generator[scim.Value] {
	text := rapid.Map(rapid.String(), func(s string) string { return strings.ToValidUTF8(s, "?") })
	return rapid.Custom(func(t *rapid.T) scim.Value {
		kinds := 6
		if depth == 0 {
			kinds = 4
		}
		switch rapid.IntRange(0, kinds-1).Draw(t, "kind") {
		case 1:
			return scim.BoolValue(rapid.Bool().Draw(t, "bool"))
		case 2:
			return scim.Value{Kind: scim.Number, Text: rapid.StringMatching(`-?(0|[1-9][0-9]{0,25})(\.[0-9]{1,5})?([eE][+-]?[0-9]{1,3})?`).Draw(t, "number")}
		case 3:
			return scim.StringValue(text.Draw(t, "text"))
		case 4:
			return scim.Value{Kind: scim.Array, List: rapid.SliceOfN(anyValue(depth-1), 1, 4).Draw(t, "list")}
		case 5:
			names := rapid.SliceOfNDistinct(text, 1, 4, strings.ToLower).Draw(t, "names")
			v := scim.Value{Kind: scim.Object}
			for _, name := range names {
				v.Fields = append(v.Fields, scim.Field{Name: name, Value: anyValue(depth-1).Draw(t, "value")})
			}
			return v
		}
		return scim.Value{}
	})
}

func TestDecodeAndReadJSONReadWhatAppendJSONWrites(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		v := anyValue(3).Draw(t, "value")
		data := v.AppendJSON(nil)
		if !json.Valid(data) {
			t.Fatalf("%s is no JSON", data)
		}
		decoded, err := scim.Decode(data)
		if err != nil {
			t.Fatal(err)
		}
		read, err := scim.ReadJSON(data, scim.DefaultLimits)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(v, decoded) || !reflect.DeepEqual(v, read) {
			t.Fatalf("%s came back as %s and %s", data, writeJSON(decoded), writeJSON(read))
		}
		if !decoded.Equal(v) {
			t.Fatal("not Equal to itself")
		}
	})
}

func TestDecodeRefusesABrokenRecord(t *testing.T) {
	for _, text := range []string{``, `{"a":`, `{"a":1}}`, `{"a":"b}`} {
		if v, err := scim.Decode([]byte(text)); err == nil {
			t.Errorf("Decode(%s) = %s", text, writeJSON(v))
		}
	}
}

// Readers share buffers: none may see what another one reads, nor change what another one returned.
func TestReadersAtOnce(t *testing.T) {
	var group sync.WaitGroup
	for i := range 8 {
		group.Go(func() {
			text := fmt.Sprintf(`{"a":[%d,{"b":"%d"},%s],"c":{"d":{"e":%d}}}`, i, i, strings.Repeat(fmt.Sprintf(`{"x":%d},`, i), 50)+"[]", i)
			var all []scim.Value
			for range 200 {
				v, err := scim.ReadJSON([]byte(text), scim.DefaultLimits)
				if err != nil {
					t.Error(err)
					return
				}
				all = append(all, v)
			}
			for _, v := range all {
				if got := writeJSON(v); got != text {
					t.Errorf("read %s as %s", text, got)
					return
				}
			}
		})
	}
	group.Wait()
}

// FuzzReadJSON holds ReadJSON against encoding/json: whatever it accepts, that one accepts too and understands alike.
func FuzzReadJSON(f *testing.F) {
	for _, seed := range []string{
		`{"schemas":["x"],"userName":"ada@acme.example","active":true,"emails":[{"value":"a","primary":"True"}],"x":null,"n":-1.5e3}`,
		`["\ud83d\ude00\u00e9\n\\",{},[],"é€"]`, `{"a":1,"A":2}`, "\"\xff\"", `"\ud800"`, `01`, `[[[[[[[[`, `{"a":[1,2,{"b":false}]} `, "\ufeff1", "",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		v, err := scim.ReadJSON(data, scim.DefaultLimits)
		if err != nil {
			return
		}
		d := json.NewDecoder(bytes.NewReader(data))
		d.UseNumber()
		var want any
		if err := d.Decode(&want); err != nil {
			t.Fatalf("accepted what encoding/json refuses: %v", err)
		}
		if diff := cmp.Diff(want, plain(v)); diff != "" {
			t.Fatal(diff)
		}
		again, err := scim.ReadJSON(v.AppendJSON(nil), scim.DefaultLimits)
		if err != nil || !reflect.DeepEqual(v, again) {
			t.Fatalf("does not come back from its own JSON: %v", err)
		}
	})
}

// plain is a value as encoding/json decodes it.
func plain(v scim.Value) any {
	switch v.Kind {
	case scim.Bool:
		return v.Bool
	case scim.Number:
		return json.Number(v.Text)
	case scim.String:
		return v.Text
	case scim.Array:
		list := []any{}
		for _, item := range v.List {
			list = append(list, plain(item))
		}
		return list
	case scim.Object:
		object := map[string]any{}
		for _, f := range v.Fields {
			object[f.Name] = plain(f.Value)
		}
		return object
	}
	return nil
}
