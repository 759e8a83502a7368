package main

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/state"
	"rollcall/sync/plan"
)

// heldFor makes a held plan that deactivates some people and makes an account for one.
func heldFor(t *testing.T, source string, removals int) state.HeldPlan {
	t.Helper()
	p := plan.Plan{Format: plan.Format, Tenant: "acme", Source: source}
	for i := range removals {
		p.Add(plan.Change{
			Action: plan.Deactivate, Account: state.ID(fmt.Sprint(i)), Version: 1, Person: fmt.Sprint(i), Name: fmt.Sprintf("p%02d\x1b@acme.example", i),
			Reason: plan.ReasonDisabled, Held: true, HeldBecause: plan.HoldCount,
		})
	}
	p.Add(plan.Change{Action: plan.Create, Person: "new", Name: "new@acme.example", Reason: plan.ReasonMissing, Held: true, HeldBecause: plan.HoldObserve})
	p.Finish()
	body, err := p.Encode()
	if err != nil {
		t.Fatal(err)
	}
	return state.HeldPlan{
		ID: "0198c1d2-0000-7000-8000-000000000000", Scope: state.Scope{Tenant: "acme", Source: source}, Status: state.PlanHeld,
		CreatedAt: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), Reason: "12 held: more removals than one run may carry out",
		Changes: removals + 1, Removals: removals, Body: body,
	}
}

// TestWordForAll: only the word itself counts, and whoever gives it has seen what it is for.
func TestWordForAll(t *testing.T) {
	want := `acme-entra: 8 changes, made 2026-03-01 12:00:00Z (0198c1d2-0000-7000-8000-000000000000)
  7 to deactivate: p00�@acme.example, p01�@acme.example, p02�@acme.example, p03�@acme.example, p04�@acme.example and 2 more
  1 to create: new@acme.example
globex-okta: 1 change, made 2026-03-01 12:00:00Z (0198c1d2-0000-7000-8000-000000000000)
  1 to create: new@acme.example
Type approve to approve 2 plans: `
	for typed, ok := range map[string]bool{"approve\n": true, " approve \r\n": true, "approve": true, "\n": false, "": false, "yes\n": false, "discard\n": false, "no\napprove\n": false} {
		a, _, problems := testApp(80)
		a.stdin, a.asks = strings.NewReader(typed), true
		s := &session{app: a}
		var waiting []pending
		for _, p := range []state.HeldPlan{heldFor(t, "acme-entra", 7), heldFor(t, "globex-okta", 0)} {
			lines, err := summaryOf(p)
			if err != nil {
				t.Fatal(err)
			}
			waiting = append(waiting, pending{view: newPlanView(p), summary: lines})
		}
		err := s.wordFor("approve", waiting)
		if (err == nil) != ok {
			t.Errorf("%q: %v", typed, err)
		}
		if diff := cmp.Diff(want, problems.String()); diff != "" {
			t.Errorf("%q is asked for with (-want +got):\n%s", typed, diff)
		}
	}
	a, _, _ := testApp(0)
	a.stdin = bytes.NewReader([]byte("approve\n"))
	var exit *exitError
	if err := (&session{app: a}).wordFor("approve", nil); !errors.As(err, &exit) || exit.code != exitUsage {
		t.Errorf("where nobody is: %v", err)
	}
}

// TestPlanListsFitTheTerminal: on eighty columns the plan's id, by which everything else is called, is whole, and no line is longer.
func TestPlanListsFitTheTerminal(t *testing.T) {
	a, out, _ := testApp(80)
	list := a.newPlanList()
	for _, p := range []state.HeldPlan{heldFor(t, "a-source-with-quite-a-long-name", 48_000), heldFor(t, "b", 0)} {
		addPlan(list, newPlanView(p))
	}
	if err := list.end(""); err != nil {
		t.Fatal(err)
	}
	for _, line := range strings.Split(strings.TrimSpace(out.String()), "\n") {
		if n := displayWidth(line); n > 80 {
			t.Errorf("%d columns: %s", n, line)
		}
	}
	if strings.Count(out.String(), "0198c1d2-0000-7000-8000-000000000000") != 2 || !strings.Contains(out.String(), "48001 (48000 out)") {
		t.Errorf("cut short:\n%s", out)
	}
}
