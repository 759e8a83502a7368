package scim

import (
	"fmt"
	"strings"
)

// DataType is an attribute's type (RFC 7643 §2.3).
type DataType string

const (
	DataString    DataType = "string"
	DataBoolean   DataType = "boolean"
	DataDecimal   DataType = "decimal"
	DataInteger   DataType = "integer"
	DataDateTime  DataType = "dateTime"
	DataBinary    DataType = "binary"
	DataReference DataType = "reference"
	DataComplex   DataType = "complex"
)

// Mutability says who may write an attribute, Returned when it is shown, Uniqueness where its value is unique (RFC 7643 §2.2, §7).
type (
	Mutability string
	Returned   string
	Uniqueness string
)

const (
	ReadWrite Mutability = "readWrite"
	ReadOnly  Mutability = "readOnly"
	Immutable Mutability = "immutable"
	WriteOnly Mutability = "writeOnly"

	ReturnedDefault Returned = "default"
	ReturnedAlways  Returned = "always"
	ReturnedNever   Returned = "never"
	ReturnedRequest Returned = "request"

	UniqueNone   Uniqueness = "none"
	UniqueServer Uniqueness = "server"
	UniqueGlobal Uniqueness = "global"
)

// Attribute describes one attribute (RFC 7643 §7). Its JSON form is built by the receiver's discovery. In a schema that has gone
// through NewResourceType no field is left to a default.
type Attribute struct {
	Name            string
	Type            DataType
	MultiValued     bool
	Description     string
	Required        bool
	CanonicalValues []string
	CaseExact       bool
	Mutability      Mutability
	Returned        Returned
	Uniqueness      Uniqueness
	ReferenceTypes  []string
	Sub             []Attribute

	// derived: the receiver makes it from the attribute's value whenever it answers; what is sent for it is not kept.
	derived bool
}

// sub returns the sub-attribute of a name, or nil.
func (a *Attribute) sub(name string) *Attribute { return find(a.Sub, name) }

// kept reports whether what a client sends for the attribute becomes part of the resource.
func (a *Attribute) kept() bool {
	return a.Mutability != ReadOnly && a.Mutability != WriteOnly && !a.derived
}

// listsMembers reports whether an element of the attribute is its value and nothing else: it is added and removed as a whole.
func (a *Attribute) listsMembers() bool {
	value := a.sub("value")
	return a.MultiValued && value != nil && value.Mutability == Immutable
}

func find(attributes []Attribute, name string) *Attribute {
	for i := range attributes {
		if EqualFold(attributes[i].Name, name) {
			return &attributes[i]
		}
	}
	return nil
}

// Schema is a set of attributes under a URN.
type Schema struct {
	ID          string
	Name        string
	Description string
	Attributes  []Attribute
}

// Attribute returns the attribute of a name, without regard to case, or nil.
func (s *Schema) Attribute(name string) *Attribute { return find(s.Attributes, name) }

// ResourceType joins a core schema with its extensions. Immutable after it is made; safe for concurrent use.
type ResourceType struct {
	Name       string // "User"
	Endpoint   string // "/Users"
	Schema     *Schema
	Extensions []*Schema
}

// NewResourceType joins a core schema with extensions, which may come from a configuration. It takes copies, with each field of an attribute
// that was left empty set to the default of RFC 7643 §2.2, and refuses what no client could name: an extension without a URN or with
// one that is taken, a name against the grammar of §2.1 or given twice, an unknown type, sub-attributes that are nested or belong to no complex attribute.
func NewResourceType(name, endpoint string, core *Schema, extensions ...*Schema) (*ResourceType, error) {
	rt := &ResourceType{Name: name, Endpoint: endpoint}
	taken := map[string]bool{}
	for i, s := range append([]*Schema{core}, extensions...) {
		made, err := s.complete()
		if err != nil {
			return nil, fmt.Errorf("schema %q: %w", s.ID, err)
		}
		if id := lowerASCII(s.ID); taken[id] {
			return nil, fmt.Errorf("schema %q: the URN is given twice; give each extension its own", s.ID)
		} else {
			taken[id] = true
		}
		if i == 0 {
			rt.Schema = made
		} else {
			rt.Extensions = append(rt.Extensions, made)
		}
	}
	return rt, nil
}

// With returns a resource type that has further extensions. Errors are NewResourceType's.
func (rt *ResourceType) With(extensions ...*Schema) (*ResourceType, error) {
	all := append(append([]*Schema(nil), rt.Extensions...), extensions...)
	return NewResourceType(rt.Name, rt.Endpoint, rt.Schema, all...)
}

// complete returns a checked copy without empty fields.
func (s *Schema) complete() (*Schema, error) {
	if !strings.Contains(s.ID, ":") || strings.ContainsAny(s.ID, "[]()\", \t\r\n") {
		return nil, fmt.Errorf("its id is no URN; write one such as urn:acme:scim:schemas:extension:2.0:User")
	}
	made := *s
	attributes, err := completeAll(s.Attributes, false)
	made.Attributes = attributes
	return &made, err
}

