package scimapi

import (
	"errors"
	"net/http"
	"strconv"
	"strings"

	"rollcall/scimapi/patch"
	"rollcall/state"
	"rollcall/state/scim"
)

// attempts bounds how often a change is decided anew because the resource changed in between.
const attempts = 32

func (h *Handler) read(c *call, res *resource) error {
	view, err := c.view()
	if err != nil {
		return err
	}
	rec, err := h.store.Record(c.r.Context(), c.scope, res.kind, state.ID(c.target))
	if err != nil {
		return err
	}
	if tagged(c.r.Header["If-None-Match"], rec.Version) {
		c.header("ETag", etag(rec.Version))
		c.answer(http.StatusNotModified)
		return nil
	}
	return c.answerRecord(http.StatusOK, res, &rec, view)
}

func (h *Handler) create(c *call, res *resource) error {
	view, err := c.view()
	if err != nil {
		return err
	}
	sent, err := c.resourceSent(res)
	if err != nil {
		return err
	}
	normal, err := res.rt.Normalize(sent)
	if err != nil {
		return err
	}
	c.dropped(normal.Dropped)
	resource, members := res.divide(normal.Resource)
	if members != nil {
		if err := h.limits.checkMembers(len(members.Add)); err != nil {
			return err
		}
	}
	result, err := h.enrol(c, state.Mutation{
		Kind:    res.kind,
		ID:      state.NewID(),
		Put:     &state.Put{Resource: resource},
		Members: members,
		Request: c.request(http.StatusCreated),
	})
	if err != nil {
		return err
	}
	c.header("Location", c.location(res, result.Record.ID))
	return c.answerRecord(http.StatusCreated, res, &result.Record, view)
}

// divide takes from a new resource what is not part of the stored one: a group's members. An account that says nothing of active is
// active.
func (r *resource) divide(sent scim.Value) (scim.Value, *state.Members) {
	if r.kind == state.KindAccount {
		if sent.Get("active").Kind == scim.Null {
			sent = sent.With("active", scim.BoolValue(true))
		}
		return sent, nil
	}
	members := membersSent(sent)
	return sent.With("members", scim.Value{}), members
}

func (h *Handler) replace(c *call, res *resource) error {
	view, err := c.view()
	if err != nil {
		return err
	}
	sent, err := c.resourceSent(res)
	if err != nil {
		return err
	}
	rec, err := h.change(c, res, func(old scim.Value) (patch.Outcome, error) { return patch.Replace(res.rt, old, sent) })
	if err != nil {
		return err
	}
	return c.answerRecord(http.StatusOK, res, &rec, view)
}

// patch answers a user with 200 and the user, which Microsoft's validator and Okta want to see, and a group with 204, because Entra
// discourages sending members back, unless the request asks for attributes (RFC 7644 §3.5.2).
func (h *Handler) patch(c *call, res *resource) error {
	view, err := c.view()
	if err != nil {
		return err
	}
	sent, err := c.body()
	if err != nil {
		return err
	}
	parse, apply := c.patcher()
	ops, err := parse(sent, h.limits.Operations)
	if err != nil {
		return err
	}
	rec, err := h.change(c, res, func(old scim.Value) (patch.Outcome, error) { return apply(res.rt, old, ops) })
	if err != nil {
		return err
	}
	if res.kind == state.KindGroup && len(view.projection.Only) == 0 {
		c.header("ETag", etag(rec.Version))
		c.answer(http.StatusNoContent)
		return nil
	}
	return c.answerRecord(http.StatusOK, res, &rec, view)
}

// remove carries out a DELETE. One that the gate wants to see confirmed is answered with 202: what was asked is said, but not yet done,
// and the resource is still there, inactive.
func (h *Handler) remove(c *call, res *resource) error {
	rec, err := h.store.Record(c.r.Context(), c.scope, res.kind, state.ID(c.target))
	if err != nil {
		return err
	}
	if err := c.precondition(rec.Version); err != nil {
		return err
	}
	m := state.Mutation{
		Kind: res.kind, ID: rec.ID, Gate: c.source.Gate, Request: c.request(http.StatusNoContent),
		Life: &state.Life{Remove: state.RemoveDelete},
	}
	if c.conditional() {
		m.Life.Base = rec.Version
	}
	_, err = h.write(c, m)
	if errors.Is(err, state.ErrHeld) {
		m.Request, m.Cause.Reason = c.request(http.StatusAccepted), state.ReasonDelete
		_, err = h.stage(c, m)
	} else if err == nil && rec.Said && res.kind == state.KindAccount {
		h.metrics.Noticed(c.scope.Source, Deactivated, 1)
	}
	if err != nil {
		return c.raced(err)
	}
	c.answer(m.Request.Status)
	return nil
}

// change decides what becomes of a resource and writes it as one mutation. If the resource changes between reading and writing, the
// decision is made again on its new state, unless the client named the version it means. What changes nothing is not written.
func (h *Handler) change(c *call, res *resource, edit func(old scim.Value) (patch.Outcome, error)) (state.Record, error) {
	for attempt := 1; ; attempt++ {
		rec, err := h.store.Record(c.r.Context(), c.scope, res.kind, state.ID(c.target))
		if err != nil {
			return state.Record{}, err
		}
		if err := c.precondition(rec.Version); err != nil {
			return state.Record{}, err
		}
		old, err := res.recorded(&rec)
		if err != nil {
			return state.Record{}, err
		}
		outcome, err := edit(old)
		if err != nil {
			return state.Record{}, err
		}
		changed, err := h.carryOut(c, res, &rec, outcome)
		if errors.Is(err, state.ErrVersion) && !c.conditional() && attempt < attempts {
			continue
		}
		if err != nil {
			return state.Record{}, c.raced(err)
		}
		c.dropped(outcome.Dropped)
		return changed, nil
	}
}

