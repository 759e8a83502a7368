package scim_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rollcall/state/scim"
)

// tree prints a filter with all its brackets, so that precedence can be seen.
func tree(f *scim.Filter) string {
	switch f.Op {
	case scim.OpAnd, scim.OpOr, scim.OpNot:
		args := make([]string, len(f.Args))
		for i, arg := range f.Args {
			args[i] = tree(arg)
		}
		return string(f.Op) + "(" + strings.Join(args, ", ") + ")"
	case scim.OpPath:
		return f.Path.String() + "[" + tree(f.Args[0]) + "]"
	}
	return f.String()
}

func TestParseFilter(t *testing.T) {
	for text, want := range map[string]string{
		// RFC 7644 §3.4.2.2 and its examples
		`userName eq "bjensen"`:         `userName eq "bjensen"`,
		`name.familyName co "O'Malley"`: `name.familyName co "O'Malley"`,
		`userName sw "J"`:               `userName sw "J"`,
		`urn:ietf:params:scim:schemas:core:2.0:User:userName sw "J"`: `urn:ietf:params:scim:schemas:core:2.0:User:userName sw "J"`,
		`title pr`: `title pr`,
		`meta.lastModified gt "2011-05-13T04:42:34Z"`:                                               `meta.lastModified gt "2011-05-13T04:42:34Z"`,
		`title pr and userType eq "Employee"`:                                                       `and(title pr, userType eq "Employee")`,
		`title pr or userType eq "Intern"`:                                                          `or(title pr, userType eq "Intern")`,
		`userType eq "Employee" and (emails co "example.com" or emails.value co "example.org")`:     `and(userType eq "Employee", or(emails co "example.com", emails.value co "example.org"))`,
		`userType ne "Employee" and not (emails co "example.com" or emails.value co "example.org")`: `and(userType ne "Employee", not(or(emails co "example.com", emails.value co "example.org")))`,
		`userType eq "Employee" and (emails.type eq "work")`:                                        `and(userType eq "Employee", emails.type eq "work")`,
		`userType eq "Employee" and emails[type eq "work" and value co "@example.com"]`:             `and(userType eq "Employee", emails[and(type eq "work", value co "@example.com")])`,
		`emails[type eq "work" and value co "@a"] or ims[type eq "xmpp" and value co "@b"]`:         `or(emails[and(type eq "work", value co "@a")], ims[and(type eq "xmpp", value co "@b")])`,

		// precedence: not, and, or
		`a pr or b pr and c pr`:                           `or(a pr, and(b pr, c pr))`,
		`a pr and b pr or c pr`:                           `or(and(a pr, b pr), c pr)`,
		`(a pr or b pr) and c pr`:                         `and(or(a pr, b pr), c pr)`,
		`not (a pr) and b pr`:                             `and(not(a pr), b pr)`,
		`not a pr and b pr`:                               `and(not(a pr), b pr)`,
		`not(not(a pr))`:                                  `not(not(a pr))`,
		`a pr and b pr and c pr`:                          `and(a pr, b pr, c pr)`,
		`a pr and (b pr and c pr)`:                        `and(a pr, b pr, c pr)`,
		`(a pr or b pr) or (c pr or d pr)`:                `or(a pr, b pr, c pr, d pr)`,
		`emails[not (type eq "work") or primary eq true]`: `emails[or(not(type eq "work"), primary eq true)]`,

		// letter case and spaces
		`userName EQ "x" AND NOT (title PR)`:    `and(userName eq "x", not(title pr))`,
		"  ( userName\teq  \"x\" )\n":           `userName eq "x"`,
		`emails[ type eq "work" ].value eq "x"`: `emails[type eq "work"].value eq "x"`,

		// values
		`a eq true`:                     `a eq true`,
		`a eq True`:                     `a eq "True"`,
		`a eq null`:                     `a eq null`,
		`a gt -1.5e3`:                   `a gt -1.5e3`,
		`externalId eq jyoung`:          `externalId eq "jyoung"`,
		`externalId eq 00u1-x@y`:        `externalId eq "00u1-x@y"`,
		`id eq 7f3c`:                    `id eq "7f3c"`,
		`a eq 01`:                       `a eq "01"`,
		`(a eq b)`:                      `a eq "b"`,
		`a eq "\"\\\u00e9\ud83d\ude00"`: `a eq "\"\\é😀"`,
		`a eq ""`:                       `a eq ""`,
		`a eq "x]) and"`:                `a eq "x]) and"`,
		`a eq"x"`:                       `a eq "x"`,

		// paths
		scim.EnterpriseURN + `:manager.value eq "x"`:     scim.EnterpriseURN + `:manager.value eq "x"`,
		scim.UserURN + `:emails[type eq "a:b"].value pr`: scim.UserURN + `:emails[type eq "a:b"].value pr`,
		`emails[type eq "work"] eq "x"`:                  `emails[type eq "work"] eq "x"`,
		`emails[type eq "work"] pr`:                      `emails[type eq "work"] pr`,
		`manager.$ref pr`:                                `manager.$ref pr`,
		`pr pr`:                                          `pr pr`,
	} {
		f, err := scim.ParseFilter(text, scim.DefaultLimits)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if diff := cmp.Diff(want, tree(f)); diff != "" {
			t.Errorf("%s: %s", text, diff)
		}
		again, err := scim.ParseFilter(f.String(), scim.DefaultLimits)
		if err != nil || tree(again) != tree(f) {
			t.Errorf("%s printed as %s: %v", text, f, err)
		}
	}
}

