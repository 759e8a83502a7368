//go:build unix

package scimapi_test

import (
	"context"
	"encoding/json"
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
	status  int
	written int
	longest int // write
}

func (w *gauge) WriteHeader(status int) { w.status = status }

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
// to cost the same, though a hundred who are scattered over a large group lie on as many pages, of which each is written; a whole read
// is to hold little: heap-KiB is how much more than before it is in use at most.
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
		w.header = http.Header{}
		req := httptest.NewRequestWithContext(context.Background(), method, "/auth/scim"+path, strings.NewReader(body))
		req.Header.Set("Authorization", "Bearer "+text)
		req.Header.Set("Content-Type", "application/scim+json")
		handler.ServeHTTP(w, req)
		if w.status != status {
			b.Fatalf("%s %s: %d, want %d", method, path, w.status, status)
		}
	}
	neighbours, scattered := people[:100], []state.ID{}
	for i := range 100 {
		scattered = append(scattered, people[i*largeGroup/100])
	}
	operation := func(op string, hundred []state.ID) string {
		list, err := json.Marshal(hundred)
		if err != nil {
			b.Fatal(err)
		}
		value := strings.NewReplacer(`",`, `"},{"value":`, `["`, `[{"value":"`, `"]`, `"}]`).Replace(string(list))
		return `{"Operations":[{"op":"` + op + `","path":"members","value":` + value + `}]}`
	}
	for _, members := range [][]state.ID{neighbours, people} {
		id := state.NewID()
		resource := scim.ObjectOf(scim.Field{Name: "displayName", Value: scim.StringValue(fmt.Sprint("Group of ", len(members)))})
		benchWrite(b, db, []state.Mutation{benchMutation(state.KindGroup, id, resource, &state.Members{Add: members})})
		run := func(name string, f func()) {
			b.Run(fmt.Sprintf("%s/size=%d", name, len(members)), func(b *testing.B) {
				before := cpu(b)
				for b.Loop() {
					f()
				}
				b.ReportMetric(float64((cpu(b)-before).Microseconds())/float64(b.N), "cpu-µs/op")
			})
		}
		outAndIn := func(hundred []state.ID) func() {
			remove, add := operation("remove", hundred), operation("add", hundred)
			return func() {
				send(&gauge{}, "PATCH", "/Groups/"+string(id), remove, http.StatusNoContent)
				send(&gauge{}, "PATCH", "/Groups/"+string(id), add, http.StatusNoContent)
			}
		}
		run("hundred out and in", outAndIn(neighbours))
		if len(members) == largeGroup {
			run("scattered hundred out and in", outAndIn(scattered))
		}
		run("without members", func() {
			send(&gauge{}, "GET", "/Groups/"+string(id)+"?excludedAttributes=members", "", http.StatusOK)
		})
		run("whole", func() { send(&gauge{}, "GET", "/Groups/"+string(id), "", http.StatusOK) })
		b.Run(fmt.Sprintf("heap of whole/size=%d", len(members)), func(b *testing.B) {
			before, most := inUse(), uint64(0)
			for b.Loop() {
				send(&gauge{wrote: func() { most = max(most, inUse()) }}, "GET", "/Groups/"+string(id), "", http.StatusOK)
			}
			b.ReportMetric(float64(most-min(most, before))/1024, "heap-KiB")
		})
	}
}

// inUse is how much memory is taken by what somebody still refers to.
func inUse() uint64 {
	runtime.GC()
	var stats runtime.MemStats
	runtime.ReadMemStats(&stats)
	return stats.HeapAlloc
}
