package entra_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/connectors"
	"rollcall/connectors/entra"
)

func text(s string) connectors.Value { return connectors.Value{Present: true, Text: s} }

func TestValues(t *testing.T) {
	f := newFake(t)
	f.on(members, ok(list(
		`{"id":"`+person(1)+`","accountEnabled":true,"userPrincipalName":"ada_l_globex.example#EXT#@acme.onmicrosoft.example","displayName":"Ada \"A\"","mobilePhone":"+1 555",
		  "businessPhones":["1","2"],"officeLocation":"","mail":null,"proxyAddresses":["SMTP:ada@acme.example"],"extension_0f_badge":42,
		  "onPremisesExtensionAttributes":{"extensionAttribute1":"one","extensionAttribute15":null}}`,
		`{"@odata.type":"#microsoft.graph.user","userPrincipalName":"bo@acme.example","accountEnabled":false,"id":"`+strings.ToUpper(person(2))+`","businessPhones":[],"onPremisesExtensionAttributes":null}`,
	)))
	attributes := []string{"originalUserPrincipalName", "userPrincipalName", "displayName", "mobile", "telephoneNumber", "physicalDeliveryOfficeName", "mail",
		"proxyAddresses", "extension_0f_badge", "extensionAttribute1", "extensionAttribute15", "objectId", "accountEnabled"}
	people, proof, err := pull(t, f.open(), attributes...)
	if err != nil {
		t.Fatal(err)
	}
	absent := connectors.Value{}
	want := []connectors.Person{
		{
			ID: person(1), UserName: "ada_l@globex.example",
			Facts: connectors.Facts{Enabled: connectors.Yes, Assigned: connectors.Yes, SoftDeleted: connectors.No},
			Values: []connectors.Value{text("ada_l_globex.example#EXT#@acme.onmicrosoft.example"), text("ada_l@globex.example"), text(`Ada "A"`), text("+1 555"), text("1"), text(""), absent,
				{Present: true, List: []string{"SMTP:ada@acme.example"}}, text("42"), text("one"), absent, text(person(1)), text("True")},
		},
		{
			ID: strings.ToUpper(person(2)), UserName: "bo@acme.example",
			Facts: connectors.Facts{Enabled: connectors.No, Assigned: connectors.Yes, SoftDeleted: connectors.No, Status: "disabled"},
			Values: []connectors.Value{text("bo@acme.example"), text("bo@acme.example"), absent, absent, absent, absent, absent,
				absent, absent, absent, absent, text(strings.ToUpper(person(2))), text("False")},
		},
	}
	if diff := cmp.Diff(want, people); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(connectors.Proof{Complete: true, Calls: 4, Pages: 1, People: 2, Groups: 1, Probes: []string{"Application.Read.All", "GroupMember.Read.All"}}, proof); diff != "" {
		t.Error(diff)
	}
	asked := f.seen[len(f.seen)-1]
	for _, name := range []string{"accountEnabled", "id", "userPrincipalName", "mobilePhone", "businessPhones", "onPremisesExtensionAttributes", "extension_0f_badge"} {
		if !strings.Contains(asked, name) {
			t.Errorf("%s is not selected: %s", name, asked)
		}
	}
	if !strings.Contains(asked, "top=999") {
		t.Errorf("pages are not the largest: %s", asked)
	}
}

func TestUnknownAttributes(t *testing.T) {
	f := newFake(t)
	c := f.open()
	for _, name := range []string{"nickname", "extensionAttribute16", "extensionAttribute01", "extension_", "extension_a b", "managers", "IsSoftDeleted", "mobilePhone&$expand=manager"} {
		_, _, err := pull(t, c, "mail", name)
		if !errors.Is(err, connectors.ErrMisconfigured) || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
		err = c.Look(t.Context(), connectors.Want{Attributes: []string{name}}, []string{person(1)}, nil)
		if !errors.Is(err, connectors.ErrMisconfigured) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if len(f.seen) != 0 {
		t.Error("calls were made")
	}
}

// TestAssignments has every kind of row: several roles of one principal, a group's members assigned directly as well, and a client
// application, which is nobody's account.
func TestAssignments(t *testing.T) {
	f := newFake(t)
	second := "/groups/" + groupTwo + "/members/graph.user"
	f.on(assignedTo,
		ok(more(f.url(assignedTo+"?$skiptoken=1"), row("User", person(9)), row("Group", groupTwo), row("ServicePrincipal", spID))),
		ok(list(row("Group", groupID), row("User", person(2)), row("User", person(9)), row("Group", groupTwo), row("User", person(1)))))
	f.on(members, ok(list(user(3), user(1))))
	f.on(second, ok(list(user(3), user(4), user(4))))
	f.on("/users/"+person(2), ok(user(2)))
	f.on("/users/"+person(9), ok(user(9)))
	people, proof, err := pull(t, f.open())
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{person(3), person(1), person(4), person(2), person(9)}, ids(people)); diff != "" {
		t.Error(diff)
	}
	if proof.Groups != 2 || proof.Calls != 6 || len(f.items) != 4 { // application, job, two pages of assignments, two batches
		t.Errorf("proof: %+v", proof)
	}
}

