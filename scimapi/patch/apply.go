package patch

import (
	"slices"
	"strconv"

	"rollcall/state/scim"
)

// Apply carries out operations in order on a resource in canonical form (active included, members not), all or none: an error means that
// nothing is to be changed. It names the operation, and is a *scim.Error with the scimType of RFC 7644 §3.12.
//
// An attribute that no schema knows is dropped and listed while the other operations proceed; a known attribute in an unknown form is an error.
// What is readOnly (id, meta, groups) is refused as a path and passed over as a name in the value of an operation without path, where clients echo it.
// A password is taken and not kept. name.formatted is composed anew when the operations change parts of the name and not itself.
func Apply(rt *scim.ResourceType, resource scim.Value, ops []Operation) (Outcome, error) {
	return apply(rt, resource, ops, (*editor).operation)
}

func apply(rt *scim.ResourceType, resource scim.Value, ops []Operation, carryOut func(*editor, Operation) error) (Outcome, error) {
	e := editor{rt: rt, resource: resource}
	for i, op := range ops {
		if err := carryOut(&e, op); err != nil {
			return Outcome{}, numbered(i, err)
		}
	}
	if err := checkImmutable(rt, resource, e.resource); err != nil {
		return Outcome{}, err
	}
	// A resource from before its schemas required more can still be changed.
	if err := rt.Validate(e.resource); err != nil && rt.Validate(resource) == nil {
		return Outcome{}, err
	}
	if !e.formatted {
		changed, err := reformat(rt, resource, e.resource)
		if err != nil {
			return Outcome{}, err
		}
		e.resource = changed
	}
	return Outcome{Resource: e.resource, Changed: !resource.Equal(e.resource), Members: e.members.outcome(), Dropped: e.dropped}, nil
}

// maxWrites is how many attributes the operations of one request may write, those without path counted by their names.
const maxWrites = 2000

var pathLimits = scim.Limits{Nodes: scim.MaxPaths}

// editor is one Apply at work.
type editor struct {
	rt        *scim.ResourceType
	resource  scim.Value
	writes    int
	members   members
	formatted bool // name.formatted was written
	dropped   []string
}

func (e *editor) operation(op Operation) error {
	if op.Path == "" || scim.EqualFold(op.Path, e.rt.Schema.ID) {
		if op.Op == opRemove {
			return scim.BadRequest(scim.TypeNoTarget, "remove needs a path")
		}
		if op.Value.Kind != scim.Object {
			return scim.BadRequest(scim.TypeInvalidValue, "without a path the value must be an object of attributes")
		}
		return e.names(op.Op, op.Value)
	}
	p, err := scim.ParsePath(op.Path, pathLimits)
	if err != nil {
		return err
	}
	if e.rt.Extension(p) != nil {
		return e.extension(op.Op, p, op.Value)
	}
	t, ok := e.target(p)
	switch {
	case !ok:
		e.drop(op.Path)
		return nil
	case scim.EqualFold(t.attr.Name, "schemas"):
		return nil // made from the content, whatever is asked
	case t.mutability() == scim.ReadOnly:
		return scim.BadRequest(scim.TypeMutability, "%s is readOnly", t.attr.Name)
	}
	return e.write(op.Op, t, op.Value)
}

// names writes each attribute that the value of an operation without path names: plainly, dotted, with a value filter or a URN, or
// in an object under the schema's URN (RFC 7644 §3.5.2.1; the others are Entra's).
func (e *editor) names(op string, value scim.Value) error {
	for _, f := range value.Fields {
		if err := e.name(op, f); err != nil {
			return err
		}
	}
	return nil
}

func (e *editor) name(op string, f scim.Field) error {
	if scim.EqualFold(f.Name, e.rt.Schema.ID) && f.Value.Kind == scim.Object {
		return e.names(op, f.Value)
	}
	p, err := scim.ParsePath(f.Name, pathLimits)
	if err == nil && e.rt.Extension(p) != nil {
		return e.extension(op, p, f.Value)
	}
	t, ok := e.target(p)
	switch {
	case err != nil || !ok:
		if !f.Value.Empty() {
			e.drop(f.Name)
		}
		return nil
	case t.mutability() == scim.ReadOnly:
		return nil
	}
	return e.write(op, t, f.Value)
}

