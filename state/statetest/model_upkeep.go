package statetest

import (
	"cmp"
	"context"
	"net/url"
	"slices"
	"strings"
	"time"

	"rollcall/state"
)

func (m *Model) Staged(ctx context.Context, scope state.Scope, yield func(state.Record) bool) error {
	m.mu.Lock()
	staged := m.recordsOf(slices.DeleteFunc(m.all(scope, state.KindAccount, false), func(e *entity) bool { return !e.Staged }))
	m.mu.Unlock()
	return each(ctx, staged, yield)
}

// last is the number of a tenant's newest entry.
func (m *Model) last(tenant string) int64 { return m.cuts[tenant] + int64(len(m.journal[tenant])) }

func (m *Model) Trim(ctx context.Context, journal, requests time.Time) (done state.Trimmed, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for tenant, entries := range m.journal {
		n := 0
		for n < len(entries) && !journal.IsZero() && entries[n].At.Before(instant(journal)) && !m.unread(tenant, entries[n].Number) {
			n++
		}
		m.journal[tenant] = slices.Clone(entries[n:])
		m.cuts[tenant] += int64(n)
		done.Entries += n
	}
	if !requests.IsZero() {
		before := len(m.requests)
		m.requests = slices.DeleteFunc(m.requests, func(r state.Request) bool { return r.At.Before(instant(requests)) })
		done.Requests = before - len(m.requests)
	}
	return done, ctx.Err()
}

func (m *Model) unread(tenant string, number int64) bool {
	return slices.ContainsFunc(m.readers, func(r state.FeedReader) bool { return r.Tenant == tenant && r.Number < number })
}

func (m *Model) Cut(ctx context.Context, tenant string) (int64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.cuts[tenant], ctx.Err()
}

func (m *Model) KeepReader(ctx context.Context, reader state.FeedReader) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	known := false
	for _, s := range m.sources {
		known = known || s.Scope.Tenant == reader.Tenant
	}
	if !known {
		return state.ErrNotFound
	}
	m.dropReader(reader.Tenant, reader.Name)
	reader.At = instant(reader.At)
	m.readers = append(m.readers, reader)
	slices.SortFunc(m.readers, func(a, b state.FeedReader) int { return cmp.Compare(a.Name, b.Name) })
	return ctx.Err()
}

func (m *Model) DropReader(ctx context.Context, tenant, name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.dropReader(tenant, name)
	return ctx.Err()
}

func (m *Model) dropReader(tenant, name string) {
	m.readers = slices.DeleteFunc(m.readers, func(r state.FeedReader) bool { return r.Tenant == tenant && r.Name == name })
}

func (m *Model) Readers(ctx context.Context, tenant string) ([]state.FeedReader, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(m.readers), func(r state.FeedReader) bool { return r.Tenant != tenant }), ctx.Err()
}

func (m *Model) Alarms(ctx context.Context) ([]state.Alarm, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.alarms), ctx.Err()
}

func (m *Model) PutAlarm(ctx context.Context, alarm state.Alarm) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, err := m.source(alarm.Scope); err != nil {
		return err
	}
	alarm.Since = instant(alarm.Since)
	if !slices.ContainsFunc(m.alarms, sameAlarm(alarm)) {
		m.alarms = append(m.alarms, alarm)
	}
	slices.SortFunc(m.alarms, func(a, b state.Alarm) int {
		return cmp.Or(cmp.Compare(a.Scope.Source, b.Scope.Source), cmp.Compare(a.Condition, b.Condition))
	})
	return ctx.Err()
}

func (m *Model) DropAlarm(ctx context.Context, alarm state.Alarm) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, err := m.source(alarm.Scope); err != nil {
		return err
	}
	m.alarms = slices.DeleteFunc(m.alarms, sameAlarm(alarm))
	return ctx.Err()
}

func sameAlarm(alarm state.Alarm) func(state.Alarm) bool {
	return func(a state.Alarm) bool { return a.Scope == alarm.Scope && a.Condition == alarm.Condition }
}

func (m *Model) GroupLosses(ctx context.Context, scope state.Scope, after int64, more int) (losses []state.GroupLoss, last int64, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	last = max(after, m.last(scope.Tenant))
	for _, e := range m.journal[scope.Tenant] {
		_, left, err := side(e.Before, "removed")
		switch {
		case err != nil:
			return nil, 0, err
		case e.Scope == scope && e.Number > after && e.Kind == state.KindGroup && e.Cause.Kind == state.CausePush && len(left) > more:
			losses = append(losses, state.GroupLoss{Number: e.Number, At: e.At, Group: e.ID, Left: left})
		}
	}
	return losses, last, ctx.Err()
}

