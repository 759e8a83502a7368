package sync_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"rollcall/connectors"
	"rollcall/state"
	dirsync "rollcall/sync"
	"rollcall/sync/mapping"
	"rollcall/sync/plan"
)

// Each test of this file is a disaster that happened to the users of a program like this one, and why it can't happen here. Those that a
// push brings about are in package scimapi.

// unharmed runs on schedule some times, an hour apart, and wants everybody to stay in force.
func (w *world) unharmed(runs int) (last dirsync.Report) {
	w.t.Helper()
	before := w.active()
	for range runs {
		last = w.scheduled()
		if after := w.active(); !slices.Equal(after, before) {
			w.t.Fatalf("active are %v, want %v: %s", after, before, outline(last))
		}
		w.clock.hour()
	}
	return last
}

// TestDisasterUnreachableDirectoryReadAsEmpty: a directory server was down, its error was taken for an empty list, and every user of a
// firewall was purged.
func TestDisasterUnreachableDirectoryReadAsEmpty(t *testing.T) {
	for _, kind := range []error{connectors.ErrUnreachable, connectors.ErrThrottled, connectors.ErrUnauthorised, connectors.ErrForbidden, connectors.ErrIncomplete, connectors.ErrMisconfigured} {
		w := populated(t, crowd(43)...)
		w.dir.err = &connectors.Error{Kind: kind, Op: "list people"}
		if last := w.unharmed(5); last.Run.Outcome != dirsync.OutcomeIncomplete || last.Run.Reason == "" || len(w.dir.looked) > 0 {
			t.Errorf("%v: %s", kind, outline(last))
		}
	}
}

// TestDisasterEmptyPageReadAsEveryoneLeft: a reader lost its rights, or its base moved; the answer was empty, and successful. Everyone was
// disabled, or purged, by more than one program.
func TestDisasterEmptyPageReadAsEveryoneLeft(t *testing.T) {
	for name, known := range map[string]bool{"still known by id": true, "not known by id either": false} {
		t.Run(name, func(t *testing.T) {
			w := populated(t, crowd(40)...)
			souls := w.dir.souls
			if known {
				w.hide(crowd(40)...)
			} else {
				w.dir.souls = nil
			}
			w.unharmed(6)
			w.dir.hidden, w.dir.souls = nil, souls
			if last := w.unharmed(2); last.Run.Outcome != dirsync.OutcomeInSync {
				t.Error(outline(last))
			}
		})
	}
}

// TestDisasterFailedSearchReadAsNotFound: a search by id failed, which read as "no such person"; hundreds were disabled.
func TestDisasterFailedSearchReadAsNotFound(t *testing.T) {
	w := populated(t, crowd(30)...)
	w.hide("p001", "p002", "p003")
	w.dir.lookErr = errors.New("search failed")
	w.unharmed(6)
}

// TestDisasterOneTransientAnswer: one wrong answer in the night removed everybody, and the next one made them anew.
func TestDisasterOneTransientAnswer(t *testing.T) {
	w := populated(t, crowd(30)...)
	for _, hidden := range [][]string{crowd(30), nil, {"p001", "p002"}, nil} {
		w.hide(hidden...)
		w.unharmed(1)
	}
	for _, e := range w.journal() {
		if e.Verb == state.VerbDeactivate || e.Verb == state.VerbDelete {
			t.Fatalf("%s of %s", e.Verb, e.ID)
		}
	}
}

// TestDisasterSuccessWithoutData: a provider answered with success and left out half of the people, more than once.
func TestDisasterSuccessWithoutData(t *testing.T) {
	for name, tells := range map[string]bool{"own list read": true, "own list unread": false} {
		t.Run(name, func(t *testing.T) {
			w := populated(t, crowd(60)...)
			w.dir.lookTells = tells
			w.hide(crowd(30)...)
			if last := w.unharmed(8); !tells && last.Plan.Counts.Removals == 0 {
				t.Errorf("nobody is told: %s", outline(last))
			}
		})
	}
}

