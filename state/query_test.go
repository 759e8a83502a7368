package state_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"rollcall/state"
	"rollcall/state/scim"
)

func TestSplit(t *testing.T) {
	userName := func(text string) *state.MatchKey { return key(state.MatchUserName, text) }
	email := func(text string) *state.MatchKey { return key(state.MatchEmail, text) }
	for _, test := range []struct {
		kind     state.Kind
		filter   string
		key      *state.MatchKey
		residual bool
	}{
		{state.KindAccount, `userName eq "ADA@acme.example"`, userName("ada@acme.example"), false},
		{state.KindAccount, `urn:ietf:params:scim:schemas:core:2.0:User:userName eq "ada"`, userName("ada"), false},
		{state.KindAccount, `urn:acme:scim:2.0:User:userName eq "ada"`, nil, true},
		{state.KindAccount, `urn:acme:scim:2.0:User:emails[value eq "ada"]`, nil, true},
		{state.KindAccount, `externalId eq "Ab"`, key(state.MatchExternalID, "Ab"), false},
		{state.KindAccount, `id eq "Ab"`, key(state.MatchID, "Ab"), false},
		{state.KindAccount, `email eq "A@b"`, email("a@b"), false},
		{state.KindAccount, `emails eq "A@b"`, email("a@b"), false},
		{state.KindAccount, `emails.value eq "A@b"`, email("a@b"), false},
		{state.KindAccount, `emails[type eq "work"].value eq "a@b"`, email("a@b"), true},
		{state.KindAccount, `emails[type eq "work" and value eq "a@b"]`, email("a@b"), true},
		{state.KindAccount, `emails[value eq "a@b"]`, email("a@b"), true},
		{state.KindAccount, `active eq true and userName eq "ada"`, userName("ada"), true},
		{state.KindAccount, `id eq "u1" and manager eq "u2"`, key(state.MatchID, "u1"), true},
		{state.KindAccount, `userName eq "ada" or userName eq "bea"`, nil, true},
		{state.KindAccount, `not (userName eq "ada")`, nil, true},
		{state.KindAccount, `userName sw "a"`, nil, true},
		{state.KindAccount, `title eq "x"`, nil, true},
		{state.KindGroup, `displayName eq "Staff"`, key(state.MatchDisplayName, "staff"), false},
		{state.KindGroup, `userName eq "ada"`, nil, true},
	} {
		t.Run(test.filter, func(t *testing.T) {
			filter, err := scim.ParseFilter(test.filter, scim.DefaultLimits)
			if err != nil {
				t.Fatal(err)
			}
			got := state.Split(test.kind, filter)
			if diff := cmp.Diff(test.key, got.Key); diff != "" {
				t.Errorf("key (-want +got):\n%s", diff)
			}
			if (got.Residual != nil) != test.residual {
				t.Errorf("residual %v, want one: %t", got.Residual, test.residual)
			}
		})
	}
	if got := state.Split(state.KindAccount, nil); got.Key != nil || got.Residual != nil {
		t.Errorf("no filter gave %+v", got)
	}
}

func key(name state.MatchName, text string) *state.MatchKey {
	return &state.MatchKey{Name: name, Text: text}
}
