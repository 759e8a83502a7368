// Package patch carries out PATCH and PUT on a resource. It is pure.
package patch

import "rollcall/state/scim"

// Operation is one operation of a PatchOp request (RFC 7644 §3.5.2), its op already lower case.
type Operation struct {
	Op    string // "add", "remove" or "replace"
	Path  string // "" = none
	Value scim.Value
}

// Outcome is what the operations made of a resource.
type Outcome struct {
	Resource scim.Value // in canonical form
	Changed  bool
	Members  *Members // of a group; member changes never touch Resource
	Dropped  []string // paths of attributes that no schema knows
}

// Members are the member changes that operations on a group's members ask for, in effect after all operations in order.
type Members struct {
	Set    bool // start from nobody
	Add    []string
	Remove []string
}

// Parse reads a PatchOp request body.
func Parse(body scim.Value, maxOperations int) ([]Operation, error) { panic("stub") }

// Apply carries out operations in order on a resource in canonical form (active included, members not), all or none.
func Apply(rt *scim.ResourceType, resource scim.Value, ops []Operation) (Outcome, error) {
	panic("stub")
}

// Replace carries out a PUT: the resource as sent takes the place of the old one; readOnly attributes are kept, active keeps its state when absent.
func Replace(rt *scim.ResourceType, old, sent scim.Value) (Outcome, error) { panic("stub") }
