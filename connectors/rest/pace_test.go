package rest_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"rollcall/connectors/rest"
)

// roads is a transport whose server answers anything with 200, and says in headers what the query asks for: "units" and "limit".
func roads(t testing.TB, pace *rest.Pace) (transport *rest.Transport, n *naps, address string) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		query := r.URL.Query()
		status(200, "Units", query.Get("units"), "Limit", query.Get("limit"))(w, r)
	}))
	t.Cleanup(server.Close)
	u, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	pace.LearnFunc = func(h http.Header) rest.Learned {
		units, _ := strconv.ParseFloat(h.Get("Units"), 64)
		limit, _ := strconv.ParseFloat(h.Get("Limit"), 64)
		return rest.Learned{Units: units, Limit: limit}
	}
	n = &naps{began: time.Now()}
	return &rest.Transport{Origin: rest.OriginOf(u), SleepFunc: n.sleep, Pace: pace}, n, server.URL
}

func (n *naps) total() (sum time.Duration) {
	for _, d := range n.waits {
		sum += d
	}
	return sum
}

func drive(t *testing.T, transport *rest.Transport, calls int, address string) {
	t.Helper()
	for range calls {
		if _, err := get(t, transport, address); err != nil {
			t.Fatal(err)
		}
	}
}

// all compares what was waited in all: what has passed by the real clock since the naps began was spared.
func (n *naps) all(want time.Duration) bool {
	return n.total() <= want && n.total() >= want-time.Since(n.began)-time.Millisecond
}

func TestPaceKeepsToItsShare(t *testing.T) {
	cost := func(units float64) func(*http.Request, []byte) (string, float64) {
		return func(r *http.Request, _ []byte) (string, float64) { return r.URL.Path, units }
	}
	for name, test := range map[string]struct {
		pace  *rest.Pace
		calls int
		query string
		waits time.Duration // of all calls together
	}{
		"within a window's share":     {&rest.Pace{Limit: 400, Window: time.Minute}, 100, "", 0},
		"ten calls beyond it":         {&rest.Pace{Limit: 400, Window: time.Minute}, 110, "", 6 * time.Second},
		"a whole limit":               {&rest.Pace{Limit: 400, Window: time.Minute, Share: 100}, 410, "", 1500 * time.Millisecond},
		"calls that cost more":        {&rest.Pace{Limit: 400, Window: time.Minute, CostFunc: cost(5)}, 22, "", 6 * time.Second},
		"a call larger than a share":  {&rest.Pace{Limit: 40, Window: time.Minute, CostFunc: cost(15)}, 2, "", 2 * time.Minute},
		"answers say they cost more":  {&rest.Pace{Limit: 400, Window: time.Minute}, 60, "units=2", 19 * 600 * time.Millisecond},
		"answers say they cost less":  {&rest.Pace{Limit: 400, Window: time.Minute, CostFunc: cost(5)}, 100, "units=1", 2400 * time.Millisecond},
		"no limit":                    {&rest.Pace{Window: time.Minute}, 300, "", 0},
		"a limit that an answer says": {&rest.Pace{Window: time.Minute}, 110, "limit=400", 9 * 600 * time.Millisecond},
		"an answer says a lower one":  {&rest.Pace{Limit: 440, Window: time.Minute}, 110, "limit=400", 6 * time.Second},
		"an answer says a higher one": {&rest.Pace{Limit: 4, Window: time.Minute}, 100, "limit=400", 0},
	} {
		t.Run(name, func(t *testing.T) {
			transport, n, address := roads(t, test.pace)
			drive(t, transport, test.calls, address+"/?"+test.query)
			if !n.all(test.waits) {
				t.Errorf("waited %v in all, want %v", n.total(), test.waits)
			}
		})
	}
}

// TestPaceDoesNotSave: what was not used yesterday is not there today.
func TestPaceDoesNotSave(t *testing.T) {
	transport, n, address := roads(t, &rest.Pace{Limit: 400, Window: time.Minute})
	drive(t, transport, 1, address)
	if err := transport.Pause(t.Context(), 24*time.Hour); err != nil {
		t.Fatal(err)
	}
	n.waits = nil
	drive(t, transport, 110, address)
	if !n.all(6 * time.Second) {
		t.Errorf("waited %v", n.total())
	}
}

