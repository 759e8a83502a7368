//go:build unix

package sqlite_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"rollcall/state"
	"rollcall/state/sqlite"
)

// The pages of the console are to take less than 100 ms at the server, of which the record may have 10: that is the limit of each page
// and each search here.

// crowded returns a store with so many accounts in so many sources, a fifth of them in the first, of which one in fifty went out of
// force. They are written past the store, all at once: through it they would take minutes.
func crowded(b *testing.B, accounts, sources int) (*sqlite.Store, []state.Scope) {
	b.Helper()
	path := filepath.Join(b.TempDir(), "rollcall.db")
	s := open(b, path, sqlite.Options{})
	scopes := make([]state.Scope, sources)
	for i := range scopes {
		scopes[i] = state.Scope{Tenant: fmt.Sprintf("tenant-%d", i/2), Source: fmt.Sprintf("source-%d", i)}
		if _, err := s.EnsureSource(b.Context(), scopes[i], "okta"); err != nil {
			b.Fatal(err)
		}
	}
	execute(b, path,
		fmt.Sprintf(`CREATE TABLE people AS WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)
			SELECT i, CASE WHEN i %% 5 = 0 THEN 1 ELSE 1 + (i * 7919) %% %d END AS source, printf('given%%d', (i * 31) %% 997) AS given,
			printf('family%%d', (i * 7907) %% 49999) AS family, i %% 50 <> 0 AS active FROM n`, accounts, sources),
		`INSERT INTO records (id, source, kind, version, said, in_force, staged, pinned, protected, stamp, created_at, modified_at, deleted_at, link, unique_key, external_id, name, resource)
			SELECT printf('id-%07d', i), source, 1, 1, active, active, 0, 0, i % 10000 = 0, 0, i, i, 0, printf('person-%d', i), printf('%s.%s.%d@mail.example', given, family, i),
			printf('00u%07d', i), given || ' ' || family, json_object('externalId', printf('00u%07d', i), 'userName', printf('%s.%s.%d@mail.example', given, family, i),
			'name', json_object('familyName', family, 'givenName', given), 'displayName', given || ' ' || family, 'phoneNumbers', json_array(json_object('value', printf('+49 30 %07d', i))))
			FROM people ORDER BY i`,
		`INSERT INTO match_keys (source, name, text, record) SELECT source, 5, name, record FROM records ORDER BY 1, 2, 3`,
		`INSERT INTO journal (tenant, number, source, at, kind, id, name, verb, version, cause, actor, run, reason, note, request, turn, before, after)
			SELECT s.tenant, row_number() OVER (PARTITION BY s.tenant ORDER BY record), r.source, record, 1, id, r.name, 'create', 1, 'pull', 'schedule', 'run', CASE r.in_force WHEN 1 THEN '' ELSE 'disabled_at_source' END,
			'', '', CASE r.in_force WHEN 1 THEN 1 ELSE -1 END, '{}', '{}' FROM records r JOIN sources s ON s.source = r.source`,
		`UPDATE tenants SET last_number = (SELECT coalesce(max(number), 0) FROM journal j WHERE j.tenant = tenants.tenant)`,
		`DELETE FROM digested`, `INSERT INTO digested (tenant, number, words) SELECT tenant, last_number, 0 FROM tenants`,
		`UPDATE filling SET last = (SELECT max(record) FROM records)`,
		`DROP TABLE people`)
	return s, scopes
}

// A page of 50 of a million accounts in 300 sources.
func BenchmarkList(b *testing.B) {
	s, scopes := crowded(b, 1_000_000, 300)
	for _, c := range []struct {
		name    string
		scopes  []state.Scope
		listing state.Listing
	}{
		{"one source", scopes[:1], state.Listing{}},
		{"all", scopes, state.Listing{}},
		{"all backwards", scopes, state.Listing{Descending: true}},
		{"all created", scopes, state.Listing{Order: state.OrderCreated, Descending: true}},
		{"all active", scopes, state.Listing{Show: state.ShowActive}},
		{"all inactive", scopes, state.Listing{Show: state.ShowInactive}},
		{"all protected", scopes, state.Listing{Show: state.ShowProtected}},
		{"all deleted", scopes, state.Listing{Show: state.ShowDeleted}},
		{"one source by reason", scopes[:1], state.Listing{Reason: "disabled_at_source"}},
		{"all by reason", scopes, state.Listing{Reason: "disabled_at_source"}},
	} {
		c.listing.Scopes, c.listing.Kind, c.listing.Limit = c.scopes, state.KindAccount, 50
		b.Run(c.name, func(b *testing.B) {
			defer measureCPU(b)()
			listing, rows := c.listing, 0
			for b.Loop() { // each page goes on behind the one before
				page, err := s.List(b.Context(), listing)
				if err != nil || len(page.Rows) == 0 && c.listing.Show != state.ShowDeleted {
					b.Fatal(len(page.Rows), err)
				}
				rows += len(page.Rows)
				listing.After = page.Next
			}
			b.ReportMetric(float64(rows)/float64(b.N), "rows/page")
		})
	}
}

