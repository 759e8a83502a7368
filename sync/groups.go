package sync

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"rollcall/connectors"
	"rollcall/state"
	"rollcall/state/scim"
	"rollcall/sync/plan"
)

// What is done about groups: Source.Groups.
const (
	GroupsPushed = "pushed" // the memberships of groups that the provider pushed are repaired
	GroupsOff    = "off"    // groups are left to pushes; "" is the same
)

// maxMoves bounds how many people a run adds to groups, and how many it considers for removal; the rest is left for the next.
const maxMoves = 20_000

// groups are the groups that were pushed, and what a pull says of their members. Of members only those who differ are kept, by their
// accounts' positions in the index. A group of the source is a recorded one's by its object id, where that was pushed as externalId, or by
// its name alone. Then the tie is remembered, so that the name, given to another group later, does not lead there.
type groups struct {
	pushed     []pushed // in row order
	byID       map[state.ID]int
	byExternal map[string]int // by object id at the source, as byTie and met
	byTie      map[string]int
	byName     map[string]int
	met        map[string]bool // groups that the pull passed

	reading *reading // of the group whose pages come at present
	seats   []uint8  // by position: who has which seat in this group
	taken   []int32  // the positions of those who have any

	joining, leaving int // memberships considered in this run
	outdated         []state.Suspicion
}

// pushed is a recorded group.
type pushed struct {
	id       state.ID
	name     string
	external string
	tied     string // object id of the source's group, of one that was found by its name earlier
	shared   bool   // another recorded group has the same externalId
	namesake bool   // a group of the source has its name and is not it
	claims   int    // how often the pull passed a group that is this one's
	reading  *reading
	compared bool
}

// reading is what the pages of one group say, against who was a member when the first of them came.
type reading struct {
	source  string
	group   int // index into pushed; -1: none of ours
	tie     plan.How
	whole   bool
	size    int // members recorded
	missing []newcomer
	extra   []int32 // linked members whom the source's group has not, ascending
}

// newcomer is a person in a group at the source whose account, at a position, is no member.
type newcomer struct {
	at     int32
	person string
}

const (
	seatRecorded uint8 = 1 << iota
	seatListed
)

// readGroups reads the groups of a source, without their members. nil: there are none, or they are left to pushes.
func readGroups(ctx context.Context, store Reader, source Source, m *marks) (*groups, error) {
	if source.Groups != GroupsPushed {
		return nil, nil
	}
	g := &groups{
		byID: make(map[state.ID]int), byExternal: make(map[string]int), byTie: make(map[string]int), byName: make(map[string]int),
		met: make(map[string]bool),
	}
	var fault error
	err := store.Scan(ctx, source.Scope, state.KindGroup, 0, 0, 0, func(r state.Record) bool {
		fault = g.add(r)
		return fault == nil
	})
	if err = errors.Join(err, fault); err != nil {
		return nil, fmt.Errorf("read the groups: %w", err)
	}
	if len(g.pushed) == 0 {
		return nil, nil
	}
	for source, list := range m.earlier {
		for _, s := range list {
			if fact, ok := plan.ReadMemberFact(s.Fact); ok && fact.Kind == plan.MemberTie {
				g.tie(fact.Group, source)
			}
		}
	}
	return g, nil
}

func (g *groups) add(r state.Record) error {
	resource, err := scim.ReadJSON(r.Resource, scim.DefaultLimits)
	if err != nil {
		return fmt.Errorf("read the recorded resource of %s: %w", r.ID, err)
	}
	i := len(g.pushed)
	added := pushed{id: r.ID, name: r.Name, external: resource.Get("externalId").Text}
	if added.external != "" {
		if other, ok := g.byExternal[added.external]; ok {
			added.shared, g.pushed[other].shared = true, true
		}
		g.byExternal[added.external] = i
	}
	g.byID[r.ID] = i
	if r.Name != "" {
		g.byName[scim.Fold(r.Name)] = i
	}
	g.pushed = append(g.pushed, added)
	return nil
}

// tie makes an earlier tie good, unless the group has gone or has been pushed with its object id since.
func (g *groups) tie(group state.ID, source string) {
	if i, ok := g.byID[group]; ok && g.pushed[i].external == "" {
		g.pushed[i].tied = source
		g.byTie[source] = i
	}
}

