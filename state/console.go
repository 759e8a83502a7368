package state

import (
	"context"
	"crypto/sha256"
	"errors"
	"time"
)

// ErrUsed says that something that works once has been used, has expired or was withdrawn.
var ErrUsed = errors.New("used already, expired or withdrawn")

// Role is how much somebody may do in the console.
type Role string

const (
	RoleViewer   Role = "viewer"   // sees everything and changes nothing
	RoleOperator Role = "operator" // approves, discards, undoes, issues keys
)

// Operator is somebody who may sign in to the console.
type Operator struct {
	Name       string // as the journal names them; often a mail address
	Role       Role
	Password   string // argon2id in the PHC string format; "" = none
	Identity   string // issuer and subject at an OpenID provider, tied at the first sign-in; "" = none yet
	CreatedAt  time.Time
	DisabledAt time.Time // zero: may sign in
}

// TokenHash is the SHA-256 of a random token of 256 bits: of a session, or of a sign-in link. The token itself is never kept.
type TokenHash [sha256.Size]byte

// Session is somebody signed in.
type Session struct {
	Hash      TokenHash
	Operator  string
	CreatedAt time.Time
	ExpiresAt time.Time
}

// Operators keeps who may use the console.
type Operators interface {
	// PutOperator keeps an operator in place of the one of that name. One who is disabled loses all sessions and sign-in links, and stays
	// disabled until they are made anew: ErrVersion for one who is not and was created before that, as read a moment too early.
	PutOperator(ctx context.Context, operator Operator) error
	// Operator returns one by name, or ErrNotFound.
	Operator(ctx context.Context, name string) (Operator, error)
	// ListOperators lists all by name.
	ListOperators(ctx context.Context) ([]Operator, error)
	// PutSignInLink keeps a link by which an operator signs in once; ErrNotFound without such an operator, or if they are disabled.
	PutSignInLink(ctx context.Context, hash TokenHash, operator string, expires time.Time) error
	// UseSignInLink uses a link up and returns whose it was, or ErrUsed. Of two uses at the same time one succeeds.
	UseSignInLink(ctx context.Context, hash TokenHash) (Operator, error)
}

// Sessions keeps who is signed in. A restart signs nobody out.
type Sessions interface {
	// PutSession keeps a session; ErrNotFound without such an operator, or if they are disabled.
	PutSession(ctx context.Context, session Session) error
	// Session returns an unexpired session with its operator, who is not disabled, or ErrNotFound. It writes nothing.
	Session(ctx context.Context, hash TokenHash) (Session, Operator, error)
	// ListSessions lists the unexpired ones of all operators, the newest first.
	ListSessions(ctx context.Context) ([]Session, error)
	// DropSession ends one; none is no error. Expired ones go with it.
	DropSession(ctx context.Context, hash TokenHash) error
	// DropSessionsOf ends all of an operator.
	DropSessionsOf(ctx context.Context, operator string) error
}

// Invite is a set-up page handed to a customer's administrator: bound to one source, for a time, with one key to be had from it.
type Invite struct {
	ID          string
	Scope       Scope
	CreatedBy   string
	CreatedAt   time.Time
	ExpiresAt   time.Time
	WithdrawnAt time.Time // zero: it stands
	KeyID       string    // of the key that was issued through it; "" = none yet
}

// Invites keeps set-up pages.
type Invites interface {
	// PutInvite keeps a new one; ErrNotFound without such a source.
	PutInvite(ctx context.Context, invite Invite) error
	// Invite returns one by id, whatever has become of it, or ErrNotFound.
	Invite(ctx context.Context, id string) (Invite, error)
	// ListInvites returns a source's, the newest first.
	ListInvites(ctx context.Context, scope Scope) ([]Invite, error)
	// ClaimInvite keeps a new key of the invite's source and notes it in the invite, both or neither. ErrUsed if the invite is expired or
	// withdrawn or has a key already, of two claims at the same time the second one's; ErrKeyLimit as PutKey.
	ClaimInvite(ctx context.Context, id string, key Key) error
	// WithdrawInvite ends one; it keeps its key.
	WithdrawInvite(ctx context.Context, id string) error
}

// Deed is something that somebody did through the console or a command and that changes no account or group by itself: changes of
// those are in the journal, with the same name as actor.
type Deed struct {
	Number  int64 // the store's
	At      time.Time
	Actor   string // operator's name; "" = nobody is known, as of a sign-in that failed
	What    string // stable code, such as "key_issued"
	Scope   Scope  // zero: of no source
	Subject string // id of what it was done to: plan, run, key, invite or operator
	Note    string // never a secret
}

// Deeds keeps what operators did.
type Deeds interface {
	// NoteDeed keeps a deed, of now if it has no time; ErrNotFound if its scope is no source.
	NoteDeed(ctx context.Context, deed Deed) error
	// ListDeeds returns the newest first, those with a number below before (0 = from the newest); a zero scope means all.
	ListDeeds(ctx context.Context, scope Scope, before int64, limit int) ([]Deed, error)
}

