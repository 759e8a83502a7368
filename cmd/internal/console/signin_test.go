package console

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/state"
)

func TestSignInByPassword(t *testing.T) {
	f := newFixture(t)
	f.join("Ann@example.com", state.RoleOperator, rightPassword)
	f.join("linked@example.com", state.RoleViewer, "")
	f.join("gone@example.com", state.RoleViewer, rightPassword)
	_, err := f.console.access("setup").Disable(t.Context(), "gone@example.com")
	f.must(err)
	before := len(f.deeds())

	b := f.browser()
	var answers []string
	for _, try := range [][2]string{{"ann@example.com", "wrong"}, {"nobody@example.com", rightPassword}, {"linked@example.com", ""}, {"gone@example.com", rightPassword}, {"", ""}} {
		p := b.post("/sign-in", "/sign-in", "name", try[0], "password", try[1], "to", "/users/7")
		answers = append(answers, p.shows(http.StatusForbidden, wrongPassword).text())
		if strings.Contains(p.body, rightPassword) {
			t.Error("the answer repeats the password")
		}
	}
	if len(slices.Compact(answers)) != 1 {
		t.Errorf("those who fail can be told apart: %q", answers)
	}
	if diff := cmp.Diff([]string{"|sign_in_failed||password", "|sign_in_failed|gone@example.com|password", "|sign_in_failed|linked@example.com|password", "|sign_in_failed||password", "|sign_in_failed|Ann@example.com|password"}, f.deeds()[:len(f.deeds())-before]); diff != "" {
		t.Errorf("deeds (-want +got):\n%s", diff)
	}

	b.post("/sign-in?to=/users/7", "/sign-in", "name", " ann@EXAMPLE.com", "password", rightPassword, "to", "/users/7").leads("/users/7")
	b.get("/access").shows(http.StatusOK, "Ann@example.com")
	b.get("/sign-in?to=/runs").leads("/runs")
	if got := f.deeds()[0]; got != "Ann@example.com|signed_in|Ann@example.com|password" {
		t.Errorf("noted %q", got)
	}
	f.browser().post("/sign-in", "/sign-in", "name", "ann@example.com", "password", rightPassword, "to", "https://evil.example").leads("/")
}

func TestSignInPage(t *testing.T) {
	f := newFixture(t)
	p := f.browser().get("/sign-in?to=/users/7").shows(http.StatusOK, "Nobody may use this console yet", "rollcall operators add NAME --role operator")
	if !slices.Contains(p.values("input", "value"), "/users/7") {
		t.Errorf("the form forgets where to: %s", p.body)
	}
	f.join("ann", state.RoleOperator, "")
	p = f.browser().get("/sign-in").shows(http.StatusOK).hides("Nobody may", "Sign in with")
	lost := f.browser().get("/sign-in/elsewhere").shows(http.StatusNotFound, "There is no such page")
	if strings.Contains(p.body+lost.body, "<nav") {
		t.Error("strangers see the navigation")
	}
}

func TestSignInWaitsAfterFailures(t *testing.T) {
	f := newFixture(t)
	f.join("ann", state.RoleOperator, rightPassword)
	b := f.browser()
	fail := func(name string) *page { return b.post("/sign-in", "/sign-in", "name", name, "password", "wrong") }
	for range freeTriesOfName {
		fail("ann").shows(http.StatusForbidden)
	}
	p := b.post("/sign-in", "/sign-in", "name", "Ann", "password", rightPassword).shows(http.StatusTooManyRequests, "Wait 6 seconds")
	if p.header.Get("Retry-After") != "6" {
		t.Errorf("Retry-After: %q", p.header.Get("Retry-After"))
	}
	deeds := len(f.deeds())
	fail("ann").shows(http.StatusTooManyRequests)
	if len(f.deeds()) != deeds {
		t.Error("tries that are not made are noted")
	}
	f.signed("ann").get("/access").shows(http.StatusOK) // a link works at once
	f.clock.Advance(firstWait)
	b.post("/sign-in", "/sign-in", "name", "ann", "password", rightPassword).leads("/")

	spray := f.browser()
	spray.from = "192.0.2.9:1"
	status := 0
	for i := range freeTriesOfAddress + 1 {
		status = spray.post("/sign-in", "/sign-in", "name", "name"+strconv.Itoa(i), "password", "wrong").status
	}
	if status != http.StatusTooManyRequests {
		t.Errorf("the address may go on: %d", status)
	}
}

