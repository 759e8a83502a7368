package console

import (
	"context"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"time"
)

// setupLife is how long a set-up link is good for.
const setupLife = 72 * time.Hour

// setupKey is what set-up links are signed with. It is derived from the record's seal key, so that a link is good in every process that
// shares the record, and nothing of it is kept.
type setupKey []byte

func (c *Console) setupKey(ctx context.Context) (setupKey, error) {
	seal, err := c.Store.SealKey(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the seal key: %w", err)
	}
	return hkdf.Key(sha256.New, seal, nil, "rollcall set-up links", sha256.Size)
}

func (k setupKey) sum(purpose string, message []byte) []byte {
	mac := hmac.New(sha256.New, k)
	mac.Write([]byte(purpose + "\x00"))
	mac.Write(message)
	return mac.Sum(nil)
}

// sign makes the token of a link: the invite's id and its end, with an HMAC-SHA-256 of both, in base64url.
func (k setupKey) sign(id string, expires time.Time) string {
	message := binary.BigEndian.AppendUint64(nil, uint64(expires.Unix()))
	message = append(message, id...)
	return base64.RawURLEncoding.EncodeToString(append(message, k.sum("link", message)...))
}

// read returns what a token says, if it is one of ours, byte for byte. Whether its time is over is not asked here.
func (k setupKey) read(token string) (id string, expires time.Time, ok bool) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || len(raw) <= 8+sha256.Size || base64.RawURLEncoding.EncodeToString(raw) != token { // the decoder passes over line breaks
		return "", time.Time{}, false
	}
	message, sum := raw[:len(raw)-sha256.Size], raw[len(raw)-sha256.Size:]
	if !hmac.Equal(sum, k.sum("link", message)) {
		return "", time.Time{}, false
	}
	return string(message[8:]), time.Unix(int64(binary.BigEndian.Uint64(message)), 0).UTC(), true
}

// form is what the form on an invite's page carries: whoever has not read the page does not know it.
func (k setupKey) form(id string) string {
	return base64.RawURLEncoding.EncodeToString(k.sum("form", []byte(id)))
}
