package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"rollcall/state"
)

// TestAnEndedSourceShowsNoKey: a set-up link that is on its way still would let somebody push again.
func TestAnEndedSourceShowsNoKey(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "rollcall.yaml")
	if err := os.WriteFile(file, []byte("state: rollcall.db\nsources:\n  - {name: acme, tenant: acme, kind: entra}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	a := &app{
		stdin: strings.NewReader(""), stdout: &said, stderr: &said, now: time.Now, width: func() int { return 0 },
		env: func(string) (string, bool) { return "", false },
	}
	run := func(args ...string) {
		t.Helper()
		if code := a.run(t.Context(), append(args, "--config", file)); code != 0 {
			t.Fatalf("%q ended with %d: %s", args, code, said.String())
		}
	}
	run("keys", "issue", "--source", "acme")
	rec, err := openRecord(t.Context(), filepath.Join(dir, "rollcall.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer rec.Close()
	scope := state.Scope{Tenant: "acme", Source: "acme"}
	for _, id := range []string{"open", "withdrawn"} {
		if err := rec.PutInvite(t.Context(), state.Invite{ID: id, Scope: scope, CreatedAt: time.Now(), ExpiresAt: time.Now().Add(time.Hour)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := rec.WithdrawInvite(t.Context(), "withdrawn"); err != nil {
		t.Fatal(err)
	}
	said.Reset()
	run("sources", "end", "acme", "--yes")
	if !strings.Contains(said.String(), "1 set-up link is withdrawn.") {
		t.Errorf("it says: %s", said.String())
	}
	links, err := rec.ListInvites(t.Context(), scope)
	for _, link := range links {
		if link.WithdrawnAt.IsZero() {
			t.Errorf("link %s holds still", link.ID)
		}
	}
	if err != nil || len(links) != 2 {
		t.Errorf("%d links, %v", len(links), err)
	}
}
