package explain_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/state"
	"rollcall/state/scim"
	"rollcall/state/sqlite"
	"rollcall/state/statetest"
	"rollcall/sync/explain"
	"rollcall/sync/plan"
)

var update = flag.Bool("update", false, "write the golden files")

var acme = state.Scope{Tenant: "acme", Source: "acme-entra"}

// story is a record in which things happen, a minute after each other.
type story struct {
	t     *testing.T
	store statetest.Store
	clock *statetest.Clock
	lease state.Lease
}

// stories runs a test on the model and on the real store.
func stories(t *testing.T, test func(*story)) {
	for name, open := range map[string]func(*testing.T, func() time.Time) statetest.Store{
		"model": func(_ *testing.T, now func() time.Time) statetest.Store {
			m := statetest.NewModel()
			m.Now = now
			return m
		},
		"sqlite": func(t *testing.T, now func() time.Time) statetest.Store {
			s, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "rollcall.db"), sqlite.Options{Now: now})
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { s.Close() })
			return s
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := &story{t: t, clock: statetest.NewClock()}
			s.store = open(t, s.clock.Now)
			_, err := s.store.EnsureSource(t.Context(), acme, "entra")
			var err2 error
			s.lease, err2 = s.store.AcquireLease(t.Context(), acme, "test", time.Hour)
			s.must(errors.Join(err, err2))
			test(s)
		})
	}
}

func (s *story) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

// do carries out one mutation.
func (s *story) do(m state.Mutation) state.Record {
	s.t.Helper()
	s.clock.Advance(time.Minute)
	m.Scope = acme
	if m.Kind == 0 {
		m.Kind = state.KindAccount
	}
	if m.Request != nil {
		m.Request.At, m.Request.KeyID, m.Request.Scope = s.clock.Now(), m.Cause.Actor, acme
	}
	results, err := s.store.Write(state.Urgent, []state.Mutation{m})
	s.must(errors.Join(err, results[0].Err))
	return results[0].Record
}

func resource(text string) scim.Value {
	v, err := scim.ReadJSON([]byte(text), scim.DefaultLimits)
	if err != nil {
		panic(err)
	}
	return v
}

// run keeps a run with what it planned and noticed.
func (s *story) run(id, planID string, changes []map[string]any, notices ...plan.Notice) {
	s.t.Helper()
	s.clock.Advance(time.Minute)
	report, err := json.Marshal(map[string]any{"proof": map[string]any{"complete": true}, "changes": changes, "notices": notices})
	s.must(err)
	s.must(s.store.PutRun(s.t.Context(), s.lease.Epoch, state.Run{
		ID: id, Scope: acme, Trigger: "schedule", Actor: "schedule", StartedAt: s.clock.Now(), EndedAt: s.clock.Now(),
		Verdict: state.VerdictComplete, Outcome: "applied", Plan: planID, Report: report,
	}))
}

// hold keeps a held plan.
func (s *story) hold(id, run string, changes ...plan.Change) {
	s.t.Helper()
	p := plan.Plan{Format: plan.Format, ID: id, Run: run, Changes: changes}
	p.Finish()
	body, err := p.Encode()
	s.must(err)
	s.must(s.store.HoldPlan(s.t.Context(), s.lease.Epoch, state.HeldPlan{ID: id, Scope: acme, Run: run, CreatedAt: s.clock.Now(), Body: body, Changes: len(changes)}))
}

var (
	byPush = state.Cause{Kind: state.CausePush, Actor: "key-1"}
	ada    = state.ID("01900000-0000-7000-8000-00000000000a")
	bob    = state.ID("01900000-0000-7000-8000-00000000000b")
	staff  = state.ID("01900000-0000-7000-8000-00000000000c")
)

const (
	adaPerson = "43ada60f-8558-4fb4-8075-d714e390e871"
	bobPerson = "5b0b0000-8558-4fb4-8075-d714e390e872"
)

