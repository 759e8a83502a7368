package sync_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"rollcall/connectors"
	"rollcall/state"
	"rollcall/state/scim"
	dirsync "rollcall/sync"
	"rollcall/sync/mapping"
	"rollcall/sync/plan"
)

// team is a group of the scripted directory, with its faults.
type team struct {
	id, name string
	members  []string // object ids
	dropped  int      // this page is lost without a word; 0: none
	cut      bool     // its last page never comes
	hidden   bool     // it is not passed at all
}

// tellTeams passes the directory's groups, as far as they are asked for.
func (d *directory) tellTeams(want connectors.Want) error {
	if want.Groups == nil {
		return nil
	}
	for _, t := range d.teams {
		if t.hidden || want.Scope == connectors.Everyone && !slices.Contains(want.GroupIDs, t.id) {
			continue
		}
		pages := slices.Collect(slices.Chunk(t.members, max(d.pageSize, 1)))
		if len(pages) == 0 {
			pages = [][]string{nil}
		}
		for i, members := range pages {
			page := connectors.GroupPage{ID: t.id, Name: t.name, Members: slices.Clone(members), Last: i == len(pages)-1 && !t.cut}
			if i+1 == t.dropped {
				page.Members = nil
			}
			if err := want.Groups(page); err != nil {
				return err
			}
			clear(page.Members) // what is passed is valid only until the call returns
		}
	}
	return nil
}

// team puts a group into the directory.
func (w *world) team(name string, members ...string) *team {
	t := &team{id: "grp-" + name, name: name}
	for _, m := range members {
		t.members = append(t.members, "obj-"+m)
	}
	w.dir.teams = append(w.dir.teams, t)
	return t
}

// pushGroup makes a group by push.
func (w *world) pushGroup(name, external string, members ...string) state.ID {
	w.t.Helper()
	resource := scim.ObjectOf(scim.Field{Name: "displayName", Value: scim.StringValue(name)})
	if external != "" {
		resource = resource.With("externalId", scim.StringValue(external))
	}
	m := state.Mutation{ID: state.NewID(), Put: &state.Put{Resource: resource}, Members: &state.Members{}}
	for _, name := range members {
		m.Members.Add = append(m.Members.Add, w.account(name).ID)
	}
	return w.pushToGroup(m).ID
}

// group is the recorded group with a name.
func (w *world) group(name string) state.ID {
	w.t.Helper()
	found, err := w.store.Find(w.t.Context(), acme, state.KindGroup, state.NewMatchKey(state.MatchDisplayName, name))
	if err != nil || len(found) != 1 {
		w.t.Fatalf("%d groups are called %s: %v", len(found), name, err)
	}
	return found[0].ID
}

func (w *world) pushToGroup(m state.Mutation) state.Record {
	w.t.Helper()
	m.Scope, m.Kind, m.Cause = acme, state.KindGroup, state.Cause{Kind: state.CausePush, Actor: "key"}
	results, err := w.store.Write(state.Urgent, []state.Mutation{m})
	if err = errors.Join(err, results[0].Err); err != nil {
		w.t.Fatalf("push: %v", err)
	}
	return results[0].Record
}

// pushMembers adds (+) members to a group by push, and removes others (-).
func (w *world) pushMembers(group state.ID, names ...string) {
	w.t.Helper()
	m := state.Mutation{ID: group, Members: &state.Members{}}
	for _, name := range names {
		id := w.account(name[1:]).ID
		if name[0] == '+' {
			m.Members.Add = append(m.Members.Add, id)
		} else {
			m.Members.Remove = append(m.Members.Remove, id)
		}
	}
	w.pushToGroup(m)
}

// members are the members of a recorded group, by userName without the domain, sorted.
func (w *world) members(group state.ID) []string {
	w.t.Helper()
	names := []string{}
	err := w.store.Members(w.t.Context(), acme, group, func(ref state.Ref) bool {
		if ref.Kind != state.KindAccount {
			names = append(names, "group "+ref.Name)
			return true
		}
		r, err := w.store.Record(w.t.Context(), acme, state.KindAccount, ref.ID)
		if err != nil {
			w.t.Fatal(err)
		}
		names = append(names, strings.TrimSuffix(decode(w.t, string(r.Resource)).Get("userName").Text, "@acme.example"))
		return true
	})
	if err != nil {
		w.t.Fatal(err)
	}
	slices.Sort(names)
	return names
}

func (w *world) wantMembers(group state.ID, names ...string) {
	w.t.Helper()
	slices.Sort(names)
	if got := w.members(group); !slices.Equal(got, names) {
		w.t.Errorf("members are %v, want %v", got, names)
	}
}

// grouped is a world with people, pulled and in sync, whose groups are looked at, and who are all in a group that is at the source and
// has been pushed.
func grouped(t testing.TB, names ...string) (*world, *team, state.ID) {
	t.Helper()
	return groupedIn(populated(t, names...), names...)
}

func groupedIn(w *world, names ...string) (*world, *team, state.ID) {
	w.t.Helper()
	w.source.Groups = dirsync.GroupsPushed
	sales := w.team("Sales", names...)
	group := w.pushGroup("Sales", sales.id, names...)
	w.clock.hour()
	want(w.t, w.hand(), "complete in_sync") // another basis: observed until now
	w.clock.hour()
	return w, sales, group
}

// lose takes people out of a group at the source.
func (t *team) lose(names ...string) {
	t.members = slices.DeleteFunc(t.members, func(id string) bool { return slices.Contains(names, strings.TrimPrefix(id, "obj-")) })
}

// moves says what a plan would change in groups, name by name.
func moves(r dirsync.Report) string {
	var b strings.Builder
	for _, c := range r.Plan.Changes {
		if c.Group == nil {
			continue
		}
		sign := "+"
		if c.Removal() {
			sign = "-"
		}
		fmt.Fprintf(&b, "%s:", c.Name)
		for _, m := range c.Group.Members {
			fmt.Fprintf(&b, " %s%s", sign, strings.TrimSuffix(m.Name, "@acme.example"))
		}
		if c.Held {
			fmt.Fprintf(&b, " held:%s", c.HeldBecause)
		}
		b.WriteString("\n")
	}
	return b.String()
}

func wantMoves(t testing.TB, r dirsync.Report, lines ...string) {
	t.Helper()
	want := ""
	for _, line := range lines {
		want += line + "\n"
	}
	if got := moves(r); got != want {
		t.Errorf("got:\n%s\nwant:\n%s\nof:\n%s", indent(got), indent(want), indent(outline(r)))
	}
}

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
	kept, err := dirsync.ReadRunReport(report.Run)
	if err != nil || len(kept.Changes) != 1 || len(kept.Changes[0].Group.Members) != 20 || kept.Changes[0].Group.LeftOut != 230 {
		t.Errorf("%v: kept %+v", err, kept.Changes)
	}
	if len(report.Plan.Changes[0].Group.Members) != 250 {
		t.Error("the plan itself lost members")
	}
}
