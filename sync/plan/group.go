package plan

import (
	"cmp"
	"encoding/json"
	"fmt"
	"hash"
	"slices"
	"strconv"
	"strings"
	"time"

	"rollcall/state"
	"rollcall/state/scim"
)

// Group is what a change of memberships is about: a group that the provider pushed and the group at the source that it is a copy of.
// Such a change names no person, no account and no version: memberships commute.
type Group struct {
	ID      state.ID `json:"id"`
	Source  string   `json:"source"`             // object id of the group at the source
	Size    int      `json:"size"`               // members recorded when the source's group was read
	Extra   int      `json:"extra,omitempty"`    // of a removal: of these, people whom the source's group has not, also those who are not confirmed yet
	Removed int      `json:"removed,omitempty"`  // of a removal: removed by pulls within the last 24 hours, approved ones apart
	Members []Member `json:"members"`            // to be added, or to be removed; by name
	LeftOut int      `json:"left_out,omitempty"` // members beyond those listed: only in the record of a run
}

// Member is somebody who joins a group or leaves it.
type Member struct {
	Account state.ID `json:"account"`
	Person  string   `json:"person"` // object id
	Name    string   `json:"name"`
}

// ofGroup tells whether an action is about a group's members.
func (a Action) ofGroup() bool { return a == AddMembers || a == RemoveMembers || a == UpdateGroup }

// fault says what keeps a change of memberships from being one. One that takes earlier ones back needs nobody at the source.
func (g *Group) fault(undone bool) string {
	nobody := func(m Member) bool { return m.Account == "" || m.Person == "" && !undone }
	switch {
	case g.ID == "" || g.Source == "" && !undone:
		return "does not name its group here and at the source"
	case len(g.Members) == 0 || slices.ContainsFunc(g.Members, nobody):
		return "does not name its members"
	case g.LeftOut != 0:
		return "does not name all of its members"
	case g.Size < 0 || g.Extra < 0 || g.Removed < 0:
		return "has sums that are none"
	}
	return ""
}

func (g *Group) sort() {
	slices.SortFunc(g.Members, func(a, b Member) int {
		return cmp.Or(strings.Compare(scim.Fold(a.Name), scim.Fold(b.Name)), strings.Compare(string(a.Account), string(b.Account)))
	})
}

// compareGroups orders changes that are alike in everything else.
func compareGroups(a, b *Group) int {
	if a == nil || b == nil || len(a.Members) == 0 || len(b.Members) == 0 {
		return 0
	}
	return cmp.Or(strings.Compare(string(a.ID), string(b.ID)), strings.Compare(string(a.Members[0].Account), string(b.Members[0].Account)))
}

// sum adds what would become of the group to a hash.
func (g *Group) sum(h hash.Hash) {
	fmt.Fprintf(h, "%s\x00%s\x00", g.ID, g.Source)
	for _, m := range g.Members {
		fmt.Fprintf(h, "%s\x00", m.Account)
	}
}

// shownMembers is how many members of a change are told by name.
const shownMembers = 20

// Brief returns the change with no more members than people read, the others counted.
func (c Change) Brief() Change {
	if c.Group == nil || len(c.Group.Members) <= shownMembers {
		return c
	}
	brief := *c.Group
	brief.Members, brief.LeftOut = brief.Members[:shownMembers], brief.LeftOut+len(brief.Members)-shownMembers
	c.Group = &brief
	return c
}

// told says who the members are.
func (g *Group) told() []Value {
	var values []Value
	for _, m := range g.Members[:min(len(g.Members), shownMembers)] {
		values = append(values, Value{Label: "member", After: cmp.Or(m.Name, m.Person)})
	}
	if more := len(g.Members) - len(values) + g.LeftOut; more > 0 {
		values = append(values, Value{Label: "more members", After: strconv.Itoa(more)})
	}
	return values
}

// smallGroup is how many members a group may lose though nobody were left.
const smallGroup = 5

