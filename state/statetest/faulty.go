package statetest

import (
	"context"
	"sync"
	"time"

	"rollcall/state"
)

// Call is one call of a store's method, about to be made.
type Call struct {
	Method string // "Write", "Record", …
	Number int    // the how-manieth call of this method, from 1
}

// Fault says how a call fails.
type Fault struct {
	Err error
	// Done is how much is carried out before it fails: mutations of a Write, items of what lists through a callback; of all others 0 is
	// nothing and anything else the whole call, of which only the answer is lost.
	Done int
}

// Plan chooses the calls that fail: it is asked before each, on the caller's goroutine, and returns nil for one that is to be made as
// it is. To delay a call it takes its time.
type Plan func(Call) *Fault

// Faulty returns a store that fails as planned and otherwise is the one given.
func Faulty(store Store, plan Plan) Store {
	return &faulty{store: store, plan: plan, calls: map[string]int{}}
}

type faulty struct {
	store Store
	plan  Plan
	mu    sync.Mutex
	calls map[string]int
}

func (f *faulty) ask(method string) *Fault {
	f.mu.Lock()
	f.calls[method]++
	call := Call{Method: method, Number: f.calls[method]}
	f.mu.Unlock()
	return f.plan(call)
}

// do makes a call that answers nothing but an error.
func (f *faulty) do(method string, call func() error) error {
	fault := f.ask(method)
	if fault == nil {
		return call()
	}
	if fault.Done > 0 {
		call()
	}
	return fault.Err
}

// get makes a call that answers something.
func get[T any](f *faulty, method string, call func() (T, error)) (answer T, err error) {
	err = f.do(method, func() (err error) {
		answer, err = call()
		return err
	})
	if err != nil {
		var none T
		return none, err
	}
	return answer, nil
}

// stream makes a call that lists through a callback.
func stream[T any](f *faulty, method string, call func(func(T) error) error, yield func(T) error) error {
	fault := f.ask(method)
	if fault == nil {
		return call(yield)
	}
	left := fault.Done
	if left > 0 {
		if err := call(func(item T) error {
			if left--; left < 0 {
				return fault.Err
			}
			return yield(item)
		}); err != nil {
			return err
		}
	}
	return fault.Err
}

// stopping makes a stream of a call whose callback stops it with false.
func stopping[T any](f *faulty, method string, call func(func(T) bool) error, yield func(T) bool) error {
	stopped := false
	err := stream(f, method, func(next func(T) error) error {
		var failed error
		err := call(func(item T) bool {
			failed = next(item)
			return failed == nil && !stopped
		})
		if failed != nil {
			return failed
		}
		return err
	}, func(item T) error {
		stopped = !yield(item)
		return nil
	})
	if stopped {
		return nil
	}
	return err
}

func (f *faulty) Write(urgency state.Urgency, mutations []state.Mutation) ([]state.Result, error) {
	fault := f.ask("Write")
	if fault == nil {
		return f.store.Write(urgency, mutations)
	}
	if done := min(fault.Done, len(mutations)); done > 0 {
		f.store.Write(urgency, mutations[:done])
	}
	results := make([]state.Result, len(mutations))
	for i := range results {
		results[i].Err = fault.Err
	}
	return results, fault.Err
}

func (f *faulty) Record(ctx context.Context, scope state.Scope, kind state.Kind, id state.ID) (state.Record, error) {
	return get(f, "Record", func() (state.Record, error) { return f.store.Record(ctx, scope, kind, id) })
}

func (f *faulty) Find(ctx context.Context, scope state.Scope, kind state.Kind, key state.MatchKey) ([]state.Record, error) {
	return get(f, "Find", func() ([]state.Record, error) { return f.store.Find(ctx, scope, kind, key) })
}

func (f *faulty) Scan(ctx context.Context, scope state.Scope, kind state.Kind, after int64, skip, limit int, yield func(state.Record) bool) error {
	return stopping(f, "Scan", func(next func(state.Record) bool) error {
		return f.store.Scan(ctx, scope, kind, after, skip, limit, next)
	}, yield)
}