func TestTries(t *testing.T) {
	now := time.Date(2026, 3, 4, 9, 0, 0, 0, time.UTC)
	tries := newTries()
	var waits []time.Duration
	for range 16 {
		wait := tries.begin("ann", "a", now)
		waits = append(waits, wait)
		now = now.Add(wait)
	}
	s := time.Second
	want := []time.Duration{0, 0, 0, 0, 0, 5 * s, 0, 10 * s, 0, 20 * s, 0, 40 * s, 0, 80 * s, 0, 160 * s}
	if diff := cmp.Diff(want, waits); diff != "" {
		t.Errorf("waits (-want +got):\n%s", diff)
	}
	for range 40 {
		wait := tries.begin("ann", "a", now)
		if wait > longestWait {
			t.Fatalf("a wait of %s", wait)
		}
		now = now.Add(wait)
	}
	if wait := tries.begin("bob", "b", now); wait != 0 {
		t.Errorf("somebody else waits %s", wait)
	}
	if wait := tries.begin("ann", "a", now.Add(failuresKept)); wait != 0 {
		t.Errorf("after an hour a wait of %s", wait)
	}

	for range freeTriesOfName {
		tries.begin("eve", "e", now)
	}
	tries.forgive("eve", "e")
	if wait := tries.begin("eve", "e", now); wait != 0 {
		t.Errorf("after a sign-in a wait of %s", wait)
	}
	for i := range 3 * maxTracked {
		tries.begin(strconv.Itoa(i), strconv.Itoa(i), now)
	}
	if len(tries.failed) > maxTracked+1 {
		t.Errorf("%d names and addresses are kept", len(tries.failed))
	}

	for range freeTriesOfName {
		tries.begin("zoe", "z", now)
	}
	for i := range 3 * maxTracked {
		if tries.begin("zoe", "other", now) == 0 {
			t.Fatalf("%d other names later, guessing at one goes on", i)
		}
		tries.begin("flood "+strconv.Itoa(i), "flood "+strconv.Itoa(i), now)
	}
}

func TestSignInByLink(t *testing.T) {
	f := newFixture(t)
	f.join("ann", state.RoleOperator, "")
	path, expires, err := f.console.access("olga").Link(t.Context(), "ANN", LinkLife)
	f.must(err)
	if want := f.clock.Now().Add(15 * time.Minute); !expires.Equal(want) {
		t.Errorf("the link expires at %s, want %s", expires, want)
	}
	for range 3 { // to look uses nothing up
		f.browser().get(path).shows(http.StatusOK, "The link works once")
	}
	b := f.browser()
	b.raw(path).shows(http.StatusForbidden, "This page was old") // nobody else's page can use it
	b.post(path, path).leads("/")
	b.get("/access").shows(http.StatusOK)
	f.browser().post(path, path).shows(http.StatusForbidden, "This link does not work any more")
	f.browser().post("/sign-in", linkPath+"made-up").shows(http.StatusForbidden, "This link does not work any more")
	if diff := cmp.Diff([]string{"|sign_in_failed||link", "|sign_in_failed||link", "ann|signed_in|ann|link", "olga|sign_in_link_issued|ann|"}, f.deeds()[:4]); diff != "" {
		t.Errorf("deeds (-want +got):\n%s", diff)
	}

	late, _, err := f.console.access("olga").Link(t.Context(), "ann", LinkLife)
	f.must(err)
	f.clock.Advance(LinkLife)
	f.browser().post(late, late).shows(http.StatusForbidden, "its time is over")

	lost, _, err := f.console.access("olga").Link(t.Context(), "ann", LinkLife)
	f.must(err)
	_, err = f.console.access("olga").Disable(t.Context(), "ann")
	f.must(err)
	f.browser().post(lost, lost).shows(http.StatusForbidden, "does not work any more")
}

