package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path"
	"strings"
	"time"

	"rollcall/connectors"
	"rollcall/scimapi"
	"rollcall/state"
	dirsync "rollcall/sync"
	"rollcall/sync/plan"
)

// sourceHealth is what can be said of a source without asking its provider.
type sourceHealth struct {
	Scope         state.Scope
	Configured    bool
	Pulls         bool
	Schedule      string
	kind          string
	Misconfigured string // why it cannot pull; "" = it can
	state.Source
	Active, Total int
	Keys          []state.Key
	Run           *state.Run // the last one, unless there was none
	Drift         int        // changes that the last run planned and did not carry out
	Noticed       map[plan.NoticeKind]int
	Lost          bool             // the last run found that the application itself is gone at the provider
	Push          *connectors.Push // the provider's own provisioning, as the last run found it; nil: it may not be read
	Held          state.HeldPlan   // zero if nothing is held
	Unknown       int              // pushes of the last day to ids that it does not have, as far as they are kept
}

// health reads what is recorded of one source. cfg is nil for one that left the configuration.
func health(ctx context.Context, rec record, scope state.Scope, cfg *sourceConfig, misconfigured string, now time.Time) (sourceHealth, error) {
	h := sourceHealth{Scope: scope, Misconfigured: misconfigured}
	if cfg != nil {
		h.Configured, h.Pulls, h.Schedule, h.kind = true, cfg.pulls(), cfg.Schedule, cfg.Kind
	}
	fail := func(err error) (sourceHealth, error) { return h, fmt.Errorf("source %s: %w", scope.Source, err) }
	recorded, err := rec.Source(ctx, scope.Source)
	if errors.Is(err, state.ErrNotFound) {
		return h, nil // never used
	}
	if err != nil {
		return fail(err)
	}
	h.Source = recorded
	h.kind = recorded.Kind
	if recorded.Scope.Tenant != scope.Tenant {
		h.Misconfigured = "its tenant is " + recorded.Scope.Tenant + " since its first use, and cannot be another"
		return h, nil
	}
	ledger, err := rec.Ledger(ctx, scope, now.Add(-24*time.Hour))
	if err != nil {
		return fail(err)
	}
	h.Active, h.Total = ledger.Active, ledger.Total
	if h.Keys, err = rec.ListKeys(ctx, scope); err != nil {
		return fail(err)
	}
	last, err := dirsync.LastPull(ctx, rec, scope)
	switch {
	case err == nil:
		h.Run = &last
		h.Drift, h.Noticed = drift(last), noticed(last)
		h.Lost, h.Push = proven(last)
	case !errors.Is(err, state.ErrNotFound):
		return fail(err)
	}
	plans, err := rec.ListPlans(ctx, scope, 1)
	if err != nil {
		return fail(err)
	}
	if len(plans) > 0 && plans[0].Status == state.PlanHeld {
		h.Held = plans[0]
	}
	if h.Unknown, err = unknownIDs(ctx, rec, scope, now.Add(-24*time.Hour)); err != nil {
		return fail(err)
	}
	return h, nil
}

// lookedAt bounds how many failed requests are looked at.
const lookedAt = 200

// unknownIDs counts the requests since a time for users and groups that the source does not have. The receiver keeps one read a minute
// and every write.
func unknownIDs(ctx context.Context, rec record, scope state.Scope, since time.Time) (int, error) {
	requests, err := rec.Requests(ctx, scope, lookedAt)
	if err != nil {
		return 0, err
	}
	n := 0
	for _, r := range requests {
		if r.At.Before(since) {
			break
		}
		if r.Status == http.StatusNotFound && namesResource(r.Path) {
			n++
		}
	}
	return n, nil
}

// namesResource tells whether a path ends in one user or group: .../Users/ID.
func namesResource(of string) bool {
	of, _, _ = strings.Cut(of, "?")
	folder, _ := path.Split(strings.TrimRight(of, "/"))
	switch path.Base(folder) {
	case "Users", "Groups":
		return true
	}
	return false
}

// condition is how urgently a source wants somebody's attention.
type condition string

const (
	healthy condition = "healthy"
	waiting condition = "waiting" // for somebody
	failing condition = "failing"
)

