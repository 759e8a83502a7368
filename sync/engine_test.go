package sync_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/connectors"
	"rollcall/state"
	"rollcall/state/scim"
	dirsync "rollcall/sync"
	"rollcall/sync/mapping"
	"rollcall/sync/plan"
)

func TestFirstRunByHandCreates(t *testing.T) {
	w := newWorldOf(t, nil, nil)
	w.join("ada", "alan", "grace", "kurt")
	w.disable("kurt")
	report := w.hand()
	want(t, report, "complete applied", "create ada assigned_missing", "create alan assigned_missing", "create grace assigned_missing")
	w.wantActive("ada", "alan", "grace")
	ada := w.account("ada")
	if ada.Link != "obj-ada" || ada.Name != "Ada" {
		t.Errorf("the account is linked to %q and called %q", ada.Link, ada.Name)
	}
	entry := w.journal()[0]
	wantCause := state.Cause{Kind: state.CausePull, Actor: "ops", Run: report.Run.ID, Reason: "assigned_missing"}
	if entry.Verb != state.VerbCreate || entry.Cause != wantCause {
		t.Errorf("journal: %s because %+v", entry.Verb, entry.Cause)
	}
	w.clock.hour()
	want(t, w.hand(), "complete in_sync")
	want(t, w.scheduled(), "complete in_sync")
	if n := len(w.journal()); n != 3 {
		t.Errorf("%d journal entries after a run that changed nothing, want 3", n)
	}
}

func TestFirstRunOnScheduleObserves(t *testing.T) {
	w := newWorldOf(t, nil, nil)
	w.join("ada", "alan")
	report := w.scheduled()
	want(t, report, "complete observed (2 held: this is the source's first pull)",
		"create ada assigned_missing held:observe", "create alan assigned_missing held:observe")
	w.wantActive()
	w.clock.hour()
	again := w.scheduled()
	if again.Run.Outcome != dirsync.OutcomeObserved || again.Run.Plan != report.Run.Plan {
		t.Errorf("the same plan is held anew: %s, %s", report.Run.Plan, again.Run.Plan)
	}
	approved, err := w.engine.Approve(t.Context(), w.source, report.Run.Plan, "boss")
	if err != nil {
		t.Fatal(err)
	}
	if approved.Run.Outcome != dirsync.OutcomeApplied {
		t.Error(outline(approved))
	}
	w.wantActive("ada", "alan")
	if cause := w.journal()[0].Cause; cause.Kind != state.CauseApproval || cause.Actor != "boss" {
		t.Errorf("caused by %+v", cause)
	}
	w.clock.hour()
	w.join("grace")
	want(t, w.scheduled(), "complete applied", "create grace assigned_missing")
	if _, err := w.engine.Approve(t.Context(), w.source, report.Run.Plan, "boss"); !errors.Is(err, dirsync.ErrPlanClosed) {
		t.Errorf("approved twice: %v", err)
	}
}

func TestObserveByHandHoldsRemovals(t *testing.T) {
	w := newWorldOf(t, nil, nil)
	w.pushNew(`{"userName":"ada@acme.example"}`)
	w.join("ada", "alan")
	w.disable("ada")
	w.clock.hour()
	want(t, w.hand(), "complete held (1 held: this is the source's first pull)", "deactivate ada disabled_at_source held:observe", "create alan assigned_missing")
	w.wantActive("ada", "alan")
	w.clock.hour()
	w.enable("ada")
	want(t, w.hand(), "complete applied", "link ada matched") // nobody to remove: the time of observation is over
	plans, err := w.store.ListPlans(t.Context(), acme, 0)
	if err != nil || len(plans) != 1 || plans[0].Status != state.PlanReplaced {
		t.Errorf("the plan that nothing asks for any more is still held: %+v, %v", plans, err)
	}
	w.disable("ada")
	w.clock.hour()
	want(t, w.scheduled(), "complete applied", "deactivate ada disabled_at_source")
}

// TestSuspectsProlongObservation: by hand, nobody is to be removed yet, but somebody is missing.
func TestSuspectsProlongObservation(t *testing.T) {
	w := populated(t, "ada", "alan", "grace")
	w.dir.identity = "another/app"
	w.unassign("ada")
	want(t, w.hand(), "complete in_sync", "notice absent ada")
	w.clock.hour()
	report := w.scheduled()
	if report.Run.Outcome != dirsync.OutcomeObserved {
		t.Error(outline(report))
	}
	w.wantActive("ada", "alan", "grace")
}

// TestApprovalOfAnOlderPlan: a plan from before a restore was not made by anybody who looked since, and does not end the observation.
func TestApprovalOfAnOlderPlan(t *testing.T) {
	w := populated(t, "ada", "alan", "grace", "kurt")
	w.source.Rules.Protect = []string{"ada@acme.example"}
	w.disable("ada")
	report := w.scheduled()
	w.observe("restored from a backup")
	if _, err := w.engine.Approve(t.Context(), w.source, report.Run.Plan, "boss"); err != nil {
		t.Fatal(err)
	}
	w.disable("alan")
	w.clock.hour()
	want(t, w.scheduled(), "complete observed (1 held: restored from a backup)", "deactivate alan disabled_at_source held:observe")
}

