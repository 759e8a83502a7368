package entra

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	kiotaabs "github.com/microsoft/kiota-abstractions-go"

	"rollcall/connectors"
	"rollcall/connectors/rest"
)

const (
	mostGroups   = 100                 // that a check tries
	soon         = 30 * 24 * time.Hour // before a certificate ends it is told
	hiddenGroups = "HiddenMembership"  // a group's visibility that hides its members
	mostNames    = 10                  // that a finding lists
)

// permissions are all that this program has a use for.
var permissions = []string{
	findApplication.Permission, readGroupMembers.Permission, readPeople.Permission, readHidden.Permission, readJob.Permission, "Directory.Read.All",
}

// check is one Check on its way.
type check struct {
	*Connector
	asked    guid     // object id of the enterprise application, once it is found
	granted  []string // by the token's own word, which nobody has verified: for hints alone; nil = it doesn't say
	findings []connectors.Finding
}

// Check implements connectors.Connector. What cannot be tried because an earlier probe failed is left out. It reads one page of each
// listing, and of at most 100 assigned groups.
func (c *Connector) Check(ctx context.Context) []connectors.Finding {
	ctx, _ = rest.WithTally(ctx)
	k := &check{Connector: c}
	token, err := c.credential.GetToken(ctx, policy.TokenRequestOptions{Scopes: []string{c.scope}, EnableCAE: true})
	if !k.tried(ctx, signIn, err) {
		return k.findings
	}
	k.expiry(ctx)
	k.grants(token.Token)
	k.application(ctx)
	k.people(ctx)
	return k.findings
}

// tried notes whether a step went well.
func (k *check) tried(ctx context.Context, s rest.Step, err error) bool {
	finding := connectors.Finding{What: s.String(), OK: err == nil}
	if err != nil {
		finding.Mend = connectors.Mend(fail(ctx, s, err))
	}
	k.findings = append(k.findings, finding)
	return finding.OK
}

// needed notes whether something is as it has to be.
func (k *check) needed(what string, ok bool, mend string) {
	k.add(connectors.Finding{What: what, OK: ok, Mend: mend})
}

// wished notes whether something is as it better were.
func (k *check) wished(what string, ok bool, mend string) {
	k.add(connectors.Finding{What: what, OK: ok, Mend: mend, Optional: true})
}

func (k *check) add(finding connectors.Finding) {
	if finding.OK {
		finding.Mend = ""
	}
	k.findings = append(k.findings, finding)
}

// expiry notes how long the certificate lasts.
func (k *check) expiry(ctx context.Context) {
	if end := k.credential.end(ctx); !end.IsZero() {
		k.wished("the certificate lasts", time.Until(end) > soon,
			"it ends on "+end.UTC().Format(time.DateOnly)+"; make a new one and upload it before: "+secrets+" > Certificates")
	}
}

// grants notes whether the token is of the configured directory, and what was granted beyond need.
func (k *check) grants(token string) {
	tenant, roles := claimsOf(token)
	if _, ok := parseGUID(k.tenantID); ok && tenant != "" {
		k.needed("the token is of the configured directory", strings.EqualFold(tenant, k.tenantID),
			"it is of the directory "+tenant+": set the tenant id to that, or sign in where the tenant id says")
	}
	if k.granted = roles; roles == nil {
		return
	}
	beyond := slices.DeleteFunc(slices.Clone(roles), func(role string) bool { return slices.Contains(permissions, role) })
	k.wished("no more is granted than is needed", len(beyond) == 0,
		"take away what nothing else needs: "+few(beyond)+": "+registrations+" > API permissions")
}

// claimsOf are the directory and the application permissions that an access token names; "" and nil if it names none, or is of a form
// of its own.
func claimsOf(token string) (tenant string, roles []string) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return "", nil
	}
	claims, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil {
		return "", nil
	}
	s := rest.Scan(string(claims))
	err = s.Object(func(name string) error {
		if name != "roles" && name != "tid" {
			return s.Skip()
		}
		value, err := s.Value()
		if name == "tid" {
			tenant = rest.Line(value.Text)
		} else {
			roles = value.List
		}
		return err
	})
	if err != nil {
		return "", nil
	}
	return tenant, roles
}

