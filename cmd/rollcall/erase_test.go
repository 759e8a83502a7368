package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"rollcall/state"
	"rollcall/state/scim"
	"rollcall/state/sqlite"
)

// typing types a word, after something has happened.
type typing struct {
	meanwhile func()
	word      io.Reader
}

func (r *typing) Read(p []byte) (int, error) {
	if r.meanwhile != nil {
		r.meanwhile()
		r.meanwhile = nil
	}
	return r.word.Read(p)
}

// TestEraseOfWhoComesBack: whom a push brings back, while an operator types the word that erases them, is not erased.
func TestEraseOfWhoComesBack(t *testing.T) {
	dir := t.TempDir()
	file, db := filepath.Join(dir, "rollcall.yaml"), filepath.Join(dir, "rollcall.db")
	if err := os.WriteFile(file, fmt.Appendf(nil, "state: %s\nsources: [{name: acme, tenant: acme, kind: entra}]\n", db), 0o600); err != nil {
		t.Fatal(err)
	}
	rec, err := sqlite.Open(t.Context(), db, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer rec.Close()
	scope := state.Scope{Tenant: "acme", Source: "acme"}
	if _, err := rec.EnsureSource(t.Context(), scope, "entra"); err != nil {
		t.Fatal(err)
	}
	push := func(m state.Mutation) {
		t.Helper()
		m.Scope, m.Kind, m.ID, m.Cause = scope, state.KindAccount, "account-1", state.Cause{Kind: state.CausePush, Actor: "k"}
		if results, err := rec.Write(state.Urgent, []state.Mutation{m}); err != nil || results[0].Err != nil {
			t.Fatal(err, results)
		}
	}
	push(state.Mutation{Put: &state.Put{Resource: scim.ObjectOf(scim.Field{Name: "userName", Value: scim.StringValue("ada@acme.example")})}})
	push(state.Mutation{Life: &state.Life{Said: new(false)}})
	erase := func(meanwhile func()) (code int, told string) {
		var out bytes.Buffer
		in := &typing{meanwhile, strings.NewReader("account-1\n")}
		code = run(t.Context(), []string{"--config", file, "erase", "ada@acme.example", "--reason", "request 7"}, in, &out, &out, func(string) (string, bool) { return "", false })
		return code, out.String()
	}

	code, told := erase(func() { push(state.Mutation{Life: &state.Life{Said: new(true)}}) })
	if code != exitFailed || !strings.Contains(told, "nothing was erased: account account-1 has become active since") {
		t.Errorf("exit code %d:\n%s", code, told)
	}
	now, err := rec.Record(t.Context(), scope, state.KindAccount, "account-1")
	if err != nil || !now.InForce || now.Name != "ada@acme.example" {
		t.Errorf("the account is %+v, %v", now, err)
	}
	push(state.Mutation{Life: &state.Life{Said: new(false)}})
	if code, told := erase(nil); code != exitDone {
		t.Errorf("exit code %d:\n%s", code, told)
	}
}