// holdMembers holds removals of memberships by themselves: all those of a group that would lose more than the gate lets pass, more than
// half, or, of more than a few, the last one; and all of them, when together they are too many. Those who are not confirmed yet count
// as well: a group of which much is missing has not been read as it is.
func (p *Plan) holdMembers(rules Rules) {
	together := limitOf(rules, p.Counts.Groups.Members)
	for i := range p.Changes {
		c := &p.Changes[i]
		if c.Action != RemoveMembers || c.Held || c.Group == nil {
			continue
		}
		switch g := c.Group; {
		case g.Extra > smallGroup && g.Extra >= g.Size:
			c.HeldBecause = HoldEmptied
		case g.Extra+g.Removed > limitOf(rules, g.Size+g.Removed), g.Extra > smallGroup && 2*(g.Extra+g.Removed) > g.Size+g.Removed:
			c.HeldBecause = HoldGroup
		case p.Counts.Groups.Extra > together:
			c.HeldBecause = HoldMembers
		}
		c.Held = c.HeldBecause != ""
	}
}

// limitOf is how many of so many may go at once.
func limitOf(rules Rules, of int) int { return max(rules.GateFloor, of*rules.GatePercent/100) }

// MembersOf reads who joined and who left a group by one entry of its journal.
func MembersOf(e *state.Entry) (joined, left []state.ID) {
	read := func(object []byte) (members struct{ Added, Removed []state.ID }) {
		var kept struct {
			Members *struct{ Added, Removed []state.ID }
		}
		kept.Members = &members
		if json.Unmarshal(object, &kept) != nil {
			return struct{ Added, Removed []state.ID }{}
		}
		return members
	}
	return read(e.After).Added, read(e.Before).Removed
}

// Pushed returns when the newest push added or removed each member of a group, by the group's journal.
func Pushed(entries []state.Entry) map[state.ID]time.Time {
	pushed := make(map[state.ID]time.Time)
	for i := range entries {
		e := &entries[i]
		if e.Cause.Kind != state.CausePush {
			continue
		}
		joined, left := MembersOf(e)
		for _, id := range append(joined, left...) {
			pushed[id] = e.At
		}
	}
	return pushed
}

// RemovedByPulls counts the members whom pulls removed from a group since a time, by the group's journal, and who are not back. Removals that
// somebody approved are not among them.
func RemovedByPulls(entries []state.Entry, since time.Time) int {
	gone := make(map[state.ID]bool)
	for i := range entries {
		e := &entries[i]
		if e.At.Before(since) {
			continue
		}
		joined, left := MembersOf(e)
		for _, id := range joined {
			delete(gone, id)
		}
		for _, id := range left {
			if e.Cause.Kind == state.CausePull {
				gone[id] = true
			}
		}
	}
	return len(gone)
}

// MemberFact is what is remembered of a membership, or of a group's tie. Its person is the member, or of a tie the group at the source.
type MemberFact struct {
	Kind   string   // one of the Member constants
	Group  state.ID // recorded
	Source string   // object id of the group at the source
}

// MemberFact.Kind.
const (
	MemberLeft  = "left"  // a pull found the person in the recorded group and not in the source's
	MemberJoin  = "join"  // somebody discarded that the person be added
	MemberLeave = "leave" // somebody discarded that the person be removed
	MemberTie   = "tie"   // the recorded group was found by its name to be the source's
	MemberLost  = "lost"  // a pull of everyone did not pass the group to which it is tied
)

const memberPrefix = "member:"

// Text is the fact as it is remembered.
func (f MemberFact) Text() string {
	return memberPrefix + f.Kind + ":" + string(f.Group) + ":" + f.Source
}

// ReadMemberFact reads what Text wrote; false of other facts.
func ReadMemberFact(text string) (MemberFact, bool) {
	rest, ok := strings.CutPrefix(text, memberPrefix)
	if !ok {
		return MemberFact{}, false
	}
	kind, rest, _ := strings.Cut(rest, ":")
	group, source, ok := strings.Cut(rest, ":")
	return MemberFact{Kind: kind, Group: state.ID(group), Source: source}, ok
}

// Discards lists what is to be remembered when somebody discards a change: of memberships each member for itself.
func (c *Change) Discards() []state.Suspicion {
	if c.Group == nil {
		return []state.Suspicion{{Person: c.Remembered(), Fact: DiscardedFact(c)}}
	}
	fact := MemberFact{Kind: MemberJoin, Group: c.Group.ID, Source: c.Group.Source}
	if c.Removal() {
		fact.Kind = MemberLeave
	}
	marks := make([]state.Suspicion, len(c.Group.Members))
	for i, m := range c.Group.Members {
		marks[i] = state.Suspicion{Person: m.Person, Fact: fact.Text()}
	}
	return marks
}