// TestDisasterFailedCallFoldedIntoADifference: the call for one group's members failed, or a page in the middle of a list did, and whoever
// was on it was removed, with all that hung on the account.
func TestDisasterFailedCallFoldedIntoADifference(t *testing.T) {
	for name, fault := range map[string]func(*directory){
		"one group unread": func(d *directory) { d.unreadable = []string{"group-1"} },
		"503 mid-list": func(d *directory) {
			d.err, d.failAfter = &connectors.Error{Kind: connectors.ErrUnreachable, Op: "list"}, 4
		},
		"half, and says so":    func(d *directory) { d.incomplete = "a page was not whole" },
		"look-ups fail too":    func(d *directory) { d.unreadable, d.lookErr = []string{"group-1"}, errors.New("503") },
		"a page lost silently": func(d *directory) { d.dropped = 2 },
	} {
		t.Run(name, func(t *testing.T) {
			w := populated(t, crowd(30)...)
			w.dir.lookTells = true
			w.hide("p004", "p005")
			if name == "a page lost silently" {
				w.dir.hidden = nil
			}
			fault(w.dir)
			w.unharmed(6)
		})
	}
}

// TestDisasterFilterTypo: a filter was mistyped, matched nobody, and all users went, with their second factors and consents.
func TestDisasterFilterTypo(t *testing.T) {
	w := populated(t, crowd(30)...)
	w.department("Sales", crowd(30)...)
	w.within(mapping.Clause{Attribute: "department", Operator: "EQUALS", Value: "Sale"})
	last := w.unharmed(6)
	if last.Run.Outcome != dirsync.OutcomeObserved || last.Plan.Counts.Removals != 30 {
		t.Error(outline(last))
	}
	if byHand := w.hand(); len(w.active()) != 30 || byHand.Plan.Counts.Removals != 30 {
		t.Errorf("a run by hand removed: %s", outline(byHand))
	}
}

// TestDisasterAdoptionWithoutPreview: turning a source on emptied every group and threw the administrators out, because what was there
// before did not come from it.
func TestDisasterAdoptionWithoutPreview(t *testing.T) {
	w := newWorldOf(t, nil, nil)
	for _, name := range crowd(12) {
		w.pushNew(`{"userName":"` + name + `@acme.example"}`)
	}
	group := w.pushGroup("Admins", "grp-Admins", crowd(12)...)
	w.source.Groups = dirsync.GroupsPushed
	w.team("Admins")
	w.join(crowd(3)...)
	w.disable("p001")
	w.clock.pass(24 * time.Hour)
	last := w.unharmed(4)
	w.wantMembers(group, crowd(12)...)
	if last.Run.Outcome != dirsync.OutcomeObserved {
		t.Error(outline(last))
	}
	w.hand()
	w.wantActive(crowd(12)...)
	w.wantMembers(group, crowd(12)...)
}

// TestDisasterGroupReconfiguredToEmpty: the one group that a bridge provisioned was emptied by mistake; it suspended every member, and
// machines lost their secrets.
func TestDisasterGroupReconfiguredToEmpty(t *testing.T) {
	for _, tells := range []bool{false, true} {
		w := populated(t, crowd(30)...)
		w.dir.lookTells = tells
		for _, name := range crowd(30) {
			w.unassign(name)
		}
		w.clock.pass(24 * time.Hour)
		if last := w.unharmed(8); last.Plan.Counts.Changes() != last.Plan.Counts.Held {
			t.Error(outline(last))
		}
		w.hand()
		w.wantActive(crowd(30)...)
	}
}

// TestDisasterDestructiveSwitch: a switch meant for debugging overwrote a whole organisation, and an empty sync could be let through on
// purpose. Here nothing but the id of a plan, which somebody has seen, carries out what is held.
func TestDisasterDestructiveSwitch(t *testing.T) {
	w := populated(t, crowd(30)...)
	for _, name := range crowd(20) {
		w.disable(name)
	}
	for range 4 {
		held := w.hand()
		if held.Plan.Counts.Removals != 20 || len(w.active()) != 30 {
			t.Fatal(outline(held))
		}
		if _, err := w.engine.Approve(t.Context(), w.source, "any", "boss"); err == nil {
			t.Fatal("a plan that there is not was approved")
		}
		w.clock.hour()
	}
}

// TestDisasterWrongPersonByAnUnstableMatch: people were matched by values that are given to others, and the wrong ones were suspended.
func TestDisasterWrongPersonByAnUnstableMatch(t *testing.T) {
	w := populated(t, crowd(20)...)
	w.soul("p001").values["userPrincipalName"] = "gone@acme.example"
	w.namesake("obj-new", "p001", left, true)
	w.namesake("obj-third", "p002", left, true)
	w.unharmed(4)
	for _, name := range []string{"p001", "p002"} {
		if link := w.account(name).Link; link != "obj-"+name {
			t.Errorf("%s went to %s", name, link)
		}
	}
}

