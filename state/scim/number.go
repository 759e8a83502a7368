package scim

import (
	"cmp"
	"strings"
)

// numberEnd returns where the JSON number that begins at pos ends (RFC 8259 §6), or pos itself when none begins there.
func numberEnd(text string, pos int) int {
	i := pos
	if i < len(text) && text[i] == '-' {
		i++
	}
	whole := digitsEnd(text, i)
	if whole == i || text[i] == '0' && whole > i+1 {
		return pos
	}
	i = whole
	if i < len(text) && text[i] == '.' {
		end := digitsEnd(text, i+1)
		if end == i+1 {
			return pos
		}
		i = end
	}
	if i < len(text) && (text[i] == 'e' || text[i] == 'E') {
		i++
		if i < len(text) && (text[i] == '+' || text[i] == '-') {
			i++
		}
		end := digitsEnd(text, i)
		if end == i {
			return pos
		}
		i = end
	}
	return i
}

func digitsEnd(text string, pos int) int {
	for pos < len(text) && '0' <= text[pos] && text[pos] <= '9' {
		pos++
	}
	return pos
}

func isNumber(text string) bool { return text != "" && numberEnd(text, 0) == len(text) }

// isInteger reports whether text is a whole number without fraction and exponent (RFC 7643 §2.3.4).
func isInteger(text string) bool { return isNumber(text) && !strings.ContainsAny(text, ".eE") }

// decimal is a number as sign × 0.digits × 10^point, its digits without zeros at either end; no digits is zero.
type decimal struct {
	negative bool
	digits   string
	point    int
}

// maxExponent is where exponents stop being told apart; no attribute counts that far.
const maxExponent = 1 << 30

func parseDecimal(text string) decimal {
	var d decimal
	text, d.negative = strings.CutPrefix(text, "-")
	mantissa, exponent := text, ""
	if i := strings.IndexAny(text, "eE"); i >= 0 {
		mantissa, exponent = text[:i], text[i+1:]
	}
	whole, fraction, _ := strings.Cut(mantissa, ".")
	d.point = len(whole) + parseExponent(exponent)
	digits := whole + fraction
	d.digits = strings.TrimLeft(digits, "0")
	d.point -= len(digits) - len(d.digits)
	d.digits = strings.TrimRight(d.digits, "0")
	if d.digits == "" {
		return decimal{}
	}
	return d
}

func parseExponent(text string) int {
	text, negative := strings.CutPrefix(text, "-")
	n := 0
	for i := 0; i < len(text); i++ {
		if text[i] != '+' {
			n = min(n*10+int(text[i]-'0'), maxExponent)
		}
	}
	if negative {
		return -n
	}
	return n
}

// compareNumbers compares two JSON numbers exactly, whatever their length: -1, 0 or 1.
func compareNumbers(a, b string) int {
	x, y := parseDecimal(a), parseDecimal(b)
	if s, t := x.sign(), y.sign(); s != t || s == 0 {
		return cmp.Compare(s, t)
	}
	order := cmp.Compare(x.point, y.point)
	if order == 0 {
		order = strings.Compare(x.digits, y.digits)
	}
	if x.negative {
		return -order
	}
	return order
}

func (d decimal) sign() int {
	switch {
	case d.digits == "":
		return 0
	case d.negative:
		return -1
	}
	return 1
}
