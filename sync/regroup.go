package sync

import (
	"context"
	"fmt"
	"slices"
	"time"

	"rollcall/state"
	"rollcall/sync/plan"
)

// regroup plans what would make the members of pushed groups those of the source's groups, once it is known who was read. Its rules:
//
//   - nothing is done about a group that was not read whole, or that cannot be told from another; groups are neither made nor purged;
//   - people join and leave who were read in this pull as enabled and in scope, have an active account linked to them, and are not pinned;
//     whoever is inactive, unknown or not linked keeps their seat;
//   - to leave is to lose access: it takes complete snapshots of two separate runs that found the person in the source and not in the
//     source's group, with no push about the membership in between;
//   - a push younger than settle, or than the run, outweighs what was read;
//   - protected people are held by themselves, and all who would leave a group that would lose too many: see plan.Plan.Hold.
func (p *planner) regroup(ctx context.Context) error {
	g := p.groups
	if g == nil {
		return nil
	}
	p.closeGroup() // one without a last page was not read whole
	if len(g.met) == 0 {
		if p.everyone() {
			p.plan.Notice(plan.Notice{Kind: plan.GroupUnread, Detail: "the provider named no group that it pushes"})
		}
		return nil
	}
	for i := range g.pushed {
		group := &g.pushed[i]
		if group.tied != "" && p.lacks(group.tied) {
			p.marks.note(group.tied, plan.MemberFact{Kind: plan.MemberLost, Group: group.id, Source: group.tied}.Text())
		}
		if kind, detail := p.objection(group); kind != "" {
			p.groupNotice(group, kind, detail)
			continue
		}
		if r := group.reading; r == nil || !r.whole || r.tie == plan.ByMatch && group.tied == "" && !p.everyone() {
			continue
		}
		if err := p.compareMembers(ctx, group); err != nil {
			return err
		}
	}
	return nil
}

// objection says why a pushed group cannot be compared, if that is worth telling.
func (p *planner) objection(group *pushed) (kind plan.NoticeKind, detail string) {
	switch {
	case group.shared && p.groups.met[group.external]:
		return plan.Conflict, "several pushed groups have the same externalId"
	case group.claims > 1:
		return plan.Conflict, "several groups of the source fit, or one that came twice"
	case group.claims == 0 && !p.everyone():
		return "", ""
	case group.claims == 0 && group.namesake:
		return plan.NameReused, "another group of the source has the name"
	case group.claims == 0:
		return plan.GroupLost, ""
	case group.reading != nil && !group.reading.whole && p.whole:
		return plan.GroupUnread, ""
	}
	return "", ""
}

func (p *planner) groupNotice(group *pushed, kind plan.NoticeKind, detail string) {
	p.plan.Notice(plan.Notice{Kind: kind, Group: group.id, Name: group.name, Detail: detail})
}

// regrouping is the comparison of one group.
type regrouping struct {
	group   *pushed
	pushes  map[state.ID]time.Time // the newest about each membership
	recent  time.Time              // from then on they outweigh what was read
	reasons map[plan.NoticeKind]int
	joins   []plan.Member
	leaves  []plan.Member
	guarded []plan.Member // leave as well, but are protected
	since   plan.Witness  // the newest of the earlier runs that found those missing who leave
	extra   int           // may have to leave, those not confirmed among them
}

// compareMembers plans for one group that was read whole.
func (p *planner) compareMembers(ctx context.Context, group *pushed) error {
	r := group.reading
	group.compared = true
	p.plan.Counts.Groups.Compared++
	p.plan.Counts.Groups.Members += r.size
	if r.tie == plan.ByMatch {
		p.marks.note(r.source, plan.MemberFact{Kind: plan.MemberTie, Group: group.id, Source: r.source}.Text())
	}
	missing := slices.DeleteFunc(slices.Clone(r.missing), func(n newcomer) bool { return !p.mayMove(int(n.at)) })
	var extra []int32
	if p.whole {
		extra = slices.DeleteFunc(slices.Clone(r.extra), func(at int32) bool { return !p.mayMove(int(at)) })
	}
	if len(missing)+len(extra) == 0 {
		return nil
	}
	entries, err := p.store.EntriesOf(ctx, p.source.Scope, group.id)
	if err != nil {
		return fmt.Errorf("read the journal of group %s: %w", group.id, err)
	}
	if err := p.pulse(ctx, Progress{Step: StepPlan}); err != nil {
		return err
	}
	c := regrouping{group: group, pushes: plan.Pushed(entries), recent: p.started, reasons: make(map[plan.NoticeKind]int), extra: len(extra)}
	if settled := p.now().Add(-p.source.Rules.Settle); settled.Before(c.recent) {
		c.recent = settled
	}
	for _, n := range missing {
		if err := p.join(ctx, &c, n); err != nil {
			return err
		}
	}
	for _, at := range extra {
		if err := p.leave(ctx, &c, int(at)); err != nil {
			return err
		}
	}
	p.planMembers(&c, plan.RemovedByPulls(entries, p.started.Add(-24*time.Hour)))
	return nil
}

