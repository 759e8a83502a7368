package plan_test

import (
	"fmt"
	"testing"

	"pgregory.net/rapid"

	"rollcall/state"
	"rollcall/sync/plan"
)

// planned makes a finished plan of so many changes of each action.
func planned(removals, creations, updates int) plan.Plan {
	p := plan.Plan{Format: plan.Format}
	add := func(n int, action plan.Action) {
		for i := range n {
			p.Add(plan.Change{Action: action, Person: fmt.Sprintf("%s-%d", action, i)})
		}
	}
	add(removals, plan.Deactivate)
	add(creations, plan.Create)
	add(updates, plan.Update)
	p.Finish()
	return p
}

func TestHold(t *testing.T) {
	rules := plan.Rules{GatePercent: 10, GateFloor: 5}
	tests := []struct {
		name                         string
		removals, creations, updates int
		rules                        *plan.Rules // nil: 10 %, at least 5
		in                           plan.Circumstances
		held                         map[plan.Action]plan.Hold // "" and absent: passes
	}{
		{name: "few of many", removals: 5, updates: 1, in: plan.Circumstances{Ledger: state.Ledger{Active: 20}}},
		{name: "ten percent", removals: 10, in: plan.Circumstances{Ledger: state.Ledger{Active: 100}}},
		{
			name: "more than ten percent", removals: 11, updates: 2, creations: 1, in: plan.Circumstances{Ledger: state.Ledger{Active: 100}},
			held: map[plan.Action]plan.Hold{plan.Deactivate: plan.HoldCount},
		},
		{
			name: "the floor is no excuse for more than half", removals: 4, in: plan.Circumstances{Ledger: state.Ledger{Active: 7}},
			held: map[plan.Action]plan.Hold{plan.Deactivate: plan.HoldHalf},
		},
		{name: "half is not more than half", removals: 4, in: plan.Circumstances{Ledger: state.Ledger{Active: 8}}},
		{
			name: "the last one", removals: 1, in: plan.Circumstances{Ledger: state.Ledger{Active: 1, Removed: 5}},
			held: map[plan.Action]plan.Hold{plan.Deactivate: plan.HoldLast},
		},
		{
			name: "a slow bleed", removals: 1, in: plan.Circumstances{Ledger: state.Ledger{Active: 90, Removed: 10}},
			held: map[plan.Action]plan.Hold{plan.Deactivate: plan.HoldDay},
		},
		{
			name: "no rules let nobody go", removals: 1, rules: &plan.Rules{}, in: plan.Circumstances{Ledger: state.Ledger{Active: 100}},
			held: map[plan.Action]plan.Hold{plan.Deactivate: plan.HoldCount},
		},
		{
			name: "observing by hand", removals: 1, creations: 1, updates: 1,
			in:   plan.Circumstances{Observe: "first pull", Ledger: state.Ledger{Active: 100}},
			held: map[plan.Action]plan.Hold{plan.Deactivate: plan.HoldObserve},
		},
		{
			name: "observing on schedule", removals: 1, creations: 1, updates: 1,
			in:   plan.Circumstances{Observe: "first pull", Scheduled: true, Ledger: state.Ledger{Active: 100}},
			held: map[plan.Action]plan.Hold{plan.Deactivate: plan.HoldObserve, plan.Create: plan.HoldObserve, plan.Update: plan.HoldObserve},
		},
		{
			name: "reporting", removals: 1, creations: 1, updates: 1, in: plan.Circumstances{ReportOnly: true, Ledger: state.Ledger{Active: 100}},
			held: map[plan.Action]plan.Hold{plan.Deactivate: plan.HoldPolicy, plan.Create: plan.HoldPolicy, plan.Update: plan.HoldPolicy},
		},
		{
			name: "strangers", creations: 1, updates: 1, in: plan.Circumstances{Strangers: true, Ledger: state.Ledger{Active: 100}},
			held: map[plan.Action]plan.Hold{plan.Create: plan.HoldStrangers, plan.Update: plan.HoldStrangers},
		},
		{
			name: "nobody known was seen", removals: 1, updates: 1, in: plan.Circumstances{Unproven: true, Ledger: state.Ledger{Active: 100}},
			held: map[plan.Action]plan.Hold{plan.Deactivate: plan.HoldUnproven},
		},
		{name: "creations up to half", creations: 100, in: plan.Circumstances{Scheduled: true, Ledger: state.Ledger{Total: 200}}},
		{
			name: "creations beyond", creations: 101, updates: 1, in: plan.Circumstances{Scheduled: true, Ledger: state.Ledger{Total: 200}},
			held: map[plan.Action]plan.Hold{plan.Create: plan.HoldCreations},
		},
		{name: "creations by hand", creations: 101, in: plan.Circumstances{Ledger: state.Ledger{Total: 200}}},
		{
			name: "too many accounts", creations: 2, rules: &plan.Rules{GatePercent: 10, GateFloor: 5, MaxAccounts: 201},
			in: plan.Circumstances{Ledger: state.Ledger{Total: 200}}, held: map[plan.Action]plan.Hold{plan.Create: plan.HoldLimit},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			p := planned(test.removals, test.creations, test.updates)
			r := rules
			if test.rules != nil {
				r = *test.rules
			}
			p.Hold(r, test.in)
			for _, c := range p.Changes {
				if want := test.held[c.Action]; c.HeldBecause != want || c.Held != (want != "") {
					t.Fatalf("%s is held because %q, want %q", c.Action, c.HeldBecause, want)
				}
			}
		})
	}
}

