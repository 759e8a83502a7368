package plan

import (
	"slices"
	"time"

	"rollcall/state"
)

// Rules are a source's rules of removal and creation.
type Rules struct {
	GatePercent int           // of those active 24 hours ago that may be removed in a run, and in 24 hours
	GateFloor   int           // so many may be removed whatever the percentage says
	Settle      time.Duration // how long a push outweighs a reading that contradicts it
	Protect     []string      // userNames, folded, whose removal always waits; a run protects their accounts for good
	MaxAccounts int           // 0 = no limit

	// SkipOutOfScope leaves people alone who are merely no longer assigned or in scope, as Entra does with SkipOutOfScopeDeletions
	// (learn.microsoft.com/entra/identity/app-provisioning/skip-out-of-scope-deletions).
	SkipOutOfScope bool
}

// Gate is what the gate's sums were made of and what they came to. It is kept with the plan so that a hold can be explained.
type Gate struct {
	Active   int  `json:"active"`            // in force 24 hours ago, those apart who have gone since in other ways than by pulls
	Removed  int  `json:"removed"`           // by pulls within the last 24 hours, approved ones apart
	Removals int  `json:"removals"`          // planned now: those held by themselves apart, those only presumed among them
	Waiting  int  `json:"waiting,omitempty"` // beside them: those of a held plan that an incomplete run came upon
	Limit    int  `json:"limit"`             // how many the run and the 24 hours may see
	Removing Hold `json:"held,omitempty"`    // why the removals are held; "" = they pass
}

// Circumstances are what the gate judges a plan by, beside the rules.
type Circumstances struct {
	Scheduled  bool   // nobody is looking
	Observe    string // why the source only observes; "" = it does not
	ReportOnly bool   // the source's policy
	Strangers  bool   // people were read, accounts are recorded, and they share nobody
	Waiting    int    // removals of a held plan that nobody has decided on, which this run, not having seen everyone, can't tell are off
	Unproven   bool   // no known person was in the snapshot, though a few answered by id
	Shrunk     bool   // see Shrunk
	Ledger     state.Ledger
}

// The creations that a scheduled run may make: so many, or so many percent of the record.
const (
	creationFloor   = 50
	creationPercent = 50
)

// Hold marks what has to wait for an approval and keeps the sums. Removals wait together or not at all; changes held by themselves
// stay so and do not count, but for the removals that are only presumed: they never pass, and tell how many are missing. Call it on
// a finished plan, once.
func (p *Plan) Hold(rules Rules, c Circumstances) {
	p.holdMembers(rules)
	p.Gate = gate(p.passing(Deactivate)+p.heldFor(HoldPresumed), c.Waiting, rules, c.Ledger)
	switch {
	case c.ReportOnly:
		p.hold(HoldPolicy, Actions...)
	case c.Strangers:
		p.hold(HoldStrangers, Actions...)
	case c.Observe != "" && c.Scheduled:
		p.hold(HoldObserve, Actions...)
	case c.Observe != "":
		p.hold(HoldObserve, removing...)
	case c.Unproven:
		p.hold(HoldUnproven, removing...)
	case p.Gate.Removing != "":
		p.hold(p.Gate.Removing, removing...)
	case c.Shrunk:
		p.hold(HoldShrunk, removing...)
	}
	if c.Scheduled && p.passing(Create) > max(creationFloor, c.Ledger.Total*creationPercent/100) {
		p.hold(HoldCreations, Create)
	}
	if rules.MaxAccounts > 0 && c.Ledger.Total+p.passing(Create) > rules.MaxAccounts {
		p.hold(HoldLimit, Create)
	}
	p.Finish()
}

// What complete pulls are compared with: the pulls before, if there are enough of them.
const (
	UsualPulls    = 5  // so many, the newest
	FewestPulls   = 3  // fewer say nothing
	shrunkPercent = 80 // of the median
)

// Usual is the median of how many people earlier complete pulls read; 0 if there are too few of them to tell.
func Usual(people []int) int {
	if len(people) < FewestPulls {
		return 0
	}
	sorted := slices.Sorted(slices.Values(people))
	return sorted[len(sorted)/2]
}

// Shrunk tells whether a complete pull read so many fewer people than usual that it is suspicious by itself: of few, so many that the
// gate would not let them pass.
func Shrunk(rules Rules, people, usual int) bool {
	return usual-people > rules.GateFloor && 100*people < shrunkPercent*usual
}

// base is how many were active 24 hours ago, without those who have gone since in any other way than by pulls. Who came since gives
// nobody else up. In a source where nobody was active then, those active now are all there is to lose.
func base(ledger state.Ledger) int {
	now := ledger.Active + ledger.Removed
	if ledger.Before == 0 {
		return now
	}
	return min(ledger.Before, now)
}

// gate does the sums for a number of removals, beside others that wait.
func gate(removals, waiting int, rules Rules, ledger state.Ledger) Gate {
	g := Gate{Active: base(ledger), Removed: ledger.Removed, Removals: removals, Waiting: waiting}
	g.Limit = limitOf(rules, g.Active)
	all := removals + waiting
	gone := g.Removed + all
	switch {
	case removals == 0:
	case all >= ledger.Active:
		g.Removing = HoldLast
	case all > g.Limit:
		g.Removing = HoldCount
	case gone > g.Limit:
		g.Removing = HoldDay
	case 2*gone > g.Active:
		g.Removing = HoldHalf
	}
	return g
}

// RemovalLimit is how many people a run may take for removed before the gate holds them all: the number of look-ups worth making.
func RemovalLimit(rules Rules, ledger state.Ledger) int {
	return max(0, gate(0, 0, rules, ledger).Limit-ledger.Removed)
}

// passing counts the changes of an action that are not held.
func (p *Plan) passing(action Action) int {
	n := 0
	for i := range p.Changes {
		if p.Changes[i].Action == action && !p.Changes[i].Held {
			n++
		}
	}
	return n
}

// heldFor counts the changes that are held for a reason.
func (p *Plan) heldFor(why Hold) int {
	n := 0
	for i := range p.Changes {
		if p.Changes[i].HeldBecause == why {
			n++
		}
	}
	return n
}

// hold holds all changes of the actions that are not held yet.
func (p *Plan) hold(why Hold, actions ...Action) {
	for i := range p.Changes {
		c := &p.Changes[i]
		if !c.Held && slices.Contains(actions, c.Action) {
			c.Held, c.HeldBecause = true, why
		}
	}
}
