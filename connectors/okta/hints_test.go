package okta_test

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/connectors"
)

// happened is an event about somebody, perhaps in a group, at the application.
func happened(what, result string, who int, group int) string {
	targets := []string{`{"id":"` + appID + `","type":"AppInstance"}`}
	if who > 0 {
		targets = append(targets, `{"id":"`+person(who)+`","type":"User","alternateId":"x"}`, `{"id":"0ua1","type":"AppUser"}`)
	}
	if group > 0 {
		targets = append(targets, `{"id":"`+groupID(group)+`","type":"UserGroup"}`)
	}
	return fmt.Sprintf(`{"eventType":%q,"outcome":{"result":%q,"reason":null},"published":"2026-03-02T10:00:00.000Z","target":%s}`, what, result, list(targets...))
}

// TestHintsBegin: from now on, so that what is already there says nothing, and the next look begins behind it.
func TestHintsBegin(t *testing.T) {
	f := newFake(t)
	f.log(list(happened("user.lifecycle.suspend", "SUCCESS", 1, 0)))
	c := f.open()
	before := time.Now()
	first, err := c.Hints(t.Context(), "")
	if err != nil || len(first.People) > 0 || first.Pull || first.Cursor == "" || strings.Contains(first.Cursor, f.server.URL) {
		t.Fatalf("%+v, %v", first, err)
	}
	asked := f.asked("/api/v1/logs")
	if len(asked) != 2 {
		t.Errorf("%q: a look ends at the first empty page", asked)
	}
	u, err := url.Parse(strings.TrimPrefix(asked[0], "GET "))
	if err != nil {
		t.Fatal(err)
	}
	since, err := time.Parse(time.RFC3339, u.Query().Get("since"))
	if err != nil || since.After(before) || before.Sub(since) > 10*time.Minute || u.Query().Has("until") || u.Query().Has("sortOrder") || u.Query().Get("limit") != "1000" {
		t.Errorf("asked %s", asked[0])
	}
	second, err := c.Hints(t.Context(), first.Cursor)
	if diff := cmp.Diff(connectors.Hints{Cursor: second.Cursor}, second); diff != "" || err != nil || len(f.asked("/api/v1/logs")) != 3 {
		t.Errorf("%v: %s", err, diff)
	}
}

