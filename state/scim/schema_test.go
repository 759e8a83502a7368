package scim_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rollcall/state/scim"
)

// outline prints attributes the way RFC 7643 §8.7.1 characterizes them.
func outline(attributes []scim.Attribute, indent string) string {
	var b strings.Builder
	for _, a := range attributes {
		words := []string{a.Name, string(a.Type)}
		if a.MultiValued {
			words = append(words, "multi")
		}
		if a.Required {
			words = append(words, "required")
		}
		if a.CaseExact {
			words = append(words, "caseExact")
		}
		if a.Mutability != scim.ReadWrite {
			words = append(words, string(a.Mutability))
		}
		if a.Returned != scim.ReturnedDefault {
			words = append(words, "returned="+string(a.Returned))
		}
		if a.Uniqueness != scim.UniqueNone {
			words = append(words, "unique="+string(a.Uniqueness))
		}
		if len(a.CanonicalValues) > 0 {
			words = append(words, strings.Join(a.CanonicalValues, "|"))
		}
		if len(a.ReferenceTypes) > 0 {
			words = append(words, "->"+strings.Join(a.ReferenceTypes, "|"))
		}
		fmt.Fprintf(&b, "%s%s\n%s", indent, strings.Join(words, " "), outline(a.Sub, indent+"  "))
	}
	return b.String()
}

// The attributes of RFC 7643 §4.1 to §4.3 and §8.7.1. Ids are caseExact, as id is (§3.1).
func TestSchemasOfTheRFC(t *testing.T) {
	user := `userName string required unique=server
name complex
  formatted string
  familyName string
  givenName string
  middleName string
  honorificPrefix string
  honorificSuffix string
displayName string
nickName string
profileUrl reference caseExact ->external
title string
userType string
preferredLanguage string
locale string
timezone string
active boolean
password string caseExact writeOnly returned=never
emails complex multi
  value string
  display string
  type string work|home|other
  primary boolean
phoneNumbers complex multi
  value string
  display string
  type string work|home|mobile|fax|pager|other
  primary boolean
ims complex multi
  value string
  display string
  type string aim|gtalk|icq|xmpp|msn|skype|qq|yahoo
  primary boolean
photos complex multi
  value reference caseExact ->external
  display string
  type string photo|thumbnail
  primary boolean
addresses complex multi
  formatted string
  streetAddress string
  locality string
  region string
  postalCode string
  country string
  type string work|home|other
  primary boolean
groups complex multi readOnly
  value string caseExact readOnly
  $ref reference caseExact readOnly ->User|Group
  display string readOnly
  type string readOnly direct|indirect
entitlements complex multi
  value string
  display string
  type string
  primary boolean
roles complex multi
  value string
  display string
  type string
  primary boolean
x509Certificates complex multi
  value binary caseExact
  display string
  type string
  primary boolean
`
	enterprise := `employeeNumber string
costCenter string
organization string
division string
department string
manager complex
  value string caseExact
  $ref reference caseExact ->User
  displayName string readOnly
`
	group := `displayName string required unique=server
members complex multi
  value string caseExact immutable
  $ref reference caseExact immutable ->User|Group
  type string immutable User|Group
  display string immutable
`
	for _, c := range []struct {
		schema *scim.Schema
		id     string
		want   string
	}{
		{scim.UserType().Schema, scim.UserURN, user},
		{scim.UserType().Extensions[0], scim.EnterpriseURN, enterprise},
		{scim.GroupType().Schema, scim.GroupURN, group},
	} {
		if c.schema.ID != c.id || c.schema.Description == "" {
			t.Errorf("%s: id %s, description %q", c.schema.Name, c.schema.ID, c.schema.Description)
		}
		if diff := cmp.Diff(c.want, outline(c.schema.Attributes, "")); diff != "" {
			t.Errorf("%s: %s", c.schema.Name, diff)
		}
		described(t, c.schema.Name, c.schema.Attributes)
	}
	if u, g := scim.UserType(), scim.GroupType(); u.Name != "User" || u.Endpoint != "/Users" || g.Name != "Group" || g.Endpoint != "/Groups" || len(g.Extensions) != 0 {
		t.Error("resource types")
	}
}

func described(t *testing.T, at string, attributes []scim.Attribute) {
	for _, a := range attributes {
		if !strings.HasSuffix(a.Description, ".") {
			t.Errorf("%s.%s has no description", at, a.Name)
		}
		described(t, at+"."+a.Name, a.Sub)
	}
}