// verdict says how a source is, and the weightiest reason in one plain sentence.
func (h *sourceHealth) verdict(now time.Time) (condition, string) {
	name := h.Scope.Source
	switch {
	case !h.Configured:
		return failing, "It is not in the configuration any more: nothing is pulled, pushes are answered 503, its accounts stay as they are."
	case h.Misconfigured != "":
		return failing, "It cannot pull: " + h.Misconfigured + "."
	}
	if c, sentence := h.pullTrouble(now); sentence != "" {
		return c, sentence
	}
	switch {
	case h.Held.ID != "":
		return waiting, fmt.Sprintf("%s, for %s: %s. See 'rollcall plans show %s'.",
			awaitingApproval(h.Held.Changes, h.Held.Removals), span(now.Sub(h.Held.CreatedAt)), trimPeriod(h.Held.Reason), h.Held.ID)
	case h.Pulls && h.Observe != "" && h.Run != nil:
		return waiting, fmt.Sprintf("It is only observed (%s). See 'rollcall sync --source %s --dry-run', then run it without --dry-run.", h.Observe, name)
	}
	if c, sentence := h.pushTrouble(now); sentence != "" {
		return c, sentence
	}
	if h.Drift > 0 {
		return waiting, fmt.Sprintf("%s found by the last pull, %s, and not repaired.", was(h.Drift, "difference"), ago(now, h.LastPullAt))
	}
	return healthy, h.fine(now)
}

// pullTrouble is what keeps pulls from doing their work.
func (h *sourceHealth) pullTrouble(now time.Time) (condition, string) {
	switch {
	case !h.Pulls:
	case h.Run == nil && h.Schedule == "":
		return waiting, "It has never pulled and has no schedule: run 'rollcall sync --source " + h.Scope.Source + " --dry-run'."
	case h.Run == nil && h.CreatedAt.IsZero():
		return waiting, "It has never been used: issue a key with 'rollcall keys issue --source " + h.Scope.Source + "' and start 'rollcall serve'."
	case h.Run != nil && h.Run.EndedAt.IsZero():
		// It runs, or was cut off; the next run tells.
	case h.Run != nil && h.Lost:
		return failing, fmt.Sprintf("Source lost, found %s: %s. Nobody is removed for that.", ago(now, h.Run.StartedAt), trimPeriod(h.Run.Reason))
	case h.Run != nil && h.Run.Verdict != state.VerdictComplete:
		return failing, fmt.Sprintf("The last pull, %s, was not complete: %s.", ago(now, h.Run.StartedAt), trimPeriod(h.Run.Reason))
	}
	if h.Pulls && h.overdue(now) {
		return failing, fmt.Sprintf("The last pull was %s, which is overdue: is 'rollcall serve' running?", ago(now, h.LastPullAt))
	}
	return healthy, ""
}

// pushTrouble is what keeps pushes from coming.
func (h *sourceHealth) pushTrouble(now time.Time) (condition, string) {
	var live, unused int
	var ended time.Time
	for _, k := range h.Keys {
		if k.Live(now) {
			live++
			if k.LastUsedAt.IsZero() {
				unused++
			}
		} else if k.RevokedAt.IsZero() && k.ExpiresAt.After(ended) {
			ended = k.ExpiresAt
		}
	}
	issue := "'rollcall keys issue --source " + h.Scope.Source + "'"
	switch {
	case live == 0 && !ended.IsZero():
		return failing, fmt.Sprintf("Pushes are refused: its key expired %s. Issue another with %s.", ago(now, ended), issue)
	case live == 0 && len(h.Keys) > 0:
		return failing, "Pushes are refused: its keys are revoked. Issue another with " + issue + "."
	case live == 0 && !h.Pulls:
		return waiting, "Nothing can come: it has no key. Issue one with " + issue + "."
	case live > 0 && h.Push != nil && h.Push.State == connectors.PushQuarantined:
		return failing, h.pushSentence(now)
	case live > 0 && h.Push != nil && h.Push.State != connectors.PushOn:
		return waiting, h.pushSentence(now)
	case h.LastPushAt.IsZero() && live > 0 && unused == live:
		return waiting, fmt.Sprintf("Nothing was ever pushed: its key, issued %s, has not been used.%s", ago(now, newest(h.Keys)), h.pullClause(now))
	}
	if end := h.keysEnd(now); !end.IsZero() && end.Sub(now) < scimapi.KeyWarning {
		return waiting, fmt.Sprintf("Its last key expires in %s. Issue another with %s.", span(end.Sub(now)), issue)
	}
	if k, ok := h.keyInUse(now); ok && !k.ExpiresAt.IsZero() && k.ExpiresAt.Sub(now) < scimapi.KeyWarning {
		return waiting, fmt.Sprintf("The key that the provider uses, %s, expires in %s, and the other one has not been used since: enter that one at the provider.",
			k.ID, span(k.ExpiresAt.Sub(now)))
	}
	if h.Push != nil && h.Push.Failing > 0 {
		return waiting, fmt.Sprintf("%s in error at the provider: its provisioning log names them.", plural(h.Push.Failing, "push is", "pushes are"))
	}
	if h.Unknown > 0 {
		return waiting, fmt.Sprintf("%s of the last day named users or groups that it does not have: the provider remembers ids that are gone. %s",
			plural(h.Unknown, "push", "pushes"), h.matchAgain())
	}
	return healthy, ""
}

