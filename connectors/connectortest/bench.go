package connectortest

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"sync"
	"testing"
	"time"

	"rollcall/connectors"
	"rollcall/connectors/idpsim"
)

// Bare fetches and decodes the same pages as a pull does, with net/http and encoding/json alone, and returns how many people it saw, or more where
// other objects came with them.
type Bare func(b *testing.B, address string, population *idpsim.Population) int

// recordedAtMost is the largest population whose answers are recorded: more would not leave room to measure a heap.
const recordedAtMost = 100_000

// Benchmark measures pulls of people in 20 groups, of 10,000 to 1,000,000 people, against Harness.Cost. In short mode there is no million.
func Benchmark(b *testing.B, h Harness, bare Bare) {
	const groups = 20
	for _, size := range []int{10_000, 50_000, 100_000, 1_000_000} {
		b.Run(fmt.Sprintf("people=%d", size), func(b *testing.B) {
			if size > recordedAtMost && testing.Short() {
				b.Skip("skipped in short mode: a million people take minutes")
			}
			Measure(b, h, idpsim.New(idpsim.Options{Seed: 11, People: size, Groups: groups}), size, h.Cost(size, groups), bare)
		})
	}
}

// Measure measures pulls of a population, of which so many people are assigned: their calls, against the most that they may take; what
// lives on the heap above idle, against 100 MB for 50,000 people, and the same per person for more; and their time against that of
// fetching and decoding the same pages bare, of which it may take 1.5 times. The provider's answers are recorded beforehand, so that
// neither pays for making them up; those for a million people are not, so there the ratio says less. The first pull comes before bare.
func Measure(b *testing.B, h Harness, population *idpsim.Population, people, calls int, bare Bare) {
	handler := h.Serve(population, nil)
	if people <= recordedAtMost {
		handler = &recorder{handler: handler, answers: map[string]*httptest.ResponseRecorder{}}
	}
	server := httptest.NewServer(handler)
	defer server.Close()
	connector, err := h.Open(server.URL, population, hurry)
	if err != nil {
		b.Fatal(err)
	}
	pull := func(page func([]connectors.Person) error) connectors.Proof {
		proof, err := connector.Pull(b.Context(), h.want(), page)
		if err != nil || proof.People != people {
			b.Fatalf("%d of %d people: %v", proof.People, people, err)
		}
		return proof
	}
	nothing := func([]connectors.Person) error { return nil }
	proof := pull(nothing)
	if n := bare(b, server.URL, population); n < people {
		b.Fatalf("%d of %d people bare", n, people)
	}
	live := liveHeap(func(sample func()) {
		pages := 0
		pull(func([]connectors.Person) error {
			if pages++; pages%(1+proof.Pages/8) == 0 || pages == proof.Pages {
				sample()
			}
			return nil
		})
	})

	var bareTime, pullTime time.Duration
	for b.Loop() {
		started := time.Now()
		bare(b, server.URL, population)
		between := time.Now()
		pull(nothing)
		bareTime, pullTime = bareTime+between.Sub(started), pullTime+time.Since(between)
	}
	all := float64(b.N * people)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(float64(bareTime.Nanoseconds())/all, "bare-ns/person")
	b.ReportMetric(float64(pullTime.Nanoseconds())/all, "pull-ns/person")
	b.ReportMetric(float64(pullTime)/float64(bareTime), "pull/bare")
	b.ReportMetric(float64(proof.Calls), "calls")
	b.ReportMetric(float64(calls), "calls-limit")
	b.ReportMetric(float64(live)/float64(people), "live-B/person")
	b.ReportMetric(float64(live)/(1<<20), "live-MB")
}

// liveHeap is how far the live heap rises above what it is now, in the samples that run takes.
func liveHeap(run func(sample func())) int64 {
	measure := func() int64 {
		var stats runtime.MemStats
		runtime.GC()
		runtime.GC() // what pools hold lives through one
		runtime.ReadMemStats(&stats)
		return int64(stats.HeapAlloc)
	}
	before, most := measure(), int64(0)
	run(func() { most = max(most, measure()) })
	return max(0, most-before)
}

// recorder answers a request that it has seen before as it did then.
type recorder struct {
	handler http.Handler
	mu      sync.Mutex
	answers map[string]*httptest.ResponseRecorder
}

func (r *recorder) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	key := req.Method + " " + req.URL.RequestURI() + " " + string(body)
	r.mu.Lock()
	answer := r.answers[key]
	r.mu.Unlock()
	if answer == nil {
		req.Body = io.NopCloser(bytes.NewReader(body))
		answer = httptest.NewRecorder()
		r.handler.ServeHTTP(answer, req)
		r.mu.Lock()
		r.answers[key] = answer
		r.mu.Unlock()
	}
	for name, values := range answer.Header() {
		w.Header()[name] = values
	}
	w.WriteHeader(answer.Code)
	w.Write(answer.Body.Bytes())
}
