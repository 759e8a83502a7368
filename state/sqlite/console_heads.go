package sqlite

import (
	"context"
	"math"

	"rollcall/state"
)

// The columns of runs, plans and requests without what is long.
const (
	runHeadColumns = `SELECT u.id, t.name, s.name, u.triggered, u.actor, u.started_at, u.ended_at, u.verdict, u.reason, u.outcome,
		u.plan, NULL FROM runs u JOIN sources s ON s.source = u.source JOIN tenants t ON t.tenant = s.tenant `
	runHeadsBefore = `AND (u.started_at, u.run) < (?, ?) AND (? = '' OR u.outcome = ?) ORDER BY u.started_at DESC, u.run DESC LIMIT ?`
	runHeadsAll    = runHeadColumns + `WHERE 1 ` + runHeadsBefore
	runHeadsOf     = runHeadColumns + `WHERE u.source = ` + inScope + runHeadsBefore
	runPlace       = `SELECT started_at, run FROM runs WHERE id = ?`

	planHeadColumns = `SELECT p.id, t.name, s.name, p.run, p.created_at, p.status, p.reason, p.changes, p.removals, p.decided_by,
		p.decided_at, NULL FROM plans p JOIN sources s ON s.source = p.source JOIN tenants t ON t.tenant = s.tenant `
	planHeadsBefore = `AND p.plan < ? AND (? = '' OR p.status = ?) ORDER BY p.plan DESC LIMIT ?`
	planHeadsAll    = planHeadColumns + `WHERE 1 ` + planHeadsBefore
	planHeadsOf     = planHeadColumns + `WHERE p.source = ` + inScope + planHeadsBefore
	planPlace       = `SELECT 0, plan FROM plans WHERE id = ?`

	requestHeadColumns = `SELECT q.id, t.name, s.name, q.at, q.key_id, q.method, q.path, q.status, q.detail, NULL, NULL
		FROM requests q JOIN sources s ON s.source = q.source JOIN tenants t ON t.tenant = s.tenant `
	requestHeadsBefore = `AND q.request < ? ORDER BY q.request DESC LIMIT ?`
	requestHeadsAll    = requestHeadColumns + `WHERE 1 ` + requestHeadsBefore
	requestHeadsOf     = requestHeadColumns + `WHERE q.source = ` + inScope + requestHeadsBefore
	failedHeadsAll     = requestHeadColumns + `WHERE q.status >= 400 ` + requestHeadsBefore
	failedHeadsOf      = requestHeadColumns + `WHERE q.status >= 400 AND q.source = ` + inScope + requestHeadsBefore
	requestPlace       = `SELECT 0, request FROM requests WHERE id = ?`
)

// RunHeads reads the newest runs, or those before one.
func (r *Reader) RunHeads(ctx context.Context, scope state.Scope, outcome, before string, limit int) ([]state.Run, error) {
	at, run, err := r.place(ctx, runPlace, before)
	if err != nil {
		return nil, err
	}
	if scope == (state.Scope{}) {
		return list(ctx, r, scanRun, runHeadsAll, at, run, outcome, outcome, atMost(limit))
	}
	return list(ctx, r, scanRun, runHeadsOf, scope.Source, scope.Tenant, at, run, outcome, outcome, atMost(limit))
}

// PlanHeads reads the newest plans, or those before one.
func (r *Reader) PlanHeads(ctx context.Context, scope state.Scope, status state.PlanStatus, before string, limit int) ([]state.HeldPlan, error) {
	_, plan, err := r.place(ctx, planPlace, before)
	if err != nil {
		return nil, err
	}
	if scope == (state.Scope{}) {
		return list(ctx, r, scanPlan, planHeadsAll, plan, string(status), string(status), atMost(limit))
	}
	return list(ctx, r, scanPlan, planHeadsOf, scope.Source, scope.Tenant, plan, string(status), string(status), atMost(limit))
}

// RequestHeads reads the newest requests, or those before one.
func (r *Reader) RequestHeads(ctx context.Context, query state.RequestQuery) ([]state.Request, error) {
	_, request, err := r.place(ctx, requestPlace, query.Before)
	switch {
	case err != nil:
		return nil, err
	case query.Scope == (state.Scope{}) && query.Failed:
		return list(ctx, r, scanRequest, failedHeadsAll, request, atMost(query.Limit))
	case query.Scope == (state.Scope{}):
		return list(ctx, r, scanRequest, requestHeadsAll, request, atMost(query.Limit))
	case query.Failed:
		return list(ctx, r, scanRequest, failedHeadsOf, query.Scope.Source, query.Scope.Tenant, request, atMost(query.Limit))
	}
	return list(ctx, r, scanRequest, requestHeadsOf, query.Scope.Source, query.Scope.Tenant, request, atMost(query.Limit))
}

// place returns where something stands among its kind, behind all for "".
func (r *Reader) place(ctx context.Context, query, id string) (at, number int64, err error) {
	if id == "" {
		return math.MaxInt64, math.MaxInt64, ctx.Err()
	}
	err = r.get(ctx, func(found row) { at, number = found.int(0), found.int(1) }, query, id)
	return at, number, err
}
