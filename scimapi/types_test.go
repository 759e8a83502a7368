package scimapi_test

import (
	"strings"
	"testing"

	"rollcall/scimapi"
	"rollcall/state"
	"rollcall/state/scim"
	"rollcall/state/statetest"
)

const badge = "urn:acme:scim:schemas:extension:badge:2.0:User"

// badgeSchema is an extension as a configuration could declare it.
var badgeSchema = &scim.Schema{ID: badge, Name: "Badge", Description: `What the "gate" knows.`, Attributes: []scim.Attribute{
	{Name: "number", Type: scim.DataInteger, Description: "The badge's number."},
	{Name: "issuedAt", Type: scim.DataDateTime},
	{Name: "serial", CaseExact: true, Mutability: scim.Immutable},
	{Name: "pin", Returned: scim.ReturnedNever},
	{Name: "history", Returned: scim.ReturnedRequest},
	{Name: "doors", MultiValued: true},
	{Name: "level", Type: scim.DataComplex, Sub: []scim.Attribute{
		{Name: "value", Required: true, CanonicalValues: []string{"staff", "guest"}},
		{Name: "until", Type: scim.DataDateTime},
	}},
}}

func badgeTypes(t *testing.T) scimapi.Types {
	types, err := scimapi.NewTypes([]*scim.Schema{badgeSchema}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return types
}

func TestExtensions(t *testing.T) {
	r := newReceiver(t, statetest.NewModel(), func(c *scimapi.Config) { c.Types = badgeTypes(t) })
	whole := `{"schemas":["` + scim.UserURN + `"],"userName":"ada@acme.example","` + badge + `":{"number":7,"issuedAt":"2026-01-01T10:00:00+02:00","serial":"A1",` +
		`"pin":"0000","history":"long","doors":["north","south"],"level":{"value":"staff"}}}`
	created := r.must(t, 201, "POST", "/Users", whole)
	id := created["id"].(string)
	own := func(resource map[string]any) map[string]any {
		t.Helper()
		extension, ok := resource[badge].(map[string]any)
		if !ok {
			t.Fatalf("no extension in %v", resource)
		}
		return extension
	}
	lists := func(filter string) []any {
		return r.must(t, 200, "POST", "/Users/.search", `{"filter":`+encode(filter)+`}`)["Resources"].([]any)
	}
	for name, resource := range map[string]map[string]any{
		"created": created, "read": r.must(t, 200, "GET", "/Users/"+id, ""), "listed": lists("userName pr")[0].(map[string]any),
		"patched": r.must(t, 200, "PATCH", "/Users/"+id, `{"Operations":[{"op":"add","path":"`+badge+`:doors","value":["west"]}]}`),
	} {
		got := own(resource)
		if got["number"] != 7.0 || got["serial"] != "A1" || len(resource["schemas"].([]any)) != 2 {
			t.Errorf("%s: %v", name, resource)
		}
		if _, shown := got["pin"]; shown {
			t.Errorf("%s: shows what is never returned: %v", name, got)
		}
		if _, shown := got["history"]; shown {
			t.Errorf("%s: shows what is returned on request alone: %v", name, got)
		}
	}
	asked := own(r.must(t, 200, "GET", "/Users/"+id+"?attributes="+badge+":history,"+badge+":pin", ""))
	if asked["history"] != "long" || len(asked) != 1 {
		t.Errorf("asked for history and pin: %v", asked)
	}
	for filter, want := range map[string]int{
		badge + `:number gt 6`:                                      1,
		badge + `:number gt 7`:                                      0,
		badge + `:issuedAt eq "2026-01-01T08:00:00Z"`:               1,
		badge + `:doors eq "WEST" and ` + badge + `:serial eq "A1"`: 1,
		badge + `:serial eq "a1"`:                                   0,
		badge + `:level.value eq "staff"`:                           1,
		`schemas eq "` + badge + `"`:                                1,
	} {
		if got := len(lists(filter)); got != want {
			t.Errorf("%s: %d found, want %d", filter, got, want)
		}
	}
	r.must(t, 400, "GET", "/Users?filter="+badge+":pin+pr", "")
	r.must(t, 400, "GET", "/Users?sortBy="+badge+":pin", "")
	r.must(t, 400, "PATCH", "/Users/"+id, `{"Operations":[{"op":"replace","path":"`+badge+`:serial","value":"B2"}]}`)
	r.must(t, 400, "PATCH", "/Users/"+id, `{"Operations":[{"op":"replace","path":"`+badge+`:number","value":"seven"}]}`)
	r.must(t, 400, "POST", "/Users", `{"userName":"bob","`+badge+`":{"level":{"until":"2026-01-01T00:00:00Z"}}}`)

	for _, number := range []string{"10", "9", "-1", "2.0e0"} {
		r.must(t, map[bool]int{true: 400, false: 201}[strings.Contains(number, "e")], "POST", "/Users",
			`{"userName":"n`+number+`","`+badge+`":{"number":`+number+`}}`)
	}
	var order []any
	for _, user := range r.must(t, 200, "GET", "/Users?sortBy="+badge+":number", "")["Resources"].([]any) {
		order = append(order, own(user.(map[string]any))["number"])
	}
	if encode(order) != "[-1,7,9,10]" {
		t.Errorf("in order: %v", order)
	}
}

// TestDiscoveryTellsOfExtensions asks two sources, of which one has an extension.
func TestDiscoveryTellsOfExtensions(t *testing.T) {
	types := badgeTypes(t)
	r := newReceiver(t, statetest.NewModel(), func(c *scimapi.Config) {
		c.Sources = func(name string) (scimapi.Source, bool) {
			if name == acme.Source {
				return scimapi.Source{Tenant: acme.Tenant, Types: types}, true
			}
			return scimapi.Source{Tenant: globex.Tenant}, true
		}
	})
	other := r.issue(t, globex, func(*state.Key) {})
	schema := r.must(t, 200, "GET", "/Schemas/"+strings.ToUpper(badge), "")
	if schema["description"] != badgeSchema.Description || len(schema["attributes"].([]any)) != len(badgeSchema.Attributes) {
		t.Errorf("%v", schema)
	}
	if n := r.must(t, 200, "GET", "/Schemas", "")["totalResults"]; n != 4.0 {
		t.Errorf("%v schemas, want 4", n)
	}
	extensions := r.must(t, 200, "GET", "/ResourceTypes/User", "")["schemaExtensions"].([]any)
	if len(extensions) != 2 || extensions[1].(map[string]any)["schema"] != badge {
		t.Errorf("%v", extensions)
	}
	r.must(t, 404, "GET", "/Schemas/"+badge, "", "Authorization", other)
	if n := r.must(t, 200, "GET", "/Schemas", "", "Authorization", other)["totalResults"]; n != 3.0 {
		t.Errorf("%v schemas for a source without extensions, want 3", n)
	}
	body := `{"userName":"a","` + badge + `":{"number":7}}`
	if _, kept := r.must(t, 201, "POST", "/Users", body)[badge]; !kept {
		t.Error("the extension is not kept")
	}
	if _, kept := r.must(t, 201, "POST", "/Users", body, "Authorization", other)[badge]; kept {
		t.Error("another source's extension is kept")
	}
}

func TestNewTypesRefuses(t *testing.T) {
	other := *badgeSchema
	unique := &scim.Schema{ID: "urn:acme:u", Attributes: []scim.Attribute{{Name: "number", Uniqueness: scim.UniqueServer}}}
	inside := &scim.Schema{ID: "urn:acme:u", Attributes: []scim.Attribute{{Name: "x", Type: scim.DataComplex, Sub: []scim.Attribute{{Name: "y", Uniqueness: scim.UniqueGlobal}}}}}
	for name, lists := range map[string][2][]*scim.Schema{
		"unique":            {{unique}, nil},
		"unique inside":     {nil, {inside}},
		"two under one URN": {{badgeSchema}, {&other}},
		"twice":             {{badgeSchema, badgeSchema}, nil},
		"no URN":            {{{ID: "badge"}}, nil},
		"the core's URN":    {nil, {{ID: scim.GroupURN}}},
	} {
		if _, err := scimapi.NewTypes(lists[0], lists[1]); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, err := scimapi.NewTypes([]*scim.Schema{badgeSchema}, []*scim.Schema{badgeSchema}); err != nil {
		t.Errorf("one schema for both: %v", err)
	}
}
