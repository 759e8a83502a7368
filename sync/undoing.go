package sync

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"rollcall/state"
	"rollcall/sync/plan"
)

// undoing makes the plan of an undo: what the journal says was done, turned round.
type undoing struct {
	*restorer
	store  Reader
	source Source
	undo   Undo
	trails map[state.ID]*trail // those that are not in the plan yet
	turns  map[state.ID]int64  // of those in the plan: see trail.number
	raised map[state.ID]bool   // tombstones that the plan brings back
	names  map[string]string   // of attributes, each kept once
	cause  *state.Cause        // the last that was read of somebody else, which most share
	plan   plan.Plan
}

// trail is what is to be taken back of one record: what the last entries of its journal did, as far as nobody else has come between.
// There may be as many as the source has records: each is small, and is dropped once it is in the plan.
type trail struct {
	id      state.ID
	kind    state.Kind
	open    bool               // nobody else came after it
	parted  bool               // somebody else came between
	number  int64              // of the last entry that is to be taken back
	version int64              // that this entry made
	began   state.Verb         // of the first
	name    string             // as the last entry has it
	was     []part             // before the first
	other   *state.Cause       // of the last change by somebody else
	seats   map[state.ID]*seat // of a group
}

// part is what something of a record was, by name as in the journal; nil: it was not there.
type part struct {
	name string
	was  json.RawMessage
}

// seat is one membership, judged by itself: what became of others does not matter to it.
type seat struct {
	open  bool
	was   bool // a member, before
	other *state.Cause
}

// read goes through the journal.
func (x *undoing) read(ctx context.Context) error {
	return entriesSince(ctx, x.store, x.source.Scope.Tenant, x.undo.Since, func(e *state.Entry) error {
		if e.Scope != x.source.Scope {
			return nil
		}
		t, takes := x.trails[e.ID], x.undo.takes(e)
		if t == nil {
			if !takes {
				return nil
			}
			t = &trail{id: e.ID, kind: e.Kind}
			x.trails[t.id] = t
		}
		if t.name != e.Name {
			t.name = e.Name
		}
		if e.Kind == state.KindGroup {
			x.sit(t, e, takes)
		}
		if e.Verb == state.VerbMembers { // which says nothing of the group itself
			if takes {
				t.number = e.Number
			}
			return nil
		}
		if !takes {
			t.parted = t.parted || t.open
			t.open, t.other = false, x.by(e.Cause)
			return nil
		}
		return x.fold(t, e)
	})
}

// by keeps a cause, once where many entries in a row have it.
func (x *undoing) by(c state.Cause) *state.Cause {
	if x.cause == nil || *x.cause != c {
		x.cause = &c
	}
	return x.cause
}

// fold takes an entry down.
func (x *undoing) fold(t *trail, e *state.Entry) error {
	if !t.open {
		t.open, t.began, t.was = true, e.Verb, nil
	}
	t.number, t.version = e.Number, e.Version
	var before, after map[string]json.RawMessage
	if err := errors.Join(json.Unmarshal(e.Before, &before), json.Unmarshal(e.After, &after)); err != nil {
		return fmt.Errorf("read journal entry %d: %w", e.Number, err)
	}
	for _, side := range []map[string]json.RawMessage{before, after} {
		for name := range side {
			if !slices.ContainsFunc(t.was, func(p part) bool { return p.name == name }) {
				t.was = append(t.was, part{x.named(name), small(before[name])})
			}
		}
	}
	return nil
}

// named keeps the name of a part once, and not the text that it was read from.
func (x *undoing) named(name string) string {
	if kept, ok := x.names[name]; ok {
		return kept
	}
	name = strings.Clone(name)
	x.names[name] = name
	return name
}

// small keeps the values that most parts of an account's life have once.
func small(value json.RawMessage) json.RawMessage {
	for _, common := range []json.RawMessage{yes, no} {
		if bytes.Equal(value, common) {
			return common
		}
	}
	return value
}

// sit takes down who joined and left a group.
func (x *undoing) sit(t *trail, e *state.Entry, takes bool) {
	if t.seats == nil {
		t.seats = make(map[state.ID]*seat)
	}
	joined, left := plan.MembersOf(e)
	for i, id := range append(slices.Clone(joined), left...) {
		s := t.seats[id]
		switch {
		case !takes && s != nil:
			s.open, s.other = false, x.by(e.Cause)
		case takes && (s == nil || !s.open):
			t.seats[id] = &seat{open: true, was: i >= len(joined)}
		}
	}
}

// invert plans the contrary of all that was read: accounts first, with whom their memberships come back.
func (x *undoing) invert(ctx context.Context) error {
	invert := map[state.Kind]func(context.Context, state.ID, *trail) error{state.KindAccount: x.account, state.KindGroup: x.seated}
	for _, kind := range []state.Kind{state.KindAccount, state.KindGroup} {
		for _, id := range slices.Sorted(maps.Keys(x.trails)) {
			t := x.trails[id]
			if t.kind != kind {
				continue
			}
			if err := invert[kind](ctx, t.id, t); err != nil {
				return err
			}
			x.turns[t.id] = t.number
			delete(x.trails, id)
		}
	}
	return nil
}

