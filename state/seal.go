package state

import "context"

// SealKeySize is the length of a seal key in bytes.
const SealKeySize = 32

// Sealer has the key by which files that are written from a record are sealed, so that one that was changed is known.
type Sealer interface {
	// SealKey returns SealKeySize random bytes, made with the record and always the same. A copy of the record has them too.
	SealKey(ctx context.Context) ([]byte, error)
}
