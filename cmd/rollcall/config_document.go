package main

import (
	"cmp"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
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
	barren  []string // paths of the patterns of include that match no file
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
