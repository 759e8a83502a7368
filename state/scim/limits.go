package scim

// Limits bound what a reader or parser accepts. A field that is 0 is taken from DefaultLimits.
type Limits struct {
	Depth int // of nesting: objects and lists in a document; parentheses, brackets and not in a filter
	Nodes int // values in a document; terms in a filter

	// Strict has a filter or path keep to the grammar of RFC 7644 §3.4.2.2: no bare words, not with parentheses, and no sub-attribute
	// behind a value filter but in a path.
	Strict bool
}

// DefaultLimits are the receiver's.
var DefaultLimits = Limits{Depth: 32, Nodes: 1_000_000}

func (l Limits) orDefault() Limits {
	if l.Depth == 0 {
		l.Depth = DefaultLimits.Depth
	}
	if l.Nodes == 0 {
		l.Nodes = DefaultLimits.Nodes
	}
	return l
}

// Bounds on what one resource may ask of us, whatever its size in bytes: far above what identity providers send, and low enough that
// work which grows with the square stays short.
const (
	// MaxElements is how many values a multi-valued attribute may have. A group's members have no such bound.
	MaxElements = 1000
	// MaxPaths is how many names with a URN, a dot or a value filter one object may have.
	MaxPaths = 500
	// MaxDropped is how many attributes that no schema knows are listed.
	MaxDropped = 100
)

// pathLimits are those of paths that are names in an object.
var pathLimits = Limits{Nodes: MaxPaths}
