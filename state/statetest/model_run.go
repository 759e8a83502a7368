package statetest

import (
	"cmp"
	"context"
	"slices"
	"time"

	"rollcall/state"
)

func (m *Model) PutRun(ctx context.Context, epoch int64, run state.Run) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.checkEpoch(run.Scope, epoch, false); err != nil {
		return err
	}
	run.StartedAt, run.EndedAt = instant(run.StartedAt), instant(run.EndedAt)
	run.Report = slices.Clone(run.Report)
	i := slices.IndexFunc(m.runs, func(r state.Run) bool { return r.ID == run.ID })
	switch {
	case i < 0:
		m.runs = append(m.runs, run)
	case m.runs[i].Scope != run.Scope:
		return state.ErrNotFound
	default:
		m.runs[i] = run
	}
	return ctx.Err()
}

func (m *Model) Run(ctx context.Context, id string) (state.Run, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range m.runs {
		if r.ID == id {
			return r, ctx.Err()
		}
	}
	return state.Run{}, state.ErrNotFound
}

func (m *Model) ListRuns(ctx context.Context, scope state.Scope, limit int) ([]state.Run, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	list := newest(m.runs, func(r state.Run) state.Scope { return r.Scope }, scope)
	slices.SortStableFunc(list, func(a, b state.Run) int { return cmp.Compare(b.StartedAt.UnixMilli(), a.StartedAt.UnixMilli()) })
	return first(list, limit), ctx.Err()
}

func (m *Model) HoldPlan(ctx context.Context, epoch int64, plan state.HeldPlan) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.checkEpoch(plan.Scope, epoch, false); err != nil {
		return err
	}
	for i := range m.plans {
		if p := &m.plans[i]; p.Scope == plan.Scope && p.Status == state.PlanHeld {
			p.Status, p.DecidedAt = state.PlanReplaced, m.instant()
		}
	}
	plan.Status, plan.DecidedBy, plan.DecidedAt = state.PlanHeld, "", time.Time{}
	plan.CreatedAt = instant(plan.CreatedAt)
	plan.Body = slices.Clone(plan.Body)
	m.plans = append(m.plans, plan)
	return ctx.Err()
}

func (m *Model) HeldPlan(ctx context.Context, id string) (state.HeldPlan, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, p := range m.plans {
		if p.ID == id {
			return p, ctx.Err()
		}
	}
	return state.HeldPlan{}, state.ErrNotFound
}

func (m *Model) ListPlans(ctx context.Context, scope state.Scope, limit int) ([]state.HeldPlan, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return first(newest(m.plans, func(p state.HeldPlan) state.Scope { return p.Scope }, scope), limit), ctx.Err()
}

func (m *Model) DecidePlan(ctx context.Context, epoch int64, id string, status state.PlanStatus, by string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	for i := range m.plans {
		p := &m.plans[i]
		if p.ID != id {
			continue
		}
		if err := m.checkEpoch(p.Scope, epoch, false); err != nil {
			return err
		}
		if p.Status != state.PlanHeld {
			return state.ErrVersion
		}
		p.Status, p.DecidedBy, p.DecidedAt = status, by, m.instant()
		return ctx.Err()
	}
	return state.ErrNotFound
}

func (m *Model) LogRequest(r state.Request) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if s := m.sources[r.Scope.Source]; s == nil || s.Scope != r.Scope {
		return
	}
	r.At = instant(r.At)
	if !slices.ContainsFunc(m.requests, func(kept state.Request) bool { return kept.ID == r.ID }) {
		m.requests = append(m.requests, r)
	}
}

func (m *Model) Request(ctx context.Context, id string) (state.Request, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, r := range m.requests {
		if r.ID == id {
			return r, ctx.Err()
		}
	}
	return state.Request{}, state.ErrNotFound
}

func (m *Model) Requests(ctx context.Context, scope state.Scope, limit int) ([]state.Request, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return first(newest(m.requests, func(r state.Request) state.Scope { return r.Scope }, scope), limit), ctx.Err()
}

// newest returns the items of a scope, or all for the zero scope, last kept first.
func newest[T any](items []T, scopeOf func(T) state.Scope, scope state.Scope) []T {
	var list []T
	for _, item := range slices.Backward(items) {
		if scope == (state.Scope{}) || scopeOf(item) == scope {
			list = append(list, item)
		}
	}
	return list
}

func first[T any](list []T, limit int) []T {
	if limit > 0 {
		return list[:min(limit, len(list))]
	}
	return list
}