// application notes what there is to say of the enterprise application, and of who is assigned to it.
func (k *check) application(ctx context.Context) {
	var app settings
	body, err := k.readApplication(ctx, "id", "accountEnabled", "appRoleAssignmentRequired")
	if err == nil {
		app, err = scanSettings(body)
	}
	if !k.tried(ctx, findApplication, err) {
		return
	}
	k.asked, _ = parseGUID(app.id)
	k.needed("the application is enabled", app.enabled != connectors.No, "nobody can sign in to it; enable it: "+enterprise+" > Properties > Enabled for users to sign in")
	k.wished("only who is assigned may sign in", app.closed != connectors.No,
		"everyone in the directory may sign in to the application, with an account here or without; unless that is meant: "+enterprise+" > Properties > Assignment required")
	anybody, groups, err := k.firstAssignments(ctx, app.id)
	if k.tried(ctx, listAssignments, err) {
		k.wished("somebody is assigned", anybody, "as long as nobody is, a source with the scope assigned has no people: "+enterprise+" > Users and groups")
		k.groups(ctx, groups[:min(len(groups), mostGroups)])
	}
	k.job(ctx, app.id)
}

// settings are those of the enterprise application.
type settings struct {
	id              string
	enabled, closed connectors.Answer // closed: only to who is assigned
}

func scanSettings(body string) (app settings, err error) {
	s := rest.Scan(body)
	err = s.Object(func(name string) error {
		value, err := s.Value()
		switch name {
		case "id":
			app.id = value.Text
		case "accountEnabled":
			app.enabled = answer(value)
		case "appRoleAssignmentRequired":
			app.closed = answer(value)
		}
		return err
	})
	if err == nil && app.id == "" {
		err = errNoGUID
	}
	return app, err
}

// firstAssignments tells from the first page of assignments whether there is anybody, and returns its groups, each once.
func (c *Connector) firstAssignments(ctx context.Context, servicePrincipal string) (anybody bool, groups []assignment, err error) {
	request, err := c.assignedTo(ctx, servicePrincipal)
	err = c.try(ctx, request, err, func(s *rest.Scanner) error {
		row, err := scanAssignment(s)
		anybody = anybody || row.kind != ""
		if row.kind == ofGroup && !slices.ContainsFunc(groups, func(g assignment) bool { return g.id == row.id }) {
			groups = append(groups, row)
		}
		return err
	})
	return anybody, groups, err
}

// groups notes whether groups are of a kind that counts, and whether their members may be read.
func (k *check) groups(ctx context.Context, groups []assignment) {
	var unsafe, hidden []string
	var failed error
	for chunk := range slices.Chunk(groups, batchSize/2) {
		probes, err := k.probe(ctx, chunk)
		if err != nil {
			k.tried(ctx, readGroupMembers, err)
			return
		}
		for i, probe := range probes {
			switch {
			case notThere(probe.err):
				continue // gone since
			case probe.hidden && (probe.err == nil && probe.empty && !slices.Contains(k.granted, readHidden.Permission) || forbidden(probe.err)):
				hidden = append(hidden, chunk[i].groupName)
			case probe.err != nil:
				failed = probe.err
			}
			if probe.secured == connectors.No {
				unsafe = append(unsafe, chunk[i].groupName)
			}
		}
	}
	if len(groups) == 0 {
		return
	}
	k.tried(ctx, readGroupMembers, failed)
	if len(hidden) > 0 {
		k.needed(readHidden.String(), false, mend(readHidden, &connectors.Error{Kind: connectors.ErrForbidden})+"; nobody can be told to have left: "+few(hidden))
	}
	k.wished("assigned groups are security groups", len(unsafe) == 0,
		"Entra's own provisioning takes no account of others; assign a security group instead: "+enterprise+" > Users and groups: "+few(unsafe))
}

