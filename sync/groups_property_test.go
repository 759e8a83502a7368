package sync_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"rollcall/state"
	"rollcall/state/scim"
	dirsync "rollcall/sync"
	"rollcall/sync/plan"
)

// groupHistory is a history in which groups live as well.
type groupHistory struct {
	*history
	pushed []state.ID
	truly  map[seatOf]bool // who was not in a group at the source, in truth, when it was last read as it is
	honest map[*team]bool  // the last reading of a group was of it as it is
	lies   map[*team]bool  // the present one is not
}

// seatOf is a person's seat in a group of the source.
type seatOf struct{ group, person string }

func newGroupHistory(t *testing.T, rt *rapid.T) *groupHistory {
	h := &groupHistory{history: newHistory(t, rt), truly: make(map[seatOf]bool), honest: make(map[*team]bool), lies: make(map[*team]bool)}
	h.source.Groups = dirsync.GroupsPushed
	for i := range rapid.IntRange(1, 3).Draw(rt, "groups") {
		external := ""
		if rapid.Bool().Draw(rt, "pushed with its id") {
			external = fmt.Sprintf("grp-team%d", i)
		}
		team := h.team(fmt.Sprintf("team%d", i))
		m := state.Mutation{ID: h.pushGroup(team.name, external), Members: &state.Members{}}
		for _, s := range h.dir.souls {
			if rapid.IntRange(0, 3).Draw(rt, "member") > 0 {
				team.members = append(team.members, s.id)
				if record, ok := h.linked(s); ok {
					m.Members.Add = append(m.Members.Add, record.ID)
				}
			}
		}
		h.pushToGroup(m)
		h.pushed = append(h.pushed, m.ID)
	}
	h.clock.hour()
	h.hand() // another basis: observed until now
	h.read()
	h.clock.hour()
	return h
}

// read takes down what the groups are in truth.
func (h *groupHistory) read() {
	for _, t := range h.dir.teams {
		if h.honest[t] = !h.lies[t] && !t.hidden && !t.cut; !h.honest[t] {
			continue
		}
		for _, s := range h.dir.souls {
			h.truly[seatOf{t.id, s.id}] = !slices.Contains(t.members, s.id)
		}
	}
}

func (h *groupHistory) pickTeam() *team { return rapid.SampledFrom(h.dir.teams).Draw(h.rt, "group") }

// regroup moves somebody at the source.
func (h *groupHistory) regroup(rt *rapid.T) {
	h.rt = rt
	t := h.pickTeam()
	switch rapid.SampledFrom([]string{"move", "move", "move", "empty", "rename"}).Draw(rt, "what") {
	case "move":
		id := h.pick().id
		if i := slices.Index(t.members, id); i >= 0 {
			t.members = slices.Delete(t.members, i, i+1)
		} else {
			t.members = append(t.members, id)
		}
	case "empty":
		t.members = nil
	case "rename":
		other := h.pickTeam()
		t.name, other.name = other.name, t.name
	}
}

// pushSeat changes a membership by push, perhaps against what is true.
func (h *groupHistory) pushSeat(rt *rapid.T) {
	h.rt = rt
	record, ok := h.linked(h.pick())
	if !ok {
		return
	}
	m := state.Mutation{ID: rapid.SampledFrom(h.pushed).Draw(rt, "pushed"), Members: &state.Members{}}
	if rapid.Bool().Draw(rt, "joins") {
		m.Members.Add = []state.ID{record.ID}
	} else {
		m.Members.Remove = []state.ID{record.ID}
	}
	h.pushToGroup(m)
}

