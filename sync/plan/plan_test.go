package plan_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/state"
	"rollcall/sync/plan"
)

var update = flag.Bool("update", false, "write the golden files anew")

// golden compares with a file of testdata.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("%s (-want +got):\n%s", name, diff)
	}
}

func witness(fact plan.Fact, how plan.How) plan.Witness {
	return plan.Witness{Fact: fact, How: how, Run: "run-2", At: start}
}

func field(path, before, after string) plan.Field {
	return plan.Field{Path: path, Before: json.RawMessage(before), After: json.RawMessage(after)}
}

// drifted is a plan with something of everything.
func drifted() plan.Plan {
	p := plan.Plan{
		Format: plan.Format, Tenant: "acme", Source: "acme-entra", Run: "run-2", MadeAt: start, Basis: "directory/app 1a2b/assigned",
		Counts: plan.Counts{People: 24, Accounts: 23, Active: 22, Agree: 15},
	}
	p.Add(plan.Change{
		Action: plan.Create, Person: "obj-grace", Name: "grace@acme.example", Reason: plan.ReasonMissing, Link: true,
		Witnesses: []plan.Witness{witness("assigned_missing", plan.ByPull)},
		Fields:    []plan.Field{field("userName", "null", `"grace@acme.example"`), field("active", "null", "true"), field("displayName", "null", `"Grace"`)},
	})
	p.Add(plan.Change{
		Action: plan.Deactivate, Account: "acc-1", Version: 4, Person: "obj-ada", Name: "ada@acme.example", Reason: plan.ReasonDisabled,
		Witnesses: []plan.Witness{witness("disabled_at_source", plan.ByPull)}, Fields: []plan.Field{field("active", "true", "false")},
	})
	p.Add(plan.Change{
		Action: plan.Deactivate, Account: "acc-2", Version: 1, Person: "obj-owner", Name: "owner@acme.example", Reason: plan.ReasonUnassigned,
		Witnesses: []plan.Witness{
			{Fact: plan.FactAbsent, How: plan.ByAbsence, Run: "run-1", At: start.Add(-time.Hour)}, witness(plan.FactAbsent, plan.ByAbsence), witness("unassigned", plan.ByLook),
		},
		Fields: []plan.Field{field("active", "true", "false")}, Held: true, HeldBecause: plan.HoldProtected,
	})
	p.Add(plan.Change{
		Action: plan.Deactivate, Account: "acc-7", Version: 2, Person: "obj-paul", Name: "paul@acme.example", Reason: plan.ReasonOutOfScope,
		Witnesses: []plan.Witness{witness("out_of_scope", plan.ByPull), witness("out_of_scope", plan.ByLook)},
		Fields:    []plan.Field{field("active", "true", "false")},
	})
	p.Add(plan.Change{
		Action: plan.Update, Account: "acc-3", Version: 7, Person: "obj-alan", Name: "alan@acme.example", Reason: plan.ReasonDrift,
		Witnesses: []plan.Witness{witness("drift", plan.ByPull)},
		Fields:    []plan.Field{field("title", "null", `"Fellow"`), field(`emails[type eq "work"].value`, `"a@acme.example"`, `"alan@acme.example"`)},
	})
	p.Add(plan.Change{
		Action: plan.Reactivate, Account: "acc-4", Version: 2, Person: "obj-kurt", Name: "kurt@acme.example", Reason: plan.ReasonEnabled,
		Witnesses: []plan.Witness{witness("enabled_at_source", plan.ByPull), witness("enabled_at_source", plan.ByLook)},
		Fields:    []plan.Field{field("active", "false", "true")},
	})
	p.Add(plan.Change{
		Action: plan.Link, Account: "acc-5", Version: 1, Person: "obj-emmy", Name: "emmy@acme.example", Reason: plan.ReasonMatched, Link: true,
		Witnesses: []plan.Witness{witness("matched", plan.ByPull), witness("matched", plan.ByMatch)},
	})
	p.Notice(plan.Notice{Kind: plan.Unexplained, Account: "acc-9", Name: "ghost@acme.example"})
	p.Notice(plan.Notice{Kind: plan.Absent, Person: "obj-joan", Account: "acc-6", Name: "joan@acme.example"})
	p.Notice(plan.Notice{Kind: plan.Blocked, Person: "obj-mary", Account: "acc-8", Name: "mary@acme.example"})
	p.Notice(plan.Notice{Kind: plan.Conflict, Person: "obj-x", Name: "twin@acme.example", Detail: "2 accounts fit"})
	p.Finish()
	p.Hold(plan.Rules{GatePercent: 10, GateFloor: 5}, plan.Circumstances{Ledger: state.Ledger{Active: 22, Total: 23}})
	return p
}

