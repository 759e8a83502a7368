package sync_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"rollcall/connectors"
	"rollcall/state"
	"rollcall/state/statetest"
	dirsync "rollcall/sync"
	"rollcall/sync/mapping"
	"rollcall/sync/plan"
)

// teller is a directory that tells who has changed: cursors count its answers.
type teller struct {
	*directory
	asked []string // the cursors that it was asked with
	tells func(cursor string) (connectors.Hints, error)
}

func (d *teller) Hints(_ context.Context, cursor string) (connectors.Hints, error) {
	d.asked = append(d.asked, cursor)
	hints, err := d.tells(cursor)
	if err == nil && hints.Cursor == "" {
		hints.Cursor = fmt.Sprint(len(d.asked))
	}
	return hints, err
}

// telling makes the world's directory tell who has changed.
func (w *world) telling() *teller {
	d := &teller{directory: w.dir, tells: func(string) (connectors.Hints, error) { return connectors.Hints{}, nil }}
	w.source.Connector = d
	return d
}

// names makes a teller name people from now on, once.
func (d *teller) names(people ...string) {
	d.tells = func(string) (connectors.Hints, error) {
		hints := connectors.Hints{}
		for _, name := range people {
			hints.People = append(hints.People, "obj-"+name)
		}
		people = nil
		return hints, nil
	}
}

func (w *world) hurry() dirsync.Hurried {
	w.t.Helper()
	pulls := w.dir.pulls
	h, err := w.engine.Hurry(w.t.Context(), w.source)
	if err != nil {
		w.t.Fatalf("hurry: %v", err)
	}
	if w.dir.pulls != pulls {
		w.t.Error("to hurry is not to pull")
	}
	return h
}

func TestHurry(t *testing.T) {
	w := populated(t, "ada", "alan", "grace")
	d := w.telling()
	w.hurry()
	w.disable("ada")
	w.purge("grace")
	d.names("ada", "alan", "grace")
	h := w.hurry()
	want(t, h.Report, "complete applied", "deactivate ada disabled_at_source", "notice gone_once grace")
	if h.People != 3 || h.Pull || h.Report.Run.Trigger != dirsync.TriggerHint {
		t.Errorf("hurried %d, pull %t, by %s", h.People, h.Pull, h.Report.Run.Trigger)
	}
	w.clock.hour()
	if h := w.hurry(); h.People != 0 || h.Report.Run.ID != "" {
		t.Errorf("hurried %+v", h)
	}
	if got := []string{"", "1", "2"}; !slices.Equal(d.asked, got) {
		t.Errorf("asked with cursors %q, want %q", d.asked, got)
	}
	w.wantActive("alan", "grace")
}

// TestHurryingBack: somebody who is enabled again is let in by a pull where a look can't tell that they are assigned, and it is worth
// doing now. That strangers have changed is worth nothing.
func TestHurryingBack(t *testing.T) {
	w := populated(t, "ada", "alan", "grace")
	w.disable("ada")
	w.scheduled()
	w.clock.hour()
	d := w.telling()
	w.enable("ada")
	w.join("eve")
	d.names("eve")
	if h := w.hurry(); h.Pull {
		t.Error(outline(h.Report))
	}
	d.names("ada")
	if h := w.hurry(); !h.Pull || len(h.Report.Plan.Changes) != 0 {
		t.Error(outline(h.Report))
	}
	w.dir.lookTells = true
	d.names("ada")
	if h := w.hurry(); h.Pull || !slices.Contains(w.active(), "ada") {
		t.Error(outline(h.Report))
	}
}

// TestHintsDecideNothing: whoever is named and is as ever stays as ever, and who is not assigned any more is left to a pull.
func TestHintsDecideNothing(t *testing.T) {
	w := populated(t, "ada", "alan", "grace")
	d := w.telling()
	w.unassign("ada")
	before := w.dump()
	for range 5 {
		d.names("ada", "alan")
		if h := w.hurry(); len(h.Report.Plan.Changes) != 0 {
			t.Error(outline(h.Report))
		}
		w.clock.hour()
	}
	if after := w.dump(); after != before {
		t.Error("hints that came to nothing left a trace")
	}
}