// What is typed into the box, among as many.
func BenchmarkSearch(b *testing.B) {
	s, _ := crowded(b, 1_000_000, 300)
	digested(b, s)
	for _, text := range []string{"g", "given1", "given12 family4", "given12 family4000", "family", "mail", "+49 30 00123", "given31.family7907.1@mail.example", "id-0000001", "nobody"} {
		b.Run(text, func(b *testing.B) {
			defer measureCPU(b)()
			found := 0
			for b.Loop() {
				list, err := s.Search(b.Context(), text, 20)
				if err != nil {
					b.Fatal(err)
				}
				found = len(list)
			}
			b.ReportMetric(float64(found), "found")
		})
	}
}

func digested(b *testing.B, s *sqlite.Store) {
	b.Helper()
	for more := true; more; {
		var err error
		if more, err = s.Digest(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}

// pages is how large a copy of the database is.
func pages(b *testing.B, s *sqlite.Store) int64 {
	b.Helper()
	path := filepath.Join(b.TempDir(), "copy.db")
	if err := s.Backup(b.Context(), path); err != nil {
		b.Fatal(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		b.Fatal(err)
	}
	return info.Size()
}

// How many records a second search is filled with, and how many journal entries a second are taken in, beside whatever else is written.
func BenchmarkDigest(b *testing.B) {
	const n = 50_000
	b.Run("fill", func(b *testing.B) {
		report, grown := measureCPU(b), int64(0)
		for b.Loop() {
			b.StopTimer()
			s, _ := crowded(b, n, 3)
			before := pages(b, s)
			b.StartTimer()
			digested(b, s)
			b.StopTimer()
			grown = pages(b, s) - before
			b.StartTimer()
		}
		report()
		b.ReportMetric(n*float64(b.N)/b.Elapsed().Seconds(), "records/s")
		b.ReportMetric(float64(grown)/n, "bytes/record")
	})
	b.Run("journal", func(b *testing.B) {
		s := populated(b, n)
		digested(b, s)
		defer measureCPU(b)()
		for round := 1; b.Loop(); round++ {
			b.StopTimer()
			for from := 0; from < n; from += 1000 {
				mutations := creations(b, from, 1000)
				for i := range mutations {
					mutations[i].Put = &state.Put{Base: int64(round), Resource: account(b, from+i, fmt.Sprint("Engineer ", round))}
				}
				wrote(b, s, state.Urgent, mutations)
			}
			b.StartTimer()
			digested(b, s)
		}
		b.ReportMetric(n*float64(b.N)/b.Elapsed().Seconds(), "entries/s")
	})
	b.Run("idle", func(b *testing.B) {
		s, _ := crowded(b, 1000, 300)
		digested(b, s)
		for b.Loop() {
			if more, err := s.Digest(b.Context()); more || err != nil {
				b.Fatal(more, err)
			}
		}
	})
}

// How long an urgent change takes while search is filled. Its measure is the same with nothing beside it, and BenchmarkUrgentBesideBulk.
func BenchmarkUrgentBesideDigest(b *testing.B) {
	for _, beside := range []string{"nothing", "digest"} {
		b.Run(beside, func(b *testing.B) {
			s, scopes := crowded(b, 100_000, 3)
			stop, stopped := make(chan struct{}), make(chan struct{})
			go func() {
				defer close(stopped)
				for more := beside == "digest"; more; {
					select {
					case <-stop:
						return
					default:
					}
					more, _ = s.Digest(b.Context())
				}
			}()
			var took []time.Duration
			for i := 0; b.Loop(); i++ {
				m := creation(b, i)
				m.Scope = scopes[0]
				begun := time.Now()
				wrote(b, s, state.Urgent, []state.Mutation{m})
				took = append(took, time.Since(begun))
			}
			close(stop)
			<-stopped
			slices.Sort(took)
			b.ReportMetric(float64(took[len(took)/2].Microseconds())/1000, "p50-ms")
			b.ReportMetric(float64(took[len(took)*99/100].Microseconds())/1000, "p99-ms")
			b.ReportMetric(float64(took[len(took)-1].Microseconds())/1000, "max-ms")
		})
	}
}
