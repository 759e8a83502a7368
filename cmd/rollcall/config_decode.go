package main

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"rollcall/sync/mapping"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// shape is what a place in the file may hold: how it is decoded and how `config schema` describes it.
type shape struct {
	decode func(d *document, path string, n ast.Node)
	schema map[string]any
}

// field is one named place of an object.
type field struct {
	name     string
	doc      string
	is       shape
	required bool
}

// object is a mapping with these fields and no others.
func object(fields ...field) shape {
	return shape{schema: objectSchema(fields), decode: func(d *document, path string, n ast.Node) {
		entries, ok := d.entries(path, n)
		if !ok {
			return
		}
		seen := map[string]bool{}
		for _, e := range entries {
			name := e.Key.GetToken().Value
			at := join(path, name)
			position := *e.Key.GetToken().Position
			i := slices.IndexFunc(fields, func(f field) bool { return f.name == name })
			switch {
			case e.Key.IsMergeKey():
				d.add(position, path, "uses a YAML merge key (<<)", "write the settings out, or alias a whole value with *name")
			case i < 0:
				d.add(position, at, "no such setting", hint(name, names(fields)))
			case seen[name]:
				d.add(position, at, "is set twice", "keep one")
			default:
				seen[name] = true
				d.value(at, e.Value, position, fields[i].is)
			}
		}
		for _, f := range fields {
			if f.required && !seen[f.name] {
				d.fault(join(path, f.name), "is missing", f.doc)
			}
		}
	}}
}

// value decodes one setting's value, unless it is null.
func (d *document) value(path string, n ast.Node, key token.Position, is shape) {
	d.marks[path] = key
	if n = d.resolve(path, n); n == nil {
		return
	}
	if tag, ok := n.(*ast.TagNode); ok {
		d.add(*tag.GetToken().Position, path, "has a YAML tag", "take the tag away")
		return
	}
	if n.Type() == ast.NullType {
		d.fault(path, "has no value", "give it one, or leave the key out for the default")
		return
	}
	if at := n.GetToken().Position; n.Type() != ast.MappingType {
		d.marks[path] = *at
	}
	is.decode(d, path, n)
}

func (d *document) entries(path string, n ast.Node) ([]*ast.MappingValueNode, bool) {
	switch v := n.(type) {
	case *ast.MappingNode:
		return v.Values, true
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{v}, true
	}
	d.add(*n.GetToken().Position, path, "is "+kindOf(n)+", not a block of settings", "")
	return nil, false
}

// list is a sequence; element gives the shape of one more item.
func list[T any](items *[]T, element func(item *T) shape) shape {
	return shape{
		schema: map[string]any{"type": "array", "items": element(new(T)).schema},
		decode: func(d *document, path string, n ast.Node) {
			seq, ok := n.(*ast.SequenceNode)
			if !ok {
				d.add(*n.GetToken().Position, path, "is "+kindOf(n)+", not a list", "write it as [a, b] or as lines that start with '- '")
				return
			}
			*items = make([]T, len(seq.Values))
			for i, item := range seq.Values {
				at := path + "[" + strconv.Itoa(i) + "]"
				position := d.marks[path]
				if tok := item.GetToken(); tok != nil && tok.Position != nil {
					position = *tok.Position
				}
				if first := firstKey(item); first != nil {
					position = *first.Position
				}
				d.value(at, item, position, element(&(*items)[i]))
			}
		},
	}
}

// firstKey returns the token of an object's first key: where a reader sees the object begin.
func firstKey(n ast.Node) *token.Token {
	if m, ok := n.(*ast.MappingNode); ok && len(m.Values) > 0 {
		return m.Values[0].Key.GetToken()
	}
	return nil
}

// objection says what is wrong with a text, and the mend; the zero objection is approval.
type objection struct{ what, mend string }

// text is a string that passes the checks; one that does not leaves the default.
func text(into *string, checks ...func(string) objection) shape {
	return shape{schema: map[string]any{"type": "string"}, decode: func(d *document, path string, n ast.Node) {
		s, ok := d.scalar(path, n)
		if !ok {
			return
		}
		for _, check := range checks {
			if o := check(s); o.what != "" {
				d.fault(path, o.what, o.mend)
				return
			}
		}
		*into = s
	}}
}

