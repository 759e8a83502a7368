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
	start      int // 1-based, at least 1
	count      int // -1: as many as a page holds
}

// parseQuery reads a query string (RFC 7644 §3.4.2). Names it does not know are ignored, as Entra's bare aadOptscim062020 must be.
// What it knows it takes at its word: a filter that cannot be decoded, or comes twice, is an error and never "no filter", which would
// answer with everybody. Blanks may come as "+" or "%20".
func parseQuery(raw string) (params, error) {
	p := params{start: 1, count: -1}
	seen := map[string]bool{}
	for part := range strings.SplitSeq(raw, "&") {
		name, value, _ := strings.Cut(part, "=")
		name, err := url.QueryUnescape(name)
		if err != nil {
			return p, invalidValue("the query string has a name that is not well encoded")
		}
		name = strings.ToLower(name)
		switch name {
		case "filter", "attributes", "excludedattributes", "startindex", "count":
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
	return p, nil
}

func (p *params) set(name, value string) (err error) {
	switch name {
	case "filter":
		p.filter, p.filtered = value, true
	case "attributes":
		p.attributes = value
	case "excludedattributes":
		p.excluded = value
	case "startindex":
		p.start, err = wholeNumber(name, value)
		p.start = max(1, p.start)
	case "count":
		p.count, err = wholeNumber(name, value)
		p.count = max(0, p.count)
	}
	return err
}

// parseSearch reads the body of a .search (RFC 7644 §3.4.3). Its names are those of a query string.
func parseSearch(body scim.Value) (params, error) {
	p := params{start: 1, count: -1}
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
				names = append(names, item.Text)
			}
			if value.Kind != scim.Array || len(names) == 0 && len(value.List) > 0 {
				return p, invalidValue("%s must be a list of attribute names", name)
			}
			text = strings.Join(names, ",")
		case "filter":
			if value.Kind != scim.String {
				return p, invalidValue("filter must be a string")
			}
		case "startindex", "count":
			if value.Kind != scim.Number {
				return p, invalidValue("%s must be a number", name)
			}
		default:
			continue
		}
		if err := p.set(name, text); err != nil {
			return p, err
		}
	}
	return p, nil
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
		return view{whole: true, related: true}, nil
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
