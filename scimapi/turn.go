package scimapi

import (
	"context"
	"math"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/time/rate"
)

// lane is what one source has of the receiver: how fast it may ask, and how much of it is carried out at the same time. However many
// requests a source sends, those of another wait behind no more than Limits.Together of its own.
type lane struct {
	bucket  atomic.Pointer[rate.Limiter]
	turns   chan struct{} // one for each request at work
	scans   chan struct{} // one for each that looks at record after record
	unknown atomic.Int64  // requests for ids that the source does not have
	read    atomic.Int64  // when the last of these was kept that only wanted to read; milliseconds since 1970
}

// lanes are made when a source is first heard of and kept, as sources are few.
type lanes struct{ bySource sync.Map } // name → *lane

func (l *lanes) of(source string, limits *Limits) *lane {
	if found, ok := l.bySource.Load(source); ok {
		return found.(*lane)
	}
	made, _ := l.bySource.LoadOrStore(source, &lane{
		turns: make(chan struct{}, limits.Together),
		scans: make(chan struct{}, limits.Scans),
	})
	return made.(*lane)
}

// tooFast returns how long a source has to wait before its next request; 0 lets this one in. A rate that changed with the configuration
// takes effect at once; bursts may be twice as many.
func (l *lane) tooFast(perSecond float64, now time.Time) time.Duration {
	if perSecond <= 0 {
		return 0
	}
	limit, burst := rate.Limit(perSecond), int(math.Ceil(2*perSecond))
	if l.bucket.Load() == nil {
		l.bucket.CompareAndSwap(nil, rate.NewLimiter(limit, burst))
	}
	bucket := l.bucket.Load()
	if bucket.Limit() != limit {
		bucket.SetLimitAt(now, limit)
		bucket.SetBurstAt(now, burst)
	}
	turn := bucket.ReserveN(now, 1)
	delay := turn.DelayFrom(now)
	if delay > 0 {
		turn.CancelAt(now)
	}
	return delay
}

// take waits for a free place in a channel of turns; whoever gets one gives it back by reading from the channel.
func take(ctx context.Context, turns chan struct{}, wait time.Duration) error {
	select {
	case turns <- struct{}{}:
		return nil
	default:
	}
	patience := time.NewTimer(wait)
	defer patience.Stop()
	select {
	case turns <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-patience.C:
		return errCrowded
	}
}

// wholeSeconds is a Retry-After: an integer, because Okta waits five minutes for anything else, and at least 1.
func wholeSeconds(d time.Duration) string {
	return strconv.Itoa(max(1, int(math.Ceil(d.Seconds()))))
}
