package okta_test

import (
	"context"
	"errors"
	"net/http/httptest"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/connectors"
	"rollcall/connectors/idpsim"
	simulated "rollcall/connectors/idpsim/okta"
	"rollcall/connectors/okta"
)

// assigned pulls the ids of everyone who is assigned.
func assigned(t *testing.T, c *okta.Connector) []string {
	t.Helper()
	people, _, err := pull(t, c)
	if err != nil {
		t.Fatal(err)
	}
	return ids(people)
}

// TestHintsOfAnOrg: after each change of an org, hints name the person, or ask for a pull.
func TestHintsOfAnOrg(t *testing.T) {
	o := newOrg(t)
	var group string
	o.population.Read(func(v *idpsim.View) { group = v.Group(0).Name() })
	o.do(t, idpsim.Step{Do: "push-group", Group: group})
	c := o.open(t)
	hints, err := c.Hints(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := pullGroups(t, c); err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		step idpsim.Step
		pull bool
	}{
		{idpsim.Step{Do: "suspend", Who: "#5"}, false},
		{idpsim.Step{Do: "unsuspend", Who: "#5"}, false},
		{idpsim.Step{Do: "set", Who: "#6", Attribute: "displayName", Value: "Another"}, false},
		{idpsim.Step{Do: "disable", Who: "#7"}, true},
		{idpsim.Step{Do: "purge", Who: "#8"}, true},
		{idpsim.Step{Do: "unassign", Who: "#0"}, true},
		{idpsim.Step{Do: "assign", Who: "#0"}, true},
	} {
		who := o.population.OktaID(test.step.Who)
		o.do(t, test.step)
		if hints, err = c.Hints(t.Context(), hints.Cursor); err != nil {
			t.Fatal(err)
		}
		if !slices.Contains(hints.People, who) || hints.Pull != test.pull {
			t.Errorf("%+v: %+v", test.step, hints)
		}
	}
	for _, step := range []idpsim.Step{
		{Do: "unassign", Group: group}, {Do: "push-status", Attribute: "displayName", Value: "DONT_PUSH"}, {Do: "app", Value: "inactive"},
	} {
		o.do(t, step)
		if hints, err = c.Hints(t.Context(), hints.Cursor); err != nil || !hints.Pull {
			t.Errorf("%+v: %+v, %v", step, hints, err)
		}
	}
	if hints, err = c.Hints(t.Context(), hints.Cursor); err != nil || hints.Pull || len(hints.People) > 0 {
		t.Errorf("nothing has changed: %+v, %v", hints, err)
	}
}

// TestHintsUnderFaults: whatever goes wrong with the System Log, hints end with an answer or an error of the vocabulary, in few calls, and
// with an error there is no cursor to save.
func TestHintsUnderFaults(t *testing.T) {
	for _, fault := range idpsim.FaultNames() {
		for manner, where := range map[string]idpsim.Where{"once": {Times: 1}, "for ever": {}, "from the second": {After: 1}} {
			population := idpsim.New(idpsim.Options{Seed: 1, People: 30, Groups: 2})
			faults := new(idpsim.Faults)
			api := simulated.New(population, simulated.Options{Token: token, Faults: faults})
			server := httptest.NewServer(api)
			c, err := okta.Open(okta.Config{
				OrgURL: server.URL, AppID: population.OktaAppID(), APIToken: given(token),
				SleepFunc: func(ctx context.Context, _ time.Duration) error { return ctx.Err() },
			})
			if err != nil {
				t.Fatal(err)
			}
			first, err := c.Hints(t.Context(), "")
			if err != nil {
				t.Fatal(err)
			}
			if err := population.Do(idpsim.Step{Do: "suspend", Who: "*"}); err != nil {
				t.Fatal(err)
			}
			where.Path, where.Wait = "/api/v1/logs", time.Microsecond
			if err := faults.Set(fault, where); err != nil {
				t.Fatal(err)
			}
			before := api.Calls()
			hints, err := c.Hints(t.Context(), first.Cursor)
			known := false
			for _, kind := range []error{connectors.ErrThrottled, connectors.ErrUnauthorised, connectors.ErrForbidden, connectors.ErrIncomplete, connectors.ErrUnreachable, connectors.ErrMisconfigured, connectors.ErrGone} {
				known = known || errors.Is(err, kind)
			}
			if err != nil && (!known || hints.Cursor != "") || err == nil && hints.Cursor == "" || api.Calls()-before > 25 {
				t.Errorf("%s %s: %+v, %v, %d calls", fault, manner, hints, err, api.Calls()-before)
			}
			if fault == idpsim.ExpiredDelta && manner == "for ever" && !errors.Is(err, connectors.ErrGone) {
				t.Errorf("an expired cursor: %v", err)
			}
			server.Close()
		}
	}
}