func (f *faulty) Count(ctx context.Context, scope state.Scope, kind state.Kind) (int, error) {
	return get(f, "Count", func() (int, error) { return f.store.Count(ctx, scope, kind) })
}

func (f *faulty) Members(ctx context.Context, scope state.Scope, group state.ID, yield func(state.Ref) bool) error {
	return stopping(f, "Members", func(next func(state.Ref) bool) error {
		return f.store.Members(ctx, scope, group, next)
	}, yield)
}

func (f *faulty) GroupsOf(ctx context.Context, scope state.Scope, id state.ID) ([]state.Ref, error) {
	return get(f, "GroupsOf", func() ([]state.Ref, error) { return f.store.GroupsOf(ctx, scope, id) })
}

func (f *faulty) GroupsOfAll(ctx context.Context, scope state.Scope, rows []int64, yield func(int64, state.Ref) bool) error {
	type pair struct {
		row   int64
		group state.Ref
	}
	return stopping(f, "GroupsOfAll", func(next func(pair) bool) error {
		return f.store.GroupsOfAll(ctx, scope, rows, func(row int64, group state.Ref) bool { return next(pair{row, group}) })
	}, func(p pair) bool { return yield(p.row, p.group) })
}

func (f *faulty) Tombstones(ctx context.Context, scope state.Scope, yield func(state.Record) bool) error {
	return stopping(f, "Tombstones", func(next func(state.Record) bool) error {
		return f.store.Tombstones(ctx, scope, next)
	}, yield)
}

func (f *faulty) Index(ctx context.Context, scope state.Scope, yield func(state.IndexRow) error) error {
	return stream(f, "Index", func(next func(state.IndexRow) error) error { return f.store.Index(ctx, scope, next) }, yield)
}

func (f *faulty) Agree(ctx context.Context, scope state.Scope, epoch int64, agreements []state.Agreement) error {
	return f.do("Agree", func() error { return f.store.Agree(ctx, scope, epoch, agreements) })
}

func (f *faulty) EnsureSource(ctx context.Context, scope state.Scope, kind string) (state.Source, error) {
	return get(f, "EnsureSource", func() (state.Source, error) { return f.store.EnsureSource(ctx, scope, kind) })
}

func (f *faulty) Source(ctx context.Context, name string) (state.Source, error) {
	return get(f, "Source", func() (state.Source, error) { return f.store.Source(ctx, name) })
}

func (f *faulty) ListSources(ctx context.Context) ([]state.Source, error) {
	return get(f, "ListSources", func() ([]state.Source, error) { return f.store.ListSources(ctx) })
}

func (f *faulty) PutSource(ctx context.Context, epoch int64, source state.Source) error {
	return f.do("PutSource", func() error { return f.store.PutSource(ctx, epoch, source) })
}

func (f *faulty) AcquireLease(ctx context.Context, scope state.Scope, holder string, ttl time.Duration) (state.Lease, error) {
	return get(f, "AcquireLease", func() (state.Lease, error) { return f.store.AcquireLease(ctx, scope, holder, ttl) })
}

func (f *faulty) RenewLease(ctx context.Context, lease state.Lease, ttl time.Duration) (state.Lease, error) {
	return get(f, "RenewLease", func() (state.Lease, error) { return f.store.RenewLease(ctx, lease, ttl) })
}

func (f *faulty) ReleaseLease(ctx context.Context, lease state.Lease) error {
	return f.do("ReleaseLease", func() error { return f.store.ReleaseLease(ctx, lease) })
}

func (f *faulty) Cursor(ctx context.Context, scope state.Scope) (state.Cursor, error) {
	return get(f, "Cursor", func() (state.Cursor, error) { return f.store.Cursor(ctx, scope) })
}

func (f *faulty) PutCursor(ctx context.Context, scope state.Scope, epoch int64, cursor state.Cursor) error {
	return f.do("PutCursor", func() error { return f.store.PutCursor(ctx, scope, epoch, cursor) })
}

func (f *faulty) PutKey(ctx context.Context, key state.Key) error {
	return f.do("PutKey", func() error { return f.store.PutKey(ctx, key) })
}

