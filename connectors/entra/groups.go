package entra

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"

	"github.com/Azure/azure-sdk-for-go/sdk/azcore/policy"
	kiotaabs "github.com/microsoft/kiota-abstractions-go"

	"rollcall/connectors"
	"rollcall/connectors/rest"
)

// First pages of groups are asked for together, as many as their answer is likely to stay small enough for: a batch is held whole, and
// nothing is known of a group's size before its first page.
const (
	firstTogether = 5
	batchBytes    = 2 << 20
)

// reading is how the members of groups are read.
type reading struct {
	nested bool                                                                  // by an advanced query
	first  func(context.Context, guid) (*kiotaabs.RequestInformation, error)     // the request for a group's first page
	page   func(group assignment, body string) (next, firstID string, err error) // takes a page
	done   func(assignment) error                                                // is called after a group's last page; may be nil
	unread func(assignment)                                                      // is told of a group that may not be read or is gone; may be nil
}

// read reads groups one after the other, each from its first page to its last; those that turn out empty are judged at the end, all
// together. Its error is told.
func (p *pull) read(ctx context.Context, groups []assignment, r reading) error {
	p.empty = p.empty[:0]
	for together := firstTogether; len(groups) > 0; {
		n := min(together, len(groups), batchSize)
		firsts, err := p.firstPages(ctx, groups[:n], r)
		if tooLarge(err) && n > 1 {
			together = n / 2
			continue
		}
		if err != nil {
			return fail(ctx, readGroupMembers, err)
		}
		size := 0
		for i, first := range firsts {
			size += len(first.body)
			if err := p.readOne(ctx, groups[i], first, r); err != nil {
				return err
			}
		}
		groups, together = groups[n:], max(1, min(batchSize, batchBytes/(size/n+1)))
	}
	if r.done == nil {
		return nil
	}
	for chunk := range slices.Chunk(p.empty, batchSize) {
		if err := p.judgeEmpty(ctx, chunk, r); err != nil {
			return err
		}
	}
	return nil
}

// firstPages asks for the first pages of up to 20 groups in one call. One alone is asked for as usual.
func (p *pull) firstPages(ctx context.Context, groups []assignment, r reading) ([]item, error) {
	asks := make([]ask, len(groups))
	for i, group := range groups {
		request, err := r.first(ctx, group.id)
		if err == nil && len(groups) == 1 {
			body, err := p.send(ctx, request)
			return []item{{body: body, err: err}}, nil
		}
		if err == nil {
			asks[i], err = inBatch(request)
		}
		if err != nil {
			return nil, err
		}
	}
	return p.batch(ctx, asks)
}

// tooLarge tells a batch whose answer was more than the transport takes, the only thing that it has against a good status.
func tooLarge(err error) bool {
	var failure *connectors.Error
	return errors.As(err, &failure) && failure.Status == http.StatusOK
}

// readOne reads one group, whose first page has been asked for.
func (p *pull) readOne(ctx context.Context, group assignment, first item, r reading) error {
	p.inGroup = 0
	err := first.err
	if err == nil {
		headers := kiotaabs.NewRequestHeaders()
		if r.nested {
			headers = eventual()
		}
		err = p.follow(ctx, first.body, headers, func(page string) (string, string, error) { return r.page(group, page) })
	}
	switch {
	case err == nil && p.inGroup == 0:
		p.empty = append(p.empty, group)
		return nil
	case err == nil && r.done != nil:
		return r.done(group)
	case err == nil:
		return nil
	case p.stopped != nil:
		return p.stopped
	case p.Refused():
		return err
	case !unreadable(err):
		return fail(ctx, readGroupMembers, err)
	}
	r.miss(group)
	return nil
}

func (r *reading) miss(group assignment) {
	if r.unread != nil {
		r.unread(group)
	}
}

// judgeEmpty tells groups without members, up to 20, from those whose members are hidden from us: without a permission of its own they
// may look alike. That a hidden group is really empty is believed only of a token that names the permission.
func (p *pull) judgeEmpty(ctx context.Context, groups []assignment, r reading) error {
	visibility, err := p.groupFields(ctx, groups, "visibility")
	if err != nil {
		return err
	}
	p.inGroup = 0
	for i, group := range groups {
		if visibility[i] == nil || *visibility[i] == hiddenGroups && !p.mayReadHidden(ctx) {
			r.miss(group)
		} else if err := r.done(group); err != nil {
			return err
		}
	}
	return nil
}

