package plan_test

import (
	"cmp"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"rollcall/connectors"
	"rollcall/state"
	"rollcall/state/scim"
	"rollcall/sync/mapping"
	"rollcall/sync/plan"
)

// table is a table of docs/removal.md: the rules as people read them, against which the program is held.
type table struct {
	t       testing.TB
	section string
	columns []string
	lines   [][]string
	used    []int
}

func readTables(t testing.TB) map[string]*table {
	t.Helper()
	body, err := os.ReadFile("../../docs/removal.md")
	if err != nil {
		t.Fatal(err)
	}
	tables := make(map[string]*table)
	section := ""
	for line := range strings.Lines(string(body)) {
		line = strings.TrimSpace(line)
		switch {
		case strings.HasPrefix(line, "#"):
			section = strings.TrimLeft(line, "# ")
		case !strings.HasPrefix(line, "|") || strings.HasPrefix(line, "|-"):
		default:
			cells := strings.Split(strings.Trim(line, "|"), "|")
			for i := range cells {
				cells[i] = strings.TrimSpace(cells[i])
			}
			if tab := tables[section]; tab == nil {
				tables[section] = &table{t: t, section: section, columns: cells}
			} else if len(cells) != len(tab.columns) {
				t.Fatalf("%s: %s: has %d cells, want %d", section, line, len(cells), len(tab.columns))
			} else {
				tab.lines, tab.used = append(tab.lines, cells), append(tab.used, 0)
			}
		}
	}
	return tables
}

// fits tells whether a cell allows a value: an empty one all, otherwise one of a list.
func fits(cell, value string) bool {
	if cell == "" || cell == value {
		return true
	}
	return slices.Contains(strings.Split(cell, ", "), value)
}

// first returns the last cell of the first line that fits the values of all columns between the number and the outcome.
func (tab *table) first(values ...string) string {
	if len(values) != len(tab.columns)-2 {
		tab.t.Fatalf("%s: %d values, the table has %d conditions", tab.section, len(values), len(tab.columns)-2)
	}
lines:
	for i, line := range tab.lines {
		for j, value := range values {
			if !fits(line[j+1], value) {
				continue lines
			}
		}
		tab.used[i]++
		return line[len(line)-1]
	}
	tab.t.Fatalf("%s: no line fits %q", tab.section, values)
	return ""
}

// allUsed fails for lines that no combination led to: they say nothing, or the test forgets something.
func (tab *table) allUsed() {
	for i, n := range tab.used {
		if n == 0 {
			tab.t.Errorf("%s: no combination comes to line %s", tab.section, tab.lines[i][0])
		}
	}
}

var answers = []connectors.Answer{connectors.Unknown, connectors.No, connectors.Yes}

func allFacts() []connectors.Facts {
	var list []connectors.Facts
	for _, enabled := range answers {
		for _, assigned := range answers {
			for _, deleted := range answers {
				for _, out := range answers {
					list = append(list, connectors.Facts{Enabled: enabled, Assigned: assigned, SoftDeleted: deleted, OutOfScope: out})
				}
			}
		}
	}
	return list
}

// everyEvidence makes every combination of evidence that a run can come to.
func everyEvidence(yield func(plan.Evidence)) {
	marks := []*state.Suspicion{nil, {Run: "now", At: start}, {Run: "before", At: start.Add(-time.Hour)}}
	facts := allFacts()
	pulled := []plan.Evidence{{}, {Complete: true}, {Asked: true}}
	for i := range facts {
		for _, complete := range []bool{false, true} {
			pulled = append(pulled, plan.Evidence{Complete: complete, Pulled: &facts[i]}, plan.Evidence{Complete: complete, Pulled: &facts[i], Unproven: true})
		}
	}
	for _, e := range pulled {
		for _, scope := range []string{connectors.Assigned, connectors.Everyone} {
			for _, blocked := range []bool{false, true} {
				for _, was := range marks {
					for _, gone := range marks {
						e.Run, e.At, e.Scope, e.Blocked, e.WasAbsent, e.WasGone = "now", start, scope, blocked, was, gone
						for _, e.Look = range []plan.Look{plan.NotLooked, plan.Withheld, plan.LookedGone} {
							e.Looked = connectors.Facts{}
							yield(e)
						}
						e.Look = plan.LookedSeen
						for _, e.Looked = range facts {
							yield(e)
						}
					}
				}
			}
		}
	}
}

