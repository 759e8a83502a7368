package main

import (
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"rollcall/scimapi"
	"rollcall/state"
	"rollcall/state/scim"
)

// TestPushAlarm: a mass of pushed deactivations is told once each time it comes above what the gate lets a pull do.
func TestPushAlarm(t *testing.T) {
	cfg, err := loadText(t, `sources:
  - {name: acme, tenant: acme, kind: entra, removal: {gate_floor: 2, gate_percent: 50}}
  - {name: quiet, tenant: acme, kind: entra, removal: {gate_floor: 2, push_gate: "off"}}
`)
	if err != nil {
		t.Fatal(err)
	}
	rec, err := openRecord(t.Context(), filepath.Join(t.TempDir(), "rollcall.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer rec.Close()
	for i := range cfg.Sources {
		if _, err := ensureSource(t.Context(), rec, &cfg.Sources[i]); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"ada@acme.example", "bob@acme.example", "eve@acme.example"} {
		results, err := rec.Write(state.Urgent, []state.Mutation{{
			Scope: cfg.Sources[0].scope(), Kind: state.KindAccount, ID: state.NewID(), Cause: state.Cause{Kind: state.CausePush, Actor: "k"},
			Put: &state.Put{Resource: scim.ObjectOf(scim.Field{Name: "userName", Value: scim.StringValue(name)})},
		}})
		if err != nil || results[0].Err != nil {
			t.Fatal(err, results)
		}
	}

	var text lockedBuffer
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	m := newMetrics("test")
	a := newPushAlarm(rec, m, slog.New(slog.NewTextHandler(&text, nil)), func() time.Time { return now })
	hold := func(when string, deactivated, warnings int, up float64) {
		t.Helper()
		a.Noticed("acme", scimapi.Deactivated, deactivated)
		a.Noticed("quiet", scimapi.Deactivated, deactivated)
		a.Noticed("acme", scimapi.UnknownID, 100)
		if err := a.check(t.Context(), cfg); err != nil {
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
	hold("within the floor", 2, 0, 0)
	hold("half of six, with three active still", 1, 0, 0)
	hold("above half", 1, 1, 1)
	hold("the same crossing", 7, 1, 1)
	now = now.Add(23 * time.Hour)
	hold("still within a day", 0, 1, 1)
	now = now.Add(time.Hour)
	hold("a day later", 0, 1, 0)
	hold("again", 9, 2, 1)
	now = now.Add(90 * 24 * time.Hour)
	hold("much later", 0, 2, 0)
	if !strings.Contains(text.String(), "source=acme deactivated=4 limit=3 within=24h0m0s") {
		t.Errorf("the warning lacks its figures:\n%s", &text)
	}
	if got := testutil.ToFloat64(m.events.WithLabelValues("acme", string(scimapi.Deactivated))); got != 20 {
		t.Errorf("%v deactivations are counted", got)
	}
}
