package mapping

import "rollcall/connectors"

// computed are the attributes that no connector is asked for, because they follow from the facts of a person.
var computed = map[string]fact{
	"IsSoftDeleted": softDeleted,
	"active":        active,
}

// softDeleted computes Entra's IsSoftDeleted: true when the person is soft-deleted, disabled, outside the scoping filters or, where
// only the assigned are in scope, unassigned. One positive fact decides; without one, every fact must be known.
func softDeleted(scope string, f connectors.Facts) connectors.Answer {
	return anyOf(f.SoftDeleted, not(f.Enabled), unassigned(scope, f), f.OutOfScope)
}

// active computes whether an Okta person should have an active account. Okta has no recycle bin, so nothing needs to be known of it.
func active(scope string, f connectors.Facts) connectors.Answer {
	if f.SoftDeleted == connectors.Yes {
		return connectors.No
	}
	return not(anyOf(not(f.Enabled), unassigned(scope, f), f.OutOfScope))
}

// unassigned tells whether the scope leaves the person out. It never does where everyone is in scope.
func unassigned(scope string, f connectors.Facts) connectors.Answer {
	if scope == connectors.Everyone {
		return connectors.No
	}
	return not(f.Assigned)
}

func not(a connectors.Answer) connectors.Answer {
	switch a {
	case connectors.Yes:
		return connectors.No
	case connectors.No:
		return connectors.Yes
	}
	return connectors.Unknown
}

// anyOf is Yes if any answer is, No if all are, and otherwise Unknown.
func anyOf(answers ...connectors.Answer) connectors.Answer {
	result := connectors.No
	for _, a := range answers {
		switch a {
		case connectors.Yes:
			return connectors.Yes
		case connectors.Unknown:
			result = connectors.Unknown
		}
	}
	return result
}
