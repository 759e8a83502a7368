package explain

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rollcall/state"
	"rollcall/sync/plan"
)

// TestChangesOf tells what an entry changed, value by value.
func TestChangesOf(t *testing.T) {
	for _, test := range []struct {
		name, before, after string
		want                [][3]string
	}{
		{"active", `{"said":true,"inForce":true}`, `{"said":false,"inForce":false}`, [][3]string{{"active", "true", "false"}}},
		{"said alone", `{"said":true}`, `{"said":false}`, [][3]string{{"said", "true", "false"}}},
		{"staged", `{"said":true,"staged":false}`, `{"said":false,"staged":true}`, [][3]string{{"said", "true", "false"}, {"staged", "false", "true"}}},
		{"in force against what was said", `{"inForce":false,"pinned":false}`, `{"inForce":true,"pinned":true}`,
			[][3]string{{"active", "false", "true"}, {"pinned", "false", "true"}}},
		{"parts", `{"name":{"givenName":"Ada","familyName":"A"}}`, `{"name":{"givenName":"Ada","familyName":"B","formatted":"AB"}}`,
			[][3]string{{"name.familyName", `"A"`, `"B"`}, {"name.formatted", "null", `"AB"`}}},
		{"an object goes", `{"name":{"givenName":"Ada"}}`, `{}`, [][3]string{{"name.givenName", `"Ada"`, "null"}}},
		{"an extension", `{}`, `{"schemas":["x"],"urn:a:User":{"department":"D"}}`, [][3]string{{"urn:a:User:department", "null", `"D"`}}},
		{"a list is one value", `{"emails":[{"value":"a"}]}`, `{"emails":[{"value":"b"}]}`, [][3]string{{"emails", `[{"value":"a"}]`, `[{"value":"b"}]`}}},
		{"what cannot be read", `{`, ``, nil},
	} {
		var got [][3]string
		for _, c := range changesOf(&state.Entry{Before: []byte(test.before), After: []byte(test.after)}) {
			got = append(got, [3]string{c.Path, string(c.Before), string(c.After)})
		}
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
}

// TestWhat says in a word what an entry did.
func TestWhat(t *testing.T) {
	for after, want := range map[string]string{
		`{"pinned":true}`: "pin", `{"pinned":false}`: "unpin", `{"protected":true,"link":"p"}`: "protect, link", `{"protected":false}`: "unprotect",
		`{"link":""}`: "release", `{"staged":true,"said":false}`: "stage", `{"said":false}`: "life", ``: "life",
	} {
		if got := What(state.VerbLife, []byte(after)); got != want {
			t.Errorf("%s: %q, want %q", after, got, want)
		}
	}
	if got := What(state.VerbDelete, nil); got != "delete" {
		t.Errorf("a deletion: %q", got)
	}
}

// TestTexts: every fact and every way of knowing one has words.
func TestTexts(t *testing.T) {
	group := func(kind string) string { return plan.MemberFact{Kind: kind, Group: "g", Source: "s"}.Text() }
	for fact, want := range map[string]string{
		"absent": "missing from a pull, waits to be confirmed", "gone": plan.GoneOnce.Text(), "name_reused": plan.NameReused.Text(), "unexplained": plan.Unexplained.Text(),
		"fresh:17:update:00": plan.Fresh.Text(), "discarded:unassigned": "somebody discarded a change: no longer assigned to the application",
		"discarded:drift:1234": "somebody discarded a change: differs from the source",
		group(plan.MemberLeft): "not in a group at the source, waits to be confirmed", group(plan.MemberJoin): "somebody discarded that they be added to a group",
		group(plan.MemberLeave): "somebody discarded that they be removed from a group", group(plan.MemberTie): "about a group", "of the future": "of the future",
	} {
		if got := factText(fact); got != want {
			t.Errorf("%s: %q, want %q", fact, got, want)
		}
	}
	for _, how := range []plan.How{plan.ByPull, plan.ByLook, plan.ByAbsence, plan.ByAccount, plan.ByExternalID, plan.ByMatch, "of the future"} {
		if text := WitnessText(plan.Witness{Fact: "disabled_at_source", How: how}); text == "" {
			t.Errorf("%s has no words", how)
		}
	}
}

// TestNamesResource tells requests for one user or group from others.
func TestNamesResource(t *testing.T) {
	for path, want := range map[string]bool{
		"/auth/scim/Users/1": true, "/auth/scim/Groups/1?excludedAttributes=members": true, "/auth/scim/v2/Users/1/": true, "/Users/1": true,
		"/auth/scim/Users": false, "/auth/scim/Users/?filter=a": false, "/auth/scim/Schemas/urn:x": false, "/auth/scim/Nothing?of=/Users/1": false, "": false,
	} {
		if _, _, got := resourceOf(path); got != want {
			t.Errorf("%s: %v, want %v", path, got, want)
		}
	}
}

// FuzzAsked reads whatever a provider may have sent: nobody is taken for somebody else by the name that another path has.
func FuzzAsked(f *testing.F) {
	f.Add("/scim/Users/a", []byte(`{"userName":"ada"}`))
	f.Add("/scim/Users?filter=userName+eq+%22ada%22", []byte(nil))
	f.Add("/scim/Users/b", []byte(`{"manager":{"value":"a"}}`))
	f.Add("/scim/Groups/a?%zz", []byte(`{"members":[{"value":"a"}]}`))
	ada := Subject{Account: "a", Name: "ada", Record: state.Record{Resource: []byte(`{"userName":"ada","externalId":"x","emails":[{"value":"a@b"}]}`)}}
	f.Fuzz(func(t *testing.T, path string, body []byte) {
		r := &state.Request{Path: path, Body: body}
		if _, id, named := resourceOf(path); named && ada.asked(r) && id != "a" {
			t.Errorf("%q is about %q", path, id)
		}
		told := requestOf(r, true)
		if told.Body != nil && !json.Valid(told.Body) {
			t.Errorf("the body %q is told as %q", body, told.Body)
		}
		changesOf(&state.Entry{Before: body, After: body})
	})
}
