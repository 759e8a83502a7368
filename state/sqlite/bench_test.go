//go:build unix

package sqlite_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"rollcall/state"
	"rollcall/state/scim"
	"rollcall/state/sqlite"
)

// populated returns a store with n accounts.
func populated(b *testing.B, n int) *sqlite.Store {
	b.Helper()
	s := open(b, filepath.Join(b.TempDir(), "rollcall.db"), sqlite.Options{})
	if _, err := s.EnsureSource(b.Context(), scope, "okta"); err != nil {
		b.Fatal(err)
	}
	for from := 0; from < n; from += 1000 {
		wrote(b, s, state.Urgent, creations(b, from, min(1000, n-from)))
	}
	return s
}

func wrote(b *testing.B, s *sqlite.Store, urgency state.Urgency, mutations []state.Mutation) {
	b.Helper()
	results, err := s.Write(urgency, mutations)
	if err != nil {
		b.Fatal(err)
	}
	for _, r := range results {
		if r.Err != nil {
			b.Fatal(r.Err)
		}
	}
}

// reportDisk reports how many times a second this disk makes 4 KiB durable: the limit of a caller who is alone.
func reportDisk(b *testing.B) {
	b.Helper()
	f, err := os.Create(filepath.Join(b.TempDir(), "sync"))
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	page, n, begun := make([]byte, 4096), 0, time.Now()
	for ; time.Since(begun) < 200*time.Millisecond; n++ {
		if _, err := f.Write(page); err != nil {
			b.Fatal(err)
		}
		if err := f.Sync(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(n)/time.Since(begun).Seconds(), "disk-syncs/s")
}

// measureCPU starts to count processor time; call what it returns after the loop, to report it per operation: on a machine that has
// other things to do it says more than the time on the wall.
func measureCPU(b *testing.B) (report func()) {
	spent := func() time.Duration {
		var u syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
			b.Fatal(err)
		}
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	before := spent()
	return func() { b.ReportMetric(float64((spent()-before).Nanoseconds())/float64(b.N), "cpu-ns/op") }
}

// A point read, measured against the 11–12 µs that one prepared statement on a held connection takes.
func BenchmarkRecord(b *testing.B) {
	s := populated(b, 20_000)
	b.ReportAllocs()
	defer measureCPU(b)()
	for i := 0; b.Loop(); i++ {
		if _, err := s.Record(b.Context(), scope, state.KindAccount, accountID(i*7919%20_000)); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRecordParallel(b *testing.B) {
	s := populated(b, 20_000)
	b.ResetTimer()
	defer measureCPU(b)()
	b.RunParallel(func(pb *testing.PB) {
		for i := 0; pb.Next(); i++ {
			if _, err := s.Record(b.Context(), scope, state.KindAccount, accountID(i*7919%20_000)); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkFind(b *testing.B) {
	s := populated(b, 20_000)
	for _, by := range []struct {
		name state.MatchName
		text string
	}{{state.MatchUserName, "Person.%d@acme.example"}, {state.MatchExternalID, "00u%07d"}, {state.MatchEmail, "person.%d@acme.example"}} {
		b.Run(by.name.String(), func(b *testing.B) {
			b.ReportAllocs()
			defer measureCPU(b)()
			for i := 0; b.Loop(); i++ {
				key := state.NewMatchKey(by.name, fmt.Sprintf(by.text, i*7919%20_000))
				if found, err := s.Find(b.Context(), scope, state.KindAccount, key); len(found) != 1 || err != nil {
					b.Fatal(found, err)
				}
			}
		})
	}
}

// A page of 100 from the start, from the middle and near the end.
func BenchmarkPage(b *testing.B) {
	s := populated(b, 100_000)
	for _, skip := range []int{0, 20_000, 50_000, 99_800} {
		b.Run(fmt.Sprint("skip=", skip), func(b *testing.B) {
			defer measureCPU(b)()
			for b.Loop() {
				n := 0
				if err := s.Scan(b.Context(), scope, state.KindAccount, 0, skip, 100, func(state.Record) bool { n++; return true }); err != nil || n != 100 {
					b.Fatal(n, err)
				}
			}
		})
	}
}

// The compact form of a whole source, per account.
func BenchmarkIndex(b *testing.B) {
	s := populated(b, 20_000)
	n := 0
	for b.Loop() {
		if err := s.Index(b.Context(), scope, func(state.IndexRow) error { n++; return nil }); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n), "ns/account")
}

// The agreements of a whole source, per account, with the pauses between them.
func BenchmarkAgree(b *testing.B) {
	const n = 20_000
	s := populated(b, n)
	lease, err := s.AcquireLease(b.Context(), scope, "bench", time.Hour)
	if err != nil {
		b.Fatal(err)
	}
	agreements := make([]state.Agreement, n)
	for i := range agreements {
		agreements[i] = state.Agreement{Row: int64(i + 1), Version: 1}
	}
	defer measureCPU(b)()
	for round := uint64(1); b.Loop(); round++ {
		for i := range agreements {
			agreements[i].Stamp = round
		}
		if err := s.Agree(b.Context(), scope, lease.Epoch, agreements); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/n/float64(b.N), "ns/account")
}

// 32 callers, each of whom waits until its change is on disk.
func BenchmarkUrgent(b *testing.B) {
	b.Run("create", func(b *testing.B) {
		s := populated(b, 20_000)
		next := atomic.Int64{}
		next.Store(20_000)
		urgent(b, s, func() state.Mutation { return creation(b, int(next.Add(1))) })
	})
	b.Run("update", func(b *testing.B) {
		s := populated(b, 20_000)
		next := atomic.Int64{}
		urgent(b, s, func() state.Mutation {
			n := int(next.Add(1)) - 1
			m := creation(b, n%20_000)
			m.Put = &state.Put{Base: int64(1 + n/20_000), Resource: account(b, n%20_000, fmt.Sprint("Engineer ", n/20_000))}
			return m
		})
	})
	b.Run("one caller", func(b *testing.B) {
		s := populated(b, 1000)
		active := false
		for b.Loop() {
			wrote(b, s, state.Urgent, []state.Mutation{{Scope: scope, Kind: state.KindAccount, ID: accountID(1), Life: &state.Life{Said: &active},
				Cause: state.Cause{Kind: state.CausePush}}})
			active = !active
		}
		reportDisk(b)
	})
}

func urgent(b *testing.B, s *sqlite.Store, mutation func() state.Mutation) {
	before := s.Stats()
	b.SetParallelism(16) // times two cores
	b.ResetTimer()
	defer measureCPU(b)()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			m := mutation()
			if results, err := s.Write(state.Urgent, []state.Mutation{m}); err != nil || results[0].Err != nil {
				b.Error(results, err)
				return
			}
		}
	})
	b.StopTimer()
	after := s.Stats()
	b.ReportMetric(float64(after.Steps-before.Steps)/float64(after.Commits-before.Commits), "changes/commit")
	reportDisk(b)
}

// 10,000 changes in slices, with the pauses between them.
func BenchmarkBulk(b *testing.B) {
	const n = 10_000
	s := populated(b, n)
	defer measureCPU(b)()
	for round := 0; b.Loop(); round++ {
		mutations := make([]state.Mutation, n)
		for i := range mutations {
			mutations[i] = state.Mutation{Scope: scope, Kind: state.KindAccount, ID: accountID(i), Cause: state.Cause{Kind: state.CausePull, Reason: "drift"},
				Put: &state.Put{Base: int64(round + 1), Resource: account(b, i, fmt.Sprint("Engineer ", round))}}
		}
		wrote(b, s, state.Bulk, mutations)
	}
	b.ReportMetric(n*float64(b.N)/b.Elapsed().Seconds(), "changes/s")
	reportDisk(b)
}

// One member out and in again, of a small group and of large ones: the cost is to be the same.
func BenchmarkMember(b *testing.B) {
	const most = 100_000
	s := populated(b, most)
	for _, size := range []int{100, most} {
		var members []state.ID
		for i := range size {
			members = append(members, accountID(i))
		}
		id := state.ID(fmt.Sprint("group-", size))
		wrote(b, s, state.Urgent, []state.Mutation{{Scope: scope, Kind: state.KindGroup, ID: id, Cause: state.Cause{Kind: state.CausePush},
			Put:     &state.Put{Resource: scim.ObjectOf(scim.Field{Name: "displayName", Value: scim.StringValue(string(id))})},
			Members: &state.Members{Add: members}}})
		b.Run(fmt.Sprint("size=", size), func(b *testing.B) {
			defer measureCPU(b)()
			m := state.Mutation{Scope: scope, Kind: state.KindGroup, ID: id, Cause: state.Cause{Kind: state.CausePush}}
			for i := 0; b.Loop(); i++ {
				one := []state.ID{accountID(i * 7919 % size)}
				m.Members = &state.Members{Remove: one}
				wrote(b, s, state.Urgent, []state.Mutation{m})
				m.Members = &state.Members{Add: one}
				wrote(b, s, state.Urgent, []state.Mutation{m})
			}
			reportDisk(b)
		})
	}
}

// How long an urgent change takes while a second process applies changes in bulk without end.
func BenchmarkUrgentBesideBulk(b *testing.B) {
	path := filepath.Join(b.TempDir(), "rollcall.db")
	s := open(b, path, sqlite.Options{})
	if _, err := s.EnsureSource(b.Context(), scope, "okta"); err != nil {
		b.Fatal(err)
	}
	cmd, out := start(b, "bulk", path)
	go func() {
		for err := error(nil); err == nil; {
			_, err = out.ReadString('\n')
		}
	}()
	var took []time.Duration
	for i := 0; b.Loop(); i++ {
		begun := time.Now()
		wrote(b, s, state.Urgent, creations(b, i, 1))
		took = append(took, time.Since(begun))
	}
	all, err := s.Count(b.Context(), scope, state.KindAccount)
	if err != nil {
		b.Fatal(err)
	}
	cmd.Process.Kill()
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
	b.ReportMetric(float64(took[len(took)-1].Microseconds())/1000, "max-ms")
	b.ReportMetric(float64(all-len(took))/b.Elapsed().Seconds(), "bulk/s")
	reportDisk(b)
}

// BenchmarkDisk measures what no commit can be faster than: to append a page to a file and have it on disk.
func BenchmarkDisk(b *testing.B) {
	f, err := os.Create(filepath.Join(b.TempDir(), "log"))
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	page := make([]byte, 4096)
	for b.Loop() {
		if _, err := f.Write(page); err != nil {
			b.Fatal(err)
		}
		if err := f.Sync(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "fsyncs/s")
}
