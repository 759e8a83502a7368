package mapping

import "strings"

// comparison compares two single values. One that is null or empty satisfies no comparison, not even an inequality.
type comparison struct {
	operator    string
	left, right node
	dates       bool // both sides are dates
}

func (c *comparison) eval(e env) (value, error) {
	left, err := single(e, c.left)
	if err != nil {
		return value{}, err
	}
	right, err := single(e, c.right)
	if err != nil || left.empty() || right.empty() {
		return truth(false), err
	}
	order := c.order(left, right)
	switch c.operator {
	case "=":
		return truth(order == 0), nil
	case "<>":
		return truth(order != 0), nil
	case ">":
		return truth(order > 0), nil
	case ">=":
		return truth(order >= 0), nil
	case "<":
		return truth(order < 0), nil
	}
	return truth(order <= 0), nil
}

// order compares as dates, as numbers or as texts. Two texts are equal only letter by letter, though both be numbers.
func (c *comparison) order(left, right value) int {
	if c.dates {
		a, okA := parseDate(left.text)
		b, okB := parseDate(right.text)
		if okA && okB {
			return a.Compare(b)
		}
	}
	equality := c.operator == "=" || c.operator == "<>"
	if !equality || left.kind == isNumber || right.kind == isNumber {
		a, okA := wholeNumber(left.String())
		b, okB := wholeNumber(right.String())
		if okA && okB {
			switch {
			case a < b:
				return -1
			case a > b:
				return 1
			}
			return 0
		}
	}
	return strings.Compare(left.String(), right.String())
}

// checkCondition refuses conditions that can't see what they ask for: Entra takes the last value of an IIF whenever an attribute of
// its condition is null or empty, so that asking for just that is documented as unsupported.
func checkCondition(c *checker, t *tree) {
	condition := t.args[0]
	for condition.kind == treeCall && (condition.text == "CBool" || condition.text == "Not") && len(condition.args) == 1 {
		condition = condition.args[0]
	}
	for _, part := range append([]*tree{condition}, condition.args...) {
		blank := part.kind == treeText && part.text == "" && condition.kind == treeCompare
		asks := part.kind == treeCall && (part.text == "IsNull" || part.text == "IsNullOrEmpty" || part.text == "IsPresent")
		if blank || asks && (part == condition || condition.kind == treeCompare) {
			c.fault(part.at, `IIF can't ask whether a value is empty: Entra then takes the last value in any case; use Switch([attribute], default, "", value if empty)`)
			return
		}
	}
}

func callIIF(e env, args []node) (value, error) {
	condition, err := single(e, args[0])
	if err != nil {
		return value{}, err
	}
	met, ok := boolean(condition)
	switch {
	case condition.empty():
		return args[2].eval(e)
	case !ok:
		return value{}, failf(`the condition is neither "True" nor "False"`)
	case met:
		return args[1].eval(e)
	}
	return args[2].eval(e)
}

// boolean reads True and False in any letter case.
func boolean(v value) (b, ok bool) {
	switch {
	case strings.EqualFold(v.text, "true"):
		return true, true
	case strings.EqualFold(v.text, "false"):
		return false, true
	}
	return false, false
}

// callCBool makes a boolean of a comparison, a boolean text or a number, of which only 0 is false.
func callCBool(e env, args []node) (value, error) {
	v, err := single(e, args[0])
	if err != nil || v.empty() {
		return value{}, err
	}
	if b, ok := boolean(v); ok {
		return truth(b), nil
	}
	if n, ok := wholeNumber(v.String()); ok {
		return truth(n != 0), nil
	}
	return value{}, failf("the value is neither a boolean nor a whole number")
}

func callNot(e env, args []node) (value, error) {
	v, err := single(e, args[0])
	return truth(v.text != "True"), err
}

func callCoalesce(e env, args []node) (value, error) {
	for _, arg := range args {
		if v, err := arg.eval(e); err != nil || !v.isNull() {
			return v, err
		}
	}
	return value{}, nil
}

func callIgnoreFlow(e env, args []node) (value, error) {
	v, err := args[0].eval(e)
	if err == nil && v.empty() {
		err = errNothing
	}
	return v, err
}

func callIsNull(e env, args []node) (value, error) {
	v, err := args[0].eval(e)
	return truth(v.isNull()), err
}

func callIsNullOrEmpty(e env, args []node) (value, error) {
	v, err := args[0].eval(e)
	return truth(v.empty()), err
}

func callIsPresent(e env, args []node) (value, error) {
	v, err := args[0].eval(e)
	return truth(!v.empty()), err
}

func callIsString(e env, args []node) (value, error) {
	v, err := args[0].eval(e)
	return truth(v.kind == isText), err
}

// callRedact is for Entra's logs, which then don't show the value.
func callRedact(e env, args []node) (value, error) { return args[0].eval(e) }

// choice is Switch: the value of the first key that the source equals, letter by letter; null where there is none and no default.
type choice struct {
	source  node
	none    node // nil: no default
	entries []choiceEntry
}

type choiceEntry struct {
	literal string
	key     node // nil: literal
	value   node
}

func buildSwitch(_ *checker, t *tree, args []node) node {
	s := &choice{source: args[0], none: args[1]}
	for i := 2; i < len(args); i += 2 {
		entry := choiceEntry{key: args[i], value: args[i+1]}
		if c, ok := args[i].(constant); ok {
			entry.literal, entry.key = value(c).String(), nil
		}
		s.entries = append(s.entries, entry)
	}
	return s
}

func (s *choice) eval(e env) (value, error) {
	v, err := single(e, s.source)
	if err != nil {
		return value{}, inFunction("Switch", err)
	}
	source := v.String() // a null source finds the key ""
	for i := range s.entries {
		entry := &s.entries[i]
		key, ok := entry.literal, true
		if entry.key != nil {
			if key, ok, err = text(e, entry.key); err != nil {
				return value{}, inFunction("Switch", err)
			}
		}
		if ok && key == source {
			return entry.value.eval(e)
		}
	}
	if s.none == nil {
		return value{}, nil
	}
	return s.none.eval(e)
}