// mayMove tells whether the account at a position may join groups and leave them.
func (p *planner) mayMove(at int) bool {
	return p.index.has(at, flagInForce) && p.index.has(at, flagEntitled) && !p.index.has(at, flagPinned)
}

// mover reads the account at a position, or says what keeps it where it is.
func (p *planner) mover(ctx context.Context, c *regrouping, at int, discard string) (plan.Member, *plan.Account, error) {
	record, err := p.row(ctx, at)
	if err != nil {
		return plan.Member{}, nil, err
	}
	if record == nil {
		c.reasons[plan.Moved]++
		return plan.Member{}, nil, nil
	}
	account, err := open(*record)
	if err != nil {
		return plan.Member{}, nil, err
	}
	fact := plan.MemberFact{Kind: discard, Group: c.group.id, Source: c.group.reading.source}
	switch pushed, ok := c.pushes[record.ID]; {
	case ok && !pushed.Before(c.recent):
		c.reasons[plan.Fresh]++
		return plan.Member{}, nil, nil
	case p.blocked[record.ID]: // by whose name somebody else may be meant
		c.reasons[plan.NameReused]++
		return plan.Member{}, nil, nil
	case p.marks.find(record.Link, fact.Text()) != nil:
		c.reasons[plan.Discarded]++
		return plan.Member{}, nil, nil
	}
	return plan.Member{Account: record.ID, Person: record.Link, Name: account.Resource.Get("userName").Text}, account, nil
}

// join plans that somebody be added.
func (p *planner) join(ctx context.Context, c *regrouping, n newcomer) error {
	if p.groups.joining == maxMoves {
		return nil
	}
	member, account, err := p.mover(ctx, c, int(n.at), plan.MemberJoin)
	if err != nil || account == nil || member.Person != n.person {
		return err
	}
	p.groups.joining++
	c.joins = append(c.joins, member)
	return nil
}

// leave plans that somebody be removed, if an earlier run found the same.
func (p *planner) leave(ctx context.Context, c *regrouping, at int) error {
	if p.groups.leaving == maxMoves {
		return nil
	}
	member, account, err := p.mover(ctx, c, at, plan.MemberLeave)
	if err != nil {
		return err
	}
	if account == nil {
		c.extra--
		return nil
	}
	p.groups.leaving++
	fact := plan.MemberFact{Kind: plan.MemberLeft, Group: c.group.id, Source: c.group.reading.source}.Text()
	earlier := p.marks.find(member.Person, fact)
	p.marks.note(member.Person, fact)
	pushed, ok := c.pushes[member.Account]
	switch {
	case earlier == nil:
		c.reasons[plan.Leaving]++
	case ok && !pushed.Before(earlier.At): // in and out and in again: what was found then says nothing about now
		p.groups.outdated = append(p.groups.outdated, *earlier)
		c.reasons[plan.Leaving]++
	default:
		if earlier.At.After(c.since.At) {
			c.since = plan.Witness{Fact: plan.Fact(plan.ReasonMemberExtra), How: plan.ByAbsence, Run: earlier.Run, At: earlier.At}
		}
		if p.decider.Protected(account) {
			c.guarded = append(c.guarded, member)
		} else {
			c.leaves = append(c.leaves, member)
		}
	}
	return nil
}

