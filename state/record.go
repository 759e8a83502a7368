package state

import (
	"time"

	"github.com/google/uuid"
)

// Scope says whose records are meant: one source of one tenant.
type Scope struct {
	Tenant string
	Source string
}

// Kind tells accounts (SCIM Users) from groups (SCIM Groups).
type Kind uint8

const (
	KindAccount Kind = iota + 1
	KindGroup
)

// String returns the SCIM resource type's name (RFC 7643 §6): "User" or "Group".
func (k Kind) String() string {
	switch k {
	case KindAccount:
		return "User"
	case KindGroup:
		return "Group"
	}
	return "unknown"
}

// ID is the identifier of a resource, minted by us, opaque, never reused and never derived from what an identity provider sent.
type ID string

// NewID mints an identifier: a version 7 UUID, so that neighbours in time are neighbours in an index.
func NewID() ID { return ID(uuid.Must(uuid.NewV7()).String()) }

// Record is one account or group as recorded, with its life.
type Record struct {
	Row      int64 // order of creation within the store; listings follow it
	ID       ID
	Kind     Kind
	Version  int64  // grows by one with each real change, memberships of a group included
	Name     string // what a person reads in lists: displayName, else userName, as sent
	Resource []byte // canonical JSON without id, active, groups, members and meta (see scim.ResourceType.Normalize)

	// Accounts only.
	Said      bool   // active, as the identity provider last told us
	InForce   bool   // active, as it holds for the application
	Staged    bool   // said is waiting for a second witness or an approval before it is in force
	Deletes   bool   // what is staged is a DELETE: once it is in force the account is taken away
	Pinned    bool   // an operator's word stands; no pull and no push changes InForce
	Protected bool   // a removal always waits for an approval
	Link      string // object id of the person at the identity provider; "" when not tied yet
	Stamp     uint64 // hash of mapping and targets when last found in agreement; 0 = never
	Grouped   bool   // false: directly in no group when it was read; true, as of all accounts that Scan finds: ask GroupsOf, which may find none

	CreatedAt  time.Time // UTC, millisecond precision, as all times of the record
	ModifiedAt time.Time
	DeletedAt  time.Time // not zero: a tombstone, invisible to SCIM, its name free again, restorable within the grace period
}

// Ref names a record from another one: a member of a group, or a group of a member.
type Ref struct {
	ID   ID
	Kind Kind
	Name string
}

// IndexRow is the compact form of an account by which the engine compares a whole source without reading resources.
// Its strings are valid only until the callback that receives it returns.
type IndexRow struct {
	Row        int64
	ID         ID
	Version    int64
	Stamp      uint64
	Said       bool
	InForce    bool
	Pinned     bool
	Protected  bool
	Link       string
	UserName   string // folded match key
	ExternalID string
}
