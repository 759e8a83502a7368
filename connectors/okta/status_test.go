package okta_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"rollcall/connectors"
	"rollcall/connectors/okta"
)

// appUserStatuses are the columns of the grids below: the 13 of Okta's description, and one that nobody knows.
var appUserStatuses = strings.Fields("ACTIVE PROVISIONED STAGED IMPLICIT PENDING APPROVED INACTIVE SUSPENDED REVOKED DEPROVISIONED IMPORTED MATCHED UNASSIGNED NEWER")

// The grids say for each status of a user and of an app user, in the order above, whether the person is enabled: y, n or ? (unknown);
// - is somebody who is passed over.
var grids = map[string]string{
	"inactive": `
		ACTIVE           y y y y ? ? n n n n - - - ?
		PROVISIONED      y y y y ? ? n n n n - - - ?
		PASSWORD_EXPIRED y y y y ? ? n n n n - - - ?
		LOCKED_OUT       y y y y ? ? n n n n - - - ?
		RECOVERY         y y y y ? ? n n n n - - - ?
		STAGED           ? ? ? ? ? ? n n n n - - - ?
		NEWER            ? ? ? ? ? ? n n n n - - - ?
		SUSPENDED        n n n n n n n n n n - - - n
		DEPROVISIONED    n n n n n n n n n n - - - n`,
	"active": `
		ACTIVE           y y y y ? ? n y n n - - - ?
		PROVISIONED      y y y y ? ? n y n n - - - ?
		PASSWORD_EXPIRED y y y y ? ? n y n n - - - ?
		LOCKED_OUT       y y y y ? ? n y n n - - - ?
		RECOVERY         y y y y ? ? n y n n - - - ?
		STAGED           ? ? ? ? ? ? n ? n n - - - ?
		NEWER            ? ? ? ? ? ? n ? n n - - - ?
		SUSPENDED        y y y y ? ? n y n n - - - ?
		DEPROVISIONED    n n n n n n n n n n - - - n`,
}

var answers = map[string]connectors.Answer{"y": connectors.Yes, "n": connectors.No, "?": connectors.Unknown}

// TestStatuses tries every status of a user with every status of an app user and both ways to see the suspended, by pull and by look.
func TestStatuses(t *testing.T) {
	for suspended, grid := range grids {
		for line := range strings.Lines(strings.TrimSpace(grid)) {
			cells := strings.Fields(line)
			for i, appUserStatus := range appUserStatuses {
				checkStatus(t, suspended, cells[0], appUserStatus, cells[1+i])
			}
		}
	}
}

func checkStatus(t *testing.T, suspended, user, appUserStatus, cell string) {
	f := newFake(t)
	defer f.server.Close()
	f.on(users, ok(list(appUser(1, user, appUserStatus), appUser(2))))
	f.on(users+"/"+person(1), ok(appUser(1, user, appUserStatus)))
	f.on("/api/v1/users/"+person(1), ok(oktaUser(1, user)))
	c := f.open(func(c *okta.Config) { c.Suspended = suspended })
	people, _, err := pull(t, c)
	if err != nil {
		t.Fatal(err)
	}
	seen := look(t, c, person(1))
	if cell == "-" {
		if len(people) != 1 || people[0].ID != person(2) {
			t.Errorf("%s, %s: %v should be passed over", user, appUserStatus, ids(people))
		}
		if seen.Gone || seen.Person.Facts.Assigned != connectors.No {
			t.Errorf("%s, %s: nobody has assigned %+v", user, appUserStatus, seen)
		}
		return
	}
	want := connectors.Facts{Enabled: answers[cell], Assigned: connectors.Yes, SoftDeleted: connectors.No, Status: user}
	if !strings.Contains("ACTIVE PROVISIONED STAGED IMPLICIT", appUserStatus) {
		want.Status += ", app user " + appUserStatus
	}
	if diff := cmp.Diff(want, people[0].Facts); diff != "" || len(people) != 2 {
		t.Errorf("%s, %s, suspended is %s: %s", user, appUserStatus, suspended, diff)
	}
	if diff := cmp.Diff(want, seen.Person.Facts); diff != "" {
		t.Errorf("%s, %s, suspended is %s, by look: %s", user, appUserStatus, suspended, diff)
	}
}

