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
	dirsync "rollcall/sync"
	"rollcall/sync/mapping"
	"rollcall/sync/plan"
)

// asks runs about some people, and wants no error and no pull.
func (w *world) asks(trigger string, names ...string) dirsync.Report {
	w.t.Helper()
	return w.askFor(dirsync.Order{Trigger: trigger, Actor: "ops"}, names...)
}

func (w *world) askFor(order dirsync.Order, names ...string) dirsync.Report {
	w.t.Helper()
	ids := make([]string, len(names))
	for i, name := range names {
		ids[i] = "obj-" + name
	}
	pulls := w.dir.pulls
	report, err := w.engine.RunPeople(w.t.Context(), w.source, order, ids)
	if err != nil {
		w.t.Fatalf("run: %v", err)
	}
	if w.dir.pulls != pulls {
		w.t.Error("a run about some people pulled")
	}
	return report
}

func (w *world) person(names ...string) dirsync.Report {
	w.t.Helper()
	return w.asks(dirsync.TriggerHand, names...)
}

// blindStore can't read the whole index.
type blindStore struct {
	dirsync.Store
	t testing.TB
}

func (b blindStore) Index(context.Context, state.Scope, func(state.IndexRow) error) error {
	b.t.Error("the whole index was read")
	return nil
}

func TestOnePerson(t *testing.T) {
	w := populated(t, crowd(20)...)
	w.engine.Store = blindStore{w.store, t}
	before, err := w.store.Source(t.Context(), acme.Source)
	if err != nil {
		t.Fatal(err)
	}
	w.disable("p003")
	w.disable("p004")
	report := w.person("p003")
	want(t, report, "complete applied", "deactivate p003 disabled_at_source")
	if len(w.dir.looked) != 1 || report.Run.Trigger != dirsync.TriggerPerson || dirsync.IsPull(report.Run) {
		t.Errorf("looked at %v in a run by %q", w.dir.looked, report.Run.Trigger)
	}
	if c := report.Plan.Counts; c.People != 1 || c.Accounts != 20 || c.Active != 20 {
		t.Errorf("counts %+v", c)
	}
	if got := report.Plan.Changes[0].Witnesses; len(got) != 1 || got[0].How != plan.ByLook || got[0].Fact != "disabled_at_source" {
		t.Errorf("witnesses %+v", got)
	}
	kept, err := w.store.Run(t.Context(), report.Run.ID)
	if err != nil || kept.Outcome != dirsync.OutcomeApplied || kept.EndedAt.IsZero() {
		t.Errorf("recorded %+v, %v", kept, err)
	}
	after, err := w.store.Source(t.Context(), acme.Source)
	if diff := cmp.Diff(before, after); err != nil || diff != "" {
		t.Errorf("the source is another one (-before +after), %v:\n%s", err, diff)
	}
	last, err := dirsync.LastPull(t.Context(), w.store, acme)
	if err != nil || !last.StartedAt.Equal(before.LastPullAt) {
		t.Errorf("the last pull is %+v, %v", last, err)
	}
	w.clock.hour()
	want(t, w.person("p003"), "complete in_sync")
	if n := len(w.active()); n != 19 {
		t.Errorf("%d active, want 19: nobody else is concluded about", n)
	}
}

// TestOnePersonMayCome: who is assigned by their own list gets an account, comes back, and is repaired; without such a list only a pull
// can tell.
func TestOnePersonMayCome(t *testing.T) {
	w := populated(t, "ada", "alan", "grace")
	w.disable("ada")
	w.scheduled()
	w.clock.hour()
	w.enable("ada")
	w.join("new")
	r := w.account("alan")
	w.push(putOf(r, decode(t, `{"userName":"wrong@acme.example"}`)))
	w.clock.hour()
	want(t, w.person("ada", "new", "alan"), "complete applied", "update wrong drift", "notice unplaced ada", "notice unplaced new")
	w.dir.lookTells = true
	want(t, w.person("ada", "new"), "complete applied", "reactivate ada enabled_at_source", "create new assigned_missing")
	w.wantActive("ada", "alan", "grace", "new")
	w.clock.hour()
	want(t, w.person("ada", "new", "alan"), "complete in_sync")
	want(t, w.scheduled(), "complete in_sync")
}

func TestOnePersonOutOfScope(t *testing.T) {
	w := scopedWorld(t, "ada", "alan", "grace")
	w.dir.lookTells = true
	w.department("", "ada")
	w.department("Legal", "alan")
	w.dir.lookNulls = true
	want(t, w.person("ada"), "complete in_sync", "notice refused ada")
	w.dir.lookNulls = false
	want(t, w.person("ada"), "complete applied", "deactivate ada out_of_scope")
	w.department("Sales", "ada")
	w.clock.hour()
	want(t, w.person("ada"), "complete applied", "reactivate ada enabled_at_source")
}