// TestAnotherBasisObserves: a change of directory, mapping or scope makes scheduled runs look on.
func TestAnotherBasisObserves(t *testing.T) {
	changes := map[string]func(*world){
		"directory": func(w *world) { w.dir.identity = "another/app" },
		"scope":     func(w *world) { w.source.People = connectors.Everyone },
		"scoping filter": func(w *world) {
			w.within(mapping.Clause{Attribute: "userPrincipalName", Operator: "IS NOT NULL"})
		},
		"mapping": func(w *world) {
			m, err := mapping.Compile(append(mapping.Default("entra"), mapping.Row{Target: "title", Source: "[jobTitle]"}))
			if err != nil {
				t.Fatal(err)
			}
			w.source.Mapping = m
		},
	}
	for name, change := range changes {
		t.Run(name, func(t *testing.T) {
			w := populated(t, "ada", "alan", "grace")
			change(w)
			w.disable("ada")
			report := w.scheduled()
			if report.Run.Outcome != dirsync.OutcomeObserved {
				t.Fatal(outline(report))
			}
			w.wantActive("ada", "alan", "grace")
			w.clock.hour()
			if again := w.scheduled(); again.Run.Outcome != dirsync.OutcomeObserved {
				t.Errorf("observed once only: %s", outline(again))
			}
		})
	}
}

func TestDisabledIsDeactivatedAndComesBack(t *testing.T) {
	w := populated(t, "ada", "alan", "grace")
	w.disable("ada")
	report := w.scheduled()
	want(t, report, "complete applied", "deactivate ada disabled_at_source")
	w.wantActive("alan", "grace")
	if len(w.dir.looked) != 0 {
		t.Errorf("looked at %v: a state that was read needs no second look", w.dir.looked)
	}
	w.clock.hour()
	want(t, w.scheduled(), "complete in_sync")
	w.enable("ada")
	want(t, w.scheduled(), "complete applied", "reactivate ada enabled_at_source")
	if !slices.Equal(w.dir.looked, []string{"obj-ada"}) {
		t.Errorf("looked at %v, want a look at who comes back", w.dir.looked)
	}
	w.wantActive("ada", "alan", "grace")
}

// TestReactivationWantsTheLookToAgree: a lagging pull says enabled, the person read directly is disabled.
func TestReactivationWantsTheLookToAgree(t *testing.T) {
	w := populated(t, "ada", "alan")
	w.disable("ada")
	w.scheduled()
	w.clock.hour()
	lag := *w.soul("ada")
	lag.facts.Enabled = connectors.Yes
	w.dir.lagging = map[string]*soul{"obj-ada": &lag}
	want(t, w.scheduled(), "complete in_sync")
	w.dir.lookErr = errors.New("throttled")
	report := w.scheduled()
	if report.Run.Outcome != dirsync.OutcomeIncomplete || len(report.Plan.Changes) != 0 {
		t.Errorf("let in without a look: %s", outline(report))
	}
	w.wantActive("alan")
}

func TestDriftIsRepaired(t *testing.T) {
	w := populated(t, "ada", "alan")
	w.pushTitle("ada", "Countess") // not mapped: stays
	r := w.account("ada")
	w.push(putOf(r, decode(t, `{"userName":"wrong@acme.example","displayName":"Lovelace","title":"Countess"}`)))
	w.clock.hour()
	want(t, w.scheduled(), "complete applied", "update wrong drift")
	got := decode(t, string(w.account("ada").Resource))
	if got.Get("displayName").Text != "Lovelace" || got.Get("title").Text != "Countess" {
		t.Errorf("a create-only value or one that is not mapped was touched: %s", w.account("ada").Resource)
	}
	want(t, w.scheduled(), "complete in_sync")
}

func TestUnassignedNeedsTwoSnapshots(t *testing.T) {
	w := populated(t, "ada", "alan", "grace")
	w.unassign("ada")
	want(t, w.scheduled(), "complete in_sync", "notice absent ada")
	w.clock.hour()
	report := w.scheduled()
	want(t, report, "complete applied", "deactivate ada unassigned")
	facts := []plan.Fact{}
	for _, witness := range report.Plan.Changes[0].Witnesses {
		facts = append(facts, witness.Fact)
	}
	if !slices.Equal(facts, []plan.Fact{"absent", "absent", "unassigned"}) {
		t.Errorf("witnesses %v", facts)
	}
	w.wantActive("alan", "grace")
	w.clock.hour()
	want(t, w.scheduled(), "complete in_sync")
	if marks, _ := w.store.Suspicions(t.Context(), acme); len(marks) != 0 {
		t.Errorf("still suspected: %+v", marks)
	}
}

