package scimapi_test

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"testing"
	"time"

	"rollcall/scimapi"
	"rollcall/state"
	"rollcall/state/statetest"
)

// rated limits acme's requests per second.
func rated(perSecond float64) func(*scimapi.Config) {
	return func(c *scimapi.Config) {
		sources := c.Sources
		c.Sources = func(name string) (scimapi.Source, bool) {
			source, ok := sources(name)
			if name == acme.Source {
				source.Rate = perSecond
			}
			return source, ok
		}
	}
}

func TestRateLimit(t *testing.T) {
	c := newClock()
	r := newReceiver(t, statetest.NewModel(), c.rule, rated(2))
	other := r.issue(t, globex, func(*state.Key) {})
	for range 4 {
		r.must(t, 200, "GET", "/Users", "")
	}
	refused := r.do(t, "GET", "/auth/scim/Users", "")
	if refused.status != http.StatusTooManyRequests {
		t.Fatalf("status %d, want 429", refused.status)
	}
	if err := isError(refused); err != nil {
		t.Error(err)
	}
	if after, err := strconv.Atoi(refused.header.Get("Retry-After")); err != nil || after < 1 {
		t.Errorf("Retry-After %q, want a whole number of seconds", refused.header.Get("Retry-After"))
	}
	for range 20 {
		r.must(t, 200, "GET", "/Users", "", "Authorization", other)
	}
	c.advance(time.Second)
	r.must(t, 200, "GET", "/Users", "")
}

// TestNoSourceStarvesAnother holds requests of one source up, as many as it may have at work and more. Those of another pass, the ones too
// many are told to come back, and once the first are through, everything goes on.
func TestNoSourceStarvesAnother(t *testing.T) {
	s := &spy{Store: statetest.NewModel()}
	r := newReceiver(t, s, func(c *scimapi.Config) { c.Limits.Together, c.Limits.Wait = 3, 50*time.Millisecond })
	other := r.issue(t, globex, func(*state.Key) {})
	mine := r.createUser(t, "ada@acme.example")
	theirs := r.must(t, 201, "POST", "/Users", `{"userName":"grace@globex.example"}`, "Authorization", other)["id"].(string)

	held, release := make(chan struct{}), make(chan struct{})
	s.before.scoped = func(scope state.Scope) {
		if scope == acme {
			held <- struct{}{}
			<-release
		}
	}
	var flood sync.WaitGroup
	answers := make([]answer, 3)
	for i := range answers {
		flood.Go(func() { answers[i] = r.do(t, "GET", "/auth/scim/Users/"+mine, "") })
	}
	for range answers {
		<-held
	}
	for range 5 {
		r.must(t, 200, "GET", "/Users/"+theirs, "", "Authorization", other)
	}
	crowded := r.do(t, "GET", "/auth/scim/Users/"+mine, "")
	if crowded.status != 429 || crowded.header.Get("Retry-After") != "1" {
		t.Errorf("status %d, Retry-After %q; want 429 and 1", crowded.status, crowded.header.Get("Retry-After"))
	}
	if err := isError(crowded); err != nil {
		t.Error(err)
	}
	if n := r.counts.of(scimapi.Crowded); n != 1 {
		t.Errorf("counted %d times", n)
	}
	close(release)
	flood.Wait()
	for _, a := range answers {
		if a.status != 200 {
			t.Errorf("status %d: %s", a.status, a.body)
		}
	}
	s.before.scoped = nil
	r.must(t, 200, "GET", "/Users/"+mine, "")
}

// TestWaitingRequestsGetTheirTurn sends more requests than may be at work at once, which are all answered.
func TestWaitingRequestsGetTheirTurn(t *testing.T) {
	r := newReceiver(t, statetest.NewModel(), func(c *scimapi.Config) { c.Limits.Together, c.Limits.Scans = 2, 1 })
	r.createUser(t, "ada@acme.example")
	var clients sync.WaitGroup
	statuses := make([]int, 40)
	for i := range statuses {
		clients.Go(func() {
			path := "/auth/scim/Users?filter=title+pr"
			if i%2 == 0 {
				path = "/auth/scim/Users?sortBy=userName"
			}
			statuses[i] = r.do(t, "GET", path, "").status
		})
	}
	clients.Wait()
	for i, status := range statuses {
		if status != 200 {
			t.Errorf("request %d: status %d", i, status)
		}
	}
}

