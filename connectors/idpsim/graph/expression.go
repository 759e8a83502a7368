package graph

import (
	"encoding/json"
	"fmt"
	"strings"

	"rollcall/connectors/idpsim"
	"rollcall/connectors/idpsim/internal/wire"
)

// expression is one node of an attribute mapping: an attribute, a constant or a function.
type expression struct {
	kind       string // Attribute, Constant, Function
	name       string
	text       string        // as written
	parameters []*expression // nil where an argument was left out
}

// deepest is how far functions may be nested.
const deepest = 50

// parseExpression reads the text of a mapping's source.
func parseExpression(text string) (*expression, error) {
	p := &expressionParser{text: text}
	e, err := p.node(0)
	if err == nil && p.blank() < len(text) {
		err = fmt.Errorf("unexpected %q at position %d", text[p.at:], p.at)
	}
	return e, err
}

type expressionParser struct {
	text string
	at   int
}

// blank skips white space and returns the position.
func (p *expressionParser) blank() int {
	for p.at < len(p.text) && strings.ContainsRune(" \t\r\n", rune(p.text[p.at])) {
		p.at++
	}
	return p.at
}

// peek returns the next character that is not blank, 0 at the end.
func (p *expressionParser) peek() byte {
	if p.blank() == len(p.text) {
		return 0
	}
	return p.text[p.at]
}

func (p *expressionParser) node(depth int) (*expression, error) {
	start := p.blank()
	if depth > deepest {
		return nil, fmt.Errorf("functions are nested deeper than %d", deepest)
	}
	switch p.peek() {
	case 0:
		return nil, fmt.Errorf("the expression ends early")
	case '[':
		end := strings.IndexByte(p.text[start:], ']')
		if end < 0 {
			return nil, fmt.Errorf("the bracket at position %d is not closed", start)
		}
		p.at += end + 1
		return &expression{kind: "Attribute", name: p.text[start+1 : p.at-1], text: p.text[start:p.at]}, nil
	case '"':
		return p.constant()
	}
	return p.function(depth)
}

func (p *expressionParser) constant() (*expression, error) {
	start := p.at
	var value strings.Builder
	for p.at++; p.at < len(p.text); p.at++ {
		switch c := p.text[p.at]; {
		case c == '\\' && p.at+1 < len(p.text):
			p.at++
			value.WriteByte(p.text[p.at])
		case c == '"':
			p.at++
			return &expression{kind: "Constant", name: value.String(), text: p.text[start:p.at]}, nil
		default:
			value.WriteByte(c)
		}
	}
	return nil, fmt.Errorf("the quote at position %d is not closed", start)
}

// function reads a name with its arguments. A word without any is a constant, such as a number.
func (p *expressionParser) function(depth int) (*expression, error) {
	start := p.at
	for p.at < len(p.text) && !strings.ContainsRune(" \t\r\n(),[]\"=<>&|", rune(p.text[p.at])) {
		p.at++
	}
	name := p.text[start:p.at]
	if name == "" {
		return nil, fmt.Errorf("unexpected %q at position %d", p.text[start:], start)
	}
	if p.peek() != '(' {
		return &expression{kind: "Constant", name: name, text: `"` + name + `"`}, nil
	}
	p.at++
	e := &expression{kind: "Function", name: name}
	for {
		argument, err := p.argument(depth)
		if err != nil {
			return nil, err
		}
		e.parameters = append(e.parameters, argument)
		if p.peek() == ')' {
			p.at++
			break
		}
		p.at++ // the comma, which argument has seen
	}
	if len(e.parameters) == 1 && e.parameters[0] == nil {
		e.parameters = nil
	}
	e.text = p.text[start:p.at]
	return e, nil
}

