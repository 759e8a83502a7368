package plan_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/connectors"
	"rollcall/state"
	"rollcall/state/scim"
	"rollcall/sync/mapping"
	"rollcall/sync/plan"
)

var start = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// entra is the default mapping of Entra sources.
func entra(t testing.TB) *mapping.Mapping {
	t.Helper()
	return compile(t, mapping.Default("entra")...)
}

func compile(t testing.TB, rows ...mapping.Row) *mapping.Mapping {
	t.Helper()
	m, err := mapping.Compile(rows)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// person is someone with a value for each attribute that a mapping wants.
func person(m *mapping.Mapping, facts connectors.Facts, values map[string]string) *connectors.Person {
	p := &connectors.Person{ID: "obj-ada", UserName: values["userPrincipalName"], Facts: facts}
	for _, name := range m.Attributes() {
		text, ok := values[name]
		p.Values = append(p.Values, connectors.Value{Present: ok, Text: text})
	}
	return p
}

var ada = map[string]string{"userPrincipalName": "ada@acme.example", "displayName": "Ada", "mobile": "+44 1"}

// account is a recorded account.
func account(t testing.TB, edit func(*state.Record), resource string) *plan.Account {
	t.Helper()
	v, err := scim.ReadJSON([]byte(resource), scim.DefaultLimits)
	if err != nil {
		t.Fatal(err)
	}
	r := state.Record{Row: 1, ID: "acc-ada", Kind: state.KindAccount, Version: 3, Said: true, InForce: true, Link: "obj-ada", Resource: []byte(resource)}
	if edit != nil {
		edit(&r)
	}
	return &plan.Account{Record: r, Resource: v}
}

const adaResource = `{"userName":"ada@acme.example","displayName":"Ada L."}`

// decide evaluates a mapping on a person as they stand, and decides.
func decide(t testing.TB, d plan.Decider, m *mapping.Mapping, p connectors.Person, s plan.Standing, a *plan.Account, tie plan.How) plan.Decision {
	t.Helper()
	subject := plan.Subject{Person: &p, Standing: s, Account: a, Tie: tie}
	if s.Judged {
		p.Facts = s.Facts
		values, err := m.Evaluate(nil, d.Scope, &p)
		if err != nil {
			t.Fatal(err)
		}
		subject.Values = values
	}
	return d.Decide(subject)
}

func decider(m *mapping.Mapping, scope string) plan.Decider {
	return plan.Decider{Targets: m.Targets(), Rules: plan.Rules{GatePercent: 10, GateFloor: 5}, Scope: scope, Create: true}
}

// present is the standing of someone whom the pull passed.
func present(f connectors.Facts) plan.Standing {
	return plan.Stand(plan.Evidence{Run: "now", At: start, Scope: connectors.Assigned, Complete: true, Pulled: &f})
}

// looked is the same, read directly as well.
func looked(f connectors.Facts) plan.Standing {
	return plan.Stand(plan.Evidence{Run: "now", At: start, Scope: connectors.Assigned, Complete: true, Pulled: &f, Look: plan.LookedSeen, Looked: f})
}

// unproven is the standing of someone whom the pull passed without some attribute that scoping filters name.
func unproven(f connectors.Facts, look plan.Look) plan.Standing {
	return plan.Stand(plan.Evidence{Run: "now", At: start, Scope: connectors.Assigned, Complete: true, Pulled: &f, Unproven: true, Look: look})
}

var (
	enabled  = connectors.Facts{Enabled: connectors.Yes, Assigned: connectors.Yes, SoftDeleted: connectors.No, OutOfScope: connectors.No}
	outside  = connectors.Facts{Enabled: connectors.Yes, Assigned: connectors.Yes, SoftDeleted: connectors.No, OutOfScope: connectors.Yes}
	disabled = connectors.Facts{Enabled: connectors.No, Assigned: connectors.Yes, SoftDeleted: connectors.No}
)

func TestDecide(t *testing.T) {
	m := entra(t)
	inactive := func(r *state.Record) { r.Said, r.InForce = false, false }
	tests := []struct {
		name     string
		mapping  *mapping.Mapping
		rules    func(*plan.Rules)
		noCreate bool
		scoped   bool
		values   map[string]string
		standing plan.Standing
		account  *plan.Account
		tie      plan.How
		want     string // action reason [held] fields, or notice, or agree, look, nothing
	}{
		{name: "agreement", standing: present(enabled), account: account(t, nil, adaResource), want: "agree"},
		{
			name: "create-only is never compared", standing: present(enabled),
			account: account(t, nil, `{"userName":"ada@acme.example","displayName":"changed here","phoneNumbers":[{"type":"mobile","value":"0"}]}`), want: "agree",
		},
		{
			name: "always is", standing: present(enabled), account: account(t, nil, `{"userName":"ADA@acme.example"}`),
			want: `update drift userName: "ADA@acme.example" -> "ada@acme.example"`,
		},
		{
			name: "null never flows", standing: present(enabled), values: map[string]string{"displayName": "Ada"},
			account: account(t, nil, adaResource), want: "agree",
		},
		{
			name: "empty never flows",
			mapping: compile(t, mapping.Row{Target: "userName", Source: "[userPrincipalName]"},
				mapping.Row{Target: "title", Source: "[jobTitle]"}),
			standing: present(enabled), values: map[string]string{"userPrincipalName": "ada@acme.example", "jobTitle": ""},
			account: account(t, nil, `{"userName":"ada@acme.example","title":"Countess"}`), want: "agree",
		},
		{
			name: "disabled", standing: present(disabled), account: account(t, nil, adaResource),
			want: "deactivate disabled_at_source active: true -> false",
		},
		{
			name: "who is to be inactive is compared in nothing else", standing: present(disabled), account: account(t, nil, `{"userName":"x"}`),
			want: "deactivate disabled_at_source active: true -> false",
		},
		{name: "inactive and disabled", standing: present(disabled), account: account(t, inactive, `{"userName":"x"}`), want: "agree"},
		{
			name: "protected by an operator", standing: present(disabled),
			account: account(t, func(r *state.Record) { r.Protected = true }, adaResource),
			want:    "deactivate disabled_at_source held:protected active: true -> false",
		},
		{
			name: "protected by the rules", rules: func(r *plan.Rules) { r.Protect = []string{"ada@acme.example"} }, standing: present(disabled),
			account: account(t, nil, `{"userName":"Ada@ACME.example"}`), want: "deactivate disabled_at_source held:protected active: true -> false",
		},
		{
			name: "pinned", standing: present(disabled), account: account(t, func(r *state.Record) { r.Pinned = true }, adaResource), want: "notice pinned",
		},
		{
			name: "pinned, and nothing to change", standing: present(enabled),
			account: account(t, func(r *state.Record) { r.Pinned = true }, adaResource), want: "agree",
		},
		{
			name: "staged by a push, not confirmed", standing: present(enabled),
			account: account(t, func(r *state.Record) { r.Said, r.Staged = false, true }, adaResource), want: "agree",
		},
		{
			name: "staged by a push, confirmed", standing: present(disabled),
			account: account(t, func(r *state.Record) { r.Said, r.Staged = false, true }, adaResource),
			want:    "deactivate disabled_at_source active: true -> false",
		},
		{name: "unknown facts", standing: present(connectors.Facts{Assigned: connectors.Yes}), account: account(t, nil, adaResource), want: "agree"},
		{
			name: "no active row", mapping: compile(t, mapping.Row{Target: "userName", Source: "[userPrincipalName]"}),
			standing: present(disabled), account: account(t, nil, adaResource), want: "agree",
		},
		{
			name: "active at creation only",
			mapping: compile(t, mapping.Row{Target: "userName", Source: "[userPrincipalName]"},
				mapping.Row{Target: "active", Source: `Switch([IsSoftDeleted], , "False", "True", "True", "False")`, Apply: mapping.Create}),
			standing: present(disabled), account: account(t, nil, adaResource), want: "agree",
		},
		{
			name: "the mapping turns it round",
			mapping: compile(t, mapping.Row{Target: "userName", Source: "[userPrincipalName]"},
				mapping.Row{Target: "active", Source: `"True"`}),
			standing: present(disabled), account: account(t, nil, adaResource), want: "agree",
		},
		{
			name: "inactive by the mapping alone",
			mapping: compile(t, mapping.Row{Target: "userName", Source: "[userPrincipalName]"},
				mapping.Row{Target: "active", Source: `Switch([displayName], "True", "Ada", "False")`}),
			standing: present(enabled), account: account(t, nil, adaResource),
			want: "deactivate mapped_inactive held:no_fact active: true -> false",
		},
		{
			name: "out of scope", scoped: true, standing: present(outside), account: account(t, nil, adaResource),
			want: "deactivate out_of_scope active: true -> false",
		},
		{name: "out of scope, as far as was read", scoped: true, standing: unproven(outside, plan.NotLooked), account: account(t, nil, adaResource), want: "look"},
		{
			name: "out of scope, as far as was read, and too many are", scoped: true, standing: unproven(outside, plan.Withheld),
			account: account(t, nil, adaResource), want: "deactivate out_of_scope held:presumed active: true -> false",
		},
		{name: "out of scope and inactive", scoped: true, standing: unproven(outside, plan.NotLooked), account: account(t, inactive, `{"userName":"x"}`), want: "agree"},
		{name: "people out of scope get no account", scoped: true, standing: unproven(outside, plan.NotLooked), want: "nothing"},
		{name: "in scope, as far as was read, without account", scoped: true, standing: unproven(enabled, plan.NotLooked), want: "look"},
		{name: "in scope, as far as was read", scoped: true, standing: unproven(enabled, plan.NotLooked), account: account(t, nil, adaResource), want: "agree"},
		{name: "scope that cannot be told", scoped: true, standing: present(connectors.Facts{Enabled: connectors.Yes, Assigned: connectors.Yes, SoftDeleted: connectors.No}), account: account(t, nil, adaResource), want: "agree"},
		{
			name: "disabled, out of scope as far as was read", scoped: true, standing: unproven(connectors.Facts{Enabled: connectors.No, Assigned: connectors.Yes, OutOfScope: connectors.Yes}, plan.NotLooked),
			account: account(t, nil, adaResource), want: "deactivate disabled_at_source active: true -> false",
		},
		{
			name: "out of scope, where the source skips that", scoped: true, rules: func(r *plan.Rules) { r.SkipOutOfScope = true },
			standing: present(outside), account: account(t, nil, adaResource), want: "notice skipped",
		},
		{
			name: "disabled, where the source skips who is out of scope", scoped: true, rules: func(r *plan.Rules) { r.SkipOutOfScope = true },
			standing: present(connectors.Facts{Enabled: connectors.No, Assigned: connectors.Yes, SoftDeleted: connectors.No, OutOfScope: connectors.Yes}),
			account:  account(t, nil, adaResource), want: "deactivate disabled_at_source active: true -> false",
		},
		{name: "reactivation wants a look", standing: present(enabled), account: account(t, inactive, adaResource), want: "look"},
		{
			name: "reactivation, looked at", standing: looked(enabled), account: account(t, inactive, adaResource),
			want: "reactivate enabled_at_source active: false -> true",
		},
		{
			name: "reactivation repairs as well", standing: looked(enabled), account: account(t, inactive, `{"userName":"old"}`),
			want: `reactivate enabled_at_source userName: "old" -> "ada@acme.example" active: false -> true`,
		},
		{
			name: "link alone", standing: present(enabled), account: account(t, func(r *state.Record) { r.Link = "" }, adaResource), tie: plan.ByMatch,
			want: "link matched link",
		},
		{
			name: "link with a change", standing: present(disabled), account: account(t, func(r *state.Record) { r.Link = "" }, adaResource),
			tie: plan.ByExternalID, want: "deactivate disabled_at_source link active: true -> false",
		},
		{
			name: "creation", standing: present(enabled),
			want: `create assigned_missing link userName: null -> "ada@acme.example" active: null -> true displayName: null -> "Ada" phoneNumbers[type eq "mobile"].value: null -> "+44 1"`,
		},
		{name: "creation, not allowed", noCreate: true, standing: present(enabled), want: "notice missing"},
		{name: "creation without a name", standing: present(enabled), values: map[string]string{"displayName": "Ada"}, want: "notice refused"},
		{name: "disabled people get no account", standing: present(disabled), want: "nothing"},
		{name: "people of unknown state get no account", standing: present(connectors.Facts{Assigned: connectors.Yes}), want: "nothing"},
		{
			name: "creation where the mapping says inactive",
			mapping: compile(t, mapping.Row{Target: "userName", Source: "[userPrincipalName]"},
				mapping.Row{Target: "active", Source: `"False"`}),
			standing: present(enabled), want: "nothing",
		},
		{
			name: "creation where the mapping cannot tell",
			mapping: compile(t, mapping.Row{Target: "userName", Source: "[userPrincipalName]"},
				mapping.Row{Target: "active", Source: `Switch([displayName], , "x", "True")`}),
			standing: present(enabled), want: "notice missing",
		},
		{
			name: "defaults are for creation",
			mapping: compile(t, mapping.Row{Target: "userName", Source: "[userPrincipalName]"},
				mapping.Row{Target: "title", Source: "[jobTitle]", Default: "none"}),
			standing: present(enabled), want: `create assigned_missing link userName: null -> "ada@acme.example" title: null -> "none"`,
		},
		{
			name: "add flows where there is nothing",
			mapping: compile(t, mapping.Row{Target: "userName", Source: "[userPrincipalName]"},
				mapping.Row{Target: "title", Source: "[displayName]", Apply: mapping.Add}),
			standing: present(enabled), account: account(t, nil, adaResource), want: `update drift title: null -> "Ada"`,
		},
		{
			name: "add overwrites nothing",
			mapping: compile(t, mapping.Row{Target: "userName", Source: "[userPrincipalName]"},
				mapping.Row{Target: "title", Source: "[displayName]", Apply: mapping.Add}),
			standing: present(enabled), account: account(t, nil, `{"userName":"ada@acme.example","title":"Countess"}`), want: "agree",
		},
		{
			name: "volatile is never compared",
			mapping: compile(t, mapping.Row{Target: "userName", Source: "[userPrincipalName]"},
				mapping.Row{Target: "title", Source: "Guid()"}).At(start, zeros{}),
			standing: present(enabled), account: account(t, nil, adaResource), want: "agree",
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			mapped := test.mapping
			if mapped == nil {
				mapped = m
			}
			if test.scoped {
				mapped = mapped.Within(salesOnly(t))
			}
			values := test.values
			if values == nil {
				values = ada
			}
			d := decider(mapped, connectors.Assigned)
			d.Create = !test.noCreate
			if test.rules != nil {
				test.rules(&d.Rules)
			}
			got := outline(decide(t, d, mapped, *person(mapped, connectors.Facts{}, values), test.standing, test.account, test.tie))
			if got != test.want {
				t.Errorf("got  %s\nwant %s", got, test.want)
			}
		})
	}
}

