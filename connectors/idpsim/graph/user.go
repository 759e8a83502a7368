package graph

import (
	"strconv"
	"strings"

	"rollcall/connectors/idpsim"
	"rollcall/connectors/idpsim/internal/wire"
)

// property is one property of a user, and how to show it.
type property struct {
	name   string
	render func(dst []byte, x idpsim.Person) []byte // appends the value
}

// text shows an attribute, null when it is absent.
func text(a idpsim.Attribute) func([]byte, idpsim.Person) []byte {
	return func(dst []byte, x idpsim.Person) []byte {
		start := len(dst)
		dst = append(dst, '"')
		dst, ok := x.Append(dst, a)
		if !ok {
			return append(dst[:start], "null"...)
		}
		return wire.Quote(dst, start+1)
	}
}

func constant(json string) func([]byte, idpsim.Person) []byte {
	return func(dst []byte, _ idpsim.Person) []byte { return append(dst, json...) }
}

// ofGuest shows what only guests have.
func ofGuest(json string) func([]byte, idpsim.Person) []byte {
	return func(dst []byte, x idpsim.Person) []byte {
		if x.Guest() {
			return append(dst, json...)
		}
		return append(dst, "null"...)
	}
}

// list shows an attribute as the only element, with a prefix.
func list(a idpsim.Attribute, prefix string) func([]byte, idpsim.Person) []byte {
	return func(dst []byte, x idpsim.Person) []byte {
		start := len(dst)
		dst = append(dst, `["`...)
		dst = append(dst, prefix...)
		dst, ok := x.Append(dst, a)
		if !ok {
			return append(dst[:start], "[]"...)
		}
		return append(wire.Quote(dst, start+2), ']')
	}
}

// properties of a user, as Graph's metadata names them. Those that this population never has are null or empty.
var properties = []*property{
	{"id", func(dst []byte, x idpsim.Person) []byte {
		return append(idpsim.AppendGUID(append(dst, '"'), x.GUID()), '"')
	}},
	{"accountEnabled", func(dst []byte, x idpsim.Person) []byte {
		if x.Enabled() {
			return append(dst, "true"...)
		}
		return append(dst, "false"...)
	}},
	{"userPrincipalName", userPrincipalName},
	{"displayName", text(idpsim.DisplayName)},
	{"givenName", text(idpsim.GivenName)},
	{"surname", text(idpsim.FamilyName)},
	{"mail", text(idpsim.Mail)},
	{"mobilePhone", text(idpsim.Mobile)},
	{"businessPhones", list(idpsim.Telephone, "")},
	{"jobTitle", text(idpsim.Title)},
	{"officeLocation", text(idpsim.Office)},
	{"preferredLanguage", text(idpsim.Language)},
	{"department", text(idpsim.Department)},
	{"companyName", text(idpsim.Company)},
	{"employeeId", text(idpsim.EmployeeNumber)},
	{"employeeOrgData", employeeOrgData},
	{"city", text(idpsim.City)},
	{"state", text(idpsim.State)},
	{"country", text(idpsim.Country)},
	{"postalCode", text(idpsim.PostalCode)},
	{"streetAddress", text(idpsim.Street)},
	{"faxNumber", text(idpsim.Fax)},
	{"usageLocation", text(idpsim.UsageLocation)},
	{"userType", text(idpsim.UserType)},
	{"mailNickname", text(idpsim.MailNickname)},
	{"proxyAddresses", list(idpsim.Mail, "SMTP:")},
	{"onPremisesExtensionAttributes", extensionAttributes},
	{"createdDateTime", func(dst []byte, x idpsim.Person) []byte { return wire.AppendTime(dst, x.Created(), false) }},
	{"deletedDateTime", deletedDateTime},
	{"otherMails", constant("[]")},
	{"imAddresses", constant("[]")},
	{"employeeType", constant("null")},
	{"employeeHireDate", constant("null")},
	{"onPremisesSecurityIdentifier", constant("null")},
	{"onPremisesImmutableId", constant("null")},
	{"onPremisesSamAccountName", constant("null")},
	{"onPremisesDistinguishedName", constant("null")},
	{"onPremisesDomainName", constant("null")},
	{"onPremisesUserPrincipalName", constant("null")},
	{"onPremisesSyncEnabled", constant("null")},
	{"externalUserState", ofGuest(`"Accepted"`)},
	{"ageGroup", constant("null")},
	{"creationType", ofGuest(`"Invitation"`)},
}

// defaultProperties are shown without $select. accountEnabled is not among them.
var defaultProperties = named("businessPhones", "displayName", "givenName", "jobTitle", "mail", "mobilePhone", "officeLocation",
	"preferredLanguage", "surname", "userPrincipalName", "id")

func named(names ...string) []*property {
	var found []*property
	for _, name := range names {
		found = append(found, propertyNamed(name))
	}
	return found
}

func propertyNamed(name string) *property {
	for _, p := range properties {
		if p.name == name {
			return p
		}
	}
	return nil
}

