package console

import (
	"cmp"
	"fmt"
	"html"
	"net/http"
	"slices"
	"strconv"
	"unicode/utf8"

	"rollcall/sync/explain"
	"rollcall/sync/plan"
)

// What a page of changes is bounded by: so many, and so much text.
const (
	changesPerPage = 200
	changesSize    = 90_000 // bytes of HTML
	valueSize      = 240    // characters of one value; whoever needs all of it finds the person's own page
)

// Tabs beside the actions.
const (
	tabFallen  = "fallen"  // what was, or would be, not applied
	tabNoticed = "noticed" // what changes nothing
)

// changeOrder is the order in which changes are told: what takes access away comes first.
var changeOrder = []plan.Action{plan.Deactivate, plan.RemoveMembers, plan.Update, plan.Reactivate, plan.Link, plan.Create, plan.AddMembers, plan.UpdateGroup}

// entry is a change or a notice, with what became of it.
type entry struct {
	change *plan.Change
	notice *plan.Notice
	why    string // instead of the change's own reason
	became string // a code of its state; "" = not told
	detail string // in a plain sentence
	fallen bool
}

func (e *entry) tab() string {
	switch {
	case e.notice != nil:
		return tabNoticed
	case e.fallen:
		return tabFallen
	}
	return string(e.change.Action)
}

// group is the heading that an entry stands below.
func (e *entry) group(fallen string) string {
	switch {
	case e.notice != nil:
		return "Noticed: " + e.notice.Kind.Text()
	case e.fallen:
		return fallen
	}
	title := capital(e.change.Action.Text())
	if e.change.Held {
		title += ", held: " + e.change.HeldBecause.Text()
	}
	return title
}

// rank sorts entries by tab.
func (e *entry) rank() int {
	if e.notice != nil {
		return len(changeOrder) + 1
	}
	if e.fallen {
		return len(changeOrder)
	}
	return slices.Index(changeOrder, e.change.Action)
}

// hold is why the change waits, if it does.
func (e *entry) hold() plan.Hold {
	if e.change == nil || e.fallen {
		return ""
	}
	return e.change.HeldBecause
}

// changesView is one page of changes and notices, as a diff grouped by kind.
type changesView struct {
	Tabs     []changeTab
	Groups   []changeGroup
	From, To int // numbers of the first and the last shown, of All
	All      int
	First    string
	Next     string
	Became   bool // what became of each is told
}

type changeTab struct {
	Text    string
	URL     string
	Count   int
	Current bool
}

type changeGroup struct {
	Title string
	Rows  []changeRow
}

type changeRow struct {
	Who       string
	URL       string // "" = nobody has an account yet
	What      string // the action, where the heading does not say it
	Lines     []diffLine
	Why       string
	Witnesses []witnessLine
	Became    string
	Detail    string
}

// diffLine is one value before and after; "" = there is none.
type diffLine struct{ Label, Before, After string }

// viewChanges picks the page of entries that a request asks for: ?kind= one tab, ?from= how many come before it. fallen is the heading
// of those that were, or would be, not applied.
func viewChanges(r *http.Request, entries []entry, fallen string) changesView {
	kind := r.FormValue("kind")
	tabs := make(map[string]int)
	for i := range entries {
		tabs[entries[i].tab()]++
	}
	v := changesView{Tabs: changeTabs(r.URL.Path, kind, tabs, len(entries), fallen)}
	if kind != "" {
		entries = slices.DeleteFunc(entries, func(e entry) bool { return e.tab() != kind })
	}
	slices.SortStableFunc(entries, func(a, b entry) int { return cmp.Or(cmp.Compare(a.rank(), b.rank()), cmp.Compare(a.hold(), b.hold())) })
	from, _ := strconv.Atoi(r.FormValue("from"))
	from = min(max(from, 0), len(entries))
	v.All, v.From, v.To = len(entries), from+1, from
	for size := 0; v.To < len(entries) && v.To-from < changesPerPage; v.To++ {
		e := &entries[v.To]
		row := e.row()
		if size += row.size(); size > changesSize && v.To > from {
			break
		}
		v.Became = v.Became || row.Became != ""
		title := e.group(fallen)
		if n := len(v.Groups); n == 0 || v.Groups[n-1].Title != title {
			v.Groups = append(v.Groups, changeGroup{Title: title})
		}
		last := &v.Groups[len(v.Groups)-1]
		last.Rows = append(last.Rows, row)
	}
	if from > 0 {
		v.First = changesURL(r.URL.Path, kind, 0)
	}
	if v.To < len(entries) {
		v.Next = changesURL(r.URL.Path, kind, v.To)
	}
	return v
}

