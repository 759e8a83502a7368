package sqlite

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"rollcall/state"
)

var testScope = state.Scope{Tenant: "acme", Source: "acme-okta"}

func openForTest(t *testing.T, opts Options) *Store {
	t.Helper()
	s, err := Open(t.Context(), filepath.Join(t.TempDir(), "rollcall.db"), opts)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	if _, err := s.EnsureSource(t.Context(), testScope, "okta"); err != nil {
		t.Fatal(err)
	}
	return s
}

func groupMutation(id string) state.Mutation {
	return state.Mutation{Scope: testScope, Kind: state.KindGroup, ID: state.ID(id), Cause: state.Cause{Kind: state.CausePush},
		Put: &state.Put{Resource: text("displayName", id)}}
}

// hold keeps the writer busy until release is called, so that a test can choose what waits for it.
func (s *Store) hold(t *testing.T) (release func()) {
	t.Helper()
	busy, free := make(chan struct{}), make(chan struct{})
	done := make(chan error)
	go func() {
		done <- s.do(t.Context(), func(*tx) error {
			close(busy)
			<-free
			return nil
		})
	}()
	<-busy
	return func() {
		close(free)
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// await waits until n jobs wait for the writer.
func (s *Store) await(n int) {
	for s.Stats().Waiting < n {
		time.Sleep(time.Millisecond)
	}
}

func TestWaitingCallersShareACommit(t *testing.T) {
	s := openForTest(t, Options{})
	release := s.hold(t)
	before := s.Stats().Commits
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			if results, err := s.Write(state.Urgent, []state.Mutation{groupMutation(fmt.Sprint("g", i))}); err != nil || results[0].Err != nil {
				t.Error(results, err)
			}
		})
	}
	s.await(20)
	release()
	wg.Wait()
	if n := s.Stats().Commits - before; n != 2 { // the one that was held, and theirs
		t.Errorf("%d commits, want 2", n)
	}
}

func TestBulkGoesInSlices(t *testing.T) {
	s := openForTest(t, Options{})
	before := s.Stats()
	mutations := make([]state.Mutation, 5*sliceSize+1)
	for i := range mutations {
		mutations[i] = groupMutation(fmt.Sprint("g", i))
	}
	if _, err := s.Write(state.Bulk, mutations); err != nil {
		t.Fatal(err)
	}
	after := s.Stats()
	if commits := after.Commits - before.Commits; commits < 6 || after.Steps-before.Steps != int64(len(mutations)) {
		t.Errorf("%d steps in %d commits, want %d in at least 6", after.Steps-before.Steps, commits, len(mutations))
	}
}

// Two bulk jobs take turns, and an urgent one need not wait for either to end.
func TestBulkJobsTakeTurns(t *testing.T) {
	s := openForTest(t, Options{})
	release := s.hold(t)
	finished := make(chan string, 3)
	var wg sync.WaitGroup
	bulk := func(name string, n int) {
		waiting := s.Stats().Waiting
		wg.Go(func() {
			mutations := make([]state.Mutation, n)
			for i := range mutations {
				mutations[i] = groupMutation(fmt.Sprint(name, i))
			}
			if _, err := s.Write(state.Bulk, mutations); err != nil {
				t.Error(err)
			}
			finished <- name
		})
		s.await(waiting + 1)
	}
	bulk("long", 20*sliceSize)
	bulk("short", 2*sliceSize)
	wg.Go(func() {
		if _, err := s.Write(state.Urgent, []state.Mutation{groupMutation("urgent")}); err != nil {
			t.Error(err)
		}
		finished <- "urgent"
	})
	s.await(3)
	release()
	wg.Wait()
	if order := [3]string{<-finished, <-finished, <-finished}; order != [3]string{"urgent", "short", "long"} {
		t.Errorf("they finished in the order %v", order)
	}
}

