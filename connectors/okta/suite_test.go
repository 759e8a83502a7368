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
	ID: func(p *idpsim.Population, who string) string { return p.OktaID(who) },
	Attributes: map[string]idpsim.Attribute{
		"userName": idpsim.AppUserName, "displayName": idpsim.DisplayName, "familyName": idpsim.FamilyName, "email": idpsim.Mail,
	},
	Calls:         []string{"/users?", "/api/v1/apps/"},
	Listings:      []string{"/users?"},
	Cost:          func(people, _ int) int { return people/500 + 5 },
	DisabledLeave: true,
}

func TestSuite(t *testing.T) { connectortest.Run(t, harness) }
