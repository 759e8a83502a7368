package explain

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	"rollcall/state"
	"rollcall/state/scim"
	"rollcall/sync/plan"
)

// entryEvent is a change of the account.
func (t *traces) entryEvent(e *state.Entry, s *Subject) Event {
	event := t.causedEvent(e, true)
	event.What, event.Changes = What(e.Verb, e.After), changesOf(e)
	event.Witnesses = t.witnesses(e.Cause)
	return event
}

// membershipEvent is a group that was joined or left. Of what else happened to the group nothing is told.
func (t *traces) membershipEvent(e *state.Entry, s *Subject) Event {
	event := t.causedEvent(e, false)
	event.What, event.Group = WhatLeft, &Group{ID: e.ID, Name: e.Name}
	if names(e.After, s.Account) {
		event.What = WhatJoined
	}
	return event
}

// causedEvent is an entry as an event, but for what it changed. A request that is not about the account alone is told without its body.
func (t *traces) causedEvent(e *state.Entry, own bool) Event {
	event := Event{
		At: e.At, By: e.Cause.Kind, Actor: e.Cause.Actor, Reason: e.Cause.Reason, Why: e.Cause.Note, Entry: e.Number, Run: e.Cause.Run,
	}
	if event.Why == "" && e.Cause.Reason != "" {
		event.Why = plan.Reason(e.Cause.Reason).Text()
	}
	if r, kept := t.requests[e.Request]; kept {
		event.Request = requestOf(&r, own)
	}
	return event
}

// names tells whether an entry's JSON names a member.
func names(object []byte, id state.ID) bool { return bytes.Contains(object, []byte(`"`+id+`"`)) }

// What says in a word what a journal entry did to a record. Where only its life changed, it is what an operator does for it.
func What(verb state.Verb, after []byte) string {
	if verb != state.VerbLife {
		return string(verb)
	}
	var words []string
	for _, f := range Resource(after).Fields {
		on := f.Value.Bool
		switch {
		case f.Name == "staged" && on:
			words = append(words, "stage")
		case f.Name == "pinned" && on:
			words = append(words, "pin")
		case f.Name == "pinned":
			words = append(words, "unpin")
		case f.Name == "protected" && on:
			words = append(words, "protect")
		case f.Name == "protected":
			words = append(words, "unprotect")
		case f.Name == "link" && f.Value.Text != "":
			words = append(words, "link")
		case f.Name == "link":
			words = append(words, "release")
		}
	}
	if len(words) == 0 {
		return string(verb)
	}
	return strings.Join(words, ", ")
}

// changesOf lists what an entry changed, value by value: an object's parts each for itself. What was said is told only where it is not
// what is in force.
func changesOf(e *state.Entry) []Change {
	before, after := Resource(e.Before), Resource(e.After)
	inForce := after.Get("inForce").Kind != scim.Null || before.Get("inForce").Kind != scim.Null
	agree := before.Get("said").Equal(before.Get("inForce")) && after.Get("said").Equal(after.Get("inForce"))
	var changes []Change
	add := func(path string, was, is scim.Value) {
		if !was.Equal(is) {
			changes = append(changes, Change{Path: path, Before: was.AppendJSON(nil), After: is.AppendJSON(nil)})
		}
	}
	for _, name := range fieldNames(before, after) {
		was, is := before.Get(name), after.Get(name)
		switch {
		case name == "schemas", name == "said" && inForce && agree:
		case name == "inForce":
			add("active", was, is)
		case (was.Kind == scim.Object || is.Kind == scim.Object) && name != "members":
			separator := "."
			if strings.HasPrefix(name, "urn:") {
				separator = ":" // RFC 7644 §3.10
			}
			for _, sub := range fieldNames(was, is) {
				add(name+separator+sub, was.Get(sub), is.Get(sub))
			}
		default:
			add(name, was, is)
		}
	}
	return changes
}

// fieldNames lists the names of two objects' fields, each once, those of the second first.
func fieldNames(before, after scim.Value) []string {
	var list []string
	for _, f := range slices.Concat(after.Fields, before.Fields) {
		if !slices.Contains(list, f.Name) {
			list = append(list, f.Name)
		}
	}
	return list
}

// events are what a run planned for somebody and did not carry out, and what it noticed. What it changed is in the journal, and what it
// held in the plan.
func (r *runTrace) events() []Event {
	event := func(what, reason, why string) Event {
		return Event{At: r.StartedAt, What: what, By: state.CausePull, Actor: r.Actor, Reason: reason, Why: why, Run: r.ID}
	}
	var events []Event
	for _, c := range r.changes {
		e := event(WhatNotApplied, string(c.Reason), c.Action.Text()+", "+c.Reason.Text()+": "+c.Detail)
		switch {
		case c.Outcome == "applied", c.Held && r.Plan != "":
			continue
		case c.Held:
			e.What, e.Why = WhatPlanned, c.Action.Text()+", "+c.Reason.Text()+": "+c.HeldBecause.Text()
		case c.Outcome == "":
			e.Why = c.Action.Text() + ", " + c.Reason.Text() + ": the run ended before"
		}
		e.Witnesses, e.Changes = c.Witnesses, planned(&c.Change)
		events = append(events, e)
	}
	for _, n := range r.notices {
		events = append(events, event(WhatNoticed, string(n.Kind), noticeText(&n)))
	}
	return events
}

