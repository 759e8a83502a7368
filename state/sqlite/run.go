package sqlite

import (
	"context"

	"rollcall/state"
)

const (
	runColumns = `SELECT u.id, t.name, s.name, u.triggered, u.actor, u.started_at, u.ended_at, u.verdict, u.reason, u.outcome,
		u.plan, u.report FROM runs u JOIN sources s ON s.source = u.source JOIN tenants t ON t.tenant = s.tenant `
	runByID = runColumns + `WHERE u.id = ?`
	runsAll = runColumns + `ORDER BY u.started_at DESC, u.run DESC LIMIT ?`
	runsOf  = runColumns + `WHERE u.source = ` + inScope + `ORDER BY u.started_at DESC, u.run DESC LIMIT ?`
	putRun  = `INSERT INTO runs (id, source, triggered, actor, started_at, ended_at, verdict, reason, outcome, plan, report)
		VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET triggered = excluded.triggered,
		actor = excluded.actor, started_at = excluded.started_at, ended_at = excluded.ended_at, verdict = excluded.verdict,
		reason = excluded.reason, outcome = excluded.outcome, plan = excluded.plan, report = excluded.report
		WHERE source = excluded.source`
)

// runReport is the column of the report.
const runReport = 11

func scanRun(row row) state.Run {
	return state.Run{
		ID:        row.text(0),
		Scope:     state.Scope{Tenant: row.text(1), Source: row.text(2)},
		Trigger:   row.text(3),
		Actor:     row.text(4),
		StartedAt: row.time(5),
		EndedAt:   row.time(6),
		Verdict:   state.Verdict(row.text(7)),
		Reason:    row.text(8),
		Outcome:   row.text(9),
		Plan:      row.text(10),
		Report:    row.bytes(runReport),
	}
}

// Run reads one run.
func (r *Reader) Run(ctx context.Context, id string) (run state.Run, err error) {
	err = r.get(ctx, func(row row) { run = scanRun(row) }, runByID, id)
	return run, err
}

// ListRuns reads the newest runs of a source, or of all.
func (r *Reader) ListRuns(ctx context.Context, scope state.Scope, limit int) ([]state.Run, error) {
	if scope == (state.Scope{}) {
		return list(ctx, r, scanRun, runsAll, atMost(limit))
	}
	return list(ctx, r, scanRun, runsOf, scope.Source, scope.Tenant, atMost(limit))
}

// PutRun keeps a run. An id that another source's run has is ErrNotFound.
func (s *Store) PutRun(ctx context.Context, epoch int64, run state.Run) error {
	return s.do(ctx, func(t *tx) error {
		held, err := t.leased(run.Scope, epoch)
		if err != nil {
			return err
		}
		err = t.c.exec(putRun, run.ID, held.source, run.Trigger, run.Actor, toMilli(run.StartedAt), toMilli(run.EndedAt),
			string(run.Verdict), run.Reason, run.Outcome, run.Plan, toBytes(run.Report))
		if err != nil || t.c.changed() == 1 {
			return err
		}
		return state.ErrNotFound
	})
}

const (
	planColumns = `SELECT p.id, t.name, s.name, p.run, p.created_at, p.status, p.reason, p.changes, p.removals, p.decided_by,
		p.decided_at, p.body FROM plans p JOIN sources s ON s.source = p.source JOIN tenants t ON t.tenant = s.tenant `
	planByID     = planColumns + `WHERE p.id = ?`
	planStanding = `SELECT t.name, s.name, p.status FROM plans p JOIN sources s ON s.source = p.source JOIN tenants t ON t.tenant = s.tenant WHERE p.id = ?`
	plansAll     = planColumns + `ORDER BY p.plan DESC LIMIT ?`
	plansOf      = planColumns + `WHERE p.source = ` + inScope + `ORDER BY p.plan DESC LIMIT ?`
	replacePlans = `UPDATE plans SET status = 'replaced', decided_at = ? WHERE source = ? AND status = 'held'`
	insertPlan   = `INSERT INTO plans (id, source, run, created_at, status, reason, changes, removals, decided_by, decided_at, body)
		VALUES (?, ?, ?, ?, 'held', ?, ?, ?, '', 0, ?)`
	decidePlan = `UPDATE plans SET status = ?, decided_by = ?, decided_at = ? WHERE id = ?`
)

