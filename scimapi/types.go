package scimapi

import (
	"fmt"
	"slices"
	"strings"

	"rollcall/state"
	"rollcall/state/scim"
)

// Types are the resource types of a source: what its users and groups can have. The zero Types are RFC 7643's own: User with the
// enterprise extension, and Group. Types are immutable and may be shared.
type Types struct{ users, groups *resource }

// NewTypes adds extensions, such as a configuration declares, to User and to Group. It refuses what no client could name (see
// scim.NewResourceType) and what the record does not promise: uniqueness of an extension's attributes.
func NewTypes(users, groups []*scim.Schema) (Types, error) {
	for _, schema := range users {
		if slices.ContainsFunc(groups, func(g *scim.Schema) bool { return g != schema && strings.EqualFold(g.ID, schema.ID) }) {
			return Types{}, fmt.Errorf("schema %q: users and groups have different ones under this URN; give each its own", schema.ID)
		}
	}
	u, err := newResource(state.KindAccount, scim.UserType(), users)
	if err != nil {
		return Types{}, fmt.Errorf("extensions of User: %w", err)
	}
	g, err := newResource(state.KindGroup, scim.GroupType(), groups)
	if err != nil {
		return Types{}, fmt.Errorf("extensions of Group: %w", err)
	}
	return Types{users: u, groups: g}, nil
}

var coreTypes = func() Types {
	types, err := NewTypes(nil, nil)
	if err != nil {
		panic(err) // no extension, no fault
	}
	return types
}()

func (t Types) orElse(other Types) Types {
	if t.users == nil {
		return other
	}
	return t
}

// all lists the types in the order in which lists over both show them.
func (t Types) all() []*resource { return []*resource{t.users, t.groups} }

func (t Types) of(kind state.Kind) *resource {
	if kind == state.KindGroup {
		return t.groups
	}
	return t.users
}

// resource is one of the two kinds of resources and how it is served. What the kinds have in common is in resource.go, what is
// particular to each in users.go and groups.go.
type resource struct {
	kind state.Kind
	rt   *scim.ResourceType

	// veiled: the stored bytes may hold attributes that are not returned by default, so that they cannot be shown as they are.
	veiled bool
}

func newResource(kind state.Kind, rt *scim.ResourceType, extensions []*scim.Schema) (*resource, error) {
	for _, schema := range extensions {
		if name := uniqueName(schema.Attributes); name != "" {
			return nil, fmt.Errorf("schema %q: attribute %q: uniqueness is kept of userName and of a group's displayName alone; leave it out", schema.ID, name)
		}
	}
	if len(extensions) > 0 {
		extended, err := rt.With(extensions...)
		if err != nil {
			return nil, err
		}
		rt = extended
	}
	res := &resource{kind: kind, rt: rt}
	for _, schema := range rt.Extensions {
		res.veiled = res.veiled || veiled(schema.Attributes)
	}
	return res, nil
}

// related names the attribute that is not among the stored bytes but in rows of its own.
func (r *resource) related() string {
	if r.kind == state.KindGroup {
		return "members"
	}
	return "groups"
}

// uniqueName finds an attribute that is declared to be unique.
func uniqueName(attributes []scim.Attribute) string {
	for i := range attributes {
		a := &attributes[i]
		if a.Uniqueness != "" && a.Uniqueness != scim.UniqueNone {
			return a.Name
		}
		if name := uniqueName(a.Sub); name != "" {
			return a.Name + "." + name
		}
	}
	return ""
}

// veiled tells whether any of the attributes is returned never or on request only.
func veiled(attributes []scim.Attribute) bool {
	for i := range attributes {
		a := &attributes[i]
		if a.Returned == scim.ReturnedNever || a.Returned == scim.ReturnedRequest || veiled(a.Sub) {
			return true
		}
	}
	return false
}