// TestUnassignedByTheOwnList: where a look can tell assignment, one snapshot is enough.
func TestUnassignedByTheOwnList(t *testing.T) {
	w := populated(t, "ada", "alan", "grace")
	w.dir.lookTells = true
	w.unassign("ada")
	want(t, w.scheduled(), "complete applied", "deactivate ada unassigned")
}

// TestPassedAsUnassigned: a provider that passes people as not assigned says no more than one that leaves them out.
func TestPassedAsUnassigned(t *testing.T) {
	w := populated(t, "ada", "alan", "grace")
	w.dir.passesAll = true
	w.unassign("ada")
	want(t, w.scheduled(), "complete in_sync", "notice absent ada")
	w.clock.hour()
	w.join("eve")
	w.unassign("eve")
	want(t, w.scheduled(), "complete applied", "deactivate ada unassigned")
}

func TestSightingResetsSuspicion(t *testing.T) {
	w := populated(t, "ada", "alan", "grace")
	for range 4 { // missing every other time is not missing twice
		w.dir.hidden = map[string]bool{"obj-ada": true}
		want(t, w.scheduled(), "complete in_sync", "notice absent ada")
		w.clock.hour()
		w.dir.hidden = nil
		want(t, w.scheduled(), "complete in_sync")
		w.clock.hour()
	}
	w.wantActive("ada", "alan", "grace")
}

// TestLookRefutesTheSnapshot: the snapshot never has her, her own list says that she is assigned.
func TestLookRefutesTheSnapshot(t *testing.T) {
	w := populated(t, "ada", "alan", "grace")
	w.dir.lookTells = true
	w.dir.hidden = map[string]bool{"obj-ada": true}
	for range 3 {
		want(t, w.scheduled(), "complete in_sync", "notice unconfirmed ada")
		w.clock.hour()
	}
}

func TestSoftDeletedAtOnce(t *testing.T) {
	w := populated(t, "ada", "alan", "grace")
	w.softDelete("ada")
	want(t, w.scheduled(), "complete applied", "deactivate ada soft_deleted")
}

func TestGoneNeedsTwoLooks(t *testing.T) {
	w := populated(t, "ada", "alan", "grace")
	w.purge("ada")
	want(t, w.scheduled(), "complete in_sync", "notice absent ada")
	w.clock.hour()
	report := w.scheduled()
	want(t, report, "complete applied", "deactivate ada gone")
	w.wantActive("alan", "grace")
}

// TestGoneAcrossAFailedLook: a look-up that brings no answer refutes nothing.
func TestGoneAcrossAFailedLook(t *testing.T) {
	w := populated(t, "ada", "alan", "grace")
	w.purge("ada")
	w.scheduled()
	w.clock.hour()
	w.dir.lookErr = errors.New("unreachable")
	if report := w.scheduled(); report.Run.Outcome != dirsync.OutcomeIncomplete || len(report.Plan.Changes) != 0 {
		t.Error(outline(report))
	}
	w.dir.lookErr = nil
	w.clock.hour()
	want(t, w.scheduled(), "complete applied", "deactivate ada gone")
}

func TestGoneAndBack(t *testing.T) {
	w := populated(t, "ada", "alan", "grace")
	w.purge("ada")
	w.scheduled()
	w.soul("ada").gone = false
	w.clock.hour()
	want(t, w.scheduled(), "complete in_sync")
	w.purge("ada")
	w.clock.hour()
	want(t, w.scheduled(), "complete in_sync", "notice absent ada")
}

// TestIncompleteSuspectsNobody: what was not read is not missed, what was read counts.
func TestIncompleteSuspectsNobody(t *testing.T) {
	faults := map[string]func(*directory){
		"said so": func(d *directory) { d.incomplete = "half a page" },
		"failed midway": func(d *directory) {
			d.err, d.failAfter = &connectors.Error{Kind: connectors.ErrThrottled, Op: "list members"}, 2
		},
	}
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			w := populated(t, "ada", "alan", "grace", "kurt", "emmy")
			w.unassign("emmy")
			want(t, w.scheduled(), "complete in_sync", "notice absent emmy")
			w.clock.hour()
			w.assign("emmy")
			w.disable("ada")
			w.dir.looked = nil
			fault(w.dir)
			for range 3 {
				report := w.scheduled()
				if report.Run.Outcome != dirsync.OutcomeIncomplete || report.Run.Verdict != state.VerdictPartial || report.Run.Reason == "" {
					t.Fatal(outline(report))
				}
				w.clock.hour()
			}
			w.wantActive("alan", "grace", "kurt", "emmy")
			if marks, _ := w.store.Suspicions(t.Context(), acme); len(marks) != 0 {
				t.Errorf("an incomplete run suspects, or does not clear by what it saw: %+v", marks)
			}
			if len(w.dir.looked) != 0 {
				t.Errorf("looked at %v", w.dir.looked)
			}
			source, err := w.store.Source(t.Context(), acme.Source)
			if err != nil || !source.LastWholeAt.Before(source.LastPullAt) {
				t.Errorf("last whole pull %v, last pull %v (%v)", source.LastWholeAt, source.LastPullAt, err)
			}
		})
	}
}