// ListOrder is what a list is sorted by.
type ListOrder string

const (
	OrderName    ListOrder = "name"    // folded userName of accounts, displayName of groups
	OrderCreated ListOrder = "created" // row order
)

// Show picks from a list.
type Show string

const (
	ShowLive      Show = ""          // all but deleted ones
	ShowActive    Show = "active"    // accounts in force
	ShowInactive  Show = "inactive"  // accounts not in force
	ShowStaged    Show = "staged"    // accounts that wait for a second witness or an approval
	ShowPinned    Show = "pinned"    // accounts
	ShowProtected Show = "protected" // accounts
	ShowDeleted   Show = "deleted"   // tombstones; always in row order
)

// Listing is a question for one page of accounts or groups of any number of sources.
type Listing struct {
	Scopes     []Scope // whose; none = nobody's
	Kind       Kind
	Show       Show
	Reason     string // accounts that went out of force last for this Cause.Reason, and still are; the newest first, whatever Order says
	Order      ListOrder
	Descending bool
	After      string // the Next of the page before, ErrNotFound if it is none; "" = from the beginning
	Limit      int
}

// Listed is a record in a list.
type Listed struct {
	Scope  Scope
	Record Record
	Last   Cause // of its newest change that is kept; zero if none is
	LastAt time.Time
}

// Page is one page of a list.
type Page struct {
	Rows []Listed
	Next string // "" = there is no more; it holds ids and numbers only, no personal data
}

// Lister lists across sources. A page is of one moment, and the next one goes on behind where the last row stood then, whatever has become
// of it since. The cost of a page is bounded by its Limit and the number of sources, not by that of the records, apart from ShowActive of a source with
// few active accounts, ShowStaged, ShowPinned and ShowProtected by name, which sort all of these, and a Reason for which most came back.
type Lister interface {
	List(ctx context.Context, listing Listing) (Page, error)
	// Locate returns whose record has an id, tombstones included, or ErrNotFound.
	Locate(ctx context.Context, id ID) (Scope, Kind, error)
	// Search finds live accounts and groups of all sources by what people call them: the beginnings of the words of their names,
	// userNames, mail addresses and telephone numbers, all of the text's words in any order, without case and accents; and ids, external
	// ids and object ids whole. First those of whom an id, userName, mail address or name is just the text, then the others, each by
	// name; none of the others when the text is a mail address that somebody has. Of more than a thousand others, the first made. What
	// was changed within the last moments is found by its keys, and by its words once Digest has come to it.
	Search(ctx context.Context, text string, limit int) ([]Listed, error)
}

// Seats reads who is in groups by the page.
type Seats interface {
	// MembersAfter returns the members of a group that joined behind a place (0 = from the beginning), in order of joining, at most limit,
	// and the place where the next page begins; 0 = there is no more. ErrNotFound if there is no such group.
	MembersAfter(ctx context.Context, scope Scope, group ID, after int64, limit int) (members []Ref, next int64, err error)
	// CountMembers counts the members of those groups that are there, of each no further than limit; 0 = all.
	CountMembers(ctx context.Context, scope Scope, groups []ID, limit int) (map[ID]int, error)
}

// Day is what happened to a source on one day, UTC.
type Day struct {
	Scope    Scope
	Date     time.Time // its beginning
	Pushes   int       // changes that the provider pushed
	Found    int       // drift found by pulls: changes planned (Run.Found), of each run anew
	Repaired int       // changes made by pulls and approvals
	Removals int       // accounts that went out of force
}

// Digests keeps what is derived from the journal for those who look: the index that Search uses, and the sums of days. Nothing is decided by
// them. Days stay with the source in which they were counted, though its records be moved.
type Digests interface {
	// Digest takes in some of what is new in the journal and among the runs, as bulk work, and tells whether there is more. One that is
	// interrupted is taken up where it was.
	Digest(ctx context.Context) (more bool, err error)
	// Days returns the days since a time on which anything happened, by source, then date.
	Days(ctx context.Context, since time.Time) ([]Day, error)
}

// RunHeads lists runs without their reports.
type RunHeads interface {
	// RunHeads returns runs, the newest first, those before the one with the id given ("" = from the newest; ErrNotFound if there is
	// none such); a zero scope means all sources; outcome "" means any. Report is left out.
	RunHeads(ctx context.Context, scope Scope, outcome, before string, limit int) ([]Run, error)
	// PlanHeads does the same for plans; Body is left out. status "" means any.
	PlanHeads(ctx context.Context, scope Scope, status PlanStatus, before string, limit int) ([]HeldPlan, error)
}

// RequestQuery asks for requests, the newest first.
type RequestQuery struct {
	Scope  Scope // zero: all sources
	Failed bool  // only those with a status of 400 or more
	Before string
	Limit  int
}

// RequestHeads lists requests without body and answer; ErrNotFound if the one that it is to begin before is kept no longer.
type RequestHeads interface {
	RequestHeads(ctx context.Context, query RequestQuery) ([]Request, error)
}
