package main

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"rollcall/cmd/internal/console"
	"rollcall/state"
	dirsync "rollcall/sync"
	"rollcall/sync/explain"
)

// progressBoard knows how far each source's run in this process has come, for whoever watches. It is safe for concurrent use.
type progressBoard struct {
	mu      sync.Mutex
	sources map[string]*watchedRun
	over    chan struct{} // closed at the end: nobody watches on
}

// watchedRun is how far one source is. changed is closed and made anew with each step.
type watchedRun struct {
	now     console.Progress
	changed chan struct{}
}

func newProgressBoard() *progressBoard {
	return &progressBoard{sources: map[string]*watchedRun{}, over: make(chan struct{})}
}

// close sends away everybody who watches. Call it once.
func (b *progressBoard) close() { close(b.over) }

// put notes a step. It never blocks: those who watch read it when they come to it.
func (b *progressBoard) put(source string, p console.Progress) {
	b.mu.Lock()
	defer b.mu.Unlock()
	run := b.of(source)
	if p.Running && run.now.Running {
		p.Since = run.now.Since
	}
	run.now = p
	close(run.changed)
	run.changed = make(chan struct{})
}

// of returns a source's place. The lock is held.
func (b *progressBoard) of(source string) *watchedRun {
	run := b.sources[source]
	if run == nil {
		run = &watchedRun{changed: make(chan struct{})}
		b.sources[source] = run
	}
	return run
}

func (b *progressBoard) read(source string) (console.Progress, <-chan struct{}) {
	b.mu.Lock()
	defer b.mu.Unlock()
	run := b.of(source)
	return run.now, run.changed
}

// watchPause is between two steps that are told: nobody reads faster.
const watchPause = 250 * time.Millisecond

// watch tells each step until the context or the board is over, or tell has enough.
func (b *progressBoard) watch(ctx context.Context, source string, tell func(console.Progress) bool) {
	for {
		now, changed := b.read(source)
		if !tell(now) {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-b.over:
			return
		case <-changed:
		}
		select {
		case <-ctx.Done():
			return
		case <-b.over:
			return
		case <-time.After(watchPause):
		}
	}
}

// stepWords says what a run is at.
var stepWords = map[string]string{
	dirsync.StepPull: "reading the provider", dirsync.StepLook: "looking people up", dirsync.StepPlan: "comparing", dirsync.StepApply: "applying changes",
}

// step notes how far a run is.
func (b *progressBoard) step(source string, p dirsync.Progress, now time.Time) {
	told := console.Progress{Running: true, Step: stepWords[p.Step], Count: p.Done, Of: p.Of, Since: now}
	if p.Of == 0 {
		told.Count = p.People
	}
	b.put(source, told)
}

// end notes that a run is over.
func (b *progressBoard) end(source string, r dirsync.Report, err error) {
	ended := console.Progress{Run: r.Run.ID}
	switch {
	case errors.Is(err, state.ErrLeased):
		ended.Ended = "Another process was at work on the source."
	case err != nil:
		ended.Ended = "The run failed; the log says why."
	default:
		ended.Ended = explain.RunSum(r.Run.Verdict, &r.Plan.Counts, &r.Plan.Gate)
		if n := appliedOf(r); n > 0 {
			ended.Ended += " " + explain.Plural(n, "change") + " applied."
		}
	}
	b.put(source, ended)
}

// handPulls carries out the pulls that operators ask for in the console, a few at a time.
type handPulls struct {
	service *service
	orders  chan handPull
}

type handPull struct{ source, by string }

const (
	pullsAtOnce  = 2
	pullsWaiting = 16
)

func newHandPulls(s *service) *handPulls {
	return &handPulls{service: s, orders: make(chan handPull, pullsWaiting)}
}

// order has a source pulled soon. It never blocks.
func (h *handPulls) order(source, by string) error {
	before, _ := h.service.progress.read(source)
	if before.Running {
		return refusedBusy
	}
	// Told first: whoever takes the order tells what comes of it, and that is not to be overwritten.
	h.service.progress.put(source, console.Progress{Running: true, Step: "waiting for its turn", Since: h.service.app.now()})
	select {
	case h.orders <- handPull{source, by}:
		return nil
	default:
		h.service.progress.put(source, before)
		return console.Refusal("Too many pulls wait already. Nothing was changed; try again in a minute.")
	}
}

// run carries out orders until the context is over; runs that go on then end early.
func (h *handPulls) run(ctx context.Context) error {
	var group errgroup.Group
	for range pullsAtOnce {
		group.Go(func() error {
			for {
				select {
				case <-ctx.Done():
					return nil
				case o := <-h.orders:
					h.pull(ctx, o)
				}
			}
		})
	}
	return group.Wait()
}

func (h *handPulls) pull(ctx context.Context, o handPull) {
	s := h.service
	g, source, err := consoleWork{service: s}.source(o.source, true)
	if err != nil { // the configuration has changed since
		s.progress.put(o.source, console.Progress{Ended: err.Error()})
		return
	}
	s.progress.step(o.source, dirsync.Progress{Step: dirsync.StepPull}, s.app.now()) // the run itself tells of its first page only
	report, err := g.engine.RunOnce(ctx, source, dirsync.Order{
		Trigger: dirsync.TriggerHand, Actor: o.by, Progress: func(p dirsync.Progress) { s.progress.step(o.source, p, s.app.now()) },
	})
	if err != nil && !errors.Is(err, state.ErrLeased) && ctx.Err() == nil {
		s.log.LogAttrs(ctx, slog.LevelError, "run failed", slog.String(logSource, o.source), slog.String(logError, err.Error()))
	}
	s.ended(g, source, report, err)
}
