package scim

import (
	"strconv"
	"strings"
	"unicode/utf8"
)

// Op is a node's operator in a filter.
type Op string

const (
	OpAnd  Op = "and"
	OpOr   Op = "or"
	OpNot  Op = "not"
	OpPath Op = "path" // a value filter attr[...]

	OpPresent        Op = "pr"
	OpEqual          Op = "eq"
	OpNotEqual       Op = "ne"
	OpContains       Op = "co"
	OpStartsWith     Op = "sw"
	OpEndsWith       Op = "ew"
	OpGreater        Op = "gt"
	OpGreaterOrEqual Op = "ge"
	OpLess           Op = "lt"
	OpLessOrEqual    Op = "le"
)

// Filter is a node of a parsed filter (RFC 7644 §3.4.2.2).
type Filter struct {
	Op    Op
	Path  Path      // of a comparison or value filter (a value filter's own Filter is nil: the inner filter is in Args[0])
	Value Value     // of a comparison; a bareword is a String
	Args  []*Filter // of and, or (two or more, none of them of the same Op), not and path (one)
}

// ParseFilter parses a filter. Attribute operators bind tightest, then not, and, or. Names and operators are read without regard to letter
// case. Beyond the RFC, a value may be a bare word (userName eq ada), a value filter may lead to a sub-attribute
// (emails[type eq "work"].value eq "x"), and not may do without parentheses. Errors are *Error 400 invalidFilter with the position in bytes, from 1.
func ParseFilter(text string, limits Limits) (*Filter, error) {
	p, err := newParser(TypeInvalidFilter, "filter", text, limits)
	if err != nil {
		return nil, err
	}
	f, err := p.or()
	if err != nil {
		return nil, err
	}
	if p.pos < len(p.text) {
		return nil, p.fault("and, or, or the end is wanted")
	}
	return f, nil
}

// String returns the filter as ParseFilter reads it.
func (f *Filter) String() string {
	var b strings.Builder
	f.write(&b)
	return b.String()
}

func (f *Filter) write(b *strings.Builder) {
	switch f.Op {
	case OpAnd, OpOr:
		for i, arg := range f.Args {
			if i > 0 {
				b.WriteByte(' ')
				b.WriteString(string(f.Op))
				b.WriteByte(' ')
			}
			if arg.Op == OpOr || arg.Op == OpAnd {
				arg.writeGrouped(b)
			} else {
				arg.write(b)
			}
		}
	case OpNot:
		b.WriteString("not ")
		f.Args[0].writeGrouped(b)
	case OpPath:
		f.Path.write(b)
		b.WriteByte('[')
		f.Args[0].write(b)
		b.WriteByte(']')
	default:
		f.Path.write(b)
		b.WriteByte(' ')
		b.WriteString(string(f.Op))
		if f.Op != OpPresent {
			b.WriteByte(' ')
			b.Write(f.Value.AppendJSON(nil))
		}
	}
}

func (f *Filter) writeGrouped(b *strings.Builder) {
	b.WriteByte('(')
	f.write(b)
	b.WriteByte(')')
}

// parser reads filters and paths. It goes no deeper than the limit, so that its stack is bounded.
type parser struct {
	scimType string
	what     string // "filter" or "path"
	text     string
	pos      int
	depth    int // how much deeper it may get
	nodes    int // how many more terms there may be
	strict   bool
}

func newParser(scimType, what, text string, limits Limits) (*parser, error) {
	limits = limits.orDefault()
	p := &parser{scimType: scimType, what: what, text: text, depth: limits.Depth, nodes: limits.Nodes, strict: limits.Strict}
	if !utf8.ValidString(text) {
		return nil, p.faultAt(firstInvalid(text), "text is not UTF-8")
	}
	return p, nil
}

func (p *parser) or() (*Filter, error)  { return p.chain(OpOr, (*parser).and) }
func (p *parser) and() (*Filter, error) { return p.chain(OpAnd, (*parser).factor) }

// chain reads terms joined by an operator. Terms that are themselves such a chain, in parentheses, become part of it.
func (p *parser) chain(op Op, term func(*parser) (*Filter, error)) (*Filter, error) {
	var args []*Filter
	for {
		f, err := term(p)
		if err != nil {
			return nil, err
		}
		if p.skipSpace(); !p.keyword(string(op)) {
			if args == nil {
				return f, nil
			}
			return &Filter{Op: op, Args: flatten(args, op, f)}, nil
		}
		args = flatten(args, op, f)
	}
}

func flatten(args []*Filter, op Op, f *Filter) []*Filter {
	if f.Op == op {
		return append(args, f.Args...)
	}
	return append(args, f)
}

func (p *parser) factor() (*Filter, error) {
	p.skipSpace()
	if p.take('(') {
		return p.enclosed(')', (*parser).or)
	}
	if !p.keyword("not") {
		return p.term()
	}
	if p.strict {
		if p.skipSpace(); !p.take('(') {
			return nil, p.fault("( is wanted after not")
		}
		p.pos--
	}
	f, err := p.deeper((*parser).factor)
	if err != nil {
		return nil, err
	}
	return &Filter{Op: OpNot, Args: []*Filter{f}}, nil
}

// enclosed reads what stands before the closing bracket, the opening one having been read.
func (p *parser) enclosed(closing byte, read func(*parser) (*Filter, error)) (*Filter, error) {
	f, err := p.deeper(read)
	if err != nil {
		return nil, err
	}
	if p.skipSpace(); !p.take(closing) {
		return nil, p.fault("%c is wanted", closing)
	}
	return f, nil
}

