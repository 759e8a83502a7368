package plan

import (
	"encoding/json"
	"slices"

	"rollcall/connectors"
	"rollcall/state"
	"rollcall/state/scim"
	"rollcall/sync/mapping"
)

// Subject is one person together with the account that is theirs.
type Subject struct {
	Person   *connectors.Person // with the facts of Standing
	Standing Standing
	Values   []scim.Value // what the mapping makes of Person, one per target
	Refused  bool         // some of them, or the scoping filters, cannot be evaluated, and are null: nothing but a removal can be decided
	Account  *Account     // nil: none
	Tie      How          // when the account is not linked yet: how it was found
}

// Account is a recorded account, ready to be compared.
type Account struct {
	Record   state.Record
	Resource scim.Value
}

// Decision is what is to be done about one subject. All parts empty: nothing.
type Decision struct {
	Change *Change // at most one; held already if it is held by itself
	Notice *Notice // beside a change, or instead of one
	Agree  bool    // the account is just as the mapping wants it
	Look   bool    // a change waits for a look at the person; look, and decide again
}

// Decider decides for the people of one source, one by one. It is immutable and safe for concurrent use.
type Decider struct {
	Targets []mapping.Target
	Rules   Rules
	Scope   string // connectors.Assigned or connectors.Everyone
	Create  bool   // missing accounts may be made
}

// Decide says what is to be done about one subject: it is the second table of docs/removal.md, and of the third the pin, what cannot be
// evaluated, and the changes that are held by themselves. What it holds to:
//
//   - with SkipOutOfScope, whoever is merely unassigned or out of scope is left alone;
//   - nothing without judgement: an unproven standing changes nothing;
//   - the mapping decides: only an always-mapped active that is false deactivates, and null is not false;
//   - a deactivation names the fact behind the mapping's word; without one it is held;
//   - who is only presumed to have left, because nobody has looked, is held;
//   - nobody goes, comes or comes back by scoping filters that rest on attributes which may not have been read: that needs a look;
//   - who is to be inactive is compared in nothing else: what a recycle bin makes of names is not drift;
//   - a reactivation needs a look at the person in the same run;
//   - create-only and volatile targets are never compared, null and empty values never flow;
//   - where a part of the mapping cannot be evaluated, its word on active still removes, and nothing else is decided;
//   - a pin stands against everything.
func (d *Decider) Decide(s Subject) Decision {
	if !s.Standing.Judged {
		if s.Standing.Notice == "" || s.Account == nil {
			return Decision{}
		}
		return Decision{Notice: d.notice(s, s.Standing.Notice, "")}
	}
	if s.Account == nil && !s.Refused {
		return d.create(s)
	}
	var decision Decision
	if s.Account != nil {
		decision = d.compare(s)
	}
	change := decision.Change
	switch {
	case decision.Notice != nil:
		return decision
	case s.Refused && (change == nil || !change.Removal()) && !(decision.Look && d.removes(s)):
		return Decision{Notice: d.notice(s, Refused, s.doubt())}
	case change != nil && s.Account.Record.Pinned:
		return Decision{Notice: d.notice(s, Pinned, "would "+string(change.Action)+": "+change.Reason.Text())}
	case s.Refused:
		decision.Notice = d.notice(s, Refused, "only the removal is decided")
	}
	return decision
}

// compare decides for a person who has an account.
func (d *Decider) compare(s Subject) Decision {
	record := &s.Account.Record
	link := record.Link == ""
	change := Change{
		Account: record.ID, Version: record.Version, Person: s.Person.ID, Name: s.name(), Link: link,
	}
	active, mapped := d.active(s.Values)
	switch {
	case d.removes(s) && d.Rules.SkipOutOfScope && outOfScope(d.reason(s.Standing)):
		return Decision{Notice: d.notice(s, Skipped, "")}
	case d.removes(s):
		d.deactivate(&change, s)
		if change.Reason == ReasonOutOfScope && s.Standing.Unproven && !s.Standing.Presumed {
			return Decision{Look: true}
		}
		return Decision{Change: &change}
	case mapped && !active, !s.Standing.Present:
		return d.linked(change, s)
	case mapped && active && record.Staged:
		return d.linked(change, s) // a push said inactive and waits for its second witness: this is none
	}
	change.Fields = d.drift(s)
	if mapped && active && !record.InForce {
		change.Fields = append(change.Fields, activeField(false, true))
		change.Action, change.Reason = Reactivate, ReasonEnabled
		if !s.Standing.Looked {
			return Decision{Look: true}
		}
	} else if len(change.Fields) > 0 {
		change.Action, change.Reason = Update, ReasonDrift
	} else {
		return d.linked(change, s)
	}
	change.Witnesses = s.witnesses(Fact(change.Reason))
	return Decision{Change: &change}
}

