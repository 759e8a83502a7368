package main

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"rollcall/scimapi"
	"rollcall/state"
	"rollcall/state/sqlite"
	dirsync "rollcall/sync"
)

// emptying is a receiver with a group of people, and the alarms that watch it.
type emptying struct {
	t      *testing.T
	cfg    *config
	src    *sourceConfig
	now    time.Time
	rec    *sqlite.Store
	url    string
	key    string
	people []string
	text   lockedBuffer
	m      *metrics
	a      *alarms
	told   *receiverOfAlarms
	g      *generation
}

func newEmptying(t *testing.T, removal string) *emptying {
	t.Helper()
	e := &emptying{t: t, now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), m: newMetrics("test"), told: &receiverOfAlarms{}}
	var err error
	if e.cfg, err = loadText(t, "sources:\n  - {name: acme, tenant: acme, kind: entra, removal: {"+removal+"}}\n"); err != nil {
		t.Fatal(err)
	}
	e.src = &e.cfg.Sources[0]
	clock := func() time.Time { return e.now }
	if e.rec, err = sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "rollcall.db"), sqlite.Options{Now: clock}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.rec.Close() })
	if _, err := ensureSource(t.Context(), e.rec, e.src); err != nil {
		t.Fatal(err)
	}
	text, key := state.NewKey(e.src.scope())
	key.CreatedAt = e.now
	if err := e.rec.PutKey(t.Context(), key); err != nil {
		t.Fatal(err)
	}
	handler, err := scimapi.New(scimapi.Config{Store: e.rec, Now: clock, Sources: func(string) (scimapi.Source, bool) {
		return scimapi.Source{Tenant: "acme"}, true
	}})
	if err != nil {
		t.Fatal(err)
	}
	receiver, alarmed := httptest.NewServer(handler), httptest.NewServer(e.told)
	t.Cleanup(receiver.Close)
	t.Cleanup(alarmed.Close)
	e.url, e.key = receiver.URL+"/auth/scim", text
	e.g = &generation{cfg: e.cfg, alarmURL: alarmed.URL, alarmClient: newAlarmClient(alarmed.Client().Transport)}
	e.restart()
	for i := range 12 {
		e.people = append(e.people, e.push("POST", "/Users", fmt.Sprintf(`{"userName":"ada.%d@acme.example"}`, i)))
	}
	return e
}

func (e *emptying) restart() {
	e.a = newAlarms(e.rec, e.m, slog.New(slog.NewTextHandler(&e.text, nil)), func() time.Time { return e.now })
}

// push sends a request and returns the id in its answer.
func (e *emptying) push(method, path, body string) string {
	e.t.Helper()
	req, err := http.NewRequestWithContext(e.t.Context(), method, e.url+path, strings.NewReader(body))
	if err != nil {
		e.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+e.key)
	req.Header.Set("Content-Type", "application/scim+json")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		e.t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode/100 != 2 {
		e.t.Fatalf("%s %s: %s", method, path, resp.Status)
	}
	var answer struct{ ID string }
	_ = json.NewDecoder(resp.Body).Decode(&answer)
	return answer.ID
}

// group makes one of the first people.
func (e *emptying) group(name string, size int) string {
	e.t.Helper()
	return e.push("POST", "/Groups", `{"displayName":"`+name+`","members":[`+e.members(0, size)+`]}`)
}

func (e *emptying) members(from, to int) string {
	var list []string
	for _, id := range e.people[from:to] {
		list = append(list, `{"value":"`+id+`"}`)
	}
	return strings.Join(list, ",")
}

func (e *emptying) remove(group string, from, to int) {
	e.t.Helper()
	e.push("PATCH", "/Groups/"+group, `{"Operations":[{"op":"remove","path":"members","value":[`+e.members(from, to)+`]}]}`)
}

// check looks, a second later, and compares what is told.
func (e *emptying) check(when string, up float64, want ...string) {
	e.t.Helper()
	e.now = e.now.Add(time.Second)
	if err := e.a.check(e.t.Context(), e.g); err != nil {
		e.t.Fatal(err)
	}
	if diff := cmp.Diff(want, e.told.take()); diff != "" {
		e.t.Errorf("%s (-want +got):\n%s", when, diff)
	}
	if got := testutil.ToFloat64(e.m.groupAlarm.WithLabelValues("acme")); got != up {
		e.t.Errorf("%s: the gauge is %v, want %v", when, got, up)
	}
}

