package entra_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rollcall/connectors"
	"rollcall/connectors/connectortest"
	"rollcall/connectors/entra"
	"rollcall/connectors/idpsim"
	"rollcall/connectors/idpsim/graph"
)

// group is the object id of the n-th group.
func group(n int) string { return fmt.Sprintf("6f1d8a2e-0000-4000-a000-%012d", n) }

func membersOf(id string) string { return "/groups/" + id + "/members/graph.user" }

// taken is what a pull gave, copied.
type taken struct {
	people []connectors.Person
	groups []connectors.GroupPage
	proof  connectors.Proof
}

func take(t *testing.T, c *entra.Connector, want connectors.Want) (taken, error) {
	t.Helper()
	var got taken
	want.Groups = func(page connectors.GroupPage) error {
		page.Members = slices.Clone(page.Members)
		for i, id := range page.Members {
			page.Members[i] = strings.Clone(id)
		}
		got.groups = append(got.groups, page)
		return nil
	}
	proof, err := c.Pull(t.Context(), want, func(page []connectors.Person) error {
		for _, p := range page {
			p.Values = slices.Clone(p.Values)
			got.people = append(got.people, p)
		}
		return nil
	})
	got.proof = proof
	return got, err
}

// TestGroupsInPassing: every member of every assigned group is told, also those who were passed with another group, and in the groups'
// own order, page by page.
func TestGroupsInPassing(t *testing.T) {
	f := newFake(t)
	f.on(assignedTo, ok(list(row("Group", group(3)), row("Group", group(1)), row("Group", group(2)), row("User", person(9)))))
	f.on("/users/"+person(9), ok(user(9)))
	f.on(membersOf(group(1)), ok(more(f.url(membersOf(group(1))+"?$skiptoken=1"), user(1), user(2))), ok(more(f.url(membersOf(group(1))+"?$skiptoken=2"))), ok(list(user(3))))
	f.on(membersOf(group(2)), ok(list()))
	f.on(membersOf(group(3)), ok(list(user(2), user(4))))
	f.on("/groups/"+group(2), ok(`{"id":"`+group(2)+`","visibility":null}`))
	got, err := take(t, f.open(), connectors.Want{Scope: connectors.Assigned})
	if err != nil {
		t.Fatal(err)
	}
	want := []connectors.GroupPage{
		{ID: group(1), Name: "Sales", Members: []string{person(1), person(2)}},
		{ID: group(1), Name: "Sales"},
		{ID: group(1), Name: "Sales", Members: []string{person(3)}, Last: true},
		{ID: group(3), Name: "Sales", Members: []string{person(2), person(4)}, Last: true},
		{ID: group(2), Name: "Sales", Last: true},
	}
	if diff := cmp.Diff(want, got.groups, cmp.Transformer("nil", func(l []string) []string { return append([]string{}, l...) })); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]string{person(1), person(2), person(3), person(4), person(9)}, ids(got.people)); diff != "" {
		t.Error(diff)
	}
	if got.proof.Groups != 3 || !got.proof.Complete {
		t.Errorf("proof: %+v", got.proof)
	}
}

// TestHiddenMembership: a group whose members are hidden from us is named, whether Graph refuses to list them or lists nobody, and is
// never told as empty.
func TestHiddenMembership(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{
		"refused": status(403, `{"error":{"code":"Authorization_RequestDenied","message":"Insufficient privileges to complete the operation."}}`),
		"silent":  ok(list()),
	} {
		f := newFake(t)
		f.on(assignedTo, ok(list(row("Group", group(1)), row("Group", group(2)))))
		f.on(membersOf(group(1)), answer)
		f.on("/groups/"+group(1), ok(`{"id":"`+group(1)+`","visibility":"HiddenMembership"}`))
		f.on(membersOf(group(2)), ok(list(user(1))))
		got, err := take(t, f.open(), connectors.Want{Scope: connectors.Assigned})
		if err != nil || len(got.people) != 1 {
			t.Fatalf("%s: %v, %v", name, got.people, err)
		}
		if diff := cmp.Diff([]string{"Sales (" + group(1) + ")"}, got.proof.Unreadable); diff != "" || got.proof.Groups != 1 || !got.proof.Complete {
			t.Errorf("%s: %+v", name, got.proof)
		}
		if len(got.groups) != 1 || got.groups[0].ID != group(2) {
			t.Errorf("%s: told of %v", name, got.groups)
		}
	}
}

