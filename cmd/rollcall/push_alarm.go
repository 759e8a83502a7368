package main

import (
	"context"
	"log/slog"

	"rollcall/state"
	"rollcall/sync/plan"
)

// pushAlarm watches how many people providers take access from by push, where the gate does not hold them: push_gate: alarm. The
// sums come from the journal, which knows the last 24 hours after a restart too. It is used on one goroutine.
type pushAlarm struct {
	metrics *metrics
	log     *slog.Logger
	raised  map[string]bool // by source: the next warning comes only after the sum has been within the limit
}

// check holds the pushed removals of a source against its gate, shows the outcome in the metrics, and warns once each time that they
// come above the limit.
func (a *pushAlarm) check(ctx context.Context, src *sourceConfig, sums state.Ledger) (over bool) {
	limit := plan.PushGate{Rules: src.rules()}.Limit(sums)
	over = src.Removal.PushGate == pushGateAlarm && sums.Pushed > limit
	a.metrics.pushAlarm.WithLabelValues(src.Name).Set(truth(over))
	if over && !a.raised[src.Name] {
		a.log.WarnContext(ctx, "a provider deactivates many by push; nothing holds them: see 'rollcall users list --inactive'",
			logSource, src.Name, logDeactivated, sums.Pushed, logLimit, limit, logWithin, state.GateWindow)
	}
	a.raised[src.Name] = over
	return over
}
