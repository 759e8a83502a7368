package scim_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"rollcall/state/scim"
)

const (
	u   = `"schemas":["urn:ietf:params:scim:schemas:core:2.0:User"]`
	ue  = `"schemas":["urn:ietf:params:scim:schemas:core:2.0:User","urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"]`
	ent = `"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"`
	g   = `"schemas":["urn:ietf:params:scim:schemas:core:2.0:Group"]`
)

func TestNormalizeUser(t *testing.T) {
	for _, c := range []struct {
		name, sent, want string
		dropped          []string
	}{
		{"least", `{"userName":"ada"}`, `{` + u + `,"userName":"ada"}`, nil},
		{"schema order, canonical names, text as sent",
			`{"EMAILS":[{"TYPE":"Work","Value":" Ada@Acme.example "}],"ACTIVE":true,"username":"Ada","externalID":"x"}`,
			`{` + u + `,"externalId":"x","userName":"Ada","active":true,"emails":[{"value":" Ada@Acme.example ","type":"Work"}]}`, nil},
		{"every attribute of the core",
			`{"x509Certificates":[{"value":"MIIB+/==","display":"c"}],"roles":[{"value":"r"}],"entitlements":[{"value":"e"}],"addresses":[{"formatted":"f","streetAddress":"s\nt","locality":"l","region":"r","postalCode":"p","country":"AT","type":"work","primary":true}],"photos":[{"value":"https://p/1","type":"photo"}],"ims":[{"value":"i","type":"xmpp"}],"phoneNumbers":[{"value":"tel:+1-201-555-0123;ext=9","type":"work"}],"timezone":"Europe/Vienna","locale":"en-US","preferredLanguage":"en, de;q=0.5","userType":"Employee","title":"T","profileUrl":"https://p","nickName":"N","displayName":"D","name":{"honorificSuffix":"III","honorificPrefix":"Dr.","middleName":"M","givenName":"G","familyName":"F","formatted":"X"},"userName":"ada"}`,
			`{` + u + `,"userName":"ada","name":{"formatted":"X","familyName":"F","givenName":"G","middleName":"M","honorificPrefix":"Dr.","honorificSuffix":"III"},"displayName":"D","nickName":"N","profileUrl":"https://p","title":"T","userType":"Employee","preferredLanguage":"en, de;q=0.5","locale":"en-US","timezone":"Europe/Vienna","phoneNumbers":[{"value":"tel:+1-201-555-0123;ext=9","type":"work"}],"ims":[{"value":"i","type":"xmpp"}],"photos":[{"value":"https://p/1","type":"photo"}],"addresses":[{"formatted":"f","streetAddress":"s\nt","locality":"l","region":"r","postalCode":"p","country":"AT","type":"work","primary":true}],"entitlements":[{"value":"e"}],"roles":[{"value":"r"}],"x509Certificates":[{"value":"MIIB+/==","display":"c"}]}`, nil},

		// Entra
		{"Entra's create with nulls",
			`{"schemas":["urn:ietf:params:scim:schemas:core:2.0:User","urn:ietf:params:scim:schemas:extension:enterprise:2.0User"],"externalId":"0a21f0f2","userName":"ada@acme.example","active":true,"addresses":null,"displayName":null,"emails":[{"type":"work","value":"ada@acme.example","primary":true}],"meta":{"resourceType":"User"},"name":{"formatted":"g f","familyName":"f","givenName":"g"},"phoneNumbers":null,"preferredLanguage":null,"roles":null,"title":null,"department":null,"manager":null}`,
			`{` + u + `,"externalId":"0a21f0f2","userName":"ada@acme.example","name":{"formatted":"g f","familyName":"f","givenName":"g"},"active":true,"emails":[{"value":"ada@acme.example","type":"work","primary":true}]}`, nil},
		{"misspelt enterprise URN", `{"userName":"a","urn:ietf:params:scim:schemas:extension:enterprise:2.0User":{"department":"D"}}`, `{` + u + `,"userName":"a"}`,
			[]string{"urn:ietf:params:scim:schemas:extension:enterprise:2.0User"}},
		{"extension not listed in schemas", `{"schemas":["` + scim.UserURN + `"],"userName":"a",` + ent + `:{"department":"D"}}`, `{` + ue + `,"userName":"a",` + ent + `:{"department":"D"}}`, nil},
		{"extension listed but empty", `{` + ue + `,"userName":"a",` + ent + `:{"department":""}}`, `{` + u + `,"userName":"a"}`, nil},
		{"extension as null, text and list", `{"userName":"a",` + ent + `:null}`, `{` + u + `,"userName":"a"}`, nil},
		{"extension URN in another case", `{"userName":"a",` + strings.ToUpper(ent) + `:{"DEPARTMENT":"D"}}`, `{` + ue + `,"userName":"a",` + ent + `:{"department":"D"}}`, nil},
		{"unknown schemas", `{"schemas":["urn:x",null,1],"userName":"a"}`, `{` + u + `,"userName":"a"}`, nil},
		{"schemas as text", `{"schemas":"urn:x","userName":"a"}`, `{` + u + `,"userName":"a"}`, nil},
		{"boolean text", `{"userName":"a","emails":[{"value":"x","primary":"True"}],"active":"False"}`, `{` + u + `,"userName":"a","active":false,"emails":[{"value":"x","primary":true}]}`, nil},
		{"role", `{"userName":"a","roles":[{"primary":"True","type":"WindowsAzureActiveDirectoryRole","value":"Admin"}]}`, `{` + u + `,"userName":"a","roles":[{"value":"Admin","type":"WindowsAzureActiveDirectoryRole","primary":true}]}`, nil},
		{"role as JSON text", `{"userName":"a","roles":[{"value":"{\"id\":\"1\",\"value\":\"Admin\"}"}]}`, `{` + u + `,"userName":"a","roles":[{"value":"{\"id\":\"1\",\"value\":\"Admin\"}"}]}`, nil},
		{"manager as text", `{"userName":"a",` + ent + `:{"manager":"u1"}}`, `{` + ue + `,"userName":"a",` + ent + `:{"manager":{"value":"u1"}}}`, nil},
		{"manager as object", `{"userName":"a",` + ent + `:{"manager":{"value":"u1","$ref":"../Users/u1","displayName":"M"}}}`, `{` + ue + `,"userName":"a",` + ent + `:{"manager":{"value":"u1"}}}`, nil},
		{"manager as list", `{"userName":"a",` + ent + `:{"manager":[{"$ref":"x","value":"u1"}]}}`, `{` + ue + `,"userName":"a",` + ent + `:{"manager":{"value":"u1"}}}`, nil},
		{"manager as list of text", `{"userName":"a",` + ent + `:{"manager":["u1"]}}`, `{` + ue + `,"userName":"a",` + ent + `:{"manager":{"value":"u1"}}}`, nil},
		{"manager at the top", `{"userName":"a","manager":"u1","department":"D"}`, `{` + ue + `,"userName":"a",` + ent + `:{"department":"D","manager":{"value":"u1"}}}`, nil},
		{"no manager", `{"userName":"a",` + ent + `:{"manager":""}}`, `{` + u + `,"userName":"a"}`, nil},
		{"no manager's value", `{"userName":"a",` + ent + `:{"manager":{"value":"","$ref":null}}}`, `{` + u + `,"userName":"a"}`, nil},
		{"manager's name alone", `{"userName":"a",` + ent + `:{"manager":{"displayName":"M"}}}`, `{` + u + `,"userName":"a"}`, nil},
		{"an empty list of managers", `{"userName":"a",` + ent + `:{"manager":[]}}`, `{` + u + `,"userName":"a"}`, nil},

		// Okta
		{"Okta's create", `{"schemas":["` + scim.UserURN + `"],"userName":"ada@acme.example","name":{"givenName":"A","familyName":"K"},"emails":[{"primary":true,"value":"ada@acme.example","type":"work"}],"displayName":"A K","locale":"en-US","externalId":"00u1","groups":[],"password":"secret","active":true}`,
			`{` + u + `,"externalId":"00u1","userName":"ada@acme.example","name":{"familyName":"K","givenName":"A"},"displayName":"A K","locale":"en-US","active":true,"emails":[{"value":"ada@acme.example","type":"work","primary":true}]}`, nil},
		{"an echo of our own answer", `{"id":"1","userName":"a","groups":[{"value":"g","display":"G","$ref":"x","type":"direct"}],"meta":{"created":"2026-01-01T00:00:00Z","version":"W/\"1\""}}`, `{` + u + `,"userName":"a"}`, nil},
		{"readOnly of any shape", `{"id":1,"userName":"a","groups":"x","meta":false,"password":{"x":1}}`, `{` + u + `,"userName":"a"}`, nil},
		{"cleared attributes", `{"userName":"a","title":"","name":{"givenName":"","familyName":null},"emails":[],"phoneNumbers":[{"type":"mobile","value":""},{"type":"fax","primary":true,"value":null}],"addresses":[{}],"roles":[null,""],"photos":{}}`, `{` + u + `,"userName":"a"}`, nil},

		// shapes
		{"one where a list is wanted", `{"userName":"a","emails":{"value":"x"},"phoneNumbers":"1"}`, `{` + u + `,"userName":"a","emails":[{"value":"x"}],"phoneNumbers":[{"value":"1"}]}`, nil},
		{"bare values in a list", `{"userName":"a","emails":["x",{"value":"y"}]}`, `{` + u + `,"userName":"a","emails":[{"value":"x"},{"value":"y"}]}`, nil},
		{"an address without a value", `{"userName":"a","addresses":[{"type":"work"},{"type":"home","country":"AT"}]}`, `{` + u + `,"userName":"a","addresses":[{"country":"AT","type":"home"}]}`, nil},
		{"what says more than its type stays", `{"userName":"a","emails":[{"type":"work","display":"d"}]}`, `{` + u + `,"userName":"a","emails":[{"display":"d","type":"work"}]}`, nil},

		// RFC 7643 §2.4
		{"repeated (type, value)", `{"userName":"a","emails":[{"value":"x@x","type":"work"},{"value":"y@x"},{"value":"X@x","type":"WORK","display":"d"}]}`, `{` + u + `,"userName":"a","emails":[{"value":"X@x","display":"d","type":"WORK"},{"value":"y@x"}]}`, nil},
		{"the same value of another type", `{"userName":"a","emails":[{"value":"x","type":"work"},{"value":"x","type":"home"},{"value":"x"}]}`, `{` + u + `,"userName":"a","emails":[{"value":"x","type":"work"},{"value":"x","type":"home"},{"value":"x"}]}`, nil},
		{"photos count letter case", `{"userName":"a","photos":[{"value":"https://x/a"},{"value":"https://x/A"}]}`, `{` + u + `,"userName":"a","photos":[{"value":"https://x/a"},{"value":"https://x/A"}]}`, nil},
		{"repeated address", `{"userName":"a","addresses":[{"country":"AT"},{"country":"DE"},{"country":"AT"}]}`, `{` + u + `,"userName":"a","addresses":[{"country":"AT"},{"country":"DE"}]}`, nil},
		{"two primaries: the last", `{"userName":"a","emails":[{"value":"x","primary":true},{"value":"y","primary":true},{"value":"z","primary":false}]}`, `{` + u + `,"userName":"a","emails":[{"value":"x","primary":false},{"value":"y","primary":true},{"value":"z","primary":false}]}`, nil},
		{"two primaries, the last one a repetition", `{"userName":"a","emails":[{"value":"x"},{"value":"y","primary":true},{"value":"x","primary":true}]}`, `{` + u + `,"userName":"a","emails":[{"value":"x","primary":true},{"value":"y","primary":false}]}`, nil},

		// unknown
		{"unknown attributes", `{"userName":"a","foo":1,"bar":null,"baz":"","emails":[{"value":"x","foo":1},{"value":"y","foo":2}],"name":{"givenName":"G","nick":"N"},` + ent + `:{"foo":1,"manager":{"value":"m","x":1}}}`,
			`{` + ue + `,"userName":"a","name":{"givenName":"G"},"emails":[{"value":"x"},{"value":"y"}],` + ent + `:{"manager":{"value":"m"}}}`,
			[]string{"emails.foo", "name.nick", scim.EnterpriseURN + ":foo", scim.EnterpriseURN + ":manager.x", "foo"}},
		{"unknown extension", `{"userName":"a","urn:okta:custom:1.0:User":{"x":1}}`, `{` + u + `,"userName":"a"}`, []string{"urn:okta:custom:1.0:User"}},
		{"a name that only happens to be an extension's", `{"userName":"a","department":{"name":"D"},"division":["x"]}`, `{` + u + `,"userName":"a"}`, []string{"department", "division"}},
		{"extension's own wins over the top", `{"department":"top","userName":"a",` + ent + `:{"department":"own"}}`, `{` + ue + `,"userName":"a",` + ent + `:{"department":"own"}}`, nil},

		// names like paths
		{"dotted names", `{"userName":"a","name.givenName":"G","Name.FamilyName":"F","name":{"middleName":"M"}}`, `{` + u + `,"userName":"a","name":{"familyName":"F","givenName":"G","middleName":"M"}}`, nil},
		{"names with the URN", `{"` + scim.UserURN + `:userName":"a",` + strings.TrimSuffix(ent, `"`) + `:department":"D",` + strings.TrimSuffix(ent, `"`) + `:manager.value":"m"}`, `{` + ue + `,"userName":"a",` + ent + `:{"department":"D","manager":{"value":"m"}}}`, nil},
		{"value filters", `{"userName":"a","emails[type eq \"work\"].value":"x","emails[type eq \"work\"].display":"d"}`, `{` + u + `,"userName":"a","emails":[{"value":"x","display":"d","type":"work"}]}`, nil},
		{"core under its URN", `{"` + scim.UserURN + `":{"userName":"a","title":"T"}}`, `{` + u + `,"userName":"a","title":"T"}`, nil},
		{"paths that lead nowhere", `{"userName":"a","name.foo":1,"a.b.c":2,"x[":3,"meta.version":"4","id.x":null,"emails[type eq \"work\"].foo":"y"}`, `{` + u + `,"userName":"a"}`, []string{"name.foo", "a.b.c", "x[", `emails[type eq "work"].foo`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			n, err := scim.UserType().Normalize(readJSON(t, c.sent))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, writeJSON(n.Resource)); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(c.dropped, n.Dropped); diff != "" {
				t.Errorf("dropped: %s", diff)
			}
			again, err := scim.UserType().Normalize(n.Resource)
			if err != nil || writeJSON(again.Resource) != writeJSON(n.Resource) || again.Dropped != nil {
				t.Errorf("not canonical: %s %v %v", writeJSON(again.Resource), again.Dropped, err)
			}
		})
	}
}

