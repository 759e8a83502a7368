package scim_test

import (
	"testing"

	"rollcall/state/scim"
)

func TestProject(t *testing.T) {
	rt := badgeType(t)
	user := readJSON(t, `{"schemas":["s"],"id":"1","externalId":"e","userName":"ada","name":{"givenName":"A","familyName":"K"},"active":true,
		"emails":[{"value":"a@x","type":"work","primary":true},{"value":"b@x"}],
		"`+scim.EnterpriseURN+`":{"department":"D","manager":{"value":"m"}},
		"`+badgeURN+`":{"number":1,"secret":"s"},
		"meta":{"resourceType":"User","version":"1"}}`)
	const ent = `"` + scim.EnterpriseURN + `":`
	const badge = `"` + badgeURN + `":`
	for _, c := range []struct{ name, attributes, excluded, want string }{
		{"all but what is on request", "", "", `{"schemas":["s"],"id":"1","externalId":"e","userName":"ada","name":{"givenName":"A","familyName":"K"},"active":true,"emails":[{"value":"a@x","type":"work","primary":true},{"value":"b@x"}],` + ent + `{"department":"D","manager":{"value":"m"}},` + badge + `{"number":1},"meta":{"resourceType":"User","version":"1"}}`},
		{"id", "id", "", `{"schemas":["s"],"id":"1"}`},
		{"unknown", "nothing", "", `{"schemas":["s"],"id":"1"}`},
		{"two", "username, ACTIVE", "", `{"schemas":["s"],"id":"1","userName":"ada","active":true}`},
		{"sub-attribute", "name.givenName", "", `{"schemas":["s"],"id":"1","name":{"givenName":"A"}}`},
		{"sub-attribute and whole", "name.givenName,name", "", `{"schemas":["s"],"id":"1","name":{"givenName":"A","familyName":"K"}}`},
		{"sub-attribute of several", "emails.type", "", `{"schemas":["s"],"id":"1","emails":[{"type":"work"}]}`},
		{"meta", "meta.version,externalId", "", `{"schemas":["s"],"id":"1","externalId":"e","meta":{"version":"1"}}`},
		{"extension attribute", scim.EnterpriseURN + ":department", "", `{"schemas":["s"],"id":"1",` + ent + `{"department":"D"}}`},
		{"short path", "manager", "", `{"schemas":["s"],"id":"1",` + ent + `{"manager":{"value":"m"}}}`},
		{"whole extension", scim.EnterpriseURN, "", `{"schemas":["s"],"id":"1",` + ent + `{"department":"D","manager":{"value":"m"}}}`},
		{"core URN", scim.UserURN + ":userName", "", `{"schemas":["s"],"id":"1","userName":"ada"}`},
		{"on request", badgeURN + ":secret", "", `{"schemas":["s"],"id":"1",` + badge + `{"secret":"s"}}`},
		{"excluded", "", "emails,name,meta,externalId," + scim.EnterpriseURN + "," + badgeURN, `{"schemas":["s"],"id":"1","userName":"ada","active":true}`},
		{"excluded sub-attribute", "", "emails.value,name.familyName,externalId,active,meta," + scim.EnterpriseURN + ":manager," + badgeURN + ":number", `{"schemas":["s"],"id":"1","userName":"ada","name":{"givenName":"A"},"emails":[{"type":"work","primary":true}],` + ent + `{"department":"D"}}`},
		{"what is always returned can't be excluded", "", "id,schemas,userName,name,emails,active,meta,externalId,department,manager,number", `{"schemas":["s"],"id":"1"}`},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, err := scim.ParseProjection(c.attributes, c.excluded)
			if err != nil {
				t.Fatal(err)
			}
			if got := writeJSON(rt.Project(user, p)); got != c.want {
				t.Errorf("\n got %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestProjectNeverShowsAPassword(t *testing.T) {
	user := readJSON(t, `{"id":"1","password":"x","other":1}`)
	for attributes, want := range map[string]string{"": `{"id":"1","other":1}`, "password": `{"id":"1"}`} {
		p, err := scim.ParseProjection(attributes, "")
		if err != nil {
			t.Fatal(err)
		}
		if got := writeJSON(scim.UserType().Project(user, p)); got != want {
			t.Errorf("attributes=%s: %s", attributes, got)
		}
	}
}

func TestParseProjection(t *testing.T) {
	for _, c := range []struct{ attributes, excluded, detail string }{
		{"userName", "emails", "exclude each other"},
		{"userName,user name", "", "attributes: item 2 is no attribute's name"},
		{`emails[type eq "work"]`, "", "attributes: item 1"},
		{"", "a.b.c", "excludedAttributes: item 1"},
	} {
		_, err := scim.ParseProjection(c.attributes, c.excluded)
		wantError(t, err, scim.TypeInvalidValue, c.detail)
	}
	p, err := scim.ParseProjection(" , ", "")
	if err != nil || !p.All() {
		t.Errorf("empty items: %v %v", p, err)
	}
}

func TestProjectionWants(t *testing.T) {
	for _, c := range []struct {
		attributes, excluded, attr string
		want                       bool
	}{
		{"", "", "members", true},
		{"", "members", "members", false},
		{"", "MEMBERS", "members", false},
		{"", scim.GroupURN + ":members", "members", false},
		{"", "members.display", "members", true},
		{"", "displayName", "members", true},
		{"displayName", "", "members", false},
		{"Members.value", "", "members", true},
		{"id,members", "", "members", true},
	} {
		p, err := scim.ParseProjection(c.attributes, c.excluded)
		if err != nil {
			t.Fatal(err)
		}
		if got := p.Wants(c.attr); got != c.want {
			t.Errorf("attributes=%s excludedAttributes=%s wants %s: %v", c.attributes, c.excluded, c.attr, got)
		}
		if p.All() != (c.attributes == "" && c.excluded == "") {
			t.Errorf("attributes=%s excludedAttributes=%s: All is %v", c.attributes, c.excluded, p.All())
		}
	}
}