// scalar reads a node as text. Numbers and booleans are refused: YAML would change them (007, 1_000, 0x10).
func (d *document) scalar(path string, n ast.Node) (string, bool) {
	switch v := n.(type) {
	case *ast.StringNode:
		return v.Value, true
	case *ast.LiteralNode:
		return v.Value.Value, true
	}
	mend := ""
	if _, ok := n.(ast.ScalarNode); ok {
		mend = "put it in quotes"
	}
	d.add(*n.GetToken().Position, path, "is "+kindOf(n)+", not text", mend)
	return "", false
}

// word is one of a few texts.
func word(into *string, allowed ...string) shape {
	return shape{schema: map[string]any{"enum": allowed}, decode: func(d *document, path string, n ast.Node) {
		s, ok := d.scalar(path, n)
		if ok && !slices.Contains(allowed, s) {
			d.fault(path, "must be one of "+strings.Join(allowed, ", "), hint(s, allowed))
			return
		}
		if ok {
			*into = s
		}
	}}
}

// boolean is true or false.
func boolean(into *bool) shape {
	return shape{schema: map[string]any{"type": "boolean"}, decode: func(d *document, path string, n ast.Node) {
		b, ok := n.(*ast.BoolNode)
		if !ok {
			d.add(*n.GetToken().Position, path, "is "+kindOf(n)+", not true or false", "")
			return
		}
		*into = b.Value
	}}
}

// number is a whole number within bounds.
func number(into *int, least, most int) shape {
	return shape{schema: map[string]any{"type": "integer", "minimum": least, "maximum": most}, decode: func(d *document, path string, n ast.Node) {
		if _, ok := n.(*ast.IntegerNode); !ok {
			d.add(*n.GetToken().Position, path, "is "+kindOf(n)+", not a whole number", "")
			return
		}
		i, err := strconv.Atoi(n.GetToken().Value)
		if err != nil || i < least || i > most {
			d.fault(path, fmt.Sprintf("must be from %d to %d", least, most), "")
			return
		}
		*into = i
	}}
}

// duration is a length of time such as 15m or 720h.
func duration(into *time.Duration, least, most time.Duration) shape {
	return shape{schema: map[string]any{"type": "string", "pattern": durationPattern}, decode: func(d *document, path string, n ast.Node) {
		if _, ok := n.(*ast.IntegerNode); ok {
			d.fault(path, "is a number without a unit", "write it as 90s, 15m or 720h")
			return
		}
		s, ok := d.scalar(path, n)
		if !ok {
			return
		}
		v, err := time.ParseDuration(s)
		switch {
		case err != nil:
			d.fault(path, "is not a length of time", "write it as 90s, 15m or 720h")
		case v < least || v > most:
			d.fault(path, fmt.Sprintf("must be from %s to %s", short(least), short(most)), "")
		default:
			*into = v
		}
	}}
}

// orOff is a length of time, or the word off, which is 0.
func orOff(into *time.Duration, inner shape) shape {
	return shape{
		schema: map[string]any{"anyOf": []any{inner.schema, map[string]any{"const": "off"}}},
		decode: func(d *document, path string, n ast.Node) {
			if word, ok := n.(*ast.StringNode); ok && word.Value == "off" {
				*into = 0
				return
			}
			inner.decode(d, path, n)
		},
	}
}

const durationPattern = `^([0-9]+(\.[0-9]+)?(ns|us|ms|s|m|h))+$`

// short prints a duration without its zero parts.
func short(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = s[:len(s)-2]
	}
	if strings.HasSuffix(s, "h0m") {
		s = s[:len(s)-2]
	}
	return s
}

func kindOf(n ast.Node) string {
	switch n.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		return "a block of settings"
	case *ast.SequenceNode:
		return "a list"
	case *ast.StringNode, *ast.LiteralNode:
		return "text"
	case *ast.BoolNode:
		return "true or false"
	case *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		return "a number"
	}
	return "something else"
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

func names(fields []field) []string {
	out := make([]string, len(fields))
	for i, f := range fields {
		out[i] = f.name
	}
	return out
}

// hint names the nearest of the known words, if one is near enough to be meant.
func hint(word string, known []string) string {
	best, distance := "", max(2, len(word)/3)+1
	for _, k := range known {
		if n := mapping.EditDistance(strings.ToLower(word), k); n < distance {
			best, distance = k, n
		}
	}
	if best == "" {
		return ""
	}
	return "did you mean " + best + "?"
}