// look looks one person up.
func look(t *testing.T, c *okta.Connector, id string) (seen connectors.Sighting) {
	t.Helper()
	if err := c.Look(t.Context(), connectors.Want{}, []string{id}, func(s connectors.Sighting) error { seen = s; return nil }); err != nil {
		t.Fatal(err)
	}
	return seen
}

// TestTransitioning: a deactivation on its way counts; of an activation on its way nothing is said.
func TestTransitioning(t *testing.T) {
	for _, test := range []struct {
		from, to string
		enabled  connectors.Answer
	}{
		{"ACTIVE", "DEPROVISIONED", connectors.No},
		{"SUSPENDED", "DEPROVISIONED", connectors.No},
		{"STAGED", "DEPROVISIONED", connectors.No},
		{"DEPROVISIONED", "DEPROVISIONED", connectors.No},
		{"DEPROVISIONED", "ACTIVE", connectors.Unknown},
		{"DEPROVISIONED", "PROVISIONED", connectors.Unknown},
		{"STAGED", "ACTIVE", connectors.Unknown},
		{"PROVISIONED", "ACTIVE", connectors.Yes},
	} {
		f := newFake(t)
		one := strings.Replace(appUser(1, test.from), `"profile":{"login"`, `"transitioningToStatus":"`+test.to+`","profile":{"login"`, 1)
		f.on(users, ok(list(one)))
		people, _, err := pull(t, f.open())
		if err != nil || people[0].Facts.Enabled != test.enabled || people[0].Facts.Status != test.from+", becoming "+test.to {
			t.Errorf("from %s to %s: %+v, %v", test.from, test.to, people, err)
		}
	}
}

// TestLeftoversOfAnImport: they may come without an Okta user, and are on a page like others.
func TestLeftoversOfAnImport(t *testing.T) {
	f := newFake(t)
	f.on(users, ok(list(`{"id":"0ua1","status":"IMPORTED","profile":{"displayName":"Nobody"}}`), f.link("2")), ok(list(`{"id":"0ua2","status":"UNASSIGNED"}`, appUser(1))))
	people, _, err := pull(t, f.open(), "displayName")
	if err != nil || len(people) != 1 || people[0].Values[0].Text != "P 1" {
		t.Errorf("%+v, %v", people, err)
	}
	f.on(users+"/"+person(2), ok(`{"id":"`+person(3)+`","status":"IMPORTED"}`))
	err = f.open().Look(t.Context(), connectors.Want{}, []string{person(2)}, func(s connectors.Sighting) error {
		t.Errorf("the answer is about somebody else: %+v", s)
		return nil
	})
	if err == nil {
		t.Error("no error")
	}
}

// TestNoStatusIsNoAnswer: whoever comes without a status, or with another's, was not read.
func TestNoStatusIsNoAnswer(t *testing.T) {
	whole := appUser(1)
	for name, one := range map[string]string{
		"app user":      strings.Replace(whole, `"status":"ACTIVE"`, `"status":null`, 1),
		"user":          strings.Replace(whole, `{"id":"`+person(1)+`","status":"ACTIVE","profile":{"login"`, `{"id":"`+person(1)+`","profile":{"login"`, 1),
		"somebody else": strings.Replace(whole, `"user":{"id":"`+person(1), `"user":{"id":"`+person(2), 1),
	} {
		if one == whole {
			t.Fatalf("%s: the same as ever", name)
		}
		f := newFake(t)
		f.on(users, http.HandlerFunc(ok(list(one))))
		if people, _, err := pull(t, f.open()); err == nil {
			t.Errorf("%s: %+v", name, people)
		}
	}
}
