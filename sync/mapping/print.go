package mapping

import "strings"

// String writes an expression in its one canonical form: what it parses to again is the same.
func (t *tree) String() string {
	var b strings.Builder
	t.print(&b)
	return b.String()
}

var escaper = strings.NewReplacer(`\`, `\\`, `"`, `\"`)

func (t *tree) print(b *strings.Builder) {
	switch t.kind {
	case treeAttribute:
		b.WriteByte('[')
		b.WriteString(t.text)
		b.WriteByte(']')
	case treeText:
		b.WriteByte('"')
		b.WriteString(escaper.Replace(t.text))
		b.WriteByte('"')
	case treeNumber, treeWord:
		b.WriteString(t.text)
	case treeCompare:
		t.args[0].print(b)
		b.WriteByte(' ')
		b.WriteString(t.text)
		b.WriteByte(' ')
		t.args[1].print(b)
	case treeCall:
		b.WriteString(t.text)
		b.WriteByte('(')
		for i, arg := range t.args {
			if i > 0 {
				b.WriteString(", ")
			}
			arg.print(b)
		}
		b.WriteByte(')')
	}
}