// TestNothingRead: the provider answers nothing at all.
func TestNothingRead(t *testing.T) {
	w := populated(t, "ada", "alan", "grace")
	w.dir.err = &connectors.Error{Kind: connectors.ErrUnreachable, Op: "list members"}
	for range 3 {
		report := w.scheduled()
		want(t, report, "failed incomplete (Could not list members: the provider could not be reached or had a fault of its own.)")
		w.clock.hour()
	}
	if len(w.dir.looked) != 0 {
		t.Errorf("looked at %v", w.dir.looked)
	}
	w.wantActive("ada", "alan", "grace")
}

// forgetfulStore shows an account as active that agreed as an inactive one, its stamp and version unchanged: what a hash that is equal
// by accident would look like.
type forgetfulStore struct{ dirsync.Store }

func (f forgetfulStore) Index(ctx context.Context, scope state.Scope, yield func(state.IndexRow) error) error {
	return f.Store.Index(ctx, scope, func(row state.IndexRow) error {
		row.InForce = true
		return yield(row)
	})
}

func (f forgetfulStore) Scan(ctx context.Context, scope state.Scope, kind state.Kind, after int64, skip, limit int, yield func(state.Record) bool) error {
	return f.Store.Scan(ctx, scope, kind, after, skip, limit, func(r state.Record) bool {
		r.InForce = true
		return yield(r)
	})
}

// TestStampsDecideNothing: whoever is in force and should not be is deactivated, whatever a stamp says.
func TestStampsDecideNothing(t *testing.T) {
	w := populated(t, "ada", "alan", "grace")
	w.disable("ada")
	w.scheduled()
	w.clock.hour()
	want(t, w.scheduled(), "complete in_sync") // stamped as an inactive account
	w.clock.pass(25 * time.Hour)
	w.engine.Store = forgetfulStore{w.store}
	want(t, w.dry(), "complete planned", "deactivate ada disabled_at_source")
}

func TestUnreadableGroupsBlockUnassigned(t *testing.T) {
	w := populated(t, "ada", "alan", "grace", "kurt")
	w.unassign("ada")
	w.softDelete("alan")
	w.dir.unreadable = []string{"group-1"}
	want(t, w.scheduled(), "complete applied", "deactivate alan soft_deleted", "notice absent ada")
	w.clock.hour()
	want(t, w.scheduled(), "complete in_sync", "notice unconfirmed ada")
	w.dir.unreadable = nil
	w.clock.hour()
	want(t, w.scheduled(), "complete applied", "deactivate ada unassigned")
}

func TestLostSourceChangesNothing(t *testing.T) {
	for name, lose := range map[string]func(*directory){
		"said by the proof": func(d *directory) { d.lost = true },
		"said by an error": func(d *directory) {
			d.err, d.failAfter = &connectors.Error{Kind: connectors.ErrSourceLost, Op: "read the application"}, 1
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := populated(t, "ada", "alan", "grace", "kurt")
			w.disable("ada")
			w.join("new")
			lose(w.dir)
			report := w.scheduled()
			if report.Run.Outcome != dirsync.OutcomeIncomplete || report.Run.Verdict != state.VerdictFailed || !report.Proof.Lost || len(report.Plan.Changes) > 0 {
				t.Error(outline(report))
			}
			w.wantActive("ada", "alan", "grace", "kurt")
		})
	}
}

// TestEmptyAnswer: a provider that suddenly knows of nobody, and says so with success, removes nobody: not in the first run, and
// not in the third.
func TestEmptyAnswer(t *testing.T) {
	w := populated(t, crowd(12)...)
	everyone := w.active()
	w.dir.hidden = map[string]bool{}
	for _, s := range w.dir.souls {
		w.dir.hidden[s.id] = true
	}
	for range 3 {
		report := w.scheduled()
		w.wantActive(everyone...)
		if passing := report.Plan.Counts.Changes() - report.Plan.Counts.Held; passing != 0 {
			t.Fatal(outline(report))
		}
		w.clock.hour()
	}
	w.dir.hidden = nil
	w.dir.souls = nil // and now not even by id
	report := w.scheduled()
	if report.Run.Outcome != dirsync.OutcomeIncomplete || report.Plan.Counts.Changes() != 0 {
		t.Error(outline(report))
	}
	w.wantActive(everyone...)
}

