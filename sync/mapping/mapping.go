// Package mapping says what an account should be: it evaluates attribute mappings, written in the Entra expression language, on what
// an identity provider says about a person. It is pure.
package mapping

import (
	"rollcall/connectors"
	"rollcall/state/scim"
)

// Apply says when a target flows.
type Apply string

const (
	Always Apply = "always" // at creation, and repaired whenever it drifts
	Create Apply = "create" // at creation only; never compared afterwards
)

// Row is one line of a mapping as configured.
type Row struct {
	Target string // SCIM path, e.g. phoneNumbers[type eq "mobile"].value
	Source string // [attribute], "constant" or an expression
	Match  int    // precedence as a match attribute, tried from 1 up; 0 = none
	Apply  Apply
}

// Mapping is a compiled mapping. It is immutable and safe for concurrent use.
type Mapping struct{}

// Target is one compiled row, for who compares and writes.
type Target struct {
	Path  scim.Path
	Text  string // as configured
	Match int
	Apply Apply
}

// Compile parses and checks rows. Its error joins every fault, each a *Fault.
func Compile(rows []Row) (*Mapping, error) { panic("stub") }

// Fault is what is wrong with one row.
type Fault struct {
	Row    int    // index
	Field  string // "target", "source", "match" or "apply"
	Column int    // position within the field's text, from 1; 0 = the whole
	Text   string // what, where and the mend
}

func (f *Fault) Error() string { panic("stub") }

// Default returns the mapping of a kind of source that configures none, or nil for an unknown kind.
func Default(kind string) []Row { panic("stub") }

// Attributes lists the source attributes to ask a connector for, sorted, without those that are computed from facts (IsSoftDeleted, active).
func (m *Mapping) Attributes() []string { panic("stub") }

// Targets lists the targets in the order of the rows.
func (m *Mapping) Targets() []Target { panic("stub") }

// Hash changes whenever the mapping's meaning may have changed.
func (m *Mapping) Hash() uint64 { panic("stub") }

// Evaluate appends one value per target to dst: typed as the target's schema says, null where nothing flows. scope is connectors.Assigned
// or Everyone. An error means that this person can't be judged: nothing of theirs may be changed.
func (m *Mapping) Evaluate(dst []scim.Value, scope string, p *connectors.Person) ([]scim.Value, error) {
	panic("stub")
}
