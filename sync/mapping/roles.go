package mapping

import (
	"errors"

	"rollcall/state/scim"
)

// roleType is what Entra writes as the type of an app role.
const roleType = "WindowsAzureActiveDirectoryRole"

// checkRoles refuses any source of app roles but the attribute that has them.
func checkRoles(c *checker, t *tree) {
	if arg := t.args[0]; arg.kind != treeAttribute || arg.text != "appRoleAssignments" {
		c.fault(arg.at, "%s is written %s([appRoleAssignments])", t.text, t.text)
	}
}

// callRoles passes the roles on as objects; what they look like is the target's business.
func callRoles(e env, args []node) (value, error) {
	v, err := args[0].eval(e)
	if err != nil || v.isNull() {
		return value{}, err
	}
	return value{kind: isRoles, list: v.elements()}, nil
}

// callSingleRole is the one role of a person. Of several, Entra takes any: nothing flows.
func callSingleRole(e env, args []node) (value, error) {
	v, err := args[0].eval(e)
	if err != nil {
		return value{}, err
	}
	switch roles := v.elements(); len(roles) {
	case 0:
		return value{}, nil
	case 1:
		name, _, err := readRole(roles[0])
		return textValue(name), err
	}
	return value{}, errNothing
}

// readRole reads one element of appRoleAssignments: a JSON object with value and displayName, or the bare value.
func readRole(element string) (name, display string, err error) {
	if element == "" || element[0] != '{' {
		return element, "", nil
	}
	role, err := scim.ReadJSON([]byte(element), scim.DefaultLimits)
	if err != nil {
		return "", "", failf("an app role is no JSON object")
	}
	display = role.Get("displayName").Text
	if name = role.Get("value").Text; name == "" {
		name = display
	}
	return name, display, nil
}

// rolesValue makes the elements of a multi-valued attribute such as roles.
func rolesValue(v value) (scim.Value, error) {
	if v.kind != isRoles {
		return scim.Value{}, errors.New("app roles are needed")
	}
	list := make([]scim.Value, 0, len(v.list))
	for _, element := range v.list {
		name, display, err := readRole(element)
		if err != nil {
			return scim.Value{}, err
		}
		role := scim.ObjectOf(scim.Field{Name: "value", Value: scim.StringValue(name)})
		if display != "" {
			role = role.With("display", scim.StringValue(display))
		}
		list = append(list, role.With("type", scim.StringValue(roleType)).With("primary", scim.BoolValue(false)))
	}
	return scim.ListOf(list...), nil
}
