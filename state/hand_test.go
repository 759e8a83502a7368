package state_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"rollcall/state"
)

// TestHand carries out each hand on accounts that are and are not pinned, and looks at what is true of them then.
func TestHand(t *testing.T) {
	type life struct{ Said, InForce, Pinned, Protected bool }
	free, pinned := life{Said: true, InForce: true}, life{Said: true, InForce: true, Pinned: true}
	tests := []struct {
		hand         state.Hand
		from, wanted life
	}{
		{state.HandDeactivate, free, life{}},
		{state.HandDeactivate, pinned, life{Said: true, Pinned: true}},
		{state.HandSuspend, free, life{Said: true, Pinned: true}},
		{state.HandSuspend, pinned, life{Said: true, Pinned: true}},
		{state.HandReactivate, life{}, free},
		{state.HandReactivate, life{Pinned: true}, life{InForce: true, Pinned: true}},
		{state.HandPin, free, pinned},
		{state.HandUnpin, life{Said: true, Pinned: true}, free},
		{state.HandProtect, free, life{Said: true, InForce: true, Protected: true}},
		{state.HandUnprotect, life{Protected: true}, life{}},
	}
	for _, test := range tests {
		r := state.Record{ID: "a", Kind: state.KindAccount, Version: 7, Resource: []byte(`{"userName":"ada"}`),
			Said: test.from.Said, InForce: test.from.InForce, Pinned: test.from.Pinned, Protected: test.from.Protected}
		change := test.hand.Life(r)
		judged, err := state.Judge(&r, &state.Mutation{Kind: state.KindAccount, ID: "a", Life: &change, Cause: state.Cause{Kind: state.CauseOperator}}, time.Now())
		if err != nil {
			t.Errorf("%s of %+v: %v", test.hand, test.from, err)
			continue
		}
		after := judged.After
		if diff := cmp.Diff(test.wanted, life{after.Said, after.InForce, after.Pinned, after.Protected}); diff != "" {
			t.Errorf("%s of %+v (-want +got):\n%s", test.hand, test.from, diff)
		}
		change.Base++
		if _, err := state.Judge(&r, &state.Mutation{Kind: state.KindAccount, ID: "a", Life: &change, Cause: state.Cause{Kind: state.CauseOperator}}, time.Now()); err != state.ErrVersion {
			t.Errorf("%s on a version that has moved: %v", test.hand, err)
		}
	}
}
