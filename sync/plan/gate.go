package plan

import "time"

// Rules are a source's rules of removal and creation.
type Rules struct {
	GatePercent int           // of those active 24 hours ago that may be removed in a run, and in 24 hours
	GateFloor   int           // so many may be removed whatever the percentage says
	Settle      time.Duration // how long a push outweighs a reading that contradicts it
	Protect     []string      // userNames, folded, whose removal always waits
	MaxAccounts int           // 0 = no limit
}

// Gate is what the gate's sums were made of and what they came to. It is kept with the plan so that a hold can be explained.
type Gate struct {
	Active   int  `json:"active"`         // in force 24 hours ago, as far as removals by pulls tell
	Removed  int  `json:"removed"`        // by pulls within the last 24 hours, approved ones apart
	Removals int  `json:"removals"`       // planned now, those held by themselves apart
	Limit    int  `json:"limit"`          // how many the run and the 24 hours may see
	Removing Hold `json:"held,omitempty"` // why the removals are held; "" = they pass
}
