package okta_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/connectors"
	"rollcall/connectors/okta"
)

func text(s string) connectors.Value { return connectors.Value{Present: true, Text: s} }

func TestValues(t *testing.T) {
	f := newFake(t)
	f.on(users, ok(list(
		`{"profile":{"displayName":"Ada \"A\"","mobilePhone":null,"cost":12.50,"manager":false,"roles":["a","b",null],"address":{"city":"x"},"empty":"","userName":"not this"},
		  "_links":{"app":{"href":"https://x"}},"_embedded":{"user":`+oktaUser(1, "ACTIVE")+`},"id":"`+person(1)+`","externalId":"acc1","status":"PROVISIONED",
		  "credentials":{"userName":"ada","password":{}},"scope":7,"lastSync":"not a time"}`,
		`{"id":"`+person(2)+`","externalId":null,"status":"STAGED","_embedded":{"user":`+oktaUser(2, "PROVISIONED")+`}}`)))
	people, proof, err := pull(t, f.open(), "mobilePhone", "userName", "displayName", "cost", "manager", "roles", "address", "empty", "unheardOf", "displayName")
	if err != nil {
		t.Fatal(err)
	}
	absent := connectors.Value{}
	facts := connectors.Facts{Enabled: connectors.Yes, Assigned: connectors.Yes, SoftDeleted: connectors.No, Status: "ACTIVE"}
	want := []connectors.Person{
		{ID: person(1), Account: "acc1", UserName: "ada", Facts: facts, Values: []connectors.Value{absent, text("ada"), text(`Ada "A"`), text("12.50"), text("False"),
			{Present: true, List: []string{"a", "b"}}, absent, text(""), absent, text(`Ada "A"`)}},
		{ID: person(2), UserName: "p2@acme.example", Facts: facts, Values: make([]connectors.Value, 10)},
	}
	want[1].Facts.Status = "PROVISIONED"
	if diff := cmp.Diff(want, people); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff(connectors.Proof{Complete: true, Calls: 4, Pages: 1, People: 2, Probes: []string{"okta.apps.read", "okta.users.read"}}, proof); diff != "" {
		t.Error(diff)
	}
	if asked := f.seen[1]; !strings.Contains(asked, "limit=500") || !strings.Contains(asked, "expand=user") {
		t.Errorf("asked %s", asked)
	}
}

func TestNobodyTwice(t *testing.T) {
	f := newFake(t)
	long := strings.Replace(appUser(3), person(3), "00u"+strings.Repeat("x", 30), 2)
	f.on(users, ok(list(appUser(1), appUser(1), appUser(2), long), f.link("2")), ok(list(appUser(2), long, appUser(4))))
	people, _, err := pull(t, f.open())
	if err != nil || len(people) != 4 {
		t.Errorf("%v, %v", ids(people), err)
	}
}

func TestSourceLost(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{
		"inactive": ok(`{"id":"` + appID + `","status":"INACTIVE"}`), "deleted": ok(`{"id":"` + appID + `","status":"DELETED"}`), "gone": status(404, notFound),
	} {
		f := newFake(t)
		f.on(app, answer)
		c := f.open()
		_, proof, err := pull(t, c)
		if !errors.Is(err, connectors.ErrSourceLost) || !proof.Lost || len(f.seen) != 1 {
			t.Errorf("%s: %v, %+v", name, err, proof)
		}
		err = c.Look(t.Context(), connectors.Want{}, []string{person(1)}, func(s connectors.Sighting) error {
			t.Errorf("%s: %+v: without the application everyone seems unassigned", name, s)
			return nil
		})
		if !errors.Is(err, connectors.ErrSourceLost) {
			t.Errorf("%s: %v", name, err)
		}
	}
	for name, answer := range map[string]http.HandlerFunc{"another 404": status(404, `<html>`), "no status": ok(`{}`)} {
		f := newFake(t)
		f.on(app, answer)
		if _, proof, err := pull(t, f.open()); !errors.Is(err, connectors.ErrIncomplete) || proof.Lost {
			t.Errorf("%s: %v, %+v", name, err, proof)
		}
	}
}

func TestEveryoneIsNotOffered(t *testing.T) {
	f := newFake(t)
	_, err := f.open().Pull(t.Context(), connectors.Want{Scope: connectors.Everyone}, nil)
	if !errors.Is(err, connectors.ErrMisconfigured) || len(f.seen) != 0 {
		t.Errorf("%v", err)
	}
}

