package scim_test

import (
	"testing"

	"rollcall/state/scim"
)

const matchUser = `{
	"schemas":["urn:ietf:params:scim:schemas:core:2.0:User","urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"],
	"id":"2819c223","externalId":"Ext-1","userName":"Ada@Acme.Example",
	"name":{"givenName":"Ada","familyName":"O\"King"},"displayName":"Ada King","active":true,
	"emails":[{"value":"ada@acme.example","type":"work","primary":true},{"value":"ada@home.example","type":"home"}],
	"addresses":[{"locality":"Vienna","type":"work"}],
	"groups":[{"value":"g1","display":"Staff"}],
	"x509Certificates":[{"value":"MIIB"}],
	"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"employeeNumber":"701","department":"Sales","manager":{"value":"m1"}},
	"urn:acme:params:scim:schemas:extension:badge:2.0:User":{"number":10,"level":2.50,"issued":"2026-01-31T09:00:00+01:00","tags":["red","Blue"],"codes":[7,12]},
	"meta":{"resourceType":"User","created":"2026-01-31T08:00:00Z","lastModified":"2026-02-01T00:00:00.500Z","location":"https://x/Users/1","version":"W/\"1\""}}`

func TestMatches(t *testing.T) {
	rt := badgeType(t)
	user := readJSON(t, matchUser)
	const ent, badge = scim.EnterpriseURN + ":", badgeURN + ":"
	for filter, want := range map[string]bool{
		// letter case: userName does not count it, id and externalId do
		`userName eq "ADA@ACME.EXAMPLE"`:   true,
		`USERNAME EQ "ada@acme.example"`:   true,
		`userName ne "ADA@ACME.EXAMPLE"`:   false,
		`externalId eq "Ext-1"`:            true,
		`externalId eq "ext-1"`:            false,
		`externalId eq Ext-1`:              true,
		`id eq "2819c223"`:                 true,
		`id eq 2819c223`:                   true,
		`id eq "2819C223"`:                 false,
		`displayName eq "ada king"`:        true,
		`name.familyName eq "o\"KING"`:     true,
		`name.familyName eq "O\u0022King"`: true,

		// operators on text
		`userName co "acme"`:             true,
		`userName co "ACME"`:             true,
		`userName co "none"`:             false,
		`userName sw "ada"`:              true,
		`userName sw "acme"`:             false,
		`userName ew "EXAMPLE"`:          true,
		`userName ew "ada"`:              false,
		`userName gt "aaa"`:              true,
		`userName gt "bbb"`:              false,
		`userName ge "ADA@acme.example"`: true,
		`userName gt "ADA@acme.example"`: false,
		`userName lt "bbb"`:              true,
		`userName le "ada@acme.example"`: true,
		`externalId gt "Ext-0"`:          true,
		`externalId sw "ext"`:            false,

		// presence and null
		`title pr`:           false,
		`userName pr`:        true,
		`name pr`:            true,
		`emails pr`:          true,
		`phoneNumbers pr`:    false,
		`emails.display pr`:  false,
		`emails.primary pr`:  true,
		ent + `manager pr`:   true,
		`title eq null`:      true,
		`title ne null`:      false,
		`userName eq null`:   false,
		`userName ne null`:   true,
		`title eq ""`:        false,
		`title ne "x"`:       true,
		`title eq "x"`:       false,
		`not (title pr)`:     true,
		`not (title eq "x")`: true,

		// logic
		`title pr and userName pr`:                  false,
		`title pr or userName pr`:                   true,
		`userName pr or title pr and title pr`:      true,
		`(userName pr or title pr) and title pr`:    false,
		`not (userName pr and title pr)`:            true,
		`not (userName pr) or displayName sw "ada"`: true,

		// multi-valued: any value; in one value filter the same value
		`emails eq "ada@home.example"`:                       true,
		`emails co "home"`:                                   true,
		`emails.value ew "acme.example"`:                     true,
		`emails.type eq "home"`:                              true,
		`emails.type ne "home"`:                              true,
		`emails.type eq "other"`:                             false,
		`phoneNumbers.type ne "home"`:                        true,
		`emails.type eq "home" and emails.primary eq true`:   true,
		`emails[type eq "home" and primary eq true]`:         false,
		`emails[type eq "work" and primary eq true]`:         true,
		`emails[type eq "work" and value co "@acme"]`:        true,
		`emails[type eq "work" and value co "@home"]`:        false,
		`emails[not (type eq "work")]`:                       true,
		`emails[type eq "x" or value co "@home"]`:            true,
		`emails[display pr]`:                                 false,
		`emails[primary ne true]`:                            true,
		`emails[type eq "work"].value eq "ADA@acme.example"`: true,
		`emails[type eq "work"].value eq "ada@home.example"`: false,
		`emails[type eq "work"] eq "ada@acme.example"`:       true,
		`emails[type eq "other"].value pr`:                   false,
		`emails[type eq "other"].value ne "x"`:               true,
		`emails[type eq "home"] pr`:                          true,
		`phoneNumbers[type eq "work"]`:                       false,
		`addresses[type eq "work"].locality eq "vienna"`:     true,
		`addresses.locality eq "vienna"`:                     true,
		`groups eq "g1"`:                                     true,
		`groups.display eq "staff"`:                          true,
		`groups[value eq "g2"]`:                              false,

		// Okta's plain email
		`email eq "ADA@ACME.EXAMPLE"`: true,
		`email eq "x@acme.example"`:   false,
		`email pr`:                    true,
		`email[type eq "home"]`:       true,

		// booleans, also as text
		`active eq true`:             true,
		`active eq "True"`:           true,
		`active eq "false"`:          false,
		`active eq False`:            false,
		`active ne false`:            true,
		`emails.primary eq "TRUE"`:   true,
		`emails[primary eq "True"]`:  true,
		`emails[primary eq "False"]`: false,

		// extensions and URNs
		`manager eq "m1"`:                                           true,
		`manager.value eq "m1"`:                                     true,
		`manager[value eq "m1"]`:                                    true,
		`manager[value eq "m2"]`:                                    false,
		ent + `manager eq "m1"`:                                     true,
		ent + `manager.value eq "m2"`:                               false,
		ent + `department eq "sales"`:                               true,
		`department eq "sales"`:                                     true,
		scim.UserURN + `:userName sw "ada"`:                         true,
		scim.UserURN + `:emails[type eq "work" and value sw "ada"]`: true,
		`schemas eq "` + scim.EnterpriseURN + `"`:                   true,
		`schemas eq "URN:ietf:params:scim:schemas:core:2.0:user"`:   true,
		`schemas eq "urn:x"`:                                        false,
		`schemas[value eq "` + scim.UserURN + `"]`:                  true,
		`id eq "2819c223" and manager eq "m1"`:                      true,
		`manager eq "m2" and id eq "2819c223"`:                      false,

		// numbers
		badge + `number eq 10`:                        true,
		badge + `number eq 10.0`:                      true,
		badge + `number eq 1e1`:                       true,
		badge + `number eq "10"`:                      true,
		badge + `number gt 9`:                         true,
		badge + `number gt 9.99`:                      true,
		badge + `number lt 9`:                         false,
		badge + `number ge 10`:                        true,
		badge + `number le -10`:                       false,
		badge + `number ne 10`:                        false,
		badge + `level eq 2.5`:                        true,
		badge + `level lt 2.51`:                       true,
		badge + `codes gt 11`:                         true,
		badge + `codes gt 12`:                         false,
		badge + `codes[value gt 5 and value lt 10]`:   true,
		badge + `codes[value gt 8 and value lt 12]`:   false,
		badge + `tags eq "blue"`:                      true,
		badge + `tags co "RE"`:                        true,
		badge + `tags[value sw "b" and value ew "d"]`: false,
		`employeeNumber eq 701`:                       true,

		// dates are instants
		`meta.created eq "2026-01-31T08:00:00Z"`:           true,
		`meta.created eq "2026-01-31T09:00:00+01:00"`:      true,
		`meta.created eq "2026-01-31T08:00:00.000Z"`:       true,
		`meta.created eq "2026-01-31T08:00:00"`:            true,
		`meta.lastModified gt "2026-02-01T00:00:00Z"`:      true,
		`meta.lastModified gt "2026-02-01T01:00:00+01:00"`: true,
		`meta.lastModified lt "2026-02-01T00:00:00Z"`:      false,
		`meta.lastModified ge "2026-02-01T00:00:00.5Z"`:    true,
		`meta.lastModified ne "2026-02-01T00:00:00.500Z"`:  false,
		`meta.created sw "2026-01"`:                        true,
		badge + `issued eq "2026-01-31T08:00:00Z"`:         true,
		badge + `issued lt "2026-01-31T08:30:00Z"`:         true,

		`meta.resourceType eq "User"`:      true,
		`meta.resourceType eq User`:        true,
		`meta.resourceType eq "user"`:      false,
		`meta pr`:                          true,
		`x509Certificates eq "MIIB"`:       true,
		`x509Certificates.value eq "miib"`: false,
	} {
		f := parseFilter(t, filter)
		if err := rt.Check(f); err != nil {
			t.Errorf("%s: %v", filter, err)
		} else if got := rt.Matches(f, user); got != want {
			t.Errorf("%s: %v", filter, got)
		}
	}
}