func TestGateHoldsMassRemoval(t *testing.T) {
	w := populated(t, crowd(30)...)
	w.join("new")
	for _, name := range crowd(6) {
		w.disable(name)
	}
	report := w.scheduled()
	if report.Run.Outcome != dirsync.OutcomeHeld || report.Plan.Counts.Removals != 6 || report.Plan.Counts.Held != 6 {
		t.Fatal(outline(report))
	}
	if n := len(w.active()); n != 31 {
		t.Errorf("%d active, want 31: creations go on, removals wait", n)
	}
	w.enable("p003") // one comes back before somebody approves, one moves
	w.pushTitle("p004", "Dr")
	w.pushActive("p005", false)
	w.clock.hour()
	approved, err := w.engine.Approve(t.Context(), w.source, report.Run.Plan, "boss")
	if err != nil {
		t.Fatal(err)
	}
	outcomes := []string{}
	for _, r := range approved.Results {
		outcomes = append(outcomes, r.Outcome)
	}
	if diff := cmp.Diff([]string{"applied", "applied", "applied", "stale", "moved", "moved"}, outcomes); diff != "" {
		t.Errorf("what became of the plan (-want +got):\n%s", diff)
	}
	if approved.Run.Outcome != dirsync.OutcomePartly {
		t.Errorf("outcome %s", approved.Run.Outcome)
	}
	if n := len(w.active()); n != 27 {
		t.Errorf("%d active, want 27", n)
	}
	w.clock.hour()
	want(t, w.scheduled(), "complete applied", "deactivate p004 disabled_at_source") // approved ones don't count again
}

// TestMassAbsence: more are missing than the gate lets pass. A few are looked at for the report, the rest when it is approved.
func TestMassAbsence(t *testing.T) {
	w := populated(t, crowd(60)...)
	for _, name := range crowd(40) {
		w.unassign(name)
	}
	want := func(report dirsync.Report, outcome string, held int) {
		t.Helper()
		if report.Run.Outcome != outcome || report.Plan.Counts.Held != held || report.Plan.Counts.Changes() != held {
			t.Fatal(outline(report))
		}
	}
	want(w.scheduled(), dirsync.OutcomeInSync, 0)
	w.clock.hour()
	w.dir.looked = nil
	report := w.scheduled()
	want(report, dirsync.OutcomeHeld, 40)
	if n := len(w.dir.looked); n != 20 {
		t.Errorf("%d looked at, want 20", n)
	}
	w.assign("p030")
	w.dir.lookTells = true
	w.dir.looked = nil
	approved, err := w.engine.Approve(t.Context(), w.source, report.Run.Plan, "boss")
	if err != nil {
		t.Fatal(err)
	}
	if len(w.dir.looked) != 40 || len(w.active()) != 21 {
		t.Errorf("%d looked at, %d active: %s", len(w.dir.looked), len(w.active()), outline(approved))
	}
}

// TestMassGone: of many who are gone for good only a few are looked at in a run. An approval looks at all, and its finding counts as
// the first; the second approval finds the same.
func TestMassGone(t *testing.T) {
	w := populated(t, crowd(60)...)
	for _, name := range crowd(40) {
		w.purge(name)
	}
	w.scheduled()
	for i, left := range []int{40, 20} {
		w.clock.hour()
		report := w.scheduled()
		if report.Run.Outcome != dirsync.OutcomeHeld {
			t.Fatal(outline(report))
		}
		if _, err := w.engine.Approve(t.Context(), w.source, report.Run.Plan, "boss"); err != nil {
			t.Fatal(err)
		}
		if n := len(w.active()); n != left {
			t.Errorf("%d active after approval %d, want %d", n, i+1, left)
		}
	}
}

// TestNobodyKnownSeen: nobody who is known was in the snapshot, and they still answer by id. Few as they are, their removal waits.
func TestNobodyKnownSeen(t *testing.T) {
	w := populated(t, "ada", "alan")
	for _, name := range crowd(10) {
		w.pushNew(`{"userName":"` + name + `@acme.example"}`)
	}
	w.dir.hidden = map[string]bool{"obj-ada": true, "obj-alan": true}
	w.clock.pass(24 * time.Hour)
	w.scheduled()
	w.clock.hour()
	report := w.scheduled()
	if report.Run.Outcome != dirsync.OutcomeHeld || report.Plan.Counts.Removals != 2 || report.Plan.Changes[0].HeldBecause != plan.HoldUnproven {
		t.Error(outline(report))
	}
}

// TestApprovalNeedsItsWitness: a plan that rests on one absence and the person's own list falls when the list says nothing any more.
func TestApprovalNeedsItsWitness(t *testing.T) {
	w := populated(t, "ada", "alan", "grace")
	w.source.Rules.Protect = []string{"ada@acme.example"}
	w.dir.lookTells = true
	w.unassign("ada")
	report := w.scheduled()
	want(t, report, "complete held (1 held: a protected person)", "deactivate ada unassigned held:protected")
	w.dir.lookTells = false
	approved, err := w.engine.Approve(t.Context(), w.source, report.Run.Plan, "boss")
	if err != nil {
		t.Fatal(err)
	}
	if approved.Results[0].Outcome != dirsync.ChangeStale {
		t.Error(outline(approved))
	}
	w.wantActive("ada", "alan", "grace")
}

