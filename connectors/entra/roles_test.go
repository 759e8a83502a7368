package entra_test

import (
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rollcall/connectors"
	"rollcall/connectors/entra"
	"rollcall/connectors/idpsim"
	"rollcall/connectors/idpsim/graph"
)

// role is the id of the n-th app role.
func role(n int) string { return fmt.Sprintf("6f1d8a2e-0000-4000-b000-%012d", n) }

// inRole is a row of the assignments that gives a role.
func inRole(kind, id, role string) string {
	return fmt.Sprintf(`{"id":"row-%s-%s","principalId":%q,"principalType":%q,"principalDisplayName":"Sales","resourceId":%q,"appRoleId":%q}`, id, role, id, kind, spID, role)
}

// withRoles is a fake whose application declares three roles, one of them without a value.
func withRoles(t *testing.T) *fake {
	f := newFake(t)
	f.on(servicePrincipal, ok(`{"id":"`+spID+`","appRoles":[{"id":"`+role(1)+`","value":"admin","displayName":"Administrators"},
		{"id":"`+role(2)+`","value":"reader","displayName":"Readers"},{"id":"`+role(3)+`","value":null,"displayName":"Guests"}]}`))
	return f
}

func rolesOf(people []connectors.Person, at int) map[string][]string {
	got := map[string][]string{}
	for _, p := range people {
		if !p.Values[at].Present {
			got[p.ID] = nil
			continue
		}
		got[p.ID] = append([]string{}, p.Values[at].List...)
	}
	return got
}

// TestRoles: a person has the roles given to them and to every assigned group that they are in, each once; the zero role and one that is
// not declared have no name.
func TestRoles(t *testing.T) {
	const zero = "00000000-0000-0000-0000-000000000000"
	f := withRoles(t)
	f.on(assignedTo, ok(list(
		inRole("Group", group(1), role(1)), inRole("Group", group(2), role(2)), inRole("Group", group(2), role(1)), inRole("Group", group(3), zero),
		inRole("User", person(1), role(3)), inRole("User", person(5), role(2)), inRole("User", person(5), role(2)), inRole("User", person(6), zero),
		inRole("User", person(7), "6f1d8a2e-0000-4000-b000-999999999999"), inRole("ServicePrincipal", group(9), role(2)),
	)))
	f.on(membersOf(group(1)), ok(list(user(1), user(2))))
	f.on(membersOf(group(2)), ok(list(user(2), user(3))))
	f.on(membersOf(group(3)), ok(list(user(3), user(4))))
	for n := 5; n <= 7; n++ {
		f.on("/users/"+person(n), ok(user(n)))
	}
	people, proof, err := pull(t, f.open(), "appRoleAssignments", "displayName", "AppRoleAssignments")
	if err != nil {
		t.Fatal(err)
	}
	want := map[string][]string{
		person(1): {"Guests", "admin"}, person(2): {"admin", "reader"}, person(3): {"admin", "reader"}, person(4): {}, person(5): {"reader"}, person(6): {}, person(7): {},
	}
	for _, at := range []int{0, 2} {
		if diff := cmp.Diff(want, rolesOf(people, at)); diff != "" {
			t.Error(diff)
		}
	}
	if proof.Groups != 3 || proof.Calls != 3+1+1+1 { // two readings of the groups: who is in several has the roles of all
		t.Errorf("proof: %+v", proof)
	}
}

// TestRolesInOneReading: as long as all groups give the same roles, they are read once.
func TestRolesInOneReading(t *testing.T) {
	f := withRoles(t)
	f.on(assignedTo, ok(list(inRole("Group", group(1), role(1)), inRole("Group", group(2), role(1)), inRole("User", person(1), role(2)))))
	f.on(membersOf(group(1)), ok(list(user(1))))
	f.on(membersOf(group(2)), ok(list(user(2))))
	people, proof, err := pull(t, f.open(), "appRoleAssignments")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(map[string][]string{person(1): {"admin", "reader"}, person(2): {"admin"}}, rolesOf(people, 0)); diff != "" || proof.Calls != 4 {
		t.Errorf("%d calls %s", proof.Calls, diff)
	}
}

func TestRolesAreOfAssignedPeople(t *testing.T) {
	f := withRoles(t)
	_, err := f.open().Pull(t.Context(), connectors.Want{Scope: connectors.Everyone, Attributes: []string{"appRoleAssignments"}}, nil)
	if !errors.Is(err, connectors.ErrMisconfigured) || !strings.Contains(err.Error(), "scope") {
		t.Errorf("got %v", err)
	}
	if len(f.seen) > 0 {
		t.Error("calls were made")
	}
}