func (p *parser) deeper(read func(*parser) (*Filter, error)) (*Filter, error) {
	if p.depth == 0 {
		return nil, p.fault("the %s is nested too deeply", p.what)
	}
	p.depth--
	f, err := read(p)
	p.depth++
	return f, err
}

// term reads a comparison or a value filter.
func (p *parser) term() (*Filter, error) {
	if p.nodes--; p.nodes < 0 {
		return nil, p.fault("the %s has too many terms", p.what)
	}
	path, err := p.path()
	if err != nil {
		return nil, err
	}
	p.skipSpace()
	at := p.pos
	op := p.operator()
	switch {
	case op != "" && path.Filter != nil && p.strict:
		return nil, p.faultAt(at, "a term ends with its value filter; compare inside it")
	case op == OpPresent:
		return &Filter{Op: op, Path: path}, nil
	case op != "":
		v, err := p.operand()
		if err != nil {
			return nil, err
		}
		return &Filter{Op: op, Path: path, Value: v}, nil
	case path.Filter != nil && path.Sub == "":
		p.pos = at
		inner := path.Filter
		path.Filter = nil
		return &Filter{Op: OpPath, Path: path, Args: []*Filter{inner}}, nil
	}
	p.pos = at
	return nil, p.fault("an operator is wanted: eq, ne, co, sw, ew, gt, ge, lt, le or pr")
}

// path reads an attribute path.
func (p *parser) path() (Path, error) {
	at := p.pos
	word := p.word()
	var path Path
	if colon := strings.LastIndexByte(word, ':'); colon >= 0 {
		path.URN, word = word[:colon], word[colon+1:]
		if path.URN == "" {
			return Path{}, p.faultAt(at, "a URN is wanted before the colon")
		}
	}
	var dotted bool
	path.Attr, path.Sub, dotted = strings.Cut(word, ".")
	if !isName(path.Attr) || dotted && !isName(path.Sub) {
		return Path{}, p.faultAt(at, "an attribute's name is wanted, such as userName, name.givenName or emails[type eq \"work\"].value")
	}
	if dotted || !p.take('[') {
		return path, nil
	}
	inner, err := p.enclosed(']', (*parser).or)
	if err != nil {
		return Path{}, err
	}
	if nested(inner) {
		return Path{}, p.faultAt(at, "a value filter can't have another one inside")
	}
	path.Filter = inner
	if p.take('.') {
		at = p.pos
		if path.Sub = p.word(); !isName(path.Sub) {
			return Path{}, p.faultAt(at, "a sub-attribute's name is wanted")
		}
	}
	return path, nil
}

// nested reports whether a filter has value filters.
func nested(f *Filter) bool {
	if f.Op == OpPath || f.Path.Filter != nil {
		return true
	}
	for _, arg := range f.Args {
		if nested(arg) {
			return true
		}
	}
	return false
}

// operator reads an attribute operator; "" when none comes next.
func (p *parser) operator() Op {
	switch op := Op(lowerASCII(p.word())); op {
	case OpPresent, OpEqual, OpNotEqual, OpContains, OpStartsWith, OpEndsWith, OpGreater, OpGreaterOrEqual, OpLess, OpLessOrEqual:
		return op
	}
	return ""
}

// operand reads what an attribute is compared with: a JSON value that is no list and no object, or a bare word.
func (p *parser) operand() (Value, error) {
	p.skipSpace()
	if p.pos < len(p.text) && p.text[p.pos] == '"' {
		r := reader{text: p.text, pos: p.pos}
		s, err := r.string()
		if err != nil {
			return Value{}, p.fault("a string in double quotes is wanted, written as in JSON")
		}
		p.pos = r.pos
		return StringValue(s), nil
	}
	start := p.pos
	for p.pos < len(p.text) && strings.IndexByte(" \t\r\n()[]\"", p.text[p.pos]) < 0 {
		p.pos++
	}
	switch word := p.text[start:p.pos]; {
	case word == "" || word[0] == '\'' || word[0] == '{':
		return Value{}, p.faultAt(start, "a value is wanted; text stands in double quotes")
	case word == "true":
		return BoolValue(true), nil
	case word == "false":
		return BoolValue(false), nil
	case word == "null":
		return Value{}, nil
	case isNumber(word):
		return Value{Kind: Number, Text: word}, nil
	case p.strict:
		return Value{}, p.faultAt(start, "text stands in double quotes")
	default:
		return StringValue(word), nil
	}
}

// word reads up to the next space, bracket or quote.
func (p *parser) word() string {
	start := p.pos
	for p.pos < len(p.text) && strings.IndexByte(" \t\r\n()[]\",", p.text[p.pos]) < 0 {
		p.pos++
	}
	return p.text[start:p.pos]
}

// keyword reads the word if it comes next.
func (p *parser) keyword(word string) bool {
	at := p.pos
	if EqualFold(p.word(), word) {
		return true
	}
	p.pos = at
	return false
}

func (p *parser) skipSpace() {
	for p.pos < len(p.text) && strings.IndexByte(" \t\r\n", p.text[p.pos]) >= 0 {
		p.pos++
	}
}

func (p *parser) take(c byte) bool {
	if p.pos < len(p.text) && p.text[p.pos] == c {
		p.pos++
		return true
	}
	return false
}

func (p *parser) fault(format string, args ...any) error { return p.faultAt(p.pos, format, args...) }

func (p *parser) faultAt(pos int, format string, args ...any) error {
	e := BadRequest(p.scimType, format, args...)
	e.Detail = "the " + p.what + " is faulty at byte " + strconv.Itoa(pos+1) + ": " + e.Detail
	return e
}