// TestOnePersonGone: two runs have to find it, and not the same lagging replica twice.
func TestOnePersonGone(t *testing.T) {
	w := populated(t, "ada", "alan", "grace")
	w.purge("ada")
	for range 2 {
		want(t, w.person("ada"), "complete in_sync", "notice gone_once ada")
		w.clock.pass(5 * time.Minute)
	}
	w.clock.pass(10 * time.Minute)
	want(t, w.person("ada"), "complete applied", "deactivate ada gone")
	w.purge("alan")
	w.person("alan")
	w.soul("alan").gone = false
	w.clock.pass(time.Minute)
	want(t, w.person("alan"), "complete in_sync")
	if marks, _ := w.store.Suspicions(t.Context(), acme); len(marks) != 1 || marks[0].Person != "obj-ada" {
		t.Errorf("remembered %+v", marks)
	}
}

// TestStrikesAreUndisturbed: to ask for somebody is no snapshot. It adds no strike, and takes one away only where it shows them assigned.
func TestStrikesAreUndisturbed(t *testing.T) {
	w := populated(t, "ada", "alan", "grace")
	w.unassign("ada")
	w.unassign("alan")
	for range 3 {
		want(t, w.person("ada", "alan"), "complete in_sync")
		w.clock.hour()
	}
	want(t, w.scheduled(), "complete in_sync", "notice absent ada", "notice absent alan")
	w.clock.hour()
	want(t, w.person("ada", "alan"), "complete in_sync")
	w.dir.lookTells = true
	w.assign("alan")
	want(t, w.person("alan"), "complete in_sync")
	w.unassign("alan")
	w.dir.lookTells = false
	w.clock.hour()
	want(t, w.scheduled(), "complete applied", "deactivate ada unassigned", "notice absent alan")
}

// TestUnassignedBySnapshotAndOwnList: an earlier snapshot that did not have the person, and their own list now; the list alone is not enough.
func TestUnassignedBySnapshotAndOwnList(t *testing.T) {
	w := populated(t, "ada", "alan", "grace")
	w.dir.lookTells = true
	w.unassign("ada")
	want(t, w.person("ada"), "complete in_sync", "notice unplaced ada")
	w.dir.lookTells = false
	w.clock.hour()
	want(t, w.scheduled(), "complete in_sync", "notice absent ada")
	w.dir.lookTells = true
	w.clock.hour()
	want(t, w.person("ada"), "complete applied", "deactivate ada unassigned")
}

// TestDiscardOutlivesAPerson: what somebody decided to leave alone is not forgotten by a run that cannot tell.
func TestDiscardOutlivesAPerson(t *testing.T) {
	w := populated(t, "ada", "alan", "grace", "kurt")
	w.source.Rules.Protect = []string{"ada@acme.example"}
	w.unassign("ada")
	w.scheduled()
	w.clock.hour()
	report := w.scheduled()
	if err := w.engine.Discard(t.Context(), w.source, report.Run.Plan, "boss"); err != nil {
		t.Fatal(err)
	}
	w.person("ada")
	w.clock.hour()
	want(t, w.scheduled(), "complete in_sync", "notice discarded ada")
}

