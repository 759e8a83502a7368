//go:build unix

package scimapi_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"rollcall/scimapi"
	"rollcall/state"
	"rollcall/state/scim"
	"rollcall/state/sqlite"
)

const (
	benchUsers   = 20_000
	benchMembers = 10_000 // in the group whose members come and go
	benchClients = 32
)

// benchRuns makes names unique across the runs of one benchmark.
var benchRuns atomic.Int64

// BenchmarkReceiver measures requests over loopback HTTP against a record of 20,000 users on disk, every write synced, at 32 clients,
// beside a bare net/http handler that answers a user's bytes: the limit of what any receiver in Go could do. Reported are the
// server's own CPU per request, the rate, the share of the bare handler's rate, and the 99th percentile. Give it a fixed number of
// requests (-benchtime=5000x): each run starts a client process.
func BenchmarkReceiver(b *testing.B) {
	bare := httptest.NewServer(bareHandler())
	defer bare.Close()
	order := load{URL: bare.URL + "/auth/scim", Task: "bare", Users: []string{"x"}}
	var limit float64
	b.Run("bare", func(b *testing.B) { limit = measure(b, order, 0) })

	path := filepath.Join(b.TempDir(), "record.db")
	order = benchReceiver(b, path)
	for _, task := range []string{"lookup", "read", "create", "patch", "put", "page", "lastpage", "member"} {
		b.Run(task, func(b *testing.B) {
			order.Task = task
			measure(b, order, limit)
		})
	}
	b.Run("mixed at 1000 a second", func(b *testing.B) {
		order.Task, order.Rate = "mixed", 1_000
		measure(b, order, 0)
	})
	b.Run("mixed at 1000 a second beside an applying process", func(b *testing.B) {
		order.Task, order.Rate = "mixed", 1_000
		applied := besideApply(b, path, func() { measure(b, order, 0) })
		b.ReportMetric(float64(applied)/b.Elapsed().Seconds(), "applied/s")
	})
}

// measure reports a load and returns its rate; limit is that of the bare handler.
func measure(b *testing.B, order load, limit float64) float64 {
	order.Clients, order.Requests, order.Run = benchClients, b.N, benchRuns.Add(1)
	out, used := drive(b, order)
	rate := float64(b.N) / out.Took.Seconds()
	b.ReportMetric(float64(used.Microseconds())/float64(b.N), "cpu-µs/op")
	b.ReportMetric(rate, "req/s")
	b.ReportMetric(float64(out.P99.Microseconds())/1000, "p99-ms")
	if limit > 0 {
		b.ReportMetric(100*rate/limit, "%bare")
	}
	return rate
}

// bareHandler is the least that answers: it reads what it is sent and writes a user's bytes.
func bareHandler() http.Handler {
	user := []byte(userBody("ada"))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/scim+json")
		w.Write(user)
	})
}

// benchReceiver fills a record at path and serves it.
func benchReceiver(b *testing.B, path string) load {
	db, err := sqlite.Open(b.Context(), path, sqlite.Options{})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { db.Close() })
	if _, err := db.EnsureSource(context.Background(), acme, "entra"); err != nil {
		b.Fatal(err)
	}
	text, key := state.NewKey(acme)
	key.CreatedAt = time.Now()
	if err := db.PutKey(context.Background(), key); err != nil {
		b.Fatal(err)
	}
	order := load{Key: text, Total: benchUsers}
	var members []state.ID
	for batch := 0; batch < benchUsers; batch += 1_000 {
		var mutations []state.Mutation
		for n := batch; n < batch+1_000; n++ {
			id := state.NewID()
			mutations = append(mutations, benchMutation(state.KindAccount, id, mustNormalize(userBody(fmt.Sprintf("user%d", n))), nil))
			order.Users = append(order.Users, string(id))
			members = append(members, id)
		}
		benchWrite(b, db, mutations)
	}
	group := state.NewID()
	resource := scim.ObjectOf(
		scim.Field{Name: "schemas", Value: scim.ListOf(scim.StringValue(scim.GroupType().Schema.ID))},
		scim.Field{Name: "displayName", Value: scim.StringValue("Large")})
	benchWrite(b, db, []state.Mutation{benchMutation(state.KindGroup, group, resource, &state.Members{Add: members[:benchMembers]})})
	order.Group = string(group)
	order.Users = order.Users[:2_000] // what a command line's environment can hold

	handler, err := scimapi.New(scimapi.Config{
		Store:   db,
		Sources: func(string) (scimapi.Source, bool) { return scimapi.Source{Tenant: acme.Tenant}, true },
		Log:     slog.New(slog.DiscardHandler),
	})
	if err != nil {
		b.Fatal(err)
	}
	server := httptest.NewServer(handler)
	b.Cleanup(server.Close)
	order.URL = server.URL + "/auth/scim"
	return order
}

func benchMutation(kind state.Kind, id state.ID, resource scim.Value, members *state.Members) state.Mutation {
	return state.Mutation{Scope: acme, Kind: kind, ID: id, Put: &state.Put{Resource: resource}, Members: members, Cause: state.Cause{Kind: state.CausePush}}
}

func benchWrite(b *testing.B, db *sqlite.Store, mutations []state.Mutation) {
	results, err := db.Write(state.Bulk, mutations)
	if err != nil {
		b.Fatal(err)
	}
	for _, result := range results {
		if result.Err != nil {
			b.Fatal(result.Err)
		}
	}
}
