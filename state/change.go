package state

import (
	"bytes"
	"fmt"
	"slices"
	"time"

	"rollcall/state/scim"
)

// Change is what one mutation makes of one record. Every store makes it with Judge, adds what only a store can know, and asks
// Finish whether anything really changed. It does no I/O.
type Change struct {
	Before *Record // as it was, a tombstone included; nil: there was none
	After  *Record // as it will be; nil: purged
	Joined []ID    // members that a group gains, in order; the store's to fill
	Left   []ID    // members that it loses; a group that goes or comes back loses or gains all that can be seen

	now      time.Time
	stamp    uint64     // of After, if the change is one
	resource scim.Value // of After, when put
	split    bool       // from and to are known
	from, to []attribute
	was, is  []byte // Diff, since Finish
}

// Judge works out what a mutation makes of a record, memberships apart. present is the record as it is, a tombstone included, or
// nil; it is not changed. Refusals are ErrNotFound, ErrVersion, ErrPinned and ErrMutation. What it leaves to the store is what
// takes a look at other rows: lease, uniqueness, members.
func Judge(present *Record, m *Mutation, now time.Time) (Change, error) {
	if err := m.check(); err != nil {
		return Change{}, err
	}
	c := Change{Before: present, now: now.UTC().Truncate(time.Millisecond), stamp: m.Stamp}
	next, err := m.appear(present)
	if err != nil {
		return Change{}, err
	}
	if m.Life != nil && m.Life.Base != 0 && m.Life.Base != next.Version {
		return Change{}, ErrVersion
	}
	var said *bool
	if m.Put != nil {
		said = c.put(next, m.Put.Resource)
	}
	if m.Kind == KindAccount {
		if err := live(next, present, m, said); err != nil {
			return Change{}, err
		}
	}
	switch {
	case m.removal() == RemovePurge:
		return c, nil
	case m.removal() == RemoveDelete, m.completes(present, next):
		*next = *present
		next.Said, next.InForce, next.Staged, next.Deletes = false, false, false, false
		next.DeletedAt = c.now
	}
	c.After = next
	return c, nil
}

// completes tells whether a mutation puts a staged DELETE in force. The hand of an operator does what it says and no more, and an undo
// makes what was.
func (m *Mutation) completes(present, next *Record) bool {
	return present != nil && present.Deletes && !next.InForce && m.Cause.Kind != CauseOperator && m.Cause.Kind != CauseUndo
}

// appear returns a copy of the record that the mutation is about, made or brought back if that is what it asks for.
func (m *Mutation) appear(present *Record) (*Record, error) {
	create := m.Put != nil && m.Put.Base == 0
	switch {
	case present == nil && create && m.removal() == RemoveNothing:
		return &Record{ID: m.ID, Kind: m.Kind}, nil
	case present == nil:
		return nil, ErrNotFound
	case create:
		return nil, ErrVersion
	}
	next := *present
	if !present.DeletedAt.IsZero() {
		switch m.removal() {
		case RemoveRestore:
			next.DeletedAt = time.Time{}
		case RemovePurge:
		default:
			return nil, ErrNotFound
		}
	}
	if m.Put != nil && m.Put.Base != present.Version {
		return nil, ErrVersion
	}
	return &next, nil
}

// put sets the resource of a record and returns what it says of active, nil if nothing.
func (c *Change) put(next *Record, resource scim.Value) (said *bool) {
	if active := resource.Get("active"); next.Kind == KindAccount && active.Kind == scim.Bool {
		said = &active.Bool
	}
	kept := make([]scim.Field, 0, len(resource.Fields))
	for _, f := range resource.Fields {
		if !slices.ContainsFunc(notKept, func(name string) bool { return scim.EqualFold(name, f.Name) }) {
			kept = append(kept, f)
		}
	}
	c.resource = scim.ObjectOf(kept...)
	next.Resource = c.resource.AppendJSON(make([]byte, 0, len(next.Resource)+resourceRoom))
	next.Name = recordName(c.resource)
	return said
}

// resourceRoom is by how much a resource usually grows at most, a new one from nothing.
const resourceRoom = 512

// notKept are the attributes of a resource that are not in its bytes: they are written elsewhere or made for each answer.
var notKept = []string{"id", "active", "groups", "members", "meta"}

func recordName(resource scim.Value) string {
	if name := resource.Get("displayName"); name.Kind == scim.String && name.Text != "" {
		return name.Text
	}
	return resource.Get("userName").Text
}

