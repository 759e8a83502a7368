package mapping

import (
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// Positions and lengths count in UTF-16 units, as .NET's strings do: most characters are one, those beyond U+FFFF are two.

// cut returns length units of s from start, counted from 0. Half a pair of units becomes U+FFFD.
func cut(s string, start, length int64) string {
	if isASCII(s) {
		from := min(start, int64(len(s)))
		return s[from : from+min(length, int64(len(s))-from)]
	}
	units := utf16.Encode([]rune(s))
	from := min(start, int64(len(units)))
	return string(utf16.Decode(units[from : from+min(length, int64(len(units))-from)]))
}

func isASCII(s string) bool {
	for i := range len(s) {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

func callAppend(e env, args []node) (value, error) {
	source, ok, err := text(e, args[0])
	if err != nil || !ok {
		return value{}, err
	}
	suffix, ok, err := text(e, args[1])
	if err != nil || !ok {
		return value{}, err
	}
	return textValue(source + suffix), nil
}

// callLeft takes "" for null, and the whole text where the count is negative or larger than the text.
func callLeft(e env, args []node) (value, error) {
	source, _, err := text(e, args[0])
	if err != nil {
		return value{}, err
	}
	count, ok, err := number(e, args[1])
	switch {
	case err != nil || !ok:
		return value{}, err
	case count < 0:
		return textValue(source), nil
	}
	return textValue(cut(source, 0, count)), nil
}

func callMid(e env, args []node) (value, error) {
	source, ok, err := text(e, args[0])
	if err != nil || !ok {
		return value{}, err
	}
	start, ok, err := number(e, args[1])
	if err != nil || !ok {
		return value{}, err
	}
	length, ok, err := number(e, args[2])
	switch {
	case err != nil || !ok:
		return value{}, err
	case start < 1 || length < 0:
		return value{}, failf("the start is 1 or more, the length 0 or more")
	}
	return textValue(cut(source, start-1, length)), nil
}

func checkMid(c *checker, t *tree) {
	atLeast(c, t.args[1], 1, "the start")
	atLeast(c, t.args[2], 0, "the length")
}

// atLeast refuses a number that is written too small.
func atLeast(c *checker, t *tree, least int64, what string) {
	n, ok := wholeNumber(t.text)
	if t.kind == treeNumber {
		n, ok = t.number, true
	}
	if ok && (t.kind == treeNumber || t.kind == treeText) && n < least {
		c.fault(t.at, "%s is %d or more", what, least)
	}
}

// callInStr finds a text in another and returns its position from 1, or 0 if it isn't there.
func callInStr(e env, args []node) (value, error) {
	hay, ok, err := text(e, args[0])
	if err != nil || !ok {
		return value{}, err
	}
	needle, ok, err := text(e, args[1])
	if err != nil || !ok {
		return value{}, err
	}
	start := int64(1)
	if args[2] != nil {
		if start, ok, err = number(e, args[2]); err != nil || !ok {
			return value{}, err
		}
		if start < 1 {
			return value{}, failf("the start is 1 or more")
		}
	}
	same := func(a, b uint16) bool { return a == b }
	if args[3] != nil && value(args[3].(constant)).text == textCompare {
		same = func(a, b uint16) bool { return unicode.ToLower(rune(a)) == unicode.ToLower(rune(b)) }
	}
	return numberValue(find(utf16.Encode([]rune(hay)), utf16.Encode([]rune(needle)), start-1, same) + 1), nil
}

// find returns where needle first is in hay, from start on, or -1. An empty needle is anywhere in hay.
func find(hay, needle []uint16, start int64, same func(a, b uint16) bool) int64 {
	if start > int64(len(hay)) || len(hay) == 0 {
		return -1
	}
next:
	for i := int(start); i+len(needle) <= len(hay); i++ {
		for j, unit := range needle {
			if !same(hay[i+j], unit) {
				continue next
			}
		}
		return int64(i)
	}
	return -1
}

func checkInStr(c *checker, t *tree) {
	if len(t.args) > 2 {
		atLeast(c, t.args[2], 1, "the start")
	}
}

// callWord takes the n-th word from 1, or "". Words are what stands between the characters of delimiters, however many of them.
func callWord(e env, args []node) (value, error) {
	source, _, err := text(e, args[0])
	if err != nil {
		return value{}, err
	}
	n, ok, err := number(e, args[1])
	if err != nil || !ok {
		return value{}, err
	}
	delimiters, _, err := text(e, args[2])
	if err != nil {
		return value{}, err
	}
	for word := range strings.FieldsFuncSeq(source, func(c rune) bool { return strings.ContainsRune(delimiters, c) }) {
		if n--; n == 0 {
			return textValue(word), nil
		}
	}
	return textValue(""), nil
}

func callStripSpaces(e env, args []node) (value, error) {
	return mapText(e, args[0], func(s string) string { return strings.ReplaceAll(s, " ", "") })
}

// mapText applies f to a text; null stays null.
func mapText(e env, n node, f func(string) string) (value, error) {
	s, ok, err := text(e, n)
	if err != nil || !ok {
		return value{}, err
	}
	return textValue(f(s)), nil
}

func callToLower(e env, args []node) (value, error) {
	return changeCase(e, args, invariantLower, unicode.SpecialCase.ToLower)
}

func callToUpper(e env, args []node) (value, error) {
	return changeCase(e, args, invariantUpper, unicode.SpecialCase.ToUpper)
}

// changeCase changes every letter by the invariant culture's rules or, in Turkish and Azeri, by theirs.
func changeCase(e env, args []node, invariant func(rune) rune, special func(unicode.SpecialCase, rune) rune) (value, error) {
	change := invariant
	if args[1] != nil {
		culture, _, err := text(e, args[1])
		if err != nil {
			return value{}, err
		}
		if language, _, _ := strings.Cut(strings.ToLower(culture), "-"); language == "tr" || language == "az" {
			change = func(r rune) rune { return special(unicode.TurkishCase, r) }
		}
	}
	return mapText(e, args[0], func(s string) string { return strings.Map(change, s) })
}

// .NET's invariant culture leaves the Turkish letters that have no invariant counterpart as they are.
func invariantLower(r rune) rune {
	if r == 'İ' {
		return r
	}
	return unicode.ToLower(r)
}

func invariantUpper(r rune) rune {
	if r == 'ı' {
		return r
	}
	return unicode.ToUpper(r)
}

// callPCase writes each word with a capital and the rest small. With separators, only they part words; without, whatever .NET's
// title casing parts them at.
func callPCase(e env, args []node) (value, error) {
	parts := partsWords
	if args[1] != nil {
		separators, ok, err := text(e, args[1])
		if err != nil {
			return value{}, err
		}
		if ok {
			return mapText(e, args[0], func(s string) string {
				return capitals(s, func(r rune) bool { return strings.ContainsRune(separators, r) }, func(rune) bool { return true })
			})
		}
	}
	return mapText(e, args[0], func(s string) string { return capitals(s, parts, unicode.IsLetter) })
}

// capitals raises the first character of each word that may begin one, and lowers the others.
func capitals(s string, parts, begins func(rune) bool) string {
	inside := false
	return strings.Map(func(r rune) rune {
		switch {
		case parts(r):
			inside = false
			return r
		case inside || !begins(r):
			return invariantLower(r)
		}
		inside = true
		return unicode.ToTitle(invariantLower(r))
	}, s)
}

// partsWords tells at which characters .NET's title casing ends a word: spaces, control characters, punctuation and symbols, but not
// an apostrophe.
func partsWords(r rune) bool {
	return r != '\'' && (unicode.In(r, unicode.Z, unicode.Cc, unicode.Cf, unicode.P, unicode.S))
}
