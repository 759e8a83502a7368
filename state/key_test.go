package state_test

import (
	"errors"
	"regexp"
	"strings"
	"testing"
	"time"

	"rollcall/state"
)

func TestNewKey(t *testing.T) {
	scope := state.Scope{Tenant: "acme", Source: "acme-entra"}
	text, key := state.NewKey(scope)
	if !regexp.MustCompile(`^rollcall_[a-z2-7]{58}$`).MatchString(text) {
		t.Errorf("a key of an odd form, %d characters", len(text))
	}
	hash, err := state.ParseKey(text)
	if err != nil || hash != key.Hash || key.Scope != scope || len(key.ID) != 8 {
		t.Errorf("ParseKey = %v; the key is %+v", err, key)
	}
	other, second := state.NewKey(scope)
	if other == text || second.Hash == key.Hash {
		t.Error("two keys are the same")
	}
	if strings.Contains(text, key.ID) {
		t.Error("the id gives a part of the key away")
	}
}

// No key is taken for another one, however it was spoiled on its way.
func TestParseKeyRefuses(t *testing.T) {
	text, key := state.NewKey(state.Scope{})
	spoiled := []string{"", "rollcall_", "rollcall_a", text[1:], text + "a", "Bearer " + text, " " + text, text + "=", text + "\n", strings.TrimPrefix(text, "rollcall_")}
	for i := range text {
		spoiled = append(spoiled, text[:i], text[:i]+text[i+1:])
		swapped := []byte(text)
		swapped[i] ^= 1
		spoiled = append(spoiled, string(swapped))
	}
	for _, s := range spoiled {
		if hash, err := state.ParseKey(s); !errors.Is(err, state.ErrKeyFormat) || hash != (state.KeyHash{}) {
			t.Errorf("ParseKey(%q) = %v, want ErrKeyFormat", s, err)
		}
	}
	if strings.Contains(state.ErrKeyFormat.Error(), text) {
		t.Error("the error tells the key")
	}
	if hash, err := state.ParseKey(text); err != nil || hash != key.Hash {
		t.Errorf("the key itself: %v", err)
	}
}

func TestKeyLive(t *testing.T) {
	at := time.Date(2031, 4, 5, 6, 7, 8, 0, time.UTC)
	for name, c := range map[string]struct {
		key  state.Key
		live bool
	}{
		"without an end":        {state.Key{}, true},
		"before its end":        {state.Key{ExpiresAt: at.Add(time.Millisecond)}, true},
		"at its end":            {state.Key{ExpiresAt: at}, false},
		"after its end":         {state.Key{ExpiresAt: at.Add(-time.Hour)}, false},
		"revoked":               {state.Key{RevokedAt: at.Add(-time.Hour)}, false},
		"revoked before an end": {state.Key{RevokedAt: at, ExpiresAt: at.Add(time.Hour)}, false},
	} {
		if got := c.key.Live(at); got != c.live {
			t.Errorf("a key %s: Live = %t", name, got)
		}
	}
}

func FuzzParseKey(f *testing.F) {
	text, _ := state.NewKey(state.Scope{})
	for _, seed := range []string{text, strings.ToUpper(text), text[:40], "rollcall_", "", "rollcall_" + strings.Repeat("7", 58)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		hash, err := state.ParseKey(text)
		if (err == nil) == (hash == state.KeyHash{}) {
			t.Errorf("ParseKey(%q) = %x, %v", text, hash, err)
		}
	})
}
