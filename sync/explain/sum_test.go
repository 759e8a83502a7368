package explain_test

import (
	"testing"

	"rollcall/state"
	"rollcall/sync/explain"
	"rollcall/sync/plan"
)

func TestSums(t *testing.T) {
	gate := plan.Gate{Active: 320, Removals: 41, Limit: 32, Removing: plan.HoldCount}
	counts := func(held int, actions map[plan.Action]int, notices map[plan.NoticeKind]int) plan.Counts {
		return plan.Counts{Actions: actions, Held: held, Notices: notices}
	}
	removing := counts(41, map[plan.Action]int{plan.Create: 1, plan.Deactivate: 41}, nil)
	later := gate
	later.Waiting, later.Removed = 3, 2
	for _, test := range []struct {
		got, want string
	}{
		{explain.PlanSum(&plan.Counts{}, &plan.Gate{}), "In sync: nothing to change."},
		{explain.PlanSum(new(counts(0, nil, map[plan.NoticeKind]int{plan.Absent: 2, plan.Shared: 9})), &plan.Gate{}),
			"Nothing to change now, but not in sync: missing from this pull, waits to be confirmed (2)."},
		{explain.PlanSum(&removing, &gate), "42 changes: 41 to deactivate, 1 to create; 41 held (41 removals planned and 0 made in 24 hours, of 320 active; the limit is 32)."},
		{explain.PlanSum(&removing, &later),
			"42 changes: 41 to deactivate, 1 to create; 41 held (41 removals planned, 3 waiting from an earlier plan and 2 made in 24 hours, of 320 active; the limit is 32)."},
		{explain.PlanSum(&removing, nil), "42 changes: 41 to deactivate, 1 to create; 41 held."},
		{explain.RunSum(state.VerdictPartial, &plan.Counts{}, nil), "Nothing to change was found in what could be read."},
		{explain.RunSum(state.VerdictPartial, &removing, nil), "42 changes: 41 to deactivate, 1 to create; 41 held."},
		{explain.UndoSum(&plan.Counts{Agree: 1, Notices: map[plan.NoticeKind]int{plan.Kept: 2}}, nil), "Nothing to take back. 1 account is as it was already. 2 things are not taken back."},
		{explain.GateSum(&gate), "41 of 320 active would be deactivated: 13 %; the limit is 32, or 10 %."},
		{explain.GateSum(&later), "44 of 320 active would be deactivated: 14 %; the limit is 32, or 10 % (3 of them wait from an earlier plan; 2 more were deactivated within 24 hours)."},
		{explain.GateSum(&plan.Gate{Active: 9, Removals: 1, Waiting: 1, Removed: 1, Limit: 5}),
			"2 of 9 active would be deactivated: 22 %; the limit is 5, or 56 % (1 of them waits from an earlier plan; 1 more was deactivated within 24 hours)."},
		{explain.GateSum(&plan.Gate{Active: 320, Limit: 32}), ""},
		{explain.GateSum(&plan.Gate{Removals: 3}), ""},
	} {
		if test.got != test.want {
			t.Errorf("got  %s\nwant %s", test.got, test.want)
		}
	}
}

func TestReadReport(t *testing.T) {
	run := state.Run{ID: "run-1", Report: []byte(`{"proof":{"people":3},"known":2,"usual":4,"gate":{"active":9},"applied":1,"changes":[
		{"action":"update","outcome":"applied"},{"action":"deactivate","held":true},{"action":"create"}],"left_out":5}`)}
	r, err := explain.ReadReport(&run)
	if err != nil {
		t.Fatal(err)
	}
	if r.Proof.People != 3 || r.Known != 2 || r.Usual != 4 || r.Gate.Active != 9 || r.Applied != 1 || r.LeftOut != 5 || len(r.Changes) != 3 ||
		r.Changes[0].Became() != "applied" || r.Changes[1].Became() != "held" || r.Changes[2].Became() != "not tried" {
		t.Errorf("read %+v", r)
	}
	if _, err := explain.ReadReport(&state.Run{ID: "run-2", Report: []byte(`{"proof":`)}); err == nil {
		t.Error("half a report is read")
	}
	if _, err := explain.ReadReport(&state.Run{}); err != nil {
		t.Errorf("a run that is not over: %v", err)
	}
}