func TestNormalizeRefuses(t *testing.T) {
	for _, c := range []struct{ sent, detail string }{
		{`{}`, "userName is required"},
		{`{"userName":""}`, "userName is required"},
		{`{"userName":"  \t"}`, "userName is required"},
		{`{"userName":null}`, "userName is required"},
		{`{"userName":1}`, "userName: text is wanted, a number was sent"},
		{`{"userName":["a"]}`, "userName: text is wanted, a list was sent"},
		{`{"userName":{"value":"a"}}`, "userName: text is wanted, an object was sent"},
		{`{"userName":true}`, "userName: text is wanted, a boolean was sent"},
		{`{"userName":"a","externalId":5}`, "externalId: text is wanted, a number was sent"},
		{`{"userName":"a","name":"Ada"}`, "name: an object is wanted, text was sent"},
		{`{"userName":"a","name":[{"givenName":"A"}]}`, "name: an object is wanted, a list was sent"},
		{`{"userName":"a","name":{"givenName":{"x":1}}}`, "name.givenName: text is wanted, an object was sent"},
		{`{"userName":"a","name":{"foo":1}}`, `name: what was sent for it is not understood; "foo" alone says nothing`},
		{`{"userName":"a","emails":5}`, "emails[0].value: text is wanted, a number was sent"},
		{`{"userName":"a","emails":[{"value":"x"},{"value":["y"]}]}`, "emails[1].value: text is wanted, a list was sent"},
		{`{"userName":"a","emails":[["x","y"]]}`, "emails[0]: an object is wanted, a list was sent"},
		{`{"userName":"a","emails":[{"value":"x","primary":"yes"}]}`, "emails[0].primary: true or false (also as text) is wanted, text was sent"},
		{`{"userName":"a","emails":[{"value":"x","primary":1}]}`, "emails[0].primary: true or false"},
		{`{"userName":"a","emails":[{"foo":"x"}]}`, `emails[0]: what was sent for it is not understood; "foo" alone`},
		{`{"userName":"a","addresses":["x"]}`, "addresses[0]: an object is wanted, text was sent"},
		{`{"userName":"a","x509Certificates":[{"value":"not base64!"}]}`, "x509Certificates[0].value: base64 is wanted"},
		{`{"userName":"a",` + ent + `:"x"}`, scim.EnterpriseURN + ": an object is wanted, text was sent"},
		{`{"userName":"a",` + ent + `:{"department":1}}`, scim.EnterpriseURN + ":department: text is wanted, a number was sent"},
		{`{"userName":"a",` + ent + `:{"manager":5}}`, scim.EnterpriseURN + ":manager.value: text is wanted, a number was sent"},
		{`{"userName":"a",` + ent + `:{"manager":["u1","u2"]}}`, scim.EnterpriseURN + ":manager: an object is wanted, a list was sent"},
		{`{"userName":"a",` + ent + `:{"manager":{"$ref":"../Users/u1"}}}`, scim.EnterpriseURN + `:manager: what was sent for it is not understood; "$ref" alone`},
		{`{"userName":"a","name.givenName":1}`, "name.givenName: text is wanted"},
		{`{"userName":"a","emails[type eq \"a\" or type eq \"b\"].value":"x"}`, "emails: no element matches"},
	} {
		n, err := scim.UserType().Normalize(readJSON(t, c.sent))
		if err == nil {
			t.Errorf("%s: accepted as %s", c.sent, writeJSON(n.Resource))
			continue
		}
		want := scim.TypeInvalidValue
		if strings.HasPrefix(c.detail, "emails: no element") {
			want = scim.TypeNoTarget
		}
		wantError(t, err, want, c.detail)
	}
	for _, text := range []string{`[]`, `"x"`, `null`, `5`} {
		_, err := scim.UserType().Normalize(readJSON(t, text))
		wantError(t, err, scim.TypeInvalidSyntax, "the resource must be a JSON object")
	}
}

