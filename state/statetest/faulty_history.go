package statetest

import (
	"context"

	"rollcall/state"
)

func (f *faulty) LastEntries(ctx context.Context, scope state.Scope, id state.ID, limit int) ([]state.Entry, error) {
	return get(f, "LastEntries", func() ([]state.Entry, error) { return f.store.LastEntries(ctx, scope, id, limit) })
}

func (f *faulty) MembershipEntries(ctx context.Context, scope state.Scope, member state.ID, limit int) ([]state.Entry, error) {
	return get(f, "MembershipEntries", func() ([]state.Entry, error) { return f.store.MembershipEntries(ctx, scope, member, limit) })
}

func (f *faulty) RunsNaming(ctx context.Context, scope state.Scope, texts []string, limit int) ([]state.Run, error) {
	return get(f, "RunsNaming", func() ([]state.Run, error) { return f.store.RunsNaming(ctx, scope, texts, limit) })
}

func (f *faulty) PlansNaming(ctx context.Context, scope state.Scope, texts []string, limit int) ([]state.HeldPlan, error) {
	return get(f, "PlansNaming", func() ([]state.HeldPlan, error) { return f.store.PlansNaming(ctx, scope, texts, limit) })
}

func (f *faulty) SuspicionsOf(ctx context.Context, scope state.Scope, people []string) ([]state.Suspicion, error) {
	return get(f, "SuspicionsOf", func() ([]state.Suspicion, error) { return f.store.SuspicionsOf(ctx, scope, people) })
}

func (f *faulty) FailedRequests(ctx context.Context, scope state.Scope, limit int) ([]state.Request, error) {
	return get(f, "FailedRequests", func() ([]state.Request, error) { return f.store.FailedRequests(ctx, scope, limit) })
}
