package state

import (
	"context"
	"time"
)

// The contract of a store, one interface per role. A store's reads see everything committed before they began, its own process's
// writes included. No method keeps a transaction open while a callback runs, so that a callback may use the store. A limit of 0 is none.

// Records reads accounts and groups. Tombstones are invisible except to Tombstones.
type Records interface {
	// Record returns one by id, or ErrNotFound.
	Record(ctx context.Context, scope Scope, kind Kind, id ID) (Record, error)
	// Find returns those that a match key leads to, in row order; none is no error.
	Find(ctx context.Context, scope Scope, kind Kind, key MatchKey) ([]Record, error)
	// Scan calls yield for records in row order, after the row given, having left out the first skip of them, until yield returns
	// false or limit is reached (0 = no limit). The Record is yield's to keep.
	Scan(ctx context.Context, scope Scope, kind Kind, after int64, skip, limit int, yield func(Record) bool) error
	Count(ctx context.Context, scope Scope, kind Kind) (int, error)
	// Members calls yield for each member of a group in order of joining, until it returns false. ErrNotFound if there is no such group.
	Members(ctx context.Context, scope Scope, group ID, yield func(Ref) bool) error
	// GroupsOf returns the groups that a record is directly in, in row order.
	GroupsOf(ctx context.Context, scope Scope, id ID) ([]Ref, error)
	// GroupsOfAll is GroupsOf for many records at once, named by their rows, at the cost of about one: it calls yield for each group of
	// each of them, in their order and then in that of the groups' rows, until it returns false. Whoever is in no group, or not there,
	// is passed over; a tombstone is where it was.
	GroupsOfAll(ctx context.Context, scope Scope, rows []int64, yield func(row int64, group Ref) bool) error
}

// Tombstones reads records that a DELETE took away and that can still be restored.
type Tombstones interface {
	Tombstones(ctx context.Context, scope Scope, yield func(Record) bool) error
}

// Writer changes the record.
type Writer interface {
	// Write carries out mutations and returns, in their order, what became of each, once everything accepted is on disk. Each
	// is all or nothing: one that is refused spares its neighbours. Those of one call need not share a transaction when
	// Bulk. An error of Write itself means that some may be unwritten: their Result has it too. No context can interrupt it half-way.
	Write(urgency Urgency, mutations []Mutation) ([]Result, error)
}

// Indexer reads a whole source in compact form.
type Indexer interface {
	// Index calls yield for every account of the scope, in row order. An error of yield ends it and is returned.
	Index(ctx context.Context, scope Scope, yield func(IndexRow) error) error
	// Agree notes agreements; those whose version has moved on are left out.
	Agree(ctx context.Context, scope Scope, epoch int64, agreements []Agreement) error
}

// Sources keeps the sources and their leases.
type Sources interface {
	// EnsureSource returns the source, made on first use. Another tenant than at first use is ErrTenantFixed.
	EnsureSource(ctx context.Context, scope Scope, kind string) (Source, error)
	Source(ctx context.Context, name string) (Source, error)
	ListSources(ctx context.Context) ([]Source, error)
	// PutSource keeps Identity, Basis, Observe, LastPullAt and LastWholeAt; the caller holds the lease.
	PutSource(ctx context.Context, epoch int64, source Source) error
	// AcquireLease takes the lease on a source with a new epoch, or fails with ErrLeased while another holder's is unexpired.
	AcquireLease(ctx context.Context, scope Scope, holder string, ttl time.Duration) (Lease, error)
	// RenewLease and ReleaseLease fail with ErrStaleEpoch once somebody else has the lease; running out alone ends nothing.
	RenewLease(ctx context.Context, lease Lease, ttl time.Duration) (Lease, error)
	ReleaseLease(ctx context.Context, lease Lease) error
}

// Keys keeps bearer keys.
type Keys interface {
	// PutKey keeps a new key; ErrKeyLimit when the source has two live ones.
	PutKey(ctx context.Context, key Key) error
	// KeyByHash returns the key, live or not, or ErrNotFound.
	KeyByHash(ctx context.Context, hash KeyHash) (Key, error)
	ListKeys(ctx context.Context, scope Scope) ([]Key, error)
	RevokeKey(ctx context.Context, scope Scope, id string) error
	// TouchKey notes a use of the key and a push of its source. It may be dropped when one was noted within the last minute.
	TouchKey(ctx context.Context, key Key, at time.Time) error
}

// Runs keeps the history of runs and the plans they left held.
type Runs interface {
	// PutRun keeps a run, whole, replacing what was kept under its id.
	PutRun(ctx context.Context, epoch int64, run Run) error
	Run(ctx context.Context, id string) (Run, error)
	// ListRuns returns the newest first; a zero scope means all sources.
	ListRuns(ctx context.Context, scope Scope, limit int) ([]Run, error)
	// HoldPlan keeps a held plan and marks the source's earlier one as replaced.
	HoldPlan(ctx context.Context, epoch int64, plan HeldPlan) error
	HeldPlan(ctx context.Context, id string) (HeldPlan, error)
	// ListPlans returns the newest first; a zero scope means all sources.
	ListPlans(ctx context.Context, scope Scope, limit int) ([]HeldPlan, error)
	// DecidePlan sets the status of a held plan with who and when; ErrVersion if it is no longer held.
	DecidePlan(ctx context.Context, epoch int64, id string, status PlanStatus, by string) error
}

// Suspicions keeps what must be noticed twice before it counts.
type Suspicions interface {
	Suspicions(ctx context.Context, scope Scope) ([]Suspicion, error)
	// Suspect clears the suspicions named by person and fact, then adds others (the first sighting of each person and fact is kept).
	Suspect(ctx context.Context, scope Scope, epoch int64, add, clear []Suspicion) error
}

// Cursors keeps, for each source, where its provider's hints were read to.
type Cursors interface {
	// Cursor returns the zero Cursor where none is kept.
	Cursor(ctx context.Context, scope Scope) (Cursor, error)
	// PutCursor keeps a cursor in place of the one before; a zero one drops it. The caller holds the lease.
	PutCursor(ctx context.Context, scope Scope, epoch int64, cursor Cursor) error
}

// Journal reads what happened.
type Journal interface {
	// Entries returns a tenant's entries with a number above after, in order, at most limit.
	Entries(ctx context.Context, tenant string, after int64, limit int) ([]Entry, error)
	// EntriesOf returns the entries of one resource, in order.
	EntriesOf(ctx context.Context, scope Scope, id ID) ([]Entry, error)
	// Ledger sums a source up for the gate.
	Ledger(ctx context.Context, scope Scope, since time.Time) (Ledger, error)
}

// Requests keeps failed pushes, bounded; those that changed something are kept through Mutation.Request.
type Requests interface {
	// LogRequest keeps a request soon, without making the caller wait; it may be dropped under load.
	LogRequest(Request)
	// Request returns one by id, or ErrNotFound.
	Request(ctx context.Context, id string) (Request, error)
	// Requests returns the newest first; a zero scope means all sources.
	Requests(ctx context.Context, scope Scope, limit int) ([]Request, error)
}
