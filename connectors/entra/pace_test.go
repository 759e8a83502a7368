package entra

import (
	"net/http"
	"testing"
)

// TestCost holds the reckoning against the vendor's table (learn.microsoft.com/graph/throttling-limits, identity and access): what is
// not in it costs 1, $select takes 1 off, $expand adds 1, $top below 20 takes 1 off, and nothing costs less than 1.
func TestCost(t *testing.T) {
	for _, test := range []struct {
		address, body string
		units         float64
	}{
		{"/users", "", 2},
		{"/users?$select=id", "", 1},
		{"/users?%24select=id&%24top=999&%24expand=manager", "", 2},
		{"/users?$select=id&$top=5", "", 1},
		{"/users/1?$select=id", "", 1},
		{"/users/$count", "", 1},
		{"/groups/1/members/graph.user", "", 3},
		{"/groups/1/members/microsoft.graph.user?$select=id&$top=999", "", 2},
		{"/groups/1/members?$select=id&$top=1", "", 1},
		{"/groups/1/transitiveMembers/graph.user?$select=id&$count=true", "", 4},
		{"/servicePrincipals/1/appRoleAssignedTo?$top=999", "", 1},
		{"/directory/deletedItems/graph.user?$select=id", "", 1},
		{"/directoryObjects/getByIds", `{"ids":[]}`, 3},
		{"/$batch", `{"requests":[{"id":"0","method":"GET","url":"/users/1?$select=id"},{"id":"1","method":"GET","url":"/groups/1/members?$select=id"}]}`, 3},
		{"/$batch", `{"requests":[{"id":"0","url":"/users"},{"id":"1","headers":{"a":["b"]},"url":"/users"}],"more":1}`, 4},
		{"/$batch", `{"requests":[`, 1},
		{"/$batch", ``, 1},
	} {
		req, err := http.NewRequest(http.MethodGet, "https://graph.microsoft.com/v1.0"+test.address, nil)
		if err != nil {
			t.Fatal(err)
		}
		if family, units := cost(req, []byte(test.body)); units != test.units || family != "" {
			t.Errorf("%s %s: %v units in %q, want %v", test.address, test.body, units, family, test.units)
		}
	}
}

func TestLearn(t *testing.T) {
	for value, want := range map[string]float64{"": 0, "3": 3, "2.5": 2.5, "x": 0, "NaN": 0, "1e9": 0, "-4": 0} {
		if got := learn(http.Header{"X-Ms-Resource-Unit": {value}}); got.Units != want || got.Limit != 0 {
			t.Errorf("%q: %+v", value, got)
		}
	}
}
