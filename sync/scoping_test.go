package sync_test

import (
	"testing"

	"rollcall/connectors"
	dirsync "rollcall/sync"
	"rollcall/sync/mapping"
	"rollcall/sync/plan"
)

// within lets only those in who pass a filter.
func (w *world) within(clauses ...mapping.Clause) {
	w.t.Helper()
	s, err := mapping.CompileScoping([][]mapping.Clause{clauses})
	if err != nil {
		w.t.Fatal(err)
	}
	w.source.Scoping = s
}

var sales = mapping.Clause{Attribute: "department", Operator: "EQUALS", Value: "Sales"}

// department moves people; "": they have none.
func (w *world) department(name string, people ...string) {
	w.t.Helper()
	for _, person := range people {
		if name == "" {
			delete(w.soul(person).values, "department")
			continue
		}
		w.soul(person).values["department"] = name
	}
}

// scopedWorld is a source that lets only Sales in, and people who are there and have accounts.
func scopedWorld(t testing.TB, names ...string) *world {
	t.Helper()
	w := newWorldOf(t, nil, nil)
	w.within(sales)
	w.join(names...)
	w.department("Sales", names...)
	w.hand()
	w.clock.hour()
	want(t, w.hand(), "complete in_sync")
	w.clock.hour()
	return w
}

func TestOutOfScopeAndBack(t *testing.T) {
	w := scopedWorld(t, "ada", "alan", "grace")
	w.department("Legal", "ada")
	w.join("eve")
	w.department("Legal", "eve")
	report := w.scheduled()
	want(t, report, "complete applied", "deactivate ada out_of_scope")
	if len(w.dir.looked) != 0 {
		t.Errorf("looked at %v: an attribute that was read needs no second look", w.dir.looked)
	}
	if got := report.Plan.Changes[0].Witnesses; len(got) != 1 || got[0].Fact != "out_of_scope" || got[0].How != plan.ByPull {
		t.Errorf("witnesses %+v", got)
	}
	w.clock.hour()
	want(t, w.scheduled(), "complete in_sync")
	w.department("Sales", "ada", "eve")
	w.clock.hour()
	want(t, w.scheduled(), "complete applied", "reactivate ada enabled_at_source", "create eve assigned_missing")
	w.wantActive("ada", "alan", "grace", "eve")
}

// TestEmptyAttributeNeedsALook: whoever has no department in a pull may have one that was not read.
func TestEmptyAttributeNeedsALook(t *testing.T) {
	w := scopedWorld(t, "ada", "alan", "grace")
	w.dir.nulls = true
	want(t, w.scheduled(), "complete in_sync") // their own readings say Sales
	if len(w.dir.looked) != 3 {
		t.Errorf("looked at %v", w.dir.looked)
	}
	w.dir.lookNulls = true
	w.clock.hour()
	want(t, w.scheduled(), "complete in_sync", "notice refused ada", "notice refused alan", "notice refused grace")
	w.dir.nulls, w.dir.lookNulls = false, false
	w.department("", "ada")
	w.dir.looked = nil
	w.clock.hour()
	want(t, w.scheduled(), "complete applied", "deactivate ada out_of_scope") // her own reading says that it is empty
	w.clock.hour()
	want(t, w.scheduled(), "complete in_sync")
	if len(w.dir.looked) != 1 {
		t.Errorf("looked at %v: who is inactive needs no look", w.dir.looked)
	}
	w.wantActive("alan", "grace")
}

// TestLetInByAnEmptyAttribute: it may be empty for not having been read, so nobody is let in without a look.
func TestLetInByAnEmptyAttribute(t *testing.T) {
	w := newWorldOf(t, nil, nil)
	w.within(mapping.Clause{Attribute: "department", Operator: "IS NULL"})
	w.join("ada", "alan")
	w.department("Legal", "ada")
	w.dir.nulls = true
	want(t, w.hand(), "complete applied", "create alan assigned_missing")
	w.clock.hour()
	want(t, w.hand(), "complete in_sync")
	w.wantActive("alan")
}

