package entra_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"rollcall/connectors"
	"rollcall/connectors/idpsim"
	"rollcall/connectors/idpsim/graph"
)

// TestFaultsOnRoutes tries each fault at each kind of call of the routes that the shared matrix does not take: pages of the directory,
// first pages of many groups together. A pull is whole and right, or says why it is not. It logs its table.
func TestFaultsOnRoutes(t *testing.T) {
	const many, few = 700, 40
	population := idpsim.New(idpsim.Options{Seed: 9, People: many + 20, Groups: 26, Direct: 300, Unassigned: 20, Roles: []string{"User", "Admin"}})
	if err := population.Do(idpsim.Step{Do: "add-group", Group: "Empty"}, idpsim.Step{Do: "assign", Group: "Empty", Roles: []string{"Admin"}}); err != nil {
		t.Fatal(err)
	}
	slow := map[string]bool{idpsim.SlowDrip: true, idpsim.Hang: true}                                                     // the shared suite waits for them
	unseen := map[string]bool{idpsim.Empty: true, idpsim.LostPage: true, idpsim.LostLink: true, idpsim.MissingRows: true} // one pull cannot see them in a list of members
	var table strings.Builder
	for _, call := range []string{"/users?", "/members/", "visibility"} {
		for _, fault := range idpsim.FaultNames() {
			if slow[fault] {
				continue
			}
			for _, manner := range []string{"once", "for ever", "from the second"} {
				where := map[string]idpsim.Where{"once": {Times: 1}, "for ever": {}, "from the second": {After: 1}}[manner]
				faults := new(idpsim.Faults)
				where.Path = call
				if fault == idpsim.ClockSkew || strings.HasPrefix(fault, idpsim.Throttle) {
					where.Wait = 20 * time.Second
				}
				if err := faults.Set(fault, where); err != nil {
					t.Fatal(err)
				}
				c, r := recorded(t, population, nil, graph.Options{Faults: faults})
				got, err := take(t, c, connectors.Want{Scope: connectors.Assigned, Attributes: []string{"displayName", "appRoleAssignments"}})
				if faults.Hits(fault) == 0 {
					continue
				}
				name := fmt.Sprintf("%-14s %-20s %-15s", fault, call, manner)
				switch {
				case err != nil:
					fmt.Fprintf(&table, "%s incomplete: %s\n", name, got.proof.Reason)
				case len(got.proof.Unreadable) > 0:
					fmt.Fprintf(&table, "%s complete but for %d groups\n", name, len(got.proof.Unreadable))
				default:
					fmt.Fprintf(&table, "%s complete, %d people\n", name, len(got.people))
				}
				hidden := unseen[fault] && call == "/members/"
				if err == nil && len(got.proof.Unreadable) == 0 && !hidden && len(got.people) != many {
					t.Errorf("%s: %d people, told as complete", name, len(got.people))
				}
				if (err == nil) != got.proof.Complete {
					t.Errorf("%s: %v, %+v", name, err, got.proof)
				}
				for _, p := range got.people {
					if p.Facts.Assigned != connectors.Yes || p.Facts.Enabled != connectors.Yes || p.Facts.SoftDeleted != connectors.No || !p.Values[0].Present {
						t.Fatalf("%s: %+v", name, p)
					}
				}
				if n := calls(r.take()); n > few*30 {
					t.Errorf("%s: %d calls", name, n)
				}
			}
		}
	}
	t.Logf("fault, call, how often, outcome\n%s", &table)
}

// costs are the most calls that each route may take beside that of few groups, which is the shared suite's: people assigned directly,
// many small groups.
var costs = []struct {
	name    string
	options idpsim.Options
	most    int // calls
}{
	{"50000 direct of 52000", idpsim.Options{Seed: 11, People: 52_000, Unassigned: 2_000}, 52_000*12/10/999 + 51 + 5},
	{"2000 direct of 52000", idpsim.Options{Seed: 11, People: 52_000, Unassigned: 50_000}, 52_000*12/10/999 + 3 + 5},
	{"50000 through 5000 groups", idpsim.Options{Seed: 11, People: 50_000, Groups: 5_000}, 5_000/20 + 6 + 5},
}

// TestCosts holds the calls of each route against the limit.
func TestCosts(t *testing.T) {
	for _, cost := range costs {
		population := idpsim.New(cost.options)
		c, _ := recorded(t, population, nil, graph.Options{})
		proof, err := c.Pull(t.Context(), connectors.Want{Scope: connectors.Assigned}, func([]connectors.Person) error { return nil })
		if assigned := cost.options.People - cost.options.Unassigned; err != nil || proof.People != assigned || proof.Calls > cost.most {
			t.Errorf("%s: %d people of %d in %d calls, at most %d; %v", cost.name, proof.People, assigned, proof.Calls, cost.most, err)
		}
	}
}
