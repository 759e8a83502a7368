package scim

// Select returns the values that a path leads to in a resource in canonical form: none, one, or several of a multi-valued attribute.
func (rt *ResourceType) Select(resource Value, p Path) []Value {
	schema, attr, sub, ok := rt.Attribute(p)
	if !ok {
		return nil
	}
	var found []Value
	for _, e := range elements(attr, rt.read(resource, schema, attr)) {
		if p.Filter != nil && !elementMatches(attr, p.Filter, e) {
			continue
		}
		if sub != nil {
			e = e.Get(sub.Name)
		}
		if e.Kind != Null {
			found = append(found, e)
		}
	}
	return found
}

// Assign returns the resource with the value that a path leads to set to v, or taken away if v is empty; it stays in canonical form. v may have any
// shape that Normalize takes. A list of several is given to a multi-valued attribute as a whole only.
//
// A value filter that matches no element makes one from its equality terms (Entra and Okta need it, though RFC 7644 §3.5.2.3 says
// noTarget), and an element set as a whole keeps those terms, so that the same path goes on leading to it. A path to a sub-attribute of a
// multi-valued attribute without a filter sets it in each element, or makes one. An element left with nothing but type and primary is taken away. An
// element made primary takes that from the others. A null for active changes nothing: it says nothing about the account.
//
// Errors are *Error: invalidPath for an unknown attribute, mutability for a readOnly one, invalidFilter for a faulty value filter, noTarget where no element can be
// made, invalidValue for a value of the wrong type and for one that empties what is required. A password is not kept.
func (rt *ResourceType) Assign(resource Value, p Path, v Value) (Value, error) {
	schema, attr, sub, ok := rt.Attribute(p)
	switch {
	case !ok:
		return Value{}, unknownPath(p)
	case attr.Mutability == ReadOnly || sub != nil && sub.Mutability == ReadOnly:
		return Value{}, BadRequest(TypeMutability, "%s is readOnly", clip(p.String()))
	case !attr.kept() || sub != nil && !sub.kept():
		return resource, nil
	case attr.Name == "active" && v.Kind == Null:
		return resource, nil
	}
	if p.Filter != nil {
		if err := checkElement(attr, p.Filter); err != nil {
			return Value{}, err
		}
	}
	w := assignment{coercion: coercion{rt: rt}, path: p, attr: attr, sub: sub}
	w.at = w.spot(schema, attr)
	changed, err := w.apply(rt.read(resource, schema, attr), v)
	if err != nil {
		return Value{}, err
	}
	if attr.Required && blank(changed) {
		return Value{}, BadRequest(TypeInvalidValue, "%s is required; send it with a value", w.at)
	}
	return rt.put(resource, schema, attr, changed), nil
}

// assignment is one Assign at work.
type assignment struct {
	coercion
	at   spot
	path Path
	attr *Attribute
	sub  *Attribute // or nil
}

// apply returns the attribute's new value.
func (w *assignment) apply(old, v Value) (Value, error) {
	switch {
	case w.path.Filter == nil && w.sub == nil:
		return w.attribute(w.at, w.attr, v)
	case w.attr.MultiValued:
		return w.many(old, v)
	}
	return w.one(old, v)
}

// one sets a part of a single-valued attribute.
func (w *assignment) one(old, v Value) (Value, error) {
	if w.path.Filter == nil || old.Kind != Null && elementMatches(w.attr, w.path.Filter, old) {
		return w.set(old, v)
	}
	if v.Empty() {
		return old, nil
	}
	if old.Kind != Null {
		return Value{}, w.noTarget("the value there is another one")
	}
	return w.create(v)
}

// many sets the elements of a multi-valued attribute that the filter matches.
func (w *assignment) many(old, v Value) (Value, error) {
	made := make([]Value, 0, len(old.List)+1)
	found, winner := false, -1
	add := func(e Value, err error) error {
		if err != nil || e.Kind == Null || hollow(e) && e.Kind == Object {
			return err
		}
		if e.Get("primary").Bool {
			winner = len(made)
		}
		made = append(made, e)
		return nil
	}
	for _, e := range old.List {
		if w.path.Filter != nil && !elementMatches(w.attr, w.path.Filter, e) {
			made = append(made, e)
			continue
		}
		found = true
		if err := add(w.set(e, v)); err != nil {
			return Value{}, err
		}
	}
	if !found && !v.Empty() {
		if err := add(w.create(v)); err != nil {
			return Value{}, err
		}
	}
	if len(made) == 0 {
		return Value{}, nil
	}
	return ListOf(tidy(w.attr, made, winner)...), nil
}

