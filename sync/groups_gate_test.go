package sync_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"rollcall/connectors"
	"rollcall/state"
	dirsync "rollcall/sync"
)

func TestGateOfGroups(t *testing.T) {
	twice := func(w *world) dirsync.Report {
		w.scheduled()
		w.clock.hour()
		return w.scheduled()
	}
	for name, test := range map[string]struct {
		people int
		set    func(w *world, sales *team)
		want   string // hold; "" = passes
	}{
		"a few":                    {20, func(_ *world, s *team) { s.lose(crowd(5)...) }, ""},
		"all of a few":             {5, func(_ *world, s *team) { s.lose(crowd(5)...) }, ""},
		"more than a few":          {20, func(_ *world, s *team) { s.lose(crowd(6)...) }, "gate_group"},
		"ten percent":              {70, func(_ *world, s *team) { s.lose(crowd(7)...) }, ""},
		"more than ten percent":    {70, func(_ *world, s *team) { s.lose(crowd(8)...) }, "gate_group"},
		"all":                      {6, func(w *world, s *team) { s.lose(crowd(6)...) }, "gate_emptied"},
		"all, and the gate is big": {6, func(w *world, s *team) { w.source.Rules.GateFloor = 100; s.lose(crowd(6)...) }, "gate_emptied"},
		"half, and the gate is big": {
			11, func(w *world, s *team) { w.source.Rules.GateFloor = 100; s.lose(crowd(6)...) }, "gate_group",
		},
		"a few of many groups": {
			20, func(w *world, s *team) {
				s.lose(crowd(3)...)
				w.pushGroup("Other", w.team("Other", crowd(20)[3:]...).id, crowd(20)...)
			}, "gate_members",
		},
		"nobody known was seen": {
			20, func(w *world, s *team) {
				s.lose("p001")
				w.scheduled() // the first witness
				w.clock.hour()
				w.observe("restored from a backup")
			}, "observe",
		},
		"people over the gate": {
			30, func(w *world, s *team) {
				s.lose("p001")
				w.scheduled()
				w.clock.hour()
				for _, name := range crowd(30)[10:20] {
					w.disable(name)
				}
			}, "gate_count",
		},
	} {
		t.Run(name, func(t *testing.T) {
			w, sales, group := grouped(t, crowd(test.people)...)
			test.set(w, sales)
			report := twice(w)
			held := ""
			for _, c := range report.Plan.Changes {
				if c.Group != nil && c.Held {
					held = string(c.HeldBecause)
				}
			}
			if held != test.want {
				t.Errorf("held because %q, want %q:\n%s", held, test.want, outline(report))
			}
			if lost := test.people - len(w.members(group)); (lost > 0) != (test.want == "") {
				t.Errorf("%d lost", lost)
			}
		})
	}
}

// TestGroupsBleedSlowly: what pulls have removed within a day counts, and who waits to be confirmed.
func TestGroupsBleedSlowly(t *testing.T) {
	w, sales, group := grouped(t, crowd(30)...)
	for i := range 6 {
		sales.lose(crowd(30)[i])
		w.scheduled()
		w.clock.pass(10 * time.Minute)
	}
	if n := len(w.members(group)); n != 26 {
		t.Errorf("%d left, want 26", n)
	}
	w.clock.pass(25 * time.Hour)
	w.scheduled()
	if n := len(w.members(group)); n != 24 {
		t.Errorf("%d left the day after, want 24", n)
	}
}

// TestProtectedMembers: only they wait.
func TestProtectedMembers(t *testing.T) {
	w, sales, group := grouped(t, crowd(12)...)
	w.source.Rules.Protect = []string{"p001@acme.example"}
	sales.lose("p001", "p002")
	w.scheduled()
	w.clock.hour()
	held := w.scheduled()
	wantMoves(t, held, "Sales: -p001 held:protected", "Sales: -p002")
	w.wantMembers(group, slices.DeleteFunc(crowd(12), func(name string) bool { return name == "p002" })...)
	w.clock.hour()
	if approved := w.approve(held); approved.Run.Outcome != dirsync.OutcomeApplied {
		t.Error(outline(approved))
	}
	w.wantMembers(group, append(crowd(12)[3:], "p000")...)
	last := w.journal()[len(w.journal())-1]
	if last.Cause.Kind != state.CauseApproval || last.Cause.Reason != "member_extra" {
		t.Errorf("caused by %+v", last.Cause)
	}
	w.clock.hour()
	want(t, w.scheduled(), "complete in_sync")
}

