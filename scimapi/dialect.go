package scimapi

import (
	"rollcall/scimapi/patch"
	"rollcall/state/scim"
)

// Dialect says how far a source may stray from the RFCs.
type Dialect string

const (
	Lenient Dialect = ""       // what Entra and Okta really send: every one of Deviations
	Strict  Dialect = "strict" // none of them
)

func (c *call) strict() bool { return c.source.Dialect == Strict }

// patcher returns how a source's patches are read and carried out.
func (c *call) patcher() (
	parse func(scim.Value, int) ([]patch.Operation, error),
	apply func(*scim.ResourceType, scim.Value, []patch.Operation) (patch.Outcome, error),
) {
	if c.strict() {
		return patch.ParseStrict, patch.ApplyStrict
	}
	return patch.Parse, patch.Apply
}
