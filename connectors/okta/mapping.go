package okta

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/okta/okta-sdk-golang/v2/okta/query"

	"rollcall/connectors"
	"rollcall/connectors/rest"
)

var _ connectors.Mapper = (*Connector)(nil)

// Mapping implements connectors.Mapper. Okta's own expressions fill the app-side profile, which pulls read as it is; what is left to map
// is where each of its properties goes, and that the schema of the application's users says: one call for it, beside those for the
// application, its provisioning, and which properties are pushed at creation only. Where the last may not be read, that is Left.
func (c *Connector) Mapping(ctx context.Context) (connectors.Mapping, error) {
	ctx, _ = rest.WithTally(ctx)
	m := connectors.Mapping{Scope: connectors.Assigned}
	if err := c.application(ctx); err != nil {
		return m, err
	}
	push, err := c.provisioning(ctx)
	switch {
	case err != nil:
		return m, c.fail(ctx, readProvisioning, err)
	case push.State == connectors.PushOff:
		return m, &connectors.Error{Kind: connectors.ErrGone, Op: readProvisioning.What, Detail: "Okta pushes nobody", Mend: push.Why}
	}
	m.Create, m.Update, m.Deactivate = push.Create, push.Update, push.Deactivate
	properties, err := c.appUserSchema(ctx)
	if err != nil {
		return m, c.fail(ctx, readSchema, err)
	}
	atCreation, err := c.allPushedAtCreation(ctx)
	if err != nil && !withheld(err) && !unscoped(err) {
		return m, c.fail(ctx, readMappings, err)
	}
	m.Rows, m.Left = rowsOf(properties, atCreation)
	if err != nil {
		m.Left = append(m.Left, "Which attributes Okta pushes at creation only cannot be read, so all of them are taken as always: "+
			connectors.Mend(c.fail(ctx, readMappings, err))+".")
	}
	return m, nil
}

// schemaProperty is what is read of one property of an application's users
// (developer.okta.com/docs/api/openapi/okta-management/management/tag/Schema).
type schemaProperty struct{ ExternalName, ExternalNamespace string }

// appUserSchema reads the properties of the app-side profile: those that Okta defines, and those that an administrator added.
func (c *Connector) appUserSchema(ctx context.Context) (map[string]schemaProperty, error) {
	var schema struct {
		Definitions *struct {
			Base, Custom struct{ Properties map[string]schemaProperty }
		}
	}
	_, resp, err := c.client.UserSchema.GetApplicationUserSchema(ctx, c.appID)
	if err := decode(resp, err, &schema); err != nil {
		return nil, err
	}
	if schema.Definitions == nil || len(schema.Definitions.Base.Properties) == 0 {
		return nil, errForm // it has userName at least
	}
	properties := schema.Definitions.Base.Properties
	maps.Copy(properties, schema.Definitions.Custom.Properties)
	return properties, nil
}

// rowsOf makes a mapping of a schema. The name and the status stand first, for they are no properties: the one is kept with the app
// user's credentials, the other computed (status.go).
func rowsOf(properties map[string]schemaProperty, atCreation []string) (rows []connectors.MappingRow, left []string) {
	rows = []connectors.MappingRow{
		{Target: userName, Source: "[" + userName + "]", Match: 1, Apply: connectors.ApplyAlways},
		{Target: "active", Source: "[active]", Apply: connectors.ApplyAlways},
	}
	taken := map[string]string{"username": "the name at the application", "active": "the status"}
	for _, name := range slices.Sorted(maps.Keys(properties)) {
		if name == userName {
			continue
		}
		target, err := properties[name].target()
		by, twice := taken[strings.ToLower(target)]
		switch {
		case err == nil && !plainName.MatchString(name):
			err = errors.New("has a name that cannot be written in a mapping")
		case err == nil && twice:
			err = fmt.Errorf("goes to %s, as %s does already", target, by)
		}
		if err != nil {
			left = append(left, "The property "+rest.Line(name)+" "+err.Error()+".")
			continue
		}
		taken[strings.ToLower(target)] = name
		row := connectors.MappingRow{Target: target, Source: "[" + name + "]", Apply: connectors.ApplyAlways}
		if slices.Contains(atCreation, name) {
			row.Apply = connectors.ApplyCreate
		}
		rows = append(rows, row)
	}
	return rows, left
}