// TestPaceKnowsFamilies: one that is used up delays none of the others.
func TestPaceKnowsFamilies(t *testing.T) {
	transport, n, address := roads(t, &rest.Pace{
		Limit: 40, Window: time.Minute, CostFunc: func(r *http.Request, _ []byte) (string, float64) { return r.URL.Path, 1 },
	})
	drive(t, transport, 10, address+"/people")
	drive(t, transport, 10, address+"/groups")
	if len(n.waits) != 0 {
		t.Errorf("waits: %v", n.waits)
	}
	drive(t, transport, 1, address+"/people")
	if !n.all(6 * time.Second) {
		t.Errorf("waits: %v", n.waits)
	}
}

// TestPaceHolds: however calls come and whatever they cost, no window sees more than its share and one window's burst.
func TestPaceHolds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		limit, share := rapid.Float64Range(1, 5000).Draw(t, "limit"), rapid.IntRange(1, 100).Draw(t, "share")
		window := time.Duration(rapid.IntRange(1, 120).Draw(t, "window")) * time.Second
		units := 0.
		pace := &rest.Pace{Limit: limit, Window: window, Share: share, CostFunc: func(*http.Request, []byte) (string, float64) { return "", units }}
		began, clock, spent := time.Now(), time.Duration(0), 0.
		transport := &rest.Transport{Origin: "http://127.0.0.1", Base: answerer{}, Pace: pace, SleepFunc: func(_ context.Context, d time.Duration) error {
			clock += d
			return nil
		}}
		for range rapid.IntRange(1, 60).Draw(t, "calls") {
			units = float64(rapid.IntRange(1, 40).Draw(t, "units"))
			resp, err := transport.Client().Get("http://127.0.0.1/")
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			spent += units
			burst := limit * float64(share) / 100
			if allowed := burst * (1 + (clock+time.Since(began)).Seconds()/window.Seconds()); spent > allowed+1e-6 {
				t.Fatalf("%v units by %v, allowed %v", spent, clock, allowed)
			}
		}
	})
}

// answerer answers every request.
type answerer struct{}

func (answerer) RoundTrip(r *http.Request) (*http.Response, error) {
	w := httptest.NewRecorder()
	status(200)(w, r)
	resp := w.Result()
	resp.Request = r
	return resp, nil
}

// TestPaceGivesBack: a call that was cancelled while it waited has cost nothing.
func TestPaceGivesBack(t *testing.T) {
	transport, n, address := roads(t, &rest.Pace{Limit: 40, Window: time.Minute})
	drive(t, transport, 10, address)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for range 50 {
		req, _ := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
		if resp, err := transport.RoundTrip(req); err == nil {
			resp.Body.Close()
			t.Fatal("a cancelled call was made")
		}
	}
	n.waits = nil
	drive(t, transport, 1, address)
	if !n.all(6 * time.Second) {
		t.Errorf("waits: %v", n.waits)
	}
}

