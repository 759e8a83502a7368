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

// renderer shows the objects of one answer.
type renderer struct {
	base    string    // the caller's own scheme and host, and /api/v1
	app     string    // the application's id
	masked  bool      // every property but the id null: the nulls fault
	epoch   time.Time // when everything was created, and
	created string    // the same as JSON: most times are this one
}

func (c *call) renderer(v *idpsim.View) *renderer {
	return &renderer{
		base: wire.Base(c.r) + "/api/v1", app: string(v.AppendOktaAppID(nil)), masked: idpsim.Struck(c.r, idpsim.Nulls),
		epoch: v.Created(), created: string(wire.AppendTime(nil, v.Created(), true)),
	}
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

func (r *renderer) time(dst []byte, name string, t time.Time) []byte {
	dst = key(append(dst, ','), name)
	if t.Equal(r.epoch) {
		return append(dst, r.created...)
	}
	return wire.AppendTime(dst, t, true)
}

// user appends an Okta user.
func (r *renderer) user(dst []byte, x idpsim.Person) []byte {
	var array [20]byte
	id := x.AppendOktaID(array[:0])
	dst = append(dst, `{"id":"`...)
	dst = append(dst, id...)
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
	dst = r.time(dst, "created", x.Created())
	if x.Status() == "STAGED" {
		dst = append(dst, `,"activated":null`...)
	} else {
		dst = r.time(dst, "activated", x.Created())
	}
	dst = r.time(dst, "statusChanged", x.Turned())
	dst = append(dst, `,"lastLogin":null`...)
	dst = r.time(dst, "lastUpdated", x.Updated())
	dst = r.time(dst, "passwordChanged", x.Created())
	dst = append(dst, `,"type":{"id":"`+userType+`"},"profile":`...)
	dst = appendProfile(dst, x, userProfile, false)
	dst = append(dst, `,"credentials":{"password":{},"provider":{"type":"OKTA","name":"OKTA"}},"_links":{"self":{"href":"`...)
	dst = append(dst, r.base...)
	dst = append(dst, "/users/"...)
	dst = append(dst, id...)
	return append(dst, `"}}}`...)
}

// appUser appends the assignment of a user to the application.
func (r *renderer) appUser(dst []byte, x idpsim.Person, expand bool) []byte {
	var array [20]byte
	id := x.AppendOktaID(array[:0])
	dst = append(dst, `{"id":"`...)
	dst = append(dst, id...)
	if r.masked {
		dst = append(dst, `","externalId":null,"status":null,"credentials":{"userName":null},"profile":`...)
		return append(appendProfile(dst, x, appProfile, true), '}')
	}
	dst = append(dst, `","externalId":`...)
	dst = appendExternalID(dst, x)
	dst = r.time(dst, "created", x.Created())
	dst = r.time(dst, "lastUpdated", x.Updated())
	scope := "GROUP"
	if byName(x) {
		scope = "USER"
	}
	dst = append(dst, `,"scope":"`+scope+`","status":"`...)
	dst = append(dst, x.AppStatus()...)
	dst = append(dst, '"')
	dst = r.time(dst, "statusChanged", x.Turned())
	dst = append(dst, `,"passwordChanged":null,"syncState":`...)
	dst = r.sync(dst, x)
	dst = append(dst, `,"credentials":{"userName":`...)
	dst = appendText(dst, x, idpsim.AppUserName)
	dst = append(dst, `},"profile":`...)
	dst = appendProfile(dst, x, appProfile, false)
	dst = append(dst, `,"_links":{"app":{"href":"`...)
	dst = append(dst, r.base...)
	dst = append(dst, "/apps/"...)
	dst = append(dst, r.app...)
	dst = append(dst, `"},"user":{"href":"`...)
	dst = append(dst, r.base...)
	dst = append(dst, "/users/"...)
	dst = append(dst, id...)
	dst = append(dst, `"}}`...)
	if expand {
		dst = append(dst, `,"_embedded":{"user":`...)
		dst = append(r.user(dst, x), '}')
	}
	return append(dst, '}')
}

func appendExternalID(dst []byte, x idpsim.Person) []byte {
	if id := x.ExternalID(); id != "" && x.AppStatus() != "STAGED" && x.AppStatus() != deprovisioned { // not yet, and no longer
		return wire.AppendString(dst, id)
	}
	return append(dst, "null"...)
}

func (r *renderer) sync(dst []byte, x idpsim.Person) []byte {
	dst = append(dst, `"`+x.SyncState()+`"`...)
	if x.ExternalID() == "" {
		return append(dst, `,"lastSync":null`...)
	}
	return r.time(dst, "lastSync", x.Updated())
}

// group appends an Okta group.
func (r *renderer) group(dst []byte, g idpsim.Group) []byte {
	dst = append(dst, `{"id":"`...)
	dst = g.AppendOktaID(dst)
	dst = append(dst, '"')
	dst = r.time(dst, "created", g.Updated())
	dst = r.time(dst, "lastUpdated", g.Updated())
	dst = r.time(dst, "lastMembershipUpdated", g.Updated())
	dst = append(dst, `,"objectClass":["okta:user_group"],"type":"OKTA_GROUP","profile":{"name":`...)
	dst = wire.AppendString(dst, g.Name())
	dst = append(dst, `,"description":null},"_links":{"users":{"href":"`...)
	dst = append(dst, r.base...)
	dst = append(dst, "/groups/"...)
	dst = g.AppendOktaID(dst)
	return append(dst, `/users"}}}`...)
}

// appGroup appends the assignment of a group to the application.
func (r *renderer) appGroup(dst []byte, g idpsim.Group, expand bool) []byte {
	dst = append(dst, `{"id":"`...)
	dst = g.AppendOktaID(dst)
	dst = append(dst, '"')
	dst = r.time(dst, "lastUpdated", g.Updated())
	dst = append(dst, `,"priority":0,"profile":{},"_links":{"app":{"href":"`...)
	dst = append(dst, r.base...)
	dst = append(dst, "/apps/"...)
	dst = append(dst, r.app...)
	dst = append(dst, `"},"group":{"href":"`...)
	dst = append(dst, r.base...)
	dst = append(dst, "/groups/"...)
	dst = g.AppendOktaID(dst)
	dst = append(dst, `"}}`...)
	if expand {
		dst = append(dst, `,"_embedded":{"group":`...)
		dst = append(r.group(dst, g), '}')
	}
	return append(dst, '}')
}

// application appends the application.
func (r *renderer) application(dst []byte, v *idpsim.View) []byte {
	status := "ACTIVE"
	if v.App() == idpsim.AppInactive {
		status = "INACTIVE"
	}
	dst = append(dst, `{"id":"`...)
	dst = append(dst, r.app...)
	dst = append(dst, `","name":"rollcall","label":"Rollcall","status":"`+status+`"`...)
	dst = r.time(dst, "lastUpdated", v.Created())
	dst = r.time(dst, "created", v.Created())
	dst = append(dst, `,"features":["PUSH_NEW_USERS","PUSH_PROFILE_UPDATES","PUSH_USER_DEACTIVATION","GROUP_PUSH"],"signOnMode":"AUTO_LOGIN","_links":{"users":{"href":"`...)
	dst = append(dst, r.base...)
	dst = append(dst, "/apps/"...)
	dst = append(dst, r.app...)
	return append(dst, `/users"}}}`...)
}
