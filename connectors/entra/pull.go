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
	page   func([]connectors.Person) error
	proof  connectors.Proof
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
	p.probe(findApplication)
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
	if err := p.direct(ctx, direct); err != nil {
		return err
	}
	return p.deleted(ctx, connectors.Yes, func(id guid) bool {
		_, assigned := slices.BinarySearchFunc(direct, id, compareGUID)
		return assigned
	})
}

func (p *pull) runEveryone(ctx context.Context) error {
	request, err := p.everyone(ctx, p.people.selection.names, pageSize)
	if err == nil {
		err = p.listing(ctx, request, connectors.Facts{SoftDeleted: connectors.No}, everybody)
	}
	if err != nil {
		return p.told(ctx, readPeople, err)
	}
	p.probe(readPeople)
	return p.deleted(ctx, connectors.Unknown, everybody)
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
		err = p.listing(ctx, request, assignedFacts, everybody)
	}
	var failure *connectors.Error
	switch {
	case err == nil:
		p.proof.Groups++
		p.probe(readGroupMembers)
		return nil
	case errors.As(err, &failure) && (failure.Status == http.StatusForbidden || notThere(err)):
		p.proof.Unreadable = append(p.proof.Unreadable, strings.TrimSpace(group.groupName+" ("+group.id.String()+")"))
		return nil
	}
	return p.told(ctx, readGroupMembers, err)
}

// direct passes those of ids who were not passed as members of a group. Who is not there is not passed: the recycle bin may have them.
func (p *pull) direct(ctx context.Context, ids []guid) error {
	var chunk []guid
	for i, id := range ids {
		if _, seen := p.seen[id]; !seen {
			chunk = append(chunk, id)
		}
		if len(chunk) == 0 || len(chunk) < batchSize && i < len(ids)-1 {
			continue
		}
		if err := p.chunk(ctx, chunk); err != nil {
			return p.told(ctx, readPeople, err)
		}
		p.probe(readPeople)
		chunk = chunk[:0]
	}
	return nil
}

func (p *pull) chunk(ctx context.Context, ids []guid) error {
	paths := make([]string, len(ids))
	for i, id := range ids {
		paths[i] = p.people.selection.userPath(id)
	}
	items, err := p.batch(ctx, paths)
	if err != nil {
		return err
	}
	p.people.start(assignedFacts)
	for _, item := range items {
		if notThere(item.err) {
			continue
		}
		if item.err != nil {
			return item.err
		}
		s := rest.Scan(item.body)
		if err := p.people.scan(&s); err != nil {
			return err
		}
	}
	return p.pass(everybody)
}

// deleted passes those in the recycle bin whom keep keeps.
func (p *pull) deleted(ctx context.Context, assigned connectors.Answer, keep func(guid) bool) error {
	request, err := p.recycleBin(ctx, p.people.selection.names, pageSize)
	if err == nil {
		err = p.listing(ctx, request, connectors.Facts{Assigned: assigned, SoftDeleted: connectors.Yes}, keep)
	}
	if err != nil {
		return p.told(ctx, readRecycleBin, err)
	}
	p.probe(readRecycleBin)
	return nil
}

// listing passes the people of a listing whom keep keeps, page by page.
func (p *pull) listing(ctx context.Context, request *kiotaabs.RequestInformation, facts connectors.Facts, keep func(guid) bool) error {
	return p.pages(ctx, request, func(page string) (next, first string, err error) {
		p.people.start(facts)
		if next, err = collection(page, p.people.scan); err != nil {
			return "", "", err
		}
		if len(p.people.persons) > 0 {
			first = p.people.persons[0].ID
		}
		return next, first, p.pass(keep)
	})
}

// pass hands the scanned people on, without those who were passed before.
func (p *pull) pass(keep func(guid) bool) error {
	kept := p.people.keep(func(id guid) bool {
		if _, seen := p.seen[id]; seen || !keep(id) {
			return false
		}
		p.seen[id] = struct{}{}
		return true
	})
	p.proof.Pages++
	if len(kept) == 0 {
		return nil
	}
	p.proof.People += len(kept)
	if err := p.page(kept); err != nil {
		return refusedPage{err}
	}
	return nil
}

// refusedPage is an error of the caller, to be returned as it is.
type refusedPage struct{ err error }

func (r refusedPage) Error() string { return r.err.Error() }

// told tells a failure of a step, and hands back what the caller's own function returned.
func (p *pull) told(ctx context.Context, s step, err error) error {
	var refused refusedPage
	switch {
	case errors.As(err, &refused):
		return refused.err
	case errors.Is(err, errNothing):
		s = readPeople
	}
	return fail(ctx, s, unread(err))
}

func (p *pull) probe(s step) {
	if !slices.Contains(p.proof.Probes, s.permission) {
		p.proof.Probes = append(p.proof.Probes, s.permission)
	}
}

var assignedFacts = connectors.Facts{Assigned: connectors.Yes, SoftDeleted: connectors.No}

func everybody(guid) bool { return true }

func compareGUID(a, b guid) int { return slices.Compare(a[:], b[:]) }
