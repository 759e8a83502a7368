package entra

import (
	"errors"
	"slices"
	"strings"

	"rollcall/connectors"
)

// Mappings name source attributes as the directory always has; Graph calls some of them otherwise. attributes has the Graph property
// of each by its folded name. manager and appRoleAssignments are no properties, and read in other ways; IsSoftDeleted is computed by
// the mapping from a person's facts.
var attributes = map[string]string{
	"objectid":                     "id",
	"mobile":                       "mobilePhone",
	"telephonenumber":              "businessPhones",
	"physicaldeliveryofficename":   "officeLocation",
	"facsimiletelephonenumber":     "faxNumber",
	"originaluserprincipalname":    "userPrincipalName",
	"immutableid":                  "onPremisesImmutableId",
	"dirsyncenabled":               "onPremisesSyncEnabled",
	"accountenabled":               "accountEnabled",
	"city":                         "city",
	"companyname":                  "companyName",
	"country":                      "country",
	"department":                   "department",
	"displayname":                  "displayName",
	"employeehiredate":             "employeeHireDate",
	"employeeid":                   "employeeId",
	"employeetype":                 "employeeType",
	"givenname":                    "givenName",
	"jobtitle":                     "jobTitle",
	"mail":                         "mail",
	"mailnickname":                 "mailNickname",
	"onpremisesdistinguishedname":  "onPremisesDistinguishedName",
	"onpremisessamaccountname":     "onPremisesSamAccountName",
	"onpremisessecurityidentifier": "onPremisesSecurityIdentifier",
	"onpremisesuserprincipalname":  "onPremisesUserPrincipalName",
	"othermails":                   "otherMails",
	"postalcode":                   "postalCode",
	"preferredlanguage":            "preferredLanguage",
	"proxyaddresses":               "proxyAddresses",
	"state":                        "state",
	"streetaddress":                "streetAddress",
	"surname":                      "surname",
	"usagelocation":                "usageLocation",
	"userprincipalname":            "userPrincipalName",
	"usertype":                     "userType",
}

const extensionAttributes = "onPremisesExtensionAttributes"

// What is not selected: a person's manager, by object id, is expanded; the names of the app roles that a person has are put together
// from the assignments.
const (
	manager     = "manager"
	assignments = "appRoleAssignments"
)

// expandManager asks for the manager beside a person, without a call for each (learn.microsoft.com/graph/api/user-list-manager; members
// of groups take $expand as well, learn.microsoft.com/graph/api/group-list-members). The documentation wants $levels beside $select for
// whole chains of managers; for the one above it is not needed. Who has no manager comes without that field. Two limits are known: pages
// then hold 100 people, whatever is asked for (developer.microsoft.com/graph/known-issues), and advanced queries, which nested members
// take, allow no $expand (learn.microsoft.com/graph/query-parameters).
const (
	expandManager = "manager($select=id)"
	expandedPage  = 100
)

// form is what becomes of a property's value on its way to an attribute.
type form uint8

const (
	plain   form = iota
	first        // the first item of a list
	ofGuest      // a guest's name in its own directory
)

// column is a place in Want.Attributes that a property fills.
type column struct {
	at   int
	form form
}

// selection is what to ask Graph for and where to put it.
type selection struct {
	names    []string            // of $select, sorted
	blank    []connectors.Value  // one absent value for each attribute wanted
	expand   []string            // of $expand
	columns  map[string][]column // by property
	extended map[string][]column // by name in onPremisesExtensionAttributes
	roles    []int               // where the names of the person's app roles go
}

// selectFor resolves attribute names. Its error names every one that is unknown.
func selectFor(wanted []string) (*selection, error) {
	s := &selection{
		names:    []string{"accountEnabled", "id", "userPrincipalName"},
		blank:    make([]connectors.Value, len(wanted)),
		columns:  map[string][]column{},
		extended: map[string][]column{},
	}
	var unknown []string
	for i, name := range wanted {
		folded := strings.ToLower(name)
		property := attributes[folded]
		switch {
		case folded == manager:
			s.expand = []string{expandManager}
			s.columns[manager] = append(s.columns[manager], column{i, plain})
		case folded == strings.ToLower(assignments):
			s.roles = append(s.roles, i)
		case property == "userPrincipalName" && folded == "userprincipalname":
			s.add(property, column{i, ofGuest})
		case property == "businessPhones":
			s.add(property, column{i, first})
		case property != "":
			s.add(property, column{i, plain})
		case extensionAttribute(folded):
			s.names = append(s.names, extensionAttributes)
			key := "extensionAttribute" + folded[len("extensionAttribute"):]
			s.extended[key] = append(s.extended[key], column{i, plain})
		case extension(name):
			s.add(name, column{i, plain}) // case-sensitive, and selected by its own name
		default:
			unknown = append(unknown, name)
		}
	}
	if unknown != nil {
		return nil, &connectors.Error{
			Kind: connectors.ErrMisconfigured, Op: "select the mapping's source attributes",
			Detail: "Entra ID has no attribute " + strings.Join(unknown, ", ") + " that can be read",
			Mend:   "name attributes as the provisioning page of the application does, e.g. mobile, mail or extensionAttribute1",
		}
	}
	slices.Sort(s.names)
	s.names = slices.Compact(s.names)
	return s, nil
}