// zeros is a source of no chance at all.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) { clear(p); return len(p), nil }

// outline says in one line what was decided.
func outline(d plan.Decision) string {
	switch {
	case d.Look:
		return "look"
	case d.Notice != nil:
		return "notice " + string(d.Notice.Kind)
	case d.Change == nil && d.Agree:
		return "agree"
	case d.Change == nil:
		return "nothing"
	}
	c := d.Change
	text := string(c.Action) + " " + string(c.Reason)
	if c.Held {
		text += " held:" + string(c.HeldBecause)
	}
	if c.Link {
		text += " link"
	}
	for _, f := range c.Fields {
		text += fmt.Sprintf(" %s: %s -> %s", f.Path, f.Before, f.After)
	}
	return text
}

func TestWitnesses(t *testing.T) {
	m := entra(t)
	before := start.Add(-time.Hour)
	e := plan.Evidence{
		Run: "r2", At: start, Scope: connectors.Assigned, Complete: true, Look: plan.LookedSeen,
		Looked:    connectors.Facts{Enabled: connectors.Yes, SoftDeleted: connectors.No},
		WasAbsent: &state.Suspicion{Person: "obj-ada", Fact: "absent", Run: "r1", At: before},
	}
	got := decide(t, decider(m, connectors.Assigned), m, *person(m, connectors.Facts{}, ada), plan.Stand(e), account(t, nil, adaResource), "")
	want := []plan.Witness{
		{Fact: "absent", How: plan.ByAbsence, Run: "r1", At: before},
		{Fact: "absent", How: plan.ByAbsence, Run: "r2", At: start},
		{Fact: "unassigned", How: plan.ByLook, Run: "r2", At: start},
	}
	if diff := cmp.Diff(want, got.Change.Witnesses); diff != "" {
		t.Errorf("witnesses (-want +got):\n%s", diff)
	}
}