func noticeText(n *plan.Notice) string {
	text := n.Kind.Text()
	if !n.Since.IsZero() {
		text += ", since " + When(n.Since)
	}
	if n.Detail != "" {
		text += ": " + n.Detail
	}
	return text
}

// planned lists what a change would alter.
func planned(c *plan.Change) []Change {
	changes := make([]Change, len(c.Fields))
	for i, f := range c.Fields {
		changes[i] = Change{Path: f.Path, Before: f.Before, After: f.After}
	}
	return changes
}

// actorOf returns who started a run that has something of the subject's; "" = it is not kept.
func (t *traces) actorOf(run string) string {
	i := slices.IndexFunc(t.runs, func(r runTrace) bool { return r.ID == run })
	if i < 0 {
		return ""
	}
	return t.runs[i].Actor
}

// planEvents are the plans that held something of somebody's, and what became of each. Plans that follow each other with the same are
// one.
func (t *traces) planEvents() []Event {
	var events []Event
	for i := range slices.Backward(t.plans) {
		p := &t.plans[i]
		for _, c := range p.changes {
			e := Event{
				At: p.CreatedAt, What: WhatHeld, By: state.CausePull, Actor: t.actorOf(p.Run), Reason: string(c.Reason), Why: c.Action.Text() + ", " + c.Reason.Text() + ": " + c.HeldBecause.Text(),
				Run: p.Run, Plan: p.ID, Witnesses: c.Witnesses, Changes: planned(&c),
			}
			if c.Group != nil {
				e.Group = &Group{ID: c.Group.ID, Name: c.Name}
			}
			if i+1 == len(t.plans) || t.plans[i+1].Status != state.PlanReplaced || !t.plans[i+1].has(&c) {
				events = append(events, e)
			}
			decided := Event{At: p.DecidedAt, By: state.CauseApproval, Actor: p.DecidedBy, Reason: e.Reason, Why: c.Action.Text() + ", " + c.Reason.Text(), Plan: p.ID, Group: e.Group}
			switch p.Status {
			case state.PlanApproved:
				decided.What = WhatApproved
			case state.PlanDiscarded:
				decided.What = WhatDiscarded
			case state.PlanReplaced:
				if i > 0 && t.plans[i-1].has(&c) {
					continue
				}
				decided.What, decided.By, decided.Actor = WhatReplaced, state.CausePull, ""
				decided.Why += ": a later run no longer asked for it"
			default:
				continue
			}
			events = append(events, decided)
		}
	}
	return events
}

// has tells whether a plan holds what another one holds of the same person.
func (p *planTrace) has(c *plan.Change) bool {
	return slices.ContainsFunc(p.changes, func(o plan.Change) bool {
		same := o.Action == c.Action && o.Reason == c.Reason && (o.Group == nil) == (c.Group == nil)
		return same && (o.Group == nil || o.Group.ID == c.Group.ID)
	})
}

// requestOf is a request as it is told, with what was sent only if that is about nobody else.
func requestOf(r *state.Request, own bool) *Request {
	out := &Request{ID: r.ID, At: r.At, Key: r.KeyID, Method: r.Method, Path: r.Path, Status: r.Status, Detail: r.Detail}
	if own {
		out.Body, out.Answer = asJSON(r.Body), asJSON(r.Answer)
	}
	return out
}

// asJSON returns a text that was kept as JSON: as it is, or, where it was cut or is none, as a string.
func asJSON(text []byte) json.RawMessage {
	if len(text) == 0 {
		return nil
	}
	if json.Valid(text) {
		return json.RawMessage(text)
	}
	quoted, err := json.Marshal(string(text))
	if err != nil {
		return nil // a string always can be
	}
	return quoted
}

// WitnessText says in words what a change rests on: the fact, and how it came to be known.
func WitnessText(w plan.Witness) string {
	fact := plan.Reason(w.Fact).Text()
	if w.Fact == plan.FactUnexplained {
		return "explained by nobody in the pull of " + When(w.At)
	}
	switch w.How {
	case plan.ByAbsence:
		return "missing from the pull of " + When(w.At)
	case plan.ByPull:
		return fact + ", read by the pull of " + When(w.At)
	case plan.ByLook:
		return fact + ", looked up by object id at " + When(w.At)
	case plan.ByAccount:
		return fact + ": the provider keeps the account's id"
	case plan.ByExternalID:
		return fact + ": the account keeps the object id"
	case plan.ByMatch:
		return fact + ": by the mapping's match attributes"
	}
	return fact + ", by " + string(w.How) + " at " + When(w.At)
}

// factText says in words what a fact that is remembered means.
func factText(fact string) string {
	if f, ofMember := plan.ReadMemberFact(fact); ofMember {
		switch f.Kind {
		case plan.MemberLeft:
			return "not in a group at the source, waits to be confirmed"
		case plan.MemberJoin:
			return "somebody discarded that they be added to a group"
		case plan.MemberLeave:
			return "somebody discarded that they be removed from a group"
		}
		return "about a group"
	}
	switch reason, discarded := strings.CutPrefix(fact, plan.DiscardedPrefix); {
	case discarded:
		reason, _, _ = strings.Cut(reason, ":")
		return "somebody discarded a change: " + plan.Reason(reason).Text()
	case strings.HasPrefix(fact, plan.FreshPrefix):
		return plan.Fresh.Text()
	case fact == string(plan.FactAbsent):
		return "missing from a pull, waits to be confirmed"
	case fact == string(plan.FactGone):
		return plan.GoneOnce.Text()
	}
	return plan.NoticeKind(fact).Text()
}