func TestAssignedAndDeleted(t *testing.T) {
	f := newFake(t)
	f.on(assignedTo, ok(list(row("User", person(1)), row("User", person(2)), row("User", person(3)))))
	compact := strings.ReplaceAll(person(2), "-", "")
	f.on(batchPath, batch(func(url string) string {
		switch {
		case strings.Contains(url, person(1)):
			return `"status":200,"body":` + user(1)
		case url == "/directory/deletedItems/"+person(2):
			return `"status":200,"body":{"@odata.type":"#microsoft.graph.user","userPrincipalName":"` + compact + `bo@acme.example","id":"` + person(2) + `"}`
		}
		return missing
	}))
	people, proof, err := pull(t, f.open(), "userPrincipalName")
	if err != nil {
		t.Fatal(err)
	}
	if !proof.Complete || len(people) != 2 {
		t.Fatalf("%v, %+v", people, proof)
	}
	want := connectors.Person{
		ID: person(2), UserName: "bo@acme.example", Values: []connectors.Value{text("bo@acme.example")},
		Facts: connectors.Facts{Assigned: connectors.Yes, SoftDeleted: connectors.Yes, Status: "deleted"},
	}
	if diff := cmp.Diff(want, people[1]); diff != "" {
		t.Error(diff)
	}
}

// TestUnreadableGroup: it is named, and the others are read all the same.
func TestUnreadableGroup(t *testing.T) {
	second := "/groups/" + groupTwo + "/members/graph.user"
	for name, answer := range map[string]http.HandlerFunc{
		"forbidden": status(403, `{"error":{"code":"Authorization_RequestDenied","message":"Insufficient privileges to complete the operation."}}`),
		"gone":      status(404, `{"error":{"code":"Request_ResourceNotFound","message":"Resource does not exist."}}`),
	} {
		f := newFake(t)
		f.on(assignedTo, ok(list(row("Group", groupID), row("Group", groupTwo))))
		f.on(members, answer)
		f.on(second, ok(list(user(2))))
		people, proof, err := pull(t, f.open())
		if err != nil || len(people) != 1 {
			t.Fatalf("%s: %v, %v", name, people, err)
		}
		if !proof.Complete || proof.Groups != 1 || len(proof.Unreadable) != 1 || proof.Unreadable[0] != "Sales ("+groupID+")" {
			t.Errorf("%s: %+v", name, proof)
		}
	}
	f := newFake(t)
	f.on(members, status(404, "<html>"))
	if _, proof, err := pull(t, f.open()); !errors.Is(err, connectors.ErrIncomplete) || len(proof.Unreadable) != 0 {
		t.Errorf("a 404 that is not Graph's own: %v", err)
	}
}

// TestPeopleWithoutAttributes: the directory hides what may not be read behind nulls. That is a permission lost, not people changed.
func TestPeopleWithoutAttributes(t *testing.T) {
	f := newFake(t)
	f.on(members, ok(list(user(1), `{"@odata.type":"#microsoft.graph.user","id":"`+person(2)+`","accountEnabled":null,"userPrincipalName":null,"displayName":null}`)))
	_, proof, err := pull(t, f.open(), "displayName")
	var failure *connectors.Error
	if !errors.As(err, &failure) || failure.Kind != connectors.ErrForbidden || !strings.Contains(failure.Mend, "User.Read.All") {
		t.Errorf("got %v", err)
	}
	if proof.Complete || proof.People != 0 || proof.Lost {
		t.Errorf("proof: %+v", proof)
	}
}

func TestSourceLost(t *testing.T) {
	f := newFake(t)
	f.on(servicePrincipal)
	c := f.open()
	_, proof, err := pull(t, c)
	if !errors.Is(err, connectors.ErrSourceLost) || !proof.Lost {
		t.Errorf("%v, %+v", err, proof)
	}
	f.on(servicePrincipal, status(404, "<html>"))
	if _, proof, err := pull(t, c); !errors.Is(err, connectors.ErrIncomplete) || proof.Lost {
		t.Errorf("a 404 that is not Graph's own: %v, %+v", err, proof)
	}
}

