package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/term"
	"golang.org/x/text/width"

	"rollcall/sync/explain"
)

// printJSON writes a value for a script: two-space indented, snake_case as its type says, text as it is.
func (a *app) printJSON(v any) error {
	enc := json.NewEncoder(a.stdout)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(v); err != nil {
		return fmt.Errorf("print: %w", err)
	}
	return nil
}

// sheet prints rows in columns. Widths follow the first rows; what comes later streams. On a terminal too narrow for them, columns that
// can be spared are left out, and then those that may shrink are cut; elsewhere nothing is ever cut.
type sheet struct {
	out     io.Writer
	limit   int // columns of the terminal; 0 = not one
	head    []string
	shrinks []bool
	spare   []bool
	rows    []sheetRow
	widths  []int // nil until the first rows are printed; -1 = left out
}

// sheetRow is a row with the lines that stand below it.
type sheetRow struct {
	cells []string
	below []string
}

// sampledRows is how many rows decide the widths.
const sampledRows = 500

// newSheet makes a sheet. A heading that ends in "~" belongs to a column that may shrink, one that ends in "?" to one that can be spared.
// Without any other text in them, headings are not printed.
func (a *app) newSheet(head ...string) *sheet {
	s := &sheet{out: a.stdout, limit: a.width()}
	for _, h := range head {
		text, shrinks := strings.CutSuffix(h, "~")
		text, spare := strings.CutSuffix(text, "?")
		s.head, s.shrinks, s.spare = append(s.head, text), append(s.shrinks, shrinks), append(s.spare, spare)
	}
	return s
}

// add takes one row.
func (s *sheet) add(cells ...string) { s.addWith(nil, cells...) }

// addWith takes one row and lines to stand below it, which are printed as they are, but for what clean replaces.
func (s *sheet) addWith(below []string, cells ...string) {
	for _, texts := range [][]string{cells, below} {
		for i := range texts {
			texts[i] = clean(texts[i])
		}
	}
	row := sheetRow{cells, below}
	if s.widths != nil {
		s.print(row)
		return
	}
	if s.rows = append(s.rows, row); len(s.rows) == sampledRows {
		s.flush()
	}
}

// flush prints what is waiting. Call it after the last row.
func (s *sheet) flush() {
	if s.widths != nil {
		return
	}
	s.widths = make([]int, len(s.head))
	for _, row := range append([]sheetRow{{cells: s.head}}, s.rows...) {
		for i, cell := range row.cells {
			s.widths[i] = max(s.widths[i], displayWidth(cell))
		}
	}
	s.fit()
	if strings.Join(s.head, "") != "" {
		s.print(sheetRow{cells: s.head})
	}
	for _, row := range s.rows {
		s.print(row)
	}
	s.rows = nil
}

const (
	columnGap      = 2
	leastCutColumn = 8
)

// fit makes a row fit the terminal: it leaves out what can be spared, the last first, and then shrinks the widest column that may.
func (s *sheet) fit() {
	if s.limit == 0 {
		return
	}
	total := -columnGap
	for _, w := range s.widths {
		total += w + columnGap
	}
	for i := len(s.widths) - 1; i >= 0 && total > s.limit; i-- {
		if s.spare[i] {
			total -= s.widths[i] + columnGap
			s.widths[i] = -1
		}
	}
	for total > s.limit {
		widest := -1
		for i, w := range s.widths {
			if s.shrinks[i] && w > leastCutColumn && (widest < 0 || w > s.widths[widest]) {
				widest = i
			}
		}
		if widest < 0 {
			return
		}
		s.widths[widest]--
		total--
	}
}

func (s *sheet) print(row sheetRow) {
	var b strings.Builder
	for i, cell := range row.cells {
		if s.widths[i] < 0 {
			continue
		}
		if s.limit > 0 && s.shrinks[i] {
			cell = cut(cell, s.widths[i])
		}
		b.WriteString(cell + strings.Repeat(" ", max(0, s.widths[i]-displayWidth(cell))+columnGap))
	}
	fmt.Fprintln(s.out, strings.TrimRight(b.String(), " "))
	for _, line := range row.below {
		fmt.Fprintln(s.out, line)
	}
}

