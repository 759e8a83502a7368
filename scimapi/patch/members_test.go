package patch_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"rollcall/scimapi/patch"
	"rollcall/state/scim"
)

const staff = `{` + g + `,"externalId":"e","displayName":"Staff"}`

func TestApplyMembers(t *testing.T) {
	type members = patch.Members
	for _, c := range []struct {
		name, ops string
		want      *members
	}{
		{"Entra's add with null $ref", `[{"op":"Add","path":"members","value":[{"$ref":null,"value":"u1"},{"$ref":null,"value":"u2"}]}]`, &members{Add: []string{"u1", "u2"}}},
		{"Entra's remove without flag", `[{"op":"Remove","path":"members","value":[{"value":"u1"}]}]`, &members{Remove: []string{"u1"}}},
		{"the same with null $ref", `[{"op":"Remove","path":"members","value":[{"$ref":null,"value":"u1"},{"value":"u2"}]}]`, &members{Remove: []string{"u1", "u2"}}},
		{"remove of one object", `[{"op":"Remove","path":"members","value":{"value":"u1"}}]`, &members{Remove: []string{"u1"}}},
		{"remove of bare ids", `[{"op":"remove","path":"members","value":["u1","u2"]}]`, &members{Remove: []string{"u1", "u2"}}},
		{"Entra's remove with flag", `[{"op":"remove","path":"members[value eq \"u1\"]"}]`, &members{Remove: []string{"u1"}}},
		{"by URN, other letter case, bare word", `[{"op":"remove","path":"` + scim.GroupURN + `:Members[VALUE EQ u1]"}]`, &members{Remove: []string{"u1"}}},
		{"several joined by or", `[{"op":"remove","path":"members[value eq \"u1\" or value eq \"u2\" or (value eq \"u3\")]"}]`, &members{Remove: []string{"u1", "u2", "u3"}}},
		{"Okta's add", `[{"op":"add","path":"members","value":[{"value":"u1","display":"a@x"}]}]`, &members{Add: []string{"u1"}}},
		{"one object", `[{"op":"add","path":"members","value":{"value":"u1"}}]`, &members{Add: []string{"u1"}}},
		{"one bare id", `[{"op":"add","path":"members","value":"u1"}]`, &members{Add: []string{"u1"}}},
		{"one twice", `[{"op":"add","path":"members","value":["u1","u2","u1"]},{"op":"add","path":"members","value":["u2"]}]`, &members{Add: []string{"u1", "u2"}}},
		{"Push Now", `[{"op":"replace","path":"members","value":[{"value":"u1"},{"value":"u2"}]}]`, &members{Set: true, Add: []string{"u1", "u2"}}},
		{"Push Now without path", `[{"op":"replace","value":{"members":[{"value":"u1"}]}}]`, &members{Set: true, Add: []string{"u1"}}},
		{"Push Now of nobody", `[{"op":"replace","path":"members","value":[]}]`, &members{Set: true}},
		{"replaced by null", `[{"op":"Replace","path":"members","value":null}]`, &members{Set: true}},
		{"replaced by null without path", `[{"op":"replace","value":{"members":null}}]`, &members{Set: true}},
		{"added without path", `[{"op":"add","value":{"members":[{"value":"u1"}],"displayName":"Staff"}}]`, &members{Add: []string{"u1"}}},
		{"all removed", `[{"op":"remove","path":"members"}]`, &members{Set: true}},
		{"all removed, value null", `[{"op":"remove","path":"members","value":null}]`, &members{Set: true}},
		{"nobody removed", `[{"op":"Remove","path":"members","value":[]}]`, nil},
		{"nobody added", `[{"op":"Add","path":"members","value":[]},{"op":"Add","path":"members","value":null}]`, nil},
		{"nothing about members", `[{"op":"replace","value":{"id":"g1","displayName":"Staff"}}]`, nil},

		// in order, folded into one
		{"in and out", `[{"op":"add","path":"members","value":["u1","u2"]},{"op":"remove","path":"members[value eq \"u1\"]"}]`, &members{Add: []string{"u2"}, Remove: []string{"u1"}}},
		{"out and in", `[{"op":"remove","path":"members","value":["u1"]},{"op":"add","path":"members","value":["u1"]}]`, &members{Add: []string{"u1"}}},
		{"set, then in and out", `[{"op":"add","path":"members","value":["u0"]},{"op":"replace","path":"members","value":["u1","u2"]},{"op":"add","path":"members","value":["u3"]},{"op":"remove","path":"members","value":["u1","u9"]}]`, &members{Set: true, Add: []string{"u2", "u3"}}},
		{"all out, then one in", `[{"op":"add","path":"members","value":["u1"]},{"op":"remove","path":"members"},{"op":"add","path":"members","value":["u2"]}]`, &members{Set: true, Add: []string{"u2"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			out, err := apply(t, scim.GroupType(), staff, c.ops)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, out.Members); diff != "" {
				t.Error(diff)
			}
			if out.Changed || writeJSON(out.Resource) != staff {
				t.Errorf("changed is %v: %s", out.Changed, writeJSON(out.Resource))
			}
		})
	}
}

