package sqlite

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	sqlite3 "modernc.org/sqlite/lib"

	"rollcall/state"
	"rollcall/state/scim"
)

var update = flag.Bool("update", false, "write the golden files anew")

// Each schema has been released: whatever a later one is, these are what it starts from.
func TestSchemasAreFrozen(t *testing.T) {
	steps, err := fs.Glob(migrations, "*.sql")
	if err != nil {
		t.Fatal(err)
	}
	for version := 1; version <= len(steps); version++ {
		path := filepath.Join(t.TempDir(), "rollcall.db")
		if _, err := migrate(t.Context(), path, until(t, version), false); err != nil {
			t.Fatal(err)
		}
		got := schemaOf(t, path)
		golden := filepath.Join("testdata", fmt.Sprintf("schema-%d.sql", version))
		if *update {
			if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(golden)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), got); diff != "" {
			t.Errorf("schema %d has changed; write a new migration instead (-frozen +now):\n%s", version, diff)
		}
	}
}

// until returns the migrations up to a version.
func until(t *testing.T, version int) fs.FS {
	t.Helper()
	names, err := fs.Glob(migrations, "*.sql")
	if err != nil {
		t.Fatal(err)
	}
	steps := fstest.MapFS{}
	for _, name := range names[:version] {
		text, err := fs.ReadFile(migrations, name)
		if err != nil {
			t.Fatal(err)
		}
		steps[name] = &fstest.MapFile{Data: text}
	}
	return steps
}

// later returns the migrations and more of them.
func later(t *testing.T, more ...string) fs.FS {
	t.Helper()
	names, err := fs.Glob(migrations, "*.sql")
	if err != nil {
		t.Fatal(err)
	}
	steps := until(t, len(names)).(fstest.MapFS)
	for i, text := range more {
		steps[fmt.Sprintf("%05d_later.sql", len(names)+i+1)] = &fstest.MapFile{Data: []byte("-- +goose Up\n" + text)}
	}
	return steps
}

func schemaOf(t *testing.T, path string) string {
	t.Helper()
	c, err := connect(path, busyTimeout)
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	var text strings.Builder
	if err := c.query(func(row row) error {
		fmt.Fprintf(&text, "%s;\n", row.text(0))
		return nil
	}, "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'goose%' AND name NOT LIKE 'sqlite_%' ORDER BY name"); err != nil {
		t.Fatal(err)
	}
	for _, pragma := range []string{"application_id", "page_size", "encoding"} {
		if _, err := c.one(func(row row) { fmt.Fprintf(&text, "-- %s = %v\n", pragma, row.text(0)) }, "PRAGMA "+pragma); err != nil {
			t.Fatal(err)
		}
	}
	return text.String()
}

func latestOf(t *testing.T, steps fs.FS) int64 {
	t.Helper()
	version, err := latest(steps)
	if err != nil {
		t.Fatal(err)
	}
	return version
}

// withMigrations has the package go by other migrations for a test.
func withMigrations(t *testing.T, steps fs.FS) {
	kept := migrations
	t.Cleanup(func() { migrations = kept })
	migrations = steps
}

