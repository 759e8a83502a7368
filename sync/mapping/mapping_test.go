package mapping_test

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rollcall/connectors"
	"rollcall/state/scim"
	"rollcall/sync/mapping"
)

// compile compiles rows that must be right.
func compile(tb testing.TB, rows ...mapping.Row) *mapping.Mapping {
	tb.Helper()
	m, err := mapping.Compile(rows)
	if err != nil {
		tb.Fatalf("Compile: %v", err)
	}
	return m
}

// person makes a person with the values that a mapping asks for.
func person(m *mapping.Mapping, facts connectors.Facts, values map[string]connectors.Value) *connectors.Person {
	p := &connectors.Person{ID: "7f3c", Facts: facts}
	for _, name := range m.Attributes() {
		p.Values = append(p.Values, values[name])
	}
	return p
}

func present(s string) connectors.Value { return connectors.Value{Present: true, Text: s} }

var enabled = connectors.Facts{Enabled: connectors.Yes, Assigned: connectors.Yes, SoftDeleted: connectors.No}

func TestDefaultEntra(t *testing.T) {
	m := compile(t, mapping.Default("entra")...)
	if diff := cmp.Diff([]string{"displayName", "mobile", "userPrincipalName"}, m.Attributes()); diff != "" {
		t.Errorf("attributes (-want +got):\n%s", diff)
	}
	got, err := m.Evaluate(nil, connectors.Assigned, person(m, enabled, map[string]connectors.Value{
		"userPrincipalName": present("ada@acme.example"),
		"displayName":       present("Ada"),
	}))
	if err != nil {
		t.Fatal(err)
	}
	want := []scim.Value{scim.StringValue("ada@acme.example"), scim.BoolValue(true), scim.StringValue("Ada"), {}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("values (-want +got):\n%s", diff)
	}
	targets := m.Targets()
	if targets[0].Match != 1 || targets[2].Apply != mapping.Create || targets[3].Path.Sub != "value" {
		t.Errorf("targets: %+v", targets)
	}
}

func TestDefaultOkta(t *testing.T) {
	m := compile(t, mapping.Default("okta")...)
	facts := connectors.Facts{Enabled: connectors.No, Assigned: connectors.Yes}
	got, err := m.Evaluate(nil, connectors.Assigned, person(m, facts, map[string]connectors.Value{
		"userName": present("grace@globex.example"),
		"email":    present("grace@globex.example"),
	}))
	if err != nil {
		t.Fatal(err)
	}
	want := []scim.Value{scim.StringValue("grace@globex.example"), scim.BoolValue(false), {}, {}, {}, scim.StringValue("grace@globex.example"), {}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("values (-want +got):\n%s", diff)
	}
	if mapping.Default("paper") != nil {
		t.Error("an unknown kind has a default mapping")
	}
}

func faults(err error) []mapping.Fault {
	var out []mapping.Fault
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return nil
	}
	for _, e := range joined.Unwrap() {
		var f *mapping.Fault
		if errors.As(e, &f) {
			out = append(out, *f)
		}
	}
	return out
}

func TestExpression(t *testing.T) {
	x, err := mapping.ParseExpression("AppRoleAssignmentsComplex( [appRoleAssignments] )")
	if err != nil {
		t.Fatal(err)
	}
	if got := x.String(); got != "AppRoleAssignmentsComplex([appRoleAssignments])" {
		t.Errorf("String: %s", got)
	}
	got, err := x.Evaluate(connectors.Assigned, &connectors.Person{Values: []connectors.Value{{Present: true, List: []string{"admin"}}}})
	if err != nil || len(got.List) != 1 || got.List[0].Get("value").Text != "admin" {
		t.Errorf("Evaluate: %+v, %v", got, err)
	}
	if _, err := x.Evaluate(connectors.Assigned, &connectors.Person{}); err == nil {
		t.Error("a person without values is judged")
	}
}
