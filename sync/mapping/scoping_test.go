package mapping_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"rollcall/connectors"
	"rollcall/sync/mapping"
)

func scoping(t testing.TB, filters ...[]mapping.Clause) *mapping.Scoping {
	t.Helper()
	s, err := mapping.CompileScoping(filters)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// inScope tells whether a person with some values passes filters. Attributes that are not named are absent.
func inScope(t testing.TB, s *mapping.Scoping, values map[string]connectors.Value) (answer connectors.Answer, proven bool) {
	t.Helper()
	m := compile(t, mapping.Default("entra")...).Within(s)
	p := connectors.Person{ID: "obj-ada"}
	for _, name := range m.Attributes() {
		p.Values = append(p.Values, values[name])
	}
	out, proven := m.OutOfScope(&p)
	return map[connectors.Answer]connectors.Answer{yes: no, no: yes, unknown: unknown}[out], proven
}

func textOf(s string) connectors.Value { return connectors.Value{Present: true, Text: s} }

func TestOperators(t *testing.T) {
	null, list := connectors.Value{}, connectors.Value{Present: true, List: []string{"Sales"}}
	for _, test := range []struct {
		operator, value string
		of              connectors.Value
		want            connectors.Answer
	}{
		{"EQUALS", "Sales", textOf("Sales"), yes},
		{"EQUALS", "Sales", textOf("sales"), no},
		{"EQUALS", "Sales", textOf(""), no},
		{"EQUALS", "Sales", null, no},
		{"EQUALS", "Sales", list, unknown},
		{"EQUALS", "Sales", connectors.Value{Present: true, List: []string{}}, no},
		{"not_equals", "Sales", textOf("sales"), yes},
		{"NotEquals", "Sales", textOf("Sales"), no},
		{"NOT EQUALS", "Sales", null, no},
		{"IS TRUE", "", textOf("True"), yes},
		{"IS TRUE", "", textOf("False"), no},
		{"IS TRUE", "", null, no},
		{"is_false", "", textOf("False"), yes},
		{"is_false", "", textOf("no"), no},
		{"IS NULL", "", null, yes},
		{"IS NULL", "", textOf(""), yes},
		{"IS NULL", "", textOf("x"), no},
		{"IS NOT NULL", "", null, no},
		{"IS NOT NULL", "", textOf(""), no},
		{"IS NOT NULL", "", textOf("x"), yes},
		{"REGEX MATCH", `.*@acme\.example`, textOf("ada@acme.example"), yes},
		{"REGEX MATCH", `.*@acme\.example`, textOf("ada@globex.example"), no},
		{"REGEX MATCH", `1[0-9]{3}`, textOf("1234"), yes},
		{"REGEX MATCH", `1[0-9]{3}`, textOf("12345"), unknown}, // a part of it
		{"REGEX MATCH", `^1[0-9]{3}$`, textOf("12345"), no},
		{"REGEX MATCH", `a|ab`, textOf("ab"), yes},
		{"REGEX MATCH", `Sales`, textOf("sales"), no},
		{"REGEX MATCH", `(?x) Sales`, textOf("Sales"), yes},
		{"REGEX MATCH", `.*`, null, no},
		{"REGEX MATCH", `.*`, textOf(strings.Repeat("x", 5000)), unknown},
		{"REGEX MATCH", `(a+)+b`, textOf(strings.Repeat("a", 4000)), unknown}, // takes too long
		{"NOT REGEX MATCH", `.*@acme\.example`, textOf("ada@acme.example"), no},
		{"NOT REGEX MATCH", `.*@acme\.example`, textOf("ada@globex.example"), yes},
		{"NOT REGEX MATCH", `acme`, textOf("ada@acme.example"), unknown},
		{"NOT REGEX MATCH", `x`, null, no},
		{"Greater_Than", "5", textOf("6"), yes},
		{"Greater_Than", "5", textOf("5"), no},
		{"Greater Than", "5", textOf("10"), yes},
		{"Greater_Than", "5", textOf("ten"), unknown},
		{"Greater_Than", "5", null, no},
		{"GREATER_THAN_OR_EQUALS", "-5", textOf("-5"), yes},
		{"Greater_Than_OR_EQUALS", "5", textOf("4"), no},
		{"Includes", "ale", textOf("Sales"), yes},
		{"Includes", "ALE", textOf("Sales"), no},
		{"ENDS_WITH", "les", textOf("Sales"), yes},
		{"EndsWith", "Les", textOf("Sales"), no},
		{"&", "Sales,Marketing", textOf("Sales"), yes},
		{"&", "Sales,Marketing", textOf("Legal"), no},
		{"&", "Sales,Marketing", null, no},
		{"!&", "Sales,Marketing", textOf("Legal"), yes},
		{"!&", "Sales,Marketing", textOf("Sales"), no},
		{"!&", "Sales,Marketing", null, no},
	} {
		t.Run(fmt.Sprintf("%s %.20s of %.20v", test.operator, test.value, test.of), func(t *testing.T) {
			s := scoping(t, []mapping.Clause{{Attribute: "department", Operator: test.operator, Value: test.value}})
			got, proven := inScope(t, s, map[string]connectors.Value{"department": test.of})
			if got != test.want || proven != test.of.Present {
				t.Errorf("got %d, proven %t; want %d", got, proven, test.want)
			}
		})
	}
}

// TestFilters: clauses of a filter hold together, of filters one is enough, and what cannot be told spoils only what depends on it.
func TestFilters(t *testing.T) {
	is := func(attribute, value string) mapping.Clause {
		return mapping.Clause{Attribute: attribute, Operator: "EQUALS", Value: value}
	}
	part := mapping.Clause{Attribute: "mail", Operator: "REGEX MATCH", Value: "acme"}
	person := map[string]connectors.Value{"department": textOf("Sales"), "city": textOf("Turin"), "mail": textOf("ada@acme.example")}
	for name, test := range map[string]struct {
		filters [][]mapping.Clause
		want    connectors.Answer
		proven  bool
	}{
		"both":                      {[][]mapping.Clause{{is("department", "Sales"), is("city", "Turin")}}, yes, true},
		"one of both":               {[][]mapping.Clause{{is("department", "Sales"), is("city", "Rome")}}, no, true},
		"either":                    {[][]mapping.Clause{{is("department", "Legal")}, {is("city", "Turin")}}, yes, true},
		"neither":                   {[][]mapping.Clause{{is("department", "Legal")}, {is("city", "Rome")}}, no, true},
		"false decides":             {[][]mapping.Clause{{part, is("city", "Rome")}}, no, true},
		"true decides":              {[][]mapping.Clause{{part}, {is("city", "Turin")}}, yes, true},
		"the doubt remains":         {[][]mapping.Clause{{part, is("city", "Turin")}, {is("city", "Rome")}}, unknown, true},
		"false, and another absent": {[][]mapping.Clause{{is("city", "Rome"), is("country", "Italy")}}, no, false},
		"true, and another absent":  {[][]mapping.Clause{{is("city", "Turin")}, {is("country", "Italy")}}, yes, true},
		"true because it is absent": {[][]mapping.Clause{{is("city", "Turin"), {Attribute: "country", Operator: "IS NULL"}}}, yes, false},
		"true twice":                {[][]mapping.Clause{{{Attribute: "country", Operator: "IS NULL"}}, {is("city", "Turin")}}, yes, true},
	} {
		t.Run(name, func(t *testing.T) {
			if got, proven := inScope(t, scoping(t, test.filters...), person); got != test.want || proven != test.proven {
				t.Errorf("got %d, proven %t; want %d, %t", got, proven, test.want, test.proven)
			}
		})
	}
}

func TestScopingFaults(t *testing.T) {
	for name, test := range map[string]struct {
		filters [][]mapping.Clause
		want    string
	}{
		"no clause":          {[][]mapping.Clause{{}}, "filter 1: it has no clause"},
		"no attribute":       {[][]mapping.Clause{{{Operator: "IS NULL"}}}, "filter 1, clause 1, attribute: it is empty"},
		"misspelt":           {[][]mapping.Clause{{{Attribute: "departmnt", Operator: "IS NULL"}}}, "filter 1, clause 1, attribute: there is no attribute departmnt; did you mean department?"},
		"unknown":            {[][]mapping.Clause{{{Attribute: "shoeSize", Operator: "IS NULL"}}}, "there is no attribute shoeSize; name one as"},
		"user type":          {[][]mapping.Clause{{{Attribute: "userType", Operator: "EQUALS", Value: "Guest"}}}, "can't filter by userType"},
		"manager":            {[][]mapping.Clause{{{Attribute: "manager", Operator: "IS NULL"}}}, "can't filter by manager"},
		"app roles":          {[][]mapping.Clause{{{Attribute: "appRoleAssignments", Operator: "IS NULL"}}}, "can't filter by app roles"},
		"a date":             {[][]mapping.Clause{{{Attribute: "employeeHireDate", Operator: "IS NULL"}}}, "it is a date"},
		"many values":        {[][]mapping.Clause{{{Attribute: "proxyAddresses", Operator: "IS NULL"}}}, "it has many values"},
		"computed":           {[][]mapping.Clause{{{Attribute: "IsSoftDeleted", Operator: "IS TRUE"}}}, "it follows from the scoping filters"},
		"operator":           {[][]mapping.Clause{{{Attribute: "city", Operator: "EQUAL", Value: "x"}}}, `filter 1, clause 1, operator: there is no operator "EQUAL"; did you mean EQUALS?`},
		"unknown operator":   {[][]mapping.Clause{{{Attribute: "city", Operator: "~~", Value: "x"}}}, "there are EQUALS, NOT EQUALS"},
		"group membership":   {[][]mapping.Clause{{{Attribute: "city", Operator: "IsMemberOf", Value: "x"}}}, `there is no operator "IsMemberOf"`},
		"no value":           {[][]mapping.Clause{{{Attribute: "city", Operator: "Includes"}}}, "filter 1, clause 1, value: Includes needs a value"},
		"value of none":      {[][]mapping.Clause{{{Attribute: "city", Operator: "IS NULL", Value: "true"}}}, "IS NULL takes no value"},
		"no number":          {[][]mapping.Clause{{{Attribute: "employeeId", Operator: "Greater_Than", Value: "ten"}}}, "it has to be a whole number"},
		"expression":         {[][]mapping.Clause{{{Attribute: "city", Operator: "REGEX MATCH", Value: "("}}}, "the regular expression is wrong"},
		"half an expression": {[][]mapping.Clause{{{Attribute: "city", Operator: "NOT REGEX MATCH", Value: "(?x)a # b"}}}, "ends in the midst"},
		"long expression":    {[][]mapping.Clause{{{Attribute: "city", Operator: "REGEX MATCH", Value: strings.Repeat("a", 2001)}}}, "at most 2000 characters"},
		"long value":         {[][]mapping.Clause{{{Attribute: "city", Operator: "EQUALS", Value: strings.Repeat("a", 4097)}}}, "longer than 4096"},
		"many clauses":       {[][]mapping.Clause{slices.Repeat([]mapping.Clause{{Attribute: "city", Operator: "IS NULL"}}, 501)}, "more than 500 clauses"},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := mapping.CompileScoping(test.filters)
			var fault *mapping.ClauseFault
			if s != nil || !errors.As(err, &fault) || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("got %v\nwant one fault with %q", err, test.want)
			}
		})
	}
	_, err := mapping.CompileScoping([][]mapping.Clause{{{Attribute: "city", Operator: "EQUALS", Value: "x"}, {Attribute: "x", Operator: "x"}}, {}})
	if n := strings.Count(fmt.Sprint(err), "\n"); n != 2 {
		t.Errorf("not every fault at once:\n%v", err)
	}
}

