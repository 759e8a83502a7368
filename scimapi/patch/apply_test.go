package patch_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rollcall/scimapi/patch"
	"rollcall/state/scim"
)

// The user that operations are tried on.
const (
	ada   = `{` + ue + `,"externalId":"e1","userName":"ada",` + adaName + `,` + adaRest + `}`
	plain = `{` + u + `,"userName":"ada","active":true}`

	adaName  = `"name":{"familyName":"King","givenName":"Ada"}`
	adaRest  = `"title":"T","active":true,` + adaMails + `,` + adaRoles + `,` + adaWork
	adaMails = `"emails":[` + work + `,` + home + `]`
	adaRoles = `"roles":[{"value":"r1"},{"value":"r2","primary":true}]`
	adaWork  = `"` + ent + `":{"employeeNumber":"701","department":"D","manager":{"value":"m1"}}`

	work = `{"value":"w@x","display":"W","type":"work","primary":true}`
	home = `{"value":"h@x","type":"home"}`
)

// with returns ada with one part of her written differently.
func with(old, new string) string { return strings.Replace(ada, old, new, 1) }

func TestApply(t *testing.T) {
	noExtension := func(text string) string { return strings.Replace(strings.Replace(text, ue, u, 1), ","+adaWork, "", 1) }
	for _, c := range []struct {
		name, before, ops, want string
		dropped                 []string
	}{
		// Entra, with and without its flag
		{"disable without flag", ada, `[{"op":"Replace","path":"active","value":"False"}]`, with(`"active":true`, `"active":false`), nil},
		{"disable with flag", ada, `[{"op":"replace","path":"active","value":false}]`, with(`"active":true`, `"active":false`), nil},
		{"disable, mixed", ada, `[{"op":"Replace","path":"active","value":false}]`, with(`"active":true`, `"active":false`), nil},
		{"disable, lower-case text", ada, `[{"op":"replace","path":"ACTIVE","value":"false"}]`, with(`"active":true`, `"active":false`), nil},
		{"disable by add", ada, `[{"op":"Add","path":"active","value":"False"}]`, with(`"active":true`, `"active":false`), nil},
		{"disable by URN", ada, `[{"op":"Replace","path":"` + scim.UserURN + `:active","value":"False"}]`, with(`"active":true`, `"active":false`), nil},
		{"restore", with(`"active":true`, `"active":false`), `[{"op":"Replace","path":"active","value":"True"}]`, ada, nil},
		{"single text by Add", plain, `[{"op":"Add","path":"nickName","value":"x"}]`, `{` + u + `,"userName":"ada","nickName":"x","active":true}`, nil},
		{"enterprise by path", ada, `[{"op":"Replace","path":"` + ent + `:employeeNumber","value":"702"}]`, with(`"701"`, `"702"`), nil},
		{"enterprise where there is none", plain, `[{"op":"Add","path":"` + ent + `:employeeNumber","value":"702"}]`, `{` + ue + `,"userName":"ada","active":true,"` + ent + `":{"employeeNumber":"702"}}`, nil},
		{"path-less with dotted and URN names", ada,
			`[{"op":"replace","path":"emails[type eq \"work\"].value","value":"n@x"},{"op":"replace","value":{"displayName":"D","name.givenName":"Augusta","name.familyName":"Byron","` + ent + `:employeeNumber":"9"}}]`,
			`{` + ue + `,"externalId":"e1","userName":"ada","name":{"familyName":"Byron","givenName":"Augusta"},"displayName":"D","title":"T","active":true,"emails":[{"value":"n@x","display":"W","type":"work","primary":true},` + home + `],` + adaRoles + `,"` + ent + `":{"employeeNumber":"9","department":"D","manager":{"value":"m1"}}}`, nil},
		{"path-less Add with dotted names", plain, `[{"op":"Add","value":{"name.givenName":"G","Name.FamilyName":"F"}}]`, `{` + u + `,"userName":"ada","name":{"familyName":"F","givenName":"G"},"active":true}`, nil},
		{"path-less with value filters as names", plain, `[{"op":"add","value":{"emails[type eq \"work\"].value":"w@x","emails[type eq \"work\"].primary":"True"}}]`, `{` + u + `,"userName":"ada","active":true,"emails":[{"value":"w@x","type":"work","primary":true}]}`, nil},
		{"path-less userName", ada, `[{"op":"Replace","value":{"userName":"new"}}]`, with(`"ada"`, `"new"`), nil},
		{"path-less externalId", ada, `[{"op":"Replace","value":{"externalId":"e2"}}]`, with(`"e1"`, `"e2"`), nil},
		{"externalId by path", ada, `[{"op":"replace","path":"externalId","value":"e2"}]`, with(`"e1"`, `"e2"`), nil},
		{"nested extension object merges", ada, `[{"op":"replace","value":{"` + ent + `":{"department":"E","Division":"V"}}}]`, with(`"department":"D"`, `"division":"V","department":"E"`), nil},
		{"nested extension object by add", plain, `[{"op":"add","value":{"` + ent + `":{"department":"E"}}}]`, `{` + ue + `,"userName":"ada","active":true,"` + ent + `":{"department":"E"}}`, nil},
		{"extension as path", ada, `[{"op":"replace","path":"` + ent + `","value":{"department":"E"}}]`, with(`"department":"D"`, `"department":"E"`), nil},
		{"extension removed", ada, `[{"op":"remove","path":"` + ent + `"}]`, noExtension(ada), nil},
		{"extension null", ada, `[{"op":"replace","value":{"` + ent + `":null}}]`, noExtension(ada), nil},
		{"extension as an empty object", ada, `[{"op":"replace","value":{"` + ent + `":{}}}]`, ada, nil},
		{"null added as extension", ada, `[{"op":"add","value":{"` + ent + `":null}}]`, ada, nil},
		{"core URN as path", plain, `[{"op":"add","path":"` + scim.UserURN + `","value":{"title":"T"}}]`, `{` + u + `,"userName":"ada","title":"T","active":true}`, nil},
		{"core object under its URN", plain, `[{"op":"add","value":{"` + scim.UserURN + `":{"title":"T"}}}]`, `{` + u + `,"userName":"ada","title":"T","active":true}`, nil},
		{"work e-mail where there is none", plain, `[{"op":"Replace","path":"emails[type eq \"work\"].value","value":"w@x"}]`, `{` + u + `,"userName":"ada","active":true,"emails":[{"value":"w@x","type":"work"}]}`, nil},
		{"mobile where there is none", plain, `[{"op":"Add","path":"phoneNumbers[type eq \"mobile\"].value","value":"1"}]`, `{` + u + `,"userName":"ada","active":true,"phoneNumbers":[{"value":"1","type":"mobile"}]}`, nil},
		{"address in several operations", plain, `[{"op":"Add","path":"addresses[type eq \"work\"].streetAddress","value":"S"},{"op":"Add","path":"addresses[type eq \"work\"].locality","value":"L"},{"op":"Add","path":"addresses[type eq \"work\"].country","value":"AT"}]`,
			`{` + u + `,"userName":"ada","active":true,"addresses":[{"streetAddress":"S","locality":"L","country":"AT","type":"work"}]}`, nil},
		{"primary role by text", ada, `[{"op":"Replace","path":"roles[primary eq \"True\"].value","value":"r3"}]`, with(`"r2"`, `"r3"`), nil},
		{"primary role where there is none", plain, `[{"op":"Add","path":"roles[primary eq \"True\"].value","value":"r"},{"op":"Add","path":"roles[primary eq \"True\"].display","value":"R"},{"op":"Add","path":"roles[primary eq \"True\"].type","value":"t"}]`,
			`{` + u + `,"userName":"ada","active":true,"roles":[{"value":"r","display":"R","type":"t","primary":true}]}`, nil},
		{"roles as JSON text", plain, `[{"op":"Add","path":"roles","value":[{"value":"{\"id\":\"1\",\"value\":\"Admin\",\"displayName\":\"A\"}"}]}]`, `{` + u + `,"userName":"ada","active":true,"roles":[{"value":"{\"id\":\"1\",\"value\":\"Admin\",\"displayName\":\"A\"}"}]}`, nil},
		{"boolean text by path", ada, `[{"op":"Replace","path":"emails[type eq \"home\"].primary","value":"True"}]`, with(work+`,`+home, `{"value":"w@x","display":"W","type":"work","primary":false},{"value":"h@x","type":"home","primary":true}`), nil},
		{"the same attribute twice", plain, `[{"op":"Add","path":"title","value":"1"},{"op":"Replace","path":"title","value":"2"}]`, `{` + u + `,"userName":"ada","title":"2","active":true}`, nil},
		{"many operations, one unknown", plain, `[{"op":"Add","path":"foo","value":"1"},{"op":"Add","path":"name.foo","value":"1"},{"op":"Add","path":"urn:x:y:z","value":"1"},{"op":"Remove","path":"bar"},{"op":"Add","value":{"baz":1,"title":"T","x y":2,"gone":null,"a.b":""}}]`,
			`{` + u + `,"userName":"ada","title":"T","active":true}`, []string{"foo", "name.foo", "urn:x:y:z", "bar", "baz", "x y"}},

		// manager in all its shapes
		{"manager as text", ada, `[{"op":"Replace","path":"` + ent + `:manager","value":"m2"}]`, with(`"m1"`, `"m2"`), nil},
		{"manager as list", ada, `[{"op":"Add","path":"manager","value":[{"$ref":"../Users/m2","value":"m2"}]}]`, with(`"m1"`, `"m2"`), nil},
		{"manager as object", ada, `[{"op":"Replace","path":"manager","value":{"value":"m2","$ref":"x","displayName":"M"}}]`, with(`"m1"`, `"m2"`), nil},
		{"manager's value", ada, `[{"op":"Replace","path":"manager.value","value":"m2"}]`, with(`"m1"`, `"m2"`), nil},
		{"manager where there is none", plain, `[{"op":"Add","path":"manager","value":[{"$ref":null,"value":"m2"}]}]`, `{` + ue + `,"userName":"ada","active":true,"` + ent + `":{"manager":{"value":"m2"}}}`, nil},
		{"manager away by the empty text", ada, `[{"op":"Replace","path":"manager","value":""}]`, with(`,"manager":{"value":"m1"}`, ``), nil},
		{"manager away by the empty value", ada, `[{"op":"Replace","path":"` + ent + `:manager","value":{"value":""}}]`, with(`,"manager":{"value":"m1"}`, ``), nil},
		{"manager away by null", ada, `[{"op":"Replace","path":"manager","value":null}]`, with(`,"manager":{"value":"m1"}`, ``), nil},
		{"manager removed", ada, `[{"op":"Remove","path":"manager"}]`, with(`,"manager":{"value":"m1"}`, ``), nil},
		{"manager removed with a value", ada, `[{"op":"Remove","path":"manager","value":"m1"}]`, with(`,"manager":{"value":"m1"}`, ``), nil},
		{"manager removed by filter", ada, `[{"op":"Remove","path":"manager[value eq \"m1\"]"}]`, with(`,"manager":{"value":"m1"}`, ``), nil},
		{"another manager removed by filter", ada, `[{"op":"Remove","path":"manager[value eq \"m2\"]"}]`, ada, nil},
		{"manager removed by filter and URN", ada, `[{"op":"Remove","path":"` + ent + `:manager[value eq \"m1\"]"}]`, with(`,"manager":{"value":"m1"}`, ``), nil},
		{"manager's name alone", ada, `[{"op":"Replace","path":"manager","value":{"displayName":"M"}}]`, ada, nil},

		// Okta
		{"Okta's deactivation", ada, `[{"op":"replace","value":{"active":false}}]`, with(`"active":true`, `"active":false`), nil},
		{"Okta's id in the value", ada, `[{"op":"replace","value":{"id":"1","schemas":["x"],"meta":{"version":"2"},"groups":[],"title":"U"}}]`, with(`"title":"T"`, `"title":"U"`), nil},
		{"a password", ada, `[{"op":"replace","value":{"password":"secret"}},{"op":"replace","path":"password","value":"secret"},{"op":"add","path":"password","value":{"value":1}},{"op":"remove","path":"password"}]`, ada, nil},

		// clearing
		{"cleared by the empty text", ada, `[{"op":"Replace","path":"title","value":""}]`, with(`"title":"T",`, ``), nil},
		{"cleared by null", ada, `[{"op":"replace","path":"title","value":null}]`, with(`"title":"T",`, ``), nil},
		{"cleared without path", ada, `[{"op":"replace","value":{"title":null,"name.givenName":""}}]`, with(adaName+`,"title":"T",`, `"name":{"familyName":"King"},`), nil},
		{"element cleared", ada, `[{"op":"Replace","path":"emails[type eq \"home\"].value","value":""}]`, with(`,`+home, ``), nil},
		{"list cleared by []", ada, `[{"op":"Replace","path":"roles","value":[]}]`, with(adaRoles+`,`, ``), nil},
		{"list cleared by null", ada, `[{"op":"Replace","path":"roles","value":null}]`, with(adaRoles+`,`, ``), nil},
		{"removed", ada, `[{"op":"remove","path":"title"}]`, with(`"title":"T",`, ``), nil},
		{"removed, absent", plain, `[{"op":"remove","path":"title"},{"op":"remove","path":"name.givenName"},{"op":"remove","path":"emails[type eq \"work\"].value"},{"op":"remove","path":"emails"},{"op":"remove","path":"manager"},{"op":"remove","path":"` + ent + `"}]`, plain, nil},
		{"sub-attribute removed", ada, `[{"op":"remove","path":"name.familyName"}]`, with(`"familyName":"King",`, ``), nil},
		{"complex removed", ada, `[{"op":"remove","path":"name"}]`, with(adaName+`,`, ``), nil},
		{"list removed", ada, `[{"op":"remove","path":"emails"}]`, with(adaMails+`,`, ``), nil},
		{"list removed, value null", ada, `[{"op":"remove","path":"emails","value":null}]`, with(adaMails+`,`, ``), nil},
		{"element removed", ada, `[{"op":"remove","path":"emails[type eq \"work\"]"}]`, with(work+`,`, ``), nil},
		{"element's value removed with a value", with(work, `{"value":"w@x","type":"work","primary":true}`), `[{"op":"Remove","path":"emails[type eq \"work\"].value","value":"whatever"}]`, with(work+`,`, ``), nil},
		{"element by negation", ada, `[{"op":"remove","path":"emails[not (type eq \"work\")]"}]`, with(`,`+home, ``), nil},

		// remove with values
		{"values removed", ada, `[{"op":"Remove","path":"emails","value":[{"value":"W@X"}]}]`, with(work+`,`, ``), nil},
		{"values removed, type given", ada, `[{"op":"Remove","path":"emails","value":[{"value":"w@x","type":"home"},{"value":"h@x","type":"home","display":"stale"}]}]`, with(`,`+home, ``), nil},
		{"values removed by type", ada, `[{"op":"Remove","path":"emails","value":{"type":"work"}}]`, with(work+`,`, ``), nil},
		{"bare values removed", ada, `[{"op":"Remove","path":"roles","value":["r1","r9"]}]`, with(`{"value":"r1"},`, ``), nil},
		{"one bare value removed", ada, `[{"op":"Remove","path":"roles","value":"r1"}]`, with(`{"value":"r1"},`, ``), nil},
		{"no values removed", ada, `[{"op":"Remove","path":"emails","value":[]},{"op":"Remove","path":"emails","value":""},{"op":"Remove","path":"emails","value":[{},null]}]`, ada, nil},
		{"unknown values removed", ada, `[{"op":"Remove","path":"emails","value":[{"value":"nobody@x"}]}]`, ada, nil},
		{"URN and value filter", ada, `[{"op":"remove","path":"` + scim.UserURN + `:roles[value eq \"r1\"]"}]`, with(`{"value":"r1"},`, ``), nil},

		// RFC 7644 §3.5.2.1, add
		{"add appends", ada, `[{"op":"add","path":"emails","value":[{"value":"o@x","type":"other"},"p@x"]}]`, with(home, home+`,{"value":"o@x","type":"other"},{"value":"p@x"}`), nil},
		{"add one", ada, `[{"op":"add","path":"emails","value":{"value":"o@x"}}]`, with(home, home+`,{"value":"o@x"}`), nil},
		{"add without path appends", ada, `[{"op":"add","value":{"emails":[{"value":"o@x"}],"title":"U"}}]`, strings.Replace(with(home, home+`,{"value":"o@x"}`), `"T"`, `"U"`, 1), nil},
		{"add what is there", ada, `[{"op":"add","path":"emails","value":[` + home + `]},{"op":"add","path":"title","value":"T"},{"op":"add","path":"name","value":{"givenName":"Ada"}}]`, ada, nil},
		{"add to what is there", ada, `[{"op":"add","path":"emails","value":[{"value":"H@X","type":"home","display":"H"}]}]`, with(home, `{"value":"H@X","display":"H","type":"home"}`), nil},
		{"add nothing", ada, `[{"op":"add","path":"emails","value":[]},{"op":"add","path":"emails","value":null},{"op":"add","path":"roles","value":""}]`, ada, nil},
		{"add a new primary", ada, `[{"op":"add","path":"emails","value":[{"value":"o@x","primary":true}]}]`, with(work+`,`+home, `{"value":"w@x","display":"W","type":"work","primary":false},`+home+`,{"value":"o@x","primary":true}`), nil},
		{"add to complex", ada, `[{"op":"add","path":"name","value":{"middleName":"M"}}]`, with(`"givenName":"Ada"`, `"givenName":"Ada","middleName":"M"`), nil},
		{"add to an element", ada, `[{"op":"add","path":"emails[type eq \"home\"]","value":{"display":"H","primary":true}}]`, with(work+`,`+home, `{"value":"w@x","display":"W","type":"work","primary":false},{"value":"h@x","display":"H","type":"home","primary":true}`), nil},
		{"add to an element that is not there", ada, `[{"op":"add","path":"emails[type eq \"other\"]","value":{"value":"o@x"}}]`, with(home, home+`,{"value":"o@x","type":"other"}`), nil},

		// RFC 7644 §3.5.2.3, replace
		{"replace merges complex", ada, `[{"op":"replace","path":"name","value":{"givenName":"Augusta"}}]`, with(`"Ada"`, `"Augusta"`), nil},
		{"replace merges complex without path", ada, `[{"op":"replace","value":{"name":{"givenName":"Augusta","familyName":null}}}]`, with(adaName, `"name":{"givenName":"Augusta"}`), nil},
		{"replace with an empty object", ada, `[{"op":"replace","path":"name","value":{}}]`, ada, nil},
		{"replace replaces the list", ada, `[{"op":"replace","path":"emails","value":[{"value":"o@x"}]}]`, with(work+`,`+home, `{"value":"o@x"}`), nil},
		{"replace replaces an element", ada, `[{"op":"replace","path":"emails[type eq \"work\"]","value":{"value":"o@x"}}]`, with(work, `{"value":"o@x","type":"work"}`), nil},
		{"replace what is missing", plain, `[{"op":"replace","path":"title","value":"T"},{"op":"replace","path":"emails","value":[{"value":"o@x"}]}]`, `{` + u + `,"userName":"ada","title":"T","active":true,"emails":[{"value":"o@x"}]}`, nil},
		{"unknown sub-attributes wipe nothing", ada, `[{"op":"replace","path":"name","value":{"foo":1}},{"op":"replace","path":"emails[type eq \"work\"].foo","value":1}]`, ada, []string{"name.foo", `emails[type eq "work"].foo`}},

		// active and null
		{"active null changes nothing", ada, `[{"op":"replace","path":"active","value":null},{"op":"add","path":"active","value":null},{"op":"replace","value":{"active":null}}]`, ada, nil},
		{"schemas are ours", ada, `[{"op":"add","path":"schemas","value":["urn:x"]},{"op":"remove","path":"schemas"}]`, ada, nil},
		{"an empty path is none", ada, `[{"op":"replace","path":"","value":{"title":"U"}}]`, with(`"title":"T"`, `"title":"U"`), nil},
		{"an empty value", ada, `[{"op":"replace","value":{}}]`, ada, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			out, err := apply(t, scim.UserType(), c.before, c.ops)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, writeJSON(out.Resource)); diff != "" {
				t.Error(diff)
			}
			if out.Changed != (c.want != c.before) {
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

func TestApplyRefuses(t *testing.T) {
	for _, c := range []struct{ ops, scimType, detail string }{
		{`[{"op":"remove"}]`, scim.TypeNoTarget, "operation 1: remove needs a path"},
		{`[{"op":"remove","value":{"title":"T"}}]`, scim.TypeNoTarget, "remove needs a path"},
		{`[{"op":"replace","value":"x"}]`, scim.TypeInvalidValue, "without a path the value must be an object"},
		{`[{"op":"replace","value":[{"active":false}]}]`, scim.TypeInvalidValue, "without a path the value must be an object"},
		{`[{"op":"add","path":"emails[type eq","value":"x"}]`, scim.TypeInvalidPath, "operation 1: the path is faulty at byte 15"},
		{`[{"op":"add","path":"title","value":"x"},{"op":"add","path":"a b","value":"x"}]`, scim.TypeInvalidPath, "operation 2: the path is faulty"},
		{`[{"op":"add","path":"emails[foo eq \"x\"].value","value":"x"}]`, scim.TypeInvalidFilter, `emails has no sub-attribute "foo"`},
		{`[{"op":"add","path":"emails[type sw \"x\"].value","value":"x"}]`, scim.TypeNoTarget, "no element matches"},
		{`[{"op":"replace","path":"id","value":"x"}]`, scim.TypeMutability, "id is readOnly"},
		{`[{"op":"remove","path":"groups"}]`, scim.TypeMutability, "groups is readOnly"},
		{`[{"op":"add","path":"groups","value":[{"value":"g"}]}]`, scim.TypeMutability, "groups is readOnly"},
		{`[{"op":"add","path":"groups[value eq \"g\"]","value":{}}]`, scim.TypeMutability, "groups is readOnly"},
		{`[{"op":"replace","path":"meta.created","value":"x"}]`, scim.TypeMutability, "meta is readOnly"},
		{`[{"op":"remove","path":"userName"}]`, scim.TypeMutability, "userName is required and can't be removed"},
		{`[{"op":"remove","path":"` + scim.UserURN + `:username","value":"ada"}]`, scim.TypeMutability, "is required"},
		{`[{"op":"replace","path":"userName","value":""}]`, scim.TypeInvalidValue, "userName is required"},
		{`[{"op":"replace","value":{"userName":null}}]`, scim.TypeInvalidValue, "userName is required"},
		{`[{"op":"remove","path":"active"}]`, scim.TypeMutability, "active can't be removed; replace it"},
		{`[{"op":"remove","path":"active","value":true}]`, scim.TypeMutability, "active can't be removed"},
		{`[{"op":"replace","path":"active","value":""}]`, scim.TypeInvalidValue, "active: true or false"},
		{`[{"op":"replace","path":"active","value":0}]`, scim.TypeInvalidValue, "active: true or false"},
		{`[{"op":"replace","path":"active","value":[]}]`, scim.TypeInvalidValue, "active: true or false"},
		{`[{"op":"replace","value":{"active":"no"}}]`, scim.TypeInvalidValue, "active: true or false"},
		{`[{"op":"replace","value":{"active":{"value":false}}}]`, scim.TypeInvalidValue, "active: true or false"},
		{`[{"op":"replace","path":"title","value":["x"]}]`, scim.TypeInvalidValue, "title: text is wanted, a list was sent"},
		{`[{"op":"replace","path":"name","value":"Ada King"}]`, scim.TypeInvalidValue, "name: an object is wanted"},
		{`[{"op":"replace","path":"emails","value":[{"foo":"x"}]}]`, scim.TypeInvalidValue, "not understood"},
		{`[{"op":"replace","path":"emails[type eq \"work\"]","value":{"foo":"x"}}]`, scim.TypeInvalidValue, "not understood"},
		{`[{"op":"replace","path":"manager","value":{"$ref":"x"}}]`, scim.TypeInvalidValue, "not understood"},
		{`[{"op":"replace","path":"` + ent + `","value":"x"}]`, scim.TypeInvalidValue, "an object of attributes is wanted"},
		{`[{"op":"replace","value":{"` + ent + `":["x"]}}]`, scim.TypeInvalidValue, "an object of attributes is wanted"},
		{`[{"op":"remove","path":"emails","value":[{"foo":"x"}]}]`, scim.TypeInvalidValue, `emails has no sub-attribute "foo"`},
		{`[{"op":"remove","path":"emails","value":[{"value":["x"]}]}]`, scim.TypeInvalidValue, "a value to remove has no list"},
		{`[{"op":"remove","path":"emails","value":[` + strings.Repeat(`"x",`, 1000) + `"x"]}]`, scim.TypeInvalidValue, "more than 1000 values to remove"},
	} {
		out, err := apply(t, scim.UserType(), ada, c.ops)
		if err == nil {
			t.Errorf("%s: accepted as %s", c.ops, writeJSON(out.Resource))
			continue
		}
		wantError(t, err, 400, c.scimType, c.detail)
		if out.Resource.Kind != scim.Null || out.Changed || out.Members != nil {
			t.Errorf("%s: an error comes with an outcome", c.ops)
		}
	}
}

func TestApplyIsBounded(t *testing.T) {
	var paths, emails, terms, unknown strings.Builder
	for i := range 3000 {
		fmt.Fprintf(&paths, `,"emails[value eq \"%d\"].value":"x%d"`, i, i)
		fmt.Fprintf(&emails, `,"x%d"`, i)
		fmt.Fprintf(&terms, ` or value eq \"%d\"`, i)
		fmt.Fprintf(&unknown, `,"x%d":1,"urn:x:%d":{"a":1}`, i, i)
	}
	for _, c := range []struct {
		ops, scimType, detail string
		status                int
	}{
		{`[{"op":"add","value":{"active":false` + paths.String() + `}}]`, scim.TypeInvalidValue, "at most 1000 values", 400},
		{`[{"op":"add","path":"emails","value":[` + emails.String()[1:] + `]}]`, scim.TypeInvalidValue, "emails: there are 3000 values", 400},
		{`[{"op":"remove","path":"emails[value eq \"a\"` + terms.String() + `]"}]`, scim.TypeInvalidPath, "too many terms", 400},
		{`[` + strings.Repeat(`{"op":"add","path":"title","value":"x"},`, 2000) + `{"op":"add","path":"title","value":"x"}]`, "", "operation 2001: the request writes more than 2000", 413},
	} {
		_, err := apply(t, scim.UserType(), plain, c.ops)
		wantError(t, err, c.status, c.scimType, c.detail)
	}
	out, err := apply(t, scim.UserType(), plain, `[{"op":"add","value":{`+unknown.String()[1:]+`}}]`)
	if err != nil || len(out.Dropped) != scim.MaxDropped {
		t.Errorf("%d names listed, %v", len(out.Dropped), err)
	}
}

func TestApplyIsAllOrNothing(t *testing.T) {
	before := readJSON(t, ada)
	ops, err := patch.Parse(readJSON(t, `{"Operations":[{"op":"replace","path":"active","value":false},{"op":"remove","path":"emails"},{"op":"replace","path":"userName","value":1}]}`), 0)
	if err != nil {
		t.Fatal(err)
	}
	_, err = patch.Apply(scim.UserType(), before, ops)
	wantError(t, err, 400, scim.TypeInvalidValue, "operation 3: userName")
	if writeJSON(before) != ada {
		t.Errorf("the resource given was changed: %s", writeJSON(before))
	}
}

func TestApplyFormattedName(t *testing.T) {
	const named = `{` + u + `,"userName":"a","name":{"formatted":"Dr. Ada King","familyName":"King","givenName":"Ada","honorificPrefix":"Dr."}}`
	for ops, want := range map[string]string{
		`[{"op":"replace","path":"name.familyName","value":"Byron"}]`:                                                                      `"Dr. Ada Byron"`,
		`[{"op":"replace","path":"name","value":{"familyName":"Byron","honorificSuffix":"III"}}]`:                                          `"Dr. Ada Byron III"`,
		`[{"op":"replace","value":{"name.familyName":"Byron","name.formatted":"A. Byron"}}]`:                                               `"A. Byron"`,
		`[{"op":"replace","path":"name.familyName","value":"Byron"},{"op":"replace","path":"name.formatted","value":"Dr. Ada King"}]`:      `"Dr. Ada King"`,
		`[{"op":"replace","path":"name","value":{"familyName":"Byron","formatted":"Dr. Ada King"}}]`:                                       `"Dr. Ada King"`,
		`[{"op":"remove","path":"name.formatted"},{"op":"replace","path":"name.familyName","value":"Byron"}]`:                              `null`,
		`[{"op":"replace","path":"title","value":"T"}]`:                                                                                    `"Dr. Ada King"`,
		`[{"op":"remove","path":"name.familyName"},{"op":"remove","path":"name.givenName"},{"op":"remove","path":"name.honorificPrefix"}]`: `"Dr. Ada King"`,
	} {
		out, err := apply(t, scim.UserType(), named, ops)
		if err != nil {
			t.Errorf("%s: %v", ops, err)
		} else if got := writeJSON(out.Resource.Get("name").Get("formatted")); got != want {
			t.Errorf("%s: got %s, want %s", ops, got, want)
		}
	}
}
