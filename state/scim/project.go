package scim

import "strings"

// Projection is what attributes or excludedAttributes ask for (RFC 7644 §3.9). The zero Projection asks for all.
type Projection struct {
	Only    []Path
	Without []Path
}

// ParseProjection parses the two query parameters, comma-separated; both at once are a *Error 400 invalidValue. So is what is no path.
func ParseProjection(attributes, excluded string) (Projection, error) {
	only, err := parsePaths("attributes", attributes)
	if err != nil {
		return Projection{}, err
	}
	without, err := parsePaths("excludedAttributes", excluded)
	if err != nil {
		return Projection{}, err
	}
	if len(only) > 0 && len(without) > 0 {
		return Projection{}, BadRequest(TypeInvalidValue, "attributes and excludedAttributes exclude each other; send one of them")
	}
	return Projection{Only: only, Without: without}, nil
}

func parsePaths(parameter, text string) ([]Path, error) {
	var paths []Path
	for item := range strings.SplitSeq(text, ",") {
		if item = strings.TrimSpace(item); item == "" {
			continue
		}
		p, err := ParsePath(item, Limits{})
		if err != nil || p.Filter != nil {
			return nil, BadRequest(TypeInvalidValue, "%s: item %d is no attribute's name; separate names such as userName or name.givenName by commas", parameter, len(paths)+1)
		}
		paths = append(paths, p)
	}
	return paths, nil
}

// Wants tells whether a top-level attribute such as "members" is asked for at all, so that it need not be read.
func (p Projection) Wants(attr string) bool {
	for _, path := range p.Without {
		if path.Sub == "" && EqualFold(path.Attr, attr) {
			return false
		}
	}
	if len(p.Only) == 0 {
		return true
	}
	for _, path := range p.Only {
		if EqualFold(path.Attr, attr) {
			return true
		}
	}
	return false
}

// All tells whether everything is asked for.
func (p Projection) All() bool { return len(p.Only) == 0 && len(p.Without) == 0 }

// Project leaves out what is not asked for, never what is always returned (id, schemas), and what is never returned whoever asks. Unknown
// names ask for nothing.
func (rt *ResourceType) Project(resource Value, p Projection) Value {
	made := make([]Field, 0, len(resource.Fields))
	for _, f := range resource.Fields {
		if ext := rt.extension(f.Name); ext != nil {
			if f.Value = rt.projectExtension(ext, f.Value, p); len(f.Value.Fields) > 0 {
				made = append(made, f)
			}
			continue
		}
		_, a := rt.find(rt.Schema.ID, f.Name)
		if a == nil {
			if len(p.Only) == 0 {
				made = append(made, f)
			}
			continue
		}
		if v, ok := rt.projectAttribute(rt.Schema, a, f.Value, p); ok {
			made = append(made, Field{f.Name, v})
		}
	}
	return Value{Kind: Object, Fields: made}
}

func (rt *ResourceType) projectExtension(ext *Schema, object Value, p Projection) Value {
	made := make([]Field, 0, len(object.Fields))
	for _, f := range object.Fields {
		if a := ext.Attribute(f.Name); a != nil {
			if v, ok := rt.projectAttribute(ext, a, f.Value, p); ok {
				made = append(made, Field{f.Name, v})
			}
		}
	}
	return Value{Kind: Object, Fields: made}
}

// projectAttribute returns what is to be shown of one attribute, if anything.
func (rt *ResourceType) projectAttribute(s *Schema, a *Attribute, v Value, p Projection) (Value, bool) {
	switch a.Returned {
	case ReturnedAlways:
		return v, true
	case ReturnedNever:
		return Value{}, false
	}
	only, without := rt.named(s, a, p.Only), rt.named(s, a, p.Without)
	switch {
	case len(p.Only) > 0 && !only.any(), without.whole:
		return Value{}, false
	case a.Returned == ReturnedRequest && !only.any():
		return Value{}, false
	case a.Type != DataComplex:
		return v, true
	}
	v = mapElements(v, func(e Value) Value { return projectSubs(a, e, only, without) })
	return v, !v.Empty()
}

// projectSubs returns what is to be shown of one value of a complex attribute.
func projectSubs(a *Attribute, e Value, only, without naming) Value {
	made := make([]Field, 0, len(e.Fields))
	for _, f := range e.Fields {
		sub := a.sub(f.Name)
		switch {
		case sub == nil:
		case sub.Returned == ReturnedAlways:
			made = append(made, f)
		case sub.Returned == ReturnedNever, without.has(f.Name):
		case only.has(f.Name), sub.Returned != ReturnedRequest && (only.whole || !only.any()):
			made = append(made, f)
		}
	}
	return Value{Kind: Object, Fields: made}
}

func mapElements(v Value, change func(Value) Value) Value {
	if v.Kind != Array {
		return change(v)
	}
	list := make([]Value, 0, len(v.List))
	for _, e := range v.List {
		if e = change(e); !e.Empty() {
			list = append(list, e)
		}
	}
	return Value{Kind: Array, List: list}
}

// naming is how paths name one attribute: as a whole, or by sub-attributes.
type naming struct {
	whole bool
	subs  []string
}

func (n naming) any() bool { return n.whole || len(n.subs) > 0 }

func (n naming) has(sub string) bool {
	for _, s := range n.subs {
		if EqualFold(s, sub) {
			return true
		}
	}
	return false
}

func (rt *ResourceType) named(s *Schema, a *Attribute, paths []Path) naming {
	var n naming
	for _, p := range paths {
		if rt.Extension(p) == s {
			n.whole = true
			continue
		}
		if _, attr := rt.find(p.URN, p.Attr); attr != a {
			continue
		}
		if p.Sub == "" {
			n.whole = true
		} else {
			n.subs = append(n.subs, p.Sub)
		}
	}
	return n
}
