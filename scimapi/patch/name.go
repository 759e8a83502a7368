package patch

import (
	"strings"

	"rollcall/state/scim"
)

// nameParts are the parts of a name in the order of display.
var nameParts = []string{"honorificPrefix", "givenName", "middleName", "familyName", "honorificSuffix"}

// isFormatted reports whether a write of v to t sets name.formatted.
func isFormatted(rt *scim.ResourceType, t target, v scim.Value) bool {
	if t.attr != rt.Schema.Attribute("name") {
		return false
	}
	return t.sub != nil && t.sub.Name == "formatted" || t.sub == nil && v.Has("formatted")
}

// reformat composes name.formatted anew from the parts of the name where these changed and it did not: it would go on showing the old
// name. A name that is left without parts keeps it. Clients that read a resource and write it back, as Okta does, send it along without meaning it.
func reformat(rt *scim.ResourceType, old, resource scim.Value) (scim.Value, error) {
	was, is := old.Get("name"), resource.Get("name")
	formatted := is.Get("formatted")
	composed := compose(is)
	if formatted.Empty() || composed == "" || !formatted.Equal(was.Get("formatted")) || sameParts(was, is) {
		return resource, nil
	}
	return rt.Assign(resource, scim.Path{URN: rt.Schema.ID, Attr: "name", Sub: "formatted"}, scim.StringValue(composed))
}

func sameParts(a, b scim.Value) bool {
	for _, part := range nameParts {
		if !a.Get(part).Equal(b.Get(part)) {
			return false
		}
	}
	return true
}

func compose(name scim.Value) string {
	var words []string
	for _, part := range nameParts {
		if text := strings.TrimSpace(name.Get(part).Text); text != "" {
			words = append(words, text)
		}
	}
	return strings.Join(words, " ")
}
