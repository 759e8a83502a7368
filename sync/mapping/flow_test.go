package mapping_test

import (
	"crypto/rand"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rollcall/connectors"
	"rollcall/state/scim"
	"rollcall/sync/mapping"
)

const enterprise = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"

// one compiles a row beside userName, and returns what it makes of the attributes.
func one(t *testing.T, row mapping.Row, attributes in) (mapping.Target, scim.Value, error) {
	t.Helper()
	m := compile(t, mapping.Row{Target: "userName", Source: `"ada@acme.example"`}, row).At(today, rand.Reader)
	p := &connectors.Person{Facts: enabled, Values: attributes.of(m.Attributes())}
	values, err := m.Evaluate(nil, connectors.Assigned, p)
	if err != nil {
		if len(values) != 2 || values[0].Text != "ada@acme.example" || values[1].Kind != scim.Null {
			t.Errorf("beside an error: %v; want the other row's value, and null", values)
		}
		return m.Targets()[1], scim.Value{}, err
	}
	return m.Targets()[1], values[1], nil
}

// TestTargets: each target has the schema's spelling and its value the schema's type.
func TestTargets(t *testing.T) {
	str := scim.StringValue
	tests := []struct {
		target, source string
		in             in
		path           string
		want           scim.Value
	}{
		{"TITLE", "[x]", in{"x": "Engineer"}, "title", str("Engineer")},
		{"title", "[x]", in{"x": ""}, "title", str("")},
		{"title", "[x]", in{"x": []string{"a"}}, "title", str("a")},
		{"title", "[x]", in{"x": []string{}}, "title", scim.Value{}},
		{"title", "Count([x])", in{"x": []string{"a"}}, "title", str("1")},
		{"active", "[x]", in{"x": "True"}, "active", scim.BoolValue(true)},
		{"active", "[x]", in{"x": "true"}, "active", scim.BoolValue(true)},
		{"active", "[x]", in{"x": "TRUE"}, "active", scim.BoolValue(true)},
		{"active", "[x]", in{"x": "False"}, "active", scim.BoolValue(false)},
		{"active", "[x]", in{"x": "false"}, "active", scim.BoolValue(false)},
		{"active", "[x]", nil, "active", scim.Value{}},
		{"active", `IgnoreFlowIfNullOrEmpty(Switch([x], "", "1", "True"))`, in{"x": "2"}, "active", scim.Value{}},
		{"Name.GivenName", "[x]", in{"x": "Ada"}, "name.givenName", str("Ada")},
		{`Emails[Type eq "work"].Value`, "[x]", in{"x": "a@acme.example"}, `emails[type eq "work"].value`, str("a@acme.example")},
		{`emails[type eq "work" and primary eq "True"].value`, "[x]", in{"x": "a@acme.example"}, `emails[type eq "work" and primary eq true].value`, str("a@acme.example")},
		{`roles[primary eq "True"].display`, "[x]", in{"x": "Admin"}, `roles[primary eq true].display`, str("Admin")},
		{`addresses[type eq "work"].primary`, "[x]", in{"x": "True"}, `addresses[type eq "work"].primary`, scim.BoolValue(true)},
		{"department", "[x]", in{"x": "Sales"}, enterprise + ":department", str("Sales")},
		{enterprise + ":Department", "[x]", in{"x": "Sales"}, enterprise + ":department", str("Sales")},
		{enterprise + ":manager", "[manager]", in{"manager": "7f3c"}, enterprise + ":manager.value", str("7f3c")},
		{"urn:ietf:params:scim:schemas:core:2.0:User:title", "[x]", in{"x": "Engineer"}, "title", str("Engineer")},
		{"externalId", "[x]", in{"x": "7f3c"}, "externalId", str("7f3c")},
	}
	for _, test := range tests {
		t.Run(test.target+" "+test.source, func(t *testing.T) {
			target, got, err := one(t, mapping.Row{Target: test.target, Source: test.source}, test.in)
			if err != nil {
				t.Fatal(err)
			}
			if target.Path.String() != test.path || target.Text != test.target {
				t.Errorf("path %s of %q, want %s", target.Path, target.Text, test.path)
			}
			if target.Reference != strings.Contains(test.target, "manager") {
				t.Errorf("reference: %v", target.Reference)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("value (-want +got):\n%s", diff)
			}
		})
	}
}

