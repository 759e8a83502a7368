package scimapi

import (
	"errors"

	"rollcall/state"
	"rollcall/state/scim"
)

// deactivates tells whether a resource, as it is to be, makes an account inactive that was said to be active.
func deactivates(rec *state.Record, next scim.Value) bool {
	active := next.Get("active")
	return rec.Said && active.Kind == scim.Bool && !active.Bool
}

// unsaid takes active out of a resource that says of it what was said before. Saying it again would end what is staged: whoever changes
// the title of someone whose deactivation waits for a second witness is none.
func unsaid(rec *state.Record, next scim.Value) scim.Value {
	if active := next.Get("active"); active.Kind == scim.Bool && active.Bool == rec.Said {
		return next.With("active", scim.Value{})
	}
	return next
}

// enrol writes a new resource. A provider that has deleted somebody may make them anew while the gate still holds the DELETE: what it
// sends is then written to the account that they have, which has been in force all the time, and ends the wait. Somebody else of that
// name has to wait for the decision, like anybody whose name is taken.
func (h *Handler) enrol(c *call, m state.Mutation) (state.Result, error) {
	for attempt := 1; ; attempt++ {
		result, err := h.write(c, m)
		var taken *state.UniqueError
		if m.Kind != state.KindAccount || !errors.As(err, &taken) {
			return result, err
		}
		holder, lost := h.store.Record(c.r.Context(), c.scope, m.Kind, taken.Holder)
		if lost == nil {
			again, ok := anew(&holder, m)
			if !ok {
				return result, err
			}
			result, lost = h.write(c, again)
		}
		moved := errors.Is(lost, state.ErrVersion) || errors.Is(lost, state.ErrNotFound) // the DELETE has come into force, perhaps
		if !moved || attempt == attempts {
			return result, lost
		}
	}
}

// anew makes of a creation what takes up the account of which a DELETE is staged; false if there is none, or if the externalId is that of
// somebody else. Inactive, the account waits on, but only to be deactivated.
func anew(holder *state.Record, m state.Mutation) (state.Mutation, bool) {
	if !holder.Deletes {
		return m, false
	}
	was, err := scim.Decode(holder.Resource)
	recorded, sent := was.Get("externalId").Text, m.Put.Resource.Get("externalId").Text
	same := sent == "" || recorded+holder.Link == "" || sent == recorded || sent == holder.Link
	if err != nil || !same {
		return m, false
	}
	m.ID, m.Put = holder.ID, &state.Put{Base: holder.Version, Resource: m.Put.Resource}
	if !m.Put.Resource.Get("active").Bool {
		m.Life = &state.Life{Said: new(false), Stage: true}
	}
	return m, true
}

// groupsOf reads the groups that a record is directly in; none of a record that is not there.
func (c *call) groupsOf(id state.ID) ([]state.Ref, error) {
	groups, err := c.h.store.GroupsOf(c.r.Context(), c.scope, id)
	if errors.Is(err, state.ErrNotFound) {
		return nil, nil
	}
	return groups, err
}

// gatherGroups reads the groups of many records in one look, for appendGroups.
func (c *call) gatherGroups(records func(yield func(*state.Record) bool)) error {
	var rows []int64
	for rec := range records {
		if rec.Grouped {
			rows = append(rows, rec.Row)
		}
	}
	c.groups = make(map[int64][]state.Ref, len(rows))
	if len(rows) == 0 {
		return nil
	}
	return c.h.store.GroupsOfAll(c.r.Context(), c.scope, rows, func(row int64, group state.Ref) bool {
		c.groups[row] = append(c.groups[row], group)
		return true
	})
}

// appendGroups renders the groups that an account is directly in. They are read only (RFC 7643 §4.1.2); in none: left out.
func (c *call) appendGroups(rec *state.Record) (err error) {
	if !rec.Grouped {
		return nil
	}
	groups := c.groups[rec.Row]
	if c.groups == nil {
		groups, err = c.groupsOf(rec.ID)
	}
	if err != nil || len(groups) == 0 {
		return err
	}
	c.out = append(c.out, `,"groups":[`...)
	for i, group := range groups {
		if i > 0 {
			c.out = append(c.out, ',')
		}
		c.appendRef(group, "direct")
	}
	c.out = append(c.out, ']')
	return nil
}
