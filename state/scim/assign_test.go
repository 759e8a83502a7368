package scim_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"rollcall/state/scim"
)

func TestAssign(t *testing.T) {
	const (
		work  = `{"value":"w@x","display":"W","type":"work","primary":true}`
		home  = `{"value":"h@x","type":"home"}`
		plain = `{` + u + `,"userName":"a"}`
		mails = `{` + u + `,"userName":"a","emails":[` + work + `,` + home + `]}`
		boss  = `{` + ue + `,"userName":"a",` + ent + `:{"department":"D","manager":{"value":"m1"}}}`
	)
	for _, c := range []struct{ name, resource, path, value, want string }{
		{"simple", plain, "title", `"T"`, `{` + u + `,"userName":"a","title":"T"}`},
		{"simple, other letter case", `{` + u + `,"userName":"a","title":"T"}`, "TITLE", `"U"`, `{` + u + `,"userName":"a","title":"U"}`},
		{"into nothing", `null`, "displayName", `"D"`, `{` + u + `,"displayName":"D"}`},
		{"externalId comes second", plain, "externalId", `"e"`, `{` + u + `,"externalId":"e","userName":"a"}`},
		{"between what is there", mails, "active", `"False"`, `{` + u + `,"userName":"a","active":false,"emails":[` + work + `,` + home + `]}`},
		{"before meta, after id", `{` + u + `,"id":"1","userName":"a","meta":{"version":"1"}}`, "department", `"D"`, `{` + ue + `,"id":"1","userName":"a",` + ent + `:{"department":"D"},"meta":{"version":"1"}}`},
		{"null for active says nothing", `{` + u + `,"userName":"a","active":true}`, "active", `null`, `{` + u + `,"userName":"a","active":true}`},
		{"taken away by null", boss, "department", `null`, `{` + ue + `,"userName":"a",` + ent + `:{"manager":{"value":"m1"}}}`},
		{"taken away by the empty text", `{` + u + `,"userName":"a","title":"T"}`, "title", `""`, plain},
		{"nothing to take away", plain, "title", `null`, plain},
		{"a password is not kept", plain, "password", `"secret"`, plain},

		{"sub-attribute", plain, "name.givenName", `"G"`, `{` + u + `,"userName":"a","name":{"givenName":"G"}}`},
		{"sub-attribute in order", `{` + u + `,"userName":"a","name":{"givenName":"G"}}`, "name.familyName", `"F"`, `{` + u + `,"userName":"a","name":{"familyName":"F","givenName":"G"}}`},
		{"the last sub-attribute", `{` + u + `,"userName":"a","name":{"givenName":"G"}}`, "name.givenName", `""`, plain},
		{"complex as a whole", `{` + u + `,"userName":"a","name":{"givenName":"G"}}`, "name", `{"familyName":"F"}`, `{` + u + `,"userName":"a","name":{"familyName":"F"}}`},

		{"extension", plain, scim.EnterpriseURN + ":department", `"D"`, `{` + ue + `,"userName":"a",` + ent + `:{"department":"D"}}`},
		{"extension's order", boss, "employeeNumber", `"7"`, `{` + ue + `,"userName":"a",` + ent + `:{"employeeNumber":"7","department":"D","manager":{"value":"m1"}}}`},
		{"the last of an extension", `{` + ue + `,"userName":"a",` + ent + `:{"department":"D"}}`, "department", `[]`, plain},
		{"manager as text", boss, "manager", `"m2"`, `{` + ue + `,"userName":"a",` + ent + `:{"department":"D","manager":{"value":"m2"}}}`},
		{"manager as list", boss, scim.EnterpriseURN + ":manager", `[{"$ref":"x","value":"m2"}]`, `{` + ue + `,"userName":"a",` + ent + `:{"department":"D","manager":{"value":"m2"}}}`},
		{"manager's value", boss, "manager.value", `"m2"`, `{` + ue + `,"userName":"a",` + ent + `:{"department":"D","manager":{"value":"m2"}}}`},
		{"manager away by the empty value", boss, "manager", `{"value":""}`, `{` + ue + `,"userName":"a",` + ent + `:{"department":"D"}}`},
		{"manager away by value", boss, `manager[value eq "m1"]`, `null`, `{` + ue + `,"userName":"a",` + ent + `:{"department":"D"}}`},
		{"another manager stays", boss, `manager[value eq "m9"]`, `null`, boss},
		{"manager by value", boss, `manager[value eq "m1"].value`, `"m2"`, `{` + ue + `,"userName":"a",` + ent + `:{"department":"D","manager":{"value":"m2"}}}`},
		{"no manager by value", plain, `manager[value eq "m1"].value`, `"m2"`, `{` + ue + `,"userName":"a",` + ent + `:{"manager":{"value":"m2"}}}`},
		{"$ref is not kept", boss, `manager.$ref`, `"x"`, boss},

		{"list", mails, "emails", `[{"value":"n@x"},"o@x"]`, `{` + u + `,"userName":"a","emails":[{"value":"n@x"},{"value":"o@x"}]}`},
		{"list of one", mails, "emails", `{"value":"n@x"}`, `{` + u + `,"userName":"a","emails":[{"value":"n@x"}]}`},
		{"empty list", mails, "emails", `[]`, plain},
		{"element's sub-attribute", mails, `emails[type eq "work"].value`, `"n@x"`, `{` + u + `,"userName":"a","emails":[{"value":"n@x","display":"W","type":"work","primary":true},` + home + `]}`},
		{"element's sub-attribute away", mails, `emails[type eq "work"].display`, `null`, `{` + u + `,"userName":"a","emails":[{"value":"w@x","type":"work","primary":true},` + home + `]}`},
		{"element away with its value", mails, `emails[type eq "home"].value`, `""`, `{` + u + `,"userName":"a","emails":[` + work + `]}`},
		{"element with more to say stays", mails, `emails[type eq "work"].value`, `""`, `{` + u + `,"userName":"a","emails":[{"display":"W","type":"work","primary":true},` + home + `]}`},
		{"element away", mails, `emails[type eq "work"]`, `null`, `{` + u + `,"userName":"a","emails":[` + home + `]}`},
		{"both elements away", mails, `emails[value pr]`, `null`, plain},
		{"element as a whole keeps what picks it", mails, `emails[type eq "work"]`, `{"value":"n@x"}`, `{` + u + `,"userName":"a","emails":[{"value":"n@x","type":"work"},` + home + `]}`},
		{"element as a whole in a list", mails, `emails[type eq "work"]`, `[{"value":"n@x","type":"other"}]`, `{` + u + `,"userName":"a","emails":[{"value":"n@x","type":"other"},` + home + `]}`},
		{"element as a bare value", mails, `emails[type eq "work"]`, `"n@x"`, `{` + u + `,"userName":"a","emails":[{"value":"n@x","type":"work"},` + home + `]}`},
		{"each element", mails, `emails.display`, `"D"`, `{` + u + `,"userName":"a","emails":[{"value":"w@x","display":"D","type":"work","primary":true},{"value":"h@x","display":"D","type":"home"}]}`},
		{"each of none", plain, `emails.value`, `"x"`, `{` + u + `,"userName":"a","emails":[{"value":"x"}]}`},
		{"primary moves", mails, `emails[type eq "home"].primary`, `"True"`, `{` + u + `,"userName":"a","emails":[{"value":"w@x","display":"W","type":"work","primary":false},{"value":"h@x","type":"home","primary":true}]}`},
		{"primary moves to the first", `{` + u + `,"userName":"a","emails":[` + home + `,` + work + `]}`, `emails[type eq "home"].primary`, `true`, `{` + u + `,"userName":"a","emails":[{"value":"h@x","type":"home","primary":true},{"value":"w@x","display":"W","type":"work","primary":false}]}`},
		{"an element becomes the same as another", mails, `emails[type eq "home"]`, `{"value":"W@x","type":"work"}`, `{` + u + `,"userName":"a","emails":[{"value":"W@x","display":"W","type":"work","primary":true}]}`},

		{"made from the filter", plain, `emails[type eq "work"].value`, `"w@x"`, `{` + u + `,"userName":"a","emails":[{"value":"w@x","type":"work"}]}`},
		{"made beside others", mails, `phoneNumbers[type eq "mobile"].value`, `"1"`, `{` + u + `,"userName":"a","emails":[` + work + `,` + home + `],"phoneNumbers":[{"value":"1","type":"mobile"}]}`},
		{"made from several terms", plain, `emails[type eq "work" and primary eq "True"].value`, `"w@x"`, `{` + u + `,"userName":"a","emails":[{"value":"w@x","type":"work","primary":true}]}`},
		{"made from a boolean text", plain, `roles[primary eq "True"].value`, `"Admin"`, `{` + u + `,"userName":"a","roles":[{"value":"Admin","primary":true}]}`},
		{"made from the value", plain, `emails[value eq "o@x"].value`, `"n@x"`, `{` + u + `,"userName":"a","emails":[{"value":"n@x"}]}`},
		{"made as a whole", plain, `addresses[type eq "work"]`, `{"country":"AT"}`, `{` + u + `,"userName":"a","addresses":[{"country":"AT","type":"work"}]}`},
		{"a new one takes the primary", mails, `emails[type eq "other" and primary eq true].value`, `"o@x"`, `{` + u + `,"userName":"a","emails":[{"value":"w@x","display":"W","type":"work","primary":false},` + home + `,{"value":"o@x","type":"other","primary":true}]}`},
		{"nothing made to take away", plain, `emails[type eq "work"].value`, `""`, plain},
		{"nothing made to take away from", plain, `emails[type sw "w"].value`, `null`, plain},
		{"nothing made of nothing", plain, `emails[type eq "work" or type eq "home"]`, `null`, plain},
	} {
		t.Run(c.name, func(t *testing.T) {
			before := readJSON(t, c.resource)
			got, err := scim.UserType().Assign(before, parsePath(t, c.path), readJSON(t, c.value))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, writeJSON(got)); diff != "" {
				t.Error(diff)
			}
			if writeJSON(before) != writeJSON(readJSON(t, c.resource)) {
				t.Errorf("the resource given was changed: %s", writeJSON(before))
			}
		})
	}
}