// The truth table of active: what Entra and Okta send, and that nothing else ever passes for a yes or a no.
func TestNormalizeActive(t *testing.T) {
	for sent, want := range map[string]string{
		`true`: "true", `"True"`: "true", `"true"`: "true", `"TRUE"`: "true", `"tRuE"`: "true",
		`false`: "false", `"False"`: "false", `"false"`: "false", `"FALSE"`: "false",
		`null`: "absent",
		`1`:    "", `0`: "", `""`: "", `" true"`: "", `"yes"`: "", `"0"`: "", `"null"`: "", `[]`: "", `[true]`: "", `{}`: "", `{"value":true}`: "",
	} {
		n, err := scim.UserType().Normalize(readJSON(t, `{"userName":"a","active":`+sent+`}`))
		if want == "" {
			if err == nil {
				t.Errorf("active %s: accepted", sent)
				continue
			}
			wantError(t, err, scim.TypeInvalidValue, "active: true or false (also as text) is wanted")
			continue
		}
		got := "absent"
		if v := n.Resource.Get("active"); err == nil && v.Kind == scim.Bool {
			got = fmt.Sprint(v.Bool)
		}
		if err != nil || got != want {
			t.Errorf("active %s: %s, %v, want %s", sent, got, err, want)
		}
	}
}