// coreNamespace is the schema whose attributes are written without it.
const coreNamespace = "urn:ietf:params:scim:schemas:core:2.0:User"

var (
	plainName  = regexp.MustCompile(`^[A-Za-z_][A-Za-z0-9_]*$`)
	plainPath  = regexp.MustCompile(`^[A-Za-z$][A-Za-z0-9_$-]*(\.[A-Za-z$][A-Za-z0-9_$-]*)?$`)
	chosenPath = regexp.MustCompile(`^([A-Za-z][A-Za-z0-9_-]*)\.?\^?\[([^\[\]]+)\](\.[A-Za-z$][A-Za-z0-9_$-]*)?$`)
	condition  = regexp.MustCompile(`^\s*([A-Za-z][A-Za-z0-9_-]*)\s*(?:==|\seq\s)\s*(?:'([^'"]*)'|"([^'"]*)"|([A-Za-z0-9_.-]+))\s*$`)
	junction   = regexp.MustCompile(`&&|\sand\s`)
)

// target is where a property goes, as a path of SCIM (RFC 7644 §3.5.2). Its error ends a sentence that begins with the property.
func (p schemaProperty) target() (string, error) {
	path := p.ExternalName
	switch at := chosenPath.FindStringSubmatch(path); {
	case path == "":
		return "", errors.New("has no external name, so Okta does not say where it goes")
	case plainPath.MatchString(path):
	case at != nil:
		filter, ok := filterOf(at[2])
		if !ok {
			return "", fmt.Errorf("goes to %s, which is no attribute of its own in SCIM", rest.Line(path))
		}
		path = at[1] + "[" + filter + "]" + at[3]
	default:
		return "", fmt.Errorf("goes to %s, which is no path of SCIM 2.0", rest.Line(path))
	}
	switch namespace := p.ExternalNamespace; {
	case namespace == "", strings.EqualFold(namespace, coreNamespace):
		return path, nil
	case strings.HasPrefix(strings.ToLower(namespace), "urn:") && !strings.ContainsAny(namespace, " \t\r\n[]\""):
		return namespace + ":" + path, nil
	default:
		return "", fmt.Errorf("has the external namespace %s, which is no URN", rest.Line(namespace))
	}
}

// filterOf translates what chooses an element of a list, which Okta writes in its own language (primary==true, type=='work'), into a
// filter of SCIM. A place in the list, such as 1, is none.
func filterOf(conditions string) (string, bool) {
	var terms []string
	for _, one := range junction.Split(conditions, -1) {
		at := condition.FindStringSubmatch(one)
		if at == nil {
			return "", false
		}
		value := `"` + at[2] + at[3] + at[4] + `"`
		if at[4] == "true" || at[4] == "false" {
			value = at[4]
		}
		terms = append(terms, at[1]+" eq "+value)
	}
	return strings.Join(terms, " and "), true
}

// allPushedAtCreation are the properties of the app-side profile that Okta pushes when it creates an account, and not afterwards, sorted.
func (c *Connector) allPushedAtCreation(ctx context.Context) (names []string, err error) {
	var mappings []struct{ ID string }
	_, resp, err := c.client.ProfileMapping.ListProfileMappings(ctx, query.NewQueryParams(query.WithLimit(mappingPage), query.WithTargetId(c.appID)))
	if err := decode(resp, err, &mappings); err != nil {
		return nil, err
	}
	for _, mapping := range mappings {
		some, err := c.pushedAtCreation(ctx, mapping.ID)
		if err != nil {
			return nil, err
		}
		names = append(names, some...)
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

// pushedAtCreation are the properties of one mapping that are not pushed afterwards.
func (c *Connector) pushedAtCreation(ctx context.Context, mapping string) (names []string, err error) {
	if !plainID(mapping) {
		return nil, errOther
	}
	var answer struct {
		ID         string
		Properties map[string]struct{ PushStatus string }
	}
	_, resp, err := c.client.ProfileMapping.GetProfileMapping(ctx, mapping)
	if err = decode(resp, err, &answer); err == nil && answer.ID != mapping {
		err = errForm
	}
	for name, property := range answer.Properties {
		if property.PushStatus == "DONT_PUSH" {
			names = append(names, name)
		}
	}
	return names, err
}