// TestApprovalNeedsAnswers: when the provider cannot be asked, nothing is applied and the plan stays held.
func TestApprovalNeedsAnswers(t *testing.T) {
	w := populated(t, "ada", "alan", "grace")
	w.source.Rules.Protect = []string{"ada@acme.example"}
	w.disable("ada")
	report := w.scheduled()
	w.dir.lookErr = errors.New("unreachable")
	if _, err := w.engine.Approve(t.Context(), w.source, report.Run.Plan, "boss"); err == nil {
		t.Error("approved without an answer")
	}
	w.wantActive("ada", "alan", "grace")
	w.dir.lookErr = nil
	another := w.source
	another.People = connectors.Everyone
	if _, err := w.engine.Approve(t.Context(), another, report.Run.Plan, "boss"); !errors.Is(err, dirsync.ErrPlanBasis) {
		t.Errorf("approved under another scope: %v", err)
	}
	other := w.source
	other.Scope = state.Scope{Tenant: "globex", Source: "globex-entra"}
	if _, err := w.store.EnsureSource(t.Context(), other.Scope, "entra"); err != nil {
		t.Fatal(err)
	}
	if _, err := w.engine.Approve(t.Context(), other, report.Run.Plan, "boss"); !errors.Is(err, state.ErrNotFound) {
		t.Errorf("approved another tenant's plan: %v", err)
	}
	if _, err := w.engine.Approve(t.Context(), w.source, report.Run.Plan, "boss"); err != nil {
		t.Error(err)
	}
	w.wantActive("alan", "grace")
}

func TestProtectedWait(t *testing.T) {
	w := populated(t, "ada", "alan", "grace", "kurt")
	w.source.Rules.Protect = []string{"ada@acme.example"}
	w.disable("ada")
	w.disable("alan")
	report := w.scheduled()
	want(t, report, "complete held (1 held: a protected person)", "deactivate ada disabled_at_source held:protected", "deactivate alan disabled_at_source")
	w.wantActive("ada", "grace", "kurt")
}

// TestProtectionOutlivesTheName: whoever was protected under one name is so under the next, whether a pull or a push gives it.
func TestProtectionOutlivesTheName(t *testing.T) {
	for name, rename := range map[string]func(*world){
		"by pull": func(w *world) { w.scheduled() },
		"by push": func(w *world) {
			r := w.account("ada")
			w.push(putOf(r, decode(t, string(r.Resource)).With("userName", scim.StringValue("renamed@acme.example"))))
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := populated(t, "ada", "alan", "grace", "kurt")
			w.source.Rules.Protect = []string{"ada@acme.example"}
			w.scheduled()
			w.soul("ada").values["userPrincipalName"] = "renamed@acme.example"
			rename(w)
			w.clock.hour()
			w.disable("ada")
			want(t, w.scheduled(), "complete held (1 held: a protected person)", "deactivate renamed disabled_at_source held:protected")
		})
	}
}

// TestHeldPlanOutlivesTrouble: an incomplete run does not know enough to put a held plan away.
func TestHeldPlanOutlivesTrouble(t *testing.T) {
	w := populated(t, "ada", "alan", "grace", "kurt")
	w.source.Rules.Protect = []string{"ada@acme.example"}
	w.softDelete("ada")
	report := w.scheduled()
	w.dir.incomplete = "half"
	w.clock.hour()
	w.scheduled()
	if _, err := w.engine.Approve(t.Context(), w.source, report.Run.Plan, "boss"); err != nil {
		t.Error(err)
	}
	w.wantActive("alan", "grace", "kurt")
}

func TestDiscardIsRemembered(t *testing.T) {
	w := populated(t, "ada", "alan", "grace", "kurt")
	w.source.Rules.Protect = []string{"ada@acme.example"}
	w.disable("ada")
	report := w.scheduled()
	if err := w.engine.Discard(t.Context(), w.source, report.Run.Plan, "boss"); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		w.clock.hour()
		want(t, w.scheduled(), "complete in_sync", "notice discarded ada")
	}
	w.clock.hour()
	w.enable("ada")
	want(t, w.scheduled(), "complete in_sync")
	w.clock.hour()
	w.disable("ada")
	want(t, w.scheduled(), "complete held (1 held: a protected person)", "deactivate ada disabled_at_source held:protected")
	if err := w.engine.Discard(t.Context(), w.source, report.Run.Plan, "boss"); !errors.Is(err, dirsync.ErrPlanClosed) {
		t.Errorf("discarded twice: %v", err)
	}
}