func TestNormalizeGroup(t *testing.T) {
	rt := scim.GroupType()
	for _, c := range []struct {
		name, sent, want string
		dropped          []string
	}{
		{"Entra's create", `{"schemas":["` + scim.GroupURN + `","http://schemas.microsoft.com/2006/11/ResourceManagement/ADSCIM/2.0/Group"],"externalId":"e","displayName":"Staff","meta":{"resourceType":"Group"}}`, `{` + g + `,"externalId":"e","displayName":"Staff"}`, nil},
		{"Okta's create", `{"schemas":["` + scim.GroupURN + `"],"displayName":"Staff","members":[{"value":"u1","display":"a@x"},{"value":"u2","display":null}]}`, `{` + g + `,"displayName":"Staff","members":[{"value":"u1"},{"value":"u2"}]}`, nil},
		{"no members", `{"displayName":"S","members":[]}`, `{` + g + `,"displayName":"S"}`, nil},
		{"members as null", `{"displayName":"S","members":null}`, `{` + g + `,"displayName":"S"}`, nil},
		{"null $ref, and an unknown sub-attribute", `{"displayName":"S","members":[{"$ref":null,"value":"u1","type":"User","foo":1}]}`, `{` + g + `,"displayName":"S","members":[{"value":"u1"}]}`, []string{"members.foo"}},
		{"bare ids and one alone", `{"displayName":"S","members":["u1","u2","u1"]}`, `{` + g + `,"displayName":"S","members":[{"value":"u1"},{"value":"u2"}]}`, nil},
		{"one member", `{"displayName":"S","members":{"value":"u1"}}`, `{` + g + `,"displayName":"S","members":[{"value":"u1"}]}`, nil},
		{"ids count letter case", `{"displayName":"S","members":["u1","U1"]}`, `{` + g + `,"displayName":"S","members":[{"value":"u1"},{"value":"U1"}]}`, nil},
		{"a member by filter", `{"displayName":"S","members[value eq \"u1\"].display":"x"}`, `{` + g + `,"displayName":"S"}`, []string{`members[value eq "u1"].display`}},
	} {
		t.Run(c.name, func(t *testing.T) {
			n, err := rt.Normalize(readJSON(t, c.sent))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, writeJSON(n.Resource)); diff != "" {
				t.Error(diff)
			}
			if diff := cmp.Diff(c.dropped, n.Dropped); diff != "" {
				t.Errorf("dropped: %s", diff)
			}
		})
	}
	for sent, detail := range map[string]string{
		`{"members":[]}`: "displayName is required",
		`{"displayName":"S","members":[{"value":5}]}`:     "members[0].value: text is wanted, a number was sent",
		`{"displayName":"S","members":[{"value":null}]}`:  "members[0].value is missing",
		`{"displayName":"S","members":["u1",{}]}`:         "members[1].value is missing",
		`{"displayName":"S","members":[null]}`:            "members[0].value is missing",
		`{"displayName":"S","members":[{"display":"x"}]}`: `members[0]: what was sent for it is not understood; "display" alone`,
	} {
		_, err := rt.Normalize(readJSON(t, sent))
		wantError(t, err, scim.TypeInvalidValue, detail)
	}
}