// ours tells whether an earlier call did the same: it has been taken back already.
func (x *undoing) ours(c *state.Cause) bool {
	return c.Kind == state.CauseUndo && c.Note == x.plan.Undo
}

// account plans for one account.
func (x *undoing) account(ctx context.Context, id state.ID, t *trail) error {
	if !t.open && x.ours(t.other) {
		x.plan.Counts.Agree++
		return nil
	}
	record, err := x.find(ctx, id)
	switch {
	case errors.Is(err, state.ErrNotFound):
		x.keep(id, t, "the account has been purged")
		return nil
	case err != nil:
		return err
	case !t.open:
		x.keep(id, t, "changed since "+byWhom(*t.other))
		return nil
	case record.Version != t.version:
		x.keep(id, t, "changed since")
		return nil
	}
	if t.parted {
		x.keep(id, t, "only the last of it is taken back: before, it was changed "+byWhom(*t.other))
	}
	c, err := x.contrary(record, t)
	if err != nil {
		return err
	}
	if len(c.Fields) == 0 {
		x.plan.Counts.Agree++
		return nil
	}
	account, err := open(record)
	if err != nil {
		return err
	}
	if decider := (plan.Decider{Rules: x.source.Rules}); c.Removal() && decider.Protected(account) {
		c.Held, c.HeldBecause = true, plan.HoldProtected
	}
	if !record.DeletedAt.IsZero() {
		x.raised[id] = true
	}
	x.plan.Add(c)
	return nil
}

// contrary is the change that makes of a record what it was.
func (x *undoing) contrary(record state.Record, t *trail) (plan.Change, error) {
	now, name, err := x.parts(record)
	if err != nil {
		return plan.Change{}, err
	}
	was := maps.Clone(now)
	for _, p := range t.was {
		was[p.name] = p.was
		if p.was == nil {
			was[p.name] = lifeParts[p.name] // without a word of it, it was not so; of an attribute nil: there was none
		}
	}
	if t.began == state.VerbCreate || t.began == state.VerbRestore {
		was = maps.Clone(now)
		was["said"], was["inForce"], was["staged"] = no, no, no
	}
	was["deleted"] = no
	if bytes.Equal(now["protected"], yes) {
		was["protected"] = yes
	}
	c := plan.Change{
		Action: plan.Update, Account: t.id, Version: record.Version, Person: record.Link, Name: strings.Clone(name), Reason: plan.ReasonUndone, Witnesses: []plan.Witness{},
	}
	switch is, before := bytes.Equal(now["inForce"], yes), bytes.Equal(was["inForce"], yes); {
	case is && !before:
		c.Action = plan.Deactivate
	case before && !is:
		c.Action = plan.Reactivate
	}
	if bytes.Equal(now["said"], now["inForce"]) && bytes.Equal(was["said"], was["inForce"]) {
		now["active"], was["active"] = now["inForce"], was["inForce"]
		for _, side := range []map[string]json.RawMessage{now, was} {
			delete(side, "said")
			delete(side, "inForce")
		}
	}
	for _, part := range slices.Sorted(maps.Keys(was)) {
		if !bytes.Equal(now[part], was[part]) {
			c.Fields = append(c.Fields, plan.Field{Path: x.named(part), Before: orNull(now[part]), After: orNull(was[part])})
		}
	}
	if len(c.Fields) == 1 && c.Fields[0].Path == "link" {
		c.Action = plan.Link
	}
	return c, nil
}

func orNull(value json.RawMessage) json.RawMessage {
	if value == nil {
		return json.RawMessage("null")
	}
	return value
}

