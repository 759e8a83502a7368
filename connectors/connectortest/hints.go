package connectortest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"rollcall/connectors"
	"rollcall/connectors/idpsim"
)

// hinted asks for hints, and holds their form against the contract. Nothing is asked of a connector that gives none.
func (p *provider) hinted(t testing.TB, cursor string) (connectors.Hints, error) {
	t.Helper()
	hints, err := p.connector.(connectors.Hinter).Hints(t.Context(), cursor)
	switch {
	case err != nil && (hints.Cursor != "" || hints.Pull || len(hints.People) > 0):
		t.Errorf("hints beside an error: %+v, %v", hints, err)
	case err == nil && hints.Cursor == "":
		t.Errorf("no cursor: %+v", hints)
	case !slices.IsSorted(hints.People) || len(slices.Compact(slices.Clone(hints.People))) != len(hints.People):
		t.Errorf("people are not sorted, or not each once: %q", hints.People)
	case strings.Contains(hints.Cursor, Token) || strings.Contains(hints.Cursor, "://"):
		t.Errorf("the cursor holds a secret, or an address: %q", hints.Cursor)
	}
	return hints, err
}

// goOn asks for hints that must be given.
func (p *provider) goOn(t testing.TB, cursor string) connectors.Hints {
	t.Helper()
	hints, err := p.hinted(t, cursor)
	if err != nil {
		t.Fatal(err)
	}
	return hints
}

// hints: the first answer says nothing, and each change is in the next one, once it was asked for.
func (h *Harness) hints(t *testing.T) {
	people := population(t)
	do(t, people, idpsim.Step{Do: "suspend", Who: "#9"}, idpsim.Step{Do: "unassign", Who: "#10"}) // before the beginning
	p := h.start(t, people, hurry)
	if got := p.take(t, withGroups(h.want())); got.err != nil { // whose groups count is known from the last pull
		t.Fatal(got.err)
	}
	hints := p.goOn(t, "")
	if hints.Pull || len(hints.People) > 0 {
		t.Errorf("the first answer says something: %+v", hints)
	}
	name := groupName(people, 0)
	for _, test := range []struct {
		step   idpsim.Step
		who    int // is named; -1 = nobody needs to be
		pull   bool
		unless bool // it is an assignment, or about the application
	}{
		{idpsim.Step{Do: "suspend", Who: "#5"}, 5, false, false},
		{idpsim.Step{Do: "unsuspend", Who: "#5"}, 5, false, false},
		{idpsim.Step{Do: "disable", Who: "#60"}, 60, false, false},
		{idpsim.Step{Do: "enable", Who: "#60"}, 60, false, false},
		{idpsim.Step{Do: "set", Who: "#6", Attribute: "displayName", Value: "Another"}, 6, false, false},
		{idpsim.Step{Do: "rename", Who: "#7", Value: "new.name@acme.example"}, 7, false, false},
		{idpsim.Step{Do: "soft-delete", Who: "#61"}, 61, false, false},
		{idpsim.Step{Do: "join", Who: "#3", Group: name}, -1, true, false},
		{idpsim.Step{Do: "leave", Who: "#3", Group: name}, -1, true, false},
		{idpsim.Step{Do: "unassign", Who: "#0"}, -1, true, true},
		{idpsim.Step{Do: "assign", Who: "#0"}, -1, true, true},
		{idpsim.Step{Do: "unassign", Group: name}, -1, true, true},
		{idpsim.Step{Do: "app", Value: string(idpsim.AppInactive)}, -1, true, true},
	} {
		p.do(t, test.step)
		before := hints.Cursor
		hints = p.goOn(t, before)
		if test.unless && !h.HintsAssignments {
			continue
		}
		if test.pull && !hints.Pull {
			t.Errorf("%+v asks for no pull: %+v", test.step, hints)
		}
		if test.who >= 0 && !slices.Contains(hints.People, p.id(test.who)) && !hints.Pull {
			t.Errorf("%+v names not %s: %+v", test.step, p.id(test.who), hints)
		}
		if replay := p.goOn(t, before); test.who >= 0 && !slices.Contains(replay.People, p.id(test.who)) && !replay.Pull {
			t.Errorf("%+v is not said twice to who asks twice: %+v", test.step, replay)
		}
	}
	if hints = p.goOn(t, hints.Cursor); hints.Pull || len(hints.People) > 0 {
		t.Errorf("nothing has changed: %+v", hints)
	}
	if again := p.goOn(t, hints.Cursor); again.Pull || len(again.People) > 0 {
		t.Errorf("nothing has changed again: %+v", again)
	}
}

// cursors: one that is too old, or was never given, is gone, and leads nowhere else.
func (h *Harness) cursors(t *testing.T) {
	p := h.start(t, population(t), hurry)
	cursor := p.goOn(t, "").Cursor
	p.do(t, idpsim.Step{Do: "suspend", Who: "#5"})
	for name, where := range map[string]idpsim.Where{"once": {Times: 1}, "for ever": {}} {
		p.fault(t, idpsim.ExpiredDelta, where)
		if _, err := p.hinted(t, cursor); !errors.Is(err, connectors.ErrGone) {
			t.Errorf("expired %s: %v", name, err)
		} else {
			quiet(t, err)
		}
		p.faults.Clear()
	}
	if hints := p.goOn(t, cursor); !slices.Contains(hints.People, p.id(5)) {
		t.Errorf("the cursor of before: %+v", hints)
	}
	calls := p.calls.Load()
	for _, foreign := range []string{
		"x", "{}", cursor + "\n", cursor[:len(cursor)/2], strings.ReplaceAll(cursor, "/", "https://elsewhere.invalid/"),
		strings.ReplaceAll(cursor, "/", "//elsewhere.invalid/"), "https://elsewhere.invalid" + cursor, strings.ReplaceAll(cursor, "/", "@elsewhere.invalid/"),
	} {
		hints, err := p.hinted(t, foreign)
		if err == nil && hints.Cursor != "" && p.calls.Load() > calls && strings.TrimSpace(foreign) == strings.TrimSpace(cursor) {
			continue // it may be read as the same
		}
		if !errors.Is(err, connectors.ErrGone) {
			t.Errorf("the cursor %q: %+v, %v", foreign, hints, err)
		}
	}
	p.fault(t, idpsim.ForeignLink, idpsim.Where{})
	hints, err := p.hinted(t, cursor) // an error, or the rest from where it should be
	if quiet(t, err); strings.Contains(hints.Cursor, "elsewhere") || err == nil && !slices.Contains(hints.People, p.id(5)) {
		t.Errorf("links that lead away are taken: %+v", hints)
	}
}

// complaint says what is wrong with hints, after these people have changed; "" if nothing is. Who is not named is missed.
func (p *provider) complaint(hints connectors.Hints, changed ...int) (wrong string, missed int) {
	known := p.truths()
	for _, id := range hints.People {
		if _, is := known.people[id]; !is {
			return fmt.Sprintf("%s is nobody", id), 0
		}
	}
	for _, n := range changed {
		if !hints.Pull && !slices.Contains(hints.People, p.id(n)) {
			missed++
		}
	}
	return "", missed
}
