package push

import "strings"

// change is one attribute to be changed.
type change struct {
	target   target
	value    string
	flag     bool // a boolean: on instead of value
	on       bool
	replaces bool // there was a value before
}

// operations puts changes into one of the two dialects. The old one: an operation for each, capitalised, booleans as text. The one
// behind the flag: lower case, booleans, and attributes without a value filter together in one operation without a path.
func operations(changes []change, flag bool) []object {
	var list []object
	together := object{}
	for _, c := range changes {
		verb := "Add"
		if c.replaces || c.flag {
			verb = "Replace"
		}
		value := any(c.value)
		switch {
		case c.flag && flag:
			value = c.on
		case c.flag:
			value = map[bool]string{true: "True", false: "False"}[c.on]
		}
		if flag && !c.flag && c.target.kind == "" && len(changes) > 1 {
			together[c.target.text] = value
			continue
		}
		if flag {
			verb = strings.ToLower(verb)
		}
		list = append(list, object{"op": verb, "path": c.target.text, "value": value})
	}
	if len(together) > 0 {
		list = append(list, object{"op": "replace", "value": together})
	}
	return list
}
