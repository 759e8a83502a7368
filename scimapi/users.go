package scimapi

import (
	"rollcall/state"
	"rollcall/state/scim"
)

// deactivates tells whether a resource, as it is to be, makes an account inactive that was said to be active.
func deactivates(rec *state.Record, next scim.Value) bool {
	active := next.Get("active")
	return rec.Said && active.Kind == scim.Bool && !active.Bool
}

// stage asks the source's gate whether a deactivation has to wait for a second witness. Without a gate it does not.
func (h *Handler) stage(c *call, m *state.Mutation) error {
	if c.source.Gate == nil {
		return nil
	}
	wait, err := c.source.Gate.Stage(c.r.Context(), c.scope, m.ID)
	if err == nil && wait {
		said := false
		m.Life = &state.Life{Said: &said, Stage: true}
	}
	return err
}

// appendGroups renders the groups that an account is directly in. They are read only (RFC 7643 §4.1.2); in none: left out.
func (c *call) appendGroups(id state.ID) error {
	groups, err := c.h.store.GroupsOf(c.r.Context(), c.scope, id)
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
