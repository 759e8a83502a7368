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
// element made primary takes that from the others. A null for active changes nothing: it says nothing about the account. A path that names an
// extension as a whole can only take it away.
//
// What is required beside the attribute itself is not looked at, as several calls may be needed to complete it: see Validate.
//
// Errors are *Error: invalidPath for an unknown attribute, mutability for a readOnly one, invalidFilter for a faulty value filter, noTarget where no element can be
// made, invalidValue for a value of the wrong type and for one that empties what is required. A password is not kept.
func (rt *ResourceType) Assign(resource Value, p Path, v Value) (Value, error) {
	w := assignment{coercion: coercion{rt: rt}, path: p}
	return w.assign(resource, v)
}

// Merge is Assign, but an object for a complex attribute, or for elements of one that the path picks, changes only the sub-attributes it names
// (RFC 7644 §3.5.2.3). It lists what of v no schema knows.
func (rt *ResourceType) Merge(resource Value, p Path, v Value) (Value, []string, error) {
	w := assignment{coercion: coercion{rt: rt, merging: true}, path: p}
	changed, err := w.assign(resource, v)
	return changed, w.dropped, err
}

// assignment is one Assign at work.
type assignment struct {
	coercion
	at   spot
	path Path
	attr *Attribute
	sub  *Attribute // or nil
}

func (w *assignment) assign(resource, v Value) (Value, error) {
	if ext := w.rt.Extension(w.path); ext != nil && v.Empty() {
		return w.rt.putExtension(resource, ext, Value{}), nil
	}
	schema, attr, sub, ok := w.rt.Attribute(w.path)
	switch {
	case !ok:
		return Value{}, unknownPath(w.path)
	case attr.Mutability == ReadOnly || sub != nil && sub.Mutability == ReadOnly:
		return Value{}, BadRequest(TypeMutability, "%s is readOnly", clip(w.path.String()))
	case !attr.kept() || sub != nil && !sub.kept():
		return resource, nil
	case attr.Name == "active" && v.Kind == Null:
		return resource, nil
	}
	if w.path.Filter != nil {
		if err := checkElement(attr, w.path.Filter); err != nil {
			return Value{}, err
		}
	}
	w.attr, w.sub, w.at = attr, sub, w.spot(schema, attr)
	changed, err := w.value(w.rt.read(resource, schema, attr), v)
	if err != nil {
		return Value{}, err
	}
	if attr.Required && blank(changed) {
		return Value{}, BadRequest(TypeInvalidValue, "%s is required; send it with a value", w.at)
	}
	return w.rt.put(resource, schema, attr, changed), nil
}

// value returns the attribute's new value.
func (w *assignment) value(old, v Value) (Value, error) {
	switch {
	case w.path.Filter == nil && w.sub == nil:
		w.base = old
		w.merging = w.merging && !w.attr.MultiValued
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
	switch {
	case len(made) == 0:
		return Value{}, nil
	case len(made) > MaxElements && !w.attr.listsMembers():
		return Value{}, BadRequest(TypeInvalidValue, "%s: at most %d values are accepted", w.at, MaxElements)
	}
	return ListOf(tidy(w.attr, made, winner)...), nil
}

// set returns an element with the sub-attribute set, or, when the path names none, what takes its place.
func (w *assignment) set(element, v Value) (Value, error) {
	if w.sub == nil {
		return w.whole(element, v)
	}
	changed, err := w.attribute(w.at.inside(w.sub), w.sub, v)
	if err != nil {
		return Value{}, err
	}
	if element = w.attr.with(element, w.sub.Name, changed); len(element.Fields) == 0 {
		return Value{}, nil
	}
	return element, nil
}

// whole returns what takes an element's place: what was sent, with what the element has (when merging) or the equality terms of the
// filter where it does not speak of them.
func (w *assignment) whole(element, v Value) (Value, error) {
	if v.Kind == Array && len(v.List) == 1 {
		v = v.List[0]
	}
	w.base = element
	made, err := w.single(w.at, w.attr, v)
	if err != nil || made.Kind == Null || w.attr.Type != DataComplex || w.merging && element.Kind != Null {
		return made, err
	}
	seed, _, err := w.seed()
	return merge(w.attr, seed, made), err
}

// create makes the element that a value filter describes, with what is to be set.
func (w *assignment) create(v Value) (Value, error) {
	if w.sub == nil {
		return w.whole(Value{}, v)
	}
	seed, ok, err := w.seed()
	if err != nil {
		return Value{}, err
	}
	if !ok {
		return Value{}, w.noTarget("no element matches, and none can be made of a filter with other terms than eq joined by and")
	}
	return w.set(seed, v)
}

// seed makes an element of the filter's equality terms; ok is false if the filter is no conjunction of these.
func (w *assignment) seed() (element Value, ok bool, err error) {
	terms, ok := equalities(w.path.Filter, nil)
	if !ok {
		return Value{}, false, nil
	}
	c := coercion{rt: w.rt}
	element, err = c.object(w.at, w.attr, ObjectOf(terms...))
	return element, true, err
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
		return rt.putExtension(resource, s, Value{Kind: Object, Fields: placed(resource.Get(s.ID).Fields, f, rank)})
	}
	fields := placed(resource.Fields, f, rt.rank)
	if len(fields) == 0 || fields[0].Name != "schemas" {
		return rt.withSchemas(fields)
	}
	return Value{Kind: Object, Fields: fields}
}

func (rt *ResourceType) putExtension(resource Value, ext *Schema, object Value) Value {
	if len(object.Fields) == 0 {
		object = Value{}
	}
	return rt.withSchemas(placed(resource.Fields, Field{ext.ID, object}, rt.rank))
}

func (rt *ResourceType) withSchemas(fields []Field) Value {
	schemas := rt.schemas(Value{Kind: Object, Fields: fields})
	return Value{Kind: Object, Fields: placed(fields, Field{"schemas", schemas}, rt.rank)}
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
