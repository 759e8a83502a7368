package entra_test

import (
	"net/http"
	"strings"
	"testing"

	"rollcall/connectors"
	"rollcall/connectors/entra"
	"rollcall/connectors/idpsim"
	"rollcall/connectors/idpsim/graph"
)

// look looks people up and returns them by id.
func look(t *testing.T, c *entra.Connector, attributes []string, ids ...string) map[string]connectors.Person {
	t.Helper()
	got := map[string]connectors.Person{}
	err := c.Look(t.Context(), connectors.Want{Scope: connectors.Assigned, Attributes: attributes}, ids, func(s connectors.Sighting) error {
		got[s.ID] = s.Person
		return nil
	})
	if err != nil || len(got) != len(ids) {
		t.Fatalf("%d of %d sightings, %v", len(got), len(ids), err)
	}
	return got
}

// TestOwnLists: with Directory.Read.All a person's own list says whether they are assigned; without it, nothing does.
func TestOwnLists(t *testing.T) {
	population := idpsim.New(idpsim.Options{Seed: 4, People: 60, Groups: 3, Direct: 10, Unassigned: 20, Roles: []string{"Admin"}})
	if err := population.Do(idpsim.Step{Do: "assign", Who: "#0", Roles: []string{"Admin"}}); err != nil {
		t.Fatal(err)
	}
	direct, viaGroup, nobody := population.EntraID("#0"), population.EntraID("#20"), population.EntraID("#50")
	for name, test := range map[string]struct {
		permissions               []string
		transitive                bool
		assigned, group, stranger connectors.Answer
	}{
		"least":      {[]string{graph.ApplicationRead, graph.GroupMemberRead, graph.UserRead}, false, connectors.Unknown, connectors.Unknown, connectors.Unknown},
		"directory":  {[]string{graph.DirectoryRead}, false, connectors.Yes, connectors.Yes, connectors.No},
		"transitive": {[]string{graph.DirectoryRead}, true, connectors.Unknown, connectors.Unknown, connectors.Unknown},
	} {
		c, r := recorded(t, population, func(c *entra.Config) { c.Transitive = test.transitive }, graph.Options{Permissions: test.permissions})
		got := look(t, c, []string{"appRoleAssignments"}, direct, viaGroup, nobody)
		if a, b, n := got[direct].Facts.Assigned, got[viaGroup].Facts.Assigned, got[nobody].Facts.Assigned; a != test.assigned || b != test.group || n != test.stranger {
			t.Errorf("%s: direct %v, group %v, nobody %v", name, a, b, n)
		}
		if known := test.assigned == connectors.Yes; got[direct].Values[0].Present != known || got[nobody].Values[0].Present != known || known && strings.Join(got[direct].Values[0].List, " ") != "Admin" {
			t.Errorf("%s: roles of %+v and %+v", name, got[direct], got[nobody])
		}
		if n := calls(r.take()); n > 6 {
			t.Errorf("%s: %d calls", name, n)
		}
		if alone := look(t, c, nil, nobody)[nobody].Facts.Assigned; alone != test.stranger {
			t.Errorf("%s: alone %v", name, alone)
		}
	}
}

// ownFake is a directory where person 1 is in the assigned group, person 2 is assigned directly and person 3 is not assigned.
func ownFake(t *testing.T) *fake {
	f := newFake(t)
	f.on(assignedTo, ok(list(row("Group", groupID), row("User", person(2)))))
	for n := 1; n <= 3; n++ {
		f.on("/users/"+person(n), ok(user(n)))
	}
	f.on(ownPath(1), ok(list(own("Group", groupID))))
	f.on(ownPath(2), ok(list(own("User", person(2)))))
	f.on(ownPath(3), ok(list()))
	return f
}

func ownPath(n int) string { return "/users/" + person(n) + "/appRoleAssignments" }

func own(kind, id string) string {
	return inRole(kind, id, "00000000-0000-0000-0000-000000000000")
}