func TestNormalizeManyMembers(t *testing.T) {
	var b strings.Builder
	for i := range 20_000 {
		fmt.Fprintf(&b, `,{"value":"u%d"},{"value":"u%d","display":"x"}`, i, i/2)
	}
	n, err := scim.GroupType().Normalize(readJSON(t, `{"displayName":"S","members":[`+b.String()[1:]+`]}`))
	if err != nil || len(n.Resource.Get("members").List) != 20_000 {
		t.Fatalf("%d members, %v", len(n.Resource.Get("members").List), err)
	}
}

func TestNormalizeIsBounded(t *testing.T) {
	var paths, emails, unknown strings.Builder
	for i := range 3000 {
		fmt.Fprintf(&paths, `,"emails[value eq \"%d\"].value":"x%d"`, i, i)
		fmt.Fprintf(&emails, `,{"value":"x%d","foo%d":1}`, i, i)
		fmt.Fprintf(&unknown, `,"x%d":1,"urn:x:%d":{"a":1}`, i, i)
	}
	_, err := scim.UserType().Normalize(readJSON(t, `{"userName":"a"`+paths.String()+`}`))
	wantError(t, err, scim.TypeInvalidValue, "3000 names that are paths; at most 500")
	_, err = scim.UserType().Normalize(readJSON(t, `{"userName":"a","emails":[`+emails.String()[1:]+`]}`))
	wantError(t, err, scim.TypeInvalidValue, "emails: there are 3000 values; at most 1000")
	_, err = scim.UserType().Normalize(readJSON(t, `{"userName":"a"`+unknown.String()+`}`))
	wantError(t, err, scim.TypeInvalidValue, "3000 names that are paths")
	n, err := scim.UserType().Normalize(readJSON(t, `{"userName":"a"`+strings.ReplaceAll(unknown.String(), "urn:x:", "y")+`}`))
	if err != nil || len(n.Dropped) != scim.MaxDropped {
		t.Errorf("%d names listed, %v", len(n.Dropped), err)
	}
}

