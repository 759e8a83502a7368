package statetest

import (
	"bytes"
	"context"
	"crypto/rand"
	"slices"
	"testing"

	"rollcall/state"
)

func newSealKey() []byte {
	key := make([]byte, state.SealKeySize)
	rand.Read(key)
	return key
}

func (m *Model) SealKey(ctx context.Context) ([]byte, error) { return slices.Clone(m.seal), ctx.Err() }

func (f *faulty) SealKey(ctx context.Context) ([]byte, error) {
	return get(f, "SealKey", func() ([]byte, error) { return f.store.SealKey(ctx) })
}

// testSealKey: it is always the same, random, and nobody's to change.
func testSealKey(t *testing.T, f *fixture) {
	key, err := f.SealKey(t.Context())
	if err != nil || len(key) != state.SealKeySize || bytes.Count(key, key[:1]) == len(key) {
		t.Fatalf("SealKey = %d bytes, %v", len(key), err)
	}
	kept := slices.Clone(key)
	clear(key)
	if again, err := f.SealKey(t.Context()); err != nil || !bytes.Equal(again, kept) {
		t.Errorf("SealKey the second time is another one, %v", err)
	}
}
