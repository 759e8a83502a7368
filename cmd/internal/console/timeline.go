package console

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"html"
	"slices"
	"strconv"
	"strings"
	"time"

	"rollcall/state"
	"rollcall/sync/explain"
	"rollcall/sync/plan"
)

// What a page of a time line is bounded by.
const (
	eventsRead  = 100    // events
	lineSize    = 52_000 // bytes of HTML
	sentSize    = 20_000 // of them for what was sent and answered
	linesOfOne  = 12     // values of one event
	witnessMax  = 6      // witnesses of one event
	requestSize = 2_000  // bytes of a request or an answer
)

// timeline is a page of what happened, the newest first.
type timeline struct {
	Moments []moment
	At      pages
}

// moment is one thing that happened.
type moment struct {
	At        time.Time
	What      string
	Tone      string
	By        string
	Why       string
	Group     link // that was joined or left
	Lines     []diffLine
	More      int // values beyond those
	Witnesses []witnessLine
	Run, Plan string
	Times     int
	Until     time.Time
	Request   *requestView
}

// requestView is a push with what was sent and answered, as far as there is room for it; its own page has the rest.
type requestView struct {
	ID           string
	Line         string
	Status       int
	Detail       string
	Body, Answer string
}

// happened says what happened in a word that begins a line, and its tone.
var happened = map[string]struct{ word, tone string }{
	string(state.VerbCreate): {"Created", "ok"}, string(state.VerbUpdate): {"Changed", ""}, string(state.VerbDeactivate): {"Deactivated", "warn"},
	string(state.VerbReactivate): {"Reactivated", "ok"}, string(state.VerbMembers): {"Members changed", ""}, string(state.VerbLife): {"Noted", ""},
	string(state.VerbDelete): {"Deleted", "warn"}, string(state.VerbPurge): {"Purged", "bad"}, string(state.VerbRestore): {"Restored", "ok"},
	"stage": {"Staged", "warn"}, "pin": {"Pinned", "info"}, "unpin": {"Unpinned", "info"}, "protect": {"Protected", "info"},
	"unprotect": {"Protection taken away", "info"}, "link": {"Linked", ""}, "release": {"Released", ""},
	explain.WhatJoined: {"Joined", "ok"}, explain.WhatLeft: {"Left", "warn"}, explain.WhatRefused: {"Push refused", "bad"},
	explain.WhatHeld: {"Held", "warn"}, explain.WhatApproved: {"Approved", "ok"}, explain.WhatDiscarded: {"Discarded", ""},
	explain.WhatReplaced: {"No longer asked for", ""}, explain.WhatNotApplied: {"Not carried out", "warn"}, explain.WhatPlanned: {"Planned only", "info"},
	explain.WhatNoticed: {"Noticed", "info"},
}

// timeline shows events, of which the oldest comes first, from the newest on, those left out that come before the page.
func (c *Console) timeline(events []explain.Event, from int, older bool, path string) timeline {
	newest := max(len(events)-from, 0)
	var line timeline
	size, sent := 0, 0
	for _, e := range slices.Backward(events[:newest]) {
		m := newMoment(&e, sentSize-sent)
		sent += m.sent()
		if size += m.size(); size > lineSize && len(line.Moments) > 0 {
			break
		}
		line.Moments = append(line.Moments, m)
	}
	shown := len(line.Moments)
	if from > 0 {
		line.At.First = path
	}
	if shown < newest || older && shown > 0 {
		line.At.Next = path + "?from=" + strconv.Itoa(from+shown)
	}
	return line
}

