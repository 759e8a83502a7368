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
