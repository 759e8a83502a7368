package okta

import (
	"strconv"

	"rollcall/connectors/idpsim"
	"rollcall/connectors/idpsim/internal/wire"
)

// Namespaces of external names: one for each schema of SCIM.
const (
	userNamespace       = "urn:ietf:params:scim:schemas:core:2.0:User"
	enterpriseNamespace = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User"
)

// property is how the app user's schema describes a key of the app-side profile: what people read, and where it goes in SCIM, in the
// form that Okta's SCIM 2.0 applications write it.
type property struct{ title, external, namespace string }

// appSchema describes each key of appProfile.
var appSchema = map[string]property{
	"givenName":      {"Given name", "name.givenName", userNamespace},
	"familyName":     {"Family name", "name.familyName", userNamespace},
	"email":          {"Primary email", "emails.^[primary==true].value", userNamespace},
	"displayName":    {"Display name", "displayName", userNamespace},
	"mobilePhone":    {"Mobile phone", "phoneNumbers.^[type==mobile].value", userNamespace},
	"title":          {"Title", "title", userNamespace},
	"department":     {"Department", "department", enterpriseNamespace},
	"employeeNumber": {"Employee number", "employeeNumber", enterpriseNamespace},
}

// appUserSchema describes the app-side profile: the name at the application, which Okta defines, and the keys of appProfile, which an
// administrator may change.
func (c *call) appUserSchema(app string) {
	if !c.application(app) {
		return
	}
	c.one(app, "AppInstance", func(v *idpsim.View) ([]byte, bool) {
		r := c.renderer(v)
		at := "/meta/schemas/apps/" + r.app + "/default"
		dst := append([]byte(`{"id":`), wire.AppendString(nil, wire.Base(c.r)+at)...)
		dst = append(dst, `,"$schema":"http://json-schema.org/draft-04/schema#","name":"Rollcall","title":"Rollcall User"`...)
		dst = r.time(dst, "lastUpdated", v.Created())
		dst = r.time(dst, "created", v.Created())
		dst = append(dst, `,"definitions":{"base":{"id":"#base","type":"object","properties":{"userName":`...)
		dst = property{title: "Username"}.append(dst, true)
		dst = append(dst, `},"required":["userName"]},"custom":{"id":"#custom","type":"object","properties":`...)
		for i, f := range appProfile {
			dst = append(dst, "{,"[min(i, 1)])
			dst = key(dst, f.key)
			dst = appSchema[f.key].append(dst, false)
		}
		dst = append(dst, `},"required":[]}},"type":"object","properties":{"profile":{"allOf":[{"$ref":"#/definitions/base"},{"$ref":"#/definitions/custom"}]}},"_links":{`...)
		return append(r.link(dst, "self", at, func(dst []byte) []byte { return dst }), "}}"...), true
	})
}

func (p property) append(dst []byte, required bool) []byte {
	dst = wire.AppendString(append(dst, `{"title":`...), p.title)
	dst = append(dst, `,"type":"string","required":`...)
	dst = strconv.AppendBool(dst, required)
	if p.external != "" {
		dst = wire.AppendString(append(dst, `,"externalName":`...), p.external)
		dst = wire.AppendString(append(dst, `,"externalNamespace":`...), p.namespace)
	}
	return append(dst, `,"mutability":"READ_WRITE","scope":"NONE","master":{"type":"PROFILE_MASTER"}}`...)
}