// TestWithin: the mapping asks for what filters name, and its hash says that it means something else.
func TestWithin(t *testing.T) {
	m := compile(t, mapping.Default("entra")...)
	if none, err := mapping.CompileScoping(nil); none != nil || err != nil || m.Within(none) != m {
		t.Errorf("no filter is %v, %v", none, err)
	}
	clause := mapping.Clause{Attribute: "department", Operator: "EQUALS", Value: "Sales"}
	within := m.Within(scoping(t, []mapping.Clause{clause, {Attribute: "mobile", Operator: "IS NULL"}}))
	if got, want := within.Attributes(), append(m.Attributes(), "department"); !slices.Equal(got, want) {
		t.Errorf("asks for %v, want %v", got, want)
	}
	hashes := map[uint64]bool{m.Hash(): true}
	for _, filters := range [][][]mapping.Clause{{{clause}}, {{clause, clause}}, {{clause}, {clause}}, {{{Attribute: "department", Operator: "NOT EQUALS", Value: "Sales"}}}} {
		hashes[m.Within(scoping(t, filters...)).Hash()] = true
	}
	same := clause
	same.Operator = "equals"
	if !hashes[m.Within(scoping(t, []mapping.Clause{same})).Hash()] || len(hashes) != 5 {
		t.Errorf("%d hashes of 5 meanings, or another spelling has another hash", len(hashes))
	}
}

