package entra

import (
	"context"
	"errors"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
)

// issuer gives numbered tokens of one lifetime.
type issuer struct {
	life   time.Duration
	issued int
	err    error
}

func (i *issuer) GetToken(context.Context, policy.TokenRequestOptions) (azcore.AccessToken, error) {
	i.issued++
	return azcore.AccessToken{Token: strconv.Itoa(i.issued), ExpiresOn: time.Now().Add(i.life)}, i.err
}

// TestTokensAreRenewed before they end, after an hour, when the provider refuses them or asks for more in them; and not otherwise.
func TestTokensAreRenewed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		i := &issuer{life: 24 * time.Hour}
		c := &credential{turn: make(chan struct{}, 1), make: func(string) (azcore.TokenCredential, error) { return i, nil }}
		get := func(want int, o policy.TokenRequestOptions) {
			t.Helper()
			if got, err := c.GetToken(t.Context(), o); err != nil || got.Token != strconv.Itoa(want) {
				t.Errorf("got %v, %v, want number %d", got, err, want)
			}
		}
		plain := policy.TokenRequestOptions{}
		get(1, plain)
		time.Sleep(oldest - time.Second)
		get(1, plain)
		time.Sleep(2 * time.Second)
		get(2, plain)
		get(3, policy.TokenRequestOptions{Claims: "more"})
		get(3, plain)
		c.refused.Store(true)
		get(4, plain)
		get(4, plain)

		i.life = 20 * time.Minute
		time.Sleep(oldest)
		get(5, plain)
		time.Sleep(20*time.Minute - early - time.Second)
		get(5, plain)
		time.Sleep(2 * time.Second)
		i.err = errors.New("down")
		if got, err := c.GetToken(t.Context(), plain); err == nil || got.Token != "" {
			t.Errorf("got %v, %v", got, err)
		}
		i.err = nil
		get(7, plain)
	})
}