func TestHintsOfAPull(t *testing.T) {
	w := populated(t, "ada")
	d := w.telling()
	d.tells = func(string) (connectors.Hints, error) { return connectors.Hints{Pull: true}, nil }
	if h := w.hurry(); !h.Pull {
		t.Errorf("hurried %+v", h)
	}
	many := connectors.Hints{People: make([]string, 201)}
	for i := range many.People {
		many.People[i] = fmt.Sprintf("obj-%03d", i)
	}
	d.tells = func(string) (connectors.Hints, error) { return many, nil }
	if h := w.hurry(); !h.Pull || h.People != 201 || len(w.dir.looked) != 0 {
		t.Errorf("hurried %+v, looked at %d", h, len(w.dir.looked))
	}
	d.tells = func(string) (connectors.Hints, error) {
		return connectors.Hints{}, &connectors.Error{Kind: connectors.ErrGone, Op: "read who has changed"}
	}
	if h := w.hurry(); !h.Pull {
		t.Errorf("hurried %+v", h)
	}
	d.names()
	w.hurry()
	if got := []string{"", "1", "2", ""}; !slices.Equal(d.asked, got) {
		t.Errorf("asked with cursors %q, want %q: a cursor that is gone is dropped", d.asked, got)
	}
}

// TestCursorIsSavedLast: what fails is named again.
func TestCursorIsSavedLast(t *testing.T) {
	w := populated(t, "ada", "alan", "grace")
	d := w.telling()
	w.hurry()
	w.disable("ada")
	d.tells = func(string) (connectors.Hints, error) {
		return connectors.Hints{}, &connectors.Error{Kind: connectors.ErrThrottled}
	}
	if _, err := w.engine.Hurry(t.Context(), w.source); !errors.Is(err, connectors.ErrThrottled) {
		t.Errorf("hurried: %v", err)
	}
	w.dir.lookErr = &connectors.Error{Kind: connectors.ErrUnreachable, Op: "read people"}
	d.names("ada")
	if _, err := w.engine.Hurry(t.Context(), w.source); err == nil {
		t.Error("nobody was looked at, and it is no error")
	}
	w.dir.lookErr = nil
	other, err := w.store.AcquireLease(t.Context(), acme, "another process", time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	d.names("ada")
	if _, err := w.engine.Hurry(t.Context(), w.source); !errors.Is(err, state.ErrLeased) {
		t.Errorf("hurried beside another process: %v", err)
	}
	if err := w.store.ReleaseLease(t.Context(), other); err != nil {
		t.Fatal(err)
	}
	d.names("ada")
	want(t, w.hurry().Report, "complete applied", "deactivate ada disabled_at_source")
	d.names()
	w.hurry()
	if got := []string{"", "1", "1", "1", "1", "5"}; !slices.Equal(d.asked, got) {
		t.Errorf("asked with cursors %q, want %q", d.asked, got)
	}
}

// TestHintsOfAnotherDirectory: a cursor belongs to the directory that it was read from.
func TestHintsOfAnotherDirectory(t *testing.T) {
	fresh := newWorldOf(t, nil, nil)
	d := fresh.telling()
	if h := fresh.hurry(); len(d.asked) != 0 || h.Pull {
		t.Errorf("asked before the first pull: %+v", h)
	}
	fresh.hand()
	fresh.hurry()
	fresh.dir.identity = "another/app"
	if h := fresh.hurry(); len(d.asked) != 1 || !h.Pull {
		t.Errorf("asked another directory than the record's: %+v", h)
	}
	fresh.clock.hour()
	fresh.hand()
	fresh.hurry()
	if !slices.Equal(d.asked, []string{"", ""}) {
		t.Errorf("asked with cursors %q", d.asked)
	}
	fresh.source.Connector = fresh.dir
	if _, err := fresh.engine.Hurry(t.Context(), fresh.source); !errors.Is(err, dirsync.ErrNoHints) {
		t.Errorf("hurried without hints: %v", err)
	}
}

// TestHintsAreGated: the gate counts what hints bring about.
func TestHintsAreGated(t *testing.T) {
	w := populated(t, crowd(30)...)
	d := w.telling()
	for _, name := range crowd(10) {
		w.disable(name)
	}
	d.names(crowd(10)...)
	h := w.hurry()
	if h.Report.Plan.Counts.Held != 10 || h.Report.Plan.Gate.Removing != plan.HoldCount || len(w.active()) != 30 {
		t.Error(outline(h.Report))
	}
}

// slowTeller is a slow connector that tells who has changed.
type slowTeller struct {
	slow
	lock  sync.Mutex
	asked []time.Time
	tells func() (connectors.Hints, error)
}

func (s *slowTeller) Hints(context.Context, string) (connectors.Hints, error) {
	s.lock.Lock()
	defer s.lock.Unlock()
	s.asked = append(s.asked, time.Now())
	return s.tells()
}

// hourly schedules a connector by the hour, with hints every minute, and returns what was logged once it has run for a while.
func hourly(t *testing.T, c *slowTeller, schedule string, hints, lasts time.Duration) (log string) {
	t.Helper()
	m, err := mapping.Compile(mapping.Default("entra"))
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	s, err := dirsync.NewScheduler(dirsync.SchedulerConfig{
		Engine: &dirsync.Engine{Store: statetest.NewModel(), Holder: "test", Log: slog.New(slog.NewTextHandler(&text, nil))}, Hints: hints,
		Sources: []dirsync.Source{{
			Scope: acme, Kind: "entra", Connector: c, Mapping: m, People: connectors.Assigned, Schedule: schedule, Policy: dirsync.PolicyFull,
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- s.Run(ctx) }()
	time.Sleep(lasts)
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	return text.String()
}

func TestHintsAreAskedFor(t *testing.T) {
	for name, test := range map[string]struct {
		schedule string
		hints    time.Duration
		want     int
	}{
		"every minute": {"@hourly", time.Minute, 30}, "switched off": {"@hourly", 0, 0}, "on demand": {"", time.Minute, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := &slowTeller{tells: func() (connectors.Hints, error) { return connectors.Hints{Cursor: "x"}, nil }}
				hourly(t, c, test.schedule, test.hints, 30*time.Minute)
				if n := len(c.asked); n < test.want-1 || n > test.want {
					t.Errorf("asked %d times in half an hour, want %d", n, test.want)
				}
			})
		})
	}
}

// TestHintsBringAPullForward: at once, but not sooner than five minutes after the one before.
func TestHintsBringAPullForward(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := &slowTeller{tells: func() (connectors.Hints, error) { return connectors.Hints{Pull: true}, nil }}
		hourly(t, c, "0 0 1 6 *", time.Minute, 31*time.Minute)
		pulls := c.pulls()
		for i := 1; i < len(pulls); i++ {
			if gap := pulls[i].Sub(pulls[i-1]); gap < 5*time.Minute || gap > 6*time.Minute+time.Second {
				t.Errorf("%v between two pulls", gap)
			}
		}
		if n := len(pulls); n < 6 || n > 7 {
			t.Errorf("%d pulls", n)
		}
	})
}

