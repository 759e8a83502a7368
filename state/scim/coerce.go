package scim

import (
	"slices"
	"strconv"
	"strings"
	"time"
)

// spot is a place in a resource, for details of errors.
type spot struct {
	schema *Schema // nil: the core schema or a common attribute
	attr   string
	item   int // from 1; 0: no element of a list
	sub    string
}

func (s spot) String() string {
	text := s.attr
	if s.schema != nil {
		text = s.schema.ID + ":" + text
	}
	if s.item > 0 {
		text += "[" + strconv.Itoa(s.item-1) + "]"
	}
	if s.sub != "" {
		text += "." + s.sub
	}
	return text
}

// inside is the spot of an attribute of an extension, or of a sub-attribute.
func (s spot) inside(a *Attribute) spot {
	if s.attr == "" {
		s.attr = a.Name
	} else {
		s.sub = a.Name
	}
	return s
}

func (s spot) wrong(want string, found Value) error {
	return BadRequest(TypeInvalidValue, "%s: %s is wanted, %s was sent", s, want, found.Kind.shape())
}

// coercion brings values that were sent into the canonical form of their attributes.
type coercion struct {
	rt      *ResourceType
	dropped []string // paths that no schema knows and that had a value

	// merging: an object is sent to be merged into base, the canonical value of the attribute or element it is for.
	merging bool
	base    Value
}

func (c *coercion) drop(name string) {
	if len(c.dropped) < MaxDropped && !slices.Contains(c.dropped, name) {
		c.dropped = append(c.dropped, name)
	}
}

func (c *coercion) spot(s *Schema, a *Attribute) spot {
	if c.rt.isCore(s) {
		s = nil
	}
	return spot{schema: s, attr: a.Name}
}

// attribute returns the canonical value of an attribute; null when what was sent leaves it unassigned (RFC 7643 §2.5).
func (c *coercion) attribute(at spot, a *Attribute, sent Value) (Value, error) {
	if sent.Kind == String && sent.Text != "" && a.Type == DataString && !a.MultiValued {
		return sent, nil // by far the most frequent
	}
	if !a.MultiValued {
		return c.single(at, a, sent)
	}
	items := sent.List
	if sent.Kind == Null || sent.Kind == String && sent.Text == "" {
		return Value{}, nil
	}
	if sent.Kind != Array {
		items = []Value{sent} // one value where a list is wanted is a list of one
	}
	if len(items) > MaxElements && !a.listsMembers() {
		return Value{}, BadRequest(TypeInvalidValue, "%s: there are %d values; at most %d are accepted", at, len(items), MaxElements)
	}
	kept := make([]Value, 0, len(items))
	winner := -1
	for i, item := range items {
		at.item = i + 1
		v, err := c.element(at, a, item)
		if err != nil {
			return Value{}, err
		}
		if v.Kind == Null {
			continue
		}
		if v.Get("primary").Bool {
			winner = len(kept)
		}
		kept = append(kept, v)
	}
	if len(kept) == 0 {
		return Value{}, nil
	}
	return ListOf(tidy(a, kept, winner)...), nil
}

// element returns one value of a multi-valued attribute, null when it says nothing. A member that says nothing is refused: a list
// of such would otherwise empty a group.
func (c *coercion) element(at spot, a *Attribute, sent Value) (Value, error) {
	v, err := c.single(at, a, sent)
	switch {
	case err != nil:
		return Value{}, err
	case v.Kind == Null && a.listsMembers():
		return Value{}, BadRequest(TypeInvalidValue, "%s is missing; each member needs one", at.inside(a.sub("value")))
	case a.Type == DataComplex && hollow(v):
		return Value{}, nil
	}
	return v, nil
}

// hollow reports whether an element says nothing but what it would be for.
func hollow(element Value) bool {
	for _, f := range element.Fields {
		if f.Name != "type" && f.Name != "primary" {
			return false
		}
	}
	return true
}

func (c *coercion) single(at spot, a *Attribute, sent Value) (Value, error) {
	if sent.Kind == Null {
		return Value{}, nil
	}
	if a.Type == DataComplex {
		return c.complex(at, a, sent)
	}
	if sent.Kind == Array && len(sent.List) == 0 && a.Name != "active" {
		return Value{}, nil
	}
	return c.simple(at, a, sent)
}

func (c *coercion) complex(at spot, a *Attribute, sent Value) (Value, error) {
	value := a.sub("value")
	switch {
	case sent.Kind == String && sent.Text == "":
		return Value{}, nil
	case sent.Kind == Array && len(sent.List) == 0:
		return Value{}, nil
	case sent.Kind == Array && len(sent.List) == 1 && value != nil && !a.MultiValued:
		return c.single(at, a, sent.List[0]) // a list of one where one is wanted: Entra's manager
	case sent.Kind != Object && sent.Kind != Array && value != nil:
		v, err := c.simple(at.inside(value), value, sent)
		if err != nil || v.Kind == Null {
			return v, err
		}
		return ObjectOf(Field{value.Name, v}), nil // a bare value
	case sent.Kind != Object:
		return Value{}, at.wrong("an object", sent)
	}
	return c.object(at, a, sent)
}

