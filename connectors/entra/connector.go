package entra

import (
	"context"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	kiotaabs "github.com/microsoft/kiota-abstractions-go"
	kiota "github.com/microsoft/kiota-http-go"

	"rollcall/connectors"
	"rollcall/connectors/rest"
)

// Connector asks one directory about one application.
type Connector struct {
	appID      string
	identity   string
	transitive bool
	credential azcore.TokenCredential
	scope      string
	adapter    *kiota.NetHttpRequestAdapter
	transport  *rest.Transport
}

var _ connectors.Connector = (*Connector)(nil)

// Identity is the directory and the application.
func (c *Connector) Identity() string { return c.identity }

// Pull implements connectors.Connector.
//
// An assigned group whose members may not be read, or that is gone, does not end the pull: Proof.Unreadable names it, and the snapshot
// is complete but for its members. Who is assigned directly and in the recycle bin is passed as SoftDeleted; who was assigned through
// a group is not passed any more once deleted, because the directory hides the membership: Look finds them. With the scope Everyone,
// Assigned stays Unknown and nobody from the recycle bin is passed.
func (c *Connector) Pull(ctx context.Context, want connectors.Want, page func([]connectors.Person) error) (connectors.Proof, error) {
	ctx, kept := rest.StartPull(ctx, page)
	p := &pull{Connector: c, Pull: kept, seen: map[guid]struct{}{}}
	return p.End(p.run(ctx, want))
}

// Look implements connectors.Connector, in batches of 20. Who is in neither the directory nor the recycle bin is gone; Assigned stays
// Unknown, because a person's own record does not say it. An id that is no GUID cannot belong to anyone here: its sighting has no facts.
func (c *Connector) Look(ctx context.Context, want connectors.Want, ids []string, found func(connectors.Sighting) error) error {
	selection, err := selectFor(want.Attributes)
	if err != nil {
		return err
	}
	l := &look{Connector: c, selection: selection, found: found, asked: map[guid]string{}}
	var chunk []guid
	for i, text := range ids {
		if id, ok := parseGUID(text); ok {
			l.asked[id] = text
			chunk = append(chunk, id)
		} else if err := found(connectors.Sighting{ID: text, Person: connectors.Person{ID: text, Values: make([]connectors.Value, len(want.Attributes))}}); err != nil {
			return err
		}
		if len(chunk) == batchSize || len(chunk) > 0 && i == len(ids)-1 {
			if err := l.chunk(ctx, chunk); err != nil {
				return err
			}
			chunk = chunk[:0]
		}
	}
	return nil
}

// look is one Look on its way.
type look struct {
	*Connector
	selection *selection
	found     func(connectors.Sighting) error
	asked     map[guid]string // ids as the caller spells them
}

// chunk looks for up to 20 people: in the directory, and those who are not there in the recycle bin.
func (l *look) chunk(ctx context.Context, ids []guid) error {
	for _, facts := range []connectors.Facts{{SoftDeleted: connectors.No}, {SoftDeleted: connectors.Yes}} {
		people := people{selection: l.selection} // sightings may be kept
		missing, err := l.byID(ctx, &people, ids, facts)
		if err != nil {
			return err
		}
		for i, person := range people.keep(everybody) {
			if err := l.found(connectors.Sighting{ID: l.asked[people.keys[i]], Person: person}); err != nil {
				return err
			}
		}
		if ids = missing; len(ids) == 0 {
			return nil
		}
	}
	for _, id := range ids {
		if err := l.found(connectors.Sighting{ID: l.asked[id], Gone: true}); err != nil {
			return err
		}
	}
	return nil
}

// byID reads up to 20 people into p, in the order of ids: from the recycle bin if facts say SoftDeleted, otherwise from the directory.
// It returns those who are not there. Its errors are told.
func (c *Connector) byID(ctx context.Context, p *people, ids []guid, facts connectors.Facts) (missing []guid, err error) {
	s, path := readPeople, p.selection.userPath
	if facts.SoftDeleted == connectors.Yes {
		s, path = readRecycleBin, deletedPath
	}
	paths := make([]string, len(ids))
	for i, id := range ids {
		paths[i] = path(id)
	}
	items, err := c.batch(ctx, paths)
	if err != nil {
		return nil, fail(ctx, s, err)
	}
	p.start(facts)
	for i, item := range items {
		switch {
		case notThere(item.err):
			missing = append(missing, ids[i])
			continue
		case item.err != nil:
			return nil, fail(ctx, s, item.err)
		}
		scanner := rest.Scan(item.body)
		if err := p.scan(&scanner); err != nil {
			return nil, fail(ctx, s, err)
		}
		if p.keys[len(p.keys)-1] != ids[i] {
			return nil, fail(ctx, s, errOther)
		}
	}
	return missing, nil
}

// Check implements connectors.Connector. What cannot be tried because an earlier probe failed is left out.
func (c *Connector) Check(ctx context.Context) []connectors.Finding {
	var findings []connectors.Finding
	note := func(s rest.Step, err error) bool {
		finding := connectors.Finding{What: s.What, OK: err == nil}
		if s.Permission != "" {
			finding.What += " (" + s.Permission + ")"
		}
		if err != nil {
			finding.Mend = connectors.Mend(fail(ctx, s, err))
		}
		findings = append(findings, finding)
		return finding.OK
	}
	ctx, _ = rest.WithTally(ctx)
	if _, err := c.credential.GetToken(ctx, policy.TokenRequestOptions{Scopes: []string{c.scope}, EnableCAE: true}); !note(signIn, err) {
		return findings
	}
	servicePrincipal, err := c.resolve(ctx)
	if note(findApplication, err) {
		groups, err := c.firstAssignments(ctx, servicePrincipal)
		if note(listAssignments, err) && len(groups) > 0 {
			request, err := c.members(ctx, groups[0].id, []string{"id"}, 1)
			note(readGroupMembers, c.try(ctx, request, err, ignore))
		}
	}
	probe := &people{selection: &selection{names: []string{"accountEnabled", "id", "userPrincipalName"}}}
	request, err := c.everyone(ctx, probe.selection.names, 1)
	note(readPeople, c.try(ctx, request, err, probe.scan))
	request, err = c.recycleBin(ctx, []string{"id"}, 1)
	note(readRecycleBin, c.try(ctx, request, err, ignore))
	return findings
}

// firstAssignments returns the groups on the first page of assignments.
func (c *Connector) firstAssignments(ctx context.Context, servicePrincipal string) (groups []assignment, err error) {
	request, err := c.assignedTo(ctx, servicePrincipal)
	err = c.try(ctx, request, err, func(s *rest.Scanner) error {
		row, err := scanAssignment(s)
		if row.kind == "Group" {
			groups = append(groups, row)
		}
		return err
	})
	return groups, err
}

// try makes a request, unless there was an error in making it up, and reads the first page of its answer.
func (c *Connector) try(ctx context.Context, request *kiotaabs.RequestInformation, err error, item func(*rest.Scanner) error) error {
	if err != nil {
		return err
	}
	page, err := c.send(ctx, request)
	if err != nil {
		return err
	}
	_, err = collection(page, item)
	return err
}

func ignore(s *rest.Scanner) error { return s.Skip() }