func TestUpgrade(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rollcall.db")
	scope := state.Scope{Tenant: "acme", Source: "acme-okta"}
	old, err := Open(t.Context(), path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := old.EnsureSource(t.Context(), scope, "okta"); err != nil {
		t.Fatal(err)
	}
	steps := later(t, "ALTER TABLE sources ADD COLUMN region TEXT NOT NULL DEFAULT 'eu';", "CREATE TABLE regions (name TEXT) STRICT;")
	kept := migrations
	withMigrations(t, steps)

	for name, open := range map[string]func() error{
		"Open":       func() error { _, err := Open(t.Context(), path, Options{}); return err },
		"OpenReader": func() error { _, err := OpenReader(t.Context(), path); return err },
	} {
		if err := open(); !errors.Is(err, state.ErrOlderSchema) {
			t.Errorf("%s of an older schema = %v, want ErrOlderSchema", name, err)
		}
	}
	if err := old.Close(); err != nil {
		t.Fatal(err)
	}
	upgraded, err := Open(t.Context(), path, Options{Upgrade: true})
	if err != nil {
		t.Fatalf("Open to upgrade: %v", err)
	}
	defer upgraded.Close()
	first := latestOf(t, kept)
	if have, want, err := SchemaVersion(t.Context(), path); have != first+2 || want != have || err != nil {
		t.Errorf("SchemaVersion = %d of %d, %v; want %d of as many", have, want, err, first+2)
	}
	if s, err := upgraded.Source(t.Context(), scope.Source); err != nil || s.Scope != scope || s.Observe != "" {
		t.Errorf("the source is %+v, %v", s, err)
	}
	backups, _ := filepath.Glob(fmt.Sprintf("%s.schema-%d.*.backup", path, first))
	if len(backups) != 1 {
		t.Fatalf("backups %v, want one", backups)
	}
	backup := backups[0]
	if info, err := os.Stat(backup); err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("the backup: %v, %v; want a file of mode 600", info, err)
	}
	if name, err := Upgrade(t.Context(), path); name != "" || err != nil {
		t.Errorf("Upgrade of what is up to date = %q, %v", name, err)
	}

	migrations = kept // the earlier program, back on its own copy
	before, err := Open(t.Context(), backup, Options{})
	if err != nil {
		t.Fatalf("the backup cannot be opened by the version that wrote it: %v", err)
	}
	defer before.Close()
	if s, err := before.Source(t.Context(), scope.Source); err != nil || s.Observe != Restored {
		t.Errorf("in the backup the source is %+v, %v; want it to observe", s, err)
	}
}

// TestUpgradeKeepsDeletesThatWait: a DELETE that waited under an older program, which knew it by the reason of the push alone, waits on as
// one, and comes into force as a deletion; a deactivation waits on as no more than that, also after a DELETE that was taken back.
func TestUpgradeKeepsDeletesThatWait(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rollcall.db")
	if _, err := migrate(t.Context(), path, until(t, 4), false); err != nil {
		t.Fatal(err)
	}
	c, err := connect(path, busyTimeout)
	if err != nil {
		t.Fatal(err)
	}
	exec := func(statement string, args ...any) {
		t.Helper()
		if err := c.exec(statement, args...); err != nil {
			t.Fatal(err)
		}
	}
	scope := state.Scope{Tenant: "acme", Source: "acme-entra"}
	exec("INSERT INTO tenants (tenant, name) VALUES (1, 'acme')")
	exec("INSERT INTO sources (source, tenant, name, kind, created_at) VALUES (1, 1, 'acme-entra', 'entra', 1)")
	number := int64(0)
	for id, pushed := range map[string][]string{
		"deleted": {state.ReasonDelete}, "inactive": {""}, "taken-back": {state.ReasonDelete, "", ""}, "again": {"", "", state.ReasonDelete}, "active": {},
	} {
		waits := int64(len(pushed) % 2)
		exec(`INSERT INTO records (id, source, kind, version, said, in_force, staged, pinned, protected, stamp, created_at, modified_at, deleted_at,
			unique_key, name, resource) VALUES (?, 1, 1, ?, ?, 1, ?, 0, 0, 0, 1, 1, 0, ?, ?, '{"userName":"somebody"}')`, id, int64(len(pushed)+1), 1-waits, waits, id, id)
		for i, reason := range pushed {
			number++
			exec(`INSERT INTO journal (tenant, number, source, at, kind, id, name, verb, version, cause, actor, run, reason, note, request, turn, before, after)
				VALUES (1, ?, 1, 1, 1, ?, ?, 'life', ?, 'push', 'key-1', '', ?, '', '', 0, '{}', ?)`, number, id, id, int64(i+2), reason, fmt.Sprintf(`{"staged":%v}`, i%2 == 0))
		}
	}
	exec("UPDATE tenants SET last_number = ?", number)
	c.close()

	s, err := Open(t.Context(), path, Options{Upgrade: true})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	got := map[state.ID]bool{}
	if err := s.Staged(t.Context(), scope, func(r state.Record) bool { got[r.ID] = r.Deletes; return true }); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[state.ID]bool{"deleted": true, "again": true, "inactive": false, "taken-back": false}, got); diff != "" {
		t.Errorf("who waits, and whose DELETE does (-want +got):\n%s", diff)
	}
	results, err := s.Write(state.Urgent, []state.Mutation{{
		Scope: scope, Kind: state.KindAccount, ID: "deleted", Life: &state.Life{InForce: new(false)}, Cause: state.Cause{Kind: state.CauseApproval, Actor: "olga"},
	}})
	if err != nil || results[0].Err != nil || results[0].Record.DeletedAt.IsZero() {
		t.Errorf("approved: %+v, %v; want a tombstone", results, err)
	}
}

