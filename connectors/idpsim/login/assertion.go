package login

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"rollcall/connectors/idpsim/internal/wire"
)

// assertion is a JWT that a client proves itself with.
type assertion struct {
	head struct {
		Alg    string   `json:"alg"`
		SHA1   string   `json:"x5t"`
		SHA256 string   `json:"x5t#S256"`
		Chain  []string `json:"x5c"`
	}
	claims struct {
		Issuer    string          `json:"iss"`
		Subject   string          `json:"sub"`
		Audience  json.RawMessage `json:"aud"`
		Expires   int64           `json:"exp"`
		NotBefore int64           `json:"nbf"`
	}
	audience  []string
	signed    string
	signature []byte
}

func parseAssertion(text string) (*assertion, error) {
	parts := strings.Split(text, ".")
	if len(parts) != 3 {
		return nil, errors.New("there are not three parts")
	}
	a := &assertion{signed: parts[0] + "." + parts[1]}
	for i, into := range []any{&a.head, &a.claims} {
		b, err := base64.RawURLEncoding.DecodeString(parts[i])
		if err == nil {
			err = json.Unmarshal(b, into)
		}
		if err != nil {
			return nil, fmt.Errorf("part %d cannot be read", i+1)
		}
	}
	var one string
	switch {
	case json.Unmarshal(a.claims.Audience, &one) == nil:
		a.audience = []string{one}
	case json.Unmarshal(a.claims.Audience, &a.audience) != nil:
		return nil, errors.New("there is no audience")
	}
	var err error
	a.signature, err = base64.RawURLEncoding.DecodeString(parts[2])
	return a, err
}

// verify checks the signature.
func (a *assertion) verify(key *rsa.PublicKey) error {
	sum := sha256.Sum256([]byte(a.signed))
	switch a.head.Alg {
	case "RS256":
		return rsa.VerifyPKCS1v15(key, crypto.SHA256, sum[:], a.signature)
	case "PS256":
		return rsa.VerifyPSS(key, crypto.SHA256, sum[:], a.signature, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash})
	}
	return fmt.Errorf("the algorithm %q is not supported", a.head.Alg)
}

// assertionType is the only kind of assertion there is (RFC 7523 §2.2).
const assertionType = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

// skew is how far clocks may differ.
const skew = 5 * time.Minute

// checkAssertion says what is wrong with a client assertion; nil is nothing.
func (s *Server) checkAssertion(r *http.Request, text string) *refusal {
	if r.PostForm.Get("client_assertion_type") != assertionType {
		return &noProof
	}
	a, err := parseAssertion(text)
	if err != nil {
		return because(badJWT, err.Error())
	}
	now := s.options.Now()
	switch late, early := time.Unix(a.claims.Expires, 0).Add(skew), time.Unix(a.claims.NotBefore, 0).Add(-skew); {
	case a.claims.Issuer != s.options.Client:
		return s.checkFederated(a, now.After(late))
	case a.claims.Subject != s.options.Client:
		return &badIssuer
	case !s.ours(r, a.audience):
		return because(badAudience, strings.Join(a.audience, ", "))
	case now.After(late) || now.Before(early):
		return &badTime
	}
	return s.checkCertificate(a)
}

// ours says whether an audience is this token endpoint, or this issuer. The scheme makes no difference: clients say https, whether or not
// the simulation is behind TLS.
func (s *Server) ours(r *http.Request, audience []string) bool {
	plain := func(address string) string {
		_, rest, _ := strings.Cut(address, "://")
		return rest
	}
	base := plain(wire.Base(r)) + "/" + s.options.Tenant
	return slices.ContainsFunc(audience, func(one string) bool {
		one = plain(one)
		return strings.EqualFold(one, base+"/oauth2/v2.0/token") || strings.EqualFold(one, base+"/v2.0")
	})
}

// checkCertificate finds the registered certificate that an assertion names by its thumbprint.
func (s *Server) checkCertificate(a *assertion) *refusal {
	at := slices.IndexFunc(s.options.Certificates, a.names)
	if at < 0 {
		return because(noKey, "The key was not found")
	}
	certificate := s.options.Certificates[at]
	key, ok := certificate.PublicKey.(*rsa.PublicKey)
	switch {
	case !ok || a.verify(key) != nil:
		return because(noKey, "The signature does not match the key")
	case s.options.Now().After(certificate.NotAfter):
		return because(noKey, "The key used is expired")
	case len(a.head.Chain) > 0 && a.head.Chain[0] != base64.StdEncoding.EncodeToString(certificate.Raw):
		return because(noKey, "The chain begins with another certificate")
	}
	return nil
}

// names says whether the assertion's thumbprint is that of a certificate.
func (a *assertion) names(certificate *x509.Certificate) bool {
	old, sum := sha1.Sum(certificate.Raw), sha256.Sum256(certificate.Raw)
	return thumbprint(a.head.SHA256, sum[:]) || thumbprint(a.head.SHA1, old[:])
}

// thumbprint compares a thumbprint as it is written, in either alphabet of base64 and with padding or without, as client libraries
// do not agree on it.
func thumbprint(text string, sum []byte) bool {
	text = strings.NewReplacer("+", "-", "/", "_", "=", "").Replace(text)
	return text == encode(sum)
}

// checkFederated finds who vouches for an assertion.
func (s *Server) checkFederated(a *assertion, late bool) *refusal {
	at := slices.IndexFunc(s.options.Federated, func(f Federation) bool {
		audience := f.Audience
		if audience == "" {
			audience = "api://AzureADTokenExchange"
		}
		return f.Issuer == a.claims.Issuer && f.Subject == a.claims.Subject && slices.Contains(a.audience, audience)
	})
	switch {
	case at < 0:
		return because(noFederation, fmt.Sprintf("Assertion Issuer: '%s'. Assertion Subject: '%s'. Assertion Audience: '%s'.",
			a.claims.Issuer, a.claims.Subject, strings.Join(a.audience, ", ")))
	case late:
		return &badTime
	case s.options.Federated[at].Key != nil && a.verify(s.options.Federated[at].Key) != nil:
		return because(badJWT, "the signature does not match the issuer's key")
	}
	return nil
}
