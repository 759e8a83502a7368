package explain_test

import (
	"testing"
	"unicode"

	"pgregory.net/rapid"

	"rollcall/sync/explain"
)

func TestHarmless(t *testing.T) {
	if got, want := explain.Harmless("a\x1b[2J\u202eb\nc\u200f\u00a0d\te\u009b"), "a\uFFFD[2J\uFFFDb c\uFFFD d e\uFFFD"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.String().Draw(t, "text")
		for _, r := range explain.Harmless(text) {
			if !unicode.IsPrint(r) && r != unicode.ReplacementChar {
				t.Errorf("%q keeps %q", text, r)
			}
		}
	})
}
