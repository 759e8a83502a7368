package rest

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"

	"rollcall/connectors"
)

// ErrJSON marks text that is not JSON, or not of the shape that was asked for. It says where, never what.
var ErrJSON = errors.New("malformed JSON")

// deepest is how far objects and arrays may nest.
const deepest = 64

// Scanner reads one JSON text from front to back. Its methods take the value that comes next; what they return are pieces of the text
// wherever nothing had to be unescaped, so the text is kept alive by them. It accepts exactly RFC 8259, nested up to 64 deep; broken
// UTF-8 is replaced. The last of two fields with the same name is the one that counts, for who overwrites.
type Scanner struct {
	text  string
	at    int
	depth int
}

// Scan starts reading text.
func Scan(text string) Scanner { return Scanner{text: text} }

// Object takes an object and calls field with each name; field must take the value. null is an object without fields.
func (s *Scanner) Object(field func(name string) error) error {
	if s.takeNull() {
		return nil
	}
	if err := s.open('{'); err != nil {
		return err
	}
	for first := true; !s.takeByte('}'); first = false {
		if !first && !s.takeByte(',') {
			return s.fault()
		}
		s.space()
		name, err := s.quoted()
		if err != nil {
			return err
		}
		if !s.takeByte(':') {
			return s.fault()
		}
		if err := field(name); err != nil {
			return err
		}
	}
	s.depth--
	return nil
}

// Array takes an array and calls item at each item; item must take it. null is no array.
func (s *Scanner) Array(item func() error) error {
	if err := s.open('['); err != nil {
		return err
	}
	for first := true; !s.takeByte(']'); first = false {
		if !first && !s.takeByte(',') {
			return s.fault()
		}
		if err := item(); err != nil {
			return err
		}
	}
	s.depth--
	return nil
}

// Text takes a string; null is "".
func (s *Scanner) Text() (string, error) {
	if s.takeNull() {
		return "", nil
	}
	return s.quoted()
}

// Value takes any value as an attribute's: numbers as they are written, booleans as True and False, arrays as lists of such. null is
// absent, and so are objects: they are no attribute values.
func (s *Scanner) Value() (connectors.Value, error) {
	s.space()
	if s.at < len(s.text) && s.text[s.at] == '[' {
		list := []string{}
		err := s.Array(func() error {
			text, present, err := s.scalar()
			if err == nil && present {
				list = append(list, text)
			}
			return err
		})
		return connectors.Value{Present: true, List: list}, err
	}
	text, present, err := s.scalar()
	return connectors.Value{Present: present, Text: text}, err
}

// scalar takes any value; what is not a string, number or boolean is not present.
func (s *Scanner) scalar() (text string, present bool, err error) {
	s.space()
	if s.at == len(s.text) {
		return "", false, s.fault()
	}
	switch c := s.text[s.at]; {
	case c == '"':
		text, err = s.quoted()
		return text, true, err
	case c == 't':
		return "True", true, s.word("true")
	case c == 'f':
		return "False", true, s.word("false")
	case c == '-' || c >= '0' && c <= '9':
		start := s.at
		err = s.number()
		return s.text[start:s.at], true, err
	}
	return "", false, s.Skip()
}

// Skip takes any value.
func (s *Scanner) Skip() error {
	s.space()
	if s.at == len(s.text) {
		return s.fault()
	}
	switch c := s.text[s.at]; {
	case c == '{':
		return s.Object(func(string) error { return s.Skip() })
	case c == '[':
		return s.Array(s.Skip)
	case c == '"':
		_, _, err := s.span()
		return err
	case c == 't':
		return s.word("true")
	case c == 'f':
		return s.word("false")
	case c == 'n':
		return s.word("null")
	}
	return s.number()
}

// Raw takes any value and returns it as it is written.
func (s *Scanner) Raw() (string, error) {
	s.space()
	start := s.at
	err := s.Skip()
	return s.text[start:s.at], err
}

// End checks that nothing follows.
func (s *Scanner) End() error {
	if s.space(); s.at != len(s.text) {
		return s.fault()
	}
	return nil
}

func (s *Scanner) fault() error { return fmt.Errorf("%w at byte %d", ErrJSON, s.at) }

func (s *Scanner) open(bracket byte) error {
	if s.depth == deepest || !s.takeByte(bracket) {
		return s.fault()
	}
	s.depth++
	return nil
}

func (s *Scanner) space() {
	for s.at < len(s.text) {
		switch s.text[s.at] {
		case ' ', '\t', '\n', '\r':
			s.at++
		default:
			return
		}
	}
}

