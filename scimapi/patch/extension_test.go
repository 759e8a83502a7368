package patch_test

import (
	"testing"

	"rollcall/scimapi/patch"
	"rollcall/state/scim"
)

const badge = "urn:acme:params:scim:schemas:extension:badge:2.0:User"

// badgeType is User with an extension as a configuration may declare it.
func badgeType(t testing.TB) *scim.ResourceType {
	t.Helper()
	rt, err := scim.UserType().With(&scim.Schema{ID: badge, Name: "Badge", Attributes: []scim.Attribute{
		{Name: "number", Type: scim.DataInteger, Required: true},
		{Name: "serial", Mutability: scim.Immutable},
		{Name: "tags", MultiValued: true},
		{Name: "door", Type: scim.DataComplex, Sub: []scim.Attribute{{Name: "name", Required: true}, {Name: "floors", Type: scim.DataInteger, MultiValued: true}}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	return rt
}

func badged(content string) string {
	return `{"schemas":["` + scim.UserURN + `","` + badge + `"],"userName":"ada","active":true,"` + badge + `":{` + content + `}}`
}

func TestApplyOnConfiguredExtension(t *testing.T) {
	rt := badgeType(t)
	const all = `"number":1,"serial":"s","tags":["a","b"],"door":{"name":"n","floors":[1,2]}`
	for _, c := range []struct{ before, ops, want, scimType, detail string }{
		{all, `[{"op":"add","path":"tags","value":["c","A"]}]`, `"number":1,"serial":"s","tags":["a","b","c"],"door":{"name":"n","floors":[1,2]}`, "", ""},
		{all, `[{"op":"add","path":"` + badge + `:tags","value":"c"}]`, `"number":1,"serial":"s","tags":["a","b","c"],"door":{"name":"n","floors":[1,2]}`, "", ""},
		{all, `[{"op":"remove","path":"tags","value":["B"]}]`, `"number":1,"serial":"s","tags":["a"],"door":{"name":"n","floors":[1,2]}`, "", ""},
		{all, `[{"op":"remove","path":"tags[value eq \"a\"]"}]`, `"number":1,"serial":"s","tags":["b"],"door":{"name":"n","floors":[1,2]}`, "", ""},
		{all, `[{"op":"remove","path":"tags"}]`, `"number":1,"serial":"s","door":{"name":"n","floors":[1,2]}`, "", ""},
		{all, `[{"op":"add","path":"door.floors","value":[2,3]}]`, `"number":1,"serial":"s","tags":["a","b"],"door":{"name":"n","floors":[1,2,3]}`, "", ""},
		{all, `[{"op":"remove","path":"door.floors","value":[1]}]`, `"number":1,"serial":"s","tags":["a","b"],"door":{"name":"n","floors":[2]}`, "", ""},
		{all, `[{"op":"remove","path":"door.floors"}]`, `"number":1,"serial":"s","tags":["a","b"],"door":{"name":"n"}`, "", ""},
		{all, `[{"op":"replace","path":"door","value":{"floors":[9]}}]`, `"number":1,"serial":"s","tags":["a","b"],"door":{"name":"n","floors":[9]}`, "", ""},
		{all, `[{"op":"replace","value":{"` + badge + `":{"number":2,"x":1}}}]`, `"number":2,"serial":"s","tags":["a","b"],"door":{"name":"n","floors":[1,2]}`, "", ""},
		{all, `[{"op":"replace","path":"serial","value":"s"}]`, all, "", ""},
		{`"number":1`, `[{"op":"add","path":"serial","value":"s"}]`, `"number":1,"serial":"s"`, "", ""},
		{all, `[{"op":"replace","path":"serial","value":"t"}]`, "", scim.TypeMutability, "serial is immutable"},
		{all, `[{"op":"remove","path":"serial"}]`, "", scim.TypeMutability, "serial is immutable"},
		{all, `[{"op":"remove","path":"number"}]`, "", scim.TypeMutability, "number is required"},
		{all, `[{"op":"remove","path":"` + badge + `"}]`, "", scim.TypeMutability, "serial is immutable"},
		{`"number":1`, `[{"op":"add","path":"door.floors","value":[1]},{"op":"add","path":"door.name","value":"n"}]`, `"number":1,"door":{"name":"n","floors":[1]}`, "", ""},
		{`"number":1`, `[{"op":"add","path":"door.floors","value":[1]}]`, "", scim.TypeInvalidValue, "door.name is required"},
		{`"tags":["a"]`, `[{"op":"replace","path":"tags","value":"b"}]`, `"tags":["b"]`, "", ""},
		{all, `[{"op":"remove","path":"door.name"}]`, "", scim.TypeMutability, "door.name is required"},
		{all, `[{"op":"replace","path":"number","value":"1"}]`, "", scim.TypeInvalidValue, "number: a whole number is wanted"},
		{`"number":1`, `[{"op":"replace","path":"door","value":{"floors":[9]}}]`, "", scim.TypeInvalidValue, "door.name is required"},
	} {
		out, err := apply(t, rt, badged(c.before), c.ops)
		if c.scimType != "" {
			wantError(t, err, 400, c.scimType, c.detail)
			continue
		}
		if err != nil || writeJSON(out.Resource) != badged(c.want) {
			t.Errorf("%s:\n got %s\nwant %s\n%v", c.ops, writeJSON(out.Resource), badged(c.want), err)
		}
	}
}

func TestApplyOnAbsentExtension(t *testing.T) {
	rt := badgeType(t)
	out, err := apply(t, rt, plain, `[{"op":"add","path":"tags","value":"a"},{"op":"add","path":"number","value":1}]`)
	if want := badged(`"number":1,"tags":["a"]`); err != nil || writeJSON(out.Resource) != want {
		t.Errorf("got %s, %v", writeJSON(out.Resource), err)
	}
	_, err = apply(t, rt, plain, `[{"op":"add","path":"tags","value":"a"}]`)
	wantError(t, err, 400, scim.TypeInvalidValue, badge+":number is required")
	out, err = apply(t, rt, badged(`"number":1`), `[{"op":"remove","path":"`+badge+`"}]`)
	if err != nil || writeJSON(out.Resource) != plain {
		t.Errorf("got %s, %v", writeJSON(out.Resource), err)
	}
}

func TestReplaceKeepsImmutable(t *testing.T) {
	rt := badgeType(t)
	old := readJSON(t, badged(`"number":1,"serial":"s"`))
	for sent, want := range map[string]string{
		badged(`"number":2`):              badged(`"number":2,"serial":"s"`),
		badged(`"number":2,"serial":"s"`): badged(`"number":2,"serial":"s"`),
		badged(`"number":2,"serial":"t"`): "",
	} {
		out, err := patch.Replace(rt, old, readJSON(t, sent))
		if want == "" {
			wantError(t, err, 400, scim.TypeMutability, "serial is immutable")
		} else if err != nil || writeJSON(out.Resource) != want {
			t.Errorf("%s: got %s, %v", sent, writeJSON(out.Resource), err)
		}
	}
}
