package scim

// What is here refuses forms that ReadJSON, Normalize, Check and the parsers understand for the sake of clients, although the RFCs do
// not know them. It looks at what was sent before anything is made of it, and leaves to the others what they refuse anyway.

// CheckStrict refuses a resource as sent: schemas that do not name what is used, attributes that no schema knows or that are not where
// RFC 7643 has them, text for booleans, one value for a list, bare values for objects, several primary values. Errors are *Error 400,
// invalidSyntax or invalidValue.
func (rt *ResourceType) CheckStrict(sent Value) error {
	if err := rt.checkSchemas(sent); err != nil {
		return err
	}
	for _, f := range sent.Fields {
		if ext := rt.extension(f.Name); ext != nil {
			if err := strictExtension(ext, f.Value); err != nil {
				return err
			}
			continue
		}
		a := rt.Schema.Attribute(f.Name)
		if a == nil {
			a = find(common, f.Name)
		}
		if a == nil {
			return unknownName(f.Name)
		}
		if err := strictAttribute(spot{attr: a.Name}, a, f.Value); err != nil {
			return err
		}
	}
	return nil
}

// checkSchemas wants the core schema and those of the extensions that are used, and no others (RFC 7643 §3).
func (rt *ResourceType) checkSchemas(sent Value) error {
	named := map[string]bool{}
	for _, s := range sent.Get("schemas").List {
		if !EqualFold(s.Text, rt.Schema.ID) && rt.extension(s.Text) == nil {
			return BadRequest(TypeInvalidSyntax, "schemas: there is no schema %q of a %s", clip(s.Text), rt.Name)
		}
		named[lowerASCII(s.Text)] = true
	}
	if !named[lowerASCII(rt.Schema.ID)] {
		return BadRequest(TypeInvalidSyntax, "schemas must name %s", rt.Schema.ID)
	}
	for _, f := range sent.Fields {
		if ext := rt.extension(f.Name); ext != nil && !f.Value.Empty() && !named[lowerASCII(ext.ID)] {
			return BadRequest(TypeInvalidSyntax, "schemas must name %s, of which there are attributes", ext.ID)
		}
	}
	return nil
}

func unknownName(name string) error {
	return BadRequest(TypeInvalidSyntax, "no schema has the attribute %q here", clip(name))
}

func strictExtension(ext *Schema, sent Value) error {
	if sent.Kind != Null && sent.Kind != Object {
		return BadRequest(TypeInvalidValue, "%s: an object is wanted, %s was sent", ext.ID, sent.Kind.shape())
	}
	for _, f := range sent.Fields {
		a := ext.Attribute(f.Name)
		if a == nil {
			return unknownName(ext.ID + ":" + f.Name)
		}
		if err := strictAttribute(spot{schema: ext, attr: a.Name}, a, f.Value); err != nil {
			return err
		}
	}
	return nil
}

// CheckStrictValue refuses a value for the attribute at a path, which the schemas know, as CheckStrict does. A multi-valued attribute may
// be given one value, as in a PATCH (RFC 7644 §3.5.2.1).
func (rt *ResourceType) CheckStrictValue(p Path, sent Value) error {
	schema, a, sub, ok := rt.Attribute(p)
	if !ok {
		return unknownPath(p)
	}
	at := (&coercion{rt: rt}).spot(schema, a)
	if sub != nil {
		at, a = at.inside(sub), sub
	}
	if a.MultiValued && sent.Kind != Array {
		return strictSingle(at, a, sent)
	}
	return strictAttribute(at, a, sent)
}

func strictAttribute(at spot, a *Attribute, sent Value) error {
	switch {
	case sent.Kind == Null || a.Mutability == ReadOnly:
		return nil // unassigned; ignored, whatever it is
	case !a.MultiValued:
		return strictSingle(at, a, sent)
	case sent.Kind != Array:
		return at.wrong("a list", sent)
	}
	primaries := 0
	for i, e := range sent.List {
		at.item = i + 1
		if err := strictSingle(at, a, e); err != nil {
			return err
		}
		if e.Get("primary").Bool {
			primaries++
		}
	}
	if primaries > 1 {
		return BadRequest(TypeInvalidValue, "%s: %d values are primary; at most one can be", a.Name, primaries)
	}
	return nil
}

func strictSingle(at spot, a *Attribute, sent Value) error {
	switch {
	case sent.Kind == Null:
		return nil
	case a.Type == DataBoolean && sent.Kind != Bool:
		return at.wrong("true or false", sent)
	case a.Type != DataComplex:
		return nil
	case sent.Kind != Object:
		return at.wrong("an object", sent)
	}
	for _, f := range sent.Fields {
		sub := a.sub(f.Name)
		if sub == nil {
			return unknownName(a.Name + "." + f.Name)
		}
		if err := strictAttribute(at.inside(sub), sub, f.Value); err != nil {
			return err
		}
	}
	return nil
}

// CheckStrictFilter refuses (400 invalidFilter) terms of a filter, which Check has accepted: an extension's attribute without its URN, a
// plain email, text in place of a boolean.
func (rt *ResourceType) CheckStrictFilter(f *Filter) error {
	switch f.Op {
	case OpAnd, OpOr, OpNot:
		for _, arg := range f.Args {
			if err := rt.CheckStrictFilter(arg); err != nil {
				return err
			}
		}
		return nil
	}
	if fault := rt.pathFault(f.Path); fault != "" {
		return BadRequest(TypeInvalidFilter, "%s", fault)
	}
	_, attr, sub, _ := rt.Attribute(f.Path)
	if f.Op == OpPath {
		return strictElements(attr, f.Args[0])
	}
	if sub != nil {
		attr = sub
	}
	return strictOperand(attr, f)
}

func strictElements(attr *Attribute, f *Filter) error {
	switch f.Op {
	case OpAnd, OpOr, OpNot:
		for _, arg := range f.Args {
			if err := strictElements(attr, arg); err != nil {
				return err
			}
		}
		return nil
	}
	return strictOperand(elementAttribute(attr, f.Path), f)
}

func strictOperand(a *Attribute, f *Filter) error {
	if a.Type == DataBoolean && f.Value.Kind == String {
		return BadRequest(TypeInvalidFilter, "%s is to be compared with true or false, not with text", a.Name)
	}
	return nil
}

// CheckStrictPath refuses a path that the schemas do not know as it stands, such as that of an extension's attribute without its URN (400
// invalidPath), and in its value filter what Check and CheckStrictFilter refuse.
func (rt *ResourceType) CheckStrictPath(p Path) error {
	if fault := rt.pathFault(p); fault != "" {
		return BadRequest(TypeInvalidPath, "%s", fault)
	}
	_, attr, _, ok := rt.Attribute(p)
	if !ok || p.Filter == nil {
		return nil
	}
	if err := checkElement(attr, p.Filter); err != nil {
		return err
	}
	return strictElements(attr, p.Filter)
}

// pathFault says why a path is not where RFC 7644 §3.10 has it; "" if it is.
func (rt *ResourceType) pathFault(p Path) string {
	if rt.Extension(p) != nil {
		return ""
	}
	schema, _, _, ok := rt.Attribute(p)
	switch {
	case !ok:
		return unknownPath(p).Detail
	case p.URN == "" && !rt.isCore(schema):
		return "\"" + clip(p.String()) + "\" is an attribute of " + schema.ID + "; name it with this URN"
	}
	return ""
}
