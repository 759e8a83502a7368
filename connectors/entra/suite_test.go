package entra_test

import (
	"context"
	"errors"
	"net/http"
	"testing"
	"time"

	"rollcall/connectors"
	"rollcall/connectors/connectortest"
	"rollcall/connectors/entra"
	"rollcall/connectors/idpsim"
	"rollcall/connectors/idpsim/graph"
	"rollcall/connectors/idpsim/server"
)

var harness = connectortest.Harness{
	Serve: func(p *idpsim.Population, f *idpsim.Faults) http.Handler {
		return graph.New(p, graph.Options{Token: connectortest.Token, Faults: f})
	},
	Open: func(address string, p *idpsim.Population, sleep func(context.Context, time.Duration) error) (connectors.Connector, error) {
		return entra.Open(entra.Config{
			TenantID: p.TenantID(), AppID: p.AppID(), AccessToken: always(connectortest.Token), GraphURL: address + "/v1.0", SleepFunc: sleep,
		})
	},
	ID:      func(x idpsim.Person) string { return string(idpsim.AppendGUID(nil, x.GUID())) },
	GroupID: func(g idpsim.Group) string { return string(idpsim.AppendGUID(nil, g.GUID())) },
	Attributes: map[string]idpsim.Attribute{
		"userPrincipalName": idpsim.UserName, "displayName": idpsim.DisplayName, "mobile": idpsim.Mobile, "surname": idpsim.FamilyName,
		"mail": idpsim.Mail, "jobTitle": idpsim.Title, "extensionAttribute1": idpsim.Extension1, "telephoneNumber": idpsim.Telephone,
	},
	PullCalls: []connectortest.Call{
		{Is: "/servicePrincipals("}, {Is: "/synchronization/", Optional: true}, {Is: "/appRoleAssignedTo"}, {Is: "/members/", Groups: true}, {Is: "$batch"}, {Is: "/users/"},
	},
	LookCalls: []connectortest.Call{{Is: "/servicePrincipals(", Optional: true}, {Is: "$batch"}, {Is: "/users/"}, {Is: "/directory/deletedItems/"}},
	HintCalls: []connectortest.Call{{Is: "/users/delta"}, {Is: "/groups/delta"}},

	Cost:            func(people, groups int) int { return people*12/10/999 + (groups+998)/999 + 5 },
	Page:            999,
	RecycleBin:      true,
	NamesUnreadable: true,
}

func TestSuite(t *testing.T) { connectortest.Run(t, harness) }

func TestMatrix(t *testing.T) { connectortest.Matrix(t, harness) }

// TestSimulatedSignIn pulls with a client secret, from the sign-in to the last page, and with a wrong one.
func TestSimulatedSignIn(t *testing.T) {
	population := idpsim.New(idpsim.Options{Seed: 5, People: 30, Groups: 1})
	simulated, err := server.Listen(server.Options{Population: population, Client: appID, Secret: secret})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() { ended <- simulated.Run(ctx) }()
	defer func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()
	cfg := entra.Config{
		TenantID: population.TenantID(), ClientID: appID, ClientSecret: always(secret), AppID: population.AppID(),
		GraphURL: simulated.GraphURL(), LoginURL: simulated.URL(),
	}
	c, err := entra.Open(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if people, _, err := pull(t, c); err != nil || len(people) != 30 {
		t.Errorf("%d people, %v", len(people), err)
	}
	cfg.ClientSecret = always("wrong")
	if c, err = entra.Open(cfg); err != nil {
		t.Fatal(err)
	}
	if _, _, err := pull(t, c); !errors.Is(err, connectors.ErrUnauthorised) {
		t.Errorf("with a wrong secret: %v", err)
	}
}
