package okta

import (
	"context"
	"slices"

	"github.com/okta/okta-sdk-golang/v2/okta/query"

	"rollcall/connectors"
	"rollcall/connectors/rest"
)

// groupSet holds the ids of the groups that the last pull had to read; it is not changed once it is stored.
type groupSet map[string]bool

// group is one to read. name is "" where it has not been read yet.
type group struct{ id, name string }

// pushedGroups hands on the direct members of the groups that Okta pushes to the application. Where it may not be read which those are,
// none is told of: an assigned group that has a pushed one's name need not be that one. Okta's groups hold people only. A group that is
// gone, or that may not be read, is passed over without its last page: nothing is said of who is missing from it.
func (p *pull) pushedGroups(ctx context.Context, want connectors.Want, pushed []pushMapping) error {
	if want.Groups == nil {
		p.groups.Store(&groupSet{})
		return nil
	}
	groups := sources(pushed)
	for _, id := range want.GroupIDs {
		if plainID(id) && !slices.ContainsFunc(groups, func(g group) bool { return g.id == id }) {
			groups = append(groups, group{id: id})
		}
	}
	watched := groupSet{}
	for _, g := range groups {
		watched[g.id] = true
	}
	p.groups.Store(&watched)
	for _, g := range groups {
		switch err := p.group(ctx, want, g); {
		case err == nil:
			p.Proof.Groups++
			p.Probe(readGroups)
		case p.stopped != nil:
			return p.stopped
		case !withheld(err):
			return p.fail(ctx, readGroups, err)
		case unscoped(err): // as all others would be
			return nil
		}
	}
	return nil
}

// sources are the groups that are pushed, each once. One whose mapping is switched off is not.
func sources(pushed []pushMapping) (groups []group) {
	for _, m := range pushed {
		if m.Status != "INACTIVE" && plainID(m.SourceGroupID) && !slices.Contains(groups, group{id: m.SourceGroupID}) {
			groups = append(groups, group{id: m.SourceGroupID})
		}
	}
	return groups
}

// assignedGroups lists the groups that are assigned to the application.
func (c *Connector) assignedGroups(ctx context.Context) (groups []group, err error) {
	_, resp, err := c.client.Application.ListApplicationGroupAssignments(ctx, c.appID, query.NewQueryParams(query.WithLimit(groupPage), query.WithExpand("group")))
	err = eachPage(ctx, resp, err, func(page string) (first string, err error) {
		var assignments []struct {
			ID       string
			Embedded struct {
				Group struct{ Profile struct{ Name string } }
			} `json:"_embedded"`
		}
		if err := parse(page, &assignments); err != nil {
			return "", err
		}
		for _, a := range assignments {
			if !plainID(a.ID) {
				return "", errNoGroup
			}
			groups = append(groups, group{a.ID, a.Embedded.Group.Profile.Name})
		}
		if len(assignments) > 0 {
			first = assignments[0].ID
		}
		return first, nil
	})
	return groups, err
}

// group hands on one group's members.
func (p *pull) group(ctx context.Context, want connectors.Want, g group) error {
	if g.name == "" {
		var answer struct {
			ID      string
			Profile struct{ Name string }
		}
		_, resp, err := p.client.Group.GetGroup(ctx, g.id)
		if err := decode(resp, err, &answer); err != nil {
			return err
		}
		if answer.ID != g.id {
			return errNoGroup
		}
		g.name = answer.Profile.Name
	}
	pass := func(members []string, last bool) error {
		p.stopped = want.Groups(connectors.GroupPage{ID: g.id, Name: g.name, Members: members, Last: last})
		return p.stopped
	}
	_, resp, err := p.client.Group.ListGroupUsers(ctx, g.id, query.NewQueryParams(query.WithLimit(memberPage)))
	err = eachPage(ctx, resp, err, func(page string) (first string, err error) {
		members, err := scanMembers(page)
		if err != nil || len(members) == 0 {
			return "", err
		}
		return members[0], pass(members, false)
	})
	if err != nil {
		return err
	}
	return pass(nil, true)
}

// scanMembers takes a page of Okta users and returns their ids.
func scanMembers(page string) (ids []string, err error) {
	s := rest.Scan(page)
	err = s.Array(func() error {
		user, err := scanUser(&s)
		if err == nil && user.id == "" {
			err = errNoID
		}
		ids = append(ids, user.id)
		return err
	})
	if err != nil {
		return nil, err
	}
	return ids, s.End()
}