// live carries out what a mutation says about an account's life.
func live(next, present *Record, m *Mutation, said *bool) error {
	life := m.Life
	if life == nil {
		life = &Life{}
	}
	if life.Said != nil {
		said = life.Said
	}
	if present == nil && said == nil {
		said = new(true) // RFC 7643 leaves the default to us: who is created may come in
	}
	if present != nil && present.Pinned {
		if err := pinned(present, m, said); err != nil {
			return err
		}
	}
	set(&next.Pinned, life.Pinned)
	set(&next.Protected, life.Protected)
	set(&next.Link, life.Link)
	set(&next.Said, said)
	switch {
	case life.InForce != nil:
		next.InForce = *life.InForce
		next.Staged = life.Stage && !next.Pinned && next.InForce != next.Said
	case next.Pinned && present != nil:
		next.Staged = false
	case life.Stage && !next.Pinned:
		next.Staged = next.InForce != next.Said
	case said != nil, present != nil && present.Pinned:
		next.InForce, next.Staged = next.Said, false
	}
	next.Deletes = next.Staged && (life.Deletes || next.Deletes && !life.Stage)
	if next.InForce != next.Said && !next.Staged && !next.Pinned {
		return fmt.Errorf("%w: what is in force can differ from what was said only while the account is pinned", ErrMutation)
	}
	return nil
}

// pinned refuses what a pin stands against: only an operator, or an operator's undo, changes what is in force. A push may still say
// something; it is noted.
func pinned(present *Record, m *Mutation, said *bool) error {
	if m.Cause.Kind == CauseOperator || m.Cause.Kind == CauseUndo {
		return nil
	}
	differs := func(now bool, to *bool) bool { return to != nil && *to != now }
	life := m.Life
	if life == nil {
		life = &Life{}
	}
	if life.Remove == RemoveDelete || life.Remove == RemovePurge || differs(present.InForce, life.InForce) || differs(true, life.Pinned) {
		return ErrPinned
	}
	if m.Cause.Kind != CausePush && differs(present.Said, said) {
		return ErrPinned
	}
	return nil
}

func set[T any](field *T, to *T) {
	if to != nil {
		*field = *to
	}
}

// check refuses mutations that contradict themselves.
func (m *Mutation) check() error {
	life := m.Life
	if life == nil {
		life = &Life{}
	}
	aboutActive := life.Said != nil || life.Stage || life.Deletes || life.InForce != nil || life.Pinned != nil || life.Protected != nil || life.Link != nil || m.Stamp != 0
	fault := ""
	switch {
	case m.ID == "":
		fault = "it names no resource"
	case m.Kind != KindAccount && m.Kind != KindGroup:
		fault = "it names no kind"
	case !slices.Contains([]CauseKind{CausePush, CausePull, CauseApproval, CauseOperator, CauseUndo}, m.Cause.Kind):
		fault = "it names no cause"
	case m.Request != nil && m.Request.ID == "":
		fault = "the request behind it has no id"
	case m.Put != nil && m.Put.Resource.Kind != scim.Object:
		fault = "the resource is no object"
	case m.Members != nil && m.Kind != KindGroup:
		fault = "only groups have members"
	case aboutActive && m.Kind != KindAccount:
		fault = "only accounts are said, in force, pinned, protected, linked and stamped"
	case life.Stage && life.Said == nil, life.Stage && life.InForce != nil && m.Cause.Kind != CauseUndo:
		fault = "staging needs something said that is not in force"
	case life.Deletes && (!life.Stage || *life.Said):
		fault = "a DELETE waits only if it is staged, and says inactive"
	case (life.Remove == RemoveDelete || life.Remove == RemovePurge) && (m.Put != nil || m.Members != nil || aboutActive):
		fault = "what is taken away cannot be changed as well"
	case life.Remove == RemoveRestore && m.Members != nil:
		fault = "a group comes back with the members it had; change them afterwards"
	default:
		return nil
	}
	return fmt.Errorf("%w: %s", ErrMutation, fault)
}

func (m *Mutation) removal() Removal {
	if m.Life == nil {
		return RemoveNothing
	}
	return m.Life.Remove
}

