// Package mapping says what an account should be: it evaluates attribute mappings, written in the Entra expression language, on what
// an identity provider says about a person. It is pure.
//
// A mapping is a list of rows, each with a target in the record, a source and the occasions on which it flows. A source is an
// attribute ([mail]), a constant ("x") or an expression (Join("@", [mailNickname], "acme.example")). Compile refuses whatever can be
// seen to be wrong without a person; what then goes wrong with one person's values is an error for that person alone.
//
// The language is the one that Microsoft documents for provisioning to applications (learn.microsoft.com, "Reference for writing
// expressions for attribute mappings"), and its values are the ones Entra would push. Null, the absence of a value, never flows.
package mapping

import (
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"slices"
	"time"

	"rollcall/state/scim"
)

// Apply says when a target flows.
type Apply string

const (
	Always Apply = "always" // at creation, and repaired whenever it drifts
	Create Apply = "create" // at creation only; never compared afterwards
	Add    Apply = "add"    // at creation, and later where the account has no value; never overwrites one
	Never  Apply = "never"  // only read, for matching
)

// Row is one line of a mapping as configured.
type Row struct {
	Target  string // SCIM path, e.g. phoneNumbers[type eq "mobile"].value
	Source  string // [attribute], "constant" or an expression; "" only with a Default: nothing flows but at creation
	Match   int    // precedence as a match attribute, tried from 1 up; 0 = none. Where no row has one, userName has 1
	Apply   Apply  // "" is Always
	Default string // plain text, used at creation where nothing flows; "" = none
}

// Mapping is a compiled mapping. It is immutable and safe for concurrent use.
type Mapping struct {
	rows       []row
	targets    []Target
	attributes []string
	hash       uint64
	moment     *moment
	scoping    *Scoping // nil: everyone is in scope
	scopingAt  []int    // where the values of its attributes stand
}

type row struct {
	node  node
	shape shape
}

// Fault is what is wrong with one row.
type Fault struct {
	Row    int    // index
	Field  string // "target", "source", "match", "apply" or "default"
	Column int    // position within the field's text in characters, from 1; 0 = the whole
	Text   string // what, where and the mend
}

func (f *Fault) Error() string {
	if f.Column > 0 {
		return fmt.Sprintf("row %d, %s, column %d: %s", f.Row+1, f.Field, f.Column, f.Text)
	}
	return fmt.Sprintf("row %d, %s: %s", f.Row+1, f.Field, f.Text)
}

// language grows when the same mapping comes to mean something else, so that its hash changes too.
const language = "1"

// Compile parses and checks rows. Its error joins every fault, each a *Fault.
func Compile(rows []Row) (*Mapping, error) {
	c := compilation{users: scim.UserType(), trees: make([]*tree, len(rows))}
	for i, r := range rows {
		if r.Source == "" {
			if r.Default == "" {
				c.fault(i, "source", 0, "the source is empty: write [attribute], \"constant\" or an expression, or give a default")
			}
			continue
		}
		t, err := parse(r.Source)
		if err != nil {
			c.fault(i, "source", err.at, "%s", err.text)
		}
		c.trees[i] = t
	}
	m := &Mapping{attributes: attributesOf(c.trees...), moment: &moment{}}
	c.index = places(m.attributes)
	hash := fnv.New64a()
	io.WriteString(hash, language)
	for i, r := range rows {
		if r.Apply == "" {
			r.Apply = Always
		}
		compiled, target := c.row(i, r)
		m.rows = append(m.rows, compiled)
		m.targets = append(m.targets, target)
		source := ""
		if c.trees[i] != nil {
			source = c.trees[i].String()
		}
		fmt.Fprintf(hash, "%q %q %d %q %q\n", identity(target.Path), source, r.Match, r.Apply, r.Default)
	}
	c.together(m.targets)
	if len(c.faults) > 0 {
		slices.SortStableFunc(c.faults, func(a, b error) int { return a.(*Fault).Row - b.(*Fault).Row })
		return nil, errors.Join(c.faults...)
	}
	m.hash = hash.Sum64()
	return m, nil
}

// At returns the mapping as it is evaluated at a moment: with the time for Now and a source of chance for Guid and RandomString,
// which must be safe for concurrent use. Without At, who needs one of these can't be judged.
func (m *Mapping) At(now time.Time, random io.Reader) *Mapping {
	at := *m
	at.moment = &moment{now: now, random: random}
	return &at
}

// Attributes lists the source attributes to ask a connector for, sorted, without those that are computed from facts (IsSoftDeleted,
// active), and behind them those that only scoping filters name.
func (m *Mapping) Attributes() []string { return slices.Clone(m.attributes) }

