package mapping

import (
	"strings"
	"unicode/utf8"
)

const (
	maxLength  = 10_000 // characters; Entra's own limit
	maxNesting = 64     // calls within calls
)

type treeKind uint8

const (
	treeAttribute treeKind = iota + 1 // [text]
	treeText                          // "text"
	treeNumber
	treeWord    // an enumeration's word
	treeCall    // text(args…)
	treeCompare // args[0] text args[1]
	treeAbsent  // an argument left empty: not given, which is not the same as ""
)

// tree is an expression as it was written.
type tree struct {
	kind   treeKind
	at     int    // column, from 1
	text   string // see the kinds; a number as it was written, a comparison's operator
	number int64
	args   []*tree
}

// parse reads a source: [attribute], "constant" or a call. It looks at form only; see check for the rest.
func parse(source string) (*tree, *problem) {
	if !utf8.ValidString(source) {
		return nil, problemf(0, "the expression is not valid UTF-8")
	}
	runes := []rune(source)
	if len(runes) > maxLength {
		return nil, problemf(0, "the expression has %d characters; %d is the limit", len(runes), maxLength)
	}
	p := parser{lexer: lexer{source: runes}}
	if err := p.advance(); err != nil {
		return nil, err
	}
	t, err := p.operand(0)
	if err != nil {
		return nil, err
	}
	switch {
	case p.token.kind == tokenCompare:
		return nil, problemf(p.token.at, "a comparison stands only within a function, such as IIF or CBool")
	case p.token.kind != tokenEnd:
		return nil, problemf(p.token.at, "the expression has ended before this; a whole expression is one attribute, one text or one function")
	case t.kind == treeNumber:
		return nil, problemf(t.at, `a constant stands in double quotes: "%s"`, t.text)
	case t.kind == treeWord:
		return nil, strayWord(t)
	}
	return t, nil
}

type parser struct {
	lexer lexer
	token token
}

func (p *parser) advance() (err *problem) {
	p.token, err = p.lexer.token()
	return err
}

// operand reads an attribute, a text, a number, a word or a call.
func (p *parser) operand(depth int) (*tree, *problem) {
	t := &tree{at: p.token.at, text: p.token.text, number: p.token.number}
	switch p.token.kind {
	case tokenAttribute:
		t.kind = treeAttribute
	case tokenText:
		t.kind = treeText
	case tokenNumber:
		t.kind = treeNumber
	case tokenName:
		t.kind = treeWord
	case tokenEnd:
		return nil, problemf(p.token.at, "the expression ends where an attribute, a text or a function is missing")
	default:
		return nil, problemf(p.token.at, "an attribute, a text or a function is missing here")
	}
	if err := p.advance(); err != nil {
		return nil, err
	}
	if t.kind != treeWord || p.token.kind != tokenOpen {
		return t, nil
	}
	if depth == maxNesting {
		return nil, problemf(t.at, "functions are nested more than %d deep", maxNesting)
	}
	t.kind = treeCall
	return t, p.arguments(t, depth+1)
}

// arguments reads what stands between a call's parentheses.
func (p *parser) arguments(call *tree, depth int) *problem {
	open := p.token.at
	if err := p.advance(); err != nil {
		return err
	}
	if p.token.kind == tokenClose {
		return p.advance()
	}
	for {
		arg, err := p.argument(depth)
		if err != nil {
			return err
		}
		call.args = append(call.args, arg)
		switch p.token.kind {
		case tokenComma:
			if err := p.advance(); err != nil {
				return err
			}
		case tokenClose:
			return p.advance()
		case tokenEnd:
			return problemf(open, "the parenthesis opened here is not closed")
		case tokenName:
			if word := strings.ToUpper(p.token.text); word == "AND" || word == "OR" {
				return problemf(p.token.at, "there is no %s; put one IIF into another", word)
			}
			fallthrough
		default:
			return problemf(p.token.at, "a comma or a closing parenthesis is missing before this")
		}
	}
}

// argument reads one argument, which may be empty or a comparison.
func (p *parser) argument(depth int) (*tree, *problem) {
	if p.token.kind == tokenComma || p.token.kind == tokenClose {
		return &tree{kind: treeAbsent, at: p.token.at}, nil
	}
	left, err := p.operand(depth)
	if err != nil || p.token.kind != tokenCompare {
		return left, err
	}
	t := &tree{kind: treeCompare, at: p.token.at, text: p.token.text}
	if err := p.advance(); err != nil {
		return nil, err
	}
	right, err := p.operand(depth)
	if err != nil {
		return nil, err
	}
	if p.token.kind == tokenCompare {
		return nil, problemf(p.token.at, "comparisons can't be chained; nest IIF instead")
	}
	t.args = []*tree{left, right}
	return t, nil
}

func strayWord(t *tree) *problem {
	return problemf(t.at, `%s is no function here; text stands in double quotes ("%s"), an attribute in square brackets ([%s])`, t.text, t.text, t.text)
}

// walk visits a tree and everything below it, parents first.
func (t *tree) walk(visit func(*tree)) {
	visit(t)
	for _, arg := range t.args {
		arg.walk(visit)
	}
}
