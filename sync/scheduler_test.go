package sync_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"rollcall/connectors"
	"rollcall/state"
	"rollcall/state/statetest"
	dirsync "rollcall/sync"
	"rollcall/sync/mapping"
)

// slow is a connector whose pulls take a time and may fail. It knows when it was pulled.
type slow struct {
	directory
	takes   time.Duration
	err     error
	panics  bool
	mu      sync.Mutex
	began   []time.Time
	running *atomic.Int32 // over all connectors of a test
	most    *atomic.Int32
}

func (s *slow) Pull(ctx context.Context, _ connectors.Want, _ func([]connectors.Person) error) (connectors.Proof, error) {
	s.mu.Lock()
	s.began = append(s.began, time.Now())
	s.mu.Unlock()
	if s.running != nil {
		s.most.Store(max(s.most.Load(), s.running.Add(1)))
		defer s.running.Add(-1)
	}
	if s.panics {
		panic("a fault in a connector")
	}
	timer := time.NewTimer(s.takes)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
		return connectors.Proof{}, ctx.Err()
	}
	return connectors.Proof{Complete: s.err == nil}, s.err
}

func (s *slow) pulls() []time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.began)
}

// scheduler makes a scheduler of connectors, all on one schedule, and a function that stops it and waits.
func scheduler(t *testing.T, schedule string, parallel int, list ...*slow) (*dirsync.Scheduler, func()) {
	t.Helper()
	m, err := mapping.Compile(mapping.Default("entra"))
	if err != nil {
		t.Fatal(err)
	}
	store := statetest.NewModel()
	var sources []dirsync.Source
	for i, connector := range list {
		scope := state.Scope{Tenant: "acme", Source: fmt.Sprintf("source-%d", i)}
		sources = append(sources, dirsync.Source{
			Scope: scope, Kind: "entra", Connector: connector, Mapping: m, People: connectors.Assigned, Schedule: schedule, Policy: dirsync.PolicyFull,
		})
	}
	s, err := dirsync.NewScheduler(dirsync.SchedulerConfig{
		Engine: &dirsync.Engine{Store: store, Holder: "test"}, Sources: sources, Parallel: parallel,
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- s.Run(ctx) }()
	return s, func() {
		t.Helper()
		cancel()
		if err := <-done; err != nil {
			t.Errorf("the scheduler ended with %v", err)
		}
	}
}

func TestSchedule(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &slow{takes: time.Second}
		_, stop := scheduler(t, "*/10 * * * *", 0, c)
		time.Sleep(61 * time.Minute)
		stop()
		pulls := c.pulls()
		if n := len(pulls); n != 7 {
			t.Fatalf("%d pulls in 61 minutes, want the first at once and one every ten minutes: %v", n, pulls)
		}
		offset := pulls[1].Sub(pulls[1].Truncate(10 * time.Minute))
		for i := 2; i < len(pulls); i++ {
			if gap := pulls[i].Sub(pulls[i-1]); gap != 10*time.Minute {
				t.Errorf("%v between two pulls", gap)
			}
		}
		if offset < 0 || offset >= 5*time.Minute {
			t.Errorf("offset %v", offset)
		}
	})
}

// TestSchedulesAreSpread: sources with one schedule do not all start in the same second.
func TestSchedulesAreSpread(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		list := []*slow{{}, {}, {}, {}, {}, {}}
		_, stop := scheduler(t, "0 * * * *", 8, list...)
		time.Sleep(90 * time.Minute)
		stop()
		starts := make(map[time.Time]bool)
		for _, c := range list {
			starts[c.pulls()[1]] = true
		}
		if len(starts) < 4 {
			t.Errorf("six sources start at %d moments", len(starts))
		}
	})
}

func TestTriggersCoalesce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &slow{takes: time.Minute}
		s, stop := scheduler(t, "", 0, c)
		synctest.Wait()
		if len(c.pulls()) != 0 {
			t.Error("a source on demand was pulled by itself")
		}
		s.Trigger("source-0")
		synctest.Wait()
		for range 50 { // while it runs
			if !s.Trigger("source-0") {
				t.Fatal("the source is not known")
			}
		}
		time.Sleep(time.Hour)
		if n := len(c.pulls()); n != 2 {
			t.Errorf("51 triggers made %d runs, want the one that went on and one after it", n)
		}
		if s.Trigger("unheard-of") {
			t.Error("triggered a source that is not there")
		}
		stop()
	})
}

func TestParallelPullsAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var running, most atomic.Int32
		var list []*slow
		for range 9 {
			list = append(list, &slow{takes: 10 * time.Second, running: &running, most: &most})
		}
		s, stop := scheduler(t, "", 2, list...)
		for i := range list {
			s.Trigger(fmt.Sprintf("source-%d", i))
		}
		time.Sleep(time.Minute)
		stop()
		if most.Load() != 2 {
			t.Errorf("%d pulls at the same time, want 2", most.Load())
		}
		for i, c := range list {
			if len(c.pulls()) != 1 {
				t.Errorf("source %d was pulled %d times", i, len(c.pulls()))
			}
		}
	})
}

// TestFailuresStayAlone: a source that fails, or whose connector panics, is tried again ever more slowly and holds up no other.
func TestFailuresStayAlone(t *testing.T) {
	for name, broken := range map[string]*slow{
		"unreachable": {err: &connectors.Error{Kind: connectors.ErrUnreachable, Op: "list members"}},
		"panic":       {panics: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				healthy := &slow{}
				_, stop := scheduler(t, "*/30 * * * *", 1, broken, healthy)
				time.Sleep(4*time.Hour + 10*time.Minute)
				stop()
				if n := len(healthy.pulls()); n < 9 {
					t.Errorf("the healthy source was pulled %d times in four hours", n)
				}
				pulls := broken.pulls()
				var gaps []time.Duration
				for i := 1; i < len(pulls); i++ {
					gaps = append(gaps, pulls[i].Sub(pulls[i-1]))
				}
				want := []time.Duration{1, 2, 4, 8, 16, 32, 60, 60, 60}
				for i := range want {
					want[i] *= time.Minute
				}
				if !slices.Equal(gaps, want) {
					t.Errorf("tried again after %v, want %v", gaps, want)
				}
			})
		})
	}
}

// TestStopEndsARun: the scheduler leaves only when the runs that go on have ended, and they end early.
func TestStopEndsARun(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &slow{takes: 24 * time.Hour}
		_, stop := scheduler(t, "@hourly", 0, c)
		synctest.Wait()
		began := time.Now()
		stop()
		if len(c.pulls()) != 1 || time.Since(began) > time.Second {
			t.Errorf("%d pulls, stopped after %v", len(c.pulls()), time.Since(began))
		}
	})
}

func TestNewSchedulerRefuses(t *testing.T) {
	m, err := mapping.Compile(mapping.Default("entra"))
	if err != nil {
		t.Fatal(err)
	}
	var sources []dirsync.Source
	for _, schedule := range []string{"often", "* * *", "* * * * *"} {
		sources = append(sources, dirsync.Source{
			Scope: state.Scope{Tenant: "acme", Source: "s " + schedule}, Connector: &slow{}, Mapping: m, Schedule: schedule,
		})
	}
	_, err = dirsync.NewScheduler(dirsync.SchedulerConfig{Engine: &dirsync.Engine{}, Sources: sources})
	var joined interface{ Unwrap() []error }
	if !errors.As(err, &joined) || len(joined.Unwrap()) != 2 {
		t.Errorf("want both faults at once, got %v", err)
	}
}

// TestSchedulesAreUTC: without a zone of its own a schedule means UTC, wherever the machine is.
func TestSchedulesAreUTC(t *testing.T) {
	at := time.Date(2026, 7, 1, 0, 30, 0, 0, time.UTC)
	for text, want := range map[string]time.Time{
		"0 3 * * *":                       time.Date(2026, 7, 1, 3, 0, 0, 0, time.UTC),
		"CRON_TZ=Asia/Tokyo 0 12 * * *":   time.Date(2026, 7, 1, 3, 0, 0, 0, time.UTC),
		"CRON_TZ=Europe/Berlin 0 3 * * *": time.Date(2026, 7, 1, 1, 0, 0, 0, time.UTC),
	} {
		schedule, err := dirsync.ParseSchedule(text)
		if err != nil {
			t.Fatal(err)
		}
		if got := schedule.Next(at); !got.Equal(want) {
			t.Errorf("%s: next at %v, want %v", text, got.UTC(), want)
		}
	}
}
