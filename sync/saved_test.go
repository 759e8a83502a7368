package sync_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/connectors"
	"rollcall/state"
	"rollcall/state/statetest"
	dirsync "rollcall/sync"
	"rollcall/sync/plan"
)

var sealKey = bytes.Repeat([]byte{7}, state.SealKeySize)

// saved seals the plan of a dry run and reads it again.
func (w *world) saved() plan.Plan {
	w.t.Helper()
	report := w.dry()
	text, err := dirsync.Seal(sealKey, report.Plan, "ops")
	if err != nil {
		w.t.Fatal(err)
	}
	file, err := dirsync.ReadSaved(text)
	if err != nil {
		w.t.Fatal(err)
	}
	p, err := file.Unseal(sealKey)
	if err != nil {
		w.t.Fatal(err)
	}
	if !plan.Same(&p, &report.Plan) {
		w.t.Errorf("sealed and read again it is another plan: %v", p)
	}
	return p
}

func (w *world) apply(p plan.Plan) dirsync.Report {
	w.t.Helper()
	report, err := w.engine.Apply(w.t.Context(), w.source, p, dirsync.Order{Actor: "boss"})
	if err != nil {
		w.t.Fatalf("apply: %v", err)
	}
	return report
}

// TestSealBreaks: no byte of a saved plan can be changed without notice, but for white space.
func TestSealBreaks(t *testing.T) {
	w := populated(t, crowd(12)...)
	w.disable("p001")
	w.join("new")
	text, err := dirsync.Seal(sealKey, w.dry().Plan, "ops")
	if err != nil {
		t.Fatal(err)
	}
	read := func(text []byte, key []byte) error {
		file, err := dirsync.ReadSaved(text)
		if err == nil {
			_, err = file.Unseal(key)
		}
		return err
	}
	if err := read(text, bytes.Repeat([]byte{8}, state.SealKeySize)); !errors.Is(err, dirsync.ErrSeal) {
		t.Errorf("with another record's key: %v", err)
	}
	var compact bytes.Buffer
	if err := errors.Join(json.Compact(&compact, text), read(compact.Bytes(), sealKey)); err != nil {
		t.Errorf("without white space: %v", err)
	}
	text = compact.Bytes()
	for i := range text {
		for _, b := range []byte{'0', text[i] ^ 0x20} {
			changed := slices.Clone(text)
			if changed[i] = b; b == text[i] || sameSaved(text, changed) {
				continue
			}
			if err := read(changed, sealKey); !errors.Is(err, dirsync.ErrSeal) && !errors.Is(err, dirsync.ErrSavedForm) {
				t.Fatalf("%q in the place of %q in …%s…: %v", b, text[i], text[max(0, i-20):min(len(text), i+20)], err)
			}
		}
	}
	for _, added := range []string{"{}", "x", string(text)} {
		if err := read(append(slices.Clone(text), added...), sealKey); !errors.Is(err, dirsync.ErrSavedForm) {
			t.Errorf("followed by %.10s: %v", added, err)
		}
	}
}

// sameSaved tells whether two texts say the same of a plan: names of fields are read without regard to case.
func sameSaved(a, b []byte) bool {
	x, err := dirsync.ReadSaved(a)
	y, err2 := dirsync.ReadSaved(b)
	return err == nil && err2 == nil && cmp.Equal(x, y)
}

