package main

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// fault is one thing that is wrong with the configuration: where, what, and the mend. It never holds a setting's text where that may
// be a secret.
type fault struct {
	File   string
	Line   int // from 1
	Column int // from 1
	Path   string
	What   string
	Mend   string
}

func (f fault) Error() string {
	var b strings.Builder
	b.WriteString(f.File)
	if f.Line > 0 {
		fmt.Fprintf(&b, ":%d:%d", f.Line, f.Column)
	}
	b.WriteString(": ")
	if f.Path != "" {
		b.WriteString(f.Path + ": ")
	}
	b.WriteString(f.What)
	if f.Mend != "" {
		b.WriteString("; " + f.Mend)
	}
	return b.String()
}

// faults is every fault of a configuration, by position.
type faults []fault

func (fs faults) Error() string {
	lines := make([]string, len(fs))
	for i, f := range fs {
		lines[i] = f.Error()
	}
	return strings.Join(lines, "\n")
}

// document is one file being decoded. It collects all faults and remembers where each setting stands.
type document struct {
	file    string
	dir     string // relative paths in the file start here
	lines   []string
	anchors map[string]ast.Node
	marks   map[string]token.Position // of values, by path such as "sources[0].entra.app_id"
	faults  faults
}

// readDocument parses a file. The root is nil if it is empty or cannot be parsed; the latter has left a fault.
func readDocument(file string) (*document, ast.Node) {
	d := &document{file: file, dir: filepath.Dir(file)}
	data, err := os.ReadFile(file)
	if err != nil {
		mend := ""
		if errors.Is(err, os.ErrNotExist) {
			mend = "name another with --config, or start from config.example.yaml"
		}
		d.faults = append(d.faults, fault{File: file, What: "cannot be read: " + reason(err), Mend: mend})
		return d, nil
	}
	return d, d.parse(data)
}

// maxFileSize bounds a configuration file; the parser's memory grows with it.
const maxFileSize = 4 << 20

func (d *document) parse(data []byte) ast.Node {
	d.marks, d.anchors = map[string]token.Position{}, map[string]ast.Node{}
	start := token.Position{Line: 1, Column: 1}
	switch {
	case len(data) > maxFileSize:
		d.add(start, "", "is larger than 4 MiB", "split it with include")
		return nil
	case !utf8.Valid(data):
		d.add(start, "", "is not UTF-8 text", "save it as UTF-8")
		return nil
	}
	text := strings.TrimPrefix(string(data), "\ufeff")
	d.lines = strings.Split(strings.ReplaceAll(text, "\r\n", "\n"), "\n")
	file, err := parser.ParseBytes([]byte(text), 0, parser.AllowDuplicateMapKey())
	if err != nil {
		what := "is not YAML"
		var syntax yaml.Error
		if errors.As(err, &syntax) && syntax.GetToken() != nil {
			what, start = what+": "+syntax.GetMessage(), *syntax.GetToken().Position
		}
		d.add(start, "", what, "")
		return nil
	}
	var root ast.Node
	for _, doc := range file.Docs {
		switch {
		case doc.Body == nil:
		case root == nil:
			root = doc.Body
		default:
			d.add(*doc.Body.GetToken().Position, "", "holds a second YAML document", "keep one; further sources go into files that include names")
		}
	}
	if root != nil {
		ast.Walk(d, root)
	}
	return root
}

// Visit collects anchors.
func (d *document) Visit(n ast.Node) ast.Visitor {
	if a, ok := n.(*ast.AnchorNode); ok {
		d.anchors[a.Name.GetToken().Value] = a.Value
	}
	return d
}

func (d *document) add(at token.Position, path, what, mend string) {
	d.faults = append(d.faults, fault{File: d.file, Line: at.Line, Column: at.Column, Path: path, What: what, Mend: mend})
}

// fault adds a fault about the setting at a path, or, if the file does not have it, about the nearest one around it.
func (d *document) fault(path, what, mend string) {
	d.add(d.position(path), path, what, mend)
}

func (d *document) position(path string) token.Position {
	for p := path; p != ""; {
		if at, ok := d.marks[p]; ok {
			return at
		}
		p = p[:max(0, strings.LastIndexAny(p, ".["))]
	}
	if at, ok := d.marks[""]; ok {
		return at
	}
	return token.Position{Line: 1, Column: 1}
}

// within returns the position of the character at column (from 1) of a setting's text. A text that the file writes over several
// lines or with escapes is pointed at as a whole.
func (d *document) within(path, text string, column int) token.Position {
	at := d.position(path)
	if column < 1 || at.Line > len(d.lines) {
		return at
	}
	line := []rune(d.lines[at.Line-1])
	start := min(at.Column-1, len(line))
	if i := strings.Index(string(line[start:]), text); i >= 0 {
		at.Column += utf8.RuneCountInString(string(line[start:])[:i]) + column - 1
	}
	return at
}

// given tells whether the file has a setting.
func (d *document) given(path string) bool {
	_, ok := d.marks[path]
	return ok
}

// sorted returns the faults by position.
func (fs faults) sorted() faults {
	slices.SortStableFunc(fs, func(a, b fault) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column), cmp.Compare(a.Path, b.Path))
	})
	return slices.Compact(fs)
}

// resolve follows aliases and anchors to the node that is meant. A nil result has left a fault.
func (d *document) resolve(path string, n ast.Node) ast.Node {
	for range 8 {
		switch v := n.(type) {
		case *ast.AnchorNode:
			n = v.Value
		case *ast.AliasNode:
			target, ok := d.anchors[v.Value.GetToken().Value]
			if !ok {
				d.add(*v.GetToken().Position, path, "refers to an anchor that this file does not have", "")
				return nil
			}
			n = target
		default:
			return n
		}
	}
	d.fault(path, "is an alias of itself", "")
	return nil
}

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

// notYet decodes a place whose only accepted content is what is built today, told by ok.
func notYet(what string, inner shape, ok func() bool) shape {
	return shape{schema: inner.schema, decode: func(d *document, path string, n ast.Node) {
		before := len(d.faults)
		inner.decode(d, path, n)
		if len(d.faults) == before && !ok() {
			d.fault(path, what+" is not built yet", "leave it out")
		}
	}}
}

// later is a place that is planned and accepts nothing today.
func later(what, mend string) shape {
	return shape{schema: map[string]any{"not": map[string]any{}}, decode: func(d *document, path string, n ast.Node) {
		d.fault(path, what+" is not built yet", mend)
	}}
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
		if n := editDistance(strings.ToLower(word), k); n < distance {
			best, distance = k, n
		}
	}
	if best == "" {
		return ""
	}
	return "did you mean " + best + "?"
}

// editDistance is Levenshtein's.
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := diagonal
			if a[i] != b[j] {
				cost++
			}
			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// reason is an error's last word: what went wrong, without the operation and the file that the caller names itself.
func reason(err error) string {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err.Error()
		}
		err = inner
	}
}