// userPrincipalName: in the recycle bin, the object id without its dashes stands before the name, so that the name is free.
func userPrincipalName(dst []byte, x idpsim.Person) []byte {
	if !x.SoftDeleted() {
		return text(idpsim.UserName)(dst, x)
	}
	id := strings.ReplaceAll(string(idpsim.AppendGUID(nil, x.GUID())), "-", "")
	return wire.AppendString(dst, id+x.Text(idpsim.UserName))
}

func deletedDateTime(dst []byte, x idpsim.Person) []byte {
	if !x.SoftDeleted() {
		return append(dst, "null"...)
	}
	return wire.AppendTime(dst, x.Removed(), false)
}

func employeeOrgData(dst []byte, x idpsim.Person) []byte {
	dst = append(dst, `{"division":`...)
	dst = text(idpsim.Division)(dst, x)
	dst = append(dst, `,"costCenter":`...)
	return append(text(idpsim.CostCenter)(dst, x), '}')
}

func extensionAttributes(dst []byte, x idpsim.Person) []byte {
	for a := idpsim.Extension1; a <= idpsim.Extension15; a++ {
		dst = append(dst, "{,"[min(a-idpsim.Extension1, 1)], '"')
		dst = append(dst, a.String()...)
		dst = append(dst, `":`...)
		dst = text(a)(dst, x)
	}
	return append(dst, '}')
}

// userShape is how the users of one answer are shown.
type userShape struct {
	properties []*property
	typed      bool        // with @odata.type, where the collection may hold other things too
	masked     bool        // nothing but the id: the caller may not read users, or the nulls fault
	manager    []*property // what to show of their manager; nil: nothing
}

func (s userShape) append(dst []byte, x idpsim.Person) []byte {
	dst = append(dst, '{')
	if s.typed || s.masked {
		dst = append(dst, `"@odata.type":"#microsoft.graph.user",`...)
	}
	if s.masked {
		dst = append(dst, `"id":`...)
		dst = properties[0].render(dst, x)
		dst = append(dst, ',')
	}
	for _, p := range s.properties {
		if s.masked && p.name == "id" {
			continue
		}
		dst = append(dst, '"')
		dst = append(dst, p.name...)
		dst = append(dst, `":`...)
		if s.masked {
			dst = append(dst, "null,"...)
			continue
		}
		dst = append(p.render(dst, x), ',')
	}
	if boss, ok := x.Manager(); ok && s.manager != nil && boss.Present() {
		dst = append(dst, `"manager":`...)
		dst = append(userShape{properties: s.manager, typed: true, masked: s.masked}.append(dst, boss), ',')
	}
	dst[len(dst)-1] = '}'
	return dst
}

// shape says how to show users to this caller. Masking users that the caller may not read is what members of groups are known for;
// everything else about users is forbidden outright.
func (c *call) shape(q *query) userShape {
	return userShape{properties: q.properties, manager: q.manager, masked: !c.may(UserRead) || idpsim.Struck(c.r, idpsim.Nulls)}
}

// matches applies a $filter to a user.
func (q *query) matches(x idpsim.Person) bool {
	if len(q.filter) == 0 {
		return true
	}
	anyOf := len(q.filter) > 1 && q.filter[1].or
	for _, one := range q.filter {
		if one.holds(x) == anyOf {
			return anyOf
		}
	}
	return !anyOf
}

// filterable are the properties of users that a $filter may name, as text.
var filterable = map[string]func(idpsim.Person) string{
	"id":                func(x idpsim.Person) string { return string(idpsim.AppendGUID(nil, x.GUID())) },
	"accountEnabled":    func(x idpsim.Person) string { return strconv.FormatBool(x.Enabled()) },
	"userPrincipalName": plain(idpsim.UserName),
	"displayName":       plain(idpsim.DisplayName),
	"givenName":         plain(idpsim.GivenName),
	"surname":           plain(idpsim.FamilyName),
	"mail":              plain(idpsim.Mail),
	"mailNickname":      plain(idpsim.MailNickname),
	"department":        plain(idpsim.Department),
	"jobTitle":          plain(idpsim.Title),
	"companyName":       plain(idpsim.Company),
	"country":           plain(idpsim.Country),
	"city":              plain(idpsim.City),
	"state":             plain(idpsim.State),
	"employeeId":        plain(idpsim.EmployeeNumber),
	"userType":          plain(idpsim.UserType),
	"usageLocation":     plain(idpsim.UsageLocation),
}

func plain(a idpsim.Attribute) func(idpsim.Person) string {
	return func(x idpsim.Person) string { return x.Text(a) }
}

func (one clause) holds(x idpsim.Person) bool {
	actual := filterable[one.property](x)
	for _, v := range one.values {
		if strings.EqualFold(v, actual) {
			return one.op != "ne"
		}
	}
	return one.op == "ne"
}

// checkFilter refuses what Graph refuses of a filter on users.
func (c *call) checkFilter(q *query) bool {
	for _, one := range q.filter {
		switch {
		case filterable[one.property] == nil:
			unsupported(c.w, "Unsupported or invalid query filter clause specified for property '"+one.property+"' of resource 'User'.")
			return false
		case one.op == "ne" && !(c.advanced() && q.count):
			unsupported(c.w, "Operator 'NotEqualsMatch' is not supported because the 'ConsistencyLevel:eventual' header and $count=true are missing.")
			return false
		}
	}
	return true
}
