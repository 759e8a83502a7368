package okta

import (
	"time"

	"rollcall/connectors/idpsim"
	"rollcall/connectors/idpsim/internal/wire"
)

// field is one key of a profile and the attribute behind it.
type field struct {
	key       string
	attribute idpsim.Attribute
}

// userProfile is the profile of an Okta user; what is absent is null.
var userProfile = []field{
	{"firstName", idpsim.GivenName}, {"lastName", idpsim.FamilyName}, {"mobilePhone", idpsim.Mobile}, {"login", idpsim.UserName},
	{"email", idpsim.Mail}, {"displayName", idpsim.DisplayName}, {"title", idpsim.Title}, {"department", idpsim.Department},
	{"division", idpsim.Division}, {"organization", idpsim.Company}, {"employeeNumber", idpsim.EmployeeNumber},
	{"costCenter", idpsim.CostCenter}, {"primaryPhone", idpsim.Telephone}, {"streetAddress", idpsim.Street}, {"city", idpsim.City},
	{"state", idpsim.State}, {"zipCode", idpsim.PostalCode}, {"countryCode", idpsim.Country}, {"preferredLanguage", idpsim.Language},
	{"userType", idpsim.UserType},
}

// appProfile is the app-side profile of a custom SCIM application, after Okta's mapping: SCIM names its keys.
var appProfile = []field{
	{"givenName", idpsim.GivenName}, {"familyName", idpsim.FamilyName}, {"email", idpsim.Mail}, {"displayName", idpsim.DisplayName},
	{"mobilePhone", idpsim.Mobile}, {"title", idpsim.Title}, {"department", idpsim.Department},
	{"employeeNumber", idpsim.EmployeeNumber},
}

// page renders the objects of one answer: at base, the caller's own scheme and host.
type renderer struct {
	base   string
	masked bool // every property but the id null: the nulls fault
}

func (c *call) renderer() renderer {
	return renderer{base: wire.Base(c.r), masked: idpsim.Struck(c.r, idpsim.Nulls)}
}

func key(dst []byte, name string) []byte {
	dst = append(dst, '"')
	dst = append(dst, name...)
	return append(dst, `":`...)
}

func appendText(dst []byte, x idpsim.Person, a idpsim.Attribute) []byte {
	start := len(dst)
	dst = append(dst, '"')
	dst, ok := x.Append(dst, a)
	if !ok {
		return append(dst[:start], "null"...)
	}
	return wire.Quote(dst, start+1)
}

func appendProfile(dst []byte, x idpsim.Person, fields []field, masked bool) []byte {
	for i, f := range fields {
		dst = append(dst, "{,"[min(i, 1)])
		dst = key(dst, f.key)
		if masked {
			dst = append(dst, "null"...)
			continue
		}
		dst = appendText(dst, x, f.attribute)
	}
	return append(dst, '}')
}

func appendTime(dst []byte, name string, t time.Time) []byte {
	return wire.AppendTime(key(append(dst, ','), name), t, true)
}

// user appends an Okta user.
func (r renderer) user(dst []byte, x idpsim.Person) []byte {
	dst = append(dst, `{"id":"`...)
	dst = x.AppendOktaID(dst)
	if r.masked {
		dst = append(dst, `","status":null,"profile":`...)
		return append(appendProfile(dst, x, userProfile, true), '}')
	}
	dst = append(dst, `","status":"`...)
	dst = append(dst, x.Status()...)
	dst = append(dst, '"')
	if x.Moving() {
		dst = append(dst, `,"transitioningToStatus":"DEPROVISIONED"`...)
	}
	dst = appendTime(dst, "created", x.Created())
	dst = appendTime(dst, "activated", x.Created())
	dst = appendTime(dst, "statusChanged", x.Turned())
	dst = append(dst, `,"lastLogin":null`...)
	dst = appendTime(dst, "lastUpdated", x.Updated())
	dst = appendTime(dst, "passwordChanged", x.Created())
	dst = append(dst, `,"type":{"id":"otySimulated000000AA"},"profile":`...)
	dst = appendProfile(dst, x, userProfile, false)
	dst = append(dst, `,"credentials":{"password":{},"provider":{"type":"OKTA","name":"OKTA"}},"_links":{"self":{"href":"`...)
	dst = append(dst, r.base...)
	dst = append(dst, "/api/v1/users/"...)
	dst = x.AppendOktaID(dst)
	return append(dst, `"}}}`...)
}

