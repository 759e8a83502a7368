package mapping

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// dateText is how Entra writes every date that a function yields, in UTC.
var dateText = mustDateFormat("M/d/yyyy h:mm:ss tt")

// readable are the forms in which a date is read where no format is given, the likelier first. Without an offset it is in UTC.
var readable = []dateFormat{
	dateText,
	mustDateFormat("yyyy-MM-ddTHH:mm:ss.FFFFFFFK"),
	mustDateFormat("yyyy-MM-ddK"),
	mustDateFormat("yyyy-MM-dd HH:mm:ss.FFFFFFFK"),
	mustDateFormat("yyyy-MM-ddTHH:mmK"),
	mustDateFormat("yyyy-MM-dd HH:mmK"),
	mustDateFormat("M/d/yyyy"),
	mustDateFormat("M/d/yyyy H:mm:ss"),
	mustDateFormat("M/d/yyyy H:mm"),
	mustDateFormat("M/d/yyyy h:mm tt"),
}

// parseDate reads a date in one of the readable forms, as UTC.
func parseDate(s string) (time.Time, bool) {
	s = strings.TrimSpace(s)
	for _, f := range readable {
		if t, ok := f.parse(s); ok {
			return t, true
		}
	}
	return time.Time{}, false
}

func dateValue(t time.Time) (value, error) {
	t = t.UTC()
	if t.Year() < 1 || t.Year() > 9999 {
		return value{}, failf("the date is outside the years 1 to 9999")
	}
	return textValue(dateText.format(t)), nil
}

// dateFormat is a custom format string of .NET, with the names and signs of the invariant culture, cut into pieces.
type dateFormat []datePiece

// datePiece is a run of one specifier's letter, or literal text.
type datePiece struct {
	letter  byte // 0: literal
	count   int
	literal string
}

// standardFormats are .NET's one-letter formats in the invariant culture.
var standardFormats = map[string]string{
	"d": "MM/dd/yyyy", "D": "dddd, dd MMMM yyyy", "t": "HH:mm", "T": "HH:mm:ss",
	"f": "dddd, dd MMMM yyyy HH:mm", "F": "dddd, dd MMMM yyyy HH:mm:ss",
	"g": "MM/dd/yyyy HH:mm", "G": "MM/dd/yyyy HH:mm:ss", "M": "MMMM dd", "m": "MMMM dd", "Y": "yyyy MMMM", "y": "yyyy MMMM",
	"o": "yyyy-MM-ddTHH:mm:ss.fffffffK", "O": "yyyy-MM-ddTHH:mm:ss.fffffffK",
	"r": "ddd, dd MMM yyyy HH:mm:ss 'GMT'", "R": "ddd, dd MMM yyyy HH:mm:ss 'GMT'",
	"s": "yyyy-MM-ddTHH:mm:ss", "u": "yyyy-MM-dd HH:mm:ss'Z'", "U": "dddd, dd MMMM yyyy HH:mm:ss",
}

// longest is how often each specifier's letter may be repeated.
var longest = map[byte]int{'d': 4, 'f': 7, 'F': 7, 'h': 2, 'H': 2, 'K': 1, 'm': 2, 'M': 4, 's': 2, 't': 2, 'y': 5, 'z': 3}

func newDateFormat(text string) (dateFormat, error) {
	if standard, ok := standardFormats[text]; ok {
		text = standard
	} else if len(text) == 1 {
		return nil, fmt.Errorf("%q is no standard date format", text)
	}
	var f dateFormat
	for i := 0; i < len(text); {
		c := text[i]
		switch {
		case c == '%':
			i++ // makes a single letter a custom format
		case c == '\\':
			if i+1 == len(text) {
				return nil, errors.New("the date format ends with a backslash")
			}
			f = f.literally(text[i+1 : i+2])
			i += 2
		case c == '\'' || c == '"':
			end := strings.IndexByte(text[i+1:], c)
			if end < 0 {
				return nil, errors.New("a quote in the date format is not closed")
			}
			f = f.literally(text[i+1 : i+1+end])
			i += end + 2
		case longest[c] > 0:
			start := i
			for i < len(text) && text[i] == c {
				i++
			}
			if i-start > longest[c] {
				return nil, fmt.Errorf("the date format has %q more than %d times in a row", c, longest[c])
			}
			f = append(f, datePiece{letter: c, count: i - start})
		case c == 'g':
			return nil, errors.New("eras are not supported in a date format")
		default:
			f = f.literally(text[i : i+1])
			i++
		}
	}
	if len(f) == 0 {
		return nil, errors.New("the date format is empty")
	}
	return f, nil
}

func mustDateFormat(text string) dateFormat {
	f, err := newDateFormat(text)
	if err != nil {
		panic(err)
	}
	return f
}

func (f dateFormat) literally(text string) dateFormat {
	if n := len(f); n > 0 && f[n-1].letter == 0 {
		f[n-1].literal += text
		return f
	}
	return append(f, datePiece{literal: text})
}

// has tells whether the format has a specifier.
func (f dateFormat) has(letter byte) bool {
	for _, p := range f {
		if p.letter == letter {
			return true
		}
	}
	return false
}

var halves = [2]string{"AM", "PM"}

// format writes a time, which is in UTC.
func (f dateFormat) format(t time.Time) string {
	b := make([]byte, 0, 32)
	for _, p := range f {
		switch p.letter {
		case 0:
			b = append(b, p.literal...)
		case 'y':
			year := t.Year()
			if p.count <= 2 {
				year %= 100
			}
			b = padded(b, year, p.count)
		case 'M':
			switch p.count {
			case 3:
				b = append(b, t.Month().String()[:3]...)
			case 4:
				b = append(b, t.Month().String()...)
			default:
				b = padded(b, int(t.Month()), p.count)
			}
		case 'd':
			switch p.count {
			case 3:
				b = append(b, t.Weekday().String()[:3]...)
			case 4:
				b = append(b, t.Weekday().String()...)
			default:
				b = padded(b, t.Day(), p.count)
			}
		case 'h':
			b = padded(b, (t.Hour()+11)%12+1, p.count)
		case 'H':
			b = padded(b, t.Hour(), p.count)
		case 'm':
			b = padded(b, t.Minute(), p.count)
		case 's':
			b = padded(b, t.Second(), p.count)
		case 't':
			b = append(b, halves[t.Hour()/12][:p.count]...)
		case 'f', 'F':
			digits := fmt.Sprintf("%07d", t.Nanosecond()/100)[:p.count]
			if p.letter == 'F' {
				if digits = strings.TrimRight(digits, "0"); digits == "" {
					b = trimPoint(b)
				}
			}
			b = append(b, digits...)
		case 'K':
			b = append(b, 'Z')
		case 'z':
			b = append(b, []string{"+0", "+00", "+00:00"}[p.count-1]...)
		}
	}
	return string(b)
}

func padded(b []byte, n, width int) []byte {
	digits := strconv.Itoa(n)
	for range width - len(digits) {
		b = append(b, '0')
	}
	return append(b, digits...)
}

// trimPoint takes away the point before a fraction that turned out to be nothing.
func trimPoint(b []byte) []byte {
	if n := len(b); n > 0 && b[n-1] == '.' {
		return b[:n-1]
	}
	return b
}
