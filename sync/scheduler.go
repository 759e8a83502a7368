package sync

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"log/slog"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/robfig/cron/v3"

	"rollcall/state"
)

const (
	defaultParallel = 4
	maxOffset       = 5 * time.Minute
	firstRetry      = time.Minute
	lastRetry       = time.Hour
)

// Scheduler runs sources when they are due. Make it with NewScheduler.
type Scheduler struct {
	engine   *Engine
	ended    func(Source, Report, error)
	slots    chan struct{} // holds a value for each run that goes on
	sources  []scheduled
	triggers map[string]chan struct{}
}

// scheduled is a source with its schedule.
type scheduled struct {
	source Source
	cron   cron.Schedule // nil: on demand
	offset time.Duration
	wake   chan struct{} // of capacity one: many triggers become one
}

// SchedulerConfig says what a scheduler runs.
type SchedulerConfig struct {
	Engine   *Engine
	Sources  []Source                    // push-only ones are left out
	Parallel int                         // runs at the same time; 0: 4
	Ended    func(Source, Report, error) // may be nil; called after each run, on that source's goroutine
}

// NewScheduler checks the schedules with ParseSchedule. Its error joins every fault, each with its source's name.
func NewScheduler(config SchedulerConfig) (*Scheduler, error) {
	parallel := config.Parallel
	if parallel <= 0 {
		parallel = defaultParallel
	}
	s := &Scheduler{
		engine: config.Engine, ended: config.Ended, slots: make(chan struct{}, parallel), triggers: make(map[string]chan struct{}),
	}
	var faults []error
	for _, source := range config.Sources {
		if source.Connector == nil {
			continue
		}
		entry := scheduled{source: source, wake: make(chan struct{}, 1)}
		if source.Schedule != "" {
			schedule, err := ParseSchedule(source.Schedule)
			if err != nil {
				faults = append(faults, fmt.Errorf("source %s: schedule %q: %w", source.Scope.Source, source.Schedule, err))
				continue
			}
			entry.cron, entry.offset = schedule, offsetOf(source.Scope.Source, schedule)
		}
		s.sources = append(s.sources, entry)
		s.triggers[source.Scope.Source] = entry.wake
	}
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	return s, nil
}

// ParseSchedule reads a schedule: five cron fields or @hourly and the like, in UTC unless CRON_TZ= says otherwise. One that no time
// ever fits is refused.
func ParseSchedule(text string) (cron.Schedule, error) {
	if strings.HasPrefix(text, "CRON_TZ=") || strings.HasPrefix(text, "TZ=") {
		if _, fields, _ := strings.Cut(text, " "); strings.TrimSpace(fields) == "" {
			return nil, errors.New("a time zone and nothing else") // cron's parser panics on it
		}
	}
	schedule, err := cron.ParseStandard(text)
	if err != nil {
		return nil, err
	}
	if schedule.Next(time.Now()).IsZero() {
		return nil, errors.New("no time ever fits it")
	}
	return schedule, nil
}

// offsetOf moves a source's runs by a fixed part of its period, at most five minutes, so that sources with the same schedule do not
// all start in the same second.
func offsetOf(name string, schedule cron.Schedule) time.Duration {
	h := fnv.New64a()
	h.Write([]byte(name))
	first := schedule.Next(time.Unix(0, 0).UTC())
	span := min(schedule.Next(first).Sub(first), maxOffset)
	if first.IsZero() || span < time.Second {
		return 0
	}
	return time.Duration(h.Sum64()%uint64(span/time.Second)) * time.Second
}

// Run runs sources when they are due until the context is over, and then waits for the runs that go on, which end early. A source
// whose last run is further back than its schedule allows is due at once. One failing source holds up no other; it is tried again
// after a minute, then after ever longer times up to an hour.
func (s *Scheduler) Run(ctx context.Context) error {
	var group sync.WaitGroup
	for _, entry := range s.sources {
		group.Go(func() { s.serve(ctx, entry) })
	}
	group.Wait()
	return nil
}

// Trigger makes a source due now. Any number of triggers before the run begins make one run; one that comes while the source runs
// makes another run after it. It never blocks, and is false if the scheduler does not have the source.
func (s *Scheduler) Trigger(name string) bool {
	wake, ok := s.triggers[name]
	if !ok {
		return false
	}
	select {
	case wake <- struct{}{}:
	default:
	}
	return true
}

// serve runs one source when it is due until the context is over.
func (s *Scheduler) serve(ctx context.Context, entry scheduled) {
	failures := 0
	for due := s.firstDue(ctx, entry); entry.wait(ctx, due); {
		select {
		case s.slots <- struct{}{}:
		case <-ctx.Done():
			return
		}
		failed := s.run(ctx, entry.source)
		<-s.slots
		due = entry.next(time.Now())
		if failed {
			due = time.Now().Add(min(firstRetry<<min(failures, 10), lastRetry))
			failures++
		} else {
			failures = 0
		}
	}
}

// firstDue is when a source is due after a start of the process: a run that was missed is made up for.
func (s *Scheduler) firstDue(ctx context.Context, entry scheduled) time.Time {
	kept, err := s.engine.Store.Source(ctx, entry.source.Scope.Source)
	if err != nil && !errors.Is(err, state.ErrNotFound) {
		s.engine.log().LogAttrs(ctx, slog.LevelWarn, "last pull unknown",
			slog.String("source", entry.source.Scope.Source), slog.String("error", err.Error()))
		return entry.next(time.Now())
	}
	if entry.cron != nil && kept.LastPullAt.IsZero() {
		return time.Now()
	}
	return entry.next(kept.LastPullAt)
}

// next is when a source is due after a moment; zero: never by itself.
func (e *scheduled) next(after time.Time) time.Time {
	if e.cron == nil {
		return time.Time{}
	}
	due := e.cron.Next(after.UTC().Add(-e.offset))
	if due.IsZero() {
		return due
	}
	return due.Add(e.offset)
}

// wait blocks until the source is due or triggered; false: the context is over.
func (e *scheduled) wait(ctx context.Context, due time.Time) bool {
	var timer <-chan time.Time
	if !due.IsZero() {
		t := time.NewTimer(time.Until(due))
		defer t.Stop()
		timer = t.C
	}
	select {
	case <-ctx.Done():
		return false
	case <-timer:
	case <-e.wake:
	}
	return ctx.Err() == nil
}

// run carries out one run and tells whether it has to be tried again soon.
func (s *Scheduler) run(ctx context.Context, source Source) (failed bool) {
	report, err := s.runSafely(ctx, source)
	if s.ended != nil {
		s.ended(source, report, err)
	}
	switch {
	case ctx.Err() != nil, errors.Is(err, state.ErrLeased):
		return false // we are going down, or somebody else is at it
	case err != nil:
		s.engine.log().LogAttrs(ctx, slog.LevelError, "run failed",
			slog.String("source", source.Scope.Source), slog.String("error", err.Error()))
		return true
	}
	return report.Run.Outcome == OutcomeIncomplete
}

// runSafely turns a panic, in a connector perhaps, into an error: the other sources must go on.
func (s *Scheduler) runSafely(ctx context.Context, source Source) (report Report, err error) {
	defer func() {
		if fault := recover(); fault != nil {
			s.engine.log().LogAttrs(ctx, slog.LevelError, "run panicked",
				slog.String("source", source.Scope.Source), slog.String("stack", string(debug.Stack())))
			err = fmt.Errorf("run of source %s panicked: %v", source.Scope.Source, fault)
		}
	}()
	return s.engine.RunOnce(ctx, source, Order{Trigger: TriggerSchedule, Actor: TriggerSchedule})
}
