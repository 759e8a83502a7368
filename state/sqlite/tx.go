package sqlite

import (
	"errors"
	"time"

	sqlite3 "modernc.org/sqlite/lib"

	"rollcall/state"
)

// tx is the writer's transaction under way. What it has read of scopes and tenants holds until its end, since nobody else can write.
type tx struct {
	c          *conn
	now        time.Time
	savepoints bool // each step has one
	scopes     map[state.Scope]*scopeRow
	tenants    map[int64]*tenantRow
}

// scopeRow is a source as the transaction knows it.
type scopeRow struct {
	source int64
	tenant *tenantRow
	epoch  int64
	tally  tally
	blocks map[block]int64 // by how much they grow
}

// block is a stretch of rows.
type block struct {
	kind   state.Kind
	number int64
}

// blockRows is how many rows a block has; the schema says so too.
const blockRows = 2048

// tenantRow is a tenant as the transaction knows it.
type tenantRow struct {
	tenant int64
	number int64 // of the last journal entry, this transaction's included
	moved  bool
}

// tally is what a source's sums grow by.
type tally struct{ accounts, inForce, groups int64 }

const (
	beginNow      = `BEGIN IMMEDIATE`
	commitAll     = `COMMIT`
	rollbackAll   = `ROLLBACK`
	savepoint     = `SAVEPOINT step`
	releaseStep   = `RELEASE step`
	rollbackStep  = `ROLLBACK TO step`
	scopeForWrite = `SELECT s.source, s.tenant, t.last_number, coalesce(l.epoch, 0)
		FROM sources s JOIN tenants t ON t.tenant = s.tenant LEFT JOIN leases l ON l.source = s.source
		WHERE s.name = ? AND t.name = ?`
	addTally = `UPDATE sources SET accounts = accounts + ?, in_force = in_force + ?, groups = groups + ? WHERE source = ?`
	addBlock = `INSERT INTO blocks (source, kind, block, live) VALUES (?, ?, ?, ?)
		ON CONFLICT (source, kind, block) DO UPDATE SET live = live + excluded.live`
	putNumber = `UPDATE tenants SET last_number = ? WHERE tenant = ?`
)

// scope returns the source of a scope, or ErrNotFound.
func (t *tx) scope(scope state.Scope) (*scopeRow, error) {
	if held := t.scopes[scope]; held != nil {
		return held, nil
	}
	held := &scopeRow{blocks: map[block]int64{}}
	tenant := &tenantRow{}
	found, err := t.c.one(func(row row) {
		held.source, tenant.tenant, tenant.number, held.epoch = row.int(0), row.int(1), row.int(2), row.int(3)
	}, scopeForWrite, scope.Source, scope.Tenant)
	if err != nil {
		return nil, err
	}
	if !found {
		return nil, unknownSource(scope)
	}
	if known := t.tenants[tenant.tenant]; known != nil {
		tenant = known
	}
	held.tenant = tenant
	t.scopes[scope], t.tenants[tenant.tenant] = held, tenant
	return held, nil
}

// errHalfDone is a step that was refused after it had written something, without a savepoint to go back to.
var errHalfDone = errors.New("a step that was refused had written something")

// step carries out f. Its error is f's refusal, of which nothing is left; broken is a failure of the database or errHalfDone, after
// which the whole transaction is lost. Steps check before they write, so that a refused one has left nothing: a savepoint, which costs
// a copy of each page that the step changes, is only made where that turned out to be wrong.
func (t *tx) step(f func(*tx) error) (refused, broken error) {
	if t.savepoints {
		if err := t.c.exec(savepoint); err != nil {
			return nil, err
		}
	}
	before := t.c.written()
	err := f(t)
	failed := (*dbError)(nil)
	switch {
	case errors.As(err, &failed) && code(err) != sqlite3.SQLITE_CONSTRAINT:
		return nil, err
	case t.savepoints && err != nil:
		if broken := t.c.exec(rollbackStep); broken != nil {
			return nil, broken
		}
	case err != nil && t.c.written() != before:
		return nil, errHalfDone
	}
	if t.savepoints {
		broken = t.c.exec(releaseStep)
	}
	return err, broken
}

// settle writes the sums and numbers that the transaction moved.
func (t *tx) settle() error {
	for _, held := range t.scopes {
		if d := held.tally; d != (tally{}) {
			if err := t.c.exec(addTally, d.accounts, d.inForce, d.groups, held.source); err != nil {
				return err
			}
		}
		for b, live := range held.blocks {
			if err := t.c.exec(addBlock, held.source, int64(b.kind), b.number, live); err != nil {
				return err
			}
		}
	}
	for _, tenant := range t.tenants {
		if tenant.moved {
			if err := t.c.exec(putNumber, tenant.number, tenant.tenant); err != nil {
				return err
			}
		}
	}
	return nil
}
