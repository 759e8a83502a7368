package connectortest

import (
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"rollcall/connectors"
	"rollcall/connectors/idpsim"
)

// Matrix tries each fault at each kind of call of a pull with groups, of a look and of hints: once, for ever, and from the second such
// call on. Each cell ends in one of these ways, or fails:
//
//	recovered                    exactly the truth
//	incomplete: REASON           an error of the vocabulary, or groups that are not told whole; what was said until then is true
//	undetectable here: RULE      what was said is true, and something is missing, or was true a while ago: the fault takes no form that one
//	                             reading could tell from the truth, and RULE of the engine stands against it
//
// Never does anything pass that is not true. The table is logged.
func Matrix(t *testing.T, h Harness) {
	for _, name := range idpsim.FaultNames() {
		if _, known := ends[name]; !known {
			t.Errorf("nothing says what %s may come to", name)
		}
	}
	stage := h.stage(h.cruel(t))
	var table []func() string
	table = append(table, h.rows(t, method{"pull", h.PullCalls, (*cell).pull}, stage)...)
	table = append(table, h.rows(t, method{"look", h.LookCalls, (*cell).look}, stage)...)
	table = append(table, h.rows(t, method{"hints", h.HintCalls, (*cell).hints}, h.hintStage(t))...)
	t.Cleanup(func() { // all cells have ended
		var text strings.Builder
		for _, row := range table {
			text.WriteString(row())
		}
		t.Logf("method, fault, call, how often, outcome\n%s", &text)
	})
}

// method is a method of a connector, tried under faults.
type method struct {
	name  string
	calls []Call
	try   func(*cell) (outcome string, err error)
}

// stage is what the cells of a method share. Nothing of it changes.
type stage struct {
	people  *idpsim.Population
	moments []*truths // now, and what a stale replica shows
	cursor  string    // of hints, before the changes
	changed []int     // who has changed since
	unknown int       // of how many a look without a fault does not tell whether they are assigned
}

func (h *Harness) stage(people *idpsim.Population) stage {
	s := stage{people: people, unknown: math.MaxInt}
	people.Read(func(v *idpsim.View) { s.moments = append(s.moments, h.truths(v)) })
	people.ReadStale(func(v *idpsim.View) { s.moments = append(s.moments, h.truths(v)) })
	return s
}

// hintStage is one on which people change after hints have begun. A cursor holds no address, so it serves every cell.
func (h *Harness) hintStage(t *testing.T) stage {
	people := h.cruel(t)
	cursor := h.start(t, people, hurry).goOn(t, "").Cursor
	changed := []int{90, 91, 92, 93}
	do(t, people,
		idpsim.Step{Do: "suspend", Who: "#90"}, idpsim.Step{Do: "disable", Who: "#91"}, idpsim.Step{Do: "soft-delete", Who: "#92"},
		idpsim.Step{Do: "set", Who: "#93", Attribute: "displayName", Value: "Another"},
	)
	s := h.stage(people)
	s.cursor, s.changed = cursor, changed
	return s
}

// cell is one try under one fault.
type cell struct {
	*testing.T
	*provider
	stage
	end    end
	call   Call
	untold int // of how many the look did not tell whether they are assigned
}

// cruel is an organisation of two pages, with some of everybody: in several groups, disabled, in the recycle bin, gone, not assigned any
// more. Of the latest changes a stale replica knows nothing.
func (h *Harness) cruel(t testing.TB) *idpsim.Population {
	p := idpsim.New(idpsim.Options{Seed: 7, People: h.Page + 150, Groups: 1, Direct: 45, Unassigned: 15, Roles: []string{"User", "Admin"}, Clients: 3})
	do(t, p,
		idpsim.Step{Do: "add-group", Group: "Small"}, idpsim.Step{Do: "assign", Group: "Small"}, idpsim.Step{Do: "push-group", Group: "Small"},
		idpsim.Step{Do: "push-group", Group: groupName(p, 0)},
		idpsim.Step{Do: "join", Who: "#3", Group: "Small"}, idpsim.Step{Do: "join", Who: "#50", Group: "Small"}, idpsim.Step{Do: "join", Who: "#51", Group: "Small"},
		idpsim.Step{Do: "soft-delete", Who: "#4"}, idpsim.Step{Do: "soft-delete", Who: "#60"},
		idpsim.Step{Do: "soft-delete", Who: "#61"}, idpsim.Step{Do: "purge", Who: "#61"}, idpsim.Step{Do: "suspend", Who: "#62"}, idpsim.Step{Do: "disable", Who: "#63"},
		idpsim.Step{Do: "remember"},
		idpsim.Step{Do: "disable", Who: "#70"}, idpsim.Step{Do: "unassign", Who: "#5"}, idpsim.Step{Do: "join", Who: "#80", Group: "Small"},
		idpsim.Step{Do: "set", Who: "#71", Attribute: "displayName", Value: "Another"}, idpsim.Step{Do: "soft-delete", Who: "#72"},
	)
	return p
}

