package sync_test

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"rollcall/connectors"
	"rollcall/state"
	"rollcall/state/scim"
	dirsync "rollcall/sync"
	"rollcall/sync/plan"
)

// changesLimit is what the benchmarks of this file are measured against: changes on disk a second, those of memberships counted by the
// member, from the call to its end. bytes/change is what is kept in memory of each at the end of planning, or before the first is written:
// the plan, which is held whole, and what is needed to make it.
const changesLimit = 10_000

// weighed is a store that looks at the heap at the end of planning, and before the first change is written.
type weighed struct {
	dirsync.Store
	b                       *testing.B
	armed                   atomic.Bool
	empty, planned, applied uint64
}

func (w *weighed) look() uint64 {
	w.b.StopTimer()
	defer w.b.StartTimer()
	return liveHeap()
}

func (w *weighed) Ledger(ctx context.Context, scope state.Scope, since time.Time) (state.Ledger, error) {
	if w.armed.Load() {
		w.planned = w.look()
	}
	return w.Store.Ledger(ctx, scope, since)
}

func (w *weighed) Write(urgency state.Urgency, mutations []state.Mutation) ([]state.Result, error) {
	if w.armed.CompareAndSwap(true, false) {
		w.applied = w.look()
	}
	return w.Store.Write(urgency, mutations)
}

func liveHeap() uint64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

// weigh measures what one call does with so many changes.
func (w *weighed) weigh(changes int, call func() error) {
	w.empty = liveHeap()
	w.armed.Store(true)
	w.b.StartTimer()
	began := time.Now()
	err := call()
	took := time.Since(began)
	w.b.StopTimer()
	if err != nil {
		w.b.Fatal(err)
	}
	w.b.ReportMetric(float64(changes)/took.Seconds(), "changes/s")
	w.b.ReportMetric(changesLimit, "changes/s-limit")
	w.b.ReportMetric(float64(int64(max(w.planned, w.applied))-int64(w.empty))/float64(changes), "bytes/change")
}

// answering is the replayed provider, which says of everybody whether they are enabled, and answers by id as in its pages.
type answering struct {
	*replay
	enabled connectors.Answer
}

func (a answering) Pull(ctx context.Context, want connectors.Want, page func([]connectors.Person) error) (connectors.Proof, error) {
	return a.replay.Pull(ctx, want, func(people []connectors.Person) error {
		for i := range people {
			people[i].Facts.Enabled = a.enabled
		}
		return page(people)
	})
}

func (a answering) Look(ctx context.Context, want connectors.Want, ids []string, found func(connectors.Sighting) error) error {
	return a.replay.Look(ctx, want, ids, func(s connectors.Sighting) error {
		s.Person.Facts.Enabled = a.enabled
		for at, name := range want.Attributes {
			switch number := s.ID[len(s.ID)-6:]; name {
			case "displayName":
				s.Person.Values[at] = connectors.Value{Present: true, Text: "Person " + number}
			case "mobile":
				s.Person.Values[at] = connectors.Value{Present: true, Text: "+44 20 0" + number}
			}
		}
		return found(s)
	})
}

// disrupt changes everybody in one run: another name, every second one inactive, all out of their groups. It returns the run.
func disrupt(b *testing.B, store dirsync.Store, seats map[state.ID][]state.ID) state.Run {
	b.Helper()
	run := state.Run{ID: string(state.NewID()), Scope: acme, StartedAt: time.Now().UTC(), EndedAt: time.Now().UTC(), Trigger: dirsync.TriggerHand}
	cause := state.Cause{Kind: state.CausePull, Actor: "bench", Run: run.ID}
	var mutations []state.Mutation
	err := store.Scan(b.Context(), acme, state.KindAccount, 0, 0, 0, func(r state.Record) bool {
		resource, err := scim.ReadJSON(r.Resource, scim.DefaultLimits)
		if err != nil {
			b.Fatal(err)
		}
		m := state.Mutation{
			Scope: acme, Kind: state.KindAccount, ID: r.ID, Cause: cause,
			Put: &state.Put{Base: r.Version, Resource: resource.With("displayName", scim.StringValue("somebody else"))},
		}
		if len(mutations)%2 == 0 {
			m.Life = &state.Life{Said: new(false)}
		}
		mutations = append(mutations, m)
		return true
	})
	if err != nil {
		b.Fatal(err)
	}
	for group, members := range seats {
		for some := range slices.Chunk(members, 100) {
			mutations = append(mutations, state.Mutation{Scope: acme, Kind: state.KindGroup, ID: group, Cause: cause, Members: &state.Members{Remove: some}})
		}
	}
	write(b, store, mutations)
	return run
}

func write(b *testing.B, store dirsync.Store, mutations []state.Mutation) {
	b.Helper()
	results, err := store.Write(state.Bulk, mutations)
	if err != nil {
		b.Fatal(err)
	}
	for _, r := range results {
		if r.Err != nil {
			b.Fatal(r.Err)
		}
	}
}

