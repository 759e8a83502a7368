package explain_test

import (
	"strings"
	"testing"
	"time"

	"rollcall/connectors"
	"rollcall/state"
	"rollcall/sync/explain"
	"rollcall/sync/plan"
)

func TestHealthSentence(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	minutes := func(n int) time.Time { return now.Add(-time.Duration(n) * time.Minute) }
	ran := func(verdict state.Verdict, at time.Time) *state.Run {
		return &state.Run{StartedAt: at, EndedAt: at.Add(time.Second), Verdict: verdict, Reason: "The provider could not be reached."}
	}
	key := state.Key{ID: "k", CreatedAt: minutes(600), LastUsedAt: minutes(1)}
	hourly := func(t time.Time) time.Time { return t.Truncate(time.Hour).Add(time.Hour) }
	scope := state.Scope{Tenant: "acme", Source: "acme-entra"}
	// well is a source with which everything is in order; each case spoils something.
	well := func() explain.Health {
		return explain.Health{
			Scope: scope, Setup: explain.Setup{Configured: true, Pulls: true, Next: hourly, KeyWarning: 14 * 24 * time.Hour},
			Source: state.Source{Scope: scope, CreatedAt: minutes(9000), LastPushAt: minutes(1), LastPullAt: minutes(5), LastWholeAt: minutes(5)},
			Active: 10, Total: 12, Keys: []state.Key{key}, Run: ran(state.VerdictComplete, minutes(5)),
		}
	}
	for _, test := range []struct {
		name      string
		spoil     func(h *explain.Health)
		condition explain.Condition
		says      string
	}{
		{"well", func(*explain.Health) {}, explain.Healthy, "In agreement with the source: pulled 5 minutes ago, pushed 1 minute ago."},
		{"left the configuration", func(h *explain.Health) { h.Configured = false }, explain.Failing, "not in the configuration any more"},
		{"over, but for its accounts", func(h *explain.Health) { h.Configured, h.Keys, h.Total = false, nil, 2 }, explain.Failing, "not in the configuration any more"},
		{"over, but for a key", func(h *explain.Health) { h.Configured, h.Total = false, 0 }, explain.Failing, "not in the configuration any more"},
		{"over", func(h *explain.Health) {
			h.Configured, h.Total = false, 0
			h.Keys = []state.Key{{RevokedAt: minutes(1)}, {ExpiresAt: minutes(1)}}
		}, explain.Healthy, "It is over: it is not in the configuration any more, has no accounts, and no key of it opens anything."},
		{"misconfigured", func(h *explain.Health) { h.Misconfigured = "the file x is empty" }, explain.Failing, "It cannot pull: the file x is empty."},
		{"never ran, on demand", func(h *explain.Health) { h.Run, h.Next = nil, nil }, explain.Waiting, "It has never pulled and has no schedule"},
		{"never used", func(h *explain.Health) { h.Run, h.Source = nil, state.Source{} }, explain.Waiting, "It has never been used"},
		{"pull failed", func(h *explain.Health) { h.Run = ran(state.VerdictFailed, minutes(5)) }, explain.Failing,
			"The last pull, 5 minutes ago, was not complete: The provider could not be reached."},
		{"source lost", func(h *explain.Health) { h.Run, h.Lost = ran(state.VerdictFailed, minutes(5)), true }, explain.Failing,
			"Source lost, found 5 minutes ago: The provider could not be reached. Nobody is removed for that."},
		{"pull partial", func(h *explain.Health) { h.Run = ran(state.VerdictPartial, minutes(5)) }, explain.Failing, "was not complete"},
		{"running", func(h *explain.Health) { h.Run = &state.Run{StartedAt: minutes(1)} }, explain.Healthy, "Never pulled to the end yet"},
		{"an unreadable group", func(h *explain.Health) { h.Unreadable = []string{"Sales", "Board"} }, explain.Waiting,
			"The last pull, 5 minutes ago, could not read the members of 2 assigned groups (Sales, Board), so that nobody counts as unassigned. See 'rollcall check --source acme-entra'."},
		{"many unreadable groups", func(h *explain.Health) { h.Unreadable = strings.Split("abcdefgh", "") }, explain.Waiting,
			"8 assigned groups (a, b, c, d, e and 3 more)"},
		{"overdue", func(h *explain.Health) { h.LastPullAt = minutes(200); h.Run = ran(state.VerdictComplete, minutes(200)) }, explain.Failing,
			"The last pull was 3 hours ago, which is overdue: is 'rollcall serve' running?"},
		{"a run missed is not overdue", func(h *explain.Health) { h.LastPullAt = minutes(110) }, explain.Healthy, "In agreement"},
		{"on demand is never overdue", func(h *explain.Health) { h.Next = nil; h.LastPullAt = minutes(90000) }, explain.Healthy, "In agreement"},
		{"held", func(h *explain.Health) {
			h.Held = state.HeldPlan{ID: "p1", Changes: 7, Removals: 6, CreatedAt: minutes(120), Reason: "6 held: more removals than one run may carry out"}
		}, explain.Waiting, "7 changes await approval, 6 of them removals, for 2 hours: 6 held: more removals than one run may carry out. See 'rollcall plans show p1'."},
		{"one removal held", func(h *explain.Health) {
			h.Held = state.HeldPlan{ID: "p1", Changes: 1, Removals: 1, CreatedAt: minutes(1), Reason: "x"}
		}, explain.Waiting, "1 removal awaits approval, for 1 minute: x."},
		{"observed", func(h *explain.Health) { h.Observe = "this is the source's first pull" }, explain.Waiting, "It is only observed (this is the source's first pull)."},
		{"drift", func(h *explain.Health) { h.Drift = 3 }, explain.Waiting, "3 differences were found by the last pull, 5 minutes ago, and not repaired."},
		{"discarded", func(h *explain.Health) { h.Noticed = map[plan.NoticeKind]int{plan.Discarded: 30, plan.Unexplained: 2} }, explain.Healthy,
			"Not in agreement with the source: left alone because somebody discarded this change (30); active here, unknown at the source (2). See 'rollcall sync --source acme-entra --dry-run'."},
		{"a name that another source has too", func(h *explain.Health) { h.Noticed = map[plan.NoticeKind]int{plan.Shared: 1} }, explain.Healthy, "In agreement"},
		{"key expired", func(h *explain.Health) { h.Keys[0].ExpiresAt = minutes(60) }, explain.Failing, "Pushes are refused: its key expired 1 hour ago."},
		{"key revoked", func(h *explain.Health) { h.Keys[0].RevokedAt = minutes(60) }, explain.Failing, "Pushes are refused: its keys are revoked."},
		{"key about to expire", func(h *explain.Health) { h.Keys[0].ExpiresAt = now.Add(72 * time.Hour) }, explain.Waiting, "Its last key expires in 3 days."},
		{"one of two keys about to expire", func(h *explain.Health) {
			h.Keys = append(h.Keys, state.Key{ExpiresAt: now.Add(time.Hour), LastUsedAt: now})
		}, explain.Healthy, "In agreement"},
		{"key never used", func(h *explain.Health) { h.Keys[0].LastUsedAt, h.LastPushAt = time.Time{}, time.Time{} }, explain.Waiting,
			"Nothing was ever pushed: its key, issued 10 hours ago, has not been used. It pulled 5 minutes ago."},
		{"the key in use about to expire, the other unused", func(h *explain.Health) {
			h.Keys[0].ExpiresAt = now.Add(72 * time.Hour)
			h.Keys = append(h.Keys, state.Key{ID: "k2", CreatedAt: minutes(10)})
		}, explain.Waiting, "The key that the provider uses, k, expires in 3 days, and the other one has not been used since"},
		{"ids that are gone, Entra", func(h *explain.Health) { h.Unknown, h.Kind = 3, "entra" }, explain.Waiting,
			"3 pushes of the last day named users or groups that it does not have: the provider remembers ids that are gone. Restart provisioning in Entra"},
		{"ids that are gone, Okta", func(h *explain.Health) { h.Unknown, h.Kind = 1, "okta" }, explain.Waiting, "1 push of the last day named"},
		{"in quarantine", func(h *explain.Health) {
			h.Push = &connectors.Push{State: connectors.PushQuarantined, Why: "Too much failed: mend it."}
		}, explain.Failing, "Too much failed: mend it. Found 5 minutes ago, by the last pull."},
		{"stopped at the provider", func(h *explain.Health) {
			h.Push = &connectors.Push{State: connectors.PushPaused, Why: "Somebody has stopped it."}
		}, explain.Waiting, "Somebody has stopped it. Found 5 minutes ago, by the last pull."},
		{"not set up at the provider, and not here", func(h *explain.Health) {
			h.Push, h.Keys = &connectors.Push{State: connectors.PushOff, Why: "It is off."}, nil
		}, explain.Healthy, "In agreement"},
		{"provisioning runs", func(h *explain.Health) { h.Push = &connectors.Push{State: connectors.PushOn} }, explain.Healthy, "In agreement"},
		{"pushes in error", func(h *explain.Health) { h.Push = &connectors.Push{State: connectors.PushOn, Failing: 2} }, explain.Waiting,
			"2 pushes are in error at the provider"},
		{"no key, but it pulls", func(h *explain.Health) { h.Keys, h.LastPushAt = nil, time.Time{} }, explain.Healthy, "nothing was pushed yet"},
		{"push-only, well", func(h *explain.Health) { h.Pulls, h.Run = false, nil }, explain.Healthy, "Push-only: pushed 1 minute ago."},
		{"push-only without a key", func(h *explain.Health) { h.Pulls, h.Run, h.Keys = false, nil, nil }, explain.Waiting, "Nothing can come: it has no key."},
		{"a failed pull outranks a held plan", func(h *explain.Health) {
			h.Held = state.HeldPlan{ID: "p1", Changes: 1}
			h.Run = ran(state.VerdictFailed, minutes(5))
		}, explain.Failing, "was not complete"},
		{"credentials refused", func(h *explain.Health) {
			h.Run, h.Failure, h.LastWholeAt = ran(state.VerdictFailed, minutes(5)), connectors.ErrUnauthorised.Error(), minutes(180)
		}, explain.Failing, "The provider could not be reached. Give it credentials that are accepted, and try them with 'rollcall check --source acme-entra'. It was last read whole 3 hours ago."},
		{"a permission missing", func(h *explain.Health) {
			h.Run, h.Failure, h.LastWholeAt = ran(state.VerdictPartial, minutes(5)), connectors.ErrForbidden.Error(), time.Time{}
		}, explain.Failing, " See 'rollcall check --source acme-entra'. It has never been read whole."},
		{"throttled", func(h *explain.Health) {
			h.Run, h.Failure, h.RetryAt = ran(state.VerdictPartial, minutes(5)), connectors.ErrThrottled.Error(), now.Add(time.Hour)
		}, explain.Failing, " It wants to be left alone until 2026-03-01 13:00:00Z. It was last read whole 5 minutes ago."},
		{"throttled until a while ago", func(h *explain.Health) {
			h.Run, h.Failure, h.RetryAt, h.LastWholeAt = ran(state.VerdictPartial, minutes(5)), connectors.ErrThrottled.Error(), minutes(1), minutes(0)
		}, explain.Failing, "was not complete: The provider could not be reached."},
		{"push and pull disagree", func(h *explain.Health) {
			h.People, h.Active, h.Noticed = 120, 90, map[plan.NoticeKind]int{plan.Missing: 32, plan.Unexplained: 2}
		}, explain.Waiting, "Push and pull disagree about how many people there are: the last pull, 5 minutes ago, read 120 people, of whom 32 have no account; 90 accounts are active, of which 2 are not found at the source. See"},
		{"push and pull disagree, and nothing is made", func(h *explain.Health) { h.People, h.Active, h.Drift, h.Missing = 120, 80, 41, 40 }, explain.Waiting,
			"read 120 people, of whom 40 have no account; 80 accounts are active, of which 0 are not found at the source."},
		{"push and pull disagree about a few", func(h *explain.Health) {
			h.People, h.Active, h.Noticed = 120, 110, map[plan.NoticeKind]int{plan.Missing: 12}
		}, explain.Healthy, "Not in agreement with the source: assigned at the source, has no account (12)."},
		{"many disabled people are no disagreement", func(h *explain.Health) { h.People, h.Active = 120, 10 }, explain.Healthy, "In agreement"},
		{"pushes that are refused outrank a held plan", func(h *explain.Health) {
			h.Held = state.HeldPlan{ID: "p1", Changes: 1}
			h.Keys[0].ExpiresAt = minutes(60)
		}, explain.Failing, "its key expired"},
		{"staged", func(h *explain.Health) { h.Staged, h.StagedAt = 3, minutes(120) }, explain.Waiting,
			"3 pushed removals wait, for 2 hours, for a second witness or an approval. See 'rollcall plans show staged:acme-entra'."},
		{"a held plan outranks what is staged", func(h *explain.Health) {
			h.Held, h.Staged = state.HeldPlan{ID: "p1", Changes: 1, CreatedAt: minutes(3)}, 3
		}, explain.Waiting, "1 change awaits approval"},
		{"a held plan outranks a key that was never used", func(h *explain.Health) {
			h.Held = state.HeldPlan{ID: "p1", Changes: 1, CreatedAt: minutes(3)}
			h.Keys[0].LastUsedAt, h.LastPushAt = time.Time{}, time.Time{}
		}, explain.Waiting, "1 change awaits approval, for 3 minutes"},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := well()
			test.spoil(&h)
			c, sentence := h.Verdict(now)
			if c != test.condition || !strings.Contains(sentence, test.says) {
				t.Errorf("%s: %q; want %s: %q", c, sentence, test.condition, test.says)
			}
			if !strings.HasSuffix(sentence, ".") && !strings.HasSuffix(sentence, "?") || strings.Contains(sentence, "..") {
				t.Errorf("not a sentence: %q", sentence)
			}
		})
	}
}
