package sync_test

import (
	"context"
	"fmt"
	"runtime"
	"testing"
	"time"

	"rollcall/connectors"
	"rollcall/state"
	"rollcall/state/scim"
	dirsync "rollcall/sync"
)

// replayGroups is a replay that tells of groups as well, each with as many people as there are, in pages.
type replayGroups struct {
	*replay
	groups, members int
}

func (r *replayGroups) Pull(ctx context.Context, want connectors.Want, page func([]connectors.Person) error) (connectors.Proof, error) {
	if want.Groups != nil {
		ids := make([]string, 0, benchPage)
		for g := range r.groups {
			for i := range r.members {
				if ids = append(ids, benchID(g*r.members+i)); len(ids) < benchPage && i < r.members-1 {
					continue
				}
				if err := want.Groups(connectors.GroupPage{ID: fmt.Sprintf("grp-%d", g), Name: fmt.Sprintf("Group %d", g), Members: ids, Last: i == r.members-1}); err != nil {
					return connectors.Proof{}, err
				}
				ids = ids[:0]
			}
		}
	}
	return r.replay.Pull(ctx, want, page)
}

// benchGroups is a database with so many people, and groups of which everyone is in one.
func benchGroups(b *testing.B, people, groups int) (*dirsync.Engine, dirsync.Source, []state.ID) {
	b.Helper()
	engine, source, pages := benchWorld(b, people)
	source.Connector = &replayGroups{replay: pages, groups: groups, members: people / groups}
	var accounts []state.ID
	err := engine.Store.Scan(b.Context(), acme, state.KindAccount, 0, 0, 0, func(r state.Record) bool {
		accounts = append(accounts, r.ID)
		return true
	})
	if err != nil {
		b.Fatal(err)
	}
	var ids []state.ID
	for g := range groups {
		m := state.Mutation{
			Scope: acme, Kind: state.KindGroup, ID: state.NewID(), Cause: state.Cause{Kind: state.CausePush, Actor: "bench"},
			Put: &state.Put{Resource: scim.ObjectOf(
				scim.Field{Name: "displayName", Value: scim.StringValue(fmt.Sprintf("Group %d", g))},
				scim.Field{Name: "externalId", Value: scim.StringValue(fmt.Sprintf("grp-%d", g))})},
			Members: &state.Members{Add: accounts[g*people/groups : (g+1)*people/groups]},
		}
		if results, err := engine.Store.Write(state.Bulk, []state.Mutation{m}); err != nil || results[0].Err != nil {
			b.Fatal(err, results[0].Err)
		}
		ids = append(ids, m.ID)
	}
	return engine, source, ids
}

// benchRun runs by hand, and wants it to be in sync.
func benchRun(b *testing.B, engine *dirsync.Engine, source dirsync.Source) time.Duration {
	b.Helper()
	began := time.Now()
	report, err := engine.RunOnce(b.Context(), source, dirsync.Order{Trigger: dirsync.TriggerHand})
	if err != nil || report.Run.Outcome != dirsync.OutcomeInSync {
		b.Fatalf("%v: %s %s", err, report.Run.Outcome, report.Run.Reason)
	}
	return time.Since(began)
}

// BenchmarkGroups measures what it adds to a run without drift to compare 100,000 memberships, which the limits of a run have to hold
// as well: 1.5 times the time to fetch and decode the people's pages bare.
func BenchmarkGroups(b *testing.B) {
	const people = 100_000
	for _, groups := range []int{1, 1000} {
		b.Run(fmt.Sprintf("memberships=%d/groups=%d", people, groups), func(b *testing.B) {
			engine, source, _ := benchGroups(b, people, groups)
			without, with := source, source
			with.Groups = dirsync.GroupsPushed
			benchRun(b, engine, with)
			var off, on time.Duration
			for b.Loop() {
				off += benchRun(b, engine, without)
				on += benchRun(b, engine, with)
			}
			b.ReportMetric(float64((on-off).Nanoseconds())/float64(b.N)/people, "ns/membership")
			b.ReportMetric(float64(on)/float64(off), "x-without")
		})
	}
}

// BenchmarkGroupsHeap measures what a run keeps of each membership when all pages have been read, and beside it, per account, what it
// keeps only because groups are compared. The limit of a run is 200 bytes for each person.
func BenchmarkGroupsHeap(b *testing.B) {
	const people = 100_000
	for _, emptied := range []bool{false, true} {
		b.Run(fmt.Sprintf("memberships=%d/emptied=%t", people, emptied), func(b *testing.B) {
			engine, source, ids := benchGroups(b, people, 1)
			if emptied { // each run would add them all
				m := state.Mutation{Scope: acme, Kind: state.KindGroup, ID: ids[0], Cause: state.Cause{Kind: state.CausePush, Actor: "bench"}, Members: &state.Members{Set: true}}
				if _, err := engine.Store.Write(state.Bulk, []state.Mutation{m}); err != nil {
					b.Fatal(err)
				}
			}
			live := func(source dirsync.Source) (kept int64) {
				heap := func() int64 {
					runtime.GC()
					runtime.GC()
					var m runtime.MemStats
					runtime.ReadMemStats(&m)
					return int64(m.HeapAlloc)
				}
				before := heap()
				_, err := engine.RunOnce(b.Context(), source, dirsync.Order{Trigger: dirsync.TriggerHand, DryRun: true, Progress: func(p dirsync.Progress) {
					if p.Step == dirsync.StepPull && p.People == people {
						kept = heap() - before
					}
				}})
				if err != nil {
					b.Fatal(err)
				}
				return kept
			}
			with := source
			with.Groups = dirsync.GroupsPushed
			var off, on int64
			for b.Loop() {
				off, on = live(source), live(with)
			}
			b.ReportMetric(float64(on-off)/people, "bytes/membership")
			b.ReportMetric(float64(on)/people, "bytes/person")
		})
	}
}
