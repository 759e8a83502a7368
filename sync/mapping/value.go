package mapping

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"rollcall/connectors"
)

// maxText bounds what a function makes, in bytes, so that no nesting of functions can fill the memory.
const maxText = 1 << 16

// value is what an expression yields. The zero value is null: absent, and never the same as "".
type value struct {
	kind   valueKind
	text   string
	number int64
	list   []string // of roles: as the connector gave them
}

type valueKind uint8

const (
	null valueKind = iota
	isText
	isNumber
	isList
	isRoles
)

func textValue(s string) value   { return value{kind: isText, text: s} }
func numberValue(n int64) value  { return value{kind: isNumber, number: n} }
func listValue(s []string) value { return value{kind: isList, list: s} }
func (v value) isNull() bool     { return v.kind == null }
func (v value) multiple() bool   { return v.kind == isList || v.kind == isRoles }
func (v value) elements() []string {
	switch {
	case v.multiple():
		return v.list
	case v.isNull():
		return nil
	}
	return []string{v.String()}
}

// truth renders a boolean as Entra does; Switch compares it with letter case.
func truth(b bool) value {
	if b {
		return textValue("True")
	}
	return textValue("False")
}

// String is a single value's text; a number's digits.
func (v value) String() string {
	if v.kind == isNumber {
		return strconv.FormatInt(v.number, 10)
	}
	return v.text
}

// empty tells whether v is null, "" or a list of nothing.
func (v value) empty() bool {
	return v.isNull() || v.kind == isText && v.text == "" || v.multiple() && len(v.list) == 0
}

// errNothing says that the target is left out of the flow: IgnoreFlowIfNullOrEmpty asked for it, or a fact that the expression
// needs is unknown. No function turns it into a value.
var errNothing = errors.New("nothing flows")

// failure says why an expression has no value for a person, without naming any value of theirs.
type failure struct {
	function string // whose failure it is
	text     string
}

func (f *failure) Error() string {
	if f.function == "" {
		return f.text
	}
	return f.function + ": " + f.text
}

func failf(format string, args ...any) error { return &failure{text: fmt.Sprintf(format, args...)} }

// env is what an expression is evaluated on.
type env struct {
	person *connectors.Person
	moment *moment
	scope  string
	scoped bool // there are scoping filters, and Facts.OutOfScope counts
}

// moment is what only the caller can bring: the time, and chance.
type moment struct {
	now    time.Time
	random io.Reader
}

// node is a compiled expression. It is immutable and safe for concurrent use.
type node interface {
	eval(e env) (value, error)
}

type constant value

func (c constant) eval(env) (value, error) { return value(c), nil }

// attribute reads a source attribute by its place among the values that were asked for.
type attribute int

func (a attribute) eval(e env) (value, error) {
	v := &e.person.Values[a]
	switch {
	case !v.Present:
		return value{}, nil
	case v.List != nil:
		return listValue(v.List), nil
	}
	return textValue(v.Text), nil
}

// fact is an attribute that is computed from what is known of the person.
type fact func(scope string, f connectors.Facts) connectors.Answer

func (f fact) eval(e env) (value, error) {
	facts := e.person.Facts
	if !e.scoped {
		facts.OutOfScope = connectors.No
	}
	switch f(e.scope, facts) {
	case connectors.Yes:
		return truth(true), nil
	case connectors.No:
		return truth(false), nil
	}
	return value{}, errNothing
}

// invocation is a call of a function that needs nothing but its arguments; one that was not given is nil.
type invocation struct {
	name string
	call func(e env, args []node) (value, error)
	args []node
}

func (i *invocation) eval(e env) (value, error) {
	v, err := i.call(e, i.args)
	if err == nil && len(v.text) > maxText {
		err = failf("the result is longer than %d bytes", maxText)
	}
	if err != nil {
		return value{}, inFunction(i.name, err)
	}
	return v, nil
}

// inFunction names the function that a failure first came from.
func inFunction(name string, err error) error {
	if f, ok := err.(*failure); ok && f.function == "" {
		return &failure{function: name, text: f.text}
	}
	return err
}

// single evaluates an argument that is one value. A list of one counts as that one, an empty list as null.
func single(e env, n node) (value, error) {
	v, err := n.eval(e)
	if err != nil || !v.multiple() {
		return v, err
	}
	return only(v)
}

func only(v value) (value, error) {
	switch len(v.list) {
	case 0:
		return value{}, nil
	case 1:
		return textValue(v.list[0]), nil
	}
	return value{}, failf("one value is needed, the attribute has %d; take one with Item, or all with Join", len(v.list))
}

// text evaluates an argument that is one text. ok is false where it is null.
func text(e env, n node) (s string, ok bool, err error) {
	v, err := single(e, n)
	return v.String(), !v.isNull(), err
}

// number evaluates an argument that is one whole number. ok is false where it is null or empty.
func number(e env, n node) (number int64, ok bool, err error) {
	v, err := single(e, n)
	if err != nil || v.empty() {
		return 0, false, err
	}
	if v.kind == isNumber {
		return v.number, true, nil
	}
	number, ok = wholeNumber(v.text)
	if !ok {
		return 0, false, failf("a whole number is needed, the value is a text of another kind")
	}
	return number, true, nil
}

func wholeNumber(s string) (int64, bool) {
	n, err := strconv.ParseInt(strings.TrimSpace(s), 10, 64)
	return n, err == nil
}
