package scim

// Limits bound what a reader or parser accepts. A field that is 0 is taken from DefaultLimits.
type Limits struct {
	Depth int // of nesting: objects and lists in a document; parentheses, brackets and not in a filter
	Nodes int // values in a document; terms in a filter
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
