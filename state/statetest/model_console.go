package statetest

import (
	"bytes"
	"cmp"
	"context"
	"slices"
	"time"

	"rollcall/state"
)

// console is what a Model keeps for those who look. Sources are named by themselves: they may get other names.
type console struct {
	operators []state.Operator
	links     map[state.TokenHash]link
	sessions  map[state.TokenHash]state.Session
	invites   []invite
	deeds     []deed
	entries   int64   // of all journals
	places    []place // that pages go on behind, named by their index
	digested  map[string]int64
	counted   map[string]bool // runs
	days      map[*source]map[time.Time]state.Day
}

type link struct {
	operator string
	expires  time.Time
}

type invite struct {
	state.Invite
	source *source
}

type deed struct {
	state.Deed
	source *source // nil: of none
}

func newConsole() console {
	return console{
		links: map[state.TokenHash]link{}, sessions: map[state.TokenHash]state.Session{},
		digested: map[string]int64{}, counted: map[string]bool{}, days: map[*source]map[time.Time]state.Day{},
	}
}

func (m *Model) PutOperator(ctx context.Context, o state.Operator) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if o.CreatedAt.IsZero() {
		o.CreatedAt = m.Now()
	}
	o.CreatedAt, o.DisabledAt = instant(o.CreatedAt), instant(o.DisabledAt)
	if kept := m.operator(o.Name); kept != nil && o.DisabledAt.IsZero() && o.CreatedAt.Before(kept.DisabledAt) {
		return state.ErrVersion
	}
	m.console.operators = append(slices.DeleteFunc(m.console.operators, func(p state.Operator) bool { return p.Name == o.Name }), o)
	slices.SortFunc(m.console.operators, func(a, b state.Operator) int { return cmp.Compare(a.Name, b.Name) })
	if !o.DisabledAt.IsZero() {
		m.dropSessionsOf(o.Name)
		for hash, link := range m.console.links {
			if link.operator == o.Name {
				delete(m.console.links, hash)
			}
		}
	}
	return ctx.Err()
}

func (m *Model) Operator(ctx context.Context, name string) (state.Operator, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if o := m.operator(name); o != nil {
		return *o, ctx.Err()
	}
	return state.Operator{}, state.ErrNotFound
}

func (m *Model) operator(name string) *state.Operator {
	for i := range m.console.operators {
		if m.console.operators[i].Name == name {
			return &m.console.operators[i]
		}
	}
	return nil
}

func (m *Model) enabled(name string) bool {
	o := m.operator(name)
	return o != nil && o.DisabledAt.IsZero()
}

func (m *Model) ListOperators(ctx context.Context) ([]state.Operator, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.console.operators), ctx.Err()
}

func (m *Model) PutSignInLink(ctx context.Context, hash state.TokenHash, operator string, expires time.Time) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.enabled(operator) {
		return state.ErrNotFound
	}
	m.console.links[hash] = link{operator, instant(expires)}
	return ctx.Err()
}

func (m *Model) UseSignInLink(ctx context.Context, hash state.TokenHash) (state.Operator, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	link, found := m.console.links[hash]
	if !found || !m.instant().Before(link.expires) || !m.operator(link.operator).DisabledAt.IsZero() {
		return state.Operator{}, state.ErrUsed
	}
	delete(m.console.links, hash)
	return *m.operator(link.operator), ctx.Err()
}

func (m *Model) PutSession(ctx context.Context, session state.Session) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.enabled(session.Operator) {
		return state.ErrNotFound
	}
	session.CreatedAt, session.ExpiresAt = instant(session.CreatedAt), instant(session.ExpiresAt)
	m.console.sessions[session.Hash] = session
	return ctx.Err()
}

func (m *Model) Session(ctx context.Context, hash state.TokenHash) (state.Session, state.Operator, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	session, found := m.console.sessions[hash]
	if !found || !m.Now().Before(session.ExpiresAt) || !m.operator(session.Operator).DisabledAt.IsZero() {
		return state.Session{}, state.Operator{}, state.ErrNotFound
	}
	return session, *m.operator(session.Operator), ctx.Err()
}

