package okta

import (
	"context"
	"net/http"
	"strings"

	"rollcall/connectors"
	"rollcall/connectors/rest"
)

// pull is one Pull on its way.
type pull struct {
	*Connector
	*rest.Pull
	people  people
	passed  ids
	stopped error // the error of Want.Groups
}

func (p *pull) run(ctx context.Context, want connectors.Want) error {
	if want.Scope == connectors.Everyone {
		return &connectors.Error{
			Kind: connectors.ErrMisconfigured, Op: "choose whom to list", Detail: "Okta tells an application only of who is assigned to it",
			Mend: "set the scope to assigned, and assign the group Everyone to the application if everyone is meant",
		}
	}
	if err := p.application(ctx); err != nil {
		return err
	}
	p.Probe(findApplication)
	err := p.appUsers(ctx, func(page string) (first string, err error) {
		if err := p.people.scanPage(page); err != nil {
			return "", err
		}
		if len(p.people.persons) > 0 {
			p.Probe(readPeople)
		}
		return p.people.first, p.Pass(p.people.keep(p.passed.add)) // without those who were passed before
	})
	if err != nil {
		return p.fail(ctx, listAppUsers, err)
	}
	pushed, err := p.pushes(ctx, want)
	if want.Groups != nil && err != nil && !withheld(err) && !refusedAs(err, http.StatusBadRequest) {
		return p.fail(ctx, listPushes, err)
	}
	if err := p.pushedGroups(ctx, want, pushed); err != nil {
		return err
	}
	p.Proof.Push = p.push(ctx, pushed)
	return ctx.Err()
}

// pushes reads which groups are pushed; where their members are not wanted, only to judge by, so in little time.
func (p *pull) pushes(ctx context.Context, want connectors.Want) ([]pushMapping, error) {
	if want.Groups == nil {
		var stop context.CancelFunc
		ctx, stop = context.WithTimeout(ctx, provisioningTime)
		defer stop()
	}
	return p.pushMappings(ctx)
}

// ids is a set of object ids. Those of up to 20 bytes, as all of Okta's are, take no allocation each.
type ids struct {
	short map[[20]byte]struct{}
	long  map[string]struct{}
}

func newIDs() ids { return ids{map[[20]byte]struct{}{}, map[string]struct{}{}} }

// add tells whether id is new.
func (s ids) add(id string) bool {
	if len(id) > 20 {
		_, known := s.long[id]
		s.long[strings.Clone(id)] = struct{}{}
		return !known
	}
	var key [20]byte
	copy(key[:], id)
	_, known := s.short[key]
	s.short[key] = struct{}{}
	return !known
}
