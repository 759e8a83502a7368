package okta

import (
	"context"
	"slices"
	"strings"

	"rollcall/connectors"
)

// pull is one Pull on its way.
type pull struct {
	*Connector
	page    func([]connectors.Person) error
	refused error // of page, to be returned as it is
	proof   connectors.Proof
	people  people
	passed  ids
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
	p.probe(findApplication)
	err := p.appUsers(ctx, func(page string) (first string, err error) {
		if err := p.people.scanPage(page); err != nil {
			return "", err
		}
		if len(p.people.persons) > 0 {
			first = p.people.persons[0].ID
			p.probe(readPeople)
		}
		return first, p.pass()
	})
	if err != nil {
		return fail(ctx, listAppUsers, err)
	}
	return nil
}

// pass hands the scanned people on, without those who were passed before.
func (p *pull) pass() error {
	kept := p.people.keep(p.passed.add)
	p.proof.Pages++
	if len(kept) == 0 {
		return nil
	}
	p.proof.People += len(kept)
	p.refused = p.page(kept)
	return p.refused
}

func (p *pull) probe(s step) {
	if !slices.Contains(p.proof.Probes, s.permission) {
		p.proof.Probes = append(p.proof.Probes, s.permission)
	}
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