func (m *Model) Erase(ctx context.Context, scope state.Scope, id state.ID, cause state.Cause) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, err := m.source(scope); err != nil {
		return err
	}
	entries := m.journal[scope.Tenant]
	person := state.Personal{IDs: []string{string(id)}}
	requests := map[string]bool{}
	var last *entry
	for i := range entries {
		if e := &entries[i]; e.Scope == scope && e.ID == id {
			last = e
			requests[e.Request] = true
			person.NoteName(e.Name)
			person.Note(e.Before)
			person.Note(e.After)
		}
	}
	var kind state.Kind
	switch present := m.records[id]; {
	case present != nil && present.scope == scope && present.InForce:
		return state.ErrInForce
	case present != nil && present.scope == scope:
		kind = present.Kind
		person.NoteName(present.Name)
		person.Note(present.Resource)
		if present.Link != "" {
			person.IDs = append(person.IDs, present.Link)
		}
	case last != nil:
		kind = last.Kind
	default:
		return state.ErrNotFound
	}
	purge := state.Mutation{Scope: scope, Kind: kind, ID: id, Life: &state.Life{Remove: state.RemovePurge}, Cause: cause}
	if m.records[id] == nil {
		m.journal[scope.Tenant] = append(entries, entry{Entry: state.Entry{
			Number: m.last(scope.Tenant) + 1, Scope: scope, At: m.instant(), Kind: kind, ID: id, Verb: state.VerbPurge, Version: last.Version + 1, Cause: cause,
			Before: []byte("{}"), After: []byte("{}"),
		}})
	} else if _, err := m.write(&purge); err != nil {
		return err
	}
	entries = m.journal[scope.Tenant]
	for i := range entries {
		if e := &entries[i]; e.Scope == scope && e.ID == id {
			e.Name, e.Before, e.After = "", state.Blanked(e.Before), state.Blanked(e.After)
			if e.Verb != state.VerbPurge {
				e.Cause.Note = ""
			}
		}
	}
	delete(requests, "")
	m.blankKept(scope, requests, &person)
	return ctx.Err()
}

// blankKept blanks what is kept of somebody in requests, plans and runs.
func (m *Model) blankKept(scope state.Scope, requests map[string]bool, person *state.Personal) {
	m.blankDeeds(func(d *deed) bool { return d.source.Scope == scope && person.In(d.Note) })
	for i := range m.requests {
		r := &m.requests[i]
		plain, err := url.PathUnescape(strings.ReplaceAll(r.Path, "+", " "))
		if err != nil {
			plain = r.Path
		}
		if r.Scope == scope && (requests[r.ID] || person.In(plain) || person.In(string(r.Body)) || person.In(string(r.Answer)) || person.In(r.Detail)) {
			blankRequest(r)
		}
	}
	for i := range m.plans {
		if body, ok := person.Blank(m.plans[i].Body); ok && m.plans[i].Scope == scope {
			m.plans[i].Body = body
		}
	}
	for i := range m.runs {
		if report, ok := person.Blank(m.runs[i].Report); ok && m.runs[i].Scope == scope {
			m.runs[i].Report = report
		}
	}
}

func blankRequest(r *state.Request) {
	r.Path, _, _ = strings.Cut(r.Path, "?")
	r.Detail, r.Body, r.Answer = "", nil, nil
}

func (m *Model) BlankTenant(ctx context.Context, tenant string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if slices.ContainsFunc(m.order, func(e *entity) bool { return e.scope.Tenant == tenant }) {
		return state.ErrVersion
	}
	if m.journal[tenant] == nil && !slices.ContainsFunc(m.tenants(), func(t string) bool { return t == tenant }) {
		return state.ErrNotFound
	}
	m.blankDeeds(func(d *deed) bool { return d.source.Scope.Tenant == tenant })
	for i := range m.journal[tenant] {
		e := &m.journal[tenant][i]
		e.Name, e.Before, e.After = "", state.Blanked(e.Before), state.Blanked(e.After)
	}
	for i := range m.requests {
		if m.requests[i].Scope.Tenant == tenant {
			blankRequest(&m.requests[i])
		}
	}
	for i := range m.plans {
		if p := &m.plans[i]; p.Scope.Tenant == tenant {
			p.Body = []byte("{}")
			if p.Status == state.PlanHeld {
				p.Status = state.PlanDiscarded
			}
		}
	}
	for i := range m.runs {
		if m.runs[i].Scope.Tenant == tenant {
			m.runs[i].Report = []byte("{}")
		}
	}
	return ctx.Err()
}