func TestApplyGroupAttributes(t *testing.T) {
	for ops, want := range map[string]string{
		`[{"op":"Replace","path":"displayName","value":"Crew"}]`:                                              `{` + g + `,"externalId":"e","displayName":"Crew"}`,
		`[{"op":"replace","value":{"id":"g1","displayName":"Crew"}}]`:                                         `{` + g + `,"externalId":"e","displayName":"Crew"}`,
		`[{"op":"Replace","value":{"externalId":"f"}}]`:                                                       `{` + g + `,"externalId":"f","displayName":"Staff"}`,
		`[{"op":"add","path":"members","value":["u1"]},{"op":"replace","path":"displayName","value":"Crew"}]`: `{` + g + `,"externalId":"e","displayName":"Crew"}`,
	} {
		out, err := apply(t, scim.GroupType(), staff, ops)
		if err != nil || writeJSON(out.Resource) != want || !out.Changed {
			t.Errorf("%s: %s, %v", ops, writeJSON(out.Resource), err)
		}
	}
}

func TestApplyMembersRefuses(t *testing.T) {
	for ops, want := range map[string][2]string{
		`[{"op":"remove","path":"displayName"}]`:                                              {scim.TypeMutability, "displayName is required"},
		`[{"op":"replace","path":"displayName","value":null}]`:                                {scim.TypeInvalidValue, "displayName is required"},
		`[{"op":"add","path":"members","value":[{"value":5}]}]`:                               {scim.TypeInvalidValue, "members[0].value: text is wanted"},
		`[{"op":"replace","path":"members","value":[{"value":null}]}]`:                        {scim.TypeInvalidValue, "members[0].value is missing"},
		`[{"op":"replace","path":"members","value":[{}]}]`:                                    {scim.TypeInvalidValue, "members[0].value is missing"},
		`[{"op":"replace","path":"members","value":{}}]`:                                      {scim.TypeInvalidValue, "members[0].value is missing"},
		`[{"op":"replace","path":"members","value":[{"display":"Ada"}]}]`:                     {scim.TypeInvalidValue, "not understood"},
		`[{"op":"replace","path":"members","value":[{"id":"u1"}]}]`:                           {scim.TypeInvalidValue, "not understood"},
		`[{"op":"remove","path":"members","value":[{"display":"Ada"}]}]`:                      {scim.TypeInvalidValue, "not understood"},
		`[{"op":"remove","path":"members","value":[{}]}]`:                                     {scim.TypeInvalidValue, "members[0].value is missing"},
		`[{"op":"remove","path":"members","value":5}]`:                                        {scim.TypeInvalidValue, "text is wanted"},
		`[{"op":"remove","path":"members[display eq \"Ada\"]"}]`:                              {scim.TypeInvalidFilter, "members are picked by value alone"},
		`[{"op":"remove","path":"members[value ne \"u1\"]"}]`:                                 {scim.TypeInvalidFilter, "members are picked by value alone"},
		`[{"op":"remove","path":"members[not (value eq \"u1\")]"}]`:                           {scim.TypeInvalidFilter, "members are picked by value alone"},
		`[{"op":"remove","path":"members[value eq \"u1\" and type eq \"User\"]"}]`:            {scim.TypeInvalidFilter, "members are picked by value alone"},
		`[{"op":"remove","path":"members[value eq \"u1\" and value eq \"u2\"]"}]`:             {scim.TypeInvalidFilter, "members are picked by value alone"},
		`[{"op":"remove","path":"members[value pr]"}]`:                                        {scim.TypeInvalidFilter, "members are picked by value alone"},
		`[{"op":"remove","path":"members[value eq \"\"]"}]`:                                   {scim.TypeInvalidFilter, "members are picked by value alone"},
		`[{"op":"remove","path":"members[foo eq \"u1\"]"}]`:                                   {scim.TypeInvalidFilter, `members has no sub-attribute "foo"`},
		`[{"op":"add","path":"members[value eq \"u1\"]","value":{"value":"u2"}}]`:             {scim.TypeInvalidPath, "a value filter is for remove"},
		`[{"op":"replace","path":"members[value eq \"u1\"].display","value":"x"}]`:            {scim.TypeMutability, "a member is added and removed as a whole"},
		`[{"op":"remove","path":"members.value","value":"u1"}]`:                               {scim.TypeMutability, "a member is added and removed as a whole"},
		`[{"op":"add","path":"members","value":["u1"]},{"op":"remove","path":"displayName"}]`: {scim.TypeMutability, "operation 2"},
	} {
		out, err := apply(t, scim.GroupType(), staff, ops)
		if err == nil {
			t.Errorf("%s: accepted as %v", ops, out.Members)
			continue
		}
		wantError(t, err, 400, want[0], want[1])
	}
}