// TestWrongKinds: a value that the target can't take is an error for the person, never a guess and never a deactivation.
func TestWrongKinds(t *testing.T) {
	tests := []struct {
		target string
		x      any
		want   string
	}{
		{"active", "maybe", `active: "True" or "False" is needed, the value is another text`},
		{"active", "", `active: "True" or "False" is needed`},
		{"active", "1", `active: "True" or "False" is needed`},
		{"active", "0", `active: "True" or "False" is needed`},
		{"active", []string{"True", "False"}, "active: one value is needed, the attribute has 2"},
		{"title", []string{"a", "b"}, "title: one value is needed"},
	}
	for _, test := range tests {
		_, _, err := one(t, mapping.Row{Target: test.target, Source: "[x]"}, in{"x": test.x})
		var personal *mapping.PersonError
		if !errors.As(err, &personal) || personal.Row != 1 || personal.Target != test.target || !strings.HasPrefix(err.Error(), test.want) {
			t.Errorf("%s of %v: %v, want %s", test.target, test.x, err, test.want)
		}
	}
	m := compile(t, mapping.Row{Target: "userName", Source: "[x]"})
	if _, err := m.Evaluate(nil, connectors.Assigned, &connectors.Person{Values: []connectors.Value{present(" ")}}); err == nil {
		t.Error("an empty userName is let through")
	}
	if _, err := m.Evaluate(nil, connectors.Assigned, &connectors.Person{}); err == nil || !strings.Contains(err.Error(), "0 values, the mapping asked for 1") {
		t.Errorf("a person without values: %v", err)
	}
}

// TestEvaluateAppends: dst keeps what it had; values beyond the mapping's own are left alone; a target that cannot be evaluated is null
// and spoils no other.
func TestEvaluateAppends(t *testing.T) {
	m := compile(t, mapping.Row{Target: "userName", Source: "[u]"}, mapping.Row{Target: "active", Source: "[v]"})
	dst := []scim.Value{scim.StringValue("before")}
	got, err := m.Evaluate(dst, connectors.Assigned, &connectors.Person{Values: []connectors.Value{present("ada"), present("True"), present("more")}})
	want := []scim.Value{scim.StringValue("before"), scim.StringValue("ada"), scim.BoolValue(true)}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Errorf("%v (-want +got):\n%s", err, diff)
	}
	got, err = m.Evaluate(dst, connectors.Assigned, &connectors.Person{Values: []connectors.Value{present(" "), present("True")}})
	want = []scim.Value{scim.StringValue("before"), {}, scim.BoolValue(true)}
	if diff := cmp.Diff(want, got); err == nil || diff != "" {
		t.Errorf("with an error in one target: %v (-want +got):\n%s", err, diff)
	}
	got, err = m.Evaluate(dst, connectors.Assigned, &connectors.Person{})
	if diff := cmp.Diff([]scim.Value{scim.StringValue("before"), {}, {}}, got); err == nil || diff != "" {
		t.Errorf("without values: %v (-want +got):\n%s", err, diff)
	}
}

