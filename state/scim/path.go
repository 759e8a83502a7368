package scim

import "strings"

// Path is a parsed attribute path (RFC 7644 §3.5.2): attr, attr.sub, attr[filter], attr[filter].sub, each optionally with a URN prefix.
type Path struct {
	URN    string // "" = core schema
	Attr   string
	Filter *Filter // value filter, or nil
	Sub    string
}

// ParsePath parses a path. A URN ends at the last colon before the attribute's name, so that it may have dots and colons. Errors are
// *Error 400 invalidPath with the position in bytes, from 1.
func ParsePath(text string, limits Limits) (Path, error) {
	p, err := newParser(TypeInvalidPath, "path", text, limits)
	if err != nil {
		return Path{}, err
	}
	p.skipSpace()
	path, err := p.path()
	if err != nil {
		return Path{}, err
	}
	if p.skipSpace(); p.pos < len(p.text) {
		return Path{}, p.fault("the path ends before this")
	}
	return path, nil
}

// String returns the path as ParsePath reads it.
func (p Path) String() string {
	var b strings.Builder
	p.write(&b)
	return b.String()
}

func (p Path) write(b *strings.Builder) {
	if p.URN != "" {
		b.WriteString(p.URN)
		b.WriteByte(':')
	}
	b.WriteString(p.Attr)
	if p.Filter != nil {
		b.WriteByte('[')
		p.Filter.write(b)
		b.WriteByte(']')
	}
	if p.Sub != "" {
		b.WriteByte('.')
		b.WriteString(p.Sub)
	}
}