// FuzzReadSaved: nothing that is not sealed with the key is ever taken for a plan.
func FuzzReadSaved(f *testing.F) {
	text, err := dirsync.Seal(sealKey, plan.Plan{Format: plan.Format, Tenant: "acme", Source: "acme-entra"}, "ops")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(text)
	f.Add([]byte(`{"rollcall_plan":1,"plan":{"format":1},"seal":""}`))
	f.Add([]byte(`{"rollcall_plan":1}`))
	f.Add([]byte(`{"rollcall_plan":99}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		file, err := dirsync.ReadSaved(text)
		if err != nil {
			return
		}
		if p, err := file.Unseal([]byte("another key")); err == nil {
			t.Fatalf("%q is taken for %+v", text, p)
		}
	})
}

// TestApplySaved: everything that was planned is carried out, as an approval, in a run of its own that can be undone.
func TestApplySaved(t *testing.T) {
	for name, world := range map[string]func(*testing.T) *world{"model": drifting, "sqlite": driftingOnSQLite} {
		t.Run(name, func(t *testing.T) {
			w := world(t)
			before, journal := w.image(), len(w.journal())
			p := w.saved()
			w.clock.hour()
			report := w.apply(p)
			if report.Run.Outcome != dirsync.OutcomeApplied || len(p.Changes) < 4 || report.Run.Trigger != dirsync.TriggerApply {
				t.Fatal(outline(report))
			}
			for _, e := range w.journal()[journal:] {
				if e.Cause.Kind != state.CauseApproval || e.Cause.Actor != "boss" || e.Cause.Run != report.Run.ID {
					t.Errorf("journalled as %+v", e.Cause)
				}
			}
			after, looked := w.image(), len(w.dir.looked)
			if again := w.apply(p); again.Run.Outcome != dirsync.OutcomeInSync || again.Run.ID != "" || outcomes(again)[dirsync.ChangeDone] != len(p.Changes) {
				t.Errorf("a second time: %s", outline(again))
			}
			if runs, err := w.store.ListRuns(t.Context(), acme, 1); err != nil || runs[0].ID != report.Run.ID || len(w.dir.looked) != looked {
				t.Errorf("a second time leaves %v, %v, and asks for %d people", runs, err, len(w.dir.looked)-looked)
			}
			for id, text := range w.image() {
				if after[id] != text {
					t.Errorf("applied twice: %s, was %s", text, after[id])
				}
			}
			if len(w.image()) != len(after) {
				t.Errorf("applied twice there are %d records, not %d", len(w.image()), len(after))
			}
			w.undo(report)
			w.wantImage(before)
			if err := statetest.CheckReplay(t.Context(), w.store, acme); err != nil {
				t.Error(err)
			}
		})
	}
}

// outcomes counts what became of the changes of a report.
func outcomes(r dirsync.Report) map[string]int {
	n := make(map[string]int)
	for _, result := range r.Results {
		n[result.Outcome]++
	}
	return n
}

// TestApplyTheRest: of a plan that was carried out in part, the rest is; what is so already is neither a failure nor done again.
func TestApplyTheRest(t *testing.T) {
	for name, test := range map[string]struct {
		since   func(*world)
		outcome string
		want    map[string]int
	}{
		"the rest":      {func(*world) {}, dirsync.OutcomeApplied, map[string]int{dirsync.ChangeApplied: 1, dirsync.ChangeDone: 3}},
		"with a change": {func(w *world) { w.pushActive("p001", true) }, dirsync.OutcomePartly, map[string]int{dirsync.ChangeApplied: 1, dirsync.ChangeDone: 2, dirsync.ChangeMoved: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			w := populated(t, crowd(12)...)
			w.soul("p000").values["userPrincipalName"] = "renamed@acme.example"
			w.disable("p001")
			w.disable("p002")
			w.join("new")
			p := w.saved()
			part := p
			part.Changes = slices.DeleteFunc(slices.Clone(p.Changes), func(c plan.Change) bool { return c.Person == "obj-p002" })
			part.Finish()
			if report := w.apply(part); outcomes(report)[dirsync.ChangeApplied] != 3 {
				t.Fatal(outline(report))
			}
			test.since(w)
			journal := len(w.journal())
			report := w.apply(p)
			if diff := cmp.Diff(test.want, outcomes(report)); diff != "" || report.Run.Outcome != test.outcome || len(w.journal()) != journal+1 {
				t.Errorf("%s: %s\n%s", report.Run.Outcome, diff, outline(report))
			}
		})
	}
}

// TestApplyNeedsItsWitness: what has changed since is left alone, whoever says so.
func TestApplyNeedsItsWitness(t *testing.T) {
	w := populated(t, crowd(40)...)
	for _, name := range crowd(20) {
		w.disable(name)
	}
	p := w.saved()
	w.enable("p000")
	w.pushTitle("p001", "Dr")
	w.operate(w.account("p002"), state.Life{Pinned: new(true)})
	report := w.apply(p)
	if report.Run.Outcome != dirsync.OutcomePartly || report.Plan.Counts.Removals != 20 || len(w.active()) != 23 {
		t.Error(outline(report))
	}
	for _, name := range []string{"p000", "p001", "p002"} {
		if !w.account(name).InForce {
			t.Errorf("%s was removed", name)
		}
	}
}

// TestApplyRefuses: another configuration, another tenant, a policy that forbids it, a provider that does not answer.
func TestApplyRefuses(t *testing.T) {
	w := populated(t, crowd(12)...)
	w.disable("p001")
	p := w.saved()
	for name, test := range map[string]struct {
		change func(*dirsync.Source)
		want   error
	}{
		"scope":     {func(s *dirsync.Source) { s.People = connectors.Everyone }, dirsync.ErrPlanBasis},
		"push-only": {func(s *dirsync.Source) { s.Connector = nil }, dirsync.ErrPushOnly},
		"report":    {func(s *dirsync.Source) { s.Policy = dirsync.PolicyReport }, dirsync.ErrReportOnly},
		"tenant":    {func(s *dirsync.Source) { s.Scope.Tenant = "globex" }, nil},
	} {
		source := w.source
		test.change(&source)
		if _, err := w.engine.Apply(t.Context(), source, p, dirsync.Order{Actor: "boss"}); err == nil || test.want != nil && !errors.Is(err, test.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	w.dir.lookErr = errors.New("unreachable")
	if report, err := w.engine.Apply(t.Context(), w.source, p, dirsync.Order{Actor: "boss"}); err == nil || report.Run.Outcome != dirsync.OutcomeFailed {
		t.Errorf("without an answer: %v, %s", err, outline(report))
	}
	w.wantActive(crowd(12)...)
}

// TestApplyLetsNobodyInOnAnOldReading: who is let in was found by the plan's own pull, if there is no later one, or by a later one that
// holds the same, and not longer ago than a day.
func TestApplyLetsNobodyInOnAnOldReading(t *testing.T) {
	for name, test := range map[string]struct {
		meanwhile func(*world)
		stands    bool
	}{
		"at once":            {func(*world) {}, true},
		"held by a pull":     {func(w *world) { w.observe("asked for"); w.scheduled() }, true},
		"unknown to a pull":  {func(w *world) { w.partially(0); w.scheduled() }, false},
		"days later":         {func(w *world) { w.clock.pass(25 * time.Hour) }, false},
		"held, and too late": {func(w *world) { w.observe("asked for"); w.scheduled(); w.clock.pass(25 * time.Hour) }, false},
	} {
		t.Run(name, func(t *testing.T) {
			w := populated(t, crowd(10)...)
			w.disable("p001")
			w.scheduled()
			w.clock.hour()
			w.enable("p001")
			w.join("new")
			p := w.saved()
			w.clock.hour()
			test.meanwhile(w)
			report := w.apply(p)
			active := w.active()
			if slices.Contains(active, "new") != test.stands || slices.Contains(active, "p001") != test.stands {
				t.Errorf("active %v: %s", active, outline(report))
			}
		})
	}
}

// TestKilledApply kills it at every call of the store, before and after it, and calls it again: it does the rest and repeats nothing.
func TestKilledApply(t *testing.T) {
	whole := drifting(t)
	whole.apply(whole.saved())
	expected, members := whole.active(), whole.members(whole.group("Sales"))
	killedAnywhere(t, func(t *testing.T) (*world, func() error, func()) {
		w := drifting(t)
		p := w.saved()
		act := func() error {
			_, err := w.engine.Apply(t.Context(), w.source, p, dirsync.Order{Actor: "boss"})
			return err
		}
		return w, act, func() {
			if !slices.Equal(w.active(), expected) || !slices.Equal(w.members(w.group("Sales")), members) {
				t.Errorf("active %v, want %v; members %v, want %v", w.active(), expected, w.members(w.group("Sales")), members)
			}
		}
	})
}

// TestReview: what has moved since a plan was made is told, by the record and by the provider, and nothing is changed.
func TestReview(t *testing.T) {
	w := populated(t, crowd(40)...)
	for _, name := range crowd(20) {
		w.disable(name)
	}
	run := w.scheduled()
	held, err := w.store.HeldPlan(t.Context(), run.Run.Plan)
	if err != nil {
		t.Fatal(err)
	}
	w.clock.hour()
	w.pushTitle("p001", "Dr")
	w.enable("p002")
	for name, by := range map[string]state.CauseKind{"p003": state.CausePull, "p004": state.CauseApproval} { // of a push that waited; it has no run
		staged := w.push(state.Mutation{ID: w.account(name).ID, Life: &state.Life{Said: new(false), Stage: true}})
		if results, err := w.store.Write(state.Urgent, []state.Mutation{{
			Scope: acme, Kind: state.KindAccount, ID: staged.ID, Life: &state.Life{InForce: new(false)}, Cause: state.Cause{Kind: by, Actor: "ops"},
		}}); err != nil || results[0].Err != nil {
			t.Fatal(err, results)
		}
	}
	before := w.dump()
	for live, want := range map[bool]string{
		false: "[p001: moved changed since by a push p003: moved changed since by the source's confirmation of a push p004: moved changed since by an approval of a push]",
		true: "[p001: moved the account has changed since the plan was made p002: stale looked at now, the person is not what the plan says" +
			" p003: moved the account has changed since the plan was made p004: moved the account has changed since the plan was made]",
	} {
		reviewed, err := w.engine.Review(t.Context(), w.source, held, live)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, m := range reviewed.Moved {
			got = append(got, fmt.Sprintf("%s: %s %s", strings.TrimSuffix(reviewed.Plan.Changes[m.Change].Name, "@acme.example"), m.Outcome, m.Detail))
		}
		if fmt.Sprint(got) != want || !reviewed.ReadAt.Equal(run.Run.StartedAt) {
			t.Errorf("live %t: %v at %v, want %s at %v", live, got, reviewed.ReadAt, want, run.Run.StartedAt)
		}
	}
	if w.dump() != before {
		t.Error("a review leaves a trace")
	}
	w.dir.lookErr = errors.New("unreachable")
	if _, err := w.engine.Review(t.Context(), w.source, held, true); err == nil {
		t.Error("reviewed without an answer")
	}
}
