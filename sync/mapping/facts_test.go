package mapping_test

import (
	"fmt"
	"testing"

	"rollcall/connectors"
	"rollcall/state/scim"
	"rollcall/sync/mapping"
)

const (
	yes     = connectors.Yes
	no      = connectors.No
	unknown = connectors.Unknown
)

// TestIsSoftDeleted: one positive fact decides, and without one every fact must be known. What comes of it is checked through the
// default mapping, because that is what deactivates.
func TestIsSoftDeleted(t *testing.T) {
	m := compile(t, mapping.Default("entra")...)
	for _, scope := range []string{connectors.Assigned, connectors.Everyone} {
		for _, f := range allFacts() {
			t.Run(fmt.Sprintf("%s enabled=%d assigned=%d deleted=%d", scope, f.Enabled, f.Assigned, f.SoftDeleted), func(t *testing.T) {
				positive := f.SoftDeleted == yes || f.Enabled == no || scope == connectors.Assigned && f.Assigned == no
				negative := f.SoftDeleted == no && f.Enabled == yes && (scope == connectors.Everyone || f.Assigned == yes)
				checkActive(t, m, scope, f, positive, negative)
			})
		}
	}
}

// TestOktaActive: as above, except that nothing needs to be known of a recycle bin.
func TestOktaActive(t *testing.T) {
	m := compile(t, mapping.Default("okta")...)
	for _, scope := range []string{connectors.Assigned, connectors.Everyone} {
		for _, f := range allFacts() {
			t.Run(fmt.Sprintf("%s enabled=%d assigned=%d deleted=%d", scope, f.Enabled, f.Assigned, f.SoftDeleted), func(t *testing.T) {
				positive := f.SoftDeleted == yes || f.Enabled == no || scope == connectors.Assigned && f.Assigned == no
				negative := f.SoftDeleted != yes && f.Enabled == yes && (scope == connectors.Everyone || f.Assigned == yes)
				checkActive(t, m, scope, f, positive, negative)
			})
		}
	}
}

func allFacts() []connectors.Facts {
	var all []connectors.Facts
	for _, e := range []connectors.Answer{unknown, no, yes} {
		for _, a := range []connectors.Answer{unknown, no, yes} {
			for _, d := range []connectors.Answer{unknown, no, yes} {
				all = append(all, connectors.Facts{Enabled: e, Assigned: a, SoftDeleted: d})
			}
		}
	}
	return all
}

// checkActive expects active false where a fact is positive, true where all are negative, and otherwise that nothing flows.
func checkActive(t *testing.T, m *mapping.Mapping, scope string, f connectors.Facts, positive, negative bool) {
	t.Helper()
	values, err := m.Evaluate(nil, scope, person(m, f, nil))
	if err != nil {
		t.Fatal(err)
	}
	want := scim.Value{}
	switch {
	case positive:
		want = scim.BoolValue(false)
	case negative:
		want = scim.BoolValue(true)
	}
	if got := values[1]; got.Kind != want.Kind || got.Bool != want.Bool {
		t.Errorf("active is %+v, want %+v", got, want)
	}
}

// TestUnknownFactsNeverFlow: however an expression asks, it can make nothing of a fact that is not known.
func TestUnknownFactsNeverFlow(t *testing.T) {
	for _, source := range []string{
		`[IsSoftDeleted]`,
		`Not([IsSoftDeleted])`,
		`Switch([IsSoftDeleted], "False", "False", "True")`,
		`Switch([IsSoftDeleted], "False", "", "False")`,
		`IIF([IsSoftDeleted] = "False", "True", "False")`,
		`IIF(Not([IsSoftDeleted]), "True", "False")`,
		`IIF(CBool([IsSoftDeleted]), "False", "True")`,
		`Coalesce([IsSoftDeleted], "False")`,
		`IsNull([IsSoftDeleted])`,
		`IsPresent([IsSoftDeleted])`,
		`CBool([active])`,
		`Switch(ToLower([active]), "False", "true", "True")`,
		`IIF(IsString([active]) = "True", "True", "False")`,
	} {
		got, err := evaluate(t, source, nil, connectors.Facts{})
		if err != nil || got.Kind != scim.Null {
			t.Errorf("%s: %+v, %v; want null", source, got, err)
		}
	}
}

// TestKnownFacts are the vectors of the reference that ask for IsSoftDeleted itself.
func TestKnownFacts(t *testing.T) {
	disabled := connectors.Facts{Enabled: no, Assigned: yes, SoftDeleted: no}
	for _, test := range []struct {
		source string
		facts  connectors.Facts
		want   string
	}{
		{`Not([IsSoftDeleted])`, disabled, "False"}, // V-63
		{`Not([IsSoftDeleted])`, enabled, "True"},   // V-64
		{switchSeed, enabled, "True"},               // V-102
		{switchSeed, disabled, "False"},             // V-103
		{`[IsSoftDeleted]`, disabled, "True"},
		{`[active]`, disabled, "False"},
		{`IIF([state] = "x", "a", [IsSoftDeleted])`, enabled, "False"},
	} {
		got, err := evaluate(t, test.source, nil, test.facts)
		if err != nil || got.Text != test.want {
			t.Errorf("%s: %+v, %v; want %s", test.source, got, err, test.want)
		}
	}
}

// TestFactsThatAreNotAskedFor: an expression that decides before it comes to a fact needs not know it.
func TestFactsThatAreNotAskedFor(t *testing.T) {
	got, err := evaluate(t, `IIF([state] = "off", "False", Not([IsSoftDeleted]))`, in{"state": "off"}, connectors.Facts{})
	if err != nil || got.Text != "False" {
		t.Errorf("%+v, %v", got, err)
	}
}
