package plan

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// shownNotices is how many notices of one kind are written out; the rest is counted.
const shownNotices = 20

// Write writes the plan for people at a terminal: what would change, what waits for an approval and why, what was noticed, and the
// sum. What a provider sent is made harmless: no control character gets through.
func (p *Plan) Write(w io.Writer) error {
	var b strings.Builder
	b.WriteString(p.heading())
	p.writeChanges(&b, "Changes", func(c *Change) bool { return !c.Held })
	for _, hold := range p.holds() {
		p.writeChanges(&b, "Held: "+hold.Text(), func(c *Change) bool { return c.HeldBecause == hold && c.Held })
	}
	p.writeNotices(&b)
	b.WriteString("\n" + p.Summary() + "\n")
	_, err := io.WriteString(w, b.String())
	return err
}

func (p *Plan) heading() string {
	return fmt.Sprintf("%s: %s read, %s recorded, %d active, %d in agreement\n",
		printable(p.Source), count(p.Counts.People, "person", "people"), count(p.Counts.Accounts, "account", "accounts"),
		p.Counts.Active, p.Counts.Agree)
}

// Summary is the plan in one line.
func (p *Plan) Summary() string {
	if len(p.Changes) == 0 {
		return "In sync: nothing to change."
	}
	var parts []string
	for _, action := range Actions {
		if n := p.Counts.Actions[action]; n > 0 {
			parts = append(parts, fmt.Sprintf("%d to %s", n, action))
		}
	}
	text := count(p.Counts.Changes(), "change", "changes") + ": " + strings.Join(parts, ", ")
	if p.Counts.Held > 0 {
		text += fmt.Sprintf("; %d held", p.Counts.Held)
		if p.Gate.Removing != "" {
			text += fmt.Sprintf(" (%s planned and %d made in 24 hours, of %d active; the limit is %d)",
				count(p.Gate.Removals, "removal", "removals"), p.Gate.Removed, p.Gate.Active, p.Gate.Limit)
		}
	}
	return text + "."
}

// holds lists why changes are held, in the order of the plan.
func (p *Plan) holds() []Hold {
	var holds []Hold
	for i := range p.Changes {
		if c := &p.Changes[i]; c.Held && !slices.Contains(holds, c.HeldBecause) {
			holds = append(holds, c.HeldBecause)
		}
	}
	return holds
}

func (p *Plan) writeChanges(b *strings.Builder, title string, which func(*Change) bool) {
	var rows [][]string
	for i := range p.Changes {
		c := &p.Changes[i]
		if !which(c) {
			continue
		}
		fields := c.lines()
		rows = append(rows, []string{string(c.Action), printable(c.Name), c.Reason.Text(), fields[0]})
		for _, field := range fields[1:] {
			rows = append(rows, []string{"", "", "", field})
		}
	}
	writeTable(b, title, rows)
}

// lines says what a change makes, one line for each value.
func (c *Change) lines() []string {
	var lines []string
	for _, f := range c.Fields {
		after := printable(string(f.After))
		if c.Action == Create {
			lines = append(lines, f.Path+": "+after)
			continue
		}
		was := printable(string(f.Before))
		if was == "null" {
			was = "nothing"
		}
		lines = append(lines, f.Path+": "+was+" → "+after)
	}
	if c.Link && c.Action != Create {
		lines = append(lines, "link → "+printable(c.Person))
	}
	if len(lines) == 0 {
		lines = []string{""}
	}
	return lines
}

func (p *Plan) writeNotices(b *strings.Builder) {
	var rows [][]string
	for i := 0; i < len(p.Notices); {
		kind := p.Notices[i].Kind
		shown := 0
		for ; i < len(p.Notices) && p.Notices[i].Kind == kind; i++ {
			if shown++; shown <= shownNotices {
				n := p.Notices[i]
				rows = append(rows, []string{string(n.Kind), printable(cmp.Or(n.Name, n.Person, string(n.Account))), noticeText(n)})
			}
		}
		if more := p.Counts.Notices[kind] - min(shown, shownNotices); more > 0 {
			rows = append(rows, []string{string(kind), fmt.Sprintf("and %d more", more), ""})
		}
	}
	writeTable(b, "Noticed", rows)
}

func noticeText(n Notice) string {
	if n.Detail == "" {
		return n.Kind.Text()
	}
	return n.Kind.Text() + ": " + printable(n.Detail)
}

// writeTable writes rows in columns, the last one ragged.
func writeTable(b *strings.Builder, title string, rows [][]string) {
	if len(rows) == 0 {
		return
	}
	widths := make([]int, len(rows[0]))
	for _, row := range rows {
		for i, cell := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(cell))
		}
	}
	b.WriteString("\n" + title + "\n")
	for _, row := range rows {
		var line strings.Builder
		for i, cell := range row {
			line.WriteString("  " + cell + strings.Repeat(" ", widths[i]-utf8.RuneCountInString(cell)))
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
}

// printable replaces what a terminal would obey or hide: control, formatting and direction characters.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r == ' ' || unicode.IsPrint(r) {
			return r
		}
		return '\uFFFD'
	}, s)
}

func count(n int, one, many string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, many)
}
