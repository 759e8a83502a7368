package entra

import (
	"cmp"
	"context"
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
	want    connectors.Want
	people  people
	seen    map[guid]struct{} // who was passed
	roles   *roles            // of those who are assigned; nil unless they are wanted
	ids     []string          // of the page at hand
	inGroup int               // people of the group at hand, so far
	empty   []assignment      // groups without members, of those being read
	stopped error             // the error of Want.Groups
}

func (p *pull) run(ctx context.Context) error {
	selection, err := selectFor(p.want.Attributes)
	if err != nil {
		return err
	}
	if selection.roles != nil && p.want.Scope == connectors.Everyone {
		return errRolesOfEveryone
	}
	p.people.selection = selection
	servicePrincipal, err := p.findApplication(ctx)
	if err != nil {
		return err
	}
	p.Probe(findApplication)
	p.Proof.Push = p.push(ctx, servicePrincipal)
	if p.want.Scope == connectors.Everyone {
		if err := p.runEveryone(ctx); err != nil {
			return err
		}
		return p.furtherGroups(ctx, nil)
	}
	direct, groups, err := p.assignments(ctx, servicePrincipal)
	if err != nil {
		return err
	}
	further, err := p.groups(ctx, groups)
	if err != nil {
		return err
	}
	if err := p.furtherGroups(ctx, groups); err != nil {
		return err
	}
	if len(further) > 0 {
		direct = append(direct, further...)
		slices.SortFunc(direct, compareGUID)
		direct = slices.Compact(direct)
	}
	return p.direct(ctx, direct)
}

// errRolesOfEveryone: Entra's own provisioning allows role attributes with assigned people alone, too
// (learn.microsoft.com/entra/identity/app-provisioning/customize-application-attributes).
var errRolesOfEveryone = &connectors.Error{
	Kind: connectors.ErrMisconfigured, Op: "select the mapping's source attributes",
	Detail: assignments + " is known of people who are assigned, and the scope is everyone",
	Mend:   "set the source's scope to assigned, or take " + assignments + " out of the mapping",
}

func (p *pull) runEveryone(ctx context.Context) error {
	selection := p.people.selection
	request, err := p.everyone(ctx, selection.names, pageSize, selection.expand...)
	if err == nil {
		err = p.listing(ctx, request, connectors.Facts{SoftDeleted: connectors.No}, func(guid) bool { return true })
	}
	if err != nil {
		return fail(ctx, readPeople, err)
	}
	p.Probe(readPeople)
	return nil
}

// findApplication returns the object id of the enterprise application, and notes its roles if they are wanted.
func (p *pull) findApplication(ctx context.Context) (string, error) {
	if p.people.selection.roles == nil {
		return p.resolve(ctx)
	}
	id, names, err := p.resolveRoles(ctx)
	p.roles = newRoles(names)
	return id, err
}

// resolve returns the object id of the enterprise application.
func (c *Connector) resolve(ctx context.Context) (string, error) {
	body, err := c.readApplication(ctx, "id")
	if err != nil {
		return "", err
	}
	id, err := scanID(body)
	if err != nil {
		return "", fail(ctx, findApplication, err)
	}
	return id, nil
}

// resolveRoles returns the names of the application's roles as well.
func (c *Connector) resolveRoles(ctx context.Context) (id string, names map[guid]string, err error) {
	body, err := c.readApplication(ctx, "id", "appRoles")
	if err != nil {
		return "", nil, err
	}
	if id, err = scanID(body); err == nil {
		names, err = scanRoles(body)
	}
	if err != nil {
		return "", nil, fail(ctx, findApplication, err)
	}
	return id, names, nil
}

func (c *Connector) readApplication(ctx context.Context, names ...string) (string, error) {
	request, err := c.application(ctx, names...)
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
	return body, nil
}

