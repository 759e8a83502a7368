package mapping

import (
	"fmt"
	"strconv"
	"strings"
	"unicode"
)

// problem is a fault in an expression before it is known which row it stands in.
type problem struct {
	at   int // column in characters, from 1
	text string
}

func problemf(at int, format string, args ...any) *problem {
	return &problem{at: at, text: fmt.Sprintf(format, args...)}
}

type tokenKind uint8

const (
	tokenEnd       tokenKind = iota
	tokenAttribute           // [name]
	tokenText                // "text"
	tokenNumber              // 12, -10, &HF
	tokenName                // of a function, or an enumeration's word
	tokenCompare             // = <> > >= < <=
	tokenOpen
	tokenClose
	tokenComma
)

type token struct {
	kind   tokenKind
	at     int
	text   string // a name; a text, decoded; a number, as written
	number int64
}

// lexer cuts an expression into tokens. White space and line breaks between tokens mean nothing.
type lexer struct {
	source []rune
	next   int
}

func (l *lexer) token() (token, *problem) {
	for l.next < len(l.source) && unicode.IsSpace(l.source[l.next]) {
		l.next++
	}
	start := l.next
	at := start + 1
	if start == len(l.source) {
		return token{kind: tokenEnd, at: at}, nil
	}
	c := l.source[start]
	switch {
	case c == '[':
		return l.attribute()
	case c == '"':
		return l.quoted()
	case c == '&' || c == '-' || isDigit(c):
		return l.integer()
	case isLetter(c):
		for l.next < len(l.source) && (isLetter(l.source[l.next]) || isDigit(l.source[l.next])) {
			l.next++
		}
		return token{kind: tokenName, at: at, text: string(l.source[start:l.next])}, nil
	}
	l.next++
	switch c {
	case '(':
		return token{kind: tokenOpen, at: at}, nil
	case ')':
		return token{kind: tokenClose, at: at}, nil
	case ',':
		return token{kind: tokenComma, at: at}, nil
	case '=', '<', '>':
		if l.next < len(l.source) {
			switch two := string(l.source[start : l.next+1]); two {
			case "<>", ">=", "<=":
				l.next++
				return token{kind: tokenCompare, at: at, text: two}, nil
			}
		}
		return token{kind: tokenCompare, at: at, text: string(c)}, nil
	case '“', '”', '„', '‘', '’', '\'':
		return token{}, problemf(at, "text stands in straight double quotes, not in %c", c)
	}
	return token{}, problemf(at, "%q has no meaning here; text stands in double quotes, an attribute in square brackets", c)
}

// attribute reads [name]. Any name is taken as it stands, for an extension attribute may have any.
func (l *lexer) attribute() (token, *problem) {
	at := l.next + 1
	for i := l.next + 1; i < len(l.source); i++ {
		switch c := l.source[i]; {
		case c == ']':
			name := string(l.source[l.next+1 : i])
			l.next = i + 1
			if name == "" || name != strings.TrimSpace(name) {
				return token{}, problemf(at, "an attribute's name stands in square brackets, without spaces around it")
			}
			return token{kind: tokenAttribute, at: at, text: name}, nil
		case c == '[' || c == '"' || unicode.IsControl(c):
			return token{}, problemf(i+1, "%q can't be part of an attribute's name; the bracket opened at column %d is not closed", c, at)
		}
	}
	return token{}, problemf(at, "the bracket opened here is not closed")
}

// quoted reads "text", in which a backslash stands before a quote or a backslash that are meant as such.
func (l *lexer) quoted() (token, *problem) {
	at := l.next + 1
	var text strings.Builder
	for i := l.next + 1; i < len(l.source); i++ {
		switch c := l.source[i]; c {
		case '"':
			l.next = i + 1
			return token{kind: tokenText, at: at, text: text.String()}, nil
		case '\\':
			i++
			if i == len(l.source) || l.source[i] != '"' && l.source[i] != '\\' {
				return token{}, problemf(i, `a backslash within text is written twice: \\`)
			}
			text.WriteRune(l.source[i])
		default:
			text.WriteRune(c)
		}
	}
	return token{}, problemf(at, "the quote opened here is not closed")
}

// integer reads a decimal number, which may be negative, or a hexadecimal one as Visual Basic writes it (&HF).
func (l *lexer) integer() (token, *problem) {
	start, base := l.next, 10
	digits := start
	switch l.source[start] {
	case '-':
		digits++
	case '&':
		if start+1 == len(l.source) || l.source[start+1] != 'H' && l.source[start+1] != 'h' {
			return token{}, problemf(start+1, "& begins a hexadecimal number such as &HF; to join texts use Join or Append")
		}
		digits, base = start+2, 16
	}
	l.next = digits
	for l.next < len(l.source) && (isDigit(l.source[l.next]) || isLetter(l.source[l.next]) || l.source[l.next] == '.') {
		l.next++
	}
	spelled := string(l.source[start:l.next])
	text := string(l.source[digits:l.next])
	if l.source[start] == '-' {
		text = "-" + text
	}
	number, err := strconv.ParseInt(text, base, 64)
	if err != nil {
		return token{}, problemf(start+1, "%s is no whole number of at most 64 bits; numbers are written 12, -10 or &HF", spelled)
	}
	return token{kind: tokenNumber, at: start + 1, text: spelled, number: number}, nil
}

func isDigit(c rune) bool  { return '0' <= c && c <= '9' }
func isLetter(c rune) bool { return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || c == '_' }
