package sqlite_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"rollcall/state"
	"rollcall/state/sqlite"
	"rollcall/state/statetest"
)

// The test binary is its own second process: with a task and a database in its environment it carries the task out instead of tests.
func TestMain(m *testing.M) {
	if task := tasks[os.Getenv("SQLITE_TEST_TASK")]; task != nil {
		if err := task(os.Getenv("SQLITE_TEST_PATH")); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

var tasks = map[string]func(path string) error{
	// Opens the database and makes a source of its own.
	"open": func(path string) error {
		s, err := sqlite.Open(context.Background(), path, sqlite.Options{})
		if err != nil {
			return err
		}
		_, err = s.EnsureSource(context.Background(), state.Scope{Tenant: "acme", Source: fmt.Sprint("process-", os.Getpid())}, "okta")
		return errors.Join(err, s.Close())
	},
	// Makes accounts, one after the other, until it is killed, and says of each when it has been answered.
	"write": func(path string) error { return writeForever(path, state.Urgent, 1) },
	// The same with hundreds at a time, in bulk.
	"bulk": func(path string) error { return writeForever(path, state.Bulk, 500) },
}

func writeForever(path string, urgency state.Urgency, n int) error {
	s, err := sqlite.Open(context.Background(), path, sqlite.Options{})
	if err != nil {
		return err
	}
	t := &testing.T{} // for what it cannot fail in
	var wg sync.WaitGroup
	for caller := range 4 {
		wg.Go(func() {
			for i := 0; ; i += n {
				mutations := creations(t, 1_000_000*(caller+1)+i, n)
				results, err := s.Write(urgency, mutations)
				for j, r := range results {
					if err != nil || r.Err != nil {
						fmt.Fprintln(os.Stderr, err, r.Err)
						os.Exit(1)
					}
					fmt.Println(mutations[j].ID)
				}
			}
		})
	}
	wg.Wait()
	return nil
}

// start starts a second process, which ends with the test at the latest.
func start(t testing.TB, task, path string) (*exec.Cmd, *bufio.Reader) {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self)
	cmd.Env = append(os.Environ(), "SQLITE_TEST_TASK="+task, "SQLITE_TEST_PATH="+path)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	return cmd, bufio.NewReader(out)
}

func TestProcessesOpenAtOnce(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rollcall.db")
	var commands []*exec.Cmd
	for range 5 {
		cmd, _ := start(t, "open", path)
		commands = append(commands, cmd)
	}
	for _, cmd := range commands {
		if err := cmd.Wait(); err != nil {
			t.Errorf("a process that opened the database: %v", err)
		}
	}
	s := open(t, path, sqlite.Options{})
	if sources, err := s.ListSources(t.Context()); len(sources) != 5 || err != nil {
		t.Errorf("%d sources, %v; want 5", len(sources), err)
	}
}

// A process that is killed at any moment loses nothing that it has answered, and leaves a database that is whole.
func TestKilledProcessLeavesAWholeRecord(t *testing.T) {
	for _, task := range []string{"write", "bulk"} {
		t.Run(task, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "rollcall.db")
			s := open(t, path, sqlite.Options{})
			if _, err := s.EnsureSource(t.Context(), scope, "okta"); err != nil {
				t.Fatal(err)
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			var answered []state.ID
			for round := range 3 {
				cmd, out := start(t, task, path)
				for n := 0; n < 700+round*311; n++ {
					line, err := out.ReadString('\n')
					if err != nil {
						t.Fatalf("the process ended by itself: %v", err)
					}
					answered = append(answered, state.ID(strings.TrimSpace(line)))
				}
				cmd.Process.Kill()
				for {
					line, err := out.ReadString('\n')
					if err != nil {
						break
					}
					answered = append(answered, state.ID(strings.TrimSpace(line)))
				}
				cmd.Wait()
				s := open(t, path, sqlite.Options{})
				for _, id := range answered {
					if _, err := s.Record(t.Context(), scope, state.KindAccount, id); err != nil {
						t.Fatalf("%s had been answered: %v", id, err)
					}
				}
				if err := statetest.CheckReplay(t.Context(), s, scope); err != nil {
					t.Error(err)
				}
				counted := 0
				if err := s.Scan(t.Context(), scope, state.KindAccount, 0, 0, 0, func(state.Record) bool { counted++; return true }); err != nil {
					t.Error(err)
				}
				if n, err := s.Count(t.Context(), scope, state.KindAccount); n != counted || err != nil {
					t.Errorf("Count = %d, %v; there are %d", n, err, counted)
				}
				purgeAll(t, s) // so that the next round can make them again
				answered = nil
				if err := s.Close(); err != nil {
					t.Fatal(err)
				}
				integrity(t, path)
			}
		})
	}
}

