package plan

import (
	"maps"
	"slices"

	"rollcall/state"
)

// Reason is the stable code of why a change is planned. It is used in plan, journal, command line and console.
type Reason string

const (
	ReasonDisabled    Reason = "disabled_at_source"
	ReasonDeleted     Reason = "soft_deleted"
	ReasonUnassigned  Reason = "unassigned"
	ReasonOutOfScope  Reason = "out_of_scope"
	ReasonGone        Reason = "gone"
	ReasonMapped      Reason = "mapped_inactive" // the mapping says so and no fact does; always held
	ReasonUnexplained Reason = "unexplained"     // an account that nobody at the source explains; always held
	ReasonEnabled     Reason = "enabled_at_source"
	ReasonDrift       Reason = "drift"
	ReasonMissing     Reason = "assigned_missing"
	ReasonMatched     Reason = "matched"

	ReasonMemberMissing Reason = "member_missing"
	ReasonMemberExtra   Reason = "member_extra"

	ReasonUndone Reason = "undone"

	ReasonStaged       Reason = "push_held" // a pushed removal that the gate held; in force by an approval or by time
	ReasonPushedDelete Reason = state.ReasonDelete
	ReasonGraceOver    Reason = "grace_over"
	ReasonErased       Reason = "erased"
	ReasonMoved        Reason = "moved"
)

var reasonTexts = map[Reason]string{
	ReasonDisabled:    "disabled at the source",
	ReasonDeleted:     "deleted at the source, still in its recycle bin",
	ReasonUnassigned:  "no longer assigned to the application",
	ReasonOutOfScope:  "outside the scoping filter",
	ReasonGone:        "gone from the source for good",
	ReasonMapped:      "inactive by the mapping alone, by no fact at the source",
	ReasonUnexplained: "explained by nobody at the source for a week or more",
	ReasonEnabled:     "enabled and assigned at the source",
	ReasonDrift:       "differs from the source",
	ReasonMissing:     "assigned at the source, has no account",
	ReasonMatched:     "found to belong to this person",

	ReasonMemberMissing: "in the group at the source, not here",
	ReasonMemberExtra:   "no longer in the group at the source",

	ReasonUndone: "as it was before",

	ReasonStaged:       "pushed, held for a while, and contradicted by nobody",
	ReasonPushedDelete: "the provider deleted it, and the gate held that",
	ReasonGraceOver:    "the grace period after a deletion is over",
	ReasonErased:       "erased because somebody asked for it",
	ReasonMoved:        "moved to another source",
}

// Text says the reason in words.
func (r Reason) Text() string { return words(reasonTexts, r) }

// Fact is what a witness tells of a person: one of the Reason codes, or "absent" for a suspicion.
type Fact string

// FactAbsent is the suspicion that a complete snapshot leaves when it did not have a person.
const FactAbsent Fact = "absent"

// Hold is the stable code of why a change waits for somebody's approval.
type Hold string

const (
	HoldObserve     Hold = "observe"      // the source only observes until somebody has looked
	HoldPolicy      Hold = "policy"       // the source's policy is to report
	HoldStrangers   Hold = "strangers"    // the people read share nobody with the record
	HoldUnproven    Hold = "unproven"     // no known person was seen in the pull; a few answered by id
	HoldShrunk      Hold = "shrunk"       // far fewer people were read than in the pulls before
	HoldUnexplained Hold = "unexplained"  // an account that nobody explains is removed by nobody but an operator
	HoldProtected   Hold = "protected"    // removing this person always waits
	HoldReused      Hold = "name_reused"  // the account's name belongs to someone else now
	HoldMatched     Hold = "matched"      // tied by attributes alone, and some groups could not be read
	HoldReturned    Hold = "returned"     // a push let the account in again, for somebody else perhaps, and not everyone was read
	HoldNoFact      Hold = "no_fact"      // the mapping says inactive, no fact does
	HoldPresumed    Hold = "presumed"     // missing twice, and not looked at by id yet
	HoldCount       Hold = "gate_count"   // more removals than the gate lets pass in a run
	HoldDay         Hold = "gate_day"     // more removals than the gate lets pass in 24 hours
	HoldHalf        Hold = "gate_half"    // more than half of those active
	HoldLast        Hold = "gate_last"    // the last active one
	HoldCreations   Hold = "gate_created" // more creations than a scheduled run may make
	HoldLimit       Hold = "max_accounts" // more accounts than the source may have
	HoldEmptied     Hold = "gate_emptied" // nobody would be left in a group of more than a few
	HoldGroup       Hold = "gate_group"   // more of a group's members than the gate lets pass, or more than half
	HoldMembers     Hold = "gate_members" // more members of all groups together than the gate lets pass
)