// A lease that is taken stops at once what still works under the earlier one, though both are carried out in one transaction.
func TestLeaseTakenInTheSameTransaction(t *testing.T) {
	s := openForTest(t, Options{})
	old, err := s.AcquireLease(t.Context(), testScope, "one", time.Nanosecond)
	if err != nil {
		t.Fatal(err)
	}
	release := s.hold(t)
	var wg sync.WaitGroup
	wg.Go(func() {
		if _, err := s.AcquireLease(t.Context(), testScope, "two", time.Minute); err != nil {
			t.Error(err)
		}
	})
	s.await(1)
	wg.Go(func() {
		m := groupMutation("g")
		m.Epoch = old.Epoch
		if results, err := s.Write(state.Urgent, []state.Mutation{m}); err != nil || !errors.Is(results[0].Err, state.ErrStaleEpoch) {
			t.Errorf("Write = %v, %v; want ErrStaleEpoch", results, err)
		}
	})
	s.await(2)
	release()
	wg.Wait()
}

// What a step has written before it fails is taken back, its neighbours' work is not; a violated constraint is such a failure.
func TestFailedStepLeavesNothing(t *testing.T) {
	s := openForTest(t, Options{})
	refused := errors.New("refused")
	var failed [4]error
	err := s.writer.submit(state.Urgent, &job{size: 4, fail: func(i int, err error) { failed[i] = err }, step: func(t *tx, i int) error {
		if err := t.c.exec(insertTenant, fmt.Sprint("tenant-", i)); err != nil {
			return err
		}
		switch i {
		case 1:
			return refused
		case 2:
			return t.c.exec("INSERT INTO tenants (name) VALUES ('tenant-0')")
		}
		return nil
	}})
	if err != nil || failed[0] != nil || failed[1] != refused || failed[2] == nil || failed[3] != nil {
		t.Fatalf("submit = %v, steps %v", err, failed)
	}
	var names []string
	if err := s.use(t.Context(), func(c *conn) error {
		return c.query(func(row row) error { names = append(names, row.text(0)); return nil }, "SELECT name FROM tenants ORDER BY name")
	}); err != nil || strings.Join(names, " ") != "acme tenant-0 tenant-3" {
		t.Errorf("tenants %v, %v", names, err)
	}
}

func TestReadersRefuseToWrite(t *testing.T) {
	s := openForTest(t, Options{})
	for _, statement := range []string{"UPDATE sources SET kind = 'x'", "CREATE TABLE x (y)", "DELETE FROM sources"} {
		if err := s.use(t.Context(), func(c *conn) error { return c.exec(statement) }); err == nil || !strings.Contains(err.Error(), "readonly") {
			t.Errorf("%s = %v, want a refusal", statement, err)
		}
	}
}

// A lock that another process never lets go of becomes an error; afterwards everything goes on.
func TestLockedForTooLong(t *testing.T) {
	s := openForTest(t, Options{LockWait: 50 * time.Millisecond})
	other, err := connect(s.path, busyTimeout)
	if err != nil {
		t.Fatal(err)
	}
	defer other.close()
	if err := other.exec(beginNow); err != nil {
		t.Fatal(err)
	}
	for _, urgency := range []state.Urgency{state.Urgent, state.Bulk} {
		results, err := s.Write(urgency, []state.Mutation{groupMutation("g"), groupMutation("h")})
		if err == nil || results[1].Err == nil || !strings.Contains(err.Error(), "another process has kept the database locked") {
			t.Errorf("Write = %v, %v; want that another process has the lock", results, err)
		}
	}
	if err := s.Health(t.Context()); err == nil {
		t.Error("Health = nil")
	}
	if err := other.exec(rollbackAll); err != nil {
		t.Fatal(err)
	}
	if err := s.Health(t.Context()); err != nil {
		t.Errorf("Health = %v; want nil though nothing was written since the failure", err)
	}
	if results, err := s.Write(state.Urgent, []state.Mutation{groupMutation("g")}); err != nil || results[0].Err != nil {
		t.Errorf("Write = %v, %v", results, err)
	}
}

// Logged requests are trimmed to the newest, those that changed something are not.
func TestLoggedRequestsAreTrimmed(t *testing.T) {
	s := openForTest(t, Options{})
	kept := groupMutation("g0")
	kept.Request = &state.Request{ID: "kept"}
	if _, err := s.Write(state.Urgent, []state.Mutation{kept}); err != nil {
		t.Fatal(err)
	}
	for round := range 3 {
		for i := range 600 {
			s.LogRequest(state.Request{ID: fmt.Sprintf("r%d-%d", round, i), Scope: testScope})
		}
		if _, err := s.Write(state.Urgent, []state.Mutation{groupMutation(fmt.Sprint("g", round+1))}); err != nil {
			t.Fatal(err)
		}
	}
	list, err := s.Requests(t.Context(), testScope, 0)
	if err != nil || len(list) != keepFailed+1 || list[0].ID != "r2-599" || list[keepFailed-1].ID != "r1-200" || list[keepFailed].ID != "kept" {
		t.Errorf("%d requests, %v; want the newest %d and the one that is kept", len(list), err, keepFailed)
	}
}

