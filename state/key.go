package state

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"encoding/hex"
	"errors"
	"hash/crc32"
	"strings"
	"time"
)

// Key is a bearer key issued to a source. The secret itself is never kept, only its hash.
type Key struct {
	ID         string // names the key in lists, logs and the journal; not secret
	Scope      Scope
	Hash       KeyHash
	Label      string
	CreatedAt  time.Time
	ExpiresAt  time.Time // zero: never
	RevokedAt  time.Time // zero: live
	LastUsedAt time.Time // written at most once a minute
}

// Live tells whether the key opens anything at the time given.
func (k Key) Live(at time.Time) bool {
	return k.RevokedAt.IsZero() && (k.ExpiresAt.IsZero() || at.Before(k.ExpiresAt))
}

// KeyHash is the SHA-256 of a key's text. 256 bits of entropy need no salt and no slow hash.
type KeyHash [sha256.Size]byte

const (
	keyPrefix   = "rollcall_" // recognisable by secret scanners
	keyBytes    = 32
	keyChecksum = 4
)

var keyEncoding = base32.StdEncoding.WithPadding(base32.NoPadding)

// ErrKeyFormat says that a text is not a key, most often because it was cut when copied. It never says what the text was.
var ErrKeyFormat = errors.New("not a rollcall key: the checksum does not fit")

// NewKey mints a key: its text, to be shown once, and the row to keep. The text is the prefix, 256 random bits and a checksum.
func NewKey(scope Scope) (text string, key Key) {
	var raw [keyBytes + keyChecksum]byte
	rand.Read(raw[:keyBytes])
	sum := crc32.ChecksumIEEE(raw[:keyBytes])
	for i := range keyChecksum {
		raw[keyBytes+i] = byte(sum >> (8 * i))
	}
	text = keyText(raw[:])
	hash := KeyHash(sha256.Sum256([]byte(text)))
	return text, Key{ID: hex.EncodeToString(hash[:4]), Scope: scope, Hash: hash}
}

// ParseKey checks the form and checksum of a key's text and returns the hash to look it up by. There is one way to write a key.
func ParseKey(text string) (KeyHash, error) {
	encoded, _ := strings.CutPrefix(text, keyPrefix)
	raw, err := keyEncoding.DecodeString(strings.ToUpper(encoded))
	if err != nil || len(raw) != keyBytes+keyChecksum || keyText(raw) != text {
		return KeyHash{}, ErrKeyFormat
	}
	sum := crc32.ChecksumIEEE(raw[:keyBytes])
	for i := range keyChecksum {
		if raw[keyBytes+i] != byte(sum>>(8*i)) {
			return KeyHash{}, ErrKeyFormat
		}
	}
	return sha256.Sum256([]byte(text)), nil
}

func keyText(raw []byte) string { return keyPrefix + strings.ToLower(keyEncoding.EncodeToString(raw)) }
