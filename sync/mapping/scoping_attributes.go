package mapping

import (
	"fmt"
	"slices"
	"strings"
)

// singleAttributes are the attributes of a person in Entra ID that a scoping filter can name, as its provisioning page calls them;
// extension attributes apart.
var singleAttributes = []string{
	"accountEnabled", "city", "companyName", "country", "department", "dirSyncEnabled", "displayName", "employeeId", "employeeType",
	"facsimileTelephoneNumber", "givenName", "immutableId", "jobTitle", "mail", "mailNickname", "mobile", "objectId",
	"onPremisesDistinguishedName", "onPremisesSamAccountName", "onPremisesSecurityIdentifier", "onPremisesUserPrincipalName",
	"originalUserPrincipalName", "physicalDeliveryOfficeName", "postalCode", "preferredLanguage", "state", "streetAddress", "surname",
	"telephoneNumber", "usageLocation", "userPrincipalName",
}

// unfit are attributes that a scoping filter can't name, by folded name, and why (learn.microsoft.com, "Scoping users or groups to be
// provisioned with scoping filters" and "Known issues for provisioning in Microsoft Entra ID").
var unfit = map[string]string{
	"approleassignments":              "Entra can't filter by app roles; assign people to the application instead",
	"usertype":                        "Entra can't filter by userType; filter by userPrincipalName or by an extension attribute",
	"manager":                         "Entra can't filter by manager",
	"issoftdeleted":                   "it follows from the scoping filters, among others, and can't be a part of them",
	"active":                          "it follows from the scoping filters, among others, and can't be a part of them",
	"othermails":                      manyValues,
	"proxyaddresses":                  manyValues,
	"businessphones":                  manyValues,
	"imaddresses":                     manyValues,
	"assignedlicenses":                manyValues,
	"assignedplans":                   manyValues,
	"identities":                      manyValues,
	"employeehiredate":                aDate,
	"employeeleavedatetime":           aDate,
	"hiredate":                        aDate,
	"birthday":                        aDate,
	"createddatetime":                 aDate,
	"deleteddatetime":                 aDate,
	"externaluserstatechangedatetime": aDate,
	"lastpasswordchangedatetime":      aDate,
	"onpremiseslastsyncdatetime":      aDate,
	"refreshtokensvalidfromdatetime":  aDate,
	"signinsessionsvalidfromdatetime": aDate,
}

const (
	manyValues = "it has many values, and a scoping filter needs one"
	aDate      = "it is a date, and Entra can't filter by dates"
)

// unfitAttribute says why a scoping filter can't name an attribute, or "".
func unfitAttribute(name string) string {
	folded := strings.ToLower(name)
	switch {
	case name == "":
		return "it is empty: name a source attribute, such as department"
	case unfit[folded] != "":
		return fmt.Sprintf("%s: %s", name, unfit[folded])
	case isExtension(folded), slices.ContainsFunc(singleAttributes, func(known string) bool { return strings.EqualFold(known, name) }):
		return ""
	}
	best, distance := "", 3
	for _, known := range singleAttributes {
		if d := EditDistance(folded, strings.ToLower(known)); d < distance {
			best, distance = known, d
		}
	}
	if best != "" {
		return fmt.Sprintf("there is no attribute %s; did you mean %s?", name, best)
	}
	return fmt.Sprintf("there is no attribute %s; name one as the provisioning page of the application does, such as department, or extensionAttribute1", name)
}

// isExtension tells extensionAttribute1 to extensionAttribute15, and the directory extensions of applications.
func isExtension(folded string) bool {
	for i := 1; i <= 15; i++ {
		if folded == fmt.Sprintf("extensionattribute%d", i) {
			return true
		}
	}
	rest, ok := strings.CutPrefix(folded, "extension_")
	return ok && rest != "" && strings.Trim(rest, "abcdefghijklmnopqrstuvwxyz0123456789_") == ""
}
