package console

import (
	"bufio"
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"rollcall/state"
)

// watching is a Work that tells what a test has it tell.
type watching struct {
	*fakeWork
	watch func(ctx context.Context, tell func(Progress) bool)
}

func (w watching) Watch(ctx context.Context, _ string, tell func(Progress) bool) { w.watch(ctx, tell) }

// watch asks for the progress of acme-entra as victor, signed in.
func (f *fixture) watch() *http.Request {
	f.t.Helper()
	f.join(victor.Name, victor.Role, "")
	token, hash := NewToken()
	f.must(f.store.PutSession(f.t.Context(), state.Session{Hash: hash, Operator: victor.Name, CreatedAt: f.clock.Now(), ExpiresAt: f.clock.Now().Add(sessionLife)}))
	r := httptest.NewRequest(http.MethodGet, "/sources/acme-entra/progress", nil)
	r.SetPathValue("source", "acme-entra")
	r.AddCookie(&http.Cookie{Name: sessionCookie, Value: token})
	return r
}

func TestProgress(t *testing.T) {
	f := newFixture(t)
	f.work.progress = []Progress{
		{}, {Running: true, Step: "reading people"}, {Running: true, Step: "applying \u202echanges", Count: 3, Of: 10, Run: "run-1"}, {Ended: "3 changes applied."},
	}
	p := f.do(victor, f.watch())
	want := "retry: 3000\n\n" +
		`data: {"running":false,"text":"No run goes on.","count":0,"of":0,"run":""}` + "\n\n" +
		`data: {"running":true,"text":"Reading people","count":0,"of":0,"run":""}` + "\n\n" +
		`data: {"running":true,"text":"Applying ` + "\ufffd" + `changes","count":3,"of":10,"run":"run-1"}` + "\n\n" +
		`data: {"running":false,"text":"3 changes applied.","count":0,"of":0,"run":""}` + "\n\n"
	if p.body != want || p.header.Get("Content-Type") != "text/event-stream" || p.header.Get("Cache-Control") != "no-store" {
		t.Errorf("%v sent\n%s", p.header, p.body)
	}
	f.get(victor, "/sources/nobody/progress").shows(404, "There is no such source")
}

// TestHeartbeat sends something though nothing happens, and ends with the request, waiting for whoever watches.
func TestHeartbeat(t *testing.T) {
	f := newFixture(t)
	r := f.watch()
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		ended := false
		f.console.Work = watching{f.work, func(ctx context.Context, tell func(Progress) bool) {
			tell(Progress{})
			<-ctx.Done()
			if tell(Progress{Running: true}) {
				t.Error("it is told to go on when nobody listens")
			}
			ended = true
		}}
		w := httptest.NewRecorder()
		time.AfterFunc(40*time.Second, cancel)
		f.console.progress(w, withVisitor(r.WithContext(ctx), victor))
		if n := strings.Count(w.Body.String(), ": still here\n\n"); n != 2 || !ended {
			t.Errorf("%d heartbeats in 40 seconds; the watcher has ended: %v", n, ended)
		}
	})
}

// TestProgressEnds is asked for anew after a while.
func TestProgressEnds(t *testing.T) {
	f := newFixture(t)
	r := f.watch()
	synctest.Test(t, func(t *testing.T) {
		f.console.Work = watching{f.work, func(ctx context.Context, _ func(Progress) bool) { <-ctx.Done() }}
		start := time.Now()
		f.console.progress(httptest.NewRecorder(), withVisitor(r.WithContext(t.Context()), victor))
		if took := time.Since(start); took != streamLife {
			t.Errorf("it took %s", took)
		}
	})
}

// TestProgressTellsNothingToWhoIsOut ends a stream with the session that asked for it, before anything more is told.
func TestProgressTellsNothingToWhoIsOut(t *testing.T) {
	for what, out := range map[string]func(f *fixture, r *http.Request) error{
		"disabled": func(f *fixture, _ *http.Request) error {
			_, err := f.console.access("olga").Disable(t.Context(), victor.Name)
			return err
		},
		"signed out": func(f *fixture, r *http.Request) error {
			cookie, err := r.Cookie(sessionCookie)
			f.must(err)
			return f.store.DropSession(t.Context(), hashToken(cookie.Value))
		},
		"expired": func(f *fixture, _ *http.Request) error { f.clock.Advance(sessionLife); return nil },
	} {
		t.Run(what, func(t *testing.T) {
			f := newFixture(t)
			r := f.watch()
			f.console.Work = watching{f.work, func(_ context.Context, tell func(Progress) bool) {
				tell(Progress{Running: true, Step: "reading people"})
				if err := out(f, r); err != nil {
					t.Error(err)
				}
				tell(Progress{Running: true, Step: "applying changes"})
			}}
			if told := f.do(victor, r).body; strings.Contains(told, "Applying changes") {
				t.Errorf("who is %s is told\n%s", what, told)
			}
		})
	}
}

// TestProgressOutlivesDeadlines goes on behind the server's own limits for a request and an answer.
func TestProgressOutlivesDeadlines(t *testing.T) {
	f := newFixture(t)
	const limit = 20 * time.Millisecond
	f.console.Work = watching{f.work, func(ctx context.Context, tell func(Progress) bool) {
		tick := time.NewTicker(limit)
		defer tick.Stop()
		for i := range 10 {
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
			if !tell(Progress{Running: true, Step: "reading people", Count: i + 1}) {
				return
			}
		}
	}}
	asked := f.watch()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r.Header["Cookie"] = asked.Header["Cookie"]
		f.console.routes().ServeHTTP(w, withVisitor(r, victor))
	}))
	server.Config.ReadTimeout, server.Config.WriteTimeout = limit, limit
	server.Start()
	defer server.Close()
	answer, err := server.Client().Get(server.URL + "/sources/acme-entra/progress")
	f.must(err)
	defer answer.Body.Close()
	events := 0
	for lines := bufio.NewScanner(answer.Body); lines.Scan(); {
		if strings.HasPrefix(lines.Text(), "data: ") {
			events++
		}
	}
	if events != 10 {
		t.Errorf("%d events arrived, want 10", events)
	}
}