func TestPolicies(t *testing.T) {
	w := populated(t, "ada", "alan", "grace", "kurt")
	w.disable("ada")
	w.join("new")
	w.source.Policy = dirsync.PolicyReport
	report := w.scheduled()
	want(t, report, "complete observed (2 held: the source's policy is to report only)",
		"deactivate ada disabled_at_source held:policy", "create new assigned_missing held:policy")
	if report.Run.Plan != "" {
		t.Error("a plan of a source that only reports waits for an approval")
	}
	w.clock.hour()
	w.source.Policy = dirsync.PolicyNoCreate
	want(t, w.scheduled(), "complete applied", "deactivate ada disabled_at_source", "notice missing new")
	w.wantActive("alan", "grace", "kurt")
}

// TestDryRunSavesNothing: no run, no plan, no strike, no stamp, no source.
func TestDryRunSavesNothing(t *testing.T) {
	w := populated(t, crowd(12)...)
	w.unassign("p000")
	w.purge("p001")
	w.disable("p002")
	w.join("new")
	w.pushTitle("p003", "Dr") // its stamp is void
	before := w.dump()
	for range 3 {
		report := w.dry()
		want(t, report, "complete planned", "deactivate p002 disabled_at_source", "create new assigned_missing", "notice absent p000", "notice absent p001")
	}
	if diff := cmp.Diff(before, w.dump()); diff != "" {
		t.Errorf("a dry run left a trace (-before +after):\n%s", diff)
	}
	fresh := newWorldOf(t, nil, nil)
	fresh.source.Scope = state.Scope{Tenant: "acme", Source: "never-seen"}
	fresh.join("ada")
	if report := fresh.dry(); report.Run.Outcome != dirsync.OutcomePlanned {
		t.Error(outline(report))
	}
	if _, err := fresh.store.Source(t.Context(), "never-seen"); !errors.Is(err, state.ErrNotFound) {
		t.Errorf("a dry run made the source: %v", err)
	}
}