// TestOwnListsAreControlled: an empty list is believed only where those who are assigned for certain do not have one.
func TestOwnListsAreControlled(t *testing.T) {
	denied := status(403, `{"error":{"code":"Authorization_RequestDenied"}}`)
	for name, test := range map[string]struct {
		change func(f *fake)
		says   connectors.Answer
	}{
		"as it should be":             {func(f *fake) {}, connectors.No},
		"a row of the person":         {func(f *fake) { f.on(ownPath(3), ok(list(own("User", person(3))))) }, connectors.Yes},
		"a row of a group":            {func(f *fake) { f.on(ownPath(3), ok(list(own("Group", groupID)))) }, connectors.Yes},
		"not to its end":              {func(f *fake) { f.on(ownPath(3), ok(more(f.url(ownPath(3)+"?$skiptoken=1")))) }, connectors.Unknown},
		"somebody else's":             {func(f *fake) { f.on(ownPath(3), ok(list(own("User", person(9))))) }, connectors.Unknown},
		"another application's":       {func(f *fake) { f.on(ownPath(3), ok(list(row("User", person(3))))) }, connectors.Unknown},
		"nulls":                       {func(f *fake) { f.on(ownPath(3), ok(`{"value":[{"id":"x","principalId":null}]}`)) }, connectors.Unknown},
		"no list":                     {func(f *fake) { f.on(ownPath(3), ok(`{}`)) }, connectors.Unknown},
		"refused":                     {func(f *fake) { f.on(ownPath(3), denied) }, connectors.Unknown},
		"gone in between":             {func(f *fake) { f.on(ownPath(3)) }, connectors.Unknown},
		"direct ones are not shown":   {func(f *fake) { f.on(ownPath(2), ok(list())) }, connectors.Unknown},
		"those of groups are not":     {func(f *fake) { f.on(ownPath(1), ok(list())) }, connectors.Unknown},
		"control is refused":          {func(f *fake) { f.on(ownPath(1), denied); f.on(ownPath(2), denied) }, connectors.Unknown},
		"an assigned group is hidden": {func(f *fake) { f.on(members, denied) }, connectors.Unknown},
		"nobody is in the group":      {func(f *fake) { f.on(members, ok(list())) }, connectors.Unknown},
		"nobody is assigned":          {func(f *fake) { f.on(assignedTo, ok(list())) }, connectors.Unknown},
		"assignments are refused":     {func(f *fake) { f.on(assignedTo, denied) }, connectors.Unknown},
		"the application is gone":     {func(f *fake) { f.on(servicePrincipal) }, connectors.Unknown},
		"no groups at all":            {func(f *fake) { f.on(assignedTo, ok(list(row("User", person(2))))); f.on(members, denied) }, connectors.No},
		"both kinds on later pages": {func(f *fake) {
			f.on(assignedTo, ok(more(f.url(assignedTo+"?$skiptoken=1"), row("User", person(2)))), ok(list(row("Group", groupID))))
		}, connectors.No},
	} {
		f := ownFake(t)
		test.change(f)
		if got := look(t, f.open(), nil, person(3))[person(3)]; got.Facts.Assigned != test.says || got.Facts.Enabled != connectors.Yes {
			t.Errorf("%s: %+v", name, got.Facts)
		}
	}
}

// TestOwnListsFail: whatever becomes of the question, people are told as they were read.
func TestOwnListsFail(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{
		"server error": status(500, "{}"), "throttled": status(429, "{}"), "HTML": status(200, "<html>"), "odd": ok(`{"responses":7}`),
	} {
		f := ownFake(t)
		f.on(batchPath, f.byPath, answer)
		if got := look(t, f.open(), nil, person(2), person(3)); got[person(2)].Facts.Assigned != connectors.Unknown || got[person(3)].UserName == "" {
			t.Errorf("%s: %+v", name, got)
		}
	}
	f := ownFake(t)
	if err := f.open().Look(t.Context(), connectors.Want{Scope: connectors.Everyone}, []string{person(3)}, func(connectors.Sighting) error { return nil }); err != nil || len(f.seen) != 1 {
		t.Errorf("with the scope Everyone nobody asks: %v, %q", err, f.seen)
	}
}
