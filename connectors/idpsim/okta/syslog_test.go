package okta_test

import (
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/connectors/idpsim"
	"rollcall/connectors/idpsim/okta"
)

// kinds are the event types of rows.
func kinds(rows []object) []string { return column(rows, "eventType") }

// clock is a time that a test moves.
type clock struct{ now time.Time }

func (c *clock) read() time.Time { return c.now }

func openAt(t *testing.T, o idpsim.Options) (*org, *clock) {
	c := &clock{time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}
	o.Now = c.read
	return open(t, o, okta.Options{}), c
}

// since is a query that polls from a time on.
func since(t time.Time) string { return "/logs?since=" + url.QueryEscape(t.Format(time.RFC3339)) }

func TestEveryStepIsInTheSystemLog(t *testing.T) {
	x, _ := openAt(t, idpsim.Options{Seed: 1, People: 4, Groups: 1, Direct: 1, Unassigned: 1})
	for _, c := range []struct {
		step idpsim.Step
		want []string
	}{
		{idpsim.Step{Do: "assign", Who: "#3"}, []string{"application.user_membership.add"}},
		{idpsim.Step{Do: "unassign", Who: "#3"}, []string{"application.user_membership.remove"}},
		{idpsim.Step{Do: "join", Who: "#3", Group: "Everyone"}, []string{"group.user_membership.add", "application.user_membership.add"}},
		{idpsim.Step{Do: "assign", Who: "#3"}, []string{"application.user_membership.update"}}, // from GROUP to USER
		{idpsim.Step{Do: "leave", Who: "#3", Group: "Everyone"}, []string{"group.user_membership.remove"}},
		{idpsim.Step{Do: "suspend", Who: "#1"}, []string{"user.lifecycle.suspend"}},
		{idpsim.Step{Do: "unsuspend", Who: "#1"}, []string{"user.lifecycle.unsuspend"}},
		{idpsim.Step{Do: "status", Who: "#1", Value: "LOCKED_OUT"}, []string{"user.account.lock"}},
		{idpsim.Step{Do: "status", Who: "#1", Value: "ACTIVE"}, []string{"user.account.unlock"}},
		{idpsim.Step{Do: "status", Who: "#1", Value: "PASSWORD_EXPIRED"}, nil}, // noticed at the next sign-in only
		{idpsim.Step{Do: "disable", Who: "#1"}, []string{"application.user_membership.remove", "user.lifecycle.deactivate"}},
		{idpsim.Step{Do: "enable", Who: "#1"}, []string{"application.user_membership.add", "user.lifecycle.activate"}},
		{idpsim.Step{Do: "set", Who: "#1", Attribute: "title", Value: "Boss"}, []string{"user.account.update_profile", "application.user_membership.update"}},
		{idpsim.Step{Do: "rename", Who: "#1", Value: "new@acme.example"}, []string{"user.account.update_profile", "application.user_membership.update", "application.user_membership.change_username"}},
		{idpsim.Step{Do: "external-id", Who: "#1", Value: "ours"}, []string{"application.provision.user.push"}},
		{idpsim.Step{Do: "soft-delete", Who: "#2"}, []string{"application.user_membership.remove", "user.lifecycle.deactivate"}},
		{idpsim.Step{Do: "purge", Who: "#2"}, []string{"user.lifecycle.delete.initiated", "user.lifecycle.delete.completed"}},
		{idpsim.Step{Do: "add-person", Attributes: map[string]string{"userName": "x@acme.example"}}, []string{"user.lifecycle.create", "user.lifecycle.activate"}},
		{idpsim.Step{Do: "add-group", Group: "New"}, []string{"group.lifecycle.create"}},
		{idpsim.Step{Do: "assign", Group: "New"}, []string{"group.application_assignment.add"}},
		{idpsim.Step{Do: "rename-group", Group: "New", Value: "Newer"}, []string{"group.profile.update"}},
		{idpsim.Step{Do: "push-group", Group: "Newer"}, []string{"application.provision.group_push.activate_mapping"}},
		{idpsim.Step{Do: "purge-group", Group: "Newer"}, []string{"group.application_assignment.remove", "group.lifecycle.delete"}},
		{idpsim.Step{Do: "unassign", Group: "Everyone"}, []string{"group.application_assignment.remove", "application.user_membership.remove"}},
		{idpsim.Step{Do: "app", Value: "inactive"}, []string{"application.lifecycle.deactivate"}},
		{idpsim.Step{Do: "app", Value: "active"}, []string{"application.lifecycle.activate"}},
		{idpsim.Step{Do: "push-status", Attribute: "title", Value: "DONT_PUSH"}, []string{"application.provision.field_mapping_rule.change"}},
	} {
		before := len(kinds(x.tail()))
		must(t, x.pop.Do(c.step))
		if diff := cmp.Diff(c.want, kinds(x.tail())[before:], cmp.Transformer("none", func(s []string) []string { return append([]string{}, s...) })); diff != "" {
			t.Errorf("%+v: %s", c.step, diff)
		}
	}
}

// tail is the whole log.
func (x *org) tail() []object {
	x.Helper()
	return x.good("/logs?limit=1000").rows(x)
}