// TestEmptiedGroup: a push, or a fault at the provider, has emptied a group at the source. It waits for somebody.
func TestEmptiedGroup(t *testing.T) {
	emptied := func(t *testing.T) (*world, state.ID, dirsync.Report) {
		w, sales, group := grouped(t, crowd(12)...)
		sales.members = nil
		w.scheduled()
		w.clock.hour()
		held := w.scheduled()
		if held.Run.Outcome != dirsync.OutcomeHeld || held.Plan.Counts.Removals != 1 || !strings.Contains(held.Run.Reason, "nobody would be left") {
			t.Fatal(outline(held))
		}
		w.clock.hour()
		return w, group, held
	}
	t.Run("held as long as nobody decides", func(t *testing.T) {
		w, group, held := emptied(t)
		for range 3 {
			if again := w.scheduled(); again.Run.Plan != held.Run.Plan {
				t.Error("the same plan is held anew")
			}
			w.clock.hour()
		}
		w.wantMembers(group, crowd(12)...)
	})
	t.Run("approved", func(t *testing.T) {
		w, group, held := emptied(t)
		w.approve(held)
		w.wantMembers(group)
		want(t, w.scheduled(), "complete in_sync")
		w.wantMarks()
	})
	t.Run("approved after a push", func(t *testing.T) {
		w, group, held := emptied(t)
		w.pushMembers(group, "-p001")
		w.pushMembers(group, "+p001")
		if report := w.approve(held); report.Results[0].Outcome != dirsync.ChangeMoved {
			t.Error(outline(report))
		}
		w.wantMembers(group, crowd(12)...)
	})
	t.Run("approved when an account is another's", func(t *testing.T) {
		w, group, held := emptied(t)
		w.push(state.Mutation{ID: w.account("p001").ID, Life: &state.Life{Link: new("obj-else")}})
		other := w.pushNew(`{"userName":"other@acme.example"}`)
		w.push(state.Mutation{ID: other.ID, Life: &state.Life{Link: new("obj-p001")}})
		if report := w.approve(held); report.Results[0].Outcome != dirsync.ChangeMoved {
			t.Error(outline(report))
		}
		w.wantMembers(group, crowd(12)...)
	})
	t.Run("approved when an account is inactive", func(t *testing.T) {
		w, group, held := emptied(t)
		w.pushActive("p001", false)
		if report := w.approve(held); report.Results[0].Outcome != dirsync.ChangeMoved {
			t.Error(outline(report))
		}
		w.wantMembers(group, crowd(12)...)
	})
	t.Run("approved too late", func(t *testing.T) {
		w, group, held := emptied(t)
		w.clock.pass(25 * time.Hour)
		if report := w.approve(held); report.Results[0].Outcome != dirsync.ChangeStale {
			t.Error(outline(report))
		}
		w.wantMembers(group, crowd(12)...)
	})
	t.Run("approved after a run that did not see everyone", func(t *testing.T) {
		w, group, held := emptied(t)
		w.partially(0)
		w.scheduled()
		if report := w.approve(held); report.Results[0].Outcome != dirsync.ChangeStale {
			t.Error(outline(report))
		}
		w.wantMembers(group, crowd(12)...)
	})
	t.Run("approved after such a run that held somebody again", func(t *testing.T) {
		w, sales, group := grouped(t, crowd(12)...)
		w.source.Rules.Protect = []string{"p001@acme.example"}
		sales.members = nil
		w.scheduled()
		w.clock.hour()
		w.disable("p001")
		w.scheduled()
		w.clock.hour()
		w.dir.incomplete = "half"
		w.approve(w.scheduled())
		w.wantActive(append(crowd(12)[2:], "p000")...)
		w.wantMembers(group, crowd(12)...)
	})
	t.Run("mended at the source", func(t *testing.T) {
		w, group, held := emptied(t)
		for _, name := range crowd(12) {
			w.dir.teams[0].members = append(w.dir.teams[0].members, "obj-"+name)
		}
		want(t, w.scheduled(), "complete in_sync")
		if _, err := w.engine.Approve(t.Context(), w.source, held.Run.Plan, "boss"); !errors.Is(err, dirsync.ErrPlanClosed) {
			t.Errorf("still open: %v", err)
		}
		w.wantMembers(group, crowd(12)...)
		w.wantMarks()
	})
	t.Run("discarded", func(t *testing.T) {
		w, group, held := emptied(t)
		if err := w.engine.Discard(t.Context(), w.source, held.Run.Plan, "boss"); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			want(t, w.scheduled(), "complete in_sync", "notice discarded Sales")
			w.clock.hour()
		}
		sales := w.dir.teams[0]
		sales.members = append(sales.members, "obj-p001") // in, and out again
		w.scheduled()
		sales.members = nil
		for range 2 {
			w.clock.hour()
			w.scheduled()
		}
		w.wantMembers(group, slices.DeleteFunc(crowd(12), func(name string) bool { return name == "p001" })...)
	})
}

// TestDiscardedAddition: somebody is to stay outside, until the source has them no more.
func TestDiscardedAddition(t *testing.T) {
	w, sales, group := grouped(t, "ada", "alan", "grace")
	w.pushMembers(group, "-ada", "-grace")
	w.clock.hour()
	w.observe("restored from a backup")
	held := w.scheduled()
	wantMoves(t, held, "Sales: +ada +grace held:observe")
	if err := w.engine.Discard(t.Context(), w.source, held.Run.Plan, "boss"); err != nil {
		t.Fatal(err)
	}
	w.clock.hour()
	want(t, w.hand(), "complete in_sync", "notice discarded Sales")
	w.wantMarks("obj-ada member:join", "obj-grace member:join")
	sales.lose("ada")
	w.clock.hour()
	w.hand()
	sales.members = append(sales.members, "obj-ada")
	w.clock.hour()
	wantMoves(t, w.hand(), "Sales: +ada")
	w.wantMembers(group, "ada", "alan")
}

