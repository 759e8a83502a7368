package mapping_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"rollcall/connectors"
	"rollcall/sync/mapping"
)

func TestTrace(t *testing.T) {
	x, err := mapping.ParseExpression(`ToLower(Join("@", NormalizeDiacritics([givenName]), Item([proxyAddresses], [givenName]), [givenName]))`)
	if err != nil {
		t.Fatal(err)
	}
	values := map[string]connectors.Value{"givenName": present("Zoë"), "proxyAddresses": {Present: true, List: []string{"a", "b"}}}
	p := &connectors.Person{}
	for _, name := range x.Attributes() {
		p.Values = append(p.Values, values[name])
	}
	var got []string
	for _, step := range x.Trace(connectors.Assigned, p) {
		line := step.Part + " = " + string(step.Value.AppendJSON(nil))
		if step.Err != nil {
			line = step.Part + " fails"
		}
		got = append(got, line)
	}
	want := []string{
		`[givenName] = "Zoë"`,
		`NormalizeDiacritics([givenName]) = "Zoe"`,
		`[proxyAddresses] = ["a","b"]`,
		`Item([proxyAddresses], [givenName]) fails`,
		`Join("@", NormalizeDiacritics([givenName]), Item([proxyAddresses], [givenName]), [givenName]) fails`,
		`ToLower(Join("@", NormalizeDiacritics([givenName]), Item([proxyAddresses], [givenName]), [givenName])) fails`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestTraceWithin: an expression of a mapping within scoping filters sees who is outside them, and without filters nobody is.
func TestTraceWithin(t *testing.T) {
	filters, err := mapping.CompileScoping([][]mapping.Clause{{{Attribute: "department", Operator: "IS NOT NULL"}}})
	if err != nil {
		t.Fatal(err)
	}
	x, err := mapping.ParseExpression("Not([IsSoftDeleted])")
	if err != nil {
		t.Fatal(err)
	}
	outside := &connectors.Person{Facts: connectors.Facts{Enabled: yes, Assigned: yes, SoftDeleted: no, OutOfScope: yes}, Values: make([]connectors.Value, len(x.Attributes()))}
	for _, c := range []struct {
		within *mapping.Scoping
		want   string
	}{{nil, `"True"`}, {filters, `"False"`}} {
		for _, step := range x.Within(c.within).Trace(connectors.Assigned, outside) {
			if got := string(step.Value.AppendJSON(nil)); step.Part == x.String() && got != c.want {
				t.Errorf("within %v: %s = %s, want %s", c.within != nil, step.Part, got, c.want)
			}
		}
	}
}
