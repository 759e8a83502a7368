package plan_test

import (
	"fmt"
	"slices"
	"testing"

	"rollcall/connectors"
	"rollcall/state"
	"rollcall/sync/mapping"
	"rollcall/sync/plan"
)

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

// removal is the table of what may remove an active account, written a second time and in other words than in the code: the reason,
// or "" if nothing may.
func removal(e plan.Evidence) plan.Reason {
	positive := func(f connectors.Facts) plan.Reason {
		switch {
		case f.SoftDeleted == connectors.Yes:
			return plan.ReasonDeleted
		case f.Enabled == connectors.No:
			return plan.ReasonDisabled
		}
		return ""
	}
	outOfScope := func(f connectors.Facts) plan.Reason {
		switch reason := positive(f); {
		case reason != "":
			return reason
		case f.OutOfScope == connectors.Yes && (e.Scope != connectors.Assigned || f.Assigned != connectors.No):
			return plan.ReasonOutOfScope
		}
		return ""
	}
	assignedOnly := e.Scope == connectors.Assigned
	twice := e.WasAbsent != nil && e.WasAbsent.Run != e.Run
	passed := e.Pulled != nil && (positive(*e.Pulled) != "" || !assignedOnly || e.Pulled.Assigned != connectors.No)
	switch {
	case passed && e.Look == plan.LookedGone: // the provider contradicts itself
		return ""
	case passed && e.Look == plan.LookedSeen: // the fresher reading
		fresher := e.Looked
		if fresher.Assigned == connectors.Unknown { // which a look may be unable to tell
			fresher.Assigned = e.Pulled.Assigned
		}
		return outOfScope(fresher)
	case passed && e.Unproven && e.Look == plan.NotLooked: // what the filters say waits for a look
		return positive(*e.Pulled)
	case passed:
		return outOfScope(*e.Pulled)
	case e.Asked && e.Look == plan.LookedSeen:
		if reason := outOfScope(e.Looked); reason != "" || !assignedOnly || e.Looked.Assigned != connectors.No {
			return reason
		}
		if twice && e.Looked.Enabled == connectors.Yes {
			return plan.ReasonUnassigned
		}
		return ""
	case e.Asked && e.Look == plan.LookedGone && e.WasGone != nil && e.WasGone.Run != e.Run:
		return plan.ReasonGone
	case e.Asked, !e.Complete:
		return ""
	}
	switch e.Look {
	case plan.LookedGone:
		if e.WasGone != nil && e.WasGone.Run != e.Run {
			return plan.ReasonGone
		}
	case plan.LookedSeen:
		if reason := positive(e.Looked); reason != "" {
			return reason
		}
		if e.Looked.Enabled == connectors.Yes && !e.Blocked && !(assignedOnly && e.Looked.Assigned == connectors.Yes) &&
			e.Looked.OutOfScope == connectors.Yes && e.Looked.Assigned != connectors.No {
			return plan.ReasonOutOfScope
		}
		missing := twice || e.Looked.Assigned == connectors.No
		if assignedOnly && !e.Blocked && e.Looked.Enabled == connectors.Yes && e.Looked.Assigned != connectors.Yes && missing {
			return plan.ReasonUnassigned
		}
	case plan.Withheld:
		if assignedOnly && !e.Blocked && twice {
			return plan.ReasonUnassigned
		}
	}
	return ""
}

// TestRemovalTable goes through every combination of what can be known about one person with an active account.
func TestRemovalTable(t *testing.T) {
	m := entra(t).Within(salesOnly(t))
	active := account(t, nil, adaResource)
	deciders := map[string]plan.Decider{connectors.Assigned: decider(m, connectors.Assigned), connectors.Everyone: decider(m, connectors.Everyone)}
	combinations, removals := 0, make(map[plan.Reason]int)
	everyEvidence(func(e plan.Evidence) {
		combinations++
		removals[checkRemoval(t, deciders[e.Scope], m, e, active)]++
	})
	t.Logf("%d combinations, removals: %v", combinations, removals)
	for _, reason := range []plan.Reason{plan.ReasonDeleted, plan.ReasonDisabled, plan.ReasonGone, plan.ReasonUnassigned, plan.ReasonOutOfScope} {
		if removals[reason] == 0 {
			t.Errorf("no combination removes because %s: the table proves nothing about it", reason)
		}
	}
}

// everyEvidence makes every combination of evidence that a run can come to.
func everyEvidence(yield func(plan.Evidence)) {
	marks := []*state.Suspicion{nil, {Run: "now"}, {Run: "before"}}
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

// salesOnly lets only one department in.
func salesOnly(t testing.TB) *mapping.Scoping {
	t.Helper()
	s, err := mapping.CompileScoping([][]mapping.Clause{{{Attribute: "department", Operator: "EQUALS", Value: "Sales"}}})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func checkRemoval(t *testing.T, d plan.Decider, m *mapping.Mapping, e plan.Evidence, active *plan.Account) plan.Reason {
	t.Helper()
	standing := plan.Stand(e)
	values := ada
	if e.Pulled == nil && e.Look != plan.LookedSeen {
		values = nil
	}
	decision := decide(t, d, m, *person(m, connectors.Facts{}, values), standing, active, "")
	got := plan.Reason("")
	if c := decision.Change; c != nil && c.Removal() {
		got = c.Reason
		if len(c.Witnesses) == 0 || slices.ContainsFunc(c.Witnesses, func(w plan.Witness) bool { return w.Fact == "" || w.Run == "" || w.How == "" }) {
			t.Fatalf("%s: a removal with nameless witnesses: %+v", describe(e), c.Witnesses)
		}
		absences := 0
		for _, w := range c.Witnesses {
			if w.Fact == plan.FactAbsent {
				absences++
			}
		}
		if absences == len(c.Witnesses) && !standing.Presumed {
			t.Fatalf("%s: removed on absence alone", describe(e))
		}
	}
	if want := removal(e); got != want {
		t.Fatalf("%s: removed because %q, the table says %q", describe(e), got, want)
	}
	if c := decision.Change; c != nil && c.Removal() && standing.Presumed != (c.HeldBecause == plan.HoldPresumed) {
		t.Fatalf("%s: presumed %t, held because %q: who was not looked at waits", describe(e), standing.Presumed, c.HeldBecause)
	}
	if standing.Presumed && e.Look != plan.Withheld {
		t.Fatalf("%s: presumed though it was looked at", describe(e))
	}
	if got == plan.ReasonOutOfScope && e.Look == plan.NotLooked && e.Unproven {
		t.Fatalf("%s: removed by a scoping filter whose attributes may not have been read", describe(e))
	}
	return got
}

func describe(e plan.Evidence) string {
	pulled := "absent"
	if e.Pulled != nil {
		pulled = fmt.Sprintf("%+v", *e.Pulled)
	}
	return fmt.Sprintf("scope %s, complete %v, asked %v, blocked %v, pulled %s, unproven %v, look %d %+v, absent before %v, gone before %v",
		e.Scope, e.Complete, e.Asked, e.Blocked, pulled, e.Unproven, e.Look, e.Looked, e.WasAbsent, e.WasGone)
}