// mayReadHidden tells whether the token says that hidden members may be read. One that says nothing, of a simulator, may not.
func (p *pull) mayReadHidden(ctx context.Context) bool {
	token, err := p.credential.GetToken(ctx, policy.TokenRequestOptions{Scopes: []string{p.scope}, EnableCAE: true})
	if err != nil {
		return false
	}
	_, granted := claimsOf(token.Token)
	return slices.Contains(granted, readHidden.Permission)
}

// unreadable tells a group that may not be read, such as one whose membership is hidden, or is gone.
func unreadable(err error) bool {
	var failure *connectors.Error
	return errors.As(err, &failure) && failure.Status == http.StatusForbidden || notThere(err)
}

// member takes a page of a group's people and passes them.
func (p *pull) member(group assignment, body string) (next, first string, err error) {
	p.people.start(assignedFacts)
	if next, err = collection(body, p.people.scan); err != nil {
		return "", "", err
	}
	for _, person := range p.people.keys {
		p.inherit(person, group)
	}
	if p.ids = p.people.ids(p.ids[:0]); len(p.ids) > 0 {
		first = p.ids[0]
	}
	p.inGroup += len(p.ids)
	if !p.transitive {
		if err := p.tellPage(group, next == ""); err != nil {
			return "", "", err
		}
	}
	return next, first, p.pass()
}

// idsPage takes a page of people of whom nothing but the id was asked for.
func (p *pull) idsPage(page string) (next, first string, err error) {
	if next, p.ids, err = scanIDs(page, p.ids[:0]); err != nil || len(p.ids) == 0 {
		return next, "", err
	}
	p.inGroup += len(p.ids)
	return next, p.ids[0], nil
}

// tellPage tells the caller who is on a page of a group's direct members. Of a group without any, nothing is told yet.
func (p *pull) tellPage(group assignment, last bool) error {
	if p.inGroup == 0 {
		return nil
	}
	return p.tell(group, p.ids, last)
}

// tellEmpty tells the caller of a group that has no members.
func (p *pull) tellEmpty(group assignment) error {
	if p.inGroup > 0 {
		return nil
	}
	return p.tell(group, nil, true)
}

func (p *pull) tell(group assignment, members []string, last bool) error {
	if p.want.Groups != nil {
		p.stopped = p.want.Groups(connectors.GroupPage{ID: group.id.String(), Name: group.groupName, Members: members, Last: last})
	}
	return p.stopped
}

// tellGroups reads the direct members of groups for the caller alone. A group that may not be read, or is gone, has no last page.
func (p *pull) tellGroups(ctx context.Context, groups []assignment) error {
	return p.read(ctx, groups, reading{
		first: func(ctx context.Context, id guid) (*kiotaabs.RequestInformation, error) {
			return p.directMembers(ctx, id, only.names, pageSize)
		},
		page: func(group assignment, body string) (next, first string, err error) {
			if next, first, err = p.idsPage(body); err == nil {
				err = p.tellPage(group, next == "")
			}
			return next, first, err
		},
		done: p.tellEmpty,
	})
}

// furtherGroups tells the caller of the groups of Want.GroupIDs that were not read anyhow. What is no group here is left out.
func (p *pull) furtherGroups(ctx context.Context, assigned []assignment) error {
	if p.want.Groups == nil {
		return nil
	}
	done := map[guid]bool{}
	for _, group := range assigned {
		done[group.id] = true
	}
	var further []assignment
	for _, text := range p.want.GroupIDs {
		if id, ok := parseGUID(text); ok && !done[id] {
			done[id] = true
			further = append(further, assignment{id: id})
		}
	}
	var named []assignment
	for chunk := range slices.Chunk(further, batchSize) {
		names, err := p.groupFields(ctx, chunk, "displayName")
		if err != nil {
			return err
		}
		for i, group := range chunk {
			if names[i] != nil {
				group.groupName = *names[i]
				named = append(named, group)
			}
		}
	}
	return p.tellGroups(ctx, named)
}

// groupFields reads one text of up to 20 groups; nil of a group that is not there or may not be read.
func (p *pull) groupFields(ctx context.Context, groups []assignment, name string) ([]*string, error) {
	asks := make([]ask, len(groups))
	for i, group := range groups {
		asks[i] = ask{path: "/groups/" + group.id.String() + "?$select=id," + name}
	}
	items, err := p.batch(ctx, asks)
	if err != nil {
		return nil, fail(ctx, readGroupMembers, err)
	}
	texts := make([]*string, len(groups))
	for i, item := range items {
		if unreadable(item.err) {
			continue
		}
		if item.err == nil {
			var text string
			s := rest.Scan(item.body)
			text, _, item.err = s.Texts(name, "id")
			texts[i] = ptr(strings.Clone(text))
		}
		if item.err != nil {
			return nil, fail(ctx, readGroupMembers, item.err)
		}
	}
	return texts, nil
}
