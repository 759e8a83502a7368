package state

import (
	"time"

	"rollcall/state/scim"
)

// Mutation is one unit of change to one resource, as plain data. The parts that are set are carried out together or not at all.
// The store checks it inside its transaction, gives version, time and journal number, and journals only what really changed;
// a mutation that changes nothing writes nothing and leaves no entry.
type Mutation struct {
	Scope Scope
	Kind  Kind
	ID    ID
	Epoch int64 // of the source's lease; 0 for pushes, which hold none. A stale one is refused with ErrStaleEpoch.

	Put     *Put
	Members *Members
	Life    *Life

	// Stamp is what the Stamp of an account becomes if the mutation changes it: whoever makes an account agree with its mapping need not
	// find out that it does. After a change without one it is 0.
	Stamp uint64

	// Gate, unless nil, is asked before an account that is in force is put out of force or taken away; what it holds is refused with
	// ErrHeld.
	Gate Gate

	Cause   Cause
	Request *Request // the redacted push behind it, kept only if the mutation changed something
}

// Put writes a resource whole.
type Put struct {
	// Base is the version the resource was read at; 0 creates it. Anything else than the present version is ErrVersion.
	Base int64
	// Resource is in canonical form. Its active attribute, where present, counts as Life.Said, which goes first; an account made
	// without either is active. Its id, groups, members and meta are left out.
	Resource scim.Value
}

// Members changes who is in a group. It names no version, so that changes to different members commute. Adding one who is there
// and removing one who is not are no changes; who is named in both is added. Whoever is added must be a record of the same scope, or
// the mutation fails with *MemberError. When a member is deleted, purged or restored, each group that it is in changes too, with its
// own version and journal entry, in the same transaction and right behind the member's.
type Members struct {
	Set    bool // first remove everyone who is not in Add
	Add    []ID
	Remove []ID
}

// Life changes what is true of a record beside its attributes. Nil fields stay as they are. All but Base and Remove are for accounts
// only. A pin gives way to operators and undo alone: of a push, what it says is noted and not in force; everything else that would
// change what is said, in force or pinned, or take the account away, is ErrPinned. When a pin ends, what was said is in force again.
//
// A push, a pull or an approval that puts an account out of force of which a DELETE is staged is RemoveDelete, whatever else it would
// change: what was pushed comes into force in one step, or not at all.
type Life struct {
	Base      int64 // as Put.Base, when not 0: the version this was decided on
	Said      *bool // in force at once too, unless Stage or a pin stands against it
	Stage     bool  // with Said: not yet in force
	Deletes   bool  // with Stage and false Said: it is a DELETE that waits; without, what waits is none
	InForce   *bool // an approval's or an operator's word; ends staging; may differ from what is said only together with a pin; an undo's with Stage too
	Pinned    *bool
	Protected *bool
	Link      *string // *UniqueError when another live account of the source has it
	Remove    Removal
}

// Removal is how far a record is taken away.
type Removal uint8

const (
	RemoveNothing Removal = iota
	RemoveDelete          // a pushed DELETE: a tombstone, inactive; its name is free, its memberships are kept aside
	RemovePurge           // gone for good, the tombstone too; memberships as well
	RemoveRestore         // a tombstone comes back, unless its name or link has been taken (*UniqueError); inactive, unless Said
)

// Cause says why a mutation happened. It is kept in the journal.
type Cause struct {
	Kind   CauseKind
	Actor  string // key id for a push, "schedule" or an operator's name for a pull
	Run    string // of a pull
	Reason string // stable code such as "disabled_at_source"; see sync/plan
	Note   string // an operator's words
}

// CauseKind is the way a change came in.
type CauseKind string

const (
	CausePush     CauseKind = "push"
	CausePull     CauseKind = "pull"
	CauseApproval CauseKind = "approval" // a held plan that someone approved; does not count against the gate
	CauseOperator CauseKind = "operator"
	CauseUndo     CauseKind = "undo"
)

// Result is what became of one mutation.
type Result struct {
	Err     error  // this mutation was refused; its neighbours were not
	Changed bool   // false: the record already was so
	Number  int64  // of the journal entry, when Changed
	Record  Record // as it is now, without error; zero after RemovePurge
}

// Urgency tells the writer whose turn it is.
type Urgency uint8

const (
	Urgent Urgency = iota // a caller waits: goes first and shares the next commit with all others that wait
	Bulk                  // many at once: small commits with pauses between them, so that callers and other processes get in
)

// Verb is the kind of change that a journal entry records.
type Verb string

const (
	VerbCreate     Verb = "create"
	VerbUpdate     Verb = "update"
	VerbDeactivate Verb = "deactivate"
	VerbReactivate Verb = "reactivate"
	VerbMembers    Verb = "members"
	VerbLife       Verb = "life" // link, pin, protection, staging
	VerbDelete     Verb = "delete"
	VerbPurge      Verb = "purge"
	VerbRestore    Verb = "restore"
)

// Entry is one line of the journal. Numbers are per tenant and in commit order: whoever has read to N never meets a smaller one later.
type Entry struct {
	Number  int64
	Scope   Scope
	At      time.Time
	Kind    Kind
	ID      ID
	Name    string
	Verb    Verb // the weightiest of what changed: a deactivation that also renames is "deactivate"
	Version int64
	Cause   Cause
	Request string // id of the kept Request, if any
	Before  []byte // JSON object of the attributes that changed, as they were; see Diff
	After   []byte // and as they are
}

// Request is a push as it is kept for explanation: no password, no key, bounded in size.
type Request struct {
	ID     string // the caller's, unique; NewID makes one
	Scope  Scope
	At     time.Time
	KeyID  string
	Method string
	Path   string
	Status int
	Detail string // of the SCIM error
	Body   []byte
	Answer []byte
}
