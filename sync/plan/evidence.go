package plan

import (
	"time"

	"rollcall/connectors"
	"rollcall/state"
)

// Look is what a direct look-up of a person by object id came to.
type Look uint8

const (
	NotLooked  Look = iota // no answer; also when it failed
	Withheld               // not asked, because there are more suspects than the gate lets pass; asked anew when approved
	LookedGone             // a positive "there is no such person", the recycle bin included
	LookedSeen             // the person was read
)

// Evidence is everything known about one person's standing at the source, from this run and from earlier ones.
type Evidence struct {
	Run string
	At  time.Time

	Scope    string // connectors.Assigned or connectors.Everyone
	Complete bool   // this run's snapshot was complete: absence may be suspected
	Blocked  bool   // an assigned group could not be read: nobody is taken for unassigned

	Pulled   *connectors.Facts // the person as the pull passed them; nil: absent from the snapshot
	Unproven bool              // of Pulled: whether they are out of scope rests on attributes that may just as well not have been read
	Asked    bool              // there was no pull: a few people were asked for by id, and this is one of them
	Look     Look
	Looked   connectors.Facts // when LookedSeen

	WasAbsent *state.Suspicion // an earlier complete snapshot did not have the person
	WasGone   *state.Suspicion // an earlier run looked and found them gone
}

// Standing is what evidence comes to: the facts that may be laid before the mapping.
type Standing struct {
	Judged    bool             // false: nothing may be changed for this person
	Facts     connectors.Facts // when Judged
	Gone      bool             // nothing of the person can be read any more
	Present   bool             // the pull passed the person: other attributes may be compared, an account may be made
	Looked    bool             // read directly in this run
	Unproven  bool             // as Evidence's, where no look has proved it since
	Presumed  bool             // a removal can only be presumed: Decide holds it, and it is looked at when approved
	Witnesses []Witness        // of positive facts the Fact is still to be named by Decide
	Suspect   []Fact           // to be remembered, or still to be remembered, for later runs
	Notice    NoticeKind       // when not Judged: what to tell; "" = nothing
}

// FactGone is the suspicion of a person whom one look-up found gone.
const FactGone = Fact(ReasonGone)

// Stand weighs evidence: it is the first table of docs/removal.md. Its rules:
//
//   - whom the pull passed stands as read; a look-up in the same run is fresher and replaces what was read, except that assignment,
//     which a look-up may be unable to tell, stays as the pull saw it; whom the pull passed as not assigned, and as nothing else that
//     removes, is for the snapshot of who is assigned an absent person (see Passed);
//   - absence is a suspicion: it needs a complete snapshot, and by itself it changes nothing;
//   - an absent person who was looked at and is disabled or soft-deleted stands as read;
//   - an absent person who was looked at and is enabled is unassigned if an earlier complete snapshot of another run did not have them either,
//     or if their own list of assignments says so, and every group could be read, and the scope is who is assigned;
//   - an absent person who was looked at, is enabled and not known to be assigned is out of scope if the scoping filters say so of what was
//     read, and every group could be read;
//   - an absent person is gone if two look-ups in separate runs say so;
//   - who was asked for without a pull stands as read, and what only a pull can tell stays open: an earlier snapshot that did not have
//     the person and their own list of assignments make them unassigned, two look-ups in separate runs gone.
func Stand(e Evidence) Standing {
	switch {
	case e.Pulled != nil && Passed(e.Scope, *e.Pulled):
		return e.present()
	case e.Asked:
		return e.asked()
	case !e.Complete:
		return Standing{}
	}
	s := Standing{Suspect: []Fact{FactAbsent}, Notice: Absent}
	absences := e.absences()
	if len(absences) > 1 {
		s.Notice = Unconfirmed
	}
	switch e.Look {
	case NotLooked:
		s.Notice = Unanswered
	case Withheld:
		if len(absences) > 1 {
			s.Notice = Unseen
		}
		if len(absences) > 1 && !e.Blocked && e.Scope == connectors.Assigned {
			s.judge(connectors.Facts{Assigned: connectors.No}, absences)
			s.Presumed = true
		}
	case LookedGone:
		e.gone(&s)
	case LookedSeen:
		s.Looked = true
		e.absentButSeen(&s, absences)
	}
	return s
}