// appUser appends the assignment of a user to the application.
func (r renderer) appUser(dst []byte, v *idpsim.View, x idpsim.Person, expand bool) []byte {
	dst = append(dst, `{"id":"`...)
	dst = x.AppendOktaID(dst)
	if r.masked {
		dst = append(dst, `","externalId":null,"status":null,"credentials":{"userName":null},"profile":`...)
		return append(appendProfile(dst, x, appProfile, true), '}')
	}
	dst = append(dst, `","externalId":`...)
	dst = appendExternalID(dst, x)
	dst = appendTime(dst, "created", x.Created())
	dst = appendTime(dst, "lastUpdated", x.Updated())
	scope := "GROUP"
	if byName(x) {
		scope = "USER"
	}
	dst = append(dst, `,"scope":"`+scope+`","status":"`...)
	dst = append(dst, x.AppStatus()...)
	dst = append(dst, '"')
	dst = appendTime(dst, "statusChanged", x.Turned())
	dst = append(dst, `,"passwordChanged":null,"syncState":`...)
	dst = appendSync(dst, x)
	dst = append(dst, `,"credentials":{"userName":`...)
	dst = appendText(dst, x, idpsim.AppUserName)
	dst = append(dst, `},"profile":`...)
	dst = appendProfile(dst, x, appProfile, false)
	dst = append(dst, `,"_links":{"app":{"href":"`...)
	dst = append(dst, r.base...)
	dst = append(dst, "/api/v1/apps/"...)
	dst = v.AppendOktaAppID(dst)
	dst = append(dst, `"},"user":{"href":"`...)
	dst = append(dst, r.base...)
	dst = append(dst, "/api/v1/users/"...)
	dst = x.AppendOktaID(dst)
	dst = append(dst, `"}}`...)
	if expand {
		dst = append(dst, `,"_embedded":{"user":`...)
		dst = append(r.user(dst, x), '}')
	}
	return append(dst, '}')
}

func appendExternalID(dst []byte, x idpsim.Person) []byte {
	if id := x.ExternalID(); id != "" {
		return wire.AppendString(dst, id)
	}
	return append(dst, "null"...)
}

func appendSync(dst []byte, x idpsim.Person) []byte {
	if x.ExternalID() == "" {
		return append(dst, `"DISABLED","lastSync":null`...)
	}
	return appendTime(append(dst, `"SYNCHRONIZED"`...), "lastSync", x.Updated())
}

// group appends an Okta group.
func (r renderer) group(dst []byte, g idpsim.Group) []byte {
	dst = append(dst, `{"id":"`...)
	dst = g.AppendOktaID(dst)
	dst = append(dst, '"')
	dst = appendTime(dst, "created", g.Updated())
	dst = appendTime(dst, "lastUpdated", g.Updated())
	dst = appendTime(dst, "lastMembershipUpdated", g.Updated())
	dst = append(dst, `,"objectClass":["okta:user_group"],"type":"OKTA_GROUP","profile":{"name":`...)
	dst = wire.AppendString(dst, g.Name())
	dst = append(dst, `,"description":null},"_links":{"users":{"href":"`...)
	dst = append(dst, r.base...)
	dst = append(dst, "/api/v1/groups/"...)
	dst = g.AppendOktaID(dst)
	return append(dst, `/users"}}}`...)
}

// appGroup appends the assignment of a group to the application.
func (r renderer) appGroup(dst []byte, v *idpsim.View, g idpsim.Group, expand bool) []byte {
	dst = append(dst, `{"id":"`...)
	dst = g.AppendOktaID(dst)
	dst = append(dst, '"')
	dst = appendTime(dst, "lastUpdated", g.Updated())
	dst = append(dst, `,"priority":0,"profile":{},"_links":{"app":{"href":"`...)
	dst = append(dst, r.base...)
	dst = append(dst, "/api/v1/apps/"...)
	dst = v.AppendOktaAppID(dst)
	dst = append(dst, `"},"group":{"href":"`...)
	dst = append(dst, r.base...)
	dst = append(dst, "/api/v1/groups/"...)
	dst = g.AppendOktaID(dst)
	dst = append(dst, `"}}`...)
	if expand {
		dst = append(dst, `,"_embedded":{"group":`...)
		dst = append(r.group(dst, g), '}')
	}
	return append(dst, '}')
}

// app appends the application.
func (r renderer) app(dst []byte, v *idpsim.View) []byte {
	status := "ACTIVE"
	if v.App() == idpsim.AppInactive {
		status = "INACTIVE"
	}
	dst = append(dst, `{"id":"`...)
	dst = v.AppendOktaAppID(dst)
	dst = append(dst, `","name":"rollcall","label":"Rollcall","status":"`+status+`"`...)
	dst = appendTime(dst, "lastUpdated", v.Created())
	dst = appendTime(dst, "created", v.Created())
	dst = append(dst, `,"features":["PUSH_NEW_USERS","PUSH_PROFILE_UPDATES","PUSH_USER_DEACTIVATION","GROUP_PUSH"],"signOnMode":"AUTO_LOGIN","_links":{"users":{"href":"`...)
	dst = append(dst, r.base...)
	dst = append(dst, "/api/v1/apps/"...)
	dst = v.AppendOktaAppID(dst)
	return append(dst, `/users"}}}`...)
}
