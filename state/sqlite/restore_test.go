package sqlite_test

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rollcall/state"
	"rollcall/state/sqlite"
	"rollcall/state/statetest"
)

// copied is a database with ten accounts, ten more than in its backup, and the two files.
func copied(t *testing.T) (s *sqlite.Store, path, backup string) {
	t.Helper()
	dir := t.TempDir()
	path, backup = filepath.Join(dir, "rollcall.db"), filepath.Join(dir, "backup.db")
	s, err := sqlite.Open(t.Context(), path, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.EnsureSource(t.Context(), scope, "okta"); err != nil {
		t.Fatal(err)
	}
	if results, err := s.Write(state.Urgent, creations(t, 0, 10)); err != nil || results[9].Err != nil {
		t.Fatal(results, err)
	}
	if err := s.Backup(t.Context(), backup); err != nil {
		t.Fatal(err)
	}
	if results, err := s.Write(state.Urgent, creations(t, 10, 10)); err != nil || results[9].Err != nil {
		t.Fatal(results, err)
	}
	return s, path, backup
}

func TestRestore(t *testing.T) {
	s, path, backup := copied(t)
	key, err := s.SealKey(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := sqlite.Restore(t.Context(), backup, path); err == nil || !strings.Contains(err.Error(), "another process has the database open") {
		t.Fatalf("Restore while it is in use = %v", err)
	}
	if n, err := s.Count(t.Context(), scope, state.KindAccount); n != 20 || err != nil {
		t.Fatalf("after a restore that failed there are %d accounts, %v", n, err)
	}
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	kept, err := sqlite.Restore(t.Context(), backup, path)
	if err != nil {
		t.Fatalf("Restore: %v", err)
	}
	files, _ := filepath.Glob(filepath.Join(filepath.Dir(path), "*"))
	if want := []string{backup, path, kept}; len(files) != len(want) {
		t.Errorf("there are %v, want %v", files, want)
	}
	for file, accounts := range map[string]int{path: 10, kept: 20, backup: 10} {
		info, err := os.Stat(file)
		if err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v; want mode 600", file, info.Mode(), err)
		}
		restored := open(t, file, sqlite.Options{})
		if n, err := restored.Count(t.Context(), scope, state.KindAccount); n != accounts || err != nil {
			t.Errorf("%s has %d accounts, %v; want %d", file, n, err, accounts)
		}
		if got, err := restored.SealKey(t.Context()); err != nil || !bytes.Equal(got, key) {
			t.Errorf("%s has another key, %v", file, err)
		}
		if source, err := restored.Source(t.Context(), scope.Source); err != nil || (source.Observe == sqlite.Restored) != (file != kept) {
			t.Errorf("%s observes because of %q, %v", file, source.Observe, err)
		}
		if err := statetest.CheckReplay(t.Context(), restored, scope); err != nil {
			t.Error(err)
		}
		integrity(t, file)
	}
}

func TestRestoreWhereNothingIs(t *testing.T) {
	s, path, backup := copied(t)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	elsewhere := filepath.Join(filepath.Dir(path), "new.db")
	if kept, err := sqlite.Restore(t.Context(), backup, elsewhere); err != nil || kept != "" {
		t.Fatalf("Restore = %q, %v", kept, err)
	}
	if n, err := open(t, elsewhere, sqlite.Options{}).Count(t.Context(), scope, state.KindAccount); n != 10 || err != nil {
		t.Errorf("Count = %d, %v", n, err)
	}
}

func TestRestoreRefuses(t *testing.T) {
	s, path, backup := copied(t)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Dir(path)
	before, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(backup)
	if err != nil {
		t.Fatal(err)
	}
	damaged := filepath.Join(dir, "damaged.db")
	for i := len(whole) / 2; i < len(whole)*3/4; i++ {
		whole[i] = 0x5a
	}
	text := filepath.Join(dir, "text")
	for file, content := range map[string][]byte{damaged: whole, text: []byte(strings.Repeat("no database\n", 100)), filepath.Join(dir, "empty"): nil} {
		if err := os.WriteFile(file, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for from, want := range map[string]string{
		path: "the database itself", text: "no rollcall database", filepath.Join(dir, "empty"): "empty", filepath.Join(dir, "none"): "not there",
		dir: "is a directory", damaged: "", "": "no path",
	} {
		if kept, err := sqlite.Restore(t.Context(), from, path); err == nil || kept != "" || !strings.Contains(err.Error(), want) {
			t.Errorf("Restore(%s) = %q, %v; want an error with %q", from, kept, err, want)
		}
	}
	if after, err := os.ReadFile(path); err != nil || !bytes.Equal(after, before) {
		t.Errorf("the database has changed, %v", err)
	}
	if parts, _ := filepath.Glob(path + ".*"); len(parts) > 0 {
		t.Errorf("left over: %v", parts)
	}
}
