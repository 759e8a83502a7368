package scimapi_test

import (
	"sync"
	"time"

	"rollcall/scimapi"
)

// counts is a Metrics that tests can ask.
type counts struct {
	mu       sync.Mutex
	answered map[string]int // source, endpoint, method, status class
	noticed  map[scimapi.Event]int
}

func newCounts() *counts {
	return &counts{answered: map[string]int{}, noticed: map[scimapi.Event]int{}}
}

func (c *counts) Answered(source, endpoint, method string, status int, _ time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.answered[source+" "+endpoint+" "+method+" "+string(rune('0'+status/100))+"xx"]++
}

func (c *counts) Noticed(_ string, event scimapi.Event, n int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.noticed[event] += n
}

func (c *counts) of(event scimapi.Event) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.noticed[event]
}