func TestEveryone(t *testing.T) {
	f := newFake(t)
	f.on("/users", ok(more(f.url("/users?$skiptoken=1"), user(1), user(2))), ok(list(user(2), user(3))))
	var got []connectors.Person
	proof, err := f.open().Pull(t.Context(), connectors.Want{Scope: connectors.Everyone}, func(page []connectors.Person) error {
		got = append(got, page...)
		return nil
	})
	if err != nil || !proof.Complete {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{person(1), person(2), person(3)}, ids(got)); diff != "" {
		t.Error(diff)
	}
	if got[0].Facts != (connectors.Facts{Enabled: connectors.Yes, SoftDeleted: connectors.No}) {
		t.Errorf("facts: %+v", got[0].Facts)
	}
}

// TestPageErrorIsReturnedAsItIs, even if it looks like one of a group that may not be read.
func TestPageErrorIsReturnedAsItIs(t *testing.T) {
	f := newFake(t)
	f.on(assignedTo, ok(list(row("Group", groupID), row("Group", groupTwo))))
	f.on("/groups/"+groupTwo+"/members/graph.user", ok(list(user(2))))
	for _, mine := range []error{errors.New("mine"), &connectors.Error{Kind: connectors.ErrForbidden, Status: 403}} {
		calls := 0
		proof, err := f.open().Pull(t.Context(), connectors.Want{Scope: connectors.Assigned}, func([]connectors.Person) error { calls++; return mine })
		if err != mine || proof.Complete || proof.Reason == "" || calls != 1 {
			t.Errorf("%v, %+v after %d calls", err, proof, calls)
		}
	}
}

