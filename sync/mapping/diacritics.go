package mapping

import (
	"strings"
	"unicode/utf8"
)

// diacritics is Microsoft's table for NormalizeDiacritics: what becomes of the letters, first the small ones. Letters that it does not
// list (plain œ, đ, þ, ð) stay as they are.
var diacritics = makeDiacritics(map[string]string{
	"a": "äàâãåáąăāǟǡ", "ae": "æǣ", "c": "çčć", "d": "ďḏ", "e": "ëèéêęěėēḗḕ", "g": "ğḡ", "i": "ïîìíıī", "l": "ľłḹḻ", "n": "ñńňṉ",
	"o": "öòőõôóōṓṑȫǭȭȱ", "oe": "ø", "r": "řṟṝ", "ss": "ß", "s": "šśșş", "t": "ťțṯ", "u": "üùûúůűūǖṻṳ", "y": "ÿýȳ", "z": "źžżẕ",
}, map[string]string{
	"A": "ÄÀÂÃÅÁĄĂĀǞǠ", "AE": "ÆǢ", "C": "ÇČĆ", "D": "ĎḎ", "E": "ËÈÉÊĘĚĖĒḖḔ", "G": "ĞḠ", "I": "ÏÎÌÍİĪ", "L": "ĽŁḸḺ", "N": "ÑŃŇṈ",
	"O": "ÖÒŐÕÔÓŌṒṐȪǬȬȰ", "OE": "Ø", "R": "ŘṞṜ", "SS": "ẞ", "S": "ŠŚȘŞ", "T": "ŤȚṮ", "U": "ÜÙÛÚŮŰŪǕṺṲ", "Y": "ŸÝȲ", "Z": "ŹŽŻẔ",
})

func makeDiacritics(tables ...map[string]string) map[rune]string {
	plain := make(map[rune]string)
	for _, table := range tables {
		for to, letters := range table {
			for _, r := range letters {
				plain[r] = to
			}
		}
	}
	return plain
}

// marked are the letters of the table in their plain form: what is written as such a letter and combining marks loses the marks.
const marked = "acdegilnorstuyzACDEGILNORSTUYZ"

const macron = '\u0304'

// normalizeDiacritics writes letters without their marks.
func normalizeDiacritics(s string) string {
	if isASCII(s) {
		return s
	}
	var b strings.Builder
	bare := false // the last letter is one that loses its marks
	for i, r := range s {
		to, listed := diacritics[r]
		switch {
		case bare && '\u0300' <= r && r <= '\u036f':
			continue
		case listed:
			b.WriteString(to)
		case (r == 'œ' || r == 'Œ') && strings.HasPrefix(s[i+utf8.RuneLen(r):], string(macron)):
			b.WriteString(map[rune]string{'œ': "oe", 'Œ': "OE"}[r])
			listed = true
		default:
			b.WriteRune(r)
		}
		bare = listed || strings.ContainsRune(marked, r)
	}
	return b.String()
}

func callNormalizeDiacritics(e env, args []node) (value, error) {
	return mapText(e, args[0], normalizeDiacritics)
}