// Passed tells whether facts read in a pull make a person one whom the snapshot has: assigned, where that is what is asked for, or
// positively disabled or deleted.
func Passed(scope string, f connectors.Facts) bool {
	return scope != connectors.Assigned || f.Assigned != connectors.No || f.SoftDeleted == connectors.Yes || f.Enabled == connectors.No
}

// absentButSeen weighs a person who is missing from a complete snapshot and was read directly.
func (e *Evidence) absentButSeen(s *Standing, absences []Witness) {
	facts := e.Looked
	switch {
	case facts.SoftDeleted == connectors.Yes || facts.Enabled == connectors.No:
		s.judge(facts, []Witness{e.witness(ByLook)})
	case facts.Assigned == connectors.Yes && e.Scope == connectors.Assigned:
		s.Suspect, s.Notice = nil, Unconfirmed // the snapshot erred: a sighting
	case facts.Enabled != connectors.Yes, e.Blocked:
	case facts.OutOfScope == connectors.Yes && (e.Scope != connectors.Assigned || facts.Assigned != connectors.No):
		s.judge(facts, []Witness{e.witness(ByLook)})
	case e.Scope != connectors.Assigned:
	case facts.Assigned == connectors.No || len(absences) > 1:
		facts.Assigned = connectors.No
		s.judge(facts, append(absences, e.witness(ByLook)))
	}
}

// gone weighs a person who was looked for and is not there.
func (e *Evidence) gone(s *Standing) {
	s.Suspect = append(s.Suspect, FactGone)
	if e.WasGone == nil || e.WasGone.Run == e.Run {
		return
	}
	s.Gone, s.Looked = true, true
	gone := connectors.Facts{Enabled: connectors.No, Assigned: connectors.No, SoftDeleted: connectors.Yes}
	s.judge(gone, []Witness{{Fact: FactGone, How: ByLook, Run: e.WasGone.Run, At: e.WasGone.At}, e.witness(ByLook)})
}

// asked weighs a person who was asked for by id without a pull.
func (e *Evidence) asked() Standing {
	s := Standing{Notice: Unanswered}
	switch e.Look {
	case LookedGone:
		s.Notice = GoneOnce
		e.gone(&s)
	case LookedSeen:
		s.Looked = true
		absences := e.absences()
		switch {
		case Passed(e.Scope, e.Looked):
			s.Present = true
			s.judge(e.Looked, []Witness{e.witness(ByLook)})
		case e.Looked.Enabled == connectors.Yes && len(absences) > 1:
			s.judge(e.Looked, []Witness{absences[0], e.witness(ByLook)})
		default:
			s.Notice = Unplaced
		}
	}
	return s
}

func (e *Evidence) present() Standing {
	s := Standing{Present: true, Witnesses: []Witness{e.witness(ByPull)}}
	switch e.Look {
	case LookedGone:
		s.Notice = Unconfirmed
		return s
	case LookedSeen:
		s.Facts, s.Looked = e.Looked, true
		if s.Facts.Assigned == connectors.Unknown {
			s.Facts.Assigned = e.Pulled.Assigned
		}
		s.Witnesses = append(s.Witnesses, e.witness(ByLook))
	default:
		s.Facts, s.Unproven = *e.Pulled, e.Unproven
		s.Presumed = e.Unproven && e.Look == Withheld
	}
	if !Passed(e.Scope, s.Facts) {
		s.Notice = Unconfirmed
		return s
	}
	s.Judged = true
	return s
}

// absences are the witnesses of a suspicion: this run's, and an earlier one's of a separate run.
func (e *Evidence) absences() []Witness {
	now := Witness{Fact: FactAbsent, How: ByAbsence, Run: e.Run, At: e.At}
	if e.WasAbsent == nil || e.WasAbsent.Run == e.Run {
		return []Witness{now}
	}
	return []Witness{{Fact: FactAbsent, How: ByAbsence, Run: e.WasAbsent.Run, At: e.WasAbsent.At}, now}
}

func (e *Evidence) witness(how How) Witness { return Witness{How: how, Run: e.Run, At: e.At} }

func (s *Standing) judge(facts connectors.Facts, witnesses []Witness) {
	s.Judged, s.Facts, s.Witnesses, s.Notice = true, facts, witnesses, ""
}
