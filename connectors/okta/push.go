package okta

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/okta/okta-sdk-golang/v2/okta/query"

	"rollcall/connectors"
)

// provisioningTime is for what is read beside a pull, about Okta's own provisioning. A pull is complete without it.
const provisioningTime = time.Minute

const provisioningPage = "Okta admin console > Applications > Applications > the application > Provisioning"

// setting is a switch of an application's feature.
type setting struct{ Status string }

func (s setting) answer() connectors.Answer {
	switch s.Status {
	case "ENABLED":
		return connectors.Yes
	case "DISABLED":
		return connectors.No
	}
	return connectors.Unknown
}

// provisioning reads what Okta does for the application by itself: its feature USER_PROVISIONING. Of an application without
// provisioning, Okta refuses to show it (E0000001).
func (c *Connector) provisioning(ctx context.Context) (*connectors.Push, error) {
	const name = "USER_PROVISIONING"
	var feature struct {
		setting
		Name         string
		Capabilities struct {
			Create struct{ LifecycleCreate setting }
			Update struct{ LifecycleDeactivate, Profile setting }
		}
	}
	_, resp, err := c.client.Application.GetFeatureForApplication(ctx, c.appID, name)
	err = decode(resp, err, &feature)
	switch {
	case refusedAs(err, http.StatusBadRequest):
		feature.Status = "DISABLED"
	case err != nil:
		return nil, err
	case feature.Name != name:
		return nil, errors.New("the answer is about another feature")
	}
	push := &connectors.Push{
		State: connectors.PushOn, Scope: connectors.Assigned,
		Create: feature.Capabilities.Create.LifecycleCreate.answer(), Update: feature.Capabilities.Update.Profile.answer(),
		Deactivate: feature.Capabilities.Update.LifecycleDeactivate.answer(),
	}
	switch {
	case feature.answer() == connectors.No:
		push.State, push.Create, push.Update, push.Deactivate = connectors.PushOff, connectors.No, connectors.No, connectors.No
		push.Why = "Provisioning is not set up for the application, so Okta pushes nobody: set it up at " + provisioningPage + " > Integration."
	case push.Create == connectors.No && push.Update == connectors.No && push.Deactivate == connectors.No:
		push.State = connectors.PushOff
		push.Why = "Provisioning is set up, but nothing of it is switched on, so Okta pushes nobody: switch it on at " + provisioningPage + " > To App."
	}
	return push, nil
}

// switchedOff names what Okta's provisioning has been told not to do.
func switchedOff(push *connectors.Push) string {
	var off []string
	for _, one := range []struct {
		answer connectors.Answer
		name   string
	}{{push.Create, "Create Users"}, {push.Update, "Update User Attributes"}, {push.Deactivate, "Deactivate Users"}} {
		if one.answer == connectors.No {
			off = append(off, one.name)
		}
	}
	return strings.Join(off, ", ")
}

// pushMapping is one group that is pushed to the application.
type pushMapping struct {
	ID, SourceGroupID, Status string
	LastPush                  time.Time
}

// pushMappings reads which groups are pushed. The SDK has no method for it.
func (c *Connector) pushMappings(ctx context.Context) (mappings []pushMapping, err error) {
	address := "/api/v1/apps/" + c.appID + "/group-push/mappings" + query.NewQueryParams(query.WithLimit(pushPage)).String()
	resp, err := c.get(ctx, address)
	err = eachPage(ctx, resp, err, func(page string) (first string, err error) {
		var some []pushMapping
		if err := parse(page, &some); err != nil {
			return "", err
		}
		for _, m := range some {
			if m.ID == "" || m.SourceGroupID == "" || m.Status == "" {
				return "", errNoGroup
			}
		}
		mappings = append(mappings, some...)
		if len(some) > 0 {
			first = some[0].ID
		}
		return first, nil
	})
	return mappings, err
}

// push reads how Okta's own provisioning stands, after everyone has been read. What may not be read stays out; nothing of it makes a
// pull incomplete.
func (p *pull) push(ctx context.Context, pushed []pushMapping) *connectors.Push {
	ctx, stop := context.WithTimeout(ctx, provisioningTime)
	defer stop()
	push, err := p.provisioning(ctx)
	if err != nil {
		return nil
	}
	p.Probe(readProvisioning)
	push.Failing = p.people.failing
	push.Last, _ = time.Parse(time.RFC3339, p.people.lastSync) // the zero time where none is told
	for _, m := range pushed {
		if m.Status == "ERROR" {
			push.Failing++
		}
		if m.LastPush.After(push.Last) && m.Status == "ACTIVE" {
			push.Last = m.LastPush
		}
	}
	return push
}
