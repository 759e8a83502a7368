package main

import (
	"errors"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"rollcall/cmd/internal/console"
	"rollcall/state"
	"rollcall/state/scim"
	"rollcall/state/sqlite"
)

// TestOnlyWhatWasSeenIsDecidedOn: a removal that was pushed after the page was shown is neither approved nor discarded with those on it.
func TestOnlyWhatWasSeenIsDecidedOn(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	rec, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "rollcall.db"), sqlite.Options{Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	defer rec.Close()
	scope := state.Scope{Tenant: "acme", Source: "acme-entra"}
	if _, err := rec.EnsureSource(t.Context(), scope, "entra"); err != nil {
		t.Fatal(err)
	}
	stage := func(id state.ID) {
		t.Helper()
		resource := scim.ObjectOf(scim.Field{Name: "userName", Value: scim.StringValue(string(id))})
		for _, m := range []state.Mutation{{Put: &state.Put{Resource: resource}}, {Life: &state.Life{Said: new(false), Stage: true}}} {
			m.Scope, m.Kind, m.ID, m.Cause = scope, state.KindAccount, id, state.Cause{Kind: state.CausePush, Actor: "key-1"}
			if results, err := rec.Write(state.Urgent, []state.Mutation{m}); err != nil || results[0].Err != nil {
				t.Fatal(id, err, results)
			}
		}
	}
	seen := func() string {
		t.Helper()
		var records []state.Record
		if err := rec.Staged(t.Context(), scope, func(r state.Record) bool { records = append(records, r); return true }); err != nil {
			t.Fatal(err)
		}
		return console.StagedDigest(records)
	}
	waits := func(id state.ID) bool {
		t.Helper()
		r, err := rec.Record(t.Context(), scope, state.KindAccount, id)
		if err != nil {
			t.Fatal(err)
		}
		return r.Staged && r.InForce
	}

	w := consoleWork{service: &service{rec: rec, alarms: newAlarms(rec, newMetrics("test"), nil, func() time.Time { return now })}}
	stage("ada")
	before := seen()
	stage("bob")
	for _, digest := range []string{before, "", "made up"} {
		for what, decide := range map[string]func() error{
			"approve": func() error { _, err := w.Approve(t.Context(), stagedPlan+scope.Source, digest, "ann"); return err },
			"discard": func() error { _, err := w.Discard(t.Context(), stagedPlan+scope.Source, digest, "ann"); return err },
		} {
			var refusal console.Refusal
			if err := decide(); !errors.As(err, &refusal) || !waits("ada") || !waits("bob") {
				t.Errorf("%s of %q: %v; ada waits: %v, bob waits: %v", what, digest, err, waits("ada"), waits("bob"))
			}
		}
	}
	done, err := w.Approve(t.Context(), stagedPlan+scope.Source, seen(), "ann")
	if err != nil || done.Applied != 2 || waits("ada") || waits("bob") {
		t.Errorf("approve of what was seen: %+v, %v", done, err)
	}
}

// TestConsoleNamesCommands holds the commands that the console's pages tell people to give to what there is, flags included.
func TestConsoleNamesCommands(t *testing.T) {
	root := newRoot(&app{env: noEnv})
	named := 0
	for _, pattern := range []string{"../internal/console/templates/*.html", "../internal/console/guides/*.tmpl"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %d files, %v", pattern, len(files), err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, line := range regexp.MustCompile("(?m)(?:<code>|^|[\"`])rollcall ([a-z][^<\"`\n]*)").FindAllStringSubmatch(string(text), -1) {
				named++
				words := strings.Fields(line[1])
				command, _, err := root.Find(words)
				if err != nil || command == root || command.HasSubCommands() {
					t.Errorf("%s: there is no command “rollcall %s”", filepath.Base(file), line[1])
					continue
				}
				for _, word := range words {
					if flag, is := strings.CutPrefix(word, "--"); is && command.Flags().Lookup(flag) == nil && command.InheritedFlags().Lookup(flag) == nil {
						t.Errorf("%s: rollcall %s has no flag %s", filepath.Base(file), command.Name(), word)
					}
				}
			}
		}
	}
	if named < 10 {
		t.Errorf("only %d commands were found", named)
	}
}