// massive is a plan whose removals the gate holds.
func massive() plan.Plan {
	p := plan.Plan{
		Format: plan.Format, Tenant: "acme", Source: "acme-entra", Run: "run-3", MadeAt: start, Basis: "b",
		Counts: plan.Counts{People: 2, Accounts: 10, Active: 10, Agree: 1},
	}
	for _, name := range []string{"f", "c", "a", "e", "b", "d"} {
		p.Add(plan.Change{
			Action: plan.Deactivate, Account: state.ID("acc-" + name), Version: 1, Person: "obj-" + name, Name: name + "@acme.example", Reason: plan.ReasonUnassigned,
			Witnesses: []plan.Witness{witness(plan.FactAbsent, plan.ByAbsence)}, Fields: []plan.Field{field("active", "true", "false")},
		})
	}
	p.Add(plan.Change{
		Action: plan.Update, Account: "acc-z", Version: 1, Person: "obj-z", Name: "zoë@acme.example", Reason: plan.ReasonDrift, Link: true,
		Witnesses: []plan.Witness{witness("drift", plan.ByPull)}, Fields: []plan.Field{field("title", `"Dr"`, `"Prof"`)},
	})
	for range 25 {
		p.Notice(plan.Notice{Kind: plan.Unexplained, Name: "hand-made"})
	}
	p.Finish()
	p.Hold(plan.Rules{GatePercent: 10, GateFloor: 5}, plan.Circumstances{Ledger: state.Ledger{Active: 10, Total: 10}})
	return p
}

// told is what people are told of a plan, line by line.
func told(p plan.Plan) string {
	var b strings.Builder
	for _, section := range p.Sections() {
		fmt.Fprintln(&b, section.Title)
		for _, l := range section.Lines {
			fmt.Fprintf(&b, "  %s | %s | %s\n", l.What, l.Who, l.Why)
			for _, v := range l.Values {
				fmt.Fprintf(&b, "    %s | %s | %s\n", v.Label, v.Before, v.After)
			}
		}
	}
	return b.String()
}

func TestGoldenPlans(t *testing.T) {
	inSync := plan.Plan{Format: plan.Format, Tenant: "acme", Source: "acme-entra", Run: "run-4", MadeAt: start, Basis: "b", Counts: plan.Counts{People: 1, Accounts: 1, Active: 1, Agree: 1}}
	inSync.Finish()
	for name, p := range map[string]plan.Plan{"drifted": drifted(), "massive": massive(), "in_sync": inSync, "regrouped": regrouped()} {
		t.Run(name, func(t *testing.T) {
			golden(t, name+".txt", []byte(told(p)))
			body, err := p.Encode()
			if err != nil {
				t.Fatal(err)
			}
			if plain, err := json.Marshal(&p); err != nil || !bytes.Equal(plain, body) {
				t.Errorf("%v: written change by change it differs:\n%s", err, cmp.Diff(string(plain), string(body)))
			}
			var indented bytes.Buffer
			if err := json.Indent(&indented, body, "", "  "); err != nil {
				t.Fatal(err)
			}
			golden(t, name+".json", append(indented.Bytes(), '\n'))
			back, err := plan.Decode(body)
			if err != nil {
				t.Fatal(err)
			}
			again, err := back.Encode()
			if err != nil || !bytes.Equal(again, body) {
				t.Errorf("a plan that is read and written again differs (%v):\n%s", err, cmp.Diff(string(body), string(again)))
			}
		})
	}
}