var holdTexts = map[Hold]string{
	HoldObserve:     "the source is only observed until somebody has looked",
	HoldPolicy:      "the source's policy is to report only",
	HoldStrangers:   "the people read share nobody with the record",
	HoldUnproven:    "no known person was seen in the pull",
	HoldShrunk:      "far fewer people were read than in the pulls before",
	HoldUnexplained: "nobody at the source explains the account, and nobody says that it should go",
	HoldProtected:   "a protected person",
	HoldReused:      "the account's name belongs to someone else now",
	HoldMatched:     "found by its attributes alone, and somebody who was not read may fit as well",
	HoldReturned:    "let in again by a push since it was deactivated, for somebody who was not read perhaps",
	HoldNoFact:      "the mapping says inactive, but no fact at the source does",
	HoldPresumed:    "missing from several pulls, looked at only when this is approved",
	HoldCount:       "more removals than one run may carry out",
	HoldDay:         "more removals than 24 hours may see",
	HoldHalf:        "more than half of the active people",
	HoldLast:        "nobody would be left active",
	HoldCreations:   "more creations than a scheduled run may carry out",
	HoldLimit:       "more accounts than the source may have",
	HoldEmptied:     "nobody would be left in the group",
	HoldGroup:       "more of the group's members than may go at once",
	HoldMembers:     "more members of all groups together than may go at once",
}

// Text says the hold in words.
func (h Hold) Text() string { return words(holdTexts, h) }

// NoticeKind is the stable code of what a notice is about.
type NoticeKind string

const (
	Conflict    NoticeKind = "conflict"    // person and account cannot be told apart from others
	NameReused  NoticeKind = "name_reused" // link and name lead to different people
	Unexplained NoticeKind = "unexplained" // an active account that nobody at the source explains
	Missing     NoticeKind = "missing"     // assigned, without account, and not to be created
	Shared      NoticeKind = "shared"      // another source of the tenant has the same name
	Refused     NoticeKind = "refused"     // the mapping can't be evaluated for this person
	Absent      NoticeKind = "absent"      // missing from the snapshot; waits to be confirmed
	Unconfirmed NoticeKind = "unconfirmed" // missing for the second time, and nothing positive speaks for a removal
	Unseen      NoticeKind = "unseen"      // missing for the second time, and not looked at in this run
	Unanswered  NoticeKind = "unanswered"  // the provider gave no answer about the person
	Fresh       NoticeKind = "fresh"       // contradicts a recent push; waits for a later run
	Discarded   NoticeKind = "discarded"   // somebody decided that this is to be left alone
	Blocked     NoticeKind = "blocked"     // out of scope, in a run that did not read everyone
	GoneOnce    NoticeKind = "gone_once"   // not there by object id; waits to be confirmed
	Unplaced    NoticeKind = "unplaced"    // whether the person is assigned only a pull can tell
	Moved       NoticeKind = "moved"       // changed while the pull went on
	Pinned      NoticeKind = "pinned"      // an operator's word stands against a change
	Skipped     NoticeKind = "skipped"     // merely unassigned or out of scope, where the source leaves those alone

	Leaving     NoticeKind = "leaving"      // members of a group whom the source's group has not; they wait to be confirmed
	GroupUnread NoticeKind = "group_unread" // a pushed group that could not be compared
	GroupLost   NoticeKind = "group_lost"   // a pushed group that the source did not tell of

	Kept NoticeKind = "kept" // not taken back by an undo
)

var noticeTexts = map[NoticeKind]string{
	Conflict:    "cannot be matched beyond doubt",
	NameReused:  "the name belongs to someone else now",
	Unexplained: "active here, unknown at the source",
	Missing:     "assigned at the source, has no account",
	Shared:      "the same name is in another source of this tenant",
	Refused:     "the mapping cannot be evaluated",
	Absent:      "missing from this pull, waits to be confirmed",
	Unconfirmed: "missing from several pulls, but nothing says the person left",
	Unseen:      "missing from several pulls, not looked at in this one",
	Unanswered:  "could not be read by object id, left for the next run",
	Fresh:       "contradicts a recent push, waits for a later run",
	Discarded:   "left alone because somebody discarded this change",
	Blocked:     "outside the scoping filter, left active because not everyone could be read",
	GoneOnce:    "not found by object id, waits for a later run to find the same",
	Unplaced:    "whether they are assigned, only a pull of everyone can tell",
	Moved:       "changed during the pull, left for the next run",
	Pinned:      "pinned by an operator",
	Skipped:     "no longer assigned or in scope, and left alone as the source's settings say",

	Leaving:     "no longer in the group at the source, waits to be confirmed",
	GroupUnread: "the group's members could not be compared",
	GroupLost:   "the source does not tell of this pushed group, which is left as it is",

	Kept: "not taken back",
}

// Reasons returns all reasons, in order.
func Reasons() []Reason { return slices.Sorted(maps.Keys(reasonTexts)) }

// Holds returns all holds, in order.
func Holds() []Hold { return slices.Sorted(maps.Keys(holdTexts)) }

// NoticeKinds returns all kinds, in order.
func NoticeKinds() []NoticeKind { return slices.Sorted(maps.Keys(noticeTexts)) }

// Text says the notice's kind in words.
func (k NoticeKind) Text() string { return words(noticeTexts, k) }

// words returns the text of a code, or the code itself when a newer program wrote it.
func words[K ~string](texts map[K]string, code K) string {
	if text, ok := texts[code]; ok {
		return text
	}
	return string(code)
}
