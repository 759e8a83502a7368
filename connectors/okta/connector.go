package okta

import (
	"context"
	"errors"
	"net/http"

	sdk "github.com/okta/okta-sdk-golang/v2/okta"
	"github.com/okta/okta-sdk-golang/v2/okta/query"

	"rollcall/connectors"
	"rollcall/connectors/rest"
)

// Connector asks one org about one application.
type Connector struct {
	client          *sdk.Client
	appID           string
	identity        string
	suspendedActive bool
}

var _ connectors.Connector = (*Connector)(nil)

// Identity is the org and the application.
func (c *Connector) Identity() string { return c.identity }

// Pull implements connectors.Connector. Okta's directory is not read beyond the application: of the scopes, only Assigned is offered.
// A person whose status says neither yes nor no is passed with Enabled Unknown: see status.go.
func (c *Connector) Pull(ctx context.Context, want connectors.Want, page func([]connectors.Person) error) (connectors.Proof, error) {
	ctx, kept := rest.StartPull(ctx, page)
	p := &pull{Connector: c, Pull: kept, people: newPeople(want, c.suspendedActive), passed: newIDs()}
	return p.End(p.run(ctx, want))
}

// Look implements connectors.Connector, with one or two calls for each id: Okta has no batches. Who has no app user is not assigned,
// and their Values are absent: the app-side profile went with the app user. Who is not in the org at all is gone. An id that no object
// of Okta's can have belongs to nobody here: its sighting has no facts.
func (c *Connector) Look(ctx context.Context, want connectors.Want, ids []string, found func(connectors.Sighting) error) error {
	if len(ids) == 0 {
		return nil
	}
	if err := c.application(ctx); err != nil { // without it, everyone would seem unassigned
		return err
	}
	for _, id := range ids {
		people := newPeople(want, c.suspendedActive) // sightings may be kept
		sighting, err := c.sight(ctx, &people, id)
		if err != nil {
			return fail(ctx, readPeople, err)
		}
		if err := found(sighting); err != nil {
			return err
		}
	}
	return nil
}

// sight looks for one person.
func (c *Connector) sight(ctx context.Context, people *people, id string) (connectors.Sighting, error) {
	if !plainID(id) {
		return connectors.Sighting{ID: id, Person: people.without(connectors.Person{ID: id})}, nil
	}
	text, err := c.appUser(ctx, id)
	if err == nil {
		s := rest.Scan(text)
		if err := people.scan(&s); err != nil {
			return connectors.Sighting{}, err
		}
		if people.persons[0].ID != id {
			return connectors.Sighting{}, errOther
		}
		return connectors.Sighting{ID: id, Person: people.keep(func(string) bool { return true })[0]}, nil
	}
	if !notThere(err) {
		return connectors.Sighting{}, err
	}
	user, err := c.user(ctx, id)
	switch {
	case notThere(err):
		return connectors.Sighting{ID: id, Gone: true}, nil
	case err != nil:
		return connectors.Sighting{}, err
	}
	facts := people.userFacts(user)
	facts.Assigned = connectors.No
	return connectors.Sighting{ID: id, Person: people.without(connectors.Person{ID: id, UserName: user.login, Facts: facts})}, nil
}

// Check implements connectors.Connector. What cannot be tried because an earlier probe failed is left out.
func (c *Connector) Check(ctx context.Context) []connectors.Finding {
	var findings []connectors.Finding
	note := func(what string, s rest.Step, err error) bool {
		finding := connectors.Finding{What: what, OK: err == nil}
		if err != nil {
			finding.Mend = connectors.Mend(fail(ctx, s, err))
		}
		findings = append(findings, finding)
		return finding.OK
	}
	err := c.application(ctx)
	var failure *connectors.Error
	refused := errors.As(err, &failure) && failure.Status != http.StatusForbidden && !errors.Is(err, connectors.ErrSourceLost)
	if refused {
		note("sign in with the API token", findApplication, err)
		return findings
	}
	note("sign in with the API token", findApplication, nil)
	if !note("find the application, active (okta.apps.read)", findApplication, err) {
		return findings
	}
	people := newPeople(connectors.Want{}, c.suspendedActive)
	_, resp, err := c.client.Application.ListApplicationUsers(ctx, c.appID, query.NewQueryParams(query.WithLimit(1), query.WithExpand("user")))
	text, err := body(resp, err)
	if err == nil {
		err = people.scanPage(text)
	}
	note("list who is assigned, with their status (okta.apps.read, okta.users.read)", listAppUsers, err)
	_, resp, err = c.client.User.ListUsers(ctx, query.NewQueryParams(query.WithLimit(1)))
	_, err = body(resp, err)
	note("read people (okta.users.read)", readPeople, err)
	return findings
}
