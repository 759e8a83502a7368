package statetest

import (
	"context"
	"time"

	"rollcall/state"
)

func (f *faulty) PutOperator(ctx context.Context, operator state.Operator) error {
	return f.do("PutOperator", func() error { return f.store.PutOperator(ctx, operator) })
}

func (f *faulty) Operator(ctx context.Context, name string) (state.Operator, error) {
	return get(f, "Operator", func() (state.Operator, error) { return f.store.Operator(ctx, name) })
}

func (f *faulty) ListOperators(ctx context.Context) ([]state.Operator, error) {
	return get(f, "ListOperators", func() ([]state.Operator, error) { return f.store.ListOperators(ctx) })
}

func (f *faulty) PutSignInLink(ctx context.Context, hash state.TokenHash, operator string, expires time.Time) error {
	return f.do("PutSignInLink", func() error { return f.store.PutSignInLink(ctx, hash, operator, expires) })
}

func (f *faulty) UseSignInLink(ctx context.Context, hash state.TokenHash) (state.Operator, error) {
	return get(f, "UseSignInLink", func() (state.Operator, error) { return f.store.UseSignInLink(ctx, hash) })
}

func (f *faulty) PutSession(ctx context.Context, session state.Session) error {
	return f.do("PutSession", func() error { return f.store.PutSession(ctx, session) })
}

func (f *faulty) Session(ctx context.Context, hash state.TokenHash) (session state.Session, operator state.Operator, err error) {
	err = f.do("Session", func() (err error) {
		session, operator, err = f.store.Session(ctx, hash)
		return err
	})
	if err != nil {
		return state.Session{}, state.Operator{}, err
	}
	return session, operator, nil
}

func (f *faulty) ListSessions(ctx context.Context) ([]state.Session, error) {
	return get(f, "ListSessions", func() ([]state.Session, error) { return f.store.ListSessions(ctx) })
}

func (f *faulty) DropSession(ctx context.Context, hash state.TokenHash) error {
	return f.do("DropSession", func() error { return f.store.DropSession(ctx, hash) })
}

func (f *faulty) DropSessionsOf(ctx context.Context, operator string) error {
	return f.do("DropSessionsOf", func() error { return f.store.DropSessionsOf(ctx, operator) })
}

func (f *faulty) PutInvite(ctx context.Context, invite state.Invite) error {
	return f.do("PutInvite", func() error { return f.store.PutInvite(ctx, invite) })
}

func (f *faulty) Invite(ctx context.Context, id string) (state.Invite, error) {
	return get(f, "Invite", func() (state.Invite, error) { return f.store.Invite(ctx, id) })
}

func (f *faulty) ListInvites(ctx context.Context, scope state.Scope) ([]state.Invite, error) {
	return get(f, "ListInvites", func() ([]state.Invite, error) { return f.store.ListInvites(ctx, scope) })
}

func (f *faulty) ClaimInvite(ctx context.Context, id string, key state.Key) error {
	return f.do("ClaimInvite", func() error { return f.store.ClaimInvite(ctx, id, key) })
}

func (f *faulty) WithdrawInvite(ctx context.Context, id string) error {
	return f.do("WithdrawInvite", func() error { return f.store.WithdrawInvite(ctx, id) })
}

func (f *faulty) NoteDeed(ctx context.Context, deed state.Deed) error {
	return f.do("NoteDeed", func() error { return f.store.NoteDeed(ctx, deed) })
}

func (f *faulty) ListDeeds(ctx context.Context, scope state.Scope, before int64, limit int) ([]state.Deed, error) {
	return get(f, "ListDeeds", func() ([]state.Deed, error) { return f.store.ListDeeds(ctx, scope, before, limit) })
}

func (f *faulty) List(ctx context.Context, listing state.Listing) (state.Page, error) {
	return get(f, "List", func() (state.Page, error) { return f.store.List(ctx, listing) })
}

func (f *faulty) Locate(ctx context.Context, id state.ID) (scope state.Scope, kind state.Kind, err error) {
	err = f.do("Locate", func() (err error) {
		scope, kind, err = f.store.Locate(ctx, id)
		return err
	})
	if err != nil {
		return state.Scope{}, 0, err
	}
	return scope, kind, nil
}

func (f *faulty) Search(ctx context.Context, text string, limit int) ([]state.Listed, error) {
	return get(f, "Search", func() ([]state.Listed, error) { return f.store.Search(ctx, text, limit) })
}

func (f *faulty) Digest(ctx context.Context) (bool, error) {
	return get(f, "Digest", func() (bool, error) { return f.store.Digest(ctx) })
}

func (f *faulty) Days(ctx context.Context, since time.Time) ([]state.Day, error) {
	return get(f, "Days", func() ([]state.Day, error) { return f.store.Days(ctx, since) })
}

func (f *faulty) RunHeads(ctx context.Context, scope state.Scope, outcome, before string, limit int) ([]state.Run, error) {
	return get(f, "RunHeads", func() ([]state.Run, error) { return f.store.RunHeads(ctx, scope, outcome, before, limit) })
}

func (f *faulty) PlanHeads(ctx context.Context, scope state.Scope, status state.PlanStatus, before string, limit int) ([]state.HeldPlan, error) {
	return get(f, "PlanHeads", func() ([]state.HeldPlan, error) { return f.store.PlanHeads(ctx, scope, status, before, limit) })
}

func (f *faulty) RequestHeads(ctx context.Context, query state.RequestQuery) ([]state.Request, error) {
	return get(f, "RequestHeads", func() ([]state.Request, error) { return f.store.RequestHeads(ctx, query) })
}
