package sync_test

import (
	"strings"
	"testing"

	"rollcall/state"
	"rollcall/state/scim"
)

// TestDeclaredExtensionsOutliveAWrite: a run that writes an account keeps what was pushed into an extension that a configuration declares.
func TestDeclaredExtensionsOutliveAWrite(t *testing.T) {
	const badge = "urn:acme:scim:schemas:extension:2.0:User"
	users, err := scim.UserType().With(&scim.Schema{ID: badge, Attributes: []scim.Attribute{{Name: "number"}}})
	if err != nil {
		t.Fatal(err)
	}
	w := populated(t, "ada")
	w.engine.Users = users
	account := w.account("ada")
	w.push(state.Mutation{ID: account.ID, Put: &state.Put{
		Base: account.Version, Resource: decode(t, string(account.Resource)).With(badge, scim.ObjectOf(scim.Field{Name: "number", Value: scim.StringValue("A-7")})),
	}})
	w.soul("ada").values["userPrincipalName"] = "ada.acker@acme.example"
	w.clock.hour()
	w.hand()
	if got := string(w.account("ada.acker").Resource); !strings.Contains(got, `"number":"A-7"`) {
		t.Errorf("after the run the account is %s", got)
	}
}