// tell plays a life: pushed, clashing, grouped, missing, held and approved, with somebody else always beside.
func (s *story) tell() {
	s.do(state.Mutation{ID: bob, Cause: byPush, Put: &state.Put{Resource: resource(`{"userName":"bob@acme.example","displayName":"Bob Other"}`)},
		Life: &state.Life{Link: new(bobPerson)}})
	s.do(state.Mutation{ID: ada, Cause: byPush, Put: &state.Put{Resource: resource(
		`{"userName":"ada@acme.example","externalId":"00u-ada","displayName":"Ada Acker","emails":[{"type":"home","value":"ada.private@example.com"}],"name":{"givenName":"Ada"}}`)},
		Request: &state.Request{ID: "req-1", Method: "POST", Path: "/scim/Users", Status: 201, Body: []byte(`{"userName":"ada@acme.example"}`)}})
	s.do(state.Mutation{ID: ada, Cause: state.Cause{Kind: state.CausePull, Actor: "schedule", Run: "run-1", Reason: "matched"}, Life: &state.Life{Link: new(adaPerson)}})
	s.do(state.Mutation{ID: ada, Cause: byPush, Put: &state.Put{Base: 2, Resource: resource(
		`{"userName":"ada@acme.example","externalId":"00u-ada","displayName":"Ada Married","emails":[{"type":"home","value":"ada.private@example.com"}],"name":{"givenName":"Ada","familyName":"Married"}}`)},
		Request: &state.Request{ID: "req-2", Method: "PATCH", Path: "/scim/Users/" + string(ada), Status: 200, Body: []byte(`{"cut`)}})
	s.do(state.Mutation{ID: staff, Kind: state.KindGroup, Cause: byPush, Put: &state.Put{Resource: resource(`{"displayName":"Staff"}`)},
		Members: &state.Members{Add: []state.ID{bob, ada}},
		Request: &state.Request{ID: "req-3", Method: "POST", Path: "/scim/Groups", Status: 201, Body: []byte(`{"members":[{"value":"` + string(bob) + `"}]}`)}})
	s.clock.Advance(time.Minute)
	for i, r := range []state.Request{
		{Method: "PATCH", Path: "/scim/Users/" + string(ada), Status: 409, Detail: "another user has this userName: it is that of " + string(bob), Body: []byte(`{"userName":"bob@acme.example"}`)},
		{Method: "PATCH", Path: "/scim/Users/" + string(bob), Status: 400, Detail: "no good", Body: []byte(`{"manager":{"value":"` + string(ada) + `"}}`)},
		{Method: "GET", Path: `/scim/Users?filter=userName+eq+%22ADA@acme.example%22+and`, Status: 400, Detail: "the filter ends early"},
		{Method: "POST", Path: "/scim/Groups", Status: 400, Body: []byte(`{"members":[{"value":"` + string(ada) + `"}]}`)},
	} {
		r.ID, r.Scope, r.At, r.KeyID = fmt.Sprint("failed-", i), acme, s.clock.Now(), "key-1"
		s.store.LogRequest(r)
	}
	absent := plan.Notice{Kind: plan.Absent, Person: adaPerson, Account: ada, Name: "ada@acme.example"}
	other := plan.Notice{Kind: plan.Absent, Person: bobPerson, Account: bob, Name: "bob@acme.example"}
	s.run("run-2", "", nil, absent, other)
	s.run("run-3", "", nil, absent, plan.Notice{Kind: plan.NameReused, Person: bobPerson, Account: ada, Name: "bob@acme.example"})
	s.run("run-4", "", nil, absent)
	s.run("run-5", "", nil, absent)
	witness := []plan.Witness{{Fact: plan.Fact(plan.ReasonUnassigned), How: plan.ByLook, Run: "run-6", At: s.clock.Now()}}
	leave := plan.Change{Action: plan.Deactivate, Account: ada, Version: 4, Person: adaPerson, Name: "ada@acme.example", Reason: plan.ReasonUnassigned, Witnesses: witness,
		Fields: []plan.Field{{Path: "active", Before: []byte("true"), After: []byte("false")}}, Held: true, HeldBecause: plan.HoldCount}
	otherLeaves := leave
	otherLeaves.Account, otherLeaves.Person, otherLeaves.Name = bob, bobPerson, "bob@acme.example"
	members := plan.Change{Action: plan.RemoveMembers, Name: "Staff", Reason: plan.ReasonMemberExtra, Held: true, HeldBecause: plan.HoldEmptied, Group: &plan.Group{
		ID: staff, Source: "g-1", Size: 2, Members: []plan.Member{{Account: ada, Person: adaPerson, Name: "ada@acme.example"}, {Account: bob, Person: bobPerson, Name: "bob@acme.example"}}}}
	s.run("run-6", "plan-1", []map[string]any{{"action": "deactivate", "account": ada, "person": adaPerson, "reason": "unassigned", "held": true, "held_because": "gate_count"}})
	s.hold("plan-1", "run-6", leave, otherLeaves)
	s.clock.Advance(time.Minute)
	s.hold("plan-2", "run-7", leave, otherLeaves, members)
	s.do(state.Mutation{ID: ada, Cause: state.Cause{Kind: state.CauseApproval, Actor: "olga", Run: "run-7", Reason: "unassigned"}, Life: &state.Life{Said: new(false)}})
	s.must(s.store.DecidePlan(s.t.Context(), s.lease.Epoch, "plan-2", state.PlanApproved, "olga"))
	s.must(s.store.Suspect(s.t.Context(), acme, s.lease.Epoch, []state.Suspicion{
		{Person: adaPerson, Fact: "absent", Run: "run-2", At: s.clock.Now()}, {Person: bobPerson, Fact: "absent", Run: "run-2", At: s.clock.Now()}}, nil))
	s.run("run-8", "", []map[string]any{
		{"action": "update", "account": ada, "person": adaPerson, "reason": "drift", "outcome": "moved", "detail": "the account has changed since the plan was made"},
		{"action": "update", "account": bob, "person": bobPerson, "reason": "drift", "outcome": "moved"}})
	s.do(state.Mutation{ID: ada, Cause: state.Cause{Kind: state.CauseOperator, Actor: "olga", Note: "back on Monday"}, Life: &state.Life{InForce: new(true), Pinned: new(true)}})
}

