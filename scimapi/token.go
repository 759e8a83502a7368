package scimapi

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"strings"
	"sync"
	"time"

	"rollcall/state"
)

// Access tokens of OAuth 2.0 (RFC 6749 §4.4) stand for the key they were got with, for an hour. They are sealed rather than kept, so
// that getting and showing one writes nothing: the seal is made with a secret of the server and the hash of the key. Without the key's
// row no seal can be checked and a row that is revoked opens nothing, so a revoked key takes its tokens with it at once; and the record
// alone, or a stolen copy of it, cannot make one.

// TokenLife is how long an access token is good for; Entra's gallery wants one to six hours.
const TokenLife = time.Hour

const (
	tokenPrefix = "rollcall_at_" // recognisable by secret scanners
	minSecret   = 32
)

// tokens seals access tokens and opens them.
type tokens struct {
	path   string
	secret []byte
}

// processSecret is drawn once, so that a handler that takes another's place knows its tokens.
var processSecret = sync.OnceValue(func() []byte {
	secret := make([]byte, minSecret)
	rand.Read(secret)
	return secret
})

func newTokens(path string, secret []byte) (tokens, error) {
	if secret == nil {
		secret = processSecret()
	}
	if len(secret) < minSecret {
		return tokens{}, fmt.Errorf("scimapi: the token secret has %d bytes; give it at least %d random ones", len(secret), minSecret)
	}
	return tokens{path: path, secret: secret}, nil
}

func isToken(text string) bool { return strings.HasPrefix(text, tokenPrefix) }

// issue makes an access token of a key.
func (t tokens) issue(key state.Key, until time.Time) string {
	claim := binary.BigEndian.AppendUint64(nil, uint64(until.Unix()))
	claim = append(claim, strings.Join([]string{key.ID, key.Scope.Source, key.Scope.Tenant}, "\x00")...)
	return tokenPrefix + base64.RawURLEncoding.EncodeToString(append(t.seal(key, claim), claim...))
}

// seal is what only the server can make of a claim, and only while it has the key's row.
func (t tokens) seal(key state.Key, claim []byte) []byte {
	own := hmac.New(sha256.New, t.secret)
	own.Write([]byte("access token "))
	own.Write(key.Hash[:])
	seal := hmac.New(sha256.New, own.Sum(nil))
	seal.Write(claim)
	return seal.Sum(nil)
}

// key returns the key that an access token stands for, or ErrNotFound for what is no token, or no longer one.
func (t tokens) key(ctx context.Context, store KeyStore, text string, now time.Time) (state.Key, error) {
	data, err := base64.RawURLEncoding.DecodeString(text[len(tokenPrefix):])
	if err != nil || len(data) < sha256.Size+8 {
		return state.Key{}, state.ErrNotFound
	}
	seal, claim := data[:sha256.Size], data[sha256.Size:]
	names := strings.Split(string(claim[8:]), "\x00")
	if len(names) != 3 || now.Unix() >= int64(binary.BigEndian.Uint64(claim)) {
		return state.Key{}, state.ErrNotFound
	}
	keys, err := store.ListKeys(ctx, state.Scope{Source: names[1], Tenant: names[2]})
	if err != nil {
		return state.Key{}, err
	}
	for _, key := range keys {
		if key.ID == names[0] && hmac.Equal(seal, t.seal(key, claim)) {
			return key, nil
		}
	}
	return state.Key{}, state.ErrNotFound
}