func (s *Scanner) takeByte(b byte) bool {
	if s.space(); s.at < len(s.text) && s.text[s.at] == b {
		s.at++
		return true
	}
	return false
}

func (s *Scanner) takeNull() bool {
	s.space()
	return s.at < len(s.text) && s.text[s.at] == 'n' && s.word("null") == nil
}

func (s *Scanner) word(word string) error {
	if !strings.HasPrefix(s.text[s.at:], word) {
		return s.fault()
	}
	s.at += len(word)
	return nil
}

func (s *Scanner) number() error {
	s.takeIf('-')
	if !s.takeIf('0') && !s.digits() {
		return s.fault()
	}
	if s.takeIf('.') && !s.digits() {
		return s.fault()
	}
	if s.takeIf('e') || s.takeIf('E') {
		if !s.takeIf('+') {
			s.takeIf('-')
		}
		if !s.digits() {
			return s.fault()
		}
	}
	return nil
}

func (s *Scanner) takeIf(b byte) bool {
	if s.at < len(s.text) && s.text[s.at] == b {
		s.at++
		return true
	}
	return false
}

func (s *Scanner) digits() bool {
	start := s.at
	for s.at < len(s.text) && s.text[s.at] >= '0' && s.text[s.at] <= '9' {
		s.at++
	}
	return s.at > start
}

// quoted takes a string.
func (s *Scanner) quoted() (string, error) {
	raw, plain, err := s.span()
	if err != nil || plain {
		return raw, err
	}
	return unescape(raw), nil
}

// span takes a string and returns what is between its quotes, and whether that is already the text that it stands for.
func (s *Scanner) span() (raw string, plain bool, err error) {
	if s.space(); !s.takeIf('"') {
		return "", false, s.fault()
	}
	start, ascii, escaped := s.at, true, false
	for s.at < len(s.text) {
		switch c := s.text[s.at]; {
		case c == '"':
			raw = s.text[start:s.at]
			s.at++
			return raw, !escaped && (ascii || utf8.ValidString(raw)), nil
		case c == '\\':
			escaped = true
			if err := s.escape(); err != nil {
				return "", false, err
			}
		case c < ' ':
			return "", false, s.fault()
		default:
			ascii = ascii && c < utf8.RuneSelf
			s.at++
		}
	}
	return "", false, s.fault()
}

// escape takes one backslash sequence.
func (s *Scanner) escape() error {
	if s.at+1 >= len(s.text) {
		return s.fault()
	}
	switch s.text[s.at+1] {
	case '"', '\\', '/', 'b', 'f', 'n', 'r', 't':
		s.at += 2
		return nil
	case 'u':
		if s.at+6 <= len(s.text) && isHex(s.text[s.at+2:s.at+6]) {
			s.at += 6
			return nil
		}
	}
	return s.fault()
}

func isHex(digits string) bool {
	for _, c := range []byte(digits) {
		if !(c >= '0' && c <= '9' || c >= 'a' && c <= 'f' || c >= 'A' && c <= 'F') {
			return false
		}
	}
	return true
}

// unescape turns the checked inside of a JSON string into the text that it stands for.
func unescape(raw string) string {
	var b strings.Builder
	b.Grow(len(raw))
	for i := 0; i < len(raw); {
		c := raw[i]
		if c != '\\' {
			b.WriteByte(c)
			i++
			continue
		}
		switch c = raw[i+1]; c {
		case 'b':
			b.WriteByte('\b')
		case 'f':
			b.WriteByte('\f')
		case 'n':
			b.WriteByte('\n')
		case 'r':
			b.WriteByte('\r')
		case 't':
			b.WriteByte('\t')
		case 'u':
			r := codeUnit(raw[i:])
			i += 6
			if low := codeUnit(raw[i:]); r >= 0xD800 && r < 0xDC00 && low >= 0xDC00 && low < 0xE000 {
				r = (r-0xD800)<<10 | (low - 0xDC00) + 0x10000
				i += 6
			}
			b.WriteRune(r) // half of a pair becomes U+FFFD
			continue
		default:
			b.WriteByte(c)
		}
		i += 2
	}
	return strings.ToValidUTF8(b.String(), "\uFFFD")
}

// codeUnit reads a \uXXXX sequence at the start of raw, or gives -1.
func codeUnit(raw string) rune {
	if len(raw) < 6 || raw[0] != '\\' || raw[1] != 'u' {
		return -1
	}
	n, _ := strconv.ParseUint(raw[2:6], 16, 32)
	return rune(n)
}
