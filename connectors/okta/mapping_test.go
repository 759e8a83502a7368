package okta_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rollcall/connectors"
	"rollcall/connectors/idpsim"
)

const enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"

// TestMappingOfAnOrg reads how a whole simulated org provisions people.
func TestMappingOfAnOrg(t *testing.T) {
	o := newOrg(t)
	o.do(t, idpsim.Step{Do: "push-status", Attribute: "title", Value: "DONT_PUSH"}, idpsim.Step{Do: "provisioning", Value: "create=off"})
	got, err := o.open(t).Mapping(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	always, once := connectors.ApplyAlways, connectors.ApplyCreate
	want := connectors.Mapping{
		Scope: connectors.Assigned, Create: connectors.No, Update: connectors.Yes, Deactivate: connectors.Yes,
		Rows: []connectors.MappingRow{
			{Target: "userName", Source: "[userName]", Match: 1, Apply: always},
			{Target: "active", Source: "[active]", Apply: always},
			{Target: enterprise + ":department", Source: "[department]", Apply: always},
			{Target: "displayName", Source: "[displayName]", Apply: always},
			{Target: "emails[primary eq true].value", Source: "[email]", Apply: always},
			{Target: enterprise + ":employeeNumber", Source: "[employeeNumber]", Apply: always},
			{Target: "name.familyName", Source: "[familyName]", Apply: always},
			{Target: "name.givenName", Source: "[givenName]", Apply: always},
			{Target: `phoneNumbers[type eq "mobile"].value`, Source: "[mobilePhone]", Apply: always},
			{Target: "title", Source: "[title]", Apply: once},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestMappingTargets: each form of an external name is a path of SCIM, or is left with the reason.
func TestMappingTargets(t *testing.T) {
	const core = "urn:ietf:params:scim:schemas:core:2.0:User"
	for _, test := range []struct{ name, namespace, want string }{
		{"nickName", core, "nickName"},
		{"nickName", "", "nickName"},
		{"name.honorificPrefix", strings.ToUpper(core), "name.honorificPrefix"},
		{"manager.value", enterprise, enterprise + ":manager.value"},
		{"badge", "urn:example:scim:2.0:Badge", "urn:example:scim:2.0:Badge:badge"},
		{"emails.^[primary==true].value", core, "emails[primary eq true].value"},
		{"emails.^[primary==false].type", core, "emails[primary eq false].type"},
		{"phoneNumbers.^[type==mobile].value", core, `phoneNumbers[type eq "mobile"].value`},
		{"addresses.^[type=='work'].streetAddress", core, `addresses[type eq "work"].streetAddress`},
		{`addresses.^[type == "work" && primary==true].region`, core, `addresses[type eq "work" and primary eq true].region`},
		{`emails[type eq "work"].value`, core, `emails[type eq "work"].value`},
		{`emails[type eq "work" and primary eq true].value`, core, `emails[type eq "work" and primary eq true].value`},
		{"emails.[1].value", core, "no attribute of its own"},
		{"emails.^[type==work || primary==true].value", core, "no attribute of its own"},
		{`emails.^[type!='work'].value`, core, "no attribute of its own"},
		{"emails.^[type=='a\" or \"b'].value", core, "no attribute of its own"},
		{"a.b.c", core, "no path of SCIM"},
		{"x y", core, "no path of SCIM"},
		{"", core, "has no external name"},
		{"nickName", "HR", "no URN"},
		{"nickName", "urn:x[y]", "no URN"},
		{"userName", core, "as the name at the application does already"},
		{"active", core, "as the status does already"},
	} {
		f := newFake(t)
		f.provisioned()
		f.schema(map[string][2]string{"one": {test.name, test.namespace}})
		got, err := f.open().Mapping(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		switch {
		case len(got.Rows) == 3:
			if got.Rows[2].Target != test.want || got.Rows[2].Source != "[one]" || len(got.Left) > 0 {
				t.Errorf("%s in %s: %+v", test.name, test.namespace, got)
			}
		case len(got.Left) != 1 || !strings.Contains(got.Left[0], "The property one ") || !strings.Contains(got.Left[0], test.want):
			t.Errorf("%s in %s: %+v", test.name, test.namespace, got)
		}
	}
}

// schema gives the application's users properties: external names and namespaces, by name.
func (f *fake) schema(properties map[string][2]string) {
	custom := map[string]map[string]string{}
	for name, external := range properties {
		custom[name] = map[string]string{"externalName": external[0], "externalNamespace": external[1], "type": "string"}
	}
	text, err := json.Marshal(custom)
	if err != nil {
		f.t.Fatal(err)
	}
	f.on(schemaPath, ok(`{"definitions":{"base":{"properties":{"userName":{}}},"custom":{"properties":`+string(text)+`}}}`))
}

// TestMappingLeaves what two properties share to the first, and what has no name to write.
func TestMappingLeaves(t *testing.T) {
	f := newFake(t)
	f.provisioned()
	f.schema(map[string][2]string{"b": {"nickName", ""}, "a": {"nickname", ""}, "c-d": {"title", ""}})
	got, err := f.open().Mapping(t.Context())
	if err != nil || len(got.Rows) != 3 || got.Rows[2].Source != "[a]" {
		t.Fatalf("%+v, %v", got, err)
	}
	want := []string{"The property b goes to nickName, as a does already.", "The property c-d has a name that cannot be written in a mapping."}
	if diff := cmp.Diff(want, got.Left); diff != "" {
		t.Error(diff)
	}
}

// TestMappingUnreadable: what is needed is told with its mend; what is not is left with it.
func TestMappingUnreadable(t *testing.T) {
	const denied = `{"errorCode":"E0000006","errorSummary":"x"}`
	for name, test := range map[string]struct {
		path   string
		answer http.HandlerFunc
		kind   error // nil: it is read, and something is left
		says   string
	}{
		"application":  {app, ok(`{"id":"` + appID + `","status":"INACTIVE"}`), connectors.ErrSourceLost, "active"},
		"provisioning": {features, status(403, denied), connectors.ErrForbidden, "okta.apps.read"},
		"not set up":   {features, status(400, `{"errorCode":"E0000001","errorSummary":"x"}`), connectors.ErrGone, "Integration"},
		"all off":      {features, ok(feature("DISABLED", "DISABLED", "DISABLED")), connectors.ErrGone, "To App"},
		"schema":       {schemaPath, status(403, denied), connectors.ErrForbidden, "okta.schemas.read"},
		"no schema":    {schemaPath, ok(`{}`), connectors.ErrIncomplete, "another form"},
		"odd schema":   {schemaPath, ok(`{"definitions":{"base":{"properties":[]}}}`), connectors.ErrIncomplete, "another form"},
		"mappings":     {"/api/v1/mappings", status(403, denied), nil, "okta.profileMappings.read"},
		"one mapping":  {"/api/v1/mappings/prm1", status(404, notFound), nil, "does not offer"},
		"another one":  {"/api/v1/mappings/prm1", ok(`{"status":"ok"}`), connectors.ErrIncomplete, "another form"},
		"they fail":    {"/api/v1/mappings", status(503, `{}`), connectors.ErrUnreachable, ""},
		"no id":        {"/api/v1/mappings", ok(`[{"id":"../x"}]`), connectors.ErrIncomplete, ""},
	} {
		f := newFake(t)
		f.provisioned()
		f.on(test.path, test.answer)
		got, err := f.open().Mapping(t.Context())
		if !errors.Is(err, test.kind) || err != nil && !strings.Contains(connectors.Mend(err)+connectors.Reason(err), test.says) {
			t.Errorf("%s: %v", name, err)
		}
		if test.kind == nil && (len(got.Rows) != 2 || len(got.Left) != 1 || !strings.Contains(got.Left[0], test.says)) {
			t.Errorf("%s: %+v", name, got)
		}
	}
}

// TestMappingWithoutScopes: a service app that was not granted the schema is told so; the mappings are left.
func TestMappingWithoutScopes(t *testing.T) {
	o := newOrg(t)
	o.do(t, idpsim.Step{Do: "okta-revoke", Value: "okta.profileMappings.read"})
	got, err := o.open(t).Mapping(t.Context())
	if err != nil || len(got.Rows) != 10 || !slices.ContainsFunc(got.Left, func(left string) bool {
		return strings.Contains(left, "grant the service app okta.profileMappings.read")
	}) {
		t.Errorf("%+v, %v", got, err)
	}
	o = newOrg(t)
	o.do(t, idpsim.Step{Do: "okta-revoke", Value: "okta.schemas.read"})
	if _, err := o.open(t).Mapping(t.Context()); !errors.Is(err, connectors.ErrForbidden) || !strings.Contains(connectors.Mend(err), "okta.schemas.read") {
		t.Errorf("without the scope: %v", err)
	}
}

// FuzzMappingTargets: whatever an administrator wrote as an external name, there is a row or a sentence, and neither breaks a line.
func FuzzMappingTargets(f *testing.F) {
	for _, seed := range []string{"nickName", "emails.^[primary==true].value", `a[b eq "c"].d`, "x.[1].y", "a.^[b=='c' && d==true].e", "\n"} {
		f.Add(seed, enterprise)
	}
	f.Fuzz(func(t *testing.T, name, namespace string) {
		fake := newFake(t)
		fake.provisioned()
		fake.schema(map[string][2]string{"one": {name, namespace}})
		got, err := fake.open().Mapping(t.Context())
		if err != nil || len(got.Rows)+len(got.Left) != 3 {
			t.Fatalf("%+v, %v", got, err)
		}
		for _, row := range got.Rows {
			if strings.ContainsAny(row.Target, "\r\n") {
				t.Errorf("%q", row.Target)
			}
		}
		for _, left := range got.Left {
			if strings.ContainsAny(left, "\r\n") {
				t.Errorf("%q", left)
			}
		}
	})
}