func (m *Model) ListSessions(ctx context.Context) ([]state.Session, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var live []state.Session
	for _, session := range m.console.sessions {
		if m.Now().Before(session.ExpiresAt) {
			live = append(live, session)
		}
	}
	slices.SortFunc(live, func(a, b state.Session) int {
		return cmp.Or(b.CreatedAt.Compare(a.CreatedAt), bytes.Compare(a.Hash[:], b.Hash[:]))
	})
	return live, ctx.Err()
}

func (m *Model) DropSession(ctx context.Context, hash state.TokenHash) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.console.sessions, hash)
	return ctx.Err()
}

func (m *Model) DropSessionsOf(ctx context.Context, operator string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.dropSessionsOf(operator)
	return ctx.Err()
}

func (m *Model) dropSessionsOf(operator string) {
	for hash, session := range m.console.sessions {
		if session.Operator == operator {
			delete(m.console.sessions, hash)
		}
	}
}

func (m *Model) PutInvite(ctx context.Context, put state.Invite) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	s, err := m.source(put.Scope)
	if err != nil {
		return err
	}
	put.CreatedAt, put.ExpiresAt, put.WithdrawnAt = instant(put.CreatedAt), instant(put.ExpiresAt), instant(put.WithdrawnAt)
	m.console.invites = append(m.console.invites, invite{put, s})
	return ctx.Err()
}

func (i *invite) now() state.Invite {
	is := i.Invite
	is.Scope = i.source.Scope
	return is
}

func (m *Model) invite(id string) *invite {
	for i := range m.console.invites {
		if m.console.invites[i].ID == id {
			return &m.console.invites[i]
		}
	}
	return nil
}

func (m *Model) Invite(ctx context.Context, id string) (state.Invite, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if i := m.invite(id); i != nil {
		return i.now(), ctx.Err()
	}
	return state.Invite{}, state.ErrNotFound
}

func (m *Model) ListInvites(ctx context.Context, scope state.Scope) ([]state.Invite, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var list []state.Invite
	for _, i := range slices.Backward(m.console.invites) {
		if i.source.Scope == scope {
			list = append(list, i.now())
		}
	}
	return list, ctx.Err()
}

func (m *Model) ClaimInvite(ctx context.Context, id string, key state.Key) error {
	m.mu.Lock()
	i := m.invite(id)
	var err error
	switch {
	case i == nil:
		err = state.ErrNotFound
	case i.KeyID != "" || !i.WithdrawnAt.IsZero() || !m.Now().Before(i.ExpiresAt):
		err = state.ErrUsed
	case key.Scope != i.source.Scope:
		err = state.ErrNotFound
	default:
		err = m.putKey(key)
	}
	if err == nil {
		i.KeyID = key.ID
	}
	m.mu.Unlock()
	return cmp.Or(err, ctx.Err())
}

func (m *Model) WithdrawInvite(ctx context.Context, id string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	i := m.invite(id)
	if i == nil {
		return state.ErrNotFound
	}
	if i.WithdrawnAt.IsZero() {
		i.WithdrawnAt = m.instant()
	}
	return ctx.Err()
}

func (m *Model) NoteDeed(ctx context.Context, note state.Deed) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	d := deed{Deed: note}
	if note.Scope != (state.Scope{}) {
		var err error
		if d.source, err = m.source(note.Scope); err != nil {
			return err
		}
	}
	if d.At.IsZero() {
		d.At = m.Now()
	}
	d.At, d.Number = instant(d.At), int64(len(m.console.deeds)+1)
	m.console.deeds = append(m.console.deeds, d)
	return ctx.Err()
}

func (m *Model) ListDeeds(ctx context.Context, scope state.Scope, before int64, limit int) ([]state.Deed, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var list []state.Deed
	for _, d := range slices.Backward(m.console.deeds) {
		if d.source != nil {
			d.Scope = d.source.Scope
		}
		if (before == 0 || d.Number < before) && (scope == (state.Scope{}) || d.Scope == scope) {
			list = append(list, d.Deed)
		}
	}
	return first(list, limit), ctx.Err()
}

// blankDeeds takes the notes of some sources' deeds away.
func (m *Model) blankDeeds(which func(*deed) bool) {
	for i := range m.console.deeds {
		if d := &m.console.deeds[i]; d.source != nil && which(d) {
			d.Note = ""
		}
	}
}
