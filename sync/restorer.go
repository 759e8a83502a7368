package sync

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"

	"rollcall/state"
	"rollcall/state/scim"
	"rollcall/sync/plan"
)

var (
	yes = json.RawMessage("true")
	no  = json.RawMessage("false")
)

// lifeParts are the parts of an account's life as the journal names them, with what they are unless it says otherwise. "deleted" is of
// ours: the account is a tombstone.
var lifeParts = map[string]json.RawMessage{
	"said": no, "inForce": no, "staged": no, "deletes": no, "pinned": no, "protected": no, "deleted": no, "link": json.RawMessage(`""`),
}

// restorer makes of accounts, and of what is said of groups, what they were.
type restorer struct {
	reader Reader
	scope  state.Scope
	users  *scim.ResourceType
	buried map[state.ID]state.Record // tombstones; nil: not read yet
}

func (e *Engine) restorer(source Source) *restorer { return e.restorerOf(e.Store, source) }

func (e *Engine) restorerOf(reader Reader, source Source) *restorer {
	return &restorer{reader: reader, scope: source.Scope, users: e.users()}
}

// find reads an account, a tombstone too.
func (x *restorer) find(ctx context.Context, id state.ID) (state.Record, error) {
	record, err := x.reader.Record(ctx, x.scope, state.KindAccount, id)
	if !errors.Is(err, state.ErrNotFound) {
		return record, err
	}
	if x.buried == nil {
		x.buried = make(map[state.ID]state.Record)
		err := x.reader.Tombstones(ctx, x.scope, func(r state.Record) bool {
			x.buried[r.ID] = r
			return true
		})
		if err != nil {
			return state.Record{}, fmt.Errorf("read the tombstones: %w", err)
		}
	}
	record, ok := x.buried[id]
	if !ok {
		return state.Record{}, state.ErrNotFound
	}
	return record, nil
}

// parts splits an account into what the journal names, and tells its name.
func (x *restorer) parts(r state.Record) (parts map[string]json.RawMessage, name string, err error) {
	account, err := open(r)
	if err != nil {
		return nil, "", err
	}
	parts = make(map[string]json.RawMessage, len(account.Resource.Fields)+len(lifeParts))
	for _, f := range account.Resource.Fields {
		parts[f.Name] = f.Value.AppendJSON(nil)
	}
	flag := func(name string, on bool) {
		if parts[name] = no; on {
			parts[name] = yes
		}
	}
	flag("said", r.Said)
	flag("inForce", r.InForce)
	flag("staged", r.Staged)
	flag("deletes", r.Deletes)
	flag("pinned", r.Pinned)
	flag("protected", r.Protected)
	flag("deleted", !r.DeletedAt.IsZero())
	parts["link"] = scim.StringValue(r.Link).AppendJSON(nil)
	return parts, cmp.Or(account.Resource.Get("userName").Text, r.Name), nil
}

// group reads a group, and splits what is said of it into what the journal names.
func (x *restorer) group(ctx context.Context, id state.ID) (*plan.Account, map[string]json.RawMessage, error) {
	record, err := x.reader.Record(ctx, x.scope, state.KindGroup, id)
	if err != nil {
		return nil, nil, fmt.Errorf("read group %s: %w", id, err)
	}
	group, err := open(record)
	if err != nil {
		return nil, nil, err
	}
	parts := make(map[string]json.RawMessage, len(group.Resource.Fields))
	for _, f := range group.Resource.Fields {
		parts[f.Name] = f.Value.AppendJSON(nil)
	}
	return group, parts, nil
}

// rename makes the mutation that says of a group what was said of it. What somebody else has said since is state.ErrVersion; who has
// joined or left makes no difference.
func (x *restorer) rename(ctx context.Context, c *plan.Change, m state.Mutation) (state.Mutation, error) {
	group, now, err := x.group(ctx, c.Group.ID)
	if err != nil {
		return m, err
	}
	resource := group.Resource
	for _, f := range c.Fields {
		if !bytes.Equal(orNull(now[f.Path]), f.Before) {
			return m, state.ErrVersion
		}
		value, err := scim.ReadJSON(f.After, scim.DefaultLimits)
		if err != nil {
			return m, fmt.Errorf("read what %s was: %w", f.Path, err)
		}
		resource = resource.With(f.Path, value)
	}
	normal, err := scim.GroupType().Normalize(resource)
	if err != nil {
		return m, err
	}
	m.Kind, m.ID, m.Life, m.Put = state.KindGroup, c.Group.ID, nil, &state.Put{Base: group.Record.Version, Resource: normal.Resource}
	return m, nil
}

