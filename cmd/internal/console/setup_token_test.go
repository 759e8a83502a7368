package console

import (
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestLinkSaysWhatWasSigned(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		key := setupKey(rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "key"))
		id := rapid.StringN(1, 40, 80).Draw(t, "id")
		expires := time.Unix(rapid.Int64Range(0, 1<<40).Draw(t, "expires"), 0).UTC()
		gotID, gotExpires, ok := key.read(key.sign(id, expires))
		if !ok || gotID != id || !gotExpires.Equal(expires) {
			t.Fatalf("read %q, %v, %v; want %q, %v", gotID, gotExpires, ok, id, expires)
		}
	})
}

// TestAlteredLinkIsRefused changes, inserts and takes away: nothing but the very text that was signed is a link.
func TestAlteredLinkIsRefused(t *testing.T) {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	rapid.Check(t, func(t *rapid.T) {
		key := setupKey(rapid.SliceOfN(rapid.Byte(), 32, 32).Draw(t, "key"))
		id := rapid.StringMatching(`[0-9a-f-]{1,36}`).Draw(t, "id")
		token := key.sign(id, time.Unix(rapid.Int64Range(0, 1<<34).Draw(t, "expires"), 0))
		at := rapid.IntRange(0, len(token)-1).Draw(t, "at")
		with := rapid.OneOf(rapid.SampledFrom(strings.Split(alphabet, "")), rapid.SampledFrom([]string{"\n", "\r", "=", "+", "/", " ", "\x00", "é"})).Draw(t, "with")
		altered := rapid.SampledFrom([]string{
			token[:at] + with + token[at+1:], token[:at] + with + token[at:], token[:at] + token[at+1:], token[:at], token + with, token + "=",
		}).Draw(t, "altered")
		if got, _, ok := key.read(altered); ok && altered != token {
			t.Fatalf("%q is taken for a link to %q", altered, got)
		}
	})
}

// TestEveryBitOfALinkCounts flips each bit of what a link holds.
func TestEveryBitOfALinkCounts(t *testing.T) {
	key := setupKey(make([]byte, 32))
	raw, err := base64.RawURLEncoding.DecodeString(key.sign("0198c0de-0000-7000-8000-000000000001", time.Unix(1_800_000_000, 0)))
	if err != nil {
		t.Fatal(err)
	}
	for bit := range len(raw) * 8 {
		raw[bit/8] ^= 1 << (bit % 8)
		if _, _, ok := key.read(base64.RawURLEncoding.EncodeToString(raw)); ok {
			t.Errorf("bit %d may be flipped", bit)
		}
		raw[bit/8] ^= 1 << (bit % 8)
	}
}

func TestLinkOfAnotherRecordIsRefused(t *testing.T) {
	mine, other := setupKey(make([]byte, 32)), setupKey(strings.Repeat("k", 32))
	if _, _, ok := mine.read(other.sign("id", time.Unix(1_800_000_000, 0))); ok {
		t.Error("a link that another record's key signed is taken")
	}
	if mine.form("id") == mine.form("di") || mine.form("id") == other.form("id") {
		t.Error("two links have the same form")
	}
	if strings.HasSuffix(mine.sign("id", time.Unix(0, 0)), mine.form("id")) {
		t.Error("the form's token can be read off the link")
	}
}

func FuzzLink(f *testing.F) {
	key := setupKey(make([]byte, 32))
	good := key.sign("0198c0de-0000-7000-8000-000000000001", time.Unix(1_800_000_000, 0))
	f.Add(good)
	f.Add(good[:len(good)-1])
	f.Add("")
	f.Add("AAAA\nAAAA")
	f.Fuzz(func(t *testing.T, token string) {
		if id, expires, ok := key.read(token); ok && key.sign(id, expires) != token {
			t.Errorf("%q is taken for a link, and is not the one to %q", token, id)
		}
	})
}