func TestAttributeAcrossCaseAndExtensions(t *testing.T) {
	for path, want := range map[string]string{
		"userName":                            "core userName",
		"USERNAME":                            "core userName",
		"externalid":                          "core externalId",
		"id":                                  "core id",
		"meta.lastModified":                   "core meta lastModified",
		"schemas":                             "core schemas",
		"emails.value":                        "core emails value",
		`Emails[type eq "work"].VALUE`:        "core emails value",
		"manager":                             "ext manager",
		"manager.$ref":                        "ext manager $ref",
		scim.EnterpriseURN + ":manager.value": "ext manager value",
		strings.ToUpper(scim.EnterpriseURN) + ":department": "ext department",
		scim.UserURN + ":userName":                          "core userName",
		scim.UserURN + ":name.givenName":                    "core name givenName",
		scim.UserURN + ":id":                                "core id",
		scim.UserURN + ":department":                        "",
		scim.EnterpriseURN + ":userName":                    "",
		"urn:x:userName":                                    "",
		"nothing":                                           "",
		"name.nothing":                                      "",
		"userName.value":                                    "",
		scim.EnterpriseURN:                                  "",
	} {
		schema, attr, sub, ok := scim.UserType().Attribute(parsePath(t, path))
		got := ""
		if ok {
			got = map[string]string{scim.UserURN: "core", scim.EnterpriseURN: "ext"}[schema.ID] + " " + attr.Name
			if sub != nil {
				got += " " + sub.Name
			}
		}
		if got != want {
			t.Errorf("%s: got %q, want %q", path, got, want)
		}
	}
	if ext := scim.UserType().Extension(parsePath(t, strings.ToLower(scim.EnterpriseURN))); ext == nil || ext.ID != scim.EnterpriseURN {
		t.Error("the extension is not found by its URN")
	}
	for _, path := range []string{"manager", scim.UserURN, scim.EnterpriseURN + ".value", scim.EnterpriseURN + `[value eq "x"]`} {
		if ext := scim.UserType().Extension(parsePath(t, path)); ext != nil {
			t.Errorf("%s names an extension", path)
		}
	}
}

const badgeURN = "urn:acme:params:scim:schemas:extension:badge:2.0:User"

// badgeType is User with an extension as a configuration may declare it: every type, immutable, required, and lists in a complex attribute.
func badgeType(t testing.TB) *scim.ResourceType {
	t.Helper()
	rt, err := scim.UserType().With(&scim.Schema{ID: badgeURN, Name: "Badge", Attributes: []scim.Attribute{
		{Name: "number", Type: scim.DataInteger, Required: true},
		{Name: "level", Type: scim.DataDecimal},
		{Name: "issued", Type: scim.DataDateTime},
		{Name: "photo", Type: scim.DataBinary},
		{Name: "serial", Mutability: scim.Immutable, CaseExact: true},
		{Name: "tags", MultiValued: true},
		{Name: "codes", Type: scim.DataInteger, MultiValued: true},
		{Name: "secret", Returned: scim.ReturnedRequest},
		{Name: "door", Type: scim.DataComplex, Sub: []scim.Attribute{{Name: "name", Required: true}, {Name: "floors", Type: scim.DataInteger, MultiValued: true}, {Name: "open", Type: scim.DataBoolean}}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	return rt
}

func TestNewResourceTypeFillsIn(t *testing.T) {
	rt := badgeType(t)
	want := `number integer required
level decimal
issued dateTime
photo binary caseExact
serial string caseExact immutable
tags string multi
codes integer multi
secret string returned=request
door complex
  name string required
  floors integer multi
  open boolean
`
	if diff := cmp.Diff(want, outline(rt.Extensions[1].Attributes, "")); diff != "" {
		t.Error(diff)
	}
	if len(scim.UserType().Extensions) != 1 {
		t.Error("With changed the type it was called on")
	}
}

func TestNewResourceTypeRefuses(t *testing.T) {
	attr := func(a scim.Attribute) []scim.Attribute { return []scim.Attribute{a} }
	for _, c := range []struct {
		name       string
		id         string
		attributes []scim.Attribute
		detail     string
	}{
		{"no URN", "badge", nil, "its id is no URN"},
		{"brackets", "urn:a[b]", nil, "its id is no URN"},
		{"URN of another", strings.ToUpper(scim.EnterpriseURN), nil, "the URN is given twice"},
		{"URN of the core", scim.UserURN, nil, "the URN is given twice"},
		{"dotted name", "urn:a", attr(scim.Attribute{Name: "a.b"}), `attribute "a.b": a name is a letter`},
		{"digit", "urn:a", attr(scim.Attribute{Name: "1a"}), "a name is a letter"},
		{"no name", "urn:a", attr(scim.Attribute{}), "a name is a letter"},
		{"name twice", "urn:a", []scim.Attribute{{Name: "a"}, {Name: "A"}}, "the name is given twice"},
		{"type", "urn:a", attr(scim.Attribute{Name: "a", Type: "text"}), `there is no type "text"`},
		{"mutability", "urn:a", attr(scim.Attribute{Name: "a", Mutability: "fixed"}), `there is no mutability "fixed"`},
		{"returned", "urn:a", attr(scim.Attribute{Name: "a", Returned: "yes"}), `there is no returned "yes"`},
		{"uniqueness", "urn:a", attr(scim.Attribute{Name: "a", Uniqueness: "yes"}), `there is no uniqueness "yes"`},
		{"complex without subs", "urn:a", attr(scim.Attribute{Name: "a", Type: scim.DataComplex}), "needs sub-attributes"},
		{"string with subs", "urn:a", attr(scim.Attribute{Name: "a", Sub: attr(scim.Attribute{Name: "b"})}), "only a complex attribute"},
		{"nested complex", "urn:a", attr(scim.Attribute{Name: "a", Type: scim.DataComplex, Sub: attr(scim.Attribute{Name: "b", Type: scim.DataComplex, Sub: attr(scim.Attribute{Name: "c"})})}), `attribute "a": attribute "b": a complex attribute is no sub-attribute`},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := scim.UserType().With(&scim.Schema{ID: c.id, Attributes: c.attributes})
			if err == nil || !strings.Contains(err.Error(), c.detail) {
				t.Fatalf("got %v, want %q", err, c.detail)
			}
		})
	}
}