func TestOnePersonAndTheRules(t *testing.T) {
	t.Run("observed", func(t *testing.T) {
		w := populated(t, "ada", "alan", "grace")
		w.dir.lookTells = true
		w.dir.identity = "another/app"
		w.disable("ada")
		w.join("new")
		want(t, w.asks(dirsync.TriggerSchedule, "ada", "new"), "complete observed (2 held: the source is configured for another directory or application, or to read it in another way, than at the last pull)",
			"deactivate ada disabled_at_source held:observe", "create new assigned_missing held:observe")
		if plans, _ := w.store.ListPlans(t.Context(), acme, 0); len(plans) != 0 {
			t.Errorf("a hint left a plan: %+v", plans)
		}
		report := w.person("ada", "new")
		if report.Run.Outcome != dirsync.OutcomeHeld || report.Plan.Counts.Held != 1 || report.Run.Plan == "" {
			t.Fatal(outline(report))
		}
		w.wantActive("ada", "alan", "grace", "new")
		if _, err := w.engine.Approve(t.Context(), w.source, report.Run.Plan, "boss"); err != nil {
			t.Fatal(err)
		}
		w.wantActive("alan", "grace", "new")
	})
	t.Run("a creation is approved on the person's own list", func(t *testing.T) {
		w := populated(t, "ada", "alan", "grace")
		w.dir.lookTells = true
		w.source.Rules.MaxAccounts = 3
		w.join("new")
		report := w.person("new")
		want(t, report, "complete held (1 held: more accounts than the source may have)", "create new assigned_missing held:max_accounts")
		w.source.Rules.MaxAccounts = 0
		w.unassign("new")
		approved, err := w.engine.Approve(t.Context(), w.source, report.Run.Plan, "boss")
		if err != nil || approved.Results[0].Outcome != dirsync.ChangeStale {
			t.Fatalf("%v: %s", err, outline(approved))
		}
		w.assign("new")
		w.source.Rules.MaxAccounts = 3
		report = w.person("new")
		w.source.Rules.MaxAccounts = 0
		if _, err := w.engine.Approve(t.Context(), w.source, report.Run.Plan, "boss"); err != nil {
			t.Fatal(err)
		}
		w.wantActive("ada", "alan", "grace", "new")
	})
	t.Run("beside a held plan", func(t *testing.T) {
		w := populated(t, crowd(60)...)
		for _, name := range crowd(40) {
			w.disable(name)
		}
		held := w.scheduled()
		if held.Run.Outcome != dirsync.OutcomeHeld {
			t.Fatal(outline(held))
		}
		w.clock.hour()
		for _, name := range []string{"p001", "p050"} {
			w.disable(name)
			report := w.person(name)
			if report.Run.Outcome != dirsync.OutcomeHeld || len(w.active()) != 60 {
				t.Errorf("one of many went alone: %s", outline(report))
			}
			if asked := map[string]string{"p001": held.Run.Plan}[name]; report.Run.Plan != asked {
				t.Errorf("%s is in plan %q, want %q", name, report.Run.Plan, asked)
			}
		}
		w.dir.lookTells = true
		if _, err := w.engine.Approve(t.Context(), w.source, held.Run.Plan, "boss"); err != nil {
			t.Error(err)
		}
	})
	t.Run("the gate", func(t *testing.T) {
		w := populated(t, crowd(30)...)
		removed := 0
		for _, name := range crowd(10) {
			w.disable(name)
			removed += len(w.person(name).Results)
			w.clock.hour()
		}
		if n := len(w.active()); removed != 5 || n != 25 {
			t.Errorf("%d removed one by one, %d are active", removed, n)
		}
	})
	t.Run("protected", func(t *testing.T) {
		w := populated(t, "ada", "alan", "grace", "kurt")
		w.source.Rules.Protect = []string{"ada@acme.example"}
		w.disable("ada")
		want(t, w.person("ada"), "complete held (1 held: a protected person)", "deactivate ada disabled_at_source held:protected")
	})
	t.Run("report only", func(t *testing.T) {
		w := populated(t, "ada", "alan")
		w.source.Policy = dirsync.PolicyReport
		w.disable("ada")
		want(t, w.person("ada"), "complete observed (1 held: the source's policy is to report only)", "deactivate ada disabled_at_source held:policy")
	})
}

// TestOnePersonAndPushes: a push that comes while somebody is looked at wins, and one that is fresh is not contradicted however often.
func TestOnePersonAndPushes(t *testing.T) {
	w := populated(t, "ada", "alan", "grace")
	w.disable("ada")
	w.dir.duringLook = func() { w.pushTitle("ada", "Countess "+w.clock.now.String()) }
	want(t, w.person("ada"), "complete in_sync", "notice moved ada")
	w.dir.duringLook = nil
	w.pushActive("ada", false)
	w.pushActive("ada", true)
	for range 3 {
		want(t, w.person("ada"), "complete in_sync", "notice fresh ada")
		w.clock.pass(time.Minute)
	}
	want(t, w.scheduled(), "complete in_sync", "notice fresh ada") // it was not remembered as read twice
	want(t, w.person("ada"), "complete in_sync", "notice fresh ada")
	want(t, w.scheduled(), "complete applied", "deactivate ada disabled_at_source")
}

// TestOnePersonFindsTheAccount: by the ids that leave no doubt, and never by a name alone.
func TestOnePersonFindsTheAccount(t *testing.T) {
	w := populated(t, "ada")
	w.dir.lookTells = true
	byExternal := w.pushNew(`{"userName":"alan@acme.example","externalId":"obj-alan"}`)
	byID := w.pushNew(`{"userName":"grace@acme.example"}`)
	w.pushNew(`{"userName":"kurt@acme.example"}`)
	w.clock.hour()
	w.join("alan", "grace", "kurt", "emmy", "eve")
	w.soul("grace").account = string(byID.ID)
	w.soul("eve").values["userPrincipalName"] = "ada@acme.example" // ada's
	report := w.person("alan", "grace", "kurt", "emmy", "eve")
	want(t, report, "complete applied", "link alan matched", "link grace matched", "create emmy assigned_missing",
		"notice conflict kurt", "notice name_reused ada")
	if got := w.account("alan"); got.ID != byExternal.ID || got.Link != "obj-alan" {
		t.Errorf("alan's account is %s, linked to %s", got.ID, got.Link)
	}
}