// TestHiddenAndEmpty: with a token that names Member.Read.Hidden, a hidden group without members is just that.
func TestHiddenAndEmpty(t *testing.T) {
	claims := func(roles string) string {
		return "e30." + base64.RawURLEncoding.EncodeToString([]byte(`{"tid":"`+tenantID+`","roles":[`+roles+`]}`)) + ".c2ln"
	}
	for roles, empty := range map[string]bool{`"Member.Read.Hidden","User.Read.All"`: true, `"User.Read.All"`: false} {
		f := newFake(t)
		f.on(members, ok(list()))
		f.on("/groups/"+groupID, ok(`{"id":"`+groupID+`","visibility":"HiddenMembership"}`))
		got, err := take(t, f.open(func(c *entra.Config) { c.AccessToken = always(claims(roles)) }), connectors.Want{Scope: connectors.Assigned})
		if err != nil || (len(got.proof.Unreadable) == 0) != empty || (len(got.groups) == 1) != empty {
			t.Errorf("%s: %v, %+v", roles, err, got)
		}
	}
}

// TestGroupLostHalfway: a group that may not be read any more after its first page has no last one.
func TestGroupLostHalfway(t *testing.T) {
	f := newFake(t)
	f.on(members, ok(more(f.url(members+"?$skiptoken=1"), user(1))), status(403, `{"error":{"code":"Authorization_RequestDenied"}}`))
	got, err := take(t, f.open(), connectors.Want{Scope: connectors.Assigned})
	if err != nil || len(got.proof.Unreadable) != 1 || len(got.groups) != 1 || got.groups[0].Last {
		t.Errorf("%v, %+v", err, got)
	}
}

// TestNestedMembers: what transitive changes, and what it does not: groups are told with their direct members all the same.
func TestNestedMembers(t *testing.T) {
	nested := "/groups/" + groupID + "/transitiveMembers/graph.user"
	for _, transitive := range []bool{false, true} {
		f := newFake(t)
		f.on(nested, ok(list(user(1), user(2))))
		got, err := take(t, f.open(func(c *entra.Config) { c.Transitive = transitive }), connectors.Want{Scope: connectors.Assigned})
		if err != nil {
			t.Fatal(err)
		}
		want := []string{person(1)}
		if transitive {
			want = append(want, person(2))
		}
		if diff := cmp.Diff(want, ids(got.people)); diff != "" {
			t.Errorf("transitive %t: %s", transitive, diff)
		}
		told := []connectors.GroupPage{{ID: groupID, Name: "Sales", Members: []string{person(1)}, Last: true}}
		if diff := cmp.Diff(told, got.groups); diff != "" {
			t.Errorf("transitive %t: %s", transitive, diff)
		}
		if asked := strings.Join(f.seen, "\n"); strings.Contains(asked, "transitiveMembers") != transitive {
			t.Errorf("transitive %t: asked for %s", transitive, asked)
		}
		if _, _, err := pull(t, f.open(func(c *entra.Config) { c.Transitive = transitive })); err != nil {
			t.Fatal(err)
		}
		if n := len(slices.DeleteFunc(slices.Clone(f.seen), func(s string) bool { return !strings.Contains(s, "/members/") })); transitive && n != 1 {
			t.Errorf("direct members were read %d times, once when they were wanted", n)
		}
	}
}

