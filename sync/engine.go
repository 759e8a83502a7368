// Package sync is the decision: it pulls what an identity provider says, plans what would make the record agree, holds what the gate
// holds, and applies the rest. Import it as dirsync.
//
// # A run
//
// A run reads the index of a source's accounts first, so that whatever a push changes while the pull goes on is seen to have moved and
// is left alone. Then it pulls, page by page, and keeps nothing of the people who agree. What differs is decided in sync/plan; who
// is missing, or would be let in again, is looked at by id. The gate holds what nobody should lose by mistake; the rest is applied in
// small commits, each batch made ready while the one before is written. All else happens on the caller's goroutine, under the source's
// lease, without any transaction open while the network is waited for.
//
// Whatever goes wrong at the provider makes a run incomplete: what was positively read still counts, what was not read is not
// missed. A dry run does the same up to the gate with a Reader, which can write nothing.
//
// # Groups
//
// With GroupsPushed a run also repairs who is in the groups that the provider pushed. The members of a group at the source come with the
// pull and are compared with those recorded when its first page comes; nothing is kept of those who agree. Who is in the group at the
// source is added, if the same pull read them as enabled and in scope and they have an active account. Who is not in it loses access, and
// no pull says so outright: it only leaves somebody out. So it takes two runs that saw everyone and read the group whole, both of which
// read the person as enabled and in scope and did not find them in it, with no push about that membership in between; the first of the
// two is remembered as a suspicion. Groups are never made, renamed or purged by a pull. See regroup.go for the rules and plan.Plan.Hold
// for the gate.
package sync

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"time"

	"rollcall/connectors"
	"rollcall/state"
	"rollcall/state/scim"
	"rollcall/sync/mapping"
	"rollcall/sync/plan"
)

// What became of a run: state.Run.Outcome. The command line turns it into an exit code.
const (
	OutcomeInSync     = "in_sync"        // nothing to change
	OutcomeApplied    = "applied"        // everything planned was carried out
	OutcomePartly     = "partly_applied" // some changes were refused, or had moved
	OutcomeHeld       = "held"           // a part waits for an approval; the rest was carried out
	OutcomeObserved   = "observed"       // nothing was carried out: the source is only observed; Run.Plan names the plan, if one waits
	OutcomePlanned    = "planned"        // a dry run found something to change; nothing is recorded
	OutcomeIncomplete = "incomplete"     // the provider was not read whole; only positive facts counted
	OutcomeFailed     = "failed"         // the run ended by an error of the record, or because it was stopped
)

// What became of one change: ChangeResult.Outcome.
const (
	ChangeApplied = "applied"
	ChangeMoved   = "moved"   // the account has changed since the plan was made
	ChangeRefused = "refused" // by the record; Detail says why
	ChangeStale   = "stale"   // looked at anew, its witness no longer stands
	ChangeDone    = "done"    // of an earlier plan: the record is so already
)

// Order.Trigger.
const (
	TriggerSchedule = "schedule"
	TriggerHand     = "hand"
)

// state.Run.Trigger of a run about some people only, beside the above.
const (
	TriggerPerson = "person" // somebody asked for them
	TriggerHint   = "hint"   // the provider hinted at a change
)

// state.Run.Trigger of a run that pulls nothing.
const (
	TriggerUndo  = "undo"  // it took back what was done before
	TriggerApply = "apply" // it carried out a plan that was saved
)

// Source.Policy.
const (
	PolicyFull     = "full"
	PolicyNoCreate = "no-create" // missing accounts are reported
	PolicyReport   = "report"    // nothing is changed
)

// Progress.Step.
const (
	StepPull  = "pull"
	StepLook  = "look up"
	StepPlan  = "plan"
	StepApply = "apply"
)

// Reader is what planning may touch. It cannot write, so neither can a dry run.
type Reader interface {
	state.Records
	state.Tombstones
	Index(ctx context.Context, scope state.Scope, yield func(state.IndexRow) error) error
	Source(ctx context.Context, name string) (state.Source, error)
	ListSources(ctx context.Context) ([]state.Source, error)
	Suspicions(ctx context.Context, scope state.Scope) ([]state.Suspicion, error)
	state.Journal
	ListRuns(ctx context.Context, scope state.Scope, limit int) ([]state.Run, error)
	HeldPlan(ctx context.Context, id string) (state.HeldPlan, error)
	state.RunHeads
}

// Store is what a run touches.
type Store interface {
	Reader
	state.Indexer
	state.Writer
	state.Sources
	state.Runs
	state.Suspicions
	state.Cursors
	state.Journal
}

// Source is one configured source, ready to run.
type Source struct {
	Scope     state.Scope
	Kind      string
	Connector connectors.Connector // nil: push-only, never runs
	Mapping   *mapping.Mapping
	People    string           // connectors.Assigned or Everyone
	Scoping   *mapping.Scoping // who of them is in scope; nil: all
	Schedule  string           // cron; "" = on demand
	Rules     plan.Rules
	Policy    string // one of the Policy constants
	Groups    string // one of the Groups constants

	// Complete, unless nil, fills in what only the provider can tell, such as a mapping that is kept there. It is called at the start of
	// each run and approval, on that goroutine. Its error is the provider's: a pull is recorded as incomplete, with the reason.
	Complete func(ctx context.Context, source Source) (Source, error)
}

// completed is the source with what its provider tells.
func (s Source) completed(ctx context.Context) (Source, error) {
	if s.Complete == nil {
		return s, nil
	}
	return s.Complete(ctx, s)
}

