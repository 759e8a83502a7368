package explain

import (
	"strings"
	"unicode"

	"rollcall/state/scim"
)

// Resource reads JSON that the record holds: a resource, one side of a journal entry, what was pushed. It is null if it cannot be read.
func Resource(data []byte) scim.Value {
	v, err := scim.ReadJSON(data, scim.DefaultLimits)
	if err != nil {
		return scim.Value{}
	}
	return v
}

// UserName is the userName of a record's canonical JSON.
func UserName(resource []byte) string { return Resource(resource).Get("userName").Text }

// Harmless makes a text from outside, such as a name, safe to stand in a line of ours: what could move a cursor, reverse the text or hide
// in it is shown as a replacement. Blanks of every kind, line breaks among them, become plain ones.
func Harmless(text string) string {
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
