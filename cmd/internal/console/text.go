package console

import (
	"rollcall/state/scim"
	"rollcall/sync/explain"
)

// resourceOf reads a record's resource. One that cannot be read is empty: the store wrote it, and its page is shown all the same.
func resourceOf(resource []byte) scim.Value { return explain.Resource(resource) }

// textOf is one top-level text of a resource.
func textOf(resource []byte, name string) string { return resourceOf(resource).Get(name).Text }

// harmless makes a text from outside safe to stand in a line of ours.
func harmless(text string) string { return explain.Harmless(text) }