// known says evidence in the words of the first table.
func known(e plan.Evidence) (pull string, values []string) {
	var facts connectors.Facts
	read := false
	passed := e.Pulled != nil &&
		(e.Scope == connectors.Everyone || e.Pulled.Assigned != connectors.No || e.Pulled.SoftDeleted == connectors.Yes || e.Pulled.Enabled == connectors.No)
	switch {
	case e.Look == plan.LookedSeen:
		facts, read = e.Looked, true
		if passed && facts.Assigned == connectors.Unknown { // which a reading by id may be unable to tell
			facts.Assigned = e.Pulled.Assigned
		}
	case passed:
		facts, read = *e.Pulled, true
	}
	switch {
	case passed:
		pull = "passed"
	case e.Asked:
		pull = "asked"
	case !e.Complete:
		pull = "not read"
	case e.Blocked:
		pull = "blocked"
	default:
		pull = "missing"
	}
	word := func(a connectors.Answer, yes, no string) string {
		return map[connectors.Answer]string{connectors.Yes: yes, connectors.No: no, connectors.Unknown: "unknown"}[a]
	}
	look := map[plan.Look]string{plan.NotLooked: "no answer", plan.Withheld: "withheld", plan.LookedGone: "gone", plan.LookedSeen: "read"}[e.Look]
	assigned := word(facts.Assigned, "yes", "no")
	if e.Scope == connectors.Everyone {
		assigned = "any"
	}
	filters := word(facts.OutOfScope, "outside", "inside")
	if passed && e.Unproven && e.Look != plan.LookedSeen && facts.OutOfScope != connectors.Unknown {
		filters += "?"
	}
	if !read {
		filters = "unknown"
	}
	earlier := func(s *state.Suspicion) string {
		if s != nil && s.Run != e.Run {
			return "yes"
		}
		return "no"
	}
	return pull, []string{
		pull, look, word(facts.SoftDeleted, "yes", "no"), word(facts.Enabled, "enabled", "disabled"), assigned, filters, earlier(e.WasAbsent), earlier(e.WasGone),
	}
}

// plainMapping has a userName and an always-mapped active.
var plainMapping = []mapping.Row{{Target: "userName", Source: "[userPrincipalName]", Match: 1}, {Target: "active", Source: "[accountEnabled]"}}

var named = scim.StringValue("ada@acme.example")

// comesTo asks the program what it makes of a standing, by what it would do about an account in force that the mapping wants inactive,
// and about somebody without one.
func comesTo(d *plan.Decider, e plan.Evidence, s plan.Standing, active *plan.Account) string {
	if !s.Judged {
		if s.Notice == "" {
			return "nothing"
		}
		return "open: " + string(s.Notice)
	}
	person := connectors.Person{ID: "obj-ada", Facts: s.Facts}
	refused := (e.Pulled != nil || e.Look == plan.LookedSeen) && s.Facts.OutOfScope == connectors.Unknown
	removed := d.Decide(plan.Subject{Person: &person, Standing: s, Values: []scim.Value{named, scim.BoolValue(false)}, Refused: refused, Account: active})
	created := d.Decide(plan.Subject{Person: &person, Standing: s, Values: []scim.Value{named, scim.BoolValue(true)}, Refused: refused})
	entitled := ""
	switch {
	case created.Look:
		entitled = "entitled?"
	case created.Change != nil:
		entitled = "entitled"
	}
	switch c := removed.Change; {
	case removed.Look && entitled == "":
		return "out_of_scope?"
	case c == nil:
		return "no removal, though the mapping says so"
	case c.Reason == plan.ReasonMapped:
		return cmp.Or(entitled, "stands")
	case entitled != "":
		return entitled + " and " + string(c.Reason)
	case c.HeldBecause == plan.HoldPresumed:
		return string(c.Reason) + ", presumed"
	}
	return string(removed.Change.Reason)
}

// standing is a standing as later steps see it.
type standing struct {
	comesTo, pull string
	looked        bool
	plan.Standing // without witnesses
	scope         string
}

// unscoped tells whether the person was read and the scoping filters cannot tell: then nothing but a removal can be decided.
func (s *standing) unscoped() bool {
	return (s.Present || s.looked) && s.Facts.OutOfScope == connectors.Unknown
}

