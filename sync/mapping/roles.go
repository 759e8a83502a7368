package mapping

import "rollcall/state/scim"

func rolesValue(v value) (scim.Value, error) { return scim.Value{}, nil }
