package scim

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Fold returns s as attributes that are not caseExact are compared: two texts fold to the same one exactly if strings.EqualFold
// holds them equal. It works rune by rune (Unicode simple folding), whatever the language. Text in lower-case ASCII is returned as it is.
func Fold(s string) string {
	for i := 0; i < len(s); i++ {
		if c := s[i]; 'A' <= c && c <= 'Z' || c >= utf8.RuneSelf {
			return strings.Map(foldRune, s)
		}
	}
	return s
}

// foldRune returns the one rune that stands for r and all that differ from it by case only.
func foldRune(r rune) rune {
	least := r
	for other := unicode.SimpleFold(r); other != r; other = unicode.SimpleFold(other) {
		least = min(least, other)
	}
	if 'A' <= least && least <= 'Z' {
		least += 'a' - 'A'
	}
	return least
}

// EqualFold reports whether two attribute names or URNs are the same, ASCII case apart (RFC 7643 §2.1).
func EqualFold(a, b string) bool {
	return len(a) == len(b) && (a == b || equalFoldBytes(a, b))
}

func equalFoldBytes(a, b string) bool {
	for i := 0; i < len(a); i++ {
		if lower(a[i]) != lower(b[i]) {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// lowerASCII is EqualFold's Fold.
func lowerASCII(s string) string {
	for i := 0; i < len(s); i++ {
		if 'A' <= s[i] && s[i] <= 'Z' {
			folded := []byte(s)
			for j := i; j < len(folded); j++ {
				folded[j] = lower(folded[j])
			}
			return string(folded)
		}
	}
	return s
}