// find finds the one whom a word means.
func (s *story) find(who string) explain.Subject {
	s.t.Helper()
	found, err := explain.Find(s.t.Context(), s.store, acme, who)
	s.must(err)
	if len(found) != 1 {
		s.t.Fatalf("%d answer to %q, want one", len(found), who)
	}
	return found[0]
}

// golden compares JSON with a file.
func (s *story) golden(name string, v any) {
	s.t.Helper()
	var got bytes.Buffer
	enc := json.NewEncoder(&got)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	s.must(enc.Encode(v))
	file := filepath.Join("testdata", name)
	if *update {
		s.must(os.WriteFile(file, got.Bytes(), 0o644))
	}
	want, err := os.ReadFile(file)
	s.must(err)
	if diff := cmp.Diff(string(want), got.String()); diff != "" {
		s.t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

func TestLife(t *testing.T) {
	stories(t, func(s *story) {
		s.tell()
		life, err := explain.ReadLife(t.Context(), s.store, s.find("ada@acme.example"), 0)
		s.must(err)
		s.golden("life.json", life)
		if life.Older {
			t.Error("there is more, though all was asked for")
		}
		for limit := 1; limit <= len(life.Events); limit++ {
			part, err := explain.ReadLife(t.Context(), s.store, s.find("ada@acme.example"), limit)
			s.must(err)
			if len(part.Events) > limit || part.Sentence != life.Sentence || part.Because != life.Because {
				t.Errorf("limit %d: %d events: %s", limit, len(part.Events), part.Sentence)
			}
			if last, want := part.Events[len(part.Events)-1], life.Events[len(life.Events)-1]; last.At != want.At || last.What != want.What {
				t.Errorf("limit %d: it ends with %s, not %s", limit, last.What, want.What)
			}
			if !part.Older && len(part.Events) < len(life.Events) {
				t.Errorf("limit %d: it does not say that there is more", limit)
			}
		}
	})
}

func TestExport(t *testing.T) {
	stories(t, func(s *story) {
		s.tell()
		document, err := explain.ReadExport(t.Context(), s.store, s.find("ada@acme.example"), s.clock.Now())
		s.must(err)
		s.golden("export.json", document)
		text, err := json.Marshal(document)
		s.must(err)
		for _, stranger := range []string{"bob", "Bob", string(bob), bobPerson} {
			if strings.Contains(string(text), stranger) {
				t.Errorf("the document about one person tells of another: %s", stranger)
			}
		}
		for _, own := range []string{"ada.private@example.com", "Ada Acker", "Ada Married", "req-1", "req-3", "failed-0", "failed-2", "run-2", "plan-1", "plan-2", "back on Monday"} {
			if !strings.Contains(string(text), own) {
				t.Errorf("the document lacks %s", own)
			}
		}
	})
}

// TestFind finds people by all their names, tombstones and mere traces too.
func TestFind(t *testing.T) {
	stories(t, func(s *story) {
		s.tell()
		for _, who := range []string{"ADA@acme.example", "00u-ada", "Ada.Private@example.com", adaPerson, string(ada)} {
			if got := s.find(who); got.Account != ada || got.Rank() != 0 {
				t.Errorf("%s: %+v", who, got)
			}
		}
		s.do(state.Mutation{ID: ada, Cause: state.Cause{Kind: state.CauseOperator, Actor: "olga"}, Life: &state.Life{Pinned: new(false)}})
		s.do(state.Mutation{ID: ada, Cause: byPush, Life: &state.Life{Remove: state.RemoveDelete}})
		for _, who := range []string{"ADA@acme.example", "00u-ada", "Ada.Private@example.com", adaPerson, string(ada)} {
			if got := s.find(who); got.Account != ada || got.Rank() != 1 {
				t.Errorf("%s, deleted: %+v", who, got)
			}
		}
		document, err := explain.ReadExport(t.Context(), s.store, s.find(adaPerson), s.clock.Now())
		s.must(err)
		if document.State != "deleted" || document.Life.DeletedAt == nil || len(document.Groups) != 0 || len(document.Memberships) == 0 {
			t.Errorf("the export of a tombstone: %+v", document)
		}
		s.do(state.Mutation{ID: ada, Cause: byPush, Life: &state.Life{Remove: state.RemovePurge}})
		purged := s.find(string(ada))
		life, err := explain.ReadLife(t.Context(), s.store, purged, 0)
		s.must(err)
		if purged.Rank() != 2 || life.State != "purged" || life.Because != explain.BecausePushed || len(life.Events) < 5 {
			t.Errorf("purged: %+v", life)
		}
		for _, who := range []string{"", "nobody@acme.example", string(staff)} {
			if found, err := explain.Find(t.Context(), s.store, acme, who); err != nil || len(found) > 0 {
				t.Errorf("%q: %+v, %v", who, found, err)
			}
		}
	})
}

// TestTraces tells of people who have no account.
func TestTraces(t *testing.T) {
	stories(t, func(s *story) {
		create := func(person, name string) plan.Change {
			return plan.Change{Action: plan.Create, Person: person, Name: name, Reason: plan.ReasonMissing, Held: true, HeldBecause: plan.HoldCreations}
		}
		s.run("run-1", "plan-1", []map[string]any{{"action": "create", "person": "p-kim", "name": "kim@acme.example", "reason": "assigned_missing", "held": true, "held_because": "gate_created"}},
			plan.Notice{Kind: plan.Refused, Person: "p-lee", Name: "lee@acme.example", Detail: "the mapping gives no userName"})
		s.hold("plan-1", "run-1", create("p-kim", "kim@acme.example"), create("p-lou", "lou@acme.example"))
		s.store.LogRequest(state.Request{ID: "failed-1", Scope: acme, At: s.clock.Now(), Method: "POST", Path: "/scim/Users", Status: 400, Detail: "active must be a boolean",
			Body: []byte(`{"userName":"max@acme.example","externalId":"x-max"}`)})
		s.do(state.Mutation{ID: bob, Cause: byPush, Put: &state.Put{Resource: resource(`{"userName":"bob@acme.example"}`)}}) // the log is on disk
		for who, want := range map[string]explain.Because{
			"kim@acme.example": explain.BecauseHeld, "p-kim": explain.BecauseHeld, "lee@acme.example": "refused", "p-lee": "refused",
			"max@acme.example": explain.BecauseRefused, "x-max": explain.BecauseRefused,
		} {
			life, err := explain.ReadLife(t.Context(), s.store, s.find(who), 0)
			s.must(err)
			if life.Because != want || life.State != "none" || len(life.Events) != 1 {
				t.Errorf("%s: %s with %d events: %s", who, life.Because, len(life.Events), life.Sentence)
			}
			if strings.HasPrefix(who, "kim") && life.Person != "p-kim" {
				t.Errorf("%s is %q at the provider, want p-kim", who, life.Person)
			}
		}
		document, err := explain.ReadExport(t.Context(), s.store, s.find("kim@acme.example"), s.clock.Now())
		s.must(err)
		if text, _ := json.Marshal(document); strings.Contains(string(text), "lou") || !strings.Contains(string(text), "plan-1") {
			t.Errorf("the export of somebody without account: %s", text)
		}
	})
}

// TestFaults: an error of the record is handed on with what was tried.
func TestFaults(t *testing.T) {
	stories(t, func(s *story) {
		s.tell()
		subject, broken := s.find("ada@acme.example"), errors.New("the disk is gone")
		for _, method := range []string{"LastEntries", "MembershipEntries", "Request", "FailedRequests", "RunsNaming", "PlansNaming", "SuspicionsOf", "Source", "ListRuns", "GroupsOf"} {
			faulty := statetest.Faulty(s.store, func(c statetest.Call) *statetest.Fault {
				if c.Method == method {
					return &statetest.Fault{Err: broken}
				}
				return nil
			})
			_, lifeErr := explain.ReadLife(t.Context(), faulty, subject, 10)
			_, exportErr := explain.ReadExport(t.Context(), faulty, subject, s.clock.Now())
			onlyOne := map[string]error{"GroupsOf": exportErr, "Source": lifeErr, "ListRuns": lifeErr}
			for _, err := range slices.DeleteFunc([]error{lifeErr, exportErr}, func(err error) bool { return err == nil && onlyOne[method] != nil }) {
				if !errors.Is(err, broken) || !strings.HasPrefix(err.Error(), "source acme-entra: ") {
					t.Errorf("%s: %v", method, err)
				}
			}
		}
	})
}