// extension writes the attributes of an extension that an object names, and leaves the others alone. A null or a remove takes the whole extension away.
func (e *editor) extension(op string, p scim.Path, value scim.Value) error {
	switch {
	case op != opRemove && value.Kind == scim.Object:
		for _, f := range value.Fields {
			if err := e.name(op, scim.Field{Name: p.String() + ":" + f.Name, Value: f.Value}); err != nil {
				return err
			}
		}
		return nil
	case op != opRemove && !value.Empty():
		return scim.BadRequest(scim.TypeInvalidValue, "%s: an object of attributes is wanted", p)
	case op == opAdd:
		return nil
	}
	return e.assign(p, scim.Value{})
}

func (e *editor) drop(paths ...string) {
	for _, p := range paths {
		if len(e.dropped) < scim.MaxDropped && !slices.Contains(e.dropped, p) {
			e.dropped = append(e.dropped, p)
		}
	}
}

// target is what a path leads to.
type target struct {
	path scim.Path
	attr *scim.Attribute
	sub  *scim.Attribute // or nil
}

func (e *editor) target(p scim.Path) (target, bool) {
	_, attr, sub, ok := e.rt.Attribute(p)
	return target{path: p, attr: attr, sub: sub}, ok
}

// leaf is the attribute whose value the path leads to.
func (t target) leaf() *scim.Attribute {
	if t.sub != nil {
		return t.sub
	}
	return t.attr
}

func (t target) mutability() scim.Mutability {
	if t.attr.Mutability == scim.ReadOnly {
		return scim.ReadOnly
	}
	return t.leaf().Mutability
}

// whole reports whether the path leads to all of an attribute.
func (t target) whole() bool { return t.sub == nil && t.path.Filter == nil }

func (e *editor) write(op string, t target, v scim.Value) error {
	if e.writes++; e.writes > maxWrites {
		return &scim.Error{Status: 413, Detail: "the request writes more than " + strconv.Itoa(maxWrites) + " attributes; split it"}
	}
	if t.path.Filter != nil {
		if err := e.rt.CheckElement(t.path, t.path.Filter); err != nil {
			return err
		}
	}
	switch {
	case isMembers(e.rt, t.attr):
		return e.changeMembers(op, t, v)
	case t.attr.Mutability == scim.WriteOnly:
		return nil
	case op != opRemove && isFormatted(e.rt, t, v):
		e.formatted = true
	}
	switch op {
	case opRemove:
		return e.remove(t, v)
	case opAdd:
		return e.add(t, v)
	}
	return e.replace(t, v)
}

// add appends to a multi-valued attribute, merges into a complex one and sets a simple one (RFC 7644 §3.5.2.1).
func (e *editor) add(t target, v scim.Value) error {
	switch {
	case t.whole() && t.attr.MultiValued:
		return e.appendTo(t, e.rt.Select(e.resource, t.path), v)
	case t.sub != nil && t.sub.MultiValued && !t.attr.MultiValued:
		return e.appendTo(t, e.present(t).List, v)
	case t.sub == nil && t.attr.MultiValued:
		return e.merge(t, v)
	}
	return e.replace(t, v)
}

func (e *editor) appendTo(t target, present []scim.Value, v scim.Value) error {
	more, err := e.coerce(t, v)
	if err != nil || more.Kind == scim.Null {
		return err
	}
	return e.assign(t.path, scim.ListOf(append(present[:len(present):len(present)], more.List...)...))
}

// replace sets what the path leads to. A complex attribute keeps the sub-attributes that are not named (RFC 7644 §3.5.2.3).
func (e *editor) replace(t target, v scim.Value) error {
	if t.whole() && !t.attr.MultiValued && t.attr.Type == scim.DataComplex {
		return e.merge(t, v)
	}
	made, err := e.coerce(t, v)
	if err != nil {
		return err
	}
	return e.assign(t.path, made)
}

func (e *editor) merge(t target, v scim.Value) error {
	changed, dropped, err := e.rt.Merge(e.resource, t.path, v)
	if err != nil {
		return err
	}
	e.drop(dropped...)
	e.resource = changed
	return nil
}