// outOfScope tells whether a reason is none but that the source no longer provisions the person.
func outOfScope(r Reason) bool { return r == ReasonUnassigned || r == ReasonOutOfScope }

// removes tells whether the mapping says inactive of somebody whose account is in force.
func (d *Decider) removes(s Subject) bool {
	active, mapped := d.active(s.Values)
	return mapped && !active && s.Account != nil && s.Account.Record.InForce
}

// linked decides for an account that agrees with the mapping: at most the tie is missing.
func (d *Decider) linked(change Change, s Subject) Decision {
	if !change.Link {
		return Decision{Agree: s.Standing.Present}
	}
	change.Action, change.Reason = Link, ReasonMatched
	change.Witnesses = s.witnesses(Fact(ReasonMatched))
	return Decision{Change: &change}
}

func (d *Decider) deactivate(change *Change, s Subject) {
	change.Action, change.Reason = Deactivate, d.reason(s.Standing)
	change.Fields = []Field{activeField(true, false)}
	change.Witnesses = s.witnesses(Fact(change.Reason))
	switch {
	case s.Standing.Presumed && outOfScope(change.Reason):
		change.Held, change.HeldBecause = true, HoldPresumed
	case change.Reason == ReasonMapped:
		change.Held, change.HeldBecause = true, HoldNoFact
	case d.Protected(s.Account):
		change.Held, change.HeldBecause = true, HoldProtected
	}
}

// Protected tells whether taking access away from an account always waits for an approval.
func (d *Decider) Protected(a *Account) bool {
	return a.Record.Protected || slices.Contains(d.Rules.Protect, scim.Fold(a.Resource.Get("userName").Text))
}

// reason names the fact that makes the mapping say inactive, the gravest first.
func (d *Decider) reason(s Standing) Reason {
	switch f := s.Facts; {
	case s.Gone:
		return ReasonGone
	case f.SoftDeleted == connectors.Yes:
		return ReasonDeleted
	case f.Enabled == connectors.No:
		return ReasonDisabled
	case f.Assigned == connectors.No && d.Scope == connectors.Assigned:
		return ReasonUnassigned
	case f.OutOfScope == connectors.Yes:
		return ReasonOutOfScope
	}
	return ReasonMapped
}

// create decides for a person without an account. Who is disabled, deleted, unassigned, out of scope or of unknown state gets none.
func (d *Decider) create(s Subject) Decision {
	facts := s.Standing.Facts
	if !s.Standing.Present || facts.Enabled != connectors.Yes || facts.SoftDeleted == connectors.Yes ||
		facts.OutOfScope == connectors.Yes || d.Scope == connectors.Assigned && facts.Assigned != connectors.Yes {
		return Decision{}
	}
	change := Change{Action: Create, Person: s.Person.ID, Name: s.name(), Reason: ReasonMissing, Link: true}
	fields := make([]Field, 0, 16) // a first sync keeps those of everyone: not more than there are
	named := false
	for i, t := range d.Targets {
		v := s.Values[i]
		if v.Empty() {
			v = t.Default
		}
		switch {
		case t.Apply == mapping.Never:
			continue
		case isActive(t.Path) && v.Kind == scim.Bool && !v.Bool:
			return Decision{}
		case isActive(t.Path) && v.Kind != scim.Bool:
			return Decision{Notice: d.notice(s, Missing, "the mapping cannot tell whether the person is active")}
		case v.Empty():
			continue
		}
		named = named || isPlain(t.Path, "userName")
		fields = append(fields, Field{Path: t.Text, Before: null, After: v.AppendJSON(make([]byte, 0, len(v.Text)+2)), Volatile: t.Volatile})
	}
	switch {
	case !named:
		return Decision{Notice: d.notice(s, Refused, "the mapping gives no userName")}
	case !d.Create:
		return Decision{Notice: d.notice(s, Missing, "the source's policy makes no accounts")}
	case s.Standing.Unproven:
		return Decision{Look: true}
	}
	change.Fields, change.Witnesses = slices.Clone(fields), s.witnesses(Fact(ReasonMissing))
	return Decision{Change: &change}
}

// drift lists the values, active apart, that the account ought to have and has not.
func (d *Decider) drift(s Subject) []Field {
	var fields []Field
	for i, t := range d.Targets {
		if isActive(t.Path) {
			continue
		}
		if field, differs := Drift(t, s.Account.Resource, s.Values[i]); differs {
			fields = append(fields, field)
		}
	}
	return fields
}