// begun is a fake with a cursor from before the pages were written.
func begun(t *testing.T) (f *fake, cursor string) {
	f = newFake(t)
	f.log()
	hints, err := f.open().Hints(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	f.seen = nil
	return f, hints.Cursor
}

func TestHintsSayWhoHasChanged(t *testing.T) {
	for _, test := range []struct {
		what, result string
		people, pull bool
	}{
		{"user.lifecycle.create", "SUCCESS", true, false},
		{"user.lifecycle.activate", "SUCCESS", true, false},
		{"user.lifecycle.deactivate", "SUCCESS", true, false},
		{"user.lifecycle.suspend", "SUCCESS", true, false},
		{"user.lifecycle.delete.completed", "SUCCESS", true, false},
		{"user.account.update_profile", "SUCCESS", true, false},
		{"application.user_membership.update", "SUCCESS", true, false},
		{"application.user_membership.change_username", "SUCCESS", true, false},
		{"application.user_membership.add", "SUCCESS", true, true},
		{"application.user_membership.remove", "SUCCESS", true, true},
		{"application.provision.user.push_profile", "SUCCESS", false, false},
		{"application.provision.user.deactivate", "FAILURE", true, false},
		{"application.provision.field_mapping_rule.change", "SUCCESS", false, true},
		{"application.provision.group_push.mapping.created", "SUCCESS", false, true},
		{"application.lifecycle.deactivate", "SUCCESS", false, true},
		{"group.application_assignment.remove", "SUCCESS", false, true},
		{"group.user_membership.add", "SUCCESS", false, true},
	} {
		f, cursor := begun(t)
		f.log(list(happened(test.what, test.result, 1, 1)))
		hints, err := f.open().Hints(t.Context(), cursor)
		want := connectors.Hints{Pull: test.pull, Cursor: hints.Cursor}
		if test.people {
			want.People = []string{person(1)}
		}
		if diff := cmp.Diff(want, hints); diff != "" || err != nil || hints.Cursor == cursor {
			t.Errorf("%s: %v: %s", test.what, err, diff)
		}
	}
	f, cursor := begun(t)
	f.log(list(happened("user.lifecycle.suspend", "SUCCESS", 3, 0), happened("user.lifecycle.suspend", "SUCCESS", 1, 0)), list(happened("user.lifecycle.unsuspend", "SUCCESS", 3, 0)))
	hints, err := f.open().Hints(t.Context(), cursor)
	if diff := cmp.Diff([]string{person(1), person(3)}, hints.People); diff != "" || err != nil {
		t.Errorf("several pages: %v: %s", err, diff)
	}
}

// TestHintsOfGroups: once a pull has read groups, only changes of those ask for another.
func TestHintsOfGroups(t *testing.T) {
	f, cursor := begun(t)
	f.provisioned()
	c := f.open()
	asks := func(group int) bool {
		f.log(list(happened("group.user_membership.add", "SUCCESS", 1, group)))
		hints, err := c.Hints(t.Context(), cursor)
		if err != nil {
			t.Fatal(err)
		}
		return hints.Pull
	}
	if !asks(1) || !asks(2) {
		t.Error("before the first pull, every group may be one of ours")
	}
	if _, _, err := pullGroups(t, c); err != nil {
		t.Fatal(err)
	}
	if !asks(1) || asks(2) {
		t.Error("group 1 is pushed, group 2 is not")
	}
	if _, _, err := pull(t, c); err != nil {
		t.Fatal(err)
	}
	if asks(1) {
		t.Error("groups are not wanted any more")
	}
}

// TestHintsEnd: the log has a next link for ever, and may go on for ever.
func TestHintsEnd(t *testing.T) {
	f, cursor := begun(t)
	busy := make([]string, 25)
	for i := range busy {
		busy[i] = list(happened("user.lifecycle.suspend", "SUCCESS", i+1, 0))
	}
	f.log(busy...)
	c := f.open()
	people := map[string]bool{}
	for looks := 0; len(people) < len(busy); looks++ {
		if looks == 5 {
			t.Fatalf("%d people after %d looks", len(people), looks)
		}
		hints, err := c.Hints(t.Context(), cursor)
		if err != nil || hints.Cursor == cursor {
			t.Fatalf("%+v, %v", hints, err)
		}
		cursor = hints.Cursor
		for _, id := range hints.People {
			people[id] = true
		}
	}
	if calls := len(f.asked("/api/v1/logs")); calls > 30 {
		t.Errorf("%d calls", calls)
	}
}

// TestHintsAreGone: a cursor that cannot be used any more is told as such, whoever says so.
func TestHintsAreGone(t *testing.T) {
	_, cursor := begun(t)
	_, link, _ := strings.Cut(cursor, " ")
	old := fmt.Sprintf("%d %s", time.Now().Add(-8*24*time.Hour).Unix(), link)
	for name, kept := range map[string]string{
		"old": old, "of nothing": "x", "elsewhere": strings.Replace(cursor, " ", " https://attacker.example", 1), "another call": strings.Replace(cursor, "/logs", "/users", 1),
		"another filter": strings.Replace(cursor, "filter=", "filter=x", 1), "two slashes": strings.Replace(cursor, " /", " //attacker.example/", 1),
	} {
		f := newFake(t)
		f.log()
		if _, err := f.open().Hints(t.Context(), kept); !errors.Is(err, connectors.ErrGone) || len(f.seen) > 0 {
			t.Errorf("%s: %v, %q", name, err, f.seen)
		}
	}
	for code, kind := range map[int]error{400: connectors.ErrGone, 410: connectors.ErrGone, 403: connectors.ErrForbidden, 503: connectors.ErrUnreachable} {
		f, cursor := begun(t)
		f.on("/api/v1/logs", status(code, `{"errorCode":"E0000001","errorSummary":"after: The cursor is not valid."}`))
		if hints, err := f.open().Hints(t.Context(), cursor); !errors.Is(err, kind) || hints.Cursor != "" {
			t.Errorf("%d: %+v, %v", code, hints, err)
		}
	}
	f := newFake(t)
	f.on("/api/v1/logs", status(400, `{"errorCode":"E0000001","errorSummary":"Api validation failed: filter"}`))
	if _, err := f.open().Hints(t.Context(), ""); !errors.Is(err, connectors.ErrMisconfigured) {
		t.Errorf("without a cursor nothing is gone: %v", err)
	}
}

// TestHintsStayWithTheLog: a next link is followed on the configured org, within the log, with the filter that was asked for, or not at
// all.
func TestHintsStayWithTheLog(t *testing.T) {
	for name, link := range map[string]string{
		"back": `<SELF>; rel="next"`, "none": "", "elsewhere": `</api/v1/users?after=1>; rel="next"`, "no filter": `</api/v1/logs?after=1>; rel="next"`, "no URL": `<http://%zz/>; rel="next"`,
	} {
		f := newFake(t)
		f.on("/api/v1/logs", func(w http.ResponseWriter, r *http.Request) {
			ok(list(happened("user.lifecycle.suspend", "SUCCESS", 1, 0)), strings.Replace(link, "SELF", f.server.URL+r.URL.RequestURI(), 1))(w, r)
		})
		if _, err := f.open().Hints(t.Context(), ""); !errors.Is(err, connectors.ErrIncomplete) || len(f.seen) > 2 {
			t.Errorf("%s: %v, %q", name, err, f.seen)
		}
	}
	f := newFake(t)
	f.on("/api/v1/logs", func(w http.ResponseWriter, r *http.Request) {
		query := r.URL.Query()
		query.Del("since")
		query.Set("after", "1")
		ok("[]", `<https://attacker.example/api/v1/logs?`+query.Encode()+`>; rel="next"`)(w, r)
	})
	c := f.open()
	first, err := c.Hints(t.Context(), "")
	if err != nil || strings.Contains(first.Cursor, "attacker") {
		t.Fatalf("%+v, %v", first, err)
	}
	if _, err := c.Hints(t.Context(), first.Cursor); err != nil || len(f.seen) != 2 {
		t.Errorf("another name of the same org: %v, %q", err, f.seen)
	}
}