// Engine runs, approves and discards for any number of sources, one thing at a time for each. It is safe for concurrent use.
type Engine struct {
	Store  Store            // may be nil for dry runs, if there is a Reader
	Reader Reader           // what dry runs read; nil: Store
	Now    func() time.Time // nil: time.Now
	Log    *slog.Logger     // nil: none
	Holder string           // names this process in leases, as no other process is named

	// Users is what an account can have, such as extensions that a configuration declares: what it does not know would be lost from an
	// account that is written. nil: scim.UserType.
	Users *scim.ResourceType

	mu   sync.Mutex
	busy map[state.Scope]bool // sources that this process works on
}

// Order says how to run.
type Order struct {
	Trigger  string // one of the Trigger constants
	Actor    string // who or what asked, for the journal
	DryRun   bool
	Progress func(Progress) // may be nil; called on the run's goroutine at most once per page
}

// Progress is how far a run has come.
type Progress struct {
	Step   string // one of the Step constants
	People int
	Done   int
	Of     int // 0 = unknown
}

// Report is what a run did, or, of a dry run, would do.
type Report struct {
	Run     state.Run
	Proof   connectors.Proof
	Known   int  // accounts whose people were seen in the pull
	Usual   int  // the median of how many people the complete pulls before read; 0: there were too few of them
	Allowed int  // of a run about some people: those of whom the provider says that they are there, not disabled, and not unassigned
	Unread  bool // the provider did not tell what Source.Complete asks for: nobody was read and nothing planned
	Plan    plan.Plan
	Results []ChangeResult // of the changes that were tried
}

// ChangeResult is what became of one change of the plan.
type ChangeResult struct {
	Change  int    `json:"change"`           // index into Plan.Changes
	Outcome string `json:"outcome"`          // one of the Change constants
	Detail  string `json:"detail,omitempty"` // one plain sentence
}

// ErrPushOnly says that a source has nothing to pull from.
var ErrPushOnly = errors.New("the source is push-only: it has no credentials to pull with")

const (
	leaseTTL  = 2 * time.Minute
	lastWords = 15 * time.Second // for recording the end of a run whose context is over
)

// RunOnce carries out one run. Trouble at the provider is no error: the Report's Run has the outcome and the reason. An error is the
// record's, a lease that somebody else holds or a run of this process on the same source (state.ErrLeased), or the context's; what was read until then is in the Report, and a
// run that had begun is recorded as failed.
func (e *Engine) RunOnce(ctx context.Context, source Source, order Order) (Report, error) {
	r, err := e.newRunner(source, order)
	if err != nil {
		return Report{}, err
	}
	if order.DryRun {
		return r.dry(ctx)
	}
	return r.real(ctx)
}

func (e *Engine) newRunner(source Source, order Order) (*runner, error) {
	if source.Connector == nil {
		return nil, ErrPushOnly
	}
	r := &runner{engine: e, source: source, order: order}
	r.report.Run = state.Run{
		ID: string(state.NewID()), Scope: source.Scope, Trigger: order.Trigger, Actor: order.Actor, StartedAt: e.now(),
	}
	return r, nil
}

// dry plans and stops. It takes no lease and saves nothing.
func (r *runner) dry(ctx context.Context) (Report, error) {
	kept, err := r.reader().Source(ctx, r.source.Scope.Source)
	switch {
	case errors.Is(err, state.ErrNotFound):
	case err != nil:
		return r.report, fmt.Errorf("read source %s: %w", r.source.Scope.Source, err)
	case kept.Scope.Tenant != r.source.Scope.Tenant:
		return r.report, state.ErrTenantFixed
	}
	told, err := r.complete(ctx)
	if told {
		err = r.plan(ctx, kept, func(ctx context.Context, at Progress) error {
			r.progress(at)
			return ctx.Err()
		})
	}
	run := &r.report.Run
	run.EndedAt = r.engine.now()
	switch {
	case err != nil:
		run.Outcome, run.Reason = OutcomeFailed, err.Error()
	case run.Verdict != state.VerdictComplete:
		run.Outcome = OutcomeIncomplete
	case len(r.report.Plan.Changes) > 0:
		run.Outcome = OutcomePlanned
	default:
		run.Outcome = OutcomeInSync
	}
	return r.report, err
}

// reader is what a plan is made from.
func (r *runner) reader() Reader {
	if r.order.DryRun && r.engine.Reader != nil {
		return r.engine.Reader
	}
	return r.engine.Store
}

// now is the time as the record keeps times.
func (e *Engine) now() time.Time {
	now := time.Now
	if e.Now != nil {
		now = e.Now
	}
	return now().UTC().Truncate(time.Millisecond)
}

func (e *Engine) users() *scim.ResourceType {
	if e.Users != nil {
		return e.Users
	}
	return scim.UserType()
}

func (e *Engine) log() *slog.Logger {
	if e.Log == nil {
		return slog.New(slog.DiscardHandler)
	}
	return e.Log
}

// scoped is the source's mapping within its scoping filters.
func (s *Source) scoped() *mapping.Mapping { return s.Mapping.Within(s.Scoping) }

// mappingAndScope is state.Source.Basis: it changes when the meaning of the mapping or of the scoping filters, the scope of people, or
// what is done about groups does.
func mappingAndScope(source Source) string {
	basis := strconv.FormatUint(source.scoped().Hash(), 16) + "/" + source.People
	if source.Groups == GroupsPushed {
		basis += "/groups"
	}
	return basis
}

// basisOf is plan.Plan.Basis: a plan stands only on the directory, mapping and scope that it was made with.
func basisOf(source Source) string {
	return source.Connector.Identity() + " " + mappingAndScope(source)
}