// Finish tells whether the change is one and gives After its new version and times. Call it once, after Joined and Left are filled.
func (c *Change) Finish() (changed bool) {
	before, after := visible(c.Before), visible(c.After)
	c.splitResources()
	c.was, c.is = diff(before, after, c.from, c.to, c.Joined, c.Left)
	if len(c.was) == 2 && len(c.is) == 2 && (c.Before == nil) == (c.After == nil) && (before == nil) == (after == nil) {
		return false
	}
	if c.After == nil {
		return true
	}
	c.After.Version++
	c.After.Stamp = c.stamp
	c.After.ModifiedAt = c.now
	if c.Before == nil {
		c.After.CreatedAt = c.now
	}
	return true
}

// Entry is the change's journal entry, but for its number. Valid after Finish.
func (c *Change) Entry(m *Mutation) Entry {
	e := Entry{Scope: m.Scope, At: c.now, Verb: c.verb(), Cause: m.Cause, Before: c.was, After: c.is}
	if r := c.After; r != nil {
		e.Kind, e.ID, e.Name, e.Version = r.Kind, r.ID, r.Name, r.Version
	} else {
		r = c.Before
		e.Kind, e.ID, e.Name, e.Version = r.Kind, r.ID, r.Name, r.Version+1
	}
	return e
}

// Within returns the change of a group's members that follows from another change, in the same moment: someone in the group went or
// came back.
func (c *Change) Within(group Record, joined, left []ID) Change {
	after := group
	return Change{Before: &group, After: &after, Joined: joined, Left: left, now: c.now}
}

// Removes and Appears tell whether what can be seen of the record goes or comes: by purge or deletion, by creation or restoration.
func (c *Change) Removes() bool { return visible(c.Before) != nil && visible(c.After) == nil }
func (c *Change) Appears() bool { return visible(c.Before) == nil && visible(c.After) != nil }

// Turn is 1 when an account comes into force, -1 when one that was in force no longer is, and otherwise 0.
func (c *Change) Turn() int64 {
	before, after := visible(c.Before), visible(c.After)
	was, is := before != nil && before.InForce, after != nil && after.InForce
	switch {
	case is && !was:
		return 1
	case was && !is:
		return -1
	}
	return 0
}

func (c *Change) verb() Verb {
	before, after := visible(c.Before), visible(c.After)
	switch {
	case c.Before == nil:
		return VerbCreate
	case c.After == nil:
		return VerbPurge
	case after == nil:
		return VerbDelete
	case before == nil:
		return VerbRestore
	case before.InForce && !after.InForce:
		return VerbDeactivate
	case !before.InForce && after.InForce:
		return VerbReactivate
	case !slices.Equal(before.Resource, after.Resource):
		return VerbUpdate
	case len(c.Joined)+len(c.Left) > 0:
		return VerbMembers
	}
	return VerbLife
}

// splitResources sees to the attributes of what can be seen before and after.
func (c *Change) splitResources() {
	if !c.split {
		c.from, c.to = split(visible(c.Before), visible(c.After))
		c.split = true
	}
}

// SameKeys tells whether After has the match keys of Before, because all that they are made of is the same. If it is not, they still may.
func (c *Change) SameKeys() bool {
	if visible(c.Before) == nil || visible(c.After) == nil {
		return false
	}
	c.splitResources()
	return sameKeys(c.from, c.to) && sameKeys(c.to, c.from)
}

// sameKeys tells whether the attributes that keys are made of are as they are in another resource.
func sameKeys(list, other []attribute) bool {
	for _, a := range list {
		isKey := func(name []byte) bool { return bytes.EqualFold(a.name, name) }
		if slices.ContainsFunc(keyNames, isKey) && !bytes.Equal(a.value, find(other, a.name)) {
			return false
		}
	}
	return true
}

// Keys returns the match keys of After, or none when it cannot be seen.
func (c *Change) Keys() ([]MatchKey, error) { return c.keys(c.After) }

// OldKeys returns the match keys of Before, or none when it could not be seen.
func (c *Change) OldKeys() ([]MatchKey, error) { return c.keys(c.Before) }

func (c *Change) keys(r *Record) ([]MatchKey, error) {
	if r = visible(r); r == nil {
		return nil, nil
	}
	resource := c.resource
	if r != c.After || resource.Kind == scim.Null {
		var err error
		if resource, err = scim.Decode(r.Resource); err != nil {
			return nil, fmt.Errorf("read the recorded resource %s: %w", r.ID, err)
		}
	}
	return MatchKeys(r.Kind, resource), nil
}

// visible returns the record unless it is a tombstone.
func visible(r *Record) *Record {
	if r == nil || !r.DeletedAt.IsZero() {
		return nil
	}
	return r
}
