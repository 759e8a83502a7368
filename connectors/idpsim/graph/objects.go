package graph

import (
	"slices"
	"strconv"
	"strings"

	"rollcall/connectors/idpsim"
	"rollcall/connectors/idpsim/internal/wire"
)

// object is something other than a user: its properties in order, rendered.
type object []field

type field struct{ name, json string }

// append renders the selected fields, all without a selection, after the type if there is one.
func (o object) append(dst []byte, selected []string, odataType string) []byte {
	dst = append(dst, '{')
	if odataType != "" {
		dst = append(dst, `"@odata.type":"`+odataType+`",`...)
	}
	for _, f := range o {
		if selected == nil || slices.Contains(selected, f.name) {
			dst = append(dst, '"')
			dst = append(dst, f.name...)
			dst = append(dst, `":`...)
			dst = append(dst, f.json...)
			dst = append(dst, ',')
		}
	}
	if dst[len(dst)-1] == ',' {
		dst = dst[:len(dst)-1]
	}
	return append(dst, '}')
}

// masked is an object of which a fault leaves nothing but the id.
func (c *call) masked(o object) object {
	if !idpsim.Struck(c.r, idpsim.Nulls) {
		return o
	}
	o = slices.Clone(o)
	for i := range o {
		if o[i].name != "id" {
			o[i].json = "null"
		}
	}
	return o
}

// check refuses a selection of properties that a type does not have.
func (o object) check(selected []string, odataType string) error {
	for _, name := range selected {
		if !slices.ContainsFunc(o, func(f field) bool { return f.name == name }) {
			return refuse("Parsing OData Select and Expand failed: Could not find a property named '%s' on type 'microsoft.graph.%s'.", name, odataType)
		}
	}
	return nil
}

func quoted(text string) string { return string(wire.AppendString(nil, text)) }

func guid(id [16]byte) string { return `"` + string(idpsim.AppendGUID(nil, id)) + `"` }

func appendInt(dst []byte, n int) []byte { return strconv.AppendInt(dst, int64(n), 10) }

// principal is the enterprise application.
func principal(v *idpsim.View) object {
	roles := make([]string, len(v.Roles()))
	for i, name := range v.Roles() {
		roles[i] = `{"allowedMemberTypes":["User"],"description":` + quoted(name) + `,"displayName":` + quoted(name) + `,"id":` + guid(v.RoleID(i)) +
			`,"isEnabled":true,"origin":"Application","value":` + quoted(name) + `}`
	}
	return object{
		{"id", guid(v.PrincipalID())},
		{"deletedDateTime", "null"},
		{"accountEnabled", strconv.FormatBool(v.App() == idpsim.AppActive)},
		{"appDisplayName", quoted(applicationName)},
		{"appId", guid(v.AppID())},
		{"appOwnerOrganizationId", guid(v.TenantID())},
		{"appRoleAssignmentRequired", "true"},
		{"displayName", quoted(applicationName)},
		{"servicePrincipalType", `"Application"`},
		{"tags", `["WindowsAzureActiveDirectoryIntegratedApp"]`},
		{"appRoles", "[" + strings.Join(roles, ",") + "]"},
	}
}

const applicationName = "Rollcall"

// groupProperties are the properties that groupObject shows.
var groupProperties = []string{"id", "deletedDateTime", "createdDateTime", "description", "displayName", "groupTypes", "mail", "mailEnabled",
	"mailNickname", "membershipRule", "membershipRuleProcessingState", "securityEnabled", "visibility"}