// TestFurtherGroups: those named are read by their own pages, with their names; those that are read anyhow are not read twice.
func TestFurtherGroups(t *testing.T) {
	for _, scope := range []string{connectors.Everyone, connectors.Assigned} {
		f := newFake(t)
		f.on("/users", ok(list(user(1), user(2))))
		f.on("/groups/"+groupID, ok(`{"displayName":"Sales","id":"`+groupID+`"}`))
		f.on("/groups/"+group(1), ok(`{"displayName":"Ops","id":"`+group(1)+`"}`))
		f.on(membersOf(group(1)), ok(list(`{"id":"`+person(7)+`"}`)))
		f.on("/groups/"+group(2), status(403, `{"error":{"code":"Authorization_RequestDenied"}}`))
		f.on("/groups/"+group(3), ok(`{"displayName":"Closed","id":"`+group(3)+`"}`))
		f.on(membersOf(group(3)), status(403, `{"error":{"code":"Authorization_RequestDenied"}}`))
		got, err := take(t, f.open(), connectors.Want{Scope: scope, GroupIDs: []string{groupID, group(1), group(2), group(3), group(4), "no id", group(1)}})
		if err != nil {
			t.Fatal(err)
		}
		want := []connectors.GroupPage{
			{ID: groupID, Name: "Sales", Members: []string{person(1)}, Last: true},
			{ID: group(1), Name: "Ops", Members: []string{person(7)}, Last: true},
		}
		if diff := cmp.Diff(want, got.groups); diff != "" {
			t.Errorf("%s: %s", scope, diff)
		}
		if len(got.proof.Unreadable) != 0 || !got.proof.Complete {
			t.Errorf("%s: further groups block nothing: %+v", scope, got.proof)
		}
	}
}

// TestGroupsErrorIsReturnedAsItIs, even if it looks like one of a group that may not be read.
func TestGroupsErrorIsReturnedAsItIs(t *testing.T) {
	for _, mine := range []error{errors.New("mine"), &connectors.Error{Kind: connectors.ErrForbidden, Status: 403}} {
		for _, want := range []connectors.Want{{Scope: connectors.Assigned}, {Scope: connectors.Everyone, GroupIDs: []string{groupID}}} {
			f := newFake(t)
			f.on("/users", ok(list(user(1))))
			f.on("/groups/"+groupID, ok(`{"displayName":"Sales","id":"`+groupID+`"}`))
			want.Groups = func(connectors.GroupPage) error { return mine }
			proof, err := f.open().Pull(t.Context(), want, func([]connectors.Person) error { return nil })
			if err != mine || proof.Complete || proof.Reason == "" {
				t.Errorf("%s: %v, %+v", want.Scope, err, proof)
			}
		}
	}
}

// TestManyGroups: first pages are asked for together, so that thousands of small groups cost a twentieth of as many calls.
func TestManyGroups(t *testing.T) {
	f := newFake(t)
	var rows []string
	const groups = 105
	for n := range groups {
		rows = append(rows, row("Group", group(n)))
		f.on(membersOf(group(n)), ok(list(user(2*n), user(2*n+1))))
	}
	f.on(assignedTo, ok(list(rows...)))
	people, proof, err := pull(t, f.open())
	if err != nil || len(people) != 2*groups || proof.Groups != groups {
		t.Fatalf("%d people of %+v, %v", len(people), proof, err)
	}
	if want := 3 + 1 + 5; proof.Calls != want { // application, job, assignments; 5 groups, then 20 at a time
		t.Errorf("%d calls, want %d", proof.Calls, want)
	}
	for _, url := range f.items {
		if !strings.Contains(url, "select=accountEnabled") || !strings.Contains(url, "top=999") {
			t.Fatalf("asked for %s", url)
		}
	}
	if !slices.Equal(ids(people), slices.Sorted(slices.Values(ids(people)))) {
		t.Error("groups are not read in the order of their ids")
	}
}

// TestBatchTooLarge: first pages that are too much together are asked for in smaller batches, and in the end alone.
func TestBatchTooLarge(t *testing.T) {
	f := newFake(t)
	var rows []string
	filler := `,"displayName":"` + strings.Repeat("x", 18<<20) + `"}`
	for n := range 3 {
		rows = append(rows, row("Group", group(n)))
		f.on(membersOf(group(n)), ok(list(strings.TrimSuffix(user(n), "}")+filler)))
	}
	f.on(assignedTo, ok(list(rows...)))
	people, proof, err := pull(t, f.open())
	if err != nil || len(people) != 3 || proof.Calls != 3+1+3 {
		t.Errorf("%d people, %+v, %v", len(people), proof, err)
	}
}

