package okta

import (
	"context"
	"slices"
	"sync/atomic"

	sdk "github.com/okta/okta-sdk-golang/v2/okta"
	"golang.org/x/sync/errgroup"

	"rollcall/connectors"
	"rollcall/connectors/rest"
)

// Connector asks one org about one application.
type Connector struct {
	client          *sdk.Client
	appID           string
	identity        string
	suspendedActive bool
	serviceApp      bool
	groups          atomic.Pointer[groupSet] // of the last pull; nil until there was one
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

// Look implements connectors.Connector, with one or two calls for each id, two people at a time: Okta has no batches, and its search
// lags behind. Who has no app user is not assigned, and their Values are absent: the app-side profile went with the app user. Who is
// not in the org at all is gone. An id that no object of Okta's can have belongs to nobody here: its sighting has no facts.
func (c *Connector) Look(ctx context.Context, want connectors.Want, ids []string, found func(connectors.Sighting) error) error {
	if len(ids) == 0 {
		return nil
	}
	if err := c.application(ctx); err != nil { // without it, everyone would seem unassigned
		return err
	}
	for some := range slices.Chunk(ids, concurrency) {
		sightings := make([]connectors.Sighting, len(some))
		looks, both := errgroup.WithContext(ctx)
		for i, id := range some {
			looks.Go(func() (err error) {
				people := newPeople(want, c.suspendedActive) // sightings may be kept
				sightings[i], err = c.sight(both, &people, id)
				return err
			})
		}
		if err := looks.Wait(); err != nil {
			return c.fail(ctx, readPeople, err)
		}
		for _, sighting := range sightings {
			if err := found(sighting); err != nil {
				return err
			}
		}
	}
	return nil
}

// sight looks for one person.
func (c *Connector) sight(ctx context.Context, people *people, id string) (connectors.Sighting, error) {
	if !plainID(id) {
		return connectors.Sighting{ID: id, Person: people.without(connectors.Person{ID: id})}, nil
	}
	assigned, err := c.assignment(ctx, people, id)
	if err != nil || assigned {
		return connectors.Sighting{ID: id, Person: people.one()}, err
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

// assignment reads somebody's app user into people, if there is one that counts.
func (c *Connector) assignment(ctx context.Context, people *people, id string) (bool, error) {
	text, err := c.appUser(ctx, id)
	if notThere(err) {
		return false, nil
	}
	if err == nil {
		err = people.scanOne(text)
	}
	if err == nil && people.first != id {
		err = errOther
	}
	return err == nil && len(people.persons) == 1, err
}