// TestHintsThatFail: the first failure is logged, without the provider's words, and each is waited after longer; pulls go on.
func TestHintsThatFail(t *testing.T) {
	for name, fails := range map[string]func() (connectors.Hints, error){
		"forbidden": func() (connectors.Hints, error) {
			return connectors.Hints{}, &connectors.Error{Kind: connectors.ErrForbidden, Op: "read the log", Detail: "ada may not", Status: 403}
		},
		"panic": func() (connectors.Hints, error) { panic("a fault in a connector") },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				c := &slowTeller{tells: fails}
				log := hourly(t, c, "@hourly", time.Minute, 6*time.Hour)
				if n := len(c.asked); n < 8 || n > 13 {
					t.Errorf("asked %d times in six hours of failures", n)
				}
				if n := strings.Count(log, "could not hurry"); n != 1 || strings.Contains(log, "ada may not") {
					t.Errorf("logged %d times:\n%s", n, log)
				}
				if n := len(c.pulls()); n < 6 {
					t.Errorf("%d pulls in six hours", n)
				}
			})
		})
	}
}

// TestKilledWhileHurrying kills the process at every call of the store that hurrying makes, before it and after it. Whoever hurries next
// is told again of what was not done, because where the provider was read to is kept last.
func TestKilledWhileHurrying(t *testing.T) {
	named := func() *world {
		w := populated(t, crowd(12)...)
		d := w.telling()
		w.dir.lookTells = true
		w.hurry()
		w.disable("p001")
		w.join("new")
		r := w.account("p002")
		w.push(putOf(r, decode(t, `{"userName":"drifted@acme.example"}`)))
		w.clock.hour()
		d.tells = func(cursor string) (connectors.Hints, error) {
			if cursor == "1" {
				return connectors.Hints{People: []string{"obj-new", "obj-p001", "obj-p002"}, Cursor: "2"}, nil
			}
			return connectors.Hints{Cursor: "2"}, nil
		}
		return w
	}
	counted := named()
	calls := 0
	counted.engine = &dirsync.Engine{Now: counted.clock.Now, Holder: "first", Store: statetest.Faulty(counted.store, func(statetest.Call) *statetest.Fault {
		calls++
		return nil
	})}
	want(t, counted.hurry().Report, "complete applied", "deactivate p001 disabled_at_source", "update drifted drift", "create new assigned_missing")
	expected := counted.active()
	if calls < 20 {
		t.Fatalf("only %d calls of the store: this tests nothing", calls)
	}
	for kill := range calls {
		for _, done := range []int{0, 1} {
			w := named()
			made := 0
			w.engine = &dirsync.Engine{Now: w.clock.Now, Holder: "first", Store: statetest.Faulty(w.store, func(statetest.Call) *statetest.Fault {
				if made++; made <= kill {
					return nil
				}
				if made == kill+1 {
					return &statetest.Fault{Err: errKilled, Done: done}
				}
				return &statetest.Fault{Err: errKilled} // the process is dead
			})}
			if _, err := w.engine.Hurry(t.Context(), w.source); err == nil && made > kill+1 {
				t.Errorf("killed at call %d and no error", kill)
			}
			w.engine = &dirsync.Engine{Now: w.clock.Now, Holder: "second", Store: w.store}
			w.clock.hour()
			w.hurry()
			if got := w.active(); !slices.Equal(got, expected) {
				t.Errorf("killed at call %d (done %d): active %v, want %v", kill, done, got, expected)
			}
			w.clock.hour()
			want(t, w.scheduled(), "complete in_sync")
			runs, err := w.store.ListRuns(t.Context(), acme, 0)
			if err != nil {
				t.Fatal(err)
			}
			for _, run := range runs {
				if run.EndedAt.IsZero() {
					t.Errorf("killed at call %d: run %s never ended", kill, run.ID)
				}
			}
		}
	}
}

// TestHurryOnSQLite hurries on a real database.
func TestHurryOnSQLite(t *testing.T) {
	w := onSQLite(t)
	w.join(crowd(20)...)
	w.hand()
	w.clock.hour()
	d := w.telling()
	w.hurry()
	w.disable("p003")
	d.names("p003", "p004")
	want(t, w.hurry().Report, "complete applied", "deactivate p003 disabled_at_source")
	w.hurry()
	if got := []string{"", "1", "2"}; !slices.Equal(d.asked, got) {
		t.Errorf("asked with cursors %q, want %q", d.asked, got)
	}
}
