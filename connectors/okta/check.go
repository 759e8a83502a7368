package okta

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/okta/okta-sdk-golang/v2/okta/query"

	"rollcall/connectors"
	"rollcall/connectors/rest"
)

// findings collects those of one check.
type findings struct {
	c    *Connector
	list []connectors.Finding
}

// note adds a finding: all is well without an error.
func (f *findings) note(ctx context.Context, s rest.Step, what string, err error) bool {
	finding := connectors.Finding{What: what, OK: err == nil}
	if err != nil {
		finding.Mend = connectors.Mend(f.c.fail(ctx, s, err))
	}
	f.list = append(f.list, finding)
	return finding.OK
}

// option is a note about what a source can do without.
func (f *findings) option(ctx context.Context, s rest.Step, what string, err error) bool {
	fine := f.note(ctx, s, what, err)
	f.list[len(f.list)-1].Optional = true
	return fine
}

// advise adds a finding about a setting; mend is "" if it is as it should be.
func (f *findings) advise(what, mend string) {
	f.list = append(f.list, connectors.Finding{What: what, OK: mend == "", Mend: mend, Optional: true})
}

// Check implements connectors.Connector. What cannot be tried because an earlier probe failed is left out.
func (c *Connector) Check(ctx context.Context) []connectors.Finding {
	f := &findings{c: c}
	signIn := "sign in with the API token"
	if c.serviceApp {
		signIn = "sign in as the service app"
	}
	err := c.application(ctx)
	if err != nil && !errors.Is(err, connectors.ErrForbidden) && !errors.Is(err, connectors.ErrSourceLost) {
		f.note(ctx, findApplication, signIn, err)
		return f.list
	}
	f.note(ctx, findApplication, signIn, nil)
	if !f.note(ctx, findApplication, "find the application, active (okta.apps.read)", err) {
		return f.list
	}
	f.note(ctx, listAppUsers, "list who is assigned, with their status (okta.apps.read, okta.users.read)", c.tryAppUsers(ctx))
	_, resp, err := c.client.User.ListUsers(ctx, query.NewQueryParams(query.WithLimit(1)))
	_, err = body(resp, err)
	f.note(ctx, readPeople, "read people (okta.users.read)", err)
	f.checkGroups(ctx)
	f.checkProvisioning(ctx)
	_, err = c.appUserSchema(ctx)
	f.option(ctx, readSchema, "read where attributes go, to take the mapping over (okta.schemas.read)", err)
	f.checkMappings(ctx)
	_, _, err = c.events(ctx, c.firstLink(time.Now()))
	f.option(ctx, readLog, "read the System Log, so that changes are seen between pulls (okta.logs.read)", err)
	f.checkRole(ctx)
	return f.list
}

func (c *Connector) tryAppUsers(ctx context.Context) error {
	_, resp, err := c.client.Application.ListApplicationUsers(ctx, c.appID, query.NewQueryParams(query.WithLimit(1), query.WithExpand("user")))
	text, err := body(resp, err)
	if err != nil {
		return err
	}
	people := newPeople(connectors.Want{}, c.suspendedActive)
	return people.scanPage(text)
}

// checkGroups tries what the members of pushed groups take.
func (f *findings) checkGroups(ctx context.Context) {
	pushed, err := f.c.pushMappings(ctx)
	if !refusedAs(err, http.StatusBadRequest) { // as it is without provisioning
		f.option(ctx, listPushes, "read which groups Okta pushes (okta.apps.read, okta.groups.read)", err)
	}
	groups := sources(pushed)
	if err != nil || len(groups) == 0 {
		if groups, err = f.c.assignedGroups(ctx); !f.option(ctx, listGroups, "list the groups that are assigned (okta.apps.read)", err) {
			return
		}
	}
	if len(groups) > 0 {
		_, resp, err := f.c.client.Group.ListGroupUsers(ctx, groups[0].id, query.NewQueryParams(query.WithLimit(1)))
		_, err = body(resp, err)
		f.option(ctx, readGroups, "read the members of groups, to repair those that are pushed (okta.groups.read)", err)
	}
	failed := 0
	for _, m := range pushed {
		if m.Status == "ERROR" {
			failed++
		}
	}
	if failed > 0 {
		f.advise("Okta's group pushes arrive", fmt.Sprintf("%d of %d are in error: see Okta admin console > Applications > Applications > the application > Push Groups", failed, len(pushed)))
	}
}

// checkProvisioning says what Okta pushes by itself.
func (f *findings) checkProvisioning(ctx context.Context) {
	push, err := f.c.provisioning(ctx)
	if !f.option(ctx, readProvisioning, "read how provisioning is set up (okta.apps.read)", err) {
		return
	}
	mend := push.Why
	if off := switchedOff(push); mend == "" && off != "" {
		mend = "switch on " + off + ", or let pulls do it alone: " + provisioningPage + " > To App > Edit"
	}
	f.advise("Okta pushes people who are new, changed or gone", mend)
}

// checkMappings names what Okta pushes only when it creates an account: to keep it as it is pushed, a mapping has to apply at creation
// only, too.
func (f *findings) checkMappings(ctx context.Context) {
	atCreation, err := f.c.allPushedAtCreation(ctx)
	if !f.option(ctx, readMappings, "read the attribute mappings (okta.profileMappings.read)", err) || len(atCreation) == 0 {
		return
	}
	f.advise("Okta pushes every attribute when it changes", "it pushes "+rest.Line(strings.Join(atCreation, ", "))+
		" only when it creates an account: either write 'apply: create' for each of them in the source's mapping, or change it at Okta admin console > Directory > Profile Editor > the application > Mappings")
}

// checkRole notes whether the API token's administrator may do far more than is needed, where that can be told: only such a one may
// read it.
func (f *findings) checkRole(ctx context.Context) {
	if f.c.serviceApp {
		return // it would take one more scope
	}
	resp, err := f.c.get(ctx, "/api/v1/users/me")
	var me struct{ ID string }
	if decode(resp, err, &me) != nil || !plainID(me.ID) {
		return
	}
	_, resp, err = f.c.client.User.ListAssignedRolesForUser(ctx, me.ID, nil)
	var roles []struct{ Type, Status string }
	if decode(resp, err, &roles) != nil {
		return
	}
	for _, role := range roles {
		if role.Type == "SUPER_ADMIN" && role.Status != "INACTIVE" {
			f.advise("the API token may do no more than is needed", "it was made by a Super Administrator: make one as an administrator with the role Read-Only Administrator: Okta admin console > Security > API > Tokens")
			return
		}
	}
}
