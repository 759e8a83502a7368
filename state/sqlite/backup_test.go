package sqlite_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/state"
	"rollcall/state/sqlite"
	"rollcall/state/statetest"
)

func TestBackup(t *testing.T) {
	dir := t.TempDir()
	s := open(t, filepath.Join(dir, "rollcall.db"), sqlite.Options{})
	source, err := s.EnsureSource(t.Context(), scope, "okta")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.AcquireLease(t.Context(), scope, "engine", time.Hour); err != nil {
		t.Fatal(err)
	}
	if results, err := s.Write(state.Urgent, creations(t, 0, 20)); err != nil || results[19].Err != nil {
		t.Fatal(results, err)
	}
	path := filepath.Join(dir, "copy's.db")
	if err := s.Backup(t.Context(), path); err != nil {
		t.Fatalf("Backup: %v", err)
	}
	if results, err := s.Write(state.Urgent, creations(t, 20, 1)); err != nil || results[0].Err != nil {
		t.Fatal(results, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the copy: %v, %v; want a file of mode 600", info.Mode(), err)
	}
	integrity(t, path)
	copied := open(t, path, sqlite.Options{})
	source.Observe = sqlite.Restored
	if got, err := copied.Source(t.Context(), scope.Source); err != nil || cmp.Diff(source, got) != "" {
		t.Errorf("the source in the copy: %v\n%s", err, cmp.Diff(source, got))
	}
	if got, err := s.Source(t.Context(), scope.Source); err != nil || got.Observe != "" {
		t.Errorf("the source itself = %+v, %v; want it as it was", got, err)
	}
	if n, err := copied.Count(t.Context(), scope, state.KindAccount); n != 20 || err != nil {
		t.Errorf("Count = %d, %v; want 20", n, err)
	}
	if err := statetest.CheckReplay(t.Context(), copied, scope); err != nil {
		t.Error(err)
	}
	if _, err := copied.AcquireLease(t.Context(), scope, "another", time.Hour); err != nil {
		t.Errorf("in the copy the lease is still held: %v", err)
	}
	if results, err := copied.Write(state.Urgent, creations(t, 20, 1)); err != nil || results[0].Number != 21 {
		t.Errorf("the copy goes on with %v, %v", results, err)
	}
}

func TestBackupRefuses(t *testing.T) {
	dir := t.TempDir()
	s := open(t, filepath.Join(dir, "rollcall.db"), sqlite.Options{})
	there := filepath.Join(dir, "there")
	if err := os.WriteFile(there, []byte("kept"), 0o644); err != nil {
		t.Fatal(err)
	}
	link := filepath.Join(dir, "link")
	if err := os.Symlink(filepath.Join(dir, "nowhere"), link); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		there: "is there already", link: "is there already", dir: "is a directory", filepath.Join(dir, "rollcall.db"): "is there already",
		filepath.Join(dir, "none", "copy.db"): "its directory does not exist",
	} {
		if err := s.Backup(t.Context(), path); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("Backup to %s = %v, want an error with %q", path, err, want)
		}
	}
	if text, err := os.ReadFile(there); err != nil || string(text) != "kept" {
		t.Errorf("the file that was there: %q, %v", text, err)
	}
	if parts, _ := filepath.Glob(filepath.Join(dir, "*.part")); len(parts) > 0 {
		t.Errorf("left over: %v", parts)
	}
}
