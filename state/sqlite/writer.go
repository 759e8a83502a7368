package sqlite

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"rollcall/state"
)

// How the writer shares the lock.
const (
	groupSize   = 512                   // changes of urgent jobs that share one commit; a single job may be larger
	sliceSize   = 100                   // bulk changes in one commit
	sliceTime   = 10 * time.Millisecond // for which bulk changes hold the lock in one commit
	slicePause  = 2 * time.Millisecond  // between two commits with bulk changes
	lockRetry   = time.Millisecond      // between two attempts at a lock that another process holds, about
	soonWithin  = time.Second           // for what nobody waits for
	soonAtMost  = 1024                  // requests that wait to be logged; more are dropped
	keepFailed  = 1000                  // logged requests per source
	defaultWait = 10 * time.Second      // for a lock that another process holds
)

// writer is the one goroutine that writes, and what waits for it.
type writer struct {
	c    *conn
	now  func() time.Time
	wait time.Duration
	wake chan struct{} // holds one token while there may be something to do
	done chan struct{} // closed when the goroutine has ended

	mu       sync.Mutex // guards all below
	urgent   []*job
	bulk     []*job
	requests []state.Request
	touches  map[state.KeyHash]time.Time
	touched  map[state.KeyHash]time.Time // last noted by this process
	closed   bool

	stats stats
}

// stats counts since Open.
type stats struct {
	commits, steps, refusals, retries, dropped atomic.Int64
	failed                                     atomic.Pointer[error] // of the last transaction, nil if it was well
}

// job is one caller's work: steps of which each is all or nothing.
type job struct {
	size int
	step func(t *tx, i int) error
	fail func(i int, err error) // step i was refused or lost
	next int                    // the first step still to do
	err  error                  // of the database
	done chan struct{}
}

func newWriter(c *conn, opts Options) *writer {
	w := &writer{
		c: c, now: opts.Now, wait: opts.LockWait, wake: make(chan struct{}, 1), done: make(chan struct{}),
		touches: map[state.KeyHash]time.Time{}, touched: map[state.KeyHash]time.Time{},
	}
	if w.now == nil {
		w.now = time.Now
	}
	if w.wait == 0 {
		w.wait = defaultWait
	}
	return w
}

// submit queues a job and waits until all its steps are on disk or refused.
func (w *writer) submit(urgency state.Urgency, j *job) error {
	if j.size == 0 {
		return nil
	}
	j.done = make(chan struct{})
	w.mu.Lock()
	if w.closed {
		w.mu.Unlock()
		j.lose(0, j.size, state.ErrClosed)
		return state.ErrClosed
	}
	if urgency == state.Urgent {
		w.urgent = append(w.urgent, j)
	} else {
		w.bulk = append(w.bulk, j)
	}
	w.mu.Unlock()
	w.signal()
	<-j.done
	return j.err
}

// lose notes that steps are not on disk.
func (j *job) lose(from, to int, err error) {
	for i := from; i < to; i++ {
		j.fail(i, err)
	}
	j.err = err
}

func (w *writer) signal() {
	select {
	case w.wake <- struct{}{}:
	default:
	}
}

// log queues a request that failed.
func (w *writer) log(r state.Request) {
	w.mu.Lock()
	full := len(w.requests) >= soonAtMost || w.closed
	if !full {
		w.requests = append(w.requests, r)
	}
	w.mu.Unlock()
	if full {
		w.stats.dropped.Add(1)
		return
	}
	w.signal()
}

// touch queues the use of a key.
func (w *writer) touch(hash state.KeyHash, at time.Time) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return state.ErrClosed
	}
	if at.Sub(w.touched[hash]) >= touchEvery {
		w.touched[hash], w.touches[hash] = at, at
		w.signal()
	}
	return nil
}

// close has everything that waits carried out, and waits for it.
func (w *writer) close() {
	w.mu.Lock()
	w.closed = true
	w.mu.Unlock()
	w.signal()
	<-w.done
}

// run is the writer's goroutine.
func (w *writer) run() {
	defer close(w.done)
	var pauseOver, soonDue time.Time
	for {
		now := time.Now()
		next, waiting := w.take(!now.Before(pauseOver), !soonDue.IsZero() && !now.Before(soonDue))
		switch {
		case next.due():
			w.commit(next)
			if next.bulk != nil {
				pauseOver = time.Now().Add(slicePause)
			}
			soonDue = time.Time{}
			continue
		case waiting.closed:
			return
		case waiting.soon && soonDue.IsZero():
			soonDue = now.Add(soonWithin)
		}
		w.sleep(waiting, pauseOver, soonDue)
	}
}

// sleep waits for a signal, or for the moment at which something that waits already is due.
func (w *writer) sleep(waiting waiting, pauseOver, soonDue time.Time) {
	until := time.Time{}
	if waiting.soon {
		until = soonDue
	}
	if waiting.bulk && (until.IsZero() || pauseOver.Before(until)) {
		until = pauseOver
	}
	if until.IsZero() {
		<-w.wake
		return
	}
	timer := time.NewTimer(time.Until(until))
	defer timer.Stop()
	select {
	case <-w.wake:
	case <-timer.C:
	}
}

// load is what one transaction will carry.
type load struct {
	urgent   []*job
	bulk     *job
	requests []state.Request
	touches  map[state.KeyHash]time.Time
}

