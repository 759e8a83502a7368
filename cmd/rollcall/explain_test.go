package main

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/connectors"
	"rollcall/state"
	dirsync "rollcall/sync"
	"rollcall/sync/explain"
	"rollcall/sync/mapping"
	"rollcall/sync/plan"
)

// aLife is the life of somebody with a bit of everything, a hostile name among it.
func aLife() *explain.Life {
	at := func(minute int) time.Time { return time.Date(2026, 3, 1, 12, minute, 0, 0, time.UTC) }
	until := at(50)
	id := state.ID("01900000-0000-7000-8000-00000000000a")
	active := []explain.Change{{Path: "active", Before: []byte("true"), After: []byte("false")}}
	witnesses := []plan.Witness{
		{Fact: plan.FactAbsent, How: plan.ByAbsence, Run: "r1", At: at(20)}, {Fact: plan.Fact(plan.ReasonUnassigned), How: plan.ByLook, Run: "r2", At: at(50)},
	}
	return &explain.Life{
		Tenant: "acme", Source: "acme-entra", Account: id, Person: "43ada60f-8558-4fb4-8075-d714e390e871", UserName: "ada@acme.example", Name: "Ada \x1b[31m\u202eAcker",
		State: "active", Said: true, Protected: true, Older: true,
		Sentence: "Active, because a push made the account on 2026-03-01 12:00:00Z (POST, key f21af8b6); a pull would deactivate them, no longer assigned to the application, and that waits for an approval since 2026-03-01 12:50:00Z: more removals than one run may carry out (plan 01a2088d-6837-70aa-b24c-f966199b7ac3).",
		Open:     []explain.Open{{Fact: "absent", Text: plan.Absent.Text(), At: at(20), Run: "r1"}},
		Events: []explain.Event{
			{At: at(0), What: "create", By: state.CausePush, Actor: "f21af8b6", Request: &explain.Request{Method: "POST", Path: "/auth/scim/Users", Status: 201}, Changes: []explain.Change{
				{Path: "userName", Before: []byte("null"), After: []byte(`"ada@acme.example"`)}, {Path: "active", Before: []byte("null"), After: []byte("true")}}},
			{At: at(1), What: explain.WhatJoined, By: state.CausePush, Actor: "f21af8b6", Group: &explain.Group{Name: "Staff of the northern and the southern branch together"}},
			{At: at(2), What: explain.WhatRefused, By: state.CausePush, Actor: "f21af8b6", Why: "another user of this source already has this userName: it is that of 01a2088c-228d-7324-b995-4094e99e59fa",
				Request: &explain.Request{Method: "PATCH", Path: "/auth/scim/Users/" + string(id), Status: 409}},
			{At: at(3), What: "update", By: state.CausePull, Actor: "schedule", Why: "differs from the source", Changes: []explain.Change{{Path: "displayName", Before: []byte(`"Ada"`), After: []byte(`"Ada \u001b[31m` + "\u202e" + `Acker"`)},
				{Path: "nickName", Before: []byte(`"A"`), After: []byte("null")}}},
			{At: at(20), What: explain.WhatNoticed, By: state.CausePull, Actor: "schedule", Why: plan.Absent.Text(), Times: 4, Until: &until},
			{At: at(50), What: explain.WhatHeld, By: state.CausePull, Why: "deactivate, no longer assigned to the application: more removals than one run may carry out", Changes: active, Witnesses: witnesses},
			{At: at(55), What: "protect", By: state.CauseOperator, Actor: "olga", Why: "founder"},
			{At: at(56), What: explain.WhatNotApplied, By: state.CausePull, Actor: "schedule", Why: "update, differs from the source: the account has changed since the plan was made"},
		},
		Now: &explain.Now{At: at(59), Sentence: "Now they are enabled, not assigned; a run would find nothing to change.",
			Mapped: []explain.Mapped{{Target: "active", Value: []byte("true")}, {Target: "title", Value: []byte("null")}, {Target: "nickName", Value: []byte("null"), Error: "Mid wants a number"}}},
	}
}

// TestLivesFitTheTerminal: on a terminal no line is wider than it, and nothing is cut; elsewhere each value is one line.
func TestLivesFitTheTerminal(t *testing.T) {
	for _, columns := range []int{0, 80, 100} {
		a, out, _ := testApp(columns)
		(&session{app: a}).printLife(aLife())
		fits(t, "explain", columns, out.String())
		if strings.Contains(out.String(), "…") {
			t.Errorf("%d columns: something is cut:\n%s", columns, out)
		}
	}
}

// silent is a provider that answers no look-up.
type silent struct{ connectors.Connector }

func (silent) Look(context.Context, connectors.Want, []string, func(connectors.Sighting) error) error {
	return &connectors.Error{Kind: connectors.ErrUnreachable, Op: "read people"}
}

// TestNowOf tells what was answered, in each way that it can be.
func TestNowOf(t *testing.T) {
	compiled, err := mapping.Compile([]mapping.Row{
		{Target: "userName", Source: "[userPrincipalName]", Match: 1}, {Target: "active", Source: `Switch([IsSoftDeleted], , "False", "True", "True", "False")`},
	})
	if err != nil {
		t.Fatal(err)
	}
	source := dirsync.Source{Mapping: compiled, People: connectors.Assigned}
	person := connectors.Person{ID: "p", Facts: connectors.Facts{Enabled: connectors.No, Assigned: connectors.Yes}, Values: []connectors.Value{{Present: true, Text: "ada@acme.example"}}}
	for _, test := range []struct {
		name string
		saw  *connectors.Sighting
		want explain.Now
	}{
		{"seen", &connectors.Sighting{ID: "p", Person: person}, explain.Now{
			Answer: "seen", Enabled: "no", Assigned: "yes", Deleted: "unknown", Outside: "no", Sentence: "Now they are disabled, assigned; a run would find nothing to change.",
			Mapped: []explain.Mapped{{Target: "userName", Value: []byte(`"ada@acme.example"`)}, {Target: "active", Value: []byte("false")}}}},
		{"gone", &connectors.Sighting{ID: "p", Gone: true}, explain.Now{
			Answer: "gone", Enabled: "unknown", Assigned: "unknown", Deleted: "unknown", Outside: "unknown", Sentence: "Now the provider has no such person, not even in its recycle bin; a run would find nothing to change.",
			Mapped: []explain.Mapped{}}},
		{"no answer", nil, explain.Now{
			Answer: "none", Enabled: "unknown", Assigned: "unknown", Deleted: "unknown", Outside: "unknown", Sentence: "Now the provider gave no answer; a run would change nothing.",
			Mapped: []explain.Mapped{}}},
	} {
		test.want.Changes, test.want.Notices = []plan.Change{}, []plan.Notice{}
		got := nowOf(&source, &eyewitness{saw: test.saw}, &dirsync.Report{})
		if diff := cmp.Diff(&test.want, got); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.name, diff)
		}
	}
	w := &eyewitness{Connector: silent{}, person: "p"}
	err = w.Look(t.Context(), connectors.Want{}, []string{"p"}, func(connectors.Sighting) error { return nil })
	if !errors.Is(err, connectors.ErrUnreachable) || w.saw != nil {
		t.Errorf("a provider that does not answer: %v, saw %v", err, w.saw)
	}
}