func TestParseFilterRefuses(t *testing.T) {
	for text, detail := range map[string]string{
		``:                           "at byte 1: an attribute's name",
		` `:                          "at byte 2: an attribute's name",
		`userName`:                   "at byte 9: an operator is wanted",
		`userName is "x"`:            "at byte 10: an operator is wanted",
		`userName eq`:                "at byte 12: a value is wanted",
		`userName eq 'x'`:            "at byte 13: a value is wanted; text stands in double quotes",
		`userName eq "x`:             "at byte 13: a string in double quotes",
		`userName eq "\x"`:           "at byte 13: a string in double quotes",
		`userName eq x y`:            "at byte 15: and, or, or the end is wanted",
		`userName eq {"a":1}`:        "at byte 13: a value is wanted",
		`userName eq [1]`:            "at byte 13: a value is wanted",
		`userName eq "x" and`:        "at byte 20: an attribute's name",
		`and userName pr`:            "at byte 5: an operator is wanted",
		`(userName pr`:               "at byte 13: ) is wanted",
		`userName pr)`:               "at byte 12: and, or, or the end",
		`()`:                         "at byte 2: an attribute's name",
		`not`:                        "at byte 4: an attribute's name",
		`emails[type eq "work"`:      "at byte 22: ] is wanted",
		`emails[]`:                   "at byte 8: an attribute's name",
		`emails[type eq "a"].`:       "at byte 21: a sub-attribute's name",
		`emails[type eq "a"].a.b pr`: "at byte 21: a sub-attribute's name",
		`emails[a[b pr]]`:            "at byte 1: a value filter can't have another one inside",
		`emails[a[b pr].c pr]`:       "at byte 1: a value filter can't have another one inside",
		`a.b.c pr`:                   "at byte 1: an attribute's name",
		`.a pr`:                      "at byte 1: an attribute's name",
		`a. pr`:                      "at byte 1: an attribute's name",
		`:a pr`:                      "at byte 1: a URN is wanted",
		`urn:x: pr`:                  "at byte 1: an attribute's name",
		`1a pr`:                      "at byte 1: an attribute's name",
		`"a" pr`:                     "at byte 1: an attribute's name",
		"a eq \"\xff\"":              "at byte 7: text is not UTF-8",
		`a.b[c pr]`:                  "at byte 4: an operator is wanted",
		`a pr b pr`:                  "at byte 6: and, or, or the end",
	} {
		f, err := scim.ParseFilter(text, scim.DefaultLimits)
		if err == nil {
			t.Errorf("%s: accepted as %s", text, tree(f))
			continue
		}
		wantError(t, err, scim.TypeInvalidFilter, detail)
	}
}

