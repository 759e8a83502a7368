package sync_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"rollcall/connectors"
	"rollcall/state"
	dirsync "rollcall/sync"
	"rollcall/sync/mapping"
	"rollcall/sync/plan"
)

func TestMissingMembersAreAdded(t *testing.T) {
	w, _, group := grouped(t, "ada", "alan", "grace")
	w.pushMembers(group, "-ada", "-grace")
	w.clock.hour()
	report := w.scheduled()
	want(t, report, "complete applied", "add_members Sales member_missing")
	wantMoves(t, report, "Sales: +ada +grace")
	w.wantMembers(group, "ada", "alan", "grace")
	last := w.journal()[len(w.journal())-1]
	wantCause := state.Cause{Kind: state.CausePull, Actor: dirsync.TriggerSchedule, Run: report.Run.ID, Reason: "member_missing"}
	if last.Verb != state.VerbMembers || last.Cause != wantCause {
		t.Errorf("journal: %s because %+v", last.Verb, last.Cause)
	}
	w.clock.hour()
	want(t, w.scheduled(), "complete in_sync")
}

func TestExtraMembersNeedTwoRuns(t *testing.T) {
	w, sales, group := grouped(t, "ada", "alan", "grace")
	sales.lose("ada")
	first := w.scheduled()
	want(t, first, "complete in_sync", "notice leaving Sales")
	if first.Plan.Counts.Groups != (plan.GroupCounts{Compared: 1, Members: 3, Extra: 1, Waiting: 1}) {
		t.Errorf("counted %+v", first.Plan.Counts.Groups)
	}
	w.clock.hour()
	second := w.scheduled()
	want(t, second, "complete applied", "remove_members Sales member_extra")
	wantMoves(t, second, "Sales: -ada")
	witnesses := second.Plan.Changes[0].Witnesses
	if len(witnesses) != 2 || witnesses[0].Run != first.Run.ID || witnesses[1].Run != second.Run.ID {
		t.Errorf("witnesses %+v", witnesses)
	}
	w.wantMembers(group, "alan", "grace")
	w.wantActive("ada", "alan", "grace")
	w.clock.hour()
	want(t, w.scheduled(), "complete in_sync")
	w.wantMarks()
}

// wantMarks checks what is remembered, by fact up to its second colon.
func (w *world) wantMarks(facts ...string) {
	w.t.Helper()
	list, err := w.store.Suspicions(w.t.Context(), acme)
	if err != nil {
		w.t.Fatal(err)
	}
	got := []string{}
	for _, s := range list {
		parts := strings.SplitN(s.Fact, ":", 3)
		got = append(got, s.Person+" "+strings.Join(parts[:min(2, len(parts))], ":"))
	}
	slices.Sort(got)
	slices.Sort(facts)
	if !slices.Equal(got, facts) {
		w.t.Errorf("remembered %v, want %v", got, facts)
	}
}

// TestASightingInBetween: to be missing every other time is not to be missing twice.
func TestASightingInBetween(t *testing.T) {
	w, sales, group := grouped(t, "ada", "alan", "grace")
	everyone := slices.Clone(sales.members)
	for range 3 {
		sales.lose("ada")
		w.scheduled()
		w.clock.hour()
		sales.members = slices.Clone(everyone)
		w.partially(0) // though the run doesn't come to its end
		w.scheduled()
		w.dir.err = nil
		w.clock.hour()
	}
	w.wantMembers(group, "ada", "alan", "grace")
}

// TestAGroupThatWasNotTold: what was found of a group's members is forgotten with the group.
func TestAGroupThatWasNotTold(t *testing.T) {
	w, sales, group := grouped(t, "ada", "alan", "grace")
	w.team("Other")
	sales.lose("ada")
	for range 3 {
		w.scheduled()
		w.wantMarks("obj-ada member:left")
		w.clock.hour()
		sales.hidden = true
		w.scheduled()
		w.wantMarks()
		w.clock.hour()
		sales.hidden = false
	}
	w.wantMembers(group, "ada", "alan", "grace")
}

