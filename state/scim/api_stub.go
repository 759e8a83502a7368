package scim

// STUB FILE: signatures only, to be replaced by real files (json.go, fold.go, schema.go, resource.go, path.go, filter.go, match.go, project.go, errors.go).

// Fold returns s as attributes that are not caseExact are compared. (fold.go)
func Fold(s string) string { panic("stub") }

// EqualFold reports whether two attribute names or URNs are the same, ASCII case apart. (fold.go)
func EqualFold(a, b string) bool { panic("stub") }

// Limits bound what a reader or parser accepts. (limits.go)
type Limits struct {
	Depth int // of nesting
	Nodes int // values in a document, terms in a filter
}

// DefaultLimits are the receiver's.
var DefaultLimits = Limits{Depth: 32, Nodes: 1_000_000}

// ReadJSON decodes one JSON document (RFC 8259), the only JSON reader for what an identity provider sends. A name given twice in
// an object, without regard to case, is refused; so are trailing data, bad UTF-8 and anything beyond the limits. Errors are *Error, invalidSyntax. (json.go)
func ReadJSON(data []byte, limits Limits) (Value, error) { panic("stub") }

// AppendJSON appends v as JSON. (json.go)
func (v Value) AppendJSON(dst []byte) []byte { panic("stub") }

// Equal reports whether two values are the same JSON; the order of an object's fields does not matter, an array's does. (value.go)
func (v Value) Equal(w Value) bool { panic("stub") }

// Empty reports whether v is unassigned in SCIM's sense: null, "", [], {} or an object or list of nothing else (RFC 7643 §2.5). (value.go)
func (v Value) Empty() bool { panic("stub") }

// Error is a failure that a SCIM client is told about (RFC 7644 §3.12). (errors.go)
type Error struct {
	Status int    // HTTP status
	Type   string // scimType: invalidFilter, tooMany, uniqueness, mutability, invalidSyntax, invalidPath, noTarget, invalidValue, invalidVers, sensitive; or ""
	Detail string // names the field, the shape of its value (never the value itself if it may be personal) and the mend
}

func (e *Error) Error() string { panic("stub") }

// DataType is an attribute's type (RFC 7643 §2.3). (schema.go)
type DataType string

// Mutability, Returned, Uniqueness as in RFC 7643 §2.2, §7. (schema.go)
type (
	Mutability string
	Returned   string
	Uniqueness string
)

// Attribute describes one attribute (RFC 7643 §7). Its JSON form is built by the receiver's discovery. (schema.go)
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
}

// Schema is a set of attributes under a URN. (schema.go)
type Schema struct {
	ID          string
	Name        string
	Description string
	Attributes  []Attribute
}

// ResourceType joins a core schema with its extensions. Immutable after it is made; safe for concurrent use. (schema.go)
type ResourceType struct {
	Name       string // "User"
	Endpoint   string // "/Users"
	Schema     *Schema
	Extensions []*Schema
}

// UserType and GroupType are the resource types of RFC 7643 §4 and §8.7: User with the enterprise extension, and Group. (schema.go)
func UserType() *ResourceType  { panic("stub") }
func GroupType() *ResourceType { panic("stub") }

// Normal is a resource in canonical form together with what was not kept of what was sent.
type Normal struct {
	// Resource has schema order, canonical attribute names, typed booleans, text as sent, no null and no empty value, no repeated
	// (type, value) element, at most one primary per attribute, schemas as they really are. It still has active (typed) where sent and members where sent
	// (as [{"value": id, ...}]), but no id, groups, meta and password.
	Resource Value
	Dropped  []string // paths of attributes that no schema knows
}

// Normalize brings a resource as sent into canonical form. A wrong type is a *Error 400 invalidValue naming the attribute; what is
// readOnly or unknown is left out. active follows the truth table: true, "True", "true", … ; null = absent; 1, 0, "" and other strings are invalidValue. Required
// attributes are checked (userName of a User, displayName of a Group). A manager as plain string, list or object becomes {value}. (resource.go)
func (rt *ResourceType) Normalize(sent Value) (Normal, error) { panic("stub") }

// Path is a parsed attribute path (RFC 7644 §3.5.2): attr, attr.sub, attr[filter], attr[filter].sub, each optionally with a URN prefix. (path.go)
type Path struct {
	URN    string // "" = core schema
	Attr   string
	Filter *Filter // value filter, or nil
	Sub    string
}

// ParsePath parses a path; errors are *Error 400 invalidPath with the position. (path.go)
func ParsePath(text string, limits Limits) (Path, error) { panic("stub") }

func (p Path) String() string { panic("stub") }

// Op is a node's operator in a filter: "and", "or", "not", "pr", "eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le", or "path" for a value filter attr[...]. (filter.go)
type Op string

// Filter is a node of a parsed filter (RFC 7644 §3.4.2.2). (filter.go)
type Filter struct {
	Op    Op
	Path  Path      // of a comparison or value filter (its own Filter nil: the inner filter is in Args[0])
	Value Value     // of a comparison; a bareword is a String
	Args  []*Filter // of and, or (two or more), not and path (one)
}

// ParseFilter parses a filter; errors are *Error 400 invalidFilter with the position. (filter.go)
func ParseFilter(text string, limits Limits) (*Filter, error) { panic("stub") }

func (f *Filter) String() string { panic("stub") }

// Check refuses (400 invalidFilter) what can't be asked of the type: unknown attributes, password, order on booleans. (match.go)
func (rt *ResourceType) Check(f *Filter) error { panic("stub") }

// Matches evaluates a filter on a resource in canonical form (with id, active, groups, meta added where the filter names them). (match.go)
func (rt *ResourceType) Matches(f *Filter, resource Value) bool { panic("stub") }

// MatchesElement evaluates a value filter on one element of the attribute at path, e.g. type eq "work" on an e-mail. (match.go)
func (rt *ResourceType) MatchesElement(path Path, f *Filter, element Value) bool { panic("stub") }

// Attribute finds the attribute and, if the path names one, the sub-attribute that a path leads to, across letter case and
// extensions (a short path such as "manager" finds the enterprise extension's). ok is false if no schema knows it. (schema.go)
func (rt *ResourceType) Attribute(p Path) (schema *Schema, attr, sub *Attribute, ok bool) {
	panic("stub")
}

// Projection is what attributes or excludedAttributes ask for (RFC 7644 §3.9). The zero Projection asks for all. (project.go)
type Projection struct {
	Only    []Path
	Without []Path
}

// ParseProjection parses the two query parameters, comma-separated; both at once are a *Error 400 invalidValue. (project.go)
func ParseProjection(attributes, excluded string) (Projection, error) { panic("stub") }

// Wants tells whether a top-level attribute such as "members" is asked for at all, so that it need not be read. (project.go)
func (p Projection) Wants(attr string) bool { panic("stub") }

// All tells whether everything is asked for. (project.go)
func (p Projection) All() bool { panic("stub") }

// Project leaves out what is not asked for, never what is always returned (id, schemas). (project.go)
func (rt *ResourceType) Project(resource Value, p Projection) Value { panic("stub") }

// Select returns the values that a path leads to in a resource in canonical form: none, one, or several of a multi-valued attribute. (assign.go)
func (rt *ResourceType) Select(resource Value, p Path) []Value { panic("stub") }

// Assign returns the resource with the value that a path leads to set to v, or taken away if v is empty. A value filter that matches no
// element makes one from its equality terms (Entra and Okta need it, though RFC 7644 §3.5.2.3 says noTarget). Errors are *Error. (assign.go)
func (rt *ResourceType) Assign(resource Value, p Path, v Value) (Value, error) { panic("stub") }
