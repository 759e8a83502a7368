package main

import (
	"strings"
	"testing"
	"time"

	"rollcall/connectors"
	"rollcall/state"
	"rollcall/sync/plan"
)

func TestHealthSentence(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	minutes := func(n int) time.Time { return now.Add(-time.Duration(n) * time.Minute) }
	ran := func(verdict state.Verdict, at time.Time) *state.Run {
		return &state.Run{StartedAt: at, EndedAt: at.Add(time.Second), Verdict: verdict, Reason: "The provider could not be reached."}
	}
	key := state.Key{ID: "k", CreatedAt: minutes(600), LastUsedAt: minutes(1)}
	scope := state.Scope{Tenant: "acme", Source: "acme-entra"}
	// well is a source with which everything is in order; each case spoils something.
	well := func() sourceHealth {
		return sourceHealth{
			Scope: scope, Configured: true, Pulls: true, Schedule: "@hourly",
			Source: state.Source{Scope: scope, CreatedAt: minutes(9000), LastPushAt: minutes(1), LastPullAt: minutes(5), LastWholeAt: minutes(5)},
			Active: 10, Total: 12, Keys: []state.Key{key}, Run: ran(state.VerdictComplete, minutes(5)),
		}
	}
	for _, test := range []struct {
		name      string
		spoil     func(h *sourceHealth)
		condition condition
		code      int
		says      string
	}{
		{"well", func(*sourceHealth) {}, healthy, exitDone, "In agreement with the source: pulled 5 minutes ago, pushed 1 minute ago."},
		{"left the configuration", func(h *sourceHealth) { h.Configured = false }, failing, exitFailed, "not in the configuration any more"},
		{"misconfigured", func(h *sourceHealth) { h.Misconfigured = "the file x is empty" }, failing, exitUsage, "It cannot pull: the file x is empty."},
		{"never ran, on demand", func(h *sourceHealth) { h.Run, h.Schedule = nil, "" }, waiting, exitFailed, "It has never pulled and has no schedule"},
		{"never used", func(h *sourceHealth) { h.Run, h.Source = nil, state.Source{} }, waiting, exitFailed, "It has never been used"},
		{"pull failed", func(h *sourceHealth) { h.Run = ran(state.VerdictFailed, minutes(5)) }, failing, exitIncomplete,
			"The last pull, 5 minutes ago, was not complete: The provider could not be reached."},
		{"source lost", func(h *sourceHealth) { h.Run, h.Lost = ran(state.VerdictFailed, minutes(5)), true }, failing, exitIncomplete,
			"Source lost, found 5 minutes ago: The provider could not be reached. Nobody is removed for that."},
		{"pull partial", func(h *sourceHealth) { h.Run = ran(state.VerdictPartial, minutes(5)) }, failing, exitIncomplete, "was not complete"},
		{"running", func(h *sourceHealth) { h.Run = &state.Run{StartedAt: minutes(1)} }, healthy, exitDone, "Never pulled to the end yet"},
		{"overdue", func(h *sourceHealth) { h.LastPullAt = minutes(200); h.Run = ran(state.VerdictComplete, minutes(200)) }, failing, exitFailed,
			"The last pull was 3 hours ago, which is overdue: is 'rollcall serve' running?"},
		{"a run missed is not overdue", func(h *sourceHealth) { h.LastPullAt = minutes(110) }, healthy, exitDone, "In agreement"},
		{"on demand is never overdue", func(h *sourceHealth) { h.Schedule = ""; h.LastPullAt = minutes(90000) }, healthy, exitDone, "In agreement"},
		{"held", func(h *sourceHealth) {
			h.Held = state.HeldPlan{ID: "p1", Changes: 7, Removals: 6, CreatedAt: minutes(120), Reason: "6 held: more removals than one run may carry out"}
		}, waiting, exitHeld, "7 changes await approval, 6 of them removals, for 2 hours: 6 held: more removals than one run may carry out. See 'rollcall plans show p1'."},
		{"one removal held", func(h *sourceHealth) {
			h.Held = state.HeldPlan{ID: "p1", Changes: 1, Removals: 1, CreatedAt: minutes(1), Reason: "x"}
		}, waiting, exitHeld, "1 removal awaits approval, for 1 minute: x."},
		{"observed", func(h *sourceHealth) { h.Observe = "this is the source's first pull" }, waiting, exitFailed, "It is only observed (this is the source's first pull)."},
		{"drift", func(h *sourceHealth) { h.Drift = 3 }, waiting, exitDrift, "3 differences were found by the last pull, 5 minutes ago, and not repaired."},
		{"discarded", func(h *sourceHealth) { h.Noticed = map[plan.NoticeKind]int{plan.Discarded: 30, plan.Unexplained: 2} }, healthy, exitDone,
			"Not in agreement with the source: left alone because somebody discarded this change (30); active here, unknown at the source (2). See 'rollcall sync --source acme-entra --dry-run'."},
		{"a name that another source has too", func(h *sourceHealth) { h.Noticed = map[plan.NoticeKind]int{plan.Shared: 1} }, healthy, exitDone, "In agreement"},
		{"key expired", func(h *sourceHealth) { h.Keys[0].ExpiresAt = minutes(60) }, failing, exitFailed, "Pushes are refused: its key expired 1 hour ago."},
		{"key revoked", func(h *sourceHealth) { h.Keys[0].RevokedAt = minutes(60) }, failing, exitFailed, "Pushes are refused: its keys are revoked."},
		{"key about to expire", func(h *sourceHealth) { h.Keys[0].ExpiresAt = now.Add(72 * time.Hour) }, waiting, exitFailed, "Its last key expires in 3 days."},
		{"one of two keys about to expire", func(h *sourceHealth) {
			h.Keys = append(h.Keys, state.Key{ExpiresAt: now.Add(time.Hour), LastUsedAt: now})
		}, healthy, exitDone, "In agreement"},
		{"key never used", func(h *sourceHealth) { h.Keys[0].LastUsedAt, h.LastPushAt = time.Time{}, time.Time{} }, waiting, exitFailed,
			"Nothing was ever pushed: its key, issued 10 hours ago, has not been used. It pulled 5 minutes ago."},
		{"the key in use about to expire, the other unused", func(h *sourceHealth) {
			h.Keys[0].ExpiresAt = now.Add(72 * time.Hour)
			h.Keys = append(h.Keys, state.Key{ID: "k2", CreatedAt: minutes(10)})
		}, waiting, exitFailed, "The key that the provider uses, k, expires in 3 days, and the other one has not been used since"},
		{"ids that are gone, Entra", func(h *sourceHealth) { h.Unknown, h.kind = 3, "entra" }, waiting, exitFailed,
			"3 pushes of the last day named users or groups that it does not have: the provider remembers ids that are gone. Restart provisioning in Entra"},
		{"ids that are gone, Okta", func(h *sourceHealth) { h.Unknown, h.kind = 1, "okta" }, waiting, exitFailed, "1 push of the last day named"},
		{"in quarantine", func(h *sourceHealth) {
			h.Push = &connectors.Push{State: connectors.PushQuarantined, Why: "Too much failed: mend it."}
		}, failing, exitFailed, "Too much failed: mend it. Found 5 minutes ago, by the last pull."},
		{"stopped at the provider", func(h *sourceHealth) {
			h.Push = &connectors.Push{State: connectors.PushPaused, Why: "Somebody has stopped it."}
		}, waiting, exitFailed, "Somebody has stopped it. Found 5 minutes ago, by the last pull."},
		{"not set up at the provider, and not here", func(h *sourceHealth) {
			h.Push, h.Keys = &connectors.Push{State: connectors.PushOff, Why: "It is off."}, nil
		}, healthy, exitDone, "In agreement"},
		{"provisioning runs", func(h *sourceHealth) { h.Push = &connectors.Push{State: connectors.PushOn} }, healthy, exitDone, "In agreement"},
		{"pushes in error", func(h *sourceHealth) { h.Push = &connectors.Push{State: connectors.PushOn, Failing: 2} }, waiting, exitFailed,
			"2 pushes are in error at the provider"},
		{"no key, but it pulls", func(h *sourceHealth) { h.Keys, h.LastPushAt = nil, time.Time{} }, healthy, exitDone, "nothing was pushed yet"},
		{"push-only, well", func(h *sourceHealth) { h.Pulls, h.Run = false, nil }, healthy, exitDone, "Push-only: pushed 1 minute ago."},
		{"push-only without a key", func(h *sourceHealth) { h.Pulls, h.Run, h.Keys = false, nil, nil }, waiting, exitFailed, "Nothing can come: it has no key."},
		{"a failed pull outranks a held plan", func(h *sourceHealth) {
			h.Held = state.HeldPlan{ID: "p1", Changes: 1}
			h.Run = ran(state.VerdictFailed, minutes(5))
		}, failing, exitIncomplete, "was not complete"},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := well()
			test.spoil(&h)
			c, sentence := h.verdict(now)
			if c != test.condition || !strings.Contains(sentence, test.says) {
				t.Errorf("%s: %q; want %s: %q", c, sentence, test.condition, test.says)
			}
			if code := h.exitCode(now); code != test.code {
				t.Errorf("exit code %d, want %d", code, test.code)
			}
			if !strings.HasSuffix(sentence, ".") && !strings.HasSuffix(sentence, "?") || strings.Contains(sentence, "..") {
				t.Errorf("not a sentence: %q", sentence)
			}
		})
	}
}

// TestNamesResource tells requests for one user or group from others.
func TestNamesResource(t *testing.T) {
	for path, want := range map[string]bool{
		"/auth/scim/Users/1": true, "/auth/scim/Groups/1?excludedAttributes=members": true, "/auth/scim/v2/Users/1/": true, "/Users/1": true,
		"/auth/scim/Users": false, "/auth/scim/Users/?filter=a": false, "/auth/scim/Schemas/urn:x": false, "/auth/scim/Nothing?of=/Users/1": false, "": false,
	} {
		if got := namesResource(path); got != want {
			t.Errorf("%s: %v, want %v", path, got, want)
		}
	}
}
