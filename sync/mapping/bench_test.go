package mapping_test

import (
	"testing"

	"rollcall/connectors"
	"rollcall/state/scim"
	"rollcall/sync/mapping"
)

// BenchmarkDefault is measured against 1 µs and 2 allocations a person.
func BenchmarkDefault(b *testing.B) {
	for _, kind := range []string{"entra", "okta"} {
		b.Run(kind, func(b *testing.B) {
			m := compile(b, mapping.Default(kind)...)
			benchmark(b, m, person(m, enabled, map[string]connectors.Value{
				"userPrincipalName": present("ada.lovelace@acme.example"), "userName": present("ada.lovelace@acme.example"),
				"displayName": present("Ada Lovelace"), "givenName": present("Ada"), "familyName": present("Lovelace"),
				"email": present("ada.lovelace@acme.example"), "mobile": present("+44 20 7946 0000"), "mobilePhone": present("+44 20 7946 0000"),
			}))
		})
	}
}

// fortyRows is a mapping as large organisations have it: everything that Entra maps for a user by default, and a few expressions.
var fortyRows = []mapping.Row{
	{Target: "userName", Source: `ToLower(Join("@", NormalizeDiacritics(StripSpaces(Join(".", [givenName], [surname]))), "acme.example"))`, Match: 1},
	{Target: "active", Source: `Switch([IsSoftDeleted], , "False", "True", "True", "False")`},
	{Target: "displayName", Source: `Coalesce([displayName], Join(" ", [givenName], [surname]))`},
	{Target: "externalId", Source: "[objectId]", Match: 2},
	{Target: "title", Source: "[jobTitle]"},
	{Target: "preferredLanguage", Source: `Replace([preferredLanguage], "-", , , "_", , )`},
	{Target: "name.givenName", Source: "[givenName]"},
	{Target: "name.familyName", Source: "[surname]"},
	{Target: "name.formatted", Source: `Join(" ", [givenName], [surname])`},
	{Target: "name.middleName", Source: "[extensionAttribute3]"},
	{Target: "name.honorificPrefix", Source: `Switch([extensionAttribute4], "", "3443", "Dr.", "3444", "Prof.", "3445", "Prof. Dr.")`},
	{Target: `emails[type eq "work"].value`, Source: "[mail]", Match: 3},
	{Target: `emails[type eq "other"].value`, Source: "[extensionAttribute5]"},
	{Target: `addresses[type eq "work"].formatted`, Source: "[physicalDeliveryOfficeName]"},
	{Target: `addresses[type eq "work"].streetAddress`, Source: "[streetAddress]"},
	{Target: `addresses[type eq "work"].locality`, Source: "[city]"},
	{Target: `addresses[type eq "work"].region`, Source: "[state]"},
	{Target: `addresses[type eq "work"].postalCode`, Source: "[postalCode]"},
	{Target: `addresses[type eq "work"].country`, Source: `Switch([country], [country], "UK", "GB", "England", "GB", "Deutschland", "DE")`},
	{Target: `phoneNumbers[type eq "work"].value`, Source: `Replace([telephoneNumber], , "[()\\s-]+", , "", , )`},
	{Target: `phoneNumbers[type eq "mobile"].value`, Source: "[mobile]"},
	{Target: `phoneNumbers[type eq "fax"].value`, Source: "[facsimileTelephoneNumber]"},
	{Target: `phoneNumbers[type eq "home"].value`, Source: "[extensionAttribute6]"},
	{Target: "nickName", Source: "[mailNickname]"},
	{Target: "userType", Source: `Switch([extensionAttribute7], "Employee", "E", "External", "C", "Contractor")`},
	{Target: "locale", Source: `Left([preferredLanguage], 2)`},
	{Target: "timezone", Source: `Switch([state], "Australia/Sydney", "NSW", "Australia/Sydney", "QLD", "Australia/Brisbane")`},
	{Target: "profileUrl", Source: `Append("https://people.acme.example/", [mailNickname])`},
	{Target: "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber", Source: "[employeeId]"},
	{Target: "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department", Source: "[department]"},
	{Target: "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:costCenter", Source: "[extensionAttribute1]"},
	{Target: "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:organization", Source: "[companyName]"},
	{Target: "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:division", Source: `Word([department], 1, "-")`},
	{Target: "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager", Source: "[manager]"},
	{Target: `roles[type eq "app"].value`, Source: `IIF([department] = "IT-Operations", "admin", "user")`},
	{Target: `roles[type eq "app"].display`, Source: `IIF([department] = "IT-Operations", "Administrator", "User")`},
	{Target: `entitlements[type eq "licence"].value`, Source: `"standard"`},
	{Target: `ims[type eq "skype"].value`, Source: "[extensionAttribute8]"},
	{Target: `photos[type eq "photo"].value`, Source: `Append("https://photos.acme.example/", [objectId])`},
	{Target: `photos[type eq "thumbnail"].value`, Source: "[extensionAttribute9]"},
}

// BenchmarkFortyRows is measured against 10 µs a person.
func BenchmarkFortyRows(b *testing.B) {
	m := compile(b, fortyRows...)
	benchmark(b, m, person(m, enabled, map[string]connectors.Value{
		"objectId": present("7f3c2d1e-0000-4000-8000-1234567890ab"), "givenName": present("Zoë"), "surname": present("Ångström"),
		"jobTitle": present("Engineer"), "preferredLanguage": present("en-GB"), "mail": present("zoe@acme.example"),
		"streetAddress": present("1 Main Street"), "city": present("London"), "country": present("UK"), "postalCode": present("N1"),
		"telephoneNumber": present("+44 (20) 7946-0000"), "mobile": present("+44 20 7946 0001"), "mailNickname": present("zoe"),
		"department": present("IT-Operations"), "companyName": present("Acme"), "employeeId": present("10042"), "manager": present("11"),
		"state": present("QLD"), "extensionAttribute7": present("E"),
	}))
}

func benchmark(b *testing.B, m *mapping.Mapping, p *connectors.Person) {
	var values []scim.Value
	b.ReportAllocs()
	for b.Loop() {
		var err error
		if values, err = m.Evaluate(values[:0], connectors.Assigned, p); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCompile(b *testing.B) {
	for b.Loop() {
		compile(b, fortyRows...)
	}
}

// BenchmarkScoping is measured against 2 µs and 1 allocation a person, with a regular expression among the clauses.
func BenchmarkScoping(b *testing.B) {
	m := compile(b, mapping.Default("entra")...).Within(scoping(b,
		[]mapping.Clause{{Attribute: "department", Operator: "EQUALS", Value: "Legal"}},
		[]mapping.Clause{{Attribute: "userPrincipalName", Operator: "REGEX MATCH", Value: `.*@acme\.example`}, {Attribute: "country", Operator: "IS NOT NULL"}},
	))
	p := person(m, enabled, map[string]connectors.Value{
		"userPrincipalName": present("ada.lovelace@acme.example"), "department": present("Engines"), "country": present("UK"),
	})
	b.ReportAllocs()
	for b.Loop() {
		if out, proven := m.OutOfScope(p); out != connectors.No || !proven {
			b.Fatal(out, proven)
		}
	}
}
