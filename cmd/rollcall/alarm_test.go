package main

import (
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/state"
	"rollcall/state/scim"
	"rollcall/state/sqlite"
)

// receiverOfAlarms keeps what it is told, unless it is out of order.
type receiverOfAlarms struct {
	mu     sync.Mutex
	broken bool
	told   []notice
	bodies string
}

func (r *receiverOfAlarms) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	body, _ := io.ReadAll(req.Body)
	var n notice
	if r.broken || req.Method != http.MethodPost || json.Unmarshal(body, &n) != nil {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	r.told, r.bodies = append(r.told, n), r.bodies+string(body)
}

// take returns what was told since the last time, in short.
func (r *receiverOfAlarms) take() (all []string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, n := range r.told {
		all = append(all, n.Source+" "+n.Event+" "+n.Phase)
	}
	r.told = nil
	return all
}

// TestAlarms tells of each condition once when it begins and once when it is over, over failures and restarts, and names nobody.
func TestAlarms(t *testing.T) {
	cfg, err := loadText(t, `sources:
  - {name: acme, tenant: acme, kind: entra, removal: {push_gate: hold}}
  - {name: globex, tenant: globex, kind: okta}
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
	for i := range cfg.Sources {
		if _, err := ensureSource(t.Context(), rec, &cfg.Sources[i]); err != nil {
			t.Fatal(err)
		}
	}
	acme := cfg.Sources[0].scope()
	write := func(m state.Mutation) {
		t.Helper()
		m.Scope, m.Kind, m.ID, m.Cause = acme, state.KindAccount, "a", state.Cause{Kind: state.CausePush, Actor: "k"}
		results, err := rec.Write(state.Urgent, []state.Mutation{m})
		if err != nil || results[0].Err != nil {
			t.Fatal(err, results)
		}
	}
	write(state.Mutation{Put: &state.Put{Resource: scim.ObjectOf(scim.Field{Name: "userName", Value: scim.StringValue("ada@acme.example")})}})

	receiver := &receiverOfAlarms{}
	server := httptest.NewServer(receiver)
	defer server.Close()
	g := &generation{cfg: cfg, alarmURL: server.URL + "/hook?key=secret", alarmClient: newAlarmClient(server.Client().Transport)}
	var text lockedBuffer
	start := func() *alarms {
		return newAlarms(rec, newMetrics("test"), slog.New(slog.NewTextHandler(&text, nil)), func() time.Time { return now })
	}
	a := start()
	check := func(when string, fails bool, want ...string) {
		t.Helper()
		if err := a.check(t.Context(), g); (err != nil) != fails {
			t.Errorf("%s: %v", when, err)
		} else if err != nil && strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: the error tells the URL: %v", when, err)
		}
		if diff := cmp.Diff(want, receiver.take()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", when, diff)
		}
	}
	check("nothing is the matter", false)

	write(state.Mutation{Life: &state.Life{Said: new(false), Stage: true}})
	check("a removal waits", false, "acme staged began")
	if strings.Contains(receiver.bodies, `"console"`) {
		t.Errorf("an address of a console that nobody can reach is told: %s", receiver.bodies)
	}
	cfg.ConsoleURL = "https://console.example.com"
	check("it still does", false)
	a = start()
	check("after a restart", false)
	receiver.broken = true
	write(state.Mutation{Life: &state.Life{InForce: new(false)}})
	check("the receiver is out of order", true)
	check("it still is", true)
	receiver.broken = false
	check("it takes what it missed", false, "acme staged ended")
	check("and nothing twice", false)

	key := state.Key{ID: "k", Scope: cfg.Sources[1].scope(), Hash: state.KeyHash{1}, ExpiresAt: now.Add(10 * 24 * time.Hour)}
	if err := rec.PutKey(t.Context(), key); err != nil {
		t.Fatal(err)
	}
	lease, err := rec.AcquireLease(t.Context(), acme, "test", time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if err := rec.HoldPlan(t.Context(), lease.Epoch, state.HeldPlan{ID: "plan-1", Scope: acme, Changes: 12, Removals: 12, Body: []byte("{}"), CreatedAt: now}); err != nil {
		t.Fatal(err)
	}
	if err := a.check(t.Context(), g); err != nil {
		t.Fatal(err)
	}
	receiver.mu.Lock()
	byEvent := map[string]notice{}
	for _, n := range receiver.told {
		byEvent[n.Event] = n
	}
	receiver.mu.Unlock()
	want := map[string]notice{
		"held": {ID: "acme/held/began/1772366400000", Event: "held", Phase: "began", Tenant: "acme", Source: "acme", Since: now, At: now, Count: 12,
			Text: "A plan awaits approval: 'rollcall plans show plan-1'.", Console: "https://console.example.com/sources/acme"},
		"key_expiring": {ID: "globex/key_expiring/began/1772366400000", Event: "key_expiring", Phase: "began", Tenant: "globex", Source: "globex", Since: now, At: now, Count: 10,
			Text: "The last key expires soon: 'rollcall keys issue --source globex'.", Console: "https://console.example.com/sources/globex"},
	}
	if diff := cmp.Diff(want, byEvent); diff != "" {
		t.Errorf("notices (-want +got):\n%s", diff)
	}
	receiver.take()

	receiver.broken = true
	if err := rec.DecidePlan(t.Context(), lease.Epoch, "plan-1", state.PlanDiscarded, "olga"); err != nil {
		t.Fatal(err)
	}
	check("what cannot be told waits", true)
	if err := rec.HoldPlan(t.Context(), lease.Epoch, state.HeldPlan{ID: "plan-2", Scope: acme, Body: []byte("{}"), CreatedAt: now}); err != nil {
		t.Fatal(err)
	}
	receiver.broken = false
	check("and is not told when it came back before", false)
	now = now.Add(11 * 24 * time.Hour)
	check("an expired key expires no more", false, "globex key_expiring ended")
	if strings.Contains(receiver.bodies, "ada") {
		t.Errorf("somebody is named:\n%s", receiver.bodies)
	}
}
