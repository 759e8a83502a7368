package wire_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/quick"
	"time"

	"rollcall/connectors/idpsim/internal/wire"
)

func FuzzAppendString(f *testing.F) {
	for _, s := range []string{"", "plain", `a "b" \c`, "tab\tnul\x00", "Zoë", "\xff\xfe", " ", "<&>"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var back string
		if err := json.Unmarshal(wire.AppendString(nil, s), &back); err != nil {
			t.Fatalf("%q: %v", s, err)
		}
		if want := strings.ToValidUTF8(s, "�"); strings.ToValidUTF8(back, "�") != back || len([]rune(back)) != len([]rune(s)) {
			t.Fatalf("%q came back as %q, want %q", s, back, want)
		}
	})
}

func TestTokensComeBack(t *testing.T) {
	if err := quick.Check(func(key uint64) bool {
		key >>= 4
		back, ok := wire.ParseToken(wire.Token(key))
		return ok && back == key
	}, nil); err != nil {
		t.Error(err)
	}
	for _, bad := range []string{"", "x", "YWJj", "%%%", wire.Token(1 << 61)} {
		if _, ok := wire.ParseToken(bad); ok {
			t.Errorf("%q was taken for a token", bad)
		}
	}
}

func TestReadBody(t *testing.T) {
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	_, _ = z.Write([]byte(`{"a":1}`))
	_ = z.Close()
	for _, c := range []struct{ encoding, body, want string }{
		{"", `{"a":1}`, `{"a":1}`},
		{"gzip", zipped.String(), `{"a":1}`},
		{"gzip", `{"a":1}`, ""}, // said to be compressed, and is not
		{"br", `{"a":1}`, ""},
	} {
		r := httptest.NewRequest("POST", "/", strings.NewReader(c.body))
		r.Header.Set("Content-Encoding", c.encoding)
		got, err := wire.ReadBody(r)
		if (err == nil) != (c.want != "") || err == nil && string(got) != c.want {
			t.Errorf("%q: %q, %v", c.encoding, got, err)
		}
	}
}

func TestAppendTime(t *testing.T) {
	at := time.Date(2026, 11, 3, 4, 5, 6, 789e6, time.FixedZone("", 3600))
	if got := string(wire.AppendTime(nil, at, false)) + string(wire.AppendTime(nil, at, true)); got != `"2026-11-03T03:05:06Z""2026-11-03T03:05:06.789Z"` {
		t.Error(got)
	}
}
