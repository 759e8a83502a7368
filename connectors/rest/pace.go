package rest

import (
	"context"
	"net/http"
	"sync"
	"time"
)

// DefaultShare is the percentage of a provider's rate limit that a source takes where it is not told otherwise.
const DefaultShare = 25

// Pace keeps a connector's calls within a share of the provider's rate limit: whatever else the customer runs lives off the same limit,
// and who exhausts it stops everyone. Each family of calls has a bucket that holds the share of one window and is refilled evenly, so
// that a short pull never waits. A call that finds too little takes it from the time to come, and waits for that.
//
// It is part of a Transport, which waits on its behalf. It is safe for concurrent use once its fields are set.
type Pace struct {
	Limit  float64       // units that the provider allows in each family within Window; 0 = no limit until LearnFunc tells one
	Window time.Duration // of Limit, and of what LearnFunc tells
	Share  int           // percent of the limit to take; 0 = DefaultShare
	Most   int           // calls at a time; 0 = any number

	CostFunc  func(req *http.Request, body []byte) (family string, units float64) // what a call will cost; nil = one unit, all of one family
	LearnFunc func(header http.Header) Learned                                    // what an answer tells of it; nil = nothing

	mu      sync.Mutex
	buckets map[string]*bucket
	once    sync.Once
	turns   chan struct{} // holds one for each call on its way; nil without Most
}

// Learned is what an answer tells of the limit.
type Learned struct {
	Units float64 // what the call really cost; 0 = it doesn't say
	Limit float64 // of the call's family, instead of Pace.Limit; 0 = it doesn't say
}

// bucket is what is left of one family's share. left may be negative: then it is owed to calls that wait.
type bucket struct {
	limit, left float64
	at          time.Time // of left
}

// toll is what a call was charged.
type toll struct {
	family string
	units  float64
}

// charge takes what a call will cost at a time, and says how long the call has to wait for it.
func (p *Pace) charge(req *http.Request, body []byte, now time.Time) (toll, time.Duration) {
	if p == nil {
		return toll{}, 0
	}
	t := toll{units: 1}
	if p.CostFunc != nil {
		t.family, t.units = p.CostFunc(req, body)
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	b := p.bucket(t.family, now)
	if b.limit == 0 {
		return toll{family: t.family}, 0
	}
	b.left -= t.units
	if b.left >= 0 {
		return t, 0
	}
	return t, time.Duration(-b.left / p.rate(b) * float64(time.Second))
}

// refund gives back what a call was charged that was not made.
func (p *Pace) refund(t toll, now time.Time) {
	if p == nil {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.bucket(t.family, now).left += t.units
}

// learn corrects what a call was charged, and the limit, by its answer.
func (p *Pace) learn(t toll, header http.Header, now time.Time) {
	if p == nil || p.LearnFunc == nil {
		return
	}
	learned := p.LearnFunc(header)
	p.mu.Lock()
	defer p.mu.Unlock()
	b := p.bucket(t.family, now)
	if learned.Limit > 0 && learned.Limit != b.limit {
		b.left += (learned.Limit - b.limit) * p.share() // what was used of the one is used of the other
		b.limit = learned.Limit
	}
	if learned.Units > 0 && b.limit > 0 {
		b.left += t.units - learned.Units
	}
}

// bucket is a family's bucket as it is at a time. The caller holds the lock.
func (p *Pace) bucket(family string, now time.Time) *bucket {
	b := p.buckets[family]
	if b == nil {
		if p.buckets == nil {
			p.buckets = map[string]*bucket{}
		}
		b = &bucket{limit: p.Limit, left: p.Limit * p.share(), at: now}
		p.buckets[family] = b
	}
	if since := now.Sub(b.at); since > 0 {
		b.left = min(b.limit*p.share(), b.left+since.Seconds()*p.rate(b))
		b.at = now
	}
	return b
}

// rate is how many units a bucket gets in a second.
func (p *Pace) rate(b *bucket) float64 { return b.limit * p.share() / p.Window.Seconds() }

func (p *Pace) share() float64 {
	if p.Share == 0 {
		return DefaultShare / 100.
	}
	return float64(p.Share) / 100
}

// enter waits until there is room for one more call, or for the end of ctx, whose error it returns. leave makes room again.
func (p *Pace) enter(ctx context.Context) (leave func(), err error) {
	if p == nil || p.Most == 0 {
		return func() {}, nil
	}
	p.once.Do(func() { p.turns = make(chan struct{}, p.Most) })
	select {
	case p.turns <- struct{}{}:
		return func() { <-p.turns }, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}
