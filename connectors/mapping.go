package connectors

import "context"

// Mapper is a connector that can read how the provider itself provisions the application.
type Mapper interface {
	// Mapping reads the provider's own mapping of people. Nothing is checked: rows are as the provider has them, in its own language.
	// ErrGone: the application is not provisioned by the provider.
	Mapping(ctx context.Context) (Mapping, error)
}

// Mapping is how a provider provisions people.
type Mapping struct {
	Rows    []MappingRow
	Scoping [][]ScopingClause // filters, any of which lets a person in; the clauses of one hold together
	Scope   string            // Assigned or Everyone; "" = not told

	// What its provisioning does with accounts, and whether it leaves those alone who go out of scope.
	Create, Update, Deactivate, SkipOutOfScope Answer

	Left []string // what cannot be put into these words, a plain sentence each
}

// MappingRow is one line of a mapping.
type MappingRow struct {
	Target  string // a SCIM path
	Source  string // [attribute], "constant" or an expression; "" = nothing but the default
	Default string // "" = none
	Match   int    // precedence as a matching attribute, from 1; 0 = none
	Apply   string // one of the Apply constants
}

// MappingRow.Apply.
const (
	ApplyAlways = "always"
	ApplyCreate = "create" // when an account is created only
	ApplyAdd    = "add"    // where there is no value
)

// ScopingClause is one condition of a scoping filter.
type ScopingClause struct{ Attribute, Operator, Value string }

// Oracle is a connector whose provider evaluates expressions of its mapping language itself, to try another evaluation against.
type Oracle interface {
	// Evaluate asks the provider what an expression comes to on attributes given by name; no values is null. An expression that the
	// provider refuses, or cannot evaluate, is ErrMisconfigured. It changes nothing, though the permission that it takes would let it.
	Evaluate(ctx context.Context, expression string, attributes map[string]Value) ([]string, error)
}