func (s *selection) add(property string, c column) {
	s.names = append(s.names, property)
	s.columns[property] = append(s.columns[property], c)
}

// extensionAttribute tells extensionattribute1 to extensionattribute15.
func extensionAttribute(folded string) bool {
	number, ok := strings.CutPrefix(folded, "extensionattribute")
	return ok && (len(number) == 1 && number >= "1" && number <= "9" || len(number) == 2 && number >= "10" && number <= "15")
}

// extension tells the name of a directory extension: extension_{application id without dashes}_{name}.
func extension(name string) bool {
	rest, ok := strings.CutPrefix(name, "extension_")
	return ok && rest != "" && strings.Trim(strings.ToLower(rest), "abcdefghijklmnopqrstuvwxyz0123456789_") == ""
}

// only is a selection of nothing but object ids.
var only = &selection{names: []string{"id"}}

// pageSize is the most people that a page has, for the sums of what a route costs.
func (s *selection) pageSize() int {
	if s.expand != nil {
		return expandedPage
	}
	return pageSize
}

// user asks for one person with what is selected.
func (s *selection) user(id guid) ask {
	path := "/users/" + id.String() + "?$select=" + strings.Join(s.names, ",")
	if s.expand != nil {
		path += "&$expand=" + strings.Join(s.expand, ",")
	}
	return ask{path: path}
}

// deleted asks for one person in the recycle bin. The recycle bin holds more than people, so it takes no selection of theirs.
func deleted(id guid) ask { return ask{path: "/directory/deletedItems/" + id.String()} }

// homeName is a guest's userPrincipalName as Entra's provisioning sends it: what is before #EXT#, its last underscore an @. Others are
// returned as they are (learn.microsoft.com/entra/identity/app-provisioning/how-provisioning-works, B2B guests).
func homeName(userPrincipalName string) string {
	alias, _, guest := strings.Cut(userPrincipalName, "#EXT#")
	at := strings.LastIndexByte(alias, '_')
	if !guest || at < 0 {
		return userPrincipalName
	}
	return alias[:at] + "@" + alias[at+1:]
}

// nameBefore is a deleted person's userPrincipalName as it was: the directory puts the object id, without dashes, in front of it.
func nameBefore(userPrincipalName, id string) string {
	compact := strings.ReplaceAll(id, "-", "")
	if len(userPrincipalName) > len(compact) && strings.EqualFold(userPrincipalName[:len(compact)], compact) {
		return userPrincipalName[len(compact):]
	}
	return userPrincipalName
}

// guid is an object id in 16 bytes.
type guid [16]byte

// ObjectID brings an object id into the form that a pull gives it: a GUID, in lower case. Its error says what else was given.
func ObjectID(text string) (string, error) {
	id, ok := parseGUID(text)
	if !ok {
		return "", errors.New("is no object id of Entra ID: copy the Object ID, a GUID, from the person's page at Entra admin center > Users")
	}
	return id.String(), nil
}

// parseGUID reads the usual form, 8-4-4-4-12 hexadecimal digits.
func parseGUID(text string) (id guid, ok bool) {
	if len(text) != 36 {
		return id, false
	}
	n := 0
	for i := 0; i < len(text); i++ {
		if i == 8 || i == 13 || i == 18 || i == 23 {
			if text[i] != '-' {
				return guid{}, false
			}
			continue
		}
		digit := strings.IndexByte("0123456789abcdef", text[i]|0x20)
		if digit < 0 || text[i] < '0' {
			return guid{}, false
		}
		id[n/2] = id[n/2]<<4 | byte(digit)
		n++
	}
	return id, true
}

// String is the usual form.
func (id guid) String() string {
	const digits = "0123456789abcdef"
	text := make([]byte, 0, 36)
	for i, b := range id {
		if i == 4 || i == 6 || i == 8 || i == 10 {
			text = append(text, '-')
		}
		text = append(text, digits[b>>4], digits[b&15])
	}
	return string(text)
}
