package entra_test

import (
	"context"
	"net/http"
	"testing"
	"time"

	"rollcall/connectors"
	"rollcall/connectors/connectortest"
	"rollcall/connectors/entra"
	"rollcall/connectors/idpsim"
	"rollcall/connectors/idpsim/graph"
)

var harness = connectortest.Harness{
	Serve: func(p *idpsim.Population, f *idpsim.Faults) http.Handler {
		return graph.New(p, graph.Options{Token: connectortest.Token, Faults: f})
	},
	Open: func(address string, p *idpsim.Population, sleep func(context.Context, time.Duration) error) (connectors.Connector, error) {
		return entra.Open(entra.Config{
			TenantID: p.TenantID(), AppID: p.AppID(), AccessToken: connectortest.Token, GraphURL: address + "/v1.0", SleepFunc: sleep,
		})
	},
	ID: func(p *idpsim.Population, who string) string { return p.EntraID(who) },
	Attributes: map[string]idpsim.Attribute{
		"userPrincipalName": idpsim.UserName, "displayName": idpsim.DisplayName, "mobile": idpsim.Mobile, "surname": idpsim.FamilyName,
		"mail": idpsim.Mail, "jobTitle": idpsim.Title, "extensionAttribute1": idpsim.Extension1, "telephoneNumber": idpsim.Telephone,
	},
	Calls:            []string{"/servicePrincipals(", "/appRoleAssignedTo", "/members/", "$batch", "/users/"},
	Listings:         []string{"/members/"},
	Cost:             func(people, groups int) int { return people*12/10/999 + groups + 6 },
	RecycleBin:       true,
	UnreadableGroups: "/members/",
}

func TestSuite(t *testing.T) { connectortest.Run(t, harness) }
