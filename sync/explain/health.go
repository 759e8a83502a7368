package explain

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"

	"rollcall/connectors"
	"rollcall/state"
	"rollcall/sync/plan"
)

// Health is what can be said of a source without asking its provider.
type Health struct {
	Scope state.Scope
	Kind  string // of provider: "entra" or "okta"
	Setup
	state.Source
	Active, Total int
	Keys          []state.Key
	Run           *state.Run              // the last pull; nil: there was none, or it cannot be read
	Drift         int                     // changes that the last pull planned and did not carry out
	Missing       int                     // of them accounts to be made
	People        int                     // whom the last pull read
	Noticed       map[plan.NoticeKind]int // by the last pull
	Lost          bool                    // the last pull found that the application itself is gone at the provider
	Failure       string                  // the kind of error that the last pull ended with, as connectors.Proof has it
	Unreadable    []string                // assigned groups whose members the last pull could not read
	RetryAt       time.Time               // before then the provider does not want to be asked again
	Push          *connectors.Push        // the provider's own provisioning, as the last pull found it; nil: it may not be read
	Held          state.HeldPlan          // zero if nothing is held
	Staged        int                     // pushed removals that the gate holds
	StagedAt      time.Time               // when the account of the first of them last changed
	Unknown       int                     // pushes of the last day to ids that it does not have, as far as they are kept
}

// Setup is what a configuration says of a source.
type Setup struct {
	Configured    bool
	Pulls         bool
	Kind          string
	Misconfigured string                    // why it cannot pull; "" = it can
	Next          func(time.Time) time.Time // the first scheduled pull after a time; nil: on demand
	KeyWarning    time.Duration             // how long before its end a key is worth a word
}

// HealthReader is what Read reads.
type HealthReader interface {
	state.Stagings
	Source(ctx context.Context, name string) (state.Source, error)
	Ledger(ctx context.Context, scope state.Scope, since time.Time) (state.Ledger, error)
	ListKeys(ctx context.Context, scope state.Scope) ([]state.Key, error)
	ListRuns(ctx context.Context, scope state.Scope, limit int) ([]state.Run, error)
	PlanHeads(ctx context.Context, scope state.Scope, status state.PlanStatus, before string, limit int) ([]state.HeldPlan, error)
	FailedRequests(ctx context.Context, scope state.Scope, limit int) ([]state.Request, error)
}

// ReadHealth reads what is recorded of one source. One that was never used has nothing but its Setup.
func ReadHealth(ctx context.Context, reader HealthReader, scope state.Scope, setup Setup, now time.Time) (Health, error) {
	h := Health{Scope: scope, Kind: setup.Kind, Setup: setup}
	if err := h.read(ctx, reader, now); err != nil {
		return h, fmt.Errorf("source %s: %w", scope.Source, err)
	}
	return h, nil
}

