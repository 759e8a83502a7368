package plan_test

import (
	"testing"
	"time"

	"rollcall/state"
	"rollcall/sync/plan"
)

// TestPushGate holds pushes to the same sums as a pull.
func TestPushGate(t *testing.T) {
	rules := plan.Rules{GatePercent: 10, GateFloor: 5, Protect: []string{"owner@acme.example"}}
	plain := state.Record{Resource: []byte(`{"userName":"ada@acme.example"}`)}
	for _, c := range []struct {
		name    string
		sums    state.Ledger
		account state.Record
		rules   plan.Rules
		limit   int
		held    bool
	}{
		{"the first of many", state.Ledger{Active: 200, Before: 200}, plain, rules, 20, false},
		{"the last within the percentage", state.Ledger{Active: 181, Before: 200, Pushed: 19}, plain, rules, 20, false},
		{"the first above it", state.Ledger{Active: 180, Before: 200, Pushed: 20}, plain, rules, 20, true},
		{"what pulls removed is not the pushes'", state.Ledger{Active: 160, Before: 200, Pushed: 19, Removed: 21}, plain, rules, 17, true},
		{"within the floor", state.Ledger{Active: 16, Before: 20, Pushed: 4}, plain, rules, 5, false},
		{"above the floor", state.Ledger{Active: 15, Before: 20, Pushed: 5}, plain, rules, 5, true},
		{"more than half", state.Ledger{Active: 4, Before: 8, Pushed: 4}, plain, rules, 5, true},
		{"just half", state.Ledger{Active: 5, Before: 8, Pushed: 3}, plain, rules, 5, false},
		{"the last one active", state.Ledger{Active: 1, Before: 20, Pushed: 0}, plain, rules, 5, true},
		{"those who came since give nobody up", state.Ledger{Active: 1000, Before: 20, Pushed: 5}, plain, rules, 5, true},
		{"a new source", state.Ledger{Active: 100, Pushed: 9}, plain, rules, 10, false},
		{"a protected account", state.Ledger{Active: 200, Before: 200}, state.Record{Protected: true, Resource: plain.Resource}, rules, 20, true},
		{"a protected name", state.Ledger{Active: 200, Before: 200}, state.Record{Resource: []byte(`{"userName":"Owner@acme.example"}`)}, rules, 20, true},
		{"nothing may go", state.Ledger{Active: 200, Before: 200}, plain, plan.Rules{}, 0, true},
	} {
		g := plan.PushGate{Rules: c.rules}
		if held, limit := g.Holds(&c.account, c.sums), g.Limit(c.sums); held != c.held || limit != c.limit {
			t.Errorf("%s: held %v, limit %d; want %v, %d", c.name, held, limit, c.held, c.limit)
		}
	}
	var _ state.Gate = plan.PushGate{}
}

// TestStagedPushIsNoContradiction: a push that said inactive, and waits, is what a reading of the same confirms; one that came before it
// does not matter any more, and one that said active after all does.
func TestStagedPushIsNoContradiction(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	push := func(number int64, before, after string) state.Entry {
		return state.Entry{Number: number, At: now.Add(-time.Minute), Cause: state.Cause{Kind: state.CausePush}, Before: []byte(before), After: []byte(after)}
	}
	said := push(1, `{"said":false}`, `{"said":true}`)
	staged := push(2, `{"said":true,"staged":false}`, `{"said":false,"staged":true}`)
	back := push(3, `{"said":false,"staged":true}`, `{"said":true,"staged":false}`)
	gone := &plan.Change{Action: plan.Deactivate, Fields: []plan.Field{{Path: "active", Before: []byte("true"), After: []byte("false")}}}
	in := &plan.Change{Action: plan.Reactivate, Fields: []plan.Field{{Path: "active", Before: []byte("false"), After: []byte("true")}}}
	for _, c := range []struct {
		name    string
		change  *plan.Change
		entries []state.Entry
		want    int64
	}{
		{"said active", gone, []state.Entry{said}, 1},
		{"staged", gone, []state.Entry{said, staged}, 0},
		{"taken back", gone, []state.Entry{said, staged, back}, 3},
		{"the other way round", in, []state.Entry{said, staged}, 2},
	} {
		if e, found := plan.Contradicts(c.change, c.entries, now, 15*time.Minute); found != (c.want > 0) || e.Number != c.want {
			t.Errorf("%s: entry %d, %v; want %d", c.name, e.Number, found, c.want)
		}
	}
}
