package patch_test

import (
	"errors"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"rollcall/scimapi/patch"
	"rollcall/state/scim"
)

// checkOutcome checks what holds for every outcome: it is canonical, it says truly whether anything changed, and its members are
// disjoint and without repetition.
func checkOutcome(t rapid.TB, rt *scim.ResourceType, before scim.Value, out patch.Outcome) {
	t.Helper()
	n, err := rt.Normalize(out.Resource)
	if err != nil || writeJSON(n.Resource) != writeJSON(out.Resource) || n.Dropped != nil {
		t.Fatalf("%s is not canonical, but %s: %v %v", writeJSON(out.Resource), writeJSON(n.Resource), n.Dropped, err)
	}
	if out.Changed == before.Equal(out.Resource) {
		t.Fatalf("changed is %v for %s", out.Changed, writeJSON(out.Resource))
	}
	if before.Get("active").Kind != out.Resource.Get("active").Kind {
		t.Fatalf("active came or went: %s", writeJSON(out.Resource))
	}
	if m := out.Members; m != nil {
		all := append(slices.Clone(m.Add), m.Remove...)
		slices.Sort(all)
		if len(slices.Compact(slices.Clone(all))) != len(all) || m.Set && len(m.Remove) > 0 {
			t.Fatalf("members: %+v", m)
		}
	}
}

// FuzzPatch throws request bodies at users and a group: nothing may panic, every refusal is a *scim.Error, every outcome holds to checkOutcome.
func FuzzPatch(f *testing.F) {
	for _, operations := range []string{
		`[{"op":"Replace","path":"active","value":"False"}]`,
		`[{"op":"replace","value":{"displayName":"D","name.givenName":"G","` + ent + `:employeeNumber":"9","` + ent + `":{"manager":["x"]},"emails[type eq \"work\"].value":"w"}}]`,
		`[{"op":"Add","path":"roles[primary eq \"True\"].value","value":"r"},{"op":"remove","path":"emails","value":[{"value":"w@x"}]}]`,
		`[{"op":"add","path":"emails","value":[{"value":"o","primary":true},"p",{"type":"work"}]},{"op":"remove","path":"emails[not (type eq \"work\")]"}]`,
		`[{"op":"add","path":"manager","value":[{"$ref":null,"value":"m2"}]},{"op":"remove","path":"manager[value eq \"m2\"]"},{"op":"replace","path":"manager","value":{"displayName":"x"}}]`,
		`[{"op":"add","path":"emails[type eq \"home\"]","value":{"primary":"TRUE","type":"","value":"w@x"}},{"op":"replace","path":"emails.type","value":"work"}]`,
		`[{"op":"add","path":"members","value":["u1",{"value":"u2"}]},{"op":"remove","path":"members[value eq \"u1\" or value eq \"u3\"]"},{"op":"replace","path":"members","value":null}]`,
		`[{"op":"remove","path":"` + ent + `"},{"op":"replace","path":"title","value":""},{"op":"remove","path":"name.familyName"}]`,
		`[{"op":"replace","path":"addresses[type eq \"work\" and primary eq true].country","value":"AT"},{"op":"add","value":{"addresses":[{"country":"AT"},{"country":"AT"}]}}]`,
	} {
		f.Add([]byte(`{` + po + `,"Operations":` + operations + `}`))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		body, err := scim.ReadJSON(data, scim.DefaultLimits)
		if err != nil {
			return
		}
		ops, err := patch.Parse(body, 100)
		wantTold(t, err)
		for _, c := range []struct {
			rt     *scim.ResourceType
			before string
		}{{scim.UserType(), ada}, {scim.UserType(), plain}, {scim.GroupType(), staff}} {
			before := readJSON(t, c.before)
			if out, err := patch.Apply(c.rt, before, ops); err == nil {
				checkOutcome(t, c.rt, before, out)
			} else {
				wantTold(t, err)
			}
			if out, err := patch.Replace(c.rt, before, body.Get("Operations")); err == nil {
				checkOutcome(t, c.rt, before, out)
			}
			for _, op := range ops {
				if out, err := patch.Replace(c.rt, before, op.Value); err == nil {
					checkOutcome(t, c.rt, before, out)
				} else {
					wantTold(t, err)
				}
			}
			if writeJSON(before) != c.before {
				t.Fatalf("the resource given was changed: %s", writeJSON(before))
			}
		}
	})
}