// newMoment tells an event, and its request in so many bytes.
func newMoment(e *explain.Event, room int) moment {
	m := moment{At: e.At, Why: harmless(e.Why), By: byWhom(e), Run: e.Run, Plan: e.Plan, Times: e.Times}
	var words []string
	for _, part := range strings.Split(e.What, ", ") {
		h := happened[part]
		words = append(words, cmp.Or(h.word, capital(strings.ReplaceAll(part, "_", " "))))
		m.Tone = cmp.Or(m.Tone, h.tone)
	}
	m.What = words[0]
	for _, word := range words[1:] {
		m.What += ", " + strings.ToLower(word)
	}
	if e.Group != nil {
		m.Group = link{pageOf("", e.Group.ID), harmless(cmp.Or(e.Group.Name, string(e.Group.ID)))}
	}
	if e.Until != nil {
		m.Until = *e.Until
	}
	for i, change := range e.Changes {
		if m.More = len(e.Changes) - i; i == linesOfOne {
			break
		}
		m.More--
		m.Lines = append(m.Lines, diffLine{shortPath(change.Path), emptied(change.Before), emptied(change.After)})
	}
	m.Witnesses = witnessLines(plan.Reason(e.Reason), e.Witnesses[:min(len(e.Witnesses), witnessMax)])
	if e.Request != nil {
		m.Request = newRequestView(e.Request, room)
	}
	return m
}

// shortPath is an attribute's path without the URN of its schema.
func shortPath(path string) string {
	if strings.HasPrefix(path, "urn:") {
		path = path[strings.LastIndexByte(path, ':')+1:]
	}
	return harmless(path)
}

// emptied is a value as people read it; an empty text is none.
func emptied(value json.RawMessage) string {
	if string(value) == `""` {
		return ""
	}
	return shownValue(value)
}

// byWhom says in which way an event came in, and from whom.
func byWhom(e *explain.Event) string {
	actor := harmless(e.Actor)
	switch e.By {
	case state.CausePush:
		return strings.TrimSuffix("the provider pushed, key "+actor, ", key ")
	case state.CausePull:
		if actor == "" || actor == "schedule" {
			return "a scheduled pull"
		}
		return "a pull, started by " + actor
	case state.CauseUndo:
		return strings.TrimSpace("an undo by " + actor)
	}
	return actor
}

func newRequestView(r *explain.Request, room int) *requestView {
	v := &requestView{ID: r.ID, Line: harmless(r.Method + " " + r.Path), Status: r.Status, Detail: harmless(r.Detail)}
	if len(v.Line) > requestSize/4 {
		v.Line = cutBytes(v.Line, requestSize/4)
	}
	v.Body = readable(r.Body, room)
	v.Answer = readable(r.Answer, room-len(v.Body))
	return v
}

// readable is JSON with its lines broken, cut where it is long; "" where there is no room for it.
func readable(text json.RawMessage, room int) string {
	if len(text) == 0 || room <= requestSize/10 {
		return ""
	}
	var b bytes.Buffer
	if json.Indent(&b, text, "", "  ") != nil {
		return ""
	}
	lines := strings.Split(b.String(), "\n")
	for i := range lines {
		lines[i] = harmless(lines[i])
	}
	return cutBytes(strings.Join(lines, "\n"), min(room, requestSize))
}

// size is about how many bytes of HTML the moment takes.
func (m *moment) size() int {
	const markup, lineMarkup, requestMarkup = 240, 50, 220
	size := markup
	for _, text := range []string{m.What, m.By, m.Why, m.Group.Text, m.Group.URL, m.Run, m.Plan} {
		size += len(html.EscapeString(text))
	}
	for _, l := range m.Lines {
		size += lineMarkup + len(html.EscapeString(l.Label+l.Before+l.After))
	}
	for i := range m.Witnesses {
		size += m.Witnesses[i].size()
	}
	if r := m.Request; r != nil {
		size += requestMarkup + len(html.EscapeString(r.Line+r.Detail)) + m.sent()
	}
	return size
}

// sent is how much of that is what was sent and answered.
func (m *moment) sent() int {
	if m.Request == nil {
		return 0
	}
	return len(html.EscapeString(m.Request.Body + m.Request.Answer))
}

// Often says how often it happened, where that is more than once.
func (m *moment) Often() string {
	if m.Times < 2 {
		return ""
	}
	return fmt.Sprintf("%d times", m.Times)
}