// everyStanding goes through every combination of what can be known about one person, holds it against the first table and returns the
// different standings that there are.
func everyStanding(t *testing.T, tab *table) []standing {
	m := compile(t, plainMapping...)
	active := account(t, nil, `{"userName":"ada@acme.example"}`)
	deciders := map[string]plan.Decider{connectors.Assigned: decider(m, connectors.Assigned), connectors.Everyone: decider(m, connectors.Everyone)}
	distinct := make(map[string]standing)
	combinations, faults := 0, 0
	everyEvidence(func(e plan.Evidence) {
		combinations++
		s := plan.Stand(e)
		pull, values := known(e)
		d := deciders[e.Scope]
		want, got := tab.first(values...), comesTo(&d, e, s, active)
		if got != want && faults < 10 {
			faults++
			t.Errorf("%q: came to %q, the table says %q; %+v", values, got, want, e)
		}
		checkWitnesses(t, got, s)
		if faults == 0 {
			s.Witnesses = s.Witnesses[:min(1, len(s.Witnesses))]
			at := standing{comesTo: want, pull: pull, looked: e.Look == plan.LookedSeen, Standing: s, scope: e.Scope}
			key := fmt.Sprint(at.comesTo, at.pull, at.looked, at.scope, s.Judged, s.Facts, s.Gone, s.Present, s.Looked, s.Unproven, s.Presumed)
			if _, known := distinct[key]; !known {
				distinct[key] = at
			}
		}
	})
	tab.allUsed()
	var list []standing
	for _, s := range distinct {
		list = append(list, s)
	}
	t.Logf("%d combinations of what is known come to %d standings", combinations, len(list))
	return list
}

// checkWitnesses: nobody is removed by absence alone, nor without a witness.
func checkWitnesses(t *testing.T, comesTo string, s plan.Standing) {
	t.Helper()
	if !s.Judged {
		return
	}
	absences, looks := 0, 0
	for _, w := range s.Witnesses {
		switch w.How {
		case plan.ByAbsence:
			absences++
		case plan.ByLook:
			looks++
		}
		if w.Run == "" || w.At.IsZero() {
			t.Fatalf("%s: a witness of no run or time: %+v", comesTo, w)
		}
	}
	switch {
	case len(s.Witnesses) == 0, absences == len(s.Witnesses) && !s.Presumed:
		t.Fatalf("%s: removed on absence alone: %+v", comesTo, s.Witnesses)
	case s.Gone && looks != 2:
		t.Fatalf("%s: gone by %d looks", comesTo, looks)
	}
}

// TestRemovalTables holds the program against the first table, and goes then through every standing with every kind of account,
// mapping, link, pin, protection and obstacle, and holds what is decided against the second and the third table.
func TestRemovalTables(t *testing.T) {
	tables := readTables(t)
	mapped, way := tables["2. What the mapping makes of it"], tables["3. What stands in the way"]
	m, rowless := compile(t, plainMapping...), compile(t, plainMapping[0])
	decisions := make(map[string]*decided)
	combinations := 0
	for _, s := range everyStanding(t, tables["1. What is known"]) {
		for _, life := range []string{"none", "active", "staged", "inactive"} {
			for _, word := range []string{"true", "false", "null", "no row"} {
				for _, tie := range []plan.How{"", plan.ByExternalID, plan.ByMatch} {
					for flags := range 1 << 4 {
						combinations++
						c := theCase{standing: s, life: life, word: word, tie: tie, pinned: flags&1 != 0, protected: flags&2 != 0, refused: flags&4 != 0 || s.unscoped(), skips: flags&8 != 0}
						made := c.decide(t, m, rowless, mapped)
						decisions[made.key()] = made
					}
				}
			}
		}
	}
	obstacles := 0
	for _, d := range decisions {
		obstacles += d.obstruct(t, way)
	}
	mapped.allUsed()
	way.allUsed()
	t.Logf("%d combinations of standing and account come to %d different decisions, and these, with what stands in the way, to %d", combinations, len(decisions), obstacles)
}

// theCase is one combination.
type theCase struct {
	standing
	life, word                        string
	tie                               plan.How
	pinned, protected, refused, skips bool
}

// decided is a decision that the program made, with what the second table says of it.
type decided struct {
	theCase
	decision plan.Decision
	becomes  string // by the second table
	because  string
}

func (d *decided) key() string {
	key := fmt.Sprint(d.becomes, d.because, d.tie, d.life, d.pinned, d.protected, d.refused, d.skips, d.decision.Look, d.decision.Change != nil, d.decision.Notice != nil, d.life == "none")
	if c := d.decision.Change; c != nil {
		key += fmt.Sprint(c.Action, c.Reason, c.HeldBecause, c.Link)
	}
	if n := d.decision.Notice; n != nil {
		key += string(n.Kind)
	}
	return key
}