// TestHoldKeepsWhatIsHeldByItself: someone protected neither counts for the sums nor gets another reason.
func TestHoldKeepsWhatIsHeldByItself(t *testing.T) {
	p := planned(6, 0, 0)
	p.Changes[0].Held, p.Changes[0].HeldBecause = true, plan.HoldProtected
	p.Hold(plan.Rules{GatePercent: 10, GateFloor: 5}, plan.Circumstances{Ledger: state.Ledger{Active: 50}})
	if p.Counts.Held != 1 || p.Counts.Removals != 1 || p.Gate.Removals != 5 || p.Gate.Removing != "" {
		t.Errorf("held %d, of them removals %d, gate %+v", p.Counts.Held, p.Counts.Removals, p.Gate)
	}
	p = planned(7, 0, 0)
	p.Changes[0].Held, p.Changes[0].HeldBecause = true, plan.HoldProtected
	p.Hold(plan.Rules{GatePercent: 10, GateFloor: 5}, plan.Circumstances{Ledger: state.Ledger{Active: 50}})
	if p.Counts.Held != 7 || p.Changes[0].HeldBecause != plan.HoldProtected || p.Changes[1].HeldBecause != plan.HoldCount {
		t.Errorf("held %d: %s, %s", p.Counts.Held, p.Changes[0].HeldBecause, p.Changes[1].HeldBecause)
	}
}

// TestPresumedRemovalsCount: they are held by themselves and make the others wait with them.
func TestPresumedRemovalsCount(t *testing.T) {
	for _, test := range []struct {
		presumed, held int
		removing       plan.Hold
	}{{presumed: 5, held: 5}, {presumed: 3, held: 6, removing: plan.HoldCount}} {
		p := planned(test.held, 0, 0)
		for i := range test.presumed {
			p.Changes[i].Held, p.Changes[i].HeldBecause = true, plan.HoldPresumed
		}
		p.Hold(plan.Rules{GatePercent: 10, GateFloor: 5}, plan.Circumstances{Ledger: state.Ledger{Active: 50}})
		if p.Counts.Held != test.held || p.Gate.Removals != test.held || p.Gate.Removing != test.removing {
			t.Errorf("%d presumed: held %d, gate %+v", test.presumed, p.Counts.Held, p.Gate)
		}
	}
}

