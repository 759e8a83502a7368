package push

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"rollcall/connectors/idpsim"
)

// oktaGroup is what Okta remembers of a group that it pushed.
type oktaGroup struct {
	id      string
	name    string
	members []member // as last pushed
}

// member is one member as it is pushed.
type member struct {
	Value   string `json:"value"`
	Display string `json:"display"`
}

// batch is how many members go into one PATCH; the vendor's standard.
const batch = 100

// wantedGroup is a group as the org has it. Those whom nothing is pushed for are no members; the deactivated stay.
func (o *Okta) wantedGroup(n int) (name string, pushed bool, members []member) {
	o.Population.Read(func(v *idpsim.View) {
		g := v.Group(n)
		name, pushed = g.Name(), g.Assigned()
		for _, who := range g.Members() {
			if l := o.link(int(who)); l != nil {
				members = append(members, member{l.id, v.Person(int(who)).Text(idpsim.AppUserName)})
			}
		}
	})
	return name, pushed, members
}

// exportGroup brings one group of the receiver in line with the org.
func (o *Okta) exportGroup(ctx context.Context, n int) error {
	name, pushed, members := o.wantedGroup(n)
	g := o.groups[n]
	switch {
	case !pushed && g == nil:
		return nil
	case !pushed:
		x, err := o.send(ctx, groupName(name), http.MethodDelete, "/Groups/"+g.id, nil)
		if err != nil && x.Status != http.StatusNotFound {
			return err
		}
		delete(o.groups, n)
		return nil
	case g == nil:
		return o.pushed(n, o.provisionGroup(ctx, n, name, members))
	case g.name == name && slices.Equal(g.members, members):
		return nil
	case o.options.Catalogue:
		return o.pushed(n, o.patchGroup(ctx, g, name, members))
	}
	return o.pushed(n, o.putGroup(ctx, g, name, members))
}

// pushed notes a group that was pushed where Okta's API shows it.
func (o *Okta) pushed(n int, err error) error {
	if g := o.groups[n]; err == nil && g != nil {
		o.Population.SetGroupPushed(n, g.id)
	}
	return err
}

// PushNow is the button of the same name: all of a group's members, whatever was pushed before.
func (o *Okta) PushNow(ctx context.Context, group string) error {
	o.rounds.one.Lock()
	defer o.rounds.one.Unlock()
	n := -1
	o.Population.Read(func(v *idpsim.View) {
		if g, ok := v.GroupByName(group); ok {
			n = g.Number()
		}
	})
	g := o.groups[n]
	if g == nil {
		return fmt.Errorf("push: the group %q is not pushed", group)
	}
	name, _, members := o.wantedGroup(n)
	return o.pushed(n, o.overwriteGroup(ctx, g, name, members))
}

// importPage is how many resources one request of an import asks for.
const importPage = 100

// Import reads everybody from the receiver, page by page, and returns how many are active: the others are skipped.
func (o *Okta) Import(ctx context.Context) (active int, err error) {
	for start := 1; ; start += importPage {
		x, err := o.send(ctx, "", http.MethodGet, "/Users"+query("startIndex", fmt.Sprint(start), "count", fmt.Sprint(importPage)), nil)
		if err != nil {
			return active, err
		}
		var page struct {
			TotalResults *int     `json:"totalResults"`
			Resources    []object `json:"Resources"`
		}
		if err := json.Unmarshal([]byte(x.Answer), &page); err != nil || page.TotalResults == nil {
			return active, errors.New("push: the answer to an import is not a list")
		}
		for _, user := range page.Resources {
			if user["active"] == true {
				active++
			}
		}
		if start+importPage > *page.TotalResults {
			return active, nil
		}
	}
}

// provisionGroup links the group that a look-up finds and overwrites it, or creates one.
func (o *Okta) provisionGroup(ctx context.Context, n int, name string, members []member) error {
	found, err := o.find(ctx, groupName(name), "/Groups"+query("filter", equals("displayName", name), "startIndex", "1", "count", "100"))
	if err != nil {
		return err
	}
	g := &oktaGroup{name: name, members: members}
	switch {
	case len(found) > 1:
		return fmt.Errorf("push %s: %d groups have the name", groupName(name), len(found))
	case len(found) == 1:
		g.id = id(found[0])
		if err := o.overwriteGroup(ctx, g, name, members); err != nil {
			return err
		}
	default:
		x, err := o.send(ctx, groupName(name), http.MethodPost, "/Groups", groupBody(name, members))
		if err != nil || x.Lost {
			return err
		}
		if g.id, err = created(x); err != nil {
			return err
		}
		if _, err := o.send(ctx, groupName(name), http.MethodGet, "/Groups/"+g.id, nil); err != nil {
			return err
		}
	}
	o.groups[n] = g
	return nil
}

func groupBody(name string, members []member) object {
	if members == nil {
		members = []member{}
	}
	return object{"schemas": []string{groupURN}, "displayName": name, "members": members}
}

// overwriteGroup is what Push Now does.
func (o *Okta) overwriteGroup(ctx context.Context, g *oktaGroup, name string, members []member) error {
	if !o.options.Catalogue {
		return o.putGroup(ctx, g, name, members)
	}
	all := groupBody(name, members)["members"]
	return o.operate(ctx, g, name, []object{{"op": "replace", "path": "members", "value": all}})
}

func (o *Okta) putGroup(ctx context.Context, g *oktaGroup, name string, members []member) error {
	body := groupBody(name, members)
	body["id"] = g.id
	if _, err := o.send(ctx, groupName(name), http.MethodPut, "/Groups/"+g.id, body); err != nil {
		return err
	}
	g.name, g.members = name, members
	return nil
}

// patchGroup sends who joined and who left. Every request carries the name too.
func (o *Okta) patchGroup(ctx context.Context, g *oktaGroup, name string, members []member) error {
	var requests [][]object
	for some := range slices.Chunk(without(members, g.members), batch) {
		requests = append(requests, []object{{"op": "add", "path": "members", "value": some}})
	}
	for some := range slices.Chunk(without(g.members, members), batch) {
		var operations []object
		for _, m := range some {
			operations = append(operations, object{"op": "remove", "path": `members[` + equals("value", m.Value) + `]`})
		}
		requests = append(requests, operations)
	}
	if len(requests) == 0 {
		requests = [][]object{nil} // only the name
	}
	for _, operations := range requests {
		if err := o.operate(ctx, g, name, operations); err != nil {
			return err
		}
	}
	g.name, g.members = name, members
	return nil
}

func (o *Okta) operate(ctx context.Context, g *oktaGroup, name string, operations []object) error {
	rename := object{"op": "replace", "value": object{"id": g.id, "displayName": name}}
	body := object{"schemas": []string{patchURN}, "Operations": append([]object{rename}, operations...)}
	_, err := o.send(ctx, groupName(name), http.MethodPatch, "/Groups/"+g.id, body)
	return err
}

// without returns those of some who are not among others.
func without(some, others []member) []member {
	there := make(map[string]bool, len(others))
	for _, m := range others {
		there[m.Value] = true
	}
	return slices.DeleteFunc(slices.Clone(some), func(m member) bool { return there[m.Value] })
}