// TestDisasterReversalTricklesIn: people who had been suspended by mistake came back at 26 a day.
func TestDisasterReversalTricklesIn(t *testing.T) {
	w := populated(t, crowd(300)...)
	for _, name := range crowd(300) {
		w.disable(name)
	}
	w.approve(w.scheduled())
	w.wantActive()
	w.clock.hour()
	for _, name := range crowd(300) {
		w.enable(name)
	}
	if report := w.scheduled(); len(w.active()) != 300 {
		t.Errorf("%d are back: %s", len(w.active()), report.Run.Reason)
	}
}

// TestDisasterStepSkippedForDays: the step that suspends was skipped for days and nobody noticed. Here the run says that it is
// incomplete each time, and the first one that is not removes whoever left meanwhile.
func TestDisasterStepSkippedForDays(t *testing.T) {
	w := populated(t, crowd(30)...)
	w.softDelete("p003")
	w.dir.lookErr = errors.New("down")
	for range 3 {
		if report := w.days(1); report.Run.Outcome != dirsync.OutcomeIncomplete || report.Run.Reason == "" {
			t.Error(outline(report))
		}
	}
	w.dir.lookErr = nil
	w.days(1)
	if slices.Contains(w.active(), "p003") {
		t.Error("still active")
	}
}

// TestDisasterListCutShortIsWrittenBack: only the first page of a group's members was read, or one went missing, and the others lost
// their seats.
func TestDisasterListCutShortIsWrittenBack(t *testing.T) {
	for name, fault := range map[string]func(*team){
		"no last page": func(tm *team) { tm.cut, tm.members = true, tm.members[:5] },
		"not told":     func(tm *team) { tm.hidden = true },
		"empty":        func(tm *team) { tm.members = nil },
		"one page":     func(tm *team) { tm.members = tm.members[:9] },
	} {
		t.Run(name, func(t *testing.T) {
			w, sales, group := grouped(t, crowd(30)...)
			fault(sales)
			w.unharmed(6)
			w.wantMembers(group, crowd(30)...)
		})
	}
}

// TestDisasterOneTenantStopsTheOthers: one directory failed, and the loop over all of them ended there.
func TestDisasterOneTenantStopsTheOthers(t *testing.T) {
	w := populated(t, "ada", "alan", "grace")
	other := w.source
	other.Scope = state.Scope{Tenant: "globex", Source: "globex-entra"}
	other.Connector = &directory{identity: "another", err: &connectors.Error{Kind: connectors.ErrUnauthorised, Op: "sign in"}, failAfter: -1}
	if _, err := w.store.EnsureSource(t.Context(), other.Scope, "entra"); err != nil {
		t.Fatal(err)
	}
	report, err := w.engine.RunOnce(t.Context(), other, dirsync.Order{Trigger: dirsync.TriggerSchedule})
	if err != nil {
		t.Fatal(err)
	}
	if report.Run.Outcome != dirsync.OutcomeIncomplete {
		t.Error(outline(report))
	}
	w.disable("ada")
	want(t, w.scheduled(), "complete applied", "deactivate ada disabled_at_source")
}

// TestDisasterNewMailNewPerson: a change of the mail address made a program take somebody for gone, with no way back.
func TestDisasterNewMailNewPerson(t *testing.T) {
	w := populated(t, "ada", "alan", "grace")
	before := w.account("ada")
	w.soul("ada").values["userPrincipalName"] = "lovelace@acme.example"
	w.soul("ada").values["mail"] = "lovelace@acme.example"
	want(t, w.scheduled(), "complete applied", "update ada drift")
	if after := w.account("lovelace"); after.ID != before.ID || !after.InForce || after.Link != before.Link {
		t.Errorf("became %+v", after)
	}
}

// TestDisasterPurgedAndMadeAnew: groups and accounts were removed and made again with new ids, and every permission that named them was
// gone. Here an account outlives whatever its provider says of it.
func TestDisasterPurgedAndMadeAnew(t *testing.T) {
	w, _, group := grouped(t, crowd(20)...)
	before := w.account("p001").ID
	for _, step := range []func(string){w.disable, w.enable, w.unassign, w.assign, w.softDelete} {
		step("p001")
		w.days(3)
	}
	if r := w.account("p001"); r.ID != before || r.InForce || !slices.Contains(w.members(group), "p001") {
		t.Errorf("became %+v, members %v", r, w.members(group))
	}
}

