package idpsim

import (
	"bytes"
	"fmt"
	"strconv"
	"strings"
)

// Attribute is something that is known about a person, under a name of neither vendor.
type Attribute uint8

const (
	UserName Attribute = iota // userPrincipalName; login
	DisplayName
	GivenName
	FamilyName
	Mail
	Mobile
	Telephone
	Title
	Department
	Division
	Company
	EmployeeNumber
	CostCenter
	City
	State
	Country
	PostalCode
	Street
	Office
	Fax
	Language
	UsageLocation
	UserType
	MailNickname
	AppUserName // the name at the application (Okta's credentials.userName); the user name unless set
	Extension1  // extensionAttribute1 … 15
	Extension15 = Extension1 + 14

	attributes = int(Extension15) + 1
)

var attributeNames = [...]string{
	UserName: "userName", DisplayName: "displayName", GivenName: "givenName", FamilyName: "familyName", Mail: "mail", Mobile: "mobile",
	Telephone: "telephone", Title: "title", Department: "department", Division: "division", Company: "company",
	EmployeeNumber: "employeeNumber", CostCenter: "costCenter", City: "city", State: "state", Country: "country",
	PostalCode: "postalCode", Street: "street", Office: "office", Fax: "fax", Language: "language", UsageLocation: "usageLocation",
	UserType: "userType", MailNickname: "mailNickname", AppUserName: "appUserName",
}

func (a Attribute) String() string {
	if a >= Extension1 {
		return "extensionAttribute" + strconv.Itoa(int(a-Extension1)+1)
	}
	return attributeNames[a]
}

// ParseAttribute finds an attribute by the name that String gives.
func ParseAttribute(name string) (Attribute, error) {
	for a := range Attribute(attributes) {
		if a.String() == name {
			return a, nil
		}
	}
	return 0, fmt.Errorf("attribute %q is unknown; attributes are %s, extensionAttribute1 to 15", name, strings.Join(attributeNames[:], ", "))
}

// value is an attribute that was set by hand; null when it was cleared.
type value struct {
	attribute Attribute
	null      bool
	text      string
}

// Append appends the attribute's text to dst and says whether there is one: absent is not the same as "".
func (p Person) Append(dst []byte, a Attribute) ([]byte, bool) {
	if more := p.more(); more != nil {
		for i := range more.values {
			if v := &more.values[i]; v.attribute == a {
				return append(dst, v.text...), !v.null
			}
		}
	}
	switch a {
	case Mail:
		start := len(dst)
		dst, ok := p.Append(dst, UserName)
		return append(dst[:start], atHome(dst[start:])...), ok
	case AppUserName:
		return p.Append(dst, UserName)
	case MailNickname:
		start := len(dst)
		dst, ok := p.Append(dst, UserName)
		if at := bytes.IndexByte(dst[start:], '@'); at >= 0 {
			dst = dst[:start+at]
		}
		return dst, ok
	case DisplayName:
		return p.appendDisplayName(dst)
	case UserType:
		if p.Guest() {
			return append(dst, "Guest"...), true
		}
		return append(dst, "Member"...), true
	}
	if p.n >= p.v.generated {
		return dst, false
	}
	return p.appendGenerated(dst, a)
}

// guestMark stands in the user name of a guest, between the name at home, where the @ is an underscore, and the tenant's domain.
const guestMark = "#EXT#"

// Guest: somebody of another organisation.
func (p Person) Guest() bool {
	var buffer [64]byte
	name, _ := p.Append(buffer[:0], UserName)
	return bytes.Contains(name, []byte(guestMark))
}

// atHome is the name that a guest has at home; any other name is what it is.
func atHome(name []byte) []byte {
	home, _, guest := bytes.Cut(name, []byte(guestMark))
	if at := bytes.LastIndexByte(home, '_'); guest && at >= 0 {
		home[at] = '@'
		return home
	}
	return name
}

// Text returns the attribute's text, "" when it is absent.
func (p Person) Text(a Attribute) string {
	text, _ := p.Append(nil, a)
	return string(text)
}

// appendDisplayName: given and family name, or what stands before the @ where neither is known.
func (p Person) appendDisplayName(dst []byte) ([]byte, bool) {
	start := len(dst)
	dst, given := p.Append(dst, GivenName)
	if given {
		dst = append(dst, ' ')
	}
	dst, family := p.Append(dst, FamilyName)
	if given && !family {
		dst = dst[:len(dst)-1]
	}
	if given || family {
		return dst, true
	}
	return p.Append(dst[:start], MailNickname)
}

// appendGenerated computes what the seed gives.
func (p Person) appendGenerated(dst []byte, a Attribute) ([]byte, bool) {
	given, family, _ := p.v.pair(p.n)
	switch a {
	case UserName:
		return p.v.appendGeneratedUserName(dst, p.n), true
	case GivenName:
		return append(dst, givenNames[given]...), true
	case FamilyName:
		return append(dst, familyNames[family]...), true
	case Mobile:
		return appendNumber(append(dst, "+1 555 "...), p.n), true
	case Title:
		return append(dst, titles[(given+family)%8]...), true
	case Department:
		return append(dst, departments[given%8]...), true
	case EmployeeNumber:
		return appendNumber(append(dst, 'E'), p.n+1), true
	case Company:
		return append(dst, p.v.name...), true
	case Country, UsageLocation:
		return append(dst, "NL"...), true
	}
	return dst, false
}

// appendNumber appends n in decimal, with leading zeros up to seven digits.
func appendNumber(dst []byte, n uint32) []byte {
	for limit := uint32(1_000_000); limit > n && limit > 1; limit /= 10 {
		dst = append(dst, '0')
	}
	return strconv.AppendUint(dst, uint64(n), 10)
}