// rows tries a method under every fault at every kind of call, side by side, after it has shown that there are no other kinds of calls
// than those. What it returns tells, once the cells have ended, what became of each.
func (h *Harness) rows(t *testing.T, m method, s stage) (table []func() string) {
	var outcome string
	var err error
	clean := h.cell(t, s)
	made := clean.recorded(func() { outcome, err = m.try(clean) })
	if err != nil || outcome != recovered {
		t.Fatalf("%s without a fault: %s, %v", m.name, outcome, err)
	}
	s.unknown = clean.untold
	for _, request := range made {
		if !slices.ContainsFunc(m.calls, func(call Call) bool { return strings.Contains(request, call.Is) }) {
			t.Errorf("%s makes another kind of call: %s", m.name, request)
		}
	}
	for _, call := range m.calls {
		times := h.times(t, m, s, call)
		for _, fault := range idpsim.FaultNames() {
			for _, manner := range slices.Sorted(maps.Keys(manners)) {
				if manner == fromSecond && times == 1 {
					continue
				}
				table = append(table, h.row(t, m, s, fault, call, manner))
			}
		}
	}
	return table
}

// times is how often a method makes a call when nothing is wrong.
func (h *Harness) times(t *testing.T, m method, s stage, call Call) int {
	c := h.cell(t, s)
	c.fault(t, idpsim.JoinedLinks, idpsim.Where{Path: call.Is}) // at the least, it harms nobody
	outcome, err := m.try(c)
	times := c.faults.Hits(idpsim.JoinedLinks)
	if times == 0 || err != nil || outcome != recovered {
		t.Errorf("%s calls %s %d times: %s, %v", m.name, call.Is, times, outcome, err)
	}
	return times
}

const recovered = "recovered"

func (h *Harness) cell(t *testing.T, s stage) *cell {
	p := h.start(t, s.people, hurry)
	p.known = s.moments[0]
	return &cell{T: t, provider: p, stage: s}
}

// row tries one cell, in a parallel test. What it returns tells, once that has ended, what became of it: a line, or "" if the fault hit
// nothing, because there is no such call, or no second.
func (h *Harness) row(t *testing.T, m method, s stage, fault string, call Call, manner string) func() string {
	outcome := ""
	t.Run(strings.Join([]string{m.name, fault, call.Is, manner}, " "), func(t *testing.T) {
		t.Parallel()
		c := h.cell(t, s)
		c.end, c.call = ends[fault], call
		where := manners[manner]
		where.Path, where.Wait = call.Is, waits[fault]
		c.fault(t, fault, where)
		said, err := m.try(c)
		quiet(t, err)
		if c.faults.Hits(fault) == 0 {
			return
		}
		withheld := err == nil && strings.HasPrefix(said, withheldGroups)
		if wrong := c.end.verdict(call, manner, err); wrong != "" && !withheld {
			t.Error(wrong)
		}
		if err != nil {
			said = "incomplete: " + connectors.Reason(err)
		}
		outcome = said
	})
	return func() string {
		if outcome == "" {
			return ""
		}
		return fmt.Sprintf("%-5s %-15s %-24s %-15s %s\n", m.name, fault, call.Is, manner, outcome)
	}
}

// withheldGroups begins the outcome of a pull that is complete but for groups that it may not read.
const withheldGroups = "incomplete: the members of groups may not be read"

// short is the outcome of what is true and falls short of the truth.
func (c *cell) short(rule, format string, args ...any) string {
	what := fmt.Sprintf(format, args...)
	if c.end.unseen == "" {
		c.Errorf("complete, but %s", what)
		return ""
	}
	return "undetectable here (" + what + "): " + rule
}