// TestOutOfScopeIsInactive: filters say who is active, together with the facts.
func TestOutOfScopeIsInactive(t *testing.T) {
	s := scoping(t, []mapping.Clause{{Attribute: "department", Operator: "EQUALS", Value: "Sales"}})
	for _, kind := range []string{"entra", "okta"} {
		m := compile(t, mapping.Default(kind)...).Within(s)
		for _, f := range allFacts() {
			for _, out := range []connectors.Answer{unknown, no, yes} {
				f.OutOfScope = out
				positive := f.SoftDeleted == yes || f.Enabled == no || f.Assigned == no || out == yes
				negative := f.SoftDeleted == no && f.Enabled == yes && f.Assigned == yes && out == no
				if kind == "entra" || f.SoftDeleted == no {
					checkActive(t, m, connectors.Assigned, f, positive, negative)
				}
			}
		}
	}
}

// TestNoFilterWithoutItsAttributes: whatever the filters, who has not every attribute that they name is never proven to be outside.
func TestNoFilterWithoutItsAttributes(t *testing.T) {
	names := []string{"department", "city", "country", "mail"}
	operators := []string{"EQUALS", "NOT EQUALS", "IS NULL", "IS NOT NULL", "REGEX MATCH", "NOT REGEX MATCH", "Includes", "ENDS_WITH", "&", "!&"}
	rapid.Check(t, func(rt *rapid.T) {
		var filters [][]mapping.Clause
		named := make(map[string]bool)
		for range rapid.IntRange(1, 3).Draw(rt, "filters") {
			var filter []mapping.Clause
			for range rapid.IntRange(1, 3).Draw(rt, "clauses") {
				c := mapping.Clause{Attribute: rapid.SampledFrom(names).Draw(rt, "attribute"), Operator: rapid.SampledFrom(operators).Draw(rt, "operator")}
				if !strings.HasPrefix(c.Operator, "IS ") {
					c.Value = rapid.SampledFrom([]string{"a", "b", "ab"}).Draw(rt, "value")
				}
				named[c.Attribute] = true
				filter = append(filter, c)
			}
			filters = append(filters, filter)
		}
		values := make(map[string]connectors.Value)
		all := true
		for _, name := range names {
			if rapid.Bool().Draw(rt, "present") {
				values[name] = textOf(rapid.SampledFrom([]string{"", "a", "b", "ab"}).Draw(rt, "text"))
			}
			all = all && (values[name].Present || !named[name])
		}
		passes, proven := inScope(t, scoping(t, filters...), values)
		if proven && !all && passes != yes || all && !proven {
			rt.Fatalf("passes %d, proven %t, and all are there: %t", passes, proven, all)
		}
		if !proven || passes != yes {
			return
		}
		for _, name := range names { // whatever it is that was not read, nobody who passes for certain is left out by it
			if !values[name].Present {
				values[name] = textOf(rapid.SampledFrom([]string{"", "a", "b", "ab"}).Draw(rt, "unread"))
			}
		}
		if passes, _ := inScope(t, scoping(t, filters...), values); passes != yes {
			rt.Fatalf("passed for certain, and does not with what was not read: %d", passes)
		}
	})
}

// FuzzCompileScoping: whatever is written, it is refused with its place or evaluated without a panic.
func FuzzCompileScoping(f *testing.F) {
	f.Add("department", "EQUALS", "Sales", "Sales")
	f.Add("mail", "REGEX MATCH", `.*\@domain\.com`, "a@domain.com")
	f.Add("employeeId", "Greater_Than", "10", "11")
	f.Add("city", "!&", "a", "")
	m, err := mapping.Compile(mapping.Default("entra"))
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, attribute, operator, value, text string) {
		s, err := mapping.CompileScoping([][]mapping.Clause{{{Attribute: attribute, Operator: operator, Value: value}}})
		var fault *mapping.ClauseFault
		switch {
		case err != nil && !errors.As(err, &fault):
			t.Fatalf("an error without a place: %v", err)
		case err != nil:
			return
		}
		within := m.Within(s)
		p := connectors.Person{Values: make([]connectors.Value, len(within.Attributes()))}
		for i := range p.Values {
			p.Values[i] = textOf(text)
		}
		if _, proven := within.OutOfScope(&p); !proven {
			t.Fatal("every value is there, and it is not proven")
		}
	})
}
