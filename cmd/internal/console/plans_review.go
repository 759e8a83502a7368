package console

import (
	"context"
	"sync"
	"time"
)

// reviews is the long plan that was reviewed last, so that its pages cost no more than its first. A decision is made on a review of its own.
type reviews struct {
	mu   sync.Mutex
	id   string
	at   time.Time
	last Reviewed
}

// When a review is kept, and how long it may be shown again.
const (
	longPlan   = 2000 // changes
	reviewTime = 15 * time.Second
)

func (k *reviews) forget() { k.keep("", time.Time{}, Reviewed{}) }

func (k *reviews) keep(id string, at time.Time, reviewed Reviewed) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.id, k.at, k.last = id, at, reviewed
}

// find returns the review of a plan, if it is kept and young; an older one is let go.
func (k *reviews) find(id string, now time.Time) (Reviewed, bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if age := now.Sub(k.at); age < 0 || age >= reviewTime {
		k.id, k.last = "", Reviewed{}
	}
	return k.last, id == k.id
}

// review has a plan reviewed, or returns what was found a moment ago; nobody may change it.
func (c *Console) review(ctx context.Context, id string) (Reviewed, error) {
	now := c.Now()
	if kept, ok := c.reviews.find(id, now); ok {
		return kept, nil
	}
	reviewed, err := c.Work.Review(ctx, id)
	if err == nil && len(reviewed.Plan.Changes)+len(reviewed.Moved) >= longPlan {
		c.reviews.keep(id, now, reviewed)
	}
	return reviewed, err
}