// TestWhoKeepsTheirSeat: what is no reason to leave a group, however often it is read.
func TestWhoKeepsTheirSeat(t *testing.T) {
	for name, meet := range map[string]func(w *world, sales *team, group state.ID){
		"disabled at the source": func(w *world, _ *team, _ state.ID) { w.disable("ada") },
		"unassigned":             func(w *world, _ *team, _ state.ID) { w.unassign("ada") },
		"deleted at the source":  func(w *world, _ *team, _ state.ID) { w.softDelete("ada") },
		"of unknown state":       func(w *world, _ *team, _ state.ID) { w.soul("ada").facts.Enabled = connectors.Unknown },
		"hidden from the pull":   func(w *world, _ *team, _ state.ID) { w.dir.hidden = map[string]bool{"obj-ada": true} },
		"out of scope": func(w *world, _ *team, _ state.ID) {
			w.within(mapping.Clause{Attribute: "userPrincipalName", Operator: "NOT EQUALS", Value: "ada@acme.example"})
			w.hand()
		},
		"pinned":                   func(w *world, _ *team, _ state.ID) { w.pin("ada", true) },
		"an incomplete run":        func(w *world, _ *team, _ state.ID) { w.dir.incomplete = "half" },
		"the group is not whole":   func(_ *world, sales *team, _ state.ID) { sales.cut = true },
		"the group is not told of": func(_ *world, sales *team, _ state.ID) { sales.hidden = true },
		"not linked": func(w *world, _ *team, group state.ID) {
			w.push(state.Mutation{ID: w.account("ada").ID, Life: &state.Life{Link: new("")}})
			w.soul("ada").values["userPrincipalName"] = "" // nor can it be
		},
		"groups are off": func(w *world, _ *team, _ state.ID) { w.source.Groups = dirsync.GroupsOff; w.hand() },
		"reports only":   func(w *world, _ *team, _ state.ID) { w.source.Policy = dirsync.PolicyReport },
	} {
		t.Run(name, func(t *testing.T) {
			w, sales, group := grouped(t, "ada", "alan", "grace")
			sales.lose("ada")
			meet(w, sales, group)
			for range 3 {
				w.clock.hour()
				w.scheduled()
			}
			w.wantMembers(group, "ada", "alan", "grace")
		})
	}
}

// pin pins an account as it is, by an operator.
func (w *world) pin(name string, pinned bool) {
	w.t.Helper()
	results, err := w.store.Write(state.Urgent, []state.Mutation{{
		Scope: acme, Kind: state.KindAccount, ID: w.account(name).ID, Life: &state.Life{Pinned: &pinned}, Cause: state.Cause{Kind: state.CauseOperator, Actor: "ops"},
	}})
	if err = errors.Join(err, results[0].Err); err != nil {
		w.t.Fatal(err)
	}
}

// TestOthersKeepTheirSeats: a group within the group, and somebody whom the provider never made known.
func TestOthersKeepTheirSeats(t *testing.T) {
	w, sales, group := grouped(t, "ada", "alan")
	inner := w.pushGroup("Inner", "grp-inner")
	guest := w.pushNew(`{"userName":"guest@acme.example"}`)
	w.pushToGroup(state.Mutation{ID: group, Members: &state.Members{Add: []state.ID{inner, guest.ID}}})
	sales.members = append(sales.members, "obj-nobody", "obj-ada") // whom we don't know, and one twice
	for range 3 {
		w.clock.hour()
		if report := w.scheduled(); len(report.Plan.Changes) > 0 {
			t.Fatal(outline(report))
		}
	}
	w.wantMembers(group, "ada", "alan", "guest", "group Inner")
}

// TestWhoIsNotAdded: the account is inactive, or the person was not read as one who ought to have access.
func TestWhoIsNotAdded(t *testing.T) {
	for name, meet := range map[string]func(w *world){
		"inactive":          func(w *world) { w.disable("ada"); w.scheduled() },
		"disabled just now": func(w *world) { w.disable("ada") },
		"hidden":            func(w *world) { w.dir.hidden = map[string]bool{"obj-ada": true} },
		"pinned":            func(w *world) { w.pin("ada", true) },
		"a cut list":        func(w *world) { w.dir.teams[0].cut = true },
		"a cut list and run": func(w *world) {
			w.dir.teams[0].cut, w.dir.incomplete = true, "half"
		},
		"another has the name": func(w *world) { w.namesake("obj-new", "ada", works, false) },
		"out of scope": func(w *world) {
			w.source.Rules.Protect = []string{"ada@acme.example"} // and still active
			w.within(mapping.Clause{Attribute: "userPrincipalName", Operator: "NOT EQUALS", Value: "ada@acme.example"})
			w.hand()
		},
	} {
		t.Run(name, func(t *testing.T) {
			w, _, group := grouped(t, "ada", "alan", "grace")
			w.pushMembers(group, "-ada")
			w.clock.hour()
			meet(w)
			w.clock.hour()
			w.scheduled()
			w.wantMembers(group, "alan", "grace")
		})
	}
}