// size counts who is in a group.
func (e *emptying) size(group string) (n int) {
	e.t.Helper()
	if err := e.rec.Members(e.t.Context(), e.src.scope(), state.ID(group), func(state.Ref) bool { n++; return true }); err != nil {
		e.t.Fatal(err)
	}
	return n
}

// TestDisasterPatchEmptiesAGroup: a PATCH that emptied a group, as a PUT or a DELETE may, went through in silence. Here it is told, by
// both push gates that tell, until the members are back; and an undo brings them back.
func TestDisasterPatchEmptiesAGroup(t *testing.T) {
	const began, ended = "acme groups_emptied began", "acme groups_emptied ended"
	for _, gate := range []string{"push_gate: alarm", "push_gate: hold"} {
		for how, empty := range map[string]func(*emptying, string){
			"PATCH without a value": func(e *emptying, group string) {
				e.push("PATCH", "/Groups/"+group, `{"Operations":[{"op":"remove","path":"members"}]}`)
			},
			"PATCH of some": func(e *emptying, group string) { e.remove(group, 0, 8) },
			"PUT": func(e *emptying, group string) {
				e.push("PUT", "/Groups/"+group, `{"displayName":"Team","members":[]}`)
			},
		} {
			t.Run(gate+", "+how, func(t *testing.T) {
				e := newEmptying(t, gate)
				group := e.group("Team", 8)
				e.check("nothing is the matter", 0)
				e.now = e.now.Add(time.Hour)
				empty(e, group)
				before := e.now
				e.check("it is empty", 1, began)
				e.check("it still is", 1)
				e.restart()
				e.check("after a restart", 1)
				if diff := cmp.Diff(2, strings.Count(e.text.String(), "level=WARN")); diff != "" { // one of each process
					t.Errorf("warnings (-want +got):\n%s\n%s", diff, &e.text)
				}
				if told := e.text.String() + e.told.bodies; !strings.Contains(told, "source=acme group="+group+" members=8 left=0") ||
					!strings.Contains(told, `"count":8`) || strings.Contains(told, "ada.") || strings.Contains(told, "Team") {
					t.Errorf("it says\n%s", told)
				}
				if want := "'rollcall undo --since " + before.Format(time.RFC3339) + " --source acme --pushes --dry-run'"; !strings.Contains(e.told.bodies, want) {
					t.Errorf("it does not say %s:\n%s", want, e.told.bodies)
				}

				engine := &dirsync.Engine{Store: e.rec, Now: func() time.Time { return e.now }, Holder: "test"}
				report, err := engine.Undo(t.Context(), e.src.ruled(), dirsync.Undo{Since: before, Pushes: true}, dirsync.Order{Actor: "olga"})
				if err != nil || report.Run.Outcome != dirsync.OutcomeApplied || e.size(group) != 8 {
					t.Errorf("undone: %s %s, %d members, %v", report.Run.Outcome, report.Run.Reason, e.size(group), err)
				}
				e.check("they are back", 0, ended)
			})
		}
	}
}

// TestGroupAlarmMeasure: few may leave, and who leaves a large group one by one; a group that is taken away counts as empty, the day's
// pushes to one group together, and a day later nothing of it.
func TestGroupAlarmMeasure(t *testing.T) {
	e := newEmptying(t, "gate_floor: 5, gate_percent: 60")
	few, large, gone := e.group("Few", 5), e.group("Large", 12), e.group("Gone", 6)
	e.remove(few, 0, 5)
	for i := range 4 {
		e.remove(large, i, i+1)
	}
	e.check("a group of five, and one by one", 0)
	e.push("PUT", "/Groups/"+large, `{"displayName":"Large","members":[`+e.members(0, 12)+`]}`)
	e.remove(large, 0, 6)
	e.check("half of a large one", 0)
	e.remove(large, 6, 12)
	e.check("the other half", 1, "acme groups_emptied began")
	e.push("PATCH", "/Groups/"+large, `{"Operations":[{"op":"add","path":"members","value":[`+e.members(0, 6)+`]}]}`)
	e.check("half of them are back", 0, "acme groups_emptied ended")
	e.push("DELETE", "/Groups/"+gone, "")
	e.check("a group of six is taken away", 1, "acme groups_emptied began")
	e.now = e.now.Add(state.GateWindow)
	e.check("a day later", 0, "acme groups_emptied ended")
	e.restart()
	e.check("after a restart", 0)

	e = newEmptying(t, `push_gate: "off"`)
	e.push("PUT", "/Groups/"+e.group("Team", 8), `{"displayName":"Team"}`)
	e.check("with the gate off", 0)
}