// remove takes away what the path leads to, or, of a multi-valued attribute, the values that are sent with it (Entra).
func (e *editor) remove(t target, v scim.Value) error {
	switch {
	case t.leaf().Required && t.path.Filter == nil:
		return scim.BadRequest(scim.TypeMutability, "%s is required and can't be removed", t.path)
	case t.attr.Name == "active":
		return scim.BadRequest(scim.TypeMutability, "active can't be removed; replace it with true or false")
	case v.Kind == scim.Null || t.path.Filter != nil || !t.leaf().MultiValued:
		return e.assign(t.path, scim.Value{})
	case t.sub == nil:
		return e.removeElements(t, v)
	}
	return e.removeItems(t, v)
}

// removeElements takes away those elements that have the value (and type, where sent) of one that was sent, or, where no value was sent, all
// that was.
func (e *editor) removeElements(t target, v scim.Value) error {
	sent := listed(v)
	if len(sent) > scim.MaxElements {
		return scim.BadRequest(scim.TypeInvalidValue, "%s: more than %d values to remove; send fewer", t.path, scim.MaxElements)
	}
	any := &scim.Filter{Op: scim.OpOr} // of nothing, it matches nothing
	for _, s := range sent {
		f, err := selector(t, s)
		if err != nil {
			return err
		}
		if f != nil {
			any.Args = append(any.Args, f)
		}
	}
	if err := e.rt.CheckElement(t.path, any); err != nil {
		return scim.BadRequest(scim.TypeInvalidValue, "%s: the values to remove are not understood: %v", t.path, err)
	}
	t.path.Filter = any
	return e.assign(t.path, scim.Value{})
}

// selector makes a value filter of an element that was sent; nil when it says nothing.
func selector(t target, sent scim.Value) (*scim.Filter, error) {
	if sent.Empty() {
		return nil, nil
	}
	if sent.Kind != scim.Object {
		sent = scim.ObjectOf(scim.Field{Name: "value", Value: sent})
	}
	all := &scim.Filter{Op: scim.OpAnd}
	for _, f := range sent.Fields {
		byValue := !sent.Get("value").Empty()
		if f.Value.Empty() || byValue && !scim.EqualFold(f.Name, "value") && !scim.EqualFold(f.Name, "type") {
			continue
		}
		if f.Value.Kind == scim.Array || f.Value.Kind == scim.Object {
			return nil, scim.BadRequest(scim.TypeInvalidValue, "%s: a value to remove has no list or object in it", t.path)
		}
		all.Args = append(all.Args, &scim.Filter{Op: scim.OpEqual, Path: scim.Path{Attr: f.Name}, Value: f.Value})
	}
	return all, nil
}

// removeItems takes values out of a list that is a sub-attribute.
func (e *editor) removeItems(t target, v scim.Value) error {
	gone, err := e.coerce(t, v)
	if err != nil {
		return err
	}
	var left []scim.Value
	for _, item := range e.present(t).List {
		if !contains(gone.List, item) {
			left = append(left, item)
		}
	}
	return e.assign(t.path, scim.ListOf(left...))
}

func contains(list []scim.Value, v scim.Value) bool {
	for _, item := range list {
		if item.Equal(v) {
			return true
		}
	}
	return false
}

// present is the first value that a target has now.
func (e *editor) present(t target) scim.Value {
	for _, v := range e.rt.Select(e.resource, t.path) {
		return v
	}
	return scim.Value{}
}

// coerce brings a value into canonical form and notes what of it no schema knows.
func (e *editor) coerce(t target, v scim.Value) (scim.Value, error) {
	t.path.Filter = nil
	made, dropped, err := e.rt.Coerce(t.path, v)
	e.drop(dropped...)
	return made, err
}

func (e *editor) assign(p scim.Path, v scim.Value) error {
	changed, err := e.rt.Assign(e.resource, p, v)
	if err == nil {
		e.resource = changed
	}
	return err
}

// listed returns a list's items, or the one value that stands where a list is wanted.
func listed(v scim.Value) []scim.Value {
	if v.Kind == scim.Array {
		return v.List
	}
	return []scim.Value{v}
}