func TestParseFilterNamesNoValueInItsErrors(t *testing.T) {
	_, err := scim.ParseFilter(`userName eq "ada@acme.example`, scim.DefaultLimits)
	if err == nil || strings.Contains(err.Error(), "ada") {
		t.Errorf("got %v", err)
	}
}

func TestFilterLimits(t *testing.T) {
	limits := scim.Limits{Depth: 3, Nodes: 4}
	for text, detail := range map[string]string{
		`(((a pr)))`:                              "",
		`((((a pr))))`:                            "nested too deeply",
		`not not not a pr`:                        "",
		`not not not not a pr`:                    "nested too deeply",
		`((emails[a pr]))`:                        "",
		`((emails[(a pr)]))`:                      "nested too deeply",
		`a pr and b pr or c pr and d pr`:          "",
		`a pr and b pr or c pr and d pr and e pr`: "too many terms",
	} {
		_, err := scim.ParseFilter(text, limits)
		if detail == "" && err != nil {
			t.Errorf("%s: %v", text, err)
		} else if detail != "" {
			wantError(t, err, scim.TypeInvalidFilter, detail)
		}
	}
	for _, opening := range []string{"(", "not ", "not(", "a["} {
		if _, err := scim.ParseFilter(strings.Repeat(opening, 1_000_000), scim.DefaultLimits); err == nil {
			t.Errorf("a million of %q accepted", opening)
		}
	}
	long := strings.Repeat("a pr and ", 100_000) + "a pr"
	if f, err := scim.ParseFilter(long, scim.DefaultLimits); err != nil || len(f.Args) != 100_001 {
		t.Errorf("a long chain: %v", err)
	}
}

func TestParsePath(t *testing.T) {
	work := parseFilter(t, `type eq "work"`)
	for text, want := range map[string]scim.Path{
		`userName`:                                     {Attr: "userName"},
		` name.givenName `:                             {Attr: "name", Sub: "givenName"},
		`emails[type eq "work"]`:                       {Attr: "emails", Filter: work},
		`emails[type eq "work"].value`:                 {Attr: "emails", Filter: work, Sub: "value"},
		scim.EnterpriseURN + `:manager.displayName`:    {URN: scim.EnterpriseURN, Attr: "manager", Sub: "displayName"},
		scim.UserURN + `:emails[type eq "work"].value`: {URN: scim.UserURN, Attr: "emails", Filter: work, Sub: "value"},
		`urn:x.y:z:2.0:a`:                              {URN: "urn:x.y:z:2.0", Attr: "a"},
		scim.EnterpriseURN:                             {URN: "urn:ietf:params:scim:schemas:extension:enterprise:2.0", Attr: "User"},
		`members[value eq "1:2.3"]`:                    {Attr: "members", Filter: parseFilter(t, `value eq "1:2.3"`)},
		`$ref`:                                         {Attr: "$ref"},
		`a-b_c1`:                                       {Attr: "a-b_c1"},
	} {
		got, err := scim.ParsePath(text, scim.DefaultLimits)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", text, diff)
		}
		if got.String() != strings.TrimSpace(text) {
			t.Errorf("%q printed as %q", text, got)
		}
	}
}