func TestNormalizeConfiguredExtension(t *testing.T) {
	rt := badgeType(t)
	const badge = `"` + badgeURN + `"`
	for _, c := range []struct{ sent, want, detail string }{
		{`{"number":7,"level":1.50,"issued":"2026-01-31T08:00:00Z","photo":"QUJD","tags":["a","A","b"],"codes":[1,2,1],"door":{"name":"n","floors":[3,"",3,4],"open":"True"}}`,
			`{"number":7,"level":1.50,"issued":"2026-01-31T08:00:00Z","photo":"QUJD","tags":["a","b"],"codes":[1,2],"door":{"name":"n","floors":[3,4],"open":true}}`, ""},
		{`{"number":-1,"tags":"a","codes":5}`, `{"number":-1,"tags":["a"],"codes":[5]}`, ""},
		{`{}`, ``, ""},
		{`{"tags":[]}`, ``, ""},
		{`{"tags":["a"]}`, ``, badgeURN + ":number is required"},
		{`{"number":1,"door":{"open":true}}`, ``, badgeURN + ":door.name is required"},
		{`{"number":1.5}`, ``, badgeURN + ":number: a whole number is wanted, a number was sent"},
		{`{"number":"1"}`, ``, badgeURN + ":number: a whole number is wanted, text was sent"},
		{`{"number":1,"level":"1"}`, ``, badgeURN + ":level: a number is wanted, text was sent"},
		{`{"number":1,"issued":"2026-01-31"}`, ``, badgeURN + ":issued: a date with time such as"},
		{`{"number":1,"issued":5}`, ``, badgeURN + ":issued: text is wanted"},
		{`{"number":1,"photo":"==="}`, ``, badgeURN + ":photo: base64 is wanted"},
		{`{"number":1,"codes":[1,"x"]}`, ``, badgeURN + ":codes[1]: a whole number is wanted, text was sent"},
		{`{"number":1,"tags":[{"value":"a"}]}`, ``, badgeURN + ":tags[0]: text is wanted, an object was sent"},
		{`{"number":1,"door":{"name":"n","floors":["x"]}}`, ``, "floors"},
	} {
		n, err := rt.Normalize(readJSON(t, `{"userName":"a",`+badge+`:`+c.sent+`}`))
		if c.detail != "" {
			wantError(t, err, scim.TypeInvalidValue, c.detail)
			continue
		}
		got := ""
		if v := n.Resource.Get(badgeURN); v.Kind != scim.Null {
			got = writeJSON(v)
		}
		if err != nil || got != c.want {
			t.Errorf("%s: got %s, want %s, %v", c.sent, got, c.want, err)
		}
		if listed := strings.Contains(writeJSON(n.Resource.Get("schemas")), badgeURN); listed != (c.want != "") {
			t.Errorf("%s: schemas %s", c.sent, writeJSON(n.Resource.Get("schemas")))
		}
	}
}

