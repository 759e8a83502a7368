package sqlite_test

import (
	"path/filepath"
	"testing"
	"time"

	"rollcall/state/sqlite"
	"rollcall/state/statetest"
)

func TestStore(t *testing.T) {
	statetest.Run(t, func(t testing.TB, now func() time.Time) statetest.Store {
		return open(t, filepath.Join(t.TempDir(), "rollcall.db"), sqlite.Options{Now: now})
	})
}

func open(t testing.TB, path string, opts sqlite.Options) *sqlite.Store {
	t.Helper()
	s, err := sqlite.Open(t.Context(), path, opts)
	if err != nil {
		t.Fatalf("Open: %v", err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Errorf("Close: %v", err)
		}
	})
	return s
}