func (h *Health) read(ctx context.Context, reader HealthReader, now time.Time) error {
	recorded, err := reader.Source(ctx, h.Scope.Source)
	if errors.Is(err, state.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	h.Source, h.Kind = recorded, recorded.Kind
	if recorded.Scope.Tenant != h.Scope.Tenant {
		h.Misconfigured = "its tenant is " + recorded.Scope.Tenant + " since its first use, and cannot be another"
		return nil
	}
	dayAgo := now.Add(-24 * time.Hour)
	ledger, err := reader.Ledger(ctx, h.Scope, dayAgo)
	if err != nil {
		return err
	}
	h.Active, h.Total = ledger.Active, ledger.Total
	if h.Keys, err = reader.ListKeys(ctx, h.Scope); err != nil {
		return err
	}
	if err := h.readPull(ctx, reader); err != nil {
		return err
	}
	plans, err := reader.PlanHeads(ctx, h.Scope, state.PlanHeld, "", 1)
	if err != nil {
		return err
	}
	if len(plans) > 0 {
		h.Held = plans[0]
	}
	err = reader.Staged(ctx, h.Scope, func(r state.Record) bool {
		if h.Staged++; h.StagedAt.IsZero() || r.ModifiedAt.Before(h.StagedAt) {
			h.StagedAt = r.ModifiedAt
		}
		return true
	})
	if err != nil {
		return err
	}
	h.Unknown, err = unknownIDs(ctx, reader, h.Scope, dayAgo)
	return err
}

// readPull reads the last pull. A report that cannot be read tells nothing.
func (h *Health) readPull(ctx context.Context, reader HealthReader) error {
	run, err := lastPull(ctx, reader, h.Scope)
	if err != nil || run == nil {
		return err
	}
	h.Run = run
	r, err := ReadSum(run)
	if err != nil {
		return nil
	}
	h.Drift, h.Noticed = r.drift(run), r.Counts.Notices
	if h.Drift > 0 {
		h.Missing = min(h.Drift, r.Counts.Actions[plan.Create])
	}
	h.People, h.Lost, h.Push, h.Failure, h.RetryAt = r.Proof.People, r.Proof.Lost, r.Proof.Push, r.Proof.Failure, r.Proof.RetryAt
	h.Unreadable = r.Proof.Unreadable
	return nil
}

// lastPull returns the newest run of a source that was a pull; nil without one.
func lastPull(ctx context.Context, reader interface {
	ListRuns(ctx context.Context, scope state.Scope, limit int) ([]state.Run, error)
}, scope state.Scope) (*state.Run, error) {
	for limit := 1; ; limit *= 8 {
		runs, err := reader.ListRuns(ctx, scope, limit)
		if err != nil {
			return nil, fmt.Errorf("read the last runs: %w", err)
		}
		for i := range runs {
			if isPull(&runs[i]) {
				return &runs[i], nil
			}
		}
		if len(runs) < limit {
			return nil, nil
		}
	}
}

// lookedAt bounds how many failed requests are looked at.
const lookedAt = 200

// unknownIDs counts the requests since a time for users and groups that the source does not have. The receiver keeps one read a minute
// and every write.
func unknownIDs(ctx context.Context, reader HealthReader, scope state.Scope, since time.Time) (int, error) {
	requests, err := reader.FailedRequests(ctx, scope, lookedAt)
	if err != nil {
		return 0, err
	}
	n := 0
	for _, r := range requests {
		if r.At.Before(since) {
			break
		}
		if _, _, named := resourceOf(r.Path); named && r.Status == http.StatusNotFound {
			n++
		}
	}
	return n, nil
}

// resourceOf tells which user or group a path names: .../Users/ID.
func resourceOf(of string) (kind state.Kind, id state.ID, named bool) {
	of, _, _ = strings.Cut(of, "?")
	folder, name := path.Split(strings.TrimRight(of, "/"))
	switch path.Base(folder) {
	case "Users":
		return state.KindAccount, state.ID(name), true
	case "Groups":
		return state.KindGroup, state.ID(name), true
	}
	return 0, "", false
}

// Condition is how urgently a source wants somebody's attention.
type Condition string

const (
	Healthy Condition = "healthy"
	Waiting Condition = "waiting" // for somebody
	Failing Condition = "failing"
)

// Verdict says how a source is, and the weightiest reason in one plain sentence: whatever fails before whatever waits, and of these
// what keeps everything from coming before what concerns a part.
func (h *Health) Verdict(now time.Time) (Condition, string) {
	if h.over(now) {
		return Healthy, "It is over: it is not in the configuration any more, has no accounts, and no key of it opens anything."
	}
	first := ""
	for _, trouble := range []func(time.Time) (Condition, string){h.setupTrouble, h.pullTrouble, h.heldTrouble, h.pushTrouble, h.driftTrouble} {
		condition, words := trouble(now)
		switch {
		case words == "":
		case condition == Failing:
			return Failing, words
		case first == "":
			first = words
		}
	}
	if first != "" {
		return Waiting, first
	}
	return Healthy, h.fine(now)
}

// over tells whether a source that left the configuration has nothing left that anybody could have to do with.
func (h *Health) over(now time.Time) bool {
	return !h.Configured && h.Total == 0 && !slices.ContainsFunc(h.Keys, func(k state.Key) bool { return k.Live(now) })
}

// setupTrouble is what the configuration lacks.
func (h *Health) setupTrouble(time.Time) (Condition, string) {
	switch {
	case !h.Configured:
		return Failing, "It is not in the configuration any more: nothing is pulled, pushes are answered 503, its accounts stay as they are."
	case h.Misconfigured != "":
		return Failing, "It cannot pull: " + Sentence(h.Misconfigured)
	}
	return Healthy, ""
}

// pullTrouble is what keeps pulls from doing their work.
func (h *Health) pullTrouble(now time.Time) (Condition, string) {
	name := h.Scope.Source
	switch {
	case !h.Pulls:
	case h.Run == nil && h.Next == nil:
		return Waiting, "It has never pulled and has no schedule: run 'rollcall sync --source " + name + " --dry-run'."
	case h.Run == nil && h.CreatedAt.IsZero():
		return Waiting, "It has never been used: issue a key with 'rollcall keys issue --source " + name + "' and start 'rollcall serve'."
	case h.Run != nil && h.Run.EndedAt.IsZero():
		// It runs, or was cut off; the next run tells.
	case h.Run != nil && h.Lost:
		return Failing, fmt.Sprintf("Source lost, found %s: %s. Nobody is removed for that.", Ago(now, h.Run.StartedAt), trimPeriod(h.Run.Reason))
	case h.Run != nil && h.Run.Verdict != state.VerdictComplete:
		return Failing, fmt.Sprintf("The last pull, %s, was not complete: %s.%s", Ago(now, h.Run.StartedAt), trimPeriod(h.Run.Reason), h.failureClause(now))
	}
	if h.Pulls && len(h.Unreadable) > 0 {
		return Waiting, fmt.Sprintf("The last pull, %s, could not read the members of %s (%s), so that nobody counts as unassigned. See 'rollcall check --source %s'.",
			Ago(now, h.Run.StartedAt), Plural(len(h.Unreadable), "assigned group"), few(h.Unreadable), name)
	}
	if h.Pulls && h.Overdue(now) {
		return Failing, fmt.Sprintf("The last pull was %s, which is overdue: is 'rollcall serve' running?", Ago(now, h.LastPullAt))
	}
	return Healthy, ""
}

// failureClause says what else is to be known of a pull that was not complete: what to do, and since when it has been so.
func (h *Health) failureClause(now time.Time) string {
	clause := ""
	switch check := "'rollcall check --source " + h.Scope.Source + "'"; {
	case h.Failure == connectors.ErrUnauthorised.Error():
		clause = " Give it credentials that are accepted, and try them with " + check + "."
	case h.Failure == connectors.ErrForbidden.Error(), h.Failure == connectors.ErrMisconfigured.Error():
		clause = " See " + check + "."
	case h.RetryAt.After(now):
		clause = " It wants to be left alone until " + When(h.RetryAt) + "."
	}
	switch {
	case h.LastWholeAt.IsZero():
		return clause + " It has never been read whole."
	case now.Sub(h.LastWholeAt) >= time.Minute:
		return clause + " It was last read whole " + Ago(now, h.LastWholeAt) + "."
	}
	return clause
}

// few lists some names, and how many there are besides.
func few(names []string) string {
	const most = 5
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}

// heldTrouble is what waits for somebody's decision.
func (h *Health) heldTrouble(now time.Time) (Condition, string) {
	switch {
	case h.Held.ID != "":
		return Waiting, fmt.Sprintf("%s%s: %s. See 'rollcall plans show %s'.",
			AwaitingApproval(h.Held.Changes, h.Held.Removals), lasting(now.Sub(h.Held.CreatedAt)), trimPeriod(h.Held.Reason), h.Held.ID)
	case h.Staged > 0:
		return Waiting, fmt.Sprintf("%s%s, for a second witness or an approval. See 'rollcall plans show staged:%s'.",
			Plural(h.Staged, "pushed removal waits", "pushed removals wait"), lasting(now.Sub(h.StagedAt)), h.Scope.Source)
	case h.Pulls && h.Observe != "" && h.Run != nil:
		return Waiting, fmt.Sprintf("It is only observed (%s). See 'rollcall sync --source %s --dry-run', then run it without --dry-run.", h.Observe, h.Scope.Source)
	}
	return Healthy, ""
}

// driftTrouble is what the last pull found and nobody has mended.
func (h *Health) driftTrouble(now time.Time) (Condition, string) {
	accountless := h.Missing + h.Noticed[plan.Missing] + h.Noticed[plan.Conflict] + h.Noticed[plan.Refused]
	stray := h.Noticed[plan.Unexplained] + h.Noticed[plan.Absent] + h.Noticed[plan.Unconfirmed] + h.Noticed[plan.Unseen]
	switch {
	case accountless+stray > max(tolerated, max(h.People, h.Active)*toleratedPercent/100):
		return Waiting, fmt.Sprintf(
			"Push and pull disagree about how many people there are: the last pull, %s, read %s, of whom %d have no account; %s active, of which %d are not found at the source. See 'rollcall sync --source %s --dry-run'.",
			Ago(now, h.Run.StartedAt), Plural(h.People, "person", "people"), accountless, Plural(h.Active, "account is", "accounts are"), stray, h.Scope.Source)
	case h.Drift > 0:
		return Waiting, fmt.Sprintf("%s found by the last pull, %s, and not repaired.", Plural(h.Drift, "difference was", "differences were"), Ago(now, h.LastPullAt))
	}
	return Healthy, ""
}

// How many people push and pull may disagree about before that is a matter of its own: somebody always is on the way.
const (
	tolerated        = 5
	toleratedPercent = 10
)

// Overdue tells whether two scheduled runs have been missed, a third of an hour allowed for offset and length.
func (h *Health) Overdue(now time.Time) bool {
	last := h.LastPullAt
	if last.IsZero() {
		last = h.CreatedAt
	}
	return h.Next != nil && !last.IsZero() && now.After(h.Next(h.Next(last.UTC())).Add(20*time.Minute))
}

// fine is the sentence of a source that is well.
func (h *Health) fine(now time.Time) string {
	push := "nothing was pushed yet"
	if !h.LastPushAt.IsZero() {
		push = "pushed " + Ago(now, h.LastPushAt)
	}
	switch {
	case !h.Pulls:
		return "Push-only: " + push + "."
	case h.Run == nil || h.Run.EndedAt.IsZero():
		return "Never pulled to the end yet; " + push + "."
	}
	if differing := NoticedWords(h.Noticed); differing != "" {
		return fmt.Sprintf("Pulled %s, %s. Not in agreement with the source: %s. See 'rollcall sync --source %s --dry-run'.",
			Ago(now, h.Run.StartedAt), push, differing, h.Scope.Source)
	}
	return fmt.Sprintf("In agreement with the source: pulled %s, %s.", Ago(now, h.Run.StartedAt), push)
}