func TestCoerce(t *testing.T) {
	rt := scim.UserType()
	for _, c := range []struct{ path, sent, want, detail string }{
		{"active", `"False"`, `false`, ""},
		{"active", `null`, `null`, ""},
		{"emails", `"x"`, `[{"value":"x"}]`, ""},
		{`emails[type eq "work"].value`, `"x"`, `"x"`, ""},
		{"manager", `["m"]`, `{"value":"m"}`, ""},
		{"name.givenName", `5`, ``, "name.givenName: text is wanted"},
		{"nothing", `5`, ``, `no schema has the attribute "nothing"`},
	} {
		v, _, err := rt.Coerce(parsePath(t, c.path), readJSON(t, c.sent))
		if c.detail != "" {
			if err == nil || !strings.Contains(err.Error(), c.detail) {
				t.Errorf("%s: %v", c.path, err)
			}
		} else if err != nil || writeJSON(v) != c.want {
			t.Errorf("%s = %s: %s, %v", c.path, c.sent, writeJSON(v), err)
		}
	}
	_, dropped, err := rt.Coerce(parsePath(t, "emails"), readJSON(t, `[{"value":"x","foo":1}]`))
	if err != nil || len(dropped) != 1 || dropped[0] != "emails.foo" {
		t.Errorf("dropped %v, %v", dropped, err)
	}
}