// assignments lists who is assigned: people and groups, each once, sorted, so that the same assignments give the same pull.
func (p *pull) assignments(ctx context.Context, servicePrincipal string) (people []guid, groups []assignment, err error) {
	request, err := p.assignedTo(ctx, servicePrincipal)
	if err == nil {
		err = p.pages(ctx, request, func(page string) (next, first string, err error) {
			next, err = collection(page, func(s *rest.Scanner) error {
				row, err := scanAssignment(s)
				first = cmp.Or(first, row.row)
				if err == nil && p.roles != nil {
					p.roles.grant(row.id, row.role)
				}
				row.row = "" // it would keep the page
				switch row.kind {
				case ofUser:
					people = append(people, row.id)
				case ofGroup:
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

// groups passes the members of the assigned groups, and tells the caller of the groups. It returns those people who remain to be read
// by id: nested members whose manager is wanted, because a listing of nested members cannot bring it.
func (p *pull) groups(ctx context.Context, groups []assignment) (byID []guid, err error) {
	selection := p.people.selection
	indirect := p.transitive && selection.expand != nil
	switch {
	case indirect:
		err = p.read(ctx, groups, p.onlyIDs(p.groupRead, p.unread, func(id guid) { byID = append(byID, id) }))
	case p.roles != nil && !p.roles.same(groups):
		// Whoever is in several groups has the roles of all of them, and is passed only once: so the first reading is of ids.
		err = p.read(ctx, groups, p.onlyIDs(nil, nil, func(guid) {}))
	}
	if err == nil && !indirect {
		err = p.read(ctx, groups, reading{
			nested: p.transitive,
			first: func(ctx context.Context, id guid) (*kiotaabs.RequestInformation, error) {
				return p.members(ctx, id, selection.names, pageSize, selection.expand...)
			},
			page: p.member, done: p.groupRead, unread: p.unread,
		})
	}
	if err == nil && p.transitive && p.want.Groups != nil {
		err = p.tellGroups(ctx, groups)
	}
	return byID, err
}

// onlyIDs reads nothing of a group's people but who they are, and gives them the group's roles.
func (p *pull) onlyIDs(done func(assignment) error, unread func(assignment), each func(guid)) reading {
	return reading{
		nested: p.transitive, done: done, unread: unread,
		first: func(ctx context.Context, id guid) (*kiotaabs.RequestInformation, error) {
			return p.members(ctx, id, only.names, pageSize)
		},
		page: func(group assignment, body string) (next, first string, err error) {
			next, first, err = p.idsPage(body)
			if err != nil {
				return "", "", err
			}
			for _, text := range p.ids {
				id, _ := parseGUID(text)
				p.inherit(id, group)
				each(id)
			}
			return next, first, nil
		},
	}
}

// inherit gives a person the roles of a group that they are in, if roles are wanted.
func (p *pull) inherit(person guid, group assignment) {
	if p.roles != nil {
		p.roles.inherit(person, group.id)
	}
}

// groupRead notes that an assigned group was read to its end.
func (p *pull) groupRead(group assignment) error {
	p.Proof.Groups++
	p.Probe(readGroupMembers)
	if p.transitive {
		return nil
	}
	return p.tellEmpty(group)
}

// unread notes an assigned group whose members could not be read.
func (p *pull) unread(group assignment) {
	p.Proof.Unreadable = append(p.Proof.Unreadable, strings.TrimSpace(group.groupName+" ("+group.id.String()+")"))
}

// listing passes those people of a listing whom keep lets through, page by page.
func (p *pull) listing(ctx context.Context, request *kiotaabs.RequestInformation, facts connectors.Facts, keep func(guid) bool) error {
	return p.pages(ctx, request, func(page string) (next, first string, err error) {
		p.people.start(facts)
		if next, err = collection(page, p.people.scan); err != nil {
			return "", "", err
		}
		if len(p.people.persons) > 0 {
			first = p.people.persons[0].ID
		}
		return next, first, p.passThose(keep)
	})
}

// pass hands the scanned people on, without those who were passed before.
func (p *pull) pass() error { return p.passThose(everybody) }

func (p *pull) passThose(keep func(guid) bool) error {
	if p.roles != nil {
		p.people.grant(func(id guid) ([]string, bool) { return p.roles.list(id), true })
	}
	return p.Pass(p.people.keep(func(id guid) bool {
		if p.passed(id) || !keep(id) {
			return false
		}
		p.seen[id] = struct{}{}
		return true
	}))
}

func (p *pull) passed(id guid) bool {
	_, seen := p.seen[id]
	return seen
}

var (
	assignedFacts = connectors.Facts{Assigned: connectors.Yes, SoftDeleted: connectors.No}
	deletedFacts  = connectors.Facts{Assigned: connectors.Yes, SoftDeleted: connectors.Yes}
)

func everybody(guid) bool { return true }

func compareGUID(a, b guid) int { return slices.Compare(a[:], b[:]) }
