package okta

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// TestTokensAreUsedUntilShortlyBeforeTheirEnd drives the clock past several tokens' lives.
func TestTokensAreUsedUntilShortlyBeforeTheirEnd(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	for life, test := range map[int]struct{ kept, over time.Duration }{
		3600: {58 * time.Minute, time.Hour}, 90: {44 * time.Second, 46 * time.Second}, 1 << 50: {23 * time.Hour, 25 * time.Hour},
	} {
		fetched := 0
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			fetched++
			fmt.Fprintf(w, `{"token_type":"Bearer","access_token":"t%d","expires_in":%d}`, fetched, life)
		}))
		now := time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC)
		s := &serviceApp{
			clientID: "0oa1", tokenURL: server.URL, client: server.Client(), turn: make(chan struct{}, 1), tokens: map[string]accessToken{},
			readKey: func() ([]byte, error) {
				return pem.EncodeToMemory(&pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}), nil
			},
			now: func() time.Time { return now },
		}
		for _, step := range []struct {
			after time.Duration
			want  string
		}{{0, "Bearer t1"}, {test.kept, "Bearer t1"}, {test.over, "Bearer t2"}} {
			now = time.Date(2026, 3, 2, 10, 0, 0, 0, time.UTC).Add(step.after)
			got, err := s.authorization(t.Context(), "/api/v1/apps/x", "")
			if err != nil || got != step.want {
				t.Errorf("a life of %d s, after %v: %q, %v, want %q", life, step.after, got, err, step.want)
			}
		}
		server.Close()
	}
}

// FuzzKey: whatever stands in the place of a key, it is read or refused in words that repeat nothing of it.
func FuzzKey(f *testing.F) {
	for _, seed := range []string{"-----BEGIN PRIVATE KEY-----\nMAA=\n-----END PRIVATE KEY-----", "{}", `-----BEGIN RSA PRIVATE KEY-----\nMAA=\n-----END RSA PRIVATE KEY-----`, ""} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, content []byte) {
		key, err := parseKey(content)
		if (key == nil) != (err != nil) {
			t.Fatalf("%v, %v", key, err)
		}
		if err != nil && (!strings.HasPrefix(err.Error(), "is ") || strings.Contains(err.Error(), "\n")) {
			t.Fatalf("%q", err)
		}
	})
}
