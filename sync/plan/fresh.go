package plan

import (
	"cmp"
	"encoding/json"
	"hash/fnv"
	"slices"
	"strconv"
	"strings"
	"time"

	"rollcall/state"
	"rollcall/state/scim"
)

// Contradicts returns the newest push among an account's journal entries that is younger than settle and said something about what
// the change would alter. Providers answer from replicas that lag: such a reading has to be repeated before it outweighs the push.
func Contradicts(c *Change, entries []state.Entry, now time.Time, settle time.Duration) (state.Entry, bool) {
	touched := c.attributes()
	for i := len(entries) - 1; i >= 0; i-- {
		e := entries[i]
		if now.Sub(e.At) >= settle {
			break
		}
		if c.Action == Deactivate && stages(e) {
			return state.Entry{}, false // it said the same, and waits for just this
		}
		if e.Cause.Kind == state.CausePush && (says(e.After, touched) || says(e.Before, touched)) {
			return e, true
		}
	}
	return state.Entry{}, false
}

// LetInAgain tells whether a push was the last to bring an account back into force. A provider's push finds accounts by name: it may
// have brought it back for somebody else than the person whom the account is linked to.
func LetInAgain(entries []state.Entry) bool {
	for i := len(entries) - 1; i >= 0; i-- {
		switch e := entries[i]; e.Verb {
		case state.VerbReactivate, state.VerbRestore:
			return e.Cause.Kind == state.CausePush
		case state.VerbDeactivate, state.VerbDelete:
			return false
		}
	}
	return false
}

// attributes lists the names, folded, under which the journal keeps what the change alters.
func (c *Change) attributes() map[string]bool {
	names := make(map[string]bool)
	for _, f := range c.Fields {
		path, err := scim.ParsePath(f.Path, scim.DefaultLimits)
		switch {
		case err != nil:
		case isActive(path):
			names["said"], names["inforce"] = true, true
		default:
			names[scim.Fold(path.Attr)] = true
			if path.URN != "" {
				names[scim.Fold(path.URN)] = true
			}
		}
	}
	return names
}

// stages tells whether an entry is a push whose removal is held.
func stages(e state.Entry) bool {
	var after struct {
		Said   *bool `json:"said"`
		Staged bool  `json:"staged"`
	}
	return e.Cause.Kind == state.CausePush && json.Unmarshal(e.After, &after) == nil && after.Staged && after.Said != nil && !*after.Said
}

func says(object []byte, names map[string]bool) bool {
	var fields map[string]json.RawMessage
	if json.Unmarshal(object, &fields) != nil {
		return true // what can't be read may say anything
	}
	for name := range fields {
		if names[scim.Fold(name)] {
			return true
		}
	}
	return false
}

// FreshFact is what is remembered of a change that contradicts a push. A later run that plans the same after the same push finds it.
func FreshFact(c *Change, push state.Entry) string {
	return FreshPrefix + strconv.FormatInt(push.Number, 10) + ":" + string(c.Action) + ":" + c.digest()
}

// DiscardedFact is what is remembered of a change that somebody discarded, until the fact behind it changes: for a removal the
// reason, otherwise the reason and the values.
func DiscardedFact(c *Change) string {
	fact := DiscardedPrefix + string(c.Reason)
	if !c.Removal() {
		fact += ":" + c.digest()
	}
	return fact
}

// The prefixes of facts that are remembered about changes.
const (
	FreshPrefix     = "fresh:"
	DiscardedPrefix = "discarded:"
)

// Same tells whether two plans hold the same changes, whichever run made them.
func Same(a, b *Plan) bool {
	if len(a.Changes) != len(b.Changes) || a.Basis != b.Basis {
		return false
	}
	for i := range a.Changes {
		x, y := &a.Changes[i], &b.Changes[i]
		if x.Action != y.Action || x.Account != y.Account || x.Version != y.Version || x.Person != y.Person ||
			x.Reason != y.Reason || x.HeldBecause != y.HeldBecause || x.digest() != y.digest() {
			return false
		}
	}
	return true
}

// Has tells whether a plan has every change that another one has, whichever run made them.
func (p *Plan) Has(other *Plan) bool {
	has := p.Finder()
	return !slices.ContainsFunc(other.Changes, func(c Change) bool { return !has(&c) })
}

// Finder returns what tells of a change, of this plan or another, whether this plan has it, in about the same time however long it is.
// The plan must not be changed meanwhile.
func (p *Plan) Finder() func(*Change) bool {
	sorted := make([]int32, len(p.Changes))
	for i := range sorted {
		sorted[i] = int32(i)
	}
	slices.SortFunc(sorted, func(a, b int32) int { return compareSubjects(&p.Changes[a], &p.Changes[b]) })
	return func(c *Change) bool {
		at, _ := slices.BinarySearchFunc(sorted, c, func(i int32, c *Change) int { return compareSubjects(&p.Changes[i], c) })
		for ; at < len(sorted) && compareSubjects(&p.Changes[sorted[at]], c) == 0; at++ {
			if SameEffect(&p.Changes[sorted[at]], c) {
				return true
			}
		}
		return false
	}
}

// compareSubjects orders changes by whom and what they are about.
func compareSubjects(a, b *Change) int {
	return cmp.Or(
		strings.Compare(a.Person, b.Person), strings.Compare(string(a.Account), string(b.Account)), cmp.Compare(a.Version, b.Version),
		strings.Compare(string(a.groupID()), string(b.groupID())))
}

func (c *Change) groupID() state.ID {
	if c.Group == nil {
		return ""
	}
	return c.Group.ID
}

// SameEffect tells whether two changes of one account do the same, whatever speaks for them.
func SameEffect(a, b *Change) bool {
	return a.Action == b.Action && a.Link == b.Link && a.digest() == b.digest()
}

// digest sums up what a change would make, in few letters; of volatile values, that there would be one.
func (c *Change) digest() string {
	h := fnv.New64a()
	if c.Group != nil {
		c.Group.sum(h)
	}
	for _, f := range c.Fields {
		h.Write([]byte(f.Path))
		h.Write([]byte{0}) // in no path, and in JSON only escaped
		if !f.Volatile {
			h.Write(f.After)
		}
		h.Write([]byte{0})
	}
	return strconv.FormatUint(h.Sum64(), 36)
}
