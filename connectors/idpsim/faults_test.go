package idpsim_test

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/connectors/idpsim"
)

// behind asks a handler that answers "fine" through faults, and returns the statuses.
func behind(f *idpsim.Faults, targets ...string) (statuses []int) {
	h := f.Handler(idpsim.PlainFault, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write([]byte("fine")) }))
	for _, target := range targets {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest("GET", target, nil))
		statuses = append(statuses, w.Code)
	}
	return statuses
}

func TestWhereFaultsHit(t *testing.T) {
	four := []string{"/a?x=1", "/b", "/a?x=1", "/a?x=2"}
	for _, c := range []struct {
		where idpsim.Where
		want  []int
	}{
		{idpsim.Where{}, []int{503, 503, 503, 503}},
		{idpsim.Where{After: 1}, []int{200, 503, 503, 503}},
		{idpsim.Where{Times: 2}, []int{503, 503, 200, 200}},
		{idpsim.Where{After: 2, Times: 1}, []int{200, 200, 503, 200}},
		{idpsim.Where{Path: "/a"}, []int{503, 200, 503, 503}},
		{idpsim.Where{Path: "GET /a?x=1", After: 1}, []int{200, 200, 503, 200}},
		{idpsim.Where{Path: "POST"}, []int{200, 200, 200, 200}},
	} {
		var f idpsim.Faults
		must(t, f.Set(idpsim.Unavailable, c.where))
		if diff := cmp.Diff(c.want, behind(&f, four...)); diff != "" {
			t.Errorf("%+v: %s", c.where, diff)
		}
	}
}

func TestFaultsEnd(t *testing.T) {
	var f idpsim.Faults
	must(t, f.Set(idpsim.Unavailable, idpsim.Where{}))
	must(t, f.Set(idpsim.Blank, idpsim.Where{}))
	f.Clear(idpsim.Unavailable)
	if got := behind(&f, "/"); got[0] != 200 || f.Hits(idpsim.Blank) != 1 || f.Hits(idpsim.Unavailable) != 0 {
		t.Errorf("%v, %d hits", got, f.Hits(idpsim.Blank))
	}
	f.Clear()
	behind(&f, "/")
	if f.Hits(idpsim.Blank) != 0 {
		t.Error("cleared, and it goes on")
	}
	if err := f.Set("gremlins", idpsim.Where{}); err == nil || !strings.Contains(err.Error(), "lost-page") {
		t.Errorf("an unknown fault: %v", err)
	}
	if got := behind(nil, "/"); got[0] != 200 {
		t.Error("no faults at all, and it failed")
	}
}

func TestEveryFaultIsKnown(t *testing.T) {
	seen := map[string]bool{}
	for _, name := range idpsim.FaultNames() {
		var f idpsim.Faults
		if err := f.Set(name, idpsim.Where{}); err != nil || seen[name] {
			t.Errorf("%s: %v, twice %v", name, err, seen[name])
		}
		seen[name] = true
	}
}

func TestFaultsAsJSON(t *testing.T) {
	var f idpsim.Faults
	must(t, f.Set(idpsim.Throttle, idpsim.Where{Path: "/a", Wait: time.Second}))
	behind(&f, "/a", "/b")
	got, err := json.Marshal(&f)
	must(t, err)
	if want := `{"throttle":{"where":{"path":"/a","wait":"1s"},"hits":1}}`; string(got) != want {
		t.Errorf("got %s", got)
	}
	var back idpsim.Where
	must(t, json.Unmarshal([]byte(`{"path":"/a","after":2,"times":3,"wait":"1.5s"}`), &back))
	if want := (idpsim.Where{Path: "/a", After: 2, Times: 3, Wait: 1500 * time.Millisecond}); back != want {
		t.Errorf("%+v", back)
	}
	for _, bad := range []string{`{"paht":"/a"}`, `{"wait":"soon"}`, `{"wait":5}`} {
		if err := json.Unmarshal([]byte(bad), &back); err == nil {
			t.Errorf("%s was taken", bad)
		}
	}
}

func TestFaultsFromSeveralSides(t *testing.T) {
	var f idpsim.Faults
	must(t, f.Set(idpsim.Unavailable, idpsim.Where{Times: 10}))
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for range 10 {
				behind(&f, "/")
			}
		})
	}
	all.Wait()
	if got := f.Hits(idpsim.Unavailable); got != 10 {
		t.Errorf("%d hits, want 10", got)
	}
}

// spoiled is an answer that a fault has been at.
func spoiled(t *testing.T, name string, where idpsim.Where) *httptest.ResponseRecorder {
	t.Helper()
	var f idpsim.Faults
	must(t, f.Set(name, where))
	w := httptest.NewRecorder()
	f.Handler(idpsim.PlainFault, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Add("Link", `<http://example.com/a>; rel="self"`)
		w.Header().Add("Link", `<http://example.com/a?after=1>; rel="next"`)
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"@odata.nextLink":"http://example.com/a?$skiptoken=1"}`))
	})).ServeHTTP(w, httptest.NewRequest("GET", "/a", nil))
	return w
}

func TestWhatAnAnswerSaysOfItself(t *testing.T) {
	if got := spoiled(t, idpsim.JoinedLinks, idpsim.Where{}).Header().Values("Link"); len(got) != 1 || !strings.Contains(got[0], `"self", <`) {
		t.Errorf("links: %q", got)
	}
	foreign := spoiled(t, idpsim.ForeignLink, idpsim.Where{})
	if got := foreign.Body.String() + strings.Join(foreign.Header().Values("Link"), ""); strings.Contains(got, "example.com") || strings.Count(got, "elsewhere.invalid") != 3 {
		t.Errorf("foreign links: %s", got)
	}
	if got := spoiled(t, idpsim.NoType, idpsim.Where{}).Header()["Content-Type"]; len(got) != 0 {
		t.Errorf("type: %q", got)
	}
	if other := spoiled(t, idpsim.OtherShape, idpsim.Where{}); other.Code != 200 || other.Body.String() != `{"status":"ok"}` {
		t.Errorf("another shape: %d %s", other.Code, other.Body)
	}
}

func TestHang(t *testing.T) {
	var f idpsim.Faults
	must(t, f.Set(idpsim.Hang, idpsim.Where{}))
	reached := make(chan struct{}, 1)
	h := f.Handler(idpsim.PlainFault, http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached <- struct{}{} }))
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan any, 1)
	go func() {
		defer func() { ended <- recover() }()
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil).WithContext(ctx))
	}()
	cancel()
	if got := <-ended; got != http.ErrAbortHandler || len(reached) != 0 {
		t.Errorf("ended with %v, and %d answers", got, len(reached))
	}
	must(t, f.Set(idpsim.Hang, idpsim.Where{Wait: time.Nanosecond}))
	func() {
		defer func() {
			if recover() != http.ErrAbortHandler {
				t.Error("an answer came after the wait")
			}
		}()
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/", nil))
	}()
}