// find returns the recorded group that a group of the source is.
func (g *groups) find(page *connectors.GroupPage) (i int, tie plan.How, ok bool) {
	if i, ok := g.byExternal[page.ID]; ok {
		return i, plan.ByExternalID, !g.pushed[i].shared
	}
	if i, ok := g.byTie[page.ID]; ok {
		return i, plan.ByMatch, true
	}
	i, ok = g.byName[scim.Fold(page.Name)]
	if ok && (g.pushed[i].external != "" || g.pushed[i].tied != "") {
		g.pushed[i].namesake = true
		return 0, "", false
	}
	return i, plan.ByMatch, ok
}

// ids are the groups' object ids at the source, as far as they are known.
func (g *groups) ids() []string {
	var ids []string
	for i := range g.pushed {
		if id := g.pushed[i].external + g.pushed[i].tied; id != "" { // at most one of them is there
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return slices.Compact(ids)
}

// meet takes down that a person was read who ought to have access: enabled, and assigned where that is asked for. Nobody else joins
// a group by a pull, or leaves one.
func (p *planner) meet(read *connectors.Person) {
	f := read.Facts
	if p.groups == nil || f.Enabled != connectors.Yes || f.SoftDeleted == connectors.Yes || f.OutOfScope != connectors.No ||
		p.want.Scope == connectors.Assigned && f.Assigned != connectors.Yes {
		return
	}
	p.positions = p.index.byLink.find(p.positions[:0], p.index.links, p.index.hash(read.ID))
	if len(p.positions) == 1 {
		p.index.mark(p.positions[0], flagEntitled)
	}
}

// groupPage compares a part of a group's members with those recorded.
func (p *planner) groupPage(ctx context.Context, page connectors.GroupPage) error {
	g := p.groups
	if g.reading == nil || g.reading.source != page.ID {
		if err := p.openGroup(ctx, &page); err != nil {
			return err
		}
	}
	if g.reading.group >= 0 {
		for _, person := range page.Members {
			p.seat(person)
		}
	}
	if page.Last {
		g.reading.whole = true
		p.closeGroup()
	}
	return nil
}

// openGroup begins a group. One that comes a second time, or to which another leads as well, is not read: which of them is meant is not
// for us to say.
func (p *planner) openGroup(ctx context.Context, page *connectors.GroupPage) error {
	g := p.groups
	p.closeGroup()
	g.reading = &reading{source: strings.Clone(page.ID), group: -1}
	g.met[g.reading.source] = true
	i, tie, ok := g.find(page)
	if !ok {
		return nil
	}
	group := &g.pushed[i]
	if group.claims++; group.claims > 1 {
		return nil
	}
	if g.seats == nil {
		g.seats = make([]uint8, p.index.len())
	}
	err := p.store.Members(ctx, p.source.Scope, group.id, func(member state.Ref) bool {
		g.reading.size++
		if member.Kind == state.KindAccount {
			p.positions = p.index.byID.find(p.positions[:0], p.index.ids, p.index.hash(string(member.ID)))
			for _, at := range p.positions {
				g.take(at, seatRecorded)
			}
		}
		return true
	})
	switch {
	case errors.Is(err, state.ErrNotFound): // taken away since the run began
		return nil
	case err != nil:
		return fmt.Errorf("read the members of group %s: %w", group.id, err)
	}
	g.reading.group, g.reading.tie = i, tie
	group.reading = g.reading
	return nil
}

func (g *groups) take(at int, seat uint8) {
	if g.seats[at] == 0 {
		g.taken = append(g.taken, int32(at))
	}
	g.seats[at] |= seat
}

// seat takes down that the source's group has a person.
func (p *planner) seat(person string) {
	g := p.groups
	p.positions = p.index.byLink.find(p.positions[:0], p.index.links, p.index.hash(person))
	for _, at := range p.positions {
		if g.seats[at] == 0 && p.index.has(at, flagInForce) && len(g.reading.missing) < maxMoves {
			g.reading.missing = append(g.reading.missing, newcomer{int32(at), strings.Clone(person)})
		}
		g.take(at, seatListed)
	}
}

// closeGroup ends the group at hand, and finds who is recorded in it and was not listed. Of one that was not read whole nobody asks.
func (p *planner) closeGroup() {
	g := p.groups
	for _, at := range g.taken {
		if g.seats[at] == seatRecorded && p.index.links[at] != 0 {
			g.reading.extra = append(g.reading.extra, at)
		}
		g.seats[at] = 0
	}
	if g.reading != nil {
		slices.Sort(g.reading.extra)
	}
	g.reading, g.taken = nil, g.taken[:0]
}