func (f *faulty) KeyByHash(ctx context.Context, hash state.KeyHash) (state.Key, error) {
	return get(f, "KeyByHash", func() (state.Key, error) { return f.store.KeyByHash(ctx, hash) })
}

func (f *faulty) ListKeys(ctx context.Context, scope state.Scope) ([]state.Key, error) {
	return get(f, "ListKeys", func() ([]state.Key, error) { return f.store.ListKeys(ctx, scope) })
}

func (f *faulty) RevokeKey(ctx context.Context, scope state.Scope, id string) error {
	return f.do("RevokeKey", func() error { return f.store.RevokeKey(ctx, scope, id) })
}

func (f *faulty) TouchKey(ctx context.Context, key state.Key, at time.Time) error {
	return f.do("TouchKey", func() error { return f.store.TouchKey(ctx, key, at) })
}

func (f *faulty) PutRun(ctx context.Context, epoch int64, run state.Run) error {
	return f.do("PutRun", func() error { return f.store.PutRun(ctx, epoch, run) })
}

func (f *faulty) Run(ctx context.Context, id string) (state.Run, error) {
	return get(f, "Run", func() (state.Run, error) { return f.store.Run(ctx, id) })
}

func (f *faulty) ListRuns(ctx context.Context, scope state.Scope, limit int) ([]state.Run, error) {
	return get(f, "ListRuns", func() ([]state.Run, error) { return f.store.ListRuns(ctx, scope, limit) })
}

func (f *faulty) HoldPlan(ctx context.Context, epoch int64, plan state.HeldPlan) error {
	return f.do("HoldPlan", func() error { return f.store.HoldPlan(ctx, epoch, plan) })
}

func (f *faulty) HeldPlan(ctx context.Context, id string) (state.HeldPlan, error) {
	return get(f, "HeldPlan", func() (state.HeldPlan, error) { return f.store.HeldPlan(ctx, id) })
}

func (f *faulty) ListPlans(ctx context.Context, scope state.Scope, limit int) ([]state.HeldPlan, error) {
	return get(f, "ListPlans", func() ([]state.HeldPlan, error) { return f.store.ListPlans(ctx, scope, limit) })
}

func (f *faulty) DecidePlan(ctx context.Context, epoch int64, id string, status state.PlanStatus, by string) error {
	return f.do("DecidePlan", func() error { return f.store.DecidePlan(ctx, epoch, id, status, by) })
}

func (f *faulty) Suspicions(ctx context.Context, scope state.Scope) ([]state.Suspicion, error) {
	return get(f, "Suspicions", func() ([]state.Suspicion, error) { return f.store.Suspicions(ctx, scope) })
}

func (f *faulty) Suspect(ctx context.Context, scope state.Scope, epoch int64, add, clear []state.Suspicion) error {
	return f.do("Suspect", func() error { return f.store.Suspect(ctx, scope, epoch, add, clear) })
}

func (f *faulty) Entries(ctx context.Context, tenant string, after int64, limit int) ([]state.Entry, error) {
	return get(f, "Entries", func() ([]state.Entry, error) { return f.store.Entries(ctx, tenant, after, limit) })
}

func (f *faulty) EntriesOf(ctx context.Context, scope state.Scope, id state.ID) ([]state.Entry, error) {
	return get(f, "EntriesOf", func() ([]state.Entry, error) { return f.store.EntriesOf(ctx, scope, id) })
}

func (f *faulty) Ledger(ctx context.Context, scope state.Scope, since time.Time) (state.Ledger, error) {
	return get(f, "Ledger", func() (state.Ledger, error) { return f.store.Ledger(ctx, scope, since) })
}

func (f *faulty) LogRequest(r state.Request) {
	f.do("LogRequest", func() error {
		f.store.LogRequest(r)
		return nil
	})
}

func (f *faulty) Request(ctx context.Context, id string) (state.Request, error) {
	return get(f, "Request", func() (state.Request, error) { return f.store.Request(ctx, id) })
}

func (f *faulty) Requests(ctx context.Context, scope state.Scope, limit int) ([]state.Request, error) {
	return get(f, "Requests", func() ([]state.Request, error) { return f.store.Requests(ctx, scope, limit) })
}