func TestUpgradeFailsWhole(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rollcall.db")
	if _, err := migrate(t.Context(), path, migrations, false); err != nil {
		t.Fatal(err)
	}
	broken := later(t, "CREATE TABLE regions (name TEXT) STRICT; INSERT INTO nowhere VALUES (1);")
	if _, err := migrate(t.Context(), path, broken, true); err == nil {
		t.Fatal("a migration that cannot be carried out is no error")
	}
	have, _, err := schemaVersion(t.Context(), path, broken)
	if err != nil || have != latestOf(t, migrations) || strings.Contains(schemaOf(t, path), "regions") {
		t.Errorf("after the failure the schema is %d, %v, and has a part of the next", have, err)
	}
	backup, err := migrate(t.Context(), path, later(t, "CREATE TABLE regions (name TEXT) STRICT;"), true)
	if backups, _ := filepath.Glob(path + ".*.backup"); err != nil || len(backups) != 2 || backups[1] != backup {
		t.Errorf("trying again with a mended migration: %v; backups %v, want a second one, %s", err, backups, backup)
	}
}

func TestUpgradeWaitsForNobodyElse(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rollcall.db")
	s, err := Open(t.Context(), path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	failed := make(chan error)
	go func() {
		_, err := migrate(ctx, path, later(t, "CREATE TABLE regions (name TEXT) STRICT;"), true)
		failed <- err
	}()
	cancel()
	if err := <-failed; err == nil {
		t.Error("the schema has been changed beneath a store that is open")
	}
	if strings.Contains(schemaOf(t, path), "regions") {
		t.Error("the schema has been changed beneath a store that is open")
	}
}

// Whoever comes at once waits for the first, and all of them can work.
func TestManyOpenAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rollcall.db")
	for round, opts := range []Options{{}, {Upgrade: true}} {
		if round == 1 {
			withMigrations(t, later(t, "CREATE TABLE regions (name TEXT) STRICT;"))
		}
		var wg sync.WaitGroup
		for i := range 6 {
			wg.Go(func() {
				s, err := Open(t.Context(), path, opts)
				if err != nil {
					t.Errorf("Open: %v", err)
					return
				}
				defer s.Close()
				if _, err := s.EnsureSource(t.Context(), state.Scope{Tenant: "acme", Source: fmt.Sprint("source-", i)}, "okta"); err != nil {
					t.Errorf("EnsureSource: %v", err)
				}
			})
		}
		wg.Wait()
	}
	r, err := OpenReader(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if sources, err := r.ListSources(t.Context()); len(sources) != 6 || err != nil {
		t.Errorf("%d sources, %v; want 6", len(sources), err)
	}
	if files, _ := filepath.Glob(path + ".*"); len(files) != 1 {
		t.Errorf("beside the file: %v; want one backup", files)
	}
}

// No look reads more than it must: each goes by an index, and none sorts.
func TestLooksGoByIndex(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rollcall.db")
	if _, err := migrate(t.Context(), path, migrations, false); err != nil {
		t.Fatal(err)
	}
	c, err := connect(path, busyTimeout)
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	// A list of all of few things may sort; so may one that is short by its nature.
	listsAll := []string{allSources, runsAll, plansAll, requestsAll}
	for _, query := range []string{
		recordByID, recordsByUniqueKey, recordsByExternalID, recordsByLink, recordsByMatchKey, recordsAfter, rowAfterSkip, blocksOf,
		tombstonesAfter, countOf, groupRow, membersAfter, groupsOf, seatsOfAll, groupRefs, indexSparse, indexDense, entriesAfter, entriesOf, ledger, requestByID, requestsAll,
		requestsOf, sourceByName, allSources, leaseOf, keyByHash, keysOf, countLiveKeys, keyIsThere, runByID, runsAll, runsOf, planByID,
		plansAll, plansOf, suspicionsOf, recordForWrite, uniqueKeyOwner, linkOwner, scopeForWrite, seatToAdd, seatOf, seatsOf,
		lastJoined, groupsForWrite, updateRecord, updateRecordAndKeys, updateLife, updateGroup, deleteMembership, deleteMembers, deleteFromGroups, agree, touchKey, touchSource,
		replacePlans, trimRequests,
	} {
		var plan []string
		s, err := c.prepare("EXPLAIN QUERY PLAN " + query)
		if err != nil {
			t.Fatal(err)
		}
		if err := c.query(func(row row) error {
			plan = append(plan, row.text(3))
			return nil
		}, "EXPLAIN QUERY PLAN "+query, slices.Repeat([]any{int64(1)}, s.params)...); err != nil {
			t.Fatal(err)
		}
		for _, step := range plan {
			scans := strings.HasPrefix(step, "SCAN") && !slices.Contains(listsAll, query) && step != "SCAN CONSTANT ROW" && step != "SCAN sums" && // of one row

				!strings.Contains(step, "VIRTUAL TABLE") // the ids that were given
			sorts := strings.Contains(step, "TEMP B-TREE") && query != entriesOf && query != ledger && query != groupsOf && query != keysOf
			if scans || sorts {
				t.Errorf("%s\n\t%s", query, strings.Join(plan, "\n\t"))
				break
			}
		}
	}
}

// A transaction that cannot be written is told to everyone in it, leaves nothing, and the store works on when the cause is gone.
func TestFullDisk(t *testing.T) {
	s, err := Open(t.Context(), filepath.Join(t.TempDir(), "rollcall.db"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	scope := state.Scope{Tenant: "acme", Source: "acme-okta"}
	if _, err := s.EnsureSource(t.Context(), scope, "okta"); err != nil {
		t.Fatal(err)
	}
	mutation := func(id string, size int) state.Mutation {
		return state.Mutation{Scope: scope, Kind: state.KindGroup, ID: state.ID(id), Cause: state.Cause{Kind: state.CausePush},
			Put: &state.Put{Resource: text("displayName", id+strings.Repeat("x", size))}}
	}
	if err := s.do(t.Context(), func(t *tx) error { return t.c.exec("PRAGMA max_page_count = 80") }); err != nil {
		t.Fatal(err)
	}
	for _, urgency := range []state.Urgency{state.Urgent, state.Bulk} {
		results, err := s.Write(urgency, []state.Mutation{mutation("a", 1), mutation("b", 1<<20), mutation("c", 1)})
		if err == nil || results[0].Err == nil || results[1].Err == nil || results[2].Err == nil {
			t.Fatalf("Write on a full disk = %v, %v; want an error in all", results, err)
		}
	}
	if n, err := s.Count(t.Context(), scope, state.KindGroup); n != 0 || err != nil {
		t.Errorf("%d groups, %v; want none", n, err)
	}
	results, err := s.Write(state.Urgent, []state.Mutation{mutation("a", 1)})
	if err != nil || results[0].Err != nil || results[0].Number != 1 {
		t.Errorf("what still fits: %v, %v", results, err)
	}
}

func text(name, value string) scim.Value {
	return scim.ObjectOf(scim.Field{Name: name, Value: scim.StringValue(value)})
}

// TestExplainsWhoMayOpen: what another user's database is refused with says what to do, and shows no statement.
func TestExplainsWhoMayOpen(t *testing.T) {
	for _, code := range []int{sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM, sqlite3.SQLITE_READONLY | 5<<8} {
		err := explain(&dbError{query: "SELECT count(*)", code: code, text: "unable to open database file"})
		if text := err.Error(); !strings.Contains(text, "permission denied") || !strings.Contains(text, "run as that user") || strings.Contains(text, "SELECT") {
			t.Errorf("code %d: %s", code, text)
		}
	}
}