// TestAccountFoundByNameIsReadFirst: an account that only the look leads to may have been pushed to since.
func TestAccountFoundByNameIsReadFirst(t *testing.T) {
	w := populated(t, "ada")
	w.dir.lookTells = true
	record := w.pushNew(`{"userName":"alan@acme.example"}`)
	w.clock.hour()
	w.join("alan")
	w.soul("alan").account = string(record.ID)
	w.disable("alan")
	looks := 0
	w.dir.duringLook = func() {
		if looks++; looks == 2 {
			w.pushTitle("alan", "Dr")
		}
	}
	want(t, w.person("alan"), "complete in_sync", "notice moved alan")
	if looks != 2 {
		t.Errorf("%d looks, want the second one after the account has been read", looks)
	}
}

func TestOnePersonAndTrouble(t *testing.T) {
	w := populated(t, "ada", "alan", "grace")
	w.disable("ada")
	w.dir.lookErr = &connectors.Error{Kind: connectors.ErrThrottled, Op: "read people"}
	report := w.person("ada")
	if report.Run.Outcome != dirsync.OutcomeIncomplete || report.Run.Verdict != state.VerdictPartial || report.Plan.Counts.Notices[plan.Unanswered] != 1 {
		t.Error(outline(report))
	}
	w.dir.lookErr = &connectors.Error{Kind: connectors.ErrSourceLost, Op: "read the application"}
	report = w.person("ada")
	if report.Run.Verdict != state.VerdictFailed || !report.Proof.Lost || len(report.Plan.Changes)+len(report.Plan.Notices) != 0 {
		t.Error(outline(report))
	}
	w.wantActive("ada", "alan", "grace")
	w.dir.lookErr = nil
	before := w.dump()
	for range 2 {
		want(t, w.askFor(dirsync.Order{Trigger: dirsync.TriggerHand, DryRun: true}, "ada", "alan"), "complete planned", "deactivate ada disabled_at_source")
	}
	want(t, w.asks(dirsync.TriggerSchedule, "alan"), "complete in_sync") // a hint that led to nothing
	if diff := cmp.Diff(before, w.dump()); diff != "" {
		t.Errorf("a dry run, or a hint that led to nothing, left a trace (-before +after):\n%s", diff)
	}
	for _, people := range [][]string{nil, {""}} {
		if _, err := w.engine.RunPeople(t.Context(), w.source, dirsync.Order{Trigger: dirsync.TriggerHand}, people); err == nil {
			t.Error("ran about nobody")
		}
	}
	pushOnly := w.source
	pushOnly.Connector = nil
	if _, err := w.engine.RunPeople(t.Context(), pushOnly, dirsync.Order{}, []string{"x"}); !errors.Is(err, dirsync.ErrPushOnly) {
		t.Errorf("ran a push-only source: %v", err)
	}
	other, err := w.store.AcquireLease(t.Context(), acme, "another process", time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.engine.RunPeople(t.Context(), w.source, dirsync.Order{}, []string{"obj-ada"}); !errors.Is(err, state.ErrLeased) {
		t.Errorf("ran beside another process: %v", err)
	}
	if err := w.store.ReleaseLease(t.Context(), other); err != nil {
		t.Fatal(err)
	}
	want(t, w.asks(dirsync.TriggerSchedule, "ada", "ada"), "complete applied", "deactivate ada disabled_at_source")
	if runs, err := w.store.ListRuns(t.Context(), acme, 1); err != nil || runs[0].Trigger != dirsync.TriggerHint {
		t.Errorf("recorded %+v, %v", runs, err)
	}
}

// TestOnePersonOfEveryone: where everyone is in scope, nobody has to be assigned.
func TestOnePersonOfEveryone(t *testing.T) {
	w := newWorldOf(t, nil, nil)
	w.source.People = connectors.Everyone
	w.join("ada", "alan")
	w.hand()
	w.clock.hour()
	w.join("new")
	w.disable("ada")
	m, err := mapping.Compile(mapping.Default("entra"))
	if err != nil {
		t.Fatal(err)
	}
	w.source.Mapping = m
	want(t, w.person("ada", "new"), "complete applied", "deactivate ada disabled_at_source", "create new assigned_missing")
	if got := w.active(); !slices.Equal(got, []string{"alan", "new"}) {
		t.Errorf("active %v", got)
	}
}

// TestHalfAPullTiesNobodyByName: not even where the tie is all that is missing. Somebody who was not read may have the name as well.
func TestHalfAPullTiesNobodyByName(t *testing.T) {
	w := populated(t, "ada")
	w.pushNew(`{"userName":"alan@acme.example"}`)
	w.join("alan")
	w.dir.incomplete = "half"
	report := w.scheduled()
	if len(report.Plan.Changes) != 0 || report.Plan.Counts.Notices[plan.Conflict] != 1 {
		t.Error(outline(report))
	}
}
