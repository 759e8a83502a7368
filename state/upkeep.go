package state

import (
	"context"
	"errors"
	"time"
)

// ErrHeld says that a removal was refused by its Gate. Nothing was written; stage it instead.
var ErrHeld = errors.New("more removals than the gate lets pass")

// ErrTaken says that a source cannot have a name, because another one has it.
var ErrTaken = errors.New("another source has this name")

// ErrInForce says that an account is in force, and may not be erased.
var ErrInForce = errors.New("the account is active")

// Gate bounds the removals that pushes make. It is pure: the store asks it inside the transaction, so that of two pushes at the same
// time the second one sees the first.
type Gate interface {
	// Holds tells whether the removal of an account has to wait. The sums are those of the GateWindow until now, this removal left out.
	Holds(account *Record, sums Ledger) bool
}

// GateWindow is how far back the sums of a Gate go.
const GateWindow = 24 * time.Hour

// ReasonDelete is the Cause.Reason of a DELETE that is staged: see Record.Deletes.
const ReasonDelete = "pushed_delete"

// Stagings reads what was said and is not in force yet.
type Stagings interface {
	// Staged calls yield for each staged account in row order, until it returns false. Its cost is that of the staged ones alone.
	Staged(ctx context.Context, scope Scope, yield func(Record) bool) error
}

// FeedReader has read a tenant's journal up to a number, and will come back for the rest.
type FeedReader struct {
	Tenant string
	Name   string
	Number int64
	At     time.Time // when it said so
}

// Trimmed is what a Trim removed.
type Trimmed struct{ Entries, Requests int }

// Retention bounds what is kept of the past.
type Retention interface {
	// Trim removes journal entries and requests older than the times given, of all tenants, oldest first, as bulk work; a zero time
	// removes nothing of its kind. A tenant's journal loses a prefix without a gap, never what a registered reader has not read.
	Trim(ctx context.Context, journal, requests time.Time) (Trimmed, error)
	// Cut returns the number up to which a tenant's journal was removed, 0 if it is whole. Replay begins behind it, with the record as it
	// was then: the present one with every kept entry taken back, the newest first.
	Cut(ctx context.Context, tenant string) (int64, error)
	// KeepReader registers a reader, or notes how far one has come. DropReader forgets one; none of that name is no error.
	KeepReader(ctx context.Context, reader FeedReader) error
	DropReader(ctx context.Context, tenant, name string) error
	// Readers lists a tenant's, by name.
	Readers(ctx context.Context, tenant string) ([]FeedReader, error)
}

// Alarm is a condition of a source that somebody has been told of, and not yet that it is over.
type Alarm struct {
	Scope     Scope
	Condition string
	Since     time.Time // when it was first seen
}

// GroupLoss is one push that took members out of a group.
type GroupLoss struct {
	Number int64 // of its journal entry
	At     time.Time
	Group  ID
	Left   []ID
}

// Alarms remembers what somebody has been told of, so that a restart tells nothing twice, and finds what nobody but the journal tells.
type Alarms interface {
	// Alarms lists all, by source and condition.
	Alarms(ctx context.Context) ([]Alarm, error)
	PutAlarm(ctx context.Context, alarm Alarm) error
	// DropAlarm forgets one; none is no error.
	DropAlarm(ctx context.Context, alarm Alarm) error
	// GroupLosses returns, in order, the pushes to a source behind a number of its tenant's journal by which a group lost more than so
	// many members, and the number up to which it looked. It looks at each entry behind that number, and reads little of it.
	GroupLosses(ctx context.Context, scope Scope, after int64, more int) (losses []GroupLoss, last int64, err error)
}

// Eraser blanks personal values for good. What is left are ids, times, and what was done: see Blanked.
type Eraser interface {
	// Erase purges a record, if it is still there, and blanks its values in the journal, in requests, plans and runs. An entry with verb
	// purge and the cause given tells of it. ErrNotFound if nothing is kept under the id; ErrInForce, and nothing is changed, if it is an
	// account that is in force.
	Erase(ctx context.Context, scope Scope, id ID, cause Cause) error
	// BlankTenant blanks the journal, requests, plans and runs of a whole tenant, and decides what is held. Its records have been purged
	// before: ErrVersion if one is left.
	BlankTenant(ctx context.Context, tenant string) error
}

// Movers gives sources other names, and records to other sources. The caller holds the leases.
type Movers interface {
	// RenameSource keeps everything of a source under a new name; ErrTaken if another source has it.
	RenameSource(ctx context.Context, epoch int64, scope Scope, name string) error
	// MoveRecords makes every record of one source, with its history and requests, one of another source of the same tenant, in one
	// transaction. Ids, names and memberships stay; links go, and suspicions. Each record that can be seen has an entry with the cause given; they are counted. Tombstones come along.
	// *UniqueError if both have a live record of a name; nothing is moved then.
	MoveRecords(ctx context.Context, from, to Lease, cause Cause) (moved int, err error)
}