func TestHowGroupsAreTied(t *testing.T) {
	for name, test := range map[string]struct {
		set  func(w *world) state.ID // with one member of two recorded
		want []string
		said []string // notices
	}{
		"by externalId, whatever it is called": {
			set: func(w *world) state.ID {
				w.team("Renamed", "ada", "alan").id = "g1"
				return w.pushGroup("Sales", "g1", "ada")
			}, want: []string{"ada", "alan"},
		},
		"by name": {
			set: func(w *world) state.ID {
				w.team("SALES", "ada", "alan")
				return w.pushGroup("Sales", "", "ada")
			}, want: []string{"ada", "alan"},
		},
		"by a name that two have": {
			set: func(w *world) state.ID {
				w.team("Sales", "ada", "alan")
				w.team("sales", "ada", "alan").id = "g2"
				return w.pushGroup("Sales", "", "ada")
			}, want: []string{"ada"}, said: []string{"conflict"},
		},
		"by an id that two were pushed with": {
			set: func(w *world) state.ID {
				w.team("Sales", "ada", "alan").id = "g1"
				w.pushGroup("Other", "g1")
				return w.pushGroup("Sales", "g1", "ada")
			}, want: []string{"ada"}, said: []string{"conflict", "conflict"},
		},
		"one that comes twice": {
			set: func(w *world) state.ID {
				t := w.team("Sales", "ada", "alan")
				w.team("Other")
				w.dir.teams = append(w.dir.teams, t)
				return w.pushGroup("Sales", t.id, "ada")
			}, want: []string{"ada"}, said: []string{"conflict"},
		},
		"by name, and was pushed with another id": {
			set: func(w *world) state.ID {
				w.team("Sales", "ada", "alan")
				return w.pushGroup("Sales", "g-old", "ada")
			}, want: []string{"ada"}, said: []string{"name_reused"},
		},
		"by name, and not everyone could be read": {
			set: func(w *world) state.ID {
				w.dir.unreadable = []string{"Secret"}
				w.team("Sales", "ada", "alan")
				return w.pushGroup("Sales", "", "ada")
			}, want: []string{"ada"},
		},
		"to none that the source has": {
			set: func(w *world) state.ID {
				w.team("Other", "ada", "alan")
				return w.pushGroup("Sales", "", "ada")
			}, want: []string{"ada"}, said: []string{"group_lost"},
		},
		"while the source tells of none": {
			set: func(w *world) state.ID { return w.pushGroup("Sales", "g1", "ada") }, want: []string{"ada"}, said: []string{"group_unread"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := populated(t, "ada", "alan")
			w.source.Groups = dirsync.GroupsPushed
			group := test.set(w)
			w.clock.hour()
			report := w.hand()
			w.wantMembers(group, test.want...)
			said := []string{}
			for _, n := range report.Plan.Notices {
				said = append(said, string(n.Kind))
			}
			if !slices.Equal(said, append([]string{}, test.said...)) {
				t.Errorf("noticed %v, want %v", said, test.said)
			}
			w.clock.hour()
			if again := w.hand(); len(again.Plan.Changes) > 0 {
				t.Errorf("not at rest: %s", outline(again))
			}
			if n, err := w.store.Count(t.Context(), acme, state.KindGroup); err != nil || n > 2 {
				t.Errorf("%d groups, %v: a pull makes none", n, err)
			}
		})
	}
}

