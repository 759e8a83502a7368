package scim

import "strings"

// Normal is a resource in canonical form together with what was not kept of what was sent.
type Normal struct {
	// Resource has schema order (schemas, externalId, the core attributes, the extensions under their URNs), canonical attribute names, typed
	// booleans, text as sent, no null and no empty value, no repeated (type, value) element, at most one primary per attribute, schemas as they
	// really are. It still has active (typed) where sent and members where sent (as [{"value": id}, …]), but no id, groups, meta and password.
	Resource Value
	Dropped  []string // paths of attributes that no schema knows and that had a value, at most MaxDropped
}

// Normalize brings a resource as sent into canonical form; a canonical one comes back as it is. It is as lenient as identity providers
// need, and no more:
//   - null, "", [] and {} leave an attribute unassigned (RFC 7643 §2.5). active alone is stricter: null is absent; true and false, also
//     as text in any letter case, are its only values.
//   - What is readOnly (id, meta, groups) and the password are left out, whatever their shape. schemas is not read but made from the content.
//   - Booleans may be text; a single value may stand where a list is wanted, a bare value where an object with a value is; and a manager in a list of one.
//   - An extension's attributes may also be sent under names with the URN, or, where no core attribute has the name, without it.
//   - Attributes may have path-like names such as "name.givenName", as in a PATCH without a path.
//
// Anything else of a known attribute is a *Error 400 invalidValue that names it, as is a required attribute (userName of a User,
// displayName of a Group) that is missing or blank. What no schema knows is left out and listed.
func (rt *ResourceType) Normalize(sent Value) (Normal, error) {
	if sent.Kind != Object {
		return Normal{}, BadRequest(TypeInvalidSyntax, "the resource must be a JSON object, %s was sent", sent.Kind.shape())
	}
	n := normalizer{coercion: coercion{rt: rt}, core: make([]Value, len(rt.Schema.Attributes)), extensions: make([][]Value, len(rt.Extensions))}
	for _, f := range sent.Fields {
		if err := n.field(f); err != nil {
			return Normal{}, err
		}
	}
	resource, err := n.resource()
	if err != nil {
		return Normal{}, err
	}
	return Normal{Resource: resource, Dropped: n.dropped}, nil
}

// Coerce brings a value that was sent for a path into canonical form, null when it is unassigned, and lists what of it no schema knows.
// The path must be known and its filter is not looked at. Errors are *Error 400 invalidValue.
func (rt *ResourceType) Coerce(p Path, sent Value) (Value, []string, error) {
	schema, attr, sub, ok := rt.Attribute(p)
	if !ok {
		return Value{}, nil, unknownPath(p)
	}
	c := coercion{rt: rt}
	at := c.spot(schema, attr)
	if sub != nil {
		at, attr = at.inside(sub), sub
	}
	v, err := c.attribute(at, attr, sent)
	return v, c.dropped, err
}

func unknownPath(p Path) *Error {
	return BadRequest(TypeInvalidPath, "no schema has the attribute %q", clip(p.String()))
}

// normalizer sorts the fields of a resource into places in schema order.
type normalizer struct {
	coercion
	externalID Value
	core       []Value
	extensions [][]Value
	loose      []Field // whose names are no attribute of the core schema
}

func (n *normalizer) field(f Field) error {
	if i := indexOf(n.rt.Schema.Attributes, f.Name); i >= 0 {
		return n.set(&n.core[i], n.rt.Schema, &n.rt.Schema.Attributes[i], f.Value)
	}
	if EqualFold(f.Name, "externalId") {
		return n.set(&n.externalID, n.rt.Schema, find(common, f.Name), f.Value)
	}
	for i, ext := range n.rt.Extensions {
		if EqualFold(f.Name, ext.ID) {
			return n.extension(i, f.Value)
		}
	}
	switch {
	case find(common, f.Name) != nil:
	case EqualFold(f.Name, n.rt.Schema.ID) && f.Value.Kind == Object:
		for _, inner := range f.Value.Fields {
			if err := n.field(inner); err != nil {
				return err
			}
		}
	default:
		n.loose = append(n.loose, f)
	}
	return nil
}

// set coerces a value into its place.
func (n *normalizer) set(place *Value, s *Schema, a *Attribute, sent Value) error {
	if !a.kept() {
		return nil
	}
	v, err := n.attribute(n.spot(s, a), a, sent)
	if err == nil {
		*place = v
	}
	return err
}

func (n *normalizer) extension(i int, sent Value) error {
	ext := n.rt.Extensions[i]
	if sent.Kind != Object {
		if sent.Empty() {
			return nil
		}
		return BadRequest(TypeInvalidValue, "%s: an object is wanted, %s was sent", ext.ID, sent.Kind.shape())
	}
	for _, f := range sent.Fields {
		at := indexOf(ext.Attributes, f.Name)
		if at < 0 {
			if !f.Value.Empty() {
				n.drop(ext.ID + ":" + f.Name)
			}
			continue
		}
		if err := n.set(n.place(i, at), ext, &ext.Attributes[at], f.Value); err != nil {
			return err
		}
	}
	return nil
}