func TestParsePathRefuses(t *testing.T) {
	for text, detail := range map[string]string{
		``:                           "at byte 1: an attribute's name",
		`a b`:                        "at byte 3: the path ends before this",
		`a.b.c`:                      "at byte 1: an attribute's name",
		`a[`:                         "at byte 3: an attribute's name",
		`a[b eq "c"`:                 "at byte 11: ] is wanted",
		`a[b]`:                       "at byte 4: an operator",
		`a[b pr]c`:                   "at byte 8: the path ends",
		`a[b pr].`:                   "at byte 9: a sub-attribute",
		`a[b pr].c.d`:                "at byte 9: a sub-attribute",
		`emails[type eq "a"] eq "b"`: "at byte 21: the path ends",
		`a,b`:                        "at byte 2: the path ends",
		`user name`:                  "at byte 6: the path ends",
		`urn:ietf:`:                  "at byte 1: an attribute's name",
		"\xff":                       "at byte 1: text is not UTF-8",
	} {
		_, err := scim.ParsePath(text, scim.DefaultLimits)
		if err == nil {
			t.Errorf("%s: accepted", text)
			continue
		}
		wantError(t, err, scim.TypeInvalidPath, detail)
	}
	_, err := scim.ParsePath(`a[((b pr))]`, scim.Limits{Depth: 2})
	wantError(t, err, scim.TypeInvalidPath, "nested too deeply")
}

func FuzzParseFilter(f *testing.F) {
	for _, seed := range []string{
		`userName eq "bjensen"`, `userType ne "Employee" and not (emails co "example.com" or emails.value co "example.org")`,
		`emails[type eq "work" and not (primary eq True)].value ew "@x\u00e9"`, `urn:a:2.0:User:x.y gt -1.5e3 or z pr`, `a eq null and (b eq c or d le "2011-05-13T04:42:34Z")`, `not not a pr`, `((`, `a[b[c pr]]`,
	} {
		f.Add(seed)
	}
	rt := scim.UserType()
	resource := readJSON(f, `{"schemas":["`+scim.UserURN+`"],"userName":"bjensen","emails":[{"value":"a@x","type":"work","primary":true}]}`)
	f.Fuzz(func(t *testing.T, text string) {
		filter, err := scim.ParseFilter(text, scim.DefaultLimits)
		if err != nil {
			return
		}
		again, err := scim.ParseFilter(filter.String(), scim.Limits{Depth: 2 * scim.DefaultLimits.Depth})
		if err != nil {
			t.Fatalf("%s: %v", filter, err)
		}
		if diff := cmp.Diff(filter, again); diff != "" {
			t.Fatalf("%s: %s", filter, diff)
		}
		if rt.Check(filter) == nil {
			rt.Matches(filter, resource)
		}
	})
}

func FuzzParsePath(f *testing.F) {
	for _, seed := range []string{`userName`, `name.givenName`, `emails[type eq "work"].value`, scim.EnterpriseURN + `:manager`, `a[b eq "]" or not (c pr)]`, `urn:2.0:a.b`, `a[`} {
		f.Add(seed)
	}
	rt := scim.UserType()
	resource := readJSON(f, `{"schemas":["`+scim.UserURN+`"],"userName":"bjensen","emails":[{"value":"a@x","type":"work","primary":true}]}`)
	f.Fuzz(func(t *testing.T, text string) {
		path, err := scim.ParsePath(text, scim.DefaultLimits)
		if err != nil {
			return
		}
		again, err := scim.ParsePath(path.String(), scim.Limits{Depth: 2 * scim.DefaultLimits.Depth})
		if err != nil {
			t.Fatalf("%s: %v", path, err)
		}
		if diff := cmp.Diff(path, again); diff != "" {
			t.Fatalf("%s: %s", path, diff)
		}
		for _, v := range []string{`"x"`, `true`, `null`, `{"value":"y","type":"home"}`, `[{"value":"z"}]`} {
			made, err := rt.Assign(resource, path, readJSON(t, v))
			if err != nil {
				continue
			}
			n, err := rt.Normalize(made)
			if err != nil || !n.Resource.Equal(made) {
				t.Fatalf("%s = %s made %s, which is not canonical: %v", path, v, writeJSON(made), err)
			}
		}
	})
}
