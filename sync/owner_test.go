package sync_test

import (
	"testing"
	"time"

	"rollcall/connectors"
	"rollcall/state"
	dirsync "rollcall/sync"
	"rollcall/sync/mapping"
)

func (w *world) useMapping(rows ...mapping.Row) {
	w.t.Helper()
	m, err := mapping.Compile(rows)
	if err != nil {
		w.t.Fatal(err)
	}
	w.source.Mapping = m
	w.hand() // what is observed first is not the matter here
	w.clock.hour()
}

var byMail = []mapping.Row{
	{Target: "userName", Source: "[userPrincipalName]"},
	{Target: `emails[type eq "work"].value`, Source: "[mail]", Match: 1},
	{Target: "active", Source: `Switch([IsSoftDeleted], , "False", "True", "True", "False")`},
}

// TestEvidence: what ties a pushed account to a person, and in which order.
func TestEvidence(t *testing.T) {
	tests := []struct {
		name  string
		setUp func(w *world)
		want  []string
	}{
		{
			name:  "the name",
			setUp: func(w *world) { w.pushNew(`{"userName":"ADA@acme.example"}`); w.join("ada") },
			want:  []string{"complete applied", "update ADA drift"},
		},
		{
			name:  "the object id",
			setUp: func(w *world) { w.pushNew(`{"userName":"old@acme.example","externalId":"obj-ada"}`); w.join("ada") },
			want:  []string{"complete applied", "update old drift"},
		},
		{
			name: "our id",
			setUp: func(w *world) {
				r := w.pushNew(`{"userName":"old@acme.example"}`)
				w.join("ada")
				w.soul("ada").account = string(r.ID)
			},
			want: []string{"complete applied", "update old drift"},
		},
		{
			name: "the object id beats the name of another account",
			setUp: func(w *world) {
				w.pushNew(`{"userName":"x@acme.example","externalId":"obj-ada"}`)
				w.pushNew(`{"userName":"ada@acme.example"}`)
				w.join("ada")
			}, // her account would get the other's name
			want: []string{"complete in_sync", "notice name_reused x", "notice unexplained ada"},
		},
		{
			name: "two accounts with her object id",
			setUp: func(w *world) {
				w.pushNew(`{"userName":"x@acme.example","externalId":"obj-ada"}`)
				w.pushNew(`{"userName":"y@acme.example","externalId":"obj-ada"}`)
				w.join("ada")
			},
			want: []string{"complete in_sync", "notice conflict ada", "notice unexplained x", "notice unexplained y"},
		},
		{
			name: "two people fit one account",
			setUp: func(w *world) {
				w.pushNew(`{"userName":"ada@acme.example"}`)
				w.join("ada", "twin")
				w.soul("twin").values["userPrincipalName"] = "ada@acme.example"
			},
			want: []string{"complete in_sync", "notice conflict ada", "notice conflict ada"},
		},
		{
			name: "two people fit one account, one by object id",
			setUp: func(w *world) {
				w.pushNew(`{"userName":"ada@acme.example","externalId":"obj-twin"}`)
				w.join("ada", "twin")
				w.soul("twin").values["userPrincipalName"] = "ada@acme.example"
			},
			want: []string{"complete applied", "link ada matched", "notice name_reused ada"},
		},
		{
			name: "two new people with one name",
			setUp: func(w *world) {
				w.join("ada", "twin", "alan")
				w.soul("twin").values["userPrincipalName"] = "Ada@acme.example"
			},
			want: []string{"complete applied", "create alan assigned_missing", "notice conflict ada", "notice conflict Ada"},
		},
		{
			name: "the account that the provider names is linked to someone else",
			setUp: func(w *world) {
				w.join("ada")
				w.hand()
				w.join("eve")
				w.soul("eve").account = string(w.account("ada").ID)
			},
			want: []string{"complete in_sync", "notice name_reused eve"},
		},
		{
			name: "the account that the provider names does not exist",
			setUp: func(w *world) {
				w.join("ada")
				w.soul("ada").account = "nonsense"
			},
			want: []string{"complete applied", "create ada assigned_missing"},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			w.join("known")
			w.hand()
			test.setUp(w)
			w.clock.hour()
			report := w.hand()
			want(t, report, test.want...)
			w.clock.hour()
			if again := w.hand(); len(again.Plan.Changes) != 0 {
				t.Errorf("a second run still plans: %s", outline(again))
			}
		})
	}
}

// TestMatchByMail: people share addresses. Nobody is guessed.
func TestMatchByMail(t *testing.T) {
	w := newWorld(t)
	w.join("known")
	w.useMapping(byMail...)
	w.pushNew(`{"userName":"a.lovelace","emails":[{"type":"work","value":"Ada@acme.example"}]}`)
	w.pushNew(`{"userName":"shared-1","emails":[{"type":"work","value":"team@acme.example"}]}`)
	w.pushNew(`{"userName":"shared-2","emails":[{"type":"home","value":"team@acme.example"}]}`)
	w.join("ada", "team", "nomail")
	w.soul("ada").values["mail"] = "ada@acme.example"
	w.soul("team").values["mail"] = "team@acme.example"
	w.clock.hour()
	want(t, w.hand(), "complete applied", "update a.lovelace drift", "create nomail assigned_missing",
		"notice conflict team", "notice unexplained shared-1", "notice unexplained shared-2")
}

