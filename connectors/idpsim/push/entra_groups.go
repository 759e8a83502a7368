package push

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"rollcall/connectors/idpsim"
)

// entraGroup is what the service remembers of a group that it created or found.
type entraGroup struct {
	id      string
	name    string
	members map[string]bool // ids of users, as last pushed
}

// membersPerPatch is how many members go into one request. The vendor does not say.
const membersPerPatch = 500

// wanted is a group as the directory has it.
type wanted struct {
	number   int
	objectID string
	name     string
	scope    bool
	people   []int // who are there, in the recycle bin or not
}

func (e *Entra) wantedGroup(n int) (w wanted) {
	e.Population.Read(func(v *idpsim.View) {
		g := v.Group(n)
		w = wanted{number: n, name: g.Name(), objectID: string(idpsim.AppendGUID(nil, g.GUID()))}
		w.scope = g.Assigned() || e.rules.everyone && !g.Gone()
		for _, member := range g.Members() {
			if !v.Person(int(member)).Gone() {
				w.people = append(w.people, int(member))
			}
		}
	})
	return w
}

// errMembers is how a group gets looked at again although it is there itself: members could not be sent, or have not been created yet.
var errMembers = errors.New("members are missing")

// pushGroup brings one group of the receiver in line with the directory, then its members.
func (e *Entra) pushGroup(ctx context.Context, n int) error {
	return e.exportGroup(ctx, e.wantedGroup(n))
}

func (e *Entra) exportGroup(ctx context.Context, w wanted) error {
	g := e.groups[w.number]
	if !w.scope {
		return e.dropGroup(ctx, w, g)
	}
	if g == nil {
		var err error
		if g, err = e.matchGroup(ctx, w); err != nil || g == nil {
			return err
		}
	}
	if g.name != w.name {
		verb := "Replace"
		if e.options.Flag {
			verb = "replace"
		}
		if err := e.patchGroup(ctx, w, g, object{"op": verb, "path": "displayName", "value": w.name}); err != nil {
			return err
		}
		g.name = w.name
	}
	return e.exportMembers(ctx, w, g)
}

// dropGroup: a group that left the scope is deleted; groups have no active state.
func (e *Entra) dropGroup(ctx context.Context, w wanted, g *entraGroup) error {
	if g == nil {
		return nil
	}
	x, err := e.send(ctx, groupName(w.name), http.MethodDelete, "/Groups/"+g.id, nil)
	if err != nil && x.Status != http.StatusNotFound {
		return err
	}
	delete(e.groups, w.number)
	return nil
}

func (e *Entra) matchGroup(ctx context.Context, w wanted) (*entraGroup, error) {
	who := groupName(w.name)
	found, err := e.find(ctx, who, "/Groups"+query("excludedAttributes", "members", "filter", equals("displayName", w.name)))
	if err != nil {
		return nil, err
	}
	g := &entraGroup{name: w.name, members: map[string]bool{}}
	switch {
	case len(found) > 1:
		return nil, fmt.Errorf("push %s: DuplicateTargetEntries: %d groups have the name", who, len(found))
	case len(found) == 1:
		g.id = id(found[0])
	default:
		x, err := e.send(ctx, who, http.MethodPost, "/Groups", object{
			"schemas": []string{groupURN, adGroupURN}, "externalId": w.objectID, "displayName": w.name, "meta": object{"resourceType": "Group"},
		})
		if err != nil || x.Lost {
			return nil, err
		}
		if g.id, err = created(x); err != nil {
			return nil, err
		}
	}
	e.groups[w.number] = g
	return g, nil
}

func (e *Entra) patchGroup(ctx context.Context, w wanted, g *entraGroup, operations ...object) error {
	_, err := e.send(ctx, groupName(w.name), http.MethodPatch, "/Groups/"+g.id,
		object{"schemas": []string{patchURN}, "Operations": operations})
	return err
}

// exportMembers sends who joined and who left.
func (e *Entra) exportMembers(ctx context.Context, w wanted, g *entraGroup) error {
	var joined, left []string
	var waiting error
	now := map[string]bool{}
	for _, n := range w.people {
		l := e.link(n)
		if l == nil {
			if e.rounds.failed[n] != nil {
				waiting = fmt.Errorf("push %s: %w", groupName(w.name), errMembers)
			}
			continue
		}
		now[l.id] = true
		if !g.members[l.id] {
			joined = append(joined, l.id)
		}
	}
	for member := range g.members {
		switch {
		case now[member]:
		case e.forgotten[member]: // was deleted, and is no member of anything
			delete(g.members, member)
		default:
			left = append(left, member)
		}
	}
	slices.Sort(left)
	return errors.Join(
		e.inSlices(ctx, w, g, joined, e.addMembers, func(member string) { g.members[member] = true }),
		e.inSlices(ctx, w, g, left, e.removeMembers, func(member string) { delete(g.members, member) }),
		waiting,
	)
}

// inSlices sends members in requests of a bearable size and notes those that were sent.
func (e *Entra) inSlices(ctx context.Context, w wanted, g *entraGroup, members []string, say func([]string) []object, note func(string)) error {
	for some := range slices.Chunk(members, membersPerPatch) {
		if err := e.patchGroup(ctx, w, g, say(some)...); err != nil {
			return fmt.Errorf("%w: %w", err, errMembers)
		}
		for _, member := range some {
			note(member)
		}
	}
	return nil
}

func (e *Entra) addMembers(members []string) []object {
	verb := "Add"
	if e.options.Flag {
		verb = "add"
	}
	value := make([]object, len(members))
	for i, member := range members {
		value[i] = object{"$ref": nil, "value": member}
	}
	return []object{{"op": verb, "path": "members", "value": value}}
}

// removeMembers: the old dialect names them in the value, the one behind the flag in the path, one operation each.
func (e *Entra) removeMembers(members []string) []object {
	var list []object
	value := make([]object, len(members))
	for i, member := range members {
		value[i] = object{"value": member}
		list = append(list, object{"op": "remove", "path": `members[` + equals("value", member) + `]`})
	}
	if e.options.Flag {
		return list
	}
	return []object{{"op": "Remove", "path": "members", "value": value}}
}
