package statetest

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"rollcall/state"
	"rollcall/state/scim"
)

// place is where an entity stands in a list.
type place struct {
	key string
	at  int64
}

func (p place) compare(q place) int {
	return cmp.Or(cmp.Compare(p.key, q.key), cmp.Compare(p.at, q.at))
}

func (m *Model) List(ctx context.Context, l state.Listing) (state.Page, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	places := map[*entity]place{}
	all := m.those(func(e *entity) bool {
		if e.Kind != l.Kind || !slices.Contains(l.Scopes, e.scope) || !shows(e, l.Show) {
			return false
		}
		var in bool
		places[e], in = m.place(e, l)
		return in
	})
	backwards := l.Descending || l.Reason != ""
	order := func(a, b place) int {
		if backwards {
			return b.compare(a)
		}
		return a.compare(b)
	}
	slices.SortFunc(all, func(a, b *entity) int { return order(places[a], places[b]) })
	if l.After != "" {
		i, err := strconv.Atoi(l.After)
		if err != nil || i < 0 || i >= len(m.console.places) {
			return state.Page{}, fmt.Errorf("the page to go on behind: %w", state.ErrNotFound)
		}
		all = slices.DeleteFunc(all, func(e *entity) bool { return order(places[e], m.console.places[i]) <= 0 })
	}
	var page state.Page
	for _, e := range first(all, l.Limit) {
		page.Rows = append(page.Rows, m.listed(e))
	}
	if n := len(page.Rows); n < len(all) {
		page.Next = strconv.Itoa(len(m.console.places))
		m.console.places = append(m.console.places, places[all[n-1]])
	}
	return page, ctx.Err()
}

// place is where an entity stands in a list, and whether it is in it.
func (m *Model) place(e *entity, l state.Listing) (place, bool) {
	switch {
	case l.Reason != "":
		for _, entry := range slices.Backward(m.journal[e.scope.Tenant]) {
			if entry.ID == e.ID && entry.turn != 0 {
				return place{at: entry.serial}, entry.turn < 0 && entry.Cause.Reason == l.Reason && !e.InForce
			}
		}
		return place{}, false
	case l.Order == state.OrderCreated || l.Show == state.ShowDeleted:
		return place{at: e.Row}, true
	}
	for _, key := range e.keys {
		if key.Name == state.UniqueName(e.Kind) {
			return place{key.Text, e.Row}, true
		}
	}
	return place{at: e.Row}, true
}

func shows(e *entity, show state.Show) bool {
	if e.DeletedAt.IsZero() == (show == state.ShowDeleted) {
		return false
	}
	account := e.Kind == state.KindAccount
	switch show {
	case state.ShowActive:
		return account && e.InForce
	case state.ShowInactive:
		return account && !e.InForce
	case state.ShowStaged:
		return account && e.Staged
	case state.ShowPinned:
		return account && e.Pinned
	case state.ShowProtected:
		return account && e.Protected
	}
	return true
}

// listed is an entity with the newest entry that is kept of it.
func (m *Model) listed(e *entity) state.Listed {
	listed := state.Listed{Scope: e.scope, Record: m.copied(e)}
	for _, entry := range slices.Backward(m.journal[e.scope.Tenant]) {
		if entry.ID == e.ID {
			listed.Last, listed.LastAt = entry.Cause, entry.At
			break
		}
	}
	return listed
}

func (m *Model) Locate(ctx context.Context, id state.ID) (state.Scope, state.Kind, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	e := m.records[id]
	if e == nil {
		return state.Scope{}, 0, state.ErrNotFound
	}
	return e.scope, e.Kind, ctx.Err()
}

// Search looks at every record as it is now.
func (m *Model) Search(ctx context.Context, text string, limit int) ([]state.Listed, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	search := state.NewSearch(text)
	keyed := m.those(func(e *entity) bool {
		return slices.ContainsFunc(search.Keys(e.Kind), func(key state.MatchKey) bool {
			return slices.Contains(m.find(e.scope, e.Kind, key), e)
		})
	})
	worded := m.those(func(e *entity) bool {
		resource, err := scim.Decode(e.Resource)
		return err == nil && e.DeletedAt.IsZero() && search.Matches(state.SearchWords(e.Kind, resource)) && !slices.Contains(keyed, e)
	})
	if len(keyed) > 0 && search.Address() {
		worded = nil
	}
	var list []state.Listed
	for _, found := range [][]*entity{keyed, worded} {
		slices.SortFunc(found, func(a, b *entity) int {
			return cmp.Or(cmp.Compare(scim.Fold(a.Name), scim.Fold(b.Name)), cmp.Compare(a.Row, b.Row))
		})
		for _, e := range found {
			list = append(list, m.listed(e))
		}
	}
	return first(list, limit), ctx.Err()
}

