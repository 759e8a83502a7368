package okta

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	_ "crypto/sha256" // the hashes that signatures name
	_ "crypto/sha512"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"slices"
	"strings"
	"time"
)

// claims are what a client says of itself.
type claims struct {
	Issuer   string   `json:"iss"`
	Subject  string   `json:"sub"`
	Audience audience `json:"aud"`
	Expires  float64  `json:"exp"`
	Issued   float64  `json:"iat"`
}

// audience is one text or a list of them.
type audience []string

// UnmarshalJSON reads either.
func (a *audience) UnmarshalJSON(b []byte) error {
	var one string
	if err := json.Unmarshal(b, &one); err == nil {
		*a = audience{one}
		return nil
	}
	var all []string
	err := json.Unmarshal(b, &all)
	*a = all
	return err
}

// judge says what is wrong with an assertion, "" when nothing is.
func (s *Service) judge(assertion, endpoint string, now time.Time) string {
	var c claims
	head, payload, signature, ok := split(assertion)
	if !ok || json.Unmarshal(payload, &c) != nil {
		return "The client_assertion is not a valid JWT."
	}
	expires := time.Unix(int64(c.Expires), 0)
	switch signed := assertion[:strings.LastIndexByte(assertion, '.')]; {
	case c.Issuer != s.ClientID || c.Subject != s.ClientID:
		return "Invalid value for 'client_id' parameter: issuer and subject of the client_assertion must be the client."
	case !s.signed(head, signed, signature):
		return "The client_assertion signature is invalid."
	case !slices.Contains(c.Audience, endpoint):
		return "The audience claim for client_assertion must be the endpoint invoked for the request."
	case c.Expires == 0 || !expires.After(now):
		return "The client_assertion token is expired."
	case expires.After(now.Add(time.Hour + clockSlack)):
		return "The client_assertion token has an expiration too far into the future."
	case time.Unix(int64(c.Issued), 0).After(now.Add(clockSlack)):
		return "The client_assertion token was issued in the future."
	}
	return ""
}

// clockSlack is how much clocks may differ.
const clockSlack = 5 * time.Minute

// split takes a compact JWS apart.
func split(assertion string) (head map[string]any, payload, signature []byte, ok bool) {
	parts := strings.Split(assertion, ".")
	if len(parts) != 3 {
		return nil, nil, nil, false
	}
	var raw [3][]byte
	for i, part := range parts {
		b, err := base64.RawURLEncoding.DecodeString(part)
		if err != nil {
			return nil, nil, nil, false
		}
		raw[i] = b
	}
	if json.Unmarshal(raw[0], &head) != nil {
		return nil, nil, nil, false
	}
	return head, raw[1], raw[2], true
}

// hashes of the algorithms that the org takes from a client's key.
var hashes = map[string]crypto.Hash{
	"RS256": crypto.SHA256, "RS384": crypto.SHA384, "RS512": crypto.SHA512, "ES256": crypto.SHA256, "ES384": crypto.SHA384, "ES512": crypto.SHA512,
}

// signed verifies a signature (RFC 7518 §3.3, §3.4) with the registered key.
func (s *Service) signed(head map[string]any, text string, signature []byte) bool {
	algorithm, _ := head["alg"].(string)
	hash, ok := hashes[algorithm]
	if !ok {
		return false
	}
	sum := hash.New()
	sum.Write([]byte(text))
	digest := sum.Sum(nil)
	switch key := s.Key.(type) {
	case *rsa.PublicKey:
		return strings.HasPrefix(algorithm, "RS") && rsa.VerifyPKCS1v15(key, hash, digest, signature) == nil
	case *ecdsa.PublicKey:
		size := (key.Curve.Params().BitSize + 7) / 8
		if !strings.HasPrefix(algorithm, "ES") || len(signature) != 2*size {
			return false
		}
		r, s := new(big.Int).SetBytes(signature[:size]), new(big.Int).SetBytes(signature[size:])
		return ecdsa.Verify(key, digest, r, s)
	}
	return false
}
