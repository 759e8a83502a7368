// Package patch carries out PATCH (RFC 7644 §3.5.2) and PUT (§3.5.1) on a resource, in every dialect that Entra ID and Okta speak. It is pure.
//
// Two rules stand above the RFC. Nothing is wiped that the client did not name: a remove with values takes away those values only, and a PUT
// that leaves a group's members out keeps them. And null deactivates nobody: a PATCH or PUT in which active is absent or null leaves it as it is.
package patch

import (
	"errors"
	"strconv"
	"strings"

	"rollcall/state/scim"
)

// URN is the schema of a PATCH request's body.
const URN = "urn:ietf:params:scim:api:messages:2.0:PatchOp"

// Operation is one operation of a PatchOp request (RFC 7644 §3.5.2), its op already lower case.
type Operation struct {
	Op    string // "add", "remove" or "replace"
	Path  string // "" = none
	Value scim.Value
}

const (
	opAdd     = "add"
	opRemove  = "remove"
	opReplace = "replace"
)

// Outcome is what the operations made of a resource.
type Outcome struct {
	Resource scim.Value // in canonical form, without members
	Changed  bool       // whether Resource differs from what it was; member changes don't count
	Members  *Members   // of a group; nil when nothing was asked of its members
	Dropped  []string   // paths of attributes that no schema knows
}

// Members are the member changes that operations on a group's members ask for, in effect after all operations in order. No id is
// in both lists or twice in one; both are in the order of asking.
type Members struct {
	Set    bool // start from nobody
	Add    []string
	Remove []string
}

// Parse reads a PatchOp request body: op in any letter case (Entra sends "Replace"), schemas may be missing. What is no PatchOp, an unknown op,
// an add or replace without a value, and no operation at all are *scim.Error 400 invalidSyntax; more than maxOperations (0 = no limit) is a 413.
func Parse(body scim.Value, maxOperations int) ([]Operation, error) {
	if body.Kind != scim.Object {
		return nil, syntax("the body must be a JSON object with Operations")
	}
	if schemas := body.Get("schemas"); !schemas.Empty() && !names(schemas, URN) {
		return nil, syntax("schemas must name %s", URN)
	}
	list := body.Get("Operations")
	if list.Kind != scim.Array || len(list.List) == 0 {
		return nil, syntax("Operations must be a list of at least one operation")
	}
	if maxOperations > 0 && len(list.List) > maxOperations {
		return nil, &scim.Error{Status: 413, Detail: "the request has " + strconv.Itoa(len(list.List)) + " operations; the limit is " + strconv.Itoa(maxOperations)}
	}
	ops := make([]Operation, len(list.List))
	for i, v := range list.List {
		op, err := parseOperation(v)
		if err != nil {
			return nil, numbered(i, err)
		}
		ops[i] = op
	}
	return ops, nil
}

func names(schemas scim.Value, urn string) bool {
	for _, s := range schemas.List {
		if scim.EqualFold(s.Text, urn) {
			return true
		}
	}
	return scim.EqualFold(schemas.Text, urn)
}

func parseOperation(v scim.Value) (Operation, error) {
	if v.Kind != scim.Object {
		return Operation{}, syntax("an operation must be an object with op, path and value")
	}
	op := Operation{Op: strings.ToLower(v.Get("op").Text), Value: v.Get("value")}
	switch op.Op {
	case opAdd, opReplace:
		if !v.Has("value") {
			return Operation{}, syntax("%s needs a value; send null to take one away", op.Op)
		}
	case opRemove:
	default:
		return Operation{}, syntax("op must be add, remove or replace")
	}
	switch path := v.Get("path"); path.Kind {
	case scim.Null:
	case scim.String:
		op.Path = strings.TrimSpace(path.Text)
	default:
		return Operation{}, syntax("path must be text")
	}
	return op, nil
}

func syntax(format string, args ...any) error {
	return scim.BadRequest(scim.TypeInvalidSyntax, format, args...)
}

// numbered says which operation an error is of, counted from 1.
func numbered(i int, err error) error {
	var e *scim.Error
	if !errors.As(err, &e) {
		return err
	}
	located := *e
	located.Detail = "operation " + strconv.Itoa(i+1) + ": " + e.Detail
	return &located
}
