package patch

import "rollcall/state/scim"

// ParseStrict is Parse for clients that keep to RFC 7644 §3.5.2: schemas names PatchOp, op is in lower case, and remove has no value, which
// the RFC would pass over and take everything away.
func ParseStrict(body scim.Value, maxOperations int) ([]Operation, error) {
	ops, err := Parse(body, maxOperations)
	if err != nil {
		return nil, err
	}
	if !names(body.Get("schemas"), URN) {
		return nil, syntax("schemas must name %s", URN)
	}
	for i, op := range ops {
		sent := body.Get("Operations").List[i]
		switch {
		case sent.Get("op").Text != op.Op:
			return nil, numbered(i, syntax("op must be %s, in lower case", op.Op))
		case op.Op == opRemove && sent.Get("value").Kind != scim.Null:
			return nil, numbered(i, syntax("remove takes no value; pick what to remove by a filter in the path"))
		}
	}
	return ops, nil
}

// ApplyStrict is Apply for clients that keep to RFC 7644 §3.5.2. Paths and names are refused that no schema knows or that are not where
// the RFC has them (invalidPath), values in forms that scim.ResourceType.CheckStrictValue refuses, names of what is readOnly (mutability),
// and a replace by a value filter that nothing matches (noTarget).
func ApplyStrict(rt *scim.ResourceType, resource scim.Value, ops []Operation) (Outcome, error) {
	return apply(rt, resource, ops, (*editor).strictly)
}

func (e *editor) strictly(op Operation) error {
	if op.Path == "" {
		for _, f := range op.Value.Fields {
			if err := e.strictName(f); err != nil {
				return err
			}
		}
		return e.operation(op)
	}
	limits := pathLimits
	limits.Strict = true
	p, err := scim.ParsePath(op.Path, limits)
	if err != nil {
		return err
	}
	if err := e.rt.CheckStrictPath(p); err != nil {
		return err
	}
	if e.rt.Extension(p) != nil {
		if err := e.strictExtension(p, op.Value); err != nil {
			return err
		}
		return e.operation(op)
	}
	if op.Op != opRemove {
		if err := e.rt.CheckStrictValue(p, op.Value); err != nil {
			return err
		}
	}
	if op.Op == opReplace && p.Filter != nil && !e.picks(p) {
		return scim.BadRequest(scim.TypeNoTarget, "%s: no value matches the filter", p)
	}
	return e.operation(op)
}

// strictName checks an attribute in the value of an operation without path: under its plain name, or in an object under the URN of its
// extension.
func (e *editor) strictName(f scim.Field) error {
	p, err := scim.ParsePath(f.Name, pathLimits)
	if err != nil {
		return scim.BadRequest(scim.TypeInvalidPath, "a name in the value is no attribute's")
	}
	if e.rt.Extension(p) != nil {
		return e.strictExtension(p, f.Value)
	}
	if p.URN != "" || p.Sub != "" || p.Filter != nil {
		return scim.BadRequest(scim.TypeInvalidPath, "%s: a path is no name in the value; send it as path", p)
	}
	return e.strictAttribute(p, f.Value)
}

func (e *editor) strictExtension(p scim.Path, value scim.Value) error {
	for _, f := range value.Fields {
		inner := scim.Path{URN: p.String(), Attr: f.Name}
		if err := e.strictAttribute(inner, f.Value); err != nil {
			return err
		}
	}
	return nil
}

func (e *editor) strictAttribute(p scim.Path, value scim.Value) error {
	if err := e.rt.CheckStrictPath(p); err != nil {
		return err
	}
	t, _ := e.target(p)
	if t.mutability() == scim.ReadOnly && t.attr.Name != "schemas" {
		return scim.BadRequest(scim.TypeMutability, "%s is readOnly", t.attr.Name)
	}
	return e.rt.CheckStrictValue(p, value)
}

// picks tells whether a path's value filter matches anything.
func (e *editor) picks(p scim.Path) bool {
	p.Sub = ""
	return len(e.rt.Select(e.resource, p)) > 0
}