// TestNameTakenByAnUntiedAccount: an account that no match attribute explains has the name that a new one would need.
func TestNameTakenByAnUntiedAccount(t *testing.T) {
	w := newWorld(t)
	w.join("known")
	w.useMapping(byMail...)
	w.pushNew(`{"userName":"ada@acme.example"}`)
	w.join("ada")
	w.clock.hour()
	want(t, w.hand(), "complete in_sync", "notice conflict ada", "notice unexplained ada")
}

// TestNameReused: someone new has the name of someone who has an account. The account is neither switched nor renamed; that its
// person left is a fact, but whether that ends the account waits for a human eye.
func TestNameReused(t *testing.T) {
	w := populated(t, "ada", "alan", "grace", "kurt")
	w.softDelete("ada")
	w.soul("ada").values["userPrincipalName"] = "0123ada@acme.example" // as a recycle bin names them
	w.join("ada2")
	w.soul("ada2").values["userPrincipalName"] = "ada@acme.example"
	report := w.scheduled()
	want(t, report, "complete held (1 held: the account's name belongs to someone else now)",
		"deactivate ada soft_deleted held:name_reused", "notice name_reused ada")
	w.wantActive("ada", "alan", "grace", "kurt")
	if _, err := w.engine.Approve(t.Context(), w.source, report.Run.Plan, "boss"); err != nil {
		t.Fatal(err)
	}
	w.wantActive("alan", "grace", "kurt")
	if got := w.account("ada").Link; got != "obj-ada" {
		t.Errorf("the account went to %s", got)
	}
}

// TestSharedNames: two sources of one tenant may each have the name; it is reported. Other tenants are not looked at.
func TestSharedNames(t *testing.T) {
	w := populated(t, "known")
	for _, scope := range []state.Scope{{Tenant: "acme", Source: "acme-okta"}, {Tenant: "globex", Source: "globex-okta"}} {
		if _, err := w.store.EnsureSource(t.Context(), scope, "okta"); err != nil {
			t.Fatal(err)
		}
		results, err := w.store.Write(state.Urgent, []state.Mutation{{
			Scope: scope, Kind: state.KindAccount, ID: state.NewID(), Put: &state.Put{Resource: decode(t, `{"userName":"ADA@acme.example"}`)},
			Cause: state.Cause{Kind: state.CausePush},
		}})
		if err != nil || results[0].Err != nil {
			t.Fatal(err, results[0].Err)
		}
	}
	w.join("ada")
	report := w.scheduled()
	want(t, report, "complete applied", "create ada assigned_missing", "notice shared ada")
	if detail := report.Plan.Notices[0].Detail; detail != "source acme-okta" {
		t.Errorf("shared with %s", detail)
	}
}

// TestNamesSwapped: two people exchange names in the directory. Nobody becomes the other.
func TestNamesSwapped(t *testing.T) {
	w := populated(t, "ada", "alan", "grace")
	w.soul("ada").values["userPrincipalName"], w.soul("alan").values["userPrincipalName"] = "alan@acme.example", "ada@acme.example"
	report := w.scheduled()
	if len(report.Plan.Changes) != 0 || report.Plan.Counts.Notices["name_reused"] != 2 {
		t.Error(outline(report))
	}
	if w.account("ada").Link != "obj-ada" {
		t.Error("the names were exchanged")
	}
}

// TestNameHandedOn: one person gets another's name, who gets a new one. Neither account is renamed.
func TestNameHandedOn(t *testing.T) {
	w := populated(t, "ada", "alan", "grace")
	w.soul("ada").values["userPrincipalName"] = "alan@acme.example"
	w.soul("alan").values["userPrincipalName"] = "turing@acme.example"
	want(t, w.scheduled(), "complete in_sync", "notice name_reused ada")
	w.wantActive("ada", "alan", "grace")
}

// TestUnexplainedIsNeverRemoved: an account that was made by hand stays, however long nobody explains it.
func TestUnexplainedIsNeverRemoved(t *testing.T) {
	w := populated(t, "ada", "alan")
	w.pushNew(`{"userName":"robot@acme.example","displayName":"Robot"}`)
	for range 5 {
		w.clock.pass(24 * time.Hour)
		want(t, w.scheduled(), "complete in_sync", "notice unexplained Robot")
	}
	w.wantActive("ada", "alan", "robot")
}

// TestStrangersHoldEverything: a population that shares nobody with the record is more likely a wrong directory.
func TestStrangersHoldEverything(t *testing.T) {
	w := populated(t, crowd(5)...)
	w.dir.souls = nil
	w.join("eve", "mallory")
	report := w.hand()
	if report.Run.Outcome != dirsync.OutcomeIncomplete || report.Plan.Counts.Held != 2 || report.Plan.Counts.Changes() != 2 {
		t.Error(outline(report))
	}
	w.wantActive(crowd(5)...)
}

