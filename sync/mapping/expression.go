package mapping

import (
	"errors"
	"io"
	"slices"
	"time"

	"rollcall/connectors"
	"rollcall/state/scim"
)

// Expression is one source on its own, without a target, to be tried out. It is immutable and safe for concurrent use.
type Expression struct {
	tree       *tree
	node       node
	attributes []string
	moment     *moment
	scoped     bool // there are scoping filters
}

// ParseExpression parses and checks a source: [attribute], "constant" or an expression. Its error joins every fault, each a *Fault of row 0.
func ParseExpression(source string) (*Expression, error) {
	t, p := parse(source)
	if p != nil {
		return nil, errors.Join(&Fault{Field: "source", Column: p.at, Text: p.text})
	}
	x := &Expression{tree: t, attributes: attributesOf(t), moment: &moment{}}
	check := checker{index: places(x.attributes)}
	x.node, _ = check.compile(t)
	return x, check.faults()
}

// faults joins what the checker found, as faults of row 0.
func (c *checker) faults() error {
	var faults []error
	for _, p := range c.problems {
		faults = append(faults, &Fault{Field: "source", Column: p.at, Text: p.text})
	}
	return errors.Join(faults...)
}

// places tells where each attribute's value stands.
func places(attributes []string) map[string]int {
	index := make(map[string]int, len(attributes))
	for i, name := range attributes {
		index[name] = i
	}
	return index
}

// String returns the expression in its canonical form.
func (x *Expression) String() string { return x.tree.String() }

// Attributes is as Mapping.Attributes.
func (x *Expression) Attributes() []string { return slices.Clone(x.attributes) }

// At is as Mapping.At.
func (x *Expression) At(now time.Time, random io.Reader) *Expression {
	at := *x
	at.moment = &moment{now: now, random: random}
	return &at
}

// Within returns the expression as a row of a mapping within scoping filters, which may be nil, has it: Facts.OutOfScope counts.
func (x *Expression) Within(s *Scoping) *Expression {
	within := *x
	within.scoped = s != nil
	return &within
}

// Evaluate returns the expression's value: a text, a number, a list of texts or of app roles, or null where nothing flows. Booleans
// are the texts "True" and "False". Scope and person are as for Mapping.Evaluate, and so are errors.
func (x *Expression) Evaluate(scope string, p *connectors.Person) (scim.Value, error) {
	if err := enough(p, x.attributes); err != nil {
		return scim.Value{}, err
	}
	v, err := x.node.eval(env{person: p, moment: x.moment, scope: scope, scoped: x.scoped})
	if err == errNothing {
		return scim.Value{}, nil
	}
	if err == nil {
		switch v.kind {
		case isText:
			return scim.StringValue(v.text), nil
		case isNumber:
			return scim.Value{Kind: scim.Number, Text: v.String()}, nil
		case isList:
			return textList(v), nil
		case isRoles:
			var roles scim.Value
			if roles, err = rolesValue(v); err == nil {
				return roles, nil
			}
		}
	}
	if err != nil {
		return scim.Value{}, &PersonError{Text: err.Error()}
	}
	return scim.Value{}, nil
}
