package console

import (
	"slices"
	"testing"

	"rollcall/state"
	"rollcall/sync/plan"
)

func TestUndo(t *testing.T) {
	f := newFixture(t)
	f.ran(aRun(t))
	c := removal(1)
	c.Reason, c.Held, c.HeldBecause, c.Witnesses = plan.ReasonUndone, false, "", nil
	f.work.plan = planOf(c, correction(2))
	f.work.plan.Notices = []plan.Notice{{Kind: plan.Kept, Name: "grace@acme.example", Detail: "Somebody has changed it since."}}
	p := f.get(olga, "/runs/run-1/undo")
	p.shows(200, "Taking back the run of acme-entra of 4 Mar, 09:01 UTC would make 2 changes, 1 removal among them", "2 changes: 1 to deactivate, 1 to update.",
		"person00001@acme.example", "as it was before", "Noticed: not taken back", "Somebody has changed it since.", "Type 1 to confirm 1 removal", "Take 2 changes back", "only observed")
	if !slices.Equal(f.work.asked, []string{"preview run-1 olga@example.com"}) {
		t.Errorf("Work was asked to %q", f.work.asked)
	}
	f.get(victor, "/runs/run-1/undo").shows(200, "person00001@acme.example").hides("Take 2 changes back")
	f.post(victor, "/runs/run-1/undo", "confirm", "1").shows(403)
	f.post(olga, "/runs/run-1/undo", "confirm", "2").shows(422, "Nothing was taken back", "then type 1")
	if slices.ContainsFunc(f.work.asked, func(s string) bool { return s[:4] == "undo" }) {
		t.Fatalf("something was done: %q", f.work.asked)
	}
	f.work.done = Done{Applied: 2, Run: "run-2", Says: "2 changes: 1 to deactivate, 1 to update."}
	if p := f.post(olga, "/runs/run-1/undo", "confirm", "1"); p.status != 303 || p.header.Get("Location") != "/runs/run-2" {
		t.Errorf("taken back: %d %s", p.status, p.header.Get("Location"))
	}
	deeds, err := f.store.ListDeeds(t.Context(), acme, 0, 10)
	f.must(err)
	if f.work.asked[len(f.work.asked)-1] != "undo run-1 olga@example.com" || len(deeds) != 1 || deeds[0].What != "run_undone" || deeds[0].Subject != "run-1" {
		t.Errorf("asked %q, noted %+v", f.work.asked, deeds)
	}
	f.work.done.Mishaps = []string{"update was not carried out (grace@acme.example): the account has changed."}
	f.post(olga, "/runs/run-1/undo", "confirm", "1").shows(200, "Not everything was carried out", "the account has changed", "To the run that took it back")
}

func TestUndoNothing(t *testing.T) {
	f := newFixture(t)
	f.ran(aRun(t))
	f.work.plan = planOf()
	f.work.plan.Counts.Agree = 3
	f.get(olga, "/runs/run-1/undo").shows(200, "would change nothing", "Nothing to take back. 3 accounts are as it was already.").hides("Type", "Take 0")
	f.work.err = Refusal("The journal is not kept so far back. Nothing was changed.")
	f.get(olga, "/runs/run-1/undo").shows(409, "This run cannot be taken back", "The journal is not kept so far back.")
	f.post(olga, "/runs/run-1/undo").shows(409, "Nothing was taken back")
	f.work.err = state.ErrNotFound
	f.get(olga, "/runs/run-1/undo").shows(404)
	f.get(olga, "/runs/nothing/undo").shows(404)
}