// TestBatchIsNoGroup: a batch that is refused, or not there, is a fault of the pull, not of the groups in it.
func TestBatchIsNoGroup(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{
		"forbidden": status(403, `{"error":{"code":"Authorization_RequestDenied"}}`),
		"not there": status(404, `{"error":{"code":"Request_ResourceNotFound"}}`),
		"one unanswered": batch(func(url string) string {
			if strings.Contains(url, group(1)) {
				return ""
			}
			return `"status":200,"body":` + list(user(1))
		}),
		"one throttled for ever": batch(func(url string) string {
			if strings.Contains(url, group(1)) {
				return `"status":429,"headers":{},"body":{"error":{"code":"TooManyRequests"}}`
			}
			return `"status":200,"body":` + list(user(1))
		}),
	} {
		f := newFake(t)
		f.on(assignedTo, ok(list(row("Group", group(1)), row("Group", group(2)))))
		f.on(batchPath, answer)
		if _, proof, err := pull(t, f.open()); err == nil || proof.Complete || len(proof.Unreadable) != 0 {
			t.Errorf("%s: %v, %+v", name, err, proof)
		}
	}
}

// TestSimulatedGroups pulls a population with every kind of group, and holds what is told of them against who is in them.
func TestSimulatedGroups(t *testing.T) {
	population := idpsim.New(idpsim.Options{Seed: 3, People: 60, Groups: 3, Direct: 5})
	for _, step := range []idpsim.Step{
		{Do: "add-group", Group: "Inner"}, {Do: "join", Who: "#0", Group: "Inner"}, {Do: "unassign", Who: "#0"},
		{Do: "add-group", Group: "Outer"}, {Do: "nest", Group: "Inner", Value: "Outer"}, {Do: "assign", Group: "Outer"},
		{Do: "add-group", Group: "Secret"}, {Do: "join", Who: "#1", Group: "Secret"}, {Do: "assign", Group: "Secret"}, {Do: "hide", Group: "Secret", Value: "silent"},
		{Do: "add-group", Group: "Enabled"}, {Do: "join", Who: "#2", Group: "Enabled"}, {Do: "rule", Group: "Enabled", Value: `(user.accountEnabled -eq true)`}, {Do: "assign", Group: "Enabled"},
	} {
		if err := population.Do(step); err != nil {
			t.Fatal(err)
		}
	}
	c, _ := recorded(t, population, nil, graph.Options{})
	got, err := take(t, c, connectors.Want{Scope: connectors.Assigned})
	if err != nil {
		t.Fatal(err)
	}
	if slices.Contains(ids(got.people), population.EntraID("#0")) {
		t.Error("a member of a nested group was passed")
	}
	if len(got.proof.Unreadable) != 1 || !strings.HasPrefix(got.proof.Unreadable[0], "Secret (") {
		t.Errorf("hidden: %v", got.proof.Unreadable)
	}
	sizes := map[string]int{}
	for _, page := range got.groups {
		sizes[page.Name] += len(page.Members)
		if !page.Last {
			t.Errorf("%s is not told to its end", page.Name)
		}
	}
	if len(sizes) != 5 || sizes["Outer"] != 0 || sizes["Enabled"] != 1 {
		t.Errorf("sizes: %v", sizes)
	}
	if _, told := sizes["Secret"]; told {
		t.Error("a hidden group was told as empty")
	}
}

// recorded serves a population, and opens a connector to it. Without permissions of their own, callers have those a pull needs.
func recorded(t testing.TB, population *idpsim.Population, change func(*entra.Config), o graph.Options) (*entra.Connector, *recorder) {
	t.Helper()
	o.Token = connectortest.Token
	r := &recorder{handler: graph.New(population, o)}
	return openAt(t, r, population, change), r
}