func (l *load) due() bool {
	return len(l.urgent) > 0 || l.bulk != nil || len(l.requests) > 0 || len(l.touches) > 0
}

// waiting is what is not due yet.
type waiting struct{ bulk, soon, closed bool }

// take takes what is due from the queues. What nobody waits for goes along with what somebody does.
func (w *writer) take(bulk, soon bool) (next load, left waiting) {
	w.mu.Lock()
	defer w.mu.Unlock()
	next.urgent = w.takeUrgent()
	if len(w.bulk) > 0 && (bulk || w.closed) {
		next.bulk = w.bulk[0]
		w.bulk = append(w.bulk[1:len(w.bulk):len(w.bulk)], next.bulk) // the next source's turn is next
	}
	if len(next.urgent) > 0 || next.bulk != nil || soon || w.closed {
		next.requests, w.requests = w.requests, nil
		if len(w.touches) > 0 {
			next.touches, w.touches = w.touches, map[state.KeyHash]time.Time{}
		}
	}
	return next, waiting{bulk: len(w.bulk) > 0, soon: len(w.requests)+len(w.touches) > 0, closed: w.closed}
}

func (w *writer) takeUrgent() []*job {
	n, size := 0, 0
	for n < len(w.urgent) && size < groupSize {
		size += w.urgent[n].size
		n++
	}
	taken := w.urgent[:n:n]
	w.urgent = w.urgent[n:]
	return taken
}

// share is the part of a job that a transaction carries: from a step on.
type share struct {
	job  *job
	from int
}

// commit carries a load in one transaction and answers those whose work is complete.
func (w *writer) commit(next load) {
	shares := make([]share, 0, len(next.urgent)+1)
	for _, j := range next.urgent {
		shares = append(shares, share{job: j})
	}
	if next.bulk != nil {
		shares = append(shares, share{job: next.bulk, from: next.bulk.next})
	}
	shares, err := w.transact(next, shares, false)
	if errors.Is(err, errHalfDone) {
		for _, s := range shares {
			s.job.next = s.from
		}
		shares, err = w.transact(next, shares, true)
	}
	if err != nil {
		w.stats.failed.Store(&err)
		w.stats.dropped.Add(int64(len(next.requests)))
	} else {
		w.stats.failed.Store(nil)
	}
	for _, s := range shares {
		if err != nil {
			s.job.lose(s.from, s.job.size, err)
			s.job.next = s.job.size
		}
		if s.job.next == s.job.size {
			w.answer(s.job)
		}
	}
}

func (w *writer) answer(j *job) {
	w.mu.Lock()
	for i, other := range w.bulk {
		if other == j {
			w.bulk = append(w.bulk[:i:i], w.bulk[i+1:]...)
			break
		}
	}
	w.mu.Unlock()
	close(j.done)
}

// transact carries a load in one transaction, with a savepoint for each step if need be. It returns the shares with those that came
// late.
func (w *writer) transact(next load, shares []share, savepoints bool) (_ []share, err error) {
	if err := w.begin(); err != nil {
		return shares, err
	}
	defer func() {
		if err != nil {
			_ = w.c.exec(rollbackAll) // a failure may have rolled back already
		}
	}()
	t := &tx{
		c: w.c, now: w.now().UTC().Truncate(time.Millisecond), savepoints: savepoints,
		scopes: map[state.Scope]*scopeRow{}, tenants: map[int64]*tenantRow{},
	}
	for _, s := range shares {
		if err = w.carry(t, s.job, s.job == next.bulk); err != nil {
			return shares, err
		}
	}
	if next.bulk != nil { // whoever came meanwhile need not wait for a commit of their own
		w.mu.Lock()
		late := w.takeUrgent()
		w.mu.Unlock()
		for _, j := range late {
			shares = append(shares, share{job: j})
		}
		for _, j := range late {
			if err = w.carry(t, j, false); err != nil {
				return shares, err
			}
		}
	}
	if err := t.soon(next); err != nil {
		return shares, err
	}
	if err := t.settle(); err != nil {
		return shares, err
	}
	if err := w.c.exec(commitAll); err != nil {
		return shares, err
	}
	w.stats.commits.Add(1)
	return shares, nil
}

// carry carries out the steps of a job, of a bulk job a slice.
func (w *writer) carry(t *tx, j *job, bulk bool) error {
	start := time.Now()
	for n := 0; j.next < j.size; n++ {
		if bulk && (n == sliceSize || n > 0 && time.Since(start) >= sliceTime) {
			break
		}
		i := j.next
		refused, broken := t.step(func(t *tx) error { return j.step(t, i) })
		if broken != nil {
			return broken
		}
		if refused != nil {
			w.stats.refusals.Add(1)
			j.fail(i, refused)
		}
		w.stats.steps.Add(1)
		j.next++
	}
	return nil
}

// begin takes the write lock. While another process holds it, it asks again at short and irregular intervals, so that it does not
// lose every time against a process that hardly ever lets go.
func (w *writer) begin() error {
	deadline := time.Now().Add(w.wait)
	for {
		err := w.c.exec(beginNow)
		if !isBusy(err) {
			return err
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("another process has kept the database locked for %v: %w", w.wait, err)
		}
		w.stats.retries.Add(1)
		time.Sleep(lockRetry/2 + rand.N(lockRetry))
	}
}