// anyUser draws what a client may send for a user: known and unknown attributes in right and wrong shapes.
func anyUser() *rapid.Generator[scim.Value] {
	word := rapid.SampledFrom([]string{"", "x", "X", "y@x", "True", "work", "Home", "2026-01-31T08:00:00Z"})
	scalar := rapid.Custom(func(t *rapid.T) scim.Value {
		switch rapid.IntRange(0, 6).Draw(t, "scalar") {
		case 0:
			return scim.Value{}
		case 1:
			return scim.BoolValue(rapid.Bool().Draw(t, "bool"))
		case 2:
			return scim.IntValue(1)
		}
		return scim.StringValue(word.Draw(t, "text"))
	})
	object := func(names ...string) *rapid.Generator[scim.Value] {
		return rapid.Custom(func(t *rapid.T) scim.Value {
			v := scim.Value{Kind: scim.Object}
			for _, name := range rapid.SliceOfNDistinct(rapid.SampledFrom(names), 0, len(names), strings.ToLower).Draw(t, "names") {
				v.Fields = append(v.Fields, scim.Field{Name: name, Value: scalar.Draw(t, name)})
			}
			return v
		})
	}
	element := rapid.OneOf(scalar, object("value", "TYPE", "primary", "display", "foo"), object("type", "primary", "country", "formatted"))
	attribute := rapid.OneOf(scalar, element, rapid.Map(rapid.SliceOfN(element, 0, 5), func(l []scim.Value) scim.Value { return scim.Value{Kind: scim.Array, List: l} }))
	names := []string{"Title", "name", "active", "emails", "phoneNumbers", "addresses", "roles", "groups", "id", "meta", "foo", "department", "manager", "name.givenName", `emails[type eq "work"].value`, scim.EnterpriseURN, scim.EnterpriseURN + ":manager", "schemas", "externalId"}
	return rapid.Custom(func(t *rapid.T) scim.Value {
		v := scim.ObjectOf(scim.Field{Name: "userName", Value: scim.StringValue("ada")})
		for _, name := range rapid.SliceOfNDistinct(rapid.SampledFrom(names), 0, 8, rapid.ID).Draw(t, "attributes") {
			value := attribute.Draw(t, name)
			switch name {
			case "name":
				value = object("givenName", "familyName", "formatted", "foo").Draw(t, name)
			case scim.EnterpriseURN:
				value = object("department", "manager", "foo").Draw(t, name)
			}
			v.Fields = append(v.Fields, scim.Field{Name: name, Value: value})
		}
		return v
	})
}

func TestNormalizeIsIdempotent(t *testing.T) {
	rt := scim.UserType()
	accepted := 0
	rapid.Check(t, func(t *rapid.T) {
		sent := anyUser().Draw(t, "sent")
		n, err := rt.Normalize(sent)
		if err != nil {
			return
		}
		accepted++
		again, err := rt.Normalize(n.Resource)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := writeJSON(again.Resource), writeJSON(n.Resource); got != want || again.Dropped != nil {
			t.Fatalf("%s\nbecame %s\nand then %s, dropping %v", writeJSON(sent), want, got, again.Dropped)
		}
		decoded, err := scim.Decode(n.Resource.AppendJSON(nil))
		if err != nil || !decoded.Equal(n.Resource) {
			t.Fatalf("decoded: %s, %v", writeJSON(decoded), err)
		}
		checkCanonical(t, n.Resource)
	})
	if accepted < 10 {
		t.Errorf("only %d of the drawn users were accepted: the property was hardly tested", accepted)
	}
}

// checkCanonical checks what Normal promises.
func checkCanonical(t *rapid.T, v scim.Value) {
	for _, f := range v.Fields {
		if f.Value.Empty() {
			t.Fatalf("%s is empty", f.Name)
		}
		primaries := 0
		for _, e := range f.Value.List {
			if e.Get("primary").Bool {
				primaries++
			}
		}
		if primaries > 1 {
			t.Fatalf("%s has %d primaries", f.Name, primaries)
		}
		if f.Value.Kind == scim.Object {
			checkCanonical(t, f.Value)
		}
	}
}