// TestATieOutlivesTheName: a group that was found by its name is that group, though another one gets the name.
func TestATieOutlivesTheName(t *testing.T) {
	w := populated(t, crowd(12)...)
	w.source.Groups = dirsync.GroupsPushed
	sales := w.team("Sales", "p001", "p002")
	group := w.pushGroup("Sales", "", "p001", "p002")
	w.clock.hour()
	want(t, w.hand(), "complete in_sync")
	w.wantMarks("grp-Sales member:tie")

	sales.name = "Sales until 2025"
	other := w.team("Sales", "p003", "p004")
	other.id = "grp-other"
	sales.members = append(sales.members, "obj-p005")
	for range 3 {
		w.clock.hour()
		w.scheduled()
	}
	w.wantMembers(group, "p001", "p002", "p005")

	w.dir.teams = []*team{other} // what it was tied to is no more: the name is free, when that has been seen twice
	w.clock.hour()
	want(t, w.scheduled(), "complete in_sync", "notice name_reused Sales")
	w.wantMarks("grp-Sales member:lost", "grp-Sales member:tie")
	w.dir.teams = []*team{sales, other}
	w.clock.hour()
	want(t, w.scheduled(), "complete in_sync")
	w.wantMarks("grp-Sales member:tie")
	w.dir.teams = []*team{other}
	for range 2 {
		w.clock.hour()
		want(t, w.scheduled(), "complete in_sync", "notice name_reused Sales")
	}
	w.wantMarks()
	w.clock.hour()
	wantMoves(t, w.scheduled(), "Sales: +p003 +p004")
}

// TestPushesAboutMembers: a push outweighs what was read before it, and what was read in a moment.
func TestPushesAboutMembers(t *testing.T) {
	t.Run("while the pull goes on", func(t *testing.T) {
		w, _, group := grouped(t, "ada", "alan", "grace")
		w.pushMembers(group, "-grace")
		w.clock.hour()
		w.dir.duringPull = func(page int) {
			if page == 1 {
				w.pushMembers(group, "-ada", "+grace")
				w.clock.pass(time.Minute)
			}
		}
		report := w.scheduled()
		want(t, report, "complete in_sync", "notice fresh Sales")
		w.wantMembers(group, "alan", "grace")
	})
	t.Run("a moment ago", func(t *testing.T) {
		w, _, group := grouped(t, "ada", "alan", "grace")
		w.pushMembers(group, "-ada")
		w.clock.pass(5 * time.Minute)
		want(t, w.scheduled(), "complete in_sync", "notice fresh Sales")
		w.clock.pass(15 * time.Minute)
		wantMoves(t, w.scheduled(), "Sales: +ada")
	})
	t.Run("a joiner whom the source does not show yet", func(t *testing.T) {
		w, sales, group := grouped(t, "ada", "alan", "grace")
		sales.lose("grace")
		w.scheduled()
		w.clock.pass(time.Minute)
		w.pushMembers(group, "-grace")
		w.pushMembers(group, "+grace") // in again, and read as out once more: the first reading has nothing to say about that
		w.clock.hour()
		want(t, w.scheduled(), "complete in_sync", "notice leaving Sales")
		w.clock.hour()
		want(t, w.scheduled(), "complete in_sync", "notice leaving Sales")
		w.clock.hour()
		wantMoves(t, w.scheduled(), "Sales: -grace")
	})
	t.Run("the account moves", func(t *testing.T) {
		w, _, group := grouped(t, "ada", "alan", "grace")
		w.pushMembers(group, "-ada")
		w.clock.hour()
		w.dir.duringPull = func(page int) {
			if page == 1 {
				w.pushTitle("ada", "Dr")
			}
		}
		report := w.scheduled()
		if w.wantMembers(group, "alan", "grace"); moves(report) != "" {
			t.Error(outline(report))
		}
	})
	t.Run("the group goes", func(t *testing.T) {
		w, _, group := grouped(t, "ada", "alan", "grace")
		w.pushMembers(group, "-ada")
		w.clock.hour()
		w.dir.duringPull = func(page int) {
			if page == 1 {
				w.pushToGroup(state.Mutation{ID: group, Life: &state.Life{Remove: state.RemoveDelete}})
			}
		}
		if report := w.scheduled(); report.Run.Outcome != dirsync.OutcomePartly {
			t.Error(outline(report))
		}
	})
}
