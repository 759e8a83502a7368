package plan

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
)

// Section is a part of a plan as people read it. Whatever a provider sent stands in it as it came: who prints it makes it harmless.
type Section struct {
	Title string
	Lines []Line
}

// Line is one change or one notice.
type Line struct {
	What   string // the action, or the kind of notice
	Who    string
	Why    string
	Values []Value // of a change
}

// Value is one value that a change sets.
type Value struct {
	Label  string
	Before string // "" = this is all that there is to say: it is new
	After  string
}

// shownNotices is how many notices of one kind are lines of their own; the rest is counted.
const shownNotices = 20

// Sections tells a finished plan to people: what would change, what waits for an approval and why, and what was noticed. A section
// without lines is left out.
func (p *Plan) Sections() []Section {
	all := []Section{{"Changes", p.lines(func(c *Change) bool { return !c.Held })}}
	for _, hold := range p.holds() {
		all = append(all, Section{"Held: " + hold.Text(), p.lines(func(c *Change) bool { return c.Held && c.HeldBecause == hold })})
	}
	all = append(all, Section{"Noticed", p.noticed()})
	return slices.DeleteFunc(all, func(s Section) bool { return len(s.Lines) == 0 })
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

func (p *Plan) lines(which func(*Change) bool) []Line {
	var lines []Line
	for i := range p.Changes {
		if c := &p.Changes[i]; which(c) {
			lines = append(lines, Line{What: c.Action.Text(), Who: c.Name, Why: c.Reason.Text(), Values: c.values()})
		}
	}
	return lines
}

// values says what a change sets, beyond what its action says already.
func (c *Change) values() []Value {
	var values []Value
	for _, f := range c.Fields {
		if f.Path == "active" && (c.Action == Deactivate || c.Action == Reactivate) {
			continue
		}
		v := Value{Label: f.Path, Before: shown(f.Before), After: shown(f.After)}
		if c.Action == Create {
			v.Before = ""
		}
		values = append(values, v)
	}
	if c.Group != nil {
		values = append(values, c.Group.told()...)
	}
	if c.Link && c.Action != Create {
		values = append(values, Value{Label: "link", After: c.Person})
	}
	return values
}

// shown is a value as people read it: JSON, but for one that is absent.
func shown(value json.RawMessage) string {
	if string(value) == "null" {
		return "nothing"
	}
	return string(value)
}

func (p *Plan) noticed() []Line {
	var lines []Line
	for i := 0; i < len(p.Notices); {
		kind := p.Notices[i].Kind
		shown := 0
		for ; i < len(p.Notices) && p.Notices[i].Kind == kind; i++ {
			if shown++; shown <= shownNotices {
				n := &p.Notices[i]
				lines = append(lines, Line{What: string(kind), Who: cmp.Or(n.Name, n.Person, string(n.Account), string(n.Group)), Why: n.text()})
			}
		}
		if more := p.Counts.Notices[kind] - min(shown, shownNotices); more > 0 {
			lines = append(lines, Line{What: string(kind), Who: fmt.Sprintf("and %d more", more)})
		}
	}
	return lines
}

func (n *Notice) text() string {
	text := n.Kind.Text()
	if n.Detail != "" {
		text += ": " + n.Detail
	}
	if !n.Since.IsZero() {
		text += ", since " + n.Since.UTC().Format("2 January 2006")
	}
	return text
}
