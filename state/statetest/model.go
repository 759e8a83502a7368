package statetest

import (
	"cmp"
	"fmt"
	"slices"
	"sync"
	"time"

	"rollcall/state"
)

// Model is a store in memory, as plain as it can be: it searches by looking at everything. It is safe for concurrent use. Set Now
// before the first use for a clock of your own.
type Model struct {
	Now func() time.Time

	mu         sync.Mutex
	rows       int64
	sources    map[string]*source
	records    map[state.ID]*entity
	order      []*entity          // in row order
	journal    map[string][]entry // by tenant
	keys       []state.Key
	runs       []state.Run
	plans      []state.HeldPlan
	requests   []state.Request
	suspicions map[state.Scope][]state.Suspicion
	cursors    map[state.Scope]state.Cursor
	seal       []byte
	joins      int64
	readers    []state.FeedReader
	alarms     []state.Alarm
	cuts       map[string]int64 // by tenant: the number of the last journal entry that was removed
	console    console
}

type source struct {
	state.Source
	lease state.Lease
}

// entity is a record with what hangs on it.
type entity struct {
	state.Record
	scope   state.Scope
	keys    []state.MatchKey
	members map[state.ID]int64 // of a group, tombstones included, with the order of joining
}

type entry struct {
	state.Entry
	turn   int64 // of an account: see state.Change
	serial int64 // among those of all tenants
}

// NewModel returns an empty store with the machine's clock.
func NewModel() *Model {
	return &Model{
		Now:        time.Now,
		sources:    map[string]*source{},
		records:    map[state.ID]*entity{},
		journal:    map[string][]entry{},
		suspicions: map[state.Scope][]state.Suspicion{},
		cursors:    map[state.Scope]state.Cursor{},
		seal:       newSealKey(),
		cuts:       map[string]int64{},
		console:    newConsole(),
	}
}

var _ Store = (*Model)(nil)

// Write carries out the mutations one after the other.
func (m *Model) Write(_ state.Urgency, mutations []state.Mutation) ([]state.Result, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	results := make([]state.Result, len(mutations))
	for i := range mutations {
		result, err := m.write(&mutations[i])
		if err != nil {
			result = state.Result{Err: err}
		}
		results[i] = result
	}
	return results, nil
}

// write checks everything first, so that a refusal leaves no trace.
func (m *Model) write(mutation *state.Mutation) (state.Result, error) {
	if err := m.checkEpoch(mutation.Scope, mutation.Epoch, true); err != nil {
		return state.Result{}, err
	}
	held := m.records[mutation.ID]
	foreign := held != nil && (held.scope != mutation.Scope || held.Kind != mutation.Kind)
	var present *state.Record
	if held != nil && !foreign {
		before := held.Record
		present = &before
	}
	change, err := state.Judge(present, mutation, m.Now())
	if err != nil {
		return state.Result{}, err
	}
	if foreign {
		return state.Result{}, state.ErrVersion
	}
	if mutation.Gate != nil && change.Turn() < 0 && mutation.Gate.Holds(change.Before, m.ledger(mutation.Scope, m.Now().Add(-state.GateWindow))) {
		return state.Result{}, state.ErrHeld
	}
	keys, err := change.Keys()
	if err != nil {
		return state.Result{}, err
	}
	if err := m.checkUnique(mutation, &change, keys); err != nil {
		return state.Result{}, err
	}
	hidden, err := m.judgeMembers(held, mutation, &change)
	if err != nil {
		return state.Result{}, err
	}
	for _, id := range hidden {
		delete(held.members, id)
	}
	if !change.Finish() {
		return state.Result{Record: m.copied(held)}, nil
	}
	return m.keep(held, mutation, &change, keys), nil
}

func (m *Model) checkUnique(mutation *state.Mutation, change *state.Change, keys []state.MatchKey) error {
	if change.After == nil || !change.After.DeletedAt.IsZero() {
		return nil
	}
	unique := state.UniqueName(mutation.Kind)
	if link := change.After.Link; link != "" {
		keys = append(slices.Clip(keys), state.MatchKey{Name: state.MatchLink, Text: link})
	}
	for _, key := range keys {
		if key.Name != unique && key.Name != state.MatchLink {
			continue
		}
		for _, other := range m.find(mutation.Scope, mutation.Kind, key) {
			if other.ID != mutation.ID {
				return &state.UniqueError{Key: key, Holder: other.ID}
			}
		}
	}
	return nil
}

// judgeMembers fills in who joins and leaves a group, and returns those to leave it unseen.
func (m *Model) judgeMembers(held *entity, mutation *state.Mutation, change *state.Change) (hidden []state.ID, err error) {
	var current []state.ID
	if held != nil {
		current = held.joined()
	}
	seen := func(id state.ID) bool { return m.live(mutation.Scope, id) != nil }
	visible := slices.DeleteFunc(slices.Clone(current), func(id state.ID) bool { return !seen(id) && id != mutation.ID })
	switch {
	case change.Appears():
		change.Joined = visible
	case change.Removes():
		change.Left = visible
	}
	if mutation.Members == nil {
		return nil, nil
	}
	add := unique(mutation.Members.Add)
	for _, id := range add {
		if !seen(id) {
			return nil, &state.MemberError{ID: id}
		}
	}
	remove := unique(mutation.Members.Remove)
	if mutation.Members.Set {
		remove = current
	}
	for _, id := range remove {
		switch {
		case slices.Contains(add, id) || !slices.Contains(current, id):
		case !seen(id):
			hidden = append(hidden, id)
		default:
			change.Left = append(change.Left, id)
		}
	}
	for _, id := range add {
		if !slices.Contains(current, id) {
			change.Joined = append(change.Joined, id)
		}
	}
	return hidden, nil
}