// fewSubs is how many sub-attributes a complex attribute of the RFC has at most.
const fewSubs = 8

func (c *coercion) object(at spot, a *Attribute, sent Value) (Value, error) {
	var few [fewSubs]Value
	subs := few[:]
	if len(a.Sub) > fewSubs {
		subs = make([]Value, len(a.Sub))
	}
	if c.merging {
		for _, f := range c.base.Fields {
			if i := indexOf(a.Sub, f.Name); i >= 0 {
				subs[i] = f.Value
			}
		}
	}
	known, unknown, derived := false, "", ""
	for _, f := range sent.Fields {
		i := indexOf(a.Sub, f.Name)
		if i < 0 {
			if !f.Value.Empty() {
				unknown = f.Name
				c.drop(spot{schema: at.schema, attr: a.Name, sub: f.Name}.String())
			}
			continue
		}
		sub := &a.Sub[i]
		if sub.derived && !f.Value.Empty() {
			derived = sub.Name
		}
		known = known || !sub.derived
		if !sub.kept() {
			continue
		}
		v, err := c.attribute(at.inside(sub), sub, f.Value)
		if err != nil {
			return Value{}, err
		}
		subs[i] = v
	}
	switch {
	case known || unknown == "" && derived == "":
		return assemble(a.Sub, subs), nil
	case derived == "" && c.merging:
		return c.base, nil
	}
	return Value{}, BadRequest(TypeInvalidValue, "%s: what was sent for it is not understood; %q alone says nothing", at, clip(derived+unknown))
}

// assemble makes an object of the values that are there; null when none is.
func assemble(attributes []Attribute, values []Value) Value {
	count := assigned(values)
	if count == 0 {
		return Value{}
	}
	fields := make([]Field, 0, count)
	for i := range attributes {
		if values[i].Kind != Null {
			fields = append(fields, Field{attributes[i].Name, values[i]})
		}
	}
	return Value{Kind: Object, Fields: fields}
}

func indexOf(attributes []Attribute, name string) int {
	for i := range attributes {
		if EqualFold(attributes[i].Name, name) {
			return i
		}
	}
	return -1
}

// simple returns the value of an attribute that is not complex. The empty text is unassigned (RFC 7643 §2.5), but no answer to
// whether an account is active.
func (c *coercion) simple(at spot, a *Attribute, sent Value) (Value, error) {
	if sent.Kind == Null || sent.Kind == String && sent.Text == "" && a.Name != "active" {
		return Value{}, nil
	}
	switch a.Type {
	case DataBoolean:
		if b, ok := truth(sent); ok {
			return BoolValue(b), nil
		}
		return Value{}, at.wrong("true or false (also as text)", sent)
	case DataInteger:
		if sent.Kind == Number && isInteger(sent.Text) {
			return sent, nil
		}
		return Value{}, at.wrong("a whole number", sent)
	case DataDecimal:
		if sent.Kind == Number {
			return sent, nil
		}
		return Value{}, at.wrong("a number", sent)
	}
	if sent.Kind != String {
		return Value{}, at.wrong("text", sent)
	}
	switch a.Type {
	case DataDateTime:
		if _, ok := parseTime(sent.Text); !ok {
			return Value{}, at.wrong("a date with time such as 2026-01-31T08:00:00Z", sent)
		}
	case DataBinary:
		if !isBase64(sent.Text) {
			return Value{}, at.wrong("base64", sent)
		}
	}
	return sent, nil
}

// truth reads a boolean, also one that was sent as text in whatever letter case: Entra ID sends "True" and "False".
func truth(v Value) (b, ok bool) {
	switch {
	case v.Kind == Bool:
		return v.Bool, true
	case v.Kind == String && EqualFold(v.Text, "true"):
		return true, true
	case v.Kind == String && EqualFold(v.Text, "false"):
		return false, true
	}
	return false, false
}

// parseTime reads an xsd:dateTime (RFC 7643 §2.3.5); one without a zone is taken as UTC.
func parseTime(text string) (time.Time, bool) {
	for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05"} {
		if t, err := time.Parse(layout, text); err == nil {
			return t, true
		}
	}
	return time.Time{}, false
}

// isBase64 accepts both alphabets of RFC 4648, padded or not, and line breaks.
func isBase64(text string) bool {
	digits := strings.TrimRight(text, "=")
	for i := 0; i < len(digits); i++ {
		c := lower(digits[i])
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && strings.IndexByte("+/-_\r\n", c) < 0 {
			return false
		}
	}
	return len(text)-len(digits) <= 2
}