// build makes the mutation of a change.
func (x *restorer) build(ctx context.Context, c *plan.Change, m state.Mutation) (state.Mutation, error) {
	if c.Action == plan.UpdateGroup {
		return x.rename(ctx, c, m)
	}
	record, err := x.find(ctx, c.Account)
	if err != nil {
		return m, err
	}
	account, err := open(record)
	if err != nil {
		return m, err
	}
	resource, writes := account.Resource, false
	life := m.Life
	said, inForce, staged, deletes := record.Said, record.InForce, record.Staged, record.Deletes
	for _, f := range c.Fields {
		value, err := scim.ReadJSON(f.After, scim.DefaultLimits)
		if err != nil {
			return m, fmt.Errorf("read what %s was: %w", f.Path, err)
		}
		switch f.Path {
		case "active":
			said, inForce = value.Bool, value.Bool
		case "said":
			said = value.Bool
		case "inForce":
			inForce = value.Bool
		case "staged":
			staged = value.Bool
		case "deletes":
			deletes = value.Bool
		case "pinned":
			life.Pinned = &value.Bool
		case "protected":
			life.Protected = &value.Bool
		case "link":
			life.Link = &value.Text
		case "deleted":
			life.Remove = state.RemoveRestore
		default:
			resource, writes = resource.With(f.Path, value), true
		}
	}
	life.Said, life.InForce, life.Stage, life.Deletes = &said, &inForce, staged, staged && deletes
	if writes {
		normal, err := x.users.Normalize(resource)
		if err != nil {
			return m, err
		}
		m.Put = &state.Put{Base: c.Version, Resource: normal.Resource}
	}
	return m, nil
}

// standing judges the changes of a held undo anew: those that stand, and what became of the others.
func (x *restorer) standing(ctx context.Context, p *plan.Plan) (standing []int, others []ChangeResult, err error) {
	for i := range p.Changes {
		moved, err := x.moved(ctx, &p.Changes[i], p)
		if err != nil {
			return nil, nil, err
		}
		if moved == "" {
			standing = append(standing, i)
		} else {
			others = append(others, ChangeResult{Change: i, Outcome: ChangeMoved, Detail: moved})
		}
	}
	return standing, others, nil
}

// moved says by whom the account or a membership of a planned change has been changed since, or "".
func (x *restorer) moved(ctx context.Context, c *plan.Change, p *plan.Plan) (string, error) {
	switch c.Action {
	case plan.Create:
		return "", nil
	case plan.UpdateGroup:
		_, err := x.rename(ctx, c, state.Mutation{})
		switch {
		case errors.Is(err, state.ErrVersion):
			return "what is said of the group was changed since", nil
		case errors.Is(err, state.ErrNotFound):
			return "the group has gone", nil
		}
		return "", err
	}
	id := c.Account
	if c.Group != nil {
		id = c.Group.ID
	} else if record, err := x.find(ctx, id); err == nil && record.Version == c.Version {
		return "", nil
	} else if err != nil && !errors.Is(err, state.ErrNotFound) {
		return "", fmt.Errorf("read account %s: %w", id, err)
	}
	entries, err := x.reader.EntriesOf(ctx, x.scope, id)
	if err != nil {
		return "", fmt.Errorf("read the journal of %s: %w", id, err)
	}
	for _, e := range slices.Backward(entries) {
		switch {
		case c.Group == nil:
			return "changed since " + byWhom(e.Cause), nil
		case e.At.Before(p.MadeAt):
			return "", nil
		case p.Undo != "" && e.Cause.Kind == state.CauseUndo && e.Cause.Note == p.Undo:
			continue // what was carried out of it already
		}
		joined, left := plan.MembersOf(&e)
		if slices.ContainsFunc(c.Group.Members, func(m plan.Member) bool {
			return slices.Contains(joined, m.Account) || slices.Contains(left, m.Account)
		}) {
			return "its members were changed since " + byWhom(e.Cause), nil
		}
	}
	if c.Group == nil {
		return "the account has gone", nil
	}
	return "", nil
}
