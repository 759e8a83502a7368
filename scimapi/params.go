package scimapi

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"rollcall/state/scim"
)

// params are what a request asks for beside its path: in the query string, or in the body of a .search.
type params struct {
	filter     string
	filtered   bool // a filter was given, be it empty
	attributes string
	excluded   string
	sortBy     string
	descending bool
	start      int // 1-based, at least 1; 0: not given
	count      int // -1: as many as a page holds
	badCount   bool
	cursor     string
	byCursor   bool // a cursor was given, be it empty: the first page
}

// parseQuery reads a query string (RFC 7644 §3.4.2). Names it does not know are ignored, as Entra's bare aadOptscim062020 must be.
// What it knows it takes at its word: a filter that cannot be decoded, or comes twice, is an error and never "no filter", which would
// answer with everybody. Blanks may come as "+" or "%20".
func parseQuery(raw string) (params, error) {
	p := params{count: -1}
	seen := map[string]bool{}
	for part := range strings.SplitSeq(raw, "&") {
		name, value, _ := strings.Cut(part, "=")
		name, err := url.QueryUnescape(name)
		if err != nil {
			return p, invalidValue("the query string has a name that is not well encoded")
		}
		name = strings.ToLower(name)
		switch name {
		case "filter", "attributes", "excludedattributes", "sortby", "sortorder", "startindex", "count", "cursor":
		default:
			continue
		}
		if value, err = url.QueryUnescape(value); err != nil {
			return p, invalidValue("the value of the query parameter %s is not well encoded", name)
		}
		if seen[name] {
			return p, invalidValue("the query parameter %s is given twice", name)
		}
		seen[name] = true
		if err := p.set(name, value); err != nil {
			return p, err
		}
	}
	return p, p.check()
}

// check refuses parameters that do not go together. A count that is none has a name of its own beside a cursor (RFC 9865 §2.1).
func (p *params) check() error {
	switch {
	case p.byCursor && p.start > 0:
		return invalidValue("startIndex and cursor exclude each other; send one of them")
	case p.badCount && p.byCursor:
		return scim.BadRequest(typeInvalidCount, "count must be a whole number")
	case p.badCount:
		return invalidValue("count must be a whole number")
	}
	return nil
}

func (p *params) set(name, value string) (err error) {
	switch name {
	case "filter":
		p.filter, p.filtered = value, true
	case "attributes":
		p.attributes = value
	case "excludedattributes":
		p.excluded = value
	case "sortby":
		p.sortBy = strings.TrimSpace(value)
	case "sortorder":
		p.descending, err = direction(value)
	case "startindex":
		p.start, err = wholeNumber(name, value)
		p.start = max(1, p.start)
	case "count":
		if p.count, err = wholeNumber(name, value); err != nil {
			p.badCount, err = true, nil
		}
		p.count = max(0, p.count)
	case "cursor":
		p.cursor, p.byCursor = value, true
	}
	return err
}

// direction reads a sortOrder (RFC 7644 §3.4.2.3).
func direction(text string) (descending bool, err error) {
	switch strings.ToLower(strings.TrimSpace(text)) {
	case "", "ascending":
		return false, nil
	case "descending":
		return true, nil
	}
	return false, invalidValue("sortOrder must be ascending or descending")
}

// parseSearch reads the body of a .search (RFC 7644 §3.4.3). Its names are those of a query string.
func parseSearch(body scim.Value) (params, error) {
	p := params{count: -1}
	for _, field := range body.Fields {
		name, value := strings.ToLower(field.Name), field.Value
		if value.Kind == scim.Null {
			continue
		}
		text := value.Text
		switch name {
		case "attributes", "excludedattributes":
			var names []string
			for _, item := range value.List {
				if item.Kind == scim.String {
					names = append(names, item.Text)
				}
			}
			if value.Kind != scim.Array || len(names) < len(value.List) {
				return p, invalidValue("%s must be a list of attribute names", name)
			}
			text = strings.Join(names, ",")
		case "filter", "sortby", "sortorder", "cursor":
			if value.Kind != scim.String {
				return p, invalidValue("%s must be a string", name)
			}
		case "startindex", "count":
			if value.Kind != scim.Number {
				text = "" // no whole number
			}
		default:
			continue
		}
		if err := p.set(name, text); err != nil {
			return p, err
		}
	}
	return p, p.check()
}

// wholeNumber reads an integer; one too large to hold is as large as can be.
func wholeNumber(name, text string) (int, error) {
	n, err := strconv.Atoi(strings.TrimSpace(text))
	if err != nil && !errors.Is(err, strconv.ErrRange) {
		return 0, invalidValue("%s must be a whole number", name)
	}
	return n, nil
}

// view reads what the query string asks to be shown of a resource.
func (c *call) view() (view, error) {
	if c.r.URL.RawQuery == "" {
		return view{whole: true}, nil
	}
	p, err := parseQuery(c.r.URL.RawQuery)
	if err != nil {
		return view{}, err
	}
	return newView(p.attributes, p.excluded)
}

func invalidValue(format string, args ...any) error {
	return &scim.Error{Status: http.StatusBadRequest, Type: "invalidValue", Detail: fmt.Sprintf(format, args...)}
}