// misread runs while groups are read in part, or not as they are.
func (h *groupHistory) misread(rt *rapid.T) {
	h.rt = rt
	for _, t := range h.dir.teams {
		faults := []string{"", "cut", "hidden"}
		if h.honest[t] { // a lie is believed only when it is told twice
			faults = append(faults, "lost page")
		}
		switch rapid.SampledFrom(faults).Draw(rt, "fault") {
		case "cut":
			t.cut = true
		case "hidden":
			t.hidden = true
		case "lost page":
			t.dropped, h.lies[t] = rapid.IntRange(1, 5).Draw(rt, "page"), true
		}
	}
	h.watched(func() { h.history.honest() })
	for _, t := range h.dir.teams {
		t.cut, t.hidden, t.dropped = false, false, 0
	}
	clear(h.lies)
}

// watched lets a run go on and checks what it did to groups.
func (h *groupHistory) watched(run func()) {
	before := len(h.journal())
	marks, err := h.store.Suspicions(h.t.Context(), acme)
	if err != nil {
		h.rt.Fatal(err)
	}
	run()
	runs, err := h.store.ListRuns(h.t.Context(), acme, 1)
	if err != nil {
		h.rt.Fatal(err)
	}
	report, err := recorded(runs[0])
	if err != nil {
		h.rt.Fatal(err)
	}
	sources := make(map[state.ID]string)
	for _, c := range report.Changes {
		if c.Group != nil {
			sources[c.Group.ID] = c.Group.Source
		}
	}
	lost := make(map[state.ID]int)
	for _, e := range h.journal()[before:] {
		if e.Kind != state.KindGroup || e.Cause.Kind != state.CausePull {
			continue
		}
		var was, is struct {
			Members struct{ Added, Removed []state.ID }
		}
		if err := json.Unmarshal(e.Before, &was); err != nil {
			h.rt.Fatal(err)
		}
		if err := json.Unmarshal(e.After, &is); err != nil {
			h.rt.Fatal(err)
		}
		if e.Verb != state.VerbMembers {
			h.rt.Fatalf("a pull made %s of a group", e.Verb)
		}
		i := slices.IndexFunc(h.dir.teams, func(t *team) bool { return t.id == sources[e.ID] })
		if i < 0 {
			h.rt.Fatalf("group %s was changed by a group that is not there", e.ID)
		}
		lost[e.ID] += len(was.Members.Removed)
		h.checkMoves(h.dir.teams[i], was.Members.Removed, is.Members.Added, func(person string) bool {
			fact := plan.MemberFact{Kind: plan.MemberLeft, Group: e.ID, Source: sources[e.ID]}.Text()
			return slices.ContainsFunc(marks, func(s state.Suspicion) bool { return s.Person == person && s.Fact == fact })
		})
	}
	for id, n := range lost {
		limit := max(h.source.Rules.GateFloor, (len(h.members(id))+n)*h.source.Rules.GatePercent/100)
		if n > limit || n > 5 && (len(h.members(id)) == 0 || n > len(h.members(id))) {
			h.rt.Fatalf("a group lost %d and %d are left: more than the gate lets pass", n, len(h.members(id)))
		}
	}
	if report.Proof.Complete {
		h.read()
	} else {
		clear(h.honest) // whatever was told may count only when it is told again
	}
}

// checkMoves checks who left and who joined.
func (h *groupHistory) checkMoves(t *team, left, joined []state.ID, suspected func(person string) bool) {
	person := func(id state.ID) (state.Record, *soul) {
		record, err := h.store.Record(h.t.Context(), acme, state.KindAccount, id)
		if err != nil {
			h.rt.Fatal(err)
		}
		return record, h.dir.find(record.Link)
	}
	for _, id := range left {
		record, s := person(id)
		switch {
		case s == nil || !s.entitled() || !record.InForce:
			h.rt.Fatalf("%s was removed from %s and is inactive, or nobody", record.Link, t.name)
		case !h.lies[t] && slices.Contains(t.members, s.id):
			h.rt.Fatalf("%s was removed from %s and is in it", s.id, t.name)
		case h.lies[t] && !h.truly[seatOf{t.id, s.id}]:
			h.rt.Fatalf("%s was removed from %s, whose last reading had them", s.id, t.name)
		case !suspected(s.id):
			h.rt.Fatalf("%s was removed from %s at first sight", s.id, t.name)
		}
	}
	for _, id := range joined {
		if record, s := person(id); s == nil || !s.entitled() || !slices.Contains(t.members, s.id) {
			h.rt.Fatalf("%s was added to %s and is not in it, or inactive", record.Link, t.name)
		}
	}
}

