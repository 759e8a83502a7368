package state

import (
	"errors"
	"fmt"
)

// The error vocabulary of every store. Match with errors.Is and errors.As.
var (
	ErrNotFound    = errors.New("not found")
	ErrVersion     = errors.New("the record has changed since it was read")
	ErrLeased      = errors.New("another process is working on this source")
	ErrStaleEpoch  = errors.New("the lease on this source has passed to another process")
	ErrNewerSchema = errors.New("the database was written by a newer rollcall; use that version, or restore a backup")
	ErrOlderSchema = errors.New("the database was written by an older rollcall; run 'rollcall migrate' or 'rollcall serve' to upgrade it")
	ErrTenantFixed = errors.New("a source's tenant is fixed at its first use")
	ErrKeyLimit    = errors.New("a source has at most two live keys; revoke one first")
	ErrPinned      = errors.New("the account is pinned by an operator")
	ErrClosed      = errors.New("the store is closed")
	ErrMutation    = errors.New("malformed mutation") // it contradicts itself or its kind: a fault of the caller, never of what was sent
)

// UniqueError says that another record of the source already holds a value that must be unique.
type UniqueError struct {
	Key    MatchKey
	Holder ID
}

func (e *UniqueError) Error() string {
	return fmt.Sprintf("another %s of this source already has this %s", e.Key.Name.kind(), e.Key.Name)
}

// MemberError says that a member named in a change is no record of the group's source.
type MemberError struct{ ID ID }

func (e *MemberError) Error() string {
	return fmt.Sprintf("no user or group of this source has the id %q", string(e.ID))
}
