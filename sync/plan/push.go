package plan

import (
	"slices"

	"rollcall/state"
	"rollcall/state/scim"
)

// PushGate is what Rules mean for the removals that pushes make: the sums of a pull, over the pushed removals of the last 24 hours
// instead of those of a run, and whoever is protected always waits. It is a state.Gate.
type PushGate struct{ Rules }

// Holds tells whether one pushed removal more has to wait.
func (g PushGate) Holds(account *state.Record, sums state.Ledger) bool {
	return g.Protects(account) || gate(1, 0, g.Rules, pushes(sums)).Removing != ""
}

// Limit is how many removals the pushes of 24 hours may make.
func (g PushGate) Limit(sums state.Ledger) int { return gate(0, 0, g.Rules, pushes(sums)).Limit }

// pushes are the sums with what pushes removed in the place of what pulls did.
func pushes(sums state.Ledger) state.Ledger {
	sums.Removed = sums.Pushed
	return sums
}

// Protects tells whether removing an account always waits for an approval.
func (g PushGate) Protects(account *state.Record) bool {
	if account.Protected || len(g.Protect) == 0 {
		return account.Protected
	}
	resource, err := scim.Decode(account.Resource)
	return err == nil && slices.Contains(g.Protect, scim.Fold(resource.Get("userName").Text))
}