func TestPaceCapsConcurrency(t *testing.T) {
	const most, callers = 3, 12
	var now, highest atomic.Int64
	arrived, release := make(chan struct{}, callers), make(chan struct{})
	_, transport, _, address := serve(t, func(w http.ResponseWriter, r *http.Request) {
		for n := now.Add(1); ; {
			seen := highest.Load()
			if n <= seen || highest.CompareAndSwap(seen, n) {
				break
			}
		}
		arrived <- struct{}{}
		<-release
		now.Add(-1)
		status(200)(w, r)
	})
	transport.Pace = &rest.Pace{Window: time.Second, Most: most}
	var group sync.WaitGroup
	for range callers {
		group.Go(func() {
			resp, err := transport.Client().Get(address)
			if err != nil {
				t.Error(err)
				return
			}
			resp.Body.Close()
		})
	}
	for range most {
		<-arrived
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	req, _ := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if _, err := transport.RoundTrip(req); err != context.Canceled {
		t.Errorf("cancelled while there was no room: %v", err)
	}
	close(release)
	group.Wait()
	if highest.Load() != most {
		t.Errorf("%d calls at a time, want %d", highest.Load(), most)
	}
}

// TestThrottledCallHoldsOthers: calls made while throttled count, so the others wait too.
func TestThrottledCallHoldsOthers(t *testing.T) {
	_, transport, n, address := serve(t, status(429, "Wait", "40s"), status(200))
	transport.DelayFunc = func(h http.Header) time.Duration { d, _ := time.ParseDuration(h.Get("Wait")); return d }
	type told struct{}
	asleep, wake := make(chan struct{}), make(chan struct{})
	transport.SleepFunc = func(ctx context.Context, d time.Duration) error {
		if ctx.Value(told{}) != nil {
			close(asleep)
			<-wake
			return nil
		}
		return n.sleep(ctx, d)
	}
	done := make(chan error, 1)
	go func() {
		req, _ := http.NewRequestWithContext(context.WithValue(t.Context(), told{}, true), http.MethodGet, address, nil)
		resp, err := transport.Client().Do(req)
		if err == nil {
			resp.Body.Close()
		}
		done <- err
	}()
	<-asleep
	drive(t, transport, 1, address)
	close(wake)
	if err := <-done; err != nil {
		t.Error(err)
	}
	if !n.all(40 * time.Second) {
		t.Errorf("the other call waited %v", n.waits)
	}
}

// TestHold: the longest of what was asked for holds, and no longer than five minutes.
func TestHold(t *testing.T) {
	for want, asked := range map[time.Duration][]time.Duration{
		0: {0, -time.Second}, 20 * time.Second: {time.Second, 20 * time.Second, 3 * time.Second}, 5 * time.Minute: {time.Hour},
	} {
		_, transport, n, address := serve(t, status(200))
		for _, d := range asked {
			transport.Hold(d)
		}
		drive(t, transport, 3, address)
		if !n.all(want) {
			t.Errorf("asked to hold for %v: waited %v", asked, n.waits)
		}
	}
}

// TestPatienceCountsWaitsOnce: waits are counted once, really slept or not.
func TestPatienceCountsWaitsOnce(t *testing.T) {
	a, transport, n, address := serve(t, status(503, "Wait", "140s"))
	transport.DelayFunc = func(h http.Header) time.Duration { d, _ := time.ParseDuration(h.Get("Wait")); return d }
	if _, err := get(t, transport, address); err == nil {
		t.Fatal("no error")
	}
	if a.calls.Load() != 5 || n.total() != 4*140*time.Second {
		t.Errorf("%d calls, waited %v of ten minutes", a.calls.Load(), n.total())
	}
}

// TestPacedCallsAreTriedAgain: the wait for a turn, however long, is none of a call's patience.
func TestPacedCallsAreTriedAgain(t *testing.T) {
	a, transport, _, address := serve(t, status(200), status(503), status(200))
	transport.Pace = &rest.Pace{Limit: 1, Share: 100, Window: time.Hour}
	drive(t, transport, 2, address)
	if a.calls.Load() != 3 {
		t.Errorf("%d calls", a.calls.Load())
	}
}

// BenchmarkPace is a call with and without a pace: the difference has to be small beside a call on a network, some 20 ms.
func BenchmarkPace(b *testing.B) {
	for name, pace := range map[string]*rest.Pace{"paced": {Limit: 1e12, Window: time.Second, Most: 4}, "unpaced": nil} {
		b.Run(name, func(b *testing.B) {
			transport := &rest.Transport{Origin: "http://127.0.0.1", Base: answerer{}, Pace: pace}
			req, err := http.NewRequest(http.MethodGet, "http://127.0.0.1/", nil)
			if err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				resp, err := transport.RoundTrip(req)
				if err != nil {
					b.Fatal(err)
				}
				resp.Body.Close()
			}
		})
	}
}