func TestPageErrorIsReturnedAsItIs(t *testing.T) {
	f := newFake(t)
	mine := errors.New("mine")
	proof, err := f.open().Pull(t.Context(), connectors.Want{Scope: connectors.Assigned}, func([]connectors.Person) error { return mine })
	if err != mine || proof.Complete || proof.Reason == "" {
		t.Errorf("%v, %+v", err, proof)
	}
}

func TestRefusals(t *testing.T) {
	for code, test := range map[int]struct {
		body string
		kind error
		mend string
	}{
		401: {`{"errorCode":"E0000011","errorSummary":"Invalid token provided"}`, connectors.ErrUnauthorised, "Tokens"},
		403: {`{"errorCode":"E0000006","errorSummary":"You do not have permission to perform the requested action"}`, connectors.ErrForbidden, "okta.apps.read"},
		400: {`{"errorCode":"E0000031","errorSummary":"Invalid search criteria."}`, connectors.ErrMisconfigured, ""},
	} {
		f := newFake(t)
		f.on(users, status(code, test.body))
		_, proof, err := pull(t, f.open())
		var failure *connectors.Error
		if !errors.As(err, &failure) || !errors.Is(err, test.kind) || !strings.Contains(failure.Mend, test.mend) || !strings.Contains(failure.Detail, "E00000") {
			t.Errorf("%d: %v", code, err)
		}
		if proof.Lost || !strings.Contains(proof.Reason, "list who is assigned") {
			t.Errorf("%d: %+v", code, proof)
		}
		if strings.Contains(err.Error()+proof.Reason, token) {
			t.Errorf("%d: the token is told", code)
		}
	}
}

// TestSlowsDown: with less than a tenth of the limit left, the calls that are left are spread over the rest of the window.
func TestSlowsDown(t *testing.T) {
	now := time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
	headers := func(remaining string) []string {
		return []string{"Date", now.Format(http.TimeFormat), "X-Rate-Limit-Limit", "100", "X-Rate-Limit-Remaining", remaining, "X-Rate-Limit-Reset", fmt.Sprint(now.Unix() + 29)}
	}
	for remaining, want := range map[string]time.Duration{"50": 0, "10": 0, "9": 3 * time.Second, "0": 30 * time.Second} {
		f := newFake(t)
		f.on(app, status(200, `{"id":"`+appID+`","status":"ACTIVE"}`, headers(remaining)...))
		if _, _, err := pull(t, f.open()); err != nil {
			t.Fatal(err)
		}
		var waited time.Duration
		for _, d := range f.sleeps {
			waited += d.Round(time.Second)
		}
		if waited != want {
			t.Errorf("%s left: waited %v, want %v", remaining, waited, want)
		}
	}
}

