package entra_test

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rollcall/connectors"
	"rollcall/connectors/idpsim"
	"rollcall/connectors/idpsim/graph"
)

// TestRouteOfDirectPeople: by the cheaper of directory pages and batches of 20, and with the same people either way.
func TestRouteOfDirectPeople(t *testing.T) {
	for name, test := range map[string]struct {
		direct, directory int
		calls             int // beside application, job and assignments
		pages             bool
	}{
		"few":               {180, 400, 9, false},
		"most of all":       {900, 1000, 1 + 2, true}, // the size, two pages
		"one page short":    {210, 9980, 1 + 10, true},
		"a large directory": {210, 12_000, 1 + 11, false},
	} {
		population := idpsim.New(idpsim.Options{Seed: 2, People: test.directory, Unassigned: test.directory - test.direct})
		c, r := recorded(t, population, nil, graph.Options{})
		got, err := take(t, c, connectors.Want{Scope: connectors.Assigned, Attributes: []string{"displayName"}})
		if err != nil || len(got.people) != test.direct {
			t.Fatalf("%s: %d people, %v", name, len(got.people), err)
		}
		if n := got.proof.Calls - 3; n != test.calls {
			t.Errorf("%s: %d calls, want %d", name, n, test.calls)
		}
		seen := r.take()
		if pages := slices.ContainsFunc(seen, func(s sent) bool { return strings.HasPrefix(s.uri, "/users?") && strings.Contains(s.uri, "top=999") }); pages != test.pages {
			t.Errorf("%s: pages %t", name, pages)
		}
		facts := connectors.Facts{Enabled: connectors.Yes, Assigned: connectors.Yes, SoftDeleted: connectors.No}
		for _, person := range got.people {
			if person.Facts != facts || !person.Values[0].Present {
				t.Fatalf("%s: %+v", name, person)
			}
		}
	}
}

// directory is a fake whose assigned people are persons 1 to n, with pages of the directory and people by id.
func directory(t *testing.T, n int, page ...string) *fake {
	f := newFake(t)
	var rows []string
	for i := 1; i <= n; i++ {
		rows = append(rows, row("User", person(i)))
		f.on("/users/"+person(i), ok(user(i)))
	}
	f.on(assignedTo, ok(list(rows...)))
	f.on("/users", func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("$count") == "true" {
			if r.Header.Get("ConsistencyLevel") != "eventual" || r.URL.Query().Get("$top") != "1" {
				t.Errorf("the size was asked for by %s", r.URL)
			}
			ok(fmt.Sprintf(`{"@odata.count":%d,"value":[%s]}`, n, user(1)))(w, r)
			return
		}
		if r.Header.Get("ConsistencyLevel") != "" {
			t.Error("pages of people come from an index")
		}
		ok(list(page...))(w, r)
	})
	return f
}

// TestPagesLackSomebody: who is assigned but not on the directory's pages is read by id, and from the recycle bin, before being taken for
// absent; who is on them but not assigned is not passed.
func TestPagesLackSomebody(t *testing.T) {
	var page []string
	for n := 4; n <= 260; n++ {
		page = append(page, user(n))
	}
	f := directory(t, 250, page...)
	f.on("/users/" + person(2))
	f.on("/directory/deletedItems/"+person(2), ok(`{"id":"`+person(2)+`","userPrincipalName":"bo@acme.example"}`))
	f.on("/users/" + person(3))
	people, proof, err := pull(t, f.open())
	if err != nil || !proof.Complete {
		t.Fatal(err)
	}
	var want []string
	for n := 4; n <= 250; n++ {
		want = append(want, person(n))
	}
	if diff := cmp.Diff(append(want, person(1), person(2)), ids(people)); diff != "" {
		t.Error(diff)
	}
	if last := people[len(people)-1]; last.Facts.SoftDeleted != connectors.Yes || last.Facts.Assigned != connectors.Yes {
		t.Errorf("deleted: %+v", last)
	}
}

// TestSizeIsOnlyAnEstimate: without it, or with nonsense, everyone is read all the same.
func TestSizeIsOnlyAnEstimate(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{
		"refused":   status(403, `{"error":{"code":"Authorization_RequestDenied"}}`),
		"no count":  ok(list(user(1))),
		"no number": ok(`{"@odata.count":"many","value":[]}`),
		"too small": ok(`{"@odata.count":1,"value":[` + user(1) + `]}`),
		"negative":  ok(`{"@odata.count":-5,"value":[]}`),
	} {
		f := directory(t, 250)
		f.on("/users", answer, ok(list()))
		people, proof, err := pull(t, f.open())
		if err != nil || len(people) != 250 || !proof.Complete {
			t.Errorf("%s: %d people, %v", name, len(people), err)
		}
	}
}

// TestDirectoryPagesFail: then so does the pull, told as what it is.
func TestDirectoryPagesFail(t *testing.T) {
	f := directory(t, 250, `{"id":"`+person(1)+`","accountEnabled":null,"userPrincipalName":null}`)
	_, proof, err := pull(t, f.open())
	if err == nil || proof.Complete || !strings.Contains(err.Error(), "User.Read.All") {
		t.Errorf("%v, %+v", err, proof)
	}
}