func (m *Model) tenants() []string {
	var list []string
	for _, s := range m.sources {
		list = append(list, s.Scope.Tenant)
	}
	return list
}

func (m *Model) RenameSource(ctx context.Context, epoch int64, scope state.Scope, name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.checkEpoch(scope, epoch, false); err != nil {
		return err
	}
	if m.sources[name] != nil && name != scope.Source {
		return state.ErrTaken
	}
	to := state.Scope{Tenant: scope.Tenant, Source: name}
	s := m.sources[scope.Source]
	delete(m.sources, scope.Source)
	s.Scope, s.lease.Scope = to, to
	m.sources[name] = s
	m.rescope(scope, to)
	for i := range m.keys {
		if m.keys[i].Scope == scope {
			m.keys[i].Scope = to
		}
	}
	for i := range m.runs {
		if m.runs[i].Scope == scope {
			m.runs[i].Scope = to
		}
	}
	for i := range m.plans {
		if m.plans[i].Scope == scope {
			m.plans[i].Scope = to
		}
	}
	for i := range m.alarms {
		if m.alarms[i].Scope == scope {
			m.alarms[i].Scope = to
		}
	}
	if held, ok := m.suspicions[scope]; ok {
		delete(m.suspicions, scope)
		m.suspicions[to] = held
	}
	if held, ok := m.cursors[scope]; ok {
		delete(m.cursors, scope)
		m.cursors[to] = held
	}
	return ctx.Err()
}

// rescope gives a source's records, entries and requests to another one.
func (m *Model) rescope(from, to state.Scope) {
	for _, e := range m.order {
		if e.scope == from {
			e.scope = to
		}
	}
	for i := range m.journal[from.Tenant] {
		if e := &m.journal[from.Tenant][i]; e.Scope == from {
			e.Scope = to
		}
	}
	for i := range m.requests {
		if m.requests[i].Scope == from {
			m.requests[i].Scope = to
		}
	}
}

func (m *Model) MoveRecords(ctx context.Context, from, to state.Lease, cause state.Cause) (moved int, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.checkEpoch(from.Scope, from.Epoch, false); err != nil {
		return 0, err
	}
	if err := m.checkEpoch(to.Scope, to.Epoch, false); err != nil {
		return 0, err
	}
	if from.Scope == to.Scope || from.Scope.Tenant != to.Scope.Tenant {
		return 0, state.ErrTenantFixed
	}
	for _, e := range m.those(func(e *entity) bool { return e.scope == from.Scope && e.DeletedAt.IsZero() }) {
		for _, key := range e.keys {
			if taken := m.find(to.Scope, e.Kind, key); key.Name == state.UniqueName(e.Kind) && len(taken) > 0 {
				return 0, &state.UniqueError{Key: key, Holder: taken[0].ID}
			}
		}
	}
	for _, e := range m.those(func(e *entity) bool { return e.scope == from.Scope }) {
		was, is := []byte("{}"), []byte("{}")
		if e.Link != "" {
			was, is = state.Diff(&state.Record{Kind: state.KindAccount, Link: e.Link}, &state.Record{Kind: state.KindAccount}, nil, nil)
		}
		e.Link, e.Stamp = "", 0
		if !e.DeletedAt.IsZero() {
			continue
		}
		e.ModifiedAt = m.instant()
		e.Version++
		m.journal[from.Scope.Tenant] = append(m.journal[from.Scope.Tenant], entry{Entry: state.Entry{
			Number: m.last(from.Scope.Tenant) + 1, Scope: from.Scope, At: m.instant(), Kind: e.Kind, ID: e.ID, Name: e.Name, Verb: state.VerbLife,
			Version: e.Version, Cause: cause, Before: was, After: is,
		}})
		moved++
	}
	m.rescope(from.Scope, to.Scope)
	delete(m.suspicions, from.Scope)
	return moved, ctx.Err()
}