func changesURL(path, kind string, from int) string {
	if from == 0 {
		return listURL(path, "kind", kind)
	}
	return listURL(path, "kind", kind, "from", strconv.Itoa(from))
}

// changeTabs are the ways to filter, with how many there are of each.
func changeTabs(path, kind string, counts map[string]int, all int, fallen string) []changeTab {
	tabs := []changeTab{{Text: "All", URL: path, Count: all, Current: kind == ""}}
	add := func(code, text string) {
		if counts[code] > 0 {
			tabs = append(tabs, changeTab{text, changesURL(path, code, 0), counts[code], kind == code})
		}
	}
	for _, action := range changeOrder {
		add(string(action), capital(action.Text()))
	}
	add(tabFallen, fallen)
	add(tabNoticed, "Noticed")
	return tabs
}

// row tells an entry.
func (e *entry) row() changeRow {
	row := changeRow{Became: e.became, Detail: harmless(e.detail)}
	if n := e.notice; n != nil {
		row.Who = harmless(cmp.Or(n.Name, n.Person, string(n.Account), string(n.Group), "—"))
		row.URL = pageOf(n.Account, n.Group)
		row.Why = harmless(n.Detail)
		if !n.Since.IsZero() {
			row.Detail = "Since " + explain.When(n.Since)
		}
		return row
	}
	c := e.change.Brief()
	row.Who, row.Lines = harmless(cmp.Or(c.Name, c.Person, string(c.Account))), diffOf(&c)
	row.Why = cmp.Or(e.why, c.Reason.Text())
	if e.fallen {
		row.What = capital(c.Action.Text())
	}
	row.URL = pageOf(c.Account, "")
	if c.Group != nil {
		row.URL = pageOf("", c.Group.ID)
	}
	row.Witnesses = witnessLines(c.Reason, c.Witnesses)
	return row
}

// diffOf tells what a change sets, value by value.
func diffOf(c *plan.Change) []diffLine {
	var lines []diffLine
	for _, f := range c.Fields {
		lines = append(lines, diffLine{f.Path, shownValue(f.Before), shownValue(f.After)})
	}
	if c.Group != nil {
		for _, m := range c.Group.Members {
			lines = append(lines, memberLine(c.Action, harmless(cmp.Or(m.Name, m.Person, string(m.Account)))))
		}
		if c.Group.LeftOut > 0 {
			lines = append(lines, memberLine(c.Action, fmt.Sprintf("and %d more", c.Group.LeftOut)))
		}
	}
	if c.Link && c.Action != plan.Create {
		lines = append(lines, diffLine{Label: "link", After: harmless(c.Person)})
	}
	return lines
}

func memberLine(action plan.Action, who string) diffLine {
	if action == plan.RemoveMembers {
		return diffLine{Label: "member", Before: who}
	}
	return diffLine{Label: "member", After: who}
}

// shownValue is a value as people read it: JSON, cut where it is very long; "" for one that is absent.
func shownValue(value []byte) string {
	if len(value) == 0 || string(value) == "null" {
		return ""
	}
	text := harmless(string(value))
	if n := utf8.RuneCountInString(text); n > valueSize {
		return fmt.Sprintf("%s… (%d characters)", string([]rune(text)[:valueSize]), n)
	}
	return text
}

// size is about how many bytes of HTML the row takes.
func (row *changeRow) size() int {
	const rowMarkup, lineMarkup, statusMarkup = 115, 42, 85
	size := rowMarkup
	if row.Became != "" {
		size += statusMarkup
	}
	for _, text := range []string{row.Who, row.URL, row.What, row.Why, row.Detail} {
		size += len(html.EscapeString(text))
	}
	for _, l := range row.Lines {
		size += lineMarkup + len(html.EscapeString(l.Label+l.Before+l.After))
	}
	for i := range row.Witnesses {
		size += row.Witnesses[i].size()
	}
	return size
}

// removalsIn counts the entries that take somebody's access away, those apart that have fallen.
func removalsIn(entries []entry) int {
	n := 0
	for i := range entries {
		if c := entries[i].change; c != nil && !entries[i].fallen && c.Removal() {
			n++
		}
	}
	return n
}

// entriesOf are the changes and notices of a plan.
func entriesOf(p *plan.Plan) []entry {
	entries := make([]entry, 0, len(p.Changes)+len(p.Notices))
	for i := range p.Changes {
		entries = append(entries, entry{change: &p.Changes[i]})
	}
	for i := range p.Notices {
		entries = append(entries, entry{notice: &p.Notices[i]})
	}
	return entries
}
