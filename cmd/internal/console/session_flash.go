package console

import (
	"context"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// What an action came to is told on the page that follows it, through a cookie that only this console can have written.

const (
	maxFlash  = 500 // bytes, flash and alert together
	flashLife = time.Minute
)

// message is what a flash cookie holds.
type message struct{ Flash, Alert string }

type flashKey struct{}

// pendingFlash is a message that came with a request, and how to have it forgotten.
type pendingFlash struct {
	message
	forget func(http.ResponseWriter)
}

// withFlash puts the message that came with a request into its context. One that is forged or too old is as good as none.
func (c *Console) withFlash(r *http.Request) *http.Request {
	text := c.cookie(r, flashCookie)
	if text == "" {
		return r
	}
	pending := pendingFlash{forget: func(w http.ResponseWriter) { c.clearCookie(w, flashCookie) }}
	if err := c.unseal(r.Context(), flashCookie, text, &pending.message); err != nil {
		pending.message = message{}
	}
	return r.WithContext(context.WithValue(r.Context(), flashKey{}, pending))
}

// takeFlash returns what the last action came to, and what went wrong with it, once.
func takeFlash(w http.ResponseWriter, r *http.Request) (flash, alert string) {
	pending, ok := r.Context().Value(flashKey{}).(pendingFlash)
	if !ok {
		return "", ""
	}
	pending.forget(w)
	return pending.Flash, pending.Alert
}

// done answers a form that did something: the reader is sent on, and told there what it came to. Tell nothing personal: it is kept in a cookie.
func (c *Console) done(w http.ResponseWriter, r *http.Request, to, flash, alert string) {
	if flash != "" || alert != "" {
		alert = cutBytes(alert, maxFlash)
		told := message{Flash: cutBytes(flash, maxFlash-len(alert)), Alert: alert}
		if text, err := c.seal(r.Context(), flashCookie, told, flashLife); err != nil {
			c.Log.Error("what an action came to cannot be told", "error", err)
		} else {
			c.setCookie(w, flashCookie, text, flashLife)
		}
	}
	http.Redirect(w, r, to, http.StatusSeeOther)
}

// sealed is what stands in a sealed cookie.
type sealed struct {
	Until int64           `json:"u"` // Unix seconds
	Value json.RawMessage `json:"v"`
}

var errSeal = errors.New("not sealed by this console, or too long ago")

// seal writes a value down so that nobody can change it, make one up, or use one that was made for another purpose.
func (c *Console) seal(ctx context.Context, purpose string, value any, life time.Duration) (string, error) {
	key, err := c.purposeKey(ctx, purpose)
	if err != nil {
		return "", err
	}
	raw, err := json.Marshal(value)
	if err != nil {
		return "", fmt.Errorf("seal: %w", err)
	}
	text, err := json.Marshal(sealed{Until: c.Now().Add(life).Unix(), Value: raw})
	if err != nil {
		return "", fmt.Errorf("seal: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(text) + "." + base64.RawURLEncoding.EncodeToString(sumOf(key, text)), nil
}

// unseal reads what seal wrote for the same purpose; errSeal for everything else.
func (c *Console) unseal(ctx context.Context, purpose, from string, into any) error {
	key, err := c.purposeKey(ctx, purpose)
	if err != nil {
		return err
	}
	body, sum, _ := strings.Cut(from, ".")
	text, bodyErr := base64.RawURLEncoding.Strict().DecodeString(body)
	mac, sumErr := base64.RawURLEncoding.Strict().DecodeString(sum)
	if bodyErr != nil || sumErr != nil || !hmac.Equal(mac, sumOf(key, text)) {
		return errSeal
	}
	var s sealed
	if err := json.Unmarshal(text, &s); err != nil || c.Now().Unix() >= s.Until {
		return errSeal
	}
	if err := json.Unmarshal(s.Value, into); err != nil {
		return errSeal
	}
	return nil
}

func sumOf(key, text []byte) []byte {
	mac := hmac.New(sha256.New, key)
	mac.Write(text)
	return mac.Sum(nil)
}

// purposeKey derives a key from the record's seal key.
func (c *Console) purposeKey(ctx context.Context, purpose string) ([]byte, error) {
	root, err := c.Store.SealKey(ctx)
	if err != nil {
		return nil, fmt.Errorf("read the seal key: %w", err)
	}
	return hkdf.Key(sha256.New, root, nil, "rollcall console "+purpose, sha256.Size)
}
