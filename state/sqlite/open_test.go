package sqlite_test

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rollcall/state"
	"rollcall/state/sqlite"
)

func TestOpenCreatesPrivateFiles(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a b?c#d%20e.db")
	s := open(t, path, sqlite.Options{})
	if _, err := s.EnsureSource(t.Context(), scope, "okta"); err != nil {
		t.Fatal(err)
	}
	for _, suffix := range []string{"", "-wal", "-shm"} {
		info, err := os.Stat(path + suffix)
		if err != nil {
			t.Fatal(err)
		}
		if mode := info.Mode().Perm(); mode != 0o600 {
			t.Errorf("%s has mode %o, want 600", filepath.Base(path+suffix), mode)
		}
	}
	if have, want, err := sqlite.SchemaVersion(t.Context(), path); err != nil || have != want || want < 1 {
		t.Errorf("SchemaVersion = %d of %d, %v", have, want, err)
	}
}

// A database that a copy left readable by others is its owner's again as soon as it is opened.
func TestOpenTakesPermissionsAway(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rollcall.db")
	open(t, path, sqlite.Options{}).Close()
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	s := open(t, path, sqlite.Options{})
	if _, err := s.EnsureSource(t.Context(), scope, "okta"); err != nil {
		t.Fatal(err)
	}
	for _, suffix := range []string{"", "-wal", "-shm"} {
		info, err := os.Stat(path + suffix)
		if err != nil {
			t.Fatal(err)
		}
		if mode := info.Mode().Perm(); mode != 0o600 {
			t.Errorf("%s has mode %o, want 600", filepath.Base(path+suffix), mode)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	dir := t.TempDir()
	text := filepath.Join(dir, "text.db")
	if err := os.WriteFile(text, []byte(strings.Repeat("no database at all\n", 100)), 0o600); err != nil {
		t.Fatal(err)
	}
	other := filepath.Join(dir, "other.db")
	execute(t, other, "CREATE TABLE notes (text TEXT)")
	for _, c := range []struct{ name, path, want string }{
		{"no path", "", "no path"},
		{"no directory", filepath.Join(dir, "none", "rollcall.db"), "its directory does not exist; create it first"},
		{"a file for a directory", filepath.Join(text, "rollcall.db"), "is no directory"},
		{"a text", text, "no rollcall database"},
		{"another program's database", other, "no rollcall database"},
		{"a directory", dir, "is a directory; name a file in it"},
	} {
		for how, open := range map[string]func() error{
			"Open":       func() error { _, err := sqlite.Open(t.Context(), c.path, sqlite.Options{Upgrade: true}); return err },
			"OpenReader": func() error { _, err := sqlite.OpenReader(t.Context(), c.path); return err },
			"Upgrade":    func() error { _, err := sqlite.Upgrade(t.Context(), c.path); return err },
		} {
			if err := open(); err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "SELECT") {
				t.Errorf("%s of %s = %v, want an error with %q", how, c.name, err, c.want)
			}
		}
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := sqlite.Open(cancelled, filepath.Join(dir, "rollcall.db"), sqlite.Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("Open with a cancelled context = %v", err)
	}
}

func TestOpenRefusesNewerSchema(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rollcall.db")
	open(t, path, sqlite.Options{}).Close()
	execute(t, path, "PRAGMA journal_mode = DELETE", "INSERT INTO goose_db_version (version_id, is_applied) VALUES (999, 1)")
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	_, err1 := sqlite.Open(t.Context(), path, sqlite.Options{})
	_, err2 := sqlite.Open(t.Context(), path, sqlite.Options{Upgrade: true})
	_, err3 := sqlite.OpenReader(t.Context(), path)
	_, err4 := sqlite.Upgrade(t.Context(), path)
	for i, err := range []error{err1, err2, err3, err4} {
		if !errors.Is(err, state.ErrNewerSchema) {
			t.Errorf("way %d of opening a newer schema = %v, want ErrNewerSchema", i+1, err)
		}
	}
	after, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(before, after) {
		t.Error("the file has been touched")
	}
	if files, _ := filepath.Glob(path + "*"); len(files) != 1 {
		t.Errorf("left beside it: %v", files)
	}
}

func TestClose(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rollcall.db")
	s := open(t, path, sqlite.Options{})
	if _, err := s.EnsureSource(t.Context(), scope, "okta"); err != nil {
		t.Fatal(err)
	}
	_, key := state.NewKey(scope)
	if err := s.PutKey(t.Context(), key); err != nil {
		t.Fatal(err)
	}
	used := time.Date(2031, 4, 5, 6, 7, 8, 0, time.UTC)
	if err := s.TouchKey(t.Context(), key, used); err != nil {
		t.Fatal(err)
	}
	s.LogRequest(state.Request{ID: "r", Scope: scope})
	bulk := make(chan error)
	go func() {
		results, err := s.Write(state.Bulk, creations(t, 0, 1000))
		for _, r := range results {
			err = errors.Join(err, r.Err)
		}
		bulk <- err
	}()
	for s.Stats().Steps < 100 { // until it is under way
		if err := s.Health(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(s.Close(), s.Close()); err != nil {
		t.Fatalf("Close: %v", err)
	}
	if err := <-bulk; err != nil {
		t.Errorf("what was submitted before Close: %v", err)
	}
	results, err := s.Write(state.Urgent, creations(t, 1000, 1))
	if !errors.Is(err, state.ErrClosed) || !errors.Is(results[0].Err, state.ErrClosed) {
		t.Errorf("Write after Close = %v, %v; want ErrClosed", results, err)
	}
	_, err1 := s.Record(t.Context(), scope, state.KindAccount, "a")
	_, err2 := s.EnsureSource(t.Context(), scope, "okta")
	for _, err := range []error{err1, err2, s.TouchKey(t.Context(), key, used.AddDate(1, 0, 0)), s.Health(t.Context())} {
		if !errors.Is(err, state.ErrClosed) {
			t.Errorf("after Close: %v, want ErrClosed", err)
		}
	}
	s.LogRequest(state.Request{ID: "late", Scope: scope})

	again := open(t, path, sqlite.Options{})
	if n, err := again.Count(t.Context(), scope, state.KindAccount); n != 1000 || err != nil {
		t.Errorf("%d accounts, %v; want all 1000", n, err)
	}
	if _, err := again.Request(t.Context(), "r"); err != nil {
		t.Errorf("the request that was to be logged soon: %v", err)
	}
	if k, err := again.KeyByHash(t.Context(), key.Hash); err != nil || !k.LastUsedAt.Equal(used) {
		t.Errorf("the key's last use = %v, %v; want %v", k.LastUsedAt, err, used)
	}
}

func TestReaderSeesButCannotWrite(t *testing.T) {
	path := filepath.Join(t.TempDir(), "rollcall.db")
	early, err := sqlite.OpenReader(t.Context(), path) // creates it
	if err != nil {
		t.Fatal(err)
	}
	defer early.Close()
	s := open(t, path, sqlite.Options{})
	if _, err := s.EnsureSource(t.Context(), scope, "okta"); err != nil {
		t.Fatal(err)
	}
	if results, err := s.Write(state.Urgent, creations(t, 0, 1)); err != nil || results[0].Err != nil {
		t.Fatal(results, err)
	}
	if n, err := early.Count(t.Context(), scope, state.KindAccount); n != 1 || err != nil {
		t.Errorf("Count = %d, %v; want what the store has just written", n, err)
	}
	if _, writes := any(early).(state.Writer); writes {
		t.Error("a Reader has Write")
	}
}

func TestNoChangeWritesNothing(t *testing.T) {
	s := open(t, filepath.Join(t.TempDir(), "rollcall.db"), sqlite.Options{})
	if _, err := s.EnsureSource(t.Context(), scope, "okta"); err != nil {
		t.Fatal(err)
	}
	mutations := creations(t, 0, 50)
	if _, err := s.Write(state.Urgent, mutations); err != nil {
		t.Fatal(err)
	}
	db, log, err := s.Size()
	if err != nil {
		t.Fatal(err)
	}
	for i := range mutations {
		mutations[i].Put.Base = 1
	}
	for _, urgency := range []state.Urgency{state.Urgent, state.Bulk} {
		results, err := s.Write(urgency, mutations)
		if err != nil || results[0].Err != nil || results[0].Changed {
			t.Fatal(results[0], err)
		}
	}
	if _, err := s.EnsureSource(t.Context(), scope, "okta"); err != nil {
		t.Fatal(err)
	}
	if db2, log2, err := s.Size(); err != nil || db2 != db || log2 != log {
		t.Errorf("the files grew from %d and %d to %d and %d bytes, %v", db, log, db2, log2, err)
	}
}
