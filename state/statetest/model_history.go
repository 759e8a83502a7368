package statetest

import (
	"bytes"
	"context"
	"slices"

	"rollcall/state"
)

func (m *Model) LastEntries(ctx context.Context, scope state.Scope, id state.ID, limit int) ([]state.Entry, error) {
	return m.lastEntries(ctx, scope, limit, func(e *entry) bool { return e.ID == id })
}

func (m *Model) MembershipEntries(ctx context.Context, scope state.Scope, member state.ID, limit int) ([]state.Entry, error) {
	named := []byte(`"` + member + `"`)
	return m.lastEntries(ctx, scope, limit, func(e *entry) bool {
		return member != "" && e.Kind == state.KindGroup && (bytes.Contains(e.Before, named) || bytes.Contains(e.After, named))
	})
}

func (m *Model) lastEntries(ctx context.Context, scope state.Scope, limit int, which func(*entry) bool) ([]state.Entry, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	var list []state.Entry
	for _, e := range slices.Backward(m.journal[scope.Tenant]) {
		if e.Scope == scope && which(&e) {
			list = append(list, e.Entry)
		}
	}
	return first(list, limit), ctx.Err()
}

func (m *Model) RunsNaming(ctx context.Context, scope state.Scope, texts []string, limit int) ([]state.Run, error) {
	runs, err := m.ListRuns(ctx, scope, 0)
	return first(slices.DeleteFunc(runs, func(r state.Run) bool { return r.Scope != scope || !names(r.Report, texts) }), limit), err
}

func (m *Model) PlansNaming(ctx context.Context, scope state.Scope, texts []string, limit int) ([]state.HeldPlan, error) {
	plans, err := m.ListPlans(ctx, scope, 0)
	return first(slices.DeleteFunc(plans, func(p state.HeldPlan) bool { return p.Scope != scope || !names(p.Body, texts) }), limit), err
}

func (m *Model) SuspicionsOf(ctx context.Context, scope state.Scope, people []string) ([]state.Suspicion, error) {
	list, err := m.Suspicions(ctx, scope)
	return slices.DeleteFunc(list, func(s state.Suspicion) bool { return !slices.Contains(people, s.Person) }), err
}

func (m *Model) FailedRequests(ctx context.Context, scope state.Scope, limit int) ([]state.Request, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	changed := map[string]bool{}
	for _, e := range m.journal[scope.Tenant] {
		changed[e.Request] = true
	}
	list := newest(m.requests, func(r state.Request) state.Scope { return r.Scope }, scope)
	return first(slices.DeleteFunc(list, func(r state.Request) bool { return r.Scope != scope || changed[r.ID] }), limit), ctx.Err()
}

// names tells whether a document has one of some texts.
func names(document []byte, texts []string) bool {
	return slices.ContainsFunc(texts, func(text string) bool { return text != "" && bytes.Contains(document, []byte(text)) })
}