func purgeAll(t *testing.T, s *sqlite.Store) {
	t.Helper()
	var mutations []state.Mutation
	if err := s.Scan(t.Context(), scope, state.KindAccount, 0, 0, 0, func(r state.Record) bool {
		mutations = append(mutations, state.Mutation{Scope: scope, Kind: state.KindAccount, ID: r.ID,
			Life: &state.Life{Remove: state.RemovePurge}, Cause: state.Cause{Kind: state.CauseOperator}})
		return true
	}); err != nil {
		t.Fatal(err)
	}
	results, err := s.Write(state.Bulk, mutations)
	for _, r := range results {
		err = errors.Join(err, r.Err)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// While a second process applies thousands of changes, both get on, see each other's work, and number the journal without a gap.
func TestTwoProcesses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rollcall.db")
	s := open(t, path, sqlite.Options{})
	if _, err := s.EnsureSource(t.Context(), scope, "okta"); err != nil {
		t.Fatal(err)
	}
	cmd, out := start(t, "bulk", path)
	if _, err := out.ReadString('\n'); err != nil {
		t.Fatal(err)
	}
	go func() {
		for err := error(nil); err == nil; {
			_, err = out.ReadString('\n')
		}
	}()
	before, err := s.Count(t.Context(), scope, state.KindAccount)
	if err != nil || before == 0 {
		t.Fatalf("Count = %d, %v; want to see what the other process has made", before, err)
	}
	var took []time.Duration
	after := before
	for i := 0; i < 200 || after-before-i < 500; i++ { // until both have come far
		begun := time.Now()
		results, err := s.Write(state.Urgent, creations(t, i, 1))
		took = append(took, time.Since(begun))
		if err != nil || results[0].Err != nil {
			t.Fatal(results, err)
		}
		if after, err = s.Count(t.Context(), scope, state.KindAccount); err != nil {
			t.Fatal(err)
		}
	}
	cmd.Process.Kill()
	cmd.Wait()
	slices.Sort(took)
	t.Logf("beside %d bulk changes, an urgent one took %v in the middle, %v at the 99th percentile, %v at most; %d attempts at the lock were in vain",
		after-before-len(took), took[len(took)/2], took[len(took)*99/100], took[len(took)-1], s.Stats().Retries)
	if err := statetest.CheckReplay(t.Context(), s, scope); err != nil {
		t.Error(err)
	}
}

// Two stores on one file, as two processes have them.
func TestTwoStores(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rollcall.db")
	one, two := open(t, path, sqlite.Options{}), open(t, path, sqlite.Options{})
	ctx := t.Context()
	if _, err := one.EnsureSource(ctx, scope, "okta"); err != nil {
		t.Fatal(err)
	}
	_, key := state.NewKey(scope)
	if err := one.PutKey(ctx, key); err != nil {
		t.Fatal(err)
	}
	if k, err := two.KeyByHash(ctx, key.Hash); err != nil || !k.Live(time.Now()) {
		t.Errorf("the key elsewhere: %v, %v", k, err)
	}
	if err := one.RevokeKey(ctx, scope, key.ID); err != nil {
		t.Fatal(err)
	}
	if k, err := two.KeyByHash(ctx, key.Hash); err != nil || k.Live(time.Now()) {
		t.Errorf("the revoked key elsewhere: %v, %v", k, err)
	}
	lease, err := one.AcquireLease(ctx, scope, "one", time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := two.AcquireLease(ctx, scope, "two", time.Minute); !errors.Is(err, state.ErrLeased) {
		t.Errorf("the lease elsewhere = %v, want ErrLeased", err)
	}
	if err := one.ReleaseLease(ctx, lease); err != nil {
		t.Fatal(err)
	}
	if _, err := two.AcquireLease(ctx, scope, "two", time.Minute); err != nil {
		t.Errorf("the lease elsewhere, once it is free: %v", err)
	}
	m := creation(t, 1)
	m.Epoch = lease.Epoch
	if results, err := one.Write(state.Urgent, []state.Mutation{m}); err != nil || !errors.Is(results[0].Err, state.ErrStaleEpoch) {
		t.Errorf("a mutation under the lease that has passed on = %v, %v", results, err)
	}
	for i, s := range []*sqlite.Store{one, two, one, two} {
		results, err := s.Write(state.Urgent, creations(t, i, 1))
		if err != nil || results[0].Number != int64(i+1) {
			t.Errorf("change %d has number %d, %v", i+1, results[0].Number, err)
		}
	}
}

func integrity(t *testing.T, path string) {
	t.Helper()
	var verdict string
	query(t, path, &verdict, "PRAGMA integrity_check")
	if verdict != "ok" {
		t.Errorf("integrity: %s", verdict)
	}
}
