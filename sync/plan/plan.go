// Package plan compares people with accounts and says, as plain sorted data, what would make them agree. It is pure.
package plan

import "time"

// Rules are a source's rules of removal and creation.
type Rules struct {
	GatePercent int
	GateFloor   int
	Settle      time.Duration
	Protect     []string // userNames, folded
	MaxAccounts int
}

// Plan is the changes that would remove the drift.
type Plan struct{}