func TestApplyManyMembers(t *testing.T) {
	var b strings.Builder
	for i := range 50_000 {
		fmt.Fprintf(&b, `,{"value":"u%d"}`, i)
	}
	out, err := apply(t, scim.GroupType(), staff, `[{"op":"add","path":"members","value":[`+b.String()[1:]+`]}]`)
	if err != nil || len(out.Members.Add) != 50_000 {
		t.Fatalf("%v", err)
	}
}

// The changes of members, folded into one, must end as if each operation had been carried out on the group by itself.
func TestMembersEndAsIfOneByOne(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		ids := rapid.SliceOfN(rapid.SampledFrom([]string{"u1", "u2", "u3", "u4"}), 1, 3)
		start := rapid.SliceOfDistinct(rapid.SampledFrom([]string{"u1", "u2", "u3", "u4"}), rapid.ID).Draw(t, "start")
		want := map[string]bool{}
		for _, id := range start {
			want[id] = true
		}
		var ops []patch.Operation
		for range rapid.IntRange(1, 5).Draw(t, "operations") {
			op := patch.Operation{Op: rapid.SampledFrom([]string{"add", "remove", "replace", "clear"}).Draw(t, "op"), Path: "members"}
			named := ids.Draw(t, "ids")
			if op.Op == "replace" || op.Op == "clear" {
				clear(want)
			}
			if op.Op == "clear" {
				op.Op = "remove"
			} else {
				op.Value = scim.Value{Kind: scim.Array}
				for _, id := range named {
					op.Value.List = append(op.Value.List, scim.StringValue(id))
					if op.Op == "remove" {
						delete(want, id)
					} else {
						want[id] = true
					}
				}
			}
			ops = append(ops, op)
		}
		resource, err := scim.Decode([]byte(staff))
		if err != nil {
			t.Fatal(err)
		}
		out, err := patch.Apply(scim.GroupType(), resource, ops)
		if err != nil {
			t.Fatal(err)
		}
		got := map[string]bool{}
		if !out.Members.Set {
			for _, id := range start {
				got[id] = true
			}
		}
		for _, id := range out.Members.Remove {
			delete(got, id)
		}
		for _, id := range out.Members.Add {
			got[id] = true
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Fatalf("%v from %v: %s", ops, start, diff)
		}
	})
}