// A file that a crash has left in the middle of a change of schema, or with a log that is not carried over, can be opened.
func TestOpenAfterACrash(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "rollcall.db")
	if _, err := migrate(t.Context(), path, migrations, false); err != nil {
		t.Fatal(err)
	}
	copyAs := func(name string, suffixes ...string) string {
		t.Helper()
		for _, suffix := range suffixes {
			data, err := os.ReadFile(path + suffix)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(dir, name+suffix), data, 0o600); err != nil {
				t.Fatal(err)
			}
		}
		return filepath.Join(dir, name)
	}
	c, err := connect(path, "cache_size = 5", "cache_spill = 1")
	if err != nil {
		t.Fatal(err)
	}
	for _, statement := range []string{"BEGIN EXCLUSIVE", "CREATE TABLE x (y)",
		"WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 20000) INSERT INTO x SELECT randomblob(50) FROM n"} {
		if err := c.exec(statement); err != nil {
			t.Fatal(err)
		}
	}
	halfway := copyAs("halfway.db", "", "-journal")
	if err := errors.Join(c.exec(rollbackAll), c.close()); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		s, err := Open(t.Context(), halfway, Options{})
		if err != nil {
			t.Fatalf("Open in the middle of a change of schema: %v", err)
		}
		if _, err := s.EnsureSource(t.Context(), testScope, "okta"); err != nil {
			t.Error(err)
		}
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	}
	if strings.Contains(schemaOf(t, halfway), "CREATE TABLE x") {
		t.Error("half a change of schema is left")
	}

	s, err := Open(t.Context(), path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.EnsureSource(t.Context(), testScope, "okta"); err != nil {
		t.Fatal(err)
	}
	logged := copyAs("logged.db", "", "-wal")
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(logged)
	if err != nil {
		t.Fatal(err)
	}
	if have, want, err := SchemaVersion(t.Context(), logged); have != want || err != nil {
		t.Errorf("SchemaVersion = %d of %d, %v", have, want, err)
	}
	if after, err := os.ReadFile(logged); err != nil || string(after) != string(before) {
		t.Errorf("to look at the version has changed the file, %v", err)
	}
	r, err := OpenReader(t.Context(), logged)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if _, err := r.Source(t.Context(), testScope.Source); err != nil {
		t.Errorf("what is in the log alone: %v", err)
	}
}

// A step that is refused after it has written something leaves nothing of it, and spares those it shares the transaction with.
func TestRefusedHalfWay(t *testing.T) {
	for _, urgency := range []state.Urgency{state.Urgent, state.Bulk} {
		s := openForTest(t, Options{})
		refusal := errors.New("refused")
		begun := map[int]int{}
		err := s.steps(urgency, 4, func(t *tx, i int) error {
			begun[i]++
			if err := t.c.exec(insertTenant, fmt.Sprint("tenant-", i)); err != nil {
				return err
			}
			switch i {
			case 1:
				return refusal
			case 2:
				return t.c.exec("INSERT INTO tenants (name) VALUES (?)", testScope.Tenant)
			}
			return nil
		})
		if !errors.Is(err, refusal) {
			t.Errorf("the first refusal is %v, want %v", err, refusal)
		}
		tenants, err := list(t.Context(), s.Reader, func(row row) string { return row.text(0) }, "SELECT name FROM tenants ORDER BY tenant")
		if want := []string{testScope.Tenant, "tenant-0", "tenant-3"}; !slices.Equal(tenants, want) || err != nil {
			t.Errorf("kept are %v, %v; want %v", tenants, err, want)
		}
		if begun[0] != 2 || begun[3] != 1 {
			t.Errorf("steps were begun %v times; want the first one twice and the last one once", begun)
		}
	}
}
