package okta

import "rollcall/connectors"

// userEnabled says what a user's status means for the application. Trouble with signing in (a lost password, a lock) is no reason to
// lose an account. Who is STAGED has not been activated by anyone yet: nothing is created for them and nothing taken away, so they are
// Unknown, as is every status that is not listed. SUSPENDED is the configuration's to judge.
var userEnabled = map[string]connectors.Answer{
	"ACTIVE":           connectors.Yes,
	"PROVISIONED":      connectors.Yes,
	"PASSWORD_EXPIRED": connectors.Yes,
	"LOCKED_OUT":       connectors.Yes,
	"RECOVERY":         connectors.Yes,
	"STAGED":           connectors.Unknown,
	deprovisioned:      connectors.No,
}

// appUserEnabled says what an app user's status means. STAGED is an assignment whose push is still queued: it counts. PENDING and
// APPROVED wait for somebody: they are Unknown, so that nothing is created and nothing removed on their ground.
var appUserEnabled = map[string]connectors.Answer{
	"ACTIVE":      connectors.Yes,
	"PROVISIONED": connectors.Yes,
	"STAGED":      connectors.Yes,
	"IMPLICIT":    connectors.Yes,
	"PENDING":     connectors.Unknown,
	"APPROVED":    connectors.Unknown,
	"INACTIVE":    connectors.No,
	"REVOKED":     connectors.No,
	deprovisioned: connectors.No,
}

// leftover is what an import leaves behind: nobody has assigned these people to the application, and Okta pushes none of them. They
// are passed over, as if they had no app user.
var leftover = map[string]bool{"IMPORTED": true, "MATCHED": true, "UNASSIGNED": true}

const (
	suspended     = "SUSPENDED"
	deprovisioned = "DEPROVISIONED"
)

// facts are those of somebody with an app user of the given status.
func (p *people) facts(user oktaUser, appUser string) connectors.Facts {
	facts := p.userFacts(user)
	facts.Assigned = connectors.Yes
	facts.Enabled = both(facts.Enabled, p.enabled(appUserEnabled, appUser))
	if appUserEnabled[appUser] != connectors.Yes {
		facts.Status += ", app user " + appUser
	}
	return facts
}

// userFacts are what an Okta user says alone. A deactivation on its way counts. Of somebody who is on the way back, nothing is said
// until they are there.
func (p *people) userFacts(user oktaUser) connectors.Facts {
	facts := connectors.Facts{Enabled: p.enabled(userEnabled, user.status), SoftDeleted: connectors.No, Status: user.status}
	switch {
	case user.becoming == "":
		return facts
	case user.becoming == deprovisioned:
		facts.Enabled = connectors.No
	case user.status == deprovisioned:
		facts.Enabled = connectors.Unknown
	}
	facts.Status += ", becoming " + user.becoming
	return facts
}

func (p *people) enabled(statuses map[string]connectors.Answer, status string) connectors.Answer {
	if status != suspended {
		return statuses[status]
	}
	if p.suspendedActive {
		return connectors.Yes
	}
	return connectors.No
}

// both is Yes if both are, No if either is, and otherwise Unknown.
func both(a, b connectors.Answer) connectors.Answer {
	switch {
	case a == connectors.No || b == connectors.No:
		return connectors.No
	case a == connectors.Yes && b == connectors.Yes:
		return connectors.Yes
	}
	return connectors.Unknown
}
