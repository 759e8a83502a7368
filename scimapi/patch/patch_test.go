package patch_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"rollcall/scimapi/patch"
	"rollcall/state/scim"
)

func TestParse(t *testing.T) {
	text := scim.StringValue
	for _, c := range []struct {
		name, body string
		want       []patch.Operation
	}{
		{"any letter case", `{` + po + `,"Operations":[{"op":"Add","path":"a","value":"x"},{"op":"REPLACE","path":"b","value":null},{"op":"remove","path":" c "}]}`,
			[]patch.Operation{{Op: "add", Path: "a", Value: text("x")}, {Op: "replace", Path: "b"}, {Op: "remove", Path: "c"}}},
		{"no schemas", `{"operations":[{"OP":"replace","Value":{"a":"x"}}]}`, []patch.Operation{{Op: "replace", Value: scim.ObjectOf(scim.Field{Name: "a", Value: text("x")})}}},
		{"empty schemas, URN in another case", `{"schemas":["URN:ietf:params:scim:api:messages:2.0:patchop"],"Operations":[{"op":"remove","path":"a"}]}`, []patch.Operation{{Op: "remove", Path: "a"}}},
		{"schemas as text", `{"schemas":"` + patch.URN + `","Operations":[{"op":"remove","path":null}]}`, []patch.Operation{{Op: "remove"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := patch.Parse(readJSON(t, c.body), 3)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestParseRefuses(t *testing.T) {
	for _, c := range []struct{ name, body, detail string }{
		{"no object", `[]`, "the body must be a JSON object"},
		{"no Operations", `{` + po + `}`, "Operations must be a list"},
		{"a resource", `{"schemas":["` + scim.UserURN + `"],"active":false}`, "schemas must name " + patch.URN},
		{"empty Operations", `{"Operations":[]}`, "Operations must be a list of at least one"},
		{"Operations as object", `{"Operations":{"op":"add"}}`, "Operations must be a list"},
		{"an operation as text", `{"Operations":["add"]}`, "operation 1: an operation must be an object"},
		{"unknown op", `{"Operations":[{"op":"remove","path":"a"},{"op":"move","path":"a","value":1}]}`, "operation 2: op must be add, remove or replace"},
		{"no op", `{"Operations":[{"path":"a","value":1}]}`, "operation 1: op must be"},
		{"op as number", `{"Operations":[{"op":1,"path":"a","value":1}]}`, "operation 1: op must be"},
		{"no value to replace with", `{"Operations":[{"op":"replace","path":"title"}]}`, "operation 1: replace needs a value"},
		{"no value to add", `{"Operations":[{"op":"Add","path":"title"}]}`, "operation 1: add needs a value"},
		{"path as list", `{"Operations":[{"op":"remove","path":["a"]}]}`, "operation 1: path must be text"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := patch.Parse(readJSON(t, c.body), 10)
			wantError(t, err, 400, scim.TypeInvalidSyntax, c.detail)
		})
	}
	_, err := patch.Parse(readJSON(t, `{"Operations":[{"op":"remove","path":"a"},{"op":"remove","path":"b"}]}`), 1)
	wantError(t, err, 413, "", "the request has 2 operations; the limit is 1")
}
