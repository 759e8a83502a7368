//go:build unix

package sqlite_test

import (
	"errors"
	"testing"

	"rollcall/state"
	"rollcall/state/scim"
	"rollcall/state/sqlite"
)

// full holds everything.
type full struct{}

func (full) Holds(*state.Record, state.Ledger) bool { return true }

// BenchmarkGate refuses a pushed removal in a source of 10,000 accounts that were all made on the same day: the sums are made of as many
// entries, in the writer's transaction. Its measure is BenchmarkUrgent, which is the same without a gate, and on disk.
func BenchmarkGate(b *testing.B) {
	s := populated(b, 10_000)
	held := []state.Mutation{{
		Scope: scope, Kind: state.KindAccount, ID: accountID(1), Cause: state.Cause{Kind: state.CausePush, Actor: "k"}, Gate: full{}, Life: &state.Life{Said: new(false)},
	}}
	for b.Loop() {
		results, err := s.Write(state.Urgent, held)
		if err != nil || !errors.Is(results[0].Err, state.ErrHeld) {
			b.Fatal(err, results)
		}
	}
}

// BenchmarkMove moves 10,000 accounts from one source to another and back, in one transaction each: for so long the receiver waits.
func BenchmarkMove(b *testing.B) {
	s := populated(b, 10_000)
	other := state.Scope{Tenant: scope.Tenant, Source: "other"}
	if _, err := s.EnsureSource(b.Context(), other, "entra"); err != nil {
		b.Fatal(err)
	}
	var leases []state.Lease
	for _, sc := range []state.Scope{scope, other} {
		lease, err := s.AcquireLease(b.Context(), sc, "bench", 1<<40)
		if err != nil {
			b.Fatal(err)
		}
		leases = append(leases, lease)
	}
	for b.Loop() {
		if n, err := s.MoveRecords(b.Context(), leases[0], leases[1], state.Cause{Kind: state.CauseOperator, Actor: "o"}); n != 10_000 || err != nil {
			b.Fatal(n, err)
		}
		leases[0], leases[1] = leases[1], leases[0]
	}
}

var _ state.Gate = full{}
var _ state.Movers = (*sqlite.Store)(nil)

// BenchmarkGroupLosses walks through a journal of 100,000 entries, as after a restart on a day that saw as many: what an alarm costs later
// is as much of this as there is new. Its measure is the 15 seconds between two looks.
func BenchmarkGroupLosses(b *testing.B) {
	const people, more = 100_000, 5
	s := populated(b, people)
	members := &state.Members{}
	for n := range 2 * more {
		members.Add = append(members.Add, accountID(n))
	}
	team := state.Mutation{Scope: scope, Kind: state.KindGroup, ID: "team", Cause: state.Cause{Kind: state.CausePush, Actor: "k"}, Members: members}
	emptied := team
	team.Put, emptied.Members = &state.Put{Resource: scim.ObjectOf(scim.Field{Name: "displayName", Value: scim.StringValue("Team")})}, &state.Members{Set: true}
	wrote(b, s, state.Urgent, []state.Mutation{team, emptied})
	report := measureCPU(b)
	for b.Loop() {
		losses, last, err := s.GroupLosses(b.Context(), scope, 0, more)
		if err != nil || len(losses) != 1 || len(losses[0].Left) != 2*more || last != people+2 {
			b.Fatal(losses, last, err)
		}
	}
	report()
}
