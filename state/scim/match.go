package scim

// Check refuses (400 invalidFilter) what can't be asked of the type: unknown attributes, the password (a filter on it would be a guessing
// oracle), an order among booleans, binaries or complex values, parts of numbers and booleans, and values that the attribute can't have.
func (rt *ResourceType) Check(f *Filter) error {
	switch f.Op {
	case OpAnd, OpOr, OpNot:
		for _, arg := range f.Args {
			if err := rt.Check(arg); err != nil {
				return err
			}
		}
		return nil
	}
	_, attr, sub, ok := rt.resolve(f.Path)
	if !ok {
		return BadRequest(TypeInvalidFilter, "no schema has the attribute %q", clip(f.Path.String()))
	}
	if f.Op == OpPath {
		return rt.CheckElement(f.Path, f.Args[0])
	}
	if f.Path.Filter != nil {
		if err := rt.CheckElement(f.Path, f.Path.Filter); err != nil {
			return err
		}
	}
	if sub != nil {
		attr = sub
	}
	return checkTerm(attr, f)
}

// CheckElement refuses a value filter that can't be asked of the elements of the attribute at path, as Check does.
func (rt *ResourceType) CheckElement(path Path, f *Filter) error {
	_, attr, _, ok := rt.resolve(path)
	if !ok {
		return BadRequest(TypeInvalidFilter, "no schema has the attribute %q", clip(path.String()))
	}
	return checkElement(attr, f)
}

func checkElement(attr *Attribute, f *Filter) error {
	switch f.Op {
	case OpAnd, OpOr, OpNot:
		for _, arg := range f.Args {
			if err := checkElement(attr, arg); err != nil {
				return err
			}
		}
		return nil
	}
	a := elementAttribute(attr, f.Path)
	if a == nil {
		return BadRequest(TypeInvalidFilter, "%s has no sub-attribute %q", attr.Name, clip(f.Path.String()))
	}
	return checkTerm(a, f)
}

// elementAttribute returns what a path inside a value filter means: a sub-attribute, or, of a list of simple values, value for each itself.
func elementAttribute(attr *Attribute, p Path) *Attribute {
	if p.URN != "" || p.Sub != "" || p.Filter != nil {
		return nil
	}
	if attr.Type == DataComplex {
		return attr.sub(p.Attr)
	}
	if EqualFold(p.Attr, "value") {
		return attr
	}
	return nil
}

// resolve finds what a path of a filter names. A plain "email" means emails: older set-ups of Okta have it as their unique field.
func (rt *ResourceType) resolve(p Path) (schema *Schema, attr, sub *Attribute, ok bool) {
	schema, attr, sub, ok = rt.Attribute(p)
	if !ok && EqualFold(p.Attr, "email") {
		p.Attr = "emails"
		return rt.Attribute(p)
	}
	return schema, attr, sub, ok
}

func checkTerm(a *Attribute, f *Filter) error {
	if a.Returned == ReturnedNever {
		return BadRequest(TypeInvalidFilter, "%s can't be asked for in a filter", a.Name)
	}
	if f.Op == OpPresent {
		return nil
	}
	if a.Type == DataComplex {
		value := a.sub("value")
		if value == nil {
			return BadRequest(TypeInvalidFilter, "%s can't be compared as a whole; name a sub-attribute such as %s.%s", a.Name, a.Name, a.Sub[0].Name)
		}
		a = value
	}
	if !hasOperator(a.Type, f.Op) {
		return BadRequest(TypeInvalidFilter, "%s is of type %s, for which there is no %s", a.Name, a.Type, f.Op)
	}
	return checkOperand(a, f)
}

// hasOperator says which comparisons a type knows (RFC 7644 §3.4.2.2, table 3).
func hasOperator(t DataType, op Op) bool {
	switch op {
	case OpGreater, OpGreaterOrEqual, OpLess, OpLessOrEqual:
		return t != DataBoolean && t != DataBinary
	case OpContains, OpStartsWith, OpEndsWith:
		return t != DataBoolean && t != DataInteger && t != DataDecimal
	}
	return true
}

func checkOperand(a *Attribute, f *Filter) error {
	v := f.Value
	if v.Kind == Null {
		if f.Op == OpEqual || f.Op == OpNotEqual {
			return nil
		}
		return BadRequest(TypeInvalidFilter, "%s can only be compared with null by eq and ne", a.Name)
	}
	wanted := ""
	switch a.Type {
	case DataBoolean:
		if _, ok := truth(v); !ok {
			wanted = "true or false"
		}
	case DataInteger, DataDecimal:
		if !isNumber(v.Text) {
			wanted = "a number"
		}
	case DataDateTime:
		if _, ok := parseTime(v.Text); !ok && hasInstant(f.Op) {
			wanted = "a date with time such as \"2026-01-31T08:00:00Z\""
		}
	}
	if wanted != "" {
		return BadRequest(TypeInvalidFilter, "%s is to be compared with %s", a.Name, wanted)
	}
	return nil
}

// hasInstant reports whether an operator compares dates as points in time, rather than their text.
func hasInstant(op Op) bool { return op != OpContains && op != OpStartsWith && op != OpEndsWith }

// Matches evaluates a filter, which Check has accepted, on a resource in canonical form (with id, active, groups, meta and members added
// where the filter names them). Of a multi-valued attribute any value will do; inside one value filter it is the same value throughout. What is
// absent is matched by ne, not and eq null alone.
func (rt *ResourceType) Matches(f *Filter, resource Value) bool {
	switch f.Op {
	case OpAnd:
		for _, arg := range f.Args {
			if !rt.Matches(arg, resource) {
				return false
			}
		}
		return true
	case OpOr:
		for _, arg := range f.Args {
			if rt.Matches(arg, resource) {
				return true
			}
		}
		return false
	case OpNot:
		return !rt.Matches(f.Args[0], resource)
	}
	schema, attr, sub, ok := rt.resolve(f.Path)
	if !ok {
		return false
	}
	v := rt.read(resource, schema, attr)
	if f.Op == OpPath {
		return anyElement(attr, v, f.Args[0])
	}
	t := term{filter: f, attr: attr, sub: sub}
	return t.holds(v)
}

// read returns an attribute's value in a resource.
func (rt *ResourceType) read(resource Value, s *Schema, a *Attribute) Value {
	if !rt.isCore(s) {
		resource = resource.Get(s.ID)
	}
	return resource.Get(a.Name)
}

// elements returns the values of an attribute one by one.
func elements(attr *Attribute, v Value) []Value {
	switch {
	case v.Kind == Null:
		return nil
	case attr.MultiValued && v.Kind == Array:
		return v.List
	}
	return []Value{v}
}

func anyElement(attr *Attribute, v Value, f *Filter) bool {
	for _, e := range elements(attr, v) {
		if elementMatches(attr, f, e) {
			return true
		}
	}
	return false
}

func elementMatches(attr *Attribute, f *Filter, element Value) bool {
	switch f.Op {
	case OpAnd:
		for _, arg := range f.Args {
			if !elementMatches(attr, arg, element) {
				return false
			}
		}
		return true
	case OpOr:
		for _, arg := range f.Args {
			if elementMatches(attr, arg, element) {
				return true
			}
		}
		return false
	case OpNot:
		return !elementMatches(attr, f.Args[0], element)
	}
	a := elementAttribute(attr, f.Path)
	if a == nil {
		return false
	}
	if attr.Type == DataComplex {
		element = element.Get(a.Name)
	}
	t := term{filter: f, attr: a}
	return t.holds(element)
}