// argument reads up to a comma or the closing parenthesis; nil is an argument that was left out. Comparisons are kept as the text
// that they are, as a constant.
func (p *expressionParser) argument(depth int) (*expression, error) {
	start := p.blank()
	if c := p.peek(); c == ',' || c == ')' {
		return nil, nil
	}
	e, err := p.node(depth + 1)
	if err != nil {
		return nil, err
	}
	for c := p.peek(); c != ',' && c != ')'; c = p.peek() {
		if c == 0 {
			return nil, fmt.Errorf("the argument at position %d is not closed", start)
		}
		if !strings.ContainsRune("=<>&|", rune(c)) {
			return nil, fmt.Errorf("unexpected %q at position %d", p.text[p.at:], p.at)
		}
		for p.at < len(p.text) && strings.ContainsRune("=<>&|", rune(p.text[p.at])) {
			p.at++
		}
		if _, err := p.node(depth + 1); err != nil {
			return nil, err
		}
		text := p.text[start:p.at]
		e = &expression{kind: "Constant", name: text, text: text}
	}
	return e, nil
}

// keys are the vendor's own names for the parameters of its functions, which are not those of its documentation: source, suffix, start,
// length, Find, Replacement, inputFormat and outputFormat are known from the pages of its API, the others are guessed.
var keys = map[string][]string{
	"Replace": {"source", "Find", "Pattern", "GroupName", "Replacement", "ReplacementAttributeName", "Template"},
	"Append":  {"source", "suffix"}, "Mid": {"source", "start", "length"}, "FormatDateTime": {"source", "inputFormat", "dateTimeStyles", "outputFormat"},
	"Join": {"separator"}, "Switch": {"source", "defaultValue"},
}

// tree shows a node; what was left out leaves no trace but in the text.
func (e *expression) tree(text string) part {
	parameters := []part{}
	for i, one := range e.parameters {
		if one == nil {
			continue
		}
		key := "source"
		if names := keys[e.name]; i < len(names) {
			key = names[i]
		} else if i > 0 {
			key = fmt.Sprintf("param%d", i)
		}
		parameters = append(parameters, part{"key": key, "value": one.tree(one.text)})
	}
	return part{"expression": text, "name": e.name, "type": e.kind, "parameters": parameters}
}

// parse answers parseExpression: the tree of an expression. Only an attribute or a constant is evaluated here; of anything else it
// says so.
func (c *call) parse(principal, id string) {
	if !c.needsOne(writers) {
		return
	}
	var asked struct {
		Expression      string `json:"expression"`
		TestInputObject *struct {
			Properties []struct {
				Key   string `json:"key"`
				Value any    `json:"value"`
			} `json:"properties"`
		} `json:"testInputObject"`
	}
	body, err := wire.ReadBody(c.r)
	if err == nil {
		err = json.Unmarshal(body, &asked)
	}
	if err != nil {
		badRequest(c.w, "Unable to read JSON request payload: "+err.Error())
		return
	}
	answer := part{"error": nil, "evaluationSucceeded": false, "evaluationResult": []string{}, "parsedExpression": nil, "parsingSucceeded": false}
	problem := func(code, message string) part {
		return part{"code": code, "message": message, "target": nil, "details": []part{}, "innerError": nil}
	}
	e, err := parseExpression(asked.Expression)
	switch {
	case err != nil:
		answer["error"] = problem("InvalidExpression", err.Error())
	default:
		answer["parsingSucceeded"], answer["parsedExpression"] = true, e.tree(asked.Expression)
	}
	switch {
	case err != nil || asked.TestInputObject == nil:
	case e.kind == "Function":
		answer["error"] = problem("EvaluationNotSupported", "This service evaluates attributes and constants only.")
	case e.kind == "Constant":
		answer["evaluationSucceeded"], answer["evaluationResult"] = true, []string{e.name}
	default:
		answer["evaluationSucceeded"] = true
		for _, one := range asked.TestInputObject.Properties {
			if text, ok := one.Value.(string); ok && one.Key == e.name {
				answer["evaluationResult"] = []string{text}
			}
		}
	}
	c.provisioning(principal, writers, func(v *idpsim.View) any {
		if !hasJob(v, id) {
			return nil
		}
		answer["@odata.context"] = c.context("microsoft.graph.parseExpressionResponse")
		return answer
	})
}
