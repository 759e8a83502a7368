//go:build unix

package scimapi_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"rollcall/scimapi"
	"rollcall/state"
	"rollcall/state/scim"
	"rollcall/state/sqlite"
	"rollcall/state/statetest"
)

// largeGroup is how many members a group may well have.
const largeGroup = 100_000

// gauge is an http.ResponseWriter that keeps nothing of an answer but its measures.
type gauge struct {
	silent
	wrote   func()
	written int
	longest int // write
}

func (w *gauge) Write(p []byte) (int, error) {
	if w.wrote != nil {
		w.wrote()
	}
	w.written += len(p)
	w.longest = max(w.longest, len(p))
	return len(p), nil
}

// A group of 100,000 is sent while it is being read: never more of it is held than one piece of the answer.
func TestLargeGroupIsStreamed(t *testing.T) {
	s := &spy{Store: statetest.NewModel()}
	r := newReceiver(t, s)
	id := r.must(t, http.StatusCreated, "POST", "/Groups", `{"displayName":"Everyone"}`)["id"].(string)
	made, ahead, sent := 0, 0, 0
	s.before.members = func(yield func(state.Ref) bool) (bool, error) {
		for made < largeGroup && yield(state.Ref{ID: state.ID(fmt.Sprintf("member-%06d", made)), Kind: state.KindAccount, Name: "Given Family"}) {
			made++
		}
		return true, nil
	}
	w := &gauge{silent: silent{header: http.Header{}}}
	w.wrote = func() { ahead, sent = max(ahead, made-sent), made }
	req := httptest.NewRequest("GET", "/auth/scim/Groups/"+id, nil)
	req.Header.Set("Authorization", "Bearer "+r.key)
	r.handler.ServeHTTP(w, req)
	if made != largeGroup || w.written < 100*largeGroup {
		t.Errorf("%d members read, %d bytes sent; want all of %d", made, w.written, largeGroup)
	}
	if w.longest > 65<<10 || ahead > 1_000 {
		t.Errorf("up to %d members were read ahead, and up to %d bytes sent at once; want a few hundred and 64 KiB", ahead, w.longest)
	}

	listed := s.listed
	for _, query := range []string{"?excludedAttributes=members", "?attributes=displayName", "?excludedAttributes=Members,meta"} {
		r.must(t, http.StatusOK, "GET", "/Groups/"+id+query, "")
		r.must(t, http.StatusOK, "GET", "/Groups"+query, "")
	}
	if s.listed != listed {
		t.Error("members were read that nobody wants to see")
	}
}

// BenchmarkLargeGroup measures requests about a group of 100,000 beside those about one of 100, in CPU of this process: without a
// network, with a record of 100,000 users on disk, every write synced. Taking 100 out and in again, and reading without members, are
// to cost the same; a whole read is to hold little: heap-KiB is by how much more than before it was in use at most.
func BenchmarkLargeGroup(b *testing.B) {
	db, err := sqlite.Open(b.Context(), filepath.Join(b.TempDir(), "record.db"), sqlite.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	if _, err := db.EnsureSource(b.Context(), acme, "entra"); err != nil {
		b.Fatal(err)
	}
	text, key := state.NewKey(acme)
	key.CreatedAt = time.Now()
	if err := db.PutKey(b.Context(), key); err != nil {
		b.Fatal(err)
	}
	var people []state.ID
	for len(people) < largeGroup {
		var mutations []state.Mutation
		for range 1_000 {
			id := state.NewID()
			mutations = append(mutations, benchMutation(state.KindAccount, id, mustNormalize(userBody(fmt.Sprint("user", len(people)))), nil))
			people = append(people, id)
		}
		benchWrite(b, db, mutations)
	}
	handler, err := scimapi.New(scimapi.Config{
		Store:   db,
		Sources: func(string) (scimapi.Source, bool) { return scimapi.Source{Tenant: acme.Tenant}, true },
		Log:     slog.New(slog.DiscardHandler),
	})
	if err != nil {
		b.Fatal(err)
	}
	send := func(w *gauge, method, path, body string, status int) {
		req := httptest.NewRequestWithContext(context.Background(), method, "/auth/scim"+path, strings.NewReader(body))
		req.Header.Set("Authorization", "Bearer "+text)
		req.Header.Set("Content-Type", "application/scim+json")
		w.silent.header = http.Header{}
		recorder := &statusOf{gauge: w}
		handler.ServeHTTP(recorder, req)
		if recorder.status != status {
			b.Fatalf("%s %s: %d, want %d", method, path, recorder.status, status)
		}
	}
	for _, size := range []int{100, largeGroup} {
		id := state.NewID()
		resource := scim.ObjectOf(scim.Field{Name: "displayName", Value: scim.StringValue(fmt.Sprint("Group of ", size))})
		benchWrite(b, db, []state.Mutation{benchMutation(state.KindGroup, id, resource, &state.Members{Add: people[:size]})})
		var hundred []string
		for i := range 100 {
			hundred = append(hundred, `{"value":"`+string(people[i*(size/100)])+`"}`)
		}
		operation := func(op string) string {
			return `{"Operations":[{"op":"` + op + `","path":"members","value":[` + strings.Join(hundred, ",") + `]}]}`
		}
		run := func(name string, f func(w *gauge)) {
			b.Run(fmt.Sprintf("%s/size=%d", name, size), func(b *testing.B) {
				w := &gauge{}
				before := cpu(b)
				for b.Loop() {
					f(w)
				}
				b.ReportMetric(float64((cpu(b)-before).Microseconds())/float64(b.N), "cpu-µs/op")
			})
		}
		run("hundred out and in", func(w *gauge) {
			send(w, "PATCH", "/Groups/"+string(id), operation("remove"), http.StatusNoContent)
			send(w, "PATCH", "/Groups/"+string(id), operation("add"), http.StatusNoContent)
		})
		run("without members", func(w *gauge) {
			send(w, "GET", "/Groups/"+string(id)+"?excludedAttributes=members", "", http.StatusOK)
		})
		run("whole", func(w *gauge) { send(w, "GET", "/Groups/"+string(id), "", http.StatusOK) })
		b.Run(fmt.Sprintf("heap of whole/size=%d", size), func(b *testing.B) {
			most := uint64(0)
			w := &gauge{wrote: func() { most = max(most, inUse()) }}
			for b.Loop() {
				runtime.GC()
				before := inUse()
				send(w, "GET", "/Groups/"+string(id), "", http.StatusOK)
				most -= min(most, before)
			}
			b.ReportMetric(float64(most)/1024, "heap-KiB")
		})
	}
}

// statusOf notes the status of an answer.
type statusOf struct {
	*gauge
	status int
}

func (w *statusOf) WriteHeader(status int) { w.status = status }

// inUse is how much memory objects take, those included that nobody refers to any more but that have not been collected.
func inUse() uint64 {
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}