func TestLook(t *testing.T) {
	f := newFake(t)
	f.on(users+"/"+person(1), ok(appUser(1)))
	f.on("/api/v1/users/"+person(2), ok(oktaUser(2, "ACTIVE")))
	f.on("/api/v1/users/"+person(3), ok(oktaUser(3, "DEPROVISIONED")))
	got := map[string]connectors.Sighting{}
	err := f.open().Look(t.Context(), connectors.Want{Attributes: []string{"displayName"}}, []string{person(1), person(2), person(3), person(4)}, func(s connectors.Sighting) error {
		got[s.ID] = s
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	absent := []connectors.Value{{}}
	want := map[string]connectors.Sighting{
		person(1): {ID: person(1), Person: connectors.Person{ID: person(1), Account: "acc1", UserName: "p1@acme.example", Values: []connectors.Value{text("P 1")},
			Facts: connectors.Facts{Enabled: connectors.Yes, Assigned: connectors.Yes, SoftDeleted: connectors.No, Status: "ACTIVE"}}},
		person(2): {ID: person(2), Person: connectors.Person{ID: person(2), UserName: "p2@acme.example", Values: absent,
			Facts: connectors.Facts{Enabled: connectors.Yes, Assigned: connectors.No, SoftDeleted: connectors.No, Status: "ACTIVE"}}},
		person(3): {ID: person(3), Person: connectors.Person{ID: person(3), UserName: "p3@acme.example", Values: absent,
			Facts: connectors.Facts{Enabled: connectors.No, Assigned: connectors.No, SoftDeleted: connectors.No, Status: "DEPROVISIONED"}}},
		person(4): {ID: person(4), Gone: true},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// TestLookNeverGuesses: an answer that is no positive "not there" in both places is an error, and nobody is reported as gone.
func TestLookNeverGuesses(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{
		"forbidden":     status(403, `{"errorCode":"E0000006"}`),
		"another 404":   status(404, `<html>`),
		"another code":  status(404, `{"errorCode":"E0000022","errorSummary":"The endpoint does not support the provided HTTP method"}`),
		"server error":  status(500, `{}`),
		"somebody else": ok(strings.ReplaceAll(appUser(9), `"_links"`, `"x"`)),
		"no id":         ok(`{}`),
	} {
		for _, path := range []string{users + "/" + person(1), "/api/v1/users/" + person(1)} {
			f := newFake(t)
			f.on(path, answer)
			err := f.open().Look(t.Context(), connectors.Want{}, []string{person(1)}, func(s connectors.Sighting) error {
				t.Errorf("%s at %s: %+v", name, path, s)
				return nil
			})
			if err == nil {
				t.Errorf("%s at %s: no error", name, path)
			}
		}
	}
}

func TestCheck(t *testing.T) {
	f := newFake(t)
	f.provisioned()
	f.on("/api/v1/users", ok(list(oktaUser(1, "ACTIVE"))))
	c := f.open()
	findings := c.Check(t.Context())
	if len(findings) != 11 {
		t.Errorf("findings: %+v", findings)
	}
	for _, finding := range findings {
		if !finding.OK || finding.Mend != "" {
			t.Errorf("all is well: %+v", finding)
		}
	}
	for i, finding := range findings {
		if finding.Optional != (i > 3) {
			t.Errorf("%d: %+v", i, finding)
		}
	}
	const denied = `{"errorCode":"E0000006"}`
	for name, test := range map[string]struct {
		path   string
		answer http.HandlerFunc
		bad    int // which finding
		mend   string
	}{
		"token":       {app, status(401, `{"errorCode":"E0000011"}`), 0, "Tokens"},
		"unreachable": {app, status(503, `{}`), 0, "could not be reached"},
		"application": {app, status(404, notFound), 1, "app id"},
		"inactive":    {app, ok(`{"id":"` + appID + `","status":"INACTIVE"}`), 1, "active"},
		"apps":        {app, status(403, `{"errorCode":"E0000006"}`), 1, "okta.apps.read"},
		"assignments": {users, status(403, `{"errorCode":"E0000006"}`), 2, "okta.apps.read"},
		"people":      {"/api/v1/users", status(403, denied), 3, "okta.users.read"},
		"pushes":      {pushes, status(403, denied), 4, "okta.groups.read"},
		"members":     {"/api/v1/groups/" + groupID(1) + "/users", status(403, denied), 5, "okta.groups.read"},
		"in error":    {pushes, ok(list(pushOf(1, "ERROR"), pushOf(2, "ACTIVE"))), 6, "1 of 2"},
		"features":    {features, status(403, denied), 6, "okta.apps.read"},
		"no feature":  {features, status(404, notFound), 6, "does not offer"},
		"off":         {features, status(400, `{"errorCode":"E0000001","errorSummary":"Api validation failed: feature"}`), 7, "Integration"},
		"half off":    {features, ok(feature("ENABLED", "ENABLED", "DISABLED")), 7, "Deactivate Users"},
		"mappings":    {"/api/v1/mappings", status(403, denied), 9, "okta.profileMappings.read"},
		"schema":      {schemaPath, status(403, denied), 8, "okta.schemas.read"},
		"at creation": {"/api/v1/mappings/prm1", ok(`{"id":"prm1","properties":{"title":{"pushStatus":"DONT_PUSH"},"email":{"pushStatus":"PUSH"}}}`), 10, "title only"},
		"log":         {"/api/v1/logs", status(403, denied), 10, "okta.logs.read"},
	} {
		before := f.answers[test.path]
		f.on(test.path, test.answer)
		findings := c.Check(t.Context())
		for i, finding := range findings {
			if strings.HasPrefix(finding.What, "list the groups that are assigned") {
				continue // tried when there are no pushes to see
			}
			if name != "pushes" && finding.OK != (i != test.bad) || name == "pushes" && i == test.bad && finding.OK {
				t.Errorf("%s: %+v", name, finding)
			}
			if !finding.OK && !strings.Contains(finding.Mend, test.mend) {
				t.Errorf("%s: %s", name, finding.Mend)
			}
		}
		if len(findings) <= test.bad {
			t.Errorf("%s: %+v", name, findings)
		}
		f.on(test.path, before...)
	}
}

func TestOpenNamesEveryFault(t *testing.T) {
	good := okta.Config{OrgURL: "https://globex.okta.com/", AppID: appID, APIToken: given(token)}
	c, err := okta.Open(good)
	if err != nil {
		t.Fatal(err)
	}
	if c.Identity() != "okta:globex.okta.com/"+appID {
		t.Errorf("identity: %s", c.Identity())
	}
	for name, test := range map[string]struct {
		change func(*okta.Config)
		says   []string
	}{
		"nothing":    {func(c *okta.Config) { *c = okta.Config{} }, []string{"org URL", "app id is missing", "no way to sign in"}},
		"no URL":     {func(c *okta.Config) { c.OrgURL = "globex.okta.com" }, []string{"not a URL"}},
		"path":       {func(c *okta.Config) { c.OrgURL = "https://globex.okta.com/api/v1" }, []string{"more than"}},
		"plain HTTP": {func(c *okta.Config) { c.OrgURL = "http://globex.okta.com" }, []string{"https"}},
		"admin":      {func(c *okta.Config) { c.OrgURL = "https://globex-admin.okta.com" }, []string{"-admin"}},
		"app id":     {func(c *okta.Config) { c.AppID = "my app" }, []string{"app id"}},
		"two ways":   {func(c *okta.Config) { c.ClientID = appID }, []string{"two ways"}},
		"no client":  {func(c *okta.Config) { c.APIToken, c.PrivateKey = nil, noKey }, []string{"client id is missing"}},
		"no key":     {func(c *okta.Config) { c.APIToken, c.ClientID = nil, appID }, []string{"private key is missing"}},
		"client id":  {func(c *okta.Config) { c.APIToken, c.ClientID, c.PrivateKey = nil, "../x", noKey }, []string{"client id has"}},
		"share":      {func(c *okta.Config) { c.Share = 101 }, []string{"share is 101"}},
		"suspended":  {func(c *okta.Config) { c.Suspended = "maybe" }, []string{"maybe"}},
	} {
		cfg := good
		test.change(&cfg)
		_, err := okta.Open(cfg)
		if !errors.Is(err, connectors.ErrMisconfigured) {
			t.Errorf("%s: %v", name, err)
			continue
		}
		for _, part := range test.says {
			if !strings.Contains(err.Error(), part) {
				t.Errorf("%s: %q does not say %q", name, err, part)
			}
		}
		if strings.Contains(err.Error(), token) {
			t.Errorf("%s: the token is told: %v", name, err)
		}
	}
}

func TestCancelledPull(t *testing.T) {
	f := newFake(t)
	arrived := make(chan struct{})
	f.on(users, func(w http.ResponseWriter, r *http.Request) { close(arrived); <-r.Context().Done() })
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-arrived; cancel() }()
	started := time.Now()
	proof, err := f.open().Pull(ctx, connectors.Want{Scope: connectors.Assigned}, func([]connectors.Person) error { return nil })
	if !errors.Is(err, context.Canceled) || proof.Complete || proof.Reason == "" || time.Since(started) > time.Second {
		t.Errorf("%v, %+v, %v", err, proof, time.Since(started))
	}
}

// TestIdentityTellsHowPeopleAreRead: who counts as enabled is part of which population it is; "inactive" is the same as nothing.
func TestIdentityTellsHowPeopleAreRead(t *testing.T) {
	identity := func(suspended string) string {
		c, err := okta.Open(okta.Config{OrgURL: "https://globex.okta.com/", AppID: appID, APIToken: given(token), Suspended: suspended})
		if err != nil {
			t.Fatal(err)
		}
		return c.Identity()
	}
	if identity("") != identity("inactive") || identity("") == identity("active") {
		t.Errorf("identities: %s, %s, %s", identity(""), identity("inactive"), identity("active"))
	}
}

// TestCheckNotesASuperAdministrator: where the token shows that it may do everything, that is more than is needed.
func TestCheckNotesASuperAdministrator(t *testing.T) {
	for role, noted := range map[string]bool{"SUPER_ADMIN": true, "READ_ONLY_ADMIN": false} {
		f := newFake(t)
		f.provisioned()
		f.on("/api/v1/users", ok(list(oktaUser(1, "ACTIVE"))))
		f.on("/api/v1/users/me", ok(oktaUser(9, "ACTIVE")))
		f.on("/api/v1/users/"+person(9)+"/roles", ok(`[{"type":"APP_ADMIN","status":"ACTIVE"},{"type":"`+role+`","status":"ACTIVE"}]`))
		findings := f.open().Check(t.Context())
		last := findings[len(findings)-1]
		if last.OK == noted || noted && (!last.Optional || !strings.Contains(last.Mend, "Read-Only Administrator")) {
			t.Errorf("%s: %+v", role, last)
		}
	}
}

// TestLooksAtTwoAtATime: no fewer, and no more.
func TestLooksAtTwoAtATime(t *testing.T) {
	f := newFake(t)
	var now, most atomic.Int64
	meet := make(chan struct{})
	var wanted []string
	for n := range 10 {
		wanted = append(wanted, person(n))
		f.on(users+"/"+person(n), func(w http.ResponseWriter, r *http.Request) {
			if at := now.Add(1); at > most.Load() {
				most.Store(at)
			}
			defer now.Add(-1)
			select {
			case meet <- struct{}{}:
			case <-meet:
			case <-time.After(5 * time.Second):
				t.Error("nobody else is looked at")
			}
			ok(appUser(n))(w, r)
		})
	}
	var got []string
	err := f.open().Look(t.Context(), connectors.Want{}, wanted, func(s connectors.Sighting) error { got = append(got, s.ID); return nil })
	slices.Sort(got)
	if diff := cmp.Diff(wanted, got); err != nil || diff != "" || most.Load() != 2 {
		t.Errorf("%v, %d at a time: %s", err, most.Load(), diff)
	}
}

// TestKeepsToItsShare: of eight calls a minute, a quarter are two. The first call tells the limit, the fourth waits for its turn.
func TestKeepsToItsShare(t *testing.T) {
	for share, want := range map[int]time.Duration{0: 30 * time.Second, 25: 30 * time.Second, 50: 0} {
		f := newFake(t)
		page := func(n int, next bool) http.HandlerFunc {
			return func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("X-Rate-Limit-Limit", "8")
				w.Header().Set("X-Rate-Limit-Remaining", "7")
				if next {
					w.Header().Add("Link", f.link(fmt.Sprint(n)))
				}
				ok(list(appUser(n)))(w, r)
			}
		}
		f.on(users, page(1, true), page(2, true), page(3, true), page(4, false))
		if _, _, err := pull(t, f.open(func(c *okta.Config) { c.Share = share })); err != nil {
			t.Fatal(err)
		}
		var waited time.Duration
		for _, d := range f.sleeps {
			waited += d
		}
		if waited.Round(10*time.Second) != want {
			t.Errorf("a share of %d: waited %v, want %v", share, waited, want)
		}
	}
}

// TestTooManyAtOnce: the concurrency limit shows a limit of 0, and says only when to try again.
func TestTooManyAtOnce(t *testing.T) {
	f := newFake(t)
	now := time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
	f.on(users, status(429, `{"errorCode":"E0000047"}`, "Date", now.Format(http.TimeFormat), "X-Rate-Limit-Limit", "0", "X-Rate-Limit-Remaining", "0", "X-Rate-Limit-Reset", fmt.Sprint(now.Unix()+9)),
		ok(list(appUser(1))))
	_, proof, err := pull(t, f.open())
	if err != nil || len(f.sleeps) == 0 || f.sleeps[0] != 10*time.Second || proof.People != 1 {
		t.Errorf("%v, waits %v, %+v", err, f.sleeps, proof)
	}
}

func TestObjectID(t *testing.T) {
	for text, fine := range map[string]bool{person(1): true, "": false, "00u1": false, groupID(1): false, "00u-0000000000000001": false, person(1) + "x": false} {
		if id, err := okta.ObjectID(text); (err == nil) != fine || fine && id != text {
			t.Errorf("%q: %q, %v", text, id, err)
		}
	}
}
