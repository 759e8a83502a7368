package okta_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"rollcall/connectors"
	"rollcall/connectors/connectortest"
	"rollcall/connectors/idpsim"
	simulated "rollcall/connectors/idpsim/okta"
	"rollcall/connectors/okta"
)

var harness = connectortest.Harness{
	Serve: func(p *idpsim.Population, f *idpsim.Faults) http.Handler {
		return simulated.New(p, simulated.Options{Token: connectortest.Token, Faults: f})
	},
	Open: func(address string, p *idpsim.Population, sleep func(context.Context, time.Duration) error) (connectors.Connector, error) {
		return okta.Open(okta.Config{OrgURL: address, AppID: p.OktaAppID(), APIToken: given(connectortest.Token), SleepFunc: sleep})
	},
	ID:      func(x idpsim.Person) string { return string(x.AppendOktaID(nil)) },
	GroupID: func(g idpsim.Group) string { return string(g.AppendOktaID(nil)) },
	Attributes: map[string]idpsim.Attribute{
		"userName": idpsim.AppUserName, "displayName": idpsim.DisplayName, "familyName": idpsim.FamilyName, "email": idpsim.Mail,
	},
	PullCalls: []connectortest.Call{
		{Is: "/users?expand"}, {Is: "/group-push/mappings", Groups: true}, {Is: "/api/v1/groups/", Groups: true}, {Is: "/users?limit=200", Groups: true},
		{Is: "/features/", Optional: true}, {Is: "/api/v1/apps/"},
	},
	LookCalls: []connectortest.Call{{Is: "/api/v1/apps/"}, {Is: "/users/00u"}},
	HintCalls: []connectortest.Call{{Is: "/api/v1/logs"}},

	Cost:             func(people, _ int) int { return people/500 + 5 },
	Page:             500,
	DisabledLeave:    true,
	HintsAssignments: true,
}

func TestSuite(t *testing.T) { connectortest.Run(t, harness) }

func TestMatrix(t *testing.T) { connectortest.Matrix(t, harness) }
