package console

import (
	"context"
	"time"

	"rollcall/state"
	"rollcall/sync/explain"
	"rollcall/sync/plan"
)

// Source is one source as it is configured now.
type Source struct {
	Scope state.Scope
	explain.Setup
	Mapping []MappingRow // of the mapping in use, in its order; nil: it is the tenant's own, read at each run
	Groups  string       // "pushed" or "off"
	People  string       // "assigned" or "all"
}

// MappingRow is a row of an attribute mapping, with the columns of the provider's own screen.
type MappingRow struct {
	Target string
	Type   string // "Direct", "Constant" or "Expression"
	Source string
	Match  int // precedence; 0 = it matches nothing
	Apply  string
}

// Refusal is an error made of sentences for the operator: what happened, what was not harmed, what to do.
type Refusal string

func (r Refusal) Error() string { return string(r) }

// Work is what an operator can have done that takes a provider, a lease or a plan. Each method returns when it is done. An error that an
// operator can do something about is a Refusal; state.ErrNotFound says that there is no such thing. by is the operator's name.
type Work interface {
	Decisions
	Pulls
}

// Decisions decides on plans and takes runs back.
type Decisions interface {
	// Review reads what still stands of a held plan now; of one that is decided, what it was.
	Review(ctx context.Context, planID string) (Reviewed, error)
	// Approve and Discard decide on a held plan, or with the id "staged:" and a source on its staged pushes; on these only if they are
	// what was seen, by its StagedDigest.
	Approve(ctx context.Context, planID, seen, by string) (Done, error)
	Discard(ctx context.Context, planID, seen, by string) (Done, error)
	// Undo takes a run back; with dryRun it only says what that would change.
	Undo(ctx context.Context, run, by string, dryRun bool) (plan.Plan, Done, error)
}

// Pulls asks providers.
type Pulls interface {
	// SyncPerson pulls and repairs one account.
	SyncPerson(ctx context.Context, scope state.Scope, account state.ID, by string) (Done, error)
	// SyncSource starts a run by hand of a whole source soon, and returns at once.
	SyncSource(ctx context.Context, scope state.Scope, by string) error
	// Ask asks the provider about somebody now, and changes nothing.
	Ask(ctx context.Context, subject explain.Subject) (*explain.Now, error)
	// Watch calls tell with each step of the source's runs in this process, at most a few times a second, until the context is over or
	// tell returns false. The first call says how it stands.
	Watch(ctx context.Context, source string, tell func(Progress) bool)
}

// Reviewed is a plan with what has become of it.
type Reviewed struct {
	Held  state.HeldPlan // Body left out
	Plan  plan.Plan      // what still stands; of a decided plan, the whole
	Moved []Moved        // what no longer stands, and why
}

// Moved is a change of a held plan that no longer stands.
type Moved struct {
	Change plan.Change
	Why    string // one plain sentence
}

// Done is what became of a piece of work.
type Done struct {
	Applied int
	Held    int
	Run     string   // id of the run it made, if any
	Plan    string   // id of the plan it left held, if any
	Says    string   // in a sentence or two
	Mishaps []string // what was not carried out, a sentence each
}

// Progress is how far a run has come.
type Progress struct {
	Running bool
	Step    string // in words: "reading people", "applying changes"
	Count   int
	Of      int // 0 = not known
	Run     string
	Since   time.Time
	Ended   string // the sentence a run ended with, on the step that ends it
}
