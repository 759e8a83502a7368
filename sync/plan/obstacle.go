package plan

import (
	"time"

	"rollcall/state"
)

// Read says how much of the source a run read.
type Read uint8

const (
	ReadAsked    Read = iota // no pull: a few people were asked for by id
	ReadPart                 // a pull that did not come to its end
	ReadGroups               // a complete snapshot, but some groups could not be read
	ReadEveryone             // everyone
)

// Obstacles are what may stand in the way of a change that was decided on, beside what Decide sees.
type Obstacles struct {
	Read     Read
	Reused   bool // the account has the name of somebody else
	Returned bool // LetInAgain
}

// Obstruct weighs the obstacles against a change: it is the rest of the third table of docs/removal.md. The change goes on if dropped is
// false and the Hold is empty; otherwise it is held for that reason, or dropped with a notice ("": another notice has said why). Its rules:
//
//   - whoever fits an account by attributes alone gets it only if everyone was read who may fit as well;
//   - nobody is out of scope in a pull that did not read everyone, who might be assigned through what was not read;
//   - an account whose name is somebody else's by now is neither renamed nor switched, and a removal waits;
//   - whom a push let in again, perhaps for somebody else of the same name, is not removed by a run that did not read everyone.
func (c *Change) Obstruct(o Obstacles) (notice NoticeKind, hold Hold, dropped bool) {
	switch {
	case c.tiedBy(ByMatch) && o.Read < ReadGroups:
		return Conflict, "", true
	case c.Reason == ReasonOutOfScope && o.Read != ReadEveryone && o.Read != ReadAsked:
		return Blocked, "", true
	case o.Reused && !c.Removal():
		return "", "", true
	case o.Reused:
		return "", HoldReused, false
	case o.Read == ReadEveryone || c.Action == Create:
		return "", "", false
	case c.tiedBy(ByMatch):
		return "", HoldMatched, false
	case c.Removal() && o.Returned:
		return "", HoldReturned, false
	}
	return "", "", false
}

// tiedBy tells whether the change ties its account to a person who was found to be its owner in some way.
func (c *Change) tiedBy(how How) bool {
	for _, w := range c.Witnesses {
		if w.How == how {
			return true
		}
	}
	return false
}

// Past is what is known of the recent past of the person and the account that a change is about.
type Past struct {
	Entries []state.Entry // the account's journal
	Now     time.Time
	Settle  time.Duration
	Asked   bool                   // the run asked for a few people: such runs follow each other fast, and one lagging replica may answer all
	Earlier func(fact string) bool // whether a fact about the person is remembered
}

// Defer tells whether a change is left alone: for good, because somebody discarded it and the fact behind it is still the same, or for
// now, because a push younger than settle said otherwise and no earlier pull read the same after it. notice says which; "" if it goes on.
// fact is what a run has to remember of it; "" if there is nothing.
func (c *Change) Defer(p Past) (notice NoticeKind, fact string) {
	if fact = DiscardedFact(c); p.Earlier(fact) {
		return Discarded, fact
	}
	push, found := Contradicts(c, p.Entries, p.Now, p.Settle)
	if !found {
		return "", ""
	}
	if fact = FreshFact(c, push); p.Asked || !p.Earlier(fact) {
		return Fresh, fact
	}
	return "", fact
}