// TestDisasterStaleSnapshotUndoesAPush: a removal that was pushed while a full pull went on was undone by the older pull.
func TestDisasterStaleSnapshotUndoesAPush(t *testing.T) {
	w := populated(t, crowd(12)...)
	lag := *w.soul("p009")
	w.dir.lagging = map[string]*soul{"obj-p009": &lag}
	w.dir.duringPull = func(page int) {
		if page == 2 {
			w.disable("p009")
			w.pushActive("p009", false)
		}
	}
	w.scheduled()
	w.dir.duringPull = nil
	w.clock.pass(time.Minute)
	for range 3 {
		w.scheduled()
		w.clock.hour()
	}
	if slices.Contains(w.active(), "p009") {
		t.Error("let in again")
	}
}

// TestDisasterDeltaTakenForProof: changes came late, twice, wrong, or never by a provider's delta, and its word was final.
func TestDisasterDeltaTakenForProof(t *testing.T) {
	w := populated(t, crowd(12)...)
	d := w.telling()
	w.hurry()
	d.names("p001", "p002", "p001", "nobody")
	w.hurry()
	w.wantActive(crowd(12)...)
	w.disable("p003") // and no hint ever comes
	for range 3 {
		w.hurry()
		w.clock.hour()
	}
	want(t, w.scheduled(), "complete applied", "deactivate p003 disabled_at_source")
}

// TestDisasterLapsedSubscription: a contract ran out, the application was switched off at the provider, and the whole directory went.
func TestDisasterLapsedSubscription(t *testing.T) {
	w := populated(t, crowd(20)...)
	w.dir.lost = true
	w.hide(crowd(20)...)
	if last := w.unharmed(10); last.Run.Verdict != state.VerdictFailed || !last.Proof.Lost {
		t.Error(outline(last))
	}
	w.dir.lost, w.dir.hidden = false, nil
	w.unharmed(2)
}

// TestDisasterSlowBleed: a limit for each run let a few go in each of many runs.
func TestDisasterSlowBleed(t *testing.T) {
	w := populated(t, crowd(100)...)
	for i := range 60 {
		w.disable(fmt.Sprintf("p%03d", i))
		w.scheduled()
		w.clock.pass(20 * time.Minute)
	}
	if n := len(w.active()); n < 90 {
		t.Errorf("%d of 100 are left after 20 hours of small runs", n)
	}
}

// TestDisasterHandmadeAccountsRemoved: accounts and groups which the program had not made, administrators among them, were removed
// because the source did not have them.
func TestDisasterHandmadeAccountsRemoved(t *testing.T) {
	w := populated(t, crowd(20)...)
	for _, name := range []string{"admin", "robot", "break-glass"} {
		w.pushNew(`{"userName":"` + name + `@acme.example"}`)
	}
	admins := w.pushGroup("By hand", "", "admin", "robot")
	w.source.Groups = dirsync.GroupsPushed
	w.hand()
	for range 30 {
		w.days(1)
	}
	w.wantActive(append(crowd(20), "admin", "robot", "break-glass")...)
	w.wantMembers(admins, "admin", "robot")
}

// TestDisasterDryRunThatWrites: the test mode was silently not applied, or wrote something else than what it was asked for.
func TestDisasterDryRunThatWrites(t *testing.T) {
	w := populated(t, crowd(20)...)
	w.disable("p001")
	w.hide("p002")
	w.join("new")
	before := w.dump()
	if report := w.dry(); report.Plan.Counts.Changes() != 2 {
		t.Error(outline(report))
	}
	if w.dump() != before {
		t.Error("something was written")
	}
}

// TestDisasterLeaversComeBack: rows that had been taken away softly came back with any update, though it did not say active.
func TestDisasterLeaversComeBack(t *testing.T) {
	for name, facts := range map[string]connectors.Facts{
		"of unknown state":  {Assigned: connectors.Yes},
		"still disabled":    {Enabled: connectors.No, Assigned: connectors.Yes},
		"in the bin":        {Enabled: connectors.Yes, Assigned: connectors.Yes, SoftDeleted: connectors.Yes},
		"merely unassigned": {Enabled: connectors.Yes, Assigned: connectors.No},
	} {
		t.Run(name, func(t *testing.T) {
			w := populated(t, crowd(20)...)
			w.disable("p001")
			w.scheduled()
			w.soul("p001").facts = facts
			w.soul("p001").values["displayName"] = "Changed"
			w.dir.passesAll = true
			for range 3 {
				w.clock.hour()
				w.scheduled()
				w.person("p001")
			}
			if slices.Contains(w.active(), "p001") {
				t.Error("let in")
			}
		})
	}
}

