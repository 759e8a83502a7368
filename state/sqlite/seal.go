package sqlite

import (
	"context"
	"slices"
)

const sealKey = `SELECT key FROM seal`

// SealKey reads the record's key.
func (r *Reader) SealKey(ctx context.Context) (key []byte, err error) {
	err = r.get(ctx, func(row row) { key = slices.Clone(row.bytes(0)) }, sealKey)
	return key, err
}