func completeAll(attributes []Attribute, nested bool) ([]Attribute, error) {
	made := make([]Attribute, len(attributes))
	taken := map[string]bool{}
	for i, a := range attributes {
		if !isName(a.Name) {
			return nil, fmt.Errorf("attribute %q: a name is a letter (or $), then letters, digits, - and _", a.Name)
		}
		if name := lowerASCII(a.Name); taken[name] {
			return nil, fmt.Errorf("attribute %q: the name is given twice (letter case does not count)", a.Name)
		} else {
			taken[name] = true
		}
		if a.Type == "" {
			a.Type = DataString
		}
		if err := a.check(nested); err != nil {
			return nil, fmt.Errorf("attribute %q: %w", a.Name, err)
		}
		a.setDefaults()
		subs, err := completeAll(a.Sub, true)
		if err != nil {
			return nil, fmt.Errorf("attribute %q: %w", a.Name, err)
		}
		a.Sub = subs
		made[i] = a
	}
	return made, nil
}

func (a *Attribute) check(nested bool) error {
	switch a.Type {
	case DataString, DataBoolean, DataDecimal, DataInteger, DataDateTime, DataBinary, DataReference:
		if len(a.Sub) > 0 {
			return fmt.Errorf("only a complex attribute has sub-attributes; its type is %s", a.Type)
		}
	case DataComplex:
		if nested {
			return fmt.Errorf("a complex attribute is no sub-attribute (RFC 7643 §2.3.8)")
		}
		if len(a.Sub) == 0 {
			return fmt.Errorf("a complex attribute needs sub-attributes")
		}
	default:
		return fmt.Errorf("there is no type %q; there are string, boolean, decimal, integer, dateTime, binary, reference and complex", a.Type)
	}
	if !oneOf(a.Mutability, "", ReadWrite, ReadOnly, Immutable, WriteOnly) {
		return fmt.Errorf("there is no mutability %q; there are readWrite, readOnly, immutable and writeOnly", a.Mutability)
	}
	if !oneOf(a.Returned, "", ReturnedDefault, ReturnedAlways, ReturnedNever, ReturnedRequest) {
		return fmt.Errorf("there is no returned %q; there are default, always, never and request", a.Returned)
	}
	if !oneOf(a.Uniqueness, "", UniqueNone, UniqueServer, UniqueGlobal) {
		return fmt.Errorf("there is no uniqueness %q; there are none, server and global", a.Uniqueness)
	}
	return nil
}

func oneOf[T comparable](v T, allowed ...T) bool {
	for _, a := range allowed {
		if v == a {
			return true
		}
	}
	return false
}

func (a *Attribute) setDefaults() {
	if a.Mutability == "" {
		a.Mutability = ReadWrite
	}
	if a.Returned == "" {
		a.Returned = ReturnedDefault
	}
	if a.Uniqueness == "" {
		a.Uniqueness = UniqueNone
	}
	if a.Type == DataReference || a.Type == DataBinary {
		a.CaseExact = true // RFC 7643 §2.3.6, §2.3.7
	}
}

// isName reports whether text is an attribute's name (RFC 7643 §2.1, and $ref).
func isName(text string) bool {
	for i := 0; i < len(text); i++ {
		c := lower(text[i])
		letter := 'a' <= c && c <= 'z' || c == '$'
		if !letter && (i == 0 || c != '-' && c != '_' && (c < '0' || c > '9')) {
			return false
		}
	}
	return text != ""
}

// Attribute finds the attribute and, if the path names one, the sub-attribute that a path leads to, across letter case and
// extensions (a short path such as "manager" finds the enterprise extension's). ok is false if no schema knows it.
func (rt *ResourceType) Attribute(p Path) (schema *Schema, attr, sub *Attribute, ok bool) {
	schema, attr = rt.find(p.URN, p.Attr)
	if attr == nil {
		return nil, nil, nil, false
	}
	if p.Sub == "" {
		return schema, attr, nil, true
	}
	if sub = attr.sub(p.Sub); sub == nil {
		return nil, nil, nil, false
	}
	return schema, attr, sub, true
}

// find looks where the URN says, or, without one, first among the core and common attributes, then in each extension.
func (rt *ResourceType) find(urn, name string) (*Schema, *Attribute) {
	if urn == "" || EqualFold(urn, rt.Schema.ID) {
		if a := rt.Schema.Attribute(name); a != nil {
			return rt.Schema, a
		}
		if a := find(common, name); a != nil {
			return rt.Schema, a
		}
	}
	for _, ext := range rt.Extensions {
		if urn == "" || EqualFold(urn, ext.ID) {
			if a := ext.Attribute(name); a != nil {
				return ext, a
			}
		}
	}
	return nil, nil
}

// Extension returns the extension that a path names as a whole, such as urn:ietf:params:scim:schemas:extension:enterprise:2.0:User;
// nil when it names none. Such a path parses as an attribute, as only the schemas can tell them apart.
func (rt *ResourceType) Extension(p Path) *Schema {
	if p.URN == "" || p.Filter != nil || p.Sub != "" {
		return nil
	}
	return rt.extension(p.URN + ":" + p.Attr)
}

func (rt *ResourceType) extension(urn string) *Schema {
	for _, ext := range rt.Extensions {
		if EqualFold(urn, ext.ID) {
			return ext
		}
	}
	return nil
}

// isCore tells the core schema from extensions.
func (rt *ResourceType) isCore(s *Schema) bool { return s == rt.Schema }
