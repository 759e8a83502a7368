package state_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"rollcall/state"
	"rollcall/state/scim"
)

func TestNewMatchKeyFolds(t *testing.T) {
	for _, c := range []struct {
		name    state.MatchName
		a, b    string
		same    bool
		because string
	}{
		{state.MatchUserName, "Ada@ACME.example", "ada@acme.EXAMPLE", true, "RFC 7643 §4.1.1: userName is case-insensitive"},
		{state.MatchUserName, "ÉVA", "éva", true, "beyond ASCII too"},
		{state.MatchEmail, "A@b", "a@B", true, "RFC 7643 §8.7.1: emails.value has caseExact false"},
		{state.MatchDisplayName, "Staff", "STAFF", true, "RFC 7643 §8.7.1"},
		{state.MatchExternalID, "X", "x", false, "RFC 7643 §3.1: externalId is caseExact"},
		{state.MatchID, "X", "x", false, "RFC 7643 §3.1: id is caseExact"},
		{state.MatchLink, "X", "x", false, "an object id is opaque"},
	} {
		if same := state.NewMatchKey(c.name, c.a) == state.NewMatchKey(c.name, c.b); same != c.same {
			t.Errorf("%s: %q and %q are the same key: %t; %s", c.name, c.a, c.b, same, c.because)
		}
	}
}

func TestMatchKeys(t *testing.T) {
	key := state.NewMatchKey
	for _, c := range []struct {
		name, resource string
		account, group []state.MatchKey
	}{
		{
			"everything",
			`{"externalId":"X","userName":"Ada","displayName":"Ada K","emails":[{"value":"A@x"},{"value":"a@X"},{"value":"b@x"},{"type":"work"}]}`,
			[]state.MatchKey{key(state.MatchUserName, "ada"), key(state.MatchExternalID, "X"), key(state.MatchEmail, "a@x"), key(state.MatchEmail, "b@x"), key(state.MatchDisplayName, "ada k")},
			[]state.MatchKey{key(state.MatchExternalID, "X"), key(state.MatchDisplayName, "ada k")},
		},
		{"nothing", `{}`, nil, nil},
		{"only blanks", `{"externalId":"","userName":"  ","emails":[{"value":""}],"displayName":"\t"}`, nil, nil},
		{"other types", `{"externalId":7,"userName":["a"],"emails":"a@x","displayName":{"a":"b"}}`, nil, nil},
	} {
		v, err := scim.ReadJSON([]byte(c.resource), scim.DefaultLimits)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(c.account, state.MatchKeys(state.KindAccount, v)); diff != "" {
			t.Errorf("%s, an account (-want +got):\n%s", c.name, diff)
		}
		if diff := cmp.Diff(c.group, state.MatchKeys(state.KindGroup, v)); diff != "" {
			t.Errorf("%s, a group (-want +got):\n%s", c.name, diff)
		}
	}
}
