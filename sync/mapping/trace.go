package mapping

import (
	"rollcall/connectors"
	"rollcall/state/scim"
)

// Step is one part of an expression and what it comes to.
type Step struct {
	Part  string // in canonical form
	Value scim.Value
	Err   error // why it has no value; nil where it has one, or is null
}

// Trace evaluates every attribute and every call of the expression by itself, the innermost first and each once, the whole expression
// last: how its value comes about, for people to read. A part that has no value leaves what stands around it to its own rules, and
// parts are traced that an evaluation would pass over. Scope and person are as for Evaluate.
func (x *Expression) Trace(scope string, p *connectors.Person) []Step {
	var steps []Step
	seen := map[string]bool{}
	index := places(x.attributes)
	var walk func(t *tree)
	walk = func(t *tree) {
		for _, arg := range t.args {
			walk(arg)
		}
		part := t.String()
		if t.kind != treeAttribute && t.kind != treeCall || seen[part] {
			return
		}
		seen[part] = true
		check := checker{index: index}
		alone := &Expression{tree: t, attributes: x.attributes, moment: x.moment, scoped: x.scoped}
		alone.node, _ = check.compile(t)
		step := Step{Part: part}
		step.Value, step.Err = alone.Evaluate(scope, p)
		steps = append(steps, step)
	}
	walk(x.tree)
	return steps
}
