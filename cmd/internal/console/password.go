package console

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"golang.org/x/crypto/argon2"
)

// The cost of a password, by OWASP's Password Storage Cheat Sheet: argon2id with 19 MiB, two passes and one lane.
const (
	argonMemory = 19 * 1024 // KiB
	argonPasses = 2
	argonLanes  = 1
	argonSalt   = 16 // bytes
	argonKey    = 32 // bytes
)

// The length of a password: at least minPassword characters (NIST SP 800-63B asks for 8 where there is a second factor, and here is
// none), and no more bytes than a form may well hold.
const (
	minPassword = 12
	maxPassword = 1024
)

// HashPassword returns what is kept of an operator's password, in the PHC string format.
func HashPassword(password string) string {
	var salt [argonSalt]byte
	_, _ = rand.Read(salt[:]) // never fails
	h := argonHash{memory: argonMemory, passes: argonPasses, lanes: argonLanes, salt: salt[:]}
	h.key = h.of(password)
	return h.String()
}

// CheckPassword says what is wrong with a new password for an operator, and the mend; nil if nothing is.
func CheckPassword(name, password string) error {
	switch {
	case !utf8.ValidString(password):
		return errors.New("the password is not text in UTF-8")
	case utf8.RuneCountInString(password) < minPassword:
		return fmt.Errorf("the password is shorter than %d characters; a few words in a row make a good one", minPassword)
	case len(password) > maxPassword:
		return fmt.Errorf("the password is longer than %d bytes", maxPassword)
	case strings.EqualFold(password, name):
		return errors.New("the password is the operator's name; choose another")
	}
	return nil
}

// argonHash is a password's hash with its salt and its cost.
type argonHash struct {
	memory, passes uint32
	lanes          uint8
	salt, key      []byte
}

func (h argonHash) of(password string) []byte {
	return argon2.IDKey([]byte(password), h.salt, h.passes, h.memory, h.lanes, argonKey)
}

// String writes the PHC string format: $argon2id$v=19$m=19456,t=2,p=1$salt$key.
func (h argonHash) String() string {
	b64 := base64.RawStdEncoding
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version, h.memory, h.passes, h.lanes, b64.EncodeToString(h.salt), b64.EncodeToString(h.key))
}

var errPasswordHash = errors.New("is no argon2id hash in the PHC string format")

// parseArgon reads what String writes. Costs far beyond the usual are refused: a hash must not be able to take the machine's memory.
func parseArgon(text string) (argonHash, error) {
	parts := strings.Split(text, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return argonHash{}, errPasswordHash
	}
	var h argonHash
	if _, err := fmt.Sscanf(parts[3], "m=%d,t=%d,p=%d", &h.memory, &h.passes, &h.lanes); err != nil {
		return argonHash{}, errPasswordHash
	}
	var saltErr, keyErr error
	h.salt, saltErr = base64.RawStdEncoding.Strict().DecodeString(parts[4])
	h.key, keyErr = base64.RawStdEncoding.Strict().DecodeString(parts[5])
	switch {
	case saltErr != nil || keyErr != nil || len(h.salt) < 8 || len(h.salt) > 64 || len(h.key) != argonKey,
		h.lanes < 1 || h.lanes > 16 || h.passes < 1 || h.passes > 16 || h.memory < 8*uint32(h.lanes) || h.memory > 256*1024,
		h.String() != text:
		return argonHash{}, errPasswordHash
	}
	return h, nil
}

// maxVerifying is how many passwords are verified at once: each takes 19 MiB.
const maxVerifying = 2

// passwords verifies passwords, a few at a time.
type passwords struct {
	slots chan struct{}
}

func newPasswords() *passwords { return &passwords{slots: make(chan struct{}, maxVerifying)} }

// decoy is what a password is held against where there is none, so that it takes as long.
var decoy = argonHash{memory: argonMemory, passes: argonPasses, lanes: argonLanes, salt: make([]byte, argonSalt), key: make([]byte, argonKey)}

// verify tells whether a password has a hash. It takes the same time whether there is a hash or none, and waits for its turn; the error
// is that nobody waits any more.
func (p *passwords) verify(ctx context.Context, hash, password string) (bool, error) {
	select {
	case p.slots <- struct{}{}:
		defer func() { <-p.slots }()
	case <-ctx.Done():
		return false, ctx.Err()
	}
	h, err := parseArgon(hash)
	if err != nil {
		h = decoy
	}
	same := subtle.ConstantTimeCompare(h.of(password), h.key) == 1
	return same && err == nil, nil
}