// TestFinishIsDeterministic: the order in which a pull brings people is not in the plan.
func TestFinishIsDeterministic(t *testing.T) {
	want := drifted()
	wantBody, _ := want.Encode()
	for range 20 {
		p := drifted()
		rand.Shuffle(len(p.Changes), func(i, j int) { p.Changes[i], p.Changes[j] = p.Changes[j], p.Changes[i] })
		rand.Shuffle(len(p.Notices), func(i, j int) { p.Notices[i], p.Notices[j] = p.Notices[j], p.Notices[i] })
		p.Finish()
		if body, _ := p.Encode(); !bytes.Equal(body, wantBody) {
			t.Fatalf("another order, another plan:\n%s", cmp.Diff(string(wantBody), string(body)))
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	change := func(text string) string { return `{"format":1,"changes":[` + text + `]}` }
	if _, err := plan.Decode([]byte(change(`{"action":"link","account":"a","version":1,"person":"p"}`))); err != nil {
		t.Error(err)
	}
	for name, body := range map[string]string{
		"no plan":         "nonsense",
		"another format":  `{"format":99}`,
		"no format":       `{}`,
		"unknown action":  change(`{"action":"purge","account":"a","version":1,"person":"p"}`),
		"nobody":          change(`{"action":"link","account":"a","version":1}`),
		"no account":      change(`{"action":"link","version":1,"person":"p"}`),
		"no version":      change(`{"action":"link","account":"a","person":"p"}`),
		"creation of one": change(`{"action":"create","account":"a","person":"p"}`),
		"held for no why": change(`{"action":"link","account":"a","version":1,"person":"p","held":true}`),
		"no path":         change(`{"action":"link","account":"a","version":1,"person":"p","fields":[{"path":"[","before":1,"after":2}]}`),
		"no value":        change(`{"action":"link","account":"a","version":1,"person":"p","fields":[{"path":"title","before":1}]}`),
	} {
		if _, err := plan.Decode([]byte(body)); err == nil {
			t.Errorf("%s: read without error", name)
		}
	}
}

// FuzzDecode: a plan file may hold anything. What is read can be written out, shown, compared and read again.
func FuzzDecode(f *testing.F) {
	for _, p := range []plan.Plan{drifted(), massive(), regrouped()} {
		body, err := p.Encode()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(body)
	}
	f.Add([]byte(`{"format":1,"basis":"\"changes\":[]","changes":[{"action":"link","account":"\"changes\":[","version":1,"person":"p"}]}`))
	f.Add([]byte(`{"format":1,"changes":[{"action":"nonsense","fields":[{"path":"[","before":null}]},{}],"notices":[{}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		p, err := plan.Decode(body)
		if err != nil {
			return
		}
		p.Finish()
		p.Hold(plan.Rules{}, plan.Circumstances{})
		held := p.Held()
		if len(held.Changes) != p.Counts.Held {
			t.Fatalf("%d held, %d counted", len(held.Changes), p.Counts.Held)
		}
		told(p)
		for i := range p.Changes {
			plan.Contradicts(&p.Changes[i], []state.Entry{{At: start, Cause: state.Cause{Kind: state.CausePush}, After: body}}, start, time.Hour)
		}
		again, err := p.Encode()
		if err != nil {
			t.Fatal(err)
		}
		if plain, err := json.Marshal(&p); err != nil || !bytes.Equal(plain, again) {
			t.Fatalf("%v: written change by change it is %s, and as a whole %s", err, again, plain)
		}
		back, err := plan.Decode(again)
		if err != nil || !plan.Same(&p, &back) {
			t.Fatalf("read again it is another plan: %v", err)
		}
	})
}

func TestHeldPart(t *testing.T) {
	p := drifted()
	held := p.Held()
	if len(held.Changes) != 1 || held.Changes[0].Person != "obj-owner" || held.Counts.Held != 1 || held.Counts.Changes() != 1 {
		t.Errorf("held part: %+v", held)
	}
	if len(p.Changes) != 7 {
		t.Errorf("the plan itself lost changes: %d left", len(p.Changes))
	}
	whole := held
	all := whole.Held()
	if all.Changes = append(all.Changes, p.Changes[0]); len(whole.Changes) != 1 || !plan.Same(&whole, &held) {
		t.Errorf("what was added to the held part of a plan that is held whole is in the plan: %+v", whole)
	}
	again := held
	again.Run, again.MadeAt = "run-9", start.Add(time.Hour)
	again.Changes = append([]plan.Change(nil), held.Changes...)
	again.Changes[0].Witnesses = nil
	if !plan.Same(&held, &again) {
		t.Error("the same changes found by another run are not the same plan")
	}
	again.Changes[0].Version++
	if plan.Same(&held, &again) {
		t.Error("a plan for another version is taken for the same")
	}
}

func TestNoticesAreBounded(t *testing.T) {
	var p plan.Plan
	for range plan.MaxNotices + 7 {
		p.Notice(plan.Notice{Kind: plan.Unexplained})
	}
	p.Notice(plan.Notice{Kind: plan.Conflict})
	if len(p.Notices) != plan.MaxNotices+1 || p.Counts.Notices[plan.Unexplained] != plan.MaxNotices+7 {
		t.Errorf("%d listed, %d counted", len(p.Notices), p.Counts.Notices[plan.Unexplained])
	}
}

func TestContradicts(t *testing.T) {
	now := start
	push := func(age time.Duration, number int64, after string) state.Entry {
		return state.Entry{Number: number, At: now.Add(-age), Cause: state.Cause{Kind: state.CausePush}, Before: []byte(`{}`), After: []byte(after)}
	}
	pull := push(time.Minute, 9, `{"said":true}`)
	pull.Cause.Kind = state.CausePull
	deactivation := plan.Change{Action: plan.Deactivate, Fields: []plan.Field{field("active", "true", "false")}}
	mail := plan.Change{Action: plan.Update, Fields: []plan.Field{field(`emails[type eq "work"].value`, `"a"`, `"b"`)}}
	manager := plan.Change{Action: plan.Update, Fields: []plan.Field{
		field("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department", `"a"`, `"b"`)}}
	tests := []struct {
		name    string
		change  plan.Change
		entries []state.Entry
		want    int64 // number of the push; 0: none
	}{
		{name: "nothing happened", change: deactivation},
		{name: "a push said active", change: deactivation, entries: []state.Entry{push(time.Minute, 1, `{"said":true,"inForce":true}`)}, want: 1},
		{name: "a push made the account", change: deactivation, entries: []state.Entry{push(time.Minute, 1, `{"userName":"x","said":true}`)}, want: 1},
		{name: "a push said something else", change: deactivation, entries: []state.Entry{push(time.Minute, 1, `{"title":"x"}`)}},
		{name: "long ago", change: deactivation, entries: []state.Entry{push(15*time.Minute, 1, `{"said":true}`)}},
		{name: "just in time", change: deactivation, entries: []state.Entry{push(15*time.Minute-time.Millisecond, 1, `{"said":true}`)}, want: 1},
		{name: "a pull said so", change: deactivation, entries: []state.Entry{pull}},
		{name: "the newest", change: deactivation, entries: []state.Entry{push(3*time.Minute, 1, `{"said":true}`), push(time.Minute, 2, `{"said":true}`), pull}, want: 2},
		{name: "an attribute", change: mail, entries: []state.Entry{push(time.Minute, 1, `{"emails":[]}`)}, want: 1},
		{name: "an extension", change: manager, entries: []state.Entry{push(time.Minute, 1, `{"urn:ietf:params:scim:schemas:extension:enterprise:2.0:User":{}}`)}, want: 1},
		{name: "unreadable", change: mail, entries: []state.Entry{push(time.Minute, 1, `nonsense`)}, want: 1},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			got, found := plan.Contradicts(&test.change, test.entries, now, 15*time.Minute)
			if got.Number != test.want || found != (test.want != 0) {
				t.Errorf("got push %d (%v), want %d", got.Number, found, test.want)
			}
		})
	}
	first, second := plan.FreshFact(&deactivation, push(0, 1, "")), plan.FreshFact(&deactivation, push(0, 2, ""))
	if first == second || first == plan.FreshFact(&mail, push(0, 1, "")) {
		t.Error("what is remembered of fresh readings does not tell pushes or changes apart")
	}
}

// TestCodesHaveWords: every stable code that the code base uses can be told to a person.
func TestCodesHaveWords(t *testing.T) {
	p := drifted()
	m, g := massive(), regrouped()
	for _, c := range slices.Concat(p.Changes, m.Changes, g.Changes) {
		if c.Reason.Text() == string(c.Reason) {
			t.Errorf("reason %s has no words", c.Reason)
		}
		if c.Held && c.HeldBecause.Text() == string(c.HeldBecause) {
			t.Errorf("hold %s has no words", c.HeldBecause)
		}
	}
	if got := plan.Reason("of_tomorrow").Text(); got != "of_tomorrow" {
		t.Errorf("an unknown code became %q", got)
	}
}
