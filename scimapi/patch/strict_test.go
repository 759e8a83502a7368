package patch_test

import (
	"testing"

	"pgregory.net/rapid"

	"rollcall/scimapi/patch"
	"rollcall/state/scim"
)

func applyStrict(t testing.TB, rt *scim.ResourceType, before, body string) (patch.Outcome, error) {
	t.Helper()
	ops, err := patch.ParseStrict(readJSON(t, body), 0)
	if err != nil {
		return patch.Outcome{}, err
	}
	return patch.ApplyStrict(rt, readJSON(t, before), ops)
}

func TestStrict(t *testing.T) {
	before := `{` + u + `,"userName":"ada","emails":[{"value":"h","type":"home"}]}`
	for operations, want := range map[string]string{
		`[{"op":"add","path":"title","value":"x"}]`:                                                                                                 `{` + u + `,"userName":"ada","title":"x","emails":[{"value":"h","type":"home"}]}`,
		`[{"op":"replace","path":"emails[type eq \"home\"].value","value":"i"}]`:                                                                    `{` + u + `,"userName":"ada","emails":[{"value":"i","type":"home"}]}`,
		`[{"op":"remove","path":"emails"},{"op":"remove","path":"title"}]`:                                                                          `{` + u + `,"userName":"ada"}`,
		`[{"op":"remove","path":"emails[type eq \"work\"]","value":null}]`:                                                                          before,
		`[{"op":"replace","value":{"schemas":["x"],"title":"x"}}]`:                                                                                  `{` + u + `,"userName":"ada","title":"x","emails":[{"value":"h","type":"home"}]}`,
		`[{"op":"add","path":"` + ent + `:department","value":"d"}]`:                                                                                `{` + ue + `,"userName":"ada","emails":[{"value":"h","type":"home"}],"` + ent + `":{"department":"d"}}`,
		`[{"op":"add","value":{"` + ent + `":{"department":"d"}}}]`:                                                                                 `{` + ue + `,"userName":"ada","emails":[{"value":"h","type":"home"}],"` + ent + `":{"department":"d"}}`,
		`[{"op":"add","path":"` + ent + `","value":{"department":"d"}}]`:                                                                            `{` + ue + `,"userName":"ada","emails":[{"value":"h","type":"home"}],"` + ent + `":{"department":"d"}}`,
		`[{"op":"add","path":"emails","value":[{"value":"w","type":"work"}]},{"op":"replace","path":"emails[type eq \"work\"].value","value":"x"}]`: `{` + u + `,"userName":"ada","emails":[{"value":"h","type":"home"},{"value":"x","type":"work"}]}`,
	} {
		got, err := applyStrict(t, scim.UserType(), before, `{`+po+`,"Operations":`+operations+`}`)
		if err != nil || writeJSON(got.Resource) != want {
			t.Errorf("%s: %v\n got %s\nwant %s", operations, err, writeJSON(got.Resource), want)
		}
	}
}

