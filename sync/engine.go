// Package sync is the decision: it pulls what an identity provider says, plans what would make the record agree, holds what the gate
// holds, and applies the rest. Import it as dirsync.
package sync

import (
	"context"
	"log/slog"
	"time"

	"rollcall/connectors"
	"rollcall/state"
	"rollcall/sync/mapping"
	"rollcall/sync/plan"
)

// What became of a run: state.Run.Outcome. The command line turns it into an exit code.
const (
	OutcomeInSync     = "in_sync"        // nothing to change
	OutcomeApplied    = "applied"        // everything planned was carried out
	OutcomePartly     = "partly_applied" // some changes were refused, or had moved
	OutcomeHeld       = "held"           // a part waits for an approval; the rest was carried out
	OutcomeObserved   = "observed"       // nothing was carried out: the source only observes; Run.Plan names the plan, if one waits
	OutcomePlanned    = "planned"        // a dry run found something to change; nothing is recorded
	OutcomeIncomplete = "incomplete"     // the provider was not read whole; only positive facts counted
	OutcomeFailed     = "failed"         // nothing usable was read
)

// What became of one change: ChangeResult.Outcome.
const (
	ChangeApplied = "applied"
	ChangeMoved   = "moved"   // the account has changed since the plan was made
	ChangeRefused = "refused" // by the record; Detail says why
	ChangeGone    = "stale"   // its witness no longer stands
)

// Reader is what planning may touch. It cannot write, so neither can a dry run.
type Reader interface {
	state.Records
	Index(ctx context.Context, scope state.Scope, yield func(state.IndexRow) error) error
	Source(ctx context.Context, name string) (state.Source, error)
	Suspicions(ctx context.Context, scope state.Scope) ([]state.Suspicion, error)
	Ledger(ctx context.Context, scope state.Scope, since time.Time) (state.Ledger, error)
}

// Store is what a run touches.
type Store interface {
	Reader
	state.Indexer
	state.Writer
	state.Sources
	state.Runs
	state.Suspicions
	state.Journal
}

// Source is one configured source, ready to run.
type Source struct {
	Scope     state.Scope
	Kind      string
	Connector connectors.Connector // nil: push-only, never runs
	Mapping   *mapping.Mapping
	People    string // connectors.Assigned or Everyone
	Schedule  string // cron; "" = on demand
	Rules     plan.Rules
	Policy    string // "full", "no-create" or "report"
}

// Engine runs one source at a time per source.
type Engine struct {
	Store  Store
	Now    func() time.Time
	Log    *slog.Logger
	Holder string // names this process in leases
}

// Order says how to run.
type Order struct {
	Trigger  string // "schedule" or "hand"
	Actor    string
	DryRun   bool
	Progress func(Progress) // may be nil; called on the run's goroutine at most once per page
}

// Progress is how far a run has come.
type Progress struct {
	Step   string // "pull", "look up", "plan", "apply"
	People int
	Done   int
	Of     int // 0 = unknown
}

// Report is what a run did, or, of a dry run, would do.
type Report struct {
	Run     state.Run
	Proof   connectors.Proof
	Plan    plan.Plan
	Results []ChangeResult // of the changes that were tried
}

// ChangeResult is what became of one change of the plan.
type ChangeResult struct {
	Change  int    // index into Plan.Changes
	Outcome string // one of the Change constants
	Detail  string
}

// RunOnce carries out one run.
func (e *Engine) RunOnce(ctx context.Context, source Source, order Order) (Report, error) {
	panic("stub")
}

// Approve applies what still stands of a held plan; Discard drops it and remembers persons and facts.
func (e *Engine) Approve(ctx context.Context, source Source, planID, actor string) (Report, error) {
	panic("stub")
}

func (e *Engine) Discard(ctx context.Context, source Source, planID, actor string) error {
	panic("stub")
}