// agrees checks that the groups are in the end what they are at the source, those apart who keep their seats.
func (h *groupHistory) agrees() {
	if report := h.history.honest(); report.Run.Verdict != state.VerdictComplete {
		return
	}
	h.clock.hour()
	marks, err := h.store.Suspicions(h.t.Context(), acme)
	if err != nil {
		h.rt.Fatal(err)
	}
	for _, group := range h.pushed {
		record, err := h.store.Record(h.t.Context(), acme, state.KindGroup, group)
		if err != nil {
			h.rt.Fatal(err)
		}
		source := externalOf(h.t, record)
		for _, s := range marks {
			if fact, ok := plan.ReadMemberFact(s.Fact); ok && fact.Kind == plan.MemberTie && fact.Group == group {
				source = s.Person
			}
		}
		i := slices.IndexFunc(h.dir.teams, func(t *team) bool { return t.id == source })
		if i < 0 {
			continue // its tie was given up while the source did not tell of it, and its name is another's by now
		}
		members := h.members(group)
		for _, s := range h.dir.souls {
			account, ok := h.linked(s)
			if !ok || !s.entitled() || !account.InForce || h.nameless(s) {
				continue
			}
			name := strings.TrimSuffix(decode(h.t, string(account.Resource)).Get("userName").Text, "@acme.example")
			if in := slices.Contains(h.dir.teams[i].members, s.id); in != slices.Contains(members, name) {
				h.rt.Fatalf("%s in %s: at the source %t, here %t", s.id, h.dir.teams[i].name, in, !in)
			}
		}
	}
}

// externalOf is the externalId of a record.
func externalOf(t testing.TB, r state.Record) string {
	v, err := scim.ReadJSON(r.Resource, scim.DefaultLimits)
	if err != nil {
		t.Fatal(err)
	}
	return v.Get("externalId").Text
}

// TestGroupHistories lets people, groups, pushes and providers do what they like, and checks after every run that nobody was removed from
// a group without two witnesses or added to one that they are not in, that groups are neither made nor purged, that gates held and dry
// runs foretell, and in the end that the groups are those of the source.
func TestGroupHistories(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		h := newGroupHistory(t, rt)
		rt.Repeat(map[string]func(*rapid.T){
			"change":    h.change,
			"push":      h.pushSomething,
			"regroup":   h.regroup,
			"push seat": h.pushSeat,
			"wait": func(rt *rapid.T) {
				h.clock.pass(time.Duration(rapid.IntRange(1, 30*60).Draw(rt, "minutes")) * time.Minute)
			},
			"honest":  func(rt *rapid.T) { h.rt = rt; h.watched(func() { h.history.honest() }) },
			"faulty":  func(rt *rapid.T) { h.watched(func() { h.faulty(rt) }) },
			"misread": h.misread,
		})
		h.rt = rt
		h.settled()
		h.agrees()
	})
}

// TestAnyLostPageOfAGroup: whichever page of a group is lost without a word, nobody leaves it; and nobody after the next run.
func TestAnyLostPageOfAGroup(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		names := crowd(rapid.IntRange(1, 30).Draw(rt, "people"))
		w, sales, group := grouped(t, names...)
		w.dir.pageSize = rapid.IntRange(1, 10).Draw(rt, "page size")
		for range rapid.IntRange(1, 3).Draw(rt, "times") {
			sales.dropped = rapid.IntRange(1, 5).Draw(rt, "page")
			w.scheduled()
			w.clock.hour()
			sales.dropped = 0
			w.scheduled()
			w.clock.hour()
		}
		if got := w.members(group); !slices.Equal(got, names) {
			rt.Fatalf("members %v, want %v", got, names)
		}
	})
}
