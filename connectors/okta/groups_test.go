package okta_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/connectors"
	"rollcall/connectors/idpsim"
	"rollcall/connectors/okta"
)

// told is a group as a pull told it.
type told struct {
	Name    string
	Members []string
	Whole   bool
}

// pullGroups pulls with groups, and puts their pages together.
func pullGroups(t *testing.T, c *okta.Connector, more ...string) (map[string]told, connectors.Proof, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	got := map[string]told{}
	want := connectors.Want{Scope: connectors.Assigned, GroupIDs: more, Groups: func(page connectors.GroupPage) error {
		group := got[page.ID]
		if group.Whole {
			t.Errorf("%s goes on after its last page", page.ID)
		}
		got[page.ID] = told{page.Name, append(group.Members, page.Members...), page.Last}
		return nil
	}}
	proof, err := c.Pull(ctx, want, func([]connectors.Person) error { return nil })
	return got, proof, err
}

// member is a path below which a group's members are.
func member(n int) string { return "/api/v1/groups/" + groupID(n) + "/users" }

func named(n int, name string) http.HandlerFunc {
	return ok(`{"id":"` + groupID(n) + `","profile":{"name":"` + name + `"}}`)
}

// TestPushedGroups: of the groups with a push mapping that is not switched off, everybody is told who is in them, whatever their status.
func TestPushedGroups(t *testing.T) {
	f := newFake(t)
	f.on(pushes, ok(list(pushOf(1, "ACTIVE"), pushOf(1, "ACTIVE"), pushOf(2, "ERROR"), pushOf(3, "INACTIVE"))))
	for n, name := range []string{"", "Sales", "Empty", "Off", "Further"} {
		f.on("/api/v1/groups/"+groupID(n), named(n, name))
	}
	next := "<" + f.server.URL + member(1) + `?after=2&limit=200>; rel="next"`
	f.on(member(1), ok(list(oktaUser(1, "ACTIVE"), oktaUser(2, "DEPROVISIONED")), next), ok(list(oktaUser(3, "SUSPENDED"))))
	f.on(member(2), ok("[]"))
	f.on(member(4), ok(list(oktaUser(4, "ACTIVE"))))
	got, proof, err := pullGroups(t, f.open(), groupID(4), groupID(1), "../x")
	want := map[string]told{
		groupID(1): {"Sales", []string{person(1), person(2), person(3)}, true},
		groupID(2): {"Empty", nil, true},
		groupID(4): {"Further", []string{person(4)}, true},
	}
	if diff := cmp.Diff(want, got); diff != "" || err != nil || proof.Groups != 3 || !proof.Complete {
		t.Errorf("%v, %+v: %s", err, proof, diff)
	}
	for _, asked := range f.asked(member(1)) {
		if !strings.Contains(asked, "limit=200") {
			t.Errorf("asked %s", asked)
		}
	}
}

// TestPushesThatCannotBeRead: where it may not be read which groups are pushed, or nothing of it is to be had, no group is told of: not even
// an assigned one, which need not be the pushed one of that name.
func TestPushesThatCannotBeRead(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{
		"forbidden": status(403, `{"errorCode":"E0000006"}`), "not offered": status(404, notFound), "another 404": status(404, "<html>"),
		"no provisioning": status(400, `{"errorCode":"E0000001","errorSummary":"Api validation failed: pushMappings"}`),
	} {
		f := newFake(t)
		f.on(pushes, answer)
		got, proof, err := pullGroups(t, f.open())
		if err != nil || len(got) > 0 || proof.Groups != 0 || !proof.Complete || len(f.asked(app+"/groups")) > 0 {
			t.Errorf("%s: %v, %+v, %+v", name, err, got, proof)
		}
	}
}

// TestGroupsThatCannotBeRead: what may not be read, or is gone, is not told as whole; what fails makes the pull incomplete. Neither is
// ever told as empty.
func TestGroupsThatCannotBeRead(t *testing.T) {
	for name, test := range map[string]struct {
		path   string
		answer http.HandlerFunc
		kind   error // nil = the pull is complete
	}{
		"members forbidden": {member(1), status(403, `{"errorCode":"E0000006"}`), nil},
		"gone":              {"/api/v1/groups/" + groupID(1), status(404, notFound), nil},
		"members fail":      {member(1), status(503, `{}`), connectors.ErrUnreachable},
		"members throttled": {member(1), status(429, `{}`), connectors.ErrThrottled},
		"half a page":       {member(1), ok(`[{"id":"` + person(1) + `"}`), connectors.ErrIncomplete},
		"no ids":            {member(1), ok(`[{"id":null}]`), connectors.ErrIncomplete},
		"an object":         {member(1), ok(`{}`), connectors.ErrIncomplete},
		"another group":     {"/api/v1/groups/" + groupID(1), named(2, "Other"), connectors.ErrIncomplete},
		"pushes fail":       {pushes, status(503, `{}`), connectors.ErrUnreachable},
		"pushes are odd":    {pushes, ok(`[{"id":7}]`), connectors.ErrIncomplete},
		"pushes of nothing": {pushes, ok(`[{"id":"x","status":"ACTIVE"}]`), connectors.ErrIncomplete},
		"endless":           {member(1), ok(list(oktaUser(1, "ACTIVE")), `<`+member(1)+`?after=1>; rel="next"`), connectors.ErrIncomplete},
	} {
		f := newFake(t)
		f.provisioned()
		f.on(test.path, test.answer)
		got, proof, err := pullGroups(t, f.open())
		if got[groupID(1)].Whole || proof.Groups != 0 {
			t.Errorf("%s: told as whole: %+v", name, got)
		}
		if !errors.Is(err, test.kind) || proof.Complete != (test.kind == nil) || len(proof.Unreadable) > 0 || proof.People != 1 {
			t.Errorf("%s: %v, %+v", name, err, proof)
		}
	}
}