// planMembers takes what was found about a group into the plan.
func (p *planner) planMembers(c *regrouping, removed int) {
	p.plan.Counts.Groups.Extra += c.extra
	p.plan.Counts.Groups.Waiting += c.reasons[plan.Leaving]
	for kind, n := range c.reasons {
		p.groupNotice(c.group, kind, fmt.Sprintf("%d of its members", n))
	}
	now := plan.Witness{How: plan.ByPull, Run: p.run, At: p.started}
	change := func(action plan.Action, reason plan.Reason, members []plan.Member) plan.Change {
		now.Fact = plan.Fact(reason)
		return plan.Change{
			Action: action, Name: c.group.name, Reason: reason, Witnesses: []plan.Witness{now},
			Group: &plan.Group{ID: c.group.id, Source: c.group.reading.source, Size: c.group.reading.size, Members: members},
		}
	}
	if len(c.joins) > 0 {
		p.plan.Add(change(plan.AddMembers, plan.ReasonMemberMissing, c.joins))
	}
	now.How = plan.ByAbsence
	for _, some := range [][]plan.Member{c.leaves, c.guarded} {
		if len(some) == 0 {
			continue
		}
		leave := change(plan.RemoveMembers, plan.ReasonMemberExtra, some)
		leave.Witnesses = append([]plan.Witness{c.since}, leave.Witnesses...)
		leave.Group.Extra, leave.Group.Removed = c.extra, removed
		p.plan.Add(leave)
	}
	if n := len(p.plan.Changes); len(c.guarded) > 0 {
		p.plan.Changes[n-1].Held, p.plan.Changes[n-1].HeldBecause = true, plan.HoldProtected
	}
}

// forgotten lists what is remembered of memberships and ties and that this run found to be so no more.
func (p *planner) forgotten() []state.Suspicion {
	g := p.groups
	if g == nil {
		return nil
	}
	list := g.outdated
	for person, marks := range p.marks.earlier {
		for _, s := range marks {
			if fact, ok := plan.ReadMemberFact(s.Fact); ok && p.outlived(person, fact) {
				list = append(list, s)
			}
		}
	}
	return list
}

// outlived tells whether a fact is over: a tie whose group the source did not tell of in two runs that saw everyone, or a membership
// that does not differ any more.
func (p *planner) outlived(person string, fact plan.MemberFact) bool {
	g := p.groups
	i, ok := g.byID[fact.Group]
	if !ok {
		return true
	}
	group := &g.pushed[i]
	switch {
	case fact.Kind == plan.MemberTie:
		lost := plan.MemberFact{Kind: plan.MemberLost, Group: fact.Group, Source: fact.Source}.Text()
		return group.tied != fact.Source || p.lacks(fact.Source) && p.marks.find(person, lost) != nil
	case fact.Kind == plan.MemberLost:
		return group.tied != fact.Source || g.met[fact.Source] || p.lacks(fact.Source) && p.marks.find(person, fact.Text()) != nil
	case !group.compared:
		return fact.Kind == plan.MemberLeft && p.lacks(fact.Source)
	case group.reading.source != fact.Source:
		return true
	}
	differs := func(at int) bool {
		if fact.Kind == plan.MemberJoin {
			return slices.ContainsFunc(group.reading.missing, func(n newcomer) bool { return int(n.at) == at })
		}
		_, found := slices.BinarySearch(group.reading.extra, int32(at))
		return found
	}
	p.positions = p.index.byLink.find(p.positions[:0], p.index.links, p.index.hash(person))
	return !slices.ContainsFunc(p.positions, differs)
}

// lacks tells whether the source, which told of groups, did not tell of this one.
func (p *planner) lacks(source string) bool {
	return p.everyone() && len(p.groups.met) > 0 && !p.groups.met[source]
}

// rejudgeGroup decides anew about memberships of an earlier plan. The group itself cannot be looked at: that the last run found the
// same is for the caller to see to. An empty Outcome: the change stands.
func (p *planner) rejudgeGroup(ctx context.Context, c *plan.Change, madeAt time.Time) (ChangeResult, error) {
	moved := ChangeResult{Outcome: ChangeMoved, Detail: "the group, or a member's account, has changed since the plan was made"}
	entries, err := p.store.EntriesOf(ctx, p.source.Scope, c.Group.ID)
	if err != nil {
		return ChangeResult{}, fmt.Errorf("read the journal of group %s: %w", c.Group.ID, err)
	}
	pushes := plan.Pushed(entries)
	for _, m := range c.Group.Members {
		if pushed, ok := pushes[m.Account]; ok && !pushed.Before(madeAt) {
			return moved, nil
		}
		found, err := p.store.Find(ctx, p.source.Scope, state.KindAccount, state.NewMatchKey(state.MatchLink, m.Person))
		if err != nil {
			return ChangeResult{}, fmt.Errorf("find a member's account: %w", err)
		}
		if len(found) != 1 || found[0].ID != m.Account || found[0].Pinned || !found[0].InForce {
			return moved, nil
		}
	}
	return ChangeResult{}, nil
}
