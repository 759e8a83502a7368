package entra

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	kiotaabs "github.com/microsoft/kiota-abstractions-go"

	"rollcall/connectors"
	"rollcall/connectors/rest"
)

// pull is one Pull on its way.
type pull struct {
	*Connector
	*rest.Pull
	people people
	seen   map[guid]struct{} // who was passed
}

func (p *pull) run(ctx context.Context, want connectors.Want) error {
	selection, err := selectFor(want.Attributes)
	if err != nil {
		return err
	}
	p.people.selection = selection
	servicePrincipal, err := p.resolve(ctx)
	if err != nil {
		return err
	}
	p.Probe(findApplication)
	if want.Scope == connectors.Everyone {
		return p.runEveryone(ctx)
	}
	direct, groups, err := p.assignments(ctx, servicePrincipal)
	if err != nil {
		return err
	}
	for _, group := range groups {
		if err := p.group(ctx, group); err != nil {
			return err
		}
	}
	return p.direct(ctx, direct)
}

func (p *pull) runEveryone(ctx context.Context) error {
	request, err := p.everyone(ctx, p.people.selection.names, pageSize)
	if err == nil {
		err = p.listing(ctx, request, connectors.Facts{SoftDeleted: connectors.No})
	}
	if err != nil {
		return fail(ctx, readPeople, err)
	}
	p.Probe(readPeople)
	return nil
}

// resolve returns the object id of the enterprise application.
func (c *Connector) resolve(ctx context.Context) (string, error) {
	request, err := c.application(ctx)
	if err != nil {
		return "", fail(ctx, findApplication, err)
	}
	body, err := c.send(ctx, request)
	if notThere(err) {
		err = &connectors.Error{Kind: connectors.ErrSourceLost, Status: http.StatusNotFound, Detail: "the directory has no enterprise application with this app id"}
	}
	if err != nil {
		return "", fail(ctx, findApplication, err)
	}
	id, err := scanID(body)
	if err != nil {
		return "", fail(ctx, findApplication, err)
	}
	return id, nil
}

// assignments lists who is assigned: people and groups, each once, sorted, so that the same assignments give the same pull.
func (p *pull) assignments(ctx context.Context, servicePrincipal string) (people []guid, groups []assignment, err error) {
	request, err := p.assignedTo(ctx, servicePrincipal)
	if err == nil {
		err = p.pages(ctx, request, func(page string) (next, first string, err error) {
			next, err = collection(page, func(s *rest.Scanner) error {
				row, err := scanAssignment(s)
				first = cmp.Or(first, row.row)
				switch row.kind {
				case "User":
					people = append(people, row.id)
				case "Group":
					groups = append(groups, row)
				}
				return err
			})
			return next, first, err
		})
	}
	if err != nil {
		return nil, nil, fail(ctx, listAssignments, err)
	}
	slices.SortFunc(people, compareGUID)
	slices.SortFunc(groups, func(a, b assignment) int { return compareGUID(a.id, b.id) })
	groups = slices.CompactFunc(groups, func(a, b assignment) bool { return a.id == b.id })
	return slices.Clip(slices.Compact(people)), groups, nil
}

// group passes the members of one assigned group.
func (p *pull) group(ctx context.Context, group assignment) error {
	request, err := p.members(ctx, group.id, p.people.selection.names, pageSize)
	if err == nil {
		err = p.listing(ctx, request, assignedFacts)
	}
	var failure *connectors.Error
	switch {
	case err == nil:
		p.Proof.Groups++
		p.Probe(readGroupMembers)
		return nil
	case p.Refused():
		return err
	case errors.As(err, &failure) && (failure.Status == http.StatusForbidden || notThere(err)):
		p.Proof.Unreadable = append(p.Proof.Unreadable, strings.TrimSpace(group.groupName+" ("+group.id.String()+")"))
		return nil
	}
	return fail(ctx, readGroupMembers, err)
}

// direct passes those of ids who were not passed as members of a group.
func (p *pull) direct(ctx context.Context, ids []guid) error {
	var chunk []guid
	for i, id := range ids {
		if _, seen := p.seen[id]; !seen {
			chunk = append(chunk, id)
		}
		if len(chunk) == batchSize || len(chunk) > 0 && i == len(ids)-1 {
			if err := p.chunk(ctx, chunk); err != nil {
				return err
			}
			chunk = chunk[:0]
		}
	}
	return nil
}

// chunk passes up to 20 people who are assigned directly: from the directory, and those who are not there from the recycle bin.
func (p *pull) chunk(ctx context.Context, ids []guid) error {
	for _, facts := range []connectors.Facts{assignedFacts, deletedFacts} {
		missing, err := p.byID(ctx, &p.people, ids, facts)
		if err == nil {
			err = p.pass()
		}
		if err != nil {
			return err
		}
		p.Probe(readPeople)
		if ids = missing; len(ids) == 0 {
			break
		}
	}
	return nil // who is in neither is gone
}

// listing passes the people of a listing, page by page.
func (p *pull) listing(ctx context.Context, request *kiotaabs.RequestInformation, facts connectors.Facts) error {
	return p.pages(ctx, request, func(page string) (next, first string, err error) {
		p.people.start(facts)
		if next, err = collection(page, p.people.scan); err != nil {
			return "", "", err
		}
		if len(p.people.persons) > 0 {
			first = p.people.persons[0].ID
		}
		return next, first, p.pass()
	})
}

// pass hands the scanned people on, without those who were passed before.
func (p *pull) pass() error {
	return p.Pass(p.people.keep(func(id guid) bool {
		_, seen := p.seen[id]
		p.seen[id] = struct{}{}
		return !seen
	}))
}

var (
	assignedFacts = connectors.Facts{Assigned: connectors.Yes, SoftDeleted: connectors.No}
	deletedFacts  = connectors.Facts{Assigned: connectors.Yes, SoftDeleted: connectors.Yes}
)

func everybody(guid) bool { return true }

func compareGUID(a, b guid) int { return slices.Compare(a[:], b[:]) }
