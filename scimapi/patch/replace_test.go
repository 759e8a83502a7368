package patch_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rollcall/scimapi/patch"
	"rollcall/state/scim"
)

func TestReplaceUser(t *testing.T) {
	const named = `{` + u + `,"userName":"a","name":{"formatted":"Ada King","familyName":"King","givenName":"Ada"},"active":false}`
	for _, c := range []struct {
		name, old, sent, want string
		dropped               []string
	}{
		{"an echo", ada, ada, ada, nil},
		{"an echo of a whole answer", ada, strings.Replace(ada, `"externalId"`, `"id":"1","meta":{"resourceType":"User","version":"W/\"1\""},"groups":[{"value":"g","display":"G"}],"externalId"`, 1), ada, nil},
		{"without schemas", ada, strings.Replace(ada, ue+`,`, ``, 1), ada, nil},
		{"a deactivation", ada, with(`"active":true`, `"active":false`), with(`"active":true`, `"active":false`), nil},
		{"a deactivation in text", ada, with(`"active":true`, `"active":"False"`), with(`"active":true`, `"active":false`), nil},
		{"absent active keeps true", ada, with(`"active":true,`, ``), ada, nil},
		{"absent active keeps false", with(`"active":true`, `"active":false`), with(`"active":true,`, ``), with(`"active":true`, `"active":false`), nil},
		{"null active keeps false", with(`"active":true`, `"active":false`), with(`"active":true`, `"active":null`), with(`"active":true`, `"active":false`), nil},
		{"absent attributes are cleared", ada, `{"userName":"ada"}`, plain, nil},
		{"empty attributes are cleared", ada, `{"userName":"ada","title":"","emails":[],"name":null,"roles":[{"value":null}]}`, plain, nil},
		{"unknown attributes are dropped", ada, with(`"title":"T"`, `"title":"T","foo":1`), ada, []string{"foo"}},
		{"another manager's shape", ada, with(`"manager":{"value":"m1"}`, `"manager":"m1"`), ada, nil},
		{"a password", ada, with(`"title":"T"`, `"title":"T","password":"secret"`), ada, nil},

		{"stale formatted", named, `{"userName":"a","name":{"formatted":"Ada King","familyName":"Byron","givenName":"Ada"}}`, strings.Replace(named, `"formatted":"Ada King","familyName":"King"`, `"formatted":"Ada Byron","familyName":"Byron"`, 1), nil},
		{"formatted as nobody would compose it", strings.Replace(named, "Ada King", "King, Ada", 1), strings.Replace(named, "Ada King", "King, Ada", 1), strings.Replace(named, "Ada King", "King, Ada", 1), nil},
		{"formatted of its own", named, `{"userName":"a","name":{"formatted":"Lady B","familyName":"Byron","givenName":"Ada"}}`, strings.Replace(named, `"formatted":"Ada King","familyName":"King"`, `"formatted":"Lady B","familyName":"Byron"`, 1), nil},
		{"formatted and no parts", named, `{"userName":"a","name":{"formatted":"Ada King"}}`, strings.Replace(named, `,"familyName":"King","givenName":"Ada"`, ``, 1), nil},
		{"formatted where there was none", plain, `{"userName":"ada","name":{"formatted":"Ada King","familyName":"Byron"}}`, `{` + u + `,"userName":"ada","name":{"formatted":"Ada King","familyName":"Byron"},"active":true}`, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			out, err := patch.Replace(scim.UserType(), readJSON(t, c.old), readJSON(t, c.sent))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, writeJSON(out.Resource)); diff != "" {
				t.Error(diff)
			}
			if out.Changed != (c.want != c.old) {
				t.Errorf("changed is %v", out.Changed)
			}
			if diff := cmp.Diff(c.dropped, out.Dropped); diff != "" {
				t.Errorf("dropped: %s", diff)
			}
			if out.Members != nil {
				t.Errorf("members: %v", out.Members)
			}
		})
	}
}

func TestReplaceGroup(t *testing.T) {
	for _, c := range []struct {
		name, sent string
		members    *patch.Members
	}{
		{"list", `{"displayName":"Staff","externalId":"e","members":[{"value":"u1","display":null},{"value":"u2"}]}`, &patch.Members{Set: true, Add: []string{"u1", "u2"}}},
		{"empty list", `{"displayName":"Staff","externalId":"e","members":[]}`, &patch.Members{Set: true, Add: []string{}}},
		{"null", `{"displayName":"Staff","externalId":"e","Members":null}`, &patch.Members{Set: true, Add: []string{}}},
		{"absent", `{"displayName":"Staff","externalId":"e"}`, nil},
		{"by URN", `{"displayName":"Staff","externalId":"e","` + scim.GroupURN + `:members":[{"value":"u1"}]}`, &patch.Members{Set: true, Add: []string{"u1"}}},
		{"under the URN", `{"` + scim.GroupURN + `":{"displayName":"Staff","externalId":"e","members":[]}}`, &patch.Members{Set: true, Add: []string{}}},
		{"an echo", `{` + g + `,"id":"g1","externalId":"e","displayName":"Staff","members":[{"value":"u1","$ref":"x","type":"User","display":"A"}],"meta":{}}`, &patch.Members{Set: true, Add: []string{"u1"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			out, err := patch.Replace(scim.GroupType(), readJSON(t, staff), readJSON(t, c.sent))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.members, out.Members); diff != "" {
				t.Error(diff)
			}
			if out.Changed || writeJSON(out.Resource) != staff {
				t.Errorf("changed is %v: %s", out.Changed, writeJSON(out.Resource))
			}
		})
	}
}

func TestReplaceRefuses(t *testing.T) {
	for _, c := range []struct {
		rt           *scim.ResourceType
		sent, detail string
	}{
		{scim.UserType(), `{"active":false}`, "userName is required"},
		{scim.UserType(), `{"userName":"a","active":""}`, "active: true or false"},
		{scim.UserType(), `{"userName":"a","active":1}`, "active: true or false"},
		{scim.UserType(), `{"userName":"a","title":{}}`, "title: text is wanted"},
		{scim.GroupType(), `{"displayName":"S","members":[{"value":null}]}`, "members[0].value is missing"},
		{scim.GroupType(), `{"displayName":"S","members":{"u1":true}}`, "not understood"},
		{scim.GroupType(), `{"members":[]}`, "displayName is required"},
	} {
		_, err := patch.Replace(c.rt, readJSON(t, `{`+u+`,"userName":"a","active":true}`), readJSON(t, c.sent))
		wantError(t, err, 400, scim.TypeInvalidValue, c.detail)
	}
}
