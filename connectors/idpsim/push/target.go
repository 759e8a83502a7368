package push

import (
	"fmt"
	"strings"
)

// target is the place in a user resource that a mapping row fills: name, name.sub, name[type eq "kind"].sub, or urn:name.
type target struct {
	text string // as written
	urn  string
	name string
	kind string
	sub  string
}

func parseTarget(text string) target {
	t := target{text: text}
	rest := text
	if strings.HasPrefix(rest, "urn:") {
		at := strings.LastIndexByte(rest, ':')
		t.urn, rest = rest[:at], rest[at+1:]
	}
	if name, tail, ok := strings.Cut(rest, `[type eq "`); ok {
		t.name = name
		t.kind, t.sub, _ = strings.Cut(tail, `"].`)
		return t
	}
	t.name, t.sub, _ = strings.Cut(rest, ".")
	return t
}

// put writes a value into a resource.
func (t target) put(resource object, value any) {
	if t.urn != "" {
		resource = child(resource, t.urn)
	}
	switch {
	case t.kind != "":
		list, _ := resource[t.name].([]any)
		element, ok := t.element(list)
		if !ok {
			element = object{"type": t.kind}
			resource[t.name] = append(list, element)
		}
		element[t.sub] = value
	case t.sub != "":
		child(resource, t.name)[t.sub] = value
	default:
		resource[t.name] = value
	}
}

// get reads a value from a resource as text, "" when there is none.
func (t target) get(resource object) string {
	if t.urn != "" {
		resource, _ = resource[t.urn].(object)
	}
	var value any
	switch {
	case t.kind != "":
		list, _ := resource[t.name].([]any)
		element, _ := t.element(list)
		value = element[t.sub]
	case t.sub != "":
		inner, _ := resource[t.name].(object)
		value = inner[t.sub]
	default:
		value = resource[t.name]
	}
	if value == nil {
		return ""
	}
	return fmt.Sprint(value)
}

// element finds the element of the target's type.
func (t target) element(list []any) (object, bool) {
	for _, one := range list {
		if element, ok := one.(object); ok && element["type"] == t.kind {
			return element, true
		}
	}
	return nil, false
}

func child(resource object, name string) object {
	inner, ok := resource[name].(object)
	if !ok {
		inner = object{}
		resource[name] = inner
	}
	return inner
}
