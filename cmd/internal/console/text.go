package console

import (
	"strings"
	"unicode"

	"rollcall/state/scim"
)

// resourceOf reads a record's resource. One that cannot be read is empty: the store wrote it, and its page is shown all the same.
func resourceOf(resource []byte) scim.Value {
	v, err := scim.ReadJSON(resource, scim.DefaultLimits)
	if err != nil {
		return scim.Value{}
	}
	return v
}

// textOf is one top-level text of a resource.
func textOf(resource []byte, name string) string {
	return resourceOf(resource).Get(name).Text
}

// harmless makes a text from outside safe to stand in a line of ours: what cannot be seen, such as control characters and marks that
// turn the reading direction around, is shown as a replacement.
func harmless(text string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case unicode.IsPrint(r):
			return r
		case unicode.IsSpace(r):
			return ' '
		}
		return unicode.ReplacementChar
	}, text)
}
