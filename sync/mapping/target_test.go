package mapping

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"rollcall/state/scim"
)

// TestTyped covers the types that no standard attribute of a user has, but an extension's may.
func TestTyped(t *testing.T) {
	number := func(text string) scim.Value { return scim.Value{Kind: scim.Number, Text: text} }
	tests := []struct {
		attribute scim.Attribute
		in        value
		want      scim.Value
		wrong     bool
	}{
		{scim.Attribute{Type: scim.DataInteger}, numberValue(7), number("7"), false},
		{scim.Attribute{Type: scim.DataInteger}, textValue("007"), number("7"), false},
		{scim.Attribute{Type: scim.DataInteger}, textValue("7.5"), scim.Value{}, true},
		{scim.Attribute{Type: scim.DataInteger}, textValue(""), scim.Value{}, true},
		{scim.Attribute{Type: scim.DataDecimal}, textValue("1e2"), number("100"), false},
		{scim.Attribute{Type: scim.DataDecimal}, numberValue(-3), number("-3"), false},
		{scim.Attribute{Type: scim.DataDecimal}, textValue("NaN"), scim.Value{}, true},
		{scim.Attribute{Type: scim.DataDecimal}, textValue("1e999"), scim.Value{}, true},
		{scim.Attribute{Type: scim.DataDateTime}, textValue("3/16/2020 7:00:00 AM"), scim.StringValue("2020-03-16T07:00:00Z"), false},
		{scim.Attribute{Type: scim.DataDateTime}, textValue("soon"), scim.Value{}, true},
		{scim.Attribute{Type: scim.DataString, MultiValued: true}, textValue("a"), scim.ListOf(scim.StringValue("a")), false},
		{scim.Attribute{Type: scim.DataString, MultiValued: true}, listValue([]string{"a", "b"}), scim.ListOf(scim.StringValue("a"), scim.StringValue("b")), false},
	}
	for _, test := range tests {
		got, err := shape{attribute: &test.attribute}.typed(test.in)
		if diff := cmp.Diff(test.want, got); diff != "" || (err != nil) != test.wrong {
			t.Errorf("%s of %q: %v (-want +got):\n%s", test.attribute.Type, test.in, err, diff)
		}
	}
	if _, err := (shape{roles: true}).typed(textValue("admin")); err == nil {
		t.Error("a text is taken for app roles")
	}
}

// TestAccepts: what a target takes is what typed can make of it.
func TestAccepts(t *testing.T) {
	for _, test := range []struct {
		attribute scim.Attribute
		want      kinds
	}{
		{scim.Attribute{Type: scim.DataInteger}, someNumber},
		{scim.Attribute{Type: scim.DataDateTime}, someDate},
		{scim.Attribute{Type: scim.DataBoolean}, someBool},
		{scim.Attribute{Type: scim.DataString}, anyText},
		{scim.Attribute{Type: scim.DataString, MultiValued: true}, anyKind},
	} {
		if got := (shape{attribute: &test.attribute}).accepts(); got != test.want {
			t.Errorf("%s: %v, want %v", test.attribute.Type, got, test.want)
		}
	}
}
