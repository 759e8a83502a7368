// Package statetest is what a store must keep: Run is the suite that every implementation of state's roles passes, Model an in-memory
// store that passes it too and is the oracle for the others, and Faulty a store that fails when it is told to.
package statetest

import "rollcall/state"

// Store is every role at once.
type Store interface {
	state.Records
	state.Tombstones
	state.Writer
	state.Indexer
	state.Sources
	state.Keys
	state.Runs
	state.Suspicions
	state.Cursors
	state.Journal
	state.Requests
	state.Stagings
	state.Retention
	state.Alarms
	state.Eraser
	state.Movers
	state.History
	state.Sealer
	state.Operators
	state.Sessions
	state.Invites
	state.Deeds
	state.Lister
	state.Seats
	state.Digests
	state.RunHeads
	state.RequestHeads
}