// truly are the moments of which something may be said: with a stale replica, also that which it shows.
func (c *cell) truly() []*truths {
	if c.end.unseen == behind {
		return c.moments
	}
	return c.moments[:1]
}

func (c *cell) pull() (string, error) {
	got := c.take(c, withGroups(c.h.want()))
	wrong, missing := got.hold(c.truly()...)
	for _, fault := range wrong {
		c.Error(fault)
	}
	untold := 0
	for _, group := range got.groups {
		if !group.whole {
			untold++
		}
	}
	untold += len(c.moments[0].groups) - len(got.groups)
	switch old, _ := got.hold(c.moments[0]); {
	case got.err != nil:
		return "", got.err
	case c.end.refuses && c.call.Groups && untold > 0 && c.h.NamesUnreadable == (len(got.proof.Unreadable) == untold):
		if lost := got.lost(c.moments[0], c.h.NamesUnreadable); lost > 0 {
			c.Errorf("%d people are missing who are in no group that may not be read", lost)
		}
		return fmt.Sprintf("%s: %d", withheldGroups, untold), nil
	case len(old) > 0:
		return c.short(c.end.unseen, "%d readings of a while ago", len(old)), nil
	case missing.people > 0 || missing.groups > 0:
		return c.short(c.end.unseen, "%d people and the members of %d groups missing", missing.people, missing.groups), nil
	}
	return recovered, nil
}

// look looks for some of everybody.
func (c *cell) look() (string, error) {
	var ids []string
	for _, n := range []int{0, 1, 3, 4, 5, 45, 50, 60, 61, 62, 63, 70, 71, 72, 80, c.h.Page + 149} {
		ids = append(ids, c.id(n))
	}
	for n := 100; n < 120; n++ {
		ids = append(ids, c.id(n))
	}
	got, err := c.see(c, ids...)
	old, less, unknown := 0, 0, 0
	for _, id := range ids {
		s, seen := got[id]
		if !seen {
			if err == nil {
				c.Errorf("%s is not reported", id)
			}
			continue
		}
		if !s.Gone && s.Person.Facts.Assigned == connectors.Unknown {
			unknown++
		}
		now := sighted(c.moments[0].people[id], s)
		if now != "" && c.end.unseen == behind && sighted(c.moments[1].people[id], s) == "" {
			now, old = "", old+1
		}
		if now == "seems unassigned" && c.end.unseen == missing || s.Gone && c.moments[0].people[id].deleted && c.end.unseen == behind {
			now, less = "", less+1
		}
		if now != "" {
			c.Errorf("%s %s: %+v", id, now, s)
		}
	}
	c.untold = unknown
	switch {
	case err != nil:
		return "", err
	case unknown > c.unknown:
		return fmt.Sprintf("incomplete: whether %d people are assigned stays unknown", unknown-c.unknown), nil
	case old > 0:
		return c.short(c.end.unseen, "%d readings of a while ago", old), nil
	case less > 0:
		return c.short(c.end.unseen, "%d seem unassigned, or gone", less), nil
	}
	return recovered, nil
}

// sighted says what is wrong with a sighting; "" if nothing is. What is not told is not wrong.
func sighted(is truth, s connectors.Sighting) string {
	facts := s.Person.Facts
	switch {
	case s.Gone != is.gone:
		return fmt.Sprintf("is gone: %t", is.gone)
	case s.Gone:
		return ""
	case facts.Enabled == connectors.Yes && !is.enabled, facts.Enabled == connectors.No && is.enabled:
		return fmt.Sprintf("is enabled: %t", is.enabled)
	case facts.SoftDeleted == connectors.Yes && !is.deleted:
		return "is not deleted"
	case facts.Assigned == connectors.Yes && !is.assigned && !is.deleted:
		return "is not assigned"
	case facts.Assigned == connectors.No && is.assigned:
		return "seems unassigned"
	case facts.Assigned == connectors.Yes && is.assigned && !slices.EqualFunc(is.values, s.Person.Values, same):
		return fmt.Sprintf("has the values %v", is.values)
	}
	return ""
}

// hints asks who has changed.
func (c *cell) hints() (string, error) {
	hints, err := c.hinted(c, c.cursor)
	if err != nil {
		return "", err
	}
	wrong, missed := c.complaint(hints, c.changed...)
	if wrong != "" {
		c.Error(wrong)
	}
	if missed > 0 {
		return c.short(hintOnly, "%d changes not told", missed), nil
	}
	return recovered, nil
}
