package scim

import (
	"fmt"
	"strings"
	"sync"
	"unicode/utf16"
	"unicode/utf8"
)

// ReadJSON decodes one JSON document (RFC 8259), the only JSON reader for what an identity provider sends. Names are kept as sent, in
// the order sent. A name given twice in an object, without regard to case, is refused: which of the two counts would be a guess.
// So are trailing data, bad UTF-8, lone surrogates and anything beyond the limits. Errors are *Error, invalidSyntax, with the
// position of the fault in bytes, from 1. The value keeps one copy of the document alive and nothing of data itself.
func ReadJSON(data []byte, limits Limits) (Value, error) {
	limits = limits.orDefault()
	r := reader{text: string(data), depth: limits.Depth, nodes: limits.Nodes, untrusted: true}
	if !utf8.ValidString(r.text) {
		return Value{}, r.faultAt(firstInvalid(r.text), "text is not UTF-8")
	}
	return r.document()
}

// Decode reads a resource that AppendJSON wrote, faster than ReadJSON because it looks for neither repeated names nor bad UTF-8.
func Decode(data []byte) (Value, error) {
	r := reader{text: string(data), depth: DefaultLimits.Depth, nodes: DefaultLimits.Nodes}
	return r.document()
}

// reader decodes one document in one pass.
type reader struct {
	text      string
	pos       int
	depth     int  // how much deeper it may get
	nodes     int  // how many more values there may be
	untrusted bool // repeated names are looked for

	*scratch
}

// scratch is what has been read of the objects and lists that are still open, so that each is allocated once and to size.
type scratch struct {
	fields []Field
	items  []Value
}

var scratches = sync.Pool{New: func() any { return &scratch{fields: make([]Field, 0, 64), items: make([]Value, 0, 32)} }}

// mostScratch is up to how many fields or items a scratch is used again.
const mostScratch = 256

func (s *scratch) release() {
	if cap(s.fields) > mostScratch || cap(s.items) > mostScratch {
		return
	}
	clear(s.fields[:cap(s.fields)]) // keep no document alive
	clear(s.items[:cap(s.items)])
	s.fields, s.items = s.fields[:0], s.items[:0]
	scratches.Put(s)
}

func (r *reader) document() (Value, error) {
	r.scratch = scratches.Get().(*scratch)
	defer r.scratch.release()
	v, err := r.value()
	if err != nil {
		return Value{}, err
	}
	if r.skipSpace(); r.pos < len(r.text) {
		return Value{}, r.fault("the document ends before this")
	}
	return v, nil
}

func (r *reader) value() (Value, error) {
	if r.nodes--; r.nodes < 0 {
		return Value{}, r.fault("the document has too many values")
	}
	r.skipSpace()
	if r.pos == len(r.text) {
		return Value{}, r.fault("a value is missing")
	}
	switch c := r.text[r.pos]; c {
	case '{', '[':
		return r.nested(c)
	case '"':
		s, err := r.string()
		return Value{Kind: String, Text: s}, err
	case 't':
		return r.word("true", BoolValue(true))
	case 'f':
		return r.word("false", BoolValue(false))
	case 'n':
		return r.word("null", Value{})
	default:
		return r.number()
	}
}

func (r *reader) nested(opening byte) (v Value, err error) {
	if r.depth == 0 {
		return Value{}, r.fault("the document is nested too deeply")
	}
	r.depth--
	r.pos++
	if opening == '{' {
		v, err = r.object()
	} else {
		v, err = r.array()
	}
	r.depth++
	return v, err
}

func (r *reader) object() (Value, error) {
	start := len(r.fields)
	if r.skipSpace(); r.take('}') {
		return Value{Kind: Object}, nil
	}
	var seen names
	for {
		if r.skipSpace(); r.pos == len(r.text) || r.text[r.pos] != '"' {
			return Value{}, r.fault("a name in double quotes is wanted")
		}
		at := r.pos
		name, err := r.string()
		if err != nil {
			return Value{}, err
		}
		if r.untrusted && seen.repeated(r.fields[start:], name) {
			return Value{}, r.faultAt(at, "the name %q is there a second time (letter case does not count)", clip(name))
		}
		if r.skipSpace(); !r.take(':') {
			return Value{}, r.fault("a colon is wanted")
		}
		v, err := r.value()
		if err != nil {
			return Value{}, err
		}
		r.fields = append(r.fields, Field{Name: name, Value: v})
		if r.skipSpace(); r.take(',') {
			continue
		}
		if !r.take('}') {
			return Value{}, r.fault("a comma or } is wanted")
		}
		fields := append([]Field(nil), r.fields[start:]...)
		r.fields = r.fields[:start]
		return Value{Kind: Object, Fields: fields}, nil
	}
}

// names are those of an object that has so many that comparing each with each would take long; nil before.
type names map[string]struct{}

// fewFields is up to how many names comparing is quicker than a map.
const fewFields = 24