// seated plans for one group and its members.
func (x *undoing) seated(ctx context.Context, id state.ID, t *trail) error {
	present := make(map[state.ID]bool)
	err := x.store.Members(ctx, x.source.Scope, id, func(ref state.Ref) bool {
		present[ref.ID] = true
		return true
	})
	switch {
	case errors.Is(err, state.ErrNotFound):
		x.keep(id, t, "the group has gone")
		return nil
	case err != nil:
		return fmt.Errorf("read the members of group %s: %w", id, err)
	case t.began == state.VerbCreate || t.began == state.VerbRestore:
		x.keep(id, t, "the group was made since; it stays, with its members")
		return nil
	}
	if err := x.itself(ctx, id, t, len(present)); err != nil {
		return err
	}
	var joins, returns, leaves, guarded []plan.Member // returns by themselves: should somebody not come back, the others join all the same
	kept := make(map[string]int)
	for _, member := range slices.Sorted(maps.Keys(t.seats)) {
		s := t.seats[member]
		if s.open && s.was == present[member] && !x.raised[member] || !s.open && x.ours(s.other) {
			continue // who is brought back comes with what they were in when they went, be it what they were in before or not
		}
		if !s.open {
			kept["changed since "+byWhom(*s.other)]++
			continue
		}
		named, protected, err := x.member(ctx, member)
		switch {
		case errors.Is(err, state.ErrNotFound):
			kept["their accounts have gone"]++
		case err != nil:
			return err
		case s.was && x.raised[member]:
			returns = append(returns, named)
		case s.was:
			joins = append(joins, named)
		case protected:
			guarded = append(guarded, named)
		default:
			leaves = append(leaves, named)
		}
	}
	for _, why := range slices.Sorted(maps.Keys(kept)) {
		x.keep(id, t, fmt.Sprintf("%d of its members: %s", kept[why], why))
	}
	x.move(id, t, plan.AddMembers, joins, len(present), 0)
	x.move(id, t, plan.AddMembers, returns, len(present), 0)
	x.move(id, t, plan.RemoveMembers, leaves, len(present), len(leaves)+len(guarded))
	x.move(id, t, plan.RemoveMembers, guarded, len(present), len(leaves)+len(guarded))
	if n := len(x.plan.Changes); len(guarded) > 0 {
		x.plan.Changes[n-1].Held, x.plan.Changes[n-1].HeldBecause = true, plan.HoldProtected
	}
	x.plan.Counts.Groups.Compared++
	x.plan.Counts.Groups.Members += len(present)
	x.plan.Counts.Groups.Extra += len(leaves) + len(guarded)
	return nil
}

// itself plans for what is said of a group.
func (x *undoing) itself(ctx context.Context, id state.ID, t *trail, size int) error {
	switch {
	case t.began == "", !t.open && x.ours(t.other):
		return nil
	case !t.open:
		x.keep(id, t, "what is said of the group itself was changed since "+byWhom(*t.other))
		return nil
	case t.parted:
		x.keep(id, t, "of what is said of the group itself only the last is taken back: before, it was changed "+byWhom(*t.other))
	}
	_, now, err := x.group(ctx, id)
	if err != nil {
		return err
	}
	c := plan.Change{
		Action: plan.UpdateGroup, Name: t.name, Reason: plan.ReasonUndone, Witnesses: []plan.Witness{}, Group: &plan.Group{ID: id, Size: size, Members: []plan.Member{}},
	}
	slices.SortFunc(t.was, func(a, b part) int { return cmp.Compare(a.name, b.name) })
	for _, p := range t.was {
		if p.name != "members" && !bytes.Equal(now[p.name], p.was) {
			c.Fields = append(c.Fields, plan.Field{Path: p.name, Before: orNull(now[p.name]), After: orNull(p.was)})
		}
	}
	if len(c.Fields) > 0 {
		x.plan.Add(c)
	}
	return nil
}

func (x *undoing) move(id state.ID, t *trail, action plan.Action, members []plan.Member, size, extra int) {
	if len(members) > 0 {
		x.plan.Add(plan.Change{
			Action: action, Name: t.name, Reason: plan.ReasonUndone, Witnesses: []plan.Witness{},
			Group: &plan.Group{ID: id, Size: size, Extra: extra, Members: members},
		})
	}
}

// member names somebody who joins or leaves, or a group that does.
func (x *undoing) member(ctx context.Context, id state.ID) (named plan.Member, protected bool, err error) {
	record, err := x.store.Record(ctx, x.source.Scope, state.KindAccount, id)
	switch {
	case errors.Is(err, state.ErrNotFound) && x.raised[id]:
		record, err = x.find(ctx, id)
	case errors.Is(err, state.ErrNotFound):
		record, err = x.store.Record(ctx, x.source.Scope, state.KindGroup, id)
	}
	if err != nil {
		return named, false, err
	}
	account, err := open(record)
	if err != nil {
		return named, false, err
	}
	decider := plan.Decider{Rules: x.source.Rules}
	name := cmp.Or(account.Resource.Get("userName").Text, record.Name)
	return plan.Member{Account: id, Person: record.Link, Name: strings.Clone(name)}, decider.Protected(account), nil
}

// keep says what is not taken back, and why.
func (x *undoing) keep(id state.ID, t *trail, why string) {
	n := plan.Notice{Kind: plan.Kept, Account: id, Name: t.name, Detail: why}
	if t.kind == state.KindGroup {
		n.Account, n.Group = "", id
	}
	x.plan.Notice(n)
}

func byWhom(c state.Cause) string {
	switch {
	case c.Run == "" && c.Kind == state.CausePull:
		return "by the source's confirmation of a push"
	case c.Run == "" && c.Kind == state.CauseApproval:
		return "by an approval of a push"
	}
	switch c.Kind {
	case state.CausePush:
		return "by a push"
	case state.CauseOperator:
		return "by an operator, " + c.Actor
	case state.CauseApproval:
		return "by an approval, in run " + c.Run
	case state.CauseUndo:
		return "by an undo, run " + c.Run
	}
	return "by run " + c.Run
}
