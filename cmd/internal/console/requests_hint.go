package console

import (
	"net/http"
	"strings"

	"rollcall/state/scim"
)

// typeHints say what to do about an error with a scimType (RFC 7644 §3.12, table 9).
var typeHints = map[string]string{
	scim.TypeUniqueness:    "Another account has this user name, or another group this name. Make one of the two different at the provider; it sends the change again by itself.",
	scim.TypeInvalidFilter: "The provider looked somebody up with a filter that could not be read. Let it match by user name, external id, mail address or display name.",
	scim.TypeInvalidPath:   "The attribute mapping writes to an attribute that does not exist. Check the target's spelling, brackets and quotes there.",
	scim.TypeInvalidValue:  "A value does not have the form that its attribute needs; the words above name it. Mend the value at the provider, or the attribute's row in the mapping.",
	scim.TypeInvalidSyntax: "What arrived is not the message that a provider sends. Most often a proxy on the way has changed or cut it.",
	scim.TypeMutability:    "The attribute cannot be written by the provider. Take its row out of the attribute mapping.",
	scim.TypeNoTarget:      "The change is about a value that is not there: the provider's picture is old. Restart provisioning, so that it compares everything anew.",
	scim.TypeTooMany:       "The question would have had to look at too many accounts. Let the provider match by user name, external id, mail address or display name.",
	scim.TypeSensitive:     "The question would have shown something confidential in an address. Send it in a body.",
	scim.TypeInvalidVers:   "The version of the protocol that was asked for is not spoken here. Use SCIM 2.0.",
}

// statusHints do the same for an error without one.
var statusHints = map[int]string{
	http.StatusUnauthorized:          "The key is wrong, cut, expired or revoked. Issue another and enter it at the provider, whole.",
	http.StatusForbidden:             "This may not be changed from outside: somebody here has decided on it, or it is fixed. Whoever runs the service can lift that.",
	http.StatusMethodNotAllowed:      "This cannot be done at this address. Check that the provider's base URL is just the one that was handed over.",
	http.StatusConflict:              "It contradicts something that is recorded already. Make the value different at the provider.",
	http.StatusPreconditionFailed:    "It had changed since the provider read it. The provider reads it again by itself.",
	http.StatusRequestEntityTooLarge: "It was more than is taken at once. Nothing of it was carried out; let the provider send less at a time.",
	http.StatusUnsupportedMediaType:  "The body was not JSON by its own word, or compressed. Most often a proxy on the way has changed it.",
	http.StatusTooManyRequests:       "Too much came at once. Nothing is lost: the provider waits and sends it again.",
	http.StatusNotImplemented:        "This is not part of what is served here. Providers do without it.",
	http.StatusServiceUnavailable:    "The service could not take it at that moment. Nothing is lost: the provider sends it again.",
}

// hint says what to do about an answer; "" if it was no failure. shape is as shapeOf makes it.
func hint(status int, scimType, shape string) string {
	switch {
	case status < http.StatusBadRequest:
		return ""
	case typeHints[scimType] != "":
		return typeHints[scimType]
	case status == http.StatusNotFound && strings.HasSuffix(shape, "/(id)"):
		return "It is not here any more, or never was. Restart provisioning, or unassign and assign again: the provider then looks for it anew and makes it."
	case status == http.StatusNotFound:
		return "There is nothing at this address. Check that the provider's base URL is just the one that was handed over."
	case statusHints[status] != "":
		return statusHints[status]
	case status >= http.StatusInternalServerError:
		return "It failed on the receiving side, and nothing was changed. Whoever runs the service finds the reason in its log."
	}
	return "The words above say what was wrong with it. Nothing was changed."
}