func TestPushOnlyAndLeases(t *testing.T) {
	w := populated(t, "ada")
	pushOnly := w.source
	pushOnly.Connector = nil
	if _, err := w.engine.RunOnce(t.Context(), pushOnly, dirsync.Order{}); !errors.Is(err, dirsync.ErrPushOnly) {
		t.Errorf("ran a push-only source: %v", err)
	}
	other, err := w.store.AcquireLease(t.Context(), acme, "another process", time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.engine.RunOnce(t.Context(), w.source, dirsync.Order{}); !errors.Is(err, state.ErrLeased) {
		t.Errorf("ran beside another process: %v", err)
	}
	if report := w.dry(); report.Run.Outcome != dirsync.OutcomeInSync {
		t.Errorf("a dry run waits for a lease: %s", outline(report))
	}
	if err := w.store.ReleaseLease(t.Context(), other); err != nil {
		t.Fatal(err)
	}
	w.dir.duringPull = func(int) {
		if _, err := w.engine.RunOnce(t.Context(), w.source, dirsync.Order{}); !errors.Is(err, state.ErrLeased) {
			t.Errorf("ran twice at once: %v", err)
		}
	}
	want(t, w.hand(), "complete in_sync")
}

// TestLeaseIsKept: a long pull keeps its lease, and one that has lost it applies nothing.
func TestLeaseIsKept(t *testing.T) {
	w := populated(t, crowd(12)...)
	w.disable("p000")
	w.dir.duringPull = func(int) {
		w.clock.pass(50 * time.Second)
		if _, err := w.store.AcquireLease(t.Context(), acme, "another process", time.Minute); !errors.Is(err, state.ErrLeased) {
			t.Errorf("the lease ran out during the pull: %v", err)
		}
	}
	want(t, w.hand(), "complete applied", "deactivate p000 disabled_at_source")
	w.disable("p001")
	stolen := false
	w.dir.duringPull = func(int) {
		w.clock.pass(time.Hour)
		if !stolen {
			stolen = true
			if _, err := w.store.AcquireLease(t.Context(), acme, "another process", 24*time.Hour); err != nil {
				t.Fatal(err)
			}
		}
	}
	_, err := w.engine.RunOnce(t.Context(), w.source, dirsync.Order{Trigger: dirsync.TriggerHand})
	if !errors.Is(err, state.ErrStaleEpoch) {
		t.Errorf("went on without the lease: %v", err)
	}
	if w.account("p001"); !slices.Contains(w.active(), "p001") {
		t.Error("applied without the lease")
	}
}

func TestCancelledRunIsRecorded(t *testing.T) {
	w := populated(t, crowd(12)...)
	w.disable("p000")
	ctx, cancel := context.WithCancel(t.Context())
	w.dir.duringPull = func(page int) {
		if page == 3 {
			cancel()
		}
	}
	report, err := w.engine.RunOnce(ctx, w.source, dirsync.Order{Trigger: dirsync.TriggerHand})
	if !errors.Is(err, context.Canceled) || report.Run.Outcome != dirsync.OutcomeFailed {
		t.Errorf("%v: %s", err, outline(report))
	}
	kept, err := w.store.Run(t.Context(), report.Run.ID)
	if err != nil || kept.Outcome != dirsync.OutcomeFailed || kept.EndedAt.IsZero() {
		t.Errorf("recorded %+v, %v", kept, err)
	}
	w.dir.duringPull = nil
	w.clock.hour()
	want(t, w.hand(), "complete applied", "deactivate p000 disabled_at_source")
}

func TestKilledRunIsClosed(t *testing.T) {
	w := populated(t, "ada", "alan")
	lease, err := w.store.AcquireLease(t.Context(), acme, "test", time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	dead := state.Run{ID: "dead", Scope: acme, Trigger: dirsync.TriggerSchedule, StartedAt: w.clock.Now()}
	if err := w.store.PutRun(t.Context(), lease.Epoch, dead); err != nil {
		t.Fatal(err)
	}
	w.clock.pass(time.Second)
	want(t, w.hand(), "complete in_sync")
	kept, err := w.store.Run(t.Context(), "dead")
	if err != nil || kept.Outcome != dirsync.OutcomeFailed || kept.EndedAt.IsZero() {
		t.Errorf("the killed run is %+v, %v", kept, err)
	}
}

// TestCostsGrowWithPages: a run without drift reads no person directly and no record; one with drift looks at few.
func TestCostsGrowWithPages(t *testing.T) {
	w := newWorld(t)
	w.dir.pageSize = 50
	w.join(crowd(500)...)
	w.hand()
	w.hand()
	counting := &countingStore{Store: w.store}
	w.engine.Store = counting
	w.dir.pages, w.dir.looked = 0, nil
	want(t, w.scheduled(), "complete in_sync")
	if w.dir.pages != 10 || len(w.dir.looked) != 0 || counting.reads != 0 {
		t.Errorf("%d pages, %d looks, %d records read; want 10, 0, 0", w.dir.pages, len(w.dir.looked), counting.reads)
	}
}

// countingStore counts how many records are read.
type countingStore struct {
	dirsync.Store
	reads int
}

func (c *countingStore) Record(ctx context.Context, scope state.Scope, kind state.Kind, id state.ID) (state.Record, error) {
	c.reads++
	return c.Store.Record(ctx, scope, kind, id)
}

func (c *countingStore) Find(ctx context.Context, scope state.Scope, kind state.Kind, key state.MatchKey) ([]state.Record, error) {
	c.reads++
	return c.Store.Find(ctx, scope, kind, key)
}

func (c *countingStore) Scan(ctx context.Context, scope state.Scope, kind state.Kind, after int64, skip, limit int, yield func(state.Record) bool) error {
	c.reads++
	return c.Store.Scan(ctx, scope, kind, after, skip, limit, yield)
}

func TestRunReport(t *testing.T) {
	w := populated(t, "ada", "alan", "grace")
	w.disable("ada")
	report := w.scheduled()
	kept, err := w.store.Run(t.Context(), report.Run.ID)
	if err != nil {
		t.Fatal(err)
	}
	got, err := dirsync.ReadRunReport(kept)
	if err != nil {
		t.Fatal(err)
	}
	if got.Proof.People != 3 || !got.Proof.Complete || len(got.Changes) != 1 || got.Changes[0].Outcome != dirsync.ChangeApplied ||
		got.Changes[0].Reason != plan.ReasonDisabled || got.Counts.Agree != 2 {
		t.Errorf("recorded %+v", got)
	}
}

func TestProgress(t *testing.T) {
	w := newWorld(t)
	w.join(crowd(7)...)
	var steps []string
	w.run(dirsync.Order{Trigger: dirsync.TriggerHand, Progress: func(p dirsync.Progress) { steps = append(steps, p.Step) }})
	if diff := cmp.Diff([]string{"pull", "pull", "pull", "apply"}, steps); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}
}

// TestNobodyIsRemovedWithoutALook: more are missing twice than are looked at, and those who are looked at turn out to be there. The
// others, few enough for the gate by then, wait for an approval all the same.
func TestNobodyIsRemovedWithoutALook(t *testing.T) {
	faults := map[string]func(*world, []string){
		"the look says assigned": func(w *world, _ []string) { w.dir.lookTells = true },
		"the look says nothing": func(w *world, missing []string) {
			for _, name := range missing {
				w.soul(name).facts.Enabled = connectors.Unknown
			}
		},
		"the look fails": func(w *world, _ []string) { w.dir.lookErr = errors.New("unreachable") },
	}
	for name, fault := range faults {
		t.Run(name, func(t *testing.T) {
			w := populated(t, crowd(100)...)
			missing := crowd(25)
			w.dir.hidden = make(map[string]bool)
			for _, name := range missing {
				w.dir.hidden["obj-"+name] = true
			}
			fault(w, missing)
			for range 3 {
				report := w.scheduled()
				if n := len(w.active()); n != 100 || report.Plan.Counts.Changes() != report.Plan.Counts.Held {
					t.Fatalf("%d active, want 100: %s", n, outline(report))
				}
				w.clock.hour()
			}
		})
	}
}