// TestOutOfScopeNeedsEveryone: a group that can't be read, or a page that is missing, blocks what scoping filters say.
func TestOutOfScopeNeedsEveryone(t *testing.T) {
	for name, fault := range map[string]func(*directory){
		"unreadable group": func(d *directory) { d.unreadable = []string{"group-1"} },
		"half a pull":      func(d *directory) { d.incomplete = "half" },
	} {
		t.Run(name, func(t *testing.T) {
			w := scopedWorld(t, "ada", "alan", "grace", "kurt")
			w.department("Legal", "ada")
			w.department("", "alan")
			fault(w.dir)
			report := w.scheduled()
			if report.Plan.Counts.Notices[plan.Blocked] != 2 || len(report.Plan.Changes) != 0 || len(w.dir.looked) != 0 {
				t.Errorf("%s, looked at %v", outline(report), w.dir.looked)
			}
			w.wantActive("ada", "alan", "grace", "kurt")
		})
	}
}

// TestAbsentAndOutOfScope: who is missing from the snapshot of everyone, and read by id is enabled and out of scope, goes at once.
func TestAbsentAndOutOfScope(t *testing.T) {
	w := scopedWorld(t, "ada", "alan", "grace")
	w.department("Legal", "ada")
	w.dir.hidden = map[string]bool{"obj-ada": true}
	want(t, w.scheduled(), "complete applied", "deactivate ada out_of_scope")
}

// TestMassOutOfScope: of many without a department a few are looked at for the report, their removal is held, and the rest is looked at
// when somebody approves it.
func TestMassOutOfScope(t *testing.T) {
	w := scopedWorld(t, crowd(60)...)
	w.department("", crowd(40)...)
	report := w.scheduled()
	if c := report.Plan.Counts; report.Run.Outcome != dirsync.OutcomeHeld || c.Removals != 40 || len(w.dir.looked) != 20 || len(w.active()) != 60 {
		t.Fatalf("%d looked at: %s", len(w.dir.looked), outline(report))
	}
	w.department("Sales", "p030")
	w.dir.looked = nil
	approved, err := w.engine.Approve(t.Context(), w.source, report.Run.Plan, "boss")
	if err != nil {
		t.Fatal(err)
	}
	if len(w.dir.looked) != 40 || len(w.active()) != 21 {
		t.Errorf("%d looked at, %d active: %s", len(w.dir.looked), len(w.active()), outline(approved))
	}
}

// TestMassOutOfScopeWithoutAnswers: nothing is presumed while the provider answers for nobody.
func TestMassOutOfScopeWithoutAnswers(t *testing.T) {
	w := scopedWorld(t, crowd(60)...)
	w.department("", crowd(40)...)
	w.dir.lookErr = &connectors.Error{Kind: connectors.ErrUnreachable, Op: "read people"}
	report := w.scheduled()
	if len(report.Plan.Changes) != 0 || report.Run.Outcome != dirsync.OutcomeIncomplete || report.Plan.Counts.Notices[plan.Unanswered] != 40 {
		t.Error(outline(report))
	}
}

// TestUntoldScope: where a filter can't be evaluated on somebody, nothing but a fact removes them, and nobody is let in.
func TestUntoldScope(t *testing.T) {
	w := newWorldOf(t, nil, nil)
	w.join("ada", "alan", "grace", "eve")
	w.hand()
	w.clock.hour()
	w.join("new")
	w.within(mapping.Clause{Attribute: "userPrincipalName", Operator: "REGEX MATCH", Value: "@acme"}) // a part of the name, which is doubtful
	w.disable("ada")
	report := w.hand()
	if c := report.Plan.Counts; c.Actions[plan.Deactivate] != 1 || c.Changes() != 1 || c.Notices[plan.Refused] != 5 {
		t.Error(outline(report))
	}
}

// TestScopeWithoutActive: the mapping decides what becomes of active, and without it nobody is removed; nobody is let in either.
func TestScopeWithoutActive(t *testing.T) {
	w := newWorldOf(t, nil, nil)
	m, err := mapping.Compile([]mapping.Row{{Target: "userName", Source: "[userPrincipalName]", Match: 1}})
	if err != nil {
		t.Fatal(err)
	}
	w.source.Mapping = m
	w.join("ada", "alan")
	w.hand()
	w.clock.hour()
	w.join("eve")
	w.department("Legal", "ada", "alan", "eve")
	w.within(sales)
	want(t, w.hand(), "complete in_sync")
	w.wantActive("ada", "alan")
}
