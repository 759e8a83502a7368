package mapping

import (
	"cmp"
	"errors"
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"strings"

	"github.com/dlclark/regexp2/v2"

	"rollcall/connectors"
)

// Clause is one condition of a scoping filter as configured.
type Clause struct {
	Attribute string // source attribute
	Operator  string // as Entra's screens name it; letter case, spaces and underscores make no difference
	Value     string // "" where the operator takes none
}

// Scoping are scoping filters: who passes none of them is out of scope. The clauses of one filter hold together. It is immutable and
// safe for concurrent use.
//
// What a clause means is what Microsoft documents (learn.microsoft.com, "Scoping users or groups to be provisioned with scoping
// filters"): texts are compared letter by letter, and nothing but IS NULL is true of an attribute that is null or empty. Whether
// a regular expression has to match the whole value is not documented. So one that matches only a part of it tells nothing; written
// with .* around it, or between ^ and $, it does. Nothing is told either where a value is none that the operator is for: a list, or
// another text than a whole number for Greater_Than, or where a regular expression takes too long.
type Scoping struct {
	filters    [][]clause
	attributes []string // sorted
	hash       uint64
}

// clause is a compiled condition on one attribute.
type clause struct {
	attribute int               // place among Scoping.attributes
	empty     connectors.Answer // of a value that is null or empty
	test      func(text string) connectors.Answer
}

// Bounds of scoping filters.
const (
	maxClauses = 500
	maxClause  = 4_096 // characters of a value
)

// ClauseFault is what is wrong with one clause.
type ClauseFault struct {
	Filter int    // index
	Clause int    // index within the filter; -1: the filter as a whole
	Field  string // "attribute", "operator" or "value"; "" of a filter as a whole
	Text   string // what, and the mend
}

func (f *ClauseFault) Error() string {
	if f.Clause < 0 {
		return fmt.Sprintf("filter %d: %s", f.Filter+1, f.Text)
	}
	return fmt.Sprintf("filter %d, clause %d, %s: %s", f.Filter+1, f.Clause+1, f.Field, f.Text)
}

