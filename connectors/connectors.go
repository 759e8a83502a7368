// Package connectors is the contract for asking an identity provider what it says now. A connector knows one kind of provider; the
// engine knows only this contract. Nothing here decides: a connector reports facts, and says whether it saw everything.
package connectors

import (
	"context"
	"time"
)

// Connector pulls from one source. It is safe for one pull at a time; Look and Check may run beside it.
type Connector interface {
	// Pull reads everyone who is assigned, or everyone, as want says, page by page. It calls page on the caller's goroutine, any
	// number of times, and never twice with the same person; what it passes is valid only until page returns. An error of page ends
	// the pull and is returned as it is. The Proof is valid with an error too: it says how far the pull came. Without an error and
	// with Proof.Complete, whoever was not passed is not assigned, as far as this snapshot can tell.
	Pull(ctx context.Context, want Want, page func([]Person) error) (Proof, error)

	// Look reads people by object id, directly and batched, and calls found once for each id, in any order, on the caller's
	// goroutine; what it passes may be kept. An error of found ends it and is returned as it is. Any other error means that those
	// not yet reported are unknown, not that they are gone.
	Look(ctx context.Context, want Want, ids []string, found func(Sighting) error) error

	// Check probes credentials, permissions and settings, one finding each, and changes nothing at the provider.
	Check(ctx context.Context) []Finding

	// Identity names the directory and application that this connector is configured for, without asking, and those of its settings
	// that change who is assigned or enabled. A change means that the record was made from another population.
	Identity() string
}

// Everyone and Assigned are the scopes of a pull.
const (
	Assigned = "assigned"
	Everyone = "all"
)

// Want is what a pull has to bring.
type Want struct {
	Scope      string   // Assigned or Everyone
	Attributes []string // source attribute names as the mapping spells them; a Person's Values follow this order

	// Groups, unless nil, is called by Pull with the direct members of the groups that the provider may push to the application: those
	// assigned to it (Entra), those of its push mappings (Okta). It is called on the caller's goroutine, page by page, where possible
	// with pages that are read anyhow; what it gets is valid until it returns, and its error ends the pull and is returned as it is.
	Groups func(GroupPage) error
	// GroupIDs are further groups to read, by object id, where assignment does not name them: with the scope Everyone.
	GroupIDs []string
}

// GroupPage is a part of one group's direct members. Pages of one group follow each other; a group without a Last page was not read
// whole, and says nothing of who is missing from it.
type GroupPage struct {
	ID, Name string   // object id and displayName at the provider
	Members  []string // object ids of people; other kinds of members are left out
	Last     bool
}

// Person is what the provider says now about someone.
type Person struct {
	ID       string // object id: stable for life, never reused
	Account  string // id of our account, where the provider keeps it (an Okta app user's externalId)
	UserName string // what an operator would recognise; never a match key by itself
	Facts    Facts
	Values   []Value // in the order of Want.Attributes
}

// Value is one source attribute's value. The zero Value is null: absent, never the same as "".
type Value struct {
	Present bool
	Text    string   // booleans are "True" and "False"
	List    []string // of a multi-valued attribute, instead of Text
}

// Answer is a fact as it was read. Unknown never removes anybody.
type Answer uint8

const (
	Unknown Answer = iota
	No
	Yes
)

// Facts are the status of a person, each read with its state present or Unknown.
type Facts struct {
	Enabled     Answer // may sign in; No also for the inactive states of an Okta user or app user
	Assigned    Answer // to the application, directly or through a group that was read
	SoftDeleted Answer // Yes only if seen in the recycle bin
	OutOfScope  Answer // outside the source's scoping filters; not a connector's to tell, which leaves it Unknown
	Status      string // the provider's own word, for people to read, e.g. "SUSPENDED"
}

// Sighting is the answer of a direct look-up.
type Sighting struct {
	ID     string
	Gone   bool   // a positive "there is no such object", in the directory and in the recycle bin
	Person Person // unless Gone
}

// Proof says what a pull saw. It is kept with the run. Complete and Unreadable go together: then everyone was seen who is assigned in
// any other way than through the groups that are named.
type Proof struct {
	Complete   bool      `json:"complete"`
	Lost       bool      `json:"lost,omitempty"`       // the application, its consent or its status is gone: the source itself is lost
	Reason     string    `json:"reason,omitempty"`     // when not complete: one plain sentence for the operator
	Failure    string    `json:"failure,omitempty"`    // the kind of error that the provider answered with, in the words of ErrThrottled and its neighbours
	RetryAt    time.Time `json:"retry_at,omitzero"`    // before then the provider does not want to be asked again, where it said so
	Calls      int       `json:"calls"`                // network calls made, retries included
	Pages      int       `json:"pages"`                // pages of people read
	People     int       `json:"people"`               // passed on
	Groups     int       `json:"groups"`               // assigned groups read
	Unreadable []string  `json:"unreadable,omitempty"` // assigned groups whose members could not be read; block only unassigned and out of scope
	Probes     []string  `json:"probes,omitempty"`     // permissions shown to be there, by what was read with them
	Push       *Push     `json:"push,omitempty"`       // the provider's own provisioning of the application; nil: it may not be read
}

// Push is how the provider's own provisioning of the application stands, as far as it may be read: it explains why pushes do not come,
// and what they would do. Nothing is ever removed because of it.
type Push struct {
	State string    `json:"state"`          // one of the Push constants
	Why   string    `json:"why,omitempty"`  // unless PushOn: one plain sentence, with what to do about it
	Since time.Time `json:"since,omitzero"` // of State, where it is told
	Last  time.Time `json:"last,omitzero"`  // the last cycle or push that went well, where it is told

	Scope      string `json:"scope,omitempty"`      // Assigned or Everyone; "" = not told
	Create     Answer `json:"create,omitempty"`     // whether it creates, updates and deactivates (or deletes) accounts
	Update     Answer `json:"update,omitempty"`     //
	Deactivate Answer `json:"deactivate,omitempty"` //
	Failing    int    `json:"failing,omitempty"`    // people and groups whose push is in error, where that is told
}

// Push.State.
const (
	PushOn          = "on"
	PushOff         = "off"         // not set up, or not started
	PushPaused      = "paused"      // stopped by somebody
	PushQuarantined = "quarantined" // slowed down to a crawl, because too much failed
)

// Hinter is a connector that can tell cheaply who has changed since it was last asked. Hints only hurry a look between full pulls: they
// may be late, doubled, out of order or missing, and nothing is ever decided by them.
type Hinter interface {
	// Hints says what has changed since cursor, which an earlier answer gave; "" begins from now on and says nothing. It may run beside
	// a Pull. ErrGone: the cursor is not known any more; begin anew, after a full pull.
	Hints(ctx context.Context, cursor string) (Hints, error)
}

// Hints are what has changed. The cursor is saved by the caller, last, once everything else has been dealt with.
type Hints struct {
	People []string // object ids, each once, sorted: worth a Look
	Pull   bool     // something that only a pull can tell: an assignment, a membership, the application
	Cursor string   // holds no secret; opaque, and of this connector's Identity alone
}

// Finding is one line of a check.
type Finding struct {
	What     string // e.g. "read users (User.Read.All)"
	OK       bool
	Optional bool   // pulls are complete without it
	Mend     string // when not OK: what to do, at which screen
}
