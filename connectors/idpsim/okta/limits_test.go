package okta_test

import (
	"strconv"
	"sync"
	"testing"
	"time"

	"rollcall/connectors/idpsim"
	"rollcall/connectors/idpsim/okta"
)

func TestRateLimitOfEachFamily(t *testing.T) {
	now := time.Unix(1_770_000_000, 0)
	x := open(t, idpsim.Options{Seed: 1, People: 1}, okta.Options{Limit: 2, Limits: map[string]int{"/api/v1/logs": 1}, Now: func() time.Time { return now }})
	check := func(a answer, status int, limit, remaining string) {
		t.Helper()
		if a.status != status || a.header.Get("X-Rate-Limit-Limit") != limit || a.header.Get("X-Rate-Limit-Remaining") != remaining {
			t.Errorf("%d, limit %s, remaining %s", a.status, a.header.Get("X-Rate-Limit-Limit"), a.header.Get("X-Rate-Limit-Remaining"))
		}
	}
	check(x.do("GET", x.app("/users")), 200, "2", "1")
	check(x.do("GET", x.app("/groups")), 200, "2", "0")
	check(x.do("GET", x.app("/users")), 429, "2", "0")
	x.refused(x.do("GET", x.app("/users")), 429, "E0000047")
	check(x.do("GET", x.app("")), 200, "2", "1") // another family
	check(x.do("GET", "/logs"), 200, "1", "0")
	check(x.do("GET", "/logs"), 429, "1", "0")
	a := x.do("GET", "/logs")
	if reset, err := strconv.ParseInt(a.header.Get("X-Rate-Limit-Reset"), 10, 64); err != nil || reset != now.Add(time.Minute).Unix()+1 {
		t.Errorf("reset at %d: %v", reset, err)
	}
	now = now.Add(time.Minute)
	check(x.do("GET", x.app("/users")), 200, "2", "1")
	if x.api.Calls() != 9 {
		t.Errorf("%d calls", x.api.Calls())
	}
}

func TestTooManyAtTheSameTime(t *testing.T) {
	var once sync.Once
	changing, release, done := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	x := open(t, idpsim.Options{Seed: 1, People: 1, Now: func() time.Time {
		once.Do(func() { close(changing) })
		<-release
		return time.Now()
	}}, okta.Options{Concurrency: 1})
	go func() { done <- x.pop.Suspend("#0") }() // a population that is being changed lets no reader in
	<-changing
	answered := make(chan answer, 2)
	for range 2 {
		go func() { answered <- x.do("GET", "/users") }()
	}
	refused := <-answered
	close(release)
	must(t, <-done)
	if a := <-answered; a.status != 200 {
		t.Errorf("the first: %d %s", a.status, a.body)
	}
	x.refused(refused, 429, "E0000047")
	if limit, left := refused.header.Get("X-Rate-Limit-Limit"), refused.header.Get("X-Rate-Limit-Remaining"); limit != "0" || left != "0" {
		t.Errorf("limit %s, remaining %s", limit, left)
	}
}
