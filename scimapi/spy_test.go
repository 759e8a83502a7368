package scimapi_test

import (
	"context"
	"sync"
	"time"

	"rollcall/state"
	"rollcall/state/statetest"
)

// spy is a store that remembers what passes, and lets a test step in before.
type spy struct {
	statetest.Store

	before struct {
		write   func([]state.Mutation)
		record  func() error
		scoped  func(state.Scope) // each reading of a record
		scan    func(state.Scope)
		key     func() error
		members func(yield func(state.Ref) bool) (done bool, err error)
	}

	mu        sync.Mutex
	mutations []state.Mutation
	failed    []state.Request
	touched   int
	listed    int // of members
	yielded   int // of records, by scans
}

func (s *spy) Write(urgency state.Urgency, mutations []state.Mutation) ([]state.Result, error) {
	s.mu.Lock()
	s.mutations = append(s.mutations, mutations...)
	s.mu.Unlock()
	if s.before.write != nil {
		s.before.write(mutations)
	}
	return s.Store.Write(urgency, mutations)
}

func (s *spy) Record(ctx context.Context, scope state.Scope, kind state.Kind, id state.ID) (state.Record, error) {
	if s.before.record != nil {
		if err := s.before.record(); err != nil {
			return state.Record{}, err
		}
	}
	if s.before.scoped != nil {
		s.before.scoped(scope)
	}
	return s.Store.Record(ctx, scope, kind, id)
}

func (s *spy) Scan(ctx context.Context, scope state.Scope, kind state.Kind, after int64, skip, limit int, yield func(state.Record) bool) error {
	if s.before.scan != nil {
		s.before.scan(scope)
	}
	return s.Store.Scan(ctx, scope, kind, after, skip, limit, func(rec state.Record) bool {
		s.mu.Lock()
		s.yielded++
		s.mu.Unlock()
		return yield(rec)
	})
}

func (s *spy) KeyByHash(ctx context.Context, hash state.KeyHash) (state.Key, error) {
	if s.before.key != nil {
		if err := s.before.key(); err != nil {
			return state.Key{}, err
		}
	}
	return s.Store.KeyByHash(ctx, hash)
}

func (s *spy) Members(ctx context.Context, scope state.Scope, group state.ID, yield func(state.Ref) bool) error {
	s.mu.Lock()
	s.listed++
	s.mu.Unlock()
	if s.before.members != nil {
		if done, err := s.before.members(yield); done {
			return err
		}
	}
	return s.Store.Members(ctx, scope, group, yield)
}

func (s *spy) TouchKey(ctx context.Context, key state.Key, at time.Time) error {
	s.mu.Lock()
	s.touched++
	s.mu.Unlock()
	return s.Store.TouchKey(ctx, key, at)
}

func (s *spy) LogRequest(r state.Request) {
	s.mu.Lock()
	s.failed = append(s.failed, r)
	s.mu.Unlock()
	s.Store.LogRequest(r)
}

// last returns the mutation that came last.
func (s *spy) last() state.Mutation {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.mutations[len(s.mutations)-1]
}

// kept returns the failed pushes that were kept.
func (s *spy) kept() []state.Request {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]state.Request(nil), s.failed...)
}
