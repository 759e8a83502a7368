package mapping

import (
	"errors"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"

	"rollcall/connectors"
	"rollcall/state/scim"
)

// Target is one compiled row, for who compares and writes.
type Target struct {
	Path    scim.Path // with the schema's spelling; a target that names manager leads to its value
	Text    string    // as configured
	Match   int       // precedence as a match attribute, tried from 1 up; 0 = none
	Apply   Apply
	Default scim.Value // used at creation where nothing flows; null = none

	Volatile  bool // two evaluations differ (Now, Guid, RandomString): never compared, never part of a stamp
	Reference bool // the value is a person's object id, to be resolved to the id of that person's account
	Merge     bool // the value is a list that is added to what is there; what is not in it stays
}

// shape is what a target's schema wants of a value.
type shape struct {
	attribute *scim.Attribute // the sub-attribute, where the target names one
	roles     bool            // a multi-valued complex attribute, written whole by a function that makes app roles
}

// targetOf finds a row's target in the schema. A target that can't be written is a fault.
func targetOf(text string, users *scim.ResourceType) (scim.Path, shape, error) {
	path, err := scim.ParsePath(text, scim.DefaultLimits)
	if err != nil {
		var known *scim.Error
		if errors.As(err, &known) {
			err = errors.New(known.Detail)
		}
		return scim.Path{}, shape{}, err
	}
	schema, attr, sub, ok := users.Attribute(path)
	if !ok {
		return scim.Path{}, shape{}, fmt.Errorf("no schema of a user knows %s; an extension's attribute is written with its URN", text)
	}
	path.URN, path.Attr = "", attr.Name
	if schema != users.Schema {
		path.URN = schema.ID
	}
	if path.Filter, err = fixedFilter(path, users); err != nil {
		return scim.Path{}, shape{}, err
	}
	if sub == nil && attr.Type == scim.DataComplex && !attr.MultiValued {
		_, _, sub, _ = users.Attribute(scim.Path{URN: path.URN, Attr: path.Attr, Sub: "value"}) // a manager is its value
	}
	leaf := attr
	if sub != nil {
		leaf, path.Sub = sub, sub.Name
	}
	if err := writable(text, path, attr, leaf); err != nil {
		return scim.Path{}, shape{}, err
	}
	return path, shape{attribute: leaf, roles: leaf.Type == scim.DataComplex}, nil
}

// writable refuses what a mapping can't or mustn't write. leaf is the sub-attribute, or attr where the path names none.
func writable(text string, path scim.Path, attr, leaf *scim.Attribute) error {
	several := attr.MultiValued && attr.Type == scim.DataComplex
	switch {
	case attr.Mutability == scim.ReadOnly || leaf.Mutability == scim.ReadOnly || leaf.Name == "$ref":
		return fmt.Errorf("%s is read-only: the record makes it", text)
	case leaf.Mutability == scim.WriteOnly:
		return fmt.Errorf("%s is never kept in the record", text)
	case path.Filter != nil && !several:
		return fmt.Errorf("%s has no elements to choose from; leave the value filter out", attr.Name)
	case !several && leaf.Type == scim.DataComplex:
		return fmt.Errorf("%s has sub-attributes; name one, such as %s.%s", attr.Name, attr.Name, attr.Sub[0].Name)
	case several && path.Filter == nil && (path.Sub != "" || attr.Name != "roles"):
		return fmt.Errorf(`%s has several elements; say which is meant, such as %s[type eq "work"].value`, attr.Name, attr.Name)
	case path.Filter != nil && path.Sub == "":
		return fmt.Errorf("an element of %s has sub-attributes; name one, such as %s.value", attr.Name, text)
	case path.Filter != nil && fixes(path.Filter, path.Sub):
		return fmt.Errorf("the value filter already says what %s is", path.Sub)
	}
	return nil
}

// fixedFilter returns a path's value filter with the schema's spelling and types. It must be made of equalities, so that an element
// that isn't there can be made from it.
func fixedFilter(path scim.Path, users *scim.ResourceType) (*scim.Filter, error) {
	f := path.Filter
	if f == nil {
		return nil, nil
	}
	if f.Op == scim.OpAnd {
		fixed := &scim.Filter{Op: scim.OpAnd}
		for _, arg := range f.Args {
			path.Filter = arg
			term, err := fixedFilter(path, users)
			if err != nil {
				return nil, err
			}
			if slices.ContainsFunc(fixed.Args, func(other *scim.Filter) bool { return other.Path.Attr == term.Path.Attr }) {
				return nil, fmt.Errorf("the value filter names %s twice", term.Path.Attr)
			}
			fixed.Args = append(fixed.Args, term)
		}
		return fixed, nil
	}
	if f.Op != scim.OpEqual || f.Path.Filter != nil || f.Path.Sub != "" || f.Path.URN != "" {
		return nil, errors.New(`the value filter of a target is made of equalities, such as type eq "work" and primary eq true`)
	}
	_, _, sub, ok := users.Attribute(scim.Path{URN: path.URN, Attr: path.Attr, Sub: f.Path.Attr})
	if !ok {
		return nil, fmt.Errorf("%s has no sub-attribute %s", path.Attr, f.Path.Attr)
	}
	wanted := f.Value
	if wanted.Kind == scim.String {
		typed, err := (shape{attribute: sub}).typed(textValue(wanted.Text))
		if err != nil {
			return nil, fmt.Errorf("in the value filter, %s: %w", sub.Name, err)
		}
		wanted = typed
	}
	return &scim.Filter{Op: scim.OpEqual, Path: scim.Path{Attr: sub.Name}, Value: wanted}, nil
}

