package sync_test

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"rollcall/state"
	"rollcall/state/scim"
	"rollcall/state/statetest"
	dirsync "rollcall/sync"
	"rollcall/sync/plan"
)

// TestUndoOfGroups: what is said of a group is as it was, whoever has joined or left meanwhile; what somebody else has said since stays.
func TestUndoOfGroups(t *testing.T) {
	for name, test := range map[string]struct {
		since func(w *world, group state.ID)
		want  string // of the group, afterwards
		kept  string
	}{
		"alone":            {func(*world, state.ID) {}, `{"displayName":"Sales","externalId":"x-1"}`, ""},
		"beside members":   {func(w *world, group state.ID) { w.operateMembers(group, "p002") }, `{"displayName":"Sales","externalId":"x-1"}`, ""},
		"changed since":    {func(w *world, group state.ID) { w.sayOf(group, state.CauseOperator, "Office", "x-2") }, `{"displayName":"Office","externalId":"x-2"}`, "what is said of the group itself was changed since by an operator, ops"},
		"its name is gone": {func(w *world, group state.ID) { w.sayOf(w.newTeam("Spare"), state.CauseOperator, "Sales", "x-9") }, `{"displayName":"Renamed","externalId":"x-2"}`, ""},
	} {
		t.Run(name, func(t *testing.T) {
			w, _, group := grouped(t, crowd(20)...)
			w.sayOf(group, state.CauseOperator, "Sales", "x-1")
			w.clock.hour()
			before, since := w.image(), w.clock.Now()
			w.clock.pass(time.Minute)
			w.sayOf(group, state.CausePush, "Interim", "x-1")
			w.pushMembers(group, "-p003")
			w.sayOf(group, state.CausePush, "Renamed", "x-2")
			test.since(w, group)
			u := dirsync.Undo{Since: since, Pushes: true}
			report := w.undoOf(u, false)
			if got := w.saidOf(group); got != test.want {
				t.Errorf("the group is %s, want %s: %s", got, test.want, outline(report))
			}
			kept := ""
			for _, n := range report.Plan.Notices {
				kept += n.Detail
			}
			if kept != test.kept {
				t.Errorf("kept %q, want %q", kept, test.kept)
			}
			if name == "alone" {
				w.wantImage(before)
				w.undo(report) // an undo can be undone
				if got := w.saidOf(group); got != `{"displayName":"Renamed","externalId":"x-2"}` {
					t.Errorf("undone again, the group is %s", got)
				}
			}
			if err := statetest.CheckReplay(t.Context(), w.store, acme); err != nil {
				t.Error(err)
			}
		})
	}
}

// TestUndoOfAGroupThatIsHeld: what is said of a group waits for nobody, and a plan with it is read as it was written.
func TestUndoOfAGroupThatIsHeld(t *testing.T) {
	w, _, group := grouped(t, crowd(20)...)
	w.clock.hour()
	since := w.clock.Now()
	w.sayOf(group, state.CausePush, "Renamed", "x-2")
	w.pushNew(`{"userName":"spare@acme.example"}`)
	w.source.Rules.Protect = []string{"spare@acme.example"}
	report := w.undoOf(dirsync.Undo{Since: since, Pushes: true}, true)
	body, err := report.Plan.Encode()
	if err != nil {
		t.Fatal(err)
	}
	read, err := plan.Decode(body)
	if err != nil || !plan.Same(&read, &report.Plan) || len(read.Changes) != 2 {
		t.Fatalf("%v: %s", err, outline(report))
	}
	review := func() []dirsync.ChangeResult {
		t.Helper()
		r, err := w.engine.Review(t.Context(), w.source, state.HeldPlan{Body: body}, false)
		if err != nil {
			t.Fatal(err)
		}
		return r.Moved
	}
	if moved := review(); len(moved) != 0 {
		t.Errorf("would not stand: %v", moved)
	}
	w.sayOf(group, state.CausePush, "Another", "x-2")
	if moved := review(); len(moved) != 1 || moved[0].Detail != "what is said of the group was changed since" {
		t.Errorf("would not stand: %v", moved)
	}
}

// sayOf says something of a group, in one way or another.
func (w *world) sayOf(group state.ID, by state.CauseKind, name, external string) {
	w.t.Helper()
	r, err := w.store.Record(w.t.Context(), acme, state.KindGroup, group)
	if err != nil {
		w.t.Fatal(err)
	}
	results, err := w.store.Write(state.Urgent, []state.Mutation{{
		Scope: acme, Kind: state.KindGroup, ID: group, Cause: state.Cause{Kind: by, Actor: "ops"},
		Put: &state.Put{Base: r.Version, Resource: w.teamOf(name, external)},
	}})
	if err = errors.Join(err, results[0].Err); err != nil {
		w.t.Fatal(err)
	}
}

func (w *world) saidOf(group state.ID) string {
	w.t.Helper()
	r, err := w.store.Record(w.t.Context(), acme, state.KindGroup, group)
	if err != nil {
		w.t.Fatal(err)
	}
	resource, err := scim.ReadJSON(r.Resource, scim.DefaultLimits)
	if err != nil {
		w.t.Fatal(err)
	}
	return fmt.Sprintf(`{"displayName":%q,"externalId":%q}`, resource.Get("displayName").Text, resource.Get("externalId").Text)
}

func (w *world) teamOf(name, external string) scim.Value {
	w.t.Helper()
	normal, err := scim.GroupType().Normalize(scim.ObjectOf(
		scim.Field{Name: "externalId", Value: scim.StringValue(external)}, scim.Field{Name: "displayName", Value: scim.StringValue(name)}))
	if err != nil {
		w.t.Fatal(err)
	}
	return normal.Resource
}

// newTeam makes a group by hand.
func (w *world) newTeam(name string) state.ID {
	w.t.Helper()
	id := state.NewID()
	results, err := w.store.Write(state.Urgent, []state.Mutation{{
		Scope: acme, Kind: state.KindGroup, ID: id, Cause: state.Cause{Kind: state.CauseOperator, Actor: "ops"},
		Put: &state.Put{Resource: w.teamOf(name, "")},
	}})
	if err = errors.Join(err, results[0].Err); err != nil {
		w.t.Fatal(err)
	}
	return id
}

// operateMembers takes people out of a group by hand.
func (w *world) operateMembers(group state.ID, names ...string) {
	w.t.Helper()
	m := state.Mutation{Scope: acme, Kind: state.KindGroup, ID: group, Members: &state.Members{}, Cause: state.Cause{Kind: state.CauseOperator, Actor: "ops"}}
	for _, name := range names {
		m.Members.Remove = append(m.Members.Remove, w.account(name).ID)
	}
	results, err := w.store.Write(state.Urgent, []state.Mutation{m})
	if err = errors.Join(err, results[0].Err); err != nil {
		w.t.Fatal(err)
	}
}
