package mapping

import (
	"fmt"
	"slices"
	"strings"
)

// kinds is a set of what a value may be. An expression yields some of them, a parameter accepts some: what they don't share at all
// is refused when the mapping is loaded, the rest is found out person by person.
type kinds uint8

const (
	someText kinds = 1 << iota
	someNumber
	someBool // the texts True and False
	someDate
	someList
	someRoles
	someCondition // a comparison
	someWord      // of an enumeration

	anyText = someText | someNumber | someBool | someDate
	anyKind = anyText | someList
)

func (k kinds) String() string {
	switch {
	case k&anyKind == anyKind:
		return "a value"
	case k&anyText == anyText:
		return "one text"
	}
	var names []string
	for i, name := range []string{"a text", "a whole number", `"True" or "False"`, "a date", "a list", "app roles", "a comparison", "vbTextCompare or vbBinaryCompare"} {
		if k&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	if k&someText != 0 {
		return names[0]
	}
	return strings.Join(names, " or ")
}

// checker compiles a tree into nodes. It goes on after a fault, so that all of them are reported at once.
type checker struct {
	index    map[string]int // of source attributes
	problems []*problem
	volatile bool
}

func (c *checker) fault(at int, format string, args ...any) {
	c.problems = append(c.problems, problemf(at, format, args...))
}

// compile returns the tree's node and what it may yield. After a fault, the node must not be used.
func (c *checker) compile(t *tree) (node, kinds) {
	switch t.kind {
	case treeAttribute:
		return c.attribute(t)
	case treeText:
		return constant(textValue(t.text)), literalKinds(t.text)
	case treeNumber:
		return constant(numberValue(t.number)), someNumber
	case treeWord:
		if t.text != binaryCompare && t.text != textCompare {
			c.problems = append(c.problems, strayWord(t))
		}
		return constant(textValue(t.text)), someWord
	case treeCompare:
		return c.comparison(t)
	}
	return c.call(t)
}

func (c *checker) attribute(t *tree) (node, kinds) {
	if f, ok := computed[t.text]; ok {
		return f, someBool
	}
	if strings.EqualFold(t.text, "IsSoftDeleted") {
		c.fault(t.at, "attribute names keep their letter case: write [IsSoftDeleted]")
	}
	return attribute(c.index[t.text]), anyKind
}

func (c *checker) comparison(t *tree) (node, kinds) {
	cmp := &comparison{operator: t.text}
	var yields [2]kinds
	for i, operand := range []*node{&cmp.left, &cmp.right} {
		*operand, yields[i] = c.compile(t.args[i])
		if yields[i]&anyText == 0 && yields[i] != 0 {
			c.fault(t.args[i].at, "%s can't be compared", yields[i])
		}
	}
	cmp.dates = yields[0]|yields[1] == someDate
	return cmp, someCondition
}

func (c *checker) call(t *tree) (node, kinds) {
	f, ok := functions[t.text]
	if !ok {
		c.fault(t.at, "%s", unknownFunction(t.text))
		for _, arg := range t.args {
			if arg.kind != treeAbsent {
				c.compile(arg)
			}
		}
		return nil, 0
	}
	c.volatile = c.volatile || f.volatile
	if !f.takes(len(t.args)) {
		c.fault(t.at, "%s has %s; it is written %s", t.text, arguments(len(t.args)), f.signature(t.text))
		return nil, 0
	}
	before := len(c.problems)
	args := make([]node, max(len(t.args), len(f.params)))
	yields := f.yields
	for i, arg := range t.args {
		p := f.param(i)
		if arg.kind == treeAbsent {
			if !p.optional {
				c.fault(arg.at, `the %s of %s can't be left empty; "" is the empty text`, p.name, t.text)
			}
			continue
		}
		var has kinds
		args[i], has = c.compile(arg)
		if has != 0 && has&p.accepts == 0 {
			c.fault(arg.at, "the %s of %s has to be %s, and this is %s%s", p.name, t.text, p.accepts, has, listHint(has))
		}
		if p.result {
			yields |= has
		}
	}
	if f.check != nil {
		f.check(c, t)
	}
	if len(c.problems) > before {
		return nil, yields
	}
	if f.build != nil {
		return f.build(c, t, args), yields
	}
	return &invocation{name: t.text, call: f.call, args: args}, yields
}

func arguments(count int) string {
	if count == 1 {
		return "1 argument"
	}
	return fmt.Sprintf("%d arguments", count)
}

func listHint(has kinds) string {
	if has&someList == 0 {
		return ""
	}
	return "; take one element with Item, or all with Join"
}

// results visits the parts of a tree whose value may become the value of the whole.
func results(t *tree, visit func(*tree)) {
	f, ok := functions[t.text]
	if t.kind != treeCall || !ok {
		visit(t)
		return
	}
	if t.text == "IgnoreFlowIfNullOrEmpty" {
		inner := visit
		visit = func(leaf *tree) {
			if leaf.kind != treeText || leaf.text != "" {
				inner(leaf)
			}
		}
	}
	through := false
	for i, arg := range t.args {
		if f.param(i).result && arg.kind != treeAbsent {
			through = true
			results(arg, visit)
		}
	}
	if !through {
		visit(t)
	}
}

// literalKinds tells what a text written in an expression may stand for.
func literalKinds(s string) kinds {
	k := someText
	if _, ok := wholeNumber(s); ok {
		k |= someNumber
	}
	if strings.EqualFold(s, "true") || strings.EqualFold(s, "false") {
		k |= someBool
	}
	if _, ok := parseDate(s); ok {
		k |= someDate
	}
	return k
}

// unknownFunction says why a function is refused, and which may be meant.
func unknownFunction(name string) string {
	if why, ok := elsewhere[name]; ok {
		return fmt.Sprintf("%s %s", name, why)
	}
	best, distance := "", 3
	for known := range functions {
		d := EditDistance(strings.ToLower(name), strings.ToLower(known))
		if d < distance || d == distance && best != "" && known < best {
			best, distance = known, d
		}
	}
	switch {
	case best == "":
		return fmt.Sprintf("there is no function %s", name)
	case distance == 0:
		return fmt.Sprintf("function names keep their letter case: write %s, not %s", best, name)
	}
	return fmt.Sprintf("there is no function %s; did you mean %s?", name, best)
}

// EditDistance counts the letters to insert, drop or change to get from a to b: what is near may have been meant.
func EditDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// attributesOf lists the attributes that trees ask a connector for, sorted.
func attributesOf(trees ...*tree) []string {
	var names []string
	for _, t := range trees {
		if t == nil {
			continue
		}
		t.walk(func(t *tree) {
			if _, ok := computed[t.text]; t.kind == treeAttribute && !ok {
				names = append(names, t.text)
			}
		})
	}
	slices.Sort(names)
	return slices.Compact(names)
}
