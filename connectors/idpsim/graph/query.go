package graph

import (
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"rollcall/connectors/idpsim/internal/wire"
)

// query is the OData part of a request.
type query struct {
	properties []*property // what to show of a user
	selected   []string    // the names as asked for; nil is the default
	top        int
	after      uint64 // from $skiptoken
	filter     []clause
	count      bool
	manager    []*property // what to show of a user's manager; nil: nothing
	values     url.Values
}

const (
	defaultTop = 100
	maxTop     = 999
)

// refusal is what Graph says about a query that it does not take.
type refusal string

func (r refusal) Error() string { return string(r) }

func refuse(format string, args ...any) error { return refusal(fmt.Sprintf(format, args...)) }

// parseQuery reads the query options that a collection of users or other objects has. Its error is for the caller to read.
func (c *call) parseQuery() (*query, error) {
	values := c.r.URL.Query()
	q := &query{top: defaultTop, values: values, properties: defaultProperties}
	for name, value := range values {
		text := value[0]
		var err error
		switch name {
		case "$select":
			q.selected = strings.Split(text, ",")
		case "$top":
			if q.top, err = strconv.Atoi(text); err != nil || q.top < 1 || q.top > maxTop {
				err = refuse("Invalid page size specified: '%s'. Must be between 1 and %d inclusive.", text, maxTop)
			}
		case "$skiptoken":
			var ok bool
			if q.after, ok = wire.ParseToken(text); !ok {
				err = refuse("Skip token is not valid.")
			}
		case "$filter":
			q.filter, err = parseFilter(text)
		case "$count":
			q.count = text == "true"
		case "$expand":
			q.manager, err = parseExpand(text)
		default:
			err = refuse("The query option '%s' is not supported here.", name)
		}
		if err != nil {
			return nil, err
		}
	}
	return q, nil
}

// selectUser resolves $select against the properties of a user.
func (q *query) selectUser() error {
	if q.selected == nil {
		return nil
	}
	q.properties = nil
	for _, name := range q.selected {
		p := propertyNamed(strings.TrimSpace(name))
		if p == nil {
			return refuse("Parsing OData Select and Expand failed: Could not find a property named '%s' on type 'microsoft.graph.user'.", name)
		}
		if !slices.Contains(q.properties, p) {
			q.properties = append(q.properties, p)
		}
	}
	return nil
}

// parseExpand reads the only expansion there is: manager, with a selection or without.
func parseExpand(text string) ([]*property, error) {
	rest, ok := strings.CutPrefix(text, "manager")
	if ok && rest == "" {
		return defaultProperties, nil
	}
	rest, opened := strings.CutPrefix(rest, "($select=")
	rest, closed := strings.CutSuffix(rest, ")")
	if !ok || !opened || !closed {
		return nil, refuse("Parsing OData Select and Expand failed: '%s' cannot be expanded here.", text)
	}
	inner := &query{selected: strings.Split(rest, ",")}
	err := inner.selectUser()
	return inner.properties, err
}

// clause is one comparison of a $filter. The clauses of a filter are all joined by and, or all by or.
type clause struct {
	property string
	op       string // eq, ne or in
	values   []string
	or       bool // joined to the one before by or
}

// parseFilter reads comparisons with eq, ne and in, joined by either and or or.
func parseFilter(text string) ([]clause, error) {
	broken := refuse("Invalid filter clause: '%s'.", text)
	words, ok := tokens(text)
	if !ok {
		return nil, broken
	}
	var clauses []clause
	for len(words) > 0 {
		var one clause
		if len(clauses) > 0 {
			if words[0] != "and" && words[0] != "or" || len(clauses) > 1 && clauses[1].or != (words[0] == "or") {
				return nil, broken
			}
			one.or = words[0] == "or"
			words = words[1:]
		}
		if len(words) < 3 {
			return nil, broken
		}
		one.property, one.op = words[0], words[1]
		switch one.op {
		case "eq", "ne":
			one.values, words = words[2:3], words[3:]
		case "in":
			end := slices.Index(words, ")")
			if words[2] != "(" || end < 0 {
				return nil, broken
			}
			one.values = slices.DeleteFunc(slices.Clone(words[3:end]), func(w string) bool { return w == "," })
			words = words[end+1:]
		default:
			return nil, broken
		}
		clauses = append(clauses, one)
	}
	return clauses, nil
}

// tokens splits a filter into words, punctuation and literals; a string literal loses its quotes.
func tokens(text string) (words []string, ok bool) {
	for i := 0; i < len(text); {
		switch c := text[i]; {
		case c == ' ':
			i++
		case c == '(' || c == ')' || c == ',':
			words = append(words, string(c))
			i++
		case c == '\'':
			literal, length, closed := literal(text[i:])
			if !closed {
				return nil, false
			}
			words = append(words, literal)
			i += length
		default:
			end := i
			for end < len(text) && !strings.ContainsRune(" (),'", rune(text[end])) {
				end++
			}
			words = append(words, text[i:end])
			i = end
		}
	}
	return words, true
}

// literal reads a string in single quotes, in which a quote is written twice.
func literal(text string) (value string, length int, ok bool) {
	var b strings.Builder
	for i := 1; i < len(text); i++ {
		if text[i] != '\'' {
			b.WriteByte(text[i])
			continue
		}
		if i+1 < len(text) && text[i+1] == '\'' {
			b.WriteByte('\'')
			i++
			continue
		}
		return b.String(), i + 1, true
	}
	return "", 0, false
}

func wholeSeconds(d time.Duration) string {
	return strconv.Itoa(int((d + time.Second - 1) / time.Second))
}
