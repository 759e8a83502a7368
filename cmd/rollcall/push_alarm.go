package main

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"rollcall/scimapi"
	"rollcall/state"
)

// pushAlarm is the metrics of a receiver that also watch how many people providers deactivate by push: the gate of pulls does not hold
// them, so somebody must hear of it. It counts by the hour from the start of the process, and is safe for concurrent use.
type pushAlarm struct {
	rec state.Journal
	*metrics
	log *slog.Logger
	now func() time.Time

	mu      sync.Mutex
	sources map[string]*pushed
}

func newPushAlarm(rec state.Journal, m *metrics, log *slog.Logger, now func() time.Time) *pushAlarm {
	return &pushAlarm{rec: rec, metrics: m, log: log, now: now, sources: map[string]*pushed{}}
}

const alarmHours = 24

// pushed is how many accounts of a source were deactivated by push, hour by hour.
type pushed struct {
	hour   int64 // the newest that is counted, since 1970
	counts [alarmHours]int
	raised bool // the alarm is up: the next one comes only after the count has been within the limit
}

// turn makes an hour the newest one.
func (p *pushed) turn(hour int64) {
	for p.hour < hour {
		p.hour = max(p.hour+1, hour-alarmHours)
		p.counts[p.hour%alarmHours] = 0
	}
}

func (p *pushed) sum() int {
	n := 0
	for _, count := range p.counts {
		n += count
	}
	return n
}

// Noticed implements scimapi.Metrics.
func (a *pushAlarm) Noticed(source string, event scimapi.Event, n int) {
	a.metrics.Noticed(source, event, n)
	if event != scimapi.Deactivated {
		return
	}
	hour := a.now().Unix() / 3600
	a.mu.Lock()
	defer a.mu.Unlock()
	p := a.sources[source]
	if p == nil {
		p = &pushed{}
		a.sources[source] = p
	}
	p.turn(hour)
	p.counts[hour%alarmHours] += n
}

// within returns how many were deactivated within 24 hours.
func (a *pushAlarm) within(source string) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	p := a.sources[source]
	if p == nil {
		return 0
	}
	p.turn(a.now().Unix() / 3600)
	return p.sum()
}

// check holds the counts of a configuration's sources against their gates: of those who would be active without the pushes, no more
// may go than a pull may deactivate. It warns once each time that a count comes above the limit.
func (a *pushAlarm) check(ctx context.Context, cfg *config) error {
	for i := range cfg.Sources {
		src := &cfg.Sources[i]
		over, n, limit := false, a.within(src.Name), src.Removal.GateFloor
		if src.Removal.PushGate == pushGateAlarm && n > limit {
			ledger, err := a.rec.Ledger(ctx, src.scope(), a.now())
			if err != nil {
				return fmt.Errorf("source %s: %w", src.Name, err)
			}
			limit = max(limit, (ledger.Active+n)*src.Removal.GatePercent/100)
			over = n > limit
		}
		a.pushAlarm.WithLabelValues(src.Name).Set(truth(over))
		if a.raise(src.Name, over) {
			a.log.Warn("a provider deactivates many by push; nothing holds them: see 'rollcall users list --inactive'",
				logSource, src.Name, logDeactivated, n, logLimit, limit, logWithin, alarmHours*time.Hour)
		}
	}
	return nil
}

// raise notes whether a source is over its limit and tells whether that is news.
func (a *pushAlarm) raise(source string, over bool) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	p := a.sources[source]
	if p == nil {
		return false
	}
	news := over && !p.raised
	p.raised = over
	return news
}

const alarmInterval = 15 * time.Second

// run checks at intervals until the context is over.
func (a *pushAlarm) run(ctx context.Context, current func() *config) error {
	tick := time.NewTicker(alarmInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if err := a.check(ctx, current()); err != nil && ctx.Err() == nil {
			a.log.Warn("pushed deactivations could not be held against the gate", logError, err)
		}
	}
}