// set returns an element with the sub-attribute set, or, when the path names none, replaced.
func (w *assignment) set(element, v Value) (Value, error) {
	if w.sub == nil {
		return w.replace(v)
	}
	at := w.at
	at.sub = w.sub.Name
	changed, err := w.attribute(at, w.sub, v)
	if err != nil {
		return Value{}, err
	}
	if element = w.attr.with(element, w.sub.Name, changed); len(element.Fields) == 0 {
		return Value{}, nil
	}
	return element, nil
}

// replace returns what takes an element's place: what was sent, with the equality terms it does not speak of.
func (w *assignment) replace(v Value) (Value, error) {
	if v.Kind == Array && len(v.List) == 1 {
		v = v.List[0]
	}
	made, err := w.single(w.at, w.attr, v)
	if err != nil || made.Kind == Null || w.attr.Type != DataComplex {
		return made, err
	}
	terms, ok := equalities(w.path.Filter, nil)
	if !ok {
		return made, nil
	}
	seed, err := w.object(w.at, w.attr, ObjectOf(terms...))
	return merge(w.attr, seed, made), err
}

// create makes the element that a value filter describes, with what is to be set.
func (w *assignment) create(v Value) (Value, error) {
	if w.sub == nil {
		return w.replace(v)
	}
	terms, ok := equalities(w.path.Filter, nil)
	if !ok {
		return Value{}, w.noTarget("no element matches, and none can be made of a filter with other terms than eq joined by and")
	}
	seed, err := w.object(w.at, w.attr, ObjectOf(terms...))
	if err != nil {
		return Value{}, err
	}
	return w.set(seed, v)
}

func (w *assignment) noTarget(why string) error {
	return BadRequest(TypeNoTarget, "%s: %s", w.at, why)
}

// equalities collects the terms of a conjunction of equalities; ok is false if the filter is anything else. No filter has no terms.
func equalities(f *Filter, terms []Field) (_ []Field, ok bool) {
	switch {
	case f == nil:
		return terms, true
	case f.Op == OpEqual:
		for _, t := range terms {
			if EqualFold(t.Name, f.Path.Attr) {
				return nil, false
			}
		}
		return append(terms, Field{f.Path.Attr, f.Value}), true
	case f.Op != OpAnd:
		return nil, false
	}
	for _, arg := range f.Args {
		if terms, ok = equalities(arg, terms); !ok {
			return nil, false
		}
	}
	return terms, true
}

// put returns the resource with an attribute's value in its place, schemas brought up to date; a null value takes it away.
func (rt *ResourceType) put(resource Value, s *Schema, a *Attribute, v Value) Value {
	f := Field{a.Name, v}
	if !rt.isCore(s) {
		rank := func(name string) int { return indexOf(s.Attributes, name) }
		f = Field{s.ID, Value{Kind: Object, Fields: placed(resource.Get(s.ID).Fields, f, rank)}}
		if len(f.Value.Fields) == 0 {
			f.Value = Value{}
		}
	}
	fields := placed(resource.Fields, f, rt.rank)
	if !rt.isCore(s) || len(fields) == 0 || fields[0].Name != "schemas" {
		fields = placed(fields, Field{"schemas", rt.schemas(Value{Kind: Object, Fields: fields})}, rt.rank)
	}
	return Value{Kind: Object, Fields: fields}
}

// schemas lists the schemas that a resource has attributes of.
func (rt *ResourceType) schemas(resource Value) Value {
	list := []Value{StringValue(rt.Schema.ID)}
	for _, ext := range rt.Extensions {
		if !resource.Get(ext.ID).Empty() {
			list = append(list, StringValue(ext.ID))
		}
	}
	return ListOf(list...)
}

// rank is an attribute's place in the canonical order: schemas, id, externalId, the core attributes, the extensions, meta.
func (rt *ResourceType) rank(name string) int {
	if i := indexOf(rt.Schema.Attributes, name); i >= 0 {
		return len(common) + i
	}
	i := indexOf(common, name)
	if i >= 0 && common[i].Name != "meta" {
		return i
	}
	place := len(common) + len(rt.Schema.Attributes)
	for j, ext := range rt.Extensions {
		if EqualFold(ext.ID, name) {
			return place + j
		}
	}
	return place + len(rt.Extensions)
}