// TestReferences: a manager is referred to by object id and recorded by the id of the account.
func TestReferences(t *testing.T) {
	w := newWorld(t)
	w.useMapping(append(mapping.Default("entra"),
		mapping.Row{Target: "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:manager", Source: "[manager]"})...)
	w.join("ada", "boss")
	w.soul("ada").values["manager"] = "obj-boss"
	w.hand()
	w.clock.hour()
	want(t, w.hand(), "complete applied", "update ada drift") // the boss had no account yet when hers was made
	manager := decode(t, string(w.account("ada").Resource)).Get("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User").Get("manager")
	if manager.Get("value").Text != string(w.account("boss").ID) {
		t.Errorf("manager is %s", manager.AppendJSON(nil))
	}
	w.clock.hour()
	want(t, w.hand(), "complete in_sync")
	counting := &countingStore{Store: w.store}
	w.engine.Store = counting
	want(t, w.hand(), "complete in_sync")
	if counting.reads != 0 {
		t.Errorf("%d records read without drift", counting.reads)
	}
	w.soul("ada").values["manager"] = "obj-nobody"
	want(t, w.hand(), "complete in_sync") // what leads nowhere does not flow
}

// TestScopeOfEveryone: where everyone is in scope, nobody is unassigned.
func TestScopeOfEveryone(t *testing.T) {
	w := newWorld(t)
	w.source.People = connectors.Everyone
	w.join("ada", "alan", "grace")
	w.unassign("alan")
	w.hand()
	w.clock.hour()
	w.wantActive("ada", "alan", "grace")
	w.dir.hidden = map[string]bool{"obj-ada": true}
	for range 3 {
		report := w.hand()
		if len(report.Plan.Changes) != 0 {
			t.Fatal(outline(report))
		}
		w.clock.hour()
	}
	w.purge("ada")
	w.hand()
	w.clock.hour()
	want(t, w.hand(), "complete applied", "deactivate ada gone")
}

// TestAllValuesNull: a lost permission looks like people without attributes. Nothing of theirs is changed.
func TestAllValuesNull(t *testing.T) {
	w := populated(t, "ada", "alan", "grace")
	for _, s := range w.dir.souls {
		s.values = nil
		s.facts = connectors.Facts{Assigned: connectors.Yes}
	}
	report := w.scheduled()
	if len(report.Plan.Changes) != 0 {
		t.Error(outline(report))
	}
	w.wantActive("ada", "alan", "grace")
}

// TestRefusedPeopleAreLeftAlone: whose values the mapping cannot be evaluated on is reported, and not missed.
func TestRefusedPeopleAreLeftAlone(t *testing.T) {
	w := populated(t, "ada", "alan", "grace")
	w.soul("ada").values["userPrincipalName"] = ""
	want(t, w.scheduled(), "complete in_sync", "notice refused ada")
	w.wantActive("ada", "alan", "grace")
}

// TestRefusedLeavers: a row of the mapping that has nothing to do with who is active keeps nobody in who has left, whether the pull
// passes them or a look finds them.
func TestRefusedLeavers(t *testing.T) {
	w := newWorldOf(t, nil, nil)
	m, err := mapping.Compile(append(mapping.Default("entra"), mapping.Row{
		Target: "title", Source: `FormatDateTime([employeeHireDate], , "yyyy-MM-dd", "yyyy")`, Apply: mapping.Always,
	}))
	if err != nil {
		t.Fatal(err)
	}
	w.source.Mapping = m
	w.join("ada", "alan", "grace", "kurt", "emmy", "sofia", "hedy")
	for _, s := range w.dir.souls {
		s.values["employeeHireDate"] = "2020-01-02"
	}
	w.hand()
	w.clock.hour()
	w.disable("ada")
	w.softDelete("alan")
	for _, name := range []string{"ada", "alan", "grace"} {
		w.soul(name).values["employeeHireDate"] = "gone fishing"
	}
	w.soul("grace").values["userPrincipalName"] = "renamed@acme.example"
	want(t, w.hand(), "complete applied",
		"deactivate ada disabled_at_source", "deactivate alan soft_deleted", "notice refused ada", "notice refused alan", "notice refused grace")
	w.wantActive("grace", "kurt", "emmy", "sofia", "hedy")
}

func TestPinned(t *testing.T) {
	w := populated(t, "ada", "alan", "grace")
	pin := true
	r := w.account("ada")
	results, err := w.store.Write(state.Urgent, []state.Mutation{{
		Scope: acme, Kind: state.KindAccount, ID: r.ID, Life: &state.Life{Pinned: &pin}, Cause: state.Cause{Kind: state.CauseOperator, Actor: "ops"},
	}})
	if err != nil || results[0].Err != nil {
		t.Fatal(err, results[0].Err)
	}
	w.disable("ada")
	want(t, w.scheduled(), "complete in_sync", "notice pinned ada")
	w.wantActive("ada", "alan", "grace")
}
