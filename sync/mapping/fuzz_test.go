package mapping_test

import (
	"crypto/rand"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rollcall/connectors"
	"rollcall/state/scim"
	"rollcall/sync/mapping"
)

// FuzzEvaluate: whatever is let in evaluates on whatever a person has, to a value of bounded size or to an error, and, unless it asks
// for chance, to the same again.
func FuzzEvaluate(f *testing.F) {
	for _, v := range vectors {
		f.Add(v.source, "2012-03-16-07:00", "x,y")
	}
	f.Add(`Replace(Replace([x], "a", , , [x], , ), "a", , , [x], , )`, "aaaaaaaaaaaaaaaa", "")
	f.Add(`Replace([x], , "^(a+)+$", , "$_$_", , )`, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!", "")
	f.Add(`SingleAppRoleAssignment([appRoleAssignments])`, `{"value":"a"}`, "")
	f.Add(`RandomString([x], [y], 0, 0, 0)`, "9", "2")
	f.Add(`FormatDateTime([x], , "d/M/yy h:m:s.FFF t z", "o")`, "1/2/03 4:5:6.7 P +8", "")
	f.Add(`DateAdd([y], [x], "9999-12-31")`, "-9223372036854775808", "yyyy")
	f.Fuzz(func(t *testing.T, source, x, y string) {
		expression, err := mapping.ParseExpression(source)
		if err != nil {
			if len(faults(err)) == 0 {
				t.Errorf("%q: %v is no fault", source, err)
			}
			return
		}
		expression = expression.At(today, rand.Reader)
		p := &connectors.Person{Facts: enabled}
		for i := range expression.Attributes() {
			p.Values = append(p.Values, []connectors.Value{present(x), present(y), {Present: true, List: []string{x, y}}, {Present: true, List: []string{x}}, {}}[i%5])
		}
		first, err := expression.Evaluate(connectors.Assigned, p)
		var personal *mapping.PersonError
		if err != nil && !errors.As(err, &personal) {
			t.Errorf("%q: %v is no *PersonError", source, err)
		}
		if len(first.Text) > max(1<<16, len(source), len(x), len(y)) {
			t.Errorf("%q: a value of %d bytes", source, len(first.Text))
		}
		if m, err := mapping.Compile([]mapping.Row{{Target: "userName", Source: source, Apply: mapping.Create}}); err == nil && !m.Targets()[0].Volatile {
			second, _ := expression.Evaluate(connectors.Assigned, p)
			if diff := cmp.Diff(first, second); diff != "" {
				t.Errorf("%q changes (-first +second):\n%s", source, diff)
			}
		}
	})
}

// FuzzTarget: whatever target is let in is one that its own spelling names again, and takes the values it says it takes.
func FuzzTarget(f *testing.F) {
	for _, row := range fortyRows {
		f.Add(row.Target, "x")
	}
	f.Add(`roles[primary eq "True" and type eq "x"].value`, "True")
	f.Add("active", "maybe")
	f.Fuzz(func(t *testing.T, target, text string) {
		rows := []mapping.Row{{Target: "userName", Source: `"ada"`}, {Target: target, Source: "[x]"}}
		m, err := mapping.Compile(rows)
		if err != nil {
			return
		}
		rows[1].Target = m.Targets()[1].Path.String()
		again, err := mapping.Compile(rows)
		if err != nil || again.Hash() != m.Hash() {
			t.Errorf("%q is spelled %q: %v", target, rows[1].Target, err)
		}
		values, err := m.Evaluate(nil, connectors.Everyone, &connectors.Person{Values: []connectors.Value{present(text)}})
		if err == nil && values[1].Kind == scim.Null {
			t.Errorf("%q: %q became null", target, text)
		}
	})
}