func groupObject(g idpsim.Group) object {
	visibility, types, rule, processing := "null", []string{}, "null", "null"
	if g.Hidden() {
		visibility = `"HiddenMembership"`
	}
	if g.Kind() == idpsim.Microsoft365Group {
		types = append(types, `"Unified"`)
	}
	if g.Rule() != "" {
		types, rule, processing = append(types, `"DynamicMembership"`), quoted(g.Rule()), `"On"`
	}
	secured := g.Kind() == idpsim.SecurityGroup || g.Kind() == idpsim.MailSecurityGroup
	return object{
		{"id", guid(g.GUID())},
		{"deletedDateTime", "null"},
		{"createdDateTime", string(wire.AppendTime(nil, g.Updated(), false))},
		{"description", "null"},
		{"displayName", quoted(g.Name())},
		{"groupTypes", "[" + strings.Join(types, ",") + "]"},
		{"mail", "null"},
		{"mailEnabled", strconv.FormatBool(g.Kind() != idpsim.SecurityGroup)},
		{"mailNickname", quoted(strings.ToLower(strings.ReplaceAll(g.Name(), " ", "")))},
		{"membershipRule", rule},
		{"membershipRuleProcessingState", processing},
		{"securityEnabled", strconv.FormatBool(secured)},
		{"visibility", visibility},
	}
}

// single answers with one object of a type, found by find.
func (c *call) single(id, collection, odataType string, find func(*idpsim.View) (object, bool)) {
	q, err := c.parseQuery()
	if err != nil {
		badRequest(c.w, err.Error())
		return
	}
	var bad error
	var body []byte
	var ok bool
	c.read(func(v *idpsim.View) {
		var o object
		if o, ok = find(v); ok {
			bad = o.check(q.selected, odataType)
			body = c.masked(o).append(nil, q.selected, "")
		}
	})
	if bad != nil {
		badRequest(c.w, bad.Error())
		return
	}
	c.one(id, q.context(collection), func(*idpsim.View) ([]byte, bool) { return body, ok })
}

func (c *call) servicePrincipal(id string) {
	if !c.needs(ApplicationRead) {
		return
	}
	c.single(id, "servicePrincipals", "servicePrincipal", func(v *idpsim.View) (object, bool) {
		return principal(v), isPrincipal(v, id)
	})
}

// isPrincipal says whether an id, or an application id where it is marked as one, is that of the enterprise application.
func isPrincipal(v *idpsim.View, id string) bool {
	want := v.PrincipalID()
	if appID, ok := strings.CutPrefix(id, byAppID); ok {
		id, want = appID, v.AppID()
	}
	return v.App() != idpsim.AppGone && strings.EqualFold(id, string(idpsim.AppendGUID(nil, want)))
}

func (c *call) servicePrincipals() {
	q, err := c.parseQuery()
	if err != nil {
		badRequest(c.w, err.Error())
		return
	}
	if !c.needs(ApplicationRead) {
		return
	}
	for _, one := range q.filter {
		if one.op != "eq" || !slices.Contains([]string{"appId", "id", "displayName"}, one.property) {
			unsupported(c.w, "Unsupported or invalid query filter clause specified for property '"+one.property+"' of resource 'ServicePrincipal'.")
			return
		}
	}
	c.page(q, func(v *idpsim.View) collection {
		var rows [][]byte
		if o := principal(v); v.App() != idpsim.AppGone && o.matches(q.filter) {
			rows = append(rows, c.masked(o).append(nil, q.selected, ""))
		}
		return fixed(q.context("servicePrincipals"), rows)
	})
}

// matches applies a $filter whose clauses are joined by and.
func (o object) matches(filter []clause) bool {
	for _, one := range filter {
		at := slices.IndexFunc(o, func(f field) bool { return f.name == one.property })
		if at < 0 || !strings.EqualFold(o[at].json, quoted(one.values[0])) {
			return false
		}
	}
	return true
}

func (c *call) organization() {
	q, err := c.parseQuery()
	if err != nil {
		badRequest(c.w, err.Error())
		return
	}
	c.page(q, func(v *idpsim.View) collection {
		o := object{{"id", guid(v.TenantID())}, {"displayName", quoted(v.Name())}}
		return fixed(q.context("organization"), [][]byte{o.append(nil, q.selected, "")})
	})
}
