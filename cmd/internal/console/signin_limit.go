package console

import (
	"sync"
	"time"
)

// How many sign-ins may fail before the next one has to wait, and how the wait grows.
const (
	freeTriesOfName    = 5
	freeTriesOfAddress = 20
	firstWait          = 5 * time.Second // doubled with each further failure
	longestWait        = 15 * time.Minute
	failuresKept       = time.Hour // after the last one they are forgotten
	maxTracked         = 10_000    // names and addresses together
)

// tries counts failed sign-ins by name and by remote address, in memory: a restart forgets them. It is safe for concurrent use.
type tries struct {
	mu     sync.Mutex
	failed map[string]failures
}

type failures struct {
	count int
	last  time.Time
	until time.Time // no try before it
}

func newTries() *tries { return &tries{failed: map[string]failures{}} }

// begin takes a try of a name from an address and returns 0, or returns how long the next one has to wait. A try counts as failed until
// it is forgiven, so that many at once are not free.
func (t *tries) begin(name, address string, now time.Time) time.Duration {
	t.mu.Lock()
	defer t.mu.Unlock()
	keys := triesKeys(name, address)
	wait := time.Duration(0)
	for key := range keys {
		if f, ok := t.failed[key]; ok && now.Sub(f.last) < failuresKept {
			wait = max(wait, f.until.Sub(now))
		}
	}
	if wait > 0 {
		return wait
	}
	for key, free := range keys {
		f := t.failed[key]
		if now.Sub(f.last) >= failuresKept {
			f = failures{}
		}
		f.count, f.last = f.count+1, now
		if over := f.count - free; over >= 0 {
			f.until = now.Add(min(firstWait<<min(over, 16), longestWait))
		}
		t.room(now)
		t.failed[key] = f
	}
	return 0
}

// forgive forgets a name's failures, and one of the address's, after a sign-in that succeeded.
func (t *tries) forgive(name, address string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.failed, "name "+name)
	if f, ok := t.failed["address "+address]; ok {
		f.count, f.until = f.count-1, time.Time{}
		t.failed["address "+address] = f
	}
}

// room forgets what is old, and if most is young, anything, those that have to wait last: a flood of names sets nobody free who guesses
// at one. A quarter goes at once, so that it costs little each.
func (t *tries) room(now time.Time) {
	if len(t.failed) < maxTracked {
		return
	}
	for key, f := range t.failed {
		if now.Sub(f.last) >= failuresKept {
			delete(t.failed, key)
		}
	}
	for _, all := range []bool{false, true} {
		for key, f := range t.failed {
			if len(t.failed) <= maxTracked*3/4 {
				return
			}
			if all || !f.until.After(now) {
				delete(t.failed, key)
			}
		}
	}
}

// triesKeys are what a try counts under, with the tries that are free of each.
func triesKeys(name, address string) map[string]int {
	return map[string]int{"name " + name: freeTriesOfName, "address " + address: freeTriesOfAddress}
}