// TestLivesOfPeople follows people through an org: assigned, unassigned, deactivated, gone; and an application that is switched off.
func TestLivesOfPeople(t *testing.T) {
	o := newOrg(t)
	c := o.open(t)
	everyone := assigned(t, c)
	id := func(who string) string { return o.population.OktaID(who) }
	o.do(t, idpsim.Step{Do: "unassign", Who: "#0"}, idpsim.Step{Do: "disable", Who: "#5"}, idpsim.Step{Do: "soft-delete", Who: "#6"}, idpsim.Step{Do: "purge", Who: "#6"},
		idpsim.Step{Do: "moving", Who: "#7"}, idpsim.Step{Do: "app-status", Who: "#8", Value: "IMPORTED"}, idpsim.Step{Do: "app-status", Who: "#9", Value: "REVOKED"})
	want := slices.DeleteFunc(everyone, func(one string) bool { return slices.Contains([]string{id("#0"), id("#5"), id("#6"), id("#8")}, one) })
	if diff := cmp.Diff(want, assigned(t, c)); diff != "" {
		t.Error(diff)
	}
	const yes, no = connectors.Yes, connectors.No
	for who, facts := range map[string]connectors.Facts{
		"#0": {Enabled: yes, Assigned: no, SoftDeleted: no, Status: "ACTIVE"},
		"#5": {Enabled: no, Assigned: no, SoftDeleted: no, Status: "DEPROVISIONED"},
		"#7": {Enabled: no, Assigned: yes, SoftDeleted: no, Status: "ACTIVE, becoming DEPROVISIONED"},
		"#8": {Enabled: yes, Assigned: no, SoftDeleted: no, Status: "ACTIVE"},
		"#9": {Enabled: no, Assigned: yes, SoftDeleted: no, Status: "ACTIVE, app user REVOKED"},
	} {
		if seen := look(t, c, id(who)); seen.Gone || seen.Person.Facts != facts {
			t.Errorf("%s: %+v, want %+v", who, seen.Person.Facts, facts)
		}
	}
	if !look(t, c, id("#6")).Gone {
		t.Error("#6 is gone")
	}
	o.do(t, idpsim.Step{Do: "app", Value: "inactive"})
	if people, proof, err := pull(t, c); err == nil || !proof.Lost || len(people) > 0 {
		t.Errorf("an application that is switched off: %v, %+v", err, proof)
	}
}

// TestCostOfFiftyThousand: with an API token and as a service app, whose tokens are calls too.
func TestCostOfFiftyThousand(t *testing.T) {
	const people = 50_000
	population := idpsim.New(idpsim.Options{Seed: 3, People: people, Groups: 20})
	server := httptest.NewServer(simulated.New(population, simulated.Options{Token: token, Service: &simulated.Service{ClientID: clientID, Key: serviceKey().Public()}}))
	defer server.Close()
	for name, way := range map[string]func(*okta.Config){"API token": func(*okta.Config) {}, "service app": asServiceApp} {
		cfg := okta.Config{
			OrgURL: server.URL, AppID: population.OktaAppID(), APIToken: given(token),
			SleepFunc: func(ctx context.Context, _ time.Duration) error { return ctx.Err() },
		}
		way(&cfg)
		c, err := okta.Open(cfg)
		if err != nil {
			t.Fatal(err)
		}
		proof, err := c.Pull(t.Context(), connectors.Want{Scope: connectors.Assigned, Attributes: []string{"userName", "displayName"}}, func([]connectors.Person) error { return nil })
		if err != nil || proof.People != people || proof.Calls > people/500+5 {
			t.Errorf("%s: %+v, %v", name, proof, err)
		}
	}
}