// keep writes down a change that is one.
func (m *Model) keep(held *entity, mutation *state.Mutation, change *state.Change, keys []state.MatchKey) state.Result {
	if held == nil {
		m.rows++
		change.After.Row = m.rows
		held = &entity{scope: mutation.Scope, members: map[state.ID]int64{}}
		m.records[mutation.ID] = held
		m.order = append(m.order, held)
	}
	number := m.log(mutation, change)
	for _, group := range m.groupsOf(mutation.Scope, mutation.ID) {
		if group.ID == mutation.ID {
			continue
		}
		var within state.Change
		switch {
		case change.Removes():
			within = change.Within(group.Record, nil, []state.ID{mutation.ID})
		case change.Appears():
			within = change.Within(group.Record, []state.ID{mutation.ID}, nil)
		default:
			continue
		}
		within.Finish()
		group.Record = *within.After
		m.log(mutation, &within)
	}
	if change.After == nil {
		delete(m.records, mutation.ID)
		m.order = slices.DeleteFunc(m.order, func(e *entity) bool { return e == held })
		for _, other := range m.records {
			delete(other.members, mutation.ID)
		}
		return state.Result{Changed: true, Number: number}
	}
	held.Record, held.keys = *change.After, keys
	if !change.Removes() {
		for _, id := range change.Left {
			delete(held.members, id)
		}
		for _, id := range change.Joined {
			if _, there := held.members[id]; !there {
				m.joins++
				held.members[id] = m.joins
			}
		}
	}
	return state.Result{Changed: true, Number: number, Record: m.copied(held)}
}

// log journals a change and keeps the request behind it.
func (m *Model) log(mutation *state.Mutation, change *state.Change) int64 {
	e := entry{Entry: change.Entry(mutation), turn: change.Turn()}
	tenant := mutation.Scope.Tenant
	e.Number = m.last(tenant) + 1
	if r := mutation.Request; r != nil {
		e.Request = r.ID
		if !slices.ContainsFunc(m.requests, func(kept state.Request) bool { return kept.ID == r.ID }) {
			kept := *r
			kept.Scope, kept.At = mutation.Scope, instant(r.At)
			m.requests = append(m.requests, kept)
		}
	}
	m.console.entries++
	e.serial = m.console.entries
	m.journal[tenant] = append(m.journal[tenant], e)
	return e.Number
}

// checkEpoch refuses what is done under a lease that has passed on. none says whether 0 stands for doing without one.
func (m *Model) checkEpoch(scope state.Scope, epoch int64, none bool) error {
	s, err := m.source(scope)
	if err != nil {
		return err
	}
	if s.lease.Epoch != epoch && !(none && epoch == 0) {
		return state.ErrStaleEpoch
	}
	return nil
}

func (m *Model) source(scope state.Scope) (*source, error) {
	s := m.sources[scope.Source]
	if s == nil || s.Scope != scope {
		return nil, fmt.Errorf("source %q of tenant %q: %w", scope.Source, scope.Tenant, state.ErrNotFound)
	}
	return s, nil
}

// live returns a record of the scope that can be seen, or nil.
func (m *Model) live(scope state.Scope, id state.ID) *entity {
	e := m.records[id]
	if e == nil || e.scope != scope || !e.DeletedAt.IsZero() {
		return nil
	}
	return e
}

// all returns a scope's records of a kind (0: both), live or tombstones, in row order.
func (m *Model) all(scope state.Scope, kind state.Kind, tombstones bool) []*entity {
	return m.those(func(e *entity) bool {
		return e.scope == scope && (kind == 0 || e.Kind == kind) && e.DeletedAt.IsZero() != tombstones
	})
}

func (m *Model) find(scope state.Scope, kind state.Kind, key state.MatchKey) []*entity {
	return m.those(func(e *entity) bool {
		if e.scope != scope || e.Kind != kind || !e.DeletedAt.IsZero() {
			return false
		}
		switch key.Name {
		case state.MatchID:
			return string(e.ID) == key.Text
		case state.MatchLink:
			return e.Link == key.Text && key.Text != ""
		}
		return slices.Contains(e.keys, key)
	})
}

// groupsOf returns the live groups that a record, live or not, is directly in.
func (m *Model) groupsOf(scope state.Scope, id state.ID) []*entity {
	return m.those(func(e *entity) bool {
		_, in := e.members[id]
		return in && e.scope == scope && e.DeletedAt.IsZero()
	})
}

// those returns the records that are wanted, in row order.
func (m *Model) those(wanted func(*entity) bool) []*entity {
	var list []*entity
	for _, e := range m.order {
		if wanted(e) {
			list = append(list, e)
		}
	}
	return list
}

// joined lists a group's members, tombstones included, in order of joining.
func (e *entity) joined() []state.ID {
	ids := make([]state.ID, 0, len(e.members))
	for id := range e.members {
		ids = append(ids, id)
	}
	slices.SortFunc(ids, func(a, b state.ID) int { return cmp.Compare(e.members[a], e.members[b]) })
	return ids
}

// copied returns an entity's record, for the caller to keep.
func (m *Model) copied(e *entity) state.Record {
	r := e.Record
	r.Resource = slices.Clone(r.Resource)
	r.Grouped = r.Kind == state.KindAccount && slices.ContainsFunc(m.order, func(group *entity) bool {
		_, in := group.members[r.ID]
		return in
	})
	return r
}

func unique(ids []state.ID) []state.ID {
	var list []state.ID
	for _, id := range ids {
		if !slices.Contains(list, id) {
			list = append(list, id)
		}
	}
	return list
}