func fixes(f *scim.Filter, sub string) bool {
	return f.Op == scim.OpEqual && f.Path.Attr == sub || slices.ContainsFunc(f.Args, func(arg *scim.Filter) bool { return fixes(arg, sub) })
}

// identity is the same for all spellings of one target.
func identity(p scim.Path) string {
	var terms []string
	if p.Filter != nil {
		for _, term := range append(p.Filter.Args[:len(p.Filter.Args):len(p.Filter.Args)], p.Filter) {
			if term.Op == scim.OpEqual {
				terms = append(terms, scim.Fold(term.String()))
			}
		}
		slices.Sort(terms)
	}
	return strings.Join([]string{p.URN, p.Attr, strings.Join(terms, "\x00"), p.Sub}, "\x01")
}

// matchable tells whether the record can be searched for a target's value.
func matchable(p scim.Path) bool {
	switch p.Attr {
	case "userName", "externalId", "displayName":
		return p.URN == ""
	case "emails":
		return p.Sub == "value"
	}
	return false
}

// accepts tells which kinds of value the target can take.
func (s shape) accepts() kinds {
	switch {
	case s.roles:
		return someRoles
	case s.attribute.MultiValued:
		return anyKind
	case s.attribute.Type == scim.DataBoolean:
		return someBool
	case s.attribute.Type == scim.DataInteger:
		return someNumber
	case s.attribute.Type == scim.DataDateTime:
		return someDate
	}
	return anyText
}

// typed makes a value what the schema says. Null stays null. The errors say what is wrong without the value itself.
func (s shape) typed(v value) (typed scim.Value, err error) {
	err = s.put(&typed, v)
	return typed, err
}

// put is typed into a place that holds null; after an error it may hold anything.
func (s *shape) put(to *scim.Value, v value) error {
	switch {
	case v.isNull():
		return nil
	case s.roles:
		roles, err := rolesValue(v)
		*to = roles
		return err
	case s.attribute.MultiValued:
		*to = textList(v)
		return nil
	case v.multiple():
		var err error
		if v, err = only(v); err != nil || v.isNull() {
			return err
		}
	}
	switch s.attribute.Type {
	case scim.DataBoolean:
		b, ok := boolean(v)
		if !ok {
			return errors.New(`"True" or "False" is needed, the value is another text`)
		}
		to.Kind, to.Bool = scim.Bool, b
		return nil
	case scim.DataInteger:
		n, ok := v.number, v.kind == isNumber
		if !ok {
			n, ok = wholeNumber(v.text)
		}
		if !ok {
			return errors.New("a whole number is needed, the value is another text")
		}
		to.Kind, to.Text = scim.Number, strconv.FormatInt(n, 10)
		return nil
	case scim.DataDecimal:
		n, err := strconv.ParseFloat(v.String(), 64)
		if err != nil || math.IsInf(n, 0) || math.IsNaN(n) {
			return errors.New("a number is needed, the value is another text")
		}
		to.Kind, to.Text = scim.Number, strconv.FormatFloat(n, 'f', -1, 64)
		return nil
	case scim.DataDateTime:
		t, ok := parseDate(v.String())
		if !ok {
			return errors.New("a date is needed, the value is another text")
		}
		to.Kind, to.Text = scim.String, t.Format(time.RFC3339Nano)
		return nil
	}
	text := v.String()
	if s.attribute.Required && strings.TrimSpace(text) == "" {
		return errors.New("the attribute is required, the value is empty")
	}
	to.Kind, to.Text = scim.String, text
	return nil
}

func textList(v value) scim.Value {
	elements := v.elements()
	items := make([]scim.Value, len(elements))
	for i, element := range elements {
		items[i] = scim.StringValue(element)
	}
	return scim.ListOf(items...)
}

// PersonError says why a target can't be evaluated on a person, or, without a target, why none can. It holds none of their values.
type PersonError struct {
	Row    int    // index
	Target string // as configured
	Text   string
}

func (e *PersonError) Error() string {
	if e.Target == "" {
		return e.Text
	}
	return e.Target + ": " + e.Text
}

// enough refuses a person with fewer values than were asked for.
func enough(p *connectors.Person, attributes []string) error {
	if len(p.Values) >= len(attributes) {
		return nil
	}
	return &PersonError{Text: fmt.Sprintf("the connector gave %d values, the mapping asked for %d", len(p.Values), len(attributes))}
}

// Evaluate appends one value per target to dst: typed as the target's schema says, null where nothing flows. scope is
// connectors.Assigned or Everyone. The person's values follow Attributes; more may come after them. An error joins a *PersonError for
// each target that can't be evaluated, whose value is null; the other values stand.
func (m *Mapping) Evaluate(dst []scim.Value, scope string, p *connectors.Person) ([]scim.Value, error) {
	if err := enough(p, m.attributes); err != nil {
		return append(dst, make([]scim.Value, len(m.rows))...), err
	}
	e := env{person: p, moment: m.moment, scope: scope, scoped: m.scoping != nil}
	var faults []error
	for i := range m.rows {
		row := &m.rows[i]
		dst = append(dst, scim.Value{})
		to := &dst[len(dst)-1]
		v, err := row.node.eval(e)
		if err == nil {
			err = row.shape.put(to, v)
		}
		if err != nil && err != errNothing {
			faults = append(faults, &PersonError{Row: i, Target: m.targets[i].Text, Text: err.Error()})
			*to = scim.Value{}
		}
	}
	return dst, errors.Join(faults...)
}