func TestLook(t *testing.T) {
	f := newFake(t)
	f.on(batchPath, batch(func(url string) string {
		switch {
		case strings.HasPrefix(url, "/users/"+person(1)):
			return `"status":200,"body":` + user(1)
		case strings.HasPrefix(url, "/directory/deletedItems/"+person(2)):
			return `"status":200,"body":{"id":"` + person(2) + `"}`
		}
		return missing
	}))
	wanted := []string{strings.ToUpper(person(1)), "ada@acme.example", person(2), person(3)}
	for n := 10; n < 50; n++ {
		wanted = append(wanted, person(n))
	}
	got := map[string]connectors.Sighting{}
	err := f.open().Look(t.Context(), connectors.Want{Attributes: []string{"displayName"}}, wanted, func(s connectors.Sighting) error {
		if _, twice := got[s.ID]; twice {
			t.Errorf("%s was found twice", s.ID)
		}
		got[s.ID] = s
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != len(wanted) {
		t.Errorf("%d sightings of %d", len(got), len(wanted))
	}
	if s := got[strings.ToUpper(person(1))]; s.Gone || s.Person.Facts != (connectors.Facts{Enabled: connectors.Yes, SoftDeleted: connectors.No}) || s.Person.Values[0].Text != "P 1" {
		t.Errorf("there: %+v", s)
	}
	if s := got[person(2)]; s.Gone || s.Person.Facts.SoftDeleted != connectors.Yes || s.Person.Facts.Enabled != connectors.Unknown {
		t.Errorf("deleted: %+v", s)
	}
	if s := got[person(3)]; !s.Gone {
		t.Errorf("gone: %+v", s)
	}
	if s := got["ada@acme.example"]; s.Gone || s.Person.Facts != (connectors.Facts{}) {
		t.Errorf("no id: %+v", s)
	}
	if len(f.seen) != 6 {
		t.Errorf("%d calls for 43 ids, of which 42 are not in the directory", len(f.seen))
	}
}

// TestLookNeverGuesses: an answer that is no positive "not there" in both places is an error, and nobody is reported as gone.
func TestLookNeverGuesses(t *testing.T) {
	for name, item := range map[string]string{
		"forbidden":        `"status":403,"body":{"error":{"code":"Authorization_RequestDenied","message":"no"}}`,
		"another 404":      `"status":404,"body":"<html>"`,
		"404 without body": `"status":404`,
		"server error":     `"status":500,"body":{}`,
		"null attributes":  `"status":200,"body":{"id":"` + person(1) + `","accountEnabled":null,"userPrincipalName":null}`,
	} {
		for _, where := range []string{"/users/", "/directory/deletedItems/"} {
			if name == "null attributes" && where != "/users/" {
				continue // being there is what counts
			}
			f := newFake(t)
			f.on(batchPath, batch(func(url string) string {
				if strings.HasPrefix(url, where) {
					return item
				}
				return missing
			}))
			err := f.open().Look(t.Context(), connectors.Want{}, []string{person(1)}, func(s connectors.Sighting) error {
				t.Errorf("%s at %s: %+v", name, where, s)
				return nil
			})
			if err == nil {
				t.Errorf("%s at %s: no error", name, where)
			}
		}
	}
}

func TestOpenNamesEveryFault(t *testing.T) {
	good := entra.Config{TenantID: tenantID, ClientID: appID, ClientSecret: always(secret), AppID: appID}
	c, err := entra.Open(good)
	if err != nil {
		t.Fatal(err)
	}
	if c.Identity() != "entra:"+tenantID+"/"+appID {
		t.Errorf("identity: %s", c.Identity())
	}
	for name, test := range map[string]struct {
		change func(*entra.Config)
		says   string
	}{
		"nothing":            {func(c *entra.Config) { *c = entra.Config{} }, "app id is missing; tenant id is missing; 0 of client secret"},
		"app id":             {func(c *entra.Config) { c.AppID = "my app" }, "not a GUID"},
		"tenant id":          {func(c *entra.Config) { c.TenantID = "../x" }, "tenant"},
		"client id":          {func(c *entra.Config) { c.ClientID = "" }, "client id is missing"},
		"two credentials":    {func(c *entra.Config) { c.AccessToken = always(token) }, "exactly one"},
		"cloud":              {func(c *entra.Config) { c.Cloud = "mars" }, "mars"},
		"no URL":             {func(c *entra.Config) { c.GraphURL = "graph" }, "not a URL"},
		"no version":         {func(c *entra.Config) { c.GraphURL = "https://graph.microsoft.com" }, "/v1.0"},
		"plain HTTP":         {func(c *entra.Config) { c.GraphURL = "http://graph.microsoft.com/v1.0" }, "https"},
		"user in the URL":    {func(c *entra.Config) { c.LoginURL = "https://a:b@login.example" }, "more than"},
		"token off loopback": {func(c *entra.Config) { c.ClientSecret, c.AccessToken = nil, always(token) }, "simulator"},
	} {
		cfg := good
		test.change(&cfg)
		_, err := entra.Open(cfg)
		if !errors.Is(err, connectors.ErrMisconfigured) {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for part := range strings.SplitSeq(test.says, "; ") {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%s: %q does not say %q", name, err, part)
			}
		}
		if strings.Contains(err.Error(), secret) || strings.Contains(err.Error(), token) {
			t.Errorf("%s: a secret is told: %v", name, err)
		}
	}
}

func TestCancelledPull(t *testing.T) {
	f := newFake(t)
	arrived := make(chan struct{})
	f.on(members, func(w http.ResponseWriter, r *http.Request) { close(arrived); <-r.Context().Done() })
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-arrived; cancel() }()
	started := time.Now()
	proof, err := f.open().Pull(ctx, connectors.Want{Scope: connectors.Assigned}, func([]connectors.Person) error { return nil })
	if !errors.Is(err, context.Canceled) || proof.Complete || proof.Reason == "" || time.Since(started) > time.Second {
		t.Errorf("%v, %+v, %v", err, proof, time.Since(started))
	}
}

// TestErrorsKeepQuiet: no token, no name, and no more than a line.
func TestErrorsKeepQuiet(t *testing.T) {
	f := newFake(t)
	f.on(members, status(400, fmt.Sprintf(`{"error":{"code":"BadRequest","message":"User ada@acme.example said\n%s %s"}}`, token, strings.Repeat("x", 5000))))
	_, proof, err := pull(t, f.open())
	for _, said := range []string{err.Error(), proof.Reason} {
		if strings.Contains(said, "ada@") || strings.Contains(said, "\n") || len(said) > 400 {
			t.Errorf("said: %s", said)
		}
	}
}

// TestIdentityTellsHowPeopleAreRead: whether groups within groups count is part of which population it is.
func TestIdentityTellsHowPeopleAreRead(t *testing.T) {
	config := entra.Config{TenantID: tenantID, ClientID: appID, ClientSecret: always(secret), AppID: appID}
	direct, err := entra.Open(config)
	if err != nil {
		t.Fatal(err)
	}
	config.Transitive = true
	transitive, err := entra.Open(config)
	if err != nil {
		t.Fatal(err)
	}
	if direct.Identity() == transitive.Identity() {
		t.Errorf("both are %s", direct.Identity())
	}
}