// TestALinkSignsInOnce presses one link's button in many browsers at once.
func TestALinkSignsInOnce(t *testing.T) {
	f := newFixture(t)
	f.join("ann", state.RoleOperator, "")
	path, _, err := f.console.access("olga").Link(t.Context(), "ann", LinkLife)
	f.must(err)
	browsers := make([]*browser, 8)
	tokens := make([]string, len(browsers))
	for i := range browsers {
		browsers[i] = f.browser()
		tokens[i] = browsers[i].token(path)
	}
	statuses := make([]int, len(browsers))
	var group sync.WaitGroup
	for i, b := range browsers {
		group.Go(func() { statuses[i] = b.raw(path, "csrf", tokens[i]).status })
	}
	group.Wait()
	slices.Sort(statuses)
	if diff := cmp.Diff([]int{303, 403, 403, 403, 403, 403, 403, 403}, statuses); diff != "" {
		t.Errorf("answers (-want +got):\n%s", diff)
	}
}

// TestAnAddressOfManyIsOne: who has a whole network of IPv6 gets no more tries by using all of it.
func TestAnAddressOfManyIsOne(t *testing.T) {
	f := newFixture(t)
	b := f.browser()
	token := b.token("/sign-in")
	for i := range freeTriesOfAddress + 1 {
		b.from = fmt.Sprintf("[2001:db8::%x]:4000", i+1)
		b.raw("/sign-in", "csrf", token, "name", fmt.Sprint("name-", i), "password", "wrong")
	}
	b.from = "[2001:db8::ffff]:4000"
	b.raw("/sign-in", "csrf", token, "name", "another", "password", "wrong").shows(http.StatusTooManyRequests, "Too many sign-ins failed")
	b.from = "[2001:db8:0:1::1]:4000"
	b.raw("/sign-in", "csrf", token, "name", "another", "password", "wrong").shows(http.StatusForbidden)
}

// TestNobodyIsLockedOutByOthersPages: a page of the web can send an operator's browser to the callback, and dead links can be tried, as
// often as it likes; passwords go on counting for themselves.
func TestNobodyIsLockedOutByOthersPages(t *testing.T) {
	f := newFixture(t)
	f.join("ann", state.RoleOperator, rightPassword)
	f.withOpenID("email")
	b := f.browser()
	for range 3 * freeTriesOfAddress {
		if got := b.get(callbackPath + "?state=x&code=y").status; got != http.StatusForbidden {
			t.Fatalf("a callback out of nowhere: answered %d", got)
		}
		b.post("/sign-in", linkPath+"dead")
	}
	if n := len(f.deeds()); n > 4*freeTriesOfAddress {
		t.Errorf("strangers had %d deeds noted", n)
	}
	b.post("/sign-in", "/sign-in", "name", "ann", "password", rightPassword).leads("/")
}

func TestRemote(t *testing.T) {
	f := newFixture(t)
	for _, test := range []struct {
		secure    bool
		peer      string
		forwarded []string
		want      string
	}{
		{false, "192.0.2.1:5", nil, "192.0.2.1"},
		{false, "192.0.2.1:5", []string{"198.51.100.7"}, "192.0.2.1"}, // nobody has said that there is a proxy
		{true, "10.0.0.1:5", []string{"1.2.3.4, 198.51.100.7"}, "198.51.100.7"},
		{true, "10.0.0.1:5", []string{"1.2.3.4", "2001:db8::7"}, "2001:db8::/64"},
		{true, "10.0.0.1:5", []string{"198.51.100.7:4711"}, "198.51.100.7"},
		{true, "10.0.0.1:5", []string{"[2001:db8::7]:4711"}, "2001:db8::/64"},
		{true, "10.0.0.1:5", []string{"::ffff:198.51.100.7"}, "198.51.100.7"},
		{false, "[2001:db8:0:0:1::2%eth0]:5", nil, "2001:db8::/64"}, // a subscriber has all of it
		{false, "[2001:db8:0:1::2]:5", nil, "2001:db8:0:1::/64"},
		{true, "10.0.0.1:5", []string{"nonsense"}, "10.0.0.1"},
		{true, "@", nil, "@"},
	} {
		f.console.Secure = test.secure
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.RemoteAddr, r.Header["X-Forwarded-For"] = test.peer, test.forwarded
		if got := f.console.remote(r); got != test.want {
			t.Errorf("%+v: %q", test, got)
		}
	}
}