// pushSentence is why the provider does not push, in its connector's words.
func (h *sourceHealth) pushSentence(now time.Time) string {
	return fmt.Sprintf("%s. Found %s, by the last pull.", trimPeriod(h.Push.Why), ago(now, h.LastPullAt))
}

// matchAgain says how the provider is made to look everybody up anew.
func (h *sourceHealth) matchAgain() string {
	if h.kind == "okta" {
		return "Unassign and assign those people again in Okta, and push the groups again: it then looks everybody up by name."
	}
	return "Restart provisioning in Entra: it then looks everybody up by name."
}

// keyInUse returns the live key that was used last.
func (h *sourceHealth) keyInUse(now time.Time) (state.Key, bool) {
	var used state.Key
	for _, k := range h.Keys {
		if k.Live(now) && k.LastUsedAt.After(used.LastUsedAt) {
			used = k
		}
	}
	return used, used.ID != ""
}

// keysEnd returns when the last of the live keys expires; zero if one never does or none is live.
func (h *sourceHealth) keysEnd(now time.Time) time.Time {
	var end time.Time
	for _, k := range h.Keys {
		if !k.Live(now) {
			continue
		}
		if k.ExpiresAt.IsZero() {
			return time.Time{}
		}
		if k.ExpiresAt.After(end) {
			end = k.ExpiresAt
		}
	}
	return end
}

// overdue tells whether two scheduled runs have been missed, a third of an hour allowed for offset and length.
func (h *sourceHealth) overdue(now time.Time) bool {
	if h.Schedule == "" {
		return false
	}
	schedule, err := dirsync.ParseSchedule(h.Schedule)
	if err != nil {
		return false // the configuration has been checked
	}
	last := h.LastPullAt
	if last.IsZero() {
		last = h.CreatedAt
	}
	if last.IsZero() {
		return false
	}
	return now.After(schedule.Next(schedule.Next(last.UTC())).Add(20 * time.Minute))
}

// fine is the sentence of a source that is well.
func (h *sourceHealth) fine(now time.Time) string {
	push := "nothing was pushed yet"
	if !h.LastPushAt.IsZero() {
		push = "pushed " + ago(now, h.LastPushAt)
	}
	switch {
	case !h.Pulls:
		return "Push-only: " + push + "."
	case h.Run == nil || h.Run.EndedAt.IsZero():
		return "Never pulled to the end yet; " + push + "."
	}
	if differing := noticedWords(h.Noticed); differing != "" {
		return fmt.Sprintf("Pulled %s, %s. Not in agreement with the source: %s. See 'rollcall sync --source %s --dry-run'.",
			ago(now, h.Run.StartedAt), push, differing, h.Scope.Source)
	}
	return fmt.Sprintf("In agreement with the source: pulled %s, %s.", ago(now, h.Run.StartedAt), push)
}

func (h *sourceHealth) pullClause(now time.Time) string {
	if h.Run == nil || h.Run.EndedAt.IsZero() {
		return ""
	}
	return " It pulled " + ago(now, h.Run.StartedAt) + "."
}

// exitCode is the code of `status --exit-code` for one source.
func (h *sourceHealth) exitCode(now time.Time) int {
	c, _ := h.verdict(now)
	switch {
	case h.Misconfigured != "":
		return exitUsage
	case h.Held.ID != "" && c == waiting:
		return exitHeld
	case h.Pulls && h.Run != nil && !h.Run.EndedAt.IsZero() && h.Run.Verdict != state.VerdictComplete:
		return exitIncomplete
	case h.Drift > 0 && c == waiting:
		return exitDrift
	case c != healthy:
		return exitFailed
	}
	return exitDone
}

func newest(keys []state.Key) time.Time {
	var at time.Time
	for _, k := range keys {
		if k.CreatedAt.After(at) {
			at = k.CreatedAt
		}
	}
	return at
}

// awaitingApproval counts what is held: "5 changes await approval, 3 of them removals".
func awaitingApproval(changes, removals int) string {
	verb := " await"
	if changes == 1 {
		verb = " awaits"
	}
	text := plural(changes, "change") + verb + " approval"
	switch {
	case removals == changes && changes > 0:
		return plural(removals, "removal") + verb + " approval"
	case removals > 0:
		text += fmt.Sprintf(", %d of them %s", removals, map[bool]string{true: "a removal", false: "removals"}[removals == 1])
	}
	return text
}

func was(n int, thing string) string {
	verb := " were"
	if n == 1 {
		verb = " was"
	}
	return plural(n, thing) + verb
}

func trimPeriod(s string) string { return strings.TrimRight(s, ".") }
