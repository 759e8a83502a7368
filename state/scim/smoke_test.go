package scim_test

import (
	"fmt"
	"testing"

	"rollcall/state/scim"
)

func TestSmoke(t *testing.T) {
	v, err := scim.ReadJSON([]byte(`{"schemas":["x"],"userName":"ada","active":"True","emails":[{"value":"a@x","type":"work","primary":"true"},{"value":"A@X","type":"Work","display":"d"},"b@x"],"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{"manager":["u1"],"foo":1},"department":"Sales","name.givenName":"Ada","groups":[],"id":"1","bar":[1],"baz":null}`), scim.DefaultLimits)
	if err != nil {
		t.Fatal(err)
	}
	rt := scim.UserType()
	n, err := rt.Normalize(v)
	fmt.Println(string(n.Resource.AppendJSON(nil)), n.Dropped, err)
	p, err := scim.ParsePath(`phoneNumbers[type eq "mobile" and primary eq "True"].value`, scim.DefaultLimits)
	if err != nil {
		t.Fatal(err)
	}
	r, err := rt.Assign(n.Resource, p, scim.StringValue("123"))
	fmt.Println(string(r.AppendJSON(nil)), err)
	for _, f := range []string{`username eq ADA and not (emails co "zzz") or title pr`, `emails[type eq "work" and value co "@X"]`, `manager eq "u1"`, `email eq "b@x"`, `schemas eq "` + scim.EnterpriseURN + `"`, scim.EnterpriseURN + `:manager.value eq u1`, `emails[type eq "work"].value eq "a@x"`} {
		flt, err := scim.ParseFilter(f, scim.DefaultLimits)
		if err != nil {
			t.Fatal(f, err)
		}
		fmt.Println(flt, rt.Check(flt), rt.Matches(flt, r))
	}
}
