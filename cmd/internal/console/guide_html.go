package console

import (
	"bytes"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strings"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/ast"
	"github.com/yuin/goldmark/extension"
	tables "github.com/yuin/goldmark/extension/ast"
	"github.com/yuin/goldmark/renderer"
	"github.com/yuin/goldmark/text"
	"github.com/yuin/goldmark/util"
)

// enteredColumns are the columns of a guide's tables that hold what somebody enters at the provider: their values can be copied.
var enteredColumns = []string{"value", "target attribute", "source", "attribute"}

// guideHTML renders the guide of a source's kind for a page. Its first heading is left out: the page has its own. Markup in a value
// stays text, because codeSpan writes values as code and the renderer lets no HTML through.
func (c *Console) guideHTML(kind string, values GuideValues) (template.HTML, error) {
	markdown, err := Guide(kind, values)
	if err != nil {
		return "", err
	}
	spans := &codeSpans{copy: func(w io.Writer, value string) error { return c.pages["bare-setup"].ExecuteTemplate(w, "copy", value) }}
	md := goldmark.New(goldmark.WithExtensions(extension.Table), goldmark.WithRendererOptions(renderer.WithNodeRenderers(util.Prioritized(spans, 100))))
	source := []byte(markdown)
	document := md.Parser().Parse(text.NewReader(source))
	if h, ok := document.FirstChild().(*ast.Heading); ok && h.Level == 1 {
		document.RemoveChild(document, h)
	}
	if err := ast.Walk(document, func(n ast.Node, entering bool) (ast.WalkStatus, error) {
		if table, ok := n.(*tables.Table); ok && entering {
			dressTable(table, source)
		}
		return ast.WalkContinue, nil
	}); err != nil {
		return "", err
	}
	var out bytes.Buffer
	if err := md.Renderer().Render(&out, source, document); err != nil {
		return "", err
	}
	return template.HTML(out.String()), nil
}

// dressTable gives a table a name, its heads their scope, and the code in columns that somebody enters the mark of it.
func dressTable(table *tables.Table, source []byte) {
	var heads []string
	for row := table.FirstChild(); row != nil; row = row.NextSibling() {
		column := 0
		for cell := row.FirstChild(); cell != nil; cell = cell.NextSibling() {
			if row.Kind() == tables.KindTableHeader {
				heads = append(heads, textIn(cell, source))
				cell.SetAttributeString("scope", []byte("col"))
			} else if span, ok := cell.FirstChild().(*ast.CodeSpan); ok && column < len(heads) && slices.Contains(enteredColumns, heads[column]) {
				span.SetAttributeString("entered", true)
			}
			column++
		}
	}
	table.SetAttributeString("aria-label", []byte(strings.Join(heads, ", ")))
}

// textIn is the text below a node, as it is read.
func textIn(n ast.Node, source []byte) string {
	var b strings.Builder
	_ = ast.Walk(n, func(n ast.Node, entering bool) (ast.WalkStatus, error) { // the function never fails
		if t, ok := n.(*ast.Text); ok && entering {
			b.Write(t.Segment.Value(source))
		}
		return ast.WalkContinue, nil
	})
	return b.String()
}

// codeSpans renders spans of code, those that are entered with the same button as everywhere, and tables so that they scroll in themselves.
type codeSpans struct {
	copy func(w io.Writer, value string) error
}

// RegisterFuncs implements renderer.NodeRenderer.
func (s *codeSpans) RegisterFuncs(r renderer.NodeRendererFuncRegisterer) {
	r.Register(ast.KindCodeSpan, s.render)
	inner := extension.NewTableHTMLRenderer()
	inner.RegisterFuncs(tableFuncs{r})
}

func (s *codeSpans) render(w util.BufWriter, source []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
	if !entering {
		return ast.WalkContinue, nil
	}
	value := textIn(n, source)
	if _, entered := n.AttributeString("entered"); entered {
		return ast.WalkSkipChildren, s.copy(w, value)
	}
	_, err := w.WriteString("<code>" + template.HTMLEscapeString(value) + "</code>")
	return ast.WalkSkipChildren, err
}

// tableFuncs registers how a table is rendered with a box around it.
type tableFuncs struct {
	renderer.NodeRendererFuncRegisterer
}

// Register wraps the function for a table; those for its parts stay as they are.
func (f tableFuncs) Register(kind ast.NodeKind, render renderer.NodeRendererFunc) {
	if kind != tables.KindTable {
		f.NodeRendererFuncRegisterer.Register(kind, render)
		return
	}
	f.NodeRendererFuncRegisterer.Register(kind, func(w util.BufWriter, source []byte, n ast.Node, entering bool) (ast.WalkStatus, error) {
		if entering {
			name, _ := n.AttributeString("aria-label") // dressTable has given it one
			_, _ = fmt.Fprintf(w, `<div class="scroll" role="region" aria-label="%s" tabindex="0">`, template.HTMLEscapeString(string(name.([]byte))))
		}
		status, err := render(w, source, n, entering)
		if !entering {
			_, _ = w.WriteString("</div>")
		}
		return status, err
	})
}