func TestAssignTwiceMeetsTheSameElement(t *testing.T) {
	v := readJSON(t, `{`+u+`,"userName":"a"}`)
	for _, c := range [][2]string{{"streetAddress", "S"}, {"locality", "L"}, {"country", "AT"}} {
		var err error
		if v, err = scim.UserType().Assign(v, parsePath(t, `addresses[type eq "work"].`+c[0]), scim.StringValue(c[1])); err != nil {
			t.Fatal(err)
		}
	}
	if got, want := writeJSON(v.Get("addresses")), `[{"streetAddress":"S","locality":"L","country":"AT","type":"work"}]`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestAssignRefuses(t *testing.T) {
	const mails = `{` + u + `,"userName":"a","emails":[{"value":"w@x","type":"work"}],` + ent + `:{"manager":{"value":"m1"}}}`
	for _, c := range []struct{ path, value, scimType, detail string }{
		{"nothing", `"x"`, scim.TypeInvalidPath, `no schema has the attribute "nothing"`},
		{"name.nothing", `"x"`, scim.TypeInvalidPath, `"name.nothing"`},
		{"id", `"x"`, scim.TypeMutability, "id is readOnly"},
		{"groups", `[]`, scim.TypeMutability, "groups is readOnly"},
		{"meta.version", `"x"`, scim.TypeMutability, "meta.version is readOnly"},
		{"schemas", `[]`, scim.TypeMutability, "schemas is readOnly"},
		{"manager.displayName", `"x"`, scim.TypeMutability, "manager.displayName is readOnly"},
		{"userName", `""`, scim.TypeInvalidValue, "userName is required"},
		{"userName", `" "`, scim.TypeInvalidValue, "userName is required"},
		{"userName", `null`, scim.TypeInvalidValue, "userName is required"},
		{"active", `""`, scim.TypeInvalidValue, "active: true or false"},
		{"active", `1`, scim.TypeInvalidValue, "active: true or false"},
		{"active", `[]`, scim.TypeInvalidValue, "active: true or false"},
		{"title", `5`, scim.TypeInvalidValue, "title: text is wanted, a number"},
		{"name", `"x"`, scim.TypeInvalidValue, "name: an object is wanted, text"},
		{"name.givenName", `["x"]`, scim.TypeInvalidValue, "name.givenName: text is wanted, a list"},
		{`emails[type eq "work"].value`, `[{"value":"x"}]`, scim.TypeInvalidValue, "emails.value: text is wanted, a list"},
		{`emails[type eq "work"].primary`, `"x"`, scim.TypeInvalidValue, "emails.primary: true or false"},
		{`emails[type eq "work"]`, `["x","y"]`, scim.TypeInvalidValue, "emails: an object is wanted, a list"},
		{`emails[foo eq "work"].value`, `"x"`, scim.TypeInvalidFilter, `emails has no sub-attribute "foo"`},
		{`emails[primary gt true].value`, `"x"`, scim.TypeInvalidFilter, "there is no gt"},
		{`emails[type eq "home" or type eq "other"].value`, `"x"`, scim.TypeNoTarget, "emails: no element matches"},
		{`emails[type sw "h"].value`, `"x"`, scim.TypeNoTarget, "emails: no element matches"},
		{`emails[not (type eq "work")].value`, `"x"`, scim.TypeNoTarget, "emails: no element matches"},
		{`emails[type eq "home" and type eq "other"].value`, `"x"`, scim.TypeNoTarget, "emails: no element matches"},
		{`manager[value eq "m2"].value`, `"m3"`, scim.TypeNoTarget, "manager: the value there is another one"},
	} {
		got, err := scim.UserType().Assign(readJSON(t, mails), parsePath(t, c.path), readJSON(t, c.value))
		if err == nil {
			t.Errorf("%s = %s: accepted as %s", c.path, c.value, writeJSON(got))
			continue
		}
		wantError(t, err, c.scimType, c.detail)
	}
}

func TestMerge(t *testing.T) {
	const before = `{` + u + `,"userName":"a","name":{"familyName":"F","givenName":"G"},"emails":[{"value":"w@x","type":"work","primary":true},{"value":"h@x","type":"home"}]}`
	for _, c := range []struct{ path, value, want, dropped string }{
		{"name", `{"givenName":"H"}`, `"name":{"familyName":"F","givenName":"H"}`, ""},
		{"name", `{"givenName":null,"middleName":"M"}`, `"name":{"familyName":"F","middleName":"M"}`, ""},
		{"name", `{}`, `"name":{"familyName":"F","givenName":"G"}`, ""},
		{"name", `{"foo":1}`, `"name":{"familyName":"F","givenName":"G"}`, "name.foo"},
		{`emails[type eq "work"]`, `{"display":"D"}`, `"emails":[{"value":"w@x","display":"D","type":"work","primary":true},{"value":"h@x","type":"home"}]`, ""},
		{`emails[type eq "home"]`, `{"primary":true,"type":"other"}`, `"emails":[{"value":"w@x","type":"work","primary":false},{"value":"h@x","type":"other","primary":true}]`, ""},
		{`emails[type eq "other"]`, `{"value":"o@x"}`, `"emails":[{"value":"w@x","type":"work","primary":true},{"value":"h@x","type":"home"},{"value":"o@x","type":"other"}]`, ""},
		{`emails[type eq "other"]`, `{"foo":"o@x"}`, `"emails":[{"value":"w@x","type":"work","primary":true},{"value":"h@x","type":"home"}]`, "emails.foo"},
		{"title", `"T"`, `"title":"T"`, ""},
		{"phoneNumbers", `"1"`, `"phoneNumbers":[{"value":"1"}]`, ""},
	} {
		got, dropped, err := scim.UserType().Merge(readJSON(t, before), parsePath(t, c.path), readJSON(t, c.value))
		if err != nil {
			t.Errorf("%s: %v", c.path, err)
			continue
		}
		p := parsePath(t, c.path)
		if text := `"` + p.Attr + `":` + writeJSON(got.Get(p.Attr)); text != c.want {
			t.Errorf("%s = %s: got %s, want %s", c.path, c.value, text, c.want)
		}
		if (c.dropped == "") != (len(dropped) == 0) || c.dropped != "" && dropped[0] != c.dropped {
			t.Errorf("%s = %s: dropped %v", c.path, c.value, dropped)
		}
	}
	_, _, err := scim.UserType().Merge(readJSON(t, before), parsePath(t, "manager"), readJSON(t, `{"$ref":"x"}`))
	wantError(t, err, scim.TypeInvalidValue, `"$ref" alone says nothing`)
	_, _, err = scim.UserType().Merge(readJSON(t, before), parsePath(t, "emails"), readJSON(t, `[{"foo":"x"}]`))
	wantError(t, err, scim.TypeInvalidValue, `"foo" alone says nothing`)
}

func TestAssignLeavesWhatNoSchemaKnows(t *testing.T) {
	before := readJSON(t, `{`+u+`,"userName":"a","name":{"givenName":"G","old":"x"},"urn:acme:gone:User":{"x":1}}`)
	got, err := scim.UserType().Assign(before, parsePath(t, "title"), scim.StringValue("T"))
	if err != nil {
		t.Fatal(err)
	}
	if want := `{` + u + `,"userName":"a","name":{"givenName":"G","old":"x"},"title":"T","urn:acme:gone:User":{"x":1}}`; writeJSON(got) != want {
		t.Errorf("got %s", writeJSON(got))
	}
	if _, _, err := scim.UserType().Merge(before, parsePath(t, "name"), readJSON(t, `{"familyName":"F"}`)); err != nil {
		t.Error(err)
	}
}

func TestSelect(t *testing.T) {
	user := readJSON(t, `{`+ue+`,"userName":"a","active":false,"emails":[{"value":"w@x","type":"work"},{"value":"h@x"}],`+ent+`:{"manager":{"value":"m1"}}}`)
	for path, want := range map[string]string{
		"userName": `["a"]`, "active": `[false]`, "title": `[]`, "nothing": `[]`, "emails": `[{"value":"w@x","type":"work"},{"value":"h@x"}]`,
		"emails.value": `["w@x","h@x"]`, "emails.type": `["work"]`, `emails[type eq "WORK"].value`: `["w@x"]`, `emails[type eq "x"]`: `[]`, `emails[not (type pr)]`: `[{"value":"h@x"}]`,
		"manager": `[{"value":"m1"}]`, "manager.value": `["m1"]`, scim.EnterpriseURN + ":manager.value": `["m1"]`, `manager[value eq "m2"]`: `[]`, "schemas": `["` + scim.UserURN + `","` + scim.EnterpriseURN + `"]`,
	} {
		got := scim.Value{Kind: scim.Array, List: scim.UserType().Select(user, parsePath(t, path))}
		if writeJSON(got) != want {
			t.Errorf("%s: got %s, want %s", path, writeJSON(got), want)
		}
	}
}

func TestAssignIsSelectedAndCanonical(t *testing.T) {
	rt := scim.UserType()
	paths := []string{"title", "name.givenName", `emails[type eq "work"].value`, `emails[type eq "home" and primary eq true].display`, "manager.value", "department", `addresses[type eq "work"].locality`, `roles[primary eq "True"].value`}
	rapid.Check(t, func(t *rapid.T) {
		n, err := rt.Normalize(anyUser().Draw(t, "user"))
		if err != nil {
			return
		}
		v := n.Resource
		for range rapid.IntRange(1, 5).Draw(t, "times") {
			p, err := scim.ParsePath(rapid.SampledFrom(paths).Draw(t, "path"), scim.DefaultLimits)
			if err != nil {
				t.Fatal(err)
			}
			value := scim.StringValue(rapid.SampledFrom([]string{"", "new", "NEW", "z"}).Draw(t, "value"))
			if v, err = rt.Assign(v, p, value); err != nil {
				t.Fatal(err)
			}
			found := rt.Select(v, p)
			if value.Empty() != (len(found) == 0) {
				t.Fatalf("%s = %s selects %d values of %s", p, writeJSON(value), len(found), writeJSON(v))
			}
			for _, f := range found {
				if !f.Equal(value) {
					t.Fatalf("%s = %s selects %s", p, writeJSON(value), writeJSON(f))
				}
			}
		}
		again, err := rt.Normalize(v)
		if err != nil || writeJSON(again.Resource) != writeJSON(v) {
			t.Fatalf("%s is not canonical, but %s: %v", writeJSON(v), writeJSON(again.Resource), err)
		}
	})
}