// Targets lists the targets in the order of the rows. The caller must not change them.
func (m *Mapping) Targets() []Target { return m.targets }

// Hash changes whenever the mapping's meaning may have changed.
func (m *Mapping) Hash() uint64 { return m.hash }

// compilation is what Compile knows while it goes through the rows.
type compilation struct {
	users  *scim.ResourceType
	trees  []*tree // nil: no source, or one that didn't parse
	index  map[string]int
	faults []error
}

func (c *compilation) fault(row int, field string, column int, format string, args ...any) {
	c.faults = append(c.faults, &Fault{Row: row, Field: field, Column: column, Text: fmt.Sprintf(format, args...)})
}

// row compiles one row, target and source against each other.
func (c *compilation) row(i int, r Row) (row, Target) {
	target := Target{Text: r.Target, Match: r.Match, Apply: r.Apply}
	compiled := row{node: constant{}}
	path, shape, err := targetOf(r.Target, c.users)
	known := err == nil
	if !known {
		c.fault(i, "target", 0, "%s", err)
	}
	target.Path, compiled.shape = path, shape
	target.Reference = known && path.Attr == "manager" && path.Sub == "value"

	if t := c.trees[i]; t != nil {
		check := checker{index: c.index}
		var yields kinds
		compiled.node, yields = check.compile(t)
		if known && len(check.problems) == 0 {
			check.against(shape, t, yields)
		}
		for _, p := range check.problems {
			c.fault(i, "source", p.at, "%s", p.text)
		}
		target.Volatile = check.volatile
		target.Merge = t.kind == treeCall && t.text == "AppRoleAssignmentsComplex"
	}
	if known && r.Default != "" {
		if target.Default, err = shape.typed(textValue(r.Default)); err != nil {
			c.fault(i, "default", 0, "%s", err)
		}
	}
	switch r.Apply {
	case Always, Create, Add, Never:
	default:
		c.fault(i, "apply", 0, "there is no way %q to apply a row; there are always, create, add and never", r.Apply)
	}
	switch {
	case r.Match < 0:
		c.fault(i, "match", 0, "a precedence is 1 or more")
	case r.Match > 0 && known && !matchable(path):
		c.fault(i, "match", 0, "the record can't be searched for %s; match on userName, externalId, displayName or an e-mail address", r.Target)
	case r.Match > 0 && target.Volatile:
		c.fault(i, "match", 0, "the source gives another value each time, so that nothing ever matches")
	}
	return compiled, target
}

// against checks a source against its target.
func (c *checker) against(s shape, t *tree, yields kinds) {
	accepts := s.accepts()
	if yields&accepts == 0 {
		c.fault(t.at, "the target takes %s, and this is %s%s", accepts, yields, listHint(yields))
		return
	}
	results(t, func(leaf *tree) {
		if leaf.kind == treeText {
			if _, err := s.typed(textValue(leaf.text)); err != nil {
				c.fault(leaf.at, "the target can't take this: %s", err)
			}
		}
	})
}

// together checks what can't be seen in one row, and makes userName the match attribute where no row is one.
func (c *compilation) together(targets []Target) {
	taken := map[string]int{}  // targets, and attributes that are written whole
	partly := map[string]int{} // attributes of which something is written
	matches := map[int]int{}
	userName := -1
	for i, t := range targets {
		if t.Path.Attr == "" {
			continue // a fault already
		}
		if t.Path.Attr == "userName" {
			userName = i
		}
		id, whole := identity(t.Path), identity(scim.Path{URN: t.Path.URN, Attr: t.Path.Attr})
		other, clash := taken[id]
		if !clash {
			other, clash = taken[whole]
		}
		if !clash && id == whole {
			other, clash = partly[whole]
		}
		if clash {
			c.fault(i, "target", 0, "row %d writes this target already", other+1)
		}
		taken[id], partly[whole] = i, i
		if t.Match > 0 {
			if other, ok := matches[t.Match]; ok {
				c.fault(i, "match", 0, "row %d has the precedence %d already", other+1, t.Match)
			}
			matches[t.Match] = i
		}
	}
	switch {
	case userName < 0 && len(c.faults) == 0:
		c.fault(0, "target", 0, "the mapping has no row for userName, and an account can't be without one; add one")
	case userName >= 0 && targets[userName].Apply == Never:
		c.fault(userName, "apply", 0, "userName must flow at least at creation, for an account can't be without one")
	case userName >= 0 && len(matches) == 0:
		targets[userName].Match = 1
	}
}
