package main

import (
	"context"
	"time"

	"rollcall/scimapi"
	"rollcall/state"
	dirsync "rollcall/sync"
	"rollcall/sync/explain"
)

// health reads what is recorded of one source. cfg is nil for one that left the configuration.
func health(ctx context.Context, rec explain.HealthReader, scope state.Scope, cfg *sourceConfig, misconfigured string, now time.Time) (explain.Health, error) {
	return explain.ReadHealth(ctx, rec, scope, healthSetup(cfg, misconfigured), now)
}

// healthSetup is what the configuration has to say about a source's health.
func healthSetup(cfg *sourceConfig, misconfigured string) explain.Setup {
	setup := explain.Setup{Misconfigured: misconfigured, KeyWarning: scimapi.KeyWarning}
	if cfg == nil {
		return setup
	}
	setup.Configured, setup.Pulls, setup.Kind = true, cfg.pulls(), cfg.Kind
	if cfg.Schedule != "" {
		if schedule, err := dirsync.ParseSchedule(cfg.Schedule); err == nil { // the configuration has been checked
			setup.Next = schedule.Next
		}
	}
	return setup
}

// healthCode is the code of `status --exit-code` for one source.
func healthCode(h *explain.Health, now time.Time) int {
	condition, _ := h.Verdict(now)
	switch {
	case h.Misconfigured != "":
		return exitUsage
	case (h.Held.ID != "" || h.Staged > 0) && condition == explain.Waiting:
		return exitHeld
	case h.Pulls && h.Run != nil && !h.Run.EndedAt.IsZero() && h.Run.Verdict != state.VerdictComplete:
		return exitIncomplete
	case h.Drift > 0 && condition == explain.Waiting:
		return exitDrift
	case condition != explain.Healthy:
		return exitFailed
	}
	return exitDone
}