func TestAccess(t *testing.T) {
	f := newFixture(t)
	ctx := t.Context()
	access := f.console.access("root")
	for _, name := range []string{"", " ann", "ann lee", "ann\n", "änn", "-ann", "a/b", strings.Repeat("a", 129)} {
		if _, err := access.Add(ctx, name, ""); err == nil {
			t.Errorf("%q is taken as a name", name)
		}
	}
	add := func(name string, role state.Role) state.Operator {
		t.Helper()
		o, err := access.Add(ctx, name, role)
		f.must(err)
		return o
	}
	if o := add("ann@example.com", ""); o.Role != state.RoleViewer {
		t.Errorf("a new operator is %s", o.Role)
	}
	if o := add("ANN@example.com", state.RoleOperator); o.Name != "ann@example.com" || o.Role != state.RoleOperator {
		t.Errorf("the role is not changed: %+v", o)
	}
	if o := add("ann@example.com", ""); o.Role != state.RoleOperator {
		t.Errorf("the role has changed: %+v", o)
	}
	_, err := access.SetPassword(ctx, "ann@example.com", rightPassword)
	f.must(err)
	o, err := access.Find(ctx, "ann@example.com")
	f.must(err)
	o.Identity = "issuer sub"
	f.must(f.store.PutOperator(ctx, o))

	_, err = access.Disable(ctx, "ann@example.com")
	f.must(err)
	_, err = access.Disable(ctx, "ann@example.com") // again is no error, and no deed
	f.must(err)
	if _, _, err := access.Link(ctx, "ann@example.com", time.Minute); err != ErrDisabled {
		t.Errorf("a link for one who is disabled: %v", err)
	}
	if _, err := access.SetPassword(ctx, "ann@example.com", rightPassword); err != ErrDisabled {
		t.Errorf("a password for one who is disabled: %v", err)
	}
	add("ann@example.com", "")
	if o, err := access.Find(ctx, "ann@example.com"); err != nil || o.Password != "" || o.Identity != "" || o.Role != state.RoleViewer || !o.DisabledAt.IsZero() {
		t.Errorf("who is let in again has what they had: %+v, %v", o, err)
	}
	for _, err := range []error{
		func() error { _, err := access.Disable(ctx, "nobody"); return err }(),
		func() error { _, err := access.SetPassword(ctx, "nobody", rightPassword); return err }(),
		func() error { _, _, err := access.Link(ctx, "nobody", time.Minute); return err }(),
	} {
		if err != ErrNoOperator {
			t.Errorf("of nobody: %v", err)
		}
	}
	if _, _, err := access.Link(ctx, "ann@example.com", MaxLinkLife+1); err == nil {
		t.Error("a link may live for ever")
	}
	want := []string{
		"root|operator_added|ann@example.com|viewer", "root|operator_disabled|ann@example.com|", "root|password_set|ann@example.com|",
		"root|operator_role_changed|ann@example.com|operator", "root|operator_added|ann@example.com|viewer",
	}
	if diff := cmp.Diff(want, f.deeds()); diff != "" {
		t.Errorf("deeds (-want +got):\n%s", diff)
	}
}

