package sync

import (
	"cmp"
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

	"rollcall/connectors"
	"rollcall/state"
)

const (
	defaultParallel = 4
	maxOffset       = 5 * time.Minute
	firstRetry      = time.Minute
	lastRetry       = time.Hour
	defaultSpacing  = 5 * time.Minute
)

// Scheduler runs sources when they are due. Make it with NewScheduler.
type Scheduler struct {
	engine   *Engine
	progress func(Source, Progress)
	ended    func(Source, Report, error)
	hints    time.Duration
	spacing  time.Duration
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
	hinted bool          // its connector can be asked who has changed
}

// SchedulerConfig says what a scheduler runs.
type SchedulerConfig struct {
	Engine   *Engine
	Sources  []Source                    // push-only ones are left out
	Parallel int                         // runs at the same time; 0: 4
	Progress func(Source, Progress)      // may be nil; called as Order.Progress is
	Ended    func(Source, Report, error) // may be nil; called after each run, on that source's goroutine

	// Hints is how often, between the pulls of a source with a schedule, its provider is asked who has changed, where it can tell; see
	// Engine.Hurry. 0: never.
	Hints time.Duration
	// Spacing is how long after one pull began hints may bring the next one about; 0: 5 minutes.
	Spacing time.Duration
}

// NewScheduler checks the schedules with ParseSchedule. Its error joins every fault, each with its source's name.
func NewScheduler(config SchedulerConfig) (*Scheduler, error) {
	parallel := config.Parallel
	if parallel <= 0 {
		parallel = defaultParallel
	}
	s := &Scheduler{
		engine: config.Engine, progress: config.Progress, ended: config.Ended, hints: config.Hints, spacing: cmp.Or(config.Spacing, defaultSpacing),
		slots: make(chan struct{}, parallel), triggers: make(map[string]chan struct{}),
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
			_, entry.hinted = source.Connector.(connectors.Hinter)
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
	first := schedule.Next(time.Unix(0, 0).UTC())
	if first.IsZero() {
		return 0
	}
	return partOf(name, min(schedule.Next(first).Sub(first), maxOffset))
}

// partOf is a fixed part of a span, in seconds, drawn by a name.
func partOf(name string, span time.Duration) time.Duration {
	if span < time.Second {
		return 0
	}
	h := fnv.New64a()
	h.Write([]byte(name))
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

// serve runs one source when it is due, and between its pulls asks who has changed, until the context is over.
func (s *Scheduler) serve(ctx context.Context, entry scheduled) {
	failures := 0
	due, began := s.firstDue(ctx, entry)
	asking := s.asking(&entry)
	for {
		cause := entry.wait(ctx, due, asking.due)
		if cause == over || !s.enter(ctx) {
			return
		}
		if cause == changes {
			early := asking.hurry(ctx, s, entry.source)
			<-s.slots
			if soonest := later(time.Now(), began.Add(s.spacing)); early && failures == 0 && soonest.Before(due) {
				due = soonest
			}
			continue
		}
		began = time.Now()
		failed := s.run(ctx, entry.source)
		<-s.slots
		due = entry.next(time.Now())
		if failed {
			due = time.Now().Add(retryAfter(failures))
			failures++
		} else {
			failures = 0
		}
	}
}

// enter waits for its turn, which whoever entered gives back; false: the context is over.
func (s *Scheduler) enter(ctx context.Context) bool {
	select {
	case s.slots <- struct{}{}:
		return true
	case <-ctx.Done():
		return false
	}
}

// retryAfter is how long to wait after so many failures and one more.
func retryAfter(failures int) time.Duration { return min(firstRetry<<min(failures, 10), lastRetry) }

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// firstDue is when a source is due after a start of the process, and when its last pull began: a run that was missed is made up for.
func (s *Scheduler) firstDue(ctx context.Context, entry scheduled) (due, began time.Time) {
	kept, err := s.engine.Store.Source(ctx, entry.source.Scope.Source)
	if err != nil && !errors.Is(err, state.ErrNotFound) {
		s.engine.log().LogAttrs(ctx, slog.LevelWarn, "last pull unknown",
			slog.String("source", entry.source.Scope.Source), slog.String("error", err.Error()))
		return entry.next(time.Now()), time.Time{}
	}
	if entry.cron != nil && kept.LastPullAt.IsZero() {
		return time.Now(), time.Time{}
	}
	return entry.next(kept.LastPullAt), kept.LastPullAt
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

// cause is why a wait ended.
type cause uint8

const (
	over    cause = iota // the context is
	pull                 // the source is due, or was triggered
	changes              // it is time to ask who has changed
)

// wait blocks until there is something to do. A zero time never comes.
func (e *scheduled) wait(ctx context.Context, due, ask time.Time) cause {
	dueTimer, stopDue := timerAt(due)
	defer stopDue()
	askTimer, stopAsk := timerAt(ask)
	defer stopAsk()
	because := pull
	select {
	case <-ctx.Done():
	case <-dueTimer:
	case <-e.wake:
	case <-askTimer:
		because = changes
	}
	if ctx.Err() != nil {
		return over
	}
	return because
}

// timerAt returns a channel that fires at a time, never at a zero one, and what stops it.
func timerAt(at time.Time) (<-chan time.Time, func() bool) {
	if at.IsZero() {
		return nil, func() bool { return false }
	}
	t := time.NewTimer(time.Until(at))
	return t.C, t.Stop
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
	defer s.recovered(ctx, source, &err)
	order := Order{Trigger: TriggerSchedule, Actor: TriggerSchedule}
	if s.progress != nil {
		order.Progress = func(p Progress) { s.progress(source, p) }
	}
	return s.engine.RunOnce(ctx, source, order)
}

// recovered turns a panic of the function that defers it into an error.
func (s *Scheduler) recovered(ctx context.Context, source Source, err *error) {
	if fault := recover(); fault != nil {
		s.engine.log().LogAttrs(ctx, slog.LevelError, "run panicked",
			slog.String("source", source.Scope.Source), slog.String("stack", string(debug.Stack())))
		*err = fmt.Errorf("run of source %s panicked: %v", source.Scope.Source, fault)
	}
}

// asking is how far a source's provider has been asked who has changed.
type asking struct {
	every    time.Duration
	due      time.Time // zero: never
	failures int       // in a row
}

// asking begins to ask, at a moment of each source's own.
func (s *Scheduler) asking(entry *scheduled) *asking {
	a := &asking{every: s.hints}
	if a.every > 0 && entry.hinted {
		a.due = time.Now().Add(partOf(entry.source.Scope.Source, a.every))
	}
	return a
}

// hurry asks once and tells whether a pull is worth doing now. Of failures in a row the first is logged, and each is waited after
// longer.
func (a *asking) hurry(ctx context.Context, s *Scheduler, source Source) (pull bool) {
	h, err := s.hurrySafely(ctx, source)
	a.due = time.Now().Add(a.every)
	switch {
	case ctx.Err() != nil, errors.Is(err, state.ErrLeased):
		return h.Pull
	case err != nil:
		if a.failures == 0 {
			s.engine.log().LogAttrs(ctx, slog.LevelWarn, "could not hurry: changes wait for the next pull",
				slog.String("source", source.Scope.Source), slog.String("error", labelOf(err)))
		}
		a.due = later(a.due, time.Now().Add(retryAfter(a.failures)))
		a.failures++
		return h.Pull
	}
	a.failures = 0
	if s.ended != nil && len(h.Report.Results) > 0 {
		s.ended(source, h.Report, nil)
	}
	return h.Pull
}

func (s *Scheduler) hurrySafely(ctx context.Context, source Source) (h Hurried, err error) {
	defer s.recovered(ctx, source, &err)
	return s.engine.Hurry(ctx, source)
}

// labelOf names an error for a log, without a provider's words.
func labelOf(err error) string {
	var failure *connectors.Error
	if errors.As(err, &failure) {
		return connectors.Label(err)
	}
	return err.Error()
}