func (c theCase) decide(t *testing.T, m, rowless *mapping.Mapping, tab *table) *decided {
	t.Helper()
	d := decider(m, c.scope)
	values := []scim.Value{named, {}}
	switch c.word {
	case "true", "false":
		values[1] = scim.BoolValue(c.word == "true")
	case "no row":
		d.Targets, values = rowless.Targets(), values[:1]
	}
	d.Rules.SkipOutOfScope = c.skips
	var a *plan.Account
	if c.life != "none" {
		a = account(t, func(r *state.Record) {
			r.Said, r.InForce, r.Staged = c.life == "active", c.life != "inactive", c.life == "staged"
			r.Pinned, r.Protected = c.pinned, c.protected
			if c.tie != "" {
				r.Link = ""
			}
		}, `{"userName":"ada@acme.example"}`)
	}
	person := connectors.Person{ID: "obj-ada", Facts: c.Facts}
	made := decided{theCase: c, decision: d.Decide(plan.Subject{Person: &person, Standing: c.Standing, Values: values, Refused: c.refused, Account: a, Tie: c.tie})}
	comes, _, _ := strings.Cut(c.comesTo, ":")
	look := "no"
	if c.looked {
		look = "read"
	}
	made.becomes = tab.first(comes, c.pull, c.life, c.word, look)
	made.because = map[string]string{"create": "assigned_missing", "reactivate": "enabled_at_source", "link": "matched"}[made.becomes]
	reason, _, _ := strings.Cut(comes, ",")
	reason = strings.TrimSuffix(reason, "?")
	removes := c.word == "false" && (c.life == "active" || c.life == "staged")
	switch {
	case removes && (reason == "entitled" || reason == "stands"):
		made.because = "mapped_inactive"
	case removes:
		made.because = reason
	case made.becomes == "look" && c.life == "none":
		made.because = "assigned_missing"
	case made.becomes == "look":
		made.because = "enabled_at_source"
	case made.becomes == "link" && c.tie == "":
		made.becomes = "no change"
	}
	return &made
}

// said says what the program decided, in the words of the tables.
func said(d plan.Decision) string {
	switch {
	case d.Look:
		return "look"
	case d.Change != nil && d.Change.Held:
		return "held: " + string(d.Change.HeldBecause)
	case d.Change != nil:
		return "done"
	case d.Notice != nil:
		return "notice " + string(d.Notice.Kind)
	}
	return "no change"
}

// TestCodesAreDocumented holds the codes and their words against docs/removal.md.
func TestCodesAreDocumented(t *testing.T) {
	tables := readTables(t)
	for section, codes := range map[string]map[string]string{
		"Reasons": texts(plan.Reasons()), "Why a change is held": texts(plan.Holds()), "What is noticed": texts(plan.NoticeKinds()),
	} {
		tab := tables[section]
		if tab == nil {
			t.Fatalf("docs/removal.md has no table %q", section)
		}
		documented := make(map[string]string)
		for _, line := range tab.lines {
			documented[strings.Trim(line[0], "`")] = line[1]
		}
		for code, words := range codes {
			if documented[code] != words {
				t.Errorf("%s: %s is %q in the page, want %q", section, code, documented[code], words)
			}
		}
		for code := range documented {
			if codes[code] == "" {
				t.Errorf("%s: the page lists %s, which there is not", section, code)
			}
		}
	}
}

func texts[K interface {
	~string
	Text() string
}](codes []K) map[string]string {
	words := make(map[string]string)
	for _, code := range codes {
		words[string(code)] = code.Text()
	}
	return words
}

// salesOnly lets only one department in.
func salesOnly(t testing.TB) *mapping.Scoping {
	t.Helper()
	s, err := mapping.CompileScoping([][]mapping.Clause{{{Attribute: "department", Operator: "EQUALS", Value: "Sales"}}})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestTablesFit: a cell names alternatives.
func TestTablesFit(t *testing.T) {
	for _, test := range []struct {
		cell, value string
		want        bool
	}{
		{"", "x", true}, {"x", "x", true}, {"x, y", "y", true}, {"x, y", "z", false}, {"x?, y", "x", false},
	} {
		if fits(test.cell, test.value) != test.want {
			t.Errorf("%q fits %q: %t", test.cell, test.value, !test.want)
		}
	}
	if slices.Contains(plan.Holds(), "") {
		t.Error("a hold without a code")
	}
}
