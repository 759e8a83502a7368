package okta

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// filter is a parsed filter expression: a comparison, or two or more filters joined.
type filter struct {
	join     string // and, or, not; "" is a comparison
	parts    []*filter
	path     string
	operator string
	value    string
}

// dialect is what one endpoint takes of the filter language.
type dialect struct {
	operators func(path string) []string // none: the property is not known
	joins     []string
	exact     bool // values are compared with their letter case
}

// maxFilter is the longest filter that is read; deepest how far it may be nested.
const (
	maxFilter = 16 << 10
	deepest   = 20
)

// parseFilter reads an expression such as: status eq "ACTIVE" and (id eq "1" or id eq "2").
func parseFilter(text string, d dialect) (*filter, error) {
	if len(text) > maxFilter {
		return nil, fmt.Errorf("the filter is longer than %d bytes", maxFilter)
	}
	p := &filterParser{rest: text, dialect: d}
	p.next()
	f, err := p.or(0)
	if err == nil && p.word != "" {
		err = fmt.Errorf("%s is one too many", p.word)
	}
	return f, err
}

// filterParser holds the word that comes next; "" is the end.
type filterParser struct {
	rest    string
	word    string
	quoted  bool // the word stood in quotation marks
	bad     bool // a quotation mark is missing
	dialect dialect
}

func (p *filterParser) next() {
	p.rest = strings.TrimLeft(p.rest, " ")
	p.quoted = false
	switch {
	case p.rest == "":
		p.word = ""
	case p.rest[0] == '(' || p.rest[0] == ')':
		p.word, p.rest = p.rest[:1], p.rest[1:]
	case p.rest[0] == '"':
		p.text()
	default:
		end := strings.IndexAny(p.rest, ` ()"`)
		if end < 0 {
			end = len(p.rest)
		}
		p.word, p.rest = p.rest[:end], p.rest[end:]
	}
}

// text reads a word in quotation marks, with backslashes before those that belong to it.
func (p *filterParser) text() {
	var b strings.Builder
	for i := 1; i < len(p.rest); i++ {
		switch c := p.rest[i]; {
		case c == '\\' && i+1 < len(p.rest):
			i++
			b.WriteByte(p.rest[i])
		case c == '"':
			p.word, p.quoted, p.rest = b.String(), true, p.rest[i+1:]
			return
		default:
			b.WriteByte(c)
		}
	}
	p.word, p.rest, p.bad = p.rest, "", true
}

// is says whether the next word is a keyword.
func (p *filterParser) is(word string) bool { return !p.quoted && strings.EqualFold(p.word, word) }

func (p *filterParser) or(depth int) (*filter, error) { return p.joined("or", depth, p.and) }

func (p *filterParser) and(depth int) (*filter, error) { return p.joined("and", depth, p.one) }

func (p *filterParser) joined(word string, depth int, part func(int) (*filter, error)) (*filter, error) {
	first, err := part(depth)
	if err != nil || !p.is(word) {
		return first, err
	}
	if !slices.Contains(p.dialect.joins, word) {
		return nil, fmt.Errorf("%s is not supported", word)
	}
	all := &filter{join: word, parts: []*filter{first}}
	for p.is(word) {
		p.next()
		next, err := part(depth)
		if err != nil {
			return nil, err
		}
		all.parts = append(all.parts, next)
	}
	return all, nil
}

func (p *filterParser) one(depth int) (*filter, error) {
	switch {
	case depth > deepest:
		return nil, fmt.Errorf("it is nested too deeply")
	case p.is("not") && slices.Contains(p.dialect.joins, "not"):
		p.next()
		inner, err := p.one(depth + 1)
		return &filter{join: "not", parts: []*filter{inner}}, err
	case p.is("("):
		p.next()
		inner, err := p.or(depth + 1)
		if err == nil && !p.is(")") {
			err = fmt.Errorf("a closing bracket is missing")
		}
		p.next()
		return inner, err
	}
	return p.comparison()
}

func (p *filterParser) comparison() (*filter, error) {
	f := &filter{path: p.word}
	if p.quoted || p.word == "" || p.is(")") {
		return nil, fmt.Errorf("a property is missing")
	}
	p.next()
	f.operator = strings.ToLower(p.word)
	if !slices.Contains(p.dialect.operators(f.path), f.operator) || p.quoted {
		return nil, fmt.Errorf("%s %s is not supported", f.path, p.word)
	}
	p.next()
	if f.operator == "pr" {
		return f, nil
	}
	f.value = p.word
	if p.bad || !p.quoted && (p.word == "" || p.is("(") || p.is(")")) {
		return nil, fmt.Errorf("a value is missing after %s %s", f.path, f.operator)
	}
	p.next()
	return f, nil
}

// match says whether something passes; of returns all its values of a property.
func (f *filter) match(d dialect, of func(path string) []string) bool {
	pass := func(part *filter) bool { return part.match(d, of) }
	switch f.join {
	case "and":
		return !slices.ContainsFunc(f.parts, func(part *filter) bool { return !pass(part) })
	case "or":
		return slices.ContainsFunc(f.parts, pass)
	case "not":
		return !pass(f.parts[0])
	}
	values := of(f.path)
	if f.operator == "ne" {
		return !slices.ContainsFunc(values, func(have string) bool { return compare(have, "eq", f.value, d.exact) })
	}
	return slices.ContainsFunc(values, func(have string) bool { return compare(have, f.operator, f.value, d.exact) })
}

func compare(have, operator, want string, exact bool) bool {
	if !exact {
		have, want = strings.ToLower(have), strings.ToLower(want)
	}
	order := strings.Compare(have, want)
	if one, err := time.Parse(time.RFC3339, strings.ToUpper(have)); err == nil {
		if other, err := time.Parse(time.RFC3339, strings.ToUpper(want)); err == nil {
			order = one.Compare(other)
		}
	}
	switch operator {
	case "eq":
		return order == 0
	case "sw":
		return strings.HasPrefix(have, want)
	case "ew":
		return strings.HasSuffix(have, want)
	case "co":
		return strings.Contains(have, want)
	case "gt":
		return order > 0
	case "ge":
		return order >= 0
	case "lt":
		return order < 0
	case "le":
		return order <= 0
	}
	return true // pr: there is a value
}

// ids are the only ids that can pass, where the filter says so; not, anything may.
func (f *filter) ids() ([]string, bool) {
	var all []string
	switch f.join {
	case "":
		return []string{f.value}, f.path == "id" && f.operator == "eq"
	case "or":
		for _, part := range f.parts {
			some, ok := part.ids()
			if !ok {
				return nil, false
			}
			all = append(all, some...)
		}
		return all, true
	case "and":
		for _, part := range f.parts {
			if some, ok := part.ids(); ok {
				return some, true
			}
		}
	}
	return nil, false
}