func TestAPasswordEndsSessions(t *testing.T) {
	f := newFixture(t)
	f.join("ann", state.RoleOperator, rightPassword)
	b := f.signed("ann")
	_, err := f.console.access("root").SetPassword(t.Context(), "ann", rightPassword+"2")
	f.must(err)
	b.get("/access").leads("/sign-in?to=%2Faccess")
}

func TestSignInWhileNobodyAnswers(t *testing.T) {
	f := newFixture(t)
	f.join("ann", state.RoleOperator, rightPassword)
	b := f.browser()
	token := b.token("/sign-in")
	for range maxVerifying {
		f.console.passwords.slots <- struct{}{}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if ok, err := f.console.passwords.verify(ctx, "", ""); ok || err == nil {
		t.Errorf("a password is verified out of turn: %v, %v", ok, err)
	}
	for range maxVerifying {
		<-f.console.passwords.slots
	}
	b.raw("/sign-in", "csrf", token, "name", "ann", "password", rightPassword).leads("/")
}

// changing is a store whose operators change at the moment at which a session is kept.
type changing struct {
	Store
	change func()
}

func (s *changing) PutSession(ctx context.Context, session state.Session) error {
	s.change()
	return s.Store.PutSession(ctx, session)
}

// TestAWayInThatIsTakenMeanwhileOpensNothing: between a password's turn to be verified and the session, seconds can pass.
func TestAWayInThatIsTakenMeanwhileOpensNothing(t *testing.T) {
	for what, take := range map[string]func(a *Access) error{
		"disabled": func(a *Access) error { _, err := a.Disable(t.Context(), "ann"); return err },
		"disabled and let in again": func(a *Access) error {
			_, err := a.Disable(t.Context(), "ann")
			if err == nil {
				_, err = a.Add(t.Context(), "ann", state.RoleOperator)
			}
			return err
		},
		"another password": func(a *Access) error {
			_, err := a.SetPassword(t.Context(), "ann", "another "+rightPassword)
			return err
		},
	} {
		t.Run(what, func(t *testing.T) {
			f := newFixture(t)
			f.join("ann", state.RoleOperator, rightPassword)
			f.clock.Advance(time.Second)
			f.console.Store = &changing{f.store, func() {
				if err := take(&Access{Store: f.store, By: "olga", Now: f.clock.Now}); err != nil {
					t.Error(err)
				}
			}}
			b := f.browser()
			b.post("/sign-in", "/sign-in", "name", "ann", "password", rightPassword).shows(http.StatusForbidden, "Your way in was changed at this moment")
			f.console.Store = f.store
			b.get("/").leads("/sign-in")
			_, err := f.console.access("olga").Add(t.Context(), "ann", state.RoleOperator)
			f.must(err)
			if all, err := f.store.ListSessions(t.Context()); err != nil || len(all) > 0 {
				t.Errorf("sessions that are left: %v, %v", all, err)
			}
		})
	}
}

// TestDisabledStaysDisabled: who read an operator a moment before they were disabled does not let them in by writing something else down.
func TestDisabledStaysDisabled(t *testing.T) {
	f := newFixture(t)
	f.join("ann", state.RoleOperator, "")
	f.clock.Advance(time.Second)
	read, err := f.store.Operator(t.Context(), "ann")
	f.must(err)
	access := f.console.access("olga")
	_, err = access.Disable(t.Context(), "ann")
	f.must(err)
	read.Identity = "https://login.example person-1"
	if err := access.put(t.Context(), read, deedIdentityTied, ""); !errors.Is(err, ErrDisabled) {
		t.Errorf("an operator who was disabled meanwhile is kept: %v", err)
	}
	if err := access.ChangeRole(t.Context(), "ann", state.RoleOperator); !errors.Is(err, ErrDisabled) {
		t.Errorf("the role of one who is disabled is changed: %v", err)
	}
	if kept, err := f.store.Operator(t.Context(), "ann"); err != nil || kept.DisabledAt.IsZero() || kept.Identity != "" {
		t.Errorf("kept %+v, %v", kept, err)
	}
}
