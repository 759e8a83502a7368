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
)

// watching is a Work that tells what a test has it tell.
type watching struct {
	*fakeWork
	watch func(ctx context.Context, tell func(Progress) bool)
}

func (w watching) Watch(ctx context.Context, _ string, tell func(Progress) bool) { w.watch(ctx, tell) }

func TestProgress(t *testing.T) {
	f := newFixture(t)
	f.work.progress = []Progress{
		{}, {Running: true, Step: "reading people"}, {Running: true, Step: "applying \u202echanges", Count: 3, Of: 10, Run: "run-1"}, {Ended: "3 changes applied."},
	}
	p := f.get(victor, "/sources/acme-entra/progress")
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
		r := httptest.NewRequest(http.MethodGet, "/sources/acme-entra/progress", nil).WithContext(ctx)
		r.SetPathValue("source", "acme-entra")
		time.AfterFunc(40*time.Second, cancel)
		f.console.progress(w, withVisitor(r, victor))
		if n := strings.Count(w.Body.String(), ": still here\n\n"); n != 2 || !ended {
			t.Errorf("%d heartbeats in 40 seconds; the watcher has ended: %v", n, ended)
		}
	})
}

// TestProgressEnds is asked for anew after a while, so that a session that has ended meanwhile counts.
func TestProgressEnds(t *testing.T) {
	f := newFixture(t)
	synctest.Test(t, func(t *testing.T) {
		f.console.Work = watching{f.work, func(ctx context.Context, _ func(Progress) bool) { <-ctx.Done() }}
		r := httptest.NewRequest(http.MethodGet, "/sources/acme-entra/progress", nil).WithContext(t.Context())
		r.SetPathValue("source", "acme-entra")
		start := time.Now()
		f.console.progress(httptest.NewRecorder(), withVisitor(r, victor))
		if took := time.Since(start); took != streamLife {
			t.Errorf("it took %s", took)
		}
	})
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
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
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