// columnsOf returns the columns of the terminal behind a writer, 0 if there is none.
func columnsOf(w io.Writer) int {
	if f, ok := w.(*os.File); ok {
		if columns, _, err := term.GetSize(int(f.Fd())); err == nil {
			return columns
		}
	}
	return 0
}

// clean makes a text safe for a terminal: names come from identity providers.
func clean(s string) string { return explain.Harmless(s) }

// displayWidth is how many columns a text takes on a terminal.
func displayWidth(s string) int {
	n := 0
	for _, r := range s {
		n += runeWidth(r)
	}
	return n
}

func runeWidth(r rune) int {
	if r < utf8.RuneSelf {
		return 1
	}
	if unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf) {
		return 0
	}
	switch width.LookupRune(r).Kind() {
	case width.EastAsianWide, width.EastAsianFullwidth:
		return 2
	}
	return 1
}

// cut shortens a text to a number of columns, the last of them an ellipsis.
func cut(s string, columns int) string {
	if displayWidth(s) <= columns {
		return s
	}
	n := 0
	for i, r := range s {
		if n += runeWidth(r); n > columns-1 {
			return s[:i] + "…"
		}
	}
	return s
}

// wrap breaks a sentence into lines for a terminal, each behind the indent.
func wrap(s, indent string, columns int) string {
	if columns <= len(indent)+20 {
		return indent + s
	}
	var lines []string
	line := ""
	for _, word := range strings.Fields(s) {
		if line != "" && displayWidth(indent)+displayWidth(line)+1+displayWidth(word) > columns {
			lines = append(lines, indent+line)
			line = ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	return strings.Join(append(lines, indent+line), "\n")
}

// fold breaks a text into lines of at most so many columns, wherever that falls; all but the first stand behind the indent. What is
// shown is exact. 0 columns are no limit.
func fold(s, indent string, columns int) []string {
	room := columns - displayWidth(indent)
	if columns == 0 || room < 2 {
		return []string{s}
	}
	var lines []string
	start, used, limit := 0, 0, columns
	for i, r := range s {
		if used += runeWidth(r); used > limit {
			lines = append(lines, s[start:i])
			start, used, limit = i, runeWidth(r), room
		}
	}
	lines = append(lines, s[start:])
	for i := 1; i < len(lines); i++ {
		lines[i] = indent + lines[i]
	}
	return lines
}

// when prints a time for people, in UTC; "never" for none.
func when(t time.Time) string { return explain.When(t) }

// ago says how long something is past, in the largest unit that is not zero.
func ago(now, t time.Time) string { return explain.Ago(now, t) }

// plural counts a thing in words: "1 person" takes its plural as the third argument when it is no plain "s".
func plural(n int, one string, many ...string) string { return explain.Plural(n, one, many...) }

// optional is a time for JSON: null for none.
func optional(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

// lister prints a list item by item, as a table or as a JSON array, whatever --output asks for.
type lister struct {
	app   *app
	sheet *sheet
	n     int
}

// newLister starts a list with a table's headings; see newSheet.
func (a *app) newLister(head ...string) *lister {
	return &lister{app: a, sheet: a.newSheet(head...)}
}

// add takes one item: for JSON as it is, for a table as cells.
func (l *lister) add(item any, cells ...string) {
	l.n++
	if l.app.output != "json" {
		l.sheet.add(cells...)
		return
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("  ", "  ")
	if err := enc.Encode(item); err != nil {
		panic(err) // a view that cannot be encoded is a fault of this program
	}
	separator := ",\n  "
	if l.n == 1 {
		separator = "[\n  "
	}
	fmt.Fprint(l.app.stdout, separator+strings.TrimRight(b.String(), "\n"))
}

// end finishes the list. An empty table says so on standard error, so that standard output stays fit for a script.
func (l *lister) end(none string) error {
	switch {
	case l.app.output == "json" && l.n == 0:
		fmt.Fprintln(l.app.stdout, "[]")
	case l.app.output == "json":
		fmt.Fprintln(l.app.stdout, "\n]")
	case l.n == 0:
		fmt.Fprintln(l.app.stderr, none)
	default:
		l.sheet.flush()
	}
	return nil
}