func (n *normalizer) place(extension, attribute int) *Value {
	if n.extensions[extension] == nil {
		n.extensions[extension] = make([]Value, len(n.rt.Extensions[extension].Attributes))
	}
	return &n.extensions[extension][attribute]
}

// resource assembles what was sorted, then sets what came under other names.
func (n *normalizer) resource() (Value, error) {
	n.adopt()
	schemas := []Value{StringValue(n.rt.Schema.ID)}
	fields := make([]Field, 1, 2+assigned(n.core)+len(n.extensions))
	if n.externalID.Kind != Null {
		fields = append(fields, Field{"externalId", n.externalID})
	}
	for i := range n.core {
		if n.core[i].Kind != Null {
			fields = append(fields, Field{n.rt.Schema.Attributes[i].Name, n.core[i]})
		}
	}
	for i, values := range n.extensions {
		if values == nil {
			continue
		}
		ext := n.rt.Extensions[i]
		if object := assemble(ext.Attributes, values); object.Kind != Null {
			fields = append(fields, Field{ext.ID, object})
			schemas = append(schemas, StringValue(ext.ID))
		}
	}
	fields[0] = Field{"schemas", ListOf(schemas...)}
	resource, err := n.setPaths(Value{Kind: Object, Fields: fields})
	if err != nil {
		return Value{}, err
	}
	return resource, n.rt.Validate(resource)
}

func assigned(values []Value) int {
	count := 0
	for i := range values {
		if values[i].Kind != Null {
			count++
		}
	}
	return count
}

// adopt gives attributes of extensions that came without their URN to the extension, unless it has them already or they don't
// fit: then the name is one that only happens to be the same.
func (n *normalizer) adopt() {
	paths := n.loose[:0]
	for _, f := range n.loose {
		if strings.ContainsAny(f.Name, ".:[") {
			paths = append(paths, f)
			continue
		}
		if !n.adopted(f) && !f.Value.Empty() {
			n.drop(f.Name)
		}
	}
	n.loose = paths
}

func (n *normalizer) adopted(f Field) bool {
	for i, ext := range n.rt.Extensions {
		at := indexOf(ext.Attributes, f.Name)
		if at < 0 {
			continue
		}
		if v := n.extensions[i]; v != nil && v[at].Kind != Null {
			return true
		}
		trial := coercion{rt: n.rt}
		v, err := trial.attribute(spot{}, &ext.Attributes[at], f.Value)
		if err != nil {
			return false
		}
		if v.Kind != Null && ext.Attributes[at].kept() {
			*n.place(i, at) = v
		}
		return true
	}
	return false
}

// setPaths sets attributes that came under names with a URN, a dot or a value filter.
func (n *normalizer) setPaths(resource Value) (Value, error) {
	if len(n.loose) > MaxPaths {
		return Value{}, BadRequest(TypeInvalidValue, "the resource has %d names that are paths; at most %d are accepted", len(n.loose), MaxPaths)
	}
	for _, f := range n.loose {
		if f.Value.Empty() {
			continue
		}
		p, err := ParsePath(f.Name, pathLimits)
		if err != nil {
			n.drop(f.Name)
			continue
		}
		_, attr, sub, ok := n.rt.Attribute(p)
		if !ok || attr.listsMembers() && (sub != nil || p.Filter != nil) {
			n.drop(f.Name)
			continue
		}
		if !attr.kept() || sub != nil && !sub.kept() {
			continue
		}
		if resource, err = n.rt.Assign(resource, p, f.Value); err != nil {
			return Value{}, err
		}
	}
	return resource, nil
}

// Validate refuses a resource in canonical form that lacks what is required: attributes of the core schema, and those of an extension or
// sub-attributes of a complex attribute where there is anything of these. Blank text is no name. Errors are *Error 400 invalidValue.
func (rt *ResourceType) Validate(resource Value) error {
	if err := requireAll(spot{}, rt.Schema.Attributes, resource); err != nil {
		return err
	}
	for _, ext := range rt.Extensions {
		if object := resource.Get(ext.ID); object.Kind != Null {
			if err := requireAll(spot{schema: ext}, ext.Attributes, object); err != nil {
				return err
			}
		}
	}
	return nil
}

func requireAll(at spot, attributes []Attribute, object Value) error {
	for i := range attributes {
		a := &attributes[i]
		if a.Type != DataComplex && !a.Required || !a.kept() {
			continue
		}
		v := object.Get(a.Name)
		if a.Required && blank(v) {
			return BadRequest(TypeInvalidValue, "%s is required; send it with a value", at.inside(a))
		}
		if !anyRequired(a.Sub) {
			continue
		}
		for _, e := range elements(a, v) {
			if err := requireAll(at.inside(a), a.Sub, e); err != nil {
				return err
			}
		}
	}
	return nil
}

func anyRequired(attributes []Attribute) bool {
	for i := range attributes {
		if attributes[i].Required {
			return true
		}
	}
	return false
}

func blank(v Value) bool {
	return v.Empty() || v.Kind == String && strings.TrimSpace(v.Text) == ""
}