// CompileScoping checks and compiles scoping filters, each a list of clauses. Its error joins every fault, each a *ClauseFault. Without
// a filter there is no Scoping, and it is nil: everyone is in scope.
func CompileScoping(filters [][]Clause) (*Scoping, error) {
	if len(filters) == 0 {
		return nil, nil
	}
	s := &Scoping{filters: make([][]clause, len(filters))}
	for _, filter := range filters {
		for _, c := range filter {
			s.attributes = append(s.attributes, c.Attribute)
		}
	}
	slices.Sort(s.attributes)
	s.attributes = slices.Compact(s.attributes)
	var faults []error
	fault := func(filter, clause int, field, text string) {
		faults = append(faults, &ClauseFault{Filter: filter, Clause: clause, Field: field, Text: text})
	}
	hash, count := fnv.New64a(), 0
	for i, filter := range filters {
		if len(filter) == 0 {
			fault(i, -1, "", "it has no clause, so that everyone would pass it; leave it out, or say who passes")
		}
		if count += len(filter); count > maxClauses && count-len(filter) <= maxClauses {
			fault(i, -1, "", fmt.Sprintf("with it there are more than %d clauses", maxClauses))
		}
		fmt.Fprintf(hash, "filter %d\n", len(filter))
		for j, c := range filter {
			if text := unfitAttribute(c.Attribute); text != "" {
				fault(i, j, "attribute", text)
			}
			compiled, name, field, text := compileClause(c)
			if text != "" {
				fault(i, j, field, text)
			}
			compiled.attribute, _ = slices.BinarySearch(s.attributes, c.Attribute)
			s.filters[i] = append(s.filters[i], compiled)
			fmt.Fprintf(hash, "%q %q %q\n", c.Attribute, name, c.Value)
		}
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	s.hash = hash.Sum64()
	return s, nil
}

// Attributes lists the source attributes that the filters name, sorted.
func (s *Scoping) Attributes() []string { return slices.Clone(s.attributes) }

// passes tells whether values pass a filter. places has the place of each of the filters' attributes among the values; proven tells
// whether every attribute is present: of a filter that they pass, and otherwise of all.
func (s *Scoping) passes(values []connectors.Value, places []int) (answer connectors.Answer, proven bool) {
	answer = connectors.No
	for _, filter := range s.filters {
		switch s.holds(filter, values, places) {
		case connectors.Yes:
			absent := func(c clause) bool { return !values[places[c.attribute]].Present }
			if !slices.ContainsFunc(filter, absent) {
				return connectors.Yes, true
			}
			answer = connectors.Yes
		case connectors.Unknown:
			if answer == connectors.No {
				answer = connectors.Unknown
			}
		}
	}
	return answer, answer != connectors.Yes && !slices.ContainsFunc(places, func(at int) bool { return !values[at].Present })
}

// holds tells whether every clause of a filter is true. One that is false decides, whatever is unknown.
func (s *Scoping) holds(filter []clause, values []connectors.Value, places []int) connectors.Answer {
	answer := connectors.Yes
	for i := range filter {
		switch filter[i].of(&values[places[filter[i].attribute]]) {
		case connectors.No:
			return connectors.No
		case connectors.Unknown:
			answer = connectors.Unknown
		}
	}
	return answer
}

func (c *clause) of(v *connectors.Value) connectors.Answer {
	switch {
	case len(v.List) > 0:
		return connectors.Unknown
	case v.Text == "":
		return c.empty
	}
	return c.test(v.Text)
}

// Within returns the mapping as it is evaluated within scoping filters, which may be nil: it asks for their attributes too, behind its
// own, and takes who is out of scope for deactivated. Its Hash is another one.
func (m *Mapping) Within(s *Scoping) *Mapping {
	if s == nil {
		return m
	}
	within := *m
	within.scoping, within.attributes, within.scopingAt = s, slices.Clone(m.attributes), make([]int, len(s.attributes))
	for i, name := range s.attributes {
		at := slices.Index(within.attributes, name)
		if at < 0 {
			at = len(within.attributes)
			within.attributes = append(within.attributes, name)
		}
		within.scopingAt[i] = at
	}
	hash := fnv.New64a()
	fmt.Fprintf(hash, "%x within %x", m.hash, s.hash)
	within.hash = hash.Sum64()
	return &within
}

// OutOfScope tells whether a person is outside the scoping filters, by Values alone: it fits Facts.OutOfScope. Unknown: it can't be told
// from these values. proven: every attribute that the filters name, or one filter that is passed, is present; where not, an empty one may
// just as well not have been read, and only a direct look-up proves it empty. Without filters everyone is in scope, and that is proven.
func (m *Mapping) OutOfScope(p *connectors.Person) (answer connectors.Answer, proven bool) {
	switch {
	case m.scoping == nil:
		return connectors.No, true
	case len(p.Values) < len(m.attributes):
		return connectors.Unknown, false
	}
	answer, proven = m.scoping.passes(p.Values, m.scopingAt)
	return not(answer), proven
}

// compileClause compiles a clause's operator and value. text is what is wrong with field of it.
func compileClause(c Clause) (compiled clause, name, field, text string) {
	op, ok := operators[foldOperator(c.Operator)]
	if !ok {
		return clause{}, "", "operator", unknownOperator(c.Operator)
	}
	switch {
	case op.value && c.Value == "":
		return clause{}, "", "value", op.name + " needs a value"
	case !op.value && c.Value != "":
		return clause{}, "", "value", op.name + " takes no value; leave it out"
	case len([]rune(c.Value)) > maxClause:
		return clause{}, "", "value", fmt.Sprintf("it is longer than %d characters", maxClause)
	}
	compiled.empty = cmp.Or(op.empty, connectors.No)
	compiled.test, text = op.compile(c.Value)
	return compiled, op.name, "value", text
}

// operator is a way to compare.
type operator struct {
	name    string // as Entra's screens have it
	value   bool   // it takes a value
	empty   connectors.Answer
	compile func(value string) (test func(text string) connectors.Answer, fault string)
}

// operators has each by its folded name.
var operators = func() map[string]operator {
	all := []operator{
		{name: "EQUALS", value: true, compile: compare(func(text, value string) bool { return text == value })},
		{name: "NOT EQUALS", value: true, compile: compare(func(text, value string) bool { return text != value })},
		{name: "IS TRUE", compile: compare(func(text, _ string) bool { return text == truth(true).text })},
		{name: "IS FALSE", compile: compare(func(text, _ string) bool { return text == truth(false).text })},
		{name: "IS NULL", empty: connectors.Yes, compile: compare(func(string, string) bool { return false })},
		{name: "IS NOT NULL", compile: compare(func(string, string) bool { return true })},
		{name: "REGEX MATCH", value: true, compile: compileMatch},
		{name: "NOT REGEX MATCH", value: true, compile: compileMismatch},
		{name: "Greater_Than", value: true, compile: compareNumbers(func(number, value int64) bool { return number > value })},
		{name: "Greater_Than_OR_EQUALS", value: true, compile: compareNumbers(func(number, value int64) bool { return number >= value })},
		{name: "Includes", value: true, compile: compare(strings.Contains)},
		{name: "ENDS_WITH", value: true, compile: compare(strings.HasSuffix)},
		{name: "&", value: true, compile: compare(func(text, value string) bool { return strings.Contains(value, text) })},
		{name: "!&", value: true, compile: compare(func(text, value string) bool { return !strings.Contains(value, text) })},
	}
	byName := make(map[string]operator, len(all))
	for _, op := range all {
		byName[foldOperator(op.name)] = op
	}
	return byName
}()

// foldOperator makes the spellings of an operator's name one.
func foldOperator(name string) string {
	return strings.NewReplacer(" ", "", "_", "").Replace(strings.ToLower(name))
}

func unknownOperator(name string) string {
	best, distance := "", 4
	for _, folded := range slices.Sorted(maps.Keys(operators)) {
		if d := EditDistance(foldOperator(name), folded); d < distance && len(folded) > 2 {
			best, distance = operators[folded].name, d
		}
	}
	if best != "" {
		return fmt.Sprintf("there is no operator %q; did you mean %s?", name, best)
	}
	return fmt.Sprintf("there is no operator %q; there are EQUALS, NOT EQUALS, IS TRUE, IS FALSE, IS NULL, IS NOT NULL, REGEX MATCH, "+
		"NOT REGEX MATCH, Greater_Than, Greater_Than_OR_EQUALS, Includes, ENDS_WITH, & and !&", name)
}

func answer(b bool) connectors.Answer {
	if b {
		return connectors.Yes
	}
	return connectors.No
}

// compare makes an operator that can always be told.
func compare(holds func(text, value string) bool) func(string) (func(string) connectors.Answer, string) {
	return func(value string) (func(string) connectors.Answer, string) {
		return func(text string) connectors.Answer { return answer(holds(text, value)) }, ""
	}
}

// compareNumbers makes an operator for whole numbers.
func compareNumbers(holds func(number, value int64) bool) func(string) (func(string) connectors.Answer, string) {
	return func(value string) (func(string) connectors.Answer, string) {
		bound, ok := wholeNumber(value)
		if !ok {
			return nil, "it has to be a whole number"
		}
		return func(text string) connectors.Answer {
			number, ok := wholeNumber(text)
			if !ok {
				return connectors.Unknown
			}
			return answer(holds(number, bound))
		}, ""
	}
}

// compileMatch compiles a regular expression with .NET's semantics: Yes where it matches the whole value, No where it matches nothing
// of it, and otherwise Unknown.
func compileMatch(value string) (func(string) connectors.Answer, string) {
	if len([]rune(value)) > maxPattern {
		return nil, fmt.Sprintf("a regular expression has at most %d characters", maxPattern)
	}
	var patterns [2]*regexp2.Regexp
	for i, text := range []string{value, `\A(?:` + value + `)\z`} {
		pattern, err := regexp2.Compile(text)
		switch {
		case err != nil && i == 0:
			return nil, fmt.Sprintf("the regular expression is wrong: %s", err)
		case err != nil:
			return nil, "the regular expression ends in the midst of something, such as a comment"
		}
		pattern.MatchTimeout = maxMatch
		patterns[i] = pattern
	}
	anywhere, whole := patterns[0], patterns[1]
	return func(text string) connectors.Answer {
		input := []rune(text)
		if len(input) > maxInput {
			return connectors.Unknown
		}
		if found, err := whole.MatchRunes(input); err != nil || found {
			return told(found, err)
		}
		if found, err := anywhere.MatchRunes(input); err != nil || !found {
			return told(found, err)
		}
		return connectors.Unknown
	}, ""
}

func compileMismatch(value string) (func(string) connectors.Answer, string) {
	match, fault := compileMatch(value)
	return func(text string) connectors.Answer { return not(match(text)) }, fault
}

// told is an answer that an error spoils.
func told(found bool, err error) connectors.Answer {
	if err != nil {
		return connectors.Unknown
	}
	return answer(found)
}