func TestFlow(t *testing.T) {
	m := compile(t,
		mapping.Row{Target: "userName", Source: "[u]", Match: 2},
		mapping.Row{Target: "externalId", Source: "ToLower([u])", Match: 1, Apply: mapping.Never},
		mapping.Row{Target: "title", Source: "[u]", Apply: mapping.Add},
		mapping.Row{Target: "userType", Default: "employee"},
		mapping.Row{Target: "active", Source: "[a]", Default: "True", Apply: mapping.Create},
		mapping.Row{Target: "nickName", Source: "Guid()"},
		mapping.Row{Target: "locale", Source: `IIF(DateDiff("d", Now(), [d]) > 5, "en", "de")`},
		mapping.Row{Target: "roles", Source: "AppRoleAssignmentsComplex([appRoleAssignments])"},
	)
	if diff := cmp.Diff([]string{"a", "appRoleAssignments", "d", "u"}, m.Attributes()); diff != "" {
		t.Errorf("attributes (-want +got):\n%s", diff)
	}
	type brief struct {
		Match           int
		Apply           mapping.Apply
		Default         scim.Value
		Volatile, Merge bool
	}
	var got []brief
	for _, target := range m.Targets() {
		got = append(got, brief{target.Match, target.Apply, target.Default, target.Volatile, target.Merge})
	}
	want := []brief{
		{Match: 2, Apply: mapping.Always},
		{Match: 1, Apply: mapping.Never},
		{Apply: mapping.Add},
		{Apply: mapping.Always, Default: scim.StringValue("employee")},
		{Apply: mapping.Create, Default: scim.BoolValue(true)},
		{Apply: mapping.Always, Volatile: true},
		{Apply: mapping.Always, Volatile: true},
		{Apply: mapping.Always, Merge: true},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("targets (-want +got):\n%s", diff)
	}
	attributes := in{"u": "Ada", "d": "2026-04-01", "appRoleAssignments": []string{`{"value":"admin","displayName":"Admin"}`, "user"}}
	values, err := m.At(today, rand.Reader).Evaluate(nil, connectors.Assigned, &connectors.Person{Values: attributes.of(m.Attributes())})
	if err != nil {
		t.Fatal(err)
	}
	if values[1].Text != "ada" || values[3].Kind != scim.Null || values[4].Kind != scim.Null || values[6].Text != "en" {
		t.Errorf("values: %+v", values)
	}
	role := func(fields ...scim.Field) scim.Value {
		return scim.ObjectOf(append(fields, scim.Field{Name: "type", Value: scim.StringValue("WindowsAzureActiveDirectoryRole")}, scim.Field{Name: "primary", Value: scim.BoolValue(false)})...)
	}
	wantRoles := scim.ListOf(
		role(scim.Field{Name: "value", Value: scim.StringValue("admin")}, scim.Field{Name: "display", Value: scim.StringValue("Admin")}),
		role(scim.Field{Name: "value", Value: scim.StringValue("user")}))
	if diff := cmp.Diff(wantRoles, values[7]); diff != "" {
		t.Errorf("roles (-want +got):\n%s", diff)
	}
}

// TestUserNameMatches where no row says what does.
func TestUserNameMatches(t *testing.T) {
	m := compile(t, mapping.Row{Target: "title", Source: "[t]"}, mapping.Row{Target: "userName", Source: "[u]"})
	if m.Targets()[0].Match != 0 || m.Targets()[1].Match != 1 {
		t.Errorf("targets: %+v", m.Targets())
	}
}

// TestHash: the hash follows what a mapping means, not how it is written.
func TestHash(t *testing.T) {
	base := mapping.Row{Target: `emails[type eq "work"].value`, Source: `Switch([a], , "b", "c")`, Apply: mapping.Always}
	hash := func(row mapping.Row) uint64 {
		return compile(t, mapping.Row{Target: "userName", Source: "[u]"}, row).Hash()
	}
	want := hash(base)
	same := []mapping.Row{
		{Target: `EMAILS[ type eq "work" ].value`, Source: base.Source},
		{Target: base.Target, Source: "Switch( [a],\n\t, \"b\", \"c\" )", Apply: mapping.Always},
	}
	for _, row := range same {
		if hash(row) != want {
			t.Errorf("%+v has another hash", row)
		}
	}
	other := []mapping.Row{
		{Target: `emails[type eq "home"].value`, Source: base.Source},
		{Target: base.Target, Source: `Switch([a], "", "b", "c")`},
		{Target: base.Target, Source: `Switch([a], , "b", "C")`},
		{Target: base.Target, Source: base.Source, Apply: mapping.Create},
		{Target: base.Target, Source: base.Source, Match: 2},
		{Target: base.Target, Source: base.Source, Default: "d"},
	}
	seen := map[uint64]bool{want: true}
	for _, row := range other {
		if h := hash(row); seen[h] {
			t.Errorf("%+v has the hash of another mapping", row)
		} else {
			seen[h] = true
		}
	}
}

// TestConcurrent evaluates one mapping on many goroutines; run with -race it proves that nothing is shared.
func TestConcurrent(t *testing.T) {
	m := compile(t, fortyRows...).At(today, rand.Reader)
	p := &connectors.Person{Facts: enabled, Values: in{"givenName": "Ada", "surname": "Lovelace", "telephoneNumber": "(1) 2"}.of(m.Attributes())}
	want, err := m.Evaluate(nil, connectors.Assigned, p)
	if err != nil {
		t.Fatal(err)
	}
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			for range 100 {
				got, err := m.Evaluate(nil, connectors.Assigned, p)
				if err != nil || !cmp.Equal(want, got) {
					t.Errorf("%v: %v", err, got)
				}
			}
		})
	}
	group.Wait()
}