func TestStrictRefuses(t *testing.T) {
	before := `{` + u + `,"userName":"ada"}`
	for _, c := range []struct{ operations, scimType, detail string }{
		{`[{"op":"Add","path":"title","value":"x"}]`, scim.TypeInvalidSyntax, "operation 1: op must be add"},
		{`[{"op":"add","path":"title","value":"x"},{"op":"remove","path":"emails","value":[{"value":"h"}]}]`, scim.TypeInvalidSyntax, "operation 2: remove takes no value"},
		{`[{"op":"add","path":"colour","value":"x"}]`, scim.TypeInvalidPath, "colour"},
		{`[{"op":"remove","path":"colour"}]`, scim.TypeInvalidPath, "colour"},
		{`[{"op":"add","path":"department","value":"x"}]`, scim.TypeInvalidPath, "URN"},
		{`[{"op":"add","path":"` + ent + `:colour","value":"x"}]`, scim.TypeInvalidPath, "colour"},
		{`[{"op":"add","path":"urn:ietf:params:scim:schemas:core:2.0:User","value":{"title":"x"}}]`, scim.TypeInvalidPath, ""},
		{`[{"op":"add","path":"emails[type eq work].value","value":"x"}]`, scim.TypeInvalidPath, "double quotes"},
		{`[{"op":"add","path":"emails[primary eq \"True\"].value","value":"x"}]`, scim.TypeInvalidFilter, "primary"},
		{`[{"op":"replace","path":"emails[type eq \"work\"].value","value":"x"}]`, scim.TypeNoTarget, "emails"},
		{`[{"op":"replace","path":"active","value":"False"}]`, scim.TypeInvalidValue, "active"},
		{`[{"op":"replace","value":{"active":"False"}}]`, scim.TypeInvalidValue, "active"},
		{`[{"op":"replace","value":{"name.givenName":"x"}}]`, scim.TypeInvalidPath, "name.givenName"},
		{`[{"op":"replace","value":{"` + ent + `:department":"x"}}]`, scim.TypeInvalidPath, "department"},
		{`[{"op":"replace","value":{"emails[type eq \"work\"].value":"x"}}]`, scim.TypeInvalidPath, "emails"},
		{`[{"op":"replace","value":{"a b":"x"}}]`, scim.TypeInvalidPath, ""},
		{`[{"op":"replace","value":{"colour":"x"}}]`, scim.TypeInvalidPath, "colour"},
		{`[{"op":"replace","value":{"id":"x"}}]`, scim.TypeMutability, "id"},
		{`[{"op":"replace","value":{"` + ent + `":{"colour":"x"}}}]`, scim.TypeInvalidPath, "colour"},
		{`[{"op":"replace","value":{"` + ent + `":{"manager":"x"}}}]`, scim.TypeInvalidValue, "manager"},
		{`[{"op":"add","path":"` + ent + `","value":{"manager":"x"}}]`, scim.TypeInvalidValue, "manager"},
	} {
		_, err := applyStrict(t, scim.UserType(), before, `{`+po+`,"Operations":`+c.operations+`}`)
		wantError(t, err, 400, c.scimType, c.detail)
	}
	_, err := applyStrict(t, scim.UserType(), before, `{"Operations":[{"op":"add","path":"title","value":"x"}]}`)
	wantError(t, err, 400, scim.TypeInvalidSyntax, "schemas must name")
}

// TestStrictDoesWhatLenientDoes has whatever a strict Apply takes end as with a lenient one.
func TestStrictDoesWhatLenientDoes(t *testing.T) {
	paths := []string{"", "title", "active", "name", "name.givenName", "emails", `emails[type eq "work"]`, `emails[type eq "work"].value`, ent, ent + ":manager", "department", "colour", "members"}
	values := []string{`"x"`, `true`, `"True"`, `null`, `[]`, `{"givenName":"G"}`, `[{"type":"work","value":"w","primary":true}]`, `{"value":"v"}`, `{"title":"t","` + ent + `":{"department":"d"}}`, `{"department":"d"}`}
	taken := 0
	rapid.Check(t, func(rt *rapid.T) {
		var ops []scim.Value
		for range rapid.IntRange(1, 3).Draw(rt, "operations") {
			fields := []scim.Field{{Name: "op", Value: scim.StringValue(rapid.SampledFrom([]string{"add", "replace", "remove"}).Draw(rt, "op"))}}
			if path := rapid.SampledFrom(paths).Draw(rt, "path"); path != "" {
				fields = append(fields, scim.Field{Name: "path", Value: scim.StringValue(path)})
			}
			if fields[0].Value.Text != "remove" {
				fields = append(fields, scim.Field{Name: "value", Value: readJSON(t, rapid.SampledFrom(values).Draw(rt, "value"))})
			}
			ops = append(ops, scim.ObjectOf(fields...))
		}
		body := writeJSON(scim.ObjectOf(scim.Field{Name: "schemas", Value: scim.ListOf(scim.StringValue(patch.URN))}, scim.Field{Name: "Operations", Value: scim.ListOf(ops...)}))
		before := `{` + u + `,"userName":"ada","emails":[{"value":"o","type":"work"}]}`
		strict, err := applyStrict(t, scim.UserType(), before, body)
		if err != nil {
			return
		}
		taken++
		parsed, err := patch.Parse(readJSON(t, body), 0)
		if err != nil {
			rt.Fatal(err)
		}
		lenient, err := patch.Apply(scim.UserType(), readJSON(t, before), parsed)
		if err != nil || writeJSON(lenient.Resource) != writeJSON(strict.Resource) || len(strict.Dropped) > 0 {
			rt.Fatalf("%s\nstrict  %s %v\nlenient %s, %v", body, writeJSON(strict.Resource), strict.Dropped, writeJSON(lenient.Resource), err)
		}
	})
	if taken < 10 {
		t.Errorf("%d requests were taken, too few to say anything", taken)
	}
}
