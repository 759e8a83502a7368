package scim_test

import (
	"testing"

	"rollcall/state/scim"
)

func TestCheckStrict(t *testing.T) {
	core, ent := `"schemas":["`+scim.UserURN+`"]`, `"schemas":["`+scim.UserURN+`","`+scim.EnterpriseURN+`"]`
	for text, want := range map[string][2]string{
		`{` + core + `,"userName":"a"}`: {},
		`{` + core + `,"USERNAME":"a","id":"x","meta":{"x":1},"groups":"g","externalId":null}`:              {},
		`{` + core + `,"emails":[{"value":"a","primary":true},{"value":"b","primary":false}]}`:              {},
		`{` + core + `,"active":null,"name":null,"emails":null}`:                                            {},
		`{` + ent + `,"userName":"a"}`:                                                                      {},
		`{` + ent + `,"` + scim.EnterpriseURN + `":{"manager":{"value":"m","$ref":"x","displayName":"M"}}}`: {},
		`{` + core + `,"password":"x","displayName":7}`:                                                     {}, // others refuse that
		`{}`:                                 {scim.TypeInvalidSyntax, "schemas must name"},
		`{"schemas":"` + scim.UserURN + `"}`: {scim.TypeInvalidSyntax, "schemas must name"},
		`{"schemas":["` + scim.EnterpriseURN + `"]}`:                              {scim.TypeInvalidSyntax, "schemas must name"},
		`{"schemas":["` + scim.UserURN + `","urn:x:y"]}`:                          {scim.TypeInvalidSyntax, "urn:x:y"},
		`{` + core + `,"` + scim.EnterpriseURN + `":{"department":"d"}}`:          {scim.TypeInvalidSyntax, "of which there are attributes"},
		`{` + core + `,"colour":"teal"}`:                                          {scim.TypeInvalidSyntax, "colour"},
		`{` + core + `,"department":"d"}`:                                         {scim.TypeInvalidSyntax, "department"},
		`{` + core + `,"name.givenName":"A"}`:                                     {scim.TypeInvalidSyntax, "name.givenName"},
		`{` + core + `,"name":{"colour":"teal"}}`:                                 {scim.TypeInvalidSyntax, "name.colour"},
		`{` + ent + `,"` + scim.EnterpriseURN + `":{"colour":"teal"}}`:            {scim.TypeInvalidSyntax, ":colour"},
		`{` + ent + `,"` + scim.EnterpriseURN + `":"x"}`:                          {scim.TypeInvalidValue, "an object is wanted"},
		`{` + core + `,"active":"True"}`:                                          {scim.TypeInvalidValue, "active"},
		`{` + core + `,"active":1}`:                                               {scim.TypeInvalidValue, "active"},
		`{` + core + `,"emails":{"value":"a"}}`:                                   {scim.TypeInvalidValue, "a list is wanted"},
		`{` + core + `,"emails":["a"]}`:                                           {scim.TypeInvalidValue, "emails[0]"},
		`{` + core + `,"emails":[{"value":"a","primary":"true"}]}`:                {scim.TypeInvalidValue, "emails[0].primary"},
		`{` + core + `,"emails":[{"value":"a","primary":true},{"primary":true}]}`: {scim.TypeInvalidValue, "primary"},
		`{` + ent + `,"` + scim.EnterpriseURN + `":{"manager":"m"}}`:              {scim.TypeInvalidValue, "manager"},
		`{` + ent + `,"` + scim.EnterpriseURN + `":{"manager":[{"value":"m"}]}}`:  {scim.TypeInvalidValue, "manager"},
	} {
		err := scim.UserType().CheckStrict(readJSON(t, text))
		if want[0] == "" {
			if err != nil {
				t.Errorf("%s: %v", text, err)
			}
			continue
		}
		wantError(t, err, want[0], want[1])
	}
}

func TestCheckStrictFilter(t *testing.T) {
	for text, ok := range map[string]bool{
		`userName eq "a" and (title pr or not (active eq true))`:                      true,
		scim.EnterpriseURN + `:manager.value eq "m"`:                                  true,
		scim.UserURN + `:userName eq "a"`:                                             true,
		`emails[type eq "work" and primary eq true]`:                                  true,
		`emails.primary eq false`:                                                     true,
		`manager eq "m"`:                                                              false,
		`title pr and not (department eq "d")`:                                        false,
		`email eq "a"`:                                                                false,
		`active eq "True"`:                                                            false,
		`emails.primary ne "false"`:                                                   false,
		`userName pr or emails[type eq "work" or not (primary eq "True")]`:            false,
		scim.EnterpriseURN + `:department eq "d" and (department eq "d" or title pr)`: false,
	} {
		filter := parseFilter(t, text)
		if err := scim.UserType().Check(filter); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		err := scim.UserType().CheckStrictFilter(filter)
		if ok && err != nil {
			t.Errorf("%s: %v", text, err)
		}
		if !ok {
			wantError(t, err, scim.TypeInvalidFilter, "")
		}
	}
}

func TestCheckStrictPath(t *testing.T) {
	for text, scimType := range map[string]string{
		"userName": "", "name.givenName": "", "NAME.GIVENNAME": "", scim.EnterpriseURN: "", scim.EnterpriseURN + ":manager.value": "", scim.UserURN + ":title": "",
		`emails[type eq "work"].value`: "", `emails[primary eq true]`: "",
		"manager": scim.TypeInvalidPath, "department": scim.TypeInvalidPath, "colour": scim.TypeInvalidPath, "name.colour": scim.TypeInvalidPath, "email": scim.TypeInvalidPath,
		`emails[primary eq "True"]`: scim.TypeInvalidFilter, `emails[colour eq "teal"]`: scim.TypeInvalidFilter,
	} {
		err := scim.UserType().CheckStrictPath(parsePath(t, text))
		if scimType == "" {
			if err != nil {
				t.Errorf("%s: %v", text, err)
			}
			continue
		}
		wantError(t, err, scimType, "")
	}
}

func TestCheckStrictValue(t *testing.T) {
	for _, c := range []struct{ path, value, scimType string }{
		{"title", `"x"`, ""}, {"active", `true`, ""}, {"active", `null`, ""}, {"emails", `[{"value":"a"}]`, ""}, {"emails", `{"value":"a"}`, ""},
		{`emails[type eq "work"].primary`, `true`, ""}, {scim.EnterpriseURN + ":manager", `{"value":"m"}`, ""}, {"id", `7`, ""},
		{"active", `"true"`, scim.TypeInvalidValue}, {"emails", `"a"`, scim.TypeInvalidValue}, {"emails", `[["a"]]`, scim.TypeInvalidValue},
		{`emails[type eq "work"].primary`, `"true"`, scim.TypeInvalidValue}, {scim.EnterpriseURN + ":manager", `"m"`, scim.TypeInvalidValue},
		{scim.EnterpriseURN + ":manager", `[{"value":"m"}]`, scim.TypeInvalidValue}, {"name", `{"colour":"teal"}`, scim.TypeInvalidSyntax},
		{"colour", `"teal"`, scim.TypeInvalidPath},
	} {
		err := scim.UserType().CheckStrictValue(parsePath(t, c.path), readJSON(t, c.value))
		if c.scimType == "" {
			if err != nil {
				t.Errorf("%s %s: %v", c.path, c.value, err)
			}
			continue
		}
		wantError(t, err, c.scimType, "")
	}
}
