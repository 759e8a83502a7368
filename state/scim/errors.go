package scim

import (
	"fmt"
	"strconv"
)

// Error is a failure that a SCIM client is told about (RFC 7644 §3.12).
type Error struct {
	Status int    // HTTP status
	Type   string // scimType: one of the constants below, or ""
	Detail string // names the field, the shape of its value (never the value itself if it may be personal) and the mend
}

// The scimTypes of RFC 7644 §3.12, table 9.
const (
	TypeInvalidFilter = "invalidFilter"
	TypeInvalidPath   = "invalidPath"
	TypeInvalidSyntax = "invalidSyntax"
	TypeInvalidValue  = "invalidValue"
	TypeInvalidVers   = "invalidVers"
	TypeMutability    = "mutability"
	TypeNoTarget      = "noTarget"
	TypeSensitive     = "sensitive"
	TypeTooMany       = "tooMany"
	TypeUniqueness    = "uniqueness"
)

func (e *Error) Error() string {
	text := strconv.Itoa(e.Status)
	if e.Type != "" {
		text += " " + e.Type
	}
	return text + ": " + e.Detail
}

// BadRequest makes a 400 *Error with the scimType and the detail.
func BadRequest(scimType, format string, args ...any) *Error {
	return &Error{Status: 400, Type: scimType, Detail: fmt.Sprintf(format, args...)}
}