func scanPlan(row row) state.HeldPlan {
	return state.HeldPlan{
		ID:        row.text(0),
		Scope:     state.Scope{Tenant: row.text(1), Source: row.text(2)},
		Run:       row.text(3),
		CreatedAt: row.time(4),
		Status:    state.PlanStatus(row.text(5)),
		Reason:    row.text(6),
		Changes:   int(row.int(7)),
		Removals:  int(row.int(8)),
		DecidedBy: row.text(9),
		DecidedAt: row.time(10),
		Body:      row.bytes(11),
	}
}

// HeldPlan reads one plan, whatever has become of it.
func (r *Reader) HeldPlan(ctx context.Context, id string) (plan state.HeldPlan, err error) {
	if err = r.get(ctx, func(row row) { plan = scanPlan(row) }, planByID, id); err == nil {
		plan.Body, err = unpack(plan.Body)
	}
	return plan, err
}

// ListPlans reads the newest plans of a source, or of all.
func (r *Reader) ListPlans(ctx context.Context, scope state.Scope, limit int) ([]state.HeldPlan, error) {
	query, args := plansOf, []any{scope.Source, scope.Tenant, atMost(limit)}
	if scope == (state.Scope{}) {
		query, args = plansAll, []any{atMost(limit)}
	}
	plans, err := list(ctx, r, scanPlan, query, args...)
	for i := range plans {
		if plans[i].Body, err = unpack(plans[i].Body); err != nil {
			return nil, err
		}
	}
	return plans, err
}

// HoldPlan keeps a plan as the one that is held.
func (s *Store) HoldPlan(ctx context.Context, epoch int64, plan state.HeldPlan) error {
	packed, err := pack(plan.Body)
	if err != nil {
		return err
	}
	return s.do(ctx, func(t *tx) error {
		held, err := t.leased(plan.Scope, epoch)
		if err != nil {
			return err
		}
		if err := t.c.exec(replacePlans, toMilli(t.now), held.source); err != nil {
			return err
		}
		return t.c.exec(insertPlan, plan.ID, held.source, plan.Run, toMilli(plan.CreatedAt), plan.Reason,
			int64(plan.Changes), int64(plan.Removals), packed)
	})
}

// DecidePlan says what became of the held plan.
func (s *Store) DecidePlan(ctx context.Context, epoch int64, id string, status state.PlanStatus, by string) error {
	return s.do(ctx, func(t *tx) error {
		var plan state.HeldPlan
		found, err := t.c.one(func(row row) {
			plan.Scope, plan.Status = state.Scope{Tenant: row.text(0), Source: row.text(1)}, state.PlanStatus(row.text(2))
		}, planStanding, id)
		if err != nil {
			return err
		}
		if !found {
			return state.ErrNotFound
		}
		if _, err := t.leased(plan.Scope, epoch); err != nil {
			return err
		}
		if plan.Status != state.PlanHeld {
			return state.ErrVersion
		}
		return t.c.exec(decidePlan, string(status), by, toMilli(t.now), id)
	})
}

const (
	suspicionsOf    = `SELECT person, fact, run, at FROM suspicions WHERE source = ` + inScope + `ORDER BY person, fact`
	deleteSuspicion = `DELETE FROM suspicions WHERE source = ? AND person = ? AND fact = ?`
	insertSuspicion = `INSERT INTO suspicions (source, person, fact, run, at) VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`
)

// Suspicions reads what a source has to remember, by person and fact.
func (r *Reader) Suspicions(ctx context.Context, scope state.Scope) ([]state.Suspicion, error) {
	return list(ctx, r, func(row row) state.Suspicion {
		return state.Suspicion{Person: row.text(0), Fact: row.text(1), Run: row.text(2), At: row.time(3)}
	}, suspicionsOf, scope.Source, scope.Tenant)
}

// Suspect clears and then adds suspicions, a slice at a time, as bulk work.
func (s *Store) Suspect(ctx context.Context, scope state.Scope, epoch int64, add, clear []state.Suspicion) error {
	return s.doBulk(ctx, 1+len(clear)+len(add), func(t *tx, i int) error {
		held, err := t.leased(scope, epoch)
		if err != nil || i == 0 {
			return err
		}
		if i--; i < len(clear) {
			return t.c.exec(deleteSuspicion, held.source, clear[i].Person, clear[i].Fact)
		}
		x := add[i-len(clear)]
		return t.c.exec(insertSuspicion, held.source, x.Person, x.Fact, x.Run, toMilli(x.At))
	})
}