// carryOut writes what was decided on a resource and returns it as it is now.
func (h *Handler) carryOut(c *call, res *resource, rec *state.Record, outcome patch.Outcome) (state.Record, error) {
	if !outcome.Changed && outcome.Members == nil {
		return *rec, nil
	}
	members, err := h.memberChanges(outcome.Members)
	if err != nil {
		return state.Record{}, err
	}
	status := http.StatusOK
	if res.kind == state.KindGroup && c.r.Method == http.MethodPatch {
		status = http.StatusNoContent
	}
	m := state.Mutation{Kind: res.kind, ID: rec.ID, Members: members, Request: c.request(status)}
	if outcome.Changed || c.conditional() {
		m.Put = &state.Put{Base: rec.Version, Resource: outcome.Resource}
	}
	if res.kind == state.KindAccount && m.Put != nil && !rec.Protected && c.source.Protects != nil && c.source.Protects(rec) {
		m.Life = &state.Life{Protected: new(true)}
	}
	removes := res.kind == state.KindAccount && deactivates(rec, outcome.Resource)
	switch {
	case removes:
		m.Gate = c.source.Gate
	case m.Put != nil && res.kind == state.KindAccount:
		m.Put.Resource = unsaid(rec, m.Put.Resource)
	}
	result, err := h.write(c, m)
	switch {
	case errors.Is(err, state.ErrHeld):
		result, err = h.stage(c, m)
	case err == nil && removes && result.Changed:
		h.metrics.Noticed(c.scope.Source, Deactivated, 1)
	}
	return result.Record, err
}

// stage writes a push that the gate has held: what it says of active is noted and not in force, everything else is. A DELETE is noted as
// one, also of who waits already.
func (h *Handler) stage(c *call, m state.Mutation) (state.Result, error) {
	m.Gate = nil
	life := &state.Life{Said: new(false), Stage: true}
	if m.Life != nil {
		life.Base, life.Deletes, life.Protected = m.Life.Base, m.Life.Remove == state.RemoveDelete, m.Life.Protected
	}
	m.Life = life
	result, err := h.write(c, m)
	if err == nil && result.Changed && result.Record.Staged {
		h.metrics.Noticed(c.scope.Source, Staged, 1)
		if h.staged != nil {
			h.staged(c.scope, m.ID)
		}
	}
	return result, err
}

// write hands one mutation of a push to the store and returns when it is on disk.
func (h *Handler) write(c *call, m state.Mutation) (state.Result, error) {
	m.Scope = c.scope
	m.Cause.Kind, m.Cause.Actor = state.CausePush, c.key.ID
	results, err := h.store.Write(state.Urgent, []state.Mutation{m})
	if err != nil {
		return state.Result{}, err
	}
	return results[0], results[0].Err
}

// recorded is a stored resource as PATCH and PUT see it: active as said, without members.
func (r *resource) recorded(rec *state.Record) (scim.Value, error) {
	value, err := readStored(rec.ID, rec.Resource, scim.Decode)
	if err == nil && r.kind == state.KindAccount {
		value = value.With("active", scim.BoolValue(rec.Said))
	}
	return value, err
}

// resourceSent is the body of a POST or PUT.
func (c *call) resourceSent(res *resource) (scim.Value, error) {
	sent, err := c.body()
	if err == nil && c.strict() {
		err = res.rt.CheckStrict(sent)
	}
	return sent, err
}

// dropped counts what was sent and no schema knows.
func (c *call) dropped(paths []string) {
	if len(paths) > 0 {
		c.h.metrics.Noticed(c.scope.Source, UnknownAttribute, len(paths))
	}
}

// conditional tells whether the client named the version it means (RFC 7644 §3.14).
func (c *call) conditional() bool {
	return len(c.r.Header["If-Match"]) > 0 || len(c.r.Header["If-None-Match"]) > 0
}

// precondition fails unless the version is one that the client means.
func (c *call) precondition(version int64) error {
	if match := c.r.Header["If-Match"]; len(match) > 0 && !tagged(match, version) {
		return errPrecondition
	}
	if tagged(c.r.Header["If-None-Match"], version) {
		return errPrecondition
	}
	return nil
}

// raced makes of a lost race what the client has to be told: it failed its own condition, or nothing came of all attempts.
func (c *call) raced(err error) error {
	if errors.Is(err, state.ErrVersion) && c.conditional() {
		return errPrecondition
	}
	return err
}

func etag(version int64) string { return `W/"` + strconv.FormatInt(version, 10) + `"` }

// tagged tells whether a list of entity tags, or "*", names a version. Tags compare weakly, as SCIM's are weak.
func tagged(lists []string, version int64) bool {
	for _, list := range lists {
		for tag := range strings.SplitSeq(list, ",") {
			tag = strings.TrimPrefix(strings.TrimSpace(tag), "W/")
			if tag == "*" || tag == `"`+strconv.FormatInt(version, 10)+`"` {
				return true
			}
		}
	}
	return false
}