// TestGroupsWithoutTheScope: a service app that lacks it is refused once, not for each group.
func TestGroupsWithoutTheScope(t *testing.T) {
	o := newOrg(t)
	o.do(t, idpsim.Step{Do: "okta-revoke", Value: "okta.groups.read"}, idpsim.Step{Do: "provisioning", Value: "off"})
	got, proof, err := pullGroups(t, o.open(t))
	if err != nil || !proof.Complete || proof.People != 30 || proof.Groups != 0 || len(got) > 0 {
		t.Errorf("%+v, %+v, %v", got, proof, err)
	}
	if proof.Calls != 6 { // token, application, people; token, pushes; provisioning
		t.Errorf("%d calls", proof.Calls)
	}
}

func TestGroupsErrorIsReturnedAsItIs(t *testing.T) {
	f := newFake(t)
	f.provisioned()
	mine := errors.New("mine")
	want := connectors.Want{Scope: connectors.Assigned, Groups: func(connectors.GroupPage) error { return mine }}
	proof, err := f.open().Pull(t.Context(), want, func([]connectors.Person) error { return nil })
	if err != mine || proof.Complete || proof.Reason == "" {
		t.Errorf("%v, %+v", err, proof)
	}
}

// TestPush: how Okta's own provisioning stands is read beside people, and never makes a pull incomplete.
func TestPush(t *testing.T) {
	synced := func(n int, state, last string) string {
		return strings.Replace(appUser(n), `"credentials"`, `"syncState":"`+state+`","lastSync":"`+last+`","credentials"`, 1)
	}
	const yes, no = connectors.Yes, connectors.No
	for name, test := range map[string]struct {
		feature http.HandlerFunc
		want    *connectors.Push
		why     string
	}{
		"on":         {ok(feature("ENABLED", "ENABLED", "ENABLED")), &connectors.Push{State: connectors.PushOn, Create: yes, Update: yes, Deactivate: yes}, ""},
		"in part":    {ok(feature("DISABLED", "ENABLED", "NEWER")), &connectors.Push{State: connectors.PushOn, Create: no, Update: yes}, ""},
		"all off":    {ok(feature("DISABLED", "DISABLED", "DISABLED")), &connectors.Push{State: connectors.PushOff, Create: no, Update: no, Deactivate: no}, "To App"},
		"disabled":   {ok(`{"name":"USER_PROVISIONING","status":"DISABLED"}`), &connectors.Push{State: connectors.PushOff, Create: no, Update: no, Deactivate: no}, "Integration"},
		"not set up": {status(400, `{"errorCode":"E0000001","errorSummary":"x"}`), &connectors.Push{State: connectors.PushOff, Create: no, Update: no, Deactivate: no}, "Integration"},
		"forbidden":  {status(403, `{"errorCode":"E0000006"}`), nil, ""},
		"not there":  {status(404, notFound), nil, ""},
		"fails":      {status(500, `{}`), nil, ""},
		"odd":        {ok(`[]`), nil, ""},
		"another":    {ok(`{"name":"INBOUND_PROVISIONING","status":"ENABLED"}`), nil, ""},
	} {
		f := newFake(t)
		f.on(features, test.feature)
		f.on(pushes, ok(list(pushOf(1, "ACTIVE"), pushOf(2, "ERROR"))))
		f.on(users, ok(list(synced(1, "SYNCHRONIZED", "2026-03-02T10:00:00.000Z"), synced(1, "ERROR", "x"), synced(2, "ERROR", "2026-03-02T10:00:09.000Z")), f.link("2")),
			ok(list(synced(3, "SYNCHRONIZED", "2026-03-02T09:00:00.000Z"), synced(4, "DISABLED", ""))))
		_, proof, err := pull(t, f.open())
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if test.want != nil {
			test.want.Scope, test.want.Failing, test.want.Last = connectors.Assigned, 2, time.Date(2026, 3, 2, 10, 0, 1, 0, time.UTC)
			if proof.Push == nil || !strings.Contains(proof.Push.Why, test.why) || (proof.Push.Why == "") != (test.why == "") {
				t.Fatalf("%s: %+v", name, proof.Push)
			}
			proof.Push.Why = ""
		}
		if diff := cmp.Diff(test.want, proof.Push); diff != "" {
			t.Errorf("%s: %s", name, diff)
		}
	}
}