func wantTold(t testing.TB, err error) {
	var e *scim.Error
	if err != nil && (!errors.As(err, &e) || e.Status < 400 || e.Detail == "") {
		t.Fatalf("%v is no *scim.Error that can be told", err)
	}
}

// A PUT of what was made is an echo and changes nothing; so is the same resource sent attribute by attribute in a PATCH.
func TestWhatWasMadeIsItsOwnEcho(t *testing.T) {
	rt := scim.UserType()
	values := rapid.SampledFrom([]string{`"x"`, `{"foo":1}`, `{"type":"home","primary":true}`, `{"value":"h@x","type":"work"}`, `["w@x",{"value":"H@X","type":"home","display":"d"}]`, `true`, `false`, `{}`, `[{}]`, `"X"`, `""`, `null`, `"True"`, `[]`, `{"value":"v","type":"work"}`, `[{"value":"v","primary":true},{"value":"w","primary":"true","type":"home"}]`, `["a","A"]`, `{"givenName":"G"}`})
	paths := rapid.SampledFrom([]string{"title", "name", "name.givenName", "name.formatted", "emails", `emails[type eq "work"]`, `emails[type eq "work"].value`, `emails[primary eq true].type`, `emails[type eq "home"].primary`, `emails[value eq "w@x"]`, `emails[not (type eq "work")]`, `emails[type eq "work" and primary eq "True"].value`, `emails[value pr].type`, "emails.primary", "emails.value", "emails.type", `manager[value eq "m1"]`, "manager.value", `name[givenName eq "Ada"].familyName`, ent, "externalId", "photos", `roles[primary eq "True"].value`, "manager", "roles", "department", "active", `addresses[type eq "home"].country`})
	accepted := 0
	rapid.Check(t, func(t *rapid.T) {
		before, err := scim.Decode([]byte(rapid.SampledFrom([]string{ada, plain}).Draw(t, "before")))
		if err != nil {
			t.Fatal(err)
		}
		var ops []patch.Operation
		for range rapid.IntRange(1, 6).Draw(t, "operations") {
			value, err := scim.ReadJSON([]byte(values.Draw(t, "value")), scim.DefaultLimits)
			if err != nil {
				t.Fatal(err)
			}
			ops = append(ops, patch.Operation{Op: rapid.SampledFrom([]string{"add", "replace", "remove"}).Draw(t, "op"), Path: paths.Draw(t, "path"), Value: value})
		}
		made, err := patch.Apply(rt, before, ops)
		if err != nil {
			return
		}
		accepted++
		checkOutcome(t, rt, before, made)
		put, err := patch.Replace(rt, made.Resource, made.Resource)
		if err != nil || put.Changed {
			t.Fatalf("PUT of %s made %s: %v", writeJSON(made.Resource), writeJSON(put.Resource), err)
		}
		for _, op := range []string{"add", "replace"} {
			again, err := patch.Apply(rt, made.Resource, []patch.Operation{{Op: op, Value: made.Resource}})
			if err != nil || again.Changed {
				t.Fatalf("%s of %s made %s: %v", op, writeJSON(made.Resource), writeJSON(again.Resource), err)
			}
		}
		built, err := patch.Apply(rt, scim.ObjectOf(scim.Field{Name: "active", Value: made.Resource.Get("active")}), []patch.Operation{{Op: "add", Value: made.Resource}})
		if err != nil || !built.Resource.Equal(made.Resource) {
			t.Fatalf("%s was built as %s: %v", writeJSON(made.Resource), writeJSON(built.Resource), err)
		}
	})
	if accepted < 10 {
		t.Errorf("only %d of the drawn requests were accepted: the property was hardly tested", accepted)
	}
}