// TestManager: it comes beside the person, on every route, and is asked for only when it is wanted.
func TestManager(t *testing.T) {
	managed := func(n, of int) string {
		return strings.TrimSuffix(user(n), "}") + `,"manager":{"@odata.type":"#microsoft.graph.user","id":"` + person(of) + `"}}`
	}
	f := newFake(t)
	f.on(assignedTo, ok(list(row("Group", groupID), row("User", person(3)))))
	f.on(members, ok(list(managed(1, 2), user(2))))
	f.on("/users/"+person(3), ok(managed(3, 9)))
	f.on("/users", ok(list(managed(1, 2))))
	people, _, err := pull(t, f.open(), "manager")
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]connectors.Value{}
	for _, p := range people {
		got[p.ID] = p.Values[0]
	}
	if diff := cmp.Diff(map[string]connectors.Value{person(1): text(person(2)), person(2): {}, person(3): text(person(9))}, got); diff != "" {
		t.Error(diff)
	}
	if _, err := f.open().Pull(t.Context(), connectors.Want{Scope: connectors.Everyone, Attributes: []string{"manager"}}, func([]connectors.Person) error { return nil }); err != nil {
		t.Fatal(err)
	}
	asked := slices.DeleteFunc(append(f.items, f.seen...), func(s string) bool { return !strings.Contains(s, "/members/") && !strings.Contains(s, "/users") })
	if len(asked) != 3 {
		t.Errorf("asked: %q", asked)
	}
	for _, uri := range asked {
		if plain, err := url.QueryUnescape(uri); err != nil || !strings.Contains(plain, "$expand=manager($select=id)") || !strings.Contains(plain, "$select=accountEnabled,id") {
			t.Errorf("asked by %s", uri)
		}
	}
	f.items, f.seen = nil, nil
	if _, _, err := pull(t, f.open(), "mail"); err != nil || strings.Contains(strings.Join(append(f.items, f.seen...), " "), "expand") {
		t.Errorf("not wanted, but asked for: %v", err)
	}
}

// TestManagersOfNestedMembers: a listing of nested members is an advanced query, which allows no $expand: it brings ids, and the people
// are read by id.
func TestManagersOfNestedMembers(t *testing.T) {
	population := idpsim.New(idpsim.Options{Seed: 8, People: 30, Groups: 2, Reports: 5, Roles: []string{"Admin", "User"}})
	for _, step := range []idpsim.Step{
		{Do: "add-group", Group: "Inner"}, {Do: "join", Who: "#7", Group: "Inner"}, {Do: "add-group", Group: "Outer"},
		{Do: "nest", Group: "Inner", Value: "Outer"}, {Do: "assign", Group: "Outer", Roles: []string{"Admin"}},
	} {
		if err := population.Do(step); err != nil {
			t.Fatal(err)
		}
	}
	want := connectors.Want{Scope: connectors.Assigned, Attributes: []string{"manager", "appRoleAssignments", "displayName"}}
	direct, _ := recorded(t, population, nil, graph.Options{})
	one, err := take(t, direct, want)
	if err != nil {
		t.Fatal(err)
	}
	transitive, _ := recorded(t, population, func(c *entra.Config) { c.Transitive = true }, graph.Options{})
	two, err := take(t, transitive, want)
	if err != nil {
		t.Fatal(err)
	}
	if len(one.people) != 30 || len(two.people) != 30 || one.proof.Groups != 3 || two.proof.Groups != 3 {
		t.Fatalf("%d and %d people, %+v and %+v", len(one.people), len(two.people), one.proof, two.proof)
	}
	byID := func(people []connectors.Person, at int) map[string]connectors.Value {
		values := map[string]connectors.Value{}
		for _, p := range people {
			values[p.ID] = p.Values[at]
		}
		return values
	}
	managers := byID(one.people, 0)
	if diff := cmp.Diff(managers, byID(two.people, 0)); diff != "" {
		t.Error(diff)
	}
	if managers[population.EntraID("#7")].Text == "" || managers[population.EntraID("#0")].Present {
		t.Errorf("managers: %v", managers)
	}
	seven := population.EntraID("#7")
	if a, b := rolesOf(one.people, 1)[seven], rolesOf(two.people, 1)[seven]; slices.Contains(a, "Admin") || !slices.Contains(b, "Admin") {
		t.Errorf("roles of the nested group: direct %v, transitive %v", a, b)
	}
}