func TestMatchesNegativeNumbers(t *testing.T) {
	rt := badgeType(t)
	user := readJSON(t, `{"userName":"a","`+badgeURN+`":{"number":-3,"level":-0.05}}`)
	for filter, want := range map[string]bool{
		`number lt -2`: true, `number lt -3`: false, `number lt -4`: false, `number gt -10`: true, `number lt 0`: true, `number gt 0`: false, `number le -3.0`: true,
		`level gt -0.5`: true, `level lt -0.049`: true, `level eq -5e-2`: true, `level gt -1e1`: true,
	} {
		if got := rt.Matches(parseFilter(t, filter), user); got != want {
			t.Errorf("%s: %v", filter, got)
		}
	}
}

func TestMatchesOnEmptyResource(t *testing.T) {
	for filter, want := range map[string]bool{
		`userName eq "x"`: false, `userName ne "x"`: true, `userName pr`: false, `active eq false`: false, `emails[type eq "work"]`: false, `not (emails[type eq "work"])`: true,
		`manager eq "x"`: false, `emails.value eq null`: true, `schemas eq "x"`: false,
	} {
		if got := scim.UserType().Matches(parseFilter(t, filter), scim.Value{}); got != want {
			t.Errorf("%s: %v", filter, got)
		}
	}
}

