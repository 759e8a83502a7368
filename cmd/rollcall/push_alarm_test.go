package main

import (
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"rollcall/state"
	"rollcall/state/scim"
	"rollcall/state/sqlite"
)

// TestPushAlarm: a mass of pushed deactivations is told once each time it comes above what the gate lets a pull do, and a restart forgets
// nothing of the last day.
func TestPushAlarm(t *testing.T) {
	cfg, err := loadText(t, `sources:
  - {name: acme, tenant: acme, kind: entra, removal: {gate_floor: 2, gate_percent: 50}}
  - {name: quiet, tenant: acme, kind: entra, removal: {gate_floor: 2, push_gate: "off"}}
`)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	rec, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "rollcall.db"), sqlite.Options{Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	defer rec.Close()
	write := func(m state.Mutation) {
		t.Helper()
		m.Kind, m.Cause = state.KindAccount, state.Cause{Kind: state.CausePush, Actor: "k"}
		results, err := rec.Write(state.Urgent, []state.Mutation{m})
		if err != nil || results[0].Err != nil {
			t.Fatal(err, results)
		}
	}
	for i := range cfg.Sources {
		src := &cfg.Sources[i]
		if _, err := ensureSource(t.Context(), rec, src); err != nil {
			t.Fatal(err)
		}
		for n := range 10 {
			name := fmt.Sprintf("%s-%d", src.Name, n)
			write(state.Mutation{Scope: src.scope(), ID: state.ID(name), Put: &state.Put{Resource: scim.ObjectOf(scim.Field{Name: "userName", Value: scim.StringValue(name)})}})
		}
	}

	var text lockedBuffer
	m := newMetrics("test")
	start := func() *alarms {
		return newAlarms(rec, m, slog.New(slog.NewTextHandler(&text, nil)), func() time.Time { return now })
	}
	a := start()
	next := 0
	check := func(when string, deactivated, warnings int, up float64) {
		t.Helper()
		for range deactivated {
			for i := range cfg.Sources {
				src := &cfg.Sources[i]
				write(state.Mutation{Scope: src.scope(), ID: state.ID(fmt.Sprintf("%s-%d", src.Name, next)), Life: &state.Life{Said: new(false)}})
			}
			next++
		}
		if err := a.check(t.Context(), &generation{cfg: cfg}); err != nil {
			t.Fatal(err)
		}
		if got := strings.Count(text.String(), "level=WARN"); got != warnings {
			t.Errorf("%s: %d warnings, want %d\n%s", when, got, warnings, &text)
		}
		if got := testutil.ToFloat64(m.pushAlarm.WithLabelValues("acme")); got != up {
			t.Errorf("%s: the gauge is %v", when, got)
		}
		if got := testutil.ToFloat64(m.pushAlarm.WithLabelValues("quiet")); got != 0 {
			t.Errorf("%s: the gauge of a source whose alarm is off is %v", when, got)
		}
	}
	check("within the floor", 2, 0, 0)
	check("half of ten", 3, 0, 0)
	check("above half", 1, 1, 1)
	check("the same crossing", 1, 1, 1)
	a = start()
	check("after a restart", 0, 2, 1)
	now = now.Add(24*time.Hour + time.Millisecond)
	check("a day later", 0, 2, 0)
	check("again, above the floor of the three who were left", 3, 3, 1)
	if !strings.Contains(text.String(), "source=acme deactivated=6 limit=5 within=24h0m0s") {
		t.Errorf("the warning lacks its figures:\n%s", &text)
	}
}
