package main

import (
	"testing"
	"time"

	"rollcall/connectors"
	"rollcall/state"
	"rollcall/sync/explain"
)

// TestHealthCode is the exit code that a source's health comes to.
func TestHealthCode(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	ended := func(verdict state.Verdict) *state.Run {
		return &state.Run{StartedAt: now.Add(-time.Minute), EndedAt: now, Verdict: verdict, Reason: "x"}
	}
	well := func() explain.Health {
		cfg := &sourceConfig{Schedule: "@hourly", Entra: &entraConfig{}}
		return explain.Health{
			Setup: healthSetup(cfg, ""), Source: state.Source{LastPushAt: now, LastPullAt: now, LastWholeAt: now},
			Keys: []state.Key{{ID: "k", LastUsedAt: now}}, Run: ended(state.VerdictComplete),
		}
	}
	for _, test := range []struct {
		name  string
		spoil func(h *explain.Health)
		code  int
	}{
		{"well", func(*explain.Health) {}, exitDone},
		{"left the configuration", func(h *explain.Health) { h.Configured = false }, exitFailed},
		{"misconfigured", func(h *explain.Health) { h.Misconfigured = "the file x is empty" }, exitUsage},
		{"pull failed", func(h *explain.Health) { h.Run = ended(state.VerdictFailed) }, exitIncomplete},
		{"source lost", func(h *explain.Health) { h.Run, h.Lost = ended(state.VerdictFailed), true }, exitIncomplete},
		{"running", func(h *explain.Health) { h.Run = &state.Run{StartedAt: now} }, exitDone},
		{"overdue", func(h *explain.Health) { h.LastPullAt = now.Add(-4 * time.Hour) }, exitFailed},
		{"held", func(h *explain.Health) { h.Held = state.HeldPlan{ID: "p1", Changes: 7} }, exitHeld},
		{"observed", func(h *explain.Health) { h.Observe = "this is the source's first pull" }, exitFailed},
		{"drift", func(h *explain.Health) { h.Drift = 3 }, exitDrift},
		{"staged", func(h *explain.Health) { h.Staged = 1 }, exitHeld},
		{"held, and drift", func(h *explain.Health) { h.Held, h.Drift = state.HeldPlan{ID: "p1", Changes: 7}, 3 }, exitHeld},
		{"held, and not complete", func(h *explain.Health) { h.Held, h.Run = state.HeldPlan{ID: "p1"}, ended(state.VerdictFailed) }, exitIncomplete},
		{"held, and pushes refused", func(h *explain.Health) {
			h.Held, h.Keys[0].RevokedAt = state.HeldPlan{ID: "p1"}, now
		}, exitFailed},
		{"key never used", func(h *explain.Health) { h.Keys[0].LastUsedAt, h.LastPushAt = time.Time{}, time.Time{} }, exitFailed},
		{"in quarantine", func(h *explain.Health) { h.Push = &connectors.Push{State: connectors.PushQuarantined} }, exitFailed},
	} {
		t.Run(test.name, func(t *testing.T) {
			h := well()
			test.spoil(&h)
			if code := healthCode(&h, now); code != test.code {
				_, sentence := h.Verdict(now)
				t.Errorf("exit code %d, want %d: %s", code, test.code, sentence)
			}
		})
	}
}