// Digest takes in everything at once. Search needs none of it.
func (m *Model) Digest(ctx context.Context) (more bool, err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for tenant, entries := range m.journal {
		for _, e := range entries {
			if e.Number > m.console.digested[tenant] {
				m.console.digested[tenant] = e.Number
				m.digest(e)
			}
		}
	}
	for _, run := range m.runs {
		if !run.EndedAt.IsZero() && !m.console.counted[run.ID] {
			m.console.counted[run.ID] = true
			m.addDay(run.Scope, run.EndedAt, func(d *state.Day) { d.Found += run.Found() })
		}
	}
	return false, ctx.Err()
}

func (m *Model) digest(e entry) {
	m.addDay(e.Scope, e.At, func(d *state.Day) {
		switch e.Cause.Kind {
		case state.CausePush:
			d.Pushes++
		case state.CausePull, state.CauseApproval:
			d.Repaired++
		}
		if e.turn < 0 {
			d.Removals++
		}
	})
}

func (m *Model) addDay(scope state.Scope, at time.Time, add func(*state.Day)) {
	s, date := m.sources[scope.Source], at.Truncate(24*time.Hour)
	days := m.console.days[s]
	if days == nil {
		days = map[time.Time]state.Day{}
		m.console.days[s] = days
	}
	day := days[date]
	day.Date = date
	add(&day)
	if day != (state.Day{Date: date}) {
		days[date] = day
	}
}

func (m *Model) Days(ctx context.Context, since time.Time) ([]state.Day, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var list []state.Day
	for s, days := range m.console.days {
		for date, day := range days {
			if !date.Before(since.Truncate(24 * time.Hour)) {
				day.Scope = s.Scope
				list = append(list, day)
			}
		}
	}
	slices.SortFunc(list, func(a, b state.Day) int {
		return cmp.Or(cmp.Compare(a.Scope.Source, b.Scope.Source), a.Date.Compare(b.Date))
	})
	return list, ctx.Err()
}

func (m *Model) RunHeads(ctx context.Context, scope state.Scope, outcome, before string, limit int) ([]state.Run, error) {
	runs, err := m.ListRuns(ctx, state.Scope{}, 0)
	if runs, err = beforeID(runs, err, before, func(r state.Run) string { return r.ID }); err != nil {
		return nil, err
	}
	runs = slices.DeleteFunc(runs, func(r state.Run) bool {
		return scope != (state.Scope{}) && r.Scope != scope || outcome != "" && r.Outcome != outcome
	})
	for i := range runs {
		runs[i].Report = nil
	}
	return first(runs, limit), nil
}

func (m *Model) PlanHeads(ctx context.Context, scope state.Scope, status state.PlanStatus, before string, limit int) ([]state.HeldPlan, error) {
	plans, err := m.ListPlans(ctx, state.Scope{}, 0)
	if plans, err = beforeID(plans, err, before, func(p state.HeldPlan) string { return p.ID }); err != nil {
		return nil, err
	}
	plans = slices.DeleteFunc(plans, func(p state.HeldPlan) bool {
		return scope != (state.Scope{}) && p.Scope != scope || status != "" && p.Status != status
	})
	for i := range plans {
		plans[i].Body = nil
	}
	return first(plans, limit), nil
}

func (m *Model) RequestHeads(ctx context.Context, query state.RequestQuery) ([]state.Request, error) {
	requests, err := m.Requests(ctx, state.Scope{}, 0)
	if requests, err = beforeID(requests, err, query.Before, func(r state.Request) string { return r.ID }); err != nil {
		return nil, err
	}
	requests = slices.DeleteFunc(requests, func(r state.Request) bool {
		return query.Scope != (state.Scope{}) && r.Scope != query.Scope || query.Failed && r.Status < 400
	})
	for i := range requests {
		requests[i].Body, requests[i].Answer = nil, nil
	}
	return first(requests, query.Limit), nil
}

// beforeID returns those behind the one with an id in a list that begins with the newest.
func beforeID[T any](list []T, err error, id string, idOf func(T) string) ([]T, error) {
	if err != nil || id == "" {
		return list, err
	}
	i := slices.IndexFunc(list, func(item T) bool { return idOf(item) == id })
	if i < 0 {
		return nil, state.ErrNotFound
	}
	return list[i+1:], nil
}
