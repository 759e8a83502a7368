package graph

import (
	"strings"

	"rollcall/connectors/idpsim"
)

// The schema of a provisioning job: the mapping, and the two directories it is between.

const (
	sourceDirectory = "Microsoft Entra ID"
	targetDirectory = "customappsso"
)

func (c *call) schema(v *idpsim.View, id string) any {
	if !hasJob(v, id) {
		return nil
	}
	j := v.Provisioning()
	mappings := []part{}
	for _, m := range j.Mappings {
		mappings = append(mappings, objectMapping(m))
	}
	return part{
		"@odata.context": c.context("servicePrincipals('" + principalID(v) + "')/synchronization/jobs('" + jobID(v) + "')/schema/$entity"),
		"id":             jobID(v), "version": "Date:2024-01-15T09:00:00.0000000Z, Flow:1",
		"synchronizationRules": []part{{
			"id": strings.ToUpper(requestID), "name": "USER_GROUP_OUTBOUND_USER_GROUP", "priority": 1, "editable": true,
			"sourceDirectoryName": sourceDirectory, "targetDirectoryName": targetDirectory, "containerFilter": nil, "groupFilter": nil,
			"metadata":       []part{{"key": "defaultSourceObjectMappings", "value": "True"}, {"key": "supportsProvisionOnDemand", "value": "True"}},
			"objectMappings": mappings,
		}},
		"directories": []part{directory(sourceDirectory, j, sourceNames), directory(targetDirectory, j, targetNames)},
	}
}

func objectMapping(m idpsim.ObjectMapping) part {
	rows := []part{}
	for _, row := range m.Rows {
		rows = append(rows, attributeMapping(row))
	}
	target := map[string]string{"User": "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User", "Group": "urn:ietf:params:scim:schemas:core:2.0:Group"}
	return part{
		"name": "Provision " + sourceDirectory + " " + m.Object + "s", "enabled": m.Enabled, "flowTypes": m.Actions,
		"sourceObjectName": m.Object, "targetObjectName": target[m.Object], "attributeMappings": rows, "scope": scope(m.Filters),
		"metadata": []part{{"key": "EscrowBehavior", "value": "Default"}, {"key": "DisableMonitoringForChanges", "value": "False"}},
	}
}

// scope shows the scoping filters; without any, there is no scope.
func scope(filters []idpsim.FilterGroup) any {
	if len(filters) == 0 {
		return nil
	}
	groups := []part{}
	for _, group := range filters {
		clauses := []part{}
		for _, one := range group.Clauses {
			clauses = append(clauses, part{"operatorName": one.Operator, "sourceOperandName": one.Attribute, "targetOperand": part{"values": append([]string{}, one.Values...)}})
		}
		groups = append(groups, part{"name": group.Name, "clauses": clauses})
	}
	return part{"categoryFilterGroups": []part{}, "inputFilterGroups": []part{}, "groups": groups}
}

func attributeMapping(row idpsim.MappingRow) part {
	shown := part{
		"targetAttributeName": row.Target, "matchingPriority": row.Match, "flowType": "Always", "flowBehavior": "FlowWhenChanged",
		"exportMissingReferences": false, "defaultValue": nil, "source": nil,
	}
	if row.Flow != "" {
		shown["flowType"] = row.Flow
	}
	if row.Default != "" {
		shown["defaultValue"] = row.Default
	}
	if row.Source != "" {
		shown["source"] = sourceOf(row.Source)
	}
	return shown
}

// sourceOf shows an expression with its tree. What cannot be parsed is shown as it was written, without one.
func sourceOf(text string) part {
	if e, err := parseExpression(text); err == nil {
		return e.tree(text)
	}
	return part{"expression": text, "name": text, "type": "Function", "parameters": []part{}}
}

// directory lists the attributes that one side has for each kind of object.
func directory(name string, j *idpsim.Provisioning, names func(idpsim.ObjectMapping) []string) part {
	objects := []part{}
	for _, m := range j.Mappings {
		attributes := []part{}
		for _, attribute := range names(m) {
			attributes = append(attributes, attributeDefinition(attribute))
		}
		objects = append(objects, part{"name": m.Object, "supportedApis": []string{}, "metadata": []part{}, "attributes": attributes})
	}
	return part{
		"id": name, "name": name, "readOnly": name == sourceDirectory, "discoverabilities": "None", "discoveryDateTime": nil, "version": "1",
		"objects": objects,
	}
}

func attributeDefinition(name string) part {
	kind, references := "String", []part{}
	switch {
	case name == "IsSoftDeleted" || name == "accountEnabled" || name == "active":
		kind = "Boolean"
	case name == "manager" || strings.HasSuffix(name, ":manager"):
		kind, references = "Reference", []part{{"referencedObjectName": "User", "referencedProperty": nil}}
	case name == "members":
		kind, references = "Reference", []part{{"referencedObjectName": "User", "referencedProperty": nil}, {"referencedObjectName": "Group", "referencedProperty": nil}}
	}
	multi := name == "members" || name == "proxyAddresses" || name == "appRoleAssignments"
	anchor := name == "objectId" || name == "id"
	return part{
		"name": name, "type": kind, "anchor": anchor, "required": anchor, "caseExact": anchor, "multivalued": multi, "mutability": "ReadWrite",
		"defaultValue": nil, "flowNullValues": false, "apiExpressions": []part{}, "metadata": []part{}, "referencedObjects": references,
	}
}

// sourceNames are the names under which the mapping knows what Graph calls otherwise.
func sourceNames(m idpsim.ObjectMapping) []string {
	if m.Object == "Group" {
		return []string{"objectId", "displayName", "description", "mail", "mailEnabled", "mailNickname", "members", "owners", "securityEnabled", "proxyAddresses"}
	}
	names := []string{"objectId", "IsSoftDeleted", "accountEnabled", "streetAddress", "city", "state", "postalCode", "country", "department",
		"displayName", "givenName", "jobTitle", "mail", "mailNickname", "manager", "mobile", "onPremisesSecurityIdentifier",
		"passwordProfile.password", "physicalDeliveryOfficeName", "preferredLanguage", "proxyAddresses", "surname", "telephoneNumber",
		"facsimileTelephoneNumber", "userPrincipalName", "originalUserPrincipalName", "appRoleAssignments", "companyName", "employeeId"}
	for a := idpsim.Extension1; a <= idpsim.Extension15; a++ {
		names = append(names, a.String())
	}
	return names
}

// targetNames are the attributes that something is mapped to.
func targetNames(m idpsim.ObjectMapping) []string {
	names := []string{"id"}
	for _, row := range m.Rows {
		names = append(names, row.Target)
	}
	return names
}
