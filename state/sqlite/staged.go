package sqlite

import (
	"context"

	"rollcall/state"
)

const stagedAfter = `SELECT ` + recordColumns + `FROM records r INDEXED BY records_staged WHERE r.source = ` + inScope + `
	AND r.staged <> 0 AND r.deleted_at = 0 AND r.record > ? ORDER BY r.record LIMIT ?`

// Staged reads the accounts of whom a removal waits, in row order.
func (r *Reader) Staged(ctx context.Context, scope state.Scope, yield func(state.Record) bool) error {
	return r.walk(ctx, stagedAfter, scope, yield)
}

// gated refuses a removal that the mutation's gate holds. The sums are those of the transaction: what its earlier steps changed is in
// the journal already, and in the tally.
func (w *work) gated() error {
	if w.m.Gate == nil || w.change.Turn() >= 0 {
		return nil
	}
	since := sinceMilli(w.now.Add(-state.GateWindow))
	var sums state.Ledger
	if _, err := w.c.one(func(row row) { sums = scanLedger(row) }, ledger,
		since, since, w.m.Scope.Source, w.m.Scope.Tenant, since, w.m.Scope.Source, w.m.Scope.Tenant); err != nil {
		return err
	}
	sums.Total += int(w.held.tally.accounts)
	sums.Active += int(w.held.tally.inForce)
	sums.Before += int(w.held.tally.inForce)
	if w.m.Gate.Holds(w.change.Before, sums) {
		return state.ErrHeld
	}
	return nil
}