// TestGateIsNeverExceeded: whatever the numbers, the removals that pass stay within every limit, and pass or wait together.
func TestGateIsNeverExceeded(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		rules := plan.Rules{GatePercent: rapid.IntRange(0, 100).Draw(t, "percent"), GateFloor: rapid.IntRange(0, 20).Draw(t, "floor")}
		ledger := state.Ledger{Active: rapid.IntRange(0, 300).Draw(t, "active"), Removed: rapid.IntRange(0, 60).Draw(t, "removed")}
		ledger.Total = ledger.Active + ledger.Removed
		removals := rapid.IntRange(0, ledger.Active).Draw(t, "removals")
		p := planned(removals, rapid.IntRange(0, 5).Draw(t, "creations"), 1)
		p.Hold(rules, plan.Circumstances{Scheduled: rapid.Bool().Draw(t, "scheduled"), Ledger: ledger})
		passing := p.Counts.Actions[plan.Deactivate] - p.Counts.Removals
		if passing != 0 && passing != removals {
			t.Fatalf("%d of %d removals pass: they must pass or wait together", passing, removals)
		}
		if passing == 0 {
			return
		}
		before := ledger.Active + ledger.Removed
		gone := passing + ledger.Removed
		if limit := max(rules.GateFloor, before*rules.GatePercent/100); gone > limit {
			t.Fatalf("%d of %d gone, the limit is %d", gone, before, limit)
		}
		if 2*gone > before || passing == ledger.Active {
			t.Fatalf("%d of %d gone", gone, before)
		}
	})
}

// TestNewcomersGiveNobodyUp: who came within the day, by a push say, does not make room for the removal of others.
func TestNewcomersGiveNobodyUp(t *testing.T) {
	rules := plan.Rules{GatePercent: 10, GateFloor: 5}
	for _, test := range []struct {
		name     string
		removals int
		ledger   state.Ledger
		want     plan.Hold
	}{
		{"within the limit of before", 5, state.Ledger{Active: 440, Before: 40}, ""},
		{"within the limit of now", 6, state.Ledger{Active: 440, Before: 40}, plan.HoldCount},
		{"more than half of before", 2, state.Ledger{Active: 403, Before: 3}, plan.HoldHalf},
		{"approved removals make no room either", 6, state.Ledger{Active: 40, Before: 100}, plan.HoldCount},
		{"nobody was there before", 10, state.Ledger{Active: 100}, ""},
	} {
		p := planned(test.removals, 0, 0)
		p.Hold(rules, plan.Circumstances{Ledger: test.ledger})
		if p.Gate.Removing != test.want {
			t.Errorf("%s: %+v, want %q", test.name, p.Gate, test.want)
		}
	}
}

// TestShrunk: what is usual is the median of enough pulls, and a small company may lose as many as the gate's floor.
func TestShrunk(t *testing.T) {
	for _, test := range []struct {
		earlier       []int
		people, floor int
		usual         int
		shrunk        bool
	}{
		{nil, 0, 5, 0, false},
		{[]int{100, 100}, 0, 5, 0, false},
		{[]int{100, 100, 100}, 80, 5, 100, false},
		{[]int{100, 100, 100}, 79, 5, 100, true},
		{[]int{100, 3, 100, 100, 4}, 90, 5, 100, false}, // a lie or two change nothing
		{[]int{3, 100, 3, 100, 3}, 3, 5, 3, false},
		{[]int{9, 9, 9}, 4, 5, 9, false},
		{[]int{9, 9, 9}, 3, 5, 9, true},
		{[]int{9, 9, 9}, 7, 0, 9, true},
		{[]int{9, 9, 9}, 8, 0, 9, false},
		{[]int{10, 20, 30}, 40, 0, 20, false},
	} {
		usual := plan.Usual(test.earlier)
		if shrunk := plan.Shrunk(plan.Rules{GateFloor: test.floor}, test.people, usual); usual != test.usual || shrunk != test.shrunk {
			t.Errorf("%v, then %d: usual are %d, shrunk %t; want %d, %t", test.earlier, test.people, usual, shrunk, test.usual, test.shrunk)
		}
	}
	p := planned(2, 1, 1)
	p.Hold(plan.Rules{GatePercent: 10, GateFloor: 5}, plan.Circumstances{Shrunk: true, Ledger: state.Ledger{Active: 100, Total: 100}})
	for _, c := range p.Changes {
		if want := map[bool]plan.Hold{true: plan.HoldShrunk}[c.Removal()]; c.HeldBecause != want {
			t.Errorf("%s is held because %q, want %q", c.Action, c.HeldBecause, want)
		}
	}
}