// probed is what a group says of itself.
type probed struct {
	hidden, empty bool
	secured       connectors.Answer
	err           error // of its members
}

// probe asks up to ten groups what they are, and for one of their people each. Of a group that may not be read nothing is known but
// its error.
func (k *check) probe(ctx context.Context, groups []assignment) ([]probed, error) {
	person := people{selection: barely}
	asks := make([]ask, 0, 2*len(groups))
	for _, group := range groups {
		request, err := k.members(ctx, group.id, barely.names, 1)
		if err != nil {
			return nil, err
		}
		members, err := inBatch(request)
		if err != nil {
			return nil, err
		}
		asks = append(asks, ask{path: "/groups/" + group.id.String() + "?$select=id,securityEnabled,visibility"}, members)
	}
	items, err := k.batch(ctx, asks)
	if err != nil {
		return nil, err
	}
	probes := make([]probed, len(groups))
	for i := range probes {
		probe, itself, members := &probes[i], items[2*i], items[2*i+1]
		if probe.err = members.err; probe.err == nil {
			person.start(connectors.Facts{})
			_, probe.err = collection(members.body, person.scan)
			probe.empty = len(person.persons) == 0
		}
		if itself.err == nil {
			probe.hidden, probe.secured, itself.err = scanGroup(itself.body)
		}
		if probe.err == nil {
			probe.err = itself.err
		}
	}
	return probes, nil
}

func scanGroup(body string) (hidden bool, secured connectors.Answer, err error) {
	s := rest.Scan(body)
	err = s.Object(func(name string) error {
		if name != "securityEnabled" && name != "visibility" {
			return s.Skip()
		}
		value, err := s.Value()
		if name == "visibility" {
			hidden = value.Text == hiddenGroups
		} else {
			secured = answer(value)
		}
		return err
	})
	return hidden, secured, err
}

// barely selects no more than it takes to tell somebody from nobody.
var barely = &selection{names: []string{"accountEnabled", "id", "userPrincipalName"}}

// people notes whether the directory's people may be read, here and in the recycle bin.
func (k *check) people(ctx context.Context) {
	person := people{selection: barely}
	request, err := k.everyone(ctx, barely.names, 1)
	k.tried(ctx, readPeople, k.try(ctx, request, err, person.scan))
	if len(person.keys) > 0 && k.asked != (guid{}) {
		own := &ownLists{Connector: k.Connector, application: k.asked}
		k.wished("read people's own lists of assignments (Directory.Read.All)", own.lists(ctx, person.keys[:1])[0].whole,
			"without it, whoever is missing from two complete pulls counts as unassigned by that alone, and whoever comes back is found by a pull only; it reads all of the directory, so grant it if that is worth it: "+registrations+" > API permissions")
	}
	request, err = k.recycleBin(ctx, only.names, 1)
	k.tried(ctx, readRecycleBin, k.try(ctx, request, err, func(s *rest.Scanner) error { return s.Skip() }))
}

// job notes how Entra's own provisioning of the application stands, where that may be read.
func (k *check) job(ctx context.Context, servicePrincipal string) {
	push, err := k.provisioning(ctx, servicePrincipal)
	if err != nil {
		told := fail(ctx, readJob, err)
		lost := "without it, nothing can say why pushes do not come"
		if !forbidden(told) {
			lost = "nothing can say now why pushes do not come"
		}
		k.wished(readJob.String(), false, lost+": "+connectors.Mend(told))
		return
	}
	k.wished(readJob.String(), true, "")
	k.wished("Entra's own provisioning is on", push.State == connectors.PushOn, push.Why)
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

func forbidden(err error) bool { return errors.Is(err, connectors.ErrForbidden) }

// few lists names, the first of them if they are many.
func few(names []string) string {
	if len(names) <= mostNames {
		return strings.Join(names, ", ")
	}
	return strings.Join(names[:mostNames], ", ") + fmt.Sprintf(" and %d more", len(names)-mostNames)
}
