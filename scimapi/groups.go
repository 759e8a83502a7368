package scimapi

import (
	"errors"

	"rollcall/scimapi/patch"
	"rollcall/state"
	"rollcall/state/scim"
)

// membersSent lists the members of a group as sent, in canonical form; nil when it has none.
func membersSent(group scim.Value) *state.Members {
	list := group.Get("members").List
	if len(list) == 0 {
		return nil
	}
	ids := make([]state.ID, len(list))
	for i := range list {
		ids[i] = state.ID(list[i].Get("value").Text)
	}
	return &state.Members{Add: ids}
}

// memberChanges turns a patch's member changes into the record's. They name only who comes and goes, so that changes to different
// members commute and cost what they change, not what the group holds.
func (h *Handler) memberChanges(m *patch.Members) (*state.Members, error) {
	if m == nil {
		return nil, nil
	}
	if err := h.limits.checkMembers(len(m.Add) + len(m.Remove)); err != nil {
		return nil, err
	}
	return &state.Members{Set: m.Set, Add: ids(m.Add), Remove: ids(m.Remove)}, nil
}

func ids(texts []string) []state.ID {
	list := make([]state.ID, len(texts))
	for i, text := range texts {
		list[i] = state.ID(text)
	}
	return list
}

// appendMembers streams the members of a group. A group that vanished since its record was read has none.
func (c *call) appendMembers(group state.ID) error {
	c.out = append(c.out, `,"members":[`...)
	first := true
	var sendErr error
	err := c.h.store.Members(c.r.Context(), c.scope, group, func(member state.Ref) bool {
		if !first {
			c.out = append(c.out, ',')
		}
		first = false
		c.appendRef(member, member.Kind.String())
		sendErr = c.spill()
		return sendErr == nil
	})
	c.out = append(c.out, ']')
	if err != nil && !errors.Is(err, state.ErrNotFound) {
		return err
	}
	return sendErr
}