func TestPollingNeverEnds(t *testing.T) {
	x, at := openAt(t, idpsim.Options{Seed: 1, People: 5})
	target := since(at.now)
	a := x.good(target)
	if len(a.rows(t)) != 0 || a.next() == "" || strings.Contains(a.next(), "since=") {
		t.Fatalf("an empty log: %s, next %q", a.body, a.next())
	}
	must(t, x.pop.Do(idpsim.Step{Do: "suspend", Who: "#0..#4"}))
	var seen []string
	next := a.next() + "&limit=2"
	for range 3 {
		a = x.good(next)
		for _, row := range a.rows(t) {
			seen = append(seen, row["target"].([]any)[0].(object)["id"].(string))
		}
		next = a.next()
	}
	var want []string
	for n := range 5 {
		want = append(want, x.pop.OktaID("#"+string(rune('0'+n))))
	}
	if diff := cmp.Diff(want, seen); diff != "" {
		t.Errorf("in the order of writing: %s", diff)
	}
	if last := x.good(next); len(last.rows(t)) != 0 || last.next() != next {
		t.Errorf("after the last event the next link leads to the same place: %s", last.next())
	}
}

func TestBoundedRequestsEndAndGoByWhenItHappened(t *testing.T) {
	x, at := openAt(t, idpsim.Options{Seed: 1, People: 5})
	must(t, x.pop.Do(idpsim.Step{Do: "suspend", Who: "*"}))
	bounds := since(at.now.Add(-time.Minute)) + "&until=" + url.QueryEscape(at.now.Add(time.Minute).Format(time.RFC3339))
	rows, pages := x.all(bounds + "&limit=2")
	times := column(rows, "published")
	if len(rows) != 5 || pages != 3 || !slices.IsSorted(times) {
		t.Errorf("%d rows on %d pages, at %v", len(rows), pages, times)
	}
	if polled := column(x.good(since(at.now)).rows(t), "published"); slices.IsSorted(polled) {
		t.Errorf("polling shows what is written down late where it was written: %v", polled)
	}
	down, _ := x.all(bounds + "&limit=2&sortOrder=DESCENDING")
	slices.Reverse(down)
	if diff := cmp.Diff(times, column(down, "published")); diff != "" {
		t.Error(diff)
	}
	first := x.good(since(at.now.Add(-time.Hour)) + "&until=" + url.QueryEscape(at.now.Add(-time.Minute).Format(time.RFC3339)))
	if got := len(first.rows(t)); got != 0 || first.next() != "" {
		t.Errorf("before anything: %d, next %q", got, first.next())
	}
}

func TestHowFarTheLogReachesBack(t *testing.T) {
	x, at := openAt(t, idpsim.Options{Seed: 1, People: 1})
	start := at.now
	must(t, x.pop.Suspend("#0"))
	count := func(target string) int { return len(x.good(target).rows(t)) }
	at.now = start.Add(8 * 24 * time.Hour)
	if count("/logs") != 0 || count(since(start)) != 1 {
		t.Error("without a bound a week is shown, and with one what is kept")
	}
	at.now = start.Add(91 * 24 * time.Hour)
	if count(since(start)) != 0 {
		t.Error("nothing is kept for ever")
	}
}

func TestLogFilters(t *testing.T) {
	x, _ := openAt(t, idpsim.Options{Seed: 1, People: 4, Groups: 1, Direct: 2})
	must(t, x.pop.Do(idpsim.Step{Do: "disable", Who: "#0..#3"}, idpsim.Step{Do: "unassign", Group: "Everyone"}))
	for filter, want := range map[string]int{
		`eventType eq "user.lifecycle.deactivate"`:                           4,
		`eventType sw "application."`:                                        4,
		`target.id eq "` + x.pop.OktaAppID() + `"`:                           5,
		`target.id eq "` + x.pop.OktaAppID() + `" and eventType sw "group."`: 1,
		`target.id eq "` + x.pop.OktaID("#1") + `" and (eventType eq "a" or eventType eq "user.lifecycle.deactivate")`: 1,
		`target.type eq "UserGroup"`:                         1,
		`not (target.type eq "User") and severity eq "INFO"`: 1,
		`eventType ne "user.lifecycle.deactivate"`:           5,
		`actor.id pr`: 9,
	} {
		if got := len(x.good("/logs?filter=" + url.QueryEscape(filter)).rows(t)); got != want {
			t.Errorf("%s: %d, want %d", filter, got, want)
		}
	}
	for _, query := range []string{
		"since=yesterday", "limit=1001", "limit=-1", "after=x", "sortOrder=UP", "colour=red", "since=2026-01-01T00:00:00Z&after=" + "YWZ0ZXI6MQ",
		"filter=" + url.QueryEscape(`published gt "2026-01-01T00:00:00Z"`), "filter=" + url.QueryEscape(`eventType eq`),
		"filter=" + url.QueryEscape(`eventType eq "x`), "filter=" + url.QueryEscape(`(eventType eq "x"`), "filter=" + url.QueryEscape(`eventType is "x"`),
	} {
		x.refused(x.do("GET", "/logs?"+query), 400, "E0000001")
	}
}

func TestFaultsOfTheLog(t *testing.T) {
	x, at := openAt(t, idpsim.Options{Seed: 1, People: 6})
	must(t, x.pop.Do(idpsim.Step{Do: "suspend", Who: "*"}))
	page := since(at.now) + "&limit=2"
	for name, want := range map[string]struct {
		rows int
		next bool
	}{
		idpsim.Empty: {0, true}, idpsim.LostLink: {2, false}, idpsim.Duplicates: {4, true}, idpsim.MissingRows: {1, true}, idpsim.LostPage: {2, true},
		idpsim.Endless: {2, true},
	} {
		must(t, x.faults.Set(name, idpsim.Where{Times: 1}))
		if a := x.good(page); len(a.rows(t)) != want.rows || (a.next() != "") != want.next {
			t.Errorf("%s: %d rows, next %q", name, len(a.rows(t)), a.next())
		}
		x.faults.Clear()
	}
	must(t, x.faults.Set(idpsim.ExpiredDelta, idpsim.Where{}))
	x.refused(x.do("GET", x.good(page).next()), 400, "E0000001")
}