// repeated reports whether an object with the fields has the name already.
func (n *names) repeated(fields []Field, name string) bool {
	if len(fields) < fewFields {
		for i := range fields {
			if EqualFold(fields[i].Name, name) {
				return true
			}
		}
		return false
	}
	if *n == nil {
		*n = make(names, 2*fewFields)
		for i := range fields {
			(*n)[lowerASCII(fields[i].Name)] = struct{}{}
		}
	}
	name = lowerASCII(name)
	_, there := (*n)[name]
	(*n)[name] = struct{}{}
	return there
}

func (r *reader) array() (Value, error) {
	start := len(r.items)
	if r.skipSpace(); r.take(']') {
		return Value{Kind: Array}, nil
	}
	for {
		v, err := r.value()
		if err != nil {
			return Value{}, err
		}
		r.items = append(r.items, v)
		if r.skipSpace(); r.take(',') {
			continue
		}
		if !r.take(']') {
			return Value{}, r.fault("a comma or ] is wanted")
		}
		items := append([]Value(nil), r.items[start:]...)
		r.items = r.items[:start]
		return Value{Kind: Array, List: items}, nil
	}
}

// string reads a string, from its opening quote to past its closing one. Without escapes it is a part of the document.
func (r *reader) string() (string, error) {
	start := r.pos + 1
	for i := start; i < len(r.text); i++ {
		switch c := r.text[i]; {
		case c == '"':
			r.pos = i + 1
			return r.text[start:i], nil
		case c == '\\':
			return r.escaped(start, i)
		case c < ' ':
			return "", r.faultAt(i, "a control character must be escaped")
		}
	}
	return "", r.fault("a string has no end")
}

// escaped reads on from the first backslash of a string.
func (r *reader) escaped(start, i int) (string, error) {
	var b strings.Builder
	b.Grow(i - start + 32)
	for {
		b.WriteString(r.text[start:i])
		if i == len(r.text) {
			return "", r.fault("a string has no end")
		}
		switch c := r.text[i]; {
		case c == '"':
			r.pos = i + 1
			return b.String(), nil
		case c < ' ':
			return "", r.faultAt(i, "a control character must be escaped")
		}
		char, size := unescape(r.text[i:])
		if size == 0 {
			return "", r.faultAt(i, "this is no escape that JSON knows")
		}
		b.WriteRune(char)
		start = i + size
		for i = start; i < len(r.text) && r.text[i] != '"' && r.text[i] != '\\' && r.text[i] >= ' '; i++ {
		}
	}
}

// unescape decodes the escape that text begins with; its size is 0 when it is none.
func unescape(text string) (char rune, size int) {
	if len(text) < 2 {
		return 0, 0
	}
	switch c := text[1]; c {
	case '"', '\\', '/':
		return rune(c), 2
	case 'b':
		return '\b', 2
	case 'f':
		return '\f', 2
	case 'n':
		return '\n', 2
	case 'r':
		return '\r', 2
	case 't':
		return '\t', 2
	case 'u':
		first := hex4(text[2:])
		if first >= 0 && !utf16.IsSurrogate(first) {
			return first, 6
		}
		if len(text) > 8 && text[6] == '\\' && text[7] == 'u' {
			if pair := utf16.DecodeRune(first, hex4(text[8:])); pair != utf8.RuneError {
				return pair, 12
			}
		}
	}
	return 0, 0
}

// hex4 decodes the four hexadecimal digits that text begins with; -1 when it does not.
func hex4(text string) rune {
	if len(text) < 4 {
		return -1
	}
	var n rune
	for i := range 4 {
		switch c := lower(text[i]); {
		case '0' <= c && c <= '9':
			n = n<<4 | rune(c-'0')
		case 'a' <= c && c <= 'f':
			n = n<<4 | rune(c-'a'+10)
		default:
			return -1
		}
	}
	return n
}

func (r *reader) number() (Value, error) {
	end := numberEnd(r.text, r.pos)
	if end == r.pos {
		return Value{}, r.fault("no value begins like this")
	}
	v := Value{Kind: Number, Text: r.text[r.pos:end]}
	r.pos = end
	return v, nil
}

func (r *reader) word(word string, v Value) (Value, error) {
	if !strings.HasPrefix(r.text[r.pos:], word) {
		return Value{}, r.fault("no value begins like this")
	}
	r.pos += len(word)
	return v, nil
}

func (r *reader) skipSpace() {
	for r.pos < len(r.text) {
		switch r.text[r.pos] {
		case ' ', '\t', '\n', '\r':
			r.pos++
		default:
			return
		}
	}
}

func (r *reader) take(c byte) bool {
	if r.pos < len(r.text) && r.text[r.pos] == c {
		r.pos++
		return true
	}
	return false
}

func (r *reader) fault(format string, args ...any) error { return r.faultAt(r.pos, format, args...) }

func (r *reader) faultAt(pos int, format string, args ...any) error {
	return BadRequest(TypeInvalidSyntax, "the JSON is faulty at byte %d: %s", pos+1, fmt.Sprintf(format, args...))
}

func firstInvalid(text string) int {
	for i, char := range text {
		if char == utf8.RuneError && !strings.HasPrefix(text[i:], string(utf8.RuneError)) {
			return i
		}
	}
	return len(text)
}

// clip shortens a name that an error shows.
func clip(name string) string {
	const most = 100
	if len(name) > most {
		return name[:most] + "…"
	}
	return name
}
