package state

import (
	"encoding/json"
	"time"
)

// Source is what the record knows of a configured identity provider. The configuration itself is not kept here.
type Source struct {
	Scope     Scope
	Kind      string // "entra" or "okta"
	CreatedAt time.Time

	// What the last run by hand or on schedule was made with. A change of any of them makes scheduled runs observe first.
	Identity string // directory and application at the identity provider
	Basis    string // hash of mapping and scope

	Observe     string    // why scheduled runs only plan until one by hand was clean or approved; "" = they apply
	LastPushAt  time.Time // of an authenticated request; precise to a minute
	LastPullAt  time.Time // start of the last run, however it ended
	LastWholeAt time.Time // start of the last run with a complete snapshot
}

// Lease is the right to run, apply, approve or undo for a source. Whoever holds it puts its epoch in every mutation.
type Lease struct {
	Scope  Scope
	Holder string
	Epoch  int64 // grows with each new holder
	Until  time.Time
}

// Verdict is what a run's snapshot proved.
type Verdict string

const (
	VerdictComplete Verdict = "complete" // everything was read; absence may be suspected
	VerdictPartial  Verdict = "partial"  // some people were read; only positive facts count
	VerdictFailed   Verdict = "failed"   // nothing usable was read
)

// Run is one pull → plan → apply, recorded whole. A dry run is not recorded.
type Run struct {
	ID        string
	Scope     Scope
	Trigger   string // "schedule" or "hand" of a pull; "person" or "hint" of a run about some people only; "undo", "apply" of one that pulls nothing
	Actor     string
	StartedAt time.Time
	EndedAt   time.Time // zero while it runs
	Verdict   Verdict
	Reason    string // in plain sentences: why it is not complete, and why a part is held
	Outcome   string // "in_sync", "applied", "partly_applied", "held", "observed", "incomplete", "failed"
	Plan      string // id of the plan it left held, if any
	Report    []byte // JSON: snapshot proof, counts, changes with their results; written by sync
}

// Found is how much drift a pull found: the sum of counts.actions in its Report, of whatever else is a run 0.
func (r *Run) Found() (changes int) {
	var report struct {
		Counts struct {
			Actions map[string]int `json:"actions"`
		} `json:"counts"`
	}
	if r.Trigger == "undo" || r.Trigger == "apply" || json.Unmarshal(r.Report, &report) != nil {
		return 0
	}
	for _, n := range report.Counts.Actions {
		changes += n
	}
	return changes
}

// PlanStatus is the life of a held plan.
type PlanStatus string

const (
	PlanHeld      PlanStatus = "held"
	PlanApproved  PlanStatus = "approved"
	PlanDiscarded PlanStatus = "discarded"
	PlanReplaced  PlanStatus = "replaced" // a later run's plan took its place
)

// HeldPlan is what the gate kept back. A source has at most one with status held, the newest.
type HeldPlan struct {
	ID        string
	Scope     Scope
	Run       string
	CreatedAt time.Time
	Status    PlanStatus
	Reason    string // why it was held, one plain sentence
	Changes   int
	Removals  int
	Body      []byte // JSON of the plan; written by sync/plan
	DecidedBy string
	DecidedAt time.Time
}

// Suspicion is what earlier runs of a source noticed about one person and has to be remembered until it is confirmed or refuted.
type Suspicion struct {
	Person string // object id; of "unexplained" the account's id
	Fact   string // "absent" (missing from a complete snapshot), "gone" (looked up by id, not there), "name_reused", "missing" (assigned, without account), "unexplained", or "fresh:" or "discarded:" and a change
	Run    string // that noticed it first
	At     time.Time
}

// Cursor is where the hints of a source's provider were read to.
type Cursor struct {
	Identity string // of the connector that it was read with; another one's is void
	Text     string // opaque; holds no secret
}

// Agreement notes that an account was found just as its mapping wants it. It is no change and is not journalled.
type Agreement struct {
	Row     int64
	Version int64 // of the account when it was compared; a later one makes the agreement void
	Stamp   uint64
}

// Ledger is what the gate's sums are made of.
type Ledger struct {
	Active  int // accounts in force now
	Before  int // accounts in force at the time asked for
	Removed int // distinct accounts that pulls made inactive since the time asked for and that still are; approved ones apart
	Total   int // accounts, tombstones apart
	Pushed  int // as Removed, of those that pushes made inactive
}