// TestScansOfOneSourceAreFew holds a scan up. Another scan of the source waits and is told to come back; look-ups, and scans of other
// sources, pass.
func TestScansOfOneSourceAreFew(t *testing.T) {
	s := &spy{Store: statetest.NewModel()}
	r := newReceiver(t, s, func(c *scimapi.Config) { c.Limits.Scans, c.Limits.Wait = 1, 20*time.Millisecond })
	other := r.issue(t, globex, func(*state.Key) {})
	r.createUser(t, "ada@acme.example")
	held, release := make(chan struct{}), make(chan struct{})
	s.before.scan = func(scope state.Scope) {
		if scope == acme {
			held <- struct{}{}
			<-release
		}
	}
	var first answer
	var scan sync.WaitGroup
	scan.Go(func() { first = r.do(t, "GET", "/auth/scim/Users?filter=title+pr", "") })
	<-held
	r.must(t, 429, "GET", "/Users?filter=nickName+pr", "")
	r.must(t, 429, "GET", "/Users?sortBy=title", "")
	r.must(t, 200, "GET", "/Users?filter=userName+eq+%22ada@acme.example%22", "")
	r.must(t, 200, "GET", "/Users?filter=title+pr", "", "Authorization", other)
	close(release)
	scan.Wait()
	if first.status != 200 {
		t.Errorf("status %d", first.status)
	}
}

func TestKeyUseIsNotedOnceAMinute(t *testing.T) {
	c := newClock()
	s := &spy{Store: statetest.NewModel()}
	r := newReceiver(t, s, c.rule)
	for range 10 { // 200 seconds in steps of 20
		r.must(t, 200, "GET", "/Users", "")
		c.advance(20 * time.Second)
	}
	if s.touched != 4 {
		t.Errorf("noted %d times in 200 seconds, want 4", s.touched)
	}
}

func TestKeyExpires(t *testing.T) {
	c := newClock()
	start := c.now()
	r := newReceiver(t, statetest.NewModel(), c.rule)
	short := r.issue(t, globex, func(k *state.Key) { k.ExpiresAt = start.Add(20 * 24 * time.Hour) })
	use := func(status int) { t.Helper(); r.must(t, status, "GET", "/Users", "", "Authorization", short) }
	warned := func(want int) {
		t.Helper()
		if n := r.counts.of(scimapi.KeyExpiring); n != want {
			t.Errorf("%v: warned %d times, want %d", c.now().Sub(start), n, want)
		}
	}
	use(200)
	warned(0)
	c.set(start.Add(7 * 24 * time.Hour))
	use(200)
	use(200)
	warned(1)
	c.advance(23 * time.Hour)
	use(200)
	warned(1)
	c.advance(time.Hour)
	use(200)
	warned(2)
	c.set(start.Add(20*24*time.Hour - time.Second))
	use(200)
	c.advance(time.Second)
	use(401)
	warned(3)
}

// TestTwoLiveKeys shows how a key is replaced without a gap.
func TestTwoLiveKeys(t *testing.T) {
	r := newReceiver(t, statetest.NewModel())
	second := r.issue(t, acme, func(*state.Key) {})
	r.must(t, 200, "GET", "/Users", "")
	r.must(t, 200, "GET", "/Users", "", "Authorization", second)
	_, third := state.NewKey(acme)
	third.CreatedAt = time.Now()
	if err := r.store.PutKey(context.Background(), third); err == nil {
		t.Error("a third live key was taken")
	}
	keys, err := r.store.ListKeys(context.Background(), acme)
	if err != nil || len(keys) != 2 {
		t.Fatal(keys, err)
	}
	if err := r.store.RevokeKey(context.Background(), acme, keys[0].ID); err != nil {
		t.Fatal(err)
	}
	r.must(t, 401, "GET", "/Users", "")
	r.must(t, 200, "GET", "/Users", "", "Authorization", second)
}

func TestMembersAreLimited(t *testing.T) {
	r := newReceiver(t, statetest.NewModel(), func(c *scimapi.Config) { c.Limits.Members = 3 })
	list := func(n int) string {
		text := ""
		for i := range n {
			if i > 0 {
				text += ","
			}
			text += fmt.Sprintf(`{"value":"u%d"}`, i)
		}
		return "[" + text + "]"
	}
	group := r.must(t, 201, "POST", "/Groups", `{"displayName":"Team"}`)["id"].(string)
	r.must(t, 413, "POST", "/Groups", `{"displayName":"Crew","members":`+list(4)+`}`)
	r.must(t, 400, "POST", "/Groups", `{"displayName":"Crew","members":`+list(3)+`}`)
	r.must(t, 413, "PUT", "/Groups/"+group, `{"displayName":"Team","members":`+list(4)+`}`)
	r.must(t, 413, "PATCH", "/Groups/"+group, `{"Operations":[{"op":"add","path":"members","value":`+list(4)+`}]}`)
	r.must(t, 413, "PATCH", "/Groups/"+group, `{"Operations":[{"op":"remove","path":"members","value":`+list(2)+`},{"op":"add","path":"members","value":[{"value":"a"},{"value":"b"}]}]}`)
	r.must(t, 204, "PATCH", "/Groups/"+group, `{"Operations":[{"op":"remove","path":"members","value":`+list(3)+`}]}`)
}