// seat puts everybody into a group of a thousand.
func seat(b *testing.B, store dirsync.Store) map[state.ID][]state.ID {
	b.Helper()
	const size = 1000
	seats := make(map[state.ID][]state.ID)
	var members []state.ID
	err := store.Scan(b.Context(), acme, state.KindAccount, 0, 0, 0, func(r state.Record) bool {
		members = append(members, r.ID)
		return true
	})
	if err != nil {
		b.Fatal(err)
	}
	var mutations []state.Mutation
	for some := range slices.Chunk(members, size) {
		id := state.NewID()
		seats[id] = some
		mutations = append(mutations, state.Mutation{
			Scope: acme, Kind: state.KindGroup, ID: id, Cause: state.Cause{Kind: state.CausePush, Actor: "bench"}, Members: &state.Members{Add: some},
			Put: &state.Put{Resource: scim.ObjectOf(scim.Field{Name: "displayName", Value: scim.StringValue(fmt.Sprintf("group %03d", len(seats)))})},
		})
	}
	write(b, store, mutations)
	return seats
}

// BenchmarkUndo measures taking back a run that changed everybody.
func BenchmarkUndo(b *testing.B) {
	for _, people := range []int{10_000, 100_000} {
		for _, grouped := range []bool{false, true} {
			b.Run(fmt.Sprintf("people=%d/groups=%v", people, grouped), func(b *testing.B) {
				engine, source, _ := benchWorld(b, people)
				w := &weighed{Store: engine.Store, b: b}
				engine.Store = w
				changes := people
				var seats map[state.ID][]state.ID
				if grouped {
					seats, changes = seat(b, w), 2*people
				}
				b.ResetTimer()
				for range b.N {
					b.StopTimer()
					run := disrupt(b, w, seats)
					w.weigh(changes, func() error {
						report, err := engine.Undo(b.Context(), source, dirsync.Undo{Run: run.ID, Since: run.StartedAt}, dirsync.Order{Actor: "bench"})
						if err == nil && report.Run.Outcome != dirsync.OutcomeApplied {
							err = fmt.Errorf("%s: %s", report.Run.Outcome, report.Run.Reason)
						}
						return err
					})
				}
			})
		}
	}
}

// BenchmarkApprove measures approving a plan in which everybody is made, or deactivated.
func BenchmarkApprove(b *testing.B) {
	eachPlan(b, func(b *testing.B, w *weighed, engine *dirsync.Engine, source dirsync.Source, changes int) {
		report, err := engine.RunOnce(b.Context(), source, dirsync.Order{Trigger: dirsync.TriggerSchedule})
		if err != nil || report.Run.Plan == "" {
			b.Fatal(err, report.Run.Outcome)
		}
		id := report.Run.Plan
		report = dirsync.Report{}
		w.weigh(changes, func() error { return applied(engine.Approve(b.Context(), source, id, "bench")) })
	})
}

// BenchmarkApplySaved measures carrying the same plans out of a file, with unsealing it.
func BenchmarkApplySaved(b *testing.B) {
	eachPlan(b, func(b *testing.B, w *weighed, engine *dirsync.Engine, source dirsync.Source, changes int) {
		if _, err := engine.RunOnce(b.Context(), source, dirsync.Order{Trigger: dirsync.TriggerSchedule}); err != nil { // which holds the same
			b.Fatal(err)
		}
		report, err := engine.RunOnce(b.Context(), source, dirsync.Order{Trigger: dirsync.TriggerHand, DryRun: true})
		if err != nil || len(report.Plan.Changes) != changes {
			b.Fatal(err, len(report.Plan.Changes))
		}
		report.Plan.MadeAt = report.Plan.MadeAt.Add(-time.Hour) // before the run that holds the same
		text, err := dirsync.Seal(sealKey, report.Plan, "bench")
		if err != nil {
			b.Fatal(err)
		}
		report = dirsync.Report{}
		w.weigh(changes, func() error {
			saved, err := dirsync.ReadSaved(text)
			if err != nil {
				return err
			}
			p, err := saved.Unseal(sealKey)
			if err != nil {
				return err
			}
			return applied(engine.Apply(b.Context(), source, p, dirsync.Order{Actor: "bench"}))
		})
		runtime.KeepAlive(text)
	})
}

func applied(report dirsync.Report, err error) error {
	if err == nil && report.Run.Outcome != dirsync.OutcomeApplied {
		err = fmt.Errorf("%s: %d tried", report.Run.Outcome, len(report.Results))
	}
	return err
}

// eachPlan measures plans of different sizes and kinds.
func eachPlan(b *testing.B, measure func(b *testing.B, w *weighed, engine *dirsync.Engine, source dirsync.Source, changes int)) {
	for _, changes := range []int{50_000, 100_000} {
		for _, action := range []plan.Action{plan.Create, plan.Deactivate} {
			b.Run(fmt.Sprintf("changes=%d/%s", changes, action), func(b *testing.B) {
				for range b.N {
					b.StopTimer()
					world, enabled := benchEngine, connectors.Yes
					if action == plan.Deactivate {
						world, enabled = benchWorld, connectors.No
					}
					engine, source, pages := world(b, changes)
					source.Connector = answering{pages, enabled}
					w := &weighed{Store: engine.Store, b: b}
					engine.Store = w
					measure(b, w, engine, source, changes)
				}
			})
		}
	}
}