// TestObservedGroups: that groups are looked at from now on is another basis. Who would leave prolongs the observation.
func TestObservedGroups(t *testing.T) {
	w := populated(t, crowd(12)...)
	w.source.Groups = dirsync.GroupsPushed
	group := w.pushGroup("Sales", w.team("Sales", crowd(12)[1:]...).id, crowd(11)...)
	w.clock.hour()
	held := w.scheduled()
	wantMoves(t, held, "Sales: +p011 held:observe")
	w.clock.hour()
	wantMoves(t, w.hand(), "Sales: -p000 held:observe", "Sales: +p011")
	w.wantMembers(group, crowd(12)...)
	if !w.observed() {
		t.Error("no longer observed, though somebody is to leave")
	}
	w.clock.hour()
	held = w.scheduled()
	w.approve(held)
	if w.wantMembers(group, crowd(12)[1:]...); w.observed() {
		t.Error("still observed")
	}
}

// TestFirstSightingProlongsObservation: by hand, nobody leaves a group yet, but somebody is going to.
func TestFirstSightingProlongsObservation(t *testing.T) {
	w, sales, group := grouped(t, "ada", "alan", "grace")
	w.observe("restored from a backup")
	sales.lose("ada")
	w.hand()
	w.clock.hour()
	w.scheduled()
	w.wantMembers(group, "ada", "alan", "grace")
}

func TestGroupPolicies(t *testing.T) {
	w, _, group := grouped(t, "ada", "alan")
	w.pushMembers(group, "-ada")
	w.clock.hour()
	before := w.dump()
	foretold := w.dry()
	if wantMoves(t, foretold, "Sales: +ada"); w.dump() != before {
		t.Error("a dry run left a trace")
	}
	w.source.Policy = dirsync.PolicyReport
	wantMoves(t, w.scheduled(), "Sales: +ada held:policy")
	w.wantMembers(group, "alan")
	w.source.Policy = dirsync.PolicyNoCreate
	w.clock.hour()
	wantMoves(t, w.scheduled(), "Sales: +ada")
	w.wantMembers(group, "ada", "alan")
}

// TestGroupsCostNothing: who does not look at groups, or has none, does not ask for them; in the scope of everyone those are named that
// were pushed with their ids.
func TestGroupsCostNothing(t *testing.T) {
	asked := func(w *world) connectors.Want {
		t.Helper()
		spy := &wanting{Connector: w.dir}
		source := w.source
		source.Connector = spy
		if _, err := w.engine.RunOnce(t.Context(), source, dirsync.Order{Trigger: dirsync.TriggerHand, DryRun: true}); err != nil {
			t.Fatal(err)
		}
		return spy.want
	}
	w := populated(t, "ada")
	w.source.Groups = dirsync.GroupsPushed
	if got := asked(w); got.Groups != nil {
		t.Error("there are no groups, and they are asked for")
	}
	w.pushGroup("Sales", "g1", "ada")
	w.pushGroup("Ops", "", "ada")
	if got := asked(w); got.Groups == nil || got.GroupIDs != nil {
		t.Errorf("asked for %+v", got)
	}
	w.source.People = connectors.Everyone
	if got := asked(w); !slices.Equal(got.GroupIDs, []string{"g1"}) {
		t.Errorf("asked for the groups %v", got.GroupIDs)
	}
	w.source.Groups = dirsync.GroupsOff
	if got := asked(w); got.Groups != nil || got.GroupIDs != nil {
		t.Error("groups are off, and asked for")
	}
}

// wanting keeps what a pull wanted.
type wanting struct {
	connectors.Connector
	want connectors.Want
}

func (w *wanting) Pull(ctx context.Context, want connectors.Want, page func([]connectors.Person) error) (connectors.Proof, error) {
	w.want = want
	return w.Connector.Pull(ctx, want, page)
}

// TestManyMembers: a change of many memberships goes in small commits, is told in few names, and is kept short in the run's record.
func TestManyMembers(t *testing.T) {
	names := crowd(250)
	w, _, group := grouped(t, names...)
	w.pushToGroup(state.Mutation{ID: group, Members: &state.Members{Set: true}})
	before := len(w.journal())
	w.clock.hour()
	report := w.scheduled()
	w.wantMembers(group, names...)
	if entries := w.journal()[before:]; len(entries) != 3 {
		t.Errorf("%d journal entries, want 3", len(entries))
	}
	told := report.Plan.Sections()[0].Lines[0].Values
	if len(told) != 21 || told[0].After != "p000@acme.example" || told[20].After != "230" {
		t.Error(told)
	}
	kept, err := recorded(report.Run)
	if err != nil || len(kept.Changes) != 1 || len(kept.Changes[0].Group.Members) != 20 || kept.Changes[0].Group.LeftOut != 230 {
		t.Errorf("%v: kept %+v", err, kept.Changes)
	}
	if len(report.Plan.Changes[0].Group.Members) != 250 {
		t.Error("the plan itself lost members")
	}
}