// Drift holds what the mapping wants of one target against an account, and returns what has to be written, if anything has to be.
// Create-only and volatile targets are never written, and neither null nor an empty value ever flows.
func Drift(t mapping.Target, account, want scim.Value) (field Field, differs bool) {
	if t.Volatile || want.Empty() {
		return Field{}, false
	}
	have := scim.UserType().Select(account, t.Path)
	switch {
	case t.Apply == mapping.Add:
		differs = len(have) == 0
	case t.Apply == mapping.Always && t.Merge:
		want = merged(have, want)
		differs = len(want.List) != len(have)
	case t.Apply == mapping.Always:
		differs = !same(have, want)
	}
	if !differs {
		return Field{}, false
	}
	return Field{Path: t.Text, Before: before(have), After: want.AppendJSON(nil)}, differs
}

// Settles tells whether an account that lacked nothing but some values is as the mapping wants it, active apart, now that they have been
// written: each target that is compared leads to what was written or, if nothing was, to what it led to before. One value may have
// moved another. written has one value per target, of those that were not written null.
func Settles(targets []mapping.Target, before, after scim.Value, written []scim.Value) bool {
	for i, t := range targets {
		if t.Volatile || t.Apply != mapping.Always && t.Apply != mapping.Add || isActive(t.Path) {
			continue
		}
		have := scim.UserType().Select(after, t.Path)
		if written[i].Kind != scim.Null {
			if !same(have, written[i]) {
				return false
			}
		} else if !slices.EqualFunc(scim.UserType().Select(before, t.Path), have, scim.Value.Equal) {
			return false
		}
	}
	return true
}

// active returns the mapping's word on active; mapped is false if there is no always-mapped one or it is null.
func (d *Decider) active(values []scim.Value) (active, mapped bool) {
	for i, t := range d.Targets {
		if t.Apply == mapping.Always && isActive(t.Path) && values[i].Kind == scim.Bool {
			return values[i].Bool, true
		}
	}
	return false, false
}

// Wanted returns the mapping's word on active as Decide takes it.
func (d *Decider) Wanted(values []scim.Value) (active, mapped bool) { return d.active(values) }

// same compares what a path leads to with one wanted value: every element that it leads to must have it, and of a list all, in order.
func same(have []scim.Value, want scim.Value) bool {
	if want.Kind == scim.Array {
		return slices.EqualFunc(have, want.List, scim.Value.Equal)
	}
	return len(have) > 0 && !slices.ContainsFunc(have, func(v scim.Value) bool { return !v.Equal(want) })
}

// merged returns what is there with the elements of want that are missing.
func merged(have []scim.Value, want scim.Value) scim.Value {
	list := slices.Clone(have)
	for _, v := range want.List {
		if !slices.ContainsFunc(list, v.Equal) {
			list = append(list, v)
		}
	}
	return scim.ListOf(list...)
}

var null = json.RawMessage("null")

func before(have []scim.Value) json.RawMessage {
	switch len(have) {
	case 0:
		return null
	case 1:
		return have[0].AppendJSON(nil)
	}
	return scim.ListOf(have...).AppendJSON(nil)
}

func activeField(was, is bool) Field {
	return Field{
		Path: "active", Before: scim.BoolValue(was).AppendJSON(nil), After: scim.BoolValue(is).AppendJSON(nil),
	}
}

func isActive(p scim.Path) bool { return isPlain(p, "active") }

func isPlain(p scim.Path, name string) bool {
	return p.Filter == nil && p.Sub == "" && scim.EqualFold(p.Attr, name)
}

// witnesses names the fact that the readings of a person prove, and adds how the person was found to be the account's.
func (s *Subject) witnesses(fact Fact) []Witness {
	list := slices.Clone(s.Standing.Witnesses)
	for i := range list {
		if list[i].Fact == "" {
			list[i].Fact = fact
		}
	}
	if s.Account != nil && s.Account.Record.Link == "" && len(list) > 0 {
		last := list[len(list)-1]
		list = append(list, Witness{Fact: Fact(ReasonMatched), How: s.Tie, Run: last.Run, At: last.At})
	}
	return list
}

// doubt says why nothing is decided of a person whom the scoping filters can't tell; "" if it is for another reason.
func (s *Subject) doubt() string {
	if s.Standing.Facts.OutOfScope != connectors.Unknown {
		return ""
	}
	return "the scoping filters cannot tell: a value is not of the kind that an operator is for, or a regular expression fits only a part of it"
}

func (s *Subject) name() string {
	if s.Account != nil {
		if name := s.Account.Resource.Get("userName").Text; name != "" {
			return name
		}
	}
	return s.Person.UserName
}

func (d *Decider) notice(s Subject, kind NoticeKind, detail string) *Notice {
	n := &Notice{Kind: kind, Person: s.Person.ID, Name: s.name(), Detail: detail}
	if s.Account != nil {
		n.Account = s.Account.Record.ID
	}
	return n
}