func TestGroupFilters(t *testing.T) {
	group := readJSON(t, `{"schemas":["`+scim.GroupURN+`"],"id":"g1","displayName":"Staff","members":[{"value":"u1"},{"value":"u2"}]}`)
	for filter, want := range map[string]bool{
		`displayName eq "STAFF"`: true, `members eq "u1"`: true, `members.value eq "u3"`: false, `members[value eq "u2"]`: true, `externalId pr`: false,
	} {
		f := parseFilter(t, filter)
		if err := scim.GroupType().Check(f); err != nil {
			t.Errorf("%s: %v", filter, err)
		} else if got := scim.GroupType().Matches(f, group); got != want {
			t.Errorf("%s: %v", filter, got)
		}
	}
}

func TestCheckRefuses(t *testing.T) {
	rt := badgeType(t)
	const badge = badgeURN + ":"
	for filter, detail := range map[string]string{
		`nothing eq "x"`:                        `no schema has the attribute "nothing"`,
		`name.nothing eq "x"`:                   `no schema has the attribute "name.nothing"`,
		`urn:x:y:userName eq "x"`:               "no schema has the attribute",
		scim.UserURN + `:department eq "x"`:     "no schema has the attribute",
		`userName.value eq "x"`:                 "no schema has the attribute",
		`emails[nothing eq "x"]`:                `emails has no sub-attribute "nothing"`,
		`emails[emails.value eq "x"]`:           `emails has no sub-attribute "emails.value"`,
		`emails[nothing eq "x"].value eq "x"`:   `emails has no sub-attribute "nothing"`,
		`emails[type eq "x"].nothing eq "x"`:    "no schema has the attribute",
		`nothing[a eq "x"]`:                     "no schema has the attribute",
		`password eq "x"`:                       "password can't be asked for",
		`password pr`:                           "password can't be asked for",
		`PASSWORD co "x"`:                       "password can't be asked for",
		`password ne null`:                      "password can't be asked for",
		scim.UserURN + `:password sw "x"`:       "password can't be asked for",
		`userName pr and not (password eq "x")`: "password can't be asked for",
		`active gt true`:                        "active is of type boolean, for which there is no gt",
		`active ge true`:                        "there is no ge",
		`active lt true`:                        "there is no lt",
		`active le true`:                        "there is no le",
		`active co true`:                        "there is no co",
		`emails[primary gt false]`:              "there is no gt",
		`x509Certificates gt "x"`:               "value is of type binary, for which there is no gt",
		`x509Certificates.value le "x"`:         "there is no le",
		`active eq "yes"`:                       "active is to be compared with true or false",
		`active eq 1`:                           "active is to be compared with true or false",
		`active gt null`:                        "there is no gt",
		`userName gt null`:                      "userName can only be compared with null by eq and ne",
		`name eq "x"`:                           "name can't be compared as a whole; name a sub-attribute such as name.formatted",
		`addresses co "x"`:                      "addresses can't be compared as a whole",
		`meta.created gt "yesterday"`:           "created is to be compared with a date with time",
		`meta.created eq 2026`:                  "created is to be compared with a date with time",
		badge + `number eq "ten"`:               "number is to be compared with a number",
		badge + `number eq true`:                "number is to be compared with a number",
		badge + `number co 1`:                   "there is no co",
		badge + `level sw 1`:                    "there is no sw",
		badge + `codes[number eq 1]`:            `codes has no sub-attribute "number"`,
		`userName[value.x eq "a"]`:              `userName has no sub-attribute "value.x"`,
	} {
		err := rt.Check(parseFilter(t, filter))
		if err == nil {
			t.Errorf("%s: accepted", filter)
			continue
		}
		wantError(t, err, scim.TypeInvalidFilter, detail)
	}
	if err := scim.GroupType().Check(parseFilter(t, `email eq "x"`)); err == nil {
		t.Error("groups have no email")
	}
}

// TestMatchesElements: a value filter looks at one element at a time.
func TestMatchesElements(t *testing.T) {
	rt := scim.UserType()
	user := readJSON(t, `{"emails":[{"value":"a@x","type":"work","primary":true}]}`)
	for filter, want := range map[string]bool{
		`emails[type eq "WORK"]`: true, `emails[type eq "home"]`: false, `emails[primary eq "True" and value sw "a@"]`: true,
		`emails[type eq "home" or not (display pr)]`: true, `emails[nothing pr]`: false, `nothing[type pr]`: false,
	} {
		if got := rt.Matches(parseFilter(t, filter), user); got != want {
			t.Errorf("%s: %v", filter, got)
		}
	}
}