// TestDisasterWholeCompanyListed: a scope was wrong, and everybody in the company got an account.
func TestDisasterWholeCompanyListed(t *testing.T) {
	w := populated(t, crowd(20)...)
	for i := range 80 {
		w.join(fmt.Sprintf("stranger%02d", i))
	}
	if last := w.unharmed(4); last.Plan.Counts.Held != 80 {
		t.Errorf("%d held: %s", last.Plan.Counts.Held, last.Run.Reason)
	}
}

// TestDisasterSuspendedAreNeverPushed: a provider pushes nothing about people who are suspended; who trusts pushes alone keeps them.
func TestDisasterSuspendedAreNeverPushed(t *testing.T) {
	w := populated(t, crowd(20)...)
	w.soul("p001").facts.Status = "SUSPENDED"
	w.disable("p001")
	want(t, w.scheduled(), "complete applied", "deactivate p001 disabled_at_source")
}

// TestDisasterBrakeWithoutAnApproval: a brake held a true mass removal, nobody could let it pass, and so the brake was taken out.
func TestDisasterBrakeWithoutAnApproval(t *testing.T) {
	w := populated(t, crowd(40)...)
	for _, name := range crowd(30) {
		w.disable(name)
	}
	held := w.unharmed(2)
	w.approve(held)
	if n := len(w.active()); n != 10 {
		t.Fatalf("%d active, want 10", n)
	}
	w.clock.hour()
	want(t, w.scheduled(), "complete in_sync")
	w.disable("p039") // what was approved does not count against the next
	want(t, w.scheduled(), "complete applied", "deactivate p039 disabled_at_source")
}

// TestDisasterLeaveOfAbsence: to be suspended cost people their groups, and nobody gave them back.
func TestDisasterLeaveOfAbsence(t *testing.T) {
	w, _, group := grouped(t, crowd(20)...)
	w.disable("p001")
	w.days(5)
	w.enable("p001")
	w.days(1)
	w.wantActive(crowd(20)...)
	w.wantMembers(group, crowd(20)...)
}

// TestDisasterBackdoor: whoever had stolen a key made accounts of their own by push, and nothing ever asked where they came from.
func TestDisasterBackdoor(t *testing.T) {
	w := populated(t, crowd(20)...)
	w.pushNew(`{"userName":"backdoor@acme.example","displayName":"Support"}`)
	w.clock.hour()
	want(t, w.scheduled(), "complete in_sync", "notice unexplained Support")
	if held := w.days(8); held.Plan.Counts.Held != 1 || held.Plan.Changes[0].Reason != plan.ReasonUnexplained {
		t.Errorf("not proposed: %s", outline(held))
	}
}

// TestDisasterPermissionLost: attributes are null because they may no longer be read; false was made of them.
func TestDisasterPermissionLost(t *testing.T) {
	w := populated(t, crowd(20)...)
	w.dir.nulls, w.dir.lookNulls = true, true
	for _, s := range w.dir.souls {
		s.facts.Enabled = connectors.Unknown
	}
	w.hide("p001", "p002")
	w.unharmed(6)
}

// TestDisasterNoWayBack: hundreds were gone by one approval, and no button brought them back.
func TestDisasterNoWayBack(t *testing.T) {
	w, _, group := grouped(t, crowd(40)...)
	for _, name := range crowd(30) {
		w.disable(name)
	}
	held := w.scheduled()
	w.approve(held)
	w.clock.hour()
	for _, name := range crowd(30) {
		w.enable(name)
	}
	w.undo(held)
	w.wantActive(crowd(40)...)
	w.wantMembers(group, crowd(40)...)
}

// TestDisasterStateLost: the state file was gone, and the next sync began from nothing: everything was to be made again, or removed.
func TestDisasterStateLost(t *testing.T) {
	w := populated(t, crowd(30)...)
	w.observe("restored from a backup")
	for _, name := range crowd(3) {
		w.disable(name)
	}
	w.join("new")
	last := w.unharmed(3)
	if last.Run.Outcome != dirsync.OutcomeObserved || last.Plan.Counts.Changes() != 4 {
		t.Error(outline(last))
	}
}
